//! How the audit chain is looked after: its end, the last signed head, what the last walk along it has found, and how far sending
//! to a repository has come.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::Scope;
use model::time_text::{from_unix_ms, rfc3339, unix_ms};
use serde::Serialize;
use serde_json::{Value as JsonText, json};
use std::sync::Arc;
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, StorageError};
use time::OffsetDateTime;
use tokio::sync::Notify;
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
    /// What the last walk along the chain has found.
    pub verified: Option<AuditVerification>,
    /// Whether the chain is being walked now.
    pub is_verifying: bool,
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
    /// The hash that was signed: to be compared with a copy that is kept elsewhere.
    pub hash: String,
}

/// What a walk along the chain has found.
#[derive(Serialize, ToSchema)]
pub struct AuditVerification {
    /// When it began (RFC 3339).
    pub at: String,
    /// Events that were walked.
    pub events: i64,
    /// Up to this event the chain is what signed heads say.
    pub anchored_seq: i64,
    /// What does not fit; nothing when the chain is whole.
    pub fault: Option<AuditFault>,
}

/// What does not fit.
#[derive(Serialize, ToSchema)]
pub struct AuditFault {
    /// `event`: of the chain; `head`: one that was signed is not in the file; `heads_file`: a line of it.
    pub what: String,
    /// Of the event, or the line.
    pub number: i64,
    /// Why, in English.
    pub why: String,
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

/// The walk along the chain that somebody asks for; the floor above does it.
#[derive(Clone, Default)]
pub struct AuditCheck(Arc<Notify>);

impl AuditCheck {
    /// Asks for one. Of many at once, one is done.
    pub fn ask(&self) {
        self.0.notify_one();
    }

    /// Waits until somebody asks.
    pub async fn asked(&self) {
        self.0.notified().await;
    }
}

/// Longer than this no walk takes: the process that did it has ended.
const WALK_MS_MAX: i64 = 15 * 60 * 1000;

/// Nothing is ever taken from the chain; the law asks for six months (网络安全法 §21).
const KEPT_DAYS_MIN: u32 = 180;

/// The kind of what is told of the chain.
const KIND: &str = "audit_state";

async fn said(state: &ApiState, id: &str) -> Result<Option<JsonText>, ApiError> {
    match state.0.storage.record(&Scope::node("audit state"), KIND, id).await {
        Ok(record) => Ok(Some(record.body)),
        Err(StorageError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn at(body: &JsonText) -> String {
    rfc3339(from_unix_ms(body["at_ms"].as_i64().unwrap_or_default()))
}

fn words(body: &JsonText, name: &str) -> String {
    body[name].as_str().unwrap_or_default().to_owned()
}

fn number(body: &JsonText, name: &str) -> i64 {
    body[name].as_i64().unwrap_or_default()
}

/// How the chain is looked after, as it stands now.
pub(crate) async fn read(state: &ApiState) -> Result<AuditState, ApiError> {
    let (last_seq, last_hash) = state.0.storage.audit_head().await?;
    let [head, sending] = [said(state, "head").await?, said(state, "sending").await?];
    let [verified, verifying] = [said(state, "verified").await?, said(state, "verifying").await?];
    let now_ms = unix_ms(OffsetDateTime::now_utc());
    Ok(AuditState {
        last_seq,
        last_hash: last_hash.to_string(),
        head: head.map(|body| SignedHead {
            seq: number(&body, "seq"),
            at: at(&body),
            hash: words(&body, "hash"),
        }),
        verified: verified.map(|body| AuditVerification {
            at: at(&body),
            events: number(&body, "events"),
            anchored_seq: number(&body, "anchored"),
            fault: body["fault"].is_object().then(|| AuditFault {
                what: words(&body["fault"], "what"),
                number: number(&body["fault"], "number"),
                why: words(&body["fault"], "why"),
            }),
        }),
        is_verifying: verifying.is_some_and(|body| now_ms - number(&body, "at_ms") < WALK_MS_MAX),
        sending: sending.map(|body| SendingState {
            to: words(&body, "to"),
            seq: number(&body, "seq"),
            lag: (last_seq - number(&body, "seq")).max(0),
            at: at(&body),
            error: body["error"].as_str().map(str::to_owned),
        }),
        kept_days_min: KEPT_DAYS_MIN,
    })
}

/// How the audit chain is looked after.
#[utoipa::path(get, path = "/api/v1/audit/state", tag = "audit",
    responses((status = 200, body = AuditState), (status = 403, body = Problem)))]
pub async fn audit_state(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<AuditState>, ApiError> {
    auth.require(Right::Audit)?;
    Ok(Json(read(&state).await?))
}

/// Has the whole chain walked and compared with its signed heads; `GET /api/v1/audit/state` says when that is done, and what was
/// found. While one walk goes on no other begins.
#[utoipa::path(post, path = "/api/v1/audit/verify", tag = "audit",
    responses((status = 202, body = AuditState), (status = 403, body = Problem)))]
pub async fn verify_audit(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<(StatusCode, Json<AuditState>), ApiError> {
    let caller = auth.require(Right::Audit)?;
    if !read(&state).await?.is_verifying {
        let put = Put {
            kind: KIND,
            id: "verifying".to_owned(),
            expected: Expected::Anything,
            body: json!({"at_ms": unix_ms(OffsetDateTime::now_utc())}),
            keys: Vec::new(),
            unique: Vec::new(),
            sort: 0,
            visible_to: Vec::new(),
        };
        let asked = AuditEntry {
            action: AuditAction::Verify,
            object: "audit".to_owned(),
            outcome: AuditOutcome::Success,
            detail: "asked".to_owned(),
        };
        let change = Change { puts: vec![put], audit: vec![asked], ..Change::default() };
        state.0.storage.apply_unseen(caller.scope(), change).await?;
        state.0.audit_check.ask();
    }
    Ok((StatusCode::ACCEPTED, Json(read(&state).await?)))
}
