//! JPEG XL frames, by libjxl: recompressed JPEG (.111), lossless (.110), and whatever .112 holds.

use crate::decode::Decoded;
use crate::header::{self, Process};
use crate::libjxl::{self, Shape};
use crate::samples::Samples;
use crate::{CodecError, FrameFormat, Photometric, jpeg, samples};

/// Decodes a frame. A recompressed JPEG is restored and decoded as a JPEG, so that both give the same pixels.
pub(crate) fn decode(frame: &[u8], format: &FrameFormat, size: usize) -> Result<Decoded, CodecError> {
    let shape = shape(format)?;
    let length_max = jpeg_bytes_max(size);
    if is_container(frame)
        && let Some(restored) = libjxl::to_jpeg(frame, &shape, length_max)?
    {
        return jpeg::decode(&restored, format, size);
    }
    let (samples, precision) = libjxl::decode(frame, &shape, format.bits_allocated)?;
    let bytes = match samples {
        Samples::Eight(samples) if precision == 8 => samples,
        Samples::Eight(samples) => {
            let unscaled = samples.into_iter().map(|sample| unscaled(sample.into(), 255, precision));
            samples::to_cells(unscaled, precision, format, size)?
        }
        Samples::Sixteen(samples) => {
            let unscaled = samples.into_iter().map(|sample| unscaled(sample.into(), 65535, precision));
            samples::to_cells(unscaled, precision, format, size)?
        }
    };
    Ok(match format.samples_per_pixel {
        3 => Decoded::rgb(bytes, format),
        _ => Decoded::by_pixel(bytes, format),
    })
}

/// From the full range, to which libjxl scales, back to the codestream's own numbers.
#[allow(clippy::cast_possible_wrap)]
fn unscaled(sample: u32, full: u32, precision: u8) -> i32 {
    let most = (1_u32 << precision.clamp(1, 16)) - 1;
    ((sample * most + full / 2) / full) as i32
}

fn shape(format: &FrameFormat) -> Result<Shape, CodecError> {
    if !matches!(format.bits_allocated, 8 | 16) || !matches!(format.samples_per_pixel, 1 | 3) {
        return Err(CodecError::Unsupported("JPEG XL of these bits and samples"));
    }
    Ok(Shape {
        columns: format.columns,
        rows: format.rows,
        samples: format.samples_per_pixel.into(),
        precision: format.bits_allocated.into(),
    })
}

/// Only the container (ISO/IEC 18181-2 §9.1) can hold what it takes to restore a JPEG.
fn is_container(frame: &[u8]) -> bool {
    frame.starts_with(&[0, 0, 0, 12, b'J', b'X', b'L', b' '])
}

/// A JPEG is seldom larger than its pixels; some have long application segments.
fn jpeg_bytes_max(pixel_bytes: usize) -> usize {
    pixel_bytes.saturating_mul(2).saturating_add(1 << 20)
}

/// Recompresses a JPEG (.50 → .111), and proves that its bytes come back.
///
/// # Errors
/// [`CodecError::Unsupported`] for a JPEG that libjxl cannot take or does not give back byte by byte.
pub(crate) fn from_jpeg(frame: &[u8], format: &FrameFormat) -> Result<Vec<u8>, CodecError> {
    let header = header::jpeg(frame)?;
    header.size.check(format)?;
    if header.process != Process::Dct || header.size.precision != 8 {
        return Err(CodecError::Unsupported("recompressing a JPEG that is not baseline"));
    }
    let shape = shape(format)?;
    let jpeg = without_padding(frame);
    let recompressed = libjxl::from_jpeg(jpeg)?;
    let is_identical =
        libjxl::to_jpeg(&recompressed, &shape, jpeg.len())?.is_some_and(|restored| restored == jpeg);
    if !is_identical {
        return Err(CodecError::Unsupported("recompressing this JPEG: its bytes do not come back"));
    }
    Ok(recompressed)
}

/// The JPEG inside a recompressed frame (.111 → .50), which must be a baseline one.
pub(crate) fn to_jpeg(frame: &[u8], format: &FrameFormat, size: usize) -> Result<Vec<u8>, CodecError> {
    const NONE_INSIDE: CodecError = CodecError::Unsupported("JPEG XL that holds no baseline JPEG");
    let jpeg = libjxl::to_jpeg(frame, &shape(format)?, jpeg_bytes_max(size))?.ok_or(NONE_INSIDE)?;
    let header = header::jpeg(&jpeg)?;
    header.size.check(format)?;
    if header.is_baseline { Ok(jpeg) } else { Err(NONE_INSIDE) }
}

/// A fragment may end with a byte that makes its length even.
fn without_padding(frame: &[u8]) -> &[u8] {
    let end = frame.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if frame[..end].ends_with(&[0xFF, 0xD9]) { &frame[..end] } else { frame }
}

/// Encodes without loss (.110) and proves it; the caller has checked the shape.
///
/// # Errors
/// [`CodecError::Unsupported`] for signed samples and for YBR, which JPEG XL has no words for here.
pub(crate) fn encode(bytes: &[u8], format: &FrameFormat) -> Result<Vec<u8>, CodecError> {
    if format.is_signed {
        return Err(CodecError::Unsupported("JPEG XL of signed samples"));
    }
    if format.samples_per_pixel == 3 && format.photometric != Photometric::Rgb {
        return Err(CodecError::Unsupported("JPEG XL of this photometric interpretation"));
    }
    let precision = samples::precision(bytes, format);
    let shape = Shape { precision: precision.into(), ..shape(format)? };
    let samples = match Samples::from_cells(bytes, format, precision) {
        Samples::Eight(samples) if precision == 8 => Samples::Eight(samples),
        Samples::Eight(samples) => {
            Samples::Eight(samples.into_iter().map(|sample| scaled(sample, precision)).collect())
        }
        Samples::Sixteen(samples) => {
            Samples::Sixteen(samples.into_iter().map(|sample| scaled(sample, precision)).collect())
        }
    };
    let frame = libjxl::encode(&samples, &shape)?;
    let again = decode(&frame, format, bytes.len())?;
    if again.bytes != bytes {
        return Err(CodecError::Unsupported("JPEG XL of these pixels: they do not come back"));
    }
    Ok(frame)
}

/// To the full range of the type, which libjxl expects.
fn scaled<T: TryFrom<u32> + Into<u32> + Default>(sample: T, precision: u8) -> T {
    let full = if size_of::<T>() == 1 { 255 } else { 65535 };
    let most = (1_u32 << precision.clamp(1, 16)) - 1;
    let sample: u32 = sample.into();
    T::try_from((sample * full + most / 2) / most).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_to_the_full_range_and_back_changes_nothing() {
        for precision in 2..=16 {
            for sample in (0..1_u32 << precision).step_by(if precision > 12 { 7 } else { 1 }) {
                let wide = scaled(u16::try_from(sample).unwrap(), precision);
                assert_eq!(unscaled(wide.into(), 65535, precision), i32::try_from(sample).unwrap());
                if precision <= 8 {
                    let narrow = scaled(u8::try_from(sample).unwrap(), precision);
                    assert_eq!(unscaled(narrow.into(), 255, precision), i32::try_from(sample).unwrap());
                }
            }
        }
    }
}
