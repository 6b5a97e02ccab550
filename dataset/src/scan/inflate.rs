//! Inflating a deflated data set (PS3.5 §A.5) piece by piece, within a bound.

use super::parser::Parser;
use crate::Refused;
use flate2::{Decompress, FlushDecompress, Status};

/// Bytes that are inflated at a time.
const WINDOW_BYTES: usize = 32 * 1024;

pub(super) struct Inflater {
    state: Decompress,
    window: Box<[u8]>,
    is_complete: bool,
    /// The first bytes behind the deflate stream.
    trailer: Vec<u8>,
    inflated_bytes_max: u64,
}

/// Some writers end the stream as gzip does (RFC 1952): CRC-32 and length.
const TRAILER_BYTES: usize = 8;

impl Inflater {
    pub(super) fn new(inflated_bytes_max: u64) -> Self {
        Self {
            state: Decompress::new(false),
            window: vec![0; WINDOW_BYTES].into_boxed_slice(),
            is_complete: false,
            trailer: Vec::new(),
            inflated_bytes_max,
        }
    }

    /// The end of the data set: the deflate stream must be complete, and behind it only padding or its length.
    pub(super) fn finish(&self) -> Result<(), Refused> {
        let received = self.state.total_in() + self.trailer.len() as u64;
        if !self.is_complete {
            return Err(Refused::Truncated(received));
        }
        let length = (self.state.total_out() as u32).to_le_bytes();
        let is_gzip_trailer = self.trailer.get(4..TRAILER_BYTES) == Some(&length);
        if !is_gzip_trailer && self.trailer.iter().any(|&byte| byte != 0) {
            return Err(Refused::Malformed {
                at: self.state.total_in(),
                why: "bytes after the deflate stream",
            });
        }
        Ok(())
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8], parser: &mut Parser) -> Result<(), Refused> {
        // Where it is damaged depends on the pieces it came in, so no place is given.
        let damaged = Refused::Malformed { at: 0, why: "the deflate stream is damaged" };
        loop {
            if self.is_complete {
                let (trailer, padding) = bytes.split_at(bytes.len().min(TRAILER_BYTES - self.trailer.len()));
                self.trailer.extend_from_slice(trailer);
                let is_padding = padding.iter().all(|&byte| byte == 0);
                return if is_padding { Ok(()) } else { Err(damaged) };
            }
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(bytes, &mut self.window, FlushDecompress::None)
                .map_err(|_| damaged.clone())?;
            let taken = (self.state.total_in() - before_in) as usize;
            let made = (self.state.total_out() - before_out) as usize;
            bytes = bytes.get(taken..).unwrap_or_default();
            let room = usize::try_from(self.inflated_bytes_max - before_out).unwrap_or(usize::MAX);
            parser.feed(self.window.get(..made.min(room)).unwrap_or_default())?;
            if made > room {
                return Err(Refused::OverLimit("bytes of an inflated data set"));
            }
            match status {
                Status::StreamEnd => self.is_complete = true,
                _ if taken == 0 && made == 0 => {
                    return if bytes.is_empty() { Ok(()) } else { Err(damaged) };
                }
                _ if bytes.is_empty() && made < self.window.len() => return Ok(()),
                _ => {}
            }
        }
    }
}
