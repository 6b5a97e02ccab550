//! OpenJPEG: a codestream in memory to planes of 32-bit samples, and the guards of its objects.

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::slice;

use openjpeg_sys as opj;

use crate::CodecError;
use crate::header::Size;

const NO_MEMORY: CodecError = CodecError::OverLimit;
const REFUSED: CodecError = CodecError::Damaged("OpenJPEG refuses the codestream");

/// What OpenJPEG does with a codestream that is cut short or miscounts its tile-parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    Strict,
    Lenient,
}

/// A position in a codestream, for the stream callbacks.
struct Source<'a> {
    bytes: &'a [u8],
    position: usize,
}

/// What OpenJPEG's callbacks take as "no more".
const END: usize = usize::MAX;

unsafe extern "C" fn read(buffer: *mut c_void, wanted: usize, user: *mut c_void) -> usize {
    // SAFETY: `user` is the `Source` that `decode` registered, alive and used by this one stream until that is
    // destroyed; `buffer` has room for `wanted` bytes by OpenJPEG's contract.
    unsafe {
        let source = &mut *user.cast::<Source>();
        let rest = source.bytes.get(source.position..).unwrap_or(&[]);
        let count = wanted.min(rest.len());
        if count == 0 {
            return END;
        }
        ptr::copy_nonoverlapping(rest.as_ptr(), buffer.cast(), count);
        source.position += count;
        count
    }
}

unsafe extern "C" fn skip(wanted: i64, user: *mut c_void) -> i64 {
    // SAFETY: as in `read`.
    let source = unsafe { &mut *user.cast::<Source>() };
    let Ok(wanted) = usize::try_from(wanted) else { return -1 };
    let rest = source.bytes.len().saturating_sub(source.position);
    let count = wanted.min(rest);
    if count == 0 && wanted > 0 {
        return -1;
    }
    source.position += count;
    i64::try_from(count).unwrap_or(-1)
}

unsafe extern "C" fn seek(target: i64, user: *mut c_void) -> opj::OPJ_BOOL {
    // SAFETY: as in `read`.
    let source = unsafe { &mut *user.cast::<Source>() };
    match usize::try_from(target) {
        Ok(target) if target <= source.bytes.len() => {
            source.position = target;
            1
        }
        _ => 0,
    }
}

pub(crate) struct Stream(pub NonNull<opj::opj_stream_t>);

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: made by `opj_stream_create`, destroyed once.
        unsafe { opj::opj_stream_destroy(self.0.as_ptr()) }
    }
}

pub(crate) struct Codec(pub NonNull<opj::opj_codec_t>);

impl Drop for Codec {
    fn drop(&mut self) {
        // SAFETY: made by `opj_create_decompress` or `opj_create_compress`, destroyed once.
        unsafe { opj::opj_destroy_codec(self.0.as_ptr()) }
    }
}

/// An image: every plane has rows × columns samples.
pub(crate) struct Image {
    image: NonNull<opj::opj_image_t>,
    samples_per_plane: usize,
}

impl Drop for Image {
    fn drop(&mut self) {
        // SAFETY: made by `opj_read_header` or `opj_image_create`, destroyed once.
        unsafe { opj::opj_image_destroy(self.image.as_ptr()) }
    }
}

impl Image {
    /// Takes over an image of OpenJPEG's, which must not be destroyed elsewhere.
    pub fn new(image: NonNull<opj::opj_image_t>, samples_per_plane: usize) -> Self {
        Self { image, samples_per_plane }
    }

    pub fn as_ptr(&self) -> *mut opj::opj_image_t {
        self.image.as_ptr()
    }

    fn components(&self) -> &[opj::opj_image_comp_t] {
        // SAFETY: the image is alive as long as `self`, and `comps` points to `numcomps` components.
        unsafe {
            let image = self.image.as_ref();
            if image.comps.is_null() {
                return &[];
            }
            slice::from_raw_parts(image.comps, image.numcomps as usize)
        }
    }

    /// Whether the image is what the header said, with every plane there.
    fn is_whole(&self, size: &Size, sides: (u32, u32)) -> bool {
        self.components().len() == usize::from(size.samples)
            && self.components().iter().all(|component| {
                (component.w, component.h) == sides
                    && component.prec == u32::from(size.precision)
                    && (component.sgnd != 0) == size.is_signed
                    && !component.data.is_null()
            })
    }

    /// Brings every sample into a range.
    pub fn clamp(&mut self, low: i32, high: i32) {
        let samples = self.samples_per_plane;
        for component in self.components() {
            // SAFETY: as in `planes`, and nothing else refers to the image, which is borrowed alone.
            let plane = unsafe { slice::from_raw_parts_mut(component.data, samples) };
            plane.iter_mut().for_each(|sample| *sample = (*sample).clamp(low, high));
        }
    }

    /// The planes, in the order of the components.
    pub fn planes(&self) -> Vec<&[i32]> {
        self.components()
            .iter()
            // SAFETY: `decode` gives out only images for which `is_whole` held: `data` is not null and has
            // `w * h` = rows × columns samples, and lives as long as `self`.
            .map(|component| unsafe { slice::from_raw_parts(component.data, self.samples_per_plane) })
            .collect()
    }
}

/// What to decode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    /// The header as we read it.
    pub size: Size,
    pub strictness: Strictness,
    /// How often rows and columns are halved, rounded up; not more than the codestream's levels.
    pub levels_less: u32,
}

/// Decodes a raw codestream (no JP2 boxes) whose header was read as `request.size` and found to be acceptable.
///
/// # Errors
/// [`CodecError::Damaged`] when OpenJPEG refuses it or the codestream is cut short.
pub(crate) fn decode(codestream: &[u8], request: &Request) -> Result<Image, CodecError> {
    let strict = match request.strictness {
        Strictness::Strict => 1,
        Strictness::Lenient => 0,
    };
    let Request { size, levels_less, .. } = request;
    let reduced = |side: u32| side.div_ceil(1 << (*levels_less).min(31));
    let sides = (reduced(size.columns), reduced(size.rows));
    let samples_per_plane = (sides.0 as usize).checked_mul(sides.1 as usize).ok_or(NO_MEMORY)?;
    let mut source = Source { bytes: codestream, position: 0 };

    // SAFETY: the objects are made here, checked for null, used on this thread only and destroyed by their guards, the
    // stream before `source`, which it points to (locals are dropped in the reverse order of their declaration). The
    // parameters are a plain C structure for which all zeros is valid and which OpenJPEG fills in.
    unsafe {
        let stream = opj::opj_stream_create(codestream.len().clamp(64, 1 << 16), 1);
        let stream = Stream(NonNull::new(stream).ok_or(NO_MEMORY)?);
        let raw = stream.0.as_ptr();
        opj::opj_stream_set_user_data(raw, (&raw mut source).cast(), None);
        opj::opj_stream_set_user_data_length(raw, codestream.len() as u64);
        opj::opj_stream_set_read_function(raw, Some(read));
        opj::opj_stream_set_skip_function(raw, Some(skip));
        opj::opj_stream_set_seek_function(raw, Some(seek));

        let codec = opj::opj_create_decompress(opj::CODEC_FORMAT::OPJ_CODEC_J2K);
        let codec = Codec(NonNull::new(codec).ok_or(NO_MEMORY)?);
        let mut parameters: opj::opj_dparameters_t = std::mem::zeroed();
        opj::opj_set_default_decoder_parameters(&raw mut parameters);
        parameters.cp_reduce = *levels_less;
        if opj::opj_setup_decoder(codec.0.as_ptr(), &raw mut parameters) == 0
            || opj::opj_decoder_set_strict_mode(codec.0.as_ptr(), strict) == 0
        {
            return Err(REFUSED);
        }

        let mut image = ptr::null_mut();
        let is_read = opj::opj_read_header(raw, codec.0.as_ptr(), &raw mut image) != 0;
        let image = Image { image: NonNull::new(image).ok_or(REFUSED)?, samples_per_plane };
        if !is_read || opj::opj_decode(codec.0.as_ptr(), raw, image.image.as_ptr()) == 0 {
            return Err(REFUSED);
        }
        if !image.is_whole(size, sides) {
            return Err(CodecError::Damaged("the codestream does not hold every component whole"));
        }
        Ok(image)
    }
}
