//! The levels of a pyramid, of everything that arrived for it.

use super::stack::{LAYERS_MAX, Stack, StackLayer, is_sound};
use crate::dicom_facts::{Facts, PATHS_MAX, PathFacts};
use crate::layers::{FocalPlane, Layer, nearest};
use crate::slide::{Arrangement, Part};
use crate::{Level, SlideError, Slides};
use model::{OrgId, Scope};
use std::collections::HashSet;
use storage::InstanceRef;

/// How much a level's height may differ from what its width makes of the largest level's.
const SHAPE_TOLERANCE: f64 = 0.03;
/// Levels of a pyramid.
const LEVELS_MAX: usize = 64;
/// Instances of a level.
const PARTS_MAX: usize = 4096;

/// Levels with the planes and paths that they have.
#[derive(Default)]
pub(super) struct Pyramid {
    /// The largest first.
    pub levels: Vec<Level>,
    /// Of the largest level, the one nearest to the glass first.
    pub focal_planes: Vec<FocalPlane>,
    /// In the order in which they were found.
    pub paths: Vec<PathFacts>,
}

/// A level as it is put together, before it is known what is shown of it.
struct Gathered {
    total: (u32, u32),
    tile: (u32, u32),
    parts: Vec<Part>,
    frames: u32,
    layers: Vec<GatheredLayer>,
    /// The map of each stack that has one.
    maps: Vec<Vec<u32>>,
}

struct GatheredLayer {
    path: usize,
    plane: FocalPlane,
    first: u32,
    /// Index in the maps.
    map: Option<usize>,
}

impl Slides {
    /// Levels, the largest first; what is incomplete, or shows a plane and path of a level that are there already, is left
    /// out.
    pub(super) async fn levels(
        &self,
        scope: &Scope,
        owner: &OrgId,
        instances: &[InstanceRef],
        mut facts: Vec<Facts>,
        omitted: &mut Vec<String>,
    ) -> Result<Pyramid, SlideError> {
        facts.sort_by_key(|facts| {
            let offset = facts.concatenation.as_ref().map_or(0, |(_, offset)| *offset);
            (std::cmp::Reverse(facts.total), facts.instance_number, offset)
        });
        let mut paths = Paths::default();
        let mut gathered = Vec::new();
        for parts in stacked(&facts) {
            let name = format!("{}×{}", parts[0].total.0, parts[0].total.1);
            if let Err(why) = is_sound(parts[0], self.storage.limits()) {
                omitted.push(format!("{name}: {why}"));
                continue;
            }
            let is_stored = |facts: &Facts| {
                let mut all = instances.iter();
                all.any(|one| *one.instance() == facts.instance && one.frame_count() == facts.frames)
            };
            let Some(stack) = Stack::of(&parts, is_stored) else {
                omitted.push(format!("{name}: not all of its frames are there, or they are not in line"));
                continue;
            };
            omitted
                .extend(gather(&mut gathered, &mut paths, stack).err().map(|why| format!("{name}: {why}")));
        }
        let focal_planes = gathered.first().map(planes).unwrap_or_default();
        let middle = focal_planes.get(focal_planes.len() / 2).map_or(0, |plane| plane.z_nm);
        let mut levels: Vec<Level> = Vec::new();
        for one in gathered {
            let base = levels.first().map_or(one.total.0, |level| level.width);
            let number = u32::try_from(levels.len()).unwrap_or(u32::MAX);
            levels.push(self.level(scope, owner, number, base, middle, one).await?);
        }
        Ok(Pyramid { levels, focal_planes, paths: paths.named })
    }

    async fn level(
        &self,
        scope: &Scope,
        owner: &OrgId,
        number: u32,
        base: u32,
        middle_nm: i64,
        gathered: Gathered,
    ) -> Result<Level, SlideError> {
        let Gathered { total, tile, parts, layers, maps, .. } = gathered;
        let mut kept = Vec::with_capacity(maps.len());
        for map in maps {
            let bytes: Vec<u8> = map.iter().flat_map(|frame| frame.to_le_bytes()).collect();
            kept.push(self.storage.put_blob(scope, owner, &bytes).await?);
        }
        let layers: Vec<Layer> = layers
            .into_iter()
            .map(|layer| Layer {
                channel: layer.path as u16,
                z_nm: layer.plane.z_nm,
                first: layer.first,
                map: layer.map.map(|index| kept[index]),
            })
            .collect();
        let of_first = layers.iter().map(|layer| usize::from(layer.channel)).min().unwrap_or(0);
        let shown = nearest(&layers, of_first, middle_nm);
        let (first_frame, map) = shown.map_or((0, None), |layer| (layer.first, layer.map));
        let is_alone = layers.len() == 1 && of_first == 0;
        let instance = parts
            .iter()
            .rfind(|part| map.is_none() && part.first_frame <= first_frame)
            .or(parts.first())
            .map(|part| part.instance.clone())
            .ok_or(SlideError::Damaged("a level without instances"))?;
        let layers = if is_alone { Vec::new() } else { layers };
        let arrangement = Arrangement { first_frame, parts, map, layers };
        Ok(Level {
            level: number,
            width: total.0,
            height: total.1,
            downsample: f64::from(base) / f64::from(total.0),
            tiles_x: total.0.div_ceil(tile.0),
            tiles_y: total.1.div_ceil(tile.1),
            tile_width: tile.0,
            tile_height: tile.1,
            instance,
            arrangement: Some(arrangement).filter(|arrangement| !arrangement.is_plain()),
        })
    }
}

/// Instances, those of a concatenation together.
fn stacked(facts: &[Facts]) -> Vec<Vec<&Facts>> {
    let mut done = HashSet::new();
    let mut stacks = Vec::new();
    for first in facts {
        if done.contains(&first.instance) {
            continue;
        }
        let concatenation = first.concatenation.as_ref().map(|(uid, _)| uid);
        let parts: Vec<&Facts> = facts
            .iter()
            .filter(|other| match (&other.concatenation, concatenation) {
                (Some((uid, _)), Some(own)) => uid == own,
                _ => other.instance == first.instance,
            })
            .collect();
        done.extend(parts.iter().map(|part| &part.instance));
        stacks.push(parts);
    }
    stacks
}

/// Adds what one instance or concatenation holds to the level that it belongs to.
///
/// # Errors
/// Why it, or a part of it, is left out.
fn gather(levels: &mut Vec<Gathered>, paths: &mut Paths, stack: Stack) -> Result<(), &'static str> {
    if let Some(base) = levels.first()
        && !is_alike(base.total, stack.total)
    {
        return Err("of another shape than the largest level");
    }
    let is_contradictory = stack.is_contradictory;
    if levels.last().is_none_or(|level| level.total != stack.total) {
        if levels.len() == LEVELS_MAX {
            return Err("one level too many");
        }
        let (total, tile) = (stack.total, stack.tile);
        let mut level =
            Gathered { total, tile, parts: Vec::new(), frames: 0, layers: Vec::new(), maps: Vec::new() };
        level.add(paths, stack)?;
        levels.push(level);
    } else if let Some(level) = levels.last_mut() {
        if level.tile != stack.tile {
            return Err("tiles of another size");
        }
        if level.parts.len() + stack.parts.len() > PARTS_MAX {
            return Err("of too many instances");
        }
        level.add(paths, stack)?;
    }
    if is_contradictory { Err("planes or paths that its number of frames contradicts") } else { Ok(()) }
}

impl Gathered {
    fn add(&mut self, paths: &mut Paths, stack: Stack) -> Result<(), &'static str> {
        let frames = self.frames.checked_add(stack.frames).ok_or("more frames than are counted")?;
        let all = stack.layers.len();
        let map = stack.map.as_ref().map(|_| self.maps.len());
        let mut added = Vec::new();
        for StackLayer { path, z_nm, is_distance, first } in stack.layers {
            let is_there =
                |path: usize| self.layers.iter().any(|layer| (layer.path, layer.plane.z_nm) == (path, z_nm));
            let index = paths.index(&path, |path| !is_there(path)).filter(|path| !is_there(*path));
            let Some(path) = index.filter(|_| self.layers.len() + added.len() < LAYERS_MAX) else { continue };
            // Frames in line are counted over all instances of the level, and a map's over all as well.
            let first = if map.is_some() { first } else { first + self.frames };
            added.push(GatheredLayer { path, plane: FocalPlane { z_nm, is_distance }, first, map });
        }
        let count = added.len();
        if count == 0 {
            return Err("a further image of a plane and path that are there");
        }
        let before = self.frames;
        self.parts.extend(
            stack.parts.into_iter().map(|part| Part { first_frame: part.first_frame + before, ..part }),
        );
        self.maps.extend(stack.map.map(|mut map| {
            for frame in map.iter_mut().filter(|frame| **frame != crate::dicom_facts::MISSING) {
                *frame += before;
            }
            map
        }));
        self.layers.extend(added);
        self.frames = frames;
        if count < all { Err("some of its planes and paths are there already") } else { Ok(()) }
    }
}

/// The optical paths of a slide as they are found. Some writers give those of different instances the same identifier.
#[derive(Default)]
struct Paths {
    said: Vec<PathFacts>,
    /// The same, each with an identifier of its own.
    named: Vec<PathFacts>,
}

impl Paths {
    /// The index of a path: of the one that says the same, or else of the first with its identifier that is free; or it is
    /// a new one. `None` when there are too many.
    fn index(&mut self, path: &PathFacts, is_free: impl Fn(usize) -> bool) -> Option<usize> {
        let same = self.said.iter().position(|said| said == path);
        let alike =
            || (0..self.said.len()).find(|at| self.said[*at].identifier == path.identifier && is_free(*at));
        if let Some(index) = same.or_else(alike) {
            return Some(index);
        }
        let index = self.said.len();
        let mut identifier = path.identifier.clone();
        let mut number = index;
        while self.named.iter().any(|named| named.identifier == identifier) {
            number += 1;
            identifier = format!("{} ({number})", path.identifier);
        }
        (index < PATHS_MAX).then(|| {
            self.named.push(PathFacts { identifier, ..path.clone() });
            self.said.push(path.clone());
            index
        })
    }
}

/// The planes of a level.
fn planes(level: &Gathered) -> Vec<FocalPlane> {
    let mut planes: Vec<FocalPlane> = level.layers.iter().map(|layer| layer.plane).collect();
    planes.sort_unstable();
    planes.dedup_by_key(|plane| plane.z_nm);
    planes
}

/// Whether an image can be a smaller one of another: of the same shape, but for what rounding and padding make of it.
fn is_alike(base: (u32, u32), level: (u32, u32)) -> bool {
    let scale = f64::from(base.0) / f64::from(level.0);
    let height = f64::from(base.1) / scale;
    let off = (f64::from(level.1) - height).abs();
    // One pixel more or less on either side.
    off <= (height * SHAPE_TOLERANCE).max(1.0 + height / f64::from(level.0))
}
