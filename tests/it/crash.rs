//! What is acknowledged is durable: kill -9 in the middle of a C-STORE of 200 instances.

use crate::support::node::Org;
use crate::support::programs::python;
use crate::support::{Ct, Node, Part10};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

const INSTANCES: u16 = 200;
const KILLED_AFTER: usize = 60;

/// pynetdicom on one association; prints each acknowledgement as it comes.
fn sender(node: &Node, files: &[PathBuf]) -> Child {
    python()
        .args(["send.py", "127.0.0.1", &node.dicom_port().to_string(), "TOWNSHIP"])
        .args(files)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Python")
}

#[test]
fn every_acknowledged_instance_is_there_after_kill_9() {
    let mut node = Node::start("crash");
    let folder = tempfile::tempdir().expect("a folder");
    let images = Ct::new().sized(256).series_of(INSTANCES);
    let files: Vec<_> =
        images.iter().map(|ct| ct.file().write(folder.path(), &format!("{}.dcm", ct.instance))).collect();

    let mut senders: Vec<_> =
        files.chunks(usize::from(INSTANCES) / 2).map(|half| sender(&node, half)).collect();
    let (line_of, lines) = std::sync::mpsc::channel::<String>();
    for child in &mut senders {
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let line_of = line_of.clone();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).for_each(|line| {
                let _ = line_of.send(line);
            });
        });
    }
    drop(line_of);
    let mut acknowledged: Vec<String> = Vec::new();
    let mut note = |line: String| {
        if let Some(path) = line.strip_suffix(" 0000") {
            acknowledged
                .push(PathBuf::from(path).file_stem().expect("a name").to_string_lossy().into_owned());
        }
        acknowledged.len()
    };
    for line in lines.iter() {
        if note(line) == KILLED_AFTER {
            node.kill();
        }
    }
    for mut child in senders {
        child.wait().expect("the sender ends");
    }
    let count = acknowledged.len();
    assert!(count >= KILLED_AFTER && count < usize::from(INSTANCES), "killed in the middle: {count}");

    let node = node.restart();
    let machine = node.machine(Org::Township);
    for uid in &acknowledged {
        let ct = images.iter().find(|ct| ct.instance == *uid).expect("one of ours");
        let answer = machine.get_as(&ct.path(), "application/dicom; transfer-syntax=*").expect(200);
        assert_eq!(
            Part10::parse(answer.body).sha256(),
            ct.file().sha256(),
            "{uid} is readable, byte for byte"
        );
    }
    let done = node.command(&["fsck"]).expect_success();
    assert!(done.stdout.contains("0 findings"), "{}", done.stdout);
    node.command(&["audit", "verify"]).expect_success();
    eprintln!("{count} of {INSTANCES} were acknowledged before kill -9, and all are there");
}
