//! A question becomes a report: the whole thread over HTTP, as the two people, with OpenSSL and pdftotext as judges.

use crate::support::node::{Org, farsight};
use crate::support::{Client, Ct, Done, Node, run};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

const DIAGNOSIS: &str = "右肺上叶实性结节，考虑良性，建议随访。";

/// A study of the township hospital and a draft about it.
pub(crate) struct Case<'a> {
    pub(crate) node: &'a Node,
    pub(crate) images: Vec<Ct>,
    pub(crate) township: Client,
}

impl Case<'static> {
    pub(crate) fn new() -> Self {
        Self::on(Node::shared())
    }

    /// About other images than usual.
    pub(crate) fn about(images: Vec<Ct>) -> Self {
        Self::with(Node::shared(), images)
    }
}

impl<'a> Case<'a> {
    /// On a node of one's own.
    pub(crate) fn on(node: &'a Node) -> Self {
        Self::with(node, Ct::new().series_of(3))
    }

    /// About other images, on a node of one's own.
    pub(crate) fn with(node: &'a Node, images: Vec<Ct>) -> Self {
        node.machine(Org::Township).stow(&images.iter().map(Ct::file).collect::<Vec<_>>()).expect(200);
        Self { node, images, township: node.person("township") }
    }

    pub(crate) fn study(&self) -> &str {
        &self.images[0].study
    }

    pub(crate) fn request(&self) -> Json {
        json!({
            "reading_organisation": self.node.id_of(Org::City), "kind": "diagnosis", "urgency": "urgent",
            "study": {"org": self.node.id_of(Org::Township), "study_instance_uid": self.study()},
            "question": "右肺结节性质？", "history": "咳嗽两周", "consent": true,
        })
    }

    pub(crate) fn draft(&self) -> Json {
        self.township.post("/api/v1/consults", &self.request()).expect(201).json()
    }

    pub(crate) fn submitted(&self) -> Json {
        act(&self.township, &self.draft(), "submit").expect(200).json()
    }

    /// Read by `reader`: the text is saved, nothing is signed.
    pub(crate) fn written(&self) -> (Client, Json) {
        let reader = self.node.person("reader");
        let claimed = act(&reader, &self.submitted(), "claim").expect(200).json();
        let saved = reader
            .put(&path(&claimed, "/report"), &json!({"version": claimed["version"], "report": self.report()}))
            .expect(200)
            .json();
        let mut consult = claimed;
        consult["version"] = saved["version"].clone();
        (reader, consult)
    }

    pub(crate) fn report(&self) -> Json {
        json!({
            "findings": "右肺上叶见一实性结节，直径约 13 mm，边缘光滑。", "diagnosis": DIAGNOSIS,
            "recommendation": "三个月后复查胸部CT。", "template": null,
            "displayed": [self.images[0].instance],
        })
    }

    pub(crate) fn passphrase(&self) -> Json {
        self.node.account("reader")["signing_passphrase"].clone()
    }

    /// Signed and delivered.
    pub(crate) fn signed(&self) -> Json {
        let (reader, consult) = self.written();
        sign(&reader, &consult, &self.passphrase()).expect(200).json()
    }
}

pub(crate) fn path(consult: &Json, rest: &str) -> String {
    format!("/api/v1/consults/{}{rest}", consult["id"].as_str().expect("a consult has an id"))
}

pub(crate) fn act(person: &Client, consult: &Json, action: &str) -> crate::support::Answer {
    person.post(&path(consult, &format!("/{action}")), &json!({"version": consult["version"]}))
}

pub(crate) fn sign(reader: &Client, consult: &Json, passphrase: &Json) -> crate::support::Answer {
    let preview = reader.get(&path(consult, "/report/preview")).expect(200).json();
    assert_eq!(preview["missing"], json!([]));
    reader.post(
        &path(consult, "/sign"),
        &json!({
            "version": consult["version"], "canonical_sha256": preview["canonical_sha256"], "passphrase": passphrase,
        }),
    )
}

#[test]
fn a_consult_without_a_question_is_not_submitted() {
    let case = Case::new();
    for (field, value) in [("question", json!("")), ("consent", json!(false))] {
        let mut request = case.request();
        request[field] = value;
        let draft = case.township.post("/api/v1/consults", &request).expect(201).json();
        let problem = act(&case.township, &draft, "submit").expect_problem(422, "invalid").json();
        assert_eq!(problem["field"], field);
        assert_eq!(case.township.get(&path(&draft, "")).expect(200).json()["state"], "draft");
    }
}

/// The answer to the first is lost on the line; whoever sent it does not know that it was kept.
#[test]
fn a_draft_that_is_sent_again_is_there_once() {
    let case = Case::new();
    let mut request = case.request();
    request["once"] = json!(uuid::Uuid::new_v4());
    let write = |request: &Json| case.township.post("/api/v1/consults", request);
    let first = write(&request).expect(201).json();
    assert_eq!(write(&request).expect(201).json(), first);
    // Also when it was changed or sent since: what is written is not lost, and not asked twice.
    request["question"] = json!("是否手术？");
    assert_eq!(write(&request).expect(201).json()["question"], first["question"]);
    let asked = act(&case.township, &first, "submit").expect(200).json();
    let again = write(&request).expect(201).json();
    assert_eq!((&again["id"], &again["state"]), (&first["id"], &asked["state"]));
    act(&case.node.person("reader"), &asked, "claim").expect(200);
    assert_eq!(write(&request).expect(201).json()["id"], first["id"]);

    request["once"] = json!(uuid::Uuid::new_v4());
    let ids: Vec<Json> = std::thread::scope(|scope| {
        let send = || write(&request).expect(201).json()["id"].clone();
        let tasks: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
        tasks.into_iter().map(|task| task.join().expect("an answer")).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0] && *id != first["id"]), "{ids:?}");
    request["once"] = json!("1");
    assert_eq!(write(&request).expect_problem(422, "invalid").json()["field"], "once");
}

#[test]
fn a_consult_without_an_agreement_is_refused() {
    let case = Case::new();
    let mut request = case.request();
    request["reading_organisation"] = json!(case.node.id_of(Org::Township));
    let created = case.township.post("/api/v1/consults", &request);
    let refused =
        if created.status == 201 { act(&case.township, &created.json(), "submit") } else { created };
    assert_eq!(refused.expect_problem(422, "invalid").json()["field"], "agreement");
}

#[test]
fn the_study_is_seen_by_the_reading_centre_only_once_it_was_asked() {
    let case = Case::new();
    let city = case.node.machine(Org::City);
    let reader = case.node.person("reader");
    let detail = format!("/api/v1/studies/{}/{}", case.node.id_of(Org::Township), case.study());
    let draft = case.draft();
    city.get(&case.images[0].path()).expect(404);
    reader.get(&detail).expect(404);
    reader.get(&path(&draft, "")).expect_problem(404, "not-found");

    act(&case.township, &draft, "submit").expect(200);
    city.get(&case.images[0].path()).expect(200);
    let seen = reader.get(&detail).expect(200).json();
    assert_eq!((&seen["own"], &seen["instance_count"]), (&json!(false), &json!(3)));
    let elsewhere = Ct::new();
    case.node.machine(Org::Township).stow(&[elsewhere.file()]).expect(200);
    city.get(&elsewhere.path()).expect(404);
}

#[test]
fn the_evidence_is_what_was_sent() {
    let case = Case::new();
    let submitted = case.submitted();
    let mut frozen: Vec<_> = submitted["evidence"]
        .as_array()
        .expect("evidence")
        .iter()
        .map(|e| e["sha256"].as_str().expect("a hash"))
        .collect();
    let mut sent: Vec<_> = case.images.iter().map(|ct| ct.file().sha256()).collect();
    frozen.sort_unstable();
    sent.sort();
    assert_eq!(frozen, sent);
}

#[test]
fn two_people_claim_at_once_and_one_wins() {
    let case = Case::new();
    let submitted = case.submitted();
    let people = [case.node.person("reader"), case.node.person("reader2")];
    let answers: Vec<_> = std::thread::scope(|scope| {
        let claims: Vec<_> = people.iter().map(|p| scope.spawn(|| act(p, &submitted, "claim"))).collect();
        claims.into_iter().map(|claim| claim.join().expect("a claim")).collect()
    });
    let mut statuses: Vec<_> = answers.iter().map(|a| a.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let lost =
        answers.into_iter().find(|a| a.status == 409).expect("one lost").expect_problem(409, "conflict");
    let winner = case.township.get(&path(&submitted, "")).expect(200).json();
    let name = winner["reader"]["name"].as_str().expect("a reader");
    assert!(lost.text().contains(name), "the other is told who has it: {}", lost.text());
    assert_eq!(winner["state"], "reading");
}

#[test]
fn a_wrong_passphrase_signs_nothing() {
    let case = Case::new();
    let (reader, consult) = case.written();
    sign(&reader, &consult, &json!("not the passphrase")).expect_problem(403, "wrong-passphrase");
    assert_eq!(reader.get(&path(&consult, "")).expect(200).json()["state"], "reading");
    reader.get(&path(&consult, "/report.pdf")).expect(404);
}

#[test]
fn a_text_that_changed_after_it_was_displayed_is_not_signed() {
    let case = Case::new();
    let (reader, consult) = case.written();
    let stale = reader.get(&path(&consult, "/report/preview")).expect(200).json();
    let mut report = case.report();
    report["diagnosis"] = json!("另一个意见");
    let saved = reader
        .put(&path(&consult, "/report"), &json!({"version": consult["version"], "report": report}))
        .expect(200)
        .json();
    reader
        .post(
            &path(&consult, "/sign"),
            &json!({
                "version": saved["version"], "canonical_sha256": stale["canonical_sha256"],
                "passphrase": case.passphrase(),
            }),
        )
        .expect_problem(412, "stale");
}

#[test]
fn a_report_without_a_diagnosis_is_not_signed() {
    let case = Case::new();
    let (reader, consult) = case.written();
    let mut report = case.report();
    report["diagnosis"] = json!("");
    let saved = reader
        .put(&path(&consult, "/report"), &json!({"version": consult["version"], "report": report}))
        .expect(200)
        .json();
    let preview = reader.get(&path(&consult, "/report/preview")).expect(200).json();
    assert_eq!(preview["missing"], json!(["diagnosis"]));
    let body = json!({
        "version": saved["version"], "canonical_sha256": preview["canonical_sha256"], "passphrase": case.passphrase(),
    });
    reader.post(&path(&consult, "/sign"), &body).expect_problem(422, "invalid");
}

#[test]
fn somebody_else_neither_writes_nor_signs() {
    let case = Case::new();
    let (_, consult) = case.written();
    for (person, allowed) in [("reader2", [403, 409]), ("coordinator", [403, 409]), ("township", [403, 409])]
    {
        let person = case.node.person(person);
        let body = json!({"version": consult["version"], "report": case.report()});
        let written = person.put(&path(&consult, "/report"), &body).status;
        assert!(allowed.contains(&written), "{written}");
        let hash = "0".repeat(64);
        let body =
            json!({"version": consult["version"], "canonical_sha256": hash, "passphrase": case.passphrase()});
        let signed = person.post(&path(&consult, "/sign"), &body).status;
        assert!([403, 409, 412].contains(&signed), "{signed}");
    }
}

/// What the township hospital downloads of a signed report.
struct Downloads {
    folder: tempfile::TempDir,
    anchors: PathBuf,
}

impl Downloads {
    fn of(case: &Case, consult: &Json) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["report.pdf", "report.json", "report.p7s", "chain.pem"] {
            let answer = case.township.get(&path(consult, &format!("/{name}"))).expect(200);
            std::fs::write(folder.path().join(name), answer.body).expect("a file");
        }
        let anchors = case.node.demo()["trust_anchors"].as_str().expect("trust_anchors").into();
        Self { folder, anchors }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A copy of a file with one byte changed: the last of the first occurrence of `near`.
    fn changed(&self, name: &str, near: &[u8]) -> PathBuf {
        let mut bytes = std::fs::read(self.path(name)).expect("a file");
        let at = bytes.windows(near.len()).position(|w| w == near).expect("the place to change");
        bytes[at + near.len() - 1] ^= 0x01;
        let path = self.path(&format!("changed-{name}"));
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    fn openssl(&self, report: &Path, signature: &Path) -> Done {
        let text = |p: &Path| p.to_str().expect("UTF-8").to_owned();
        run(
            "openssl",
            &[
                "cms",
                "-verify",
                "-binary",
                "-inform",
                "DER",
                "-in",
                &text(signature),
                "-content",
                &text(report),
                "-CAfile",
                &text(&self.anchors),
                "-purpose",
                "any",
                "-out",
                "/dev/null",
            ],
        )
    }

    fn farsight(&self, files: &[&Path]) -> Done {
        let mut arguments = vec!["verify"];
        arguments.extend(files.iter().map(|f| f.to_str().expect("UTF-8")));
        arguments.extend(["--trust", self.anchors.to_str().expect("UTF-8")]);
        farsight(&arguments)
    }
}

#[test]
fn a_signed_report_is_delivered_and_anyone_can_verify_it() {
    let case = Case::new();
    let signed = case.signed();
    assert!(
        ["final", "delivered"].contains(&signed["state"].as_str().expect("a state")),
        "{}",
        signed["state"]
    );
    let seen = case.township.get(&path(&signed, "")).expect(200).json();
    assert_eq!(seen["versions"][0]["signers"][0]["name"], case.node.account("reader")["name"]);

    let files = Downloads::of(&case, &signed);
    let (json, p7s, pdf) = (files.path("report.json"), files.path("report.p7s"), files.path("report.pdf"));
    let cms = files.openssl(&json, &p7s).expect_success();
    assert!(
        cms.stderr.contains("CMS Verification successful") || cms.stderr.contains("Verification successful")
    );
    files.farsight(&[&json, &p7s]).expect_success();
    files.farsight(&[&pdf]).expect_success();
    let verdict = case.township.get(&path(&signed, "/verify")).expect(200).json();
    assert_eq!(
        (&verdict["ok"], &verdict["integrity"]["result"]),
        (&json!(true), &json!("good")),
        "{verdict}"
    );

    let canonical: Json = serde_json::from_slice(&std::fs::read(&json).expect("a file")).expect("JSON");
    let evidence = canonical["evidence"].as_array().expect("evidence");
    for ct in &case.images {
        let item =
            evidence.iter().find(|e| e["instance"] == ct.instance).expect("each instance is in evidence");
        assert_eq!(item["sha256"], ct.file().sha256());
        assert_eq!(item["displayed"], json!(ct.number == 1));
    }
    assert_eq!(canonical["diagnosis"], DIAGNOSIS);
    let closed = act(&case.township, &seen, "acknowledge").expect(200).json();
    assert_eq!(closed["state"], "closed");
}

#[test]
fn one_changed_byte_is_found_by_everyone() {
    let case = Case::new();
    let files = Downloads::of(&case, &case.signed());
    let (json, p7s) = (files.path("report.json"), files.path("report.p7s"));
    let changed = files.changed("report.json", "咳嗽".as_bytes());
    files.openssl(&changed, &p7s).expect_failure();
    files.farsight(&[&changed, &p7s]).expect_failure();

    let whole = std::fs::read(&p7s).expect("a file");
    let forged = files.path("forged.p7s");
    let forge = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x01;
        std::fs::write(&forged, bytes).expect("a file");
    };
    // The time stamp stands behind the signature; `cms -verify` does not look at it, we do.
    forge(whole.len() - 5);
    files.farsight(&[&json, &forged]).expect_failure();
    // messageDigest (RFC 5652 §11.2).
    let digest = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x04, 0x31, 0x22, 0x04, 0x20];
    let found = whole.windows(digest.len()).rposition(|window| window == digest);
    let first = whole.windows(digest.len()).position(|window| window == digest);
    assert!(first < found, "the signature has one, and its time stamp");
    forge(first.expect("a digest") + digest.len());
    files.openssl(&json, &forged).expect_failure();
    files.farsight(&[&json, &forged]).expect_failure();
}

#[test]
fn one_changed_byte_of_the_pdf_is_found_wherever_it_is() {
    let case = Case::new();
    let files = Downloads::of(&case, &case.signed());
    let whole = std::fs::read(files.path("report.pdf")).expect("a file");
    for part in 1..8 {
        let mut bytes = whole.clone();
        let at = bytes.len() * part / 8;
        bytes[at] ^= 0x01;
        let path = files.path("changed.pdf");
        std::fs::write(&path, bytes).expect("a file");
        let done = files.farsight(&[&path]);
        assert_ne!(done.status, Some(0), "byte {at} of {}: {}", whole.len(), done.output());
    }
}

#[test]
fn a_stranger_verifies_without_logging_in() {
    let case = Case::new();
    let files = Downloads::of(&case, &case.signed());
    let ask = |report: &Path| {
        let mut body =
            b"--x\r\nContent-Disposition: form-data; name=\"report\"; filename=\"report\"\r\n\r\n".to_vec();
        body.extend(std::fs::read(report).expect("a file"));
        body.extend(
            b"\r\n--x\r\nContent-Disposition: form-data; name=\"signature\"; filename=\"report.p7s\"\r\n\r\n",
        );
        body.extend(std::fs::read(files.path("report.p7s")).expect("a file"));
        body.extend(b"\r\n--x--\r\n");
        case.node
            .nobody()
            .post_bytes("/api/v1/verify", "multipart/form-data; boundary=x", body)
            .expect(200)
            .json()
    };
    let good = ask(&files.path("report.json"));
    assert_eq!((&good["ok"], &good["integrity"]["result"]), (&json!(true), &json!("good")), "{good}");
    assert_eq!(good["signers"][0]["test_certificate"], true);
    let bad = ask(&files.changed("report.json", "结节".as_bytes()));
    assert_eq!((&bad["ok"], &bad["integrity"]["result"]), (&json!(false), &json!("bad")), "{bad}");
}

#[test]
fn the_pdf_is_sound_and_holds_chinese_text() {
    let case = Case::new();
    let files = Downloads::of(&case, &case.signed());
    let pdf = files.path("report.pdf");
    let pdf = pdf.to_str().expect("UTF-8");
    let text: String =
        run("pdftotext", &["-layout", pdf, "-"]).expect_success().stdout.split_whitespace().collect();
    for words in ["张三", "清河镇卫生院", "市医院诊断中心", "右肺结节性质", "右肺上叶实性结节", "王建国"]
    {
        assert!(text.contains(words), "{words} in {text}");
    }
    run("qpdf", &["--check", pdf]).expect_success();
    let fonts = run("pdffonts", &[pdf]).expect_success().stdout;
    for font in fonts.lines().skip(2) {
        let columns: Vec<_> = font.split_whitespace().rev().collect();
        assert_eq!(columns[4], "yes", "embedded: {font}");
    }
}

#[test]
fn another_hospital_sees_neither_the_consult_nor_the_report() {
    let case = Case::new();
    let draft = case.draft();
    let reader = case.node.person("reader");
    for rest in ["", "/report.pdf", "/report/preview", "/verify"] {
        reader.get(&path(&draft, rest)).expect_problem(404, "not-found");
    }
    case.node.nobody().get(&path(&draft, "")).expect_problem(401, "unauthenticated");
    case.township
        .get("/api/v1/consults/0190aaaa-bbbb-7ccc-8ddd-eeeeffff0000")
        .expect_problem(404, "not-found");
}

#[test]
fn the_worklist_counts_and_finds() {
    let case = Case::new();
    let submitted = case.submitted();
    let reader = case.node.person("reader");
    let pool = reader.get("/api/v1/consults?tab=pool&limit=200").expect(200).json();
    let mine = |list: &Json| {
        list["consults"].as_array().expect("rows").iter().any(|row| row["id"] == submitted["id"])
    };
    assert!(mine(&pool));
    assert!(pool["counts"]["pool"].as_u64() >= Some(1));
    for word in ["张三", "zs", "zhang", &case.images[0].patient_id] {
        let found = reader.get(&crate::support::query(
            "/api/v1/consults",
            &[("tab", "all"), ("q", word), ("limit", "200")],
        ));
        assert!(mine(&found.expect(200).json()), "{word}");
    }
    act(&reader, &submitted, "claim").expect(200);
    let pool = reader.get("/api/v1/consults?tab=pool&limit=200").expect(200).json();
    assert!(!mine(&pool));
    assert!(mine(&reader.get("/api/v1/consults?tab=mine&limit=200").expect(200).json()));
}
