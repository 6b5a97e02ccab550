//! What is wrong with a signed page, and who sees it: each case before each judge.
//!
//! The cases are one signed page whose signature was made anew by other people's programs (tests/peers/make_signature_cases.py),
//! so that the certificate, the moment and the time stamp are what the case wants.

use crate::consult::{Case, path};
use crate::signatures::{ours, text};
use crate::support::node::farsight;
use crate::support::programs::python;
use crate::support::run;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};

/// What a judge says of a case.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Says {
    Good,
    Bad,
    /// Good, though the case is bad: it does not look there, for this reason.
    NotSeen(&'static str),
    /// Bad, though the case is good.
    Stricter(&'static str),
}
use Says::{Bad, Good, NotSeen, Stricter};

impl Says {
    fn is_good(self) -> bool {
        matches!(self, Good | NotSeen(_))
    }
}

struct Row {
    /// The file, and the revocation list that is given with it.
    case: (&'static str, &'static str),
    /// Our findings that are not good, evidence and versions apart; none of a good page.
    ours: &'static [(&'static str, &'static str)],
    /// pyHanko as of the time stamp, with the list, which must say something.
    at_stamp: Says,
    /// pyHanko by EN 319 102-1 §5.5, now, with the list.
    with_time: Says,
    pdfsig: Says,
    /// `openssl cms -verify -cades -crl_check`, as of the time stamp.
    cms: Says,
    /// `openssl ts -verify`.
    ts: Says,
}

const NO_LISTS: Says = NotSeen("pdfsig reads no revocation lists");
const AS_OF_NOW: Says = NotSeen("pdfsig judges certificates as of now, by a store of its own");
const NO_LATER_LIST: Says = Stricter("it takes no list that was made after the moment asked about");
const NO_STAMPS: Says = NotSeen("it looks at no time stamp");
const ONLY_STAMP: Says = NotSeen("it judges the time stamp and not the page");
const GIVEN: Says = NotSeen("it is given the bytes that are signed and does not see the rest");
const NO_EXPIRY: Says = NotSeen("the process compares the signature's moment with the list's entries only");

/// Every case is bad but the three that say otherwise.
const TABLE: [Row; 16] = [
    Row {
        case: ("good", "clean"),
        ours: &[],
        at_stamp: Good,
        with_time: Good,
        pdfsig: Good,
        cms: Good,
        ts: Good,
    },
    Row {
        case: ("byte-page", "clean"),
        ours: &[("integrity", "bad")],
        at_stamp: Bad,
        with_time: Bad,
        pdfsig: Bad,
        cms: Bad,
        ts: ONLY_STAMP,
    },
    Row {
        case: ("byte-moment", "clean"),
        ours: &[("integrity", "bad")],
        at_stamp: Bad,
        with_time: Bad,
        pdfsig: Bad,
        cms: Bad,
        ts: ONLY_STAMP,
    },
    Row {
        case: ("byte-signature", "clean"),
        ours: &[("integrity", "bad"), ("time_stamp", "bad")],
        at_stamp: Bad,
        with_time: Bad,
        pdfsig: Bad,
        cms: Bad,
        ts: Bad,
    },
    Row {
        case: ("byte-stamp", "clean"),
        ours: &[("time_stamp", "bad")],
        at_stamp: Bad,
        with_time: Bad,
        pdfsig: NO_STAMPS,
        cms: NO_STAMPS,
        ts: Bad,
    },
    Row {
        case: ("text-appended", "clean"),
        ours: &[("coverage", "bad")],
        at_stamp: Bad,
        with_time: GIVEN,
        pdfsig: Bad,
        cms: GIVEN,
        ts: ONLY_STAMP,
    },
    Row {
        case: ("note-appended", "clean"),
        ours: &[("coverage", "bad")],
        at_stamp: Bad,
        with_time: GIVEN,
        pdfsig: Bad,
        cms: GIVEN,
        ts: ONLY_STAMP,
    },
    Row {
        case: ("swapped", "clean"),
        ours: &[("integrity", "bad")],
        at_stamp: Bad,
        with_time: Bad,
        pdfsig: Bad,
        cms: Bad,
        ts: ONLY_STAMP,
    },
    Row {
        case: ("expired-before", "clean"),
        ours: &[("chain", "bad"), ("revocation", "unknown")],
        at_stamp: Bad,
        with_time: NO_EXPIRY,
        pdfsig: AS_OF_NOW,
        cms: Bad,
        ts: ONLY_STAMP,
    },
    Row {
        case: ("expired-after", "clean"),
        ours: &[],
        at_stamp: Good,
        with_time: Good,
        pdfsig: Good,
        cms: Good,
        ts: Good,
    },
    Row {
        case: ("expired-unstamped", "clean"),
        ours: &[("chain", "bad"), ("revocation", "unknown"), ("time_stamp", "not_present")],
        at_stamp: Bad,
        with_time: Bad,
        pdfsig: AS_OF_NOW,
        cms: Bad,
        ts: Bad,
    },
    Row {
        case: ("not-yet", "clean"),
        ours: &[("chain", "bad"), ("revocation", "unknown")],
        at_stamp: Bad,
        with_time: NO_EXPIRY,
        pdfsig: AS_OF_NOW,
        cms: Bad,
        ts: ONLY_STAMP,
    },
    Row {
        case: ("good", "before"),
        ours: &[("revocation", "bad")],
        at_stamp: Bad,
        with_time: Bad,
        pdfsig: NO_LISTS,
        cms: Bad,
        ts: ONLY_STAMP,
    },
    Row {
        case: ("good", "after"),
        ours: &[],
        at_stamp: NO_LATER_LIST,
        with_time: Good,
        pdfsig: Good,
        cms: NO_LATER_LIST,
        ts: Good,
    },
    Row {
        case: ("untrusted", "clean"),
        ours: &[("chain", "bad"), ("revocation", "unknown")],
        at_stamp: Bad,
        with_time: Bad,
        pdfsig: AS_OF_NOW,
        cms: Bad,
        ts: ONLY_STAMP,
    },
    Row {
        case: ("untrusted-stamp", "clean"),
        ours: &[("time_stamp", "bad")],
        at_stamp: Bad,
        with_time: Bad,
        pdfsig: NO_STAMPS,
        cms: NO_STAMPS,
        ts: Bad,
    },
];

/// The cases' files, and whom they are judged by.
struct Cases {
    folder: tempfile::TempDir,
    /// The authority of the cases and the node's.
    anchors: PathBuf,
    stamped_unix_s: u64,
}

impl Cases {
    fn new() -> Self {
        let (one, other) = (Case::new(), Case::new());
        let folder = tempfile::tempdir().expect("a folder");
        let page = |case: &Case, name: &str| {
            let pdf = case.township.get(&path(&case.signed(), "/report.pdf")).expect(200).body;
            let file = folder.path().join(name);
            std::fs::write(&file, pdf).expect("a file");
            file
        };
        let (page, other) = (page(&one, "page.pdf"), page(&other, "other.pdf"));
        let mut command = python();
        let made = command.arg("make_signature_cases.py").args([&page, &other]).arg(folder.path());
        let made = made.output().expect("Python");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let stamped_unix_s = String::from_utf8_lossy(&made.stdout).trim().parse().expect("seconds");
        let anchors = folder.path().join("both.pem");
        let node = PathBuf::from(one.node.demo()["trust_anchors"].as_str().expect("trust_anchors"));
        let pem = |file: &Path| std::fs::read_to_string(file).expect("PEM");
        let both = pem(&folder.path().join("anchors.pem")) + &pem(&node);
        std::fs::write(&anchors, both).expect("a file");
        Self { folder, anchors, stamped_unix_s }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn page(&self, row: &Row) -> PathBuf {
        self.file(&format!("{}.pdf", row.case.0))
    }

    fn list(&self, row: &Row) -> PathBuf {
        self.file(&format!("{}.crl", row.case.1))
    }

    /// pyHanko as of the time stamp, and with the time stamp.
    fn pyhanko(&self, row: &Row) -> [(bool, String); 2] {
        let mut command = python();
        command.args(["judge_signatures.py", "--pades"]).arg(&self.anchors).arg(self.list(row));
        let output = command.arg(self.page(row)).output().expect("Python");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said: Json = serde_json::from_slice(&output.stdout).expect("JSON");
        let at_stamp = said["at_stamp"]["ok"] == true && said["at_stamp"]["stamp"] == true;
        [(at_stamp, said.to_string()), (said["with_time"] == "OK", said.to_string())]
    }

    fn pdfsig(&self, row: &Row) -> (bool, String) {
        let said = run("pdfsig", &[text(&self.page(row))]).output();
        let is_whole = said.contains("Total document signed") && !said.contains("Not total document signed");
        (is_whole && said.contains("Signature is Valid"), said)
    }

    /// OpenSSL on the signature as it lies in the page, and on its time stamp.
    fn openssl(&self, row: &Row) -> [(bool, String); 2] {
        let apart = tempfile::tempdir().expect("a folder");
        let file = |name: &str| apart.path().join(name).to_str().expect("UTF-8").to_owned();
        let mut command = python();
        command.args(["judge_signatures.py", "--apart"]).arg(self.page(row)).arg(apart.path());
        assert!(command.status().expect("Python").success());
        let list = file("list.pem");
        let as_pem =
            ["crl", "-inform", "DER", "-in", text(&self.list(row)), "-out", &list].map(str::to_owned);
        run("openssl", &as_pem.each_ref().map(String::as_str)).expect_success();
        let trusted = file("trusted.pem");
        let pem =
            [self.anchors.clone(), PathBuf::from(&list)].map(|f| std::fs::read_to_string(f).expect("PEM"));
        std::fs::write(&trusted, pem.concat()).expect("a file");
        // Without a time stamp there is no other moment than now.
        let is_stamped = apart.path().join("token").exists();
        let moment = self.stamped_unix_s.to_string();
        let (p7s, content) = (file("page.p7s"), file("content"));
        let mut arguments = vec!["cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", &p7s];
        arguments.extend(["-content", &content, "-CAfile", &trusted, "-crl_check", "-out", "/dev/null"]);
        if is_stamped {
            arguments.extend(["-attime", &moment]);
        }
        let cms = run("openssl", &arguments);
        let (token, value) = (file("token"), file("value"));
        let anchors = text(&self.anchors);
        let stamp = ["ts", "-verify", "-token_in", "-in", &token, "-data", &value, "-CAfile", anchors];
        let ts = run("openssl", &stamp);
        [(cms.status == Some(0), cms.output()), (ts.status == Some(0), ts.output())]
    }
}

#[test]
fn each_judge_says_of_each_case_what_the_table_says() {
    let cases = Cases::new();
    let mut wrong = Vec::new();
    for row in &TABLE {
        let [at_stamp, with_time] = cases.pyhanko(row);
        let [cms, ts] = cases.openssl(row);
        for (judge, expected, (is_good, said)) in [
            ("pyHanko, at the stamp", row.at_stamp, at_stamp),
            ("pyHanko, with time", row.with_time, with_time),
            ("pdfsig", row.pdfsig, cases.pdfsig(row)),
            ("openssl cms", row.cms, cms),
            ("openssl ts", row.ts, ts),
        ] {
            if is_good != expected.is_good() {
                wrong.push(format!("{:?}, {judge}: expected {expected:?}\n{said}", row.case));
            }
            let is_case_good = row.ours.is_empty();
            assert!(
                matches!((is_case_good, expected), (true, Good | Stricter(_)) | (false, Bad | NotSeen(_))),
                "{:?}, {judge}: {expected:?} is no opinion on it",
                row.case
            );
        }
        let seen = [row.at_stamp, row.with_time, row.pdfsig, row.cms, row.ts].contains(&Bad);
        assert!(row.ours.is_empty() || seen, "{:?}: nobody else sees it", row.case);

        let (page, list) = (cases.page(row), cases.list(row));
        let more = ["--trust-anchor", text(&cases.anchors), "--crl", text(&list)];
        let verdict = ours(std::slice::from_ref(&page), &more);
        let status = farsight(&[&["verify", text(&page)], &more[..]].concat()).status;
        let is_ok = row.ours.is_empty();
        if (status == Some(0), &verdict["ok"]) != (is_ok, &Json::from(is_ok)) {
            wrong.push(format!("{:?}, we: exit {status:?}, {verdict}", row.case));
        }
        for finding in ["integrity", "coverage", "chain", "revocation", "time_stamp", "credential"] {
            let named = row.ours.iter().find(|(name, _)| *name == finding);
            let expected = named.map_or("good", |(_, result)| result);
            if verdict[finding]["result"] != expected {
                wrong.push(format!("{:?}, we: {finding} is not {expected}: {}", row.case, verdict[finding]));
            }
        }
        // No images were given, and offline nobody knows of later versions.
        for finding in ["evidence", "superseded"] {
            assert_eq!(verdict[finding]["result"], "unknown", "{:?}: {verdict}", row.case);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn an_expired_certificate_without_a_time_stamp_is_bad_where_time_stamps_are_optional_too() {
    let cases = Cases::new();
    let page = cases.file("expired-unstamped.pdf");
    let more = ["--trust-anchor", text(&cases.anchors), "--time-stamps-optional"];
    let verdict = ours(std::slice::from_ref(&page), &more);
    assert_eq!((&verdict["ok"], &verdict["chain"]["result"]), (&false.into(), &"bad".into()), "{verdict}");
}

/// Of the images nobody else knows anything: no judge but ours reads what the report says.
#[test]
fn the_images_that_a_report_names_are_compared_with_those_in_a_folder() {
    let case = Case::new();
    let signed = case.signed();
    let folder = tempfile::tempdir().expect("a folder");
    let pdf = folder.path().join("report.pdf");
    std::fs::write(&pdf, case.township.get(&path(&signed, "/report.pdf")).expect(200).body).expect("a file");
    let images = folder.path().join("images");
    std::fs::create_dir(&images).expect("a folder");
    let files: Vec<PathBuf> =
        case.images.iter().enumerate().map(|(n, ct)| ct.file().write(&images, &format!("{n}.dcm"))).collect();
    let anchors = case.node.demo()["trust_anchors"].as_str().expect("trust_anchors").to_owned();
    let judge = || {
        let more = ["--trust-anchor", &anchors, "--evidence", text(&images)];
        let verdict = ours(std::slice::from_ref(&pdf), &more);
        let status = farsight(&[&["verify", text(&pdf)], &more[..]].concat()).status;
        (verdict["evidence"]["result"].as_str().expect("a result").to_owned(), status == Some(0))
    };
    assert_eq!(judge(), ("good".to_owned(), true));
    let whole = std::fs::read(&files[1]).expect("a file");
    let mut changed = whole.clone();
    *changed.last_mut().expect("pixels") ^= 1;
    std::fs::write(&files[1], &changed).expect("a file");
    assert_eq!(judge(), ("bad".to_owned(), false));
    // What is not at hand is told, and held against nobody.
    std::fs::remove_file(&files[1]).expect("a file");
    assert_eq!(judge(), ("unknown".to_owned(), true));
    std::fs::write(&files[1], &whole).expect("a file");
    assert_eq!(judge(), ("good".to_owned(), true));
}

#[test]
fn a_detached_signature_of_another_report_is_refused_by_openssl_and_by_us() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, other) = (Case::new(), Case::new());
    let take = |case: &Case, name: &str| {
        let signed = case.signed();
        ["json", "p7s"].map(|kind| {
            let file = folder.path().join(format!("{name}.{kind}"));
            let bytes = case.township.get(&path(&signed, &format!("/report.{kind}"))).expect(200).body;
            std::fs::write(&file, bytes).expect("a file");
            file
        })
    };
    let ([json, own], [_, foreign]) = (take(&one, "one"), take(&other, "other"));
    let anchors = one.node.demo()["trust_anchors"].as_str().expect("trust_anchors").to_owned();
    for (signature, is_own) in [(&own, true), (&foreign, false)] {
        let more = ["--trust-anchor", &anchors];
        let verdict = ours(&[json.clone(), signature.clone()], &more);
        assert_eq!(verdict["ok"], is_own, "{verdict}");
        assert_eq!(verdict["integrity"]["result"], if is_own { "good" } else { "bad" }, "{verdict}");
        let mut arguments =
            vec!["cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", text(signature)];
        arguments.extend(["-content", text(&json), "-CAfile", &anchors, "-out", "/dev/null"]);
        assert_eq!(run("openssl", &arguments).status == Some(0), is_own);
    }
}
