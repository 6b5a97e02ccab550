//! JPEG frames, by libjpeg-turbo: baseline, extended (12 bit), lossless.

use crate::decode::Decoded;
use crate::header::{self, Jpeg, Process};
use crate::samples::Samples;
use crate::{CodecError, FrameFormat, Photometric, samples, turbo};

/// What libjpeg-turbo is to do with three components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colours {
    /// They are YCbCr: RGB comes out.
    Transform,
    /// They come out as they are.
    Leave,
}

pub(crate) fn decode(frame: &[u8], format: &FrameFormat, size: usize) -> Result<Decoded, CodecError> {
    if !matches!(format.bits_allocated, 8 | 16) {
        return Err(CodecError::Unsupported("bits allocated in JPEG"));
    }
    let header = header::jpeg(frame)?;
    header.size.check(format)?;
    let layout = match format.samples_per_pixel {
        1 => turbo::Layout::Grey,
        3 => turbo::Layout::Rgb,
        _ => return Err(CodecError::Unsupported("JPEG with four components")),
    };

    let colours = if layout == turbo::Layout::Rgb { Some(colours(&header, format)) } else { None };
    let marked = colours.map(|colours| mark(frame, colours));
    let image = turbo::decode(marked.as_deref().unwrap_or(frame), &header.size, layout)?;

    let precision = header.size.precision;
    let bytes = match image {
        Samples::Eight(bytes) if bytes.len() == size && (!format.is_signed || precision == 8) => bytes,
        Samples::Eight(bytes) => {
            samples::to_cells(bytes.into_iter().map(i32::from), precision, format, size)?
        }
        Samples::Sixteen(words) => {
            samples::to_cells(words.into_iter().map(i32::from), precision, format, size)?
        }
    };
    Ok(match colours {
        Some(Colours::Transform) => Decoded::rgb(bytes, format),
        // Untransformed, but the data set says YBR: the lossless process never transforms (PS3.5 §8.2.1).
        Some(Colours::Leave) if header.process == Process::Lossless => Decoded::by_pixel(bytes, format),
        Some(Colours::Leave) => Decoded::rgb(bytes, format),
        None => Decoded::by_pixel(bytes, format),
    })
}

/// Encodes as JPEG lossless, first-order prediction (.70); the caller has checked the shape.
pub(crate) fn encode_lossless(bytes: &[u8], format: &FrameFormat) -> Result<Vec<u8>, CodecError> {
    let layout = match format.samples_per_pixel {
        1 => turbo::Layout::Grey,
        _ => turbo::Layout::Rgb,
    };
    let precision = samples::precision(bytes, format);
    let samples = Samples::from_cells(bytes, format, precision);
    turbo::encode_lossless(&samples, format.columns, format.rows, layout, precision)
}

/// Whether the components are YCbCr: what the codestream says of itself; where it says nothing, what the data set says.
fn colours(header: &Jpeg, format: &FrameFormat) -> Colours {
    let is_rgb = format.photometric == Photometric::Rgb;
    let leave = match (header.process, header.adobe_transform, header.has_jfif) {
        (Process::Lossless, ..) => true,
        // Baseline JPEG inside JFIF is YCbCr, unless both others say that it is not.
        (Process::Dct, Some(0), true) => is_rgb,
        (Process::Dct, _, true) => false,
        (Process::Dct, Some(transform), false) => transform == 0,
        (Process::Dct, None, false) => header.is_named_rgb || is_rgb,
    };
    if leave { Colours::Leave } else { Colours::Transform }
}

/// A copy of the codestream whose markers make libjpeg-turbo do what `colours` says.
///
/// libjpeg-turbo listens to JFIF, then to the last Adobe marker, then guesses: so the others lose their names, and an
/// Adobe marker of ours comes first.
fn mark(frame: &[u8], colours: Colours) -> Vec<u8> {
    let transform = match colours {
        Colours::Transform => 1,
        Colours::Leave => 0,
    };
    let (start, rest) = frame.split_at(frame.len().min(2));
    let mut marked = Vec::with_capacity(frame.len() + 16);
    marked.extend_from_slice(start);
    marked.extend_from_slice(&[0xFF, 0xEE, 0, 14]);
    marked.extend_from_slice(b"Adobe\0\x64\0\0\0\0");
    marked.push(transform);
    let body = marked.len();
    marked.extend_from_slice(rest);
    let names = header::colour_marker_names(frame);
    for offset in names {
        // `offset` counts from the start of the frame, whose first two bytes stand before our marker.
        if let Some(name) = marked.get_mut(body + offset - 2..body + offset + 3) {
            name.fill(0);
        }
    }
    marked
}
