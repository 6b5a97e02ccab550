//! The audit chain for the auditor.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::UrlQuery;
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which events.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditPage {
    /// Events at most (default 100, at most 1000).
    pub limit: Option<u32>,
    /// Only events before this sequence number.
    pub before: Option<i64>,
}

/// Events, newest first.
#[derive(Serialize, ToSchema)]
pub struct AuditList {
    /// The events.
    pub events: Vec<AuditItem>,
}

/// One event.
#[derive(Serialize, ToSchema)]
pub struct AuditItem {
    /// Position in the chain.
    pub seq: i64,
    /// When (RFC 3339).
    pub at: String,
    /// Kind and identifier of who did it.
    pub actor: String,
    /// Their name, when a person of this organisation.
    pub actor_name: Option<String>,
    /// Network address.
    pub address: Option<String>,
    /// What was done.
    #[schema(value_type = String)]
    pub action: storage::AuditAction,
    /// To what.
    pub object: String,
    /// How it ended.
    #[schema(value_type = String)]
    pub outcome: storage::AuditOutcome,
    /// A machine word.
    pub detail: String,
    /// SHA-256 of the chain up to here.
    pub hash: String,
}

/// Events of the caller's organisation.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditPage),
    responses((status = 200, body = AuditList), (status = 403, body = Problem)))]
pub async fn list_audit(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(page): UrlQuery<AuditPage>,
) -> Result<Json<AuditList>, ApiError> {
    let caller = auth.require(Right::Audit)?;
    let limit = page.limit.unwrap_or(100).min(1000);
    let events = state.0.storage.audit_events(caller.scope(), page.before, limit).await?;
    let people = state.0.storage.people(caller.scope(), caller.organisation()).await?;
    let events = events
        .into_iter()
        .map(|event| AuditItem {
            seq: event.seq,
            at: model::time_text::rfc3339(model::time_text::from_unix_ms(event.at_ms)),
            actor_name: people.iter().find(|p| p.id.as_str() == event.actor.id).map(|p| p.name.clone()),
            actor: format!("{}/{}", kind_word(event.actor.kind), event.actor.id),
            address: event.actor.address.map(|a| a.to_string()),
            action: event.entry.action,
            object: event.entry.object,
            outcome: event.entry.outcome,
            detail: event.entry.detail,
            hash: event.hash.to_string(),
        })
        .collect();
    Ok(Json(AuditList { events }))
}

fn kind_word(kind: model::ActorKind) -> &'static str {
    match kind {
        model::ActorKind::Person => "person",
        model::ActorKind::Token => "token",
        model::ActorKind::Ae => "ae",
        model::ActorKind::Nobody => "nobody",
        model::ActorKind::Node => "node",
    }
}
