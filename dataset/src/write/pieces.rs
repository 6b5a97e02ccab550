//! Writing a data set whose large values stay where they are: bytes, and between them places to copy from.

use super::{ITEM, header, tag, value};
use crate::syntax::Encoding;
use crate::{Dataset, Element, Tag, TransferSyntax, VR, Value};

const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
const UNDEFINED: u32 = u32::MAX;

/// A piece of a data set that is being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A value to be copied from the object, as [`Value::Bulk`] places it, with a zero behind it if its length is odd.
    Bulk {
        /// Byte offset of the value.
        offset: u64,
        /// Length in bytes.
        length: u64,
        /// Its value representation, for who must turn its bytes around.
        vr: VR,
    },
}

/// A data set in Explicit or Implicit VR Little Endian, like [`super::to_bytes`], with its bulk values as places.
/// Sequences and items have undefined length (PS3.5 §7.5), so that nothing need be known before it is written.
#[must_use]
pub fn pieces(dataset: &Dataset, syntax: &TransferSyntax) -> Vec<Piece> {
    let is_implicit = syntax.encoding() == Encoding::ImplicitLittle;
    let mut done = Vec::new();
    let mut out = Vec::new();
    let mut open = vec![Open { elements: dataset.elements.iter(), items: None }];
    while let Some(top) = open.last_mut() {
        if let Some(items) = &mut top.items {
            if let Some(item) = items.next() {
                delimiter(&mut out, ITEM, UNDEFINED);
                open.push(Open { elements: item.elements.iter(), items: None });
            } else {
                delimiter(&mut out, SEQUENCE_END, 0);
                top.items = None;
            }
            continue;
        }
        let Some(element) = top.elements.next() else {
            open.pop();
            if !open.is_empty() {
                delimiter(&mut out, ITEM_END, 0);
            }
            continue;
        };
        match &element.value {
            Value::Bytes(bytes) => value(&mut out, element, bytes, is_implicit),
            Value::Items(items) => {
                header(&mut out, element.tag, VR::SQ, UNDEFINED, is_implicit);
                top.items = Some(items.iter());
            }
            Value::Bulk { offset, length } => {
                let Ok(padded) = u32::try_from(length + length % 2) else { continue };
                header(&mut out, element.tag, element.vr, padded, is_implicit);
                done.push(Piece::Bytes(std::mem::take(&mut out)));
                done.push(Piece::Bulk { offset: *offset, length: *length, vr: element.vr });
                if length % 2 == 1 {
                    out.push(0);
                }
            }
        }
    }
    done.push(Piece::Bytes(out));
    done
}

/// A data set or item that is being written.
struct Open<'a> {
    elements: std::slice::Iter<'a, Element>,
    /// The sequence that is being written.
    items: Option<std::slice::Iter<'a, Dataset>>,
}

fn delimiter(out: &mut Vec<u8>, of: Tag, length: u32) {
    tag(out, of);
    out.extend_from_slice(&length.to_le_bytes());
}

/// The header of an element whose value follows, of a length that is known.
#[must_use]
pub fn element_header(of: Tag, vr: VR, length: u32, syntax: &TransferSyntax) -> Vec<u8> {
    let mut out = Vec::with_capacity(12);
    header(&mut out, of, vr, length, syntax.encoding() == Encoding::ImplicitLittle);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::scan;
    use model::Limits;
    use proptest::prelude::*;

    /// The pieces as one data set, bulk values read from the bytes that they were scanned from.
    fn joined(dataset: &Dataset, syntax: &TransferSyntax, source: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in pieces(dataset, syntax) {
            match piece {
                Piece::Bytes(bytes) => out.extend(bytes),
                Piece::Bulk { offset, length, .. } => {
                    out.extend_from_slice(&source[offset as usize..(offset + length) as usize]);
                }
            }
        }
        out
    }

    proptest! {
        #[test]
        fn what_is_written_in_pieces_is_read_again(dataset in crate::testing::any_dataset(), large in 0usize..6000) {
            let mut dataset = dataset;
            let mut item = Dataset::new();
            item.put_bytes(crate::tags::PIXEL_DATA, VR::OW, vec![7; large * 2]);
            dataset.put_items(crate::tags::ICON_IMAGE_SEQUENCE, vec![item, Dataset::new()]);
            dataset.put_bytes(crate::tags::PIXEL_DATA, VR::OW, vec![9; large * 2]);
            let explicit = TransferSyntax::explicit_little();
            let implicit = TransferSyntax::parse(TransferSyntax::IMPLICIT_LITTLE).unwrap();
            let source = super::super::to_bytes(&dataset, &explicit);
            let scanned = scan(&source, &explicit, &Limits::default()).unwrap().dataset;
            for syntax in [explicit.clone(), implicit] {
                let again = joined(&scanned, &syntax, &source);
                let reread = scan(&again, &syntax, &Limits::default()).unwrap().dataset;
                let back = joined(&reread, &explicit, &again);
                prop_assert_eq!(scan(&back, &explicit, &Limits::default()).unwrap().dataset.elements().len(), scanned.elements().len());
                if syntax == explicit {
                    prop_assert_eq!(back, again);
                }
            }
        }
    }
}
