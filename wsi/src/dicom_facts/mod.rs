//! What a VL Whole Slide Microscopy instance from elsewhere says of itself (PS3.3 §A.32.8), read from its DICOM JSON.

mod specimen;

use crate::dicom_json::{Element, Item, Scalar};
use crate::layers::nanometres;
use crate::slide::Mpp;
use model::Uid;
use serde::Deserialize;
use specimen::Specimen;
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
    #[serde(rename = "00400560")]
    specimens: Element<Item<Specimen>>,
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
    #[serde(rename = "00480008")]
    origin: Element<Item<Place>>,
    #[serde(rename = "00480105")]
    optical_paths: Element<Item<OpticalPath>, PATHS_MAX>,
    #[serde(rename = "00480302")]
    path_count: Element<Scalar>,
    #[serde(rename = "00480303")]
    focal_planes: Element<Scalar>,
    #[serde(rename = "52009229")]
    shared_groups: Element<Item<SharedGroups>>,
    #[serde(rename = "52009230")]
    frame_groups: Option<Element<Placed, POSITIONS_MAX>>,
}

/// Optical paths of an instance.
pub(crate) const PATHS_MAX: usize = 256;
/// Bytes of an optical path's identifier (SH has 16 characters) and of its description (ST).
const IDENTIFIER_BYTES_MAX: usize = 64;
const DESCRIPTION_BYTES_MAX: usize = 256;
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
    #[serde(rename = "00220055")]
    wavelength: Element<Scalar>,
    #[serde(rename = "00480106")]
    identifier: Element<Scalar>,
    #[serde(rename = "00480107")]
    description: Element<Scalar>,
    #[serde(rename = "00480108")]
    illumination_color: Element<Item<Code>>,
    #[serde(rename = "00480112")]
    objective_power: Element<Scalar>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Code {
    #[serde(rename = "00080104")]
    meaning: Element<Scalar>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SharedGroups {
    #[serde(rename = "00289110")]
    pixel_measures: Element<Item<PixelMeasures>>,
    #[serde(rename = "00480207")]
    optical_path: Element<Item<PathIdentification>>,
    #[serde(rename = "0048021A")]
    place: Element<Item<Place>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PixelMeasures {
    #[serde(rename = "00180088")]
    plane_distance: Element<Scalar>,
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
            z_nm: place.z_nm(),
            path: self.optical_path.item().map(PathIdentification::name),
        })
    }
}

impl Place {
    /// Nanometres, of micrometres.
    fn z_nm(&self) -> i64 {
        nanometres(self.z_offset.number().unwrap_or(0.0)).unwrap_or(0)
    }
}

impl PathIdentification {
    fn name(&self) -> Box<str> {
        cut(&self.identifier, IDENTIFIER_BYTES_MAX).into()
    }
}

/// The beginning of a text.
fn cut(element: &Element<Scalar>, bytes_max: usize) -> &str {
    let text = element.text().unwrap_or_default();
    text[..text.floor_char_boundary(bytes_max)].trim_end()
}

/// An optical path (PS3.3 §C.8.12.5).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PathFacts {
    pub identifier: String,
    pub description: String,
    /// Illumination Wave Length.
    pub wavelength_nm: Option<f64>,
    /// Meaning of the Illumination Color Code.
    pub illumination: Option<String>,
}

impl OpticalPath {
    fn facts(&self) -> PathFacts {
        let illumination =
            self.illumination_color.item().map(|code| cut(&code.meaning, DESCRIPTION_BYTES_MAX));
        PathFacts {
            identifier: cut(&self.identifier, IDENTIFIER_BYTES_MAX).to_owned(),
            description: cut(&self.description, DESCRIPTION_BYTES_MAX).to_owned(),
            wavelength_nm: self.wavelength.number().filter(|length| (1.0..=100_000.0).contains(length)),
            illumination: illumination.filter(|text| !text.is_empty()).map(str::to_owned),
        }
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
    /// Nanometres: height of the first focal plane, and what is between two of them if that is said.
    pub z_nm: i64,
    pub plane_step_nm: Option<i64>,
    /// Optical paths, in the order of their frames.
    pub paths: Vec<PathFacts>,
    /// Number of Optical Paths.
    pub path_count: Option<u32>,
    /// The optical path of all frames.
    pub shared_path: Option<Box<str>>,
    /// UID, and frames of the concatenation before this instance's.
    pub concatenation: Option<(Uid, u32)>,
    pub places: Places,
    /// Micrometres per pixel of this instance.
    pub mpp_um: Option<Mpp>,
    pub objective: Option<f64>,
    pub container: String,
    /// With what the section was stained.
    pub stain: Option<String>,
}

/// Where the frames of an instance are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Places {
    /// TILED_FULL.
    RowByRow,
    /// TILED_SPARSE.
    Listed(Arc<[Position]>),
    /// Somewhere: they should say where, and some do not.
    Unknown,
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
        // One when nothing is said; what is no number of frames says something else.
        let frames = if told.number_of_frames.0.is_empty() { 1 } else { told.number_of_frames.uint()? };
        let positions = told.frame_groups.take();
        let shared = told.shared_groups.item();
        let concatenation = told.concatenation_uid.text().and_then(|uid| Uid::parse(uid).ok());
        let offset = told.concatenation_frame_offset.uint().unwrap_or(0);
        let pyramid = told.pyramid_uid.text().or_else(|| told.frame_of_reference_uid.text());
        let is_sparse = told.organization_type.text() != Some("TILED_FULL");
        let said_sparse = told.organization_type.text() == Some("TILED_SPARSE");
        let first_spot = positions.as_ref().and_then(|all| all.0.first()?.0.as_ref().map(|spot| spot.z_nm));
        let shared_place = shared.and_then(|shared| shared.place.item()).or_else(|| told.origin.item());
        let z_nm = first_spot.or_else(|| shared_place.map(Place::z_nm)).unwrap_or(0);
        let measures = shared.and_then(|shared| shared.pixel_measures.item());
        // Millimetres.
        let step = measures
            .and_then(|measures| measures.plane_distance.number())
            .and_then(|mm| nanometres(mm * 1000.0));
        Some(Self {
            instance: Uid::parse(told.sop_instance_uid.text()?).ok()?,
            instance_number: told.instance_number.number().unwrap_or(0.0) as i64,
            flavor: told.image_type.text_at(2).unwrap_or_default().to_owned(),
            shows_label: told.label_in_image.text().is_some_and(|said| said.eq_ignore_ascii_case("YES")),
            lossy_encodings: told.lossy_encodings(),
            pyramid: pyramid.unwrap_or_default().to_owned(),
            total,
            tile,
            frames,
            focal_planes: told.focal_planes.uint().unwrap_or(1).max(1),
            z_nm,
            plane_step_nm: step.filter(|step| *step > 0),
            paths: told.optical_paths.items().map(OpticalPath::facts).collect(),
            path_count: told.path_count.uint(),
            shared_path: shared.and_then(|shared| shared.optical_path.item()).map(PathIdentification::name),
            concatenation: concatenation.map(|uid| (uid, offset)),
            places: match positions.filter(|positions| is_sparse && !positions.0.is_empty()) {
                Some(positions) => places(positions, shared, said_sparse),
                None if said_sparse => Places::Unknown,
                None => Places::RowByRow,
            },
            mpp_um: mpp(told, shared, total),
            objective: told
                .optical_paths
                .item()
                .and_then(|path| path.objective_power.number())
                .filter(|power| *power > 0.0),
            container: told.container_identifier.text().unwrap_or_default().to_owned(),
            stain: told.specimens.item().and_then(Specimen::stain),
        })
    }
}

/// Places of all frames. Where none has one, and nothing says that it should, it is TILED_FULL without the word.
fn places(
    positions: Element<Placed, POSITIONS_MAX>,
    shared: Option<&SharedGroups>,
    said_sparse: bool,
) -> Places {
    if !said_sparse && positions.0.iter().all(|Placed(spot)| spot.is_none()) {
        return Places::RowByRow;
    }
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
    let all: Option<Arc<[Position]>> = positions.0.into_iter().map(with_path).collect();
    all.map_or(Places::Unknown, Places::Listed)
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

/// A tile that a sparse level leaves out.
pub(crate) const MISSING: u32 = u32::MAX;

#[cfg(test)]
mod tests;
