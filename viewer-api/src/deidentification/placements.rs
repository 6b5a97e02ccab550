//! Studies in teaching collections: putting them there without identity, what lies where, taking them out again.

use super::{open_project, studies};
use crate::auth::{Authenticated, LoggedIn};
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::session::OrganisationName;
use crate::state::ApiState;
use crate::studies::{Names, study_row, text};
use access::{Caller, Right};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dataset::tags;
use model::OrgId;
use model::time_text::{from_unix_ms, rfc3339};
use pacs::deidentify::{self, Placement, PlacementState, Purpose, Wish};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use storage::StorageError;
use utoipa::{IntoParams, ToSchema};

/// What is listed when nobody says how much.
const PAGE: u32 = 50;

/// The collections that the caller's organisation fills.
#[derive(Serialize, ToSchema)]
pub struct CollectionList {
    /// The collections.
    pub collections: Vec<OrganisationName>,
}

/// What is to be put where.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlacementBody {
    /// A collection that the caller's organisation fills.
    pub collection: String,
    /// Study Instance UIDs, at most 200.
    pub studies: Vec<String>,
    /// Whether images that may show identity go there, too: only after somebody has looked at each.
    pub with_risky: bool,
    /// `teaching`, `research`, `quality` or `other`.
    #[schema(value_type = String)]
    pub purpose: Purpose,
    /// In words, 1 to 500 characters.
    pub reason: String,
}

/// Which placements.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PlacementFilter {
    /// In this collection only.
    pub collection: Option<String>,
    /// Rows at most (default 50, at most 200).
    pub limit: Option<u32>,
    /// Rows to skip.
    pub offset: Option<u32>,
}

/// The study that somebody has put into a collection, as the archivist knows it.
#[derive(Serialize, ToSchema)]
pub struct PlacedStudy {
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// Patient's name; empty when the study is not there any more.
    pub patient_name: String,
    /// Study date, `YYYYMMDD`.
    pub study_date: String,
    /// Study description.
    pub description: String,
}

/// A study in a collection.
#[derive(Serialize, ToSchema)]
pub struct PlacementItem {
    /// Identifier.
    pub id: String,
    /// Where.
    pub collection: OrganisationName,
    /// Identifier of the project.
    pub project: String,
    /// Its name.
    pub project_name: String,
    /// Which study; nobody knows any more once the project is closed.
    pub study: Option<PlacedStudy>,
    /// What the patient is called there; empty until it has been looked at.
    pub pseudonym: String,
    /// For what.
    #[schema(value_type = String)]
    pub purpose: Purpose,
    /// When it was asked for (RFC 3339).
    pub at: String,
    /// `waiting`, `putting`, `there`, `failed` or `taking_out`.
    #[schema(value_type = String)]
    pub state: PlacementState,
    /// Why it failed: `nothing_goes`, `gone`, `not_readable`, `patient_changed`, `project_closed` or `no_room`.
    pub why: String,
    /// Instances that are there.
    pub instances: u64,
    /// Instances of the study.
    pub of: u64,
    /// Instances that were left out, by why: `burned_in`, `likely_burned_in`, `label`, `document`, `not_readable`.
    pub left_out: BTreeMap<String, u64>,
}

/// A page of placements.
#[derive(Serialize, ToSchema)]
pub struct PlacementList {
    /// The placements, newest first.
    pub placements: Vec<PlacementItem>,
    /// Whether there are more behind them.
    pub more: bool,
}

async fn items(
    state: &ApiState,
    caller: &Caller,
    placements: Vec<Placement>,
) -> Result<Vec<PlacementItem>, ApiError> {
    let (storage, own) = (&state.0.storage, caller.organisation());
    let projects = deidentify::list(storage, caller.scope(), own).await?;
    let project_name = |id: &str| projects.iter().find(|one| one.id == id).map(|one| one.name.clone());
    let (mut names, mut items) = (Names::default(), Vec::with_capacity(placements.len()));
    for placement in placements {
        let study = match &placement.study {
            None => None,
            Some(uid) => {
                let attributes = match study_row(state, caller.scope(), own, uid).await {
                    Ok(row) => row.attributes.tree(),
                    Err(ApiError::NotFound) => serde_json::Map::new(),
                    Err(error) => return Err(error),
                };
                Some(PlacedStudy {
                    study_instance_uid: uid.to_string(),
                    patient_name: text(&attributes, tags::PATIENT_NAME),
                    study_date: text(&attributes, tags::STUDY_DATE),
                    description: text(&attributes, tags::STUDY_DESCRIPTION),
                })
            }
        };
        items.push(PlacementItem {
            collection: names.of(state, &placement.collection).await?,
            project_name: project_name(&placement.project).unwrap_or_default(),
            study,
            id: placement.id,
            project: placement.project,
            pseudonym: placement.pseudonym,
            purpose: placement.purpose,
            at: rfc3339(from_unix_ms(placement.at_ms)),
            state: placement.state,
            why: placement.why,
            instances: placement.instances,
            of: placement.of,
            left_out: placement.left_out,
        });
    }
    Ok(items)
}

/// The teaching collections that the caller's organisation fills: its own, and those of who looks after it.
#[utoipa::path(get, path = "/api/v1/deidentification/collections", tag = "deidentification",
    responses((status = 200, body = CollectionList), (status = 403, body = Problem)))]
pub async fn list_collections(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<CollectionList>, ApiError> {
    let caller = auth.require(Right::Deidentify)?;
    let collections = deidentify::collections(&state.0.storage, caller.organisation()).await?;
    let name = |one: access::Organisation| OrganisationName { id: one.id.to_string(), name: one.name };
    Ok(Json(CollectionList { collections: collections.into_iter().map(name).collect() }))
}

/// Has studies put into a teaching collection, disguised as in the project's exports: new instances that the collection owns.
/// Who it was has been proved a moment ago, and why is on record. What is there already is recognised.
#[utoipa::path(post, path = "/api/v1/deidentification/projects/{id}/placements", tag = "deidentification",
    request_body = PlacementBody, params(("id" = String, Path)),
    responses((status = 202, body = PlacementList), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn put_into_collection(
    State(state): State<ApiState>,
    who: LoggedIn,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<PlacementBody>,
) -> Result<(StatusCode, Json<PlacementList>), ApiError> {
    let caller = auth.require(Right::Deidentify)?;
    let project = open_project(&state, caller, &id).await?;
    let storage = &state.0.storage;
    let no_collection = || ApiError::invalid("collection", "没有这个教学库 / there is no such collection");
    let wish = Wish {
        collection: OrgId::parse(&body.collection).map_err(|_| no_collection())?,
        studies: studies(&body.studies)?,
        with_risky: body.with_risky,
        purpose: body.purpose,
        reason: body.reason,
    };
    if let Some(fault) = wish.fault(&project) {
        return Err(fault.into());
    }
    let collections = deidentify::collections(storage, caller.organisation()).await?;
    if !collections.iter().any(|collection| collection.id == wish.collection) {
        return Err(no_collection());
    }
    for study in &wish.studies {
        deidentify::is_there(storage, caller.scope(), &project, study).await?;
    }
    who.require_fresh()?;
    let placements =
        deidentify::put(storage, caller.scope(), &project, wish).await.map_err(|error| match error {
            StorageError::Conflict(_) => ApiError::Conflict(
                "其中的检查正在取出，或刚被他人放入，请稍后再试 / one of the studies is being taken out, or was just put there by \
                 somebody else: try again"
                    .to_owned(),
            ),
            other => other.into(),
        })?;
    let placements = items(&state, caller, placements).await?;
    Ok((StatusCode::ACCEPTED, Json(PlacementList { placements, more: false })))
}

/// What lies in which collection, of the caller's organisation's studies.
#[utoipa::path(get, path = "/api/v1/deidentification/placements", tag = "deidentification", params(PlacementFilter),
    responses((status = 200, body = PlacementList), (status = 403, body = Problem)))]
pub async fn list_placements(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(filter): UrlQuery<PlacementFilter>,
) -> Result<Json<PlacementList>, ApiError> {
    let caller = auth.require(Right::Deidentify)?;
    let (scope, own) = (caller.scope(), caller.organisation());
    let page = (filter.limit.unwrap_or(PAGE), filter.offset.unwrap_or(0));
    let collection = filter.collection.as_deref().filter(|text| !text.is_empty());
    let listed = deidentify::placements(&state.0.storage, scope, own, collection, page).await?;
    let placements = items(&state, caller, listed.placements).await?;
    Ok(Json(PlacementList { placements, more: listed.more }))
}

/// Has a study taken out of its collection: its copies there are deleted for good; the study itself stays as it is.
#[utoipa::path(delete, path = "/api/v1/deidentification/placements/{id}", tag = "deidentification",
    params(("id" = String, Path)),
    responses((status = 202, body = PlacementItem), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 409, body = Problem)))]
pub async fn take_out_of_collection(
    State(state): State<ApiState>,
    who: LoggedIn,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<(StatusCode, Json<PlacementItem>), ApiError> {
    let caller = auth.require(Right::Deidentify)?;
    let (storage, scope, own) = (&state.0.storage, caller.scope(), caller.organisation());
    deidentify::placement(storage, scope, own, &id).await?;
    who.require_fresh()?;
    let mut attempts = 0;
    let placement = loop {
        // Its progress is written down meanwhile.
        match deidentify::take_out(storage, scope, own, &id).await {
            Err(StorageError::Conflict(_)) if attempts < 5 => attempts += 1,
            other => break other?,
        }
    };
    let item = items(&state, caller, vec![placement]).await?.pop().ok_or(ApiError::NotFound)?;
    Ok((StatusCode::ACCEPTED, Json(item)))
}
