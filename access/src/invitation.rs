//! An invitation: the one way to a first password, and to a new one after it was forgotten. Its secret is in a link that is
//! used once.

use model::{PersonId, Sha256};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// How long an invitation waits.
pub const LIFETIME: Duration = Duration::hours(72);

/// An invitation as it is kept; the secret itself is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// SHA-256 of the secret in the link.
    pub secret_sha256: Sha256,
    /// For whom.
    pub person: PersonId,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl Invitation {
    /// An invitation that begins now.
    #[must_use]
    pub fn new(secret_sha256: Sha256, person: PersonId, now: OffsetDateTime) -> Self {
        Self { secret_sha256, person, expires_at: now.saturating_add(LIFETIME) }
    }

    /// Whether it can be used at this moment.
    #[must_use]
    pub fn is_open_at(&self, at: OffsetDateTime) -> bool {
        at < self.expires_at
    }
}
