//! Slides that wait for somebody to say whose they are.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use model::SlideId;
use model::time_text::{from_unix_ms, rfc3339};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wsi::Particulars;
use wsi::identify::SlideIdentity;
use wsi::identity::{Doubt, Origin, Standing};

/// A slide that waits.
#[derive(Serialize, ToSchema)]
pub struct UnidentifiedSlide {
    /// Slide.
    pub slide_id: String,
    /// Study Instance UID, as it was made.
    pub study_instance_uid: String,
    /// The name of its file.
    pub source: String,
    /// `unknown`, or `doubtful` when whoever brought it says one thing and its label or its file's name another.
    #[schema(value_type = String)]
    pub standing: Standing,
    /// What went into the instances.
    #[schema(value_type = Object)]
    pub of: Particulars,
    /// Where those who said something disagree: `field`, and `said`, pairs of who (`person`, `barcode`, `file_name`, `recorded`) and what,
    /// which is empty for a barcode when the caller may not see labels.
    #[schema(value_type = Vec<Object>)]
    pub doubts: Vec<Doubt>,
    /// What the barcodes on its label say; only for who may see labels.
    pub barcodes: Vec<String>,
    /// When it was imported (RFC 3339).
    pub imported_at: String,
}

/// Slides that wait, the last imported first.
#[derive(Serialize, ToSchema)]
pub struct UnidentifiedList {
    /// The slides.
    pub slides: Vec<UnidentifiedSlide>,
}

/// Whose it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityBody {
    /// `patient_name`, `patient_id`, `patient_birth_date`, `patient_sex`, `accession_number`; a name or
    /// an ID that is missing is none, and of another patient than before nothing stays.
    #[schema(value_type = Object)]
    pub of: Particulars,
}

fn item(mut identity: SlideIdentity, may_see_labels: bool) -> UnidentifiedSlide {
    if !may_see_labels {
        hide_label(&mut identity);
    }
    UnidentifiedSlide {
        slide_id: identity.slide.to_string(),
        study_instance_uid: identity.study.to_string(),
        source: identity.source,
        standing: identity.standing,
        of: identity.particulars,
        doubts: identity.doubts,
        barcodes: identity.barcodes,
        imported_at: rfc3339(from_unix_ms(identity.imported_at_ms)),
    }
}

/// Takes out what the label says in its own words.
fn hide_label(identity: &mut SlideIdentity) {
    let barcodes = std::mem::take(&mut identity.barcodes);
    identity.particulars.container_id.take_if(|text| barcodes.contains(text));
    for (who, what) in identity.doubts.iter_mut().flat_map(|doubt| &mut doubt.said) {
        if *who == Origin::Barcode || barcodes.contains(what) {
            what.clear();
        }
    }
}

/// Slides of the caller's organisation of which it is not known whose they are, or doubtful.
#[utoipa::path(get, path = "/api/v1/unidentified-slides", tag = "slides",
    responses((status = 200, body = UnidentifiedList), (status = 403, body = Problem)))]
pub async fn list_unidentified(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<UnidentifiedList>, ApiError> {
    let caller = auth.require_any(&[Right::Store, Right::Correct])?;
    let may_see = caller.may(Right::SeeLabels);
    let found = state.0.slides.unidentified(caller.scope(), caller.organisation()).await?;
    Ok(Json(UnidentifiedList { slides: found.into_iter().map(|one| item(one, may_see)).collect() }))
}

/// Says whose a slide is that waits for it: a correction of its studies, and no change of what is stored.
#[utoipa::path(put, path = "/api/v1/slides/{id}/identity", tag = "slides", request_body = IdentityBody,
    params(("id" = String, Path, description = "Slide id")),
    responses((status = 200, body = UnidentifiedSlide), (status = 403, body = Problem), (status = 404, body = Problem),
              (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn identify_slide(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<IdentityBody>,
) -> Result<Json<UnidentifiedSlide>, ApiError> {
    let caller = auth.require_any(&[Right::Store, Right::Correct])?;
    let id = SlideId::parse(&id).map_err(|_| ApiError::NotFound)?;
    if let Some(field) = body.of.first_fault() {
        return Err(ApiError::invalid(field, "过长，或不是这一种标识 / it is too long, or not of its kind"));
    }
    let names_nobody = [&body.of.patient_name, &body.of.patient_id]
        .iter()
        .all(|text| text.as_deref().is_none_or(|text| text.trim().is_empty()));
    if names_nobody {
        return Err(ApiError::invalid("patient_id", "a patient's name or ID is needed"));
    }
    let slides = &state.0.slides;
    let identity = slides.identify(caller.scope(), caller.organisation(), &id, &body.of).await?;
    Ok(Json(item(identity, caller.may(Right::SeeLabels))))
}
