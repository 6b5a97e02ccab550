//! Where the bulk values of an instance stand (PS3.18 §10.4.1.1.5): written down at ingest, so that nothing is parsed
//! when one is asked for.

use crate::db::at;
use crate::prepare::BulkPlaces;
use crate::{InstanceRef, Storage, StorageError};
use sqlx::Row as _;
use std::ops::Range;
use std::sync::Arc;

const PLACE: &str = "reading the places of bulk data";

impl Storage {
    /// Where in the Part 10 file the value at `path` (as [`dataset::json::bulk_path_text`] writes it) stands. `None`
    /// when the index does not know it: of instances stored before it was written down, of deflated ones, of values
    /// that are no bulk data.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`].
    pub async fn bulk_place(
        &self,
        instance: &InstanceRef,
        path: &str,
    ) -> Result<Option<Range<u64>>, StorageError> {
        let places = self.bulk_places(instance.0.id).await?;
        let Some((offset, length)) = places.get(path).copied() else { return Ok(None) };
        let start = instance.head_length().checked_add(offset);
        let end = start.and_then(|start| start.checked_add(length));
        match (start, end) {
            (Some(start), Some(end)) if end <= instance.file_length() => Ok(Some(start..end)),
            _ => Err(StorageError::Corrupt("a bulk value stands outside its object")),
        }
    }

    async fn bulk_places(&self, id: i64) -> Result<Arc<BulkPlaces>, StorageError> {
        if let Some(places) = self.inner.caches.bulk_places.get(&id) {
            return Ok(places);
        }
        let row = sqlx::query("SELECT bulk FROM instance_metadata WHERE instance_id = $1")
            .bind(id)
            .fetch_optional(&self.inner.db.readers)
            .await
            .map_err(at(PLACE))?;
        let text: String = row.ok_or(StorageError::NotFound)?.try_get(0).map_err(at(PLACE))?;
        let places = if text.is_empty() {
            BulkPlaces::default()
        } else {
            serde_json::from_str(&text).map_err(|_| StorageError::Corrupt("the places of bulk data"))?
        };
        let places = Arc::new(places);
        self.inner.caches.bulk_places.insert(id, places.clone());
        Ok(places)
    }
}
