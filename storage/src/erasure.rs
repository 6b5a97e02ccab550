//! Deleting objects for good: written down in the transaction that deletes the rows, done after it, and done again at
//! the next start if a crash came between.

use crate::correct::CorrectionStep;
use crate::db::{at, to_u64};
use crate::index::Work;
use crate::ingest::blocking;
use crate::objects::{ObjectName, Shelf, io_error};
use crate::segment::SegmentId;
use crate::store::{is_entry_indexed, is_indexed};
use crate::{Change, Storage, StorageError};
use model::{OrgId, Scope, Sha256};
use sqlx::Row as _;
use sqlx::any::AnyRow;

const PLACE: &str = "erasing objects";
/// Objects erased between two transactions.
const BATCH_ROWS: i64 = 200;

/// What is to be erased.
struct Doomed {
    id: i64,
    name: ObjectName,
    place: Option<(SegmentId, u64)>,
}

impl Work<'_> {
    /// Writes down that an object is to be erased once this transaction is committed; its rows go in the same
    /// transaction. [`Storage::finish_erasures`] does it then. `segment` and `segment_offset` as its row had them.
    pub(crate) async fn erase_later(
        &mut self,
        owner: &OrgId,
        sha256: &Sha256,
        segment: i64,
        segment_offset: i64,
    ) -> Result<(), StorageError> {
        sqlx::query("INSERT INTO erasure (owner, sha256, segment, segment_offset) VALUES ($1,$2,$3,$4)")
            .bind(owner.as_str())
            .bind(sha256.as_bytes().to_vec())
            .bind(segment)
            .bind(segment_offset)
            .execute(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        Ok(())
    }

    /// Forgets erasures that have been done.
    pub(crate) async fn erased(&mut self, ids: &[i64]) -> Result<(), StorageError> {
        for id in ids {
            sqlx::query("DELETE FROM erasure WHERE id = $1")
                .bind(*id)
                .execute(&mut *self.connection)
                .await
                .map_err(at(PLACE))?;
        }
        Ok(())
    }
}

impl Storage {
    /// Erases, durably, every object that has been deleted: how many. An object that has a row again stays.
    ///
    /// # Errors
    /// [`StorageError`]; what is left is done by the next call or the next start.
    pub async fn finish_erasures(&self) -> Result<u64, StorageError> {
        let mut count = 0;
        loop {
            let rows = sqlx::query(
                "SELECT id, owner, sha256, segment, segment_offset FROM erasure ORDER BY id LIMIT $1",
            )
            .bind(BATCH_ROWS)
            .fetch_all(&self.inner.db.readers)
            .await
            .map_err(at(PLACE))?;
            if rows.is_empty() {
                return Ok(count);
            }
            let doomed = rows.iter().map(doomed_of).collect::<Result<Vec<_>, _>>()?;
            let ids: Vec<i64> = doomed.iter().map(|d| d.id).collect();
            self.erase(doomed).await?;
            count += ids.len() as u64;
            let change = Change { corrections: vec![CorrectionStep::Erased { ids }], ..Change::default() };
            self.apply(&Scope::node("deletion"), change).await?;
        }
    }

    async fn erase(&self, doomed: Vec<Doomed>) -> Result<(), StorageError> {
        let (mut places, mut names) = (Vec::new(), Vec::new());
        for Doomed { name, place, .. } in doomed {
            match place {
                Some(place)
                    if !is_entry_indexed(&self.inner.db, &name.owner, &name.sha256, place).await? =>
                {
                    places.push(place);
                }
                None if !is_indexed(&self.inner.db, &name).await? => names.push(name),
                _ => {}
            }
        }
        let storage = self.clone();
        blocking(move || {
            let objects = storage.objects();
            objects.segments.erase(&places)?;
            names.iter().try_for_each(|name| objects.remove(name))
        })
        .await?
        .map_err(|e| io_error(&e, PLACE))
    }
}

fn doomed_of(row: &AnyRow) -> Result<Doomed, StorageError> {
    let damaged = StorageError::Corrupt("a row of an erasure");
    let owner: String = row.try_get(1).map_err(at(PLACE))?;
    let sha256: Vec<u8> = row.try_get(2).map_err(at(PLACE))?;
    let offset = to_u64(row.try_get(4).map_err(at(PLACE))?)?;
    Ok(Doomed {
        id: row.try_get(0).map_err(at(PLACE))?,
        name: ObjectName {
            shelf: Shelf::Objects,
            owner: OrgId::parse(&owner).map_err(|_| damaged.clone())?,
            sha256: Sha256::from_slice(&sha256).map_err(|_| damaged)?,
        },
        place: SegmentId::of_number(row.try_get(3).map_err(at(PLACE))?).zip(Some(offset)),
    })
}
