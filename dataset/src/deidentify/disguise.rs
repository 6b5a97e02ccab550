//! What one patient becomes within one project: the same pseudonym, UIDs and number of days each time, and nothing from which
//! whoever has not the project's secret comes back to the patient.

use ring::hmac;

/// How far dates are moved back, in days.
const SHIFT_DAYS_MAX: u64 = 3650;
/// Letters and digits of a pseudonym that nobody takes for one another.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A patient's other self. `Debug` shows neither.
#[derive(Clone)]
pub struct Disguise {
    key: hmac::Key,
    patient: String,
}

impl Disguise {
    /// For a patient, whose name here is any text that is the same for the same patient, under a project's secret.
    #[must_use]
    pub fn new(secret: &[u8; 32], patient: &str) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret), patient: patient.to_owned() }
    }

    fn digest(&self, what: &str, value: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(what.as_bytes());
        context.update(&[0]);
        context.update(value.as_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(context.sign().as_ref());
        digest
    }

    /// The patient's pseudonym: `P-` and 12 characters.
    #[must_use]
    pub fn pseudonym(&self) -> String {
        let digest = self.digest("patient", &self.patient);
        let letters = digest.iter().take(12).map(|byte| ALPHABET[usize::from(byte % 32)] as char);
        "P-".chars().chain(letters).collect()
    }

    /// Another UID, under the UUID root (PS3.5 §B.2): the same for the same one, whoever the patient is.
    #[must_use]
    pub fn uid(&self, original: &str) -> String {
        let digest = self.digest("uid", original.trim_matches([' ', '\0']));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        // RFC 9562 §5.8: version 8, the variant of that document.
        bytes[6] = (bytes[6] & 0x0F) | 0x80;
        bytes[8] = (bytes[8] & 0x3F) | 0x80;
        format!("2.25.{}", u128::from_be_bytes(bytes))
    }

    /// By how many days dates of this patient go back: 1 to 3650.
    #[must_use]
    pub fn days(&self) -> i64 {
        let digest = self.digest("days", &self.patient);
        let mut number = [0; 8];
        number.copy_from_slice(&digest[..8]);
        (u64::from_be_bytes(number) % SHIFT_DAYS_MAX) as i64 + 1
    }
}

impl std::fmt::Debug for Disguise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disguise(…)")
    }
}

/// A DICOM date (or the date in front of a DICOM date and time) so many days earlier; `None` when it is no whole date.
#[must_use]
pub fn earlier(text: &str, days: i64) -> Option<String> {
    let text = text.trim_matches([' ', '\0']);
    let compact;
    // The form of ACR-NEMA, which some still write.
    let text = match text.as_bytes() {
        [_, _, _, _, b'.', _, _, b'.', _, _] => {
            compact = text.replace('.', "");
            compact.as_str()
        }
        _ => text,
    };
    let (date, rest) = text.split_at_checked(8)?;
    if !date.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if !rest.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'+' | b'-')) {
        return None;
    }
    let (year, month, day) = (date[..4].parse().ok()?, date[4..6].parse().ok()?, date[6..].parse().ok()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month, day) = date_of(days_of(year, month, day) - days);
    (0..=9999).contains(&year).then(|| format!("{year:04}{month:02}{day:02}{rest}"))
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_patient_is_one_person_within_a_project() {
        let (a, b) = ([1; 32], [2; 32]);
        let zhang = Disguise::new(&a, "org/P1");
        assert_eq!(zhang.pseudonym(), Disguise::new(&a, "org/P1").pseudonym());
        assert_ne!(zhang.pseudonym(), Disguise::new(&a, "org/P2").pseudonym());
        assert_ne!(zhang.pseudonym(), Disguise::new(&b, "org/P1").pseudonym());
        assert_eq!(
            zhang.uid("1.2.3\0"),
            Disguise::new(&a, "org/P2").uid("1.2.3"),
            "UIDs point across patients"
        );
        assert_ne!(zhang.uid("1.2.3"), Disguise::new(&b, "org/P1").uid("1.2.3"));
        assert!(model::Uid::parse(&zhang.uid("1.2.3")).is_ok());
        assert!((1..=3650).contains(&zhang.days()));
        assert!(!format!("{zhang:?}").contains("org"));
    }

    #[test]
    fn dates_go_back() {
        for (text, days, expected) in [
            ("20260301", 1, Some("20260228")),
            ("20240301", 1, Some("20240229")),
            ("20260101", 365, Some("20250101")),
            ("2026.01.02", 1, Some("20260101")),
            ("20260101123456.5+0800", 31, Some("20251201123456.5+0800")),
            ("202601", 1, None),
            ("20261301", 1, None),
            ("张三张三", 1, None),
            ("20260101 zhang", 1, None),
            ("", 1, None),
        ] {
            assert_eq!(earlier(text, days).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn days_and_dates_are_each_others_reverse(days in -700_000_i64..2_900_000) {
            let (year, month, day) = date_of(days);
            prop_assert_eq!(days_of(year, month, day), days);
        }
    }
}
