//! Waiting for data 待资料: the requester is asked for more, and the clock stands still until the work goes on.

use crate::record::{Consult, ConsultView, Named};
use crate::service::{limited, person, required_reason};
use crate::state::{Action, State};
use crate::{ConsultError, ConsultService, clock, lease};
use access::Caller;
use model::{ConsultId, PersonId};
use serde::{Deserialize, Serialize};
use storage::Change;
use time::{Duration, OffsetDateTime};

/// Times of waiting of one consult at most.
const WAITS_MAX: usize = 100;

/// One time of waiting for data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Where it was, and goes on.
    pub from: State,
    /// What is wanted.
    pub wanted: String,
    /// Who asked for it.
    pub by: Option<Named<PersonId>>,
    /// When the clock stopped.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// When it went on; `None` while it stands.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
    /// What was said when it went on.
    #[serde(default)]
    pub answer: String,
}

impl Waiting {
    /// How long it lasted, or has lasted until now, in milliseconds.
    #[must_use]
    pub fn lasted_ms(&self, now: OffsetDateTime) -> i64 {
        let until = self.until.unwrap_or(now);
        i64::try_from((until - self.since).whole_milliseconds()).unwrap_or(0).max(0)
    }
}

impl Consult {
    /// Nobody waits for data any longer, because it goes no further.
    pub(crate) fn end_wait(&mut self, now: OffsetDateTime) {
        if let Some(wait) = self.waits.last_mut() {
            wait.until.get_or_insert(now);
        }
    }
}

impl ConsultService {
    /// Asks the requester for more (coordinator, or the reader who has it): the clock stops.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `reason` when it does not say what is wanted, or the
    /// hundredth time.
    pub async fn request_data(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        wanted: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let wanted = required_reason(wanted)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::RequestData).await?;
        if consult.waits.len() >= WAITS_MAX {
            return Err(ConsultError::Invalid {
                field: "reason",
                why: "要求补充资料的次数太多 / more was asked for too often",
            });
        }
        let from = consult.state;
        let by = person(caller);
        consult.waits.push(Waiting {
            from,
            wanted: wanted.clone(),
            by,
            since: now,
            until: None,
            answer: String::new(),
        });
        crate::service::advance(&mut consult, states, caller, now, &wanted);
        self.finish(caller, consult, version, Action::RequestData, Change::default()).await
    }

    /// Goes on where it was: the requester has sent what was wanted, or nobody waits for it any longer. The due time moves
    /// by as much as was waited; whoever was reading has it again, with a new lease.
    ///
    /// # Errors
    /// As [`Self::accept`].
    pub async fn resume(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        answer: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let answer = limited("reason", answer)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::Resume).await?;
        if let Some(wait) = consult.waits.last_mut() {
            wait.until = Some(now);
            wait.answer.clone_from(&answer);
            let lasted = Duration::milliseconds(wait.lasted_ms(now));
            consult.due_at = consult.due_at.and_then(|due| due.checked_add(lasted));
        }
        crate::service::advance(&mut consult, states, caller, now, &answer);
        let mut puts = vec![self.clock_again(caller.scope(), &consult).await?];
        puts.extend(lease::put(&consult, self.config.lease, now));
        self.finish(caller, consult, version, Action::Resume, Change { puts, ..Change::default() }).await
    }

    /// The clock of a consult that goes on; what has been told stays told.
    async fn clock_again(
        &self,
        scope: &model::Scope,
        consult: &Consult,
    ) -> Result<storage::Put, ConsultError> {
        let told = match self.storage.record(scope, clock::KIND, consult.id.as_str()).await {
            Ok(record) => clock::told(&record),
            Err(storage::StorageError::NotFound) => 0,
            Err(other) => return Err(other.into()),
        };
        Ok(clock::put(consult, told, storage::Expected::Anything))
    }
}
