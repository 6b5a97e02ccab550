//! The scanner against data sets written byte by byte: sound ones, ones of the field, and hostile ones.

use super::*;
use crate::testing::any_dataset;
use crate::{Span, Tag, VR, Value, tags, write};
use proptest::prelude::*;
use std::io::Write;

mod build;

use build::*;

const JPEG: &str = TransferSyntax::JPEG_BASELINE;

fn syntax(uid: &str) -> TransferSyntax {
    TransferSyntax::parse(uid).unwrap()
}

/// Scans in pieces, and asserts that the pieces do not matter.
fn scan_any(bytes: &[u8], uid: &str) -> Result<Scanned, Refused> {
    scan_limited(bytes, uid, &Limits::default())
}

fn scan_limited(bytes: &[u8], uid: &str, limits: &Limits) -> Result<Scanned, Refused> {
    let whole = scan(bytes, &syntax(uid), limits);
    for piece in [1, 3, 7, 8, 64] {
        assert_eq!(text_of(&in_pieces(bytes, piece, uid, limits)), text_of(&whole), "pieces of {piece}");
    }
    whole
}

fn in_pieces(bytes: &[u8], piece: usize, uid: &str, limits: &Limits) -> Result<Scanned, Refused> {
    let mut scanner = Scanner::new(&syntax(uid), limits);
    for part in bytes.chunks(piece) {
        scanner.feed(part)?;
    }
    scanner.finish()
}

fn text_of(result: &Result<Scanned, Refused>) -> String {
    format!("{result:?}")
}

fn pixel_module(frames: u32, bits: u16) -> Vec<u8> {
    [
        explicit(0x0028, 0x0002, "US", &1u16.to_le_bytes()),
        explicit(0x0028, 0x0008, "IS", format!("{frames:<4}").as_bytes()),
        explicit(0x0028, 0x0010, "US", &2u16.to_le_bytes()),
        explicit(0x0028, 0x0011, "US", &4u16.to_le_bytes()),
        explicit(0x0028, 0x0100, "US", &bits.to_le_bytes()),
    ]
    .concat()
}

fn spans(pairs: &[(u64, u32)]) -> Vec<Span> {
    pairs.iter().map(|&(offset, length)| Span { offset, length }).collect()
}

#[test]
fn sequences_of_every_kind() {
    let name = explicit(0x0010, 0x0010, "PN", b"A^B ");
    let private = implicit(0x0009, 0x1001, b"xy");
    for (what, sequence) in [
        ("defined", explicit(0x0008, 0x1140, "SQ", &item(&name))),
        (
            "undefined",
            [
                undefined(0x0008, 0x1140, "SQ"),
                undefined(0xFFFE, 0xE000, ""),
                name.clone(),
                item_end(),
                sequence_end(),
            ]
            .concat(),
        ),
        ("defined item", [undefined(0x0008, 0x1140, "SQ"), item(&name), sequence_end()].concat()),
        (
            "undefined item in a defined sequence",
            explicit(
                0x0008,
                0x1140,
                "SQ",
                &[undefined(0xFFFE, 0xE000, ""), name.clone(), item_end()].concat(),
            ),
        ),
        (
            "UN: implicit inside",
            [undefined(0x0008, 0x1140, "UN"), item(&implicit(0x0010, 0x0010, b"A^B ")), sequence_end()]
                .concat(),
        ),
        (
            "implicit items by mistake",
            explicit(0x0008, 0x1140, "SQ", &item(&implicit(0x0010, 0x0010, b"A^B "))),
        ),
        ("a delimiter too many", [explicit(0x0008, 0x1140, "SQ", &item(&name)), sequence_end()].concat()),
    ] {
        let bytes = [sequence, explicit(0x0010, 0x0020, "LO", b"P1")].concat();
        let scanned =
            scan_any(&bytes, TransferSyntax::EXPLICIT_LITTLE).unwrap_or_else(|e| panic!("{what}: {e}"));
        let items = scanned.dataset.items(tags::REFERENCED_IMAGE_SEQUENCE);
        assert_eq!(items[0].text(tags::PATIENT_NAME).as_deref(), Some("A^B"), "{what}");
        assert_eq!(scanned.dataset.text(tags::PATIENT_ID).as_deref(), Some("P1"), "{what}");
        assert_eq!(scanned.length, bytes.len() as u64);
    }
    let mislabelled = scan_any(&implicit(0x0010, 0x0020, b"P1"), JPEG).unwrap();
    assert_eq!(mislabelled.dataset.text(tags::PATIENT_ID).as_deref(), Some("P1"), "implicit all through");
    let implicit_bytes = [
        implicit(0x0008, 0x1140, &item(&[implicit(0x0010, 0x0010, b"A^B "), private].concat())),
        implicit(0x0009, 0x0010, b"ACME"),
        [undefined(0x0009, 0x1010, ""), item(&implicit(0x0009, 0x1011, b"zz")), sequence_end()].concat(),
        implicit(0x0028, 0x0103, &[1, 0]),
        implicit(0x0028, 0x0106, &[0xFF, 0xFF]),
    ]
    .concat();
    let dataset = scan_any(&implicit_bytes, TransferSyntax::IMPLICIT_LITTLE).unwrap().dataset;
    assert_eq!(dataset.items(tags::REFERENCED_IMAGE_SEQUENCE)[0].get(Tag(9, 0x1001)).unwrap().vr, VR::UN);
    assert_eq!(dataset.text(Tag(9, 0x10)).as_deref(), Some("ACME"));
    assert_eq!(dataset.items(Tag(9, 0x1010)).len(), 1);
    assert_eq!(
        dataset.integer(tags::SMALLEST_IMAGE_PIXEL_VALUE),
        Some(-1),
        "US or SS by Pixel Representation"
    );
}

#[test]
fn big_endian_values_come_out_little_endian() {
    let bytes = [
        big(0x0008, 0x0060, "CS", b"CT"),
        big(0x0028, 0x0009, "AT", &[0x00, 0x54, 0x00, 0x10]),
        big(0x0028, 0x0010, "US", &[0x02, 0x00]),
        big(0x0028, 0x0030, "FD", &0.5f64.to_be_bytes()),
        big(0x0028, 0x0031, "SL", &(-5i32).to_be_bytes()),
    ]
    .concat();
    let dataset = scan_any(&bytes, TransferSyntax::EXPLICIT_BIG).unwrap().dataset;
    assert_eq!(dataset.integer(tags::ROWS), Some(512));
    assert_eq!(dataset.numbers(Tag(0x28, 0x30)), [0.5]);
    assert_eq!(dataset.integer(Tag(0x28, 0x31)), Some(-5));
    assert_eq!(dataset.get(Tag(0x28, 9)).unwrap().bytes().unwrap()[..], [0x54, 0, 0x10, 0]);
}

#[test]
fn what_the_field_sends() {
    let bytes = [
        explicit(0x0008, 0x0000, "UL", &[1, 2, 3, 4]),
        explicit(0x0008, 0x0060, "CS", b"MR"),
        explicit(0x0010, 0x0020, "LO", b"odd"),
        explicit(0x0010, 0x0010, "PN", b"out of order"),
        explicit(0x0010, 0x0020, "LO", b"twice!"),
        explicit(0x0010, 0x0030, "??", b"20000101"),
        explicit(0x0010, 0x1010, "UN", b"033Y"),
        explicit(0x0011, 0x1001, "ZZ", b"new"),
        explicit(0xFFFC, 0xFFFC, "OB", &[0; 10]),
    ]
    .concat();
    for padding in [0, 1, 7, 8, 9, 300] {
        let padded = [&bytes[..], &vec![0; padding]].concat();
        let dataset = scan_any(&padded, TransferSyntax::EXPLICIT_LITTLE).unwrap().dataset;
        let order: Vec<Tag> = dataset.elements().iter().map(|element| element.tag).collect();
        assert_eq!(order.len(), 6);
        assert!(order.is_sorted());
        assert_eq!(dataset.text(tags::PATIENT_ID).as_deref(), Some("odd"), "the first of two");
        assert_eq!(dataset.text(tags::PATIENT_AGE).as_deref(), Some("033Y"), "UN by the dictionary");
        assert_eq!(dataset.text(tags::PATIENT_BIRTH_DATE).as_deref(), Some("20000101"));
        assert_eq!(dataset.get(Tag(0x11, 0x1001)).unwrap().vr, VR::UN);
    }
}

#[test]
fn character_sets_reach_into_items() {
    let name = |bytes: &[u8]| explicit(0x0010, 0x0010, "PN", bytes);
    let own = [explicit(0x0008, 0x0005, "CS", b"ISO_IR 100"), name(b"\xe9 A ")].concat();
    let bytes = [
        explicit(0x0008, 0x0005, "CS", b"GB18030 "),
        explicit(
            0x0008,
            0x1140,
            "SQ",
            &[item(&name(b"\xd5\xc5")), item(&own), item(&name(b"\xc8\xfd"))].concat(),
        ),
    ]
    .concat();
    let mut dataset = scan_any(&bytes, TransferSyntax::EXPLICIT_LITTLE).unwrap().dataset;
    let names = |dataset: &Dataset| -> Vec<String> {
        dataset
            .items(tags::REFERENCED_IMAGE_SEQUENCE)
            .iter()
            .filter_map(|item| item.text(tags::PATIENT_NAME))
            .collect()
    };
    assert_eq!(names(&dataset), ["张", "é A", "三"]);
    dataset.assume_charset(crate::charset::Assumed::Gb18030);
    assert_eq!(names(&dataset), ["张", "é A", "三"]);
}

#[test]
fn large_values_stay_in_the_object() {
    let bytes = [
        explicit(0x0009, 0x1001, "OB", &[1; 4096]),
        explicit(0x0009, 0x1002, "OB", &[2; 4098]),
        explicit(0x0009, 0x1003, "UT", &[b'a'; 65_536]),
        explicit(0x0009, 0x1004, "UT", &[b'b'; 65_538]),
    ]
    .concat();
    let kept = |limits: &Limits| -> Vec<bool> {
        let scanned = scan_limited(&bytes, TransferSyntax::EXPLICIT_LITTLE, limits).unwrap();
        scanned.dataset.elements().iter().map(|element| element.bytes().is_some()).collect()
    };
    assert_eq!(kept(&Limits::default()), [true, false, true, false]);
    assert_eq!(kept(&Limits { metadata_bytes_max: 5000, ..Limits::default() }), [true, false, false, false]);
    let scanned = scan(&bytes, &TransferSyntax::explicit_little(), &Limits::default()).unwrap();
    assert_eq!(scanned.dataset.elements()[1].value, Value::Bulk { offset: 4096 + 24, length: 4098 });
}

#[test]
fn native_frames() {
    let header = pixel_module(3, 16);
    let at = header.len() as u64 + 12;
    let scanned = scan_any(
        &[header, explicit(0x7FE0, 0x0010, "OW", &[7; 48])].concat(),
        TransferSyntax::EXPLICIT_LITTLE,
    )
    .unwrap();
    assert_eq!(scanned.frames.spans, spans(&[(at, 16), (at + 16, 16), (at + 32, 16)]));
    assert_eq!(scanned.pixels.as_ref().unwrap().frames, 3);
    assert_eq!(scanned.dataset.get(tags::PIXEL_DATA).unwrap().value, Value::Bulk { offset: at, length: 48 });

    for (what, frames, bits, length, expect) in [
        ("too short: the whole ones", 3, 16, 40, 2),
        ("trailing bytes", 2, 16, 33, 2),
        ("one bit, on bytes", 2, 1, 2, 2),
        ("float", 2, 32, 64, 2),
        ("nothing there", 1, 16, 0, 0),
    ] {
        let bytes = [pixel_module(frames, bits), explicit(0x7FE0, 0x0010, "OW", &vec![1; length])].concat();
        let scanned = scan_any(&bytes, TransferSyntax::EXPLICIT_LITTLE).unwrap();
        assert_eq!(scanned.frames.frame_count(), expect, "{what}");
    }
    let float = [pixel_module(1, 32), explicit(0x7FE0, 0x0008, "OF", &[0; 32])].concat();
    assert_eq!(scan_any(&float, TransferSyntax::EXPLICIT_LITTLE).unwrap().frames.frame_count(), 1);
    let none = scan_any(&pixel_module(5, 16), TransferSyntax::EXPLICIT_LITTLE).unwrap();
    assert_eq!((none.pixels, none.frames.frame_count()), (None, 0), "rows without pixel data are fine");
}

#[test]
fn one_bit_frames_that_do_not_end_on_bytes() {
    let module = |frames: u32| {
        [
            explicit(0x0028, 0x0008, "IS", format!("{frames:<2}").as_bytes()),
            explicit(0x0028, 0x0010, "US", &[3, 0]),
            explicit(0x0028, 0x0011, "US", &[3, 0]),
            explicit(0x0028, 0x0100, "US", &[1, 0]),
            explicit(0x7FE0, 0x0010, "OB", &[0; 4]),
        ]
        .concat()
    };
    let one = scan_any(&module(1), TransferSyntax::EXPLICIT_LITTLE).unwrap();
    assert_eq!(one.frames.spans[0].length, 2);
    // Bits 0 to 8, 9 to 17, 18 to 26; a fourth frame would need 36 bits of the 32.
    let three = scan_any(&module(3), TransferSyntax::EXPLICIT_LITTLE).unwrap();
    let lengths: Vec<u32> = three.frames.spans.iter().map(|span| span.length).collect();
    assert_eq!((lengths, three.pixels.unwrap().frames), (vec![2, 2, 2], 3));
    assert_eq!(three.frames.spans[2].offset, three.frames.spans[0].offset + 2);
    assert_eq!(scan_any(&module(4), TransferSyntax::EXPLICIT_LITTLE).unwrap().frames.frame_count(), 3);
}

#[test]
fn uncompressed_ybr_422() {
    let bytes = [
        explicit(0x0028, 0x0002, "US", &[3, 0]),
        explicit(0x0028, 0x0004, "CS", b"YBR_FULL_422"),
        explicit(0x0028, 0x0008, "IS", b"2 "),
        explicit(0x0028, 0x0010, "US", &[2, 0]),
        explicit(0x0028, 0x0011, "US", &[4, 0]),
        explicit(0x0028, 0x0100, "US", &[8, 0]),
        explicit(0x7FE0, 0x0010, "OB", &[0; 32]),
    ]
    .concat();
    let frames = scan_any(&bytes, TransferSyntax::EXPLICIT_LITTLE).unwrap().frames;
    assert_eq!(frames.spans.iter().map(|span| span.length).collect::<Vec<_>>(), [16, 16]);
}

/// Number of frames declared, table, fragments, syntax → the fragments of each frame.
fn check_fragments(what: &str, declared: u32, table: &[u32], parts: &[&[u8]], uid: &str, expect: &[usize]) {
    let bytes = [pixel_module(declared, 8), fragments(table, parts)].concat();
    let scanned = scan_any(&bytes, uid).unwrap_or_else(|error| panic!("{what}: {error}"));
    let frames = &scanned.frames;
    let counts: Vec<usize> = (0..frames.frame_count()).map(|n| frames.frame(n).unwrap().len()).collect();
    assert_eq!(counts, expect, "{what}");
    let mut parts = parts.iter();
    for span in &frames.spans {
        let range = span.offset as usize..span.offset as usize + span.length as usize;
        assert_eq!(Some(&&bytes[range]), parts.next(), "{what}");
    }
    assert!(scanned.pixels.is_some());
}

#[test]
fn encapsulated_frames() {
    let soi: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE0, 1, 2];
    let rest: &[u8] = &[9, 9, 9, 9];
    check_fragments("no table, one each", 3, &[], &[soi, soi, soi], JPEG, &[1, 1, 1]);
    check_fragments("table", 2, &[0, 14], &[soi, soi], JPEG, &[1, 1]);
    check_fragments("table, several fragments a frame", 2, &[0, 26], &[soi, rest, soi, rest], JPEG, &[2, 2]);
    check_fragments("no table, single frame", 1, &[], &[soi, rest, rest], JPEG, &[3]);
    check_fragments(
        "no table, several fragments a frame",
        2,
        &[],
        &[soi, rest, soi, rest, rest],
        JPEG,
        &[2, 3],
    );
    check_fragments("a table that lies", 2, &[0, 15], &[soi, soi], JPEG, &[1, 1]);
    check_fragments("a table of one entry for many", 2, &[0], &[soi, soi], JPEG, &[1, 1]);
    check_fragments("more frames than declared, by the table", 1, &[0, 14], &[soi, soi], JPEG, &[1, 1]);
    check_fragments("fewer than declared", 3, &[], &[soi, soi], JPEG, &[1, 1]);
    check_fragments("cannot be told apart", 2, &[], &[rest, rest, rest], JPEG, &[]);
    check_fragments("nothing there", 2, &[], &[], JPEG, &[]);
    check_fragments("video", 90, &[], &[rest, rest], "1.2.840.10008.1.2.4.102", &[2]);
    check_fragments("odd and empty fragments", 1, &[], &[&[1, 2, 3], &[], &[1]], TransferSyntax::RLE, &[3]);
}

#[test]
fn extended_offset_table() {
    let (a, b): (&[u8], &[u8]) = (&[1; 10], &[2; 4]);
    for (offsets, expect) in [([0u64, 18], 2), ([0, 19], 2)] {
        let bytes = [
            pixel_module(2, 8),
            explicit(0x7FE0, 0x0001, "OV", &offsets.map(u64::to_le_bytes).concat()),
            explicit(0x7FE0, 0x0002, "OV", &[10u64, 4].map(u64::to_le_bytes).concat()),
            fragments(&[], &[a, b]),
        ]
        .concat();
        let scanned = scan_any(&bytes, TransferSyntax::RLE).unwrap();
        assert_eq!(scanned.frames.frame_count(), expect);
        assert!(matches!(scanned.dataset.get(Tag(0x7FE0, 1)).unwrap().value, Value::Bulk { length: 16, .. }));
    }
}

#[test]
fn pixel_data_within_an_item_is_no_frame_of_the_image() {
    let icon = [pixel_module(1, 8), fragments(&[], &[&[1, 2]])].concat();
    let bytes = [
        [undefined(0x0088, 0x0200, "SQ"), item(&icon), sequence_end()].concat(),
        pixel_module(1, 8),
        fragments(&[], &[&[3, 4, 5, 6]]),
    ]
    .concat();
    let scanned = scan_any(&bytes, JPEG).unwrap();
    assert_eq!(scanned.frames.spans[0].length, 4);
    let icon = &scanned.dataset.items(tags::ICON_IMAGE_SEQUENCE)[0];
    assert!(matches!(icon.get(tags::PIXEL_DATA).unwrap().value, Value::Bulk { length: 18, .. }));
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn deflated_data_sets() {
    let plain = [pixel_module(1, 16), explicit(0x7FE0, 0x0010, "OW", &[7; 16])].concat();
    let bytes = deflated(&plain);
    for padding in [0, 1] {
        let padded = [&bytes[..], &vec![0; padding]].concat();
        let scanned = scan_any(&padded, TransferSyntax::DEFLATED).unwrap();
        assert_eq!((scanned.frames.frame_count(), scanned.length), (0, padded.len() as u64));
        assert_eq!(scanned.pixels.unwrap().rows, 2);
    }
    assert!(matches!(
        scan_any(&bytes[..bytes.len() - 3], TransferSyntax::DEFLATED),
        Err(Refused::Truncated(_))
    ));
    assert!(matches!(scan_any(&[0xFF; 40], TransferSyntax::DEFLATED), Err(Refused::Malformed { .. })));
    assert!(matches!(
        scan_any(&[&bytes[..], b"x"].concat(), TransferSyntax::DEFLATED),
        Err(Refused::Malformed { .. })
    ));
}

#[test]
fn a_deflate_bomb_is_refused() {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(b"\xE0\x7F\x10\x00OW\0\0\xFE\xFF\xFF\xFF").unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..300 {
        encoder.write_all(&zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 400_000);
    let limits = Limits { inflated_bytes_max: 200 << 20, ..Limits::default() };
    let refused = scan(&bomb, &syntax(TransferSyntax::DEFLATED), &limits).unwrap_err();
    assert_eq!(refused, Refused::OverLimit("bytes of an inflated data set"));
}

#[test]
fn a_hundred_thousand_nested_sequences_are_refused() {
    let level = [undefined(0x0008, 0x1140, "SQ"), undefined(0xFFFE, 0xE000, "")].concat();
    let refused = scan_any(&level.repeat(100_000), TransferSyntax::EXPLICIT_LITTLE).unwrap_err();
    assert_eq!(refused, Refused::OverLimit("nesting of sequences"));
    let unknown = [undefined(0x0009, 0x1140, ""), undefined(0xFFFE, 0xE000, "")].concat();
    let refused = scan_any(&unknown.repeat(100_000), TransferSyntax::IMPLICIT_LITTLE).unwrap_err();
    assert_eq!(refused, Refused::OverLimit("nesting of sequences"));
    let closing = [item_end(), sequence_end()].concat();
    let allowed = [level.repeat(64), closing.repeat(64)].concat();
    assert!(scan_any(&allowed, TransferSyntax::EXPLICIT_LITTLE).is_ok());
}

#[test]
fn four_gigabytes_that_are_not_there() {
    for vr in ["OB", "UT", "UN", "SQ"] {
        let mut bytes = explicit(0x0009, 0x1001, vr, &[]);
        bytes.truncate(8);
        bytes.extend([0xFE, 0xFF, 0xFF, 0xFF]);
        bytes.extend([0; 4]);
        let refused = scan_any(&bytes, TransferSyntax::EXPLICIT_LITTLE).unwrap_err();
        assert!(matches!(refused, Refused::Truncated(16) | Refused::Malformed { .. }), "{vr}: {refused}");
        let inside = explicit(0x0008, 0x1140, "SQ", &item(&bytes));
        assert!(
            matches!(scan_any(&inside, TransferSyntax::EXPLICIT_LITTLE), Err(Refused::Malformed { .. })),
            "{vr}"
        );
    }
    let limits = Limits { object_bytes_max: 100, ..Limits::default() };
    let large = explicit(0x7FE0, 0x0010, "OW", &[0; 200]);
    assert_eq!(
        scan_limited(&large, TransferSyntax::EXPLICIT_LITTLE, &limits).unwrap_err(),
        Refused::OverLimit("bytes of one object")
    );
}

#[test]
fn counts_have_limits() {
    let limits = Limits { elements_max: 10, frames_max: 3, ..Limits::default() };
    let many = explicit(0x0008, 0x1140, "SQ", &item(&[]).repeat(20));
    assert_eq!(
        scan_limited(&many, TransferSyntax::EXPLICIT_LITTLE, &limits).unwrap_err(),
        Refused::OverLimit("elements")
    );
    let frames = [pixel_module(4, 8), explicit(0x7FE0, 0x0010, "OW", &[0; 32])].concat();
    assert_eq!(
        scan_limited(&frames, TransferSyntax::EXPLICIT_LITTLE, &limits).unwrap_err(),
        Refused::OverLimit("frames")
    );
    let parts = fragments(&[], &[&[1, 2][..]; 4]);
    assert_eq!(scan_limited(&parts, JPEG, &limits).unwrap_err(), Refused::OverLimit("fragments"));
}

#[test]
fn truncated_at_every_byte() {
    let name = explicit(0x0010, 0x0010, "PN", b"A^B ");
    let elements = [
        explicit(0x0008, 0x0060, "CS", b"CT"),
        explicit(0x0008, 0x1140, "SQ", &item(&name)),
        [undefined(0x0008, 0x1115, "SQ"), undefined(0xFFFE, 0xE000, ""), name, item_end(), sequence_end()]
            .concat(),
        pixel_module(2, 8),
        fragments(&[0, 12], &[&[1, 2, 3, 4], &[5, 6]]),
    ];
    let whole = elements.concat();
    assert!(scan_any(&whole, JPEG).is_ok());
    let mut boundaries = vec![0];
    for element in &elements {
        boundaries.push(boundaries.last().unwrap() + element.len());
    }
    let module_at = boundaries[3];
    let inside_module: Vec<usize> = [10, 22, 32, 42, 52].iter().map(|n| module_at + n).collect();
    for cut in 0..whole.len() {
        let result = scan_any(&whole[..cut], JPEG);
        let is_boundary = boundaries.contains(&cut) || inside_module.contains(&cut);
        match result {
            Ok(_) => assert!(is_boundary, "cut at {cut} was not noticed"),
            Err(error) => {
                assert!(!is_boundary && error == Refused::Truncated(cut as u64), "cut at {cut}: {error}")
            }
        }
    }
}

#[test]
fn damage_is_refused() {
    let ok = explicit(0x0008, 0x0060, "CS", b"CT");
    for (what, bytes) in [
        ("text behind the data set", [&ok[..], b"some trailing garbage"].concat()),
        ("bytes behind the zeros", [&ok[..], &[0; 20], &[1]].concat()),
        ("an item of its own", [ok.clone(), item(&ok)].concat()),
        ("a stray delimiter", [ok.clone(), sequence_end()].concat()),
        ("an element where an item must be", explicit(0x0008, 0x1140, "SQ", &ok)),
        ("an item longer than its sequence", explicit(0x0008, 0x1140, "SQ", &item(&ok)[..14])),
        ("half a header in an item", explicit(0x0008, 0x1140, "SQ", &item(&ok[..5]))),
        ("text of undefined length", undefined(0x0010, 0x0010, "UT")),
        ("no fragments", [undefined(0x7FE0, 0x0010, "OB"), ok.clone()].concat()),
        (
            "a fragment of undefined length",
            [undefined(0x7FE0, 0x0010, "OB"), undefined(0xFFFE, 0xE000, "")].concat(),
        ),
    ] {
        let result = scan_any(&bytes, TransferSyntax::EXPLICIT_LITTLE);
        assert!(
            matches!(result, Err(Refused::Malformed { .. } | Refused::Truncated(_))),
            "{what}: {result:?}"
        );
    }
}

const SYNTAXES: [&str; 5] = [
    TransferSyntax::IMPLICIT_LITTLE,
    TransferSyntax::EXPLICIT_LITTLE,
    TransferSyntax::EXPLICIT_BIG,
    TransferSyntax::DEFLATED,
    JPEG,
];

/// Bytes that are elements here and there, so that the parser gets somewhere.
fn nearly_dicom() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..12),
        Just(undefined(0x0008, 0x1140, "SQ")),
        Just(undefined(0x0008, 0x1140, "UN")),
        Just(undefined(0x0008, 0x1140, "")),
        Just(undefined(0xFFFE, 0xE000, "")),
        Just(undefined(0x7FE0, 0x0010, "OB")),
        Just(item_end()),
        Just(sequence_end()),
        Just(item(b"")),
        Just(item(b"1234")),
        Just(item(&explicit(0x0010, 0x0010, "PN", b"A"))),
        Just(explicit(0x0028, 0x0010, "US", b"AB")),
        Just(implicit(0x0010, 0x0010, b"AB")),
        Just(big(0x0010, 0x0010, "PN", b"AB")),
        Just(explicit(0x7FE0, 0x0010, "OW", b"12345678")),
        Just(pixel_module(2, 8)),
        Just(vec![0; 9]),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces(
        bytes in nearly_dicom(),
        uid in proptest::sample::select(&SYNTAXES[..]),
        cuts in proptest::collection::vec(0usize..200, 0..6),
    ) {
        let limits = Limits { elements_max: 12, sequence_depth_max: 3, ..Limits::default() };
        let whole = scan(&bytes, &syntax(uid), &limits);
        let mut scanner = Scanner::new(&syntax(uid), &limits);
        let mut rest = &bytes[..];
        let mut result = Ok(());
        for cut in cuts {
            let (part, left) = rest.split_at(cut.min(rest.len()));
            rest = left;
            result = result.and_then(|()| scanner.feed(part));
        }
        let pieces = result.and_then(|()| scanner.feed(rest)).and_then(|()| scanner.finish());
        // Damage to a deflate stream may be noticed before or after damage to what is in it.
        if uid == TransferSyntax::DEFLATED && whole.is_err() {
            prop_assert!(pieces.is_err());
        } else {
            prop_assert_eq!(text_of(&pieces), text_of(&whole));
        }
    }

    #[test]
    fn a_sound_data_set_is_read_alike_plain_and_deflated(dataset in any_dataset(), piece in 1usize..40) {
        let bytes = write::to_bytes(&dataset, &TransferSyntax::explicit_little());
        let plain = in_pieces(&bytes, piece, TransferSyntax::EXPLICIT_LITTLE, &Limits::default()).unwrap();
        let packed = in_pieces(&deflated(&bytes), piece, TransferSyntax::DEFLATED, &Limits::default()).unwrap();
        prop_assert_eq!(&plain.dataset, &packed.dataset);
        prop_assert_eq!(write::to_bytes(&plain.dataset, &TransferSyntax::explicit_little()), bytes);
    }
}

proptest! {
    #[test]
    fn what_need_not_be_read_may_be_passed_over(
        bytes in nearly_dicom(),
        uid in proptest::sample::select(&SYNTAXES[..]),
    ) {
        let whole = scan(&bytes, &syntax(uid), &Limits::default());
        let mut scanner = Scanner::new(&syntax(uid), &Limits::default());
        let (mut at, mut result) = (0, Ok(()));
        while at < bytes.len() && result.is_ok() {
            let skipped = scanner.skip((bytes.len() - at) as u64) as usize;
            if skipped == 0 {
                result = scanner.feed(&bytes[at..=at]);
            }
            at += skipped.max(1);
        }
        let passed = result.and_then(|()| scanner.finish());
        if uid == TransferSyntax::DEFLATED && whole.is_err() {
            prop_assert!(passed.is_err());
        } else {
            prop_assert_eq!(text_of(&passed), text_of(&whole));
        }
    }
}

#[test]
fn zeros_without_end_are_no_padding() {
    let mut scanner = Scanner::new(&TransferSyntax::explicit_little(), &Limits::default());
    let zeros = vec![0; 1 << 20];
    let refused = (0..6).find_map(|_| scanner.feed(&zeros).err());
    assert!(matches!(refused, Some(Refused::OverLimit(_))), "{refused:?}");
}
