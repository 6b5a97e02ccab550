//! What an organisation holds for certain, by SOP Instance UID: what storage commitment may promise (PS3.4 Annex J).

use crate::db::{Bindings, at};
use crate::{Storage, StorageError};
use model::{OrgId, Uid};
use sqlx::Row as _;
use std::collections::HashMap;

const PLACE: &str = "looking for what is held";

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
                let damaged = StorageError::Corrupt("a row of an instance");
                let uid = |i: usize| {
                    let text: String = row.try_get(i).map_err(at(PLACE))?;
                    Uid::parse(&text).map_err(|_| damaged.clone())
                };
                held.insert(uid(0)?, uid(1)?);
            }
        }
        Ok(held)
    }
}
