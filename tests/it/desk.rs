//! What the pages of those who keep a node in order ask for: devices, forwarding, orders, and what corrections do not
//! reach.

use crate::support::dicom::Elements;
use crate::support::node::Org;
use crate::support::programs::{dcmtk, dcmtk_as};
use crate::support::{Ct, Node, Part10, wait_for};
use serde_json::{Value as Json, json};
use std::time::Duration;

const CORRECTORS: &str = "archivist";

fn device(list: &Json, title: &str) -> Json {
    let all = list["devices"].as_array().expect("a list");
    all.iter().find(|device| device["ae_title"] == title).expect("the device").clone()
}

#[test]
fn a_device_is_listed_with_its_rules_and_when_it_called() {
    let node = Node::start("desk-devices");
    let list = || node.person("coordinator").get("/api/v1/devices").expect(200).json();
    assert_eq!(list()["node_ae_title"], "FARSIGHT");
    let set =
        ["ae", "set", "CITYREAD", "--from", "127.0.0.0/8", "--rights", "store", "--contact", "127.0.0.1:1"];
    node.command(&set).expect_success();
    let seen = device(&list(), "CITYREAD");
    assert_eq!(seen["source_addresses"], json!(["127.0.0.0/8"]));
    assert_eq!((&seen["rights"], &seen["last_seen_at"]), (&json!(["store"]), &Json::Null));
    assert_eq!(seen["contact"]["port"], 1);
    dcmtk_as(&node, "CITYREAD", "echoscu", &[]).expect_success();
    wait_for("the call to be noted", Duration::from_secs(10), || {
        (device(&list(), "CITYREAD")["last_seen_from"] == "127.0.0.1").then_some(())
    });
    let titles: Vec<Json> =
        list()["devices"].as_array().expect("a list").iter().map(|d| d["ae_title"].clone()).collect();
    assert_eq!(titles, [json!("CITYREAD")], "those of the own organisation only");

    // The administrator tests the line without seeing patients; nobody answers at port 1.
    node.person("admin").post("/api/v1/remotes/CITYREAD/echo", &json!({})).expect_problem(502, "peer");
    node.person("admin").post("/api/v1/remotes/TOWNSHIP/echo", &json!({})).expect_problem(404, "not-found");
    for login in ["township", "reader", "archivist", "auditor"] {
        node.person(login).get("/api/v1/devices").expect_problem(403, "forbidden");
    }
}

#[test]
fn a_coordinator_watches_the_queue_and_changes_no_rule() {
    let node = Node::shared();
    let (coordinator, rule) = (node.person("coordinator"), json!({"destination": "NOBODY"}));
    coordinator.get("/api/v1/forwarding").expect(200);
    coordinator.get("/api/v1/forwarding/rules").expect(200);
    coordinator.put("/api/v1/forwarding/rules/x", &rule).expect_problem(403, "forbidden");
    coordinator.delete("/api/v1/forwarding/1").expect_problem(403, "forbidden");
    coordinator.delete("/api/v1/forwarding/rules/x").expect_problem(403, "forbidden");
    node.person("admin").put("/api/v1/forwarding/rules/x", &rule).expect_problem(422, "invalid");
    node.person("township").get("/api/v1/forwarding").expect_problem(403, "forbidden");
}

fn wish(accession: &str, modality: &str) -> Json {
    json!({
        "patient": {"id": accession, "name": "Zhang^San=张^三"},
        "accession_number": accession,
        "step": {"modality": modality, "start_date": "20310203", "start_time": "0930"},
    })
}

#[test]
fn a_file_of_orders_is_placed_and_the_preview_is_what_findscu_gets() {
    let node = Node::shared();
    let uploader = node.person("uploader");
    let import =
        |body: Vec<u8>| uploader.post_bytes("/api/v1/orders/import", "application/octet-stream", body);
    let file = json!([wish("DESK1", "CT"), wish("DESK2", "ct"), wish("DESK3", "MR")]);
    let done = import(serde_json::to_vec(&file).expect("JSON")).expect(200).json();
    assert_eq!((&done["placed"], &done["changed"]), (&json!(2), &json!(0)), "{done}");
    assert_eq!(
        done["refused"],
        json!([{"position": 2, "field": "step.modality", "code": "modality",
        "why": "a modality such as CT, at most 16 capital letters and digits"}])
    );
    let again = import(serde_json::to_vec(&wish("DESK1", "CT")).expect("JSON")).expect(200).json();
    assert_eq!((&again["placed"], &again["changed"]), (&json!(0), &json!(1)));
    import(b"PK\x03\x04".to_vec()).expect_problem(422, "invalid");
    import(vec![b' '; 17 << 20]).expect_problem(413, "too-large");
    node.person("reader").post_bytes("/api/v1/orders/import", "application/json", b"[]".to_vec()).expect(403);

    let preview = |query: &str| {
        let path = format!("/api/v1/worklist?date=20310203{query}");
        uploader.get(&path).expect(200).json()["rows"].as_array().expect("rows").clone()
    };
    assert_eq!(preview("").len(), 2);
    let rows = preview("&modality=CT");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["00080050"]["Value"][0], "DESK1");
    assert_eq!(rows[0]["00100010"]["Value"][0]["Ideographic"], "张^三");
    assert_eq!(rows[0]["00400100"]["Value"][0]["00400003"]["Value"][0], "0930");
    uploader.get("/api/v1/worklist?date=yesterday").expect_problem(422, "invalid");
    node.person("admin").get("/api/v1/worklist").expect_problem(403, "forbidden");

    let keys = [
        "-W",
        "-k",
        "AccessionNumber",
        "-k",
        "ScheduledProcedureStepSequence[0].Modality=CT",
        "-k",
        "ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate=20310203",
    ];
    let answer = dcmtk(node, "findscu", &keys).expect_success();
    let said = answer.stdout + &answer.stderr;
    assert!(said.contains("DESK1") && !said.contains("DESK3"), "{said}");
    // Another organisation's modality and people see none of it.
    assert!(
        node.person("reader").get("/api/v1/worklist?date=20310203").expect(200).json()["rows"] == json!([])
    );
}

#[test]
fn what_is_hidden_is_listed_for_its_archivist_alone() {
    let node = Node::shared();
    let images = Ct::new().series_of(3);
    let files: Vec<Part10> = images.iter().map(Ct::file).collect();
    node.machine(Org::Township).stow(&files).expect(200);
    let (archivist, study) = (node.person(CORRECTORS), &images[0].study);
    let hidden = || {
        let list = archivist.get(&format!("/api/v1/hidden?study={study}")).expect(200).json();
        list["studies"].as_array().expect("a list").clone()
    };
    assert!(hidden().is_empty());
    let correction = json!({"kind": "hide", "study": study, "instances": [images[1].instance]});
    let body = json!({"correction": correction, "reason": {"code": "quality", "text": "moved"}});
    let made = archivist.post("/api/v1/corrections", &body).expect(201).json();
    assert_eq!(made["made_by_name"], "林静");
    let [one] = &hidden()[..] else { panic!("one study") };
    assert_eq!(
        (&one["patient_id"], &one["series"][0]["hidden_count"]),
        (&json!(images[0].patient_id), &json!(1))
    );
    node.person("township").get("/api/v1/hidden").expect_problem(403, "forbidden");
    let undo = format!("/api/v1/corrections/{}/undo", made["id"].as_str().expect("an id"));
    archivist.post(&undo, &json!({"code": "other", "text": "it was good"})).expect(200);
    // The rejection note that was made of it is hidden in its turn, which is nobody's concern.
    assert_eq!(hidden(), Vec::<Json>::new());
}

#[test]
fn where_a_correction_does_not_reach_is_said() {
    const BURNED_IN: u32 = 0x0028_0301;
    /// (0028,1050) as it is written: what follows Burned In Annotation.
    const WINDOW_CENTER: [u8; 4] = [0x28, 0x00, 0x50, 0x10];
    let node = Node::shared();
    let plain = Ct::new();
    let burned = Ct { study: plain.study.clone(), ..Ct::new() };
    assert_ne!(plain.series, burned.series);
    let mut data_set = burned.data_set().bytes;
    let place = data_set.windows(4).position(|four| four == WINDOW_CENTER).expect("a window");
    data_set.splice(place..place, Elements::default().text(BURNED_IN, "CS", "YES").bytes);
    let file = Part10::new(&burned.instance, data_set);
    node.machine(Org::Township).stow(&[plain.file(), file]).expect(200);
    let path = format!("/api/v1/studies/{}/identity-in-content", plain.study);
    let said = node.person(CORRECTORS).get(&path).expect(200).json();
    let series = said["series"].as_array().expect("a list");
    assert_eq!(series.len(), 1, "{said}");
    assert_eq!(
        (&series[0]["series_instance_uid"], &series[0]["kinds"]),
        (&json!(burned.series), &json!(["burned_in"]))
    );
    node.person("township").get(&path).expect_problem(403, "forbidden");
    node.person(CORRECTORS)
        .get("/api/v1/studies/2.25.1/identity-in-content")
        .expect_problem(404, "not-found");
}
