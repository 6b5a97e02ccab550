//! Secrets that cannot be printed, and how they are made and recognised.

use model::Sha256;
use sha2::Digest;
use std::fmt;

/// A secret text: a session cookie, a bearer token, a passphrase. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// A new random secret of 256 bits, in URL-safe base64.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        use base64::Engine as _;
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Whether it has the shape of a [`Self::random`] one: worth keeping when a browser shows it.
    #[must_use]
    pub fn is_shaped_as_random(&self) -> bool {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&self.0);
        bytes.is_ok_and(|bytes| bytes.len() == 32)
    }

    /// The text, for the one place that sends or derives from it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// SHA-256 of the text: what is stored and looked up. Good for random secrets, never for passwords.
    #[must_use]
    pub fn sha256(&self) -> Sha256 {
        Sha256(sha2::Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_and_not_shown() {
        let secret = Secret::random().unwrap();
        assert_eq!(secret.expose().len(), 43);
        assert!(!format!("{secret:?}").contains(secret.expose()));
        assert_ne!(secret.sha256(), Secret::random().unwrap().sha256());
        assert!(secret.is_shaped_as_random());
        for other in ["", "x", &secret.expose()[1..], &format!("{}A", secret.expose()), "密码"] {
            assert!(!Secret::new(other.to_owned()).is_shaped_as_random(), "{other}");
        }
    }
}
