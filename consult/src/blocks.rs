//! What a consult says of its patient and studies, out of their attributes.

use crate::record::{PatientBlock, StudyBlock};
use model::{OrgId, Uid};
use serde_json::{Map, Value as Json};

/// Patient and study out of DICOM JSON attributes (PS3.18 §F.2).
pub(crate) fn blocks(owner: OrgId, uid: Uid, attributes: &Map<String, Json>) -> (PatientBlock, StudyBlock) {
    let text = |tag: &str| texts(attributes, tag).into_iter().next().unwrap_or_default();
    let study_date = text("00080020");
    let birth_date = text("00100030");
    let patient = PatientBlock {
        name: name(attributes),
        id: text("00100020"),
        sex: text("00100040"),
        age: age(&text("00101010"), &birth_date, &study_date),
        birth_date,
    };
    let study = StudyBlock {
        org: owner,
        study_instance_uid: uid,
        description: text("00081030"),
        modalities: texts(attributes, "00080061"),
        study_date,
        study_time: text("00080030"),
        accession_number: text("00080050"),
    };
    (patient, study)
}

pub(crate) fn values<'a>(attributes: &'a Map<String, Json>, tag: &str) -> &'a [Json] {
    attributes.get(tag).and_then(|a| a.get("Value")).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

pub(crate) fn texts(attributes: &Map<String, Json>, tag: &str) -> Vec<String> {
    values(attributes, tag).iter().filter_map(Json::as_str).map(crate::report::clean).collect()
}

/// The ideographic group of the patient's name where there is one, without carets.
fn name(attributes: &Map<String, Json>) -> String {
    let Some(groups) = values(attributes, "00100010").first() else {
        return String::new();
    };
    let group = |key: &str| groups.get(key).and_then(Json::as_str).filter(|text| !text.is_empty());
    let text = group("Ideographic").or_else(|| group("Alphabetic")).unwrap_or_default();
    crate::report::clean(&dataset::names::display(text))
}

/// Age in words: from Patient's Age (PS3.5 §6.2, VR AS) or from the dates.
fn age(age: &str, birth_date: &str, study_date: &str) -> String {
    let number = age.get(..3).and_then(|digits| digits.parse::<u32>().ok());
    if let (Some(number), Some(unit)) = (number, age.get(3..)) {
        let unit = match unit {
            "Y" => "岁",
            "M" => "月",
            "W" => "周",
            "D" => "天",
            _ => "",
        };
        if !unit.is_empty() {
            return format!("{number}{unit}");
        }
    }
    let date = |text: &str| {
        let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok();
        Some((part(0..4)?, part(4..6)?, part(6..8)?))
    };
    let (Some(born), Some(studied)) = (date(birth_date), date(study_date)) else {
        return String::new();
    };
    let had_birthday = (studied.1, studied.2) >= (born.1, born.2);
    match studied.0.checked_sub(born.0).and_then(|years| years.checked_sub(u32::from(!had_birthday))) {
        Some(years) => format!("{years}岁"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patient_and_study_are_read_from_dicom_json() {
        let attributes = json!({
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "ZHANG^SAN", "Ideographic": "张^三"}]},
            "00100020": {"vr": "LO", "Value": ["P1"]},
            "00100030": {"vr": "DA", "Value": ["19680305"]},
            "00100040": {"vr": "CS", "Value": ["M"]},
            "00080020": {"vr": "DA", "Value": ["20260304"]},
            "00080061": {"vr": "CS", "Value": ["CT", "SR"]},
        });
        let uid = Uid::parse("1.2.3").unwrap();
        let (patient, study) = blocks(OrgId::parse("a").unwrap(), uid, attributes.as_object().unwrap());
        assert_eq!((patient.name.as_str(), patient.age.as_str()), ("张三", "57岁"));
        assert_eq!(study.modalities, ["CT", "SR"]);
        assert_eq!(study.description, "");
    }

    #[test]
    fn ages_come_in_words() {
        for (given, born, studied, expected) in [
            ("058Y", "", "", "58岁"),
            ("003M", "19680305", "20260305", "3月"),
            ("", "19680305", "20260305", "58岁"),
            ("", "20270101", "20260305", ""),
            ("", "", "20260305", ""),
            ("岁岁", "x", "y", ""),
        ] {
            assert_eq!(age(given, born, studied), expected, "{given} {born} {studied}");
        }
    }
}
