//! The side of whoever sends: begin, go on from where it broke off, say that it is done, give it up.

use super::Intake;
use super::record::{KIND, State, Upload};
use super::worker::JOB;
use crate::{Particulars, SlideError};
use model::{Actor, OrgId, Scope, Sha256, time_text};
use sha1::Digest as _;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use storage::{
    Arriving, AuditAction, AuditEntry, AuditOutcome, Change, Expected, NewJob, Order, RecordQuery,
    StorageError,
};
use time::OffsetDateTime;
use tokio::sync::Notify;
use uuid::Uuid;

/// Characters of a file's name.
const NAME_CHARS_MAX: usize = 255;
/// Characters of what a sender recognises its file by.
const FINGERPRINT_CHARS_MAX: usize = 128;
/// Bytes after which what has arrived is made durable although the request goes on.
const DURABLE_EVERY_BYTES: u64 = 8 << 20;
/// How long a request waits for the one before it on the same file, which it has told to stop.
const TAKE_OVER: Duration = Duration::from_secs(10);
/// Uploads in one list.
const LIST_MAX: u32 = 200;
/// Of the disk, what uploads leave free: one part in so many, but no more than the other.
const RESERVE_PART: u64 = 20;
const RESERVE_BYTES_MAX: u64 = 4 << 30;

/// Bytes that are left free on a disk of so many.
pub(crate) fn reserve(all: u64) -> u64 {
    (all / RESERVE_PART).min(RESERVE_BYTES_MAX)
}

/// Why a call about uploads failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// Not there, or somebody else's: the same answer.
    #[error("not found")]
    NotFound,
    /// It has another offset, or is further on than this.
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// Somebody else writes it and did not stop.
    #[error("it is being written")]
    Busy,
    /// A piece did not arrive as it was sent; nothing of it counts.
    #[error("the checksum of a piece does not match")]
    Checksum,
    /// Over a limit of size.
    #[error("over the limit: {0}")]
    TooLarge(&'static str),
    /// The organisation has too many that are not finished.
    #[error("too many unfinished uploads")]
    TooMany,
    /// A field is missing or wrong.
    #[error("{field}: {why}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// Why.
        why: &'static str,
    },
    /// The storage refused; no room among others.
    #[error(transparent)]
    Storage(StorageError),
}

impl From<StorageError> for IntakeError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound => Self::NotFound,
            other => Self::Storage(other),
        }
    }
}

/// What is said at the beginning.
#[derive(Debug, Clone, Default)]
pub struct NewUpload {
    /// The file's name.
    pub name: String,
    /// Bytes in all.
    pub bytes: u64,
    /// What the sender recognises its file by, after a break; may be empty.
    pub fingerprint: String,
}

/// What is said at the end.
#[derive(Debug, Clone, Default)]
pub struct Finish {
    /// SHA-256 that the sender has computed of the file.
    pub sha256: Option<Sha256>,
    /// Whose it is.
    pub of: Particulars,
    /// Whether the sender says that it is not known yet whose it is.
    pub is_unknown: bool,
    /// Study Description.
    pub description: Option<String>,
}

impl Intake {
    /// Begins an upload for the caller's organisation.
    ///
    /// # Errors
    /// [`IntakeError::TooLarge`], [`IntakeError::TooMany`], [`IntakeError::Invalid`]; no room:
    /// [`StorageError::OutOfResources`].
    pub async fn create(&self, scope: &Scope, owner: &OrgId, new: NewUpload) -> Result<Upload, IntakeError> {
        let name = clean_name(&new.name)
            .ok_or(IntakeError::Invalid {
                field: "filename", why: "请给文件命名 / the file has no name"
            })?;
        if new.fingerprint.chars().count() > FINGERPRINT_CHARS_MAX {
            return Err(IntakeError::Invalid { field: "fingerprint", why: "过长 / it is too long" });
        }
        if new.bytes == 0 {
            return Err(IntakeError::Invalid {
                field: "Upload-Length",
                why: "文件是空的 / the file is empty",
            });
        }
        let limits = self.storage.limits();
        if new.bytes > limits.upload_bytes_max {
            return Err(IntakeError::TooLarge("bytes of one file"));
        }
        let _one_at_a_time = self.creating.lock().await;
        let mut query = RecordQuery::new(KIND).with("unfinished", owner.as_str());
        query.limit = limits.uploads_per_owner_max.saturating_add(1);
        let unfinished = self.list(scope, &query).await?;
        if unfinished.len() >= limits.uploads_per_owner_max as usize {
            return Err(IntakeError::TooMany);
        }
        let bytes: u64 = unfinished.iter().map(|upload| upload.bytes).sum();
        if bytes.saturating_add(new.bytes) > limits.uploads_bytes_per_owner_max {
            return Err(IntakeError::TooLarge("bytes of an organisation's unfinished uploads"));
        }
        self.check_room(owner, new.bytes).await?;
        let upload = Upload {
            id: Uuid::new_v4(),
            owner: owner.clone(),
            by: scope.actor.clone(),
            name,
            bytes: new.bytes,
            fingerprint: new.fingerprint,
            sha256: None,
            of: Particulars::default(),
            is_unknown: false,
            description: None,
            state: State::Receiving,
            percent: 0,
            created_at_ms: now_ms(),
        };
        // The file first: one without a record is swept away, a record without a file would be a lie.
        self.storage.begin_arriving(upload.id).await?;
        let change = Change {
            puts: vec![upload.put(Expected::Absent)?],
            audit: vec![entry(AuditAction::Store, &upload, "begun")],
            ..Change::default()
        };
        self.storage.apply(scope, change).await?;
        Ok(upload)
    }

    /// What is promised to all that are not here yet has to fit twice, as original and as instances, and leave a reserve.
    async fn check_room(&self, owner: &OrgId, bytes: u64) -> Result<(), IntakeError> {
        let mut owners: Vec<String> = vec![owner.to_string()];
        owners.extend(self.storage.organisations().await?.iter().map(|one| one.id.to_string()));
        let mut query = RecordQuery::new(KIND);
        query.keys.push(("unfinished", owners));
        let node = Scope::node("uploads");
        let mut promised = bytes.saturating_mul(2);
        loop {
            let page = self.list(&node, &query).await?;
            for upload in &page {
                let here = self.storage.arriving_offset(upload.id).await.unwrap_or(0);
                promised = promised.saturating_add(upload.bytes.saturating_mul(2).saturating_sub(here));
            }
            let count = u32::try_from(page.len()).unwrap_or(u32::MAX);
            if count < query.limit {
                break;
            }
            query.offset = query.offset.saturating_add(count);
        }
        let (free, all) = self.storage.disk_bytes().await?;
        if promised.saturating_add(reserve(all)) > free {
            return Err(StorageError::OutOfResources("the disk has no room for this file").into());
        }
        Ok(())
    }

    /// The caller's own uploads, the last begun first.
    ///
    /// # Errors
    /// [`IntakeError::Storage`].
    pub async fn own(&self, scope: &Scope) -> Result<Vec<Upload>, IntakeError> {
        let mut query = RecordQuery::new(KIND).with("by", Upload::actor_key(&scope.actor));
        query.order = Order::Descending;
        query.limit = LIST_MAX;
        self.list(scope, &query).await
    }

    pub(super) async fn list(&self, scope: &Scope, query: &RecordQuery) -> Result<Vec<Upload>, IntakeError> {
        let records = self.storage.records(scope, query).await?;
        let parsed = records.into_iter().map(|record| Upload::parse(record.body));
        parsed.collect::<Result<_, _>>().map_err(|_| StorageError::Corrupt("an upload").into())
    }

    /// One of the caller's own uploads.
    ///
    /// # Errors
    /// [`IntakeError::NotFound`].
    pub async fn upload(&self, scope: &Scope, id: Uuid) -> Result<Upload, IntakeError> {
        self.versioned(scope, id).await.map(|(upload, _)| upload)
    }

    async fn versioned(&self, scope: &Scope, id: Uuid) -> Result<(Upload, Expected), IntakeError> {
        let record = self.storage.record(scope, KIND, &id.to_string()).await?;
        let upload = Upload::parse(record.body).map_err(|_| StorageError::Corrupt("an upload"))?;
        // The address from which somebody comes may change on the way.
        let is_own = is_same(&upload.by, &scope.actor);
        if is_own { Ok((upload, Expected::Version(record.version))) } else { Err(IntakeError::NotFound) }
    }

    /// How many bytes of an upload are durable. Whoever still writes it is told to stop first: after a break that only one
    /// side has noticed, it is the same sender.
    ///
    /// # Errors
    /// [`IntakeError::NotFound`].
    pub async fn offset(&self, scope: &Scope, id: Uuid) -> Result<(Upload, u64), IntakeError> {
        let upload = self.upload(scope, id).await?;
        if upload.state != State::Receiving {
            let bytes = upload.bytes;
            return Ok((upload, bytes));
        }
        drop(self.take(id).await?);
        let offset = self.storage.arriving_offset(id).await?;
        Ok((upload, offset))
    }

    /// Begins to take a piece that starts at this offset.
    ///
    /// # Errors
    /// [`IntakeError::NotFound`]; [`IntakeError::Conflict`] at another offset; [`IntakeError::Busy`].
    pub async fn receive(
        &self,
        scope: &Scope,
        id: Uuid,
        offset: u64,
        checksum: Option<Checksum>,
    ) -> Result<Receiving, IntakeError> {
        let upload = self.upload(scope, id).await?;
        if upload.state != State::Receiving {
            return Err(IntakeError::Conflict("it is whole already"));
        }
        let (file, turn) = self.take(id).await?;
        if file.durable() != offset {
            return Err(IntakeError::Conflict("the offset is another"));
        }
        let left = upload.bytes.saturating_sub(offset);
        Ok(Receiving { file: Some(file), left, checksum, turn })
    }

    /// Opens a file, after whoever has it open has been told to stop.
    async fn take(&self, id: Uuid) -> Result<(Arriving, Turn), IntakeError> {
        let turn = Turn { intake: self.clone(), id, stop: Arc::new(Notify::new()) };
        let before = {
            let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
            writers.insert(id, turn.stop.clone())
        };
        if let Some(before) = before {
            before.notify_one();
        }
        let end = tokio::time::Instant::now() + TAKE_OVER;
        loop {
            match self.storage.open_arriving(id).await {
                Ok(file) => return Ok((file, turn)),
                Err(StorageError::Conflict(_)) if tokio::time::Instant::now() < end => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(StorageError::Conflict(_)) => return Err(IntakeError::Busy),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Says that all bytes are here and whose the file is: it is brought in from here on, whoever is still there.
    ///
    /// # Errors
    /// [`IntakeError::NotFound`]; [`IntakeError::Conflict`] before the last byte, or when it has been said before;
    /// [`IntakeError::Invalid`].
    pub async fn finish(&self, scope: &Scope, id: Uuid, finish: Finish) -> Result<Upload, IntakeError> {
        if let Some(field) = finish.of.first_fault() {
            return Err(IntakeError::Invalid {
                field,
                why: "过长，或不是这一种编号 / it is too long, or not of its kind",
            });
        }
        if finish.is_unknown && finish.of.names_somebody() {
            let why = "a patient is named, so it is known whose it is";
            return Err(IntakeError::Invalid { field: "unknown", why });
        }
        let (mut upload, expected) = self.versioned(scope, id).await?;
        if !upload.state.may_finish() {
            // The answer to the first call was lost on the way.
            let is_again = (finish.sha256, &finish.of, finish.is_unknown)
                == (upload.sha256, &upload.of, upload.is_unknown);
            return if is_again {
                Ok(upload)
            } else {
                Err(IntakeError::Conflict("it has been finished already"))
            };
        }
        if self.storage.arriving_offset(id).await? != upload.bytes {
            return Err(IntakeError::Conflict("bytes are missing"));
        }
        upload.sha256 = finish.sha256;
        upload.of = finish.of;
        upload.is_unknown = finish.is_unknown;
        upload.description = finish.description.map(|text| text.chars().take(64).collect());
        upload.state = State::Checking;
        let job = NewJob::new(JOB, id.to_string(), upload.owner.clone(), serde_json::json!({"upload": id}));
        let change = Change {
            puts: vec![upload.put(expected)?],
            audit: vec![entry(AuditAction::Store, &upload, "received")],
            jobs: vec![job],
            ..Change::default()
        };
        match self.storage.apply(scope, change).await {
            Err(StorageError::Conflict(_)) => {
                return Err(IntakeError::Conflict("it has been changed meanwhile"));
            }
            other => other?,
        }
        self.work.notify_one();
        Ok(upload)
    }

    /// Gives an upload up, or takes one that is over out of the list.
    ///
    /// # Errors
    /// [`IntakeError::NotFound`]; [`IntakeError::Conflict`] while it is being brought in.
    pub async fn cancel(&self, scope: &Scope, id: Uuid) -> Result<(), IntakeError> {
        let (upload, expected) = self.versioned(scope, id).await?;
        if upload.state != State::Receiving && !upload.state.is_over() {
            return Err(IntakeError::Conflict("it is being brought in"));
        }
        self.remove(scope, &upload, expected, "given up").await
    }

    /// Removes an upload that is still as it was judged: the record first, and its file only then.
    pub(super) async fn remove(
        &self,
        scope: &Scope,
        upload: &Upload,
        expected: Expected,
        why: &str,
    ) -> Result<(), IntakeError> {
        let change = Change {
            // Writing comes before removing, and holds the version against the one that was judged.
            puts: vec![upload.put(expected)?],
            removes: vec![(KIND, upload.id.to_string())],
            audit: vec![entry(AuditAction::Delete, upload, why)],
            ..Change::default()
        };
        match self.storage.apply(scope, change).await {
            Err(StorageError::Conflict(_)) => {
                return Err(IntakeError::Conflict("it has been changed meanwhile"));
            }
            other => other?,
        }
        let writer = self.writers.lock().unwrap_or_else(PoisonError::into_inner).remove(&upload.id);
        if let Some(writer) = writer {
            writer.notify_one();
        }
        Ok(self.storage.remove_arriving(upload.id).await?)
    }
}

/// A checksum of a piece, by one of the algorithms that `tus` names.
#[derive(Debug, Clone)]
pub struct Checksum {
    expected: Vec<u8>,
    hasher: Hasher,
}

#[derive(Debug, Clone)]
enum Hasher {
    /// What every server has to know.
    Sha1(sha1::Sha1),
    /// What ours sends.
    Sha256(sha2::Sha256),
}

impl Checksum {
    /// The algorithms' names.
    pub const ALGORITHMS: &'static str = "sha256,sha1";

    /// By the algorithm's name; `None` for another, and for a value of another length.
    #[must_use]
    pub fn new(algorithm: &str, expected: Vec<u8>) -> Option<Self> {
        let hasher = match algorithm {
            "sha1" if expected.len() == 20 => Hasher::Sha1(sha1::Sha1::new()),
            "sha256" if expected.len() == 32 => Hasher::Sha256(sha2::Sha256::new()),
            _ => return None,
        };
        Some(Self { expected, hasher })
    }

    fn update(&mut self, bytes: &[u8]) {
        match &mut self.hasher {
            Hasher::Sha1(hasher) => hasher.update(bytes),
            Hasher::Sha256(hasher) => hasher.update(bytes),
        }
    }

    fn agrees(self) -> bool {
        match self.hasher {
            Hasher::Sha1(hasher) => hasher.finalize().as_slice() == self.expected,
            Hasher::Sha256(hasher) => hasher.finalize().as_slice() == self.expected,
        }
    }
}

/// Takes the bytes of one piece. Dropped without [`Receiving::done`] or [`Receiving::broken_off`], it counts for nothing.
pub struct Receiving {
    file: Option<Arriving>,
    left: u64,
    checksum: Option<Checksum>,
    turn: Turn,
}

/// The right to write a file, until somebody else wants it.
struct Turn {
    intake: Intake,
    id: Uuid,
    stop: Arc<Notify>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut writers = self.intake.writers.lock().unwrap_or_else(PoisonError::into_inner);
        if writers.get(&self.id).is_some_and(|stop| Arc::ptr_eq(stop, &self.stop)) {
            writers.remove(&self.id);
        }
    }
}

impl Receiving {
    /// Done when somebody else wants to write the file.
    pub fn superseded(&self) -> impl Future<Output = ()> + use<> {
        let stop = self.turn.stop.clone();
        async move { stop.notified().await }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`IntakeError::TooLarge`] behind the end that was declared; [`IntakeError::Storage`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), IntakeError> {
        self.left = self
            .left
            .checked_sub(bytes.len() as u64)
            .ok_or(IntakeError::TooLarge("more bytes than were declared"))?;
        if let Some(checksum) = &mut self.checksum {
            checksum.update(bytes);
        }
        let file = self.file.take().ok_or(IntakeError::Busy)?;
        let mut file = file.write(bytes).await?;
        // What has a checksum counts as a whole or not at all.
        if self.checksum.is_none() && file.pending() >= DURABLE_EVERY_BYTES {
            file = file.keep().await?;
        }
        self.file = Some(file);
        Ok(())
    }

    /// The piece is here: makes it durable and returns the offset behind it.
    ///
    /// # Errors
    /// [`IntakeError::Checksum`]; [`IntakeError::Storage`].
    pub async fn done(mut self) -> Result<u64, IntakeError> {
        if self.checksum.take().is_some_and(|checksum| !checksum.agrees()) {
            return Err(IntakeError::Checksum);
        }
        let file = self.file.take().ok_or(IntakeError::Busy)?;
        Ok(file.keep().await?.durable())
    }

    /// The line broke: keeps what has arrived, unless it could not be checked.
    pub async fn broken_off(mut self) {
        if self.checksum.is_none()
            && let Some(file) = self.file.take()
        {
            let _ = file.keep().await;
        }
    }
}

pub(super) fn entry(action: AuditAction, upload: &Upload, detail: &str) -> AuditEntry {
    AuditEntry {
        action,
        object: format!("upload/{}", upload.id),
        outcome: AuditOutcome::Success,
        detail: format!("{detail}; {} bytes", upload.bytes),
    }
}

pub(super) fn now_ms() -> i64 {
    time_text::unix_ms(OffsetDateTime::now_utc())
}

fn is_same(one: &Actor, other: &Actor) -> bool {
    (one.kind, &one.id) == (other.kind, &other.id)
}

/// The last part of what may be a path on somebody's machine, without what is no text.
fn clean_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    Some(clean.trim().to_owned()).filter(|name| !name.is_empty())
}

impl From<IntakeError> for SlideError {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::NotFound => Self::NotFound,
            IntakeError::Storage(error) => Self::Storage(error),
            IntakeError::Conflict(text) => Self::Conflict(text),
            _ => Self::Changed,
        }
    }
}
