//! Every cell of the table, written a second time in other words; and walks through it.

use super::*;
use std::collections::BTreeSet;

fn all_rules() -> Vec<Rules> {
    use ConsultKind::{Consultation, Diagnosis};
    let pending = [Pending::Open, Pending::None];
    let resumed =
        [State::Submitted, State::Accepted, State::Assigned, State::Reading, State::Delivered, State::Closed];
    let mut all = Vec::new();
    for signatures in [Signatures::Single, Signatures::Double] {
        for acceptance in [Acceptance::Automatic, Acceptance::ByCoordinator] {
            for kind in [Diagnosis, Consultation] {
                for report in [Report::First, Report::Amended] {
                    for resumes in resumed {
                        for n in 0..32_u8 {
                            let pending = |bit: u8| pending[usize::from(n >> bit & 1)];
                            let round = if n >> 4 == 0 { Round::First } else { Round::Second };
                            all.push(Rules {
                                signatures,
                                acceptance,
                                kind,
                                report,
                                resumes,
                                question: pending(0),
                                critical: pending(1),
                                discrepancy: pending(2),
                                opinion: pending(3),
                                round,
                            });
                        }
                    }
                }
            }
        }
    }
    all
}

/// What must be possible: `state: who action[?circumstance], …`. Everything else is refused; without a circumstance the
/// step needs none.
const EXPECTED: &str = "
    draft: requester edit, requester attach, requester submit, requester cancel
    submitted: coordinator accept, coordinator reject, coordinator request_data, requester cancel
    awaiting_data: requester attach, requester resume?waiting, coordinator resume?waiting, holder resume?waiting, coordinator reject,
        requester cancel, expert give_opinion, expert decline_opinion, holder withdraw_opinion?asked, coordinator withdraw_opinion?asked
    accepted: reader claim, coordinator assign, coordinator reject, coordinator request_data, requester cancel,
        coordinator ask_opinion, expert give_opinion, expert decline_opinion, coordinator withdraw_opinion?asked
    assigned: holder claim, holder assign, coordinator assign, holder decline, coordinator release,
        holder request_data, coordinator request_data, requester cancel, holder ask_opinion, coordinator ask_opinion,
        expert give_opinion, expert decline_opinion, holder withdraw_opinion?asked, coordinator withdraw_opinion?asked
    reading: holder edit, holder accept_images, holder assign, coordinator assign, holder release,
        coordinator release, holder decline, holder request_data, coordinator request_data, holder sign?unasked,
        requester cancel, holder ask_opinion, coordinator ask_opinion, expert give_opinion, expert decline_opinion,
        holder withdraw_opinion?asked, coordinator withdraw_opinion?asked
    preliminary: reviewer review?double, reviewer return?double, reviewer take_over?double,
        requester cancel?first
    returned: holder edit, holder claim, holder assign, coordinator assign, holder release, coordinator release,
        holder decline, requester cancel, holder ask_opinion, coordinator ask_opinion, expert give_opinion,
        expert decline_opinion, holder withdraw_opinion?asked, coordinator withdraw_opinion?asked
    final:
    delivered: requester acknowledge?quiet, requester record_decision?consultation+quiet, requester ask_back,
        holder answer?question, coordinator answer?question, holder amend, coordinator amend, reviewer amend,
        reviewer grade, overseer grade, holder respond?discrepancy, requester second_opinion, overseer second_opinion,
        requester compare?second
    closed: requester second_opinion, overseer second_opinion, requester compare?second, holder answer?question, coordinator answer?question, requester ask_back, reviewer grade, overseer grade, holder respond?discrepancy, holder amend, coordinator amend, reviewer amend
    amending: holder edit, holder accept_images, coordinator assign, holder sign?unasked, holder abandon?delivered,
        coordinator abandon?delivered, holder ask_opinion, coordinator ask_opinion, expert give_opinion, expert decline_opinion,
        holder withdraw_opinion?asked, coordinator withdraw_opinion?asked
    rejected:
    cancelled:";

fn holds(circumstances: &str, rules: Rules) -> bool {
    circumstances.split('+').all(|one| match one {
        "waiting" => !matches!(rules.resumes, State::Delivered | State::Closed),
        "delivered" => matches!(rules.resumes, State::Delivered | State::Closed),
        "double" => rules.signatures == Signatures::Double,
        "first" => rules.report == Report::First,
        "quiet" => rules.critical == Pending::None,
        "consultation" => rules.kind == ConsultKind::Consultation,
        "question" => rules.question == Pending::Open,
        "discrepancy" => rules.discrepancy == Pending::Open,
        "asked" => rules.opinion == Pending::Open,
        "unasked" => rules.opinion == Pending::None,
        "second" => rules.round == Round::Second,
        other => panic!("{other}"),
    })
}

/// `(state, who, action)` → circumstances.
fn expected() -> std::collections::BTreeMap<(String, String, String), String> {
    let mut cells = std::collections::BTreeMap::new();
    let mut state = String::new();
    for line in EXPECTED.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let steps = match line.split_once(':') {
            Some((name, steps)) => {
                name.clone_into(&mut state);
                steps
            }
            None => line,
        };
        for step in steps.split(',').map(str::trim).filter(|step| !step.is_empty()) {
            let (who, action) = step.split_once(' ').unwrap();
            let (action, when) = action.split_once('?').unwrap_or((action, ""));
            cells.insert((state.clone(), who.to_owned(), action.to_owned()), when.to_owned());
        }
    }
    cells
}

#[test]
fn every_cell_of_state_person_and_action_is_as_agreed_and_refused_with_its_reason() {
    let (expected, all_rules) = (expected(), all_rules());
    let mut found = BTreeSet::new();
    for state in State::ALL {
        for action in Action::ALL {
            let whose: Vec<Who> = Who::ALL
                .into_iter()
                .filter(|who| {
                    let name = format!("{who:?}").to_lowercase();
                    expected.contains_key(&(state.word().into(), name, action.word().into()))
                })
                .collect();
            for who in Who::ALL {
                let name = format!("{who:?}").to_lowercase();
                let cell = (state.word().to_owned(), name, action.word().to_owned());
                let when = expected.get(&cell);
                // Where nobody can do anything no circumstance is asked: some of them will do.
                let every = if whose.is_empty() { 101 } else { 1 };
                for rules in all_rules.iter().copied().step_by(every) {
                    let decided = decide(state, action, &[who], rules);
                    let is_allowed = when.is_some_and(|when| when.is_empty() || holds(when, rules));
                    assert_eq!(decided.is_ok(), is_allowed, "{cell:?} {rules:?}");
                    match decided {
                        Ok(_) => assert!(allowed(state, &[who], rules).contains(&action)),
                        Err(Refusal::State) => assert_eq!(whose, [], "{cell:?}"),
                        Err(Refusal::Who(theirs)) => {
                            assert!(!theirs.contains(&who), "{cell:?}");
                            assert!(
                                theirs.iter().all(|w| whose.contains(w)) && !theirs.is_empty(),
                                "{cell:?}"
                            );
                        }
                        Err(Refusal::Circumstance(missing)) => {
                            assert!(whose.contains(&who) && !missing.why().is_empty(), "{cell:?}");
                        }
                    }
                }
                if when.is_some() {
                    found.insert(cell);
                }
            }
        }
    }
    let named: BTreeSet<_> = expected.into_keys().collect();
    assert_eq!(found, named, "a cell that is named but does not exist");
}

/// The circumstances that a consult really has after a step; what is agreed on stays.
fn follow(rules: Rules, from: State, action: Action, to: State) -> Rules {
    let mut next = rules;
    match action {
        Action::RequestData => next.resumes = from,
        Action::Amend => (next.resumes, next.report) = (from, Report::Amended),
        Action::Abandon => next.report = Report::First,
        Action::Review | Action::Sign if to == State::Delivered => next.report = Report::First,
        Action::AskBack => next.question = Pending::Open,
        Action::Answer => next.question = Pending::None,
        Action::Grade => next.discrepancy = Pending::Open,
        Action::Respond => next.discrepancy = Pending::None,
        Action::AskOpinion => next.opinion = Pending::Open,
        Action::GiveOpinion | Action::DeclineOpinion | Action::WithdrawOpinion => {
            next.opinion = Pending::None
        }
        _ => {}
    }
    next
}

fn steps(state: State, rules: Rules) -> Vec<(Action, &'static [State])> {
    Action::ALL
        .into_iter()
        .filter_map(|action| decide(state, action, &Who::ALL, rules).ok().map(|path| (action, path)))
        .collect()
}

fn beginnings() -> Vec<Rules> {
    let fresh = |rules: &Rules| {
        rules.report == Report::First
            && rules.resumes == State::Submitted
            && rules.question == Pending::None
            && rules.critical == Pending::None
            && rules.discrepancy == Pending::None
            && rules.opinion == Pending::None
    };
    all_rules().into_iter().filter(fresh).collect()
}

#[test]
fn every_state_is_reached_and_none_is_a_trap() {
    for rules in beginnings() {
        let mut seen = BTreeSet::from([State::Draft]);
        let mut known = vec![(State::Draft, rules)];
        let mut n = 0;
        while let Some((state, rules)) = known.get(n).copied() {
            n += 1;
            let steps = steps(state, rules);
            let is_over = matches!(state, State::Rejected | State::Cancelled);
            assert_eq!(steps.is_empty(), is_over, "{} under {rules:?}", state.word());
            for (action, path) in steps {
                seen.extend(path);
                let last = *path.last().unwrap();
                let next = (last, follow(rules, state, action, last));
                if !known.contains(&next) {
                    known.push(next);
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
    /// Wherever people wander, the one action that leads on is there, and they get to an end within ten steps.
    #[test]
    fn a_random_walk_never_gets_stuck(choices in proptest::collection::vec(0_usize..100, 0..200), n in 0_usize..8) {
        let beginnings = beginnings();
        let mut rules = beginnings[n % beginnings.len()];
        let mut state = State::Draft;
        for choice in choices {
            let steps = steps(state, rules);
            let Some((action, path)) = steps.get(choice % steps.len().max(1)) else { break };
            let last = *path.last().unwrap();
            rules = follow(rules, state, *action, last);
            state = last;
        }
        let mut reached = vec![(state, rules)];
        let mut far = 0;
        while !reached.iter().any(|(state, _)| state.is_end()) {
            far += 1;
            proptest::prop_assert!(far <= 10, "no end from {} under {rules:?}", state.word());
            let mut next = Vec::new();
            for (state, rules) in reached {
                for (action, path) in steps(state, rules) {
                    let last = *path.last().unwrap();
                    let place = (last, follow(rules, state, action, last));
                    if !next.contains(&place) {
                        next.push(place);
                    }
                }
            }
            reached = next;
        }
    }
}
