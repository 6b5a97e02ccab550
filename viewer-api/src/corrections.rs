//! Corrections of the own organisation's studies, and what was kept apart.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::Uid;
use model::time_text::{from_unix_ms, rfc3339};
use serde::{Deserialize, Serialize};
use storage::{Correction, CorrectionRecord, Reason, ReasonCode};
use utoipa::{IntoParams, ToSchema};

/// Why.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct ReasonBody {
    /// `quality`, `patient_safety`, `incorrect_worklist_entry`, `retention_expired`, `wrong_identity` or `other`.
    #[schema(value_type = String)]
    pub code: ReasonCode,
    /// In words, 1 to 1000 characters.
    pub text: String,
}

impl From<ReasonBody> for Reason {
    fn from(body: ReasonBody) -> Self {
        Self { code: body.code, text: body.text }
    }
}

/// A correction to make.
#[derive(Deserialize, ToSchema)]
pub struct NewCorrection {
    /// What, by `kind`. `identity`: `study`, `attributes` (DICOM JSON; null takes one out). `merge`: `from` and `into`,
    /// patients as `{"id", "issuer"}`. `link`: `one` and `other`. `move`: `study`, `series` (none: all), `to`,
    /// `attributes` when that study is to be made. `hide`: `study`, and `series` or `instances` if not all of it.
    #[schema(value_type = Object)]
    pub correction: Correction,
    /// Why.
    pub reason: ReasonBody,
}

/// A correction as it is kept.
#[derive(Serialize, ToSchema)]
pub struct CorrectionItem {
    /// Identifier.
    pub id: String,
    /// What, as it was asked for; also `delete`.
    #[schema(value_type = Object)]
    pub correction: Correction,
    /// `active` or `undone`; of deletions `running` or `done`; `suspended` while its rejection note is rejected itself.
    pub state: String,
    /// SOP Instance UID of the rejection note (Key Object Selection) that has made it, or that was made of it.
    pub note: Option<String>,
    /// Objects whose pixels or document may show the patient as acquired, which the correction cannot change.
    pub identity_inside: u64,
    /// The same in words, Chinese and English, when there are any.
    pub warning: Option<String>,
    /// Why.
    pub reason: ReasonBody,
    /// Kind and identifier of who made it.
    pub made_by: String,
    /// When (RFC 3339).
    pub made_at: String,
    /// Kind and identifier of who took it back.
    pub undone_by: Option<String>,
    /// When that was (RFC 3339).
    pub undone_at: Option<String>,
    /// Why.
    pub undo_reason: Option<String>,
}

impl From<CorrectionRecord> for CorrectionItem {
    fn from(record: CorrectionRecord) -> Self {
        let warning = record.warning();
        let CorrectionRecord {
            id,
            correction,
            state,
            note,
            identity_inside,
            reason,
            made_by,
            made_at_ms,
            undone,
            ..
        } = record;
        Self {
            id,
            correction,
            state,
            identity_inside,
            warning,
            note: note.map(|note| note.to_string()),
            reason: ReasonBody { code: reason.code, text: reason.text },
            made_by,
            made_at: rfc3339(from_unix_ms(made_at_ms)),
            undone_at: undone.as_ref().map(|u| rfc3339(from_unix_ms(u.at_ms))),
            undo_reason: undone.as_ref().map(|u| u.reason.clone()),
            undone_by: undone.map(|u| u.by),
        }
    }
}

/// Corrections, newest first.
#[derive(Serialize, ToSchema)]
pub struct CorrectionList {
    /// The corrections.
    pub corrections: Vec<CorrectionItem>,
}

/// Which corrections.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CorrectionFilter {
    /// Only those that name this study.
    pub study: Option<String>,
    /// Rows at most (default 100, at most 1000).
    pub limit: Option<u32>,
    /// Rows to skip.
    pub offset: Option<u32>,
}

/// An instance that was kept apart.
#[derive(Serialize, ToSchema)]
pub struct ApartItem {
    /// Series Instance UID.
    pub series_instance_uid: String,
    /// SOP Instance UID, which other content has taken.
    pub sop_instance_uid: String,
    /// SHA-256 of its data set.
    pub sha256: String,
    /// Bytes of its data set.
    pub length: i64,
    /// Why it is kept apart.
    pub reason: String,
    /// Kind and identifier of who sent it.
    pub sender: String,
    /// When (RFC 3339).
    pub received_at: String,
}

/// What was kept apart of a study, oldest first.
#[derive(Serialize, ToSchema)]
pub struct ApartList {
    /// The instances.
    pub instances: Vec<ApartItem>,
}

fn uid(text: &str) -> Result<Uid, ApiError> {
    Uid::parse(text).map_err(|_| ApiError::NotFound)
}

/// Corrections of the caller's organisation.
#[utoipa::path(get, path = "/api/v1/corrections", tag = "corrections", params(CorrectionFilter),
    responses((status = 200, body = CorrectionList), (status = 403, body = Problem)))]
pub async fn list_corrections(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(filter): UrlQuery<CorrectionFilter>,
) -> Result<Json<CorrectionList>, ApiError> {
    let caller = auth.require(Right::Correct)?;
    let study = filter.study.as_deref().map(uid).transpose()?;
    let page = (filter.limit.unwrap_or(100), filter.offset.unwrap_or(0));
    let storage = &state.0.storage;
    let all = storage.corrections(caller.scope(), caller.organisation(), study.as_ref(), page).await?;
    Ok(Json(CorrectionList { corrections: all.into_iter().map(CorrectionItem::from).collect() }))
}

/// Make a correction. What is not the caller's organisation's is not there.
#[utoipa::path(post, path = "/api/v1/corrections", tag = "corrections", request_body = NewCorrection,
    responses((status = 201, body = CorrectionItem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn make_correction(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(new): JsonBody<NewCorrection>,
) -> Result<(StatusCode, Json<CorrectionItem>), ApiError> {
    let caller = auth.require(Right::Correct)?;
    if matches!(new.correction, Correction::Delete(_)) {
        return Err(ApiError::invalid("correction", "deletions are made through DICOMweb"));
    }
    let storage = &state.0.storage;
    let made =
        storage.correct(caller.scope(), caller.organisation(), new.correction, new.reason.into()).await;
    Ok((StatusCode::CREATED, Json(made.map_err(named)?.into())))
}

/// Take a correction back.
#[utoipa::path(post, path = "/api/v1/corrections/{id}/undo", tag = "corrections", request_body = ReasonBody,
    params(("id" = String, Path, description = "Identifier")),
    responses((status = 200, body = CorrectionItem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub async fn undo_correction(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(reason): JsonBody<ReasonBody>,
) -> Result<Json<CorrectionItem>, ApiError> {
    let caller = auth.require(Right::Correct)?;
    let storage = &state.0.storage;
    let undone = storage.undo_correction(caller.scope(), caller.organisation(), &id, reason.into()).await;
    Ok(Json(undone.map_err(named)?.into()))
}

/// Instances of an own study that were kept apart: their UID was taken by other content.
#[utoipa::path(get, path = "/api/v1/studies/{uid}/apart", tag = "corrections",
    params(("uid" = String, Path, description = "Study Instance UID")),
    responses((status = 200, body = ApartList), (status = 403, body = Problem)))]
pub async fn list_apart(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(study): UrlPath<String>,
) -> Result<Json<ApartList>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let all = state.0.storage.apart(caller.scope(), caller.organisation(), &uid(&study)?).await?;
    let instances = all
        .into_iter()
        .map(|one| ApartItem {
            series_instance_uid: one.series,
            sop_instance_uid: one.instance,
            sha256: one.sha256,
            length: one.length,
            reason: one.reason,
            sender: one.sender,
            received_at: rfc3339(from_unix_ms(one.received_at_ms)),
        })
        .collect();
    Ok(Json(ApartList { instances }))
}

/// What storage refuses of a correction is a fault of the request's body.
fn named(error: storage::StorageError) -> ApiError {
    match error {
        storage::StorageError::Refused(refused) => ApiError::invalid("correction", &refused.to_string()),
        other => other.into(),
    }
}
