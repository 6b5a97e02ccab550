//! What is done to a picture beyond a linear window: functions and tables (PS3.3 §C.11.1–2), shutters (§C.7.6.11), a
//! region of the image, flipped or enlarged (PS3.18 §8.3.5.1.3).

use crate::CodecError;
use crate::render::Window;

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

/// A table from values to values: a Modality LUT or a VOI LUT.
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
    #[allow(clippy::cast_possible_truncation, reason = "clamped to the table")]
    pub(crate) fn entry(&self, value: f64) -> u16 {
        let last = self.entries.len().saturating_sub(1);
        let index = (value.round() - f64::from(self.first)).clamp(0.0, last as f64) as usize;
        self.entries.get(index).copied().unwrap_or_default()
    }

    /// The entry for a value as a shade from 0 to 255.
    pub(crate) fn grey(&self, value: f64) -> u8 {
        let most = f64::from(u16::MAX >> (16 - self.bits.clamp(8, 16)));
        // A cast from float clamps.
        (f64::from(self.entry(value)) / most * 255.0).round() as u8
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

/// What remains visible; rows and columns of the image, counted from 1 (PS3.3 §C.7.6.11).
#[derive(Debug, Clone, PartialEq)]
pub enum Shutter {
    /// Left, right, upper and lower edge: the first and last columns and rows that are seen.
    Rectangle(f64, f64, f64, f64),
    /// Row and column of the centre, and the radius.
    Circle(f64, f64, f64),
    /// Row and column of each vertex.
    Polygon(Vec<(f64, f64)>),
}

impl Shutter {
    fn shows(&self, row: f64, column: f64) -> bool {
        match self {
            Self::Rectangle(left, right, upper, lower) => {
                (*left..=*right).contains(&column) && (*upper..=*lower).contains(&row)
            }
            Self::Circle(centre_row, centre_column, radius) => {
                (row - centre_row).hypot(column - centre_column) <= *radius
            }
            Self::Polygon(vertices) => is_inside(vertices, row, column),
        }
    }
}

/// Even-odd rule.
fn is_inside(vertices: &[(f64, f64)], row: f64, column: f64) -> bool {
    let Some(mut before) = vertices.last() else { return true };
    let mut inside = false;
    for vertex in vertices {
        let crosses = (vertex.0 > row) != (before.0 > row);
        if crosses && column < (before.1 - vertex.1) * (row - vertex.0) / (before.0 - vertex.0) + vertex.1 {
            inside = !inside;
        }
        before = vertex;
    }
    inside
}

/// A rectangle of the image, within it, and which of its axes are turned around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// First column, from 0.
    pub left: u32,
    /// First row, from 0.
    pub top: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Left and right are exchanged.
    pub horizontal: Direction,
    /// Top and bottom are exchanged.
    pub vertical: Direction,
}

/// Whether an axis runs as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// As stored.
    #[default]
    Kept,
    /// The other way around.
    Flipped,
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
    /// How the window is applied.
    pub function: WindowFunction,
    /// In place of rescale slope and intercept.
    pub modality_table: Option<Table>,
    /// In place of a window, if there is none.
    pub voi_table: Option<Table>,
    /// Which end is white.
    pub polarity: Polarity,
    /// What hides parts of the image: seen is what all of them show.
    pub shutters: Vec<Shutter>,
    /// The shade of what is hidden.
    pub shutter_grey: u8,
    /// The part that is shown.
    pub region: Option<Region>,
    /// Whether it may become larger.
    pub enlarge: Enlarge,
}

/// SIGMOID (PS3.3 §C.11.2.1.3.1), from 0 to 1.
pub(crate) fn sigmoid(window: Window, value: f64) -> f64 {
    1.0 / (1.0 + (-4.0 * (value - window.center) / window.width).exp())
}

/// Hides what the shutters do not show.
pub(crate) fn close_shutters(pixels: &mut [u8], channels: usize, width: u32, presentation: &Presentation) {
    if presentation.shutters.is_empty() || width == 0 {
        return;
    }
    for (index, pixel) in pixels.chunks_exact_mut(channels).enumerate() {
        let (row, column) = (index / width as usize, index % width as usize);
        let (row, column) = ((row + 1) as f64, (column + 1) as f64);
        if !presentation.shutters.iter().all(|shutter| shutter.shows(row, column)) {
            pixel.fill(presentation.shutter_grey);
        }
    }
}

/// The region's pixels.
///
/// # Errors
/// [`CodecError::Unsupported`] when it is not within the image, or empty.
pub(crate) fn cut(
    pixels: &[u8],
    channels: usize,
    (width, height): (u32, u32),
    region: &Region,
) -> Result<Vec<u8>, CodecError> {
    let outside = CodecError::Unsupported("a region that is not within the image");
    let fits = |first: u32, length: u32, whole: u32| {
        length > 0 && first.checked_add(length).is_some_and(|end| end <= whole)
    };
    if !fits(region.left, region.width, width) || !fits(region.top, region.height, height) {
        return Err(outside);
    }
    let stride = width as usize * channels;
    let (from, length) = (region.left as usize * channels, region.width as usize * channels);
    let mut out = Vec::with_capacity(length * region.height as usize);
    for line in 0..region.height as usize {
        let line = match region.vertical {
            Direction::Kept => line,
            Direction::Flipped => region.height as usize - 1 - line,
        };
        let start = (region.top as usize + line) * stride + from;
        let row = pixels.get(start..start + length).ok_or_else(|| outside.clone())?;
        match region.horizontal {
            Direction::Kept => out.extend_from_slice(row),
            Direction::Flipped => row.rchunks_exact(channels).for_each(|pixel| out.extend_from_slice(pixel)),
        }
    }
    Ok(out)
}

/// The size of an image that fills `fit` in one direction, with the same aspect ratio.
pub(crate) fn filled((width, height): (u32, u32), fit: (u32, u32)) -> (u32, u32) {
    let scale = (f64::from(fit.0) / f64::from(width.max(1))).min(f64::from(fit.1) / f64::from(height.max(1)));
    let side = |length: u32, most: u32| ((f64::from(length) * scale).round() as u32).clamp(1, most.max(1));
    (side(width, fit.0), side(height, fit.1))
}

/// Bilinear interpolation to a larger size.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the image")]
pub(crate) fn enlarged(pixels: &[u8], channels: usize, from: (u32, u32), to: (u32, u32)) -> Vec<u8> {
    let places = |source: u32, target: u32| -> Vec<(usize, usize, f32)> {
        (0..target)
            .map(|index| {
                let at = (f64::from(index) + 0.5) * f64::from(source) / f64::from(target) - 0.5;
                let at = at.clamp(0.0, f64::from(source - 1));
                let low = at.floor() as usize;
                (low, (low + 1).min(source as usize - 1), (at - at.floor()) as f32)
            })
            .collect()
    };
    let (columns, rows) = (places(from.0, to.0), places(from.1, to.1));
    let stride = from.0 as usize * channels;
    let at = |row: usize, column: usize, channel: usize| {
        f32::from(pixels.get(row * stride + column * channels + channel).copied().unwrap_or_default())
    };
    let mut out = Vec::with_capacity(to.0 as usize * to.1 as usize * channels);
    for &(top, bottom, down) in &rows {
        for &(left, right, across) in &columns {
            for channel in 0..channels {
                let upper = at(top, left, channel) * (1.0 - across) + at(top, right, channel) * across;
                let lower = at(bottom, left, channel) * (1.0 - across) + at(bottom, right, channel) * across;
                out.push((upper * (1.0 - down) + lower * down).round() as u8);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_its_ends_for_what_lies_beside_it() {
        let table = Table { first: -1, entries: vec![0, 2048, 4095], bits: 12 };
        assert_eq!([-9.0, -1.0, 0.0, 1.0, 9.0].map(|value| table.entry(value)), [0, 0, 2048, 4095, 4095]);
        assert_eq!([-1.0, 0.0, 1.0].map(|value| table.grey(value)), [0, 128, 255]);
    }

    #[test]
    fn a_region_is_cut_and_flipped() {
        let image = [1, 2, 3, 4, 5, 6];
        let whole = Region {
            left: 0,
            top: 0,
            width: 3,
            height: 2,
            horizontal: Direction::Kept,
            vertical: Direction::Kept,
        };
        let check = |region: Region, expected: &[u8]| {
            assert_eq!(cut(&image, 1, (3, 2), &region).unwrap(), expected, "{region:?}");
        };
        check(whole, &image);
        check(Region { left: 1, width: 2, ..whole }, &[2, 3, 5, 6]);
        check(Region { horizontal: Direction::Flipped, ..whole }, &[3, 2, 1, 6, 5, 4]);
        check(Region { vertical: Direction::Flipped, top: 1, height: 1, ..whole }, &[4, 5, 6]);
        check(Region { vertical: Direction::Flipped, ..whole }, &[4, 5, 6, 1, 2, 3]);
        for outside in
            [Region { left: 1, ..whole }, Region { width: 0, ..whole }, Region { top: u32::MAX, ..whole }]
        {
            assert!(cut(&image, 1, (3, 2), &outside).is_err(), "{outside:?}");
        }
    }

    #[test]
    fn shutters_hide_what_any_of_them_hides() {
        let shown = |shutter: Shutter| {
            let presentation = Presentation { shutters: vec![shutter], ..Presentation::default() };
            let mut pixels = vec![1; 16];
            close_shutters(&mut pixels, 1, 4, &presentation);
            pixels
        };
        let middle = [0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0];
        assert_eq!(shown(Shutter::Rectangle(2.0, 3.0, 2.0, 3.0)), middle);
        assert_eq!(shown(Shutter::Circle(2.5, 2.5, 1.0)), middle);
        assert_eq!(shown(Shutter::Polygon(vec![(1.5, 1.5), (1.5, 3.5), (3.5, 3.5), (3.5, 1.5)])), middle);
    }

    #[test]
    fn enlarging_keeps_corners_and_flat_areas() {
        let large = enlarged(&[0, 100, 100, 200], 1, (2, 2), (4, 4));
        assert_eq!((large[0], large[15], large.len()), (0, 200, 16));
        assert!(enlarged(&[7; 3], 3, (1, 1), (5, 2)).iter().all(|&value| value == 7));
        assert_eq!(filled((200, 100), (400, 400)), (400, 200));
    }

    #[test]
    fn a_sigmoid_is_half_at_its_centre() {
        let window = Window { center: 40.0, width: 400.0 };
        assert!((sigmoid(window, 40.0) - 0.5).abs() < 1e-9);
        assert!(sigmoid(window, 240.0) > 0.88 && sigmoid(window, -160.0) < 0.12);
    }
}
