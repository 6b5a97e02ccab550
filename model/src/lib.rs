//! The words that every crate shares: identifiers, hashes, scopes, queries and limits.
//!
//! Floor 1 of the house. Everything here is parsed at the edge and trusted inside: a [`Uid`] that exists is a valid
//! UID. This crate knows nothing of tokio, SQL, HTTP or files.

pub mod id;
pub mod limits;
pub mod query;
pub mod scope;
pub mod sha256;
pub mod time_text;
pub mod uid;

pub use id::{AeTitle, ConsultId, OrgId, PersonId, SlideId, TokenId};
pub use limits::Limits;
pub use query::{Key, Level, Matching, Query};
pub use scope::{Actor, ActorKind, Reach, Scope};
pub use sha256::Sha256;
pub use uid::Uid;

/// Why a text is not the thing it was meant to be. Never carries the text itself: it may be personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}: {why}")]
pub struct Invalid {
    /// The noun that was expected, such as `UID`.
    pub what: &'static str,
    /// The rule that was broken.
    pub why: &'static str,
}
