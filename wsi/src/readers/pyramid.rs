//! What readers of TIFF share: which images belong to a pyramid, how much they may claim, and what a TIFF says of its
//! own scale.

use super::tiles::{Form, TiledImage};
use super::{Geometry, TileSource, tag};
use crate::slide::Mpp;
use crate::small_image::{self, SmallImage};
use crate::tiff::{Directory, Tiff};
use crate::{AssociatedKind, SlideError};
use model::Limits;
use std::sync::Arc;

/// Bytes of an ImageDescription.
const DESCRIPTION_BYTES_MAX: u64 = 1 << 20;
/// Bytes of an ICC profile.
const ICC_BYTES_MAX: u64 = 8 << 20;
/// Levels of one pyramid.
pub(crate) const LEVELS_MAX: usize = 64;
/// Images may share bytes (all white tiles, say), and tiles may be left empty, but not so that a small file becomes a huge one.
const SHARING_MAX: u64 = 4;
const SHARING_FREE_BYTES: u64 = 64 << 20;
/// Bytes that a frame has beyond its tile.
const FRAME_EXTRA_BYTES: u64 = 64;

/// What is gathered while the images of a file are looked through.
#[derive(Default)]
pub(crate) struct Gathered {
    pub levels: Vec<Arc<TiledImage>>,
    pub associated: Vec<(AssociatedKind, SmallImage)>,
    pub omitted: Vec<String>,
}

impl Gathered {
    pub fn level(&mut self, image: TiledImage) -> Result<(), SlideError> {
        if self.levels.len() >= LEVELS_MAX {
            return Err(SlideError::OverLimit("levels"));
        }
        self.levels.push(Arc::new(image));
        Ok(())
    }

    /// Takes a small image of the TIFF; one that cannot be decoded is left out and named.
    ///
    /// # Errors
    /// Those of [`Self::small_image`].
    pub fn associated(
        &mut self,
        kind: AssociatedKind,
        tiff: &Tiff,
        directory: &Directory,
        limits: &Limits,
    ) -> Result<(), SlideError> {
        self.small_image(kind, || small_image::of_directory(tiff, directory, limits))
    }

    /// Takes a small image from anywhere.
    ///
    /// # Errors
    /// What says nothing of the image, such as a codec that was busy: without its label a slide would stay so for good.
    pub fn small_image(
        &mut self,
        kind: AssociatedKind,
        decode: impl FnOnce() -> Result<SmallImage, SlideError>,
    ) -> Result<(), SlideError> {
        if self.associated.iter().any(|(other, _)| *other == kind) {
            self.omitted.push(format!("a second {}", kind.as_str()));
            return Ok(());
        }
        match decode() {
            Ok(image) => self.associated.push((kind, image)),
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => self.omitted.push(format!("{}: {error}", kind.as_str())),
        }
        Ok(())
    }

    /// The levels, after a check of what they claim together.
    pub fn checked_levels(
        &mut self,
        tiff: &Tiff,
        limits: &Limits,
    ) -> Result<Vec<Arc<dyn TileSource>>, SlideError> {
        let levels: Vec<_> = self.levels.iter().map(std::slice::from_ref).collect();
        check_total(tiff, &levels, limits)?;
        Ok(self.levels.drain(..).map(|level| level as Arc<dyn TileSource>).collect())
    }
}

/// Bytes that images may claim of a file together.
pub(crate) fn claimed_max(tiff: &Tiff) -> u64 {
    tiff.length().saturating_mul(SHARING_MAX).saturating_add(SHARING_FREE_BYTES)
}

/// Bounds what the instances will take, and what tiles that share bytes, or are left empty, can make of a small file. Each
/// level is the images of its layers.
pub(crate) fn check_total(
    tiff: &Tiff,
    levels: &[&[Arc<TiledImage>]],
    limits: &Limits,
) -> Result<(), SlideError> {
    let mut most = claimed_max(tiff);
    let (mut total, mut white_total) = (0_u64, 0_u64);
    for level in levels {
        let (mut bytes, mut white, mut extra) = (0_u64, 0_u64, 0_u64);
        for image in *level {
            let claimed = image.claimed_bytes()?;
            bytes = bytes.saturating_add(claimed.0);
            white = white.saturating_add(claimed.1);
            extra = extra.saturating_add(image.geometry.tile_count().saturating_mul(FRAME_EXTRA_BYTES));
        }
        let bytes = bytes.saturating_add(extra);
        if bytes.saturating_add(white) > limits.object_bytes_max {
            return Err(SlideError::OverLimit("bytes of a level"));
        }
        total = total.saturating_add(bytes);
        white_total = white_total.saturating_add(white);
        most = most.saturating_add(extra);
    }
    if total > most {
        return Err(SlideError::Damaged("its tiles overlap"));
    }
    if total.saturating_add(white_total) > most {
        return Err(SlideError::OverLimit("tiles that it leaves empty"));
    }
    Ok(())
}

/// Whether an image has the proportions of level 0, within the rounding that small images need.
pub(crate) fn is_same_shape(form: &Form, level: &Geometry) -> bool {
    is_alike((form.width, form.height), level)
}

/// The same of a size in pixels.
pub(crate) fn is_alike((width, height): (u64, u64), level: &Geometry) -> bool {
    if width == 0 || height == 0 {
        return false;
    }
    let across = f64::from(level.width) / width as f64;
    let down = f64::from(level.height) / height as f64;
    let rounding = 1.0 / width.min(height) as f64;
    (across / down - 1.0).abs() <= 0.01 + 2.0 * rounding
}

/// Whether a tiled image is a further level: of the proportions of level 0, not larger, and of a size of its own.
pub(crate) fn is_level(form: &Form, levels: &[Arc<TiledImage>]) -> bool {
    let Some(base) = levels.first().map(|level| &level.geometry) else { return false };
    let is_smaller = form.width <= base.width.into() && form.height <= base.height.into();
    let is_new = !levels.iter().any(|level| u64::from(level.geometry.width) == form.width);
    is_smaller && is_new && is_same_shape(form, base)
}

pub(crate) fn description(tiff: &Tiff, directory: &Directory) -> Result<String, SlideError> {
    tiff.text(directory, tag::IMAGE_DESCRIPTION, DESCRIPTION_BYTES_MAX)
}

pub(crate) fn icc_profile(tiff: &Tiff, directory: &Directory) -> Option<Vec<u8>> {
    tiff.bytes(directory, tag::ICC_PROFILE, ICC_BYTES_MAX).ok().flatten()
}

pub(crate) fn positive(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

/// Power of an objective.
pub(crate) fn power(text: &str) -> Option<f64> {
    positive(text).filter(|power| *power <= 1000.0)
}

/// Micrometres per pixel of anything that a microscope scans.
pub(crate) fn plausible(mpp: f64) -> Option<f64> {
    (0.01..=100.0).contains(&mpp).then_some(mpp)
}

/// Micrometres per pixel along a row and a column, when both can be.
pub(crate) fn plausible_mpp(x: f64, y: f64) -> Option<Mpp> {
    plausible(x).zip(plausible(y)).map(|(x, y)| Mpp { x, y })
}

/// Micrometres per pixel from the TIFF's own resolution, when it has a unit.
pub(crate) fn resolution(tiff: &Tiff, directory: &Directory) -> Result<Option<Mpp>, SlideError> {
    let um_per_unit = match tiff.uint(directory, tag::RESOLUTION_UNIT)?.unwrap_or(2) {
        2 => 25_400.0,
        3 => 10_000.0,
        _ => return Ok(None),
    };
    let mpp = |tag| -> Result<Option<f64>, SlideError> {
        let per_unit = tiff.number(directory, tag)?.filter(|number| *number > 0.0);
        // Below 10 µm, or it is a printer's resolution that some library wrote without being asked.
        Ok(per_unit.map(|number| um_per_unit / number).and_then(plausible).filter(|mpp| *mpp < 10.0))
    };
    Ok(mpp(tag::X_RESOLUTION)?.zip(mpp(tag::Y_RESOLUTION)?).map(|(x, y)| Mpp { x, y }))
}

/// A day as `YYYYMMDD` when there is such a day and a slide can be of it.
pub(crate) fn day(year: u16, month: u8, day: u8) -> Option<String> {
    let name = time::Month::try_from(month).ok()?;
    time::Date::from_calendar_date(year.into(), name, day).ok()?;
    (1990..2200).contains(&year).then(|| format!("{year:04}{month:02}{day:02}"))
}

/// `2026-11-02T09:15:00…` or `2026/11/02 09:15:00…` as `YYYYMMDD` and `HHMMSS`.
pub(crate) fn date_and_time(text: &str) -> (Option<String>, Option<String>) {
    let text = text.trim();
    let number = |range: Range| text.get(range.0..range.1).and_then(|part| part.parse::<u16>().ok());
    let date = || {
        let small = |range| u8::try_from(number(range)?).ok();
        day(number(Range(0, 4))?, small(Range(5, 7))?, small(Range(8, 10))?)
    };
    let date = date();
    let time = text.get(11..19).filter(|_| date.is_some()).and_then(clock);
    (date, time)
}

/// First and last byte of a part of a text.
struct Range(usize, usize);

/// `09:59:15` as `HHMMSS`.
pub(crate) fn clock(text: &str) -> Option<String> {
    let mut parts = text.split(':').map(str::parse::<u8>);
    let (hour, minute, second) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    time::Time::from_hms(hour, minute, second).ok()?;
    parts.next().is_none().then(|| format!("{hour:02}{minute:02}{second:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_read_and_nonsense_is_not() {
        let both = |date: &str, time: &str| (Some(date.to_owned()), Some(time.to_owned()));
        assert_eq!(date_and_time("2026-11-02T09:15:00.123Z"), both("20261102", "091500"));
        assert_eq!(date_and_time("2014/07/03 20:21:59"), both("20140703", "202159"));
        assert_eq!(date_and_time("2026-11-02"), (Some("20261102".to_owned()), None));
        for nonsense in ["", "2026-13-02T09:15:00", "02.11.2026 09:15", "年月日年月日年月日"] {
            assert_eq!(date_and_time(nonsense), (None, None), "{nonsense}");
        }
    }
}
