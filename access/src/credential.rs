//! A doctor's licence (医师执业证书): what may be signed with it, and until when. 医师法 §14: within the place, the category
//! and the scope that are registered.

use crate::Person;
use crate::agreement::is_modality;
use serde::{Deserialize, Serialize};
use time::Date;
use time::macros::format_description;

/// Modalities that say how something was recorded, not what was examined: documents, presentation states, key objects,
/// segmentations. Nobody needs a scope of practice for them.
const BESIDE_IMAGES: [&str; 15] = [
    "SR", "PR", "KO", "DOC", "SEG", "REG", "FID", "ANN", "PLAN", "AU", "ASMT", "RTSTRUCT", "RTPLAN",
    "RTDOSE", "OT",
];

/// Modalities of a licence at most.
const MODALITIES_MAX: usize = 32;

/// A licence to practise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Number of the practice certificate (执业证书编码).
    pub licence: String,
    /// Registered scope in words (执业范围), such as 医学影像和放射治疗专业.
    pub scope: String,
    /// What the scope covers, as modalities (PS3.3 §C.7.3.1.1.1).
    pub modalities: Vec<String>,
    /// First day.
    #[serde(with = "day")]
    pub valid_from: Date,
    /// Last day.
    #[serde(with = "day")]
    pub valid_until: Date,
}

time::serde::format_description!(day, Date, "[year]-[month]-[day]");

/// Why somebody may not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub enum CredentialFault {
    /// No licence is on record.
    None,
    /// Not valid yet.
    NotYet,
    /// Not valid any more.
    Expired,
    /// It does not cover what was examined.
    OutOfScope,
}

impl CredentialFault {
    /// For people, in both languages.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::None => "没有登记执业证书，不能签名 / no licence is on record for this account",
            Self::NotYet => "执业证书尚未生效，不能签名 / the licence is not valid yet",
            Self::Expired => "执业证书已过期，不能签名 / the licence has expired",
            Self::OutOfScope => {
                "检查类型不在执业范围之内，不能签名 / the modality is outside the scope of practice"
            }
        }
    }
}

impl Credential {
    /// A licence from what people write; days as `2026-11-26`.
    ///
    /// # Errors
    /// The field at fault, and why, for people.
    pub fn parse(
        licence: &str,
        scope: &str,
        modalities: Vec<String>,
        valid_from: &str,
        valid_until: &str,
    ) -> Result<Self, (&'static str, &'static str)> {
        let date = |field, text: &str| {
            let format = format_description!("[year]-[month]-[day]");
            Date::parse(text, format)
                .map_err(|_| (field, "日期写作 2026-11-26 / a day is written 2026-11-26"))
        };
        let credential = Self {
            licence: licence.trim().to_owned(),
            scope: scope.trim().to_owned(),
            modalities,
            valid_from: date("valid_from", valid_from)?,
            valid_until: date("valid_until", valid_until)?,
        };
        credential.check().map(|()| credential)
    }

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let is_number = |text: &str| {
            (6..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if !is_number(&self.licence) {
            return Err((
                "licence",
                "执业证号为6到32位字母或数字 / a licence number has 6 to 32 letters or digits",
            ));
        }
        if self.scope.chars().count() > 64 {
            return Err(("scope", "太长 / too long"));
        }
        if self.modalities.len() > MODALITIES_MAX {
            return Err(("modalities", "最多32种检查类型 / 32 modalities at most"));
        }
        if self.modalities.is_empty() || !self.modalities.iter().all(|m| is_modality(m)) {
            return Err((
                "modalities",
                "至少一种检查类型，如 CT、SM / at least one modality, such as CT, SM",
            ));
        }
        if self.valid_until < self.valid_from {
            return Err(("valid_until", "截止要晚于开始 / the end must be after the beginning"));
        }
        Ok(())
    }
}

/// Whether a person may sign a report about these modalities on this day: asked by whoever signs, before the key is
/// unlocked. The day is local to the signer.
///
/// # Errors
/// [`CredentialFault`].
pub fn may_sign(person: &Person, modalities: &[String], today: Date) -> Result<(), CredentialFault> {
    let credential = person.credential.as_ref().ok_or(CredentialFault::None)?;
    if today < credential.valid_from {
        return Err(CredentialFault::NotYet);
    }
    if today > credential.valid_until {
        return Err(CredentialFault::Expired);
    }
    let is_covered = |m: &String| BESIDE_IMAGES.contains(&m.as_str()) || credential.modalities.contains(m);
    if modalities.iter().all(is_covered) { Ok(()) } else { Err(CredentialFault::OutOfScope) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use model::OrgId;
    use time::macros::date;

    fn doctor(credential: Option<Credential>) -> Person {
        let organisation = OrgId::parse("city").unwrap();
        Person { credential, ..Person::new("wang", "王建国", organisation, vec![Role::Reader]) }
    }

    fn licence(modalities: &[&str]) -> Credential {
        let modalities = modalities.iter().map(|&m| m.to_owned()).collect();
        Credential::parse("110310000012345", "医学影像", modalities, "2026-01-01", "2026-12-31").unwrap()
    }

    #[test]
    fn a_licence_signs_within_its_days_and_its_scope() {
        let radiologist = doctor(Some(licence(&["CT", "MR"])));
        let pathologist = doctor(Some(licence(&["SM"])));
        let (day, list) = (date!(2026 - 11 - 26), |all: &[&str]| -> Vec<String> {
            all.iter().map(|&m| m.to_owned()).collect()
        });
        for (who, modalities, today, expected) in [
            (&radiologist, &["CT"][..], day, Ok(())),
            (&radiologist, &["CT", "SR", "PR"], day, Ok(())),
            (&radiologist, &["CT", "PT"], day, Err(CredentialFault::OutOfScope)),
            (&radiologist, &["SM"], day, Err(CredentialFault::OutOfScope)),
            (&pathologist, &["CT"], day, Err(CredentialFault::OutOfScope)),
            (&pathologist, &["SM"], day, Ok(())),
            (&radiologist, &["CT"], date!(2026 - 12 - 31), Ok(())),
            (&radiologist, &["CT"], date!(2027 - 01 - 01), Err(CredentialFault::Expired)),
            (&radiologist, &["CT"], date!(2025 - 12 - 31), Err(CredentialFault::NotYet)),
            (&doctor(None), &["CT"], day, Err(CredentialFault::None)),
        ] {
            assert_eq!(may_sign(who, &list(modalities), today), expected, "{modalities:?} on {today}");
        }
    }

    #[test]
    fn what_is_no_licence_is_told_by_field() {
        let parse = |licence: &str, modality: &str, from: &str, until: &str| {
            Credential::parse(licence, "", vec![modality.to_owned()], from, until).map_err(|(field, _)| field)
        };
        assert!(parse("110310000012345", "CT", "2026-01-01", "2026-01-01").is_ok());
        assert_eq!(parse("<b>1234</b>", "CT", "2026-01-01", "2026-12-31"), Err("licence"));
        assert_eq!(parse("110310000012345", "ct", "2026-01-01", "2026-12-31"), Err("modalities"));
        let many = (0..33).map(|n| format!("M{n}")).collect();
        let many = Credential::parse("110310000012345", "", many, "2026-01-01", "2026-01-01");
        assert_eq!(many.unwrap_err().0, "modalities");
        assert_eq!(parse("110310000012345", "CT", "2026-13-01", "2026-12-31"), Err("valid_from"));
        assert_eq!(parse("110310000012345", "CT", "2026-01-02", "2026-01-01"), Err("valid_until"));
    }
}
