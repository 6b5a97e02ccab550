//! What people do with consults: read the record, ask the table, write the change. This file has what every step shares;
//! the steps are in [`steps`], [`handing`] and [`writing`]. Sending a question is in [`crate::submit`], signing in
//! [`crate::signing`], and the rest in the module that has its record.

mod handing;
mod steps;
mod writing;

pub use handing::Candidate;
pub(crate) use handing::TAKEN_OVER;

use crate::authorities::{Authorities, TimeStamps};
use crate::phone::{NoPhoneSigning, PhoneSigning};
use crate::record::{Consult, ConsultView, KIND, Named, SlideNote, TimelineEntry};
use crate::report::{TEXT_CHARS_MAX, clean};
use crate::slide_grades::{KnownSlides, NoSlides};
use crate::state::{Action, Refusal, State, Who, decide, parts};
use crate::{ConsultError, Printer, statistics};
use access::{Caller, ConsultKind, Right, Urgency};
use model::{ConsultId, OrgId, PersonId, Scope, Uid};
use std::sync::Arc;
use std::time::Duration;
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Grant, Put, Storage, StorageError};
use time::{OffsetDateTime, UtcOffset};

/// What the service needs to know of the node.
#[derive(Debug, Clone)]
pub struct ConsultConfig {
    /// Local time of numbers and printed reports.
    pub utc_offset: UtcOffset,
    /// Trust anchors, PEM; any number of certificates.
    pub trust_anchors_pem: String,
    /// Where anyone can verify a report, as printed on it, such as `https://host/verify`; empty to leave it out.
    pub verify_url: String,
    /// How long a reader has a consult without a sign of life: see [`crate::lease`].
    pub lease: Duration,
    /// How long after its last instance a study counts as still arriving: see [`crate::arriving`].
    pub quiet: Duration,
    /// Whether reports need time stamps, and by whom.
    pub time_stamps: TimeStamps,
}

impl ConsultConfig {
    /// Whom signatures under a consult have to lead to, PEM: the authorities that its agreement names, otherwise the node's.
    #[must_use]
    pub fn anchors_of<'a>(&'a self, consult: &'a Consult) -> &'a str {
        consult.trust_anchors_pem.as_deref().unwrap_or(&self.trust_anchors_pem)
    }
}

/// Consults of one node. Cheap to clone.
#[derive(Clone)]
pub struct ConsultService {
    pub(crate) storage: Storage,
    pub(crate) printer: Arc<Printer>,
    pub(crate) config: Arc<ConsultConfig>,
    pub(crate) authorities: Arc<dyn Authorities>,
    pub(crate) phone: Arc<dyn PhoneSigning>,
    pub(crate) slides: Arc<dyn KnownSlides>,
}

/// What the requester writes. Only study and reading organisation are needed for a draft.
#[derive(Debug, Clone)]
pub struct NewConsult {
    /// Sent again with the same UUID, it is the same draft. Of no meaning when a draft is rewritten.
    pub once: Option<String>,
    /// Who is asked.
    pub reading_organisation: OrgId,
    /// Kind.
    pub kind: ConsultKind,
    /// Urgency.
    pub urgency: Urgency,
    /// Owner of the study: must be the caller's organisation when it is submitted.
    pub study_org: OrgId,
    /// Study Instance UID.
    pub study_instance_uid: Uid,
    /// Earlier studies of the patient that belong to the question, of the same owner.
    pub priors: Vec<Uid>,
    /// Series of the study that are no part of the question; empty when all of it is.
    pub left_out_series: Vec<Uid>,
    /// The slide, when the question is about one.
    pub slide: Option<SlideNote>,
    /// The question.
    pub question: String,
    /// Clinical history.
    pub history: String,
    /// Whether the patient has consented.
    pub consent: bool,
}

/// A file of a signed report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportPart {
    /// The page: PDF/A-3a with the signatures in it and the canonical JSON attached.
    Pdf,
    /// The canonical JSON, exactly as signed.
    Json,
    /// The reader's detached CMS, DER.
    ReaderSignature,
    /// The reviewer's detached CMS, DER; over the same bytes.
    ReviewerSignature,
    /// The signers' certificates with their issuers, PEM.
    Chain,
}

impl ConsultService {
    /// A service over a storage, which asks these authorities when something is signed.
    #[must_use]
    pub fn new(
        storage: Storage,
        printer: Arc<Printer>,
        config: ConsultConfig,
        authorities: Arc<dyn Authorities>,
    ) -> Self {
        Self {
            storage,
            printer,
            config: Arc::new(config),
            authorities,
            phone: Arc::new(NoPhoneSigning),
            slides: Arc::new(NoSlides),
        }
    }

    /// The same with remote signing services, for keys that are elsewhere.
    #[must_use]
    pub fn with_phone_signing(self, phone: Arc<dyn PhoneSigning>) -> Self {
        Self { phone, ..self }
    }

    /// The same with slides, which reports name with their grades.
    #[must_use]
    pub fn with_slides(self, slides: Arc<dyn KnownSlides>) -> Self {
        Self { slides, ..self }
    }

    /// Local time where the node is.
    #[must_use]
    pub fn utc_offset(&self) -> UtcOffset {
        self.config.utc_offset
    }

    /// How long a lease lasts.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.config.lease
    }

    /// One consult as the caller sees it.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`].
    pub async fn get(&self, caller: &Caller, id: &ConsultId) -> Result<ConsultView, ConsultError> {
        let (consult, version) = self.load(caller, id).await?;
        let mut seen = view(caller, consult, version);
        if self.is_kept_from(caller, id).await? {
            crate::second::without_report(&mut seen.consult);
            seen.allowed.clear();
        }
        Ok(seen)
    }

    /// The consult and the version of its record.
    pub(crate) async fn load(&self, caller: &Caller, id: &ConsultId) -> Result<(Consult, i64), ConsultError> {
        self.load_in(caller.scope(), id).await
    }

    async fn load_in(&self, scope: &Scope, id: &ConsultId) -> Result<(Consult, i64), ConsultError> {
        let record = self.storage.record(scope, KIND, id.as_str()).await?;
        let mut consult = consult_of(record.body)?;
        consult.open_criticals = self.open_criticals(&consult.id).await?;
        consult.open_opinions = self.open_opinions(&consult.id).await?;
        Ok((consult, record.version))
    }

    /// The consult, and the states that the action leads through, if the caller may do it now.
    pub(crate) async fn begin(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        action: Action,
    ) -> Result<(Consult, &'static [State]), ConsultError> {
        let (consult, current) = self.load(caller, id).await?;
        self.refuse_kept_from(caller, id).await?;
        if action == Action::Grade && caller.as_person().is_some_and(|p| consult.was_signed_by(p)) {
            return Err(ConsultError::Forbidden(
                "不能评价自己签过名的报告 / nobody reviews a report that they signed",
            ));
        }
        if matches!(action, Action::Claim | Action::Review | Action::TakeOver)
            && caller.as_person().is_some_and(|p| consult.bars(&p.id))
        {
            return Err(ConsultError::Forbidden(
                "第一次报告的签名医师不能做第二意见 / who signed the first report does not give the second opinion",
            ));
        }
        if action == Action::TakeOver && caller.may(Right::Review) && !caller.may(Right::Read) {
            return Err(ConsultError::Forbidden(
                "没有阅片权限，不能接手修改 / whoever changes the text becomes its reader, and may not read here",
            ));
        }
        let who = who_for(caller, &consult, action);
        if who.is_empty() {
            return Err(ConsultError::Forbidden("没有参与这一会诊的权限 / you have no part in this case"));
        }
        let has_other = consult.state.is_held() && consult.reader.is_some() && !who.contains(&Who::Holder);
        if version != current || (action == Action::Claim && has_other) {
            return Err(conflict(&consult, current));
        }
        match decide(consult.state, action, &who, consult.rules()) {
            Ok(states) => Ok((consult, states)),
            Err(Refusal::State) => Err(ConsultError::WrongState { state: consult.state, action }),
            Err(Refusal::Who(whose)) => Err(ConsultError::NotYours { whose, action }),
            Err(Refusal::Circumstance(why)) => Err(ConsultError::NotNow { why, action }),
        }
    }

    /// Writes the consult over the version that was read, with everything else that happens at once.
    pub(crate) async fn finish(
        &self,
        caller: &Caller,
        consult: Consult,
        version: i64,
        action: Action,
        change: Change,
    ) -> Result<ConsultView, ConsultError> {
        self.commit(caller.scope(), &consult, Finish { version, action, change }).await?;
        let is_assigned = consult.state == State::Assigned;
        if is_assigned || matches!(action, Action::Claim | Action::Assign | Action::Review | Action::TakeOver)
        {
            self.join_conversation(&consult).await;
        }
        Ok(view(caller, consult, version.saturating_add(1)))
    }

    /// The same for the node itself.
    pub(crate) async fn commit(
        &self,
        scope: &Scope,
        consult: &Consult,
        finish: Finish,
    ) -> Result<(), ConsultError> {
        let Finish { version, action, mut change } = finish;
        change.puts.push(put(consult, Expected::Version(version))?);
        // Nothing that is counted changes with every word that is written.
        if action != Action::Edit {
            change.puts.extend(statistics::put(consult));
        }
        change.audit.push(AuditEntry {
            action: match action {
                Action::Sign | Action::Review => AuditAction::Sign,
                _ => AuditAction::Change,
            },
            object: format!("consult/{}", consult.id),
            outcome: AuditOutcome::Success,
            detail: format!("{} {}", action.word(), consult.state.word()),
        });
        change.events.push(event(consult, action, &scope.actor.id));
        match self.storage.apply(scope, change).await {
            Ok(()) => Ok(()),
            Err(StorageError::Conflict(_)) => {
                let (consult, current) = self.load_in(scope, &consult.id).await?;
                Err(conflict(&consult, current))
            }
            Err(other) => Err(other.into()),
        }
    }
}

/// What is to be written with a consult.
pub(crate) struct Finish {
    /// Version of its record that was read.
    pub version: i64,
    /// What is done.
    pub action: Action,
    /// What else happens at once.
    pub change: Change,
}

/// The consult that a record holds.
pub(crate) fn consult_of(body: serde_json::Value) -> Result<Consult, ConsultError> {
    serde_json::from_value(body).map_err(|error| {
        tracing::error!(%error, "a consult's record cannot be read");
        ConsultError::Failed("the consult's record is damaged")
    })
}

/// What the caller sees: the requesting side gets reports when they are delivered, and what the centre says among its own
/// people never.
pub(crate) fn view(caller: &Caller, mut consult: Consult, version: i64) -> ConsultView {
    let may = |action: &Action| {
        let who = who_for(caller, &consult, *action);
        decide(consult.state, *action, &who, consult.rules()).is_ok()
    };
    let allowed = Action::ALL.into_iter().filter(may).collect();
    if *caller.organisation() != consult.reading.id {
        for_the_requester(&mut consult);
    } else if *caller.organisation() != consult.requesting.id && !consult.is_granted() {
        consult.attachments.clear();
    }
    crate::second::without_comparison_for(caller.organisation(), &mut consult);
    ConsultView { consult, version, allowed }
}

fn for_the_requester(consult: &mut Consult) {
    consult.quality.clear();
    consult.open_opinions.clear();
    let is_released = consult.state.is_released();
    consult.versions.retain(|v| v.delivered_at.is_some() || (is_released && !v.superseded));
    if let Some(amendment) = &consult.amendment {
        consult.report.clone_from(&amendment.before);
        consult.reported_at = amendment.reported_before;
    } else if !is_released {
        consult.report = None;
        consult.reported_at = None;
    }
    let mut before = State::Draft;
    for entry in &mut consult.timeline {
        // Returned, taken over or handed over, also while it is amended: of that only why it was opened is for both sides.
        let goes_on = matches!(
            (before, entry.state),
            (State::Preliminary, State::Reading | State::Amending) | (State::Amending, State::Amending)
        );
        let is_internal = matches!(entry.state, State::Accepted | State::Assigned | State::Returned);
        if is_internal || goes_on {
            entry.note.clear();
        }
        before = entry.state;
    }
}

pub(crate) fn who(caller: &Caller, consult: &Consult) -> Vec<Who> {
    let holder = consult.reader.as_ref().map(|reader| &reader.id);
    let mut parts = parts(caller, &consult.requesting.id, &consult.reading.id, holder);
    let is_asked = |person: &access::Person| consult.open_opinions.contains(&person.id);
    if *caller.organisation() == consult.reading.id && caller.as_person().is_some_and(is_asked) {
        parts.push(Who::Expert);
    }
    parts
}

/// What the caller is to a consult in one step: a discrepancy is for whoever wrote the report that it is about, also when
/// somebody else has amended it since; nobody grades what they have signed, nor gives the second opinion on it.
fn who_for(caller: &Caller, consult: &Consult, action: Action) -> Vec<Who> {
    match action {
        Action::Respond if consult.has_open_discrepancy() => {
            let theirs = caller.as_person().map(|p| &p.id).filter(|id| consult.discrepancy_of(id).is_some());
            parts(caller, &consult.requesting.id, &consult.reading.id, theirs)
        }
        Action::Grade if caller.as_person().is_some_and(|p| consult.was_signed_by(p)) => Vec::new(),
        Action::TakeOver if !caller.may(Right::Read) => Vec::new(),
        Action::Claim | Action::Review | Action::TakeOver
            if caller.as_person().is_some_and(|p| consult.bars(&p.id)) =>
        {
            Vec::new()
        }
        _ => who(caller, consult),
    }
}

/// Who was first: whoever has it, otherwise whoever took the last step.
pub(crate) fn conflict(consult: &Consult, version: i64) -> ConsultError {
    let holder = consult.reader.as_ref().filter(|_| consult.state.is_held());
    let last = consult.timeline.iter().rev().find_map(|entry| entry.by.as_ref());
    let holder = holder.or(last).map(|person| person.name.clone());
    ConsultError::Conflict { holder, state: consult.state, version }
}

/// The caller as a person.
pub(crate) fn person(caller: &Caller) -> Option<Named<PersonId>> {
    caller.as_person().map(|person| Named { id: person.id.clone(), name: person.name.clone() })
}

/// Moves the consult along and notes it; what follows by itself is noted as done by the node.
pub(crate) fn advance(
    consult: &mut Consult,
    states: &[State],
    caller: &Caller,
    now: OffsetDateTime,
    note: &str,
) {
    advance_by(consult, states, person(caller).as_ref(), now, note);
}

/// The same by a person, or by the node itself.
pub(crate) fn advance_by(
    consult: &mut Consult,
    states: &[State],
    by: Option<&Named<PersonId>>,
    now: OffsetDateTime,
    note: &str,
) {
    for (n, state) in states.iter().enumerate() {
        let is_first = n == 0;
        consult.timeline.push(TimelineEntry {
            state: *state,
            at: now,
            by: by.filter(|_| is_first || *state == State::Reading).cloned(),
            note: if is_first { note.to_owned() } else { String::new() },
        });
        consult.state = *state;
    }
}

/// The rights of the reading organisation to see the study and its priors.
pub(crate) fn grants(consult: &Consult) -> impl Iterator<Item = Grant> {
    consult.studies().map(|study| Grant {
        owner: study.org.clone(),
        study: study.study_instance_uid.clone(),
        grantee: consult.reading.id.clone(),
        consult: consult.id.clone(),
    })
}

/// Outbox topic of what happens to consults.
pub const TOPIC: &str = "consult";

/// What others may want to know of a change; identifiers only. `by` is the actor's identifier, `action` what was done.
pub(crate) fn event(consult: &Consult, action: Action, by: &str) -> (&'static str, serde_json::Value) {
    let body = serde_json::json!({
        "id": consult.id,
        "number": consult.number,
        "state": consult.state,
        "action": action,
        "by": by,
        "requesting": consult.requesting.id,
        "reading": consult.reading.id,
        "created_by": consult.created_by.id,
        "reader": consult.reader.as_ref().map(|reader| &reader.id),
    });
    (TOPIC, body)
}

/// Unique key of a consult: organisation, author and the identifier that they made.
pub(crate) const ONCE: &str = "once";

/// The consult as a record with the keys that the tabs ask for.
pub(crate) fn put(consult: &Consult, expected: Expected) -> Result<Put, ConsultError> {
    let mut keys = vec![
        ("requesting", consult.requesting.id.to_string()),
        ("reading", consult.reading.id.to_string()),
        ("state", consult.state.word().to_owned()),
    ];
    let has_question = consult.questions.iter().any(|question| question.answer.is_none());
    if !consult.state.is_end() {
        keys.push(("mine", consult.created_by.id.to_string()));
    }
    if let Some(reader) = &consult.reader {
        keys.push(("reader", reader.id.to_string()));
        if consult.state.is_held() || consult.state == State::AwaitingData || has_question {
            keys.push(("mine", reader.id.to_string()));
        }
    }
    keys.extend(
        consult
            .open_discrepancies()
            .filter_map(|review| review.reader.as_ref().map(|reader| ("mine", reader.id.to_string()))),
    );
    keys.sort();
    keys.dedup();
    let once = consult.once.clone().map(|once| (ONCE, once));
    if !consult.evidence.is_empty() {
        // What a question was answered on must stay.
        keys.extend(
            consult.studies().map(|study| ("holds", format!("{}/{}", study.org, study.study_instance_uid))),
        );
    }
    keys.extend(crate::prior_reports::patient_key(consult));
    keys.extend(crate::second::keys(consult));
    if consult.is_clock_running() {
        keys.push(("clock", "running".to_owned()));
    }
    let mut visible_to = vec![consult.requesting.id.clone()];
    if consult.submitted_at.is_some() && consult.reading.id != consult.requesting.id {
        visible_to.push(consult.reading.id.clone());
    }
    Ok(Put {
        kind: KIND,
        id: consult.id.to_string(),
        expected,
        body: serde_json::to_value(consult).map_err(|_| ConsultError::Failed("the consult has no JSON"))?,
        keys,
        unique: [("number", consult.number.clone())].into_iter().chain(once).collect(),
        sort: consult.due_at.map_or(i64::MAX, model::time_text::unix_ms),
        visible_to,
    })
}

/// A text without control characters, if it is not too long.
pub(crate) fn limited(field: &'static str, text: &str) -> Result<String, ConsultError> {
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(ConsultError::Invalid {
            field,
            why: "文字过长（最多 20000 字） / too long: 20,000 characters at most",
        });
    }
    Ok(clean(text))
}

/// A text that must be there.
pub(crate) fn required_reason(reason: &str) -> Result<String, ConsultError> {
    let reason = limited("reason", reason)?;
    if reason.is_empty() {
        return Err(ConsultError::Invalid { field: "reason", why: "请写明原因 / say why" });
    }
    Ok(reason)
}
