//! The steps of an import: looking at every tile, writing instances, committing them together, comparing.

use crate::dicom::{self, Context};
use crate::frame_hashes::{self, FrameHashes};
use crate::grade::{self, GradeReport};
use crate::import::{Phase, Progress};
use crate::readers::{Plan, Proof, Survey, TileSource};
use crate::spool::Spooled;
use crate::{Associated, AssociatedKind, Level, SlideError, Slides, barcode};
use dataset::TransferSyntax;
use model::{OrgId, Scope, Sha256, Uid};
use std::sync::Arc;
use storage::{Arrival, InstanceRef, Sink, Storage, StorageError, Via};
use tokio::task::JoinSet;

/// Pieces that wait between reading and writing; a piece is about a megabyte.
const PIECES_WAITING: usize = 4;

/// A level that has been surveyed.
pub(crate) struct SurveyedLevel {
    pub source: Arc<dyn TileSource>,
    pub survey: Survey,
}

/// One import at work.
pub(crate) struct Import<'a> {
    slides: &'a Slides,
    scope: &'a Scope,
    owner: &'a OrgId,
    context: &'a Context,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
    done: u64,
    total: u64,
}

impl<'a> Import<'a> {
    pub fn new(
        slides: &'a Slides,
        scope: &'a Scope,
        owner: &'a OrgId,
        context: &'a Context,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
        levels: &[SurveyedLevel],
    ) -> Self {
        let total = levels.iter().map(|level| level.survey.bytes).sum();
        Self { slides, scope, owner, context, progress, done: 0, total }
    }

    /// Writes the levels, the smallest first; nothing of them is there before [`Import::commit`].
    pub async fn write_levels(&mut self, levels: &[SurveyedLevel]) -> Result<Vec<Sink>, SlideError> {
        let base = levels.first().ok_or(SlideError::Damaged("it has no level"))?;
        let mut sinks = Vec::with_capacity(levels.len());
        for (number, level) in levels.iter().enumerate().rev() {
            let (all, source) = (base.source.geometry(), level.source.clone());
            let header = dicom::level(self.context, number, all, source.as_ref(), &level.survey);
            let syntax = syntax(level.survey.transfer_syntax)?;
            let instance = self.context.level_instance(number);
            let is_plain = level.survey.proof == Proof::Bytes;
            let bytes = dataset::write::to_bytes(&header, &syntax);
            let (send, mut receive) = tokio::sync::mpsc::channel::<Vec<u8>>(PIECES_WAITING);
            let reader = tokio::task::spawn_blocking(move || {
                let stream = if is_plain { dicom::stream_plain } else { dicom::stream };
                stream(source.as_ref(), bytes, &mut |piece| send.blocking_send(piece).is_ok())
            });
            let mut sink = self.slides.storage.sink(self.scope, self.arrival(&instance)?, syntax).await?;
            while let Some(piece) = receive.recv().await {
                sink.write(&piece).await?;
                self.done = self.done.saturating_add(piece.len() as u64).min(self.total);
                (self.progress)(Progress { phase: Phase::Storing, done: self.done, total: self.total });
            }
            reader.await.map_err(|_| SlideError::Damaged("reading it failed"))??;
            sinks.push(sink);
        }
        Ok(sinks)
    }

    /// Writes label, overview and thumbnail.
    pub async fn write_associated(
        &mut self,
        plan: &Plan,
        sinks: &mut Vec<Sink>,
    ) -> Result<Vec<Associated>, SlideError> {
        let mut stored = Vec::new();
        for (kind, image) in &plan.associated {
            let place = self.context.associated(*kind);
            let header = dicom::associated(self.context, *kind, image);
            let syntax = TransferSyntax::explicit_little();
            let bytes = dataset::write::to_bytes(&header, &syntax);
            let mut sink =
                self.slides.storage.sink(self.scope, self.arrival(&place.instance)?, syntax).await?;
            sink.write(&bytes).await?;
            sinks.push(sink);
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

    /// Commits what has been written, all of it waiting at once, so that it becomes one group.
    pub async fn commit(&self, sinks: Vec<Sink>) -> Result<(), SlideError> {
        let mut commits: JoinSet<_> = sinks.into_iter().map(Sink::commit).collect();
        while let Some(committed) = commits.join_next().await {
            let stored = committed.map_err(|_| SlideError::Damaged("committing it failed"))??;
            kept(stored.outcome)?;
        }
        Ok(())
    }

    /// The levels' instances, the largest first.
    pub async fn instances(&self, levels: usize) -> Result<Vec<InstanceRef>, SlideError> {
        let (study, series) = (&self.context.study, &self.context.series);
        let scope = self.own_scope();
        let mut instances = Vec::with_capacity(levels);
        for number in 0..levels {
            let instance = self.context.level_instance(number);
            instances.push(self.slides.storage.instance(&scope, study, series, &instance).await?);
        }
        Ok(instances)
    }

    /// Reads every tile back and compares it with that of the original that is kept, and keeps the hashes of all.
    pub async fn prove(
        &self,
        original: &Sha256,
        levels: &[SurveyedLevel],
        instances: &[InstanceRef],
        refused: Option<&str>,
    ) -> Result<(GradeReport, FrameHashes), SlideError> {
        // The one that promises least.
        let proofs = levels.iter().map(|level| level.survey.proof);
        let proof = proofs.max_by_key(|proof| proof.grade()).unwrap_or(Proof::Codestream);
        let storage = &self.slides.storage;
        let (counts, hashes) = if proof == Proof::Likeness {
            let sources: Vec<_> = levels.iter().map(|level| level.source.clone()).collect();
            let count = |instance: &InstanceRef| u64::from(instance.frame_count());
            let mut done = grade::sampled(&sources);
            let total = instances.iter().map(count).sum::<u64>() + done;
            let told = |done| (self.progress)(Progress { phase: Phase::Proving, done, total });
            let counts =
                grade::compare_sample(storage, &sources, instances, &|sample| told(sample.done)).await?;
            let mut hashes = Vec::with_capacity(instances.len());
            for instance in instances {
                let told = |frames: u64| told(done + frames);
                hashes.push(frame_hashes::hashes_of_instance(storage, instance, &told).await?);
                done += count(instance);
            }
            (counts, hashes)
        } else {
            let originals = self.slides.original_levels(self.owner, original).await?;
            grade::compare(storage, &originals, instances, self.progress).await?
        };
        if counts.checked != counts.equal {
            return Err(SlideError::Storage(StorageError::Corrupt(
                "a tile came back other than it was stored",
            )));
        }
        let mut kept = FrameHashes::default();
        for (instance, hashes) in instances.iter().zip(&hashes) {
            kept.keep(storage, self.owner, instance, hashes).await?;
        }
        let (generations, reason) = match proof {
            Proof::Likeness => (1, refused),
            Proof::Samples(reason) => (0, Some(reason)),
            Proof::Codestream | Proof::Bytes | Proof::Coefficients => (0, None),
        };
        let report = GradeReport {
            grade: proof.grade(),
            tiles_checked: counts.checked,
            tiles_equal: counts.equal,
            filled: counts.filled,
            method: grade::method(proof).to_owned(),
            codec: levels.first().map_or("", |level| level.survey.codec).to_owned(),
            generations,
            likeness: counts.likeness,
            reason: reason.map(str::to_owned),
        };
        Ok((report, kept))
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

/// Looks at every tile, and at the label; tells how many tiles are done, of how many.
pub(crate) fn survey(
    mut plan: Plan,
    storage: &Storage,
    told: &dyn Fn(u64, u64),
) -> Result<(Plan, Vec<SurveyedLevel>), SlideError> {
    let total = plan.levels.iter().map(|level| level.frame_count()).sum();
    let mut done = 0;
    let survey_one = |source: &Arc<dyn TileSource>| {
        let survey = source.survey()?;
        let surveyed = if source.frame_lengths(0..1)?.is_some() {
            SurveyedLevel { source: source.clone(), survey }
        } else {
            let made = |tiles: u64| told(done + tiles, total);
            let spooled = Spooled::of(source.clone(), survey, storage.scratch_file()?, &made)?;
            SurveyedLevel { survey: spooled.survey()?, source: Arc::new(spooled) }
        };
        done += source.frame_count();
        told(done, total);
        Ok(surveyed)
    };
    let levels = plan.levels.iter().map(survey_one).collect::<Result<Vec<_>, SlideError>>()?;
    plan.scan.barcodes = barcode::of_plan(&plan);
    Ok((plan, levels))
}

pub(crate) fn describe(levels: &[SurveyedLevel], context: &Context) -> Vec<Level> {
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
