//! What is kept: objects, the index, records of every kind, grants, the outbox and the audit chain. One ingest path.
//!
//! Floor 3 of the house. Every call carries a [`model::Scope`]; what it does not reach does not exist
//! ([`StorageError::NotFound`]). SQLite and PostgreSQL stand behind one interface. This crate knows nothing of HTTP or
//! DIMSE, nor of what a record means to people.

pub mod arriving;
pub mod audit;
pub mod backup;
pub mod blob;
pub mod condition;
pub mod correct;
pub mod directory;
pub mod error;
pub mod fsck;
pub mod handout;
pub mod ingest;
pub mod jobs;
pub mod patients;
pub mod read;
pub mod rebuild;
pub mod record;
pub mod search;
pub mod store;

mod attributes;
mod batch;
mod bulk;
mod caches;
mod change;
mod coercion;
mod coming;
mod db;
mod erasure;
mod file;
mod found;
mod frame;
mod holdings;
mod index;
mod labels;
mod listing;
mod metadata;
mod names;
mod objects;
mod prepare;
mod reach;
mod rejection;
mod search_driver;
mod search_match;
mod search_plan;
mod search_sql;
mod segment;
mod whereabouts;
mod writer;

/// The builder of the conformance suite names this crate as its users do.
#[cfg(test)]
extern crate self as storage;
#[cfg(test)]
#[path = "../tests/support/build.rs"]
#[expect(dead_code, reason = "the suite uses all of it")]
mod build;

pub use arriving::Arriving;
pub use audit::heads;
pub use audit::{AuditAction, AuditEntry, AuditEvent, AuditOutcome, AuditQuery};
pub use blob::{Draft, Drafting};
pub use coming::StudyArrival;
pub use condition::{Backup, Condition, Disk, Filling, Fsck, IndexState, JobsOfKind};
pub use correct::{
    Apart, Correction, CorrectionRecord, CorrectionStep, HiddenSeries, PatientKey, Reason, ReasonCode,
};
pub use directory::{DeviceSeen, LastUse, STALE};
pub use error::StorageError;
pub use found::Attributes;
pub use handout::Handout;
pub use holdings::Held;
pub use ingest::{Arrival, Outcome, Sink, Stored, Via};
pub use jobs::{Claim, CursorMove, Job, JobOutcome, JobState, NewJob, OutboxEvent, Which};
pub use names::{fold as fold_name, name_fits, name_matches};
pub use read::{InstanceRef, MetadataBody, StudySummary};
pub use record::{Change, Expected, Grant, GrantChange, Order, Put, Record, RecordQuery};
pub use search::{Page, Row};
pub use store::{Storage, StorageConfig};
pub use whereabouts::Whereabouts;
