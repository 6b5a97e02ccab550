//! The live line: a WebSocket (RFC 6455) over which pages hear that something changed, so that they need not be loaded
//! again. It is fed from the outbox in order, at least once; a client that comes back names the last event it has heard.

mod event;
mod hub;
mod line;

pub(crate) use hub::Hub;

use crate::auth::{Authenticated, ClientAddress, session_secret};
use crate::problem::{ApiError, Problem};
use crate::request::UrlQuery;
use crate::state::ApiState;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{State, WebSocketUpgrade};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use line::Line;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Bytes of what a client says at most: it answers pings.
const MESSAGE_BYTES_MAX: usize = 1 << 10;
/// Bytes that wait in a line for a client that does not take them.
const UNSENT_BYTES_MAX: usize = 64 << 10;

/// From where on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Since {
    /// The `seq` of the last message that was heard; without it, from now on.
    pub after: Option<i64>,
}

/// A message of the live line. It says that something changed; what it is now is asked for by the ordinary ways.
#[derive(Serialize, ToSchema)]
#[allow(dead_code, reason = "only its schema is used: the words are made in `event`")]
pub struct LiveMessage {
    /// Where the line is: to be sent as `after` when it is opened again.
    pub seq: i64,
    /// `hello` (first), `beat` (every 15 s), `resync` (too much was missed: ask for everything), or what changed:
    /// `consult`, `critical`, `message` (of the consult `id`), `notice` (the person's own), `study` (`org`, `id`), `studies`,
    /// `orders`.
    pub what: String,
    /// Of what changed: a consult's identifier, or a Study Instance UID.
    pub id: Option<String>,
    /// State of the consult.
    pub state: Option<String>,
    /// Owner of the study.
    pub org: Option<String>,
}

/// Opens the live line (WebSocket). Only for pages of this node with a session; only what the person may see is told.
/// Closed with 4001 within five seconds after the session has ended, with 4008 when the client is too slow: it comes back
/// with `after`.
#[utoipa::path(get, path = "/api/v1/live", tag = "live", params(Since),
    responses((status = 101, description = "then messages like this one, as text", body = LiveMessage),
        (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 503, body = Problem)))]
pub async fn live(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(since): UrlQuery<Since>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let person = auth
        .0
        .as_person()
        .ok_or(ApiError::Forbidden("机器令牌没有会话 / a machine's token has no session"))?;
    let secret = session_secret(&headers).ok_or(ApiError::Unauthenticated)?;
    if !is_of_this_node(&headers, &state.0.public_origin) {
        return Err(ApiError::Forbidden(
            "只有本节点的页面可以打开实时连接 / only pages of this node may open its live line",
        ));
    }
    let upgrade = upgrade.map_err(|_| {
        ApiError::BadRequest("这一地址只用于 WebSocket (RFC 6455) / this address speaks WebSocket (RFC 6455)")
    })?;
    let seat = state.0.live.seat(&person.id).ok_or(ApiError::Unavailable)?;
    let (hub, storage) = (state.0.live.clone(), state.0.storage.clone());
    let upgrade = upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .write_buffer_size(0)
        .max_write_buffer_size(UNSENT_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| {
        Line { hub, storage, socket, secret, address, caller: auth.0, at: 0, seat }.serve(since.after)
    }))
}

/// Whether the page that opens the line is the node's own (RFC 6455 §10.2): a browser sends the cookie whoever asks.
fn is_of_this_node(headers: &HeaderMap, public_origin: &str) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return false };
    if origin.eq_ignore_ascii_case(public_origin.trim_end_matches('/')) {
        return true;
    }
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some() && authority == text(header::HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_node_open_a_line() {
        let check = |origin: Option<&str>, host: &str, expected: bool| {
            let mut headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            let seen = is_of_this_node(&headers, "https://read.example.org");
            assert_eq!(seen, expected, "{origin:?} {host}");
        };
        check(Some("https://read.example.org"), "127.0.0.1:8080", true);
        check(Some("http://127.0.0.1:8080"), "127.0.0.1:8080", true);
        check(Some("http://127.0.0.1:9"), "127.0.0.1:8080", false);
        check(Some("https://evil.example.org"), "read.example.org", false);
        check(Some("https://read.example.org.evil.org"), "read.example.org", false);
        check(Some("null"), "127.0.0.1:8080", false);
        check(None, "127.0.0.1:8080", false);
    }
}
