//! The hot path: one tile is one stored frame, read without decoding. Its cost does not depend on the slide's size. For
//! whoever cannot show it as it is stored it is decoded once, and kept.

use crate::dicom_facts::MISSING;
use crate::layers::LayerChoice;
use crate::out::{Colouring, Output, QUALITY, converted, plain_look, undone};
use crate::out::{Seen, Work, blocking, look, shades_of};
use crate::slides::Remembered;
use crate::{AssociatedKind, LabelRight, SlideError, Slides, jpeg, jpeg2000};
use bytes::Bytes;
use codec::{ImageType, Raster};
use dataset::TransferSyntax;
use model::{Scope, SlideId};
use storage::InstanceRef;

/// The shade of glass without tissue, where light comes through the slide.
pub(crate) const WHITE: u8 = 255;

/// Where a tile is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// In this frame, counted from 0.
    Stored(InstanceRef, u32),
    /// Nowhere: a sparse level leaves it out. Its width and height, and the shade that stands for it.
    Missing((u16, u16), u8),
}

/// A tile that is there, and that nobody has read yet.
#[derive(Clone)]
pub struct Tile {
    found: Remembered,
    place: Place,
    seen: Seen,
}

/// In which form a tile goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TileForm {
    /// The stored codestream.
    Stored,
    /// JPEG, in these colours: the stored codestream if it is that, or else made of it.
    Jpeg(Colouring),
}

impl Place {
    /// Whether it is JPEG as every browser shows it.
    pub fn is_jpeg(&self) -> bool {
        match self {
            Self::Stored(instance, _) => instance.syntax().as_str() == TransferSyntax::JPEG_BASELINE,
            Self::Missing(..) => true,
        }
    }

    /// An instance's bytes never change, so its SHA-256 and the frame number together name a frame's content: the same
    /// validator always stands for the same bytes, and no hash is computed or looked up for each tile (decision 23). All
    /// missing tiles of a size are alike.
    pub fn etag(&self) -> String {
        match self {
            Self::Stored(instance, frame) => format!("\"{}-{frame}\"", instance.sha256()),
            Self::Missing((width, height), shade) => format!("\"missing-{width}x{height}-{shade}\""),
        }
    }
}

impl Tile {
    /// Whether browsers can show it as it is stored.
    #[must_use]
    pub fn is_jpeg(&self) -> bool {
        self.place.is_jpeg()
    }

    /// Whether this media type is that of the stored codestream.
    #[must_use]
    pub fn is_stored_as(&self, media_type: &str) -> bool {
        let Place::Stored(instance, _) = &self.place else { return media_type == "image/jpeg" };
        let names: &[&str] = match instance.syntax().as_str() {
            TransferSyntax::JPEG_BASELINE => &["image/jpeg"],
            syntax if is_jpeg_2000(syntax) => &["image/j2c", "image/jphc", "image/jp2"],
            "1.2.840.10008.1.2.4.80" | "1.2.840.10008.1.2.4.81" => &["image/jls"],
            syntax if is_jpeg_xl(syntax) => &["image/jxl"],
            _ => &[],
        };
        names.contains(&media_type) || media_type == "application/octet-stream"
    }

    /// A strong validator (RFC 9110 §8.8.1) with its quotes.
    #[must_use]
    pub fn etag(&self, form: TileForm) -> String {
        let stored = self.place.etag();
        let word = match form {
            TileForm::Jpeg(Colouring::Srgb) => "srgb",
            TileForm::Jpeg(Colouring::AsStored) if !self.is_jpeg() => "jpeg",
            _ => return stored,
        };
        let shades = match &self.place {
            Place::Stored(instance, _) => {
                look(&self.found.slide, instance, &self.seen).map(|look| shades_of(&look)).unwrap_or_default()
            }
            Place::Missing(..) => String::new(),
        };
        format!("{}-{word}{shades}\"", stored.trim_end_matches('"'))
    }

    /// Whether the same address may be another tile later, as [`crate::Slide::may_change`] says; one that names a revision
    /// never is.
    #[must_use]
    pub fn may_change(&self) -> bool {
        self.found.slide.may_change() && self.seen.revision.is_none()
    }
}

impl Slides {
    /// A tile; level 0 is the largest, tiles are counted from the top left.
    ///
    /// # Errors
    /// [`SlideError::NotFound`] when there is no such slide within reach, no such level or no such tile.
    pub async fn tile(
        &self,
        scope: &Scope,
        id: &SlideId,
        level: u32,
        x: u32,
        y: u32,
    ) -> Result<Tile, SlideError> {
        self.tile_of(scope, id, (level, x, y), Seen::default()).await
    }

    /// A tile (level, column, row) of one focal plane of one optical path, of a revision.
    ///
    /// # Errors
    /// As [`Slides::tile`]; also when there is no such plane or path, or the slide is another revision.
    pub async fn tile_of(
        &self,
        scope: &Scope,
        id: &SlideId,
        (level, x, y): (u32, u32, u32),
        seen: Seen,
    ) -> Result<Tile, SlideError> {
        let found = self.reach_at(scope, id, seen.revision).await?;
        let place = self.place_in(&found, level, x, y, &seen.layer).await?;
        Ok(Tile { found, place, seen })
    }

    /// Reads a tile, and decodes it where that is needed; once, however many ask at the same time.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] and [`SlideError::Unsupported`] when it cannot be decoded.
    pub async fn read_tile(&self, scope: &Scope, tile: &Tile, form: TileForm) -> Result<Output, SlideError> {
        let (Place::Stored(instance, frame), TileForm::Jpeg(colouring)) = (&tile.place, form) else {
            return self.stored_tile(scope, tile).await;
        };
        Box::pin(self.jpeg_tile(scope, tile, (instance, *frame), colouring)).await
    }

    async fn jpeg_tile(
        &self,
        scope: &Scope,
        tile: &Tile,
        (instance, frame): (&InstanceRef, u32),
        colouring: Colouring,
    ) -> Result<Output, SlideError> {
        let colours = self.colours(scope, &tile.found, instance, colouring).await?;
        if tile.is_jpeg() && colours.is_none() {
            return self.stored_tile(scope, tile).await;
        }
        self.note_seen(scope, &tile.found, instance);
        let icc = if colours.is_some() { ";icc=srgb" } else { "" };
        let made = async {
            let look = look(&tile.found.slide, instance, &tile.seen)?;
            let seat = self.derived.seat(Work::Small).await?;
            let encode = move |raster| {
                let raster = converted(raster, colours.as_ref())?;
                Ok(raster.encode(ImageType::Jpeg(QUALITY)).map_err(undone)?.into())
            };
            self.of_one_frame((instance.clone(), frame), look, seat, encode).await
        };
        let bytes = self.derived.get(tile.etag(TileForm::Jpeg(colouring)), made).await?;
        let derived = Some(format!("tile;format=jpeg;quality={QUALITY}{icc}"));
        Ok(Output { bytes, media_type: "image/jpeg", derived })
    }

    async fn stored_tile(&self, scope: &Scope, tile: &Tile) -> Result<Output, SlideError> {
        if let Place::Stored(instance, _) = &tile.place {
            self.note_seen(scope, &tile.found, instance);
        }
        self.stored(&tile.place).await
    }

    /// A tile as it is stored; the background where there is none. Who sees it is noted by whoever asks.
    pub(crate) async fn stored(&self, place: &Place) -> Result<Output, SlideError> {
        match place {
            Place::Stored(instance, frame) => {
                let bytes = self.storage.frame(instance, *frame).await?;
                let media_type = media_type(instance.syntax(), &bytes);
                Ok(Output { bytes, media_type, derived: None })
            }
            Place::Missing(size, shade) => {
                let (size, shade) = (*size, *shade);
                let made = Box::pin(self.derived.get(place.etag(), self.blank(size, shade)));
                let bytes = made.await?;
                Ok(Output { bytes, media_type: "image/jpeg", derived: Some("background".to_owned()) })
            }
        }
    }

    /// A tile of one shade, of a size that only its level's attributes have.
    async fn blank(&self, (width, height): (u16, u16), shade: u8) -> Result<Bytes, SlideError> {
        if !is_within(width.into(), height.into(), self.storage.limits().frame_pixel_bytes_max) {
            return Err(SlideError::OverLimit("pixels of one frame"));
        }
        let seat = self.derived.seat(Work::Small).await?;
        blocking(move || {
            let _seat = seat;
            if shade == WHITE {
                return Ok(jpeg::white(width, height, jpeg::Colours::Ybr).into());
            }
            let pixels = vec![shade; usize::from(width) * usize::from(height) * 3];
            let raster = Raster::rgb(pixels, width.into(), height.into()).map_err(undone)?;
            Ok(raster.encode(ImageType::Jpeg(QUALITY)).map_err(undone)?.into())
        })
        .await
    }

    /// Where a tile of a slide is.
    pub(crate) async fn place_in(
        &self,
        found: &Remembered,
        level: u32,
        x: u32,
        y: u32,
        choice: &LayerChoice,
    ) -> Result<Place, SlideError> {
        let index = usize::try_from(level).map_err(|_| SlideError::NotFound)?;
        let instances = found.levels.get(index).ok_or(SlideError::NotFound)?;
        let level = found.slide.level(level).ok_or(SlideError::NotFound)?;
        let tile = level.frame(x, y).ok_or(SlideError::NotFound)?;
        let shown = found.slide.shown(level, choice).ok_or(SlideError::NotFound)?;
        let mut frame = tile.checked_add(shown.first).ok_or(SlideError::NotFound)?;
        if let Some(name) = shown.map {
            let map = Box::pin(self.map(&found.slide.owner, name)).await?;
            frame = map.get(frame as usize).copied().unwrap_or(MISSING);
        }
        if frame == MISSING {
            let side = |side: u32| u16::try_from(side).map_err(|_| SlideError::NotFound);
            let size = (side(level.tile_width)?, side(level.tile_height)?);
            return Ok(Place::Missing(size, instances.first().map_or(WHITE, background)));
        }
        let (part, before) = match &level.arrangement {
            None => (0, 0),
            Some(arrangement) => {
                let part = arrangement.part_of(frame).ok_or(SlideError::NotFound)?;
                (part, arrangement.parts[part].first_frame)
            }
        };
        let instance = instances.get(part).ok_or(SlideError::NotFound)?;
        Ok(Place::Stored(instance.clone(), frame - before))
    }

    /// Label, overview or thumbnail as a JPEG for the eye. What shows the patient's identity needs the right to it.
    ///
    /// # Errors
    /// [`SlideError::NotFound`], also when the right is missing; [`SlideError::Damaged`] when it cannot be rendered.
    pub async fn associated(
        &self,
        scope: &Scope,
        right: LabelRight,
        id: &SlideId,
        kind: AssociatedKind,
    ) -> Result<Output, SlideError> {
        let instance = self.associated_instance(scope, right, id, kind).await?;
        self.storage.note_read(scope, &instance);
        let key = format!("associated {}", instance.sha256());
        let made = async {
            let seat = self.derived.seat(Work::Small).await?;
            let look = std::sync::Arc::new(plain_look());
            let encode = |raster: Raster| Ok(raster.encode(ImageType::Jpeg(QUALITY)).map_err(undone)?.into());
            self.of_one_frame((instance, 0), look, seat, encode).await
        };
        let bytes = self.derived.get(key, made).await?;
        let derived = Some(format!("image;format=jpeg;quality={QUALITY}"));
        Ok(Output { bytes, media_type: "image/jpeg", derived })
    }
}

/// The shade of what a sparse level leaves out: glass in transmitted light, the dark between what shines in
/// fluorescence.
pub(crate) fn background(instance: &InstanceRef) -> u8 {
    let is_dark =
        instance.pixels().is_some_and(|pixels| pixels.photometric_interpretation.starts_with("MONOCHROME2"));
    if is_dark { 0 } else { WHITE }
}

/// Whether a tile can be decoded to red, green and blue within a limit.
pub(crate) fn is_within(width: u32, height: u32, pixel_bytes_max: u64) -> bool {
    u64::from(width).saturating_mul(height.into()).saturating_mul(3) <= pixel_bytes_max
}

fn is_jpeg_2000(syntax: &str) -> bool {
    matches!(
        syntax,
        "1.2.840.10008.1.2.4.90"
            | "1.2.840.10008.1.2.4.91"
            | "1.2.840.10008.1.2.4.201"
            | "1.2.840.10008.1.2.4.202"
            | "1.2.840.10008.1.2.4.203"
    )
}

fn is_jpeg_xl(syntax: &str) -> bool {
    matches!(syntax, "1.2.840.10008.1.2.4.110" | "1.2.840.10008.1.2.4.111" | "1.2.840.10008.1.2.4.112")
}

/// By the syntax; JPEG 2000 by its own header, since some writers call it high throughput when it is not.
fn media_type(syntax: &TransferSyntax, frame: &[u8]) -> &'static str {
    match syntax.as_str() {
        TransferSyntax::JPEG_BASELINE => "image/jpeg",
        syntax if is_jpeg_2000(syntax) => match jpeg2000::head(frame) {
            Some(head) if head.is_high_throughput => "image/jphc",
            _ => "image/j2c",
        },
        "1.2.840.10008.1.2.4.80" | "1.2.840.10008.1.2.4.81" => "image/jls",
        syntax if is_jpeg_xl(syntax) => "image/jxl",
        _ => "application/octet-stream",
    }
}
