//! libjpeg-turbo: JPEG of 8, 12 and 16 bits to samples, and 8-bit pixels to JPEG. All `unsafe` of JPEG is here.

use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};
use std::slice;

use turbojpeg_sys as tj;

use crate::header::Size;
use crate::samples::Samples;
use crate::{CodecError, FrameFormat};

/// Progressive codestreams may hold any number of scans, each of which costs a pass over the image.
const SCANS_MAX: c_int = 64;
/// For the library's own buffers, beside the output.
const MEMORY_MB_MAX: c_int = 1024;

const NO_MEMORY: CodecError = CodecError::OverLimit;
const REFUSED: CodecError = CodecError::Damaged("libjpeg-turbo refuses the codestream");

/// How pixels lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Grey,
    Rgb,
}

impl Layout {
    pub fn samples(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
        }
    }

    /// The layout of 8-bit pixels.
    pub fn of(format: &FrameFormat) -> Result<Self, CodecError> {
        match (format.samples_per_pixel, format.bits_allocated) {
            (1, 8) => Ok(Self::Grey),
            (3, 8) => Ok(Self::Rgb),
            _ => Err(CodecError::Unsupported("JPEG of such pixels")),
        }
    }

    fn pixel_format(self) -> c_int {
        match self {
            Self::Grey => tj::TJPF_TJPF_GRAY,
            Self::Rgb => tj::TJPF_TJPF_RGB,
        }
    }
}

struct Handle(NonNull<std::ffi::c_void>);

impl Handle {
    fn new(kind: tj::TJINIT) -> Result<Self, CodecError> {
        // SAFETY: takes a number, gives a new handle or null.
        let handle = unsafe { tj::tj3Init(kind as c_int) };
        NonNull::new(handle.cast()).map(Self).ok_or(NO_MEMORY)
    }

    fn raw(&self) -> tj::tjhandle {
        self.0.as_ptr().cast()
    }

    fn set(&self, parameter: tj::TJPARAM, value: c_int) -> Result<(), CodecError> {
        // SAFETY: the handle is alive; a bad parameter or value is an error code.
        let result = unsafe { tj::tj3Set(self.raw(), parameter as c_int, value) };
        if result == 0 { Ok(()) } else { Err(CodecError::Unsupported("a parameter of libjpeg-turbo")) }
    }

    fn get(&self, parameter: tj::TJPARAM) -> c_int {
        // SAFETY: the handle is alive.
        unsafe { tj::tj3Get(self.raw(), parameter as c_int) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: made by `tj3Init`, destroyed once.
        unsafe { tj::tj3Destroy(self.raw()) }
    }
}

/// A buffer of libjpeg-turbo's.
struct Output {
    bytes: *mut u8,
    length: tj::size_t,
}

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: null, or allocated by the library and not freed before.
        unsafe { tj::tj3Free(self.bytes.cast()) }
    }
}

/// Decodes a codestream whose header was read as `size` and found to be acceptable.
///
/// # Errors
/// [`CodecError::Damaged`] when libjpeg-turbo refuses it, warns of damage in it, or reads another size than we did.
pub(crate) fn decode(codestream: &[u8], size: &Size, layout: Layout) -> Result<Samples, CodecError> {
    let int = |value: u32| c_int::try_from(value).map_err(|_| CodecError::OverLimit);
    let (width, height) = (int(size.columns)?, int(size.rows)?);
    let count = (size.columns as usize)
        .checked_mul(size.rows as usize)
        .and_then(|pixels| pixels.checked_mul(layout.samples()))
        .ok_or(CodecError::OverLimit)?;

    let handle = Handle::new(tj::TJINIT_TJINIT_DECOMPRESS)?;
    handle.set(tj::TJPARAM_TJPARAM_SCANLIMIT, SCANS_MAX)?;
    handle.set(tj::TJPARAM_TJPARAM_MAXMEMORY, MEMORY_MB_MAX)?;
    // SAFETY: the slice is valid for its length and only read.
    let result =
        unsafe { tj::tj3DecompressHeader(handle.raw(), codestream.as_ptr(), codestream.len() as tj::size_t) };
    check(&handle, result)?;
    let is_same = handle.get(tj::TJPARAM_TJPARAM_JPEGWIDTH) == width
        && handle.get(tj::TJPARAM_TJPARAM_JPEGHEIGHT) == height
        && handle.get(tj::TJPARAM_TJPARAM_PRECISION) == c_int::from(size.precision);
    if !is_same {
        return Err(CodecError::Damaged("the JPEG header can be read in two ways"));
    }

    let format = layout.pixel_format();
    let (source, length) = (codestream.as_ptr(), codestream.len() as tj::size_t);
    // SAFETY: each call writes `height` rows of `width` pixels of `layout`, one after the other (a pitch of 0), which
    // is `count` samples, the length of the vector; the library has just read the same width and height.
    match size.precision {
        ..=8 => {
            let mut samples = vec![0_u8; count];
            let result =
                unsafe { tj::tj3Decompress8(handle.raw(), source, length, samples.as_mut_ptr(), 0, format) };
            check(&handle, result)?;
            Ok(Samples::Eight(samples))
        }
        9..=12 => {
            let mut samples = vec![0_u16; count];
            let target = samples.as_mut_ptr().cast::<i16>();
            let result = unsafe { tj::tj3Decompress12(handle.raw(), source, length, target, 0, format) };
            check(&handle, result)?;
            Ok(Samples::Sixteen(samples))
        }
        13..=16 => {
            let mut samples = vec![0_u16; count];
            let result =
                unsafe { tj::tj3Decompress16(handle.raw(), source, length, samples.as_mut_ptr(), 0, format) };
            check(&handle, result)?;
            Ok(Samples::Sixteen(samples))
        }
        _ => Err(CodecError::Unsupported("JPEG of more than 16 bits")),
    }
}

/// An error, or a warning, which means that the data were corrupt or ended early and that the rest was made up.
fn check(handle: &Handle, result: c_int) -> Result<(), CodecError> {
    // Warnings about a header that change no pixel: seen in files that modalities have made.
    const HARMLESS: [&[u8]; 3] =
        [b"Invalid SOS parameters", b"Unknown Adobe color", b"Warning: unknown JFIF"];
    if result == 0 {
        return Ok(());
    }
    // SAFETY: the handle is alive; the message is a C string that lives until the next call on the handle.
    let (code, message) = unsafe {
        (tj::tj3GetErrorCode(handle.raw()), CStr::from_ptr(tj::tj3GetErrorStr(handle.raw())).to_bytes())
    };
    if code != tj::TJERR_TJERR_WARNING as c_int {
        return Err(REFUSED);
    }
    if HARMLESS.iter().any(|start| message.starts_with(start)) {
        return Ok(());
    }
    Err(CodecError::Damaged("libjpeg-turbo finds corrupt data"))
}

/// Encodes 8-bit pixels as baseline JPEG: colour at 4:4:4 from quality 90 on, and at 4:2:0 below.
///
/// # Errors
/// [`CodecError::Damaged`] when `pixels` is not `width * height` pixels of `layout`, [`CodecError::Unsupported`] when
/// a side is 0 or longer than 65,500.
pub(crate) fn encode(
    pixels: &[u8],
    width: u32,
    height: u32,
    layout: Layout,
    quality: u8,
) -> Result<Vec<u8>, CodecError> {
    const SIDE_MAX: u32 = 65_500;
    if width == 0 || height == 0 || width > SIDE_MAX || height > SIDE_MAX {
        return Err(CodecError::Unsupported("a JPEG of that size"));
    }
    if u64::from(width) * u64::from(height) * layout.samples() as u64 != pixels.len() as u64 {
        return Err(CodecError::Damaged("the pixels are not width × height"));
    }
    let (Ok(columns), Ok(rows)) = (c_int::try_from(width), c_int::try_from(height)) else {
        return Err(CodecError::Unsupported("a JPEG of that size"));
    };
    let quality = quality.clamp(1, 100);
    let subsampling = match layout {
        Layout::Grey => tj::TJSAMP_TJSAMP_GRAY,
        Layout::Rgb if quality >= 90 => tj::TJSAMP_TJSAMP_444,
        Layout::Rgb => tj::TJSAMP_TJSAMP_420,
    };
    let handle = Handle::new(tj::TJINIT_TJINIT_COMPRESS)?;
    handle.set(tj::TJPARAM_TJPARAM_QUALITY, c_int::from(quality))?;
    handle.set(tj::TJPARAM_TJPARAM_SUBSAMP, subsampling)?;
    let mut output = Output { bytes: ptr::null_mut(), length: 0 };
    // SAFETY: `pixels` is rows × columns pixels of the layout, checked above, and only read; the library allocates the
    // output, which `Output` frees.
    let result = unsafe {
        tj::tj3Compress8(
            handle.raw(),
            pixels.as_ptr(),
            columns,
            0,
            rows,
            layout.pixel_format(),
            &raw mut output.bytes,
            &raw mut output.length,
        )
    };
    if result != 0 || output.bytes.is_null() {
        return Err(CodecError::Damaged("libjpeg-turbo cannot encode the pixels"));
    }
    // SAFETY: not null, and the library has written `length` bytes there.
    Ok(unsafe { slice::from_raw_parts(output.bytes, output.length as usize) }.to_vec())
}

/// Encodes samples of `precision` bits by the lossless process 14, selection value 1 (T.81 §H); colours stay as they are.
///
/// # Errors
/// [`CodecError::Damaged`] when `samples` is not `width * height` pixels of `layout` or the library fails.
pub(crate) fn encode_lossless(
    samples: &Samples,
    width: u32,
    height: u32,
    layout: Layout,
    precision: u8,
) -> Result<Vec<u8>, CodecError> {
    const FAILED: CodecError = CodecError::Damaged("libjpeg-turbo cannot encode the pixels");
    let count = u64::from(width) * u64::from(height) * layout.samples() as u64;
    if samples.len() as u64 != count || !(2..=16).contains(&precision) {
        return Err(CodecError::Damaged("the pixels are not width × height"));
    }
    let (Ok(columns), Ok(rows)) = (c_int::try_from(width), c_int::try_from(height)) else {
        return Err(CodecError::Unsupported("a JPEG of that size"));
    };
    let handle = Handle::new(tj::TJINIT_TJINIT_COMPRESS)?;
    handle.set(tj::TJPARAM_TJPARAM_LOSSLESS, 1)?;
    handle.set(tj::TJPARAM_TJPARAM_LOSSLESSPSV, 1)?;
    handle.set(tj::TJPARAM_TJPARAM_PRECISION, c_int::from(precision))?;
    let mut output = Output { bytes: ptr::null_mut(), length: 0 };
    let (raw, format) = (handle.raw(), layout.pixel_format());
    let (bytes, length) = (&raw mut output.bytes, &raw mut output.length);
    // SAFETY: `samples` holds rows × columns pixels of the layout, checked above, and is only read; each call takes
    // samples of the width that it is given; the library allocates the output, which `Output` frees.
    let result = match (samples, precision) {
        (Samples::Eight(samples), ..=8) => unsafe {
            tj::tj3Compress8(raw, samples.as_ptr(), columns, 0, rows, format, bytes, length)
        },
        (Samples::Sixteen(samples), 9..=12) => unsafe {
            tj::tj3Compress12(raw, samples.as_ptr().cast(), columns, 0, rows, format, bytes, length)
        },
        (Samples::Sixteen(samples), 13..) => unsafe {
            tj::tj3Compress16(raw, samples.as_ptr(), columns, 0, rows, format, bytes, length)
        },
        _ => return Err(FAILED),
    };
    if result != 0 || output.bytes.is_null() {
        return Err(FAILED);
    }
    // SAFETY: not null, and the library has written `length` bytes there.
    Ok(unsafe { slice::from_raw_parts(output.bytes, output.length as usize) }.to_vec())
}
