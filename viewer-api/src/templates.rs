//! Templates of reports: what readers choose from, and what an organisation's coordinator or administrator writes, publishes
//! and withdraws.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use consult::template::Template;
use consult::template::keeping::{Listed, Opened};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Templates of the caller's organisation.
#[derive(Serialize, ToSchema)]
pub struct TemplateList {
    /// Each `id`, `version` (the newest edition; 0 before the first), `title` and `body_part` (`zh`, `en`), `kind`
    /// (`radiology`, `pathology`), `modalities`, `origin` (`program`, `organisation`), `withdrawn`, `editions`
    /// (`version`, `at`, `by`), `record_version`.
    #[schema(value_type = Vec<Object>)]
    pub templates: Vec<Listed>,
}

/// A template that is being written.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateDraft {
    /// `record_version` as it was read; 0 for a new template.
    pub record_version: i64,
    /// `title`, `kind`, `modalities`, `body_part`, `sections` with `key`, `title`, `required`, `normal` and `fields`.
    #[schema(value_type = Object)]
    pub template: Template,
}

/// Which state of a template was seen.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateSeen {
    /// `record_version` as it was read.
    pub record_version: i64,
}

type OpenedTemplate = Result<Json<Opened>, ApiError>;

/// Templates of the caller's organisation, with those that come with the program; also what is withdrawn. What is not published
/// is for its coordinator and administrator.
#[utoipa::path(get, path = "/api/v1/templates", tag = "report templates",
    responses((status = 200, body = TemplateList), (status = 401, body = Problem)))]
pub async fn list_templates(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<TemplateList>, ApiError> {
    let templates = state.0.consults.templates(&auth.0).await?;
    Ok(Json(TemplateList { templates }))
}

/// A template: as lists show it, and `draft`, what is being written (for the coordinator and the administrator).
#[utoipa::path(get, path = "/api/v1/templates/{id}", tag = "report templates", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn get_template(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> OpenedTemplate {
    Ok(Json(state.0.consults.template(&auth.0, &id).await?))
}

/// An edition of a template, which never changes.
#[utoipa::path(get, path = "/api/v1/templates/{id}/editions/{version}", tag = "report templates",
    params(("id" = String, Path), ("version" = u32, Path)),
    responses((status = 200, body = Object), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn get_template_edition(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, version)): UrlPath<(String, u32)>,
) -> Result<Json<Template>, ApiError> {
    Ok(Json(state.0.consults.template_edition(auth.0.organisation(), &id, version).await?))
}

/// Keeps what is being written (coordinator, administrator). Readers see it once it is published.
#[utoipa::path(put, path = "/api/v1/templates/{id}", tag = "report templates", params(("id" = String, Path)),
    request_body = TemplateDraft,
    responses((status = 200, body = Object), (status = 403, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem)))]
pub async fn put_template(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<TemplateDraft>,
) -> OpenedTemplate {
    let template = Template { id, ..body.template };
    Ok(Json(state.0.consults.put_template(&auth.0, template, body.record_version).await?))
}

/// Publishes what is being written as the next edition (coordinator, administrator).
#[utoipa::path(post, path = "/api/v1/templates/{id}/publish", tag = "report templates", params(("id" = String, Path)),
    request_body = TemplateSeen,
    responses((status = 200, body = Object), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 412, body = Problem)))]
pub async fn publish_template(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<TemplateSeen>,
) -> OpenedTemplate {
    let now = OffsetDateTime::now_utc();
    Ok(Json(state.0.consults.publish_template(&auth.0, &id, body.record_version, now).await?))
}

/// Readers are no longer offered it; reports that name it stay (coordinator, administrator).
#[utoipa::path(post, path = "/api/v1/templates/{id}/withdraw", tag = "report templates", params(("id" = String, Path)),
    request_body = TemplateSeen,
    responses((status = 200, body = Object), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 412, body = Problem)))]
pub async fn withdraw_template(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<TemplateSeen>,
) -> OpenedTemplate {
    Ok(Json(state.0.consults.withdraw_template(&auth.0, &id, body.record_version).await?))
}

/// Readers are offered again what was withdrawn (coordinator, administrator).
#[utoipa::path(post, path = "/api/v1/templates/{id}/offer", tag = "report templates", params(("id" = String, Path)),
    request_body = TemplateSeen,
    responses((status = 200, body = Object), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 412, body = Problem)))]
pub async fn offer_template(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<TemplateSeen>,
) -> OpenedTemplate {
    Ok(Json(state.0.consults.offer_template(&auth.0, &id, body.record_version).await?))
}
