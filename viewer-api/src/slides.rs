//! Slides and their tiles. A tile is one ranged read; nothing is decoded.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::session::OrganisationName;
use crate::slide_layers::{self, ChannelInfo, FocalPlaneInfo, LayerQuery};
use crate::state::ApiState;
use crate::studies::Names;
use access::{Caller, Right};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::SlideId;
use serde::Serialize;
use utoipa::ToSchema;
use wsi::{AssociatedKind, LabelRight, Mpp};

/// Content never changes under its address, and belongs to one caller only.
const IMMUTABLE: &str = "private, max-age=31536000, immutable";

/// Slides that the caller may see.
#[derive(Serialize, ToSchema)]
pub struct SlideList {
    /// The last imported first.
    pub slides: Vec<SlideInfo>,
}

/// A slide.
#[derive(Serialize, ToSchema)]
pub struct SlideInfo {
    /// Identifier.
    pub id: String,
    /// Owner organisation.
    pub organisation: OrganisationName,
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// Series Instance UID of the pyramid.
    pub series_instance_uid: String,
    /// Patient's name, like all of the study's attributes as it is now, after corrections.
    pub patient_name: String,
    /// Patient ID.
    pub patient_id: String,
    /// Study date, `YYYYMMDD`.
    pub study_date: String,
    /// Name of the file that it was imported from.
    pub source: String,
    /// Format of that file, such as `Aperio SVS`.
    pub format: String,
    /// Scanner, as far as the file says.
    pub scanner: Option<String>,
    /// Power of the objective.
    pub objective: Option<f64>,
    /// Micrometres per pixel of level 0: `{x, y}`.
    #[schema(value_type = Option<Object>)]
    pub mpp_um: Option<Mpp>,
    /// Pixels of level 0.
    pub width: u32,
    /// Pixels of level 0.
    pub height: u32,
    /// Pixels.
    pub tile_width: u32,
    /// Pixels.
    pub tile_height: u32,
    /// The levels, the largest first.
    pub levels: Vec<LevelInfo>,
    /// Focal planes, the one nearest to the glass first; empty when nothing is said of them.
    pub focal_planes: Vec<FocalPlaneInfo>,
    /// Optical paths; empty when nothing is said of them.
    pub channels: Vec<ChannelInfo>,
    /// How channels without colours are usually put together: a value for a tile's `channels`. Null when there are not
    /// several.
    pub composition: Option<String>,
    /// `A` the scanner's codestream is unchanged, `B` re-tiled with equal coefficients, `C` encoded again. With
    /// `as_received` nothing of this was compared.
    pub grade: String,
    /// Whether it came as DICOM and is kept as it came: there is no file of the scanner to compare it with.
    pub as_received: bool,
    /// What was checked: `tiles_checked`, `tiles_equal`, `method`, `codec`, `generations`.
    #[schema(value_type = Object)]
    pub grade_report: serde_json::Value,
    /// Whether there is a label that the caller may see.
    pub has_label: bool,
    /// Whether there is an overview that the caller may see.
    pub has_overview: bool,
    /// `label`, `overview`, `thumbnail`, as far as the caller may see them.
    pub associated: Vec<&'static str>,
    /// Study description.
    pub description: String,
    /// When it was imported (RFC 3339).
    pub imported_at: String,
}

/// A level of a pyramid.
#[derive(Serialize, ToSchema)]
pub struct LevelInfo {
    /// 0 is the largest.
    pub level: u32,
    /// SOP Instance UID of the level.
    pub sop_instance_uid: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Width of level 0 divided by this level's.
    pub downsample: f64,
    /// Tiles in a row.
    pub tiles_x: u32,
    /// Tiles in a column.
    pub tiles_y: u32,
    /// Pixels.
    pub tile_width: u32,
    /// Pixels.
    pub tile_height: u32,
}

fn label_right(caller: &Caller) -> LabelRight {
    if caller.may(Right::SeeLabels) { LabelRight::Granted } else { LabelRight::Withheld }
}

async fn info(
    state: &ApiState,
    caller: &Caller,
    names: &mut Names,
    slide: &wsi::Slide,
) -> Result<SlideInfo, ApiError> {
    let may_see = |kind: AssociatedKind| {
        let own = slide.owner == *caller.organisation();
        slide.has(kind) && (!kind.shows_identity() || (own && label_right(caller) == LabelRight::Granted))
    };
    let associated: Vec<&'static str> =
        [AssociatedKind::Label, AssociatedKind::Overview, AssociatedKind::Thumbnail]
            .into_iter()
            .filter(|kind| may_see(*kind))
            .map(AssociatedKind::as_str)
            .collect();
    let first = slide.levels.first();
    Ok(SlideInfo {
        id: slide.id.to_string(),
        organisation: names.of(state, &slide.owner).await?,
        study_instance_uid: slide.study.to_string(),
        series_instance_uid: slide.series.to_string(),
        patient_name: shown_name(&slide.patient_name),
        patient_id: slide.patient_id.clone(),
        study_date: slide.study_date.clone(),
        source: slide.source.clone(),
        format: slide.format.clone(),
        scanner: slide.scanner.clone(),
        objective: slide.objective,
        mpp_um: slide.mpp_um,
        width: slide.width(),
        height: slide.height(),
        tile_width: first.map_or(0, |level| level.tile_width),
        tile_height: first.map_or(0, |level| level.tile_height),
        levels: slide.levels.iter().map(level_info).collect(),
        focal_planes: slide_layers::focal_planes(slide),
        channels: slide_layers::channels(slide),
        composition: slide_layers::composition(slide),
        grade: slide.grade.grade.to_string(),
        as_received: slide.is_as_received(),
        grade_report: serde_json::to_value(&slide.grade).map_err(|_| ApiError::Internal)?,
        has_label: associated.contains(&"label"),
        has_overview: associated.contains(&"overview"),
        associated,
        description: slide.description.clone(),
        imported_at: model::time_text::rfc3339(model::time_text::from_unix_ms(slide.imported_at_ms)),
    })
}

/// The ideographic group of a person name, or the first that there is.
fn shown_name(name: &str) -> String {
    let [alphabetic, ideographic, _] = dataset::names::groups(name);
    dataset::names::display(if ideographic.is_empty() { alphabetic } else { ideographic })
}

fn level_info(level: &wsi::slide::Level) -> LevelInfo {
    LevelInfo {
        level: level.level,
        sop_instance_uid: level.instance.to_string(),
        width: level.width,
        height: level.height,
        downsample: level.downsample,
        tiles_x: level.tiles_x,
        tiles_y: level.tiles_y,
        tile_width: level.tile_width,
        tile_height: level.tile_height,
    }
}

/// Lists the slides that the caller may see.
#[utoipa::path(get, path = "/api/v1/slides", tag = "slides", responses((status = 200, body = SlideList)))]
pub async fn list_slides(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<SlideList>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let mut names = Names::default();
    let mut slides = Vec::new();
    for slide in state.0.slides.slides(caller.scope()).await? {
        slides.push(info(&state, caller, &mut names, &slide).await?);
    }
    Ok(Json(SlideList { slides }))
}

/// One slide.
#[utoipa::path(get, path = "/api/v1/slides/{id}", tag = "slides",
    params(("id" = String, Path, description = "Slide id")),
    responses((status = 200, body = SlideInfo), (status = 404, body = Problem)))]
pub async fn get_slide(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<SlideInfo>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let id = SlideId::parse(&id).map_err(|_| ApiError::NotFound)?;
    let slide = state.0.slides.slide(caller.scope(), &id).await?;
    Ok(Json(info(&state, caller, &mut Names::default(), &slide).await?))
}

/// One tile, exactly as it is stored. Level 0 is the largest; x and y count tiles from the top left.
#[utoipa::path(get, path = "/api/v1/slides/{id}/tiles/{level}/{x}/{y}", tag = "slides",
    params(("id" = String, Path, description = "Slide id"), ("level" = u32, Path, description = "Level"),
           ("x" = u32, Path, description = "Column"), ("y" = u32, Path, description = "Row"), LayerQuery),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 304), (status = 404, body = Problem)))]
pub async fn get_tile(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath((id, level, x, y)): UrlPath<(String, String, String, String)>,
    UrlQuery(layer): UrlQuery<LayerQuery>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let number = |text: &str| text.parse::<u32>().map_err(|_| ApiError::NotFound);
    let id = SlideId::parse(&id).map_err(|_| ApiError::NotFound)?;
    let (level, x, y) = (number(&level)?, number(&x)?, number(&y)?);
    let tile = state.0.slides.tile_of(caller.scope(), &id, level, x, y, &layer.choice()?).await?;
    let etag = HeaderValue::from_str(&tile.etag).map_err(|_| ApiError::Internal)?;
    if headers.get(header::IF_NONE_MATCH) == Some(&etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let mut response = Response::new(Body::from(tile.bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(tile.media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(IMMUTABLE));
    headers.insert(header::ETAG, etag);
    Ok(response)
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
    Ok((
        [(header::CONTENT_TYPE, picture.media_type), (header::CACHE_CONTROL, "private, max-age=3600")],
        picture.bytes,
    )
        .into_response())
}

/// The scanner's file as it came, byte for byte, or the one range of it that is asked for, so that a download that broke
/// off goes on. Its label shows the patient: for the owner organisation, with the right to labels.
#[utoipa::path(get, path = "/api/v1/slides/{id}/original", tag = "slides",
    params(("id" = String, Path, description = "Slide id"),
           ("Range" = Option<String>, Header, description = "`bytes=FIRST-LAST` or `bytes=FIRST-`")),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>),
              (status = 206, content_type = "application/octet-stream", body = Vec<u8>),
              (status = 404, body = Problem), (status = 416)))]
pub async fn get_original(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath(id): UrlPath<String>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = SlideId::parse(&id).map_err(|_| ApiError::NotFound)?;
    let original = state.0.slides.original(caller.scope(), label_right(caller), &id).await?;
    let etag = format!("\"{}\"", original.sha256);
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    // A range of another file than the one that is here now is not what is wanted (RFC 9110 §13.1.5).
    let is_current = headers.get(header::IF_RANGE).is_none_or(|value| value.as_bytes() == etag.as_bytes());
    let (status, range) = match asked
        .filter(|_| is_current)
        .and_then(|text| byte_range(text, original.length))
    {
        None => (StatusCode::OK, 0..original.length),
        Some(Ok(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(Err(())) => {
            let whole = format!("bytes */{}", original.length);
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, whole)]).into_response());
        }
    };
    state.0.slides.note_original(caller.scope(), &original, &range).await?;
    let mut response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, range.end - range.start)
        .header(header::CONTENT_DISPOSITION, attachment(&original.name))
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, "private, no-store")
        .header(header::ETAG, etag);
    if status == StatusCode::PARTIAL_CONTENT {
        let (last, length) = (range.end - 1, original.length);
        response = response.header(header::CONTENT_RANGE, format!("bytes {}-{last}/{length}", range.start));
    }
    let slides = state.0.slides.clone();
    let pieces =
        futures_util::stream::try_unfold((slides, original, range), |(slides, original, range)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            let end = range.end.min(range.start.saturating_add(PIECE_BYTES));
            let bytes = slides.read_original(&original, range.start..end).await?;
            if bytes.is_empty() {
                return Err(wsi::SlideError::Damaged("the file that is kept is shorter than it was"));
            }
            let rest = range.start + bytes.len() as u64..range.end;
            Ok(Some((bytes, (slides, original, rest))))
        });
    response.body(Body::from_stream(pieces)).map_err(|_| ApiError::Internal)
}

/// Bytes of a download that are read together.
const PIECE_BYTES: u64 = 1 << 20;

/// One range (RFC 9110 §14.1.2). `None`: not one that is understood, so the whole file; `Err`: outside the file.
fn byte_range(text: &str, length: u64) -> Option<Result<std::ops::Range<u64>, ()>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..length.min(last.saturating_add(1)),
        (Some(first), None) if last.trim().is_empty() => first..length,
        (None, Some(count)) if first.trim().is_empty() => length.saturating_sub(count)..length,
        _ => return None,
    };
    Some(if range.is_empty() { Err(()) } else { Ok(range) })
}

/// A file to be saved under its name (RFC 6266, RFC 8187).
fn attachment(name: &str) -> String {
    let mut coded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            coded.push(byte.into());
        } else {
            coded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename*=UTF-8''{coded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_a_file() {
        for (text, expected) in [
            ("bytes=0-0", Some(Ok(0..1))),
            ("bytes=90-", Some(Ok(90..100))),
            ("bytes=90-1000", Some(Ok(90..100))),
            ("bytes=-10", Some(Ok(90..100))),
            ("bytes=100-", Some(Err(()))),
            ("bytes=-0", Some(Err(()))),
            ("bytes=5-4", None),
            ("bytes=0-1,5-6", None),
            ("lines=0-1", None),
        ] {
            assert_eq!(byte_range(text, 100), expected, "{text}");
        }
    }

    #[test]
    fn a_name_cannot_end_the_header() {
        assert_eq!(attachment("a\"\r\n张.svs"), "attachment; filename*=UTF-8''a%22%0D%0A%E5%BC%A0.svs");
    }
}
