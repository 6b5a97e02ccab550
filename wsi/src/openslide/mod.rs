//! Slides of any other kind, read by OpenSlide in a process of its own and encoded once more (grade C, and said so).
//!
//! The library is loaded when it is needed and need not be there. It is native code that reads hostile files, so it runs in
//! a child, this same program again ([`serve`]), with limits of memory and time. Where the kernel has Landlock and
//! seccomp, it can read that one slide's files and the system's libraries, can write nothing, and reaches no network, no other
//! process and no other program; what the kernel lacks is said in the log. Child and parent speak over pipes: a request
//! is a few numbers, an answer is checked like a stranger's word, and a child that does not answer in time is killed.

mod child;
mod ffi;

use crate::likeness::Likeness;
use crate::readers::{Counts, Emit, Geometry, Plan, Proof, Samples, Scan, Survey, TileSource};
use crate::small_image::SmallImage;
use crate::{AssociatedKind, SlideError, readers};
use bytes::Bytes;
use codec::{FrameFormat, Photometric};
use dataset::TransferSyntax;
use model::Limits;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Write as _};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use child::serve;

/// The word that makes this program the child; not for people.
pub const WORD: &str = "slide-reader";

/// Why nothing is read when the library is not there.
pub(crate) const NOT_INSTALLED: &str = "OpenSlide (libopenslide0) is not installed";

/// A tile's side, in pixels.
const SIDE: u64 = 512;
/// JPEG quality of the second generation: what it loses is not seen.
pub(crate) const QUALITY: u8 = 95;
/// Levels of a slide.
const LEVELS_MAX: usize = 64;
/// How long an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
/// Bytes of the child's description of a slide.
const FACTS_BYTES_MAX: u64 = 4 << 20;
/// Pixels of a small image.
const SMALL_PIXELS_MAX: u64 = 40_000_000;

/// What the child says of a slide once it is open.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Facts {
    /// Why it could not be opened.
    error: Option<String>,
    /// What the kernel lacks to confine the child.
    missing: Option<String>,
    /// Width and height of each level.
    levels: Vec<(u64, u64)>,
    /// Names of associated images with their sizes.
    associated: BTreeMap<String, (u64, u64)>,
    properties: BTreeMap<String, String>,
}

/// What is asked of the child: pixels of a level, or of an associated image.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Request {
    /// Place in pixels of level 0, level, size.
    Region {
        x: u64,
        y: u64,
        level: u32,
        width: u32,
        height: u32,
    },
    Associated(String),
}

/// A child with a slide open.
struct Reader {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<Timed>,
}

/// A pipe that is read until a moment.
struct Timed {
    pipe: ChildStdout,
    until: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() || !ffi::has_something(&self.pipe, left)? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.pipe.read(buffer)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const LOST: SlideError = SlideError::Damaged("OpenSlide did not get through it");

impl Reader {
    fn start(path: &Path) -> Result<(Self, Facts), SlideError> {
        let program = std::env::current_exe()?;
        let mut child = Command::new(program)
            .arg(WORD)
            .arg(path)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(requests), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(LOST);
        };
        let mut reader = Self::of(child, requests, answers, ANSWER_TIME_MAX);
        let length = reader.number()?;
        if length > FACTS_BYTES_MAX {
            return Err(LOST);
        }
        let facts = reader.bytes(length)?;
        let facts: Facts = serde_json::from_slice(&facts).map_err(|_| LOST)?;
        if let Some(missing) = &facts.missing {
            tracing::warn!(%missing, "OpenSlide's process is confined less than it could be: this kernel lacks something");
        }
        match facts.error.as_deref() {
            None => Ok((reader, facts)),
            Some(child::MISSING) => Err(SlideError::Unsupported(NOT_INSTALLED)),
            Some(_) => Err(SlideError::Unsupported("neither a reader here nor OpenSlide knows it")),
        }
    }

    fn of(child: Child, requests: ChildStdin, answers: ChildStdout, longest: Duration) -> Self {
        let answers = Timed { pipe: answers, until: Instant::now() + longest };
        Self { child, requests, answers: BufReader::with_capacity(1 << 20, answers) }
    }

    fn number(&mut self) -> Result<u64, SlideError> {
        let mut bytes = [0; 8];
        self.answers.read_exact(&mut bytes).map_err(|_| LOST)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, SlideError> {
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| LOST)?];
        self.answers.read_exact(&mut bytes).map_err(|_| LOST)?;
        Ok(bytes)
    }

    /// RGB, on white; `pixels` are as many as were asked for. A child that takes longer than `longest`, or answers
    /// something else, is killed.
    fn ask(&mut self, request: &Request, pixels: u64, longest: Duration) -> Result<Vec<u8>, SlideError> {
        let answer = self.ask_within(request, pixels, longest);
        if answer == Err(LOST) {
            // Whatever it may still say is no answer to what comes next.
            let _ = self.child.kill();
        }
        answer
    }

    fn ask_within(
        &mut self,
        request: &Request,
        pixels: u64,
        longest: Duration,
    ) -> Result<Vec<u8>, SlideError> {
        self.answers.get_mut().until = Instant::now() + longest;
        let text = serde_json::to_vec(request).map_err(|_| LOST)?;
        self.requests.write_all(&(text.len() as u64).to_le_bytes()).map_err(|_| LOST)?;
        self.requests.write_all(&text).map_err(|_| LOST)?;
        self.requests.flush().map_err(|_| LOST)?;
        match self.number()? {
            0 => Err(SlideError::Damaged("OpenSlide cannot read a part of it")),
            length if length == pixels * 3 => self.bytes(length),
            _ => Err(LOST),
        }
    }
}

/// Opens a file with OpenSlide.
///
/// # Errors
/// [`SlideError::Unsupported`] when OpenSlide is not installed or does not know it; [`SlideError::Damaged`].
pub(crate) fn plan(path: &Path, limits: &Limits) -> Result<Plan, SlideError> {
    let (reader, facts) = Reader::start(path)?;
    let reader = Arc::new(Mutex::new(reader));
    let base = *facts.levels.first().ok_or(SlideError::Damaged("it has no level"))?;
    if facts.levels.len() > LEVELS_MAX {
        return Err(SlideError::OverLimit("levels"));
    }
    let mut levels: Vec<Arc<dyn TileSource>> = Vec::new();
    for (number, size) in (0_u32..).zip(&facts.levels) {
        let geometry = Geometry::checked(*size, (SIDE, SIDE), limits)?;
        let scale = (base.0 as f64 / size.0 as f64, base.1 as f64 / size.1 as f64);
        levels.push(Arc::new(Level { reader: reader.clone(), number, geometry, scale }));
    }
    let (mut associated, mut omitted) = (Vec::new(), Vec::new());
    for (name, size) in &facts.associated {
        let kind = match name.as_str() {
            "label" => AssociatedKind::Label,
            "macro" => AssociatedKind::Overview,
            "thumbnail" => AssociatedKind::Thumbnail,
            _ => {
                omitted.push(format!("{name}: of unknown kind"));
                continue;
            }
        };
        match small_image(&reader, name, *size) {
            Ok(image) => associated.push((kind, image)),
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => omitted.push(format!("{name}: {error}")),
        }
    }
    Ok(Plan { format: format_of(&facts), levels, associated, omitted, refused: None, scan: scan(&facts) })
}

fn format_of(facts: &Facts) -> &'static str {
    match facts.properties.get("openslide.vendor").map(String::as_str) {
        Some("aperio") => "Aperio SVS",
        Some("generic-tiff") => "tiled TIFF",
        Some("hamamatsu") => "Hamamatsu",
        Some("leica") => "Leica SCN",
        Some("mirax") => "MIRAX",
        Some("philips") => "Philips TIFF",
        Some("sakura") => "Sakura",
        Some("trestle") => "Trestle",
        Some("ventana") => "Ventana BIF",
        _ => "by OpenSlide",
    }
}

fn scan(facts: &Facts) -> Scan {
    let number = |name: &str| facts.properties.get(name)?.trim().parse::<f64>().ok();
    let mpp = number("openslide.mpp-x").zip(number("openslide.mpp-y"));
    let vendor = facts.properties.get("openslide.vendor").filter(|vendor| *vendor != "generic-tiff");
    let upper = |vendor: &String| vendor[..1].to_uppercase() + &vendor[1..];
    Scan {
        manufacturer: vendor.filter(|vendor| vendor.is_ascii() && !vendor.is_empty()).map(upper),
        objective: number("openslide.objective-power").filter(|power| (0.1..=1000.0).contains(power)),
        mpp_um: mpp.and_then(|(x, y)| readers::plausible_mpp(x, y)),
        ..Scan::default()
    }
}

fn small_image(reader: &Mutex<Reader>, name: &str, size: (u64, u64)) -> Result<SmallImage, SlideError> {
    const BIG: SlideError = SlideError::OverLimit("an associated image");
    let side = |side: u64| u16::try_from(side).map(u32::from).map_err(|_| BIG);
    let (width, height) = (side(size.0)?, side(size.1)?);
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > SMALL_PIXELS_MAX {
        return Err(BIG);
    }
    let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
    let rgb = reader.ask(&Request::Associated(name.to_owned()), pixels, ANSWER_TIME_MAX)?;
    Ok(SmallImage { width, height, rgb, lossy: None })
}

/// One level.
struct Level {
    reader: Arc<Mutex<Reader>>,
    number: u32,
    geometry: Geometry,
    /// Pixels of level 0 for one of this, across and down.
    scale: (f64, f64),
}

impl Level {
    /// A tile's pixels, red, green, blue.
    fn read(&self, tile: u64) -> Result<Vec<u8>, SlideError> {
        let across = u64::from(self.geometry.tiles_x());
        let (width, height) = (u32::from(self.geometry.tile_width), u32::from(self.geometry.tile_height));
        let (column, row) = (tile % across, tile / across);
        let place =
            |index: u64, side: u32, scale: f64| ((index * u64::from(side)) as f64 * scale).round() as u64;
        let request = Request::Region {
            x: place(column, width, self.scale.0),
            y: place(row, height, self.scale.1),
            level: self.number,
            width,
            height,
        };
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.ask(&request, u64::from(width) * u64::from(height), ANSWER_TIME_MAX)
    }
}

impl TileSource for Level {
    fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    fn survey(&self) -> Result<Survey, SlideError> {
        Ok(Survey {
            bytes: 0,
            filled: 0,
            transfer_syntax: TransferSyntax::JPEG_BASELINE,
            photometric: "YBR_FULL_422",
            lossy_method: Some("ISO_10918_1"),
            codec: "JPEG baseline, encoded again",
            samples: Samples::COLOUR,
            proof: Proof::Likeness,
        })
    }

    fn frame_lengths(&self, _: Range<u64>) -> Result<Option<Vec<u64>>, SlideError> {
        Ok(None)
    }

    fn frames(&self, tiles: Range<u64>, emit: &mut Emit<'_>) -> Result<(), SlideError> {
        let (width, height) = (u32::from(self.geometry.tile_width), u32::from(self.geometry.tile_height));
        for tile in tiles {
            let rgb = self.read(tile)?;
            let frame = codec::encode_jpeg_rgb(&rgb, width, height, QUALITY)
                .map_err(SlideError::of_codec(SlideError::Damaged("a tile cannot be encoded")))?;
            emit(&frame)?;
        }
        Ok(())
    }

    /// How alike the stored tiles are to what OpenSlide shows: no tile of the file is there to compare with.
    fn compare(&self, first: u64, stored: &[Bytes]) -> Result<Counts, SlideError> {
        let (width, height) = (self.geometry.tile_width, self.geometry.tile_height);
        let format = FrameFormat::eight_bit(height.into(), width.into(), 3, Photometric::YbrFull422);
        let mut counts = Counts::default();
        for (tile, frame) in (first..).zip(stored) {
            let shown = self.read(tile)?;
            let decoded =
                codec::decode(TransferSyntax::JPEG_BASELINE, frame, &format, self.geometry.tile_bytes());
            let decoded = decoded
                .map_err(SlideError::of_codec(SlideError::Damaged("a stored tile cannot be decoded")))?;
            counts += Counts::of_likeness(Likeness::of(&shown, &decoded.bytes, width.into()));
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_does_not_answer_is_killed() {
        let mut child =
            Command::new("sleep").arg("3600").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (requests, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut reader = Reader::of(child, requests, answers, ANSWER_TIME_MAX);
        let request = Request::Associated("label".to_owned());
        assert_eq!(reader.ask(&request, 1, Duration::from_millis(50)), Err(LOST));
        assert!(!reader.child.wait().unwrap().success());
    }
}
