//! Images for the encoders' tests: every kind of pixel in every awkward size. Not part of the crate.
#![allow(dead_code, missing_docs, clippy::all, clippy::pedantic)]

use codec::{FrameFormat, Photometric, Pixels};

pub const LITTLE: &str = "1.2.840.10008.1.2.1";
pub const DEFLATED_FRAME: &str = "1.2.840.10008.1.2.8.1";
pub const RLE: &str = "1.2.840.10008.1.2.5";
pub const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.70";
pub const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
pub const J2K: &str = "1.2.840.10008.1.2.4.90";
pub const HTJ2K: &str = "1.2.840.10008.1.2.4.201";
pub const HTJ2K_RPCL: &str = "1.2.840.10008.1.2.4.202";
pub const JPEG_XL: &str = "1.2.840.10008.1.2.4.110";
/// All that there is an encoder for.
pub const TARGETS: [&str; 9] =
    [LITTLE, DEFLATED_FRAME, RLE, JPEG_LOSSLESS, JPEG_LS, J2K, HTJ2K, HTJ2K_RPCL, JPEG_XL];

/// (columns, rows)
pub const SIZES: [(u32, u32); 8] = [(1, 1), (1, 7), (7, 1), (2, 2), (5, 3), (12, 12), (33, 17), (40, 65)];

pub fn format(columns: u32, rows: u32, allocated: u16, stored: u16) -> FrameFormat {
    FrameFormat {
        rows,
        columns,
        samples_per_pixel: 1,
        bits_allocated: allocated,
        bits_stored: stored,
        is_signed: false,
        is_float: false,
        is_planar: false,
        photometric: Photometric::Monochrome2,
    }
}

/// Grey of all depths, signed and unsigned, palette indices, and colour of 8 and 16 bits.
pub fn kinds(columns: u32, rows: u32) -> Vec<FrameFormat> {
    let depths = [(8, 1), (8, 6), (8, 8), (16, 8), (16, 10), (16, 12), (16, 15), (16, 16)];
    let mut kinds = Vec::new();
    for (allocated, stored) in depths {
        let grey = format(columns, rows, allocated, stored);
        kinds.push(FrameFormat { is_signed: true, ..grey.clone() });
        kinds.push(grey);
    }
    for (allocated, stored) in [(8, 8), (16, 12), (16, 16)] {
        let grey = format(columns, rows, allocated, stored);
        kinds.push(FrameFormat { photometric: Photometric::Monochrome1, ..grey.clone() });
        kinds.push(FrameFormat { photometric: Photometric::PaletteColor, ..grey.clone() });
        for photometric in [Photometric::Rgb, Photometric::YbrFull] {
            kinds.push(FrameFormat { samples_per_pixel: 3, photometric, ..grey.clone() });
        }
    }
    kinds
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Every number that fits, each as likely as the others: extremes included.
    Noise,
    /// A slope, as a picture has them.
    Smooth,
}

/// Cells of Bits Allocated; signed numbers have their sign extended.
pub fn pixels(format: &FrameFormat, content: Content) -> Pixels {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ u64::from(format.rows) << 20 ^ u64::from(format.columns);
    let mut bytes = Vec::new();
    for y in 0..format.rows {
        for x in 0..format.columns {
            for sample in 0..u32::from(format.samples_per_pixel) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let value = match content {
                    Content::Noise => (state >> 24) as u32,
                    Content::Smooth => {
                        let span = (1_u64 << format.bits_stored) - 1;
                        (u64::from(x + 2 * y + 3 * sample) * span
                            / u64::from(format.columns + 2 * format.rows + 6)) as u32
                    }
                };
                let shift = 32 - u32::from(format.bits_stored);
                let top = value << shift;
                let cell = if format.is_signed { ((top as i32) >> shift) as u32 } else { top >> shift };
                bytes.extend(&cell.to_le_bytes()[..usize::from(format.bits_allocated / 8)]);
            }
        }
    }
    Pixels { bytes, format: format.clone() }
}

/// The same by plane.
pub fn planes(pixels: &Pixels) -> Vec<u8> {
    let width = usize::from(pixels.format.bits_allocated / 8);
    let samples = usize::from(pixels.format.samples_per_pixel);
    let mut planes = Vec::new();
    for sample in 0..samples {
        for pixel in pixels.bytes.chunks_exact(width * samples) {
            planes.extend(&pixel[sample * width..(sample + 1) * width]);
        }
    }
    planes
}
