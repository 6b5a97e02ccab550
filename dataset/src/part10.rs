//! The DICOM file format (PS3.10 §7): reading the head of a stream, and writing our deterministic one.

use crate::{Refused, TransferSyntax};
use model::Uid;

/// What the file meta information says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMeta {
    /// (0002,0010)
    pub transfer_syntax: TransferSyntax,
    /// (0002,0002), when valid.
    pub sop_class: Option<Uid>,
    /// (0002,0003), when valid.
    pub sop_instance: Option<Uid>,
}

/// Splits a stream of Part 10 bytes into file meta information and data set, in pieces of any size.
pub struct HeadReader {/* owned by the engineer of this crate */}

impl HeadReader {
    /// A reader at the first byte of a file.
    #[must_use]
    pub fn new() -> Self {
        todo!()
    }
    /// Takes the next bytes. `Some((meta, rest))` once, when the head is complete: `rest` is the part of what was fed
    /// that already belongs to the data set.
    ///
    /// # Errors
    /// [`Refused::NotDicom`] when there is no `DICM`, [`Refused::OverLimit`] when the head is longer than 64 KiB.
    pub fn feed(&mut self, _bytes: &[u8]) -> Result<Option<(FileMeta, Vec<u8>)>, Refused> {
        todo!()
    }
}

impl Default for HeadReader {
    fn default() -> Self {
        Self::new()
    }
}

/// Preamble and file meta information of ours: the same arguments always give the same bytes.
#[must_use]
pub fn head(_transfer_syntax: &TransferSyntax, _sop_class: &Uid, _sop_instance: &Uid) -> Vec<u8> {
    todo!()
}
