//! The words of the workflow: states, actions, who takes them, and what else decides about the way. The table is in
//! [`table`].

mod table;
#[cfg(test)]
mod tests;

pub use table::{Refusal, When, allowed, decide};

use access::{Caller, ConsultKind, Right, Signatures};
use model::{OrgId, PersonId};
use serde::{Deserialize, Serialize};

/// An enumeration whose words on the wire, in records and in Chinese stand beside each other.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $item:ident = $word:literal, $chinese:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$item_doc])* $item,)*
        }

        impl $name {
            /// All of them, in the order of the work.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$item),*];

            /// The word used in records, on the wire and in messages.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$item => $word,)*
                }
            }

            /// The word that people read.
            #[must_use]
            pub fn chinese(self) -> &'static str {
                match self {
                    $(Self::$item => $chinese,)*
                }
            }
        }
    };
}

words!(
    /// Where a consult is.
    State {
        /// The requester writes.
        Draft = "draft", "草稿";
        /// A coordinator must accept it.
        Submitted = "submitted", "已提交";
        /// The requester is asked for more; the clock stands still.
        AwaitingData = "awaiting_data", "待资料";
        /// In the pool.
        Accepted = "accepted", "已受理";
        /// It is for one reader, who has not begun; passed through when somebody takes it from the pool.
        Assigned = "assigned", "已分配";
        /// A reader has it, with a lease.
        Reading = "reading", "阅片中";
        /// Signed once, to be reviewed.
        Preliminary = "preliminary", "初步报告";
        /// Back at the reader, with a reason.
        Returned = "returned", "已退回";
        /// Passed through on the way to delivered.
        Final = "final", "已签发";
        /// The requester can see the report.
        Delivered = "delivered", "已送达";
        /// The requester has acknowledged it.
        Closed = "closed", "已完成";
        /// A delivered report is being corrected or added to; it stays readable.
        Amending = "amending", "修订中";
        /// Refused, with a reason.
        Rejected = "rejected", "已拒绝";
        /// No longer asked.
        Cancelled = "cancelled", "已取消";
    }
);

words!(
    /// What can be done with a consult.
    Action {
        /// Change the question (in a draft) or write the report (while reading or amending).
        Edit = "edit", "编辑";
        /// Attach a file to the question.
        Attach = "attach", "附加文件";
        /// Send the question.
        Submit = "submit", "提交";
        /// Put it into the pool.
        Accept = "accept", "受理";
        /// Refuse it, with a reason.
        Reject = "reject", "拒绝";
        /// Ask the requester for more, saying what; the clock stops.
        RequestData = "request_data", "要求补充资料";
        /// Go on: what was wanted is there, or is not waited for any longer.
        Resume = "resume", "继续";
        /// Give it to one reader; also from one reader to another.
        Assign = "assign", "分配";
        /// Take it from the pool, begin what was assigned, or take it up again after it was returned.
        Claim = "claim", "领取";
        /// Give it back to the pool.
        Release = "release", "退回待领取";
        /// Refuse to read it, with a reason: back to the pool.
        Decline = "decline", "谢绝";
        /// Take images into evidence that arrived after the question was sent.
        AcceptImages = "accept_images", "接收新到图像";
        /// The reader's signature.
        Sign = "sign", "签名";
        /// The reviewer's signature.
        Review = "review", "审核签名";
        /// Back to the reader, with a reason.
        Return = "return", "退回";
        /// The reviewer changes the text, and so becomes its author: reader instead of whoever signed it.
        TakeOver = "take_over", "接手修改";
        /// The requester has taken note of the report.
        Acknowledge = "acknowledge", "确认收到";
        /// The inviting physician's own decision closes a consultation.
        RecordDecision = "record_decision", "记录诊疗决定";
        /// The requester asks about the report.
        AskBack = "ask_back", "追问";
        /// The centre answers.
        Answer = "answer", "答复";
        /// Grade a delivered report (quality review).
        Grade = "grade", "质控评价";
        /// The reader answers a discrepancy.
        Respond = "respond", "回应质控";
        /// Open a delivered report for an addendum or a correction, saying why.
        Amend = "amend", "修订";
        /// Leave the report as it was.
        Abandon = "abandon", "放弃修订";
        /// Ask a colleague for an opinion on the case (MDT).
        AskOpinion = "ask_opinion", "邀请会诊专家";
        /// Give the opinion that was asked for.
        GiveOpinion = "give_opinion", "提交意见";
        /// Give no opinion, with a reason.
        DeclineOpinion = "decline_opinion", "谢绝提意见";
        /// Wait for an opinion no longer, with a reason.
        WithdrawOpinion = "withdraw_opinion", "撤回邀请";
        /// Ask another reader or centre the same question after the report.
        SecondOpinion = "second_opinion", "申请第二意见";
        /// Say how far a second opinion agrees with the first report.
        Compare = "compare", "对比结论";
        /// The requester no longer asks.
        Cancel = "cancel", "取消";
    }
);

impl State {
    /// Whether the clock runs: submitted, and no final report yet. It stands still while data are awaited.
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

    /// Whether nobody is waited for any more. A closed one can still be asked about and amended.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Closed | Self::Rejected | Self::Cancelled)
    }

    /// Whether it came to nothing: refused or cancelled.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Rejected | Self::Cancelled)
    }

    /// Whether the reading organisation's report may be seen by the requesting one. While a delivered report is amended
    /// the one before stays readable, whatever the state: see [`crate::Consult::is_released`].
    #[must_use]
    pub fn is_released(self) -> bool {
        matches!(self, Self::Delivered | Self::Closed)
    }

    /// Whether somebody at the reading organisation has it.
    #[must_use]
    pub fn is_held(self) -> bool {
        matches!(self, Self::Assigned | Self::Reading | Self::Preliminary | Self::Returned | Self::Amending)
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
    /// Looks after quality at the reading organisation, and is not the one who has it.
    Overseer,
    /// Was asked for an opinion, and has not answered yet.
    Expert,
}

impl Who {
    /// Everybody who has a part.
    pub const ALL: [Self; 7] = [
        Self::Requester,
        Self::Coordinator,
        Self::Reader,
        Self::Holder,
        Self::Reviewer,
        Self::Overseer,
        Self::Expert,
    ];

    /// The word that people read.
    #[must_use]
    pub fn chinese(self) -> &'static str {
        match self {
            Self::Requester => "申请医师",
            Self::Coordinator => "调度",
            Self::Reader => "报告医师",
            Self::Holder => "领取本会诊的报告医师",
            Self::Reviewer => "审核医师",
            Self::Overseer => "质控人员",
            Self::Expert => "受邀的会诊专家",
        }
    }

    /// The same in English.
    #[must_use]
    pub fn english(self) -> &'static str {
        match self {
            Self::Requester => "the requester",
            Self::Coordinator => "a coordinator",
            Self::Reader => "a reader",
            Self::Holder => "the reader who has it",
            Self::Reviewer => "a reviewer",
            Self::Overseer => "quality control",
            Self::Expert => "an expert who was asked",
        }
    }
}

/// What decides about the way besides who asks: what was agreed on, and what stands open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// One signature or two.
    pub signatures: Signatures,
    /// Whether a submitted question goes to the pool at once.
    pub acceptance: Acceptance,
    /// Diagnosis or consultation.
    pub kind: ConsultKind,
    /// Whether this is the first report, or one that was delivered and is amended.
    pub report: Report,
    /// Where it goes on after waiting for data, or after an amendment that comes to nothing.
    pub resumes: State,
    /// Whether the requester waits for an answer to a question about the report.
    pub question: Pending,
    /// Whether a critical finding waits for its acknowledgement.
    pub critical: Pending,
    /// Whether a discrepancy waits for its reader.
    pub discrepancy: Pending,
    /// Whether an opinion that was asked for has not been given.
    pub opinion: Pending,
    /// Whether the question is asked for the first time.
    pub round: Round,
}

/// Whether a question is asked for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// It is.
    First,
    /// It is a second opinion on a report that was delivered.
    Second,
}

/// Which report is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// None has been delivered.
    First,
    /// One has been delivered, and is amended.
    Amended,
}

/// Whether something stands open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// It does.
    Open,
    /// It does not.
    None,
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

/// What a caller is to a consult between these organisations, which `holder` has. Machines have no part.
#[must_use]
pub fn parts(caller: &Caller, requesting: &OrgId, reading: &OrgId, holder: Option<&PersonId>) -> Vec<Who> {
    let Some(person) = caller.as_person() else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    // Within a centre it is quality control that asks.
    let asks_itself = requesting == reading && caller.may(Right::Oversee) && caller.may(Right::Retrieve);
    if caller.organisation() == requesting && (caller.may(Right::Ask) || asks_itself) {
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
        // Quality control sees the images; a regulator sees numbers only.
        if caller.may(Right::Oversee) && caller.may(Right::Retrieve) && !holds {
            parts.push(Who::Overseer);
        }
    }
    parts
}
