//! What two organisations have agreed on. Without an agreement there is no request.

use model::OrgId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The kind of a consult.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsultKind {
    /// 远程诊断: the centre diagnoses and is liable with the requester.
    Diagnosis,
    /// 远程会诊: the inviter decides.
    Consultation,
}

/// How soon an answer is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// 普通
    Routine,
    /// 加急
    Urgent,
    /// 急诊
    Emergency,
    /// 术中冰冻
    Frozen,
}

/// How many signatures make a report final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signatures {
    /// The reader's.
    Single,
    /// The reader's and a different reviewer's.
    Double,
}

/// The turnaround that was agreed for one urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turnaround {
    /// Urgency.
    pub urgency: Urgency,
    /// Minutes from submission to the final report.
    pub turnaround_min: u32,
}

/// An agreement between a requesting and a reading organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Identifier, unique on the node.
    pub id: String,
    /// Who asks.
    pub requesting: OrgId,
    /// Who reads.
    pub reading: OrgId,
    /// Kinds of consult.
    pub kinds: Vec<ConsultKind>,
    /// Modalities (PS3.3 §C.7.3.1.1.1), such as `CT` and `SM`; empty means all.
    pub modalities: Vec<String>,
    /// Turnaround for each urgency that is offered.
    pub turnarounds: Vec<Turnaround>,
    /// One signature or two.
    pub signatures: Signatures,
    /// Whether a request goes to the reading pool without a coordinator's acceptance.
    pub auto_accept: bool,
    /// Certificate authorities of both sides' signers, PEM: where they are named, no other is trusted for reports under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_anchors_pem: Option<String>,
    /// First moment of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub valid_from: OffsetDateTime,
    /// Last moment of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub valid_until: OffsetDateTime,
    /// Who has yet to agree; until then nothing can be asked under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaits: Option<OrgId>,
    /// What one side wants instead, which awaits the other; until then this one holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<Box<Agreement>>,
}

/// Minutes that can be agreed on at most: thirty days.
pub const TURNAROUND_MIN_MAX: u32 = 30 * 24 * 60;
/// Modalities named at most.
const MODALITIES_MAX: usize = 32;

impl Agreement {
    /// Who has yet to agree: to it, or to what is proposed instead.
    #[must_use]
    pub fn awaited(&self) -> Option<&OrgId> {
        self.awaits.as_ref().or_else(|| self.proposed.as_ref()?.awaits.as_ref())
    }

    /// The agreement after one side has written `new`, which awaits the other side if any: what both have agreed to goes on
    /// until then.
    #[must_use]
    pub fn amended(self, new: Self) -> Self {
        let new = Self { proposed: None, ..new };
        if new.awaits.is_some() && self.awaits.is_none() {
            Self { proposed: Some(Box::new(new)), ..self }
        } else {
            new
        }
    }

    /// The agreement after whom it awaits has agreed.
    #[must_use]
    pub fn confirmed(self) -> Self {
        if self.awaits.is_some() {
            return Self { awaits: None, ..self };
        }
        match self.proposed {
            Some(new) => Self { awaits: None, proposed: None, ..*new },
            None => self,
        }
    }

    /// Whether it is valid at this moment.
    #[must_use]
    pub fn is_valid_at(&self, at: OffsetDateTime) -> bool {
        self.awaits.is_none() && self.valid_from <= at && at <= self.valid_until
    }

    /// Whether it says what an agreement has to say.
    ///
    /// # Errors
    /// The field at fault, and why, for people.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.requesting == self.reading {
            return Err(("reading", "双方必须是两家机构 / the two sides must be two organisations"));
        }
        if self.kinds.is_empty() {
            return Err(("kinds", "至少选一种会诊 / at least one kind of consult"));
        }
        if self.turnarounds.is_empty() {
            return Err((
                "turnarounds",
                "至少约定一种紧急程度的时限 / a turnaround for at least one urgency",
            ));
        }
        if self.turnarounds.iter().any(|t| t.turnaround_min == 0 || t.turnaround_min > TURNAROUND_MIN_MAX) {
            return Err(("turnarounds", "时限为1分钟到30天 / a turnaround is one minute to thirty days"));
        }
        let is_twice =
            |t: &Turnaround| self.turnarounds.iter().filter(|o| o.urgency == t.urgency).count() > 1;
        if self.turnarounds.iter().any(is_twice) {
            return Err(("turnarounds", "同一紧急程度只能约定一次 / one turnaround for each urgency"));
        }
        if self.modalities.len() > MODALITIES_MAX || !self.modalities.iter().all(|m| is_modality(m)) {
            return Err((
                "modalities",
                "检查类型是大写代码，如 CT、SM / modalities are codes such as CT, SM",
            ));
        }
        if self.valid_until <= self.valid_from {
            return Err(("valid_until", "截止要晚于开始 / the end must be after the beginning"));
        }
        Ok(())
    }

    /// Whether it covers studies with these modalities: at least one of them.
    #[must_use]
    pub fn covers(&self, modalities: &[String]) -> bool {
        self.modalities.is_empty() || modalities.iter().any(|m| self.modalities.contains(m))
    }

    /// Minutes agreed for an urgency; `None` when it is not offered.
    #[must_use]
    pub fn turnaround_min(&self, urgency: Urgency) -> Option<u32> {
        self.turnarounds.iter().find(|t| t.urgency == urgency).map(|t| t.turnaround_min)
    }
}

/// Whether a text can be a modality (PS3.3 §C.7.3.1.1.1): a code string of capitals and digits.
#[must_use]
pub fn is_modality(text: &str) -> bool {
    (2..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn agreement() -> Agreement {
        Agreement {
            id: "a".into(),
            requesting: OrgId::parse("township").unwrap(),
            reading: OrgId::parse("city").unwrap(),
            kinds: vec![ConsultKind::Diagnosis],
            modalities: vec!["CT".into()],
            turnarounds: vec![Turnaround { urgency: Urgency::Urgent, turnaround_min: 60 }],
            signatures: Signatures::Single,
            auto_accept: true,
            trust_anchors_pem: None,
            valid_from: datetime!(2026-01-01 0:00 UTC),
            valid_until: datetime!(2026-12-31 0:00 UTC),
            awaits: None,
            proposed: None,
        }
    }

    #[test]
    fn what_holds_goes_on_until_the_other_side_agrees_to_something_else() {
        let city = OrgId::parse("city").unwrap();
        let at = datetime!(2026-06-01 0:00 UTC);
        let wish = Agreement { awaits: Some(city.clone()), signatures: Signatures::Double, ..agreement() };
        let amended = agreement().amended(wish.clone());
        assert!(amended.is_valid_at(at) && amended.signatures == Signatures::Single);
        assert_eq!(amended.awaited(), Some(&city));
        let again = amended.clone().amended(Agreement { auto_accept: false, ..wish.clone() });
        assert!(again.is_valid_at(at) && again.proposed.as_ref().unwrap().proposed.is_none());
        let confirmed = amended.confirmed();
        assert!(confirmed.is_valid_at(at) && confirmed.signatures == Signatures::Double);
        assert_eq!((confirmed.awaited(), &confirmed.proposed), (None, &None));
        let new = Agreement { awaits: Some(city), ..agreement() };
        assert!(!new.clone().amended(wish).is_valid_at(at), "what never held does not hold by being changed");
        assert!(new.confirmed().is_valid_at(at));
    }

    #[test]
    fn nothing_is_asked_under_what_one_side_has_not_agreed_to() {
        let a = Agreement { awaits: Some(OrgId::parse("city").unwrap()), ..agreement() };
        assert!(!a.is_valid_at(datetime!(2026-06-01 0:00 UTC)));
    }

    #[test]
    fn what_says_too_little_or_nonsense_is_told_by_field() {
        assert_eq!(agreement().check(), Ok(()));
        let urgent = |turnaround_min| Turnaround { urgency: Urgency::Urgent, turnaround_min };
        let sides = OrgId::parse("city").unwrap();
        for (field, wrong) in [
            ("reading", Agreement { requesting: sides, ..agreement() }),
            ("kinds", Agreement { kinds: Vec::new(), ..agreement() }),
            ("turnarounds", Agreement { turnarounds: Vec::new(), ..agreement() }),
            ("turnarounds", Agreement { turnarounds: vec![urgent(0)], ..agreement() }),
            ("turnarounds", Agreement { turnarounds: vec![urgent(50_000)], ..agreement() }),
            ("turnarounds", Agreement { turnarounds: vec![urgent(5), urgent(6)], ..agreement() }),
            ("modalities", Agreement { modalities: vec!["ct".into()], ..agreement() }),
            ("valid_until", Agreement { valid_until: agreement().valid_from, ..agreement() }),
        ] {
            assert_eq!(wrong.check().unwrap_err().0, field);
        }
    }

    #[test]
    fn an_agreement_says_when_what_and_how_soon() {
        let a = agreement();
        assert!(a.is_valid_at(datetime!(2026-06-01 0:00 UTC)));
        assert!(!a.is_valid_at(datetime!(2027-01-01 0:00 UTC)));
        assert!(a.covers(&["CT".into(), "SR".into()]));
        assert!(!a.covers(&["SM".into()]));
        assert_eq!(a.turnaround_min(Urgency::Urgent), Some(60));
        assert_eq!(a.turnaround_min(Urgency::Frozen), None);
    }
}
