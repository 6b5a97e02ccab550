//! The data dictionary (PS3.6): value representation and keyword of a tag, and the tag of a keyword.

use crate::{Tag, VR};
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, TagRange, VirtualVr};
use dicom_dictionary_std::StandardDataDictionary;

/// The VR of a tag, where one can be said without context. `is_signed` is the Pixel Representation (0028,0103) in
/// effect, for attributes that are US or SS by it. Private attributes (but for
/// private creators) and unknown ones have none.
#[must_use]
pub fn vr(tag: Tag, is_signed: Signedness) -> Option<VR> {
    if tag.group() % 2 == 1 {
        return matches!(tag.element(), 0x10..=0xFF).then_some(VR::LO);
    }
    let entry = StandardDataDictionary.by_tag(tag)?;
    Some(match entry.vr() {
        VirtualVr::Exact(vr) => vr,
        VirtualVr::Xs if is_signed == Signedness::Signed => VR::SS,
        VirtualVr::Xs => VR::US,
        VirtualVr::Ox | VirtualVr::Px | VirtualVr::Lt => VR::OW,
        _ => return None,
    })
}

/// Whether pixel values are two's complement, as (0028,0103) says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signedness {
    /// Pixel Representation 0, or unknown.
    #[default]
    Unsigned,
    /// Pixel Representation 1.
    Signed,
}

/// The keyword of a standard attribute, such as `PatientName`.
#[must_use]
pub fn keyword(tag: Tag) -> Option<&'static str> {
    let entry = StandardDataDictionary.by_tag(tag)?;
    matches!(entry.tag_range(), TagRange::Single(_)).then_some(entry.alias)
}

/// The tag of a keyword, as it stands in the standard (case matters).
#[must_use]
pub fn tag_of_keyword(keyword: &str) -> Option<Tag> {
    let entry = StandardDataDictionary.by_name(keyword)?;
    match entry.tag_range() {
        TagRange::Single(tag) => Some(tag),
        _ => None,
    }
}

/// A tag from a request: 8 hexadecimal digits or a keyword (PS3.18 §8.3.4.1).
#[must_use]
pub fn tag_of(text: &str) -> Option<Tag> {
    tag_of_hex(text).or_else(|| tag_of_keyword(text))
}

/// A tag from 8 hexadecimal digits, in either case.
#[must_use]
pub fn tag_of_hex(text: &str) -> Option<Tag> {
    if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let number = u32::from_str_radix(text, 16).ok()?;
    Some(Tag((number >> 16) as u16, (number & 0xFFFF) as u16))
}

/// A tag as 8 upper-case hexadecimal digits.
#[must_use]
pub fn hex_of(tag: Tag) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let number = (u32::from(tag.0) << 16) | u32::from(tag.1);
    (0..8).rev().map(|place| DIGITS[(number >> (4 * place)) as usize & 15] as char).collect()
}

/// Storage classes of objects that belong to no patient and no study (PS3.4 Annex GG): hanging protocols, color
/// palettes, implant templates, defined protocols and their approval, inventories.
const WITHOUT_PATIENT: [&str; 9] = [
    "1.2.840.10008.5.1.4.38.1",
    "1.2.840.10008.5.1.4.39.1",
    "1.2.840.10008.5.1.4.43.1",
    "1.2.840.10008.5.1.4.44.1",
    "1.2.840.10008.5.1.4.45.1",
    "1.2.840.10008.5.1.4.1.1.200.1",
    "1.2.840.10008.5.1.4.1.1.200.3",
    "1.2.840.10008.5.1.4.1.1.200.7",
    "1.2.840.10008.5.1.4.1.1.201.1",
];

/// Whether objects of a SOP class belong to no patient and no study.
#[must_use]
pub fn is_without_patient(sop_class: &str) -> bool {
    WITHOUT_PATIENT.contains(&sop_class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_tags_and_representations() {
        for (keyword_text, tag, expect) in [
            ("PatientName", Tag(0x0010, 0x0010), VR::PN),
            ("StudyDescription", Tag(0x0008, 0x1030), VR::LO),
            ("PixelData", Tag(0x7FE0, 0x0010), VR::OW),
            ("SmallestImagePixelValue", Tag(0x0028, 0x0106), VR::US),
        ] {
            assert_eq!(keyword(tag), Some(keyword_text));
            assert_eq!(tag_of(keyword_text), Some(tag));
            assert_eq!(tag_of(&hex_of(tag)), Some(tag));
            assert_eq!(tag_of(&hex_of(tag).to_lowercase()), Some(tag));
            assert_eq!(vr(tag, Signedness::Unsigned), Some(expect), "{keyword_text}");
        }
        assert_eq!(vr(Tag(0x0028, 0x0106), Signedness::Signed), Some(VR::SS));
        assert_eq!(vr(Tag(0x6002, 0x3000), Signedness::Unsigned), Some(VR::OW), "overlays repeat");
        assert_eq!(vr(Tag(0x0009, 0x1001), Signedness::Unsigned), None);
        assert_eq!(vr(Tag(0x0009, 0x0010), Signedness::Unsigned), Some(VR::LO), "private creator");
    }

    #[test]
    fn what_is_no_tag() {
        for text in ["", "0010", "0010001G", "+0100010", "patientname", "00100010 "] {
            assert_eq!(tag_of(text), None, "{text:?}");
        }
    }
}
