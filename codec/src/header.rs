//! Reading the size out of a codestream's header before a native decoder sees it.
//!
//! ITU-T T.81 §B.2 (JPEG), T.87 §C (JPEG-LS), T.800 §A.5 (JPEG 2000). These readers allocate nothing.

use crate::{CodecError, FrameFormat};

const SHORT: CodecError = CodecError::Damaged("the codestream's header is cut short");
const NO_FRAME: CodecError = CodecError::Damaged("the codestream has no frame header");

/// What a codestream says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub rows: u32,
    pub columns: u32,
    pub samples: u16,
    /// Bits of each sample.
    pub precision: u8,
    /// Two's complement; only JPEG 2000 says so.
    pub is_signed: bool,
}

impl Size {
    /// Refuses a codestream that is not what the data set says.
    pub fn check(&self, format: &FrameFormat) -> Result<(), CodecError> {
        if self.rows != format.rows || self.columns != format.columns {
            return Err(CodecError::Damaged("the codestream's size is not rows × columns"));
        }
        if self.samples != format.samples_per_pixel {
            return Err(CodecError::Damaged("the codestream's components are not the samples per pixel"));
        }
        if self.precision == 0 || u16::from(self.precision) > format.bits_allocated {
            return Err(CodecError::Damaged("the codestream's precision is not within bits allocated"));
        }
        Ok(())
    }
}

/// How a JPEG frame is coded (T.81 Table B.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Process {
    /// Baseline, extended or progressive DCT.
    Dct,
    /// Lossless, Huffman.
    Lossless,
}

/// The header of a JPEG frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Jpeg {
    pub size: Size,
    pub process: Process,
    /// The frame header is that of the baseline process (T.81 §B.1.1.3).
    pub is_baseline: bool,
    pub has_jfif: bool,
    /// The colour transform in an Adobe APP14 marker: 0 none, 1 YCbCr, 2 YCCK.
    pub adobe_transform: Option<u8>,
    /// The first three component identifiers are `R`, `G`, `B`.
    pub is_named_rgb: bool,
}

/// How the components of a JPEG-LS frame follow each other (T.87 §C.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interleave {
    Plane,
    LineOrSample,
}

/// The header of a JPEG-LS frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JpegLs {
    pub size: Size,
    pub interleave: Interleave,
}

/// A marker and its segment, as far as the first scan.
struct Segments<'a> {
    rest: &'a [u8],
}

impl<'a> Segments<'a> {
    fn new(codestream: &'a [u8]) -> Result<Self, CodecError> {
        let rest = codestream.strip_prefix(&[0xFF, 0xD8]).ok_or(CodecError::Damaged("no start of image"))?;
        Ok(Self { rest })
    }

    /// The next marker and its parameters, without the length.
    fn next(&mut self) -> Result<(u8, &'a [u8]), CodecError> {
        let mut rest =
            self.rest.strip_prefix(&[0xFF]).ok_or(CodecError::Damaged("no marker where one must be"))?;
        // Any number of fill bytes may come before a marker.
        while let Some(after) = rest.strip_prefix(&[0xFF]) {
            rest = after;
        }
        let (marker, rest) = rest.split_first().ok_or(SHORT)?;
        if matches!(*marker, 0x00 | 0x01 | 0xD0..=0xD9) {
            return Err(NO_FRAME);
        }
        let (length, _) = rest.split_first_chunk::<2>().ok_or(SHORT)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let segment = rest.get(2..length).ok_or(SHORT)?;
        self.rest = &rest[length..];
        Ok((*marker, segment))
    }
}

/// The frame header's parameters: P, Y, X, Nf, then three bytes a component (T.81 §B.2.2).
fn frame_header(segment: &[u8]) -> Result<(Size, &[u8]), CodecError> {
    let [precision, y1, y0, x1, x0, samples, components @ ..] = segment else {
        return Err(SHORT);
    };
    if components.len() != usize::from(*samples) * 3 {
        return Err(CodecError::Damaged("the frame header's length is not what its components take"));
    }
    let size = Size {
        rows: u16::from_be_bytes([*y1, *y0]).into(),
        columns: u16::from_be_bytes([*x1, *x0]).into(),
        samples: u16::from(*samples),
        precision: *precision,
        is_signed: false,
    };
    Ok((size, components))
}

/// Reads a JPEG header as far as its frame header.
pub(crate) fn jpeg(codestream: &[u8]) -> Result<Jpeg, CodecError> {
    let mut segments = Segments::new(codestream)?;
    let mut has_jfif = false;
    let mut adobe_transform = None;
    loop {
        let (marker, segment) = segments.next()?;
        let process = match marker {
            0xC0..=0xC2 => Process::Dct,
            0xC3 => Process::Lossless,
            // The other frame headers: hierarchical and arithmetic ones (C4, C8, CC are no frame headers).
            0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Err(CodecError::Unsupported("hierarchical or arithmetic JPEG"));
            }
            0xF7 => return Err(CodecError::Damaged("JPEG-LS labelled as JPEG")),
            0xDA => return Err(NO_FRAME),
            0xE0 if segment.starts_with(b"JFIF\0") => {
                has_jfif = true;
                continue;
            }
            0xEE if segment.starts_with(b"Adobe") => {
                adobe_transform = segment.get(11).copied().or(adobe_transform);
                continue;
            }
            _ => continue,
        };
        let (size, components) = frame_header(segment)?;
        let names = components.iter().step_by(3).take(3).map(u8::to_ascii_uppercase);
        let is_named_rgb = names.eq(*b"RGB");
        let is_baseline = marker == 0xC0;
        return Ok(Jpeg { size, process, is_baseline, has_jfif, adobe_transform, is_named_rgb });
    }
}

/// Where the names of the JFIF and Adobe segments before the first scan stand, as offsets into the codestream.
pub(crate) fn colour_marker_names(codestream: &[u8]) -> Vec<usize> {
    let mut names = Vec::new();
    let Ok(mut segments) = Segments::new(codestream) else { return names };
    while let Ok((marker, segment)) = segments.next() {
        match marker {
            0xDA => break,
            0xE0 if segment.starts_with(b"JFIF\0") => {}
            0xEE if segment.starts_with(b"Adobe") => {}
            _ => continue,
        }
        names.push(codestream.len() - segments.rest.len() - segment.len());
    }
    names
}

/// Reads a JPEG-LS header as far as its first scan.
pub(crate) fn jpeg_ls(codestream: &[u8]) -> Result<JpegLs, CodecError> {
    let mut segments = Segments::new(codestream)?;
    let mut size = None;
    loop {
        let (marker, segment) = segments.next()?;
        match marker {
            0xF7 => size = Some(frame_header(segment)?.0),
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Err(CodecError::Damaged("JPEG labelled as JPEG-LS"));
            }
            0xDA => {
                // Ns, two bytes a component, NEAR, ILV, point transform.
                let count = usize::from(*segment.first().ok_or(SHORT)?);
                let interleave = match segment.get(1 + count * 2 + 1).ok_or(SHORT)? {
                    0 => Interleave::Plane,
                    _ => Interleave::LineOrSample,
                };
                return Ok(JpegLs { size: size.ok_or(NO_FRAME)?, interleave });
            }
            _ => {}
        }
    }
}

/// Finds the codestream inside a JP2 file (T.800 §I.4), which some writers put into a frame; otherwise gives back the frame.
pub(crate) fn jpeg_2000_codestream(frame: &[u8]) -> Result<&[u8], CodecError> {
    const SIGNATURE: &[u8] = &[0, 0, 0, 12, b'j', b'P', b' ', b' '];
    if !frame.starts_with(SIGNATURE) {
        return Ok(frame);
    }
    let mut rest = frame;
    loop {
        let (head, body) = rest.split_first_chunk::<8>().ok_or(SHORT)?;
        let [l3, l2, l1, l0, kind @ ..] = *head;
        let (length, header) = match u32::from_be_bytes([l3, l2, l1, l0]) {
            0 => (rest.len() as u64, 8),
            1 => (u64::from_be_bytes(*body.first_chunk::<8>().ok_or(SHORT)?), 16),
            length => (u64::from(length), 8),
        };
        let end = usize::try_from(length).ok().filter(|end| *end >= header && *end <= rest.len());
        if kind == *b"jp2c" {
            return rest.get(header..end.unwrap_or(rest.len())).ok_or(SHORT);
        }
        rest = &rest[end.ok_or(SHORT)?..];
    }
}

/// The header of a JPEG 2000 codestream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Jpeg2000 {
    pub size: Size,
    /// How many tiles it is cut into.
    pub tiles: u64,
}

/// Reads the SIZ marker segment (T.800 §A.5.1), which must follow the start of codestream at once.
pub(crate) fn jpeg_2000(codestream: &[u8]) -> Result<Jpeg2000, CodecError> {
    let rest = codestream
        .strip_prefix(&[0xFF, 0x4F, 0xFF, 0x51])
        .ok_or(CodecError::Damaged("no JPEG 2000 codestream"))?;
    let length = usize::from(u16::from_be_bytes(*rest.first_chunk::<2>().ok_or(SHORT)?));
    let segment = rest.get(2..length).ok_or(SHORT)?;
    let word = |index: usize| -> Result<u32, CodecError> {
        let at = 2 + index * 4;
        let bytes = segment.get(at..at + 4).and_then(|b| b.first_chunk::<4>()).ok_or(SHORT)?;
        Ok(u32::from_be_bytes(*bytes))
    };
    let (x_end, y_end, x_start, y_start) = (word(0)?, word(1)?, word(2)?, word(3)?);
    let (tile_width, tile_height, tiles_x_start, tiles_y_start) = (word(4)?, word(5)?, word(6)?, word(7)?);
    let samples = segment.get(34..36).ok_or(SHORT)?;
    let samples = u16::from_be_bytes([samples[0], samples[1]]);
    let components = &segment[36..];
    if components.len() != usize::from(samples) * 3 {
        return Err(CodecError::Damaged("the SIZ segment's length is not what its components take"));
    }

    let bad_size = CodecError::Damaged("the SIZ segment's sizes contradict each other");
    let columns = x_end.checked_sub(x_start).ok_or(bad_size.clone())?;
    let rows = y_end.checked_sub(y_start).ok_or(bad_size.clone())?;
    let tiled_x = x_end.checked_sub(tiles_x_start).ok_or(bad_size.clone())?;
    let tiled_y = y_end.checked_sub(tiles_y_start).ok_or(bad_size.clone())?;
    if tile_width == 0 || tile_height == 0 || tiles_x_start > x_start || tiles_y_start > y_start {
        return Err(bad_size);
    }
    let tiles = u64::from(tiled_x.div_ceil(tile_width)) * u64::from(tiled_y.div_ceil(tile_height));

    let Some((first, others)) = components.as_chunks::<3>().0.split_first() else {
        return Err(CodecError::Damaged("no components"));
    };
    let [sample, 1, 1] = *first else {
        return Err(CodecError::Unsupported("subsampled JPEG 2000 components"));
    };
    if others.iter().any(|other| other != first) {
        return Err(CodecError::Unsupported("JPEG 2000 components that differ"));
    }
    let size = Size { rows, columns, samples, precision: (sample & 0x7F) + 1, is_signed: sample & 0x80 != 0 };
    Ok(Jpeg2000 { size, tiles })
}

/// Walks the main header: the marker segments before the first tile-part, as (marker, offset of the marker, parameters),
/// until `each` has found something or the header ends.
fn main_header<T>(
    codestream: &[u8],
    mut each: impl FnMut(u8, usize, &[u8]) -> Option<T>,
) -> Result<T, CodecError> {
    let mut at = 2;
    loop {
        let rest = codestream.get(at..).ok_or(SHORT)?;
        let [0xFF, marker, l1, l0, ..] = rest else { return Err(SHORT) };
        let length = usize::from(u16::from_be_bytes([*l1, *l0]));
        let segment = rest.get(4..2 + length).ok_or(SHORT)?;
        if let Some(found) = each(*marker, at, segment) {
            return Ok(found);
        }
        if *marker == 0x90 {
            return Err(NO_FRAME);
        }
        at += 2 + length;
    }
}

/// How often the image was halved (T.800 §A.6.1), as the default for all components says.
pub(crate) fn jpeg_2000_levels(codestream: &[u8]) -> Result<u32, CodecError> {
    // Scod, progression order, layers (2), component transform, then the levels.
    main_header(codestream, |marker, _, segment| match marker {
        0x52 => segment.get(5).copied().map(u32::from),
        _ => None,
    })
}

/// A copy with a TLM marker segment (T.800 §A.7.1), as the RPCL transfer syntax wants it; `None` unless the codestream
/// is of one tile in one tile-part.
pub(crate) fn with_tile_part_lengths(codestream: &[u8]) -> Option<Vec<u8>> {
    let found = main_header(codestream, |marker, at, segment| match (marker, segment) {
        (0x90, [_, _, p3, p2, p1, p0, _, _]) => Some((at, u32::from_be_bytes([*p3, *p2, *p1, *p0]))),
        _ => None,
    });
    let (start, length) = found.ok()?;
    // What follows the tile-part is the end of the codestream.
    let end = start.checked_add(length as usize)?;
    if codestream.get(end..)? != [0xFF, 0xD9] {
        return None;
    }
    let mut longer = Vec::with_capacity(codestream.len() + 11);
    longer.extend_from_slice(&codestream[..start]);
    // Ztlm 0; Stlm: an index of 8 bits, a length of 32.
    longer.extend_from_slice(&[0xFF, 0x55, 0, 9, 0, 0x50, 0]);
    longer.extend_from_slice(&length.to_be_bytes());
    longer.extend_from_slice(&codestream[start..]);
    Some(longer)
}

/// Whether a tile-part has an index that its own count excludes (T.800 §A.4.2), as one old encoder writes them.
pub(crate) fn has_miscounted_tile_parts(codestream: &[u8]) -> bool {
    let mut rest = codestream.get(2..).unwrap_or(&[]);
    loop {
        let [0xFF, marker, l1, l0, segment @ ..] = rest else { return false };
        let length = if *marker == 0x90 {
            let [_, _, p3, p2, p1, p0, index, count, ..] = segment else { return false };
            if *count != 0 && index >= count {
                return true;
            }
            u32::from_be_bytes([*p3, *p2, *p1, *p0]) as usize
        } else {
            2 + usize::from(u16::from_be_bytes([*l1, *l0]))
        };
        match rest.get(length..) {
            Some(after) if length > 2 => rest = after,
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JPEG: &[u8] = &[
        0xFF, 0xD8, 0xFF, 0xEE, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0,
        1, // Adobe, YCbCr
        0xFF, 0xFF, 0xC1, 0, 17, 12, 1, 2, 3, 4, 3, b'R', 17, 0, b'G', 17, 0, b'B', 17, 0,
    ];

    #[test]
    fn a_frame_header_gives_the_size() {
        let header = jpeg(JPEG).unwrap();
        let size = Size { rows: 0x102, columns: 0x304, samples: 3, precision: 12, is_signed: false };
        assert_eq!(header.size, size);
        assert_eq!(header.process, Process::Dct);
        assert_eq!(header.adobe_transform, Some(1));
        assert!(header.is_named_rgb && !header.has_jfif);
    }

    #[test]
    fn every_shorter_header_is_refused() {
        for length in 0..JPEG.len() {
            assert!(jpeg(&JPEG[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn tiles_are_counted() {
        let mut siz = vec![0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0];
        for word in [1024_u32, 1000, 0, 0, 1, 1, 0, 0] {
            siz.extend(word.to_be_bytes());
        }
        siz.extend([0, 1, 15, 1, 1]);
        let size = Size { rows: 1000, columns: 1024, samples: 1, precision: 16, is_signed: false };
        assert_eq!(jpeg_2000(&siz), Ok(Jpeg2000 { size, tiles: 1_024_000 }));
        siz[24..32].copy_from_slice(&[0, 0, 1, 0, 0, 0, 1, 0]);
        assert_eq!(jpeg_2000(&siz), Ok(Jpeg2000 { size, tiles: 16 }));
    }

    #[test]
    fn a_tile_part_beyond_its_count_is_noticed() {
        let part = |index: u8, count: u8| [0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 14, index, count, 0xFF, 0x93];
        let stream =
            |parts: [[u8; 14]; 2]| [&[0xFF, 0x4F, 0xFF, 0x52, 0, 3, 9][..], &parts.concat()].concat();
        assert!(has_miscounted_tile_parts(&stream([part(0, 1), part(1, 1)])));
        assert!(!has_miscounted_tile_parts(&stream([part(0, 2), part(1, 2)])));
        assert!(!has_miscounted_tile_parts(&stream([part(0, 0), part(1, 0)])));
    }
}
