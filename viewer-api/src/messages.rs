//! Messages on a case.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::session::OrganisationName;
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use consult::message::{Mark, Message, NewMessage};
use model::ConsultId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;
use utoipa::{IntoParams, ToSchema};

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessagePage {
    /// Only messages with a smaller number.
    pub before: Option<u64>,
    /// Messages at most (default 50, at most 200).
    pub limit: Option<u32>,
}

/// What somebody wants to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteMessage {
    /// The text, at most 100,000 characters; may be empty when there is a mark or an address.
    #[serde(default)]
    pub text: String,
    /// Points on images: `{"on": "image", "instance", "frame", "x_px", "y_px", "label"}` or
    /// `{"on": "slide", "slide", "x_px", "y_px", "label"}`.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub marks: Vec<Mark>,
    /// An address of this application that opens the same view: `/slides/…`, `/studies/…` or `/cases/…`.
    #[serde(default)]
    pub view: Option<String>,
    /// A UUID that the sender has made for this message. Sent again with the same one, because the answer was lost, it is the same
    /// message, and the answer is the same; with other words it is refused (422 `once`).
    #[serde(default)]
    pub once: Option<String>,
}

/// A message on a case.
#[derive(Serialize, ToSchema)]
pub struct CaseMessage {
    /// Counts up from 1 within the consult.
    pub n: u64,
    /// Identifier of who wrote it.
    pub by: String,
    /// Their name.
    pub by_name: String,
    /// For which organisation.
    pub organisation: OrganisationName,
    /// When.
    #[serde(with = "rfc3339")]
    #[schema(value_type = String)]
    pub at: OffsetDateTime,
    /// The text.
    pub text: String,
    /// Points on images.
    #[schema(value_type = Vec<Object>)]
    pub marks: Vec<Mark>,
    /// An address of this application that opens the same view.
    pub view: Option<String>,
}

/// Messages on a case.
#[derive(Serialize, ToSchema)]
pub struct CaseMessages {
    /// The messages, oldest first.
    pub messages: Vec<CaseMessage>,
    /// How many there are in all.
    pub count: u64,
    /// The caller has read those up to this number.
    pub read: u64,
}

/// How far the caller has read.
#[derive(Deserialize, ToSchema)]
pub struct ReadUpTo {
    /// The number of the last message that was read.
    pub n: u64,
}

/// Cases with messages that the caller has not read.
#[derive(Serialize, ToSchema)]
pub struct UnreadMessages {
    /// The cases.
    pub consults: Vec<UnreadOfCase>,
}

/// A case with messages that the caller has not read.
#[derive(Serialize, ToSchema)]
pub struct UnreadOfCase {
    /// The consult.
    pub consult: String,
    /// What people call it.
    pub number: String,
    /// How many.
    pub unread: u64,
}

impl From<Message> for CaseMessage {
    fn from(message: Message) -> Self {
        Self {
            n: message.n,
            by: message.by.id.to_string(),
            by_name: message.by.name,
            organisation: OrganisationName {
                id: message.organisation.id.to_string(),
                name: message.organisation.name,
            },
            at: message.at,
            text: message.text,
            marks: message.marks,
            view: message.view,
        }
    }
}

fn consult_id(text: &str) -> Result<ConsultId, ApiError> {
    ConsultId::parse(text).map_err(|_| ApiError::NotFound)
}

/// The newest messages on a case.
#[utoipa::path(get, path = "/api/v1/consults/{id}/messages", tag = "messages",
    params(("id" = String, Path), MessagePage),
    responses((status = 200, body = CaseMessages), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn list_messages(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(page): UrlQuery<MessagePage>,
) -> Result<Json<CaseMessages>, ApiError> {
    let (id, limit) = (consult_id(&id)?, page.limit.unwrap_or(50));
    let conversation = state.0.consults.messages(&auth.0, &id, page.before, limit).await?;
    Ok(Json(CaseMessages {
        messages: conversation.messages.into_iter().map(CaseMessage::from).collect(),
        count: conversation.count,
        read: conversation.read,
    }))
}

/// Writes a message on a case.
#[utoipa::path(post, path = "/api/v1/consults/{id}/messages", tag = "messages", params(("id" = String, Path)),
    request_body = WriteMessage,
    responses((status = 201, body = CaseMessage), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn write_message(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<WriteMessage>,
) -> Result<(StatusCode, Json<CaseMessage>), ApiError> {
    let new = NewMessage { once: body.once, text: body.text, marks: body.marks, view: body.view };
    let now = OffsetDateTime::now_utc();
    let message = state.0.consults.send_message(&auth.0, &consult_id(&id)?, new, now).await?;
    Ok((StatusCode::CREATED, Json(message.into())))
}

/// Notes how far the caller has read.
#[utoipa::path(put, path = "/api/v1/consults/{id}/messages/read", tag = "messages", params(("id" = String, Path)),
    request_body = ReadUpTo,
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn read_messages(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<ReadUpTo>,
) -> Result<StatusCode, ApiError> {
    state.0.consults.read_messages(&auth.0, &consult_id(&id)?, body.n).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Cases that the caller asked about, reads or has written on, with messages that they have not read.
#[utoipa::path(get, path = "/api/v1/messages/unread", tag = "messages",
    responses((status = 200, body = UnreadMessages), (status = 401, body = Problem)))]
pub async fn unread_messages(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<UnreadMessages>, ApiError> {
    let unread = state.0.consults.unread_messages(&auth.0).await?;
    let case = |one: consult::message::Unread| UnreadOfCase {
        consult: one.consult.to_string(),
        number: one.number,
        unread: one.unread,
    };
    Ok(Json(UnreadMessages { consults: unread.into_iter().map(case).collect() }))
}
