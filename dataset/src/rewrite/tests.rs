//! Each way of writing, and text in each kind of character set.

use super::*;
use crate::scan::scan;
use model::Limits;
use serde_json::json;

fn edits(attributes: Json) -> Edits {
    let at = "20260102030405+0000".to_owned();
    Edits { attributes: attributes.as_object().unwrap().clone(), at, system: "FARSIGHT".into() }
}

fn new_patient() -> Edits {
    edits(json!({
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Li^Si", "Ideographic": "李^四"}]},
        "00100020": {"vr": "LO", "Value": ["P002"]},
        "00100021": {"vr": "LO", "Value": ["HIS"]},
        "00101040": null
    }))
}

fn old(label: &str, name: &str) -> Dataset {
    let mut d = Dataset::new();
    if !label.is_empty() {
        d.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, label);
    }
    d.put_text(tags::SOP_INSTANCE_UID, VR::UI, "1.2.3");
    d.put_text(tags::PATIENT_NAME, VR::PN, name);
    d.put_text(tags::PATIENT_ID, VR::LO, "P001");
    d.put_text(Tag(0x0010, 0x1040), VR::LO, "Somewhere");
    let mut item = Dataset::new();
    item.put_text(tags::PATIENT_ID, VR::LO, "inner");
    d.put_items(tags::OTHER_PATIENT_I_DS_SEQUENCE, vec![item]);
    d.put_text(tags::STUDY_INSTANCE_UID, VR::UI, "1.2");
    d.put_u16(tags::ROWS, &[1]);
    d.put_bytes(Tag(0x0801, 0x0010), VR::LO, &b"behind"[..]);
    d
}

fn rewritten(bytes: &[u8], syntax: &TransferSyntax, edits: &Edits) -> Dataset {
    let front = front(syntax, bytes, bytes.len() as u64, edits).unwrap().unwrap();
    let whole = [&front.bytes[..], &bytes[front.resume_at as usize..]].concat();
    scan(&whole, syntax, &Limits::default()).unwrap().dataset
}

fn check(seen: &Dataset, old_name: &str) {
    assert_eq!(seen.text(tags::PATIENT_NAME).unwrap(), "Li^Si=李^四");
    assert_eq!(seen.text(tags::PATIENT_ID).unwrap(), "P002");
    assert_eq!(seen.text(tags::ISSUER_OF_PATIENT_ID).unwrap(), "HIS");
    assert!(seen.get(Tag(0x0010, 0x1040)).is_none());
    assert_eq!(seen.integer(tags::ROWS), Some(1));
    assert_eq!(seen.text(Tag(0x0801, 0x0010)).unwrap(), "behind");
    assert_eq!(seen.items(tags::OTHER_PATIENT_I_DS_SEQUENCE)[0].text(tags::PATIENT_ID).unwrap(), "inner");
    let original = seen.items(ORIGINAL_ATTRIBUTES).last().unwrap();
    assert_eq!(original.text(Tag(0x0400, 0x0565)).unwrap(), "CORRECT");
    let before = &original.items(Tag(0x0400, 0x0550))[0];
    assert_eq!(before.text(tags::PATIENT_NAME).unwrap(), old_name);
    assert_eq!(before.text(tags::PATIENT_ID).unwrap(), "P001");
    assert_eq!(before.text(Tag(0x0010, 0x1040)).unwrap(), "Somewhere");
}

#[test]
fn the_new_patient_is_there_and_the_old_one_is_told() {
    for syntax in [TransferSyntax::EXPLICIT_LITTLE, TransferSyntax::IMPLICIT_LITTLE] {
        let syntax = TransferSyntax::parse(syntax).unwrap();
        let bytes = crate::write::to_bytes(&old("ISO_IR 192", "Zhang^San=张^三"), &syntax);
        let once = rewritten(&bytes, &syntax, &new_patient());
        check(&once, "Zhang^San=张^三");
    }
}

#[test]
fn big_endian_is_written_as_it_is_read() {
    let syntax = TransferSyntax::parse(TransferSyntax::EXPLICIT_BIG).unwrap();
    let mut bytes = coding::text(tags::PATIENT_ID, VR::LO, "P001", Coding::ExplicitBig);
    bytes.extend(coding::text(tags::STUDY_INSTANCE_UID, VR::UI, "1.2", Coding::ExplicitBig));
    let other = json!({"vr": "SQ", "Value": [{"00100020": {"vr": "LO", "Value": ["P009"]}}]});
    let seen = rewritten(
        &bytes,
        &syntax,
        &edits(json!({
            "00100020": {"vr": "LO", "Value": ["P002"]}, "00101002": other
        })),
    );
    assert_eq!(seen.text(tags::PATIENT_ID).unwrap(), "P002");
    assert_eq!(seen.items(tags::OTHER_PATIENT_I_DS_SEQUENCE)[0].text(tags::PATIENT_ID).unwrap(), "P009");
    let original = &seen.items(ORIGINAL_ATTRIBUTES)[0].items(Tag(0x0400, 0x0550))[0];
    assert_eq!(original.text(tags::PATIENT_ID).unwrap(), "P001");
}

#[test]
fn text_goes_into_the_sets_that_are_there_or_extends_them() {
    let syntax = TransferSyntax::explicit_little();
    for (label, name, expected) in [
        ("GB18030", "Zhang^San=张^三", "GB18030"),
        ("GBK", "Zhang^San=张^三", "GBK"),
        ("ISO_IR 100", "Müller^Jörg", "ISO 2022 IR 100\\ISO 2022 IR 58"),
        ("ISO 2022 IR 6\\ISO 2022 IR 58", "Zhang^San=张^三", "ISO 2022 IR 6\\ISO 2022 IR 58"),
        ("", "Zhang^San", "\\ISO 2022 IR 58"),
    ] {
        let mut dataset = old(label, name);
        if label.is_empty() {
            dataset.remove(tags::SPECIFIC_CHARACTER_SET);
        }
        let seen = rewritten(&crate::write::to_bytes(&dataset, &syntax), &syntax, &new_patient());
        check(&seen, name);
        let bytes = seen.get(tags::SPECIFIC_CHARACTER_SET).unwrap().bytes().unwrap().clone();
        assert_eq!(String::from_utf8_lossy(&bytes).trim_end(), expected);
    }
}

#[test]
fn sequences_of_undefined_length_are_passed_and_what_is_not_there_yet_is_asked_for() {
    let syntax = TransferSyntax::explicit_little();
    let mut bytes = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff".to_vec();
    bytes.extend(coding::text(tags::PATIENT_ID, VR::LO, "inner", Coding::ExplicitLittle));
    bytes.extend(b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0");
    bytes.extend(coding::text(tags::PATIENT_ID, VR::LO, "P001", Coding::ExplicitLittle));
    let edits = edits(json!({"00100020": {"vr": "LO", "Value": ["P002"]}}));
    let seen = rewritten(&bytes, &syntax, &edits);
    assert_eq!(seen.text(tags::PATIENT_ID).unwrap(), "P002");
    for cut in 0..bytes.len() {
        assert_eq!(front(&syntax, &bytes[..cut], bytes.len() as u64, &edits), Ok(None), "{cut}");
    }
    let deep = [0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff].repeat(1000);
    let bytes = [&b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff"[..], &deep].concat();
    assert!(front(&syntax, &bytes, bytes.len() as u64, &edits).is_err());
}

#[test]
fn a_second_correction_keeps_what_the_first_one_told() {
    let syntax = TransferSyntax::explicit_little();
    let bytes = crate::write::to_bytes(&old("ISO_IR 192", "Zhang^San"), &syntax);
    let first = front(&syntax, &bytes, bytes.len() as u64, &new_patient()).unwrap().unwrap();
    let bytes = [&first.bytes[..], &bytes[first.resume_at as usize..]].concat();
    let seen = rewritten(&bytes, &syntax, &edits(json!({"00100020": {"vr": "LO", "Value": ["P003"]}})));
    assert_eq!(seen.items(ORIGINAL_ATTRIBUTES).len(), 2);
    assert_eq!(seen.text(tags::PATIENT_ID).unwrap(), "P003");
}
