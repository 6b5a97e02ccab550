//! Why a slide was refused or not found; each variant is a decision for the caller.

use storage::StorageError;

/// Why a call about slides failed. No variant carries patient data or file content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlideError {
    /// Not there, or not within the caller's scope: the same answer.
    #[error("not found")]
    NotFound,
    /// What is asked for is written wrongly, or is not what the slide has.
    #[error("invalid: {0}")]
    Invalid(&'static str),
    /// What is asked for cannot be: outside the slide, empty, or larger than what is made in one piece. Says what to ask for.
    #[error("{0}")]
    Refused(&'static str),
    /// The file is no slide that we know.
    #[error("not a slide: {0}")]
    NotASlide(&'static str),
    /// A slide, but of a kind that there is no reader for.
    #[error("this slide is not supported: {0}")]
    Unsupported(&'static str),
    /// The file breaks its own rules, or is cut short.
    #[error("the slide file is damaged: {0}")]
    Damaged(&'static str),
    /// One of the several files that a slide is made of, without all the others.
    #[error("the slide is of several files, and some of them are missing")]
    Incomplete,
    /// Larger than the node's limits allow.
    #[error("the slide is over a limit: {0}")]
    OverLimit(&'static str),
    /// The file changed while it was read.
    #[error("the file changed while it was imported")]
    Changed,
    /// It has another SHA-256 than whoever sent it says.
    #[error("the file did not arrive as it was sent")]
    Checksum,
    /// Instances with the same identifiers and other content are already there.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// The file could not be read; the kind only, never its name.
    #[error("the file cannot be read: {0}")]
    Io(std::io::ErrorKind),
    /// The storage refused.
    #[error(transparent)]
    Storage(StorageError),
}

impl From<StorageError> for SlideError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound => Self::NotFound,
            other => Self::Storage(other),
        }
    }
}

impl From<std::io::Error> for SlideError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Self::Damaged("it ends before it should"),
            kind => Self::Io(kind),
        }
    }
}
