//! Files under the data directory: temporary ones, and objects that are named by owner and content and never change.
//!
//! `blobs/<owner>/<2 hex>/<sha256>` are files that are kept beside the instances, named by the hash of all their bytes.
//! `objects/<owner>/<2 hex>/<sha256>` are DICOM Part 10 files, named by the hash of their data set alone: where
//! instances were kept before there were segments. `incoming/` holds what is not finished: a folder for each
//! process that has the storage open, with a file that it keeps locked, so that what a dead one left behind is told
//! from what a living one is doing.
//!
//! Plain `std::fs` rather than the `object_store` crate: its local backend can neither flush a directory once for a
//! whole group nor give an object a name that is known only after its last byte.

use crate::StorageError;
use crate::segment::{self, SegmentId, Segments};
use model::{OrgId, Sha256};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The two kinds of things that are kept in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Shelf {
    /// DICOM instances that came before there were segments.
    Objects,
    /// Everything else.
    Blobs,
}

impl Shelf {
    pub fn folder(self) -> &'static str {
        match self {
            Self::Objects => "objects",
            Self::Blobs => "blobs",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "objects" => Some(Self::Objects),
            "blobs" => Some(Self::Blobs),
            _ => None,
        }
    }
}

/// The name of an object; it cannot express anything that a peer sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectName {
    pub shelf: Shelf,
    pub owner: OrgId,
    pub sha256: Sha256,
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hash = self.sha256.to_string();
        write!(f, "{}/{}/{}/{hash}", self.shelf.folder(), self.owner, hash.get(..2).unwrap_or_default())
    }
}

impl ObjectName {
    /// The reverse of `to_string`; `None` for a file that we did not name.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let shelf = Shelf::parse(parts.next()?)?;
        let owner = OrgId::parse(parts.next()?).ok()?;
        let prefix = parts.next()?;
        let hash = parts.next()?;
        let sha256 = Sha256::parse(hash).ok()?;
        let name = Self { shelf, owner, sha256 };
        (parts.next().is_none() && hash.starts_with(prefix) && name.to_string() == text).then_some(name)
    }
}

/// A file that holds instances or something else.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum FileName {
    Named(ObjectName),
    Segment(SegmentId),
}

/// The data directory, as one process has it open.
#[derive(Debug)]
pub(crate) struct Objects {
    root: PathBuf,
    own: PathBuf,
    counter: AtomicU64,
    slots: Slots,
    pub segments: Segments,
    _own_lock: File,
}

/// Files for intents that are free: written again and again in place, which needs no change of metadata to be durable.
type Slots = Arc<Mutex<Vec<File>>>;

/// Bytes of a new slot: the names of 64 objects and more.
const SLOT_BYTES: usize = 16 << 10;

impl Drop for Objects {
    fn drop(&mut self) {
        self.segments.finish();
        // Intents and markers that are still there tell the next one what to look at.
        let is_clean = intents_in(&self.own).is_ok_and(|names| names.is_empty())
            && markers_in(&self.own).is_ok_and(|segments| segments.is_empty());
        if is_clean {
            let _ = std::fs::remove_dir_all(&self.own);
        }
    }
}

const LOCK: &str = "lock";

/// What dead processes left behind. While it lives, no process places objects.
pub(crate) struct Leftovers {
    /// Objects that were being placed; those that the index does not know were never acknowledged.
    pub names: BTreeSet<ObjectName>,
    /// Segments that may hold what the index does not know.
    pub segments: BTreeSet<SegmentId>,
    folders: Vec<PathBuf>,
    _locks: Vec<File>,
}

impl Leftovers {
    /// Forgets them, after the objects that the index does not know are gone.
    pub fn done(self) -> io::Result<()> {
        for folder in &self.folders {
            std::fs::remove_dir_all(folder)?;
        }
        Ok(())
    }
}

/// A file in `incoming/` that disappears unless it is put in its place.
#[derive(Debug)]
pub(crate) struct TempFile {
    path: PathBuf,
    /// Open for reading and writing.
    pub file: File,
    is_placed: bool,
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.is_placed {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// An object whose bytes are durable in `incoming/` and which now gets its name.
pub(crate) struct Placing {
    pub name: ObjectName,
    pub temp: TempFile,
}

/// What an I/O error means for the caller.
pub(crate) fn io_error(error: &io::Error, place: &'static str) -> StorageError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            StorageError::OutOfResources("the disk of the objects is full")
        }
        io::ErrorKind::NotFound => StorageError::Corrupt("an object is missing"),
        kind => {
            tracing::warn!(place, ?kind, os_error = error.raw_os_error(), "a file operation failed");
            StorageError::Unavailable(format!("{place}: {kind}"))
        }
    }
}

impl Objects {
    /// The data directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the folders and looks for what dead processes left. Waits until no other process is placing objects.
    pub fn open(root: &Path) -> io::Result<(Self, Leftovers)> {
        use rustix::fs::{FlockOperation, flock};
        for folder in ["segments", "objects", "blobs", "incoming"] {
            std::fs::create_dir_all(root.join(folder))?;
        }
        sync_directory(root)?;
        let incoming = root.join("incoming");
        let placing = open_lock(&placing_lock(root))?;
        flock(&placing, FlockOperation::LockExclusive)?;
        let mut left = Leftovers {
            names: BTreeSet::new(),
            segments: BTreeSet::new(),
            folders: Vec::new(),
            _locks: vec![placing],
        };
        for entry in std::fs::read_dir(&incoming)? {
            let path = entry?.path();
            if !path.is_dir() {
                continue;
            }
            let lock = open_lock(&path.join(LOCK))?;
            if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
                continue;
            }
            left.names.extend(intents_in(&path)?);
            left.segments.extend(markers_in(&path)?);
            left.folders.push(path);
            left._locks.push(lock);
        }
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|e| io::Error::other(e.to_string()))?;
        let own = incoming.join(hex::encode(seed));
        std::fs::create_dir(&own)?;
        let own_lock = open_lock(&own.join(LOCK))?;
        flock(&own_lock, FlockOperation::NonBlockingLockExclusive)?;
        sync_directory(&incoming)?;
        Ok((
            Self {
                root: root.to_owned(),
                segments: Segments::new(root, &own),
                own,
                counter: AtomicU64::new(1),
                slots: Slots::default(),
                _own_lock: own_lock,
            },
            left,
        ))
    }

    pub fn path(&self, name: &ObjectName) -> PathBuf {
        self.root.join(name.to_string())
    }

    pub fn file_path(&self, name: &FileName) -> PathBuf {
        match name {
            FileName::Named(name) => self.path(name),
            FileName::Segment(segment) => self.segments.path(*segment),
        }
    }

    /// A folder of the data directory.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn shelf(&self, shelf: Shelf) -> PathBuf {
        self.root.join(shelf.folder())
    }

    fn unique(&self, suffix: &str) -> PathBuf {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        self.own.join(format!("{number:08x}.{suffix}"))
    }

    /// A new temporary file.
    pub fn temp(&self) -> io::Result<TempFile> {
        let path = self.unique("part");
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        Ok(TempFile { path, file, is_placed: false })
    }

    /// A new empty folder, for this user alone.
    pub fn temp_folder(&self) -> io::Result<PathBuf> {
        use std::os::unix::fs::DirBuilderExt as _;
        let path = self.unique("folder");
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(path)
    }

    /// Another name, for the time being, of a file that lies on the same disk.
    pub fn temp_of(&self, file: &Path) -> io::Result<TempFile> {
        let path = self.unique("part");
        std::fs::hard_link(file, &path)?;
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        Ok(TempFile { path, file, is_placed: false })
    }

    /// Writes down which objects are about to get their names, durably, so that a crash before the index knows them
    /// leaves nothing that nobody can explain.
    pub fn write_intent(&self, names: &[&ObjectName]) -> io::Result<Intent> {
        let placing = open_lock(&placing_lock(&self.root))?;
        rustix::fs::flock(&placing, rustix::fs::FlockOperation::LockShared)?;
        let mut text = String::new();
        for name in names {
            text.push_str(&name.to_string());
            text.push('\n');
        }
        // What an earlier, longer list left behind it does not count.
        text.push('\0');
        let slot = self.slots.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let slot = match slot {
            Some(slot) => slot,
            None => self.new_slot()?,
        };
        slot.write_all_at(text.as_bytes(), 0)?;
        slot.sync_data()?;
        Ok(Intent { slot, slots: self.slots.clone(), _placing: placing })
    }

    fn new_slot(&self) -> io::Result<File> {
        let slot = OpenOptions::new().write(true).create_new(true).open(self.unique("intent"))?;
        slot.write_all_at(&[0; SLOT_BYTES], 0)?;
        slot.sync_all()?;
        sync_directory(&self.own)?;
        Ok(slot)
    }

    /// Renames finished files into their places, then flushes files and directories. Gives the length of each file as
    /// it is in its place: one that is there already stays as it is.
    ///
    /// The names come first, so that one commit of the file system's journal serves the whole group. A crash in between
    /// may leave a name without its bytes; the intent, which is durable, says that it was never acknowledged.
    pub fn place(&self, group: Vec<Placing>) -> Vec<io::Result<u64>> {
        let mut touched = BTreeSet::new();
        let renamed: Vec<io::Result<(File, Option<ObjectName>)>> =
            group.into_iter().map(|placing| self.rename(placing, &mut touched)).collect();
        let mut results: Vec<io::Result<u64>> = renamed
            .into_iter()
            .map(|renamed| {
                let (file, name) = renamed?;
                file.sync_data().and_then(|()| file.metadata()).map(|m| m.len()).inspect_err(|_| {
                    // What may not be whole must not be found by the next who brings it.
                    let _ = name.map(|new| self.remove(&new));
                })
            })
            .collect();
        for directory in touched {
            if let Err(error) = sync_directory(&directory) {
                // Nothing of the group is acknowledged.
                results.fill_with(|| Err(io::Error::new(error.kind(), "a directory could not be flushed")));
            }
        }
        results
    }

    /// Gives a file its name. Returns the file that has it now, and the name if it is new.
    fn rename(
        &self,
        placing: Placing,
        touched: &mut BTreeSet<PathBuf>,
    ) -> io::Result<(File, Option<ObjectName>)> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        let Placing { name, mut temp } = placing;
        let target = self.path(&name);
        let Some(directory) = target.parent() else { return Err(io::ErrorKind::InvalidInput.into()) };
        let mut result = renameat_with(CWD, &temp.path, CWD, &target, RenameFlags::NOREPLACE);
        if result == Err(rustix::io::Errno::NOENT) {
            std::fs::create_dir_all(directory)?;
            if let Some(owner) = directory.parent() {
                touched.insert(owner.to_owned());
                touched.extend(owner.parent().map(Path::to_owned));
            }
            result = renameat_with(CWD, &temp.path, CWD, &target, RenameFlags::NOREPLACE);
        }
        touched.insert(directory.to_owned());
        match result {
            Ok(()) => {
                temp.is_placed = true;
                Ok((temp.file.try_clone()?, Some(name)))
            }
            // Another process may have put it there a moment ago and not have flushed it yet.
            Err(rustix::io::Errno::EXIST) => Ok((File::open(&target)?, None)),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an object that the index does not know.
    pub fn remove(&self, name: &ObjectName) -> io::Result<()> {
        match std::fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Objects that any process is placing now.
    pub fn being_placed(&self) -> io::Result<BTreeSet<ObjectName>> {
        let mut names = BTreeSet::new();
        for entry in std::fs::read_dir(self.root.join("incoming"))? {
            let path = entry?.path();
            if path.is_dir() {
                names.extend(intents_in(&path)?);
            }
        }
        Ok(names)
    }
}

fn placing_lock(root: &Path) -> PathBuf {
    root.join("incoming").join("placing.lock")
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// The objects that the intents in a process's folder name.
fn intents_in(folder: &Path) -> io::Result<BTreeSet<ObjectName>> {
    let gone = |e: &io::Error| e.kind() == io::ErrorKind::NotFound;
    let entries = match std::fs::read_dir(folder) {
        Err(error) if gone(&error) => return Ok(BTreeSet::new()),
        other => other?,
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "intent") {
            match std::fs::read(&path) {
                Err(error) if gone(&error) => {}
                // A torn list names only objects that did not get their names yet.
                other => {
                    let bytes = other?;
                    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
                    names.extend(String::from_utf8_lossy(text).lines().filter_map(ObjectName::parse));
                }
            }
        }
    }
    Ok(names)
}

/// The segments that the markers in a process's folder name: the next start is to look through them.
fn markers_in(folder: &Path) -> io::Result<BTreeSet<SegmentId>> {
    let mut segments = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == segment::MARKER || e == segment::AGAIN) {
            segments.extend(path.file_stem().and_then(|name| SegmentId::parse(name.to_str()?)));
        }
    }
    Ok(segments)
}

/// A durable list of objects that are being placed. Dropped without [`Intent::done`], the list stays for the next start.
#[derive(Debug)]
pub(crate) struct Intent {
    slot: File,
    slots: Slots,
    /// Held shared from before the first rename until the index knows; opening the storage waits for it.
    _placing: File,
}

impl Intent {
    /// The index knows the objects now. Not flushed: an intent too many costs a look into the index.
    pub fn done(self) {
        if self.slot.write_all_at(&[0], 0).is_ok() {
            self.slots.lock().unwrap_or_else(PoisonError::into_inner).push(self.slot);
        }
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn only_our_names_are_names() {
        let name = ObjectName {
            shelf: Shelf::Objects,
            owner: OrgId::parse("city").unwrap(),
            sha256: Sha256([0xab; 32]),
        };
        let text = name.to_string();
        assert_eq!(ObjectName::parse(&text), Some(name));
        let swapped = text.replace("/ab/", "/cd/");
        for other in
            ["", "objects/city", "objects/../ab/x", &swapped, &format!("{text}/"), &format!("/{text}")]
        {
            assert_eq!(ObjectName::parse(other), None, "{other}");
        }
    }

    fn name(byte: u8) -> ObjectName {
        ObjectName { shelf: Shelf::Objects, owner: OrgId::parse("city").unwrap(), sha256: Sha256([byte; 32]) }
    }

    fn place(objects: &Objects, name: &ObjectName, bytes: &[u8]) -> u64 {
        let mut temp = objects.temp().unwrap();
        temp.file.write_all(bytes).unwrap();
        objects.place(vec![Placing { name: name.clone(), temp }]).remove(0).unwrap()
    }

    #[test]
    fn a_full_disk_is_out_of_resources() {
        let mut full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = full.write_all(b"x").unwrap_err();
        assert!(matches!(io_error(&error, "test"), StorageError::OutOfResources(_)));
    }

    #[test]
    fn an_object_is_never_replaced_and_leaves_no_rest() {
        let directory = tempfile::tempdir().unwrap();
        let (objects, left) = Objects::open(directory.path()).unwrap();
        left.done().unwrap();
        assert_eq!(place(&objects, &name(1), b"first"), 5);
        assert_eq!(place(&objects, &name(1), b"another"), 5);
        assert_eq!(std::fs::read(objects.path(&name(1))).unwrap(), b"first");
        let own = objects.own.clone();
        drop(objects);
        assert!(!own.exists());
    }

    #[test]
    fn what_a_dead_process_was_placing_is_known_and_what_a_living_one_is_stays() {
        let directory = tempfile::tempdir().unwrap();
        let (living, left) = Objects::open(directory.path()).unwrap();
        drop(left);
        let (dead, left) = Objects::open(directory.path()).unwrap();
        assert!(left.names.is_empty());
        drop(left);
        drop(living.write_intent(&[&name(1)]).unwrap());
        let intent = dead.write_intent(&[&name(2)]).unwrap();
        assert_eq!(living.being_placed().unwrap().len(), 2);
        drop(intent);
        std::mem::forget(dead.temp().unwrap());
        drop(dead);
        let (_third, left) = Objects::open(directory.path()).unwrap();
        assert_eq!(left.names.iter().collect::<Vec<_>>(), [&name(2)]);
        left.done().unwrap();
        assert_eq!(living.being_placed().unwrap().into_iter().collect::<Vec<_>>(), [name(1)]);
    }
}
