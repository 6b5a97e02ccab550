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
    /// There is no memory for it now (19 MiB); it says nothing of the password.
    #[error("there is no memory to check the password")]
    OutOfMemory,
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
        .map_err(failure)
}

/// A hash of nothing that anybody knows, with the default parameters.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmUhIQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Whether the password belongs to the hash. For an account that does not exist, pass `None`: the same work is done
/// and the answer is no, so that timing does not tell.
///
/// # Errors
/// [`PasswordError::OutOfMemory`] and [`PasswordError::Failed`], which say nothing of the password.
pub fn verify(password: &Secret, phc: Option<&str>) -> Result<bool, PasswordError> {
    let parsed = argon2::password_hash::phc::PasswordHash::new(phc.unwrap_or(NOBODY))
        .map_err(|_| PasswordError::Failed)?;
    match Argon2::default().verify_password(password.expose().as_bytes(), &parsed) {
        Ok(()) => Ok(phc.is_some()),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(failure(error)),
    }
}

fn failure(error: argon2::password_hash::Error) -> PasswordError {
    match error {
        argon2::password_hash::Error::OutOfMemory => PasswordError::OutOfMemory,
        _ => PasswordError::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_verifies() {
        let phc = hash(&Secret::new("密码 correct".into())).unwrap();
        assert!(phc.starts_with("$argon2id$"));
        let check = |password: &str, phc| verify(&Secret::new(password.into()), phc);
        assert_eq!(check("密码 correct", Some(phc.as_str())), Ok(true));
        assert_eq!(check("密码 wrong", Some(phc.as_str())), Ok(false));
        assert_eq!(check("nobody's password", None), Ok(false));
        assert_eq!(check("密码 correct", Some("no hash")), Err(PasswordError::Failed));
        assert_eq!(hash(&Secret::new("short".into())), Err(PasswordError::TooShort));
    }

    #[test]
    fn an_account_that_is_not_there_takes_the_same_work() {
        let parameters = |phc: &str| phc.rsplitn(3, '$').nth(2).map(str::to_owned);
        let phc = hash(&Secret::new("12345678".into())).unwrap();
        assert_eq!(parameters(NOBODY), parameters(&phc));
        assert_eq!(NOBODY.len(), phc.len());
    }
}
