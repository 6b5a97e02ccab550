//! Putting other values in the place of a few top-level elements, in the bytes of a data set, while it is handed out.
//!
//! What was acquired is kept as it is; what a workstation gets must not carry the wrong patient. The elements in front
//! of the pixels are written anew, everything behind them is passed on byte by byte. What stood there before is in the
//! Original Attributes Sequence (0400,0561) (PS3.3 §C.12.1.1.9), as coercion asks (PS3.4 §B.4.1.3).

mod coding;
mod text;

use crate::scan::header::{self, Coding, Length};
use crate::syntax::Encoding;
use crate::{Dataset, Element, Refused, Tag, TransferSyntax, VR, Value, json, tags};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::ops::Range;

/// Other values for top-level elements, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Edits {
    /// By tag as 8 hexadecimal digits: a DICOM JSON attribute, or null to take the element out.
    pub attributes: Map<String, Json>,
    /// When the values were changed: DICOM DT.
    pub at: String,
    /// The system that changed them: LO.
    pub system: String,
}

/// The beginning of a data set as it is handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Front {
    /// These bytes stand in the place of all bytes before `resume_at`.
    pub bytes: Vec<u8>,
    /// Where in the original data set it goes on.
    pub resume_at: u64,
}

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
const INSTANCE_COERCION_DATE_TIME: Tag = Tag(0x0008, 0x0015);
const ORIGINAL_ATTRIBUTES: Tag = Tag(0x0400, 0x0561);
const DEPTH_MAX: usize = 64;

/// An element where it stands in the prefix.
struct Span {
    tag: Tag,
    vr: Option<VR>,
    value: Range<usize>,
    whole: Range<usize>,
}

/// Writes the front of a data set with other values. `prefix` is its beginning, `length` the length of all of it.
/// `None`: more of it is needed.
///
/// # Errors
/// [`Refused`] for a deflated data set (inflate it first), for one that breaks rules, and for edits that are no DICOM
/// JSON.
pub fn front(
    syntax: &TransferSyntax,
    prefix: &[u8],
    length: u64,
    edits: &Edits,
) -> Result<Option<Front>, Refused> {
    let coding = match syntax.encoding() {
        Encoding::ImplicitLittle => Coding::ImplicitLittle,
        Encoding::ExplicitLittle => Coding::ExplicitLittle,
        Encoding::ExplicitBig => Coding::ExplicitBig,
        Encoding::DeflatedLittle => return Err(Refused::NotDicom("it is deflated")),
    };
    let Some((spans, resume_at)) = spans(prefix, length, coding)? else { return Ok(None) };
    let value_of = |tag: Tag| spans.iter().find(|s| s.tag == tag).and_then(|s| prefix.get(s.value.clone()));
    let (label, sets) =
        text::label(value_of(tags::SPECIFIC_CHARACTER_SET).unwrap_or_default(), &edits.attributes);
    let mut wanted: BTreeMap<Tag, Option<Vec<u8>>> = BTreeMap::new();
    for (key, attribute) in &edits.attributes {
        let tag = crate::dictionary::tag_of_hex(key).ok_or(Refused::NotDicom("an edit has no tag"))?;
        let element = match attribute {
            Json::Null => None,
            attribute => {
                let one = Map::from_iter([(key.clone(), attribute.clone())]);
                Some(coding::element(&text::recode(json::from_json(&one)?, &sets), tag, coding))
            }
        };
        wanted.insert(tag, element);
    }
    let originals = originals(prefix, &spans, &wanted);
    if let Some(label) = label {
        wanted.insert(
            tags::SPECIFIC_CHARACTER_SET,
            Some(coding::text(tags::SPECIFIC_CHARACTER_SET, VR::CS, &label, coding)),
        );
    }
    let at = coding::text(INSTANCE_COERCION_DATE_TIME, VR::DT, &edits.at, coding);
    wanted.insert(INSTANCE_COERCION_DATE_TIME, Some(at));
    let sequence = original_attributes(prefix, &spans, originals, edits, coding)?;
    wanted.insert(ORIGINAL_ATTRIBUTES, Some(sequence));
    Ok(Some(Front { bytes: assemble(prefix, &spans, wanted), resume_at }))
}

/// All elements in order, with the wanted ones in their places. Group lengths (retired) would no longer be true.
fn assemble(prefix: &[u8], spans: &[Span], mut wanted: BTreeMap<Tag, Option<Vec<u8>>>) -> Vec<u8> {
    let mut out = Vec::with_capacity(prefix.len() + 4096);
    for span in spans.iter().filter(|s| s.tag.element() != 0) {
        let later = wanted.split_off(&span.tag);
        out.extend(std::mem::replace(&mut wanted, later).into_values().flatten().flatten());
        match wanted.remove(&span.tag) {
            Some(new) => out.extend(new.into_iter().flatten()),
            None => out.extend_from_slice(prefix.get(span.whole.clone()).unwrap_or_default()),
        }
    }
    out.extend(wanted.into_values().flatten().flatten());
    out
}

/// The elements that will be replaced, as they stand.
fn originals(prefix: &[u8], spans: &[Span], wanted: &BTreeMap<Tag, Option<Vec<u8>>>) -> Vec<u8> {
    let replaced = spans.iter().filter(|s| wanted.contains_key(&s.tag));
    replaced.flat_map(|s| prefix.get(s.whole.clone()).unwrap_or_default().iter().copied()).collect()
}

/// The Original Attributes Sequence: the items that were there, and one more.
fn original_attributes(
    prefix: &[u8],
    spans: &[Span],
    originals: Vec<u8>,
    edits: &Edits,
    coding: Coding,
) -> Result<Vec<u8>, Refused> {
    let mut item = coding::sequence(Tag(0x0400, 0x0550), &coding::item(&originals, coding), coding);
    item.extend(coding::text(Tag(0x0400, 0x0562), VR::DT, &edits.at, coding));
    item.extend(coding::text(Tag(0x0400, 0x0563), VR::LO, &edits.system, coding));
    item.extend(coding::text(Tag(0x0400, 0x0564), VR::LO, "", coding));
    item.extend(coding::text(Tag(0x0400, 0x0565), VR::CS, "CORRECT", coding));
    let mut items = Vec::new();
    if let Some(there) = spans.iter().find(|s| s.tag == ORIGINAL_ATTRIBUTES) {
        if !matches!(there.vr, None | Some(VR::SQ)) {
            return Err(Refused::Malformed {
                at: there.whole.start as u64,
                why: "a sequence is no sequence",
            });
        }
        items.extend_from_slice(prefix.get(there.value.clone()).unwrap_or_default());
    }
    items.extend(coding::item(&item, coding));
    Ok(coding::sequence(ORIGINAL_ATTRIBUTES, &items, coding))
}

/// The top-level elements up to the Original Attributes Sequence, and where what follows begins.
fn spans(prefix: &[u8], length: u64, coding: Coding) -> Result<Option<(Vec<Span>, u64)>, Refused> {
    let mut spans = Vec::new();
    let mut at = 0;
    loop {
        if at as u64 >= length {
            return Ok(Some((spans, length)));
        }
        let Some((tag, vr, value_at, declared)) = header_at(prefix, at, coding)? else { return Ok(None) };
        if tag > ORIGINAL_ATTRIBUTES {
            return Ok(Some((spans, at as u64)));
        }
        let (value_end, end) = match declared {
            Length::Defined(count) => {
                let end = value_at.saturating_add(count as usize);
                (end, end)
            }
            Length::Undefined => match end_of_sequence(prefix, value_at, inner(vr, coding))? {
                Some(ends) => ends,
                None => return Ok(None),
            },
        };
        if end > prefix.len() {
            return Ok(None);
        }
        spans.push(Span { tag, vr, value: value_at..value_end, whole: at..end });
        at = end;
    }
}

/// What is inside an element of VR UN and undefined length is in Implicit VR Little Endian (PS3.5 §6.2.2 Note 2).
pub(crate) fn inner(vr: Option<VR>, coding: Coding) -> Coding {
    if vr == Some(VR::UN) { Coding::ImplicitLittle } else { coding }
}

pub(crate) type HeaderAt = (Tag, Option<VR>, usize, Length);

pub(crate) fn header_at(bytes: &[u8], at: usize, coding: Coding) -> Result<Option<HeaderAt>, Refused> {
    let Some(first) = bytes.get(at..at.saturating_add(8)) else { return Ok(None) };
    let mut gathered = [0; 12];
    gathered[..8].copy_from_slice(first);
    let count = header::length_of(&gathered, coding);
    let Some(whole) = bytes.get(at..at + count) else { return Ok(None) };
    gathered[..count].copy_from_slice(whole);
    let malformed = Refused::Malformed { at: at as u64, why: "no VR where one must be" };
    let found = header::parse(&gathered, coding).ok_or(malformed)?;
    Ok(Some((found.tag, found.vr, at + count, found.length)))
}

/// Where the value of a sequence of undefined length ends, and where its delimiter does. Not recursive.
pub(crate) fn end_of_sequence(
    bytes: &[u8],
    from: usize,
    coding: Coding,
) -> Result<Option<(usize, usize)>, Refused> {
    // The codings of the sequences and items of undefined length that are open.
    let mut open = vec![coding];
    let mut at = from;
    while let Some(&coding) = open.last() {
        let Some((tag, vr, value_at, length)) = header_at(bytes, at, coding)? else { return Ok(None) };
        match (tag, length) {
            (ITEM_END | SEQUENCE_END, _) => {
                open.pop();
                if open.is_empty() {
                    return Ok(Some((at, value_at)));
                }
                at = value_at;
            }
            (_, Length::Undefined) => {
                if open.len() >= DEPTH_MAX * 2 {
                    return Err(Refused::OverLimit("nesting of sequences"));
                }
                let next = if tag == ITEM { item_coding(bytes, value_at, coding) } else { inner(vr, coding) };
                open.push(next);
                at = value_at;
            }
            (_, Length::Defined(count)) => at = value_at.saturating_add(count as usize),
        }
    }
    Ok(None)
}

/// Some writers put implicit items into explicit data sets; the scanner takes them, so they are here.
pub(crate) fn item_coding(bytes: &[u8], at: usize, coding: Coding) -> Coding {
    let Some(first) = bytes.get(at..at.saturating_add(8)) else { return coding };
    let mut gathered = [0; 12];
    gathered[..8].copy_from_slice(first);
    let is_implicit = coding == Coding::ExplicitLittle && header::looks_implicit(&gathered);
    if is_implicit { Coding::ImplicitLittle } else { coding }
}

/// The one element of a data set of one.
fn only(dataset: &Dataset, tag: Tag) -> Element {
    dataset.get(tag).cloned().unwrap_or(Element { tag, vr: VR::LO, value: Value::Bytes(bytes::Bytes::new()) })
}

#[cfg(test)]
mod tests;
