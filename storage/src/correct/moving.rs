//! Series that belong to another study.

use crate::StorageError;
use crate::index::Work;
use model::{OrgId, Uid};
use serde_json::{Map, Value as Json, json};

/// The attributes of both studies as they were acquired, kept so that either can be made again.
fn snapshot(from: &Map<String, Json>, to: &Map<String, Json>) -> String {
    json!({"from": from, "to": to}).to_string()
}

/// One side of a [`snapshot`].
pub(super) fn side(snapshot: &str, name: &str) -> Result<Map<String, Json>, StorageError> {
    let mut both: Json = serde_json::from_str(snapshot).map_err(|_| StorageError::Corrupt("a correction"))?;
    match both.get_mut(name).map(Json::take) {
        Some(Json::Object(one)) => Ok(one),
        _ => Err(StorageError::Corrupt("a correction")),
    }
}

impl Work<'_> {
    /// Moves series, and gives what the correction has to remember. Neither study may be before a consult: whoever has
    /// been shown one study has not been shown the other.
    pub(super) async fn move_series(
        &mut self,
        owner: &OrgId,
        study: &Uid,
        series: &[Uid],
        to: &Uid,
        given: &Map<String, Json>,
    ) -> Result<String, StorageError> {
        if study == to {
            return Err(StorageError::Conflict("the series are in that study already"));
        }
        let from = self.known_study(owner, study).await?;
        self.require_unheld(owner, study).await?;
        self.require_unheld(owner, to).await?;
        let mut chosen = self.series_of(from.id).await?;
        if !series.is_empty() {
            chosen.retain(|(_, uid, _)| series.iter().any(|s| s.as_str() == uid));
            if chosen.len() != series.len() {
                return Err(StorageError::NotFound);
            }
        }
        if chosen.iter().any(|(_, _, moved_from)| !moved_from.is_empty()) {
            return Err(StorageError::Conflict("a series has been moved before: undo that first"));
        }
        let (to_id, to_original) = match self.study_row(owner, to).await? {
            Some(_) if !given.is_empty() => {
                return Err(StorageError::Conflict("that study is there, so it has its own attributes"));
            }
            Some(row) => (row.id, row.original),
            None => {
                let mut original = from.original.clone();
                for (tag, value) in given {
                    match value {
                        Json::Null => original.remove(tag),
                        value => original.insert(tag.clone(), value.clone()),
                    };
                }
                (self.insert_study(owner, to, &original).await?, original)
            }
        };
        let there = self.series_of(to_id).await?;
        if chosen.iter().any(|(_, uid, _)| there.iter().any(|(_, other, _)| other == uid)) {
            return Err(StorageError::Conflict("that study has a series of this UID"));
        }
        for (id, ..) in &chosen {
            self.relocate(*id, to_id, None, (study.as_str(), self.now_ms)).await?;
        }
        self.count_study(from.id).await?;
        self.count_study(to_id).await?;
        Ok(snapshot(&from.original, &to_original))
    }

    /// Moves back what a correction moved, and what followed it.
    pub(super) async fn move_back(
        &mut self,
        owner: &OrgId,
        study: &Uid,
        series: &[Uid],
        to: &Uid,
        snapshot: &str,
    ) -> Result<(), StorageError> {
        self.require_unheld(owner, study).await?;
        self.require_unheld(owner, to).await?;
        let Some(there) = self.study_row(owner, to).await? else { return Ok(()) };
        let home = match self.study_row(owner, study).await? {
            Some(row) => row.id,
            None => self.insert_study(owner, study, &side(snapshot, "from")?).await?,
        };
        for (id, uid, moved_from) in self.series_of(there.id).await? {
            let is_chosen = series.is_empty() || series.iter().any(|s| s.as_str() == uid);
            if moved_from == study.as_str() && is_chosen {
                self.relocate(id, home, None, ("", 0)).await?;
            }
        }
        self.count_study(there.id).await?;
        self.count_study(home).await?;
        Ok(())
    }
}
