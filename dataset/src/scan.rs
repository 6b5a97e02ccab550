//! The streaming scanner: a data set is pushed through it in pieces of any size, and out come the elements worth
//! keeping and the place of every frame. No recursion; depth, counts and kept bytes are bounded.

use crate::{Dataset, FrameIndex, PixelDescription, Refused, TransferSyntax};
use model::Limits;

/// A push parser for one data set (without preamble and file meta information).
pub struct Scanner {/* owned by the engineer of this crate */}

/// What a finished scan knows.
#[derive(Debug, Clone)]
pub struct Scanned {
    /// All elements; large binary values as [`crate::Value::Bulk`], pixel data too.
    pub dataset: Dataset,
    /// Image Pixel attributes, when there is pixel data.
    pub pixels: Option<PixelDescription>,
    /// Place of every frame as stored; empty without pixel data, and for a deflated data set (whose frames have no
    /// place of their own in the object).
    pub frames: FrameIndex,
    /// Length of the data set in bytes, as received.
    pub length: u64,
}

impl Scanner {
    /// A scanner for a data set in this transfer syntax.
    #[must_use]
    pub fn new(_syntax: &TransferSyntax, _limits: &Limits) -> Self {
        todo!()
    }
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Refused`] as soon as a rule or a limit is broken; the scanner is of no use afterwards.
    pub fn feed(&mut self, _bytes: &[u8]) -> Result<(), Refused> {
        todo!()
    }
    /// The end of the data set. Frames are found here: Extended Offset Table or Basic Offset Table if it proves true
    /// against the items that were walked, otherwise one fragment per frame or, for a single frame, all fragments.
    ///
    /// # Errors
    /// [`Refused::Truncated`] in the middle of an element, [`Refused::Malformed`] when frames cannot be told apart.
    pub fn finish(self) -> Result<Scanned, Refused> {
        todo!()
    }
}

/// Scans a data set that is in memory: a C-FIND identifier, a small file.
///
/// # Errors
/// As [`Scanner::feed`] and [`Scanner::finish`].
pub fn scan(_bytes: &[u8], _syntax: &TransferSyntax, _limits: &Limits) -> Result<Scanned, Refused> {
    todo!()
}
