//! Reading what is kept. An [`InstanceRef`] exists only if the scope reached it, so reads through it need no more
//! proof.

use crate::audit::{AuditAction, AuditEntry, AuditOutcome, PendingAudit};
use crate::coercion::{COERCION_COLUMNS, Coercion};
use crate::db::{at, sql, to_u64};
use crate::ingest::blocking;
use crate::metadata::{self, Chunk};
use crate::objects::{FileName, ObjectName, Shelf};
use crate::prepare::BulkPlaces;
use crate::segment::SegmentId;
use crate::segment::buffer::BLOCK;
use crate::writer::ToCommit;
use crate::{Storage, StorageError};
use bytes::Bytes;
use dataset::{PixelDescription, TransferSyntax};
use model::{OrgId, Reach, Scope, Sha256, Uid};
use moka::sync::Cache;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// An instance within reach.
#[derive(Debug, Clone)]
pub struct InstanceRef(pub(crate) Arc<InstanceRow>);

/// What the index knows of an instance.
#[derive(Debug, Clone)]
pub(crate) struct InstanceRow {
    pub id: i64,
    pub owner: OrgId,
    pub study: Uid,
    pub series: Uid,
    pub instance: Uid,
    pub sop_class: Uid,
    pub syntax: TransferSyntax,
    pub sha256: Sha256,
    pub head_length: u64,
    pub dataset_length: u64,
    /// Segment and offset of its entry; `None`: a file named by its content.
    pub place: Option<(SegmentId, u64)>,
    pub pixels: Option<PixelDescription>,
    pub frame_count: u32,
    /// Frames have several spans.
    pub is_fragmented: bool,
    /// Attributes of its study that have been corrected.
    pub coercion: Option<Coercion>,
}

impl InstanceRow {
    /// The file that it is in.
    pub fn file(&self) -> FileName {
        match self.place {
            Some((segment, _)) => FileName::Segment(segment),
            None => {
                let (owner, sha256) = (self.owner.clone(), self.sha256);
                FileName::Named(ObjectName { shelf: Shelf::Objects, owner, sha256 })
            }
        }
    }

    /// Where in that file its Part 10 head begins.
    pub fn head_offset(&self) -> u64 {
        self.dataset_offset().saturating_sub(self.head_length)
    }

    /// Bits of a frame, when frames follow one another bit by bit and not all of them begin on a byte.
    pub fn packed_frame_bits(&self) -> Option<u64> {
        let pixels = self.pixels.as_ref().filter(|pixels| pixels.is_packed_across_bytes())?;
        if self.syntax.is_encapsulated() { None } else { pixels.frame_bits() }
    }

    /// Where in that file its data set begins.
    pub fn dataset_offset(&self) -> u64 {
        match self.place {
            Some((_, offset)) => offset.saturating_add(BLOCK as u64),
            None => self.head_length,
        }
    }
}

impl InstanceRef {
    /// Owner organisation.
    #[must_use]
    pub fn owner(&self) -> &OrgId {
        &self.0.owner
    }
    /// Study Instance UID.
    #[must_use]
    pub fn study(&self) -> &Uid {
        &self.0.study
    }
    /// Series Instance UID.
    #[must_use]
    pub fn series(&self) -> &Uid {
        &self.0.series
    }
    /// SOP Instance UID.
    #[must_use]
    pub fn instance(&self) -> &Uid {
        &self.0.instance
    }
    /// SOP Class UID.
    #[must_use]
    pub fn sop_class(&self) -> &Uid {
        &self.0.sop_class
    }
    /// Transfer syntax that it is kept in.
    #[must_use]
    pub fn syntax(&self) -> &TransferSyntax {
        &self.0.syntax
    }
    /// SHA-256 of the data set's bytes as they arrived.
    #[must_use]
    pub fn sha256(&self) -> &Sha256 {
        &self.0.sha256
    }
    /// Image Pixel attributes; `None` without pixels.
    #[must_use]
    pub fn pixels(&self) -> Option<&PixelDescription> {
        self.0.pixels.as_ref()
    }
    /// Frames that can be read one by one.
    #[must_use]
    pub fn frame_count(&self) -> u32 {
        self.0.frame_count
    }
    /// Whether each frame is a run of bytes of the file: not so in deflated data sets, nor where frames of single bits
    /// begin in the middle of bytes.
    #[must_use]
    pub fn frames_have_places(&self) -> bool {
        self.0.syntax.as_str() != TransferSyntax::DEFLATED && self.0.packed_frame_bits().is_none()
    }
    /// Changes when a correction changes what [`Storage::handout`] gives: for entity tags. 0 without any.
    #[must_use]
    pub fn correction_stamp(&self) -> i64 {
        self.0.coercion.as_ref().map_or(0, |coercion| coercion.at_ms)
    }
    /// Bytes of preamble and file meta information before the data set.
    #[must_use]
    pub fn head_length(&self) -> u64 {
        self.0.head_length
    }
    /// Bytes of the Part 10 file, head and data set.
    #[must_use]
    pub fn file_length(&self) -> u64 {
        self.0.head_length + self.0.dataset_length
    }
}

/// DICOM JSON metadata of one or more instances, as an array, ready to be sent.
#[derive(Debug, Clone)]
pub enum MetadataBody {
    /// One gzip stream (RFC 1952), put together from what ingest compressed.
    Gzip(Bytes),
    /// Plain text.
    Plain(Bytes),
}

/// Which form of metadata is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataForm {
    /// `Content-Encoding: gzip`.
    Gzip,
    /// Identity.
    Plain,
}

/// What people want to know of a study besides its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudySummary {
    /// Owner organisation.
    pub owner: OrgId,
    /// Study Instance UID.
    pub study: Uid,
    /// When its first instance arrived, Unix milliseconds.
    pub received_at_ms: i64,
}

/// What is remembered for a while, all of it bounded.
pub(crate) struct Caches {
    instances: Cache<(Reach2, Uid, Uid, Uid), InstanceRef>,
    /// Rows of frame indexes, by instance, part and number.
    pub frame_chunks: Cache<(i64, i64, i64), Bytes>,
    /// Spans of frames in the inflated form of deflated data sets.
    pub inflated_frames: Cache<i64, Arc<dataset::FrameIndex>>,
    /// By instance.
    pub bulk_places: Cache<i64, Arc<BulkPlaces>>,
    pub files: Cache<FileName, Arc<File>>,
    /// Who looked at which study in the last five minutes.
    noted: Cache<(String, Option<OrgId>, Uid), ()>,
}

/// The organisations of a reach, as a key.
type Reach2 = (Option<OrgId>, Option<OrgId>);

const INSTANCE_SECONDS: u64 = 5;
const INSTANCES_MAX: u64 = 20_000;
const FRAME_CHUNK_BYTES_MAX: u64 = 64 << 20;
const BULK_PLACE_BYTES_MAX: u64 = 4 << 20;
const FILES_MAX: u64 = 512;
const NOTE_SECONDS: u64 = 300;
const NOTES_MAX: u64 = 50_000;

impl Caches {
    pub fn new() -> Self {
        Self {
            instances: Cache::builder()
                .max_capacity(INSTANCES_MAX)
                .time_to_live(Duration::from_secs(INSTANCE_SECONDS))
                .build(),
            frame_chunks: Cache::builder()
                .max_capacity(FRAME_CHUNK_BYTES_MAX)
                .weigher(|_, entries: &Bytes| u32::try_from(entries.len() + 64).unwrap_or(u32::MAX))
                .build(),
            inflated_frames: Cache::new(16),
            bulk_places: Cache::builder()
                .max_capacity(BULK_PLACE_BYTES_MAX)
                .weigher(|_, places: &Arc<BulkPlaces>| {
                    let bytes: usize = places.keys().map(|path| path.len() + 64).sum();
                    u32::try_from(bytes + 64).unwrap_or(u32::MAX)
                })
                .build(),
            files: Cache::builder().max_capacity(FILES_MAX).time_to_idle(Duration::from_secs(60)).build(),
            noted: Cache::builder()
                .max_capacity(NOTES_MAX)
                .time_to_live(Duration::from_secs(NOTE_SECONDS))
                .build(),
        }
    }

    /// Grants have changed.
    pub fn forget_instances(&self) {
        self.instances.invalidate_all();
    }
}

fn reach_key(scope: &Scope) -> Reach2 {
    match &scope.reach {
        Reach::Granted(viewer) => (Some(viewer.clone()), None),
        Reach::OwnedBy { viewer, owner } => (Some(viewer.clone()), Some(owner.clone())),
        Reach::Node => (None, None),
    }
}

const PLACE: &str = "reading the index";
const ROW_COLUMNS: &str = "i.id, s.owner, s.study_uid, e.series_uid, i.sop_uid, i.sop_class, i.syntax, i.sha256, \
     i.head_length, i.dataset_length, i.pixels, i.frame_count, i.is_fragmented, i.segment, i.segment_offset";
const ROW_ORDER: &str = "e.series_number, e.series_uid, i.instance_number, i.sop_uid";

/// An instance from [`ROW_COLUMNS`].
fn instance_of(row: &AnyRow) -> Result<InstanceRef, StorageError> {
    let damaged = StorageError::Corrupt("a row of an instance");
    let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
    let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE)).and_then(to_u64);
    let uid = |i: usize| Uid::parse(&text(i)?).map_err(|_| damaged.clone());
    let sha256: Vec<u8> = row.try_get(7).map_err(at(PLACE))?;
    let pixels = text(10)?;
    Ok(InstanceRef(Arc::new(InstanceRow {
        id: row.try_get(0).map_err(at(PLACE))?,
        owner: OrgId::parse(&text(1)?).map_err(|_| damaged.clone())?,
        study: uid(2)?,
        series: uid(3)?,
        instance: uid(4)?,
        sop_class: uid(5)?,
        syntax: TransferSyntax::parse(&text(6)?).map_err(|_| damaged.clone())?,
        sha256: Sha256::from_slice(&sha256).map_err(|_| damaged.clone())?,
        head_length: number(8)?,
        dataset_length: number(9)?,
        place: SegmentId::of_number(row.try_get(13).map_err(at(PLACE))?).zip(Some(number(14)?)),
        pixels: if pixels.is_empty() {
            None
        } else {
            Some(serde_json::from_str(&pixels).map_err(|_| damaged.clone())?)
        },
        frame_count: u32::try_from(number(11)?).map_err(|_| damaged.clone())?,
        is_fragmented: number(12)? != 0,
        coercion: Coercion::of_row(row)?,
    })))
}

impl Storage {
    /// Rows of studies with this UID within reach, the own organisation's first.
    async fn visible_studies(&self, scope: &Scope, study: &Uid) -> Result<Vec<i64>, StorageError> {
        let granted = "EXISTS (SELECT 1 FROM study_grant g WHERE g.study_id = s.id AND g.grantee = $2)";
        let (condition, organisations) = match &scope.reach {
            // What is hidden has an owner that begins with a hyphen, and is nobody's.
            Reach::Node => ("AND s.owner >= '0'".to_owned(), vec![]),
            Reach::Granted(viewer) => (format!("AND (s.owner = $2 OR {granted})"), vec![viewer]),
            Reach::OwnedBy { viewer, owner } if viewer == owner => {
                ("AND s.owner = $2".to_owned(), vec![viewer])
            }
            Reach::OwnedBy { viewer, owner } => {
                (format!("AND s.owner = $3 AND {granted}"), vec![viewer, owner])
            }
        };
        let order =
            if organisations.is_empty() { "s.id" } else { "CASE WHEN s.owner = $2 THEN 0 ELSE 1 END, s.id" };
        let text = format!("SELECT s.id FROM study s WHERE s.study_uid = $1 {condition} ORDER BY {order}");
        let mut query = sqlx::query(sql(text)).bind(study.as_str());
        for organisation in organisations {
            query = query.bind(organisation.as_str());
        }
        let rows = query.fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        rows.iter().map(|row| row.try_get(0).map_err(at(PLACE))).collect()
    }

    /// Rows below the first visible study that has any: the own one, before another's of the same UID.
    async fn rows_below(
        &self,
        scope: &Scope,
        columns: &str,
        joins: &str,
        (study, series, instance): (&Uid, Option<&Uid>, Option<&Uid>),
    ) -> Result<Vec<AnyRow>, StorageError> {
        let mut condition = String::from("s.id = $1");
        let mut values = Vec::new();
        for (column, value) in [("e.series_uid", series), ("i.sop_uid", instance)] {
            if let Some(value) = value {
                values.push(value.as_str());
                condition.push_str(&format!(" AND {column} = ${}", values.len() + 1));
            }
        }
        let text = format!(
            "SELECT {columns} FROM study s JOIN series e ON e.study_id = s.id JOIN instance i ON i.series_id = e.id \
             {joins} WHERE {condition} ORDER BY {ROW_ORDER}"
        );
        for study_id in self.visible_studies(scope, study).await? {
            let mut query = sqlx::query(sql(text.clone())).bind(study_id);
            for value in &values {
                query = query.bind(*value);
            }
            let rows = query.fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
            if !rows.is_empty() {
                return Ok(rows);
            }
        }
        Err(StorageError::NotFound)
    }

    /// The instances of a study, of one series, or one instance, in the order of series number, instance number, UID.
    /// When several visible organisations hold the same study UID, the own organisation's study is the one.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when nothing is within reach.
    pub async fn instances(
        &self,
        scope: &Scope,
        study: &Uid,
        series: Option<&Uid>,
        instance: Option<&Uid>,
    ) -> Result<Vec<InstanceRef>, StorageError> {
        let columns = format!("{ROW_COLUMNS}, {COERCION_COLUMNS}");
        let rows = self.rows_below(scope, &columns, "", (study, series, instance)).await?;
        rows.iter().map(instance_of).collect()
    }

    /// The middle one of the images of a study or series, in the order of series number, instance number, UID; nothing
    /// when there are instances but no images among them. Videos are no images.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when nothing is within reach.
    pub async fn middle_image(
        &self,
        scope: &Scope,
        study: &Uid,
        series: Option<&Uid>,
    ) -> Result<Option<InstanceRef>, StorageError> {
        let of_series = if series.is_some() { "AND e.series_uid = $2" } else { "" };
        let from = format!(
            "FROM study s JOIN series e ON e.study_id = s.id JOIN instance i ON i.series_id = e.id \
             WHERE s.id = $1 {of_series}"
        );
        // MPEG2, MPEG-4 and HEVC: .100 to .108.
        let is_image = "i.frame_count > 0 AND i.syntax NOT LIKE '1.2.840.10008.1.2.4.10%'";
        let count =
            format!("SELECT COUNT(*), COALESCE(SUM(CASE WHEN {is_image} THEN 1 ELSE 0 END), 0) {from}");
        let offset = if series.is_some() { "$3" } else { "$2" };
        let pick = format!("SELECT i.id {from} AND {is_image} ORDER BY {ROW_ORDER} LIMIT 1 OFFSET {offset}");
        let whole = format!(
            "SELECT {ROW_COLUMNS}, {COERCION_COLUMNS} FROM study s JOIN series e ON e.study_id = s.id \
             JOIN instance i ON i.series_id = e.id WHERE i.id = $1"
        );
        let readers = &self.inner.db.readers;
        for study_id in self.visible_studies(scope, study).await? {
            let mut query = sqlx::query(sql(count.clone())).bind(study_id);
            query = series.into_iter().fold(query, |query, series| query.bind(series.as_str()));
            let row = query.fetch_one(readers).await.map_err(at(PLACE))?;
            let number = |place| row.try_get::<i64, _>(place).map_err(at(PLACE));
            match (number(0)?, number(1)?) {
                (0, _) => continue,
                (_, 0) => return Ok(None),
                (_, images) => {
                    let mut query = sqlx::query(sql(pick)).bind(study_id);
                    query = series.into_iter().fold(query, |query, series| query.bind(series.as_str()));
                    let row = query.bind(images / 2).fetch_optional(readers).await.map_err(at(PLACE))?;
                    // It may have been deleted between the two.
                    let Some(row) = row else { return Ok(None) };
                    let id: i64 = row.try_get(0).map_err(at(PLACE))?;
                    let row =
                        sqlx::query(sql(whole)).bind(id).fetch_optional(readers).await.map_err(at(PLACE))?;
                    return row.as_ref().map(instance_of).transpose();
                }
            }
        }
        Err(StorageError::NotFound)
    }

    /// One instance; kept for some seconds in a small cache, so that frames and tiles do not query.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn instance(
        &self,
        scope: &Scope,
        study: &Uid,
        series: &Uid,
        instance: &Uid,
    ) -> Result<InstanceRef, StorageError> {
        let key = (reach_key(scope), study.clone(), series.clone(), instance.clone());
        if let Some(found) = self.inner.caches.instances.get(&key) {
            return Ok(found);
        }
        let found = self.instances(scope, study, Some(series), Some(instance)).await?;
        let found = found.into_iter().next().ok_or(StorageError::NotFound)?;
        self.inner.caches.instances.insert(key, found.clone());
        Ok(found)
    }

    /// Metadata computed at ingest, of a study, one series or one instance.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn metadata(
        &self,
        scope: &Scope,
        study: &Uid,
        series: Option<&Uid>,
        instance: Option<&Uid>,
        form: MetadataForm,
    ) -> Result<MetadataBody, StorageError> {
        let columns = format!("m.crc32, m.text_length, m.chunk, {COERCION_COLUMNS}");
        let joins = "JOIN instance_metadata m ON m.instance_id = i.id";
        let rows = self.rows_below(scope, &columns, joins, (study, series, instance)).await?;
        let mut chunks: Vec<Chunk> = rows.iter().map(|row| chunk_of(row, 0)).collect::<Result<_, _>>()?;
        let coercions: Vec<_> = rows.iter().map(Coercion::of_row).collect::<Result<_, _>>()?;
        drop(rows);
        if coercions.iter().any(Option::is_some) {
            chunks = blocking(move || coerced(chunks, &coercions)).await??;
        }
        match form {
            MetadataForm::Gzip => Ok(MetadataBody::Gzip(metadata::gzip_array(&chunks).into())),
            MetadataForm::Plain => {
                let text = blocking(move || metadata::plain_array(&chunks)).await??;
                Ok(MetadataBody::Plain(text.into()))
            }
        }
    }

    /// A range of the Part 10 file. Bytes in the page cache are read on the calling thread, others on a blocking one.
    /// At most 16 MiB at once; longer ranges are cut, so read on from there.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] outside the file, [`StorageError::Corrupt`].
    pub async fn read(&self, instance: &InstanceRef, range: Range<u64>) -> Result<Bytes, StorageError> {
        let row = &instance.0;
        self.read_object(&row.file(), row.head_offset(), instance.file_length(), range).await
    }

    /// Records that the caller looked at a study; calls within five minutes by the same actor make one audit row.
    pub fn note_read(&self, scope: &Scope, instance: &InstanceRef) {
        self.note_study(scope, Some(instance.owner()), instance.study());
    }

    /// The same for a study that the scope has just been seen to reach, such as by [`Storage::metadata`].
    pub fn note_study_read(&self, scope: &Scope, study: &Uid) {
        let owner = match &scope.reach {
            Reach::OwnedBy { owner, .. } => Some(owner),
            Reach::Granted(_) | Reach::Node => None,
        };
        self.note_study(scope, owner, study);
    }

    fn note_study(&self, scope: &Scope, owner: Option<&OrgId>, study: &Uid) {
        let actor = format!("{}:{}", crate::audit::actor_word(scope.actor.kind), scope.actor.id);
        let key = (actor, owner.cloned(), study.clone());
        if !self.inner.caches.noted.entry(key).or_insert(()).is_fresh() {
            return;
        }
        let entry = AuditEntry {
            action: AuditAction::Read,
            object: format!("study/{study}"),
            outcome: AuditOutcome::Success,
            detail: owner.map(|owner| format!("owner {owner}")).unwrap_or_default(),
        };
        let event = PendingAudit::new(scope, entry);
        let queue = self.inner.writer.commit.clone();
        tokio::spawn(async move {
            if queue.send(ToCommit::Audit(event, None)).await.is_err() {
                tracing::error!("a read could not be recorded: the storage is closed");
            }
        });
    }
}

/// Metadata with what has been corrected.
fn coerced(chunks: Vec<Chunk>, coercions: &[Option<Coercion>]) -> Result<Vec<Chunk>, StorageError> {
    chunks
        .into_iter()
        .zip(coercions)
        .map(|(chunk, coercion)| coercion.as_ref().map_or(Ok(chunk.clone()), |c| c.apply(&chunk)))
        .collect()
}

/// A piece of metadata from three columns.
pub(crate) fn chunk_of(row: &AnyRow, first: usize) -> Result<Chunk, StorageError> {
    let crc32: i64 = row.try_get(first).map_err(at(PLACE))?;
    let text_length: i64 = row.try_get(first + 1).map_err(at(PLACE))?;
    Ok(Chunk {
        crc32: u32::try_from(crc32).map_err(|_| StorageError::Corrupt("a checksum of metadata"))?,
        text_length: to_u64(text_length)?,
        bytes: row.try_get(first + 2).map_err(at(PLACE))?,
    })
}
