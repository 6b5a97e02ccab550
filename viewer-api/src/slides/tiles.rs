//! Tiles, associated images and the colour profile of a slide.

use super::label_right;
use super::pixels::{self, Icc, Validator};
use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::slide_layers::LayerQuery;
use crate::state::ApiState;
use access::Right;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::SlideId;
use serde::Deserialize;
use utoipa::IntoParams;
use wsi::out::Colouring;
use wsi::{AssociatedKind, Tile, TileForm};

/// In which form a tile is wanted, and of which layer: the fields of [`LayerQuery`] once more, since a query is read once.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TileQuery {
    /// `jpeg`: something that every browser shows; `stored`: the codestream as it is stored. Without it `Accept` decides:
    /// who takes images (`image/*`, `image/jpeg`) and does not name the stored media type gets JPEG, everybody else what is
    /// stored.
    #[serde(rename = "as")]
    #[param(value_type = Option<String>)]
    form: Option<Wanted>,
    /// `srgb`: colours converted from the slide's profile; off by default.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    icc: Icc,
    #[param(ignore)]
    z: Option<String>,
    #[param(ignore)]
    path: Option<String>,
    #[param(ignore)]
    channels: Option<String>,
    #[param(ignore)]
    rev: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    Jpeg,
    Stored,
}

/// One tile. Level 0 is the largest; x and y count tiles from the top left. JPEG is sent as it is stored. Another
/// codestream is decoded for browsers, which cannot show it, and the answer says so in `Farsight-Derived`.
#[utoipa::path(get, path = "/api/v1/slides/{id}/tiles/{level}/{x}/{y}", tag = "slides",
    params(("id" = String, Path, description = "Slide id"), ("level" = u32, Path, description = "Level"),
           ("x" = u32, Path, description = "Column"), ("y" = u32, Path, description = "Row"), TileQuery, LayerQuery),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>,
               headers(("ETag" = String, description = "strong"),
                       ("Farsight-Derived" = Option<String>, description = "how it was made, when it is not what is stored"))),
              (status = 304), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn get_tile(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath((id, level, x, y)): UrlPath<(String, String, String, String)>,
    UrlQuery(query): UrlQuery<TileQuery>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let number = |text: &str| text.parse::<u32>().map_err(|_| ApiError::NotFound);
    let id = SlideId::parse(&id).map_err(|_| ApiError::NotFound)?;
    let at = (number(&level)?, number(&x)?, number(&y)?);
    let slides = &state.0.slides;
    let TileQuery { form: wanted, icc, z, path, channels, rev } = query;
    let colouring = Colouring::from(icc);
    let seen = LayerQuery { z, path, channels, rev }.seen()?;
    if seen.channels.is_some() {
        if wanted == Some(Wanted::Stored) || colouring != Colouring::AsStored {
            return Err(ApiError::invalid("channels", "channels are put together as they are, into a JPEG"));
        }
        let tile = slides.composed_tile(caller.scope(), &id, at, &seen).await?;
        let validator = Validator::of_composed(&tile);
        return match validator.not_modified(&headers) {
            Some(response) => Ok(response),
            None => validator.answer(slides.read_composed(caller.scope(), &tile).await?),
        };
    }
    let tile = slides.tile_of(caller.scope(), &id, at, seen).await?;
    let form = form(wanted, colouring, &headers, &tile)?;
    let validator = Validator::of_tile(&tile, form);
    let mut response = match validator.not_modified(&headers) {
        Some(response) => response,
        None => validator.answer(slides.read_tile(caller.scope(), &tile, form).await?)?,
    };
    if !tile.is_jpeg() {
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    }
    Ok(response)
}

fn form(
    wanted: Option<Wanted>,
    colouring: Colouring,
    headers: &HeaderMap,
    tile: &Tile,
) -> Result<TileForm, ApiError> {
    let jpeg = TileForm::Jpeg(colouring);
    match (wanted, colouring) {
        (Some(Wanted::Stored), Colouring::AsStored) => Ok(TileForm::Stored),
        (Some(Wanted::Stored), _) => {
            Err(ApiError::invalid("icc", "the stored tile has its own colours: ask as=jpeg"))
        }
        (Some(Wanted::Jpeg), _) | (None, Colouring::Srgb) => Ok(jpeg),
        (None, _) if tile.is_jpeg() => Ok(TileForm::Stored),
        (None, _) => {
            let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
            Ok(if wants_an_image(accept, |media_type| tile.is_stored_as(media_type)) {
                jpeg
            } else {
                TileForm::Stored
            })
        }
    }
}

/// Whether `Accept` asks for an image without naming the stored form: as browsers do for what they show.
fn wants_an_image<'a>(accept: impl Iterator<Item = &'a str>, is_stored_as: impl Fn(&str) -> bool) -> bool {
    let mut is_image = false;
    for range in accept.flat_map(|value| value.split(',')) {
        let mut parameters = range.split(';').map(str::trim);
        let media_type = parameters.next().unwrap_or_default().to_ascii_lowercase();
        let is_refused = parameters.any(|parameter| {
            parameter.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0)
        });
        if is_refused {
            continue;
        }
        if is_stored_as(&media_type) {
            return false;
        }
        is_image |= media_type.starts_with("image/");
    }
    is_image
}

/// The label, the overview or the thumbnail of a slide. Label and overview show identity and need a right of their own.
#[utoipa::path(get, path = "/api/v1/slides/{id}/associated/{kind}", tag = "slides",
    params(("id" = String, Path, description = "Slide id"),
           ("kind" = String, Path, description = "`label`, `overview` or `thumbnail`")),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 404, body = Problem)))]
pub async fn get_associated(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, kind)): UrlPath<(String, String)>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = SlideId::parse(&id).map_err(|_| ApiError::NotFound)?;
    let kind = AssociatedKind::parse(&kind).ok_or(ApiError::NotFound)?;
    let picture = state.0.slides.associated(caller.scope(), label_right(caller), &id, kind).await?;
    let derived = picture.derived.unwrap_or_default();
    Ok((
        [
            (header::CONTENT_TYPE, picture.media_type),
            // The right to see it may be withdrawn.
            (header::CACHE_CONTROL, "private, max-age=3600"),
            (pixels::DERIVED, derived.as_str()),
        ],
        picture.bytes,
    )
        .into_response())
}

/// The ICC profile that a slide's colours are in, as it is stored.
#[utoipa::path(get, path = "/api/v1/slides/{id}/icc", tag = "slides",
    params(("id" = String, Path, description = "Slide id")),
    responses((status = 200, content_type = "application/vnd.iccprofile", body = Vec<u8>),
              (status = 404, body = Problem, description = "no such slide, or it has no profile")))]
pub async fn get_icc(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = SlideId::parse(&id).map_err(|_| ApiError::NotFound)?;
    let profile = state.0.slides.profile(caller.scope(), &id).await?;
    Ok((
        [
            (header::CONTENT_TYPE, "application/vnd.iccprofile"),
            (header::CACHE_CONTROL, "private, max-age=86400"),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"slide.icc\""),
        ],
        profile,
    )
        .into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_something_to_show_and_programs_what_is_stored() {
        let check = |accept: &str, expected: bool| {
            let is_stored = |media_type: &str| matches!(media_type, "image/j2c" | "application/octet-stream");
            assert_eq!(wants_an_image([accept].into_iter(), is_stored), expected, "{accept}");
        };
        // Chromium, Firefox and Safari for <img>.
        check("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", true);
        check("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", true);
        check("image/webp,image/avif,image/jxl,image/heic,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", true);
        check("image/jpeg", true);
        check("*/*", false);
        check("", false);
        check("image/j2c, image/jpeg;q=0.5", false);
        check("image/j2c;q=0, image/jpeg", true);
        check("application/octet-stream", false);
    }
}
