//! The handle that everything else is called on.

use crate::StorageError;
use crate::caches::Caches;
use crate::db::{Database, at, to_i64};
use crate::ingest::blocking;
use crate::objects::{Leftovers, ObjectName, Objects, Shelf, io_error};
use crate::segment::SegmentId;
use crate::writer::Writer;
use model::{Limits, OrgId, Sha256};
use std::path::PathBuf;
use std::sync::Arc;

/// Where things are kept.
#[derive(Debug, Clone)]
pub struct StorageConfig {
    /// Directory of the objects, temporary files and, with SQLite, the index.
    pub directory: PathBuf,
    /// `None`: SQLite in `directory/index.sqlite`. Otherwise a `postgres://` URL.
    pub postgres_url: Option<String>,
    /// The node's limits.
    pub limits: Limits,
}

impl StorageConfig {
    /// With the index in SQLite, in the directory.
    #[must_use]
    pub fn sqlite(directory: impl Into<PathBuf>, limits: Limits) -> Self {
        Self { directory: directory.into(), postgres_url: None, limits }
    }
}

/// The storage of one node. Cheap to clone.
#[derive(Clone)]
pub struct Storage {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub limits: Limits,
    pub db: Database,
    pub objects: Arc<Objects>,
    pub writer: Writer,
    pub caches: Arc<Caches>,
    pub callers: crate::directory::Callers,
    pub coming: Arc<crate::coming::Coming>,
    /// Searches that look at many studies at once.
    pub long_searches: tokio::sync::Semaphore,
}

/// Long searches at once: fewer than the index has readers.
const LONG_SEARCHES_MAX: usize = 2;

impl Storage {
    /// Opens (and creates or migrates) the storage, recovers what a crash left behind, starts the committing writer.
    ///
    /// Several processes may have the same storage open.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] with what to do about it.
    pub async fn open(config: StorageConfig) -> Result<Self, StorageError> {
        let StorageConfig { directory, postgres_url, limits } = config;
        let root = directory.clone();
        let (objects, leftovers) = blocking(move || Objects::open(&root))
            .await?
            .map_err(|e| io_error(&e, "opening the data directory; is it there and writable?"))?;
        let db = Database::open(&directory, postgres_url.as_deref()).await?;
        let objects = Arc::new(objects);
        remove_orphans(&db, &objects, &leftovers).await?;
        crate::listing::bring_up_to_date(&db).await?;
        crate::labels::bring_up_to_date(&db).await?;
        if !leftovers.segments.is_empty() {
            db.skip_outbox().await?;
        }
        let caches = Arc::new(Caches::new());
        let writer = Writer::start(db.clone(), objects.clone(), caches.clone(), &limits);
        let inner = Inner {
            limits,
            db,
            objects,
            writer,
            caches,
            callers: crate::directory::Callers::new(),
            coming: Arc::default(),
            long_searches: tokio::sync::Semaphore::new(LONG_SEARCHES_MAX),
        };
        let storage = Self { inner: Arc::new(inner) };
        storage.recover(leftovers).await?;
        Ok(storage)
    }

    /// The node's limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Finishes what is queued and closes.
    pub async fn close(&self) {
        self.inner.writer.close().await;
        self.inner.db.close().await;
    }

    /// A round trip to the index and a write to the object directory: for readiness.
    ///
    /// # Errors
    /// [`StorageError`] when the node cannot serve.
    pub async fn check(&self) -> Result<(), StorageError> {
        use std::io::Write as _;
        sqlx::query("SELECT seq FROM audit_head WHERE id = 1")
            .fetch_one(&self.inner.db.readers)
            .await
            .map_err(at("asking the index"))?;
        let storage = self.clone();
        blocking(move || storage.objects().temp().and_then(|mut temp| temp.file.write_all(b"ready")))
            .await?
            .map_err(|e| io_error(&e, "writing to the data directory"))
    }

    pub(crate) fn objects(&self) -> &Objects {
        &self.inner.objects
    }
}

const CLEANING: &str = "cleaning up after a crash";

/// Removes files that got their names but not their rows before a crash: nobody was told that they are stored.
async fn remove_orphans(db: &Database, objects: &Arc<Objects>, left: &Leftovers) -> Result<(), StorageError> {
    let mut orphans = Vec::new();
    for name in &left.names {
        if !is_indexed(db, name).await? {
            orphans.push(name.clone());
        }
    }
    if orphans.is_empty() {
        return Ok(());
    }
    tracing::info!(objects = orphans.len(), "removing objects that were never acknowledged");
    let objects = objects.clone();
    blocking(move || orphans.iter().try_for_each(|name| objects.remove(name)))
        .await?
        .map_err(|e| io_error(&e, CLEANING))
}

impl Storage {
    /// Looks through the segments that dead processes had not settled: what is whole there is indexed, what is not is
    /// erased, what was set aside is given back. What is whole and cannot be indexed stays, and stays marked.
    async fn recover(&self, left: Leftovers) -> Result<(), StorageError> {
        // First, so that what has been deleted does not come back.
        self.finish_erasures().await?;
        let refusing = self.settle_segments(left.segments.iter().copied()).await?;
        let storage = self.clone();
        blocking(move || {
            let segments = left.segments.clone();
            // Before the old markers go.
            storage.objects().segments.mark_again(&refusing)?;
            left.done()?;
            segments.into_iter().try_for_each(|segment| storage.objects().segments.remove_if_empty(segment))
        })
        .await?
        .map_err(|e| io_error(&e, CLEANING))
    }
}

/// Whether any row points at the object.
pub(crate) async fn is_indexed(db: &Database, name: &ObjectName) -> Result<bool, StorageError> {
    let text = match name.shelf {
        Shelf::Objects => {
            "SELECT 1 FROM instance WHERE owner = $1 AND sha256 = $2 AND segment = 0 \
             UNION ALL SELECT 1 FROM instance_apart WHERE owner = $1 AND sha256 = $2 AND segment = 0"
        }
        Shelf::Blobs => "SELECT 1 FROM blob WHERE owner = $1 AND sha256 = $2",
    };
    let row = sqlx::query(text)
        .bind(name.owner.as_str())
        .bind(name.sha256.as_bytes().to_vec())
        .fetch_optional(&db.readers)
        .await
        .map_err(at("looking for an object"))?;
    Ok(row.is_some())
}

/// Whether any row leads to this entry of a segment.
pub(crate) async fn is_entry_indexed(
    db: &Database,
    owner: &OrgId,
    sha256: &Sha256,
    (segment, offset): (SegmentId, u64),
) -> Result<bool, StorageError> {
    let text = "SELECT 1 FROM instance WHERE owner = $1 AND sha256 = $2 AND segment = $3 AND segment_offset = $4 \
                UNION ALL \
                SELECT 1 FROM instance_apart WHERE owner = $1 AND sha256 = $2 AND segment = $3 AND segment_offset = $4";
    let row = sqlx::query(text)
        .bind(owner.as_str())
        .bind(sha256.as_bytes().to_vec())
        .bind(segment.number())
        .bind(to_i64(offset))
        .fetch_optional(&db.readers)
        .await
        .map_err(at("looking for an object"))?;
    Ok(row.is_some())
}
