//! Logging in and out, and who I am.

use crate::auth::{Authenticated, SESSION_COOKIE, session_secret};
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::state::{ApiState, SecureCookies};
use access::{Caller, OrganisationKind, Person, Role, Secret, Session};
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use model::{Actor, Scope};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use storage::{AuditAction, AuditEntry, AuditOutcome, StorageError};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

const SESSION_HOURS: i64 = 12;

/// Login name and password.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// Login name; upper and lower case are the same.
    pub login: String,
    /// Password.
    pub password: String,
}

/// An organisation by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OrganisationName {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
}

/// The person who is logged in.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// The person.
    pub person: MePerson,
    /// Their organisation.
    pub organisation: MeOrganisation,
    /// Their roles: `requester`, `reader`, `reviewer`, `coordinator`, `administrator`, …
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
    /// Whether they have a signing key on this node.
    pub can_sign: bool,
    /// Whether the viewer OHIF is at `/ohif` on this node.
    pub has_ohif: bool,
}

/// A person, as shown to themselves.
#[derive(Serialize, ToSchema)]
pub struct MePerson {
    /// Identifier.
    pub id: String,
    /// Login name.
    pub login: String,
    /// Name as printed in reports.
    pub name: String,
    /// Professional title.
    pub title: String,
}

/// The organisation of the person who is logged in.
#[derive(Serialize, ToSchema)]
pub struct MeOrganisation {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// `hospital` or `centre`.
    #[schema(value_type = String)]
    pub kind: OrganisationKind,
}

/// Logs in: sets the session cookie. A wrong password and an unknown login give the same answer in the same time.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = Credentials,
    responses((status = 200, body = Me), (status = 401, body = Problem), (status = 429, body = Problem),
    (status = 503, body = Problem)))]
pub async fn log_in(
    State(state): State<ApiState>,
    connection: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    jar: CookieJar,
    JsonBody(credentials): JsonBody<Credentials>,
) -> Result<(CookieJar, Json<Me>), ApiError> {
    let address: Option<IpAddr> = connection.map(|c| c.0.0.ip());
    let login = credentials.login.trim().to_lowercase();
    let mut keys = vec![format!("login/{login}")];
    keys.extend(address.filter(|a| !a.is_loopback()).map(|a| format!("address/{a}")));
    // Checked with the seat taken, so that many guesses at once do not all pass before the first has failed.
    let seat = state.password_seat().await?;
    state.0.attempts.check(&keys)?;

    let person = match state.0.storage.person_by_login(&login).await {
        Ok(person) => Some(person),
        Err(StorageError::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let phc = person.as_ref().filter(|p| !p.is_disabled).map(|p| p.password_hash.clone());
    let password = Secret::new(credentials.password);
    let is_right = tokio::task::spawn_blocking(move || access::password::verify(&password, phc.as_deref()))
        .await
        .map_err(|_| ApiError::Internal)?
        .map_err(|error| {
            tracing::error!(%error, "a log-in could not be decided");
            ApiError::Unavailable
        })?;
    if !is_right {
        state.0.attempts.failed(&keys);
    }
    drop(seat);
    let Some(person) = person.filter(|_| is_right) else {
        record_login(&state, &Scope::node("login"), address, "", AuditOutcome::Refused).await?;
        return Err(ApiError::Unauthenticated);
    };
    state.0.attempts.succeeded(&keys[0]);

    let secret = Secret::random().map_err(|_| ApiError::Unavailable)?;
    let expires_at = OffsetDateTime::now_utc() + Duration::hours(SESSION_HOURS);
    let session = Session { secret_sha256: secret.sha256(), person: person.id.clone(), expires_at };
    state.0.storage.put_session(&session).await?;
    let caller = Caller::person(&person, address);
    record_login(&state, caller.scope(), address, person.id.as_str(), AuditOutcome::Success).await?;

    let cookie = Cookie::build((SESSION_COOKIE, secret.expose().to_owned()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(state.0.secure_cookies == SecureCookies::Yes)
        .max_age(Duration::hours(SESSION_HOURS));
    Ok((jar.add(cookie), Json(me(&state, &person).await?)))
}

async fn record_login(
    state: &ApiState,
    scope: &Scope,
    address: Option<IpAddr>,
    person: &str,
    outcome: AuditOutcome,
) -> Result<(), ApiError> {
    let mut scope = scope.clone();
    if person.is_empty() {
        scope.actor = Actor::nobody(address);
    }
    let entry = AuditEntry {
        action: AuditAction::Login,
        object: format!("person/{person}"),
        outcome,
        detail: String::new(),
    };
    Ok(state.0.storage.audit(&scope, entry).await?)
}

async fn me(state: &ApiState, person: &Person) -> Result<Me, ApiError> {
    let organisation = state.0.storage.organisation(&person.organisation).await?;
    Ok(Me {
        has_ohif: state.0.ohif_folder.is_some(),
        can_sign: state.0.keystore.can_sign(&Scope::node("session"), &person.id).await?,
        person: MePerson {
            id: person.id.to_string(),
            login: person.login.clone(),
            name: person.name.clone(),
            title: person.title.clone(),
        },
        organisation: MeOrganisation {
            id: organisation.id.to_string(),
            name: organisation.name,
            kind: organisation.kind,
        },
        roles: person.roles.clone(),
    })
}

/// Who is logged in.
#[utoipa::path(get, path = "/api/v1/session", tag = "session",
    responses((status = 200, body = Me), (status = 401, body = Problem)))]
pub async fn who_am_i(State(state): State<ApiState>, auth: Authenticated) -> Result<Json<Me>, ApiError> {
    let person = auth.0.as_person().ok_or(ApiError::Forbidden("a machine's token has no session"))?;
    Ok(Json(me(&state, person).await?))
}

/// Logs out: the session ends at once, wherever its cookie is.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses((status = 204)))]
pub async fn log_out(
    State(state): State<ApiState>,
    headers: HeaderMap,
    auth: Authenticated,
    jar: CookieJar,
) -> Result<(StatusCode, CookieJar), ApiError> {
    if let Some(secret) = session_secret(&headers) {
        state.0.storage.end_session(&secret).await?;
        let entry = AuditEntry {
            action: AuditAction::Logout,
            object: format!("person/{}", auth.0.scope().actor.id),
            outcome: AuditOutcome::Success,
            detail: String::new(),
        };
        state.0.storage.audit(auth.0.scope(), entry).await?;
    }
    Ok((StatusCode::NO_CONTENT, jar.remove(Cookie::build((SESSION_COOKIE, "")).path("/"))))
}
