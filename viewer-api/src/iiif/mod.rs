//! Slides as IIIF Image API 3.0, level 2: a tile that is stored is sent as it is stored, anything else is made.
//!
//! An image is a slide, one of its layers, or one of its associated images, which exist only for who may see them
//! (`identifier`).

mod identifier;
mod request;
mod services;

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::slides::label_right;
use crate::slides::pixels::{Icc, Validator};
use crate::state::ApiState;
use access::{Caller, Right};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use identifier::Image;
use model::Limits;
use request::{ImageRequest, canonical};
use serde::{Deserialize, Serialize};
use services::Service;
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use wsi::out::native_scale;
use wsi::{LayerChoice, Slide};

const CONTEXT: &str = "http://iiif.io/api/image/3/context.json";
const JSON_LD: &str = "application/ld+json;profile=\"http://iiif.io/api/image/3/context.json\"";
const PROFILE: &str = "<http://iiif.io/api/image/3/level2.json>;rel=\"profile\"";

/// A size or a tile size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImageSize {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// Tiles that are stored as they are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageTiles {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Pixels of the image in one of the tile's.
    pub scale_factors: Vec<u32>,
}

/// Image information (IIIF Image API 3.0 §5).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageInfo {
    /// The JSON-LD context.
    #[serde(rename = "@context")]
    pub context: &'static str,
    /// Where the image is.
    pub id: String,
    /// `ImageService3`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The protocol's name.
    pub protocol: &'static str,
    /// `level2`.
    pub profile: &'static str,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Columns of a picture.
    pub max_width: u32,
    /// Rows of a picture.
    pub max_height: u32,
    /// Pixels of a picture.
    pub max_area: u64,
    /// Sizes of the whole image that a level has.
    pub sizes: Vec<ImageSize>,
    /// Tiles of the levels whose factor is a whole number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiles: Vec<ImageTiles>,
    /// Beside those of the level.
    pub extra_qualities: [&'static str; 2],
    /// Beside those of the level.
    pub extra_features: [&'static str; 4],
    /// The format that tiles are stored in, or made into.
    pub preferred_formats: [&'static str; 1],
    /// The scale, and what else of the slide there is to choose from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<Service>,
}

impl ImageInfo {
    fn new(id: String, (width, height): (u32, u32), limits: &Limits) -> Self {
        Self {
            context: CONTEXT,
            id,
            kind: "ImageService3",
            protocol: "http://iiif.io/api/image",
            profile: "level2",
            width,
            height,
            max_width: limits.region_side_max,
            max_height: limits.region_side_max,
            max_area: limits.region_pixels_max,
            sizes: Vec::new(),
            tiles: Vec::new(),
            extra_qualities: ["gray", "bitonal"],
            extra_features: ["canonicalLinkHeader", "mirroring", "profileLinkHeader", "sizeUpscaling"],
            preferred_formats: ["jpg"],
            service: Vec::new(),
        }
    }

    /// What levels there are that have the layer: only what is true of each.
    fn with_levels(mut self, slide: &Slide, layer: &LayerChoice, limits: &Limits) -> Self {
        let mut tiles: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
        for level in slide.levels.iter().filter(|level| slide.shows(level, layer)) {
            let pixels = u64::from(level.width) * u64::from(level.height);
            if pixels <= limits.region_pixels_max && level.width.max(level.height) <= limits.region_side_max {
                self.sizes.push(ImageSize { width: level.width, height: level.height });
            }
            if let Some(factor) = native_scale(slide, level)
                && level.tile_width.max(level.tile_height) <= limits.region_side_max
            {
                tiles.entry((level.tile_width, level.tile_height)).or_default().push(factor);
            }
        }
        // The smallest first.
        self.sizes.reverse();
        self.tiles = tiles
            .into_iter()
            .map(|((width, height), mut scale_factors)| {
                scale_factors.dedup();
                ImageTiles { width, height, scale_factors }
            })
            .collect();
        self
    }
}

/// `…/iiif/3/{id}`, without a slash behind it.
fn address(state: &ApiState, image: &Image) -> String {
    format!("{}/iiif/3/{}", state.0.public_origin.trim_end_matches('/'), image.name())
}

async fn size_of(state: &ApiState, caller: &Caller, image: &Image) -> Result<(u32, u32), ApiError> {
    let slides = &state.0.slides;
    Ok(match image {
        Image::Slide(id, _) => {
            let slide = slides.slide_seen(caller.scope(), id, &image.seen()?).await?;
            (slide.width(), slide.height())
        }
        Image::Associated(id, kind) => {
            slides.associated_size(caller.scope(), label_right(caller), id, *kind).await?
        }
    })
}

/// Leads to `info.json` (§2.2).
#[utoipa::path(get, path = "/iiif/3/{id}", tag = "slides",
    params(("id" = String, Path, description = "Slide id, or that with `:label`, `:overview`, `:thumbnail`, or with `;` and what is chosen: \
                         `z=…&path=…`, `z=…&channels=…`, `rev=…`")),
    responses((status = 303, description = "to info.json"), (status = 404, body = Problem)))]
pub async fn get_base(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let image = Image::parse(&id)?;
    size_of(&state, caller, &image).await?;
    let to = format!("{}/info.json", address(&state, &image));
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response())
}

/// What there is of an image (IIIF Image API 3.0 §5).
#[utoipa::path(get, path = "/iiif/3/{id}/info.json", tag = "slides",
    params(("id" = String, Path, description = "Slide id, or that with `:label`, `:overview`, `:thumbnail`, or with `;` and what is chosen: \
                         `z=…&path=…`, `z=…&channels=…`, `rev=…`")),
    responses((status = 200, content_type = "application/ld+json", body = ImageInfo), (status = 404, body = Problem)))]
pub async fn get_info(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath(id): UrlPath<String>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let image = Image::parse(&id)?;
    let size = size_of(&state, caller, &image).await?;
    let limits = state.0.storage.limits();
    let mut info = ImageInfo::new(address(&state, &image), size, limits);
    match &image {
        Image::Slide(id, _) => {
            let seen = image.seen()?;
            let slide = state.0.slides.slide_seen(caller.scope(), id, &seen).await?;
            info = info.with_levels(&slide, &seen.layer, limits);
            info.service = services::of_slide(&state, caller, &image, &slide).await?;
        }
        Image::Associated(..) => info.sizes.push(ImageSize { width: size.0, height: size.1 }),
    }
    let body = serde_json::to_vec(&info).map_err(|_| ApiError::Internal)?;
    let wants_plain = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json") && !accept.contains("ld+json"));
    let content_type = if wants_plain { "application/json" } else { JSON_LD };
    Ok((
        [
            (header::CONTENT_TYPE, content_type),
            (header::LINK, PROFILE),
            (header::CACHE_CONTROL, "private, max-age=60"),
            (header::VARY, "accept"),
        ],
        body,
    )
        .into_response())
}

/// What may be said beside the path.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImageQuery {
    /// `srgb`: colours converted from the slide's profile; off by default.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    icc: Icc,
}

/// A picture of a part of an image (IIIF Image API 3.0 §4): a tile as it is stored, when it is one of `info.json`'s in
/// default quality; otherwise made of the smallest level that has the resolution, and then `Farsight-Derived` says so.
#[utoipa::path(get, path = "/iiif/3/{id}/{region}/{size}/{rotation}/{file}", tag = "slides",
    params(("id" = String, Path, description = "Slide id, or that with `:label`, `:overview`, `:thumbnail`, or with `;` and what is chosen: \
                         `z=…&path=…`, `z=…&channels=…`, `rev=…`"),
           ("region" = String, Path, description = "`full`, `square`, `x,y,w,h`, `pct:x,y,w,h`"),
           ("size" = String, Path, description = "`max`, `w,`, `,h`, `pct:n`, `w,h`, `!w,h`; with `^` also larger"),
           ("rotation" = String, Path, description = "0, 90, 180, 270; with `!` mirrored first"),
           ("file" = String, Path, description = "`default`, `color`, `gray` or `bitonal`, then `.jpg` or `.png`"),
           ImageQuery),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 304),
              (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn get_image(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath((id, region, size, rotation, file)): UrlPath<(String, String, String, String, String)>,
    UrlQuery(query): UrlQuery<ImageQuery>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let image = Image::parse(&id)?;
    let whole = size_of(&state, caller, &image).await?;
    let limits = state.0.storage.limits();
    let view =
        ImageRequest::parse(&region, &size, &rotation, &file)?.view(whole, query.icc.into(), limits)?;
    let slides = &state.0.slides;
    let form = match &image {
        Image::Slide(id, _) => slides.view_of(caller.scope(), id, image.seen()?, |_| Some(view)).await?,
        Image::Associated(id, kind) => {
            slides.view_associated(caller.scope(), label_right(caller), id, *kind, &view).await?
        }
    };
    let validator = Validator::of_form(&form);
    let mut response = match validator.not_modified(&headers) {
        Some(response) => response,
        None => validator.answer(slides.make(form).await?)?,
    };
    let canonical = canonical(&view, whole, limits);
    if matches!(image, Image::Associated(..)) {
        // They show the patient: the right to see them may end, and the next user of this browser may not have it.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    let link = format!("{PROFILE}, <{}/{canonical}>;rel=\"canonical\"", address(&state, &image));
    response
        .headers_mut()
        .insert(header::LINK, HeaderValue::from_str(&link).map_err(|_| ApiError::Internal)?);
    Ok(response)
}
