//! What DICOMweb asks about images that are stored as tiles, answered by slides.

use codec::Direction;
use futures_util::future::BoxFuture;
use model::Scope;
use pacs::dicomweb::{TiledError, TiledFile, TiledImages, TiledPart, TiledPicture, TiledProfile};
use storage::InstanceRef;
use wsi::SlideError;
use wsi::out::{Colouring, Rectangle, Seen, Turn, View};

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

const NOT_FOUND: TiledError = TiledError::Storage(storage::StorageError::NotFound);

impl TiledImages for Tiled {
    fn size<'a>(
        &'a self,
        scope: &'a Scope,
        instance: &'a InstanceRef,
    ) -> BoxFuture<'a, Result<Option<(u32, u32)>, TiledError>> {
        Box::pin(async move {
            let held = self.0.held_by(scope, instance).await.map_err(refused)?;
            let level = held.as_ref().and_then(|held| held.slide.level(held.level));
            Ok(level.map(|level| (level.width, level.height)))
        })
    }

    fn picture<'a>(
        &'a self,
        scope: &'a Scope,
        instance: &'a InstanceRef,
        part: TiledPart,
    ) -> BoxFuture<'a, Result<TiledPicture<'a>, TiledError>> {
        Box::pin(async move {
            let held = self.0.held_by(scope, instance).await.map_err(refused)?.ok_or(NOT_FOUND)?;
            let (id, number) = (held.slide.id.clone(), held.level);
            let wanted = |slide: &wsi::Slide| Some(view(slide, slide.level(number)?, &part));
            let seen = Seen { layer: held.layer, window: part.window, ..Seen::default() };
            let form = self.0.view_of(scope, &id, seen, wanted).await.map_err(refused)?;
            let etag = form.etag().to_owned();
            let make = Box::pin(async move {
                let bytes = self.0.make(form).await.map_err(refused)?.bytes;
                let profile = match part.profile {
                    TiledProfile::Own => {
                        self.0.profile_of_instance(scope, &id, instance).await.map_err(refused)?
                    }
                    TiledProfile::None | TiledProfile::Srgb => None,
                };
                Ok(TiledFile { bytes, profile })
            });
            Ok(TiledPicture { etag, make })
        })
    }
}

fn view(slide: &wsi::Slide, level: &wsi::Level, part: &TiledPart) -> View {
    let TiledPart { region, size, image_type, profile, .. } = *part;
    let place = |at: i64| u32::try_from(at).unwrap_or(0);
    let rectangle = [place(region.left), place(region.top), region.width, region.height];
    // Upside down is a mirror image of what is turned by half.
    let turn = match (region.horizontal == Direction::Flipped, region.vertical == Direction::Flipped) {
        (false, false) => Turn { quarters: 0, is_mirrored: false },
        (true, false) => Turn { quarters: 0, is_mirrored: true },
        (true, true) => Turn { quarters: 2, is_mirrored: false },
        (false, true) => Turn { quarters: 2, is_mirrored: true },
    };
    let is_srgb = profile == TiledProfile::Srgb;
    let colouring = if is_srgb { Colouring::Srgb } else { Colouring::AsStored };
    let plain = View::plain(Rectangle::of_level(slide, level, rectangle), size);
    View { turn, colouring, image_type, ..plain }
}
