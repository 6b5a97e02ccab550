//! Pictures of an image that is stored as tiles (VL Whole Slide Microscopy): of all of it, or of the part that a viewport
//! names (PS3.18 §8.3.5.1.3), never tile by tile. Which tiles of which level that takes is known on the floor above, which
//! knows slides: it brings [`TiledImages`].

use super::options::{Options, Profile};
use super::profile;
use crate::dicomweb::conditions::{self, Freshness, entity_tag, not_modified};
use crate::dicomweb::problem::WebError;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use codec::{ColourSpace, Enlarge, ImageType, Region};
use futures_util::future::BoxFuture;
use model::Scope;
use std::sync::Arc;
use storage::{InstanceRef, StorageError};

/// What a picture without a viewport fits into.
const SIDE_DEFAULT: u32 = 2048;

/// A part of an image that is stored as tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TiledPart {
    /// Which part, in pixels of the image (its total pixel matrix), and what of it is flipped.
    pub region: Region,
    /// Width and height of the picture.
    pub size: (u32, u32),
    /// What is made.
    pub image_type: ImageType,
    /// Whether colours are converted to sRGB by the image's own profile.
    pub is_srgb: bool,
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

    /// A picture of a part of it.
    fn picture<'a>(
        &'a self,
        scope: &'a Scope,
        instance: &'a InstanceRef,
        part: TiledPart,
    ) -> BoxFuture<'a, Result<Bytes, TiledError>>;
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
    tiled: &Arc<dyn TiledImages>,
    scope: &Scope,
    instance: &InstanceRef,
    options: &Options,
    headers: &HeaderMap,
) -> Result<Option<Response>, WebError> {
    let Some(size) = tiled.size(scope, instance).await? else { return Ok(None) };
    let part = part(size, options)?;
    let etag = entity_tag(instance.sha256(), format!("{part:?}"));
    if let Some(response) = not_modified(headers, &etag) {
        return Ok(Some(response));
    }
    let mut file = tiled.picture(scope, instance, part).await?;
    if part.is_srgb {
        file = profile::with_profile(file.to_vec(), part.image_type, ColourSpace::Srgb.profile()).into();
    }
    let mut response = conditions::single(file, options.media_type, headers, &etag)?;
    conditions::tag(&mut response, &etag, Freshness::Day);
    Ok(Some(response))
}

fn part((columns, rows): (u32, u32), options: &Options) -> Result<TiledPart, WebError> {
    let refused = |what: &str| Err(WebError::BadRequest(what.to_owned()));
    let is_srgb = match options.profile {
        Profile::No => false,
        Profile::Of(ColourSpace::Srgb) => true,
        _ => return refused("iccprofile of an image that is stored as tiles is no or srgb"),
    };
    if options.annotation != super::options::Annotation::default() {
        return refused("nothing is written on an image that is stored as tiles");
    }
    let viewport = options.viewport.as_ref();
    let named = viewport.map(|viewport| viewport.region(columns, rows)).transpose()?.flatten();
    let region = named.unwrap_or_else(|| Region::whole(columns, rows));
    let fit = viewport.map_or((SIDE_DEFAULT, SIDE_DEFAULT), |viewport| viewport.size);
    let may_grow = viewport.is_some_and(|viewport| viewport.enlarge == Enlarge::ToFit);
    let size = fitted((region.width, region.height), fit, may_grow);
    Ok(TiledPart { region, size, image_type: options.image_type, is_srgb })
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

    #[test]
    fn a_whole_slide_fits_into_a_screen_and_a_small_one_stays() {
        assert_eq!(fitted((100_000, 50_000), (2048, 2048), false), (2048, 1024));
        assert_eq!(fitted((100, 50), (2048, 2048), false), (100, 50));
        assert_eq!(fitted((100, 50), (400, 400), true), (400, 200));
        assert_eq!(fitted((100_000, 1), (100, 100), true), (100, 1));
    }
}
