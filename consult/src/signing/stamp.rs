//! Time stamps for what is signed. A signed report is kept first, as *pending time stamp*, with a job that sees to it;
//! then the authority is asked at once. Only with a time stamp on every signature is a final report delivered: in the
//! same change. So a crash at any point leaves a report that is whole, and that either waits or is delivered.

use super::stored::{KIND, StoredReport, damaged, decode, encode};
use crate::authorities::{self, NoAnswer, StampError};
use crate::cms::{self, Form};
use crate::keystore::blocking;
use crate::record::{Consult, TimelineEntry};
use crate::service::{consult_of, event, put};
use crate::{Action, ConsultError, ConsultService, State, pades};
use model::{OrgId, Scope};
use std::future::Future;
use std::time::Duration;
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Claim, Expected, JobOutcome, NewJob};
use time::OffsetDateTime;

/// The kind of jobs that fetch time stamps; a lane is a report.
pub const JOB: &str = "time_stamp";

/// How often jobs are looked for.
const TICK: Duration = Duration::from_secs(1);
/// How long one attempt may hold a job.
const LEASE: Duration = Duration::from_secs(120);
/// The pause after the first failure; doubled by each, up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_secs(600);

/// Why a report still waits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Waits {
    /// No good time stamp was to be had.
    #[error(transparent)]
    Stamp(#[from] StampError),
    /// The report could not be read or written.
    #[error(transparent)]
    Consult(#[from] ConsultError),
}

/// The job of a report that waits: first when the attempt that is made at once has had its time.
pub(super) fn job(owner: &OrgId, report: &str) -> NewJob {
    let body = serde_json::json!({ "report": report });
    NewJob { due_in: PAUSE, ..NewJob::new(JOB, report, owner.clone(), body) }
}

impl ConsultService {
    /// Fetches time stamps for reports that wait, until `shutdown` is done.
    pub async fn run_time_stamps(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                _ = tick.tick() => {
                    tokio::select! {
                        () = &mut shutdown => return,
                        () = self.work_on_time_stamps() => {}
                    }
                }
            }
        }
    }

    async fn work_on_time_stamps(&self) {
        loop {
            let claim = match self.storage.claim_jobs(JOB, 1, LEASE).await {
                Ok(Some(claim)) => claim,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "jobs are looked for again later");
                    return;
                }
            };
            if let Err(error) = self.work_on(&claim).await {
                tracing::warn!(%error, "a time stamp's job is done again later");
            }
        }
    }

    async fn work_on(&self, claim: &Claim) -> Result<(), storage::StorageError> {
        let mut outcomes = Vec::new();
        for job in &claim.jobs {
            let report = job.body.get("report").and_then(serde_json::Value::as_str).unwrap_or_default();
            let outcome = match self.stamp_report(report, OffsetDateTime::now_utc()).await {
                Ok(()) | Err(Waits::Consult(ConsultError::NotFound)) => JobOutcome::Done,
                Err(error) => {
                    tracing::warn!(%error, attempts = job.attempts, "a signed report waits for its time stamp");
                    let factor = 1 << job.attempts.min(10);
                    JobOutcome::Again((PAUSE * factor).min(PAUSE_MAX), error.to_string())
                }
            };
            outcomes.push((job.id, outcome));
        }
        self.storage.finish_jobs(claim, outcomes).await
    }

    /// Puts the missing time stamps of a signed report, and delivers it if that is what it waited for. Nothing happens
    /// when none is missing.
    ///
    /// # Errors
    /// [`Waits`].
    pub async fn stamp_report(&self, report: &str, now: OffsetDateTime) -> Result<(), Waits> {
        let scope = Scope::node("time-stamp");
        let record = self.storage.record(&scope, KIND, report).await.map_err(ConsultError::from)?;
        let mut stored = StoredReport::of(&record)?;
        if !stored.pending_time_stamp {
            return Ok(());
        }
        let canonical = stored.canonical()?;
        stored.reader = encode(&self.stamped(&decode(&stored.reader)?, &canonical, now).await?);
        if let Some(reviewer) = &stored.reviewer {
            stored.reviewer = Some(encode(&self.stamped(&decode(reviewer)?, &canonical, now).await?));
        }
        let pdf = self.stamped_page(self.read_pdf(&stored).await?, now).await?;
        stored.pdf_sha256 =
            self.storage.put_blob(&scope, &stored.pdf_owner, &pdf).await.map_err(ConsultError::from)?;
        stored.pending_time_stamp = false;
        self.let_go(&scope, record.version, report, &stored, now).await?;
        Ok(())
    }

    /// A detached signature with its time stamp.
    async fn stamped(
        &self,
        signature: &[u8],
        canonical: &[u8],
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, Waits> {
        let check = cms::check(signature, &[canonical], Form::Report).map_err(|_| damaged())?;
        if check.time_stamp.is_some() {
            return Ok(signature.to_vec());
        }
        let token = self.time_stamp(&check.signature, now).await?;
        Ok(cms::with_time_stamp(signature, &token).map_err(|_| damaged())?)
    }

    /// The page with a time stamp in its last signature. Those before it have theirs: nobody reviews without.
    async fn stamped_page(&self, mut pdf: Vec<u8>, now: OffsetDateTime) -> Result<Vec<u8>, Waits> {
        let (last, check, pdf_back) = blocking(move || {
            let signatures = pades::read(&pdf).ok().flatten().ok_or_else(damaged)?;
            let last = signatures.all.last().cloned().ok_or_else(damaged)?;
            let check = cms::check(&last.cms, &last.content(&pdf), Form::Page).map_err(|_| damaged())?;
            Ok::<_, ConsultError>((last, check, pdf))
        })
        .await??;
        pdf = pdf_back;
        if check.time_stamp.is_none() {
            let token = self.time_stamp(&check.signature, now).await?;
            let stamped = cms::with_time_stamp(&last.cms, &token).map_err(|_| damaged())?;
            pades::put_signature(&mut pdf, last.room, &stamped)
                .map_err(|error| {
                    tracing::error!(%error, "a time stamp does not fit into a report's page");
                    NoAnswer(error.to_string())
                })
                .map_err(StampError::from)?;
        }
        Ok(pdf)
    }

    async fn time_stamp(&self, signature: &[u8], now: OffsetDateTime) -> Result<Vec<u8>, StampError> {
        authorities::stamp(self.authorities.as_ref(), &self.config.time_stamps, signature, now).await
    }

    /// Keeps the report with its time stamps; what is final is delivered with it.
    async fn let_go(
        &self,
        scope: &Scope,
        report_version: i64,
        report: &str,
        stored: &StoredReport,
        now: OffsetDateTime,
    ) -> Result<(), ConsultError> {
        let record = self.storage.record(scope, crate::record::KIND, stored.consult.as_str()).await?;
        let mut consult = consult_of(record.body)?;
        for signed in consult.versions.iter_mut().filter(|signed| signed.record == report) {
            signed.pending_time_stamp = false;
        }
        let is_current = consult.current_version().is_some_and(|signed| signed.record == report);
        if is_current && consult.state == State::Final {
            deliver(&mut consult, now);
        }
        // Those who listen learn of a delivery as of the signature that it follows.
        let action = if consult.reviewer.is_some() { Action::Review } else { Action::Sign };
        let told = event(&consult, action, &scope.actor.id);
        let audit = AuditEntry {
            action: AuditAction::Change,
            object: format!("consult/{}", consult.id),
            outcome: AuditOutcome::Success,
            detail: format!("time_stamp {}", consult.state.word()),
        };
        let change = Change {
            puts: [
                stored.put(&consult, report.to_owned(), Expected::Version(report_version))?,
                put(&consult, Expected::Version(record.version))?,
            ]
            .into_iter()
            .chain(crate::statistics::put(&consult))
            .collect(),
            audit: vec![audit],
            events: vec![told],
            ..Change::default()
        };
        Ok(self.storage.apply(scope, change).await?)
    }
}

/// By the node itself, because the report has what it waited for.
fn deliver(consult: &mut Consult, now: OffsetDateTime) {
    consult.state = State::Delivered;
    consult.deliver(now);
    consult.timeline.push(TimelineEntry { state: State::Delivered, at: now, by: None, note: String::new() });
}
