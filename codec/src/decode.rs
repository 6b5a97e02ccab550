//! Decoding a stored frame by its transfer syntax.

use crate::syntax::{self, Family, family};
use crate::{
    CodecError, FrameFormat, Photometric, Pixels, colour, jpeg, jpeg2000, jpegls, jpegxl, native, rle,
};

/// Whether [`decode`] knows this transfer syntax UID.
#[must_use]
pub fn can_decode(transfer_syntax: &str) -> bool {
    family(transfer_syntax).is_some()
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
/// - There is no limit on time here: see the crate's page.
///
/// # Errors
/// [`CodecError::Unsupported`] for a transfer syntax or a shape of pixels without a decoder,
/// [`CodecError::OverLimit`] when the pixels would take more than `pixel_bytes_max`, and
/// [`CodecError::Damaged`] when the frame is not what `format` says, is cut short or cannot be decoded.
pub fn decode(
    transfer_syntax: &str,
    frame: &[u8],
    format: &FrameFormat,
    pixel_bytes_max: u64,
) -> Result<Pixels, CodecError> {
    decode_with(transfer_syntax, frame, format, pixel_bytes_max).map(displayable)
}

/// As [`decode`], but the colours stay what the samples stand for: nothing is rounded on the way to another syntax.
pub(crate) fn decode_as_coded(
    transfer_syntax: &str,
    frame: &[u8],
    format: &FrameFormat,
    pixel_bytes_max: u64,
) -> Result<Pixels, CodecError> {
    decode_with(transfer_syntax, frame, format, pixel_bytes_max).map(as_coded)
}

/// The pixels' bytes, of a shape that makes sense and within the limit.
pub(crate) fn checked_size(format: &FrameFormat, pixel_bytes_max: u64) -> Result<usize, CodecError> {
    format.check()?;
    let size = usize::try_from(format.pixel_bytes()?).map_err(|_| CodecError::OverLimit)?;
    if size as u64 > pixel_bytes_max { Err(CodecError::OverLimit) } else { Ok(size) }
}

fn decode_with(
    transfer_syntax: &str,
    frame: &[u8],
    format: &FrameFormat,
    pixel_bytes_max: u64,
) -> Result<Decoded, CodecError> {
    let family = family(transfer_syntax)
        .ok_or_else(|| CodecError::Unsupported(syntax::undecodable(transfer_syntax)))?;
    let size = checked_size(format, pixel_bytes_max)?;
    if format.is_float && !matches!(family, Family::LittleEndian | Family::BigEndian) {
        return Err(CodecError::Damaged("floating point pixels are only stored uncompressed"));
    }
    match family {
        Family::LittleEndian => native::decode(frame, format, size, native::ByteOrder::Little),
        Family::BigEndian => native::decode(frame, format, size, native::ByteOrder::Big),
        Family::Deflated => {
            native::decode(&native::inflate(frame, size)?, format, size, native::ByteOrder::Little)
        }
        Family::Rle => rle::decode(frame, format, size),
        Family::Jpeg => jpeg::decode(frame, format, size),
        Family::JpegLs => jpegls::decode(frame, format, size),
        Family::Jpeg2000 => jpeg2000::decode(frame, format, size),
        Family::JpegXl => jpegxl::decode(frame, format, size),
    }
}

/// See [`crate::decode_reduced`].
pub(crate) fn decode_reduced(
    transfer_syntax: &str,
    prefix: &[u8],
    format: &FrameFormat,
    levels_less: u32,
    pixel_bytes_max: u64,
) -> Result<Pixels, CodecError> {
    if family(transfer_syntax) != Some(Family::Jpeg2000) {
        return Err(CodecError::Unsupported("a smaller image of this transfer syntax"));
    }
    checked_size(format, pixel_bytes_max)?;
    jpeg2000::decode_reduced(prefix, format, levels_less).map(displayable)
}

/// What a decoder hands back: by pixel, little endian, in the colours that `photometric` names.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub bytes: Vec<u8>,
    pub format: FrameFormat,
}

impl Decoded {
    /// As `format` says, but by pixel.
    pub fn by_pixel(bytes: Vec<u8>, format: &FrameFormat) -> Self {
        Self { bytes, format: FrameFormat { is_planar: false, ..format.clone() } }
    }

    /// The same, with the colours already turned into RGB.
    pub fn rgb(bytes: Vec<u8>, format: &FrameFormat) -> Self {
        Self {
            bytes,
            format: FrameFormat { is_planar: false, photometric: Photometric::Rgb, ..format.clone() },
        }
    }
}

/// 8-bit YBR to RGB.
fn displayable(decoded: Decoded) -> Pixels {
    let Decoded { mut bytes, mut format } = decoded;
    let is_ybr = matches!(format.photometric, Photometric::YbrFull | Photometric::YbrFull422);
    if is_ybr && format.samples_per_pixel == 3 && format.bits_allocated == 8 {
        colour::ybr_full_to_rgb(&mut bytes);
        format.photometric = Photometric::Rgb;
    }
    Pixels { bytes, format }
}

/// Every pixel has all its samples now, so what was 4:2:2 is YBR_FULL.
fn as_coded(decoded: Decoded) -> Pixels {
    let Decoded { bytes, mut format } = decoded;
    if format.photometric == Photometric::YbrFull422 {
        format.photometric = Photometric::YbrFull;
    }
    Pixels { bytes, format }
}
