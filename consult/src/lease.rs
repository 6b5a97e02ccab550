//! Leases: whoever reads has the consult for a while, longer as long as the page is open. One that runs out puts the
//! consult back into the pool; what was saved stays.
//!
//! A lease is a record of its own, so that renewing it does not change the version on which people act.

use crate::record::{Consult, KIND as CONSULT};
use crate::service::{Finish, advance_by, consult_of};
use crate::state::{Action, State};
use crate::{ConsultError, ConsultService};
use access::Caller;
use model::{ConsultId, PersonId, Scope};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use storage::{Change, Expected, Put, Record, RecordQuery, StorageError};
use time::OffsetDateTime;

/// Record kind of leases; its identifier is the consult's.
pub const KIND: &str = "consult_lease";
/// Leases looked at in one round.
const ROUND_MAX: u32 = 200;

/// Who has a consult, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who has it; `None` when nobody does.
    pub holder: Option<PersonId>,
    /// When it runs out.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
}

fn record(consult: &Consult, lease: &Lease, expected: Expected) -> Option<Put> {
    Some(Put {
        kind: KIND,
        id: consult.id.to_string(),
        expected,
        body: serde_json::to_value(lease).ok()?,
        keys: Vec::new(),
        unique: Vec::new(),
        sort: if lease.holder.is_some() { model::time_text::unix_ms(lease.until) } else { i64::MAX },
        visible_to: consult.parties(),
    })
}

/// The lease of whoever reads, from now on; none when nobody reads.
pub(crate) fn put(consult: &Consult, lasts: Duration, now: OffsetDateTime) -> Option<Put> {
    let holder = consult.reader.as_ref().filter(|_| consult.state == State::Reading)?;
    let lease = Lease { holder: Some(holder.id.clone()), until: now + lasts };
    record(consult, &lease, Expected::Anything)
}

impl ConsultService {
    /// Holds a consult for longer (the page is open). Changes neither the consult nor its version.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`]; [`ConsultError::Conflict`] when the caller does not have it any more.
    pub async fn renew_lease(
        &self,
        caller: &Caller,
        id: &ConsultId,
        now: OffsetDateTime,
    ) -> Result<Lease, ConsultError> {
        let (consult, version) = self.load(caller, id).await?;
        let is_theirs = caller.as_person().is_some_and(|p| consult.is_held_by(&p.id));
        if !is_theirs || consult.state != State::Reading {
            return Err(crate::service::conflict(&consult, version));
        }
        let put =
            put(&consult, self.config.lease, now).ok_or(ConsultError::Failed("the lease has no JSON"))?;
        let lease = serde_json::from_value(put.body.clone()).map_err(|_| ConsultError::Failed("lease"))?;
        self.storage.apply(caller.scope(), Change { puts: vec![put], ..Change::default() }).await?;
        Ok(lease)
    }

    /// Puts consults back into the pool whose lease has run out; how many. A renewal at the same moment wins.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn end_leases(&self, now: OffsetDateTime) -> Result<u32, ConsultError> {
        let scope = Scope::node("consult-lease");
        let due = RecordQuery {
            sort_below: Some(model::time_text::unix_ms(now)),
            limit: ROUND_MAX,
            ..RecordQuery::new(KIND)
        };
        let mut ended = 0;
        for lease in self.storage.records(&scope, &due).await? {
            match self.end_lease(&scope, &lease, now).await {
                Ok(was_held) => ended += u32::from(was_held),
                // Renewed, or acted upon, meanwhile: the next round looks again.
                Err(ConsultError::Conflict { .. } | ConsultError::NotFound) => {}
                // Damaged: it must not keep the others.
                Err(ConsultError::Failed(why)) => {
                    tracing::error!(why, id = lease.id, "a lease cannot be ended")
                }
                Err(other) => return Err(other),
            }
        }
        Ok(ended)
    }

    async fn end_lease(
        &self,
        scope: &Scope,
        record_of_lease: &Record,
        now: OffsetDateTime,
    ) -> Result<bool, ConsultError> {
        let lease: Lease = serde_json::from_value(record_of_lease.body.clone())
            .map_err(|_| ConsultError::Failed("a lease is damaged"))?;
        let found = self.storage.record(scope, CONSULT, &record_of_lease.id).await?;
        let version = found.version;
        let mut consult = consult_of(found.body)?;
        let idle = Lease { holder: None, until: lease.until };
        let puts: Vec<Put> =
            record(&consult, &idle, Expected::Version(record_of_lease.version)).into_iter().collect();
        let change = Change { puts, ..Change::default() };
        let is_held = consult.state == State::Reading
            && lease.holder.as_ref().is_some_and(|holder| consult.is_held_by(holder));
        if !is_held {
            return match self.storage.apply(scope, change).await {
                Ok(()) | Err(StorageError::Conflict(_)) => Ok(false),
                Err(other) => Err(other.into()),
            };
        }
        advance_by(&mut consult, &[State::Accepted], None, now, "");
        consult.back_to_pool();
        let finish = Finish { version, action: Action::Release, change };
        self.commit(scope, &consult, finish).await?;
        Ok(true)
    }
}
