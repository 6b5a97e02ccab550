//! A codec worker that is killed or hangs amid a hundred requests costs only the requests that it had in hand.

use crate::support::node::Org;
use crate::support::programs::run;
use crate::support::{Ct, Node, wait_for};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const REQUESTS: usize = 100;
const STRUCK_AFTER: usize = 30;

/// The processes that the node has started as workers.
fn workers(node: &Node) -> Vec<u32> {
    let is_worker = |pid: &u32| {
        let read = |name| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        // After the name in brackets: state, parent.
        let parent = read("stat").rsplit_once(") ").and_then(|(_, rest)| {
            let mut fields = rest.split(' ');
            let is_gone = fields.next()? == "Z";
            fields.next()?.parse::<u32>().ok().filter(|_| !is_gone)
        });
        parent == Some(node.pid()) && read("cmdline").contains("codec-worker")
    };
    let entries = std::fs::read_dir("/proc").expect("/proc");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).filter(is_worker).collect()
}

/// Renders a hundred times from four clients, and sends every worker `signal` in the middle; the refused ones.
fn strike(node: &Node, ct: &Ct, signal: &str) -> usize {
    let (done, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let path = format!("{}/rendered", ct.path());
    let victims = workers(node);
    assert!(!victims.is_empty(), "the node has workers");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let client = node.machine(Org::Township);
                for _ in 0..REQUESTS / 4 {
                    let answer = client.get_as(&path, "image/jpeg");
                    if answer.status == 503 {
                        answer.expect_problem(503, "codec-unavailable");
                        refused.fetch_add(1, Ordering::SeqCst);
                    } else {
                        assert!(answer.expect(200).body.starts_with(&[0xFF, 0xD8]));
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        wait_for("some are answered", Duration::from_secs(60), || {
            (done.load(Ordering::SeqCst) >= STRUCK_AFTER).then_some(())
        });
        for pid in &victims {
            run("kill", &[signal, &pid.to_string()]).expect_success();
        }
    });
    let refused = refused.load(Ordering::SeqCst);
    assert!(refused <= victims.len(), "{refused} of {REQUESTS} refused with {} workers", victims.len());
    node.machine(Org::Township).get_as(&path, "image/jpeg").expect(200);
    wait_for("as many new workers", Duration::from_secs(30), || {
        let now = workers(node);
        (now.len() == victims.len() && !now.iter().any(|pid| victims.contains(pid))).then_some(())
    });
    refused
}

#[test]
fn a_worker_killed_or_stopped_costs_only_what_it_had_in_hand() {
    let node = Node::start("codec-workers");
    let ct = Ct::new().sized(512);
    node.machine(Org::Township).stow(&[ct.file().bytes]).expect(200);
    strike(&node, &ct, "-KILL");
    assert!(strike(&node, &ct, "-STOP") >= 1, "a stopped worker had a request in hand");
}
