//! Raising, acknowledging, withdrawing and repeating; and that a consult is not closed before.

use super::{
    Acknowledgement, CriticalFindings, CriticalSettings, Finding, How, KIND, Reminder, TOPIC, Withdrawal, due,
};
use crate::record::Consult;
use crate::service::{conflict, limited, person, required_reason, who};
use crate::state::{Action, Pending, State, When, Who};
use crate::{ConsultError, ConsultService, once};
use access::Caller;
use model::{ConsultId, PersonId, Scope};
use serde_json::json;
use std::collections::HashMap;
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, Record, RecordQuery, StorageError,
};
use time::{Duration, OffsetDateTime};

/// Findings of one consult at most.
const FINDINGS_MAX: usize = 50;
/// How often a change is tried when others change the same at the same moment.
const TRIES: usize = 8;
/// How far clocks may be apart.
const CLOCK_SKEW: Duration = Duration::minutes(5);
/// Consults with open alarms that are listed, and looked at in one round.
const OPEN_MAX: u32 = 500;

/// What the reader found.
#[derive(Debug, Clone, Default)]
pub struct NewFinding {
    /// Sent again with the same UUID, it is the same finding.
    pub once: Option<String>,
    /// What: from the organisation's list, or in words of one's own.
    pub finding: String,
    /// When it was found; now when `None`.
    pub found_at: Option<OffsetDateTime>,
}

/// That a finding was received.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// What the person who received it understood, in their own words.
    pub read_back: String,
    /// How it was received.
    pub how: How,
    /// Who received it, when not on the screen.
    pub received_by: String,
    /// When it was received, when not on the screen; now when `None`.
    pub received_at: Option<OffsetDateTime>,
}

/// What happened to a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happened {
    Raised,
    Repeated,
    Escalated,
    Called,
    Acknowledged,
    Withdrawn,
}

impl Happened {
    fn word(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Repeated => "repeated",
            Self::Escalated => "escalated",
            Self::Called => "called",
            Self::Acknowledged => "acknowledged",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl ConsultService {
    /// Raises a critical finding, before or after the report (reader or reviewer of the reading organisation); what was raised with
    /// the same [`NewFinding::once`] before is not raised again.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`], [`ConsultError::Forbidden`]; [`ConsultError::Invalid`] naming `finding`, `found_at` or
    /// `once`.
    pub async fn raise_critical(
        &self,
        caller: &Caller,
        id: &ConsultId,
        new: NewFinding,
        now: OffsetDateTime,
    ) -> Result<CriticalFindings, ConsultError> {
        let (consult, _) = self.load(caller, id).await?;
        let reads =
            who(caller, &consult).iter().any(|who| matches!(who, Who::Reader | Who::Holder | Who::Reviewer));
        let told_by = person(caller).filter(|_| reads);
        let told_by = told_by.ok_or(ConsultError::Forbidden(
            "危急值由报告医师或审核医师报告 / the reader or the reviewer reports a critical finding",
        ))?;
        if consult.state == State::Draft {
            return Err(ConsultError::NotFound);
        }
        // The hospital that has the patient does not see this case, and could acknowledge nothing on it.
        if consult.second_of.is_some() && consult.requesting.id == consult.reading.id {
            let why = "内部第二意见的危急值请在原会诊上报告 / report it on the case that this second opinion is about";
            return Err(ConsultError::Invalid { field: "finding", why });
        }
        let finding = limited("finding", &new.finding)?;
        if finding.is_empty() {
            return Err(ConsultError::Invalid {
                field: "finding",
                why: "请写明危急值内容 / say what the critical finding is",
            });
        }
        let found_at = past("found_at", new.found_at, now)?;
        if consult.submitted_at.is_some_and(|sent| found_at < sent - CLOCK_SKEW) {
            return Err(ConsultError::Invalid {
                field: "found_at",
                why: "早于申请提交时间 / before the case was sent",
            });
        }
        let once = once::checked(new.once.as_deref())?;
        self.change_critical(caller, &consult, |critical| {
            let is_same =
                |known: &&Finding| once.is_some() && known.once == once && known.told_by.id == told_by.id;
            if let Some(known) = critical.findings.iter().find(is_same) {
                return if known.finding == finding { Ok(None) } else { Err(once::OTHER) };
            }
            if critical.findings.len() >= FINDINGS_MAX {
                return Err(ConsultError::Invalid {
                    field: "finding",
                    why: "本次会诊的危急值过多 / this case has too many critical findings",
                });
            }
            let n = critical.findings.last().map_or(1, |last| last.n.saturating_add(1));
            critical.findings.push(Finding {
                n,
                once: once.clone(),
                finding: finding.clone(),
                found_at,
                told_by: told_by.clone(),
                told_at: now,
                alarms: 1,
                last_alarm_at: now,
                escalated_at: None,
                called_at: None,
                acknowledged: None,
                withdrawn: None,
            });
            Ok(Some((n, Happened::Raised)))
        })
        .await
    }

    /// Receives a critical finding: on the screen by somebody who may ask at the requesting organisation, or, when it was
    /// told by telephone or in person, written down by the reading side. The first receipt counts; sent again by who has written it
    /// down, in the same words, it is the same.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`], [`ConsultError::Forbidden`]; [`ConsultError::Conflict`] when it was received before;
    /// [`ConsultError::Invalid`] naming `read_back`, `received_by` or `received_at`.
    pub async fn acknowledge_critical(
        &self,
        caller: &Caller,
        id: &ConsultId,
        n: u32,
        receipt: Receipt,
        now: OffsetDateTime,
    ) -> Result<CriticalFindings, ConsultError> {
        let (consult, version) = self.load(caller, id).await?;
        let received = received(caller, &consult, receipt, now)?;
        self.change_critical(caller, &consult, |critical| {
            let finding = critical.findings.iter_mut().find(|finding| finding.n == n);
            let finding = finding.ok_or(ConsultError::NotFound)?;
            if let Some(earlier) = &finding.acknowledged {
                if earlier.is_as(&received) {
                    return Ok(None);
                }
                let holder = Some(earlier.received_by.clone());
                return Err(ConsultError::Conflict { holder, state: consult.state, version });
            }
            if let Some(withdrawn) = &finding.withdrawn {
                let holder = Some(withdrawn.by.name.clone());
                return Err(ConsultError::Conflict { holder, state: consult.state, version });
            }
            // A call often comes before the finding is entered here, never before it was made.
            if received.received_at < finding.found_at - CLOCK_SKEW {
                return Err(ConsultError::Invalid {
                    field: "received_at",
                    why: "早于发现时间 / before it was found",
                });
            }
            finding.acknowledged = Some(received.clone());
            Ok(Some((n, Happened::Acknowledged)))
        })
        .await
    }

    /// Withdraws a critical finding that was raised by mistake, before or after it was received: whoever raised it, or a
    /// reviewer of the reading organisation. What is kept of it stays. Sent again by the same, in the same words, it is the same.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`], [`ConsultError::Forbidden`]; [`ConsultError::Conflict`] when it was withdrawn before;
    /// [`ConsultError::Invalid`] `reason`.
    pub async fn withdraw_critical(
        &self,
        caller: &Caller,
        id: &ConsultId,
        n: u32,
        reason: &str,
        now: OffsetDateTime,
    ) -> Result<CriticalFindings, ConsultError> {
        let (consult, version) = self.load(caller, id).await?;
        let refused = ConsultError::Forbidden(
            "危急值由报告人或审核医师撤回 / who reported it or the reviewer takes it back",
        );
        let by = person(caller).ok_or(refused.clone())?;
        let reason = required_reason(reason)?;
        let is_kept = self.is_kept_from(caller, id).await?;
        self.change_critical(caller, &consult, |critical| {
            let finding = critical.findings.iter_mut().find(|finding| finding.n == n);
            let finding = finding.filter(|finding| !is_kept || finding.told_by.id == by.id);
            let finding = finding.ok_or(ConsultError::NotFound)?;
            if let Some(earlier) = &finding.withdrawn {
                if (&earlier.by.id, &earlier.reason) == (&by.id, &reason) {
                    return Ok(None);
                }
                let holder = Some(earlier.by.name.clone());
                return Err(ConsultError::Conflict { holder, state: consult.state, version });
            }
            if !finding.may_be_withdrawn_by(caller, &consult.reading.id) {
                return Err(refused.clone());
            }
            finding.withdrawn = Some(Withdrawal { by: by.clone(), at: now, reason: reason.clone() });
            Ok(Some((n, Happened::Withdrawn)))
        })
        .await
    }

    /// The critical findings of a consult; none is an empty list.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`].
    pub async fn critical(&self, caller: &Caller, id: &ConsultId) -> Result<CriticalFindings, ConsultError> {
        let (consult, _) = self.load(caller, id).await?;
        let findings = self.findings(&consult).await?.0;
        self.seen_by(caller, findings).await
    }

    /// The findings without what others have told, for whoever reads a second opinion unseen of the first.
    async fn seen_by(
        &self,
        caller: &Caller,
        mut critical: CriticalFindings,
    ) -> Result<CriticalFindings, ConsultError> {
        if self.is_kept_from(caller, &critical.consult).await? {
            let me = caller.as_person().map(|person| &person.id);
            critical.findings.retain(|finding| Some(&finding.told_by.id) == me);
        }
        Ok(critical)
    }

    /// Critical findings that are not acknowledged, of consults that the caller can see, the oldest alarm first.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn open_critical(&self, caller: &Caller) -> Result<Vec<CriticalFindings>, ConsultError> {
        let query = RecordQuery { limit: OPEN_MAX, ..RecordQuery::new(KIND).with("state", "open") };
        let mut seen = Vec::new();
        for record in self.storage.records(caller.scope(), &query).await? {
            // One that cannot be read (the log says so) must not hide all others.
            let Ok(critical) = of(record.body) else { continue };
            let critical = self.seen_by(caller, critical).await?;
            if critical.open() > 0 {
                seen.push(critical);
            }
        }
        Ok(seen)
    }

    /// Says alarms again that nobody has acknowledged, and tells the coordinators and then those on call, each when it is due. Another process
    /// that does the same at the same moment changes nothing.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn remind_critical(&self, now: OffsetDateTime) -> Result<(), ConsultError> {
        let node = Scope::node("critical findings");
        let query = RecordQuery { limit: OPEN_MAX, ..RecordQuery::new(KIND).with("state", "open") };
        let mut settings = HashMap::new();
        for record in self.storage.records(&node, &query).await? {
            let Record { body, version, .. } = record;
            // One that cannot be read must not silence all others.
            let Ok(critical) = of(body) else { continue };
            let reading = critical.reading.id.clone();
            if !settings.contains_key(&reading) {
                let found = match self.critical_settings(&reading).await {
                    Err(error @ ConsultError::Failed(_)) => {
                        tracing::error!(%error, "alarms are said again as if nothing were set");
                        CriticalSettings::default()
                    }
                    found => found?,
                };
                settings.insert(reading.clone(), found);
            }
            let Some(settings) = settings.get(&reading) else { continue };
            self.remind_one(critical, version, settings, now).await?;
        }
        Ok(())
    }

    async fn remind_one(
        &self,
        mut critical: CriticalFindings,
        version: i64,
        settings: &CriticalSettings,
        now: OffsetDateTime,
    ) -> Result<(), ConsultError> {
        let mut happened = Vec::new();
        for finding in &mut critical.findings {
            let Some(reminder) = due(finding, settings, now) else { continue };
            finding.alarms = finding.alarms.saturating_add(1);
            finding.last_alarm_at = now;
            let what = match reminder {
                Reminder::Repeat => Happened::Repeated,
                Reminder::Escalate => {
                    finding.escalated_at = Some(now);
                    Happened::Escalated
                }
                Reminder::Call => {
                    finding.called_at = Some(now);
                    Happened::Called
                }
            };
            happened.push((finding.n, what));
        }
        if happened.is_empty() {
            return Ok(());
        }
        let change = change(&critical, Expected::Version(version), &happened, None)?;
        match self.storage.apply(&Scope::node("critical findings"), change).await {
            // Acknowledged, or said again by another process, at this very moment.
            Ok(()) | Err(StorageError::Conflict(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What is written together with closing a consult, so that it does not happen while a critical finding stands, nor at
    /// the very moment in which one is raised.
    ///
    /// # Errors
    /// [`ConsultError::NotNow`] while one is not acknowledged.
    pub(crate) async fn closing_guard(
        &self,
        consult: &Consult,
        action: Action,
    ) -> Result<Change, ConsultError> {
        let (critical, expected) = self.findings(consult).await?;
        if critical.open() > 0 {
            return Err(ConsultError::NotNow { why: When::Critical(Pending::None), action });
        }
        Ok(Change { puts: vec![put(&critical, expected)?], ..Change::default() })
    }

    /// The findings as the report prints them, without those that were withdrawn: a character that no font has must not keep a report from being signed.
    pub(crate) async fn printed_critical(&self, consult: &Consult) -> Result<Vec<Finding>, ConsultError> {
        let mut findings = self.findings(consult).await?.0.findings;
        findings.retain(|finding| finding.withdrawn.is_none());
        let printable = |text: &mut String| *text = self.printer.printable(text);
        for finding in &mut findings {
            printable(&mut finding.finding);
            printable(&mut finding.told_by.name);
            if let Some(received) = &mut finding.acknowledged {
                printable(&mut received.received_by);
                printable(&mut received.read_back);
            }
        }
        Ok(findings)
    }

    /// How many critical findings of a consult are not acknowledged.
    pub(crate) async fn open_criticals(&self, id: &ConsultId) -> Result<u32, ConsultError> {
        let node = Scope::node("critical findings");
        match self.storage.record(&node, KIND, id.as_str()).await {
            Ok(record) => Ok(of(record.body)?.open()),
            Err(StorageError::NotFound) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// The findings of a consult, and what a write must find.
    async fn findings(&self, consult: &Consult) -> Result<(CriticalFindings, Expected), ConsultError> {
        let node = Scope::node("critical findings");
        match self.storage.record(&node, KIND, consult.id.as_str()).await {
            Ok(record) => Ok((of(record.body)?, Expected::Version(record.version))),
            Err(StorageError::NotFound) => Ok((none(consult), Expected::Absent)),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads, changes and writes, unless nothing happens; again when somebody else has changed the same meanwhile.
    async fn change_critical(
        &self,
        caller: &Caller,
        consult: &Consult,
        mut apply: impl FnMut(&mut CriticalFindings) -> Result<Option<(u32, Happened)>, ConsultError>,
    ) -> Result<CriticalFindings, ConsultError> {
        for _ in 0..TRIES {
            let (mut critical, expected) = self.findings(consult).await?;
            let Some(happened) = apply(&mut critical)? else {
                return self.seen_by(caller, critical).await;
            };
            let by = caller.as_person().map(|person| &person.id);
            let change = change(&critical, expected, &[happened], by)?;
            match self.storage.apply(caller.scope(), change).await {
                Ok(()) => return self.seen_by(caller, critical).await,
                Err(StorageError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let (consult, version) = self.load(caller, &consult.id).await?;
        Err(conflict(&consult, version))
    }
}

fn none(consult: &Consult) -> CriticalFindings {
    CriticalFindings {
        consult: consult.id.clone(),
        number: consult.number.clone(),
        requesting: consult.requesting.clone(),
        reading: consult.reading.clone(),
        patient_name: consult.patient.name.clone(),
        asked_by: consult.created_by.id.clone(),
        findings: Vec::new(),
    }
}

fn of(body: serde_json::Value) -> Result<CriticalFindings, ConsultError> {
    serde_json::from_value(body).map_err(|error| {
        tracing::error!(%error, "a record of critical findings cannot be read");
        ConsultError::Failed("the record of critical findings is damaged")
    })
}

/// A time that is not in the future.
fn past(
    field: &'static str,
    at: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, ConsultError> {
    let at = at.unwrap_or(now);
    if at > now + CLOCK_SKEW {
        return Err(ConsultError::Invalid { field, why: "不能晚于现在 / not later than now" });
    }
    Ok(at)
}

/// Who received it, if the caller may say so.
fn received(
    caller: &Caller,
    consult: &Consult,
    receipt: Receipt,
    now: OffsetDateTime,
) -> Result<Acknowledgement, ConsultError> {
    let who = who(caller, consult);
    let recorded_by = person(caller).ok_or(ConsultError::Forbidden(
        "请以个人账号确认危急值 / acknowledge it with an account of your own",
    ))?;
    let read_back = limited("read_back", &receipt.read_back)?;
    if read_back.is_empty() {
        return Err(ConsultError::Invalid {
            field: "read_back",
            why: "请用自己的话复述危急值 / read the finding back in your own words",
        });
    }
    let (received_by, person, received_at) = match receipt.how {
        How::System if who.contains(&Who::Requester) => {
            (recorded_by.name.clone(), Some(recorded_by.id.clone()), now)
        }
        How::Telephone | How::InPerson if who.iter().any(|who| *who != Who::Requester) => {
            let name = limited("received_by", &receipt.received_by)?;
            if name.is_empty() {
                return Err(ConsultError::Invalid {
                    field: "received_by",
                    why: "请写明接收人姓名 / say who received it",
                });
            }
            (name, None, past("received_at", receipt.received_at, now)?)
        }
        _ => {
            return Err(ConsultError::Forbidden(
                "危急值由申请医院的医师确认；电话或当面告知的由诊断中心登记 / a doctor of the asking hospital acknowledges it; what was told by telephone or in person the centre writes down",
            ));
        }
    };
    Ok(Acknowledgement {
        received_by,
        person,
        received_at,
        read_back,
        how: receipt.how,
        recorded_by,
        recorded_at: now,
    })
}

fn put(critical: &CriticalFindings, expected: Expected) -> Result<Put, ConsultError> {
    let first_open = critical.findings.iter().find(|finding| finding.stands());
    let mut visible_to = vec![critical.requesting.id.clone(), critical.reading.id.clone()];
    visible_to.dedup();
    Ok(Put {
        kind: KIND,
        id: critical.consult.to_string(),
        expected,
        body: serde_json::to_value(critical)
            .map_err(|_| ConsultError::Failed("the findings have no JSON"))?,
        keys: first_open.map(|_| ("state", "open".to_owned())).into_iter().collect(),
        unique: Vec::new(),
        sort: first_open.map_or(0, |finding| model::time_text::unix_ms(finding.told_at)),
        visible_to,
    })
}

fn change(
    critical: &CriticalFindings,
    expected: Expected,
    happened: &[(u32, Happened)],
    by: Option<&PersonId>,
) -> Result<Change, ConsultError> {
    let mut change = Change { puts: vec![put(critical, expected)?], ..Change::default() };
    for (n, what) in happened {
        let finding = critical.findings.iter().find(|finding| finding.n == *n);
        let told_by = finding.map(|finding| &finding.told_by.id);
        let was_called = finding.is_some_and(|finding| finding.called_at.is_some());
        let was_escalated = finding.is_some_and(|finding| finding.escalated_at.is_some());
        change.audit.push(AuditEntry {
            action: AuditAction::Change,
            object: format!("consult/{}", critical.consult),
            outcome: AuditOutcome::Success,
            detail: format!("critical finding {n} {}", what.word()),
        });
        let body = json!({
            "consult": critical.consult,
            "n": n,
            "what": what.word(),
            "by": by,
            "told_by": told_by,
            "escalated": was_escalated,
            "called": was_called,
            "asked_by": critical.asked_by,
            "requesting": critical.requesting.id,
            "reading": critical.reading.id,
        });
        change.events.push((TOPIC, body));
    }
    Ok(change)
}
