//! De-identified exports: projects, what an export would hold, asking for one and fetching it; `placements` are studies in
//! teaching collections.

pub mod placements;

use crate::auth::{Authenticated, LoggedIn};
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::{Caller, Person, Right};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use dataset::deidentify::{ProfileOption, Risk};
use model::Uid;
use model::time_text::{from_unix_ms, rfc3339};
use pacs::deidentify::{self, NewProject, Project, Purpose, STUDIES_MAX, StudySurvey};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use storage::StorageError;
use utoipa::ToSchema;

/// A project to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectBody {
    /// What people call it.
    pub name: String,
    /// `retain_uids`, `retain_device_identity`, `retain_institution_identity`, `retain_patient_characteristics`,
    /// `retain_full_dates`, `retain_modified_dates`, `clean_descriptors` (PS3.15 §E.3).
    #[schema(value_type = Vec<String>)]
    pub options: Vec<ProfileOption>,
}

/// A project.
#[derive(Serialize, ToSchema)]
pub struct ProjectItem {
    /// Identifier.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Options of the profile.
    #[schema(value_type = Vec<String>)]
    pub options: Vec<ProfileOption>,
    /// Who made it: kind and identifier.
    pub made_by: String,
    /// Their name, when a person of this organisation.
    pub made_by_name: Option<String>,
    /// When (RFC 3339).
    pub made_at: String,
    /// Closed: its secret is gone, and nothing more is exported for it.
    pub is_closed: bool,
}

/// The projects of the caller's organisation, newest first.
#[derive(Serialize, ToSchema)]
pub struct ProjectList {
    /// The projects.
    pub projects: Vec<ProjectItem>,
}

/// Studies of the own organisation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StudiesBody {
    /// Study Instance UIDs, at most 200.
    pub studies: Vec<String>,
}

/// What of one study would go out.
#[derive(Serialize, ToSchema)]
pub struct SurveyItem {
    /// Study Instance UID.
    pub study: String,
    /// What the patient is called in the project.
    pub pseudonym: String,
    /// Instances that go out.
    pub instances: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of these, images that do not say that nothing is burned in.
    pub unsaid: u64,
    /// Held back unless somebody who has looked says otherwise: of a kind that often shows identity.
    pub likely_burned_in: u64,
    /// The same: they say that identity is burned in.
    pub burned_in: u64,
    /// Labels and overviews of slides: never go out.
    pub labels: u64,
    /// Documents and reports: never go out.
    pub documents: u64,
}

/// What an export would hold.
#[derive(Serialize, ToSchema)]
pub struct SurveyAnswer {
    /// By study, as asked.
    pub studies: Vec<SurveyItem>,
}

/// An export to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportBody {
    /// Study Instance UIDs, at most 200.
    pub studies: Vec<String>,
    /// Whether images that may show identity go out, too: only after somebody has looked at each.
    pub with_risky: bool,
    /// `teaching`, `research`, `quality` or `other`.
    #[schema(value_type = String)]
    pub purpose: Purpose,
    /// In words, 1 to 500 characters.
    pub reason: String,
}

/// An export that can be fetched.
#[derive(Serialize, ToSchema)]
pub struct ExportAnswer {
    /// Identifier.
    pub id: String,
    /// Where it is fetched, by the same person.
    pub url: String,
    /// Until when (RFC 3339).
    pub until: String,
}

/// The people of the caller's organisation, one of whom may have made a project.
async fn people(state: &ApiState, caller: &Caller) -> Result<Vec<Person>, ApiError> {
    Ok(state.0.storage.people(caller.scope(), caller.organisation()).await?)
}

fn item(people: &[Person], project: Project) -> ProjectItem {
    let id = project.made_by.strip_prefix("person:").unwrap_or_default();
    ProjectItem {
        made_by_name: people.iter().find(|person| person.id.as_str() == id).map(|person| person.name.clone()),
        id: project.id,
        name: project.name,
        options: project.options,
        made_by: project.made_by,
        made_at: rfc3339(from_unix_ms(project.made_at_ms)),
        is_closed: project.is_closed,
    }
}

fn studies(texts: &[String]) -> Result<Vec<Uid>, ApiError> {
    let mut seen = HashSet::new();
    let parsed: Result<Vec<Uid>, _> =
        texts.iter().filter(|text| seen.insert(text.as_str())).map(|text| Uid::parse(text)).collect();
    match parsed {
        Ok(studies) if (1..=STUDIES_MAX).contains(&studies.len()) => Ok(studies),
        _ => Err(ApiError::invalid("studies", "需要1到200个检查 / 1 to 200 studies")),
    }
}

/// A project that something can still be exported for.
async fn open_project(state: &ApiState, caller: &Caller, id: &str) -> Result<Project, ApiError> {
    let project = deidentify::project(&state.0.storage, caller.scope(), caller.organisation(), id).await?;
    if project.is_closed {
        return Err(ApiError::WrongState("项目已关闭 / the project is closed".to_owned()));
    }
    Ok(project)
}

/// The projects of the caller's organisation.
#[utoipa::path(get, path = "/api/v1/deidentification/projects", tag = "deidentification",
    responses((status = 200, body = ProjectList), (status = 403, body = Problem)))]
pub async fn list_projects(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<ProjectList>, ApiError> {
    let caller = auth.require(Right::Deidentify)?;
    let projects = deidentify::list(&state.0.storage, caller.scope(), caller.organisation()).await?;
    let people = people(&state, caller).await?;
    Ok(Json(ProjectList { projects: projects.into_iter().map(|project| item(&people, project)).collect() }))
}

/// Makes a project, with a secret of its own.
#[utoipa::path(post, path = "/api/v1/deidentification/projects", tag = "deidentification", request_body = ProjectBody,
    responses((status = 201, body = ProjectItem), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn create_project(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(body): JsonBody<ProjectBody>,
) -> Result<(StatusCode, Json<ProjectItem>), ApiError> {
    let caller = auth.require(Right::Deidentify)?;
    let new = NewProject { name: body.name, options: body.options };
    if let Some((field, why)) = new.fault() {
        return Err(ApiError::invalid(field, why));
    }
    let made = deidentify::create(&state.0.storage, caller.scope(), caller.organisation(), new).await?;
    Ok((StatusCode::CREATED, Json(item(&people(&state, caller).await?, made))))
}

/// Closes a project for good: its secret is destroyed, so that nobody can tell again who was who.
#[utoipa::path(post, path = "/api/v1/deidentification/projects/{id}/close", tag = "deidentification",
    params(("id" = String, Path)),
    responses((status = 200, body = ProjectItem), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem)))]
pub async fn close_project(
    State(state): State<ApiState>,
    who: LoggedIn,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<ProjectItem>, ApiError> {
    let caller = auth.require(Right::Deidentify)?;
    deidentify::project(&state.0.storage, caller.scope(), caller.organisation(), &id).await?;
    who.require_fresh()?;
    let closed = deidentify::close(&state.0.storage, caller.scope(), caller.organisation(), &id).await;
    let closed = closed.map_err(|error| match error {
        StorageError::Conflict(_) => ApiError::WrongState(
            "有检查正在放入或取出教学库，请稍候 / studies are on their way into a collection or out of it: wait for them"
                .to_owned(),
        ),
        other => other.into(),
    })?;
    Ok(Json(item(&people(&state, caller).await?, closed)))
}

/// What an export of these studies would hold, and what would be held back.
#[utoipa::path(post, path = "/api/v1/deidentification/projects/{id}/survey", tag = "deidentification",
    request_body = StudiesBody, params(("id" = String, Path)),
    responses((status = 200, body = SurveyAnswer), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn survey_export(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<StudiesBody>,
) -> Result<Json<SurveyAnswer>, ApiError> {
    let caller = auth.require(Right::Deidentify)?;
    let project = open_project(&state, caller, &id).await?;
    let mut surveys = Vec::new();
    for study in studies(&body.studies)? {
        surveys.push(deidentify::survey(&state.0.storage, caller.scope(), &project, &study).await?);
    }
    Ok(Json(SurveyAnswer { studies: surveys.into_iter().map(survey_item).collect() }))
}

fn survey_item(survey: StudySurvey) -> SurveyItem {
    let count = |risk: Risk| survey.counts.get(&risk).copied().unwrap_or_default();
    SurveyItem {
        study: survey.study.to_string(),
        instances: count(Risk::None) + count(Risk::Unsaid),
        unsaid: count(Risk::Unsaid),
        likely_burned_in: count(Risk::Likely),
        burned_in: count(Risk::BurnedIn),
        labels: count(Risk::Label),
        documents: count(Risk::Document),
        bytes: survey.bytes,
        pseudonym: survey.pseudonym,
    }
}

/// Asks for an export: who it was has been proved a moment ago, and why is on record.
#[utoipa::path(post, path = "/api/v1/deidentification/projects/{id}/exports", tag = "deidentification",
    request_body = ExportBody, params(("id" = String, Path)),
    responses((status = 201, body = ExportAnswer), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn ask_for_export(
    State(state): State<ApiState>,
    who: LoggedIn,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<ExportBody>,
) -> Result<(StatusCode, Json<ExportAnswer>), ApiError> {
    let caller = auth.require(Right::Deidentify)?;
    let project = open_project(&state, caller, &id).await?;
    let studies = studies(&body.studies)?;
    let reason = body.reason.trim();
    if reason.is_empty() || reason.chars().count() > 500 {
        return Err(ApiError::invalid(
            "reason",
            "请写明用途，最多500字 / say what for, in at most 500 characters",
        ));
    }
    let storage = &state.0.storage;
    for study in &studies {
        deidentify::is_there(storage, caller.scope(), &project, study).await?;
    }
    who.require_fresh()?;
    let why = (body.purpose, reason);
    let export = deidentify::arm(storage, caller.scope(), &project, studies, body.with_risky, why).await?;
    let answer = ExportAnswer {
        url: format!("/api/v1/deidentification/exports/{}", export.id),
        until: rfc3339(from_unix_ms(export.at_ms + deidentify::ARM_MS)),
        id: export.id,
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// The export as a ZIP archive of DICOM files with a `manifest.json`: for whoever asked for it, for fifteen minutes.
#[utoipa::path(get, path = "/api/v1/deidentification/exports/{id}", tag = "deidentification",
    params(("id" = String, Path)),
    responses((status = 200, content_type = "application/zip", body = Vec<u8>), (status = 403, body = Problem),
    (status = 404, body = Problem)))]
pub async fn fetch_export(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Deidentify)?;
    let storage = &state.0.storage;
    let export = deidentify::take(storage, caller.scope(), &id).await?;
    let project = open_project(&state, caller, &export.project).await?;
    let (scope, with_risky) = (caller.scope().clone(), export.with_risky);
    let archive = deidentify::archive(storage.clone(), scope, project, export.studies, with_risky);
    let headers = [
        (header::CONTENT_TYPE, "application/zip"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"deidentified.zip\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(archive)).into_response())
}
