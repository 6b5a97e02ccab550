//! What an object that is made here says of the patient and the study that it is about.

use crate::dictionary::hex_of;
use crate::{Dataset, Tag, VR, tags};
use serde_json::{Map, Value as Json};

/// Attributes of the patient and study modules, all of type 2 or higher or commonly shown (PS3.3 §C.7.1.1, §C.7.2.1).
const ATTRIBUTES: [(Tag, VR); 10] = [
    (tags::STUDY_DATE, VR::DA),
    (tags::STUDY_TIME, VR::TM),
    (tags::ACCESSION_NUMBER, VR::SH),
    (tags::REFERRING_PHYSICIAN_NAME, VR::PN),
    (tags::PATIENT_NAME, VR::PN),
    (tags::PATIENT_ID, VR::LO),
    (tags::PATIENT_BIRTH_DATE, VR::DA),
    (tags::PATIENT_SEX, VR::CS),
    (tags::STUDY_ID, VR::SH),
    (tags::STUDY_DESCRIPTION, VR::LO),
];

/// The beginning of an object in UTF-8: patient and study as DICOM JSON (PS3.18 §F.2) says them, empty where it says nothing.
#[must_use]
pub fn begin(attributes: &Map<String, Json>) -> Dataset {
    let mut set = Dataset::new();
    set.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    for (tag, vr) in ATTRIBUTES {
        set.put_text(tag, vr, &first_text(attributes, tag));
    }
    set
}

/// The first value as text; a person's name with its component groups.
fn first_text(attributes: &Map<String, Json>, tag: Tag) -> String {
    match attributes.get(&hex_of(tag)).and_then(|attribute| attribute.get("Value")?.get(0)) {
        Some(Json::String(text)) => text.trim().to_owned(),
        Some(Json::Object(name)) => {
            let group = |word: &str| name.get(word).and_then(Json::as_str).unwrap_or_default();
            let groups = ["Alphabetic", "Ideographic", "Phonetic"].map(group);
            groups.join("=").trim_end_matches('=').to_owned()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_groups_and_what_is_not_said_is_empty() {
        let said = serde_json::json!({
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Zhang^San", "Ideographic": "张^三"}]},
            "00100020": {"vr": "LO", "Value": [" P1 "]},
        });
        let set = begin(said.as_object().unwrap());
        assert_eq!(set.text(tags::PATIENT_NAME).as_deref(), Some("Zhang^San=张^三"));
        assert_eq!(set.text(tags::PATIENT_ID).as_deref(), Some("P1"));
        assert!(set.get(tags::PATIENT_SEX).and_then(|sex| sex.bytes()).is_some_and(|sex| sex.is_empty()));
    }
}
