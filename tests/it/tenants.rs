//! Whose is it: what a caller may not see does not exist.

use crate::support::node::Org;
use crate::support::{Answer, Client, Ct, Node};
use serde_json::json;

fn stored() -> (&'static Node, Ct) {
    let (node, ct) = (Node::shared(), Ct::new());
    node.machine(Org::Township).stow(&[ct.file()]).expect(200);
    (node, ct)
}

/// An answer without what differs by design: the opaque id, and the date.
fn shape(answer: &Answer) -> (u16, String, serde_json::Value) {
    let mut body = answer.json();
    body["instance"] = json!("…");
    (answer.status, answer.header("content-type").to_owned(), body)
}

#[test]
fn another_hospitals_study_is_a_404_like_one_that_was_never_stored() {
    let (node, ct) = stored();
    let never = Ct::new();
    let city = node.machine(Org::City);
    for (there, not_there) in [
        (ct.path(), never.path()),
        (format!("{}/metadata", ct.path()), format!("{}/metadata", never.path())),
        (format!("{}/frames/1", ct.path()), format!("{}/frames/1", never.path())),
        (format!("{}/rendered", ct.path()), format!("{}/rendered", never.path())),
        (format!("{}/thumbnail", ct.path()), format!("{}/thumbnail", never.path())),
        (format!("/dicom-web/studies/{}", ct.study), format!("/dicom-web/studies/{}", never.study)),
    ] {
        let (hidden, missing) = (city.get(&there), city.get(&not_there));
        assert_eq!(hidden.status, 404, "{there}");
        assert_eq!(shape(&hidden), shape(&missing), "{there}");
        node.machine(Org::Township).get(&there).expect(200);
    }
    let owner = node.id_of(Org::Township);
    let person = node.person("reader");
    let hidden = person.get(&format!("/api/v1/studies/{owner}/{}", ct.study));
    let missing = person.get(&format!("/api/v1/studies/{owner}/{}", never.study));
    assert_eq!(hidden.status, 404);
    assert_eq!(shape(&hidden), shape(&missing));
    person.get(&format!("/dicom-web/orgs/{owner}{}/metadata", &ct.path()["/dicom-web".len()..])).expect(404);
}

#[test]
fn another_hospitals_study_is_in_no_list() {
    let (node, ct) = stored();
    let path = format!("/dicom-web/studies?StudyInstanceUID={}", ct.study);
    let none = node.machine(Org::City).get(&path);
    assert!(none.status == 204 || none.json() == json!([]));
    let listed =
        node.person("reader").get(&format!("/api/v1/studies?q={}", ct.patient_id)).expect(200).json();
    assert_eq!(listed["studies"], json!([]));
}

#[test]
fn without_credentials_there_is_nothing() {
    let (node, ct) = stored();
    for path in [
        ct.path(),
        "/dicom-web/studies".into(),
        "/api/v1/studies".into(),
        "/api/v1/consults".into(),
        "/api/v1/slides".into(),
        "/api/v1/audit".into(),
        "/api/v1/session".into(),
    ] {
        node.nobody().get(&path).expect_problem(401, "unauthenticated");
    }
    let forged = Client::with_token(node.base_url(), "0123456789abcdef0123456789abcdef");
    forged.get("/dicom-web/studies").expect_problem(401, "unauthenticated");
    node.nobody().stow(&[ct.file()]).expect(401);
}

#[test]
fn a_wrong_password_and_an_unknown_login_get_the_same_answer() {
    let node = Node::shared();
    let wrong = |login: &str| {
        node.nobody()
            .post("/api/v1/session", &json!({"login": login, "password": "not the password"}))
            .expect_problem(401, "unauthenticated")
    };
    assert_eq!(shape(&wrong("uploader")), shape(&wrong("nobody-of-that-name")));
    assert_eq!(wrong("uploader").header("set-cookie"), "");
}

#[test]
fn a_session_is_a_cookie_that_scripts_cannot_read_and_ends_with_logging_out() {
    let node = Node::shared();
    let account = node.account("uploader");
    let answer = node
        .nobody()
        .post("/api/v1/session", &json!({"login": "uploader", "password": account["password"]}))
        .expect(200);
    let cookie = answer.session_cookie().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let me = answer.json();
    assert_eq!(me["person"]["login"], "uploader");
    assert_eq!(me["organisation"]["kind"], "hospital");

    let person = node.person("uploader");
    assert_eq!(person.get("/api/v1/session").expect(200).json()["person"]["login"], "uploader");
    person.delete("/api/v1/session").expect(204);
    person.get("/api/v1/session").expect(401);
}

#[test]
fn a_change_by_cookie_needs_the_header_that_other_sites_cannot_send() {
    let person = Node::shared().person("township").without_header("X-Farsight");
    person.get("/api/v1/session").expect(200);
    let ct = Ct::new();
    person
        .post_bytes("/api/v1/uploads", "application/dicom", ct.file().bytes)
        .expect_problem(403, "forbidden");
    person.delete("/api/v1/session").expect(403);
}

#[test]
fn a_person_does_only_what_their_role_allows() {
    let node = Node::shared();
    node.person("reader").get("/api/v1/audit").expect_problem(403, "forbidden");
    node.person("auditor").get("/api/v1/audit").expect(200);
    let ct = Ct::new();
    node.person("auditor")
        .post_bytes("/api/v1/uploads", "application/dicom", ct.file().bytes)
        .expect_problem(403, "forbidden");
}

#[test]
fn an_upload_by_a_person_belongs_to_their_hospital() {
    let (node, ct) = (Node::shared(), Ct::new());
    let person = node.person("uploader");
    let answer =
        person.post_bytes("/api/v1/uploads", "application/dicom", ct.file().bytes).expect(201).json();
    assert_eq!((&answer["study_instance_uid"], &answer["outcome"]), (&json!(ct.study), &json!("stored")));
    let again = person.post_bytes("/api/v1/uploads", "application/dicom", ct.file().bytes);
    assert_eq!(again.json()["outcome"], "already_there");
    node.machine(Org::Township).get(&ct.path()).expect(200);
    node.machine(Org::City).get(&ct.path()).expect(404);
}
