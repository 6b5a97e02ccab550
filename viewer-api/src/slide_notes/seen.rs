//! What a person has opened and seen. For that person alone.

use super::{rfc3339, slide_id};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use wsi::notes::{STEPS, Seen};

/// What the caller has seen of a slide.
#[derive(Serialize, ToSchema)]
pub struct SlideSeen {
    /// When it was opened first (RFC 3339); null: never.
    pub first_at: Option<String>,
    /// When something of it was seen last (RFC 3339).
    pub last_at: Option<String>,
    /// How often it was opened.
    pub openings: u64,
    /// The slide's grid.
    pub grid: CoverageGrid,
    /// For each step of magnification what was on the screen, the largest first.
    pub steps: Vec<CoverageStep>,
}

/// A slide in cells.
#[derive(Serialize, ToSchema)]
pub struct CoverageGrid {
    /// Side of a cell, pixels of level 0.
    pub cell_px: u32,
    /// Cells in a row.
    pub columns: u32,
    /// Cells in a column.
    pub rows: u32,
}

/// What was seen at a magnification or a larger one.
#[derive(Serialize, ToSchema)]
pub struct CoverageStep {
    /// Pixels of level 0 for each pixel of the screen, at most.
    pub downsample: u32,
    /// Base64 of one bit for each cell, row by row: cell n is bit n mod 8 (1, 2, 4, …) of byte n / 8.
    pub cells: String,
    /// Share of all cells, 0 to 1.
    pub share: f64,
}

/// What has just been on the screen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenNow {
    /// For each step of magnification (in the order of the answer) the cells, as there. What was sent before need not be
    /// sent again, and may be.
    pub steps: Vec<String>,
}

impl From<Seen> for SlideSeen {
    fn from(seen: Seen) -> Self {
        let shares = seen.coverage.shares(&seen.grid);
        let steps = STEPS.iter().zip(seen.coverage.to_texts()).zip(shares);
        Self {
            first_at: seen.first_at_ms.map(rfc3339),
            last_at: seen.last_at_ms.map(rfc3339),
            openings: seen.openings,
            grid: CoverageGrid {
                cell_px: seen.grid.cell_px,
                columns: seen.grid.columns,
                rows: seen.grid.rows,
            },
            steps: steps
                .map(|((downsample, cells), share)| CoverageStep { downsample: *downsample, cells, share })
                .collect(),
        }
    }
}

/// What the caller has seen of a slide.
#[utoipa::path(get, path = "/api/v1/slides/{id}/coverage", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id")),
    responses((status = 200, body = SlideSeen), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn get_coverage(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<SlideSeen>, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    Ok(Json(state.0.slides.seen(caller, &slide_id(&id)?).await?.into()))
}

/// Adds what has just been on the screen for a moment.
#[utoipa::path(post, path = "/api/v1/slides/{id}/coverage", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id")), request_body = SeenNow,
    responses((status = 200, body = SlideSeen), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn add_coverage(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(now): JsonBody<SeenNow>,
) -> Result<Json<SlideSeen>, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = slide_id(&id)?;
    Ok(Json(state.0.slides.cover(caller, &id, &now.steps, OffsetDateTime::now_utc()).await?.into()))
}

/// Notes that the caller has opened a slide.
#[utoipa::path(post, path = "/api/v1/slides/{id}/seen", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id")),
    responses((status = 200, body = SlideSeen), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn open_slide(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<SlideSeen>, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    Ok(Json(state.0.slides.open(caller, &slide_id(&id)?, OffsetDateTime::now_utc()).await?.into()))
}
