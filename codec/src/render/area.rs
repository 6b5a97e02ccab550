//! The part of an image that is shown, how it is turned (PS3.3 §C.10.4, §C.10.6; PS3.18 §8.3.5.1.3), and how large.

use crate::CodecError;

/// A rectangle of the image, and how its axes are turned. What of it lies outside the image is black.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// First column, from 0.
    pub left: i64,
    /// First row, from 0.
    pub top: i64,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Rows become columns and columns rows, before anything is flipped.
    pub axes: Axes,
    /// Left and right of what is seen are exchanged.
    pub horizontal: Direction,
    /// Top and bottom of what is seen are exchanged.
    pub vertical: Direction,
}

/// Whether rows are rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Axes {
    /// As stored.
    #[default]
    Kept,
    /// Rows and columns are exchanged.
    Exchanged,
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

impl Region {
    /// All of an image with so many columns and rows, as it is stored.
    #[must_use]
    pub fn whole(columns: u32, rows: u32) -> Self {
        Self {
            left: 0,
            top: 0,
            width: columns,
            height: rows,
            axes: Axes::Kept,
            horizontal: Direction::Kept,
            vertical: Direction::Kept,
        }
    }

    /// Width and height of what is seen.
    pub(super) fn turned_size(&self) -> (u32, u32) {
        match self.axes {
            Axes::Kept => (self.width, self.height),
            Axes::Exchanged => (self.height, self.width),
        }
    }

    /// Where a place of the image (from the upper left corner of its first pixel) is seen, as shares of the region.
    pub(super) fn share_of(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let x = (x - self.left as f64) / f64::from(self.width);
        let y = (y - self.top as f64) / f64::from(self.height);
        let (x, y) = match self.axes {
            Axes::Kept => (x, y),
            Axes::Exchanged => (y, x),
        };
        let turned =
            |share: f64, direction| if direction == Direction::Flipped { 1.0 - share } else { share };
        (turned(x, self.horizontal), turned(y, self.vertical))
    }
}

/// The region's pixels, turned.
///
/// # Errors
/// [`CodecError::Unsupported`] when it is empty or more than 16 million pixels larger than the image.
pub(super) fn cut(
    pixels: &[u8],
    channels: usize,
    (width, height): (u32, u32),
    region: &Region,
) -> Result<Vec<u8>, CodecError> {
    const BEYOND_MAX: u64 = 16 << 20;
    let size = u64::from(region.width) * u64::from(region.height);
    if size == 0 || size > u64::from(width) * u64::from(height) + BEYOND_MAX {
        return Err(CodecError::Unsupported("a region that is empty, or far larger than the image"));
    }
    let (seen_width, seen_height) = region.turned_size();
    let stride = i64::from(width) * channels as i64;
    // What one step to the right and one step down on the picture are in the image's bytes, and where it begins.
    let step = |direction, length: u32| match direction {
        Direction::Kept => (0, 1),
        Direction::Flipped => (i64::from(length) - 1, -1),
    };
    let (x_first, x_step) = step(region.horizontal, seen_width);
    let (y_first, y_step) = step(region.vertical, seen_height);
    let mut out = Vec::with_capacity(seen_width as usize * seen_height as usize * channels);
    let is_within = region.left >= 0
        && region.top >= 0
        && region.left.saturating_add(region.width.into()) <= i64::from(width)
        && region.top.saturating_add(region.height.into()) <= i64::from(height);
    let is_straight = is_within && region.axes == Axes::Kept && x_step == 1;
    for y in 0..i64::from(seen_height) {
        let across = y_first + y * y_step;
        if is_straight {
            let start = ((region.top + across) * stride + region.left * channels as i64) as usize;
            out.extend_from_slice(
                pixels.get(start..start + seen_width as usize * channels).unwrap_or_default(),
            );
            continue;
        }
        for x in 0..i64::from(seen_width) {
            let along = x_first + x * x_step;
            let (column, row) = match region.axes {
                Axes::Kept => (region.left.saturating_add(along), region.top.saturating_add(across)),
                Axes::Exchanged => (region.left.saturating_add(across), region.top.saturating_add(along)),
            };
            let is_inside = (0..i64::from(width)).contains(&column) && (0..i64::from(height)).contains(&row);
            let at = (row * i64::from(is_inside) * stride + column * i64::from(is_inside) * channels as i64)
                as usize;
            match pixels.get(at..at + channels).filter(|_| is_inside) {
                Some(pixel) => out.extend_from_slice(pixel),
                None => out.resize(out.len() + channels, 0),
            }
        }
    }
    Ok(out)
}

/// The size on a grid of squares of an image whose pixels have this height and width.
pub(super) fn natural_size((width, height): (u32, u32), aspect: Option<(f64, f64)>) -> (f64, f64) {
    let (width, height) = (f64::from(width), f64::from(height));
    match aspect {
        Some((tall, wide)) if tall > wide => (width, height * tall / wide),
        Some((tall, wide)) => (width * wide / tall, height),
        None => (width, height),
    }
}

/// Whole pixels, at least one.
pub(super) fn whole((width, height): (f64, f64)) -> (u32, u32) {
    let side = |length: f64| length.round().clamp(1.0, f64::from(u32::MAX)) as u32;
    (side(width), side(height))
}

/// The size of an image that fills `fit` in one direction, with the same aspect ratio.
pub(super) fn filled((width, height): (f64, f64), fit: (u32, u32)) -> (u32, u32) {
    let scale = (f64::from(fit.0) / width.max(1.0)).min(f64::from(fit.1) / height.max(1.0));
    let side = |length: f64, most: u32| ((length * scale).round() as u32).clamp(1, most.max(1));
    (side(width, fit.0), side(height, fit.1))
}

/// Bilinear interpolation to a size that is nowhere smaller.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the image")]
pub(super) fn enlarged(pixels: &[u8], channels: usize, from: (u32, u32), to: (u32, u32)) -> Vec<u8> {
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
    fn a_region_is_cut_and_turned() {
        let image = [1, 2, 3, 4, 5, 6];
        let whole = Region::whole(3, 2);
        let check = |region: Region, expected: &[u8]| {
            assert_eq!(cut(&image, 1, (3, 2), &region).unwrap(), expected, "{region:?}");
        };
        check(whole, &image);
        check(Region { left: 1, width: 2, ..whole }, &[2, 3, 5, 6]);
        check(Region { horizontal: Direction::Flipped, ..whole }, &[3, 2, 1, 6, 5, 4]);
        check(Region { vertical: Direction::Flipped, top: 1, height: 1, ..whole }, &[4, 5, 6]);
        check(Region { vertical: Direction::Flipped, ..whole }, &[4, 5, 6, 1, 2, 3]);
        let exchanged = Region { axes: Axes::Exchanged, ..whole };
        check(exchanged, &[1, 4, 2, 5, 3, 6]);
        // A quarter clockwise.
        check(Region { horizontal: Direction::Flipped, ..exchanged }, &[4, 1, 5, 2, 6, 3]);
        check(Region { left: -1, top: 1, width: 3, ..whole }, &[0, 4, 5, 0, 0, 0]);
        check(Region { left: i64::MAX, top: i64::MIN, width: 1, height: 1, ..whole }, &[0]);
        assert!(cut(&image, 1, (3, 2), &Region { width: 0, ..whole }).is_err());
        assert!(cut(&image, 1, (3, 2), &Region { width: u32::MAX, height: 9, ..whole }).is_err());
    }

    #[test]
    fn places_are_seen_where_their_pixels_are() {
        // A quarter clockwise: the upper left corner is seen at the upper right.
        let quarter = Region { axes: Axes::Exchanged, horizontal: Direction::Flipped, ..Region::whole(4, 2) };
        assert_eq!(quarter.share_of((0.0, 0.0)), (1.0, 0.0));
        assert_eq!(quarter.share_of((4.0, 0.0)), (1.0, 1.0));
        assert_eq!(quarter.share_of((1.0, 2.0)), (0.0, 0.25));
    }

    #[test]
    fn enlarging_keeps_corners_and_flat_areas() {
        let large = enlarged(&[0, 100, 100, 200], 1, (2, 2), (4, 4));
        assert_eq!((large[0], large[15], large.len()), (0, 200, 16));
        assert!(enlarged(&[7; 3], 3, (1, 1), (5, 2)).iter().all(|&value| value == 7));
        assert_eq!(filled((200.0, 100.0), (400, 400)), (400, 200));
        assert_eq!(natural_size((10, 10), Some((2.0, 1.0))), (10.0, 20.0));
        assert_eq!(natural_size((10, 10), Some((1.0, 2.0))), (20.0, 10.0));
    }
}
