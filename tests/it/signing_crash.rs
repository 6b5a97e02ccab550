//! `kill -9` at sampled moments while somebody signs, first and second: no half-signed report, nothing signed or delivered twice.

use crate::consult::{Case, path};
use crate::signatures::{ours, text};
use crate::support::node::{Org, work_folder};
use crate::support::{Node, wait_for};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Moments sampled of each signature, from its beginning to behind its end.
const SAMPLES: u32 = 8;
const SOON: Duration = Duration::from_secs(60);

/// A node that is killed and comes back over the same data.
struct Mortal {
    node: Node,
    data: PathBuf,
}

impl Mortal {
    /// Where two sign.
    fn new() -> Self {
        let data = work_folder().join("signing-crash");
        let node = Self::start(&data);
        let (township, city) = (node.id_of(Org::Township), node.id_of(Org::City));
        node.command(&["agreement", "end", "demo"]).expect_success();
        let two = ["agreement", "add", "--requesting", township, "--reading", city];
        node.command(&[&two[..], &["--signatures", "double", "--auto-accept"]].concat()).expect_success();
        Self { node, data }
    }

    fn start(data: &Path) -> Node {
        Node::start_in("signing-crash", data, &["--no-samples"])
    }

    fn see(&self, person: &str, consult: &Json) -> Json {
        self.node.person(person).get(&path(consult, "")).expect(200).json()
    }

    /// Somebody signs, and the node is killed so long after; gives how long it took when it was not.
    fn sign(&mut self, person: &str, action: &str, consult: &Json, killed: Option<Duration>) -> Duration {
        let client = self.node.person(person);
        let preview = client.get(&path(consult, "/report/preview")).expect(200).json();
        let body = json!({
            "version": self.see(person, consult)["version"], "canonical_sha256": preview["canonical_sha256"],
            "passphrase": self.node.account(person)["signing_passphrase"],
        });
        let to = path(consult, &format!("/{action}"));
        let begun = Instant::now();
        let asked = std::thread::spawn(move || client.post(&to, &body).expect(200));
        let Some(after) = killed else {
            asked.join().expect("it is signed");
            return begun.elapsed();
        };
        std::thread::sleep(after);
        self.node.kill();
        // Whether an answer came says nothing of what was kept.
        let _ = asked.join();
        self.node = Self::start(&self.data);
        after
    }

    /// Signed by so many, with every time stamp there; or as it was before.
    fn settled(&self, consult: &Json, signers: usize) -> bool {
        wait_for("the report waits for no time stamp", SOON, || {
            let seen = self.see("reader", consult);
            let versions = seen["versions"].as_array().expect("versions");
            assert!(versions.len() <= 1, "it was signed once: {seen}");
            let signed = versions.first().map_or(0, |one| one["signers"].as_array().expect("signers").len());
            assert!(signed == signers || signed + 1 == signers, "{signed} of {signers}: {seen}");
            let waits = versions.first().is_some_and(|one| one["pending_time_stamp"] == true);
            (!waits).then_some(signed == signers)
        })
    }

    /// A report that is written and not signed.
    fn written(&self) -> Json {
        Case::on(&self.node).written().1
    }

    /// What the township hospital has in the end is one good report, delivered once.
    fn assert_delivered(&self, consult: &Json) {
        let seen = wait_for("the report is delivered", SOON, || {
            let seen = self.see("township", consult);
            (seen["state"] == "delivered").then_some(seen)
        });
        let names: Vec<&Json> = seen["versions"][0]["signers"]
            .as_array()
            .expect("signers")
            .iter()
            .map(|one| &one["name"])
            .collect();
        let expected = ["reader", "reviewer"].map(|who| &self.node.account(who)["name"]);
        assert_eq!(names, expected, "{seen}");
        let timeline = seen["timeline"].as_array().expect("a timeline");
        let delivered = timeline.iter().filter(|entry| entry["state"] == "delivered").count();
        assert_eq!(delivered, 1, "{seen}");
        let township = self.node.person("township");
        let folder = tempfile::tempdir().expect("a folder");
        let pdf = folder.path().join("report.pdf");
        std::fs::write(&pdf, township.get(&path(consult, "/report.pdf")).expect(200).body).expect("a file");
        let anchors = self.node.demo()["trust_anchors"].as_str().expect("trust_anchors");
        let verdict = ours(std::slice::from_ref(&pdf), &["--trust-anchor", anchors]);
        assert_eq!(verdict["ok"], true, "{}: {verdict}", text(&pdf));
        assert_eq!(verdict["signers"].as_array().map(Vec::len), Some(2), "{verdict}");
        assert_eq!(township.get(&path(consult, "/verify")).expect(200).json()["ok"], true);
    }
}

#[test]
fn a_kill_at_any_moment_of_signing_leaves_a_report_unsigned_or_signed_once() {
    let mut mortal = Mortal::new();
    let consult = mortal.written();
    let reading = mortal.sign("reader", "sign", &consult, None);
    assert!(mortal.settled(&consult, 1));
    let reviewing = mortal.sign("reviewer", "review", &consult, None);
    mortal.assert_delivered(&consult);

    let (mut unsigned, mut signed) = ([0; 2], [0; 2]);
    for sample in 0..SAMPLES {
        let consult = mortal.written();
        for (n, (person, action, whole)) in
            [("reader", "sign", reading), ("reviewer", "review", reviewing)].into_iter().enumerate()
        {
            // Closer together at the beginning, and far behind the end on a machine that has other work.
            let after = whole * 3 * sample * sample / ((SAMPLES - 1) * (SAMPLES - 1));
            mortal.sign(person, action, &consult, Some(after));
            if mortal.settled(&consult, n + 1) {
                signed[n] += 1;
            } else {
                unsigned[n] += 1;
                assert_ne!(mortal.see("township", &consult)["state"], "delivered");
                mortal.sign(person, action, &consult, None);
                assert!(mortal.settled(&consult, n + 1));
            }
        }
        mortal.assert_delivered(&consult);
    }
    println!("killed while the reader, the reviewer signed: unsigned {unsigned:?}, signed {signed:?}");
    for n in 0..2 {
        assert!(unsigned[n] > 0 && signed[n] > 0, "killed before and behind: {unsigned:?}, {signed:?}");
    }
}
