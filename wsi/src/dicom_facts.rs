//! What a VL Whole Slide Microscopy instance from elsewhere says of itself (PS3.3 §A.32.8), read from its DICOM JSON.

use crate::dicom_json::{Element, Item, Scalar};
use crate::slide::Mpp;
use model::Uid;
use serde::Deserialize;
use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

/// What an instance's DICOM JSON says, as far as it is looked at.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    #[serde(rename = "00080018")]
    sop_instance_uid: Element<Scalar>,
    #[serde(rename = "00080008")]
    image_type: Element<Scalar, 3>,
    #[serde(rename = "00080019")]
    pyramid_uid: Element<Scalar>,
    #[serde(rename = "00080020")]
    study_date: Element<Scalar>,
    #[serde(rename = "00080050")]
    accession_number: Element<Scalar>,
    #[serde(rename = "00080070")]
    manufacturer: Element<Scalar>,
    #[serde(rename = "00081030")]
    study_description: Element<Scalar>,
    #[serde(rename = "00081090")]
    model_name: Element<Scalar>,
    #[serde(rename = "00100010")]
    patient_name: Element<Item<Name>>,
    #[serde(rename = "00100020")]
    patient_id: Element<Scalar>,
    #[serde(rename = "00181000")]
    serial_number: Element<Scalar>,
    #[serde(rename = "00200013")]
    instance_number: Element<Scalar>,
    #[serde(rename = "00200052")]
    frame_of_reference_uid: Element<Scalar>,
    #[serde(rename = "00209161")]
    concatenation_uid: Element<Scalar>,
    #[serde(rename = "00209228")]
    concatenation_frame_offset: Element<Scalar>,
    #[serde(rename = "00209311")]
    organization_type: Element<Scalar>,
    #[serde(rename = "00280008")]
    number_of_frames: Element<Scalar>,
    #[serde(rename = "00280010")]
    rows: Element<Scalar>,
    #[serde(rename = "00280011")]
    columns: Element<Scalar>,
    #[serde(rename = "00282110")]
    lossy: Element<Scalar>,
    #[serde(rename = "00282114")]
    lossy_methods: Element<Scalar, METHODS_MAX>,
    #[serde(rename = "00400512")]
    container_identifier: Element<Scalar>,
    #[serde(rename = "00480001")]
    volume_width: Element<Scalar>,
    #[serde(rename = "00480002")]
    volume_height: Element<Scalar>,
    #[serde(rename = "00480010")]
    label_in_image: Element<Scalar>,
    #[serde(rename = "00480006")]
    total_columns: Element<Scalar>,
    #[serde(rename = "00480007")]
    total_rows: Element<Scalar>,
    #[serde(rename = "00480105")]
    optical_paths: Element<Item<OpticalPath>>,
    #[serde(rename = "00480303")]
    focal_planes: Element<Scalar>,
    #[serde(rename = "52009229")]
    shared_groups: Element<Item<SharedGroups>>,
    #[serde(rename = "52009230")]
    frame_groups: Option<Element<Placed, POSITIONS_MAX>>,
}

/// Lossy encodings that are counted.
const METHODS_MAX: usize = 16;
/// Places of frames that are read; of an instance with more of them, nothing is shown.
const POSITIONS_MAX: usize = 1 << 20;

/// Component groups of a person's name.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Name {
    #[serde(rename = "Alphabetic")]
    alphabetic: Option<Scalar>,
    #[serde(rename = "Ideographic")]
    ideographic: Option<Scalar>,
    #[serde(rename = "Phonetic")]
    phonetic: Option<Scalar>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OpticalPath {
    #[serde(rename = "00480112")]
    objective_power: Element<Scalar>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SharedGroups {
    #[serde(rename = "00289110")]
    pixel_measures: Element<Item<PixelMeasures>>,
    #[serde(rename = "00480207")]
    optical_path: Element<Item<PathIdentification>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PixelMeasures {
    #[serde(rename = "00280030")]
    spacing: Element<Scalar, 2>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PathIdentification {
    #[serde(rename = "00480106")]
    identifier: Element<Scalar>,
}

/// Functional groups of one frame.
#[derive(Default, Deserialize)]
#[serde(default)]
struct FrameGroups {
    #[serde(rename = "0048021A")]
    place: Element<Item<Place>>,
    #[serde(rename = "00480207")]
    optical_path: Element<Item<PathIdentification>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Place {
    #[serde(rename = "0048021E")]
    column: Element<Scalar>,
    #[serde(rename = "0048021F")]
    row: Element<Scalar>,
    #[serde(rename = "0040074A")]
    z_offset: Element<Scalar>,
}

/// Where a frame is, as soon as it is read: of its groups nothing else is kept.
#[derive(Deserialize)]
#[serde(from = "Item<FrameGroups>")]
struct Placed(Option<Spot>);

/// A [`Position`] before it is known what its optical path is when it does not say so.
struct Spot {
    column: u32,
    row: u32,
    z_nm: i64,
    path: Option<Box<str>>,
}

impl From<Item<FrameGroups>> for Placed {
    fn from(groups: Item<FrameGroups>) -> Self {
        Self(groups.0.as_ref().and_then(FrameGroups::spot))
    }
}

impl FrameGroups {
    fn spot(&self) -> Option<Spot> {
        let place = self.place.item()?;
        Some(Spot {
            // Counted from 1 (PS3.3 §C.8.12.6.1).
            column: place.column.uint()?.checked_sub(1)?,
            row: place.row.uint()?.checked_sub(1)?,
            // Micrometres.
            z_nm: (place.z_offset.number().unwrap_or(0.0) * 1000.0).round() as i64,
            path: self.optical_path.item().map(PathIdentification::name),
        })
    }
}

impl PathIdentification {
    /// SH has 16 characters.
    fn name(&self) -> Box<str> {
        let name = self.identifier.text().unwrap_or_default();
        name[..name.floor_char_boundary(64)].into()
    }
}

/// What a slide's study and scanner are called.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct About {
    pub patient_name: String,
    pub patient_id: String,
    pub accession_number: String,
    pub study_date: String,
    pub description: String,
    /// Manufacturer, model and serial number, as far as they are there.
    pub scanner: Option<String>,
}

impl Told {
    /// Reads the metadata of one instance, an array of one object, from text that streams by.
    ///
    /// # Errors
    /// When it is no such text.
    pub fn read(text: impl Read) -> serde_json::Result<Self> {
        let (told,): (Self,) = serde_json::from_reader(text)?;
        Ok(told)
    }

    /// One for each method that is named, and one at least when it says that it is lossy.
    fn lossy_encodings(&self) -> u32 {
        let named = self.lossy_methods.0.iter().filter(|method| matches!(method, Scalar::Text(_))).count();
        u32::try_from(named).unwrap_or(u32::MAX).max(u32::from(self.lossy.text() == Some("01")))
    }

    pub fn about(&self) -> About {
        let text = |element: &Element<Scalar>| element.text().unwrap_or_default().to_owned();
        let scanner = [&self.manufacturer, &self.model_name, &self.serial_number];
        let scanner: Vec<_> = scanner.into_iter().filter_map(Element::text).collect();
        About {
            patient_name: self.patient_name.item().map(Name::text).unwrap_or_default(),
            patient_id: text(&self.patient_id),
            accession_number: text(&self.accession_number),
            study_date: text(&self.study_date),
            description: text(&self.study_description),
            scanner: Some(scanner.join(" ")).filter(|name| !name.is_empty()),
        }
    }
}

impl Name {
    fn text(&self) -> String {
        let group = |group: &Option<Scalar>| match group {
            Some(Scalar::Text(text)) => text.to_string(),
            _ => String::new(),
        };
        let groups = [&self.alphabetic, &self.ideographic, &self.phonetic].map(group).join("=");
        groups.trim_end_matches('=').to_owned()
    }
}

/// One instance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Facts {
    pub instance: Uid,
    pub instance_number: i64,
    /// Third value of Image Type: VOLUME, LABEL, OVERVIEW, THUMBNAIL.
    pub flavor: String,
    /// Specimen Label in Image.
    pub shows_label: bool,
    /// How many lossy encodings it says that it has been through: one for each value of Lossy Image Compression Method.
    pub lossy_encodings: u32,
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
    pub positions: Option<Arc<[Position]>>,
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
    /// Optical Path Identifier, its own or the shared one.
    pub path: Arc<str>,
}

impl Facts {
    /// `None` for what is no tiled image of a slide.
    pub fn of(told: &mut Told) -> Option<Self> {
        let tile = (told.columns.uint()?, told.rows.uint()?);
        let total = (told.total_columns.uint()?, told.total_rows.uint()?);
        if tile.0 == 0 || tile.1 == 0 || total.0 == 0 || total.1 == 0 {
            return None;
        }
        let positions = told.frame_groups.take();
        let shared = told.shared_groups.item();
        let concatenation = told.concatenation_uid.text().and_then(|uid| Uid::parse(uid).ok());
        let offset = told.concatenation_frame_offset.uint().unwrap_or(0);
        let pyramid = told.pyramid_uid.text().or_else(|| told.frame_of_reference_uid.text());
        let is_sparse = told.organization_type.text() != Some("TILED_FULL");
        Some(Self {
            instance: Uid::parse(told.sop_instance_uid.text()?).ok()?,
            instance_number: told.instance_number.number().unwrap_or(0.0) as i64,
            flavor: told.image_type.text_at(2).unwrap_or_default().to_owned(),
            shows_label: told.label_in_image.text().is_some_and(|said| said.eq_ignore_ascii_case("YES")),
            lossy_encodings: told.lossy_encodings(),
            pyramid: pyramid.unwrap_or_default().to_owned(),
            total,
            tile,
            frames: told.number_of_frames.uint().unwrap_or(1),
            focal_planes: told.focal_planes.uint().unwrap_or(1).max(1),
            concatenation: concatenation.map(|uid| (uid, offset)),
            positions: positions
                .filter(|positions| is_sparse && !positions.0.is_empty())
                .and_then(|positions| self::positions(positions, shared)),
            mpp_um: mpp(told, shared, total),
            objective: told
                .optical_paths
                .item()
                .and_then(|path| path.objective_power.number())
                .filter(|power| *power > 0.0),
            container: told.container_identifier.text().unwrap_or_default().to_owned(),
        })
    }
}

/// Positions of all frames; `None` when one has none, which is TILED_FULL without the word.
fn positions(
    positions: Element<Placed, POSITIONS_MAX>,
    shared: Option<&SharedGroups>,
) -> Option<Arc<[Position]>> {
    let shared = shared.and_then(|shared| shared.optical_path.item()).map(PathIdentification::name);
    let shared: Arc<str> = shared.unwrap_or_default().into();
    let mut last = shared.clone();
    let with_path = |Placed(spot): Placed| {
        let Spot { column, row, z_nm, path } = spot?;
        // One text for all frames that follow each other on one path.
        let path = match path {
            None => shared.clone(),
            Some(path) => {
                if *path != *last {
                    last = path.into();
                }
                last.clone()
            }
        };
        Some(Position { column, row, z_nm, path })
    };
    positions.0.into_iter().map(with_path).collect()
}

/// From Pixel Spacing (rows first), or from the imaged volume.
fn mpp(told: &Told, shared: Option<&SharedGroups>, total: (u32, u32)) -> Option<Mpp> {
    let spacing = shared.and_then(|shared| shared.pixel_measures.item()).and_then(|measures| {
        let of = |index| measures.spacing.number_at(index);
        of(1).zip(of(0))
    });
    let volume = || {
        let side = |length: &Element<Scalar>, pixels: u32| Some(length.number()? / f64::from(pixels));
        side(&told.volume_width, total.0).zip(side(&told.volume_height, total.1))
    };
    let (x_mm, y_mm) = spacing.or_else(volume)?;
    let mpp = Mpp { x: x_mm * 1000.0, y: y_mm * 1000.0 };
    let is_plausible = |side: f64| (0.001..=1000.0).contains(&side);
    (is_plausible(mpp.x) && is_plausible(mpp.y)).then_some(mpp)
}

/// The frame of each tile of a sparse level; [`MISSING`] where there is none. Of several focal planes the middle one,
/// of several optical paths the first that is named.
pub(crate) fn sparse_map(facts: &Facts, positions: &[&Position]) -> Option<Vec<u32>> {
    let path = &positions.first()?.path;
    let mut planes: Vec<i64> = positions.iter().map(|position| position.z_nm).collect();
    planes.sort_unstable();
    planes.dedup();
    let plane = planes[planes.len() / 2];
    let across = facts.total.0.div_ceil(facts.tile.0);
    let down = facts.total.1.div_ceil(facts.tile.1);
    let tiles = usize::try_from(u64::from(across) * u64::from(down)).ok()?;
    if tiles > positions.len().saturating_mul(TILES_PER_FRAME).clamp(TILES_FREE, TILES_MAX) {
        return None;
    }
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
/// Tiles of a sparse level, which takes four bytes for each that it leaves out: so many for each frame, or so many.
const TILES_PER_FRAME: usize = 64;
const TILES_FREE: usize = 65_536;
const TILES_MAX: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sparse(positions: &[(u32, u32, f64, &str)]) -> Told {
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
        Told::read(json!([object]).to_string().as_bytes()).unwrap()
    }

    fn map(positions: &[(u32, u32, f64, &str)]) -> Option<Vec<u32>> {
        let facts = Facts::of(&mut sparse(positions)).unwrap();
        sparse_map(&facts, &facts.positions.as_deref().unwrap().iter().collect::<Vec<_>>())
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

    #[test]
    fn a_level_far_larger_than_its_frames_is_not_shown() {
        let mut told = sparse(&[(1, 1, 0.0, "1")]);
        let total = |told: &mut Told, side: f64| {
            for element in [&mut told.total_columns, &mut told.total_rows] {
                *element = Element(vec![Scalar::Number(side)]);
            }
        };
        let facts = |told: &mut Told| {
            let facts = Facts::of(told).unwrap();
            let one = Position { column: 0, row: 0, z_nm: 0, path: "1".into() };
            let map = |frames: usize| sparse_map(&facts, &vec![&one; frames]).map(|map| map.len());
            [map(1), map(2000)]
        };
        // Tiles of 100 × 100.
        total(&mut told, 25_600.0);
        assert_eq!(facts(&mut told), [Some(65_536); 2]);
        total(&mut told, 30_000.0);
        assert_eq!(facts(&mut told), [None, Some(90_000)]);
        total(&mut told, 60_000.0);
        assert_eq!(facts(&mut told), [None, None]);
    }

    #[test]
    fn values_of_another_kind_than_they_should_have_are_none() {
        let told = json!([{
            "00080018": {"vr": "UI", "Value": ["1.2.3"]},
            "00080008": {"vr": "SQ", "Value": [null, {"a": [1]}, ["VOLUME"], 7]},
            "00280010": {"vr": "IS", "Value": ["100"]}, "00280011": {"vr": "US", "Value": [100]},
            "00480006": {"vr": "UL", "Value": [250]}, "00480007": {"vr": "UL", "Value": [150]},
            "00080050": {"vr": "SH"}, "00080070": {"vr": "UN", "InlineBinary": "AAAA"},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Wang^Hong", "Ideographic": "王^红"}]},
            "00100020": {"vr": "LO", "Value": [null]}, "00081090": {"vr": "LO", "Value": [" M1 ", "M2"]},
            "00480105": {"vr": "LO", "Value": ["no item"]},
            "52009229": {"vr": "SQ", "Value": []},
            "52009230": {"vr": "LO", "Value": ["no item", 5]},
        }]);
        let mut told = Told::read(told.to_string().as_bytes()).unwrap();
        let about = told.about();
        assert_eq!(about.patient_name, "Wang^Hong=王^红");
        assert_eq!((about.patient_id.as_str(), about.accession_number.as_str()), ("", ""));
        assert_eq!(about.scanner.as_deref(), Some("M1"));
        let facts = Facts::of(&mut told).unwrap();
        assert_eq!((facts.tile, facts.flavor.as_str(), facts.positions), ((100, 100), "", None));
        assert!(
            Told::read(b"[{}, {}]".as_slice()).is_err() && Told::read(b"[{\"00280010\":".as_slice()).is_err()
        );
    }

    #[test]
    fn a_frame_without_its_own_path_has_the_shared_one() {
        let place = |path: Option<&str>| {
            let mut frame = json!({"0048021A": {"vr": "SQ", "Value": [{
                "0048021E": {"vr": "SL", "Value": [1]}, "0048021F": {"vr": "SL", "Value": [1]}}]}});
            if let Some(path) = path {
                frame["00480207"] =
                    json!({"vr": "SQ", "Value": [{"00480106": {"vr": "SH", "Value": [path]}}]});
            }
            frame
        };
        let told = json!([{
            "00080018": {"vr": "UI", "Value": ["1.2.3"]},
            "00280010": {"vr": "US", "Value": [1]}, "00280011": {"vr": "US", "Value": [1]},
            "00480006": {"vr": "UL", "Value": [1]}, "00480007": {"vr": "UL", "Value": [1]},
            "52009229": {"vr": "SQ", "Value": [place(Some("red"))]},
            "52009230": {"vr": "SQ", "Value": [place(None), place(Some("red")), place(Some("blue"))]},
        }]);
        let facts = Facts::of(&mut Told::read(told.to_string().as_bytes()).unwrap()).unwrap();
        let paths: Vec<_> = facts.positions.as_deref().unwrap().iter().map(|place| &*place.path).collect();
        assert_eq!(paths, ["red", "red", "blue"]);
    }

    /// What the process of the next test does.
    #[test]
    #[ignore = "run by the next test in a process of its own"]
    fn in_little_memory() {
        const FRAMES: usize = 100_000;
        let frame = |number: usize| {
            format!(
                r#"{{"0048021A":{{"vr":"SQ","Value":[{{"0040072A":{{"vr":"DS","Value":[10.125]}},"0040073A":{{"vr":"DS","Value":[20.5]}},"0040074A":{{"vr":"DS","Value":[0]}},"0048021E":{{"vr":"SL","Value":[{}]}},"0048021F":{{"vr":"SL","Value":[1]}}}}]}},"00209111":{{"vr":"SQ","Value":[{{"00209157":{{"vr":"UL","Value":[1,{number}]}}}}]}},"00480207":{{"vr":"SQ","Value":[{{"00480106":{{"vr":"SH","Value":["path {}"]}}}}]}}}}"#,
                number + 1,
                number % 7,
            )
        };
        let frames: Vec<_> = (0..FRAMES).map(frame).collect();
        let text = format!(
            r#"[{{"00080018":{{"vr":"UI","Value":["1.2.3"]}},"00280010":{{"vr":"US","Value":[1]}},"00280011":{{"vr":"US","Value":[1]}},"00480006":{{"vr":"UL","Value":[100000]}},"00480007":{{"vr":"UL","Value":[1]}},"52009230":{{"vr":"SQ","Value":[{}]}}}}]"#,
            frames.join(",")
        );
        drop(frames);
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
        let most = Some(pages * 4096 + (64 << 20));
        let limit = rustix::process::Rlimit { current: most, maximum: most };
        rustix::process::setrlimit(rustix::process::Resource::As, limit).unwrap();
        let facts = Facts::of(&mut Told::read(text.as_bytes()).unwrap()).unwrap();
        assert_eq!(facts.positions.unwrap().len(), FRAMES);
    }

    #[test]
    fn very_many_frames_take_little_memory() {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["dicom_facts::tests::in_little_memory", "--exact", "--ignored"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }
}
