//! Critical findings (危急值): raising, receiving with read-back, and what an organisation calls critical.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::session::OrganisationName;
use crate::state::ApiState;
use access::{Caller, Right};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use consult::critical::{
    CriticalFindings, CriticalItem, CriticalSettings, Finding, How, NewFinding, Receipt,
};
use model::{ConsultId, OrgId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;
use utoipa::ToSchema;

/// What was found.
#[derive(Deserialize, ToSchema)]
pub struct RaiseCritical {
    /// From the organisation's list, or in words of one's own.
    pub finding: String,
    /// When it was found (RFC 3339); now without it.
    #[serde(default, with = "rfc3339::option")]
    #[schema(value_type = Option<String>)]
    pub found_at: Option<OffsetDateTime>,
    /// A UUID that the sender has made for this finding. Sent again with the same one, because the answer was lost, it is the same
    /// finding, and no second alarm; with other words it is refused (422 `once`).
    #[serde(default)]
    pub once: Option<String>,
}

/// That it was received.
#[derive(Deserialize, ToSchema)]
pub struct AcknowledgeCritical {
    /// What the person who received it understood, in their own words.
    pub read_back: String,
    /// `system` (on this screen), or `telephone`, `in_person` (written down by the reading side).
    #[serde(default = "on_screen")]
    #[schema(value_type = String)]
    pub how: How,
    /// Who received it, when not on the screen.
    #[serde(default)]
    pub received_by: String,
    /// When it was received, when not on the screen (RFC 3339); now without it.
    #[serde(default, with = "rfc3339::option")]
    #[schema(value_type = Option<String>)]
    pub received_at: Option<OffsetDateTime>,
}

fn on_screen() -> How {
    How::System
}

/// That a finding was received.
#[derive(Serialize, ToSchema)]
pub struct CriticalReceipt {
    /// Who received it.
    pub received_by: String,
    /// When.
    #[serde(with = "rfc3339")]
    #[schema(value_type = String)]
    pub received_at: OffsetDateTime,
    /// What they understood.
    pub read_back: String,
    /// `system`, `telephone` or `in_person`.
    #[schema(value_type = String)]
    pub how: How,
    /// Who wrote it down.
    pub recorded_by: String,
}

/// That a finding was raised by mistake.
#[derive(Serialize, ToSchema)]
pub struct CriticalWithdrawal {
    /// Who says so.
    pub by: String,
    /// When.
    #[serde(with = "rfc3339")]
    #[schema(value_type = String)]
    pub at: OffsetDateTime,
    /// Why.
    pub reason: String,
}

/// Why a finding is withdrawn.
#[derive(Deserialize, ToSchema)]
pub struct WithdrawCritical {
    /// For both sides to read.
    pub reason: String,
}

/// A critical finding.
#[derive(Serialize, ToSchema)]
pub struct CriticalFinding {
    /// Counts up from 1 within the consult.
    pub n: u32,
    /// What was found.
    pub finding: String,
    /// When it was found.
    #[serde(with = "rfc3339")]
    #[schema(value_type = String)]
    pub found_at: OffsetDateTime,
    /// Who told it.
    pub told_by: String,
    /// When it was told.
    #[serde(with = "rfc3339")]
    #[schema(value_type = String)]
    pub told_at: OffsetDateTime,
    /// Alarms so far.
    pub alarms: u32,
    /// When the last of them was.
    #[serde(with = "rfc3339")]
    #[schema(value_type = String)]
    pub last_alarm_at: OffsetDateTime,
    /// When the coordinators were told that nobody acknowledges.
    #[serde(with = "rfc3339::option")]
    #[schema(value_type = Option<String>)]
    pub escalated_at: Option<OffsetDateTime>,
    /// When those on call were told so.
    #[serde(with = "rfc3339::option")]
    #[schema(value_type = Option<String>)]
    pub called_at: Option<OffsetDateTime>,
    /// Seconds from telling to being received or withdrawn, or so far.
    pub waited_s: i64,
    /// Who received it; nothing while the alarm stands.
    pub acknowledged: Option<CriticalReceipt>,
    /// That it was raised by mistake: it is no alarm, received or not.
    pub withdrawn: Option<CriticalWithdrawal>,
    /// Whether the caller may withdraw it.
    pub may_withdraw: bool,
}

/// The critical findings of a consult.
#[derive(Serialize, ToSchema)]
pub struct CriticalOfConsult {
    /// The consult.
    pub consult: String,
    /// What people call it.
    pub number: String,
    /// The patient's name.
    pub patient_name: String,
    /// Who must receive them.
    pub requesting: OrganisationName,
    /// Who finds them.
    pub reading: OrganisationName,
    /// The findings, oldest first.
    pub findings: Vec<CriticalFinding>,
}

/// Alarms that stand.
#[derive(Serialize, ToSchema)]
pub struct OpenCritical {
    /// By consult, the oldest alarm first.
    pub consults: Vec<CriticalOfConsult>,
}

/// An item of the list.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct CriticalListItem {
    /// Chinese name, as it is kept.
    pub name: String,
    /// English name; may be empty.
    #[serde(default)]
    pub name_en: String,
}

/// What an organisation calls critical, and how its alarms behave.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CriticalRules {
    /// What readers choose from.
    pub items: Vec<CriticalListItem>,
    /// Minutes after which an alarm that nobody acknowledges is said again.
    pub repeat_min: u32,
    /// Minutes after which the coordinators are told.
    pub escalate_min: u32,
}

fn name(named: consult::Named<OrgId>) -> OrganisationName {
    OrganisationName { id: named.id.to_string(), name: named.name }
}

fn finding(caller: &Caller, reading: &OrgId, finding: Finding, now: OffsetDateTime) -> CriticalFinding {
    CriticalFinding {
        may_withdraw: finding.may_be_withdrawn_by(caller, reading),
        waited_s: finding.waited(now).whole_seconds(),
        n: finding.n,
        finding: finding.finding,
        found_at: finding.found_at,
        told_by: finding.told_by.name,
        told_at: finding.told_at,
        alarms: finding.alarms,
        last_alarm_at: finding.last_alarm_at,
        escalated_at: finding.escalated_at,
        called_at: finding.called_at,
        acknowledged: finding.acknowledged.map(|received| CriticalReceipt {
            received_by: received.received_by,
            received_at: received.received_at,
            read_back: received.read_back,
            how: received.how,
            recorded_by: received.recorded_by.name,
        }),
        withdrawn: finding.withdrawn.map(|withdrawn| CriticalWithdrawal {
            by: withdrawn.by.name,
            at: withdrawn.at,
            reason: withdrawn.reason,
        }),
    }
}

fn of_consult(caller: &Caller, critical: CriticalFindings, now: OffsetDateTime) -> CriticalOfConsult {
    let reading = &critical.reading.id;
    let findings = critical.findings.into_iter().map(|one| finding(caller, reading, one, now)).collect();
    CriticalOfConsult {
        consult: critical.consult.to_string(),
        number: critical.number,
        patient_name: critical.patient_name,
        requesting: name(critical.requesting),
        reading: name(critical.reading),
        findings,
    }
}

impl From<CriticalSettings> for CriticalRules {
    fn from(settings: CriticalSettings) -> Self {
        let item = |item: CriticalItem| CriticalListItem { name: item.name, name_en: item.name_en };
        Self {
            items: settings.items.into_iter().map(item).collect(),
            repeat_min: settings.repeat_min,
            escalate_min: settings.escalate_min,
        }
    }
}

fn consult_id(text: &str) -> Result<ConsultId, ApiError> {
    ConsultId::parse(text).map_err(|_| ApiError::NotFound)
}

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Alarms that stand, of consults that the caller can see.
#[utoipa::path(get, path = "/api/v1/critical", tag = "critical findings",
    responses((status = 200, body = OpenCritical), (status = 403, body = Problem)))]
pub async fn list_open_critical(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<OpenCritical>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let (open, now) = (state.0.consults.open_critical(caller).await?, now());
    Ok(Json(OpenCritical { consults: open.into_iter().map(|one| of_consult(caller, one, now)).collect() }))
}

/// The critical findings of a consult.
#[utoipa::path(get, path = "/api/v1/consults/{id}/critical", tag = "critical findings", params(("id" = String, Path)),
    responses((status = 200, body = CriticalOfConsult), (status = 404, body = Problem)))]
pub async fn get_critical(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<CriticalOfConsult>, ApiError> {
    let caller = auth.require(Right::Search)?;
    Ok(Json(of_consult(caller, state.0.consults.critical(caller, &consult_id(&id)?).await?, now())))
}

/// Raises a critical finding (reader or reviewer), before or after the report. The requesting organisation's screens show
/// it until somebody has acknowledged it.
#[utoipa::path(post, path = "/api/v1/consults/{id}/critical", tag = "critical findings", params(("id" = String, Path)),
    request_body = RaiseCritical,
    responses((status = 201, body = CriticalOfConsult), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn raise_critical(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<RaiseCritical>,
) -> Result<(StatusCode, Json<CriticalOfConsult>), ApiError> {
    let (id, now) = (consult_id(&id)?, now());
    let new = NewFinding { once: body.once, finding: body.finding, found_at: body.found_at };
    let raised = state.0.consults.raise_critical(&auth.0, &id, new, now).await?;
    Ok((StatusCode::CREATED, Json(of_consult(&auth.0, raised, now))))
}

/// Receives a critical finding with a read-back: on the screen (requesting organisation), or as it was told by telephone or
/// in person (written down by the reading side). The first receipt counts; the same one sent again by the same person is
/// answered as it was.
#[utoipa::path(post, path = "/api/v1/consults/{id}/critical/{n}/acknowledge", tag = "critical findings",
    params(("id" = String, Path), ("n" = u32, Path)), request_body = AcknowledgeCritical,
    responses((status = 200, body = CriticalOfConsult), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn acknowledge_critical(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, n)): UrlPath<(String, u32)>,
    JsonBody(body): JsonBody<AcknowledgeCritical>,
) -> Result<Json<CriticalOfConsult>, ApiError> {
    let (id, now) = (consult_id(&id)?, now());
    let receipt = Receipt {
        read_back: body.read_back,
        how: body.how,
        received_by: body.received_by,
        received_at: body.received_at,
    };
    let received = state.0.consults.acknowledge_critical(&auth.0, &id, n, receipt, now).await?;
    Ok(Json(of_consult(&auth.0, received, now)))
}

/// Withdraws a critical finding that was raised by mistake (whoever raised it, or a reviewer), received or not. It stays on record.
#[utoipa::path(post, path = "/api/v1/consults/{id}/critical/{n}/withdraw", tag = "critical findings",
    params(("id" = String, Path), ("n" = u32, Path)), request_body = WithdrawCritical,
    responses((status = 200, body = CriticalOfConsult), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn withdraw_critical(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, n)): UrlPath<(String, u32)>,
    JsonBody(body): JsonBody<WithdrawCritical>,
) -> Result<Json<CriticalOfConsult>, ApiError> {
    let (id, now) = (consult_id(&id)?, now());
    let withdrawn = state.0.consults.withdraw_critical(&auth.0, &id, n, &body.reason, now).await?;
    Ok(Json(of_consult(&auth.0, withdrawn, now)))
}

/// What the caller's organisation calls critical.
#[utoipa::path(get, path = "/api/v1/critical/rules", tag = "critical findings",
    responses((status = 200, body = CriticalRules), (status = 401, body = Problem)))]
pub async fn get_critical_rules(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<CriticalRules>, ApiError> {
    Ok(Json(state.0.consults.critical_settings(auth.0.organisation()).await?.into()))
}

/// Changes what the caller's organisation calls critical (coordinator, administrator).
#[utoipa::path(put, path = "/api/v1/critical/rules", tag = "critical findings", request_body = CriticalRules,
    responses((status = 200, body = CriticalRules), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn put_critical_rules(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(body): JsonBody<CriticalRules>,
) -> Result<Json<CriticalRules>, ApiError> {
    let item = |item: CriticalListItem| CriticalItem { name: item.name, name_en: item.name_en };
    let settings = CriticalSettings {
        items: body.items.into_iter().map(item).collect(),
        repeat_min: body.repeat_min,
        escalate_min: body.escalate_min,
    };
    Ok(Json(state.0.consults.put_critical_settings(&auth.0, settings).await?.into()))
}
