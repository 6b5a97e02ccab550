//! How alike an encoded tile is to the pixels that it was made of.
//!
//! Two measures, since neither tells all: the signal-to-noise ratio of luma sees lost detail, and the means of small blocks
//! see what is at another place or of another colour, where halved chroma alone changes nothing.

use serde::{Deserialize, Serialize};

/// Pixels of a block's side, whose mean colour is compared.
const BLOCK: usize = 8;
/// Below this a tile is not what it was made of: JPEG of quality 95 leaves even noise above 35 dB.
const PSNR_DB_MIN: f64 = 30.0;
/// Above this a block is not what it was made of.
const BLOCK_DIFFERENCE_MAX: u8 = 12;
/// Stands for "no difference at all", which has no logarithm.
const PSNR_DB_MAX: f64 = 100.0;

/// The worst of the tiles that were compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Likeness {
    /// Tiles that were compared.
    pub tiles: u64,
    /// Peak signal-to-noise ratio of luma, in decibels; 100 when nothing differs.
    pub psnr_db_worst: f64,
    /// Difference of the mean red, green or blue of a block of 8 × 8 pixels, of 255.
    pub block_difference_max: u8,
}

impl Likeness {
    /// Of one tile: red, green, blue, in rows of so many pixels.
    #[must_use]
    pub(crate) fn of(before: &[u8], after: &[u8], width: usize) -> Self {
        if before.len() != after.len() || before.is_empty() || width == 0 {
            return Self { tiles: 1, psnr_db_worst: 0.0, block_difference_max: u8::MAX };
        }
        let pairs = || before.as_chunks::<3>().0.iter().zip(after.as_chunks::<3>().0);
        let square = |(a, b): (&[u8; 3], &[u8; 3])| (luma(*a) - luma(*b)).powi(2);
        let mean_square = pairs().map(square).sum::<f64>() / (before.len() / 3) as f64;
        let psnr_db =
            if mean_square > 0.0 { 10.0 * (255.0 * 255.0 / mean_square).log10() } else { PSNR_DB_MAX };
        let across = width.div_ceil(BLOCK);
        let mut sums = vec![([0_i32; 3], 0_i32); across * (before.len() / 3).div_ceil(width).div_ceil(BLOCK)];
        for (index, (a, b)) in pairs().enumerate() {
            let (sum, count) = &mut sums[index / width / BLOCK * across + index % width / BLOCK];
            for (sum, (a, b)) in sum.iter_mut().zip(a.iter().zip(b)) {
                *sum += i32::from(*a) - i32::from(*b);
            }
            *count += 1;
        }
        let differences = sums.iter().flat_map(|(sum, count)| sum.map(|sum| sum.abs() / (*count).max(1)));
        Self {
            tiles: 1,
            psnr_db_worst: psnr_db.min(PSNR_DB_MAX),
            block_difference_max: u8::try_from(differences.max().unwrap_or(0)).unwrap_or(u8::MAX),
        }
    }

    /// Whether these can be the same pixels, encoded once more.
    #[must_use]
    pub fn is_within_bounds(&self) -> bool {
        self.psnr_db_worst >= PSNR_DB_MIN && self.block_difference_max <= BLOCK_DIFFERENCE_MAX
    }

    /// Of both.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            tiles: self.tiles + other.tiles,
            psnr_db_worst: self.psnr_db_worst.min(other.psnr_db_worst),
            block_difference_max: self.block_difference_max.max(other.block_difference_max),
        }
    }
}

/// ITU-R BT.601, as JPEG has it.
fn luma([red, green, blue]: [u8; 3]) -> f64 {
    0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 64;

    /// Noise, which is the hardest to encode.
    fn noise() -> Vec<u8> {
        let mut state = 7_u32;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..SIDE * SIDE * 3).map(next).collect()
    }

    #[test]
    fn what_jpeg_makes_of_noise_is_alike() {
        let side = SIDE as u32;
        let before = noise();
        let jpeg = codec::encode_jpeg_rgb(&before, side, side, 95).unwrap();
        let format = codec::FrameFormat::eight_bit(side, side, 3, codec::Photometric::YbrFull422);
        let after = codec::decode(dataset::TransferSyntax::JPEG_BASELINE, &jpeg, &format, 1 << 20).unwrap();
        let likeness = Likeness::of(&before, &after.bytes, SIDE);
        assert!(likeness.is_within_bounds(), "{likeness:?}");
        let poor = codec::encode_jpeg_rgb(&before, side, side, 20).unwrap();
        let after = codec::decode(dataset::TransferSyntax::JPEG_BASELINE, &poor, &format, 1 << 20).unwrap();
        assert!(!Likeness::of(&before, &after.bytes, SIDE).is_within_bounds());
    }

    #[test]
    fn other_pixels_are_not_alike() {
        let before = noise();
        let same = Likeness::of(&before, &before, SIDE);
        assert_eq!(same, Likeness { tiles: 1, psnr_db_worst: 100.0, block_difference_max: 0 });
        let mut shifted = before.clone();
        shifted.rotate_left(3);
        assert!(!Likeness::of(&before, &shifted, SIDE).is_within_bounds(), "by one pixel");
        let grey = vec![128; before.len()];
        let swapped: Vec<u8> = [200, 128, 56].repeat(SIDE * SIDE);
        let colours = Likeness::of(&swapped, &[56, 128, 200].repeat(SIDE * SIDE), SIDE);
        assert!(colours.block_difference_max > 100);
        assert!(!Likeness::of(&grey, &grey[3..], SIDE).is_within_bounds(), "one pixel less");
        let both = same.and(colours);
        assert_eq!((both.tiles, both.psnr_db_worst), (2, colours.psnr_db_worst));
    }
}
