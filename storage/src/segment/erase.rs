//! Erasing entries: the bytes are given back to the file system at once, and a segment without entries goes.

use super::buffer::BLOCK;
use super::entry::{self, Entry};
use super::walk::Found;
use super::{SegmentId, Segments};
use rustix::fs::{FallocateFlags, fallocate};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::PoisonError;

impl Segments {
    /// Erases entries, durably: their bytes are gone when this returns. What is not there is passed over.
    pub fn erase(&self, places: &[(SegmentId, u64)]) -> io::Result<()> {
        let touched: BTreeSet<SegmentId> = places.iter().map(|(segment, _)| *segment).collect();
        for segment in touched {
            let file = match OpenOptions::new().read(true).write(true).open(self.path(segment)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            for (_, offset) in places.iter().filter(|(of, _)| *of == segment) {
                erase_entry(&file, segment, *offset)?;
            }
            file.sync_data()?;
            self.remove_if_empty(segment)?;
        }
        Ok(())
    }

    /// Removes a segment that holds nothing and that nobody appends to.
    pub fn remove_if_empty(&self, segment: SegmentId) -> io::Result<()> {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if active.as_ref().is_some_and(|active| active.lease.id == segment) || self.is_marked(segment)? {
            return Ok(());
        }
        let mut walk = match self.walk(segment) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        while let Some(found) = walk.next()? {
            if !matches!(found, Found::Erased { .. }) {
                return Ok(());
            }
        }
        std::fs::remove_file(self.path(segment))
    }

    /// Whether any process may still append to it, or has not settled what is in it.
    pub fn is_marked(&self, segment: SegmentId) -> io::Result<bool> {
        let Some(incoming) = self.own.parent() else { return Ok(false) };
        let name = format!("{segment}.{}", super::MARKER);
        for folder in std::fs::read_dir(incoming)? {
            if folder?.path().join(&name).exists() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Cuts off what lies behind the last whole entry of a segment that nobody appends to any more; a segment without
    /// entries goes.
    pub fn cut(&self, segment: SegmentId, tail: u64) -> io::Result<()> {
        if tail == 0 {
            return std::fs::remove_file(self.path(segment));
        }
        let file = OpenOptions::new().write(true).open(self.path(segment))?;
        if file.metadata()?.len() > tail {
            file.set_len(tail)?;
            file.sync_data()?;
        }
        Ok(())
    }
}

/// The block that says "erased" comes first: a crash in between leaves bytes that nothing leads to and that the next
/// erasing takes away.
fn erase_entry(file: &File, segment: SegmentId, offset: u64) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    match file.read_exact_at(&mut block, offset) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
        other => other?,
    }
    let length = match entry::read(segment, offset, &block) {
        Some(Entry::Object(header)) => header.entry_length(),
        Some(Entry::Erased(length)) => length,
        None => return Ok(()),
    };
    entry::write_erased(segment, offset, length, &mut block)?;
    file.write_all_at(&block, offset)?;
    file.sync_data()?;
    let from = offset + BLOCK as u64;
    let mut left = length.saturating_sub(BLOCK as u64);
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    if left == 0 || fallocate(file, hole, from, left).is_ok() {
        return Ok(());
    }
    let zeros = vec![0; 1 << 20];
    let mut at = from;
    while left > 0 {
        let count = left.min(zeros.len() as u64);
        let piece = zeros.get(..usize::try_from(count).unwrap_or(0)).unwrap_or_default();
        file.write_all_at(piece, at)?;
        at += count;
        left -= count;
    }
    Ok(())
}
