//! Other files that are kept as they came: a scanner's original slide, a report's PDF. Named by owner and content.

use crate::ingest::blocking;
use crate::objects::{FileName, ObjectName, Placing, Shelf, TempFile, io_error};
use crate::writer::{DurableBlob, ToCommit};
use crate::{Storage, StorageError};
use bytes::Bytes;
use model::{OrgId, Scope, Sha256};
use sha2::Digest as _;
use std::io::{Read, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

const PLACE: &str = "keeping a file";
const PIECE_BYTES: usize = 1 << 20;

/// How a draft comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drafting {
    /// As a copy.
    Copy,
    /// As another name of a file that lies on the disk of the objects and that nobody writes any more.
    Link,
}

/// A file on the disk of the objects that is not kept yet.
#[derive(Debug)]
pub struct Draft {
    temp: TempFile,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
    /// Bytes.
    pub length: u64,
}

impl Draft {
    /// The file, to be read by position.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub fn file(&self) -> Result<std::fs::File, StorageError> {
        self.temp.file.try_clone().map_err(|e| io_error(&e, PLACE))
    }
}

/// Reads a source to its end, hashing, and writing it if it is to be copied.
async fn draft(
    mut source: impl Read + Send + 'static,
    mut temp: TempFile,
    how: Drafting,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Draft, StorageError> {
    let mut hash = sha2::Sha256::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut length = 0_u64;
    loop {
        let step = move || {
            let count = source.read(&mut piece)?;
            let bytes = piece.get(..count).unwrap_or_default();
            hash.update(bytes);
            if how == Drafting::Copy {
                temp.file.write_all(bytes)?;
            }
            Ok::<_, std::io::Error>((source, temp, hash, piece, count))
        };
        let count;
        (source, temp, hash, piece, count) = blocking(step).await?.map_err(|e| io_error(&e, PLACE))?;
        if count == 0 {
            return Ok(Draft { temp, sha256: Sha256(hash.finalize().into()), length });
        }
        length += count as u64;
        progress(length);
    }
}

impl Storage {
    /// Keeps bytes durably and returns their name. The scope must be the owner's or the node's.
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`]; [`StorageError::NotFound`] for another owner.
    pub async fn put_blob(&self, scope: &Scope, owner: &OrgId, bytes: &[u8]) -> Result<Sha256, StorageError> {
        may_keep(scope, owner)?;
        let storage = self.clone();
        let copy = bytes.to_vec();
        let (sha256, temp) = blocking(move || {
            let mut temp = storage.objects().temp()?;
            temp.file.write_all(&copy)?;
            temp.file.sync_data()?;
            Ok::<_, std::io::Error>((Sha256(sha2::Sha256::digest(&copy).into()), temp))
        })
        .await?
        .map_err(|e| io_error(&e, PLACE))?;
        self.keep(owner, sha256, bytes.len() as u64, temp).await
    }

    /// Brings what a source gives to the disk of the objects, reading it once; `progress` is told the bytes so far. Nothing
    /// is kept of a draft that is dropped, also by a crash.
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`]; [`StorageError::Unavailable`] when the source fails.
    pub async fn draft_blob(
        &self,
        source: impl Read + Send + 'static,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Draft, StorageError> {
        let storage = self.clone();
        let temp = blocking(move || storage.objects().temp()).await?;
        draft(source, temp.map_err(|e| io_error(&e, PLACE))?, Drafting::Copy, progress).await
    }

    /// The same with a file that lies on that disk already and that nobody writes any more: it is read, and gets another
    /// name instead of a copy.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] without the file; [`StorageError::Unavailable`].
    pub async fn draft_blob_here(
        &self,
        path: &Path,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Draft, StorageError> {
        let path = path.to_owned();
        let storage = self.clone();
        let (source, temp) = blocking(move || {
            let source = std::fs::File::open(&path).map_err(|_| StorageError::NotFound)?;
            let temp = storage.objects().temp_of(&path).map_err(|e| io_error(&e, PLACE))?;
            Ok::<_, StorageError>((source, temp))
        })
        .await??;
        draft(source, temp, Drafting::Link, progress).await
    }

    /// Keeps a draft durably. The scope must be the owner's or the node's.
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`]; [`StorageError::NotFound`] for another owner.
    pub async fn keep_draft(
        &self,
        scope: &Scope,
        owner: &OrgId,
        draft: Draft,
    ) -> Result<Sha256, StorageError> {
        may_keep(scope, owner)?;
        let Draft { temp, sha256, length } = draft;
        let temp =
            blocking(move || temp.file.sync_data().map(|()| temp)).await?.map_err(|e| io_error(&e, PLACE))?;
        self.keep(owner, sha256, length, temp).await
    }

    /// Gives a durable temporary file its name, then its row.
    async fn keep(
        &self,
        owner: &OrgId,
        sha256: Sha256,
        length: u64,
        temp: TempFile,
    ) -> Result<Sha256, StorageError> {
        let name = ObjectName { shelf: Shelf::Blobs, owner: owner.clone(), sha256 };
        let storage = self.clone();
        let placing_name = name.clone();
        let intent = blocking(move || {
            let objects = storage.objects();
            let intent = objects.write_intent(&[&placing_name])?;
            for placed in objects.place(vec![Placing { name: placing_name, temp }]) {
                placed?;
            }
            Ok::<_, std::io::Error>(intent)
        })
        .await?
        .map_err(|e| io_error(&e, PLACE))?;
        let blob = DurableBlob { name, length };
        self.inner.writer.commit(|answer| ToCommit::Blob(blob, intent, answer)).await?;
        Ok(sha256)
    }

    /// An unnamed file on the disk of the objects, for what is made here and too large for memory; it is gone when it is
    /// closed, also by a crash.
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`].
    pub fn scratch_file(&self) -> Result<std::fs::File, StorageError> {
        let temp = self.objects().temp().map_err(|e| io_error(&e, PLACE))?;
        // Dropping the handle takes the name away and leaves the file to whoever has it open.
        temp.file.try_clone().map_err(|e| io_error(&e, PLACE))
    }

    /// An empty folder on the disk of the objects, for programs that read files by name; it goes with the handle, and after a
    /// crash with the next start.
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`], [`StorageError::Unavailable`].
    pub fn scratch_folder(&self) -> Result<ScratchFolder, StorageError> {
        self.objects().temp_folder().map(ScratchFolder).map_err(|e| io_error(&e, PLACE))
    }

    /// Length of a blob. The caller has found its name in a record within its scope.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn blob_length(&self, owner: &OrgId, sha256: &Sha256) -> Result<u64, StorageError> {
        let name = ObjectName { shelf: Shelf::Blobs, owner: owner.clone(), sha256: *sha256 };
        self.object_length(&FileName::Named(name)).await
    }

    /// A range of a blob, at most 16 MiB at once.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn read_blob(
        &self,
        owner: &OrgId,
        sha256: &Sha256,
        range: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        let name = ObjectName { shelf: Shelf::Blobs, owner: owner.clone(), sha256: *sha256 };
        let name = FileName::Named(name);
        let length = self.object_length(&name).await?;
        self.read_object(&name, 0, length, range).await
    }
}

/// A folder that disappears with this handle.
#[derive(Debug)]
pub struct ScratchFolder(PathBuf);

impl ScratchFolder {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn may_keep(scope: &Scope, owner: &OrgId) -> Result<(), StorageError> {
    if scope.viewer().is_some_and(|viewer| viewer != owner) { Err(StorageError::NotFound) } else { Ok(()) }
}
