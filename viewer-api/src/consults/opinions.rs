//! Opinions of several experts on one case. Only the reading organisation sees any of it before the report quotes them.

use super::{PersonName, consult_id, named, now};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use consult::opinion::{Ending, NewRequest, Opinion, Seen, Sight};
use model::PersonId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// An opinion that was asked for.
#[derive(Serialize, ToSchema)]
pub struct OpinionRow {
    /// Its number on the case.
    pub n: u32,
    /// Who is asked.
    pub expert: PersonName,
    /// Professional title.
    pub title: String,
    /// What is asked.
    pub question: String,
    /// `blind`: the expert sees what others have given only after the own opinion; `open` otherwise.
    #[schema(value_type = String)]
    pub sight: Sight,
    /// Who asks.
    pub asked_by: PersonName,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String)]
    pub asked_at: OffsetDateTime,
    /// Null while it is waited for; `how` is `given` with `text` and `at` (an empty text is not to be seen yet), `declined` with
    /// `reason`, or `withdrawn` with `reason` and `by`.
    #[schema(value_type = Option<Object>)]
    pub ending: Option<Ending>,
    /// What the caller has written so far; null unless it is theirs and waited for.
    pub draft: Option<String>,
}

/// The opinions on a case.
#[derive(Serialize, ToSchema)]
pub struct OpinionList {
    /// Oldest first.
    pub opinions: Vec<OpinionRow>,
}

/// Who is asked what.
#[derive(Deserialize, ToSchema)]
pub struct OpinionRequest {
    /// Identifiers of people of the reading organisation.
    pub people: Vec<String>,
    /// What is asked.
    #[serde(default)]
    pub question: String,
    /// `blind`: an expert sees what others have given only after the own opinion. `open` otherwise.
    #[schema(value_type = String)]
    pub sight: Sight,
}

/// An opinion.
#[derive(Deserialize, ToSchema)]
pub struct OpinionText {
    /// The text.
    pub text: String,
}

/// Why no opinion is given, or waited for.
#[derive(Deserialize, ToSchema)]
pub struct OpinionReason {
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// Somebody who could be asked.
#[derive(Serialize, ToSchema)]
pub struct ExpertRow {
    /// Who.
    #[serde(flatten)]
    pub person: PersonName,
    /// Professional title.
    pub title: String,
}

/// Who could be asked.
#[derive(Serialize, ToSchema)]
pub struct ExpertList {
    /// By name.
    pub experts: Vec<ExpertRow>,
}

type Answer = Result<Json<OpinionList>, ApiError>;

fn list(seen: Seen) -> Json<OpinionList> {
    let Seen { opinions, drafts } = seen;
    let row = |opinion: Opinion| {
        let draft = drafts.iter().find(|(n, _)| *n == opinion.n).map(|(_, text)| text.clone());
        let Opinion { n, expert, title, question, sight, asked_by, asked_at, ending } = opinion;
        let (expert, asked_by) = (named(&expert), named(&asked_by));
        OpinionRow { n, expert, title, question, sight, asked_by, asked_at, ending, draft }
    };
    Json(OpinionList { opinions: opinions.into_iter().map(row).collect() })
}

/// The opinions on a case (reading organisation; nobody else has any before the report).
#[utoipa::path(get, path = "/api/v1/consults/{id}/opinions", tag = "opinions", params(("id" = String, Path)),
    responses((status = 200, body = OpinionList), (status = 404, body = Problem)))]
pub async fn list_opinions(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Answer {
    let caller = auth.require(Right::Search)?;
    Ok(list(state.0.consults.opinions(caller, &consult_id(&id)?).await?))
}

/// Asks colleagues for an opinion each (the reader who has the case, or the coordinator). Nothing is signed while one is
/// waited for.
#[utoipa::path(post, path = "/api/v1/consults/{id}/opinions", tag = "opinions", params(("id" = String, Path)),
    request_body = OpinionRequest,
    responses((status = 201, body = OpinionList), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn ask_opinions(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<OpinionRequest>,
) -> Result<(StatusCode, Json<OpinionList>), ApiError> {
    let invalid = |_| ApiError::invalid("people", "choose whom to ask");
    let people =
        body.people.iter().map(|id| PersonId::parse(id)).collect::<Result<_, _>>().map_err(invalid)?;
    let new = NewRequest { people, question: body.question, sight: body.sight };
    let seen = state.0.consults.ask_opinions(&auth.0, &consult_id(&id)?, new, now()).await?;
    Ok((StatusCode::CREATED, list(seen)))
}

/// Keeps what an expert has written so far; nobody else sees it.
#[utoipa::path(put, path = "/api/v1/consults/{id}/opinions/{n}/draft", tag = "opinions",
    params(("id" = String, Path), ("n" = u32, Path)), request_body = OpinionText,
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn save_opinion(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, n)): UrlPath<(String, u32)>,
    JsonBody(body): JsonBody<OpinionText>,
) -> Result<StatusCode, ApiError> {
    state.0.consults.save_opinion(&auth.0, &consult_id(&id)?, n, &body.text).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives an opinion that was asked for: from now on it stands, and the report quotes it.
#[utoipa::path(post, path = "/api/v1/consults/{id}/opinions/{n}/give", tag = "opinions",
    params(("id" = String, Path), ("n" = u32, Path)), request_body = OpinionText,
    responses((status = 200, body = OpinionList), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn give_opinion(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, n)): UrlPath<(String, u32)>,
    JsonBody(body): JsonBody<OpinionText>,
) -> Answer {
    let id = consult_id(&id)?;
    Ok(list(state.0.consults.give_opinion(&auth.0, &id, n, &body.text, now()).await?))
}

/// Gives no opinion, with a reason (the expert who was asked).
#[utoipa::path(post, path = "/api/v1/consults/{id}/opinions/{n}/decline", tag = "opinions",
    params(("id" = String, Path), ("n" = u32, Path)), request_body = OpinionReason,
    responses((status = 200, body = OpinionList), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn decline_opinion(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, n)): UrlPath<(String, u32)>,
    JsonBody(body): JsonBody<OpinionReason>,
) -> Answer {
    let id = consult_id(&id)?;
    Ok(list(state.0.consults.decline_opinion(&auth.0, &id, n, &body.reason, now()).await?))
}

/// Waits no longer for an opinion, with a reason (the reader who has the case, or the coordinator).
#[utoipa::path(post, path = "/api/v1/consults/{id}/opinions/{n}/withdraw", tag = "opinions",
    params(("id" = String, Path), ("n" = u32, Path)), request_body = OpinionReason,
    responses((status = 200, body = OpinionList), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn withdraw_opinion(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, n)): UrlPath<(String, u32)>,
    JsonBody(body): JsonBody<OpinionReason>,
) -> Answer {
    let id = consult_id(&id)?;
    Ok(list(state.0.consults.withdraw_opinion(&auth.0, &id, n, &body.reason, now()).await?))
}

/// Who could be asked for an opinion; for whoever may ask now.
#[utoipa::path(get, path = "/api/v1/consults/{id}/experts", tag = "opinions", params(("id" = String, Path)),
    responses((status = 200, body = ExpertList), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn list_experts(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<ExpertList>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let found = state.0.consults.experts(caller, &consult_id(&id)?).await?;
    let row =
        |expert: consult::opinion::Expert| ExpertRow { person: named(&expert.person), title: expert.title };
    Ok(Json(ExpertList { experts: found.into_iter().map(row).collect() }))
}
