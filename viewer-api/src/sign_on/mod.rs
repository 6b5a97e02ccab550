//! Single sign-on with an organisation's OpenID provider: authorisation code with PKCE. An account there counts for the
//! account here to which its holder has bound it after proving who they are; nobody gets an account by it.

mod provider;

pub use provider::SignOnConfig;
pub(crate) use provider::{Provider, SignOnError};

use crate::auth::{ClientAddress, LoggedIn};
use crate::invitations::{self, InvitationSecret};
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::proof::{self, Second};
use crate::request::UrlQuery;
use crate::second_factor::require_code;
use crate::session::{cookie, enter, record_login};
use crate::state::ApiState;
use access::sign_on::SignOn;
use access::{Begun as Pending, Factors, Guess, Person, Secret};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use model::{PersonId, Sha256};
use provider::{Begun, Subject};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;
use storage::{AuditOutcome, StorageError};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

/// Ties what has begun to the browser in which it has: the provider's answer is worth nothing in another.
const COOKIE: &str = "farsight_sign_on";
/// How long somebody may be at the provider.
const AWAY_MAX: Duration = Duration::from_secs(600);

/// What somebody is at the provider for.
#[derive(Debug, Clone)]
enum Purpose {
    LogIn,
    /// To bind the account there to theirs here, in this session.
    Bind(PersonId, Sha256),
    /// To take this invitation by it.
    Join(Secret),
}

/// Those who are at the provider, by the state that they will come back with; each comes back once.
pub struct Away(Pending<Sha256, (Purpose, Begun)>);

impl Default for Away {
    fn default() -> Self {
        Self(Pending::lasting(AWAY_MAX))
    }
}

/// By what people can log in besides the password.
#[derive(Serialize, ToSchema)]
pub struct Ways {
    /// The domain that passkeys of this node are bound to.
    pub passkey_domain: Option<String>,
    /// What single sign-on calls itself, when there is one.
    pub sign_on: Option<String>,
}

/// Where to go.
#[derive(Serialize, ToSchema)]
pub struct Elsewhere {
    /// The provider's page.
    pub url: String,
}

/// Whether an account of the single sign-on is bound.
#[derive(Serialize, ToSchema)]
pub struct SignOnState {
    /// What single sign-on calls itself; nothing when there is none.
    pub name: Option<String>,
    /// Whether one is bound to the caller's account.
    pub is_bound: bool,
}

/// What the provider sends somebody back with.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Answer {
    /// The code; none when it was refused there.
    pub code: Option<String>,
    /// The state that they went with.
    pub state: Option<String>,
    /// Who sends them (RFC 9207).
    pub iss: Option<String>,
}

/// By what people can log in here besides the password.
#[utoipa::path(get, path = "/api/v1/session/ways", tag = "session", responses((status = 200, body = Ways)))]
pub async fn ways(State(state): State<ApiState>) -> Json<Ways> {
    Json(Ways {
        passkey_domain: state.0.passkeys.as_ref().map(|passkeys| passkeys.domain().to_owned()),
        sign_on: state.0.sign_on.as_ref().map(|provider| provider.config.name.clone()),
    })
}

fn here(state: &ApiState) -> Result<&Provider, ApiError> {
    state.0.sign_on.as_ref().ok_or(ApiError::NotFound)
}

impl From<SignOnError> for ApiError {
    fn from(error: SignOnError) -> Self {
        tracing::warn!(%error, "single sign-on");
        Self::Unavailable
    }
}

async fn begin(
    state: &ApiState,
    jar: CookieJar,
    purpose: Purpose,
    address: Option<IpAddr>,
) -> Result<(CookieJar, String), ApiError> {
    proof::check(state, &Guess::from_place(address), None, address).await?;
    let secret = Secret::random().map_err(|_| ApiError::Unavailable)?;
    let (url, begun) = here(state)?.begin(secret.expose().to_owned()).await?;
    state.0.away.0.begin(secret.sha256(), address, (purpose, begun))?;
    let mut kept = cookie(state, COOKIE, secret.expose().to_owned(), time::Duration::minutes(10));
    // The provider's page sends the browser back, and a strict cookie would not come along.
    kept.set_same_site(SameSite::Lax);
    Ok((jar.add(kept), url))
}

/// Sends the person to the provider.
#[utoipa::path(get, path = "/api/v1/session/sign-on", tag = "session",
    responses((status = 303), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn go_to_sign_on(
    State(state): State<ApiState>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    jar: CookieJar,
) -> Result<Response, ApiError> {
    // Pictures and frames of another site's page would take the share of the place that the browser is in.
    if headers.get("sec-fetch-dest").is_some_and(|dest| dest.as_bytes() != b"document") {
        return Err(ApiError::Forbidden("这里只能打开整个页面 / a page goes here, and nothing in a page"));
    }
    let (jar, url) = begin(&state, jar, Purpose::LogIn, address).await?;
    Ok((StatusCode::SEE_OTHER, jar, [(header::LOCATION, url)]).into_response())
}

/// Whether an account of the single sign-on is bound to the caller's.
#[utoipa::path(get, path = "/api/v1/session/sign-on/binding", tag = "session",
    responses((status = 200, body = SignOnState), (status = 401, body = Problem)))]
pub async fn sign_on_binding(
    State(state): State<ApiState>,
    who: LoggedIn,
) -> Result<Json<SignOnState>, ApiError> {
    let bound = state.0.storage.sign_ons_of(&who.person.id).await?;
    let name = state.0.sign_on.as_ref().map(|provider| provider.config.name.clone());
    Ok(Json(SignOnState { name, is_bound: !bound.is_empty() }))
}

/// Begins to bind the caller's account at the provider to theirs here; the page goes where the answer says.
#[utoipa::path(post, path = "/api/v1/session/sign-on/binding", tag = "session",
    responses((status = 200, body = Elsewhere), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn bind_sign_on(
    State(state): State<ApiState>,
    ClientAddress(address): ClientAddress,
    who: LoggedIn,
    jar: CookieJar,
) -> Result<(CookieJar, Json<Elsewhere>), ApiError> {
    here(&state)?;
    require_code(&state, &who).await?;
    let purpose = Purpose::Bind(who.person.id.clone(), who.session.secret_sha256);
    let (jar, url) = begin(&state, jar, purpose, address).await?;
    Ok((jar, Json(Elsewhere { url })))
}

/// Sends who was invited to the provider: the account there takes the place of a password. The page goes where the answer says.
#[utoipa::path(post, path = "/api/v1/invitations/sign-on", tag = "session", request_body = InvitationSecret,
    responses((status = 200, body = Elsewhere), (status = 404, body = Problem), (status = 429, body = Problem),
    (status = 503, body = Problem)))]
pub async fn join_by_sign_on(
    State(state): State<ApiState>,
    address: ClientAddress,
    jar: CookieJar,
    JsonBody(body): JsonBody<InvitationSecret>,
) -> Result<(CookieJar, Json<Elsewhere>), ApiError> {
    here(&state)?;
    let secret = Secret::new(body.secret);
    invitations::open(&state, address, &secret).await?;
    let (jar, url) = begin(&state, jar, Purpose::Join(secret), address.0).await?;
    Ok((jar, Json(Elsewhere { url })))
}

/// Takes off what is bound to the caller's account.
#[utoipa::path(delete, path = "/api/v1/session/sign-on/binding", tag = "session",
    responses((status = 204), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub async fn unbind_sign_on(State(state): State<ApiState>, who: LoggedIn) -> Result<StatusCode, ApiError> {
    require_code(&state, &who).await?;
    if who.person.password_hash.is_empty() && state.0.storage.passkeys_of(&who.person.id).await?.is_empty() {
        return Err(no_way_in());
    }
    state.0.storage.unbind_sign_ons(who.caller.scope(), &who.person.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why the last way to log in stays.
pub(crate) fn no_way_in() -> ApiError {
    ApiError::Conflict(
        "去掉后就没有任何登录方式了：先登记通行密钥，或请管理员重新发邀请设密码 / without it there would be no way to log in: \
         register a passkey first, or have an administrator invite you again to set a password"
            .to_owned(),
    )
}

/// Goes on inside: a redirection would still count as the other site's, and strict cookies would not come along.
fn go_on(jar: CookieJar, path: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"zh\"><meta charset=\"utf-8\"><title>Farsight 远见</title>\
         <meta http-equiv=\"refresh\" content=\"0;url={path}\"><a href=\"{path}\">继续 / go on</a></html>"
    );
    let jar = jar.remove(Cookie::build((COOKIE, "")).path("/"));
    (jar, [(header::CACHE_CONTROL, "no-store")], Html(page)).into_response()
}

fn factors(subject: &Subject) -> Factors {
    if subject.is_by_two_factors { Factors::SingleSignOnTwice } else { Factors::SingleSignOn }
}

/// One factor elsewhere is no way around the second that the account has here.
async fn is_too_little(
    state: &ApiState,
    subject: &Subject,
    person: &Person,
    address: Option<IpAddr>,
) -> Result<bool, ApiError> {
    if factors(subject).are_two() || proof::second(state, &person.id).await? == Second::Nothing {
        return Ok(false);
    }
    record_login(state, Some(person), address, AuditOutcome::Refused, "single sign-on: one factor").await?;
    Ok(true)
}

/// What has become of an invitation.
enum Joined {
    Now(Box<Person>),
    /// Where the page goes that says why not; the invitation is as it was.
    Not(&'static str),
}

/// Takes an invitation by an account at the provider, if both are good still.
async fn join(
    state: &ApiState,
    secret: &Secret,
    issuer: String,
    subject: &Subject,
    address: Option<IpAddr>,
) -> Result<Joined, ApiError> {
    let person = match state.0.storage.invited(secret).await {
        Ok((_, person)) => person,
        Err(StorageError::NotFound) => return Ok(Joined::Not("/?sign_on=invitation_gone")),
        Err(error) => return Err(error.into()),
    };
    if is_too_little(state, subject, &person, address).await? {
        return Ok(Joined::Not("/?sign_on=second_factor"));
    }
    let scope = access::Caller::person(&person, address).scope().clone();
    let bound_at = OffsetDateTime::now_utc();
    let sign_on = SignOn { person: person.id, issuer, subject: subject.subject.clone(), bound_at };
    match state.0.storage.take_invitation_by_sign_on(&scope, secret, &sign_on).await {
        Ok(person) => Ok(Joined::Now(Box::new(person))),
        Err(StorageError::Conflict(_)) => Ok(Joined::Not("/?sign_on=taken")),
        Err(StorageError::NotFound) => Ok(Joined::Not("/?sign_on=invitation_gone")),
        Err(error) => Err(error.into()),
    }
}

/// Where the provider sends the person back: logs them in, or binds, or takes an invitation. What cannot be believed is refused, and the page of the
/// log-in says so.
#[utoipa::path(get, path = "/api/v1/session/sign-on/callback", tag = "session", params(Answer),
    responses((status = 200, content_type = "text/html", body = String)))]
pub async fn come_back(
    State(state): State<ApiState>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    jar: CookieJar,
    UrlQuery(answer): UrlQuery<Answer>,
) -> Result<Response, ApiError> {
    let provider = here(&state)?;
    let guess = Guess::from_place(address);
    proof::check(&state, &guess, None, address).await?;
    let begun = jar.get(COOKIE).map(|cookie| cookie.value().to_owned());
    let is_this_browser = begun.is_some() && begun == answer.state;
    let pending = answer
        .state
        .map(Secret::new)
        .filter(|_| is_this_browser)
        .and_then(|s| state.0.away.0.end(&s.sha256()));
    let is_this_issuer = answer.iss.is_none_or(|iss| iss == provider.config.issuer);
    let (Some((purpose, begun)), true) = (pending, is_this_issuer) else {
        // No guess: nobody finds a state of 256 bits, and any site's page can send a whole hospital's browsers here.
        let noise = Guess::noise("single sign-on: state", address);
        if !state.0.brake().blocks(&noise) {
            state.0.brake().failed(&noise);
            record_login(&state, None, address, AuditOutcome::Refused, "single sign-on: state").await?;
        }
        return Ok(go_on(jar, "/?sign_on=refused"));
    };
    let Some(code) = answer.code else {
        return Ok(go_on(jar, "/?sign_on=cancelled"));
    };
    let subject = match provider.finish(code, begun).await {
        Ok(subject) => subject,
        Err(error) => {
            tracing::warn!(%error, "single sign-on was refused");
            state.0.brake().failed(&guess);
            record_login(&state, None, address, AuditOutcome::Refused, "single sign-on: token").await?;
            return Ok(go_on(jar, "/?sign_on=refused"));
        }
    };
    let issuer = provider.config.issuer.clone();
    match purpose {
        Purpose::Bind(person, session) => {
            let is_live =
                state.0.storage.sessions_of(&person).await?.iter().any(|s| s.secret_sha256 == session);
            if !is_live {
                return Ok(go_on(jar, "/?sign_on=refused"));
            }
            let whose = state.0.storage.person(&person).await?;
            let scope = access::Caller::person(&whose, address).scope().clone();
            let bound_at = OffsetDateTime::now_utc();
            let sign_on = SignOn { person, issuer, subject: subject.subject, bound_at };
            match state.0.storage.bind_sign_on(&scope, &sign_on).await {
                Ok(()) => Ok(go_on(jar, "/account?sign_on=bound")),
                Err(StorageError::Conflict(_)) => Ok(go_on(jar, "/account?sign_on=taken")),
                Err(error) => Err(error.into()),
            }
        }
        Purpose::LogIn => {
            let bound = match state.0.storage.sign_on(&issuer, &subject.subject).await {
                Ok(bound) => state.0.storage.person(&bound.person).await.ok(),
                Err(StorageError::NotFound) => None,
                Err(error) => return Err(error.into()),
            };
            let Some(person) = bound.as_ref().filter(|person| !person.is_disabled) else {
                record_login(
                    &state,
                    bound.as_ref(),
                    address,
                    AuditOutcome::Refused,
                    "single sign-on: unknown",
                )
                .await?;
                return Ok(go_on(jar, "/?sign_on=unknown"));
            };
            if is_too_little(&state, &subject, person, address).await? {
                return Ok(go_on(jar, "/?sign_on=second_factor"));
            }
            let (jar, _) = enter(&state, person, factors(&subject), address, &headers, jar).await?;
            Ok(go_on(jar, "/"))
        }
        Purpose::Join(secret) => {
            let taken = join(&state, &secret, issuer, &subject, address).await?;
            let person = match taken {
                Joined::Now(person) => person,
                Joined::Not(why) => return Ok(go_on(jar, why)),
            };
            let (jar, _) = enter(&state, &person, factors(&subject), address, &headers, jar).await?;
            Ok(go_on(jar, "/"))
        }
    }
}
