//! Deleting for good: rows and bytes, in pieces small enough that what arrives meanwhile is answered. What remains is
//! the correction, which says who and why, and an event for each instance on the audit chain, with its hash.

use super::rows::{PLACE, hidden_owner};
use super::{Correction, CorrectionRecord, CorrectionStep, Reason};
use crate::audit::AuditAction;
use crate::db::{at, sql};
use crate::index::Work;
use crate::{Storage, StorageError};
use model::{ConsultId, OrgId, Scope, Sha256, Uid};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use std::collections::BTreeSet;

/// What is to be deleted: a study, one series, or one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Study Instance UID.
    pub study: Uid,
    /// Series Instance UID.
    #[serde(default)]
    pub series: Option<Uid>,
    /// SOP Instance UID.
    #[serde(default)]
    pub instance: Option<Uid>,
}

/// Segment and offset of a row's object: 0 for a file of its own.
const PLACED: &str = "segment, segment_offset";
/// Instances deleted in one transaction.
const PIECE: i64 = 50;

impl Target {
    /// A condition on instances `i`, their series `e` and studies `s`, with `$1` and `$2` the owner and the owner of
    /// what is hidden.
    fn condition(&self) -> (String, Vec<&str>) {
        let mut text = "s.owner IN ($1, $2) AND s.study_uid = $3".to_owned();
        let mut values = vec![self.study.as_str()];
        for (column, value) in [("e.series_uid", &self.series), ("i.sop_uid", &self.instance)] {
            if let Some(value) = value {
                values.push(value.as_str());
                text.push_str(&format!(" AND {column} = ${}", values.len() + 2));
            }
        }
        (text, values)
    }
}

impl Storage {
    /// Deletes, visible or hidden: returns when rows and bytes are gone. The same instance may be stored again.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when nothing of it is there or the scope's; [`StorageError::Conflict`] when a consult
    /// has the study as evidence. What fails half-way goes on at the next start.
    pub async fn delete(
        &self,
        scope: &Scope,
        owner: &OrgId,
        target: Target,
        reason: Reason,
    ) -> Result<CorrectionRecord, StorageError> {
        let id = ConsultId::new().to_string();
        let correction = Correction::Delete(target);
        let step = CorrectionStep::Make { id: id.clone(), owner: owner.clone(), correction, reason };
        self.take_step(scope, step).await?;
        self.go_on_deleting(scope, owner, &id).await?;
        self.correction(scope, owner, &id).await
    }

    /// Goes on with the deletions that a crash or an error has left unfinished.
    ///
    /// # Errors
    /// [`StorageError`] of the first that does not end.
    pub async fn finish_deletions(&self) -> Result<(), StorageError> {
        let scope = Scope::node("deletion");
        let rows =
            sqlx::query("SELECT id, owner FROM correction WHERE kind = 'delete' AND state = 'running'")
                .fetch_all(&self.inner.db.readers)
                .await
                .map_err(at(PLACE))?;
        for row in &rows {
            let id: String = row.try_get(0).map_err(at(PLACE))?;
            let owner: String = row.try_get(1).map_err(at(PLACE))?;
            let owner = OrgId::parse(&owner).map_err(|_| StorageError::Corrupt("an owner"))?;
            self.go_on_deleting(&scope, &owner, &id).await?;
        }
        Ok(())
    }

    async fn go_on_deleting(&self, scope: &Scope, owner: &OrgId, id: &str) -> Result<(), StorageError> {
        while self.correction(scope, owner, id).await?.state == "running" {
            let step = CorrectionStep::DeleteSome { id: id.to_owned() };
            self.take_step(scope, step).await?;
            self.finish_erasures().await?;
        }
        Ok(())
    }
}

/// A row whose object goes.
struct Doomed {
    id: i64,
    study_id: i64,
    series_id: i64,
    instance: String,
    sha256: Sha256,
    segment: i64,
    segment_offset: i64,
}

impl Work<'_> {
    /// Refuses what may not be deleted; nothing is deleted yet.
    pub(super) async fn begin_delete(&mut self, owner: &OrgId, target: &Target) -> Result<(), StorageError> {
        if self.doomed(owner, target, 1).await?.is_empty() {
            return Err(StorageError::NotFound);
        }
        self.require_unheld(owner, &target.study).await
    }

    /// Deletes the next rows, and writes down that their bytes are to go.
    pub(super) async fn delete_some(&mut self, scope: &Scope, id: &str) -> Result<(), StorageError> {
        let (seq, record) = self.correction_row(id).await?;
        let Correction::Delete(target) = &record.correction else { return Err(StorageError::NotFound) };
        let owner = &record.owner;
        if record.state != "running" {
            return Ok(());
        }
        // A question may have been asked about the rest meanwhile.
        self.require_unheld(owner, &target.study).await?;
        let doomed = self.doomed(owner, target, PIECE).await?;
        let mut count = doomed.len();
        for row in &doomed {
            self.erase_later(owner, &row.sha256, row.segment, row.segment_offset).await?;
            self.delete_row("DELETE FROM instance WHERE id = $1", row.id).await?;
            let detail = format!("{} {}", record.reason.code.word(), row.sha256);
            self.note(scope, owner, AuditAction::Delete, format!("instance/{}", row.instance), detail);
        }
        for series in doomed.iter().map(|d| d.series_id).collect::<BTreeSet<_>>() {
            self.count_series(series).await?;
        }
        for study in doomed.iter().map(|d| d.study_id).collect::<BTreeSet<_>>() {
            self.count_study(study).await?;
        }
        if count == 0 {
            count = self.delete_apart(scope, &record, target).await?;
        }
        if count == 0 {
            self.delete_row("UPDATE correction SET state = 'done' WHERE seq = $1", seq).await?;
        }
        Ok(())
    }

    async fn delete_row(&mut self, text: &'static str, id: i64) -> Result<(), StorageError> {
        sqlx::query(text).bind(id).execute(&mut *self.connection).await.map(|_| ()).map_err(at(PLACE))
    }

    async fn doomed(
        &mut self,
        owner: &OrgId,
        target: &Target,
        limit: i64,
    ) -> Result<Vec<Doomed>, StorageError> {
        let (condition, values) = target.condition();
        let text = format!(
            "SELECT i.id, i.study_id, i.series_id, i.sop_uid, i.sha256, {PLACED} FROM study s \
             JOIN series e ON e.study_id = s.id JOIN instance i ON i.series_id = e.id WHERE {condition} LIMIT {limit}"
        );
        // An owner whose identifier leaves no room for a hyphen has hidden nothing.
        let hidden = hidden_owner(owner).unwrap_or_else(|_| owner.clone());
        let mut query = sqlx::query(sql(text)).bind(owner.as_str()).bind(hidden.to_string());
        for value in values {
            query = query.bind(value.to_owned());
        }
        let rows = query.fetch_all(&mut *self.connection).await.map_err(at(PLACE))?;
        rows.iter()
            .map(|row| {
                let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
                let sha256: Vec<u8> = row.try_get(4).map_err(at(PLACE))?;
                Ok(Doomed {
                    id: number(0)?,
                    study_id: number(1)?,
                    series_id: number(2)?,
                    instance: row.try_get(3).map_err(at(PLACE))?,
                    sha256: Sha256::from_slice(&sha256).map_err(|_| StorageError::Corrupt("a hash"))?,
                    segment: number(5)?,
                    segment_offset: number(6)?,
                })
            })
            .collect()
    }

    /// Deletes the next instances that were kept apart.
    async fn delete_apart(
        &mut self,
        scope: &Scope,
        record: &CorrectionRecord,
        target: &Target,
    ) -> Result<usize, StorageError> {
        let mut text = format!(
            "SELECT id, sop_uid, sha256, {PLACED} FROM instance_apart WHERE owner = $1 AND study_uid = $2"
        );
        let mut values = vec![target.study.to_string()];
        for (column, value) in [("series_uid", &target.series), ("sop_uid", &target.instance)] {
            if let Some(value) = value {
                values.push(value.to_string());
                text.push_str(&format!(" AND {column} = ${}", values.len() + 1));
            }
        }
        text.push_str(&format!(" LIMIT {PIECE}"));
        let mut query = sqlx::query(sql(text)).bind(record.owner.to_string());
        for value in values {
            query = query.bind(value);
        }
        let rows = query.fetch_all(&mut *self.connection).await.map_err(at(PLACE))?;
        for row in &rows {
            let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
            let instance: String = row.try_get(1).map_err(at(PLACE))?;
            let sha256: Vec<u8> = row.try_get(2).map_err(at(PLACE))?;
            let sha256 = Sha256::from_slice(&sha256).map_err(|_| StorageError::Corrupt("a hash"))?;
            self.erase_later(&record.owner, &sha256, number(3)?, number(4)?).await?;
            self.delete_row("DELETE FROM instance_apart WHERE id = $1", number(0)?).await?;
            let detail = format!("{} {sha256}", record.reason.code.word());
            self.note(scope, &record.owner, AuditAction::Delete, format!("instance/{instance}"), detail);
        }
        Ok(rows.len())
    }
}
