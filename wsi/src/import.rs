//! A slide file becomes DICOM instances, the kept original and one record: compressed tiles are copied as they are,
//! streaming, so that memory does not grow with the slide.
//!
//! The file is read once, onto the storage's disk; all else reads that copy, so a file that goes on growing, or a share that
//! is slow, does no harm. Order: what can be checked is checked (structure, the head of every tile, the small
//! images); every instance is written, and none is committed; then the original is kept and the instances are committed
//! together; they are read back and compared; and last of all the record is written, which makes it a slide. A disk that
//! fills, a tile that is damaged, a process that is killed before that leave nothing. Identifiers and contents are computed
//! from the file and the options alone, so what was cut off between commit and record is completed by the same import again.

use crate::bundle::{self, FromStart};
use crate::dicom::Context;
use crate::frame_hashes::FrameHashes;
use crate::grade::{GradeReport, blocking};
use crate::identity::{self, Evidence, Identity, NamePattern, Particulars};
use crate::import_steps::{Import, SurveyedLevel, describe, survey};
use crate::opened::Opened;
use crate::readers::{self, Plan};
use crate::slides::{KIND, source_key, study_key};
use crate::source::{FileSource, ReadAt};
use crate::{Slide, SlideError, Slides, identify, openslide};
use model::{OrgId, Scope, Sha256, SlideId, time_text};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Draft, Drafting, Expected, Put, Storage, StorageError,
};
use time::OffsetDateTime;

/// Kind of the records that say who is about to commit the instances of a file.
const CLAIM: &str = "slide_claim";
/// How long such a claim holds when nothing more is heard of it: commit and comparison of a large slide take less.
const CLAIM_MS_MAX: i64 = 15 * 60 * 1000;

/// What the file does not say, or should not be believed about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// Who it is of, as far as whoever brings it says.
    pub of: Particulars,
    /// Whoever brings it was asked whose it is and does not know: its name does not say so for them.
    pub is_unknown: bool,
    /// Study Description.
    pub description: Option<String>,
    /// The file's name as people know it, when it lies here under another one (an upload).
    pub source_name: Option<String>,
    /// How names of files are to be read ([`NamePattern`]); without one they say nothing.
    pub name_pattern: Option<String>,
    /// How barcodes on labels are to be read; without one, a barcode is the number of the glass.
    pub barcode_pattern: Option<String>,
    /// What the file's SHA-256 has to be.
    pub expected_sha256: Option<Sha256>,
    /// Device and number of the file that it has to be, when it is read from where others may exchange it.
    pub expected_file: Option<(u64, u64)>,
    /// How the file is brought to the storage's disk.
    pub drafting: Drafting,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            of: Particulars::default(),
            is_unknown: false,
            description: None,
            source_name: None,
            name_pattern: None,
            barcode_pattern: None,
            expected_sha256: None,
            expected_file: None,
            drafting: Drafting::Copy,
        }
    }
}

/// What an import is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Bringing the file here and hashing it; counted in bytes.
    Reading,
    /// Looking at every tile, and making those that cannot be taken as they are; counted in tiles.
    Surveying,
    /// Writing instances; counted in bytes.
    Storing,
    /// Reading tiles back and comparing them; counted in tiles.
    Proving,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Units done in this phase.
    pub done: u64,
    /// Units of this phase in all.
    pub total: u64,
}

impl Progress {
    /// Of the whole import, from 0 to 1: each phase counts a quarter.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        let before = match self.phase {
            Phase::Reading => 0.0,
            Phase::Surveying => 1.0,
            Phase::Storing => 2.0,
            Phase::Proving => 3.0,
        };
        let part = if self.total == 0 { 1.0 } else { self.done as f64 / self.total as f64 };
        (before + part.clamp(0.0, 1.0)) / 4.0
    }
}

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A new slide.
    Imported,
    /// This owner imported the same file before; nothing changed.
    AlreadyThere,
    /// So it is, but for another patient than is said now: the slide stays as it is and waits for a person.
    Contradicted,
}

/// An imported slide.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedSlide {
    /// The slide.
    pub slide: Slide,
    /// Whether it is new.
    pub outcome: Outcome,
}

/// What is imported, and the time of its file when it was opened.
struct Subject {
    path: PathBuf,
    opened: Opened,
    modified: Option<SystemTime>,
}

impl Subject {
    async fn open(path: &Path, storage: &Storage, expected: Option<(u64, u64)>) -> Result<Self, SlideError> {
        let (path, storage) = (path.to_owned(), storage.clone());
        blocking(move || {
            let opened = Opened::of(&path, &storage)?;
            if expected.is_some() && opened.number() != expected {
                return Err(SlideError::Changed);
            }
            let modified = std::fs::metadata(&path)?.modified().ok();
            Ok(Self { path, opened, modified })
        })
        .await
    }

    /// Refuses when it is not what it was when it was opened, as far as the file system says.
    async fn still(&self) -> Result<(), SlideError> {
        let path = self.path.clone();
        let now = blocking(move || Ok(std::fs::metadata(path)?)).await?;
        // Of several files the first is one, and the others are asked for themselves.
        let is_one = self.opened.files.is_none();
        let is_same = now.modified().ok() == self.modified
            && (!is_one || now.len() == self.opened.source.length())
            && self.opened.is_unchanged();
        if is_same { Ok(()) } else { Err(SlideError::Changed) }
    }
}

/// How a file is read.
enum Reading {
    /// By a reader of our own, from any copy of it.
    Own,
    /// By OpenSlide, from where it lies.
    OpenSlide(Box<Plan>),
}

impl Slides {
    /// Imports a slide file for an owner. The scope must be the owner's or the node's own.
    ///
    /// # Errors
    /// [`SlideError::NotASlide`], [`SlideError::Unsupported`], [`SlideError::Damaged`], [`SlideError::OverLimit`],
    /// [`SlideError::Changed`], [`SlideError::Checksum`], [`SlideError::Io`]: refused before anything is stored.
    /// [`SlideError::NotFound`] when the scope may not import for this owner. [`SlideError::Conflict`] when the same file is
    /// being imported with other particulars, or instances with its identifiers have other content. [`SlideError::Storage`]:
    /// no slide is there, but after a failed commit parts may be (see the module's page).
    pub async fn import(
        &self,
        scope: &Scope,
        owner: &OrgId,
        path: &Path,
        options: &ImportOptions,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<ImportedSlide, SlideError> {
        if scope.viewer().is_some_and(|viewer| viewer != owner) {
            return Err(SlideError::NotFound);
        }
        let (name_pattern, barcode_pattern) = patterns(options)?;
        let subject = Subject::open(path, &self.storage, options.expected_file).await?;
        let source_name = options.source_name.clone().unwrap_or_else(|| file_name(path));
        let reading = self.look_at(&subject, &source_name).await?;
        let draft = self.draft(&subject, options, progress).await?;
        let (sha256, total) = (draft.sha256, draft.length);
        let identify = |barcodes| {
            let evidence = Evidence {
                given: options.of.clone(),
                is_unknown: options.is_unknown,
                file_name: &source_name,
                name_pattern: name_pattern.as_ref(),
                barcodes,
                barcode_pattern: barcode_pattern.as_ref(),
            };
            identity::decide(evidence, &sha256)
        };
        if let Some(slide) = self.by_source(owner, &sha256).await? {
            let identity = identify(self.barcodes_on_record(&slide).await?);
            return self.already_there(scope, slide, &options.of, &identity).await;
        }
        let copy: Arc<dyn ReadAt> = Arc::new(FileSource::of(draft.file()?)?);
        let (plan, levels) = self.survey(&subject, copy, reading, progress).await?;
        subject.still().await?;
        let identity = identify(plan.scan.barcodes.clone());

        let now = OffsetDateTime::now_utc();
        let description = options.description.as_deref().unwrap_or_default();
        let context =
            Context::new(&plan.scan, &identity.particulars, description, &source_name, &sha256, now);
        let mut work = Import::new(self, scope, owner, &context, progress, &levels);
        let mut sinks = work.write_levels(&levels).await?;
        let associated = work.write_associated(&plan, &mut sinks).await?;
        self.claim(owner, &sha256, &context).await?;
        if let Some(slide) = self.by_source(owner, &sha256).await? {
            self.end_claim(&source_key(owner, &sha256)).await;
            return self.already_there(scope, slide, &options.of, &identity).await;
        }
        self.storage.keep_draft(scope, owner, draft).await?;
        work.commit(sinks).await?;
        let instances = work.instances(levels.len()).await?;
        let (grade, frames) = work.prove(&sha256, &levels, &instances, plan.refused).await?;
        let mut slide = Slide {
            source: source_name,
            original_bytes: total,
            original_files: subject.opened.files,
            omitted: plan.omitted.clone(),
            associated,
            imported_at_ms: time_text::unix_ms(now),
            ..slide_of(&plan, &context, &levels, owner, grade, sha256)
        };
        let has_layers = levels.iter().any(|level| !level.source.planes_nm().is_empty());
        if has_layers || !plan.scan.paths.is_empty() {
            self.find_layers(&mut slide, &instances, &plan.scan.paths).await?;
        }
        self.record(scope, slide, frames, (&options.of, &identity)).await
    }

    /// Looks at a file's structure, so that what is no slide is not copied first.
    async fn look_at(&self, subject: &Subject, name: &str) -> Result<Reading, SlideError> {
        if subject.opened.files.is_none() && bundle::is_named_as_one_of_several(Path::new(name)) {
            return Err(SlideError::Incomplete);
        }
        let source = subject.opened.source.clone();
        let limits = self.storage.limits().clone();
        match blocking(move || readers::plan(source, &limits)).await {
            Err(error) => self
                .plan_otherwise(&subject.opened.path, error)
                .await
                .map(|plan| Reading::OpenSlide(Box::new(plan))),
            Ok(_) => Ok(Reading::Own),
        }
    }

    /// Brings the file to the storage's disk.
    async fn draft(
        &self,
        subject: &Subject,
        options: &ImportOptions,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Draft, SlideError> {
        let total = subject.opened.source.length();
        let told = |done| progress(Progress { phase: Phase::Reading, done, total });
        let draft = match options.drafting {
            Drafting::Link if subject.opened.files.is_none() => {
                self.storage.draft_blob_here(&subject.path, &told).await
            }
            _ => self.storage.draft_blob(FromStart::of(subject.opened.source.clone()), &told).await,
        };
        // First: a file that has become shorter cannot be read either.
        subject.still().await?;
        let draft = draft?;
        if draft.length != total {
            return Err(SlideError::Changed);
        }
        if options.expected_sha256.is_some_and(|expected| expected != draft.sha256) {
            return Err(SlideError::Checksum);
        }
        Ok(draft)
    }

    /// Looks at every tile, and at the label.
    async fn survey(
        &self,
        subject: &Subject,
        copy: Arc<dyn ReadAt>,
        reading: Reading,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(Plan, Vec<SurveyedLevel>), SlideError> {
        let storage = self.storage.clone();
        let surveyed = match reading {
            Reading::OpenSlide(plan) => {
                return surveying(progress, move |told| survey(*plan, &storage, told)).await;
            }
            Reading::Own => {
                let read = move |told: &dyn Fn(u64, u64)| {
                    survey(readers::plan(copy, storage.limits())?, &storage, told)
                };
                surveying(progress, read).await
            }
        };
        match surveyed {
            Err(error) => {
                let plan = self.plan_otherwise(&subject.opened.path, error).await?;
                let storage = self.storage.clone();
                surveying(progress, move |told| survey(plan, &storage, told)).await
            }
            surveyed => surveyed,
        }
    }

    /// Has OpenSlide read what no reader here takes; what is damaged or too large stays refused.
    async fn plan_otherwise(&self, path: &Path, error: SlideError) -> Result<Plan, SlideError> {
        if !matches!(error, SlideError::Unsupported(_) | SlideError::NotASlide(_)) {
            return Err(error);
        }
        let (path, limits) = (path.to_owned(), self.storage.limits().clone());
        match blocking(move || openslide::plan(&path, &limits)).await {
            Err(SlideError::Unsupported(why)) if why == openslide::NOT_INSTALLED => {
                tracing::info!(
                    "OpenSlide (libopenslide0) is not installed, so it was not asked about a slide"
                );
                Err(error)
            }
            Err(SlideError::Unsupported(_)) => Err(error),
            other => other.map(|plan| with_reason(plan, &error)),
        }
    }

    /// Says that this import is about to commit. Of two at once with different particulars, which would be two studies, one
    /// goes on.
    async fn claim(&self, owner: &OrgId, file: &Sha256, context: &Context) -> Result<(), SlideError> {
        let node = Scope::node("slide import");
        let id = source_key(owner, file);
        let now = time_text::unix_ms(OffsetDateTime::now_utc());
        let expected = match self.storage.record(&node, CLAIM, &id).await {
            Err(StorageError::NotFound) => Expected::Absent,
            Err(error) => return Err(error.into()),
            Ok(claim) => {
                let is_same = claim.body["study"] == context.study.as_str();
                if !is_same && now - claim.changed_at_ms < CLAIM_MS_MAX {
                    return Err(SlideError::Conflict(BEING_IMPORTED));
                }
                Expected::Version(claim.version)
            }
        };
        let put = Put {
            kind: CLAIM,
            id,
            expected,
            body: serde_json::json!({"study": context.study}),
            keys: Vec::new(),
            unique: Vec::new(),
            sort: now,
            visible_to: Vec::new(),
        };
        match self.storage.apply(&node, Change { puts: vec![put], ..Change::default() }).await {
            Err(StorageError::Conflict(_)) => Err(SlideError::Conflict(BEING_IMPORTED)),
            other => Ok(other?),
        }
    }

    /// Writes the record: from here on it is a slide.
    async fn record(
        &self,
        scope: &Scope,
        slide: Slide,
        frames: FrameHashes,
        (given, identity): (&Particulars, &Identity),
    ) -> Result<ImportedSlide, SlideError> {
        const CORRUPT: SlideError = SlideError::Storage(StorageError::Corrupt("a slide's record"));
        let body = serde_json::to_value(&slide).map_err(|_| CORRUPT)?;
        let original = slide.original_sha256.ok_or(CORRUPT)?;
        let mut keys = vec![("study", study_key(&slide.owner, &slide.study))];
        let apart = slide.associated.iter().find(|image| image.study != slide.study);
        keys.extend(apart.map(|image| ("label_study", study_key(&slide.owner, &image.study))));
        let put = Put {
            kind: KIND,
            id: slide.id.to_string(),
            expected: Expected::Absent,
            body,
            keys,
            unique: vec![("source", source_key(&slide.owner, &original))],
            sort: slide.imported_at_ms,
            visible_to: vec![slide.owner.clone()],
        };
        let change = Change {
            puts: vec![put, identify::put(&slide, identity)?, frames.put(&slide, Expected::Absent)?],
            audit: vec![AuditEntry {
                action: AuditAction::Store,
                object: format!("slide/{}", slide.id),
                outcome: AuditOutcome::Success,
                detail: format!("study/{}", slide.study),
            }],
            events: vec![(
                "slide.imported",
                serde_json::json!({"id": slide.id, "owner": slide.owner, "study": slide.study}),
            )],
            ..Change::default()
        };
        let applied = self.storage.apply(scope, change).await;
        self.end_claim(&source_key(&slide.owner, &original)).await;
        match applied {
            Ok(()) => Ok(ImportedSlide { slide, outcome: Outcome::Imported }),
            // The same file was being imported twice at once: the first one made the slide.
            Err(StorageError::Conflict(why)) => match self.by_source(&slide.owner, &original).await? {
                Some(slide) => self.already_there(scope, slide, given, identity).await,
                None => Err(SlideError::Conflict(why)),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// A claim that stays runs out by itself.
    async fn end_claim(&self, id: &str) {
        let change = Change { removes: vec![(CLAIM, id.to_owned())], ..Change::default() };
        let _ = self.storage.apply(&Scope::node("slide import"), change).await;
    }
}

/// Looks at tiles where that holds up nobody, and passes on how many it has looked at, of how many.
async fn surveying<T: Send + 'static>(
    progress: &(dyn Fn(Progress) + Send + Sync),
    work: impl FnOnce(&dyn Fn(u64, u64)) -> Result<T, SlideError> + Send + 'static,
) -> Result<T, SlideError> {
    let (tell, mut told) = tokio::sync::watch::channel((0, 0));
    let say = |(done, total)| progress(Progress { phase: Phase::Surveying, done, total });
    let tell = move |done, total| {
        tell.send_replace((done, total));
    };
    let mut work = std::pin::pin!(blocking(move || work(&tell)));
    loop {
        tokio::select! {
            result = &mut work => {
                if result.is_ok() {
                    let end = *told.borrow();
                    say(end);
                }
                return result;
            }
            Ok(()) = told.changed() => {
                let now = *told.borrow_and_update();
                say(now);
            }
        }
    }
}

/// Why no reader here took the file stays with it, and what OpenSlide does not show of it is named.
fn with_reason(mut plan: Plan, refusal: &SlideError) -> Plan {
    if let SlideError::Unsupported(why) = refusal {
        plan.refused = Some(*why);
        if readers::is_shown_in_part(why) {
            plan.omitted.push("all focal planes, times and channels but the first".to_owned());
        }
    }
    plan
}

pub(crate) const BEING_IMPORTED: &str =
    "the same file is being imported for another patient or specimen just now";

fn patterns(options: &ImportOptions) -> Result<(Option<NamePattern>, Option<NamePattern>), SlideError> {
    let parse = |text: &Option<String>| {
        text.as_deref()
            .map(NamePattern::parse)
            .transpose()
            .map_err(|_| SlideError::Conflict("a pattern is wrong"))
    };
    Ok((parse(&options.name_pattern)?, parse(&options.barcode_pattern)?))
}

/// All that plan and context say of a slide.
fn slide_of(
    plan: &Plan,
    context: &Context,
    levels: &[SurveyedLevel],
    owner: &OrgId,
    grade: GradeReport,
    sha256: Sha256,
) -> Slide {
    Slide {
        id: SlideId::new(),
        owner: owner.clone(),
        study: context.study.clone(),
        series: context.series.clone(),
        patient_name: context.patient_name.clone(),
        patient_id: context.patient_id.clone(),
        accession_number: context.accession_number.clone(),
        is_deidentified: false,
        study_date: context.date.clone(),
        description: context.description.clone(),
        source: String::new(),
        format: plan.format.to_owned(),
        scanner: context.scanner.clone(),
        stain: Some(context.stain.clone()).filter(|stain| !stain.is_empty()),
        objective: plan.scan.objective,
        mpp_um: plan.scan.mpp_um,
        levels: describe(levels, context),
        focal_planes: Vec::new(),
        channels: Vec::new(),
        associated: Vec::new(),
        omitted: Vec::new(),
        grade,
        original_sha256: Some(sha256),
        original_files: None,
        original_bytes: 0,
        imported_at_ms: 0,
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
