//! Why a slide was refused or not found; each variant is a decision for the caller.

use codec::CodecError;
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

impl SlideError {
    /// What a codec's failure is while a file is brought in: that `fault` of the file, or, where nothing is known of the
    /// bytes, that they could not be read this time.
    pub(crate) fn of_codec(fault: Self) -> impl FnOnce(CodecError) -> Self {
        move |error| match error {
            CodecError::TimedOut | CodecError::WorkerLost => Self::Io(std::io::ErrorKind::TimedOut),
            CodecError::Unsupported(_) | CodecError::Damaged(_) | CodecError::OverLimit => fault,
        }
    }

    /// Whether it says nothing of the file, which may be read the next time.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Io(_) | Self::Storage(_))
    }
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
