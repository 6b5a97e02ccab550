//! Buffers that direct writes take as they are: a block for an entry's header, then up to 1 MiB of a data set. A buffer
//! begins small, so that senders who have sent next to nothing hold next to nothing.

use std::sync::{Arc, Mutex, PoisonError};

/// What direct writes are aligned to, and what every entry begins at a multiple of.
pub(crate) const BLOCK: usize = 4096;
/// Bytes of a data set that one buffer holds.
pub(crate) const DATA_BYTES_MAX: usize = 1 << 20;
/// Bytes that are taken at once: they are hashed and scanned while they are in the processor's cache.
const ROOM_BYTES_MAX: usize = 128 << 10;
/// Bytes of a data set that a new buffer holds before it grows to its full size.
const FIRST_BYTES: usize = ROOM_BYTES_MAX;
/// Buffers of full size that wait to be used again.
const IDLE_MAX: usize = 24;

/// Buffers that are free: memory that has been touched once is not asked of the kernel again.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    /// An empty buffer.
    pub fn take(self: &Arc<Self>) -> Buffer {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = idle.unwrap_or_else(|| memory(FIRST_BYTES));
        Buffer { start: aligned(&bytes), bytes, length: 0, pool: self.clone() }
    }
}

/// Memory for a header and so many bytes of a data set, wherever its aligned part begins.
fn memory(data_bytes: usize) -> Vec<u8> {
    vec![0; BLOCK + data_bytes + BLOCK]
}

fn aligned(bytes: &[u8]) -> usize {
    bytes.as_ptr().align_offset(BLOCK).min(BLOCK)
}

/// One buffer; it goes back to its pool.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    /// Where the aligned part begins.
    start: usize,
    /// Bytes of the data set so far.
    length: usize,
    pool: Arc<Pool>,
}

impl Buffer {
    /// Bytes of a data set that there is memory for.
    fn capacity(&self) -> usize {
        self.bytes.len().saturating_sub(2 * BLOCK)
    }

    fn grow(&mut self) {
        let mut bytes = memory(DATA_BYTES_MAX);
        let start = aligned(&bytes);
        let (from, to) = (self.start + BLOCK, start + BLOCK);
        if let (Some(old), Some(new)) =
            (self.bytes.get(from..from + self.length), bytes.get_mut(to..to + self.length))
        {
            new.copy_from_slice(old);
        }
        self.bytes = bytes;
        self.start = start;
    }

    /// Where the next bytes of the data set belong: some of the free part, empty when there is none.
    pub fn room(&mut self) -> &mut [u8] {
        if self.length == self.capacity() && self.length < DATA_BYTES_MAX {
            self.grow();
        }
        let count = (self.capacity() - self.length).min(ROOM_BYTES_MAX);
        let from = self.start + BLOCK + self.length;
        self.bytes.get_mut(from..from + count).unwrap_or_default()
    }

    /// So many bytes have been put into [`Buffer::room`]: these.
    pub fn filled(&mut self, count: usize) -> &[u8] {
        let count = count.min(self.capacity() - self.length);
        let from = self.start + BLOCK + self.length;
        self.length += count;
        self.bytes.get(from..from + count).unwrap_or_default()
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// The data set's bytes, padded with zeros to whole blocks.
    pub fn blocks(&mut self) -> &[u8] {
        let (from, to) = self.pad();
        self.bytes.get(from + BLOCK..to).unwrap_or_default()
    }

    /// The header's block, to be filled.
    pub fn header(&mut self) -> &mut [u8] {
        let start = self.start;
        self.bytes.get_mut(start..start + BLOCK).unwrap_or_default()
    }

    /// Header and data set, padded with zeros to whole blocks.
    pub fn entry(&mut self) -> &[u8] {
        let (from, to) = self.pad();
        self.bytes.get(from..to).unwrap_or_default()
    }

    fn pad(&mut self) -> (usize, usize) {
        let end = self.start + BLOCK + self.length;
        let to = self.start + BLOCK + self.length.next_multiple_of(BLOCK);
        if let Some(padding) = self.bytes.get_mut(end..to) {
            padding.fill(0);
        }
        (self.start, to)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut idle = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        if self.capacity() == DATA_BYTES_MAX && idle.len() < IDLE_MAX {
            idle.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_of_little_holds_little() {
        let pool = Arc::new(Pool::default());
        let mut buffer = pool.take();
        buffer.room()[..5].copy_from_slice(b"hello");
        assert_eq!(buffer.filled(5), b"hello");
        assert!(buffer.bytes.len() <= FIRST_BYTES + 2 * BLOCK);
        // A small one does not wait in the place of one that has grown.
        drop(buffer);
        assert!(pool.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_used_buffer_shows_nothing_of_what_was_in_it() {
        let pool = Arc::new(Pool::default());
        let mut buffer = pool.take();
        let mut total = 0;
        while let count @ 1.. = buffer.room().len() {
            buffer.room().fill(7);
            assert_eq!(buffer.filled(count), vec![7; count]);
            total += count;
        }
        assert_eq!(total, DATA_BYTES_MAX);
        assert_eq!(buffer.filled(1), b"");
        assert!(buffer.blocks().iter().all(|byte| *byte == 7));
        drop(buffer);
        let mut buffer = pool.take();
        buffer.room()[..3].copy_from_slice(b"abc");
        assert_eq!(buffer.filled(3), b"abc");
        assert_eq!(buffer.entry().len(), 2 * BLOCK);
        assert_eq!(buffer.entry().as_ptr().align_offset(BLOCK), 0);
        let (text, padding) = buffer.blocks().split_at(3);
        assert_eq!(text, b"abc");
        assert!(padding.iter().all(|byte| *byte == 0));
    }
}
