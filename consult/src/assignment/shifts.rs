//! Shifts: planned switches of duty. At its beginning a person goes on duty, at its end off; in between anybody who may can
//! still switch by hand. A shift on call (听班) switches nothing: whoever has it is told when the agreed time is over, and of
//! critical findings that nobody acknowledges. Each is a record ordered by its next moment, so that a round reads only those that are due.

use super::Duty;
use super::service::{duty_put, node, require_coordinator};
use crate::record::Named;
use crate::{ConsultError, ConsultService};
use access::Caller;
use model::time_text::unix_ms;
use model::{OrgId, PersonId};
use serde::{Deserialize, Serialize};
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, Record, RecordQuery, StorageError,
};
use time::{Duration, OffsetDateTime};

/// Record kind.
const KIND: &str = "duty_shift";
/// Shifts of one centre that run or are to come, at most.
const SHIFTS_MAX: usize = 1000;
/// The longest.
const SHIFT_MAX: Duration = Duration::days(7);
/// How far ahead one plans.
const AHEAD_MAX: Duration = Duration::days(366);
/// Shifts turned in one round.
const ROUND: u32 = 100;

/// What a shift is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShiftKind {
    /// On duty: rules give the person cases.
    #[default]
    Duty,
    /// On call: the person is told what nobody else has answered, and takes cases or not as they would without it.
    OnCall,
}

/// When a shift is, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What it is.
    pub kind: ShiftKind,
    /// Its beginning.
    pub from: OffsetDateTime,
    /// Its end.
    pub until: OffsetDateTime,
}

/// A planned time of duty, or on call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    /// Identifier.
    pub id: String,
    /// Whose.
    pub person: Named<PersonId>,
    /// At which centre.
    pub organisation: OrgId,
    /// What it is.
    #[serde(default)]
    pub kind: ShiftKind,
    /// When the person goes on duty.
    #[serde(with = "time::serde::rfc3339")]
    pub from: OffsetDateTime,
    /// When the person goes off.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    /// Whether it has begun: the person was put on duty by it, or is on call.
    pub has_begun: bool,
}

impl Shift {
    /// Why it cannot be planned beside those that there are.
    fn fault(&self, others: &[Self], now: OffsetDateTime) -> Option<(&'static str, &'static str)> {
        if self.until <= self.from {
            return Some(("until", "下岗须晚于上岗 / the end must be after the beginning"));
        }
        if self.until <= now {
            return Some(("until", "已经过去了 / this is over"));
        }
        if self.until - self.from > SHIFT_MAX || self.from - now > AHEAD_MAX {
            return Some(("until", "一班最长7天，最多提前一年 / at most 7 days, at most a year ahead"));
        }
        let overlaps = |other: &Self| {
            let is_alike = other.person.id == self.person.id && other.kind == self.kind;
            is_alike && other.from < self.until && self.from < other.until
        };
        // The end of one would end the other.
        others
            .iter()
            .any(overlaps)
            .then_some(("from", "与此人的另一班重叠 / this overlaps another shift of the person"))
    }

    fn put(&self, expected: Expected) -> Result<Put, ConsultError> {
        // At one moment, ends before beginnings: the next shift of the person begins as this one ends.
        let next = if self.has_begun { unix_ms(self.until) } else { unix_ms(self.from).saturating_add(1) };
        Ok(Put {
            kind: KIND,
            id: self.id.clone(),
            expected,
            body: serde_json::to_value(self).map_err(|_| ConsultError::Failed("a shift has no JSON"))?,
            keys: vec![("org", self.organisation.to_string())],
            unique: Vec::new(),
            sort: next,
            visible_to: vec![self.organisation.clone()],
        })
    }
}

fn shift_of(record: Record) -> Result<Shift, ConsultError> {
    serde_json::from_value(record.body).map_err(|_| ConsultError::Failed("a shift's record is damaged"))
}

fn audit(of: &PersonId, detail: String) -> AuditEntry {
    let object = format!("duty/{of}");
    AuditEntry { action: AuditAction::Administer, object, outcome: AuditOutcome::Success, detail }
}

impl ConsultService {
    /// Shifts of a centre that run or are to come, the next to turn first.
    pub(crate) async fn shifts(&self, organisation: &OrgId) -> Result<Vec<Shift>, ConsultError> {
        let query = RecordQuery::new(KIND).with("org", organisation.as_str());
        let records = self.storage.records(&node(), &query).await?;
        records.into_iter().map(shift_of).collect()
    }

    /// Who is on call at an organisation at a moment.
    pub(crate) async fn on_call(
        &self,
        organisation: &OrgId,
        at: OffsetDateTime,
    ) -> Result<Vec<PersonId>, ConsultError> {
        let is_now = |shift: &Shift| shift.kind == ShiftKind::OnCall && shift.from <= at && at < shift.until;
        let shifts = self.shifts(organisation).await?;
        Ok(shifts.into_iter().filter(is_now).map(|shift| shift.person.id).collect())
    }

    /// Plans a shift of a reader of the caller's centre (coordinator).
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`]; [`ConsultError::NotFound`] when nobody who reads there is called so;
    /// [`ConsultError::Invalid`] `from` or `until`.
    pub async fn plan_shift(
        &self,
        caller: &Caller,
        of: &PersonId,
        Plan { kind, from, until }: Plan,
        now: OffsetDateTime,
    ) -> Result<Shift, ConsultError> {
        require_coordinator(caller)?;
        let organisation = caller.organisation().clone();
        let readers = self.readers(&organisation).await?;
        let person = readers.into_iter().find(|one| one.id == *of).ok_or(ConsultError::NotFound)?;
        let others = self.shifts(&organisation).await?;
        let shift = Shift {
            id: uuid::Uuid::new_v4().to_string(),
            person: Named { id: person.id, name: person.name },
            organisation,
            kind,
            from,
            until,
            has_begun: false,
        };
        if let Some((field, why)) = shift.fault(&others, now) {
            return Err(ConsultError::Invalid { field, why });
        }
        if others.len() >= SHIFTS_MAX {
            let why = "排班太多，先取消一些 / too many shifts are planned: cancel some first";
            return Err(ConsultError::Invalid { field: "from", why });
        }
        let said = |at| model::time_text::rfc3339(at);
        let what = if kind == ShiftKind::OnCall { "on call" } else { "shift" };
        let audit = audit(of, format!("{what} planned {} to {}", said(from), said(until)));
        let change =
            Change { puts: vec![shift.put(Expected::Absent)?], audit: vec![audit], ..Change::default() };
        self.storage.apply(caller.scope(), change).await?;
        Ok(shift)
    }

    /// Takes a shift out of the plan (coordinator). Who is on duty by it stays so until somebody switches.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`]; [`ConsultError::NotFound`] when the person has no such shift at the caller's centre.
    pub async fn cancel_shift(&self, caller: &Caller, of: &PersonId, id: &str) -> Result<(), ConsultError> {
        require_coordinator(caller)?;
        let shift = shift_of(self.storage.record(caller.scope(), KIND, id).await?)?;
        if shift.organisation != *caller.organisation() || shift.person.id != *of {
            return Err(ConsultError::NotFound);
        }
        let audit = audit(of, format!("shift cancelled {}", model::time_text::rfc3339(shift.from)));
        let change = Change { removes: vec![(KIND, id.to_owned())], audit: vec![audit], ..Change::default() };
        Ok(self.storage.apply(caller.scope(), change).await?)
    }

    /// Puts people on and off duty whose shifts begin or end; how many.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn turn_shifts(&self, now: OffsetDateTime) -> Result<u32, ConsultError> {
        let query = RecordQuery {
            sort_below: Some(unix_ms(now).saturating_add(2)),
            limit: ROUND,
            ..RecordQuery::new(KIND)
        };
        let mut turned = 0;
        for record in self.storage.records(&node(), &query).await? {
            let (version, id) = (record.version, record.id.clone());
            let change = match shift_of(record).and_then(|shift| turn(shift, version, now)) {
                Ok(change) => change,
                // It must not keep the others.
                Err(error) => {
                    tracing::error!(%error, id, "a shift cannot be turned");
                    continue;
                }
            };
            match self.storage.apply(&node(), change).await {
                Ok(()) => turned += 1,
                // Somebody cancelled it, or another node was faster.
                Err(StorageError::Conflict(_) | StorageError::NotFound) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Ok(turned)
    }
}

/// What happens to a shift whose next moment has come.
fn turn(shift: Shift, version: i64, now: OffsetDateTime) -> Result<Change, ConsultError> {
    let (organisation, person) = (&shift.organisation, &shift.person.id);
    let switched = |duty| match shift.kind {
        ShiftKind::Duty => Some(duty_put(organisation, person, duty)),
        ShiftKind::OnCall => None,
    };
    let said = |way: &str| match shift.kind {
        ShiftKind::Duty => audit(person, format!("{way} by plan")),
        ShiftKind::OnCall => audit(person, format!("{way} call by plan")),
    };
    if shift.until > now {
        let begun = Shift { has_begun: true, ..shift.clone() }.put(Expected::Version(version))?;
        let puts = switched(Duty::On).into_iter().chain([begun]).collect();
        return Ok(Change { puts, audit: vec![said("on")], ..Change::default() });
    }
    let mut change = Change { removes: vec![(KIND, shift.id.clone())], ..Change::default() };
    // One that passed while the node stood still changes nothing.
    if shift.has_begun {
        change.puts.extend(switched(Duty::Off));
        change.audit.push(said("off"));
    }
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::NOW;

    fn shift(from_h: i64, until_h: i64) -> Shift {
        Shift {
            id: "s".into(),
            person: Named { id: PersonId::parse("wang").unwrap(), name: "王建国".into() },
            organisation: OrgId::parse("city").unwrap(),
            kind: ShiftKind::Duty,
            from: NOW + Duration::hours(from_h),
            until: NOW + Duration::hours(until_h),
            has_begun: false,
        }
    }

    #[test]
    fn a_shift_is_in_the_future_short_enough_and_beside_others() {
        let others = [shift(10, 20)];
        let field = |one: Shift| one.fault(&others, NOW).map(|(field, _)| field);
        assert_eq!(field(shift(-1, 8)), None, "it may have begun");
        assert_eq!(field(shift(20, 30)), None, "one ends as the next begins");
        assert_eq!(field(shift(5, 5)), Some("until"));
        assert_eq!(field(shift(-5, 0)), Some("until"));
        assert_eq!(field(shift(0, 24 * 8)), Some("until"));
        assert_eq!(field(shift(24 * 400, 24 * 400 + 1)), Some("until"));
        assert_eq!(field(shift(19, 21)), Some("from"));
        let other = Shift {
            person: Named { id: PersonId::parse("li").unwrap(), name: String::new() },
            ..shift(19, 21)
        };
        assert_eq!(field(other), None);
        let on_call = Shift { kind: ShiftKind::OnCall, ..shift(9, 21) };
        assert_eq!(field(on_call), None, "who is on duty may be on call as well");
    }

    #[test]
    fn a_shift_on_call_switches_nothing_and_one_of_an_earlier_release_is_a_duty() {
        let on_call = |from_h, until_h, has_begun| Shift {
            kind: ShiftKind::OnCall,
            has_begun,
            ..shift(from_h, until_h)
        };
        let begins = turn(on_call(0, 8, false), 1, NOW).unwrap();
        assert_eq!(begins.puts.iter().map(|put| put.kind).collect::<Vec<_>>(), [KIND]);
        assert_eq!(begins.puts[0].body["has_begun"], true);
        let ends = turn(on_call(-8, 0, true), 2, NOW).unwrap();
        assert_eq!((ends.puts.len(), ends.removes.len(), ends.audit.len()), (0, 1, 1));
        let mut kept = serde_json::to_value(shift(0, 8)).unwrap();
        kept.as_object_mut().unwrap().remove("kind");
        assert_eq!(serde_json::from_value::<Shift>(kept).unwrap(), shift(0, 8));
    }

    #[test]
    fn a_shift_puts_on_duty_and_off_and_one_that_was_slept_through_does_nothing() {
        let duty = |change: &Change| {
            let put = change.puts.iter().find(|put| put.kind == "duty")?;
            put.body["duty"].as_str().map(str::to_owned)
        };
        let begins = turn(shift(0, 8), 1, NOW).unwrap();
        assert_eq!((duty(&begins).as_deref(), begins.removes.len()), (Some("on"), 0));
        let next = begins.puts.iter().find(|put| put.kind == KIND).unwrap();
        assert_eq!(next.sort, unix_ms(NOW + Duration::hours(8)));
        let ended = Shift { has_begun: true, ..shift(-8, 0) };
        let ends = turn(ended, 2, NOW).unwrap();
        assert_eq!((duty(&ends).as_deref(), ends.removes.len()), (Some("off"), 1));
        // Who has two shifts on end stays on duty.
        let ends_then = Shift { has_begun: true, ..shift(-8, 8) }.put(Expected::Absent).unwrap().sort;
        assert!(ends_then < shift(8, 16).put(Expected::Absent).unwrap().sort);
        let slept = turn(shift(-8, -1), 1, NOW).unwrap();
        assert_eq!((duty(&slept), slept.removes.len()), (None, 1));
    }
}
