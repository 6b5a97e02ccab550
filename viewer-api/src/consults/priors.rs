//! What is looked at while a report is written: the page as it would be printed, and earlier reports on the same patient.

use super::{consult_id, now};
use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use consult::prior_reports::PriorReport;
use serde::Serialize;
use utoipa::ToSchema;

/// Earlier reports on the same patient.
#[derive(Serialize, ToSchema)]
pub struct PriorReports {
    /// Newest first; each `consult_id`, `number`, `version`, `canonical_sha256`, `exam`, `report_time`, `reader`, `findings`,
    /// `diagnosis`, `recommendation`, and `fields` of a template that was filled.
    #[schema(value_type = Vec<Object>)]
    pub reports: Vec<PriorReport>,
}

/// Delivered reports on the same patient in which the caller's organisation took part. Each is on record as read.
#[utoipa::path(get, path = "/api/v1/consults/{id}/prior-reports", tag = "reports", params(("id" = String, Path)),
    responses((status = 200, body = PriorReports), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn list_prior_reports(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<PriorReports>, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let reports = state.0.consults.prior_reports(caller, &consult_id(&id)?).await?;
    Ok(Json(PriorReports { reports }))
}

/// The page of what the reader has saved, marked as a draft on every sheet; for its reader only.
#[utoipa::path(get, path = "/api/v1/consults/{id}/report/draft.pdf", tag = "reports", params(("id" = String, Path)),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn draft_pdf(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Search)?;
    let page = state.0.consults.draft_page(caller, &consult_id(&id)?, now()).await?;
    let headers = [(header::CONTENT_TYPE, "application/pdf"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, page).into_response())
}
