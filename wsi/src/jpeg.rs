//! JPEG streams as bytes (ITU-T T.81 Annex B): markers are walked, tables are put back in, nothing is decoded.

use crate::SlideError;
use std::ops::Range;

/// Marker codes (T.81 Table B.1).
pub(crate) mod marker {
    pub const SOF0: u8 = 0xC0;
    pub const DHT: u8 = 0xC4;
    pub const RST0: u8 = 0xD0;
    pub const SOI: u8 = 0xD8;
    pub const EOI: u8 = 0xD9;
    pub const SOS: u8 = 0xDA;
    pub const DQT: u8 = 0xDB;
    pub const DRI: u8 = 0xDD;
    pub const APP0: u8 = 0xE0;
    pub const APP14: u8 = 0xEE;
}

/// Adobe's marker segment with transform 0: the three components are R, G and B, whatever a decoder would guess.
const ADOBE_RGB: [u8; 16] = [0xFF, marker::APP14, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, 0];

/// Why a stream's head could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The bytes end before the first scan begins.
    NeedMore,
    /// A rule is broken.
    Broken(&'static str),
}

/// What stands before the first scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The frame header's marker.
    pub frame_marker: u8,
    pub precision: u8,
    pub width: u16,
    pub height: u16,
    pub components: u8,
    /// Component identifiers, as far as there are three.
    identifiers: [u8; 3],
    /// Whether a JFIF marker says that the colours are YCbCr.
    is_jfif: bool,
    /// The colour transform of Adobe's marker.
    adobe_transform: Option<u8>,
    /// Whether quantisation and Huffman tables are among the segments.
    has_dqt: bool,
    has_dht: bool,
    /// Marker segments with their markers, in order, without SOI.
    pub segments: Vec<Range<usize>>,
    /// Where the first SOS marker stands.
    pub scan: usize,
}

/// Walks the marker segments up to the first scan.
pub(crate) fn head(bytes: &[u8]) -> Result<Head, Trouble> {
    let mut head = Head {
        frame_marker: 0,
        precision: 0,
        width: 0,
        height: 0,
        components: 0,
        identifiers: [0; 3],
        is_jfif: false,
        adobe_transform: None,
        has_dqt: false,
        has_dht: false,
        segments: Vec::new(),
        scan: 0,
    };
    walk(bytes, |code, at, body| {
        match code {
            marker::SOS => {
                head.scan = at;
                return Ok(Walk::Stop);
            }
            marker::EOI => return Err(Trouble::Broken("a JPEG tile has no scan")),
            // All frame headers: SOF0 to SOF15 except DHT, JPG and DAC.
            0xC0..=0xCF if !matches!(code, 0xC4 | 0xC8 | 0xCC) => {
                if head.frame_marker != 0 {
                    return Err(Trouble::Broken("a JPEG tile has two frame headers"));
                }
                let [precision, h1, h0, w1, w0, components, ..] = *body else {
                    return Err(Trouble::Broken("a JPEG frame header is cut short"));
                };
                head.frame_marker = code;
                head.precision = precision;
                head.height = u16::from_be_bytes([h1, h0]);
                head.width = u16::from_be_bytes([w1, w0]);
                head.components = components;
                for (identifier, at) in head.identifiers.iter_mut().zip([6, 9, 12]) {
                    *identifier = body.get(at).copied().unwrap_or_default();
                }
            }
            marker::APP0 if body.starts_with(b"JFIF\0") => head.is_jfif = true,
            marker::APP14 if body.starts_with(b"Adobe") => head.adobe_transform = body.get(11).copied(),
            marker::DQT => head.has_dqt = true,
            marker::DHT => head.has_dht = true,
            _ => {}
        }
        // Marker and length: four bytes before the body.
        head.segments.push(at..at + 4 + body.len());
        Ok(Walk::On)
    })?;
    if head.frame_marker == 0 {
        return Err(Trouble::Broken("a JPEG tile has no frame header"));
    }
    Ok(head)
}

impl Head {
    /// Whether a JFIF or Adobe marker tells a decoder what the colours are.
    pub fn names_colours(&self) -> bool {
        self.is_jfif || self.adobe_transform.is_some()
    }

    /// What decoders take the three components for when nobody tells them otherwise: markers first, then the
    /// identifiers, which some writers make letters.
    pub fn colours(&self) -> Colours {
        match (self.is_jfif, self.adobe_transform) {
            (true, _) => Colours::Ybr,
            (false, Some(0)) => Colours::Rgb,
            (false, Some(_)) => Colours::Ybr,
            (false, None) if self.identifiers == *b"RGB" => Colours::Rgb,
            (false, None) => Colours::Ybr,
        }
    }
}

/// Whether a stream has the tables that decoding it takes, of its own or among the shared ones.
pub(crate) fn can_be_decoded(head: &Head, tables: &[u8]) -> bool {
    let shared = segment_codes(tables);
    let has = |own: bool, code| own || shared.contains(&code);
    has(head.has_dqt, marker::DQT) && has(head.has_dht, marker::DHT)
}

/// Marker codes of segments that stand behind one another, each known to be whole.
fn segment_codes(segments: &[u8]) -> Vec<u8> {
    let mut codes = Vec::new();
    let mut rest = segments;
    while let &[0xFF, code, high, low, ..] = rest {
        codes.push(code);
        rest = rest.get(2 + usize::from(u16::from_be_bytes([high, low]))..).unwrap_or_default();
    }
    codes
}

enum Walk {
    On,
    Stop,
}

/// Calls `visit(marker, place, body)` for each marker after SOI until told to stop, or until EOI.
fn walk(
    bytes: &[u8],
    mut visit: impl FnMut(u8, usize, &[u8]) -> Result<Walk, Trouble>,
) -> Result<(), Trouble> {
    match bytes {
        [0xFF, marker::SOI, ..] => {}
        [] | [0xFF] => return Err(Trouble::NeedMore),
        _ => return Err(Trouble::Broken("a JPEG tile does not begin as one")),
    }
    let mut at = 2;
    loop {
        if *bytes.get(at).ok_or(Trouble::NeedMore)? != 0xFF {
            return Err(Trouble::Broken("a JPEG marker is missing"));
        }
        let code = *bytes.get(at + 1).ok_or(Trouble::NeedMore)?;
        match code {
            // A fill byte (§B.1.1.2).
            0xFF => {
                at += 1;
                continue;
            }
            0x00 | 0x01 | 0xD0..=0xD8 => return Err(Trouble::Broken("a JPEG marker is out of place")),
            marker::EOI => {
                visit(code, at, &[])?;
                return Ok(());
            }
            _ => {}
        }
        let length = match bytes.get(at + 2..at + 4) {
            Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
            _ => return Err(Trouble::NeedMore),
        };
        if length < 2 {
            return Err(Trouble::Broken("a JPEG segment is shorter than its length field"));
        }
        let end = at + 2 + length;
        let body = bytes.get(at + 4..end).ok_or(Trouble::NeedMore)?;
        match visit(code, at, body)? {
            Walk::Stop => return Ok(()),
            Walk::On => at = end,
        }
    }
}

/// The segments of a TIFF's JPEGTables field (an abbreviated stream, T.81 §B.5), without SOI and EOI.
pub(crate) fn table_segments(field: &[u8]) -> Result<Vec<u8>, SlideError> {
    let mut segments = Vec::new();
    let result = walk(field, |code, at, body| {
        match code {
            marker::EOI => return Ok(Walk::Stop),
            marker::DQT | marker::DHT | marker::DRI => {
                segments.extend_from_slice(&field[at..at + 4 + body.len()]);
            }
            // An APPn or a comment has no place in a tile.
            0xE0..=0xEF | 0xFE => {}
            _ => return Err(Trouble::Broken("JPEGTables hold something else than tables")),
        }
        Ok(Walk::On)
    });
    match result {
        Ok(()) => Ok(segments),
        // Some writers leave EOI out: then the segments must end exactly where the field does.
        Err(Trouble::NeedMore) if segments.len() + 2 == field.len() => Ok(segments),
        Err(Trouble::NeedMore) => Err(SlideError::Damaged("JPEGTables are cut short")),
        Err(Trouble::Broken(why)) => Err(SlideError::Damaged(why)),
    }
}

/// What replaces a tile's SOI: SOI, the marker for RGB if it is needed, and the shared tables.
pub(crate) fn prefix(tables: &[u8], marks_rgb: bool) -> Vec<u8> {
    let mut prefix = vec![0xFF, marker::SOI];
    if marks_rgb {
        prefix.extend_from_slice(&ADOBE_RGB);
    }
    prefix.extend_from_slice(tables);
    prefix
}

/// Whether a [`prefix`] marks its tiles as RGB.
pub(crate) fn marks_rgb(prefix: &[u8]) -> bool {
    prefix.get(2..).is_some_and(|rest| rest.starts_with(&ADOBE_RGB))
}

/// A tile with [`prefix`] in the place of its SOI.
pub(crate) fn splice(prefix: &[u8], tile: &[u8]) -> Vec<u8> {
    let rest = tile.get(2..).unwrap_or_default();
    let mut spliced = Vec::with_capacity(prefix.len() + rest.len());
    spliced.extend_from_slice(prefix);
    spliced.extend_from_slice(rest);
    spliced
}

/// Whether `stored` has the frame header, the tables and the scans of `original` with `tables` before it: the same
/// quantised coefficients, coded by the same bits.
pub(crate) fn is_same(tables: &[u8], original: &[u8], stored: &[u8]) -> bool {
    let (Ok(from), Ok(to)) = (head(original), head(stored)) else { return false };
    let mut wanted = tables.to_vec();
    wanted.extend(decoding_segments(original, &from));
    let found: Vec<u8> = decoding_segments(stored, &to).collect();
    let (wanted_scan, found_scan) = (&original[from.scan..], &stored[to.scan..]);
    wanted == found && found_scan.strip_prefix(wanted_scan).is_some_and(|padding| matches!(padding, [] | [0]))
}

/// The segments that decoding depends on, in order, as bytes.
fn decoding_segments<'a>(bytes: &'a [u8], head: &'a Head) -> impl Iterator<Item = u8> + 'a {
    head.segments
        .iter()
        .map(|range| &bytes[range.clone()])
        .filter(|segment| matches!(segment.get(1), Some(0xC0..=0xCF | &marker::DQT | &marker::DRI)))
        .flatten()
        .copied()
}

/// Whether a frame header is of JPEG baseline, 8 bit (T.81 Table B.2; SOF1 with 8 bits decodes the same way but may
/// use four tables, so only SOF0 counts).
pub(crate) fn is_baseline(head: &Head) -> bool {
    head.frame_marker == marker::SOF0 && head.precision == 8
}

/// The colours of a tile that is made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colours {
    Rgb,
    Ybr,
}

/// A white JPEG baseline tile: one DC difference, then nothing but end-of-block codes.
pub(crate) fn white(width: u16, height: u16, colours: Colours) -> Vec<u8> {
    let mut bytes = prefix(&[], colours == Colours::Rgb);
    // One quantisation table of eights: a DC of 127 is then exactly 255.
    segment(&mut bytes, marker::DQT, &[&[0], [8; 64].as_slice()].concat());
    let [h1, h0] = height.to_be_bytes();
    let [w1, w0] = width.to_be_bytes();
    segment(&mut bytes, marker::SOF0, &[8, h1, h0, w1, w0, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    // DC: code 0 for no difference, code 10 for seven bits. AC: code 0 for end of block.
    segment(&mut bytes, marker::DHT, &[0x00, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    segment(&mut bytes, marker::DHT, &[0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    segment(&mut bytes, marker::SOS, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
    let mut bits = Bits::after(bytes);
    // Y (or R, G, B) is 255: a difference of 127 once; chroma is 128: none.
    for component in 0..3 {
        if component == 0 || colours == Colours::Rgb {
            bits.put(0b10, 2);
            bits.put(0x7F, 7);
        } else {
            bits.put(0, 1);
        }
        bits.put(0, 1);
    }
    let blocks = u64::from(width.div_ceil(8)) * u64::from(height.div_ceil(8));
    for _ in 1..blocks {
        bits.put(0, 6);
    }
    let mut bytes = bits.finish();
    bytes.extend_from_slice(&[0xFF, marker::EOI]);
    bytes
}

/// Appends a marker segment.
pub(crate) fn segment(bytes: &mut Vec<u8>, code: u8, body: &[u8]) {
    bytes.extend_from_slice(&[0xFF, code]);
    bytes.extend_from_slice(&u16::try_from(body.len() + 2).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(body);
}

/// Entropy-coded bits, with a zero byte stuffed after 0xFF (T.81 §F.1.2.3).
pub(crate) struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    /// Continues a stream that ends on a byte.
    pub fn after(bytes: Vec<u8>) -> Self {
        Self { bytes, pending: 0, count: 0 }
    }

    /// Appends at most 16 bits.
    pub fn put(&mut self, value: u32, count: u32) {
        self.pending = self.pending << count | value;
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.pending >> self.count & 0xFF) as u8;
            self.bytes.push(byte);
            if byte == 0xFF {
                self.bytes.push(0);
            }
        }
        self.pending &= (1 << self.count) - 1;
    }

    /// Fills the last byte with ones.
    pub fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            let fill = 8 - self.count;
            self.put((1 << fill) - 1, fill);
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::{FrameFormat, Photometric};

    #[test]
    fn a_white_tile_decodes_to_white() {
        for (colours, photometric) in
            [(Colours::Rgb, Photometric::Rgb), (Colours::Ybr, Photometric::YbrFull422)]
        {
            for (width, height) in [(240, 240), (256, 256), (8, 8), (17, 9)] {
                let tile = white(width, height, colours);
                let format = FrameFormat::eight_bit(height.into(), width.into(), 3, photometric);
                let pixels = codec::decode("1.2.840.10008.1.2.4.50", &tile, &format, 1 << 20).unwrap();
                assert!(pixels.bytes.iter().all(|sample| *sample == 255), "{colours:?} {width}x{height}");
            }
        }
    }

    #[test]
    fn the_head_ends_at_the_scan() {
        let tile = white(240, 120, Colours::Rgb);
        let head = head(&tile).unwrap();
        assert_eq!((head.width, head.height, head.components), (240, 120, 3));
        assert!(is_baseline(&head) && head.names_colours() && head.colours() == Colours::Rgb);
        assert_eq!(tile[head.scan..head.scan + 2], [0xFF, marker::SOS]);
    }

    #[test]
    fn every_cut_of_a_head_asks_for_more_and_never_more_than_that() {
        let tile = white(8, 8, Colours::Ybr);
        let scan = head(&tile).unwrap().scan;
        for end in 0..scan + 2 {
            assert_eq!(head(&tile[..end]), Err(Trouble::NeedMore), "{end}");
        }
    }

    #[test]
    fn tables_moved_into_the_tile_are_the_same_codestream() {
        let whole = white(16, 16, Colours::Ybr);
        let parts = head(&whole).unwrap();
        // Split it the way a TIFF does: DQT and DHT apart.
        let (mut tables, mut tile) = (Vec::new(), vec![0xFF, marker::SOI]);
        for range in &parts.segments {
            let segment = &whole[range.clone()];
            let into = if segment[1] == marker::SOF0 { &mut tile } else { &mut tables };
            into.extend_from_slice(segment);
        }
        tile.extend_from_slice(&whole[parts.scan..]);
        let spliced = splice(&prefix(&tables, true), &tile);
        assert!(is_same(&tables, &tile, &spliced));
        assert!(is_same(&tables, &tile, &[spliced.as_slice(), &[0]].concat()), "one byte of padding");
        for at in 0..spliced.len() {
            let mut changed = spliced.clone();
            changed[at] ^= 0x10;
            let is_adobe = (2..2 + ADOBE_RGB.len()).contains(&at);
            assert!(is_adobe || !is_same(&tables, &tile, &changed), "a change at {at} was not seen");
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let whole = white(16, 16, Colours::Ybr);
        assert!(table_segments(&whole).is_err());
        assert!(table_segments(&[0xFF, 0xD8, 0xFF, 0xDB, 0, 67]).is_err());
        assert!(table_segments(&[0xFF, 0xD8, 0xFF, 0xD9]).unwrap().is_empty());
    }
}
