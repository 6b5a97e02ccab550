//! The bytes of a slide file, read by position: a file that lies here, or the original that storage keeps.

use crate::SlideError;
use model::{OrgId, Sha256};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;
use storage::Storage;

/// Bytes that can be read at any place, from any thread that may wait.
pub trait ReadAt: Send + Sync {
    /// How many bytes there are.
    fn length(&self) -> u64;
    /// Fills the buffer from this place on.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] when there are fewer bytes.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SlideError>;
}

/// Bytes of which it is remembered when they could not be read, whatever becomes of the error.
pub(crate) struct Watched {
    source: Arc<dyn ReadAt>,
    failure: OnceLock<SlideError>,
}

impl Watched {
    pub fn of(source: Arc<dyn ReadAt>) -> Self {
        Self { source, failure: OnceLock::new() }
    }

    /// The first error that says nothing of the file.
    pub fn failure(&self) -> Option<SlideError> {
        self.failure.get().cloned()
    }
}

impl ReadAt for Watched {
    fn length(&self) -> u64 {
        self.source.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SlideError> {
        let read = self.source.read_at(offset, buffer);
        if let Err(error) = &read
            && error.is_passing()
        {
            let _ = self.failure.set(error.clone());
        }
        read
    }
}

/// A file, read by position.
pub struct FileSource {
    file: File,
    length: u64,
    modified: Option<SystemTime>,
}

impl FileSource {
    /// Opens a regular file.
    ///
    /// # Errors
    /// [`SlideError::Io`], [`SlideError::NotASlide`] for a directory or a device.
    pub fn open(path: &std::path::Path) -> Result<Self, SlideError> {
        Self::of(File::open(path)?)
    }

    /// Reads a file that is open.
    ///
    /// # Errors
    /// [`SlideError::Io`], [`SlideError::NotASlide`] for a directory or a device.
    pub fn of(file: File) -> Result<Self, SlideError> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(SlideError::NotASlide("it is not a regular file"));
        }
        Ok(Self { file, length: metadata.len(), modified: metadata.modified().ok() })
    }

    /// Device and number of the file.
    #[must_use]
    pub fn number(&self) -> Option<(u64, u64)> {
        use std::os::unix::fs::MetadataExt as _;
        self.file.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
    }

    /// Whether it is as it was when it was opened, as far as the file system says.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        let now = self.file.metadata();
        now.is_ok_and(|now| now.len() == self.length && now.modified().ok() == self.modified)
    }
}

impl ReadAt for FileSource {
    fn length(&self) -> u64 {
        self.length
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SlideError> {
        Ok(self.file.read_exact_at(buffer, offset)?)
    }
}

/// An original file that storage keeps. Reads wait for storage: only for blocking threads of a runtime.
pub struct BlobSource {
    storage: Storage,
    owner: OrgId,
    sha256: Sha256,
    length: u64,
    runtime: tokio::runtime::Handle,
}

impl BlobSource {
    /// Opens a blob.
    ///
    /// # Errors
    /// [`SlideError::NotFound`].
    pub async fn open(storage: Storage, owner: OrgId, sha256: Sha256) -> Result<Self, SlideError> {
        let length = storage.blob_length(&owner, &sha256).await?;
        Ok(Self { storage, owner, sha256, length, runtime: tokio::runtime::Handle::current() })
    }
}

impl ReadAt for BlobSource {
    fn length(&self) -> u64 {
        self.length
    }
    fn read_at(&self, mut offset: u64, mut buffer: &mut [u8]) -> Result<(), SlideError> {
        const SHORT: SlideError = SlideError::Damaged("it ends before it should");
        while !buffer.is_empty() {
            let end =
                offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.length).ok_or(SHORT)?;
            let bytes =
                self.runtime.block_on(self.storage.read_blob(&self.owner, &self.sha256, offset..end))?;
            let count = bytes.len().min(buffer.len());
            if count == 0 {
                return Err(SHORT);
            }
            buffer[..count].copy_from_slice(&bytes[..count]);
            buffer = &mut buffer[count..];
            offset += count as u64;
        }
        Ok(())
    }
}
