//! Emergency access (紧急访问): a doctor opens a patient's studies of another organisation that they may not see, for an hour,
//! with a reason, where that organisation allows it; its security officer is told at once and reviews it afterwards.
//!
//! What is opened is granted to a viewer of the access's own, whose name begins with a hyphen and is nobody's: no list, search or page
//! of anybody changes. A request that names one of its studies is answered in that viewer's name, which is how the audit chain marks it.

mod keeping;

pub use keeping::end_emergencies;
pub(crate) use keeping::{Open, caller_of};

use crate::auth::{Authenticated, LoggedIn};
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::security::EmergenciesOverview;
use crate::session::OrganisationName;
use crate::state::ApiState;
use crate::studies::{IDENTITY_REMOVED, Names, text, without_labels};
use access::{Caller, Right};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dataset::tags;
use keeping::{Access, Review, allows, awaited, entry, listed, node, now_ms, spend_attempt, withdraw};
use model::time_text::{from_unix_ms, rfc3339};
use model::{ConsultId, Key, Level, Matching, OrgId, Query, Scope, Uid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use storage::{AuditAction, AuditOutcome, Change, Expected, GrantChange, Put, RecordQuery, Row};
use time::OffsetDateTime;
use utoipa::ToSchema;

const KIND: &str = "emergency";
const SETTING: &str = "emergency-setting";
/// How long it lasts.
pub(crate) const LASTS: Duration = Duration::from_secs(60 * 60);
/// Characters of a reason, and of a note.
const REASON_CHARS: std::ops::RangeInclusive<usize> = 10..=500;
/// Studies of one patient that are opened at once.
const STUDIES_MAX: u32 = 20;

/// By what a patient is named.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub enum NamedBy {
    /// Patient ID (0010,0020).
    PatientId,
    /// Accession number (0008,0050).
    Accession,
}

/// Whose studies are to be opened, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEmergency {
    /// Whose they are.
    pub organisation: String,
    /// By what the patient is named.
    pub by: NamedBy,
    /// The number, exactly.
    pub number: String,
    /// Why, 10 to 500 characters.
    pub reason: String,
}

/// A study that was opened.
#[derive(Serialize, ToSchema)]
pub struct OpenedStudy {
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// `YYYYMMDD`.
    pub study_date: String,
    /// Study description.
    pub description: String,
}

/// What was opened.
#[derive(Serialize, ToSchema)]
pub struct OpenedEmergency {
    /// Identifier.
    pub id: String,
    /// Whose.
    pub organisation: String,
    /// The studies.
    pub studies: Vec<OpenedStudy>,
    /// When it ends (RFC 3339).
    pub until: String,
}

/// An access as it is reviewed.
#[derive(Serialize, ToSchema)]
pub struct EmergencyItem {
    /// Identifier.
    pub id: String,
    /// Name of who opened it.
    pub person_name: String,
    /// For which organisation they acted.
    pub organisation: OrganisationName,
    /// Whose studies.
    pub owner: OrganisationName,
    /// Study Instance UIDs.
    pub studies: Vec<String>,
    /// Why.
    pub reason: String,
    /// When (RFC 3339).
    pub begun_at: String,
    /// When it ends or has ended at the latest (RFC 3339).
    pub until: String,
    /// Whether it is over.
    pub is_ended: bool,
    /// `justified`, `unjustified`, or nothing while it waits.
    pub verdict: Option<&'static str>,
    /// What the reviewer wrote.
    pub note: Option<String>,
    /// Name of the reviewer.
    pub reviewed_by: Option<String>,
    /// When (RFC 3339).
    pub reviewed_at: Option<String>,
}

/// Accesses, newest first.
#[derive(Serialize, ToSchema)]
pub struct EmergencyList {
    /// The accesses.
    pub accesses: Vec<EmergencyItem>,
}

/// Whether others' doctors may open the organisation's studies in an emergency.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmergencySetting {
    /// Off unless somebody has said otherwise.
    pub is_allowed: bool,
}

/// How emergency access stands with an organisation, for its security officer.
pub(crate) async fn overview(state: &ApiState, owner: &OrgId) -> Result<EmergenciesOverview, ApiError> {
    let (waiting, oldest) = awaited(&state.0.storage, owner).await?;
    Ok(EmergenciesOverview {
        is_allowed: allows(&state.0.storage, owner).await?,
        waiting,
        oldest_at: oldest.map(|at| rfc3339(from_unix_ms(at))),
    })
}

/// Organisations that allow it.
#[derive(Serialize, ToSchema)]
pub struct EmergencyHospitals {
    /// The organisations.
    pub organisations: Vec<OrganisationName>,
}

/// A reviewer's verdict.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmergencyReview {
    /// Whether it was right.
    pub is_justified: bool,
    /// In words, at most 500 characters; needed when it was not.
    #[serde(default)]
    pub note: String,
}

async fn item(state: &ApiState, names: &mut Names, one: Access) -> Result<EmergencyItem, ApiError> {
    let is_ended = one.is_ended || one.until_ms <= now_ms();
    let review = one.review;
    Ok(EmergencyItem {
        id: one.id.to_string(),
        person_name: one.person_name,
        organisation: names.of(state, &one.organisation).await?,
        owner: names.of(state, &one.owner).await?,
        studies: one.studies.iter().map(Uid::to_string).collect(),
        reason: one.reason,
        begun_at: rfc3339(from_unix_ms(one.begun_at_ms)),
        until: rfc3339(from_unix_ms(one.until_ms)),
        is_ended,
        verdict: review.as_ref().map(|r| if r.is_justified { "justified" } else { "unjustified" }),
        note: review.as_ref().map(|r| r.note.clone()),
        reviewed_at: review.as_ref().map(|r| rfc3339(from_unix_ms(r.at_ms))),
        reviewed_by: review.map(|r| r.by_name),
    })
}

async fn items(state: &ApiState, all: Vec<Access>) -> Result<Json<EmergencyList>, ApiError> {
    let (mut names, mut accesses) = (Names::default(), Vec::new());
    for one in all {
        accesses.push(item(state, &mut names, one).await?);
    }
    Ok(Json(EmergencyList { accesses }))
}

/// Whether others may open the own organisation's studies in an emergency.
#[utoipa::path(get, path = "/api/v1/emergency/setting", tag = "emergency",
    responses((status = 200, body = EmergencySetting), (status = 403, body = Problem)))]
pub async fn get_emergency_setting(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<EmergencySetting>, ApiError> {
    let caller = auth.require(Right::Secure)?;
    Ok(Json(EmergencySetting { is_allowed: allows(&state.0.storage, caller.organisation()).await? }))
}

/// Says whether they may. It takes a fresh proof.
#[utoipa::path(put, path = "/api/v1/emergency/setting", tag = "emergency", request_body = EmergencySetting,
    responses((status = 200, body = EmergencySetting), (status = 403, body = Problem)))]
pub async fn put_emergency_setting(
    State(state): State<ApiState>,
    who: LoggedIn,
    auth: Authenticated,
    JsonBody(setting): JsonBody<EmergencySetting>,
) -> Result<Json<EmergencySetting>, ApiError> {
    let caller = auth.require(Right::Secure)?;
    who.require_fresh()?;
    let organisation = caller.organisation();
    let word = if setting.is_allowed { "emergency access allowed" } else { "emergency access not allowed" };
    let put = Put {
        kind: SETTING,
        id: organisation.to_string(),
        expected: Expected::Anything,
        body: serde_json::to_value(&setting).map_err(|_| ApiError::Unavailable)?,
        sort: 0,
        keys: vec![("allowed", if setting.is_allowed { "yes" } else { "no" }.to_owned())],
        unique: Vec::new(),
        visible_to: vec![organisation.clone()],
    };
    let object = format!("organisation/{organisation}");
    let audit = vec![entry(AuditAction::Administer, object, AuditOutcome::Success, word)];
    let change = Change { puts: vec![put], audit, ..Change::default() };
    state.0.storage.apply(caller.scope(), change).await?;
    Ok(Json(setting))
}

/// The organisations that allow it, for whoever may ask.
#[utoipa::path(get, path = "/api/v1/emergency/hospitals", tag = "emergency",
    responses((status = 200, body = EmergencyHospitals), (status = 403, body = Problem)))]
pub async fn list_emergency_hospitals(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<EmergencyHospitals>, ApiError> {
    let caller = auth.require_any(&ASKING)?;
    let query = RecordQuery::new(SETTING).with("allowed", "yes");
    let (mut names, mut organisations) = (Names::default(), Vec::new());
    for record in state.0.storage.records(&node(), &query).await? {
        let id = OrgId::parse(&record.id).map_err(|_| ApiError::Unavailable)?;
        if id != *caller.organisation() {
            organisations.push(names.of(&state, &id).await?);
        }
    }
    Ok(Json(EmergencyHospitals { organisations }))
}

/// Doctors.
const ASKING: [Right; 3] = [Right::Read, Right::Review, Right::Ask];

/// The owner's studies of one patient with exactly this number; none when it names several patients.
async fn named_studies(
    state: &ApiState,
    caller: &Caller,
    owner: &OrgId,
    by: NamedBy,
    number: &str,
) -> Result<Vec<(Uid, Row)>, ApiError> {
    let (key, tag) = match by {
        NamedBy::PatientId => (Key::PatientId, tags::PATIENT_ID),
        NamedBy::Accession => (Key::AccessionNumber, tags::ACCESSION_NUMBER),
    };
    let scope = Scope::organisation(caller.scope().actor.clone(), owner.clone()).without_labels();
    let query = Query::new(Level::Study, STUDIES_MAX).with(key, Matching::Single(number.to_owned()));
    let rows = state.0.storage.search(&scope.owned_by(owner.clone()), &query).await?.rows;
    let (mut studies, mut patients) = (Vec::new(), BTreeSet::new());
    for row in without_labels(state, rows).await? {
        let all = row.attributes.tree();
        let is_nobodys = text(&all, IDENTITY_REMOVED) == "YES";
        if row.owner != *owner || text(&all, tag) != number || is_nobodys {
            continue;
        }
        let Ok(study) = Uid::parse(&text(&all, tags::STUDY_INSTANCE_UID)) else { continue };
        patients.insert((text(&all, tags::PATIENT_ID), text(&all, tags::ISSUER_OF_PATIENT_ID)));
        studies.push((study, row));
    }
    if patients.len() > 1 { Ok(Vec::new()) } else { Ok(studies) }
}

/// Opens the studies of one patient of another organisation for an hour. A wrong number, a hospital that does not allow it and one
/// that is not there get the same answer.
#[utoipa::path(post, path = "/api/v1/emergency", tag = "emergency", request_body = NewEmergency,
    responses((status = 201, body = OpenedEmergency), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem)))]
pub async fn open_emergency(
    State(state): State<ApiState>,
    who: LoggedIn,
    auth: Authenticated,
    JsonBody(new): JsonBody<NewEmergency>,
) -> Result<(StatusCode, Json<OpenedEmergency>), ApiError> {
    let caller = auth.require_any(&ASKING)?;
    let (reason, number) = (new.reason.trim(), new.number.trim());
    if !REASON_CHARS.contains(&reason.chars().count()) {
        return Err(ApiError::invalid("reason", "请写明理由，10到500字 / say why, in 10 to 500 characters"));
    }
    if number.is_empty() || number.chars().count() > 64 {
        return Err(ApiError::invalid("number", "请填写号码 / a number is needed"));
    }
    who.require_fresh()?;
    let storage = &state.0.storage;
    spend_attempt(storage, &who.person.id).await?;
    let owner = OrgId::parse(&new.organisation).unwrap_or_else(|_| caller.organisation().clone());
    let studies = named_studies(&state, caller, &owner, new.by, number).await?;
    let is_allowed = allows(storage, &owner).await? && owner != *caller.organisation();
    if studies.is_empty() || !is_allowed {
        let refused = entry(AuditAction::Grant, "emergency".to_owned(), AuditOutcome::Refused, "not there");
        storage.audit(caller.scope(), refused).await?;
        return Err(ApiError::NotFound);
    }
    let now = now_ms();
    let one = Access {
        id: ConsultId::new(),
        person: who.person.id.clone(),
        person_name: who.person.name.clone(),
        organisation: caller.organisation().clone(),
        owner: owner.clone(),
        studies: studies.iter().map(|(study, _)| study.clone()).collect(),
        reason: reason.to_owned(),
        begun_at_ms: now,
        until_ms: now.saturating_add(i64::try_from(state.0.emergency_lasts.as_millis()).unwrap_or(i64::MAX)),
        is_ended: false,
        review: None,
    };
    let said = format!("emergency {}", one.id);
    let objects = one.studies.iter().map(|study| format!("study/{study}"));
    let audit = std::iter::once(format!("emergency/{}", one.id))
        .chain(objects)
        .map(|object| entry(AuditAction::Grant, object, AuditOutcome::Success, &said))
        .collect();
    let grants = one.grants().into_iter().map(GrantChange::Give).collect();
    let mut change = Change { grants, audit, puts: vec![one.put(Expected::Absent)?], ..Change::default() };
    let alarm = state.0.consults.emergency_alarm(&owner, &one.id, OffsetDateTime::now_utc()).await?;
    change.puts.extend(alarm.puts);
    change.events.extend(alarm.events);
    storage.apply_unseen(caller.scope(), change).await?;
    state.0.emergencies.forget();
    let studies = studies.into_iter().map(|(study, row)| {
        let all = row.attributes.tree();
        OpenedStudy {
            study_instance_uid: study.to_string(),
            study_date: text(&all, tags::STUDY_DATE),
            description: text(&all, tags::STUDY_DESCRIPTION),
        }
    });
    let answer = OpenedEmergency {
        id: one.id.to_string(),
        organisation: owner.to_string(),
        studies: studies.collect(),
        until: rfc3339(from_unix_ms(one.until_ms)),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// What the caller has opened, newest first.
#[utoipa::path(get, path = "/api/v1/emergency/mine", tag = "emergency",
    responses((status = 200, body = EmergencyList), (status = 403, body = Problem)))]
pub async fn list_own_emergencies(
    State(state): State<ApiState>,
    who: LoggedIn,
    auth: Authenticated,
) -> Result<Json<EmergencyList>, ApiError> {
    auth.require_any(&ASKING)?;
    items(&state, listed(&state.0.storage, "person", who.person.id.as_str()).await?).await
}

/// What was opened of the own organisation's, newest first, for its security officer.
#[utoipa::path(get, path = "/api/v1/emergency", tag = "emergency",
    responses((status = 200, body = EmergencyList), (status = 403, body = Problem)))]
pub async fn list_emergencies(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<EmergencyList>, ApiError> {
    let caller = auth.require(Right::Secure)?;
    items(&state, listed(&state.0.storage, "owner", caller.organisation().as_str()).await?).await
}

/// Says whether it was right. What was not ends at once.
#[utoipa::path(post, path = "/api/v1/emergency/{id}/review", tag = "emergency", request_body = EmergencyReview,
    params(("id" = String, Path, description = "Identifier")),
    responses((status = 200, body = EmergencyItem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn review_emergency(
    State(state): State<ApiState>,
    who: LoggedIn,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<EmergencyReview>,
) -> Result<Json<EmergencyItem>, ApiError> {
    let caller = auth.require(Right::Secure)?;
    let storage = &state.0.storage;
    let note = body.note.trim();
    if (!body.is_justified && note.is_empty()) || note.chars().count() > *REASON_CHARS.end() {
        return Err(ApiError::invalid("note", "请写明，最多500字 / say why, in at most 500 characters"));
    }
    let record = storage.record(&node(), KIND, &id).await?;
    let mut one: Access = serde_json::from_value(record.body).map_err(|_| ApiError::NotFound)?;
    if one.owner != *caller.organisation() {
        return Err(ApiError::NotFound);
    }
    if one.person == who.person.id {
        return Err(ApiError::Forbidden(
            "自己的紧急访问由别人审核 / somebody else reviews what one has opened",
        ));
    }
    if one.review.is_some() {
        return Err(ApiError::Conflict("已经审核过 / it has been reviewed".to_owned()));
    }
    one.review = Some(Review {
        by: who.person.id.clone(),
        by_name: who.person.name.clone(),
        at_ms: now_ms(),
        is_justified: body.is_justified,
        note: note.to_owned(),
    });
    if !body.is_justified {
        withdraw(storage, &one).await?;
        one.is_ended = true;
    }
    let verdict = if body.is_justified { "justified" } else { "unjustified" };
    let reviewed = entry(AuditAction::Change, format!("emergency/{id}"), AuditOutcome::Success, verdict);
    let puts = vec![one.put(Expected::Version(record.version))?];
    let change = Change { puts, audit: vec![reviewed], ..Change::default() };
    storage.apply_unseen(caller.scope(), change).await?;
    state.0.emergencies.forget();
    Ok(Json(item(&state, &mut Names::default(), one).await?))
}
