//! Second opinion 第二意见: after a report is delivered, the requester asks another centre, or the centre's quality control
//! another of its readers, the same question on the same evidence, with or without the first report. It is a consult of its
//! own that names the first; whoever asked says how far the two agree.

use crate::attachment::{Attachment, MediaType, tidy};
use crate::record::{Consult, ConsultView, KIND, Named};
use crate::service::{advance, consult_of, event, limited, person, put, required_reason, view};
use crate::state::{Acceptance, Action, State, Who, decide};
use crate::submit::{blank, granting};
use crate::{ConsultError, ConsultService, ReportPart, clock, once, statistics};
use access::{Caller, Right, Signatures, Urgency};
use model::{ConsultId, OrgId, PersonId, Scope};
use serde::{Deserialize, Serialize};
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, RecordQuery, StorageError};
use time::{Duration, OffsetDateTime};

/// Second opinions on one report at most.
const SECONDS_MAX: usize = 5;
/// Within a centre nothing is agreed on: as long as this when the first had no clock either.
const TURNAROUND: Duration = Duration::hours(24);

/// Whether the second reader is shown the first report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstReport {
    /// It goes along.
    Shown,
    /// The second reader does not see it before their own is delivered.
    Hidden,
}

/// How far a second opinion agrees with the first report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// 一致
    Agrees,
    /// 基本一致: differs without consequence for the patient.
    Minor,
    /// 不一致: differs with consequence for the patient.
    Major,
}

/// What whoever asked says of the two reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// How far they agree.
    pub agreement: Agreement,
    /// What differs.
    pub comment: String,
    /// Who says so.
    pub by: Option<Named<PersonId>>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
}

/// The report that a second opinion is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondOf {
    /// The first consult.
    pub consult: ConsultId,
    /// What people call it.
    pub number: String,
    /// The version of its report that was delivered when this was asked.
    pub report_version: u32,
    /// Whether the second reader is shown it.
    pub first: FirstReport,
    /// Who signed it: they do not read, nor review, the second.
    pub signers: Vec<PersonId>,
    /// The centre that read it: with whoever asked it sees how far the two agree. `None` in records of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centre: Option<OrgId>,
    /// How far the two agree; `None` until whoever asked has said so.
    pub comparison: Option<Comparison>,
}

/// What a second opinion is asked for with.
#[derive(Debug, Clone)]
pub struct NewSecond {
    /// Sent again with the same UUID, it is the same question.
    pub once: Option<String>,
    /// Who is asked. Quality control asks readers of its own centre.
    pub reading: OrgId,
    /// How soon.
    pub urgency: Urgency,
    /// The question; empty: the same as before.
    pub question: String,
    /// Whether the first report goes along.
    pub first: FirstReport,
}

/// A second opinion as the first case's page shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Second {
    /// The consult, as the caller sees it.
    pub view: ConsultView,
    /// How far it agrees with the first.
    pub comparison: Option<Comparison>,
}

impl Consult {
    /// Whether this person signed the report that this is a second opinion on.
    #[must_use]
    pub fn bars(&self, person: &PersonId) -> bool {
        self.second_of.as_ref().is_some_and(|second| second.signers.contains(person))
    }
}

/// Keys by which the second is found from the first, and the first is kept from the second's reader.
pub(crate) fn keys(consult: &Consult) -> Vec<(&'static str, String)> {
    let Some(second) = &consult.second_of else {
        return Vec::new();
    };
    let mut keys = vec![("second_of", second.consult.to_string())];
    let is_open = !consult.is_released() && !consult.state.is_over();
    if second.first == FirstReport::Hidden && is_open {
        keys.extend(
            consult.reader.iter().map(|reader| ("kept_from", kept_from(&second.consult, &reader.id))),
        );
    }
    keys
}

fn kept_from(first: &ConsultId, reader: &PersonId) -> String {
    format!("{first}/{reader}")
}

/// The first case without what was found.
pub(crate) fn without_report(consult: &mut Consult) {
    consult.report = None;
    consult.reported_at = None;
    consult.versions.clear();
    consult.quality.clear();
    consult.questions.clear();
    consult.decision = None;
    consult.earlier_decisions.clear();
    consult.amendment = None;
    consult.open_criticals = 0;
    // Why it was returned or amended says what was found.
    for entry in &mut consult.timeline {
        entry.note.clear();
    }
}

/// How far the two agree says what the first report was: it is for those who have that.
pub(crate) fn without_comparison_for(organisation: &OrgId, consult: &mut Consult) {
    let Some(second) = &mut consult.second_of else { return };
    if *organisation != consult.requesting.id && second.centre.as_ref() != Some(organisation) {
        second.comparison = None;
    }
}

impl ConsultService {
    /// Asks for a second opinion on a delivered report, and sends it at once: the requester of any centre with an agreement,
    /// quality control within its own centre. The evidence is the first one's. What was asked with the same [`NewSecond::once`]
    /// before is given back as it is now.
    ///
    /// # Errors
    /// As [`Self::accept`]; as [`Self::submit`] for the agreement; [`ConsultError::Invalid`] `reading_organisation` when
    /// quality control asks beyond its centre, `question`, or when there are too many, `once` of something else.
    pub async fn ask_second_opinion(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        new: NewSecond,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let once = once::by(caller, new.once.as_deref())?;
        // Whatever has become of the first since: what was asked is asked.
        if let Some(before) = self.asked_before(caller, id, once.as_deref()).await? {
            return Ok(before);
        }
        let (first, _) = self.begin(caller, id, version, Action::SecondOpinion).await?;
        let invalid = |field, why| Err(ConsultError::Invalid { field, why });
        let created_by = person(caller)
            .ok_or(ConsultError::Forbidden("只有本人可以申请 / a person asks, in their own name"))?;
        let is_requester = *caller.organisation() == first.requesting.id && caller.may(Right::Ask);
        if !is_requester && new.reading != first.reading.id {
            let why = "质控只能请本中心的其他医师做第二意见 / quality control asks readers of its own centre";
            return invalid("reading_organisation", why);
        }
        let question = match limited("question", &new.question)? {
            empty if empty.is_empty() => first.question.clone(),
            question => question,
        };
        self.refuse_unprintable("question", &question)?;
        let earlier = RecordQuery::new(KIND).with("second_of", first.id.as_str());
        if self.storage.count(&node(), &earlier).await? >= SECONDS_MAX as u64 {
            return invalid(
                "question",
                "这份报告的第二意见已经太多 / too many second opinions on this report",
            );
        }
        let requesting = if is_requester { first.requesting.clone() } else { first.reading.clone() };
        let reading = self.organisation(&new.reading, "reading_organisation").await?;
        let delivered = first.delivered_version().ok_or(ConsultError::NotFound)?.version;
        let signers = [&first.reader, &first.reviewer].into_iter().flatten().map(|one| one.id.clone());
        let mut second = Consult {
            number: self.next_number(now).await?,
            once,
            kind: first.kind,
            urgency: new.urgency,
            priors: first.priors.clone(),
            left_out_series: first.left_out_series.clone(),
            slide: first.slide.clone(),
            question,
            history: first.history.clone(),
            consent: first.consent,
            evidence: first.evidence.clone(),
            series: first.series.clone(),
            attachments: first.attachments.clone(),
            second_of: Some(SecondOf {
                consult: first.id.clone(),
                number: first.number.clone(),
                report_version: delivered,
                first: new.first,
                signers: signers.collect(),
                centre: Some(first.reading.id.clone()),
                comparison: None,
            }),
            ..blank([requesting, reading], first.patient.clone(), first.study.clone(), created_by, now)
        };
        let is_internal = second.requesting.id == second.reading.id;
        if is_internal {
            let agreed = first.submitted_at.zip(first.due_at).map(|(sent, due)| due - sent);
            second.due_at = now.checked_add(agreed.unwrap_or(TURNAROUND));
            second.signatures = Signatures::Single;
            second.trust_anchors_pem.clone_from(&first.trust_anchors_pem);
            second.acceptance = Acceptance::Automatic;
        } else {
            let agreement = self.agreement(&second, now).await?;
            let turnaround_min = agreement.turnaround_min(second.urgency).unwrap_or_default();
            second.due_at = now.checked_add(Duration::minutes(i64::from(turnaround_min)));
            second.agreement = Some(agreement.id.clone());
            second.signatures = agreement.signatures;
            second.trust_anchors_pem = agreement.trust_anchors_pem;
            second.acceptance =
                if agreement.auto_accept { Acceptance::Automatic } else { Acceptance::ByCoordinator };
            if new.first == FirstReport::Shown && second.reading.id != first.reading.id {
                second.attachments.push(self.first_report(caller, &first, now).await?);
            }
        }
        self.send_second(caller, id, second, now).await
    }

    /// What was asked about this report with an identifier before.
    async fn asked_before(
        &self,
        caller: &Caller,
        first: &ConsultId,
        once: Option<&str>,
    ) -> Result<Option<ConsultView>, ConsultError> {
        let before = self.written_before(caller, once).await?;
        match before.as_ref().map(|before| &before.consult.second_of) {
            Some(Some(of)) if of.consult == *first => Ok(before),
            Some(_) => Err(once::OTHER),
            None => Ok(None),
        }
    }

    async fn send_second(
        &self,
        caller: &Caller,
        first: &ConsultId,
        mut second: Consult,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        second.submitted_at = Some(now);
        let note = second.second_of.as_ref().map(|of| format!("第二意见：{}", of.number)).unwrap_or_default();
        advance(&mut second, &[State::Draft], caller, now, &note);
        let states = decide(State::Draft, Action::Submit, &[Who::Requester], second.rules())
            .map_err(|_| ConsultError::WrongState { state: State::Draft, action: Action::Submit })?;
        advance(&mut second, states, caller, now, "");
        let is_internal = second.requesting.id == second.reading.id;
        // The centre has the study already, by the first consult.
        let mut change = if is_internal { Change::default() } else { granting(&second) };
        change.audit.extend(self.assign_by_rule(&mut second, now).await?);
        change.puts.push(put(&second, Expected::Absent)?);
        change.puts.push(clock::put(&second, 0, Expected::Anything));
        change.puts.extend(statistics::put(&second));
        change.audit.push(AuditEntry {
            action: AuditAction::Change,
            object: format!("consult/{}", second.id),
            outcome: AuditOutcome::Success,
            detail: match &second.second_of {
                Some(of) => format!("second opinion on consult/{}", of.consult),
                None => String::new(),
            },
        });
        change.events.push(event(&second, Action::Submit, &caller.scope().actor.id));
        match self.storage.apply(caller.scope(), change).await {
            Ok(()) => Ok(view(caller, second, 1)),
            // The same was sent twice at the same moment.
            Err(StorageError::Conflict(_)) if second.once.is_some() => {
                let before = self.asked_before(caller, first, second.once.as_deref()).await?;
                before.ok_or(ConsultError::Unavailable)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The first report as a file that goes along.
    async fn first_report(
        &self,
        caller: &Caller,
        first: &Consult,
        now: OffsetDateTime,
    ) -> Result<Attachment, ConsultError> {
        let content = self.report_file(caller, &first.id, ReportPart::Pdf, None).await?;
        let sha256 = self.storage.put_blob(caller.scope(), &first.study.org, &content).await?;
        Ok(Attachment {
            name: tidy(&format!("第一次报告 {}.pdf", first.number)),
            media_type: MediaType::Pdf,
            bytes: content.len() as u64,
            sha256,
            by: person(caller),
            at: now,
        })
    }

    /// Says how far a delivered second opinion agrees with the first report (whoever asked for it). A later word takes the
    /// place of the earlier one.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `reason` when a discrepancy is not explained.
    pub async fn compare(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        agreement: Agreement,
        comment: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let comment = match agreement {
            Agreement::Agrees => limited("reason", comment)?,
            Agreement::Minor | Agreement::Major => required_reason(comment)?,
        };
        let (mut second, _) = self.begin(caller, id, version, Action::Compare).await?;
        if let Some(of) = &mut second.second_of {
            of.comparison = Some(Comparison { agreement, comment, by: person(caller), at: now });
        }
        self.finish(caller, second, version, Action::Compare, Change::default()).await
    }

    /// Second opinions on a report that the caller may see, oldest first.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`].
    pub async fn second_opinions(
        &self,
        caller: &Caller,
        id: &ConsultId,
    ) -> Result<Vec<Second>, ConsultError> {
        self.get(caller, id).await?;
        let query = RecordQuery::new(KIND).with("second_of", id.as_str());
        let mut seconds = Vec::new();
        for record in self.storage.records(caller.scope(), &query).await? {
            let view = view(caller, consult_of(record.body)?, record.version);
            let comparison = view.consult.second_of.as_ref().and_then(|second| second.comparison.clone());
            seconds.push(Second { view, comparison });
        }
        seconds.sort_by_key(|second| second.view.consult.created_at);
        Ok(seconds)
    }

    /// Whether this person reads a second opinion on it now, and is not to see the first.
    pub(crate) async fn is_kept_from(&self, caller: &Caller, id: &ConsultId) -> Result<bool, ConsultError> {
        let Some(reader) = caller.as_person().filter(|_| caller.may(Right::Read)) else {
            return Ok(false);
        };
        let query = RecordQuery::new(KIND).with("kept_from", kept_from(id, &reader.id));
        Ok(self.storage.count(&node(), &query).await? > 0)
    }

    /// Refuses whoever reads a second opinion on it now, and is not to see the first.
    pub(crate) async fn refuse_kept_from(&self, caller: &Caller, id: &ConsultId) -> Result<(), ConsultError> {
        if self.is_kept_from(caller, id).await? {
            return Err(ConsultError::Forbidden(
                "您正在做这份报告的第二意见 / you are giving the second opinion on this report",
            ));
        }
        Ok(())
    }
}

fn node() -> Scope {
    Scope::node("second opinion")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, consult};

    #[test]
    fn how_far_the_two_agree_is_for_those_who_have_both() {
        let comparison =
            Comparison { agreement: Agreement::Major, comment: "漏诊".into(), by: None, at: NOW };
        let second_of = SecondOf {
            consult: ConsultId::parse("0188-first").unwrap(),
            number: "YX20261122-0001".into(),
            report_version: 1,
            first: FirstReport::Hidden,
            signers: Vec::new(),
            centre: Some(OrgId::parse("county").unwrap()),
            comparison: Some(comparison),
        };
        let second = Consult { second_of: Some(second_of), ..consult(Signatures::Single) };
        let sees = |organisation: &str| {
            let mut seen = second.clone();
            without_comparison_for(&OrgId::parse(organisation).unwrap(), &mut seen);
            seen.second_of.unwrap().comparison.is_some()
        };
        assert_eq!(["township", "county", "city"].map(sees), [true, true, false]);
    }

    #[test]
    fn a_case_without_its_report_has_no_reasons_either() {
        let mut first = consult(Signatures::Single);
        let entry = |note: &str| crate::record::TimelineEntry {
            state: State::Amending,
            at: NOW,
            by: None,
            note: note.into(),
        };
        first.timeline = vec![entry("结节漏报")];
        first.open_criticals = 1;
        without_report(&mut first);
        assert_eq!((first.timeline[0].note.as_str(), first.open_criticals), ("", 0));
    }
}
