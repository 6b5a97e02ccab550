//! Signed reports in other people's systems: storescp, a second node, a webhook; pydicom, fhir.resources and `farsight verify`
//! as judges.

use crate::consult::{Case, path};
use crate::support::node::Org;
use crate::support::programs::{finish, python};
use crate::support::serving::free_port;
use crate::support::{Node, root, wait_for};
use serde_json::{Value as Json, json};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Long, because builds share the machine with other work.
const PATIENCE: Duration = Duration::from_secs(120);

/// storescp, ended with the test.
struct Pacs {
    child: Child,
}

impl Pacs {
    fn start(port: u16, folder: &Path) -> Self {
        let child = Command::new("storescp")
            .args(["+B", "-od", folder.to_str().expect("UTF-8"), &port.to_string()])
            .env("TCP_NODELAY", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("storescp");
        Self { child }
    }
}

impl Drop for Pacs {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn route(node: &Node, id: &str, body: &Json) -> Json {
    let address = format!("/api/v1/return-routes/{id}?org={}", node.id_of(Org::Township));
    node.person("admin").put(&address, body).expect(200).json()
}

/// The only delivery of a case, once it is in one of these states.
fn delivery(node: &Node, consult: &Json, states: &[&str]) -> Json {
    let person = node.person("township");
    wait_for(&format!("a delivery that is {states:?}"), PATIENCE, || {
        let list = person.get(&path(consult, "/deliveries")).expect(200).json();
        let only = list["deliveries"].as_array()?.first()?.clone();
        states.contains(&only["state"].as_str()?).then_some(only)
    })
}

fn send_again(node: &Node, consult: &Json, delivery: &Json) {
    let id = delivery["id"].as_str().expect("an id");
    node.person("township").post(&path(consult, &format!("/deliveries/{id}/send")), &json!({})).expect(200);
}

fn judged(arguments: &[&str]) -> Json {
    let mut command = python();
    command.arg(root().join("tests/peers/judge_forms.py")).args(arguments);
    let said = finish(command).expect_success().output();
    let line = said.lines().find(|line| line.starts_with(['[', '{'])).unwrap_or_else(|| panic!("{said}"));
    serde_json::from_str(line).expect("JSON")
}

#[test]
fn a_pacs_that_was_down_gets_each_report_once_and_its_page_verifies() {
    let node = Node::start("deliveries-ae");
    let (port, folder) = (free_port(), tempfile::tempdir().expect("a folder"));
    let contact = format!("127.0.0.1:{port}");
    node.command(&["ae", "add", "TOWNPACS", "--org", node.id_of(Org::Township), "--contact", &contact])
        .expect_success();
    let wish =
        json!({"name": "影像科 PACS", "method": "ae", "ae_title": "TOWNPACS", "forms": ["sr", "pdf", "kos"]});
    node.person("reader").put("/api/v1/return-routes/pacs", &wish).expect_problem(403, "forbidden");
    let mut stranger = wish.clone();
    stranger["ae_title"] = json!("NOBODY");
    let address = format!("/api/v1/return-routes/pacs?org={}", node.id_of(Org::Township));
    node.person("admin").put(&address, &stranger).expect_problem(422, "invalid");
    route(&node, "pacs", &wish);

    let case = Case::on(&node);
    let (consult, images) = (case.signed(), case.images.clone());
    let waiting = wait_for("an attempt has failed", PATIENCE, || {
        let waiting = delivery(&node, &consult, &["waiting"]);
        (waiting["problem"] == "unreachable").then_some(waiting)
    });
    assert!(waiting["next_at"].is_string(), "{waiting}");
    drop(case);

    // What is owed survives kill -9.
    let node = node.restart();
    let _pacs = Pacs::start(port, folder.path());
    send_again(&node, &consult, &delivery(&node, &consult, &["waiting", "sending", "delivered"]));
    let done = delivery(&node, &consult, &["delivered"]);
    assert_eq!(done["forms"], json!(["sr", "pdf"]), "no key images, so no selection of them: {done}");
    send_again(&node, &consult, &done);
    delivery(&node, &consult, &["delivered"]);

    let pdf = folder.path().parent().expect("a parent").join(format!("page-{port}.pdf"));
    let pdf = pdf.to_str().expect("UTF-8");
    let found = judged(&["dicom", folder.path().to_str().expect("UTF-8"), pdf]);
    let found = found.as_array().expect("a list");
    assert_eq!(found.len(), 2, "the same instances again change nothing: {found:?}");
    let sr = found.iter().find(|one| one["class"] == "Basic Text SR Storage").expect("an SR");
    assert!(found.iter().any(|one| one["class"] == "Encapsulated PDF Storage"), "{found:?}");
    assert_eq!(sr["study"], images[0].study.as_str());
    assert_eq!(sr["evidence"].as_array().map(Vec::len), Some(images.len()));
    assert_eq!(sr["verifier"].as_array().map(Vec::len), Some(1));
    node.command(&["verify", pdf]).expect_success();
    let _ = std::fs::remove_file(pdf);
}

#[test]
fn another_node_takes_a_report_by_stow_and_has_it_once() {
    let (node, receiver) = (Node::start("deliveries-stow"), Node::start("deliveries-receiver"));
    let token = receiver.organisation(Org::Township)["token"].as_str().expect("a token");
    let url = format!("{}/dicom-web", receiver.base_url());
    let forms = json!(["sr", "pdf"]);
    let wish =
        json!({"name": "院内 DICOMweb", "method": "stow", "url": url, "token": "wrong", "forms": forms});
    assert_eq!(route(&node, "web", &wish)["has_token"], true);
    let case = Case::on(&node);
    let consult = case.signed();
    let failed = delivery(&node, &consult, &["failed"]);
    assert_eq!(failed["problem"], "unauthorised", "{failed}");

    // The administrator is told, sees it, mends the route.
    let admin = node.person("admin");
    let undelivered = admin.get("/api/v1/undelivered").expect(200).json();
    assert_eq!(undelivered["deliveries"][0]["id"], failed["id"], "{undelivered}");
    let mut good = wish.clone();
    good["token"] = json!(token);
    route(&node, "web", &good);
    for _ in 0..2 {
        send_again(&node, &consult, &failed);
        delivery(&node, &consult, &["delivered"]);
        let found = receiver
            .machine(Org::Township)
            .get_as(&format!("/dicom-web/studies/{}/instances", case.study()), "application/dicom+json")
            .expect(200)
            .json();
        let modalities: Vec<&Json> =
            found.as_array().expect("rows").iter().map(|row| &row["00080060"]["Value"][0]).collect();
        assert_eq!(modalities.len(), 2, "{found}");
        assert!(modalities.contains(&&json!("SR")) && modalities.contains(&&json!("DOC")), "{found}");
    }
}

#[test]
fn a_webhook_gets_a_bundle_that_is_fhir() {
    let node = Node::start("deliveries-webhook");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/fhir", listener.local_addr().expect("an address"));
    let set =
        route(&node, "his", &json!({"name": "HIS", "method": "webhook", "url": url, "forms": ["fhir"]}));
    assert!(set["secret"].as_str().is_some_and(|secret| secret.len() > 40), "shown once");
    let hook = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a call");
        let mut bytes = Vec::new();
        let mut piece = [0; 65_536];
        loop {
            let count = stream.read(&mut piece).expect("bytes");
            bytes.extend_from_slice(&piece[..count]);
            let text = String::from_utf8_lossy(&bytes);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
            });
            if body.len() >= length.expect("a length") {
                stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").expect("an answer");
                return (head.to_lowercase(), body.to_owned());
            }
        }
    });
    let case = Case::on(&node);
    let consult = case.signed();
    delivery(&node, &consult, &["delivered"]);
    let (head, body) = hook.join().expect("the hook");
    for name in ["farsight-signature: t=", "farsight-delivery: ", "content-type: application/fhir+json"] {
        assert!(head.contains(name), "{name} in {head}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = folder.path().join("bundle.json");
    std::fs::write(&bundle, &body).expect("a file");
    let judged = judged(&["fhir", bundle.to_str().expect("UTF-8")]);
    assert_eq!(judged["status"], "final");
    let page = node.person("township").get(&path(&consult, "/report.pdf")).expect(200).body;
    assert_eq!(judged["pdf_bytes"], page.len());
    let same = node.person("township").get(&path(&consult, "/report.fhir.json")).expect(200);
    assert_eq!(same.header("content-type"), "application/fhir+json");
    assert_eq!(String::from_utf8(same.body).expect("UTF-8"), body);
}

#[test]
fn a_form_is_for_whoever_may_read_the_report() {
    let case = Case::new();
    let consult = case.signed();
    for name in ["report-sr.dcm", "report-pdf.dcm", "report.fhir.json"] {
        let one = case.township.get(&path(&consult, &format!("/{name}"))).expect(200);
        let again = case.node.person("reader").get(&path(&consult, &format!("/{name}?v=1"))).expect(200);
        assert_eq!(one.body, again.body, "{name}: the same whoever asks");
        case.node.nobody().get(&path(&consult, &format!("/{name}"))).expect_problem(401, "unauthenticated");
        case.township.get(&path(&consult, &format!("/{name}?v=2"))).expect_problem(404, "not-found");
    }
    case.township.get(&path(&consult, "/report-kos.dcm")).expect_problem(404, "not-found");
    let (_, unsigned) = case.written();
    case.node.person("reader").get(&path(&unsigned, "/report-sr.dcm")).expect_problem(404, "not-found");
}
