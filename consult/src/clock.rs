//! Clocks: how long an answer has taken, who is told at 50, 80 and 100 % of the agreed time, and what time it is.
//!
//! Each consult that waits for its report has a clock record whose order is the next moment at which somebody must be
//! told. One round reads those that are due; telling is an event of the outbox, in the transaction that notes it: told
//! once, also after a crash. While data are awaited the clock stands still.

use crate::record::{Consult, KIND as CONSULT, Named};
use crate::service::consult_of;
use crate::{ConsultError, ConsultService, State};
use access::{Role, Urgency};
use model::{ConsultId, OrgId, PersonId, Scope};
use serde::{Deserialize, Serialize};
use storage::{Change, Expected, Put, Record, RecordQuery, StorageError};
use time::{Duration, OffsetDateTime};

/// Record kind of clocks; its identifier is the consult's.
pub const KIND: &str = "consult_clock";
/// Outbox topic of [`Escalation`].
pub const TOPIC: &str = "consult.clock";
/// Shares of the agreed time, in per cent, at which somebody is told.
pub const POINTS_PERCENT: [u8; 3] = [50, 80, 100];
/// Clocks looked at in one round.
const ROUND_MAX: u32 = 500;

/// Where the time comes from. Services take the moment as a parameter; whoever calls them asks a clock.
pub trait Clock: Send + Sync {
    /// The time now, UTC.
    fn now(&self) -> OffsetDateTime;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// Somebody who must be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Tell {
    /// One person.
    Person {
        /// Who.
        person: PersonId,
    },
    /// Everybody with this role there.
    Role {
        /// Where.
        organisation: OrgId,
        /// Which role.
        role: Role,
    },
    /// The readers there who are on duty; everybody who reads there where nobody is.
    OnDuty {
        /// Where.
        organisation: OrgId,
    },
    /// Whoever is on call there.
    OnCall {
        /// Where.
        organisation: OrgId,
    },
}

/// A share of the agreed time has passed: the body of an outbox event of topic [`TOPIC`]. No patient data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// Consult.
    pub consult: ConsultId,
    /// What people call it.
    pub number: String,
    /// Share of the agreed time that has passed: 50, 80 or 100.
    pub percent: u8,
    /// Where it is.
    pub state: State,
    /// Urgency.
    pub urgency: Urgency,
    /// When the report is due.
    #[serde(with = "time::serde::rfc3339")]
    pub due_at: OffsetDateTime,
    /// Who asks.
    pub requesting: OrgId,
    /// Who is asked.
    pub reading: OrgId,
    /// Who must be told.
    pub tell: Vec<Tell>,
}

impl Escalation {
    /// What is to be told about a consult; `None` without a due time.
    #[must_use]
    pub fn of(consult: &Consult, percent: u8) -> Option<Self> {
        Some(Self {
            consult: consult.id.clone(),
            number: consult.number.clone(),
            percent,
            state: consult.state,
            urgency: consult.urgency,
            due_at: consult.due_at?,
            requesting: consult.requesting.id.clone(),
            reading: consult.reading.id.clone(),
            tell: who_is_told(consult, percent),
        })
    }
}

/// Who can move it, from 50 %; from 80 % whoever watches, too; at 100 % whoever is on call, and whoever waits.
fn who_is_told(consult: &Consult, percent: u8) -> Vec<Tell> {
    let organisation = || consult.reading.id.clone();
    let role = |role| Tell::Role { organisation: organisation(), role };
    let mut tell = vec![match (&consult.reader, consult.state) {
        (_, State::Preliminary) => role(Role::Reviewer),
        (Some(Named { id, .. }), _) => Tell::Person { person: id.clone() },
        (None, State::Submitted) => role(Role::Coordinator),
        (None, _) => Tell::OnDuty { organisation: organisation() },
    }];
    if percent >= 80 && !tell.contains(&role(Role::Coordinator)) {
        tell.push(role(Role::Coordinator));
    }
    if percent >= 100 {
        tell.push(Tell::OnCall { organisation: organisation() });
        tell.push(Tell::Person { person: consult.created_by.id.clone() });
    }
    tell
}

/// When a share of the agreed time has passed, if the clock does not stop again: `None` for what was never sent. Time of
/// waiting for data has already moved the due time.
#[must_use]
pub fn point(consult: &Consult, percent: u8) -> Option<OffsetDateTime> {
    let (submitted, due) = (consult.submitted_at?, consult.due_at?);
    let waited = Duration::milliseconds(
        consult.waits.iter().filter(|w| w.until.is_some()).map(|w| w.lasted_ms(due)).sum(),
    );
    let agreed = due - submitted - waited;
    due.checked_sub(agreed * i32::from(100_u8.saturating_sub(percent)) / 100)
}

/// What has been told of a clock record, in per cent.
pub(crate) fn told(record: &Record) -> u8 {
    record
        .body
        .get("told")
        .and_then(serde_json::Value::as_u64)
        .and_then(|n| u8::try_from(n).ok())
        .unwrap_or(0)
}

/// The clock of a consult of which `told` per cent have been told; one that stands still or has rung for the last time
/// is never due.
pub(crate) fn put(consult: &Consult, told: u8, expected: Expected) -> Put {
    let next = POINTS_PERCENT.into_iter().find(|percent| *percent > told);
    let at = next.filter(|_| consult.is_clock_running()).and_then(|percent| point(consult, percent));
    Put {
        kind: KIND,
        id: consult.id.to_string(),
        expected,
        body: serde_json::json!({"told": told}),
        keys: Vec::new(),
        unique: Vec::new(),
        sort: at.map_or(i64::MAX, model::time_text::unix_ms),
        visible_to: consult.parties(),
    }
}

impl ConsultService {
    /// Tells, by events of the outbox, of every share of agreed time that has passed; how many events. Each is told once:
    /// also when the node was down in between, when only the largest is.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn escalate(&self, now: OffsetDateTime) -> Result<u32, ConsultError> {
        let scope = Scope::node("consult-clock");
        let due = RecordQuery {
            sort_below: Some(model::time_text::unix_ms(now).saturating_add(1)),
            limit: ROUND_MAX,
            ..RecordQuery::new(KIND)
        };
        let mut events = 0;
        for record in self.storage.records(&scope, &due).await? {
            let found = match self.storage.record(&scope, CONSULT, &record.id).await {
                Ok(found) => match consult_of(found.body) {
                    Ok(found) => found,
                    // It must not keep the others from being told of; it is on the log.
                    Err(_) => continue,
                },
                Err(StorageError::NotFound) => continue,
                Err(other) => return Err(other.into()),
            };
            events += u32::from(self.tell(&scope, &found, &record, now).await?);
        }
        Ok(events)
    }

    async fn tell(
        &self,
        scope: &Scope,
        consult: &Consult,
        record: &Record,
        now: OffsetDateTime,
    ) -> Result<bool, ConsultError> {
        let told = told(record);
        let has_passed = |percent: &u8| point(consult, *percent).is_some_and(|at| at <= now);
        let percent = POINTS_PERCENT
            .into_iter()
            .rev()
            .find(|percent| *percent > told && consult.is_clock_running() && has_passed(percent));
        let event = percent.and_then(|percent| Escalation::of(consult, percent));
        let put = put(consult, percent.unwrap_or(told), Expected::Version(record.version));
        let mut change = Change { puts: vec![put], ..Change::default() };
        if let Some(event) = &event {
            let body =
                serde_json::to_value(event).map_err(|_| ConsultError::Failed("an event has no JSON"))?;
            change.events.push((TOPIC, body));
        }
        match self.storage.apply(scope, change).await {
            Ok(()) => Ok(event.is_some()),
            // Somebody was there at the same moment: the next round looks again.
            Err(StorageError::Conflict(_)) => Ok(false),
            Err(other) => Err(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, consult};
    use crate::waiting::Waiting;
    use access::Signatures;

    #[test]
    fn shares_of_the_agreed_time_move_with_the_time_that_was_waited() {
        let mut asked = consult(Signatures::Single);
        let after = |minutes: i64| Some(NOW + Duration::minutes(minutes));
        assert_eq!([50, 80, 100].map(|n| point(&asked, n)), [after(60), after(96), after(120)]);
        asked.waits.push(Waiting {
            from: State::Reading,
            wanted: "增强".into(),
            by: None,
            since: NOW + Duration::minutes(10),
            until: after(40),
            answer: String::new(),
        });
        asked.due_at = after(150);
        assert_eq!([50, 80, 100].map(|n| point(&asked, n)), [after(90), after(126), after(150)]);
    }

    #[test]
    fn whoever_can_move_it_is_told_first() {
        let mut asked = consult(Signatures::Single);
        let reader = Tell::Person { person: PersonId::parse("wang").unwrap() };
        assert_eq!(who_is_told(&asked, 50), [reader]);
        assert_eq!(who_is_told(&asked, 80).len(), 2);
        let organisation = asked.reading.id.clone();
        assert_eq!(who_is_told(&asked, 100).len(), 4);
        assert_eq!(who_is_told(&asked, 100)[2], Tell::OnCall { organisation: organisation.clone() });
        asked.reader = None;
        asked.state = State::Accepted;
        let role = |role| Tell::Role { organisation: organisation.clone(), role };
        let pool = Tell::OnDuty { organisation: organisation.clone() };
        assert_eq!(who_is_told(&asked, 80), [pool, role(Role::Coordinator)]);
        asked.state = State::Submitted;
        assert_eq!(who_is_told(&asked, 80), [role(Role::Coordinator)]);
    }

    #[test]
    fn an_event_names_nobody_by_name_and_no_patient() {
        let event = Escalation::of(&consult(Signatures::Single), 80).unwrap();
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(
            json["tell"],
            serde_json::json!([
                {"to": "person", "person": "wang"},
                {"to": "role", "organisation": "city", "role": "coordinator"},
            ])
        );
        assert!(!json.to_string().contains("张三"));
        assert_eq!(serde_json::from_value::<Escalation>(json).unwrap(), event);
    }
}
