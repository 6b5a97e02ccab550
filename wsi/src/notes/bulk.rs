//! Annotations as a Microscopy Bulk Simple Annotations instance (PS3.3 §A.87): one group each, since only groups carry
//! words, in pixels of level 0's total pixel matrix (coordinate type 2D, PS3.3 §C.37.1.2).

use super::words::Code;
use super::{Annotation, Annotations, Colour, NoteError, ShapeKind};
use crate::{Slide, Slides};
use dataset::{Dataset, TransferSyntax, VR, part10, study, tags, write};
use model::{Scope, Uid};
use serde_json::{Map, Value as Json};
use storage::StorageError;
use time::OffsetDateTime;

/// Microscopy Bulk Simple Annotations Storage.
const SOP_CLASS: &str = "1.2.840.10008.5.1.4.1.1.91.1";
/// VL Whole Slide Microscopy Image Storage.
const SLIDE_SOP_CLASS: &str = "1.2.840.10008.5.1.4.1.1.77.1.6";

impl Slides {
    /// A DICOM file with these annotations. Patient and study are the slide's as they are now, after corrections. It is
    /// made for whoever asks, and not kept.
    ///
    /// # Errors
    /// [`NoteError::Invalid`] when there is nothing to export: such an instance has at least one group.
    pub async fn bulk_annotations(
        &self,
        found: &Annotations,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, NoteError> {
        let slide = &found.slide;
        if found.annotations.is_empty() {
            return Err(NoteError::Invalid {
                field: "annotations",
                why: "没有标注 / there are no annotations",
            });
        }
        let series = std::slice::from_ref(&slide.series);
        let places = self.storage.whereabouts(&Scope::node("slide notes"), series).await?;
        let place = places.into_iter().find(|place| place.owner == slide.owner && place.study == slide.study);
        let attributes = place.ok_or(NoteError::NotFound)?.study_attributes;
        let sop_instance = Uid::from_uuid(uuid::Uuid::new_v4());
        let dataset = dataset(slide, &found.annotations, &attributes, &sop_instance, now)?;
        let syntax = TransferSyntax::explicit_little();
        let class = Uid::parse(SOP_CLASS).map_err(|_| StorageError::Corrupt("a constant"))?;
        let mut file = part10::head(&syntax, &class, &sop_instance);
        file.extend(write::to_bytes(&dataset, &syntax));
        Ok(file)
    }
}

fn dataset(
    slide: &Slide,
    annotations: &[Annotation],
    attributes: &Map<String, Json>,
    sop_instance: &Uid,
    now: OffsetDateTime,
) -> Result<Dataset, NoteError> {
    let level = slide.levels.first().ok_or(NoteError::NotFound)?;
    let mut dataset = study::begin(attributes);
    let d = &mut dataset;
    d.put_text(tags::STUDY_INSTANCE_UID, VR::UI, slide.study.as_str());
    let (date, time) = (day(now), clock(now));
    d.put_text(tags::MODALITY, VR::CS, "ANN");
    d.put_text(tags::SERIES_INSTANCE_UID, VR::UI, Uid::from_uuid(uuid::Uuid::new_v4()).as_str());
    d.put_text(tags::SERIES_NUMBER, VR::IS, "1");
    d.put_text(tags::LATERALITY, VR::CS, "");
    d.put_text(tags::SERIES_DESCRIPTION, VR::LO, "Annotations");
    d.put_text(tags::MANUFACTURER, VR::LO, "Farsight");
    d.put_text(tags::MANUFACTURER_MODEL_NAME, VR::LO, "Farsight");
    d.put_text(tags::DEVICE_SERIAL_NUMBER, VR::LO, "unknown");
    d.put_text(tags::SOFTWARE_VERSIONS, VR::LO, env!("CARGO_PKG_VERSION"));
    d.put_text(tags::SOP_CLASS_UID, VR::UI, SOP_CLASS);
    d.put_text(tags::SOP_INSTANCE_UID, VR::UI, sop_instance.as_str());
    d.put_text(tags::INSTANCE_NUMBER, VR::IS, "1");
    d.put_text(tags::CONTENT_DATE, VR::DA, &date);
    d.put_text(tags::CONTENT_TIME, VR::TM, &time);
    d.put_text(tags::CONTENT_LABEL, VR::CS, "FARSIGHT_NOTES");
    d.put_text(tags::CONTENT_DESCRIPTION, VR::LO, "Regions and notes");
    d.put_text(tags::CONTENT_CREATOR_NAME, VR::PN, &only_author(annotations));
    d.put_text(tags::ANNOTATION_COORDINATE_TYPE, VR::CS, "2D");
    d.put_text(tags::PIXEL_ORIGIN_INTERPRETATION, VR::CS, "VOLUME");
    d.put_items(tags::REFERENCED_IMAGE_SEQUENCE, vec![reference(&level.instance)]);
    let mut series = Dataset::new();
    series.put_items(tags::REFERENCED_INSTANCE_SEQUENCE, vec![reference(&level.instance)]);
    series.put_text(tags::SERIES_INSTANCE_UID, VR::UI, slide.series.as_str());
    d.put_items(tags::REFERENCED_SERIES_SEQUENCE, vec![series]);
    d.put_items(tags::ANNOTATION_GROUP_SEQUENCE, (1..).zip(annotations).map(group).collect());
    Ok(dataset)
}

fn reference(instance: &Uid) -> Dataset {
    let mut item = Dataset::new();
    item.put_text(tags::REFERENCED_SOP_CLASS_UID, VR::UI, SLIDE_SOP_CLASS);
    item.put_text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, instance.as_str());
    item
}

fn group((number, annotation): (u16, &Annotation)) -> Dataset {
    let mut group = Dataset::new();
    let shape = &annotation.shape;
    let points = shape.points();
    group.put_u16(tags::ANNOTATION_GROUP_NUMBER, &[number]);
    group.put_text(tags::ANNOTATION_GROUP_UID, VR::UI, group_uid(annotation).as_str());
    group.put_text(tags::ANNOTATION_GROUP_LABEL, VR::LO, &label(annotation));
    group.put_text(tags::ANNOTATION_GROUP_DESCRIPTION, VR::UT, &description(annotation));
    group.put_text(tags::ANNOTATION_GROUP_GENERATION_TYPE, VR::CS, "MANUAL");
    let (category, property) = annotation.class.codes();
    group.put_items(tags::ANNOTATION_PROPERTY_CATEGORY_CODE_SEQUENCE, vec![code(category)]);
    group.put_items(tags::ANNOTATION_PROPERTY_TYPE_CODE_SEQUENCE, vec![code(property)]);
    group.put_u32(tags::NUMBER_OF_ANNOTATIONS, &[1]);
    group.put_text(tags::ANNOTATION_APPLIES_TO_ALL_OPTICAL_PATHS, VR::CS, "YES");
    group.put_u16(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE, &cie_lab(annotation.colour));
    let graphic = match shape.kind() {
        ShapeKind::Point => "POINT",
        ShapeKind::Line => "POLYLINE",
        ShapeKind::Polygon => "POLYGON",
        ShapeKind::Rectangle => "RECTANGLE",
        ShapeKind::Ellipse => "ELLIPSE",
    };
    group.put_text(tags::GRAPHIC_TYPE, VR::CS, graphic);
    let coordinates: Vec<u8> = points.iter().flatten().flat_map(|number| number.to_le_bytes()).collect();
    group.put_bytes(tags::DOUBLE_POINT_COORDINATES_DATA, VR::OD, coordinates);
    if matches!(shape.kind(), ShapeKind::Line | ShapeKind::Polygon) {
        // The one annotation of the group begins with the first number (counted from 1).
        group.put_bytes(tags::LONG_PRIMITIVE_POINT_INDEX_LIST, VR::OL, 1_u32.to_le_bytes().to_vec());
    }
    group
}

/// The same annotation is the same group in every export.
fn group_uid(annotation: &Annotation) -> Uid {
    Uid::from_uuid(uuid::Uuid::parse_str(&annotation.id).unwrap_or_else(|_| uuid::Uuid::new_v4()))
}

fn label(annotation: &Annotation) -> String {
    let first = annotation.text.lines().next().unwrap_or_default();
    let words = if first.is_empty() { annotation.class.as_str() } else { first };
    line(words, 64)
}

/// What was written, and by whom and when, since groups have no attributes for that.
fn description(annotation: &Annotation) -> String {
    let author = &annotation.author;
    let at = model::time_text::rfc3339(model::time_text::from_unix_ms(annotation.changed_at_ms));
    let mut by = format!("{} ({}), {at}", author.name, author.organisation_name);
    if let Some(behalf) = &author.on_behalf {
        by.push_str(&format!(", {} for {}", behalf.number, behalf.organisation_name));
    }
    if annotation.text.is_empty() { by } else { format!("{}\r\n{by}", annotation.text.replace('\n', "\r\n")) }
}

/// The name of whoever drew all of it; empty when several did.
fn only_author(annotations: &[Annotation]) -> String {
    let Some(first) = annotations.first() else { return String::new() };
    let is_only = annotations.iter().all(|annotation| annotation.author.person == first.author.person);
    if is_only { line(&first.author.name, 64).replace(['^', '='], " ") } else { String::new() }
}

fn code((value, scheme, meaning): Code) -> Dataset {
    let mut item = Dataset::new();
    item.put_text(tags::CODE_VALUE, VR::SH, value);
    item.put_text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme);
    item.put_text(tags::CODE_MEANING, VR::LO, meaning);
    item
}

/// One line without what would split a value, at most `most` characters.
fn line(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control() && *c != '\\').take(most).collect::<String>().trim().to_owned()
}

fn day(at: OffsetDateTime) -> String {
    format!("{:04}{:02}{:02}", at.year(), u8::from(at.month()), at.day())
}

fn clock(at: OffsetDateTime) -> String {
    format!("{:02}{:02}{:02}", at.hour(), at.minute(), at.second())
}

/// A colour as PCS values, CIELab with white D50 (PS3.3 §C.10.7.1.1): L* of 0..100 and a*, b* of -128..127, each on
/// 0..65535.
fn cie_lab(colour: Colour) -> [u16; 3] {
    let [r, g, b] = colour.0.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    // sRGB (IEC 61966-2-1) to XYZ, adapted to D50 by Bradford's method, over the white point.
    let x = (0.436_07 * r + 0.385_15 * g + 0.143_07 * b) / 0.964_22;
    let y = 0.222_49 * r + 0.716_87 * g + 0.060_61 * b;
    let z = (0.013_92 * r + 0.097_08 * g + 0.714_10 * b) / 0.825_21;
    let root = |t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
    let (x, y, z) = (root(x), root(y), root(z));
    let scaled = |value: f64, from: f64, span: f64| {
        // Within 0..65535, so nothing is cut off.
        ((value - from) / span * 65_535.0).round().clamp(0.0, 65_535.0) as u16
    };
    [
        scaled(116.0 * y - 16.0, 0.0, 100.0),
        scaled(500.0 * (x - y), -128.0, 255.0),
        scaled(200.0 * (y - z), -128.0, 255.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_where_cielab_has_them() {
        assert_eq!(cie_lab(Colour([0, 0, 0])), [0, 32896, 32896]);
        let [lightness, a, b] = cie_lab(Colour([255, 255, 255]));
        assert!(
            lightness >= 65_500 && a.abs_diff(32_896) < 30 && b.abs_diff(32_896) < 30,
            "{lightness} {a} {b}"
        );
        // Red: L* 54.3, a* 80.8, b* 69.9 with white D50.
        let [lightness, a, b] = cie_lab(Colour([255, 0, 0]));
        assert!(lightness.abs_diff(35_585) < 200 && a.abs_diff(53_660) < 300 && b.abs_diff(50_860) < 300);
    }
}
