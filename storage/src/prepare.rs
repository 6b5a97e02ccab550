//! From a scanned data set to what the index will hold: a pure step, done before the transaction.

use crate::attributes::{self, SERIES_TAGS, STUDY_TAGS, integer, moment, names, pick, text, time_digits};
use crate::correct::PatientKey;
use crate::db::clean;
use crate::metadata::Chunk;
use crate::rejection::Rejection;
use dataset::dictionary::is_without_patient;
use dataset::json::{bulk_path_text, bulk_places, to_json, to_json_text};
use dataset::{Dataset, FrameIndex, Refused, Scanned, Tag, TransferSyntax, tags};
use model::Uid;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Entries of the frame index in one row.
pub(crate) const FRAME_CHUNK_ENTRIES: usize = 4096;
/// Bytes of one span in a row: offset as 64-bit, length as 32-bit, little endian.
pub(crate) const SPAN_BYTES: usize = FrameIndex::SPAN_BYTES;
/// Bytes of one entry of `starts` in a row.
pub(crate) const START_BYTES: usize = 4;
/// Number of a series or instance that has none: sorts last.
pub(crate) const NO_NUMBER: i64 = i32::MAX as i64;

/// Bytes of the places of bulk values that are kept; an instance with more is looked through when one is asked for.
const BULK_BYTES_MAX: usize = 64 << 10;

/// A row of the frame index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FrameChunk {
    /// 0: spans; 1: starts.
    pub part: i64,
    pub chunk_no: i64,
    pub entries: Vec<u8>,
}

/// Everything that the index will hold of one instance.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub study: Uid,
    pub series: Uid,
    pub instance: Uid,
    pub sop_class: Uid,

    /// As corrections name the patient.
    pub patient: String,
    pub modality: String,
    pub instance_number: i64,
    pub pixels: String,
    pub frame_count: i64,
    pub is_fragmented: i64,
    pub frame_chunks: Vec<FrameChunk>,
    pub metadata: Chunk,
    /// [`BulkPlaces`] as JSON; '': not kept.
    pub bulk: String,
    /// Whether its pixels or its document name the patient, as far as its attributes tell.
    pub carries_identity: i64,
    /// Whether it is an image of a slide that shows the slide's label.
    pub shows_label: i64,
    /// What a rejection note rejects.
    pub rejection: Option<Rejection>,

    /// What describes study and series: looked at only when one of them is new.
    described: Dataset,
}

/// What the index will hold of a study.
pub(crate) struct StudyFacts {
    pub moment: String,
    pub study_time: String,
    pub patient_id: String,
    pub patient_birth_date: String,
    pub patient_sex: String,
    pub accession_number: String,
    pub dicom_study_id: String,
    pub description: String,
    pub attributes: String,
    pub patient_names: Vec<String>,
    pub referring_names: Vec<String>,
}

/// What the index will hold of a series.
pub(crate) struct SeriesFacts {
    pub modality: String,
    pub number: i64,
    pub description: String,
    pub body_part: String,
    pub attributes: String,
}

impl Prepared {
    /// What a study is that begins with this instance.
    pub fn study_facts(&self) -> StudyFacts {
        let all = to_json(&self.described, &|_| None);
        StudyFacts {
            moment: moment(&text(&all, "00080020"), &text(&all, "00080030")),
            study_time: time_digits(&text(&all, "00080030")),
            patient_id: text(&all, "00100020"),
            patient_birth_date: attributes::digits(&text(&all, "00100030")),
            patient_sex: text(&all, "00100040"),
            accession_number: text(&all, "00080050"),
            dicom_study_id: text(&all, "00200010"),
            description: text(&all, "00081030"),
            attributes: part(&all, STUDY_TAGS),
            patient_names: names(&all, "00100010"),
            referring_names: names(&all, "00080090"),
        }
    }

    /// What a series is that begins with this instance.
    pub fn series_facts(&self) -> SeriesFacts {
        let all = to_json(&self.described, &|_| None);
        SeriesFacts {
            modality: self.modality.clone(),
            number: integer(&all, "00200011").unwrap_or(NO_NUMBER),
            description: text(&all, "0008103E"),
            body_part: text(&all, "00180015"),
            attributes: part(&all, SERIES_TAGS),
        }
    }
}

/// The attributes with these tags as the index keeps them.
fn part(all: &Map<String, Json>, tags: &[&str]) -> String {
    let picked = attributes::sorted(pick(all, tags));
    serde_json::to_string(&picked).map(|t| clean(&t)).unwrap_or_else(|_| "{}".to_owned())
}

/// Tags that describe study and series, ascending.
static DESCRIBING: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let tags = STUDY_TAGS.iter().chain(SERIES_TAGS).filter_map(|tag| u32::from_str_radix(tag, 16).ok());
    let mut tags: Vec<u32> = tags.collect();
    tags.sort_unstable();
    tags
});

fn is_describing(tag: Tag) -> bool {
    DESCRIBING.binary_search(&(u32::from(tag.group()) << 16 | u32::from(tag.element()))).is_ok()
}

/// Offset in the data set and length of each bulk value, by its path.
pub(crate) type BulkPlaces = BTreeMap<String, (u64, u64)>;

/// Works out what the index will hold.
///
/// # Errors
/// [`Refused::MissingAttribute`] without the four UIDs, [`Refused::WithoutPatient`].
pub(crate) fn prepare(mut scanned: Scanned, syntax: &TransferSyntax) -> Result<Prepared, Refused> {
    let uid = |tag, name| scanned.dataset.uid(tag).ok_or(Refused::MissingAttribute(name));
    if scanned.dataset.uid(tags::SOP_CLASS_UID).is_some_and(|uid| is_without_patient(uid.as_str())) {
        return Err(Refused::WithoutPatient);
    }
    let study = uid(tags::STUDY_INSTANCE_UID, "Study Instance UID")?;
    let series = uid(tags::SERIES_INSTANCE_UID, "Series Instance UID")?;
    let instance = uid(tags::SOP_INSTANCE_UID, "SOP Instance UID")?;
    let sop_class = uid(tags::SOP_CLASS_UID, "SOP Class UID")?;

    let carries_identity = i64::from(carries_identity(&sop_class, &scanned.dataset));
    let image_type = scanned.dataset.texts(tags::IMAGE_TYPE);
    let flavor = image_type.get(2).map(String::as_str).unwrap_or_default();
    let label_in_image = scanned.dataset.text(tags::SPECIMEN_LABEL_IN_IMAGE).unwrap_or_default();
    let shows_label = i64::from(crate::labels::shows_label(sop_class.as_str(), flavor, &label_in_image));
    let rejection = Rejection::of(&sop_class, &scanned.dataset);
    let bulk = format!("/dicom-web/studies/{study}/series/{series}/instances/{instance}/bulkdata/");
    let json = to_json_text(&scanned.dataset, &|path| Some(format!("{bulk}{}", bulk_path_text(path))));
    let is_deflated = syntax.as_str() == TransferSyntax::DEFLATED;
    // What is deflated has no places in the object.
    let bulk = if is_deflated { String::new() } else { bulk_text(&scanned.dataset) };
    let patient = patient(&scanned.dataset).text();
    let mut of_instance = Dataset::new();
    for tag in [tags::MODALITY, tags::INSTANCE_NUMBER] {
        if let Some(element) = scanned.dataset.get(tag) {
            of_instance.put(element.clone());
        }
    }
    let of_instance = to_json(&of_instance, &|_| None);
    // A slide has hundreds of thousands of items that do not describe it.
    let present: Vec<Tag> = scanned.dataset.elements().iter().map(|element| element.tag).collect();
    for tag in present.into_iter().filter(|tag| !is_describing(*tag)) {
        scanned.dataset.remove(tag);
    }
    let frame_count = match (&scanned.pixels, is_deflated) {
        (None, _) => 0,
        (Some(pixels), true) => i64::from(pixels.frames),
        (Some(_), false) => i64::try_from(scanned.frames.frame_count()).unwrap_or(i64::MAX),
    };
    let pixels = match &scanned.pixels {
        Some(pixels) => serde_json::to_string(pixels).map(|t| clean(&t)).unwrap_or_default(),
        None => String::new(),
    };
    Ok(Prepared {
        patient,
        modality: text(&of_instance, "00080060"),
        instance_number: integer(&of_instance, "00200013").unwrap_or(NO_NUMBER),
        pixels,
        frame_count,
        is_fragmented: i64::from(!scanned.frames.starts.is_empty()),
        frame_chunks: frame_chunks(&scanned.frames),
        metadata: Chunk::new(json.as_bytes()),
        bulk,
        carries_identity,
        shows_label,
        rejection,
        described: scanned.dataset,
        study,
        series,
        instance,
        sop_class,
    })
}

/// The patient that a data set names: the first values that there are, as in [`crate::correct`].
fn patient(dataset: &Dataset) -> PatientKey {
    let first = |tag| {
        let values = dataset.texts(tag).into_iter();
        values.map(|value| value.trim().replace('\0', "")).find(|value| !value.is_empty()).unwrap_or_default()
    };
    PatientKey { id: first(tags::PATIENT_ID), issuer: first(tags::ISSUER_OF_PATIENT_ID) }
}

fn bulk_text(dataset: &Dataset) -> String {
    let places: BulkPlaces =
        bulk_places(dataset).into_iter().map(|(path, offset, length)| (path, (offset, length))).collect();
    serde_json::to_string(&places).ok().filter(|text| text.len() <= BULK_BYTES_MAX).unwrap_or_default()
}

/// Encapsulated PDF and CDA Storage; the Secondary Capture classes, which are pictures of screens and paper.
const DOCUMENTS: [&str; 2] = ["1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.104.2"];
const SECONDARY_CAPTURE: &str = "1.2.840.10008.5.1.4.1.1.7";

/// Whether an object shows who the patient is by something that no attribute is: by Burned In Annotation (0028,0301)
/// and its SOP class.
fn carries_identity(sop_class: &Uid, dataset: &Dataset) -> bool {
    let class = sop_class.as_str();
    let is_capture =
        class.strip_prefix(SECONDARY_CAPTURE).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    match dataset.text(tags::BURNED_IN_ANNOTATION).as_deref().map(str::trim) {
        Some("YES") => true,
        Some("NO") => DOCUMENTS.contains(&class),
        _ => is_capture || DOCUMENTS.contains(&class),
    }
}

/// The frame index as rows. A row of starts has one entry more than frames, which the next row begins with.
fn frame_chunks(frames: &FrameIndex) -> Vec<FrameChunk> {
    let mut chunks = Vec::new();
    for (no, spans) in frames.spans.chunks(FRAME_CHUNK_ENTRIES).enumerate() {
        let mut entries = Vec::with_capacity(spans.len() * SPAN_BYTES);
        for span in spans {
            entries.extend_from_slice(&span.to_bytes());
        }
        chunks.push(FrameChunk { part: 0, chunk_no: number(no), entries });
    }
    let frame_count = frames.starts.len().saturating_sub(1);
    for no in 0..frame_count.div_ceil(FRAME_CHUNK_ENTRIES) {
        let from = no * FRAME_CHUNK_ENTRIES;
        let starts = frames.starts.iter().skip(from).take(FRAME_CHUNK_ENTRIES + 1);
        let entries = starts.flat_map(|start| start.to_le_bytes()).collect();
        chunks.push(FrameChunk { part: 1, chunk_no: number(no), entries });
    }
    chunks
}

fn number(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataset::Span;

    #[test]
    fn long_frame_indexes_are_cut_into_rows() {
        let spans: Vec<Span> = (0..10_000).map(|i| Span { offset: i * 10, length: 10 }).collect();
        let one_each = FrameIndex { spans: spans.clone(), starts: Vec::new() };
        assert_eq!(frame_chunks(&one_each).len(), 3);
        let two_each = FrameIndex { spans, starts: (0..=5_000).map(|i| i * 2).collect() };
        let chunks = frame_chunks(&two_each);
        let starts: Vec<usize> =
            chunks.iter().filter(|c| c.part == 1).map(|c| c.entries.len() / START_BYTES).collect();
        assert_eq!(starts, [4097, 905]);
    }
}
