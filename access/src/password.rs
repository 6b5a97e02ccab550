//! Passwords as argon2id hashes (RFC 9106). Both functions take tens of milliseconds of CPU: call them off the
//! async threads.

use crate::Secret;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use sha2::Digest as _;

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

/// Characters of a password at most: what is longer is a file, and only costs time.
pub const LENGTH_MAX: usize = 128;

/// The commonest passwords of breaches, of those that are long enough (NIST SP 800-63B §3.1.1.2): the first bytes of their
/// SHA-256 in lower case, sorted; `scripts/common-passwords.py` makes the file. Digits and letters in a row and repetitions
/// are found without a list.
const COMMON: &[u8] = include_bytes!("common_passwords.bin");
const COMMON_HASH_BYTES: usize = 6;

/// Those that are guessed here and are not in that list.
const COMMON_HERE: [&str; 8] = [
    "p@ssword1",
    "admin@123",
    "root1234",
    "aa12345678",
    "5201314520",
    "wang123456",
    "farsight",
    "farsight-demo",
];

fn is_common(text: &str) -> bool {
    let hash = sha2::Sha256::digest(text.as_bytes());
    let (hashes, _) = COMMON.as_chunks::<COMMON_HASH_BYTES>();
    COMMON_HERE.contains(&text)
        || hashes.binary_search_by(|known| known[..].cmp(&hash[..COMMON_HASH_BYTES])).is_ok()
}

/// Whether a new password may be one: long enough, and none that a guesser tries first. No rule about kinds of characters.
///
/// # Errors
/// Why not, for people.
pub fn check_new(password: &Secret, login: &str) -> Result<(), &'static str> {
    let text = password.expose().to_lowercase();
    let letters: Vec<char> = text.chars().collect();
    if letters.len() < LENGTH_MIN || letters.len() > LENGTH_MAX {
        return Err("密码为8到128个字符 / a password has 8 to 128 characters");
    }
    let follows = |step: i64| {
        letters.windows(2).all(|two| i64::from(u32::from(two[1])) - i64::from(u32::from(two[0])) == step)
    };
    let kinds = letters.iter().collect::<std::collections::BTreeSet<_>>().len();
    let holds_login = !login.is_empty() && text.contains(&login.to_lowercase()) && letters.len() < 16;
    let starts_like_digits = "01234567890123456789".contains(&text) || "98765432109876543210".contains(&text);
    if is_common(&text) || kinds < 4 || follows(1) || follows(-1) || holds_login || starts_like_digits {
        return Err(
            "这个密码太常见，容易被猜中，请换一个 / this password is among the first that are guessed",
        );
    }
    Ok(())
}

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
    // Who was invited and has not come yet has no password.
    let phc = phc.filter(|phc| !phc.is_empty());
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
        assert_eq!(check("", Some("")), Ok(false));
        assert_eq!(check("密码 correct", Some("no hash")), Err(PasswordError::Failed));
        assert_eq!(hash(&Secret::new("short".into())), Err(PasswordError::TooShort));
    }

    #[test]
    fn what_is_guessed_first_is_refused_whatever_characters_it_has() {
        let check = |password: &str| check_new(&Secret::new(password.into()), "wangjg").is_ok();
        for bad in [
            "short",
            "12345678",
            "87654321",
            "90123456",
            "Password1",
            "aaaaaaaa",
            "abababab",
            "abcdefgh",
            "P@ssw0rd",
            "wangjg2026",
            "Farsight-Demo",
            "iloveyou2",
            "Liverpool1",
            "qwertyuiop",
            "wang123456",
        ] {
            assert!(!check(bad), "{bad}");
        }
        assert!(!check(&"长".repeat(129)));
        for good in ["清河镇卫生院今天下雨", "tidal otter 47", "kd8-qm2-xv5", "correct horse battery staple"]
        {
            assert!(check(good), "{good}");
        }
    }

    #[test]
    fn an_account_that_is_not_there_takes_the_same_work() {
        let parameters = |phc: &str| phc.rsplitn(3, '$').nth(2).map(str::to_owned);
        let phc = hash(&Secret::new("12345678".into())).unwrap();
        assert_eq!(parameters(NOBODY), parameters(&phc));
        assert_eq!(NOBODY.len(), phc.len());
    }
}
