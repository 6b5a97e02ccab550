//! What a VL Whole Slide Microscopy instance from elsewhere says of itself (PS3.3 §A.32.8), read from its DICOM JSON.

use crate::slide::Mpp;
use model::Uid;
use serde_json::{Map, Value as Json};
use std::collections::HashMap;

/// An object of DICOM JSON.
pub(crate) type Object = Map<String, Json>;

/// Attributes that are read here.
mod tag {
    pub const IMAGE_TYPE: &str = "00080008";
    pub const SOP_INSTANCE_UID: &str = "00080018";
    pub const PYRAMID_UID: &str = "00080019";
    pub const SPACING: &str = "00280030";
    pub const INSTANCE_NUMBER: &str = "00200013";
    pub const FRAME_OF_REFERENCE_UID: &str = "00200052";
    pub const CONCATENATION_UID: &str = "00209161";
    pub const CONCATENATION_FRAME_OFFSET: &str = "00209228";
    pub const ORGANIZATION_TYPE: &str = "00209311";
    pub const NUMBER_OF_FRAMES: &str = "00280008";
    pub const ROWS: &str = "00280010";
    pub const COLUMNS: &str = "00280011";
    pub const PIXEL_MEASURES: &str = "00289110";
    pub const CONTAINER_IDENTIFIER: &str = "00400512";
    pub const Z_OFFSET: &str = "0040074A";
    pub const VOLUME_WIDTH: &str = "00480001";
    pub const VOLUME_HEIGHT: &str = "00480002";
    pub const TOTAL_COLUMNS: &str = "00480006";
    pub const TOTAL_ROWS: &str = "00480007";
    pub const OPTICAL_PATHS: &str = "00480105";
    pub const OPTICAL_PATH_IDENTIFIER: &str = "00480106";
    pub const OBJECTIVE_POWER: &str = "00480112";
    pub const OPTICAL_PATH_IDENTIFICATION: &str = "00480207";
    pub const PLANE_POSITION_SLIDE: &str = "0048021A";
    pub const COLUMN_POSITION: &str = "0048021E";
    pub const ROW_POSITION: &str = "0048021F";
    pub const FOCAL_PLANES: &str = "00480303";
    pub const SHARED_GROUPS: &str = "52009229";
    pub const FRAME_GROUPS: &str = "52009230";
}

/// One instance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    pub instance: Uid,
    pub instance_number: i64,
    /// Third value of Image Type: VOLUME, LABEL, OVERVIEW, THUMBNAIL.
    pub flavor: String,
    /// What makes instances one pyramid.
    pub pyramid: String,
    /// Pixels of the total matrix: columns and rows.
    pub total: (u32, u32),
    /// Pixels of a frame: columns and rows.
    pub tile: (u32, u32),
    pub frames: u32,
    pub focal_planes: u32,
    /// UID, and frames of the concatenation before this instance's.
    pub concatenation: Option<(Uid, u32)>,
    /// Where each frame is, for TILED_SPARSE.
    pub positions: Option<Vec<Position>>,
    /// Micrometres per pixel of this instance.
    pub mpp_um: Option<Mpp>,
    pub objective: Option<f64>,
    pub container: String,
}

/// Where a frame of a TILED_SPARSE instance is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Position {
    /// Counted from 0.
    pub column: u32,
    pub row: u32,
    /// Nanometres.
    pub z_nm: i64,
    pub path: String,
}

impl Facts {
    /// `None` for what is no tiled image of a slide.
    pub fn of(object: &Object) -> Option<Self> {
        let tile = (uint(object, tag::COLUMNS)?, uint(object, tag::ROWS)?);
        let total = (uint(object, tag::TOTAL_COLUMNS)?, uint(object, tag::TOTAL_ROWS)?);
        if tile.0 == 0 || tile.1 == 0 || total.0 == 0 || total.1 == 0 {
            return None;
        }
        let shared = item(object, tag::SHARED_GROUPS);
        let optical_path = item(object, tag::OPTICAL_PATHS);
        let concatenation = text(object, tag::CONCATENATION_UID).and_then(|uid| Uid::parse(uid).ok());
        let offset = uint(object, tag::CONCATENATION_FRAME_OFFSET).unwrap_or(0);
        let pyramid = text(object, tag::PYRAMID_UID).or_else(|| text(object, tag::FRAME_OF_REFERENCE_UID));
        let is_sparse = text(object, tag::ORGANIZATION_TYPE) != Some("TILED_FULL");
        Some(Self {
            instance: Uid::parse(text(object, tag::SOP_INSTANCE_UID)?).ok()?,
            instance_number: number(object, tag::INSTANCE_NUMBER).unwrap_or(0.0) as i64,
            flavor: value(object, tag::IMAGE_TYPE, 2).and_then(Json::as_str).unwrap_or_default().to_owned(),
            pyramid: pyramid.unwrap_or_default().to_owned(),
            total,
            tile,
            frames: uint(object, tag::NUMBER_OF_FRAMES).unwrap_or(1),
            focal_planes: uint(object, tag::FOCAL_PLANES).unwrap_or(1).max(1),
            concatenation: concatenation.map(|uid| (uid, offset)),
            positions: if is_sparse { positions(object, shared) } else { None },
            mpp_um: mpp(object, shared, total),
            objective: optical_path
                .and_then(|path| number(path, tag::OBJECTIVE_POWER))
                .filter(|power| *power > 0.0),
            container: text(object, tag::CONTAINER_IDENTIFIER).unwrap_or_default().to_owned(),
        })
    }
}

/// Positions of all frames; `None` when the instance has no per-frame groups, which is TILED_FULL without the word.
fn positions(object: &Object, shared: Option<&Object>) -> Option<Vec<Position>> {
    let frames = object.get(tag::FRAME_GROUPS)?.get("Value")?.as_array()?;
    let shared_path = shared.and_then(|shared| item(shared, tag::OPTICAL_PATH_IDENTIFICATION));
    frames
        .iter()
        .map(|frame| {
            let frame = frame.as_object()?;
            let place = item(frame, tag::PLANE_POSITION_SLIDE)?;
            let path = item(frame, tag::OPTICAL_PATH_IDENTIFICATION).or(shared_path);
            let path = path.and_then(|path| text(path, tag::OPTICAL_PATH_IDENTIFIER)).unwrap_or_default();
            Some(Position {
                // Counted from 1 (PS3.3 §C.8.12.6.1).
                column: uint(place, tag::COLUMN_POSITION)?.checked_sub(1)?,
                row: uint(place, tag::ROW_POSITION)?.checked_sub(1)?,
                // Micrometres.
                z_nm: (number(place, tag::Z_OFFSET).unwrap_or(0.0) * 1000.0).round() as i64,
                path: path.to_owned(),
            })
        })
        .collect()
}

/// From Pixel Spacing (rows first), or from the imaged volume.
fn mpp(object: &Object, shared: Option<&Object>, total: (u32, u32)) -> Option<Mpp> {
    let spacing = shared.and_then(|shared| item(shared, tag::PIXEL_MEASURES)).and_then(|measures| {
        let of = |index| value(measures, tag::SPACING, index).and_then(as_number);
        of(1).zip(of(0))
    });
    let volume = || {
        let side = |tag, pixels: u32| Some(number(object, tag)? / f64::from(pixels));
        side(tag::VOLUME_WIDTH, total.0).zip(side(tag::VOLUME_HEIGHT, total.1))
    };
    let (x_mm, y_mm) = spacing.or_else(volume)?;
    let mpp = Mpp { x: x_mm * 1000.0, y: y_mm * 1000.0 };
    let is_plausible = |side: f64| (0.001..=1000.0).contains(&side);
    (is_plausible(mpp.x) && is_plausible(mpp.y)).then_some(mpp)
}

/// The frame of each tile of a sparse level; [`MISSING`] where there is none. Of several focal planes the middle one,
/// of several optical paths the first that is named.
pub(crate) fn sparse_map(facts: &Facts, positions: &[Position]) -> Option<Vec<u32>> {
    let path = &positions.first()?.path;
    let mut planes: Vec<i64> = positions.iter().map(|position| position.z_nm).collect();
    planes.sort_unstable();
    planes.dedup();
    let plane = planes[planes.len() / 2];
    let across = facts.total.0.div_ceil(facts.tile.0);
    let down = facts.total.1.div_ceil(facts.tile.1);
    // A frame for each tile at most, or the slide would be no smaller for being sparse.
    let tiles =
        usize::try_from(u64::from(across) * u64::from(down)).ok().filter(|tiles| *tiles <= TILES_MAX)?;
    let mut frames = HashMap::new();
    for (frame, position) in (0_u32..).zip(positions) {
        let is_shown = position.path == *path && position.z_nm == plane;
        let is_aligned =
            position.column.is_multiple_of(facts.tile.0) && position.row.is_multiple_of(facts.tile.1);
        if is_shown && !is_aligned {
            return None;
        }
        if is_shown {
            frames.entry((position.column / facts.tile.0, position.row / facts.tile.1)).or_insert(frame);
        }
    }
    let mut map = vec![MISSING; tiles];
    for ((x, y), frame) in frames {
        if x < across && y < down {
            map[(u64::from(y) * u64::from(across) + u64::from(x)) as usize] = frame;
        }
    }
    Some(map)
}

/// A tile that a sparse level leaves out.
pub(crate) const MISSING: u32 = u32::MAX;
/// Tiles of a sparse level.
const TILES_MAX: usize = 16 << 20;

fn value<'a>(object: &'a Object, tag: &str, index: usize) -> Option<&'a Json> {
    object.get(tag)?.get("Value")?.get(index)
}

pub(crate) fn text<'a>(object: &'a Object, tag: &str) -> Option<&'a str> {
    value(object, tag, 0)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// The first value of a person's name with its component groups.
pub(crate) fn person(object: &Object, tag: &str) -> String {
    let Some(name) = value(object, tag, 0) else { return String::new() };
    let group = |word: &str| name.get(word).and_then(Json::as_str).unwrap_or_default();
    let groups = [group("Alphabetic"), group("Ideographic"), group("Phonetic")].join("=");
    groups.trim_end_matches('=').to_owned()
}

/// Numbers stand as such or, DS and IS of some writers, as text.
fn as_number(value: &Json) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number: &f64| number.is_finite())
}

fn number(object: &Object, tag: &str) -> Option<f64> {
    value(object, tag, 0).and_then(as_number)
}

fn uint(object: &Object, tag: &str) -> Option<u32> {
    number(object, tag)
        .filter(|number| (0.0..=f64::from(u32::MAX)).contains(number))
        .map(|number| number as u32)
}

fn item<'a>(object: &'a Object, tag: &str) -> Option<&'a Object> {
    value(object, tag, 0)?.as_object()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sparse(positions: &[(u32, u32, f64, &str)]) -> Object {
        let frames: Vec<_> = positions
            .iter()
            .map(|(column, row, z, path)| {
                json!({
                    "0048021A": {"vr": "SQ", "Value": [{
                        "0048021E": {"vr": "SL", "Value": [column]}, "0048021F": {"vr": "SL", "Value": [row]},
                        "0040074A": {"vr": "DS", "Value": [z]},
                    }]},
                    "00480207": {"vr": "SQ", "Value": [{"00480106": {"vr": "SH", "Value": [path]}}]},
                })
            })
            .collect();
        let object = json!({
            "00080018": {"vr": "UI", "Value": ["1.2.3"]},
            "00080008": {"vr": "CS", "Value": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]},
            "00280010": {"vr": "US", "Value": [100]}, "00280011": {"vr": "US", "Value": [100]},
            "00480006": {"vr": "UL", "Value": [250]}, "00480007": {"vr": "UL", "Value": [150]},
            "00280008": {"vr": "IS", "Value": [frames.len()]},
            "00209311": {"vr": "CS", "Value": ["TILED_SPARSE"]},
            "52009230": {"vr": "SQ", "Value": frames},
        });
        object.as_object().unwrap().clone()
    }

    fn map(positions: &[(u32, u32, f64, &str)]) -> Option<Vec<u32>> {
        let facts = Facts::of(&sparse(positions)).unwrap();
        sparse_map(&facts, facts.positions.as_deref().unwrap())
    }

    #[test]
    fn frames_of_a_sparse_level_are_found_by_their_places() {
        let frames = [(201, 1, 0.0, "1"), (1, 101, 0.0, "1")];
        assert_eq!(map(&frames).unwrap(), [MISSING, MISSING, 0, 1, MISSING, MISSING]);
    }

    #[test]
    fn the_middle_plane_and_the_first_path_are_shown() {
        let frames = [
            (1, 1, -1.5, "blue"),
            (1, 1, 0.0, "blue"),
            (1, 1, 1.5, "blue"),
            (1, 1, 0.0, "green"),
            (101, 1, 0.0, "green"),
        ];
        assert_eq!(map(&frames).unwrap(), [1, MISSING, MISSING, MISSING, MISSING, MISSING]);
    }

    #[test]
    fn tiles_out_of_line_are_not_shown_at_a_wrong_place() {
        assert_eq!(map(&[(1, 1, 0.0, "1"), (51, 1, 0.0, "1")]), None);
    }
}
