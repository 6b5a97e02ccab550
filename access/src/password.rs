//! Passwords as argon2id hashes (RFC 9106). Both functions take tens of milliseconds of CPU: call them off the
//! async threads.

use crate::Secret;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};

/// Why a password could not be hashed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Shorter than [`LENGTH_MIN`] characters.
    #[error("a password needs at least {LENGTH_MIN} characters")]
    TooShort,
    /// The hash could not be computed.
    #[error("the password could not be hashed")]
    Failed,
}

/// Characters of a password at least.
pub const LENGTH_MIN: usize = 8;

/// Hashes a password to a PHC string.
///
/// # Errors
/// [`PasswordError`].
pub fn hash(password: &Secret) -> Result<String, PasswordError> {
    if password.expose().chars().count() < LENGTH_MIN {
        return Err(PasswordError::TooShort);
    }
    Argon2::default()
        .hash_password(password.expose().as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|_| PasswordError::Failed)
}

/// Whether the password belongs to the hash. For an account that does not exist, pass `None`: the same work is done
/// and the answer is no, so that timing does not tell.
#[must_use]
pub fn verify(password: &Secret, phc: Option<&str>) -> bool {
    use std::sync::LazyLock;
    static NOBODY: LazyLock<String> = LazyLock::new(|| {
        Argon2::default().hash_password(b"nobody's password").map(|h| h.to_string()).unwrap_or_default()
    });
    let phc_is_real = phc.is_some();
    let Ok(parsed) = argon2::password_hash::phc::PasswordHash::new(phc.unwrap_or(&NOBODY)) else {
        return false;
    };
    Argon2::default().verify_password(password.expose().as_bytes(), &parsed).is_ok() && phc_is_real
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_verifies() {
        let phc = hash(&Secret::new("密码 correct".into())).unwrap();
        assert!(phc.starts_with("$argon2id$"));
        assert!(verify(&Secret::new("密码 correct".into()), Some(&phc)));
        assert!(!verify(&Secret::new("密码 wrong".into()), Some(&phc)));
        assert!(!verify(&Secret::new("nobody's password".into()), None));
        assert_eq!(hash(&Secret::new("short".into())), Err(PasswordError::TooShort));
    }
}
