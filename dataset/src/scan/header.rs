//! The headers of elements and items (PS3.5 §7.1).

use crate::write::LongForm;
use crate::{Tag, VR};

/// How elements are written here: items may be written otherwise than the data set around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    ImplicitLittle,
    ExplicitLittle,
    ExplicitBig,
}

/// A declared length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Defined(u32),
    Undefined,
}

pub(crate) struct Header {
    pub(crate) tag: Tag,
    /// `None` when the stream does not say.
    pub(crate) vr: Option<VR>,
    pub(crate) length: Length,
}

/// What stands where a VR must be.
enum Letters {
    Known(VR),
    /// Two capital letters that are no VR of today: a VR of tomorrow, which has 32 bits of length (PS3.5 §6.2 Note).
    Future,
    /// `??`, blanks, zeros: what some writers put for UN, with 16 bits of length.
    Nothing,
    Garbage,
}

fn letters(bytes: &[u8; 12]) -> Letters {
    let pair = [bytes[4], bytes[5]];
    match known(pair) {
        Some(vr) => Letters::Known(vr),
        None if pair.iter().all(u8::is_ascii_uppercase) => Letters::Future,
        None if matches!(&pair, b"??" | b"  " | b"--" | b"- " | b"\0\0") => Letters::Nothing,
        None => Letters::Garbage,
    }
}

/// As `VR::from_binary`, which compares texts one after the other: this is asked for every element.
fn known(pair: [u8; 2]) -> Option<VR> {
    Some(match &pair {
        b"AE" => VR::AE,
        b"AS" => VR::AS,
        b"AT" => VR::AT,
        b"CS" => VR::CS,
        b"DA" => VR::DA,
        b"DS" => VR::DS,
        b"DT" => VR::DT,
        b"FL" => VR::FL,
        b"FD" => VR::FD,
        b"IS" => VR::IS,
        b"LO" => VR::LO,
        b"LT" => VR::LT,
        b"OB" => VR::OB,
        b"OD" => VR::OD,
        b"OF" => VR::OF,
        b"OL" => VR::OL,
        b"OV" => VR::OV,
        b"OW" => VR::OW,
        b"PN" => VR::PN,
        b"SH" => VR::SH,
        b"SL" => VR::SL,
        b"SQ" => VR::SQ,
        b"SS" => VR::SS,
        b"ST" => VR::ST,
        b"SV" => VR::SV,
        b"TM" => VR::TM,
        b"UC" => VR::UC,
        b"UI" => VR::UI,
        b"UL" => VR::UL,
        b"UN" => VR::UN,
        b"UR" => VR::UR,
        b"US" => VR::US,
        b"UT" => VR::UT,
        b"UV" => VR::UV,
        _ => return None,
    })
}

/// How many bytes the header has, by its first 8.
pub(crate) fn length_of(bytes: &[u8; 12], coding: Coding) -> usize {
    if coding == Coding::ImplicitLittle || tag_of(bytes, coding).group() == 0xFFFE {
        return 8;
    }
    match letters(bytes) {
        Letters::Known(vr) if vr.has_long_form() => 12,
        Letters::Future => 12,
        _ => 8,
    }
}

/// Whether the first 8 bytes of an item in explicit VR can only be an element in implicit VR.
pub(crate) fn looks_implicit(bytes: &[u8; 12]) -> bool {
    tag_of(bytes, Coding::ExplicitLittle).group() != 0xFFFE
        && matches!(letters(bytes), Letters::Garbage)
        && bytes[7] == 0
}

/// The header of an element; `None` when there is no VR where one must be.
pub(crate) fn parse(bytes: &[u8; 12], coding: Coding) -> Option<Header> {
    let tag = tag_of(bytes, coding);
    if coding == Coding::ImplicitLittle || tag.group() == 0xFFFE {
        return Some(parse_item(bytes, coding));
    }
    let short = [bytes[6], bytes[7]];
    let short = match coding {
        Coding::ExplicitBig => u16::from_be_bytes(short),
        _ => u16::from_le_bytes(short),
    };
    let long = length_in([bytes[8], bytes[9], bytes[10], bytes[11]], coding);
    let (vr, length) = match letters(bytes) {
        Letters::Known(vr) if vr.has_long_form() => (vr, long),
        Letters::Known(vr) => (vr, Length::Defined(short.into())),
        Letters::Future => (VR::UN, long),
        Letters::Nothing => (VR::UN, Length::Defined(short.into())),
        Letters::Garbage => return None,
    };
    Some(Header { tag, vr: Some(vr), length })
}

/// A header without VR: implicit elements, items, fragments, delimiters.
pub(crate) fn parse_item(bytes: &[u8; 12], coding: Coding) -> Header {
    let length = length_in([bytes[4], bytes[5], bytes[6], bytes[7]], coding);
    Header { tag: tag_of(bytes, coding), vr: None, length }
}

fn tag_of(bytes: &[u8; 12], coding: Coding) -> Tag {
    let (group, element) = ([bytes[0], bytes[1]], [bytes[2], bytes[3]]);
    match coding {
        Coding::ExplicitBig => Tag(u16::from_be_bytes(group), u16::from_be_bytes(element)),
        _ => Tag(u16::from_le_bytes(group), u16::from_le_bytes(element)),
    }
}

fn length_in(bytes: [u8; 4], coding: Coding) -> Length {
    let length = match coding {
        Coding::ExplicitBig => u32::from_be_bytes(bytes),
        _ => u32::from_le_bytes(bytes),
    };
    if length == u32::MAX { Length::Undefined } else { Length::Defined(length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vr_is_known() {
        for pair in (b'A'..=b'Z').flat_map(|a| (b'A'..=b'Z').map(move |b| [a, b])) {
            assert_eq!(known(pair), VR::from_binary(pair));
        }
    }
}
