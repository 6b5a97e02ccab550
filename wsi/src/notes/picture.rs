//! The picture of a field of view, as it was on the screen: made of stored tiles, turned and mirrored, at most as sharp as
//! the level that it is made of.

use super::bookmarks::KeptPicture;
use super::{FieldOfView, NoteError};
use crate::out::{Form, Rectangle, View, blocking};
use crate::slides::Remembered;
use crate::{Slide, SlideError, Slides};
use bytes::Bytes;
use codec::ImageType;
use model::{Scope, Sha256, SlideId, Uid};
use sha2::{Digest as _, Sha256 as Hasher};

/// The longer side of a picture, pixels. Printed 80 mm wide that is 380 to the inch.
const SIDE_PX: f64 = 1200.0;
/// The longer side at least: where few pixels of level 0 fill the screen, they are shown larger.
const SIDE_PX_MIN: f64 = 480.0;
/// JPEG quality: no visible loss.
const QUALITY: u8 = 92;
/// Where there is no slide.
const NOTHING: [u8; 3] = [0xF3, 0xF4, 0xF6];

impl Slides {
    /// Makes the picture: a JPEG file, and what it was made of.
    pub(super) async fn field_of_view(
        &self,
        scope: &Scope,
        id: &SlideId,
        view: &FieldOfView,
    ) -> Result<(Bytes, KeptPicture), NoteError> {
        let found = self.reach(scope, id).await?;
        let slide = found.slide.clone();
        let seen = view.seen().ok_or(NO_VIEW)?;
        let size = picture_size(view);
        let (part, part_size) = part(view, size, &slide).ok_or(SlideError::NotFound)?;
        // Without loss: the picture is encoded once, when it has been turned.
        let wanted = View { image_type: ImageType::Png, ..View::plain(part, part_size) };
        let form = self.view_of(scope, id, seen, |_| Some(wanted)).await.map_err(unseen)?;
        let (level, instance) = self.made_of(&found, &form, &wanted).await?;
        let png = self.make(form).await?.bytes;
        let view = view.clone();
        let jpeg = blocking(move || turned(&png, &view, part, size)).await?;
        let sha256 = Sha256::from_slice(&Hasher::digest(&jpeg)).map_err(|_| SlideError::Damaged("a hash"))?;
        let (width, height) = size;
        let picture = KeptPicture { sha256, width, height, level, instance };
        Ok((jpeg.into(), picture))
    }

    /// The level that a picture is made of, and the instance that holds its plane of its path; of several channels, that of
    /// the first.
    async fn made_of(&self, found: &Remembered, form: &Form, view: &View) -> Result<(u32, Uid), SlideError> {
        let layer = form.layer();
        let (level, _) = view.source(&found.slide, layer, self.storage.limits())?;
        let holder = self.holder(found, level, layer).await?;
        Ok((level, holder.instance().clone()))
    }
}

const NO_VIEW: NoteError =
    NoteError::Invalid { field: "view", why: "视野无效 / this is no field of view" };

/// A plane, path or choice of channels that the slide does not have.
fn unseen(error: SlideError) -> NoteError {
    match error {
        SlideError::Invalid(_) | SlideError::NotFound => NO_VIEW,
        other => other.into(),
    }
}

/// Pixels of the picture: no more than there are in what is seen, within bounds.
fn picture_size(view: &FieldOfView) -> (u32, u32) {
    let (width, height) = (view.width(), view.height());
    let longer = width.max(height);
    let scale = longer.clamp(SIDE_PX_MIN, SIDE_PX) / longer;
    // At most SIDE_PX, so nothing is cut off.
    let side = |length: f64| (length * scale).round().max(1.0) as u32;
    (side(width), side(height))
}

/// The upright part of the slide around what is seen, and its size when a pixel is as large as in the picture, or as in
/// level 0 where that is larger. `None`: nothing of the slide is seen.
fn part(view: &FieldOfView, size: (u32, u32), slide: &Slide) -> Option<(Rectangle, (u32, u32))> {
    let (from, to) = view.bounds();
    let cut = |from: f64, to: f64, most: u32| {
        let first = from.floor().clamp(0.0, f64::from(most)) as u32;
        let end = to.ceil().clamp(0.0, f64::from(most)) as u32;
        end.checked_sub(first).filter(|length| *length > 0).map(|length| (first, length))
    };
    let (x, width) = cut(from[0], to[0], slide.width())?;
    let (y, height) = cut(from[1], to[1], slide.height())?;
    let px_per_px = (view.width() / f64::from(size.0)).max(1.0);
    let side = |length: u32| (f64::from(length) / px_per_px).ceil().max(1.0) as u32;
    Some((Rectangle { x, y, width, height }, (side(width), side(height))))
}

/// Turns the upright part into the picture and encodes it.
fn turned(
    png: &[u8],
    view: &FieldOfView,
    part: Rectangle,
    (width, height): (u32, u32),
) -> Result<Vec<u8>, SlideError> {
    let source = Source::read(png)?;
    let across = f64::from(source.width) / f64::from(part.width);
    let down = f64::from(source.height) / f64::from(part.height);
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    for row in 0..height {
        for column in 0..width {
            let share = |at: u32, of: u32| (f64::from(at) + 0.5) / f64::from(of) - 0.5;
            let [x, y] = view.to_slide(share(column, width), share(row, height));
            let (x, y) = ((x - f64::from(part.x)) * across, (y - f64::from(part.y)) * down);
            pixels.extend(source.at(x, y).unwrap_or(NOTHING));
        }
    }
    codec::encode_jpeg_rgb(&pixels, width, height, QUALITY).map_err(crate::out::undone)
}

/// Pixels in RGB, row by row.
struct Source {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Source {
    /// Reads what [`Slides::make`] has written: eight bits, grey or RGB.
    fn read(png: &[u8]) -> Result<Self, SlideError> {
        let damaged = |_| SlideError::Damaged("a picture of a slide could not be read");
        let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().map_err(damaged)?;
        let bytes = reader.output_buffer_size().ok_or(SlideError::OverLimit("pixels of a picture"))?;
        let mut pixels = vec![0; bytes];
        let info = reader.next_frame(&mut pixels).map_err(damaged)?;
        pixels.truncate(info.buffer_size());
        let pixels = match info.color_type {
            png::ColorType::Rgb => pixels,
            png::ColorType::Grayscale => pixels.iter().flat_map(|shade| [*shade; 3]).collect(),
            _ => return Err(SlideError::Damaged("a picture of a slide has other colours than it should")),
        };
        Ok(Self { width: info.width, height: info.height, pixels })
    }

    /// What is at a place (pixels, the first one's middle is 0.5), between its four neighbours; `None` outside.
    fn at(&self, x: f64, y: f64) -> Option<[u8; 3]> {
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        if !(0.0..=width).contains(&x) || !(0.0..=height).contains(&y) {
            return None;
        }
        let (x, y) = ((x - 0.5).clamp(0.0, width - 1.0), (y - 0.5).clamp(0.0, height - 1.0));
        let (left, top) = (x.floor(), y.floor());
        let (right, below) = ((left + 1.0).min(width - 1.0), (top + 1.0).min(height - 1.0));
        let (to_right, to_below) = (x - left, y - top);
        let pixel = |column: f64, row: f64| {
            let at = (row as usize * self.width as usize + column as usize) * 3;
            self.pixels.get(at..at + 3).map(|rgb| [rgb[0], rgb[1], rgb[2]].map(f64::from))
        };
        let corners = [pixel(left, top)?, pixel(right, top)?, pixel(left, below)?, pixel(right, below)?];
        let mix = |a: f64, b: f64, share: f64| a + (b - a) * share;
        Some(std::array::from_fn(|part| {
            let [a, b, c, d] = corners.map(|rgb| rgb[part]);
            // Between bytes, so a byte.
            mix(mix(a, b, to_right), mix(c, d, to_right), to_below).round() as u8
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::tests::view;
    use super::*;

    #[test]
    fn pictures_are_as_sharp_as_what_is_seen_within_bounds() {
        let zoomed = |zoom: f64| picture_size(&FieldOfView { zoom, ..view() });
        assert_eq!(zoomed(1.0), (800, 600));
        assert_eq!(zoomed(0.1), (1200, 900));
        assert_eq!(zoomed(32.0), (480, 360));
    }

    #[test]
    fn a_pixel_between_others_is_between_them() {
        let source = Source { width: 2, height: 1, pixels: vec![0, 0, 0, 200, 100, 50] };
        assert_eq!(source.at(0.5, 0.5), Some([0, 0, 0]));
        assert_eq!(source.at(1.5, 0.5), Some([200, 100, 50]));
        assert_eq!(source.at(1.0, 0.5), Some([100, 50, 25]));
        assert_eq!(source.at(2.0, 0.0), Some([200, 100, 50]));
        assert_eq!(source.at(2.1, 0.5), None);
        assert_eq!(source.at(f64::NAN, 0.5), None);
    }
}
