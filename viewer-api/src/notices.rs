//! What a person is told, and by which ways besides the application.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::outside::CalledFor;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use consult::notify::{MailSettings, Notice, What};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;
use utoipa::{IntoParams, ToSchema};

/// How many.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NoticePage {
    /// Notices at most (default 50, at most 200).
    pub limit: Option<u32>,
}

/// Something that the person is told.
#[derive(Serialize, ToSchema)]
pub struct NoticeItem {
    /// Identifier.
    pub id: String,
    /// `submitted`, `assigned`, `returned`, `to_review`, `data_wanted`, `resumed`, `declined`, `asked_back`,
    /// `answered`, `rejected`, `cancelled`, `report`, `critical`,
    /// `critical_unanswered`, `critical_acknowledged`, `critical_withdrawn`, `graded`, `message`, `clock50`, `clock80`, `clock100`,
    /// `delivery_failed`, `report_unsound`, `emergency` (whose `consult` is the access).
    #[schema(value_type = String)]
    pub what: What,
    /// The consult that it is about.
    pub consult: String,
    /// What people call it.
    pub number: String,
    /// When.
    #[serde(with = "rfc3339")]
    #[schema(value_type = String)]
    pub at: OffsetDateTime,
    /// Whether it was read.
    pub is_read: bool,
}

/// What the person is told.
#[derive(Serialize, ToSchema)]
pub struct Notices {
    /// Newest first.
    pub notices: Vec<NoticeItem>,
    /// How many are not read, of all.
    pub unread: u64,
}

/// Where the person is told by e-mail.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct NoticeMail {
    /// The address; empty: not by e-mail.
    pub address: String,
}

/// Where the organisation's own system is told.
#[derive(Serialize, ToSchema)]
pub struct WebhookState {
    /// The address; nothing when there is none.
    pub url: Option<String>,
    /// What signatures are made with: shown once, when the webhook is set.
    pub secret: Option<String>,
}

/// Where the organisation's own system is to be told.
#[derive(Deserialize, ToSchema)]
pub struct WebhookAddress {
    /// `https://…` or `http://…`; empty: nowhere.
    pub url: String,
}

impl From<Notice> for NoticeItem {
    fn from(notice: Notice) -> Self {
        Self {
            id: notice.id,
            what: notice.what,
            consult: notice.consult.to_string(),
            number: notice.number,
            at: notice.at,
            is_read: notice.is_read,
        }
    }
}

/// The newest notices of the person.
#[utoipa::path(get, path = "/api/v1/notices", tag = "notices", params(NoticePage),
    responses((status = 200, body = Notices), (status = 403, body = Problem)))]
pub async fn list_notices(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(page): UrlQuery<NoticePage>,
) -> Result<Json<Notices>, ApiError> {
    let inbox = state.0.consults.notices(&auth.0, page.limit.unwrap_or(50)).await?;
    let notices = inbox.notices.into_iter().map(NoticeItem::from).collect();
    Ok(Json(Notices { notices, unread: inbox.unread }))
}

/// Notes that all notices were read.
#[utoipa::path(post, path = "/api/v1/notices/read", tag = "notices",
    responses((status = 204), (status = 403, body = Problem)))]
pub async fn read_all_notices(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<StatusCode, ApiError> {
    state.0.consults.read_notices(&auth.0, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Notes that a notice was read.
#[utoipa::path(post, path = "/api/v1/notices/{id}/read", tag = "notices", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn read_notice(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<StatusCode, ApiError> {
    state.0.consults.read_notices(&auth.0, Some(&id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where the person is told by e-mail.
#[utoipa::path(get, path = "/api/v1/notices/mail", tag = "notices",
    responses((status = 200, body = NoticeMail), (status = 403, body = Problem)))]
pub async fn get_notice_mail(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<NoticeMail>, ApiError> {
    let settings = state.0.consults.mail_settings(&auth.0).await?;
    Ok(Json(NoticeMail { address: settings.address }))
}

/// Changes where the person is told by e-mail; an empty address ends it. Messages name the consult's number and nothing of
/// the patient.
#[utoipa::path(put, path = "/api/v1/notices/mail", tag = "notices", request_body = NoticeMail,
    responses((status = 200, body = NoticeMail), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn put_notice_mail(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(body): JsonBody<NoticeMail>,
) -> Result<Json<NoticeMail>, ApiError> {
    let settings = MailSettings { address: body.address };
    let settings = state.0.consults.put_mail_settings(&auth.0, settings).await?;
    Ok(Json(NoticeMail { address: settings.address }))
}

/// The organisation's webhook (administrator); never its secret.
#[utoipa::path(get, path = "/api/v1/webhook", tag = "notices",
    responses((status = 200, body = WebhookState), (status = 403, body = Problem)))]
pub async fn get_webhook(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<WebhookState>, ApiError> {
    let webhook = state.0.consults.webhook(&auth.0).await?;
    Ok(Json(WebhookState { url: webhook.map(|webhook| webhook.url), secret: None }))
}

/// Sets the organisation's webhook with a new secret, or removes it (administrator). What is sent is JSON: `id` (the same for
/// every attempt), `what`, `consult`, `number`, `at`; the header `Farsight-Signature: t=…,v1=…` is the HMAC-SHA256 of `t`, a
/// full stop and the body. Addresses of internal networks are refused, when it is set and whenever it is called, unless the
/// node's configuration allows them.
#[utoipa::path(put, path = "/api/v1/webhook", tag = "notices", request_body = WebhookAddress,
    responses((status = 200, body = WebhookState), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn put_webhook(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(body): JsonBody<WebhookAddress>,
) -> Result<Json<WebhookState>, ApiError> {
    auth.require(Right::Administer)?;
    if state.0.outside.is_internal(CalledFor::Notices, &body.url).await {
        return Err(ApiError::invalid(
            "url",
            "这个地址在内部网络里，不允许（[notify] webhook_networks） / the address is in an internal network \
             ([notify] webhook_networks)",
        ));
    }
    let webhook = state.0.consults.put_webhook(&auth.0, &body.url).await?;
    let (url, secret) = webhook.map(|webhook| (webhook.url, webhook.secret)).unzip();
    Ok(Json(WebhookState { url, secret }))
}
