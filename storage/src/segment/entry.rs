//! What stands in a segment: entries of whole blocks, each with a header that says all that is needed to index it again.
//!
//! ```text
//! block 0   "FARSIGHT", kind (u32), CRC-32 of the block with this field zero (u32), length of the text (u32),
//!           the text (JSON), zeros, preamble and file meta information, ending with the block
//! block 1…  the data set's bytes exactly as they came, then zeros to the end of the block
//! ```
//!
//! Integers are little endian. Preamble, file meta information and data set lie behind one another: a DICOM Part 10 file.
//! An entry names its segment, whose name is random, and its own offset: bytes that a peer sends cannot pass for one.

use super::buffer::BLOCK;
use super::{SegmentId, io_invalid};
use crate::ingest::Via;
use dataset::TransferSyntax;
use model::{OrgId, Sha256};
use serde::{Deserialize, Serialize};
use std::io;

const MAGIC: &[u8; 8] = b"FARSIGHT";
const KIND_OBJECT: u32 = 1;
const KIND_ERASED: u32 = 2;
/// Bytes before the text.
const FIXED: usize = 20;
/// Bytes of a sender's name that are kept.
const SENDER_BYTES_MAX: usize = 256;

/// The header of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub segment: SegmentId,
    /// Where the entry begins.
    pub offset: u64,
    pub owner: OrgId,
    /// Of the data set's bytes.
    pub sha256: Sha256,
    /// Transfer syntax UID of the data set.
    pub syntax: String,
    pub head_length: u64,
    pub dataset_length: u64,
    /// How it came, as in [`Via`].
    pub via: String,
    /// Who sent it: kind and identifier.
    pub sender: String,
    pub received_at_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct Erased {
    segment: SegmentId,
    offset: u64,
    /// Bytes of the whole entry.
    length: u64,
}

/// A block that begins an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    Object(Box<Header>),
    /// What stood here has been erased; so many bytes are to be passed over.
    Erased(u64),
}

impl Header {
    /// Bytes of the whole entry.
    pub fn entry_length(&self) -> u64 {
        entry_length(self.dataset_length)
    }

    pub fn syntax(&self) -> Option<TransferSyntax> {
        TransferSyntax::parse(&self.syntax).ok()
    }

    pub fn via(&self) -> Option<Via> {
        Via::of_word(&self.via)
    }

    /// Writes the header's block. `head` is preamble and file meta information.
    pub fn write(&self, head: &[u8], block: &mut [u8]) -> io::Result<()> {
        let text = serde_json::to_string(self).map_err(io::Error::other)?;
        write_block(KIND_OBJECT, text.as_bytes(), head, block)
    }
}

/// A sender's name as headers and the index keep it.
pub(crate) fn sender_text(text: &str) -> String {
    let mut end = text.len().min(SENDER_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    crate::db::clean(text.get(..end).unwrap_or_default())
}

/// Bytes of an entry with a data set of this length.
pub(crate) fn entry_length(dataset_length: u64) -> u64 {
    let block = BLOCK as u64;
    dataset_length.div_ceil(block).saturating_add(1).saturating_mul(block)
}

/// Writes a block that says that so many bytes hold nothing any more.
pub(crate) fn write_erased(segment: SegmentId, offset: u64, length: u64, block: &mut [u8]) -> io::Result<()> {
    let text = serde_json::to_string(&Erased { segment, offset, length }).map_err(io::Error::other)?;
    write_block(KIND_ERASED, text.as_bytes(), &[], block)
}

fn write_block(kind: u32, text: &[u8], head: &[u8], block: &mut [u8]) -> io::Result<()> {
    let head_start = block.len().checked_sub(head.len()).filter(|start| *start >= FIXED + text.len());
    let Some(head_start) = head_start else { return Err(io_invalid("a header longer than its block")) };
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    block.fill(0);
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(room) = block.get_mut(at..at + bytes.len()) {
            room.copy_from_slice(bytes);
        }
    };
    put(0, MAGIC);
    put(8, &kind.to_le_bytes());
    put(16, &length.to_le_bytes());
    put(FIXED, text);
    put(head_start, head);
    let crc = crc32fast::hash(block);
    if let Some(room) = block.get_mut(12..16) {
        room.copy_from_slice(&crc.to_le_bytes());
    }
    Ok(())
}

/// Bytes of a block that tell whether it begins an object.
pub(crate) const START_BYTES: usize = 12;

/// Whether a block that begins like this begins an object, and not what has been erased.
pub(crate) fn is_object(start: &[u8]) -> bool {
    start.starts_with(MAGIC) && start.get(MAGIC.len()..START_BYTES) == Some(&KIND_OBJECT.to_le_bytes()[..])
}

/// What a block says, if it is the first of an entry at this place.
pub(crate) fn read(segment: SegmentId, offset: u64, block: &[u8]) -> Option<Entry> {
    let number = |at: usize| Some(u32::from_le_bytes(block.get(at..at + 4)?.try_into().ok()?));
    if !block.starts_with(MAGIC) || block.len() != BLOCK {
        return None;
    }
    let mut crc = crc32fast::Hasher::new();
    crc.update(block.get(..12)?);
    crc.update(&[0; 4]);
    crc.update(block.get(16..)?);
    if crc.finalize() != number(12)? {
        return None;
    }
    let text = block.get(FIXED..FIXED.checked_add(usize::try_from(number(16)?).ok()?)?)?;
    match number(8)? {
        KIND_OBJECT => {
            let header: Header = serde_json::from_slice(text).ok()?;
            let fits = header.segment == segment
                && header.offset == offset
                && header.head_length <= BLOCK as u64
                && header.dataset_length <= u64::from(u32::MAX) << 16;
            fits.then(|| Entry::Object(Box::new(header)))
        }
        KIND_ERASED => {
            let erased: Erased = serde_json::from_slice(text).ok()?;
            let fits = erased.segment == segment
                && erased.offset == offset
                && erased.length > 0
                && erased.length.is_multiple_of(BLOCK as u64);
            fits.then_some(Entry::Erased(erased.length))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            segment: SegmentId::parse("0123456789abcdef").unwrap(),
            offset: 8192,
            owner: OrgId::parse("town").unwrap(),
            sha256: Sha256([7; 32]),
            syntax: TransferSyntax::EXPLICIT_LITTLE.to_owned(),
            head_length: 3,
            dataset_length: 4097,
            via: "dimse".to_owned(),
            sender: "ae:CT1".to_owned(),
            received_at_ms: 5,
        }
    }

    #[test]
    fn a_header_is_read_back_only_where_it_belongs() {
        let mut block = vec![1; BLOCK];
        header().write(b"abc", &mut block).unwrap();
        assert!(block.ends_with(b"\0abc"));
        let id = header().segment;
        assert_eq!(read(id, 8192, &block), Some(Entry::Object(Box::new(header()))));
        assert!(is_object(&block[..START_BYTES]) && !is_object(&block[..START_BYTES - 1]));
        assert_eq!(header().entry_length(), 3 * BLOCK as u64);
        assert_eq!(read(id, 4096, &block), None);
        assert_eq!(read(SegmentId::parse("0123456789abcdee").unwrap(), 8192, &block), None);
        for at in [0, 9, 13, 17, 40, 2000, BLOCK - 1] {
            let mut damaged = block.clone();
            damaged[at] ^= 1;
            assert_eq!(read(id, 8192, &damaged), None, "{at}");
        }
        write_erased(id, 8192, 12288, &mut block).unwrap();
        assert_eq!(read(id, 8192, &block), Some(Entry::Erased(12288)));
        assert!(!is_object(&block) && !is_object(&[0; BLOCK]));
    }

    #[test]
    fn senders_are_cut_between_characters() {
        assert_eq!(sender_text(&"张".repeat(100)).chars().count(), 85);
    }
}
