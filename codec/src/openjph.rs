//! OpenJPH as an encoder: samples in memory to a reversible HTJ2K codestream (`native/openjph.cpp`).

use std::ffi::c_int;
use std::slice;

use crate::CodecError;
use crate::header::Size;
use crate::jpeg2000::ColourTransform;
use crate::openjpeg_encode::levels;

unsafe extern "C" {
    #[allow(clippy::too_many_arguments)]
    fn farsight_openjph_encode(
        samples: *const i32,
        columns: u32,
        rows: u32,
        components: u32,
        precision: u32,
        is_signed: c_int,
        has_colour_transform: c_int,
        levels: u32,
        bytes: *mut *mut u8,
        length: *mut usize,
    ) -> c_int;
    fn farsight_openjph_free(bytes: *mut u8);
}

/// A buffer of the C interface's.
struct Output {
    bytes: *mut u8,
    length: usize,
}

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: null, or allocated by `farsight_openjph_encode` and not freed before.
        unsafe { farsight_openjph_free(self.bytes) }
    }
}

/// Encodes samples by pixel, reversible, one tile, RPCL: the resolutions follow each other from the smallest on.
///
/// # Errors
/// [`CodecError::Damaged`] when `samples` is not what `size` says, [`CodecError::Unsupported`] when OpenJPH fails.
pub(crate) fn encode(
    samples: &[i32],
    size: &Size,
    transform: ColourTransform,
) -> Result<Vec<u8>, CodecError> {
    let count = u64::from(size.rows) * u64::from(size.columns) * u64::from(size.samples);
    if count == 0 || samples.len() as u64 != count {
        return Err(CodecError::Damaged("the pixels are not rows × columns"));
    }
    let mut output = Output { bytes: std::ptr::null_mut(), length: 0 };
    // SAFETY: `samples` holds rows × columns × components numbers, checked above, and is only read; the buffer that
    // comes back is freed by `Output`; no exception leaves the C interface.
    let result = unsafe {
        farsight_openjph_encode(
            samples.as_ptr(),
            size.columns,
            size.rows,
            size.samples.into(),
            size.precision.into(),
            size.is_signed.into(),
            (transform == ColourTransform::Reversible).into(),
            levels(size),
            &raw mut output.bytes,
            &raw mut output.length,
        )
    };
    match result {
        0 if !output.bytes.is_null() => {}
        1 => return Err(CodecError::OverLimit),
        _ => return Err(CodecError::Unsupported("OpenJPH cannot encode the pixels")),
    }
    // SAFETY: not null, and `length` bytes were written there.
    Ok(unsafe { slice::from_raw_parts(output.bytes, output.length) }.to_vec())
}
