//! The one ingest path: bytes → scanner → object durable → one index transaction → acknowledged.

use crate::{Storage, StorageError};
use dataset::TransferSyntax;
use model::{OrgId, Scope, Sha256, Uid};

/// How an instance came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// C-STORE.
    Dimse,
    /// STOW-RS.
    Stow,
    /// Upload in the web application.
    Upload,
    /// `farsight import`, demo content.
    Import,
    /// Made by this node, such as a slide converted to DICOM.
    Derived,
}

/// What is known of an instance before its first byte.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The organisation that will own it.
    pub owner: OrgId,
    /// How it came.
    pub via: Via,
    /// Affected SOP Class and SOP Instance UIDs that the sender declared; a data set that says otherwise is refused.
    pub declared: Option<(Uid, Uid)>,
}

/// Takes an instance's bytes. Dropped without [`Sink::commit`], it leaves nothing behind.
pub struct Sink {/* owned by the engineer of this crate */}

/// What became of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Stored and durable.
    Stored,
    /// The same bytes were there already; nothing changed.
    AlreadyThere,
    /// The same SOP Instance UID with other content is there: this one is kept apart and flagged, not in its place.
    KeptApart,
}

/// An instance that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Study Instance UID.
    pub study: Uid,
    /// Series Instance UID.
    pub series: Uid,
    /// SOP Instance UID.
    pub instance: Uid,
    /// SOP Class UID.
    pub sop_class: Uid,
    /// SHA-256 of the data set's bytes as they arrived.
    pub sha256: Sha256,
    /// What became of it.
    pub outcome: Outcome,
}

impl Storage {
    /// Begins an instance whose data set comes bare, in a known transfer syntax (C-STORE).
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`].
    pub async fn sink(
        &self,
        _scope: &Scope,
        _arrival: Arrival,
        _syntax: TransferSyntax,
    ) -> Result<Sink, StorageError> {
        todo!()
    }

    /// Begins an instance that comes as a Part 10 file (STOW-RS, import, upload).
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`].
    pub async fn sink_part10(&self, _scope: &Scope, _arrival: Arrival) -> Result<Sink, StorageError> {
        todo!()
    }
}

impl Sink {
    /// Takes the next bytes, of any length.
    ///
    /// # Errors
    /// [`StorageError::Refused`] as soon as a rule is broken; [`StorageError::OutOfResources`].
    pub async fn write(&mut self, _bytes: &[u8]) -> Result<(), StorageError> {
        todo!()
    }

    /// The end: returns when the object is durable and the index transaction is committed, together with whatever
    /// else was waiting (group commit).
    ///
    /// # Errors
    /// [`StorageError`]; nothing is stored then.
    pub async fn commit(self) -> Result<Stored, StorageError> {
        todo!()
    }
}
