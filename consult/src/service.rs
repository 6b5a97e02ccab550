//! What people do with consults, one function each: read the record, ask the table, write the change. Sending a
//! question is in [`crate::submit`], signing in [`crate::signing`].

use crate::key_image::{KEY_IMAGES_MAX, KeyImage};
use crate::record::{Consult, ConsultView, KIND, Named, SlideNote, TimelineEntry};
use crate::report::{ReportDraft, TEXT_CHARS_MAX, clean};
use crate::state::{Action, State, allowed, is_possible, parts, step};
use crate::{ConsultError, Printer};
use access::{Caller, ConsultKind, Urgency};
use model::{ConsultId, OrgId, PersonId, Uid};
use std::sync::Arc;
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Grant, GrantChange, Put, Storage, StorageError,
};
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
}

/// Consults of one node. Cheap to clone.
#[derive(Clone)]
pub struct ConsultService {
    pub(crate) storage: Storage,
    pub(crate) printer: Arc<Printer>,
    pub(crate) config: Arc<ConsultConfig>,
}

/// What the requester writes. Only study and reading organisation are needed for a draft.
#[derive(Debug, Clone)]
pub struct NewConsult {
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
    /// The page: PDF/A-3b with the others attached.
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
    /// A service over a storage.
    #[must_use]
    pub fn new(storage: Storage, printer: Arc<Printer>, config: ConsultConfig) -> Self {
        Self { storage, printer, config: Arc::new(config) }
    }

    /// Puts a submitted consult into the pool (coordinator).
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`], [`ConsultError::WrongState`], [`ConsultError::Conflict`].
    pub async fn accept(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, states) = self.begin(caller, id, version, Action::Accept).await?;
        advance(&mut consult, states, caller, now, "");
        self.finish(caller, consult, version, Action::Accept, Change::default()).await
    }

    /// Refuses a consult; the grant ends (coordinator).
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `reason` when it is empty.
    pub async fn reject(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        reason: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let reason = required_reason(reason)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::Reject).await?;
        advance(&mut consult, states, caller, now, &reason);
        let change = Change { grants: vec![GrantChange::Withdraw(grant(&consult))], ..Change::default() };
        self.finish(caller, consult, version, Action::Reject, change).await
    }

    /// Takes a consult from the pool, or up again after it was returned. Of two at once, one wins; the other is told
    /// who has it.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Conflict`] with the holder.
    pub async fn claim(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, states) = self.begin(caller, id, version, Action::Claim).await?;
        advance(&mut consult, states, caller, now, "");
        consult.reader = person(caller);
        self.finish(caller, consult, version, Action::Claim, Change::default()).await
    }

    /// Gives a consult back to the pool; the texts stay, but the next reader has displayed nothing yet.
    ///
    /// # Errors
    /// As [`Self::accept`].
    pub async fn release(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, states) = self.begin(caller, id, version, Action::Release).await?;
        advance(&mut consult, states, caller, now, "");
        consult.reader = None;
        if let Some(report) = &mut consult.report {
            report.displayed.clear();
        }
        self.finish(caller, consult, version, Action::Release, Change::default()).await
    }

    /// The requester has taken note of the report.
    ///
    /// # Errors
    /// As [`Self::accept`].
    pub async fn acknowledge(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, states) = self.begin(caller, id, version, Action::Acknowledge).await?;
        advance(&mut consult, states, caller, now, "");
        self.finish(caller, consult, version, Action::Acknowledge, Change::default()).await
    }

    /// The requester no longer asks; the grant ends.
    ///
    /// # Errors
    /// As [`Self::accept`].
    pub async fn cancel(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        reason: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let reason = limited("reason", reason)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::Cancel).await?;
        let grants = match consult.state {
            State::Draft => Vec::new(),
            _ => vec![GrantChange::Withdraw(grant(&consult))],
        };
        advance(&mut consult, states, caller, now, &reason);
        self.finish(caller, consult, version, Action::Cancel, Change { grants, ..Change::default() }).await
    }

    /// Back to the reader (reviewer). The preliminary report that he signed stays on record, superseded.
    ///
    /// # Errors
    /// As [`Self::accept`]; [`ConsultError::Invalid`] `reason` when it is empty.
    pub async fn return_to_reader(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        reason: &str,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let reason = required_reason(reason)?;
        let (mut consult, states) = self.begin(caller, id, version, Action::Return).await?;
        advance(&mut consult, states, caller, now, &reason);
        for signed in &mut consult.versions {
            signed.superseded = true;
        }
        self.finish(caller, consult, version, Action::Return, Change::default()).await
    }

    /// Saves what the reader has written so far; a returned consult is being read again. Control characters are removed.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`] for anyone but the holder, [`ConsultError::Conflict`] for an old version,
    /// [`ConsultError::Invalid`] when a text is too long or a displayed instance is not in evidence.
    pub async fn save_report(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        report: ReportDraft,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, states) = self.begin(caller, id, version, Action::Edit).await?;
        if consult.state == State::Draft {
            return Err(ConsultError::WrongState { state: State::Draft, action: Action::Edit });
        }
        if consult.state != State::Reading {
            advance(&mut consult, states, caller, now, "");
        }
        let is_in_evidence = |uid: &Uid| consult.evidence.iter().any(|item| item.sop_instance_uid == *uid);
        let mut displayed = report.displayed;
        displayed.sort();
        displayed.dedup();
        if !displayed.iter().all(is_in_evidence) {
            return Err(ConsultError::Invalid {
                field: "displayed", why: "不在本次会诊的图像之中"
            });
        }
        let key_images = checked_key_images(report.key_images, is_in_evidence)?;
        consult.report = Some(ReportDraft {
            findings: limited("findings", &report.findings)?,
            diagnosis: limited("diagnosis", &report.diagnosis)?,
            recommendation: limited("recommendation", &report.recommendation)?,
            template: report.template.map(|name| limited("template", &name)).transpose()?,
            displayed,
            key_images,
        });
        consult.reported_at = Some(now);
        self.finish(caller, consult, version, Action::Edit, Change::default()).await
    }

    /// One consult as the caller sees it.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`].
    pub async fn get(&self, caller: &Caller, id: &ConsultId) -> Result<ConsultView, ConsultError> {
        let (consult, version) = self.load(caller, id).await?;
        Ok(view(caller, consult, version))
    }

    /// The consult and the version of its record.
    pub(crate) async fn load(&self, caller: &Caller, id: &ConsultId) -> Result<(Consult, i64), ConsultError> {
        let record = self.storage.record(caller.scope(), KIND, id.as_str()).await?;
        Ok((consult_of(record.body)?, record.version))
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
        let who = who(caller, &consult);
        if who.is_empty() {
            return Err(ConsultError::Forbidden("没有参与这一会诊的权限"));
        }
        let is_taken =
            action == Action::Claim && consult.reader.is_some() && consult.state != State::Returned;
        if version != current || is_taken {
            return Err(conflict(&consult, current));
        }
        if let Some(states) = step(consult.state, action, &who, consult.rules()) {
            return Ok((consult, states));
        }
        if is_possible(consult.state, action, consult.rules()) {
            return Err(ConsultError::Forbidden("这一步不由您来做"));
        }
        Err(ConsultError::WrongState { state: consult.state, action })
    }

    /// Writes the consult over the version that was read, with everything else that happens at once.
    pub(crate) async fn finish(
        &self,
        caller: &Caller,
        consult: Consult,
        version: i64,
        action: Action,
        mut change: Change,
    ) -> Result<ConsultView, ConsultError> {
        change.puts.push(put(&consult, Expected::Version(version))?);
        change.audit.push(AuditEntry {
            action: match action {
                Action::Sign | Action::Review => AuditAction::Sign,
                _ => AuditAction::Change,
            },
            object: format!("consult/{}", consult.id),
            outcome: AuditOutcome::Success,
            detail: format!("{} {}", action.word(), consult.state.word()),
        });
        change.events.push(event(&consult));
        match self.storage.apply(caller.scope(), change).await {
            Ok(()) => Ok(view(caller, consult, version.saturating_add(1))),
            Err(StorageError::Conflict(_)) => {
                let (consult, current) = self.load(caller, &consult.id).await?;
                Err(conflict(&consult, current))
            }
            Err(other) => Err(other.into()),
        }
    }
}

/// The consult that a record holds.
pub(crate) fn consult_of(body: serde_json::Value) -> Result<Consult, ConsultError> {
    serde_json::from_value(body).map_err(|error| {
        tracing::error!(%error, "a consult's record cannot be read");
        ConsultError::Failed("the consult's record is damaged")
    })
}

/// What the caller sees: the requesting side gets report, versions and the reviewer's remarks only when released.
pub(crate) fn view(caller: &Caller, mut consult: Consult, version: i64) -> ConsultView {
    let allowed = allowed(consult.state, &who(caller, &consult), consult.rules());
    if *caller.organisation() != consult.reading.id {
        consult.versions.retain(|signed| !signed.superseded);
        if !consult.state.is_released() {
            consult.report = None;
            consult.reported_at = None;
            consult.versions.clear();
        }
        for entry in consult.timeline.iter_mut().filter(|entry| entry.state == State::Returned) {
            entry.note.clear();
        }
    }
    ConsultView { consult, version, allowed }
}

fn who(caller: &Caller, consult: &Consult) -> Vec<crate::state::Who> {
    let holder = consult.reader.as_ref().map(|reader| &reader.id);
    parts(caller, &consult.requesting.id, &consult.reading.id, holder)
}

fn conflict(consult: &Consult, version: i64) -> ConsultError {
    let holder = consult.reader.as_ref().map(|reader| reader.name.clone());
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
    for (n, state) in states.iter().enumerate() {
        let is_first = n == 0;
        consult.timeline.push(TimelineEntry {
            state: *state,
            at: now,
            by: if is_first || *state == State::Reading { person(caller) } else { None },
            note: if is_first { note.to_owned() } else { String::new() },
        });
        consult.state = *state;
    }
}

/// The right of the reading organisation to see the study.
pub(crate) fn grant(consult: &Consult) -> Grant {
    Grant {
        owner: consult.study.org.clone(),
        study: consult.study.study_instance_uid.clone(),
        grantee: consult.reading.id.clone(),
        consult: consult.id.clone(),
    }
}

/// What others may want to know of a change; identifiers only.
pub(crate) fn event(consult: &Consult) -> (&'static str, serde_json::Value) {
    let body = serde_json::json!({
        "id": consult.id,
        "state": consult.state,
        "requesting": consult.requesting.id,
        "reading": consult.reading.id,
    });
    ("consult", body)
}

/// The consult as a record with the keys that the tabs ask for.
pub(crate) fn put(consult: &Consult, expected: Expected) -> Result<Put, ConsultError> {
    let mut keys = vec![
        ("requesting", consult.requesting.id.to_string()),
        ("reading", consult.reading.id.to_string()),
        ("state", consult.state.word().to_owned()),
    ];
    if !consult.state.is_end() {
        keys.push(("mine", consult.created_by.id.to_string()));
    }
    if let Some(reader) = &consult.reader {
        keys.push(("reader", reader.id.to_string()));
        let is_at_reader = matches!(consult.state, State::Reading | State::Preliminary | State::Returned);
        if is_at_reader && reader.id != consult.created_by.id {
            keys.push(("mine", reader.id.to_string()));
        }
    }
    if !consult.evidence.is_empty() {
        // What a question was answered on must stay.
        let study = &consult.study;
        keys.push(("holds", format!("{}/{}", study.org, study.study_instance_uid)));
    }
    if consult.state.is_clock_running() {
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
        unique: vec![("number", consult.number.clone())],
        sort: consult.due_at.map_or(i64::MAX, model::time_text::unix_ms),
        visible_to,
    })
}

/// A text without control characters, if it is not too long.
pub(crate) fn limited(field: &'static str, text: &str) -> Result<String, ConsultError> {
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(ConsultError::Invalid { field, why: "文字过长（最多 20000 字）" });
    }
    Ok(clean(text))
}

/// Key images of instances in evidence, none of them twice.
fn checked_key_images(
    key_images: Vec<KeyImage>,
    is_in_evidence: impl Fn(&Uid) -> bool,
) -> Result<Vec<KeyImage>, ConsultError> {
    let invalid = |why| Err(ConsultError::Invalid { field: "key_images", why });
    if key_images.len() > KEY_IMAGES_MAX {
        return invalid("关键图像太多（最多 8 张）");
    }
    if !key_images.iter().all(|image| is_in_evidence(&image.instance)) {
        return invalid("不在本次会诊的图像之中");
    }
    let names: std::collections::HashSet<_> = key_images.iter().map(|image| &image.bookmark).collect();
    if names.len() < key_images.len() {
        return invalid("同一关键图像出现了两次");
    }
    Ok(key_images.into_iter().map(KeyImage::tidy).collect())
}

fn required_reason(reason: &str) -> Result<String, ConsultError> {
    let reason = limited("reason", reason)?;
    if reason.is_empty() {
        return Err(ConsultError::Invalid { field: "reason", why: "请写明原因" });
    }
    Ok(reason)
}
