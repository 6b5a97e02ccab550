//! What a coordinator looks at: who is on duty, what each has in hand, what waits for somebody to take it.

use super::Duty;
use super::service::{OnDuty, require_coordinator};
use super::shifts::Shift;
use crate::list::READ_AT_ONCE;
use crate::record::{Consult, EVIDENCE, KIND, Named};
use crate::service::consult_of;
use crate::state::Action;
use crate::{ConsultError, ConsultService, State};
use access::{Caller, Urgency};
use model::{ConsultId, OrgId, PersonId};
use storage::{Order, RecordQuery};
use time::OffsetDateTime;

/// Open consults looked at, those that are due first.
const OPEN_MAX: usize = 3000;
/// Where a consult is while somebody at the centre must do something.
const OPEN: [State; 8] = [
    State::Submitted,
    State::AwaitingData,
    State::Accepted,
    State::Assigned,
    State::Reading,
    State::Preliminary,
    State::Returned,
    State::Amending,
];

/// A consult on a coordinator's desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Identifier.
    pub id: ConsultId,
    /// What people call it.
    pub number: String,
    /// Version, to be sent back with an action.
    pub version: i64,
    /// The patient's name.
    pub patient: String,
    /// Modalities of the study.
    pub modalities: Vec<String>,
    /// Description of the study.
    pub description: String,
    /// Who asks.
    pub requesting: Named<OrgId>,
    /// Urgency.
    pub urgency: Urgency,
    /// Where it is.
    pub state: State,
    /// When it was sent.
    pub submitted_at: Option<OffsetDateTime>,
    /// When the report is due, while the clock runs.
    pub due_at: Option<OffsetDateTime>,
    /// Whether that has passed.
    pub is_overdue: bool,
    /// Whether the caller may give it to somebody now.
    pub may_assign: bool,
}

/// What one person has in hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burden {
    /// Who, and whether rules give them cases now.
    pub who: OnDuty,
    /// Whether they read here, and can be given more.
    pub is_reader: bool,
    /// What they have, first what is due first.
    pub cases: Vec<Carried>,
}

/// A coordinator's desk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// The centre's readers, and who else still has a case: first who is on duty, then by name.
    pub people: Vec<Burden>,
    /// What nobody has: to be accepted, or to be taken from the pool.
    pub unassigned: Vec<Carried>,
    /// Signed once, to be reviewed.
    pub to_review: Vec<Carried>,
    /// Waits for the hospital's data, in nobody's hands.
    pub awaiting_data: Vec<Carried>,
    /// Shifts that run or are to come, the next first.
    pub shifts: Vec<Shift>,
    /// Whether there are more open consults than were looked at.
    pub is_cut: bool,
}

/// Who has a consult that is at a reader.
fn holder(consult: &Consult) -> Option<&Named<PersonId>> {
    let is_held = !matches!(consult.state, State::Submitted | State::Accepted | State::Preliminary);
    consult.reader.as_ref().filter(|_| is_held)
}

/// Puts each consult on its pile.
fn sorted(duties: Vec<OnDuty>, open: Vec<(Carried, Option<Named<PersonId>>)>) -> Overview {
    let mut people: Vec<Burden> =
        duties.into_iter().map(|who| Burden { who, is_reader: true, cases: Vec::new() }).collect();
    let mut overview = Overview::default();
    for (case, held_by) in open {
        match (held_by, case.state) {
            (Some(who), _) => match people.iter_mut().find(|one| one.who.person.id == who.id) {
                Some(burden) => burden.cases.push(case),
                // Who has a case is seen, also after they have stopped reading here.
                None => people.push(Burden {
                    who: OnDuty {
                        person: who,
                        title: String::new(),
                        modalities: Vec::new(),
                        subspecialties: Vec::new(),
                        duty: Duty::Off,
                        load: 0,
                    },
                    is_reader: false,
                    cases: vec![case],
                }),
            },
            (None, State::Preliminary) => overview.to_review.push(case),
            (None, State::AwaitingData) => overview.awaiting_data.push(case),
            (None, _) => overview.unassigned.push(case),
        }
    }
    people.sort_by(|a, b| {
        let place = |one: &Burden| (one.who.duty == Duty::Off, one.who.person.name.clone());
        place(a).cmp(&place(b))
    });
    Overview { people, ..overview }
}

impl ConsultService {
    /// The open consults of the caller's centre, by who has them, with who is on duty now and next (coordinator).
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`]; [`ConsultError::Unavailable`].
    pub async fn duty_overview(
        &self,
        caller: &Caller,
        now: OffsetDateTime,
    ) -> Result<Overview, ConsultError> {
        require_coordinator(caller)?;
        let duties = self.duties(caller).await?;
        let states = OPEN.iter().map(|state| state.word().to_owned()).collect();
        let mut query = RecordQuery {
            order: Order::Ascending,
            limit: READ_AT_ONCE,
            unread: Some(EVIDENCE),
            ..RecordQuery::new(KIND).with("reading", caller.organisation().as_str())
        };
        query.keys.push(("state", states));
        let mut open = Vec::new();
        let is_cut = loop {
            let page = self.storage.records(caller.scope(), &query).await?;
            let is_last = page.len() < READ_AT_ONCE as usize;
            query.after = page.last().map(|record| (record.sort, record.id.clone()));
            for record in page {
                let (version, consult) = (record.version, consult_of(record.body)?);
                let held_by = holder(&consult).cloned();
                open.push((carried(caller, consult, version, now), held_by));
            }
            if is_last || open.len() >= OPEN_MAX {
                break !is_last;
            }
        };
        let shifts = self.shifts(caller.organisation()).await?;
        Ok(Overview { shifts, is_cut, ..sorted(duties, open) })
    }
}

fn carried(caller: &Caller, consult: Consult, version: i64, now: OffsetDateTime) -> Carried {
    let view = crate::service::view(caller, consult, version);
    let may_assign = view.allowed.contains(&Action::Assign);
    let consult = view.consult;
    Carried {
        version,
        may_assign,
        is_overdue: consult.is_overdue(now),
        due_at: consult.due_at.filter(|_| consult.is_clock_running()),
        id: consult.id,
        number: consult.number,
        patient: consult.patient.name,
        modalities: consult.study.modalities,
        description: consult.study.description,
        requesting: consult.requesting,
        urgency: consult.urgency,
        state: consult.state,
        submitted_at: consult.submitted_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, consult};

    fn named(id: &str) -> Named<PersonId> {
        Named { id: PersonId::parse(id).unwrap(), name: id.to_owned() }
    }

    fn on(id: &str, duty: Duty) -> OnDuty {
        OnDuty {
            person: named(id),
            title: String::new(),
            modalities: Vec::new(),
            subspecialties: Vec::new(),
            duty,
            load: 0,
        }
    }

    fn case(number: &str, state: State) -> Carried {
        let consult = consult(access::Signatures::Double);
        Carried {
            id: consult.id,
            number: number.to_owned(),
            version: 1,
            patient: consult.patient.name,
            modalities: consult.study.modalities,
            description: consult.study.description,
            requesting: consult.requesting,
            urgency: consult.urgency,
            state,
            submitted_at: Some(NOW),
            due_at: None,
            is_overdue: false,
            may_assign: true,
        }
    }

    #[test]
    fn each_case_is_on_one_pile_also_of_who_no_longer_reads_here() {
        let duties = vec![on("a", Duty::Off), on("b", Duty::On)];
        let open = vec![
            (case("1", State::Reading), Some(named("a"))),
            (case("2", State::Accepted), None),
            (case("3", State::Submitted), None),
            (case("4", State::Preliminary), None),
            (case("5", State::AwaitingData), None),
            (case("6", State::AwaitingData), Some(named("b"))),
            (case("7", State::Assigned), Some(named("gone"))),
        ];
        let overview = sorted(duties, open);
        let numbers = |cases: &[Carried]| cases.iter().map(|one| one.number.clone()).collect::<Vec<_>>();
        let people: Vec<_> = overview
            .people
            .iter()
            .map(|one| (one.who.person.id.as_str(), one.is_reader, numbers(&one.cases)))
            .collect();
        let of = |numbers: &[&str]| numbers.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(people, [("b", true, of(&["6"])), ("a", true, of(&["1"])), ("gone", false, of(&["7"]))]);
        assert_eq!(numbers(&overview.unassigned), ["2", "3"]);
        assert_eq!(
            (numbers(&overview.to_review), numbers(&overview.awaiting_data)),
            (of(&["4"]), of(&["5"]))
        );
    }

    #[test]
    fn a_signed_report_is_in_its_reviewers_hands_not_in_its_readers() {
        let mut consult = consult(access::Signatures::Double);
        consult.state = State::Preliminary;
        assert_eq!(holder(&consult), None);
        consult.state = State::Returned;
        assert_eq!(holder(&consult), consult.reader.as_ref());
    }
}
