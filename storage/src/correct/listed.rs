//! What a corrected study is found by: the search keys of its row, written anew.

use super::rows::{PLACE, json_of};
use crate::StorageError;
use crate::attributes::names as names_in;
use crate::db::{at, clean, placeholders, sql};
use crate::index::{Work, split};
use crate::names;
use model::OrgId;
use sqlx::Row as _;
use std::collections::BTreeSet;

impl Work<'_> {
    /// Writes a study's search keys anew from its row.
    pub(super) async fn list_study(&mut self, owner: &OrgId, id: i64) -> Result<(), StorageError> {
        let row = sqlx::query("SELECT attributes, moment, modalities FROM study WHERE id = $1")
            .bind(id)
            .fetch_one(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        let column = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
        let (all, moment, modalities) = (json_of(&column(0)?)?, column(1)?, column(2)?);
        for text in
            ["DELETE FROM study_key WHERE study_id = $1", "DELETE FROM study_modality WHERE study_id = $1"]
        {
            sqlx::query(text).bind(id).execute(&mut *self.connection).await.map_err(at(PLACE))?;
        }
        let mut keys = BTreeSet::new();
        for (whole, part, tag) in [("P", "p", "00100010"), ("R", "r", "00080090")] {
            let groups = names_in(&all, tag);
            let found = names::keys(groups.iter().map(String::as_str));
            keys.extend(found.whole.iter().map(|key| format!("{whole}{key}")));
            keys.extend(found.parts.iter().map(|key| format!("{part}{key}")));
        }
        let keys: Vec<String> = keys.into_iter().collect();
        let modalities: Vec<String> = split(&modalities).into_iter().collect();
        for (table, column, values) in
            [("study_key", "name_key", &keys), ("study_modality", "modality", &modalities)]
        {
            for some in values.chunks(100) {
                let text = format!(
                    "INSERT INTO {table} (owner, {column}, moment, study_id) VALUES {} ON CONFLICT DO NOTHING",
                    placeholders(some.len(), 4)
                );
                let mut query = sqlx::query(sql(text));
                for value in some {
                    query = query.bind(owner.as_str()).bind(clean(value)).bind(moment.as_str()).bind(id);
                }
                query.execute(&mut *self.connection).await.map_err(at(PLACE))?;
            }
        }
        sqlx::query("UPDATE study_grant SET moment = $1 WHERE study_id = $2")
            .bind(moment)
            .bind(id)
            .execute(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        Ok(())
    }
}
