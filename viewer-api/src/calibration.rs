//! The scale of slides that do not say it themselves.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use crate::studies::Names;
use access::{Caller, Right};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::SlideId;
use model::time_text::{from_unix_ms, rfc3339};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wsi::Revision;
use wsi::calibration::{Calibration, Measure};

/// A scale: micrometres per pixel, or a distance that is known.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CalibrationBody {
    /// Micrometres per pixel of level 0.
    pub mpp_um: Option<f64>,
    /// Two points and what is between them.
    pub distance: Option<KnownDistance>,
    /// The slide's `revision` when it was measured: of another one the answer is 409.
    pub rev: Option<String>,
}

/// Two points in pixels of level 0, and the micrometres between them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownDistance {
    /// `[x, y]`
    pub from: [f64; 2],
    /// `[x, y]`
    pub to: [f64; 2],
    /// Micrometres.
    pub um: f64,
}

/// Who has given a slide its scale, and when.
#[derive(Serialize, ToSchema)]
pub struct CalibrationInfo {
    /// Micrometres per pixel of level 0.
    pub mpp_um: f64,
    /// Kind and identifier of who made it.
    pub by: String,
    /// Their name, when they belong to the caller's organisation.
    pub by_name: Option<String>,
    /// When (RFC 3339).
    pub at: String,
}

/// The name of who made a calibration, when they belong to the caller's organisation.
async fn name_of(state: &ApiState, caller: &Caller, calibration: &Calibration) -> Option<String> {
    let is_own = calibration.organisation.as_ref() == Some(caller.organisation());
    let id = calibration.by.strip_prefix("person:").filter(|_| is_own)?;
    let people = state.0.storage.people_acting_for(caller.organisation()).await;
    people.ok()?.into_iter().find(|person| person.id.as_str() == id).map(|person| person.name)
}

/// A calibration in words.
pub async fn info(state: &ApiState, caller: &Caller, calibration: &Calibration) -> Option<CalibrationInfo> {
    Some(CalibrationInfo {
        mpp_um: calibration.mpp_um?,
        by: calibration.by.clone(),
        by_name: name_of(state, caller, calibration).await,
        at: rfc3339(from_unix_ms(calibration.at_ms)),
    })
}

/// Who answers for a calibration in a report: a person of the caller's organisation by name, others by their organisation's.
///
/// # Errors
/// [`ApiError`] when the storage fails.
pub async fn made_by(
    state: &ApiState,
    caller: &Caller,
    calibration: &Calibration,
) -> Result<String, ApiError> {
    if let Some(name) = name_of(state, caller, calibration).await {
        return Ok(name);
    }
    match &calibration.organisation {
        Some(organisation) => Ok(Names::default().of(state, organisation).await?.name),
        None => Ok(calibration.by.clone()),
    }
}

/// Whoever reads slides, and the owner's people who bring or correct them.
async fn check_right(state: &ApiState, caller: &Caller, id: &SlideId) -> Result<(), ApiError> {
    let slide = state.0.slides.slide(caller.scope(), id).await?;
    let is_own = slide.owner == *caller.organisation();
    let may = caller.may(Right::Read)
        || caller.may(Right::Review)
        || (is_own && (caller.may(Right::Store) || caller.may(Right::Correct)));
    if may {
        Ok(())
    } else {
        Err(ApiError::Forbidden("您的角色没有这一权限，请联系管理员 / your role does not allow this"))
    }
}

/// Gives a slide without a scale one. Nothing that is stored changes; who and when is kept and shown.
#[utoipa::path(put, path = "/api/v1/slides/{id}/calibration", tag = "slides", request_body = CalibrationBody,
    params(("id" = String, Path, description = "Slide id")),
    responses((status = 200, body = CalibrationInfo), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn put_calibration(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<CalibrationBody>,
) -> Result<Json<CalibrationInfo>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let id = SlideId::parse(&id).map_err(|_| ApiError::NotFound)?;
    check_right(&state, caller, &id).await?;
    let measure = match (body.mpp_um, body.distance) {
        (Some(mpp_um), None) => Measure::MicrometresPerPixel(mpp_um),
        (None, Some(known)) => {
            Measure::Distance { from: known.from.into(), to: known.to.into(), um: known.um }
        }
        _ => return Err(ApiError::invalid("mpp_um", "either mpp_um or distance is needed")),
    };
    let revision = match body.rev.as_deref().map(Revision::parse) {
        Some(None) => return Err(ApiError::invalid("rev", "it is no revision")),
        revision => revision.flatten(),
    };
    let made = state.0.slides.calibrate(caller.scope(), &id, revision, Some(measure)).await;
    let made = made.map_err(|error| match error {
        wsi::SlideError::Invalid(why) => ApiError::invalid("mpp_um", why),
        other => other.into(),
    })?;
    let made = made.ok_or(ApiError::Internal)?;
    info(&state, caller, &made).await.map(Json).ok_or(ApiError::Internal)
}

/// Takes the scale back.
#[utoipa::path(delete, path = "/api/v1/slides/{id}/calibration", tag = "slides",
    params(("id" = String, Path, description = "Slide id")),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn remove_calibration(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<StatusCode, ApiError> {
    let caller = auth.require(Right::Search)?;
    let id = SlideId::parse(&id).map_err(|_| ApiError::NotFound)?;
    check_right(&state, caller, &id).await?;
    state.0.slides.calibrate(caller.scope(), &id, None, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
