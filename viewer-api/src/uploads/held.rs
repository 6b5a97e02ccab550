//! What need not be sent: which of a page's files are here already.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use model::Uid;
use serde::{Deserialize, Serialize};
use storage::{AuditAction, AuditEntry, AuditOutcome};
use utoipa::ToSchema;

/// Instances in one question.
const INSTANCES_MAX: usize = 1000;

/// Instances that somebody has files of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeldBody {
    /// SOP Instance UIDs, at most 1000.
    pub instances: Vec<String>,
}

/// Those of them that are here.
#[derive(Serialize, ToSchema)]
pub struct HeldInstances {
    /// In no order.
    pub held: Vec<HeldInstance>,
}

/// An instance that the caller's organisation holds.
#[derive(Serialize, ToSchema)]
pub struct HeldInstance {
    /// SOP Instance UID.
    pub sop_instance_uid: String,
    /// SHA-256 in hexadecimal of the data set as it arrived: of what follows the file meta information. A file of the same
    /// instance with this hash need not be sent; any other is another.
    pub sha256: String,
    /// Series Instance UID.
    pub series_instance_uid: String,
    /// Study Instance UID of the study that it is in now.
    pub study_instance_uid: String,
}

/// Which of these instances the caller's own organisation holds, with the hashes of what is kept: whoever has the same
/// bytes need not send them. What is another organisation's is not told from what was never here.
#[utoipa::path(post, path = "/api/v1/uploads/held", tag = "uploads", request_body = HeldBody,
    responses((status = 200, body = HeldInstances), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn held(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(body): JsonBody<HeldBody>,
) -> Result<Json<HeldInstances>, ApiError> {
    auth.require(Right::Store)?;
    let caller = auth.require(Right::Search)?;
    if body.instances.len() > INSTANCES_MAX {
        return Err(ApiError::invalid("instances", "at most 1000 at once"));
    }
    let wrong = |_| ApiError::invalid("instances", "one of them is not a UID");
    let asked =
        body.instances.iter().map(|text| Uid::parse(text)).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    let storage = &state.0.storage;
    let found = storage.held(caller.scope(), &asked).await?;
    let entry = AuditEntry {
        action: AuditAction::Search,
        object: "instances".to_owned(),
        outcome: AuditOutcome::Success,
        detail: format!("held {} of {}", found.len(), asked.len()),
    };
    storage.audit_reading(caller.scope(), entry).await?;
    let told = |one: storage::Held| HeldInstance {
        sop_instance_uid: one.instance.to_string(),
        sha256: one.sha256.to_string(),
        series_instance_uid: one.series.to_string(),
        study_instance_uid: one.study.to_string(),
    };
    Ok(Json(HeldInstances { held: found.into_iter().map(told).collect() }))
}
