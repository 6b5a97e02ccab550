//! Hamamatsu NDPI: each level is one JPEG, too large for most decoders, with restart markers that make places in it known.
//!
//! It is cut into tiles on the borders of minimum coded units: the quantised coefficients of every block stay, only
//! their Huffman codes are written anew where a tile begins (grade B). Pixels near a tile's border can differ from a
//! decode of the whole where chroma is subsampled, because decoders interpolate chroma across blocks.

use super::stack::{Stacked, evenly_spaced};
use super::{Counts, Emit, Geometry, Plan, Proof, Reader, Samples, Scan, Survey, TileSource, pyramid, tag};
use crate::jpeg_frame::Frame;
use crate::mcu::{self, Units};
use crate::small_image;
use crate::tiff::{Directory, Numbers, Tiff};
use crate::{AssociatedKind, SlideError, jpeg};
use bytes::Bytes;
use model::Limits;
use pyramid::Gathered;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

const SOURCE_LENS: u16 = 65421;
const Z_OFFSET: u16 = 65424;
const MCU_STARTS: u16 = 65426;
/// The slide's reference: what the scanner has read from the label, or was told.
const REFERENCE: u16 = 65427;
const MCU_STARTS_HIGH: u16 = 65432;
const SERIAL_NUMBER: u16 = 65442;
const MAKE: u16 = 271;
const MODEL: u16 = 272;
const DATE_TIME: u16 = 306;
const COMPRESSION_JPEG_XR: u64 = 22610;

/// Bytes of the JPEG headers.
const HEADER_BYTES_MAX: u64 = 64 << 10;
/// Bytes between two restart markers.
const INTERVAL_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a small image.
const SMALL_BYTES_MAX: u64 = 64 << 20;
/// Restart intervals that are looked for and remembered, of all images together.
const FOUND_MAX: u64 = 16 << 20;
/// Nanometres from the plane in focus: a millimetre, farther than any objective is moved.
const Z_NM_MAX: f64 = 1e6;
/// Units that are taken apart together.
const UNITS_MAX: u32 = 1 << 18;
/// A tile's side that is aimed at, and the longest, in pixels.
const SIDE: u32 = 512;
const SIDE_MAX: u32 = 4096;

pub(super) struct Ndpi;

impl Reader for Ndpi {
    fn recognises(&self, tiff: &Tiff) -> bool {
        tiff.is_ndpi()
    }

    fn plan(&self, tiff: &Arc<Tiff>, limits: &Limits) -> Result<Plan, SlideError> {
        let mut gathered = Gathered::default();
        let mut sizes: Vec<Planes<'_>> = Vec::new();
        let mut left = Left { claimed: pyramid::claimed_max(tiff), found: FOUND_MAX };
        let mut scan = None;
        for (number, directory) in tiff.directories.iter().enumerate() {
            let lens = tiff.number(directory, SOURCE_LENS)?.unwrap_or(0.0);
            if lens == -1.0 {
                gathered.small_image(AssociatedKind::Overview, || {
                    small_image::of_jpeg(&whole_strip(tiff, directory)?, limits)
                })?;
                continue;
            }
            if lens < 0.0 {
                gathered.omitted.push(format!("image {number}: a map"));
                continue;
            }
            let z_nm = tiff.number(directory, Z_OFFSET)?.unwrap_or(0.0);
            if z_nm.abs() > Z_NM_MAX {
                return Err(SlideError::Damaged("a focal plane is a millimetre away"));
            }
            let plane = Plane { number, directory, z_nm: z_nm.round() as i64 };
            let width = tiff.uint(directory, tag::IMAGE_WIDTH)?;
            let size = match sizes.iter().position(|size| size.width == width) {
                Some(at) => &mut sizes[at],
                None if sizes.len() >= pyramid::LEVELS_MAX => return Err(SlideError::OverLimit("levels")),
                None => {
                    if scan.is_none() {
                        scan = Some(facts(tiff, directory, lens)?);
                    }
                    sizes.push(Planes { width, planes: Vec::new() });
                    let last = sizes.len() - 1;
                    &mut sizes[last]
                }
            };
            if size.planes.iter().any(|other| other.z_nm == plane.z_nm) {
                gathered.omitted.push(format!("image {number}: as wide as another"));
                continue;
            }
            size.planes.push(plane);
        }
        let mut levels = Vec::with_capacity(sizes.len());
        let is_in_focus = |size: &Planes<'_>| size.planes.iter().any(|plane| plane.z_nm == 0);
        let has_focus = sizes.iter().any(is_in_focus);
        for size in sizes {
            if has_focus && !is_in_focus(&size) {
                gathered.omitted.extend(size.planes.iter().map(Plane::of_another_shape));
                continue;
            }
            levels.push(size.level(tiff, &mut left, &mut gathered.omitted, limits)?);
        }
        let shapes: Vec<_> = levels.iter().map(|level| *level.geometry()).collect();
        let is_pyramid = shapes.first().is_some_and(|base| {
            shapes.iter().all(|shape| pyramid::is_alike((shape.width.into(), shape.height.into()), base))
        });
        if !is_pyramid {
            return Err(SlideError::Damaged("its images are no pyramid"));
        }
        let Gathered { associated, omitted, .. } = gathered;
        Ok(Plan {
            format: "Hamamatsu NDPI",
            levels,
            associated,
            omitted,
            refused: None,
            scan: scan.unwrap_or_default(),
        })
    }
}

/// An image of one focal plane.
struct Plane<'a> {
    /// Of the directory.
    number: usize,
    directory: &'a Directory,
    /// Nanometres from the plane that the scanner has focused on.
    z_nm: i64,
}

impl Plane<'_> {
    fn of_another_shape(&self) -> String {
        format!("image {}: a further focal plane of another shape", self.number)
    }
}

/// The focal planes of one size.
struct Planes<'a> {
    width: Option<u64>,
    planes: Vec<Plane<'a>>,
}

/// What the images of a file may still take together.
struct Left {
    /// Bytes of their strips.
    claimed: u64,
    /// Restart intervals that are looked for.
    found: u64,
}

impl Planes<'_> {
    /// A level of all focal planes that have the shape of the one in focus; of that one alone when they are not evenly
    /// spaced, as the frames of an instance have to be. What is left out is named.
    fn level(
        mut self,
        tiff: &Arc<Tiff>,
        left: &mut Left,
        omitted: &mut Vec<String>,
        limits: &Limits,
    ) -> Result<Arc<dyn TileSource>, SlideError> {
        const NONE: SlideError = SlideError::Damaged("a level without images");
        self.planes.sort_by_key(|plane| plane.z_nm);
        let focus = self.planes.iter().min_by_key(|plane| plane.z_nm.unsigned_abs()).ok_or(NONE)?;
        let in_focus = Arc::new(Level::of(tiff, focus.directory, left, limits)?);
        let focus_nm = focus.z_nm;
        let (mut layers, mut heights, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for plane in &self.planes {
            let layer = if plane.z_nm == focus_nm {
                in_focus.clone()
            } else {
                match Level::of(tiff, plane.directory, left, limits) {
                    Ok(layer) if layer.is_cut_like(&in_focus) => Arc::new(layer),
                    Ok(_) | Err(SlideError::Unsupported(_)) => {
                        omitted.push(plane.of_another_shape());
                        continue;
                    }
                    Err(error) => return Err(error),
                }
            };
            layers.push(layer as Arc<dyn TileSource>);
            heights.push(plane.z_nm);
            numbers.push(plane.number);
        }
        if let Some(even) = evenly_spaced(&heights) {
            let planes_nm = if even == [0] { Vec::new() } else { even };
            return Stacked::of(layers, planes_nm, limits);
        }
        let others = numbers.iter().zip(&heights).filter(|(_, z_nm)| **z_nm != focus_nm);
        let named = |(number, _)| format!("image {number}: a further focal plane at an uneven distance");
        omitted.extend(others.map(named));
        Ok(in_focus)
    }
}

fn facts(tiff: &Tiff, directory: &Directory, lens: f64) -> Result<Scan, SlideError> {
    let text = |tag| {
        let text = tiff.text(directory, tag, 1 << 10).unwrap_or_default().trim().to_owned();
        Some(text).filter(|text| !text.is_empty())
    };
    let (date, time) = pyramid::date_and_time(&text(DATE_TIME).unwrap_or_default().replacen(':', "/", 2));
    Ok(Scan {
        manufacturer: text(MAKE).or_else(|| Some("Hamamatsu".to_owned())),
        model: text(MODEL),
        serial_number: text(SERIAL_NUMBER),
        software: text(tag::SOFTWARE),
        objective: Some(lens).filter(|power| (0.1..=1000.0).contains(power)),
        mpp_um: pyramid::resolution(tiff, directory)?,
        date,
        time,
        barcodes: text(REFERENCE).into_iter().collect(),
        icc_profile: pyramid::icc_profile(tiff, directory),
        paths: Vec::new(),
    })
}

/// The place of an image's only strip.
fn strip(tiff: &Tiff, directory: &Directory) -> Result<Range<u64>, SlideError> {
    const NO_STRIP: SlideError = SlideError::Damaged("an image does not say where it is");
    let offset = tiff.uint(directory, tag::STRIP_OFFSETS)?.ok_or(NO_STRIP)?;
    let count = tiff.uint(directory, tag::STRIP_BYTE_COUNTS)?.ok_or(NO_STRIP)?;
    let end = offset.checked_add(count).filter(|end| *end <= tiff.length() && count > 0);
    Ok(offset..end.ok_or(SlideError::Damaged("an image lies outside the file, or the file is cut short"))?)
}

fn whole_strip(tiff: &Tiff, directory: &Directory) -> Result<Vec<u8>, SlideError> {
    let place = strip(tiff, directory)?;
    let length = place.end - place.start;
    if length > SMALL_BYTES_MAX {
        return Err(SlideError::OverLimit("an associated image"));
    }
    tiff.bytes_at(place.start, length)
}

/// Where the restart intervals begin, counted from the strip's first byte.
enum Starts {
    Listed { low: Numbers, high: Option<Numbers> },
    Found(Vec<u64>),
}

/// One level: a JPEG in one strip.
struct Level {
    tiff: Arc<Tiff>,
    geometry: Geometry,
    strip: Range<u64>,
    frame: Frame,
    starts: Starts,
    /// Units in a row and in a column of the image.
    units_x: u32,
    units_y: u32,
    /// Units of a restart interval; a whole row's when there are no restart markers.
    interval: u32,
    /// Units in a row and in a column of a tile.
    tile_x: u32,
    tile_y: u32,
    /// Without restart markers: how far the last call came, so that the next one need not begin anew.
    progress: Mutex<Option<Sequential>>,
}

impl Level {
    fn of(
        tiff: &Arc<Tiff>,
        directory: &Directory,
        left: &mut Left,
        limits: &Limits,
    ) -> Result<Self, SlideError> {
        let uint = |tag| tiff.uint(directory, tag).map(Option::unwrap_or_default);
        match uint(tag::COMPRESSION)? {
            super::tiles::COMPRESSION_JPEG => {}
            COMPRESSION_JPEG_XR => return Err(SlideError::Unsupported("an NDPI file in JPEG XR")),
            _ => return Err(SlideError::Unsupported("the compression of an NDPI file")),
        }
        let size = (uint(tag::IMAGE_WIDTH)?, uint(tag::IMAGE_LENGTH)?);
        let strip = strip(tiff, directory)?;
        left.claimed = left
            .claimed
            .checked_sub(strip.end - strip.start)
            .ok_or(SlideError::Damaged("its images overlap"))?;
        let header = tiff.bytes_at(strip.start, HEADER_BYTES_MAX.min(strip.end - strip.start))?;
        // The sizes in the JPEG's own header have 16 bits and are not to be believed.
        let frame = Frame::of(&header)?;
        if !frame.shares_chroma_tables() {
            return Err(SlideError::Unsupported("an NDPI file with Huffman tables for each colour"));
        }
        let unit = frame.unit_size();
        let units = |pixels: u64, unit: u32| {
            u32::try_from(pixels.div_ceil(unit.into()))
                .map_err(|_| SlideError::OverLimit("the size of an image or of its tiles"))
        };
        let (units_x, units_y) = (units(size.0, unit.0)?, units(size.1, unit.1)?);
        let interval = match u32::from(frame.restart_interval) {
            0 => units_x,
            interval if units_x.is_multiple_of(interval) => interval,
            _ => return Err(SlideError::Unsupported("an NDPI file whose restart markers divide no row")),
        };
        let (tile_x, tile_y) = tile_units(interval, units_x, unit)?;
        let tile = (u64::from(tile_x * unit.0), u64::from(tile_y * unit.1));
        let geometry = Geometry::checked(size, tile, limits)?;
        let has_restarts = frame.restart_interval > 0;
        let intervals = u64::from(units_x / interval) * u64::from(units_y);
        let expected = if has_restarts { intervals } else { 1 };
        let starts = Self::starts(tiff, directory, &strip, &frame, (expected, &mut left.found))?;
        if starts.count() != expected {
            return Err(SlideError::Damaged(
                "an NDPI file has another number of restart intervals than its size takes",
            ));
        }
        let (tiff, progress) = (tiff.clone(), Mutex::default());
        Ok(Self {
            tiff,
            geometry,
            strip,
            frame,
            starts,
            units_x,
            units_y,
            interval,
            tile_x,
            tile_y,
            progress,
        })
    }

    fn starts(
        tiff: &Tiff,
        directory: &Directory,
        strip: &Range<u64>,
        frame: &Frame,
        (expected, left): (u64, &mut u64),
    ) -> Result<Starts, SlideError> {
        if frame.restart_interval == 0 {
            return Ok(Starts::Found(vec![frame.scan as u64]));
        }
        if let Some(low) = tiff.numbers(directory, MCU_STARTS)? {
            let high = tiff.numbers(directory, MCU_STARTS_HIGH)?.filter(|high| high.count == low.count);
            return Ok(Starts::Listed { low, high });
        }
        *left = left.checked_sub(expected).ok_or(SlideError::OverLimit("restart intervals"))?;
        find_restarts(tiff, strip, frame.scan as u64, expected).map(Starts::Found)
    }

    /// Whether its tiles have the size and the colours of another's.
    fn is_cut_like(&self, other: &Self) -> bool {
        self.geometry == other.geometry && self.frame.colours == other.frame.colours
    }

    fn has_restarts(&self) -> bool {
        self.frame.restart_interval > 0
    }

    fn intervals_per_row(&self) -> u32 {
        self.units_x / self.interval
    }

    fn interval_count(&self) -> u64 {
        u64::from(self.intervals_per_row()) * u64::from(self.units_y)
    }

    /// The entropy-coded bytes of an interval, with the marker behind it.
    fn interval_bytes(&self, number: u64) -> Result<Vec<u8>, SlideError> {
        const WRONG: SlideError =
            SlideError::Damaged("a restart interval of an NDPI file is not where it should be");
        let length = self.strip.end - self.strip.start;
        let (start, end) = self.starts.read(&self.tiff, number, length)?;
        let count = end.checked_sub(start).filter(|_| end <= length).ok_or(WRONG)?;
        if count > INTERVAL_BYTES_MAX {
            return Err(SlideError::Unsupported("an NDPI image without restart markers that is too large"));
        }
        let bytes = self.tiff.bytes_at(self.strip.start + start, count)?;
        let is_last = !self.has_restarts() || number + 1 == self.interval_count();
        let marker = jpeg::marker::RST0 + (number % 8) as u8;
        if is_last || bytes.ends_with(&[0xFF, marker]) { Ok(bytes) } else { Err(WRONG) }
    }

    /// Calls `visit` with the coefficients of some tiles in order.
    fn each_tile(
        &self,
        tiles: Range<u64>,
        visit: &mut dyn FnMut(&Units) -> Result<(), SlideError>,
    ) -> Result<(), SlideError> {
        let across = u64::from(self.geometry.tiles_x());
        let mut next = tiles.start;
        let mut sequential = self.progress.lock().unwrap_or_else(PoisonError::into_inner).take();
        while next < tiles.end {
            let (row, column) = (next / across, next % across);
            let last_column = (across - 1).min(column + (tiles.end - 1 - next));
            let bands = self.bands(column, last_column);
            for band in bands {
                let own;
                let units: &[Units] = if self.has_restarts() {
                    own = self.band(row as u32, &band)?;
                    &own
                } else {
                    // What lies behind takes a new beginning.
                    if sequential.as_ref().is_some_and(|done| row + 1 < u64::from(done.next)) {
                        sequential = None;
                    }
                    sequential.get_or_insert_with(Sequential::default).band(self, row as u32)?
                };
                for tile in band.tiles.clone() {
                    visit(&self.tile(units, &band, tile)?)?;
                }
            }
            next = row * across + last_column + 1;
        }
        // Behind the last tile nothing follows, and another level may.
        if tiles.end >= self.geometry.tile_count() {
            sequential = None;
        }
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = sequential;
        Ok(())
    }

    /// Restart intervals side by side with the tiles that lie in them.
    fn bands(&self, first: u64, last: u64) -> Vec<Band> {
        let per_interval = u64::from(self.interval.div_ceil(self.tile_x));
        let intervals = first / per_interval..=last / per_interval;
        intervals
            .map(|interval| {
                let from = interval * per_interval;
                Band {
                    interval: interval as u32,
                    tiles: first.max(from)..(last + 1).min(from + per_interval),
                    from,
                }
            })
            .collect()
    }

    /// The units of one interval's columns for a row of tiles: one list for each row of units.
    fn band(&self, row: u32, band: &Band) -> Result<Vec<Units>, SlideError> {
        let first = row * self.tile_y;
        let rows = first..self.units_y.min(first + self.tile_y);
        rows.map(|unit_row| {
            let number = u64::from(unit_row) * u64::from(self.intervals_per_row()) + u64::from(band.interval);
            let bytes = self.interval_bytes(number)?;
            let mut units = Units::default();
            units.read(&mut mcu::Reader::new(&bytes), &self.frame, &mut [0; 3], self.interval)?;
            Ok(units)
        })
        .collect()
    }

    /// One tile out of a band; what lies outside the image is filled up.
    fn tile(&self, rows: &[Units], band: &Band, tile: u64) -> Result<Units, SlideError> {
        let from = (tile - band.from) as u32 * self.tile_x;
        let inside = self.tile_x.min(self.interval.saturating_sub(from));
        let blocks = self.frame.order.len();
        let range = from as usize * blocks..(from + inside) as usize * blocks;
        let mut units = Units::default();
        for row in rows {
            units.append(row, range.clone())?;
            units.pad(&self.frame, self.tile_x - inside);
        }
        let missing = self.tile_y.saturating_sub(rows.len() as u32);
        units.pad(&self.frame, missing * self.tile_x);
        Ok(units)
    }
}

/// Tiles of one row that lie in the same restart intervals.
struct Band {
    interval: u32,
    tiles: Range<u64>,
    /// The first tile that would be in it.
    from: u64,
}

/// A JPEG without restart markers, read from its beginning on.
#[derive(Default)]
struct Sequential {
    bytes: Vec<u8>,
    state: mcu::State,
    dc: [i32; 3],
    /// Row of tiles that comes next.
    next: u32,
    /// The row of tiles before it.
    last: Vec<Units>,
}

impl Sequential {
    /// The units of a row of tiles, which is the last one or comes later.
    fn band(&mut self, level: &Level, row: u32) -> Result<&[Units], SlideError> {
        if self.bytes.is_empty() {
            self.bytes = level.interval_bytes(0)?;
        }
        while self.next <= row {
            let first = self.next * level.tile_y;
            let rows = first..level.units_y.min(first + level.tile_y);
            let mut reader = mcu::Reader::resume(&self.bytes, self.state);
            let mut band = Vec::new();
            for _ in rows {
                let mut units = Units::default();
                units.read(&mut reader, &level.frame, &mut self.dc, level.units_x)?;
                band.push(units);
            }
            self.state = reader.state();
            self.next += 1;
            self.last = band;
        }
        Ok(&self.last)
    }
}

impl TileSource for Level {
    fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    fn survey(&self) -> Result<Survey, SlideError> {
        Ok(Survey {
            bytes: self.strip.end - self.strip.start,
            filled: 0,
            transfer_syntax: dataset::TransferSyntax::JPEG_BASELINE,
            photometric: if self.frame.colours == jpeg::Colours::Rgb { "RGB" } else { "YBR_FULL_422" },
            lossy_method: Some("ISO_10918_1"),
            codec: "JPEG baseline",
            samples: Samples::COLOUR,
            proof: Proof::Coefficients,
        })
    }

    fn frame_lengths(&self, _: Range<u64>) -> Result<Option<Vec<u64>>, SlideError> {
        Ok(None)
    }

    fn frames(&self, tiles: Range<u64>, emit: &mut Emit<'_>) -> Result<(), SlideError> {
        let Geometry { tile_width, tile_height, .. } = self.geometry;
        self.each_tile(tiles, &mut |units| emit(&self.frame.tile(units, tile_width, tile_height)?))
    }

    fn compare(&self, first: u64, stored: &[Bytes]) -> Result<Counts, SlideError> {
        let mut counts = Counts::default();
        let mut rest = stored.iter();
        let size = (self.geometry.tile_width, self.geometry.tile_height);
        self.each_tile(first..first + stored.len() as u64, &mut |units| {
            let stored = rest
                .next()
                .ok_or(SlideError::Damaged("a level has another number of tiles than its size takes"))?;
            let is_equal = Frame::of(stored).is_ok_and(|frame| {
                frame.is_quantised_like(&self.frame)
                    && (frame.width, frame.height) == size
                    && frame.units(stored).is_ok_and(|stored| stored == *units)
            });
            counts.checked += 1;
            counts.equal += u64::from(is_equal);
            Ok(())
        })?;
        Ok(counts)
    }
}

impl Starts {
    fn count(&self) -> u64 {
        match self {
            Self::Listed { low, .. } => low.count,
            Self::Found(starts) => starts.len() as u64,
        }
    }

    /// Where an interval begins and ends; the last ends with the strip.
    fn read(&self, tiff: &Tiff, number: u64, end: u64) -> Result<(u64, u64), SlideError> {
        let at = |number: u64| -> Result<u64, SlideError> {
            match self {
                Self::Found(starts) => Ok(usize::try_from(number)
                    .ok()
                    .and_then(|number| starts.get(number))
                    .copied()
                    .unwrap_or(end)),
                Self::Listed { low, .. } if number >= low.count => Ok(end),
                Self::Listed { low, high } => {
                    let value = |numbers: &Numbers| -> Result<u64, SlideError> {
                        Ok(tiff.read(numbers, number..number + 1)?.first().copied().unwrap_or(0))
                    };
                    let high = high.as_ref().map_or(Ok(0), value)?;
                    Ok(high << 32 | value(low)?)
                }
            }
        };
        Ok((at(number)?, at(number + 1)?))
    }
}

/// How many units make a tile: tiles divide an interval, and are near to square.
fn tile_units(interval: u32, units_x: u32, unit: (u32, u32)) -> Result<(u32, u32), SlideError> {
    if interval > UNITS_MAX {
        return Err(SlideError::OverLimit("the size of an image or of its tiles"));
    }
    let across = if interval == units_x {
        SIDE.div_ceil(unit.0).min(interval)
    } else {
        let divisors = (1..=interval).filter(|units| interval.is_multiple_of(*units));
        let best = divisors
            .filter(|units| units * unit.0 <= SIDE_MAX)
            .min_by_key(|units| (units * unit.0).abs_diff(SIDE));
        best.ok_or(SlideError::Unsupported("an NDPI file without places to cut"))?
    };
    let down = SIDE.div_ceil(unit.1).min(UNITS_MAX / interval.max(1)).max(1);
    Ok((across, down))
}

/// Finds the restart markers of a strip by reading it; one interval more than `expected` at most.
fn find_restarts(tiff: &Tiff, strip: &Range<u64>, scan: u64, expected: u64) -> Result<Vec<u64>, SlideError> {
    const STEP: u64 = 1 << 20;
    let mut starts = vec![scan];
    let mut at = strip.start + scan;
    let mut was_mark = false;
    while at < strip.end {
        let bytes = tiff.bytes_at(at, STEP.min(strip.end - at))?;
        for (place, byte) in (at..).zip(&bytes) {
            if was_mark && (jpeg::marker::RST0..=jpeg::marker::RST0 + 7).contains(byte) {
                starts.push(place + 1 - strip.start);
                if starts.len() as u64 > expected {
                    return Ok(starts);
                }
            }
            was_mark = *byte == 0xFF;
        }
        at += bytes.len() as u64;
    }
    Ok(starts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ndpi, source};

    fn level(bytes: Vec<u8>) -> Result<Arc<dyn TileSource>, SlideError> {
        Ok(crate::readers::plan(source(bytes), &Limits::default())?.levels.remove(0))
    }

    fn frames(level: &dyn TileSource, tiles: Range<u64>) -> Result<Vec<Bytes>, SlideError> {
        let mut frames = Vec::new();
        level.frames(tiles, &mut |frame| {
            frames.push(Bytes::copy_from_slice(frame));
            Ok(())
        })?;
        Ok(frames)
    }

    #[test]
    fn tiles_have_the_coefficients_of_the_whole_however_it_is_cut() {
        // 4:2:0, so units of 16 pixels: 80 × 35 of them, and a last row that is not whole.
        for (interval, is_listed) in [(None, false), (Some(20), true), (Some(20), false), (Some(80), true)] {
            let level = level(ndpi(1280, 555, interval, is_listed)).unwrap();
            let count = level.geometry().tile_count();
            let all = frames(level.as_ref(), 0..count).unwrap();
            assert_eq!(all.len() as u64, count);
            let counts = level.compare(0, &all).unwrap();
            assert_eq!((counts.checked, counts.equal), (count, count), "{interval:?}");
            for first in 0..count {
                let some = frames(level.as_ref(), first..count.min(first + 3)).unwrap();
                assert_eq!(some, all[first as usize..][..some.len()], "{interval:?} from {first}");
            }
            let mut other = all.clone();
            other.swap(0, 1);
            assert_eq!(level.compare(0, &other).unwrap().equal, count - 2, "tiles in each other's places");
        }
    }

    #[test]
    fn a_comparison_step_by_step_goes_on_where_the_last_step_was() {
        let bytes = ndpi(1280, 1600, None, false);
        let length = bytes.len() as u64;
        let file = Arc::new(crate::testing::Counted::of(bytes));
        let level = crate::readers::plan(file.clone(), &Limits::default()).unwrap().levels.remove(0);
        let all = frames(level.as_ref(), 0..level.geometry().tile_count()).unwrap();
        let before = file.read();
        for (first, frame) in (0..).zip(&all) {
            assert_eq!(level.compare(first, std::slice::from_ref(frame)).unwrap().equal, 1, "{first}");
        }
        let read = file.read() - before;
        assert!(read <= length, "{read} of {length} bytes for {} tiles", all.len());
    }

    #[test]
    fn images_that_are_as_wide_as_another_are_no_levels() {
        let plan = |copies: usize| {
            let (jpeg, _) = crate::testing::noise_jpeg(64, 64, None);
            let mut builder = crate::testing::Builder::new(crate::testing::NDPI);
            let at = builder.data(&jpeg);
            for _ in 0..copies {
                use crate::testing::Field;
                builder.directory(vec![
                    (256, Field::Long(vec![64])),
                    (257, Field::Long(vec![64])),
                    (259, Field::Short(vec![7])),
                    (273, Field::Long(vec![at])),
                    (279, Field::Long(vec![jpeg.len() as u32])),
                    (65420, Field::Long(vec![1])),
                    (65421, Field::Float(20.0)),
                ]);
            }
            crate::readers::plan(source(builder.build()), &Limits::default()).unwrap()
        };
        let plan = plan(900);
        assert_eq!((plan.levels.len(), plan.omitted.len()), (1, 899));
    }

    #[test]
    fn an_interval_longer_than_what_is_taken_apart_together_is_refused() {
        assert!(tile_units(UNITS_MAX, UNITS_MAX, (8, 8)).is_ok());
        assert!(matches!(tile_units(UNITS_MAX + 1, UNITS_MAX + 1, (8, 8)), Err(SlideError::OverLimit(_))));
    }

    #[test]
    fn no_more_restart_markers_are_remembered_than_there_may_be() {
        let bytes = [b"II*\0\x08\0\0\0\x01\0".as_slice(), &[0; 16], &[0xFF, 0xD0].repeat(100_000)].concat();
        let tiff = Tiff::open(source(bytes)).unwrap();
        let found = find_restarts(&tiff, &(26..tiff.length()), 0, 10).unwrap();
        assert_eq!(found.len(), 11);
    }

    #[test]
    fn a_level_that_is_no_multiple_of_its_interval_is_refused() {
        assert!(matches!(level(ndpi(1280, 555, Some(33), true)).err(), Some(SlideError::Unsupported(_))));
    }

    #[test]
    fn any_byte_may_be_wrong_without_a_panic() {
        let bytes = ndpi(256, 96, Some(4), true);
        let header = Frame::of(&bytes[16..]).unwrap().scan + 16;
        let directory = bytes.len() - 300;
        for at in (0..header).chain((header..directory).step_by(401)).chain(directory..bytes.len()) {
            for change in [0xFF, 0x80, 0x01] {
                let mut damaged = bytes.clone();
                damaged[at] ^= change;
                let Ok(level) = level(damaged) else { continue };
                let count = level.geometry().tile_count().min(64);
                let _ = frames(level.as_ref(), 0..count).and_then(|frames| level.compare(0, &frames));
            }
        }
    }
}
