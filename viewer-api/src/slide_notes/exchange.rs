//! Annotations for other programs: GeoJSON out and in, DICOM out.

use super::annotations::AnnotationInfo;
use super::{on_behalf, slide_id};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::state::ApiState;
use access::{Caller, Right};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::SlideId;
use serde::{Deserialize, Serialize};
use storage::{AuditAction, AuditEntry, AuditOutcome};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use wsi::notes::{Annotations, Shape, geojson};

/// Reads the list for a file that leaves the node, and puts that on the audit chain.
async fn exported(
    state: &ApiState,
    caller: &Caller,
    id: &SlideId,
    form: &str,
) -> Result<Annotations, ApiError> {
    let found = state.0.slides.annotations(caller, id).await?;
    let entry = AuditEntry {
        action: AuditAction::Export,
        object: format!("slide/{id}"),
        outcome: AuditOutcome::Success,
        detail: format!("{} annotations as {form}", found.annotations.len()),
    };
    state.0.storage.audit(caller.scope(), entry).await?;
    Ok(found)
}

fn file(name: String, media_type: &'static str, bytes: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    (headers, bytes).into_response()
}

/// The annotations that the caller sees, as a GeoJSON FeatureCollection that QuPath reads: coordinates are pixels of
/// level 0; class and colour in `classification`; note, author and times in `metadata`.
#[utoipa::path(get, path = "/api/v1/slides/{id}/annotations.geojson", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id")),
    responses((status = 200, content_type = "application/geo+json", body = Object), (status = 404, body = Problem)))]
pub async fn annotations_as_geojson(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = slide_id(&id)?;
    let found = exported(&state, caller, &id, "GeoJSON").await?;
    let text = geojson::export(&found.annotations).to_string();
    Ok(file(format!("slide-{id}.geojson"), "application/geo+json", text.into_bytes()))
}

/// The annotations that the caller sees, as a DICOM Microscopy Bulk Simple Annotations instance (PS3.3 §A.87) that refers
/// to level 0.
#[utoipa::path(get, path = "/api/v1/slides/{id}/annotations.dcm", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id")),
    responses((status = 200, content_type = "application/dicom", body = Vec<u8>), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn annotations_as_dicom(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = slide_id(&id)?;
    let found = exported(&state, caller, &id, "DICOM").await?;
    let bytes = state.0.slides.bulk_annotations(&found, OffsetDateTime::now_utc()).await?;
    Ok(file(format!("slide-{id}-annotations.dcm"), "application/dicom", bytes))
}

/// Within which consult.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// The consult within which they are drawn.
    pub consult: Option<String>,
}

/// What became of a file.
#[derive(Serialize, ToSchema)]
pub struct ImportedAnnotations {
    /// What is on the slide now, all in the name of the caller.
    pub annotations: Vec<AnnotationInfo>,
    /// What was left out.
    pub refused: Vec<RefusedFeature>,
}

/// A feature that was left out.
#[derive(Serialize, ToSchema)]
pub struct RefusedFeature {
    /// Its position in the file, from 0.
    pub position: usize,
    /// Why.
    pub why: &'static str,
}

/// Draws what a GeoJSON file (a FeatureCollection, a list of features or one feature) holds, as QuPath or this node writes
/// it: in one step, in the name of the caller. Features that cannot be drawn are left out and listed.
#[utoipa::path(post, path = "/api/v1/slides/{id}/annotations.geojson", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id"), ImportQuery), request_body = Object,
    responses((status = 200, body = ImportedAnnotations), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn import_geojson(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(query): UrlQuery<ImportQuery>,
    JsonBody(body): JsonBody<serde_json::Value>,
) -> Result<Json<ImportedAnnotations>, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = slide_id(&id)?;
    let slide = state.0.slides.slide(caller.scope(), &id).await?;
    let behalf = on_behalf(&state, caller, &id, query.consult.as_deref()).await?;
    let read = geojson::import(&body).map_err(|why| ApiError::invalid("file", why))?;
    let mut refused: Vec<_> =
        read.refused.into_iter().map(|(position, why)| RefusedFeature { position, why }).collect();
    let mut drawn = Vec::new();
    for (position, new) in read.drawn {
        match Shape::new(new.kind, new.points.clone(), slide.width(), slide.height()) {
            Ok(_) => drawn.push(new),
            Err(why) => refused.push(RefusedFeature { position, why: why.0 }),
        }
    }
    refused.sort_by_key(|one| one.position);
    let now = OffsetDateTime::now_utc();
    let drawn = state.0.slides.annotate_all(caller, &id, drawn, behalf, now).await?;
    let annotations = drawn.iter().map(|one| AnnotationInfo::of(one, caller)).collect();
    Ok(Json(ImportedAnnotations { annotations, refused }))
}
