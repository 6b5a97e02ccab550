//! The audit chain: what happened is on it, and an edited row is found.

use crate::support::node::{Org, farsight};
use crate::support::programs::{finish, python};
use crate::support::{Ct, Node};

#[test]
fn stores_and_reads_are_on_the_chain() {
    let node = Node::start("audit-events");
    let ct = Ct::new();
    node.machine(Org::Township).stow(&[ct.file()]).expect(200);
    node.machine(Org::Township).get(&ct.path()).expect(200);
    node.machine(Org::City).get(&ct.path()).expect(404);
    let events = node.person("auditor").get("/api/v1/audit?limit=500").expect(200).json();
    let events = events["events"].as_array().expect("events").clone();
    let about = |word: &str| events.iter().filter(|e| e.to_string().contains(word)).count();
    assert!(about(&ct.study) >= 2, "a store and a read of the study: {events:?}");
    assert!(!serde_json::to_string(&events).expect("JSON").contains("张"), "no names on the chain");
}

#[test]
fn an_edited_row_breaks_the_chain() {
    let node = Node::start("audit-chain");
    node.machine(Org::Township)
        .stow(&Ct::new().series_of(3).iter().map(Ct::file).collect::<Vec<_>>())
        .expect(200);
    let done = node.command(&["audit", "verify"]).expect_success();
    assert!(done.stdout.contains("whole"), "{}", done.stdout);

    let copy = tempfile::tempdir().expect("a folder");
    let folder = copy.path().to_str().expect("UTF-8");
    let mut command = python();
    command.arg("edit_audit.py").arg(node.data()).arg(folder);
    finish(command).expect_success();
    let done = farsight(&["audit", "verify", "--data", folder]).expect_failure();
    assert!(done.stdout.contains("broken"), "{}", done.output());
    node.command(&["audit", "verify"]).expect_success();
}
