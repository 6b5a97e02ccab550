//! One picture: what it is made of, and the making.

use super::annotation;
use super::look::{Look, Need, window_of};
use super::options::{Options, Profile};
use super::profile;
use super::seen::Seen;
use super::state::{Applied, State};
use super::way::Way;
use crate::dicomweb::problem::WebError;
use crate::seats::{self, PixelError, blocking};
use bytes::Bytes;
use codec::{Axes, ColourSpace, Colours, Direction, Polarity, Presentation, Region, Render};
use dataset::{PixelDescription, TransferSyntax};
use model::Scope;
use std::sync::Arc;
use storage::read::MetadataForm;
use storage::{InstanceRef, MetadataBody, Storage};

/// VL Photographic Image Storage.
const PHOTOGRAPH: &str = "1.2.840.10008.5.1.4.1.1.77.1.4";

/// One picture to be made.
#[derive(Clone)]
pub struct Job {
    scope: Scope,
    pub(super) instance: InstanceRef,
    /// Counted from 0.
    frame: u32,
    pub(super) options: Options,
    applied: Option<Arc<Applied>>,
    seen: Option<Seen>,
}

impl Job {
    /// An image as it says itself that it looks. The scope is the one that reached it.
    pub fn new(scope: &Scope, instance: &InstanceRef, frame: u32, options: &Options) -> Self {
        let (scope, instance, options) = (scope.clone(), instance.clone(), options.clone());
        Self { scope, instance, frame, options, applied: None, seen: None }
    }

    /// An image as somebody saw it.
    pub(super) fn as_seen(scope: &Scope, instance: &InstanceRef, options: &Options, seen: Seen) -> Self {
        Self { seen: Some(seen), ..Self::new(scope, instance, seen.frame, options) }
    }

    /// An image as a presentation state says.
    pub fn with_state(
        scope: &Scope,
        instance: &InstanceRef,
        frame: u32,
        options: &Options,
        state: &State,
    ) -> Result<Self, WebError> {
        let pixels = described(instance)?;
        let applied = state.apply(instance.instance(), frame, pixels.columns, pixels.rows);
        Ok(Self { applied: Some(Arc::new(applied)), ..Self::new(scope, instance, frame, options) })
    }

    /// What the picture's bytes depend on.
    pub(super) fn key(&self) -> String {
        let Self { instance, frame, options, applied, seen, .. } = self;
        let state = applied.as_ref().map(|applied| applied.sha256.to_string());
        // Who the patient is may be corrected.
        let stamp = if self.is_annotated() { instance.correction_stamp() } else { 0 };
        format!("{} {frame} {options:?} {state:?} {seen:?} {stamp}", instance.sha256())
    }

    /// What the client is told of what was left out.
    pub(super) fn warning(&self) -> Option<String> {
        let unknown = &self.options.annotation.unknown;
        let left_out = self.applied.as_ref().map(|applied| applied.left_out.as_slice()).unwrap_or_default();
        let mut parts = Vec::new();
        if !left_out.is_empty() {
            parts.push(format!("not applied: {}", left_out.join(", ")));
        }
        if !unknown.is_empty() {
            let unknown = unknown.join(", ");
            parts.push(format!("the following annotation values are not supported: {unknown}"));
        }
        (!parts.is_empty()).then(|| format!("299 - \"{}\"", parts.join("; ")))
    }

    fn is_annotated(&self) -> bool {
        self.options.annotation.has_patient || self.options.annotation.has_technique
    }

    /// Makes the picture.
    pub async fn run(self, storage: &Storage) -> Result<Bytes, WebError> {
        let need = match self.options.profile {
            Profile::No => Need::Pixels,
            Profile::Yes | Profile::Of(_) => Need::Profile,
        };
        let look = Look::of(storage, &self.instance, need).await?;
        let embedded = self.embedded_profile(&look);
        let upright = self.upright(storage).await?;
        let mut render = self.render(&look, upright)?;
        if self.is_annotated() {
            let metadata = self.metadata(storage).await?;
            let texts = annotation::texts(&self.options.annotation, &metadata, self.frame);
            render.presentation.texts.extend(texts);
        }
        if !render.presentation.texts.is_empty() {
            render.presentation.font = Some(annotation::font()?);
        }
        let (pixels, seat) = seats::decoded(storage, &self.instance, self.frame).await?;
        let image_type = self.options.image_type;
        let work = move || {
            let file = codec::render(&pixels, &render)?;
            Ok(match embedded {
                Some(profile) => profile::with_profile(file, image_type, &profile),
                None => file,
            })
        };
        let (file, _seat) = blocking(seat, work).await?;
        Ok(file.into())
    }

    /// The instance's attributes, as corrected.
    async fn metadata(&self, storage: &Storage) -> Result<serde_json::Value, WebError> {
        let Self { scope, instance, .. } = self;
        let scope = scope.owned_by(instance.owner().clone());
        let (study, series) = (instance.study(), Some(instance.series()));
        let body =
            storage.metadata(&scope, study, series, Some(instance.instance()), MetadataForm::Plain).await?;
        let (MetadataBody::Plain(text) | MetadataBody::Gzip(text)) = body;
        let mut all: serde_json::Value = serde_json::from_slice(&text).map_err(|_| WebError::Internal)?;
        Ok(all[0].take())
    }

    /// How a photograph is turned to stand upright, as the camera has said (`consult/src/wrapped`): browsers that decode it do so by
    /// themselves. A presentation state says it otherwise.
    async fn upright(&self, storage: &Storage) -> Result<Way, WebError> {
        if self.applied.is_some() || self.instance.sop_class().as_str() != PHOTOGRAPH {
            return Ok(Way::default());
        }
        let metadata = self.metadata(storage).await?;
        let dataset = metadata.as_object().and_then(|object| dataset::json::from_json(object).ok());
        Ok(dataset.as_ref().map(Way::of).unwrap_or_default())
    }

    /// The profile that the image's colours are in: the state's, or its own.
    fn own_profile(&self, look: &Look) -> Option<Bytes> {
        let of_state = self.applied.as_ref().and_then(|applied| applied.profile.clone());
        of_state.or_else(|| look.profile.clone())
    }

    /// The profile that goes into the file.
    fn embedded_profile(&self, look: &Look) -> Option<Bytes> {
        match self.options.profile {
            Profile::No => None,
            Profile::Yes => {
                let srgb = || Bytes::from_static(ColourSpace::Srgb.profile());
                Some(self.own_profile(look).unwrap_or_else(srgb))
            }
            Profile::Of(space) => Some(Bytes::from_static(space.profile())),
        }
    }

    /// What is done with colours.
    fn colours(&self, look: &Look) -> Option<Colours> {
        let of_state = self.applied.as_ref().and_then(|applied| applied.profile.as_ref());
        let from = |profile: Option<Bytes>| profile.map(|bytes| bytes.to_vec());
        match self.options.profile {
            // What is shown without a profile is taken for sRGB.
            Profile::No => {
                of_state.map(|profile| Colours { from: Some(profile.to_vec()), to: ColourSpace::Srgb })
            }
            // Nothing is converted; grey becomes colour, as a profile for RGB says.
            Profile::Yes => Some(Colours { from: None, to: ColourSpace::Srgb }),
            Profile::Of(to) => Some(Colours { from: from(self.own_profile(look)), to }),
        }
    }

    fn render(&self, look: &Look, upright: Way) -> Result<Render, WebError> {
        let pixels = described(&self.instance)?;
        let own = look.frame(self.frame);
        let applied = self.applied.as_deref();
        let mut presentation = match applied {
            Some(applied) => applied.presentation.clone(),
            None => Presentation {
                polarity: match own.shape.as_deref() {
                    Some("IDENTITY") => Polarity::Identity,
                    Some("INVERSE") => Polarity::Inverse,
                    _ => Polarity::AsImage,
                },
                supplemental: look.supplemental.clone(),
                ..Presentation::default()
            },
        };
        presentation.overlays = match applied {
            Some(applied) => {
                let of_frame = |shown: &super::state::Activated| shown.of_frame(&look.overlays, self.frame);
                applied.overlays.iter().filter_map(of_frame).collect()
            }
            None => look.overlays.iter().filter_map(|plane| plane.of_frame(self.frame)).collect(),
        };
        presentation.low_bits = low_bits(pixels, self.instance.syntax());
        presentation.padding = own.padding;
        presentation.colours = self.colours(look);
        if applied
            .is_none_or(|applied| applied.rescale.is_none() && applied.presentation.modality_table.is_none())
        {
            presentation.modality_table.clone_from(&look.modality_table);
        }
        let (slope, intercept) =
            applied.and_then(|applied| applied.rescale).unwrap_or((own.slope, own.intercept));
        if let Some(seen) = &self.seen {
            presentation.polarity = seen.polarity(presentation.polarity, pixels);
            presentation.region = Some(seen.region(upright, pixels));
        } else if upright != Way::default() {
            presentation.region = Some(upright.turn(Region::whole(pixels.columns, pixels.rows)));
        }
        let is_grey = pixels.photometric_interpretation.starts_with("MONOCHROME");
        let of_seen = self.seen.filter(|_| is_grey).and_then(|seen| seen.window(&own));
        let window = match (self.options.window.or(of_seen), applied) {
            (Some(window), _) => Some(window),
            (None, Some(applied)) if applied.has_voi => applied.window,
            (None, _) => {
                presentation.voi_table.clone_from(&look.voi_table);
                window_of(&own)
            }
        };
        if let Some((_, function)) = window {
            presentation.function = function;
        }
        if let Some(viewport) = &self.options.viewport {
            if let Some(region) = viewport.region(pixels.columns, pixels.rows)? {
                presentation.region = Some(turned_as(presentation.region, region));
            }
            presentation.enlarge = viewport.enlarge;
        }
        Ok(Render {
            slope,
            intercept,
            window: window.map(|(window, _)| window),
            palette: look.palette.clone(),
            fit: self.options.viewport.map(|viewport| viewport.size),
            image_type: self.options.image_type,
            presentation,
        })
    }
}

/// The part that a viewport names, turned as a state turns the image, and then as the viewport says.
fn turned_as(state: Option<Region>, viewport: Region) -> Region {
    let Some(state) = state else { return viewport };
    let direction = |a: Direction, b: Direction| if a == b { Direction::Kept } else { Direction::Flipped };
    // What the viewport flips is an axis of the image, which may be seen as the other one.
    let (across, down) = match state.axes {
        Axes::Kept => (viewport.horizontal, viewport.vertical),
        Axes::Exchanged => (viewport.vertical, viewport.horizontal),
    };
    Region {
        axes: state.axes,
        horizontal: direction(state.horizontal, across),
        vertical: direction(state.vertical, down),
        ..viewport
    }
}

/// The Image Pixel attributes.
fn described(instance: &InstanceRef) -> Result<&PixelDescription, WebError> {
    Ok(instance.pixels().ok_or(PixelError::NoPixels)?)
}

/// Bits below the stored ones, where pixels keep the places that the attributes name: uncompressed and RLE. What comes
/// out of a codestream has its values in the lowest bits.
fn low_bits(pixels: &PixelDescription, syntax: &TransferSyntax) -> u16 {
    let keeps_places = !syntax.is_encapsulated() || syntax.as_str() == TransferSyntax::RLE;
    if keeps_places { (pixels.high_bit + 1).saturating_sub(pixels.bits_stored) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewport_flips_what_a_state_has_turned() {
        let whole = Region::whole(4, 2);
        let quarter = Region { axes: Axes::Exchanged, horizontal: Direction::Flipped, ..whole };
        let flipped = Region { horizontal: Direction::Flipped, left: 1, width: 2, ..whole };
        let both = turned_as(Some(quarter), flipped);
        assert_eq!(
            (both.axes, both.horizontal, both.vertical),
            (Axes::Exchanged, Direction::Flipped, Direction::Flipped)
        );
        assert_eq!((both.left, both.width), (1, 2));
        assert_eq!(turned_as(None, flipped), flipped);
    }
}
