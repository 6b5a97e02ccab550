//! Focal planes and optical paths of a slide as people's programs see them, and how a tile names one.

use crate::problem::ApiError;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wsi::out::Seen;
use wsi::{Channel, Composition, LayerChoice, Revision};

/// A focal plane.
#[derive(Serialize, ToSchema)]
pub struct FocalPlaneInfo {
    /// What a tile's `z` names it by.
    #[schema(example = "-1.5")]
    pub z: String,
    /// Micrometres above the reference; null when the slide does not say how far its planes are apart.
    pub z_um: Option<f64>,
    /// Whether it is shown when none is asked for: the middle one.
    pub is_default: bool,
}

/// An optical path.
#[derive(Serialize, ToSchema)]
pub struct ChannelInfo {
    /// What a tile's `path` names it by: the Optical Path Identifier.
    pub path: String,
    /// Optical Path Description, such as the name of the stain.
    pub description: String,
    /// Illumination Wave Length, in nanometres.
    pub wavelength_nm: Option<f64>,
    /// The colour of its light, in words.
    pub illumination: Option<String>,
    /// The colour to show it in, `RRGGBB`; null when its pixels are in colour.
    pub color: Option<String>,
    /// Stored values to show as black and as full colour; null when its pixels are in colour.
    pub window: Option<ChannelWindow>,
    /// Bits of a stored value.
    pub bits: u16,
    /// Whether it is shown when none is asked for: the first one.
    pub is_default: bool,
}

/// Stored values to show as black and as full colour.
#[derive(Serialize, ToSchema)]
pub struct ChannelWindow {
    /// Black, and all below it.
    pub low: u16,
    /// Full colour, and all above it.
    pub high: u16,
}

/// The planes of a slide, the one nearest to the glass first.
pub fn focal_planes(slide: &wsi::Slide) -> Vec<FocalPlaneInfo> {
    let middle = slide.middle_plane();
    let one = |plane: &wsi::FocalPlane| FocalPlaneInfo {
        z: plane.name(),
        z_um: plane.is_distance.then(|| plane.z_nm as f64 / 1000.0),
        is_default: middle == Some(plane),
    };
    slide.focal_planes.iter().map(one).collect()
}

/// The optical paths of a slide.
pub fn channels(slide: &wsi::Slide) -> Vec<ChannelInfo> {
    let one = |(index, channel): (usize, &Channel)| ChannelInfo {
        path: channel.identifier.clone(),
        description: channel.description.clone(),
        wavelength_nm: channel.wavelength_nm,
        illumination: channel.illumination.clone(),
        color: channel.colour.map(|colour| colour.to_string()),
        window: channel.window.map(|window| ChannelWindow { low: window.low, high: window.high }),
        bits: channel.bits,
        is_default: index == 0,
    };
    slide.channels.iter().enumerate().map(one).collect()
}

/// How the channels of a fluorescence slide are usually put together.
pub fn composition(slide: &wsi::Slide) -> Option<String> {
    Composition::usual(slide).map(|composition| composition.to_string())
}

/// Which plane, path or channels of a slide, and of which revision of it.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LayerQuery {
    /// A focal plane, as `focal_planes[].z` names it; without it the middle one. A level that has fewer planes shows the
    /// nearest.
    pub z: Option<String>,
    /// An optical path, as `channels[].path` names it; without it the first.
    pub path: Option<String>,
    /// Channels without colours put together into a picture, instead of a path: `path:RRGGBB:low-high,…`, of which colour
    /// and window may be left out. A comma, colon or percent sign in a path stands as `%2C`, `%3A` or `%25`. The answer says
    /// so in `Farsight-Derived`.
    pub channels: Option<String>,
    /// What the slide consists of, as its `revision` says: then the address means the same for ever, and is not there when
    /// the slide has become another.
    pub rev: Option<String>,
}

impl LayerQuery {
    /// What is to be seen.
    ///
    /// # Errors
    /// [`ApiError::Invalid`] when the plane is no number, or a path is asked for as well as channels;
    /// [`ApiError::NotFound`] for what can be no revision.
    pub fn seen(self) -> Result<Seen, ApiError> {
        if self.channels.is_some() && self.path.is_some() {
            return Err(ApiError::invalid("channels", "channels or one path, not both"));
        }
        let layer = LayerChoice::parse(self.z.as_deref(), self.path.as_deref())
            .ok_or_else(|| ApiError::invalid("z", "a focal plane is named by its number, such as -1.5"))?;
        let revision = match self.rev {
            Some(text) => Some(Revision::parse(&text).ok_or(ApiError::NotFound)?),
            None => None,
        };
        Ok(Seen { layer, window: None, channels: self.channels, revision })
    }
}
