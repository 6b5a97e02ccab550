//! Uncompressed frames: byte order, colour by plane, YBR_FULL_422 (PS3.5 §8.1, §8.2; PS3.3 §C.7.6.3.1.3).

use std::io::{Read as _, Write as _};

use crate::decode::Decoded;
use crate::{CodecError, FrameFormat, Photometric};

/// The byte order of samples wider than a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

pub(crate) fn decode(
    frame: &[u8],
    format: &FrameFormat,
    size: usize,
    order: ByteOrder,
) -> Result<Decoded, CodecError> {
    let is_422 = format.photometric == Photometric::YbrFull422
        && format.samples_per_pixel == 3
        && format.bits_allocated == 8;
    // Some writers say 422 and store every sample: the length tells.
    if is_422 && frame.len() < size {
        return decode_422(frame, format, size);
    }
    // Bytes behind the last pixel are padding.
    if frame.len() < size {
        return Err(CodecError::Damaged("the frame is shorter than its shape takes"));
    }
    let bytes_per_sample = usize::from(format.bits_allocated / 8).max(1);
    let mut bytes = if format.is_planar && format.samples_per_pixel > 1 {
        by_pixel(&frame[..size], usize::from(format.samples_per_pixel), bytes_per_sample)
    } else {
        frame[..size].to_vec()
    };
    if order == ByteOrder::Big && bytes_per_sample > 1 {
        bytes.chunks_exact_mut(bytes_per_sample).for_each(<[u8]>::reverse);
    }
    Ok(Decoded::by_pixel(bytes, format))
}

/// Inflates a frame that is deflated by itself (RFC 1951), as far as its pixels go.
///
/// # Errors
/// [`CodecError::Damaged`] when it is no deflated data; a short frame is found by who decodes it.
pub(crate) fn inflate(frame: &[u8], size: usize) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Vec::new();
    flate2::read::DeflateDecoder::new(frame)
        .take(size as u64)
        .read_to_end(&mut bytes)
        .map_err(|_| CodecError::Damaged("the frame is not deflated data"))?;
    Ok(bytes)
}

/// Deflates a frame by itself (PS3.5 §A.4.14).
pub(crate) fn deflate(bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .map_err(|_| CodecError::Unsupported("deflating this frame"))
}

/// Planes to pixels: `samples` planes of samples of `bytes_per_sample`.
pub(crate) fn by_pixel(planes: &[u8], samples: usize, bytes_per_sample: usize) -> Vec<u8> {
    let plane_bytes = planes.len() / samples;
    let mut pixels = vec![0; planes.len()];
    for (plane_index, plane) in planes.chunks_exact(plane_bytes).enumerate() {
        let target = pixels.chunks_exact_mut(samples * bytes_per_sample);
        let offset = plane_index * bytes_per_sample;
        for (pixel, sample) in target.zip(plane.chunks_exact(bytes_per_sample)) {
            pixel[offset..offset + bytes_per_sample].copy_from_slice(sample);
        }
    }
    pixels
}

/// Two pixels in four bytes, Y1 Y2 Cb Cr, to three bytes a pixel.
fn decode_422(frame: &[u8], format: &FrameFormat, size: usize) -> Result<Decoded, CodecError> {
    if !format.columns.is_multiple_of(2) {
        return Err(CodecError::Unsupported("YBR_FULL_422 with an odd number of columns"));
    }
    let stored = format.pixel_count() * 2;
    if frame.len() < stored {
        return Err(CodecError::Damaged("the frame is shorter than its shape takes"));
    }
    let mut bytes = Vec::with_capacity(size);
    for pair in frame[..stored].chunks_exact(4) {
        bytes.extend_from_slice(&[pair[0], pair[2], pair[3], pair[1], pair[2], pair[3]]);
    }
    Ok(Decoded::by_pixel(bytes, format))
}
