//! Objects that must be refused whichever way they come.

use super::{MEMORY_GROWTH_MAX, besieged};
use crate::support::dicom::{CT_IMAGE_STORAGE, EXPLICIT_VR_LITTLE_ENDIAN, Elements};
use crate::support::node::Org;
use crate::support::peer::{End, Peer, command, request};
use crate::support::{Ct, Node, Part10};
use flate2::{Compress, Compression, FlushCompress};
use std::process::{Command, Stdio};
use std::time::Duration;

const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const JPEG_BASELINE: &str = "1.2.840.10008.1.2.4.50";
const UNDEFINED: u32 = u32::MAX;
/// UIDs that are none, each for SOP instance, series and study.
const UIDS: [(&str, &str); 10] = [
    ("slashes", "../../../../etc/passwd"),
    ("a-slash", "1.2/3"),
    ("a-quote", "1.2'--"),
    ("a-double-quote", "1.2\">3"),
    ("a-NUL", "1.2\x003"),
    ("a-wildcard", "1.2.*"),
    ("a-space", "1. 2"),
    ("two-values", "1.2\\1.3"),
    ("two-dots", "1..2"),
    ("nothing", ""),
];

/// One item of the corpus.
pub(super) struct Object {
    pub(super) name: String,
    instance: String,
    syntax: &'static str,
    data_set: Vec<u8>,
}

impl Object {
    fn new(name: impl Into<String>, ct: &Ct, syntax: &'static str, data_set: Vec<u8>) -> Self {
        Self { name: name.into(), instance: ct.instance.clone(), syntax, data_set }
    }

    fn file(&self) -> Vec<u8> {
        Part10::in_syntax(&self.instance, self.syntax, self.data_set.clone()).bytes
    }
}

/// The corpus, made anew.
fn objects() -> Vec<Object> {
    let mut all = vec![
        ending("10000-nested-sequences", nested_and_closed(10_000)),
        ending("10000-nested-sequences-of-defined-length", nested_with_lengths(10_000)),
        ending("an-element-beyond-the-end", {
            let mut e = Elements::default().header(0x7FE1_0010, "OB", 4000);
            e.bytes.extend([0; 100]);
            e
        }),
        ending("a-sequence-beyond-the-end", Elements::default().header(0x7FE1_0010, "SQ", 4000)),
        ending("an-item-of-4-GB-in-a-sequence-of-16-bytes", {
            let mut e = Elements::default().header(0x7FE1_0010, "SQ", 16);
            e.bytes.extend([0xFE, 0xFF, 0x00, 0xE0, 0xF0, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0]);
            e
        }),
        ending("a-sequence-of-4-GB", Elements::default().header(0x7FE1_0010, "SQ", 0xFFFF_FFF0)),
        fragmented("a-fragment-of-4-GB", &[(0, &[]), (0xFFFF_FFF0, &[0xFF, 0xD8, 0xFF])], Closing::None),
        fragmented("a-fragment-of-undefined-length", &[(0, &[]), (UNDEFINED, &[0; 64])], Closing::Done),
        fragmented("fragments-without-end", &[(0, &[]), (4, &[0xFF, 0xD8, 0xFF, 0xD9])], Closing::None),
        deflated("a-deflate-bomb", &Bomb::Whole),
        deflated("a-deflate-stream-that-breaks-off", &Bomb::Cut),
        deflated("what-is-no-deflate-stream", &Bomb::Noise),
    ];
    for (kind, uid) in UIDS {
        all.push(named(kind, "instance", &Ct { instance: uid.into(), ..Ct::new() }));
        all.push(named(kind, "series", &Ct { series: uid.into(), ..Ct::new() }));
        all.push(named(kind, "study", &Ct { study: uid.into(), ..Ct::new() }));
    }
    let long = format!("1.{}", "2".repeat(298));
    all.push(named("300-characters", "instance", &Ct { instance: long.clone(), ..Ct::new() }));
    all.push(named("300-characters", "series", &Ct { series: long.clone(), ..Ct::new() }));
    all.push(named("300-characters", "study", &Ct { study: long, ..Ct::new() }));
    all
}

fn named(kind: &str, level: &str, ct: &Ct) -> Object {
    let name = format!("{level}-UID-with-{kind}");
    Object::new(name, ct, EXPLICIT_VR_LITTLE_ENDIAN, ct.data_set().bytes)
}

/// An image with something behind it.
fn ending(name: &str, tail: Elements) -> Object {
    let ct = Ct::new();
    let mut data_set = ct.data_set().bytes;
    data_set.extend(tail.bytes);
    Object::new(name, &ct, EXPLICIT_VR_LITTLE_ENDIAN, data_set)
}

fn nested_and_closed(depth: usize) -> Elements {
    let mut e = Elements::default().nested(depth);
    for _ in 0..depth {
        e.bytes.extend([0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0, 0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    }
    e
}

fn nested_with_lengths(depth: u32) -> Elements {
    let mut e = Elements::default();
    for inside in (0..depth).rev() {
        // A level is 12 bytes of sequence and 8 of item.
        e = e.header(0x7FE1_0010, "SQ", inside * 20 + 8);
        e.bytes.extend([0xFE, 0xFF, 0x00, 0xE0]);
        e.bytes.extend((inside * 20).to_le_bytes());
    }
    e
}

enum Closing {
    Done,
    None,
}

fn fragmented(name: &str, items: &[(u32, &[u8])], closing: Closing) -> Object {
    let ct = Ct::new();
    let mut e = without_pixels(&ct).header(0x7FE0_0010, "OB", UNDEFINED);
    for (length, bytes) in items {
        e.bytes.extend([0xFE, 0xFF, 0x00, 0xE0]);
        e.bytes.extend(length.to_le_bytes());
        e.bytes.extend_from_slice(bytes);
    }
    if matches!(closing, Closing::Done) {
        e.bytes.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    }
    Object::new(name, &ct, JPEG_BASELINE, e.bytes)
}

/// An image's data set up to its pixel data.
pub(super) fn without_pixels(ct: &Ct) -> Elements {
    let mut e = ct.data_set();
    e.bytes.truncate(e.bytes.len() - ct.pixels().len() - 12);
    e
}

enum Bomb {
    /// 2 GB of zeros in 2 MB.
    Whole,
    Cut,
    Noise,
}

fn deflated(name: &str, bomb: &Bomb) -> Object {
    let ct = Ct::new();
    let head = ct.data_set().header(0x7FE1_0010, "OB", 0xF000_0000).bytes;
    let mut compress = Compress::new(Compression::fast(), false);
    let mut piece = |bytes: &[u8]| {
        let mut out = Vec::with_capacity(bytes.len() + 4096);
        compress.compress_vec(bytes, &mut out, FlushCompress::Full).expect("it compresses");
        out
    };
    let mut data_set = piece(&head);
    match bomb {
        // A flushed piece stands for itself, so that the same one may follow without end.
        Bomb::Whole => data_set.extend(piece(&vec![0; 1 << 20]).repeat(2048)),
        Bomb::Cut => data_set.truncate(data_set.len() / 2),
        Bomb::Noise => data_set = vec![0xFF; 5000],
    }
    Object::new(name, &ct, DEFLATED, data_set)
}

#[test]
fn by_stow() {
    let besieged = besieged();
    for object in objects() {
        besieged.withstands(&object.name, |node| {
            let answer = node.machine(Org::Township).stow(&[object.file()]);
            assert_eq!(answer.status, 409, "{}: {}", object.name, answer.text());
            let reason = answer.json()["00081198"]["Value"][0]["00081197"]["Value"][0].as_u64();
            assert!(reason.is_some_and(|r| [0xA900, 0xC000].contains(&r)), "{}: {reason:04X?}", object.name);
        });
    }
    besieged.is_sound();
}

#[test]
fn by_upload() {
    let besieged = besieged();
    let uploader = &besieged.uploader;
    for object in objects() {
        besieged.withstands(&object.name, |_| {
            let answer = uploader.post_bytes("/api/v1/uploads", "application/dicom", object.file());
            assert_eq!(answer.status, 422, "{}: {}", object.name, answer.text());
            answer.expect_problem(422, "invalid");
        });
    }
    besieged.is_sound();
}

#[test]
fn by_c_store() {
    let besieged = besieged();
    for object in objects() {
        besieged.withstands(&object.name, |node| {
            let mut peer = Peer::associate(node, &[(CT_IMAGE_STORAGE, object.syntax)]);
            let command = request(CT_IMAGE_STORAGE, command::STORE, &[(0x1000, object.instance.as_bytes())]);
            let end = peer.message(1, &command, &object.data_set);
            // Cannot understand, does not match the class, or the UID in the command is no UID (PS3.7 §C.5).
            let is_right =
                |status| matches!(status, 0xC000..=0xCFFF | 0xA900..=0xA9FF | 0x0115 | 0x0117 | 0x0106);
            assert!(matches!(end, End::Status(s, 0) if is_right(s)), "{}: {end:04X?}", object.name);
        });
    }
    besieged.is_sound();
}

#[test]
fn by_import() {
    let besieged = besieged();
    let folder = tempfile::tempdir().expect("a folder");
    let all = objects();
    for object in &all {
        std::fs::write(folder.path().join(format!("{}.dcm", object.name)), object.file()).expect("a file");
    }
    besieged.withstands("import", |node| {
        let (failed, errors, peak) = import(node, folder.path());
        assert!(failed, "an import of refused files alone fails");
        for object in &all {
            assert!(errors.contains(&object.name), "{} is named:\n{errors}", object.name);
        }
        let idle = empty_import(node);
        assert!(
            peak < idle + MEMORY_GROWTH_MAX,
            "{} MB of memory, {} MB without a file",
            peak >> 20,
            idle >> 20
        );
    });
    besieged.is_sound();
}

fn empty_import(node: &Node) -> u64 {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("notes.txt"), "not DICOM").expect("a file");
    import(node, folder.path()).2
}

/// Whether it failed, what it said, and the most memory that it was seen to have.
fn import(node: &Node, folder: &std::path::Path) -> (bool, String, u64) {
    let errors = tempfile::NamedTempFile::new().expect("a file");
    let mut child = Command::new(crate::support::node::program())
        .args(["import", "--org", node.id_of(Org::Township), "--data"])
        .arg(node.data())
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(errors.reopen().expect("a handle"))
        .spawn()
        .expect("the program starts");
    let mut peak = 0;
    let status = crate::support::wait_for("the import", Duration::from_secs(120), || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = kilobytes.map_or(peak, |k| k * 1024);
        child.try_wait().expect("it can be asked")
    });
    let said = std::fs::read_to_string(errors.path()).expect("what it said");
    (!status.success(), said, peak)
}
