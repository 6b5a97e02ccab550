//! Quality reviews of delivered reports. Only the reading organisation sees any of it.

use super::{ConsultDetail, Detail, consult_id, detail, now};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::Problem;
use crate::request::UrlPath;
use crate::state::ApiState;
use axum::extract::State;
use consult::quality::Grade;
use serde::Deserialize;
use utoipa::ToSchema;

/// How far a reviewer agrees with a delivered report.
#[derive(Deserialize, ToSchema)]
pub struct GradeRequest {
    /// The version that the person saw.
    pub version: i64,
    /// Radiology: `1`, `2a`, `2b`, `3a`, `3b`, `4a`, `4b`; pathology: `concordant`, `minor`, `major`.
    #[schema(value_type = String)]
    pub grade: Grade,
    /// What differs; required for a discrepancy.
    #[serde(default)]
    pub comment: String,
}

/// Grades a delivered report (a reviewer who has not written it). A discrepancy comes back to its reader.
#[utoipa::path(post, path = "/api/v1/consults/{id}/grade", tag = "consults", params(("id" = String, Path)),
    request_body = GradeRequest,
    responses((status = 200, body = ConsultDetail), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn grade(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<GradeRequest>,
) -> Detail {
    let id = consult_id(&id)?;
    detail(state.0.consults.grade(&auth.0, &id, body.version, body.grade, &body.comment, now()).await)
}
