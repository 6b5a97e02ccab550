//! Signing on the telephone: the reference service of docs/remote-signing.md (tests/peers/phone_signing.py) as the remote signing
//! service, other people's tools as judges of what comes of it.

use crate::consult::{Case, act, path};
use crate::signatures::{is_good, ours, pyhanko, text};
use crate::support::node::{farsight, work_folder};
use crate::support::programs::python;
use crate::support::{Answer, Client, Node, wait_for};
use serde_json::{Value as Json, json};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
const PATIENT: &str = "Zhang^San";

/// The service, and the telephone of its one signer.
struct Phone {
    process: Child,
    folder: PathBuf,
    port: u16,
    client: Client,
}

impl Phone {
    /// With a key of this account, certified by the demonstration's authority.
    fn start(folder: &Path, data: &Path, name: &str, more: &[&str]) -> Self {
        let secrets = std::fs::read_to_string(data.join("demo-secrets.json")).expect("secrets");
        let secrets: Json = serde_json::from_str(&secrets).expect("JSON");
        std::fs::create_dir_all(folder).expect("a folder");
        let authority = folder.join("authority.pem");
        std::fs::write(&authority, secrets["authority_pem"].as_str().expect("PEM")).expect("a file");
        let mut command = python();
        command.arg("phone_signing.py").arg(folder).arg("0").arg(&authority);
        command.args([name, "市医院诊断中心"]).args(more);
        let mut process = command.stdout(Stdio::piped()).spawn().expect("Python");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut line).expect("the port");
        let port = line.trim().parse().expect("the port");
        let client = Client::new(&format!("http://127.0.0.1:{port}"));
        Self { process, folder: folder.to_owned(), port, client }
    }

    /// What the signer has been shown.
    fn shown(&self) -> Vec<Json> {
        self.client.get("/phone").expect(200).json().as_array().expect("a list").clone()
    }

    /// The question that waits on the telephone.
    fn question(&self) -> Json {
        wait_for("the telephone shows a question", SOON, || {
            self.shown().into_iter().find(|one| one["answer"].is_null())
        })
    }

    fn answer(&self, how: &str) {
        let question = self.question();
        let answer = json!({"responseID": question["responseID"], "how": how});
        self.client.post("/phone/answer", &answer).expect(200);
    }

    fn be(&self, how: Json) {
        self.client.post("/phone/answer", &how).expect(200);
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A node that asks the telephone of `reader`, whose key is registered.
struct Desk {
    node: Option<Node>,
    phone: Phone,
    name: String,
    data: PathBuf,
    patience_s: String,
    /// Where it listens: reports name it, so a restart keeps it.
    http: String,
}

impl Desk {
    fn new(name: &str, patience_s: u32, more: &[&str]) -> Self {
        let folder = work_folder().join(name);
        let data = folder.join("data");
        // The first start makes the authority that certifies the key.
        drop(Node::start_in(name, &data, &["--no-samples"]));
        let phone = Phone::start(&folder.join("phone"), &data, "王建国", more);
        let mut desk = Self {
            node: None,
            phone,
            name: name.into(),
            data,
            patience_s: patience_s.to_string(),
            http: "127.0.0.1:0".into(),
        };
        desk.start();
        let chain = desk.phone.folder.join("chain.pem");
        let done = desk.register("reader", &chain);
        assert_eq!(done.status, Some(0), "{}", done.output());
        desk
    }

    fn start(&mut self) {
        let url = format!("http://127.0.0.1:{}/csc/v2", self.phone.port);
        let token = self.phone.folder.join("token");
        let arguments = [
            "--no-samples",
            "--http",
            &self.http,
            "--phone-signing-url",
            &url,
            "--phone-signing-token-file",
            text(&token),
            "--phone-signing-patience-s",
            &self.patience_s,
        ];
        let node = Node::start_in(&self.name, &self.data, &arguments);
        self.http = node.base_url().trim_start_matches("http://").to_owned();
        self.node = Some(node);
    }

    /// `SIGKILL`, as when the power goes.
    fn kill(&mut self) {
        self.node.take().expect("a node").kill();
    }

    fn node(&self) -> &Node {
        self.node.as_ref().expect("a node")
    }

    fn register(&self, person: &str, chain: &Path) -> crate::support::Done {
        let data = text(&self.data);
        farsight(&[
            "key",
            "register",
            "--data",
            data,
            "--person",
            person,
            "--credential",
            "cred-1",
            "--certificate",
            text(chain),
        ])
    }
}

fn ask(reader: &Client, consult: &Json) -> Answer {
    let preview = reader.get(&path(consult, "/report/preview?key=phone")).expect(200).json();
    reader.post(
        &path(consult, "/phone-signature"),
        &json!({
            "version": consult["version"], "canonical_sha256": preview["canonical_sha256"], "as": "sign",
        }),
    )
}

fn seen(reader: &Client, consult: &Json) -> Json {
    reader.get(&path(consult, "/phone-signature")).expect(200).json()["signature"].clone()
}

/// What it comes to.
fn ended(reader: &Client, consult: &Json) -> Json {
    wait_for("the telephone's answer has come", SOON, || {
        Some(seen(reader, consult)).filter(|signature| signature["progress"] != "waiting")
    })
}

fn assert_unsigned(reader: &Client, consult: &Json) {
    let now = reader.get(&path(consult, "")).expect(200).json();
    assert_eq!((&now["state"], &now["versions"]), (&json!("reading"), &json!([])), "{now}");
}

#[test]
fn a_report_is_signed_on_the_telephone_and_stands_up_anywhere() {
    let desk = Desk::new("phone", 120, &[]);
    let (node, phone) = (desk.node(), &desk.phone);
    let other = desk.register("reader2", &phone.folder.join("chain.pem"));
    assert!(other.status != Some(0) && other.output().contains("the certificate is of 王建国"));
    let case = Case::on(node);
    let (reader, consult) = case.written();
    assert_eq!(reader.get("/api/v1/session").expect(200).json()["can_sign_by_phone"], true);
    assert_eq!(node.person("reader2").get("/api/v1/session").expect(200).json()["can_sign_by_phone"], false);
    assert!(seen(&reader, &consult).is_null());

    let asked = ask(&reader, &consult).expect(202).json();
    assert_eq!(asked["progress"], "waiting", "{asked}");
    // Asked again, it is the same question.
    assert_eq!(ask(&reader, &consult).expect(202).json(), asked);
    let question = phone.question();
    let said = question["text"].as_str().expect("a text");
    let code = asked["code"].as_str().expect("a code");
    assert!(said.contains(consult["number"].as_str().expect("a number")) && said.contains(code), "{said}");
    let patient = consult["patient_name"].as_str().expect("a patient");
    assert!(!patient.is_empty() && !question.to_string().contains(patient) && !said.contains(PATIENT));
    let fields = [
        "clientData",
        "credentialID",
        "description",
        "hashAlgorithmOID",
        "hashes",
        "operationMode",
        "signAlgo",
        "validity_period",
    ];
    assert_eq!(question["fields"], json!(fields));
    assert_eq!(question["digests"].as_array().map(Vec::len), Some(2));
    assert_unsigned(&reader, &consult);
    // Whose telephone rings is nobody else's to see or to stop.
    assert!(seen(&node.person("coordinator"), &consult).is_null());
    node.person("coordinator").delete(&path(&consult, "/phone-signature")).expect_problem(404, "not-found");

    phone.answer("agree");
    assert_eq!(ended(&reader, &consult)["progress"], "signed");
    let signed = wait_for("the report is delivered", SOON, || {
        let now = case.township.get(&path(&consult, "")).expect(200).json();
        (now["state"] == "delivered").then_some(now)
    });
    assert_eq!(signed["versions"][0]["signers"][0]["key"], "phone", "{signed}");
    assert_eq!(phone.shown().len(), 1);
    let pdf = phone.folder.join("report.pdf");
    std::fs::write(&pdf, case.township.get(&path(&signed, "/report.pdf")).expect(200).body).expect("a file");
    let anchors = PathBuf::from(node.demo()["trust_anchors"].as_str().expect("trust_anchors"));
    let verdict = ours(std::slice::from_ref(&pdf), &["--trust-anchor", text(&anchors)]);
    assert_eq!(verdict["ok"], true, "{verdict}");
    assert!(is_good(&pyhanko(&anchors, std::slice::from_ref(&pdf))[0]));
    let stored = case.township.get(&path(&signed, "/verify")).expect(200).json();
    assert_eq!(stored["ok"], true, "{stored}");
}

#[test]
fn nothing_is_signed_unless_the_signer_agrees_and_the_values_are_right() {
    let desk = Desk::new("phone-wrong", 120, &["--rsa"]);
    let phone = &desk.phone;
    let case = Case::on(desk.node());
    let (reader, consult) = case.written();
    for (how, progress, fault) in [
        ("refuse", "refused", Json::Null),
        ("expire", "timed_out", Json::Null),
        ("wrong-signature", "failed", json!("wrong_signature")),
        ("wrong-key", "failed", json!("wrong_signature")),
        ("one-value", "failed", json!("wrong_signature")),
    ] {
        ask(&reader, &consult).expect(202);
        phone.answer(how);
        let ended = ended(&reader, &consult);
        assert_eq!((&ended["progress"], &ended["fault"]), (&json!(progress), &fault), "{how}: {ended}");
        assert_unsigned(&reader, &consult);
    }

    ask(&reader, &consult).expect(202);
    let question = phone.question();
    let cancelled = reader.delete(&path(&consult, "/phone-signature")).expect(200).json();
    assert_eq!(cancelled["progress"], "cancelled");
    wait_for("the telephone shows it no longer", SOON, || {
        let one = phone.shown().into_iter().find(|one| one["responseID"] == question["responseID"]);
        one.filter(|one| one["answer"] == "cancelled")
    });
    reader.delete(&path(&consult, "/phone-signature")).expect_problem(409, "conflict");

    // What is written meanwhile is not what the signer has agreed to.
    ask(&reader, &consult).expect(202);
    phone.question();
    let mut report = case.report();
    report["diagnosis"] = json!("右肺上叶占位，恶性不除外。");
    let wish = json!({"version": consult["version"], "report": report});
    let mut consult = consult;
    consult["version"] = reader.put(&path(&consult, "/report"), &wish).expect(200).json()["version"].clone();
    // Another text is another question, and one waits already.
    ask(&reader, &consult).expect_problem(409, "conflict");
    phone.answer("agree");
    let ended_with = ended(&reader, &consult);
    assert_eq!((&ended_with["progress"], &ended_with["fault"]), (&json!("failed"), &json!("changed")));
    assert_unsigned(&reader, &consult);

    // A key that is taken away meanwhile signs nothing either.
    ask(&reader, &consult).expect(202);
    phone.question();
    let data = text(&desk.data);
    farsight(&["key", "unregister", "--data", data, "--person", "reader"]).expect_success();
    phone.answer("agree");
    assert_eq!(ended(&reader, &consult)["fault"], "not_allowed");
    ask(&reader, &consult).expect_problem(403, "forbidden");
    assert_eq!(desk.register("reader", &phone.folder.join("chain.pem")).status, Some(0));

    // And then it is signed all the same, by RSA.
    ask(&reader, &consult).expect(202);
    phone.answer("agree");
    assert_eq!(ended(&reader, &consult)["progress"], "signed");
    let log = desk.node().person("auditor").get("/api/v1/audit?action=sign&limit=1000").expect(200);
    let log = String::from_utf8(log.body).expect("UTF-8");
    for what in
        ["phone asked", "phone refused", "phone timed out", "phone wrong signature", "phone cancelled"]
    {
        assert!(log.contains(what), "{what} is not on record: {log}");
    }
}

#[test]
fn a_node_that_is_killed_goes_on_and_asks_nobody_twice() {
    let mut desk = Desk::new("phone-kill", 300, &[]);
    let case = Case::on(desk.node());
    let (reader, consult) = case.written();
    // The service has the question, and the node never learned its name for it.
    desk.phone.be(json!({"drops": 1}));
    ask(&reader, &consult).expect(202);
    desk.phone.question();
    drop(case);
    desk.kill();
    desk.phone.answer("agree");
    desk.start();
    let reader = desk.node().person("reader");
    assert_eq!(ended(&reader, &consult)["progress"], "signed");
    assert_eq!(desk.phone.shown().len(), 1, "the same digests were asked for twice");
    let township = desk.node().person("township");
    let signed = wait_for("the report is delivered", SOON, || {
        let now = township.get(&path(&consult, "")).expect(200).json();
        (now["state"] == "delivered").then_some(now)
    });
    assert_eq!(signed["versions"].as_array().map(Vec::len), Some(1), "{signed}");
    let stored = township.get(&path(&signed, "/verify")).expect(200).json();
    assert_eq!(stored["ok"], true, "{stored}");
}

#[test]
fn a_service_that_is_away_is_waited_for_and_then_no_longer() {
    let desk = Desk::new("phone-away", 12, &[]);
    let case = Case::on(desk.node());
    let (reader, consult) = case.written();
    desk.phone.be(json!({"away": true}));
    ask(&reader, &consult).expect(202);
    assert_eq!(ended(&reader, &consult)["progress"], "timed_out");
    desk.phone.be(json!({}));
    assert_eq!(desk.phone.shown().len(), 0);
    assert_unsigned(&reader, &consult);
    // The passphrase signs as ever.
    let signed = crate::consult::sign(&reader, &consult, &case.passphrase()).expect(200).json();
    assert_eq!(signed["versions"][0]["signers"][0]["key"], "keystore", "{signed}");
    act(&case.township, &case.township.get(&path(&signed, "")).expect(200).json(), "acknowledge").expect(200);
}
