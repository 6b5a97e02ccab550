//! One person whom two hospitals know by numbers of their own, and a centre that reads for both.

use crate::support::node::Org;
use crate::support::{Client, Ct, Node, wait_for};
use serde_json::{Value as Json, json};
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(20);
const PASSWORD: &str = "quiet heron 31";

/// A second hospital with a doctor, an archivist and an agreement.
fn second_hospital(node: &Node) -> (Client, Client) {
    node.command(&["org", "add", "linxi", "临溪县医院", "--kind", "hospital"]).expect_success();
    let city = node.id_of(Org::City);
    node.command(&[
        "agreement",
        "add",
        "--requesting",
        "linxi",
        "--reading",
        city,
        "--signatures",
        "single",
        "--auto-accept",
    ])
    .expect_success();
    let account = |login: &str, roles: &str| {
        let add = ["user", "add", login, login, "--org", "linxi", "--roles", roles, "--invite"];
        let link = node.command(&add).expect_success().stdout;
        let secret = link.trim().split_once('#').expect("a link with a secret").1.to_owned();
        let take = json!({"secret": secret, "password": PASSWORD});
        node.nobody().post("/api/v1/invitations/take", &take).expect(204);
        Client::logged_in(node.base_url(), login, PASSWORD)
    };
    (account("linxi-doctor", "requester,uploader"), account("linxi-archivist", "archivist"))
}

fn ask(node: &Node, doctor: &Client, org: &str, ct: &Ct) -> String {
    doctor.post_bytes("/api/v1/uploads", "application/dicom", ct.file().bytes).expect(201);
    let question = json!({
        "reading_organisation": node.id_of(Org::City), "kind": "diagnosis", "urgency": "urgent",
        "study": {"org": org, "study_instance_uid": ct.study},
        "question": "结节性质？", "history": "体检发现", "consent": true,
    });
    let draft = doctor.post("/api/v1/consults", &question).expect(201).json();
    let id = draft["id"].as_str().expect("an id").to_owned();
    doctor.post(&format!("/api/v1/consults/{id}/submit"), &json!({"version": draft["version"]})).expect(200);
    id
}

fn step(person: &Client, id: &str, action: &str, more: &Json) -> Json {
    let path = format!("/api/v1/consults/{id}");
    let mut body = more.clone();
    body["version"] = person.get(&path).expect(200).json()["version"].clone();
    person.post(&format!("{path}/{action}"), &body).expect(200).json()
}

fn report(node: &Node, reader: &Client, id: &str) {
    step(reader, id, "claim", &json!({}));
    let path = format!("/api/v1/consults/{id}");
    let version = &reader.get(&path).expect(200).json()["version"];
    let text =
        json!({"findings": "左肺上叶结节。", "diagnosis": "考虑炎性结节。", "recommendation": "复查。"});
    reader.put(&format!("{path}/report"), &json!({"version": version, "report": text})).expect(200);
    let preview = reader.get(&format!("{path}/report/preview")).expect(200).json();
    let signing = json!({
        "canonical_sha256": preview["canonical_sha256"], "passphrase": node.account("reader")["signing_passphrase"],
    });
    step(reader, id, "sign", &signing);
}

fn found(person: &Client, q: &str) -> Json {
    let page = person.get(&format!("/api/v1/patients?q={q}")).expect(200).json();
    let people = page["patients"].as_array().expect("patients");
    assert_eq!(people.len(), 1, "{page}");
    people[0].clone()
}

fn count(person: &Json) -> usize {
    person["identities"].as_array().expect("identities").len()
}

#[test]
fn a_person_of_two_hospitals_is_one_for_whoever_sees_both_and_nobody_else() {
    let node = Node::start("patients");
    let (linxi, linxi_archivist) = second_hospital(&node);
    let (township, city) = (node.person("township"), node.person("city-archivist"));
    let reader = node.person("reader");
    let here = Ct { patient_name: "欧阳^雪".into(), ..Ct::new() };
    let there = Ct { patient_name: "OUYANG XUE".into(), patient_id: "L0000042".into(), ..Ct::new() };

    let first = ask(&node, &township, node.id_of(Org::Township), &here);
    report(&node, &reader, &first);
    let second = ask(&node, &linxi, "linxi", &there);

    // The queue of whoever sees both, and of nobody else.
    let pair = wait_for("the pair", WITHIN, || {
        city.get("/api/v1/patient-pairs").expect(200).json()["pairs"].get(0).cloned()
    });
    assert_eq!(pair["signs"], json!(["name_pinyin", "birth_date", "sex"]));
    for archivist in [&node.person("archivist"), &linxi_archivist] {
        assert_eq!(archivist.get("/api/v1/patient-pairs").expect(200).json()["pairs"], json!([]));
    }
    reader.get("/api/v1/patient-pairs").expect_problem(403, "forbidden");
    let decision = json!({
        "one": pair["one"]["id"], "other": pair["other"]["id"], "verdict": "same", "seen": pair["last_act"],
        "reason": "电话核实",
    });
    linxi_archivist.post("/api/v1/patient-decisions", &decision).expect_problem(404, "not-found");

    let priors = format!("/api/v1/consults/{second}/prior-reports");
    step(&reader, &second, "claim", &json!({}));
    assert_eq!(reader.get(&priors).expect(200).json()["reports"], json!([]), "not linked yet");
    let linked = city.post("/api/v1/patient-decisions", &decision).expect(200).json();
    assert_eq!((&linked["state"], &linked["is_decided"]), (&json!("linked"), &json!(true)));
    city.post("/api/v1/patient-decisions", &decision).expect_problem(409, "conflict");

    // The expert finds the person by either number, with the studies of both, and the earlier report beside the new one.
    let person = found(&reader, "L0000042");
    assert_eq!(count(&person), 2);
    let id = person["identities"][0]["id"].as_str().expect("an id");
    let path = format!("/api/v1/patients/{id}");
    assert_eq!(reader.get(&path).expect(200).json()["studies"].as_array().expect("studies").len(), 2);
    assert_eq!(reader.get(&priors).expect(200).json()["reports"][0]["consult_id"], json!(first));

    // Each hospital goes on seeing its own alone, and cannot tell the other's from one that never was.
    assert_eq!(count(&found(&linxi, "L0000042")), 1);
    assert_eq!(count(&found(&township, &here.patient_id)), 1);
    let (theirs, never) =
        (township.get(&path), township.get(&format!("/api/v1/patients/{}", "0".repeat(32))));
    let shape = |answer: Json| [answer["type"].clone(), answer["title"].clone(), answer["detail"].clone()];
    assert_eq!((theirs.status, never.status), (404, 404));
    assert_eq!(shape(theirs.json()), shape(never.json()));

    // Taking it back leaves everything as it was.
    let acts = city.get("/api/v1/patient-decisions").expect(200).json();
    let act = &acts["decisions"][0];
    assert_eq!(
        (&act["by_name"], &act["reason"], &act["can_undo"]),
        (&json!("何敏"), &json!("电话核实"), &json!(true))
    );
    let undo = format!("/api/v1/patient-decisions/{}/undo", act["act"]);
    linxi_archivist.post(&undo, &json!({})).expect_problem(404, "not-found");
    city.post(&undo, &json!({})).expect(204);
    assert_eq!(count(&found(&reader, "L0000042")), 1);
    assert_eq!(reader.get(&priors).expect(200).json()["reports"], json!([]));
    let again = city.get("/api/v1/patient-pairs").expect(200).json()["pairs"][0].clone();
    assert_eq!((&again["one"], &again["other"]), (&pair["one"], &pair["other"]));

    let events = node.person("auditor").get("/api/v1/audit?action=correct&limit=50").expect(200).json();
    let of = |word: &str| {
        let all = events["events"].as_array().expect("events").iter();
        all.filter(|event| event["detail"].as_str().is_some_and(|detail| detail.starts_with(word))).count()
    };
    assert_eq!((of("linked with"), of("undone with")), (2, 2), "{events}");
}
