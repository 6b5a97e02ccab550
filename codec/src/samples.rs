//! Samples as a codestream has them, to cells of Bits Allocated (PS3.5 §8.1.1).

use crate::{CodecError, FrameFormat};

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
    let mut bytes = Vec::with_capacity(size);
    match format.bits_allocated {
        8 => bytes.extend(samples.map(|value| cell(value) as u8)),
        16 => samples.for_each(|value| bytes.extend_from_slice(&(cell(value) as u16).to_le_bytes())),
        32 => samples.for_each(|value| bytes.extend_from_slice(&cell(value).to_le_bytes())),
        _ => return Err(CodecError::Unsupported("a compressed frame of one bit")),
    }
    if bytes.len() != size {
        return Err(CodecError::Damaged("the decoder gave another number of samples than the shape takes"));
    }
    Ok(bytes)
}

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
