//! The workflow as a table: from a state, by an action, by whom, under which circumstances, to a state.

use super::{Acceptance, Action, Pending, Report, Round, Rules, State, Who};
use access::{ConsultKind, Signatures};

/// A circumstance under which a row of the table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// How it is accepted.
    Acceptance(Acceptance),
    /// How many signatures are agreed on.
    Signatures(Signatures),
    /// Diagnosis or consultation.
    Kind(ConsultKind),
    /// Whether a delivered report is amended.
    Report(Report),
    /// Where it goes on.
    Resumes(State),
    /// Whether a question about the report stands open.
    Question(Pending),
    /// Whether a critical finding stands open.
    Critical(Pending),
    /// Whether a discrepancy waits for its reader.
    Discrepancy(Pending),
    /// Whether an opinion that was asked for stands open.
    Opinion(Pending),
    /// Whether it is a second opinion.
    Round(Round),
}

impl When {
    fn holds(self, rules: Rules) -> bool {
        match self {
            Self::Acceptance(acceptance) => acceptance == rules.acceptance,
            Self::Signatures(signatures) => signatures == rules.signatures,
            Self::Kind(kind) => kind == rules.kind,
            Self::Report(report) => report == rules.report,
            Self::Resumes(state) => state == rules.resumes,
            Self::Question(question) => question == rules.question,
            Self::Critical(critical) => critical == rules.critical,
            Self::Discrepancy(discrepancy) => discrepancy == rules.discrepancy,
            Self::Opinion(opinion) => opinion == rules.opinion,
            Self::Round(round) => round == rules.round,
        }
    }

    /// Why a step is refused that needs this circumstance, in Chinese and English.
    #[must_use]
    pub fn why(self) -> &'static str {
        match self {
            Self::Acceptance(_) | Self::Signatures(_) => {
                "协议规定的流程不是这样 / the agreement does not have it so"
            }
            Self::Kind(_) => {
                "只有远程会诊由申请方记录决定 / only a consultation ends with the requester's decision"
            }
            Self::Report(Report::First) => {
                "报告已送达，正在修订 / a report has been delivered and is being amended"
            }
            Self::Report(Report::Amended) => "没有正在修订的报告 / no report is being amended",
            Self::Resumes(_) => "没有可以继续的步骤 / there is nothing to go on with",
            Self::Question(_) => "没有待答复的追问 / no question waits for an answer",
            Self::Discrepancy(_) => "没有待回应的质控评价 / no discrepancy waits for an answer",
            Self::Opinion(Pending::None) => {
                "受邀专家的意见尚未提交，请等待或撤回邀请 / an opinion that was asked for is missing: wait for it, or withdraw the request"
            }
            Self::Opinion(Pending::Open) => "没有待提交的专家意见 / no opinion is waited for",
            Self::Round(_) => "这不是第二意见 / this is not a second opinion",
            Self::Critical(_) => "危急值尚未确认 / a critical finding has not been acknowledged",
        }
    }
}

/// One row of the table; the last of `through` stays.
struct Row {
    from: State,
    action: Action,
    who: &'static [Who],
    when: &'static [When],
    through: &'static [State],
}

const fn row(
    from: State,
    action: Action,
    who: &'static [Who],
    when: &'static [When],
    through: &'static [State],
) -> Row {
    Row { from, action, who, when, through }
}

use Action as A;
use State as S;
use Who as W;

const REQUESTER: &[Who] = &[W::Requester];
const COORDINATOR: &[Who] = &[W::Coordinator];
const HOLDER: &[Who] = &[W::Holder];
const REVIEWER: &[Who] = &[W::Reviewer];
const EXPERT: &[Who] = &[W::Expert];
/// Who can ask for a second opinion.
const DOUBTERS: &[Who] = &[W::Requester, W::Overseer];
/// Who can move what somebody has.
const CARRIERS: &[Who] = &[W::Holder, W::Coordinator];
/// Who can grade a delivered report.
const GRADERS: &[Who] = &[W::Reviewer, W::Overseer];
/// Who can open a delivered report again.
const AMENDERS: &[Who] = &[W::Holder, W::Coordinator, W::Reviewer];

const DOUBLE: &[When] = &[When::Signatures(Signatures::Double)];
// What somebody can still do something about comes first: it is the reason that is told.
const SIGNS_ALONE: &[When] = &[When::Opinion(Pending::None), When::Signatures(Signatures::Single)];
const SIGNS_FIRST: &[When] = &[When::Opinion(Pending::None), When::Signatures(Signatures::Double)];
const ASKED: &[When] = &[When::Opinion(Pending::Open)];
const SECOND: &[When] = &[When::Round(Round::Second)];
const FIRST: &[When] = &[When::Report(Report::First)];
const QUIET: &[When] = &[When::Critical(Pending::None)];

/// The whole workflow.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    row(S::Draft, A::Edit, REQUESTER, &[], &[S::Draft]),
    row(S::Draft, A::Attach, REQUESTER, &[], &[S::Draft]),
    row(S::Draft, A::Submit, REQUESTER, &[When::Acceptance(Acceptance::ByCoordinator)], &[S::Submitted]),
    row(S::Draft, A::Submit, REQUESTER, &[When::Acceptance(Acceptance::Automatic)], &[S::Submitted, S::Accepted]),
    row(S::Draft, A::Cancel, REQUESTER, &[], &[S::Cancelled]),

    row(S::Submitted, A::Accept, COORDINATOR, &[], &[S::Accepted]),
    row(S::Submitted, A::Reject, COORDINATOR, &[], &[S::Rejected]),
    row(S::Submitted, A::RequestData, COORDINATOR, &[], &[S::AwaitingData]),
    row(S::Submitted, A::Cancel, REQUESTER, &[], &[S::Cancelled]),

    row(S::AwaitingData, A::Resume, &[W::Requester, W::Coordinator, W::Holder], &[When::Resumes(S::Submitted)], &[S::Submitted]),
    row(S::AwaitingData, A::Resume, &[W::Requester, W::Coordinator, W::Holder], &[When::Resumes(S::Accepted)], &[S::Accepted]),
    row(S::AwaitingData, A::Resume, &[W::Requester, W::Coordinator, W::Holder], &[When::Resumes(S::Assigned)], &[S::Assigned]),
    row(S::AwaitingData, A::Resume, &[W::Requester, W::Coordinator, W::Holder], &[When::Resumes(S::Reading)], &[S::Reading]),
    row(S::AwaitingData, A::Attach, REQUESTER, &[], &[S::AwaitingData]),
    row(S::AwaitingData, A::Reject, COORDINATOR, &[], &[S::Rejected]),
    row(S::AwaitingData, A::Cancel, REQUESTER, &[], &[S::Cancelled]),

    row(S::Accepted, A::Claim, &[W::Reader], &[], &[S::Assigned, S::Reading]),
    row(S::Accepted, A::Assign, COORDINATOR, &[], &[S::Assigned]),
    row(S::Accepted, A::Reject, COORDINATOR, &[], &[S::Rejected]),
    row(S::Accepted, A::RequestData, COORDINATOR, &[], &[S::AwaitingData]),
    row(S::Accepted, A::Cancel, REQUESTER, &[], &[S::Cancelled]),

    row(S::Assigned, A::Claim, HOLDER, &[], &[S::Reading]),
    row(S::Assigned, A::Assign, CARRIERS, &[], &[S::Assigned]),
    row(S::Assigned, A::Decline, HOLDER, &[], &[S::Accepted]),
    row(S::Assigned, A::Release, COORDINATOR, &[], &[S::Accepted]),
    row(S::Assigned, A::RequestData, CARRIERS, &[], &[S::AwaitingData]),
    row(S::Assigned, A::Cancel, REQUESTER, &[], &[S::Cancelled]),

    row(S::Reading, A::Edit, HOLDER, &[], &[S::Reading]),
    row(S::Reading, A::AcceptImages, HOLDER, &[], &[S::Reading]),
    row(S::Reading, A::Assign, CARRIERS, &[], &[S::Assigned]),
    row(S::Reading, A::Release, CARRIERS, &[], &[S::Accepted]),
    row(S::Reading, A::Decline, HOLDER, &[], &[S::Accepted]),
    row(S::Reading, A::RequestData, CARRIERS, &[], &[S::AwaitingData]),
    row(S::Reading, A::Sign, HOLDER, SIGNS_FIRST, &[S::Preliminary]),
    row(S::Reading, A::Sign, HOLDER, SIGNS_ALONE, &[S::Final, S::Delivered]),
    row(S::Reading, A::Cancel, REQUESTER, &[], &[S::Cancelled]),

    row(S::Preliminary, A::Review, REVIEWER, DOUBLE, &[S::Final, S::Delivered]),
    row(S::Preliminary, A::Return, REVIEWER, &[When::Signatures(Signatures::Double), When::Report(Report::First)], &[S::Returned]),
    row(S::Preliminary, A::Return, REVIEWER, &[When::Signatures(Signatures::Double), When::Report(Report::Amended)], &[S::Amending]),
    row(S::Preliminary, A::TakeOver, REVIEWER, &[When::Signatures(Signatures::Double), When::Report(Report::First)], &[S::Reading]),
    row(S::Preliminary, A::TakeOver, REVIEWER, &[When::Signatures(Signatures::Double), When::Report(Report::Amended)], &[S::Amending]),
    row(S::Preliminary, A::Cancel, REQUESTER, FIRST, &[S::Cancelled]),

    row(S::Returned, A::Edit, HOLDER, &[], &[S::Reading]),
    row(S::Returned, A::Claim, HOLDER, &[], &[S::Reading]),
    row(S::Returned, A::Assign, CARRIERS, &[], &[S::Assigned]),
    row(S::Returned, A::Release, CARRIERS, &[], &[S::Accepted]),
    row(S::Returned, A::Decline, HOLDER, &[], &[S::Accepted]),
    row(S::Returned, A::Cancel, REQUESTER, &[], &[S::Cancelled]),

    row(S::Delivered, A::Acknowledge, REQUESTER, QUIET, &[S::Closed]),
    row(S::Delivered, A::RecordDecision, REQUESTER, &[When::Kind(ConsultKind::Consultation), When::Critical(Pending::None)], &[S::Closed]),
    row(S::Delivered, A::AskBack, REQUESTER, &[], &[S::Delivered]),
    row(S::Delivered, A::Answer, CARRIERS, &[When::Question(Pending::Open)], &[S::Delivered]),
    row(S::Delivered, A::Amend, AMENDERS, &[], &[S::Amending]),

    row(S::Delivered, A::Grade, GRADERS, &[], &[S::Delivered]),
    row(S::Delivered, A::Respond, HOLDER, &[When::Discrepancy(Pending::Open)], &[S::Delivered]),

    row(S::Closed, A::Grade, GRADERS, &[], &[S::Closed]),
    row(S::Closed, A::Respond, HOLDER, &[When::Discrepancy(Pending::Open)], &[S::Closed]),
    row(S::Closed, A::Answer, CARRIERS, &[When::Question(Pending::Open)], &[S::Closed]),
    row(S::Closed, A::AskBack, REQUESTER, &[], &[S::Delivered]),
    row(S::Closed, A::Amend, AMENDERS, &[], &[S::Amending]),

    row(S::Amending, A::Edit, HOLDER, &[], &[S::Amending]),
    row(S::Amending, A::AcceptImages, HOLDER, &[], &[S::Amending]),
    row(S::Amending, A::Assign, COORDINATOR, &[], &[S::Amending]),
    row(S::Amending, A::Sign, HOLDER, SIGNS_FIRST, &[S::Preliminary]),
    row(S::Amending, A::Sign, HOLDER, SIGNS_ALONE, &[S::Final, S::Delivered]),
    row(S::Amending, A::Abandon, CARRIERS, &[When::Resumes(S::Delivered)], &[S::Delivered]),
    row(S::Amending, A::Abandon, CARRIERS, &[When::Resumes(S::Closed)], &[S::Closed]),

    row(S::AwaitingData, A::GiveOpinion, EXPERT, &[], &[S::AwaitingData]),
    row(S::AwaitingData, A::DeclineOpinion, EXPERT, &[], &[S::AwaitingData]),
    row(S::AwaitingData, A::WithdrawOpinion, CARRIERS, ASKED, &[S::AwaitingData]),
    row(S::Accepted, A::AskOpinion, COORDINATOR, &[], &[S::Accepted]),
    row(S::Accepted, A::GiveOpinion, EXPERT, &[], &[S::Accepted]),
    row(S::Accepted, A::DeclineOpinion, EXPERT, &[], &[S::Accepted]),
    row(S::Accepted, A::WithdrawOpinion, COORDINATOR, ASKED, &[S::Accepted]),
    row(S::Assigned, A::AskOpinion, CARRIERS, &[], &[S::Assigned]),
    row(S::Assigned, A::GiveOpinion, EXPERT, &[], &[S::Assigned]),
    row(S::Assigned, A::DeclineOpinion, EXPERT, &[], &[S::Assigned]),
    row(S::Assigned, A::WithdrawOpinion, CARRIERS, ASKED, &[S::Assigned]),
    row(S::Reading, A::AskOpinion, CARRIERS, &[], &[S::Reading]),
    row(S::Reading, A::GiveOpinion, EXPERT, &[], &[S::Reading]),
    row(S::Reading, A::DeclineOpinion, EXPERT, &[], &[S::Reading]),
    row(S::Reading, A::WithdrawOpinion, CARRIERS, ASKED, &[S::Reading]),
    row(S::Returned, A::AskOpinion, CARRIERS, &[], &[S::Returned]),
    row(S::Returned, A::GiveOpinion, EXPERT, &[], &[S::Returned]),
    row(S::Returned, A::DeclineOpinion, EXPERT, &[], &[S::Returned]),
    row(S::Returned, A::WithdrawOpinion, CARRIERS, ASKED, &[S::Returned]),
    row(S::Amending, A::AskOpinion, CARRIERS, &[], &[S::Amending]),
    row(S::Amending, A::GiveOpinion, EXPERT, &[], &[S::Amending]),
    row(S::Amending, A::DeclineOpinion, EXPERT, &[], &[S::Amending]),
    row(S::Amending, A::WithdrawOpinion, CARRIERS, ASKED, &[S::Amending]),

    row(S::Delivered, A::SecondOpinion, DOUBTERS, &[], &[S::Delivered]),
    row(S::Delivered, A::Compare, REQUESTER, SECOND, &[S::Delivered]),
    row(S::Closed, A::SecondOpinion, DOUBTERS, &[], &[S::Closed]),
    row(S::Closed, A::Compare, REQUESTER, SECOND, &[S::Closed]),
];

/// Why a step is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody can do this in this state.
    State,
    /// It is for these people.
    Who(&'static [Who]),
    /// It is for these people, but not now: this circumstance is missing.
    Circumstance(When),
}

/// The states that an action passes through, the last of which stays.
///
/// # Errors
/// [`Refusal`].
pub fn decide(from: State, action: Action, who: &[Who], rules: Rules) -> Result<&'static [State], Refusal> {
    let mut refusal = Refusal::State;
    for row in TABLE.iter().filter(|row| row.from == from && row.action == action) {
        let missing = row.when.iter().copied().find(|when| !when.holds(rules));
        match (row.who.iter().any(|w| who.contains(w)), missing) {
            (true, None) => return Ok(row.through),
            (true, Some(when)) => refusal = Refusal::Circumstance(when),
            (false, _) if refusal == Refusal::State => refusal = Refusal::Who(row.who),
            (false, _) => {}
        }
    }
    Err(refusal)
}

/// What these people may do now, in the order of [`Action::ALL`].
#[must_use]
pub fn allowed(from: State, who: &[Who], rules: Rules) -> Vec<Action> {
    Action::ALL.into_iter().filter(|action| decide(from, *action, who, rules).is_ok()).collect()
}
