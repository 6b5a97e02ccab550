//! C-FIND identifiers: what is asked, and what is answered.

use super::super::negotiate::Extension;
use super::*;
use model::Matching;
use serde_json::json;

const STUDY_ROOT: Service = Service::StudyRootFind;

/// An identifier in UTF-8 from tags and texts.
fn identifier(level: &str, keys: &[(Tag, VR, &str)]) -> Dataset {
    let mut dataset = Dataset::new();
    dataset.put_text(tags::QUERY_RETRIEVE_LEVEL, VR::CS, level);
    for (tag, vr, text) in keys {
        dataset.put_text(*tag, *vr, text);
    }
    dataset
}

fn parse(level: &str, keys: &[(Tag, VR, &str)]) -> Result<Find, BadIdentifier> {
    Find::parse(STUDY_ROOT, FindExtensions::default(), &identifier(level, keys))
}

/// The filters of a study query with one key.
fn filters(tag: Tag, vr: VR, text: &str) -> Vec<(Key, Matching)> {
    parse("STUDY", &[(tag, vr, text)]).unwrap().query.filters
}

#[test]
fn every_type_of_matching_is_understood() {
    let single = |text: &str| Matching::Single(text.to_owned());
    let range = |from: Option<&str>, to: Option<&str>| Matching::Range {
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
    };
    let cases = [
        (tags::PATIENT_ID, VR::LO, "P001 ", Key::PatientId, single("P001")),
        (tags::PATIENT_NAME, VR::PN, "张*", Key::PatientName, Matching::Wildcard("张*".into())),
        (tags::PATIENT_NAME, VR::PN, "Zhang^San", Key::PatientName, single("Zhang^San")),
        (tags::ACCESSION_NUMBER, VR::SH, "A?1", Key::AccessionNumber, Matching::Wildcard("A?1".into())),
        (tags::STUDY_DATE, VR::DA, "20260101", Key::StudyDate, single("20260101")),
        (tags::STUDY_DATE, VR::DA, "2026.01.01", Key::StudyDate, single("20260101")),
        (tags::STUDY_DATE, VR::DA, "20260101-", Key::StudyDate, range(Some("20260101"), None)),
        (tags::STUDY_DATE, VR::DA, "-20260101", Key::StudyDate, range(None, Some("20260101"))),
        (tags::STUDY_TIME, VR::TM, "0800-1730", Key::StudyTime, range(Some("0800"), Some("1730"))),
        (tags::STUDY_TIME, VR::TM, "08:00:00.5", Key::StudyTime, single("080000.5")),
        (tags::STUDY_INSTANCE_UID, VR::UI, "1.2", Key::StudyInstanceUid, single("1.2")),
        (
            tags::STUDY_INSTANCE_UID,
            VR::UI,
            "1.2\\1.3",
            Key::StudyInstanceUid,
            Matching::AnyOf(vec!["1.2".into(), "1.3".into()]),
        ),
        (
            tags::MODALITIES_IN_STUDY,
            VR::CS,
            "CT\\MR",
            Key::ModalitiesInStudy,
            Matching::AnyOf(vec!["CT".into(), "MR".into()]),
        ),
        (tags::MODALITY, VR::CS, "CT", Key::ModalitiesInStudy, single("CT")),
    ];
    for (tag, vr, text, key, matching) in cases {
        assert_eq!(filters(tag, vr, text), [(key, matching)], "{text}");
    }
    for text in ["", "*", "**", " "] {
        assert!(filters(tags::PATIENT_NAME, VR::PN, text).is_empty(), "universal: {text:?}");
    }
}

#[test]
fn what_is_not_of_its_kind_does_not_match_the_sop_class() {
    let bad = [
        (tags::STUDY_DATE, VR::DA, "202601"),
        (tags::STUDY_DATE, VR::DA, "2026*"),
        (tags::STUDY_DATE, VR::DA, "-"),
        (tags::STUDY_DATE, VR::DA, "20260101-x"),
        (tags::STUDY_TIME, VR::TM, "8"),
        (tags::STUDY_INSTANCE_UID, VR::UI, "1.2.x"),
    ];
    for (tag, vr, text) in bad {
        assert!(parse("STUDY", &[(tag, vr, text)]).is_err(), "{text}");
    }
    for level in ["", "STUDIES", "PATIENT"] {
        assert!(parse(level, &[]).is_err(), "{level:?}");
    }
}

#[test]
fn unique_keys_above_the_level_are_needed_unless_relational() {
    let study = (tags::STUDY_INSTANCE_UID, VR::UI, "1.2");
    let series = (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.3");
    assert!(parse("SERIES", &[]).is_err());
    assert!(parse("SERIES", &[study]).is_ok());
    assert!(parse("IMAGE", &[study]).is_err());
    assert!(parse("IMAGE", &[study, series]).is_ok());
    assert!(parse("SERIES", &[(tags::STUDY_INSTANCE_UID, VR::UI, "*")]).is_err());
    let relational = FindExtensions { relational: Extension::On, ..FindExtensions::default() };
    assert!(Find::parse(STUDY_ROOT, relational, &identifier("SERIES", &[])).is_ok());
    let patient_root = Service::PatientRootFind;
    assert!(Find::parse(patient_root, FindExtensions::default(), &identifier("STUDY", &[])).is_err());
    let patient = identifier("PATIENT", &[(tags::PATIENT_NAME, VR::PN, "Z*")]);
    assert!(Find::parse(patient_root, FindExtensions::default(), &patient).is_ok());
}

#[test]
fn a_key_that_is_not_matched_is_told() {
    let support = |tag, vr, text| parse("STUDY", &[(tag, vr, text)]).unwrap().support;
    assert_eq!(support(tags::PATIENT_NAME, VR::PN, "Z"), KeySupport::All);
    assert_eq!(support(tags::INSTITUTION_NAME, VR::LO, ""), KeySupport::All);
    assert_eq!(support(tags::INSTITUTION_NAME, VR::LO, "X"), KeySupport::Some);
    assert_eq!(support(tags::SERIES_NUMBER, VR::IS, "1"), KeySupport::Some, "a key of a lower level");
}

fn row() -> Attributes {
    let row = json!({
        "00080020": {"vr": "DA", "Value": ["20260101"]},
        "00080030": {"vr": "TM", "Value": ["101500"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Zhang^San", "Ideographic": "张^三"}]},
        "00100020": {"vr": "LO", "Value": ["P001"]},
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "00201206": {"vr": "IS", "Value": [2]},
    });
    row.as_object().unwrap().clone().into()
}

#[test]
fn an_answer_has_what_was_asked_and_what_every_answer_has() {
    let asked = [
        (tags::PATIENT_NAME, VR::PN, ""),
        (tags::INSTITUTION_NAME, VR::LO, ""),
        (tags::NUMBER_OF_STUDY_RELATED_SERIES, VR::IS, ""),
    ];
    let find = parse("STUDY", &asked).unwrap();
    let answer = find.answer(&row(), &AeTitle::parse("FARSIGHT").unwrap());
    let tags: Vec<Tag> = answer.elements().iter().map(|element| element.tag).collect();
    let expected = [
        tags::SPECIFIC_CHARACTER_SET,
        tags::QUERY_RETRIEVE_LEVEL,
        tags::RETRIEVE_AE_TITLE,
        tags::INSTITUTION_NAME,
        tags::PATIENT_NAME,
        tags::STUDY_INSTANCE_UID,
        tags::NUMBER_OF_STUDY_RELATED_SERIES,
    ];
    assert_eq!(tags, expected);
    assert_eq!(answer.text(tags::PATIENT_NAME).as_deref(), Some("Zhang^San=张^三"));
    assert_eq!(answer.text(tags::SPECIFIC_CHARACTER_SET).as_deref(), Some("ISO_IR 192"));
    assert_eq!(answer.text(tags::STUDY_INSTANCE_UID).as_deref(), Some("1.2.3"));
    assert_eq!(answer.text(tags::RETRIEVE_AE_TITLE).as_deref(), Some("FARSIGHT"));
    assert_eq!(answer.integer(tags::NUMBER_OF_STUDY_RELATED_SERIES), Some(2));
    assert_eq!(answer.text(tags::INSTITUTION_NAME), None);
}

#[test]
fn who_asks_in_gb18030_is_answered_in_it() {
    let mut request = identifier("STUDY", &[(tags::PATIENT_NAME, VR::PN, "")]);
    request.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "GB18030");
    let find = Find::parse(STUDY_ROOT, FindExtensions::default(), &request).unwrap();
    let answer = find.answer(&row(), &AeTitle::parse("FARSIGHT").unwrap());
    let Some(Element { value: Value::Bytes(bytes), .. }) = answer.get(tags::PATIENT_NAME) else {
        panic!("a name")
    };
    assert_eq!(&bytes[..], b"Zhang^San=\xD5\xC5^\xC8\xFD ");
    let Some(Element { value: Value::Bytes(set), .. }) = answer.get(tags::SPECIFIC_CHARACTER_SET) else {
        panic!()
    };
    assert_eq!(&set[..], b"GB18030 ");
}

#[test]
fn date_and_time_are_one_range() {
    let keys = [(tags::STUDY_DATE, VR::DA, "20251231-20260101"), (tags::STUDY_TIME, VR::TM, "2200-1015")];
    let find = parse("STUDY", &keys).unwrap();
    let range = Matching::Range { from: Some("202512312200".into()), to: Some("202601011015".into()) };
    assert_eq!(find.query.filters, [(Key::StudyDate, range)]);
}

#[test]
fn a_sequence_is_matched_by_its_one_item() {
    let ask = |items: Vec<Dataset>| {
        let mut request = identifier("SERIES", &[(tags::STUDY_INSTANCE_UID, VR::UI, "1.2")]);
        request.put(Element {
            tag: tags::REQUEST_ATTRIBUTES_SEQUENCE,
            vr: VR::SQ,
            value: Value::Items(items),
        });
        Find::parse(STUDY_ROOT, FindExtensions::default(), &request).unwrap()
    };
    let item = |tag, text: &str| {
        let mut item = Dataset::new();
        item.put_text(tag, VR::SH, text);
        item
    };
    let found = ask(vec![item(tags::SCHEDULED_PROCEDURE_STEP_ID, "S1")]);
    assert_eq!(found.query.filters[1], (Key::ScheduledProcedureStepId, Matching::Single("S1".into())));
    assert_eq!(found.support, KeySupport::All);
    for items in [vec![], vec![Dataset::new()], vec![item(tags::REQUESTED_PROCEDURE_ID, "")]] {
        let found = ask(items);
        assert_eq!((found.query.filters.len(), found.support), (1, KeySupport::All), "universal");
    }
    assert_eq!(ask(vec![item(tags::STUDY_DATE, "20260101")]).support, KeySupport::Some);
}
