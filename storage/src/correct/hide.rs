//! What must not be seen: instances whose rows stand in a study that is nobody's. Their objects stay, they still count
//! as stored when they are sent again, and they come back when the correction is taken back.

use super::rows::{PLACE, hidden_owner};
use crate::StorageError;
use crate::db::at;
use crate::index::Work;
use crate::rejection::KEY_OBJECT_SELECTION;
use model::{OrgId, Uid};
use sqlx::Row as _;
use std::collections::{BTreeMap, HashSet};

/// An instance's row: series row and UID, and its own id and UID.
struct Member {
    series_id: i64,
    series: String,
    id: i64,
    instance: String,
}

impl Work<'_> {
    async fn members(&mut self, study_id: i64) -> Result<Vec<Member>, StorageError> {
        let rows = sqlx::query(
            "SELECT e.id, e.series_uid, i.id, i.sop_uid FROM instance i JOIN series e ON e.id = i.series_id \
             WHERE i.study_id = $1 ORDER BY e.id, i.id",
        )
        .bind(study_id)
        .fetch_all(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        rows.iter()
            .map(|row| {
                let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
                let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
                Ok(Member { series_id: number(0)?, series: text(1)?, id: number(2)?, instance: text(3)? })
            })
            .collect()
    }

    /// Hides a study, series of it, or instances of it. All of them must be there.
    pub(super) async fn hide(
        &mut self,
        owner: &OrgId,
        study: &Uid,
        series: &[Uid],
        instances: &[Uid],
    ) -> Result<(), StorageError> {
        let from = self.known_study(owner, study).await?;
        let members = self.members(from.id).await?;
        let is_whole = series.is_empty() && instances.is_empty();
        let there: HashSet<&str> =
            members.iter().flat_map(|m| [m.series.as_str(), m.instance.as_str()]).collect();
        if !series.iter().chain(instances).all(|uid| there.contains(uid.as_str())) {
            return Err(StorageError::NotFound);
        }
        let wanted: HashSet<&str> = series.iter().chain(instances).map(Uid::as_str).collect();
        let has = |uid: &str| wanted.contains(uid);
        let chosen = members.into_iter().filter(|m| is_whole || has(&m.series) || has(&m.instance)).collect();
        let hidden = hidden_owner(owner)?;
        let to = self.twin(&hidden, study, from.id).await?;
        self.relocate_members(chosen, to).await?;
        self.count_study(to).await?;
        if !self.count_study(from.id).await? || !self.has_evidence(from.id).await? {
            self.require_unheld(owner, study).await?;
        }
        Ok(())
    }

    /// Whether a study has more than Key Object Selections, which only refer to something.
    async fn has_evidence(&mut self, study_id: i64) -> Result<bool, StorageError> {
        let row = sqlx::query("SELECT 1 FROM instance WHERE study_id = $1 AND sop_class <> $2 LIMIT 1")
            .bind(study_id)
            .bind(KEY_OBJECT_SELECTION)
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        Ok(row.is_some())
    }

    /// Brings back what no active correction hides any longer.
    pub(super) async fn unhide(&mut self, owner: &OrgId, study: &Uid) -> Result<(), StorageError> {
        let hidden = hidden_owner(owner)?;
        let Some(from) = self.study_row(&hidden, study).await? else { return Ok(()) };
        if !self.active(owner, "hide-study", study.as_str()).await?.is_empty() {
            return Ok(());
        }
        let mut back = Vec::new();
        let mut series_hidden = BTreeMap::new();
        for member in self.members(from.id).await? {
            if !series_hidden.contains_key(&member.series) {
                let is_hidden = !self.active(owner, "hide-series", &member.series).await?.is_empty();
                series_hidden.insert(member.series.clone(), is_hidden);
            }
            let is_hidden = series_hidden.get(&member.series).copied().unwrap_or_default()
                || !self.active(owner, "hide-instance", &member.instance).await?.is_empty();
            if !is_hidden {
                back.push(member);
            }
        }
        let to = self.twin(owner, study, from.id).await?;
        self.relocate_members(back, to).await?;
        self.count_study(from.id).await?;
        if self.count_study(to).await? {
            self.recompute(owner, to).await?;
        }
        Ok(())
    }

    /// The row of the same study under another owner, made when it is not there.
    pub(super) async fn twin(&mut self, owner: &OrgId, study: &Uid, of: i64) -> Result<i64, StorageError> {
        if let Some(row) = self.study_row(owner, study).await? {
            return Ok(row.id);
        }
        let row = sqlx::query(
            "INSERT INTO study (owner, study_uid, moment, study_time, patient_id, patient_birth_date, patient_sex, \
             accession_number, dicom_study_id, description, attributes, modalities, sop_classes, series_count, \
             instance_count, has_conflict, received_at_ms, original, corrected_tags, corrected_at_ms) \
             SELECT $1, study_uid, moment, study_time, patient_id, patient_birth_date, patient_sex, accession_number, \
             dicom_study_id, description, attributes, '', '', 0, 0, has_conflict, received_at_ms, original, \
             corrected_tags, corrected_at_ms FROM study WHERE id = $2 RETURNING id",
        )
        .bind(owner.as_str())
        .bind(of)
        .fetch_one(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        row.try_get(0).map_err(at(PLACE))
    }

    async fn relocate_members(&mut self, members: Vec<Member>, to: i64) -> Result<(), StorageError> {
        let mut by_series: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for member in members {
            by_series.entry(member.series_id).or_default().push(member.id);
        }
        self.relocate_rows(by_series, to).await
    }

    /// Moves rows of instances, by the row of their series, to a study's row.
    pub(super) async fn relocate_rows(
        &mut self,
        by_series: BTreeMap<i64, Vec<i64>>,
        to: i64,
    ) -> Result<(), StorageError> {
        for (series_id, ids) in by_series {
            let row = sqlx::query(
                "SELECT moved_from, moved_at_ms, (SELECT count(*) FROM instance i WHERE i.series_id = e.id) \
                 FROM series e WHERE id = $1",
            )
            .bind(series_id)
            .fetch_one(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
            let moved_from: String = row.try_get(0).map_err(at(PLACE))?;
            let moved_at_ms: i64 = row.try_get(1).map_err(at(PLACE))?;
            let count: i64 = row.try_get(2).map_err(at(PLACE))?;
            let only = (count != ids.len() as i64).then_some(ids.as_slice());
            self.relocate(series_id, to, only, (&moved_from, moved_at_ms)).await?;
        }
        Ok(())
    }
}
