//! Encoding pixels without loss, and turning a frame of one transfer syntax into a frame of another.

use crate::decode::{can_decode, checked_size, decode_as_coded};
use crate::syntax::{self, Target};
use crate::{CodecError, FrameFormat, Photometric, jpeg, jpeg2000, jpegls, jpegxl, native, rle};

/// A frame as it goes into Pixel Data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The frame: one fragment without its padding, or native little-endian pixels.
    pub bytes: Vec<u8>,
    /// What the Image Pixel module must say of it: Photometric Interpretation and Planar Configuration may have changed.
    pub format: FrameFormat,
}

/// Whether [`encode`] has an encoder for this transfer syntax UID and shape; it depends on the numbers of the shape,
/// not on the photometric interpretation, so that a stored format can be asked about before anything is decoded.
#[must_use]
pub fn can_encode(transfer_syntax: &str, format: &FrameFormat) -> bool {
    encoder(transfer_syntax, format).is_ok()
}

/// The encoder, or why there is none.
fn encoder(transfer_syntax: &str, format: &FrameFormat) -> Result<Target, CodecError> {
    let target = syntax::target(transfer_syntax)
        .ok_or(CodecError::Unsupported("encoding into this transfer syntax"))?;
    format.check()?;
    let is_ordinary = matches!(format.bits_allocated, 8 | 16) && matches!(format.samples_per_pixel, 1 | 3);
    let side_max = match target {
        Target::LittleEndian => return Ok(target),
        _ if format.is_float => return Err(CodecError::Unsupported("compressing floating point pixels")),
        Target::Deflated => return Ok(target),
        Target::Rle if format.bits_allocated >= 8 => return Ok(target),
        Target::Rle => return Err(CodecError::Unsupported("RLE of one bit")),
        Target::JpegLossless => 65_500,
        Target::JpegLs => 65_535,
        Target::Jpeg2000 | Target::Htj2k => 1 << 20,
        Target::JpegXl if format.is_signed => {
            return Err(CodecError::Unsupported("JPEG XL of signed samples"));
        }
        Target::JpegXl => 1 << 18,
    };
    if !is_ordinary {
        return Err(CodecError::Unsupported("encoding pixels of these bits and samples"));
    }
    if format.rows > side_max || format.columns > side_max {
        return Err(CodecError::Unsupported("encoding an image of this size"));
    }
    Ok(target)
}

/// See [`crate::encode`].
pub(crate) fn encode(
    transfer_syntax: &str,
    bytes: &[u8],
    format: &FrameFormat,
) -> Result<Encoded, CodecError> {
    let target = encoder(transfer_syntax, format)?;
    if bytes.len() as u64 != format.pixel_bytes()? || format.is_planar {
        return Err(CodecError::Damaged("the pixels' length is not what their shape takes"));
    }
    if matches!(
        format.photometric,
        Photometric::YbrIct | Photometric::YbrRct | Photometric::YbrFull422 | Photometric::Xyb
    ) {
        return Err(CodecError::Unsupported("pixels in a colour space of a codestream"));
    }
    let bytes = match target {
        Target::LittleEndian => bytes.to_vec(),
        Target::Deflated => native::deflate(bytes)?,
        Target::Rle => rle::encode(bytes, format)?,
        Target::JpegLossless => jpeg::encode_lossless(bytes, format)?,
        Target::JpegLs => jpegls::encode(bytes, format)?,
        Target::Jpeg2000 => jpeg2000::encode(bytes, format)?,
        Target::Htj2k => jpeg2000::encode_ht(bytes, format)?,
        Target::JpegXl => jpegxl::encode(bytes, format)?,
    };
    Ok(Encoded { bytes, format: coded_format(target, format) })
}

/// What the Image Pixel module says after encoding.
fn coded_format(target: Target, format: &FrameFormat) -> FrameFormat {
    let is_colour = format.samples_per_pixel > 1;
    let photometric = match (target, format.photometric) {
        // The reversible colour transform is used (PS3.5 §8.2.4).
        (Target::Jpeg2000 | Target::Htj2k, Photometric::Rgb) if is_colour => Photometric::YbrRct,
        (_, photometric) => photometric,
    };
    // Only RLE stores planes (PS3.5 §8.2.2).
    FrameFormat { photometric, is_planar: is_colour && target == Target::Rle, ..format.clone() }
}

/// The conversions that never become pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shortcut {
    /// The frame is one of the other transfer syntax as it stands.
    Same,
    /// JPEG → JPEG XL, from which the JPEG can be had again.
    Recompress,
    /// And back.
    Restore,
}

/// The way round the pixels, if there is one.
pub(crate) fn shortcut(from: &str, to: &str) -> Option<Shortcut> {
    if syntax::is_within(from, to) {
        return Some(Shortcut::Same);
    }
    match (syntax::trimmed(from), syntax::trimmed(to)) {
        (syntax::JPEG_BASELINE, syntax::JPEG_XL_RECOMPRESSION) => Some(Shortcut::Recompress),
        (syntax::JPEG_XL_RECOMPRESSION, syntax::JPEG_BASELINE) => Some(Shortcut::Restore),
        _ => None,
    }
}

/// Whether [`transcode`] knows the way from `from` to `to` for frames of this shape.
#[must_use]
pub fn can_transcode(from: &str, format: &FrameFormat, to: &str) -> bool {
    check_transcode(from, format, to).is_ok()
}

/// As [`can_transcode`], with the reason why not.
///
/// # Errors
/// [`CodecError::Unsupported`] and, for a shape that makes no sense, [`CodecError::Damaged`].
pub fn check_transcode(from: &str, format: &FrameFormat, to: &str) -> Result<(), CodecError> {
    if shortcut(from, to).is_some() {
        return Ok(());
    }
    if !can_decode(from) {
        return Err(CodecError::Unsupported(syntax::undecodable(from)));
    }
    let is_ybr = matches!(format.photometric, Photometric::YbrFull | Photometric::YbrFull422);
    // The decoder of a DCT-based JPEG makes RGB; everything else keeps its colours on the way.
    if encoder(to, format)? == Target::JpegXl && is_ybr && !syntax::is_dct(from) {
        return Err(CodecError::Unsupported("JPEG XL of YBR samples"));
    }
    Ok(())
}

/// See [`crate::transcode`].
pub(crate) fn transcode(
    from: &str,
    frame: &[u8],
    format: &FrameFormat,
    to: &str,
    pixel_bytes_max: u64,
) -> Result<Encoded, CodecError> {
    if let Some(shortcut) = shortcut(from, to) {
        let bytes = match shortcut {
            Shortcut::Same => frame.to_vec(),
            Shortcut::Recompress => jpegxl::from_jpeg(frame, format)?,
            Shortcut::Restore => jpegxl::to_jpeg(frame, format, checked_size(format, pixel_bytes_max)?)?,
        };
        return Ok(Encoded { bytes, format: format.clone() });
    }
    encoder(to, format)?;
    let pixels = decode_as_coded(from, frame, format, pixel_bytes_max)?;
    encode(to, &pixels.bytes, &pixels.format)
}
