//! Which instance each tile of a level is from: for whoever has to say, instance by instance, what was looked at.

use crate::dicom_facts::MISSING;
use crate::out::Seen;
use crate::{Level, SlideError, Slides};
use model::{Scope, SlideId, Uid};

/// The instances of a level, and which of them the tiles of one plane of one path are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// SOP Instance UIDs: one, the parts of a concatenation, or one for each plane or path.
    pub instances: Vec<Uid>,
    /// Tiles counted row by row from 0; the first run begins with tile 0, and each ends where the next begins.
    pub runs: Vec<TileRun>,
}

/// Tiles that follow each other and are from the same instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileRun {
    /// The first of them.
    pub first_tile: u32,
    /// Index in [`Whereabouts::instances`]; `None` where a sparse level leaves tiles out.
    pub instance: Option<usize>,
}

impl Level {
    /// How many instances hold its frames.
    #[must_use]
    pub fn instance_count(&self) -> usize {
        self.arrangement.as_ref().map_or(1, |arrangement| arrangement.parts.len())
    }
}

impl Slides {
    /// The instances that the tiles of one focal plane of one optical path of a level are from.
    ///
    /// # Errors
    /// [`SlideError::NotFound`] when there is no such slide within reach, no such level, plane or path.
    pub async fn whereabouts(
        &self,
        scope: &Scope,
        id: &SlideId,
        level: u32,
        seen: &Seen,
    ) -> Result<Whereabouts, SlideError> {
        let found = self.reach_at(scope, id, seen.revision).await?;
        let level = found.slide.level(level).ok_or(SlideError::NotFound)?;
        let shown = found.slide.shown(level, &seen.layer).ok_or(SlideError::NotFound)?;
        let map = match shown.map {
            Some(name) => Some(self.map(&found.slide.owner, name).await?),
            None => None,
        };
        let instances = level.parts().into_iter().map(|(instance, _)| instance.clone()).collect();
        Ok(Whereabouts { instances, runs: runs(level, shown.first, map.as_deref()) })
    }
}

fn runs(level: &Level, first: u32, map: Option<&[u32]>) -> Vec<TileRun> {
    let tiles = u32::try_from(level.tile_count()).unwrap_or(u32::MAX);
    let instance_of = |tile: u32| {
        let mut frame = first.checked_add(tile)?;
        if let Some(map) = map {
            frame = map.get(frame as usize).copied().filter(|frame| *frame != MISSING)?;
        }
        match &level.arrangement {
            None => Some(0),
            Some(arrangement) => arrangement.part_of(frame),
        }
    };
    let mut runs: Vec<TileRun> = Vec::new();
    for first_tile in 0..tiles {
        let instance = instance_of(first_tile);
        if runs.last().is_none_or(|run| run.instance != instance) {
            runs.push(TileRun { first_tile, instance });
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slide::{Arrangement, Part};

    /// Three by two tiles whose frames are in two instances, four frames in the first.
    fn level() -> Level {
        let part = |instance: &str, first_frame, frames| Part {
            instance: Uid::parse(instance).unwrap(),
            first_frame,
            frames,
        };
        Level {
            level: 0,
            width: 300,
            height: 200,
            downsample: 1.0,
            tiles_x: 3,
            tiles_y: 2,
            tile_width: 100,
            tile_height: 100,
            instance: Uid::parse("1.1").unwrap(),
            arrangement: Some(Arrangement {
                first_frame: 0,
                parts: vec![part("1.1", 0, 4), part("1.2", 4, 8)],
                map: None,
                layers: Vec::new(),
            }),
        }
    }

    fn check(first: u32, map: Option<&[u32]>, expected: &[(u32, Option<usize>)]) {
        let found: Vec<_> =
            runs(&level(), first, map).iter().map(|run| (run.first_tile, run.instance)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_concatenation_goes_on_in_its_next_part() {
        check(0, None, &[(0, Some(0)), (4, Some(1))]);
    }

    #[test]
    fn another_plane_is_another_instance() {
        check(6, None, &[(0, Some(1))]);
    }

    #[test]
    fn scattered_tiles_are_found_one_by_one_and_left_out_ones_are_nowhere() {
        check(
            0,
            Some(&[5, 0, MISSING, MISSING, 3, 1]),
            &[(0, Some(1)), (1, Some(0)), (2, None), (4, Some(0))],
        );
        check(1, Some(&[0, 4]), &[(0, Some(1)), (1, None)]);
    }

    #[test]
    fn most_levels_are_one_instance() {
        let plain = Level { arrangement: None, ..level() };
        assert_eq!(plain.instance_count(), 1);
        assert_eq!(runs(&plain, 0, None), [TileRun { first_tile: 0, instance: Some(0) }]);
    }
}
