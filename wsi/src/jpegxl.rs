//! The headers of a JPEG XL codestream (ISO/IEC 18181-1 Annexes A, D and E) and the boxes around it (18181-2 §9): size, bits
//! and colours; no decoding.

/// What the headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub width: u32,
    pub height: u32,
    /// One picture of three colours of 8 bits, upright, and nothing beside it.
    pub is_plain_colour: bool,
    /// Whether its colours are XYB, which only loses.
    pub is_xyb: bool,
    /// Whether it holds what it takes to restore the JPEG that it was made of.
    pub has_jpeg: bool,
}

const SIGNATURE: [u8; 12] = [0, 0, 0, 12, b'J', b'X', b'L', b' ', 0x0D, 0x0A, 0x87, 0x0A];
const CODESTREAM: [u8; 2] = [0xFF, 0x0A];

/// Reads the headers; `None` when they are cut short, or it is no JPEG XL. In boxes, all of them must be there: whether a JPEG
/// comes back may be said behind the codestream's first part, which is where libjxl says it.
pub(crate) fn head(bytes: &[u8]) -> Option<Head> {
    if bytes.starts_with(&CODESTREAM) {
        return codestream(bytes);
    }
    let mut rest = bytes.strip_prefix(&SIGNATURE)?;
    let (mut has_jpeg, mut head) = (false, None);
    while !rest.is_empty() {
        let (size, kind) = rest.get(..8)?.split_at(4);
        let (header, length) = match u32::from_be_bytes(size.try_into().ok()?) {
            // To the end of the file.
            0 => (8, rest.len()),
            // Of 64 bits.
            1 => (16, usize::try_from(u64::from_be_bytes(rest.get(8..16)?.try_into().ok()?)).ok()?),
            size => (8, usize::try_from(size).ok()?),
        };
        let body = rest.get(header..length)?;
        match kind {
            b"jbrd" => has_jpeg = true,
            b"jxlc" if head.is_none() => head = Some(codestream(body)?),
            // The first part, behind its number.
            b"jxlp" if head.is_none() => head = Some(codestream(body.get(4..)?)?),
            _ => {}
        }
        rest = rest.get(length..)?;
    }
    head.map(|head| Head { has_jpeg, ..head })
}

fn codestream(bytes: &[u8]) -> Option<Head> {
    let mut bits = Bits { bytes: bytes.strip_prefix(&CODESTREAM)?, at: 0 };
    let (width, height) = size(&mut bits)?;
    let head = |is_plain_colour, is_xyb| Head { width, height, is_plain_colour, is_xyb, has_jpeg: false };
    // ImageMetadata: all of it as usual is 8 bits in XYB.
    if bits.flag()? {
        return Some(head(true, true));
    }
    let mut is_plain = true;
    if bits.flag()? {
        is_plain &= bits.take(3)? == 0;
        if bits.flag()? {
            size(&mut bits)?;
        }
        // A preview or an animation is more than one picture.
        if bits.flag()? || bits.flag()? {
            return Some(head(false, false));
        }
    }
    // Of floating point.
    if bits.flag()? {
        return Some(head(false, false));
    }
    is_plain &= bits.choice([(8, 0), (10, 0), (12, 0), (1, 6)])? == 8;
    bits.flag()?;
    if bits.choice([(0, 0), (1, 0), (2, 4), (1, 12)])? != 0 {
        return Some(head(false, false));
    }
    let is_xyb = bits.flag()?;
    // ColourEncoding: all of it as usual is sRGB; 0 and 2 are RGB and XYB.
    if !bits.flag()? {
        bits.flag()?;
        is_plain &= matches!(bits.choice([(0, 0), (1, 0), (2, 4), (18, 6)])?, 0 | 2);
    }
    Some(head(is_plain, is_xyb))
}

/// SizeHeader: height, then width or how it stands to the height.
fn size(bits: &mut Bits<'_>) -> Option<(u32, u32)> {
    const SIDES: [(u32, u32); 4] = [(1, 9), (1, 13), (1, 18), (1, 30)];
    let is_by_eight = bits.flag()?;
    let side = |bits: &mut Bits<'_>| {
        if is_by_eight { Some((bits.take(5)? + 1) * 8) } else { bits.choice(SIDES) }
    };
    let height = side(bits)?;
    let (across, down) = match bits.take(3)? {
        0 => return Some((side(bits)?, height)),
        1 => (1, 1),
        2 => (12, 10),
        3 => (4, 3),
        4 => (3, 2),
        5 => (16, 9),
        6 => (5, 4),
        _ => (2, 1),
    };
    let width = u64::from(height) * across / down;
    Some((u32::try_from(width).ok()?, height))
}

/// Bits, the least significant of a byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for bit in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value |= u32::from((byte >> (self.at % 8)) & 1) << bit;
            self.at += 1;
        }
        Some(value)
    }

    fn flag(&mut self) -> Option<bool> {
        self.take(1).map(|bit| bit == 1)
    }

    /// U32: two bits choose how many bits are added to which number.
    fn choice(&mut self, choices: [(u32, u32); 4]) -> Option<u32> {
        let (base, bits) = choices[self.take(2)? as usize];
        self.take(bits)?.checked_add(base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::{FrameFormat, Photometric, Pixels};

    /// By libjxl, without loss.
    fn encoded(width: u32, height: u32, samples: u16) -> Vec<u8> {
        let photometric = if samples == 3 { Photometric::Rgb } else { Photometric::Monochrome2 };
        let format = FrameFormat::eight_bit(height, width, samples, photometric);
        let bytes = (0..width * height * u32::from(samples)).map(|at| (at % 251) as u8).collect();
        codec::encode("1.2.840.10008.1.2.4.110", &Pixels { bytes, format }).unwrap().bytes
    }

    #[test]
    fn sizes_of_every_form_are_read() {
        for (width, height) in [(256, 256), (256, 128), (240, 176), (320, 240), (333, 17), (1, 1), (600, 700)]
        {
            let bytes = encoded(width, height, 3);
            let head = head(&bytes).unwrap();
            assert_eq!((head.width, head.height), (width, height));
            assert!(head.is_plain_colour && !head.is_xyb && !head.has_jpeg, "{head:?}");
        }
    }

    #[test]
    fn shades_are_no_colour() {
        assert!(!head(&encoded(64, 64, 1)).unwrap().is_plain_colour);
    }

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(body.len() + 8).unwrap();
        [&size.to_be_bytes()[..], kind, body].concat()
    }

    #[test]
    fn the_codestream_is_found_in_its_boxes() {
        let stream = encoded(64, 48, 3);
        let ftyp = boxed(b"ftyp", b"jxl \0\0\0\0jxl ");
        let part = [&[0, 0, 0, 0][..], &stream].concat();
        for stream in [boxed(b"jxlc", &stream), boxed(b"jxlp", &part)] {
            let file = [&SIGNATURE[..], &ftyp, &stream].concat();
            let found = head(&file).unwrap();
            assert_eq!((found.width, found.height, found.has_jpeg), (64, 48, false));
            for end in 0..file.len() {
                let _ = head(&file[..end]);
            }
        }
    }

    /// As libjxl orders it: the codestream's headers, what restores the JPEG, the codestream's rest.
    #[test]
    fn the_jpeg_inside_is_seen_behind_the_headers() {
        let format = FrameFormat::eight_bit(48, 64, 3, Photometric::YbrFull422);
        let jpeg = codec::encode_jpeg_rgb(&vec![90; 64 * 48 * 3], 64, 48, 90).unwrap();
        let file =
            codec::transcode("1.2.840.10008.1.2.4.50", &jpeg, &format, "1.2.840.10008.1.2.4.111", 1 << 20)
                .unwrap()
                .bytes;
        let found = head(&file).unwrap();
        assert_eq!((found.width, found.height, found.has_jpeg, found.is_xyb), (64, 48, true, false));
        for end in SIGNATURE.len()..file.len() {
            assert!(head(&file[..end]).is_none_or(|head| Head { has_jpeg: true, ..head } == found), "{end}");
        }
    }

    #[test]
    fn nonsense_is_none() {
        let endless = [&SIGNATURE[..], &[0, 0, 0, 1], b"free", &[0; 8]].concat();
        for bytes in [&b""[..], &[0xFF, 0x0A], &[0xFF, 0xD8, 0xFF], &SIGNATURE, &endless[..]] {
            assert_eq!(head(bytes), None);
        }
    }
}
