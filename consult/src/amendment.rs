//! Amending 修订: a delivered report is opened again for an addendum or a correction, which becomes a new version that says
//! why. The version before stays readable, and is marked when the new one is delivered.

use crate::record::{Consult, ConsultView, Named};
use crate::report::ReportDraft;
use crate::service::{advance, person, required_reason};
use crate::state::{Action, State};
use crate::{ConsultError, ConsultService};
use access::Caller;
use model::{ConsultId, PersonId};
use serde::{Deserialize, Serialize};
use storage::Change;
use time::OffsetDateTime;

/// What an amendment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmendmentKind {
    /// 补充报告: something is added, nothing was wrong.
    Addendum,
    /// 更正报告: something was wrong.
    Correction,
}

/// Why a version takes the place of the one before; printed and signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmendmentNote {
    /// What it is.
    pub kind: AmendmentKind,
    /// Why.
    pub reason: String,
}

/// A delivered report that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// What and why.
    pub note: AmendmentNote,
    /// Who opened it.
    pub by: Option<Named<PersonId>>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Where the consult was, and is again if nothing comes of it.
    pub from: State,
    /// The report as it was delivered.
    pub before: Option<ReportDraft>,
    /// Its report time.
    #[serde(with = "time::serde::rfc3339::option")]
    pub reported_before: Option<OffsetDateTime>,
    /// Who wrote it.
    pub reader_before: Option<Named<PersonId>>,
    /// Who reviewed it.
    pub reviewer_before: Option<Named<PersonId>>,
    /// How many instances were in evidence, and how often it had grown; `None` in records of earlier releases.
    #[serde(default)]
    pub evidence_before: Option<(usize, usize)>,
}

impl Consult {
    /// Notes that the newest version has been delivered: it is the one that counts, and ends the amendment.
    pub(crate) fn deliver(&mut self, now: OffsetDateTime) {
        let Some((newest, earlier)) = self.versions.split_last_mut() else {
            return;
        };
        newest.delivered_at = Some(now);
        for version in earlier {
            version.superseded = true;
        }
        self.amendment = None;
    }
}

impl ConsultService {
    /// Opens a delivered report for an addendum or a correction (its reader, a reviewer, the coordinator). The delivered
    /// version stays what the requester sees until the new one is signed.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `reason` when it is empty.
    pub async fn amend(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        note: AmendmentNote,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let note = AmendmentNote { reason: required_reason(&note.reason)?, ..note };
        self.refuse_unprintable("reason", &note.reason)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::Amend).await?;
        let from = consult.state;
        // Records of earlier releases do not say when the one version was delivered.
        for signed in consult.versions.iter_mut().filter(|signed| !signed.superseded) {
            signed.delivered_at.get_or_insert(signed.signed_at);
        }
        consult.amendment = Some(Amendment {
            note: note.clone(),
            by: person(caller),
            at: now,
            from,
            before: consult.report.clone(),
            reported_before: consult.reported_at,
            reader_before: consult.reader.clone(),
            reviewer_before: consult.reviewer.clone(),
            evidence_before: Some((consult.evidence.len(), consult.evidence_updates.len())),
        });
        advance(&mut consult, states, caller, now, &note.reason);
        self.finish(caller, consult, version, Action::Amend, Change::default()).await
    }

    /// Leaves the delivered report as it was.
    ///
    /// # Errors
    /// As [`Self::accept`].
    pub async fn abandon(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, states) = self.begin(caller, id, version, Action::Abandon).await?;
        if let Some(amendment) = consult.amendment.take() {
            consult.report = amendment.before;
            consult.reported_at = amendment.reported_before;
            consult.reader = amendment.reader_before;
            consult.reviewer = amendment.reviewer_before;
            if let Some((instances, updates)) = amendment.evidence_before {
                consult.evidence.truncate(instances);
                consult.evidence_updates.truncate(updates);
            }
        }
        advance(&mut consult, states, caller, now, "");
        let puts = self.end_opinions(&consult, now).await?;
        self.finish(caller, consult, version, Action::Abandon, Change { puts, ..Change::default() }).await
    }
}
