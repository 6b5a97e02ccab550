//! Writing data sets: Explicit and Implicit VR Little Endian (PS3.5 §7), sequences with defined length.

mod pieces;

pub use pieces::{Piece, element_header, pieces};

use crate::syntax::Encoding;
use crate::{Dataset, Element, Tag, TransferSyntax, VR, Value};

const ITEM: Tag = Tag(0xFFFE, 0xE000);

/// The bytes of a data set. Bulk values cannot be written and are left out. Only Implicit VR Little Endian and
/// Explicit VR Little Endian (also for every encapsulated syntax) are written.
///
/// Values of odd length get a padding byte. A value that a 16-bit length cannot hold is written as UN (PS3.5 §6.2.2).
#[must_use]
pub fn to_bytes(dataset: &Dataset, syntax: &TransferSyntax) -> Vec<u8> {
    let is_implicit = syntax.encoding() == Encoding::ImplicitLittle;
    let mut out = Vec::new();
    let mut open = vec![Open { elements: dataset.elements.iter(), items: None, item_length_at: 0 }];
    while let Some(top) = open.last_mut() {
        if let Some((items, sequence_length_at)) = &mut top.items {
            if let Some(item) = items.next() {
                let item_length_at = item_header(&mut out);
                open.push(Open { elements: item.elements.iter(), items: None, item_length_at });
            } else {
                patch_length(&mut out, *sequence_length_at);
                top.items = None;
            }
            continue;
        }
        let Some(element) = top.elements.next() else {
            if top.item_length_at > 0 {
                patch_length(&mut out, top.item_length_at);
            }
            open.pop();
            continue;
        };
        match &element.value {
            Value::Bulk { .. } => {}
            Value::Bytes(bytes) => value(&mut out, element, bytes, is_implicit),
            Value::Items(items) => {
                header(&mut out, element.tag, VR::SQ, 0, is_implicit);
                top.items = Some((items.iter(), out.len() - 4));
            }
        }
    }
    out
}

/// A data set or item that is being written.
struct Open<'a> {
    elements: std::slice::Iter<'a, Element>,
    /// The sequence that is being written, and where its length stands.
    items: Option<(std::slice::Iter<'a, Dataset>, usize)>,
    /// Where this item's length stands; 0 for the data set itself, which has none.
    item_length_at: usize,
}

fn item_header(out: &mut Vec<u8>) -> usize {
    tag(out, ITEM);
    out.extend_from_slice(&[0; 4]);
    out.len() - 4
}

/// Sets the length that stands at `at` to what has been written since.
fn patch_length(out: &mut [u8], at: usize) {
    let length = u32::try_from(out.len() - at - 4).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

fn value(out: &mut Vec<u8>, element: &Element, bytes: &[u8], is_implicit: bool) {
    let padded = bytes.len() + bytes.len() % 2;
    let Ok(length) = u32::try_from(padded) else { return };
    header(out, element.tag, element.vr, length, is_implicit);
    out.extend_from_slice(bytes);
    if padded > bytes.len() {
        let is_blank = crate::element::is_text(element.vr) && element.vr != VR::UI;
        out.push(if is_blank { b' ' } else { 0 });
    }
}

fn header(out: &mut Vec<u8>, of: Tag, vr: VR, length: u32, is_implicit: bool) {
    tag(out, of);
    if is_implicit {
        out.extend_from_slice(&length.to_le_bytes());
        return;
    }
    let is_long = vr.has_long_form();
    match u16::try_from(length) {
        Ok(length) if !is_long => {
            out.extend_from_slice(&vr.to_bytes());
            out.extend_from_slice(&length.to_le_bytes());
        }
        _ => {
            out.extend_from_slice(&if is_long { vr } else { VR::UN }.to_bytes());
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&length.to_le_bytes());
        }
    }
}

fn tag(out: &mut Vec<u8>, tag: Tag) {
    out.extend_from_slice(&tag.0.to_le_bytes());
    out.extend_from_slice(&tag.1.to_le_bytes());
}

/// Whether a VR has 32 bits of length in explicit VR (PS3.5 §7.1.2).
pub(crate) trait LongForm {
    fn has_long_form(self) -> bool;
}

impl LongForm for VR {
    fn has_long_form(self) -> bool {
        matches!(
            self,
            VR::OB
                | VR::OD
                | VR::OF
                | VR::OL
                | VR::OV
                | VR::OW
                | VR::SQ
                | VR::SV
                | VR::UC
                | VR::UN
                | VR::UR
                | VR::UT
                | VR::UV
        )
    }
}

/// The bytes of a data set, group lengths absent, with Pixel Data to follow: what stands before (7FE0,0010).
#[must_use]
pub fn pixel_data_header_encapsulated() -> [u8; 12] {
    [0xE0, 0x7F, 0x10, 0x00, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::scan;
    use crate::tags;
    use model::Limits;
    use proptest::prelude::*;

    fn syntaxes() -> [TransferSyntax; 2] {
        [TransferSyntax::explicit_little(), TransferSyntax::parse(TransferSyntax::IMPLICIT_LITTLE).unwrap()]
    }

    #[test]
    fn bytes_as_the_standard_has_them() {
        let mut item = Dataset::new();
        item.put_text(tags::PATIENT_ID, VR::LO, "P01");
        let mut dataset = Dataset::new();
        dataset.put_text(tags::MODALITY, VR::CS, "CT");
        dataset.put_items(tags::OTHER_PATIENT_I_DS_SEQUENCE, vec![item, Dataset::new()]);
        let [explicit, implicit] = syntaxes().map(|syntax| hex::encode(to_bytes(&dataset, &syntax)));
        assert_eq!(
            explicit,
            "08006000435302004354\
             10000210535100001c000000\
             feff00e00c000000100020004c4f040050303120\
             feff00e000000000"
        );
        assert_eq!(
            implicit,
            "08006000020000004354\
             100002101c000000\
             feff00e00c000000100020000400000050303120\
             feff00e000000000"
        );
    }

    #[test]
    fn long_text_in_a_short_form_becomes_unknown() {
        let mut dataset = Dataset::new();
        dataset.put_bytes(tags::PIXEL_SPACING, VR::DS, vec![b'1'; 65_536]);
        let bytes = to_bytes(&dataset, &TransferSyntax::explicit_little());
        assert_eq!(&bytes[4..6], b"UN");
        let scanned = scan(&bytes, &TransferSyntax::explicit_little(), &Limits::default()).unwrap();
        assert_eq!(scanned.dataset.elements(), dataset.elements(), "and is read by the dictionary again");
    }

    #[test]
    fn padding() {
        let mut dataset = Dataset::new();
        dataset.put_bytes(tags::STUDY_INSTANCE_UID, VR::UI, &b"1.2"[..]);
        dataset.put_bytes(tags::PATIENT_ID, VR::LO, &b"A"[..]);
        let bytes = to_bytes(&dataset, &TransferSyntax::explicit_little());
        assert!(bytes.ends_with(b"1.2\0") && bytes.windows(2).any(|pair| pair == b"A "));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(inner in crate::testing::any_dataset()) {
            let mut dataset = inner;
            dataset.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
            dataset.put_text(tags::PATIENT_NAME, VR::PN, "张^三");
            let bytes = to_bytes(&dataset, &TransferSyntax::explicit_little());
            let scanned = scan(&bytes, &TransferSyntax::explicit_little(), &Limits::default()).unwrap();
            prop_assert_eq!(scanned.length, bytes.len() as u64);
            prop_assert_eq!(scanned.dataset, dataset);
        }
    }
}
