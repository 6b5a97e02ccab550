//! Phrases (常用语): a person's own, and those of their organisation.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use consult::phrases::{Phrase, PhraseOwner, Phrases};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The phrases that the caller can type.
#[derive(Serialize, ToSchema)]
pub struct PhraseLists {
    /// The caller's own: `phrases` (each `abbreviation`, `title`, `text`), `version`.
    #[schema(value_type = Object)]
    pub own: Phrases,
    /// The organisation's.
    #[schema(value_type = Object)]
    pub organisation: Phrases,
}

/// Phrases to be kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPhrases {
    /// `version` as it was read; 0 when there were none.
    pub version: i64,
    /// Each `abbreviation`, `title`, `text`.
    #[schema(value_type = Vec<Object>)]
    pub phrases: Vec<Phrase>,
}

/// The phrases that the caller can type.
#[utoipa::path(get, path = "/api/v1/phrases", tag = "report templates",
    responses((status = 200, body = PhraseLists), (status = 401, body = Problem)))]
pub async fn list_phrases(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<PhraseLists>, ApiError> {
    let consults = &state.0.consults;
    let own = consults.phrases(&auth.0, PhraseOwner::Person).await?;
    let organisation = consults.phrases(&auth.0, PhraseOwner::Organisation).await?;
    Ok(Json(PhraseLists { own, organisation }))
}

/// Writes the caller's own phrases anew.
#[utoipa::path(put, path = "/api/v1/phrases/own", tag = "report templates", request_body = PutPhrases,
    responses((status = 200, body = Object), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn put_own_phrases(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(body): JsonBody<PutPhrases>,
) -> Result<Json<Phrases>, ApiError> {
    let kept = state.0.consults.put_phrases(&auth.0, PhraseOwner::Person, body.phrases, body.version).await?;
    Ok(Json(kept))
}

/// Writes the organisation's phrases anew (coordinator, administrator).
#[utoipa::path(put, path = "/api/v1/phrases/organisation", tag = "report templates", request_body = PutPhrases,
    responses((status = 200, body = Object), (status = 403, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem)))]
pub async fn put_organisation_phrases(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(body): JsonBody<PutPhrases>,
) -> Result<Json<Phrases>, ApiError> {
    let owner = PhraseOwner::Organisation;
    Ok(Json(state.0.consults.put_phrases(&auth.0, owner, body.phrases, body.version).await?))
}
