//! From stored values to shades (PS3.3 §C.11; PS3.4 §N.2.1): rescale or Modality LUT, window or VOI LUT, Presentation LUT.

use super::{Render, Window};
use crate::presentation::{Polarity, Presentation, Table, WindowFunction};
use crate::{CodecError, FrameFormat, Photometric, Pixels};

/// The stored values of a frame with one sample per pixel.
pub(super) struct Stored<'a> {
    bytes: &'a [u8],
    format: &'a FrameFormat,
    /// Bits below the stored ones.
    low_bits: u32,
}

impl<'a> Stored<'a> {
    pub fn new(pixels: &'a Pixels, low_bits: u16) -> Self {
        let format = &pixels.format;
        let room = format.bits_allocated.saturating_sub(format.bits_stored);
        Self { bytes: &pixels.bytes, format, low_bits: low_bits.min(room).into() }
    }

    fn mask(&self) -> u32 {
        u32::MAX >> (32 - u32::from(self.format.bits_stored).clamp(1, 32))
    }

    /// Calls `each` with every pixel's bits, as an unsigned number of Bits Stored bits.
    #[inline]
    pub fn for_each(&self, mut each: impl FnMut(u32)) {
        let (mask, low) = (self.mask(), self.low_bits);
        match self.format.bits_allocated {
            1 => (0..self.format.pixel_count())
                .for_each(|index| each(u32::from(self.bytes[index / 8] >> (index % 8)) & 1)),
            8 => self.bytes.iter().for_each(|byte| each(u32::from(*byte) >> low & mask)),
            16 => {
                let words = self.bytes.as_chunks::<2>().0.iter();
                words.for_each(|word| each(u32::from(u16::from_le_bytes(*word)) >> low & mask));
            }
            _ => {
                let words = self.bytes.as_chunks::<4>().0.iter();
                words.for_each(|word| each(u32::from_le_bytes(*word) >> low & mask));
            }
        }
    }

    /// A byte for every pixel's bits.
    fn mapped(&self, mut each: impl FnMut(u32) -> u8) -> Vec<u8> {
        let (mask, low) = (self.mask(), self.low_bits);
        match self.format.bits_allocated {
            8 => self.bytes.iter().map(|byte| each(u32::from(*byte) >> low & mask)).collect(),
            16 => {
                let words = self.bytes.as_chunks::<2>().0.iter();
                words.map(|word| each(u32::from(u16::from_le_bytes(*word)) >> low & mask)).collect()
            }
            _ => {
                let mut out = Vec::with_capacity(self.format.pixel_count());
                self.for_each(|bits| out.push(each(bits)));
                out
            }
        }
    }

    /// The number that `bits` stand for.
    #[allow(clippy::cast_possible_wrap)]
    pub fn value(&self, bits: u32) -> i64 {
        if !self.format.is_signed {
            return i64::from(bits);
        }
        let shift = 32 - u32::from(self.format.bits_stored).clamp(1, 32);
        i64::from(((bits << shift) as i32) >> shift)
    }

    /// Calls `each` with every pixel's number.
    fn for_each_number(&self, mut each: impl FnMut(f64)) {
        match (self.format.is_float, self.format.bits_allocated) {
            (true, 64) => {
                self.bytes.as_chunks::<8>().0.iter().for_each(|cell| each(f64::from_le_bytes(*cell)));
            }
            (true, _) => {
                let cells = self.bytes.as_chunks::<4>().0.iter();
                cells.for_each(|cell| each(f32::from_le_bytes(*cell).into()));
            }
            (false, _) => self.for_each(|bits| each(self.value(bits) as f64)),
        }
    }

    /// The lowest and highest number that is no padding, and a number at all.
    fn range(&self, padding: Option<(f64, f64)>) -> Option<(f64, f64)> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        self.for_each_number(|value| {
            if value.is_finite() && !is_padding(padding, value) {
                low = low.min(value);
                high = high.max(value);
            }
        });
        (low <= high).then_some((low, high))
    }

    /// The least and greatest bits, where a table can be made of them.
    fn bits_range(&self) -> Option<(u32, u32)> {
        if self.format.is_float || self.format.bits_stored > 16 {
            return None;
        }
        let (mut low, mut high) = (u32::MAX, 0);
        self.for_each(|bits| {
            low = low.min(bits);
            high = high.max(bits);
        });
        Some((low.min(high), high))
    }
}

fn is_padding(padding: Option<(f64, f64)>, value: f64) -> bool {
    padding.is_some_and(|(low, high)| (low..=high).contains(&value))
}

/// A shade for each pixel.
pub(super) fn monochrome(pixels: &Pixels, options: &Render) -> Result<Vec<u8>, CodecError> {
    let stored = Stored::new(pixels, options.presentation.low_bits);
    let scale = Scale::new(&stored, options)?;
    if let Some((low, high)) = stored.bits_range() {
        let table: Vec<u8> = (low..=high).map(|bits| scale.shade(stored.value(bits) as f64)).collect();
        // Every pixel is within the range.
        return Ok(stored.mapped(|bits| table[(bits - low) as usize]));
    }
    let mut out = Vec::with_capacity(pixels.format.pixel_count());
    stored.for_each_number(|value| out.push(scale.shade(value)));
    Ok(out)
}

/// From stored values to shades.
struct Scale<'a> {
    options: &'a Render,
    ramp: Ramp<'a>,
    is_inverted: bool,
}

impl<'a> Scale<'a> {
    fn new(stored: &Stored, options: &'a Render) -> Result<Self, CodecError> {
        if !options.slope.is_finite() || !options.intercept.is_finite() {
            return Err(CodecError::Damaged("rescale slope or intercept is no number"));
        }
        let Presentation { modality_table, presentation_table, polarity, .. } = &options.presentation;
        for table in [modality_table, presentation_table].into_iter().flatten() {
            table.check()?;
        }
        let is_inverted = match polarity {
            Polarity::AsImage => stored.format.photometric == Photometric::Monochrome1,
            Polarity::Identity => false,
            Polarity::Inverse => true,
        };
        Ok(Self { options, ramp: Ramp::new(stored, options)?, is_inverted })
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn shade(&self, stored: f64) -> u8 {
        if is_padding(self.options.presentation.padding, stored) {
            return 0;
        }
        let mut share = self.ramp.share(self.options.rescaled(stored)).clamp(0.0, 1.0);
        if let Some(table) = &self.options.presentation.presentation_table {
            share = table.at_share(share);
        }
        // A cast from float makes 0 of what is not a number.
        let shade = (share * 255.0).round() as u8;
        if self.is_inverted { 255 - shade } else { shade }
    }
}

impl Render {
    /// A stored value in the units of the window (PS3.3 §C.11.1).
    fn rescaled(&self, stored: f64) -> f64 {
        match &self.presentation.modality_table {
            Some(table) => f64::from(table.entry(stored)),
            None => stored * self.slope + self.intercept,
        }
    }
}

/// From rescaled values to shares of the scale.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ramp<'a> {
    /// SIGMOID (PS3.3 §C.11.2.1.3.1), width above 0.
    Sigmoid(Window),
    /// A VOI LUT.
    Table(&'a Table),
    /// LINEAR (PS3.3 §C.11.2.1.2.1), width at least 1.
    Linear(Window),
    /// LINEAR_EXACT (PS3.3 §C.11.2.1.3.2), width above 0.
    Exact(Window),
}

impl<'a> Ramp<'a> {
    fn new(stored: &Stored, options: &'a Render) -> Result<Self, CodecError> {
        if let Some(window) = options.window {
            if !window.center.is_finite() || !window.width.is_finite() || window.width <= 0.0 {
                return Err(CodecError::Damaged("window center or width is no number"));
            }
            return Ok(match options.presentation.function {
                WindowFunction::Sigmoid => Self::Sigmoid(window),
                WindowFunction::Linear if window.width >= 1.0 => Self::Linear(window),
                WindowFunction::Linear | WindowFunction::LinearExact => Self::Exact(window),
            });
        }
        if let Some(table) = &options.presentation.voi_table {
            table.check()?;
            return Ok(Self::Table(table));
        }
        // One bit is black or white, whatever the frame holds.
        let (low, high) = if stored.format.bits_stored == 1 {
            let (a, b) = (stored.value(0), stored.value(1));
            (a.min(b) as f64, a.max(b) as f64)
        } else {
            stored.range(options.presentation.padding).unwrap_or((0.0, 0.0))
        };
        let (a, b) = (options.rescaled(low), options.rescaled(high));
        // A flat frame is black: any positive width with its value at the low end. Half the range cannot overflow.
        let half = (b / 2.0 - a / 2.0).abs();
        let half = if half > 0.0 { half } else { 0.5 };
        Ok(Self::Exact(Window { center: a.min(b) + half, width: (half * 2.0).min(f64::MAX) }))
    }

    /// From 0 to 1, and beyond at both ends.
    fn share(self, value: f64) -> f64 {
        match self {
            Self::Table(table) => table.share(table.entry(value)),
            Self::Sigmoid(Window { center, width }) => 1.0 / (1.0 + (-4.0 * (value - center) / width).exp()),
            Self::Linear(Window { center, width }) => {
                let half = (width - 1.0) / 2.0;
                if value <= center - 0.5 - half {
                    0.0
                } else if value > center - 0.5 + half {
                    1.0
                } else {
                    (value - (center - 0.5)) / (width - 1.0) + 0.5
                }
            }
            Self::Exact(Window { center, width }) => (value - center) / width + 0.5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn shade(ramp: Ramp<'_>, value: f64) -> u8 {
        (ramp.share(value).clamp(0.0, 1.0) * 255.0).round() as u8
    }

    #[test]
    fn the_standards_own_examples_of_a_window() {
        let grey = |width: f64, center: f64, value: f64| shade(Ramp::Linear(Window { center, width }), value);
        // PS3.3 §C.11.2.1.2.1, note 4: c 2048, w 4096 maps 0…4095 to 0…255 whole.
        assert_eq!((grey(4096.0, 2048.0, 0.0), grey(4096.0, 2048.0, 4095.0)), (0, 255));
        assert_eq!(grey(4096.0, 2048.0, 2047.5), 128);
        // c 2048, w 1 is a threshold: up to 2047 black, then white.
        assert_eq!((grey(1.0, 2048.0, 2047.0), grey(1.0, 2048.0, 2048.0)), (0, 255));
        // c 0, w 100: −50 is black, 49 is white.
        assert_eq!((grey(100.0, 0.0, -50.0), grey(100.0, 0.0, 49.0)), (0, 255));
        assert!(grey(100.0, 0.0, -49.0) > 0 && grey(100.0, 0.0, 48.0) < 255);
    }

    #[test]
    fn a_width_below_one_is_exact() {
        let ramp = Ramp::Exact(Window { center: 0.25, width: 0.5 });
        assert_eq!([0.0, 0.25, 0.5, 9.0].map(|value| shade(ramp, value)), [0, 128, 255, 255]);
    }

    #[test]
    fn a_sigmoid_is_half_at_its_centre() {
        let ramp = Ramp::Sigmoid(Window { center: 40.0, width: 400.0 });
        assert!((ramp.share(40.0) - 0.5).abs() < 1e-9);
        assert!(ramp.share(240.0) > 0.88 && ramp.share(-160.0) < 0.12);
    }

    #[test]
    fn an_eight_bit_table_of_a_signed_image_has_its_full_scale() {
        let table = Table { first: 0, entries: (0..256).collect(), bits: 8 };
        assert_eq!(shade(Ramp::Table(&table), 255.0), 255);
    }
}
