//! Storage commitment that outlives the node and its requester, with pynetdicom as the modality.

use crate::support::node::Org;
use crate::support::programs::{dcmtk_as, finish, python};
use crate::support::{Ct, Node, wait_for};
use serde_json::Value as Json;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

fn waiting(node: &Node) -> String {
    node.command(&["forward", "list", "--kind", "commitment"]).expect_success().stdout
}

#[test]
fn a_report_is_owed_across_a_restart_until_the_modality_listens() {
    let node = Node::start("commitment-restart");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    let contact = format!("127.0.0.1:{port}");
    let org = node.id_of(Org::Township).to_owned();
    node.command(&["ae", "add", "MODALITY9", "--org", &org, "--contact", &contact]).expect_success();
    let folder = tempfile::tempdir().expect("a folder");
    let ct = Ct::new();
    let file = ct.file().write(folder.path(), "ct.dcm");
    dcmtk_as(&node, "MODALITY9", "storescu", &["--", file.to_str().expect("UTF-8")]).expect_success();

    let transaction = crate::support::dicom::new_uid();
    let mut request = python();
    request.args(["commitment.py", "request", &node.dicom_port().to_string(), "MODALITY9", &transaction]);
    request.args([crate::support::dicom::CT_IMAGE_STORAGE, &ct.instance]);
    finish(request).expect_success();
    // Nobody listens: it is put off, and says why.
    wait_for("an attempt", Duration::from_secs(60), || {
        let list = waiting(&node);
        (list.contains("MODALITY9") && list.contains("cannot be reached")).then_some(())
    });
    let mut node = node;
    node.kill();
    let node = node.restart();
    assert!(waiting(&node).contains("MODALITY9"), "still owed");

    let mut listen = python();
    listen.args(["commitment.py", "listen", &port.to_string(), "MODALITY9"]).stdout(Stdio::piped());
    let mut listen = listen.spawn().expect("python");
    let mut out = BufReader::new(listen.stdout.take().expect("its output"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    assert_eq!(line.trim(), "listening");
    node.command(&["forward", "retry", "--kind", "commitment", "--to", "MODALITY9"]).expect_success();
    let mut report = String::new();
    out.read_to_string(&mut report).expect("a report");
    assert!(listen.wait().expect("its end").success(), "{report}");
    let report: Json = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["transaction"], transaction);
    assert_eq!(report["type"], 1);
    assert_eq!(report["instances"], serde_json::json!([ct.instance]));
    assert_eq!(report["we_are_scu"], true, "roles were selected: {report}");
    wait_for("nothing is owed", Duration::from_secs(30), || {
        (!waiting(&node).contains("MODALITY9")).then_some(())
    });
}
