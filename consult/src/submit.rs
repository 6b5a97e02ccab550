//! Asking: drafts, and sending a question with its checks, its frozen evidence and its grant.

use crate::blocks::blocks;
use crate::record::{Consult, ConsultView, Evidence, KIND, Named, PatientBlock, StudyBlock};
use crate::service::{ONCE, advance, event, grants, limited, person, put, view};
use crate::state::{Acceptance, Action, State, Who, decide};
use crate::{ConsultError, ConsultService, NewConsult, clock, fidelity, once};
use access::{Agreement, Caller, ConsultKind, Right, Signatures, Urgency};
use model::{ConsultId, Key, Level, OrgId, PersonId, Query, Scope, Uid};
use serde_json::Value as Json;
use std::collections::HashSet;
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, GrantChange, InstanceRef, Put, RecordQuery,
    StorageError,
};
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

/// Record kind of the daily counters of numbers.
const NUMBER_KIND: &str = "consult_number";
/// How often a number is tried for when others take theirs at the same moment.
const NUMBER_TRIES: usize = 100;
/// Instances that one consult may rest on.
pub(crate) const EVIDENCE_MAX: usize = 20_000;
/// Earlier studies that one consult may bring along.
const PRIORS_MAX: usize = 10;
/// The field that leaves series out.
const LEFT_OUT: &str = "left_out_series";
const NOTHING_LEFT: &str = "至少要有一个序列属于这次申请 / at least one series is part of the question";

impl ConsultService {
    /// Writes a new draft and gives it a number. What was written with the same [`NewConsult::once`] before is given back as it is
    /// now.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`] without the right to ask; [`ConsultError::Invalid`] `study` when the study is not
    /// within reach, `reading_organisation` when there is no such organisation, a text that is too long, or `once`.
    pub async fn create(
        &self,
        caller: &Caller,
        draft: NewConsult,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let author = person(caller).filter(|_| caller.may(Right::Ask));
        let created_by = author.ok_or(ConsultError::Forbidden(
            "没有申请会诊的权限 / your role does not ask for consultations",
        ))?;
        let once = once::by(caller, draft.once.as_deref())?;
        if let Some(before) = self.drafted_before(caller, once.as_deref()).await? {
            return Ok(before);
        }
        let requesting = self.organisation(caller.organisation(), "organisation").await?;
        let reading = self.organisation(&draft.reading_organisation, "reading_organisation").await?;
        let (patient, study) = self.study(caller, &draft.study_org, &draft.study_instance_uid).await?;
        let priors = self.priors(caller, &patient, &study, &draft.priors).await?;
        let left_out_series = self.left_out(caller, &study, draft.left_out_series, &[]).await?;
        let mut consult = Consult {
            once: once.clone(),
            kind: draft.kind,
            urgency: draft.urgency,
            priors,
            left_out_series,
            slide: draft.slide,
            question: limited("question", &draft.question)?,
            history: limited("history", &draft.history)?,
            consent: draft.consent,
            ..blank([requesting, reading], patient, study, created_by, now)
        };
        consult.number = self.next_number(now).await?;
        advance(&mut consult, &[State::Draft], caller, now, "");
        let audit = AuditEntry {
            action: AuditAction::Change,
            object: format!("consult/{}", consult.id),
            outcome: AuditOutcome::Success,
            detail: "create draft".to_owned(),
        };
        let change = Change {
            puts: vec![put(&consult, Expected::Absent)?],
            audit: vec![audit],
            events: vec![event(&consult, Action::Edit, &caller.scope().actor.id)],
            ..Change::default()
        };
        match self.storage.apply(caller.scope(), change).await {
            Ok(()) => Ok(view(caller, consult, 1)),
            // The same was sent twice at the same moment.
            Err(StorageError::Conflict(_)) if once.is_some() => {
                self.drafted_before(caller, once.as_deref()).await?.ok_or(ConsultError::Unavailable)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The draft, or what it has become, that was written with an identifier before.
    async fn drafted_before(
        &self,
        caller: &Caller,
        once: Option<&str>,
    ) -> Result<Option<ConsultView>, ConsultError> {
        let before = self.written_before(caller, once).await?;
        match &before {
            Some(other) if other.consult.second_of.is_some() => Err(once::OTHER),
            _ => Ok(before),
        }
    }

    /// The consult that was written with an identifier before.
    pub(crate) async fn written_before(
        &self,
        caller: &Caller,
        once: Option<&str>,
    ) -> Result<Option<ConsultView>, ConsultError> {
        let Some(once) = once else { return Ok(None) };
        let query = RecordQuery { limit: 1, ..RecordQuery::new(KIND).with(ONCE, once) };
        let Some(record) = self.storage.records(caller.scope(), &query).await?.into_iter().next() else {
            return Ok(None);
        };
        let id = ConsultId::parse(&record.id).map_err(|_| ConsultError::Failed("a consult's identifier"))?;
        self.get(caller, &id).await.map(Some)
    }

    /// Rewrites a draft. Of another patient, it begins without the attachments.
    ///
    /// # Errors
    /// As [`Self::create`], and [`ConsultError::Conflict`], [`ConsultError::WrongState`].
    pub async fn edit(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        draft: NewConsult,
        _now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, _) = self.begin(caller, id, version, Action::Edit).await?;
        if consult.state != State::Draft {
            return Err(ConsultError::WrongState { state: consult.state, action: Action::Edit });
        }
        consult.reading = self.organisation(&draft.reading_organisation, "reading_organisation").await?;
        let (patient, study) = self.study(caller, &draft.study_org, &draft.study_instance_uid).await?;
        let is_same = study.study_instance_uid == consult.study.study_instance_uid
            || (!patient.id.is_empty() && patient.id == consult.patient.id && study.org == consult.study.org);
        if !is_same {
            // One patient's papers do not travel with another's question.
            consult.attachments.clear();
        }
        let mut before = std::mem::take(&mut consult.left_out_series);
        if (&study.org, &study.study_instance_uid) != (&consult.study.org, &consult.study.study_instance_uid)
        {
            before.clear();
        }
        consult.left_out_series = self.left_out(caller, &study, draft.left_out_series, &before).await?;
        (consult.patient, consult.study) = (patient, study);
        consult.priors = self.priors(caller, &consult.patient, &consult.study, &draft.priors).await?;
        consult.kind = draft.kind;
        consult.urgency = draft.urgency;
        consult.slide = draft.slide;
        consult.question = limited("question", &draft.question)?;
        consult.history = limited("history", &draft.history)?;
        consult.consent = draft.consent;
        self.finish(caller, consult, version, Action::Edit, Change::default()).await
    }

    /// Sends the question: checks it field by field, freezes the evidence, grants the reading organisation the study.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] naming `question`, `consent`, `agreement`, `study` or `left_out_series`;
    /// [`ConsultError::Conflict`].
    pub async fn submit(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, _) = self.begin(caller, id, version, Action::Submit).await?;
        let invalid = |field, why| Err(ConsultError::Invalid { field, why });
        if consult.question.is_empty() {
            return invalid("question", "请填写会诊问题 / write the question");
        }
        self.refuse_unprintable("question", &consult.question)?;
        self.refuse_unprintable("history", &consult.history)?;
        if !consult.consent {
            return invalid("consent", "请确认患者已知情同意 / confirm that the patient has agreed");
        }
        if consult.study.org != consult.requesting.id {
            return invalid("study", "只能就本院的检查申请会诊 / only about studies of your own hospital");
        }
        (consult.patient, consult.study) =
            self.study(caller, &consult.study.org, &consult.study.study_instance_uid).await?;
        let priors: Vec<Uid> = consult.priors.iter().map(|prior| prior.study_instance_uid.clone()).collect();
        consult.priors = self.priors(caller, &consult.patient, &consult.study, &priors).await?;
        let scope = caller.scope().clone().without_labels();
        let mut evidence = self.evidence(&scope, &consult, EVIDENCE_MAX).await?;
        if !evidence.iter().any(|item| item.study_instance_uid == consult.study.study_instance_uid) {
            return invalid(LEFT_OUT, NOTHING_LEFT);
        }
        self.note_fidelity(&scope, &mut consult, &mut evidence).await?;
        consult.evidence = evidence;
        self.refuse_arriving(&consult, now).await?;
        let agreement = self.agreement(&consult, now).await?;
        if consult.urgency == Urgency::Frozen && consult.slide.is_none() {
            return invalid("urgency", "术中冰冻只用于病理切片 / a frozen section is asked about a slide");
        }
        let Some(turnaround_min) = agreement.turnaround_min(consult.urgency) else {
            return invalid("agreement", "协议不包含这一紧急程度 / the agreement does not have this urgency");
        };
        consult.agreement = Some(agreement.id.clone());
        consult.signatures = agreement.signatures;
        consult.trust_anchors_pem = agreement.trust_anchors_pem;
        consult.acceptance =
            if agreement.auto_accept { Acceptance::Automatic } else { Acceptance::ByCoordinator };
        consult.submitted_at = Some(now);
        consult.due_at = now.checked_add(Duration::minutes(i64::from(turnaround_min)));
        let states = decide(State::Draft, Action::Submit, &[Who::Requester], consult.rules())
            .map_err(|_| ConsultError::WrongState { state: consult.state, action: Action::Submit })?;
        let note = match consult.left_out_series.len() {
            0 => String::new(),
            n => format!("申请人未纳入 {n} 个序列 / {n} series are left out of the question"),
        };
        advance(&mut consult, states, caller, now, &note);
        let mut change = granting(&consult);
        change.audit.extend(self.assign_by_rule(&mut consult, now).await?);
        change.puts.push(clock::put(&consult, 0, Expected::Anything));
        self.finish(caller, consult, version, Action::Submit, change).await
    }

    pub(crate) async fn organisation(
        &self,
        id: &OrgId,
        field: &'static str,
    ) -> Result<Named<OrgId>, ConsultError> {
        match self.storage.organisation(id).await {
            Ok(found) => Ok(Named { id: found.id, name: found.name }),
            Err(StorageError::NotFound) => Err(ConsultError::Invalid {
                field,
                why: "没有这一机构 / there is no such organisation",
            }),
            Err(other) => Err(other.into()),
        }
    }

    /// Patient and study as they are now.
    pub(crate) async fn study(
        &self,
        caller: &Caller,
        owner: &OrgId,
        uid: &Uid,
    ) -> Result<(PatientBlock, StudyBlock), ConsultError> {
        let query = Query::new(Level::Study, 1).with_value(Key::StudyInstanceUid, uid.as_str());
        let page = self.storage.search(&caller.scope().owned_by(owner.clone()), &query).await?;
        let row = page.rows.into_iter().next();
        let row = row.ok_or(ConsultError::Invalid {
            field: "study",
            why: "找不到这一检查 / the study is not found",
        })?;
        Ok(blocks(row.owner, uid.clone(), &row.attributes.tree()))
    }

    /// Earlier studies of the same patient that belong to the question.
    async fn priors(
        &self,
        caller: &Caller,
        patient: &PatientBlock,
        study: &StudyBlock,
        wanted: &[Uid],
    ) -> Result<Vec<StudyBlock>, ConsultError> {
        let invalid = |why| ConsultError::Invalid { field: "priors", why };
        if wanted.len() > PRIORS_MAX {
            return Err(invalid("既往检查太多（最多 10 个） / 10 earlier studies at most"));
        }
        let mut priors: Vec<StudyBlock> = Vec::new();
        for uid in wanted {
            let is_there =
                *uid == study.study_instance_uid || priors.iter().any(|p| p.study_instance_uid == *uid);
            if is_there {
                continue;
            }
            let (whose, prior) = match self.study(caller, &study.org, uid).await {
                Ok(found) => found,
                Err(ConsultError::Invalid { .. }) => {
                    return Err(invalid("找不到这一既往检查 / an earlier study is not found"));
                }
                Err(other) => return Err(other),
            };
            if whose.id.is_empty() || whose.id != patient.id {
                return Err(invalid("既往检查不是同一患者的 / an earlier study is another patient's"));
            }
            priors.push(prior);
        }
        Ok(priors)
    }

    /// Series of the study that are no part of the question, once each. One that has gone since it was left out (`before`) is
    /// no mistake of whoever goes on writing.
    async fn left_out(
        &self,
        caller: &Caller,
        study: &StudyBlock,
        mut wanted: Vec<Uid>,
        before: &[Uid],
    ) -> Result<Vec<Uid>, ConsultError> {
        if wanted.is_empty() {
            return Ok(wanted);
        }
        wanted.sort();
        wanted.dedup();
        let own = caller.scope().owned_by(study.org.clone());
        let there = self.storage.instances(&own, &study.study_instance_uid, None, None).await?;
        let there: HashSet<&Uid> = there.iter().map(InstanceRef::series).collect();
        let invalid = |why| Err(ConsultError::Invalid { field: LEFT_OUT, why });
        let before: HashSet<&Uid> = before.iter().collect();
        if !wanted.iter().all(|series| there.contains(series) || before.contains(series)) {
            return invalid("这一检查没有这一序列 / the study has no such series");
        }
        if there.iter().all(|series| wanted.binary_search(series).is_ok()) {
            return invalid(NOTHING_LEFT);
        }
        Ok(wanted)
    }

    /// What the question is about, as far as whoever is asked can see it: labels of slides are not for them.
    pub(crate) async fn evidence(
        &self,
        scope: &Scope,
        consult: &Consult,
        most: usize,
    ) -> Result<Vec<Evidence>, ConsultError> {
        let invalid = |why| Err(ConsultError::Invalid { field: "study", why });
        let own = scope.owned_by(consult.study.org.clone());
        let left_out: HashSet<&Uid> = consult.left_out_series.iter().collect();
        let mut evidence = Vec::new();
        for study in consult.studies() {
            let instances = match self.storage.instances(&own, &study.study_instance_uid, None, None).await {
                Ok(instances) => instances,
                Err(StorageError::NotFound) => return invalid("找不到这一检查 / the study is not found"),
                Err(other) => return Err(other.into()),
            };
            if instances.is_empty() {
                return invalid("这一检查没有图像 / the study has no images");
            }
            let asked_about = instances.iter().filter(|instance| !left_out.contains(instance.series()));
            evidence.extend(asked_about.map(|instance| Evidence {
                study_instance_uid: instance.study().clone(),
                series_instance_uid: instance.series().clone(),
                sop_instance_uid: instance.instance().clone(),
                sha256: *instance.sha256(),
                fidelity: fidelity::of_instance(instance),
            }));
            if evidence.len() > most {
                return invalid("这一检查的图像太多 / the study has too many images");
            }
        }
        Ok(evidence)
    }

    pub(crate) async fn agreement(
        &self,
        consult: &Consult,
        now: OffsetDateTime,
    ) -> Result<Agreement, ConsultError> {
        let between: Vec<Agreement> = self
            .storage
            .agreements(&consult.requesting.id)
            .await?
            .into_iter()
            .filter(|a| a.requesting == consult.requesting.id && a.reading == consult.reading.id)
            .collect();
        let why = if between.is_empty() {
            "与这一诊断中心没有协议 / there is no agreement with this centre"
        } else if !between.iter().any(|a| a.is_valid_at(now)) {
            "协议不在有效期内 / the agreement is not in force"
        } else if !between.iter().any(|a| a.is_valid_at(now) && a.kinds.contains(&consult.kind)) {
            "协议不包含这一会诊类型 / the agreement does not have this kind of consultation"
        } else if !between.iter().any(|a| a.is_valid_at(now) && a.covers(&consult.study.modalities)) {
            "协议不包含这一检查类型 / the agreement does not have this kind of examination"
        } else {
            "协议不包含这一紧急程度 / the agreement does not have this urgency"
        };
        let suits = |a: &Agreement| {
            a.is_valid_at(now)
                && a.kinds.contains(&consult.kind)
                && a.covers(&consult.study.modalities)
                && a.turnaround_min(consult.urgency).is_some()
        };
        between.into_iter().find(suits).ok_or(ConsultError::Invalid { field: "agreement", why })
    }

    /// The next number of the day: `YX20261123-0007`. A number that is taken and not used leaves a gap.
    pub(crate) async fn next_number(&self, now: OffsetDateTime) -> Result<String, ConsultError> {
        let scope = Scope::node("consult-number");
        let day = now
            .to_offset(self.config.utc_offset)
            .format(format_description!("[year][month][day]"))
            .map_err(|_| ConsultError::Failed("the clock is outside the calendar"))?;
        for _ in 0..NUMBER_TRIES {
            let (last, expected) = match self.storage.record(&scope, NUMBER_KIND, &day).await {
                Ok(record) => {
                    (record.body.get("last").and_then(Json::as_u64), Expected::Version(record.version))
                }
                Err(StorageError::NotFound) => (Some(0), Expected::Absent),
                Err(other) => return Err(other.into()),
            };
            let next = last.and_then(|n| n.checked_add(1)).ok_or(ConsultError::Failed("numbers"))?;
            let put = Put {
                kind: NUMBER_KIND,
                id: day.clone(),
                expected,
                body: serde_json::json!({"last": next}),
                keys: Vec::new(),
                unique: Vec::new(),
                sort: 0,
                visible_to: Vec::new(),
            };
            match self.storage.apply(&scope, Change { puts: vec![put], ..Change::default() }).await {
                Ok(()) => return Ok(format!("YX{day}-{next:04}")),
                Err(StorageError::Conflict(_)) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(ConsultError::Unavailable)
    }
}

/// A draft in which nothing is asked yet.
pub(crate) fn blank(
    [requesting, reading]: [Named<OrgId>; 2],
    patient: PatientBlock,
    study: StudyBlock,
    created_by: Named<PersonId>,
    now: OffsetDateTime,
) -> Consult {
    Consult {
        id: ConsultId::new(),
        number: String::new(),
        once: None,
        kind: ConsultKind::Diagnosis,
        urgency: Urgency::Routine,
        state: State::Draft,
        requesting,
        reading,
        patient,
        study,
        priors: Vec::new(),
        left_out_series: Vec::new(),
        slide: None,
        question: String::new(),
        history: String::new(),
        consent: false,
        created_by,
        created_at: now,
        submitted_at: None,
        due_at: None,
        agreement: None,
        signatures: Signatures::Double,
        trust_anchors_pem: None,
        acceptance: Acceptance::ByCoordinator,
        reader: None,
        reviewer: None,
        evidence: Vec::new(),
        series: Vec::new(),
        timeline: Vec::new(),
        report: None,
        reported_at: None,
        versions: Vec::new(),
        waits: Vec::new(),
        amendment: None,
        questions: Vec::new(),
        decision: None,
        earlier_decisions: Vec::new(),
        evidence_updates: Vec::new(),
        attachments: Vec::new(),
        quality: Vec::new(),
        second_of: None,
        open_opinions: Vec::new(),
        open_criticals: 0,
    }
}

/// The rights that a question gives whoever is asked, on record.
pub(crate) fn granting(consult: &Consult) -> Change {
    let granted = |study: &StudyBlock| AuditEntry {
        action: AuditAction::Grant,
        object: format!("study/{}", study.study_instance_uid),
        outcome: AuditOutcome::Success,
        detail: format!("to {} for consult/{}", consult.reading.id, consult.id),
    };
    Change {
        grants: grants(consult).map(GrantChange::Give).collect(),
        audit: consult.studies().map(granted).collect(),
        ..Change::default()
    }
}
