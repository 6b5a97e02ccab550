//! Memory that pieces of files are read into, used again and again: a piece that was just written to a connection is
//! still in the processor's cache when the next one is read into it, and nothing is cleared first.

use bytes::Bytes;
use std::sync::{Mutex, PoisonError};

/// Bytes of the largest piece: few enough to stay in the processor's cache between the copy out of the page cache and the
/// copy into a connection.
pub(crate) const PIECE_BYTES: usize = 128 << 10;
/// Memory that is kept for the next reader, of each size. More may be in use.
const SPARE_BYTES_MAX: usize = 4 << 20;

/// Pieces of one size. Most tiles of a slide fit into the smaller ones, so that many of them that wait for a slow line do
/// not take the memory of large ones.
struct Size {
    bytes: usize,
    spare: Mutex<Vec<Box<[u8]>>>,
}

static SIZES: [Size; 3] = [Size::new(16 << 10), Size::new(32 << 10), Size::new(PIECE_BYTES)];

impl Size {
    const fn new(bytes: usize) -> Self {
        Self { bytes, spare: Mutex::new(Vec::new()) }
    }

    fn take(&self) -> Box<[u8]> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| vec![0; self.bytes].into())
    }

    fn put_back(&self, memory: Box<[u8]>) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE_BYTES_MAX / self.bytes {
            spare.push(memory);
        }
    }
}

/// A piece's memory; what is in it is whatever was read last.
pub(super) struct Piece {
    size: &'static Size,
    memory: Box<[u8]>,
    length: usize,
}

impl Piece {
    /// Room for so many bytes, at most [`PIECE_BYTES`].
    pub fn new(length: usize) -> Self {
        let [small, middle, large] = &SIZES;
        let size = [small, middle].into_iter().find(|size| length <= size.bytes).unwrap_or(large);
        let memory = size.take();
        Self { size, length: length.min(memory.len()), memory }
    }

    pub fn room(&mut self) -> &mut [u8] {
        self.memory.get_mut(..self.length).unwrap_or_default()
    }

    /// The bytes; the memory comes back when nobody needs them any more.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        self.memory.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.size.put_back(std::mem::take(&mut self.memory));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stay_as_they_are_while_others_read() {
        let of = |fill: u8, length: usize| {
            let mut piece = Piece::new(length);
            piece.room().fill(fill);
            piece.into_bytes()
        };
        let kept = of(1, PIECE_BYTES);
        let part = kept.slice(10..20);
        drop(kept);
        for fill in 2..50 {
            for length in [1000, 16 << 10, (16 << 10) + 1, PIECE_BYTES] {
                let other = of(fill, length);
                assert!(other.len() == length && other.iter().all(|byte| *byte == fill));
            }
        }
        assert_eq!(part, [1; 10].as_slice());
    }
}
