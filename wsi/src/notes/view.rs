//! A field of view: what of a slide was on the screen, how large and how turned. And the arithmetic between the screen
//! and the slide.

use super::{NoteError, Point};
use crate::out::Seen;
use crate::{Composition, FocalPlane, LayerChoice, Slide};
use serde::{Deserialize, Serialize};

/// Pixels of a screen at most, along either side.
const SCREEN_PX_MAX: f64 = 20_000.0;
/// Pixels of the screen for one of level 0, at most and at least.
const ZOOM_MAX: f64 = 64.0;
const ZOOM_MIN: f64 = 1e-4;
/// Characters of the names of a plane and of an optical path.
const WORD_CHARS_MAX: usize = 200;
/// Characters of a choice of channels: sixteen with names, colours and windows.
const CHANNELS_CHARS_MAX: usize = 2000;

/// A field of view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldOfView {
    /// What is in the middle of the screen, pixels of level 0.
    pub x: f64,
    /// What is in the middle of the screen, pixels of level 0.
    pub y: f64,
    /// Pixels of the screen for one of level 0.
    pub zoom: f64,
    /// Clockwise, before it is mirrored.
    pub rotation_deg: f64,
    /// Whether left and right of the screen are exchanged, after the turn.
    pub mirrored: bool,
    /// The window's width, pixels of the screen.
    pub screen_width: f64,
    /// The window's height, pixels of the screen.
    pub screen_height: f64,
    /// Focal plane, where there are several: as tiles are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z: Option<String>,
    /// Optical path, where there are several: as tiles are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Channels with their colours and windows, where there are several: as tiles are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<String>,
}

impl FieldOfView {
    /// Checks that it shows something of a slide of this size (pixels of level 0).
    ///
    /// # Errors
    /// [`NoteError::Invalid`] `view`.
    pub fn check(&self, width: u32, height: u32) -> Result<(), NoteError> {
        let invalid = |why| Err(NoteError::Invalid { field: "view", why });
        let sides = [self.screen_width, self.screen_height];
        let is_number = [self.x, self.y, self.rotation_deg].iter().all(|number| number.is_finite());
        if !is_number
            || !sides.iter().all(|side| (1.0..=SCREEN_PX_MAX).contains(side))
            || !(ZOOM_MIN..=ZOOM_MAX).contains(&self.zoom)
            || self.rotation_deg.abs() > 3600.0
        {
            return invalid("视野无效 / this is no field of view");
        }
        let words =
            [(&self.z, WORD_CHARS_MAX), (&self.path, WORD_CHARS_MAX), (&self.channels, CHANNELS_CHARS_MAX)];
        let is_wrong = |(word, most): (&Option<String>, usize)| {
            word.as_ref().is_some_and(|word| word.chars().count() > most || word.contains(char::is_control))
        };
        if words.into_iter().any(is_wrong) {
            return invalid("视野无效 / this is no field of view");
        }
        let (from, to) = self.bounds();
        if to[0] <= 0.0 || to[1] <= 0.0 || from[0] >= f64::from(width) || from[1] >= f64::from(height) {
            return invalid("视野不在切片上 / the field of view is not on the slide");
        }
        Ok(())
    }

    /// The same with what is shown when nothing is chosen written down: what is usual may become something else.
    #[must_use]
    pub(super) fn complete(self, slide: &Slide) -> Self {
        let usual = || Composition::usual(slide).map(|composition| composition.to_string());
        let channels = if self.path.is_none() { self.channels.or_else(usual) } else { self.channels };
        let middle = || slide.middle_plane().filter(|_| slide.focal_planes.len() > 1).map(FocalPlane::name);
        Self { z: self.z.or_else(middle), channels, ..self }
    }

    /// Which plane, path or channels are seen; `None` when that is said wrongly.
    pub(super) fn seen(&self) -> Option<Seen> {
        let is_twofold = self.path.is_some() && self.channels.is_some();
        let layer = LayerChoice::parse(self.z.as_deref(), self.path.as_deref()).filter(|_| !is_twofold)?;
        Some(Seen { layer, channels: self.channels.clone(), ..Seen::default() })
    }

    /// Width of what is seen, pixels of level 0, along the screen's rows.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.screen_width / self.zoom
    }

    /// Height of what is seen, pixels of level 0, along the screen's columns.
    #[must_use]
    pub fn height(&self) -> f64 {
        self.screen_height / self.zoom
    }

    /// Where a point of the window lies on the slide: `across` and `down` from its middle, as shares of its width and
    /// height (−0.5 to 0.5).
    #[must_use]
    pub fn to_slide(&self, across: f64, down: f64) -> Point {
        let across = if self.mirrored { -across } else { across };
        let (x, y) = (across * self.width(), down * self.height());
        let (sin, cos) = self.rotation_deg.to_radians().sin_cos();
        [self.x + x * cos + y * sin, self.y - x * sin + y * cos]
    }

    /// Upper left and lower right corner of the box around what is seen, pixels of level 0; it may reach beyond the
    /// slide.
    #[must_use]
    pub fn bounds(&self) -> (Point, Point) {
        let corners = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
            .map(|(across, down)| self.to_slide(across, down));
        let fold = |pick: fn(f64, f64) -> f64, axis: usize| {
            corners.iter().map(|corner| corner[axis]).fold(corners[0][axis], pick)
        };
        ([fold(f64::min, 0), fold(f64::min, 1)], [fold(f64::max, 0), fold(f64::max, 1)])
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A window of 800 × 600 that shows each pixel twice as large.
    pub(crate) fn view() -> FieldOfView {
        FieldOfView {
            x: 1000.0,
            y: 500.0,
            zoom: 2.0,
            rotation_deg: 0.0,
            mirrored: false,
            screen_width: 800.0,
            screen_height: 600.0,
            z: None,
            path: None,
            channels: None,
        }
    }

    fn check(view: &FieldOfView, across: f64, down: f64, x: f64, y: f64) {
        let [found_x, found_y] = view.to_slide(across, down);
        assert!((found_x - x).abs() < 1e-9 && (found_y - y).abs() < 1e-9, "{found_x} {found_y}");
    }

    #[test]
    fn the_right_edge_of_the_window_is_where_the_viewer_has_it() {
        let plain = view();
        check(&plain, 0.5, 0.0, 1200.0, 500.0);
        // A quarter turn clockwise brings what was right below.
        let turned = FieldOfView { rotation_deg: 90.0, ..view() };
        check(&turned, 0.0, 0.5, 1150.0, 500.0);
        check(&turned, 0.5, 0.0, 1000.0, 300.0);
        // A mirror exchanges left and right of the screen, after the turn.
        check(&FieldOfView { mirrored: true, ..view() }, 0.5, 0.0, 800.0, 500.0);
        check(&FieldOfView { mirrored: true, ..turned }, 0.5, 0.0, 1000.0, 700.0);
    }

    #[test]
    fn a_field_of_view_is_on_its_slide() {
        let is_on = |change: fn(&mut FieldOfView)| {
            let mut view = view();
            change(&mut view);
            view.check(2000, 1000).is_ok()
        };
        assert!(is_on(|_| ()));
        assert!(is_on(|view| view.x = -150.0));
        assert!(!is_on(|view| view.x = -250.0));
        assert!(!is_on(|view| view.y = 1200.0));
        assert!(!is_on(|view| view.zoom = 0.0));
        assert!(!is_on(|view| view.zoom = f64::NAN));
        assert!(!is_on(|view| view.screen_width = 1e9));
        assert!(!is_on(|view| view.rotation_deg = f64::INFINITY));
        assert!(!is_on(|view| view.path = Some("x".repeat(1000))));
    }
}
