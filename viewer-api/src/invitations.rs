//! The first login of somebody who was invited, and a new password for who forgot theirs. The secret of the link comes in
//! the body, never in an address: addresses are in logs.

use crate::auth::ClientAddress;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::proof;
use crate::state::ApiState;
use access::{Caller, Guess, Person, Secret};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::time_text::rfc3339;
use serde::{Deserialize, Serialize};
use storage::StorageError;
use utoipa::ToSchema;

/// What is in the link.
#[derive(Deserialize, ToSchema)]
pub struct InvitationSecret {
    /// What stands behind `#` in the link.
    pub secret: String,
}

/// For whom an invitation is.
#[derive(Serialize, ToSchema)]
pub struct InvitationView {
    /// Login name.
    pub login: String,
    /// Name.
    pub name: String,
    /// Name of the organisation.
    pub organisation: String,
    /// When it ends (RFC 3339).
    pub expires_at: String,
}

/// A password for who was invited.
#[derive(Deserialize, ToSchema)]
pub struct TakeInvitation {
    /// What stands behind `#` in the link.
    pub secret: String,
    /// 8 to 128 characters, none of the common ones.
    pub password: String,
}

/// The person of an open invitation; who guesses is braked by their address.
pub async fn open(
    state: &ApiState,
    address: ClientAddress,
    secret: &Secret,
) -> Result<(access::Invitation, Person), ApiError> {
    let guess = Guess::from_place(address.0);
    proof::check(state, &guess, None, address.0).await?;
    state.0.storage.invited(secret).await.map_err(|error| {
        if error == StorageError::NotFound {
            state.0.brake().failed(&guess);
        }
        error.into()
    })
}

/// For whom an invitation is. One that was used, has ended or never was gives the same answer.
#[utoipa::path(post, path = "/api/v1/invitations/look", tag = "session", request_body = InvitationSecret,
    responses((status = 200, body = InvitationView), (status = 404, body = Problem), (status = 429, body = Problem)))]
pub async fn look_at_invitation(
    State(state): State<ApiState>,
    address: ClientAddress,
    JsonBody(body): JsonBody<InvitationSecret>,
) -> Result<Json<InvitationView>, ApiError> {
    let (invitation, person) = open(&state, address, &Secret::new(body.secret)).await?;
    let organisation = state.0.storage.organisation(&person.organisation).await?;
    Ok(Json(InvitationView {
        login: person.login,
        name: person.name,
        organisation: organisation.name,
        expires_at: rfc3339(invitation.expires_at),
    }))
}

/// Sets the password of who was invited. The invitation is used up; sessions that the account had, and what single sign-on was bound
/// to it, have ended.
#[utoipa::path(post, path = "/api/v1/invitations/take", tag = "session", request_body = TakeInvitation,
    responses((status = 204), (status = 404, body = Problem), (status = 422, body = Problem),
    (status = 429, body = Problem)))]
pub async fn take_invitation(
    State(state): State<ApiState>,
    address: ClientAddress,
    JsonBody(body): JsonBody<TakeInvitation>,
) -> Result<StatusCode, ApiError> {
    let secret = Secret::new(body.secret);
    let (_, person) = open(&state, address, &secret).await?;
    let hash = proof::hash_new(&state, &person, Secret::new(body.password)).await?;
    let caller = Caller::person(&person, address.0);
    state.0.storage.take_invitation(caller.scope(), &secret, hash).await?;
    Ok(StatusCode::NO_CONTENT)
}
