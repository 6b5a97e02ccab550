//! A codec worker that is killed or hangs amid a hundred requests costs only the requests that it had in hand.

use crate::support::node::Org;
use crate::support::programs::run;
use crate::support::{Ct, Node, root, sample, wait_for};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const REQUESTS: usize = 100;
const STRUCK_AFTER: usize = 30;

/// Renders a hundred times from four clients, and sends every worker `signal` in the middle; the refused ones.
fn strike(node: &Node, ct: &Ct, signal: &str) -> usize {
    let (done, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let path = format!("{}/rendered", ct.path());
    let victims = node.codec_workers();
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
        let now = node.codec_workers();
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

/// Its parent's filter makes the calls answer as a kernel does that has never heard of them.
#[test]
fn a_kernel_that_cannot_confine_is_told_at_start_and_by_the_health_page() {
    let old_kernel = root().join("tests/peers/old_kernel.py");
    let old_kernel = old_kernel.to_str().expect("UTF-8");
    for (missing, said, told) in
        [("landlock", "Landlock", "seccomp"), ("landlock,seccomp", "Landlock and seccomp", "none")]
    {
        let name = format!("no-{}", missing.replace(',', "-"));
        let node = Node::start_under(&name, &["python3", old_kernel, missing]);
        for page in ["/readyz", "/healthz"] {
            assert_eq!(node.nobody().get(page).expect(200).json()["codec_confinement"], told, "{page}");
        }
        let log = node.log();
        assert!(log.contains(&format!("this kernel has no {said}")), "{log}");
        // And it decodes: confined by processes and limits alone.
        let ct = Ct::new();
        node.machine(Org::Township).stow(&[ct.file().bytes]).expect(200);
        node.machine(Org::Township).get_as(&format!("{}/rendered", ct.path()), "image/jpeg").expect(200);
    }
}

#[test]
fn an_import_has_its_codecs_in_workers() {
    let node = Node::shared();
    let folder = tempfile::tempdir().expect("a folder");
    let slide = sample("demo/slides/CMU-1-Small-Region.svs");
    std::fs::copy(&slide, folder.path().join("workers.svs")).expect("a copy");
    let calls = folder.path().join("calls");
    let calls = calls.to_str().expect("UTF-8");
    let program = crate::support::node::program();
    let data = node.data().to_str().expect("UTF-8");
    let path = folder.path().join("workers.svs");
    // Every program that the import starts, and every codec library's thread, is seen by strace.
    let done = run(
        "strace",
        &[
            "-f",
            "-qq",
            "-e",
            "trace=execve,seccomp",
            "-o",
            calls,
            program.to_str().expect("UTF-8"),
            "import",
            path.to_str().expect("UTF-8"),
            "--org",
            node.id_of(Org::Township),
            "--data",
            data,
        ],
    );
    let calls = std::fs::read_to_string(calls).expect("strace is not installed: apt-get install strace");
    assert!(
        done.output().contains("1 slides imported") || done.output().contains("1 already there"),
        "{}",
        done.output()
    );
    let workers = calls.lines().filter(|line| line.contains("codec-worker") && line.contains("= 0")).count();
    assert!(workers >= 1, "{calls}");
}
