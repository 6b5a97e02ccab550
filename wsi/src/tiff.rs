//! The structure of TIFF 6.0, BigTIFF and Hamamatsu's NDPI files: directories and their values, never pixels. Every
//! offset and count is checked against the file, and nothing is allocated by what the file declares alone.
//!
//! NDPI is a TIFF of 32 bits whose directories are followed by the high words of their values: the offset of the next
//! directory takes eight bytes, and behind it stands one 32-bit word for each entry.

use crate::SlideError;
use crate::source::ReadAt;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

/// Image directories in one file.
pub(crate) const DIRECTORIES_MAX: usize = 1024;
/// Entries in one directory.
const ENTRIES_MAX: u64 = 1024;

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
    /// NDPI: the upper half of a single inline value.
    high: u64,
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
    high: u64,
}

/// A TIFF file whose directories have been read.
pub struct Tiff {
    source: Arc<dyn ReadAt>,
    order: ByteOrder,
    layout: Layout,
    /// In the order of the file.
    pub directories: Vec<Directory>,
}

/// How a kind of TIFF writes its directories.
#[derive(Debug, Clone, Copy)]
struct Layout {
    count_bytes: u64,
    entry_bytes: u64,
    /// Bytes of an entry's count and of its value.
    value_bytes: u64,
    /// Bytes of the next directory's offset.
    next_bytes: u64,
    /// Bytes behind it for each entry: NDPI's high words.
    high_bytes: u64,
}

const CLASSIC: Layout =
    Layout { count_bytes: 2, entry_bytes: 12, value_bytes: 4, next_bytes: 4, high_bytes: 0 };
const BIG: Layout = Layout { count_bytes: 8, entry_bytes: 20, value_bytes: 8, next_bytes: 8, high_bytes: 0 };
const NDPI: Layout = Layout { count_bytes: 2, entry_bytes: 12, value_bytes: 4, next_bytes: 8, high_bytes: 4 };
/// Hamamatsu's format flag, which every directory of an NDPI file has.
const NDPI_FORMAT: u16 = 65420;

impl Tiff {
    /// Reads the header and every directory.
    ///
    /// # Errors
    /// [`SlideError::NotASlide`] when it is no TIFF; [`SlideError::Damaged`] for a loop of directories, an offset
    /// outside the file, a file cut short; [`SlideError::OverLimit`] for too many directories or entries.
    pub fn open(source: Arc<dyn ReadAt>) -> Result<Self, SlideError> {
        let (order, layout, first) = header(source.as_ref())?;
        let mut tiff = Self { source, order, layout, directories: Vec::new() };
        let first = tiff.detect_ndpi().unwrap_or(first);
        let mut seen = HashSet::new();
        let mut next = first;
        while next != 0 {
            if !seen.insert(next) {
                return Err(SlideError::Damaged("its directories form a loop"));
            }
            if tiff.directories.len() >= DIRECTORIES_MAX {
                return Err(SlideError::OverLimit("image directories"));
            }
            let (directory, after) = tiff.directory(next)?;
            tiff.directories.push(directory);
            next = after;
        }
        if tiff.directories.is_empty() {
            return Err(SlideError::Damaged("it has no image directory"));
        }
        Ok(tiff)
    }

    /// Whether numbers in it have their most significant byte first.
    #[must_use]
    pub fn is_big_endian(&self) -> bool {
        self.order == ByteOrder::Big
    }

    /// Whether it is Hamamatsu's kind of TIFF.
    #[must_use]
    pub fn is_ndpi(&self) -> bool {
        self.layout.high_bytes > 0
    }

    /// Turns to NDPI's layout when the directory that it would read then is one of Hamamatsu's; returns its place.
    fn detect_ndpi(&mut self) -> Option<u64> {
        if self.order != ByteOrder::Little || self.layout.value_bytes != CLASSIC.value_bytes {
            return None;
        }
        let first = self.order.uint(&self.bytes_at(4, NDPI.next_bytes).ok()?);
        let classic = std::mem::replace(&mut self.layout, NDPI);
        match self.directory(first) {
            Ok((directory, _)) if directory.has(NDPI_FORMAT) => Some(first),
            _ => {
                self.layout = classic;
                None
            }
        }
    }

    /// The directories that a field of another one points to (SubIFDs, TIFF Technical Note 1); none without the field.
    ///
    /// # Errors
    /// As [`Tiff::open`]; [`SlideError::OverLimit`] for more than `most`.
    pub fn sub_directories(
        &self,
        directory: &Directory,
        tag: u16,
        most: usize,
    ) -> Result<Vec<Directory>, SlideError> {
        let Some(numbers) = self.numbers(directory, tag)? else { return Ok(Vec::new()) };
        if numbers.count > most as u64 {
            return Err(SlideError::OverLimit("image directories"));
        }
        let places = self.read(&numbers, 0..numbers.count)?;
        places.into_iter().map(|place| Ok(self.directory(place)?.0)).collect()
    }

    fn directory(&self, at: u64) -> Result<(Directory, u64), SlideError> {
        let layout = self.layout;
        let count = self.order.uint(&self.bytes_at(at, layout.count_bytes)?);
        if count == 0 {
            return Err(SlideError::Damaged("a directory is empty"));
        }
        if count > ENTRIES_MAX {
            return Err(SlideError::OverLimit("entries of a directory"));
        }
        let begin = at.checked_add(layout.count_bytes).ok_or(OUTSIDE)?;
        let next_at = count * layout.entry_bytes;
        let high_at = next_at + layout.next_bytes;
        let block = self.bytes_at(begin, high_at + count * layout.high_bytes)?;
        let mut entries = Vec::new();
        for index in 0..count {
            let from = index * layout.entry_bytes;
            let entry = slice(&block, from, layout.entry_bytes);
            let high = self.order.uint(slice(&block, high_at + index * layout.high_bytes, layout.high_bytes));
            entries.push(self.entry(entry, high, begin + from));
        }
        let next = self.order.uint(slice(&block, next_at, layout.next_bytes));
        Ok((Directory { entries }, next))
    }

    fn entry(&self, bytes: &[u8], high: u64, at: u64) -> Entry {
        let width = self.layout.value_bytes;
        let field_type = self.order.uint(slice(bytes, 2, 2)) as u16;
        let count = self.order.uint(slice(bytes, 4, width));
        let value_at = 4 + width;
        let length = count.checked_mul(value_bytes(field_type));
        let is_inline = length.is_some_and(|length| length <= width);
        let value = self.order.uint(slice(bytes, value_at, width));
        let place = if is_inline { at + value_at } else { high << 32 | value };
        let tag = self.order.uint(slice(bytes, 0, 2)) as u16;
        // A single LONG or IFD; in a shorter field the high word has no meaning.
        let high = if is_inline && count == 1 && value_bytes(field_type) == 4 { high << 32 } else { 0 };
        Entry { tag, field_type, count, place, high }
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
        let width = value_bytes(entry.field_type);
        Ok(Some(Numbers { place: entry.place, count: entry.count, width, high: entry.high }))
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
        Ok(bytes.chunks_exact(width.max(1)).map(|value| numbers.high | self.order.uint(value)).collect())
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

    /// The first value of a number field of any type; `None` also for a denominator of zero and what is not finite.
    ///
    /// # Errors
    /// [`SlideError::Damaged`] outside the file.
    pub fn number(&self, directory: &Directory, tag: u16) -> Result<Option<f64>, SlideError> {
        let Some(entry) = directory.entry(tag).filter(|entry| entry.count > 0) else { return Ok(None) };
        let width = value_bytes(entry.field_type);
        let bytes = self.bytes_at(entry.place, width)?;
        let bits = self.order.uint(&bytes);
        let number = match entry.field_type {
            1 | 3 | 4 | 13 | 16 | 18 => (entry.high | bits) as f64,
            6 => f64::from(bits as u8 as i8),
            8 => f64::from(bits as u16 as i16),
            9 => f64::from(bits as u32 as i32),
            17 => bits as i64 as f64,
            5 => self.order.uint(&bytes[..4]) as f64 / self.order.uint(&bytes[4..]) as f64,
            10 => {
                let half = |part: &[u8]| f64::from(self.order.uint(part) as u32 as i32);
                half(&bytes[..4]) / half(&bytes[4..])
            }
            11 => f64::from(f32::from_bits(bits as u32)),
            12 => f64::from_bits(bits),
            _ => return Ok(None),
        };
        Ok(Some(number).filter(|number| number.is_finite()))
    }

    /// A text field up to its first NUL, invalid UTF-8 replaced; empty when it is missing.
    ///
    /// # Errors
    /// As [`Tiff::bytes`].
    pub fn text(&self, directory: &Directory, tag: u16, bytes_max: u64) -> Result<String, SlideError> {
        let bytes = self.bytes(directory, tag, bytes_max)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned())
    }

    /// The beginning of a text field, at most so many bytes of it; empty when it is missing or not within the file.
    #[must_use]
    pub fn text_start(&self, directory: &Directory, tag: u16, bytes: u64) -> String {
        let Some(entry) = directory.entry(tag) else { return String::new() };
        let length = self.extent(entry).unwrap_or(0).min(bytes);
        let bytes = self.bytes_at(entry.place, length).unwrap_or_default();
        String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned()
    }

    /// Whether a field's bytes begin with these.
    #[must_use]
    pub fn starts_with(&self, directory: &Directory, tag: u16, prefix: &[u8]) -> bool {
        let Some(entry) = directory.entry(tag) else { return false };
        let is_long = self.extent(entry).is_ok_and(|length| length >= prefix.len() as u64);
        is_long && self.bytes_at(entry.place, prefix.len() as u64).is_ok_and(|bytes| bytes == prefix)
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
