//! JPEG-LS frames, by CharLS.

use charls::CharLS;

use crate::decode::Decoded;
use crate::header::{self, Interleave};
use crate::samples::Samples;
use crate::{CodecError, FrameFormat, charls_encode, native, samples};

const REFUSED: CodecError = CodecError::Damaged("CharLS refuses the codestream");

pub(crate) fn decode(frame: &[u8], format: &FrameFormat, size: usize) -> Result<Decoded, CodecError> {
    if !matches!(format.bits_allocated, 8 | 16) {
        return Err(CodecError::Unsupported("bits allocated in JPEG-LS"));
    }
    let header = header::jpeg_ls(frame)?;
    header.size.check(format)?;
    // CharLS 2.4 has been seen never to return from a scan that ends without a marker.
    let end = frame.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    if !frame[..end].ends_with(&[0xFF, 0xD9]) {
        return Err(CodecError::Damaged("the JPEG-LS frame does not end with its end marker"));
    }

    // CharLS allocates what its own reading of the header says, so that is checked too. A `CharLS` works only once.
    let info = CharLS::default().get_frame_info(frame).map_err(|_| REFUSED)?;
    let is_same = (info.width, info.height) == (header.size.columns, header.size.rows)
        && info.component_count == i32::from(header.size.samples)
        && info.bits_per_sample == i32::from(header.size.precision);
    if !is_same {
        return Err(CodecError::Damaged("the JPEG-LS header can be read in two ways"));
    }
    let mut decoded = CharLS::default().decode(frame).map_err(|_| REFUSED)?;

    let bytes_per_sample = if header.size.precision > 8 { 2 } else { 1 };
    if decoded.len() != format.pixel_count() * usize::from(format.samples_per_pixel) * bytes_per_sample {
        return Err(CodecError::Damaged("CharLS gave another number of samples than the shape takes"));
    }
    if header.interleave == Interleave::Plane && format.samples_per_pixel > 1 {
        decoded = native::by_pixel(&decoded, usize::from(format.samples_per_pixel), bytes_per_sample);
    }
    let precision = header.size.precision;
    let is_as_stored = !format.is_signed || u16::from(precision) == format.bits_allocated;
    let bytes = if decoded.len() == size && is_as_stored && cfg!(target_endian = "little") {
        decoded
    } else if bytes_per_sample == 1 {
        samples::to_cells(decoded.iter().map(|value| i32::from(*value)), precision, format, size)?
    } else {
        let words = decoded.as_chunks::<2>().0.iter().map(|word| i32::from(u16::from_ne_bytes(*word)));
        samples::to_cells(words, precision, format, size)?
    };
    Ok(Decoded::by_pixel(bytes, format))
}

/// Encodes as JPEG-LS lossless (.80), colour sample by sample; the caller has checked the shape.
pub(crate) fn encode(bytes: &[u8], format: &FrameFormat) -> Result<Vec<u8>, CodecError> {
    let precision = samples::precision(bytes, format);
    let samples = Samples::from_cells(bytes, format, precision);
    charls_encode::encode(&samples, format, precision)
}
