//! How the audit chain is looked after: its end, the last signed head, and how far sending to a repository has come.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use model::Scope;
use model::time_text::{from_unix_ms, rfc3339};
use serde::Serialize;
use serde_json::Value as JsonText;
use storage::StorageError;
use utoipa::ToSchema;

/// How the chain is looked after.
#[derive(Serialize, ToSchema)]
pub struct AuditState {
    /// The last event of the node.
    pub last_seq: i64,
    /// Its hash.
    pub last_hash: String,
    /// The last head that was signed, and is kept outside the database.
    pub head: Option<SignedHead>,
    /// Sending to an audit record repository (ATNA), if there is one.
    pub sending: Option<SendingState>,
    /// Events are kept at least so many days: none is ever removed.
    pub kept_days_min: u32,
}

/// A signed head.
#[derive(Serialize, ToSchema)]
pub struct SignedHead {
    /// The last event that it covers.
    pub seq: i64,
    /// When it was signed (RFC 3339).
    pub at: String,
}

/// How far sending has come.
#[derive(Serialize, ToSchema)]
pub struct SendingState {
    /// Host and port.
    pub to: String,
    /// The last event that was sent.
    pub seq: i64,
    /// Events that wait.
    pub lag: i64,
    /// When that was so (RFC 3339).
    pub at: String,
    /// Why the last attempt failed, if it did.
    pub error: Option<String>,
}

/// Nothing is ever taken from the chain; the law asks for six months (网络安全法 §21).
const KEPT_DAYS_MIN: u32 = 180;

async fn said(state: &ApiState, id: &str) -> Result<Option<JsonText>, ApiError> {
    match state.0.storage.record(&Scope::node("audit state"), "audit_state", id).await {
        Ok(record) => Ok(Some(record.body)),
        Err(StorageError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// How the audit chain is looked after.
#[utoipa::path(get, path = "/api/v1/audit/state", tag = "audit",
    responses((status = 200, body = AuditState), (status = 403, body = Problem)))]
pub async fn audit_state(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<AuditState>, ApiError> {
    auth.require(Right::Audit)?;
    let (last_seq, last_hash) = state.0.storage.audit_head().await?;
    let at = |body: &JsonText| rfc3339(from_unix_ms(body["at_ms"].as_i64().unwrap_or_default()));
    let head = said(&state, "head").await?;
    let sending = said(&state, "sending").await?;
    Ok(Json(AuditState {
        last_seq,
        last_hash: last_hash.to_string(),
        head: head.map(|body| SignedHead { seq: body["seq"].as_i64().unwrap_or_default(), at: at(&body) }),
        sending: sending.map(|body| {
            let seq = body["seq"].as_i64().unwrap_or_default();
            SendingState {
                to: body["to"].as_str().unwrap_or_default().to_owned(),
                seq,
                lag: (last_seq - seq).max(0),
                at: at(&body),
                error: body["error"].as_str().map(str::to_owned),
            }
        }),
        kept_days_min: KEPT_DAYS_MIN,
    }))
}
