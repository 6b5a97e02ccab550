//! What DICOMweb asks about images that are stored as tiles, answered by slides.

use codec::Direction;
use futures_util::future::BoxFuture;
use model::Scope;
use pacs::dicomweb::{TiledError, TiledImages, TiledPart};
use storage::InstanceRef;
use wsi::SlideError;
use wsi::out::{Colouring, Rectangle, Turn, View};

/// Slides as DICOMweb knows them.
pub struct Tiled(pub wsi::Slides);

fn refused(error: SlideError) -> TiledError {
    match error {
        SlideError::Refused(what) => TiledError::Refused(what),
        SlideError::Storage(error) => TiledError::Storage(error),
        SlideError::NotFound => TiledError::Storage(storage::StorageError::NotFound),
        other => TiledError::Undecodable(other.to_string()),
    }
}

impl TiledImages for Tiled {
    fn size<'a>(
        &'a self,
        scope: &'a Scope,
        instance: &'a InstanceRef,
    ) -> BoxFuture<'a, Result<Option<(u32, u32)>, TiledError>> {
        Box::pin(async move {
            let found = self.0.level_of(scope, instance).await.map_err(refused)?;
            Ok(found.and_then(|(slide, level)| slide.level(level).map(|level| (level.width, level.height))))
        })
    }

    fn picture<'a>(
        &'a self,
        scope: &'a Scope,
        instance: &'a InstanceRef,
        part: TiledPart,
    ) -> BoxFuture<'a, Result<bytes::Bytes, TiledError>> {
        Box::pin(async move {
            let found = self.0.level_of(scope, instance).await.map_err(refused)?;
            let (slide, level) = found.ok_or(TiledError::Storage(storage::StorageError::NotFound))?;
            let level = slide.level(level).ok_or(TiledError::Storage(storage::StorageError::NotFound))?;
            let form = self.0.view(scope, &slide.id, &view(&slide, level, &part)).await.map_err(refused)?;
            Ok(self.0.make(form).await.map_err(refused)?.bytes)
        })
    }
}

fn view(slide: &wsi::Slide, level: &wsi::Level, part: &TiledPart) -> View {
    let TiledPart { region, size, image_type, is_srgb } = *part;
    let place = |at: i64| u32::try_from(at).unwrap_or(0);
    let rectangle = [place(region.left), place(region.top), region.width, region.height];
    // Upside down is a mirror image of what is turned by half.
    let turn = match (region.horizontal == Direction::Flipped, region.vertical == Direction::Flipped) {
        (false, false) => Turn { quarters: 0, is_mirrored: false },
        (true, false) => Turn { quarters: 0, is_mirrored: true },
        (true, true) => Turn { quarters: 2, is_mirrored: false },
        (false, true) => Turn { quarters: 2, is_mirrored: true },
    };
    let colouring = if is_srgb { Colouring::Srgb } else { Colouring::AsStored };
    let plain = View::plain(Rectangle::of_level(slide, level, rectangle), size);
    View { turn, colouring, image_type, ..plain }
}
