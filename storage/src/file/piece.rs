//! Memory that pieces of files are read into, used again and again: a piece that was just written to a connection is
//! still in the processor's cache when the next one is read into it, and nothing is cleared first.

use bytes::Bytes;
use std::sync::{Mutex, PoisonError};

/// Bytes of one piece: few enough to stay in the processor's cache between the copy out of the page cache and the copy
/// into a connection.
pub(crate) const PIECE_BYTES: usize = 128 << 10;
/// Pieces that are kept for the next reader: 4 MiB. More may be in use.
const SPARE_MAX: usize = 32;

static SPARE: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// A piece's memory; what is in it is whatever was read last.
pub(super) struct Piece {
    memory: Box<[u8]>,
    length: usize,
}

impl Piece {
    /// Room for so many bytes, at most [`PIECE_BYTES`].
    pub fn new(length: usize) -> Self {
        let spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let memory = spare.unwrap_or_else(|| vec![0; PIECE_BYTES].into());
        Self { length: length.min(memory.len()), memory }
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
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE_MAX {
            spare.push(std::mem::take(&mut self.memory));
        }
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
            let other = of(fill, 1000);
            assert!(other.len() == 1000 && other.iter().all(|byte| *byte == fill));
        }
        assert_eq!(part, [1; 10].as_slice());
    }
}
