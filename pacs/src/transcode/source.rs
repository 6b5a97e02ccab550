//! The bytes of a stored data set by their place in it, inflated if it is kept deflated.

use bytes::Bytes;
use dataset::scan::{Scanned, Scanner};
use dataset::syntax::Encoding;
use flate2::{Decompress, FlushDecompress, Status};
use std::collections::VecDeque;
use std::ops::Range;
use storage::{InstanceRef, Storage, StorageError};

/// Bytes that are read at once.
const READ_BYTES: u64 = 1 << 20;
/// Bytes of a deflated data set that are read, and of its inflated form that are made, at once: short work for an
/// async thread.
const INFLATE_BYTES: usize = 64 << 10;

/// Reads a stored data set from its beginning to its end. Ranges of a deflated one must come in ascending order.
pub struct Source {
    storage: Storage,
    instance: InstanceRef,
    inflated: Option<Inflated>,
}

struct Inflated {
    inflate: Box<Decompress>,
    /// Where the next compressed byte stands in the file.
    file_at: u64,
    compressed: Bytes,
    /// Where the next byte of `ready` stands in the inflated data set.
    at: u64,
    ready: VecDeque<u8>,
    is_over: bool,
}

const SHORT: StorageError = StorageError::Corrupt("an object is shorter than its row says");

impl Source {
    /// At the beginning of an instance's data set.
    pub fn new(storage: &Storage, instance: &InstanceRef) -> Self {
        let is_deflated = instance.syntax().encoding() == Encoding::DeflatedLittle;
        let inflated = is_deflated.then(|| Inflated {
            inflate: Box::new(Decompress::new(false)),
            file_at: instance.head_length(),
            compressed: Bytes::new(),
            at: 0,
            ready: VecDeque::new(),
            is_over: false,
        });
        Self { storage: storage.clone(), instance: instance.clone(), inflated }
    }

    /// Some bytes from the beginning of this range of the data set; empty only when the range is.
    pub async fn read(&mut self, range: Range<u64>) -> Result<Bytes, StorageError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        if self.inflated.is_some() {
            return self.read_inflated(range).await?.ok_or(SHORT);
        }
        let head = self.instance.head_length();
        let start = head.checked_add(range.start).ok_or(SHORT)?;
        let end = head.checked_add(range.end).ok_or(SHORT)?.min(start.saturating_add(READ_BYTES));
        let bytes = self.storage.read(&self.instance, start..end).await?;
        if bytes.is_empty() { Err(SHORT) } else { Ok(bytes) }
    }

    /// The inflated data set from here on; `None` at its end.
    pub async fn next_inflated(&mut self) -> Result<Option<Bytes>, StorageError> {
        let Some(inflated) = &self.inflated else { return Ok(None) };
        let at = inflated.at;
        self.read_inflated(at..u64::MAX).await
    }

    async fn read_inflated(&mut self, range: Range<u64>) -> Result<Option<Bytes>, StorageError> {
        let end_of_file = self.instance.file_length();
        let bytes_max = self.storage.limits().inflated_bytes_max;
        loop {
            let Some(inflated) = &mut self.inflated else { return Ok(None) };
            let passed = range.start.saturating_sub(inflated.at).min(inflated.ready.len() as u64);
            inflated.take(usize::try_from(passed).unwrap_or(usize::MAX));
            if inflated.at == range.start && !inflated.ready.is_empty() {
                let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
                return Ok(Some(inflated.take(wanted).into()));
            }
            if inflated.is_over || inflated.at > range.start {
                return Ok(None);
            }
            if inflated.compressed.is_empty() && inflated.file_at < end_of_file {
                let piece = inflated.file_at..end_of_file.min(inflated.file_at + INFLATE_BYTES as u64);
                let bytes = self.storage.read(&self.instance, piece).await?;
                inflated.file_at += bytes.len() as u64;
                inflated.compressed = bytes;
            }
            inflated.inflate(bytes_max)?;
        }
    }
}

impl Inflated {
    fn take(&mut self, count: usize) -> Vec<u8> {
        let taken: Vec<u8> = self.ready.drain(..count.min(self.ready.len())).collect();
        self.at += taken.len() as u64;
        taken
    }

    fn inflate(&mut self, bytes_max: u64) -> Result<(), StorageError> {
        let mut out = Vec::with_capacity(INFLATE_BYTES);
        let before = self.inflate.total_in();
        let status = self
            .inflate
            .decompress_vec(&self.compressed, &mut out, FlushDecompress::None)
            .map_err(|_| StorageError::Corrupt("a deflated data set"))?;
        let taken = usize::try_from(self.inflate.total_in() - before).unwrap_or(usize::MAX);
        self.compressed = self.compressed.slice(taken.min(self.compressed.len())..);
        if self.inflate.total_out() > bytes_max {
            return Err(StorageError::OutOfResources("the data set inflates beyond the node's limit"));
        }
        self.is_over = status == Status::StreamEnd || (taken == 0 && out.is_empty());
        self.ready.extend(out);
        Ok(())
    }
}

/// Scans a stored data set once more; it was sound when it came in. Of large values only the places are looked at.
///
/// # Errors
/// [`StorageError`].
pub async fn scan(storage: &Storage, instance: &InstanceRef) -> Result<Scanned, StorageError> {
    let mut scanner = Scanner::new(instance.syntax(), storage.limits());
    let (mut at, end) = (instance.head_length(), instance.file_length());
    while at < end {
        let skipped = scanner.skip(end - at);
        at += skipped;
        if at >= end {
            break;
        }
        let bytes = storage.read(instance, at..end.min(at + INFLATE_BYTES as u64)).await?;
        if bytes.is_empty() {
            return Err(SHORT);
        }
        at += bytes.len() as u64;
        scanner.feed(&bytes)?;
    }
    Ok(scanner.finish()?)
}
