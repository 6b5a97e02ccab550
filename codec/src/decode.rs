//! Decoding a stored frame by its transfer syntax.

use crate::{CodecError, FrameFormat, Photometric, Pixels, colour, jpeg, jpeg2000, jpegls, native, rle};

/// The families of transfer syntaxes (PS3.5 §A) that share a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    LittleEndian,
    BigEndian,
    Rle,
    Jpeg,
    JpegLs,
    Jpeg2000,
}

fn family(transfer_syntax: &str) -> Option<Family> {
    // A UID may carry its padding.
    match transfer_syntax.trim_end_matches(['\0', ' ']) {
        // Implicit, explicit, encapsulated uncompressed, and deflated (inflated before it comes here).
        "1.2.840.10008.1.2" | "1.2.840.10008.1.2.1" | "1.2.840.10008.1.2.1.98" | "1.2.840.10008.1.2.1.99" => {
            Some(Family::LittleEndian)
        }
        "1.2.840.10008.1.2.2" => Some(Family::BigEndian),
        "1.2.840.10008.1.2.5" => Some(Family::Rle),
        "1.2.840.10008.1.2.4.50"
        | "1.2.840.10008.1.2.4.51"
        | "1.2.840.10008.1.2.4.57"
        | "1.2.840.10008.1.2.4.70" => Some(Family::Jpeg),
        "1.2.840.10008.1.2.4.80" | "1.2.840.10008.1.2.4.81" => Some(Family::JpegLs),
        "1.2.840.10008.1.2.4.90"
        | "1.2.840.10008.1.2.4.91"
        | "1.2.840.10008.1.2.4.201"
        | "1.2.840.10008.1.2.4.202"
        | "1.2.840.10008.1.2.4.203" => Some(Family::Jpeg2000),
        _ => None,
    }
}

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
    let family = family(transfer_syntax).ok_or(CodecError::Unsupported("transfer syntax"))?;
    format.check()?;
    let size = usize::try_from(format.pixel_bytes()?).map_err(|_| CodecError::OverLimit)?;
    if size as u64 > pixel_bytes_max {
        return Err(CodecError::OverLimit);
    }
    let decoded = match family {
        Family::LittleEndian => native::decode(frame, format, size, native::ByteOrder::Little),
        Family::BigEndian => native::decode(frame, format, size, native::ByteOrder::Big),
        Family::Rle => rle::decode(frame, format, size),
        Family::Jpeg => jpeg::decode(frame, format, size),
        Family::JpegLs => jpegls::decode(frame, format, size),
        Family::Jpeg2000 => jpeg2000::decode(frame, format, size),
    }?;
    Ok(finish(decoded))
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

fn finish(decoded: Decoded) -> Pixels {
    let Decoded { mut bytes, mut format } = decoded;
    let is_ybr = matches!(format.photometric, Photometric::YbrFull | Photometric::YbrFull422);
    if is_ybr && format.samples_per_pixel == 3 && format.bits_allocated == 8 {
        colour::ybr_full_to_rgb(&mut bytes);
        format.photometric = Photometric::Rgb;
    }
    Pixels { bytes, format }
}
