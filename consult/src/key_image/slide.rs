//! A part of a slide as a key image.

use crate::mark::Mark;
use model::{Sha256, SlideId, Uid};
use serde::{Deserialize, Serialize};

/// A part of a slide. Measured values are decimal strings, as RFC 8785 wants what must not be rounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlideKeyImage {
    /// Identifier of the bookmark that it was made for.
    pub bookmark: String,
    /// What it is called.
    pub name: String,
    /// The slide.
    pub slide: SlideId,
    /// Series Instance UID of the pyramid.
    pub series: Uid,
    /// SOP Instance UID of the level that the picture was made from.
    pub instance: Uid,
    /// What is in the middle, pixels of level 0 from the left.
    pub centre_x_px: i64,
    /// What is in the middle, pixels of level 0 from the top.
    pub centre_y_px: i64,
    /// Width of what is shown, pixels of level 0 along the picture's rows.
    pub width_px: u64,
    /// Height of what is shown, pixels of level 0 along the picture's columns.
    pub height_px: u64,
    /// How the slide was turned, clockwise.
    pub rotation_deg: String,
    /// Whether left and right were exchanged, after the turn.
    pub mirrored: bool,
    /// Width of what is shown, micrometres; `None` when the slide has no scale.
    pub width_um: Option<String>,
    /// Height of what is shown, micrometres.
    pub height_um: Option<String>,
    /// Who has given the slide its scale, when the scanner has not; then sizes are no better than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated_by: Option<String>,
    /// Magnification on the screen where it was chosen, such as `20`.
    pub magnification: Option<String>,
    /// The focal plane, where there are several: its height in micrometres, or its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focal_plane: Option<String>,
    /// The optical path, where one of several is seen alone: its identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Channels with colours and windows, where several are seen together: `path:RRGGBB:low-high,…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<String>,
    /// What the path or the channels are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_names: Option<String>,
    /// SHA-256 of the picture, a JPEG file.
    pub picture_sha256: Sha256,
    /// Pixels of the picture.
    pub picture_width: u32,
    /// Pixels of the picture.
    pub picture_height: u32,
    /// What is drawn on it; left out where nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    /// Who chose it.
    pub made_by: String,
    /// When, RFC 3339 UTC.
    pub made_at: String,
}
