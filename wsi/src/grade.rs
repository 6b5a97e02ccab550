//! How faithful the stored tiles are to the scanner's (three grades), and the proof of it from what is kept.

use crate::import::{Phase, Progress};
use crate::svs::{self, TiledImage};
use crate::tiff::{BlobSource, ReadAt};
use crate::{Slide, SlideError, Slides, jpeg};
use model::{Scope, SlideId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use storage::{InstanceRef, Storage};

/// Tiles that are read and compared together.
const TILES_PER_STEP: u64 = 64;
/// Bytes of original tiles that are read together at most, before the step ends early.
const STEP_BYTES_MAX: usize = 16 << 20;

/// The grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grade {
    /// The scanner's codestream is unchanged.
    A,
    /// Re-tiled with equal DCT coefficients.
    B,
    /// Decoded and encoded again.
    C,
}

impl std::fmt::Display for Grade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
        })
    }
}

/// What the grade rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GradeReport {
    /// The grade.
    pub grade: Grade,
    /// Tiles that were read back from storage and compared with the original file.
    pub tiles_checked: u64,
    /// Of these, the ones whose codestream is equal.
    pub tiles_equal: u64,
    /// Tiles that the file leaves empty, for which a white one stands; they are not among those checked.
    pub filled: u64,
    /// How it was compared.
    pub method: String,
    /// Codec of the tiles, such as `JPEG baseline`.
    pub codec: String,
    /// Lossy encodings since the file left the scanner; 0 for grades A and B.
    pub generations: u32,
}

/// What one comparison counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub checked: u64,
    pub equal: u64,
    pub filled: u64,
}

impl Slides {
    /// Compares every stored tile with the original file that is kept, again.
    ///
    /// # Errors
    /// [`SlideError::NotFound`]; [`SlideError::Damaged`] when the original cannot be read as it could at import.
    pub async fn check(
        &self,
        scope: &Scope,
        id: &SlideId,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<GradeReport, SlideError> {
        let found = self.reach(scope, id).await?;
        let slide = found.slide;
        let source: Arc<dyn ReadAt> = Arc::new(
            BlobSource::open(self.storage.clone(), slide.owner.clone(), slide.original_sha256).await?,
        );
        let limits = self.storage.limits().clone();
        let plan = blocking(move || svs::plan(source, &limits)).await?;
        if plan.levels.len() != slide.levels.len() {
            return Err(SlideError::Damaged("the original has other levels than the slide"));
        }
        let counts = compare(&self.storage, &plan.levels, &found.levels, progress).await?;
        Ok(report(&slide, counts))
    }
}

fn report(slide: &Slide, counts: Counts) -> GradeReport {
    GradeReport {
        tiles_checked: counts.checked,
        tiles_equal: counts.equal,
        filled: counts.filled,
        ..slide.grade.clone()
    }
    .judged()
}

impl GradeReport {
    /// The same report with the grade that its numbers give: A only when every tile is equal.
    #[must_use]
    pub(crate) fn judged(mut self) -> Self {
        self.grade = if self.tiles_checked == self.tiles_equal { Grade::A } else { Grade::C };
        self
    }
}

/// Reads every tile of every level from the original and from storage, and compares the codestreams.
pub(crate) async fn compare(
    storage: &Storage,
    levels: &[Arc<TiledImage>],
    instances: &[InstanceRef],
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Counts, SlideError> {
    let total: u64 = levels.iter().map(|level| level.tile_count()).sum();
    let mut counts = Counts::default();
    let mut done = 0;
    for (level, instance) in levels.iter().zip(instances) {
        let mut next = 0;
        while next < level.tile_count() {
            let image = level.clone();
            let tiles = blocking(move || originals(&image, next)).await?;
            let read = tiles.len() as u64;
            if read == 0 {
                return Err(SlideError::Damaged("a tile is larger than a tile may be"));
            }
            for (original, index) in tiles.iter().zip(next..) {
                if original.is_empty() {
                    counts.filled += 1;
                    continue;
                }
                let frame = u32::try_from(index).map_err(|_| SlideError::OverLimit("tiles"))?;
                let stored = storage.frame(instance, frame).await?;
                counts.checked += 1;
                counts.equal += u64::from(is_same_codestream(level, original, &stored));
            }
            next += read;
            done += read;
            progress(Progress { phase: Phase::Proving, done, total });
        }
    }
    Ok(counts)
}

/// The next tiles of a level, as many as one step takes.
fn originals(level: &TiledImage, from: u64) -> Result<Vec<Vec<u8>>, SlideError> {
    let mut tiles = Vec::new();
    let mut bytes = 0;
    let until = level.tile_count().min(from.saturating_add(TILES_PER_STEP));
    for span in level.spans(from..until)? {
        let tile = level.read(span)?;
        bytes += tile.len();
        tiles.push(tile);
        if bytes >= STEP_BYTES_MAX {
            break;
        }
    }
    Ok(tiles)
}

/// Whether the stored frame holds the scanner's codestream: for JPEG the same frame header, tables, restart interval
/// and entropy-coded scan, wherever the tables stand; for JPEG 2000 the same bytes.
fn is_same_codestream(level: &TiledImage, original: &[u8], stored: &[u8]) -> bool {
    if level.is_jpeg() {
        jpeg::is_same(level.tables(), original, stored)
    } else {
        stored.strip_prefix(original).is_some_and(|padding| matches!(padding, [] | [0]))
    }
}

/// Runs work that waits for disks or burns CPU where it does not hold up others.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SlideError> + Send + 'static,
) -> Result<T, SlideError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(SlideError::Damaged("reading it failed")),
    }
}
