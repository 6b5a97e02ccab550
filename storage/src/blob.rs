//! Other files that are kept as they came: a scanner's original slide, a report's PDF. Named by owner and content.

use crate::{Storage, StorageError};
use bytes::Bytes;
use model::{OrgId, Scope, Sha256};
use std::ops::Range;
use std::path::Path;

impl Storage {
    /// Keeps bytes durably and returns their name.
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`].
    pub async fn put_blob(
        &self,
        _scope: &Scope,
        _owner: &OrgId,
        _bytes: &[u8],
    ) -> Result<Sha256, StorageError> {
        todo!()
    }

    /// Keeps a copy of a file durably, streaming; `progress` is told the bytes so far.
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`].
    pub async fn put_blob_file(
        &self,
        _scope: &Scope,
        _owner: &OrgId,
        _path: &Path,
        _progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Sha256, StorageError> {
        todo!()
    }

    /// Length of a blob. The caller has found its name in a record within its scope.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn blob_length(&self, _owner: &OrgId, _sha256: &Sha256) -> Result<u64, StorageError> {
        todo!()
    }

    /// A range of a blob, at most 16 MiB at once.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn read_blob(
        &self,
        _owner: &OrgId,
        _sha256: &Sha256,
        _range: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        todo!()
    }
}
