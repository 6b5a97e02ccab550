//! Whom an event of the outbox concerns.

use crate::clock::{self, Escalation, Tell};
use crate::delivery::{DeliveryState, Problem};
use crate::state::{Action, State};
use access::{Right, Role};
use model::{ConsultId, OrgId, PersonId};
use serde::{Deserialize, Serialize};
use storage::OutboxEvent;

/// What a notice says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A request waits to be accepted (coordinators).
    Submitted,
    /// A case was given to you.
    Assigned,
    /// The reviewer gave your report back.
    Returned,
    /// The reviewer has become the reader of your report, to change it.
    TakenOver,
    /// Your report waits for a second signature (reviewers).
    ToReview,
    /// More data are wanted of you.
    DataWanted,
    /// What you waited for has come.
    Resumed,
    /// A reader will not read it (coordinators).
    Declined,
    /// The requester asks about your report.
    AskedBack,
    /// Your question about the report was answered.
    Answered,
    /// Your request was refused.
    Rejected,
    /// A request that you have in hand was withdrawn.
    Cancelled,
    /// The report has arrived.
    Report,
    /// A critical finding was raised, or is said again.
    Critical,
    /// Nobody acknowledges a critical finding.
    CriticalUnanswered,
    /// A critical finding that you raised was acknowledged.
    CriticalAcknowledged,
    /// A critical finding was raised by mistake.
    CriticalWithdrawn,
    /// Quality control has graded your report.
    Graded,
    /// You are asked for an opinion.
    OpinionAsked,
    /// An opinion that you asked for was given.
    OpinionGiven,
    /// An opinion that you asked for was declined.
    OpinionDeclined,
    /// Your opinion is not waited for any longer.
    OpinionWithdrawn,
    /// Somebody wrote on a case of yours.
    Message,
    /// Half of the agreed time is over.
    Clock50,
    /// Four fifths of the agreed time are over.
    Clock80,
    /// The agreed time is over.
    Clock100,
    /// A report could not be delivered into a system of the requesting organisation.
    DeliveryFailed,
    /// A finished report does not verify, and was not delivered.
    ReportUnsound,
    /// Somebody of another organisation has opened your studies in an emergency (security officers, administrators).
    Emergency,
}

impl What {
    /// The word used in records, on the wire and in webhooks.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Assigned => "assigned",
            Self::Returned => "returned",
            Self::TakenOver => "taken_over",
            Self::ToReview => "to_review",
            Self::DataWanted => "data_wanted",
            Self::Resumed => "resumed",
            Self::Declined => "declined",
            Self::AskedBack => "asked_back",
            Self::Answered => "answered",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Report => "report",
            Self::Critical => "critical",
            Self::CriticalUnanswered => "critical_unanswered",
            Self::CriticalAcknowledged => "critical_acknowledged",
            Self::CriticalWithdrawn => "critical_withdrawn",
            Self::Graded => "graded",
            Self::OpinionAsked => "opinion_asked",
            Self::OpinionGiven => "opinion_given",
            Self::OpinionDeclined => "opinion_declined",
            Self::OpinionWithdrawn => "opinion_withdrawn",
            Self::Message => "message",
            Self::Clock50 => "clock50",
            Self::Clock80 => "clock80",
            Self::Clock100 => "clock100",
            Self::DeliveryFailed => "delivery_failed",
            Self::ReportUnsound => "report_unsound",
            Self::Emergency => "emergency",
        }
    }
}

/// Somebody who is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum To {
    /// One person.
    Person(PersonId),
    /// Everybody of an organisation who may do this.
    With(OrgId, Right),
    /// Everybody of an organisation with this role.
    Role(OrgId, Role),
    /// The readers of an organisation who are on duty.
    OnDuty(OrgId),
    /// Whoever is on call at an organisation.
    OnCall(OrgId),
}

/// What is to be said to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Telling {
    pub what: What,
    pub consult: ConsultId,
    /// What later tellings of the same replace: one line in the list of whoever has not read it yet.
    pub about: String,
    pub to: Vec<To>,
    /// Who brought it about, and knows.
    pub by: Option<PersonId>,
}

#[derive(Deserialize)]
struct Moved {
    id: ConsultId,
    #[serde(default)]
    action: Option<serde_json::Value>,
    /// A person's identifier, or what the node calls itself.
    #[serde(default)]
    by: String,
    state: State,
    reading: OrgId,
    #[serde(default)]
    created_by: Option<PersonId>,
    #[serde(default)]
    reader: Option<PersonId>,
}

#[derive(Deserialize)]
struct Alarm {
    consult: ConsultId,
    n: u32,
    what: String,
    #[serde(default)]
    by: Option<PersonId>,
    #[serde(default)]
    told_by: Option<PersonId>,
    /// Whether the coordinators were told.
    #[serde(default)]
    escalated: bool,
    /// Whether those on call were told.
    #[serde(default)]
    called: bool,
    requesting: OrgId,
    reading: OrgId,
}

#[derive(Deserialize)]
struct Delivered {
    consult: ConsultId,
    delivery: String,
    state: DeliveryState,
    problem: Option<Problem>,
    requesting: OrgId,
    reading: OrgId,
}

#[derive(Deserialize)]
struct Asked {
    consult: ConsultId,
    n: u32,
    what: Action,
    #[serde(default)]
    by: String,
    people: Vec<PersonId>,
}

#[derive(Deserialize)]
struct TakenOver {
    consult: ConsultId,
    version: i64,
    by: PersonId,
    person: Option<PersonId>,
}

#[derive(Deserialize)]
struct Written {
    consult: ConsultId,
    by: PersonId,
    people: Vec<PersonId>,
}

/// Whom an event concerns; nobody for most.
pub(super) fn tellings(event: &OutboxEvent) -> Vec<Telling> {
    let telling = match event.topic.as_str() {
        crate::service::TOPIC => {
            Moved::deserialize(&event.body).ok().and_then(|moved| of_consult(event.seq, moved))
        }
        crate::critical::TOPIC => Alarm::deserialize(&event.body).ok().and_then(of_critical),
        clock::TOPIC => Escalation::deserialize(&event.body).ok().and_then(|late| of_clock(event.seq, late)),
        crate::service::TAKEN_OVER => TakenOver::deserialize(&event.body).ok().map(of_taken_over),
        crate::opinion::TOPIC => Asked::deserialize(&event.body).ok().and_then(of_opinion),
        crate::message::TOPIC => Written::deserialize(&event.body).ok().map(of_message),
        crate::delivery::TOPIC => Delivered::deserialize(&event.body).ok().and_then(of_delivery),
        _ => None,
    };
    telling.into_iter().collect()
}

fn of_consult(seq: i64, moved: Moved) -> Option<Telling> {
    let Moved { id, action, by, state, reading, created_by, reader } = moved;
    // Events of earlier releases do not say what was done.
    let action: Action = serde_json::from_value(action?).ok()?;
    let person = |person: Option<PersonId>| person.map(To::Person).into_iter().collect::<Vec<_>>();
    let (what, to) = match (action, state) {
        // By a rule.
        (Action::Submit | Action::Accept, State::Assigned) => (What::Assigned, person(reader)),
        (Action::Submit, State::Submitted) => (What::Submitted, vec![To::With(reading, Right::Coordinate)]),
        (Action::Sign, State::Preliminary) => (What::ToReview, vec![To::With(reading, Right::Review)]),
        // A final report that waits for its time stamp has not arrived yet.
        (Action::Sign | Action::Review, State::Delivered) => (What::Report, person(created_by)),
        (Action::Assign, _) => (What::Assigned, person(reader)),
        (Action::Return, _) => (What::Returned, person(reader)),
        (Action::RequestData, _) => (What::DataWanted, person(created_by)),
        (Action::Resume, _) => (What::Resumed, person(reader)),
        (Action::Decline, _) => (What::Declined, vec![To::With(reading, Right::Coordinate)]),
        (Action::AskBack, _) => (What::AskedBack, person(reader)),
        (Action::Answer, _) => (What::Answered, person(created_by)),
        (Action::Grade, _) => (What::Graded, person(reader)),
        (Action::Reject, _) => (What::Rejected, person(created_by)),
        (Action::Cancel, _) => (What::Cancelled, person(reader)),
        _ => return None,
    };
    Some(Telling { what, about: format!("{seq}"), consult: id, to, by: PersonId::parse(&by).ok() })
}

fn of_clock(seq: i64, late: Escalation) -> Option<Telling> {
    let what = match late.percent {
        50 => What::Clock50,
        80 => What::Clock80,
        100 => What::Clock100,
        _ => return None,
    };
    let to = late.tell.into_iter().map(|tell| match tell {
        Tell::Person { person } => To::Person(person),
        Tell::Role { organisation, role } => To::Role(organisation, role),
        Tell::OnDuty { organisation } => To::OnDuty(organisation),
        Tell::OnCall { organisation } => To::OnCall(organisation),
    });
    Some(Telling { what, about: format!("{seq}"), consult: late.consult, to: to.collect(), by: None })
}

fn of_critical(alarm: Alarm) -> Option<Telling> {
    let Alarm { consult, n, what, by, told_by, escalated, called, requesting, reading } = alarm;
    let (what, to) = match what.as_str() {
        "raised" | "repeated" => (What::Critical, vec![To::With(requesting, Right::Ask)]),
        "escalated" => {
            let coordinators = [requesting.clone(), reading].map(|org| To::With(org, Right::Coordinate));
            let askers = To::With(requesting, Right::Ask);
            (What::CriticalUnanswered, coordinators.into_iter().chain([askers]).collect())
        }
        "called" => {
            let askers = To::With(requesting.clone(), Right::Ask);
            let on_call = [requesting, reading].map(To::OnCall);
            (What::CriticalUnanswered, on_call.into_iter().chain([askers]).collect())
        }
        // Everybody who was told of it.
        "withdrawn" => {
            let askers = To::With(requesting.clone(), Right::Ask);
            let on_call = [&requesting, &reading].map(|org| To::OnCall(org.clone()));
            let on_call = on_call.into_iter().filter(|_| called);
            let coordinators = [requesting, reading].map(|org| To::With(org, Right::Coordinate));
            let coordinators = coordinators.into_iter().filter(|_| escalated);
            let all = [askers].into_iter().chain(coordinators).chain(on_call);
            let all = all.chain(told_by.map(To::Person));
            (What::CriticalWithdrawn, all.collect())
        }
        "acknowledged" => (What::CriticalAcknowledged, told_by.map(To::Person).into_iter().collect()),
        _ => return None,
    };
    Some(Telling { what, about: format!("critical-{consult}-{n}-{}", what.word()), consult, to, by })
}

/// A delivery that was given up: those who can do something about it. One that does not verify is the centre's affair, too.
fn of_delivery(delivered: Delivered) -> Option<Telling> {
    let Delivered { consult, delivery, state, problem, requesting, reading } = delivered;
    if state != DeliveryState::Failed {
        return None;
    }
    let looked_after = |org: OrgId| {
        [Right::Coordinate, Right::Administer].map(|right| To::With(org.clone(), right)).to_vec()
    };
    let (what, to) = match problem {
        Some(Problem::Unsound) => {
            (What::ReportUnsound, [looked_after(reading), looked_after(requesting)].concat())
        }
        _ => (What::DeliveryFailed, looked_after(requesting)),
    };
    Some(Telling { what, about: format!("delivery-{delivery}"), consult, to, by: None })
}

fn of_opinion(asked: Asked) -> Option<Telling> {
    let Asked { consult, n, what, by, people } = asked;
    let what = match what {
        Action::AskOpinion => What::OpinionAsked,
        Action::GiveOpinion => What::OpinionGiven,
        Action::DeclineOpinion => What::OpinionDeclined,
        Action::WithdrawOpinion => What::OpinionWithdrawn,
        _ => return None,
    };
    let to = people.into_iter().map(To::Person).collect();
    let about = format!("opinion-{consult}-{n}-{}", what.word());
    Some(Telling { what, about, consult, to, by: PersonId::parse(&by).ok() })
}

fn of_taken_over(taken: TakenOver) -> Telling {
    Telling {
        what: What::TakenOver,
        about: format!("taken-over-{}-{}", taken.consult, taken.version),
        consult: taken.consult,
        to: taken.person.into_iter().map(To::Person).collect(),
        by: Some(taken.by),
    }
}

fn of_message(written: Written) -> Telling {
    Telling {
        what: What::Message,
        about: format!("message-{}", written.consult),
        consult: written.consult,
        to: written.people.into_iter().map(To::Person).collect(),
        by: Some(written.by),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn told(topic: &str, body: Json) -> Option<(What, Vec<To>)> {
        let event = OutboxEvent { seq: 7, topic: topic.to_owned(), body };
        tellings(&event).into_iter().next().map(|telling| (telling.what, telling.to))
    }

    fn moved(action: &str, state: &str) -> Option<(What, Vec<To>)> {
        let body = json!({"id": "c1", "action": action, "by": "zhao", "state": state, "requesting": "town",
            "reading": "city", "created_by": "li", "reader": "wang"});
        told("consult", body)
    }

    fn one(id: &str) -> Vec<To> {
        vec![To::Person(PersonId::parse(id).unwrap())]
    }

    #[test]
    fn whoever_must_do_something_next_is_told() {
        let city = OrgId::parse("city").unwrap();
        let with = |right| vec![To::With(city.clone(), right)];
        for (action, state, what, to) in [
            ("submit", "submitted", What::Submitted, with(Right::Coordinate)),
            ("submit", "assigned", What::Assigned, one("wang")),
            ("accept", "assigned", What::Assigned, one("wang")),
            ("sign", "preliminary", What::ToReview, with(Right::Review)),
            ("sign", "delivered", What::Report, one("li")),
            ("review", "delivered", What::Report, one("li")),
            ("return", "returned", What::Returned, one("wang")),
            ("assign", "assigned", What::Assigned, one("wang")),
            ("request_data", "awaiting_data", What::DataWanted, one("li")),
            ("resume", "reading", What::Resumed, one("wang")),
            ("decline", "accepted", What::Declined, with(Right::Coordinate)),
            ("ask_back", "delivered", What::AskedBack, one("wang")),
            ("answer", "delivered", What::Answered, one("li")),
            ("grade", "delivered", What::Graded, one("wang")),
            ("reject", "rejected", What::Rejected, one("li")),
            ("cancel", "cancelled", What::Cancelled, one("wang")),
        ] {
            assert_eq!(moved(action, state), Some((what, to)), "{action}");
        }
        for (action, state) in [
            ("edit", "reading"),
            ("sign", "final"),
            ("edit", "draft"),
            ("submit", "accepted"),
            ("claim", "reading"),
        ] {
            assert_eq!(moved(action, state), None, "{action}");
        }
        assert_eq!(told("consult", json!({"id": "c1", "state": "delivered", "reading": "city"})), None);
        assert_eq!(told("instance.stored", json!({})), None);
    }

    #[test]
    fn an_expert_is_told_of_a_question_and_whoever_asked_of_the_answer() {
        let opinion = |what: &str, people: &[&str]| {
            let body = json!({"consult": "c1", "n": 2, "what": what, "by": "zhao", "people": people});
            told("opinion", body)
        };
        assert_eq!(opinion("ask_opinion", &["chen"]), Some((What::OpinionAsked, one("chen"))));
        assert_eq!(opinion("give_opinion", &["wang"]), Some((What::OpinionGiven, one("wang"))));
        assert_eq!(opinion("decline_opinion", &["wang"]), Some((What::OpinionDeclined, one("wang"))));
        assert_eq!(opinion("withdraw_opinion", &["chen"]), Some((What::OpinionWithdrawn, one("chen"))));
        assert_eq!(opinion("claim", &["chen"]), None);
    }

    #[test]
    fn whose_report_is_taken_over_is_told() {
        let body = json!({"consult": "c1", "version": 7, "by": "zhao", "person": "wang"});
        assert_eq!(told("consult.taken_over", body), Some((What::TakenOver, one("wang"))));
        assert_eq!(moved("take_over", "reading"), None);
    }

    #[test]
    fn a_clock_tells_whom_it_names() {
        let consult = crate::testing::consult(access::Signatures::Single);
        let late = Escalation::of(&consult, 100).unwrap();
        let (what, to) = told("consult.clock", json!(late)).unwrap();
        assert_eq!(what, What::Clock100);
        let reading = consult.reading.id.clone();
        let watching = vec![To::Role(reading.clone(), Role::Coordinator), To::OnCall(reading.clone())];
        assert_eq!(to, [one("wang"), watching, one("li")].concat());
        // Of an event of an earlier release.
        let role = json!({"to": "role", "organisation": reading, "role": "reader"});
        let before = Escalation { tell: vec![serde_json::from_value(role).unwrap()], ..late };
        let (_, to) = told("consult.clock", json!(before)).unwrap();
        assert_eq!(to, [To::Role(reading, Role::Reader)]);
    }

    #[test]
    fn a_delivery_that_is_given_up_is_told_to_who_can_do_something_about_it() {
        let told = |state: &str, problem: Json| {
            let body = json!({"consult": "c1", "delivery": "d1", "state": state, "problem": problem,
                "requesting": "town", "reading": "city"});
            told("delivery", body).map(|(what, to)| (what, to.len()))
        };
        assert_eq!(told("failed", json!("refused")), Some((What::DeliveryFailed, 2)));
        assert_eq!(told("failed", json!("unsound")), Some((What::ReportUnsound, 4)));
        assert_eq!(told("waiting", json!("unreachable")), None);
        assert_eq!(told("delivered", Json::Null), None);
    }

    #[test]
    fn an_alarm_goes_to_whoever_asks_then_to_the_coordinators_and_its_answer_back() {
        let alarm = |what: &str| {
            let body = json!({"consult": "c1", "n": 1, "what": what, "told_by": "wang", "requesting": "town",
                "reading": "city"});
            told("critical", body).unwrap()
        };
        let town = OrgId::parse("town").unwrap();
        assert_eq!(alarm("raised"), (What::Critical, vec![To::With(town.clone(), Right::Ask)]));
        assert_eq!(alarm("escalated").1.len(), 3);
        let (what, to) = alarm("called");
        let on_call = ["town", "city"].map(|id| To::OnCall(OrgId::parse(id).unwrap()));
        assert_eq!((what, &to[..2]), (What::CriticalUnanswered, &on_call[..]));
        assert_eq!(alarm("acknowledged"), (What::CriticalAcknowledged, one("wang")));
        let (what, to) = alarm("withdrawn");
        assert_eq!(
            (what, &to[0], to.len()),
            (What::CriticalWithdrawn, &To::With(town.clone(), Right::Ask), 2)
        );
    }
}
