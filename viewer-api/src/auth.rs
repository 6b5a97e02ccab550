//! Who is calling: a session cookie for people, a bearer token for machines; and a brake on guessing.

use crate::emergency;
use crate::problem::ApiError;
use crate::state::ApiState;
use access::{AddressRange, Caller, Person, Right, Role, Secret, Session};
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use model::Sha256;
use std::net::{IpAddr, SocketAddr};
use storage::StorageError;
use time::OffsetDateTime;

/// Name of the session cookie.
pub const SESSION_COOKIE: &str = "farsight_session";
/// A header that a form on another site cannot send; required on changes that are authenticated by cookie.
pub const CSRF_HEADER: &str = "x-farsight";

/// The organisation that a page shows.
pub const ORGANISATION_HEADER: &str = "x-farsight-organisation";

/// What the configuration says of logging in.
#[derive(Debug, Clone, Default)]
pub struct LoginRules {
    /// Roles that take a second factor: without one their people see nothing but the page that enrols it.
    pub second_factor_roles: Vec<Role>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<AddressRange>,
}

impl LoginRules {
    /// Whether this person must have a second factor.
    pub fn takes_second_factor(&self, person: &Person) -> bool {
        person.roles.iter().any(|role| self.second_factor_roles.contains(role))
    }

    /// Where a request comes from: the peer, or what the nearest trusted proxy says of it. Of several addresses the last
    /// that no trusted proxy has counts; what stands before it anybody could have written.
    pub fn address(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let is_trusted = |address: &IpAddr| self.trusted_proxies.iter().any(|range| range.contains(*address));
        let peer = peer?;
        if !is_trusted(&peer) {
            return Some(peer);
        }
        let said: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        for text in said.iter().rev() {
            match text.trim().parse::<IpAddr>() {
                Ok(address) if is_trusted(&address) => {}
                Ok(address) => return Some(address),
                Err(_) => break,
            }
        }
        Some(peer)
    }
}

/// SHA-256 (of the DER) of the certificate that a client has shown in the TLS handshake and that was found good; the listener
/// puts it among a request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientCertificate(pub Sha256);

/// Where a request comes from, as far as that is known.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self(None)))
    }
}

/// A person's live session: also that of somebody who has yet to enrol the second factor that their role takes, and who
/// is not [`Authenticated`] until then.
#[derive(Clone)]
pub struct LoggedIn {
    /// The person as a caller.
    pub caller: Caller,
    /// The person, as they act in this session.
    pub person: Person,
    /// The session.
    pub session: Session,
    /// Whether nothing but enrolling is open to them.
    pub must_enrol: bool,
}

impl LoggedIn {
    /// Refuses when it was too long ago that the person proved who they are.
    pub fn require_fresh(&self) -> Result<(), ApiError> {
        if self.session.is_fresh_at(OffsetDateTime::now_utc()) { Ok(()) } else { Err(ApiError::ProofNeeded) }
    }
}

impl<S: Sync> FromRequestParts<S> for LoggedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        if let Some(logged_in) = parts.extensions.get::<Self>() {
            return Ok(logged_in.clone());
        }
        match parts.extensions.get::<Caller>() {
            Some(_) => Err(ApiError::Forbidden("机器令牌没有会话 / a machine's token has no session")),
            None => Err(ApiError::Unauthenticated),
        }
    }
}

/// Looks for credentials and, when they are good, puts the [`Caller`] where handlers find it. Bad credentials are
/// refused here; none at all is left to the handler.
pub async fn authenticate(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let address = state.0.login_rules.address(peer, &parts.headers);
    parts.extensions.insert(ClientAddress(address));
    match recognise(&state, &parts, address).await {
        Ok(known) => {
            if let Some(caller) = known.caller {
                parts.extensions.insert(caller);
            }
            if let Some(logged_in) = known.logged_in {
                parts.extensions.insert(logged_in);
            }
        }
        Err(error) => return error.into_response(),
    }
    next.run(Request::from_parts(parts, body)).await
}

/// Who is calling: nobody, when there is neither.
#[derive(Default)]
pub struct Recognised {
    /// In whose name the request is answered.
    pub caller: Option<Caller>,
    /// The session, when it is a person.
    pub logged_in: Option<LoggedIn>,
}

/// Who is calling.
pub async fn recognise(
    state: &ApiState,
    parts: &Parts,
    address: Option<IpAddr>,
) -> Result<Recognised, ApiError> {
    let storage = &state.0.storage;
    if let Some(secret) = bearer(&parts.headers) {
        let certificate = parts.extensions.get::<ClientCertificate>().map(|shown| shown.0);
        let caller = known(storage.caller_by_token(&secret, address, certificate).await)?;
        return Ok(Recognised { caller: Some(caller), logged_in: None });
    }
    if is_change(parts) && is_sent_by_another_site(&parts.headers) {
        return Err(ApiError::Forbidden(
            "其他网站的页面不能在这里更改 / a page of another site may change nothing here",
        ));
    }
    let Some(secret) = session_secret(&parts.headers) else { return Ok(Recognised::default()) };
    let (session, person) = match storage.session(&secret).await {
        Ok(found) => found,
        // An old cookie is as good as none, so that logging in again works.
        Err(StorageError::NotFound) => return Ok(Recognised::default()),
        Err(error) => return Err(error.into()),
    };
    let is_api = parts.uri.path().starts_with("/api/");
    if is_change(parts) && is_api && !parts.headers.contains_key(CSRF_HEADER) {
        return Err(ApiError::Forbidden(
            "以会话 Cookie 更改需要请求头 X-Farsight: 1 / a change by session cookie needs the header X-Farsight: 1",
        ));
    }
    storage.note_use(&session.secret_sha256.to_string(), address);
    let caller = Caller::person(&person, address);
    let is_own_session = parts.uri.path().starts_with("/api/v1/session");
    if !is_own_session && shows_another(&parts.headers, &caller) {
        return Err(ApiError::OtherOrganisationNow);
    }
    let must_enrol = !session.factors.are_two() && state.0.login_rules.takes_second_factor(&person);
    let acting = if must_enrol {
        None
    } else {
        let opened = emergency::caller_of(state, parts, &person, address).await?;
        Some(opened.unwrap_or_else(|| caller.clone()))
    };
    let logged_in = LoggedIn { caller, person, session, must_enrol };
    Ok(Recognised { caller: acting, logged_in: Some(logged_in) })
}

/// Whether the page shows another organisation than the one that its session acts for by now, chosen in another tab: what
/// is looked at or written there must not be another's.
fn shows_another(headers: &HeaderMap, caller: &Caller) -> bool {
    let shown = headers.get(ORGANISATION_HEADER).map(axum::http::HeaderValue::as_bytes);
    shown.is_some_and(|shown| shown != caller.organisation().as_str().as_bytes())
}

fn is_change(parts: &Parts) -> bool {
    !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// What browsers say of where a request comes from (Fetch Metadata); other programs say nothing. This also keeps
/// another site from logging somebody in, which needs no cookie.
fn is_sent_by_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(axum::http::HeaderValue::as_bytes);
    site.is_some_and(|site| !matches!(site, b"same-origin" | b"none"))
}

fn known(result: Result<Caller, StorageError>) -> Result<Caller, ApiError> {
    result.map_err(|error| match error {
        StorageError::NotFound => ApiError::Unauthenticated,
        other => other.into(),
    })
}

fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Secret::new(token.trim().to_owned()))
}

/// The secret in the session cookie.
pub fn session_secret(headers: &HeaderMap) -> Option<Secret> {
    CookieJar::from_headers(headers).get(SESSION_COOKIE).map(|cookie| Secret::new(cookie.value().to_owned()))
}

/// Extractor: somebody who has proved who they are.
pub struct Authenticated(pub Caller);

impl Authenticated {
    /// Refuses unless the caller has this right.
    pub fn require(&self, right: Right) -> Result<&Caller, ApiError> {
        if self.0.may(right) {
            Ok(&self.0)
        } else {
            Err(ApiError::Forbidden("您的角色没有这一权限，请联系管理员 / your role does not allow this"))
        }
    }

    /// Refuses unless the caller has one of these rights.
    pub fn require_any(&self, rights: &[Right]) -> Result<&Caller, ApiError> {
        if rights.iter().any(|right| self.0.may(*right)) {
            Ok(&self.0)
        } else {
            Err(ApiError::Forbidden("您的角色没有这一权限，请联系管理员 / your role does not allow this"))
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        if let Some(caller) = parts.extensions.get::<Caller>() {
            return Ok(Self(caller.clone()));
        }
        match parts.extensions.get::<LoggedIn>() {
            Some(_) => Err(ApiError::SecondFactorNeeded),
            None => Err(ApiError::Unauthenticated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_says_where_somebody_comes_from() {
        let rules = LoginRules {
            trusted_proxies: vec![AddressRange::parse("10.0.0.0/8").unwrap()],
            ..LoginRules::default()
        };
        for (peer, said, expected) in [
            ("203.0.113.5", "198.51.100.1", "203.0.113.5"),
            ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"),
            ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
            ("10.0.0.1", "198.51.100.1, nonsense", "10.0.0.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("::ffff:10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ] {
            let headers = HeaderMap::from_iter([(
                header::HeaderName::from_static("x-forwarded-for"),
                said.parse().unwrap(),
            )]);
            let seen = rules.address(peer.parse().ok(), &headers);
            assert_eq!(seen, expected.parse().ok(), "{peer} says {said}");
        }
    }

    #[test]
    fn a_change_from_another_site_is_known_by_what_the_browser_says() {
        let check = |site: Option<&str>, expected: bool| {
            let headers =
                site.map(|s| (header::HeaderName::from_static("sec-fetch-site"), s.parse().unwrap()));
            assert_eq!(is_sent_by_another_site(&HeaderMap::from_iter(headers)), expected, "{site:?}");
        };
        check(None, false);
        check(Some("same-origin"), false);
        check(Some("none"), false);
        check(Some("cross-site"), true);
        check(Some("same-site"), true);
    }
}
