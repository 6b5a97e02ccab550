//! Tiles of several channels put together on the way out: decoded, coloured and added once, and kept.

use crate::composite::{Canvas, Composition, Drawn, frame_format, samples};
use crate::layers::LayerChoice;
use crate::out::{Output, QUALITY, Seen, Work, blocking, undone};
use crate::slides::Remembered;
use crate::tile::{Place, is_within};
use crate::{SlideError, Slides};
use codec::{ImageType, Raster};
use model::{Scope, SlideId};
use sha2::{Digest as _, Sha256};

/// A tile of several channels that nobody has made yet.
#[derive(Clone)]
pub struct ComposedTile {
    composition: Composition,
    /// Where the tile of each channel is; `None` when the level lacks the channel.
    places: Vec<Option<Place>>,
    size: (u32, u32),
    /// A strong validator (RFC 9110 §8.8.1) with its quotes.
    pub etag: String,
    /// Whether the same address may be another tile later, as [`crate::Slide::may_change`] says; one that names a
    /// revision never is.
    pub may_change: bool,
    found: Remembered,
}

impl Slides {
    /// Where the channels of a tile (level, column, row) are: those that are asked for, or those that are usually put
    /// together.
    ///
    /// # Errors
    /// [`SlideError::NotFound`] as for [`Slides::tile_of`], and when there are not several channels; [`SlideError::Invalid`]
    /// when the composition is none of this slide.
    pub async fn composed_tile(
        &self,
        scope: &Scope,
        id: &SlideId,
        (level, x, y): (u32, u32, u32),
        seen: &Seen,
    ) -> Result<ComposedTile, SlideError> {
        let found = self.reach_at(scope, id, seen.revision).await?;
        let composition = match &seen.channels {
            Some(text) => Composition::parse(&found.slide, text)?,
            None => Composition::usual(&found.slide).ok_or(SlideError::NotFound)?,
        };
        let size = found.slide.level(level).ok_or(SlideError::NotFound)?;
        let size = (size.tile_width, size.tile_height);
        let places = self.places_of(&found, (level, x, y), seen.layer.z_nm, &composition).await?;
        if places.iter().all(Option::is_none) {
            return Err(SlideError::NotFound);
        }
        let mut hasher = Sha256::new();
        for place in &places {
            hasher.update(place.as_ref().map(Place::etag).unwrap_or_default());
        }
        hasher.update(composition.to_string());
        let digest = model::Sha256(hasher.finalize().into());
        let etag = format!("\"channels-{digest}\"");
        let may_change = found.slide.may_change() && seen.revision.is_none();
        Ok(ComposedTile { composition, places, size, etag, may_change, found })
    }

    /// Where the tile of each channel is; `None` when the level lacks the channel.
    pub(crate) async fn places_of(
        &self,
        found: &Remembered,
        (level, x, y): (u32, u32, u32),
        z_nm: Option<i64>,
        composition: &Composition,
    ) -> Result<Vec<Option<Place>>, SlideError> {
        let mut places = Vec::with_capacity(composition.drawn().len());
        for drawn in composition.drawn() {
            let choice = LayerChoice { z_nm, path: Some(drawn.path.clone()) };
            places.push(match self.place_in(found, level, x, y, &choice).await {
                Ok(place) => Some(place),
                Err(SlideError::NotFound) => None,
                Err(error) => return Err(error),
            });
        }
        Ok(places)
    }

    /// Makes a tile of its channels; once, however many ask at the same time.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] and [`SlideError::Unsupported`] when a channel cannot be decoded.
    pub async fn read_composed(&self, scope: &Scope, tile: &ComposedTile) -> Result<Output, SlideError> {
        for place in tile.places.iter().flatten() {
            if let Place::Stored(instance, _) = place {
                self.note_seen(scope, &tile.found, instance);
            }
        }
        let bytes = self.derived.get(tile.etag.clone(), self.compose(tile)).await?;
        let derived = Some(format!("channels={};format=jpeg;quality={QUALITY}", ascii(&tile.composition)));
        Ok(Output { bytes, media_type: "image/jpeg", derived })
    }

    async fn compose(&self, tile: &ComposedTile) -> Result<bytes::Bytes, SlideError> {
        let seat = self.derived.seat(Work::Small).await?;
        let raster = self.composed(&tile.composition, &tile.places, tile.size).await?;
        blocking(move || {
            let _seat = seat;
            Ok(raster.encode(ImageType::Jpeg(QUALITY)).map_err(undone)?.into())
        })
        .await
    }

    /// A tile's channels (`size` in pixels) decoded, coloured and added. What is left out is dark.
    pub(crate) async fn composed(
        &self,
        composition: &Composition,
        places: &[Option<Place>],
        (width, height): (u32, u32),
    ) -> Result<Raster, SlideError> {
        if !is_within(width, height, self.storage.limits().frame_pixel_bytes_max) {
            return Err(SlideError::OverLimit("pixels of one frame"));
        }
        let mut canvas = blocking(move || Ok(Canvas::new(width as usize * height as usize))).await?;
        for (place, drawn) in places.iter().zip(composition.drawn()) {
            let Some(Place::Stored(instance, frame)) = place else { continue };
            let bytes = self.storage.frame(instance, *frame).await?;
            let (syntax, format) = (instance.syntax().clone(), frame_format(instance)?);
            let (most, drawn) = (self.storage.limits().frame_pixel_bytes_max, drawn.clone());
            self.derived.note_decoded(1);
            canvas = blocking(move || add(canvas, &samples(&syntax, &bytes, &format, most)?, &drawn)).await?;
        }
        blocking(move || Raster::rgb(canvas.into_rgb(), width, height).map_err(undone)).await
    }
}

/// As a header takes it: identifiers may have any character.
pub(crate) fn ascii(composition: &Composition) -> String {
    let mut text = String::new();
    for byte in composition.to_string().bytes() {
        match byte {
            b' '..=b'~' => text.push(byte.into()),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

fn add(mut canvas: Canvas, samples: &[u16], drawn: &Drawn) -> Result<Canvas, SlideError> {
    if samples.len() != canvas.pixels() {
        return Err(SlideError::Damaged("a tile of another size than its level's"));
    }
    canvas.add(samples, drawn);
    Ok(canvas)
}
