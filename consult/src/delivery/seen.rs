//! What people see of deliveries, and what they can do: have one sent again; and what was not told by e-mail or webhook.

use super::{Delivery, DeliveryState, JOB, KIND, lane};
use crate::notify::{MAIL_JOB, Outgoing, WEBHOOK_JOB};
use crate::{ConsultError, ConsultService};
use access::{Caller, Right};
use model::{ConsultId, Scope};
use serde::Deserialize as _;
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Job, Order, RecordQuery, StorageError, Which,
};
use time::OffsetDateTime;

/// Deliveries, and messages, that a list shows at most.
const LIST_MAX: u32 = 200;

/// Who looks after deliveries: whoever asked or answers, and the administrators of either side.
const WATCHERS: [Right; 4] = [Right::Ask, Right::Coordinate, Right::Administer, Right::Review];

/// Whether the caller looks after deliveries of their organisation.
#[must_use]
pub fn may_look_after(caller: &Caller) -> bool {
    WATCHERS.iter().any(|right| caller.may(*right))
}

/// What did not arrive.
#[derive(Debug, Clone, PartialEq)]
pub struct Failures {
    /// Deliveries of reports that failed, newest first.
    pub deliveries: Vec<Delivery>,
    /// E-mail and webhook calls that failed at least once and wait, or were given up.
    pub notices: Vec<(Job, Option<Outgoing>)>,
}

impl ConsultService {
    /// The deliveries of a consult that the caller sees, oldest first.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] as for the consult.
    pub async fn deliveries(&self, caller: &Caller, id: &ConsultId) -> Result<Vec<Delivery>, ConsultError> {
        self.get(caller, id).await?;
        let query = RecordQuery { limit: LIST_MAX, ..RecordQuery::new(KIND).with("consult", id.as_str()) };
        self.storage.records(caller.scope(), &query).await?.iter().map(Delivery::of).collect()
    }

    /// Has a delivery sent again: at once if it waits for its next attempt. Its instances are the same as before, so that a
    /// receiver that has them already is none the worse for it.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`]; [`ConsultError::Forbidden`]; [`ConsultError::Invalid`] `delivery` while it is being sent.
    pub async fn send_again(
        &self,
        caller: &Caller,
        id: &ConsultId,
        delivery: &str,
        now: OffsetDateTime,
    ) -> Result<Delivery, ConsultError> {
        if !may_look_after(caller) {
            return Err(ConsultError::Forbidden("没有重新发送的权限 / your role does not send it again"));
        }
        let record = self.storage.record(caller.scope(), KIND, delivery).await?;
        let (mut delivery, version) = (Delivery::of(&record)?, record.version);
        if delivery.consult != *id {
            return Err(ConsultError::NotFound);
        }
        if delivery.state == DeliveryState::Sending {
            return Err(ConsultError::Invalid {
                field: "delivery",
                why: "正在发送，请稍候 / it is being sent: wait a moment",
            });
        }
        let is_waiting = delivery.state == DeliveryState::Waiting;
        delivery.next_at = Some(now);
        let mut jobs = Vec::new();
        if is_waiting {
            // Without its job it would wait for ever.
            if !self.has_job(&delivery).await? {
                jobs.push(delivery.job());
            }
        } else {
            delivery.state = DeliveryState::Waiting;
            delivery.run = delivery.run.saturating_add(1);
            delivery.attempts = 0;
            (delivery.problem, delivery.status) = (None, String::new());
            jobs.push(delivery.job());
        }
        let audit = AuditEntry {
            action: AuditAction::Export,
            object: format!("consult/{id}"),
            outcome: AuditOutcome::Success,
            detail: format!("send again v{} by {}", delivery.version, delivery.route),
        };
        let change = Change {
            puts: vec![delivery.put(Expected::Version(version))?],
            jobs,
            audit: vec![audit],
            events: vec![delivery.event()],
            ..Change::default()
        };
        self.storage.apply(caller.scope(), change).await.map_err(|error| match error {
            StorageError::Conflict(_) => ConsultError::Invalid {
                field: "delivery",
                why: "刚刚有了变化，请刷新 / it has just changed: reload",
            },
            error => error.into(),
        })?;
        if is_waiting {
            let lane = Which::Lane(lane(&delivery.requesting, &delivery.route));
            match self.storage.retry_jobs(&Scope::node("deliveries"), JOB, lane).await {
                Ok(()) | Err(StorageError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(delivery)
    }

    /// Whether a job of this run is in the queue, or in somebody's hands.
    async fn has_job(&self, delivery: &Delivery) -> Result<bool, ConsultError> {
        let (node, lane) = (Scope::node("deliveries"), lane(&delivery.requesting, &delivery.route));
        let body = delivery.job().body;
        let mut passed = 0;
        loop {
            let jobs = self.storage.jobs(&node, JOB, Some(&lane), LIST_MAX, passed).await?;
            if jobs.iter().any(|job| job.body == body) {
                return Ok(true);
            }
            if jobs.len() < LIST_MAX as usize {
                return Ok(false);
            }
            passed = passed.saturating_add(LIST_MAX);
        }
    }

    /// What did not arrive of the caller's organisation (administrator, coordinator).
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`].
    pub async fn failures(&self, caller: &Caller) -> Result<Failures, ConsultError> {
        watcher(caller)?;
        let query = RecordQuery {
            order: Order::Descending,
            limit: LIST_MAX,
            ..RecordQuery::new(KIND).with("state", DeliveryState::Failed.word())
        };
        let failed = self.storage.records(caller.scope(), &query).await?;
        let deliveries = failed.iter().map(Delivery::of).collect::<Result<_, _>>()?;
        let mut notices = Vec::new();
        for kind in [MAIL_JOB, WEBHOOK_JOB] {
            let jobs = self.storage.jobs(caller.scope(), kind, None, LIST_MAX, 0).await?;
            let failed = jobs.into_iter().filter(|job| job.attempts > 0 || !job.problem.is_empty());
            notices.extend(failed.map(|job| {
                let outgoing = Outgoing::deserialize(&job.body).ok();
                (job, outgoing)
            }));
        }
        Ok(Failures { deliveries, notices })
    }

    /// Has an e-mail or a webhook call tried again at once (administrator, coordinator).
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`], [`ConsultError::NotFound`].
    pub async fn tell_again(&self, caller: &Caller, job: i64) -> Result<(), ConsultError> {
        watcher(caller)?;
        for kind in [MAIL_JOB, WEBHOOK_JOB] {
            match self.storage.retry_jobs(caller.scope(), kind, Which::One(job)).await {
                Ok(()) => {
                    let entry = AuditEntry {
                        action: AuditAction::Administer,
                        object: format!("{kind}/{job}"),
                        outcome: AuditOutcome::Success,
                        detail: "tried again".to_owned(),
                    };
                    return Ok(self.storage.audit(caller.scope(), entry).await?);
                }
                Err(StorageError::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ConsultError::NotFound)
    }
}

fn watcher(caller: &Caller) -> Result<(), ConsultError> {
    if caller.may(Right::Administer) || caller.may(Right::Coordinate) {
        return Ok(());
    }
    Err(ConsultError::Forbidden("由系统管理员或调度查看 / for the administrator and the coordinator"))
}
