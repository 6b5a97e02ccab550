//! Putting right what is wrong about studies: whose they are, where series belong, what must not be seen, what must go.
//!
//! A correction is a row of its own with who, when and why. The stored bytes never change: the study's row in the index
//! is computed anew from what was acquired and the corrections that are active, instances are handed out with the
//! corrected identity ([`crate::Handout`]), and what arrives later follows. Everything but a deletion can be undone.

mod delete;
mod hidden;
mod hide;
mod identity;
mod inside;
pub(crate) mod late;
mod listed;
pub(crate) mod make;
mod moving;
mod note;
mod rejected;
mod rows;

pub use delete::Target;
pub use hidden::HiddenSeries;
pub use rejected::{Rejected, RejectedInstance};

use crate::db::{Bindings, at};
use crate::{Change, Storage, StorageError};
use model::{OrgId, Scope, Uid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// A patient as studies name one: Patient ID (0010,0020) and its issuer (0010,0021), empty without one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatientKey {
    /// (0010,0020)
    pub id: String,
    /// (0010,0021)
    #[serde(default)]
    pub issuer: String,
}

impl PatientKey {
    /// As targets name it: a backslash stands in neither (PS3.5 §6.2, LO).
    pub(crate) fn text(&self) -> String {
        format!("{}\\{}", self.id, self.issuer)
    }
}

/// What is to be put right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Correction {
    /// A study has another patient, or other attributes of its own.
    Identity {
        /// Which study.
        study: Uid,
        /// DICOM JSON of patient and study attributes; null takes one out.
        attributes: Map<String, Json>,
    },
    /// One patient is really another: all studies of the first, and those to come, are the second's.
    Merge {
        /// Who vanishes.
        from: PatientKey,
        /// Who stays; a study of theirs must be here.
        into: PatientKey,
    },
    /// Two patient identifiers are of one person: each names the other in Other Patient IDs Sequence (0010,1002).
    Link {
        /// One.
        one: PatientKey,
        /// The other.
        other: PatientKey,
    },
    /// Series belong to another study.
    Move {
        /// Where they are.
        study: Uid,
        /// Which; none: all.
        #[serde(default)]
        series: Vec<Uid>,
        /// Where they belong; made when it is not there.
        to: Uid,
        /// Of a study that is made: what differs from the first one.
        #[serde(default)]
        attributes: Map<String, Json>,
    },
    /// Not to be seen: a study, series or instances (IHE RAD TF-1 §33 IOCM).
    Hide {
        /// Which study.
        study: Uid,
        /// Only these series of it.
        #[serde(default)]
        series: Vec<Uid>,
        /// Only these instances of it.
        #[serde(default)]
        instances: Vec<Uid>,
    },
    /// Gone for good. Made by [`Storage::delete`] only.
    Delete(Target),
}

impl Correction {
    fn word(&self) -> &'static str {
        match self {
            Self::Identity { .. } => "identity",
            Self::Merge { .. } => "merge",
            Self::Link { .. } => "link",
            Self::Move { .. } => "move",
            Self::Hide { .. } => "hide",
            Self::Delete(_) => "delete",
        }
    }
}

/// Why, as a code: those of IOCM (PS3.16 CID 7011), and two more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// (113001, DCM, "Rejected for Quality Reasons")
    Quality,
    /// (113037, DCM, "Rejected for Patient Safety Reasons")
    PatientSafety,
    /// (113038, DCM, "Incorrect Modality Worklist Entry")
    IncorrectWorklistEntry,
    /// (113039, DCM, "Data Retention Policy Expired")
    RetentionExpired,
    /// The identity of patient or study is wrong.
    WrongIdentity,
    /// Something else, which the text says.
    Other,
}

impl ReasonCode {
    /// The reason that a Key Object Selection's title gives.
    #[must_use]
    pub fn of_dcm(code: &str) -> Option<Self> {
        Some(match code {
            "113001" => Self::Quality,
            "113037" => Self::PatientSafety,
            "113038" => Self::IncorrectWorklistEntry,
            "113039" => Self::RetentionExpired,
            _ => return None,
        })
    }

    /// The code of the Key Object Selection's title, and its meaning; `None` when there is no such title.
    #[must_use]
    pub fn dcm(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::Quality => ("113001", "Rejected for Quality Reasons"),
            Self::PatientSafety => ("113037", "Rejected for Patient Safety Reasons"),
            Self::IncorrectWorklistEntry => ("113038", "Incorrect Modality Worklist Entry"),
            Self::RetentionExpired => ("113039", "Data Retention Policy Expired"),
            Self::WrongIdentity | Self::Other => return None,
        })
    }

    /// The word that it is written as.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Quality => "quality",
            Self::PatientSafety => "patient_safety",
            Self::IncorrectWorklistEntry => "incorrect_worklist_entry",
            Self::RetentionExpired => "retention_expired",
            Self::WrongIdentity => "wrong_identity",
            Self::Other => "other",
        }
    }

    /// The reverse of [`ReasonCode::word`].
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        serde_json::from_value(word.into()).ok()
    }
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// As a code, which the audit chain records.
    pub code: ReasonCode,
    /// In words, which only the correction records. Never empty, at most 1000 characters.
    pub text: String,
}

/// How a correction was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// Kind and identifier of who did it.
    pub by: String,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Why.
    pub reason: String,
}

/// A correction as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct CorrectionRecord {
    /// Identifier.
    pub id: String,
    /// Whose studies.
    pub owner: OrgId,
    /// What.
    pub correction: Correction,
    /// `active` or `undone`; of deletions `running` or `done`; `suspended` while its rejection note is rejected itself.
    pub state: String,
    /// SOP Instance UID of the rejection note (Key Object Selection) that has made it, or that was made of it.
    pub note: Option<Uid>,
    /// Objects whose pixels or document, as far as is known, show the patient that it takes from the attributes: those
    /// it cannot change. Counted when it was made.
    pub identity_inside: u64,
    /// Why.
    pub reason: Reason,
    /// Kind and identifier of who made it.
    pub made_by: String,
    /// Unix milliseconds.
    pub made_at_ms: i64,
    /// When it has been taken back.
    pub undone: Option<Undone>,
}

impl CorrectionRecord {
    /// What whoever makes the correction has to know, in both languages.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let count = self.identity_inside;
        (count > 0).then(|| {
            format!(
                "{count} objects carry identity inside their pixels or document that this cannot change: look at them. \
                 {count} 个对象的像素或文档中含有患者身份信息，本次更正无法更改，请逐一查看。"
            )
        })
    }
}

/// A step that the committing writer takes as part of a [`Change`].
#[derive(Debug, Clone)]
pub enum CorrectionStep {
    /// Make a correction.
    Make {
        /// Its identifier.
        id: String,
        /// Whose studies.
        owner: OrgId,
        /// What.
        correction: Correction,
        /// Why.
        reason: Reason,
    },
    /// Take one back.
    Undo {
        /// Which.
        id: String,
        /// Whose.
        owner: OrgId,
        /// Why.
        reason: Reason,
    },
    /// Name the rejection note that is made of one, before it is stored.
    Note {
        /// Of which.
        id: String,
        /// Whose.
        owner: OrgId,
        /// SOP Instance UID.
        note: Uid,
    },
    /// The next piece of a deletion.
    DeleteSome {
        /// Which deletion.
        id: String,
    },
    /// Forget erasures that have been done.
    Erased {
        /// Their rows.
        ids: Vec<i64>,
    },
}

/// An instance that was kept apart: its SOP Instance UID was taken by other content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    /// Series Instance UID.
    pub series: String,
    /// SOP Instance UID.
    pub instance: String,
    /// SHA-256 of its data set.
    pub sha256: String,
    /// Bytes of its data set.
    pub length: i64,
    /// Why it is kept apart.
    pub reason: String,
    /// Kind and identifier of who sent it.
    pub sender: String,
    /// Unix milliseconds.
    pub received_at_ms: i64,
}

const PLACE: &str = "reading corrections";
const COLUMNS: &str = "id, owner, body, state, reason_code, reason, actor, made_at_ms, undone_by, undo_reason, \
     undone_at_ms, seq, attributes, note, identity_inside";
/// Rows listed at once.
const LIST_ROWS_MAX: u32 = 1000;

fn record_of(row: &AnyRow) -> Result<CorrectionRecord, StorageError> {
    let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
    let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
    let undone_at_ms = number(10)?;
    let damaged = StorageError::Corrupt("a correction");
    Ok(CorrectionRecord {
        id: text(0)?,
        owner: OrgId::parse(&text(1)?).map_err(|_| damaged.clone())?,
        correction: serde_json::from_str(&text(2)?).map_err(|_| damaged)?,
        state: text(3)?,
        note: Some(text(13)?).filter(|note| !note.is_empty()).and_then(|note| Uid::parse(&note).ok()),
        identity_inside: crate::db::to_u64(number(14)?)?,
        reason: Reason { code: ReasonCode::of_word(&text(4)?).unwrap_or(ReasonCode::Other), text: text(5)? },
        made_by: text(6)?,
        made_at_ms: number(7)?,
        undone: if undone_at_ms == 0 {
            None
        } else {
            Some(Undone { by: text(8)?, at_ms: undone_at_ms, reason: text(9)? })
        },
    })
}

/// Corrections are made by the owner or the node; for everybody else there is nothing.
fn owned(scope: &Scope, owner: &OrgId) -> Result<(), StorageError> {
    match scope.viewer() {
        Some(viewer) if viewer != owner => Err(StorageError::NotFound),
        _ => Ok(()),
    }
}

impl Storage {
    /// Makes a correction: all of it or nothing.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when what it is about is not there or not the scope's;
    /// [`StorageError::Conflict`] when another correction or a consult stands in the way.
    pub async fn correct(
        &self,
        scope: &Scope,
        owner: &OrgId,
        correction: Correction,
        reason: Reason,
    ) -> Result<CorrectionRecord, StorageError> {
        let id = model::ConsultId::new().to_string();
        let step = CorrectionStep::Make { id: id.clone(), owner: owner.clone(), correction, reason };
        self.take_step(scope, step).await?;
        self.correction(scope, owner, &id).await
    }

    /// Takes a correction back; a deletion cannot be.
    ///
    /// # Errors
    /// As [`Storage::correct`].
    pub async fn undo_correction(
        &self,
        scope: &Scope,
        owner: &OrgId,
        id: &str,
        reason: Reason,
    ) -> Result<CorrectionRecord, StorageError> {
        let step = CorrectionStep::Undo { id: id.to_owned(), owner: owner.clone(), reason };
        self.take_step(scope, step).await?;
        self.correction(scope, owner, id).await
    }

    async fn take_step(&self, scope: &Scope, step: CorrectionStep) -> Result<(), StorageError> {
        self.apply(scope, Change { corrections: vec![step], ..Change::default() }).await
    }

    /// One correction.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn correction(
        &self,
        scope: &Scope,
        owner: &OrgId,
        id: &str,
    ) -> Result<CorrectionRecord, StorageError> {
        owned(scope, owner)?;
        let text = format!("SELECT {COLUMNS} FROM correction WHERE owner = $1 AND id = $2");
        let row = sqlx::query(crate::db::sql(text))
            .bind(owner.as_str())
            .bind(id)
            .fetch_optional(&self.inner.db.readers)
            .await
            .map_err(at(PLACE))?;
        record_of(&row.ok_or(StorageError::NotFound)?)
    }

    /// An owner's corrections, newest first; only those that name a study, if one is given.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn corrections(
        &self,
        scope: &Scope,
        owner: &OrgId,
        study: Option<&Uid>,
        (limit, offset): (u32, u32),
    ) -> Result<Vec<CorrectionRecord>, StorageError> {
        owned(scope, owner)?;
        let mut values = Bindings::default();
        let owner = values.text(owner.as_str());
        let mut condition = format!("owner = {owner}");
        if let Some(study) = study {
            // A UID has nothing that LIKE takes for more than itself.
            let study = values.text(format!("%\"{study}\"%"));
            condition.push_str(&format!(" AND body LIKE {study}"));
        }
        let limit = values.number(i64::from(limit.min(LIST_ROWS_MAX)));
        let offset = values.number(i64::from(offset));
        let text = format!(
            "SELECT {COLUMNS} FROM correction WHERE {condition} ORDER BY seq DESC LIMIT {limit} OFFSET {offset}"
        );
        let rows = values.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        rows.iter().map(record_of).collect()
    }

    /// The instances of an own study that were kept apart, oldest first, at most 1000.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] for another's study.
    pub async fn apart(&self, scope: &Scope, owner: &OrgId, study: &Uid) -> Result<Vec<Apart>, StorageError> {
        owned(scope, owner)?;
        let rows = sqlx::query(
            "SELECT series_uid, sop_uid, sha256, dataset_length, reason, sender, received_at_ms \
             FROM instance_apart WHERE owner = $1 AND study_uid = $2 ORDER BY id LIMIT 1000",
        )
        .bind(owner.as_str())
        .bind(study.as_str())
        .fetch_all(&self.inner.db.readers)
        .await
        .map_err(at(PLACE))?;
        rows.iter()
            .map(|row| {
                let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
                Ok(Apart {
                    series: text(0)?,
                    instance: text(1)?,
                    sha256: hex::encode(row.try_get::<Vec<u8>, _>(2).map_err(at(PLACE))?),
                    length: row.try_get(3).map_err(at(PLACE))?,
                    reason: text(4)?,
                    sender: text(5)?,
                    received_at_ms: row.try_get(6).map_err(at(PLACE))?,
                })
            })
            .collect()
    }
}
