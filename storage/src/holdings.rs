//! What an organisation holds for certain, by SOP Instance UID: what storage commitment may promise (PS3.4 Annex J), and what
//! need not be sent again.

use crate::db::{Bindings, at};
use crate::reach::Visible;
use crate::{Storage, StorageError};
use model::{OrgId, Scope, Sha256, Uid};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use std::collections::HashMap;

const PLACE: &str = "looking for what is held";

/// An instance that an organisation holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// SOP Instance UID.
    pub instance: Uid,
    /// SHA-256 of the data set's bytes as they arrived.
    pub sha256: Sha256,
    /// Series Instance UID.
    pub series: Uid,
    /// Study Instance UID of the study that it is in now.
    pub study: Uid,
}

impl Storage {
    /// Which of these instances the organisation owns, with their SOP classes. What the
    /// index names was flushed before.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn holdings(
        &self,
        owner: &OrgId,
        instances: &[Uid],
    ) -> Result<HashMap<Uid, Uid>, StorageError> {
        let mut held = HashMap::new();
        for some in instances.chunks(200) {
            let mut values = Bindings::default();
            let organisation = values.text(owner.as_str());
            let uids: Vec<String> = some.iter().map(Uid::to_string).collect();
            let text = format!(
                "SELECT sop_uid, sop_class FROM instance \
                 WHERE owner = {organisation} AND sop_uid IN ({})",
                values.list(&uids)
            );
            let rows = values.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
            for row in &rows {
                held.insert(uid_of(row, 0)?, uid_of(row, 1)?);
            }
        }
        Ok(held)
    }

    /// Which of these instances the scope's own organisation holds. Another's are not, whatever the scope sees of them,
    /// and neither is what is hidden.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn held(&self, scope: &Scope, instances: &[Uid]) -> Result<Vec<Held>, StorageError> {
        let Some(owner) = scope.viewer() else { return Ok(Vec::new()) };
        let own = scope.owned_by(owner.clone());
        let mut values = Bindings::default();
        let uids: Vec<[&str; 1]> = instances.iter().map(|uid| [uid.as_str()]).collect();
        let uids = values.text(serde_json::to_string(&uids).unwrap_or_else(|_| "[]".to_owned()));
        let owner = values.text(owner.as_str());
        let visible = Visible::with(&own, &owner, &owner);
        let text = format!(
            "SELECT i.sop_uid, i.sha256, e.series_uid, s.study_uid FROM {each} CROSS JOIN instance i \
             JOIN series e ON e.id = i.series_id JOIN study s ON s.id = e.study_id \
             WHERE i.owner = {owner} AND i.sop_uid = (j.value ->> 0) AND {} {}",
            visible.condition,
            visible.of_instance,
            each = self.inner.db.each().replace('?', &uids),
        );
        let rows = values.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        let held = |row: &AnyRow| {
            let sha256: &[u8] = row.try_get(1).map_err(at(PLACE))?;
            Ok(Held {
                instance: uid_of(row, 0)?,
                sha256: Sha256::from_slice(sha256).map_err(|_| DAMAGED)?,
                series: uid_of(row, 2)?,
                study: uid_of(row, 3)?,
            })
        };
        rows.iter().map(held).collect()
    }
}

const DAMAGED: StorageError = StorageError::Corrupt("a row of an instance");

fn uid_of(row: &AnyRow, index: usize) -> Result<Uid, StorageError> {
    let text: &str = row.try_get(index).map_err(at(PLACE))?;
    Uid::parse(text).map_err(|_| DAMAGED)
}
