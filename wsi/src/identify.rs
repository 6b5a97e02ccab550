//! Slides of which it is not known whose they are, or doubtful, wait here for a person. What the person says becomes a
//! correction of the slide's studies: the instances stay as they were written.

use crate::identity::{Doubt, Identity, Particulars, Standing};
use crate::slides::narrowed;
use crate::{Slide, SlideError, Slides};
use model::{OrgId, Scope, SlideId, Uid, time_text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Correction, CorrectionStep, Expected, Order, Put, Reason,
    ReasonCode, RecordQuery, StorageError,
};
use time::OffsetDateTime;

/// Kind of the records that say whose a slide is, as far as it was known at import.
pub(crate) const KIND: &str = "slide_identity";
/// Slides in one list.
const LIST_MAX: u32 = 500;

/// Whether a slide waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// Somebody has to say whose it is.
    Open,
    /// It was known, or somebody has said so.
    Settled,
}

/// Who a slide is of: what was known at import, and what has been said since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlideIdentity {
    /// The slide.
    pub slide: SlideId,
    /// Its study, as it was made.
    pub study: Uid,
    /// The study of its label, when it has one of its own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub label_study: Option<Uid>,
    /// The name of its file.
    pub source: String,
    /// When it was imported, Unix milliseconds.
    pub imported_at_ms: i64,
    /// Whether it waits.
    pub waiting: Waiting,
    /// What went into the instances.
    pub particulars: Particulars,
    /// Whether that was known.
    pub standing: Standing,
    /// Where those who said something disagreed.
    pub doubts: Vec<Doubt>,
    /// What the barcodes on the label say.
    pub barcodes: Vec<String>,
    /// Kind and identifier of who has settled it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub settled_by: Option<String>,
    /// When, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub settled_at_ms: Option<i64>,
}

/// What there is of a slide whose identity nobody wrote down: it is what its record says.
pub(crate) fn on_record(slide: &Slide) -> SlideIdentity {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let particulars = Particulars {
        patient_name: text(&slide.patient_name),
        patient_id: text(&slide.patient_id),
        accession_number: text(&slide.accession_number),
        ..Particulars::default()
    };
    let standing = if particulars.names_somebody() { Standing::Identified } else { Standing::Unknown };
    record_of(slide, &Identity { particulars, standing, doubts: Vec::new(), barcodes: Vec::new() })
}

/// The record that goes with a new slide's.
pub(crate) fn put(slide: &Slide, identity: &Identity) -> Result<Put, SlideError> {
    put_of(&record_of(slide, identity), &slide.owner, Expected::Absent)
}

fn record_of(slide: &Slide, identity: &Identity) -> SlideIdentity {
    let apart = slide.associated.iter().find(|image| image.study != slide.study);
    let waiting = if identity.standing == Standing::Identified { Waiting::Settled } else { Waiting::Open };
    SlideIdentity {
        slide: slide.id.clone(),
        study: slide.study.clone(),
        label_study: apart.map(|image| image.study.clone()),
        source: slide.source.clone(),
        imported_at_ms: slide.imported_at_ms,
        waiting,
        particulars: identity.particulars.clone(),
        standing: identity.standing,
        doubts: identity.doubts.clone(),
        barcodes: identity.barcodes.clone(),
        settled_by: None,
        settled_at_ms: None,
    }
}

pub(crate) fn put_of(record: &SlideIdentity, owner: &OrgId, expected: Expected) -> Result<Put, SlideError> {
    let body = serde_json::to_value(record)
        .map_err(|_| SlideError::Storage(StorageError::Corrupt("a slide's identity")))?;
    let open = (record.waiting == Waiting::Open).then(|| ("open", owner.to_string()));
    Ok(Put {
        kind: KIND,
        id: record.slide.to_string(),
        expected,
        body,
        keys: open.into_iter().collect(),
        unique: Vec::new(),
        sort: record.imported_at_ms,
        visible_to: vec![owner.clone()],
    })
}

pub(crate) fn parse(body: Json) -> Result<SlideIdentity, SlideError> {
    serde_json::from_value(body).map_err(|_| SlideError::Storage(StorageError::Corrupt("a slide's identity")))
}

impl Slides {
    /// Slides of an organisation that wait for somebody to say whose they are, the last imported first.
    ///
    /// # Errors
    /// [`SlideError::Storage`].
    pub async fn unidentified(&self, scope: &Scope, owner: &OrgId) -> Result<Vec<SlideIdentity>, SlideError> {
        let mut query = RecordQuery::new(KIND).with("open", owner.as_str());
        query.order = Order::Descending;
        query.limit = LIST_MAX;
        self.storage.records(scope, &query).await?.into_iter().map(|record| parse(record.body)).collect()
    }

    /// What was known of whose a slide is when it was imported; `None` for one that came as DICOM.
    ///
    /// # Errors
    /// [`SlideError::Storage`].
    pub async fn identity(&self, scope: &Scope, id: &SlideId) -> Result<Option<SlideIdentity>, SlideError> {
        match self.storage.record(scope, KIND, id.as_str()).await {
            Ok(record) => parse(record.body).map(Some),
            Err(StorageError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Says whose a slide is that waits for it. The patient is settled as a whole: a name or an ID that is not given is none,
    /// and of another patient than before nothing stays. The caller has the right to.
    ///
    /// # Errors
    /// [`SlideError::NotFound`] when it is not the owner's or came as DICOM; [`SlideError::Conflict`] when somebody else
    /// has said so meanwhile, or nobody is named; [`SlideError::Storage`].
    pub async fn identify(
        &self,
        scope: &Scope,
        owner: &OrgId,
        id: &SlideId,
        said: &Particulars,
    ) -> Result<SlideIdentity, SlideError> {
        if !said.names_somebody() {
            return Err(SlideError::Conflict("a patient's name or ID is needed"));
        }
        let own = narrowed(scope, owner).ok_or(SlideError::NotFound)?;
        let record = self.storage.record(&own, KIND, id.as_str()).await?;
        let mut identity = parse(record.body)?;
        if identity.waiting == Waiting::Settled {
            return Err(SlideError::Conflict("somebody has said already whose this slide is"));
        }
        let slide = self.slide(&own, id).await?;
        let apart = slide.associated.iter().find(|image| image.study != slide.study);
        let now = time_text::unix_ms(OffsetDateTime::now_utc());
        identity.waiting = Waiting::Settled;
        identity.settled_by = Some(crate::actor_text(&scope.actor));
        identity.settled_at_ms = Some(now);
        let attributes = attributes(said, &identity);
        let studies = [Some(&slide.study), apart.map(|image| &image.study)];
        let corrections = studies.into_iter().flatten().map(|study| CorrectionStep::Make {
            id: uuid::Uuid::new_v4().to_string(),
            owner: owner.clone(),
            correction: Correction::Identity { study: study.clone(), attributes: attributes.clone() },
            reason: Reason {
                code: ReasonCode::WrongIdentity,
                text: "切片导入后确认身份 / identified after import".to_owned(),
            },
        });
        let change = Change {
            corrections: corrections.collect(),
            puts: vec![put_of(&identity, owner, Expected::Version(record.version))?],
            audit: vec![AuditEntry {
                action: AuditAction::Correct,
                object: format!("slide/{id}/identity"),
                outcome: AuditOutcome::Success,
                detail: format!("study/{}", slide.study),
            }],
            ..Change::default()
        };
        self.storage.apply(scope, change).await?;
        self.forget(id);
        Ok(identity)
    }
}

/// What is said, as DICOM JSON of patient and study attributes (PS3.18 §F.2); without a value where nothing of it may stay.
fn attributes(said: &Particulars, before: &SlideIdentity) -> Map<String, Json> {
    let was = &before.particulars;
    let differs = |one: &Option<String>, other: &Option<String>| {
        one.as_deref().unwrap_or_default().trim() != other.as_deref().unwrap_or_default().trim()
    };
    let is_other =
        differs(&said.patient_name, &was.patient_name) || differs(&said.patient_id, &was.patient_id);
    // The number of an unknown patient's case was said of this slide; that of another patient was not.
    let is_others_case = is_other && before.standing != Standing::Unknown;
    let mut all = Map::new();
    let mut put = |tag: &str, vr: &str, value: &Option<String>, may_stay: bool| {
        let text = value.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let attribute = match text {
            Some(text) if vr == "PN" => json!({"vr": vr, "Value": [person_name(text)]}),
            Some(text) => json!({"vr": vr, "Value": [text]}),
            None if may_stay => return,
            None => json!({"vr": vr}),
        };
        all.insert(tag.to_owned(), attribute);
    };
    put("00100010", "PN", &said.patient_name, false);
    put("00100020", "LO", &said.patient_id, false);
    put("00100030", "DA", &said.patient_birth_date, !is_other);
    put("00100040", "CS", &said.patient_sex, !is_other);
    put("00080050", "SH", &said.accession_number, !is_others_case);
    all
}

fn person_name(text: &str) -> Json {
    let groups = text.split('=').take(3).zip(["Alphabetic", "Ideographic", "Phonetic"]);
    groups
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, word)| (word.to_owned(), json!(group)))
        .collect()
}
