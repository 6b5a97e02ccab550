//! Verification: of a stored report, and of files that anyone brings.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::StatusCode;
use consult::Verdict;
use model::ConsultId;
use std::time::Duration;
use tokio::time::timeout;
use utoipa::ToSchema;

/// Bytes of one file of a report at most.
const FILE_BYTES_MAX: usize = 20 << 20;
/// For the files of one request to arrive.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(60);
/// For a seat to become free.
const SEAT_TIMEOUT: Duration = Duration::from_secs(5);
/// Signatures in one request at most.
const SIGNATURES_MAX: usize = 4;

/// The largest request body that is read.
pub fn body_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(FILE_BYTES_MAX + (1 << 20))
}

/// Judges the stored report of a consult.
#[utoipa::path(get, path = "/api/v1/consults/{id}/verify", tag = "reports", params(("id" = String, Path)),
    responses((status = 200, description = "The verdicts", body = Object), (status = 404, body = Problem)))]
pub async fn verify_consult(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<Verdict>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let id = ConsultId::parse(&id).map_err(|_| ApiError::NotFound)?;
    Ok(Json(state.0.consults.verify_stored(caller, &id).await?))
}

/// The files to be judged.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct VerifyForm {
    /// The PDF, or the canonical JSON.
    #[schema(content_media_type = "application/octet-stream")]
    report: Vec<u8>,
    /// Detached CMS signatures, when they are not in the PDF.
    #[schema(content_media_type = "application/pkcs7-signature")]
    signature: Vec<Vec<u8>>,
}

/// Judges files that anyone brings; nobody needs to log in, and nothing is kept.
#[utoipa::path(post, path = "/api/v1/verify", tag = "reports",
    request_body(content = VerifyForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "The verdicts", body = Object), (status = 422, body = Problem),
        (status = 503, description = "Too many verifications at once", body = Problem)))]
pub async fn verify_files(State(state): State<ApiState>, form: Multipart) -> Result<Json<Verdict>, ApiError> {
    // A seat before the files are read, so that who waits holds nothing; and who sits must get on.
    let seat = timeout(SEAT_TIMEOUT, state.0.verifications.clone().acquire_owned()).await;
    let seat = seat.ok().and_then(Result::ok).ok_or(ApiError::Unavailable)?;
    let (report, signatures) = timeout(UPLOAD_TIMEOUT, read(form))
        .await
        .map_err(|_| ApiError::invalid("form", "it came too slowly"))??;
    // A task of its own: the work goes on when the client is gone, and keeps its seat until it is done.
    let work = async move {
        let verdict = state.0.consults.verify_upload(report, signatures).await;
        drop(seat);
        verdict
    };
    let verdict = tokio::spawn(work).await.map_err(|_| ApiError::Unavailable)?;
    Ok(Json(verdict?))
}

async fn read(mut form: Multipart) -> Result<(Vec<u8>, Vec<Vec<u8>>), ApiError> {
    let mut report = None;
    let mut signatures = Vec::new();
    loop {
        let field = form.next_field().await.map_err(|error| broken(&error))?;
        let Some(field) = field else { break };
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(|error| broken(&error))?;
        match name.as_str() {
            "report" => report = Some(bytes.to_vec()),
            "signature" if signatures.len() < SIGNATURES_MAX => signatures.push(bytes.to_vec()),
            "signature" => return Err(ApiError::invalid("signature", "too many signatures")),
            _ => return Err(ApiError::invalid("form", "the fields are `report` and `signature`")),
        }
    }
    let report = report.ok_or(ApiError::invalid("report", "drop the report: its PDF, or its JSON"))?;
    Ok((report, signatures))
}

fn broken(error: &axum::extract::multipart::MultipartError) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::TooLarge
    } else {
        ApiError::invalid("form", "the form could not be read")
    }
}
