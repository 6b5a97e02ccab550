//! Elements as bytes in each of the three ways of writing (PS3.5 §7.1).

use super::{ITEM, only};
use crate::scan::header::{self, Coding, Length};
use crate::write::to_bytes;
use crate::{Dataset, Tag, TransferSyntax, VR};

/// One element of a data set.
pub(super) fn element(dataset: &Dataset, tag: Tag, coding: Coding) -> Vec<u8> {
    let mut one = Dataset::new();
    one.put(only(dataset, tag));
    encoded(&one, coding)
}

/// An element with ASCII text.
pub(super) fn text(tag: Tag, vr: VR, text: &str, coding: Coding) -> Vec<u8> {
    let mut one = Dataset::new();
    one.put_bytes(tag, vr, text.as_bytes().to_vec());
    encoded(&one, coding)
}

/// A sequence of defined length around these items.
pub(super) fn sequence(tag: Tag, items: &[u8], coding: Coding) -> Vec<u8> {
    let mut out = tag_bytes(tag, coding).to_vec();
    if coding != Coding::ImplicitLittle {
        out.extend_from_slice(b"SQ\0\0");
    }
    out.extend(length_bytes(items.len(), coding));
    out.extend_from_slice(items);
    out
}

/// An item of defined length around these elements.
pub(super) fn item(elements: &[u8], coding: Coding) -> Vec<u8> {
    let mut out = tag_bytes(ITEM, coding).to_vec();
    out.extend(length_bytes(elements.len(), coding));
    out.extend_from_slice(elements);
    out
}

fn tag_bytes(tag: Tag, coding: Coding) -> [u8; 4] {
    let bytes = |number: u16| match coding {
        Coding::ExplicitBig => number.to_be_bytes(),
        _ => number.to_le_bytes(),
    };
    let ([a, b], [c, d]) = (bytes(tag.group()), bytes(tag.element()));
    [a, b, c, d]
}

fn length_bytes(length: usize, coding: Coding) -> [u8; 4] {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    match coding {
        Coding::ExplicitBig => length.to_be_bytes(),
        _ => length.to_le_bytes(),
    }
}

fn encoded(dataset: &Dataset, coding: Coding) -> Vec<u8> {
    match coding {
        Coding::ExplicitLittle => to_bytes(dataset, &TransferSyntax::explicit_little()),
        Coding::ImplicitLittle => match TransferSyntax::parse(TransferSyntax::IMPLICIT_LITTLE) {
            Ok(implicit) => to_bytes(dataset, &implicit),
            Err(_) => Vec::new(),
        },
        Coding::ExplicitBig => big_endian(to_bytes(dataset, &TransferSyntax::explicit_little())),
    }
}

/// Turns the headers round. The values are text, which has no byte order; those of sequences are headers again.
fn big_endian(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    while let Some(first) = bytes.get(at..at + 8) {
        let mut gathered = [0; 12];
        gathered[..8].copy_from_slice(first);
        let count = header::length_of(&gathered, Coding::ExplicitLittle);
        if let Some(whole) = bytes.get(at..at + count) {
            gathered[..count].copy_from_slice(whole);
        }
        let Some(found) = header::parse(&gathered, Coding::ExplicitLittle) else { break };
        let of_length = match (found.tag, count) {
            (ITEM, _) => 4..8,
            (_, 12) => 8..12,
            _ => 6..8,
        };
        for range in [0..2, 2..4, of_length] {
            if let Some(number) = bytes.get_mut(at + range.start..at + range.end) {
                number.reverse();
            }
        }
        let is_open = found.tag == ITEM || found.vr == Some(VR::SQ);
        at += count;
        if let (false, Length::Defined(length)) = (is_open, found.length) {
            at = at.saturating_add(length as usize);
        }
    }
    bytes
}
