//! Bytes of elements, in the three codings.

/// An element in explicit VR little endian.
pub fn explicit(group: u16, element: u16, vr: &str, value: &[u8]) -> Vec<u8> {
    let mut out = [group.to_le_bytes(), element.to_le_bytes()].concat();
    out.extend(vr.as_bytes());
    match vr {
        "OB" | "OW" | "UN" | "UT" | "OV" | "SQ" | "OF" | "ZZ" => {
            out.extend([0, 0]);
            out.extend((value.len() as u32).to_le_bytes());
        }
        _ => out.extend((value.len() as u16).to_le_bytes()),
    }
    out.extend(value);
    out
}

/// An element in implicit VR little endian; an item or delimiter in any.
pub fn implicit(group: u16, element: u16, value: &[u8]) -> Vec<u8> {
    let mut out = [group.to_le_bytes(), element.to_le_bytes()].concat();
    out.extend((value.len() as u32).to_le_bytes());
    out.extend(value);
    out
}

/// An element of undefined length, without its end.
pub fn undefined(group: u16, element: u16, vr: &str) -> Vec<u8> {
    let mut out = [group.to_le_bytes(), element.to_le_bytes()].concat();
    if !vr.is_empty() {
        out.extend(vr.as_bytes());
        out.extend([0, 0]);
    }
    out.extend([0xFF; 4]);
    out
}

/// An element in explicit VR big endian.
pub fn big(group: u16, element: u16, vr: &str, value: &[u8]) -> Vec<u8> {
    let mut out = [group.to_be_bytes(), element.to_be_bytes()].concat();
    out.extend(vr.as_bytes());
    out.extend((value.len() as u16).to_be_bytes());
    out.extend(value);
    out
}

pub fn item(value: &[u8]) -> Vec<u8> {
    implicit(0xFFFE, 0xE000, value)
}

pub fn item_end() -> Vec<u8> {
    implicit(0xFFFE, 0xE00D, &[])
}

pub fn sequence_end() -> Vec<u8> {
    implicit(0xFFFE, 0xE0DD, &[])
}

/// Encapsulated pixel data.
pub fn fragments(table: &[u32], fragments: &[&[u8]]) -> Vec<u8> {
    let mut out = undefined(0x7FE0, 0x0010, "OB");
    out.extend(item(&table.iter().flat_map(|offset| offset.to_le_bytes()).collect::<Vec<_>>()));
    for fragment in fragments {
        out.extend(item(fragment));
    }
    out.extend(sequence_end());
    out
}
