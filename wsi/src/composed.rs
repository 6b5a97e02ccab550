//! Tiles of several channels put together on the way out: decoded, coloured and added once, and kept.

use crate::composite::{Canvas, Composition, Drawn, frame_format, samples};
use crate::layers::LayerChoice;
use crate::out::{Output, QUALITY, Work, blocking, undone};
use crate::tile::{Place, is_within};
use crate::{SlideError, Slides};
use codec::{ImageType, Raster};
use model::{Scope, SlideId};
use sha2::{Digest as _, Sha256};

/// A tile of several channels that nobody has made yet.
#[derive(Debug, Clone)]
pub struct ComposedTile {
    composition: Composition,
    /// Where the tile of each channel is; `None` when the level lacks the channel.
    places: Vec<Option<Place>>,
    size: (u32, u32),
    /// A strong validator (RFC 9110 §8.8.1) with its quotes.
    pub etag: String,
    /// Whether the same address may be another tile later, as [`crate::Slide::may_change`] says.
    pub may_change: bool,
}

impl Slides {
    /// Where a tile's channels are. `text` is as [`Composition::parse`] reads it.
    ///
    /// # Errors
    /// [`SlideError::NotFound`] as for [`Slides::tile`]; [`SlideError::Invalid`] when the composition is none of this slide.
    pub async fn composed_tile(
        &self,
        scope: &Scope,
        id: &SlideId,
        (level, x, y): (u32, u32, u32),
        z_nm: Option<i64>,
        text: &str,
    ) -> Result<ComposedTile, SlideError> {
        let found = self.reach(scope, id).await?;
        let composition = Composition::parse(&found.slide, text)?;
        let size = found.slide.level(level).ok_or(SlideError::NotFound)?;
        let size = (size.tile_width, size.tile_height);
        let mut places = Vec::with_capacity(composition.drawn().len());
        for drawn in composition.drawn() {
            let choice = LayerChoice { z_nm, path: Some(drawn.path.clone()) };
            places.push(match self.place_in(&found, level, x, y, &choice).await {
                Ok(place) => Some(place),
                Err(SlideError::NotFound) => None,
                Err(error) => return Err(error),
            });
        }
        if places.iter().all(Option::is_none) {
            return Err(SlideError::NotFound);
        }
        let mut hasher = Sha256::new();
        for place in &places {
            hasher.update(place.as_ref().map(Place::etag).unwrap_or_default());
        }
        hasher.update(composition.to_string());
        let digest = model::Sha256(hasher.finalize().into());
        let (etag, may_change) = (format!("\"channels-{digest}\""), found.slide.may_change());
        Ok(ComposedTile { composition, places, size, etag, may_change })
    }

    /// Makes a tile of its channels; once, however many ask at the same time.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] and [`SlideError::Unsupported`] when a channel cannot be decoded.
    pub async fn read_composed(&self, scope: &Scope, tile: &ComposedTile) -> Result<Output, SlideError> {
        for place in tile.places.iter().flatten() {
            if let Place::Stored(instance, _) = place {
                self.storage.note_read(scope, instance);
            }
        }
        let bytes = self.derived.get(tile.etag.clone(), self.compose(tile)).await?;
        let derived = Some(format!("channels={};format=jpeg;quality={QUALITY}", ascii(&tile.composition)));
        Ok(Output { bytes, media_type: "image/jpeg", derived })
    }

    async fn compose(&self, tile: &ComposedTile) -> Result<bytes::Bytes, SlideError> {
        let (width, height) = tile.size;
        if !is_within(width, height, self.storage.limits().frame_pixel_bytes_max) {
            return Err(SlideError::OverLimit("pixels of one frame"));
        }
        let seat = self.derived.seat(Work::Small).await?;
        let mut canvas = blocking(move || Ok(Canvas::new(width as usize * height as usize))).await?;
        for (place, drawn) in tile.places.iter().zip(tile.composition.drawn()) {
            // What is left out is dark.
            let Some(Place::Stored(instance, frame)) = place else { continue };
            let bytes = self.storage.frame(instance, *frame).await?;
            let (syntax, format) = (instance.syntax().clone(), frame_format(instance)?);
            let (most, drawn) = (self.storage.limits().frame_pixel_bytes_max, drawn.clone());
            self.derived.note_decoded(1);
            canvas = blocking(move || add(canvas, &samples(&syntax, &bytes, &format, most)?, &drawn)).await?;
        }
        blocking(move || {
            let _seat = seat;
            let raster = Raster::rgb(canvas.into_rgb(), width, height).map_err(undone)?;
            Ok(raster.encode(ImageType::Jpeg(QUALITY)).map_err(undone)?.into())
        })
        .await
    }
}

/// As a header takes it: identifiers may have any character.
fn ascii(composition: &Composition) -> String {
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
