//! Bookmarks of a slide and images of radiology become key images of a report, and back come their pictures.

mod frame;
mod slide;

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::{Caller, Right};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use consult::key_image::KEY_IMAGES_MAX;
use consult::{Action, KeyImage};
use model::{ConsultId, Sha256};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What becomes a key image: a bookmark of a slide (`slide` and `bookmark`), or a frame of an image (`id` and `instance`).
/// One that came with the report may be sent back as it came.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct KeyImageChoice {
    /// Slide id.
    pub slide: Option<String>,
    /// Bookmark id.
    pub bookmark: Option<String>,
    /// What the page calls it: a UUID.
    pub id: Option<String>,
    /// SOP Instance UID; one of the case's evidence.
    pub instance: Option<String>,
    /// Which frame, from 1; the first when it is left out.
    pub frame: Option<u32>,
    /// Window centre in the image's units, a decimal string; without it the image's own look.
    pub window_centre: Option<String>,
    /// Window width, a decimal string.
    pub window_width: Option<String>,
    /// Whether black and white are exchanged.
    pub inverted: bool,
    /// How the image is turned, clockwise: `0`, `90`, `180` or `270`.
    pub rotation_deg: Option<String>,
    /// Whether left and right are exchanged, after the turn.
    pub mirrored: bool,
    /// What is written below it.
    pub name: String,
    /// Width that the picture fits into, pixels: 64 to 1024.
    pub picture_width: Option<u32>,
    /// Height that the picture fits into.
    pub picture_height: Option<u32>,
    /// What is drawn on it, in pixels of the picture.
    #[schema(value_type = Vec<Object>)]
    pub marks: Vec<serde_json::Value>,
}

/// The key images that were chosen. One that the report has already stays as it is, so that it does not change under its
/// reader; a new one is described, and its picture kept with the reader's organisation.
pub async fn chosen(
    state: &ApiState,
    caller: &Caller,
    consult: &ConsultId,
    choices: &[KeyImageChoice],
) -> Result<Vec<KeyImage>, ApiError> {
    if choices.is_empty() {
        return Ok(Vec::new());
    }
    if choices.len() > KEY_IMAGES_MAX {
        return Err(ApiError::invalid("key_images", "关键图像最多 8 张 / at most 8 key images"));
    }
    let view = state.0.consults.get(caller, consult).await?;
    let has = view.consult.report.as_ref().map(|report| report.key_images.as_slice()).unwrap_or_default();
    let is_writing = view.allowed.contains(&Action::Edit);
    let mut images = Vec::with_capacity(choices.len());
    for choice in choices {
        let known =
            has.iter().find(|image| choice.bookmark.as_deref().or(choice.id.as_deref()) == Some(image.id()));
        images.push(match (&choice.bookmark, known) {
            (Some(_), Some(image)) => image.clone(),
            (Some(bookmark), None) => {
                let slide = choice.slide.as_deref().unwrap_or_default();
                KeyImage::Slide(slide::new(state, caller, slide, bookmark).await?)
            }
            (None, known) => {
                let known = known.and_then(|image| match image {
                    KeyImage::Frame(frame) => Some(frame),
                    KeyImage::Slide(_) => None,
                });
                // Nothing is made for somebody whose report is going to be refused.
                if known.is_none() && !is_writing {
                    return Err(ApiError::Forbidden(
                        "只有报告医师可以选关键图像 / only who reads the case chooses its key images",
                    ));
                }
                KeyImage::Frame(frame::chosen(state, caller, &view.consult, choice, known).await?)
            }
        });
    }
    Ok(images)
}

/// The picture of a key image of a report, under its SHA-256 as the canonical report names it.
#[utoipa::path(get, path = "/api/v1/consults/{id}/report/pictures/{sha256}", tag = "reports",
    params(("id" = String, Path), ("sha256" = String, Path, description = "SHA-256, hexadecimal")),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 404, body = Problem)))]
pub async fn report_picture(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, name)): UrlPath<(String, String)>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = ConsultId::parse(&id).map_err(|_| ApiError::NotFound)?;
    let name = Sha256::parse(&name).map_err(|_| ApiError::NotFound)?;
    let picture = state.0.consults.picture(caller, &id, &name).await?;
    let headers = [
        (header::CONTENT_TYPE, "image/jpeg"),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable"),
    ];
    Ok((headers, picture).into_response())
}
