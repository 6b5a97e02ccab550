//! The report as a structured report: Basic Text SR, or Enhanced SR when it shows key images (PS3.3 §A.35.1, §A.35.2), by
//! the template of basic diagnostic imaging reports (PS3.16 TID 2000).

use super::content::{
    CONCEPT, CONTAINS, INFERRED_FROM, OBSERVED, code, image, micrometres, observer, root, section, text, uid,
    with,
};
use super::dicom::{
    Code, Referred, Series, begin, coded, date_time, evidence, hierarchy, instance_uid, item, put, request,
    series_uid,
};
use super::{Form, Source, said};
use crate::amendment::AmendmentKind;
use crate::key_image::KeyImage;
use crate::key_image::slide::SlideKeyImage;
use crate::record::SignerNote;
use crate::report::{CriticalNote, Exam};
use dataset::{Dataset, VR, tags};

const BASIC_TEXT_SR: &str = "1.2.840.10008.5.1.4.1.1.88.11";
const ENHANCED_SR: &str = "1.2.840.10008.5.1.4.1.1.88.22";

/// Titles (PS3.16 CID 7000).
const IMAGING_REPORT: Code = Code("18748-4", "LN", "Diagnostic Imaging Report");
const PATHOLOGY_REPORT: Code = Code("11526-1", "LN", "Pathology study");

/// Headings (PS3.16 CID 7001) and elements (CID 7002).
const HISTORY: Code = Code("11329-0", "LN", "History");
const REQUEST: Code = Code("55115-0", "LN", "Request");
const PRIOR_PROCEDURES: Code = Code("55114-3", "LN", "Prior Procedure Descriptions");
const PROCEDURE_DESCRIPTION: Code = Code("121065", "DCM", "Procedure Description");
const FINDINGS: Code = Code("59776-5", "LN", "Findings");
const FINDING: Code = Code("121071", "DCM", "Finding");
const IMPRESSIONS: Code = Code("19005-8", "LN", "Impressions");
const IMPRESSION: Code = Code("121073", "DCM", "Impression");
const RECOMMENDATIONS: Code = Code("18783-1", "LN", "Recommendations");
const RECOMMENDATION: Code = Code("121075", "DCM", "Recommendation");
const CRITICAL_RESULTS: Code = Code("73568-1", "LN", "Communication of Critical Results");
const ADDENDUM: Code = Code("55107-7", "LN", "Addendum");
const SUMMARY: Code = Code("55112-7", "LN", "Summary");
const KEY_IMAGES: Code = Code("55113-5", "LN", "Key Images");
/// No standard code says where a signing key is: TID 2000 may be extended, and these are ours.
const SIGNATURES: Code = Code("signatures", "99FARSIGHT", "Signatures");
const SIGNING_KEY: Code = Code("signing-key", "99FARSIGHT", "Place of signing key");
const KEY_OBJECT_DESCRIPTION: Code = Code("113012", "DCM", "Key Object Description");

/// Modalities that are procedures by themselves (PS3.16 CID 29).
const MODALITIES: [Code; 14] = [
    Code("CT", "DCM", "Computed Tomography"),
    Code("MR", "DCM", "Magnetic Resonance"),
    Code("DX", "DCM", "Digital Radiography"),
    Code("CR", "DCM", "Computed Radiography"),
    Code("MG", "DCM", "Mammography"),
    Code("US", "DCM", "Ultrasound"),
    Code("NM", "DCM", "Nuclear Medicine"),
    Code("PT", "DCM", "Positron emission tomography"),
    Code("XA", "DCM", "X-Ray Angiography"),
    Code("RF", "DCM", "Radiofluoroscopy"),
    Code("ES", "DCM", "Endoscopy"),
    Code("SM", "DCM", "Slide Microscopy"),
    Code("GM", "DCM", "General Microscopy"),
    Code("OP", "DCM", "Ophthalmic Photography"),
];

pub(super) fn document(source: &Source<'_>) -> Dataset {
    let report = source.report;
    let class = if report.key_images.is_empty() { BASIC_TEXT_SR } else { ENHANCED_SR };
    let series = Series {
        kind: Form::Sr.word(),
        class,
        modality: "SR",
        number: "9001",
        description: "远程诊断报告 Report",
    };
    let mut set = begin(source, &series);
    set.put_items(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, Vec::new());
    set.put_items(tags::PERFORMED_PROCEDURE_CODE_SEQUENCE, Vec::new());
    set.put_items(tags::REFERENCED_REQUEST_SEQUENCE, vec![request(source)]);
    put(&mut set, tags::COMPLETION_FLAG, VR::CS, "COMPLETE");
    put(&mut set, tags::VERIFICATION_FLAG, VR::CS, "VERIFIED");
    put(&mut set, tags::PRELIMINARY_FLAG, VR::CS, "FINAL");
    set.put_items(tags::AUTHOR_OBSERVER_SEQUENCE, vec![author(source)]);
    set.put_items(tags::VERIFYING_OBSERVER_SEQUENCE, verifying(source).into_iter().collect());
    let study = report.exam.study_instance_uid.as_str();
    for (tag, is_ours) in [
        (tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, true),
        (tags::PERTINENT_OTHER_EVIDENCE_SEQUENCE, false),
    ] {
        let items = hierarchy(evidence(source).filter(|one| (one.study == study) == is_ours));
        if !items.is_empty() {
            set.put_items(tag, items);
        }
    }
    if let Some(before) = &source.before {
        let series = series_uid(report.consult_id.as_str(), Form::Sr.word());
        let instance = instance_uid(&before.record, Form::Sr.word());
        let class = if before.has_key_images { ENHANCED_SR } else { BASIC_TEXT_SR };
        let one = Referred { study, series: series.as_str(), class, instance: instance.as_str() };
        set.put_items(tags::PREDECESSOR_DOCUMENTS_SEQUENCE, hierarchy(std::iter::once(one)));
    }
    let title = if report.slide.is_some() { PATHOLOGY_REPORT } else { IMAGING_REPORT };
    root(&mut set, title, "2000", parts(source));
    set
}

/// Who wrote it (PS3.3 Table C.17-3b).
fn author(source: &Source<'_>) -> Dataset {
    let report = source.report;
    let mut author = item(&[
        (tags::OBSERVER_TYPE, VR::CS, "PSN"),
        (tags::PERSON_NAME, VR::PN, &report.reader.name),
        (tags::INSTITUTION_NAME, VR::LO, &report.reading.name),
    ]);
    author.put_items(tags::PERSON_IDENTIFICATION_CODE_SEQUENCE, Vec::new());
    author.put_items(tags::INSTITUTION_CODE_SEQUENCE, Vec::new());
    author
}

/// Who answers for it: one at most (PS3.15 §C.2).
fn verifying(source: &Source<'_>) -> Option<Dataset> {
    let signer = source.verifier()?;
    let at = date_time(signer.signed_at.to_offset(source.utc_offset));
    let mut observer = item(&[
        (tags::VERIFYING_OBSERVER_NAME, VR::PN, &signer.name),
        (tags::VERIFYING_ORGANIZATION, VR::LO, &source.report.reading.name),
        (tags::VERIFICATION_DATE_TIME, VR::DT, &at),
    ]);
    observer.put_items(tags::VERIFYING_OBSERVER_IDENTIFICATION_CODE_SEQUENCE, Vec::new());
    Some(observer)
}

fn parts(source: &Source<'_>) -> Vec<Dataset> {
    let report = source.report;
    let language = Code("121049", "DCM", "Language of Content Item and Descendants");
    let country = Code("121046", "DCM", "Country of Language");
    let mut parts = vec![with(
        code(CONCEPT, language, coded(Code("zh", "RFC5646", "Chinese"))),
        vec![code(CONCEPT, country, coded(Code("CN", "ISO3166_1", "CHINA")))],
    )];
    parts.extend(observer(&report.reader.name, &report.reading.name));
    let study = Code("121018", "DCM", "Procedure Study Instance UID");
    parts.push(uid(OBSERVED, study, report.exam.study_instance_uid.as_str()));
    parts.extend(procedures(source));
    let one = |heading, concept, value: &str| match value.trim() {
        "" => None,
        value => section(heading, vec![text(CONTAINS, concept, value)]),
    };
    let all = |heading, concept, key: &str| {
        section(heading, said(report, key).iter().map(|part| text(CONTAINS, concept, part)).collect())
    };
    let compared = report.compared.iter().map(|one| {
        let words = format!("对比报告 {} v{}：{}", one.number, one.version, exam(&one.exam));
        text(CONTAINS, PROCEDURE_DESCRIPTION, &words)
    });
    let priors = report.priors.iter().map(|prior| text(CONTAINS, PROCEDURE_DESCRIPTION, &exam(prior)));
    let critical =
        report.critical_findings.iter().map(|found| text(CONTAINS, FINDING, &critical_words(found)));
    let images: Vec<Dataset> =
        report.key_images.iter().flat_map(|key_image| shown(source, key_image)).collect();
    let amended = report.amendment.as_ref().map_or_else(String::new, |note| {
        let kind = match note.kind {
            AmendmentKind::Addendum => "补充报告",
            AmendmentKind::Correction => "更正报告",
        };
        format!("{kind}：{}", note.reason)
    });
    parts.extend(
        [
            one(HISTORY, HISTORY, &report.request.history),
            one(REQUEST, REQUEST, &report.request.question),
            section(PRIOR_PROCEDURES, priors.chain(compared).collect()),
            all(FINDINGS, FINDING, "findings"),
            all(IMPRESSIONS, IMPRESSION, "diagnosis"),
            all(RECOMMENDATIONS, RECOMMENDATION, "recommendation"),
            section(CRITICAL_RESULTS, critical.collect()),
            one(ADDENDUM, SUMMARY, &amended),
            section(KEY_IMAGES, images),
            section(SIGNATURES, source.signers.iter().map(signing_key).collect()),
        ]
        .into_iter()
        .flatten(),
    );
    parts
}

/// Where a signer's key is, in the words of the verdict.
fn signing_key(signer: &SignerNote) -> Dataset {
    let role = if signer.role == "reviewer" { "审核医师 reviewer" } else { "报告医师 reader" };
    let (zh, en) = signer.key.words();
    text(CONTAINS, SIGNING_KEY, &format!("{role} {}：{zh} / {en}", signer.name))
}

/// Procedure reported: which modalities it was.
fn procedures(source: &Source<'_>) -> Vec<Dataset> {
    let concept = Code("121058", "DCM", "Procedure reported");
    let known = MODALITIES.iter().filter(|code| source.report.exam.modalities.iter().any(|m| m == code.0));
    known.map(|known| code(CONCEPT, concept, coded(*known))).collect()
}

fn exam(exam: &Exam) -> String {
    let parts = [exam.date.as_str(), &exam.modalities.join("/"), &exam.description, &exam.accession_number];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn critical_words(note: &CriticalNote) -> String {
    let mut words = format!(
        "{}\n发现时间：{}　报告人：{}　报告时间：{}",
        note.finding, note.found_at, note.told_by, note.told_at
    );
    if let Some(received) = &note.received {
        words.push_str(&format!(
            "\n接收人：{}　接收时间：{}　复述：{}",
            received.by, received.at, received.read_back
        ));
    }
    words
}

/// A key image: what it is called, which image it is of, and how much of it is seen.
fn shown(source: &Source<'_>, shown: &KeyImage) -> Vec<Dataset> {
    let Some(class) = source.classes.get(shown.instance()) else { return Vec::new() };
    let of = || vec![image(INFERRED_FROM, class.as_str(), shown)];
    let name = match shown {
        KeyImage::Slide(SlideKeyImage { name, calibrated_by: Some(who), .. }) => {
            format!("{name}（标尺由人工标定：{who}）")
        }
        KeyImage::Slide(of_slide) => of_slide.name.clone(),
        KeyImage::Frame(frame) if frame.name.is_empty() => frame.described(),
        KeyImage::Frame(frame) => format!("{}（{}）", frame.name, frame.described()),
    };
    let name = if name.trim().is_empty() { "关键图像".to_owned() } else { name };
    let mut items = vec![
        image(CONTAINS, class.as_str(), shown),
        with(text(CONTAINS, KEY_OBJECT_DESCRIPTION, &name), of()),
    ];
    let KeyImage::Slide(of_slide) = shown else { return items };
    for (concept, value) in [
        (Code("103355008", "SCT", "Width"), &of_slide.width_um),
        (Code("121207", "DCM", "Height"), &of_slide.height_um),
    ] {
        if let Some(value) = value {
            items.push(with(micrometres(CONTAINS, concept, value), of()));
        }
    }
    items
}
