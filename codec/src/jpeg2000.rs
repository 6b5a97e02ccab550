//! JPEG 2000 and High-Throughput JPEG 2000 frames, by OpenJPEG.

use crate::decode::Decoded;
use crate::{CodecError, FrameFormat, Photometric, header, openjpeg, samples};

/// OpenJPEG takes some kilobytes for every tile before the first pixel.
const TILES_MAX: u64 = 4096;

pub(crate) fn decode(frame: &[u8], format: &FrameFormat, size: usize) -> Result<Decoded, CodecError> {
    let codestream = header::jpeg_2000_codestream(frame)?;
    let header::Jpeg2000 { size: header, tiles } = header::jpeg_2000(codestream)?;
    header.check(format)?;
    if tiles > TILES_MAX {
        return Err(CodecError::OverLimit);
    }

    // Only where the counts cannot be right may OpenJPEG be lenient: it also lets truncated data pass then.
    let strictness = if header::has_miscounted_tile_parts(codestream) {
        openjpeg::Strictness::Lenient
    } else {
        openjpeg::Strictness::Strict
    };
    let image = openjpeg::decode(codestream, &header, strictness)?;
    // OpenJPEG gives one plane per component, as 32-bit integers.
    let planes = image.planes();
    let bytes = match planes[..] {
        [grey] => samples::to_cells(grey.iter().copied(), header.precision, format, size)?,
        [r, g, b] => {
            let pixels = r.iter().zip(g).zip(b).flat_map(|((r, g), b)| [*r, *g, *b]);
            samples::to_cells(pixels, header.precision, format, size)?
        }
        [a, b, c, d] => {
            let pixels = a.iter().zip(b).zip(c).zip(d).flat_map(|(((a, b), c), d)| [*a, *b, *c, *d]);
            samples::to_cells(pixels, header.precision, format, size)?
        }
        _ => return Err(CodecError::Unsupported("samples per pixel")),
    };
    // The multiple component transform is the codestream's own, and OpenJPEG has undone it (PS3.5 §8.2.4).
    Ok(match format.photometric {
        Photometric::YbrIct | Photometric::YbrRct => Decoded::rgb(bytes, format),
        _ => Decoded::by_pixel(bytes, format),
    })
}
