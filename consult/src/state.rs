//! The workflow as a table: from a state, by an action, by whom, to a state.
//!
//! States that no action of this build leads to (awaiting data, amending) are not here; they come with their actions.

use access::{Caller, Right, Signatures};
use model::{OrgId, PersonId};
use serde::{Deserialize, Serialize};

/// Where a consult is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// 草稿: the requester writes.
    Draft,
    /// 已提交: a coordinator must accept it.
    Submitted,
    /// 已受理: in the pool.
    Accepted,
    /// 已分配: passed through on the way to reading.
    Assigned,
    /// 阅片中: a reader has it.
    Reading,
    /// 初步报告: signed once, to be reviewed.
    Preliminary,
    /// 已退回: back at the reader, with a reason.
    Returned,
    /// 已签发: passed through on the way to delivered.
    Final,
    /// 已送达: the requester can see the report.
    Delivered,
    /// 已完成: the requester has acknowledged it.
    Closed,
    /// 已拒绝, with a reason.
    Rejected,
    /// 已取消.
    Cancelled,
}

impl State {
    /// All states, in the order of the work.
    pub const ALL: [Self; 12] = [
        Self::Draft,
        Self::Submitted,
        Self::Accepted,
        Self::Assigned,
        Self::Reading,
        Self::Preliminary,
        Self::Returned,
        Self::Final,
        Self::Delivered,
        Self::Closed,
        Self::Rejected,
        Self::Cancelled,
    ];

    /// The word used in records, on the wire and in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Accepted => "accepted",
            Self::Assigned => "assigned",
            Self::Reading => "reading",
            Self::Preliminary => "preliminary",
            Self::Returned => "returned",
            Self::Final => "final",
            Self::Delivered => "delivered",
            Self::Closed => "closed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the clock runs: submitted, and no final report yet.
    #[must_use]
    pub fn is_clock_running(self) -> bool {
        matches!(
            self,
            Self::Submitted
                | Self::Accepted
                | Self::Assigned
                | Self::Reading
                | Self::Preliminary
                | Self::Returned
        )
    }

    /// Whether nothing can happen any more.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Closed | Self::Rejected | Self::Cancelled)
    }

    /// Whether the reading organisation's report may be seen by the requesting one.
    #[must_use]
    pub fn is_released(self) -> bool {
        matches!(self, Self::Final | Self::Delivered | Self::Closed)
    }
}

/// What can be done with a consult.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Change the question (in a draft) or write the report (while reading).
    Edit,
    /// Send the question.
    Submit,
    /// Put it into the pool.
    Accept,
    /// Refuse it, with a reason.
    Reject,
    /// Take it from the pool, or up again after it was returned.
    Claim,
    /// Give it back to the pool.
    Release,
    /// The reader's signature.
    Sign,
    /// The reviewer's signature.
    Review,
    /// Back to the reader, with a reason.
    Return,
    /// The requester has taken note of the report.
    Acknowledge,
    /// The requester no longer asks.
    Cancel,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 11] = [
        Self::Edit,
        Self::Submit,
        Self::Accept,
        Self::Reject,
        Self::Claim,
        Self::Release,
        Self::Sign,
        Self::Review,
        Self::Return,
        Self::Acknowledge,
        Self::Cancel,
    ];

    /// The word used on the wire and in messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Submit => "submit",
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Claim => "claim",
            Self::Release => "release",
            Self::Sign => "sign",
            Self::Review => "review",
            Self::Return => "return",
            Self::Acknowledge => "acknowledge",
            Self::Cancel => "cancel",
        }
    }
}

/// What a person is to a consult. One person may be several of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// May ask, and belongs to the requesting organisation.
    Requester,
    /// Coordinates at the reading organisation.
    Coordinator,
    /// May read at the reading organisation, and is not the one who has it.
    Reader,
    /// The reader who has it.
    Holder,
    /// May review at the reading organisation, and is not the one who has it.
    Reviewer,
}

impl Who {
    /// Everybody who has a part.
    pub const ALL: [Self; 5] =
        [Self::Requester, Self::Coordinator, Self::Reader, Self::Holder, Self::Reviewer];
}

/// What the agreement decides about the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// One signature or two.
    pub signatures: Signatures,
    /// Whether a submitted question goes to the pool at once.
    pub acceptance: Acceptance,
}

/// How a submitted question is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acceptance {
    /// By the agreement.
    Automatic,
    /// By a coordinator.
    ByCoordinator,
}

/// When a row of the table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    Acceptance(Acceptance),
    Signatures(Signatures),
}

impl When {
    fn holds(self, rules: Rules) -> bool {
        match self {
            Self::Always => true,
            Self::Acceptance(acceptance) => acceptance == rules.acceptance,
            Self::Signatures(signatures) => signatures == rules.signatures,
        }
    }
}

/// One row: from a state, by an action of one of these, through these states, the last of which stays.
struct Row(State, Action, &'static [Who], When, &'static [State]);

use Action as A;
use State as S;
use Who as W;

/// The whole workflow.
const TABLE: &[Row] = &[
    Row(S::Draft, A::Edit, &[W::Requester], When::Always, &[S::Draft]),
    Row(S::Draft, A::Submit, &[W::Requester], When::Acceptance(Acceptance::ByCoordinator), &[S::Submitted]),
    Row(
        S::Draft,
        A::Submit,
        &[W::Requester],
        When::Acceptance(Acceptance::Automatic),
        &[S::Submitted, S::Accepted],
    ),
    Row(S::Draft, A::Cancel, &[W::Requester], When::Always, &[S::Cancelled]),
    Row(S::Submitted, A::Accept, &[W::Coordinator], When::Always, &[S::Accepted]),
    Row(S::Submitted, A::Reject, &[W::Coordinator], When::Always, &[S::Rejected]),
    Row(S::Submitted, A::Cancel, &[W::Requester], When::Always, &[S::Cancelled]),
    Row(S::Accepted, A::Claim, &[W::Reader], When::Always, &[S::Assigned, S::Reading]),
    Row(S::Accepted, A::Reject, &[W::Coordinator], When::Always, &[S::Rejected]),
    Row(S::Accepted, A::Cancel, &[W::Requester], When::Always, &[S::Cancelled]),
    Row(S::Reading, A::Edit, &[W::Holder], When::Always, &[S::Reading]),
    Row(S::Reading, A::Release, &[W::Holder, W::Coordinator], When::Always, &[S::Accepted]),
    Row(S::Reading, A::Sign, &[W::Holder], When::Signatures(Signatures::Double), &[S::Preliminary]),
    Row(S::Reading, A::Sign, &[W::Holder], When::Signatures(Signatures::Single), &[S::Final, S::Delivered]),
    Row(S::Reading, A::Cancel, &[W::Requester], When::Always, &[S::Cancelled]),
    Row(
        S::Preliminary,
        A::Review,
        &[W::Reviewer],
        When::Signatures(Signatures::Double),
        &[S::Final, S::Delivered],
    ),
    Row(S::Preliminary, A::Return, &[W::Reviewer], When::Signatures(Signatures::Double), &[S::Returned]),
    Row(S::Preliminary, A::Cancel, &[W::Requester], When::Always, &[S::Cancelled]),
    Row(S::Returned, A::Edit, &[W::Holder], When::Always, &[S::Reading]),
    Row(S::Returned, A::Claim, &[W::Holder], When::Always, &[S::Reading]),
    Row(S::Returned, A::Release, &[W::Holder, W::Coordinator], When::Always, &[S::Accepted]),
    Row(S::Returned, A::Cancel, &[W::Requester], When::Always, &[S::Cancelled]),
    Row(S::Delivered, A::Acknowledge, &[W::Requester], When::Always, &[S::Closed]),
];

/// The states that an action passes through, the last of which stays; `None` when it is not possible.
#[must_use]
pub fn step(from: State, action: Action, who: &[Who], rules: Rules) -> Option<&'static [State]> {
    TABLE
        .iter()
        .find(|row| {
            row.0 == from && row.1 == action && row.3.holds(rules) && row.2.iter().any(|w| who.contains(w))
        })
        .map(|row| row.4)
}

/// Whether anybody at all could do this in this state.
#[must_use]
pub fn is_possible(from: State, action: Action, rules: Rules) -> bool {
    step(from, action, &Who::ALL, rules).is_some()
}

/// What these people may do now, in the order of [`Action::ALL`].
#[must_use]
pub fn allowed(from: State, who: &[Who], rules: Rules) -> Vec<Action> {
    Action::ALL.into_iter().filter(|action| step(from, *action, who, rules).is_some()).collect()
}

/// What a caller is to a consult between these organisations, which `holder` has. Machines have no part.
#[must_use]
pub fn parts(caller: &Caller, requesting: &OrgId, reading: &OrgId, holder: Option<&PersonId>) -> Vec<Who> {
    let Some(person) = caller.as_person() else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    if caller.organisation() == requesting && caller.may(Right::Ask) {
        parts.push(Who::Requester);
    }
    if caller.organisation() == reading {
        let holds = holder == Some(&person.id);
        if caller.may(Right::Coordinate) {
            parts.push(Who::Coordinator);
        }
        if caller.may(Right::Read) {
            parts.push(if holds { Who::Holder } else { Who::Reader });
        }
        if caller.may(Right::Review) && !holds {
            parts.push(Who::Reviewer);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const RULES: [Rules; 4] = [
        Rules { signatures: Signatures::Single, acceptance: Acceptance::Automatic },
        Rules { signatures: Signatures::Single, acceptance: Acceptance::ByCoordinator },
        Rules { signatures: Signatures::Double, acceptance: Acceptance::Automatic },
        Rules { signatures: Signatures::Double, acceptance: Acceptance::ByCoordinator },
    ];

    /// What must be possible, written a second time, in other words: `state: who action, …`. Everything else is not.
    const EXPECTED: &str = "
        draft: requester edit, requester submit, requester cancel
        submitted: coordinator accept, coordinator reject, requester cancel
        accepted: reader claim, coordinator reject, requester cancel
        assigned:
        reading: holder edit, holder release, coordinator release, holder sign, requester cancel
        preliminary: reviewer review, reviewer return, requester cancel
        returned: holder edit, holder claim, holder release, coordinator release, requester cancel
        final:
        delivered: requester acknowledge
        closed:
        rejected:
        cancelled:";

    #[test]
    fn every_cell_of_state_person_and_action_is_as_agreed() {
        let mut cells = 0;
        for line in EXPECTED.lines().filter(|line| !line.trim().is_empty()) {
            let (state, possible) = line.split_once(':').unwrap();
            let possible: BTreeSet<&str> = possible.split(',').map(str::trim).collect();
            let state = State::ALL.into_iter().find(|s| s.word() == state.trim()).unwrap();
            for who in Who::ALL {
                for action in Action::ALL {
                    let cell = format!("{who:?} {}", action.word()).to_lowercase();
                    for rules in RULES {
                        let needs_two = state == State::Preliminary && action != Action::Cancel;
                        let expected = possible.contains(cell.as_str())
                            && (!needs_two || rules.signatures == Signatures::Double);
                        let found = step(state, action, &[who], rules).is_some();
                        assert_eq!(found, expected, "{} {cell} {rules:?}", state.word());
                        assert_eq!(allowed(state, &[who], rules).contains(&action), expected);
                        cells += 1;
                    }
                }
            }
        }
        assert_eq!(cells, State::ALL.len() * Who::ALL.len() * Action::ALL.len() * RULES.len());
    }

    #[test]
    fn every_state_is_reached_and_none_is_a_trap() {
        for rules in RULES {
            let mut seen = BTreeSet::from([State::Draft]);
            let mut waiting = vec![State::Draft];
            while let Some(state) = waiting.pop() {
                let steps: Vec<_> =
                    Action::ALL.into_iter().filter_map(|a| step(state, a, &Who::ALL, rules)).collect();
                assert_eq!(steps.is_empty(), state.is_end(), "{} under {rules:?}", state.word());
                for path in steps {
                    let (last, passed) = path.split_last().unwrap();
                    seen.extend(passed);
                    if seen.insert(*last) {
                        waiting.push(*last);
                    }
                }
            }
            let mut missing: Vec<_> = State::ALL.into_iter().filter(|s| !seen.contains(s)).collect();
            if rules.signatures == Signatures::Single {
                missing.retain(|s| !matches!(s, State::Preliminary | State::Returned));
            }
            assert_eq!(missing, [], "{rules:?}");
        }
    }

    #[test]
    fn words_on_the_wire_are_the_words_of_the_table() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        }
        for action in Action::ALL {
            assert_eq!(serde_json::to_value(action).unwrap(), action.word());
        }
    }

    proptest::proptest! {
        /// Wherever people wander, they can always still get to an end within ten steps.
        #[test]
        fn a_random_walk_never_gets_stuck(choices in proptest::collection::vec(0_usize..100, 0..200), n in 0_usize..4) {
            let rules = RULES[n];
            let mut state = State::Draft;
            for choice in choices {
                let steps: Vec<_> =
                    Action::ALL.into_iter().filter_map(|a| step(state, a, &Who::ALL, rules)).collect();
                let Some(path) = steps.get(choice % steps.len().max(1)) else { break };
                state = *path.last().unwrap();
            }
            for action in [Action::Submit, Action::Accept, Action::Claim, Action::Sign, Action::Review, Action::Acknowledge] {
                if let Some(path) = step(state, action, &Who::ALL, rules) {
                    state = *path.last().unwrap();
                }
            }
            proptest::prop_assert!(state.is_end(), "stuck in {}", state.word());
        }
    }
}
