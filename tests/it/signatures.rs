//! Signatures that stand up anywhere: OpenSSL's time-stamping authority, pyHanko and pdfsig as judges, and what happens
//! when the authority is away or the node is killed.

use crate::consult::{Case, act, path, sign};
use crate::support::node::{Org, farsight, program, work_folder};
use crate::support::programs::python;
use crate::support::{Node, run, wait_for};
use serde_json::{Value as Json, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

/// Files that are judged by one call of each judge.
const BATCH: usize = 100;
/// Bytes of a PDF that are changed, one in each file.
const SAMPLES: usize = 1000;

/// Of a key that is installed.
const PASSPHRASE: &str = "another passphrase";

/// OpenSSL's `ts` behind HTTP (tests/peers/tsa.py).
struct Tsa {
    folder: PathBuf,
    process: Child,
    port: u16,
}

impl Tsa {
    fn start(folder: &Path, port: u16) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let mut command = python();
        command.arg("tsa.py").arg(folder).arg(port.to_string());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("Python");
        let mut line = String::new();
        let output = process.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("the port");
        let port = line.trim().parse().expect("the port");
        Self { folder: folder.to_owned(), process, port }
    }

    fn anchors(&self) -> PathBuf {
        self.folder.join("anchors.pem")
    }
}

impl Drop for Tsa {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A node that asks this authority.
fn node_with(name: &str, data: &Path, tsa: &Tsa) -> Node {
    let url = format!("http://127.0.0.1:{}/", tsa.port);
    let anchors = tsa.anchors();
    let arguments = ["--no-samples", "--timestamp-url", &url, "--timestamp-trust-anchors", text(&anchors)];
    Node::start_in(name, data, &arguments)
}

/// What a judge in Python says of some PDFs.
pub(crate) fn pyhanko(anchors: &Path, files: &[PathBuf]) -> Vec<Json> {
    let mut command = python();
    let output = command.arg("judge_signatures.py").arg(anchors).args(files).output().expect("Python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Whether pyHanko finds a whole file signed by all.
pub(crate) fn is_good(verdict: &Json) -> bool {
    verdict["signatures"].as_array().is_some_and(|all| {
        let last = all.last().is_some_and(|one| one["coverage"] == "ENTIRE_FILE");
        last && all.iter().all(|one| one["ok"] == true)
    })
}

/// What we say of some files, with more arguments.
pub(crate) fn ours(files: &[PathBuf], more: &[&str]) -> Json {
    let mut arguments = vec!["verify", "--json"];
    arguments.extend(files.iter().map(|file| text(file)));
    arguments.extend(more);
    let done = farsight(&arguments);
    serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {}", done.output()))
}

#[test]
fn openssl_stamps_our_signatures_and_verifies_them() {
    let folder = work_folder().join("tsa-openssl");
    let tsa = Tsa::start(&folder.join("tsa"), 0);
    let node = node_with("tsa", &folder.join("data"), &tsa);
    let case = Case::on(&node);
    let signed = case.signed();
    assert_eq!(signed["state"], "delivered", "{signed}");
    let file = |name: &str| {
        let to = folder.join(name);
        std::fs::write(&to, case.township.get(&path(&signed, &format!("/{name}"))).expect(200).body)
            .expect("a file");
        to
    };
    let (p7s, pdf, json) = (file("report.p7s"), file("report.pdf"), file("report.json"));
    let taken = python().args(["judge_signatures.py", "--token"]).arg(&p7s).arg(&folder).status();
    assert!(taken.expect("Python").success());
    let (token, value) = (folder.join("token"), folder.join("value"));
    let anchors = tsa.anchors();
    let verify = |data: &Path| {
        let (token, data, anchors) = (text(&token), text(data), text(&anchors));
        run("openssl", &["ts", "-verify", "-token_in", "-in", token, "-data", data, "-CAfile", anchors])
    };
    verify(&value).expect_success();
    verify(&json).expect_failure();
    // Both authorities are trusted, or the time stamp is not.
    let own = node.demo()["trust_anchors"].as_str().expect("trust_anchors");
    let both = ["--trust-anchor", own, "--trust-anchor", text(&anchors)];
    let verdict = ours(std::slice::from_ref(&pdf), &both);
    assert_eq!(
        (&verdict["ok"], &verdict["time_stamp"]["result"]),
        (&true.into(), &"good".into()),
        "{verdict}"
    );
    assert_eq!(verdict["revocation"]["result"], "good", "{verdict}");
    let one = ours(std::slice::from_ref(&pdf), &["--trust-anchor", own]);
    assert_eq!((&one["ok"], &one["time_stamp"]["result"]), (&false.into(), &"bad".into()), "{one}");
    let pem = folder.join("both.pem");
    let joined = [own, text(&anchors)].map(|file| std::fs::read_to_string(file).expect("PEM")).concat();
    std::fs::write(&pem, joined).expect("a file");
    let judged = pyhanko(&pem, std::slice::from_ref(&pdf));
    assert!(is_good(&judged[0]) && judged[0]["signatures"][0]["stamp"] == true, "{}", judged[0]);
}

#[test]
fn while_the_authority_is_away_a_report_waits_through_kill_9_and_is_then_delivered() {
    let folder = work_folder().join("tsa-away");
    let tsa = Tsa::start(&folder.join("tsa"), 0);
    let (port, data) = (tsa.port, folder.join("data"));
    let mut node = node_with("tsa-away", &data, &tsa);
    drop(tsa);
    let case = Case::on(&node);
    let signed = case.signed();
    assert_eq!(signed["state"], "final", "{signed}");
    assert_eq!(signed["versions"][0]["pending_time_stamp"], true, "{signed}");
    case.township.get(&path(&signed, "/report.pdf")).expect_problem(404, "not-found");
    drop(case);
    node.kill();
    drop(node);

    let tsa = Tsa::start(&folder.join("tsa"), port);
    let node = node_with("tsa-back", &data, &tsa);
    let township = node.person("township");
    let delivered = wait_for("the report is delivered", Duration::from_secs(120), || {
        let seen = township.get(&path(&signed, "")).expect(200).json();
        (seen["state"] == "delivered").then_some(seen)
    });
    assert_eq!(delivered["versions"][0]["pending_time_stamp"], false, "{delivered}");
    let verdict = township.get(&path(&signed, "/verify")).expect(200).json();
    assert_eq!(
        (&verdict["ok"], &verdict["time_stamp"]["result"]),
        (&true.into(), &"good".into()),
        "{verdict}"
    );
}

#[test]
fn other_judges_agree_on_a_good_page_and_on_a_thousand_bad_ones() {
    let case = Case::new();
    let signed = case.signed();
    let folder = tempfile::tempdir().expect("a folder");
    let pdf = case.township.get(&path(&signed, "/report.pdf")).expect(200).body;
    let good = folder.path().join("good.pdf");
    std::fs::write(&good, &pdf).expect("a file");
    let anchors = PathBuf::from(case.node.demo()["trust_anchors"].as_str().expect("trust_anchors"));
    let trust = ["--trust-anchor", text(&anchors)];
    let verdict = ours(std::slice::from_ref(&good), &trust);
    assert_eq!(verdict["ok"], true, "{verdict}");
    let judged = pyhanko(&anchors, std::slice::from_ref(&good));
    assert!(is_good(&judged[0]), "{}", judged[0]);
    let pdfsig = run("pdfsig", &[text(&good)]).expect_success().stdout;
    assert!(pdfsig.contains("Signature is Valid") && pdfsig.contains("Total document signed"), "{pdfsig}");
    run("qpdf", &["--check", text(&good)]).expect_success();

    let appended = folder.path().join("appended.pdf");
    std::fs::write(&appended, [pdf.as_slice(), b"\n% more\n"].concat()).expect("a file");
    assert_eq!(ours(std::slice::from_ref(&appended), &trust)["coverage"]["result"], "bad");
    assert!(!is_good(&pyhanko(&anchors, &[appended])[0]));

    // `ByteRange [0 start end rest]`: between start and end is the signature itself.
    let range = String::from_utf8_lossy(&pdf);
    let range = range.split("/ByteRange[0 ").nth(1).expect("a byte range").split(' ').take(2);
    let range: Vec<usize> = range.map(|number| number.parse().expect("a number")).collect();
    let room = range[0]..range[1];
    let (mut stricter, mut same) = (0, 0);
    for batch in 0..SAMPLES / BATCH {
        let files: Vec<PathBuf> = (0..BATCH)
            .map(|n| {
                let sample = batch * BATCH + n;
                let mut changed = pdf.clone();
                let at = pdf.len() * sample / SAMPLES;
                changed[at] ^= 1 << (sample % 8);
                let file = folder.path().join(format!("changed-{n}.pdf"));
                std::fs::write(&file, changed).expect("a file");
                file
            })
            .collect();
        let theirs = pyhanko(&anchors, &files);
        for (n, (file, theirs)) in files.iter().zip(&theirs).enumerate() {
            let at = pdf.len() * (batch * BATCH + n) / SAMPLES;
            let done = farsight(&["verify", text(file), trust[0], trust[1]]);
            assert_ne!(
                done.status,
                Some(0),
                "we take {}: {}; pyHanko: {theirs}",
                file.display(),
                done.output()
            );
            // Zeros behind the signature in its room are no business of pyHanko's: there alone we are stricter.
            if is_good(theirs) {
                stricter += 1
            } else {
                same += 1
            }
            assert!(
                !is_good(theirs) || room.contains(&at),
                "pyHanko takes byte {at}, which is signed: {theirs}"
            );
        }
    }
    assert!(same > SAMPLES / 2, "pyHanko agrees on {same}, takes {stricter}");
    println!(
        "pyHanko agrees on {same} of {SAMPLES}, takes {stricter} that differ in the room of a signature"
    );
}

/// `farsight key install` for a person, with the file's password and the signing passphrase on standard input.
fn install(node: &Node, person: &str, p12: &Path, password: &str) -> std::process::Output {
    let mut command = std::process::Command::new(program());
    command.args(["key", "install", "--person", person, "--p12"]).arg(p12).arg("--data").arg(node.data());
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = pipes.spawn().expect("the program");
    let input = format!("{password}\n{PASSPHRASE}\n");
    process.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("the program reads");
    process.wait_with_output().expect("the program ends")
}

/// The keys of the demonstration's own authority.
fn authority_of(node: &Node, folder: &Path) -> PathBuf {
    let secrets = std::fs::read_to_string(node.data().join("demo-secrets.json")).expect("secrets");
    let secrets: Json = serde_json::from_str(&secrets).expect("JSON");
    let authority = folder.join("authority.pem");
    std::fs::write(&authority, secrets["authority_pem"].as_str().expect("PEM")).expect("a file");
    authority
}

/// A PKCS#12 file with an RSA key of this person, issued by the authority in a PEM file.
fn p12(folder: &Path, authority: &Path, name: &str, organisation: &str) -> PathBuf {
    let file = |name: &str| folder.join(name);
    let (key, csr, certificate, p12) = (file("key.pem"), file("csr"), file("cert.pem"), file("key.p12"));
    let extensions = file("extensions");
    std::fs::write(&extensions, "keyUsage = critical, digitalSignature, nonRepudiation\n").expect("a file");
    let subject = format!("/O={organisation}/CN={name}");
    let openssl = |arguments: &[&str]| run("openssl", arguments).expect_success();
    let new = ["req", "-newkey", "rsa:3072", "-nodes", "-utf8", "-subj", &subject];
    openssl(&[&new[..], &["-keyout", text(&key), "-out", text(&csr)]].concat());
    let issue = ["x509", "-req", "-in", text(&csr), "-CA", text(authority), "-CAkey", text(authority)];
    let rest = ["-set_serial", "0x1234567890", "-days", "30", "-extfile", text(&extensions)];
    openssl(&[&issue[..], &rest, &["-out", text(&certificate)]].concat());
    let export = ["pkcs12", "-export", "-inkey", text(&key), "-in", text(&certificate)];
    openssl(&[&export[..], &["-out", text(&p12), "-passout", "pass:file password"]].concat());
    p12
}

#[test]
fn a_key_of_a_certificate_authority_is_installed_and_signs() {
    let node = Node::start("keys");
    let folder = tempfile::tempdir().expect("a folder");
    let authority = authority_of(&node, folder.path());
    let (name, centre) = ("刘洋", "市医院诊断中心");
    assert_eq!(node.account("reader2")["name"], name);
    let file = p12(folder.path(), &authority, name, centre);
    let refused = |person: &str, password: &str, why: &str| {
        let done = install(&node, person, &file, password);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && said.contains(why), "{said}");
    };
    refused("reader2", "another password", "password is wrong");
    refused("reader", "file password", "the certificate is of 刘洋");
    refused("nobody", "file password", "no person");
    let done = install(&node, "reader2", &file, "file password");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let case = Case::on(&node);
    let reader = node.person("reader2");
    let claimed = act(&reader, &case.submitted(), "claim").expect(200).json();
    let written = serde_json::json!({"version": claimed["version"], "report": case.report()});
    let mut consult = claimed;
    consult["version"] =
        reader.put(&path(&consult, "/report"), &written).expect(200).json()["version"].clone();
    sign(&reader, &consult, &case.passphrase()).expect_problem(403, "wrong-passphrase");
    let signed = sign(&reader, &consult, &PASSPHRASE.into()).expect(200).json();
    let pdf = folder.path().join("report.pdf");
    std::fs::write(&pdf, case.township.get(&path(&signed, "/report.pdf")).expect(200).body).expect("a file");
    let anchors = PathBuf::from(node.demo()["trust_anchors"].as_str().expect("trust_anchors"));
    let verdict = ours(std::slice::from_ref(&pdf), &["--trust-anchor", text(&anchors)]);
    assert_eq!(
        (&verdict["ok"], &verdict["revocation"]["result"]),
        (&true.into(), &"unknown".into()),
        "{verdict}"
    );
    assert!(is_good(&pyhanko(&anchors, std::slice::from_ref(&pdf))[0]));
}

#[test]
fn who_reads_for_two_organisations_is_told_for_which_of_them_their_key_signs() {
    const SECOND: &str = "second-centre";
    let node = Node::start("keys-two");
    let folder = tempfile::tempdir().expect("a folder");
    let (city, township) = (node.id_of(Org::City), node.id_of(Org::Township));
    let add = ["org", "add", SECOND, "第二诊断中心", "--kind", "centre", "--looked-after-by", city];
    node.command(&add).expect_success();
    let between = ["agreement", "add", "--requesting", township, "--reading", SECOND];
    node.command(&[&between[..], &["--signatures", "single", "--auto-accept"]].concat()).expect_success();
    node.let_act_for("reader", SECOND, "reader");

    let case = Case::on(&node);
    let reader = node.person("reader");
    let acting_for = |organisation: &str| {
        let wish = json!({"organisation": organisation});
        let me = reader.put("/api/v1/session/acting-for", &wish).expect(200).json();
        (me["can_sign"].clone(), me["signing_key_of"].as_str().map(str::to_owned))
    };
    let (can_sign, whose) = acting_for(SECOND);
    assert_eq!(can_sign, false);
    assert!(
        whose.as_ref().is_some_and(|of| of.contains("王建国") && of.contains("市医院诊断中心")),
        "{whose:?}"
    );
    let mut request = case.request();
    request["reading_organisation"] = SECOND.into();
    let draft = case.township.post("/api/v1/consults", &request).expect(201).json();
    let asked = act(&case.township, &draft, "submit").expect(200).json();
    let mut consult = act(&reader, &asked, "claim").expect(200).json();
    let written = json!({"version": consult["version"], "report": case.report()});
    consult["version"] =
        reader.put(&path(&consult, "/report"), &written).expect(200).json()["version"].clone();
    let refused = sign(&reader, &consult, &case.passphrase()).expect_problem(403, "forbidden").json();
    let why = refused["detail"].as_str().expect("words");
    assert!(why.contains("签名证书不是本人在本机构的证书"), "{refused}");

    let authority = authority_of(&node, folder.path());
    let file = p12(folder.path(), &authority, "王建国", "第二诊断中心");
    let done = install(&node, "reader", &file, "file password");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let (can_sign, whose) = acting_for(city);
    assert_eq!(can_sign, false);
    assert!(whose.as_ref().is_some_and(|of| of.contains("第二诊断中心")), "{whose:?}");
    assert_eq!(acting_for(SECOND), (true.into(), None));
    let signed = sign(&reader, &consult, &PASSPHRASE.into()).expect(200).json();
    assert_eq!(signed["versions"][0]["signers"][0]["name"], "王建国", "{signed}");
}
