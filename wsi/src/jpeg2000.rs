//! The main header of a JPEG 2000 codestream (ITU-T T.800 Annex A): size, components and transforms; no decoding.

/// What the SIZ and COD segments say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub width: u32,
    pub height: u32,
    pub components: u16,
    /// Whether all components have 8 unsigned bits.
    pub is_8_bit: bool,
    /// Whether the second and third component have fewer samples than the first.
    pub is_subsampled: bool,
    /// Whether a colour transform was applied by the encoder (MCT).
    pub has_colour_transform: bool,
    /// Whether the wavelet is the reversible 5-3.
    pub is_reversible: bool,
}

const SOC: [u8; 2] = [0xFF, 0x4F];
const SIZ: u8 = 0x51;
const COD: u8 = 0x52;
const SOT: u8 = 0x90;

/// Reads the main header; `None` when it is cut short or no codestream.
pub(crate) fn head(bytes: &[u8]) -> Option<Head> {
    let mut rest = bytes.strip_prefix(&SOC)?;
    let (mut siz, mut cod) = (None, None);
    while siz.is_none() || cod.is_none() {
        let &[0xFF, code, high, low, ..] = rest else { return None };
        if code == SOT {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        let body = rest.get(4..2_usize.checked_add(length)?)?;
        match code {
            SIZ => siz = Some(body),
            COD => cod = Some(body),
            _ => {}
        }
        rest = rest.get(2 + length..)?;
    }
    let (siz, cod) = (siz?, cod?);
    let uint = |at: usize| Some(u32::from_be_bytes(siz.get(at..at + 4)?.try_into().ok()?));
    let components = u16::from_be_bytes(siz.get(34..36)?.try_into().ok()?);
    let parts = siz.get(36..36 + usize::from(components) * 3)?.as_chunks::<3>().0;
    Some(Head {
        width: uint(2)?.checked_sub(uint(10)?)?,
        height: uint(6)?.checked_sub(uint(14)?)?,
        components,
        is_8_bit: parts.iter().all(|part| part[0] == 7),
        is_subsampled: parts.iter().any(|part| part[1..] != [1, 1]),
        has_colour_transform: *cod.get(4)? != 0,
        is_reversible: *cod.get(9)? == 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SOC, SIZ and COD of a 256 × 240 image of three components.
    fn codestream() -> Vec<u8> {
        let mut bytes = SOC.to_vec();
        bytes.extend([0xFF, SIZ, 0, 47, 0, 0]);
        for value in [256_u32, 240, 0, 0, 256, 240, 0, 0] {
            bytes.extend(value.to_be_bytes());
        }
        bytes.extend([0, 3, 7, 1, 1, 7, 2, 1, 7, 2, 1]);
        bytes.extend([0xFF, COD, 0, 12, 0, 0, 0, 1, 0, 5, 4, 4, 0, 0]);
        bytes.extend([0xFF, SOT]);
        bytes
    }

    #[test]
    fn size_components_and_transforms_are_read() {
        let head = head(&codestream()).unwrap();
        assert_eq!((head.width, head.height, head.components), (256, 240, 3));
        assert!(head.is_8_bit && head.is_subsampled && !head.has_colour_transform && !head.is_reversible);
    }

    #[test]
    fn a_header_that_is_cut_short_is_none() {
        let bytes = codestream();
        for end in 0..bytes.len() - 2 {
            assert_eq!(head(&bytes[..end]), None, "{end}");
        }
    }
}
