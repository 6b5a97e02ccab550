//! What must be refused: each in the protocol's own terms, in bounded memory, nothing half stored, the node answering.

use crate::support::dicom::Elements;
use crate::support::node::Org;
use crate::support::programs::{Done, finish, python};
use crate::support::{Ct, Node, Part10};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock};

const MEMORY_GROWTH_MAX: u64 = 64 << 20;

/// A hostile file, its name, and the study that it pretends to be of.
struct Hostile {
    name: &'static str,
    file: Vec<u8>,
    study: String,
}

/// A CT image whose data set ends with something.
fn with_tail(name: &'static str, tail: impl Fn(Elements) -> Elements) -> Hostile {
    let ct = Ct::new();
    let file = Part10::new(&ct.instance, tail(ct.data_set()).bytes).bytes;
    Hostile { name, file, study: ct.study }
}

/// A CT image with something before its pixels, so that nothing can be skipped.
fn with_head(name: &'static str, head: Elements) -> Hostile {
    let ct = Ct::new();
    let mut bytes = head.bytes;
    bytes.extend(ct.data_set().bytes);
    Hostile { name, file: Part10::new(&ct.instance, bytes).bytes, study: ct.study }
}

fn hostile() -> Vec<Hostile> {
    let whole = Ct::new().sized(64);
    let length = whole.file().bytes.len();
    let truncated = |name, length| Hostile {
        name,
        file: whole.file().truncated(length).bytes,
        study: whole.study.clone(),
    };
    vec![
        Hostile {
            name: "not-dicom",
            file: b"%PDF-1.4 this is something else".repeat(50),
            study: "2.25.1".into(),
        },
        Hostile { name: "zeros", file: vec![0; 200_000], study: "2.25.1".into() },
        truncated("truncated-in-the-pixels", length - 1000),
        truncated("truncated-in-a-header", 700),
        with_tail("100000-nested-sequences", |e| e.nested(100_000)),
        with_head("100000-nested-sequences-first", Elements::default().nested(100_000)),
        with_tail("4-GB-element", |e| e.header(0x7FE1_0010, "OB", 0xFFFF_FFFE)),
        with_head("4-GB-element-first", Elements::default().header(0x0006_0010, "OB", 0xFFFF_FFF0)),
    ]
}

/// The node that gets all of it, one test at a time, because its memory is measured.
fn node() -> MutexGuard<'static, Node> {
    static NODE: OnceLock<Mutex<Node>> = OnceLock::new();
    let node = NODE.get_or_init(|| {
        let node = Node::start("bad-input");
        // Warm: one good object by each way.
        let ct = Ct::new().sized(256);
        node.machine(Org::Township).stow(&[ct.file()]).expect(200);
        node.machine(Org::Township).get(&format!("{}/rendered", ct.path())).expect(200);
        node.person("uploader");
        node.assert_alive();
        Mutex::new(node)
    });
    node.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn refused(way: &str, send: impl Fn(&Node, &Hostile)) {
    let node = node();
    for bad in hostile() {
        let before = node.memory_peak_bytes();
        send(&node, &bad);
        let grown = node.memory_peak_bytes().saturating_sub(before);
        assert!(grown < MEMORY_GROWTH_MAX, "{way}, {}: {} MB more", bad.name, grown >> 20);
        node.assert_alive();
        let study = node.machine(Org::Township).get(&format!("/dicom-web/studies/{}/metadata", bad.study));
        assert_eq!(study.status, 404, "{way}, {}: nothing is half stored", bad.name);
    }
    let incoming = files_below(&node.data().join("incoming"));
    let left: Vec<_> = incoming.iter().filter(|p| p.metadata().is_ok_and(|m| m.len() > 0)).collect();
    assert!(left.len() < 3, "{way}: left behind {left:?}");
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut waiting = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(path) = waiting.pop() {
        for entry in std::fs::read_dir(&path).into_iter().flatten().flatten() {
            if entry.path().is_dir() { waiting.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files
}

fn write(bad: &Hostile, folder: &Path) -> PathBuf {
    let path = folder.join(format!("{}.dcm", bad.name));
    std::fs::write(&path, &bad.file).expect("a file");
    path
}

/// pynetdicom sends a file's data set as it is, whatever it holds; prints the status of each.
fn send_raw(node: &Node, files: &[&Path]) -> Done {
    let mut command = python();
    command.args(["send.py", "127.0.0.1", &node.dicom_port().to_string(), "TOWNSHIP"]).args(files);
    finish(command)
}

#[test]
fn by_stow() {
    refused("STOW-RS", |node, bad| {
        let answer = node.machine(Org::Township).stow(&[&bad.file]).expect(409).json();
        let reason =
            answer["00081198"]["Value"][0]["00081197"]["Value"][0].as_u64().expect("a failure reason");
        assert!(reason >= 0xA700 || reason == 0x0110, "{}: {reason:04X}", bad.name);
    });
}

#[test]
fn by_upload() {
    refused("upload", |node, bad| {
        node.person("uploader")
            .post_bytes("/api/v1/uploads", "application/dicom", bad.file.clone())
            .expect_problem(422, "invalid");
    });
}

#[test]
fn by_c_store() {
    refused("C-STORE", |node, bad| {
        // Without a file meta group no association can be asked for: the other ways see those.
        if bad.file.get(128..132) != Some(b"DICM") {
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let done = send_raw(node, &[&write(bad, folder.path())]).expect_success();
        let status = done.stdout.split_whitespace().last().expect("a status").to_owned();
        assert!(
            status.starts_with('C') || status.starts_with("A9") || status == "0110",
            "{}: {status}",
            bad.name
        );
    });
}

#[test]
fn by_import() {
    refused("import", |node, bad| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = write(bad, folder.path());
        let done =
            node.command(&["import", path.to_str().expect("UTF-8"), "--org", node.id_of(Org::Township)]);
        let done = done.expect_failure();
        assert!(done.stderr.contains(bad.name), "{}: the file is named: {}", bad.name, done.output());
    });
}

#[test]
fn garbage_on_the_dicom_port() {
    let node = node();
    for bytes in [vec![0xFF; 100_000], b"GET / HTTP/1.1\r\n\r\n".to_vec(), {
        // A-ASSOCIATE-RQ that declares 4 GB.
        let mut pdu = vec![0x01, 0x00, 0xFF, 0xFF, 0xFF, 0xF0, 0x00, 0x01];
        pdu.extend(vec![0x20; 5000]);
        pdu
    }] {
        let before = node.memory_peak_bytes();
        use std::io::{Read as _, Write as _};
        let mut socket =
            std::net::TcpStream::connect(("127.0.0.1", node.dicom_port())).expect("a connection");
        socket.set_read_timeout(Some(std::time::Duration::from_secs(30))).expect("a time limit");
        let _ = socket.write_all(&bytes);
        let mut answer = Vec::new();
        // Closed, aborted or reset: but ended.
        if let Err(error) = socket.read_to_end(&mut answer) {
            assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the node hangs on garbage");
        }
        assert!(node.memory_peak_bytes().saturating_sub(before) < MEMORY_GROWTH_MAX);
        node.assert_alive();
    }
}

#[test]
fn http_that_is_not_what_it_says() {
    let node = node();
    let machine = node.machine(Org::Township);
    machine
        .post_bytes("/dicom-web/studies", "text/plain", b"hello".to_vec())
        .expect_problem(415, "unsupported-media-type");
    let no_boundary = "multipart/related; type=\"application/dicom\"";
    machine
        .post_bytes("/dicom-web/studies", no_boundary, b"hello".to_vec())
        .expect_problem(400, "bad-request");
    let broken = "multipart/related; type=\"application/dicom\"; boundary=x";
    let status = machine.post_bytes("/dicom-web/studies", broken, b"--x\r\n\r\nhalf".to_vec()).status;
    assert!(status == 400 || status == 409, "{status}");
    for body in ["", "{", "[]", "{\"login\": 1}"] {
        let answer =
            node.nobody().post_bytes("/api/v1/session", "application/json", body.as_bytes().to_vec());
        assert!((400..500).contains(&answer.status), "{body}: {}", answer.status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{body}");
    }
    for path in [
        "/dicom-web/studies/..%2F..%2Fetc%2Fpasswd",
        "/dicom-web/studies/1.2.3%00",
        "/dicom-web/studies?limit=-1",
        "/dicom-web/studies?offset=99999999999999999999",
    ] {
        let status = machine.get(path).status;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    node.assert_alive();
}
