//! Aperio SVS, and tiled pyramidal TIFF in general: which directory is which, and where the compressed tiles are.

use crate::slide::{AssociatedKind, Mpp};
use crate::strips::{self, StripImage};
use crate::tiff::{Directory, Numbers, ReadAt, Tiff};
use crate::{SlideError, icc, jpeg, jpeg2000};
use model::Limits;
use std::ops::Range;
use std::sync::Arc;

/// TIFF tags that are read here.
pub(crate) mod tag {
    pub const NEW_SUBFILE_TYPE: u16 = 254;
    pub const IMAGE_WIDTH: u16 = 256;
    pub const IMAGE_LENGTH: u16 = 257;
    pub const BITS_PER_SAMPLE: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const IMAGE_DESCRIPTION: u16 = 270;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const SAMPLES_PER_PIXEL: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTE_COUNTS: u16 = 279;
    pub const X_RESOLUTION: u16 = 282;
    pub const Y_RESOLUTION: u16 = 283;
    pub const PLANAR_CONFIGURATION: u16 = 284;
    pub const RESOLUTION_UNIT: u16 = 296;
    pub const PREDICTOR: u16 = 317;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_LENGTH: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTE_COUNTS: u16 = 325;
    pub const JPEG_TABLES: u16 = 347;
    pub const ICC_PROFILE: u16 = 34675;
}

pub(crate) const COMPRESSION_NONE: u64 = 1;
pub(crate) const COMPRESSION_LZW: u64 = 5;
pub(crate) const COMPRESSION_JPEG: u64 = 7;
const COMPRESSION_J2K_YBR: u64 = 33003;
const COMPRESSION_J2K_RGB: u64 = 33005;
pub(crate) const PHOTOMETRIC_RGB: u64 = 2;
const PHOTOMETRIC_YBR: u64 = 6;

/// Bytes of an ImageDescription.
const DESCRIPTION_BYTES_MAX: u64 = 1 << 20;
/// Bytes of the JPEGTables field.
const TABLES_BYTES_MAX: u64 = 64 << 10;
/// Bytes of an ICC profile.
const ICC_BYTES_MAX: u64 = 8 << 20;
/// Bytes of one compressed tile.
const TILE_BYTES_MAX: u64 = 64 << 20;
/// Levels of one pyramid.
const LEVELS_MAX: usize = 64;
/// Tiles whose places are read together.
const SPANS_PER_BLOCK: u64 = 8192;
/// Tiles may share bytes (all white ones, say), but not so that a small file becomes a huge one.
const SHARING_MAX: u64 = 4;
const SHARING_FREE_BYTES: u64 = 64 << 20;

/// Everything about a slide file that can be known without reading its tiles.
pub struct Plan {
    /// Levels, the largest first.
    pub levels: Vec<Arc<TiledImage>>,
    /// Label, overview, thumbnail, decoded.
    pub associated: Vec<(AssociatedKind, StripImage)>,
    /// Images that are left out, with the reason.
    pub omitted: Vec<String>,
    /// What the file says about the scan.
    pub scan: Scan,
}

/// What the file says about the scan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scan {
    /// First words of the description: the writing software.
    pub software: Option<String>,
    /// Whether Aperio's software wrote it.
    pub is_aperio: bool,
    /// ScanScope ID.
    pub scanner_id: Option<String>,
    /// AppMag.
    pub objective: Option<f64>,
    /// MPP, or the resolution of the TIFF.
    pub mpp_um: Option<Mpp>,
    /// `YYYYMMDD`.
    pub date: Option<String>,
    /// `HHMMSS`.
    pub time: Option<String>,
    /// ICC profile of level 0.
    pub icc_profile: Option<Vec<u8>>,
}

/// Size and kind of an image in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    pub width: u64,
    pub height: u64,
    pub samples: u64,
    pub bits: u64,
    pub compression: u64,
    pub photometric: u64,
}

impl Form {
    pub fn of(tiff: &Tiff, directory: &Directory) -> Result<Self, SlideError> {
        let uint = |tag| tiff.uint(directory, tag);
        const NO_SIZE: SlideError = SlideError::Damaged("an image has no size");
        if uint(tag::PLANAR_CONFIGURATION)?.unwrap_or(1) != 1 {
            return Err(SlideError::Unsupported("colour by plane"));
        }
        Ok(Self {
            width: uint(tag::IMAGE_WIDTH)?.ok_or(NO_SIZE)?,
            height: uint(tag::IMAGE_LENGTH)?.ok_or(NO_SIZE)?,
            samples: uint(tag::SAMPLES_PER_PIXEL)?.unwrap_or(1),
            bits: uint(tag::BITS_PER_SAMPLE)?.unwrap_or(1),
            compression: uint(tag::COMPRESSION)?.unwrap_or(COMPRESSION_NONE),
            photometric: uint(tag::PHOTOMETRIC)?.unwrap_or(0),
        })
    }
}

/// How the tiles of a level are coded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Coding {
    /// JPEG with these shared tables (segments only); RGB or YCbCr.
    Jpeg { tables: Vec<u8>, colours: jpeg::Colours },
    /// JPEG 2000, whole codestreams; whether the file says that they are RGB.
    Jpeg2000 { is_rgb: bool },
}

/// A tiled image of the file: one level.
pub struct TiledImage {
    tiff: Arc<Tiff>,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pixels.
    pub tile_width: u16,
    /// Pixels.
    pub tile_height: u16,
    /// Tiles in a row.
    pub tiles_x: u32,
    /// Tiles in a column.
    pub tiles_y: u32,
    pub(crate) coding: Coding,
    offsets: Numbers,
    counts: Numbers,
}

/// Where a tile's bytes are; a count of 0 is a tile that the file leaves empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte in the file.
    pub offset: u64,
    /// Bytes.
    pub count: u64,
}

/// Reads a slide file's structure and its small images.
///
/// # Errors
/// [`SlideError::NotASlide`], [`SlideError::Unsupported`], [`SlideError::Damaged`], [`SlideError::OverLimit`].
pub fn plan(source: Arc<dyn ReadAt>, limits: &Limits) -> Result<Plan, SlideError> {
    let tiff = Arc::new(Tiff::open(source)?);
    let first = &tiff.directories[0];
    if !first.has(tag::TILE_WIDTH) {
        return Err(SlideError::NotASlide("its first image is not tiled"));
    }
    let mut levels = vec![Arc::new(TiledImage::of(&tiff, first, limits)?)];
    let mut associated: Vec<(AssociatedKind, StripImage)> = Vec::new();
    let mut omitted = Vec::new();
    for (number, directory) in tiff.directories.iter().enumerate().skip(1) {
        match role(&tiff, directory, &levels)? {
            Role::Level => {
                if levels.len() >= LEVELS_MAX {
                    return Err(SlideError::OverLimit("levels"));
                }
                levels.push(Arc::new(TiledImage::of(&tiff, directory, limits)?));
            }
            Role::Associated(kind) if associated.iter().any(|(other, _)| *other == kind) => {
                omitted.push(format!("image {number}: a second {}", kind.as_str()));
            }
            Role::Associated(kind) => match strips::decode(&tiff, directory, limits) {
                Ok(image) => associated.push((kind, image)),
                Err(error) => omitted.push(format!("{}: {error}", kind.as_str())),
            },
            Role::Unknown => omitted.push(format!("image {number}: of unknown kind")),
        }
    }
    levels.sort_by_key(|level| std::cmp::Reverse(level.width));
    check_total(&tiff, &levels, limits)?;
    let scan = scan(&tiff, first)?;
    Ok(Plan { levels, associated, omitted, scan })
}

enum Role {
    Level,
    Associated(AssociatedKind),
    Unknown,
}

/// What an image after the first is. When in doubt it is left out, so that a label never passes for something else.
fn role(tiff: &Tiff, directory: &Directory, levels: &[Arc<TiledImage>]) -> Result<Role, SlideError> {
    let form = Form::of(tiff, directory)?;
    let subfile_type = tiff.uint(directory, tag::NEW_SUBFILE_TYPE)?.unwrap_or(0);
    let description = description(tiff, directory)?;
    // Aperio names the kind before the first `|`; what follows are the scan's properties, file name among them.
    let name = description.split('|').next().unwrap_or_default().to_lowercase();
    if name.contains("label") {
        return Ok(Role::Associated(AssociatedKind::Label));
    }
    if name.contains("macro") {
        return Ok(Role::Associated(AssociatedKind::Overview));
    }
    let is_tiled = directory.has(tag::TILE_WIDTH);
    let is_alike = is_same_shape(&form, &levels[0]);
    if is_tiled {
        let is_mask = subfile_type & 4 != 0;
        let is_smaller =
            form.width <= u64::from(levels[0].width) && form.height <= u64::from(levels[0].height);
        let is_new = !levels.iter().any(|level| u64::from(level.width) == form.width);
        return Ok(if is_alike && is_smaller && is_new && !is_mask { Role::Level } else { Role::Unknown });
    }
    Ok(match subfile_type {
        1 if !is_alike => Role::Associated(AssociatedKind::Label),
        9 => Role::Associated(AssociatedKind::Overview),
        0 if is_alike => Role::Associated(AssociatedKind::Thumbnail),
        _ => Role::Unknown,
    })
}

/// Whether an image has the proportions of level 0, within the rounding that small images need.
fn is_same_shape(form: &Form, level: &TiledImage) -> bool {
    if form.width == 0 || form.height == 0 {
        return false;
    }
    let across = f64::from(level.width) / form.width as f64;
    let down = f64::from(level.height) / form.height as f64;
    let rounding = 1.0 / form.width.min(form.height) as f64;
    (across / down - 1.0).abs() <= 0.01 + 2.0 * rounding
}

/// Bounds what the instances will take, and what tiles that share bytes can make of a small file.
fn check_total(tiff: &Tiff, levels: &[Arc<TiledImage>], limits: &Limits) -> Result<(), SlideError> {
    let most = tiff.length().saturating_mul(SHARING_MAX).saturating_add(SHARING_FREE_BYTES);
    let mut total = 0_u64;
    for level in levels {
        let mut bytes = 0_u64;
        level.each_span(|_, span| {
            bytes = bytes.saturating_add(span.count).saturating_add(64);
            Ok(())
        })?;
        if bytes > limits.object_bytes_max {
            return Err(SlideError::OverLimit("bytes of a level"));
        }
        total = total.saturating_add(bytes);
    }
    if total > most.saturating_add(64 * levels.iter().map(|level| level.tile_count()).sum::<u64>()) {
        return Err(SlideError::Damaged("its tiles overlap"));
    }
    Ok(())
}

impl TiledImage {
    fn of(tiff: &Arc<Tiff>, directory: &Directory, limits: &Limits) -> Result<Self, SlideError> {
        let form = Form::of(tiff, directory)?;
        let size = |tag| tiff.uint(directory, tag).map(Option::unwrap_or_default);
        let (tile_width, tile_height) = (size(tag::TILE_WIDTH)?, size(tag::TILE_LENGTH)?);
        if tile_width == 0 || tile_height == 0 || form.width == 0 || form.height == 0 {
            return Err(SlideError::Damaged("an image or its tiles have no size"));
        }
        const BIG: SlideError = SlideError::OverLimit("the size of an image or of its tiles");
        let width = u32::try_from(form.width).map_err(|_| BIG)?;
        let height = u32::try_from(form.height).map_err(|_| BIG)?;
        let tile_width = u16::try_from(tile_width).map_err(|_| BIG)?;
        let tile_height = u16::try_from(tile_height).map_err(|_| BIG)?;
        if u64::from(tile_width) * u64::from(tile_height) * 3 > limits.frame_pixel_bytes_max {
            return Err(BIG);
        }
        let tiles_x = width.div_ceil(tile_width.into());
        let tiles_y = height.div_ceil(tile_height.into());
        let tiles = u64::from(tiles_x) * u64::from(tiles_y);
        if tiles > u64::from(limits.frames_max) {
            return Err(SlideError::OverLimit("tiles of a level"));
        }
        if form.samples != 3 || form.bits != 8 {
            return Err(SlideError::Unsupported("pixels that are not 8-bit colour"));
        }
        let coding = coding(tiff, directory, &form)?;
        const NO_TILES: SlideError = SlideError::Damaged("a level does not say where its tiles are");
        let offsets = tiff.numbers(directory, tag::TILE_OFFSETS)?.ok_or(NO_TILES)?;
        let counts = tiff.numbers(directory, tag::TILE_BYTE_COUNTS)?.ok_or(NO_TILES)?;
        if offsets.count != tiles || counts.count != tiles {
            return Err(SlideError::Damaged("a level has another number of tiles than its size takes"));
        }
        let tiff = tiff.clone();
        Ok(Self { tiff, width, height, tile_width, tile_height, tiles_x, tiles_y, coding, offsets, counts })
    }

    /// Tiles in all.
    #[must_use]
    pub fn tile_count(&self) -> u64 {
        u64::from(self.tiles_x) * u64::from(self.tiles_y)
    }

    pub(crate) fn is_jpeg(&self) -> bool {
        matches!(self.coding, Coding::Jpeg { .. })
    }

    /// Shared JPEG tables, as segments.
    pub(crate) fn tables(&self) -> &[u8] {
        match &self.coding {
            Coding::Jpeg { tables, .. } => tables,
            Coding::Jpeg2000 { .. } => &[],
        }
    }

    /// Places of tiles, counted row by row.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] for a tile outside the file, [`SlideError::OverLimit`] for a huge one.
    pub fn spans(&self, range: Range<u64>) -> Result<Vec<Span>, SlideError> {
        let offsets = self.tiff.read(&self.offsets, range.clone())?;
        let counts = self.tiff.read(&self.counts, range)?;
        let spans = offsets.into_iter().zip(counts).map(|(offset, count)| Span { offset, count });
        spans.map(|span| self.checked(span)).collect()
    }

    fn checked(&self, span: Span) -> Result<Span, SlideError> {
        if span.count > TILE_BYTES_MAX {
            return Err(SlideError::OverLimit("bytes of a tile"));
        }
        let is_inside = span.offset.checked_add(span.count).is_some_and(|end| end <= self.tiff.length());
        if span.count > 0 && !is_inside {
            return Err(SlideError::Damaged("a tile lies outside the file, or the file is cut short"));
        }
        Ok(span)
    }

    /// Calls `visit(number, span)` for every tile in order, with bounded memory.
    pub(crate) fn each_span(
        &self,
        mut visit: impl FnMut(u64, Span) -> Result<(), SlideError>,
    ) -> Result<(), SlideError> {
        let count = self.tile_count();
        let mut from = 0;
        while from < count {
            let until = count.min(from + SPANS_PER_BLOCK);
            for (number, span) in (from..).zip(self.spans(from..until)?) {
                visit(number, span)?;
            }
            from = until;
        }
        Ok(())
    }

    /// A tile's bytes as they are in the file; empty for an empty tile.
    ///
    /// # Errors
    /// [`SlideError::Damaged`], [`SlideError::Io`].
    pub fn read(&self, span: Span) -> Result<Vec<u8>, SlideError> {
        if span.count == 0 { Ok(Vec::new()) } else { self.tiff.bytes_at(span.offset, span.count) }
    }

    /// The beginning of a tile.
    pub(crate) fn read_head(&self, span: Span, bytes: u64) -> Result<Vec<u8>, SlideError> {
        self.tiff.bytes_at(span.offset, span.count.min(bytes))
    }

    /// The first tile that is not empty.
    pub(crate) fn first_tile(&self) -> Result<Option<Span>, SlideError> {
        let count = self.tile_count();
        let mut from = 0;
        while from < count {
            let until = count.min(from + SPANS_PER_BLOCK);
            if let Some(span) = self.spans(from..until)?.into_iter().find(|span| span.count > 0) {
                return Ok(Some(span));
            }
            from = until;
        }
        Ok(None)
    }
}

fn coding(tiff: &Tiff, directory: &Directory, form: &Form) -> Result<Coding, SlideError> {
    match form.compression {
        COMPRESSION_JPEG => {
            let colours = match form.photometric {
                PHOTOMETRIC_RGB => jpeg::Colours::Rgb,
                PHOTOMETRIC_YBR => jpeg::Colours::Ybr,
                _ => return Err(SlideError::Unsupported("the colours of JPEG tiles")),
            };
            Ok(Coding::Jpeg { tables: jpeg_tables(tiff, directory)?, colours })
        }
        COMPRESSION_J2K_RGB => Ok(Coding::Jpeg2000 { is_rgb: true }),
        COMPRESSION_J2K_YBR => Ok(Coding::Jpeg2000 { is_rgb: false }),
        COMPRESSION_NONE => Err(SlideError::Unsupported("uncompressed tiles")),
        COMPRESSION_LZW => Err(SlideError::Unsupported("LZW tiles")),
        50001 => Err(SlideError::Unsupported("WebP tiles")),
        34712 => Err(SlideError::Unsupported("JPEG 2000 tiles in a container")),
        _ => Err(SlideError::Unsupported("the compression of its tiles")),
    }
}

/// The shared tables of a JPEG image, as segments; none when the field is missing.
pub(crate) fn jpeg_tables(tiff: &Tiff, directory: &Directory) -> Result<Vec<u8>, SlideError> {
    match tiff.bytes(directory, tag::JPEG_TABLES, TABLES_BYTES_MAX)? {
        Some(field) => jpeg::table_segments(&field),
        None => Ok(Vec::new()),
    }
}

fn description(tiff: &Tiff, directory: &Directory) -> Result<String, SlideError> {
    let bytes = tiff.bytes(directory, tag::IMAGE_DESCRIPTION, DESCRIPTION_BYTES_MAX)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned())
}

fn scan(tiff: &Tiff, directory: &Directory) -> Result<Scan, SlideError> {
    let icc_profile = tiff
        .bytes(directory, tag::ICC_PROFILE, ICC_BYTES_MAX)
        .ok()
        .flatten()
        .filter(|profile| icc::is_profile(profile));
    let mut scan = Scan { icc_profile, ..properties(&description(tiff, directory)?) };
    if scan.mpp_um.is_none() {
        scan.mpp_um = resolution(tiff, directory)?;
    }
    Ok(scan)
}

/// Reads Aperio's ImageDescription: software in the first line, then `|name = value` pairs.
fn properties(description: &str) -> Scan {
    let is_aperio = description.starts_with("Aperio");
    let first_line = description.lines().next().unwrap_or_default();
    let software = first_line.split('|').next().unwrap_or_default().trim();
    let mut scan = Scan { is_aperio, software: is_aperio.then(|| software.to_owned()), ..Scan::default() };
    if !is_aperio {
        return scan;
    }
    for property in description.split('|').skip(1) {
        let Some((name, value)) = property.split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim());
        match name {
            "AppMag" => scan.objective = positive(value).filter(|power| *power <= 1000.0),
            "MPP" => scan.mpp_um = positive(value).and_then(plausible).map(|mpp| Mpp { x: mpp, y: mpp }),
            "ScanScope ID" if !value.is_empty() => scan.scanner_id = Some(value.to_owned()),
            "Date" => scan.date = date(value),
            "Time" => scan.time = clock(value),
            _ => {}
        }
    }
    scan
}

fn positive(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

/// Micrometres per pixel of anything that a microscope scans.
fn plausible(mpp: f64) -> Option<f64> {
    (0.01..=100.0).contains(&mpp).then_some(mpp)
}

/// `12/29/09` or `12/29/2009`, month first.
fn date(text: &str) -> Option<String> {
    let mut parts = text.split('/').map(str::parse::<u16>);
    let (month, day, year) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let year = if year < 100 { 2000 + year } else { year };
    let month_name = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
    time::Date::from_calendar_date(year.into(), month_name, u8::try_from(day).ok()?).ok()?;
    (parts.next().is_none() && (1990..2200).contains(&year)).then(|| format!("{year:04}{month:02}{day:02}"))
}

/// `09:59:15`.
fn clock(text: &str) -> Option<String> {
    let mut parts = text.split(':').map(str::parse::<u8>);
    let (hour, minute, second) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    time::Time::from_hms(hour, minute, second).ok()?;
    parts.next().is_none().then(|| format!("{hour:02}{minute:02}{second:02}"))
}

/// Micrometres per pixel from the TIFF's own resolution, when it has a unit.
fn resolution(tiff: &Tiff, directory: &Directory) -> Result<Option<Mpp>, SlideError> {
    let um_per_unit = match tiff.uint(directory, tag::RESOLUTION_UNIT)?.unwrap_or(2) {
        2 => 25_400.0,
        3 => 10_000.0,
        _ => return Ok(None),
    };
    let mpp = |tag| -> Result<Option<f64>, SlideError> {
        let per_unit = tiff.rational(directory, tag)?.filter(|number| *number > 0.0);
        // Below 2.5 µm, or it is a printer's resolution that some library wrote without being asked.
        Ok(per_unit.map(|number| um_per_unit / number).and_then(plausible).filter(|mpp| *mpp < 10.0))
    };
    Ok(mpp(tag::X_RESOLUTION)?.zip(mpp(tag::Y_RESOLUTION)?).map(|(x, y)| Mpp { x, y }))
}

/// What [`TiledImage::survey`] found by looking at the head of every tile.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Compressed bytes of the tiles in the file.
    pub bytes: u64,
    /// Tiles that the file leaves empty.
    pub filled: u64,
    /// The transfer syntax that they make.
    pub transfer_syntax: &'static str,
    /// Photometric interpretation.
    pub photometric: &'static str,
    /// Method of lossy compression (PS3.3 §C.7.6.1.1.5); `None` when nothing was lost.
    pub lossy_method: Option<&'static str>,
    /// Codec in words.
    pub codec: &'static str,
}

/// Bytes of a tile that usually hold its head.
const HEAD_BYTES: u64 = 1024;

impl TiledImage {
    /// Looks at the head of every tile: each must be of the size and kind that the level says, so that nothing is
    /// stored of which a reader could not be sure.
    ///
    /// # Errors
    /// [`SlideError::Damaged`], [`SlideError::Unsupported`].
    pub fn survey(&self) -> Result<Survey, SlideError> {
        let mut survey = match &self.coding {
            Coding::Jpeg { colours, .. } => Survey {
                bytes: 0,
                filled: 0,
                transfer_syntax: "1.2.840.10008.1.2.4.50",
                photometric: if *colours == jpeg::Colours::Rgb { "RGB" } else { "YBR_FULL_422" },
                lossy_method: Some("ISO_10918_1"),
                codec: "JPEG baseline",
            },
            Coding::Jpeg2000 { is_rgb } => self.survey_first_codestream(*is_rgb)?,
        };
        let expected = self.first_codestream()?;
        self.each_span(|_, span| {
            survey.bytes += span.count;
            if span.count == 0 {
                survey.filled += 1;
                return Ok(());
            }
            match &self.coding {
                Coding::Jpeg { .. } => self.check_jpeg(span),
                Coding::Jpeg2000 { .. } => {
                    if self.codestream(span)? == expected {
                        Ok(())
                    } else {
                        Err(SlideError::Damaged("the JPEG 2000 tiles of a level differ in kind"))
                    }
                }
            }
        })?;
        if !self.is_jpeg() && survey.filled > 0 {
            return Err(SlideError::Unsupported("empty tiles among JPEG 2000 tiles"));
        }
        Ok(survey)
    }

    fn check_jpeg(&self, span: Span) -> Result<(), SlideError> {
        let mut bytes = self.read_head(span, HEAD_BYTES)?;
        let mut head = jpeg::head(&bytes);
        if head == Err(jpeg::Trouble::NeedMore) && span.count > HEAD_BYTES {
            bytes = self.read(span)?;
            head = jpeg::head(&bytes);
        }
        let head = match head {
            Ok(head) => head,
            Err(jpeg::Trouble::NeedMore) => return Err(SlideError::Damaged("a JPEG tile is cut short")),
            Err(jpeg::Trouble::Broken(why)) => return Err(SlideError::Damaged(why)),
        };
        if (head.width, head.height) != (self.tile_width, self.tile_height) {
            return Err(SlideError::Damaged("a JPEG tile's own header gives another size"));
        }
        if head.components != 3 {
            return Err(SlideError::Damaged("a JPEG tile does not have three components"));
        }
        if !jpeg::is_baseline(&head) {
            return Err(SlideError::Unsupported("JPEG tiles that are not baseline with 8 bits"));
        }
        Ok(())
    }

    fn codestream(&self, span: Span) -> Result<jpeg2000::Head, SlideError> {
        let bytes = self.read_head(span, HEAD_BYTES)?;
        let head =
            jpeg2000::head(&bytes).ok_or(SlideError::Damaged("a JPEG 2000 tile has no main header"))?;
        let is_size = (head.width, head.height) == (self.tile_width.into(), self.tile_height.into());
        if !is_size || head.components != 3 || !head.is_8_bit {
            return Err(SlideError::Damaged("a JPEG 2000 tile's own header gives another size or kind"));
        }
        Ok(head)
    }

    fn first_codestream(&self) -> Result<jpeg2000::Head, SlideError> {
        const NONE: jpeg2000::Head = jpeg2000::Head {
            width: 0,
            height: 0,
            components: 0,
            is_8_bit: true,
            is_subsampled: false,
            has_colour_transform: false,
            is_reversible: false,
        };
        match self.first_tile()? {
            Some(span) if !self.is_jpeg() => self.codestream(span),
            _ => Ok(NONE),
        }
    }

    fn survey_first_codestream(&self, is_rgb: bool) -> Result<Survey, SlideError> {
        let head = self.first_codestream()?;
        let photometric = match (head.has_colour_transform, head.is_reversible, is_rgb, head.is_subsampled) {
            (true, true, ..) => "YBR_RCT",
            (true, false, ..) => "YBR_ICT",
            (false, _, true, _) => "RGB",
            (false, _, false, true) => "YBR_FULL_422",
            (false, _, false, false) => "YBR_FULL",
        };
        Ok(Survey {
            bytes: 0,
            filled: 0,
            // .90 promises that nothing was lost; only the encoder knows, so .91 is the one that is true for both.
            transfer_syntax: "1.2.840.10008.1.2.4.91",
            photometric,
            lossy_method: Some("ISO_15444_1"),
            codec: if head.is_reversible { "JPEG 2000 (reversible)" } else { "JPEG 2000 (irreversible)" },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aperios_description_is_read() {
        let scan = properties(
            "Aperio Image Library v11.2.1 \r\n46000x32914 (240x240) JPEG/RGB Q=30|AppMag = 20|ScanScope ID = \
             CPAPERIOCS|Filename = label macro|Date = 12/29/09|Time = 09:59:15|MPP = 0.4990",
        );
        assert_eq!(scan.software.as_deref(), Some("Aperio Image Library v11.2.1"));
        assert_eq!(scan.objective, Some(20.0));
        assert_eq!(scan.mpp_um, Some(Mpp { x: 0.499, y: 0.499 }));
        assert_eq!(scan.scanner_id.as_deref(), Some("CPAPERIOCS"));
        assert_eq!((scan.date.as_deref(), scan.time.as_deref()), (Some("20091229"), Some("095915")));
    }

    #[test]
    fn what_no_scanner_can_mean_is_not_believed() {
        let scan = properties("Aperio|AppMag = -1|MPP = inf|Date = 13/29/09|Time = 25:00:00|MPP");
        assert_eq!(scan, Scan { is_aperio: true, software: Some("Aperio".to_owned()), ..Scan::default() });
        assert_eq!(properties("hand-made|MPP = 0.5"), Scan::default());
    }
}
