//! Notices by e-mail to a real mail server (aiosmtpd, tests/peers/smtp.py), which puts the first one off.

use crate::people::Site;
use crate::support::programs::python;
use crate::support::{Client, Ct, wait_for};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

struct MailServer {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl MailServer {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = python();
        command.arg("smtp.py").arg(folder.path()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("Python");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("the port");
        Self { process, port: line.trim().parse().expect("the port"), folder }
    }

    fn taken(&self) -> Vec<Json> {
        let text = std::fs::read_to_string(self.folder.path().join("taken.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// `[notify]` of a node that hands e-mail over here.
    fn section(&self, anchors: &Path) -> String {
        let password = self.folder.path().join("password");
        std::fs::write(&password, "mail secret\n").expect("a file");
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        format!(
            "[notify]\nmail_from = \"farsight@city.example.org\"\n[notify.smtp]\nserver = \"localhost:{}\"\nuser = \
             \"farsight\"\npassword_file = {password:?}\ntrust_anchors = {anchors:?}",
            self.port
        )
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A hospital asks a centre, whose coordinator has an address.
fn asked(site: &Site) -> (Client, Ct) {
    site.command(&["org", "add", "qinghe", "清河镇卫生院"]).expect_success();
    let agreement = [
        "agreement",
        "add",
        "--requesting",
        "qinghe",
        "--reading",
        "city",
        "--modalities",
        "CT",
        "--turnaround",
        "urgent=120",
        "--signatures",
        "single",
        "--days",
        "30",
    ];
    site.command(&agreement).expect_success();
    let coordinator = site.appointed("chen", "city", "coordinator");
    let address = json!({"address": "chen@city.example.org"});
    coordinator.put("/api/v1/notices/mail", &address).expect(200);
    let doctor = site.appointed("li", "qinghe", "requester,uploader");
    let ct = Ct::new();
    doctor.post_bytes("/api/v1/uploads", "application/dicom", ct.file().bytes).expect(201);
    let question = json!({
        "reading_organisation": "city", "kind": "diagnosis", "urgency": "urgent", "question": "结节性质？",
        "history": "体检发现", "consent": true, "study": {"org": "qinghe", "study_instance_uid": ct.study},
    });
    let draft = doctor.post("/api/v1/consults", &question).expect(201).json();
    let submit = format!("/api/v1/consults/{}/submit", draft["id"].as_str().expect("an id"));
    doctor.post(&submit, &json!({"version": draft["version"]})).expect(200);
    (coordinator, ct)
}

#[test]
fn a_notice_goes_to_the_mail_server_over_tls_is_tried_again_and_names_nobody() {
    let server = MailServer::start();
    let mut site = Site::new(&server.section(&server.folder.path().join("anchors.pem")));
    site.command(&["org", "add", "city", "市医院诊断中心", "--kind", "centre"]).expect_success();
    site.serve();
    let (coordinator, ct) = asked(&site);
    let told = wait_for("a notice", Duration::from_secs(30), || {
        let list = coordinator.get("/api/v1/notices").expect(200).json();
        list["notices"].as_array().filter(|all| !all.is_empty()).map(|all| all[0].clone())
    });
    let taken = wait_for("the mail server to take it the second time", Duration::from_secs(60), || {
        Some(server.taken()).filter(|all| !all.is_empty())
    });
    let one = &taken[0];
    assert_eq!((&one["tls"], &one["user"]), (&json!(true), &json!("farsight")), "{one}");
    assert_eq!(one["from"], "farsight@city.example.org");
    assert_eq!(one["to"], json!(["chen@city.example.org"]));
    let text = one["text"].as_str().expect("a text");
    let (_, body) = text.split_once("\r\n\r\n").expect("a body");
    let body = STANDARD.decode(body.replace("\r\n", "")).expect("base64");
    let body = String::from_utf8(body).expect("UTF-8");
    assert!(body.contains(told["number"].as_str().expect("a number")), "{body}");
    for name in ct.patient_name.split(['=', '^']) {
        assert!(!body.contains(name) && !text.contains(name), "{name} in {body}");
    }
    assert_eq!(taken.len(), 1, "{taken:?}");
}

#[test]
fn a_mail_server_whose_certificate_is_not_trusted_gets_no_password_and_no_message() {
    let (server, other) = (MailServer::start(), MailServer::start());
    let mut site = Site::new(&server.section(&other.folder.path().join("anchors.pem")));
    site.command(&["org", "add", "city", "市医院诊断中心", "--kind", "centre"]).expect_success();
    site.serve();
    asked(&site);
    let admin = site.appointed("admin", "city", "administrator");
    let problem = wait_for("the node to say why", Duration::from_secs(30), || {
        let queue = admin.get("/api/v1/undelivered").expect(200).json().to_string();
        queue.contains("certificate").then_some(queue)
    });
    assert!(server.taken().is_empty(), "{problem}");
}
