//! Two hospitals: a doctor of one opens a patient of the other in an emergency.

use crate::support::node::Org;
use crate::support::{Client, Ct, Node, sample, wait_for};
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

/// A biopsy: the slide is looked at in the slide viewer, by its own addresses, without its label and for as long as it is open.
#[test]
fn a_doctor_of_another_hospital_looks_at_a_slide_until_the_access_ends() {
    const LASTS: Duration = Duration::from_secs(25);
    let data = crate::support::node::work_folder().join("emergency-slide");
    let node = Node::start_in("emergency-slide", &data, &["--no-samples", "--emergency-s", "25"]);
    node.command(&["org", "add", "linxi", "临溪县医院", "--kind", "hospital"]).expect_success();
    let township = node.id_of(Org::Township);
    let file = sample("demo/slides/CMU-1-Small-Region.svs");
    let patient = ["--patient-name", "李秀英", "--patient-id", "QH20260017"];
    let import = ["import", file.to_str().expect("UTF-8"), "--org", township];
    node.command(&[&import[..], &patient].concat()).expect_success();
    let slides = node.person("township").get("/api/v1/slides").expect(200).json();
    let id = slides["slides"][0]["id"].as_str().expect("an id").to_owned();

    let doctor = account(&node, "linxi-doctor", "linxi", "reader");
    let colleague = account(&node, "linxi-other", "linxi", "reader");
    let security = account(&node, "township-security", township, "security_officer");
    security.put("/api/v1/emergency/setting", &json!({"is_allowed": true})).expect(200);
    let faces = [
        format!("/api/v1/slides/{id}"),
        format!("/api/v1/slides/{id}/tiles/0/0/0"),
        format!("/api/v1/slides/{id}/tiles/0/0/0?as=jpeg"),
        format!("/api/v1/slides/{id}/dzi.dzi"),
        format!("/iiif/3/{id}/info.json"),
        format!("/iiif/3/{id}/0,0,256,256/max/0/default.jpg"),
        format!("/api/v1/slides/{id}/annotations"),
    ];
    for face in &faces {
        assert_eq!(doctor.get(face).status, 404, "{face}");
        // What is made of the slide for the first time takes its time before the clock runs.
        node.person("township").get(face).expect(200);
    }
    let asking = json!({
        "organisation": township, "by": "patient_id", "number": "QH20260017", "reason": "术中需要看既往活检切片",
    });
    let begun = std::time::Instant::now();
    let opened = doctor.post("/api/v1/emergency", &asking).expect(201).json();
    for face in &faces {
        let seen = doctor.get(face);
        assert_eq!(seen.status, 200, "{face}: {}", seen.text());
        assert_eq!(colleague.get(face).status, 404, "{face}");
    }
    // Whose it is stays in the study; the label, the scanner's file and everything that is written stay with the owner.
    let seen = doctor.get(&faces[0]).expect(200).json();
    assert_eq!((&seen["has_label"], &seen["has_overview"]), (&json!(false), &json!(false)));
    for path in ["associated/label", "original"] {
        assert_eq!(doctor.get(&format!("/api/v1/slides/{id}/{path}")).status, 404, "{path}");
    }
    let drawn = json!({"kind": "point", "points": [[1.0, 1.0]]});
    assert_eq!(doctor.post(&format!("/api/v1/slides/{id}/annotations"), &drawn).status, 404);
    assert_eq!(doctor.get("/api/v1/slides").expect(200).json()["slides"], json!([]), "in no list");
    assert!(begun.elapsed() < LASTS, "the machine is too slow for this test");

    wait_for("the access ends by itself", LASTS * 2, || (doctor.get(&faces[1]).status == 404).then_some(()));
    assert!(begun.elapsed() >= LASTS, "it ended early");
    for face in &faces {
        assert_eq!(doctor.get(face).status, 404, "{face}");
    }
    // The owner's auditor finds that it was looked at, marked.
    let auditor = account(&node, "township-auditor", township, "auditor");
    let viewer = format!("-e{}", opened["id"].as_str().expect("an id"));
    wait_for("the marked events", Duration::from_secs(10), || {
        let events = auditor.get("/api/v1/audit?patient_id=QH20260017&limit=200").expect(200).json();
        let events = events["events"].as_array().expect("events").clone();
        let is_look =
            |event: &serde_json::Value| event["organisation"] == json!(viewer) && event["action"] == "read";
        events.iter().any(is_look).then_some(())
    });
}
