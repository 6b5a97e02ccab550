//! Annotations: list, draw, change, delete, earlier versions.

use super::{NoteAuthor, etag, list_validator, on_behalf, rfc3339, slide_id, version_read};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::{Caller, Right};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use wsi::notes::{Annotation, Class, Colour, NewAnnotation, Point, ShapeKind};

/// What is drawn.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnnotationDraft {
    /// `point`, `line`, `polygon` (also what is drawn by hand), `rectangle` (its four corners) or `ellipse` (the ends of
    /// the major axis, then of the minor axis).
    #[schema(value_type = String)]
    pub kind: ShapeKind,
    /// `[x, y]` in pixels of level 0 from the top left corner, at most 10,000.
    #[schema(value_type = Vec<Vec<f64>>)]
    pub points: Vec<Point>,
    /// `attention` (default), `tumour`, `invasion`, `mitosis`, `necrosis`, `inflammation`, `margin`, `normal` or
    /// `artefact`.
    #[serde(default)]
    #[schema(value_type = String)]
    pub class: Class,
    /// `#rrggbb`; left out: the class's.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub colour: Option<Colour>,
    /// Words, at most 4000 characters. Control characters, and those that turn the direction of writing, are removed.
    #[serde(default)]
    pub text: String,
    /// The consult within which it is drawn (only when it is new).
    #[serde(default)]
    pub consult: Option<String>,
}

impl From<AnnotationDraft> for NewAnnotation {
    fn from(draft: AnnotationDraft) -> Self {
        let AnnotationDraft { kind, points, class, colour, text, consult: _ } = draft;
        Self { kind, points, class, colour, text }
    }
}

/// An annotation.
#[derive(Serialize, ToSchema)]
pub struct AnnotationInfo {
    /// Identifier.
    pub id: String,
    /// Counts up with each change; in quotes it is the ETag.
    pub version: i64,
    /// `point`, `line`, `polygon`, `rectangle` or `ellipse`.
    pub kind: &'static str,
    /// Pixels of level 0.
    #[schema(value_type = Vec<Vec<f64>>)]
    pub points: Vec<Point>,
    /// What it is of.
    pub class: &'static str,
    /// `#rrggbb`
    #[schema(value_type = String)]
    pub colour: Colour,
    /// Words, or empty.
    pub text: String,
    /// Who drew it.
    pub author: NoteAuthor,
    /// Whether it is the caller's own, to change and to delete.
    pub own: bool,
    /// When it was drawn (RFC 3339).
    pub created_at: String,
    /// When this version was made (RFC 3339).
    pub changed_at: String,
}

impl AnnotationInfo {
    /// As this caller sees it.
    pub fn of(annotation: &Annotation, caller: &Caller) -> Self {
        Self {
            id: annotation.id.clone(),
            version: annotation.version,
            kind: annotation.shape.kind().as_str(),
            points: annotation.shape.points().to_vec(),
            class: annotation.class.as_str(),
            colour: annotation.colour,
            text: annotation.text.clone(),
            author: (&annotation.author).into(),
            own: annotation.author.is(caller),
            created_at: rfc3339(annotation.created_at_ms),
            changed_at: rfc3339(annotation.changed_at_ms),
        }
    }
}

/// Annotations, in the order in which they were drawn.
#[derive(Serialize, ToSchema)]
pub struct AnnotationList {
    /// The annotations.
    pub annotations: Vec<AnnotationInfo>,
}

fn answer(status: StatusCode, annotation: &Annotation, caller: &Caller) -> Response {
    let body = Json(AnnotationInfo::of(annotation, caller));
    (status, [(header::ETAG, etag(annotation.version))], body).into_response()
}

/// The annotations on a slide that the caller sees: those of the own organisation, of the slide's owner, and, for the
/// owner, of whom it has asked. The ETag changes with any of them, so that asking again is cheap.
#[utoipa::path(get, path = "/api/v1/slides/{id}/annotations", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id")),
    responses((status = 200, body = AnnotationList), (status = 304), (status = 404, body = Problem)))]
pub async fn list_annotations(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath(id): UrlPath<String>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = slide_id(&id)?;
    // Before the list is read, so that what changes meanwhile is not missed.
    let revision = state.0.slides.notes_revision(caller, &id).await?;
    let (validator, has_it) = list_validator(caller, &revision, &headers);
    let about = [(header::ETAG, validator), (header::CACHE_CONTROL, super::no_cache())];
    if has_it {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    let found = state.0.slides.annotations(caller, &id).await?;
    let annotations = found.annotations.iter().map(|one| AnnotationInfo::of(one, caller)).collect();
    Ok((about, Json(AnnotationList { annotations })).into_response())
}

/// Draws an annotation.
#[utoipa::path(post, path = "/api/v1/slides/{id}/annotations", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id")), request_body = AnnotationDraft,
    responses((status = 201, body = AnnotationInfo), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn draw_annotation(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(draft): JsonBody<AnnotationDraft>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = slide_id(&id)?;
    let behalf = on_behalf(&state, caller, &id, draft.consult.as_deref()).await?;
    let now = OffsetDateTime::now_utc();
    let drawn = state.0.slides.annotate(caller, &id, draft.into(), behalf, now).await?;
    Ok(answer(StatusCode::CREATED, &drawn, caller))
}

/// Changes an annotation of one's own; the version before is kept. `If-Match` says which version was read: if it is not
/// the current one, nothing is changed (412).
#[utoipa::path(put, path = "/api/v1/slides/{id}/annotations/{annotation}", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id"), ("annotation" = String, Path, description = "Annotation id"),
           ("If-Match" = String, Header, description = "The ETag of the version that was read")),
    request_body = AnnotationDraft,
    responses((status = 200, body = AnnotationInfo), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem), (status = 428, body = Problem)))]
pub async fn change_annotation(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath((id, annotation)): UrlPath<(String, String)>,
    JsonBody(draft): JsonBody<AnnotationDraft>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let (id, version, now) = (slide_id(&id)?, version_read(&headers)?, OffsetDateTime::now_utc());
    let slides = &state.0.slides;
    let changed = slides.change_annotation(caller, &id, &annotation, version, draft.into(), now).await?;
    Ok(answer(StatusCode::OK, &changed, caller))
}

/// Deletes an annotation of one's own: it is kept with its versions, and no longer shown.
#[utoipa::path(delete, path = "/api/v1/slides/{id}/annotations/{annotation}", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id"), ("annotation" = String, Path, description = "Annotation id"),
           ("If-Match" = String, Header, description = "The ETag of the version that was read")),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 428, body = Problem)))]
pub async fn delete_annotation(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath((id, annotation)): UrlPath<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let (id, version, now) = (slide_id(&id)?, version_read(&headers)?, OffsetDateTime::now_utc());
    state.0.slides.delete_annotation(caller, &id, &annotation, version, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An annotation with its earlier versions, the newest first; also one that was deleted.
#[utoipa::path(get, path = "/api/v1/slides/{id}/annotations/{annotation}/versions", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id"), ("annotation" = String, Path, description = "Annotation id")),
    responses((status = 200, body = AnnotationList), (status = 404, body = Problem)))]
pub async fn annotation_versions(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, annotation)): UrlPath<(String, String)>,
) -> Result<Json<AnnotationList>, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let versions = state.0.slides.annotation_versions(caller, &slide_id(&id)?, &annotation).await?;
    let annotations = versions.iter().map(|one| AnnotationInfo::of(one, caller)).collect();
    Ok(Json(AnnotationList { annotations }))
}
