//! The frames of one instance, or of one concatenation: which focal plane and optical path each of them shows, and where.

use crate::dicom_facts::{Facts, MISSING, PathFacts, Places, Position};
use crate::slide::Part;
use model::Limits;
use std::collections::{HashMap, HashSet};

/// Planes of all paths of a level.
pub(super) const LAYERS_MAX: usize = 1024;
/// Columns or rows of a level: four metres of glass at a quarter of a micrometre.
const SIDE_MAX: u32 = 1 << 24;
/// Tiles of a sparse level, which takes four bytes for each that it leaves out: so many for each frame, or so many.
const TILES_PER_FRAME: usize = 64;
const TILES_FREE: usize = 65_536;
const TILES_MAX: usize = 16 << 20;

/// What one instance or concatenation holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stack {
    /// Pixels of the total matrix: columns and rows.
    pub total: (u32, u32),
    /// Pixels of a frame: columns and rows.
    pub tile: (u32, u32),
    pub parts: Vec<Part>,
    /// Frames of all parts.
    pub frames: u32,
    pub layers: Vec<StackLayer>,
    /// The frames of each layer's tiles one layer after the other, row by row; `None`: they are in line.
    pub map: Option<Vec<u32>>,
    /// Whether its attributes contradict its number of frames, so that only its first layer is known.
    pub is_contradictory: bool,
}

/// One focal plane of one optical path.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StackLayer {
    pub path: PathFacts,
    pub z_nm: i64,
    /// Whether `z_nm` is a distance.
    pub is_distance: bool,
    /// Of its first tile: the index in the map, or the frame.
    pub first: u32,
}

impl Stack {
    /// `None` while frames are missing, and when it is not known where they are.
    pub fn of(parts: &[&Facts], is_stored: impl Fn(&Facts) -> bool) -> Option<Self> {
        let listed = listed(parts, is_stored)?;
        let frames = listed.last().map(|part| part.first_frame + part.frames)?;
        let first = parts.first()?;
        let grid = Grid::of(first)?;
        let mut stack = Self {
            total: first.total,
            tile: first.tile,
            parts: listed,
            frames,
            layers: Vec::new(),
            map: None,
            is_contradictory: false,
        };
        if matches!(first.places, Places::RowByRow) {
            stack.in_line(first, &grid)?;
            return Some(stack);
        }
        let mut positions = Vec::new();
        for part in parts {
            let Places::Listed(places) = &part.places else { return None };
            positions.extend(places.iter().take(part.frames as usize));
        }
        if positions.len() != frames as usize {
            return None;
        }
        let (layers, map) = scattered(first, &grid, &positions)?;
        (stack.layers, stack.map) = (layers, Some(map));
        Some(stack)
    }

    /// TILED_FULL: tiles row by row, then focal planes, then optical paths (PS3.3 §C.7.6.17.3).
    fn in_line(&mut self, facts: &Facts, grid: &Grid) -> Option<()> {
        let tiles = grid.tiles();
        if self.frames < tiles || !self.frames.is_multiple_of(tiles) {
            return None;
        }
        let stacked = self.frames / tiles;
        let planes = facts.focal_planes;
        let named = u32::try_from(facts.paths.len()).unwrap_or(u32::MAX).max(1);
        let paths = match facts.path_count {
            Some(paths) => paths,
            None if planes.checked_mul(named) == Some(stacked) => named,
            None => stacked / planes,
        };
        self.is_contradictory = planes.checked_mul(paths) != Some(stacked) || stacked as usize > LAYERS_MAX;
        let (planes, paths) = if self.is_contradictory { (1, 1) } else { (planes, paths) };
        let step = facts.plane_step_nm.filter(|_| planes > 1);
        for (number, path) in path_facts(facts, paths).into_iter().enumerate() {
            for plane in 0..planes {
                let height = i64::from(plane) * step.unwrap_or(1000);
                self.layers.push(StackLayer {
                    path: path.clone(),
                    z_nm: if step.is_some() || planes == 1 {
                        facts.z_nm.saturating_add(height)
                    } else {
                        height
                    },
                    is_distance: step.is_some() || planes == 1,
                    first: (number as u32 * planes + plane) * tiles,
                });
            }
        }
        Some(())
    }
}

/// For the fuzz target: what is found of one instance lies within it.
///
/// # Panics
/// When it does not.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn hold(facts: &Facts) {
    let Some(stack) = Stack::of(&[facts], |_| true) else { return };
    let tiles = Grid::of(facts).expect("it was found to have one").tiles();
    assert!(!stack.layers.is_empty() && stack.layers.len() <= LAYERS_MAX);
    let most = stack.map.as_ref().map_or(stack.frames as usize, Vec::len);
    for layer in &stack.layers {
        assert!(layer.first as usize + tiles as usize <= most, "a layer ends behind the last frame");
    }
    for frame in stack.map.iter().flatten() {
        assert!(*frame == MISSING || *frame < stack.frames, "a frame that is not there");
    }
}

/// Whether a level and its tiles are of a size that can be shown. Sizes are only said, and cost their sender nothing.
///
/// # Errors
/// Why not.
pub(super) fn is_sound(facts: &Facts, limits: &Limits) -> Result<(), &'static str> {
    if facts.total.0.max(facts.total.1) > SIDE_MAX {
        return Err("larger than any slide");
    }
    if !crate::tile::is_within(facts.tile.0, facts.tile.1, limits.frame_pixel_bytes_max) {
        return Err("its tiles are larger than a frame may be");
    }
    Ok(())
}

/// The instances in order, when all of them are there and belong together.
fn listed(parts: &[&Facts], is_stored: impl Fn(&Facts) -> bool) -> Option<Vec<Part>> {
    let first = parts.first()?;
    let mut frames = 0_u32;
    let mut listed = Vec::new();
    for part in parts {
        let is_alike = part.total == first.total && part.tile == first.tile;
        let offset = part.concatenation.as_ref().map_or(0, |(_, offset)| *offset);
        if !is_alike || offset != frames || !is_stored(part) {
            return None;
        }
        listed.push(Part { instance: part.instance.clone(), first_frame: frames, frames: part.frames });
        frames = frames.checked_add(part.frames)?;
    }
    Some(listed)
}

/// Tiles of a level.
struct Grid {
    tile: (u32, u32),
    across: u32,
    down: u32,
}

impl Grid {
    /// `None` when there are more tiles than 32 bits count.
    fn of(facts: &Facts) -> Option<Self> {
        let (across, down) = (facts.total.0.div_ceil(facts.tile.0), facts.total.1.div_ceil(facts.tile.1));
        across.checked_mul(down)?;
        Some(Self { tile: facts.tile, across, down })
    }

    fn tiles(&self) -> u32 {
        self.across * self.down
    }

    /// The tile at a place; `Err` when no tile begins there.
    fn cell(&self, position: &Position) -> Result<Option<u32>, ()> {
        if !position.column.is_multiple_of(self.tile.0) || !position.row.is_multiple_of(self.tile.1) {
            return Err(());
        }
        let (x, y) = (position.column / self.tile.0, position.row / self.tile.1);
        Ok((x < self.across && y < self.down).then(|| y * self.across + x))
    }
}

/// What is known of each of so many paths; those that nothing is said of are numbered.
fn path_facts(facts: &Facts, count: u32) -> Vec<PathFacts> {
    if let (1, Some(identifier)) = (count, facts.shared_path.as_deref().filter(|text| !text.is_empty())) {
        return vec![named(facts, identifier)];
    }
    let mut seen = HashSet::new();
    let one = |number: u32| {
        let mut path = facts.paths.get(number as usize).cloned().unwrap_or_else(|| unnamed(""));
        if path.identifier.is_empty() {
            path.identifier = (number + 1).to_string();
        }
        if !seen.insert(path.identifier.clone()) {
            path.identifier = format!("{} ({})", path.identifier, number + 1);
            seen.insert(path.identifier.clone());
        }
        path
    };
    (0..count).map(one).collect()
}

fn named(facts: &Facts, identifier: &str) -> PathFacts {
    let found = facts.paths.iter().find(|path| path.identifier == identifier);
    found.cloned().unwrap_or_else(|| unnamed(identifier))
}

fn unnamed(identifier: &str) -> PathFacts {
    PathFacts {
        identifier: identifier.to_owned(),
        description: String::new(),
        wavelength_nm: None,
        illumination: None,
    }
}

/// A frame and what it shows.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Placed {
    path: u32,
    cell: u32,
    z_nm: i64,
    frame: u32,
}

/// The paths that frames are of: in the order in which the instance lists its paths, then in that of the frames.
fn paths_of<'a>(facts: &Facts, positions: &[&'a Position]) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    let mut paths: Vec<&str> =
        positions.iter().map(|position| &*position.path).filter(|path| seen.insert(*path)).collect();
    let listed: HashMap<&str, usize> =
        facts.paths.iter().map(|path| path.identifier.as_str()).zip(0..).collect();
    paths.sort_by_key(|path| listed.get(path).copied().unwrap_or(usize::MAX));
    paths
}

/// TILED_SPARSE: layers, and the frame of each tile of each of them.
fn scattered(facts: &Facts, grid: &Grid, positions: &[&Position]) -> Option<(Vec<StackLayer>, Vec<u32>)> {
    let paths = paths_of(facts, positions);
    let numbers: HashMap<&str, u32> = paths.iter().copied().zip(0..).collect();
    let mut placed = Vec::new();
    for (frame, position) in (0_u32..).zip(positions) {
        let path = numbers[&*position.path];
        // Tiles out of line are not shown at a wrong place.
        if let Some(cell) = grid.cell(position).ok()? {
            placed.push(Placed { path, cell, z_nm: position.z_nm, frame });
        }
    }
    placed.sort_unstable();
    let planes = Planes::of(&placed, facts.focal_planes);
    let count = paths.len().checked_mul(planes.heights().len())?;
    let tiles = grid.tiles() as usize;
    let most = positions.len().saturating_mul(TILES_PER_FRAME).clamp(TILES_FREE, TILES_MAX);
    if count == 0 || count > LAYERS_MAX || tiles.checked_mul(count)? > most {
        return None;
    }
    let mut map = vec![MISSING; tiles * count];
    for column in placed.chunk_by(|a, b| (a.path, a.cell) == (b.path, b.cell)) {
        for (rank, one) in column.iter().enumerate() {
            let layer = one.path as usize * planes.heights().len() + planes.plane(rank, one.z_nm);
            let place = &mut map[layer * tiles + one.cell as usize];
            if *place == MISSING {
                *place = one.frame;
            }
        }
    }
    let mut layers = Vec::with_capacity(count);
    for identifier in paths {
        let path =
            if identifier.is_empty() { path_facts(facts, 1).remove(0) } else { named(facts, identifier) };
        for z_nm in planes.heights() {
            let first = u32::try_from(layers.len() * tiles).ok()?;
            layers.push(StackLayer { path: path.clone(), z_nm: *z_nm, is_distance: true, first });
        }
    }
    Some((layers, map))
}

/// The focal planes of frames that say their heights.
enum Planes {
    /// Each height is a plane.
    Exact(Vec<i64>),
    /// Each tile was focused for itself, so that heights differ within a plane: planes are counted from the glass. The
    /// median of each.
    Ranked(Vec<i64>),
}

impl Planes {
    /// `placed` is sorted.
    fn of(placed: &[Placed], declared: u32) -> Self {
        let mut heights: Vec<i64> = placed.iter().map(|one| one.z_nm).collect();
        heights.sort_unstable();
        heights.dedup();
        let columns = || placed.chunk_by(|a, b| (a.path, a.cell) == (b.path, b.cell));
        let deepest = columns().map(<[Placed]>::len).max().unwrap_or(0);
        if heights.len() <= deepest.max(declared as usize) {
            return Self::Exact(heights);
        }
        let mut ranked = vec![Vec::new(); deepest];
        for column in columns() {
            for (rank, one) in column.iter().enumerate() {
                ranked[rank].push(one.z_nm);
            }
        }
        let median = |mut heights: Vec<i64>| {
            heights.sort_unstable();
            heights[heights.len() / 2]
        };
        let mut heights: Vec<i64> = ranked.into_iter().map(median).collect();
        // No two planes of one name.
        for plane in 1..heights.len() {
            heights[plane] = heights[plane].max(heights[plane - 1].saturating_add(1));
        }
        Self::Ranked(heights)
    }

    fn heights(&self) -> &[i64] {
        let (Self::Exact(heights) | Self::Ranked(heights)) = self;
        heights
    }

    fn plane(&self, rank: usize, z_nm: i64) -> usize {
        match self {
            Self::Exact(heights) => heights.binary_search(&z_nm).unwrap_or(0),
            Self::Ranked(_) => rank,
        }
    }
}

#[cfg(test)]
#[path = "stack_tests.rs"]
mod tests;
