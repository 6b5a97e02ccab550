//! Focal planes and optical paths: which ones a slide has, and which of them a tile is asked of.
//!
//! A plane is addressed by its height above the glass and a path by its identifier, not by a number: both stay what they
//! are while a slide grows, so that an address always means the same tile.

use crate::slide::{Level, Slide};
use model::Sha256;
use serde::{Deserialize, Serialize};

/// A focal plane of a slide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FocalPlane {
    /// Nanometres above the reference (PS3.3 §C.8.12.6.1, Z Offset in Slide Coordinate System); 1000 × its number when the
    /// slide does not say how far its planes are apart.
    pub z_nm: i64,
    /// Whether it is a distance.
    pub is_distance: bool,
}

impl FocalPlane {
    /// What addresses it: micrometres, `-1.5`.
    #[must_use]
    pub fn name(&self) -> String {
        (self.z_nm as f64 / 1000.0).to_string()
    }
}

/// Red, green, blue, as `RRGGBB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Colour(pub [u8; 3]);

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self([red, green, blue]) = self;
        write!(f, "{red:02X}{green:02X}{blue:02X}")
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

impl TryFrom<String> for Colour {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("a colour is RRGGBB")
    }
}

impl Colour {
    /// From six hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_hex.then(|| u32::from_str_radix(text, 16).ok()).flatten()?;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Self([red, green, blue]))
    }
}

/// An optical path of a slide (PS3.3 §C.8.12.5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// Optical Path Identifier.
    pub identifier: String,
    /// Optical Path Description, such as the name of the stain.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Illumination Wave Length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wavelength_nm: Option<f64>,
    /// Meaning of the Illumination Color Code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub illumination: Option<String>,
    /// The colour that it is shown in, when it has none of its own; `None` when its pixels are in colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    /// Stored values that are shown as black and as full colour, from the values of the smallest level; `None` when its
    /// pixels are in colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Bits Stored.
    #[serde(default)]
    pub bits: u16,
}

/// Stored values that are shown as black and as full colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Black, and all below it.
    pub low: u16,
    /// Full colour, and all above it; larger than `low`.
    pub high: u16,
}

/// One plane of one path of a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Index in [`Slide::channels`].
    pub channel: u16,
    /// Nanometres, as in [`FocalPlane`].
    pub z_nm: i64,
    /// Of its first tile: the index in the map, or the frame.
    pub first: u32,
    /// Kept under this name: the frame of each tile, row by row, 32 bits little endian, all ones where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<Sha256>,
}

/// Which plane and path are asked for; what is not named is the middle plane, the first path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LayerChoice {
    /// Nanometres, as in [`FocalPlane`].
    pub z_nm: Option<i64>,
    /// Optical Path Identifier.
    pub path: Option<String>,
}

impl LayerChoice {
    /// From what addresses a plane ([`FocalPlane::name`]) and a path. `None` when the plane is no number.
    #[must_use]
    pub fn parse(z: Option<&str>, path: Option<&str>) -> Option<Self> {
        let z_nm = match z {
            Some(text) => Some(nanometres(text.parse().ok()?)?),
            None => None,
        };
        Some(Self { z_nm, path: path.map(str::to_owned) })
    }
}

/// Nanometres of a height in micrometres; `None` for what no microscope reaches.
pub(crate) fn nanometres(z_um: f64) -> Option<i64> {
    const METRE_UM: f64 = 1e6;
    (z_um.abs() <= METRE_UM).then(|| (z_um * 1000.0).round() as i64)
}

/// Where the tiles of what is asked for are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown<'a> {
    /// Of the first tile: the index in the map, or the frame.
    pub first: u32,
    pub map: Option<&'a Sha256>,
}

impl Slide {
    /// The focal plane that is shown when none is asked for: the middle one.
    #[must_use]
    pub fn middle_plane(&self) -> Option<&FocalPlane> {
        self.focal_planes.get(self.focal_planes.len() / 2)
    }

    /// Whether a level shows what is asked for.
    #[must_use]
    pub fn shows(&self, level: &Level, choice: &LayerChoice) -> bool {
        self.shown(level, choice).is_some()
    }

    /// Where the frames of what is asked for are on a level. A level that has fewer planes than the slide shows the nearest.
    pub(crate) fn shown<'a>(&self, level: &'a Level, choice: &LayerChoice) -> Option<Shown<'a>> {
        let arrangement = level.arrangement.as_ref();
        let as_before = || Shown {
            first: arrangement.map_or(0, |found| found.first_frame),
            map: arrangement.and_then(|found| found.map.as_ref()),
        };
        if *choice == LayerChoice::default() {
            return Some(as_before());
        }
        let channel = match &choice.path {
            Some(path) => self.channels.iter().position(|channel| channel.identifier == *path)?,
            None => 0,
        };
        let z_nm = match choice.z_nm {
            Some(z_nm) => self.focal_planes.iter().find(|plane| plane.z_nm == z_nm)?.z_nm,
            None => self.middle_plane().map_or(0, |plane| plane.z_nm),
        };
        let layers = arrangement.map_or(&[][..], |found| &found.layers);
        if layers.is_empty() {
            return (channel == 0).then(as_before);
        }
        nearest(layers, channel, z_nm).map(|layer| Shown { first: layer.first, map: layer.map.as_ref() })
    }
}

/// Of a path's layers the one nearest to a plane.
pub(crate) fn nearest(layers: &[Layer], channel: usize, z_nm: i64) -> Option<&Layer> {
    let of_path = layers.iter().filter(|layer| usize::from(layer.channel) == channel);
    of_path.min_by_key(|layer| (layer.z_nm.abs_diff(z_nm), layer.z_nm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_is_addressed_by_micrometres() {
        for (z_nm, name) in [(-1500, "-1.5"), (0, "0"), (250, "0.25"), (12_000, "12")] {
            let plane = FocalPlane { z_nm, is_distance: true };
            assert_eq!(plane.name(), name);
            assert_eq!(LayerChoice::parse(Some(name), None).unwrap().z_nm, Some(z_nm));
        }
        for nonsense in ["", "NaN", "inf", "1e300", "up"] {
            assert_eq!(LayerChoice::parse(Some(nonsense), None), None, "{nonsense}");
        }
    }

    #[test]
    fn a_colour_is_six_hexadecimal_digits() {
        assert_eq!(Colour::parse("ff8000"), Some(Colour([255, 128, 0])));
        assert_eq!(Colour([255, 128, 0]).to_string(), "FF8000");
        for nonsense in ["", "+f8000", "ff800", "ff80000", "ééé", "gg8000"] {
            assert_eq!(Colour::parse(nonsense), None, "{nonsense}");
        }
    }
}
