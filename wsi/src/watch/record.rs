//! What is known of watched folders and of the files in them, for people and for the next start.

use super::Watch;
use crate::SlideError;
use crate::intake::Refusal;
use model::{Scope, SlideId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Order, Put, RecordQuery, Storage, StorageError,
};

const FOLDER: &str = "watched_folder";
const FILE: &str = "watched_file";
/// How often it is written down that a folder was looked at and nothing else has changed.
const LOOKED_MS: i64 = 60_000;
/// Files of a folder that are listed, of each kind.
const FILES_LISTED: u32 = 100;

/// How a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FolderState {
    /// It can be read.
    Ok,
    /// It could not be read the last time.
    Unreachable,
}

/// How a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// It is being brought in.
    Importing,
    /// It has become a slide or an instance.
    Imported,
    /// The same file was imported before.
    AlreadyThere,
    /// So it was, for another patient than its name says now; the slide waits for a person.
    Contradicted,
    /// It could not be taken now and is tried again.
    Waiting,
    /// It was not taken.
    Refused,
}

impl FileState {
    /// Whether nothing more happens to the file as it is.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Imported | Self::AlreadyThere | Self::Contradicted | Self::Refused)
    }
}

/// A folder that is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedFolder {
    /// Where it is.
    pub folder: String,
    /// How it is.
    pub state: FolderState,
    /// Since when, Unix milliseconds.
    pub since_ms: i64,
    /// When it was looked at last, to a minute.
    pub looked_at_ms: i64,
    /// Files that have been brought in.
    #[serde(default)]
    pub imported: u64,
}

/// A file in such a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedFile {
    /// Its path below the folder.
    pub name: String,
    /// Its length when that was so.
    pub bytes: u64,
    /// When it had been changed last, Unix milliseconds.
    pub modified_ms: i64,
    /// How it is.
    pub state: FileState,
    /// The slide that it has become.
    pub slide: Option<SlideId>,
    /// Why it was refused or waits.
    pub refusal: Option<Refusal>,
    /// Since when, Unix milliseconds.
    pub at_ms: i64,
}

fn digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    model::Sha256(hasher.finalize().into()).to_string()
}

fn folder_id(watch: &Watch) -> String {
    digest(&[watch.owner.as_str(), &watch.folder.to_string_lossy()])
}

/// Names a file's record; no name of a file becomes a key.
pub(super) fn file_id(watch: &Watch, name: &str) -> String {
    digest(&[&folder_id(watch), name])
}

async fn find<T: DeserializeOwned>(
    storage: &Storage,
    kind: &'static str,
    id: &str,
) -> Result<Option<(T, i64)>, SlideError> {
    match storage.record(&Scope::node("watched folder"), kind, id).await {
        Ok(record) => Ok(Some((parse(record.body)?, record.version))),
        Err(StorageError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn parse<T: DeserializeOwned>(body: serde_json::Value) -> Result<T, SlideError> {
    serde_json::from_value(body)
        .map_err(|_| SlideError::Storage(StorageError::Corrupt("what is known of a watched folder")))
}

/// What is known of a file.
pub(super) async fn file(
    storage: &Storage,
    watch: &Watch,
    name: &str,
) -> Result<Option<(WatchedFile, i64)>, SlideError> {
    find(storage, FILE, &file_id(watch, name)).await
}

/// Writes down how a file is.
pub(super) async fn put_file(storage: &Storage, watch: &Watch, file: WatchedFile) -> Result<(), SlideError> {
    let folder = folder_id(watch);
    let id = file_id(watch, &file.name);
    let is_refused = file.state == FileState::Refused;
    let listed = if is_refused || file.state == FileState::Waiting { "refused" } else { "taken" };
    let body = serde_json::to_value(&file)
        .map_err(|_| SlideError::Storage(StorageError::Corrupt("what is known of a watched folder")))?;
    let put = Put {
        kind: FILE,
        id: id.clone(),
        expected: Expected::Anything,
        body,
        keys: vec![("folder", folder.clone()), ("list", format!("{folder}/{listed}"))],
        unique: Vec::new(),
        sort: file.at_ms,
        visible_to: vec![watch.owner.clone()],
    };
    let mut change = Change { puts: vec![put], ..Change::default() };
    if let Some(refusal) = file.refusal.as_ref().filter(|_| is_refused) {
        change.audit.push(AuditEntry {
            action: AuditAction::Store,
            object: format!("watched_file/{}", &id[..16]),
            outcome: AuditOutcome::Refused,
            detail: format!("{:?}; {} bytes", refusal.why, file.bytes),
        });
    }
    if file.state == FileState::Imported
        && let Some((mut known, version)) = find::<WatchedFolder>(storage, FOLDER, &folder).await?
    {
        known.imported += 1;
        change.puts.push(folder_put(watch, &known, Expected::Version(version))?);
    }
    Ok(storage.apply(&Scope::node("watched folder"), change).await?)
}

/// Writes down how a folder is, when that is news.
pub(super) async fn put_folder(
    storage: &Storage,
    watch: &Watch,
    state: FolderState,
    now: i64,
) -> Result<(), SlideError> {
    let known: Option<(WatchedFolder, i64)> = find(storage, FOLDER, &folder_id(watch)).await?;
    let (record, expected) = match known {
        Some((known, _)) if known.state == state && now - known.looked_at_ms < LOOKED_MS => return Ok(()),
        Some((known, version)) => {
            let since_ms = if known.state == state { known.since_ms } else { now };
            (WatchedFolder { state, since_ms, looked_at_ms: now, ..known }, Expected::Version(version))
        }
        None => {
            let folder = watch.folder.to_string_lossy().into_owned();
            let new = WatchedFolder { folder, state, since_ms: now, looked_at_ms: now, imported: 0 };
            (new, Expected::Absent)
        }
    };
    let change = Change { puts: vec![folder_put(watch, &record, expected)?], ..Change::default() };
    Ok(storage.apply(&Scope::node("watched folder"), change).await?)
}

fn folder_put(watch: &Watch, folder: &WatchedFolder, expected: Expected) -> Result<Put, SlideError> {
    let body = serde_json::to_value(folder)
        .map_err(|_| SlideError::Storage(StorageError::Corrupt("what is known of a watched folder")))?;
    Ok(Put {
        kind: FOLDER,
        id: folder_id(watch),
        expected,
        body,
        keys: Vec::new(),
        unique: Vec::new(),
        sort: 0,
        visible_to: vec![watch.owner.clone()],
    })
}

/// The folders of the scope's organisation (of all for the node), each with its last files: those that were not taken first.
///
/// # Errors
/// [`SlideError::Storage`].
pub async fn status(
    storage: &Storage,
    scope: &Scope,
) -> Result<Vec<(WatchedFolder, Vec<WatchedFile>)>, SlideError> {
    let mut found = Vec::new();
    for record in storage.records(scope, &RecordQuery::new(FOLDER)).await? {
        let mut files = Vec::new();
        for list in ["refused", "taken"] {
            let mut query = RecordQuery::new(FILE).with("list", format!("{}/{list}", record.id));
            query.order = Order::Descending;
            query.limit = FILES_LISTED;
            for file in storage.records(scope, &query).await? {
                files.push(parse(file.body)?);
            }
        }
        found.push((parse(record.body)?, files));
    }
    Ok(found)
}
