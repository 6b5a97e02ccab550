//! Where somebody is logged in, proving again who they are, a new password, and whom they act for.

use crate::auth::{ClientAddress, LoggedIn};
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::proof::{self, Second};
use crate::request::UrlPath;
use crate::session::{Me, me};
use crate::state::ApiState;
use access::{Factors, Guess, Secret, Session};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::time_text::{from_unix_ms, rfc3339};
use model::{OrgId, Sha256};
use serde::{Deserialize, Serialize};
use storage::StorageError;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Where the person is logged in.
#[derive(Serialize, ToSchema)]
pub struct SessionList {
    /// The sessions, newest first.
    pub sessions: Vec<SessionItem>,
}

/// One session.
#[derive(Serialize, ToSchema)]
pub struct SessionItem {
    /// Identifier; no secret.
    pub id: String,
    /// Whether it is the one that asks.
    pub is_this: bool,
    /// When it began (RFC 3339).
    pub created_at: Option<String>,
    /// When it ends.
    pub expires_at: String,
    /// When it was last used, to the minute.
    pub last_used_at: Option<String>,
    /// Where it began.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub user_agent: String,
    /// `password`, `password_and_code`, `passkey`, `single_sign_on`, `single_sign_on_twice`.
    #[schema(value_type = String)]
    pub factors: Factors,
    /// For whom the person acts in it, when not for their own organisation.
    #[schema(value_type = Option<String>)]
    pub acting_for: Option<OrgId>,
}

async fn item(state: &ApiState, session: Session, this: &Sha256) -> Result<SessionItem, ApiError> {
    let id = session.secret_sha256.to_string();
    let last = state.0.storage.last_use(&id).await?;
    Ok(SessionItem {
        is_this: session.secret_sha256 == *this,
        created_at: session.created_at.map(rfc3339),
        expires_at: rfc3339(session.expires_at),
        last_used_at: last.map(|last| rfc3339(from_unix_ms(last.at_ms))),
        address: session.address.map(|address| address.to_string()),
        user_agent: session.user_agent,
        factors: session.factors,
        acting_for: session.acting_for,
        id,
    })
}

/// The caller's own sessions.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "session",
    responses((status = 200, body = SessionList), (status = 401, body = Problem)))]
pub async fn list_sessions(
    State(state): State<ApiState>,
    who: LoggedIn,
) -> Result<Json<SessionList>, ApiError> {
    let mut all = state.0.storage.sessions_of(&who.person.id).await?;
    all.sort_by_key(|session| std::cmp::Reverse(session.created_at));
    let mut sessions = Vec::with_capacity(all.len());
    for session in all {
        sessions.push(item(&state, session, &who.session.secret_sha256).await?);
    }
    Ok(Json(SessionList { sessions }))
}

/// Ends one of the caller's own sessions.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "session", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn end_session(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
) -> Result<StatusCode, ApiError> {
    let id = Sha256::parse(&id).map_err(|_| ApiError::NotFound)?;
    state.0.storage.end_session_of(who.caller.scope(), &who.person.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all of the caller's own sessions but this one.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "session",
    responses((status = 204), (status = 401, body = Problem)))]
pub async fn end_other_sessions(
    State(state): State<ApiState>,
    who: LoggedIn,
) -> Result<StatusCode, ApiError> {
    let this = &who.session.secret_sha256;
    state.0.storage.end_sessions(who.caller.scope(), &who.person.id, Some(this)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes the caller's own session; one that has ended meanwhile stays ended.
pub async fn amend(state: &ApiState, who: &LoggedIn, how: impl Fn(&mut Session)) -> Result<(), ApiError> {
    match state.0.storage.amend_session(&who.session.secret_sha256, how).await {
        Err(StorageError::NotFound) => Err(ApiError::Unauthenticated),
        other => Ok(other.map(drop)?),
    }
}

/// A proof of who one is: a one-time code of who has a second factor, otherwise the password.
#[derive(Deserialize, ToSchema)]
pub struct Proof {
    /// The password.
    pub password: Option<String>,
    /// A one-time or recovery code.
    pub code: Option<String>,
}

/// Proves again who the caller is: for five minutes, rights and keys can be changed.
#[utoipa::path(post, path = "/api/v1/session/proof", tag = "session", request_body = Proof,
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 422, body = Problem), (status = 429, body = Problem)))]
pub async fn prove(
    State(state): State<ApiState>,
    who: LoggedIn,
    ClientAddress(address): ClientAddress,
    JsonBody(proof): JsonBody<Proof>,
) -> Result<StatusCode, ApiError> {
    let guess = proof::guess_in_session(&who);
    let _seat = state.password_seat().await?;
    proof::check(&state, &guess, Some(&who.person), address).await?;
    let code = proof.code.filter(|code| !code.trim().is_empty());
    let is_by_code = code.is_some();
    let is_good = match (code, proof.password) {
        (Some(code), _) => proof::is_code(&state, &guess, &who.person.id, code.trim()).await?,
        // Who has a second factor proves nothing by the password, which is the first.
        (None, Some(password)) => match proof::second(&state, &who.person.id).await? {
            Second::Nothing => is_own_password(&state, &who, &guess, password).await?,
            Second::Code => {
                return Err(ApiError::invalid(
                    "code",
                    "请输入动态码或恢复码 / a one-time or recovery code, please",
                ));
            }
            Second::Passkey => return Err(ApiError::invalid("code", "请使用通行密钥 / a passkey, please")),
        },
        _ => return Err(ApiError::invalid("password", "密码或动态码 / a password or a one-time code")),
    };
    if !is_good {
        let scope = who.caller.scope();
        state.0.storage.note_refusal(scope, &who.person.id, "proof of identity").await?;
        return Err(ApiError::Forbidden("密码或动态码不对 / the password or code is wrong"));
    }
    state.0.brake().succeeded(&guess);
    proved(&state, &who, is_by_code.then_some(Factors::PasswordAndCode)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps that the person has proved now who they are, and with what if that is more than they had begun with.
pub async fn proved(state: &ApiState, who: &LoggedIn, by: Option<Factors>) -> Result<(), ApiError> {
    let now = OffsetDateTime::now_utc();
    amend(state, who, |session| {
        session.proved_at = Some(now);
        session.factors = by.unwrap_or(session.factors);
    })
    .await
}

async fn is_own_password(
    state: &ApiState,
    who: &LoggedIn,
    guess: &Guess,
    password: String,
) -> Result<bool, ApiError> {
    let phc = Some(who.person.password_hash.clone());
    proof::is_password(state, guess, Secret::new(password), phc).await
}

/// A change of password.
#[derive(Deserialize, ToSchema)]
pub struct NewPassword {
    /// The present one.
    pub current: String,
    /// The new one: 8 to 128 characters, none of the common ones.
    pub password: String,
}

/// Sets a new password and ends the caller's other sessions.
#[utoipa::path(put, path = "/api/v1/session/password", tag = "session", request_body = NewPassword,
    responses((status = 204), (status = 403, body = Problem), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
pub async fn change_password(
    State(state): State<ApiState>,
    who: LoggedIn,
    ClientAddress(address): ClientAddress,
    JsonBody(new): JsonBody<NewPassword>,
) -> Result<StatusCode, ApiError> {
    let guess = proof::guess_in_session(&who);
    let seat = state.password_seat().await?;
    proof::check(&state, &guess, Some(&who.person), address).await?;
    if !is_own_password(&state, &who, &guess, new.current).await? {
        return Err(ApiError::Forbidden("现在的密码不对 / the present password is wrong"));
    }
    // Hashing takes one of its own.
    drop(seat);
    let hash = proof::hash_new(&state, &who.person, Secret::new(new.password)).await?;
    let (storage, scope) = (&state.0.storage, who.caller.scope());
    let set = |person: &mut access::Person| person.password_hash.clone_from(&hash);
    storage.amend_person(scope, &who.person.id, "password changed", set).await?;
    storage.end_sessions(scope, &who.person.id, Some(&who.session.secret_sha256)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// For whom to act.
#[derive(Deserialize, ToSchema)]
pub struct ActingFor {
    /// The person's own organisation, or one that they are a member of.
    pub organisation: String,
}

/// From now on this session acts for another organisation that the person works for.
#[utoipa::path(put, path = "/api/v1/session/acting-for", tag = "session", request_body = ActingFor,
    responses((status = 200, body = Me), (status = 404, body = Problem)))]
pub async fn act_for(
    State(state): State<ApiState>,
    who: LoggedIn,
    JsonBody(wish): JsonBody<ActingFor>,
) -> Result<Json<Me>, ApiError> {
    if who.must_enrol {
        return Err(ApiError::SecondFactorNeeded);
    }
    let organisation = OrgId::parse(&wish.organisation).map_err(|_| ApiError::NotFound)?;
    let kept = state.0.storage.person(&who.person.id).await?;
    let person = kept.acting_for(&organisation).ok_or(ApiError::NotFound)?;
    let acting_for = (organisation != kept.organisation).then_some(organisation);
    amend(&state, &who, |session| session.acting_for.clone_from(&acting_for)).await?;
    Ok(Json(me(&state, &person, who.must_enrol).await?))
}
