//! Why a note was not taken; each variant is a decision for the caller.

use crate::SlideError;
use storage::StorageError;

/// Why a call about notes failed. No variant carries what somebody wrote.
#[derive(Debug, thiserror::Error)]
pub enum NoteError {
    /// Not there, or not within the caller's reach: the same answer (404).
    #[error("not found")]
    NotFound,
    /// Visible, but not this caller's to do (403).
    #[error("not allowed: {0}")]
    Forbidden(&'static str),
    /// It has changed since the caller read it (412).
    #[error("changed since it was read")]
    Stale,
    /// A field is wrong (422).
    #[error("{field}: {why}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// The rule that was broken, for people.
        why: &'static str,
    },
    /// The slide takes no more of this organisation's notes (422).
    #[error("full: {0}")]
    Full(&'static str),
    /// Many write at once; try again (503).
    #[error("too many write at once")]
    Busy,
    /// From reading the slide.
    #[error(transparent)]
    Slide(SlideError),
}

impl From<StorageError> for NoteError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound => Self::NotFound,
            other => Self::Slide(SlideError::Storage(other)),
        }
    }
}

impl From<SlideError> for NoteError {
    fn from(error: SlideError) -> Self {
        match error {
            SlideError::NotFound | SlideError::Storage(StorageError::NotFound) => Self::NotFound,
            other => Self::Slide(other),
        }
    }
}
