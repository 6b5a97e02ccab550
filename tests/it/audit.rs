//! The audit chain: what happened is on it, and an edited row is found.

use crate::support::node::{Org, farsight};
use crate::support::programs::{finish, python};
use crate::support::{Ct, Node, wait_for};
use serde_json::{Value as Json, json};
use std::time::Duration;

#[test]
fn stores_and_reads_are_on_the_chain() {
    // The auditor is the reading centre's, and sees what its people and machines did.
    let node = Node::start("audit-events");
    let (ct, elsewhere) = (Ct::new(), Ct::new());
    node.machine(Org::City).stow(&[ct.file()]).expect(200);
    node.machine(Org::City).get(&ct.path()).expect(200);
    node.machine(Org::Township).stow(&[elsewhere.file()]).expect(200);
    let events = node.person("auditor").get("/api/v1/audit?limit=500").expect(200).json();
    let events = events["events"].as_array().expect("events").clone();
    let happened = |action: &str, object: &str| {
        events
            .iter()
            .any(|e| e["action"] == action && e["object"].as_str().is_some_and(|o| o.ends_with(object)))
    };
    assert!(happened("store", &ct.instance), "{events:?}");
    assert!(happened("read", &ct.study), "{events:?}");
    assert!(
        !happened("store", &elsewhere.instance),
        "another hospital's events are not this auditor's: {events:?}"
    );
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

/// Somebody who can write to the index makes another whole chain; the signed head outside of it gives that away.
#[test]
fn a_chain_that_was_cut_behind_a_signed_head_is_found() {
    let node = Node::start("audit-heads");
    node.machine(Org::Township).stow(&[Ct::new().file()]).expect(200);
    let key = node.command(&["audit", "key"]).expect_success().stdout.trim().to_owned();
    assert_eq!(key.len(), 64);
    let signed = node.command(&["audit", "head"]).expect_success();
    assert!(signed.stdout.starts_with("Signed: event "), "{}", signed.output());
    let done = node.command(&["audit", "verify"]).expect_success();
    assert!(done.stdout.contains("1 signed heads agree"), "{}", done.output());
    let state = node.person("auditor").get("/api/v1/audit/state").expect(200).json();
    assert!(state["head"]["seq"].as_i64().expect("a head") > 0, "{state}");
    assert_eq!(
        (&state["sending"], &state["kept_days_min"]),
        (&serde_json::Value::Null, &serde_json::json!(180))
    );

    let copy = tempfile::tempdir().expect("a folder");
    let mut command = python();
    command.arg("edit_audit.py").arg(node.data()).arg(copy.path()).arg("cut");
    finish(command).expect_success();
    let folder = copy.path().to_str().expect("UTF-8");
    let heads = node.data().join("audit-heads.jsonl");
    let heads = heads.to_str().expect("UTF-8");
    let done = farsight(&["audit", "verify", "--data", folder]).expect_success();
    assert!(done.stdout.contains("No head was signed"), "without the key nothing tells: {}", done.output());
    let done =
        farsight(&["audit", "verify", "--data", folder, "--heads", heads, "--key", &key]).expect_failure();
    assert!(done.stdout.contains("events are missing up to a head that was signed"), "{}", done.output());
}

/// What the auditor's page is told once a walk that it asks for is done.
fn verified(node: &Node) -> Json {
    let auditor = node.person("auditor");
    let state = || auditor.get("/api/v1/audit/state").expect(200).json();
    let before = state()["verified"]["at"].clone();
    let asked = auditor.post("/api/v1/audit/verify", &json!({})).expect(202).json();
    // A short chain may have been walked before the answer was written.
    assert!(asked["is_verifying"] == true || asked["verified"]["at"] != before, "{asked}");
    wait_for("the chain was walked", Duration::from_secs(30), || {
        Some(state()).filter(|state| state["is_verifying"] == false && state["verified"]["at"] != before)
    })
}

#[test]
fn an_auditor_has_the_whole_chain_walked_and_is_told_what_does_not_fit() {
    let node = Node::start("audit-walk");
    node.machine(Org::Township).stow(&[Ct::new().file()]).expect(200);
    node.command(&["audit", "head"]).expect_success();
    node.person("township").post("/api/v1/audit/verify", &json!({})).expect_problem(403, "forbidden");
    let state = verified(&node);
    assert_eq!(state["verified"]["fault"], Json::Null, "{state}");
    assert_eq!(state["verified"]["anchored_seq"], state["head"]["seq"]);
    assert_eq!(state["head"]["hash"].as_str().map(str::len), Some(64));
    assert!(state["verified"]["events"].as_i64() >= state["head"]["seq"].as_i64());

    let heads = node.data().join("audit-heads.jsonl");
    let signed = std::fs::read(&heads).expect("heads");
    std::fs::write(&heads, "").expect("cut");
    let fault = verified(&node)["verified"]["fault"].clone();
    assert_eq!((&fault["what"], &fault["number"]), (&json!("head"), &state["head"]["seq"]));
    std::fs::write(&heads, "{}\n").expect("rubbish");
    assert_eq!(verified(&node)["verified"]["fault"]["what"], "heads_file");
    std::fs::write(&heads, signed).expect("as it was");

    let edit = "import sqlite3, sys\nindex = sqlite3.connect(sys.argv[1] + '/index.sqlite', timeout=20)\n\
                index.execute(\"UPDATE audit SET actor_id = 'somebody else' WHERE seq = 2\")\nindex.commit()\n";
    let mut command = python();
    command.args(["-c", edit]).arg(node.data());
    finish(command).expect_success();
    let fault = verified(&node)["verified"]["fault"].clone();
    assert_eq!((&fault["what"], &fault["number"]), (&json!("event"), &json!(2)));
    let events = node.person("auditor").get("/api/v1/audit?action=verify").expect(200).json();
    assert!(events["events"].as_array().is_some_and(|all| all.len() >= 4), "each was asked for on the chain");
}

/// Whoever keeps a copy of the heads elsewhere asks with one that is older than the last head.
#[test]
fn an_older_copy_of_the_heads_says_what_it_can() {
    let node = Node::start("audit-heads-copy");
    node.machine(Org::Township).stow(&[Ct::new().file()]).expect(200);
    node.command(&["audit", "head"]).expect_success();
    let older = tempfile::tempdir().expect("a folder");
    let copy = older.path().join("heads");
    std::fs::copy(node.data().join("audit-heads.jsonl"), &copy).expect("copied");
    node.machine(Org::Township).stow(&[Ct::new().file()]).expect(200);
    node.command(&["audit", "head"]).expect_success();
    let done = node.command(&["audit", "verify", "--heads", copy.to_str().expect("UTF-8")]).expect_success();
    assert!(done.stdout.contains("are not in this copy"), "{}", done.output());
    std::fs::remove_file(&copy).expect("removed");
    node.command(&["audit", "verify", "--heads", copy.to_str().expect("UTF-8")]).expect_failure();
}
