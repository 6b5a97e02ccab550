//! JPEG 2000 and High-Throughput JPEG 2000 frames: decoded by OpenJPEG, encoded by OpenJPEG and OpenJPH.

use crate::decode::Decoded;
use crate::header::{self, Size};
use crate::openjpeg::{self, Request, Strictness};
use crate::{CodecError, FrameFormat, Photometric, openjpeg_encode, openjph, samples};

/// Whether the three components go through the multiple component transform (T.800 §G.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColourTransform {
    None,
    Reversible,
}

/// OpenJPEG takes some kilobytes for every tile before the first pixel.
const TILES_MAX: u64 = 4096;

pub(crate) fn decode(frame: &[u8], format: &FrameFormat, size: usize) -> Result<Decoded, CodecError> {
    let codestream = header::jpeg_2000_codestream(frame)?;
    let header = checked_header(codestream, format)?;
    // Only where the counts cannot be right may OpenJPEG be lenient: it also lets truncated data pass then.
    let strictness =
        if header::has_miscounted_tile_parts(codestream) { Strictness::Lenient } else { Strictness::Strict };
    let image = openjpeg::decode(codestream, &Request { size: header, strictness, levels_less: 0 })?;
    let bytes = pixels(&image, header.precision, format, size)?;
    Ok(in_its_colours(bytes, format))
}

/// Decodes a smaller image from the beginning of a codestream: rows and columns halved `levels_less` times, rounded up.
/// What is missing at the end of `prefix` is taken as zero coefficients.
pub(crate) fn decode_reduced(
    prefix: &[u8],
    format: &FrameFormat,
    levels_less: u32,
) -> Result<Decoded, CodecError> {
    let codestream = header::jpeg_2000_codestream(prefix)?;
    let header = checked_header(codestream, format)?;
    if levels_less > header::jpeg_2000_levels(codestream)? {
        return Err(CodecError::Unsupported("a resolution that the codestream does not have"));
    }
    let strictness = Strictness::Lenient;
    let mut image = openjpeg::decode(codestream, &Request { size: header, strictness, levels_less })?;
    // The low-pass band of a noisy image leaves the range of its samples.
    let (low, high) = range(&header);
    image.clamp(low, high);
    let format = format.reduced(levels_less);
    let size = usize::try_from(format.pixel_bytes()?).map_err(|_| CodecError::OverLimit)?;
    let bytes = pixels(&image, header.precision, &format, size)?;
    Ok(in_its_colours(bytes, &format))
}

/// The numbers that a sample can be.
fn range(size: &Size) -> (i32, i32) {
    let precision = u32::from(size.precision).clamp(1, 31);
    match size.is_signed {
        true => (-(1 << (precision - 1)), (1 << (precision - 1)) - 1),
        false => (0, i32::try_from((1_u32 << precision) - 1).unwrap_or(i32::MAX)),
    }
}

fn checked_header(codestream: &[u8], format: &FrameFormat) -> Result<Size, CodecError> {
    let header::Jpeg2000 { size, tiles } = header::jpeg_2000(codestream)?;
    size.check(format)?;
    if tiles > TILES_MAX {
        return Err(CodecError::OverLimit);
    }
    Ok(size)
}

/// OpenJPEG gives one plane per component, as 32-bit integers.
fn pixels(
    image: &openjpeg::Image,
    precision: u8,
    format: &FrameFormat,
    size: usize,
) -> Result<Vec<u8>, CodecError> {
    match image.planes()[..] {
        [grey] => samples::to_cells(grey.iter().copied(), precision, format, size),
        [r, g, b] => {
            let pixels = r.iter().zip(g).zip(b).flat_map(|((r, g), b)| [*r, *g, *b]);
            samples::to_cells(pixels, precision, format, size)
        }
        [a, b, c, d] => {
            let pixels = a.iter().zip(b).zip(c).zip(d).flat_map(|(((a, b), c), d)| [*a, *b, *c, *d]);
            samples::to_cells(pixels, precision, format, size)
        }
        _ => Err(CodecError::Unsupported("samples per pixel")),
    }
}

/// The multiple component transform is the codestream's own, and OpenJPEG has undone it (PS3.5 §8.2.4).
fn in_its_colours(bytes: Vec<u8>, format: &FrameFormat) -> Decoded {
    match format.photometric {
        Photometric::YbrIct | Photometric::YbrRct => Decoded::rgb(bytes, format),
        _ => Decoded::by_pixel(bytes, format),
    }
}

/// Encodes as JPEG 2000, reversible (.90), RGB by the reversible colour transform; the caller has checked the shape.
pub(crate) fn encode(bytes: &[u8], format: &FrameFormat) -> Result<Vec<u8>, CodecError> {
    let size = coded_size(bytes, format);
    openjpeg_encode::encode(&samples::values(bytes, format), &size, colour_transform(format))
}

/// Encodes as HTJ2K, reversible, RPCL, with tile-part lengths (.202, which is a .201 too); the caller has checked the
/// shape. OpenJPEG must decode it to the same pixels.
///
/// # Errors
/// [`CodecError::Unsupported`] when OpenJPH fails, or makes what OpenJPEG does not decode to these pixels.
pub(crate) fn encode_ht(bytes: &[u8], format: &FrameFormat) -> Result<Vec<u8>, CodecError> {
    const NOT_EXACT: CodecError = CodecError::Unsupported("HTJ2K of these pixels: they do not come back");
    let size = coded_size(bytes, format);
    let codestream = openjph::encode(&samples::values(bytes, format), &size, colour_transform(format))?;
    let codestream = header::with_tile_part_lengths(&codestream).ok_or(NOT_EXACT)?;
    let request = Request { size, strictness: Strictness::Strict, levels_less: 0 };
    let image = openjpeg::decode(&codestream, &request).map_err(|_| NOT_EXACT)?;
    let again = pixels(&image, size.precision, format, bytes.len()).map_err(|_| NOT_EXACT)?;
    if again != bytes {
        return Err(NOT_EXACT);
    }
    Ok(codestream)
}

/// What the codestream's header is to say.
fn coded_size(bytes: &[u8], format: &FrameFormat) -> Size {
    Size {
        rows: format.rows,
        columns: format.columns,
        samples: format.samples_per_pixel,
        precision: samples::precision(bytes, format),
        is_signed: format.is_signed,
    }
}

/// RGB is decorrelated; YBR_FULL is already.
fn colour_transform(format: &FrameFormat) -> ColourTransform {
    match (format.photometric, format.samples_per_pixel) {
        (Photometric::Rgb, 3) => ColourTransform::Reversible,
        _ => ColourTransform::None,
    }
}
