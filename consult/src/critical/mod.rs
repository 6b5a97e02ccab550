//! Critical findings (危急值): what must reach the people who treat the patient at once, and be read back by one of
//! them. One record for each consult, beside the consult, so that an alarm never disturbs what the reader is writing.
//!
//! Six things are kept of each, as the register of critical values (危急值报告登记) asks: the finding, when it was
//! found, who told it, to whom, when it was received, and how.

mod service;
mod settings;

pub use service::{NewFinding, Receipt};
pub use settings::{CriticalItem, CriticalSettings};

use crate::record::Named;
use access::{Caller, Right};
use model::{ConsultId, OrgId, PersonId};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// Record kind; the identifier is the consult's.
pub const KIND: &str = "critical";
/// Topic of events: raised, said again, taken to the coordinators, taken to those on call, acknowledged.
pub const TOPIC: &str = "critical";

/// How a critical finding was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// On the screen of the requesting organisation.
    System,
    /// By telephone, written down by the reading side.
    Telephone,
    /// Face to face, written down by the reading side.
    InPerson,
}

/// That somebody who treats the patient has received a finding and said it in their own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who received it, by name.
    pub received_by: String,
    /// Their account, when it was received on the screen.
    pub person: Option<PersonId>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// What they understood.
    pub read_back: String,
    /// How.
    pub how: How,
    /// Who wrote this down.
    pub recorded_by: Named<PersonId>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub recorded_at: OffsetDateTime,
}

impl Acknowledgement {
    /// Whether it is the same, written down by the same person, and sent again.
    fn is_as(&self, again: &Self) -> bool {
        self.recorded_by.id == again.recorded_by.id
            && self.received_by == again.received_by
            && self.read_back == again.read_back
            && self.how == again.how
    }
}

/// One critical finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Counts up from 1 within the consult.
    pub n: u32,
    /// The identifier with which it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<String>,
    /// What was found.
    pub finding: String,
    /// When it was found.
    #[serde(with = "time::serde::rfc3339")]
    pub found_at: OffsetDateTime,
    /// Who told it.
    pub told_by: Named<PersonId>,
    /// When it was told: the first alarm.
    #[serde(with = "time::serde::rfc3339")]
    pub told_at: OffsetDateTime,
    /// Alarms so far, the first included.
    pub alarms: u32,
    /// When the last of them was.
    #[serde(with = "time::serde::rfc3339")]
    pub last_alarm_at: OffsetDateTime,
    /// When the coordinators were told that nobody acknowledges.
    #[serde(with = "time::serde::rfc3339::option")]
    pub escalated_at: Option<OffsetDateTime>,
    /// When those on call were told so, because the coordinators did not get it answered either.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub called_at: Option<OffsetDateTime>,
    /// Who received it; `None` while the alarm stands.
    pub acknowledged: Option<Acknowledgement>,
    /// That it was raised by mistake. It stays on record, and is no alarm any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Withdrawal>,
}

/// That a finding was none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Who says so: whoever raised it, or a reviewer.
    pub by: Named<PersonId>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Why.
    pub reason: String,
}

impl Finding {
    /// How long it took from telling to being received or withdrawn, or takes so far.
    #[must_use]
    pub fn waited(&self, now: OffsetDateTime) -> Duration {
        let received = self.acknowledged.as_ref().map(|received| received.received_at);
        let end = received.or(self.withdrawn.as_ref().map(|withdrawn| withdrawn.at)).unwrap_or(now);
        (end - self.told_at).max(Duration::ZERO)
    }

    /// Whether a caller of the reading organisation may withdraw it: whoever raised it, or a reviewer.
    #[must_use]
    pub fn may_be_withdrawn_by(&self, caller: &Caller, reading: &OrgId) -> bool {
        let raised = caller.as_person().is_some_and(|person| person.id == self.told_by.id);
        self.withdrawn.is_none()
            && caller.organisation() == reading
            && caller.as_person().is_some()
            && (raised || caller.may(Right::Review))
    }

    /// Whether the alarm stands: neither received nor withdrawn.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.acknowledged.is_none() && self.withdrawn.is_none()
    }
}

/// The critical findings of one consult, with what an alarm says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriticalFindings {
    /// The consult.
    pub consult: ConsultId,
    /// What people call it.
    pub number: String,
    /// Who must receive them.
    pub requesting: Named<OrgId>,
    /// Who finds them.
    pub reading: Named<OrgId>,
    /// The patient's name.
    pub patient_name: String,
    /// Who asked.
    pub asked_by: PersonId,
    /// The findings, oldest first.
    pub findings: Vec<Finding>,
}

impl CriticalFindings {
    /// How many alarms stand.
    #[must_use]
    pub fn open(&self) -> u32 {
        let open = self.findings.iter().filter(|finding| finding.stands()).count();
        u32::try_from(open).unwrap_or(u32::MAX)
    }
}

/// What time brings about for a finding that nobody acknowledges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reminder {
    /// The alarm is said again.
    Repeat,
    /// The coordinators are told, and the alarm is said again.
    Escalate,
    /// Those on call are told, and the alarm is said again.
    Call,
}

/// What is due for a finding now.
#[must_use]
pub fn due(finding: &Finding, settings: &CriticalSettings, now: OffsetDateTime) -> Option<Reminder> {
    if !finding.stands() {
        return None;
    }
    let minutes = |n: u32| Duration::minutes(i64::from(n));
    if finding.escalated_at.is_none() && now - finding.told_at >= minutes(settings.escalate_min) {
        return Some(Reminder::Escalate);
    }
    // The coordinators have had as long as the alarm's own interval.
    let is_left = |escalated_at| now - escalated_at >= minutes(settings.repeat_min);
    if finding.called_at.is_none() && finding.escalated_at.is_some_and(is_left) {
        return Some(Reminder::Call);
    }
    (now - finding.last_alarm_at >= minutes(settings.repeat_min)).then_some(Reminder::Repeat)
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::testing::NOW;

    pub(crate) fn finding() -> Finding {
        Finding {
            n: 1,
            once: None,
            finding: "张力性气胸".into(),
            found_at: NOW,
            told_by: Named { id: PersonId::parse("wang").unwrap(), name: "王建国".into() },
            told_at: NOW,
            alarms: 1,
            last_alarm_at: NOW,
            escalated_at: None,
            called_at: None,
            acknowledged: None,
            withdrawn: None,
        }
    }

    /// Told by telephone, 21 minutes later.
    pub(crate) fn receipt(finding: &Finding) -> Acknowledgement {
        let at = finding.told_at + Duration::minutes(21);
        Acknowledgement {
            received_by: "李敏".into(),
            person: None,
            received_at: at,
            read_back: "右侧张力性气胸，立即穿刺".into(),
            how: How::Telephone,
            recorded_by: finding.told_by.clone(),
            recorded_at: at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::finding;
    use super::*;
    use crate::testing::NOW;

    #[test]
    fn an_alarm_is_repeated_and_escalated_until_it_is_acknowledged() {
        let settings = CriticalSettings { repeat_min: 5, escalate_min: 15, ..CriticalSettings::default() };
        let at = |minutes| NOW + Duration::minutes(minutes);
        let mut one = finding();
        assert_eq!(due(&one, &settings, at(4)), None);
        assert_eq!(due(&one, &settings, at(5)), Some(Reminder::Repeat));
        one.last_alarm_at = at(5);
        assert_eq!(due(&one, &settings, at(9)), None);
        assert_eq!(due(&one, &settings, at(15)), Some(Reminder::Escalate));
        one.escalated_at = Some(at(15));
        one.last_alarm_at = at(15);
        assert_eq!(due(&one, &settings, at(19)), None);
        assert_eq!(due(&one, &settings, at(20)), Some(Reminder::Call));
        one.called_at = Some(at(20));
        one.last_alarm_at = at(20);
        assert_eq!(due(&one, &settings, at(24)), None);
        assert_eq!(due(&one, &settings, at(25)), Some(Reminder::Repeat));
        one.acknowledged = Some(testing::receipt(&one));
        assert_eq!(due(&one, &settings, at(600)), None);
        assert_eq!(one.waited(at(600)), Duration::minutes(21));
    }

    #[test]
    fn a_withdrawn_finding_is_no_alarm_and_its_clock_stands() {
        let settings = CriticalSettings::default();
        let at = |minutes| NOW + Duration::minutes(minutes);
        let mut one = finding();
        one.withdrawn =
            Some(Withdrawal { by: one.told_by.clone(), at: at(2), reason: "看错患者".into() });
        assert!(!one.stands());
        assert_eq!(due(&one, &settings, at(600)), None);
        assert_eq!(one.waited(at(600)), Duration::minutes(2));
        let kept = serde_json::to_value(finding()).unwrap();
        assert!(kept.get("withdrawn").is_none(), "records of earlier releases look as they did");
        assert_eq!(serde_json::from_value::<Finding>(kept).unwrap(), finding());
    }
}
