//! Slides: what they are, and every face of their pixels.

mod original;
pub mod pixels;
mod tiled;
mod tiles;
mod whereabouts;

pub use original::*;
pub use tiled::Tiled;
pub use tiles::*;
pub use whereabouts::*;

use crate::auth::Authenticated;
use crate::calibration::CalibrationInfo;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::session::OrganisationName;
use crate::slide_layers::{self, ChannelInfo, FocalPlaneInfo};
use crate::state::ApiState;
use crate::studies::Names;
use access::{Caller, Right};
use axum::Json;
use axum::extract::State;
use model::SlideId;
use serde::Serialize;
use utoipa::ToSchema;
use wsi::{AssociatedKind, LabelRight, Mpp};

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
    /// Whether its identity was removed (0012,0062): the patient's name is a pseudonym.
    pub is_deidentified: bool,
    /// Study date, `YYYYMMDD`.
    pub study_date: String,
    /// Name of the file that it was imported from.
    pub source: String,
    /// Format of that file, such as `Aperio SVS`.
    pub format: String,
    /// Scanner, as far as the file says.
    pub scanner: Option<String>,
    /// With what it was stained, as far as anybody says.
    pub stain: Option<String>,
    /// Power of the objective.
    pub objective: Option<f64>,
    /// Micrometres per pixel of level 0: `{x, y}`.
    #[schema(value_type = Option<Object>)]
    pub mpp_um: Option<Mpp>,
    /// Who has given it this scale, when the scanner has not.
    pub calibration: Option<CalibrationInfo>,
    /// What it consists of now: an address of its pixels that has this as `rev` means the same for ever. Null where no address
    /// needs it, and in lists.
    pub revision: Option<String>,
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
    /// Whether what browsers are shown is made of the stored tiles, since they cannot show those: `Farsight-Derived` says
    /// so of each.
    pub is_shown_derived: bool,
    /// `A` the scanner's codestream is unchanged, `B` re-tiled with equal coefficients, `C` encoded again; `received` with
    /// `as_received`, where nothing of this was compared.
    pub grade: &'static str,
    /// Whether it came as DICOM and is kept as it came: there is no file of the scanner to compare it with.
    pub as_received: bool,
    /// What was checked: `tiles_checked`, `tiles_equal`, `filled`, `method`, `codec`, `generations`; of what was encoded
    /// again `likeness`, and the `reason` why its tiles were not taken as they are, where there is one.
    #[schema(value_type = Object)]
    pub grade_report: serde_json::Value,
    /// Images, planes and channels that were left out, with the reason; the original has them.
    pub omitted: Vec<String>,
    /// The scanner's file, when the caller may have it.
    pub original: Option<OriginalInfo>,
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

/// The scanner's file as it came: `original` hands it out.
#[derive(Serialize, ToSchema)]
pub struct OriginalInfo {
    /// Bytes.
    pub bytes: u64,
    /// How many files it is an archive of, when the scanner wrote several.
    pub files: Option<u32>,
}

/// A level of a pyramid.
#[derive(Serialize, ToSchema)]
pub struct LevelInfo {
    /// 0 is the largest.
    pub level: u32,
    /// SOP Instance UID of the level; of its first instance, when it has several.
    pub sop_instance_uid: String,
    /// How many instances hold its tiles: several when focal planes, optical paths or the parts of a concatenation are
    /// instances of their own. `levels/{level}/instances` then says which tile is from which.
    pub instance_count: usize,
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

/// Whether the caller may see what shows identity.
pub fn label_right(caller: &Caller) -> LabelRight {
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
    let calibration = match slide.mpp_um {
        Some(_) => None,
        None => state.0.slides.calibration(slide).await?,
    };
    Ok(SlideInfo {
        id: slide.id.to_string(),
        organisation: names.of(state, &slide.owner).await?,
        study_instance_uid: slide.study.to_string(),
        series_instance_uid: slide.series.to_string(),
        patient_name: shown_name(&slide.patient_name),
        patient_id: slide.patient_id.clone(),
        is_deidentified: slide.is_deidentified,
        study_date: slide.study_date.clone(),
        source: slide.source.clone(),
        format: slide.format.clone(),
        scanner: slide.scanner.clone(),
        stain: slide.stain.clone(),
        objective: slide.objective,
        mpp_um: slide.mpp_um.or_else(|| calibration.as_ref()?.mpp()),
        calibration: match &calibration {
            Some(calibration) => crate::calibration::info(state, caller, calibration).await,
            None => None,
        },
        revision: None,
        width: slide.width(),
        height: slide.height(),
        tile_width: first.map_or(0, |level| level.tile_width),
        tile_height: first.map_or(0, |level| level.tile_height),
        levels: slide.levels.iter().map(level_info).collect(),
        focal_planes: slide_layers::focal_planes(slide),
        channels: slide_layers::channels(slide),
        composition: slide_layers::composition(slide),
        is_shown_derived: !wsi::out::is_shown_as_stored(slide),
        grade: slide.grade_word(),
        as_received: slide.is_as_received(),
        grade_report: grade_report(slide)?,
        omitted: slide.omitted.clone(),
        original: original_info(caller, slide),
        has_label: associated.contains(&"label"),
        has_overview: associated.contains(&"overview"),
        associated,
        description: slide.description.clone(),
        imported_at: model::time_text::rfc3339(model::time_text::from_unix_ms(slide.imported_at_ms)),
    })
}

/// A slide that came as DICOM has no letter in its report either.
fn grade_report(slide: &wsi::Slide) -> Result<serde_json::Value, ApiError> {
    let mut report = serde_json::to_value(&slide.grade).map_err(|_| ApiError::Internal)?;
    report["grade"] = slide.grade_word().into();
    Ok(report)
}

/// To whom `get_original` gives it.
fn original_info(caller: &Caller, slide: &wsi::Slide) -> Option<OriginalInfo> {
    let may_have = slide.owner == *caller.organisation()
        && label_right(caller) == LabelRight::Granted
        && caller.may(Right::Retrieve);
    (may_have && !slide.is_as_received())
        .then_some(OriginalInfo { bytes: slide.original_bytes, files: slide.original_files })
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
        instance_count: level.instance_count(),
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
    let (slide, revision) = state.0.slides.slide_now(caller.scope(), &id).await?;
    let info = info(&state, caller, &mut Names::default(), &slide).await?;
    Ok(Json(SlideInfo { revision: slide.may_change().then(|| revision.to_string()), ..info }))
}
