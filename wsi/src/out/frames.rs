//! A stored frame as pixels for the eye. All frames of a level look alike: shades never depend on the frame.

use super::derived::Seat;
use super::undone;
use crate::composite::frame_format;
use crate::layers::{Channel, LayerChoice};
use crate::{Revision, Slide, SlideError, Slides};
use bytes::Bytes;
use codec::{ImageType, Presentation, Raster, Render, Window, WindowFunction};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use storage::InstanceRef;

/// Colours as they are.
pub(crate) fn plain_look() -> Render {
    Render {
        slope: 1.0,
        intercept: 0.0,
        window: None,
        palette: None,
        fit: None,
        image_type: ImageType::Jpeg(super::QUALITY),
        presentation: Presentation::default(),
    }
}

/// What of a slide is seen, and how.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// Which plane and path.
    pub layer: LayerChoice,
    /// In place of the image's own window, where it has shades.
    pub window: Option<(Window, WindowFunction)>,
    /// Channels put together instead of one path, as [`crate::Composition::parse`] reads it.
    pub channels: Option<String>,
    /// What the slide has to consist of, when the address says so.
    pub revision: Option<Revision>,
}

/// How frames of a slide are shown: colours as they are; shades by the window that is asked for, the image's own, that of
/// the optical path, or by all that their bits can say.
pub(crate) fn look(slide: &Slide, instance: &InstanceRef, seen: &Seen) -> Result<Arc<Render>, SlideError> {
    let pixels = instance.pixels().ok_or(SlideError::NotFound)?;
    let mut look = plain_look();
    if pixels.samples_per_pixel > 1 {
        return Ok(Arc::new(look));
    }
    let own = pixels.rendering.clone().unwrap_or_default();
    (look.slope, look.intercept) = (own.slope, own.intercept);
    if let Some((window, function)) = seen.window {
        look.window = Some(window);
        look.presentation.function = function;
        return Ok(Arc::new(look));
    }
    if let Some((center, width)) = own.window {
        look.window = Some(Window { center, width });
        return Ok(Arc::new(look));
    }
    let is_chosen =
        |channel: &&Channel| seen.layer.path.as_ref().is_none_or(|path| *path == channel.identifier);
    let channel = slide.channels.iter().find(is_chosen);
    let (low, high) = match channel.and_then(|channel| channel.window) {
        Some(window) => (window.low.into(), window.high.into()),
        None => full_range(pixels.bits_stored, pixels.is_signed),
    };
    let [low, high] = [low, high].map(|value| value * own.slope + own.intercept);
    // LINEAR (PS3.3 §C.11.2.1.2.1): the lowest value is black, the highest white.
    look.window = Some(Window { center: (low + high + 1.0) / 2.0, width: (high - low).abs() + 1.0 });
    Ok(Arc::new(look))
}

/// What names how shades are shown, in a validator; empty for colours. A window may change while a slide arrives, and
/// depends on the path that is asked for: the same frame is then another picture.
pub(crate) fn shades_of(look: &Render) -> String {
    let Some(window) = look.window else { return String::new() };
    let said = format!("{} {} {window:?} {:?}", look.slope, look.intercept, look.presentation.function);
    let digest: [u8; 32] = Sha256::digest(said.as_bytes()).into();
    digest.iter().take(8).fold("-".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

impl Slides {
    /// Reads frames of instances, to be decoded one after another on a blocking thread: each with its number as given.
    pub(crate) async fn decoding(
        &self,
        frames: Vec<(u32, InstanceRef, u32)>,
        look: Arc<Render>,
    ) -> Result<impl Iterator<Item = (u32, Result<Raster, SlideError>)> + Send + 'static, SlideError> {
        let mut jobs = Vec::with_capacity(frames.len());
        for (number, instance, frame) in frames {
            let bytes = self.storage.frame(&instance, frame).await?;
            jobs.push((number, frame_format(&instance)?, instance.syntax().clone(), bytes));
        }
        self.derived.note_decoded(jobs.len());
        let most = self.storage.limits().frame_pixel_bytes_max;
        Ok(jobs.into_iter().map(move |(number, format, syntax, bytes)| {
            let pixels = codec::decode(syntax.as_str(), &bytes, &format, most).map_err(undone);
            (number, pixels.and_then(|pixels| Raster::seen(&pixels, &look).map_err(undone)))
        }))
    }

    /// One frame as a picture, worked on where it was decoded.
    pub(crate) async fn of_one_frame(
        &self,
        (instance, frame): (InstanceRef, u32),
        look: Arc<Render>,
        seat: Seat,
        work: impl FnOnce(Raster) -> Result<Bytes, SlideError> + Send + 'static,
    ) -> Result<Bytes, SlideError> {
        let mut decoding = self.decoding(vec![(0, instance, frame)], look).await?;
        blocking(move || {
            let _seat = seat;
            let (_, raster) = decoding.next().ok_or(SlideError::NotFound)?;
            work(raster?)
        })
        .await
    }
}

/// Runs work on pixels on a blocking thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SlideError> + Send + 'static,
) -> Result<T, SlideError> {
    let stopped =
        || SlideError::Storage(storage::StorageError::Unavailable("a working thread has stopped".to_owned()));
    tokio::task::spawn_blocking(work).await.map_err(|_| stopped())?
}

/// All that so many bits can say.
fn full_range(bits_stored: u16, is_signed: bool) -> (f64, f64) {
    let values = 2_f64.powi(bits_stored.into());
    if is_signed { (-values / 2.0, values / 2.0 - 1.0) } else { (0.0, values - 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validator_tells_windows_apart() {
        let shown = |center, width| Render { window: Some(Window { center, width }), ..plain_look() };
        assert_eq!(shades_of(&plain_look()), "");
        assert_eq!(shades_of(&shown(10.0, 20.0)), shades_of(&shown(10.0, 20.0)));
        let rescaled = Render { slope: 2.0, ..shown(10.0, 20.0) };
        let all =
            [shown(10.0, 20.0), shown(10.0, 20.5), shown(11.0, 20.0), rescaled].map(|look| shades_of(&look));
        assert!(all.iter().all(|one| all.iter().filter(|other| *other == one).count() == 1), "{all:?}");
    }
}
