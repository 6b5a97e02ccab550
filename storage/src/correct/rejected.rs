//! What a correction has hidden, for the rejection note that is made of it.

use super::rows::{hidden_owner, json_of};
use super::{Correction, CorrectionRecord, CorrectionStep};
use crate::db::{Bindings, at};
use crate::read::InstanceRef;
use crate::{Change, Storage, StorageError};
use model::{Actor, OrgId, Scope, Uid};
use serde_json::{Map, Value as Json};
use sqlx::Row as _;

const PLACE: &str = "reading what is rejected";

/// An instance that is hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedInstance {
    /// Series Instance UID.
    pub series: Uid,
    /// Modality of the series.
    pub modality: String,
    /// SOP Instance UID.
    pub instance: Uid,
    /// SOP Class UID.
    pub sop_class: Uid,
    /// Whether it has pixels.
    pub has_pixels: bool,
    /// Kind and identifier of who sent it.
    pub sender: String,
}

/// What is hidden of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    /// Study Instance UID.
    pub study: Uid,
    /// Attributes of patient and study as they were acquired, as DICOM JSON.
    pub attributes: Map<String, Json>,
    /// By series and instance UID.
    pub instances: Vec<RejectedInstance>,
}

impl Storage {
    /// What a correction hides of its study now; rejection notes are not part of it.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when it hides nothing.
    pub async fn rejected(&self, record: &CorrectionRecord) -> Result<Rejected, StorageError> {
        let Correction::Hide { study, series, instances } = &record.correction else {
            return Err(StorageError::NotFound);
        };
        let hidden = hidden_owner(&record.owner)?;
        let mut values = Bindings::default();
        let (place, study_uid) = (values.text(hidden.as_str()), values.text(study.as_str()));
        let owner = values.text(record.owner.as_str());
        let text = format!(
            "SELECT e.series_uid, e.modality, i.sop_uid, i.sop_class, CASE WHEN i.pixels = '' THEN 0 ELSE 1 END, \
             s.attributes, s.original, i.sender FROM study s JOIN series e ON e.study_id = s.id \
             JOIN instance i ON i.series_id = e.id WHERE s.owner = {place} AND s.study_uid = {study_uid} \
             AND i.sop_uid NOT IN (SELECT c.note FROM correction c WHERE c.owner = {owner}) \
             ORDER BY e.series_uid, i.sop_uid"
        );
        let rows = values.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        let first = rows.first().ok_or(StorageError::NotFound)?;
        let text = |row: &sqlx::any::AnyRow, i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
        let original = text(first, 6)?;
        let attributes = json_of(&if original.is_empty() { text(first, 5)? } else { original })?;
        let is_whole = series.is_empty() && instances.is_empty();
        let mut chosen = Vec::new();
        for row in &rows {
            let damaged = || StorageError::Corrupt("a row of an instance");
            let uid = |i| Uid::parse(&text(row, i)?).map_err(|_| damaged());
            let has_pixels: i64 = row.try_get(4).map_err(at(PLACE))?;
            let one = RejectedInstance {
                series: uid(0)?,
                modality: text(row, 1)?,
                instance: uid(2)?,
                sop_class: uid(3)?,
                has_pixels: has_pixels != 0,
                sender: text(row, 7)?,
            };
            if is_whole || series.contains(&one.series) || instances.contains(&one.instance) {
                chosen.push(one);
            }
        }
        if chosen.is_empty() {
            return Err(StorageError::NotFound);
        }
        Ok(Rejected { study: study.clone(), attributes, instances: chosen })
    }

    /// Names the rejection note that is about to be stored for a correction.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when the correction is not active any more, [`StorageError::Conflict`] when it has
    /// another note.
    pub async fn name_note(
        &self,
        scope: &Scope,
        owner: &OrgId,
        id: &str,
        note: Uid,
    ) -> Result<(), StorageError> {
        let step = CorrectionStep::Note { id: id.to_owned(), owner: owner.clone(), note };
        self.apply(scope, Change { corrections: vec![step], ..Change::default() }).await
    }

    /// A rejection note of an organisation, also one that is hidden together with its whole study: to be sent to who
    /// has copies of what it rejects.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], also for whatever no active correction goes by.
    pub async fn rejection_note(
        &self,
        owner: &OrgId,
        study: &Uid,
        note: &Uid,
    ) -> Result<InstanceRef, StorageError> {
        let row = sqlx::query("SELECT 1 FROM correction WHERE owner = $1 AND note = $2 AND state = 'active'")
            .bind(owner.as_str())
            .bind(note.as_str())
            .fetch_optional(&self.inner.db.readers)
            .await
            .map_err(at(PLACE))?;
        row.ok_or(StorageError::NotFound)?;
        for place in [owner.clone(), hidden_owner(owner)?] {
            let scope = Scope::organisation(Actor::node("rejection"), place.clone()).owned_by(place);
            match self.instances(&scope, study, None, Some(note)).await {
                Ok(found) => return found.into_iter().next().ok_or(StorageError::NotFound),
                Err(StorageError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StorageError::NotFound)
    }
}
