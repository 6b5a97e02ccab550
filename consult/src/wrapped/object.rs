//! The DICOM object around a photograph (VL Photographic Image, PS3.3 §A.32.4), a screen shot (Secondary Capture, §A.8.1) or a
//! paper (Encapsulated PDF, §A.45.1).

use super::picture::{Picture, Pixels};
use crate::export::dicom::{date, file, line, offset, put, time};
use crate::export::{Built, uid_of};
use dataset::{Dataset, TransferSyntax, VR, part10, tags, write};
use model::{OrgId, Sha256, Uid};
use time::OffsetDateTime;

/// An item, its tag (PS3.5 §7.5).
const ITEM: [u8; 4] = [0xFE, 0xFF, 0x00, 0xE0];
/// Sequence Delimitation Item with its length.
const SEQUENCE_DELIMITER: [u8; 8] = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];

/// What is wrapped.
pub(super) enum Content {
    /// From a camera.
    Photograph(Picture),
    /// From a screen.
    Capture(Picture),
    /// A PDF's bytes.
    Paper(Vec<u8>),
}

impl Content {
    fn class(&self) -> &'static str {
        match self {
            Self::Photograph(_) => "1.2.840.10008.5.1.4.1.1.77.1.4",
            Self::Capture(_) => "1.2.840.10008.5.1.4.1.1.7",
            Self::Paper(_) => "1.2.840.10008.5.1.4.1.1.104.1",
        }
    }

    /// The series' modality, number and description.
    fn series(&self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Photograph(_) => ("XC", "9101", "照片 Photographs"),
            Self::Capture(_) => ("OT", "9102", "图片 Pictures"),
            Self::Paper(_) => ("DOC", "9103", "文件 Documents"),
        }
    }
}

/// Where an object belongs, and what it is called.
pub(super) struct About<'a> {
    /// Attributes of patient and study, with the Study Instance UID.
    pub study: &'a Dataset,
    pub uid: &'a Uid,
    pub owner: &'a OrgId,
    /// Of the file's bytes: the same file in the same study is the same instance.
    pub sha256: &'a Sha256,
    pub name: &'a str,
    pub number: u16,
    /// Local time.
    pub at: OffsetDateTime,
}

impl About<'_> {
    /// Series and instance.
    pub(super) fn uids(&self, content: &Content) -> (Uid, Uid) {
        let study = format!("{}/{}", self.owner, self.uid);
        let series = uid_of(&format!("wrapped/{}", content.series().0), &study);
        (series, uid_of("wrapped", &format!("{study}/{}", self.sha256)))
    }
}

/// Makes the object.
pub(super) fn build(about: &About<'_>, content: Content) -> Built {
    let mut set = crate::export::dicom::of_study(about.study);
    let (series, instance) = about.uids(&content);
    let (modality, number, description) = content.series();
    let now = (date(about.at), time(about.at));
    for (tag, vr, text) in [
        (tags::STUDY_INSTANCE_UID, VR::UI, about.uid.as_str()),
        (tags::SERIES_INSTANCE_UID, VR::UI, series.as_str()),
        (tags::SOP_INSTANCE_UID, VR::UI, instance.as_str()),
        (tags::SOP_CLASS_UID, VR::UI, content.class()),
        (tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, &offset(about.at)),
        (tags::INSTANCE_CREATION_DATE, VR::DA, &now.0),
        (tags::INSTANCE_CREATION_TIME, VR::TM, &now.1),
        (tags::CONTENT_DATE, VR::DA, &now.0),
        (tags::CONTENT_TIME, VR::TM, &now.1),
        (tags::MODALITY, VR::CS, modality),
        (tags::SERIES_NUMBER, VR::IS, number),
        (tags::SERIES_DESCRIPTION, VR::LO, description),
        (tags::INSTANCE_NUMBER, VR::IS, &about.number.to_string()),
        (tags::MANUFACTURER, VR::LO, ""),
    ] {
        put(&mut set, tag, vr, text);
    }
    match content {
        Content::Paper(pdf) => paper(set, about.name, pdf),
        Content::Photograph(picture) => {
            put(&mut set, tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY");
            set.put_items(tags::ACQUISITION_CONTEXT_SEQUENCE, Vec::new());
            image(set, about.name, picture)
        }
        Content::Capture(picture) => {
            put(&mut set, tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY");
            put(&mut set, tags::CONVERSION_TYPE, VR::CS, "WSD");
            image(set, about.name, picture)
        }
    }
}

fn paper(mut set: Dataset, name: &str, pdf: Vec<u8>) -> Built {
    for (tag, vr, text) in [
        (tags::CONVERSION_TYPE, VR::CS, "WSD"),
        (tags::ACQUISITION_DATE_TIME, VR::DT, ""),
        // Nobody has looked: a letter names its patient.
        (tags::BURNED_IN_ANNOTATION, VR::CS, "YES"),
        (tags::DOCUMENT_TITLE, VR::ST, name),
        (tags::MIME_TYPE_OF_ENCAPSULATED_DOCUMENT, VR::LO, "application/pdf"),
    ] {
        put(&mut set, tag, vr, text);
    }
    set.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, Vec::new());
    let length = u32::try_from(pdf.len()).unwrap_or(u32::MAX);
    set.put_bytes(tags::ENCAPSULATED_DOCUMENT, VR::OB, even(pdf));
    set.put_u32(tags::ENCAPSULATED_DOCUMENT_LENGTH, &[length]);
    file(set)
}

fn even(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

fn image(mut set: Dataset, name: &str, picture: Picture) -> Built {
    put(&mut set, tags::PATIENT_ORIENTATION, VR::CS, "");
    // Nobody has said of which side it is.
    put(&mut set, tags::LATERALITY, VR::CS, "");
    put(&mut set, tags::IMAGE_COMMENTS, VR::LT, &line(name));
    put(&mut set, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, picture.photometric);
    set.put_u16(tags::SAMPLES_PER_PIXEL, &[picture.samples]);
    set.put_u16(tags::ROWS, &[picture.rows]);
    set.put_u16(tags::COLUMNS, &[picture.columns]);
    set.put_u16(tags::BITS_ALLOCATED, &[picture.bits]);
    set.put_u16(tags::BITS_STORED, &[picture.bits]);
    set.put_u16(tags::HIGH_BIT, &[picture.bits - 1]);
    set.put_u16(tags::PIXEL_REPRESENTATION, &[0]);
    if picture.samples > 1 {
        set.put_u16(tags::PLANAR_CONFIGURATION, &[0]);
    }
    if !picture.way.is_straight() {
        set.put_u16(tags::IMAGE_ROTATION, &[u16::from(picture.way.quarters) * 90]);
        let flip = if picture.way.is_mirrored { "Y" } else { "N" };
        put(&mut set, tags::IMAGE_HORIZONTAL_FLIP, VR::CS, flip);
    }
    let lossy = if picture.lossy_bytes.is_some() { "01" } else { "00" };
    put(&mut set, tags::LOSSY_IMAGE_COMPRESSION, VR::CS, lossy);
    if let Some(bytes) = picture.lossy_bytes {
        let ratio = picture.native_bytes() as f64 / bytes.max(1) as f64;
        put(&mut set, tags::LOSSY_IMAGE_COMPRESSION_RATIO, VR::DS, &format!("{ratio:.2}"));
        put(&mut set, tags::LOSSY_IMAGE_COMPRESSION_METHOD, VR::CS, "ISO_10918_1");
    }
    match picture.pixels {
        Pixels::Native(pixels) => {
            let vr = if picture.bits == 16 { VR::OW } else { VR::OB };
            set.put_bytes(tags::PIXEL_DATA, vr, even(pixels));
            file(set)
        }
        Pixels::Codestream(syntax, codestream) => encapsulated(&set, syntax, codestream),
    }
}

/// One frame in one fragment behind an empty offset table (PS3.5 §A.4).
fn encapsulated(set: &Dataset, syntax: &str, codestream: Vec<u8>) -> Built {
    let syntax = TransferSyntax::parse(syntax).unwrap_or_else(|_| TransferSyntax::explicit_little());
    let uid = |tag| set.uid(tag).unwrap_or_else(|| uid_of("none", ""));
    let (class, instance) = (uid(tags::SOP_CLASS_UID), uid(tags::SOP_INSTANCE_UID));
    let frame = even(codestream);
    let mut bytes = part10::head(&syntax, &class, &instance);
    bytes.extend(write::to_bytes(set, &syntax));
    bytes.extend(write::pixel_data_header_encapsulated());
    bytes.extend(ITEM);
    bytes.extend([0; 4]);
    bytes.extend(ITEM);
    bytes.extend(u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(frame);
    bytes.extend(SEQUENCE_DELIMITER);
    Built { bytes, instance: Some((class, instance)) }
}
