//! Writing data sets: Explicit and Implicit VR Little Endian (PS3.5 §7), sequences with defined length.

use crate::{Dataset, TransferSyntax};

/// The bytes of a data set. Bulk values cannot be written and are left out. Only Implicit VR Little Endian and
/// Explicit VR Little Endian (also for every encapsulated syntax) are written.
#[must_use]
pub fn to_bytes(_dataset: &Dataset, _syntax: &TransferSyntax) -> Vec<u8> {
    todo!()
}

/// The bytes of a data set, group lengths absent, with Pixel Data to follow: what stands before (7FE0,0010).
#[must_use]
pub fn pixel_data_header_encapsulated() -> [u8; 12] {
    [0xE0, 0x7F, 0x10, 0x00, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]
}
