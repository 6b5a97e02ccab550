//! The hot path: one tile is one stored frame, read without decoding. Its cost does not depend on the slide's size.

use crate::dicom_facts::MISSING;
use crate::layers::LayerChoice;
use crate::{AssociatedKind, LabelRight, SlideError, Slides, jpeg, jpeg2000};
use bytes::Bytes;
use codec::{CodecError, FrameFormat, ImageType, Photometric, Render};
use dataset::TransferSyntax;
use model::{Scope, SlideId};
use storage::{InstanceRef, StorageError};

/// JPEG quality of pictures that are rendered for the eye.
const PICTURE_QUALITY: u8 = 90;

/// A tile as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// The compressed tile.
    pub bytes: Bytes,
    /// `image/jpeg`, `image/j2c` for JPEG 2000, `image/jphc` for HTJ2K, `image/jls` for JPEG-LS.
    pub media_type: &'static str,
    /// A strong validator (RFC 9110 §8.8.1) with its quotes.
    pub etag: String,
}

/// An associated image, rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The encoded image.
    pub bytes: Bytes,
    /// `image/jpeg`.
    pub media_type: &'static str,
    /// A strong validator with its quotes.
    pub etag: String,
}

/// Where a tile is.
enum Place {
    /// In this frame, counted from 0.
    Stored(InstanceRef, u32),
    /// Nowhere: a sparse level leaves it out. Its width and height.
    Missing((u16, u16)),
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
        self.tile_of(scope, id, level, x, y, &LayerChoice::default()).await
    }

    /// A tile of one focal plane of one optical path.
    ///
    /// # Errors
    /// As [`Slides::tile`]; also when there is no such plane or path.
    pub async fn tile_of(
        &self,
        scope: &Scope,
        id: &SlideId,
        level: u32,
        x: u32,
        y: u32,
        choice: &LayerChoice,
    ) -> Result<Tile, SlideError> {
        match self.place(scope, id, level, x, y, choice).await? {
            Place::Stored(instance, frame) => {
                let bytes = self.storage.frame(&instance, frame).await?;
                let media_type = media_type(instance.syntax(), &bytes);
                Ok(Tile { bytes, media_type, etag: etag(&instance, frame) })
            }
            Place::Missing(size) => {
                let bytes = jpeg::white(size.0, size.1, jpeg::Colours::Ybr);
                Ok(Tile { bytes: bytes.into(), media_type: "image/jpeg", etag: missing_etag(size) })
            }
        }
    }

    /// A tile's validator, without reading the tile (for `If-None-Match`).
    ///
    /// # Errors
    /// As [`Slides::tile`].
    pub async fn tile_etag(
        &self,
        scope: &Scope,
        id: &SlideId,
        level: u32,
        x: u32,
        y: u32,
    ) -> Result<String, SlideError> {
        Ok(match self.place(scope, id, level, x, y, &LayerChoice::default()).await? {
            Place::Stored(instance, frame) => etag(&instance, frame),
            Place::Missing(size) => missing_etag(size),
        })
    }

    async fn place(
        &self,
        scope: &Scope,
        id: &SlideId,
        level: u32,
        x: u32,
        y: u32,
        choice: &LayerChoice,
    ) -> Result<Place, SlideError> {
        let found = self.reach(scope, id).await?;
        let index = usize::try_from(level).map_err(|_| SlideError::NotFound)?;
        let instances = found.levels.get(index).ok_or(SlideError::NotFound)?;
        let level = found.slide.level(level).ok_or(SlideError::NotFound)?;
        let tile = level.frame(x, y).ok_or(SlideError::NotFound)?;
        let shown = found.slide.shown(level, choice).ok_or(SlideError::NotFound)?;
        let mut frame = tile.checked_add(shown.first).ok_or(SlideError::NotFound)?;
        if let Some(name) = shown.map {
            let map = self.map(&found.slide.owner, name).await?;
            frame = map.get(frame as usize).copied().unwrap_or(MISSING);
        }
        if frame == MISSING {
            let side = |side: u32| u16::try_from(side).map_err(|_| SlideError::NotFound);
            return Ok(Place::Missing((side(level.tile_width)?, side(level.tile_height)?)));
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

    /// Label, overview or thumbnail as a picture for the eye. What shows the patient's identity needs the right to it.
    ///
    /// # Errors
    /// [`SlideError::NotFound`], also when the right is missing; [`SlideError::Damaged`] when it cannot be rendered.
    pub async fn associated(
        &self,
        scope: &Scope,
        right: LabelRight,
        id: &SlideId,
        kind: AssociatedKind,
    ) -> Result<Picture, SlideError> {
        let instance = self.associated_instance(scope, right, id, kind).await?;
        let pixels = instance.pixels().ok_or(SlideError::NotFound)?;
        let format = FrameFormat {
            rows: pixels.rows,
            columns: pixels.columns,
            samples_per_pixel: pixels.samples_per_pixel,
            bits_allocated: pixels.bits_allocated,
            bits_stored: pixels.bits_stored,
            is_signed: pixels.is_signed,
            is_float: pixels.is_float,
            is_planar: pixels.is_planar,
            photometric: Photometric::parse(&pixels.photometric_interpretation)
                .ok_or(SlideError::Damaged("the photometric interpretation is unknown"))?,
        };
        let frame = self.storage.frame(&instance, 0).await?;
        let syntax = instance.syntax().clone();
        let most = self.storage.limits().frame_pixel_bytes_max;
        let bytes = tokio::task::spawn_blocking(move || picture(&syntax, &frame, &format, most))
            .await
            .map_err(|_| SlideError::Damaged("the image could not be rendered"))??;
        Ok(Picture { bytes: bytes.into(), media_type: "image/jpeg", etag: etag(&instance, 0) })
    }
}

fn picture(
    syntax: &TransferSyntax,
    frame: &[u8],
    format: &FrameFormat,
    most: u64,
) -> Result<Vec<u8>, SlideError> {
    let damaged = |error| match error {
        CodecError::TimedOut | CodecError::WorkerLost => {
            SlideError::Storage(StorageError::Unavailable("the image codec did not finish".to_owned()))
        }
        _ => SlideError::Damaged("the image could not be rendered"),
    };
    let pixels = codec::decode(syntax.as_str(), frame, format, most).map_err(damaged)?;
    let options = Render {
        slope: 1.0,
        intercept: 0.0,
        window: None,
        palette: None,
        fit: None,
        image_type: ImageType::Jpeg(PICTURE_QUALITY),
        presentation: codec::Presentation::default(),
    };
    codec::render(&pixels, &options).map_err(damaged)
}

/// By the syntax; JPEG 2000 by its own header, since some writers call it high throughput when it is not.
fn media_type(syntax: &TransferSyntax, frame: &[u8]) -> &'static str {
    match syntax.as_str() {
        TransferSyntax::JPEG_BASELINE => "image/jpeg",
        "1.2.840.10008.1.2.4.90"
        | "1.2.840.10008.1.2.4.91"
        | "1.2.840.10008.1.2.4.201"
        | "1.2.840.10008.1.2.4.202"
        | "1.2.840.10008.1.2.4.203" => match jpeg2000::head(frame) {
            Some(head) if head.is_high_throughput => "image/jphc",
            _ => "image/j2c",
        },
        "1.2.840.10008.1.2.4.80" | "1.2.840.10008.1.2.4.81" => "image/jls",
        _ => "application/octet-stream",
    }
}

/// An instance's bytes never change, so its SHA-256 and the frame number together name a frame's content: the same
/// validator always stands for the same bytes, and no hash is computed or looked up for each tile.
fn etag(instance: &InstanceRef, frame: u32) -> String {
    format!("\"{}-{frame}\"", instance.sha256())
}

/// All missing tiles of a size are alike.
fn missing_etag((width, height): (u16, u16)) -> String {
    format!("\"missing-{width}x{height}\"")
}
