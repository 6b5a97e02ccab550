//! Steps that decide whether and how it goes on: accepting, refusing, cancelling, returning.

use super::{advance, grants, limited, required_reason};
use crate::record::ConsultView;
use crate::state::{Action, State};
use crate::{ConsultError, ConsultService};
use access::Caller;
use model::ConsultId;
use storage::{Change, GrantChange};
use time::OffsetDateTime;

impl ConsultService {
    /// Puts a submitted consult into the pool (coordinator).
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`], [`ConsultError::WrongState`], [`ConsultError::Conflict`].
    pub async fn accept(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, states) = self.begin(caller, id, version, Action::Accept).await?;
        advance(&mut consult, states, caller, now, "");
        let audit = self.assign_by_rule(&mut consult, now).await?.into_iter().collect();
        self.finish(caller, consult, version, Action::Accept, Change { audit, ..Change::default() }).await
    }

    /// Refuses a consult; the grant ends (coordinator).
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `reason` when it is empty.
    pub async fn reject(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        reason: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let reason = required_reason(reason)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::Reject).await?;
        consult.end_wait(now);
        advance(&mut consult, states, caller, now, &reason);
        let change = Change {
            puts: self.end_opinions(&consult, now).await?,
            grants: grants(&consult).map(GrantChange::Withdraw).collect(),
            ..Change::default()
        };
        self.finish(caller, consult, version, Action::Reject, change).await
    }

    /// The requester no longer asks; the grant ends.
    ///
    /// # Errors
    /// As [`Self::accept`].
    pub async fn cancel(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        reason: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let reason = limited("reason", reason)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::Cancel).await?;
        let grants = match consult.state {
            State::Draft => Vec::new(),
            _ => grants(&consult).map(GrantChange::Withdraw).collect(),
        };
        consult.end_wait(now);
        advance(&mut consult, states, caller, now, &reason);
        let puts = self.end_opinions(&consult, now).await?;
        self.finish(caller, consult, version, Action::Cancel, Change { puts, grants, ..Change::default() })
            .await
    }

    /// Back to the reader (reviewer). The preliminary report that he signed stays on record, superseded.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `reason` when it is empty.
    pub async fn return_to_reader(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        reason: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let reason = required_reason(reason)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::Return).await?;
        advance(&mut consult, states, caller, now, &reason);
        consult.supersede_preliminary();
        self.finish(caller, consult, version, Action::Return, Change::default()).await
    }
}
