//! Schemathesis reads the OpenAPI document and asks every route for what fits it and what does not: whatever comes, the
//! answer is never a server's error.

use crate::support::Node;
use crate::support::programs::{finish, python_path};
use std::process::Command;

/// Its own cookie would be ended; a websocket and a stream do not end; another node that is not there answers 502, as it should.
const LEFT_OUT: &str = "/session|/live|/events|/remotes/";

fn asked_by(node: &Node, login: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let client = node.person(login);
    let mut command = Command::new(python_path().with_file_name("st"));
    command.current_dir(folder.path());
    command.arg("run").arg(format!("{}/api/v1/openapi.json", node.base_url()));
    command.args(["--url", node.base_url(), "--checks", "not_a_server_error", "--phases", "fuzzing"]);
    command.args(["--max-examples", "8", "--workers", "2", "--generation-database", "none", "--no-color"]);
    command.args(["--request-timeout", "60", "--exclude-path-regex", LEFT_OUT, "--max-failures", "20"]);
    for header in client.credentials().lines() {
        command.args(["--header", header]);
    }
    let done = finish(command);
    // Bodies of DICOM and of pieces of files cannot be made from a schema; it counts those two as errors of its own.
    let words = done.output();
    assert!(words.contains("API Operations:"), "it did not run: {words}");
    assert!(!words.contains("Server error"), "{login}:\n{words}\nthe node's log ends with:\n{}", node.log());
    node.assert_alive();
}

#[test]
fn no_words_that_the_schema_allows_or_forbids_are_a_servers_error() {
    let node = Node::start("schema");
    for login in ["township", "reader", "admin"] {
        asked_by(&node, login);
    }
}
