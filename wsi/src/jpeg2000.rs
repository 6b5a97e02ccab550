//! The main header of a JPEG 2000 codestream (ITU-T T.800 Annex A): size, components and transforms; no decoding.

use std::ops::Range;

/// What the SIZ and COD segments say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub width: u32,
    pub height: u32,
    pub components: u16,
    /// Bits of every component; `None` when they differ or are signed.
    pub depth: Option<u16>,
    /// Whether the second and third component have fewer samples than the first.
    pub is_subsampled: bool,
    /// Whether a colour transform was applied by the encoder (MCT).
    pub has_colour_transform: bool,
    /// Whether the wavelet is the reversible 5-3.
    pub is_reversible: bool,
    /// Whether it is high throughput (T.814): the CAP segment says that Part 15 is needed.
    pub is_high_throughput: bool,
}

const SOC: [u8; 2] = [0xFF, 0x4F];
const SIZ: u8 = 0x51;
const CAP: u8 = 0x50;
const COD: u8 = 0x52;
const SOT: u8 = 0x90;

/// Reads the main header; `None` when it is cut short or no codestream.
pub(crate) fn head(bytes: &[u8]) -> Option<Head> {
    let mut rest = bytes.strip_prefix(&SOC)?;
    let (mut siz, mut cod, mut is_high_throughput) = (None, None, false);
    while siz.is_none() || cod.is_none() {
        let &[0xFF, code, high, low, ..] = rest else { return None };
        if code == SOT {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        let body = rest.get(4..2_usize.checked_add(length)?)?;
        match code {
            SIZ => siz = Some(body),
            // Bit 15 counted from the most significant of Pcap (T.814 §A.2); CAP follows SIZ at once.
            CAP => is_high_throughput = body.get(1).is_some_and(|byte| *byte & 2 != 0),
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
        depth: parts
            .first()
            .filter(|first| first[0] < 128 && parts.iter().all(|part| part[0] == first[0]))
            .map(|first| u16::from(first[0]) + 1),
        is_subsampled: parts.iter().any(|part| part[1..] != [1, 1]),
        has_colour_transform: *cod.get(4)? != 0,
        is_reversible: *cod.get(9)? == 1,
        is_high_throughput,
    })
}

/// The signature box of a JP2 file (T.800 §I.5.1).
const SIGNATURE: [u8; 12] = [0, 0, 0, 12, b'j', b'P', b' ', b' ', 0x0D, 0x0A, 0x87, 0x0A];

/// Whether bytes begin as a JP2 file.
pub(crate) fn is_boxed(bytes: &[u8]) -> bool {
    bytes.starts_with(&SIGNATURE)
}

/// Where the codestream is in a JP2 file of `length` bytes; `head` are its first bytes, the other boxes among them.
pub(crate) fn codestream(head: &[u8], length: u64) -> Option<Range<u64>> {
    if !is_boxed(head) {
        return None;
    }
    let mut at = 0_usize;
    loop {
        let (size, kind) = head.get(at..at + 8)?.split_at(4);
        let size = u64::from(u32::from_be_bytes(size.try_into().ok()?));
        let (header, size) = match size {
            // To the end of the file; or in 64 bits behind the kind (T.800 §I.4).
            0 => (8, length.checked_sub(at as u64)?),
            1 => (16, u64::from_be_bytes(head.get(at + 8..at + 16)?.try_into().ok()?)),
            size => (8, size),
        };
        let end = (at as u64).checked_add(size)?;
        if size < header || end > length {
            return None;
        }
        if kind == b"jp2c" {
            return Some(at as u64 + header..end);
        }
        at = usize::try_from(end).ok()?;
    }
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
        assert_eq!(head.depth, Some(8));
        assert!(head.is_subsampled && !head.has_colour_transform && !head.is_reversible);
    }

    #[test]
    fn high_throughput_is_seen_whatever_it_is_called() {
        let plain = codestream();
        let cap = [0xFF, CAP, 0, 8, 0, 2, 0, 0, 0, 0];
        let at = 2 + 2 + 47;
        let high = [&plain[..at], &cap[..], &plain[at..]].concat();
        assert!(!head(&plain).unwrap().is_high_throughput);
        assert!(head(&high).unwrap().is_high_throughput);
    }

    #[test]
    fn the_codestream_is_found_in_a_jp2_file() {
        let stream = codestream();
        let ftyp = [&20_u32.to_be_bytes()[..], b"ftypjp2 \0\0\0\0jp2 "].concat();
        let size = u32::try_from(stream.len() + 8).unwrap();
        for size in [size, 0] {
            let file = [&SIGNATURE[..], &ftyp, &size.to_be_bytes(), b"jp2c", &stream].concat();
            let place = super::codestream(&file, file.len() as u64).unwrap();
            assert_eq!(&file[place.start as usize..place.end as usize], stream);
            for end in 0..40 {
                assert_eq!(super::codestream(&file[..end], file.len() as u64), None, "{end}");
            }
            assert_eq!(super::codestream(&file, 30), None);
        }
    }

    #[test]
    fn a_header_that_is_cut_short_is_none() {
        let bytes = codestream();
        for end in 0..bytes.len() - 2 {
            assert_eq!(head(&bytes[..end]), None, "{end}");
        }
    }
}
