//! Label, overview and thumbnail: small images of strips or tiles, decoded whole and kept uncompressed.

use crate::readers::packed::{undo_differences, unlzw};
use crate::readers::tiles::{self, Form};
use crate::readers::{Samples, tag};
use crate::tiff::{Directory, Tiff};
use crate::{SlideError, jpeg};
use codec::{FrameFormat, Photometric};
use model::Limits;

/// Bytes of one decoded image.
const IMAGE_BYTES_MAX: u64 = 128 << 20;
/// Bytes of one compressed strip or tile.
const PART_BYTES_MAX: u64 = 64 << 20;

/// A decoded image: RGB, 8 bit, by pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct SmallImage {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height * 3` bytes.
    pub rgb: Vec<u8>,
    /// Lossy compression that it had in the file: method (PS3.3 §C.7.6.1.1.5) and ratio.
    pub lossy: Option<(&'static str, f64)>,
}

/// Decodes an RGB image of strips or tiles: uncompressed, LZW (with or without horizontal differencing) or JPEG.
///
/// # Errors
/// [`SlideError::Unsupported`] for other kinds, [`SlideError::OverLimit`], [`SlideError::Damaged`].
pub(crate) fn of_directory(
    tiff: &Tiff,
    directory: &Directory,
    limits: &Limits,
) -> Result<SmallImage, SlideError> {
    let form = Form::of(tiff, directory)?;
    if form.samples != 3 || form.bits != 8 {
        return Err(SlideError::Unsupported("an associated image that is not 8-bit colour"));
    }
    let (width, height) = checked_size(form.width, form.height, limits)?;
    let parts = Parts::of(tiff, directory, width, height)?;
    let across = width.div_ceil(parts.width);
    let count = u64::from(across) * u64::from(height.div_ceil(parts.height));
    let offsets = tiff.numbers(directory, parts.offsets)?.ok_or(NO_PARTS)?;
    let counts = tiff.numbers(directory, parts.counts)?.ok_or(NO_PARTS)?;
    let offsets = tiff.read(&offsets, 0..count)?;
    let counts = tiff.read(&counts, 0..count)?;

    let decoder = Decoder::of(tiff, directory, &form)?;
    let row_bytes = width as usize * 3;
    let mut rgb = vec![255; row_bytes * height as usize];
    let mut compressed = 0_u64;
    for ((offset, count), number) in offsets.into_iter().zip(counts).zip(0_u32..) {
        if count > PART_BYTES_MAX {
            return Err(SlideError::OverLimit("a part of an associated image"));
        }
        compressed += count;
        if count == 0 {
            continue;
        }
        let (left, top) = (number % across * parts.width, number / across * parts.height);
        let columns = parts.width.min(width - left);
        let rows = parts.height.min(height - top);
        // A tile is always whole; the last strip may have fewer rows.
        let part_rows = if parts.is_tiled { parts.height } else { rows };
        let part_bytes = parts.width as usize * 3;
        let part = decoder.part(&tiff.bytes_at(offset, count)?, parts.width, part_rows)?;
        for row in 0..rows as usize {
            let from = row * part_bytes;
            let to = (top as usize + row) * row_bytes + left as usize * 3;
            let bytes = columns as usize * 3;
            rgb[to..to + bytes].copy_from_slice(&part[from..from + bytes]);
        }
    }
    let ratio = rgb.len() as f64 / compressed.max(1) as f64;
    let lossy = matches!(decoder, Decoder::Jpeg { .. }).then_some(("ISO_10918_1", ratio));
    Ok(SmallImage { width, height, rgb, lossy })
}

/// Decodes a JPEG file of three components.
///
/// # Errors
/// As [`of_directory`].
pub(crate) fn of_jpeg(bytes: &[u8], limits: &Limits) -> Result<SmallImage, SlideError> {
    const NO_JPEG: SlideError = SlideError::Damaged("an associated image is no JPEG that can be read");
    let head = jpeg::head(bytes).map_err(|_| NO_JPEG)?;
    if head.components != 3 {
        return Err(SlideError::Unsupported("an associated image that is not 8-bit colour"));
    }
    let (width, height) = checked_size(head.width.into(), head.height.into(), limits)?;
    let rgb = decode_jpeg(bytes, width, height, head.colours())?;
    let ratio = rgb.len() as f64 / bytes.len().max(1) as f64;
    Ok(SmallImage { width, height, rgb, lossy: Some(("ISO_10918_1", ratio)) })
}

fn checked_size(width: u64, height: u64, limits: &Limits) -> Result<(u32, u32), SlideError> {
    const BIG: SlideError = SlideError::OverLimit("an associated image");
    let side = |side| u16::try_from(side).map(u32::from).map_err(|_| BIG);
    let (width, height) = (side(width)?, side(height)?);
    let total = u64::from(width) * u64::from(height) * 3;
    if total == 0 || total > IMAGE_BYTES_MAX.min(limits.frame_pixel_bytes_max) {
        return Err(BIG);
    }
    Ok((width, height))
}

/// How an image is cut.
struct Parts {
    width: u32,
    height: u32,
    is_tiled: bool,
    offsets: u16,
    counts: u16,
}

impl Parts {
    fn of(tiff: &Tiff, directory: &Directory, width: u32, height: u32) -> Result<Self, SlideError> {
        const BAD: SlideError = SlideError::Damaged("the parts of an associated image have no size");
        if directory.has(tag::TILE_WIDTH) {
            let side = |tag| {
                let side = tiff.uint(directory, tag)?.unwrap_or(0);
                u16::try_from(side).ok().map(u32::from).filter(|side| *side > 0).ok_or(BAD)
            };
            let (width, height) = (side(tag::TILE_WIDTH)?, side(tag::TILE_LENGTH)?);
            let (offsets, counts) = (tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS);
            if u64::from(width) * u64::from(height) * 3 > IMAGE_BYTES_MAX {
                return Err(SlideError::OverLimit("an associated image"));
            }
            return Ok(Self { width, height, is_tiled: true, offsets, counts });
        }
        let rows = tiff.uint(directory, tag::ROWS_PER_STRIP)?.unwrap_or(u64::from(height));
        let height = u32::try_from(rows.min(u64::from(height))).ok().filter(|rows| *rows > 0).ok_or(BAD)?;
        let (offsets, counts) = (tag::STRIP_OFFSETS, tag::STRIP_BYTE_COUNTS);
        Ok(Self { width, height, is_tiled: false, offsets, counts })
    }
}

fn decode_jpeg(bytes: &[u8], width: u32, height: u32, colours: jpeg::Colours) -> Result<Vec<u8>, SlideError> {
    let photometric = match colours {
        jpeg::Colours::Rgb => Photometric::Rgb,
        jpeg::Colours::Ybr => Photometric::YbrFull422,
    };
    let format = FrameFormat::eight_bit(height, width, 3, photometric);
    codec::decode(dataset::TransferSyntax::JPEG_BASELINE, bytes, &format, IMAGE_BYTES_MAX)
        .map(|pixels| pixels.bytes)
        .map_err(SlideError::of_codec(SlideError::Damaged("a part of an associated image cannot be decoded")))
}

const NO_PARTS: SlideError = SlideError::Damaged("an associated image has neither strips nor tiles");

enum Decoder {
    Raw { is_differenced: bool },
    Lzw { is_differenced: bool },
    Jpeg { prefix: Vec<u8>, colours: jpeg::Colours },
}

impl Decoder {
    fn of(tiff: &Tiff, directory: &Directory, form: &Form) -> Result<Self, SlideError> {
        let is_differenced = match tiff.uint(directory, tag::PREDICTOR)? {
            None | Some(1) => false,
            Some(2) => true,
            Some(_) => return Err(SlideError::Unsupported("the predictor of an associated image")),
        };
        let is_rgb = form.photometric == tiles::PHOTOMETRIC_RGB;
        match form.compression {
            tiles::COMPRESSION_NONE if is_rgb => Ok(Self::Raw { is_differenced }),
            tiles::COMPRESSION_LZW if is_rgb => Ok(Self::Lzw { is_differenced }),
            tiles::COMPRESSION_JPEG => {
                let tables = tiles::jpeg_tables(tiff, directory)?;
                let colours = if is_rgb { jpeg::Colours::Rgb } else { jpeg::Colours::Ybr };
                Ok(Self::Jpeg { prefix: jpeg::prefix(&tables, is_rgb), colours })
            }
            _ => Err(SlideError::Unsupported("the compression of an associated image")),
        }
    }

    /// One strip or tile, exactly `width * rows * 3` bytes of RGB.
    fn part(&self, bytes: &[u8], width: u32, rows: u32) -> Result<Vec<u8>, SlideError> {
        let size = width as usize * rows as usize * 3;
        const SHORT: SlideError = SlideError::Damaged("a part of an associated image is cut short");
        match self {
            Self::Raw { is_differenced } => {
                let mut rgb = bytes.get(..size).ok_or(SHORT)?.to_vec();
                if *is_differenced {
                    undo_differences(&mut rgb, width, Samples::COLOUR);
                }
                Ok(rgb)
            }
            Self::Lzw { is_differenced } => {
                let mut rgb = vec![0; size];
                unlzw(bytes, &mut rgb)?;
                if *is_differenced {
                    undo_differences(&mut rgb, width, Samples::COLOUR);
                }
                Ok(rgb)
            }
            Self::Jpeg { prefix, colours } => {
                let whole = jpeg::splice(prefix, bytes);
                let head = jpeg::head(&whole).map_err(|_| SHORT)?;
                // The last strip may have the rows of the others.
                let is_size = u32::from(head.width) == width && u32::from(head.height) >= rows;
                if !is_size || u32::from(head.height) > u32::from(u16::MAX).min(rows.saturating_mul(64)) {
                    return Err(SlideError::Damaged("a part's JPEG header gives another size"));
                }
                let mut rgb = decode_jpeg(&whole, width, head.height.into(), *colours)?;
                if rgb.len() < size {
                    return Err(SHORT);
                }
                rgb.truncate(size);
                Ok(rgb)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lzw_with_differences_comes_back() {
        let width = 100;
        let rgb: Vec<u8> = (0..width * 3 * 4).map(|at| (at * 7 % 251) as u8).collect();
        let mut differences = rgb.clone();
        for row in differences.chunks_exact_mut(width * 3) {
            for at in (3..row.len()).rev() {
                row[at] = row[at].wrapping_sub(row[at - 3]);
            }
        }
        let packed = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8)
            .encode(&differences)
            .unwrap();
        let strip = Decoder::Lzw { is_differenced: true }.part(&packed, width as u32, 4).unwrap();
        assert_eq!(strip, rgb);
        let cut = Decoder::Lzw { is_differenced: true }.part(&packed[..9], width as u32, 4);
        assert!(matches!(cut, Err(SlideError::Damaged(_))), "{cut:?}");
    }
}
