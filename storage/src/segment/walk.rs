//! Looking through a segment, entry by entry.

use super::buffer::BLOCK;
use super::entry::{self, Entry, Header};
use super::{SegmentId, Segments};
use sha2::Digest as _;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// What stands at a place of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Object(Box<Header>),
    /// So many bytes that have been erased.
    Erased {
        offset: u64,
        length: u64,
    },
    /// Bytes that no entry begins with and that are not just set aside.
    Rubbish {
        offset: u64,
    },
}

/// A walk along one segment. It reads headers only.
pub(crate) struct Walk {
    file: File,
    segment: SegmentId,
    offset: u64,
    length: u64,
    /// The end of the last entry that was whole.
    pub tail: u64,
    block: Vec<u8>,
}

impl Segments {
    /// A walk; `NotFound` when there is no such segment.
    pub fn walk(&self, segment: SegmentId) -> io::Result<Walk> {
        let file = File::open(self.path(segment))?;
        let length = file.metadata()?.len();
        Ok(Walk { file, segment, offset: 0, length, tail: 0, block: vec![0; BLOCK] })
    }

    /// All segments that are there, and names of files that are none.
    pub fn list(&self) -> io::Result<(Vec<SegmentId>, Vec<String>)> {
        let (mut segments, mut others) = (Vec::new(), Vec::new());
        for folder in std::fs::read_dir(&self.root)? {
            let folder = folder?;
            if !folder.file_type()?.is_dir() {
                others.push(format!("segments/{}", folder.file_name().to_string_lossy()));
                continue;
            }
            for file in std::fs::read_dir(folder.path())? {
                let name = file?.file_name().to_string_lossy().into_owned();
                match SegmentId::parse(&name)
                    .filter(|_| name.starts_with(&*folder.file_name().to_string_lossy()))
                {
                    Some(id) => segments.push(id),
                    None => others.push(format!("segments/{}/{name}", folder.file_name().to_string_lossy())),
                }
            }
        }
        segments.sort();
        others.sort();
        Ok((segments, others))
    }
}

impl Walk {
    /// The next thing; `None` at the end.
    pub fn next(&mut self) -> io::Result<Option<Found>> {
        if self.offset >= self.length {
            return Ok(None);
        }
        let offset = self.offset;
        if let Some(entry) = self.entry_at(offset)? {
            return Ok(Some(self.pass(entry, offset)));
        }
        self.resume(offset)
    }

    fn pass(&mut self, entry: Entry, offset: u64) -> Found {
        let (found, length) = match entry {
            Entry::Object(header) => {
                let length = header.entry_length();
                (Found::Object(header), length)
            }
            Entry::Erased(length) => (Found::Erased { offset, length }, length),
        };
        self.offset = offset.saturating_add(length);
        self.tail = self.offset.min(self.length);
        found
    }

    fn entry_at(&mut self, offset: u64) -> io::Result<Option<Entry>> {
        match self.file.read_exact_at(&mut self.block, offset) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        Ok(entry::read(self.segment, offset, &self.block))
    }

    /// From a place where no entry begins to the next that does, or to the end.
    fn resume(&mut self, from: u64) -> io::Result<Option<Found>> {
        let mut is_rubbish = false;
        let mut offset = from;
        while let Some(data) = self.next_data(offset)? {
            if data != from
                && let Some(entry) = self.entry_at(data)?
            {
                if is_rubbish {
                    self.offset = data;
                    return Ok(Some(Found::Rubbish { offset: from }));
                }
                return Ok(Some(self.pass(entry, data)));
            }
            is_rubbish |= self.block.iter().any(|byte| *byte != 0);
            offset = data + BLOCK as u64;
        }
        self.offset = self.length;
        Ok(is_rubbish.then_some(Found::Rubbish { offset: from }))
    }

    /// The next block that holds data; what was only set aside is passed over at once.
    fn next_data(&self, offset: u64) -> io::Result<Option<u64>> {
        use rustix::fs::{SeekFrom, seek};
        if offset >= self.length {
            return Ok(None);
        }
        match seek(&self.file, SeekFrom::Data(offset)) {
            Ok(data) => Ok((data < self.length).then(|| data - data % BLOCK as u64)),
            Err(rustix::io::Errno::NXIO) => Ok(None),
            Err(_) => Ok(Some(offset)),
        }
    }

    /// Goes on at a place where an entry is known to begin.
    pub fn go_to(&mut self, offset: u64) {
        self.offset = offset;
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where in the segment an entry's data set is.
    pub fn dataset_range(&self, header: &Header) -> std::ops::Range<u64> {
        let from = header.offset.saturating_add(BLOCK as u64);
        from..from.saturating_add(header.dataset_length)
    }

    /// Whether the data set's bytes have the hash that the header gives them; an I/O error is one.
    pub fn is_whole(&self, header: &Header) -> io::Result<bool> {
        let hash = hash_range(&self.file, self.dataset_range(header).start, header.dataset_length)?;
        Ok(hash == Some(*header.sha256.as_bytes()))
    }
}

/// SHA-256 of a range of a file; `None` when the file ends before.
pub(crate) fn hash_range(file: &File, mut from: u64, mut left: u64) -> io::Result<Option<[u8; 32]>> {
    let mut hash = sha2::Sha256::new();
    let mut piece = vec![0; 1 << 20];
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(piece.len()).min(piece.len());
        let room = piece.get_mut(..count).unwrap_or_default();
        match file.read_exact_at(room, from) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        hash.update(room);
        from += count as u64;
        left -= count as u64;
    }
    Ok(Some(hash.finalize().into()))
}
