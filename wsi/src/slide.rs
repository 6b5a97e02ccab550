//! What is known of a slide: levels, geometry, identifiers. Kept as the body of a record of kind `slide`.

use crate::GradeReport;
use crate::layers::{Channel, FocalPlane, Layer};
use model::{OrgId, Sha256, SlideId, Uid};
use serde::{Deserialize, Serialize};

/// Micrometres per pixel of level 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mpp {
    /// Along a row.
    pub x: f64,
    /// Along a column.
    pub y: f64,
}

/// One level of the pyramid; one DICOM instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// 0 is the largest.
    pub level: u32,
    /// Pixels, without the padding of the last tiles.
    pub width: u32,
    /// Pixels, without the padding of the last tiles.
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
    /// SOP Instance UID.
    pub instance: Uid,
    /// Where its tiles are, when that is not row by row in this one instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrangement: Option<Arrangement>,
}

/// Where the tiles of a level that came as DICOM are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrangement {
    /// Of the first tile of the focal plane and optical path that are shown when none is asked for: the index in the map,
    /// or the frame.
    pub first_frame: u32,
    /// The instances that hold the frames, in order: one, the parts of a concatenation, or one for each plane or path.
    pub parts: Vec<Part>,
    /// Kept under this name: the frame of each tile, row by row, 32 bits little endian, all ones where there is none.
    pub map: Option<Sha256>,
    /// Every plane of every path, when there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
}

/// An instance that holds frames of a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// SOP Instance UID.
    pub instance: Uid,
    /// Frames of the level before its own.
    pub first_frame: u32,
    /// Its frames.
    pub frames: u32,
}

impl Arrangement {
    /// Whether it is row by row in one instance.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.first_frame == 0 && self.parts.len() == 1 && self.map.is_none() && self.layers.is_empty()
    }
}

impl Arrangement {
    /// The index of the part that holds a frame.
    pub(crate) fn part_of(&self, frame: u32) -> Option<usize> {
        let index = self.parts.partition_point(|part| part.first_frame <= frame).checked_sub(1)?;
        (frame - self.parts[index].first_frame < self.parts[index].frames).then_some(index)
    }
}

impl Level {
    /// The instances that hold its frames, with the number of the first frame of each.
    pub(crate) fn parts(&self) -> Vec<(&Uid, u32)> {
        match &self.arrangement {
            Some(arrangement) => {
                arrangement.parts.iter().map(|part| (&part.instance, part.first_frame)).collect()
            }
            None => vec![(&self.instance, 0)],
        }
    }

    /// The instance that holds a frame of the level, and the number that it has there.
    pub(crate) fn part_of(&self, frame: u32) -> Option<(&Uid, u32)> {
        let Some(arrangement) = &self.arrangement else { return Some((&self.instance, frame)) };
        let part = arrangement.part_of(frame).and_then(|index| arrangement.parts.get(index))?;
        Some((&part.instance, frame - part.first_frame))
    }

    /// The frame (counted from 0) that holds a tile; `None` outside the level. TILED_FULL: row by row (PS3.3
    /// §C.7.6.17.3).
    #[must_use]
    pub fn frame(&self, x: u32, y: u32) -> Option<u32> {
        if x >= self.tiles_x || y >= self.tiles_y {
            return None;
        }
        y.checked_mul(self.tiles_x)?.checked_add(x)
    }

    /// Frames of all its planes and paths.
    pub(crate) fn frame_count(&self) -> u64 {
        match &self.arrangement {
            Some(arrangement) => arrangement.parts.iter().map(|part| u64::from(part.frames)).sum(),
            None => self.tile_count(),
        }
    }

    /// Tiles in all.
    #[must_use]
    pub fn tile_count(&self) -> u64 {
        u64::from(self.tiles_x) * u64::from(self.tiles_y)
    }
}

/// What an associated image shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssociatedKind {
    /// The slide's label: whose it is.
    Label,
    /// The whole glass, often with its label (Aperio's "macro").
    Overview,
    /// The scanned region, small.
    Thumbnail,
}

impl AssociatedKind {
    /// From `label`, `overview` or `thumbnail`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "label" => Self::Label,
            "overview" => Self::Overview,
            "thumbnail" => Self::Thumbnail,
            _ => return None,
        })
    }

    /// The word of [`AssociatedKind::parse`].
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Overview => "overview",
            Self::Thumbnail => "thumbnail",
        }
    }

    /// Whether it may show who the patient is, and therefore needs [`LabelRight::Granted`].
    #[must_use]
    pub fn shows_identity(self) -> bool {
        !matches!(self, Self::Thumbnail)
    }
}

/// Whether the caller may see what shows a patient's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelRight {
    /// Yes.
    Granted,
    /// No: such an image does not exist for this caller.
    Withheld,
}

/// An image beside the pyramid; one DICOM instance, uncompressed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Associated {
    /// What it shows.
    pub kind: AssociatedKind,
    /// Study Instance UID: the slide's own for a thumbnail, another for label and overview.
    pub study: Uid,
    /// Series Instance UID.
    pub series: Uid,
    /// SOP Instance UID.
    pub instance: Uid,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// A slide that has been imported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slide {
    /// Its identifier.
    pub id: SlideId,
    /// Owner organisation.
    pub owner: OrgId,
    /// Study Instance UID.
    pub study: Uid,
    /// Series Instance UID of the pyramid.
    pub series: Uid,
    /// Patient's Name as stored in the instances.
    pub patient_name: String,
    /// Patient ID.
    pub patient_id: String,
    /// Whether its identity was removed (0012,0062): name and number are pseudonyms. Known of a slide as it is now.
    #[serde(skip)]
    pub is_deidentified: bool,
    /// Accession Number.
    pub accession_number: String,
    /// Study Date, `YYYYMMDD`.
    pub study_date: String,
    /// Study Description.
    pub description: String,
    /// Name of the file it was imported from, without its path.
    pub source: String,
    /// Format of that file, such as `Aperio SVS`.
    #[serde(default)]
    pub format: String,
    /// Scanner, as far as the file says.
    pub scanner: Option<String>,
    /// With what it was stained, as far as anybody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stain: Option<String>,
    /// Power of the objective.
    pub objective: Option<f64>,
    /// Micrometres per pixel of level 0; `None` when the file does not say, and then nothing may be measured.
    pub mpp_um: Option<Mpp>,
    /// Levels, the largest first; at least one.
    pub levels: Vec<Level>,
    /// Focal planes, the one nearest to the glass first; empty when nothing is said of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub focal_planes: Vec<FocalPlane>,
    /// Optical paths, the one that is shown when none is asked for first; empty when nothing is said of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
    /// Label, overview, thumbnail, as far as the file has them.
    pub associated: Vec<Associated>,
    /// Images of the file that were left out, with the reason; the original file has them.
    pub omitted: Vec<String>,
    /// How faithful the stored tiles are.
    pub grade: GradeReport,
    /// SHA-256 of the original file, kept as a blob under this name; `None` when it came as DICOM instances.
    #[serde(default)]
    pub original_sha256: Option<Sha256>,
    /// How many files the original is an archive of, when the scanner wrote several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_files: Option<u32>,
    /// Bytes of the original file, or of the instances.
    pub original_bytes: u64,
    /// When it was imported, Unix milliseconds.
    pub imported_at_ms: i64,
}

impl Slide {
    /// Whether it came as DICOM instances: there is no file of the scanner that its tiles were compared with.
    #[must_use]
    pub fn is_as_received(&self) -> bool {
        self.original_sha256.is_none()
    }

    /// Its grade in a word: `A`, `B`, `C`, or `received` where nothing was compared.
    #[must_use]
    pub fn grade_word(&self) -> &'static str {
        if self.is_as_received() { "received" } else { self.grade.grade.as_str() }
    }

    /// Whether what an address shows may become something else: a slide that came as DICOM instances is what has arrived
    /// of it, and with more of them levels have other numbers, another plane is the middle one, and windows change.
    #[must_use]
    pub fn may_change(&self) -> bool {
        self.is_as_received()
    }

    /// A level; `None` when there is no such level.
    #[must_use]
    pub fn level(&self, level: u32) -> Option<&Level> {
        self.levels.get(usize::try_from(level).ok()?)
    }

    /// Whether there is an image of this kind.
    #[must_use]
    pub fn has(&self, kind: AssociatedKind) -> bool {
        self.associated.iter().any(|image| image.kind == kind)
    }

    /// Pixels of level 0.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.levels.first().map_or(0, |level| level.width)
    }

    /// Pixels of level 0.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.levels.first().map_or(0, |level| level.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_run_row_by_row_and_end_with_the_level() {
        let level = Level {
            level: 0,
            width: 2220,
            height: 2967,
            downsample: 1.0,
            tiles_x: 10,
            tiles_y: 13,
            tile_width: 240,
            tile_height: 240,
            instance: Uid::parse("1.2.3").unwrap(),
            arrangement: None,
        };
        assert_eq!(level.frame(0, 0), Some(0));
        assert_eq!(level.frame(9, 0), Some(9));
        assert_eq!(level.frame(0, 1), Some(10));
        assert_eq!(level.frame(9, 12), Some(129));
        assert_eq!(level.frame(10, 0), None);
        assert_eq!(level.frame(0, 13), None);
        assert_eq!(level.frame(u32::MAX, u32::MAX), None);
    }

    #[test]
    fn what_shows_the_patient_is_marked() {
        assert!(AssociatedKind::Label.shows_identity());
        assert!(AssociatedKind::Overview.shows_identity());
        assert!(!AssociatedKind::Thumbnail.shows_identity());
        for kind in [AssociatedKind::Label, AssociatedKind::Overview, AssociatedKind::Thumbnail] {
            assert_eq!(AssociatedKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(AssociatedKind::parse("macro"), None);
    }
}
