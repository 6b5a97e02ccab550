//! Logging in and out, and who I am.

use crate::auth::{ClientAddress, LoggedIn, SESSION_COOKIE, session_secret};
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::proof::{self, Second};
use crate::state::{ApiState, SecureCookies};
use crate::studies::Names;
use access::{Caller, Factors, Guess, OrganisationKind, Person, Role, Secret, Session};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use consult::certificate;
use consult::registered_key::Elsewhere;
use model::{Actor, Scope};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use storage::{AuditAction, AuditEntry, AuditOutcome, StorageError};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

const SESSION_HOURS: i64 = 12;
/// How long a browser is known in which somebody has logged in.
const BROWSER_DAYS: i64 = 180;
/// Characters that are kept of what a browser calls itself.
const USER_AGENT_CHARS_MAX: usize = 160;

/// Login name and password.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// Login name; upper and lower case are the same.
    pub login: String,
    /// Password.
    pub password: String,
    /// One-time or recovery code, for an account with a second factor.
    pub code: Option<String>,
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
    /// Whether they have a signing key on this node with which they sign for this organisation.
    pub can_sign: bool,
    /// Why they do not although there is a key: its certificate names somebody else, or them at another organisation. Its subject.
    pub signing_key_of: Option<String>,
    /// Whether a remote signing service asks their telephone for signatures.
    pub can_sign_by_phone: bool,
    /// Whether the certificate of a key in their own hands is registered.
    pub can_sign_with_own_key: bool,
    /// Whether the viewer OHIF is at `/ohif` on this node.
    pub has_ohif: bool,
    /// For whom they may act, when there is a choice; their own first.
    pub organisations: Vec<OrganisationName>,
    /// Whether their role takes a second factor and they have none: until they enrol, nothing else is open to them.
    pub must_enrol_second_factor: bool,
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
    /// `hospital`, `centre` or `collection`.
    #[schema(value_type = String)]
    pub kind: OrganisationKind,
}

/// Logs in: sets the session cookie. A wrong password and an unknown login give the same answer in the same time. An
/// account with a second factor is asked for its code when the password is right (`code-needed`), or for a passkey when it has
/// nothing else (`passkey-needed`).
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = Credentials,
    responses((status = 200, body = Me), (status = 401, body = Problem), (status = 429, body = Problem),
    (status = 503, body = Problem)))]
pub async fn log_in(
    State(state): State<ApiState>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    jar: CookieJar,
    JsonBody(credentials): JsonBody<Credentials>,
) -> Result<(CookieJar, Json<Me>), ApiError> {
    let login = credentials.login.trim().to_lowercase();
    let person = match state.0.storage.person_by_login(&login).await {
        Ok(person) => Some(person),
        Err(StorageError::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let guess = proof::guess(&state, &login, person.as_ref().map(|p| &p.id), address, &headers).await?;
    let seat = state.password_seat().await?;
    proof::check(&state, &guess, person.as_ref(), address).await?;
    let phc = person.as_ref().filter(|p| !p.is_disabled).map(|p| p.password_hash.clone());
    let is_right = proof::is_password(&state, &guess, Secret::new(credentials.password), phc).await?;
    let Some(person) = person.as_ref().filter(|_| is_right) else {
        record_login(&state, person.as_ref(), address, AuditOutcome::Refused, "password").await?;
        return Err(ApiError::Unauthenticated);
    };
    let factors = second_factor(&state, &guess, person, credentials.code.as_deref(), address).await?;
    state.0.brake().succeeded(&guess);
    drop(seat);
    enter(&state, person, factors, address, &headers, jar).await
}

/// Begins a session of somebody who has proved who they are.
pub async fn enter(
    state: &ApiState,
    person: &Person,
    factors: Factors,
    address: Option<IpAddr>,
    headers: &HeaderMap,
    jar: CookieJar,
) -> Result<(CookieJar, Json<Me>), ApiError> {
    let secret = Secret::random().map_err(|_| ApiError::Unavailable)?;
    let length = Duration::hours(SESSION_HOURS);
    let session = Session {
        address,
        factors,
        user_agent: browser(headers),
        ..Session::begin(secret.sha256(), person.id.clone(), OffsetDateTime::now_utc(), length)
    };
    state.0.storage.put_session(&session).await?;
    record_login(state, Some(person), address, AuditOutcome::Success, factors_word(factors)).await?;
    // Of a browser that many share, each who logs in keeps the secret that it has.
    let browser = jar.get(proof::BROWSER_COOKIE).map(|cookie| Secret::new(cookie.value().to_owned()));
    let browser = browser.filter(Secret::is_shaped_as_random);
    let is_known = match &browser {
        Some(browser) => state.0.storage.knows_browser(browser, &person.id).await?,
        None => false,
    };
    let mut jar = jar.add(cookie(state, SESSION_COOKIE, secret.expose().to_owned(), length));
    if !is_known {
        let browser = browser.map_or_else(Secret::random, Ok).map_err(|_| ApiError::Unavailable)?;
        state.0.storage.know_browser(&browser, &person.id).await?;
        let length = Duration::days(BROWSER_DAYS);
        jar = jar.add(cookie(state, proof::BROWSER_COOKIE, browser.expose().to_owned(), length));
    }
    let must_enrol = !factors.are_two() && state.0.login_rules.takes_second_factor(person);
    Ok((jar, Json(me(state, person, must_enrol).await?)))
}

/// A cookie of this node's pages alone.
pub fn cookie(state: &ApiState, name: &'static str, value: String, length: Duration) -> Cookie<'static> {
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(state.0.secure_cookies == SecureCookies::Yes)
        .max_age(length)
        .build()
}

/// Asks for what somebody takes besides the password that was right.
async fn second_factor(
    state: &ApiState,
    guess: &Guess,
    person: &Person,
    code: Option<&str>,
    address: Option<IpAddr>,
) -> Result<Factors, ApiError> {
    match proof::second(state, &person.id).await? {
        Second::Nothing => return Ok(Factors::Password),
        Second::Passkey => return Err(ApiError::PasskeyNeeded),
        Second::Code => {}
    }
    let code = code.map(str::trim).filter(|code| !code.is_empty()).ok_or(ApiError::CodeNeeded)?;
    if proof::is_code(state, guess, &person.id, code).await? {
        return Ok(Factors::PasswordAndCode);
    }
    record_login(state, Some(person), address, AuditOutcome::Refused, "code").await?;
    Err(ApiError::CodeRefused)
}

fn factors_word(factors: Factors) -> &'static str {
    match factors {
        Factors::Password => "",
        Factors::PasswordAndCode => "second factor",
        Factors::Passkey => "passkey",
        Factors::SingleSignOn => "single sign-on",
        Factors::SingleSignOnTwice => "single sign-on, two factors",
    }
}

/// What the browser calls itself, so that its owner knows it again.
fn browser(headers: &HeaderMap) -> String {
    let text = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.chars().take(USER_AGENT_CHARS_MAX).collect()
}

/// Puts a log-in on the audit chain. A refused one is by nobody, and filed under the organisation of the account that was
/// tried, whose auditor is to see it; under the node alone when there is no such account.
pub async fn record_login(
    state: &ApiState,
    person: Option<&Person>,
    address: Option<IpAddr>,
    outcome: AuditOutcome,
    detail: &str,
) -> Result<(), ApiError> {
    let scope = match person {
        Some(person) if outcome == AuditOutcome::Success => Caller::person(person, address).scope().clone(),
        Some(person) => Scope::organisation(Actor::nobody(address), person.organisation.clone()),
        None => Scope { actor: Actor::nobody(address), ..Scope::node("login") },
    };
    let entry = AuditEntry {
        action: AuditAction::Login,
        object: format!("person/{}", person.map(|p| p.id.to_string()).unwrap_or_default()),
        outcome,
        detail: detail.to_owned(),
    };
    Ok(state.0.storage.audit(&scope, entry).await?)
}

/// What a person is told of themselves.
pub async fn me(state: &ApiState, person: &Person, must_enrol: bool) -> Result<Me, ApiError> {
    let organisation = state.0.storage.organisation(&person.organisation).await?;
    let mut names = Names::default();
    let mut organisations = Vec::new();
    if !person.memberships.is_empty() {
        // As the person acts now, their organisation may be one of the others: home is in what is kept.
        let home = state.0.storage.person(&person.id).await?.organisation;
        for id in std::iter::once(&home).chain(person.memberships.iter().map(|m| &m.organisation)) {
            organisations.push(names.of(state, id).await?);
        }
    }
    let key = state.0.keystore.certificate(&person.id).await?;
    let is_theirs = key.as_ref().is_some_and(|key| certificate::is_of(key, &person.name, &organisation.name));
    Ok(Me {
        organisations,
        must_enrol_second_factor: must_enrol,
        has_ohif: state.0.ohif_folder.is_some(),
        can_sign_by_phone: state.0.consults.signs_by_phone(person).await?,
        can_sign_with_own_key: state.0.keystore.is_registered(&person.id, Elsewhere::Own).await?,
        can_sign: is_theirs,
        signing_key_of: key.filter(|_| !is_theirs).map(|key| certificate::subject(&key)),
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
pub async fn who_am_i(State(state): State<ApiState>, who: LoggedIn) -> Result<Json<Me>, ApiError> {
    Ok(Json(me(&state, &who.person, who.must_enrol).await?))
}

/// Logs out: the session ends at once, wherever its cookie is.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses((status = 204)))]
pub async fn log_out(
    State(state): State<ApiState>,
    headers: HeaderMap,
    who: LoggedIn,
    jar: CookieJar,
) -> Result<(StatusCode, CookieJar), ApiError> {
    if let Some(secret) = session_secret(&headers) {
        state.0.storage.end_session(&secret).await?;
        let entry = AuditEntry {
            action: AuditAction::Logout,
            object: format!("person/{}", who.person.id),
            outcome: AuditOutcome::Success,
            detail: String::new(),
        };
        state.0.storage.audit(who.caller.scope(), entry).await?;
    }
    Ok((StatusCode::NO_CONTENT, jar.remove(Cookie::build((SESSION_COOKIE, "")).path("/"))))
}
