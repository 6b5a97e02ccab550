//! Signing with a key in the signer's own hands, over the wire: files that OpenSSL makes, a Python program that signs, other
//! people's tools as judges. What is refused in detail is in consult/tests/thread/own_key.rs.

use crate::consult::{Case, path};
use crate::signatures::{is_good, ours, pyhanko, text};
use crate::support::node::{farsight, work_folder};
use crate::support::programs::python;
use crate::support::{Answer, Client, Done, Node, run, wait_for};
use serde_json::{Value as Json, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
const CENTRE: &str = "市医院诊断中心";

/// A node, and keys by its demonstration's authority.
struct Desk {
    node: Node,
    folder: PathBuf,
}

impl Desk {
    fn new(name: &str) -> Self {
        let folder = work_folder().join(name);
        let node = Node::start_in(name, &folder.join("data"), &["--no-samples"]);
        let secrets = std::fs::read_to_string(folder.join("data/demo-secrets.json")).expect("secrets");
        let secrets: Json = serde_json::from_str(&secrets).expect("JSON");
        std::fs::write(folder.join("authority.pem"), secrets["authority_pem"].as_str().expect("PEM"))
            .expect("a file");
        Self { node, folder }
    }

    /// A key of somebody, in a folder with `own.p12` and `chain.pem`.
    fn key(&self, name: &str, kind: &str) -> PathBuf {
        let folder = self.folder.join(format!("{name}-{kind}"));
        let mut command = python();
        command.args(["own_key.py", "make"]).arg(&folder).arg(self.folder.join("authority.pem"));
        let made = command.args([name, CENTRE, kind]).output().expect("Python");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        folder
    }

    fn register(&self, person: &str, key: &Path) -> Done {
        let (data, chain) = (self.folder.join("data"), key.join("chain.pem"));
        let of = ["key", "register", "--data", text(&data), "--person", person, "--own"];
        farsight(&[&of[..], &["--certificate", text(&chain)]].concat())
    }
}

/// What a program signs that is asked for by these words of the node's.
fn signed_by(key: &Path, asked: &Json) -> Json {
    let mut command = python();
    command.args(["own_key.py", "sign"]).arg(key.join("own.p12"));
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python");
    let mut input = process.stdin.take().expect("a pipe");
    input.write_all(asked.to_string().as_bytes()).expect("written");
    drop(input);
    let output = process.wait_with_output().expect("an end");
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn ask(reader: &Client, consult: &Json) -> Answer {
    let preview = reader.get(&path(consult, "/report/preview?key=own")).expect(200).json();
    let hash = &preview["canonical_sha256"];
    let wanted = json!({"version": consult["version"], "canonical_sha256": hash, "as": "sign"});
    reader.post(&path(consult, "/own-signature"), &wanted)
}

fn complete(reader: &Client, consult: &Json, made: &Json) -> Answer {
    reader.post(&path(consult, "/own-signature/complete"), made)
}

fn assert_unsigned(reader: &Client, consult: &Json) {
    let now = reader.get(&path(consult, "")).expect(200).json();
    assert_eq!((&now["state"], &now["versions"]), (&json!("reading"), &json!([])), "{now}");
}

#[test]
fn keys_of_every_kind_sign_what_stands_up_anywhere() {
    let desk = Desk::new("own-kinds");
    for kind in ["rsa", "p256", "p384"] {
        let key = desk.key("王建国", kind);
        desk.register("reader", &key).expect_success();
        let case = Case::on(&desk.node);
        let (reader, consult) = case.written();
        assert_eq!(reader.get("/api/v1/session").expect(200).json()["can_sign_with_own_key"], true);
        let asked = ask(&reader, &consult).expect(200).json();
        let signed = complete(&reader, &consult, &signed_by(&key, &asked)).expect(200).json();
        assert_eq!(signed["versions"][0]["signers"][0]["key"], "own", "{signed}");
        let delivered = wait_for("the report is delivered", SOON, || {
            let now = case.township.get(&path(&consult, "")).expect(200).json();
            (now["state"] == "delivered").then_some(now)
        });
        let file = |name: &str| {
            let to = key.join(name);
            let body = case.township.get(&path(&delivered, &format!("/{name}"))).expect(200).body;
            std::fs::write(&to, body).expect("a file");
            to
        };
        let (pdf, p7s, content) = (file("report.pdf"), file("report.p7s"), file("report.json"));
        let anchors = PathBuf::from(desk.node.demo()["trust_anchors"].as_str().expect("trust_anchors"));
        let verdict = ours(std::slice::from_ref(&pdf), &["--trust-anchor", text(&anchors)]);
        assert_eq!(
            (&verdict["ok"], &verdict["signers"][0]["key"]),
            (&json!(true), &json!("own")),
            "{verdict}"
        );
        assert!(is_good(&pyhanko(&anchors, std::slice::from_ref(&pdf))[0]), "{kind}");
        let (p7s, content) = (text(&p7s), text(&content));
        let of = ["cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", p7s, "-content", content];
        run("openssl", &[&of[..], &["-CAfile", text(&anchors), "-out", "/dev/null"]].concat())
            .expect_success();
        let words = farsight(&["verify", text(&pdf), "--trust-anchor", text(&anchors)]).expect_success();
        assert!(words.output().contains("密钥由签名人自持"), "{}", words.output());
        let page = run("pdftotext", &["-layout", text(&pdf), "-"]).expect_success();
        assert!(page.output().contains("自持证书"), "{}", page.output());
    }
}

#[test]
fn nothing_is_signed_but_by_the_registered_key_over_what_was_displayed() {
    let desk = Desk::new("own-refused");
    let (key, other) = (desk.key("王建国", "p256"), desk.key("王建国", "rsa"));
    let case = Case::on(&desk.node);
    let (reader, consult) = case.written();
    // Of the same authority and the same name, but nobody has registered it.
    ask(&reader, &consult).expect_problem(403, "forbidden");
    let of_another = desk.register("reader2", &key);
    assert!(of_another.status != Some(0) && of_another.output().contains("the certificate is of 王建国"));
    let unknown = desk.register("reader", &desk.key("王建国", "sm2"));
    assert!(unknown.status != Some(0) && unknown.output().contains("SM2"), "{}", unknown.output());
    desk.register("reader", &key).expect_success();

    let stale = json!({"version": consult["version"], "canonical_sha256": "0".repeat(64), "as": "sign"});
    reader.post(&path(&consult, "/own-signature"), &stale).expect_problem(412, "stale");
    let mut asked = ask(&reader, &consult).expect(200).json();
    asked["algorithm"] = json!("rsa-pkcs1-sha256");
    let refused = complete(&reader, &consult, &signed_by(&other, &asked)).expect_problem(422, "invalid");
    assert_eq!(refused.json()["field"], "values", "{}", refused.text());
    let asked = ask(&reader, &consult).expect(200).json();
    let no_base64 = json!({"transaction": asked["transaction"], "values": ["*", "*"]});
    complete(&reader, &consult, &no_base64).expect_problem(422, "invalid");
    assert_unsigned(&reader, &consult);
    let made = signed_by(&key, &asked);
    let coordinator = desk.node.person("coordinator");
    complete(&coordinator, &consult, &made).expect_problem(422, "invalid");

    // What is written meanwhile is not what was signed.
    let mut report = case.report();
    report["diagnosis"] = json!("右肺上叶占位，恶性不除外。");
    let wish = json!({"version": consult["version"], "report": report});
    let mut consult = consult;
    consult["version"] = reader.put(&path(&consult, "/report"), &wish).expect(200).json()["version"].clone();
    complete(&reader, &consult, &made).expect_problem(412, "stale");
    assert_unsigned(&reader, &consult);

    let asked = ask(&reader, &consult).expect(200).json();
    let made = signed_by(&key, &asked);
    complete(&reader, &consult, &made).expect(200);
    complete(&reader, &consult, &made).expect_problem(409, "conflict");
    let log = desk.node.person("auditor").get("/api/v1/audit?action=sign&limit=1000").expect(200).text();
    for what in ["own key asked", "own key wrong signature", "own key report changed"] {
        assert!(log.contains(what), "{what} is not on record: {log}");
    }
}

#[test]
fn a_node_that_is_killed_between_asking_and_signing_completes_it_once() {
    let mut desk = Desk::new("own-kill");
    let key = desk.key("王建国", "p256");
    desk.register("reader", &key).expect_success();
    let case = Case::on(&desk.node);
    let (reader, consult) = case.written();
    let asked = ask(&reader, &consult).expect(200).json();
    let made = signed_by(&key, &asked);
    drop(case);
    // Where it listens is in the report: the next one listens there, too.
    let http = desk.node.base_url().trim_start_matches("http://").to_owned();
    desk.node.kill();
    desk.node = Node::start_in("own-kill", &desk.folder.join("data"), &["--no-samples", "--http", &http]);
    let reader = desk.node.person("reader");
    assert_unsigned(&reader, &consult);
    complete(&reader, &consult, &made).expect(200);
    let township = desk.node.person("township");
    let delivered = wait_for("the report is delivered", SOON, || {
        let now = township.get(&path(&consult, "")).expect(200).json();
        (now["state"] == "delivered").then_some(now)
    });
    assert_eq!(delivered["versions"].as_array().map(Vec::len), Some(1), "{delivered}");
    assert_eq!(township.get(&path(&delivered, "/verify")).expect(200).json()["ok"], true);
}

#[test]
fn a_signer_registers_a_certificate_after_a_fresh_proof() {
    let desk = Desk::new("own-register");
    let key = desk.key("王建国", "p256");
    let place = "/api/v1/session/signing-certificate";
    let reader = desk.node.person("reader");
    assert!(reader.get(place).expect(200).json()["certificate"].is_null());
    let of = |key: &Path| {
        let pem = std::fs::read_to_string(key.join("chain.pem")).expect("PEM");
        let lines = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
        let der = lines.map(|part| part.split("-----END").next().unwrap_or_default().replace('\n', ""));
        json!({"certificates": der.collect::<Vec<_>>()})
    };
    let kept = reader.put(place, &of(&key)).expect(200).json();
    assert_eq!(kept["certificate"]["name"], "王建国", "{kept}");
    assert_eq!(reader.get(place).expect(200).json(), kept);
    let wrong = reader.put(place, &of(&desk.key("李明", "p256"))).expect_problem(422, "invalid");
    assert_eq!(wrong.json()["field"], "certificates");
    let sm2 = reader.put(place, &of(&desk.key("王建国", "sm2"))).expect_problem(422, "invalid");
    assert!(sm2.text().contains("算法"), "{}", sm2.text());
    assert_eq!(reader.get(place).expect(200).json(), kept, "what was refused changes nothing");
    reader.delete(place).expect(204);
    assert_eq!(reader.get("/api/v1/session").expect(200).json()["can_sign_with_own_key"], false);
    let log =
        desk.node.person("auditor").get("/api/v1/audit?action=administer&limit=1000").expect(200).text();
    assert!(
        log.contains("own_certificate registered") && log.contains("own_certificate unregistered"),
        "{log}"
    );
}
