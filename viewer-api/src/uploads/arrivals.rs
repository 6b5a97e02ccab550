//! What becomes of uploads, and whose they are.

use super::tus::{check_person, parsed, refused};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use model::Sha256;
use model::time_text::{from_unix_ms, rfc3339};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wsi::Particulars;
use wsi::identity::{NamePattern, usual_name_pattern};
use wsi::intake::{Finish, Refusal, State as Progress, Upload};

/// Names of files in one question.
const NAMES_MAX: usize = 200;

/// An upload.
#[derive(Serialize, ToSchema)]
pub struct UploadInfo {
    /// Identifier.
    pub id: String,
    /// The file's name.
    pub name: String,
    /// Bytes in all.
    pub bytes: u64,
    /// Bytes that are durable here.
    pub offset: u64,
    /// What the sender recognises its file by.
    pub fingerprint: String,
    /// `receiving`, `checking`, `importing`, `waiting`, `ready` or `refused`.
    pub state: &'static str,
    /// Of being brought in.
    pub percent: u8,
    /// Why it waits or was refused, as a word.
    #[schema(value_type = Option<Object>)]
    pub refusal: Option<Refusal>,
    /// The slide that it has become.
    pub slide_id: Option<String>,
    /// The study that it is in.
    pub study_instance_uid: Option<String>,
    /// `imported`, `already_there`, `contradicted` (there already, for another patient: it waits for a person), `stored` or
    /// `kept_apart`.
    pub outcome: Option<String>,
    /// When it began (RFC 3339).
    pub created_at: String,
}

/// Uploads, the last begun first.
#[derive(Serialize, ToSchema)]
pub struct UploadList {
    /// The uploads.
    pub uploads: Vec<UploadInfo>,
}

/// What is said when the last byte is here.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishBody {
    /// SHA-256 of the file in hexadecimal, computed by the sender.
    pub sha256: Option<String>,
    /// Whose it is: `patient_name`, `patient_id`, `patient_birth_date`, `patient_sex`, `accession_number`, `specimen_id`,
    /// `container_id`, `block`, `stain`; each may be missing. For DICOM files, which say so themselves, none counts.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub of: Particulars,
    /// The sender was asked whose it is and does not know yet: it is kept as unknown and waits for a person, whatever the
    /// file's name says. Not together with a name or an ID.
    #[serde(default)]
    pub unknown: bool,
    /// Study description.
    pub description: Option<String>,
}

/// Names of files.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamesBody {
    /// At most 200.
    pub names: Vec<String>,
}

/// What the names say.
#[derive(Serialize, ToSchema)]
pub struct ReadNames {
    /// For each name what a form may begin with.
    #[schema(value_type = Vec<Object>)]
    pub found: Vec<Particulars>,
}

async fn info(state: &ApiState, upload: Upload) -> UploadInfo {
    let offset = match upload.state {
        Progress::Receiving => state.0.storage.arriving_offset(upload.id).await.unwrap_or(0),
        _ => upload.bytes,
    };
    let (word, refusal, slide, study, outcome) = match upload.state {
        Progress::Receiving => ("receiving", None, None, None, None),
        Progress::Checking => ("checking", None, None, None, None),
        Progress::Importing => ("importing", None, None, None, None),
        Progress::Waiting { refusal } => ("waiting", Some(refusal), None, None, None),
        Progress::Refused { refusal } => ("refused", Some(refusal), None, None, None),
        Progress::Ready { slide, study, outcome } => ("ready", None, slide, Some(study), Some(outcome)),
    };
    UploadInfo {
        id: upload.id.to_string(),
        name: upload.name,
        bytes: upload.bytes,
        offset,
        fingerprint: upload.fingerprint,
        state: word,
        percent: upload.percent,
        refusal,
        slide_id: slide.map(|id| id.to_string()),
        study_instance_uid: study.map(|uid| uid.to_string()),
        outcome,
        created_at: rfc3339(from_unix_ms(upload.created_at_ms)),
    }
}

/// The caller's own uploads: those that are not finished, and what became of the others.
#[utoipa::path(get, path = "/api/v1/uploads/resumable", tag = "uploads",
    responses((status = 200, body = UploadList), (status = 403, body = Problem)))]
pub async fn list_uploads(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<UploadList>, Response> {
    let caller = auth.require(Right::Store).map_err(ApiError::into_response)?;
    let mut uploads = Vec::new();
    for upload in state.0.intake.own(caller.scope()).await.map_err(refused)? {
        uploads.push(info(&state, upload).await);
    }
    Ok(Json(UploadList { uploads }))
}

/// One of the caller's own uploads.
#[utoipa::path(get, path = "/api/v1/uploads/resumable/{id}", tag = "uploads",
    params(("id" = String, Path, description = "Upload id")),
    responses((status = 200, body = UploadInfo), (status = 404, body = Problem)))]
pub async fn get_upload(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<UploadInfo>, Response> {
    let caller = auth.require(Right::Store).map_err(ApiError::into_response)?;
    let id = parsed(&id).map_err(ApiError::into_response)?;
    let upload = state.0.intake.upload(caller.scope(), id).await.map_err(refused)?;
    Ok(Json(info(&state, upload).await))
}

/// Says that the last byte is here and whose the file is. It is brought in from here on, whoever is still there. The same
/// again is answered the same.
#[utoipa::path(post, path = "/api/v1/uploads/resumable/{id}/finish", tag = "uploads", request_body = FinishBody,
    params(("id" = String, Path, description = "Upload id"),
           ("X-Farsight-Person" = Option<String>, Header, description = "For whom the page sends; 409 `other-person` for another")),
    responses((status = 200, body = UploadInfo), (status = 404, body = Problem), (status = 409, body = Problem),
              (status = 422, body = Problem)))]
pub async fn finish_upload(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<FinishBody>,
) -> Result<Json<UploadInfo>, Response> {
    let caller = auth.require(Right::Store).map_err(ApiError::into_response)?;
    check_person(&headers, caller)?;
    let id = parsed(&id).map_err(ApiError::into_response)?;
    let wrong = |_| ApiError::invalid("sha256", "64 hexadecimal digits are needed").into_response();
    let sha256 = body.sha256.as_deref().map(Sha256::parse).transpose().map_err(wrong)?;
    let finish = Finish { sha256, of: body.of, is_unknown: body.unknown, description: body.description };
    let upload = state.0.intake.finish(caller.scope(), id, finish).await.map_err(refused)?;
    Ok(Json(info(&state, upload).await))
}

/// What names of files say by the pattern that is configured, or by the usual one: for a form, and for a person to check.
#[utoipa::path(post, path = "/api/v1/uploads/names", tag = "uploads", request_body = NamesBody,
    responses((status = 200, body = ReadNames), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn read_names(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(body): JsonBody<NamesBody>,
) -> Result<Json<ReadNames>, ApiError> {
    auth.require(Right::Store)?;
    if body.names.len() > NAMES_MAX {
        return Err(ApiError::invalid("names", "at most 200 at once"));
    }
    let configured = state.0.intake.settings().name_pattern.as_deref();
    let pattern = match configured {
        Some(text) => NamePattern::parse(text).ok(),
        None => usual_name_pattern(),
    };
    let read = |name: &String| {
        let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
        pattern.as_ref().and_then(|pattern| pattern.read(stem)).unwrap_or_default()
    };
    Ok(Json(ReadNames { found: body.names.iter().map(read).collect() }))
}
