//! Comparing index and objects both ways, and rebuilding the index from the objects.

use crate::{Storage, StorageError};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Object name or row, never patient data.
    pub what: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Indexed, but the object is not there.
    ObjectMissing,
    /// The object's bytes do not have the hash that names it.
    ObjectDamaged,
    /// An object that no row points at.
    ObjectNotIndexed,
    /// Counts or lists in the index do not match the rows.
    CountWrong,
    /// A frame lies outside its object.
    FrameOutside,
}

/// What fsck saw.
#[derive(Debug, Clone, Default)]
pub struct FsckReport {
    /// Objects whose hash was computed.
    pub objects_checked: u64,
    /// Index rows compared.
    pub rows_checked: u64,
    /// What is wrong; empty when sound.
    pub findings: Vec<Finding>,
}

impl Storage {
    /// Checks everything; `progress` is told objects done and objects in all.
    ///
    /// # Errors
    /// [`StorageError`] when the check itself cannot go on.
    pub async fn fsck(
        &self,
        _progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<FsckReport, StorageError> {
        todo!()
    }
}
