//! A copy of all that is kept, made while the node runs, into a folder that a node can be started from again.
//!
//! The index is copied first, as of one moment; then the files. What the index names was placed before it was named, and
//! stays until somebody has it deleted: so the copy is what a crash at some moment would have left, which is a state that the
//! node starts from; but for what is deleted while the copy is made, which its index may still name: restoring says so, and the
//! next backup has it no more. A second backup into the same folder copies what has changed, and takes away what was deleted: what had
//! to be erased here is erased there. Until all files are there the folder has the index of the backup before.

use crate::db::{Dialect, at, sql};
use crate::ingest::blocking;
use crate::{Storage, StorageError, segment};
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fs::{File, FileTimes};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The copy of SQLite's index.
pub const SQLITE_INDEX: &str = "index.sqlite";
/// The copy of PostgreSQL's, in `pg_dump`'s custom format.
pub const POSTGRES_INDEX: &str = "index.pgdump";
/// What says that a folder is a backup.
const MARK: &str = "farsight-backup";
/// What is being written, and is no part of anything yet.
const PART: &str = ".part";

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The index could not be copied.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A file could not be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another backup is being made there.
    #[error("another backup is being made into {0}")]
    Busy(PathBuf),
    /// The folder has something else in it.
    #[error("{0} is neither empty nor a backup: name a folder of its own")]
    NotABackup(PathBuf),
    /// One of the two folders is in the other.
    #[error("{0} and the data directory must not lie in each other")]
    Inside(PathBuf),
    /// There is not room enough.
    #[error("{folder} has room for {free} bytes, and {needed} are missing there")]
    Full {
        /// Where.
        folder: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes that it takes.
        needed: u64,
    },
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Files that were copied, the index not among them.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were there already as they are.
    pub unchanged: u64,
    /// Files of the backup before that are no more.
    pub removed: u64,
}

/// A folder that is being made a backup, by nobody else.
#[derive(Debug)]
pub struct BackupFolder {
    to: PathBuf,
    _lock: File,
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    move |error| BackupError::Io { path: path.to_owned(), error }
}

impl BackupFolder {
    fn open(to: &Path) -> Result<Self, BackupError> {
        std::fs::create_dir_all(to).map_err(io_at(to))?;
        let is_empty = std::fs::read_dir(to).map_err(io_at(to))?.next().is_none();
        let mark = to.join(MARK);
        if !is_empty && !mark.is_file() {
            return Err(BackupError::NotABackup(to.to_owned()));
        }
        let lock = File::options().create(true).append(true).open(&mark).map_err(io_at(&mark))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(BackupError::Busy(to.to_owned()));
        }
        Ok(Self { to: to.to_owned(), _lock: lock })
    }

    /// Where the new copy of the index is written.
    #[must_use]
    pub fn new_index(&self, name: &str) -> PathBuf {
        self.to.join(format!("{name}{PART}"))
    }
}

/// Whether this folder is a backup, and with which index.
#[must_use]
pub fn index_in(folder: &Path) -> Option<&'static str> {
    let is_there = |name: &&str| folder.join(name).is_file();
    [SQLITE_INDEX, POSTGRES_INDEX].into_iter().find(|name| folder.join(MARK).is_file() && is_there(name))
}

impl Storage {
    /// An empty folder, one that is not there yet, or one with a backup, for the next one.
    ///
    /// # Errors
    /// [`BackupError`]; then nothing was written.
    pub fn backup_folder(&self, to: &Path) -> Result<BackupFolder, BackupError> {
        refuse_inside(self.inner.objects.root(), to)?;
        BackupFolder::open(to)
    }

    /// Copies SQLite's index as of one moment.
    ///
    /// # Errors
    /// [`BackupError`]; of an index in PostgreSQL, which `pg_dump` copies, too.
    pub async fn copy_index(&self, folder: &BackupFolder) -> Result<(), BackupError> {
        let place = "copying the index";
        if self.inner.db.dialect == Dialect::Postgres {
            return Err(StorageError::Unavailable("pg_dump copies PostgreSQL".to_owned()).into());
        }
        let path = folder.new_index(SQLITE_INDEX);
        remove_if_there(&path)?;
        let text = path.to_str().ok_or_else(|| StorageError::Unavailable(place.to_owned()))?;
        let quoted = text.replace('\'', "''");
        sqlx::query(sql(format!("VACUUM INTO '{quoted}'")))
            .execute(&self.inner.db.writer)
            .await
            .map_err(at(place))?;
        Ok(())
    }

    /// Copies the files beside the index, which has been copied as `index`, and makes the folder a backup. `progress` is told
    /// how many bytes of how many are done.
    ///
    /// # Errors
    /// [`BackupError`]; the backup that was there before stays usable.
    pub async fn copy_files(
        &self,
        folder: BackupFolder,
        index: &'static str,
        progress: impl Fn(u64, u64) + Send + 'static,
    ) -> Result<Copied, BackupError> {
        let from = self.inner.objects.root().to_owned();
        blocking(move || copy(&from, &folder, index, &progress)).await?
    }
}

/// Copies a backup's files into an empty folder, or one that is not there yet, so that a node can start there; the index goes
/// along if it is SQLite's.
///
/// # Errors
/// [`BackupError`]; [`BackupError::NotABackup`] also when `to` is not empty.
pub fn restore(from: &Path, to: &Path, progress: &dyn Fn(u64, u64)) -> Result<Copied, BackupError> {
    if index_in(from).is_none() {
        return Err(BackupError::NotABackup(from.to_owned()));
    }
    refuse_inside(from, to)?;
    std::fs::create_dir_all(to).map_err(io_at(to))?;
    if std::fs::read_dir(to).map_err(io_at(to))?.next().is_some() {
        return Err(BackupError::NotABackup(to.to_owned()));
    }
    let mut files = files_in(from)?;
    // What a backup that broke off has left is no part of it.
    let is_part = |path: &Path| path.to_string_lossy().ends_with(PART);
    files.retain(|path, _| path != Path::new(MARK) && path != Path::new(POSTGRES_INDEX) && !is_part(path));
    let copied = copy_all(from, to, &files, progress)?;
    synchronise(to)?;
    Ok(copied)
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: SystemTime,
}

fn copy(
    from: &Path,
    folder: &BackupFolder,
    index: &str,
    progress: &dyn Fn(u64, u64),
) -> Result<Copied, BackupError> {
    let to = &folder.to;
    let mut files = files_in(from)?;
    files.retain(|path, _| is_kept(path));
    let copied = copy_all(from, to, &files, progress)?;
    synchronise(to)?;
    let (new, place) = (folder.new_index(index), to.join(index));
    std::fs::rename(&new, &place).map_err(io_at(&new))?;
    // Only now does nothing name them any more.
    let mut removed = 0;
    for path in files_in(to)?.into_keys() {
        let is_own = path == Path::new(MARK) || path == Path::new(index);
        if !is_own && !files.contains_key(&path) {
            remove_if_there(&to.join(&path))?;
            removed += 1;
        }
    }
    synchronise(to)?;
    Ok(Copied { removed, ..copied })
}

/// Whether a file of the data directory is for a backup: not the index, which is copied as of one moment, nor what is on its
/// way in; but the marks of segments that were being written: opening the copy looks for their ends, as after a crash.
fn is_kept(path: &Path) -> bool {
    let first = path.iter().next().unwrap_or_default().to_string_lossy();
    let is_mark = path.extension().is_some_and(|name| name == segment::MARKER || name == segment::AGAIN);
    !first.starts_with(SQLITE_INDEX) && (first != "incoming" || is_mark)
}

fn refuse_inside(one: &Path, other: &Path) -> Result<(), BackupError> {
    let whole = |path: &Path| std::path::absolute(path).and_then(|path| path.canonicalize().or(Ok(path)));
    let (a, b) = (whole(one).map_err(io_at(one))?, whole(other).map_err(io_at(other))?);
    if a.starts_with(&b) || b.starts_with(&a) {
        return Err(BackupError::Inside(other.to_owned()));
    }
    Ok(())
}

/// Regular files below a folder, by their path in it.
fn files_in(root: &Path) -> Result<BTreeMap<PathBuf, Stamp>, BackupError> {
    let mut found = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let here = root.join(&folder);
        let entries = match std::fs::read_dir(&here) {
            // A program that has ended takes the folder of what it was writing along.
            Err(error) if error.kind() == io::ErrorKind::NotFound && folder != PathBuf::new() => continue,
            other => other.map_err(io_at(&here))?,
        };
        for entry in entries {
            let entry = entry.map_err(io_at(&here))?;
            let path = folder.join(entry.file_name());
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                // Somebody had it deleted meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(io_at(&entry.path())(error)),
            };
            if metadata.is_dir() {
                folders.push(path);
            } else if metadata.is_file() {
                let modified = metadata.modified().map_err(io_at(&entry.path()))?;
                found.insert(path, Stamp { bytes: metadata.size(), modified });
            }
        }
    }
    Ok(found)
}

fn copy_all(
    from: &Path,
    to: &Path,
    files: &BTreeMap<PathBuf, Stamp>,
    progress: &dyn Fn(u64, u64),
) -> Result<Copied, BackupError> {
    let there = files_in(to)?;
    let missing: Vec<_> = files.iter().filter(|(path, stamp)| there.get(*path) != Some(stamp)).collect();
    let needed = missing.iter().map(|(_, stamp)| stamp.bytes).sum();
    let space = rustix::fs::statvfs(to).map_err(|error| io_at(to)(error.into()))?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    if free < needed {
        return Err(BackupError::Full { folder: to.to_owned(), free, needed });
    }
    let mut copied = Copied { unchanged: (files.len() - missing.len()) as u64, ..Copied::default() };
    progress(0, needed);
    for (path, stamp) in missing {
        if copy_one(&from.join(path), &to.join(path), *stamp)? {
            copied.files += 1;
            copied.bytes += stamp.bytes;
        }
        progress(copied.bytes, needed);
    }
    Ok(copied)
}

/// Copies one; `false` when it is gone.
fn copy_one(from: &Path, to: &Path, stamp: Stamp) -> Result<bool, BackupError> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(io_at(folder))?;
    }
    let mut name = to.as_os_str().to_owned();
    name.push(PART);
    let part = PathBuf::from(name);
    match std::fs::copy(from, &part) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound && !from.exists() => {
            remove_if_there(&part)?;
            return Ok(false);
        }
        Err(error) => {
            let _ = std::fs::remove_file(&part);
            return Err(io_at(from)(error));
        }
    }
    // The stamp from before it was read: a file that grew meanwhile is copied again the next time.
    let file = File::options().write(true).open(&part).map_err(io_at(&part))?;
    file.set_times(FileTimes::new().set_modified(stamp.modified)).map_err(io_at(&part))?;
    std::fs::rename(&part, to).map_err(io_at(&part))?;
    Ok(true)
}

fn remove_if_there(path: &Path) -> Result<(), BackupError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_at(path)(error)),
        _ => Ok(()),
    }
}

/// All that was written there is on the disk.
fn synchronise(folder: &Path) -> Result<(), BackupError> {
    let open = File::open(folder).map_err(io_at(folder))?;
    rustix::fs::syncfs(&open).map_err(|error| io_at(folder)(error.into()))
}
