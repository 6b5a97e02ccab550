//! What the DICOM forms have in common: patient, study, series, equipment, references, and the file around them.

use super::{Built, Source, uid_of};
use dataset::{Dataset, Tag, TransferSyntax, VR, part10, tags};
use model::Uid;
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// Characters of an LO value at most (PS3.5 §6.2).
const LO_CHARS_MAX: usize = 64;

/// Attributes of the study's patient and study modules that go on as they are; the first ones have to be there, empty if
/// need be (PS3.3 §C.7.1.1, §C.7.2.1).
const TAKEN_OVER: [(Tag, VR); 14] = [
    (tags::PATIENT_NAME, VR::PN),
    (tags::PATIENT_ID, VR::LO),
    (tags::PATIENT_BIRTH_DATE, VR::DA),
    (tags::PATIENT_SEX, VR::CS),
    (tags::STUDY_DATE, VR::DA),
    (tags::STUDY_TIME, VR::TM),
    (tags::ACCESSION_NUMBER, VR::SH),
    (tags::REFERRING_PHYSICIAN_NAME, VR::PN),
    (tags::STUDY_ID, VR::SH),
    (tags::ISSUER_OF_PATIENT_ID, VR::LO),
    (tags::STUDY_DESCRIPTION, VR::LO),
    (tags::PATIENT_AGE, VR::AS),
    (tags::PATIENT_SIZE, VR::DS),
    (tags::PATIENT_WEIGHT, VR::DS),
];
/// How many of them are of type 2.
const TYPE_2: usize = 9;

/// A coded concept: value, scheme, meaning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code(pub &'static str, pub &'static str, pub &'static str);

/// Puts text in UTF-8. (0008,0005) stands once, in the data set itself, and holds for its items.
pub(crate) fn put(set: &mut Dataset, tag: Tag, vr: VR, text: &str) {
    let mut bytes = match vr {
        VR::UT => text.replace('\n', "\r\n").into_bytes(),
        VR::LO | VR::SH => line(text).into_bytes(),
        VR::PN => groups(text).into_bytes(),
        _ => text.as_bytes().to_vec(),
    };
    if bytes.len() % 2 == 1 {
        bytes.push(if vr == VR::UI { 0 } else { b' ' });
    }
    set.put_bytes(tag, vr, bytes);
}

/// One value of one line, as long as an LO may be.
pub(crate) fn line(text: &str) -> String {
    let is_out = |c: char| c == '\\' || c.is_control();
    let line = text.replace(is_out, " ");
    line.trim().chars().take(LO_CHARS_MAX).collect()
}

/// A person name: three component groups at most, each as long as it may be (PS3.5 §6.2.1).
fn groups(text: &str) -> String {
    text.split('=').take(3).map(line).collect::<Vec<_>>().join("=")
}

/// A name in the group of its script (PS3.5 §6.2.1): what is not ASCII is ideographic.
pub(crate) fn person_name(name: &str) -> String {
    if name.is_ascii() { name.to_owned() } else { format!("={name}") }
}

/// An item with texts.
pub(crate) fn item(texts: &[(Tag, VR, &str)]) -> Dataset {
    let mut item = Dataset::new();
    texts.iter().for_each(|(tag, vr, text)| put(&mut item, *tag, *vr, text));
    item
}

/// A Code Sequence Macro (PS3.3 §8.8).
pub(super) fn coded(Code(value, scheme, meaning): Code) -> Dataset {
    item(&[
        (tags::CODE_VALUE, VR::SH, value),
        (tags::CODING_SCHEME_DESIGNATOR, VR::SH, scheme),
        (tags::CODE_MEANING, VR::LO, meaning),
    ])
}

pub(crate) fn date(at: OffsetDateTime) -> String {
    format!("{:04}{:02}{:02}", at.year(), u8::from(at.month()), at.day())
}

pub(crate) fn time(at: OffsetDateTime) -> String {
    format!("{:02}{:02}{:02}", at.hour(), at.minute(), at.second())
}

/// `+0800` (PS3.3 §C.12.1.1.8).
pub(crate) fn offset(at: OffsetDateTime) -> String {
    let minutes = at.offset().whole_minutes();
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

/// DT with its offset.
pub(super) fn date_time(at: OffsetDateTime) -> String {
    format!("{}{}{}", date(at), time(at), offset(at))
}

/// What a series of a consult's results is.
pub(super) struct Series {
    pub kind: &'static str,
    pub class: &'static str,
    pub modality: &'static str,
    pub number: &'static str,
    pub description: &'static str,
}

/// What goes on of patient and study, in UTF-8.
pub(crate) fn of_study(study: &Dataset) -> Dataset {
    let mut set = Dataset::new();
    set.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    for (n, (tag, vr)) in TAKEN_OVER.into_iter().enumerate() {
        match study.text(tag) {
            Some(text) => put(&mut set, tag, vr, &text),
            None if n < TYPE_2 => put(&mut set, tag, vr, ""),
            None => {}
        }
    }
    set
}

/// Patient, study, series, equipment and SOP common attributes of one form.
pub(super) fn begin(source: &Source<'_>, series: &Series) -> Dataset {
    let report = source.report;
    let at = source.signed_at();
    let mut set = of_study(source.study);
    // The patient is who the signed report says: what has been corrected since is not what was signed.
    let patient = &report.patient;
    if source.study.text(tags::PATIENT_ID).unwrap_or_default() != patient.id {
        put(&mut set, tags::PATIENT_NAME, VR::PN, &person_name(&patient.name));
        put(&mut set, tags::PATIENT_ID, VR::LO, &patient.id);
        put(&mut set, tags::PATIENT_BIRTH_DATE, VR::DA, &patient.birth_date);
        put(&mut set, tags::PATIENT_SEX, VR::CS, &patient.sex);
        set.remove(tags::ISSUER_OF_PATIENT_ID);
    }
    let consult = report.consult_id.as_str();
    let version = report.version.to_string();
    for (tag, vr, text) in [
        (tags::STUDY_INSTANCE_UID, VR::UI, report.exam.study_instance_uid.as_str()),
        (tags::SERIES_INSTANCE_UID, VR::UI, series_uid(consult, series.kind).as_str()),
        (tags::SOP_INSTANCE_UID, VR::UI, instance_uid(source.record, series.kind).as_str()),
        (tags::SOP_CLASS_UID, VR::UI, series.class),
        (tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, &offset(at)),
        (tags::INSTANCE_CREATION_DATE, VR::DA, &date(at)),
        (tags::INSTANCE_CREATION_TIME, VR::TM, &time(at)),
        (tags::CONTENT_DATE, VR::DA, &date(at)),
        (tags::CONTENT_TIME, VR::TM, &time(at)),
        (tags::MODALITY, VR::CS, series.modality),
        (tags::SERIES_NUMBER, VR::IS, series.number),
        (tags::SERIES_DESCRIPTION, VR::LO, series.description),
        (tags::INSTANCE_NUMBER, VR::IS, &version),
        (tags::MANUFACTURER, VR::LO, "Farsight"),
        (tags::INSTITUTION_NAME, VR::LO, &report.reading.name),
    ] {
        put(&mut set, tag, vr, text);
    }
    set
}

pub(super) fn series_uid(consult: &str, kind: &str) -> Uid {
    uid_of(&format!("series/{kind}"), consult)
}

/// The same instance whenever it is made.
pub(super) fn instance_uid(record: &str, kind: &str) -> Uid {
    uid_of(&format!("instance/{kind}"), record)
}

/// A reference of the SOP Instance Reference Macro (PS3.3 Table 10-11).
pub(super) fn reference(class: &str, instance: &str) -> Dataset {
    item(&[
        (tags::REFERENCED_SOP_CLASS_UID, VR::UI, class),
        (tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, instance),
    ])
}

/// Study, series, class and instance of something that is referred to.
pub(super) struct Referred<'a> {
    pub study: &'a str,
    pub series: &'a str,
    pub class: &'a str,
    pub instance: &'a str,
}

/// Hierarchical references (PS3.3 Table C.17-3), one item for each study.
pub(super) fn hierarchy<'a>(referred: impl Iterator<Item = Referred<'a>>) -> Vec<Dataset> {
    let mut studies: BTreeMap<&str, BTreeMap<&str, Vec<Dataset>>> = BTreeMap::new();
    for one in referred {
        let series = studies.entry(one.study).or_default().entry(one.series).or_default();
        series.push(reference(one.class, one.instance));
    }
    let series_item = |(uid, references): (&str, Vec<Dataset>)| {
        let mut series = item(&[(tags::SERIES_INSTANCE_UID, VR::UI, uid)]);
        series.put_items(tags::REFERENCED_SOP_SEQUENCE, references);
        series
    };
    let study_item = |(uid, series): (&str, BTreeMap<&str, Vec<Dataset>>)| {
        let mut study = item(&[(tags::STUDY_INSTANCE_UID, VR::UI, uid)]);
        study.put_items(tags::REFERENCED_SERIES_SEQUENCE, series.into_iter().map(series_item).collect());
        study
    };
    studies.into_iter().map(study_item).collect()
}

/// What was in evidence, as far as its SOP class is known here.
pub(super) fn evidence<'a>(source: &'a Source<'a>) -> impl Iterator<Item = Referred<'a>> {
    source.report.evidence.iter().filter_map(|one| {
        Some(Referred {
            study: one.study.as_str(),
            series: one.series.as_str(),
            class: source.classes.get(&one.instance)?.as_str(),
            instance: one.instance.as_str(),
        })
    })
}

/// The request that it answers (PS3.3 Table C.17-2).
pub(super) fn request(source: &Source<'_>) -> Dataset {
    let report = source.report;
    let mut request = item(&[
        (tags::STUDY_INSTANCE_UID, VR::UI, report.exam.study_instance_uid.as_str()),
        (tags::ACCESSION_NUMBER, VR::SH, &report.exam.accession_number),
        (tags::PLACER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST, VR::LO, &report.number),
        (tags::FILLER_ORDER_NUMBER_IMAGING_SERVICE_REQUEST, VR::LO, ""),
        (tags::REQUESTED_PROCEDURE_ID, VR::SH, ""),
        (tags::REQUESTED_PROCEDURE_DESCRIPTION, VR::LO, &report.exam.description),
    ]);
    request.put_items(tags::REFERENCED_STUDY_SEQUENCE, Vec::new());
    request.put_items(tags::REQUESTED_PROCEDURE_CODE_SEQUENCE, Vec::new());
    request
}

/// A DICOM file in Explicit VR Little Endian.
pub(crate) fn file(set: Dataset) -> Built {
    let uid = |tag| set.uid(tag).unwrap_or_else(|| uid_of("none", ""));
    let (class, instance) = (uid(tags::SOP_CLASS_UID), uid(tags::SOP_INSTANCE_UID));
    let syntax = TransferSyntax::explicit_little();
    let mut bytes = part10::head(&syntax, &class, &instance);
    bytes.extend(dataset::write::to_bytes(&set, &syntax));
    Built { bytes, instance: Some((class, instance)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_of_a_name_has_its_own_length() {
        let (latin, han) = ("A".repeat(60), "张".repeat(70));
        let mut set = Dataset::new();
        put(&mut set, tags::PATIENT_NAME, VR::PN, &format!("{latin}={han}=zhang=more"));
        let kept = format!("{latin}={}=zhang", "张".repeat(64));
        let bytes = set.get(tags::PATIENT_NAME).unwrap().bytes().unwrap().to_vec();
        assert_eq!(String::from_utf8(bytes).unwrap().trim_end(), kept);
    }
}
