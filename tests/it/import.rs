//! `farsight import` beside a running node.

use crate::support::node::{Org, farsight};
use crate::support::{Ct, Node};

#[test]
fn files_imported_while_the_node_runs_are_there() {
    let node = Node::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let images = Ct::new().series_of(3);
    for ct in &images {
        ct.file().write(folder.path(), &format!("{}.dcm", ct.number));
    }
    std::fs::write(folder.path().join("notes.txt"), "not DICOM, and nobody minds").expect("a file");
    let path = folder.path().to_str().expect("UTF-8");
    let done = node.command(&["import", path, "--org", node.id_of(Org::Township)]).expect_success();
    assert!(done.stdout.contains("3 instances stored"), "{}", done.stdout);
    let found = node.machine(Org::Township).get(&format!("/dicom-web/studies/{}/instances", images[0].study));
    assert_eq!(found.expect(200).json().as_array().map(Vec::len), Some(3));

    let again = node.command(&["import", path, "--org", node.id_of(Org::Township)]).expect_success();
    assert!(again.stdout.contains("0 instances stored, 3 already there"), "{}", again.stdout);
}

#[test]
fn an_unknown_organisation_or_folder_is_refused() {
    let node = Node::shared();
    let done =
        node.command(&["import", "/nowhere/at/all", "--org", node.id_of(Org::Township)]).expect_failure();
    assert!(done.stderr.contains("/nowhere/at/all"), "{}", done.stderr);
    node.command(&["import", "/tmp", "--org", "no-such-hospital"]).expect_failure();
    farsight(&["import", "/tmp", "--data", "/nowhere/at/all"]).expect_failure();
}
