//! Signing with a key in the signer's own hands: what it is to sign is handed out, and completed with what it has signed.

use super::reports::hash;
use super::{ConsultDetail, Detail, consult_id, detail, now};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use consult::own_key::OwnQuestion;
use consult::signing::As;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A signature that is wanted.
#[derive(Deserialize, ToSchema)]
pub struct OwnSignRequest {
    /// The version that the person saw.
    pub version: i64,
    /// SHA-256 of the canonical report that was displayed (`preview?key=own`).
    pub canonical_sha256: String,
    /// `sign` as the reader, `review` as the reviewer.
    #[serde(rename = "as")]
    #[schema(value_type = String)]
    pub role: As,
}

/// What the key is to sign. Neither report nor patient is in it.
#[derive(Serialize, ToSchema)]
pub struct OwnSignatureAsked {
    /// Names it when it is completed.
    pub transaction: String,
    /// Base64 of the signed attributes (RFC 5652 §5.4, DER) of the report's detached signature, and of the page's.
    #[schema(value_type = Vec<String>)]
    pub messages: [String; 2],
    /// `ecdsa-p256-sha256`, `ecdsa-p384-sha384`, `rsa-pkcs1-sha256`, `rsa-pss-sha256`.
    pub algorithm: String,
    /// SHA-256 of the registered certificate, hexadecimal.
    pub certificate_sha256: String,
    /// Until when it may be completed.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = "date-time")]
    pub until: time::OffsetDateTime,
}

/// What the key has signed.
#[derive(Deserialize, ToSchema)]
pub struct OwnSignatureMade {
    /// As it was handed out.
    pub transaction: String,
    /// Base64 of the signature values, in the order of the messages; ECDSA as DER (RFC 3279 §2.2.3).
    pub values: Vec<String>,
}

impl From<OwnQuestion> for OwnSignatureAsked {
    fn from(of: OwnQuestion) -> Self {
        Self {
            transaction: of.transaction,
            messages: of.messages.map(|message| BASE64.encode(message)),
            algorithm: of.scheme.name(),
            certificate_sha256: of.certificate_sha256.to_string(),
            until: of.until,
        }
    }
}

/// Hands out what one's own key is to sign, for the reader's or the reviewer's signature over exactly what was displayed. It is to
/// be completed within five minutes; what was handed out for the same consult before can be completed no more.
#[utoipa::path(post, path = "/api/v1/consults/{id}/own-signature", tag = "reports", params(("id" = String, Path)),
    request_body = OwnSignRequest,
    responses((status = 200, body = OwnSignatureAsked), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn begin_own_signature(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<OwnSignRequest>,
) -> Result<Json<OwnSignatureAsked>, ApiError> {
    let (id, hash) = (consult_id(&id)?, hash(&body.canonical_sha256)?);
    let asked = state.0.consults.begin_own(&auth.0, &id, body.role, body.version, &hash, now()).await?;
    Ok(Json(asked.into()))
}

/// Completes it: the values are checked against the registered certificate, and everything else once more. Then the report is
/// signed; otherwise nothing is, and it begins anew.
#[utoipa::path(post, path = "/api/v1/consults/{id}/own-signature/complete", tag = "reports", params(("id" = String, Path)),
    request_body = OwnSignatureMade,
    responses((status = 200, body = ConsultDetail), (status = 403, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn complete_own_signature(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<OwnSignatureMade>,
) -> Detail {
    let values = body.values.iter().map(|text| BASE64.decode(text)).collect::<Result<Vec<_>, _>>();
    let values = values.map_err(|_| ApiError::invalid("values", "base64"))?;
    let id = consult_id(&id)?;
    detail(state.0.consults.complete_own(&auth.0, &id, &body.transaction, values, now()).await)
}
