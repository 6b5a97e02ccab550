//! The streaming scanner: a data set is pushed through it in pieces of any size, and out come the elements worth
//! keeping and the place of every frame. No recursion; depth, counts and kept bytes are bounded.

mod find_frames;
pub(crate) mod header;
mod inflate;
mod parser;

use crate::syntax::Encoding;
use crate::{Dataset, FrameIndex, PixelDescription, Refused, Tag, TransferSyntax};
use inflate::Inflater;
use model::{Limits, Uid};
use parser::Parser;

/// A push parser for one data set (without preamble and file meta information).
pub struct Scanner {
    parser: Parser,
    inflater: Option<Inflater>,
    /// Bytes received, before inflation.
    received: u64,
    object_bytes_max: u64,
}

/// What a finished scan knows.
#[derive(Debug, Clone)]
pub struct Scanned {
    /// All elements; large binary values as [`crate::Value::Bulk`], pixel data too. Group lengths and trailing padding
    /// are left out.
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
    pub fn new(syntax: &TransferSyntax, limits: &Limits) -> Self {
        let is_deflated = syntax.encoding() == Encoding::DeflatedLittle;
        Self {
            parser: Parser::new(syntax, limits),
            inflater: is_deflated.then(|| Inflater::new(limits.inflated_bytes_max)),
            received: 0,
            object_bytes_max: limits.object_bytes_max,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Refused`] as soon as a rule or a limit is broken; the scanner is of no use afterwards.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let room = usize::try_from(self.object_bytes_max - self.received).unwrap_or(usize::MAX);
        let allowed = bytes.get(..room).unwrap_or(bytes);
        match &mut self.inflater {
            None => self.parser.feed(allowed)?,
            Some(inflater) => inflater.feed(allowed, &mut self.parser)?,
        }
        self.received += allowed.len() as u64;
        if allowed.len() < bytes.len() {
            return Err(Refused::OverLimit("bytes of one object"));
        }
        Ok(())
    }

    /// How many of the next bytes are not looked at, and may be passed over with [`Scanner::skip`] instead of being read.
    #[must_use]
    pub fn skippable(&self) -> u64 {
        if self.inflater.is_some() { 0 } else { self.parser.skippable() }
    }

    /// Passes over bytes that need not be looked at: as [`Scanner::feed`], without the bytes. At most
    /// [`Scanner::skippable`] of them are passed over; the answer says how many were.
    pub fn skip(&mut self, count: u64) -> u64 {
        let count = count.min(self.skippable()).min(self.object_bytes_max - self.received);
        self.parser.skip(count);
        self.received += count;
        count
    }

    /// A UID that has come, at the top level of the data set, before its end.
    #[must_use]
    pub fn uid(&self, tag: Tag) -> Option<Uid> {
        self.parser.top().uid(tag)
    }

    /// The end of the data set. Frames are found here: Extended Offset Table or Basic Offset Table if it proves true
    /// against the items that were walked, otherwise one fragment per frame or, for a single frame, all fragments.
    /// When frames cannot be told apart, the index is empty: no image is refused for that.
    ///
    /// # Errors
    /// [`Refused::Truncated`] in the middle of an element, [`Refused::OverLimit`] for too many frames.
    pub fn finish(self) -> Result<Scanned, Refused> {
        if let Some(inflater) = &self.inflater {
            inflater.finish()?;
        }
        let mut scanned = self.parser.finish()?;
        scanned.length = self.received;
        if self.inflater.is_some() {
            scanned.frames = FrameIndex::default();
        }
        Ok(scanned)
    }
}

/// Scans a data set that is in memory: a C-FIND identifier, a small file.
///
/// # Errors
/// As [`Scanner::feed`] and [`Scanner::finish`].
pub fn scan(bytes: &[u8], syntax: &TransferSyntax, limits: &Limits) -> Result<Scanned, Refused> {
    let mut scanner = Scanner::new(syntax, limits);
    scanner.feed(bytes)?;
    scanner.finish()
}

#[cfg(test)]
mod tests;
