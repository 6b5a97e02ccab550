//! OpenJPEG as an encoder: samples in memory to a reversible codestream.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::slice;

use openjpeg_sys as opj;

use crate::CodecError;
use crate::header::Size;
use crate::jpeg2000::ColourTransform;
use crate::openjpeg::{Codec, Image, Stream};

const NO_MEMORY: CodecError = CodecError::OverLimit;
const FAILED: CodecError = CodecError::Damaged("OpenJPEG cannot encode the pixels");

/// Where the codestream goes.
struct Sink {
    bytes: Vec<u8>,
    position: usize,
    /// Beyond it, something is wrong.
    bytes_max: usize,
}

impl Sink {
    /// Moves to `target`, filling up with zeros.
    fn go_to(&mut self, target: usize) -> bool {
        if target > self.bytes_max {
            return false;
        }
        if target > self.bytes.len() {
            self.bytes.resize(target, 0);
        }
        self.position = target;
        true
    }
}

unsafe extern "C" fn write(buffer: *mut c_void, count: usize, user: *mut c_void) -> usize {
    // SAFETY: `user` is the `Sink` that `encode` registered, alive and used by this one stream until that is
    // destroyed; `buffer` holds `count` bytes by OpenJPEG's contract.
    let (sink, source) =
        unsafe { (&mut *user.cast::<Sink>(), slice::from_raw_parts(buffer.cast::<u8>(), count)) };
    let start = sink.position;
    if !sink.go_to(start.saturating_add(count)) {
        return usize::MAX;
    }
    sink.bytes[start..start + count].copy_from_slice(source);
    count
}

unsafe extern "C" fn skip(count: i64, user: *mut c_void) -> i64 {
    // SAFETY: as in `write`.
    let sink = unsafe { &mut *user.cast::<Sink>() };
    match usize::try_from(count) {
        Ok(forward) if sink.go_to(sink.position.saturating_add(forward)) => count,
        _ => -1,
    }
}

unsafe extern "C" fn seek(target: i64, user: *mut c_void) -> opj::OPJ_BOOL {
    // SAFETY: as in `write`.
    let sink = unsafe { &mut *user.cast::<Sink>() };
    usize::try_from(target).is_ok_and(|target| sink.go_to(target)).into()
}

/// Wavelet levels: as many as make sense for the shorter side, at most 5.
pub(crate) fn levels(size: &Size) -> u32 {
    size.rows.min(size.columns).max(1).ilog2().min(5)
}

/// Encodes samples by pixel, reversible, one tile, one layer.
///
/// # Errors
/// [`CodecError::Damaged`] when `samples` is not what `size` says or OpenJPEG fails.
pub(crate) fn encode(
    samples: &[i32],
    size: &Size,
    transform: ColourTransform,
) -> Result<Vec<u8>, CodecError> {
    let count = usize::from(size.samples);
    let pixels = size.rows as usize * size.columns as usize;
    if count == 0 || samples.len() != pixels * count {
        return Err(CodecError::Damaged("the pixels are not rows × columns"));
    }
    let bytes_max = samples.len().saturating_mul(8).saturating_add(1 << 16);
    let mut sink = Sink { bytes: Vec::with_capacity(samples.len()), position: 0, bytes_max };
    let image = image(samples, size, transform, pixels)?;

    // SAFETY: the objects are made here, checked for null, used on this thread only and destroyed by their guards, the
    // stream before `sink`, which it points to. The parameters are a plain C structure for which all zeros is valid and
    // which OpenJPEG fills in.
    unsafe {
        let stream = Stream(NonNull::new(opj::opj_stream_create(1 << 16, 0)).ok_or(NO_MEMORY)?);
        let raw = stream.0.as_ptr();
        opj::opj_stream_set_user_data(raw, (&raw mut sink).cast(), None);
        opj::opj_stream_set_write_function(raw, Some(write));
        opj::opj_stream_set_skip_function(raw, Some(skip));
        opj::opj_stream_set_seek_function(raw, Some(seek));

        let codec = opj::opj_create_compress(opj::CODEC_FORMAT::OPJ_CODEC_J2K);
        let codec = Codec(NonNull::new(codec).ok_or(NO_MEMORY)?);
        let mut parameters: opj::opj_cparameters_t = std::mem::zeroed();
        opj::opj_set_default_encoder_parameters(&raw mut parameters);
        parameters.tcp_numlayers = 1;
        parameters.cp_disto_alloc = 1;
        parameters.tcp_mct = (transform == ColourTransform::Reversible).into();
        parameters.numresolution = levels(size) as c_int + 1;
        let is_done = opj::opj_setup_encoder(codec.0.as_ptr(), &raw mut parameters, image.as_ptr()) != 0
            && opj::opj_start_compress(codec.0.as_ptr(), image.as_ptr(), raw) != 0
            && opj::opj_encode(codec.0.as_ptr(), raw) != 0
            && opj::opj_end_compress(codec.0.as_ptr(), raw) != 0;
        if !is_done {
            return Err(FAILED);
        }
    }
    Ok(sink.bytes)
}

/// OpenJPEG's image, one plane a component.
fn image(
    samples: &[i32],
    size: &Size,
    transform: ColourTransform,
    pixels: usize,
) -> Result<Image, CodecError> {
    let count = usize::from(size.samples);
    let space = match transform {
        ColourTransform::Reversible => opj::COLOR_SPACE::OPJ_CLRSPC_SRGB,
        ColourTransform::None if count == 1 => opj::COLOR_SPACE::OPJ_CLRSPC_GRAY,
        ColourTransform::None => opj::COLOR_SPACE::OPJ_CLRSPC_UNSPECIFIED,
    };
    // SAFETY: a plain C structure for which all zeros is valid.
    let mut component: opj::opj_image_cmptparm_t = unsafe { std::mem::zeroed() };
    (component.dx, component.dy) = (1, 1);
    (component.w, component.h) = (size.columns, size.rows);
    component.prec = size.precision.into();
    component.sgnd = size.is_signed.into();
    let mut components = vec![component; count];
    // SAFETY: `components` has as many entries as the first argument says.
    let made = unsafe { opj::opj_image_create(size.samples.into(), components.as_mut_ptr(), space) };
    let image = Image::new(NonNull::new(made).ok_or(NO_MEMORY)?, pixels);
    // SAFETY: the image is alive and used nowhere else; OpenJPEG has allocated `comps` with `count` entries and `w * h`
    // = `pixels` samples in each `data`, unless that is null.
    unsafe {
        (*made).x1 = size.columns;
        (*made).y1 = size.rows;
        for index in 0..count {
            let data = (*(*made).comps.add(index)).data;
            if data.is_null() {
                return Err(NO_MEMORY);
            }
            let plane = slice::from_raw_parts_mut(data, pixels);
            for (target, sample) in plane.iter_mut().zip(samples.iter().skip(index).step_by(count)) {
                *target = *sample;
            }
        }
    }
    Ok(image)
}
