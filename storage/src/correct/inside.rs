//! What a correction cannot reach: identity in pixels and documents.

use super::Correction;
use super::rows::PLACE;
use crate::StorageError;
use crate::db::{Bindings, at};
use crate::index::Work;
use model::OrgId;
use sqlx::Row as _;

/// Whether an attribute names the patient, or the request: group 0010, or Accession Number.
fn is_identity(tag: &str) -> bool {
    tag.starts_with("0010") || tag == "00080050"
}

impl Work<'_> {
    /// How many objects will be shown as another patient's by a correction, although their pixels or documents may show
    /// who it was. Asked before anything is changed.
    pub(super) async fn identity_inside(
        &mut self,
        owner: &OrgId,
        correction: &Correction,
    ) -> Result<i64, StorageError> {
        let mut values = Bindings::default();
        let condition = match correction {
            Correction::Identity { study, attributes } if attributes.keys().any(|tag| is_identity(tag)) => {
                let (owner, study) = (values.text(owner.as_str()), values.text(study.as_str()));
                format!("s.owner = {owner} AND s.study_uid = {study}")
            }
            Correction::Merge { from, .. } => {
                let studies = self.studies_of(owner, from).await?;
                let ids: Vec<String> = studies.iter().map(|(id, _)| id.to_string()).collect();
                if ids.is_empty() {
                    return Ok(0);
                }
                format!("s.id IN ({})", ids.join(","))
            }
            Correction::Move { study, series, .. } => {
                let (owner, study) = (values.text(owner.as_str()), values.text(study.as_str()));
                let series: Vec<String> = series.iter().map(ToString::to_string).collect();
                let chosen = if series.is_empty() {
                    String::new()
                } else {
                    format!(" AND e.series_uid IN ({})", values.list(&series))
                };
                format!("s.owner = {owner} AND s.study_uid = {study}{chosen}")
            }
            _ => return Ok(0),
        };
        let text = format!(
            "SELECT count(*) FROM study s JOIN series e ON e.study_id = s.id JOIN instance i ON i.series_id = e.id \
             WHERE i.carries_identity = 1 AND {condition}"
        );
        let row = values.query(text).fetch_one(&mut *self.connection).await.map_err(at(PLACE))?;
        row.try_get(0).map_err(at(PLACE))
    }

    pub(super) async fn set_identity_inside(&mut self, seq: i64, count: i64) -> Result<(), StorageError> {
        sqlx::query("UPDATE correction SET identity_inside = $1 WHERE seq = $2")
            .bind(count)
            .bind(seq)
            .execute(&mut *self.connection)
            .await
            .map(|_| ())
            .map_err(at(PLACE))
    }
}
