//! The Image Pixel attributes (PS3.3 §C.7.6.3) as checked numbers.

use crate::rendering::Rendering;
use crate::{Dataset, tags};

/// What is needed to make sense of a frame.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PixelDescription {
    /// Rows of one frame.
    pub rows: u32,
    /// Columns of one frame.
    pub columns: u32,
    /// Samples per pixel: 1, 3 or 4.
    pub samples_per_pixel: u16,
    /// Bits allocated: 1, 8, 16, 32 or 64.
    pub bits_allocated: u16,
    /// Bits stored.
    pub bits_stored: u16,
    /// High bit.
    pub high_bit: u16,
    /// Pixel representation: true when two's complement.
    pub is_signed: bool,
    /// IEEE 754 numbers of Bits Allocated: Float or Double Float Pixel Data (PS3.3 §C.7.6.24, §C.7.6.25).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_float: bool,
    /// Planar configuration: true when colour by plane.
    pub is_planar: bool,
    /// Photometric interpretation, such as `MONOCHROME2`.
    pub photometric_interpretation: String,
    /// Number of frames, at least 1.
    pub frames: u32,
    /// What a picture needs; `None` when it needs more than numbers, or when this was written by a version that did not
    /// look for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendering: Option<Rendering>,
}

impl PixelDescription {
    /// From a data set; `None` when it describes no pixels, or none that Samples per Pixel and Bits Allocated allow.
    ///
    /// Bits Stored and High Bit are put right where they are absent or contradict Bits Allocated.
    #[must_use]
    pub fn from_dataset(dataset: &Dataset) -> Option<Self> {
        let number = |tag| dataset.integer(tag).and_then(|value| u32::try_from(value).ok());
        let short = |tag| number(tag).and_then(|value| u16::try_from(value).ok());
        let rows = number(tags::ROWS).filter(|&value| value > 0)?;
        let columns = number(tags::COLUMNS).filter(|&value| value > 0)?;
        let bits_allocated = short(tags::BITS_ALLOCATED).filter(|bits| [1, 8, 16, 32, 64].contains(bits))?;
        let samples_per_pixel = short(tags::SAMPLES_PER_PIXEL).unwrap_or(1);
        if ![1, 3, 4].contains(&samples_per_pixel) {
            return None;
        }
        let bits_stored = short(tags::BITS_STORED)
            .filter(|&bits| bits > 0 && bits <= bits_allocated)
            .unwrap_or(bits_allocated);
        let high_bit = short(tags::HIGH_BIT)
            .filter(|&bit| bit < bits_allocated && bit + 1 >= bits_stored)
            .unwrap_or(bits_stored - 1);
        let has = |tag| dataset.get(tag).is_some();
        let is_float = !has(tags::PIXEL_DATA)
            && (bits_allocated == 32 && has(tags::FLOAT_PIXEL_DATA)
                || bits_allocated == 64 && has(tags::DOUBLE_FLOAT_PIXEL_DATA));
        Some(Self {
            rows,
            columns,
            samples_per_pixel,
            bits_allocated,
            bits_stored,
            high_bit,
            is_signed: !is_float && number(tags::PIXEL_REPRESENTATION) == Some(1),
            is_float,
            is_planar: samples_per_pixel > 1 && number(tags::PLANAR_CONFIGURATION) == Some(1),
            photometric_interpretation: dataset
                .texts(tags::PHOTOMETRIC_INTERPRETATION)
                .into_iter()
                .next()
                .unwrap_or_default(),
            frames: number(tags::NUMBER_OF_FRAMES).unwrap_or(1).max(1),
            rendering: Rendering::from_dataset(dataset),
        })
    }

    /// Bits of one uncompressed frame; `None` on overflow.
    #[must_use]
    pub fn frame_bits(&self) -> Option<u64> {
        u64::from(self.rows)
            .checked_mul(u64::from(self.columns))?
            .checked_mul(u64::from(self.samples_per_pixel))?
            .checked_mul(u64::from(self.bits_allocated))
    }

    /// Whether uncompressed frames follow one another bit by bit, most of them not beginning on a byte (PS3.5 §8.1.1).
    #[must_use]
    pub fn is_packed_across_bytes(&self) -> bool {
        self.bits_allocated == 1
            && self.frames > 1
            && self.frame_bits().is_some_and(|bits| !bits.is_multiple_of(8))
    }

    /// Bytes of one uncompressed frame (one-bit frames are packed, and may not end on a byte); `None` on overflow.
    #[must_use]
    pub fn frame_bytes(&self) -> Option<u64> {
        self.frame_bits().map(|bits| bits.div_ceil(8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VR;

    fn described(
        rows: u16,
        columns: u16,
        samples: u16,
        bits: u16,
        stored: u16,
        high: u16,
    ) -> Option<PixelDescription> {
        let mut dataset = Dataset::new();
        dataset.put_u16(tags::ROWS, &[rows]);
        dataset.put_u16(tags::COLUMNS, &[columns]);
        dataset.put_u16(tags::SAMPLES_PER_PIXEL, &[samples]);
        dataset.put_u16(tags::BITS_ALLOCATED, &[bits]);
        dataset.put_u16(tags::BITS_STORED, &[stored]);
        dataset.put_u16(tags::HIGH_BIT, &[high]);
        dataset.put_text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
        PixelDescription::from_dataset(&dataset)
    }

    #[test]
    fn numbers_are_checked() {
        let pixels = described(512, 512, 1, 16, 12, 11).unwrap();
        assert_eq!((pixels.frame_bytes(), pixels.frames, pixels.bits_stored), (Some(524_288), 1, 12));
        assert_eq!(pixels.photometric_interpretation, "MONOCHROME2");
        for (rows, columns, samples, bits) in [(0, 1, 1, 8), (1, 0, 1, 8), (1, 1, 2, 8), (1, 1, 1, 12)] {
            assert_eq!(described(rows, columns, samples, bits, 8, 7), None);
        }
        for (stored, high, expect) in
            [(0, 0, (16, 15)), (17, 3, (16, 15)), (12, 40, (12, 11)), (12, 15, (12, 15))]
        {
            let pixels = described(2, 2, 1, 16, stored, high).unwrap();
            assert_eq!((pixels.bits_stored, pixels.high_bit), expect);
        }
    }

    #[test]
    fn floating_point_pixels_are_told_by_their_element() {
        let described = |tag, bits: u16| {
            let mut dataset = Dataset::new();
            dataset.put_u16(tags::ROWS, &[2]);
            dataset.put_u16(tags::COLUMNS, &[2]);
            dataset.put_u16(tags::BITS_ALLOCATED, &[bits]);
            dataset.put_bytes(tag, VR::OW, vec![0; 32]);
            PixelDescription::from_dataset(&dataset).unwrap().is_float
        };
        assert!(described(tags::FLOAT_PIXEL_DATA, 32) && described(tags::DOUBLE_FLOAT_PIXEL_DATA, 64));
        assert!(!described(tags::PIXEL_DATA, 32) && !described(tags::FLOAT_PIXEL_DATA, 16));
    }

    #[test]
    fn one_bit_frames_round_up_and_large_ones_do_not_wrap() {
        assert_eq!(described(3, 3, 1, 1, 1, 0).unwrap().frame_bytes(), Some(2));
        let mut pixels = described(1, 1, 4, 64, 64, 63).unwrap();
        (pixels.rows, pixels.columns) = (u32::MAX, u32::MAX);
        assert_eq!(pixels.frame_bytes(), None);
    }
}
