//! What people measure on a study's images: seen, saved, exported. The rules are in `consult::measurements`.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::session::OrganisationName;
use crate::state::ApiState;
use crate::studies::study_row;
use access::{Caller, Right};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use consult::measurements::{Measurement, Sheet};
use model::{OrgId, Uid};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Everything that one person has measured on a study.
#[derive(Serialize, ToSchema)]
pub struct MeasurementSheet {
    /// Counts up with each change.
    pub version: i64,
    /// Person id.
    pub person: String,
    /// Person's name.
    pub name: String,
    /// The organisation that they belong to.
    pub organisation: OrganisationName,
    /// Whether it is the caller's own, to change.
    pub own: bool,
    /// When it was saved last (RFC 3339).
    pub changed_at: String,
    /// In the order in which they were made: `id` (a UID), `kind` (`length`, `angle`, `cobb`, `ratio`, `ellipse`,
    /// `rectangle`, `probe`, `arrow`), `series`, `instance`, `frame` (from 1), `points` (column and row, the middle of the
    /// first pixel is 0.5, 0.5), `values` (`quantity`, `value`, `unit`) and `text`.
    #[schema(value_type = Vec<Object>)]
    pub measurements: Vec<Measurement>,
}

impl MeasurementSheet {
    fn of(sheet: Sheet, caller: &Caller) -> Self {
        Self {
            own: sheet.is_of(caller),
            version: sheet.version,
            person: sheet.person.to_string(),
            name: sheet.person_name,
            organisation: OrganisationName {
                id: sheet.organisation.to_string(),
                name: sheet.organisation_name,
            },
            changed_at: model::time_text::rfc3339(model::time_text::from_unix_ms(sheet.changed_at_ms)),
            measurements: sheet.measurements,
        }
    }
}

/// The sheets that the caller sees.
#[derive(Serialize, ToSchema)]
pub struct MeasurementSheets {
    /// One for each person.
    pub sheets: Vec<MeasurementSheet>,
}

/// What the caller has measured.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasurementsToSave {
    /// The version that was read; 0 when nothing has been saved yet.
    pub version: i64,
    /// All of it, at most 500; it takes the place of what was saved.
    #[schema(value_type = Vec<Object>)]
    pub measurements: Vec<Measurement>,
}

fn place(org: &str, study: &str) -> Result<(OrgId, Uid), ApiError> {
    let owner = OrgId::parse(org).map_err(|_| ApiError::NotFound)?;
    Ok((owner, Uid::parse(study).map_err(|_| ApiError::NotFound)?))
}

/// What has been measured on a study: the caller's own sheet, those of the own organisation, of the study's owner and, for
/// the owner, of whom it has asked.
#[utoipa::path(get, path = "/api/v1/studies/{org}/{study}/measurements", tag = "studies",
    params(("org" = String, Path, description = "Owner organisation"),
           ("study" = String, Path, description = "Study Instance UID")),
    responses((status = 200, body = MeasurementSheets), (status = 404, body = Problem)))]
pub async fn list_measurements(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((org, study)): UrlPath<(String, String)>,
) -> Result<Json<MeasurementSheets>, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let (owner, study) = place(&org, &study)?;
    study_row(&state, caller.scope(), &owner, &study).await?;
    let sheets = state.0.consults.measurements(caller, &owner, &study).await?;
    Ok(Json(MeasurementSheets {
        sheets: sheets.into_iter().map(|sheet| MeasurementSheet::of(sheet, caller)).collect(),
    }))
}

/// Saves the caller's own sheet, in place of what was saved. A version that is not the current one changes nothing (412).
#[utoipa::path(put, path = "/api/v1/studies/{org}/{study}/measurements", tag = "studies",
    params(("org" = String, Path, description = "Owner organisation"),
           ("study" = String, Path, description = "Study Instance UID")),
    request_body = MeasurementsToSave,
    responses((status = 200, body = MeasurementSheet), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn save_measurements(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((org, study)): UrlPath<(String, String)>,
    JsonBody(body): JsonBody<MeasurementsToSave>,
) -> Result<Json<MeasurementSheet>, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let (owner, study) = place(&org, &study)?;
    study_row(&state, caller.scope(), &owner, &study).await?;
    let now = OffsetDateTime::now_utc();
    let MeasurementsToSave { version, measurements } = body;
    let saved =
        state.0.consults.save_measurements(caller, &owner, &study, version, measurements, now).await?;
    Ok(Json(MeasurementSheet::of(saved, caller)))
}

/// The caller's own sheet as a DICOM Comprehensive SR, template 1500 (Measurement Report).
#[utoipa::path(get, path = "/api/v1/studies/{org}/{study}/measurements.dcm", tag = "studies",
    params(("org" = String, Path, description = "Owner organisation"),
           ("study" = String, Path, description = "Study Instance UID")),
    responses((status = 200, content_type = "application/dicom", body = Vec<u8>), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn measurements_as_dicom(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((org, study)): UrlPath<(String, String)>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let (owner, study) = place(&org, &study)?;
    let row = study_row(&state, caller.scope(), &owner, &study).await?;
    let attributes = row.attributes.tree();
    let now = OffsetDateTime::now_utc();
    let bytes = state.0.consults.measurements_as_dicom(caller, &owner, &study, &attributes, now).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/dicom"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"measurements.dcm\""),
        (header::CACHE_CONTROL, "private, no-store"),
    ];
    Ok((headers, bytes).into_response())
}
