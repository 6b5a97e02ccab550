//! What is hidden, for those who may bring it back.

use super::rows::{hidden_owner, json_of};
use super::{PLACE, owned};
use crate::db::{Bindings, at};
use crate::{Storage, StorageError};
use model::{OrgId, Scope, Uid};
use serde_json::{Map, Value as Json};
use sqlx::Row as _;

/// Instances of one series that are hidden.
#[derive(Debug, Clone, PartialEq)]
pub struct HiddenSeries {
    /// Study Instance UID.
    pub study: String,
    /// Patient and study attributes as DICOM JSON.
    pub study_attributes: Map<String, Json>,
    /// Series Instance UID.
    pub series: String,
    /// Modality.
    pub modality: String,
    /// Series Number.
    pub number: i64,
    /// Series Description.
    pub description: String,
    /// How many instances of it are hidden.
    pub instance_count: i64,
}

/// Series listed at once.
const SERIES_MAX: i64 = 1000;

impl Storage {
    /// What is hidden of an owner's studies, or of one of them: the latest study first, at most 1000 series. Rejection
    /// notes that go with their correction, or went when it was taken back, are not listed: nobody is to bring them
    /// back. One that was rejected itself is.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] for another's studies.
    pub async fn hidden(
        &self,
        scope: &Scope,
        owner: &OrgId,
        study: Option<&Uid>,
    ) -> Result<Vec<HiddenSeries>, StorageError> {
        owned(scope, owner)?;
        // An owner whose identifier leaves no room for a hyphen has hidden nothing.
        let Ok(hidden) = hidden_owner(owner) else { return Ok(Vec::new()) };
        let mut values = Bindings::default();
        let mut condition = format!("s.owner = {}", values.text(hidden.as_str()));
        if let Some(study) = study {
            condition.push_str(&format!(" AND s.study_uid = {}", values.text(study.as_str())));
        }
        let owner = values.text(owner.as_str());
        let limit = values.number(SERIES_MAX);
        let counted = format!(
            "FROM instance i WHERE i.series_id = e.id AND i.sop_uid NOT IN (SELECT c.note FROM correction c \
             WHERE c.owner = {owner} AND c.state <> 'suspended')"
        );
        let text = format!(
            "SELECT s.study_uid, s.attributes, e.series_uid, e.modality, e.series_number, e.description, \
             (SELECT count(*) {counted}) AS hidden FROM study s \
             JOIN series e ON e.study_id = s.id WHERE {condition} AND EXISTS (SELECT 1 {counted}) \
             ORDER BY s.moment DESC, s.id DESC, e.series_number, e.id LIMIT {limit}"
        );
        let rows = values.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        rows.iter()
            .map(|row| {
                let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
                let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
                Ok(HiddenSeries {
                    study: text(0)?,
                    study_attributes: json_of(&text(1)?)?,
                    series: text(2)?,
                    modality: text(3)?,
                    number: number(4)?,
                    description: text(5)?,
                    instance_count: number(6)?,
                })
            })
            .collect()
    }
}
