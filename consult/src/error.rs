//! Why a consult call failed; each variant is a decision for the caller.

use crate::state::{When, Who};
use crate::{Action, State};
use storage::StorageError;

/// Why a call was refused. No variant carries patient data; [`ConsultError::Conflict`] may name a colleague.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsultError {
    /// Not there, or not within the caller's reach: the same answer (404).
    #[error("not found")]
    NotFound,
    /// Visible, but not this caller's to do (403).
    #[error("not allowed: {0}")]
    Forbidden(&'static str),
    /// Somebody else was first, or the record has moved on (409).
    #[error("somebody else was first: the consult is {} in version {version}", state.word())]
    Conflict {
        /// Name of the person who has it, when someone has.
        holder: Option<String>,
        /// State that it is in now.
        state: State,
        /// Version that it is in now.
        version: i64,
    },
    /// The state does not allow the action, whoever asks (409).
    #[error("a consult that is {} cannot {}", state.word(), action.word())]
    WrongState {
        /// State that it is in.
        state: State,
        /// What was asked for.
        action: Action,
    },
    /// The step is possible now, and somebody else's (403).
    #[error("{} is for {}", action.word(), names(whose))]
    NotYours {
        /// Whose it is.
        whose: &'static [Who],
        /// What was asked for.
        action: Action,
    },
    /// The step is the caller's, and a circumstance keeps it from being taken (409).
    #[error("{} is not possible now: {}", action.word(), why.why())]
    NotNow {
        /// What keeps it.
        why: When,
        /// What was asked for.
        action: Action,
    },
    /// A field is wrong or missing (422).
    #[error("{field}: {why}")]
    Invalid {
        /// `question`, `consent`, `agreement`, `study`, `reason`, …
        field: &'static str,
        /// The rule that was broken, for people.
        why: &'static str,
    },
    /// The report has changed since it was displayed: what would be signed is not what was read (412).
    #[error("the report has changed since it was displayed")]
    Stale,
    /// The passphrase does not unlock the signing key (403).
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// The reader's signature has no time stamp yet, so the reviewer's cannot follow (503).
    #[error("the report waits for its time stamp")]
    AwaitingTimeStamp,
    /// The person has no signing key (403).
    #[error("this person has no signing key")]
    NoSigningKey,
    /// Fields of the report that must be filled before it is signed (422).
    #[error("the report lacks {}", .0.join(", "))]
    Missing(Vec<String>),
    /// The report could not be made or signed; details are in the log (500).
    #[error("the report could not be made: {0}")]
    Failed(&'static str),
    /// Try again later (503).
    #[error("temporarily unavailable")]
    Unavailable,
}

fn names(whose: &[Who]) -> String {
    whose.iter().map(|who| who.english()).collect::<Vec<_>>().join(" or ")
}

impl From<access::CredentialFault> for ConsultError {
    fn from(fault: access::CredentialFault) -> Self {
        Self::Forbidden(fault.text())
    }
}

impl From<StorageError> for ConsultError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound => Self::NotFound,
            StorageError::Corrupt(_) => Self::Failed("what is kept is damaged"),
            StorageError::Refused(_) | StorageError::Invalid { .. } => Self::Failed("storage refused"),
            StorageError::Conflict(_) | StorageError::OutOfResources(_) | StorageError::Unavailable(_) => {
                tracing::warn!(%error, "storage did not take a change");
                Self::Unavailable
            }
        }
    }
}
