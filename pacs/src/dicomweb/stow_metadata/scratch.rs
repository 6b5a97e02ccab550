//! A file for bulk data that came before it is known where they belong.

use crate::dicomweb::problem::WebError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use storage::{Storage, StorageError};

/// Bytes that are written or read at once.
const PIECE_BYTES: usize = 1 << 20;

/// The file; gone with this.
pub struct Scratch {
    file: Arc<File>,
    length: u64,
    bytes_max: u64,
}

impl Scratch {
    /// An empty one. It may grow to what one object may have.
    pub async fn new(storage: &Storage) -> Result<Self, WebError> {
        let file = Arc::new(storage.scratch().await?);
        Ok(Self { file, length: 0, bytes_max: storage.limits().object_bytes_max })
    }

    /// Appends a part, and says where it is.
    pub async fn append<S>(&mut self, mut bytes: S) -> Result<Range<u64>, WebError>
    where
        S: Stream<Item = Result<Bytes, multer::Error>> + Unpin,
    {
        let start = self.length;
        let mut waiting = Vec::new();
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk.map_err(|_| WebError::BadRequest("the multipart body breaks off".into()))?;
            waiting.extend_from_slice(&chunk);
            if waiting.len() >= PIECE_BYTES {
                self.write(std::mem::take(&mut waiting)).await?;
            }
        }
        self.write(waiting).await?;
        Ok(start..self.length)
    }

    async fn write(&mut self, piece: Vec<u8>) -> Result<(), WebError> {
        let (file, at) = (self.file.clone(), self.length);
        self.length += piece.len() as u64;
        if self.length > self.bytes_max {
            return Err(WebError::BadRequest("the bulk data are over the node's limit".into()));
        }
        let written = tokio::task::spawn_blocking(move || file.write_all_at(&piece, at)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::StorageFull => {
                Err(WebError::OutOfResources)
            }
            _ => Err(WebError::Unavailable),
        }
    }

    /// Some bytes from the beginning of this range.
    pub async fn read(&self, range: Range<u64>) -> Result<Bytes, StorageError> {
        let count = range.end.saturating_sub(range.start).min(PIECE_BYTES as u64);
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(0)];
        let file = self.file.clone();
        let read = move || file.read_exact_at(&mut bytes, range.start).map(|()| bytes);
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(bytes)) => Ok(bytes.into()),
            _ => Err(StorageError::Unavailable("reading what arrived".to_owned())),
        }
    }
}
