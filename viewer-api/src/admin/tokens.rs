//! Bearer tokens of machines: rights of machines are the security officer's.

use super::{looked_after, require, required};
use crate::auth::LoggedIn;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::state::ApiState;
use access::{Right, Secret, Token};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::time_text::{from_unix_ms, rfc3339};
use model::{Sha256, TokenId};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

/// Days that a token made here is good for at most.
const DAYS_MAX: u32 = 365;
/// Characters of what a token is for at most.
const PURPOSE_CHARS_MAX: usize = 64;

/// Tokens of an organisation.
#[derive(Serialize, ToSchema)]
pub struct TokenList {
    /// The tokens, newest first.
    pub tokens: Vec<TokenItem>,
}

/// A token, without its secret, which nobody has but the machine.
#[derive(Serialize, ToSchema)]
pub struct TokenItem {
    /// Identifier.
    pub id: String,
    /// What it is for.
    pub purpose: String,
    /// What it may do.
    #[schema(value_type = Vec<String>)]
    pub rights: Vec<Right>,
    /// When it was made (RFC 3339).
    pub created_at: Option<String>,
    /// When it ends; never when absent.
    pub expires_at: Option<String>,
    /// When it was revoked.
    pub revoked_at: Option<String>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<String>,
    /// From where.
    pub last_used_from: Option<String>,
    /// SHA-256 of the certificate that the machine must show in the TLS handshake (RFC 8705 §3); none is asked for when absent.
    pub certificate_sha256: Option<String>,
    /// Whether it is good now.
    pub is_good: bool,
}

/// A token to be made.
#[derive(Deserialize, ToSchema)]
pub struct NewToken {
    /// An organisation that the caller's looks after.
    pub organisation: String,
    /// What it is for.
    pub purpose: String,
    /// `store`, `search`, `retrieve`, `see_labels`, `correct`, `delete`.
    #[schema(value_type = Vec<String>)]
    pub rights: Vec<Right>,
    /// Days until it ends: 1 to 365.
    pub days: u32,
    /// The machine's certificate (PEM) or its SHA-256 (of the DER, 64 hexadecimal digits): the token is good then only over a
    /// TLS connection of this node's own listener in which that certificate was shown.
    #[serde(default)]
    pub certificate: Option<String>,
}

/// A new token with its secret, shown once.
#[derive(Serialize, ToSchema)]
pub struct MadeToken {
    /// The token.
    #[serde(flatten)]
    pub token: TokenItem,
    /// What the machine sends as `Authorization: Bearer`.
    pub secret: String,
}

async fn item(state: &ApiState, token: Token) -> Result<TokenItem, ApiError> {
    let last = state.0.storage.last_use(token.id.as_str()).await?;
    Ok(TokenItem {
        is_good: token.is_good_at(OffsetDateTime::now_utc()),
        id: token.id.to_string(),
        purpose: token.purpose,
        rights: token.rights,
        created_at: token.created_at.map(rfc3339),
        expires_at: token.expires_at.map(rfc3339),
        revoked_at: token.revoked_at.map(rfc3339),
        certificate_sha256: token.certificate_sha256.map(|certificate| certificate.to_string()),
        last_used_at: last.as_ref().map(|last| rfc3339(from_unix_ms(last.at_ms))),
        last_used_from: last.and_then(|last| last.address).map(|address| address.to_string()),
    })
}

/// The tokens of an organisation.
#[utoipa::path(get, path = "/api/v1/admin/tokens", tag = "admin", params(super::people::PeopleFilter),
    responses((status = 200, body = TokenList), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn list_tokens(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlQuery(filter): UrlQuery<super::people::PeopleFilter>,
) -> Result<Json<TokenList>, ApiError> {
    require(&who, &[Right::Secure])?;
    let own = who.caller.organisation().to_string();
    let organisation = looked_after(&state, &who, filter.organisation.as_deref().unwrap_or(&own)).await?;
    let mut found = state.0.storage.tokens(&organisation.id).await?;
    found.sort_by_key(|token| std::cmp::Reverse(token.created_at));
    let mut tokens = Vec::with_capacity(found.len());
    for token in found {
        tokens.push(item(&state, token).await?);
    }
    Ok(Json(TokenList { tokens }))
}

/// SHA-256 of a certificate that is given whole or by it.
fn fingerprint(certificate: &str) -> Result<Sha256, ApiError> {
    let text = certificate.trim();
    Sha256::parse(text)
        .ok()
        .or_else(|| pacs::dimse::tls::certificate_sha256(text.as_bytes()).ok())
        .ok_or_else(|| {
            ApiError::invalid(
                "certificate",
                "不是证书（PEM）或其SHA-256 / neither a certificate (PEM) nor its SHA-256",
            )
        })
}

/// Makes a token; its secret is shown this once.
#[utoipa::path(post, path = "/api/v1/admin/tokens", tag = "admin", request_body = NewToken,
    responses((status = 201, body = MadeToken), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 422, body = Problem)))]
pub async fn create_token(
    State(state): State<ApiState>,
    who: LoggedIn,
    JsonBody(new): JsonBody<NewToken>,
) -> Result<(StatusCode, Json<MadeToken>), ApiError> {
    require(&who, &[Right::Secure])?;
    let organisation = looked_after(&state, &who, &new.organisation).await?;
    if new.rights.is_empty() || !new.rights.iter().all(|right| Token::RIGHTS.contains(right)) {
        return Err(ApiError::invalid("rights", "令牌不能有这种权限 / a machine cannot have such a right"));
    }
    organisation.check_rights("rights", &new.rights)?;
    if !(1..=DAYS_MAX).contains(&new.days) {
        return Err(ApiError::invalid("days", "有效期为1到365天 / 1 to 365 days"));
    }
    let purpose = required("purpose", &new.purpose, PURPOSE_CHARS_MAX)?;
    let certificate_sha256 = new.certificate.as_deref().map(fingerprint).transpose()?;
    who.require_fresh()?;
    let (now, secret) = (OffsetDateTime::now_utc(), Secret::random().map_err(|_| ApiError::Unavailable)?);
    let token = Token {
        purpose,
        certificate_sha256,
        created_at: Some(now),
        expires_at: Some(now.saturating_add(Duration::days(new.days.into()))),
        ..Token::new(TokenId::new(), secret.sha256(), organisation.id, new.rights)
    };
    state.0.storage.put_token(who.caller.scope(), &token).await?;
    let made = MadeToken { token: item(&state, token).await?, secret: secret.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Revokes a token: it is good no longer, here at once and on other nodes within five seconds. It stays in the list.
#[utoipa::path(delete, path = "/api/v1/admin/tokens/{id}", tag = "admin", params(("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn revoke_token(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
) -> Result<StatusCode, ApiError> {
    require(&who, &[Right::Secure])?;
    let id = TokenId::parse(&id).map_err(|_| ApiError::NotFound)?;
    let token = state.0.storage.token(&id).await?;
    looked_after(&state, &who, token.organisation.as_str()).await?;
    who.require_fresh()?;
    let revoked_at = token.revoked_at.or_else(|| Some(OffsetDateTime::now_utc()));
    state.0.storage.put_token(who.caller.scope(), &Token { revoked_at, ..token }).await?;
    Ok(StatusCode::NO_CONTENT)
}
