//! Text on pictures, set in an outline font, with a rim of the opposite shade so that it can be read on any ground.

use super::canvas::Canvas;
use super::draw::{Align, Corner, Place, Projection, Text};
use crate::CodecError;
use ab_glyph::{Font as _, FontVec, PxScale, ScaleFont as _, point};
use std::sync::Arc;

/// Characters of one picture; what is beyond is not written.
const CHARACTERS_MAX: usize = 2_000;
/// Pixels of an em: a part of the picture's shorter side, within bounds.
const EM_PART: f32 = 28.0;
const EM_MIN: f32 = 10.0;
const EM_MAX: f32 = 96.0;
/// Ems from line to line.
const LEADING: f32 = 1.3;

/// An outline font (TrueType or OpenType).
#[derive(Clone)]
pub struct Font(Arc<FontVec>);

impl std::fmt::Debug for Font {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Font")
    }
}

impl PartialEq for Font {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Font {
    /// From a font file, or the face with this number of a collection.
    ///
    /// # Errors
    /// [`CodecError::Damaged`] when it is none.
    pub fn new(file: Vec<u8>, face: u32) -> Result<Self, CodecError> {
        let font = FontVec::try_from_vec_and_index(file, face);
        font.map(|font| Self(Arc::new(font))).map_err(|_| CodecError::Damaged("the font file"))
    }

    /// Whether it has a glyph for a character.
    #[must_use]
    pub fn has(&self, character: char) -> bool {
        self.0.glyph_id(character).0 != 0
    }

    /// What makes an em this many pixels high.
    fn scale(&self, em: f32) -> PxScale {
        PxScale::from(em * self.0.height_unscaled() / self.0.units_per_em().unwrap_or(1000.0))
    }

    fn width(&self, line: &str, em: f32) -> f32 {
        let font = self.0.as_scaled(self.scale(em));
        line.chars().map(|character| font.h_advance(font.glyph_id(character))).sum()
    }
}

/// Pixels of an em on a picture.
fn em(canvas: &Canvas) -> f32 {
    (canvas.width.min(canvas.height) as f32 / EM_PART).clamp(EM_MIN, EM_MAX)
}

/// Writes all texts.
pub(super) fn write(canvas: &mut Canvas, texts: &[Text], font: &Font, projection: &Projection<'_>) {
    let em = em(canvas);
    let mut left = CHARACTERS_MAX;
    for text in texts {
        let Some(block) = Block::of(text, font, em, canvas, projection) else { continue };
        for (number, line) in text.lines.iter().enumerate() {
            // A line counts, too: an empty one is not free.
            left = left.saturating_sub(line.chars().count() + 1);
            if left == 0 {
                return;
            }
            let x = block.x + (block.width - font.width(line, em)) * block.share;
            let top = block.y + number as f32 * em * LEADING;
            write_line(canvas, line, font, em, (x, top), text.ink);
        }
    }
}

/// Where the lines of a text stand.
struct Block {
    x: f32,
    y: f32,
    width: f32,
    /// 0 for lines that stand along the left side, 1 for the right.
    share: f32,
}

impl Block {
    fn of(text: &Text, font: &Font, em: f32, canvas: &Canvas, projection: &Projection<'_>) -> Option<Self> {
        let height = text.lines.len() as f32 * em * LEADING;
        let widest = || text.lines.iter().map(|line| font.width(line, em)).fold(0.0, f32::max);
        Some(match &text.place {
            Place::Corner(corner) => {
                let margin = em / 3.0;
                let width = canvas.width as f32 - 2.0 * margin;
                let (share, is_low) = match corner {
                    Corner::UpperLeft => (0.0, false),
                    Corner::UpperRight => (1.0, false),
                    Corner::LowerLeft => (0.0, true),
                    Corner::LowerRight => (1.0, true),
                };
                let y = if is_low { canvas.height as f32 - margin - height } else { margin };
                Self { x: margin, y, width, share }
            }
            Place::Box { corners: [a, b], space, align } => {
                let (a, b) = (projection.place(*a, *space)?, projection.place(*b, *space)?);
                let share = match align {
                    Align::Left => 0.0,
                    Align::Centre => 0.5,
                    Align::Right => 1.0,
                };
                let width = (a.0 - b.0).abs() as f32;
                Self { x: a.0.min(b.0) as f32, y: a.1.min(b.1) as f32, width, share }
            }
            Place::Anchor { at, space } => {
                let at = projection.place(*at, *space)?;
                let (x, y) = (at.0 as f32 + em / 3.0, at.1 as f32 - height / 2.0);
                Self { x, y, width: widest(), share: 0.0 }
            }
        })
    }
}

/// Writes a line whose em box begins at `at`.
fn write_line(canvas: &mut Canvas, line: &str, font: &Font, em: f32, at: (f32, f32), ink: [u8; 3]) {
    let scale = font.scale(em);
    let scaled = font.0.as_scaled(scale);
    let rim = (em / 16.0).round().max(1.0) as i64;
    // The line's own mask, with room for the rim and for what glyphs do beyond their boxes, and no larger than the canvas.
    let room = rim + (em / 4.0) as i64;
    let x_first = (at.0.floor() as i64).saturating_sub(room).max(0);
    let y_first = (at.1.floor() as i64).saturating_sub(room).max(0);
    let x_end = (at.0 + font.width(line, em)).ceil() as i64;
    let x_end = x_end.saturating_add(room).min(canvas.width.into());
    let y_end = ((at.1 + em * 1.5).ceil() as i64).saturating_add(room).min(canvas.height.into());
    if x_first >= x_end || y_first >= y_end {
        return;
    }
    let (mask_width, mask_height) = ((x_end - x_first) as usize, (y_end - y_first) as usize);
    let mut mask = vec![0_u8; mask_width * mask_height];
    // The baseline of an em box is 0.88 below its top in East Asian fonts, and near it in others.
    let (mut x, baseline) = (at.0, at.1 + em * (0.88 + (LEADING - 1.0) / 2.0));
    for character in line.chars() {
        let id = scaled.glyph_id(if character.is_control() { ' ' } else { character });
        let glyph = id.with_scale_and_position(scale, point(x, baseline));
        x += scaled.h_advance(id);
        let Some(outline) = scaled.outline_glyph(glyph) else { continue };
        let bounds = outline.px_bounds();
        let (left, top) = (bounds.min.x as i64 - x_first, bounds.min.y as i64 - y_first);
        outline.draw(|across, down, coverage| {
            let (column, row) = (left + i64::from(across), top + i64::from(down));
            let is_inside =
                (0..mask_width as i64).contains(&column) && (0..mask_height as i64).contains(&row);
            if is_inside && let Some(cell) = mask.get_mut(row as usize * mask_width + column as usize) {
                *cell = (*cell).max((coverage * 255.0).round() as u8);
            }
        });
    }
    let is_bright = u32::from(ink[0]) + u32::from(ink[1]) + u32::from(ink[2]) >= 384;
    let rim_ink = canvas.ink(if is_bright { [0; 3] } else { [255; 3] });
    let around = widened(&mask, mask_width, rim as usize);
    let ink = canvas.ink(ink);
    let channels = canvas.layout.samples();
    for (row, (line, around)) in
        mask.chunks_exact(mask_width).zip(around.chunks_exact(mask_width)).enumerate()
    {
        let start = ((y_first as usize + row) * canvas.width as usize + x_first as usize) * channels;
        let Some(pixels) = canvas.pixels.get_mut(start..start + mask_width * channels) else { continue };
        for ((pixel, coverage), around) in pixels.chunks_exact_mut(channels).zip(line).zip(around) {
            blend(pixel, rim_ink, *around);
            blend(pixel, ink, *coverage);
        }
    }
}

fn blend(pixel: &mut [u8], ink: [u8; 3], coverage: u8) {
    if coverage == 0 {
        return;
    }
    let coverage = u32::from(coverage);
    for (sample, ink) in pixel.iter_mut().zip(ink) {
        let mixed = u32::from(*sample) * (255 - coverage) + u32::from(ink) * coverage;
        *sample = ((mixed + 127) / 255) as u8;
    }
}

/// The greatest coverage within a square around each pixel: across, then down.
fn widened(mask: &[u8], width: usize, by: usize) -> Vec<u8> {
    let most = |line: &[u8], at: usize| {
        line[at.saturating_sub(by)..(at + by + 1).min(line.len())].iter().copied().max().unwrap_or(0)
    };
    let across: Vec<u8> =
        mask.chunks_exact(width).flat_map(|line| (0..width).map(move |at| most(line, at))).collect();
    let height = mask.len() / width;
    let mut out = vec![0; mask.len()];
    for row in 0..height {
        for near in row.saturating_sub(by)..(row + by + 1).min(height) {
            let source = &across[near * width..(near + 1) * width];
            for (target, value) in out[row * width..(row + 1) * width].iter_mut().zip(source) {
                *target = (*target).max(*value);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rim_is_one_pixel_around() {
        let mut mask = vec![0; 25];
        mask[12] = 200;
        let around = widened(&mask, 5, 1);
        let expected = [0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(around, expected.map(|bit: u8| bit * 200));
    }

    #[test]
    fn what_is_no_font_is_refused() {
        assert!(Font::new(b"none".to_vec(), 0).is_err());
    }
}
