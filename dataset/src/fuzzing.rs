//! What the fuzz targets of this crate run (`fuzz/README.md`): bytes in, a panic when a promise is broken.

use crate::charset::{CharacterSets, PersonName};
use crate::part10::HeadReader;
use crate::rewrite::{Edits, front};
use crate::scan::scan;
use crate::syntax::Encoding;
use crate::{Dataset, PixelDescription, Refused, Scanned, Scanner, TransferSyntax, json, tags, write, xml};
use model::Limits;
use serde_json::{Map, Value as Json};

/// One of each way to write elements, and one of each way to keep pixels.
const SYNTAXES: [&str; 6] = [
    TransferSyntax::IMPLICIT_LITTLE,
    TransferSyntax::EXPLICIT_LITTLE,
    TransferSyntax::EXPLICIT_BIG,
    TransferSyntax::DEFLATED,
    TransferSyntax::RLE,
    "1.2.840.10008.1.2.4.102",
];

/// The defined terms of Specific Character Set (PS3.3 §C.12.1.1.2), and one that is none.
pub(crate) const TERMS: [&str; 33] = [
    "",
    "ISO_IR 6",
    "ISO_IR 100",
    "ISO_IR 101",
    "ISO_IR 109",
    "ISO_IR 110",
    "ISO_IR 144",
    "ISO_IR 127",
    "ISO_IR 126",
    "ISO_IR 138",
    "ISO_IR 148",
    "ISO_IR 203",
    "ISO_IR 13",
    "ISO_IR 166",
    "ISO 2022 IR 6",
    "ISO 2022 IR 100",
    "ISO 2022 IR 101",
    "ISO 2022 IR 109",
    "ISO 2022 IR 110",
    "ISO 2022 IR 144",
    "ISO 2022 IR 127",
    "ISO 2022 IR 126",
    "ISO 2022 IR 138",
    "ISO 2022 IR 148",
    "ISO 2022 IR 13",
    "ISO 2022 IR 87",
    "ISO 2022 IR 159",
    "ISO 2022 IR 149",
    "ISO 2022 IR 58",
    "ISO_IR 192",
    "GB18030",
    "GBK",
    "nonsense",
];

/// So small that a small input reaches them.
fn limits() -> Limits {
    Limits {
        sequence_depth_max: 16,
        elements_max: 1000,
        value_inline_bytes_max: 64,
        metadata_bytes_max: 8 << 10,
        frames_max: 64,
        object_bytes_max: 64 << 10,
        inflated_bytes_max: 64 << 10,
        ..Limits::default()
    }
}

fn syntax(byte: u8) -> TransferSyntax {
    let uid = SYNTAXES.get(usize::from(byte) % SYNTAXES.len()).copied().unwrap_or(SYNTAXES[0]);
    TransferSyntax::parse(uid).unwrap_or_else(|_| TransferSyntax::explicit_little())
}

/// A data set: the first byte chooses the transfer syntax, the second the length of the pieces that it comes in.
///
/// # Panics
/// When pieces matter, a frame lies outside, or what was read cannot be said in DICOM JSON or XML.
pub fn data_set(input: &[u8]) {
    let [number, piece, bytes @ ..] = input else { return };
    let syntax = syntax(*number);
    let whole = scan(bytes, &syntax, &limits());
    for skips in [false, true] {
        let pieces = in_pieces(bytes, &syntax, usize::from(*piece), skips);
        assert_eq!(whole.is_ok(), pieces.is_ok(), "pieces, skips={skips}: {whole:?} {pieces:?}");
        if let (Ok(whole), Ok(pieces)) = (&whole, &pieces) {
            assert_eq!(whole.frames, pieces.frames, "pieces, skips={skips}");
            assert!(whole.dataset == pieces.dataset, "pieces, skips={skips}");
        }
    }
    if let Ok(scanned) = whole {
        frames_are_sound(&scanned, bytes.len());
        said_in_other_ways(&scanned.dataset);
        rewritten(&syntax, bytes, &scanned);
    }
}

fn in_pieces(bytes: &[u8], syntax: &TransferSyntax, piece: usize, skips: bool) -> Result<Scanned, Refused> {
    let mut scanner = Scanner::new(syntax, &limits());
    let mut rest = bytes;
    while !rest.is_empty() {
        if skips {
            let passed = scanner.skip(scanner.skippable().min(rest.len() as u64));
            rest = rest.get(usize::try_from(passed).unwrap_or(usize::MAX)..).unwrap_or_default();
        }
        let (now, later) = rest.split_at(rest.len().min(piece + 1));
        scanner.feed(now)?;
        rest = later;
    }
    scanner.finish()
}

fn frames_are_sound(scanned: &Scanned, length: usize) {
    let frames = &scanned.frames;
    assert_eq!(scanned.length, length as u64);
    assert!(frames.frame_count() <= limits().frames_max as usize);
    let mut end = 0;
    for span in &frames.spans {
        assert!(span.offset >= end, "spans overlap: {frames:?}");
        end = span.offset.checked_add(u64::from(span.length)).expect("no span goes over 64 bits");
    }
    assert!(end <= length as u64, "a span lies outside {length}: {frames:?}");
    let spans: usize = (0..frames.frame_count()).map(|n| frames.frame(n).expect("a frame").len()).sum();
    assert_eq!(spans, frames.spans.len(), "every span is a frame's");
    assert_eq!(frames.frame(frames.frame_count()), None);
    let kept = crate::FrameIndex::from_bytes(&frames.to_bytes(), &frames.starts_to_bytes());
    assert_eq!(kept.as_ref(), Some(frames));
}

fn said_in_other_ways(dataset: &Dataset) {
    let uri = |path: &json::BulkPath<'_>| {
        let text = json::bulk_path_text(path);
        let (parents, tag) = json::parse_bulk_path(&text).expect("a path is read as it is written");
        let path = json::BulkPath { parents: &parents, tag };
        assert!(json::element_at(dataset, &path).is_some(), "{text} leads to its element");
        Some(text)
    };
    let tree = json::to_json(dataset, &uri);
    let text = json::to_json_text(dataset, &uri);
    serde_json::from_str::<Json>(&text).expect("DICOM JSON is JSON");
    assert_eq!(text, Json::Object(tree.clone()).to_string(), "the text is the tree");
    xml::to_json(&xml::from_json(&tree)).expect("the XML is read as it is written");
    let _ = PixelDescription::from_dataset(dataset);
}

/// What a workstation gets after a correction is read again, with the new name.
fn rewritten(syntax: &TransferSyntax, bytes: &[u8], scanned: &Scanned) {
    if syntax.encoding() == Encoding::DeflatedLittle {
        return;
    }
    let name = serde_json::json!({"vr": "PN", "Value": [{"Alphabetic": "Li^Si", "Ideographic": "李^四"}]});
    let edits = Edits {
        attributes: Map::from_iter([("00100010".to_owned(), name)]),
        at: "20261126".into(),
        system: "FUZZ".into(),
    };
    let Ok(Some(front)) = front(syntax, bytes, scanned.length, &edits) else { return };
    let resume_at = usize::try_from(front.resume_at).expect("within memory");
    let rest = bytes.get(resume_at..).expect("it goes on within the data set");
    let mut scanner = Scanner::new(syntax, &Limits::default());
    let again = scanner.feed(&front.bytes).and_then(|()| scanner.feed(rest)).and_then(|()| scanner.finish());
    let again = again.expect("a corrected data set is read as it is written");
    let name = again.dataset.text(tags::PATIENT_NAME).expect("a name");
    assert!(name.starts_with("Li^Si"), "{name:?}");
    assert_eq!(again.frames.frame_count(), scanned.frames.frame_count());
}

/// A Part 10 file: the first byte is the length of the pieces that it comes in.
///
/// # Panics
/// When pieces matter.
pub fn part10(input: &[u8]) {
    let Some((piece, bytes)) = input.split_first() else { return };
    let whole = head(bytes, bytes.len().max(1));
    let pieces = head(bytes, usize::from(*piece) + 1);
    assert_eq!(whole, pieces);
    if let Ok(Some((syntax, rest))) = whole {
        assert!(bytes.ends_with(&rest), "the data set is the end of the file");
        let _ = scan(&rest, &syntax, &limits());
    }
}

fn head(bytes: &[u8], piece: usize) -> Result<Option<(TransferSyntax, Vec<u8>)>, Refused> {
    let mut reader = HeadReader::new();
    let mut pieces = bytes.chunks(piece);
    while let Some(bytes) = pieces.next() {
        if let Some((meta, mut rest)) = reader.feed(bytes)? {
            rest.extend(pieces.flatten());
            return Ok(Some((meta.transfer_syntax, rest)));
        }
    }
    Ok(None)
}

/// Text: the first byte counts the terms of Specific Character Set, whose numbers follow; then the text.
///
/// # Panics
/// When text that was encoded is decoded as another.
pub fn character_set(input: &[u8]) {
    let Some((count, rest)) = input.split_first() else { return };
    let (numbers, bytes) = rest.split_at(rest.len().min(usize::from(*count % 5)));
    let terms: Vec<&str> = numbers.iter().map(|n| TERMS[usize::from(*n) % TERMS.len()]).collect();
    let sets = CharacterSets::from_values(&terms);
    for kind in [PersonName::Yes, PersonName::No] {
        let text = sets.decode(bytes, kind);
        let _ = sets.encode(&text, kind);
        if let Some(encoded) = sets.try_encode(&text, kind) {
            assert_eq!(sets.decode(&encoded, kind), text, "{terms:?} {kind:?} {encoded:02X?}");
        }
    }
}

/// DICOM JSON, as the metadata of a STOW-RS request.
///
/// # Panics
/// When a data set that was made of it cannot be read.
pub fn dicom_json(input: &[u8]) {
    if let Ok(Json::Object(object)) = serde_json::from_slice(input) {
        metadata(&object);
    }
}

/// A Native DICOM Model in XML.
///
/// # Panics
/// When a data set that was made of it cannot be read.
pub fn dicom_xml(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(object) = xml::to_json(text) {
        metadata(&object);
    }
}

fn metadata(object: &Map<String, Json>) {
    let Ok(dataset) = json::from_json(object) else { return };
    for uid in SYNTAXES {
        let syntax = TransferSyntax::parse(uid).expect("a constant UID");
        let bytes = write::to_bytes(&dataset, &syntax);
        // What arrives goes through the scanner once more, which has more rules; a deflated set is written plain.
        if syntax.encoding() != Encoding::DeflatedLittle
            && let Ok(scanned) = scan(&bytes, &syntax, &Limits::default())
        {
            said_in_other_ways(&scanned.dataset);
        }
    }
}

/// Encapsulated pixel data (PS3.5 §A.4), built so that it is always walked to its end: the first bytes say how many
/// frames, entries of the Basic and the Extended Offset Table, and fragments there are; then come offsets and fragments'
/// lengths.
///
/// # Panics
/// When a span is no fragment, or the frames are not fragments in order.
pub fn frame_index(input: &[u8]) {
    let [frames, basic, extended, count, rest @ ..] = input else { return };
    let mut words = rest.as_chunks::<2>().0.iter().map(|word| u16::from_le_bytes(*word));
    let mut some =
        |count: u8| -> Vec<u16> { (0..count % 24).map(|_| words.next().unwrap_or_default()).collect() };
    let (basic, extended, fragments) = (some(*basic), some(*extended), some(*count));

    let mut dataset = Dataset::new();
    dataset.put_text(tags::NUMBER_OF_FRAMES, crate::VR::IS, &frames.to_string());
    let extended: Vec<u8> = extended.iter().flat_map(|word| sign_extended(*word).to_le_bytes()).collect();
    if !extended.is_empty() {
        dataset.put_bytes(tags::EXTENDED_OFFSET_TABLE, crate::VR::OV, extended);
    }
    let rle = syntax(4);
    let mut bytes = write::to_bytes(&dataset, &rle);
    bytes.extend_from_slice(&write::pixel_data_header_encapsulated());
    let mut item = |value: &[u8]| {
        bytes.extend_from_slice(&[0xFE, 0xFF, 0x00, 0xE0]);
        bytes.extend_from_slice(&u32::try_from(value.len()).expect("short").to_le_bytes());
        bytes.extend_from_slice(value);
        bytes.len() - value.len()
    };
    // The low half of a sign-extended 16-bit offset: either near the beginning, or over 4 billion.
    item(&basic.iter().flat_map(|word| (sign_extended(*word) as u32).to_le_bytes()).collect::<Vec<u8>>());
    let mut places = Vec::new();
    for word in fragments {
        let mut value = vec![0; usize::from(word >> 8) & 0xFE];
        if word & 1 == 1 && value.len() >= 4 {
            value[..3].copy_from_slice(&[0xFF, 0xD8, 0xFF]);
        }
        places.push((item(&value) as u64, value.len() as u64));
    }
    bytes.extend_from_slice(&[0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);

    let limits = Limits { frames_max: 16, ..Limits::default() };
    let Ok(scanned) = scan(&bytes, &rle, &limits) else { return };
    let mut known = places.iter();
    for span in &scanned.frames.spans {
        let place = (span.offset, u64::from(span.length));
        assert!(known.any(|fragment| *fragment == place), "{span:?} is no fragment of {places:?}");
    }
    assert!(scanned.frames.frame_count() <= 16);
    let spans: usize =
        (0..scanned.frames.frame_count()).map(|n| scanned.frames.frame(n).expect("a frame").len()).sum();
    assert_eq!(spans, scanned.frames.spans.len());
}

/// A 16-bit number as a 64-bit one: small ones stay, large ones become the largest there are.
fn sign_extended(word: u16) -> u64 {
    word.cast_signed() as i64 as u64
}

#[cfg(test)]
#[path = "../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_of_data_set() {
        replay::seeds("data_set", data_set);
    }

    #[test]
    fn seeds_of_part10() {
        replay::seeds("part10", part10);
    }

    #[test]
    fn seeds_of_character_set() {
        replay::seeds("character_set", character_set);
    }

    #[test]
    fn seeds_of_dicom_json() {
        replay::seeds("dicom_json", dicom_json);
    }

    #[test]
    fn seeds_of_dicom_xml() {
        replay::seeds("dicom_xml", dicom_xml);
    }

    #[test]
    fn seeds_of_frame_index() {
        replay::seeds("frame_index", frame_index);
    }
}
