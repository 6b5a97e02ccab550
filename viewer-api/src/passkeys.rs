//! Passkeys: registered by who is logged in, proved to log in without a password or to prove again who one is.

use crate::auth::{ClientAddress, LoggedIn};
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::proof::{self, Second};
use crate::request::UrlPath;
use crate::second_factor::{nothing_left, require_code};
use crate::session::{Me, enter, record_login};
use crate::sessions::{amend, proved};
use crate::sign_on::no_way_in;
use crate::state::ApiState;
use access::passkey::{NAME_CHARS_MAX, PASSKEYS_MAX, Proof};
use access::{Factors, Guess, Passkey, PasskeyError, Passkeys, Person};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum_extra::extract::CookieJar;
use model::Sha256;
use model::time_text::rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::IpAddr;
use storage::{AuditOutcome, StorageError};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// The passkeys of an account.
#[derive(Serialize, ToSchema)]
pub struct PasskeyList {
    /// The domain that they are bound to; nothing when this node has none, because people reach it at a bare address or
    /// without TLS.
    pub domain: Option<String>,
    /// The passkeys, oldest first.
    pub passkeys: Vec<PasskeyItem>,
}

/// A passkey.
#[derive(Serialize, ToSchema)]
pub struct PasskeyItem {
    /// Identifier; no secret.
    pub id: String,
    /// What the person calls it.
    pub name: String,
    /// When it was registered (RFC 3339).
    pub created_at: String,
    /// When it was proved last.
    pub last_used_at: Option<String>,
}

/// What the browser made.
#[derive(Deserialize, ToSchema)]
pub struct NewPasskey {
    /// What the person calls it.
    pub name: String,
    /// `PublicKeyCredential.toJSON()`.
    #[schema(value_type = Object)]
    pub credential: Value,
}

/// What the browser answers.
#[derive(Deserialize, ToSchema)]
pub struct PasskeyProof {
    /// `PublicKeyCredential.toJSON()`.
    #[schema(value_type = Object)]
    pub credential: Value,
}

impl From<PasskeyError> for ApiError {
    fn from(error: PasskeyError) -> Self {
        match error {
            PasskeyError::Busy => Self::Unavailable,
            PasskeyError::TooMany { retry_after_s } => Self::TooManyAttempts { retry_after_s },
            PasskeyError::Malformed => {
                Self::invalid("credential", "不是通行密钥的应答 / this is no answer of an authenticator")
            }
            PasskeyError::Challenge => Self::PasskeyRefused,
            PasskeyError::Refused(why) => {
                tracing::info!(why, "a passkey was refused");
                Self::PasskeyRefused
            }
        }
    }
}

fn here(state: &ApiState) -> Result<&Passkeys, ApiError> {
    state.0.passkeys.as_ref().ok_or(ApiError::Forbidden(
        "本节点的访问地址不支持通行密钥，需要域名和 HTTPS / passkeys need a host name and HTTPS",
    ))
}

fn item(passkey: Passkey) -> PasskeyItem {
    PasskeyItem {
        id: passkey.id.to_string(),
        name: passkey.name,
        created_at: rfc3339(passkey.created_at),
        last_used_at: passkey.last_used_at.map(rfc3339),
    }
}

/// The caller's own passkeys.
#[utoipa::path(get, path = "/api/v1/session/passkeys", tag = "session",
    responses((status = 200, body = PasskeyList), (status = 401, body = Problem)))]
pub async fn list_passkeys(
    State(state): State<ApiState>,
    who: LoggedIn,
) -> Result<Json<PasskeyList>, ApiError> {
    let mut passkeys = state.0.storage.passkeys_of(&who.person.id).await?;
    passkeys.sort_by_key(|passkey| passkey.created_at);
    Ok(Json(PasskeyList {
        domain: state.0.passkeys.as_ref().map(|passkeys| passkeys.domain().to_owned()),
        passkeys: passkeys.into_iter().map(item).collect(),
    }))
}

/// Begins to register a passkey: what `PublicKeyCredential.parseCreationOptionsFromJSON` takes. It is to be answered within
/// two minutes.
#[utoipa::path(post, path = "/api/v1/session/passkeys/begin", tag = "session",
    responses((status = 200, body = Object), (status = 403, body = Problem), (status = 409, body = Problem),
    (status = 429, body = Problem)))]
pub async fn begin_passkey(
    State(state): State<ApiState>,
    ClientAddress(address): ClientAddress,
    who: LoggedIn,
) -> Result<Json<Value>, ApiError> {
    let passkeys = here(&state)?;
    require_code(&state, &who).await?;
    let known = state.0.storage.passkeys_of(&who.person.id).await?;
    if known.len() >= PASSKEYS_MAX {
        return Err(ApiError::Conflict(
            "通行密钥太多，先移除不用的 / too many: remove some first".to_owned(),
        ));
    }
    Ok(Json(passkeys.begin_registration(&who.person, &known, address)?))
}

/// Keeps the passkey that the browser has made. From now on the password alone does not log in; when it is the first that the
/// account takes besides, the other sessions have ended.
#[utoipa::path(post, path = "/api/v1/session/passkeys", tag = "session", request_body = NewPasskey,
    responses((status = 201, body = PasskeyItem), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn add_passkey(
    State(state): State<ApiState>,
    who: LoggedIn,
    JsonBody(new): JsonBody<NewPasskey>,
) -> Result<(StatusCode, Json<PasskeyItem>), ApiError> {
    let passkeys = here(&state)?;
    require_code(&state, &who).await?;
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(ApiError::invalid("name", "名称为1到64个字符 / a name has 1 to 64 characters"));
    }
    let now = OffsetDateTime::now_utc();
    let passkey = passkeys.finish_registration(&who.person.id, name, &new.credential, now)?;
    let (storage, scope) = (&state.0.storage, who.caller.scope());
    let former = proof::second(&state, &who.person.id).await?;
    storage.add_passkey(scope, &passkey).await.map_err(|error| match error {
        StorageError::Conflict(_) => {
            ApiError::Conflict("这个通行密钥已经登记 / this passkey is registered already".to_owned())
        }
        other => other.into(),
    })?;
    if former == Second::Nothing {
        // Sessions that were begun with the password alone end: whoever has that could take the passkey off again.
        storage.end_sessions(scope, &who.person.id, Some(&who.session.secret_sha256)).await?;
    }
    amend(&state, &who, |session| {
        session.proved_at = Some(now);
        session.factors = if session.factors.are_two() { session.factors } else { Factors::Passkey };
    })
    .await?;
    Ok((StatusCode::CREATED, Json(item(passkey))))
}

/// Removes one of the caller's passkeys.
#[utoipa::path(delete, path = "/api/v1/session/passkeys/{id}", tag = "session", params(("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem)))]
pub async fn remove_passkey(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
) -> Result<StatusCode, ApiError> {
    require_code(&state, &who).await?;
    let id = Sha256::parse(&id).map_err(|_| ApiError::NotFound)?;
    if who.person.password_hash.is_empty() {
        let storage = &state.0.storage;
        let is_other = |passkey: &Passkey| passkey.id != id;
        let others = storage.passkeys_of(&who.person.id).await?.iter().any(is_other);
        if !others && storage.sign_ons_of(&who.person.id).await?.is_empty() {
            return Err(no_way_in());
        }
    }
    state.0.storage.remove_passkey(who.caller.scope(), &who.person.id, &id).await?;
    nothing_left(&state, &who).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for a proof by a passkey: what `PublicKeyCredential.parseRequestOptionsFromJSON` takes. It names no account, and is
/// good once and for two minutes.
#[utoipa::path(post, path = "/api/v1/session/passkey/begin", tag = "session",
    responses((status = 200, body = Object), (status = 403, body = Problem), (status = 429, body = Problem)))]
pub async fn begin_proof(
    State(state): State<ApiState>,
    ClientAddress(address): ClientAddress,
) -> Result<Json<Value>, ApiError> {
    let passkeys = here(&state)?;
    proof::check(&state, &Guess::from_place(address), None, address).await?;
    Ok(Json(passkeys.begin_proof(address)?))
}

/// The passkey that has answered, if its answer is good. A wrong one is counted under the guess; who is logged in already is
/// `whoever` it is counted against.
async fn proved_passkey(
    state: &ApiState,
    answer: &Value,
    guess: &Guess,
    whoever: Option<&Person>,
    address: Option<IpAddr>,
) -> Result<Passkey, ApiError> {
    let passkeys = here(state)?;
    proof::check(state, guess, whoever, address).await?;
    let proof = Proof::parse(answer)?;
    let now = OffsetDateTime::now_utc();
    let decide = |passkey: &mut Passkey| passkeys.finish_proof(&proof, passkey, now);
    match state.0.storage.use_passkey(&proof.passkey(), decide).await? {
        Ok(passkey) => Ok(passkey),
        Err(why) => {
            state.0.brake().failed(guess);
            let known = state.0.storage.passkey(&proof.passkey()).await.ok();
            let whose = match known {
                Some(known) => state.0.storage.person(&known.person).await.ok(),
                None => None,
            };
            record_login(state, whose.as_ref(), address, AuditOutcome::Refused, "passkey").await?;
            Err(why.map_or(ApiError::PasskeyRefused, ApiError::from))
        }
    }
}

/// Logs in by a passkey alone: it is two factors at once.
#[utoipa::path(post, path = "/api/v1/session/passkey", tag = "session", request_body = PasskeyProof,
    responses((status = 200, body = Me), (status = 401, body = Problem), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
pub async fn log_in_by_passkey(
    State(state): State<ApiState>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    jar: CookieJar,
    JsonBody(proof): JsonBody<PasskeyProof>,
) -> Result<(CookieJar, Json<Me>), ApiError> {
    let guess = Guess::from_place(address);
    let passkey = proved_passkey(&state, &proof.credential, &guess, None, address).await?;
    let person = state.0.storage.person(&passkey.person).await.map_err(|_| ApiError::PasskeyRefused)?;
    if person.is_disabled {
        record_login(&state, Some(&person), address, AuditOutcome::Refused, "disabled").await?;
        return Err(ApiError::PasskeyRefused);
    }
    enter(&state, &person, Factors::Passkey, address, &headers, jar).await
}

/// Proves again who the caller is, by one of their passkeys: for five minutes, rights and keys can be changed.
#[utoipa::path(post, path = "/api/v1/session/proof/passkey", tag = "session", request_body = PasskeyProof,
    responses((status = 204), (status = 401, body = Problem), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
pub async fn prove_by_passkey(
    State(state): State<ApiState>,
    ClientAddress(address): ClientAddress,
    who: LoggedIn,
    JsonBody(proof): JsonBody<PasskeyProof>,
) -> Result<StatusCode, ApiError> {
    let guess = proof::guess_in_session(&who);
    let passkey = proved_passkey(&state, &proof.credential, &guess, Some(&who.person), address).await?;
    if passkey.person != who.person.id {
        state.0.storage.note_refusal(who.caller.scope(), &who.person.id, "proof of identity").await?;
        return Err(ApiError::Forbidden("这是别人的通行密钥 / this passkey is somebody else's"));
    }
    state.0.brake().succeeded(&guess);
    proved(&state, &who, Some(Factors::Passkey)).await?;
    Ok(StatusCode::NO_CONTENT)
}
