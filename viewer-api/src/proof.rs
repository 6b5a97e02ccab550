//! Proving who somebody is, by password or one-time code, within the limits on guessing.

use crate::auth::LoggedIn;
use crate::problem::ApiError;
use crate::session;
use crate::state::ApiState;
use access::{Guess, Person, Secret};
use axum::http::HeaderMap;
use axum_extra::extract::CookieJar;
use model::PersonId;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use storage::AuditOutcome;
use time::OffsetDateTime;

/// A cookie by which a browser is known in which somebody has logged in before.
pub const BROWSER_COOKIE: &str = "farsight_browser";

/// What a guess at an account is counted under: in a browser that the account is known to be used in, apart from all others.
pub async fn guess(
    state: &ApiState,
    login: &str,
    person: Option<&PersonId>,
    address: Option<IpAddr>,
    headers: &HeaderMap,
) -> Result<Guess, ApiError> {
    let account = format!("login/{login}");
    let browser = CookieJar::from_headers(headers).get(BROWSER_COOKIE).map(|c| c.value().to_owned());
    if let (Some(browser), Some(person)) = (browser.map(Secret::new), person)
        && state.0.storage.knows_browser(&browser, person).await?
    {
        return Ok(Guess::from_known_browser(&account, &browser.sha256()));
    }
    Ok(Guess::at(&account, address))
}

/// What a guess by somebody who is logged in is counted under: their session is a known browser.
pub fn guess_in_session(who: &LoggedIn) -> Guess {
    Guess::from_known_browser(&format!("login/{}", who.person.login), &who.session.secret_sha256)
}

/// Whether a guess may be looked at. The first that may not is on the audit chain, under the account's organisation.
pub async fn check(
    state: &ApiState,
    guess: &Guess,
    person: Option<&Person>,
    address: Option<IpAddr>,
) -> Result<(), ApiError> {
    let Err(blocked) = state.0.brake().check(guess) else { return Ok(()) };
    if blocked.is_first {
        session::record_login(state, person, address, AuditOutcome::Refused, "too many attempts").await?;
    }
    Err(blocked.into())
}

/// Whether the password belongs to the hash; the same work without one. A wrong one is counted. To be called with a seat for
/// such work taken, and after [`check`]: of many guesses at once, those that wait see what the first have failed.
pub async fn is_password(
    state: &ApiState,
    guess: &Guess,
    password: Secret,
    phc: Option<String>,
) -> Result<bool, ApiError> {
    state.0.proofs_checked.fetch_add(1, Ordering::Relaxed);
    let is_right = tokio::task::spawn_blocking(move || access::password::verify(&password, phc.as_deref()))
        .await
        .map_err(|_| ApiError::Internal)?
        .map_err(|error| {
            tracing::error!(%error, "a log-in could not be decided");
            ApiError::Unavailable
        })?;
    if !is_right {
        state.0.brake().failed(guess);
    }
    Ok(is_right)
}

/// Whether it is a one-time or recovery code of the person that has not been used; it is used now. A wrong one is
/// counted. To be called with a seat taken, and after [`check`].
pub async fn is_code(
    state: &ApiState,
    guess: &Guess,
    person: &PersonId,
    code: &str,
) -> Result<bool, ApiError> {
    state.0.proofs_checked.fetch_add(1, Ordering::Relaxed);
    let now = OffsetDateTime::now_utc();
    let is_good = state.0.storage.use_second_factor(person, |factor| factor.accept_any(code, now)).await?;
    if !is_good {
        state.0.brake().failed(guess);
    }
    Ok(is_good)
}

/// What an account takes besides its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Second {
    /// Nothing.
    Nothing,
    /// A one-time code; perhaps it has passkeys, too.
    Code,
    /// A passkey.
    Passkey,
}

/// What the person's account takes besides its password.
pub async fn second(state: &ApiState, person: &PersonId) -> Result<Second, ApiError> {
    if state.0.storage.second_factor(person).await?.is_some_and(|factor| factor.is_confirmed) {
        return Ok(Second::Code);
    }
    let has_passkey = !state.0.storage.passkeys_of(person).await?.is_empty();
    Ok(if has_passkey { Second::Passkey } else { Second::Nothing })
}

/// The hash of a new password that may be one.
pub async fn hash_new(state: &ApiState, person: &Person, password: Secret) -> Result<String, ApiError> {
    access::password::check_new(&password, &person.login)
        .map_err(|why| ApiError::invalid("password", why))?;
    let _seat = state.password_seat().await?;
    tokio::task::spawn_blocking(move || access::password::hash(&password))
        .await
        .map_err(|_| ApiError::Internal)?
        .map_err(|_| ApiError::Unavailable)
}
