//! One attempt at a delivery: what is to be sent is looked at once more before it leaves, and what became of it is written
//! before its job ends, so that a crash anywhere leads to another attempt and never to none.

use super::{Delivery, DeliveryState, KIND, Problem, ReturnRoute};
use crate::export::{Exported, owner};
use crate::record::KIND as CONSULT;
use crate::service::consult_of;
use crate::{ConsultError, ConsultService};
use model::Scope;
use serde::Deserialize;
use std::time::Duration;
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Job, JobOutcome, StorageError};
use time::OffsetDateTime;

/// Attempts of one run: with the pauses, about a day.
const ATTEMPTS_MAX: u32 = 150;

/// What is to be sent, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The delivery.
    pub delivery: Delivery,
    /// The route as it is now.
    pub route: ReturnRoute,
    /// The files, in the order of the route.
    pub files: Vec<Exported>,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The receiver has everything.
    Delivered,
    /// Another attempt may do; with the receiver's status, or nothing.
    Again(Problem, String),
    /// Nothing changes by itself.
    Failed(Problem, String),
}

#[derive(Deserialize)]
struct Body {
    delivery: String,
    run: u32,
}

fn node() -> Scope {
    Scope::node("deliveries")
}

/// The pause after so many failed attempts: five seconds, doubled each time, ten minutes at most.
fn pause(attempts: u32) -> Duration {
    Duration::from_secs((5_u64 << attempts.saturating_sub(1).min(7)).min(600))
}

impl ConsultService {
    /// Begins an attempt; `None` when there is nothing to send: it is over, or it has failed before anything left.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`]: to be tried again.
    pub async fn begin_delivery(
        &self,
        job: &Job,
        now: OffsetDateTime,
    ) -> Result<Option<Parcel>, ConsultError> {
        let Ok(body) = Body::deserialize(&job.body) else { return Ok(None) };
        let Some((mut delivery, version)) = self.delivery(&body.delivery).await? else { return Ok(None) };
        let is_open = matches!(delivery.state, DeliveryState::Waiting | DeliveryState::Sending);
        if delivery.run != body.run || !is_open {
            return Ok(None);
        }
        delivery.state = DeliveryState::Sending;
        delivery.attempts = delivery.attempts.saturating_add(1);
        delivery.tried_at = Some(now);
        delivery.next_at = None;
        let Some(route) = self.route(&delivery.requesting, &delivery.route).await? else {
            return self.over(delivery, version, Sent::Failed(Problem::NoRoute, String::new()), now).await;
        };
        let files = match self.sound_files(&delivery, &route).await {
            Ok(Some(files)) => files,
            Ok(None)
            | Err(ConsultError::Failed(_) | ConsultError::NotFound | ConsultError::Invalid { .. }) => {
                tracing::error!(report = %delivery.report, "a report does not verify and is not delivered");
                return self
                    .over(delivery, version, Sent::Failed(Problem::Unsound, String::new()), now)
                    .await;
            }
            Err(error) => return Err(error),
        };
        delivery.route_name.clone_from(&route.name);
        delivery.method = route.target.word().to_owned();
        delivery.forms = files.iter().map(|file| file.form).collect();
        if files.is_empty() {
            // A selection of key images of a report that shows none.
            return self.over(delivery, version, Sent::Delivered, now).await;
        }
        let change = Change {
            puts: vec![delivery.put(Expected::Version(version))?],
            events: vec![delivery.event()],
            ..Change::default()
        };
        match self.storage.apply(&node(), change).await {
            Ok(()) => Ok(Some(Parcel { delivery, route, files })),
            // Somebody has asked for it meanwhile, or has it in hand: the job stays until the delivery is over.
            Err(StorageError::Conflict(_)) => Err(ConsultError::Unavailable),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a delivery of which nothing leaves.
    async fn over(
        &self,
        delivery: Delivery,
        version: i64,
        sent: Sent,
        now: OffsetDateTime,
    ) -> Result<Option<Parcel>, ConsultError> {
        match self.end(delivery, version, sent, now).await? {
            JobOutcome::Done => Ok(None),
            _ => Err(ConsultError::Unavailable),
        }
    }

    /// Notes what became of an attempt, and says what becomes of its job.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`]: the attempt is made again when the lease has run out, with the same effect.
    pub async fn end_delivery(
        &self,
        parcel: &Parcel,
        sent: Sent,
        now: OffsetDateTime,
    ) -> Result<JobOutcome, ConsultError> {
        let Some((delivery, version)) = self.delivery(&parcel.delivery.id).await? else {
            return Ok(JobOutcome::Done);
        };
        if delivery.run != parcel.delivery.run {
            return Ok(JobOutcome::Done);
        }
        match delivery.state {
            DeliveryState::Sending => self.end(delivery, version, sent, now).await,
            // Somebody else has ended the attempt, and another one is owed.
            DeliveryState::Waiting => Ok(look_again(&delivery)),
            DeliveryState::Delivered | DeliveryState::Failed => Ok(JobOutcome::Done),
        }
    }

    async fn end(
        &self,
        mut delivery: Delivery,
        version: i64,
        sent: Sent,
        now: OffsetDateTime,
    ) -> Result<JobOutcome, ConsultError> {
        let sent = match sent {
            Sent::Again(problem, status) if delivery.attempts >= ATTEMPTS_MAX => {
                Sent::Failed(problem, status)
            }
            sent => sent,
        };
        let outcome = match sent {
            Sent::Delivered => {
                delivery.state = DeliveryState::Delivered;
                delivery.delivered_at = Some(now);
                (delivery.problem, delivery.status) = (None, String::new());
                JobOutcome::Done
            }
            Sent::Again(problem, status) => {
                let pause = pause(delivery.attempts);
                delivery.state = DeliveryState::Waiting;
                delivery.next_at = Some(now + pause);
                (delivery.problem, delivery.status) = (Some(problem), status);
                JobOutcome::Again(pause, word(problem))
            }
            Sent::Failed(problem, status) => {
                delivery.state = DeliveryState::Failed;
                (delivery.problem, delivery.status) = (Some(problem), status);
                JobOutcome::Done
            }
        };
        let forms: Vec<&str> = delivery.forms.iter().map(|form| form.word()).collect();
        let (forms, report) = (forms.join(","), delivery.version);
        let audit = match (delivery.state, delivery.problem) {
            (DeliveryState::Delivered, _) => {
                let detail = format!("delivered v{report} {forms} by {}", delivery.route);
                Some((AuditOutcome::Success, detail))
            }
            (DeliveryState::Failed, Some(problem)) => {
                let detail = format!("not delivered v{report} by {}: {}", delivery.route, word(problem));
                Some((AuditOutcome::Refused, detail))
            }
            _ => None,
        };
        let entry = |(outcome, detail)| AuditEntry {
            action: AuditAction::Export,
            object: format!("consult/{}", delivery.consult),
            outcome,
            detail,
        };
        let change = Change {
            puts: vec![delivery.put(Expected::Version(version))?],
            audit: audit.map(entry).into_iter().collect(),
            events: vec![delivery.event()],
            ..Change::default()
        };
        match self.storage.apply(&node(), change).await {
            Ok(()) => Ok(outcome),
            Err(StorageError::Conflict(_)) => Ok(look_again(&delivery)),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn delivery(&self, id: &str) -> Result<Option<(Delivery, i64)>, ConsultError> {
        match self.storage.record(&node(), KIND, id).await {
            Ok(record) => Ok(Some((Delivery::of(&record)?, record.version))),
            Err(StorageError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The files of a route, if the finished report verifies: `None` when it does not.
    async fn sound_files(
        &self,
        delivery: &Delivery,
        route: &ReturnRoute,
    ) -> Result<Option<Vec<Exported>>, ConsultError> {
        let record = self.storage.record(&node(), CONSULT, delivery.consult.as_str()).await?;
        let consult = consult_of(record.body)?;
        let signed = consult.versions.iter().find(|signed| signed.record == delivery.report);
        let signed = signed.ok_or(ConsultError::NotFound)?;
        let stored = self.stored_report(&signed.record).await?;
        if !self.judge_kept(&owner(&consult), &consult, &stored).await?.ok {
            return Ok(None);
        }
        let mut files = Vec::new();
        for form in &route.forms {
            files.extend(self.form_of(&consult, signed, *form).await?);
        }
        Ok(Some(files))
    }
}

/// Leaves a job to whoever looks at the delivery next: it ends with the delivery, not before.
fn look_again(delivery: &Delivery) -> JobOutcome {
    JobOutcome::Again(pause(delivery.attempts), String::new())
}

fn word(problem: Problem) -> String {
    let word = serde_json::to_value(problem).ok();
    word.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}
