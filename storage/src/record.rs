//! Records of every kind: JSON with a version, search keys and the organisations that may see them. What they mean is
//! known above.

use crate::{AuditEntry, Storage, StorageError};
use model::{ConsultId, OrgId, Scope, Uid};
use serde_json::Value as Json;

/// A record as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Kind, such as `consult`.
    pub kind: String,
    /// Identifier, unique within its kind.
    pub id: String,
    /// Counts up from 1 with each change.
    pub version: i64,
    /// The content.
    pub body: Json,
    /// When it was changed last, Unix milliseconds.
    pub changed_at_ms: i64,
}

/// What a write expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// No such record yet.
    Absent,
    /// This version; another is [`StorageError::Conflict`].
    Version(i64),
    /// Whatever is there.
    Anything,
}

/// One record to be written.
#[derive(Debug, Clone)]
pub struct Put {
    /// Kind, such as `consult`.
    pub kind: &'static str,
    /// Identifier.
    pub id: String,
    /// What must be there.
    pub expected: Expected,
    /// The new content.
    pub body: Json,
    /// `(name, value)` pairs that it can be found by; they replace the former ones.
    pub keys: Vec<(&'static str, String)>,
    /// `(name, value)` pairs that no other record of the kind may have; also found by [`RecordQuery`].
    pub unique: Vec<(&'static str, String)>,
    /// Order of lists: ascending or descending by this number (a due time in milliseconds, say).
    pub sort: i64,
    /// Organisations that may see it; empty: only the node itself.
    pub visible_to: Vec<OrgId>,
}

/// The right of an organisation to see another's study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whose study.
    pub owner: OrgId,
    /// Which study.
    pub study: Uid,
    /// Who may see it.
    pub grantee: OrgId,
    /// Because of which consult.
    pub consult: ConsultId,
}

/// A change of grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantChange {
    /// From now on.
    Give(Grant),
    /// No longer, as far as this consult is concerned.
    Withdraw(Grant),
}

/// Everything that happens at once: one transaction or nothing.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Records to write.
    pub puts: Vec<Put>,
    /// Records to remove: kind and identifier.
    pub removes: Vec<(&'static str, String)>,
    /// Grants to give and to withdraw.
    pub grants: Vec<GrantChange>,
    /// Audit events, in order.
    pub audit: Vec<AuditEntry>,
    /// Outbox events: topic and body.
    pub events: Vec<(&'static str, Json)>,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest `sort` first.
    Ascending,
    /// Largest `sort` first.
    Descending,
}

/// Which records to list.
#[derive(Debug, Clone)]
pub struct RecordQuery {
    /// Kind.
    pub kind: &'static str,
    /// For each name, one of the values must be among the record's keys.
    pub keys: Vec<(&'static str, Vec<String>)>,
    /// Only records with `sort` below this.
    pub sort_below: Option<i64>,
    /// Order by `sort`, then by identifier.
    pub order: Order,
    /// At most.
    pub limit: u32,
    /// Skipped.
    pub offset: u32,
}

impl RecordQuery {
    /// All records of a kind, smallest `sort` first, at most 1000.
    #[must_use]
    pub fn new(kind: &'static str) -> Self {
        Self { kind, keys: Vec::new(), sort_below: None, order: Order::Ascending, limit: 1000, offset: 0 }
    }

    /// Only those with this key.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.keys.push((name, vec![value.into()]));
        self
    }
}

impl Storage {
    /// Applies a change: all of it or nothing.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when an expectation or a unique key fails; [`StorageError::NotFound`] when a record
    /// that must be there is not within the scope.
    pub async fn apply(&self, _scope: &Scope, _change: Change) -> Result<(), StorageError> {
        todo!()
    }

    /// One record by its identifier.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn record(
        &self,
        _scope: &Scope,
        _kind: &'static str,
        _id: &str,
    ) -> Result<Record, StorageError> {
        todo!()
    }

    /// The records that match.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn records(&self, _scope: &Scope, _query: &RecordQuery) -> Result<Vec<Record>, StorageError> {
        todo!()
    }

    /// How many records match, ignoring limit and offset.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn count(&self, _scope: &Scope, _query: &RecordQuery) -> Result<u64, StorageError> {
        todo!()
    }
}
