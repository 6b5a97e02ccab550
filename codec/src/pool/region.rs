//! The memory that the node and one worker share: a head, and data behind it.
//!
//! Both sides copy in and out with `pread` and `pwrite`; the node never maps it, so nothing that a worker does to it
//! can reach the node's memory or stop it with SIGBUS. Its size is sealed; pages exist only where something was
//! written, and [`Region::release`] gives them back.

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Bytes of the head: a page.
pub(super) const HEAD_BYTES: usize = 4096;

/// Data bytes that stay allocated between jobs: a CT slice and most tiles need no new pages.
const KEPT_BYTES: u64 = 4 << 20;

pub(super) struct Region {
    file: File,
    data_bytes_max: u64,
}

impl Region {
    /// New memory for up to `data_bytes_max` bytes of data.
    pub fn new(data_bytes_max: u64) -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = File::from(rustix::fs::memfd_create("codec", flags)?);
        file.set_len(HEAD_BYTES as u64 + data_bytes_max)?;
        rustix::fs::fcntl_add_seals(&file, SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
        Ok(Self { file, data_bytes_max })
    }

    /// The same memory, as a worker got it.
    pub fn inherited(file: File) -> io::Result<Self> {
        let data_bytes_max = file.metadata()?.len().saturating_sub(HEAD_BYTES as u64);
        Ok(Self { file, data_bytes_max })
    }

    /// Another handle on it, to hand to a worker.
    pub fn share(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Bytes of the whole file, whose size never changes.
    pub fn file_bytes(&self) -> u64 {
        HEAD_BYTES as u64 + self.data_bytes_max
    }

    pub fn write_head(&self, head: &[u8]) -> io::Result<()> {
        if head.len() > HEAD_BYTES {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.file.write_all_at(head, 0)
    }

    pub fn read_head(&self) -> io::Result<[u8; HEAD_BYTES]> {
        let mut head = [0; HEAD_BYTES];
        self.file.read_exact_at(&mut head, 0)?;
        Ok(head)
    }

    pub fn write_data(&self, data: &[u8]) -> io::Result<()> {
        if data.len() as u64 > self.data_bytes_max {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.file.write_all_at(data, HEAD_BYTES as u64)
    }

    /// `length` must have been checked by the caller.
    pub fn read_data(&self, length: usize) -> io::Result<Vec<u8>> {
        let mut data = vec![0; length];
        self.file.read_exact_at(&mut data, HEAD_BYTES as u64)?;
        Ok(data)
    }

    /// Gives back the pages that a job with this many bytes took, except those that every job needs.
    pub fn release(&self, used: u64) -> io::Result<()> {
        if used <= KEPT_BYTES {
            return Ok(());
        }
        let rest = self.data_bytes_max.saturating_sub(KEPT_BYTES);
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        Ok(rustix::fs::fallocate(&self.file, flags, HEAD_BYTES as u64 + KEPT_BYTES, rest)?)
    }
}
