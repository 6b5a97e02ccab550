//! Comparing index and objects both ways.

use crate::db::{at, to_u64};
use crate::frame::span_at;
use crate::ingest::blocking;
use crate::objects::{FileName, ObjectName, Shelf, io_error};
use crate::prepare::SPAN_BYTES;
use crate::rebuild::step;
use crate::segment::SegmentId;
use crate::segment::buffer::BLOCK;
use crate::segment::entry::{self, Entry, Header};
use crate::segment::walk::{Found, hash_range};
use crate::store::{is_entry_indexed, is_indexed};
use crate::{Storage, StorageError};
use model::{OrgId, Sha256};
use sqlx::Row as _;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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
    /// An object that no row points at; `rebuild` has it indexed.
    ObjectNotIndexed,
    /// Bytes between the objects of a segment that belong to none.
    SegmentDamaged,
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

/// How long fsck waits for an object that is just arriving to be indexed.
const ARRIVING: Duration = Duration::from_secs(10);

/// What a row says about a file.
struct Expected {
    id: i64,
    name: ObjectName,
    /// Segment and offset of the entry; `None`: a file of its own.
    place: Option<(SegmentId, u64)>,
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
        self.check_segments(&mut report).await?;
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
                    place: SegmentId::of_number(row.try_get(5).map_err(at(PLACE))?).zip(Some(number(6)?)),
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
        let what = format!("{} {} ({})", table.name, expected.id, expected.name);
        let file = match expected.place {
            Some((segment, _)) => FileName::Segment(segment),
            None => FileName::Named(expected.name.clone()),
        };
        let path = self.objects().file_path(&file);
        let problem = blocking(move || match expected.place {
            Some(place) => check_entry(&path, place, &expected),
            None => check_bytes(&path, &expected),
        })
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

    /// Names of all files on a shelf, sorted.
    pub(crate) async fn names_on(&self, shelf: Shelf) -> Result<Vec<String>, StorageError> {
        let root = self.objects().shelf(shelf);
        let mut names = Vec::new();
        for owner in names_in(root.clone()).await? {
            for prefix in names_in(root.join(&owner)).await? {
                for file in names_in(root.join(&owner).join(&prefix)).await? {
                    names.push(format!("{}/{owner}/{prefix}/{file}", shelf.folder()));
                }
            }
        }
        Ok(names)
    }

    /// Every file has a row, or is just being placed.
    async fn check_orphans(&self, shelf: Shelf, report: &mut FsckReport) -> Result<(), StorageError> {
        for text in self.names_on(shelf).await? {
            let is_known = match ObjectName::parse(&text) {
                Some(name) => is_indexed(&self.inner.db, &name).await? || self.is_arriving(&name).await?,
                None => false,
            };
            if !is_known {
                report.findings.push(Finding { what: text, problem: Problem::ObjectNotIndexed });
            }
        }
        Ok(())
    }

    /// Every entry of every segment has a row, or is just arriving, and there is nothing else.
    async fn check_segments(&self, report: &mut FsckReport) -> Result<(), StorageError> {
        let storage = self.clone();
        let (segments, others) = blocking(move || storage.objects().segments.list())
            .await?
            .map_err(|e| io_error(&e, "listing segments"))?;
        let strange = |what| Finding { what, problem: Problem::ObjectNotIndexed };
        report.findings.extend(others.into_iter().map(strange));
        for segment in segments {
            let mut walk = match self.walk(segment).await {
                // Erased meanwhile.
                Err(StorageError::Corrupt(_)) => continue,
                other => other?,
            };
            loop {
                let (found, again) = step(walk).await?;
                walk = again;
                match found {
                    None => break,
                    Some(Found::Erased { .. }) => {}
                    Some(Found::Object(header)) => {
                        if !self.is_entry_known(&header).await? {
                            report.findings.push(strange(format!("segment {segment} at {}", header.offset)));
                        }
                    }
                    Some(Found::Rubbish { offset }) => {
                        if !self.is_segment_marked(segment).await? {
                            let what = format!("segment {segment} at {offset}");
                            report.findings.push(Finding { what, problem: Problem::SegmentDamaged });
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether an entry is indexed, now or when it has arrived.
    async fn is_entry_known(&self, header: &Header) -> Result<bool, StorageError> {
        let place = (header.segment, header.offset);
        let deadline = Instant::now() + ARRIVING;
        loop {
            if is_entry_indexed(&self.inner.db, &header.owner, &header.sha256, place).await? {
                return Ok(true);
            }
            if !self.is_segment_marked(header.segment).await? || Instant::now() > deadline {
                // Its marker went when the index knew everything, or it has been erased.
                return Ok(is_entry_indexed(&self.inner.db, &header.owner, &header.sha256, place).await?
                    || self.is_erased(header).await?);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn is_segment_marked(&self, segment: SegmentId) -> Result<bool, StorageError> {
        let storage = self.clone();
        blocking(move || storage.objects().segments.is_marked(segment))
            .await?
            .map_err(|e| io_error(&e, "looking at segments"))
    }

    async fn is_erased(&self, header: &Header) -> Result<bool, StorageError> {
        let mut walk = match self.walk(header.segment).await {
            Err(StorageError::Corrupt(_)) => return Ok(true),
            other => other?,
        };
        walk.go_to(header.offset);
        Ok(matches!(step(walk).await?.0, Some(Found::Erased { .. })))
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
    /// id, owner, hash, head length, length, segment, offset; after an owner and a hash.
    page: &'static str,
}

const TABLES: &[Table] = &[
    Table {
        name: "instance",
        shelf: Shelf::Objects,
        page: "SELECT id, owner, sha256, head_length, dataset_length, segment, segment_offset FROM instance \
               WHERE (owner, sha256) > ($1, $2) ORDER BY owner, sha256 LIMIT $3",
    },
    Table {
        name: "instance_apart",
        shelf: Shelf::Objects,
        page: "SELECT id, owner, sha256, head_length, dataset_length, segment, segment_offset FROM instance_apart \
               WHERE (owner, sha256) > ($1, $2) ORDER BY owner, sha256 LIMIT $3",
    },
    Table {
        name: "blob",
        shelf: Shelf::Blobs,
        page: "SELECT received_at_ms, owner, sha256, 0, length, 0, 0 FROM blob \
               WHERE (owner, sha256) > ($1, $2) ORDER BY owner, sha256 LIMIT $3",
    },
];

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn check_bytes(path: &Path, expected: &Expected) -> io::Result<Option<Problem>> {
    let Some(file) = open(path)? else { return Ok(Some(Problem::ObjectMissing)) };
    if file.metadata()?.len() != expected.head_length.saturating_add(expected.length) {
        return Ok(Some(Problem::ObjectDamaged));
    }
    let found = hash_range(&file, expected.head_length, expected.length)?;
    Ok((found != Some(*expected.name.sha256.as_bytes())).then_some(Problem::ObjectDamaged))
}

/// An entry has the header that its row tells of, and the bytes that its header tells of.
fn check_entry(
    path: &Path,
    (segment, offset): (SegmentId, u64),
    expected: &Expected,
) -> io::Result<Option<Problem>> {
    let Some(file) = open(path)? else { return Ok(Some(Problem::ObjectMissing)) };
    let mut block = vec![0; BLOCK];
    match file.read_exact_at(&mut block, offset) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Ok(Some(Problem::ObjectMissing));
        }
        other => other?,
    }
    let header = match entry::read(segment, offset, &block) {
        Some(Entry::Object(header)) => header,
        Some(Entry::Erased(_)) => return Ok(Some(Problem::ObjectMissing)),
        None => return Ok(Some(Problem::ObjectDamaged)),
    };
    let is_same = header.owner == expected.name.owner
        && header.sha256 == expected.name.sha256
        && header.head_length == expected.head_length
        && header.dataset_length == expected.length;
    let found = hash_range(&file, offset.saturating_add(BLOCK as u64), header.dataset_length)?;
    let is_whole = is_same && found == Some(*header.sha256.as_bytes());
    Ok((!is_whole).then_some(Problem::ObjectDamaged))
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
