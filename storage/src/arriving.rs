//! Files that arrive in pieces over days and several connections: `uploads/<uuid>` and, beside each, how far it is durable.
//!
//! A file's length does not say that: after a power cut its end may be what was never flushed, and a piece whose checksum
//! is wrong has been written and does not count. So the offset is written down, after the bytes before it are flushed.

use crate::ingest::blocking;
use crate::objects::{io_error, sync_directory};
use crate::{Storage, StorageError};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use uuid::Uuid;

const FOLDER: &str = "uploads";
const PLACE: &str = "a file that arrives in pieces";
/// Bytes that are gathered before they are written.
const GATHERED_BYTES: usize = 256 << 10;
/// What the mark of the offset ends with: the offset with every bit turned, so that half of one is none.
const MARK_BYTES: usize = 16;

/// A file that arrives, open for the one who writes it. What is not kept by [`Arriving::keep`] is cut off again.
#[derive(Debug)]
pub struct Arriving {
    file: File,
    mark: File,
    durable: u64,
    /// Bytes written behind the durable ones.
    pending: u64,
    gathered: Vec<u8>,
}

impl Storage {
    /// Begins a file, empty and durable.
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`].
    pub async fn begin_arriving(&self, id: Uuid) -> Result<(), StorageError> {
        let (path, mark) = self.arriving_paths(id);
        self.on_arriving(move || {
            let Some(folder) = path.parent() else { return Err(io::ErrorKind::InvalidInput.into()) };
            match std::fs::create_dir(folder) {
                // Its own name has to be durable too.
                Ok(()) => folder.parent().map_or(Ok(()), sync_directory)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            let mark = OpenOptions::new().write(true).create_new(true).open(mark)?;
            write_mark(&mark, 0)?;
            OpenOptions::new().write(true).create_new(true).open(&path)?.sync_all()?;
            mark.sync_all()?;
            sync_directory(folder)
        })
        .await
    }

    /// How many bytes of a file are durable.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn arriving_offset(&self, id: Uuid) -> Result<u64, StorageError> {
        let (path, mark) = self.arriving_paths(id);
        self.on_arriving(move || {
            let length = std::fs::metadata(path)?.len();
            Ok(read_mark(&File::open(mark)?)?.min(length))
        })
        .await
    }

    /// Opens a file behind its durable bytes, for one at a time.
    ///
    /// # Errors
    /// [`StorageError::NotFound`]; [`StorageError::Conflict`] while somebody else writes it.
    pub async fn open_arriving(&self, id: Uuid) -> Result<Arriving, StorageError> {
        let (path, mark) = self.arriving_paths(id);
        self.on_arriving(move || {
            let mut file = OpenOptions::new().read(true).write(true).open(path)?;
            let mark = OpenOptions::new().read(true).write(true).open(mark)?;
            flock(&mark, FlockOperation::NonBlockingLockExclusive)?;
            let durable = read_mark(&mark)?.min(file.metadata()?.len());
            file.set_len(durable)?;
            file.seek(SeekFrom::Start(durable))?;
            Ok(Arriving { file, mark, durable, pending: 0, gathered: Vec::new() })
        })
        .await
    }

    /// When bytes of a file became durable last, Unix milliseconds.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn arriving_changed_ms(&self, id: Uuid) -> Result<i64, StorageError> {
        let (_, mark) = self.arriving_paths(id);
        self.on_arriving(move || {
            let modified = std::fs::metadata(mark)?.modified()?;
            Ok(model::time_text::unix_ms(modified.into()))
        })
        .await
    }

    /// The first of a file's durable bytes, at most so many.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn arriving_head(&self, id: Uuid, bytes_max: u64) -> Result<Vec<u8>, StorageError> {
        let (path, mark) = self.arriving_paths(id);
        self.on_arriving(move || {
            let durable = read_mark(&File::open(mark)?)?;
            let mut head = Vec::new();
            File::open(path)?.take(durable.min(bytes_max)).read_to_end(&mut head)?;
            Ok(head)
        })
        .await
    }

    /// Where a file lies, for whoever reads it when it is whole.
    #[must_use]
    pub fn arriving_path(&self, id: Uuid) -> PathBuf {
        self.arriving_paths(id).0
    }

    /// Removes a file; there need not be one.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn remove_arriving(&self, id: Uuid) -> Result<(), StorageError> {
        let (path, mark) = self.arriving_paths(id);
        self.on_arriving(move || {
            for path in [path, mark] {
                match std::fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            Ok(())
        })
        .await
    }

    /// Every file that is there, whole or not.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn arriving_files(&self) -> Result<Vec<Uuid>, StorageError> {
        let folder = self.objects().folder(FOLDER);
        self.on_arriving(move || {
            let entries = match std::fs::read_dir(folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries?,
            };
            let mut ids = Vec::new();
            for entry in entries {
                ids.extend(entry?.file_name().to_str().and_then(|name| Uuid::parse_str(name).ok()));
            }
            Ok(ids)
        })
        .await
    }

    /// Bytes of the disk of the objects: free for this account, and in all.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn disk_bytes(&self) -> Result<(u64, u64), StorageError> {
        let folder = self.objects().folder("");
        self.on_arriving(move || {
            let disk = rustix::fs::statvfs(&folder)?;
            Ok((disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize)))
        })
        .await
    }

    fn arriving_paths(&self, id: Uuid) -> (PathBuf, PathBuf) {
        let folder = self.objects().folder(FOLDER);
        (folder.join(id.to_string()), folder.join(format!("{id}.offset")))
    }

    async fn on_arriving<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        blocking(work).await?.map_err(|error| outcome(&error))
    }
}

impl Arriving {
    /// Bytes that are durable.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Bytes that have been written since the last that are durable.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.pending
    }

    /// Writes the next bytes. On an error the file is to be dropped.
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`].
    pub async fn write(mut self, bytes: &[u8]) -> Result<Self, StorageError> {
        self.pending = self.pending.saturating_add(bytes.len() as u64);
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() < GATHERED_BYTES {
            return Ok(self);
        }
        self.apart(|this| this.flush()).await
    }

    /// Makes what has been written durable.
    ///
    /// # Errors
    /// [`StorageError::OutOfResources`]; what was durable before is so still.
    pub async fn keep(self) -> Result<Self, StorageError> {
        if self.pending == 0 {
            return Ok(self);
        }
        self.apart(|this| {
            this.flush()?;
            this.file.sync_data()?;
            let durable = this.durable.saturating_add(this.pending);
            write_mark(&this.mark, durable)?;
            this.mark.sync_data()?;
            (this.durable, this.pending) = (durable, 0);
            Ok(())
        })
        .await
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.gathered)?;
        self.gathered.clear();
        Ok(())
    }

    async fn apart(
        mut self,
        work: impl FnOnce(&mut Self) -> io::Result<()> + Send + 'static,
    ) -> Result<Self, StorageError> {
        let step = move || work(&mut self).map(|()| self);
        blocking(step).await?.map_err(|error| outcome(&error))
    }
}

fn write_mark(mark: &File, offset: u64) -> io::Result<()> {
    let mut bytes = [0; MARK_BYTES];
    let (number, turned) = bytes.split_at_mut(8);
    number.copy_from_slice(&offset.to_le_bytes());
    turned.copy_from_slice(&(!offset).to_le_bytes());
    mark.write_all_at(&bytes, 0)
}

/// What the mark says; nothing is durable for one that was torn.
fn read_mark(mark: &File) -> io::Result<u64> {
    let mut bytes = [0; MARK_BYTES];
    mark.read_exact_at(&mut bytes, 0)?;
    let number = |part: &[u8]| part.try_into().map(u64::from_le_bytes).unwrap_or_default();
    let (offset, turned) = (number(&bytes[..8]), number(&bytes[8..]));
    Ok(if offset == !turned { offset } else { 0 })
}

fn outcome(error: &io::Error) -> StorageError {
    match error.kind() {
        io::ErrorKind::NotFound => StorageError::NotFound,
        io::ErrorKind::WouldBlock => StorageError::Conflict("it is being written"),
        _ => io_error(error, PLACE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StorageConfig;
    use model::Limits;

    async fn storage() -> (tempfile::TempDir, Storage) {
        let directory = tempfile::tempdir().unwrap();
        let config = StorageConfig::sqlite(directory.path(), Limits::default());
        let storage = Storage::open(config).await.unwrap();
        (directory, storage)
    }

    #[tokio::test]
    async fn only_what_was_kept_counts() {
        let (_directory, storage) = storage().await;
        let id = Uuid::new_v4();
        storage.begin_arriving(id).await.unwrap();
        let file = storage.open_arriving(id).await.unwrap();
        let file = file.write(b"kept").await.unwrap().keep().await.unwrap();
        assert_eq!(file.durable(), 4);
        drop(file.write(&vec![7; GATHERED_BYTES]).await.unwrap());
        assert_eq!(storage.arriving_offset(id).await.unwrap(), 4);
        let file = storage.open_arriving(id).await.unwrap();
        file.write(b" and more").await.unwrap().keep().await.unwrap();
        assert_eq!(std::fs::read(storage.arriving_path(id)).unwrap(), b"kept and more");
        assert_eq!(storage.arriving_head(id, 4).await.unwrap(), b"kept");
        assert_eq!(storage.arriving_head(id, 100).await.unwrap(), b"kept and more");
        assert_eq!(storage.arriving_files().await.unwrap(), [id]);
        storage.remove_arriving(id).await.unwrap();
        storage.remove_arriving(id).await.unwrap();
        assert_eq!(storage.arriving_offset(id).await, Err(StorageError::NotFound));
    }

    #[tokio::test]
    async fn one_writes_at_a_time() {
        let (_directory, storage) = storage().await;
        let id = Uuid::new_v4();
        storage.begin_arriving(id).await.unwrap();
        let first = storage.open_arriving(id).await.unwrap();
        assert!(matches!(storage.open_arriving(id).await, Err(StorageError::Conflict(_))));
        drop(first);
        storage.open_arriving(id).await.unwrap();
    }

    #[tokio::test]
    async fn a_torn_mark_says_that_nothing_is_durable() {
        let (_directory, storage) = storage().await;
        let id = Uuid::new_v4();
        storage.begin_arriving(id).await.unwrap();
        let file = storage.open_arriving(id).await.unwrap();
        drop(file.write(b"kept").await.unwrap().keep().await.unwrap());
        let mark = OpenOptions::new().write(true).open(storage.arriving_paths(id).1).unwrap();
        mark.write_all_at(&[9], 0).unwrap();
        assert_eq!(storage.arriving_offset(id).await.unwrap(), 0);
    }
}
