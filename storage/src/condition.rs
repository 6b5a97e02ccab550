//! How the store is: the disk below it, what it keeps, what waits in it, and when somebody last looked after it.
//!
//! What the node cannot see by itself it is told: `farsight fsck` and `farsight backup` leave a record. How fast the disk
//! fills follows from one measurement a day, which the node keeps for two months.

use crate::db::{Dialect, at, to_u64};
use crate::ingest::blocking;
use crate::objects::io_error;
use crate::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Order, Put, RecordQuery, Storage, StorageError,
};
use model::Scope;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use time::OffsetDateTime;

const PLACE: &str = "looking at the store";
/// Record kind of what was done to look after the store; identifiers `fsck`, `backup`.
const CARE: &str = "store_care";
/// Record kind of daily measurements of the disk.
const SAMPLE: &str = "store_sample";
/// Measurements that are kept: each takes the place of the one so many days before.
const SAMPLES_KEPT: i64 = 64;
/// How far back measurements say how fast the disk fills.
const RATE_DAYS_MAX: f64 = 30.0;
/// Less than this says nothing.
const RATE_DAYS_MIN: f64 = 1.0;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// The file system that the data directory is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Bytes in all.
    pub total: u64,
    /// Bytes that are taken, by whomever.
    pub used: u64,
    /// Bytes that the node may still write.
    pub available: u64,
}

/// How fast a disk fills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Filling {
    /// Days that were measured.
    pub days: f64,
    /// Bytes a day; negative when it empties.
    pub bytes_per_day: f64,
}

/// The database of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexState {
    /// `sqlite` or `postgresql`.
    pub kind: &'static str,
    /// Its version.
    pub version: String,
    /// Bytes that it takes.
    pub bytes: u64,
}

/// Jobs of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobsOfKind {
    /// Which worker does them.
    pub kind: String,
    /// To be done, or being done.
    pub waiting: u64,
    /// Given up until somebody asks for another attempt.
    pub set_aside: u64,
    /// When the oldest of those that wait was made, Unix milliseconds.
    pub oldest_at_ms: Option<i64>,
}

/// How the store is.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// When it was so, Unix milliseconds.
    pub at_ms: i64,
    /// The disk.
    pub disk: Disk,
    /// How fast it fills; `None` before it has been measured for a day.
    pub filling: Option<Filling>,
    /// Studies of all organisations.
    pub studies: u64,
    /// Instances of all organisations.
    pub instances: u64,
    /// Segments, which hold the instances.
    pub segments: u64,
    /// Bytes that they take on the disk.
    pub segment_bytes: u64,
    /// Files beside them: slides as they came, attachments, reports.
    pub blobs: u64,
    /// Bytes of those.
    pub blob_bytes: u64,
    /// The index.
    pub index: IndexState,
    /// What waits, by kind.
    pub jobs: Vec<JobsOfKind>,
    /// The last check of index and objects.
    pub fsck: Option<Fsck>,
    /// The last backup that the node was told of.
    pub backup: Option<Backup>,
}

/// A check of index and objects that went to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fsck {
    /// When it ended, Unix milliseconds.
    pub at_ms: i64,
    /// How long it took.
    pub took_ms: u64,
    /// Objects whose hash was computed.
    pub objects: u64,
    /// What is not as it should be.
    pub findings: u64,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// When it was finished, Unix milliseconds.
    pub at_ms: i64,
    /// Where it is and how it was made, in the words of whoever made it.
    pub what: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Sample {
    at_ms: i64,
    used: u64,
}

/// How fast a disk fills: from the oldest measurement of the last month to now.
fn filling(samples: &[Sample], used: u64, now_ms: i64) -> Option<Filling> {
    #[expect(clippy::cast_precision_loss, reason = "days, and bytes to be told in gigabytes")]
    let days_since = |sample: &Sample| now_ms.saturating_sub(sample.at_ms) as f64 / DAY_MS as f64;
    let recent = samples.iter().filter(|sample| days_since(sample) <= RATE_DAYS_MAX);
    let oldest = recent.min_by_key(|sample| sample.at_ms)?;
    let days = days_since(oldest);
    #[expect(clippy::cast_precision_loss, reason = "bytes to be told in gigabytes")]
    let grown = used as f64 - oldest.used as f64;
    (days >= RATE_DAYS_MIN).then_some(Filling { days, bytes_per_day: grown / days })
}

impl Filling {
    /// Days until so many bytes are written; `None` when the disk does not fill.
    #[must_use]
    pub fn days_left(&self, available: u64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "days, roughly")]
        let available = available as f64;
        (self.bytes_per_day > 0.0).then(|| available / self.bytes_per_day)
    }
}

fn now_ms() -> i64 {
    model::time_text::unix_ms(OffsetDateTime::now_utc())
}

fn disk_of(directory: &Path) -> io::Result<Disk> {
    let seen = rustix::fs::statvfs(directory)?;
    let bytes = |blocks: u64| blocks.saturating_mul(seen.f_frsize);
    Ok(Disk {
        total: bytes(seen.f_blocks),
        used: bytes(seen.f_blocks.saturating_sub(seen.f_bfree)),
        available: bytes(seen.f_bavail),
    })
}

fn care(id: &str, body: serde_json::Value, audit: AuditEntry) -> Change {
    let put = Put {
        kind: CARE,
        id: id.to_owned(),
        expected: Expected::Anything,
        body,
        keys: Vec::new(),
        unique: Vec::new(),
        sort: 0,
        visible_to: Vec::new(),
    };
    Change { puts: vec![put], audit: vec![audit], ..Change::default() }
}

fn cared(id: &str, detail: String, outcome: AuditOutcome) -> AuditEntry {
    AuditEntry { action: AuditAction::Administer, object: format!("store/{id}"), outcome, detail }
}

impl Storage {
    /// How the store is now. Reads file sizes and counts rows: not to be asked many times a second.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn condition(&self) -> Result<Condition, StorageError> {
        let at_ms = now_ms();
        let disk = self.disk().await?;
        let scope = Scope::node("store");
        let query = RecordQuery { order: Order::Descending, ..RecordQuery::new(SAMPLE) };
        let samples = self.records(&scope, &query).await?;
        let samples: Vec<Sample> =
            samples.into_iter().filter_map(|record| serde_json::from_value(record.body).ok()).collect();
        let (segments, segment_bytes) = self.segment_sizes().await?;
        let [studies, instances] = self
            .numbers("SELECT count(*), CAST(COALESCE(SUM(instance_count), 0) AS BIGINT) FROM study")
            .await?;
        let [blobs, blob_bytes] =
            self.numbers("SELECT count(*), CAST(COALESCE(SUM(length), 0) AS BIGINT) FROM blob").await?;
        Ok(Condition {
            at_ms,
            filling: filling(&samples, disk.used, at_ms),
            disk,
            studies,
            instances,
            segments,
            segment_bytes,
            blobs,
            blob_bytes,
            index: self.index_state().await?,
            jobs: self.jobs_by_kind().await?,
            fsck: self.cared_for("fsck").await?,
            backup: self.cared_for("backup").await?,
        })
    }

    /// Notes how full the disk is, once a day; nothing happens when that was done today.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn sample_disk(&self) -> Result<(), StorageError> {
        let (at_ms, disk) = (now_ms(), self.disk().await?);
        let day = at_ms / DAY_MS;
        let id = format!("{:02}", day % SAMPLES_KEPT);
        let scope = Scope::node("store");
        let before = match self.record(&scope, SAMPLE, &id).await {
            Ok(record) if record.sort / DAY_MS == day => return Ok(()),
            Ok(record) => Expected::Version(record.version),
            Err(StorageError::NotFound) => Expected::Absent,
            Err(other) => return Err(other),
        };
        let put = Put {
            kind: SAMPLE,
            id,
            expected: before,
            body: serde_json::json!({"at_ms": at_ms, "used": disk.used}),
            keys: Vec::new(),
            unique: Vec::new(),
            sort: at_ms,
            visible_to: Vec::new(),
        };
        match self.apply(&scope, Change { puts: vec![put], ..Change::default() }).await {
            // Another process was faster.
            Err(StorageError::Conflict(_)) => Ok(()),
            other => other,
        }
    }

    /// Keeps what a check of index and objects has found.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn note_fsck(&self, scope: &Scope, fsck: &Fsck) -> Result<(), StorageError> {
        let outcome = if fsck.findings == 0 { AuditOutcome::Success } else { AuditOutcome::Refused };
        let detail = format!("{} objects, {} findings", fsck.objects, fsck.findings);
        let body = serde_json::to_value(fsck).map_err(|_| StorageError::Corrupt("a check without JSON"))?;
        self.apply(scope, care("fsck", body, cared("fsck", detail, outcome))).await
    }

    /// Keeps that a backup was made.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn note_backup(&self, scope: &Scope, backup: &Backup) -> Result<(), StorageError> {
        let body =
            serde_json::to_value(backup).map_err(|_| StorageError::Corrupt("a backup without JSON"))?;
        let audit = cared("backup", backup.what.clone(), AuditOutcome::Success);
        self.apply(scope, care("backup", body, audit)).await
    }

    async fn cared_for<T: serde::de::DeserializeOwned>(&self, id: &str) -> Result<Option<T>, StorageError> {
        match self.record(&Scope::node("store"), CARE, id).await {
            Ok(record) => serde_json::from_value(record.body)
                .map(Some)
                .map_err(|_| StorageError::Corrupt("what is kept of the store's care")),
            Err(StorageError::NotFound) => Ok(None),
            Err(other) => Err(other),
        }
    }

    async fn disk(&self) -> Result<Disk, StorageError> {
        let root = self.objects().folder("");
        blocking(move || disk_of(&root)).await?.map_err(|e| io_error(&e, PLACE))
    }

    /// How many segments there are, and the bytes that they take on the disk.
    async fn segment_sizes(&self) -> Result<(u64, u64), StorageError> {
        let storage = self.clone();
        blocking(move || {
            let segments = &storage.objects().segments;
            let (ids, _) = segments.list()?;
            let (mut count, mut bytes) = (0_u64, 0_u64);
            for id in ids {
                match std::fs::metadata(segments.path(id)) {
                    Ok(file) => (count, bytes) = (count + 1, bytes.saturating_add(file.blocks() * 512)),
                    // Erased meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok((count, bytes))
        })
        .await?
        .map_err(|e: io::Error| io_error(&e, PLACE))
    }

    async fn numbers<const N: usize>(&self, text: &'static str) -> Result<[u64; N], StorageError> {
        let row = sqlx::query(text).fetch_one(&self.inner.db.readers).await.map_err(at(PLACE))?;
        let mut numbers = [0; N];
        for (i, number) in numbers.iter_mut().enumerate() {
            *number = to_u64(row.try_get(i).map_err(at(PLACE))?)?;
        }
        Ok(numbers)
    }

    async fn index_state(&self) -> Result<IndexState, StorageError> {
        let (kind, version, size) = match self.inner.db.dialect {
            Dialect::Sqlite => (
                "sqlite",
                "SELECT sqlite_version()",
                "SELECT c.page_count * s.page_size FROM pragma_page_count() c, pragma_page_size() s",
            ),
            Dialect::Postgres => (
                "postgresql",
                "SELECT current_setting('server_version')",
                "SELECT pg_database_size(current_database())",
            ),
        };
        let row = sqlx::query(version).fetch_one(&self.inner.db.readers).await.map_err(at(PLACE))?;
        let version = row.try_get(0).map_err(at(PLACE))?;
        let [bytes] = self.numbers(size).await?;
        Ok(IndexState { kind, version, bytes })
    }

    async fn jobs_by_kind(&self) -> Result<Vec<JobsOfKind>, StorageError> {
        let text =
            "SELECT kind, state, count(*), MIN(created_at_ms) FROM job GROUP BY kind, state ORDER BY kind";
        let rows = sqlx::query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        let mut kinds: Vec<JobsOfKind> = Vec::new();
        for row in &rows {
            let kind: String = row.try_get(0).map_err(at(PLACE))?;
            let state: String = row.try_get(1).map_err(at(PLACE))?;
            let count = to_u64(row.try_get(2).map_err(at(PLACE))?)?;
            if kinds.last().is_none_or(|last| last.kind != kind) {
                kinds.push(JobsOfKind { kind, waiting: 0, set_aside: 0, oldest_at_ms: None });
            }
            let Some(last) = kinds.last_mut() else { continue };
            if state == "waiting" {
                last.waiting = count;
                last.oldest_at_ms = Some(row.try_get(3).map_err(at(PLACE))?);
            } else {
                last.set_aside += count;
            }
        }
        Ok(kinds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1 << 30;

    fn sample(days_ago: i64, used_gb: u64) -> Sample {
        Sample { at_ms: (100 - days_ago) * DAY_MS, used: used_gb * GB }
    }

    #[test]
    fn a_disk_is_full_when_what_is_left_has_come_in_at_the_rate_of_the_last_month() {
        let now = 100 * DAY_MS;
        let samples = [sample(0, 300), sample(10, 200), sample(40, 0)];
        let rate = filling(&samples, 300 * GB, now).unwrap();
        assert!((rate.days - 10.0).abs() < 1e-9);
        assert!((rate.days_left(50 * GB).unwrap() - 5.0).abs() < 1e-9);
        assert_eq!(filling(&[sample(10, 300)], 200 * GB, now).unwrap().days_left(GB), None, "it empties");
        assert_eq!(filling(&[sample(0, 300)], 300 * GB, now), None, "nothing is known on the first day");
        assert_eq!(filling(&[], GB, now), None);
    }
}
