//! Signing with a key that a remote service keeps (手机签名): ask, see how far it has come, take it back.

use super::reports::hash;
use super::{consult_id, now};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use consult::phone::{Fault, PhoneSignature, Progress};
use consult::signing::As;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A signature by telephone that is asked for.
#[derive(Deserialize, ToSchema)]
pub struct PhoneSignRequest {
    /// The version that the person saw.
    pub version: i64,
    /// SHA-256 of the canonical report that was displayed (`preview?key=phone`).
    pub canonical_sha256: String,
    /// `sign` as the reader, `review` as the reviewer.
    #[serde(rename = "as")]
    #[schema(value_type = String)]
    pub role: As,
}

/// How far a signature by telephone has come.
#[derive(Serialize, ToSchema)]
pub struct PhoneSignatureStatus {
    /// `sign` or `review`.
    #[serde(rename = "as")]
    #[schema(value_type = String)]
    pub role: As,
    /// `waiting`, `signed`, `refused`, `timed_out`, `cancelled`, `failed`.
    #[schema(value_type = String)]
    pub progress: Progress,
    /// Why nothing was signed: `service_refuses`, `wrong_signature`, `changed`, `not_allowed`, `not_completed`.
    #[schema(value_type = Option<String>)]
    pub fault: Option<Fault>,
    /// What the service is called.
    pub service: String,
    /// Four digits that stand on the telephone, too.
    pub code: String,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    pub asked_at: time::OffsetDateTime,
    /// Until when it is waited for.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    pub until: time::OffsetDateTime,
}

/// One's own signature by telephone of a report.
#[derive(Serialize, ToSchema)]
pub struct PhoneSignatureSeen {
    /// The one that is waited for, or the last; `null` when there was none.
    pub signature: Option<PhoneSignatureStatus>,
}

impl From<PhoneSignature> for PhoneSignatureStatus {
    fn from(of: PhoneSignature) -> Self {
        Self {
            role: of.role,
            progress: of.progress,
            fault: of.fault,
            service: of.service,
            code: of.code,
            asked_at: of.asked_at,
            until: of.until,
        }
    }
}

/// Asks the signer's telephone for the reader's or the reviewer's signature over exactly what was displayed. Asked again while the
/// same is waited for, it gives that.
#[utoipa::path(post, path = "/api/v1/consults/{id}/phone-signature", tag = "reports", params(("id" = String, Path)),
    request_body = PhoneSignRequest,
    responses((status = 202, body = PhoneSignatureStatus), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn ask_phone(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<PhoneSignRequest>,
) -> Result<(StatusCode, Json<PhoneSignatureStatus>), ApiError> {
    let (id, hash) = (consult_id(&id)?, hash(&body.canonical_sha256)?);
    let asked = state.0.consults.ask_phone(&auth.0, &id, body.role, body.version, &hash, now()).await?;
    Ok((StatusCode::ACCEPTED, Json(asked.into())))
}

/// How far one's own signature by telephone of this report has come: the one that is waited for, or the last.
#[utoipa::path(get, path = "/api/v1/consults/{id}/phone-signature", tag = "reports", params(("id" = String, Path)),
    responses((status = 200, body = PhoneSignatureSeen), (status = 404, body = Problem)))]
pub async fn see_phone(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<PhoneSignatureSeen>, ApiError> {
    let seen = state.0.consults.phone_signature(&auth.0, &consult_id(&id)?).await?;
    Ok(Json(PhoneSignatureSeen { signature: seen.map(Into::into) }))
}

/// Takes it back: what the telephone answers counts no more.
#[utoipa::path(delete, path = "/api/v1/consults/{id}/phone-signature", tag = "reports", params(("id" = String, Path)),
    responses((status = 200, body = PhoneSignatureStatus), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn cancel_phone(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<PhoneSignatureStatus>, ApiError> {
    let cancelled = state.0.consults.cancel_phone(&auth.0, &consult_id(&id)?).await?;
    Ok(Json(cancelled.into()))
}
