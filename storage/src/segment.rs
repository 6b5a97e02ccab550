//! Append-only segments: the files that instances are kept in (`docs/decisions/0011`).
//!
//! `segments/<2 hex>/<16 hex>` holds entries one after the other, written past the page cache; one flush makes a whole
//! group durable. A process appends to a segment of its own, and gives an instance that is too large for memory a
//! segment to itself. A marker in the process's folder in `incoming/` names each segment that may hold what the index
//! does not know; it goes when the index knows everything, and what a dead process left marked is looked through at the
//! next start.

pub(crate) mod buffer;
pub(crate) mod entry;
pub(crate) mod erase;
pub(crate) mod walk;

use crate::objects::sync_directory;
use buffer::{BLOCK, Buffer, Pool};
use entry::{Header, entry_length};
use rustix::fs::{FallocateFlags, OFlags, fallocate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes after which a segment is finished and the next begun.
const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// Bytes that are set aside at once: what is there already needs no change of the file's length to be durable.
const STEP_BYTES: u64 = 64 << 20;

/// The random name of a segment. The index keeps it as a positive number; 0 there means a file named by its content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SegmentId(i64);

impl SegmentId {
    fn random() -> io::Result<Self> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|e| io::Error::other(e.to_string()))?;
        Ok(Self((i64::from_le_bytes(bytes) & i64::MAX).max(1)))
    }

    /// From the index.
    pub fn of_number(number: i64) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    /// For the index.
    pub fn number(self) -> i64 {
        self.0
    }

    /// 16 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let number = i64::from_str_radix(text, 16).ok()?;
        Self::of_number(number).filter(|id| id.to_string() == text)
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SegmentId({self})")
    }
}

impl Serialize for SegmentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SegmentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no segment's name"))
    }
}

/// What a header says before its place is known.
pub(crate) struct Described {
    pub header: Header,
    /// Preamble and file meta information.
    pub head: Vec<u8>,
}

/// A header whose place is not known yet.
pub(crate) const NOWHERE: SegmentId = SegmentId(0);

/// Where a durable entry stands, until the index knows it. Dropped without [`Placed::settled`], the segment stays
/// marked for the next start.
#[derive(Debug)]
pub(crate) struct Placed {
    lease: Arc<Lease>,
    pub offset: u64,
    is_settled: bool,
}

impl Placed {
    fn new(lease: &Arc<Lease>, offset: u64) -> Self {
        Self { lease: lease.clone(), offset, is_settled: false }
    }

    /// An entry that was there before, found by looking through its segment.
    pub fn found(segment: SegmentId, offset: u64) -> Self {
        let lease = Lease { id: segment, marker: None, is_kept: AtomicBool::new(false) };
        Self { lease: Arc::new(lease), offset, is_settled: true }
    }

    pub fn segment(&self) -> SegmentId {
        self.lease.id
    }

    /// Whether the next start finds the entry by a marker if its process dies before it is settled.
    pub fn is_marked(&self) -> bool {
        self.lease.marker.is_some()
    }

    /// The index knows the entry, durably, or it has been erased.
    pub fn settled(&mut self) {
        self.is_settled = true;
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        if !self.is_settled {
            self.lease.is_kept.store(true, Ordering::Relaxed);
        }
    }
}

/// The marker of a segment: gone with the last who needs it, unless something in the segment is not settled.
#[derive(Debug)]
struct Lease {
    id: SegmentId,
    marker: Option<PathBuf>,
    is_kept: AtomicBool,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(marker) = &self.marker
            && !*self.is_kept.get_mut()
        {
            // Not flushed: a marker too many costs a look into a segment.
            let _ = std::fs::remove_file(marker);
        }
    }
}

#[derive(Debug)]
struct Active {
    lease: Arc<Lease>,
    file: File,
    tail: u64,
    allocated: u64,
}

/// The segments of a data directory, as one process has them open.
#[derive(Debug)]
pub(crate) struct Segments {
    root: PathBuf,
    /// The process's folder in `incoming/`.
    own: PathBuf,
    active: Mutex<Option<Active>>,
    pub pool: Arc<Pool>,
}

impl Drop for Segments {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The folder of all segments.
pub(crate) fn folder(root: &Path) -> PathBuf {
    root.join("segments")
}

/// Extension of a marker.
pub(crate) const MARKER: &str = "segment";
/// Extension of a marker of a segment that holds what no start could index so far.
pub(crate) const AGAIN: &str = "again";

pub(crate) fn io_invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Segments {
    pub fn new(root: &Path, own: &Path) -> Self {
        Self {
            root: folder(root),
            own: own.to_owned(),
            active: Mutex::new(None),
            pool: Arc::new(Pool::default()),
        }
    }

    pub fn path(&self, id: SegmentId) -> PathBuf {
        let name = id.to_string();
        self.root.join(name.get(..2).unwrap_or_default()).join(name)
    }

    /// Appends a group and makes it durable. All or nothing: after an error nothing of it counts. `placed` is told where
    /// the entries will stand, before they are written.
    pub fn append(
        &self,
        group: &mut [(Described, Buffer)],
        placed: impl FnOnce(Vec<Placed>),
    ) -> io::Result<()> {
        let total: u64 = group.iter().map(|(d, _)| d.header.entry_length()).sum();
        let mut slot = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.as_ref().is_some_and(|active| active.tail.saturating_add(total) > SEGMENT_BYTES_MAX)
            && let Some(full) = slot.take()
        {
            full.seal()?;
        }
        let mut active = match slot.take() {
            Some(active) => active,
            None => self.begin()?,
        };
        match active.append(group, total, placed) {
            Ok(()) => {
                *slot = Some(active);
                Ok(())
            }
            Err(error) => {
                // What was half written lies behind the tail.
                let _ = active.seal();
                Err(error)
            }
        }
    }

    /// Ends the segment that is appended to; the next group begins another.
    pub fn finish(&self) {
        if let Some(active) = self.active.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = active.seal();
        }
    }

    fn begin(&self) -> io::Result<Active> {
        let (lease, file, path) = self.create()?;
        sync_directory(path.parent().unwrap_or(&self.root))?;
        Ok(Active { lease: Arc::new(lease), file, tail: 0, allocated: 0 })
    }

    /// A segment for one instance that comes in pieces.
    pub fn own(&self) -> io::Result<OwnSegment> {
        let (lease, file, path) = self.create()?;
        Ok(OwnSegment { lease: Arc::new(lease), file, path, written: BLOCK as u64, is_kept: false })
    }

    /// Has the next start look through these segments again, durably. Nothing is arriving in them.
    pub fn mark_again(&self, segments: &BTreeSet<SegmentId>) -> io::Result<()> {
        for segment in segments {
            File::create(self.own.join(format!("{segment}.{AGAIN}")))?;
        }
        if segments.is_empty() { Ok(()) } else { sync_directory(&self.own) }
    }

    /// A marker, durable, and then the new file that it names.
    fn create(&self) -> io::Result<(Lease, File, PathBuf)> {
        let id = SegmentId::random()?;
        let marker = self.own.join(format!("{id}.{MARKER}"));
        OpenOptions::new().write(true).create_new(true).open(&marker)?;
        let lease = Lease { id, marker: Some(marker), is_kept: AtomicBool::new(false) };
        sync_directory(&self.own)?;
        let path = self.path(id);
        if let Some(directory) = path.parent()
            && !directory.is_dir()
        {
            std::fs::create_dir_all(directory)?;
            sync_directory(&self.root)?;
        }
        let file = create_direct(&path)?;
        Ok((lease, file, path))
    }
}

/// A new file that is written past the page cache where the file system can: the bytes are not read again soon, and it
/// takes a fraction of the CPU.
fn create_direct(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).custom_flags(OFlags::DIRECT.bits() as i32);
    match options.open(path) {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => {
            // A file system without direct writes may have made the file all the same.
            let _ = std::fs::remove_file(path);
            OpenOptions::new().read(true).write(true).create_new(true).open(path)
        }
        other => other,
    }
}

impl Active {
    fn append(
        &mut self,
        group: &mut [(Described, Buffer)],
        total: u64,
        placed: impl FnOnce(Vec<Placed>),
    ) -> io::Result<()> {
        self.set_aside(total)?;
        let mut places = Vec::with_capacity(group.len());
        let mut offset = self.tail;
        for (described, buffer) in group.iter_mut() {
            described.header.segment = self.lease.id;
            described.header.offset = offset;
            described.header.write(&described.head, buffer.header())?;
            places.push(Placed::new(&self.lease, offset));
            offset += described.header.entry_length();
        }
        placed(places);
        let pieces: Vec<&[u8]> = group.iter_mut().map(|(_, buffer)| buffer.entry()).collect();
        write_all_vectored(&self.file, &pieces, self.tail)?;
        self.file.sync_data()?;
        self.tail = offset;
        Ok(())
    }

    /// Makes room behind the tail.
    fn set_aside(&mut self, total: u64) -> io::Result<()> {
        let end = self.tail.saturating_add(total);
        if end <= self.allocated {
            return Ok(());
        }
        // When there is no room for a large step, there may be for what is needed.
        for step in [STEP_BYTES, 1 << 20] {
            let until = end.next_multiple_of(step);
            let length = until - self.allocated;
            match fallocate(&self.file, FallocateFlags::empty(), self.allocated, length) {
                Ok(()) => {
                    self.allocated = until;
                    return Ok(());
                }
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => return Ok(()),
                Err(rustix::io::Errno::NOSPC) if step == STEP_BYTES => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Cuts off what was set aside and not used.
    fn seal(self) -> io::Result<()> {
        let sealed = self.file.set_len(self.tail).and_then(|()| self.file.sync_data());
        if sealed.is_err() {
            self.lease.is_kept.store(true, Ordering::Relaxed);
        }
        sealed
    }
}

/// A segment for one large instance. Dropped without [`OwnSegment::finish`], it disappears.
#[derive(Debug)]
pub(crate) struct OwnSegment {
    lease: Arc<Lease>,
    file: File,
    path: PathBuf,
    /// Bytes written and the block that is left for the header.
    written: u64,
    is_kept: bool,
}

impl OwnSegment {
    /// Writes a piece of the data set: a full buffer, or the last.
    pub fn write(&mut self, piece: &mut Buffer) -> io::Result<()> {
        let blocks = piece.blocks();
        self.file.write_all_at(blocks, self.written)?;
        self.written = self.written.saturating_add(blocks.len() as u64);
        piece.clear();
        Ok(())
    }

    /// Writes the header and makes everything durable.
    pub fn finish(mut self, described: &mut Described, spare: &mut Buffer) -> io::Result<Placed> {
        described.header.segment = self.lease.id;
        described.header.offset = 0;
        if self.written != entry_length(described.header.dataset_length) {
            return Err(io_invalid("a large instance is not as long as it was"));
        }
        // The bytes first: a header without them must not be found.
        self.file.sync_data()?;
        described.header.write(&described.head, spare.header())?;
        self.file.write_all_at(spare.header(), 0)?;
        self.file.sync_data()?;
        if let Some(directory) = self.path.parent() {
            sync_directory(directory)?;
        }
        self.is_kept = true;
        Ok(Placed::new(&self.lease, 0))
    }
}

impl Drop for OwnSegment {
    fn drop(&mut self) {
        if !self.is_kept && std::fs::remove_file(&self.path).is_err() {
            self.lease.is_kept.store(true, Ordering::Relaxed);
        }
    }
}

/// Writes pieces behind one another; what direct writes need of alignment is the caller's to have seen to.
fn write_all_vectored(file: &File, pieces: &[&[u8]], offset: u64) -> io::Result<()> {
    let slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let total: usize = pieces.iter().map(|piece| piece.len()).sum();
    let mut done = loop {
        match rustix::io::pwritev(file, &slices, offset) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?,
        }
    };
    if done == total {
        return Ok(());
    }
    // A short write: the rest piece by piece, from the block that was not written whole.
    done -= done % BLOCK;
    let mut at = offset;
    for piece in pieces {
        let skip = done.min(piece.len());
        done -= skip;
        file.write_all_at(piece.get(skip..).unwrap_or_default(), at + skip as u64)?;
        at += piece.len() as u64;
    }
    Ok(())
}
