//! How faithful the stored tiles are to the scanner's (three grades), and the proof of it from what is kept.

use crate::bundle::{self, FromStart};
use crate::frame_hashes::{FramesChecked, JustRead, hashes_of};
use crate::import::{Phase, Progress};
use crate::likeness::Likeness;
use crate::readers::{self, Counts, Proof, TileSource};
use crate::source::{BlobSource, ReadAt};
use crate::{Level, Slide, SlideError, Slides, openslide};
use bytes::Bytes;
use model::{OrgId, Scope, Sha256, SlideId};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;
use storage::blob::ScratchFolder;
use storage::{InstanceRef, Storage};

/// Tiles that are read and compared together.
const TILES_PER_STEP: u64 = 64;
/// Tiles of a level that was encoded again of which the likeness is measured.
const SAMPLE_TILES_MAX: u64 = 128;
/// Bytes of stored tiles that are read together at most, before the step ends early.
pub(crate) const STEP_BYTES_MAX: usize = 16 << 20;

/// The grade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grade {
    /// The scanner's codestream is unchanged; or it came as DICOM, and nothing is known of the codestream before, nor was
    /// it compared with anything ([`crate::Slide::is_as_received`]).
    A,
    /// Re-tiled with equal DCT coefficients.
    B,
    /// Decoded and encoded again, with loss unless [`GradeReport::generations`] is 0.
    C,
}

impl Grade {
    /// Its letter.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
        }
    }
}

impl std::fmt::Display for Grade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the grade rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Lossy encodings since the file left the scanner; 0 for grades A and B, and where grade C was compressed again without
    /// loss. Of what came as DICOM: all that its attributes
    /// name (0028,2114), the scanner's own included.
    pub generations: u32,
    /// Grade C: how alike stored tiles are to what they were made of, of a sample of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likeness: Option<Likeness>,
    /// Grade C: why no reader here could take the file's tiles as they are, where it is a slide that one knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a check of a slide has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The grade as it is now; that of the record when it came as DICOM.
    pub report: GradeReport,
    /// What the hashes of its frames say.
    pub frames: FramesChecked,
}

impl Slides {
    /// Compares every stored tile with the original that is kept, again; of grade C, a sample of them with what OpenSlide
    /// makes of it now. Of every slide each frame's SHA-256 is compared with the one that is kept, which is all there is to
    /// compare with when it came as DICOM.
    ///
    /// # Errors
    /// [`SlideError::NotFound`]; [`SlideError::Damaged`] when the original cannot be read as it could at import, and when
    /// tiles that were encoded again are not alike; [`SlideError::Storage`] of an instance that is not what came.
    pub async fn check(
        &self,
        scope: &Scope,
        id: &SlideId,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Checked, SlideError> {
        let found = self.reach(scope, id).await?;
        let slide = found.slide;
        let mut instances: Vec<_> = found.levels.iter().flatten().cloned().collect();
        let (report, just_read) = match slide.original_sha256 {
            Some(original) => self.check_with(&slide, &original, &instances, progress).await?,
            None => (slide.grade.clone(), JustRead::default()),
        };
        // The planes of a level may be in one instance.
        let mut seen = HashSet::new();
        instances.retain(|instance| seen.insert(*instance.sha256()));
        let frames = self.check_frames(&slide, &instances, just_read, progress).await?;
        Ok(Checked { report, frames })
    }

    async fn check_with(
        &self,
        slide: &Slide,
        original: &Sha256,
        instances: &[InstanceRef],
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(GradeReport, JustRead), SlideError> {
        // What was compressed once more without loss is compared with the file itself.
        if slide.grade.grade == Grade::C && slide.grade.generations > 0 {
            let (levels, _files) = self.unpacked_levels(slide, original).await?;
            let levels = same_levels(levels, slide)?;
            let counts = compare_sample(&self.storage, &levels, instances, progress).await?;
            return Ok((report(slide, counts), JustRead::default()));
        }
        let levels = same_levels(self.original_levels(&slide.owner, original).await?, slide)?;
        let (counts, hashes) = compare(&self.storage, &levels, instances, progress).await?;
        let hashes = instances.iter().map(|instance| *instance.sha256()).zip(hashes).collect();
        let just_read = JustRead { hashes, are_what_came: counts.checked == counts.equal };
        Ok((report(slide, counts), just_read))
    }

    /// The levels of an original that is kept as OpenSlide reads them, and the folder that its files lie in meanwhile.
    async fn unpacked_levels(
        &self,
        slide: &Slide,
        sha256: &Sha256,
    ) -> Result<(Vec<Arc<dyn TileSource>>, ScratchFolder), SlideError> {
        let blob = BlobSource::open(self.storage.clone(), slide.owner.clone(), *sha256).await?;
        let (source, is_bundle): (Arc<dyn ReadAt>, _) = (Arc::new(blob), slide.original_files.is_some());
        let storage = self.storage.clone();
        blocking(move || {
            let folder = storage.scratch_folder()?;
            let path = if is_bundle {
                bundle::unpack(source, folder.path())?.0
            } else {
                let path = folder.path().join("slide");
                std::io::copy(&mut FromStart::of(source), &mut std::fs::File::create_new(&path)?)?;
                path
            };
            Ok((openslide::plan(&path, storage.limits())?.levels, folder))
        })
        .await
    }

    /// The levels of an original that is kept.
    pub(crate) async fn original_levels(
        &self,
        owner: &OrgId,
        sha256: &Sha256,
    ) -> Result<Vec<Arc<dyn TileSource>>, SlideError> {
        let blob = BlobSource::open(self.storage.clone(), owner.clone(), *sha256).await?;
        let source: Arc<dyn ReadAt> = Arc::new(blob);
        let limits = self.storage.limits().clone();
        Ok(blocking(move || readers::plan(source, &limits)).await?.levels)
    }
}

fn report(slide: &Slide, counts: Counts) -> GradeReport {
    GradeReport {
        tiles_checked: counts.checked,
        tiles_equal: counts.equal,
        filled: counts.filled,
        likeness: counts.likeness,
        ..slide.grade.clone()
    }
    .judged()
}

impl GradeReport {
    /// The same report with the grade that its numbers give: A or B only when every tile is equal.
    #[must_use]
    pub(crate) fn judged(mut self) -> Self {
        if self.tiles_checked != self.tiles_equal {
            self.grade = Grade::C;
        }
        self
    }
}

/// How tiles are compared with the original.
pub(crate) fn method(proof: Proof) -> &'static str {
    match proof {
        Proof::Codestream => {
            "every tile read back from storage; frame header, tables and entropy-coded scan equal to the original file's, \
             byte by byte"
        }
        Proof::Bytes => {
            "every tile read back from storage; its samples, which were never compressed, equal to the original file's, byte \
             by byte"
        }
        Proof::Coefficients => {
            "every tile read back from storage; the quantised DCT coefficients of every block, and the tables that they are \
             quantised with, equal to the original file's"
        }
        Proof::Samples(_) => {
            "unpacked and compressed once more without loss; every tile read back from storage and decoded, and every sample \
             equal to the original file's"
        }
        Proof::Likeness => {
            "decoded by OpenSlide and encoded once more; there is no tile of the file to compare with, so a sample of the \
             stored tiles is compared with the pixels that OpenSlide shows there"
        }
    }
}

/// The levels of an original, when they are those of the slide. Of a slide that was imported when only the plane in focus was
/// kept, that plane.
pub(crate) fn same_levels(
    levels: Vec<Arc<dyn TileSource>>,
    slide: &Slide,
) -> Result<Vec<Arc<dyn TileSource>>, SlideError> {
    const OTHER: SlideError = SlideError::Damaged("the original has other levels than the slide");
    if levels.len() != slide.levels.len() {
        return Err(OTHER);
    }
    let same = |(source, level): (Arc<dyn TileSource>, &Level)| {
        let (frames, geometry) = (level.frame_count(), source.geometry());
        if (geometry.width, geometry.height) != (level.width, level.height) {
            return Err(OTHER);
        }
        match source.in_focus() {
            _ if source.frame_count() == frames => Ok(source),
            Some(in_focus) if in_focus.frame_count() == frames => Ok(in_focus),
            _ => Err(OTHER),
        }
    };
    levels.into_iter().zip(&slide.levels).map(same).collect()
}

/// One tile of so many is in the sample.
fn sample_step(tiles: u64) -> u64 {
    tiles.div_ceil(SAMPLE_TILES_MAX).max(1)
}

/// Tiles of these levels that are in the sample.
pub(crate) fn sampled(levels: &[Arc<dyn TileSource>]) -> u64 {
    let tiles = levels.iter().map(|level| level.geometry().tile_count());
    tiles.map(|tiles| tiles.div_ceil(sample_step(tiles))).sum()
}

/// Compares a sample of the tiles of each level, all of them when they are few.
///
/// # Errors
/// [`SlideError::Damaged`] when they are not alike.
pub(crate) async fn compare_sample(
    storage: &Storage,
    levels: &[Arc<dyn TileSource>],
    instances: &[InstanceRef],
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Counts, SlideError> {
    let total = sampled(levels);
    let mut counts = Counts::default();
    let mut done = 0;
    for (level, instance) in levels.iter().zip(instances) {
        let tiles = level.geometry().tile_count();
        for tile in (0..tiles).step_by(usize::try_from(sample_step(tiles)).unwrap_or(usize::MAX)) {
            let number = u32::try_from(tile).map_err(|_| SlideError::OverLimit("tiles"))?;
            let frame = storage.frame(instance, number).await?;
            let level = level.clone();
            counts += blocking(move || level.compare(tile, &[frame])).await?;
            done += 1;
            progress(Progress { phase: Phase::Proving, done, total });
        }
    }
    match counts.likeness {
        Some(likeness) if !likeness.is_within_bounds() => {
            Err(SlideError::Damaged("a stored tile is not what OpenSlide shows there"))
        }
        _ => Ok(counts),
    }
}

/// Reads every tile of every level from the original and from storage, and compares them; with the hashes of each level's
/// stored tiles.
pub(crate) async fn compare(
    storage: &Storage,
    levels: &[Arc<dyn TileSource>],
    instances: &[InstanceRef],
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(Counts, Vec<Vec<u8>>), SlideError> {
    let total: u64 = levels.iter().map(|level| level.frame_count()).sum();
    let (mut counts, mut hashes) = (Counts::default(), Vec::new());
    let mut done = 0;
    for (level, instance) in levels.iter().zip(instances) {
        let tiles = level.frame_count();
        let (mut next, mut own) = (0, Vec::new());
        while next < tiles {
            let frames = stored(storage, instance, next, tiles).await?;
            let (first, level) = (next, level.clone());
            next += frames.len() as u64;
            done += frames.len() as u64;
            let compared = blocking(move || Ok((level.compare(first, &frames)?, hashes_of(&frames)))).await?;
            counts += compared.0;
            own.extend(compared.1);
            progress(Progress { phase: Phase::Proving, done, total });
        }
        hashes.push(own);
    }
    Ok((counts, hashes))
}

/// The next stored frames, as many as one step takes; at least one.
async fn stored(
    storage: &Storage,
    instance: &InstanceRef,
    from: u64,
    tiles: u64,
) -> Result<Vec<Bytes>, SlideError> {
    let mut frames = Vec::new();
    let mut bytes = 0;
    for tile in from..tiles.min(from.saturating_add(TILES_PER_STEP)) {
        let frame = u32::try_from(tile).map_err(|_| SlideError::OverLimit("tiles"))?;
        let frame = storage.frame(instance, frame).await?;
        bytes += frame.len();
        frames.push(frame);
        if bytes >= STEP_BYTES_MAX {
            break;
        }
    }
    Ok(frames)
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
