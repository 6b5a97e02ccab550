//! An account of an organisation's single sign-on (OpenID Connect) that its holder has bound to their account here. What
//! counts is issuer and subject (OpenID Connect Core §5.7), never an e-mail address or a name.

use model::{PersonId, Sha256};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use time::OffsetDateTime;

/// A binding as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignOn {
    /// Whose account here.
    pub person: PersonId,
    /// Who says so.
    pub issuer: String,
    /// Of whom they say it.
    pub subject: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub bound_at: OffsetDateTime,
}

impl SignOn {
    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> Sha256 {
        id(&self.issuer, &self.subject)
    }
}

/// The identifier of a binding: its parts cannot run into each other.
#[must_use]
pub fn id(issuer: &str, subject: &str) -> Sha256 {
    Sha256(sha2::Sha256::digest(format!("{}:{issuer}{subject}", issuer.len())).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuer_and_subject_do_not_run_into_each_other() {
        assert_ne!(id("https://a", "bc"), id("https://ab", "c"));
        assert_eq!(id("https://a", "b"), id("https://a", "b"));
    }
}
