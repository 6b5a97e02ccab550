//! Rejection notes of our own (IHE RAD TF-1 §33): of a correction that hides, and whose reason has a title, a Key Object
//! Selection Document (PS3.3 §A.35.4, PS3.16 TID 2010) is stored beside what is left of the study, for others to find.

use dataset::{Dataset, Refused, TransferSyntax, VR, tags};
use model::time_text::from_unix_ms;
use model::{Actor, OrgId, Scope, Uid};
use sha2::Digest as _;
use std::collections::{BTreeMap, BTreeSet};
use storage::correct::{Rejected, RejectedInstance};
use storage::{Arrival, Correction, CorrectionRecord, Storage, StorageError, Via};

/// Who sends them, as the index names senders.
pub(crate) const SENDER: &str = "node:rejection";

const KEY_OBJECT_SELECTION: &str = "1.2.840.10008.5.1.4.1.1.88.59";

/// Attributes of patient and study that a note takes over, and their value representations; all of these are of type 2
/// but the last two.
const TAKEN_OVER: [(dataset::Tag, VR); 12] = [
    (tags::STUDY_DATE, VR::DA),
    (tags::STUDY_TIME, VR::TM),
    (tags::ACCESSION_NUMBER, VR::SH),
    (tags::REFERRING_PHYSICIAN_NAME, VR::PN),
    (tags::PATIENT_NAME, VR::PN),
    (tags::PATIENT_ID, VR::LO),
    (tags::PATIENT_BIRTH_DATE, VR::DA),
    (tags::PATIENT_SEX, VR::CS),
    (tags::STUDY_ID, VR::SH),
    (tags::STUDY_INSTANCE_UID, VR::UI),
    (tags::STUDY_DESCRIPTION, VR::LO),
    (tags::ISSUER_OF_PATIENT_ID, VR::LO),
];
const TYPE_2: usize = 9;

/// A note that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub study: Uid,
    pub series: Uid,
    pub instance: Uid,
    /// Study Description.
    pub description: String,
    /// Senders and modalities of what it rejects.
    pub rejected: BTreeSet<(String, String)>,
}

/// Makes and stores the note of a correction; a second time, it is the same note. When a note from elsewhere has made
/// the correction, gives that one if it is hidden. `None` when there is nothing to be told: the correction is undone, its
/// reason has no title, or everybody sees the note.
///
/// # Errors
/// [`StorageError`].
pub(crate) async fn make(storage: &Storage, owner: &OrgId, id: &str) -> Result<Option<Note>, StorageError> {
    let scope = Scope::organisation(Actor::node("rejection"), owner.clone());
    let record = match storage.correction(&scope, owner, id).await {
        Ok(record) => record,
        Err(StorageError::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let (instance, series) = (uid_of(id, "instance"), uid_of(id, "series"));
    let Correction::Hide { study, .. } = &record.correction else { return Ok(None) };
    if record.state != "active" || record.reason.code.dcm().is_none() {
        return Ok(None);
    }
    match &record.note {
        Some(note) if *note != instance => return received(storage, &record, study, note).await,
        _ => {}
    }
    let gone = |error| match error {
        StorageError::NotFound | StorageError::Conflict(_) => Ok(None),
        error => Err(error),
    };
    let rejected = match storage.rejected(&record).await {
        Ok(rejected) => rejected,
        Err(error) => return gone(error),
    };
    if let Err(error) = storage.name_note(&scope, owner, id, instance.clone()).await {
        return gone(error);
    }
    let note = document(&record, &rejected, (&series, &instance))?;
    let arrival = Arrival { owner: owner.clone(), via: Via::Derived, declared: None };
    let syntax = TransferSyntax::explicit_little();
    let mut sink = storage.sink(&scope, arrival, syntax.clone()).await?;
    sink.write(&dataset::write::to_bytes(&note, &syntax)).await?;
    sink.commit().await?;
    Ok(Some(Note {
        series,
        instance,
        description: note.text(tags::STUDY_DESCRIPTION).unwrap_or_default(),
        rejected: origins(&rejected),
        study: rejected.study,
    }))
}

/// Senders and modalities of what is rejected.
fn origins(rejected: &Rejected) -> BTreeSet<(String, String)> {
    rejected.instances.iter().map(|one| (one.sender.clone(), one.modality.clone())).collect()
}

/// A note that came from elsewhere, when it is hidden because nothing else is left of its study. One that is shown is
/// forwarded like any instance.
async fn received(
    storage: &Storage,
    record: &CorrectionRecord,
    study: &Uid,
    note: &Uid,
) -> Result<Option<Note>, StorageError> {
    let found = match storage.rejection_note(&record.owner, study, note).await {
        Ok(found) if *found.owner() != record.owner => found,
        Ok(_) | Err(StorageError::NotFound) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut rejected = BTreeSet::from([(record.made_by.clone(), "KO".to_owned())]);
    let mut description = String::new();
    match storage.rejected(record).await {
        Ok(hidden) => {
            rejected.extend(origins(&hidden));
            let acquired = dataset::json::from_json(&hidden.attributes)?;
            description = acquired.text(tags::STUDY_DESCRIPTION).unwrap_or_default();
        }
        Err(StorageError::NotFound) => {}
        Err(error) => return Err(error),
    }
    let (series, instance) = (found.series().clone(), note.clone());
    Ok(Some(Note { study: study.clone(), series, instance, description, rejected }))
}

/// A UID that follows from a correction's identifier (PS3.5 §B.2).
fn uid_of(id: &str, what: &str) -> Uid {
    let hash = sha2::Sha256::digest(format!("rejection note/{what}/{id}"));
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(byte, of_hash)| *byte = of_hash);
    Uid::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

fn item(texts: &[(dataset::Tag, VR, &str)]) -> Dataset {
    let mut item = Dataset::new();
    texts.iter().for_each(|(tag, vr, text)| item.put_text(*tag, *vr, text));
    item
}

/// A reference in a Referenced SOP Sequence (PS3.3 Table 10-11).
fn reference(one: &RejectedInstance) -> Dataset {
    item(&[
        (tags::REFERENCED_SOP_CLASS_UID, VR::UI, one.sop_class.as_str()),
        (tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, one.instance.as_str()),
    ])
}

/// Current Requested Procedure Evidence Sequence (PS3.3 Table C.17-3).
fn evidence(rejected: &Rejected) -> Dataset {
    let mut by_series: BTreeMap<&Uid, Vec<Dataset>> = BTreeMap::new();
    for one in &rejected.instances {
        by_series.entry(&one.series).or_default().push(reference(one));
    }
    let series = by_series.into_iter().map(|(uid, references)| {
        let mut series = item(&[(tags::SERIES_INSTANCE_UID, VR::UI, uid.as_str())]);
        series.put_items(tags::REFERENCED_SOP_SEQUENCE, references);
        series
    });
    let mut study = item(&[(tags::STUDY_INSTANCE_UID, VR::UI, rejected.study.as_str())]);
    study.put_items(tags::REFERENCED_SERIES_SEQUENCE, series.collect());
    study
}

/// A content item of TID 2010.
fn content(one: &RejectedInstance) -> Dataset {
    let is_waveform = one.sop_class.as_str().starts_with("1.2.840.10008.5.1.4.1.1.9.");
    let value_type = match (one.has_pixels, is_waveform) {
        (true, _) => "IMAGE",
        (false, true) => "WAVEFORM",
        (false, false) => "COMPOSITE",
    };
    let mut content =
        item(&[(tags::RELATIONSHIP_TYPE, VR::CS, "CONTAINS"), (tags::VALUE_TYPE, VR::CS, value_type)]);
    content.put_items(tags::REFERENCED_SOP_SEQUENCE, vec![reference(one)]);
    content
}

fn document(
    record: &CorrectionRecord,
    rejected: &Rejected,
    (series, instance): (&Uid, &Uid),
) -> Result<Dataset, Refused> {
    let (code, meaning) = record.reason.code.dcm().unwrap_or_default();
    let acquired = dataset::json::from_json(&rejected.attributes)?;
    let mut note = Dataset::new();
    note.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    for (at, (tag, vr)) in TAKEN_OVER.into_iter().enumerate() {
        match acquired.text(tag) {
            Some(text) => note.put_text(tag, vr, &text),
            None if at < TYPE_2 => note.put_text(tag, vr, ""),
            None => {}
        }
    }
    let at = from_unix_ms(record.made_at_ms);
    let date = format!("{:04}{:02}{:02}", at.year(), u8::from(at.month()), at.day());
    let time = format!("{:02}{:02}{:02}", at.hour(), at.minute(), at.second());
    for (tag, vr, text) in [
        (tags::STUDY_INSTANCE_UID, VR::UI, rejected.study.as_str()),
        (tags::SERIES_INSTANCE_UID, VR::UI, series.as_str()),
        (tags::SOP_INSTANCE_UID, VR::UI, instance.as_str()),
        (tags::SOP_CLASS_UID, VR::UI, KEY_OBJECT_SELECTION),
        (tags::TIMEZONE_OFFSET_FROM_UTC, VR::SH, "+0000"),
        (tags::INSTANCE_CREATION_DATE, VR::DA, &date),
        (tags::INSTANCE_CREATION_TIME, VR::TM, &time),
        (tags::CONTENT_DATE, VR::DA, &date),
        (tags::CONTENT_TIME, VR::TM, &time),
        (tags::MODALITY, VR::CS, "KO"),
        (tags::SERIES_DESCRIPTION, VR::LO, meaning),
        (tags::SERIES_NUMBER, VR::IS, "9999"),
        (tags::INSTANCE_NUMBER, VR::IS, "1"),
        (tags::MANUFACTURER, VR::LO, "Farsight"),
        (tags::VALUE_TYPE, VR::CS, "CONTAINER"),
        (tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE"),
    ] {
        note.put_text(tag, vr, text);
    }
    note.put_items(tags::REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, Vec::new());
    let title = [
        (tags::CODE_VALUE, VR::SH, code),
        (tags::CODING_SCHEME_DESIGNATOR, VR::SH, "DCM"),
        (tags::CODE_MEANING, VR::LO, meaning),
    ];
    note.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![item(&title)]);
    let template = [(tags::MAPPING_RESOURCE, VR::CS, "DCMR"), (tags::TEMPLATE_IDENTIFIER, VR::CS, "2010")];
    note.put_items(tags::CONTENT_TEMPLATE_SEQUENCE, vec![item(&template)]);
    note.put_items(tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, vec![evidence(rejected)]);
    note.put_items(tags::CONTENT_SEQUENCE, rejected.instances.iter().map(content).collect());
    Ok(note)
}
