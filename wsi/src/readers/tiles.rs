//! A tiled image of a TIFF: where the compressed tiles are, what they are, and their way into frames unchanged.

mod jpeg_xl;
mod plain;

use super::{Counts, Emit, Geometry, Proof, Samples, Survey, TileSource, tag};
use crate::tiff::{Directory, Numbers, Tiff};
use crate::{SlideError, jpeg, jpeg2000};
use bytes::Bytes;
use codec::{FrameFormat, Photometric, Pixels};
use model::Limits;
use std::ops::Range;
use std::sync::Arc;

pub(crate) const COMPRESSION_NONE: u64 = 1;
pub(crate) const COMPRESSION_LZW: u64 = 5;
pub(crate) const COMPRESSION_JPEG: u64 = 7;
const COMPRESSION_J2K_YBR: u64 = 33003;
const COMPRESSION_J2K_RGB: u64 = 33005;
const COMPRESSION_J2K: u64 = 34712;
const COMPRESSION_JPEG_XL: [u64; 2] = [50002, 52546];
const PHOTOMETRIC_BLACK_IS_ZERO: u64 = 1;
pub(crate) const PHOTOMETRIC_RGB: u64 = 2;
const PHOTOMETRIC_YBR: u64 = 6;

/// Bytes of the JPEGTables field.
const TABLES_BYTES_MAX: u64 = 16 << 10;
/// Bytes of one compressed tile.
const TILE_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a tile that usually hold its head.
const HEAD_BYTES: u64 = 1024;
/// Tiles whose places are read together.
const SPANS_PER_BLOCK: u64 = 8192;

const J2K: &str = "1.2.840.10008.1.2.4.91";
const J2K_LOSSLESS: &str = "1.2.840.10008.1.2.4.90";
const JPEG_XL_LOSSLESS: &str = "1.2.840.10008.1.2.4.110";
const HTJ2K: &str = "1.2.840.10008.1.2.4.203";

/// Size and kind of an image in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    pub width: u64,
    pub height: u64,
    pub samples: u64,
    pub bits: u64,
    pub compression: u64,
    pub photometric: u64,
    /// 1 for unsigned integers.
    pub sample_format: u64,
}

impl Form {
    pub fn of(tiff: &Tiff, directory: &Directory) -> Result<Self, SlideError> {
        let uint = |tag| tiff.uint(directory, tag);
        const NO_SIZE: SlideError = SlideError::Damaged("an image has no size");
        let samples = uint(tag::SAMPLES_PER_PIXEL)?.unwrap_or(1);
        if samples > 1 && uint(tag::PLANAR_CONFIGURATION)?.unwrap_or(1) != 1 {
            return Err(SlideError::Unsupported("colour by plane"));
        }
        Ok(Self {
            width: uint(tag::IMAGE_WIDTH)?.ok_or(NO_SIZE)?,
            height: uint(tag::IMAGE_LENGTH)?.ok_or(NO_SIZE)?,
            samples,
            bits: uint(tag::BITS_PER_SAMPLE)?.unwrap_or(1),
            compression: uint(tag::COMPRESSION)?.unwrap_or(COMPRESSION_NONE),
            photometric: uint(tag::PHOTOMETRIC)?.unwrap_or(0),
            sample_format: uint(tag::SAMPLE_FORMAT)?.unwrap_or(1),
        })
    }
}

/// How the tiles of a level are coded.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Coding {
    /// JPEG with these shared tables (segments only); RGB or YCbCr.
    Jpeg { tables: Vec<u8>, colours: jpeg::Colours },
    /// JPEG 2000 codestreams, bare or in JP2 files; whether the file says that they are RGB.
    Jpeg2000 { is_rgb: bool },
    /// JPEG XL, bare or in its container; its own header says which colours it has.
    JpegXl,
    /// Samples without compression, as a frame has them.
    Plain,
    /// Samples that are unpacked first.
    Packed(plain::Packing),
}

/// What is put before a tile, and what stands for one that the file leaves empty.
#[derive(Debug, Default)]
struct Wrapping {
    /// What replaces a JPEG tile's SOI; `None` for other codestreams.
    prefix: Option<Vec<u8>>,
    /// Whether the tiles are JP2 files (T.800 Annex I) around the codestream.
    is_boxed: bool,
}

/// A part of an image's grid of tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Tiles in a row of the file's grid.
    pub stride: u64,
    pub first_column: u64,
    pub first_row: u64,
}

/// A tiled image of the file: one level.
pub(crate) struct TiledImage {
    tiff: Arc<Tiff>,
    pub geometry: Geometry,
    window: Window,
    /// Of a pixel as the file has it.
    samples: Samples,
    coding: Coding,
    wrapping: Wrapping,
    offsets: Numbers,
    counts: Numbers,
}

/// Where a tile's bytes are; a count of 0 is a tile that the file leaves empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    offset: u64,
    count: u64,
}

impl TiledImage {
    /// The whole of a tiled image.
    pub fn of(tiff: &Arc<Tiff>, directory: &Directory, limits: &Limits) -> Result<Self, SlideError> {
        Self::layer(tiff, directory, 1, limits)
    }

    /// The whole of a tiled image that is one of so many layers of its level.
    pub fn layer(
        tiff: &Arc<Tiff>,
        directory: &Directory,
        layers: u64,
        limits: &Limits,
    ) -> Result<Self, SlideError> {
        let form = Form::of(tiff, directory)?;
        let mut image = Self::part(tiff, directory, (form.width, form.height), (0, 0), limits)?;
        image.choose_form(layers, limits)?;
        Ok(image)
    }

    /// A part of a tiled image: its size in pixels, and the column and row of its first tile.
    pub fn part(
        tiff: &Arc<Tiff>,
        directory: &Directory,
        size: (u64, u64),
        first: (u64, u64),
        limits: &Limits,
    ) -> Result<Self, SlideError> {
        let form = Form::of(tiff, directory)?;
        let side = |tag| tiff.uint(directory, tag).map(Option::unwrap_or_default);
        let tile = (side(tag::TILE_WIDTH)?, side(tag::TILE_LENGTH)?);
        let whole = Geometry::checked((form.width, form.height), tile, limits)?;
        let geometry = Geometry::checked(size, tile, limits)?;
        let window = Window { stride: whole.tiles_x().into(), first_column: first.0, first_row: first.1 };
        let reaches = |first: u64, tiles: u32, all: u32| first.saturating_add(tiles.into()) <= all.into();
        if !reaches(first.0, geometry.tiles_x(), whole.tiles_x())
            || !reaches(first.1, geometry.tiles_y(), whole.tiles_y())
        {
            return Err(SlideError::Damaged("a level is larger than its image"));
        }
        let samples = samples(&form)?;
        let coding = coding(tiff, directory, &form)?;
        const NO_TILES: SlideError = SlideError::Damaged("a level does not say where its tiles are");
        let offsets = tiff.numbers(directory, tag::TILE_OFFSETS)?.ok_or(NO_TILES)?;
        let counts = tiff.numbers(directory, tag::TILE_BYTE_COUNTS)?.ok_or(NO_TILES)?;
        if offsets.count != whole.tile_count() || counts.count != whole.tile_count() {
            return Err(SlideError::Damaged("a level has another number of tiles than its size takes"));
        }
        let wrapping = Wrapping::default();
        let tiff = tiff.clone();
        let mut image = Self { tiff, geometry, window, samples, coding, wrapping, offsets, counts };
        image.wrapping = image.find_wrapping()?;
        image.choose_form(1, limits)?;
        Ok(image)
    }

    fn find_wrapping(&self) -> Result<Wrapping, SlideError> {
        let first = self.first_tile()?;
        match &self.coding {
            Coding::Jpeg { tables, colours } => {
                // All tiles of a level come from one encoder: the first answers for all, and the survey looks at each.
                let names_colours = match first {
                    Some(span) => self.jpeg_head(span).is_ok_and(|head| head.names_colours()),
                    None => false,
                };
                let marks_rgb = *colours == jpeg::Colours::Rgb && !names_colours;
                Ok(Wrapping { prefix: Some(jpeg::prefix(tables, marks_rgb)), is_boxed: false })
            }
            Coding::Jpeg2000 { .. } => {
                let is_boxed = match first {
                    Some(span) => jpeg2000::is_boxed(&self.tiff.bytes_at(span.offset, span.count.min(12))?),
                    None => false,
                };
                Ok(Wrapping { prefix: None, is_boxed })
            }
            // A frame may be either (PS3.5 §8.2.15): the container is part of what a JPEG is restored from.
            Coding::JpegXl | Coding::Plain | Coding::Packed(_) => Ok(Wrapping::default()),
        }
    }

    /// Compressed bytes of the tiles as the file has them, and of the white ones that will stand for its empty tiles;
    /// each tile lies within the file.
    pub fn claimed_bytes(&self) -> Result<(u64, u64), SlideError> {
        let (mut bytes, mut empty) = (0_u64, 0_u64);
        self.each_span(0..self.geometry.tile_count(), |span| {
            bytes = bytes.saturating_add(span.count);
            empty += u64::from(span.count == 0);
            Ok(())
        })?;
        let white = if empty > 0 { self.white()?.len() as u64 } else { 0 };
        Ok((bytes, empty.saturating_mul(white)))
    }

    /// Places of tiles, counted row by row in this level.
    fn spans(&self, tiles: Range<u64>) -> Result<Vec<Span>, SlideError> {
        let across = u64::from(self.geometry.tiles_x());
        let is_whole = across == self.window.stride && self.window.first_column == 0;
        let mut spans = Vec::new();
        let mut next = tiles.start;
        while next < tiles.end {
            let (column, row) = (next % across, next / across);
            let count = if is_whole { tiles.end - next } else { (across - column).min(tiles.end - next) };
            let from = (self.window.first_row + row) * self.window.stride + self.window.first_column + column;
            let offsets = self.tiff.read(&self.offsets, from..from + count)?;
            let counts = self.tiff.read(&self.counts, from..from + count)?;
            for (offset, count) in offsets.into_iter().zip(counts) {
                spans.push(self.checked(Span { offset, count })?);
            }
            next += count;
        }
        Ok(spans)
    }

    fn checked(&self, span: Span) -> Result<Span, SlideError> {
        if span.count > TILE_BYTES_MAX {
            return Err(SlideError::OverLimit("bytes of a tile"));
        }
        let is_inside = span.offset.checked_add(span.count).is_some_and(|end| end <= self.tiff.length());
        if span.count > 0 && !is_inside {
            return Err(SlideError::Damaged("a tile lies outside the file, or the file is cut short"));
        }
        if !self.wrapping.is_boxed || span.count == 0 {
            return Ok(span);
        }
        let head = self.read_head(span, HEAD_BYTES)?;
        let place = jpeg2000::codestream(&head, span.count)
            .ok_or(SlideError::Damaged("a JPEG 2000 tile has no codestream"))?;
        Ok(Span { offset: span.offset + place.start, count: place.end - place.start })
    }

    /// Calls `visit` for the places of some tiles in order, with bounded memory.
    fn each_span(
        &self,
        tiles: Range<u64>,
        mut visit: impl FnMut(Span) -> Result<(), SlideError>,
    ) -> Result<(), SlideError> {
        let mut from = tiles.start;
        while from < tiles.end {
            let until = tiles.end.min(from + SPANS_PER_BLOCK);
            self.spans(from..until)?.into_iter().try_for_each(&mut visit)?;
            from = until;
        }
        Ok(())
    }

    /// A tile's bytes as they are in the file; empty for an empty tile.
    fn read(&self, span: Span) -> Result<Vec<u8>, SlideError> {
        if span.count == 0 { Ok(Vec::new()) } else { self.tiff.bytes_at(span.offset, span.count) }
    }

    fn read_head(&self, span: Span, bytes: u64) -> Result<Vec<u8>, SlideError> {
        self.tiff.bytes_at(span.offset, span.count.min(bytes))
    }

    /// The first tile that is not empty.
    fn first_tile(&self) -> Result<Option<Span>, SlideError> {
        let count = self.geometry.tile_count();
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

    fn jpeg_head(&self, span: Span) -> Result<jpeg::Head, SlideError> {
        let mut bytes = self.read_head(span, HEAD_BYTES)?;
        let mut head = jpeg::head(&bytes);
        if head == Err(jpeg::Trouble::NeedMore) && span.count > HEAD_BYTES {
            bytes = self.read(span)?;
            head = jpeg::head(&bytes);
        }
        head.map_err(|trouble| match trouble {
            jpeg::Trouble::NeedMore => SlideError::Damaged("a JPEG tile is cut short"),
            jpeg::Trouble::Broken(why) => SlideError::Damaged(why),
        })
    }

    fn check_jpeg(&self, span: Span, tables: &[u8], colours: jpeg::Colours) -> Result<(), SlideError> {
        let head = self.jpeg_head(span)?;
        if (head.width, head.height) != (self.geometry.tile_width, self.geometry.tile_height) {
            return Err(SlideError::Damaged("a JPEG tile's own header gives another size"));
        }
        if head.components != 3 {
            return Err(SlideError::Damaged("a JPEG tile does not have three components"));
        }
        if !jpeg::is_baseline(&head) {
            return Err(SlideError::Unsupported("JPEG tiles that are not baseline with 8 bits"));
        }
        if !jpeg::can_be_decoded(&head, tables) {
            return Err(SlideError::Damaged("a JPEG tile has no tables"));
        }
        // What a decoder will see: the tile's own marker, or the one that is put before it.
        let marks_rgb = self.wrapping.prefix.as_deref().is_some_and(jpeg::marks_rgb);
        let seen = if marks_rgb { jpeg::Colours::Rgb } else { head.colours() };
        if seen != colours {
            return Err(SlideError::Unsupported("JPEG tiles that say other colours than their TIFF"));
        }
        Ok(())
    }

    fn codestream(&self, span: Span) -> Result<jpeg2000::Head, SlideError> {
        let bytes = self.read_head(span, HEAD_BYTES)?;
        let head =
            jpeg2000::head(&bytes).ok_or(SlideError::Damaged("a JPEG 2000 tile has no main header"))?;
        let size = (self.geometry.tile_width.into(), self.geometry.tile_height.into());
        let is_kind = match head.depth {
            Some(depth) if self.samples.per_pixel == 1 => (1..=self.samples.bits_stored).contains(&depth),
            depth => depth == Some(8),
        };
        if (head.width, head.height) != size || head.components != self.samples.per_pixel || !is_kind {
            return Err(SlideError::Damaged("a JPEG 2000 tile's own header gives another size or kind"));
        }
        Ok(head)
    }

    fn photometric_of(&self, head: &jpeg2000::Head, is_rgb: bool) -> &'static str {
        match (head.has_colour_transform, head.is_reversible, is_rgb, head.is_subsampled) {
            _ if self.samples.per_pixel == 1 => "MONOCHROME2",
            (true, true, ..) => "YBR_RCT",
            (true, false, ..) => "YBR_ICT",
            (false, _, true, _) => "RGB",
            (false, _, false, true) => "YBR_FULL_422",
            (false, _, false, false) => "YBR_FULL",
        }
    }

    /// What a codestream decodes to, which has as many bits as itself says.
    fn samples_of(&self, head: &jpeg2000::Head) -> Samples {
        let bits_stored = head.depth.unwrap_or(self.samples.bits_stored);
        let bits_allocated = if bits_stored > 8 { 16 } else { 8 };
        Samples { per_pixel: self.samples.per_pixel, bits_allocated, bits_stored }
    }

    fn first_codestream(&self) -> Result<jpeg2000::Head, SlideError> {
        let first = self.first_tile()?.ok_or(SlideError::Unsupported("a level without any tile"))?;
        self.codestream(first)
    }

    fn survey_jpeg(&self, tables: &[u8], colours: jpeg::Colours) -> Result<Survey, SlideError> {
        let mut survey = Survey {
            bytes: 0,
            filled: 0,
            transfer_syntax: dataset::TransferSyntax::JPEG_BASELINE,
            photometric: if colours == jpeg::Colours::Rgb { "RGB" } else { "YBR_FULL_422" },
            lossy_method: Some("ISO_10918_1"),
            codec: "JPEG baseline",
            samples: Samples::COLOUR,
            proof: Proof::Codestream,
        };
        self.each_span(0..self.geometry.tile_count(), |span| {
            survey.bytes += span.count;
            survey.filled += u64::from(span.count == 0);
            if span.count == 0 { Ok(()) } else { self.check_jpeg(span, tables, colours) }
        })?;
        Ok(survey)
    }

    fn survey_jpeg2000(&self, is_rgb: bool) -> Result<Survey, SlideError> {
        let head = self.first_codestream()?;
        let photometric = self.photometric_of(&head, is_rgb);
        let mut survey = Survey {
            bytes: 0,
            filled: 0,
            // .90 promises that nothing was lost; only the encoder knows, so .91 is the one that is true for both, and
            // .203 for high throughput. What it is stands in the codestream, whatever the file calls it.
            transfer_syntax: if head.is_high_throughput { HTJ2K } else { J2K },
            photometric,
            lossy_method: Some(if head.is_high_throughput { "ISO_15444_15" } else { "ISO_15444_1" }),
            codec: match (head.is_high_throughput, head.is_reversible) {
                (true, true) => "HTJ2K (reversible)",
                (true, false) => "HTJ2K (irreversible)",
                (false, true) => "JPEG 2000 (reversible)",
                (false, false) => "JPEG 2000 (irreversible)",
            },
            samples: self.samples_of(&head),
            proof: Proof::Codestream,
        };
        self.each_span(0..self.geometry.tile_count(), |span| {
            survey.bytes += span.count;
            survey.filled += u64::from(span.count == 0);
            if span.count > 0 && self.codestream(span)? != head {
                return Err(SlideError::Damaged("the JPEG 2000 tiles of a level differ in kind"));
            }
            Ok(())
        })?;
        Ok(survey)
    }

    /// What stands for an empty tile: white in the colours of the others, or the dark between what shines.
    fn white(&self) -> Result<Vec<u8>, SlideError> {
        match &self.coding {
            Coding::Jpeg { colours, .. } => {
                Ok(jpeg::white(self.geometry.tile_width, self.geometry.tile_height, *colours))
            }
            Coding::Jpeg2000 { is_rgb } => {
                let head = self.first_codestream()?;
                if head.is_high_throughput {
                    return Err(SlideError::Unsupported("empty tiles among HTJ2K tiles"));
                }
                if self.samples.per_pixel == 1 {
                    return self.dark_codestream(J2K_LOSSLESS, self.samples_of(&head));
                }
                let is_ybr = self.photometric_of(&head, *is_rgb).starts_with("YBR_FULL");
                white_codestream(&self.geometry, J2K_LOSSLESS, is_ybr)
            }
            Coding::JpegXl => white_codestream(&self.geometry, JPEG_XL_LOSSLESS, false),
            Coding::Plain => Ok(vec![0; self.plain_bytes()]),
            Coding::Packed(_) => self.dark_codestream(plain::PACKED_AS, self.samples),
        }
    }

    /// Bytes of a frame without padding, known without reading the tile.
    fn frame_length(&self, span: Span, white: u64) -> u64 {
        match &self.wrapping.prefix {
            _ if span.count == 0 => white,
            // The prefix takes the place of the two bytes of SOI.
            Some(prefix) => (prefix.len() as u64 + span.count).saturating_sub(2),
            None => span.count,
        }
    }

    /// Whether a stored frame holds the scanner's codestream: for JPEG the same frame header, tables, restart interval
    /// and entropy-coded scan, wherever the tables stand; for others the same bytes.
    fn is_same(&self, original: &[u8], stored: &[u8]) -> bool {
        match &self.coding {
            Coding::Jpeg { tables, .. } => jpeg::is_same(tables, original, stored),
            Coding::Jpeg2000 { .. } | Coding::JpegXl | Coding::Plain | Coding::Packed(_) => {
                stored.strip_prefix(original).is_some_and(|padding| matches!(padding, [] | [0]))
            }
        }
    }
}

impl TileSource for TiledImage {
    fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    fn survey(&self) -> Result<Survey, SlideError> {
        match &self.coding {
            Coding::Jpeg { tables, colours } => self.survey_jpeg(tables, *colours),
            Coding::Jpeg2000 { is_rgb } => self.survey_jpeg2000(*is_rgb),
            Coding::JpegXl => self.survey_jpeg_xl(),
            Coding::Plain => self.survey_plain(),
            Coding::Packed(packing) => self.survey_packed(packing),
        }
    }

    fn frame_lengths(&self, tiles: Range<u64>) -> Result<Option<Vec<u64>>, SlideError> {
        if matches!(self.coding, Coding::Packed(_)) {
            return Ok(None);
        }
        let spans = self.spans(tiles)?;
        let has_empty = spans.iter().any(|span| span.count == 0);
        let white = if has_empty { self.white()?.len() as u64 } else { 0 };
        Ok(Some(spans.into_iter().map(|span| self.frame_length(span, white)).collect()))
    }

    fn frames(&self, tiles: Range<u64>, emit: &mut Emit<'_>) -> Result<(), SlideError> {
        let mut white = None;
        self.each_span(tiles, |span| {
            if span.count == 0 {
                let bytes = match white.take() {
                    Some(bytes) => bytes,
                    None => self.white()?,
                };
                emit(&bytes)?;
                white = Some(bytes);
                return Ok(());
            }
            let tile = self.read(span)?;
            match (&self.coding, &self.wrapping.prefix) {
                (Coding::Packed(packing), _) => emit(&self.packed_again(&self.unpacked(packing, tile)?)?),
                (_, Some(prefix)) => emit(&jpeg::splice(prefix, &tile)),
                (_, None) => emit(&tile),
            }
        })
    }

    fn compare(&self, first: u64, stored: &[Bytes]) -> Result<Counts, SlideError> {
        let mut counts = Counts::default();
        let spans = self.spans(first..first.saturating_add(stored.len() as u64))?;
        for (span, stored) in spans.into_iter().zip(stored) {
            if span.count == 0 {
                counts.filled += 1;
                continue;
            }
            counts.checked += 1;
            let tile = self.read(span)?;
            counts.equal += u64::from(match &self.coding {
                Coding::Packed(packing) => self.holds_samples(&self.unpacked(packing, tile)?, stored)?,
                _ => self.is_same(&tile, stored),
            });
        }
        Ok(counts)
    }
}

/// Colour of eight bits, or shades of at most sixteen.
fn samples(form: &Form) -> Result<Samples, SlideError> {
    const OTHER: SlideError =
        SlideError::Unsupported("pixels that are not 8-bit colour or shades of at most 16 bits");
    match (form.samples, form.bits) {
        (3, 8) => Ok(Samples::COLOUR),
        _ if form.sample_format != 1 => Err(SlideError::Unsupported("values that are signed or no integers")),
        (1, _) if form.photometric != PHOTOMETRIC_BLACK_IS_ZERO => {
            Err(SlideError::Unsupported("shades that are inverted"))
        }
        (1, 8) => Ok(Samples { per_pixel: 1, bits_allocated: 8, bits_stored: 8 }),
        (1, bits @ 9..=16) => Ok(Samples { per_pixel: 1, bits_allocated: 16, bits_stored: bits as u16 }),
        _ => Err(OTHER),
    }
}

fn coding(tiff: &Tiff, directory: &Directory, form: &Form) -> Result<Coding, SlideError> {
    let is_shade = form.samples == 1;
    match form.compression {
        _ if is_shade && plain::is_plain(form.compression) => plain::coding(tiff, directory, form),
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
        COMPRESSION_J2K if is_shade => Ok(Coding::Jpeg2000 { is_rgb: false }),
        COMPRESSION_J2K => match form.photometric {
            PHOTOMETRIC_RGB => Ok(Coding::Jpeg2000 { is_rgb: true }),
            PHOTOMETRIC_YBR => Ok(Coding::Jpeg2000 { is_rgb: false }),
            _ => Err(SlideError::Unsupported("the colours of JPEG 2000 tiles")),
        },
        COMPRESSION_NONE => Err(SlideError::Unsupported("uncompressed tiles")),
        COMPRESSION_LZW => Err(SlideError::Unsupported("LZW tiles")),
        compression if COMPRESSION_JPEG_XL.contains(&compression) => match form.photometric {
            PHOTOMETRIC_RGB => Ok(Coding::JpegXl),
            _ => Err(SlideError::Unsupported("the colours of JPEG XL tiles")),
        },
        50001 => Err(SlideError::Unsupported("WebP tiles")),
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

/// A white tile in a lossless codestream; its colours are R, G, B (however they are transformed) or Y, Cb, Cr.
fn white_codestream(geometry: &Geometry, syntax: &str, is_ybr: bool) -> Result<Vec<u8>, SlideError> {
    const FAULT: SlideError = SlideError::Unsupported("empty tiles among tiles of this size and coding");
    let photometric = if is_ybr { Photometric::YbrFull } else { Photometric::Rgb };
    let (rows, columns) = (geometry.tile_height.into(), geometry.tile_width.into());
    let format = FrameFormat::eight_bit(rows, columns, 3, photometric);
    let pixel = if is_ybr { [255, 128, 128] } else { [255; 3] };
    let bytes = pixel.repeat(usize::from(geometry.tile_width) * usize::from(geometry.tile_height));
    codec::encode(syntax, &Pixels { bytes, format })
        .map(|encoded| encoded.bytes)
        .map_err(SlideError::of_codec(FAULT))
}
