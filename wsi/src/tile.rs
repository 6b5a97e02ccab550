//! The hot path: one tile is one stored frame, read without decoding. Its cost does not depend on the slide's size.

use crate::{AssociatedKind, LabelRight, SlideError, Slides};
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
    /// `image/jpeg`, or `image/j2c` for JPEG 2000.
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
        let (instance, frame) = self.place(scope, id, level, x, y).await?;
        let bytes = self.storage.frame(&instance, frame).await?;
        Ok(Tile { bytes, media_type: media_type(instance.syntax()), etag: etag(&instance, frame) })
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
        let (instance, frame) = self.place(scope, id, level, x, y).await?;
        Ok(etag(&instance, frame))
    }

    async fn place(
        &self,
        scope: &Scope,
        id: &SlideId,
        level: u32,
        x: u32,
        y: u32,
    ) -> Result<(InstanceRef, u32), SlideError> {
        let found = self.reach(scope, id).await?;
        let frame =
            found.slide.level(level).and_then(|level| level.frame(x, y)).ok_or(SlideError::NotFound)?;
        let index = usize::try_from(level).map_err(|_| SlideError::NotFound)?;
        let instance = found.levels.get(index).ok_or(SlideError::NotFound)?;
        Ok((instance.clone(), frame))
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

fn media_type(syntax: &TransferSyntax) -> &'static str {
    match syntax.as_str() {
        TransferSyntax::JPEG_BASELINE => "image/jpeg",
        "1.2.840.10008.1.2.4.90" | "1.2.840.10008.1.2.4.91" => "image/j2c",
        _ => "application/octet-stream",
    }
}

/// An instance's bytes never change, so its SHA-256 and the frame number together name a frame's content: the same
/// validator always stands for the same bytes, and no hash is computed or looked up for each tile.
fn etag(instance: &InstanceRef, frame: u32) -> String {
    format!("\"{}-{frame}\"", instance.sha256())
}
