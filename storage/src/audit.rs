//! The audit chain: each event's hash covers the one before it (SHA-256), so that a change, a gap or a swap shows.

use crate::{Storage, StorageError};
use model::{Actor, OrgId, Scope};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// Logged in.
    Login,
    /// Logged out.
    Logout,
    /// Stored an instance.
    Store,
    /// Searched.
    Search,
    /// Read a study's pixels or documents.
    Read,
    /// Changed a record: a consult, a draft.
    Change,
    /// Gave or withdrew a grant.
    Grant,
    /// Signed a report.
    Sign,
    /// Verified a report.
    Verify,
    /// Read or downloaded a report.
    Export,
    /// Changed accounts, devices or rules.
    Administer,
    /// Deleted.
    Delete,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// Done.
    Success,
    /// Refused or failed.
    Refused,
}

/// An event to be recorded; actor, organisation and time come from the scope and the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// What was done.
    pub action: AuditAction,
    /// To what: `study/1.2.3`, `consult/0198…`, `person/0198…`; identifiers only.
    pub object: String,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// A short machine word or number, never patient data.
    pub detail: String,
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Position in the chain, from 1, without gaps.
    pub seq: i64,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Who.
    pub actor: Actor,
    /// The actor's organisation.
    pub organisation: Option<OrgId>,
    /// What.
    pub entry: AuditEntry,
    /// SHA-256 over the previous hash and this event's canonical text.
    pub hash: model::Sha256,
}

/// What a walk along the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerdict {
    /// Events walked.
    pub events: u64,
    /// Sequence number and reason of the first event that does not fit; `None` when the chain is whole.
    pub broken_at: Option<(i64, &'static str)>,
    /// Hash of the last event.
    pub head: Option<model::Sha256>,
}

impl Storage {
    /// Records one event by itself (a login, a refusal).
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn audit(&self, _scope: &Scope, _entry: AuditEntry) -> Result<(), StorageError> {
        todo!()
    }

    /// Events of the scope's organisation (all for the node), newest first, before a sequence number.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn audit_events(
        &self,
        _scope: &Scope,
        _before: Option<i64>,
        _limit: u32,
    ) -> Result<Vec<AuditEvent>, StorageError> {
        todo!()
    }

    /// Walks the whole chain.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn audit_verify(&self) -> Result<AuditVerdict, StorageError> {
        todo!()
    }
}
