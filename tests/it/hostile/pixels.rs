//! Objects that are kept as they were acquired though their numbers lie: asking for their pixels is refused.

use super::objects::without_pixels;
use super::{MEMORY_GROWTH_MAX, besieged};
use crate::support::dicom::{EXPLICIT_VR_LITTLE_ENDIAN, Elements};
use crate::support::node::Org;
use crate::support::{Ct, Part10, query};

const RLE: &str = "1.2.840.10008.1.2.5";
const JPEG_BASELINE: &str = "1.2.840.10008.1.2.4.50";
const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.70";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
const JPEG_2000: &str = "1.2.840.10008.1.2.4.90";
const HTJ2K: &str = "1.2.840.10008.1.2.4.201";

/// What is to be had of an object's pixels.
#[derive(Clone, Copy)]
enum Answers {
    /// Its numbers make no frame: there is none to ask for (404), and no picture of it (WADO-URI: 406).
    NoFrame,
    /// What its numbers say beyond what is there is not there; the rest is.
    Whole,
    /// The frame as stored, and no pixels of it: 409, because it is the stored object that stands in the way.
    AsStored,
}

impl Answers {
    /// Of the rendered image, the thumbnail, a JPEG by WADO-URI, plain pixels of frame 1, frame 1 as stored, frame 3,
    /// and of two frame numbers that are none.
    fn statuses(self) -> [u16; 8] {
        match self {
            Self::NoFrame => [404, 404, 406, 404, 404, 404, 400, 400],
            Self::Whole => [200, 200, 200, 200, 200, 404, 400, 400],
            Self::AsStored => [409, 409, 409, 409, 200, 404, 400, 400],
        }
    }
}

/// The problem document of each refusal.
const PROBLEMS: [(u16, &str); 5] = [
    (400, "bad-request"),
    (404, "/not-found"),
    (404, "/no-image"),
    (406, "not-acceptable"),
    (409, "undecodable"),
];

struct Lying {
    name: &'static str,
    answers: Answers,
    ct: Ct,
    file: Part10,
}

fn lying() -> Vec<Lying> {
    let jpeg = |marker: u8, precision: u8| {
        // SOI; SOFn of 65535 × 65535; SOS; EOI.
        let mut bytes =
            vec![0xFF, 0xD8, 0xFF, marker, 0, 11, precision, 0xFF, 0xFF, 0xFF, 0xFF, 1, 1, 0x11, 0];
        bytes.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0x3F, 0, 0xFF, 0xD9, 0]);
        bytes
    };
    let jpeg_2000 = || {
        // SOC; SIZ of 4 gigapixels by 4 in one tile.
        let mut bytes = vec![0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0];
        for number in [u32::MAX, u32::MAX, 0, 0, u32::MAX, u32::MAX, 0, 0] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend([0, 1, 11, 1, 1, 0xFF, 0xD9]);
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        bytes
    };
    let rle = |segments: u32, offset: u32| {
        let mut bytes = segments.to_le_bytes().to_vec();
        bytes.extend(offset.to_le_bytes().repeat(15));
        bytes.extend([0x81, 0xFF, 0x81, 0xFF]);
        bytes
    };
    vec![
        native("frames-x-rows-x-columns-over-64-bits", Answers::NoFrame, "2147483647", u16::MAX),
        native("frames-that-no-integer-holds", Answers::Whole, "99999999999999999999", 16),
        native("a-negative-number-of-frames", Answers::NoFrame, "-7", u16::MAX),
        encapsulated("rle-segments-outside", RLE, &[rle(2, u32::MAX)], &[]),
        encapsulated("rle-of-4-billion-segments", RLE, &[rle(u32::MAX, 64)], &[]),
        encapsulated("rle-that-is-too-short", RLE, &[rle(2, 64)], &[]),
        encapsulated("jpeg-of-65535-squared", JPEG_BASELINE, &[jpeg(0xC0, 8)], &[]),
        encapsulated("jpeg-lossless-of-65535-squared", JPEG_LOSSLESS, &[jpeg(0xC3, 16)], &[]),
        encapsulated("jpeg-ls-of-65535-squared", JPEG_LS, &[jpeg(0xF7, 16)], &[]),
        encapsulated("jpeg-2000-of-4-gigapixels-squared", JPEG_2000, &[jpeg_2000()], &[]),
        encapsulated("htj2k-of-4-gigapixels-squared", HTJ2K, &[jpeg_2000()], &[]),
        encapsulated(
            "an-offset-table-that-points-outside",
            RLE,
            &[rle(2, 64), rle(2, 64)],
            &[0, u32::MAX - 1],
        ),
        extended("an-extended-offset-table-that-points-outside", &[0, u64::MAX - 1], &[64, u64::MAX]),
    ]
}

fn put_frames(e: Elements, frames: &str) -> Elements {
    let mut bytes = e.bytes;
    let rows = b"\x28\x00\x10\x00US";
    let at = bytes.windows(6).position(|w| w == rows).expect("Rows");
    bytes.splice(at..at, Elements::default().text(0x0028_0008, "IS", frames).bytes);
    Elements { bytes }
}

fn native(name: &'static str, answers: Answers, frames: &str, rows: u16) -> Lying {
    let ct = Ct::new();
    let pixels = ct.pixels();
    let mut e = put_frames(without_pixels(&ct), frames);
    for tag in [b"\x28\x00\x10\x00US", b"\x28\x00\x11\x00US"] {
        let at = e.bytes.windows(6).position(|w| w == tag).expect("Rows and Columns");
        e.bytes[at + 8..at + 10].copy_from_slice(&rows.to_le_bytes());
    }
    let e = e.element(0x7FE0_0010, "OW", &pixels);
    Lying { name, answers, file: Part10::in_syntax(&ct.instance, EXPLICIT_VR_LITTLE_ENDIAN, e.bytes), ct }
}

fn items(e: Elements, table: &[u8], fragments: &[Vec<u8>]) -> Elements {
    let mut e = e.header(0x7FE0_0010, "OB", u32::MAX);
    for item in std::iter::once(table).chain(fragments.iter().map(Vec::as_slice)) {
        e.bytes.extend([0xFE, 0xFF, 0x00, 0xE0]);
        e.bytes.extend((item.len() as u32).to_le_bytes());
        e.bytes.extend_from_slice(item);
    }
    e.bytes.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    e
}

fn encapsulated(name: &'static str, syntax: &str, fragments: &[Vec<u8>], table: &[u32]) -> Lying {
    let ct = Ct::new();
    let table: Vec<u8> = table.iter().flat_map(|offset| offset.to_le_bytes()).collect();
    let e = put_frames(without_pixels(&ct), &fragments.len().to_string());
    let e = items(e, &table, fragments);
    Lying { name, answers: Answers::AsStored, file: Part10::in_syntax(&ct.instance, syntax, e.bytes), ct }
}

fn extended(name: &'static str, offsets: &[u64], lengths: &[u64]) -> Lying {
    let ct = Ct::new();
    let table = |numbers: &[u64]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let e = put_frames(without_pixels(&ct), "2").element(0x7FE0_0001, "OV", &table(offsets)).element(
        0x7FE0_0002,
        "OV",
        &table(lengths),
    );
    let e = items(e, &[], &[vec![0; 64], vec![0; 64]]);
    Lying { name, answers: Answers::AsStored, file: Part10::in_syntax(&ct.instance, RLE, e.bytes), ct }
}

#[test]
fn pixels_that_lie_are_kept_and_asking_for_them_is_refused_each_in_its_way() {
    let besieged = besieged();
    let machine = besieged.node.machine(Org::Township);
    let plain = "multipart/related; type=\"application/octet-stream\"; transfer-syntax=1.2.840.10008.1.2.1";
    for lying in lying() {
        let name = lying.name;
        besieged.node.reset_memory_peak();
        let before = besieged.node.memory_peak_bytes();
        let answer = machine.stow(&[&lying.file]);
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let path = lying.ct.path();
        let uri = query(
            "/wado",
            &[
                ("requestType", "WADO"),
                ("studyUID", &lying.ct.study),
                ("seriesUID", &lying.ct.series),
                ("objectUID", &lying.ct.instance),
                ("contentType", "image/jpeg"),
            ],
        );
        let frame = |number: &str| format!("{path}/frames/{number}");
        let asked = [
            (format!("{path}/rendered"), "image/jpeg"),
            (format!("{path}/thumbnail"), "image/jpeg"),
            (uri, "*/*"),
            (frame("1"), plain),
            (frame("1"), "*/*"),
            (frame("3"), "*/*"),
            (frame("4294967297"), "*/*"),
            (frame("99999999999999999999999"), "*/*"),
        ];
        let statuses = lying.answers.statuses();
        for ((path, accept), status) in asked.into_iter().zip(statuses) {
            let answer = machine.get_as(&path, accept);
            assert_eq!(answer.status, status, "{name}: {path} as {accept}: {}", answer.text());
            if status >= 400 {
                let kind = answer.json()["type"].as_str().unwrap_or_default().to_owned();
                let is_right = PROBLEMS.iter().any(|(of, slug)| *of == status && kind.ends_with(slug));
                assert!(is_right, "{name}: {path}: {kind}");
            }
        }
        let grown = besieged.node.memory_peak_bytes().saturating_sub(before);
        assert!(grown < MEMORY_GROWTH_MAX, "{name}: {} MB more", grown >> 20);
        let back = machine.get_as(&path, "multipart/related; type=\"application/dicom\"; transfer-syntax=*");
        let parts = back.expect(200).parts();
        assert_eq!(Part10::parse(parts[0].1.clone()).sha256(), lying.file.sha256(), "{name}: kept as it was");
        besieged.goes_on(name);
    }
    besieged.is_sound();
}
