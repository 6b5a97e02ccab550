//! Slides as Deep Zoom images: a descriptor, and tiles on a pyramid of powers of two. A tile of a level that is stored is
//! sent as it is; others are made, and `Farsight-Derived` says so.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::slide_layers::LayerQuery;
use crate::slides::pixels::{Icc, Validator};
use crate::state::ApiState;
use access::Right;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use model::SlideId;
use serde::Deserialize;
use utoipa::IntoParams;
use wsi::Slide;
use wsi::out::{Rectangle, View};

/// The tile's side where the slide's own tiles are not square, or out of the ordinary.
const TILE_DEFAULT: u32 = 256;

/// The side of a tile: the slide's own, if they are square.
fn tile_size(slide: &Slide) -> u32 {
    slide
        .levels
        .first()
        .filter(|level| level.tile_width == level.tile_height && (64..=2048).contains(&level.tile_width))
        .map_or(TILE_DEFAULT, |level| level.tile_width)
}

/// The number of the level that is the slide's largest; level 0 is one pixel.
fn last_level(slide: &Slide) -> u32 {
    let side = slide.width().max(slide.height()).max(1);
    u32::BITS - (side - 1).leading_zeros()
}

/// A tile; `None` outside the pyramid.
fn view(slide: &Slide, level: u32, column: u32, row: u32) -> Option<View> {
    let factor = 1_u64 << last_level(slide).checked_sub(level)?;
    let step = factor * u64::from(tile_size(slide));
    let axis = |place: u32, whole: u32| {
        let from = u32::try_from(u64::from(place).checked_mul(step)?).ok().filter(|from| *from < whole)?;
        let length = u32::try_from(step.min(u64::from(whole - from))).ok()?;
        let size = u32::try_from(u64::from(length).div_ceil(factor)).ok()?;
        Some((from, length, size))
    };
    let ((x, width, across), (y, height, down)) = (axis(column, slide.width())?, axis(row, slide.height())?);
    Some(View::plain(Rectangle { x, y, width, height }, (across, down)))
}

/// The Deep Zoom descriptor. It has no place for a scale, planes or channels: what its query says goes for the tiles, whose
/// addresses viewers end with the same query.
#[utoipa::path(get, path = "/api/v1/slides/{id}/dzi.dzi", tag = "slides",
    params(("id" = String, Path, description = "Slide id"), LayerQuery),
    responses((status = 200, content_type = "application/xml", body = String), (status = 404, body = Problem)))]
pub async fn get_descriptor(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(layer): UrlQuery<LayerQuery>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = SlideId::parse(&id).map_err(|_| ApiError::NotFound)?;
    let slide = state.0.slides.slide_seen(caller.scope(), &id, &layer.seen()?).await?;
    let (tile, width, height) = (tile_size(&slide), slide.width(), slide.height());
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Image xmlns=\"http://schemas.microsoft.com/deepzoom/2008\" Format=\"jpg\" Overlap=\"0\" TileSize=\"{tile}\">\
         <Size Width=\"{width}\" Height=\"{height}\"/></Image>\n"
    );
    let headers = [(header::CONTENT_TYPE, "application/xml"), (header::CACHE_CONTROL, "private, max-age=60")];
    Ok((headers, text).into_response())
}

/// What may be said beside the path.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DziQuery {
    /// `srgb`: colours converted from the slide's profile; off by default.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    icc: Icc,
}

/// A Deep Zoom tile.
#[utoipa::path(get, path = "/api/v1/slides/{id}/dzi_files/{level}/{tile}", tag = "slides",
    params(("id" = String, Path, description = "Slide id"),
           ("level" = u32, Path, description = "0 is one pixel"),
           ("tile" = String, Path, description = "`COLUMN_ROW.jpg`"), DziQuery, LayerQuery),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 304),
              (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn get_dzi_tile(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath((id, level, tile)): UrlPath<(String, String, String)>,
    UrlQuery(query): UrlQuery<DziQuery>,
    UrlQuery(layer): UrlQuery<LayerQuery>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = SlideId::parse(&id).map_err(|_| ApiError::NotFound)?;
    let number = |text: &str| text.parse::<u32>().map_err(|_| ApiError::NotFound);
    let (column, row) =
        tile.strip_suffix(".jpg").and_then(|place| place.split_once('_')).ok_or(ApiError::NotFound)?;
    let slides = &state.0.slides;
    let place = (number(&level)?, number(column)?, number(row)?);
    let form = slides
        .view_of(caller.scope(), &id, layer.seen()?, |slide| {
            let colouring = query.icc.into();
            view(slide, place.0, place.1, place.2).map(|view| View { colouring, ..view })
        })
        .await?;
    let validator = Validator::of_form(&form);
    match validator.not_modified(&headers) {
        Some(response) => Ok(response),
        None => validator.answer(slides.make(form).await?),
    }
}
