//! DICOM JSON: the examples of PS3.18 Annex F, hostile input, and there and back.

use super::*;
use crate::{Element, VR, Value, tags};
use proptest::prelude::*;
use serde_json::json;

fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(object) => object,
        _ => panic!("not an object"),
    }
}

fn written(dataset: &Dataset) -> Json {
    let bulk_uri = |path: &BulkPath<'_>| Some(format!("bulk/{}", bulk_path_text(path)));
    let json = Json::Object(to_json(dataset, &bulk_uri));
    assert_eq!(to_json_text(dataset, &bulk_uri), json.to_string());
    json
}

#[test]
fn values_of_every_kind() {
    let mut inner = Dataset::new();
    inner.put_text(tags::PATIENT_ID, VR::LO, "A1");
    inner.put(crate::Element {
        tag: tags::ICC_PROFILE,
        vr: VR::OB,
        value: Value::Bulk { offset: 9, length: 99 },
    });
    let mut dataset = Dataset::new();
    dataset.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "GB18030");
    dataset.put_text(tags::PATIENT_NAME, VR::PN, "Zhang^San=张^三\\\\=李^四=");
    dataset.put_text(tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\\\AXIAL");
    dataset.put_text(tags::STUDY_DATE, VR::DA, "20260101");
    dataset.put_text(tags::STUDY_ID, VR::SH, "");
    dataset.put_text(tags::PIXEL_SPACING, VR::DS, "0.50\\+2\\1234567890.123456\\abc\\-1.5E-3\\1.");
    dataset.put_text(tags::INSTANCE_NUMBER, VR::IS, "7");
    dataset.put_u16(tags::ROWS, &[512, 3]);
    dataset.put_f64(tags::DIFFUSION_B_VALUE, &[0.1, f64::NAN, f64::NEG_INFINITY, 2.0]);
    dataset.put_bytes(tags::RECOMMENDED_DISPLAY_FRAME_RATE_IN_FLOAT, VR::FL, 0.1f32.to_le_bytes().to_vec());
    dataset.put_bytes(tags::FRAME_INCREMENT_POINTER, VR::AT, vec![0x54, 0x00, 0x10, 0x00]);
    dataset.put_bytes(tags::PRIVATE_INFORMATION, VR::OB, vec![0, 1, 2, 255]);
    dataset.put_items(tags::OPTICAL_PATH_SEQUENCE, vec![Dataset::new(), inner]);
    dataset.put_items(tags::REQUEST_ATTRIBUTES_SEQUENCE, vec![]);
    let pixels = Value::Bulk { offset: 1000, length: 524_288 };
    dataset.put(crate::Element { tag: tags::PIXEL_DATA, vr: VR::OW, value: pixels });
    let expect = json!({
        "00020102": {"vr": "OB", "InlineBinary": "AAEC/w=="},
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080008": {"vr": "CS", "Value": ["ORIGINAL", null, "AXIAL"]},
        "00080020": {"vr": "DA", "Value": ["20260101"]},
        "00089459": {"vr": "FL", "Value": [0.1]},
        "00100010": {"vr": "PN", "Value": [
            {"Alphabetic": "Zhang^San", "Ideographic": "张^三"}, null, {"Ideographic": "李^四"}]},
        "00189087": {"vr": "FD", "Value": [0.1, "NaN", "-Infinity", 2]},
        "00200010": {"vr": "SH"},
        "00200013": {"vr": "IS", "Value": [7]},
        "00280009": {"vr": "AT", "Value": ["00540010"]},
        "00280010": {"vr": "US", "Value": [512, 3]},
        "00280030": {"vr": "DS", "Value": [0.5, 2, "1234567890.123456", "abc", -0.0015, 1]},
        "00400275": {"vr": "SQ"},
        "00480105": {"vr": "SQ", "Value": [{}, {
            "00100020": {"vr": "LO", "Value": ["A1"]},
            "00282000": {"vr": "OB", "BulkDataURI": "bulk/00480105/2/00282000"}}]},
        "7FE00010": {"vr": "OW", "BulkDataURI": "bulk/7FE00010"},
    });
    let json = written(&dataset);
    assert_eq!(json, expect);
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert!(keys.is_sorted(), "{keys:?}");
    let without_bulk = to_json(&dataset, &|_| None);
    assert!(!without_bulk.contains_key("7FE00010"));
    assert_eq!(to_json_text(&dataset, &|_| None), Json::Object(without_bulk).to_string());
}

#[test]
fn paths_lead_to_bulk_data() {
    let parents = [(tags::OPTICAL_PATH_SEQUENCE, 1)];
    let path = BulkPath { parents: &parents, tag: tags::ICC_PROFILE };
    let text = bulk_path_text(&path);
    assert_eq!(text, "00480105/1/00282000");
    assert_eq!(parse_bulk_path(&text), Some((parents.to_vec(), tags::ICC_PROFILE)));
    assert_eq!(parse_bulk_path("7FE00010"), Some((vec![], tags::PIXEL_DATA)));
    for bad in ["", "7FE0001", "00480105/1", "00480105/0/00282000", "00480105/x/00282000", "../etc"] {
        assert_eq!(parse_bulk_path(bad), None, "{bad}");
    }
    let mut item = Dataset::new();
    item.put_bytes(tags::ICC_PROFILE, VR::OB, vec![1, 2]);
    let mut dataset = Dataset::new();
    dataset.put_items(tags::OPTICAL_PATH_SEQUENCE, vec![item]);
    assert!(element_at(&dataset, &path).is_some());
    assert!(
        element_at(&dataset, &BulkPath { parents: &[(tags::OPTICAL_PATH_SEQUENCE, 2)], ..path }).is_none()
    );
}

#[test]
fn every_bulk_value_has_its_place() {
    let bulk = |tag, offset, length| Element { tag, vr: VR::OB, value: Value::Bulk { offset, length } };
    let mut inner = Dataset::new();
    inner.put(bulk(tags::ICC_PROFILE, 40, 5000));
    inner.put(bulk(tags::LUT_DATA, 0, 0));
    let mut outer = Dataset::new();
    outer.put_items(tags::OPTICAL_PATH_SEQUENCE, vec![Dataset::new(), inner.clone(), inner]);
    let mut dataset = Dataset::new();
    dataset.put_text(tags::PATIENT_ID, VR::LO, "A1");
    dataset.put_items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![outer]);
    dataset.put(bulk(tags::PIXEL_DATA, 9000, 1 << 33));
    let places = bulk_places(&dataset);
    let path = |item| format!("52009229/1/00480105/{item}/00282000");
    let expected = [(path(2), 40, 5000), (path(3), 40, 5000), ("7FE00010".to_owned(), 9000, 1 << 33)];
    assert_eq!(places, expected);
    for (path, offset, length) in places {
        let (parents, tag) = parse_bulk_path(&path).unwrap();
        let found = element_at(&dataset, &BulkPath { parents: &parents, tag }).unwrap();
        assert_eq!(found.value, Value::Bulk { offset, length });
    }
}

#[test]
fn clients_of_every_kind_are_read() {
    let dataset = from_json(&object(json!({
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Zhang^San", "Ideographic": "张^三"}]},
        "00080090": {"vr": "PN", "Value": ["Li^Si"]},
        "00100020": {"Value": "P001"},
        "00280010": {"vr": "US", "Value": ["512"]},
        "00280030": {"vr": "DS", "Value": [0.5, "0.25", null]},
        "00200013": {"vr": "IS", "Value": [7]},
        "0008103e": {"vr": "LO"},
        "00081030": {"vr": "LO", "Value": null},
        "00400275": {"vr": "SQ", "Value": [{"00321060": {"vr": "LO", "Value": ["胸部"]}}, null]},
        "00282000": {"vr": "OB", "InlineBinary": "AAEC"},
        "7FE00010": {"vr": "OW", "BulkDataURI": "x"},
    })))
    .unwrap();
    assert_eq!(dataset.text(tags::PATIENT_NAME).as_deref(), Some("Zhang^San=张^三"));
    assert_eq!(dataset.text(tags::REFERRING_PHYSICIAN_NAME).as_deref(), Some("Li^Si"));
    assert_eq!(dataset.text(tags::PATIENT_ID).as_deref(), Some("P001"));
    assert_eq!((dataset.integer(tags::ROWS), dataset.integer(tags::INSTANCE_NUMBER)), (Some(512), Some(7)));
    assert_eq!(dataset.texts(tags::PIXEL_SPACING), ["0.5", "0.25", ""]);
    assert!(dataset.get(tags::SERIES_DESCRIPTION).is_some() && dataset.get(tags::PIXEL_DATA).is_none());
    let items = dataset.items(tags::REQUEST_ATTRIBUTES_SEQUENCE);
    assert_eq!(items.len(), 2);
    assert_eq!(items[0].text(tags::REQUESTED_PROCEDURE_DESCRIPTION).as_deref(), Some("胸部"));
    assert_eq!(dataset.get(tags::ICC_PROFILE).unwrap().bytes().unwrap()[..], [0, 1, 2]);
}

#[test]
fn numbers_are_the_nearest_to_what_the_text_says() {
    for text in ["2.0966207e-33", "0.1", "1.7976931348623157e308", "5e-324", "123456789.123456789"] {
        let json = format!(r#"{{"00189087": {{"vr": "FD", "Value": [{text}]}}}}"#);
        let dataset = from_json(&object(serde_json::from_str(&json).unwrap())).unwrap();
        let nearest: f64 = text.parse().unwrap();
        let bytes = dataset.get(tags::DIFFUSION_B_VALUE).unwrap().bytes().unwrap();
        assert_eq!(bytes[..], nearest.to_le_bytes(), "{text}");
    }
}

#[test]
fn what_is_refused() {
    for json in [
        json!({"PatientName": {"vr": "PN"}}),
        json!({"00100010": "x"}),
        json!({"00100010": {"vr": "QQ"}}),
        json!({"00100010": {"vr": 1}}),
        json!({"00280010": {"vr": "US", "Value": [65536]}}),
        json!({"00280010": {"vr": "US", "Value": [-1]}}),
        json!({"00280010": {"vr": "US", "Value": [1.5]}}),
        json!({"00100020": {"vr": "LO", "Value": [{}]}}),
        json!({"00282000": {"vr": "OB", "InlineBinary": "!"}}),
        json!({"00282000": {"vr": "OB", "Value": [1]}}),
        json!({"00400275": {"vr": "SQ", "Value": ["x"]}}),
        json!({"00280009": {"vr": "AT", "Value": ["xyz"]}}),
    ] {
        assert!(from_json(&object(json.clone())).is_err(), "{json}");
    }
}

#[test]
fn nesting_ends_at_64() {
    let nested = |depth: usize| {
        (0..depth).fold(json!({}), |inner, _| json!({"00400275": {"vr": "SQ", "Value": [inner]}}))
    };
    assert!(from_json(&object(nested(64))).is_ok());
    assert_eq!(from_json(&object(nested(65))), Err(Refused::OverLimit("nesting of sequences")));
}

proptest! {
    #[test]
    fn there_and_back(inner in crate::testing::any_dataset(), name in "[a-zA-Z张三李四]{1,8}") {
        let mut dataset = inner;
        dataset.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
        dataset.put_text(tags::PATIENT_NAME, VR::PN, &name);
        let json = to_json(&dataset, &|_| None);
        prop_assert_eq!(to_json_text(&dataset, &|_| None), Json::Object(json.clone()).to_string());
        let again = from_json(&json).unwrap();
        prop_assert_eq!(to_json(&again, &|_| None), json);
    }
}
