//! What `info.json` says beside the image: its physical scale, and which planes and channels there are to choose from.

use super::identifier::Image;
use crate::calibration::{self, CalibrationInfo};
use crate::problem::ApiError;
use crate::slide_layers::{self, ChannelInfo, FocalPlaneInfo, LayerQuery};
use crate::state::ApiState;
use access::Caller;
use serde::Serialize;
use utoipa::ToSchema;
use wsi::{Mpp, Slide};

/// Sides of a pixel that differ by no more are called equal.
const SQUARE: f64 = 0.01;

/// The physical scale (IIIF annex "Physical Dimensions").
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhysicalDimensions {
    #[serde(rename = "@context")]
    context: &'static str,
    profile: &'static str,
    /// Millimetres in a pixel.
    physical_scale: f64,
    /// `mm`
    physical_units: &'static str,
}

/// Planes, channels and scale of a slide, in our own words.
#[derive(Serialize, ToSchema)]
pub struct SlideService {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    /// Micrometres per pixel along a row and along a column.
    #[schema(value_type = Option<Object>)]
    mpp_um: Option<Mpp>,
    /// Who has given it this scale, when the scanner has not.
    calibration: Option<CalibrationInfo>,
    /// What `z` in an identifier may be.
    focal_planes: Vec<FocalPlaneInfo>,
    /// What `path` in an identifier may be.
    channels: Vec<ChannelInfo>,
    /// What `channels` usually is.
    composition: Option<String>,
    /// What this image is of.
    shown: ShownLayer,
}

/// What is shown, as the identifier says; null is what is usual.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShownLayer {
    z: Option<String>,
    path: Option<String>,
    channels: Option<String>,
    rev: Option<String>,
}

/// A service of an image.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Service {
    /// Its scale.
    Physical(PhysicalDimensions),
    /// All else.
    Slide(Box<SlideService>),
}

/// The services of a slide's image.
pub async fn of_slide(
    state: &ApiState,
    caller: &Caller,
    image: &Image,
    slide: &Slide,
) -> Result<Vec<Service>, ApiError> {
    let Image::Slide(id, LayerQuery { z, path, channels, rev }) = image else { return Ok(Vec::new()) };
    let made = match slide.mpp_um {
        Some(_) => None,
        None => state.0.slides.calibration(slide).await?,
    };
    let mpp_um = slide.mpp_um.or_else(|| made.as_ref()?.mpp());
    let calibration = match &made {
        Some(made) => calibration::info(state, caller, made).await,
        None => None,
    };
    let mut services: Vec<_> = mpp_um.and_then(physical).map(Service::Physical).into_iter().collect();
    services.push(Service::Slide(Box::new(SlideService {
        id: format!("{}/api/v1/slides/{id}", state.0.public_origin.trim_end_matches('/')),
        kind: "FarsightSlide",
        mpp_um,
        calibration,
        focal_planes: slide_layers::focal_planes(slide),
        channels: slide_layers::channels(slide),
        composition: slide_layers::composition(slide),
        shown: ShownLayer { z: z.clone(), path: path.clone(), channels: channels.clone(), rev: rev.clone() },
    })));
    Ok(services)
}

/// One number stands for both sides of a pixel, so only of square ones.
fn physical(mpp_um: Mpp) -> Option<PhysicalDimensions> {
    let is_square = (mpp_um.x - mpp_um.y).abs() <= SQUARE * mpp_um.x.max(mpp_um.y);
    is_square.then(|| PhysicalDimensions {
        context: "http://iiif.io/api/annex/services/physdim/1/context.json",
        profile: "http://iiif.io/api/annex/services/physdim",
        physical_scale: f64::midpoint(mpp_um.x, mpp_um.y) / 1000.0,
        physical_units: "mm",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_square_pixels_have_one_scale() {
        let scale = |x, y| physical(Mpp { x, y }).map(|found| found.physical_scale);
        assert_eq!(scale(0.25, 0.25), Some(0.00025));
        assert_eq!(scale(0.25, 0.26), None);
    }
}
