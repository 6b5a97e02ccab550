//! Reading the signatures of a PDF, and what of the file they cover.

use super::{PadesError, REVIEWER_FIELD};
use crate::extract::{load, plain};
use crate::revocation::RevocationData;
use lopdf::{Dictionary, Document, Object, ObjectId};
use std::collections::BTreeSet;
use std::ops::Range;
use time::OffsetDateTime;

/// Signatures looked at.
const SIGNATURES_MAX: usize = 8;
/// Bytes of one stream of the security store.
const STORE_STREAM_BYTES_MAX: usize = crate::revocation::ANSWER_BYTES_MAX;
/// Bytes of all streams of one kind in the security store.
const STORE_BYTES_MAX: usize = 2 * STORE_STREAM_BYTES_MAX;
/// Streams of one kind in the security store.
const STORE_STREAMS_MAX: usize = 64;

/// One signature in a PDF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedSignature {
    /// CMS, DER.
    pub cms: Vec<u8>,
    /// `M`: when, by the signer's clock.
    pub claimed_at: Option<OffsetDateTime>,
    /// Where the signature is in the file, from `<` to behind `>`.
    pub room: Range<usize>,
    /// Where what it covers ends.
    pub end: usize,
}

/// What the signatures cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// The last one covers the whole file, and what was appended before it only signs.
    Whole,
    /// Something was appended after the last signature.
    Appended,
    /// An increment between signatures changes more than a signature does.
    Changed,
    /// A byte range is not one of a whole revision with one room in it.
    Broken,
}

/// The signatures of a PDF in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PdfSignatures {
    /// The signatures.
    pub all: Vec<EmbeddedSignature>,
    /// What they cover.
    pub coverage: Coverage,
    /// What the document security store holds on revocation.
    pub revocation: RevocationData,
}

impl EmbeddedSignature {
    /// What it covers: all bytes of its revision but its own room.
    #[must_use]
    pub fn content<'a>(&self, pdf: &'a [u8]) -> [&'a [u8]; 2] {
        let part = |range: Range<usize>| pdf.get(range).unwrap_or_default();
        [part(0..self.room.start), part(self.room.end..self.end)]
    }
}

/// Reads the signatures of a PDF; `None` when it has none.
///
/// # Errors
/// [`PadesError::Malformed`].
pub fn read(pdf: &[u8]) -> Result<Option<PdfSignatures>, PadesError> {
    let document = load(pdf).map_err(PadesError::Malformed)?;
    let mut all = Vec::new();
    let mut is_broken = false;
    for object in document.objects.values() {
        let Ok(dictionary) = object.as_dict() else { continue };
        if !is_signature(dictionary) {
            continue;
        }
        match signature(dictionary, pdf) {
            Some(found) => all.push(found),
            None => is_broken = true,
        }
    }
    if all.is_empty() && !is_broken {
        return Ok(None);
    }
    if all.len() > SIGNATURES_MAX {
        return Err(PadesError::Malformed("too many signatures"));
    }
    all.sort_by_key(|signature| signature.end);
    let coverage = if is_broken { Coverage::Broken } else { coverage(&all, &document, pdf) };
    Ok(Some(PdfSignatures { all, coverage, revocation: store(&document) }))
}

fn is_signature(dictionary: &Dictionary) -> bool {
    dictionary.has(b"ByteRange") && dictionary.has(b"Contents")
}

/// A signature whose byte range leaves out exactly its own value.
fn signature(dictionary: &Dictionary, pdf: &[u8]) -> Option<EmbeddedSignature> {
    let range = dictionary.get(b"ByteRange").and_then(Object::as_array).ok()?;
    let numbers: Vec<usize> =
        range.iter().map(|n| n.as_i64().ok().and_then(|n| usize::try_from(n).ok())).collect::<Option<_>>()?;
    let [0, room_start, room_end, rest] = numbers[..] else { return None };
    let end = room_end.checked_add(rest)?;
    let room = pdf.get(room_start..room_end).filter(|_| end <= pdf.len())?;
    let digits = room.strip_prefix(b"<")?.strip_suffix(b">")?;
    let whole = bytes_of_hex(digits)?;
    if dictionary.get(b"Contents").and_then(Object::as_str).ok()? != whole {
        return None;
    }
    let length = der_length(&whole)?;
    let (cms, padding) = whole.split_at_checked(length)?;
    if padding.iter().any(|byte| *byte != 0) {
        return None;
    }
    let claimed_at = dictionary.get(b"M").and_then(Object::as_str).ok().and_then(moment);
    Some(EmbeddedSignature { cms: cms.to_vec(), claimed_at, room: room_start..room_end, end })
}

/// Capitals only, as it is written: another way of writing the same is another file.
fn bytes_of_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    };
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(value(*high)? << 4 | value(*low)?)).collect()
}

/// Length of a DER value with its header, definite form.
fn der_length(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.get(1)?;
    if first < 0x80 {
        return Some(usize::from(first) + 2);
    }
    let count = usize::from(first & 0x7f);
    let digits = bytes.get(2..2 + count).filter(|_| (1..=3).contains(&count))?;
    Some(digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)) + 2 + count)
}

/// `D:YYYYMMDDhhmmssZ`.
fn moment(text: &[u8]) -> Option<OffsetDateTime> {
    let text = std::str::from_utf8(text).ok()?.strip_prefix("D:")?.strip_suffix('Z')?;
    let format = time::macros::format_description!("[year][month][day][hour][minute][second]");
    Some(time::PrimitiveDateTime::parse(text, format).ok()?.assume_utc())
}

fn coverage(all: &[EmbeddedSignature], document: &Document, pdf: &[u8]) -> Coverage {
    let Some(last) = all.last() else { return Coverage::Broken };
    // Each revision lies wholly before the next one's room.
    if all.windows(2).any(|pair| pair[0].end > pair[1].room.start || pair[0].end == pair[1].end) {
        return Coverage::Broken;
    }
    if last.end != pdf.len() {
        return Coverage::Appended;
    }
    for earlier in &all[..all.len() - 1] {
        let Ok(before) = load(&pdf[..earlier.end]) else { return Coverage::Broken };
        if !only_signs(&before, document) {
            return Coverage::Changed;
        }
    }
    Coverage::Whole
}

/// Whether a later revision changes nothing of an earlier one but the reviewer's field and the security store.
fn only_signs(before: &Document, after: &Document) -> bool {
    let root = |document: &Document| document.trailer.get(b"Root").and_then(Object::as_reference).ok();
    let field = field_id(before, REVIEWER_FIELD);
    let store = before.catalog().and_then(|c| c.get(b"DSS")).and_then(Object::as_reference).ok();
    root(before).is_some()
        && root(before) == root(after)
        && before.objects.iter().all(|(id, old)| {
            let new = after.objects.get(id);
            match new {
                Some(new) if new == old => true,
                Some(new) if Some(*id) == field => is_filled(old, new),
                Some(new) => Some(*id) == store && new.as_dict().is_ok(),
                // Object streams and cross-reference streams belong to the file, not to the document.
                None => is_structure(old),
            }
        })
}

fn is_structure(object: &Object) -> bool {
    matches!(object.type_name(), Ok(name) if name == b"ObjStm" || name == b"XRef")
}

/// The same field, now with a value and an appearance.
fn is_filled(old: &Object, new: &Object) -> bool {
    let (Ok(old), Ok(new)) = (old.as_dict(), new.as_dict()) else { return false };
    let rest = |dictionary: &Dictionary| {
        let mut rest = dictionary.clone();
        rest.remove(b"V");
        rest.remove(b"AP");
        rest
    };
    !old.has(b"V") && rest(old) == rest(new)
}

/// A field of the form by its name.
pub(super) fn field_id(document: &Document, name: &str) -> Option<ObjectId> {
    let form = document.catalog().ok()?.get_deref(b"AcroForm", document).and_then(Object::as_dict).ok()?;
    let fields = form.get(b"Fields").and_then(Object::as_array).ok()?;
    fields.iter().take(SIGNATURES_MAX).filter_map(|field| field.as_reference().ok()).find(|id| {
        document
            .get_dictionary(*id)
            .and_then(|field| field.get(b"T"))
            .and_then(Object::as_str)
            .is_ok_and(|found| found == name.as_bytes())
    })
}

pub(super) fn rectangle(field: &Dictionary) -> Result<[f32; 4], PadesError> {
    let numbers = field.get(b"Rect").and_then(Object::as_array).ok();
    let numbers = numbers.and_then(|all| all.iter().map(|n| n.as_float().ok()).collect::<Option<Vec<_>>>());
    numbers.and_then(|all| all.try_into().ok()).ok_or(PadesError::Malformed("a field's place"))
}

/// The contents of streams that are referred to, each once, up to a sum of bytes.
pub(super) fn streams(document: &Document, references: &[Object]) -> Vec<Vec<u8>> {
    let mut left = STORE_BYTES_MAX;
    let mut seen = BTreeSet::new();
    let stream = |object: &Object| {
        let id = object.as_reference().ok().filter(|id| seen.insert(*id))?;
        let stream = document.get_object(id).and_then(Object::as_stream).ok()?;
        let content = plain(stream, STORE_STREAM_BYTES_MAX.min(left))?;
        left -= content.len();
        Some(content)
    };
    references.iter().take(STORE_STREAMS_MAX).filter_map(stream).collect()
}

fn store(document: &Document) -> RevocationData {
    let store = document.catalog().and_then(|catalog| catalog.get_deref(b"DSS", document));
    let Ok(store) = store.and_then(Object::as_dict) else { return RevocationData::default() };
    let list = |key: &[u8]| {
        let list = store.get_deref(key, document).and_then(Object::as_array);
        list.map(|list| streams(document, list)).unwrap_or_default()
    };
    RevocationData { ocsp: list(b"OCSPs"), crls: list(b"CRLs") }
}
