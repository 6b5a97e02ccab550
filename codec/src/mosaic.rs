//! A picture of a large image that is stored as tiles, in another size: tiles go in row by row, and no more of them is
//! kept than one row and what becomes of it.
//!
//! Each pixel of the picture is the mean of what it covers (area average). Where the picture has the image's own
//! resolution and begins on a pixel, pixels are copied.

use crate::{CodecError, Raster};
use std::ops::Range;

/// What lies this close to a pixel's border lies on it: rounding of what clients compute in decimals.
const SNAP: f64 = 1e-6;
const SAMPLES: usize = 3;

/// Which part of a tiled image, and how large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// Width and height of the image in pixels, without the padding of its last tiles.
    pub image: (u32, u32),
    /// Width and height of a tile in pixels.
    pub tile: (u32, u32),
    /// Left and top of the part, in pixels of the image.
    pub from: (f64, f64),
    /// Width and height of the part, in pixels of the image. What lies beyond the image repeats its last pixels.
    pub length: (f64, f64),
    /// Width and height of the picture in pixels.
    pub size: (u32, u32),
}

/// The pixels of the image that a pixel of the picture covers along one axis.
#[derive(Debug, Clone, PartialEq)]
struct Cover {
    first: usize,
    /// They sum to 1.
    weights: Vec<f32>,
}

impl Cover {
    fn end(&self) -> usize {
        self.first + self.weights.len()
    }
}

/// One axis of a picture.
#[derive(Clone, Copy)]
struct Axis {
    image: u32,
    from: f64,
    step: f64,
    size: u32,
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
impl Axis {
    fn border(&self, index: u32) -> f64 {
        let at = self.from + f64::from(index) * self.step;
        let snapped = if (at - at.round()).abs() < SNAP { at.round() } else { at };
        snapped.clamp(0.0, f64::from(self.image))
    }

    /// The pixels of the image that a pixel of the picture touches.
    fn touched(&self, index: u32) -> (usize, usize) {
        let image = self.image as usize;
        let first = (self.border(index).floor() as usize).min(image - 1);
        (first, (self.border(index + 1).ceil() as usize).clamp(first + 1, image))
    }

    /// The pixels of the image that the whole picture touches.
    fn range(&self) -> (usize, usize) {
        (self.touched(0).0, self.touched(self.size - 1).1)
    }

    fn cover(&self, index: u32) -> Cover {
        let (start, end) = (self.border(index), self.border(index + 1));
        let (first, last) = self.touched(index);
        let covered = end - start;
        let weight = |at: usize| {
            if covered <= 0.0 {
                return 1.0;
            }
            let share = end.min((at + 1) as f64) - start.max(at as f64);
            (share.max(0.0) / covered) as f32
        };
        Cover { first, weights: (first..last).map(weight).collect() }
    }

    fn covers(&self) -> Vec<Cover> {
        (0..self.size).map(|index| self.cover(index)).collect()
    }
}

/// What it takes to make a picture; computed without taking any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Columns of tiles that are needed.
    pub columns: Range<u32>,
    /// Rows of tiles that are needed.
    pub rows: Range<u32>,
    /// Pixels of all these tiles.
    pub source_pixels: u64,
    /// Bytes of memory beside the picture and the tile that is put in: one row of tiles, and the sums and weights of each
    /// column and row.
    pub working_bytes: u64,
}

impl Cut {
    fn axes(&self) -> Result<[Axis; 2], CodecError> {
        let sizes = [self.image.0, self.image.1, self.tile.0, self.tile.1, self.size.0, self.size.1];
        let places = [self.from.0, self.from.1, self.length.0, self.length.1];
        if sizes.contains(&0)
            || !places.iter().all(|place| place.is_finite())
            || !(self.length.0 > 0.0 && self.length.1 > 0.0)
        {
            return Err(CodecError::Unsupported("a part of an image that is empty"));
        }
        let axis =
            |image, from, length: f64, size: u32| Axis { image, from, step: length / f64::from(size), size };
        Ok([
            axis(self.image.0, self.from.0, self.length.0, self.size.0),
            axis(self.image.1, self.from.1, self.length.1, self.size.1),
        ])
    }

    /// What this picture takes. Ask before [`Mosaic::new`], which takes memory for each column and row of the image.
    ///
    /// # Errors
    /// As [`Mosaic::new`].
    #[allow(clippy::cast_possible_truncation, reason = "within an image of 32 bits")]
    pub fn cost(&self) -> Result<Cost, CodecError> {
        const COLUMN_BYTES: u64 = (SAMPLES * size_of::<f32>() + size_of::<f32>()) as u64;
        const ROW_BYTES: u64 = size_of::<f32>() as u64;
        let [across, down] = self.axes()?.map(|axis| axis.range());
        let tiles = |(first, end): (usize, usize), tile: u32| {
            (first / tile as usize) as u32..(end.div_ceil(tile as usize)) as u32
        };
        let (columns, rows) = (tiles(across, self.tile.0), tiles(down, self.tile.1));
        let pixels = |range: &Range<u32>, tile: u32| u64::from(range.end - range.start) * u64::from(tile);
        let length = |(first, end): (usize, usize)| (end - first) as u64;
        let of_columns =
            length(across).saturating_mul(SAMPLES as u64 * u64::from(self.tile.1) + COLUMN_BYTES);
        let covers = (u64::from(self.size.0) + u64::from(self.size.1)) * size_of::<Cover>() as u64;
        Ok(Cost {
            source_pixels: pixels(&columns, self.tile.0).saturating_mul(pixels(&rows, self.tile.1)),
            working_bytes: of_columns.saturating_add(length(down) * ROW_BYTES + covers),
            columns,
            rows,
        })
    }
}

/// A picture that is being made. Give it the tiles of each row of [`Cost::rows`] by [`Mosaic::put`], then say
/// [`Mosaic::end_row`]; a tile that is not given is background.
pub struct Mosaic {
    cut: Cut,
    columns: Vec<Cover>,
    rows: Vec<Cover>,
    /// First and last column of the image that is needed, and rows likewise.
    across: (usize, usize),
    down: (usize, usize),
    /// A row of tiles, as far as it is needed.
    band: Vec<u8>,
    /// The row of the picture that is being made: sums for each column of the image.
    sums: Vec<f32>,
    made: usize,
    out: Vec<u8>,
    is_copy: bool,
    /// The shade where there is no tile.
    background: u8,
}

impl Mosaic {
    /// Begins a picture; [`Cut::cost`] says what that takes.
    ///
    /// # Errors
    /// [`CodecError::Unsupported`] when a size is zero or a place is no number.
    pub fn new(cut: Cut, background: u8) -> Result<Self, CodecError> {
        let axes = cut.axes()?;
        let [columns, rows] = axes.map(|axis| axis.covers());
        let [across, down] = axes.map(|axis| axis.range());
        let is_copy = columns.iter().chain(&rows).all(|cover| cover.weights.len() == 1);
        Ok(Self {
            cut,
            across,
            down,
            band: Vec::new(),
            sums: vec![0.0; (across.1 - across.0) * SAMPLES],
            made: 0,
            out: Vec::with_capacity(cut.size.0 as usize * cut.size.1 as usize * SAMPLES),
            is_copy,
            background,
            columns,
            rows,
        })
    }

    /// Puts a tile into its column of the row that is being filled.
    ///
    /// # Errors
    /// [`CodecError::Damaged`] when it does not have a tile's size.
    pub fn put(&mut self, column: u32, tile: Raster) -> Result<(), CodecError> {
        if tile.size() != self.cut.tile {
            return Err(CodecError::Damaged("a tile has another size than its level's"));
        }
        let tile = tile.into_rgb();
        self.begin_row();
        let width = self.cut.tile.0 as usize;
        let left = column as usize * width;
        let (from, to) = (left.max(self.across.0), (left + width).min(self.across.1));
        if from >= to {
            return Ok(());
        }
        let stride = (self.across.1 - self.across.0) * SAMPLES;
        let (source, target) = ((from - left) * SAMPLES, (from - self.across.0) * SAMPLES);
        let length = (to - from) * SAMPLES;
        let lines = self.band.chunks_exact_mut(stride).zip(tile.bytes().chunks_exact(width * SAMPLES));
        for (line, pixels) in lines {
            line[target..target + length].copy_from_slice(&pixels[source..source + length]);
        }
        Ok(())
    }

    fn begin_row(&mut self) {
        if self.band.is_empty() {
            let stride = (self.across.1 - self.across.0) * SAMPLES;
            self.band = vec![self.background; stride * self.cut.tile.1 as usize];
        }
    }

    /// Takes what is needed out of the row of tiles that was filled.
    pub fn end_row(&mut self, row: u32) {
        self.begin_row();
        let stride = (self.across.1 - self.across.0) * SAMPLES;
        let height = self.cut.tile.1 as usize;
        let top = row as usize * height;
        let band = std::mem::take(&mut self.band);
        let (first, end) = (top.max(self.down.0), (top + height).min(self.down.1));
        for line in first..end {
            let at = (line - top) * stride;
            self.feed(line, &band[at..at + stride]);
        }
    }

    fn feed(&mut self, line: usize, pixels: &[u8]) {
        while let Some(cover) = self.rows.get(self.made) {
            let Some(weight) = line.checked_sub(cover.first).and_then(|at| cover.weights.get(at)) else {
                return;
            };
            let is_last = line + 1 == cover.end();
            if self.is_copy {
                self.copy(pixels);
            } else {
                for (sum, value) in self.sums.iter_mut().zip(pixels) {
                    *sum += weight * f32::from(*value);
                }
                if is_last {
                    self.average();
                }
            }
            if !is_last {
                return;
            }
            self.made += 1;
        }
    }

    fn copy(&mut self, pixels: &[u8]) {
        for column in &self.columns {
            let at = (column.first - self.across.0) * SAMPLES;
            self.out.extend_from_slice(&pixels[at..at + SAMPLES]);
        }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean of bytes")]
    fn average(&mut self) {
        for column in &self.columns {
            let at = (column.first - self.across.0) * SAMPLES;
            let mut means = [0.5_f32; SAMPLES];
            let sums = self.sums[at..].as_chunks::<SAMPLES>().0;
            for (sum, weight) in sums.iter().zip(&column.weights) {
                for (mean, value) in means.iter_mut().zip(sum) {
                    *mean += weight * value;
                }
            }
            self.out.extend(means.map(|mean| mean as u8));
        }
        self.sums.fill(0.0);
    }

    /// The picture; rows that were never given are background.
    ///
    /// # Errors
    /// [`CodecError::Unsupported`] when it has no size, which [`Mosaic::new`] has refused.
    pub fn finish(mut self) -> Result<Raster, CodecError> {
        let (width, height) = self.cut.size;
        self.out.resize(width as usize * height as usize * SAMPLES, self.background);
        Raster::rgb(self.out, width, height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An image whose pixels are their place, in tiles of 4 × 4 padded with 255.
    fn pixel(x: u32, y: u32) -> [u8; 3] {
        [x as u8, y as u8, (x * y) as u8]
    }

    fn made(cut: Cut) -> Raster {
        let mut mosaic = Mosaic::new(cut, 255).unwrap();
        let Cost { columns, rows, .. } = cut.cost().unwrap();
        for row in rows {
            for column in columns.clone() {
                let mut pixels = Vec::new();
                for y in row * cut.tile.1..(row + 1) * cut.tile.1 {
                    for x in column * cut.tile.0..(column + 1) * cut.tile.0 {
                        let is_inside = x < cut.image.0 && y < cut.image.1;
                        pixels.extend(if is_inside { pixel(x, y) } else { [255; 3] });
                    }
                }
                mosaic.put(column, Raster::rgb(pixels, cut.tile.0, cut.tile.1).unwrap()).unwrap();
            }
            mosaic.end_row(row);
        }
        mosaic.finish().unwrap()
    }

    const CUT: Cut =
        Cut { image: (10, 9), tile: (4, 4), from: (0.0, 0.0), length: (10.0, 9.0), size: (10, 9) };

    #[test]
    fn at_its_own_resolution_pixels_are_copied() {
        for (from, size) in [((0, 0), (10, 9)), ((3, 2), (6, 5)), ((9, 8), (1, 1)), ((4, 4), (4, 4))] {
            let cut = Cut {
                from: (f64::from(from.0), f64::from(from.1)),
                length: (f64::from(size.0), f64::from(size.1)),
                size,
                ..CUT
            };
            let expected: Vec<u8> = (from.1..from.1 + size.1)
                .flat_map(|y| (from.0..from.0 + size.0).flat_map(move |x| pixel(x, y)))
                .collect();
            assert_eq!(made(cut).bytes(), expected, "{cut:?}");
        }
    }

    #[test]
    fn smaller_it_is_the_mean_of_what_is_covered() {
        let half = made(Cut { length: (10.0, 8.0), size: (5, 4), ..CUT });
        // Columns 2 and 3, rows 0 and 1: 2.5 and 0.5, rounded up.
        assert_eq!(half.bytes()[3..6], [3, 1, 1]);
        let whole = made(Cut { size: (1, 1), ..CUT });
        assert_eq!(whole.bytes(), [5, 4, 18]);
    }

    #[test]
    fn beyond_the_image_its_last_pixels_are_repeated() {
        let cut = made(Cut { from: (9.0, 8.0), length: (3.0, 2.0), size: (3, 2), ..CUT });
        assert_eq!(cut.bytes(), [9, 8, 72].repeat(6));
    }

    #[test]
    fn the_same_as_averaging_the_whole() {
        for size in [(3, 4), (7, 2), (10, 1), (9, 8)] {
            let pixels: Vec<u8> = (0..9).flat_map(|y| (0..10).flat_map(move |x| pixel(x, y))).collect();
            let whole = Raster::rgb(pixels, 10, 9).unwrap().sized(size);
            let tiled = made(Cut { size, ..CUT });
            for (a, b) in whole.bytes().iter().zip(tiled.bytes()) {
                assert!(a.abs_diff(*b) <= 1, "{size:?}");
            }
        }
    }

    #[test]
    fn what_a_picture_takes_is_known_before_it_is_begun() {
        let whole = Cut { size: (5, 3), ..CUT }.cost().unwrap();
        assert_eq!((whole.columns, whole.rows, whole.source_pixels), (0..3, 0..3, 12 * 12));
        let part = Cut { from: (3.0, 4.0), length: (2.0, 4.0), size: (2, 2), ..CUT }.cost().unwrap();
        assert_eq!((part.columns, part.rows, part.source_pixels), (0..2, 1..2, 8 * 4));
        // One frame of a size that nobody has, for a picture of one pixel.
        let huge = Cut {
            image: (1 << 31, u32::MAX),
            tile: (65_535, 60_000),
            from: (0.0, 0.0),
            length: (f64::from(1_u32 << 31), f64::from(u32::MAX)),
            size: (1, 1),
        };
        let cost = huge.cost().unwrap();
        assert!(cost.working_bytes > 1 << 48, "{cost:?}");
        assert!(cost.source_pixels > 1 << 62, "{cost:?}");
        // Lines one pixel high take no room as a row of tiles, but sums and weights do.
        let flat = Cut { tile: (65_535, 1), length: (f64::from(1_u32 << 31), 1.0), ..huge };
        assert!(flat.cost().unwrap().working_bytes > 32 << 30);
    }

    #[test]
    fn what_is_empty_or_no_number_is_refused() {
        for cut in [
            Cut { size: (0, 1), ..CUT },
            Cut { image: (0, 9), ..CUT },
            Cut { from: (f64::NAN, 0.0), ..CUT },
            Cut { length: (0.0, 1.0), ..CUT },
            Cut { length: (f64::INFINITY, 1.0), ..CUT },
        ] {
            assert!(Mosaic::new(cut, 255).is_err() && cut.cost().is_err(), "{cut:?}");
        }
    }
}
