//! Every kind of matching of a worklist request, and what is answered.

use super::super::OrderState;
use super::super::order::tests::wish;
use super::*;
use model::OrgId;

fn order() -> Order {
    let wish = wish();
    Order {
        id: "1".into(),
        organisation: OrgId::parse("town").unwrap(),
        state: OrderState::Scheduled,
        study: wish.study_instance_uid.clone().unwrap(),
        placed_at_ms: 0,
        arrived_at_ms: None,
        wish,
    }
}

fn request(keys: &[(Tag, VR, &str)], step: &[(Tag, VR, &str)]) -> Dataset {
    let mut item = Dataset::new();
    for (tag, vr, text) in step {
        item.put_text(*tag, *vr, text);
    }
    let mut identifier = Dataset::new();
    for (tag, vr, text) in keys {
        identifier.put_text(*tag, *vr, text);
    }
    identifier.put_items(tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE, vec![item]);
    identifier
}

fn matches(keys: &[(Tag, VR, &str)], step: &[(Tag, VR, &str)]) -> bool {
    Worklist::parse(&request(keys, step)).unwrap().answer(&order()).is_some()
}

const DATE: (Tag, VR) = (tags::SCHEDULED_PROCEDURE_STEP_START_DATE, VR::DA);
const TIME: (Tag, VR) = (tags::SCHEDULED_PROCEDURE_STEP_START_TIME, VR::TM);

#[test]
fn names_are_found_in_any_group_case_and_width() {
    for (name, found) in [
        ("zhang^san", true),
        ("ZHANG*", true),
        ("张^三", true),
        ("张*", true),
        ("*三", true),
        ("?^三", true),
        ("ｚｈａｎｇ*", true),
        ("Zhang^San=张^三", true),
        ("li*", false),
        ("san*", false),
    ] {
        assert_eq!(matches(&[(tags::PATIENT_NAME, VR::PN, name)], &[]), found, "{name}");
    }
}

#[test]
fn the_step_is_matched_within_its_sequence() {
    for (tag, vr, value, found) in [
        (tags::MODALITY, VR::CS, "CT", true),
        (tags::MODALITY, VR::CS, "MR", false),
        (tags::MODALITY, VR::CS, "MR\\CT", true),
        (tags::SCHEDULED_STATION_AE_TITLE, VR::AE, "CT1", true),
        (tags::SCHEDULED_STATION_AE_TITLE, VR::AE, "CT2", false),
        (tags::SCHEDULED_PERFORMING_PHYSICIAN_NAME, VR::PN, "王*", true),
        (DATE.0, DATE.1, "20261125", true),
        (DATE.0, DATE.1, "20261124", false),
        (DATE.0, DATE.1, "20261101-20261130", true),
        (DATE.0, DATE.1, "20261126-", false),
        (DATE.0, DATE.1, "-20261125", true),
        (TIME.0, TIME.1, "09", true),
        (TIME.0, TIME.1, "0900-1000", true),
        (TIME.0, TIME.1, "1000-1100", false),
    ] {
        assert_eq!(matches(&[], &[(tag, vr, value)]), found, "{tag} {value}");
    }
    assert!(matches(&[(tags::ACCESSION_NUMBER, VR::SH, "A1??")], &[]));
    assert!(matches(&[(tags::STUDY_INSTANCE_UID, VR::UI, "1.2.9\\1.2.3.4")], &[]));
    assert!(!matches(&[(tags::PATIENT_ID, VR::LO, "P002")], &[]));
}

/// Table K.6-1: from ten on the 24th to nine on the 25th is one range, not the same hours of each day.
#[test]
fn ranges_of_start_date_and_time_are_one() {
    let both = |dates, times| matches(&[], &[(DATE.0, DATE.1, dates), (TIME.0, TIME.1, times)]);
    assert!(both("20261124-20261125", "1000-0930"));
    assert!(!both("20261124-20261125", "1000-0900"));
    assert!(both("20261125-20261126", "0900-0100"));
    assert!(!both("20261125-20261126", "1000-1100"));
}

#[test]
fn days_narrow_what_the_index_is_asked_for() {
    let days = |step: &[(Tag, VR, &str)]| Worklist::parse(&request(&[], step)).unwrap().days();
    assert_eq!(days(&[]), (None, None));
    assert_eq!(days(&[(DATE.0, DATE.1, "20261125")]), (Some("20261125".into()), Some("20261125".into())));
    let window = days(&[(DATE.0, DATE.1, "20261124-20261125"), (TIME.0, TIME.1, "1000-0930")]);
    assert_eq!(window, (Some("20261124".into()), Some("20261125".into())));
}

#[test]
fn what_is_asked_for_is_answered_and_nothing_else() {
    let keys = [
        (tags::PATIENT_NAME, VR::PN, ""),
        (tags::PATIENT_ID, VR::LO, ""),
        (tags::PATIENT_COMMENTS, VR::LT, ""),
        (tags::SPECIFIC_CHARACTER_SET, VR::CS, "GB18030"),
    ];
    let step = [(tags::MODALITY, VR::CS, ""), (tags::SCHEDULED_PROCEDURE_STEP_ID, VR::SH, "")];
    let answer = Worklist::parse(&request(&keys, &step)).unwrap().answer(&order()).unwrap();
    assert_eq!(answer.text(tags::SPECIFIC_CHARACTER_SET).as_deref(), Some("GB18030"));
    assert_eq!(answer.text(tags::PATIENT_NAME).as_deref(), Some("Zhang^San=张^三"));
    assert!(answer.get(tags::PATIENT_COMMENTS).is_some_and(|e| e.bytes().unwrap().is_empty()));
    assert!(answer.get(tags::ACCESSION_NUMBER).is_none());
    let [item] = answer.items(tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE) else { panic!("one step") };
    let texts = [tags::MODALITY, tags::SCHEDULED_PROCEDURE_STEP_ID].map(|tag| item.text(tag).unwrap());
    assert_eq!((texts, item.elements().len()), (["CT".to_owned(), "1".to_owned()], 2));
}

#[test]
fn an_empty_sequence_asks_for_all_of_it() {
    let mut identifier = Dataset::new();
    identifier.put_items(tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE, vec![]);
    let answer = Worklist::parse(&identifier).unwrap().answer(&order()).unwrap();
    let [item] = answer.items(tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE) else { panic!("one step") };
    assert_eq!(item.text(tags::SCHEDULED_STATION_AE_TITLE).as_deref(), Some("CT1"));
}

#[test]
fn keys_that_are_not_matched_are_said_to_be() {
    let parse = |keys: &[(Tag, VR, &str)]| Worklist::parse(&request(keys, &[]));
    assert!(parse(&[(tags::PATIENT_NAME, VR::PN, "x")]).unwrap().all_keys_supported);
    assert!(!parse(&[(tags::PATIENT_COMMENTS, VR::LT, "x")]).unwrap().all_keys_supported);
    assert!(parse(&[(tags::STUDY_INSTANCE_UID, VR::UI, "1.*")]).is_err());
    assert!(Worklist::parse(&request(&[], &[(DATE.0, DATE.1, "tomorrow")])).is_err());
}

#[test]
fn many_stars_take_no_time() {
    assert!(!glob(&"*a".repeat(500), &"a".repeat(400)));
    assert!(glob("", "") && glob("*", "") && !glob("?", ""));
}
