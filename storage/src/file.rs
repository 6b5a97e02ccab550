//! Reading kept files: from the page cache on the calling thread, from the disk on a blocking one.

use crate::ingest::blocking;
use crate::objects::{FileName, io_error};
use crate::{Storage, StorageError};
use bytes::Bytes;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// Bytes read at once.
const READ_BYTES_MAX: u64 = 16 << 20;
/// Up to here copying out of the page cache is worth doing on the calling thread.
const INLINE_BYTES_MAX: usize = 1 << 20;

const PLACE: &str = "reading an object";

impl Storage {
    /// An object's open file; some hundred stay open for a while.
    pub(crate) async fn open_object(&self, name: &FileName) -> Result<Arc<File>, StorageError> {
        if let Some(file) = self.inner.caches.files.get(name) {
            return Ok(file);
        }
        let path = self.objects().file_path(name);
        let file = blocking(move || File::open(path)).await?.map_err(|e| io_error(&e, PLACE))?;
        let file = Arc::new(file);
        self.inner.caches.files.insert(name.clone(), file.clone());
        Ok(file)
    }

    /// A file beside the objects that is gone when it is closed: for what must be put in order before it can be stored.
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`].
    pub async fn scratch(&self) -> Result<File, StorageError> {
        let storage = self.clone();
        // Its name goes with the `TempFile`; the file stays as long as it is open.
        let make = move || storage.objects().temp().and_then(|temp| temp.file.try_clone());
        blocking(make).await?.map_err(|e| io_error(&e, "making a file for what arrives"))
    }

    /// Length of a file that nobody promised to be there.
    pub(crate) async fn object_length(&self, name: &FileName) -> Result<u64, StorageError> {
        let file = match self.open_object(name).await {
            Err(StorageError::Corrupt(_)) => return Err(StorageError::NotFound),
            other => other?,
        };
        file.metadata().map(|m| m.len()).map_err(|e| io_error(&e, PLACE))
    }

    /// A range of an object that begins at `from` in its file and should have this length.
    pub(crate) async fn read_object(
        &self,
        name: &FileName,
        from: u64,
        length: u64,
        range: Range<u64>,
    ) -> Result<Bytes, StorageError> {
        if range.start > range.end || range.end > length {
            return Err(StorageError::NotFound);
        }
        let count = (range.end - range.start).min(READ_BYTES_MAX);
        let file = self.open_object(name).await?;
        let bytes =
            read_at(file, from.saturating_add(range.start), usize::try_from(count).unwrap_or(0)).await?;
        Ok(bytes.into())
    }
}

/// Exactly these bytes.
pub(crate) async fn read_at(file: Arc<File>, offset: u64, length: usize) -> Result<Vec<u8>, StorageError> {
    let mut bytes = vec![0; length];
    let mut done = 0;
    if length <= INLINE_BYTES_MAX {
        done = read_cached(&file, &mut bytes, offset).map_err(|e| read_error(&e))?;
        if done == length {
            return Ok(bytes);
        }
    }
    blocking(move || {
        let rest = bytes.get_mut(done..).unwrap_or_default();
        file.read_exact_at(rest, offset.saturating_add(done as u64)).map(|()| bytes)
    })
    .await?
    .map_err(|e| read_error(&e))
}

/// What the page cache has, from the beginning on; 0 when the file system cannot tell.
fn read_cached(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    match preadv2(file, &mut [IoSliceMut::new(bytes)], offset, ReadWriteFlags::NOWAIT) {
        Ok(count) => Ok(count),
        Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INTR | Errno::NOSYS) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

fn read_error(error: &io::Error) -> StorageError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return StorageError::Corrupt("an object is shorter than the index says");
    }
    io_error(error, PLACE)
}
