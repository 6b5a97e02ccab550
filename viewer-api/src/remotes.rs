//! Other nodes of the caller's organisation: asking them, and bringing here what they have.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::AeTitle;
use pacs::dimse::RequestError;
use pacs::remote::{RemoteError, Retrieval};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A node that can be called.
#[derive(Serialize, ToSchema)]
pub struct Remote {
    /// AE title.
    pub ae_title: String,
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// The nodes of the caller's organisation.
#[derive(Serialize, ToSchema)]
pub struct RemoteList {
    /// The nodes.
    pub remotes: Vec<Remote>,
}

/// How long an answer took.
#[derive(Serialize, ToSchema)]
pub struct RemoteEcho {
    /// Milliseconds.
    pub took_ms: u64,
}

/// A query.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteQuery {
    /// Keys as DICOM JSON; Query/Retrieve Level (0008,0052) is STUDY when it is left out.
    #[schema(value_type = Object)]
    pub keys: Map<String, Value>,
    /// Rows at most (default 100).
    pub limit: Option<u32>,
}

/// What was found.
#[derive(Serialize, ToSchema)]
pub struct RemoteFound {
    /// DICOM JSON objects.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<Map<String, Value>>,
    /// Whether there are more.
    pub more: bool,
}

/// What is to be brought here: here for the OpenAPI document.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
pub struct RemoteRetrieval {
    /// Study Instance UID.
    pub study: String,
    /// Series Instance UID; the whole study without it.
    pub series: Option<String>,
    /// SOP Instance UID; the whole series without it.
    pub instance: Option<String>,
    /// `get` (the default) or `move`, for which the node must know this one's AE title and address.
    pub method: Option<String>,
}

impl From<RemoteError> for ApiError {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::NotFound => Self::NotFound,
            RemoteError::BadQuery(why) => Self::invalid("body", why),
            RemoteError::Peer(error @ RequestError::OutOfReach(_)) => {
                Self::Peer(format!("没有呼叫：对方地址不在允许的网络里 / {error}"))
            }
            RemoteError::Peer(error) => Self::Peer(error.to_string()),
            RemoteError::Storage(error) => error.into(),
        }
    }
}

fn title(text: &str) -> Result<AeTitle, ApiError> {
    AeTitle::parse(text).map_err(|_| ApiError::NotFound)
}

/// Nodes that the caller's organisation can call.
#[utoipa::path(get, path = "/api/v1/remotes", tag = "remotes",
    responses((status = 200, body = RemoteList), (status = 403, body = Problem)))]
pub async fn list_remotes(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<RemoteList>, ApiError> {
    let caller = auth.require_any(&[Right::Search, Right::Administer])?;
    let devices = pacs::remote::list(&state.0.storage, caller.scope()).await?;
    let remote = |device: access::Device| {
        let contact = device.contact?;
        Some(Remote { ae_title: device.ae_title.to_string(), host: contact.host, port: contact.port })
    };
    Ok(Json(RemoteList { remotes: devices.into_iter().filter_map(remote).collect() }))
}

/// Asks a node whether it is there (C-ECHO).
#[utoipa::path(post, path = "/api/v1/remotes/{ae_title}/echo", tag = "remotes",
    params(("ae_title" = String, Path, description = "AE title")),
    responses((status = 200, body = RemoteEcho), (status = 404, body = Problem), (status = 502, body = Problem)))]
pub async fn echo_remote(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(ae_title): UrlPath<String>,
) -> Result<Json<RemoteEcho>, ApiError> {
    let caller = auth.require_any(&[Right::Search, Right::Administer])?;
    let (storage, dimse) = (&state.0.storage, &state.0.dimse);
    let took = pacs::remote::echo(storage, dimse, caller.scope(), &title(&ae_title)?).await?;
    Ok(Json(RemoteEcho { took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX) }))
}

/// Asks a node what it has (C-FIND, Study Root).
#[utoipa::path(post, path = "/api/v1/remotes/{ae_title}/find", tag = "remotes", request_body = RemoteQuery,
    params(("ae_title" = String, Path, description = "AE title")),
    responses((status = 200, body = RemoteFound), (status = 404, body = Problem), (status = 422, body = Problem),
              (status = 502, body = Problem)))]
pub async fn find_remote(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(ae_title): UrlPath<String>,
    JsonBody(query): JsonBody<RemoteQuery>,
) -> Result<Json<RemoteFound>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let (storage, dimse, limit) = (&state.0.storage, &state.0.dimse, query.limit.unwrap_or(100));
    let title = title(&ae_title)?;
    let found = pacs::remote::find(storage, dimse, caller.scope(), &title, &query.keys, limit).await?;
    Ok(Json(RemoteFound { rows: found.rows, more: found.more }))
}

/// Queues a retrieval from a node: `GET /api/v1/forwarding?kind=retrieve` shows how it goes.
#[utoipa::path(post, path = "/api/v1/remotes/{ae_title}/retrieve", tag = "remotes", request_body = RemoteRetrieval,
    params(("ae_title" = String, Path, description = "AE title")),
    responses((status = 202), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn retrieve_remote(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(ae_title): UrlPath<String>,
    JsonBody(retrieval): JsonBody<Retrieval>,
) -> Result<StatusCode, ApiError> {
    let caller = auth.require(Right::Store)?;
    pacs::remote::enqueue(&state.0.storage, caller.scope(), &title(&ae_title)?, &retrieval).await?;
    Ok(StatusCode::ACCEPTED)
}
