//! Where series are now: a correction may have moved them to another study, and named another patient.

use crate::db::{Bindings, at};
use crate::reach::Visible;
use crate::{Storage, StorageError};
use model::{OrgId, Scope, Uid};
use serde_json::{Map, Value as Json};
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// UIDs in one statement.
const UIDS_AT_ONCE: usize = 200;

const PLACE: &str = "looking for series";

/// A series within reach.
#[derive(Debug, Clone, PartialEq)]
pub struct Whereabouts {
    /// Owner organisation.
    pub owner: OrgId,
    /// Series Instance UID.
    pub series: Uid,
    /// Study Instance UID of the study that it is in now.
    pub study: Uid,
    /// DICOM JSON of patient and study, as they are now.
    pub study_attributes: Map<String, Json>,
}

impl Storage {
    /// The series with these UIDs within reach.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`]. What is not found is left out.
    pub async fn whereabouts(&self, scope: &Scope, series: &[Uid]) -> Result<Vec<Whereabouts>, StorageError> {
        let mut found = Vec::new();
        let columns = "s.owner, e.series_uid, s.study_uid, s.attributes";
        for row in self.series_rows(scope, columns, "e.series_uid", series, "").await? {
            let text = |i: usize| row.try_get::<&str, _>(i).map_err(at(PLACE));
            found.push(Whereabouts {
                owner: owner_of(&row, 0)?,
                series: uid_of(&row, 1)?,
                study: uid_of(&row, 2)?,
                study_attributes: serde_json::from_str(text(3)?)
                    .map_err(|_| StorageError::Corrupt("attributes in the index"))?,
            });
        }
        Ok(found)
    }

    /// The studies that series of these studies, which a correction has moved there, were acquired in.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn acquired_in(
        &self,
        scope: &Scope,
        studies: &[Uid],
    ) -> Result<Vec<(OrgId, Uid)>, StorageError> {
        let moved = "AND e.moved_from <> ''";
        let rows =
            self.series_rows(scope, "DISTINCT s.owner, e.moved_from", "s.study_uid", studies, moved).await?;
        rows.iter().map(|row| Ok((owner_of(row, 0)?, uid_of(row, 1)?))).collect()
    }

    async fn series_rows(
        &self,
        scope: &Scope,
        columns: &str,
        key: &str,
        uids: &[Uid],
        condition: &str,
    ) -> Result<Vec<AnyRow>, StorageError> {
        let mut rows = Vec::new();
        for some in uids.chunks(UIDS_AT_ONCE) {
            let mut values = Bindings::default();
            let some: Vec<String> = some.iter().map(ToString::to_string).collect();
            let visible = Visible::of(scope, 1);
            for organisation in &visible.organisations {
                values.text(organisation.as_str());
            }
            let list = values.list(&some);
            let text = format!(
                "SELECT {columns} FROM series e JOIN study s ON s.id = e.study_id \
                 WHERE {key} IN ({list}) {condition} AND {}",
                visible.condition
            );
            rows.extend(values.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?);
        }
        Ok(rows)
    }
}

fn owner_of(row: &AnyRow, index: usize) -> Result<OrgId, StorageError> {
    let text: &str = row.try_get(index).map_err(at(PLACE))?;
    OrgId::parse(text).map_err(|_| StorageError::Corrupt("an owner in the index"))
}

fn uid_of(row: &AnyRow, index: usize) -> Result<Uid, StorageError> {
    let text: &str = row.try_get(index).map_err(at(PLACE))?;
    Uid::parse(text).map_err(|_| StorageError::Corrupt("a UID in the index"))
}
