//! The certificate of a key in one's own hands: registered, shown, forgotten. The key itself never comes here.

use crate::auth::LoggedIn;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::second_factor::require_code;
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use consult::registered_key::{Elsewhere, RegisteredKey};
use consult::{certificate, cms};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Certificates to be registered.
#[derive(Deserialize, ToSchema)]
pub struct NewSigningCertificate {
    /// Base64 of DER: one's own first, then those of its issuers that the node may not know.
    pub certificates: Vec<String>,
}

/// A registered certificate.
#[derive(Serialize, ToSchema)]
pub struct SigningCertificate {
    /// Name in it.
    pub name: String,
    /// Distinguished name of its subject.
    pub subject: String,
    /// Distinguished name of who issued it.
    pub issuer: String,
    /// Its last moment.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub not_after: Option<OffsetDateTime>,
    /// SHA-256 of it, hexadecimal.
    pub sha256: String,
}

/// What is registered.
#[derive(Serialize, ToSchema)]
pub struct OwnSigningCertificate {
    /// `null` when there is none.
    pub certificate: Option<SigningCertificate>,
}

fn shown(key: &RegisteredKey) -> Result<Json<OwnSigningCertificate>, ApiError> {
    let (chain, own) = (key.chain()?, key.certificate()?);
    let der = chain.first().map(Vec::as_slice).unwrap_or_default();
    Ok(Json(OwnSigningCertificate {
        certificate: Some(SigningCertificate {
            name: certificate::common_name(&own),
            subject: certificate::subject(&own),
            issuer: certificate::issuer(&own),
            not_after: certificate::ends_at(&own),
            sha256: cms::sha256(der).to_string(),
        }),
    }))
}

/// The certificate of the key in one's own hands.
#[utoipa::path(get, path = "/api/v1/session/signing-certificate", tag = "session",
    responses((status = 200, body = OwnSigningCertificate), (status = 401, body = Problem)))]
pub async fn own_certificate(
    State(state): State<ApiState>,
    who: LoggedIn,
) -> Result<Json<OwnSigningCertificate>, ApiError> {
    match state.0.consults.own_certificate(&who.person).await? {
        Some(key) => shown(&key),
        None => Ok(Json(OwnSigningCertificate { certificate: None })),
    }
}

/// Refuses who has not proved of late who they are, and who still has to enrol a second factor.
async fn require_owner(state: &ApiState, who: &LoggedIn) -> Result<(), ApiError> {
    if who.must_enrol {
        return Err(ApiError::SecondFactorNeeded);
    }
    require_code(state, who).await
}

/// Registers it in place of a former one, after a fresh proof of who one is. It is checked as at a signature: name and
/// organisation, path to a trusted authority, revocation, algorithm.
#[utoipa::path(put, path = "/api/v1/session/signing-certificate", tag = "session", request_body = NewSigningCertificate,
    responses((status = 200, body = OwnSigningCertificate), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn register_own_certificate(
    State(state): State<ApiState>,
    who: LoggedIn,
    JsonBody(new): JsonBody<NewSigningCertificate>,
) -> Result<Json<OwnSigningCertificate>, ApiError> {
    require_owner(&state, &who).await?;
    let chain = new.certificates.iter().map(|text| BASE64.decode(text)).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|_| ApiError::invalid("certificates", "base64"))?;
    let key = state.0.consults.register_own(&who.caller, &chain, OffsetDateTime::now_utc()).await?;
    shown(&key)
}

/// Forgets it, after a fresh proof of who one is: nothing is signed with its key any more.
#[utoipa::path(delete, path = "/api/v1/session/signing-certificate", tag = "session",
    responses((status = 204), (status = 403, body = Problem)))]
pub async fn forget_own_certificate(
    State(state): State<ApiState>,
    who: LoggedIn,
) -> Result<StatusCode, ApiError> {
    require_owner(&state, &who).await?;
    state.0.keystore.unregister(who.caller.scope(), &who.person.id, Elsewhere::Own).await?;
    Ok(StatusCode::NO_CONTENT)
}
