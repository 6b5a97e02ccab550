//! Content items of structured reports (PS3.3 §C.17.3).

use super::dicom::{Code, coded, item, put, reference};
use crate::key_image::KeyImage;
use dataset::{Dataset, VR, tags};

/// Its parent has it as a part.
pub(super) const CONTAINS: &str = "CONTAINS";
/// Its parent is concluded from it.
pub(super) const INFERRED_FROM: &str = "INFERRED FROM";
/// It says in which circumstances its parent was observed.
pub(super) const OBSERVED: &str = "HAS OBS CONTEXT";
/// It says more about its parent's concept.
pub(super) const CONCEPT: &str = "HAS CONCEPT MOD";

fn content(relationship: &str, value_type: &str, concept: Option<Code>) -> Dataset {
    let mut content =
        item(&[(tags::RELATIONSHIP_TYPE, VR::CS, relationship), (tags::VALUE_TYPE, VR::CS, value_type)]);
    if let Some(concept) = concept {
        content.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![coded(concept)]);
    }
    content
}

pub(super) fn text(relationship: &str, concept: Code, value: &str) -> Dataset {
    let mut item = content(relationship, "TEXT", Some(concept));
    put(&mut item, tags::TEXT_VALUE, VR::UT, value);
    item
}

pub(super) fn code(relationship: &str, concept: Code, value: Dataset) -> Dataset {
    let mut item = content(relationship, "CODE", Some(concept));
    item.put_items(tags::CONCEPT_CODE_SEQUENCE, vec![value]);
    item
}

pub(super) fn person(relationship: &str, concept: Code, name: &str) -> Dataset {
    let mut item = content(relationship, "PNAME", Some(concept));
    put(&mut item, tags::PERSON_NAME, VR::PN, name);
    item
}

pub(super) fn uid(relationship: &str, concept: Code, value: &str) -> Dataset {
    let mut item = content(relationship, "UIDREF", Some(concept));
    put(&mut item, tags::UID, VR::UI, value);
    item
}

/// A measured value in micrometres; a decimal string.
pub(super) fn micrometres(relationship: &str, concept: Code, value: &str) -> Dataset {
    let mut measured = Dataset::new();
    put(&mut measured, tags::NUMERIC_VALUE, VR::DS, value);
    let unit = coded(Code("um", "UCUM", "micrometer"));
    measured.put_items(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, vec![unit]);
    let mut item = content(relationship, "NUM", Some(concept));
    item.put_items(tags::MEASURED_VALUE_SEQUENCE, vec![measured]);
    item
}

/// An image that is shown, and which of its frames (PS3.3 §C.18.4).
pub(super) fn image(relationship: &str, class: &str, key_image: &KeyImage) -> Dataset {
    let mut referred = reference(class, key_image.instance().as_str());
    if let Some(frame) = key_image.frame() {
        put(&mut referred, tags::REFERENCED_FRAME_NUMBER, VR::IS, &frame.to_string());
    }
    let mut item = content(relationship, "IMAGE", None);
    item.put_items(tags::REFERENCED_SOP_SEQUENCE, vec![referred]);
    item
}

/// A section; `None` when nothing is in it.
pub(super) fn section(heading: Code, parts: Vec<Dataset>) -> Option<Dataset> {
    if parts.is_empty() {
        return None;
    }
    let mut item = content(CONTAINS, "CONTAINER", Some(heading));
    put(&mut item, tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE");
    item.put_items(tags::CONTENT_SEQUENCE, parts);
    Some(item)
}

/// The same item with parts below it.
pub(super) fn with(mut item: Dataset, parts: Vec<Dataset>) -> Dataset {
    item.put_items(tags::CONTENT_SEQUENCE, parts);
    item
}

/// Makes a data set the root of a document of this template.
pub(super) fn root(set: &mut Dataset, title: Code, template: &str, parts: Vec<Dataset>) {
    put(set, tags::VALUE_TYPE, VR::CS, "CONTAINER");
    put(set, tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE");
    set.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![coded(title)]);
    let template =
        item(&[(tags::MAPPING_RESOURCE, VR::CS, "DCMR"), (tags::TEMPLATE_IDENTIFIER, VR::CS, template)]);
    set.put_items(tags::CONTENT_TEMPLATE_SEQUENCE, vec![template]);
    set.put_items(tags::CONTENT_SEQUENCE, parts);
}

/// Who observed (PS3.16 TID 1002): a person, of an institution.
pub(super) fn observer(name: &str, organisation: &str) -> Vec<Dataset> {
    vec![
        code(OBSERVED, Code("121005", "DCM", "Observer Type"), coded(Code("121006", "DCM", "Person"))),
        person(OBSERVED, Code("121008", "DCM", "Person Observer Name"), name),
        text(OBSERVED, Code("121009", "DCM", "Person Observer's Organization Name"), organisation),
    ]
}
