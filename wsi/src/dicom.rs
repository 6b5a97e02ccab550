//! VL Whole Slide Microscopy instances (PS3.3 §A.32.8): the attributes of a level or an associated image, and the
//! stream of a level's tiles, encapsulated with an Extended Offset Table, or as they are when they are not compressed.

use crate::identity::Particulars;
use crate::readers::{Geometry, Illumination, OpticalPath, Proof, Samples, Scan, Survey, TileSource};
use crate::small_image::SmallImage;
use crate::{AssociatedKind, SlideError, icc, openslide};
use dataset::{Dataset, Element, Tag, VR, Value, tags, write};
use model::time_text::parse_da;
use model::{Sha256, Uid};
use sha2::{Digest, Sha256 as Hasher};
use time::OffsetDateTime;

mod specimen;

/// VL Whole Slide Microscopy Image Storage.
pub(crate) const SOP_CLASS: &str = "1.2.840.10008.5.1.4.1.1.77.1.6";
/// Changes whenever the same file and options would give other instances: part of every UID.
const WRITER: &str = "farsight-wsi-4";
/// Bytes of a piece of the stream, about.
const PIECE_BYTES: usize = 1 << 20;
/// Micrometres per pixel that are written when the file says nothing and has no objective power either.
const NOMINAL_UM: f64 = 0.5;

/// What all instances of a slide share.
pub(crate) struct Context {
    pub study: Uid,
    pub series: Uid,
    /// The study of label and overview.
    pub identity_study: Uid,
    pub patient_name: String,
    pub patient_id: String,
    pub accession_number: String,
    pub description: String,
    /// `YYYYMMDD`.
    pub date: String,
    pub scanner: Option<String>,
    /// Whether the file says when it was scanned; the day of the import stands there otherwise.
    has_date: bool,
    time: String,
    birth_date: String,
    sex: String,
    container: String,
    specimen: Option<String>,
    block: String,
    pub stain: String,
    scan: Scan,
    seed: [u8; 32],
}

impl Context {
    pub fn new(
        scan: &Scan,
        of: &Particulars,
        description: &str,
        source_name: &str,
        file: &Sha256,
        now: OffsetDateTime,
    ) -> Self {
        let stem = source_name.rsplit_once('.').map_or(source_name, |(stem, _)| stem);
        let option = |value: &Option<String>| value.clone().unwrap_or_default();
        // The day of the import only where the file has no day: otherwise a second import would differ.
        let today = format!("{:04}{:02}{:02}", now.year(), u8::from(now.month()), now.day());
        let (date, time) = match &scan.date {
            Some(date) => (date.clone(), scan.time.clone().unwrap_or_else(|| "000000".to_owned())),
            None => (today, "000000".to_owned()),
        };
        let container = match line(&option(&of.container_id), 64) {
            given if given.is_empty() => line(stem, 64),
            given => given,
        };
        let container = if container.is_empty() { "slide".to_owned() } else { container };
        let description = match line(description, 64) {
            given if given.is_empty() => "Whole slide image".to_owned(),
            given => given,
        };
        let birth_date =
            Some(option(&of.patient_birth_date)).filter(|text| parse_da(text).is_some()).unwrap_or_default();
        let sex = Some(option(&of.patient_sex)).filter(|sex| matches!(sex.as_str(), "M" | "F" | "O"));
        let mut context = Self {
            study: placeholder(),
            series: placeholder(),
            identity_study: placeholder(),
            patient_name: name(&option(&of.patient_name)),
            patient_id: line(&option(&of.patient_id), 64),
            accession_number: line(&option(&of.accession_number), 16),
            description,
            date,
            time,
            birth_date,
            sex: sex.unwrap_or_default(),
            specimen: Some(line(&option(&of.specimen_id), 64)).filter(|id| !id.is_empty()),
            block: line(&option(&of.block), 64),
            stain: line(&option(&of.stain), 64),
            container,
            scanner: scan.scanner(),
            has_date: scan.date.is_some(),
            scan: scan.clone(),
            seed: [0; 32],
        };
        context.seed = context.compute_seed(file);
        context.study = context.uid("study");
        context.series = context.uid("series");
        context.identity_study = context.uid("study/identity");
        context
    }

    /// Everything that goes into the instances goes into their UIDs: the same UID is always the same content.
    fn compute_seed(&self, file: &Sha256) -> [u8; 32] {
        let mut hasher = Hasher::new();
        hasher.update(file.as_bytes());
        let parts = [
            WRITER,
            &self.patient_name,
            &self.patient_id,
            &self.accession_number,
            &self.description,
            &self.date,
            &self.time,
            &self.birth_date,
            &self.sex,
            &self.container,
            self.specimen.as_deref().unwrap_or_default(),
            &self.block,
            &self.stain,
        ];
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        // It is in the label's instance; read by another version of the reader it may be another one.
        if let Some(barcode) = self.scan.barcodes.first() {
            hasher.update(barcode.as_bytes());
        }
        hasher.finalize().into()
    }

    /// A UID under 2.25 for a role within this slide (PS3.5 §B.2), always the same for the same content.
    pub fn uid(&self, role: &str) -> Uid {
        let digest: [u8; 32] = Hasher::new().chain_update(self.seed).chain_update(role).finalize().into();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Uid::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// SOP Instance UID of a level.
    pub fn level_instance(&self, level: usize) -> Uid {
        self.uid(&format!("level/{level}"))
    }

    /// Millimetres per pixel along a row and a column of level 0.
    fn spacing_mm(&self) -> (f64, f64) {
        match self.scan.mpp_um {
            Some(mpp) => (mpp.x / 1000.0, mpp.y / 1000.0),
            None => {
                let um = self.scan.objective.map_or(NOMINAL_UM, |power| 10.0 / power);
                (um / 1000.0, um / 1000.0)
            }
        }
    }
}

fn placeholder() -> Uid {
    Uid::from_uuid(uuid::Uuid::nil())
}

/// A level of the pyramid, all but its pixels. `base` is level 0.
pub(crate) fn level(
    context: &Context,
    number: usize,
    base: &Geometry,
    source: &dyn TileSource,
    survey: &Survey,
) -> Dataset {
    let image = source.geometry();
    // What has other pixel values than the scanner's is derived, also at its full size (PS3.3 §C.7.6.1.1.2).
    let (image_type, label) = match (number, survey.proof) {
        (0, Proof::Likeness) => ("DERIVED\\PRIMARY\\VOLUME\\NONE", "level 0"),
        (0, _) => ("ORIGINAL\\PRIMARY\\VOLUME\\NONE", "level 0"),
        _ => ("DERIVED\\PRIMARY\\VOLUME\\RESAMPLED", "resampled level"),
    };
    let scale_x = f64::from(base.width) / f64::from(image.width);
    let scale_y = f64::from(base.height) / f64::from(image.height);
    let (base_x, base_y) = context.spacing_mm();
    let pixels = f64::from(image.tile_width) * f64::from(image.tile_height);
    let uncompressed = source.frame_count() as f64 * pixels * survey.samples.bytes() as f64;
    let shape = Shape {
        study: &context.study,
        series: &context.series,
        instance: context.level_instance(number),
        image_type,
        series_number: "1",
        instance_number: number + 1,
        rows: image.tile_height,
        columns: image.tile_width,
        total: (image.width, image.height),
        frames: source.frame_count(),
        photometric: survey.photometric,
        samples: survey.samples,
        planes_nm: source.planes_nm(),
        paths: &context.scan.paths,
        spacing_mm: (base_x * scale_x, base_y * scale_y),
        volume_mm: (base_x * f64::from(base.width), base_y * f64::from(base.height)),
        lossy: survey.lossy_method.map(|method| (method, uncompressed / survey.bytes.max(1) as f64)),
        shows_label: false,
        is_pyramid: true,
        series_description: "Pyramid",
    };
    let mut dataset = common(context, &shape);
    text(&mut dataset, tags::PYRAMID_UID, VR::UI, context.uid("pyramid").as_str());
    text(&mut dataset, tags::PYRAMID_LABEL, VR::LO, "Whole slide pyramid");
    if let Some(derivation) = derivation(survey.proof) {
        text(&mut dataset, tags::DERIVATION_DESCRIPTION, VR::ST, &derivation);
    }
    text(&mut dataset, tags::IMAGE_COMMENTS, VR::LT, &comments(context, label));
    dataset
}

/// What was done to the scanner's codestream (0008,2111).
fn derivation(proof: Proof) -> Option<String> {
    match proof {
        Proof::Codestream | Proof::Bytes => None,
        Proof::Coefficients => Some(
            "Cut into tiles without decoding: the quantised DCT coefficients of every block and the quantisation tables are \
             those of the scanner's file; Huffman codes were written anew"
                .to_owned(),
        ),
        Proof::Samples(_) => Some(
            "Unpacked and compressed once more without loss: every sample has the value that it has in the scanner's file"
                .to_owned(),
        ),
        Proof::Likeness => Some(format!(
            "Decoded by OpenSlide and encoded once more as baseline JPEG of quality {}. Compression ratio and method are of \
             this encoding; what the scanner's own encoding lost before is not known",
            openslide::QUALITY
        )),
    }
}

/// What attributes that must have a value cannot say.
fn comments(context: &Context, label: &str) -> String {
    let mut said = vec![label, "Focus method is not known"];
    if context.scan.mpp_um.is_none() {
        said.push("Pixel spacing is nominal, not calibrated");
    }
    if !context.has_date {
        said.push("Acquisition date and time are not known: the day of the import stands for them");
    }
    said.join(". ")
}

/// A label, overview or thumbnail, with its pixels.
pub(crate) fn associated(context: &Context, kind: AssociatedKind, image: &SmallImage) -> Dataset {
    let place = context.associated(kind);
    let (image_type, series_number, instance_number, series_description) = match kind {
        AssociatedKind::Label => ("ORIGINAL\\PRIMARY\\LABEL\\NONE", "1", 1, "Label"),
        AssociatedKind::Overview => ("ORIGINAL\\PRIMARY\\OVERVIEW\\NONE", "2", 1, "Overview"),
        AssociatedKind::Thumbnail => ("DERIVED\\PRIMARY\\THUMBNAIL\\RESAMPLED", "1", 1000, "Pyramid"),
    };
    // Label and overview: the long side of a glass slide is 76 mm, a label 25 mm; the thumbnail: unknown, as small.
    let spacing = match kind {
        AssociatedKind::Label => 25.0 / f64::from(image.width.max(image.height)),
        _ => 76.0 / f64::from(image.width.max(image.height)),
    };
    let shape = Shape {
        study: &place.study,
        series: &place.series,
        instance: place.instance,
        image_type,
        series_number,
        instance_number,
        rows: u16::try_from(image.height).unwrap_or(u16::MAX),
        columns: u16::try_from(image.width).unwrap_or(u16::MAX),
        total: (image.width, image.height),
        frames: 1,
        photometric: "RGB",
        samples: Samples::COLOUR,
        planes_nm: &[],
        paths: &[],
        spacing_mm: (spacing, spacing),
        volume_mm: (spacing * f64::from(image.width), spacing * f64::from(image.height)),
        lossy: image.lossy,
        shows_label: kind.shows_identity(),
        is_pyramid: kind == AssociatedKind::Thumbnail,
        series_description,
    };
    let mut dataset = common(context, &shape);
    if kind == AssociatedKind::Label {
        // The Slide Label module (PS3.3 §C.8.12.8); the text beside the barcode nobody has read.
        let barcode = context.scan.barcodes.first().map_or("", String::as_str);
        text(&mut dataset, tags::BARCODE_VALUE, VR::LT, barcode);
        text(&mut dataset, tags::LABEL_TEXT, VR::UT, "");
    }
    let mut rgb = image.rgb.clone();
    if !rgb.len().is_multiple_of(2) {
        rgb.push(0);
    }
    dataset.put(Element { tag: tags::PIXEL_DATA, vr: VR::OB, value: Value::Bytes(rgb.into()) });
    dataset
}

/// What differs between the instances of a slide.
struct Shape<'a> {
    study: &'a Uid,
    series: &'a Uid,
    instance: Uid,
    image_type: &'a str,
    series_number: &'a str,
    instance_number: usize,
    rows: u16,
    columns: u16,
    /// Columns and rows of the total pixel matrix.
    total: (u32, u32),
    frames: u64,
    photometric: &'a str,
    samples: Samples,
    /// Heights of evenly spaced focal planes; empty when nothing is said of them.
    planes_nm: &'a [i64],
    /// Optical paths; empty when there is the one of white light.
    paths: &'a [OpticalPath],
    /// Along a row, along a column.
    spacing_mm: (f64, f64),
    /// Width and height.
    volume_mm: (f64, f64),
    /// Method and ratio.
    lossy: Option<(&'a str, f64)>,
    shows_label: bool,
    is_pyramid: bool,
    series_description: &'a str,
}

fn common(context: &Context, shape: &Shape<'_>) -> Dataset {
    let mut dataset = Dataset::new();
    let d = &mut dataset;
    text(d, tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    patient_and_study(d, context, shape);
    series_and_equipment(d, context, shape);
    image(d, context, shape);
    slide(d, context, shape);
    specimen::put(d, context);
    optical_paths(d, context, shape);
    functional_groups(d, shape);
    dataset
}

fn patient_and_study(d: &mut Dataset, context: &Context, shape: &Shape<'_>) {
    text(d, tags::PATIENT_NAME, VR::PN, &context.patient_name);
    text(d, tags::PATIENT_ID, VR::LO, &context.patient_id);
    text(d, tags::PATIENT_BIRTH_DATE, VR::DA, &context.birth_date);
    text(d, tags::PATIENT_SEX, VR::CS, &context.sex);
    text(d, tags::STUDY_INSTANCE_UID, VR::UI, shape.study.as_str());
    text(d, tags::STUDY_DATE, VR::DA, &context.date);
    text(d, tags::STUDY_TIME, VR::TM, &context.time);
    text(d, tags::REFERRING_PHYSICIAN_NAME, VR::PN, "");
    text(d, tags::STUDY_ID, VR::SH, "");
    text(d, tags::ACCESSION_NUMBER, VR::SH, &context.accession_number);
    let description = if *shape.study == context.identity_study {
        line(&format!("{} (label and overview)", context.description), 64)
    } else {
        context.description.clone()
    };
    text(d, tags::STUDY_DESCRIPTION, VR::LO, &description);
}

fn series_and_equipment(d: &mut Dataset, context: &Context, shape: &Shape<'_>) {
    let scan = &context.scan;
    text(d, tags::MODALITY, VR::CS, "SM");
    text(d, tags::SERIES_INSTANCE_UID, VR::UI, shape.series.as_str());
    text(d, tags::SERIES_NUMBER, VR::IS, shape.series_number);
    text(d, tags::SERIES_DESCRIPTION, VR::LO, shape.series_description);
    let frame_of_reference = if shape.is_pyramid { "frame of reference" } else { shape.series_description };
    text(d, tags::FRAME_OF_REFERENCE_UID, VR::UI, context.uid(frame_of_reference).as_str());
    text(d, tags::POSITION_REFERENCE_INDICATOR, VR::LO, "SLIDE_CORNER");
    let known = |value: &Option<String>| {
        value
            .as_deref()
            .map(|value| line(value, 64))
            .filter(|value| !value.is_empty())
            .unwrap_or_else(|| "unknown".to_owned())
    };
    text(d, tags::MANUFACTURER, VR::LO, &known(&scan.manufacturer));
    text(d, tags::MANUFACTURER_MODEL_NAME, VR::LO, &known(&scan.model));
    text(d, tags::DEVICE_SERIAL_NUMBER, VR::LO, &known(&scan.serial_number));
    text(d, tags::SOFTWARE_VERSIONS, VR::LO, &known(&scan.software));
}

fn image(d: &mut Dataset, context: &Context, shape: &Shape<'_>) {
    text(d, tags::SOP_CLASS_UID, VR::UI, SOP_CLASS);
    text(d, tags::SOP_INSTANCE_UID, VR::UI, shape.instance.as_str());
    text(d, tags::IMAGE_TYPE, VR::CS, shape.image_type);
    text(d, tags::INSTANCE_NUMBER, VR::IS, &shape.instance_number.to_string());
    text(d, tags::CONTENT_DATE, VR::DA, &context.date);
    text(d, tags::CONTENT_TIME, VR::TM, &context.time);
    let date_time = format!("{}{}", context.date, context.time);
    text(d, tags::ACQUISITION_DATE_TIME, VR::DT, &date_time);
    d.put_items(tags::ACQUISITION_CONTEXT_SEQUENCE, Vec::new());
    d.put_u16(tags::SAMPLES_PER_PIXEL, &[shape.samples.per_pixel]);
    text(d, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, shape.photometric);
    if shape.samples.per_pixel > 1 {
        d.put_u16(tags::PLANAR_CONFIGURATION, &[0]);
    } else {
        // Values are shown as they are (PS3.3 §C.8.12.4).
        text(d, tags::PRESENTATION_LUT_SHAPE, VR::CS, "IDENTITY");
        text(d, tags::RESCALE_INTERCEPT, VR::DS, "0");
        text(d, tags::RESCALE_SLOPE, VR::DS, "1");
    }
    text(d, tags::NUMBER_OF_FRAMES, VR::IS, &shape.frames.to_string());
    d.put_u16(tags::ROWS, &[shape.rows]);
    d.put_u16(tags::COLUMNS, &[shape.columns]);
    d.put_u16(tags::BITS_ALLOCATED, &[shape.samples.bits_allocated]);
    d.put_u16(tags::BITS_STORED, &[shape.samples.bits_stored]);
    d.put_u16(tags::HIGH_BIT, &[shape.samples.bits_stored - 1]);
    d.put_u16(tags::PIXEL_REPRESENTATION, &[0]);
    let burned_in = if shape.shows_label { "YES" } else { "NO" };
    text(d, tags::BURNED_IN_ANNOTATION, VR::CS, burned_in);
    match shape.lossy {
        Some((method, ratio)) => {
            text(d, tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "01");
            text(d, tags::LOSSY_IMAGE_COMPRESSION_RATIO, VR::DS, &decimal(ratio));
            text(d, tags::LOSSY_IMAGE_COMPRESSION_METHOD, VR::CS, method);
        }
        None => text(d, tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00"),
    }
}

fn slide(d: &mut Dataset, context: &Context, shape: &Shape<'_>) {
    text(d, tags::VOLUMETRIC_PROPERTIES, VR::CS, "VOLUME");
    text(d, tags::SPECIMEN_LABEL_IN_IMAGE, VR::CS, if shape.shows_label { "YES" } else { "NO" });
    text(d, tags::FOCUS_METHOD, VR::CS, "AUTO");
    text(d, tags::EXTENDED_DEPTH_OF_FIELD, VR::CS, "NO");
    let (width_mm, height_mm) = shape.volume_mm;
    float32(d, tags::IMAGED_VOLUME_WIDTH, width_mm);
    float32(d, tags::IMAGED_VOLUME_HEIGHT, height_mm);
    // Micrometres: one for each focal plane, and what is between the first and the last.
    let depth_nm = ends(shape.planes_nm).map_or(0, |(first, last)| last - first);
    float32(d, tags::IMAGED_VOLUME_DEPTH, 1.0 + depth_nm as f64 / 1000.0);
    d.put_u32(tags::TOTAL_PIXEL_MATRIX_COLUMNS, &[shape.total.0]);
    d.put_u32(tags::TOTAL_PIXEL_MATRIX_ROWS, &[shape.total.1]);
    d.put_u32(tags::TOTAL_PIXEL_MATRIX_FOCAL_PLANES, &[shape.planes_nm.len().max(1) as u32]);
    // Rows run against the slide's Y axis and columns against its X axis, so the first pixel is the farthest corner
    // of the imaged volume (PS3.3 §C.8.12.2.1.1).
    let mut origin = Dataset::new();
    text(&mut origin, tags::X_OFFSET_IN_SLIDE_COORDINATE_SYSTEM, VR::DS, &decimal(height_mm));
    text(&mut origin, tags::Y_OFFSET_IN_SLIDE_COORDINATE_SYSTEM, VR::DS, &decimal(width_mm));
    if let Some((first, _)) = ends(shape.planes_nm) {
        let um = decimal(first as f64 / 1000.0);
        text(&mut origin, tags::Z_OFFSET_IN_SLIDE_COORDINATE_SYSTEM, VR::DS, &um);
    }
    d.put_items(tags::TOTAL_PIXEL_MATRIX_ORIGIN_SEQUENCE, vec![origin]);
    text(d, tags::IMAGE_ORIENTATION_SLIDE, VR::DS, "0\\-1\\0\\-1\\0\\0");
    let organisation = context.uid("dimension organization");
    let mut item = Dataset::new();
    text(&mut item, tags::DIMENSION_ORGANIZATION_UID, VR::UI, organisation.as_str());
    d.put_items(tags::DIMENSION_ORGANIZATION_SEQUENCE, vec![item]);
    text(d, tags::DIMENSION_ORGANIZATION_TYPE, VR::CS, "TILED_FULL");
}

/// Heights of the first and the last focal plane.
fn ends(planes_nm: &[i64]) -> Option<(i64, i64)> {
    Some((*planes_nm.first()?, *planes_nm.last()?))
}

fn optical_paths(d: &mut Dataset, context: &Context, shape: &Shape<'_>) {
    let items: Vec<_> = if shape.paths.is_empty() {
        let mut item = Dataset::new();
        text(&mut item, tags::OPTICAL_PATH_IDENTIFIER, VR::SH, "1");
        let brightfield = illumination(Some(Illumination::Brightfield));
        item.put_items(tags::ILLUMINATION_TYPE_CODE_SEQUENCE, vec![brightfield]);
        let white = code("414298005", "SCT", "Full Spectrum");
        item.put_items(tags::ILLUMINATION_COLOR_CODE_SEQUENCE, vec![white]);
        vec![item]
    } else {
        shape.paths.iter().map(path_of).collect()
    };
    let finish = |mut item: Dataset| {
        if let Some(power) = context.scan.objective {
            text(&mut item, tags::OBJECTIVE_LENS_POWER, VR::DS, &decimal(power));
        }
        // Shades have no colours that a profile could be of.
        if shape.samples.per_pixel > 1 {
            let mut profile = context.scan.icc_profile.clone().unwrap_or_else(|| icc::srgb().to_vec());
            if !profile.len().is_multiple_of(2) {
                profile.push(0);
            }
            item.put(Element { tag: tags::ICC_PROFILE, vr: VR::OB, value: Value::Bytes(profile.into()) });
        }
        item
    };
    let items: Vec<_> = items.into_iter().map(finish).collect();
    d.put_u32(tags::NUMBER_OF_OPTICAL_PATHS, &[items.len() as u32]);
    d.put_items(tags::OPTICAL_PATH_SEQUENCE, items);
}

/// A channel (PS3.3 §C.8.12.5).
fn path_of(path: &OpticalPath) -> Dataset {
    let mut item = Dataset::new();
    text(&mut item, tags::OPTICAL_PATH_IDENTIFIER, VR::SH, &path.facts.identifier);
    let description = line(&path.facts.description, 1024);
    if !description.is_empty() {
        text(&mut item, tags::OPTICAL_PATH_DESCRIPTION, VR::ST, &description);
    }
    item.put_items(tags::ILLUMINATION_TYPE_CODE_SEQUENCE, vec![illumination(path.illumination)]);
    match (path.facts.wavelength_nm, path.illumination) {
        (Some(nanometres), _) => float32(&mut item, tags::ILLUMINATION_WAVE_LENGTH, nanometres),
        (None, Some(Illumination::Brightfield)) => {
            let white = code("414298005", "SCT", "Full Spectrum");
            item.put_items(tags::ILLUMINATION_COLOR_CODE_SEQUENCE, vec![white]);
        }
        (None, _) => item.put_items(tags::ILLUMINATION_COLOR_CODE_SEQUENCE, vec![unknown()]),
    }
    item
}

fn illumination(illumination: Option<Illumination>) -> Dataset {
    match illumination {
        Some(Illumination::Brightfield) => code("111744", "DCM", "Brightfield illumination"),
        Some(Illumination::Epifluorescence) => code("111743", "DCM", "Epifluorescence illumination"),
        None => unknown(),
    }
}

fn unknown() -> Dataset {
    code("261665006", "SCT", "Unknown")
}

fn functional_groups(d: &mut Dataset, shape: &Shape<'_>) {
    let mut measures = Dataset::new();
    // Between rows first, then between columns (PS3.3 §10.7.1.3).
    let spacing = format!("{}\\{}", decimal(shape.spacing_mm.1), decimal(shape.spacing_mm.0));
    text(&mut measures, tags::PIXEL_SPACING, VR::DS, &spacing);
    text(&mut measures, tags::SLICE_THICKNESS, VR::DS, "0.001");
    if let [first, second, ..] = shape.planes_nm {
        let mm = decimal((second - first) as f64 / 1e6);
        text(&mut measures, tags::SPACING_BETWEEN_SLICES, VR::DS, &mm);
    }
    let mut frame_type = Dataset::new();
    text(&mut frame_type, tags::FRAME_TYPE, VR::CS, shape.image_type);
    let mut shared = Dataset::new();
    shared.put_items(tags::PIXEL_MEASURES_SEQUENCE, vec![measures]);
    shared.put_items(tags::WHOLE_SLIDE_MICROSCOPY_IMAGE_FRAME_TYPE_SEQUENCE, vec![frame_type]);
    // Of several paths the order of frames says which one they are of (PS3.3 §C.7.6.17.3).
    if shape.paths.len() <= 1 {
        let mut path = Dataset::new();
        text(&mut path, tags::OPTICAL_PATH_IDENTIFIER, VR::SH, "1");
        shared.put_items(tags::OPTICAL_PATH_IDENTIFICATION_SEQUENCE, vec![path]);
    }
    d.put_items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared]);
}

fn text(dataset: &mut Dataset, tag: Tag, vr: VR, value: &str) {
    dataset.put_text(tag, vr, value);
}

fn float32(dataset: &mut Dataset, tag: Tag, value: f64) {
    let bytes = (value as f32).to_le_bytes().to_vec();
    dataset.put(Element { tag, vr: VR::FL, value: Value::Bytes(bytes.into()) });
}

fn code(value: &str, scheme: &str, meaning: &str) -> Dataset {
    let mut item = Dataset::new();
    text(&mut item, tags::CODE_VALUE, VR::SH, value);
    text(&mut item, tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme);
    text(&mut item, tags::CODE_MEANING, VR::LO, meaning);
    item
}

/// A decimal string of at most 16 characters (PS3.5 §6.2, DS), as exact as they allow.
fn decimal(value: f64) -> String {
    for digits in (0..=14).rev() {
        let text = format!("{value:.digits$}");
        if text.len() <= 16 {
            let short =
                if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            return short.to_owned();
        }
    }
    format!("{value:.9e}")
}

/// One line of text without what would split or break a value, at most `most` characters.
fn line(value: &str, most: usize) -> String {
    let clean: String = value.chars().filter(|c| !c.is_control() && *c != '\\').take(most).collect();
    clean.trim().to_owned()
}

/// A person's name: at most three component groups of 64 characters.
fn name(value: &str) -> String {
    let groups: Vec<String> = value.split('=').take(3).map(|group| line(group, 64)).collect();
    groups.join("=").trim_end_matches('=').to_owned()
}

const ITEM: [u8; 4] = [0xFE, 0xFF, 0x00, 0xE0];
const SEQUENCE_DELIMITER: [u8; 8] = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];

/// Frames whose lengths are asked for together.
const FRAMES_PER_BLOCK: u64 = 8192;

/// Writes a level's data set in pieces: `header`, Extended Offset Table and lengths, then one fragment per tile
/// (PS3.5 §A.4, PS3.3 §C.7.6.3). `emit` answers whether to go on. Memory does not depend on the number of tiles.
pub(crate) fn stream(
    source: &dyn TileSource,
    header: Vec<u8>,
    emit: &mut dyn FnMut(Vec<u8>) -> bool,
) -> Result<(), SlideError> {
    let mut out = Pieces { piece: header, emit };
    const LONG: SlideError = SlideError::OverLimit("tiles of a level");
    let count = source.frame_count();
    let table_bytes = count.checked_mul(8).and_then(|n| u32::try_from(n).ok()).ok_or(LONG)?;

    out.put(&long_header(tags::EXTENDED_OFFSET_TABLE, table_bytes))?;
    let mut offset = 0_u64;
    for tiles in blocks(count) {
        for length in lengths(source, tiles)? {
            out.put(&offset.to_le_bytes())?;
            offset = offset.saturating_add(8).saturating_add(even(length));
        }
    }
    out.put(&long_header(tags::EXTENDED_OFFSET_TABLE_LENGTHS, table_bytes))?;
    for tiles in blocks(count) {
        for length in lengths(source, tiles)? {
            out.put(&even(length).to_le_bytes())?;
        }
    }

    out.put(&write::pixel_data_header_encapsulated())?;
    out.put(&ITEM)?;
    out.put(&[0; 4])?;
    for tiles in blocks(count) {
        let mut expected = lengths(source, tiles.clone())?.into_iter();
        source.frames(tiles, &mut |frame| {
            // The offsets are written already: a tile that has another length now is not the one they are for.
            if expected.next() != Some(frame.len() as u64) {
                return Err(SlideError::Changed);
            }
            let length = u32::try_from(even(frame.len() as u64)).map_err(|_| LONG)?;
            out.put(&ITEM)?;
            out.put(&length.to_le_bytes())?;
            out.put(frame)?;
            if frame.len().is_multiple_of(2) { Ok(()) } else { out.put(&[0]) }
        })?;
        if expected.next().is_some() {
            return Err(SlideError::Changed);
        }
    }
    out.put(&SEQUENCE_DELIMITER)?;
    out.flush()
}

/// Writes a level's data set in pieces: `header`, then the frames one after another, as they are without compression (PS3.5
/// §A.2). `emit` answers whether to go on. Memory does not depend on the number of tiles.
pub(crate) fn stream_plain(
    source: &dyn TileSource,
    header: Vec<u8>,
    emit: &mut dyn FnMut(Vec<u8>) -> bool,
) -> Result<(), SlideError> {
    let mut out = Pieces { piece: header, emit };
    let count = source.frame_count();
    let mut total = 0_u64;
    for tiles in blocks(count) {
        total = lengths(source, tiles)?.into_iter().fold(total, u64::saturating_add);
    }
    let long = SlideError::OverLimit("bytes of uncompressed pixels");
    let length = u32::try_from(even(total)).ok().filter(|length| *length < u32::MAX).ok_or(long)?;
    let [group, element] = [tags::PIXEL_DATA.group(), tags::PIXEL_DATA.element()].map(u16::to_le_bytes);
    out.put(&group)?;
    out.put(&element)?;
    out.put(b"OW\0\0")?;
    out.put(&length.to_le_bytes())?;
    let mut written = 0_u64;
    source.frames(0..count, &mut |frame| {
        written += frame.len() as u64;
        out.put(frame)
    })?;
    if written != total {
        return Err(SlideError::Changed);
    }
    if total != even(total) {
        out.put(&[0])?;
    }
    out.flush()
}

fn blocks(count: u64) -> impl Iterator<Item = std::ops::Range<u64>> {
    (0..count.div_ceil(FRAMES_PER_BLOCK))
        .map(move |block| block * FRAMES_PER_BLOCK..count.min((block + 1) * FRAMES_PER_BLOCK))
}

fn lengths(source: &dyn TileSource, tiles: std::ops::Range<u64>) -> Result<Vec<u64>, SlideError> {
    let lengths = source.frame_lengths(tiles.clone())?;
    let is_whole = |lengths: &Vec<u64>| lengths.len() as u64 == tiles.end - tiles.start;
    lengths.filter(is_whole).ok_or(SlideError::Damaged("the tiles of a level have no lengths"))
}

fn even(length: u64) -> u64 {
    length + (length & 1)
}

/// Tag, VR OV and a 32-bit length (PS3.5 §7.1.2).
fn long_header(tag: Tag, length: u32) -> [u8; 12] {
    let [g0, g1] = tag.group().to_le_bytes();
    let [e0, e1] = tag.element().to_le_bytes();
    let [l0, l1, l2, l3] = length.to_le_bytes();
    [g0, g1, e0, e1, b'O', b'V', 0, 0, l0, l1, l2, l3]
}

/// Gathers bytes into pieces of about a megabyte.
struct Pieces<'a> {
    piece: Vec<u8>,
    emit: &'a mut dyn FnMut(Vec<u8>) -> bool,
}

impl Pieces<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), SlideError> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), SlideError> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES + (PIECE_BYTES >> 2)));
        // Nobody takes it any more: the writer's own error says why.
        if (self.emit)(piece) { Ok(()) } else { Err(SlideError::Changed) }
    }
}
