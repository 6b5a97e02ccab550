//! What people measure on images: who sees whose, what is refused, and that DCMTK reads the exported report.

use crate::support::node::Org;
use crate::support::{Client, Ct, Node, run};
use serde_json::{Value as Json, json};

/// A CT of the township hospital, and the address of its measurements.
fn measured(node: &Node) -> (Ct, String) {
    let ct = Ct::new();
    node.machine(Org::Township).stow(&[ct.file()]).expect(200);
    let address = format!("/api/v1/studies/{}/{}/measurements", node.id_of(Org::Township), ct.study);
    (ct, address)
}

fn ellipse(ct: &Ct) -> Json {
    json!({
        "id": "2.25.4242", "kind": "ellipse", "series": ct.series, "instance": ct.instance, "frame": 1,
        "points": [[8.0, 2.0], [8.0, 6.0], [4.0, 4.0], [12.0, 4.0]],
        "values": [
            {"quantity": "area", "value": 25.13, "unit": "mm2"}, {"quantity": "mean", "value": 41.25, "unit": "HU"},
            {"quantity": "standard_deviation", "value": 5.5, "unit": "HU"},
        ],
        "text": "",
    })
}

fn length(ct: &Ct, text: &str) -> Json {
    json!({
        "id": "2.25.4243", "kind": "length", "series": ct.series, "instance": ct.instance, "frame": 1,
        "points": [[1.5, 1.5], [11.5, 1.5]], "values": [{"quantity": "length", "value": 7.0, "unit": "mm"}], "text": text,
    })
}

fn sheets(person: &Client, address: &str) -> Vec<Json> {
    person.get(address).expect(200).json()["sheets"].as_array().expect("a list").clone()
}

#[test]
fn a_sheet_is_saved_whole_and_never_over_what_was_not_read() {
    let node = Node::shared();
    let (ct, address) = measured(node);
    let township = node.person("township");
    assert_eq!(sheets(&township, &address), Vec::<Json>::new());
    let body = json!({"version": 0, "measurements": [ellipse(&ct), length(&ct, "结节")]});
    let saved = township.put(&address, &body).expect(200).json();
    assert_eq!((&saved["version"], &saved["own"]), (&json!(1), &json!(true)));
    assert_eq!(saved["measurements"], body["measurements"], "as it was measured");
    township.put(&address, &body).expect_problem(412, "stale");
    let less = json!({"version": 1, "measurements": [length(&ct, "")]});
    assert_eq!(township.put(&address, &less).expect(200).json()["version"], 2);
    assert_eq!(sheets(&township, &address)[0]["measurements"], less["measurements"]);
}

#[test]
fn what_does_not_fit_the_study_is_refused_by_name() {
    let node = Node::shared();
    let (ct, address) = measured(node);
    let (other, _) = measured(node);
    let township = node.person("township");
    let refused = |measurement: Json, field: &str| {
        let body = json!({"version": 0, "measurements": [measurement]});
        let problem = township.put(&address, &body).expect_problem(422, "invalid").json();
        assert_eq!(problem["field"], field);
    };
    refused(length(&other, ""), "instance");
    let with = |key: &str, value: Json| {
        let mut changed = length(&ct, "");
        changed[key] = value;
        changed
    };
    refused(with("frame", json!(2)), "instance");
    refused(with("frame", json!(0)), "frame");
    refused(with("points", json!([[1.0, 1.0]])), "points");
    refused(with("text", json!("长".repeat(401))), "text");
}

#[test]
fn the_two_sides_of_a_question_see_each_others_and_nobody_else_anything() {
    let node = Node::shared();
    let (ct, address) = measured(node);
    let (township, reader) = (node.person("township"), node.person("reader"));
    reader.get(&address).expect_problem(404, "not-found");
    let body = json!({"version": 0, "measurements": [length(&ct, "")]});
    reader.put(&address, &body).expect_problem(404, "not-found");
    township.put(&address, &body).expect(200);
    let question = json!({
        "reading_organisation": node.id_of(Org::City), "kind": "diagnosis", "urgency": "routine",
        "study": {"org": node.id_of(Org::Township), "study_instance_uid": ct.study},
        "question": "结节？", "history": "", "consent": true,
    });
    let draft = township.post("/api/v1/consults", &question).expect(201).json();
    let submit = format!("/api/v1/consults/{}/submit", draft["id"].as_str().expect("an id"));
    township.post(&submit, &json!({"version": draft["version"]})).expect(200);

    reader.put(&address, &json!({"version": 0, "measurements": [ellipse(&ct)]})).expect(200);
    let seen = sheets(&reader, &address);
    assert_eq!(seen.len(), 2);
    assert_eq!(seen.iter().filter(|sheet| sheet["own"] == true).count(), 1);
    assert_eq!(sheets(&township, &address).len(), 2, "the owner sees whom it has asked");
    // An uploader looks and does not keep.
    let uploader = node.person("uploader");
    uploader.put(&address, &json!({"version": 0, "measurements": []})).expect_problem(403, "forbidden");
}

#[test]
fn dcmtk_reads_the_exported_report() {
    let node = Node::shared();
    let (ct, address) = measured(node);
    let township = node.person("township");
    township.get(&format!("{address}.dcm")).expect_problem(422, "invalid");
    let body = json!({"version": 0, "measurements": [ellipse(&ct), length(&ct, "实性结节")]});
    township.put(&address, &body).expect(200);
    let file = crate::support::node::work_folder().join(format!("measurements-{}.dcm", ct.study));
    std::fs::write(&file, township.get(&format!("{address}.dcm")).expect(200).body).expect("a file");
    let dump = run("dsrdump", &["+U8", "+Pc", file.to_str().expect("UTF-8")]).expect_success().output();
    for words in
        ["Imaging Measurement Report", "Length", "7.0000", "Attenuation Coefficient", "41.2500", "实性结节"]
    {
        assert!(dump.contains(words), "{words} in\n{dump}");
    }
    // DCMTK's VR checker has no rules for UTF-8, and says so.
    let checked = dump.lines().filter(|line| !line.contains("VR checker does not support"));
    let complaints: Vec<&str> =
        checked.filter(|line| line.starts_with("W:") || line.starts_with("E:")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}
