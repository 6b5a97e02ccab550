//! The public codec functions, and where each runs: native libraries in a worker when there are workers, what is
//! written in Rust in this process.

use crate::encode::{Encoded, Shortcut, can_encode, can_transcode, shortcut};
use crate::pool::{self, Job, Kind, Output};
use crate::turbo::{self, Layout};
use crate::{CodecError, FrameFormat, Photometric, Pixels, can_decode};

/// Whether the codec of a transfer syntax is a native library: all but uncompressed, deflated and RLE.
fn is_native(transfer_syntax: &str) -> bool {
    !matches!(
        transfer_syntax.trim_end_matches(['\0', ' ']),
        "1.2.840.10008.1.2"
            | "1.2.840.10008.1.2.1"
            | "1.2.840.10008.1.2.1.98"
            | "1.2.840.10008.1.2.1.99"
            | "1.2.840.10008.1.2.2"
            | "1.2.840.10008.1.2.5"
            | "1.2.840.10008.1.2.8.1"
    )
}

/// Refuses a frame that no codec should see.
fn check(format: &FrameFormat, pixel_bytes_max: u64) -> Result<(), CodecError> {
    format.check()?;
    if format.pixel_bytes()? > pixel_bytes_max { Err(CodecError::OverLimit) } else { Ok(()) }
}

/// Decodes one whole frame (all its fragments joined) to native little-endian pixels, by pixel.
/// `pixel_bytes_max` bounds the output before anything is allocated.
///
/// - *Colour*: 8-bit YBR becomes RGB, and so does what JPEG 2000's own colour transform made; 16-bit YBR stays as it
///   is and says so in [`Pixels::format`].
/// - *Sign*: samples of the compressed syntaxes are sign-extended to Bits Allocated when Pixel Representation is
///   signed; native and RLE samples keep the bits they came with, overlay bits too.
/// - *One bit* stays packed, the first pixel in the least significant bit (PS3.5 §8.1.1), and the frame starts at a byte.
/// - *Big endian*: 8-bit samples are taken as OB, that is, as they are.
/// - *Time and memory* of a native codec are bounded when [`pool::start`] was called.
///
/// # Errors
/// [`CodecError::Unsupported`] for a transfer syntax or a shape of pixels without a decoder,
/// [`CodecError::OverLimit`] when the pixels would take more than `pixel_bytes_max`,
/// [`CodecError::Damaged`] when the frame is not what `format` says, is cut short or cannot be decoded, and
/// [`CodecError::TimedOut`] and [`CodecError::WorkerLost`] from the workers, which say nothing of the frame.
pub fn decode(
    transfer_syntax: &str,
    frame: &[u8],
    format: &FrameFormat,
    pixel_bytes_max: u64,
) -> Result<Pixels, CodecError> {
    let here = || crate::decode::decode(transfer_syntax, frame, format, pixel_bytes_max);
    if !is_native(transfer_syntax) || !can_decode(transfer_syntax) {
        return here();
    }
    check(format, pixel_bytes_max)?;
    let job = Job {
        kind: Kind::Decode,
        from: transfer_syntax,
        to: "",
        format,
        parameter: 0,
        pixel_bytes_max,
        data: frame,
    };
    let output = pool::run(&job, || here().map(|Pixels { bytes, format }| Output { bytes, format }))?;
    Ok(Pixels { bytes: output.bytes, format: output.format })
}

/// Decodes a smaller image from a JPEG 2000 or HTJ2K frame, or from the beginning of one: rows and columns halved
/// `levels_less` times, rounded up; 0 is the whole image. In the RPCL order (.202) the smaller images come first, so that
/// the first tenth of a frame is a preview. What a prefix lacks makes the result blurred, not an error.
///
/// # Errors
/// As [`decode`], and [`CodecError::Unsupported`] for other transfer syntaxes and for more levels than the frame has.
pub fn decode_reduced(
    transfer_syntax: &str,
    prefix: &[u8],
    format: &FrameFormat,
    levels_less: u32,
    pixel_bytes_max: u64,
) -> Result<Pixels, CodecError> {
    let here =
        || crate::decode::decode_reduced(transfer_syntax, prefix, format, levels_less, pixel_bytes_max);
    if !is_native(transfer_syntax) || !can_decode(transfer_syntax) {
        return here();
    }
    check(format, pixel_bytes_max)?;
    // More than 32 halvings (T.800 Table A.15) are refused by whoever reads the codestream.
    let parameter = u8::try_from(levels_less).unwrap_or(u8::MAX);
    let job = Job {
        kind: Kind::Reduce,
        from: transfer_syntax,
        to: "",
        format,
        parameter,
        pixel_bytes_max,
        data: prefix,
    };
    let output = pool::run(&job, || here().map(|Pixels { bytes, format }| Output { bytes, format }))?;
    Ok(Pixels { bytes: output.bytes, format: output.format })
}

/// Encodes one frame without loss: decoding gives the same cells again, bit by bit, those above Bits Stored too.
///
/// The precision of the codestream is Bits Stored, unless there is something in the bits above it (an overlay plane,
/// or a sign that was not extended): then it is Bits Allocated, so that nothing is lost.
///
/// # Errors
/// [`CodecError::Unsupported`] where [`can_encode`] says no, and for pixels in a colour space that only exists inside
/// a codestream (YBR_ICT, YBR_RCT, YBR_FULL_422); [`CodecError::Damaged`] when `pixels.bytes` is not what the format
/// says, or an encoder fails; and the workers' errors, as for [`decode`].
pub fn encode(transfer_syntax: &str, pixels: &Pixels) -> Result<Encoded, CodecError> {
    let Pixels { bytes, format } = pixels;
    let here = || crate::encode::encode(transfer_syntax, bytes, format);
    if !is_native(transfer_syntax) || !can_encode(transfer_syntax, format) {
        return here();
    }
    let pixel_bytes_max = bytes.len() as u64;
    if format.pixel_bytes()? != pixel_bytes_max {
        return here();
    }
    let job = Job {
        kind: Kind::Encode,
        from: "",
        to: transfer_syntax,
        format,
        parameter: 0,
        pixel_bytes_max,
        data: bytes,
    };
    pool::run(&job, || here().map(output)).map(encoded)
}

/// Turns a stored frame into a frame of another transfer syntax, without loss: what `to` decodes to is what `from`
/// decodes to, sample by sample. No colours are converted: YBR_FULL stays YBR_FULL, and subsampled YBR becomes YBR_FULL
/// (uncompressed) or RGB (JPEG, whose decoder it takes to interpolate the chroma).
///
/// A frame that is one of `to` as it stands is handed through. A lossy frame stays what it lost: the caller's label
/// (Lossy Image Compression) stays as it was.
///
/// # Errors
/// Those of [`decode`] for the frame and of [`encode`] for the target.
pub fn transcode(
    from: &str,
    frame: &[u8],
    format: &FrameFormat,
    to: &str,
    pixel_bytes_max: u64,
) -> Result<Encoded, CodecError> {
    let here = || crate::encode::transcode(from, frame, format, to, pixel_bytes_max);
    let is_as_it_stands = shortcut(from, to) == Some(Shortcut::Same);
    let stays_here = is_as_it_stands || (!is_native(from) && !is_native(to));
    if stays_here || !can_transcode(from, format, to) {
        return here();
    }
    check(format, pixel_bytes_max)?;
    let job = Job { kind: Kind::Transcode, from, to, format, parameter: 0, pixel_bytes_max, data: frame };
    pool::run(&job, || here().map(output)).map(encoded)
}

fn output(Encoded { bytes, format }: Encoded) -> Output {
    Output { bytes, format }
}

fn encoded(Output { bytes, format }: Output) -> Encoded {
    Encoded { bytes, format }
}

/// Encodes 8-bit pixels as baseline JPEG.
pub(crate) fn jpeg(
    pixels: &[u8],
    width: u32,
    height: u32,
    layout: Layout,
    quality: u8,
) -> Result<Vec<u8>, CodecError> {
    let (samples_per_pixel, photometric) = match layout {
        Layout::Grey => (1, Photometric::Monochrome2),
        Layout::Rgb => (3, Photometric::Rgb),
    };
    let format = FrameFormat::eight_bit(height, width, samples_per_pixel, photometric);
    let pixel_bytes_max = pixels.len() as u64;
    let job = Job {
        kind: Kind::Jpeg,
        from: "",
        to: "",
        format: &format,
        parameter: quality,
        pixel_bytes_max,
        data: pixels,
    };
    let output = pool::run(&job, || {
        let bytes = turbo::encode(pixels, width, height, layout, quality)?;
        Ok(Output { bytes, format: format.clone() })
    })?;
    Ok(output.bytes)
}
