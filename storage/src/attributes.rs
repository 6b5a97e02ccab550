//! Which attributes describe a study and which a series (PS3.3 §C.7.1, §C.7.2, §C.7.3), and reading single values out
//! of DICOM JSON (PS3.18 §F.2).

use serde_json::{Map, Value as Json};

/// Patient and study level: the Patient, General Study and Patient Study modules (PS3.3 §C.7.1.1, §C.7.2.1, §C.7.2.2).
pub(crate) const STUDY_TAGS: &[&str] = &[
    "00080005", "00080020", "00080030", "00080050", "00080051", "00080090", "00080096", "00080201",
    "0008009C", "00081030", "00081032", "00081048", "00081060", "00081080", "00081110", "00081120",
    "00100010", "00100020", "00100021", "00100022", "00100024", "00100026", "00100027", "00100028",
    "00100030", "00100032", "00100033", "00100035", "00100040", "00100200", "00101000", "00101001",
    "00101002", "00101010", "00101020", "00101030", "00102000", "00102110", "00102160", "00102180",
    "001021A0", "001021B0", "001021C0", "00104000", "00102201", "00102202", "00102203", "0020000D",
    "00200010", "00321032", "00321060", "00380010", "00380060", "00120010", "00120030", "00120040",
    "00120062", "00120063",
];

/// Series level: General Series and General Equipment (PS3.3 §C.7.3.1, §C.7.5.1), Frame of Reference.
pub(crate) const SERIES_TAGS: &[&str] = &[
    "00080021", "00080031", "00080060", "00080064", "00080068", "00080070", "00080080", "00080081",
    "0008103E", "0008103F", "00081010", "00081040", "00081050", "00081070", "00081090", "00081111",
    "00180015", "00180010", "00181000", "00181020", "00181030", "00185100", "0020000E", "00200011",
    "00200052", "00200060", "00400244", "00400245", "00400250", "00400251", "00400253", "00400254",
    "00400260", "00400275",
];

/// The part of a data set's attributes with these tags, as it stands there.
pub(crate) fn pick(all: &Map<String, Json>, tags: &[&str]) -> Map<String, Json> {
    all.iter()
        .filter(|(tag, _)| tags.contains(&tag.as_str()))
        .map(|(tag, value)| (tag.clone(), value.clone()))
        .collect()
}

/// Values of an attribute as text; a person name gives its groups joined by `=`.
pub(crate) fn texts(all: &Map<String, Json>, tag: &str) -> Vec<String> {
    let Some(values) = all.get(tag).and_then(|a| a.get("Value")).and_then(Json::as_array) else {
        return Vec::new();
    };
    values
        .iter()
        .filter_map(|value| match value {
            Json::String(text) => Some(text.clone()),
            Json::Number(number) => Some(number.to_string()),
            Json::Object(_) => Some(name_groups(value).join("=")),
            _ => None,
        })
        .collect()
}

/// The first value as text, trimmed; empty when absent.
pub(crate) fn text(all: &Map<String, Json>, tag: &str) -> String {
    texts(all, tag).into_iter().next().map(|t| t.trim().replace('\0', "")).unwrap_or_default()
}

/// The first value as a whole number.
pub(crate) fn integer(all: &Map<String, Json>, tag: &str) -> Option<i64> {
    text(all, tag).parse().ok()
}

/// The component groups of every person name in an attribute.
pub(crate) fn names(all: &Map<String, Json>, tag: &str) -> Vec<String> {
    let Some(values) = all.get(tag).and_then(|a| a.get("Value")).and_then(Json::as_array) else {
        return Vec::new();
    };
    values.iter().flat_map(name_groups).collect()
}

fn name_groups(name: &Json) -> Vec<String> {
    ["Alphabetic", "Ideographic", "Phonetic"]
        .iter()
        .map(|group| name.get(*group).and_then(Json::as_str).unwrap_or_default().to_owned())
        .collect()
}

/// An attribute of the DICOM JSON Model.
pub(crate) fn attribute(vr: &str, values: Vec<Json>) -> Json {
    let mut map = Map::new();
    map.insert("vr".into(), vr.into());
    if !values.is_empty() {
        map.insert("Value".into(), Json::Array(values));
    }
    Json::Object(map)
}

/// The same attributes, ascending by tag.
pub(crate) fn sorted(all: Map<String, Json>) -> Map<String, Json> {
    let mut pairs: Vec<(String, Json)> = all.into_iter().collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs.into_iter().collect()
}

/// Digits of a DA or TM value in front of any fraction: `1993.08.22` and `10:45:12.5` are old forms that still occur.
pub(crate) fn digits(text: &str) -> String {
    text.chars().take_while(|c| *c != '-').filter(char::is_ascii_digit).collect()
}

/// StudyDate and StudyTime as one text whose order is the order of time: 8 digits, then up to 6; empty without a date.
pub(crate) fn moment(date: &str, time: &str) -> String {
    let mut date: String = digits(date);
    if date.len() != 8 {
        return String::new();
    }
    date.push_str(&time_digits(time));
    date
}

/// Up to six digits of a time of day.
pub(crate) fn time_digits(time: &str) -> String {
    let whole = time.trim().split('.').next().unwrap_or_default();
    digits(whole).chars().take(6).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn moments_sort_by_time() {
        assert_eq!(moment("20250102", "101112.5"), "20250102101112");
        assert_eq!(moment("2025.01.02", "10:11"), "202501021011");
        assert_eq!(moment("", "101112"), "");
    }

    #[test]
    fn values_are_read_in_every_form() {
        let json = json!({
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Zhang^San", "Ideographic": "张^三"}]},
            "00200011": {"vr": "IS", "Value": [3]},
            "00080060": {"vr": "CS", "Value": ["CT"]},
            "00080050": {"vr": "SH"}
        });
        let all = json.as_object().unwrap();
        assert_eq!(names(all, "00100010"), ["Zhang^San", "张^三", ""]);
        assert_eq!(integer(all, "00200011"), Some(3));
        assert_eq!(text(all, "00080060"), "CT");
        assert_eq!(text(all, "00080050"), "");
    }

    #[test]
    fn the_tables_hold_tags_only_once() {
        for tags in [STUDY_TAGS, SERIES_TAGS] {
            for (i, tag) in tags.iter().enumerate() {
                assert!(tag.len() == 8 && tag.bytes().all(|b| b.is_ascii_hexdigit()), "{tag}");
                assert!(!tags[..i].contains(tag), "{tag}");
            }
        }
    }
}
