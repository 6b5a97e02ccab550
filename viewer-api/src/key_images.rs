//! Bookmarks of a slide become key images of a report, and back come their pictures.

use crate::auth::Authenticated;
use crate::calibration;
use crate::consults::reports::KeyImageChoice;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::{Caller, Right};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use consult::KeyImage;
use consult::key_image::KEY_IMAGES_MAX;
use model::{ConsultId, Sha256, SlideId};
use wsi::notes::{Bookmark, FieldOfView};
use wsi::{Composition, Mpp, Slide};

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
    let has = state.0.consults.get(caller, consult).await?.consult.report.unwrap_or_default().key_images;
    let mut images = Vec::with_capacity(choices.len());
    for choice in choices {
        let known = has.iter().find(|image| image.bookmark == choice.bookmark);
        images.push(match known {
            Some(image) => image.clone(),
            None => new(state, caller, choice).await?,
        });
    }
    Ok(images)
}

async fn new(state: &ApiState, caller: &Caller, choice: &KeyImageChoice) -> Result<KeyImage, ApiError> {
    let missing = || ApiError::invalid("key_images", "没有这一书签 / there is no such bookmark");
    let slide = SlideId::parse(&choice.slide).map_err(|_| missing())?;
    let found = state.0.slides.bookmark_picture(caller, &slide, &choice.bookmark).await;
    let (slide, bookmark, picture) = match found {
        Ok(found) if found.1.deleted_at_ms.is_none() => found,
        Ok(_) | Err(wsi::notes::NoteError::NotFound) => return Err(missing()),
        Err(error) => return Err(error.into()),
    };
    let kept = state.0.consults.keep_picture(caller, &picture).await?;
    if kept != bookmark.picture.sha256 {
        tracing::error!("a bookmark's picture is not the one that its hash names");
        return Err(ApiError::Internal);
    }
    let scale = Scale::of(state, caller, &slide).await?;
    Ok(described(&slide, &bookmark, scale))
}

/// How large a slide's pixels are.
struct Scale {
    mpp_um: Option<Mpp>,
    /// Who says so, when the scanner does not.
    calibrated_by: Option<String>,
}

impl Scale {
    async fn of(state: &ApiState, caller: &Caller, slide: &Slide) -> Result<Self, ApiError> {
        if slide.mpp_um.is_some() {
            return Ok(Self { mpp_um: slide.mpp_um, calibrated_by: None });
        }
        let Some(made) = state.0.slides.calibration(slide).await? else {
            return Ok(Self { mpp_um: None, calibrated_by: None });
        };
        let by = calibration::made_by(state, caller, &made).await?;
        Ok(Self { mpp_um: made.mpp(), calibrated_by: Some(by) })
    }
}

/// What the path or the channels of a field of view are called, in the order in which they are named.
fn channel_names(slide: &Slide, view: &FieldOfView) -> Option<String> {
    let composed = view.channels.as_deref().and_then(|text| Composition::parse(slide, text).ok());
    let paths: Vec<&str> = match (&composed, &view.path) {
        (Some(composed), _) => composed.drawn().iter().map(|drawn| drawn.path.as_str()).collect(),
        (None, path) => path.iter().map(String::as_str).collect(),
    };
    let name = |path: &&str| {
        let channel = slide.channels.iter().find(|channel| channel.identifier == **path)?;
        let is_named = !channel.description.is_empty();
        Some(if is_named { channel.description.as_str() } else { channel.identifier.as_str() })
    };
    let names: Vec<&str> = paths.iter().filter_map(name).collect();
    (!names.is_empty()).then(|| names.join("、"))
}

fn described(slide: &Slide, bookmark: &Bookmark, scale: Scale) -> KeyImage {
    let view = &bookmark.view;
    let micrometres = |pixels: f64, along: f64| decimal(pixels * along, 0);
    // Along the screen's sides a turned slide's pixels are as large as they are on average.
    let um_per_px = scale.mpp_um.map(|mpp| f64::midpoint(mpp.x, mpp.y));
    let magnification = slide.objective.map(|power| decimal(power * view.zoom, 1));
    KeyImage {
        bookmark: bookmark.id.clone(),
        name: bookmark.name.clone(),
        slide: bookmark.slide.clone(),
        series: slide.series.clone(),
        instance: bookmark.picture.instance.clone(),
        // Checked to be on or near the slide when the bookmark was made.
        centre_x_px: view.x.round() as i64,
        centre_y_px: view.y.round() as i64,
        width_px: view.width().round().max(1.0) as u64,
        height_px: view.height().round().max(1.0) as u64,
        rotation_deg: decimal(view.rotation_deg.rem_euclid(360.0), 1),
        mirrored: view.mirrored,
        width_um: um_per_px.map(|along| micrometres(view.width(), along)),
        height_um: um_per_px.map(|along| micrometres(view.height(), along)),
        calibrated_by: scale.calibrated_by,
        magnification,
        focal_plane: view.z.clone().filter(|_| slide.focal_planes.len() > 1).map(|z| plane(slide, z)),
        path: view.path.clone().filter(|_| slide.channels.len() > 1),
        channels: view.channels.clone(),
        channel_names: channel_names(slide, view),
        picture_sha256: bookmark.picture.sha256,
        picture_width: bookmark.picture.width,
        picture_height: bookmark.picture.height,
        made_by: bookmark.author.name.clone(),
        made_at: model::time_text::rfc3339(model::time_text::from_unix_ms(bookmark.created_at_ms)),
    }
}

/// A focal plane in words: its height, when the slide says how far its planes are apart.
fn plane(slide: &Slide, z: String) -> String {
    let is_distance = slide.focal_planes.iter().any(|plane| plane.is_distance && plane.name() == z);
    if is_distance { format!("{z} µm") } else { z }
}

/// A decimal string without trailing zeros. What would round to nothing keeps three digits.
fn decimal(value: f64, digits: usize) -> String {
    let digits = if value.abs() < 10.0 { digits + 2 } else { digits };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_nothing() {
        for (value, digits, expected) in [
            (812.4, 0, "812"),
            (20.0, 1, "20"),
            (2.5, 1, "2.5"),
            (0.3127, 1, "0.313"),
            (7.25, 0, "7.25"),
            (0.0, 1, "0"),
        ] {
            assert_eq!(decimal(value, digits), expected);
        }
    }
}
