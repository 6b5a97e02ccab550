//! libjxl: JPEG XL to samples and to the JPEG inside, and the way back (`native/jpegxl.c`). All `unsafe` of JPEG XL is here.

use std::ffi::c_int;
use std::{ptr, slice};

use crate::CodecError;
use crate::samples::Samples;

/// What libjxl's header must say; a precision of 0 allows any.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub columns: u32,
    pub rows: u32,
    pub samples: u32,
    pub precision: u32,
}

unsafe extern "C" {
    fn farsight_jxl_decode(
        source: *const u8,
        length: usize,
        shape: *const Shape,
        bytes_per_sample: u32,
        pixels: *mut u8,
        pixels_length: usize,
        precision: *mut u32,
    ) -> c_int;
    fn farsight_jxl_to_jpeg(
        source: *const u8,
        length: usize,
        shape: *const Shape,
        length_max: usize,
        jpeg: *mut *mut u8,
        jpeg_length: *mut usize,
    ) -> c_int;
    fn farsight_jxl_from_jpeg(
        jpeg: *const u8,
        length: usize,
        bytes: *mut *mut u8,
        bytes_length: *mut usize,
    ) -> c_int;
    fn farsight_jxl_encode(
        pixels: *const u8,
        pixels_length: usize,
        shape: *const Shape,
        bytes: *mut *mut u8,
        bytes_length: *mut usize,
    ) -> c_int;
    fn farsight_jxl_free(bytes: *mut u8);
}

/// A buffer of the C interface's.
struct Output {
    bytes: *mut u8,
    length: usize,
}

impl Output {
    fn new() -> Self {
        Self { bytes: ptr::null_mut(), length: 0 }
    }

    fn to_vec(&self) -> Vec<u8> {
        if self.bytes.is_null() {
            return Vec::new();
        }
        // SAFETY: not null, and the C interface has written `length` bytes there.
        unsafe { slice::from_raw_parts(self.bytes, self.length) }.to_vec()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: null, or allocated by the C interface and not freed before.
        unsafe { farsight_jxl_free(self.bytes) }
    }
}

/// The results of the C interface.
fn check(result: c_int) -> Result<(), CodecError> {
    Err(match result {
        0 => return Ok(()),
        2 => CodecError::OverLimit,
        3 => CodecError::Unsupported("this kind of JPEG XL"),
        4 => CodecError::Damaged("the JPEG XL image is not rows × columns × samples"),
        _ => CodecError::Damaged("libjxl refuses the codestream"),
    })
}

/// Decodes to samples by pixel, scaled to the full range of 8 or 16 bits, and gives the codestream's precision beside.
///
/// # Errors
/// As [`check`]: the header is compared with `shape` before any pixel is allocated.
pub(crate) fn decode(source: &[u8], shape: &Shape, bits: u16) -> Result<(Samples, u8), CodecError> {
    let count = (shape.columns as usize)
        .checked_mul(shape.rows as usize)
        .and_then(|pixels| pixels.checked_mul(shape.samples as usize))
        .ok_or(CodecError::OverLimit)?;
    let mut precision = 0;
    let mut decode = |pixels: *mut u8, length: usize, bytes_per_sample: u32| {
        // SAFETY: the sources are valid for their lengths and only read; `pixels` is null, for the header only, or has
        // room for `length` bytes, which the C interface compares with what libjxl wants to write.
        check(unsafe {
            farsight_jxl_decode(
                source.as_ptr(),
                source.len(),
                shape,
                bytes_per_sample,
                pixels,
                length,
                &raw mut precision,
            )
        })
    };
    decode(ptr::null_mut(), 0, 1)?;
    let samples = if bits <= 8 {
        let mut samples = vec![0_u8; count];
        decode(samples.as_mut_ptr(), count, 1)?;
        Samples::Eight(samples)
    } else {
        let mut samples = vec![0_u16; count];
        decode(samples.as_mut_ptr().cast(), count * 2, 2)?;
        Samples::Sixteen(samples)
    };
    let precision = u8::try_from(precision).map_err(|_| CodecError::Damaged("JPEG XL precision"))?;
    Ok((samples, precision))
}

/// The JPEG that a JPEG XL image was recompressed from, at most `length_max` bytes; [`None`] when there is none inside.
pub(crate) fn to_jpeg(
    source: &[u8],
    shape: &Shape,
    length_max: usize,
) -> Result<Option<Vec<u8>>, CodecError> {
    const NONE_INSIDE: c_int = 3;
    let mut output = Output::new();
    // SAFETY: the source is valid for its length and only read; the buffer that comes back is freed by `Output`.
    let result = unsafe {
        farsight_jxl_to_jpeg(
            source.as_ptr(),
            source.len(),
            shape,
            length_max,
            &raw mut output.bytes,
            &raw mut output.length,
        )
    };
    if result == NONE_INSIDE {
        return Ok(None);
    }
    check(result)?;
    Ok(Some(output.to_vec()))
}

/// Recompresses a JPEG.
///
/// # Errors
/// [`CodecError::Unsupported`] for what libjxl cannot take: 12 bits, lossless, arithmetic or four components.
pub(crate) fn from_jpeg(jpeg: &[u8]) -> Result<Vec<u8>, CodecError> {
    let mut output = Output::new();
    // SAFETY: as in `to_jpeg`.
    check(unsafe {
        farsight_jxl_from_jpeg(jpeg.as_ptr(), jpeg.len(), &raw mut output.bytes, &raw mut output.length)
    })?;
    Ok(output.to_vec())
}

/// Encodes samples by pixel without loss: full-range samples of 8 or 16 bits.
///
/// # Errors
/// [`CodecError::Damaged`] when `samples` is not what `shape` says.
pub(crate) fn encode(samples: &Samples, shape: &Shape) -> Result<Vec<u8>, CodecError> {
    let count = u64::from(shape.columns) * u64::from(shape.rows) * u64::from(shape.samples);
    let (pixels, bytes_per_sample) = match samples {
        Samples::Eight(samples) if shape.precision <= 8 => (samples.as_ptr(), 1),
        Samples::Sixteen(samples) if shape.precision > 8 => (samples.as_ptr().cast(), 2),
        _ => return Err(CodecError::Damaged("the samples are not of the precision")),
    };
    if samples.len() as u64 != count {
        return Err(CodecError::Damaged("the pixels are not rows × columns"));
    }
    let mut output = Output::new();
    // SAFETY: `pixels` points to `count` samples of that many bytes, checked above, and is only read; the buffer that
    // comes back is freed by `Output`.
    check(unsafe {
        farsight_jxl_encode(
            pixels,
            samples.len() * bytes_per_sample,
            shape,
            &raw mut output.bytes,
            &raw mut output.length,
        )
    })?;
    Ok(output.to_vec())
}
