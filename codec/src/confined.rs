//! The public codec functions, and where each runs: native libraries in a worker when there are workers, what is
//! written in Rust in this process.

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
    let job =
        Job { kind: Kind::Decode, from: transfer_syntax, format, quality: 0, pixel_bytes_max, data: frame };
    let output = pool::run(&job, || here().map(|Pixels { bytes, format }| Output { bytes, format }))?;
    Ok(Pixels { bytes: output.bytes, format: output.format })
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
    let format = FrameFormat {
        rows: height,
        columns: width,
        samples_per_pixel,
        bits_allocated: 8,
        bits_stored: 8,
        is_signed: false,
        is_planar: false,
        photometric,
    };
    let pixel_bytes_max = pixels.len() as u64;
    let job = Job { kind: Kind::Jpeg, from: "", format: &format, quality, pixel_bytes_max, data: pixels };
    let output = pool::run(&job, || {
        let bytes = turbo::encode(pixels, width, height, layout, quality)?;
        Ok(Output { bytes, format: format.clone() })
    })?;
    Ok(output.bytes)
}
