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
const KIND: &str = "slide_identity";
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

/// The record that goes with a new slide's.
pub(crate) fn put(slide: &Slide, identity: &Identity) -> Result<Put, SlideError> {
    let apart = slide.associated.iter().find(|image| image.study != slide.study);
    let waiting = if identity.standing == Standing::Identified { Waiting::Settled } else { Waiting::Open };
    let record = SlideIdentity {
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
    };
    put_of(&record, &slide.owner, Expected::Absent)
}

fn put_of(record: &SlideIdentity, owner: &OrgId, expected: Expected) -> Result<Put, SlideError> {
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

fn parse(body: Json) -> Result<SlideIdentity, SlideError> {
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

    /// Says whose a slide is that waits for it. Fields that are not given stay as they are. The caller has the right to.
    ///
    /// # Errors
    /// [`SlideError::NotFound`] when it is not the owner's or came as DICOM; [`SlideError::Conflict`] when somebody else
    /// has said so meanwhile; [`SlideError::Storage`].
    pub async fn identify(
        &self,
        scope: &Scope,
        owner: &OrgId,
        id: &SlideId,
        said: &Particulars,
    ) -> Result<SlideIdentity, SlideError> {
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
        let attributes = attributes(said);
        let studies = [Some(&slide.study), apart.map(|image| &image.study)];
        let corrections = studies.into_iter().flatten().filter(|_| !attributes.is_empty());
        let corrections = corrections.map(|study| CorrectionStep::Make {
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

/// What is said, as DICOM JSON of patient and study attributes (PS3.18 §F.2).
fn attributes(said: &Particulars) -> Map<String, Json> {
    let mut all = Map::new();
    let mut put = |tag: &str, vr: &str, value: &Option<String>| {
        let Some(text) = value.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { return };
        let value = if vr == "PN" { person_name(text) } else { json!(text) };
        all.insert(tag.to_owned(), json!({"vr": vr, "Value": [value]}));
    };
    put("00100010", "PN", &said.patient_name);
    put("00100020", "LO", &said.patient_id);
    put("00100030", "DA", &said.patient_birth_date);
    put("00100040", "CS", &said.patient_sex);
    put("00080050", "SH", &said.accession_number);
    all
}

fn person_name(text: &str) -> Json {
    let groups = text.split('=').take(3).zip(["Alphabetic", "Ideographic", "Phonetic"]);
    groups
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, word)| (word.to_owned(), json!(group)))
        .collect()
}
