//! A patient and secrets that are written nowhere else, over a node that logs all that it can: none of them is in its log, its
//! metrics or its words of refusal.

use crate::support::node::Org;
use crate::support::programs::dcmtk;
use crate::support::{Client, Ct, Node};
use serde_json::json;

const PATIENT: &str = "QanaryFamily^QanaryGiven=欧鸪^鹮鹳";
const QUESTION: &str = "鸪鹮问鹳";
const FINDINGS: &str = "鸪鹮见鹳";
const WRONG: &str = "qanary-wrong-password-41";

#[test]
fn no_patient_and_no_secret_is_in_logs_metrics_or_refusals() {
    let node = Node::start_under("canary", &["env", "FARSIGHT_LOG=trace"]);
    let folder = tempfile::tempdir().expect("a folder");
    let mut refusals = String::new();
    let mut refused = |answer: crate::support::Answer| {
        assert!(answer.status >= 400, "{}", answer.text());
        refusals.push_str(&answer.text());
    };

    // Images come by C-STORE and by STOW-RS, whole and broken, and are searched for by both.
    let (stored, stowed) = (Ct::new().named(PATIENT), Ct::new().named(PATIENT));
    let path = stored.file().write(folder.path(), "canary.dcm");
    dcmtk(&node, "storescu", &["--", path.to_str().expect("UTF-8")]).expect_success();
    let township = node.machine(Org::Township);
    township.stow(&[stowed.file()]).expect(200);
    let length = stowed.file().bytes.len();
    refused(township.stow(&[Ct::new().named(PATIENT).file().truncated(length / 2).bytes]));
    for name in ["QanaryFamily*", "*鹮*"] {
        let found =
            township.get(&crate::support::query("/dicom-web/studies", &[("PatientName", name)])).expect(200);
        assert_eq!(found.json().as_array().map(Vec::len), Some(2), "{name}");
        let key = format!("PatientName={name}");
        let find = ["-S", "-k", "QueryRetrieveLevel=STUDY", "-k", &key, "-k", "StudyInstanceUID"];
        dcmtk(&node, "findscu", &find).expect_success();
    }
    refused(township.get(&crate::support::query(
        "/dicom-web/studies",
        &[("PatientName", "QanaryFamily*"), ("limit", "x")],
    )));

    // People log in, well and badly; one asks, another answers and signs.
    let base = node.base_url();
    let nobody = Client::new(base);
    refused(nobody.post("/api/v1/session", &json!({"login": "reader", "password": WRONG})));
    refused(Client::with_token(base, "fs_qanary-token-41").get("/dicom-web/studies"));
    let (asks, reads) = (node.person("township"), node.person("reader"));
    let consult = json!({
        "reading_organisation": node.id_of(Org::City), "kind": "diagnosis", "urgency": "urgent",
        "study": {"org": node.id_of(Org::Township), "study_instance_uid": stowed.study},
        "question": QUESTION, "history": QUESTION, "consent": true,
    });
    let draft = asks.post("/api/v1/consults", &consult).expect(201).json();
    let path = format!("/api/v1/consults/{}", draft["id"].as_str().expect("an id"));
    let submitted =
        asks.post(&format!("{path}/submit"), &json!({"version": draft["version"]})).expect(200).json();
    let claimed =
        reads.post(&format!("{path}/claim"), &json!({"version": submitted["version"]})).expect(200).json();
    refused(asks.put(&format!("{path}/report"), &json!({"version": 1, "report": {"findings": FINDINGS}})));
    let report = json!({"findings": FINDINGS, "diagnosis": FINDINGS, "recommendation": FINDINGS});
    let saved =
        reads.put(&format!("{path}/report"), &json!({"version": claimed["version"], "report": report}));
    let version = saved.expect(200).json()["version"].clone();
    reads.post(&format!("{path}/messages"), &json!({"text": QUESTION})).expect(201);
    let preview = reads.get(&format!("{path}/report/preview")).expect(200).json();
    let sign = |passphrase: &str| {
        let wish = json!({"version": version, "canonical_sha256": preview["canonical_sha256"], "passphrase": passphrase});
        reads.post(&format!("{path}/sign"), &wish)
    };
    refused(sign(WRONG));
    let passphrase = node.account("reader")["signing_passphrase"].as_str().expect("a passphrase");
    sign(passphrase).expect(200);
    asks.get(&format!("{path}/report.pdf")).expect(200);
    asks.get(&crate::support::query("/api/v1/studies", &[("q", "欧鸪鹮鹳")])).expect(200);
    asks.get(&format!("{}/rendered", stowed.path())).expect(200);

    let metrics = nobody.get("/metrics").text();
    // The demonstration greets with its password and passphrase, for whoever tries it out.
    let log = node.log();
    let log: String = log.split_inclusive('\n').filter(|line| !line.contains("log in (密码")).collect();
    assert!(
        log.contains("sqlx::query") && log.len() > 100_000,
        "the node logs all that it can: {} bytes",
        log.len()
    );
    let cookie = asks.credentials();
    let cookie =
        cookie.lines().find(|line| line.starts_with("Cookie")).and_then(|line| line.split('=').nth(1));
    let token = node.organisation(Org::Township)["token"].as_str().expect("a token");
    let password = node.account("reader")["password"].as_str().expect("a password");
    let secrets = [cookie.expect("a session"), token, password, passphrase, WRONG, "qanary-token-41"];
    let identity = ["Qanary", "qanary", "欧鸪", "鹮鹳", "鸪鹮"];
    for canary in secrets.iter().chain(&identity) {
        for (place, text) in [("the log", &log), ("the metrics", &metrics), ("a refusal", &refusals)] {
            let line = text.lines().find(|line| line.contains(canary));
            assert!(line.is_none(), "{canary} is in {place}: {}", line.unwrap_or_default());
        }
    }
}
