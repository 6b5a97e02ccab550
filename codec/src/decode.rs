//! Decoding a stored frame by its transfer syntax.

use crate::{CodecError, FrameFormat, Pixels};

/// Whether [`decode`] knows this transfer syntax UID.
#[must_use]
pub fn can_decode(_transfer_syntax: &str) -> bool {
    todo!()
}

/// Decodes one whole frame (all its fragments joined) to native little-endian pixels, by pixel.
/// `pixel_bytes_max` bounds the output before anything is allocated.
///
/// # Errors
/// [`CodecError`].
pub fn decode(
    _transfer_syntax: &str,
    _frame: &[u8],
    _format: &FrameFormat,
    _pixel_bytes_max: u64,
) -> Result<Pixels, CodecError> {
    todo!()
}
