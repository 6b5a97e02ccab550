//! Time-based one-time codes (RFC 6238: SHA-1, six digits, 30 seconds, one step of clock difference) and the recovery codes
//! that stand in for a lost phone. A code counts once: what was accepted is never accepted again.

use crate::Secret;
use model::{PersonId, Sha256};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Bytes of the shared secret (RFC 4226 §4 R6: 160 bits).
const SECRET_BYTES: usize = 20;
/// Recovery codes at a time.
const RECOVERY_CODES: usize = 10;
/// Bytes of a recovery code: 80 bits, so that its plain hash tells nothing.
const RECOVERY_BYTES: usize = 10;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A person's second factor as it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// Whose.
    pub person: PersonId,
    /// The shared secret: whoever reads it can make codes.
    secret_hex: String,
    /// Whether a first code has shown that the phone has it; before that it proves nothing.
    pub is_confirmed: bool,
    /// The time step of the last code that was accepted.
    last_step: u64,
    /// SHA-256 of the recovery codes that are left.
    recovery_sha256: Vec<Sha256>,
}

impl std::fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecondFactor({}, …)", self.person)
    }
}

impl SecondFactor {
    /// A new secret, not confirmed yet.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn enrol(person: PersonId) -> Result<Self, getrandom::Error> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        Ok(Self {
            person,
            secret_hex: hex::encode(secret),
            is_confirmed: false,
            last_step: 0,
            recovery_sha256: Vec::new(),
        })
    }

    /// The secret as people type it: base32 (RFC 4648 §6).
    #[must_use]
    pub fn secret_base32(&self) -> Secret {
        Secret::new(base32(&self.secret()))
    }

    /// What a QR code says to an authenticator: `otpauth://totp/…`. `issuer` and `login` are percent-encoded.
    #[must_use]
    pub fn otpauth_url(&self, issuer: &str, login: &str) -> Secret {
        let (issuer, login) = (percent(issuer), percent(login));
        let secret = self.secret_base32();
        Secret::new(format!(
            "otpauth://totp/{issuer}:{login}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
            secret.expose()
        ))
    }

    /// Whether this is a code of now that was not used before; if so it is used now. The changed factor must be kept before
    /// anything is done because of it.
    pub fn accept(&mut self, code: &str, now: OffsetDateTime) -> bool {
        let Some(step) = self.step_of(code, now).filter(|step| *step > self.last_step) else { return false };
        self.last_step = step;
        true
    }

    /// Whether this is a recovery code that is left; if so it is gone now.
    pub fn recover(&mut self, code: &str) -> bool {
        let hash = recovery_hash(code);
        let left = self.recovery_sha256.len();
        self.recovery_sha256.retain(|kept| *kept != hash);
        self.recovery_sha256.len() < left
    }

    /// A code of now, or a recovery code.
    pub fn accept_any(&mut self, code: &str, now: OffsetDateTime) -> bool {
        self.is_confirmed && (self.accept(code, now) || self.recover(code))
    }

    /// Recovery codes that are left.
    #[must_use]
    pub fn recovery_codes_left(&self) -> usize {
        self.recovery_sha256.len()
    }

    /// New recovery codes in place of all former ones; shown once, kept as hashes.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn renew_recovery_codes(&mut self) -> Result<Vec<Secret>, getrandom::Error> {
        let mut codes = Vec::with_capacity(RECOVERY_CODES);
        for _ in 0..RECOVERY_CODES {
            let mut bytes = [0; RECOVERY_BYTES];
            getrandom::fill(&mut bytes)?;
            let text = base32(&bytes);
            let groups: Vec<&str> =
                [0..4, 4..8, 8..12, 12..16].into_iter().filter_map(|r| text.get(r)).collect();
            codes.push(Secret::new(groups.join("-")));
        }
        self.recovery_sha256 = codes.iter().map(|code| recovery_hash(code.expose())).collect();
        Ok(codes)
    }

    fn secret(&self) -> [u8; SECRET_BYTES] {
        let mut secret = [0; SECRET_BYTES];
        // What is damaged becomes a secret that nobody has: no code fits.
        if hex::decode_to_slice(&self.secret_hex, &mut secret).is_err() {
            let _ = getrandom::fill(&mut secret);
        }
        secret
    }

    fn step_of(&self, code: &str, now: OffsetDateTime) -> Option<u64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let is_code = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
        let seconds = u64::try_from(now.unix_timestamp()).ok().filter(|_| is_code)?;
        let totp = totp_rs::Builder::new().with_secret(self.secret()).build().ok()?;
        totp.check(&code, seconds)
    }
}

fn recovery_hash(code: &str) -> Sha256 {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    Secret::new(plain).sha256()
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let word =
            chunk.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte)) << (8 * (5 - chunk.len()));
        let letters = (chunk.len() * 8).div_ceil(5);
        text.extend((0..letters).map(|i| char::from(BASE32[(word >> (35 - 5 * i) & 31) as usize])));
    }
    text
}

fn percent(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-26 8:00 UTC);

    fn factor() -> SecondFactor {
        let mut factor = SecondFactor::enrol(PersonId::parse("wang").unwrap()).unwrap();
        factor.is_confirmed = true;
        factor
    }

    fn code_at(factor: &SecondFactor, at: OffsetDateTime) -> String {
        let totp = totp_rs::Builder::new().with_secret(factor.secret()).build().unwrap();
        totp.generate(at.unix_timestamp() as u64).to_string()
    }

    /// RFC 6238 Appendix B, SHA-1 rows, their last six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let mut factor = factor();
        factor.secret_hex = hex::encode(b"12345678901234567890");
        assert_eq!(factor.secret_base32().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")]
        {
            let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            assert!(factor.accept(code, at), "{seconds}");
            assert!(!factor.accept(code, at), "{code} counts once");
        }
    }

    #[test]
    fn a_code_counts_once_and_within_one_step() {
        let mut wang = factor();
        let code = code_at(&wang, NOW);
        let at = |seconds| NOW + Duration::seconds(seconds);
        assert!(!wang.clone().accept(&code, at(61)) && !wang.clone().accept(&code, at(-31)));
        assert!(wang.accept(&format!(" {} {} ", &code[..3], &code[3..]), at(20)));
        assert!(!wang.accept(&code, at(25)), "a replay");
        let earlier = code_at(&wang, at(-30));
        assert!(!wang.accept(&earlier, at(25)), "nor one from before");
        let later = code_at(&wang, at(30));
        assert!(wang.accept(&later, at(30)));
        for wrong in ["", "12345", "1234567", "abcdef", "１２３４５６"] {
            assert!(!wang.accept_any(wrong, at(60)), "{wrong}");
        }
    }

    #[test]
    fn nothing_counts_before_it_is_confirmed() {
        let mut factor = SecondFactor { is_confirmed: false, ..factor() };
        let code = code_at(&factor, NOW);
        assert!(!factor.accept_any(&code, NOW));
        assert!(factor.accept(&code, NOW), "but the first code confirms it");
    }

    #[test]
    fn a_recovery_code_counts_once_and_is_kept_as_a_hash() {
        let mut factor = factor();
        let codes = factor.renew_recovery_codes().unwrap();
        assert_eq!((codes.len(), codes[0].expose().len()), (10, 19));
        let kept = serde_json::to_string(&factor).unwrap();
        assert!(codes.iter().all(|code| !kept.contains(&code.expose().replace('-', ""))));
        let typed = codes[3].expose().to_lowercase().replace('-', " ");
        assert!(factor.accept_any(&typed, NOW) && !factor.accept_any(&typed, NOW));
        assert_eq!(factor.recovery_codes_left(), 9);
        factor.renew_recovery_codes().unwrap();
        assert!(!factor.accept_any(codes[4].expose(), NOW), "former ones are gone");
    }

    #[test]
    fn what_the_code_for_the_phone_says_is_encoded() {
        let url = factor().otpauth_url("远见 A&B", "wang=1");
        let url = url.expose();
        assert!(url.starts_with("otpauth://totp/%E8%BF%9C%E8%A7%81%20A%26B:wang%3D1?secret="), "{url}");
        assert!(!format!("{:?}", factor()).contains("secret"));
    }
}
