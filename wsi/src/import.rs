//! A slide file becomes DICOM instances, the kept original and one record: compressed tiles are copied as they are,
//! streaming, so that memory does not grow with the slide.
//!
//! Order: everything that can be checked is checked first (structure, the head of every tile, the small images); then
//! the original is kept; then the instances are stored, level 0 last, and read back and compared; and last of all the
//! record is written, which makes it a slide. When the disk fills half-way, what has been stored by then stays: blob
//! and instances without a record. Identifiers and contents are computed from the file and the options alone, so the
//! same import again finds them as they are and completes them.

use crate::bundle::FromStart;
use crate::dicom::{self, Context};
use crate::grade::{self, Grade, GradeReport, blocking};
use crate::opened::Opened;
use crate::readers::{self, Plan, Survey, TileSource};
use crate::slides::{KIND, source_key, study_key};
use crate::source::ReadAt;
use crate::spool::Spooled;
use crate::{Associated, AssociatedKind, Level, Slide, SlideError, Slides, openslide};
use dataset::TransferSyntax;
use model::{OrgId, Scope, Sha256, SlideId, Uid, time_text};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};
use std::path::Path;
use std::sync::Arc;
use storage::{
    Arrival, AuditAction, AuditEntry, AuditOutcome, Change, Expected, InstanceRef, Put, Storage,
    StorageError, Via,
};
use time::OffsetDateTime;

/// Bytes that are hashed in one step.
const HASH_STEP_BYTES: u64 = 16 << 20;
/// Pieces that wait between reading and writing; a piece is about a megabyte.
const PIECES_WAITING: usize = 4;

/// What the file does not say, or should not be believed about.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportOptions {
    /// Patient's Name (PN, `张三` or `Zhang^San=张^三`); without one, the file's name.
    pub patient_name: Option<String>,
    /// Patient ID.
    pub patient_id: Option<String>,
    /// Patient's Birth Date, `YYYYMMDD`.
    pub patient_birth_date: Option<String>,
    /// Patient's Sex: M, F or O.
    pub patient_sex: Option<String>,
    /// Accession Number.
    pub accession_number: Option<String>,
    /// Study Description.
    pub description: Option<String>,
    /// Container Identifier: the number on the glass; without one, the file's name.
    pub container_id: Option<String>,
    /// The file's name as people know it, when it lies here under another one (an upload).
    pub source_name: Option<String>,
}

/// What an import is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading and checking the file; counted in bytes.
    Reading,
    /// Keeping the original; counted in bytes.
    Keeping,
    /// Storing instances; counted in bytes.
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
            Phase::Keeping => 0.25,
            Phase::Storing => 0.5,
            Phase::Proving => 0.75,
        };
        let part = if self.total == 0 { 1.0 } else { self.done as f64 / self.total as f64 };
        before + part.clamp(0.0, 1.0) / 4.0
    }
}

/// What became of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A new slide.
    Imported,
    /// This owner imported the same file before; nothing changed.
    AlreadyThere,
}

/// An imported slide.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedSlide {
    /// The slide.
    pub slide: Slide,
    /// Whether it is new.
    pub outcome: Outcome,
}

/// A level that has been surveyed.
struct SurveyedLevel {
    source: Arc<dyn TileSource>,
    survey: Survey,
}

impl Slides {
    /// Imports a slide file for an owner. The scope must be the owner's or the node's own.
    ///
    /// # Errors
    /// [`SlideError::NotASlide`], [`SlideError::Unsupported`], [`SlideError::Damaged`], [`SlideError::OverLimit`],
    /// [`SlideError::Io`]: refused before anything is stored. [`SlideError::NotFound`] when the scope may not import
    /// for this owner. [`SlideError::Changed`], [`SlideError::Conflict`], [`SlideError::Storage`]: no slide is there,
    /// but parts may be (see the module's page).
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
        let file = path.to_owned();
        let storage = self.storage.clone();
        let opened = blocking(move || Opened::of(&file, &storage)).await?;
        let source = opened.source.clone();
        let limits = self.storage.limits().clone();
        let planned = source.clone();
        let plan = match blocking(move || readers::plan(planned, &limits)).await {
            Err(error) => self.plan_otherwise(&opened.path, error).await?,
            Ok(plan) => plan,
        };
        let sha256 = hash(&source, progress).await?;
        if let Some(slide) = self.by_source(owner, &sha256).await? {
            return Ok(ImportedSlide { slide, outcome: Outcome::AlreadyThere });
        }
        let storage = self.storage.clone();
        let (plan, levels) = match blocking(move || survey(plan, &storage)).await {
            Err(error) => {
                let plan = self.plan_otherwise(&opened.path, error).await?;
                let storage = self.storage.clone();
                blocking(move || survey(plan, &storage)).await?
            }
            Ok(surveyed) => surveyed,
        };

        let total = source.length();
        let keeping = |done| progress(Progress { phase: Phase::Keeping, done, total });
        let kept = self.storage.put_blob_from(scope, owner, FromStart::of(source), &keeping).await?;
        if kept != sha256 || !opened.is_unchanged() {
            return Err(SlideError::Changed);
        }
        let source_name = options.source_name.clone().unwrap_or_else(|| file_name(path));
        let now = OffsetDateTime::now_utc();
        let context = Context::new(&plan.scan, options, &source_name, &sha256, now);
        let mut work = Import { slides: self, scope, owner, context: &context, progress, done: 0, total: 0 };
        work.total = levels.iter().map(|level| level.survey.bytes).sum();
        let instances = work.store_levels(&levels).await?;
        let associated = work.store_associated(&plan).await?;
        let grade = work.prove(&sha256, &levels, &instances).await?;

        let slide = Slide {
            id: SlideId::new(),
            owner: owner.clone(),
            study: context.study.clone(),
            series: context.series.clone(),
            patient_name: context.patient_name.clone(),
            patient_id: context.patient_id.clone(),
            accession_number: context.accession_number.clone(),
            study_date: context.date.clone(),
            description: context.description.clone(),
            source: source_name,
            format: plan.format.to_owned(),
            scanner: context.scanner.clone(),
            objective: plan.scan.objective,
            mpp_um: plan.scan.mpp_um,
            levels: describe(&levels, &context),
            focal_planes: Vec::new(),
            channels: Vec::new(),
            associated,
            omitted: plan.omitted,
            grade,
            original_sha256: Some(sha256),
            original_files: opened.files,
            original_bytes: total,
            imported_at_ms: time_text::unix_ms(now),
        };
        self.record(scope, slide, sha256).await
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
            other => other,
        }
    }

    /// Writes the record: from here on it is a slide.
    async fn record(
        &self,
        scope: &Scope,
        slide: Slide,
        original: Sha256,
    ) -> Result<ImportedSlide, SlideError> {
        let body = serde_json::to_value(&slide)
            .map_err(|_| SlideError::Storage(StorageError::Corrupt("a slide's record")))?;
        let mut keys = vec![("study", study_key(&slide.owner, &slide.study))];
        let apart = slide.associated.iter().find(|image| image.study != slide.study);
        keys.extend(apart.map(|image| ("label_study", study_key(&slide.owner, &image.study))));
        let change = Change {
            puts: vec![Put {
                kind: KIND,
                id: slide.id.to_string(),
                expected: Expected::Absent,
                body,
                keys,
                unique: vec![("source", source_key(&slide.owner, &original))],
                sort: slide.imported_at_ms,
                visible_to: vec![slide.owner.clone()],
            }],
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
        match self.storage.apply(scope, change).await {
            Ok(()) => Ok(ImportedSlide { slide, outcome: Outcome::Imported }),
            // The same file was being imported twice at once: the first one made the slide.
            Err(StorageError::Conflict(why)) => match self.by_source(&slide.owner, &original).await? {
                Some(slide) => Ok(ImportedSlide { slide, outcome: Outcome::AlreadyThere }),
                None => Err(SlideError::Conflict(why)),
            },
            Err(error) => Err(error.into()),
        }
    }
}

/// One import at work.
struct Import<'a> {
    slides: &'a Slides,
    scope: &'a Scope,
    owner: &'a OrgId,
    context: &'a Context,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
    done: u64,
    total: u64,
}

impl Import<'_> {
    /// Stores the levels, the smallest first, and returns their instances, the largest first.
    async fn store_levels(&mut self, levels: &[SurveyedLevel]) -> Result<Vec<InstanceRef>, SlideError> {
        let base = levels.first().ok_or(SlideError::Damaged("it has no level"))?;
        let mut instances = Vec::with_capacity(levels.len());
        for (number, level) in levels.iter().enumerate().rev() {
            let (all, own) = (base.source.geometry(), level.source.geometry());
            let header = dicom::level(self.context, number, all, own, &level.survey);
            let syntax = syntax(level.survey.transfer_syntax)?;
            let instance = self.context.level_instance(number);
            let source = level.source.clone();
            let bytes = dataset::write::to_bytes(&header, &syntax);
            let (send, mut receive) = tokio::sync::mpsc::channel::<Vec<u8>>(PIECES_WAITING);
            let reader = tokio::task::spawn_blocking(move || {
                dicom::stream(source.as_ref(), bytes, &mut |piece| send.blocking_send(piece).is_ok())
            });
            let mut sink = self.slides.storage.sink(self.scope, self.arrival(&instance)?, syntax).await?;
            while let Some(piece) = receive.recv().await {
                sink.write(&piece).await?;
                self.done = self.done.saturating_add(piece.len() as u64).min(self.total);
                (self.progress)(Progress { phase: Phase::Storing, done: self.done, total: self.total });
            }
            reader.await.map_err(|_| SlideError::Damaged("reading it failed"))??;
            let stored = sink.commit().await?;
            kept(stored.outcome)?;
            let (study, series) = (&self.context.study, &self.context.series);
            let scope = self.own_scope();
            instances.push(self.slides.storage.instance(&scope, study, series, &instance).await?);
        }
        instances.reverse();
        Ok(instances)
    }

    async fn store_associated(&mut self, plan: &Plan) -> Result<Vec<Associated>, SlideError> {
        let mut stored = Vec::new();
        for (kind, image) in &plan.associated {
            let place = self.context.associated(*kind);
            let header = dicom::associated(self.context, *kind, image);
            let syntax = TransferSyntax::explicit_little();
            let bytes = dataset::write::to_bytes(&header, &syntax);
            let mut sink =
                self.slides.storage.sink(self.scope, self.arrival(&place.instance)?, syntax).await?;
            sink.write(&bytes).await?;
            kept(sink.commit().await?.outcome)?;
            stored.push(Associated {
                kind: *kind,
                study: place.study,
                series: place.series,
                instance: place.instance,
                width: image.width,
                height: image.height,
            });
        }
        stored.sort_by_key(|image: &Associated| image.kind);
        Ok(stored)
    }

    /// Reads every tile back and compares it with that of the original that is kept.
    async fn prove(
        &self,
        original: &Sha256,
        levels: &[SurveyedLevel],
        instances: &[InstanceRef],
    ) -> Result<GradeReport, SlideError> {
        let grade = levels.iter().map(|level| level.survey.grade).max().unwrap_or(Grade::A);
        let storage = &self.slides.storage;
        let counts = if grade == Grade::C {
            let sources: Vec<_> = levels.iter().map(|level| level.source.clone()).collect();
            grade::compare_sample(storage, &sources, instances, self.progress).await?
        } else {
            let originals = self.slides.original_levels(self.owner, original).await?;
            grade::compare(storage, &originals, instances, self.progress).await?
        };
        if counts.checked != counts.equal {
            return Err(SlideError::Storage(StorageError::Corrupt(
                "a tile came back other than it was stored",
            )));
        }
        Ok(GradeReport {
            grade,
            tiles_checked: counts.checked,
            tiles_equal: counts.equal,
            filled: counts.filled,
            method: grade.method().to_owned(),
            codec: levels.first().map_or("", |level| level.survey.codec).to_owned(),
            generations: u32::from(grade == Grade::C),
            likeness: counts.likeness,
        })
    }

    /// The owner's own sight, whoever imports: what another organisation holds under the same UIDs does not count.
    fn own_scope(&self) -> Scope {
        Scope::organisation(self.scope.actor.clone(), self.owner.clone()).owned_by(self.owner.clone())
    }

    fn arrival(&self, instance: &Uid) -> Result<Arrival, SlideError> {
        let sop_class = Uid::parse(dicom::SOP_CLASS)
            .map_err(|_| SlideError::Storage(StorageError::Corrupt("a constant UID")))?;
        let declared = Some((sop_class, instance.clone()));
        Ok(Arrival { owner: self.owner.clone(), via: Via::Derived, declared })
    }
}

fn kept(outcome: storage::Outcome) -> Result<(), SlideError> {
    match outcome {
        storage::Outcome::Stored | storage::Outcome::AlreadyThere => Ok(()),
        storage::Outcome::KeptApart => {
            Err(SlideError::Conflict("an instance with the same UID and other content is there"))
        }
    }
}

fn syntax(uid: &str) -> Result<TransferSyntax, SlideError> {
    TransferSyntax::parse(uid).map_err(|_| SlideError::Unsupported("the transfer syntax"))
}

fn survey(plan: Plan, storage: &Storage) -> Result<(Plan, Vec<SurveyedLevel>), SlideError> {
    let survey_one = |source: &Arc<dyn TileSource>| {
        let survey = source.survey()?;
        if source.frame_lengths(0..1)?.is_some() {
            return Ok(SurveyedLevel { source: source.clone(), survey });
        }
        let spooled = Spooled::of(source.clone(), survey, storage.scratch_file()?)?;
        Ok(SurveyedLevel { survey: spooled.survey()?, source: Arc::new(spooled) })
    };
    let levels = plan.levels.iter().map(survey_one).collect::<Result<Vec<_>, SlideError>>()?;
    Ok((plan, levels))
}

/// SHA-256 of the whole file.
async fn hash(
    source: &Arc<dyn ReadAt>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Sha256, SlideError> {
    let total = source.length();
    let mut hasher = Hasher::new();
    let mut done = 0;
    while done < total {
        let source = source.clone();
        let end = total.min(done + HASH_STEP_BYTES);
        hasher = blocking(move || {
            let mut buffer = vec![0; 1 << 20];
            let mut at = done;
            while at < end {
                let count = (end - at).min(1 << 20);
                let part = &mut buffer[..count as usize];
                source.read_at(at, part)?;
                hasher.update(part);
                at += count;
            }
            Ok(hasher)
        })
        .await?;
        done = end;
        progress(Progress { phase: Phase::Reading, done, total });
    }
    Ok(Sha256(hasher.finalize().into()))
}

fn describe(levels: &[SurveyedLevel], context: &Context) -> Vec<Level> {
    let base = levels.first().map_or(1, |level| level.source.geometry().width);
    let describe_one = |(number, level): (usize, &SurveyedLevel)| {
        let geometry = level.source.geometry();
        Level {
            level: u32::try_from(number).unwrap_or(u32::MAX),
            width: geometry.width,
            height: geometry.height,
            downsample: f64::from(base) / f64::from(geometry.width),
            tiles_x: geometry.tiles_x(),
            tiles_y: geometry.tiles_y(),
            tile_width: geometry.tile_width.into(),
            tile_height: geometry.tile_height.into(),
            instance: context.level_instance(number),
            arrangement: None,
        }
    };
    levels.iter().enumerate().map(describe_one).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Where an associated image goes.
pub(crate) struct Place {
    pub study: Uid,
    pub series: Uid,
    pub instance: Uid,
}

impl Context {
    /// A thumbnail belongs to the pyramid; label and overview show the patient and go to a study of their own.
    pub(crate) fn associated(&self, kind: AssociatedKind) -> Place {
        let instance = self.uid(&format!("associated/{}", kind.as_str()));
        match kind {
            AssociatedKind::Thumbnail => {
                Place { study: self.study.clone(), series: self.series.clone(), instance }
            }
            AssociatedKind::Label | AssociatedKind::Overview => Place {
                study: self.identity_study.clone(),
                series: self.uid(&format!("series/{}", kind.as_str())),
                instance,
            },
        }
    }
}
