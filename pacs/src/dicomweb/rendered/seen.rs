//! A picture of a frame as somebody saw it on the screen: with their window, and the way round in which they had it.

use super::look::window_of;
use super::options::{Annotation, Options, Profile, Viewport};
use super::way::Way;
use super::{Job, document};
use crate::dicomweb::problem::WebError;
use bytes::Bytes;
use codec::{Enlarge, ImageType, Polarity, Region, Window, WindowFunction};
use dataset::{PixelDescription, Rendering};
use model::Scope;
use storage::{InstanceRef, Storage};

const QUALITY: u8 = 90;

/// How far an image is turned, clockwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Turn {
    /// Not at all.
    None,
    /// By 90°.
    Quarter,
    /// By 180°.
    Half,
    /// By 270°.
    ThreeQuarters,
}

/// How a frame was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Which frame, from 0.
    pub frame: u32,
    /// The window; `None` for the image's own look. It means nothing in colour.
    pub window: Option<Window>,
    /// Whether black and white were exchanged.
    pub is_inverted: bool,
    /// How it was turned.
    pub turn: Turn,
    /// Whether left and right were exchanged, after the turn.
    pub is_mirrored: bool,
    /// Width and height that the picture fits into.
    pub fit: (u32, u32),
}

impl Seen {
    /// All of an image that is upright in this way, turned from there.
    pub(super) fn region(&self, upright: Way, pixels: &PixelDescription) -> Region {
        let quarters = match self.turn {
            Turn::None => 0,
            Turn::Quarter => 1,
            Turn::Half => 2,
            Turn::ThreeQuarters => 3,
        };
        let way = upright.then(Way { quarters, is_mirrored: self.is_mirrored });
        way.turn(Region::whole(pixels.columns, pixels.rows))
    }

    /// Which end is white, given what the image says.
    pub(super) fn polarity(&self, of_image: Polarity, pixels: &PixelDescription) -> Polarity {
        let is_low_white = match of_image {
            Polarity::AsImage => pixels.photometric_interpretation == "MONOCHROME1",
            Polarity::Identity => false,
            Polarity::Inverse => true,
        };
        match self.is_inverted {
            false => of_image,
            true if is_low_white => Polarity::Identity,
            true => Polarity::Inverse,
        }
    }

    /// The window with the function that the image itself has.
    pub(super) fn window(&self, own: &Rendering) -> Option<(Window, WindowFunction)> {
        let function = window_of(own).map_or(WindowFunction::Linear, |(_, function)| function);
        self.window.map(|window| (window, function))
    }
}

/// A JPEG file of one frame as it was seen. The scope is the one that reached it.
///
/// # Errors
/// [`WebError::NoImage`] for what has no such frame, and as of pixels.
pub async fn picture(
    storage: &Storage,
    scope: &Scope,
    instance: &InstanceRef,
    seen: Seen,
) -> Result<Bytes, WebError> {
    if document::is_document(instance) || seen.frame >= instance.frame_count() {
        return Err(WebError::NoImage("it has no such frame"));
    }
    storage.note_read(scope, instance);
    let viewport = Viewport { size: seen.fit, source: None, share: None, enlarge: Enlarge::ToFit };
    let options = Options {
        image_type: ImageType::Jpeg(QUALITY),
        media_type: "image/jpeg",
        is_multipart: false,
        viewport: Some(viewport),
        window: None,
        profile: Profile::No,
        annotation: Annotation::default(),
    };
    Job::as_seen(scope, instance, &options, seen).run(storage).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(photometric: &str) -> PixelDescription {
        PixelDescription {
            rows: 3,
            columns: 4,
            samples_per_pixel: 1,
            bits_allocated: 16,
            bits_stored: 12,
            high_bit: 11,
            is_signed: false,
            is_float: false,
            is_planar: false,
            photometric_interpretation: photometric.into(),
            frames: 1,
            rendering: None,
        }
    }

    fn seen(turn: Turn, is_mirrored: bool) -> Seen {
        Seen { frame: 0, window: None, is_inverted: true, turn, is_mirrored, fit: (512, 512) }
    }

    #[test]
    fn a_turn_is_clockwise_and_a_mirror_comes_after_it() {
        use codec::Axes;
        use codec::Direction::{Flipped, Kept};
        for (turn, is_mirrored, expected) in [
            (Turn::None, false, (Axes::Kept, Kept, Kept)),
            (Turn::Quarter, false, (Axes::Exchanged, Flipped, Kept)),
            (Turn::Half, false, (Axes::Kept, Flipped, Flipped)),
            (Turn::ThreeQuarters, false, (Axes::Exchanged, Kept, Flipped)),
            (Turn::None, true, (Axes::Kept, Flipped, Kept)),
            (Turn::Quarter, true, (Axes::Exchanged, Kept, Kept)),
        ] {
            let region = seen(turn, is_mirrored).region(Way::default(), &pixels("MONOCHROME2"));
            assert_eq!((region.axes, region.horizontal, region.vertical), expected, "{turn:?}");
        }
    }

    #[test]
    fn what_is_white_becomes_black_whatever_the_image_says() {
        for (photometric, own, expected) in [
            ("MONOCHROME2", Polarity::AsImage, Polarity::Inverse),
            ("MONOCHROME1", Polarity::AsImage, Polarity::Identity),
            ("MONOCHROME1", Polarity::Identity, Polarity::Inverse),
            ("MONOCHROME2", Polarity::Inverse, Polarity::Identity),
        ] {
            assert_eq!(seen(Turn::None, false).polarity(own, &pixels(photometric)), expected);
        }
    }
}
