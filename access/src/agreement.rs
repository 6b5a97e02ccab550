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
    /// First moment of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub valid_from: OffsetDateTime,
    /// Last moment of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub valid_until: OffsetDateTime,
}

impl Agreement {
    /// Whether it is valid at this moment.
    #[must_use]
    pub fn is_valid_at(&self, at: OffsetDateTime) -> bool {
        self.valid_from <= at && at <= self.valid_until
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
            valid_from: datetime!(2026-01-01 0:00 UTC),
            valid_until: datetime!(2026-12-31 0:00 UTC),
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
