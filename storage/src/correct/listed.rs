//! What a corrected study is found by: its lists, written anew.

use super::rows::PLACE;
use crate::StorageError;
use crate::db::at;
use crate::index::Work;
use crate::listing;

impl Work<'_> {
    /// Lists a study anew by its row, and its grants with it. What it was listed by before shows nothing any more.
    pub(super) async fn list_study(&mut self, id: i64) -> Result<(), StorageError> {
        sqlx::query(
            "UPDATE study_grant SET moment = (SELECT s.moment FROM study s WHERE s.id = study_id) WHERE study_id = $1",
        )
        .bind(id)
        .execute(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        listing::list(self.connection, self.db, id).await
    }
}
