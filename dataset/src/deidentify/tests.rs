//! Every row of the table, every kind of place that identity can be in, and what must stay.

use super::table::{Action, rows};
use super::*;
use crate::dictionary::{self, Signedness};
use crate::element::{Element, Value};
use crate::write::to_bytes;
use crate::{Dataset, scan, tags};
use model::Limits;
use proptest::prelude::*;

const SECRET: [u8; 32] = [7; 32];
const SYNTAXES: [&str; 2] = [TransferSyntax::IMPLICIT_LITTLE, "1.2.840.10008.1.2.1"];

fn syntax(text: &str) -> TransferSyntax {
    TransferSyntax::parse(text).unwrap()
}

fn deidentifier(options: &[ProfileOption]) -> Deidentifier {
    let disguise = Disguise::new(&SECRET, "town/P001");
    Deidentifier::new(Profile::new(options).unwrap(), disguise, &["ZHANG^SAN=张^三".into(), "P001".into()])
}

/// De-identifies bytes and reads the result with the scanner that all input goes through.
fn run(dataset: &Dataset, options: &[ProfileOption], in_syntax: &str) -> Dataset {
    let syntax = syntax(in_syntax);
    let bytes = to_bytes(dataset, &syntax);
    let front = deidentifier(options).front(&syntax, &bytes, bytes.len() as u64).unwrap().unwrap();
    assert_eq!(front.resume_at, bytes.len() as u64);
    scan::scan(&front.bytes, &syntax, &Limits::default()).unwrap().dataset
}

/// A value that would be recognised, of this VR.
fn telling(vr: VR) -> Vec<u8> {
    match vr {
        VR::UI => b"1.2.826.99.4711\0".to_vec(),
        VR::DA => b"20260321".to_vec(),
        VR::DT => b"20260321101112".to_vec(),
        VR::TM => b"101112".to_vec(),
        VR::DS | VR::IS => b"4711".to_vec(),
        VR::AS => b"058Y".to_vec(),
        VR::FD | VR::OD | VR::OV | VR::SV | VR::UV => 47.11_f64.to_le_bytes().to_vec(),
        VR::FL | VR::OF | VR::OL | VR::SL | VR::UL | VR::AT => 4711_u32.to_le_bytes().to_vec(),
        VR::US | VR::SS | VR::OW => 4711_u16.to_le_bytes().to_vec(),
        _ => b"Wang Telltale ".to_vec(),
    }
}

fn put(dataset: &mut Dataset, tag: Tag, vr: VR) {
    if vr == VR::SQ {
        let mut item = Dataset::new();
        item.put_bytes(Tag(0x0008, 0x0104), VR::LO, telling(VR::LO));
        item.put_bytes(Tag(0x0008, 0x1155), VR::UI, telling(VR::UI));
        item.put_bytes(tags::ROWS, VR::US, 4711_u16.to_le_bytes().to_vec());
        dataset.put_items(tag, vec![item]);
    } else {
        dataset.put_bytes(tag, vr, telling(vr));
    }
}

fn vr_of(tag: Tag) -> VR {
    dictionary::vr(tag, Signedness::Unsigned).unwrap_or(VR::LO)
}

/// What the data set looks like at this tag.
fn seen(dataset: &Dataset, tag: Tag) -> Option<Element> {
    dataset.get(tag).cloned()
}

fn all_bytes(element: &Element) -> Vec<u8> {
    let mut waiting = vec![element.clone()];
    let mut bytes = Vec::new();
    while let Some(element) = waiting.pop() {
        match element.value {
            Value::Bytes(value) => bytes.extend_from_slice(&value),
            Value::Items(items) => waiting.extend(items.into_iter().flat_map(|item| item.elements)),
            Value::Bulk { .. } => {}
        }
    }
    bytes
}

/// Whether what is there is what the action asks for.
fn check(tag: Tag, vr: VR, action: Action, after: Option<&Element>, place: &str) {
    let is_put = [Tag(0x0010, 0x0010), Tag(0x0010, 0x0020)].contains(&tag) && place == "top";
    let holds =
        |needle: &[u8]| after.is_some_and(|e| all_bytes(e).windows(needle.len()).any(|w| w == needle));
    let name = &rows()[&tag].attribute;
    let told = telling(if vr == VR::SQ { VR::LO } else { vr });
    let at = format!("{name} {tag} {vr:?} {action:?} {place}: {after:?}");
    if tag.group() < 8 || dictionary::vr(tag, Signedness::Unsigned).is_none() {
        return assert!(after.is_none(), "{at}");
    }
    match action {
        Action::Remove => assert!(after.is_none(), "{at}"),
        _ if is_put => assert!(!holds(&told) && holds(b"P-"), "{at}"),
        Action::Empty => assert!(after.is_some_and(|e| all_bytes(e).is_empty()), "{at}"),
        Action::Dummy => assert!(after.is_some_and(|e| !all_bytes(e).is_empty()) && !holds(&told), "{at}"),
        Action::Uid => {
            assert!(!holds(b"1.2.826.99.4711"), "{at}");
            let other = Disguise::new(&SECRET, "anybody").uid("1.2.826.99.4711");
            assert!(holds(other.as_bytes()), "{at}");
        }
        Action::Keep if vr == VR::SQ => assert!(after.is_some(), "{at}"),
        Action::Keep => assert!(holds(&told), "{at}"),
        Action::Clean => assert!(vr == VR::SQ || vr == VR::TM || !holds(&told), "{at}"),
    }
}

/// For every row and every choice of one option: at the top, in a sequence, and in a sequence in it.
#[test]
fn every_row_of_the_table_holds_at_every_depth() {
    let around = tags::REFERENCED_SERIES_SEQUENCE;
    assert!(!rows().contains_key(&around));
    let choices: Vec<Vec<ProfileOption>> =
        std::iter::once(Vec::new()).chain(ProfileOption::ALL.iter().map(|option| vec![*option])).collect();
    let mut checked = 0;
    for (tag, vr) in rows().keys().map(|tag| (*tag, vr_of(*tag))).filter(|(tag, _)| *tag != tags::PIXEL_DATA)
    {
        for options in &choices {
            let profile = Profile::new(options).unwrap();
            let (action, _) = profile.action(tag).unwrap();
            let mut inner = Dataset::new();
            put(&mut inner, tag, vr);
            let mut middle = Dataset::new();
            put(&mut middle, tag, vr);
            middle.put_items(around, vec![inner]);
            let mut top = Dataset::new();
            put(&mut top, tag, vr);
            top.put_items(around, vec![middle]);
            for written in SYNTAXES {
                let after = run(&top, options, written);
                let middle = &after.items(around)[0];
                let inner = &middle.items(around)[0];
                check(tag, vr, action, seen(&after, tag).as_ref(), "top");
                check(tag, vr, action, seen(middle, tag).as_ref(), "in a sequence");
                check(tag, vr, action, seen(inner, tag).as_ref(), "in a sequence in a sequence");
                checked += 3;
            }
        }
    }
    assert!(checked > 30_000, "{checked}");
}

#[test]
fn private_attributes_curves_overlays_and_what_nobody_knows_go() {
    let mut dataset = Dataset::new();
    for tag in [
        Tag(0x0009, 0x0010),
        Tag(0x0009, 0x1001),
        Tag(0x0011, 0x1001),
        Tag(0x5000, 0x3000),
        Tag(0x5004, 0x0005),
        Tag(0x6000, 0x3000),
        Tag(0x6002, 0x4000),
        Tag(0x6000, 0x0022),
        Tag(0x0010, 0x9999),
        Tag(0x0008, 0x0001),
    ] {
        dataset.put_bytes(tag, VR::LO, telling(VR::LO));
    }
    let mut private = Dataset::new();
    private.put_bytes(tags::PATIENT_NAME, VR::PN, telling(VR::PN));
    dataset.put_items(Tag(0x0029, 0x1010), vec![private]);
    for options in [&[][..], &[ProfileOption::CleanDescriptors, ProfileOption::RetainUids]] {
        let after = run(&dataset, options, "1.2.840.10008.1.2.1");
        let left: Vec<Tag> = after.elements().iter().map(|e| e.tag).collect();
        assert_eq!(
            left,
            [
                Tag(0x0010, 0x0010),
                Tag(0x0010, 0x0020),
                Tag(0x0012, 0x0062),
                Tag(0x0012, 0x0063),
                Tag(0x0012, 0x0064),
                Tag(0x0028, 0x0303)
            ]
        );
    }
}

#[test]
fn what_is_done_is_written_down() {
    let options = [ProfileOption::RetainModifiedDates, ProfileOption::RetainPatientCharacteristics];
    let mut dataset = Dataset::new();
    dataset.put_text(tags::PATIENT_NAME, VR::PN, "张^三");
    dataset.put_text(tags::PATIENT_SEX, VR::CS, "F");
    dataset.put_text(tags::STUDY_DATE, VR::DA, "20260301");
    dataset.put_text(tags::STUDY_TIME, VR::TM, "101112");
    let after = run(&dataset, &options, "1.2.840.10008.1.2.1");
    let disguise = Disguise::new(&SECRET, "town/P001");
    assert_eq!(after.text(tags::PATIENT_NAME).unwrap(), disguise.pseudonym());
    assert_eq!(after.text(tags::PATIENT_ID).unwrap(), disguise.pseudonym());
    assert_eq!(after.text(tags::PATIENT_SEX).as_deref(), Some("F"));
    assert_eq!(after.text(tags::STUDY_DATE), disguise::earlier("20260301", disguise.days()));
    assert_eq!(after.text(tags::STUDY_TIME).as_deref(), Some("101112"));
    assert_eq!(after.text(Tag(0x0012, 0x0062)).as_deref(), Some("YES"));
    assert_eq!(after.text(Tag(0x0028, 0x0303)).as_deref(), Some("MODIFIED"));
    let codes: Vec<_> =
        after.items(Tag(0x0012, 0x0064)).iter().filter_map(|i| i.text(Tag(0x0008, 0x0100))).collect();
    assert_eq!(codes, ["113100", "113108", "113107"]);
}

#[test]
fn names_in_texts_that_would_stay_take_the_text_with_them() {
    let mut dataset = Dataset::new();
    dataset.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "GB18030");
    dataset.put_text(tags::BODY_PART_EXAMINED, VR::CS, "CHEST");
    dataset.put_text(tags::CONVOLUTION_KERNEL, VR::SH, "zhang");
    dataset.put_text(tags::MANUFACTURER_MODEL_NAME, VR::LO, "张三的CT");
    dataset.put_text(tags::STUDY_DESCRIPTION, VR::LO, "胸部平扫 张三");
    dataset.put_text(tags::SERIES_DESCRIPTION, VR::LO, "张三");
    let after = run(&dataset, &[ProfileOption::CleanDescriptors], "1.2.840.10008.1.2.1");
    assert_eq!(after.text(tags::BODY_PART_EXAMINED).as_deref(), Some("CHEST"));
    assert_eq!(after.text(tags::CONVOLUTION_KERNEL), None);
    assert_eq!(after.text(tags::MANUFACTURER_MODEL_NAME), None);
    assert_eq!(after.text(tags::STUDY_DESCRIPTION).as_deref(), Some("胸部平扫"));
    assert_eq!(after.get(tags::SERIES_DESCRIPTION), None);
}

/// Unlabelled GBK, or GBK that says that it is Latin-1: the name in it is not found, so the text does not stay.
#[test]
fn texts_that_cannot_be_read_for_sure_do_not_stay() {
    let zhang = b"\xD5\xC5\xC8\xFD\xB5\xC4CT".to_vec();
    for label in [None, Some("ISO_IR 100"), Some("ISO 2022 IR 100"), Some("ISO_IR 6"), Some("GB2312")] {
        let mut dataset = Dataset::new();
        if let Some(label) = label {
            dataset.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, label);
        }
        dataset.put_bytes(tags::MANUFACTURER_MODEL_NAME, VR::LO, zhang.clone());
        dataset.put_text(tags::BODY_PART_EXAMINED, VR::CS, "CHEST");
        dataset.put_bytes(tags::STUDY_DESCRIPTION, VR::LO, zhang.clone());
        for options in [&[][..], &[ProfileOption::CleanDescriptors, ProfileOption::RetainDeviceIdentity]] {
            let after = run(&dataset, options, "1.2.840.10008.1.2.1");
            let left = |tag| after.get(tag).map(all_bytes).unwrap_or_default();
            for tag in [tags::MANUFACTURER_MODEL_NAME, tags::STUDY_DESCRIPTION] {
                assert!(!left(tag).windows(4).any(|w| w == &zhang[..4]), "{label:?} {tag}");
            }
            assert_eq!(after.text(tags::BODY_PART_EXAMINED).as_deref(), Some("CHEST"));
        }
    }
}

/// A maker that takes the standard's root for its own: the head of the file and the data set still say the same.
#[test]
fn uids_of_things_are_replaced_under_any_root() {
    let own = "1.2.840.10008.99.4711";
    let mut dataset = Dataset::new();
    let mut item = Dataset::new();
    item.put_text(Tag(0x0008, 0x1155), VR::UI, own);
    item.put_text(Tag(0x0008, 0x1150), VR::UI, "1.2.840.10008.5.1.4.1.1.2");
    dataset.put_items(Tag(0x0008, 0x1140), vec![item]);
    let things = [
        tags::SOP_INSTANCE_UID,
        tags::STUDY_INSTANCE_UID,
        tags::SERIES_INSTANCE_UID,
        Tag(0x0020, 0x0052),
        Tag(0x3006, 0x0024),
    ];
    for tag in things {
        dataset.put_text(tag, VR::UI, own);
    }
    let after = run(&dataset, &[], "1.2.840.10008.1.2.1");
    let other = deidentifier(&[]).uid(own);
    for tag in things {
        assert_eq!(after.text(tag).as_deref(), Some(other.as_str()), "{tag}");
    }
    let item = &after.items(Tag(0x0008, 0x1140))[0];
    assert_eq!(item.text(Tag(0x0008, 0x1155)).as_deref(), Some(other.as_str()));
    assert_eq!(item.text(Tag(0x0008, 0x1150)).as_deref(), Some("1.2.840.10008.5.1.4.1.1.2"));
}

#[test]
fn every_syntax_gives_the_same() {
    let mut dataset = Dataset::new();
    put(&mut dataset, Tag(0x0008, 0x1140), VR::SQ);
    put(&mut dataset, tags::STUDY_INSTANCE_UID, VR::UI);
    dataset.put_text(tags::SOP_CLASS_UID, VR::UI, "1.2.840.10008.5.1.4.1.1.2");
    let results: Vec<Dataset> = SYNTAXES.iter().map(|written| run(&dataset, &[], written)).collect();
    assert_eq!(results[0].elements(), results[1].elements());
    assert_eq!(results[0].uid(tags::SOP_CLASS_UID).unwrap().as_str(), "1.2.840.10008.5.1.4.1.1.2");
    let study = results[0].uid(tags::STUDY_INSTANCE_UID).unwrap();
    assert_eq!(study.as_str(), Disguise::new(&SECRET, "x").uid("1.2.826.99.4711"));
}

#[test]
fn pixels_pass_and_nothing_behind_them() {
    let fragments = [
        &b"\xE0\x7F\x10\x00OB\0\0\xFF\xFF\xFF\xFF"[..],
        b"\xFE\xFF\x00\xE0\0\0\0\0",
        b"\xFE\xFF\x00\xE0\x04\0\0\0\xFF\xD8\xFF\xD9",
        b"\xFE\xFF\xDD\xE0\0\0\0\0",
    ]
    .concat();
    let plain = b"\xE0\x7F\x10\x00OW\0\0\x04\0\0\0\x01\x02\x03\x04".to_vec();
    let behind = b"\xFA\xFF\xFA\xFFSQ\0\0\0\0\0\0\xFC\xFF\xFC\xFFOB\0\0\x02\0\0\0\0\0";
    for pixels in [fragments, plain] {
        let whole = [&pixels[..], behind].concat();
        for piece in 1..whole.len() {
            let mut through = Pixels::new(&syntax("1.2.840.10008.1.2.1")).unwrap();
            let passed: Vec<u8> = whole.chunks(piece).flat_map(|part| through.pass(part).unwrap()).collect();
            assert_eq!(passed, pixels, "{piece}");
            assert!(through.is_done());
        }
    }
}

#[test]
fn what_may_show_identity_in_its_pixels() {
    let of = |class: &str, modality: &str, burned: &str, image_type: &str| {
        let mut dataset = Dataset::new();
        for (tag, vr, text) in [
            (tags::SOP_CLASS_UID, VR::UI, class),
            (tags::MODALITY, VR::CS, modality),
            (Tag(0x0028, 0x0301), VR::CS, burned),
            (tags::IMAGE_TYPE, VR::CS, image_type),
        ] {
            if !text.is_empty() {
                dataset.put_text(tag, vr, text);
            }
        }
        risk(&dataset)
    };
    let ct = "1.2.840.10008.5.1.4.1.1.2";
    assert_eq!(of(ct, "CT", "NO", "ORIGINAL\\PRIMARY"), Risk::None);
    assert_eq!(of(ct, "CT", "", ""), Risk::Unsaid);
    assert_eq!(of(ct, "CT", "YES", ""), Risk::BurnedIn);
    assert_eq!(of("1.2.840.10008.5.1.4.1.1.6.1", "US", "", ""), Risk::Likely);
    assert_eq!(of("1.2.840.10008.5.1.4.1.1.7.4", "CT", "", ""), Risk::Likely);
    assert_eq!(of("1.2.840.10008.5.1.4.1.1.77.1.6", "SM", "NO", "ORIGINAL\\PRIMARY\\LABEL"), Risk::Label);
    assert_eq!(of("1.2.840.10008.5.1.4.1.1.77.1.6", "SM", "NO", "ORIGINAL\\PRIMARY\\OVERVIEW"), Risk::Label);
    assert_eq!(of("1.2.840.10008.5.1.4.1.1.77.1.6", "SM", "NO", "ORIGINAL\\PRIMARY\\VOLUME"), Risk::None);
    assert_eq!(of("1.2.840.10008.5.1.4.1.1.104.1", "DOC", "NO", ""), Risk::Document);
    assert_eq!(of("1.2.840.10008.5.1.4.1.1.88.22", "SR", "", ""), Risk::Document);
    assert_eq!(of("1.2.840.10008.5.1.4.1.1.77.1.4", "XC", "NO", ""), Risk::Document, "EXIF");
    assert_eq!(of("1.2.840.10008.5.1.4.1.1.66.4", "SEG", "", ""), Risk::Unsaid);
}

proptest! {
    /// Hostile bytes end in an answer, and a name that no rule keeps is nowhere in it.
    #[test]
    fn hostile_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for written in ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"] {
            let _ = deidentifier(&[]).front(&syntax(written), &bytes, bytes.len() as u64);
            if let Ok(mut pixels) = Pixels::new(&syntax(written)) {
                let _ = pixels.pass(&bytes);
            }
        }
    }

    /// A data set that is cut anywhere asks for more, or says that it is cut.
    #[test]
    fn a_part_is_never_taken_for_the_whole(cut in 0usize..200) {
        let mut dataset = Dataset::new();
        put(&mut dataset, Tag(0x0008, 0x1140), VR::SQ);
        dataset.put_text(tags::PATIENT_NAME, VR::PN, "Wang Telltale");
        dataset.put_text(tags::STUDY_INSTANCE_UID, VR::UI, "1.2.3");
        let bytes = to_bytes(&dataset, &TransferSyntax::explicit_little());
        let cut = cut.min(bytes.len() - 1);
        let part = &bytes[..cut];
        let whole = deidentifier(&[]).front(&TransferSyntax::explicit_little(), part, bytes.len() as u64);
        prop_assert_eq!(whole.unwrap(), None);
    }
}
