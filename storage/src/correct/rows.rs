//! Rows of studies and series under correction: finding, making, moving and counting them.

use crate::StorageError;
use crate::attributes::{self, STUDY_TAGS, text, time_digits};
use crate::db::{at, clean, sql};
use crate::index::Work;
use model::{OrgId, Uid};
use serde_json::{Map, Value as Json};
use sqlx::Row as _;
use std::collections::BTreeSet;

pub(super) const PLACE: &str = "correcting";

/// Where what is hidden is kept: a study of the same UID of an owner that nobody is, since no organisation's identifier
/// begins with a hyphen.
pub(crate) fn hidden_owner(owner: &OrgId) -> Result<OrgId, StorageError> {
    OrgId::parse(&format!("-{owner}"))
        .map_err(|_| StorageError::Conflict("the organisation's identifier is too long to hide anything"))
}

/// A study's row under correction.
pub(super) struct StudyRow {
    pub id: i64,
    /// As acquired.
    pub original: Map<String, Json>,
}

pub(super) fn json_of(text: &str) -> Result<Map<String, Json>, StorageError> {
    serde_json::from_str(text).map_err(|_| StorageError::Corrupt("attributes in the index"))
}

pub(super) fn text_of(map: Map<String, Json>) -> String {
    serde_json::to_string(&attributes::sorted(map)).map(|t| clean(&t)).unwrap_or_else(|_| "{}".to_owned())
}

impl Work<'_> {
    /// A study's row; `None` when it is not there.
    pub(super) async fn study_row(
        &mut self,
        owner: &OrgId,
        study: &Uid,
    ) -> Result<Option<StudyRow>, StorageError> {
        let row =
            sqlx::query("SELECT id, attributes, original FROM study WHERE owner = $1 AND study_uid = $2")
                .bind(owner.as_str())
                .bind(study.as_str())
                .fetch_optional(&mut *self.connection)
                .await
                .map_err(at(PLACE))?;
        let Some(row) = row else { return Ok(None) };
        let shown: String = row.try_get(1).map_err(at(PLACE))?;
        let original: String = row.try_get(2).map_err(at(PLACE))?;
        Ok(Some(StudyRow {
            id: row.try_get(0).map_err(at(PLACE))?,
            original: json_of(if original.is_empty() { &shown } else { &original })?,
        }))
    }

    /// The same, for a study that must be there.
    pub(super) async fn known_study(&mut self, owner: &OrgId, study: &Uid) -> Result<StudyRow, StorageError> {
        self.study_row(owner, study).await?.ok_or(StorageError::NotFound)
    }

    /// Makes a study's row from attributes as they were acquired, without instances yet.
    pub(super) async fn insert_study(
        &mut self,
        owner: &OrgId,
        study: &Uid,
        original: &Map<String, Json>,
    ) -> Result<i64, StorageError> {
        let mut all = original.clone();
        all.retain(|tag, _| STUDY_TAGS.contains(&tag.as_str()));
        all.insert("0020000D".into(), attributes::attribute("UI", vec![study.as_str().into()]));
        let row = sqlx::query(
            "INSERT INTO study (owner, study_uid, moment, study_time, patient_id, patient_birth_date, patient_sex, \
             accession_number, dicom_study_id, description, attributes, modalities, sop_classes, series_count, \
             instance_count, has_conflict, received_at_ms) \
             VALUES ($1,$2,'','','','','','','','',$3,'','',0,0,0,$4) RETURNING id",
        )
        .bind(owner.as_str())
        .bind(study.as_str())
        .bind(text_of(all))
        .bind(self.now_ms)
        .fetch_one(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        let id = row.try_get(0).map_err(at(PLACE))?;
        self.recompute(owner, id).await?;
        Ok(id)
    }

    /// Writes what a study is shown and found by.
    pub(super) async fn write_attributes(
        &mut self,
        id: i64,
        all: &Map<String, Json>,
        original: &str,
        tags: &BTreeSet<String>,
    ) -> Result<(), StorageError> {
        let moment = attributes::moment(&text(all, "00080020"), &text(all, "00080030"));
        sqlx::query(
            "UPDATE study SET moment = $1, study_time = $2, patient_id = $3, patient_birth_date = $4, \
             patient_sex = $5, accession_number = $6, dicom_study_id = $7, description = $8, attributes = $9, \
             original = $10, corrected_tags = $11, corrected_at_ms = $12, identity_stale = 1 WHERE id = $13",
        )
        .bind(moment.as_str())
        .bind(time_digits(&text(all, "00080030")))
        .bind(text(all, "00100020"))
        .bind(attributes::digits(&text(all, "00100030")))
        .bind(text(all, "00100040"))
        .bind(text(all, "00080050"))
        .bind(text(all, "00200010"))
        .bind(text(all, "00081030"))
        .bind(text_of(all.clone()))
        .bind(original)
        .bind(tags.iter().map(String::as_str).collect::<Vec<_>>().join("\\"))
        .bind(if tags.is_empty() { 0 } else { self.now_ms })
        .bind(id)
        .execute(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        Ok(())
    }

    /// Moves a series' instances, or only some of them, to another study's row. `moved_from` and the time mark a move
    /// between studies that show different patients; they are empty otherwise.
    pub(super) async fn relocate(
        &mut self,
        series_id: i64,
        to: i64,
        only: Option<&[i64]>,
        moved: (&str, i64),
    ) -> Result<(), StorageError> {
        let target = sqlx::query(
            "SELECT t.id FROM series e JOIN series t ON t.study_id = $1 AND t.series_uid = e.series_uid WHERE e.id = $2",
        )
        .bind(to)
        .bind(series_id)
        .fetch_optional(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        let target: Option<i64> = target.map(|row| row.try_get(0)).transpose().map_err(at(PLACE))?;
        let target = match (target, only) {
            (Some(target), _) => target,
            (None, None) => {
                let text = "UPDATE series SET study_id = $1, moved_from = $2, moved_at_ms = $3 WHERE id = $4";
                sqlx::query(text)
                    .bind(to)
                    .bind(moved.0)
                    .bind(moved.1)
                    .bind(series_id)
                    .execute(&mut *self.connection)
                    .await
                    .map_err(at(PLACE))?;
                self.update_with("UPDATE instance SET study_id = $1 WHERE series_id = $2", to, series_id)
                    .await?;
                return Ok(());
            }
            (None, Some(_)) => self.copy_series(series_id, to, moved).await?,
        };
        for some in only.map_or(vec![None], |ids| ids.chunks(500).map(Some).collect()) {
            let mut text =
                "UPDATE instance SET study_id = $1, series_id = $2 WHERE series_id = $3".to_owned();
            if let Some(ids) = some {
                let list: Vec<String> = ids.iter().map(i64::to_string).collect();
                text.push_str(&format!(" AND id IN ({})", list.join(",")));
            }
            sqlx::query(sql(text))
                .bind(to)
                .bind(target)
                .bind(series_id)
                .execute(&mut *self.connection)
                .await
                .map_err(at(PLACE))?;
        }
        for id in [series_id, target] {
            self.count_series(id).await?;
        }
        Ok(())
    }

    async fn copy_series(
        &mut self,
        series_id: i64,
        to: i64,
        moved: (&str, i64),
    ) -> Result<i64, StorageError> {
        let row = sqlx::query(
            "INSERT INTO series (study_id, series_uid, modality, series_number, description, body_part, attributes, \
             instance_count, has_conflict, received_at_ms, moved_from, moved_at_ms) \
             SELECT $1, series_uid, modality, series_number, description, body_part, attributes, 0, has_conflict, \
             received_at_ms, $2, $3 FROM series WHERE id = $4 RETURNING id",
        )
        .bind(to)
        .bind(moved.0)
        .bind(moved.1)
        .bind(series_id)
        .fetch_one(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        row.try_get(0).map_err(at(PLACE))
    }

    async fn update_with(&mut self, text: &'static str, first: i64, second: i64) -> Result<(), StorageError> {
        sqlx::query(text)
            .bind(first)
            .bind(second)
            .execute(&mut *self.connection)
            .await
            .map(|_| ())
            .map_err(at(PLACE))
    }

    /// Counts a series' instances again; without any, the series goes.
    pub(super) async fn count_series(&mut self, id: i64) -> Result<(), StorageError> {
        for text in [
            "UPDATE series SET instance_count = (SELECT count(*) FROM instance i WHERE i.series_id = $1) WHERE id = $1",
            "DELETE FROM series WHERE id = $1 AND instance_count = 0",
        ] {
            sqlx::query(text).bind(id).execute(&mut *self.connection).await.map_err(at(PLACE))?;
        }
        Ok(())
    }

    /// Counts a study's series and instances again and lists its modalities and classes; without any, the study goes.
    /// Whether it is still there.
    pub(super) async fn count_study(&mut self, id: i64) -> Result<bool, StorageError> {
        let mut lists = Vec::new();
        for text in [
            "SELECT DISTINCT modality FROM series WHERE study_id = $1",
            "SELECT DISTINCT sop_class FROM instance WHERE study_id = $1",
        ] {
            let rows =
                sqlx::query(text).bind(id).fetch_all(&mut *self.connection).await.map_err(at(PLACE))?;
            let values: Result<BTreeSet<String>, _> =
                rows.iter().map(|row| row.try_get(0).map_err(at(PLACE))).collect();
            let values: Vec<String> = values?.into_iter().filter(|v| !v.is_empty()).collect();
            lists.push(values.join("\\"));
        }
        let classes = lists.pop().unwrap_or_default();
        if classes.is_empty() {
            crate::listing::unlist(self.connection, self.db, id).await?;
            sqlx::query("DELETE FROM study WHERE id = $1")
                .bind(id)
                .execute(&mut *self.connection)
                .await
                .map_err(at(PLACE))?;
            return Ok(false);
        }
        sqlx::query(
            "UPDATE study SET series_count = (SELECT count(*) FROM series e WHERE e.study_id = $1), \
             instance_count = (SELECT count(*) FROM instance i WHERE i.study_id = $1), modalities = $2, \
             sop_classes = $3 WHERE id = $1",
        )
        .bind(id)
        .bind(lists.pop().unwrap_or_default())
        .bind(classes)
        .execute(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        self.list_study(id).await?;
        Ok(true)
    }

    /// Rows of a study's series, and their UIDs and where they were moved from.
    pub(super) async fn series_of(
        &mut self,
        study_id: i64,
    ) -> Result<Vec<(i64, String, String)>, StorageError> {
        let rows =
            sqlx::query("SELECT id, series_uid, moved_from FROM series WHERE study_id = $1 ORDER BY id")
                .bind(study_id)
                .fetch_all(&mut *self.connection)
                .await
                .map_err(at(PLACE))?;
        rows.iter()
            .map(|row| {
                let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
                Ok((row.try_get(0).map_err(at(PLACE))?, text(1)?, text(2)?))
            })
            .collect()
    }

    /// Refuses when a consult has the study as evidence, or shows it to somebody.
    pub(super) async fn require_unheld(&mut self, owner: &OrgId, study: &Uid) -> Result<(), StorageError> {
        let row = sqlx::query(
            "SELECT 1 FROM record_key WHERE name = 'holds' AND value = $3 UNION ALL \
             SELECT 1 FROM study_grant_reason r JOIN study s ON s.id = r.study_id \
             WHERE s.owner = $1 AND s.study_uid = $2",
        )
        .bind(owner.as_str())
        .bind(study.as_str())
        .bind(format!("{owner}/{study}"))
        .fetch_optional(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        match row {
            Some(_) => Err(StorageError::Conflict("a consult has this study as evidence")),
            None => Ok(()),
        }
    }
}
