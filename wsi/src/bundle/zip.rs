//! A zip archive (PKWARE APPNOTE 6.3) of a slide's files: what people make of a folder. Stored and deflated files are read, with
//! ZIP64; its directory says what there is, and what it says is checked against what is there.

use super::{MEMBERS_MAX, Unpacking};
use crate::SlideError;
use crate::source::ReadAt;
use flate2::CrcWriter;
use flate2::read::DeflateDecoder;
use std::io::{self, Read, Write as _};
use std::sync::Arc;

const CUT: SlideError = SlideError::Damaged("its archive is cut short");
const ODD: SlideError = SlideError::Unsupported("an archive of another kind than slides are packed in");

/// An end record and the longest comment behind it (§4.3.16).
const END_BYTES: u64 = 22;
const COMMENT_BYTES_MAX: u64 = 0xFFFF;
/// Bytes of the directory: names and notes of so many files.
const DIRECTORY_BYTES_MAX: u64 = 4 << 20;
/// What an archive may unpack to: images hardly become smaller in it.
const GROWTH_MAX: u64 = 8;
const GROWTH_FREE_BYTES: u64 = 64 << 20;

/// A file as the directory has it (§4.3.12).
struct Entry {
    name: String,
    method: u16,
    crc: u32,
    packed: u64,
    bytes: u64,
    /// Of its local header.
    offset: u64,
}

/// Whether a file begins as a zip archive with something in it.
pub(super) fn begins_as(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04")
}

/// Writes its files.
pub(super) fn unpack(source: &Arc<dyn ReadAt>, into: &mut Unpacking<'_>) -> Result<(), SlideError> {
    let entries = directory(source.as_ref())?;
    let most = source.length().saturating_mul(GROWTH_MAX).max(GROWTH_FREE_BYTES);
    let total = entries.iter().try_fold(0_u64, |sum, entry| sum.checked_add(entry.bytes));
    let total = total.filter(|total| *total <= most);
    into.check_room(total.ok_or(SlideError::OverLimit("what is packed in its archive"))?)?;
    for entry in entries {
        let Some(file) = into.file(&entry.name)? else { continue };
        let start = content_start(source.as_ref(), entry.offset)?;
        let packed = Part { source: source.clone(), at: start, left: entry.packed };
        let mut written = CrcWriter::new(io::BufWriter::new(file));
        // One byte more than is said shows that it lies.
        let most = entry.bytes.saturating_add(1);
        let copied = match entry.method {
            0 => io::copy(&mut packed.take(most), &mut written),
            8 => io::copy(&mut DeflateDecoder::new(packed).take(most), &mut written),
            _ => return Err(ODD),
        };
        let copied = copied.map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => error.into(),
            _ => CUT,
        })?;
        written.flush()?;
        if copied != entry.bytes || written.crc().sum() != entry.crc {
            return Err(SlideError::Damaged("a file in its archive is not what the archive says"));
        }
    }
    Ok(())
}

/// The part of a source that holds one file's content.
struct Part {
    source: Arc<dyn ReadAt>,
    at: u64,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        self.source.read_at(self.at, &mut buffer[..count]).map_err(io::Error::other)?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

fn bytes_at(source: &dyn ReadAt, offset: u64, length: u64) -> Result<Vec<u8>, SlideError> {
    if offset.checked_add(length).is_none_or(|end| end > source.length()) {
        return Err(CUT);
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| CUT)?];
    source.read_at(offset, &mut bytes)?;
    Ok(bytes)
}

/// Little-endian numbers of a record.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn u16(&self, at: usize) -> Result<u16, SlideError> {
        self.0.get(at..at + 2).and_then(|b| b.try_into().ok()).map(u16::from_le_bytes).ok_or(CUT)
    }
    fn u32(&self, at: usize) -> Result<u32, SlideError> {
        self.0.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes).ok_or(CUT)
    }
    fn u64(&self, at: usize) -> Result<u64, SlideError> {
        self.0.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes).ok_or(CUT)
    }
}

/// Where the directory is, and how long (§4.3.14 to §4.3.16).
fn place(source: &dyn ReadAt) -> Result<(u64, u64), SlideError> {
    let length = source.length();
    let tail_bytes = length.min(END_BYTES + COMMENT_BYTES_MAX);
    let tail = bytes_at(source, length - tail_bytes, tail_bytes)?;
    let at = tail.windows(4).rposition(|mark| mark == b"PK\x05\x06").ok_or(CUT)?;
    let end = tail.get(at..at + END_BYTES as usize).ok_or(CUT)?;
    let end = Fields(end);
    let (bytes, offset) = (end.u32(12)?, end.u32(16)?);
    if bytes != u32::MAX && offset != u32::MAX && end.u16(10)? != u16::MAX {
        return Ok((offset.into(), bytes.into()));
    }
    // ZIP64: a record before the end says where the larger one is.
    let locator = at.checked_sub(20).and_then(|from| tail.get(from..at)).ok_or(CUT)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return Ok((offset.into(), bytes.into()));
    }
    let large = bytes_at(source, Fields(locator).u64(8)?, 56)?;
    if !large.starts_with(b"PK\x06\x06") {
        return Err(CUT);
    }
    let large = Fields(&large);
    Ok((large.u64(48)?, large.u64(40)?))
}

fn directory(source: &dyn ReadAt) -> Result<Vec<Entry>, SlideError> {
    let (offset, bytes) = place(source)?;
    if bytes > DIRECTORY_BYTES_MAX {
        return Err(SlideError::OverLimit("files that belong to it"));
    }
    let directory = bytes_at(source, offset, bytes)?;
    let mut rest = &directory[..];
    let mut entries = Vec::new();
    while rest.starts_with(b"PK\x01\x02") {
        let (entry, used) = entry(rest)?;
        rest = rest.get(used..).ok_or(CUT)?;
        entries.extend(entry);
        if entries.len() > MEMBERS_MAX {
            return Err(SlideError::OverLimit("files that belong to it"));
        }
    }
    Ok(entries)
}

/// One entry of the directory and the bytes that it takes; none for a folder.
fn entry(record: &[u8]) -> Result<(Option<Entry>, usize), SlideError> {
    let fields = Fields(record);
    let [name, extra, comment] = [fields.u16(28)?, fields.u16(30)?, fields.u16(32)?].map(usize::from);
    let used = 46 + name + extra + comment;
    let text = record.get(46..46 + name).ok_or(CUT)?;
    let extra = record.get(46 + name..46 + name + extra).ok_or(CUT)?;
    // Encrypted (§4.4.4), or no regular file by its Unix mode (a link).
    let is_encrypted = fields.u16(8)? & 1 != 0;
    let kind = fields.u32(38)? >> 28;
    let is_unix = fields.u16(4)? >> 8 == 3;
    if is_encrypted || (is_unix && !matches!(kind, 0 | 4 | 8)) {
        return Err(ODD);
    }
    let mut sizes = Sizes { extra, at: 0 }.find()?;
    let bytes = sizes.of(fields.u32(24)?)?;
    let packed = sizes.of(fields.u32(20)?)?;
    let offset = sizes.of(fields.u32(42)?)?;
    let name = name_of(text);
    if name.ends_with('/') {
        return Ok((None, used));
    }
    let (method, crc) = (fields.u16(10)?, fields.u32(16)?);
    Ok((Some(Entry { name, method, crc, packed, bytes, offset }), used))
}

/// The extended information of ZIP64 (§4.5.3): those numbers that did not fit, in order.
struct Sizes<'a> {
    extra: &'a [u8],
    at: usize,
}

impl Sizes<'_> {
    fn find(self) -> Result<Self, SlideError> {
        let mut rest = self.extra;
        while rest.len() >= 4 {
            let (id, length) = (Fields(rest).u16(0)?, usize::from(Fields(rest).u16(2)?));
            let body = rest.get(4..4 + length).ok_or(CUT)?;
            if id == 1 {
                return Ok(Self { extra: body, at: 0 });
            }
            rest = &rest[4 + length..];
        }
        Ok(Self { extra: &[], at: 0 })
    }

    fn of(&mut self, small: u32) -> Result<u64, SlideError> {
        if small != u32::MAX {
            return Ok(small.into());
        }
        let large = Fields(self.extra).u64(self.at)?;
        self.at += 8;
        Ok(large)
    }
}

/// UTF-8, or as Chinese Windows writes names.
fn name_of(text: &[u8]) -> String {
    let name = match std::str::from_utf8(text) {
        Ok(name) => name.to_owned(),
        Err(_) => encoding_rs::GBK.decode_without_bom_handling(text).0.into_owned(),
    };
    name.replace('\\', "/")
}

/// Where a file's content begins (§4.3.7).
fn content_start(source: &dyn ReadAt, offset: u64) -> Result<u64, SlideError> {
    let header = bytes_at(source, offset, 30)?;
    if !header.starts_with(b"PK\x03\x04") {
        return Err(CUT);
    }
    let fields = Fields(&header);
    let names = u64::from(fields.u16(26)?) + u64::from(fields.u16(28)?);
    offset.checked_add(30 + names).ok_or(CUT)
}
