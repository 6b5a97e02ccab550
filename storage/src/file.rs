//! Reading kept files: from the page cache on the calling thread, from the disk on a blocking one.

mod piece;

pub(crate) use piece::PIECE_BYTES;

use crate::ingest::blocking;
use crate::objects::{FileName, io_error};
use crate::segment::entry::START_BYTES;
use crate::{Storage, StorageError};
use bytes::Bytes;
use piece::Piece;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// Bytes read at once.
const READ_BYTES_MAX: u64 = 16 << 20;
/// Up to here copying out of the page cache is worth doing on the calling thread.
const INLINE_BYTES_MAX: usize = 1 << 20;
/// From here on bytes are read into memory that is used again.
const REUSED_BYTES_MIN: usize = 2 << 10;
/// Bytes that the disk is told to fetch in advance when a long read comes upon what is not in the page cache.
const AHEAD_BYTES_MAX: u64 = 4 << 20;

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
        read_range(self.open_object(name).await?, from, length, range).await
    }
}

/// The same of an open file.
pub(crate) async fn read_range(
    file: Arc<File>,
    from: u64,
    length: u64,
    range: Range<u64>,
) -> Result<Bytes, StorageError> {
    if range.start > range.end || range.end > length {
        return Err(StorageError::NotFound);
    }
    let count = (range.end - range.start).min(READ_BYTES_MAX);
    // Who reads a whole piece reads on.
    let rest = length - range.start - count;
    let ahead = if count >= PIECE_BYTES as u64 { rest.min(AHEAD_BYTES_MAX) } else { 0 };
    let count = usize::try_from(count).unwrap_or(0);
    read_at(file, from.saturating_add(range.start), count, ahead).await
}

/// Memory to read into.
enum Room {
    Own(Vec<u8>),
    Piece(Piece),
}

impl Room {
    fn new(length: usize) -> Self {
        if (REUSED_BYTES_MIN..=PIECE_BYTES).contains(&length) {
            Self::Piece(Piece::new(length))
        } else {
            Self::Own(vec![0; length])
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Piece(piece) => piece.room(),
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Own(bytes) => bytes.into(),
            Self::Piece(piece) => piece.into_bytes(),
        }
    }
}

/// Exactly these bytes; so many behind them are going to be wanted, too.
pub(crate) async fn read_at(
    file: Arc<File>,
    offset: u64,
    length: usize,
    ahead: u64,
) -> Result<Bytes, StorageError> {
    let mut room = Room::new(length);
    let mut done = 0;
    if length <= INLINE_BYTES_MAX {
        done = read_cached(&file, room.bytes(), offset).map_err(|e| read_error(&e))?;
        if done == length {
            return Ok(room.into_bytes());
        }
    }
    blocking(move || {
        if let Some(ahead) = std::num::NonZeroU64::new(ahead) {
            let from = offset.saturating_add(length as u64);
            let _ = rustix::fs::fadvise(&file, from, Some(ahead), rustix::fs::Advice::WillNeed);
        }
        let rest = room.bytes().get_mut(done..).unwrap_or_default();
        file.read_exact_at(rest, offset.saturating_add(done as u64))?;
        Ok(room.into_bytes())
    })
    .await?
    .map_err(|e| read_error(&e))
}

/// Whether the page cache has a block's start at this place, and it is of this kind.
pub(crate) fn is_cached_at(file: &File, offset: u64, is_of_kind: impl Fn(&[u8]) -> bool) -> bool {
    let mut start = [0; START_BYTES];
    read_cached(file, &mut start, offset)
        .is_ok_and(|count| is_of_kind(start.get(..count).unwrap_or_default()))
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
