//! The handle that everything else is called on.

use crate::StorageError;
use model::Limits;
use std::path::PathBuf;
use std::sync::Arc;

/// Where things are kept.
#[derive(Debug, Clone)]
pub struct StorageConfig {
    /// Directory of the objects, temporary files and, with SQLite, the index.
    pub directory: PathBuf,
    /// `None`: SQLite in `directory/index.sqlite`. Otherwise a `postgres://` URL.
    pub postgres_url: Option<String>,
    /// The node's limits.
    pub limits: Limits,
}

/// The storage of one node. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    #[allow(dead_code)]
    inner: Arc<()>,
}

impl Storage {
    /// Opens (and creates or migrates) the storage, recovers what a crash left behind, starts the committing writer.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] with what to do about it.
    pub async fn open(_config: StorageConfig) -> Result<Self, StorageError> {
        todo!()
    }

    /// The node's limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        todo!()
    }

    /// Finishes what is queued and closes.
    pub async fn close(&self) {
        todo!()
    }

    /// A round trip to the index and a write to the object directory: for readiness.
    ///
    /// # Errors
    /// [`StorageError`] when the node cannot serve.
    pub async fn check(&self) -> Result<(), StorageError> {
        todo!()
    }
}
