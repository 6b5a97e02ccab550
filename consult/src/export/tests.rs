//! Forms judged by other people's tools: dciodvfy, dsrdump.

use super::*;
use crate::amendment::{Amendment, AmendmentKind, AmendmentNote};
use crate::key_image::KeyImage;
use crate::record::{Consult, KeyPlace};
use crate::report::ReportDraft;
use crate::testing::{NOW, canonical_of, consult, draft, frame_key_image, key_image, run};
use access::Signatures;
use dataset::{TransferSyntax, part10, scan, tags};
use serde_json::Value as Json;
use time::Duration;
use time::macros::offset;

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
const ENHANCED_CT: &str = "1.2.840.10008.5.1.4.1.1.2.1";

/// A page of odd length.
const PAGE: &[u8] = b"%PDF-1.7\n%%EOF\n";

fn signer(name: &str, role: &str, later: i64, key: KeyPlace) -> SignerNote {
    let signed_at = NOW + Duration::minutes(later);
    SignerNote { name: name.into(), role: role.into(), signed_at, key }
}

struct Made {
    consult: Consult,
    draft: ReportDraft,
    before: Option<&'static str>,
    reviewer: &'static str,
    /// Where the reader's key is, and the reviewer's.
    keys: [KeyPlace; 2],
}

impl Made {
    fn plain() -> Self {
        Self {
            consult: consult(Signatures::Double),
            draft: draft(),
            before: None,
            reviewer: "赵敏",
            keys: [KeyPlace::Keystore; 2],
        }
    }

    fn with_key_image() -> Self {
        let mut made = Self::plain();
        made.draft.key_images = vec![KeyImage::Slide(key_image().0)];
        made
    }

    /// Of radiology: a slice in two windows, and a frame of a film.
    fn with_frames() -> Self {
        let mut made = Self::plain();
        let slice = frame_key_image().0;
        let mut softer = slice.clone();
        softer.id = "0199aaaa-0000-7000-8000-000000000002".into();
        (softer.window_centre, softer.window_width) = (Some("40".into()), Some("400".into()));
        let mut film = slice.clone();
        film.id = "0199aaaa-0000-7000-8000-000000000003".into();
        film.instance = model::Uid::parse("1.2.3.4.1.3").unwrap();
        (film.name, film.frame, film.frames) = (String::new(), 7, 20);
        made.draft.key_images = [slice, softer, film].into_iter().map(KeyImage::Frame).collect();
        made
    }

    fn form(&self, form: Form) -> Option<Built> {
        let canonical = canonical_of(&self.consult, &self.draft);
        let report = CanonicalReport::from_bytes(&canonical).unwrap();
        let study = dataset::json::from_json(
            serde_json::json!({
                "00080020": {"vr": "DA", "Value": ["20261120"]},
                "00080030": {"vr": "TM", "Value": ["093015"]},
                "00080050": {"vr": "SH", "Value": ["CT261120018"]},
                "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Zhang^San", "Ideographic": "张^三"}]},
                "00100020": {"vr": "LO", "Value": ["P20261120"]},
                "00100040": {"vr": "CS", "Value": ["M"]},
            })
            .as_object()
            .unwrap(),
        )
        .unwrap();
        let class = Uid::parse(CT).unwrap();
        let is_film = |one: &Uid| {
            report.key_images.iter().any(|image| image.instance() == one && image.frame().is_some())
        };
        let class_of =
            |one: &Uid| if is_film(one) { Uid::parse(ENHANCED_CT).unwrap() } else { class.clone() };
        let classes =
            report.evidence.iter().map(|one| (one.instance.clone(), class_of(&one.instance))).collect();
        let source = Source {
            report: &report,
            canonical: &canonical,
            record: "0199-consult-v1-s1",
            before: self.before.map(|record| Before { record: record.to_owned(), has_key_images: false }),
            signers: &[
                signer("王建国", "reader", 5, self.keys[0]),
                signer(self.reviewer, "reviewer", 9, self.keys[1]),
            ],
            signatures: &[vec![0x30, 0], vec![0x30, 1]],
            pdf: PAGE,
            study: &study,
            classes: &classes,
            modalities: &Modalities::from([(Uid::parse("1.2.3.4.1").unwrap(), "CT".to_owned())]),
            utc_offset: offset!(+8),
        };
        build(form, &source)
    }

    fn bundle(&self) -> Json {
        serde_json::from_slice(&self.form(Form::Fhir).unwrap().bytes).unwrap()
    }

    fn file(&self, form: Form) -> (tempfile::TempDir, String, Dataset) {
        let built = self.form(form).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("form.dcm").display().to_string();
        std::fs::write(&path, &built.bytes).unwrap();
        let (class, instance) = built.instance.unwrap();
        let syntax = TransferSyntax::explicit_little();
        let head = part10::head(&syntax, &class, &instance).len();
        let set = scan::scan(&built.bytes[head..], &syntax, &model::Limits::default()).unwrap().dataset;
        (folder, path, set)
    }
}

/// What dciodvfy (dicom3tools) has against a file.
fn faults(path: &str) -> Vec<String> {
    let output = std::process::Command::new("dciodvfy").arg(path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.lines().filter(|line| line.starts_with("Error")).map(str::to_owned).collect()
}

#[test]
fn every_dicom_form_is_what_its_information_object_definition_says() {
    let mut amended = Made::plain();
    amended.consult.amendment = Some(Amendment {
        note: AmendmentNote { kind: AmendmentKind::Correction, reason: "左右写反".into() },
        by: None,
        at: NOW,
        from: crate::State::Delivered,
        before: None,
        reported_before: None,
        reader_before: None,
        reviewer_before: None,
        evidence_before: None,
    });
    amended.before = Some("0199-consult-v0-s1");
    for (made, forms) in [
        (Made::plain(), &[Form::Sr, Form::Pdf][..]),
        (Made::with_key_image(), &[Form::Sr, Form::Pdf, Form::Kos]),
        (Made::with_frames(), &[Form::Sr, Form::Pdf, Form::Kos]),
        (amended, &[Form::Sr, Form::Pdf]),
    ] {
        for form in forms {
            let (_folder, path, _) = made.file(*form);
            if let Ok(kept) = std::env::var("CONSULT_KEEP_FORMS") {
                std::fs::copy(&path, format!("{kept}/{}.dcm", form.word())).unwrap();
            }
            assert_eq!(faults(&path), Vec::<String>::new(), "{form:?}");
        }
    }
}

#[test]
fn a_structured_report_says_what_was_signed_and_by_whom() {
    let (_folder, path, set) = Made::plain().file(Form::Sr);
    let dump = run("dsrdump", &["+U8", &path]).unwrap_or_else(|said| panic!("{said}"));
    for word in ["Basic Text SR", "COMPLETE", "VERIFIED", "赵敏", "王建国", "右肺上叶尖段", "建议胸外科就诊"]
    {
        assert!(dump.contains(word), "{word} in\n{dump}");
    }
    let verifying = &set.items(tags::VERIFYING_OBSERVER_SEQUENCE)[0];
    assert_eq!(verifying.text(tags::VERIFICATION_DATE_TIME).unwrap(), "20261123144900+0800");
    assert_eq!(set.text(tags::PATIENT_NAME).unwrap(), "Zhang^San=张^三");
    let studies = set.items(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE);
    let series = studies[0].items(tags::REFERENCED_SERIES_SEQUENCE);
    assert_eq!(series[0].items(tags::REFERENCED_SOP_SEQUENCE).len(), 3);
    assert!(set.get(tags::PREDECESSOR_DOCUMENTS_SEQUENCE).is_none());
}

#[test]
fn a_report_with_key_images_is_enhanced_and_selects_them() {
    let made = Made::with_key_image();
    let (_folder, path, _) = made.file(Form::Sr);
    let dump = run("dsrdump", &["+U8", &path]).unwrap_or_else(|said| panic!("{said}"));
    assert!(dump.contains("Enhanced SR") && dump.contains("可疑腺体") && dump.contains("812"), "{dump}");
    let (_folder, path, set) = made.file(Form::Kos);
    let dump = run("dsrdump", &["+U8", &path]).unwrap_or_else(|said| panic!("{said}"));
    assert!(dump.contains("Key Object Selection") && dump.contains("可疑腺体"), "{dump}");
    let studies = set.items(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE);
    let series = studies[0].items(tags::REFERENCED_SERIES_SEQUENCE);
    let only = &series[0].items(tags::REFERENCED_SOP_SEQUENCE)[0];
    assert_eq!(only.text(tags::REFERENCED_SOP_INSTANCE_UID).unwrap(), "1.2.3.4.1.1");
    assert!(Made::plain().form(Form::Kos).is_none());
}

#[test]
fn frames_of_radiology_are_referred_to_by_their_number() {
    let made = Made::with_frames();
    let (_folder, path, _) = made.file(Form::Sr);
    let dump = run("dsrdump", &["+U8", "+Pl", &path]).unwrap_or_else(|said| panic!("{said}"));
    for word in ["Enhanced SR", "右肺上叶结节", "窗宽 1500 窗位 -600", "第 7/20 帧"] {
        assert!(dump.contains(word), "{word} in\n{dump}");
    }
    let (_folder, path, set) = made.file(Form::Kos);
    let dump = run("dsrdump", &["+U8", "+Pl", &path]).unwrap_or_else(|said| panic!("{said}"));
    assert!(dump.contains("右肺上叶结节"), "{dump}");
    let images = set.items(tags::CONTENT_SEQUENCE);
    let named: Vec<_> = images
        .iter()
        .flat_map(|item| item.items(tags::REFERENCED_SOP_SEQUENCE))
        .map(|one| {
            (one.text(tags::REFERENCED_SOP_INSTANCE_UID).unwrap(), one.text(tags::REFERENCED_FRAME_NUMBER))
        })
        .collect();
    let expected = [("1.2.3.4.1.2".to_owned(), None), ("1.2.3.4.1.3".to_owned(), Some("7".to_owned()))];
    assert_eq!(named, expected, "a slice once, whatever its windows");
}

#[test]
fn an_encapsulated_page_is_the_signed_bytes_and_their_length() {
    let built = Made::plain().form(Form::Pdf).unwrap();
    let at = built.bytes.windows(PAGE.len()).position(|window| window == PAGE).unwrap();
    assert_eq!(PAGE.len() % 2, 1);
    assert_eq!(built.bytes[at + PAGE.len()], 0);
    let (_folder, _, set) = Made::plain().file(Form::Pdf);
    assert_eq!(set.integer(tags::ENCAPSULATED_DOCUMENT_LENGTH), Some(PAGE.len() as i64));
}

#[test]
fn whoever_makes_a_form_again_makes_the_same() {
    for form in Form::ALL {
        let made = Made::with_key_image();
        assert_eq!(made.form(form).unwrap().bytes, made.form(form).unwrap().bytes, "{form:?}");
    }
}

#[test]
fn a_bundle_names_everything_that_it_refers_to() {
    let bundle = Made::plain().bundle();
    let entries = bundle["entry"].as_array().unwrap();
    let known = named(&bundle);
    let mut waiting = vec![&bundle];
    let mut references = 0;
    while let Some(value) = waiting.pop() {
        match value {
            Json::Object(members) => {
                if let Some(Json::String(to)) = members.get("reference") {
                    assert!(known.contains(&to.as_str()), "{to}");
                    references += 1;
                }
                waiting.extend(members.values());
            }
            Json::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    assert!(references > 10);
    let of = |kind: &str| {
        let found = entries.iter().map(|entry| &entry["resource"]).find(|r| r["resourceType"] == kind);
        found.unwrap_or_else(|| panic!("no {kind}"))
    };
    assert_eq!(of("DiagnosticReport")["status"], "final");
    assert_eq!(of("DiagnosticReport")["effectiveDateTime"], "2026-11-20T09:30:15+08:00");
    assert_eq!(of("Provenance")["signature"].as_array().unwrap().len(), 2);
    assert_eq!(of("ImagingStudy")["numberOfInstances"], 3);
}

/// What a bundle calls its entries.
fn named(bundle: &Json) -> Vec<&str> {
    bundle["entry"].as_array().unwrap().iter().map(|entry| entry["fullUrl"].as_str().unwrap()).collect()
}

/// The resources of one kind in a bundle.
fn resources<'a>(bundle: &'a Json, kind: &str) -> Vec<&'a Json> {
    let all = bundle["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
    all.filter(|resource| resource["resourceType"] == kind).collect()
}

#[test]
fn an_observation_says_what_is_under_its_heading() {
    let made = Made::plain();
    let said = |code: &str| {
        let bundle = made.bundle();
        let found = resources(&bundle, "Observation");
        let one = found.iter().find(|one| one["code"]["coding"][0]["code"] == code).unwrap();
        one["valueString"].as_str().unwrap().to_owned()
    };
    assert_eq!(said("18783-1"), made.draft.recommendation);
    assert_eq!(said("59776-5"), made.draft.findings);

    let mut brief = Made::plain();
    brief.draft.recommendation = String::new();
    assert_eq!(resources(&brief.bundle(), "Observation").len(), 1);
}

#[test]
fn nothing_is_said_under_a_heading_that_a_report_does_not_have() {
    let canonical = canonical_of(&consult(Signatures::Double), &draft());
    let report = CanonicalReport::from_bytes(&canonical).unwrap();
    assert_eq!(said(&report, "建议"), Vec::<String>::new());
}

#[test]
fn two_signers_of_one_name_are_two_people() {
    let mut made = Made::plain();
    made.reviewer = "王建国";
    let bundle = made.bundle();
    assert_eq!(resources(&bundle, "Practitioner").len(), 2);
    let signatures = resources(&bundle, "Provenance")[0]["signature"].as_array().unwrap();
    assert_ne!(signatures[0]["who"]["reference"], signatures[1]["who"]["reference"]);
}

#[test]
fn the_forms_say_where_each_key_is() {
    for (keys, code, words) in [
        ([KeyPlace::Keystore, KeyPlace::Keystore], ["keystore", "keystore"], ["密钥由服务器保管"; 2]),
        ([KeyPlace::Phone, KeyPlace::Own], ["phone", "own"], ["密钥由远程签名服务保管", "密钥由签名人自持"]),
    ] {
        let made = Made { keys, ..Made::plain() };
        let (_folder, path, _) = made.file(Form::Sr);
        assert_eq!(faults(&path), Vec::<String>::new());
        let dump = run("dsrdump", &["+U8", "+Pl", &path]).unwrap_or_else(|said| panic!("{said}"));
        for (who, words) in ["报告医师 reader 王建国", "审核医师 reviewer 赵敏"].into_iter().zip(words)
        {
            assert!(dump.contains(&format!("{who}：{words}")), "{who} in\n{dump}");
        }
        let bundle = made.bundle();
        let signatures = resources(&bundle, "Provenance")[0]["signature"].as_array().unwrap();
        for (signature, code) in signatures.iter().zip(code) {
            let extension = &signature["extension"][0];
            assert_eq!(extension["url"], "urn:farsight:signing-key");
            assert_eq!(extension["valueCoding"]["code"], code);
        }
    }
}

#[test]
fn a_house_that_asks_itself_is_named_once() {
    let mut made = Made::plain();
    made.consult.requesting = made.consult.reading.clone();
    let bundle = made.bundle();
    let mut names = named(&bundle);
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}
