//! Samples as a codestream has them, from and to cells of Bits Allocated (PS3.5 §8.1.1).

use crate::{CodecError, FrameFormat};

/// Unsigned samples of a codestream, by pixel.
#[derive(Debug)]
pub(crate) enum Samples {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

impl Samples {
    /// From cells of 8 or 16 bits: one byte a sample up to a precision of 8, two above; bits above it are cut off.
    #[allow(clippy::cast_possible_truncation)]
    pub fn from_cells(bytes: &[u8], format: &FrameFormat, precision: u8) -> Self {
        let mask = u16::MAX >> (16 - u16::from(precision).clamp(1, 16));
        let words = bytes.as_chunks::<2>().0.iter().map(|cell| u16::from_le_bytes(*cell) & mask);
        match (format.bits_allocated, precision) {
            (8, _) => Self::Eight(bytes.iter().map(|cell| cell & mask as u8).collect()),
            (_, ..=8) => Self::Eight(words.map(|word| word as u8).collect()),
            _ => Self::Sixteen(words.collect()),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Eight(samples) => samples.len(),
            Self::Sixteen(samples) => samples.len(),
        }
    }
}

/// The precision that keeps every bit of cells of 8 or 16 bits: Bits Stored (at least 2, the least that every encoder
/// takes) when decoding would fill the bits above as they are, otherwise Bits Allocated.
///
/// The bits above may hold an overlay plane (PS3.5 §8.1.2), or a negative value may not have its sign extended.
#[allow(clippy::cast_possible_truncation)]
pub(crate) fn precision(bytes: &[u8], format: &FrameFormat) -> u8 {
    let stored = format.bits_stored.max(2) as u8;
    let is_kept = match (format.bits_allocated, format.is_signed) {
        (8, false) => bytes.iter().all(|cell| u32::from(*cell) >> stored == 0),
        (8, true) => bytes.iter().all(|cell| is_extended(i32::from(*cell as i8), stored)),
        (_, false) => words(bytes).all(|cell| u32::from(cell) >> stored == 0),
        (_, true) => words(bytes).all(|cell| is_extended(i32::from(cell as i16), stored)),
    };
    if is_kept { stored } else { format.bits_allocated as u8 }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes.as_chunks::<2>().0.iter().map(|cell| u16::from_le_bytes(*cell))
}

fn is_extended(value: i32, precision: u8) -> bool {
    let shift = 32 - u32::from(precision);
    (value << shift) >> shift == value
}

/// The numbers in cells of 8 or 16 bits.
pub(crate) fn values(bytes: &[u8], format: &FrameFormat) -> Vec<i32> {
    match (format.bits_allocated, format.is_signed) {
        (8, false) => bytes.iter().map(|cell| i32::from(*cell)).collect(),
        (8, true) => bytes.iter().map(|cell| i32::from(*cell as i8)).collect(),
        (_, false) => words(bytes).map(i32::from).collect(),
        (_, true) => words(bytes).map(|cell| i32::from(cell as i16)).collect(),
    }
}

/// Puts samples of `precision` bits into little-endian cells: masked to their precision, and sign-extended when the
/// data set says signed.
///
/// # Errors
/// [`CodecError::Damaged`] when `samples` yields fewer or more than the format takes.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn to_cells(
    samples: impl Iterator<Item = i32>,
    precision: u8,
    format: &FrameFormat,
    size: usize,
) -> Result<Vec<u8>, CodecError> {
    let shift = 32 - u32::from(precision).clamp(1, 32);
    let is_signed = format.is_signed;
    let cell = move |value: i32| -> u32 {
        let top = (value as u32) << shift;
        if is_signed { ((top as i32) >> shift) as u32 } else { top >> shift }
    };
    match format.bits_allocated {
        8 => filled(samples, size, |value| [cell(value) as u8]),
        16 => filled(samples, size, |value| (cell(value) as u16).to_le_bytes()),
        32 => filled(samples, size, |value| cell(value).to_le_bytes()),
        1 => packed(samples.map(|value| cell(value) & 1 == 1), format.pixel_count()),
        _ => Err(CodecError::Unsupported("a compressed frame of these bits allocated")),
    }
}

/// Cells of `N` bytes, as many as fill `size` bytes.
fn filled<const N: usize>(
    mut samples: impl Iterator<Item = i32>,
    size: usize,
    cell: impl Fn(i32) -> [u8; N],
) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![0; size];
    let mut made = 0;
    for (target, value) in bytes.as_chunks_mut::<N>().0.iter_mut().zip(samples.by_ref()) {
        *target = cell(value);
        made += 1;
    }
    let is_all = made * N == size && samples.next().is_none();
    if is_all { Ok(bytes) } else { Err(CodecError::Damaged(OTHER_NUMBER)) }
}

/// Single bits, the first in the least significant one of a byte (PS3.5 §8.1.1).
fn packed(bits: impl Iterator<Item = bool>, count: usize) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![0_u8; count.div_ceil(8)];
    let mut made = 0;
    for bit in bits {
        if let Some(byte) = bytes.get_mut(made / 8).filter(|_| bit) {
            *byte |= 1 << (made % 8);
        }
        made += 1;
    }
    if made == count { Ok(bytes) } else { Err(CodecError::Damaged(OTHER_NUMBER)) }
}

const OTHER_NUMBER: &str = "the decoder gave another number of samples than the shape takes";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Photometric;

    #[test]
    fn signed_samples_are_extended_from_their_precision() {
        let format = FrameFormat {
            rows: 1,
            columns: 3,
            samples_per_pixel: 1,
            bits_allocated: 16,
            bits_stored: 12,
            is_signed: true,
            is_float: false,
            is_planar: false,
            photometric: Photometric::Monochrome2,
        };
        let stored = [0x0FFF, 0x07FF, 0x0800];
        assert_eq!(
            to_cells(stored.into_iter(), 12, &format, 6).unwrap(),
            [0xFF, 0xFF, 0xFF, 0x07, 0x00, 0xF8]
        );
        let unsigned = FrameFormat { is_signed: false, ..format };
        assert_eq!(
            to_cells(stored.into_iter(), 12, &unsigned, 6).unwrap(),
            [0xFF, 0x0F, 0xFF, 0x07, 0x00, 0x08]
        );
    }
}
