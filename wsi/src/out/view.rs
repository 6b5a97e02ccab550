//! Which part of a slide is wanted, how large and how turned; and which level it is made of. Nothing here reads a pixel.

use super::Colouring;
use crate::layers::LayerChoice;
use crate::{Level, Slide, SlideError};
use codec::{Axes, Cut, Direction, ImageType, Region};
use model::Limits;

/// A level may be so much coarser than what is asked for: pyramids are a pixel more or less than their factors say.
const COARSER: f64 = 1.005;

/// A rectangle, in pixels of the largest level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rectangle {
    /// From the left.
    pub x: u32,
    /// From the top.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Quarter turns clockwise, after a mirror image (left and right exchanged) if there is to be one: IIIF Image API 3.0
/// §4.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Turn {
    /// 0 to 3.
    pub quarters: u8,
    /// Whether left and right are exchanged first.
    pub is_mirrored: bool,
}

/// What becomes of colours (IIIF Image API 3.0 §4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Quality {
    /// They stay.
    #[default]
    Colour,
    /// Shades of grey.
    Grey,
    /// Black and white.
    Bitonal,
}

/// A picture of a part of a slide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Which part.
    pub part: Rectangle,
    /// Its width and height in the picture, before it is turned.
    pub size: (u32, u32),
    /// How it is turned.
    pub turn: Turn,
    /// What becomes of colours.
    pub quality: Quality,
    /// Whether they are converted.
    pub colouring: Colouring,
    /// What is made.
    pub image_type: ImageType,
}

/// A tile of a level, of which so many columns and rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Native {
    pub level: u32,
    pub x: u32,
    pub y: u32,
    /// Whether that is the whole tile.
    pub is_whole: bool,
}

/// The factor between the largest level and this one, when it is a whole number: each side is what division by it gives,
/// rounded up or down.
#[must_use]
pub fn native_scale(slide: &Slide, level: &Level) -> Option<u32> {
    let factor = (f64::from(slide.width()) / f64::from(level.width.max(1))).round() as u32;
    let is_side = |whole: u32, side: u32| side == whole.div_ceil(factor) || side == (whole / factor).max(1);
    let is_whole = factor > 0 && is_side(slide.width(), level.width) && is_side(slide.height(), level.height);
    is_whole.then_some(factor)
}

/// Whether browsers can show a slide's tiles as they are stored; if not, they are made into JPEG for them.
#[must_use]
pub fn is_shown_as_stored(slide: &Slide) -> bool {
    slide.grade.codec.starts_with("JPEG baseline")
}

/// Pixels of the largest level in one of this level, along either axis.
fn scale(slide: &Slide, level: &Level) -> (f64, f64) {
    match native_scale(slide, level) {
        Some(factor) => (factor.into(), factor.into()),
        None => (
            f64::from(slide.width()) / f64::from(level.width.max(1)),
            f64::from(slide.height()) / f64::from(level.height.max(1)),
        ),
    }
}

impl Rectangle {
    /// From pixels of a level to pixels of the largest.
    #[must_use]
    pub fn of_level(slide: &Slide, level: &Level, part: [u32; 4]) -> Self {
        let (across, down) = scale(slide, level);
        let axis = |from: u32, length: u32, scale: f64, whole: u32| {
            let at = |place: u32| ((f64::from(place) * scale).round() as u32).min(whole);
            let first = at(from).min(whole.saturating_sub(1));
            (first, at(from.saturating_add(length)).max(first + 1) - first)
        };
        let [x, y, width, height] = part;
        let ((x, width), (y, height)) =
            (axis(x, width, across, slide.width()), axis(y, height, down, slide.height()));
        Self { x, y, width, height }
    }
}

impl View {
    /// Colours and orientation as stored, as JPEG.
    #[must_use]
    pub fn plain(part: Rectangle, size: (u32, u32)) -> Self {
        Self {
            part,
            size,
            turn: Turn::default(),
            quality: Quality::default(),
            colouring: Colouring::default(),
            image_type: ImageType::Jpeg(super::QUALITY),
        }
    }

    /// Whether a stored tile could be this picture.
    fn is_plain(&self) -> bool {
        *self == Self::plain(self.part, self.size)
    }

    /// The tile that is this picture, or has it in its upper left corner, of a level that has the layer.
    pub(crate) fn native(&self, slide: &Slide, layer: &LayerChoice) -> Option<Native> {
        if !self.is_plain() {
            return None;
        }
        let Rectangle { x, y, width, height } = self.part;
        let has_layer = |level: &&Level| slide.shown(level, layer).is_some();
        slide.levels.iter().filter(has_layer).find_map(|level| {
            let factor = native_scale(slide, level)?;
            let (across, down) =
                (level.tile_width.checked_mul(factor)?, level.tile_height.checked_mul(factor)?);
            let is_on_grid = x.is_multiple_of(across) && y.is_multiple_of(down);
            let is_to_border = |from: u32, length: u32, step: u32, whole: u32| {
                length == step || (length < step && from.checked_add(length) == Some(whole))
            };
            let is_tile = is_on_grid
                && is_to_border(x, width, across, slide.width())
                && is_to_border(y, height, down, slide.height())
                && self.size == (width.div_ceil(factor), height.div_ceil(factor));
            if !is_tile {
                return None;
            }
            let (column, row) = (x / across, y / down);
            // A level that was rounded down lacks the last column that is asked for.
            let has = |place: u32, tile: u32, size: u32, whole: u32| {
                place
                    .checked_mul(tile)
                    .and_then(|first| first.checked_add(size))
                    .is_some_and(|end| end <= whole)
            };
            let is_there = has(column, level.tile_width, self.size.0, level.width)
                && has(row, level.tile_height, self.size.1, level.height);
            let is_whole = self.size == (level.tile_width, level.tile_height);
            is_there.then_some(Native { level: level.level, x: column, y: row, is_whole })
        })
    }

    /// What of which level it is made of: the smallest that has the layer, and still the resolution.
    ///
    /// # Errors
    /// [`SlideError::Refused`] when the part is not within the slide, or the picture or what it is made of is over a
    /// limit.
    pub(crate) fn source(
        &self,
        slide: &Slide,
        layer: &LayerChoice,
        limits: &Limits,
    ) -> Result<(u32, Cut), SlideError> {
        self.check(slide.width(), slide.height(), limits)?;
        let Rectangle { x, y, width, height } = self.part;
        let wanted = (f64::from(width) / f64::from(self.size.0), f64::from(height) / f64::from(self.size.1));
        let is_fine = |level: &&Level| {
            let (across, down) = scale(slide, level);
            across <= wanted.0 * COARSER && down <= wanted.1 * COARSER
        };
        let levels = || slide.levels.iter().filter(|level| slide.shown(level, layer).is_some());
        let level = levels().rev().find(is_fine).or(levels().next()).ok_or(SlideError::NotFound)?;
        let (across, down) = scale(slide, level);
        let length = (f64::from(width) / across, f64::from(height) / down);
        let between = |size: u32, length: f64| size.min(length.ceil().max(1.0) as u32);
        let cut = Cut {
            image: (level.width, level.height),
            tile: (level.tile_width, level.tile_height),
            from: (f64::from(x) / across, f64::from(y) / down),
            length,
            // Made larger only when it is whole.
            size: (between(self.size.0, length.0), between(self.size.1, length.1)),
        };
        Ok((level.level, cut))
    }

    /// Refuses what is empty, outside an image of this size, or larger than the limits allow.
    pub(crate) fn check(&self, width: u32, height: u32, limits: &Limits) -> Result<(), SlideError> {
        let Rectangle { x, y, width: columns, height: rows } = self.part;
        let is_within = |from: u32, length: u32, whole: u32| {
            length > 0 && from.checked_add(length).is_some_and(|end| end <= whole)
        };
        if !is_within(x, columns, width) || !is_within(y, rows, height) {
            return Err(SlideError::Refused("the region is not within the image"));
        }
        let (across, down) = self.size;
        if across == 0 || down == 0 {
            return Err(SlideError::Refused("the picture would be empty"));
        }
        let is_large = u64::from(across) * u64::from(down) > limits.region_pixels_max;
        if is_large || across.max(down) > limits.region_side_max {
            return Err(SlideError::Refused(
                "the picture would be larger than this server makes (maxWidth, maxHeight, maxArea in info.json): ask for \
                 a smaller one",
            ));
        }
        Ok(())
    }
}

impl Turn {
    /// As a part that is all of a picture of this size.
    pub(crate) fn of(self, (width, height): (u32, u32)) -> Region {
        let flipped = |is: bool| if is { Direction::Flipped } else { Direction::Kept };
        // Clockwise quarters: exchange the axes, then flip. A mirror image flips what was left and right before the turn.
        let (axes, horizontal, vertical) = match self.quarters % 4 {
            0 => (Axes::Kept, self.is_mirrored, false),
            1 => (Axes::Exchanged, true, self.is_mirrored),
            2 => (Axes::Kept, !self.is_mirrored, true),
            _ => (Axes::Exchanged, false, !self.is_mirrored),
        };
        Region {
            axes,
            horizontal: flipped(horizontal),
            vertical: flipped(vertical),
            ..Region::whole(width, height)
        }
    }

    /// Whether nothing is turned.
    pub(crate) fn is_none(self) -> bool {
        self.quarters.is_multiple_of(4) && !self.is_mirrored
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
pub(super) mod tests;
