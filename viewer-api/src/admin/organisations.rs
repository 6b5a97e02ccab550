//! Organisations: one's own, and those that one has made and looks after.

use super::{looked_after, require, required};
use crate::auth::LoggedIn;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::{IfMatch, UrlPath};
use crate::state::ApiState;
use access::organisation::NAME_CHARS_MAX;
use access::{Organisation, OrganisationKind, Right};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::OrgId;
use serde::{Deserialize, Serialize};
use storage::StorageError;
use utoipa::ToSchema;

/// Organisations.
#[derive(Serialize, ToSchema)]
pub struct Organisations {
    /// All that the node knows, by identifier.
    pub organisations: Vec<OrganisationItem>,
    /// Whether the caller may make more.
    pub may_create: bool,
}

/// An organisation.
#[derive(Serialize, ToSchema)]
pub struct OrganisationItem {
    /// Identifier.
    pub id: String,
    /// Legal name.
    pub name: String,
    /// `hospital`, `centre` or `collection`.
    #[schema(value_type = String)]
    pub kind: OrganisationKind,
    /// Whether the caller's organisation looks after it.
    pub is_ours: bool,
    /// Who else looks after it.
    pub looked_after_by: Option<String>,
    /// What was seen of it: to be sent in `If-Match` with a change.
    pub etag: String,
}

fn item(organisation: Organisation, own: &OrgId) -> OrganisationItem {
    OrganisationItem {
        is_ours: organisation.is_looked_after_by(own),
        etag: access::tag(&organisation),
        id: organisation.id.to_string(),
        name: organisation.name,
        kind: organisation.kind,
        looked_after_by: organisation.looked_after_by.map(|id| id.to_string()),
    }
}

/// A new organisation.
#[derive(Deserialize, ToSchema)]
pub struct NewOrganisation {
    /// Identifier: 1 to 40 of a-z, 0-9 and -.
    pub id: String,
    /// Legal name, as printed in reports.
    pub name: String,
    /// `hospital`, `centre` or `collection`.
    #[schema(value_type = String)]
    pub kind: OrganisationKind,
}

/// What can be changed of an organisation.
#[derive(Deserialize, ToSchema)]
pub struct OrganisationChange {
    /// Legal name.
    pub name: String,
    /// The same kind, or `hospital` and `centre` for one another.
    #[schema(value_type = String)]
    pub kind: OrganisationKind,
}

/// Who may make organisations: administrators of one that looks after itself.
async fn may_create(state: &ApiState, who: &LoggedIn) -> Result<bool, ApiError> {
    let own = state.0.storage.organisation(who.caller.organisation()).await?;
    Ok(who.caller.may(Right::Administer) && own.looked_after_by.is_none())
}

/// The organisations of the node: their names are no secret to who looks after accounts.
#[utoipa::path(get, path = "/api/v1/admin/organisations", tag = "admin",
    responses((status = 200, body = Organisations), (status = 403, body = Problem)))]
pub async fn list_organisations(
    State(state): State<ApiState>,
    who: LoggedIn,
) -> Result<Json<Organisations>, ApiError> {
    require(&who, &[Right::Administer, Right::Secure, Right::Oversee])?;
    let own = who.caller.organisation();
    let all = state.0.storage.organisations().await?;
    Ok(Json(Organisations {
        organisations: all.into_iter().map(|organisation| item(organisation, own)).collect(),
        may_create: may_create(&state, &who).await?,
    }))
}

/// Makes an organisation, which the caller's then looks after.
#[utoipa::path(post, path = "/api/v1/admin/organisations", tag = "admin", request_body = NewOrganisation,
    responses((status = 201, body = OrganisationItem), (status = 403, body = Problem),
    (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create_organisation(
    State(state): State<ApiState>,
    who: LoggedIn,
    JsonBody(new): JsonBody<NewOrganisation>,
) -> Result<(StatusCode, Json<OrganisationItem>), ApiError> {
    require(&who, &[Right::Administer])?;
    if !may_create(&state, &who).await? {
        return Err(ApiError::Forbidden(
            "由上级机构管理的机构不能再建机构 / who is looked after by another organisation makes none",
        ));
    }
    who.require_fresh()?;
    let id = OrgId::parse(&new.id).ok().filter(|id| !id.as_str().starts_with('-')).ok_or_else(|| {
        ApiError::invalid("id", "1到40个小写字母、数字或连字符 / 1 to 40 of a-z, 0-9 and -")
    })?;
    let organisation = Organisation {
        looked_after_by: Some(who.caller.organisation().clone()),
        ..Organisation::new(id, &required("name", &new.name, NAME_CHARS_MAX)?, new.kind)
    };
    state.0.storage.add_organisation(who.caller.scope(), &organisation).await.map_err(
        |error| match error {
            StorageError::Conflict(_) => {
                ApiError::Conflict("这个标识已被使用 / this identifier is taken".to_owned())
            }
            other => other.into(),
        },
    )?;
    Ok((StatusCode::CREATED, Json(item(organisation, who.caller.organisation()))))
}

/// Changes name or kind. Reports that are signed keep the name that they were signed with.
#[utoipa::path(put, path = "/api/v1/admin/organisations/{id}", tag = "admin", params(("id" = String, Path)),
    request_body = OrganisationChange,
    responses((status = 200, body = OrganisationItem), (status = 403, body = Problem), (status = 404, body = Problem),
    (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn change_organisation(
    State(state): State<ApiState>,
    who: LoggedIn,
    UrlPath(id): UrlPath<String>,
    seen: IfMatch,
    JsonBody(change): JsonBody<OrganisationChange>,
) -> Result<Json<OrganisationItem>, ApiError> {
    require(&who, &[Right::Administer])?;
    let kept = looked_after(&state, &who, &id).await?;
    who.require_fresh()?;
    let name = required("name", &change.name, NAME_CHARS_MAX)?;
    kept.may_become(change.kind)?;
    let amend = |kept: Organisation| Organisation { name, kind: change.kind, ..kept };
    let (storage, scope) = (&state.0.storage, who.caller.scope());
    let organisation = storage.amend_organisation(scope, &kept.id, seen.seen(), amend).await?;
    Ok(Json(item(organisation, who.caller.organisation())))
}
