//! Which part of a slide an instance holds, and which instance holds a part.

use crate::dicom_facts::MISSING;
use crate::layers::{Layer, LayerChoice, nearest};
use crate::slide::Arrangement;
use crate::slides::Remembered;
use crate::{Level, Slide, SlideError, Slides};
use bytes::Bytes;
use model::{Scope, SlideId};
use std::ops::Range;
use std::sync::Arc;
use storage::InstanceRef;

/// What an instance is of a slide.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The slide.
    pub slide: Arc<Slide>,
    /// The level that it is, or is a part of.
    pub level: u32,
    /// Which of the level's planes and paths it shows: what is shown when none is asked for, if it has that.
    pub layer: LayerChoice,
}

impl Slides {
    /// What an instance is of a slide; `None` when it is no part of a level that is shown.
    ///
    /// # Errors
    /// [`SlideError::Storage`].
    pub async fn held_by(&self, scope: &Scope, instance: &InstanceRef) -> Result<Option<Held>, SlideError> {
        let slides = self.slides_of_study(scope, instance.owner(), instance.study()).await?;
        for slide in slides {
            let is_of = |level: &&Level| level.parts().iter().any(|(uid, _)| *uid == instance.instance());
            let Some(level) = slide.levels.iter().find(is_of) else { continue };
            let Some(layer) = self.layer_of(&slide, level, instance).await? else { return Ok(None) };
            return Ok(Some(Held { level: level.level, layer, slide }));
        }
        Ok(None)
    }

    /// The layer of a level that an instance of it shows.
    async fn layer_of(
        &self,
        slide: &Slide,
        level: &Level,
        instance: &InstanceRef,
    ) -> Result<Option<LayerChoice>, SlideError> {
        let usual = LayerChoice::default();
        let Some(arrangement) = level.arrangement.as_ref().filter(|found| !found.layers.is_empty()) else {
            return Ok(Some(usual));
        };
        let part = arrangement.parts.iter().find(|part| part.instance == *instance.instance());
        let Some(frames) = part.map(|part| part.first_frame..part.first_frame.saturating_add(part.frames))
        else {
            return Ok(None);
        };
        let mut held = Vec::new();
        for layer in &arrangement.layers {
            if !self.is_within(slide, level, layer, &frames).await? {
                continue;
            }
            if (layer.first, layer.map) == (arrangement.first_frame, arrangement.map) {
                return Ok(Some(usual));
            }
            held.push(layer.clone());
        }
        Ok(choice_of(slide, level, &held))
    }

    /// Whether frames of a layer are among these.
    async fn is_within(
        &self,
        slide: &Slide,
        level: &Level,
        layer: &Layer,
        frames: &Range<u32>,
    ) -> Result<bool, SlideError> {
        let tiles = u32::try_from(level.tile_count()).unwrap_or(u32::MAX);
        let end = layer.first.saturating_add(tiles);
        let Some(name) = &layer.map else { return Ok(layer.first < frames.end && frames.start < end) };
        let map = self.map(&slide.owner, name).await?;
        let places = map.get(layer.first as usize..end as usize).unwrap_or_default();
        Ok(places.iter().any(|frame| *frame != MISSING && frames.contains(frame)))
    }

    /// The instance that holds a layer of a level; the first of them when there are several.
    pub(crate) async fn holder(
        &self,
        found: &Remembered,
        level: u32,
        choice: &LayerChoice,
    ) -> Result<InstanceRef, SlideError> {
        let instances = found.levels.get(level as usize).ok_or(SlideError::NotFound)?;
        let level = found.slide.level(level).ok_or(SlideError::NotFound)?;
        let shown = found.slide.shown(level, choice).ok_or(SlideError::NotFound)?;
        let first = match shown.map {
            None => Some(shown.first),
            Some(name) => {
                let map = self.map(&found.slide.owner, name).await?;
                let places = map.iter().skip(shown.first as usize);
                let tiles = usize::try_from(level.tile_count()).unwrap_or(usize::MAX);
                places.take(tiles).find(|frame| **frame != MISSING).copied()
            }
        };
        let part = |arrangement: &Arrangement| arrangement.part_of(first?);
        let index = level.arrangement.as_ref().and_then(part).unwrap_or(0);
        instances.get(index).cloned().ok_or(SlideError::NotFound)
    }

    /// The ICC profile of an instance of a slide; `None` when it has none.
    ///
    /// # Errors
    /// [`SlideError::NotFound`] when there is no such slide within reach.
    pub async fn profile_of_instance(
        &self,
        scope: &Scope,
        id: &SlideId,
        instance: &InstanceRef,
    ) -> Result<Option<Bytes>, SlideError> {
        let found = self.reach(scope, id).await?;
        self.profile_of(scope, &found, instance).await
    }
}

/// What asks for the first path of these layers, in the plane that is nearest to the middle; `None` when nothing does.
fn choice_of(slide: &Slide, level: &Level, held: &[Layer]) -> Option<LayerChoice> {
    let channel = held.iter().map(|layer| usize::from(layer.channel)).min()?;
    let middle = slide.middle_plane().map_or(0, |plane| plane.z_nm);
    let layer = nearest(held, channel, middle)?;
    let plane = slide.focal_planes.iter().min_by_key(|plane| plane.z_nm.abs_diff(layer.z_nm));
    let choice = LayerChoice {
        z_nm: plane.map(|plane| plane.z_nm),
        path: Some(slide.channels.get(channel)?.identifier.clone()),
    };
    let shown = slide.shown(level, &choice)?;
    ((shown.first, shown.map) == (layer.first, layer.map.as_ref())).then_some(choice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Channel, FocalPlane};
    use crate::out::view::tests::slide;

    /// Two paths in two planes.
    fn fluorescence() -> Slide {
        let mut slide = slide(&[(512, 512)]);
        let channel = |identifier: &str| Channel {
            identifier: identifier.to_owned(),
            description: String::new(),
            wavelength_nm: None,
            illumination: None,
            colour: None,
            window: None,
            bits: 8,
        };
        slide.channels = vec![channel("dapi"), channel("fitc")];
        slide.focal_planes = [0, 1500].map(|z_nm| FocalPlane { z_nm, is_distance: true }).to_vec();
        let layer = |channel, z_nm, first| Layer { channel, z_nm, first, map: None };
        let layers = vec![layer(0, 0, 0), layer(0, 1500, 4), layer(1, 0, 8), layer(1, 1500, 12)];
        slide.levels[0].arrangement =
            Some(Arrangement { first_frame: 4, parts: Vec::new(), map: None, layers });
        slide
    }

    #[test]
    fn an_instance_of_another_path_or_plane_is_asked_for_by_its_name() {
        let slide = fluorescence();
        let level = &slide.levels[0];
        let layers = level.arrangement.as_ref().unwrap().layers.clone();
        let check = |held: &[Layer], z_nm: i64, path: &str| {
            let expected = LayerChoice { z_nm: Some(z_nm), path: Some(path.to_owned()) };
            assert_eq!(choice_of(&slide, level, held), Some(expected));
        };
        check(&layers[..1], 0, "dapi");
        check(&layers[2..3], 0, "fitc");
        check(&layers[2..], 1500, "fitc");
        assert_eq!(choice_of(&slide, level, &[]), None);
    }
}
