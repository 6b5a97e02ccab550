//! Why storage refused; each variant is a decision for the caller.

/// Why a storage call failed. No variant carries patient data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// Not there, or not within the caller's scope: the same answer.
    #[error("not found")]
    NotFound,
    /// Somebody else was first, or the version is not the expected one.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// The data set is refused.
    #[error(transparent)]
    Refused(#[from] dataset::Refused),
    /// A field of what was asked for is not as it must be.
    #[error("{field}: {why}")]
    Invalid {
        /// Its name in the interface.
        field: &'static str,
        /// What it must be.
        why: &'static str,
    },
    /// The disk is full, or a quota is.
    #[error("out of resources: {0}")]
    OutOfResources(&'static str),
    /// What is kept does not match its hash or index; nothing of it is handed out.
    #[error("what is kept is damaged: {0}")]
    Corrupt(&'static str),
    /// Try again later; details are in the log under this text's place.
    #[error("temporarily unavailable: {0}")]
    Unavailable(String),
}
