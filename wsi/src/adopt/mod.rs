//! Slides that came as DICOM instances, by C-STORE, STOW-RS or import: whatever is stored of VL Whole Slide Microscopy is
//! made a slide that people can look at, without touching the instances.
//!
//! Instances of one series and one pyramid are a slide. A level is one instance, or the parts of a concatenation
//! (PS3.3 §C.7.6.16.2.2.4), or several of these, one for each focal plane or optical path (`levels.rs`); its frames are row
//! by row (TILED_FULL) or where they say (TILED_SPARSE, `stack.rs`). A level that has not arrived as a whole is not shown
//! yet: each arrival has its series looked at again.

mod channels;
mod levels;
pub(crate) mod stack;

use crate::dicom_facts::{About, Facts, Told};
use crate::readers::OpticalPath;
use crate::slides::{KIND, study_key};
use crate::{Associated, AssociatedKind, Grade, GradeReport, Slide, SlideError, Slides, dicom};
use flate2::read::MultiGzDecoder;
use model::{Actor, OrgId, Scope, SlideId, Uid, time_text};
use sha2::{Digest as _, Sha256 as Hasher};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::io::Read as _;
use std::time::{Duration, Instant};
use storage::read::MetadataForm;
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, CursorMove, Expected, InstanceRef, MetadataBody,
    OutboxEvent, Put, RecordQuery, StorageError,
};
use time::OffsetDateTime;

/// Name of the cursor in the outbox.
const CURSOR: &str = "slides";
/// Events of one step.
const EVENTS: u32 = 500;
/// How often the outbox is looked at.
const TICK: Duration = Duration::from_millis(500);
/// How long a study is left whose objects cannot be read.
const AGAIN: Duration = Duration::from_secs(30);
/// Studies that are put off; with more of them the storage as a whole is away, and the cursor waits for it.
const PUT_OFF_MAX: usize = 1000;
/// Bytes of metadata, as text, of one series' instances together. It streams by: this bounds time, and what is kept of it.
const TEXT_BYTES_MAX: u64 = 256 << 20;

type Study = (OrgId, Uid);

/// What a process that follows arrivals knows.
#[derive(Default)]
pub(crate) struct Work {
    /// Whether it has looked for what a process before it has left.
    has_begun: bool,
    /// Studies that it has come to since the cursor moved, and those that are put off; whether it may look at them.
    tried: HashMap<String, bool>,
    /// Studies whose objects could not be read, and when they are looked at again.
    put_off: HashMap<Study, Instant>,
}

impl Work {
    /// Takes the studies that are done with.
    fn take_ended(&mut self) -> Vec<String> {
        let put_off: HashSet<String> =
            self.put_off.keys().map(|(owner, study)| study_key(owner, study)).collect();
        self.tried.extract_if(|id, _| !put_off.contains(id)).map(|(id, _)| id).collect()
    }
}

/// The studies that slides have arrived for.
fn arrived(events: &[OutboxEvent]) -> HashSet<Study> {
    let mut studies = HashSet::new();
    for event in events.iter().filter(|event| event.topic == "instance.stored") {
        let text = |key: &str| event.body.get(key).and_then(|value| value.as_str()).unwrap_or_default();
        // What this crate makes itself has its record already, or will have it.
        if text("sop_class") == dicom::SOP_CLASS && text("via") != "derived" {
            let owner = OrgId::parse(text("owner"));
            studies.extend(owner.ok().zip(Uid::parse(text("study")).ok()));
        }
    }
    studies
}

impl Slides {
    /// Makes slides of what arrives, until `shutdown` is done.
    pub async fn follow(self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut work = Work::default();
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                _ = tick.tick() => {
                    if let Err(error) = self.adopt_arrivals(&mut work).await {
                        tracing::warn!(%error, "slides that arrived are looked at again later");
                    }
                }
            }
        }
    }

    /// Moves to the end of the outbox.
    pub(crate) async fn adopt_arrivals(&self, work: &mut Work) -> Result<(), SlideError> {
        if !work.has_begun {
            work.put_off =
                self.begun_before().await?.into_iter().map(|study| (study, Instant::now())).collect();
            work.has_begun = true;
        }
        self.adopt_put_off(work).await?;
        loop {
            let from = self.storage.outbox_cursor(CURSOR).await?;
            let events = self.storage.outbox_events(from, EVENTS).await?;
            let Some(last) = events.last() else { return Ok(()) };
            for study in arrived(&events) {
                self.adopt_or_put_off(work, study).await?;
            }
            let cursor = Some(CursorMove { name: CURSOR, from, to: last.seq });
            let moved =
                self.storage.apply(&Scope::node("slides"), Change { cursor, ..Change::default() }).await;
            if matches!(moved, Ok(()) | Err(StorageError::Conflict(_))) {
                for id in work.take_ended() {
                    self.end_try(id).await?;
                }
            }
            match moved {
                Ok(()) if events.len() < EVENTS as usize => return Ok(()),
                Ok(()) => {}
                // Another node was first.
                Err(StorageError::Conflict(_)) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Makes slides of a study, or leaves it for later when its objects cannot be read now: others must not wait for it.
    async fn adopt_or_put_off(&self, work: &mut Work, study: Study) -> Result<(), SlideError> {
        if !self.may_try(&mut work.tried, study_key(&study.0, &study.1)).await? {
            tracing::warn!(study = %study.1, "instances of a study make no slide: looking at them has ended the node before");
            work.put_off.remove(&study);
            return Ok(());
        }
        match self.adopt(&study.0, &study.1).await {
            Ok(_) => drop(work.put_off.remove(&study)),
            Err(
                error @ SlideError::Storage(StorageError::Unavailable(_) | StorageError::OutOfResources(_)),
            ) => {
                if work.put_off.len() >= PUT_OFF_MAX && !work.put_off.contains_key(&study) {
                    return Err(error);
                }
                tracing::warn!(%error, "instances of a study are looked at again later");
                work.put_off.insert(study, Instant::now() + AGAIN);
            }
            Err(error) => {
                tracing::warn!(%error, "instances of a study make no slide");
                work.put_off.remove(&study);
            }
        }
        Ok(())
    }

    /// Looks again at what was put off long enough ago.
    async fn adopt_put_off(&self, work: &mut Work) -> Result<(), SlideError> {
        let now = Instant::now();
        let due: Vec<Study> =
            work.put_off.iter().filter(|(_, at)| **at <= now).map(|(study, _)| study.clone()).collect();
        for study in due {
            let id = study_key(&study.0, &study.1);
            self.adopt_or_put_off(work, study.clone()).await?;
            // What was given up stays counted until the cursor moves, or it would be begun with anew.
            if !work.put_off.contains_key(&study) && work.tried.get(&id) == Some(&true) {
                work.tried.remove(&id);
                self.end_try(id).await?;
            }
        }
        Ok(())
    }

    /// Makes slides of the whole slide images of a study, or brings those that were made up to date; returns them.
    ///
    /// # Errors
    /// [`SlideError::Storage`].
    pub async fn adopt(&self, owner: &OrgId, study: &Uid) -> Result<Vec<Slide>, SlideError> {
        let scope = Scope::organisation(Actor::node("slides"), owner.clone()).owned_by(owner.clone());
        let mut instances = match self.storage.instances(&scope, study, None, None).await {
            Err(StorageError::NotFound) => return Ok(Vec::new()),
            other => other?,
        };
        instances.retain(|instance| instance.sop_class().as_str() == dicom::SOP_CLASS);
        let mut query = RecordQuery::new(KIND);
        let recorded = self.and_acquired_in(&[(owner.clone(), study.clone())]).await?;
        query.keys.push(("study", recorded.iter().map(|(owner, study)| study_key(owner, study)).collect()));
        let records = self.storage.records(&Scope::node("slides"), &query).await?;
        let imported: HashSet<_> = records
            .iter()
            .filter_map(|record| serde_json::from_value::<Slide>(record.body.clone()).ok())
            .filter(|slide| slide.original_sha256.is_some())
            .map(|slide| slide.series)
            .collect();
        let mut series: BTreeMap<Uid, Vec<InstanceRef>> = BTreeMap::new();
        for instance in instances.into_iter().filter(|instance| !imported.contains(instance.series())) {
            series.entry(instance.series().clone()).or_default().push(instance);
        }
        let mut slides = Vec::new();
        for (uid, instances) in &series {
            for mut slide in self.slides_of_series(&scope, owner, study, uid, instances).await? {
                let known = records.iter().find(|record| record.id == slide.id.as_str());
                let before =
                    known.and_then(|record| serde_json::from_value::<Slide>(record.body.clone()).ok());
                self.find_windows(&mut slide, before.as_ref(), instances).await?;
                if let Some(before) = before {
                    slide.imported_at_ms = before.imported_at_ms;
                    // A record stays under the study that it was made in; where its series is now is looked up.
                    if slide == before || before.study != slide.study {
                        slides.push(slide);
                        continue;
                    }
                }
                let expected = known.map_or(Expected::Absent, |record| Expected::Version(record.version));
                match self.storage.apply(&Scope::node("slides"), adoption(&slide, expected)?).await {
                    // Another node, or a command, did the same at once.
                    Ok(()) | Err(StorageError::Conflict(_)) => slides.push(slide),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(slides)
    }

    /// Fills in the planes and channels of a slide that was just imported, as its instances say them; `paths` also say which
    /// colours the file would show them in.
    pub(crate) async fn find_layers(
        &self,
        slide: &mut Slide,
        instances: &[InstanceRef],
        paths: &[OpticalPath],
    ) -> Result<(), SlideError> {
        const OTHER: SlideError = SlideError::Storage(StorageError::Corrupt("a level that was just stored"));
        let scope =
            Scope::organisation(Actor::node("slides"), slide.owner.clone()).owned_by(slide.owner.clone());
        let (_, facts) = self.facts_of_series(&scope, &slide.study, &slide.series, instances).await?;
        let found = self.levels(&scope, &slide.owner, instances, facts, &mut Vec::new()).await?;
        let is_same = found
            .levels
            .iter()
            .map(|level| &level.instance)
            .eq(slide.levels.iter().map(|level| &level.instance));
        if !is_same {
            return Err(OTHER);
        }
        slide.channels = channels::of(&found.levels, found.paths, instances);
        for (channel, path) in slide.channels.iter_mut().zip(paths) {
            channel.colour = channel.colour.and(path.colour.or(channel.colour));
        }
        (slide.levels, slide.focal_planes) = (found.levels, found.focal_planes);
        self.find_windows(slide, None, instances).await
    }

    async fn slides_of_series(
        &self,
        scope: &Scope,
        owner: &OrgId,
        study: &Uid,
        series: &Uid,
        instances: &[InstanceRef],
    ) -> Result<Vec<Slide>, SlideError> {
        let (about, read) = self.facts_of_series(scope, study, series, instances).await?;
        let mut pyramids: BTreeMap<String, Vec<Facts>> = BTreeMap::new();
        let (mut small, mut others) = (Vec::new(), Vec::new());
        for facts in read {
            match facts.flavor.to_ascii_uppercase().as_str() {
                "LABEL" => small.push((AssociatedKind::Label, facts)),
                // Whatever it calls itself, it shows the label.
                _ if facts.shows_label => small.push((AssociatedKind::Overview, facts)),
                "OVERVIEW" => small.push((AssociatedKind::Overview, facts)),
                "THUMBNAIL" => small.push((AssociatedKind::Thumbnail, facts)),
                "VOLUME" => pyramids.entry(facts.pyramid.clone()).or_default().push(facts),
                flavor => others.push(format!("{}×{}: {flavor}", facts.total.0, facts.total.1)),
            }
        }
        let mut slides = Vec::new();
        for (pyramid, facts) in pyramids {
            let mut omitted = others.clone();
            let pyramid_levels = self.levels(scope, owner, instances, facts.clone(), &mut omitted).await?;
            let levels::Pyramid { levels, focal_planes, paths } = pyramid_levels;
            let Some(base) = levels.first() else { continue };
            let Some(base_facts) = facts.iter().find(|facts| facts.instance == base.instance) else {
                continue;
            };
            let base_ref = instances.iter().find(|instance| *instance.instance() == base.instance);
            let codec = match base_ref {
                Some(instance) => self.codec(instance).await?,
                None => continue,
            };
            let channels = channels::of(&levels, paths, instances);
            let associated = small.iter().map(|(kind, facts)| Associated {
                kind: *kind,
                study: study.clone(),
                series: series.clone(),
                instance: facts.instance.clone(),
                width: facts.total.0,
                height: facts.total.1,
            });
            let source = Some(base_facts.container.clone()).filter(|text| !text.is_empty());
            slides.push(Slide {
                id: identifier(owner, series, &pyramid)?,
                owner: owner.clone(),
                study: study.clone(),
                series: series.clone(),
                patient_name: about.patient_name.clone(),
                patient_id: about.patient_id.clone(),
                accession_number: about.accession_number.clone(),
                is_deidentified: false,
                study_date: about.study_date.clone(),
                description: about.description.clone(),
                source: source.unwrap_or_else(|| "DICOM".to_owned()),
                format: "DICOM".to_owned(),
                scanner: about.scanner.clone(),
                stain: base_facts.stain.clone(),
                objective: base_facts.objective,
                mpp_um: base_facts.mpp_um,
                levels,
                focal_planes,
                channels,
                associated: associated.collect(),
                omitted,
                grade: GradeReport {
                    grade: Grade::A,
                    tiles_checked: 0,
                    tiles_equal: 0,
                    filled: 0,
                    method: "came as DICOM instances, which are kept as they came under their SHA-256; there is no \
                             file of a scanner to compare with"
                        .to_owned(),
                    codec,
                    generations: base_facts.lossy_encodings,
                    likeness: None,
                    reason: None,
                },
                original_sha256: None,
                original_files: None,
                original_bytes: instances.iter().map(InstanceRef::file_length).sum(),
                imported_at_ms: time_text::unix_ms(OffsetDateTime::now_utc()),
            });
        }
        Ok(slides)
    }

    /// What a series' instances say, one after another; what the first says of study and scanner.
    async fn facts_of_series(
        &self,
        scope: &Scope,
        study: &Uid,
        series: &Uid,
        instances: &[InstanceRef],
    ) -> Result<(About, Vec<Facts>), SlideError> {
        const CORRUPT: SlideError = SlideError::Storage(StorageError::Corrupt("an instance's metadata"));
        let (mut about, mut all, mut left) = (None, Vec::new(), TEXT_BYTES_MAX);
        for instance in instances {
            let uid = instance.instance();
            let body = self.storage.metadata(scope, study, Some(series), Some(uid), MetadataForm::Gzip);
            let (MetadataBody::Gzip(bytes) | MetadataBody::Plain(bytes)) = match body.await {
                // Removed meanwhile.
                Err(StorageError::NotFound) => continue,
                other => other?,
            };
            let read = move || {
                let mut text = MultiGzDecoder::new(&bytes[..]).take(left);
                let told = Told::read(std::io::BufReader::with_capacity(64 << 10, &mut text));
                match (text.limit(), told) {
                    (0, _) => Err(SlideError::OverLimit("the metadata of its series")),
                    (left, Ok(mut told)) => Ok((left, told.about(), Facts::of(&mut told))),
                    (_, Err(_)) => Err(CORRUPT),
                }
            };
            let (rest, first, facts) = tokio::task::spawn_blocking(read).await.map_err(|_| CORRUPT)??;
            left = rest;
            about.get_or_insert(first);
            all.extend(facts.filter(|facts| facts.instance == *uid));
        }
        Ok((about.unwrap_or_default(), all))
    }

    /// The codec in words; of JPEG 2000 as the first frame's own header says it, whatever the transfer syntax calls it.
    async fn codec(&self, instance: &InstanceRef) -> Result<String, SlideError> {
        let syntax = instance.syntax().as_str();
        let said = match syntax {
            dataset::TransferSyntax::JPEG_BASELINE => "JPEG baseline",
            "1.2.840.10008.1.2.4.90" | "1.2.840.10008.1.2.4.91" => "JPEG 2000",
            "1.2.840.10008.1.2.4.201" | "1.2.840.10008.1.2.4.202" | "1.2.840.10008.1.2.4.203" => "HTJ2K",
            "1.2.840.10008.1.2.4.80" | "1.2.840.10008.1.2.4.81" => "JPEG-LS",
            "1.2.840.10008.1.2.4.110" => "JPEG XL (lossless)",
            "1.2.840.10008.1.2.4.111" => "JPEG XL (recompressed JPEG)",
            "1.2.840.10008.1.2.4.112" => "JPEG XL",
            "1.2.840.10008.1.2" | "1.2.840.10008.1.2.1" | "1.2.840.10008.1.2.2" => "uncompressed",
            other => other,
        };
        if instance.frame_count() == 0 || !matches!(said, "JPEG 2000" | "HTJ2K") {
            return Ok(said.to_owned());
        }
        let frame = self.storage.frame(instance, 0).await?;
        let Some(head) = crate::jpeg2000::head(&frame) else {
            return Ok(format!("{said} by its label, which its first frame is not"));
        };
        let is = if head.is_high_throughput { "HTJ2K" } else { "JPEG 2000" };
        let how = if head.is_reversible { "reversible" } else { "irreversible" };
        Ok(if is == said { format!("{is} ({how})") } else { format!("{is} ({how}), labelled {said}") })
    }
}

/// Always the same for the same pyramid of the same owner.
fn identifier(owner: &OrgId, series: &Uid, pyramid: &str) -> Result<SlideId, SlideError> {
    let mut hasher = Hasher::new();
    for part in [owner.as_str(), series.as_str(), pyramid] {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    let uuid = uuid::Builder::from_custom_bytes(bytes).into_uuid();
    SlideId::parse(&uuid.to_string())
        .map_err(|_| SlideError::Storage(StorageError::Corrupt("a slide's identifier")))
}

fn adoption(slide: &Slide, expected: Expected) -> Result<Change, SlideError> {
    let body = serde_json::to_value(slide)
        .map_err(|_| SlideError::Storage(StorageError::Corrupt("a slide's record")))?;
    let is_new = expected == Expected::Absent;
    let event = serde_json::json!({"id": slide.id, "owner": slide.owner, "study": slide.study});
    Ok(Change {
        puts: vec![Put {
            kind: KIND,
            id: slide.id.to_string(),
            expected,
            body,
            keys: vec![("study", study_key(&slide.owner, &slide.study))],
            unique: Vec::new(),
            sort: slide.imported_at_ms,
            visible_to: vec![slide.owner.clone()],
        }],
        audit: vec![AuditEntry {
            action: AuditAction::Change,
            object: format!("slide/{}", slide.id),
            outcome: AuditOutcome::Success,
            detail: format!("study/{}", slide.study),
        }],
        events: if is_new { vec![("slide.imported", event)] } else { Vec::new() },
        ..Change::default()
    })
}
