//! Signatures in a PDF (PAdES, ETSI EN 319 142-1; ISO 32000-2 §12.8): one increment per signer.
//!
//! The reader's increment makes two signature fields, one signed and one that waits for the reviewer, and the document
//! security store. The reviewer's fills the waiting field and adds to the store; nothing else of the file changes, and
//! [`read`] holds every file to that. A time stamp goes into the room that its signature has left, so the last signature
//! always covers the whole file.

mod appearance;
mod increment;
mod read;
mod tags;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Coverage, EmbeddedSignature, PdfSignatures, read};
pub use write::{Dss, Field, Prepared, SignerNote, prepare, put_signature};

/// Bytes of a signature with its time stamp, at most: the room that is left in the file.
pub const ROOM_BYTES: usize = 24 << 10;

/// The reader's field.
pub const READER_FIELD: &str = "reader";
/// The reviewer's field.
pub const REVIEWER_FIELD: &str = "reviewer";

/// Why a PDF could not be signed or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PadesError {
    /// Not a PDF that can be read, or not one of ours.
    #[error("the PDF cannot be read: {0}")]
    Malformed(&'static str),
    /// The signature needs more room than there is.
    #[error("the signature is longer than the room left for it")]
    TooLong,
}

/// Where a field is on a page, in points from the lower left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// From 0.
    pub page: usize,
    /// Left, bottom, right, top.
    pub rectangle: [f32; 4],
}
