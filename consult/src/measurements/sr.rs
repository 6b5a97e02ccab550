//! A sheet of measurements as a Comprehensive SR with template 1500, Measurement Report (PS3.16): one measurement group
//! each (TID 1501; regions TID 1410), with its coordinates on its image.

use super::{Measurement, MeasurementKind, Quantity, Sheet, Unit, is_on};
use crate::export::dicom::{date, offset, time};
use crate::{ConsultError, ConsultService};
use access::Caller;
use dataset::{Dataset, TransferSyntax, VR, part10, study, tags, write};
use model::{OrgId, Uid};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use storage::{AuditAction, AuditEntry, AuditOutcome, InstanceRef, StorageError};
use time::OffsetDateTime;

/// Comprehensive SR Storage.
const SOP_CLASS: &str = "1.2.840.10008.5.1.4.1.1.88.33";

/// A concept: value, scheme, meaning.
type Code = (&'static str, &'static str, &'static str);

const REPORT: Code = ("126000", "DCM", "Imaging Measurement Report");
const LANGUAGE: Code = ("121049", "DCM", "Language of Content Item and Descendants");
const CHINESE: Code = ("zh-CN", "RFC5646", "Chinese (China)");
const OBSERVER_TYPE: Code = ("121005", "DCM", "Observer Type");
const PERSON: Code = ("121006", "DCM", "Person");
const OBSERVER_NAME: Code = ("121008", "DCM", "Person Observer Name");
const OBSERVER_ORGANISATION: Code = ("121009", "DCM", "Person Observer's Organization Name");
const PROCEDURE: Code = ("121058", "DCM", "Procedure reported");
const IMAGING: Code = ("363679005", "SCT", "Imaging procedure");
const LIBRARY: Code = ("111028", "DCM", "Image Library");
const LIBRARY_GROUP: Code = ("126200", "DCM", "Image Library Group");
const MEASUREMENTS: Code = ("126010", "DCM", "Imaging Measurements");
const GROUP: Code = ("125007", "DCM", "Measurement Group");
const TRACKING_ID: Code = ("112039", "DCM", "Tracking Identifier");
const TRACKING_UID: Code = ("112040", "DCM", "Tracking Unique Identifier");
const REGION: Code = ("111030", "DCM", "Image Region");
const DERIVATION: Code = ("121401", "DCM", "Derivation");
const COMMENT: Code = ("121106", "DCM", "Comment");

impl ConsultService {
    /// What the caller has measured on a study, as a DICOM file. Patient and study are as they are now, after
    /// corrections; what lies on images that are gone is left out. It is made for whoever asks, and not kept.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] when there is nothing to export.
    pub async fn measurements_as_dicom(
        &self,
        caller: &Caller,
        owner: &OrgId,
        study: &Uid,
        attributes: &Map<String, Json>,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, ConsultError> {
        let sheets = self.measurements(caller, owner, study).await?;
        let own = sheets.into_iter().find(|sheet| sheet.is_of(caller) && !sheet.measurements.is_empty());
        let mut sheet = own.ok_or(ConsultError::Invalid {
            field: "measurements",
            why: "没有测量 / there are no measurements",
        })?;
        let images = self.instances_measured(caller, owner, study, &sheet.measurements).await?;
        sheet.measurements.retain(|one| images.iter().any(|image| is_on(one, image)));
        if sheet.measurements.is_empty() {
            let why = "测量所在的图像都不在了 / the images that were measured are gone";
            return Err(ConsultError::Invalid { field: "measurements", why });
        }
        let entry = AuditEntry {
            action: AuditAction::Export,
            object: format!("study/{study}"),
            outcome: AuditOutcome::Success,
            detail: format!("{} measurements as DICOM", sheet.measurements.len()),
        };
        self.storage.audit(caller.scope(), entry).await?;
        let sop_instance = Uid::from_uuid(uuid::Uuid::new_v4());
        let now = now.to_offset(self.config.utc_offset);
        let document = document(&sheet, &images, attributes, &sop_instance, now);
        let syntax = TransferSyntax::explicit_little();
        let class = Uid::parse(SOP_CLASS).map_err(|_| StorageError::Corrupt("a constant"))?;
        let mut file = part10::head(&syntax, &class, &sop_instance);
        file.extend(write::to_bytes(&document, &syntax));
        Ok(file)
    }
}

fn document(
    sheet: &Sheet,
    images: &[InstanceRef],
    attributes: &Map<String, Json>,
    sop_instance: &Uid,
    now: OffsetDateTime,
) -> Dataset {
    let mut document = study::begin(attributes);
    let d = &mut document;
    d.put_text(tags::STUDY_INSTANCE_UID, VR::UI, sheet.study.as_str());
    d.put_text(tags::SERIES_INSTANCE_UID, VR::UI, Uid::from_uuid(uuid::Uuid::new_v4()).as_str());
    d.put_text(tags::SERIES_NUMBER, VR::IS, "1");
    d.put_text(tags::SERIES_DESCRIPTION, VR::LO, "Measurements");
    d.put_items(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, Vec::new());
    d.put_items(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, Vec::new());
    d.put_text(tags::MODALITY, VR::CS, "SR");
    d.put_text(tags::MANUFACTURER, VR::LO, "Farsight");
    d.put_text(tags::MANUFACTURER_MODEL_NAME, VR::LO, "Farsight");
    d.put_text(tags::SOFTWARE_VERSIONS, VR::LO, env!("CARGO_PKG_VERSION"));
    d.put_text(tags::SOP_CLASS_UID, VR::UI, SOP_CLASS);
    d.put_text(tags::SOP_INSTANCE_UID, VR::UI, sop_instance.as_str());
    d.put_text(tags::INSTANCE_NUMBER, VR::IS, "1");
    d.put_text(tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, &offset(now));
    d.put_text(tags::CONTENT_DATE, VR::DA, &date(now));
    d.put_text(tags::CONTENT_TIME, VR::TM, &time(now));
    d.put_text(tags::COMPLETION_FLAG, VR::CS, "PARTIAL");
    d.put_text(tags::VERIFICATION_FLAG, VR::CS, "UNVERIFIED");
    d.put_items(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, vec![evidence(sheet, images)]);
    let root = container("", REPORT, content(sheet, images));
    for element in root.elements() {
        d.put(element.clone());
    }
    let mut template = Dataset::new();
    template.put_text(tags::MAPPING_RESOURCE, VR::CS, "DCMR");
    template.put_text(tags::TEMPLATE_IDENTIFIER, VR::CS, "1500");
    d.put_items(tags::CONTENT_TEMPLATE_SEQUENCE, vec![template]);
    document
}

/// Every image that is referred to, by series (PS3.3 §C.17.2).
fn evidence(sheet: &Sheet, images: &[InstanceRef]) -> Dataset {
    let mut by_series: BTreeMap<&str, Vec<Dataset>> = BTreeMap::new();
    for image in images {
        by_series.entry(image.series().as_str()).or_default().push(reference(image, None));
    }
    let series = by_series.into_iter().map(|(uid, instances)| {
        let mut item = Dataset::new();
        item.put_text(tags::SERIES_INSTANCE_UID, VR::UI, uid);
        item.put_items(tags::REFERENCED_SOP_SEQUENCE, instances);
        item
    });
    let mut study = Dataset::new();
    study.put_items(tags::REFERENCED_SERIES_SEQUENCE, series.collect());
    study.put_text(tags::STUDY_INSTANCE_UID, VR::UI, sheet.study.as_str());
    study
}

fn reference(image: &InstanceRef, frame: Option<u32>) -> Dataset {
    let mut item = Dataset::new();
    item.put_text(tags::REFERENCED_SOP_CLASS_UID, VR::UI, image.sop_class().as_str());
    item.put_text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, image.instance().as_str());
    if let Some(frame) = frame.filter(|_| image.frame_count() > 1) {
        item.put_text(tags::REFERENCED_FRAME_NUMBER, VR::IS, &frame.to_string());
    }
    item
}

fn content(sheet: &Sheet, images: &[InstanceRef]) -> Vec<Dataset> {
    let name = line(&sheet.person_name, 64).replace(['^', '='], " ");
    let library = images.iter().map(|image| image_item("CONTAINS", image, None)).collect();
    let groups = sheet.measurements.iter().filter_map(|one| {
        let image = images.iter().find(|image| *image.instance() == one.instance)?;
        Some(container("CONTAINS", GROUP, group(one, image)))
    });
    vec![
        coded("HAS CONCEPT MOD", LANGUAGE, CHINESE),
        coded("HAS OBS CONTEXT", OBSERVER_TYPE, PERSON),
        text_item("HAS OBS CONTEXT", OBSERVER_NAME, "PNAME", &name),
        text_item("HAS OBS CONTEXT", OBSERVER_ORGANISATION, "TEXT", &line(&sheet.organisation_name, 200)),
        coded("HAS CONCEPT MOD", PROCEDURE, IMAGING),
        container("CONTAINS", LIBRARY, vec![container("CONTAINS", LIBRARY_GROUP, library)]),
        container("CONTAINS", MEASUREMENTS, groups.collect()),
    ]
}

fn group(one: &Measurement, image: &InstanceRef) -> Vec<Dataset> {
    let is_region = matches!(one.kind, MeasurementKind::Ellipse | MeasurementKind::Rectangle);
    let place = coordinates(one, image);
    let mut items = vec![
        text_item("HAS OBS CONTEXT", TRACKING_ID, "TEXT", one.kind.word()),
        text_item("HAS OBS CONTEXT", TRACKING_UID, "UIDREF", one.id.as_str()),
    ];
    if is_region {
        items.extend(place.iter().cloned().map(|mut region| {
            region.put_text(tags::RELATIONSHIP_TYPE, VR::CS, "CONTAINS");
            region.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![code(REGION)]);
            region
        }));
    }
    for value in &one.values {
        let mut below = Vec::new();
        let (concept, derivation) = concept(value.quantity, value.unit);
        if let Some(derivation) = derivation {
            below.push(coded("HAS CONCEPT MOD", DERIVATION, derivation));
        }
        if !is_region {
            below.extend(place.iter().cloned());
        }
        let mut measured = Dataset::new();
        measured.put_text(tags::NUMERIC_VALUE, VR::DS, &decimal(value.value));
        measured.put_items(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, vec![code(unit(value.unit))]);
        let mut item = item("CONTAINS", "NUM", Some(concept));
        item.put_items(tags::MEASURED_VALUE_SEQUENCE, vec![measured]);
        if !below.is_empty() {
            item.put_items(tags::CONTENT_SEQUENCE, below);
        }
        items.push(item);
    }
    if !one.text.is_empty() {
        let mut words = text_item("CONTAINS", COMMENT, "TEXT", &one.text);
        if !is_region {
            words.put_items(tags::CONTENT_SEQUENCE, place);
        }
        items.push(words);
    }
    items
}

/// Where it was measured: lines, a point, or a region, selected from the image (TID 320).
fn coordinates(one: &Measurement, image: &InstanceRef) -> Vec<Dataset> {
    let shapes: Vec<(&str, Vec<[f64; 2]>)> = match (one.kind, one.points.as_slice()) {
        (MeasurementKind::Probe, points) => vec![("POINT", points.to_vec())],
        (MeasurementKind::Cobb, [a, b, c, d]) => {
            vec![("POLYLINE", vec![*a, *b]), ("POLYLINE", vec![*c, *d])]
        }
        (MeasurementKind::Ellipse, [a, b, c, d]) => {
            // The major axis comes first (PS3.3 §C.18.6.1.2).
            let length = |from: &[f64; 2], to: &[f64; 2]| (from[0] - to[0]).hypot(from[1] - to[1]);
            let axes = if length(a, b) >= length(c, d) { vec![*a, *b, *c, *d] } else { vec![*c, *d, *a, *b] };
            vec![("ELLIPSE", axes)]
        }
        (MeasurementKind::Rectangle, [a, b, c, d]) => vec![("POLYLINE", vec![*a, *b, *c, *d, *a])],
        (_, points) => vec![("POLYLINE", points.to_vec())],
    };
    let made = shapes.into_iter().map(|(kind, points)| {
        let mut place = item("INFERRED FROM", "SCOORD", None);
        place.put_text(tags::GRAPHIC_TYPE, VR::CS, kind);
        // Single precision is what the attribute has: a hundredth of a pixel up to 100,000.
        let data: Vec<u8> =
            points.iter().flatten().flat_map(|number| (*number as f32).to_le_bytes()).collect();
        place.put_bytes(tags::GRAPHIC_DATA, VR::FL, data);
        place.put_items(tags::CONTENT_SEQUENCE, vec![image_item("SELECTED FROM", image, Some(one.frame))]);
        place
    });
    made.collect()
}

fn concept(quantity: Quantity, unit: Unit) -> (Code, Option<Code>) {
    let pixels = match unit {
        Unit::Hounsfield => ("112031", "DCM", "Attenuation Coefficient"),
        Unit::Uptake => ("126401", "DCM", "SUVbw"),
        _ => ("PIXELVALUE", "99FARSIGHT", "Pixel value"),
    };
    match quantity {
        Quantity::Length => (("410668003", "SCT", "Length"), None),
        Quantity::Angle => (("1483009", "SCT", "Angle"), None),
        Quantity::Area => (("42798000", "SCT", "Area"), None),
        Quantity::Mean => (pixels, Some(("373098007", "SCT", "Mean"))),
        Quantity::StandardDeviation => (pixels, Some(("386136009", "SCT", "Standard Deviation"))),
        Quantity::Minimum => (pixels, Some(("255605001", "SCT", "Minimum"))),
        Quantity::Maximum => (pixels, Some(("56851009", "SCT", "Maximum"))),
        Quantity::PixelValue => (pixels, None),
        Quantity::CardiothoracicRatio => (("CTR", "99FARSIGHT", "Cardiothoracic ratio"), None),
    }
}

fn unit(unit: Unit) -> Code {
    match unit {
        Unit::Millimetre => ("mm", "UCUM", "millimeter"),
        Unit::Centimetre => ("cm", "UCUM", "centimeter"),
        Unit::SquareMillimetre => ("mm2", "UCUM", "square millimeter"),
        Unit::SquareCentimetre => ("cm2", "UCUM", "square centimeter"),
        Unit::Pixel | Unit::PixelArea => ("{pixels}", "UCUM", "pixels"),
        Unit::Degree => ("deg", "UCUM", "degree"),
        Unit::Hounsfield => ("[hnsf'U]", "UCUM", "Hounsfield unit"),
        Unit::Uptake => ("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight"),
        Unit::None => ("1", "UCUM", "no units"),
    }
}

fn item(relationship: &str, kind: &str, name: Option<Code>) -> Dataset {
    let mut item = Dataset::new();
    if !relationship.is_empty() {
        item.put_text(tags::RELATIONSHIP_TYPE, VR::CS, relationship);
    }
    item.put_text(tags::VALUE_TYPE, VR::CS, kind);
    if let Some(name) = name {
        item.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![code(name)]);
    }
    item
}

fn container(relationship: &str, name: Code, content: Vec<Dataset>) -> Dataset {
    let mut container = item(relationship, "CONTAINER", Some(name));
    container.put_text(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE");
    if !content.is_empty() {
        container.put_items(tags::CONTENT_SEQUENCE, content);
    }
    container
}

fn coded(relationship: &str, name: Code, value: Code) -> Dataset {
    let mut coded = item(relationship, "CODE", Some(name));
    coded.put_items(tags::CONCEPT_CODE_SEQUENCE, vec![code(value)]);
    coded
}

fn text_item(relationship: &str, name: Code, kind: &str, value: &str) -> Dataset {
    let mut text = item(relationship, kind, Some(name));
    match kind {
        "PNAME" => text.put_text(tags::PERSON_NAME, VR::PN, value),
        "UIDREF" => text.put_text(tags::UID, VR::UI, value),
        _ => text.put_text(tags::TEXT_VALUE, VR::UT, value),
    }
    text
}

fn image_item(relationship: &str, image: &InstanceRef, frame: Option<u32>) -> Dataset {
    let mut item = item(relationship, "IMAGE", None);
    item.put_items(tags::REFERENCED_SOP_SEQUENCE, vec![reference(image, frame)]);
    item
}

fn code((value, scheme, meaning): Code) -> Dataset {
    let mut item = Dataset::new();
    item.put_text(tags::CODE_VALUE, VR::SH, value);
    item.put_text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme);
    item.put_text(tags::CODE_MEANING, VR::LO, meaning);
    item
}

/// A decimal string of at most 16 characters (PS3.5 §6.2).
fn decimal(value: f64) -> String {
    let plain = format!("{value:.4}");
    if plain.len() <= 16 { plain } else { format!("{value:.6e}") }
}

/// One line without what would split a value, at most `most` characters.
fn line(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control() && *c != '\\').take(most).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_fit_their_representation() {
        for (value, expected) in [(41.25, "41.2500"), (-1024.0, "-1024.0000"), (0.5, "0.5000")] {
            assert_eq!(decimal(value), expected);
        }
        assert!(decimal(-123_456_789_012_345.0).len() <= 16);
        assert!(decimal(f64::MAX).len() <= 16);
    }
}
