//! Which instance a tile is from, where a level has several.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::slide_layers::LayerQuery;
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use model::SlideId;
use serde::Serialize;
use utoipa::ToSchema;

/// The instances that the tiles of a level are from.
#[derive(Serialize, ToSchema)]
pub struct LevelInstances {
    /// SOP Instance UIDs.
    pub instances: Vec<String>,
    /// Tiles that follow each other, row by row, and are from the same instance. The first run begins with tile 0; each
    /// ends where the next begins.
    pub runs: Vec<RunInfo>,
}

/// Tiles of a level that follow each other and are from the same instance.
#[derive(Serialize, ToSchema)]
pub struct RunInfo {
    /// Number of the first one: row × tiles in a row + column.
    pub first_tile: u32,
    /// Index in `instances`; null where the level has no tile.
    pub instance: Option<usize>,
}

/// Which instance each tile of a level is from, of one focal plane of one optical path.
#[utoipa::path(get, path = "/api/v1/slides/{id}/levels/{level}/instances", tag = "slides",
    params(("id" = String, Path, description = "Slide id"), ("level" = u32, Path, description = "Level"), LayerQuery),
    responses((status = 200, body = LevelInstances), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn get_instances(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, level)): UrlPath<(String, String)>,
    UrlQuery(layer): UrlQuery<LayerQuery>,
) -> Result<Json<LevelInstances>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let id = SlideId::parse(&id).map_err(|_| ApiError::NotFound)?;
    let level = level.parse().map_err(|_| ApiError::NotFound)?;
    let found = state.0.slides.whereabouts(caller.scope(), &id, level, &layer.seen()?).await?;
    let run = |run: &wsi::TileRun| RunInfo { first_tile: run.first_tile, instance: run.instance };
    Ok(Json(LevelInstances {
        instances: found.instances.iter().map(ToString::to_string).collect(),
        runs: found.runs.iter().map(run).collect(),
    }))
}
