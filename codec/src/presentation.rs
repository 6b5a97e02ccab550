//! What is done to a picture beyond a linear window, as the caller says it: functions and tables (PS3.3 §C.11.1–2,
//! §C.11.4), padding (§C.7.5.1.1.2), shutters (§C.7.6.11, §C.7.6.15), overlays (§C.9.2), the part of the image that is
//! shown and how it is turned (§C.10.4, §C.10.6), colour spaces (PS3.18 §8.3.5.1.5), and what is drawn on top.

use crate::CodecError;
use crate::render::area::Region;
use crate::render::draw::{Graphic, Text};
use crate::render::icc::Colours;
use crate::render::overlay::Overlay;
use crate::render::shutter::Shutter;
use crate::render::text::Font;

/// How a window's values become shades (PS3.3 §C.11.2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WindowFunction {
    /// LINEAR.
    #[default]
    Linear,
    /// LINEAR_EXACT.
    LinearExact,
    /// SIGMOID.
    Sigmoid,
}

/// A table from values to values: a Modality LUT, a VOI LUT, or a Presentation LUT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The value that the first entry stands for; values beside the table take its first or last entry.
    pub first: i32,
    /// At least one entry.
    pub entries: Vec<u16>,
    /// Bits of an entry, 8 to 16.
    pub bits: u16,
}

impl Table {
    /// The entry for a value.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the table")]
    pub(crate) fn entry(&self, value: f64) -> u16 {
        let last = self.entries.len().saturating_sub(1);
        let index = (value.round() - f64::from(self.first)).clamp(0.0, last as f64) as usize;
        self.entries.get(index).copied().unwrap_or_default()
    }

    /// An entry as a share of what its bits can hold, from 0 to 1.
    pub(crate) fn share(&self, entry: u16) -> f64 {
        let most = f64::from(u16::MAX >> (16 - self.bits.clamp(8, 16)));
        (f64::from(entry) / most).min(1.0)
    }

    /// The entry for a share of the table's length, from 0 to 1: a Presentation LUT, whose input is the whole output
    /// of the VOI LUT (PS3.3 §C.11.4).
    pub(crate) fn at_share(&self, share: f64) -> f64 {
        let last = self.entries.len().saturating_sub(1);
        self.share(self.entry(f64::from(self.first) + (share * last as f64).round()))
    }

    pub(crate) fn check(&self) -> Result<(), CodecError> {
        if self.entries.is_empty() { Err(CodecError::Damaged("a lookup table is empty")) } else { Ok(()) }
    }
}

/// Which end of the scale is white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Polarity {
    /// As the photometric interpretation says.
    #[default]
    AsImage,
    /// The highest value, whatever the image says (Presentation LUT Shape IDENTITY).
    Identity,
    /// The lowest value, whatever the image says (Presentation LUT Shape INVERSE).
    Inverse,
}

/// Whether an image smaller than what it is to fit is made larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enlarge {
    /// It stays as small as it is.
    #[default]
    Never,
    /// By bilinear interpolation.
    ToFit,
}

/// All of it; the default changes nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Presentation {
    /// How many bits lie below the stored ones: High Bit + 1 − Bits Stored, where a frame is uncompressed.
    pub low_bits: u16,
    /// The lowest and highest stored value that is padding and no image: black, and no part of the range.
    pub padding: Option<(f64, f64)>,
    /// How the window is applied.
    pub function: WindowFunction,
    /// In place of rescale slope and intercept.
    pub modality_table: Option<Table>,
    /// In place of a window, if there is none.
    pub voi_table: Option<Table>,
    /// From the output of the window or VOI LUT to what is shown.
    pub presentation_table: Option<Table>,
    /// Which end is white.
    pub polarity: Polarity,
    /// Colours of the whole scale, from its lowest to its highest shade (PS3.3 §A.33.3, Pseudo-Color).
    pub pseudo_colours: Vec<[u8; 3]>,
    /// The first stored value that is a colour, and the colours from there on (PS3.3 §C.7.6.19, Supplemental Palette).
    pub supplemental: Option<(i32, Vec<[u8; 3]>)>,
    /// What hides parts of the image: seen is what all of them show.
    pub shutters: Vec<Shutter>,
    /// The colour of what is hidden.
    pub shutter_colour: [u8; 3],
    /// Bits that are drawn into the image, white.
    pub overlays: Vec<Overlay>,
    /// The part that is shown.
    pub region: Option<Region>,
    /// Height and width of a pixel, where it is not a square.
    pub pixel_aspect: Option<(f64, f64)>,
    /// Pixels of the picture for each of the image, if nothing says how large it has to be.
    pub magnification: Option<f64>,
    /// Whether it may become larger.
    pub enlarge: Enlarge,
    /// The colours that come out.
    pub colours: Option<Colours>,
    /// Lines and areas on top of the picture.
    pub graphics: Vec<Graphic>,
    /// Text on top of the picture.
    pub texts: Vec<Text>,
    /// What the text is set in.
    pub font: Option<Font>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_its_ends_for_what_lies_beside_it() {
        let table = Table { first: -1, entries: vec![0, 2048, 4095], bits: 12 };
        assert_eq!([-9.0, -1.0, 0.0, 1.0, 9.0].map(|value| table.entry(value)), [0, 0, 2048, 4095, 4095]);
        assert_eq!(
            [0.0, 0.4, 0.6, 1.0].map(|share| (table.at_share(share) * 255.0).round()),
            [0.0, 128.0, 128.0, 255.0]
        );
    }
}
