//! What the fuzz targets of this crate run (`fuzz/README.md`): what is read of a frame before a native codec sees it, and
//! the decoders that are written in Rust. A panic when a promise is broken.

use crate::{FrameFormat, Photometric, decode, header, rle};

const PIXEL_BYTES_MAX: u64 = 1 << 16;

/// A shape from six bytes: rows, columns, samples, bits, sign and planes, photometric interpretation.
fn format(bytes: [u8; 6]) -> FrameFormat {
    let [rows, columns, samples, allocated, stored, kind] = bytes;
    let photometric = [
        Photometric::Monochrome2,
        Photometric::PaletteColor,
        Photometric::Rgb,
        Photometric::YbrFull,
        Photometric::YbrFull422,
        Photometric::YbrRct,
    ];
    FrameFormat {
        rows: rows.into(),
        columns: columns.into(),
        samples_per_pixel: [1, 3, 4, 2][usize::from(samples % 4)],
        bits_allocated: [1, 8, 16, 32, 64][usize::from(allocated % 5)],
        bits_stored: (stored % 65).into(),
        is_float: allocated & 0x80 != 0,
        is_signed: kind & 1 != 0,
        is_planar: kind & 2 != 0,
        photometric: photometric[usize::from(kind >> 2) % photometric.len()],
    }
}

/// A frame of a transfer syntax without a native codec: native (both byte orders), deflated by itself, RLE. Seven bytes
/// of its syntax and shape stand before it.
///
/// # Panics
/// When the pixels are not as many as the shape takes, or RLE of the pixels gives other pixels.
pub fn frame(input: &[u8]) {
    const SYNTAXES: [&str; 4] =
        ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.8.1"];
    let Some(([syntax, shape @ ..], frame)) = input.split_first_chunk::<7>() else { return };
    let format = format(*shape);
    let syntax = SYNTAXES[usize::from(*syntax) % SYNTAXES.len()];
    let Ok(pixels) = decode(syntax, frame, &format, PIXEL_BYTES_MAX) else { return };
    assert!(pixels.bytes.len() as u64 <= PIXEL_BYTES_MAX);
    assert_eq!(pixels.bytes.len() as u64, pixels.format.pixel_bytes().expect("a size"));
    let can_be_rle = !pixels.format.is_float && pixels.format.samples_per_pixel != 4;
    if can_be_rle && pixels.format.bits_allocated >= 8 {
        let Ok(encoded) = rle::encode(&pixels.bytes, &pixels.format) else { return };
        let again = rle::decode(&encoded, &pixels.format, pixels.bytes.len()).expect("RLE of our own");
        assert_eq!(again.bytes, pixels.bytes);
    }
}

/// The header of a JPEG, JPEG-LS or JPEG 2000 codestream, or of a JP2 file.
///
/// # Panics
/// When a place that was found is not in the codestream.
pub fn codestream_header(input: &[u8]) {
    let _ = header::jpeg(input);
    let _ = header::jpeg_ls(input);
    for at in header::colour_marker_names(input) {
        let name = input.get(at..).expect("a name is within the codestream");
        assert!(name.starts_with(b"JFIF\0") || name.starts_with(b"Adobe"));
    }
    let Ok(codestream) = header::jpeg_2000_codestream(input) else { return };
    assert!(codestream.len() <= input.len());
    let _ = header::jpeg_2000(codestream);
    let _ = header::jpeg_2000_levels(codestream);
    let _ = header::has_miscounted_tile_parts(codestream);
    if let Some(longer) = header::with_tile_part_lengths(codestream) {
        assert_eq!(longer.len(), codestream.len() + 11);
        assert_eq!(header::jpeg_2000(&longer).is_ok(), header::jpeg_2000(codestream).is_ok());
    }
}

#[cfg(test)]
#[path = "../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_of_frame() {
        replay::seeds("frame", frame);
    }

    #[test]
    fn seeds_of_codestream_header() {
        replay::seeds("codestream_header", codestream_header);
    }
}
