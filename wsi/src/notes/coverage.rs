//! Which parts of a slide were on somebody's screen, and how large: a coarse grid of bits for each step of
//! magnification. Adding is an OR, so that the same news twice, or in another order, changes nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

/// Cells along the longer side of a slide.
const CELLS_MAX: u32 = 64;
/// Steps of magnification: pixels of level 0 per pixel of the screen, or fewer.
pub const STEPS: [u32; 5] = [1, 2, 4, 8, 16];

/// The grid of a slide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Side of a cell, pixels of level 0.
    pub cell_px: u32,
    /// Cells in a row.
    pub columns: u32,
    /// Cells in a column.
    pub rows: u32,
}

impl Grid {
    /// The grid of a slide of this size, pixels of level 0.
    #[must_use]
    pub fn of(width: u32, height: u32) -> Self {
        let cell_px = width.max(height).div_ceil(CELLS_MAX).max(1);
        Self { cell_px, columns: width.div_ceil(cell_px).max(1), rows: height.div_ceil(cell_px).max(1) }
    }

    /// Cells in all.
    #[must_use]
    pub fn cells(&self) -> u32 {
        self.columns * self.rows
    }

    fn bytes(&self) -> usize {
        self.cells().div_ceil(8) as usize
    }
}

/// Cells that were seen at each of [`STEPS`]; cell n (row by row) is bit n mod 8 of byte n / 8. In JSON each step is
/// Base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage(Vec<Vec<u8>>);

impl Coverage {
    /// Nothing seen.
    #[must_use]
    pub fn none(grid: &Grid) -> Self {
        Self(vec![vec![0; grid.bytes()]; STEPS.len()])
    }

    /// Reads Base64, a text for each step. `None` when it is not of this grid.
    #[must_use]
    pub fn parse(steps: &[String], grid: &Grid) -> Option<Self> {
        if steps.len() != STEPS.len() {
            return None;
        }
        let most = grid.bytes().div_ceil(3) * 4;
        let read = |text: &String| {
            let bytes = (text.len() <= most).then(|| BASE64.decode(text).ok())??;
            (bytes.len() == grid.bytes()).then_some(bytes)
        };
        let mut found = Self(steps.iter().map(read).collect::<Option<_>>()?);
        found.tidy(grid);
        Some(found)
    }

    /// Everything that either has seen.
    pub fn merge(&mut self, other: &Self) {
        for (into, from) in self.0.iter_mut().zip(&other.0) {
            for (into, from) in into.iter_mut().zip(from) {
                *into |= from;
            }
        }
    }

    /// The share of all cells that was seen at each of [`STEPS`], 0 to 1.
    #[must_use]
    pub fn shares(&self, grid: &Grid) -> Vec<f64> {
        let seen = |bits: &Vec<u8>| bits.iter().map(|byte| byte.count_ones()).sum::<u32>();
        self.0.iter().map(|bits| f64::from(seen(bits)) / f64::from(grid.cells())).collect()
    }

    /// Base64 of each step.
    #[must_use]
    pub fn to_texts(&self) -> Vec<String> {
        self.0.iter().map(|bits| BASE64.encode(bits)).collect()
    }

    /// What was seen at a step was seen at the smaller ones, too; bits behind the last cell mean nothing.
    fn tidy(&mut self, grid: &Grid) {
        let beyond = grid.bytes() as u32 * 8 - grid.cells();
        let mut seen = vec![0; grid.bytes()];
        for bits in &mut self.0 {
            for (seen, byte) in seen.iter_mut().zip(bits.iter_mut()) {
                *seen |= *byte;
                *byte = *seen;
            }
            if let Some(last) = bits.last_mut() {
                *last &= 0xFF_u8 >> beyond;
            }
        }
    }
}

impl Serialize for Coverage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_texts().serialize(serializer)
    }
}

/// As it was kept: what belongs to another grid is of no use, and [`Coverage::parse`] tells.
impl<'de> Deserialize<'de> for Coverage {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let bits = texts.iter().map(|text| BASE64.decode(text)).collect::<Result<_, _>>();
        bits.map(Self).map_err(|_| serde::de::Error::custom("not Base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(grid: &Grid, step: usize, cells: &[u32]) -> Coverage {
        let mut steps = vec![vec![0; grid.bytes()]; STEPS.len()];
        for cell in cells {
            steps[step][*cell as usize / 8] |= 1 << (cell % 8);
        }
        let texts: Vec<_> = steps.iter().map(|bits| BASE64.encode(bits)).collect();
        Coverage::parse(&texts, grid).unwrap()
    }

    #[test]
    fn grids_are_bounded_and_cover_their_slide() {
        for (width, height) in
            [(1, 1), (64, 64), (65, 1), (2220, 2967), (200_000, 90_000), (u32::MAX, u32::MAX)]
        {
            let grid = Grid::of(width, height);
            assert!(grid.columns <= CELLS_MAX && grid.rows <= CELLS_MAX, "{grid:?}");
            let covers =
                |cells: u32, side: u32| u64::from(cells) * u64::from(grid.cell_px) >= u64::from(side);
            assert!(covers(grid.columns, width) && covers(grid.rows, height), "{grid:?}");
        }
    }

    #[test]
    fn merging_is_the_same_in_any_order_and_any_number_of_times() {
        let grid = Grid::of(640, 480);
        let (one, two) = (seen(&grid, 0, &[0, 1, 2]), seen(&grid, 3, &[2, 3]));
        let mut forth = one.clone();
        forth.merge(&two);
        let mut back = two.clone();
        back.merge(&one);
        back.merge(&two);
        back.merge(&one);
        assert_eq!(forth, back);
        let cells = f64::from(grid.cells());
        assert_eq!(forth.shares(&grid), [3.0, 3.0, 3.0, 4.0, 4.0].map(|n| n / cells));
        assert_eq!(serde_json::from_value::<Coverage>(serde_json::to_value(&forth).unwrap()).unwrap(), forth);
    }

    #[test]
    fn what_is_not_of_the_grid_is_refused_and_bits_beyond_it_do_not_count() {
        let grid = Grid { cell_px: 10, columns: 3, rows: 3 };
        let full = BASE64.encode([0xFF, 0xFF]);
        let all = Coverage::parse(&vec![full.clone(); 5], &grid).unwrap();
        assert_eq!(all.shares(&grid), [1.0; 5]);
        for steps in
            [vec![], vec![full.clone(); 4], vec![full; 6], vec!["////".into(); 5], vec!["!".into(); 5]]
        {
            assert_eq!(Coverage::parse(&steps, &grid), None, "{steps:?}");
        }
        assert_eq!(Coverage::parse(&vec!["A".repeat(1 << 20); 5], &grid), None);
    }
}
