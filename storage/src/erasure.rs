//! Deleting objects for good: written down in the transaction that deletes the rows, done after it, and done again at
//! the next start if a crash came between.

use crate::correct::CorrectionStep;
use crate::db::at;
use crate::index::Work;
use crate::ingest::blocking;
use crate::objects::{ObjectName, Shelf, io_error};
use crate::store::is_indexed;
use crate::{Change, Storage, StorageError};
use model::{OrgId, Scope, Sha256};
use sqlx::Row as _;

const PLACE: &str = "erasing objects";
/// Objects erased between two transactions.
const BATCH_ROWS: i64 = 200;

impl Work<'_> {
    /// Writes down that an object is to be erased once this transaction is committed; its rows go in the same
    /// transaction. [`Storage::finish_erasures`] does it then.
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
            .map(|_| ())
            .map_err(at(PLACE))
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
            let rows = sqlx::query("SELECT id, owner, sha256 FROM erasure ORDER BY id LIMIT $1")
                .bind(BATCH_ROWS)
                .fetch_all(&self.inner.db.readers)
                .await
                .map_err(at(PLACE))?;
            if rows.is_empty() {
                return Ok(count);
            }
            let mut ids = Vec::new();
            let mut names = Vec::new();
            for row in &rows {
                let owner: String = row.try_get(1).map_err(at(PLACE))?;
                let sha256: Vec<u8> = row.try_get(2).map_err(at(PLACE))?;
                ids.push(row.try_get::<i64, _>(0).map_err(at(PLACE))?);
                names.push(ObjectName {
                    shelf: Shelf::Objects,
                    owner: OrgId::parse(&owner).map_err(|_| StorageError::Corrupt("an owner"))?,
                    sha256: Sha256::from_slice(&sha256).map_err(|_| StorageError::Corrupt("a hash"))?,
                });
            }
            self.erase(names).await?;
            count += ids.len() as u64;
            let change = Change { corrections: vec![CorrectionStep::Erased { ids }], ..Change::default() };
            self.apply(&Scope::node("deletion"), change).await?;
        }
    }

    /// While this goes on nothing is placed, so that what comes again is either there already or comes after.
    async fn erase(&self, names: Vec<ObjectName>) -> Result<(), StorageError> {
        let storage = self.clone();
        let alone = blocking(move || storage.objects().alone()).await?.map_err(|e| io_error(&e, PLACE))?;
        let mut gone = Vec::new();
        for name in names {
            if !is_indexed(&self.inner.db, &name).await? {
                gone.push(name);
            }
        }
        let storage = self.clone();
        blocking(move || {
            let _alone = alone;
            gone.iter().try_for_each(|name| match storage.objects().remove(name) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                other => other,
            })
        })
        .await?
        .map_err(|e| io_error(&e, PLACE))
    }
}
