//! Reading what is kept. An [`InstanceRef`] exists only if the scope reached it, so reads through it need no more
//! proof.

use crate::audit::{AuditAction, AuditEntry, AuditOutcome};
use crate::caches::{SeriesSeen, reach_key};
use crate::coercion::{COERCION_COLUMNS, Coercion};
use crate::db::{at, sql, to_u64};
use crate::file::{is_cached_at, read_at, read_range};
use crate::frame::span_at;
use crate::labels::Seen;
use crate::objects::{FileName, ObjectName, Shelf};
use crate::reach::{Below, ROW_ORDER};
use crate::segment::buffer::BLOCK;
use crate::segment::{SegmentId, entry};
use crate::{Storage, StorageError};
use bytes::Bytes;
use dataset::{PixelDescription, Span, TransferSyntax};
use model::{OrgId, Reach, Scope, Sha256, Uid};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

pub use crate::metadata::{MetadataBody, MetadataForm};

/// An instance within reach.
#[derive(Debug, Clone)]
pub struct InstanceRef(pub(crate) Arc<InstanceRow>);

/// What the index knows of an instance.
#[derive(Debug, Clone)]
pub(crate) struct InstanceRow {
    pub id: i64,
    pub series_id: i64,
    pub number: i64,
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
    /// Where its only frame is, when that is known already and is one span.
    pub span: Option<Span>,
    /// Attributes of its study that have been corrected.
    pub coercion: Option<Coercion>,
}

impl InstanceRow {
    /// About how many bytes it takes in memory.
    pub fn weight(&self) -> u32 {
        if self.coercion.is_some() { 8192 } else { 1024 }
    }

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

const PLACE: &str = "reading the index";
const ROW_COLUMNS: &str = "i.id, s.owner, s.study_uid, e.series_uid, i.sop_uid, i.sop_class, i.syntax, i.sha256, \
     i.head_length, i.dataset_length, i.pixels, i.frame_count, i.is_fragmented, i.segment, i.segment_offset, \
     i.series_id, i.instance_number";
/// What a look-up of one instance brings along: the place of its only frame.
const FRAME: &str = "LEFT JOIN frame_chunk f ON f.instance_id = i.id AND f.part = 0 AND f.chunk_no = 0 AND i.frame_count = 1 \
     AND i.is_fragmented = 0";
const FRAME_COLUMN: &str = "f.entries AS frame_entries";
/// Instances before and behind one that was looked up that are looked up with the next.
const NEIGHBOURS: i64 = 32;

/// An instance from [`ROW_COLUMNS`] and [`COERCION_COLUMNS`].
fn instance_of(row: &AnyRow) -> Result<InstanceRow, StorageError> {
    let damaged = StorageError::Corrupt("a row of an instance");
    let text = |i: usize| row.try_get::<&str, _>(i).map_err(at(PLACE));
    let integer = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
    let number = |i: usize| integer(i).and_then(to_u64);
    let uid = |i: usize| Uid::parse(text(i)?).map_err(|_| damaged.clone());
    let sha256: &[u8] = row.try_get(7).map_err(at(PLACE))?;
    let pixels = text(10)?;
    Ok(InstanceRow {
        id: integer(0)?,
        series_id: integer(15)?,
        number: integer(16)?,
        owner: OrgId::parse(text(1)?).map_err(|_| damaged.clone())?,
        study: uid(2)?,
        series: uid(3)?,
        instance: uid(4)?,
        sop_class: uid(5)?,
        syntax: TransferSyntax::parse(text(6)?).map_err(|_| damaged.clone())?,
        sha256: Sha256::from_slice(sha256).map_err(|_| damaged.clone())?,
        head_length: number(8)?,
        dataset_length: number(9)?,
        place: SegmentId::of_number(integer(13)?).zip(Some(number(14)?)),
        pixels: if pixels.is_empty() {
            None
        } else {
            Some(serde_json::from_str(pixels).map_err(|_| damaged.clone())?)
        },
        frame_count: u32::try_from(number(11)?).map_err(|_| damaged.clone())?,
        is_fragmented: number(12)? != 0,
        span: None,
        coercion: Coercion::of_row(row)?,
    })
}

/// The same with [`FRAME_COLUMN`].
fn instance_with_frame_of(row: &AnyRow) -> Result<InstanceRef, StorageError> {
    let entries: Option<&[u8]> = row.try_get("frame_entries").map_err(at(PLACE))?;
    let span = entries.map(|entries| span_at(entries, 0)).transpose()?;
    Ok(InstanceRef(Arc::new(InstanceRow { span, ..instance_of(row)? })))
}

impl Storage {
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
        if let Some(instance) = instance {
            return Ok(vec![self.look_up(scope, Below { study, series, instance }).await?]);
        }
        let columns = format!("{ROW_COLUMNS}, {COERCION_COLUMNS}");
        for seen in self.visible_studies(scope, study).await? {
            let rows = self.rows_below(&seen, series, &columns, "").await?;
            if !rows.is_empty() {
                return rows.iter().map(|row| Ok(InstanceRef(Arc::new(instance_of(row)?)))).collect();
            }
        }
        Err(StorageError::NotFound)
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
        let offset = if series.is_some() { "$3" } else { "$2" };
        let whole = format!(
            "SELECT {ROW_COLUMNS}, {COERCION_COLUMNS}, {FRAME_COLUMN} FROM study s JOIN series e ON e.study_id = s.id \
             JOIN instance i ON i.series_id = e.id {FRAME} WHERE i.id = $1"
        );
        let readers = &self.inner.db.readers;
        for seen in self.visible_studies(scope, study).await? {
            let from = format!("{from} {}", seen.of_instance());
            let count =
                format!("SELECT COUNT(*), COALESCE(SUM(CASE WHEN {is_image} THEN 1 ELSE 0 END), 0) {from}");
            let pick =
                format!("SELECT i.id {from} AND {is_image} ORDER BY {ROW_ORDER} LIMIT 1 OFFSET {offset}");
            let mut query = sqlx::query(sql(count)).bind(seen.id);
            query = series.into_iter().fold(query, |query, series| query.bind(series.as_str()));
            let row = query.fetch_one(readers).await.map_err(at(PLACE))?;
            let number = |place| row.try_get::<i64, _>(place).map_err(at(PLACE));
            match (number(0)?, number(1)?) {
                (0, _) => continue,
                (_, 0) => return Ok(None),
                (_, images) => {
                    let mut query = sqlx::query(sql(pick)).bind(seen.id);
                    query = series.into_iter().fold(query, |query, series| query.bind(series.as_str()));
                    let row = query.bind(images / 2).fetch_optional(readers).await.map_err(at(PLACE))?;
                    // It may have been deleted between the two.
                    let Some(row) = row else { return Ok(None) };
                    let id: i64 = row.try_get(0).map_err(at(PLACE))?;
                    let row =
                        sqlx::query(sql(whole)).bind(id).fetch_optional(readers).await.map_err(at(PLACE))?;
                    return row.as_ref().map(instance_with_frame_of).transpose();
                }
            }
        }
        Err(StorageError::NotFound)
    }

    /// One instance; kept for some seconds in a small cache, so that frames and tiles do not query. Who looks up one
    /// after another of a series finds the next there already.
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
        let caches = &self.inner.caches;
        if let Some(found) = caches.instance(&key) {
            return Ok(found);
        }
        let generation = caches.generation();
        let found = self.look_up(scope, Below { study, series: Some(series), instance }).await?;
        caches.keep(generation, key, found.clone());
        let number = found.0.number;
        let new = || Arc::new(SeriesSeen { number: AtomicI64::new(number), is_busy: AtomicBool::new(false) });
        let seen = caches.series.entry(found.0.series_id).or_insert_with(new);
        if !seen.is_fresh() {
            let seen = seen.into_value();
            let distance = seen.number.swap(number, Ordering::Relaxed).abs_diff(number);
            if distance <= NEIGHBOURS.unsigned_abs() && !seen.is_busy.swap(true, Ordering::Relaxed) {
                let result = self.look_around(scope, &found, generation).await;
                seen.is_busy.store(false, Ordering::Relaxed);
                result?;
            }
        }
        Ok(found)
    }

    /// One instance by one query.
    async fn look_up(&self, scope: &Scope, below: Below<'_>) -> Result<InstanceRef, StorageError> {
        let columns = format!("{ROW_COLUMNS}, {COERCION_COLUMNS}, {FRAME_COLUMN}");
        instance_with_frame_of(&self.row_below(scope, below, &columns, FRAME).await?)
    }

    /// Keeps what stands before and behind an instance in its series, which was looked up since that generation: that the
    /// scope reaches the one is why it reaches the others.
    async fn look_around(
        &self,
        scope: &Scope,
        middle: &InstanceRef,
        generation: u64,
    ) -> Result<(), StorageError> {
        // Of one series all are of one owner, so what is seen of labels is the same for all.
        let of_instance = match Seen::of(scope) {
            Seen::All => "",
            Seen::Own if scope.viewer() == Some(middle.owner()) => "",
            Seen::Own | Seen::None => "AND n.shows_label = 0",
        };
        let near = |compare: &str, order: &str| {
            format!(
                "SELECT near.id FROM (SELECT n.id FROM instance n WHERE n.series_id = $1 AND \
                 (n.instance_number, n.sop_uid) {compare} ($2, $3) {of_instance} \
                 ORDER BY n.instance_number {order}, n.sop_uid {order} LIMIT {NEIGHBOURS}) near"
            )
        };
        let text = format!(
            "SELECT {ROW_COLUMNS}, {COERCION_COLUMNS}, {FRAME_COLUMN} FROM ({} UNION ALL {}) found \
             JOIN instance i ON i.id = found.id JOIN series e ON e.id = i.series_id \
             JOIN study s ON s.id = e.study_id {FRAME}",
            near(">", "ASC"),
            near("<", "DESC")
        );
        let row = &middle.0;
        let rows = sqlx::query(sql(text))
            .bind(row.series_id)
            .bind(row.number)
            .bind(row.instance.as_str())
            .fetch_all(&self.inner.db.readers)
            .await
            .map_err(at(PLACE))?;
        for found in rows.iter().map(instance_with_frame_of) {
            let found = found?;
            // A series that has just been moved may be out of reach.
            if found.owner() == middle.owner() && found.study() == middle.study() {
                let InstanceRow { study, series, instance, .. } = &*found.0;
                let key = (reach_key(scope), study.clone(), series.clone(), instance.clone());
                self.inner.caches.keep(generation, key, found);
            }
        }
        Ok(())
    }

    /// A range of the Part 10 file. Bytes in the page cache are read on the calling thread, others on a blocking one.
    /// At most 16 MiB at once; longer ranges are cut, so read on from there.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] outside the file, [`StorageError::Corrupt`].
    pub async fn read(&self, instance: &InstanceRef, range: Range<u64>) -> Result<Bytes, StorageError> {
        let row = &instance.0;
        let file = self.file_of(row).await?;
        let bytes = read_range(file.clone(), row.head_offset(), instance.file_length(), range).await?;
        self.require_kept(row, &file).await?;
        Ok(bytes)
    }

    /// The open file that an instance is in.
    pub(crate) async fn file_of(&self, row: &InstanceRow) -> Result<Arc<File>, StorageError> {
        match self.open_object(&row.file()).await {
            Err(damage @ StorageError::Corrupt(_)) => Err(Box::pin(self.lost(row, damage)).await),
            other => other,
        }
    }

    /// To be asked when an instance's bytes have been read and before anybody sees them: another process may have
    /// deleted it since it was looked up, and what is erased reads as zeros, which would be shown as an image. Erasing
    /// begins with the entry's header, so what was read while that still stood is what was stored.
    pub(crate) async fn require_kept(&self, row: &InstanceRow, file: &Arc<File>) -> Result<(), StorageError> {
        let Some((_, offset)) = row.place else { return Ok(()) };
        if is_cached_at(file, offset, entry::is_object) {
            return Ok(());
        }
        Box::pin(self.look_for_start(row, file, offset)).await
    }

    async fn look_for_start(
        &self,
        row: &InstanceRow,
        file: &Arc<File>,
        offset: u64,
    ) -> Result<(), StorageError> {
        let start = read_at(file.clone(), offset, entry::START_BYTES, 0).await?;
        if entry::is_object(&start) {
            return Ok(());
        }
        Err(self.lost(row, StorageError::Corrupt("an object's header")).await)
    }

    /// Why something of an instance that was looked up is not there: it has been deleted since, or this is damage.
    pub(crate) async fn lost(&self, row: &InstanceRow, damage: StorageError) -> StorageError {
        self.inner.caches.forget_instances();
        let found = sqlx::query("SELECT 1 FROM instance WHERE id = $1")
            .bind(row.id)
            .fetch_optional(&self.inner.db.readers)
            .await;
        match found {
            Ok(None) => StorageError::NotFound,
            Ok(Some(_)) => damage,
            Err(error) => at(PLACE)(error),
        }
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
        // Mostly it is there, and looking costs less than an entry.
        if self.inner.caches.noted.contains_key(&key) {
            return;
        }
        if !self.inner.caches.noted.entry(key).or_insert(()).is_fresh() {
            return;
        }
        let entry = AuditEntry {
            action: AuditAction::Read,
            object: format!("study/{study}"),
            outcome: AuditOutcome::Success,
            detail: owner.map(|owner| format!("owner {owner}")).unwrap_or_default(),
        };
        self.audit_soon(scope, entry);
    }
}
