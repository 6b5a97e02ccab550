//! CharLS as an encoder, beside its safe wrapper: that has no room for pixels that do not become smaller.

use std::ffi::c_void;
use std::ptr::NonNull;

use charls_sys as ls;

use crate::samples::Samples;
use crate::{CodecError, FrameFormat};

const FAILED: CodecError = CodecError::Damaged("CharLS cannot encode the pixels");

struct Encoder(NonNull<ls::charls_jpegls_encoder>);

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: made by `charls_jpegls_encoder_create`, destroyed once.
        unsafe { ls::charls_jpegls_encoder_destroy(self.0.as_ptr()) }
    }
}

/// Encodes samples by pixel of `precision` bits without loss, colour sample by sample.
///
/// # Errors
/// [`CodecError::Damaged`] when `samples` is not what `format` says or CharLS fails.
pub(crate) fn encode(samples: &Samples, format: &FrameFormat, precision: u8) -> Result<Vec<u8>, CodecError> {
    let count = format.pixel_count() * usize::from(format.samples_per_pixel);
    let (source, source_bytes) = match samples {
        Samples::Eight(samples) if precision <= 8 => (samples.as_ptr().cast::<c_void>(), samples.len()),
        Samples::Sixteen(samples) if precision > 8 => (samples.as_ptr().cast(), samples.len() * 2),
        _ => return Err(FAILED),
    };
    if samples.len() != count {
        return Err(CodecError::Damaged("the pixels are not rows × columns"));
    }
    // A sample takes at most LIMIT = 4 × its precision (T.87 §C.2.4.1.1, §A.2), rounded up here; pages that stay
    // untouched cost nothing.
    let mut frame = vec![0_u8; source_bytes.saturating_mul(4).saturating_add(1 << 16)];
    let info = ls::charls_frame_info {
        width: format.columns,
        height: format.rows,
        bits_per_sample: precision.into(),
        component_count: format.samples_per_pixel.into(),
    };
    let interleave = match format.samples_per_pixel {
        1 => ls::charls_interleave_mode_none,
        _ => ls::charls_interleave_mode_sample,
    };
    let mut written = 0;
    // SAFETY: the encoder is alive and used by this thread only; the destination has the length that is said, stays
    // where it is until the encoder is destroyed, and CharLS checks it; the source has `source_bytes` bytes, which is
    // rows × columns × samples of that precision, and is only read.
    unsafe {
        let encoder = NonNull::new(ls::charls_jpegls_encoder_create()).ok_or(CodecError::OverLimit)?;
        let encoder = Encoder(encoder);
        let raw = encoder.0.as_ptr();
        let is_done = ls::charls_jpegls_encoder_set_frame_info(raw, &raw const info) == 0
            && ls::charls_jpegls_encoder_set_interleave_mode(raw, interleave) == 0
            && ls::charls_jpegls_encoder_set_destination_buffer(raw, frame.as_mut_ptr().cast(), frame.len())
                == 0
            && ls::charls_jpegls_encoder_encode_from_buffer(raw, source, source_bytes, 0) == 0
            && ls::charls_jpegls_encoder_get_bytes_written(raw, &raw mut written) == 0;
        if !is_done || written > frame.len() {
            return Err(FAILED);
        }
    }
    frame.truncate(written);
    frame.shrink_to_fit();
    Ok(frame)
}
