//! Two hospitals: a doctor of one opens a patient of the other in an emergency.

use crate::support::node::Org;
use crate::support::{Client, Ct, Node, wait_for};
use serde_json::json;
use std::time::Duration;

const PASSWORD: &str = "quiet heron 31";

fn account(node: &Node, login: &str, org: &str, role: &str) -> Client {
    let add = ["user", "add", login, login, "--org", org, "--roles", role, "--invite"];
    let link = node.command(&add).expect_success().stdout;
    let secret = link.trim().split_once('#').expect("a link with a secret").1.to_owned();
    let take = json!({"secret": secret, "password": PASSWORD});
    node.nobody().post("/api/v1/invitations/take", &take).expect(204);
    Client::logged_in(node.base_url(), login, PASSWORD)
}

#[test]
fn a_doctor_of_another_hospital_reads_one_study_and_its_security_officer_ends_it() {
    let node = Node::start("emergency");
    node.command(&["org", "add", "linxi", "临溪县医院", "--kind", "hospital"]).expect_success();
    let township = node.id_of(Org::Township);
    let doctor = account(&node, "linxi-doctor", "linxi", "requester");
    let colleague = account(&node, "linxi-reader", "linxi", "reader");
    let security = account(&node, "township-security", township, "security_officer");
    let (ct, other) = (Ct::new(), Ct::new());
    node.machine(Org::Township).stow(&[ct.file(), other.file()]).expect(200);

    let asking = json!({
        "organisation": township, "by": "accession", "number": ct.accession, "reason": "昏迷患者急诊入院，需要既往影像",
    });
    doctor.post("/api/v1/emergency", &asking).expect_problem(404, "not-found");
    security.put("/api/v1/emergency/setting", &json!({"is_allowed": true})).expect(200);
    let opened = doctor.post("/api/v1/emergency", &asking).expect(201).json();
    assert_eq!(opened["studies"][0]["study_instance_uid"], json!(ct.study));

    // To the pixels, and no further.
    doctor.get(&format!("{}/frames/1", ct.path())).expect(200);
    doctor.get(&format!("/api/v1/studies/{township}/{}", ct.study)).expect(200);
    doctor.get(&format!("{}/frames/1", other.path())).expect(404);
    colleague.get(&format!("{}/frames/1", ct.path())).expect(404);
    assert_eq!(doctor.get("/api/v1/studies").expect(200).json()["studies"], json!([]));

    let notices = security.get("/api/v1/notices").expect(200).json();
    assert_eq!(notices["notices"][0]["what"], json!("emergency"));
    let id = opened["id"].as_str().expect("an id");
    let verdict = json!({"is_justified": false, "note": "患者不在急诊"});
    security.post(&format!("/api/v1/emergency/{id}/review"), &verdict).expect(200);
    doctor.get(&format!("{}/frames/1", ct.path())).expect(404);

    // Who has looked at the patient: the owner's auditor finds it, marked.
    let auditor = account(&node, "township-auditor", township, "auditor");
    let viewer = format!("-e{id}");
    wait_for("the marked events", Duration::from_secs(10), || {
        let path = format!("/api/v1/audit?patient_id={}&limit=200", ct.patient_id);
        let events = auditor.get(&path).expect(200).json();
        let events = events["events"].as_array().expect("events").clone();
        events.iter().any(|event| event["organisation"] == json!(viewer)).then_some(())
    });
}
