//! The structure of TIFF 6.0 and BigTIFF files: directories and their values, never pixels. Every offset and count is
//! checked against the file, and nothing is allocated by what the file declares alone.

use crate::SlideError;
use model::{OrgId, Sha256};
use std::collections::HashSet;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use storage::Storage;

/// Image directories in one file.
const DIRECTORIES_MAX: usize = 1024;
/// Entries in one directory.
const ENTRIES_MAX: u64 = 1024;

/// Bytes that can be read at any place, from any thread that may wait.
pub trait ReadAt: Send + Sync {
    /// How many bytes there are.
    fn length(&self) -> u64;
    /// Fills the buffer from this place on.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] when there are fewer bytes.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SlideError>;
}

/// A file, read by position.
pub struct FileSource {
    file: File,
    length: u64,
}

impl FileSource {
    /// Opens a regular file.
    ///
    /// # Errors
    /// [`SlideError::Io`], [`SlideError::NotASlide`] for a directory or a device.
    pub fn open(path: &std::path::Path) -> Result<Self, SlideError> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(SlideError::NotASlide("it is not a regular file"));
        }
        Ok(Self { file, length: metadata.len() })
    }
}

impl ReadAt for FileSource {
    fn length(&self) -> u64 {
        self.length
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SlideError> {
        Ok(self.file.read_exact_at(buffer, offset)?)
    }
}

/// An original file that storage keeps. Reads wait for storage: only for blocking threads of a runtime.
pub struct BlobSource {
    storage: Storage,
    owner: OrgId,
    sha256: Sha256,
    length: u64,
    runtime: tokio::runtime::Handle,
}

impl BlobSource {
    /// Opens a blob.
    ///
    /// # Errors
    /// [`SlideError::NotFound`].
    pub async fn open(storage: Storage, owner: OrgId, sha256: Sha256) -> Result<Self, SlideError> {
        let length = storage.blob_length(&owner, &sha256).await?;
        Ok(Self { storage, owner, sha256, length, runtime: tokio::runtime::Handle::current() })
    }
}

impl ReadAt for BlobSource {
    fn length(&self) -> u64 {
        self.length
    }
    fn read_at(&self, mut offset: u64, mut buffer: &mut [u8]) -> Result<(), SlideError> {
        const SHORT: SlideError = SlideError::Damaged("it ends before it should");
        while !buffer.is_empty() {
            let end =
                offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.length).ok_or(SHORT)?;
            let bytes =
                self.runtime.block_on(self.storage.read_blob(&self.owner, &self.sha256, offset..end))?;
            let count = bytes.len().min(buffer.len());
            if count == 0 {
                return Err(SHORT);
            }
            buffer[..count].copy_from_slice(&bytes[..count]);
            buffer = &mut buffer[count..];
            offset += count as u64;
        }
        Ok(())
    }
}

/// Little endian (`II`) or big endian (`MM`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// An unsigned number of 1 to 8 bytes.
    fn uint(self, bytes: &[u8]) -> u64 {
        let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        match self {
            Self::Little => bytes.iter().rev().fold(0, add),
            Self::Big => bytes.iter().fold(0, add),
        }
    }
}

/// One entry of a directory.
#[derive(Debug, Clone, Copy)]
struct Entry {
    tag: u16,
    field_type: u16,
    count: u64,
    /// Where the values begin, in the file.
    place: u64,
}

/// Bytes of one value of a field type (TIFF 6.0 §2, BigTIFF); 0 when unknown.
fn value_bytes(field_type: u16) -> u64 {
    match field_type {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 0,
    }
}

/// Whether a field type is an unsigned integer: BYTE, SHORT, LONG, IFD, LONG8, IFD8.
fn is_uint(field_type: u16) -> bool {
    matches!(field_type, 1 | 3 | 4 | 13 | 16 | 18)
}

/// An image file directory.
#[derive(Debug, Clone)]
pub struct Directory {
    entries: Vec<Entry>,
}

/// A list of unsigned integers that stays in the file until a part of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    place: u64,
    /// How many there are.
    pub count: u64,
    width: u64,
}

/// A TIFF file whose directories have been read.
pub struct Tiff {
    source: Arc<dyn ReadAt>,
    order: ByteOrder,
    /// In the order of the file.
    pub directories: Vec<Directory>,
}

/// How a kind of TIFF writes its directories.
struct Layout {
    count_bytes: u64,
    entry_bytes: u64,
    offset_bytes: u64,
}

const CLASSIC: Layout = Layout { count_bytes: 2, entry_bytes: 12, offset_bytes: 4 };
const BIG: Layout = Layout { count_bytes: 8, entry_bytes: 20, offset_bytes: 8 };

impl Tiff {
    /// Reads the header and every directory.
    ///
    /// # Errors
    /// [`SlideError::NotASlide`] when it is no TIFF; [`SlideError::Damaged`] for a loop of directories, an offset
    /// outside the file, a file cut short; [`SlideError::OverLimit`] for too many directories or entries.
    pub fn open(source: Arc<dyn ReadAt>) -> Result<Self, SlideError> {
        let (order, layout, first) = header(source.as_ref())?;
        let mut tiff = Self { source, order, directories: Vec::new() };
        let mut seen = HashSet::new();
        let mut next = first;
        while next != 0 {
            if !seen.insert(next) {
                return Err(SlideError::Damaged("its directories form a loop"));
            }
            if tiff.directories.len() >= DIRECTORIES_MAX {
                return Err(SlideError::OverLimit("image directories"));
            }
            let (directory, after) = tiff.directory(next, &layout)?;
            tiff.directories.push(directory);
            next = after;
        }
        if tiff.directories.is_empty() {
            return Err(SlideError::Damaged("it has no image directory"));
        }
        Ok(tiff)
    }

    fn directory(&self, at: u64, layout: &Layout) -> Result<(Directory, u64), SlideError> {
        let count = self.order.uint(&self.bytes_at(at, layout.count_bytes)?);
        if count == 0 {
            return Err(SlideError::Damaged("a directory is empty"));
        }
        if count > ENTRIES_MAX {
            return Err(SlideError::OverLimit("entries of a directory"));
        }
        let begin = at.checked_add(layout.count_bytes).ok_or(OUTSIDE)?;
        let block = self.bytes_at(begin, count * layout.entry_bytes + layout.offset_bytes)?;
        let mut entries = Vec::new();
        for index in 0..count {
            let from = index * layout.entry_bytes;
            let entry = slice(&block, from, layout.entry_bytes);
            entries.push(self.entry(entry, begin + from, layout));
        }
        let next = self.order.uint(slice(&block, count * layout.entry_bytes, layout.offset_bytes));
        Ok((Directory { entries }, next))
    }

    fn entry(&self, bytes: &[u8], at: u64, layout: &Layout) -> Entry {
        let field_type = self.order.uint(slice(bytes, 2, 2)) as u16;
        let count = self.order.uint(slice(bytes, 4, layout.offset_bytes));
        let value_at = 4 + layout.offset_bytes;
        let is_inline =
            count.checked_mul(value_bytes(field_type)).is_some_and(|length| length <= layout.offset_bytes);
        let place = if is_inline {
            at + value_at
        } else {
            self.order.uint(slice(bytes, value_at, layout.offset_bytes))
        };
        Entry { tag: self.order.uint(slice(bytes, 0, 2)) as u16, field_type, count, place }
    }

    /// Bytes of the file; the length is checked against the file before memory is taken.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] outside the file.
    pub fn bytes_at(&self, offset: u64, length: u64) -> Result<Vec<u8>, SlideError> {
        let end = offset.checked_add(length).ok_or(OUTSIDE)?;
        if end > self.source.length() {
            return Err(OUTSIDE);
        }
        let mut buffer = vec![0; usize::try_from(length).map_err(|_| OUTSIDE)?];
        self.source.read_at(offset, &mut buffer)?;
        Ok(buffer)
    }

    /// Length of the file in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.source.length()
    }

    /// The first value of an unsigned integer field.
    ///
    /// # Errors
    /// [`SlideError::Damaged`].
    pub fn uint(&self, directory: &Directory, tag: u16) -> Result<Option<u64>, SlideError> {
        let Some(numbers) = self.numbers(directory, tag)? else { return Ok(None) };
        if numbers.count == 0 {
            return Ok(None);
        }
        Ok(self.read(&numbers, 0..1)?.first().copied())
    }

    /// The place of a list of unsigned integers.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] when the field is of another type, or not within the file.
    pub fn numbers(&self, directory: &Directory, tag: u16) -> Result<Option<Numbers>, SlideError> {
        let Some(entry) = directory.entry(tag) else { return Ok(None) };
        if !is_uint(entry.field_type) {
            return Err(SlideError::Damaged("a field is of a type that it may not have"));
        }
        self.extent(entry)?;
        Ok(Some(Numbers { place: entry.place, count: entry.count, width: value_bytes(entry.field_type) }))
    }

    /// A part of a list.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] outside the list.
    pub fn read(&self, numbers: &Numbers, range: Range<u64>) -> Result<Vec<u64>, SlideError> {
        if range.start > range.end || range.end > numbers.count {
            return Err(SlideError::Damaged("a list is shorter than it must be"));
        }
        // Within the extent that was checked, so nothing overflows.
        let at = numbers.place + range.start * numbers.width;
        let bytes = self.bytes_at(at, (range.end - range.start) * numbers.width)?;
        let width = usize::try_from(numbers.width).map_err(|_| OUTSIDE)?;
        Ok(bytes.chunks_exact(width.max(1)).map(|value| self.order.uint(value)).collect())
    }

    /// The bytes of a field of any type.
    ///
    /// # Errors
    /// [`SlideError::OverLimit`] above `bytes_max`, [`SlideError::Damaged`] outside the file.
    pub fn bytes(
        &self,
        directory: &Directory,
        tag: u16,
        bytes_max: u64,
    ) -> Result<Option<Vec<u8>>, SlideError> {
        let Some(entry) = directory.entry(tag) else { return Ok(None) };
        let length = self.extent(entry)?;
        if length > bytes_max {
            return Err(SlideError::OverLimit("the length of a field"));
        }
        self.bytes_at(entry.place, length).map(Some)
    }

    /// The first value of a RATIONAL field; `None` also for a denominator of zero.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] outside the file.
    pub fn rational(&self, directory: &Directory, tag: u16) -> Result<Option<f64>, SlideError> {
        let Some(entry) = directory.entry(tag).filter(|entry| entry.field_type == 5 && entry.count > 0)
        else {
            return Ok(None);
        };
        let bytes = self.bytes_at(entry.place, 8)?;
        let (above, below) = (self.order.uint(&bytes[..4]), self.order.uint(&bytes[4..]));
        Ok((below != 0).then(|| above as f64 / below as f64))
    }

    /// Bytes of a field's values, which lie within the file.
    fn extent(&self, entry: &Entry) -> Result<u64, SlideError> {
        let length = entry.count.checked_mul(value_bytes(entry.field_type)).ok_or(OUTSIDE)?;
        let end = entry.place.checked_add(length).ok_or(OUTSIDE)?;
        if end > self.source.length() { Err(OUTSIDE) } else { Ok(length) }
    }
}

impl Directory {
    /// Whether it has this field.
    #[must_use]
    pub fn has(&self, tag: u16) -> bool {
        self.entry(tag).is_some()
    }

    fn entry(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }
}

const OUTSIDE: SlideError = SlideError::Damaged("it points outside itself, or is cut short");

fn header(source: &dyn ReadAt) -> Result<(ByteOrder, Layout, u64), SlideError> {
    const NO_TIFF: SlideError = SlideError::NotASlide("it is not a TIFF file");
    let mut bytes = [0; 16];
    let available = usize::try_from(source.length().min(16)).unwrap_or(16);
    if available < 8 {
        return Err(NO_TIFF);
    }
    source.read_at(0, &mut bytes[..available])?;
    let order = match &bytes[..2] {
        b"II" => ByteOrder::Little,
        b"MM" => ByteOrder::Big,
        _ => return Err(NO_TIFF),
    };
    match order.uint(&bytes[2..4]) {
        42 => Ok((order, CLASSIC, order.uint(&bytes[4..8]))),
        43 if available == 16 && order.uint(&bytes[4..6]) == 8 && order.uint(&bytes[6..8]) == 0 => {
            Ok((order, BIG, order.uint(&bytes[8..16])))
        }
        _ => Err(NO_TIFF),
    }
}

/// A part of a block whose length was computed to hold it.
fn slice(block: &[u8], from: u64, length: u64) -> &[u8] {
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let end = from.saturating_add(usize::try_from(length).unwrap_or(usize::MAX));
    block.get(from..end).unwrap_or_default()
}
