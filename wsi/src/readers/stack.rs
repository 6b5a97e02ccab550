//! Levels of several layers: the focal planes of each optical path, one after the other.

use super::{Counts, Emit, Geometry, Survey, TileSource};
use crate::SlideError;
use bytes::Bytes;
use model::Limits;
use std::ops::Range;
use std::sync::Arc;

/// Layers of a level.
pub(super) const LAYERS_MAX: usize = 1024;
/// How much a plane may be off the place that even spacing gives it, as a part of that spacing: stages are not exact.
const UNEVENNESS_MAX: i64 = 20;

/// A level of layers that are alike: for each optical path its focal planes, the one nearest to the glass first.
pub(super) struct Stacked {
    layers: Vec<Arc<dyn TileSource>>,
    planes_nm: Vec<i64>,
}

impl Stacked {
    /// The layers of every path in every plane; of one layer that one, if nothing has to be said of its height.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] when layers differ in size; [`SlideError::OverLimit`].
    pub fn of(
        mut layers: Vec<Arc<dyn TileSource>>,
        planes_nm: Vec<i64>,
        limits: &Limits,
    ) -> Result<Arc<dyn TileSource>, SlideError> {
        let first = layers.first().ok_or(SlideError::Damaged("a level without images"))?;
        if layers.iter().any(|layer| layer.geometry() != first.geometry()) {
            return Err(SlideError::Damaged("the channels or focal planes of a level differ in size"));
        }
        let frames = first.frame_count().saturating_mul(layers.len() as u64);
        if layers.len() > LAYERS_MAX || frames > u64::from(limits.frames_max) {
            return Err(SlideError::OverLimit("tiles of a level in all its channels and focal planes"));
        }
        if layers.len() == 1 && planes_nm.is_empty() {
            return Ok(layers.remove(0));
        }
        Ok(Arc::new(Self { layers, planes_nm }))
    }

    fn tiles(&self) -> u64 {
        self.geometry().tile_count()
    }

    /// The layers that some frames are of, each with its own tiles.
    fn parts(&self, frames: Range<u64>) -> impl Iterator<Item = (&Arc<dyn TileSource>, Range<u64>)> {
        let tiles = self.tiles();
        (0..).zip(&self.layers).filter_map(move |(number, layer)| {
            let first = number * tiles;
            let from = frames.start.max(first);
            let until = frames.end.min(first + tiles);
            (from < until).then(|| (layer, from - first..until - first))
        })
    }
}

impl TileSource for Stacked {
    fn geometry(&self) -> &Geometry {
        self.layers[0].geometry()
    }

    fn frame_count(&self) -> u64 {
        self.tiles() * self.layers.len() as u64
    }

    fn planes_nm(&self) -> &[i64] {
        &self.planes_nm
    }

    fn in_focus(&self) -> Option<Arc<dyn TileSource>> {
        let planes = self.planes_nm.iter().zip(&self.layers);
        planes.min_by_key(|(z_nm, _)| z_nm.unsigned_abs()).map(|(_, layer)| layer.clone())
    }

    fn survey(&self) -> Result<Survey, SlideError> {
        let mut whole: Option<Survey> = None;
        for layer in &self.layers {
            let survey = layer.survey()?;
            let Some(before) = &mut whole else {
                whole = Some(survey);
                continue;
            };
            before.bytes = before.bytes.saturating_add(survey.bytes);
            before.filled += survey.filled;
            if *before != (Survey { bytes: before.bytes, filled: before.filled, ..survey }) {
                return Err(SlideError::Damaged("the channels or focal planes of a level differ in kind"));
            }
        }
        whole.ok_or(SlideError::Damaged("a level without images"))
    }

    fn frame_lengths(&self, frames: Range<u64>) -> Result<Option<Vec<u64>>, SlideError> {
        let mut lengths = Vec::new();
        for (layer, tiles) in self.parts(frames) {
            match layer.frame_lengths(tiles)? {
                Some(more) => lengths.extend(more),
                None => return Ok(None),
            }
        }
        Ok(Some(lengths))
    }

    fn frames(&self, frames: Range<u64>, emit: &mut Emit<'_>) -> Result<(), SlideError> {
        self.parts(frames).try_for_each(|(layer, tiles)| layer.frames(tiles, emit))
    }

    fn compare(&self, first: u64, stored: &[Bytes]) -> Result<Counts, SlideError> {
        let mut counts = Counts::default();
        let mut rest = stored;
        for (layer, tiles) in self.parts(first..first.saturating_add(stored.len() as u64)) {
            let (own, behind) = rest.split_at((tiles.end - tiles.start) as usize);
            counts += layer.compare(tiles.start, own)?;
            rest = behind;
        }
        Ok(counts)
    }
}

/// The same heights, ascending, at exactly even distances; `None` when they are not evenly spaced, or two are alike.
pub(super) fn evenly_spaced(planes_nm: &[i64]) -> Option<Vec<i64>> {
    let (first, last) = (*planes_nm.first()?, *planes_nm.last()?);
    let steps = i64::try_from(planes_nm.len() - 1).ok()?;
    if steps == 0 {
        return Some(vec![first]);
    }
    let step = last.checked_sub(first).map(|depth| (depth + steps / 2) / steps).filter(|step| *step > 0)?;
    // The plane in focus stays where it is.
    let (number, focus) = (0..).zip(planes_nm).min_by_key(|(_, z_nm)| z_nm.unsigned_abs())?;
    let first = focus.checked_sub(step.checked_mul(number)?)?;
    let even: Vec<i64> = (0..=steps).map(|number| first + number * step).collect();
    let is_near = |(own, even): (&i64, &i64)| own.abs_diff(*even) <= (step / UNEVENNESS_MAX).unsigned_abs();
    planes_nm.iter().zip(&even).all(is_near).then_some(even)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_evenly_spaced_but_for_what_a_stage_is_off() {
        assert_eq!(evenly_spaced(&[-1500]), Some(vec![-1500]));
        assert_eq!(evenly_spaced(&[-1500, 0, 1500]), Some(vec![-1500, 0, 1500]));
        assert_eq!(evenly_spaced(&[-1503, 0, 1498]), Some(vec![-1501, 0, 1501]));
        for uneven in [&[-1500, 0, 1700][..], &[0, 0], &[5, 1], &[0, 1, 1], &[i64::MIN, i64::MAX], &[]] {
            assert_eq!(evenly_spaced(uneven), None, "{uneven:?}");
        }
    }
}
