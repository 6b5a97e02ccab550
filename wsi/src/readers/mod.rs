//! Readers of slide files, one module per scanner's format, behind one trait. A format is recognised by what is in the
//! file, never by its name.
//!
//! A reader says what the file holds ([`Plan`]): the levels of one pyramid, whose tiles it hands out as codestreams
//! ([`TileSource`]), the small images beside it, and what is known of the scan. It decodes no tile.

mod bif;
mod generic_tiff;
mod ndpi;
mod ome;
pub(crate) mod packed;
mod philips;
mod pyramid;
mod scn;
mod stack;
mod svs;
pub(crate) mod tag;
pub(crate) mod tiles;

pub(crate) use pyramid::plausible_mpp;

use crate::dicom_facts::PathFacts;
use crate::layers::Colour;
use crate::likeness::Likeness;
use crate::slide::{AssociatedKind, Mpp};
use crate::small_image::SmallImage;
use crate::source::{ReadAt, Watched};
use crate::tiff::Tiff;
use crate::{Grade, SlideError, icc};
use bytes::Bytes;
use model::Limits;
use std::ops::Range;
use std::sync::Arc;

/// A scanner's format.
trait Reader: Sync {
    /// Whether the file is of this format.
    fn recognises(&self, tiff: &Tiff) -> bool;
    /// Reads its structure and its small images.
    fn plan(&self, tiff: &Arc<Tiff>, limits: &Limits) -> Result<Plan, SlideError>;
}

/// The first that recognises a file reads it; the last takes every tiled TIFF.
const READERS: [&dyn Reader; 6] =
    [&ndpi::Ndpi, &svs::Svs, &philips::Philips, &scn::Scn, &bif::Bif, &generic_tiff::GenericTiff];

/// Whether a file that was refused for this reason has more planes or channels than OpenSlide shows of it.
pub(crate) fn is_shown_in_part(refused: &str) -> bool {
    [ome::STACK, ome::TIMES, ome::FILES, ome::CHANNELS, scn::STACK].contains(&refused)
}

/// Everything about a slide file that can be known without reading its tiles.
pub struct Plan {
    /// The format in words, such as `Aperio SVS`.
    pub format: &'static str,
    /// Levels, the largest first.
    pub levels: Vec<Arc<dyn TileSource>>,
    /// Label, overview, thumbnail, decoded.
    pub associated: Vec<(AssociatedKind, SmallImage)>,
    /// Images that are left out, with the reason.
    pub omitted: Vec<String>,
    /// Why no reader here takes its tiles as they are, when OpenSlide reads it.
    pub refused: Option<&'static str>,
    /// What the file says about the scan.
    pub scan: Scan,
}

/// What the file says about the scan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scan {
    /// Who made the scanner.
    pub manufacturer: Option<String>,
    /// The scanner's model.
    pub model: Option<String>,
    /// The scanner's serial number or name.
    pub serial_number: Option<String>,
    /// The writing software.
    pub software: Option<String>,
    /// Power of the objective.
    pub objective: Option<f64>,
    /// Micrometres per pixel of level 0.
    pub mpp_um: Option<Mpp>,
    /// `YYYYMMDD`.
    pub date: Option<String>,
    /// `HHMMSS`.
    pub time: Option<String>,
    /// Barcodes on the label, as the scanner has read them.
    pub barcodes: Vec<String>,
    /// ICC profile of level 0.
    pub icc_profile: Option<Vec<u8>>,
    /// Optical paths, in the order of their frames; empty when nothing is said of them.
    pub(crate) paths: Vec<OpticalPath>,
}

/// An optical path, as a file says it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OpticalPath {
    pub facts: PathFacts,
    /// How the light comes to the specimen, if that is said.
    pub illumination: Option<Illumination>,
    /// The colour that whoever wrote the file would show it in.
    pub colour: Option<Colour>,
}

impl OpticalPath {
    /// One that nothing is said of.
    fn numbered(number: usize) -> Self {
        let facts = PathFacts {
            identifier: (number + 1).to_string(),
            description: String::new(),
            wavelength_nm: None,
            illumination: None,
        };
        Self { facts, illumination: None, colour: None }
    }
}

/// How the light comes to the specimen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Illumination {
    Brightfield,
    Epifluorescence,
}

impl Scan {
    /// Manufacturer, model and serial number as one name; `None` when the file says none of them.
    #[must_use]
    pub fn scanner(&self) -> Option<String> {
        let parts = [&self.manufacturer, &self.model, &self.serial_number];
        let name = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
        Some(name).filter(|name| !name.is_empty())
    }
}

/// Size of a level and of its tiles, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Pixels, without the padding of the last tiles.
    pub width: u32,
    /// Pixels, without the padding of the last tiles.
    pub height: u32,
    /// Pixels.
    pub tile_width: u16,
    /// Pixels.
    pub tile_height: u16,
}

impl Geometry {
    /// Checks sizes that a file declares against the limits.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] when one is 0, [`SlideError::OverLimit`].
    pub fn checked(size: (u64, u64), tile: (u64, u64), limits: &Limits) -> Result<Self, SlideError> {
        if size.0 == 0 || size.1 == 0 || tile.0 == 0 || tile.1 == 0 {
            return Err(SlideError::Damaged("an image or its tiles have no size"));
        }
        const BIG: SlideError = SlideError::OverLimit("the size of an image or of its tiles");
        let geometry = Self {
            width: u32::try_from(size.0).map_err(|_| BIG)?,
            height: u32::try_from(size.1).map_err(|_| BIG)?,
            tile_width: u16::try_from(tile.0).map_err(|_| BIG)?,
            tile_height: u16::try_from(tile.1).map_err(|_| BIG)?,
        };
        if geometry.tile_bytes() > limits.frame_pixel_bytes_max {
            return Err(BIG);
        }
        if geometry.tile_count() > u64::from(limits.frames_max) {
            return Err(SlideError::OverLimit("tiles of a level"));
        }
        Ok(geometry)
    }

    /// Tiles in a row.
    #[must_use]
    pub fn tiles_x(&self) -> u32 {
        self.width.div_ceil(self.tile_width.into())
    }

    /// Tiles in a column.
    #[must_use]
    pub fn tiles_y(&self) -> u32 {
        self.height.div_ceil(self.tile_height.into())
    }

    /// Tiles in all.
    #[must_use]
    pub fn tile_count(&self) -> u64 {
        u64::from(self.tiles_x()) * u64::from(self.tiles_y())
    }

    /// Bytes of a tile's pixels in RGB, 8 bit.
    #[must_use]
    pub fn tile_bytes(&self) -> u64 {
        u64::from(self.tile_width) * u64::from(self.tile_height) * 3
    }
}

/// What a level's tiles are, found by looking at every one of them as far as that takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Compressed bytes of the tiles.
    pub bytes: u64,
    /// Tiles that the file leaves empty.
    pub filled: u64,
    /// The transfer syntax that the frames make.
    pub transfer_syntax: &'static str,
    /// Photometric interpretation.
    pub photometric: &'static str,
    /// Method of lossy compression (PS3.3 §C.7.6.1.1.5); `None` when nothing was lost.
    pub lossy_method: Option<&'static str>,
    /// Codec in words.
    pub codec: &'static str,
    /// What their samples are.
    pub samples: Samples,
    /// How frames are compared with the file, from which the best grade follows that they can have.
    pub proof: Proof,
}

/// Samples of a pixel, unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Samples {
    /// 1 or 3.
    pub per_pixel: u16,
    /// 8 or 16.
    pub bits_allocated: u16,
    /// Bits of a value.
    pub bits_stored: u16,
}

impl Samples {
    /// Red, green and blue of eight bits each, or what stands for them.
    pub const COLOUR: Self = Self { per_pixel: 3, bits_allocated: 8, bits_stored: 8 };

    /// Bytes of a pixel.
    #[must_use]
    pub fn bytes(self) -> u64 {
        u64::from(self.per_pixel) * u64::from(self.bits_allocated.div_ceil(8))
    }
}

/// How the frames of a level are compared with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The codestream of every tile, byte by byte.
    Codestream,
    /// The bytes of every tile, which was never compressed.
    Bytes,
    /// The quantised coefficients of every block.
    Coefficients,
    /// Every sample of every tile, which was unpacked and compressed again without loss, for this reason.
    Samples(&'static str),
    /// How alike some tiles are to what another reader shows.
    Likeness,
}

impl Proof {
    /// The grade of frames that pass.
    #[must_use]
    pub fn grade(self) -> Grade {
        match self {
            Self::Codestream | Self::Bytes => Grade::A,
            Self::Coefficients => Grade::B,
            Self::Samples(_) | Self::Likeness => Grade::C,
        }
    }
}

/// What one comparison counted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    /// Tiles that were compared.
    pub checked: u64,
    /// Of these, the ones that are equal.
    pub equal: u64,
    /// Tiles that the file leaves empty.
    pub filled: u64,
    /// How alike those are that were encoded again.
    pub likeness: Option<Likeness>,
}

impl Counts {
    /// Of a tile that was encoded again.
    #[must_use]
    pub fn of_likeness(likeness: Likeness) -> Self {
        Self { likeness: Some(likeness), ..Self::default() }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.checked += other.checked;
        self.equal += other.equal;
        self.filled += other.filled;
        self.likeness = match (self.likeness, other.likeness) {
            (Some(own), Some(other)) => Some(own.and(other)),
            (own, other) => own.or(other),
        };
    }
}

/// Takes one frame, without padding.
pub type Emit<'a> = dyn FnMut(&[u8]) -> Result<(), SlideError> + 'a;

/// One level of a slide: tiles, counted row by row in each focal plane of each optical path, each of which becomes a frame.
/// Calls wait for disks.
pub trait TileSource: Send + Sync {
    /// Size of the level and of its tiles.
    fn geometry(&self) -> &Geometry;

    /// Frames: the tiles of one focal plane after those of the other, and so for one optical path after the other
    /// (PS3.3 §C.7.6.17.3).
    fn frame_count(&self) -> u64 {
        self.geometry().tile_count()
    }

    /// Heights of its focal planes in nanometres, evenly spaced, the one nearest to the glass first; empty when nothing is
    /// said of them.
    fn planes_nm(&self) -> &[i64] {
        &[]
    }

    /// The focal plane that the scanner had focused on, alone; `None` when there is only one layer.
    fn in_focus(&self) -> Option<Arc<dyn TileSource>> {
        None
    }

    /// Looks at every tile: each must be of the size and kind that the level says, so that nothing is stored of which
    /// a reader could not be sure.
    ///
    /// # Errors
    /// [`SlideError::Damaged`], [`SlideError::Unsupported`].
    fn survey(&self) -> Result<Survey, SlideError>;

    /// Bytes of frames without padding; `None` when only making them shows it.
    ///
    /// # Errors
    /// [`SlideError::Damaged`], [`SlideError::Io`].
    fn frame_lengths(&self, tiles: Range<u64>) -> Result<Option<Vec<u64>>, SlideError>;

    /// Makes the frames of some tiles, in order.
    ///
    /// # Errors
    /// [`SlideError::Damaged`], [`SlideError::Io`], and what `emit` says.
    fn frames(&self, tiles: Range<u64>, emit: &mut Emit<'_>) -> Result<(), SlideError>;

    /// Compares stored frames, from this tile on, with the file.
    ///
    /// # Errors
    /// [`SlideError::Damaged`], [`SlideError::Io`].
    fn compare(&self, first: u64, stored: &[Bytes]) -> Result<Counts, SlideError>;
}

/// Reads a slide file's structure and its small images.
///
/// # Errors
/// [`SlideError::NotASlide`], [`SlideError::Unsupported`], [`SlideError::Damaged`], [`SlideError::OverLimit`].
/// [`SlideError::Io`] when the disk failed, also under what a slide can do without: it is not to be left out for good.
pub fn plan(source: Arc<dyn ReadAt>, limits: &Limits) -> Result<Plan, SlideError> {
    let source = Arc::new(Watched::of(source));
    let plan = plan_of(source.clone(), limits);
    match source.failure() {
        Some(error) => Err(error),
        None => plan,
    }
}

fn plan_of(source: Arc<dyn ReadAt>, limits: &Limits) -> Result<Plan, SlideError> {
    let tiff = Arc::new(Tiff::open(source)?);
    let reader = READERS.iter().find(|reader| reader.recognises(&tiff));
    let mut plan =
        reader.ok_or(SlideError::NotASlide("its first image is not tiled"))?.plan(&tiff, limits)?;
    plan.levels.sort_by_key(|level| std::cmp::Reverse(level.geometry().width));
    plan.scan.icc_profile = plan.scan.icc_profile.filter(|profile| icc::is_profile(profile));
    Ok(plan)
}

/// Whether a file begins as one that a slide can be in, whatever its name is; [`plan`] says whether it is one.
#[must_use]
pub fn may_be_slide(head: &[u8]) -> bool {
    // TIFF and BigTIFF in both byte orders.
    [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|mark| head.starts_with(*mark))
}
