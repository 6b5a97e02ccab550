//! A picture of a part of a slide: stored tiles of one level decoded, put together, sized, turned, coloured, encoded.

use super::colours::converted;
use super::derived::{Seat, Work};
use super::frames::{Seen, blocking, look, shades_of};
use super::{Colouring, Output, View, undone};
use crate::composed::ascii;
use crate::layers::LayerChoice;
use crate::retile;
use crate::slides::Remembered;
use crate::tile::{Place, WHITE, background};
use crate::{AssociatedKind, Composition, LabelRight, Slide, SlideError, Slides};
use bytes::Bytes;
use codec::{Colours, Cost, Cut, ImageType, Mosaic, Raster, Render};
use model::{Limits, Scope, Sha256, SlideId};
use sha2::{Digest as _, Sha256 as Hasher};
use std::ops::Range;
use std::sync::Arc;
use storage::InstanceRef;

/// Stored pixels up to which a picture is small work, and is kept.
const SMALL_PIXELS: u64 = 4 << 20;
/// Tiles that are read before they are decoded.
const TILES_AT_ONCE: usize = 16;
/// Bytes of tiles that are read before they are decoded, were they not compressed.
const READ_BYTES_MAX: u64 = 64 << 20;
/// Bytes that putting a picture together takes: of one row of tiles, decoded, and of sums and weights.
const WORKING_BYTES_MAX: u64 = 192 << 20;

/// A picture that can be made, and that nobody has read a pixel for yet.
pub struct Form {
    scope: Scope,
    view: View,
    seen: Seen,
    /// Channels that are put together; then `seen` names the first of them.
    composition: Option<Composition>,
    may_change: bool,
    what: What,
    etag: String,
}

enum What {
    /// It is stored like this.
    Stored(Box<Place>),
    /// In the upper left corner of what is stored, and otherwise as the next.
    Corner(Box<Place>, Remembered, u32, Cut),
    /// Of tiles of this level.
    Tiles(Remembered, u32, Cut),
    /// Of one frame, whole.
    Frame(InstanceRef, Cut),
}

impl Form {
    /// A strong validator (RFC 9110 §8.8.1) with its quotes: of what is stored, and of all that is done to it.
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Which plane and path it is made of; of several channels, the first of them.
    pub(crate) fn layer(&self) -> &LayerChoice {
        &self.seen.layer
    }

    /// Whether the same address may be another picture later, as [`Slide::may_change`] says; one that names a revision never
    /// is.
    #[must_use]
    pub fn may_change(&self) -> bool {
        self.may_change
    }
}

impl Slides {
    /// A picture of a part of a slide, still to be made by [`Slides::make`].
    ///
    /// # Errors
    /// [`SlideError::NotFound`] when there is no such slide within reach; [`SlideError::Refused`] as [`View`] says.
    pub async fn view(&self, scope: &Scope, id: &SlideId, view: &View) -> Result<Form, SlideError> {
        self.view_of(scope, id, Seen::default(), |_| Some(*view)).await
    }

    /// The same of some plane and path, where what is wanted depends on the slide; `None`: there is no such thing.
    ///
    /// # Errors
    /// As [`Slides::view`].
    pub async fn view_of(
        &self,
        scope: &Scope,
        id: &SlideId,
        seen: Seen,
        wanted: impl FnOnce(&Slide) -> Option<View>,
    ) -> Result<Form, SlideError> {
        let found = self.reach_at(scope, id, seen.revision).await?;
        let slide = &found.slide;
        let mut seen = seen;
        let composition = seen.channels.as_deref().map(|text| Composition::parse(slide, text)).transpose()?;
        if let Some(first) = composition.as_ref().and_then(|composition| composition.drawn().first()) {
            // Levels are those that have the first of them; what another one lacks there is dark.
            seen.layer.path = Some(first.path.clone());
        }
        let view = wanted(slide).ok_or(SlideError::NotFound)?;
        let limits = self.storage.limits();
        view.check(slide.width(), slide.height(), limits)?;
        if composition.is_some() && view.colouring != Colouring::AsStored {
            return Err(SlideError::Refused("channels are put together in their own colours"));
        }
        let is_as_stored = seen.window.is_none() && composition.is_none();
        let native = match view.native(slide, &seen.layer).filter(|_| is_as_stored) {
            Some(native) => Some((
                self.place_in(&found, native.level, native.x, native.y, &seen.layer).await?,
                native.is_whole,
            )),
            None => None,
        };
        let may_change = slide.may_change() && seen.revision.is_none();
        let form = |what, etag, (seen, composition)| {
            let scope = scope.clone();
            Form { scope, view, seen, composition, may_change, what, etag }
        };
        let native = native.filter(|(place, _)| place.is_jpeg());
        if let Some((place, true)) = native {
            let etag = place.etag();
            return Ok(form(What::Stored(Box::new(place)), etag, (seen, composition)));
        }
        let (level, cut) = view.source(slide, &seen.layer, limits)?;
        let etag = match &composition {
            Some(composition) => super::channels::etag(&found, level, &view, (composition, &seen)),
            None => self.etag_of(&found, level, &view, &seen).await?,
        };
        let what = match native {
            Some((place, _)) => What::Corner(Box::new(place), found, level, cut),
            None => What::Tiles(found, level, cut),
        };
        Ok(form(what, etag, (seen, composition)))
    }

    /// Of the instances of a level, of what of them is shown, and how, and of all that is done to it.
    async fn etag_of(
        &self,
        found: &Remembered,
        level: u32,
        view: &View,
        seen: &Seen,
    ) -> Result<String, SlideError> {
        let parts = found.levels.get(level as usize).into_iter().flatten();
        let stored: Vec<_> = parts.map(|part| *part.sha256()).collect();
        let slide = &found.slide;
        let layer = slide.level(level).and_then(|level| slide.shown(level, &seen.layer));
        let holder = self.holder(found, level, &seen.layer).await?;
        let shades = shades_of(&*look(slide, &holder, seen)?);
        Ok(etag(&stored, &format!("{level} {layer:?} {shades}"), view))
    }

    /// The same of label, overview or thumbnail: `view` is in pixels of that image.
    ///
    /// # Errors
    /// [`SlideError::NotFound`], also when the right is missing; [`SlideError::Refused`].
    pub async fn view_associated(
        &self,
        scope: &Scope,
        right: LabelRight,
        id: &SlideId,
        kind: AssociatedKind,
        view: &View,
    ) -> Result<Form, SlideError> {
        let instance = self.associated_instance(scope, right, id, kind).await?;
        let pixels = instance.pixels().ok_or(SlideError::NotFound)?;
        let size = (pixels.columns, pixels.rows);
        view.check(size.0, size.1, self.storage.limits())?;
        let part = view.part;
        let length = (f64::from(part.width), f64::from(part.height));
        let cut = Cut {
            image: size,
            tile: size,
            from: (part.x.into(), part.y.into()),
            length,
            size: (view.size.0.min(part.width), view.size.1.min(part.height)),
        };
        let etag = etag(&[*instance.sha256()], "", view);
        let may_change = self.reach(scope, id).await?.slide.may_change();
        let (scope, what) = (scope.clone(), What::Frame(instance, cut));
        Ok(Form { scope, view: *view, seen: Seen::default(), composition: None, may_change, what, etag })
    }

    /// Width and height of label, overview or thumbnail in pixels.
    ///
    /// # Errors
    /// [`SlideError::NotFound`], also when the right is missing.
    pub async fn associated_size(
        &self,
        scope: &Scope,
        right: LabelRight,
        id: &SlideId,
        kind: AssociatedKind,
    ) -> Result<(u32, u32), SlideError> {
        let instance = self.associated_instance(scope, right, id, kind).await?;
        let pixels = instance.pixels().ok_or(SlideError::NotFound)?;
        Ok((pixels.columns, pixels.rows))
    }

    /// Makes the picture, or reads it where it is stored like that.
    ///
    /// # Errors
    /// [`SlideError::Refused`] when too many stored pixels would have to be decoded; [`SlideError::Damaged`].
    pub async fn make(&self, form: Form) -> Result<Output, SlideError> {
        let Form { scope, view, seen, composition, what, etag, .. } = form;
        let media_type = match view.image_type {
            ImageType::Jpeg(_) => "image/jpeg",
            ImageType::Png => "image/png",
        };
        let (found, level, cut) = match what {
            What::Stored(place) => {
                if let Place::Stored(instance, _) = &*place {
                    self.storage.note_read(&scope, instance);
                }
                return self.stored(&place).await;
            }
            What::Frame(instance, cut) => {
                self.storage.note_read(&scope, &instance);
                let plan = Plan::of(cut, &view, 1, self.storage.limits())?;
                let is_small = plan.work == Work::Small;
                let bytes = self.made_or_kept(etag, is_small, self.of_frame(instance, plan, view)).await?;
                return Ok(Output { bytes, media_type, derived: Some(said(&view, 0, None)) });
            }
            What::Corner(place, found, level, cut) => {
                // Also when it is kept, and nothing is read.
                if let Place::Stored(instance, _) = &*place {
                    self.storage.note_read(&scope, instance);
                }
                let corner = self.derived.get(format!("{etag} corner"), self.corner(&place, view.size));
                match corner.await {
                    Ok(bytes) => {
                        let derived = Some("corner;format=jpeg;coefficients=equal".to_owned());
                        return Ok(Output { bytes, media_type, derived });
                    }
                    Err(error @ SlideError::Storage(_)) => return Err(error),
                    // It cannot be cut without decoding.
                    Err(_) => (found, level, cut),
                }
            }
            What::Tiles(found, level, cut) => (found, level, cut),
        };
        let holder = self.holder(&found, level, &seen.layer).await?;
        self.storage.note_read(&scope, &holder);
        let frames = composition.as_ref().map_or(1, |composition| composition.drawn().len());
        let plan = Plan::of(cut, &view, frames as u64, self.storage.limits())?;
        let is_small = plan.work == Work::Small;
        if let Some(composition) = composition {
            let derived = Some(format!("{};channels={}", said(&view, level, None), ascii(&composition)));
            let picture = self.of_channels((&found, level), plan, (view, seen.layer.z_nm), &composition);
            let bytes = self.made_or_kept(etag, is_small, picture).await?;
            return Ok(Output { bytes, media_type, derived });
        }
        let colours = self.colours(&scope, &found, &holder, view.colouring).await?;
        let derived = Some(said(&view, level, colours.as_ref()));
        let picture = self.of_tiles((&found, &holder, level), plan, (view, &seen), colours);
        let bytes = self.made_or_kept(etag, is_small, picture).await?;
        Ok(Output { bytes, media_type, derived })
    }

    /// Makes a picture, and keeps it if it is small.
    async fn made_or_kept(
        &self,
        etag: String,
        is_small: bool,
        picture: impl Future<Output = Result<Bytes, SlideError>>,
    ) -> Result<Bytes, SlideError> {
        if is_small { self.derived.get(etag, picture).await } else { self.derived.make(picture).await }
    }

    /// The corner of a stored JPEG, without decoding it.
    async fn corner(&self, place: &Place, size: (u32, u32)) -> Result<Bytes, SlideError> {
        let side =
            |side: u32| u16::try_from(side).map_err(|_| SlideError::Unsupported("a tile of that size"));
        let (width, height) = (side(size.0)?, side(size.1)?);
        let tile = self.stored(place).await?.bytes;
        blocking(move || Ok(retile::corner(&tile, width, height)?.into())).await
    }

    async fn of_frame(&self, instance: InstanceRef, plan: Plan, view: View) -> Result<Bytes, SlideError> {
        let look = Arc::new(super::plain_look());
        let seat = self.derived.seat(plan.work).await?;
        let Drawing { mut mosaic, seat } = Drawing::begin(plan.cut, WHITE, seat).await?;
        let decode = self.decoding(vec![(0, instance, 0)], look).await?;
        blocking(move || {
            let _seat = seat;
            for (column, raster) in decode {
                mosaic.put(column, raster?).map_err(undone)?;
            }
            mosaic.end_row(0);
            finish(mosaic, &view, None)
        })
        .await
    }

    async fn of_tiles(
        &self,
        (found, holder, level): (&Remembered, &InstanceRef, u32),
        plan: Plan,
        (view, seen): (View, &Seen),
        colours: Option<Colours>,
    ) -> Result<Bytes, SlideError> {
        let look = look(&found.slide, holder, seen)?;
        let seat = self.derived.seat(plan.work).await?;
        let mut drawing = Drawing::begin(plan.cut, background(holder), seat).await?;
        for row in plan.rows.clone() {
            let mut places = Vec::with_capacity(plan.tiles_at_once);
            for column in plan.columns.clone() {
                if let Place::Stored(instance, frame) =
                    self.place_in(found, level, column, row, &seen.layer).await?
                {
                    places.push((column, instance, frame));
                }
                if places.len() == plan.tiles_at_once {
                    drawing = self.put(drawing, std::mem::take(&mut places), &look).await?;
                }
            }
            drawing = self.put(drawing, places, &look).await?;
            drawing = blocking(move || {
                drawing.mosaic.end_row(row);
                Ok(drawing)
            })
            .await?;
        }
        blocking(move || {
            let Drawing { mosaic, seat: _seat } = drawing;
            finish(mosaic, &view, colours.as_ref())
        })
        .await
    }

    /// Decodes tiles of one row into the picture.
    async fn put(
        &self,
        mut drawing: Drawing,
        places: Vec<(u32, InstanceRef, u32)>,
        look: &Arc<Render>,
    ) -> Result<Drawing, SlideError> {
        if places.is_empty() {
            return Ok(drawing);
        }
        let decode = self.decoding(places, look.clone()).await?;
        blocking(move || {
            for (column, raster) in decode {
                drawing.mosaic.put(column, raster?).map_err(undone)?;
            }
            Ok(drawing)
        })
        .await
    }
}

/// What a picture is made of, and how much work that is; known before any memory is taken for it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub cut: Cut,
    pub columns: Range<u32>,
    pub rows: Range<u32>,
    tiles_at_once: usize,
    pub work: Work,
}

impl Plan {
    /// Of so many frames for each tile.
    ///
    /// # Errors
    /// [`SlideError::Refused`] when it would take too many stored pixels, or too much memory.
    fn of(cut: Cut, view: &View, frames: u64, limits: &Limits) -> Result<Self, SlideError> {
        let Cost { columns, rows, source_pixels, working_bytes } = cut.cost().map_err(undone)?;
        let source_pixels = source_pixels.saturating_mul(frames);
        if source_pixels > limits.region_source_pixels_max || working_bytes > WORKING_BYTES_MAX {
            return Err(SlideError::Refused(
                "too much of the slide would have to be decoded for this picture, since it has no level of about that \
                 size: ask for a smaller region",
            ));
        }
        let pixels = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        // Few stored pixels may be asked for as many.
        let is_small = source_pixels.max(pixels(view.size)) <= SMALL_PIXELS;
        let at_once = READ_BYTES_MAX / (pixels(cut.tile) * 3).max(1);
        Ok(Self {
            cut,
            columns,
            rows,
            tiles_at_once: usize::try_from(at_once).unwrap_or(TILES_AT_ONCE).clamp(1, TILES_AT_ONCE),
            work: if is_small { Work::Small } else { Work::Large },
        })
    }
}

/// A picture on its way, and the right to work on it.
pub(super) struct Drawing {
    pub mosaic: Mosaic,
    pub seat: Seat,
}

impl Drawing {
    pub async fn begin(cut: Cut, background: u8, seat: Seat) -> Result<Self, SlideError> {
        blocking(move || Ok(Self { mosaic: Mosaic::new(cut, background).map_err(undone)?, seat })).await
    }
}

pub(super) fn finish(mosaic: Mosaic, view: &View, colours: Option<&Colours>) -> Result<Bytes, SlideError> {
    let mut raster: Raster = mosaic.finish().map_err(undone)?;
    if raster.size() != view.size {
        raster = raster.sized(view.size);
    }
    if !view.turn.is_none() {
        raster = raster.part(&view.turn.of(view.size)).map_err(undone)?;
    }
    raster = converted(raster, colours)?;
    raster = match view.quality {
        super::Quality::Colour => raster,
        super::Quality::Grey => raster.into_grey(),
        super::Quality::Bitonal => raster.into_bitonal(),
    };
    Ok(raster.encode(view.image_type).map_err(undone)?.into())
}

/// How it was made, for people and programs: a list of parameters as in RFC 9651.
fn said(view: &View, level: u32, colours: Option<&Colours>) -> String {
    let how = match view.image_type {
        ImageType::Jpeg(quality) => format!("jpeg;quality={quality}"),
        ImageType::Png => "png".to_owned(),
    };
    let icc = if colours.is_some() { ";icc=srgb" } else { "" };
    format!("region;format={how};level={level}{icc}")
}

pub(super) fn etag(stored: &[Sha256], what: &str, view: &View) -> String {
    let mut hasher = Hasher::new();
    for sha256 in stored {
        hasher.update(sha256.to_string());
    }
    hasher.update(format!(" {what} {view:?}"));
    let digest: [u8; 32] = hasher.finalize().into();
    Sha256::from_slice(&digest).map(|digest| format!("\"{digest}\"")).unwrap_or_default()
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
