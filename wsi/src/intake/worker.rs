//! Brings in what has arrived, a few files at once, and sweeps away what nobody goes on with.

use super::bring::{Brought, Refusal, Why};
use super::record::{KIND, State, Upload};
use super::upload::now_ms;
use super::{Intake, IntakeError};
use crate::{ImportOptions, Outcome, Phase, Progress, SlideError};
use model::Scope;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use storage::{Change, Claim, Drafting, Expected, Job, JobOutcome, RecordQuery, StorageError, Via};
use uuid::Uuid;

/// Kind of the jobs.
pub(super) const JOB: &str = "intake";
/// Files that are brought in at once: disks are better at one thing after the other.
const AT_ONCE: usize = 2;
/// How long a worker that is silent keeps its job: a node that was killed goes on after so long.
const LEASE: Duration = Duration::from_secs(15);
/// How often a worker says that it is alive, and how far it is.
const BEAT: Duration = Duration::from_secs(2);
/// How often it is looked whether there is something to do that nobody has told of.
const TICK: Duration = Duration::from_secs(3);
/// How often what nobody goes on with is looked for.
const SWEEP: Duration = Duration::from_secs(600);
/// The pause before another attempt at what may pass.
const PAUSE: Duration = Duration::from_secs(30);
/// How long what became of an upload is listed.
const LISTED_MS: i64 = 30 * 24 * 3600 * 1000;
/// How old a file without a record has to be: its record may just be on its way.
const ORPHAN_MS: i64 = 3600 * 1000;

/// How far an import is: the percent of the whole, and whether the file has been read.
#[derive(Default)]
struct Gauge {
    percent: AtomicU8,
    is_read: AtomicU8,
}

impl Gauge {
    fn note(&self, progress: Progress) {
        let percent = (progress.fraction() * 100.0).clamp(0.0, 99.0);
        self.percent.store(percent as u8, Ordering::Relaxed);
        self.is_read.store(u8::from(progress.phase != Phase::Reading), Ordering::Relaxed);
    }

    fn state(&self) -> State {
        if self.is_read.load(Ordering::Relaxed) == 0 { State::Checking } else { State::Importing }
    }
}

impl Intake {
    /// Brings in what has arrived, until `shutdown` is done.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(self.clone().work_on())).collect();
        let sweeper = tokio::spawn(self.clone().sweep_on());
        shutdown.await;
        for task in workers.iter().chain([&sweeper]) {
            // What is under way is begun again by the next process, and finds nothing half done.
            task.abort();
        }
    }

    async fn work_on(self) {
        let mut tried = HashMap::new();
        loop {
            match self.work_once(&mut tried).await {
                Ok(true) => {}
                Ok(false) => {
                    let _ = tokio::time::timeout(TICK, self.work.notified()).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "files that arrived are looked at again later");
                    tokio::time::sleep(TICK).await;
                }
            }
        }
    }

    /// Does one job; answers whether there was one.
    pub(super) async fn work_once(&self, tried: &mut HashMap<String, bool>) -> Result<bool, SlideError> {
        let Some(claim) = self.storage.claim_jobs(JOB, 1, LEASE).await? else { return Ok(false) };
        let Some(job) = claim.jobs.first() else { return Ok(false) };
        let outcome = self.do_job(&claim, job, tried).await;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(%error, "a file that arrived is brought in later");
                JobOutcome::Again(PAUSE, "storage".to_owned())
            }
        };
        match self.storage.finish_jobs(&claim, vec![(job.id, outcome)]).await {
            // Somebody else has it: it took too long to say that it is alive.
            Ok(()) | Err(StorageError::Conflict(_)) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    async fn do_job(
        &self,
        claim: &Claim,
        job: &Job,
        tried: &mut HashMap<String, bool>,
    ) -> Result<JobOutcome, SlideError> {
        let id = job.body["upload"].as_str().and_then(|text| Uuid::parse_str(text).ok());
        let Some(id) = id else { return Ok(JobOutcome::SetAside("no upload".to_owned())) };
        let upload = match self.read(id).await {
            Ok((upload, _)) => upload,
            Err(SlideError::NotFound) => return Ok(JobOutcome::Done),
            Err(error) => return Err(error),
        };
        if upload.state.is_over() {
            if upload.state.is_done_with_file() {
                self.storage.remove_arriving(id).await?;
            }
            return Ok(JobOutcome::Done);
        }
        let attempt = format!("upload/{id}");
        let state = if self.slides.may_try(tried, attempt.clone()).await? {
            match self.bring_in(claim, &upload).await {
                State::Waiting { refusal } if job.attempts.saturating_add(1) >= refusal.attempts_max() => {
                    State::Refused { refusal }
                }
                state => state,
            }
        } else {
            State::Refused { refusal: Refusal::new(Why::GaveUp) }
        };
        self.say(id, &state, 100).await?;
        if state.is_done_with_file() {
            self.storage.remove_arriving(id).await?;
        }
        tried.remove(&attempt);
        self.slides.end_try(attempt).await?;
        Ok(match state {
            State::Waiting { refusal } => JobOutcome::Again(PAUSE, format!("{:?}", refusal.why)),
            _ => JobOutcome::Done,
        })
    }

    /// Brings a file in, saying every now and then how far it is.
    async fn bring_in(&self, claim: &Claim, upload: &Upload) -> State {
        let gauge = Arc::new(Gauge::default());
        let options = ImportOptions {
            of: upload.of.clone(),
            // Whoever has filled in a form was asked.
            is_unknown: upload.is_unknown
                || (upload.of != crate::Particulars::default() && !upload.of.names_somebody()),
            description: upload.description.clone(),
            source_name: Some(upload.name.clone()),
            name_pattern: self.settings.name_pattern.clone(),
            barcode_pattern: self.settings.barcode_pattern.clone(),
            expected_sha256: upload.sha256,
            expected_file: None,
            drafting: Drafting::Link,
        };
        let scope = Scope::organisation(upload.by.clone(), upload.owner.clone());
        let path = self.storage.arriving_path(upload.id);
        let told = gauge.clone();
        let progress = move |progress| told.note(progress);
        let mut bringing = std::pin::pin!(self.slides.bring(
            &scope,
            &upload.owner,
            (&path, Via::Upload),
            &options,
            &progress
        ));
        let mut beat = tokio::time::interval(BEAT);
        loop {
            tokio::select! {
                brought = &mut bringing => return outcome(brought),
                _ = beat.tick() => {
                    let percent = gauge.percent.load(Ordering::Relaxed);
                    let is_alive = self.storage.extend_claim(claim, LEASE).await;
                    let said = self.say(upload.id, &gauge.state(), percent).await;
                    if let (Err(error), _) | (_, Err(SlideError::Storage(error))) = (is_alive, said) {
                        tracing::warn!(%error, "how far an import is could not be said");
                    }
                }
            }
        }
    }

    async fn read(&self, id: Uuid) -> Result<(Upload, Expected), SlideError> {
        let record = self.storage.record(&Scope::node("intake"), KIND, &id.to_string()).await?;
        Ok((Upload::parse(record.body)?, Expected::Version(record.version)))
    }

    /// Writes down how far an upload is.
    async fn say(&self, id: Uuid, state: &State, percent: u8) -> Result<(), SlideError> {
        let (mut upload, expected) = self.read(id).await?;
        if upload.state == *state && upload.percent == percent {
            return Ok(());
        }
        (upload.state, upload.percent) = (state.clone(), percent);
        let mut change = Change { puts: vec![upload.put(expected)?], ..Change::default() };
        if let State::Refused { refusal } = state {
            let mut entry =
                super::upload::entry(storage::AuditAction::Store, &upload, &format!("{:?}", refusal.why));
            entry.outcome = storage::AuditOutcome::Refused;
            change.audit.push(entry);
        }
        Ok(self.storage.apply(&Scope::node("intake"), change).await?)
    }

    async fn sweep_on(self) {
        let mut tick = tokio::time::interval(SWEEP);
        loop {
            tick.tick().await;
            if let Err(error) = self.sweep(now_ms()).await {
                tracing::warn!(%error, "uploads that nobody goes on with are looked for again later");
            }
        }
    }

    /// Removes uploads that have been idle for too long, old ones that are over, and files without a record.
    pub(super) async fn sweep(&self, now: i64) -> Result<(), IntakeError> {
        let node = Scope::node("intake");
        let mut query = RecordQuery::new(KIND);
        loop {
            let page = self.storage.records(&node, &query).await?;
            let count = u32::try_from(page.len()).unwrap_or(u32::MAX);
            let mut removed = 0;
            for id in page.iter().filter_map(|record| Uuid::parse_str(&record.id).ok()) {
                removed += u32::from(self.sweep_one(&node, id, now).await?);
            }
            if count < query.limit {
                break;
            }
            query.offset = query.offset.saturating_add(count.saturating_sub(removed));
        }
        for id in self.storage.arriving_files().await? {
            self.sweep_orphan(&node, id, now).await?;
        }
        Ok(())
    }

    /// Removes an upload when, as it is now, nobody goes on with it; answers whether it did.
    async fn sweep_one(&self, node: &Scope, id: Uuid, now: i64) -> Result<bool, IntakeError> {
        let record = match self.storage.record(node, KIND, &id.to_string()).await {
            Err(StorageError::NotFound) => return Ok(false),
            record => record?,
        };
        let Ok(upload) = Upload::parse(record.body) else { return Ok(false) };
        let idle_max = i64::try_from(self.storage.limits().upload_idle_ms_max).unwrap_or(i64::MAX);
        let changed = self.storage.arriving_changed_ms(id).await.unwrap_or(upload.created_at_ms);
        let is_idle = upload.state == State::Receiving && now - changed > idle_max;
        let is_old = upload.state.is_over() && now - record.changed_at_ms > LISTED_MS;
        if !is_idle && !is_old {
            return Ok(false);
        }
        let why = if is_idle { "idle for too long" } else { "listed long enough" };
        match self.remove(node, &upload, Expected::Version(record.version), why).await {
            // Somebody goes on with it, or has removed it.
            Err(IntakeError::Conflict(_) | IntakeError::NotFound) => Ok(false),
            removed => removed.map(|()| true),
        }
    }

    /// Removes a file that no record speaks of, unless it is so new that its record may be on its way.
    async fn sweep_orphan(&self, node: &Scope, id: Uuid, now: i64) -> Result<(), IntakeError> {
        match self.storage.record(node, KIND, &id.to_string()).await {
            Ok(_) => Ok(()),
            Err(StorageError::NotFound) => {
                let changed = self.storage.arriving_changed_ms(id).await.unwrap_or(now);
                if now - changed > ORPHAN_MS {
                    self.storage.remove_arriving(id).await?;
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn outcome(brought: Result<Brought, SlideError>) -> State {
    match brought {
        Ok(Brought::Slide(imported)) => State::Ready {
            slide: Some(imported.slide.id),
            study: imported.slide.study,
            outcome: match imported.outcome {
                Outcome::Imported => "imported",
                Outcome::AlreadyThere => "already_there",
                Outcome::Contradicted => "contradicted",
            }
            .to_owned(),
        },
        Ok(Brought::Instance(stored)) => State::Ready {
            slide: None,
            study: stored.study,
            outcome: match stored.outcome {
                storage::Outcome::Stored => "stored",
                storage::Outcome::AlreadyThere => "already_there",
                storage::Outcome::KeptApart => "kept_apart",
            }
            .to_owned(),
        },
        Err(error) => {
            let refusal = Refusal::from(&error);
            if refusal.may_pass() { State::Waiting { refusal } } else { State::Refused { refusal } }
        }
    }
}
