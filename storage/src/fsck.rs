//! Comparing index and objects both ways.

use crate::db::{at, to_u64};
use crate::frame::span_at;
use crate::ingest::blocking;
use crate::objects::{ObjectName, Shelf, io_error};
use crate::prepare::SPAN_BYTES;
use crate::store::is_indexed;
use crate::{Storage, StorageError};
use model::{OrgId, Sha256};
use sha2::Digest as _;
use sqlx::Row as _;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Object name or row, never patient data.
    pub what: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Indexed, but the object is not there.
    ObjectMissing,
    /// The object's bytes do not have the hash that names it.
    ObjectDamaged,
    /// An object that no row points at.
    ObjectNotIndexed,
    /// Counts or lists in the index do not match the rows.
    CountWrong,
    /// A frame lies outside its object.
    FrameOutside,
}

/// What fsck saw.
#[derive(Debug, Clone, Default)]
pub struct FsckReport {
    /// Objects whose hash was computed.
    pub objects_checked: u64,
    /// Index rows compared.
    pub rows_checked: u64,
    /// What is wrong; empty when sound.
    pub findings: Vec<Finding>,
}

/// Rows read at once.
const PAGE_ROWS: i64 = 500;
const PLACE: &str = "checking the index";

/// What a row says about a file.
struct Expected {
    id: i64,
    name: ObjectName,
    /// Bytes in front of what the hash covers.
    head_length: u64,
    length: u64,
}

impl Storage {
    /// Checks everything; `progress` is told objects done and objects in all. The node may be at work meanwhile.
    ///
    /// # Errors
    /// [`StorageError`] when the check itself cannot go on.
    pub async fn fsck(
        &self,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> Result<FsckReport, StorageError> {
        let mut report = FsckReport::default();
        let mut total = 0;
        for table in TABLES {
            total += self.row_count(table.name).await?;
        }
        for table in TABLES {
            self.check_files(table, &mut report, &|done| progress(done, total)).await?;
        }
        self.check_frames(&mut report).await?;
        self.check_counts(&mut report).await?;
        for shelf in [Shelf::Objects, Shelf::Blobs] {
            self.check_orphans(shelf, &mut report).await?;
        }
        Ok(report)
    }

    async fn row_count(&self, table: &'static str) -> Result<u64, StorageError> {
        let text = match table {
            "instance" => "SELECT count(*) FROM instance",
            "instance_apart" => "SELECT count(*) FROM instance_apart",
            _ => "SELECT count(*) FROM blob",
        };
        let row = sqlx::query(text).fetch_one(&self.inner.db.readers).await.map_err(at(PLACE))?;
        to_u64(row.try_get(0).map_err(at(PLACE))?)
    }

    /// Every row's file is there and has the hash that names it.
    async fn check_files(
        &self,
        table: &Table,
        report: &mut FsckReport,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), StorageError> {
        let mut after = (String::new(), Vec::new());
        loop {
            let rows = sqlx::query(table.page)
                .bind(after.0.as_str())
                .bind(after.1.clone())
                .bind(PAGE_ROWS)
                .fetch_all(&self.inner.db.readers)
                .await
                .map_err(at(PLACE))?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                let owner: String = row.try_get(1).map_err(at(PLACE))?;
                let sha256: Vec<u8> = row.try_get(2).map_err(at(PLACE))?;
                after = (owner.clone(), sha256.clone());
                let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE)).and_then(to_u64);
                let expected = Expected {
                    id: row.try_get(0).map_err(at(PLACE))?,
                    name: ObjectName {
                        shelf: table.shelf,
                        owner: OrgId::parse(&owner).map_err(|_| StorageError::Corrupt("an owner"))?,
                        sha256: Sha256::from_slice(&sha256).map_err(|_| StorageError::Corrupt("a hash"))?,
                    },
                    head_length: number(3)?,
                    length: number(4)?,
                };
                report.rows_checked += 1;
                self.check_file(table, expected, report).await?;
                progress(report.objects_checked);
            }
        }
    }

    async fn check_file(
        &self,
        table: &Table,
        expected: Expected,
        report: &mut FsckReport,
    ) -> Result<(), StorageError> {
        let path = self.objects().path(&expected.name);
        let what = format!("{} {} ({})", table.name, expected.id, expected.name);
        let sha256 = expected.name.sha256;
        let Expected { head_length, length, .. } = expected;
        let problem = blocking(move || check_bytes(&path, head_length, length, &sha256))
            .await?
            .map_err(|e| io_error(&e, "checking an object"))?;
        report.objects_checked += 1;
        if let Some(problem) = problem {
            report.findings.push(Finding { what, problem });
        }
        Ok(())
    }

    /// Every span of a frame lies inside its data set.
    async fn check_frames(&self, report: &mut FsckReport) -> Result<(), StorageError> {
        let mut after = (0_i64, -1_i64);
        loop {
            let rows = sqlx::query(
                "SELECT c.instance_id, c.chunk_no, c.entries, i.dataset_length FROM frame_chunk c \
                 JOIN instance i ON i.id = c.instance_id WHERE c.part = 0 \
                 AND (c.instance_id > $1 OR (c.instance_id = $1 AND c.chunk_no > $2)) \
                 ORDER BY c.instance_id, c.chunk_no LIMIT $3",
            )
            .bind(after.0)
            .bind(after.1)
            .bind(PAGE_ROWS)
            .fetch_all(&self.inner.db.readers)
            .await
            .map_err(at(PLACE))?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                after = (row.try_get(0).map_err(at(PLACE))?, row.try_get(1).map_err(at(PLACE))?);
                let entries: Vec<u8> = row.try_get(2).map_err(at(PLACE))?;
                let length = to_u64(row.try_get(3).map_err(at(PLACE))?)?;
                report.rows_checked += 1;
                let is_inside = entries.len().is_multiple_of(SPAN_BYTES)
                    && (0..entries.len() / SPAN_BYTES).all(|i| {
                        span_at(&entries, i).is_ok_and(|span| {
                            span.offset.checked_add(u64::from(span.length)).is_some_and(|end| end <= length)
                        })
                    });
                if !is_inside {
                    let what = format!("instance {} frames {}", after.0, after.1);
                    report.findings.push(Finding { what, problem: Problem::FrameOutside });
                }
            }
        }
    }

    /// Maintained counts and lists are those of the rows.
    async fn check_counts(&self, report: &mut FsckReport) -> Result<(), StorageError> {
        let checks = [
            (
                "study",
                "SELECT s.id FROM study s WHERE \
                 s.instance_count <> (SELECT count(*) FROM instance i WHERE i.study_id = s.id) \
                 OR s.series_count <> (SELECT count(*) FROM series e WHERE e.study_id = s.id) ORDER BY s.id",
            ),
            (
                "series",
                "SELECT e.id FROM series e WHERE \
                 e.instance_count <> (SELECT count(*) FROM instance i WHERE i.series_id = e.id) ORDER BY e.id",
            ),
            (
                "study's modalities of series",
                "SELECT e.id FROM series e JOIN study s ON s.id = e.study_id WHERE e.modality <> '' \
                 AND '\\' || s.modalities || '\\' NOT LIKE '%\\' || e.modality || '\\%' ESCAPE '~' ORDER BY e.id",
            ),
            (
                "metadata of instance",
                "SELECT i.id FROM instance i WHERE NOT EXISTS \
                 (SELECT 1 FROM instance_metadata m WHERE m.instance_id = i.id) ORDER BY i.id",
            ),
            (
                "frame index of instance",
                "SELECT i.id FROM instance i WHERE i.frame_count > 0 AND i.syntax <> '1.2.840.10008.1.2.1.99' \
                 AND NOT EXISTS (SELECT 1 FROM frame_chunk c WHERE c.instance_id = i.id) ORDER BY i.id",
            ),
        ];
        for (what, text) in checks {
            let rows = sqlx::query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
            for row in rows {
                let id: i64 = row.try_get(0).map_err(at(PLACE))?;
                report.findings.push(Finding { what: format!("{what} {id}"), problem: Problem::CountWrong });
            }
        }
        Ok(())
    }

    /// Every file has a row, or is just being placed.
    async fn check_orphans(&self, shelf: Shelf, report: &mut FsckReport) -> Result<(), StorageError> {
        let root = self.objects().shelf(shelf);
        for owner in names_in(root.clone()).await? {
            for prefix in names_in(root.join(&owner)).await? {
                for file in names_in(root.join(&owner).join(&prefix)).await? {
                    let text = format!("{}/{owner}/{prefix}/{file}", shelf.folder());
                    let is_known = match ObjectName::parse(&text) {
                        Some(name) => {
                            is_indexed(&self.inner.db, &name).await? || self.is_arriving(&name).await?
                        }
                        None => false,
                    };
                    if !is_known {
                        let finding = Finding { what: text, problem: Problem::ObjectNotIndexed };
                        report.findings.push(finding);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether an object without a row is just being placed, or has got its row in the meantime.
    async fn is_arriving(&self, name: &ObjectName) -> Result<bool, StorageError> {
        let storage = self.clone();
        let placing = blocking(move || storage.objects().being_placed())
            .await?
            .map_err(|e| io_error(&e, "checking what arrives"))?;
        Ok(placing.contains(name) || is_indexed(&self.inner.db, name).await?)
    }
}

/// A table whose rows point at files.
struct Table {
    name: &'static str,
    shelf: Shelf,
    /// id, owner, hash, head length, length; after an owner and a hash.
    page: &'static str,
}

const TABLES: &[Table] = &[
    Table {
        name: "instance",
        shelf: Shelf::Objects,
        page: "SELECT id, owner, sha256, head_length, dataset_length FROM instance \
               WHERE (owner, sha256) > ($1, $2) ORDER BY owner, sha256 LIMIT $3",
    },
    Table {
        name: "instance_apart",
        shelf: Shelf::Objects,
        page: "SELECT id, owner, sha256, head_length, dataset_length FROM instance_apart \
               WHERE (owner, sha256) > ($1, $2) ORDER BY owner, sha256 LIMIT $3",
    },
    Table {
        name: "blob",
        shelf: Shelf::Blobs,
        page: "SELECT received_at_ms, owner, sha256, 0, length FROM blob \
               WHERE (owner, sha256) > ($1, $2) ORDER BY owner, sha256 LIMIT $3",
    },
];

fn check_bytes(path: &Path, head_length: u64, length: u64, sha256: &Sha256) -> io::Result<Option<Problem>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(Problem::ObjectMissing)),
        other => other?,
    };
    if file.metadata()?.len() != head_length.saturating_add(length) {
        return Ok(Some(Problem::ObjectDamaged));
    }
    file.seek(SeekFrom::Start(head_length))?;
    let mut hash = sha2::Sha256::new();
    let mut piece = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            break;
        }
        hash.update(piece.get(..count).unwrap_or_default());
    }
    let found: [u8; 32] = hash.finalize().into();
    Ok((found != *sha256.as_bytes()).then_some(Problem::ObjectDamaged))
}

/// Names in a folder, sorted; none when it is not there.
async fn names_in(folder: PathBuf) -> Result<Vec<String>, StorageError> {
    blocking(move || -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(folder) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            other => other?,
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.map(|e| e.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<_>>()?;
        names.sort();
        Ok(names)
    })
    .await?
    .map_err(|e| io_error(&e, "listing objects"))
}
