//! Proving who somebody is, by password or one-time code, within the limits on guessing.

use crate::problem::ApiError;
use crate::state::ApiState;
use access::{Person, Secret};
use model::PersonId;
use std::net::IpAddr;
use time::OffsetDateTime;

/// What failures are counted under: the account, and the address unless it is this machine's own.
pub fn keys(account: &str, address: Option<IpAddr>) -> Vec<String> {
    let mut keys = vec![account.to_owned()];
    keys.extend(address.filter(|a| !a.to_canonical().is_loopback()).map(|a| format!("address/{a}")));
    keys
}

/// Whether the password belongs to the hash; the same work without one. A wrong one is counted.
pub async fn is_password(
    state: &ApiState,
    keys: &[String],
    password: Secret,
    phc: Option<String>,
) -> Result<bool, ApiError> {
    // Checked with the seat taken, so that many guesses at once do not all pass before the first has failed.
    let _seat = state.password_seat().await?;
    state.0.attempts.check(keys)?;
    let is_right = tokio::task::spawn_blocking(move || access::password::verify(&password, phc.as_deref()))
        .await
        .map_err(|_| ApiError::Internal)?
        .map_err(|error| {
            tracing::error!(%error, "a log-in could not be decided");
            ApiError::Unavailable
        })?;
    if !is_right {
        state.0.attempts.failed(keys);
    }
    Ok(is_right)
}

/// Whether it is a one-time or recovery code of the person that has not been used; it is used now. A wrong one is
/// counted.
pub async fn is_code(
    state: &ApiState,
    keys: &[String],
    person: &PersonId,
    code: &str,
) -> Result<bool, ApiError> {
    state.0.attempts.check(keys)?;
    let now = OffsetDateTime::now_utc();
    let is_good = state.0.storage.use_second_factor(person, |factor| factor.accept_any(code, now)).await?;
    if !is_good {
        state.0.attempts.failed(keys);
    }
    Ok(is_good)
}

/// Whether the person has a second factor that is on.
pub async fn has_second_factor(state: &ApiState, person: &PersonId) -> Result<bool, ApiError> {
    Ok(state.0.storage.second_factor(person).await?.is_some_and(|factor| factor.is_confirmed))
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
