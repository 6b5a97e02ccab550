//! What arrives later follows the corrections: where an instance's rows belong, and whom its study shows.

use super::Correction;
use super::moving::side;
use super::rows::{PLACE, hidden_owner};
use crate::StorageError;
use crate::db::at;
use crate::index::Work;
use crate::prepare::Prepared;
use model::{OrgId, Uid};

/// Where an instance's rows belong.
pub(crate) struct Home {
    /// The owner, or nobody when it is hidden.
    pub owner: OrgId,
    /// The study, perhaps not its own.
    pub study: Uid,
    /// The study that its series has been moved from.
    pub moved_from: Option<Uid>,
}

impl Work<'_> {
    /// Whether any correction may concern what is being indexed. A group has been asked for with everything else; without
    /// that, whether any is active at all.
    async fn has_corrections(&mut self) -> Result<bool, StorageError> {
        if let Some(known) = self.has_corrections {
            return Ok(known);
        }
        let row = sqlx::query("SELECT 1 FROM correction_target LIMIT 1")
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        self.has_corrections = Some(row.is_some());
        Ok(row.is_some())
    }

    /// Where a new instance's rows belong.
    pub(crate) async fn home(&mut self, owner: &OrgId, new: &Prepared) -> Result<Home, StorageError> {
        let mut home = Home { owner: owner.clone(), study: new.study.clone(), moved_from: None };
        if !self.has_corrections().await? {
            return Ok(home);
        }
        let targets = [("move-series", &new.series), ("move-study", &new.study)];
        for (what, value) in targets {
            let Some((body, snapshot)) = self.active(owner, what, value.as_str()).await?.pop() else {
                continue;
            };
            match serde_json::from_str(&body) {
                Ok(Correction::Move { study, to, .. }) if study == new.study => {
                    if self.study_row(owner, &to).await?.is_none() {
                        self.insert_study(owner, &to, &side(&snapshot, "to")?).await?;
                    }
                    home.study = to;
                    home.moved_from = Some(study);
                    break;
                }
                Ok(_) => {}
                Err(_) => return Err(StorageError::Corrupt("a correction")),
            }
        }
        let study = home.study.clone();
        let targets =
            [("hide-study", &study), ("hide-series", &new.series), ("hide-instance", &new.instance)];
        for (what, value) in targets {
            if !self.active(owner, what, value.as_str()).await?.is_empty() {
                home.owner = hidden_owner(owner)?;
                break;
            }
        }
        Ok(home)
    }

    /// Lets a study that has just got its row show what it is corrected to. Gives its order in lists when it may have
    /// changed.
    pub(crate) async fn follow(&mut self, home: &Home, study_id: i64) -> Result<bool, StorageError> {
        if !self.has_corrections().await? {
            return Ok(false);
        }
        let fresh = sqlx::query("SELECT 1 FROM study WHERE id = $1 AND instance_count = 0")
            .bind(study_id)
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        if fresh.is_some() {
            self.recompute(&home.owner, study_id).await?;
        }
        Ok(fresh.is_some())
    }

    /// Marks a series that came after its move.
    pub(crate) async fn mark_moved(&mut self, home: &Home, series_id: i64) -> Result<(), StorageError> {
        let Some(from) = &home.moved_from else { return Ok(()) };
        sqlx::query("UPDATE series SET moved_from = $1, moved_at_ms = $2 WHERE id = $3 AND moved_from = ''")
            .bind(from.as_str())
            .bind(self.now_ms)
            .bind(series_id)
            .execute(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        Ok(())
    }
}
