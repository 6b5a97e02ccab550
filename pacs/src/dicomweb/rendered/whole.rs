//! Pictures of an image that is stored as tiles (VL Whole Slide Microscopy): of all of it, or of the part that a viewport
//! names (PS3.18 §8.3.5.1.3), never tile by tile. Which tiles of which level that takes is known on the floor above, which
//! knows slides: it brings [`TiledImages`].

use super::options::{Annotation, Options, Profile};
use super::profile;
use crate::dicomweb::conditions::{self, Freshness, entity_tag_of, not_modified};
use crate::dicomweb::multipart::{self, Part, PartBytes};
use crate::dicomweb::problem::WebError;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use codec::{ColourSpace, Enlarge, ImageType, Region, Window, WindowFunction};
use futures_util::future::BoxFuture;
use model::Scope;
use std::sync::Arc;
use storage::{InstanceRef, Storage, StorageError};

/// What a picture without a viewport fits into.
const SIDE_DEFAULT: u32 = 2048;

/// A part of an image that is stored as tiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TiledPart {
    /// Which part, in pixels of the image (its total pixel matrix), and what of it is flipped.
    pub region: Region,
    /// Width and height of the picture.
    pub size: (u32, u32),
    /// What is made.
    pub image_type: ImageType,
    /// What becomes of colours.
    pub profile: TiledProfile,
    /// In place of the image's own window, where it has shades.
    pub window: Option<(Window, WindowFunction)>,
}

/// What becomes of the colours of an image that is stored as tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TiledProfile {
    /// They stay, and nothing is said of them.
    None,
    /// They stay, and the image's own profile comes along.
    Own,
    /// They are converted to sRGB by the image's own profile.
    Srgb,
}

/// A picture of a part of an image, and what makes it.
pub struct TiledPicture<'a> {
    /// A strong validator, with its quotes, of the pixels that come out: an image and a part may be made of another level
    /// later, when more of a slide has arrived.
    pub etag: String,
    /// Makes it.
    pub make: BoxFuture<'a, Result<TiledFile, TiledError>>,
}

/// A picture that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TiledFile {
    /// JPEG or PNG.
    pub bytes: Bytes,
    /// The image's own ICC profile, if it has one and it was asked for.
    pub profile: Option<Bytes>,
}

/// Why there is no picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TiledError {
    /// It is more than is made at once; the text says what to ask for.
    Refused(&'static str),
    /// Its tiles cannot be decoded.
    Undecodable(String),
    /// What is stored could not be read.
    Storage(StorageError),
}

/// Who knows images that are stored as tiles.
pub trait TiledImages: Send + Sync {
    /// Columns and rows of all of an image; `None` when it is none that is stored as tiles.
    fn size<'a>(
        &'a self,
        scope: &'a Scope,
        instance: &'a InstanceRef,
    ) -> BoxFuture<'a, Result<Option<(u32, u32)>, TiledError>>;

    /// A picture of a part of it, still to be made.
    fn picture<'a>(
        &'a self,
        scope: &'a Scope,
        instance: &'a InstanceRef,
        part: TiledPart,
    ) -> BoxFuture<'a, Result<TiledPicture<'a>, TiledError>>;
}

impl From<TiledError> for WebError {
    fn from(error: TiledError) -> Self {
        match error {
            TiledError::Refused(what) => Self::BadRequest(what.to_owned()),
            TiledError::Undecodable(why) => Self::Undecodable(why),
            TiledError::Storage(error) => error.into(),
        }
    }
}

/// The picture, if the image is one that is stored as tiles.
pub async fn answer(
    storage: &Storage,
    tiled: &Arc<dyn TiledImages>,
    scope: &Scope,
    instance: &InstanceRef,
    options: &Options,
    headers: &HeaderMap,
) -> Result<Option<Response>, WebError> {
    let Some(size) = tiled.size(scope, instance).await? else { return Ok(None) };
    let has_shades = instance.pixels().is_some_and(|pixels| pixels.samples_per_pixel == 1);
    let part = part(size, options, has_shades)?;
    let picture = tiled.picture(scope, instance, part).await?;
    let etag = entity_tag_of(&picture.etag, (options.media_type, options.is_multipart, part.profile));
    let mut response = match not_modified(headers, &etag) {
        Some(response) => response,
        None => {
            let file = with_profile(picture.make.await?, &part);
            if options.is_multipart {
                let part = Part::new(options.media_type, PartBytes::Memory(file));
                multipart::response(storage, options.media_type, None, std::iter::once(part))?
            } else {
                conditions::single(file, options.media_type, headers, &etag)?
            }
        }
    };
    if let Some(warning) = warning(options).and_then(|text| HeaderValue::from_str(&text).ok()) {
        response.headers_mut().insert(header::WARNING, warning);
    }
    // More of the slide may arrive.
    conditions::tag(&mut response, &etag, Freshness::AskAgain);
    Ok(Some(response))
}

fn with_profile(file: TiledFile, part: &TiledPart) -> Bytes {
    let TiledFile { bytes, profile } = file;
    let srgb = || Bytes::from_static(ColourSpace::Srgb.profile());
    let profile = match part.profile {
        TiledProfile::None => return bytes,
        TiledProfile::Own => profile.unwrap_or_else(srgb),
        TiledProfile::Srgb => srgb(),
    };
    profile::with_profile(bytes.to_vec(), part.image_type, &profile).into()
}

/// What is not written on the picture, for the client (PS3.18 §8.3.5.1.1): a slide's patient is not read out of each of its
/// parts.
fn warning(options: &Options) -> Option<String> {
    let Annotation { has_patient, has_technique, unknown } = &options.annotation;
    let known = [("patient", has_patient), ("technique", has_technique)];
    let known = known.into_iter().filter(|(_, is)| **is).map(|(word, _)| word);
    let words: Vec<&str> = known.chain(unknown.iter().map(String::as_str)).collect();
    let text = "the following annotation values are not supported";
    (!words.is_empty()).then(|| format!("299 - \"{text}: {}\"", words.join(", ")))
}

fn part((columns, rows): (u32, u32), options: &Options, has_shades: bool) -> Result<TiledPart, WebError> {
    let profile = match options.profile {
        Profile::No => TiledProfile::None,
        Profile::Yes => TiledProfile::Own,
        Profile::Of(ColourSpace::Srgb) => TiledProfile::Srgb,
        Profile::Of(_) => {
            let why = "iccprofile of an image that is stored as tiles is no, yes or srgb";
            return Err(WebError::BadRequest(why.to_owned()));
        }
    };
    let viewport = options.viewport.as_ref();
    let named = viewport.map(|viewport| viewport.region(columns, rows)).transpose()?.flatten();
    let region = named.unwrap_or_else(|| Region::whole(columns, rows));
    let fit = viewport.map_or((SIDE_DEFAULT, SIDE_DEFAULT), |viewport| viewport.size);
    let may_grow = viewport.is_some_and(|viewport| viewport.enlarge == Enlarge::ToFit);
    let size = fitted((region.width, region.height), fit, may_grow);
    // A colour image has no window.
    let window = options.window.filter(|_| has_shades);
    Ok(TiledPart { region, size, image_type: options.image_type, profile, window })
}

/// The largest size of the same aspect ratio.
fn fitted((width, height): (u32, u32), fit: (u32, u32), may_grow: bool) -> (u32, u32) {
    let scale = (f64::from(fit.0) / f64::from(width)).min(f64::from(fit.1) / f64::from(height));
    let scale = if may_grow { scale } else { scale.min(1.0) };
    let side = |length: u32, most: u32| ((f64::from(length) * scale).round() as u32).clamp(1, most.max(1));
    (side(width, fit.0), side(height, fit.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Options {
        Options::parse(Some(query), &HeaderMap::new(), None).unwrap()
    }

    #[test]
    fn a_window_is_for_shades_and_a_profile_for_colours() {
        let of = |query: &str, has_shades| part((100, 50), &asked(query), has_shades).unwrap();
        let window = Some((Window { center: 40.0, width: 400.0 }, WindowFunction::Linear));
        assert_eq!(of("window=40,400", true).window, window);
        assert_eq!(of("window=40,400", false).window, None);
        for (query, expected) in [
            ("", TiledProfile::None),
            ("iccprofile=no", TiledProfile::None),
            ("iccprofile=yes", TiledProfile::Own),
            ("iccprofile=srgb", TiledProfile::Srgb),
        ] {
            assert_eq!(of(query, false).profile, expected, "{query}");
        }
        assert!(part((100, 50), &asked("iccprofile=rommrgb"), false).is_err());
    }

    #[test]
    fn the_slides_own_profile_goes_along_or_srgbs_where_it_has_none() {
        let jpeg = || Bytes::from_static(b"\xFF\xD8\xFF\xD9");
        let part = |query| part((100, 50), &asked(query), false).unwrap();
        let own = TiledFile { bytes: jpeg(), profile: Some(Bytes::from_static(b"its own")) };
        assert!(with_profile(own, &part("iccprofile=yes")).windows(7).any(|bytes| bytes == b"its own"));
        let none = || TiledFile { bytes: jpeg(), profile: None };
        assert!(with_profile(none(), &part("iccprofile=yes")).len() > ColourSpace::Srgb.profile().len());
        assert_eq!(with_profile(none(), &part("")), jpeg());
    }

    #[test]
    fn what_is_not_written_on_a_picture_is_said() {
        let text = warning(&asked("annotation=patient,burnt-in")).unwrap();
        assert_eq!(text, "299 - \"the following annotation values are not supported: patient, burnt-in\"");
        assert_eq!(warning(&asked("")), None);
    }

    #[test]
    fn a_whole_slide_fits_into_a_screen_and_a_small_one_stays() {
        assert_eq!(fitted((100_000, 50_000), (2048, 2048), false), (2048, 1024));
        assert_eq!(fitted((100, 50), (2048, 2048), false), (100, 50));
        assert_eq!(fitted((100, 50), (400, 400), true), (400, 200));
        assert_eq!(fitted((100_000, 1), (100, 100), true), (100, 1));
    }
}
