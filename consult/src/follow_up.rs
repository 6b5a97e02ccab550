//! After the report: the requester takes note, asks back 追问, or records their own decision (远程会诊).

use crate::record::{ConsultView, Named};
use crate::service::{advance, person, required_reason};
use crate::state::Action;
use crate::{ConsultError, ConsultService};
use access::Caller;
use model::{ConsultId, PersonId};
use serde::{Deserialize, Serialize};
use storage::Change;
use time::OffsetDateTime;

/// Questions that may be asked about one report.
const QUESTIONS_MAX: usize = 100;

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Who.
    pub by: Option<Named<PersonId>>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What.
    pub text: String,
}

impl Said {
    pub(crate) fn now(caller: &Caller, text: &str, now: OffsetDateTime) -> Result<Self, ConsultError> {
        Ok(Self { by: person(caller), at: now, text: required_reason(text)? })
    }
}

/// A question about the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The question.
    pub question: Said,
    /// The answer; `None` while it waits for one.
    pub answer: Option<Said>,
}

/// What the inviting physician has decided. The consultation advises; they decide.
pub type Decision = Said;

impl ConsultService {
    /// The requester has taken note of the report.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::NotNow`] while a critical finding waits for its acknowledgement.
    pub async fn acknowledge(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, states) = self.begin(caller, id, version, Action::Acknowledge).await?;
        advance(&mut consult, states, caller, now, "");
        let change = self.closing_guard(&consult, Action::Acknowledge).await?;
        self.finish(caller, consult, version, Action::Acknowledge, change).await
    }

    /// The inviting physician records their own decision; that closes the consultation.
    ///
    /// # Errors
    /// As [`Self::acknowledge`]; [`ConsultError::Invalid`] `reason` when it is empty.
    pub async fn record_decision(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        text: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let decision = Said::now(caller, text, now)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::RecordDecision).await?;
        advance(&mut consult, states, caller, now, "");
        consult.earlier_decisions.extend(consult.decision.replace(decision));
        let change = self.closing_guard(&consult, Action::RecordDecision).await?;
        self.finish(caller, consult, version, Action::RecordDecision, change).await
    }

    /// The requester asks about the report; a closed consult is open again.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `reason` when it is empty or the hundredth.
    pub async fn ask_back(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        text: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let question = Said::now(caller, text, now)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::AskBack).await?;
        if consult.questions.len() >= QUESTIONS_MAX {
            return Err(ConsultError::Invalid {
                field: "reason",
                why: "追问太多，请另行申请 / too many questions were asked back: ask anew",
            });
        }
        advance(&mut consult, states, caller, now, &question.text);
        consult.questions.push(Question { question, answer: None });
        self.finish(caller, consult, version, Action::AskBack, Change::default()).await
    }

    /// The centre answers what was asked about the report: the oldest question first.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `reason` when it is empty; [`ConsultError::NotNow`] when nothing was
    /// asked.
    pub async fn answer(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        text: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let answer = Said::now(caller, text, now)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::Answer).await?;
        advance(&mut consult, states, caller, now, &answer.text);
        if let Some(open) = consult.questions.iter_mut().find(|question| question.answer.is_none()) {
            open.answer = Some(answer);
        }
        self.finish(caller, consult, version, Action::Answer, Change::default()).await
    }
}
