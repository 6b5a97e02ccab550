//! Label, overview and thumbnail: small striped images, decoded whole and kept uncompressed.

use crate::tiff::{Directory, Tiff};
use crate::{SlideError, jpeg, svs};
use codec::{FrameFormat, Photometric};
use model::Limits;

/// Bytes of one decoded image.
const IMAGE_BYTES_MAX: u64 = 128 << 20;
/// Bytes of one compressed strip.
const STRIP_BYTES_MAX: u64 = 64 << 20;

/// A decoded image: RGB, 8 bit, by pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct StripImage {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height * 3` bytes.
    pub rgb: Vec<u8>,
    /// Lossy compression that it had in the file: method (PS3.3 §C.7.6.1.1.5) and ratio.
    pub lossy: Option<(&'static str, f64)>,
}

/// Decodes a striped RGB image: uncompressed, LZW (with or without horizontal differencing) or JPEG.
///
/// # Errors
/// [`SlideError::Unsupported`] for other kinds, [`SlideError::OverLimit`], [`SlideError::Damaged`].
pub(crate) fn decode(tiff: &Tiff, directory: &Directory, limits: &Limits) -> Result<StripImage, SlideError> {
    let form = svs::Form::of(tiff, directory)?;
    if form.samples != 3 || form.bits != 8 {
        return Err(SlideError::Unsupported("an associated image that is not 8-bit colour"));
    }
    let width =
        u32::from(u16::try_from(form.width).map_err(|_| SlideError::OverLimit("an associated image"))?);
    let height =
        u32::from(u16::try_from(form.height).map_err(|_| SlideError::OverLimit("an associated image"))?);
    let row_bytes = width as usize * 3;
    let total = u64::from(width) * u64::from(height) * 3;
    if total == 0 || total > IMAGE_BYTES_MAX.min(limits.frame_pixel_bytes_max) {
        return Err(SlideError::OverLimit("an associated image"));
    }
    let rows_per_strip = tiff.uint(directory, svs::tag::ROWS_PER_STRIP)?.unwrap_or(u64::from(height));
    let rows_per_strip = u32::try_from(rows_per_strip.min(u64::from(height))).unwrap_or(height);
    if rows_per_strip == 0 {
        return Err(SlideError::Damaged("a strip has no rows"));
    }
    let strips = u64::from(height.div_ceil(rows_per_strip));
    let offsets = tiff.numbers(directory, svs::tag::STRIP_OFFSETS)?.ok_or(NO_STRIPS)?;
    let counts = tiff.numbers(directory, svs::tag::STRIP_BYTE_COUNTS)?.ok_or(NO_STRIPS)?;
    let offsets = tiff.read(&offsets, 0..strips)?;
    let counts = tiff.read(&counts, 0..strips)?;

    let decoder = Decoder::of(tiff, directory, &form)?;
    let mut rgb = Vec::new();
    let mut compressed = 0_u64;
    let mut rows_left = height;
    for (offset, count) in offsets.into_iter().zip(counts) {
        if count > STRIP_BYTES_MAX {
            return Err(SlideError::OverLimit("a strip"));
        }
        let bytes = tiff.bytes_at(offset, count)?;
        let rows = rows_per_strip.min(rows_left);
        rgb.extend(decoder.strip(&bytes, width, rows, rows as usize * row_bytes)?);
        rows_left -= rows;
        compressed += count;
    }
    let lossy = matches!(decoder, Decoder::Jpeg { .. })
        .then(|| ("ISO_10918_1", total as f64 / compressed.max(1) as f64));
    Ok(StripImage { width, height, rgb, lossy })
}

const NO_STRIPS: SlideError = SlideError::Damaged("an associated image has no strips");

enum Decoder {
    Raw { is_differenced: bool },
    Lzw { is_differenced: bool },
    Jpeg { prefix: Vec<u8>, photometric: Photometric },
}

impl Decoder {
    fn of(tiff: &Tiff, directory: &Directory, form: &svs::Form) -> Result<Self, SlideError> {
        let is_differenced = match tiff.uint(directory, svs::tag::PREDICTOR)? {
            None | Some(1) => false,
            Some(2) => true,
            Some(_) => return Err(SlideError::Unsupported("the predictor of an associated image")),
        };
        let is_rgb = form.photometric == svs::PHOTOMETRIC_RGB;
        match form.compression {
            svs::COMPRESSION_NONE if is_rgb => Ok(Self::Raw { is_differenced }),
            svs::COMPRESSION_LZW if is_rgb => Ok(Self::Lzw { is_differenced }),
            svs::COMPRESSION_JPEG => {
                let tables = svs::jpeg_tables(tiff, directory)?;
                let photometric = if is_rgb { Photometric::Rgb } else { Photometric::YbrFull422 };
                Ok(Self::Jpeg { prefix: jpeg::prefix(&tables, is_rgb), photometric })
            }
            _ => Err(SlideError::Unsupported("the compression of an associated image")),
        }
    }

    /// One strip, exactly `size` bytes of RGB.
    fn strip(&self, bytes: &[u8], width: u32, rows: u32, size: usize) -> Result<Vec<u8>, SlideError> {
        const SHORT: SlideError = SlideError::Damaged("a strip of an associated image is cut short");
        match self {
            Self::Raw { is_differenced } => {
                let mut rgb = bytes.get(..size).ok_or(SHORT)?.to_vec();
                if *is_differenced {
                    undo_differences(&mut rgb, width);
                }
                Ok(rgb)
            }
            Self::Lzw { is_differenced } => {
                let mut rgb = vec![0; size];
                let filled = unlzw(bytes, &mut rgb)?;
                if filled < size {
                    return Err(SHORT);
                }
                if *is_differenced {
                    undo_differences(&mut rgb, width);
                }
                Ok(rgb)
            }
            Self::Jpeg { prefix, photometric } => {
                let whole = jpeg::splice(prefix, bytes);
                let head = jpeg::head(&whole).map_err(|_| SHORT)?;
                // The last strip may have the rows of the others.
                let is_size = u32::from(head.width) == width && u32::from(head.height) >= rows;
                if !is_size || u32::from(head.height) > u32::from(u16::MAX).min(rows.saturating_mul(64)) {
                    return Err(SlideError::Damaged("a strip's JPEG header gives another size"));
                }
                let format = FrameFormat {
                    rows: head.height.into(),
                    columns: width,
                    samples_per_pixel: 3,
                    bits_allocated: 8,
                    bits_stored: 8,
                    is_signed: false,
                    is_planar: false,
                    photometric: *photometric,
                };
                let pixels = codec::decode(
                    dataset::TransferSyntax::JPEG_BASELINE,
                    &whole,
                    &format,
                    IMAGE_BYTES_MAX,
                )
                .map_err(|_| SlideError::Damaged("a strip of an associated image cannot be decoded"))?;
                let mut rgb = pixels.bytes;
                if rgb.len() < size {
                    return Err(SHORT);
                }
                rgb.truncate(size);
                Ok(rgb)
            }
        }
    }
}

/// TIFF's LZW (TIFF 6.0 §13); returns how many bytes of the target were filled.
fn unlzw(bytes: &[u8], target: &mut [u8]) -> Result<usize, SlideError> {
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    let (mut read, mut written) = (0, 0);
    while written < target.len() {
        let step = decoder.decode_bytes(&bytes[read..], &mut target[written..]);
        read += step.consumed_in;
        written += step.consumed_out;
        match step.status {
            Ok(weezl::LzwStatus::Ok) if step.consumed_in + step.consumed_out > 0 => {}
            Ok(_) => break,
            Err(_) => return Err(SlideError::Damaged("the LZW data of an associated image are broken")),
        }
    }
    Ok(written)
}

/// Undoes horizontal differencing (TIFF 6.0 §14) of rows of RGB.
fn undo_differences(rgb: &mut [u8], width: u32) {
    for row in rgb.chunks_exact_mut(width as usize * 3) {
        for at in 3..row.len() {
            row[at] = row[at].wrapping_add(row[at - 3]);
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
        let strip = Decoder::Lzw { is_differenced: true }.strip(&packed, width as u32, 4, rgb.len()).unwrap();
        assert_eq!(strip, rgb);
        let cut = Decoder::Lzw { is_differenced: true }.strip(&packed[..9], width as u32, 4, rgb.len());
        assert!(matches!(cut, Err(SlideError::Damaged(_))), "{cut:?}");
    }
}
