//! DICOM JSON of instances, compressed once at ingest so that any number of them make one gzip stream without
//! compressing again.
//!
//! Each piece is raw deflate (RFC 1951) ended by a full flush and never by a final block, so pieces follow each other
//! on byte borders and share nothing. Gzip members are not concatenated instead:
//! RFC 1952 allows it, but not every HTTP client reads beyond the first one.

mod answer;

pub(crate) use answer::chunk_of;
pub use answer::{MetadataBody, MetadataForm};

use crate::StorageError;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::cell::RefCell;
use std::sync::LazyLock;

thread_local! {
    /// A compressor's tables are some hundred kilobytes: made once a thread, not once an instance.
    static DEFLATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(LEVEL), false));
}

/// Metadata is a few kilobytes of text that repeats itself: more effort buys one or two per cent.
const LEVEL: u32 = 4;

/// Text as pieces of a deflate stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub crc32: u32,
    pub text_length: u64,
    pub bytes: Vec<u8>,
}

impl Chunk {
    /// Compresses.
    pub fn new(text: &[u8]) -> Self {
        DEFLATE.with_borrow_mut(|deflate| {
            deflate.reset();
            Self::with(deflate, text)
        })
    }

    fn with(deflate: &mut Compress, text: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(text.len() / 4 + 64);
        let mut rest = text;
        loop {
            let before = deflate.total_in();
            // Into a Vec with spare room this cannot fail; it stops when the room is used up.
            let _ = deflate.compress_vec(rest, &mut bytes, FlushCompress::Full);
            let taken = usize::try_from(deflate.total_in() - before).unwrap_or(rest.len());
            rest = rest.get(taken..).unwrap_or_default();
            if rest.is_empty() && bytes.len() < bytes.capacity() {
                break;
            }
            bytes.reserve(bytes.len().max(1024));
        }
        Self { crc32: crc32fast::hash(text), text_length: text.len() as u64, bytes }
    }

    /// The text again.
    pub fn text(&self) -> Result<Vec<u8>, StorageError> {
        let damaged = StorageError::Corrupt("metadata that does not decompress to what was compressed");
        let length = usize::try_from(self.text_length).map_err(|_| damaged.clone())?;
        let mut inflate = Decompress::new(false);
        // One byte more than expected, so that too much shows.
        let mut text = Vec::new();
        text.try_reserve_exact(length + 1)
            .map_err(|_| StorageError::OutOfResources("memory for metadata"))?;
        let status = inflate.decompress_vec(&self.bytes, &mut text, FlushDecompress::Sync);
        let is_whole = matches!(status, Ok(Status::Ok | Status::BufError)) && text.len() == length;
        if is_whole && crc32fast::hash(&text) == self.crc32 { Ok(text) } else { Err(damaged) }
    }
}

/// A JSON array that grows piece by piece, as one gzip member (RFC 1952).
pub(crate) struct GzipArray {
    out: Vec<u8>,
    crc: crc32fast::Hasher,
    length: u64,
    is_empty: bool,
}

impl GzipArray {
    pub fn new() -> Self {
        // Deflate, no flags, no time, no extra flags, made on Unix.
        let out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
        let mut array = Self { out, crc: crc32fast::Hasher::new(), length: 0, is_empty: true };
        array.mark(&PUNCTUATION.open, b"[");
        array
    }

    /// Puts another object: the fields of its [`Chunk`].
    pub fn push(&mut self, crc32: u32, text_length: u64, bytes: &[u8]) {
        if !std::mem::take(&mut self.is_empty) {
            self.mark(&PUNCTUATION.comma, b",");
        }
        self.out.extend_from_slice(bytes);
        self.crc.combine(&crc32fast::Hasher::new_with_initial_len(crc32, text_length));
        self.length = self.length.wrapping_add(text_length);
    }

    fn mark(&mut self, chunk: &Chunk, text: &[u8]) {
        self.out.extend_from_slice(&chunk.bytes);
        self.crc.update(text);
        self.length = self.length.wrapping_add(text.len() as u64);
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.mark(&PUNCTUATION.close, b"]");
        // An empty final block with fixed codes.
        self.out.extend_from_slice(&[3, 0]);
        self.out.extend_from_slice(&self.crc.finalize().to_le_bytes());
        // ISIZE is the length modulo 2^32.
        self.out.extend_from_slice(&(self.length as u32).to_le_bytes());
        self.out
    }
}

struct Punctuation {
    open: Chunk,
    comma: Chunk,
    close: Chunk,
}

static PUNCTUATION: LazyLock<Punctuation> = LazyLock::new(|| Punctuation {
    open: Chunk::new(b"["),
    comma: Chunk::new(b","),
    close: Chunk::new(b"]"),
});

/// The same array as plain text.
fn plain_array(chunks: &[Chunk]) -> Result<Vec<u8>, StorageError> {
    let mut out = vec![b'['];
    for (index, chunk) in chunks.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&chunk.text()?);
    }
    out.push(b']');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read as _;

    proptest! {
        #[test]
        fn any_texts_make_one_member(texts in prop::collection::vec("\\PC{0,3000}", 0..5)) {
            let chunks: Vec<Chunk> = texts.iter().map(|t| Chunk::new(t.as_bytes())).collect();
            let expected = format!("[{}]", texts.join(","));
            prop_assert_eq!(plain_array(&chunks).unwrap(), expected.as_bytes());
            let mut array = GzipArray::new();
            chunks.iter().for_each(|chunk| array.push(chunk.crc32, chunk.text_length, &chunk.bytes));
            let gzip = array.finish();
            let mut text = String::new();
            // GzDecoder reads exactly one member and checks CRC and length.
            let mut decoder = flate2::bufread::GzDecoder::new(&gzip[..]);
            decoder.read_to_string(&mut text).unwrap();
            prop_assert_eq!(text, expected);
            prop_assert!(decoder.into_inner().is_empty());
        }
    }

    #[test]
    fn incompressible_text_survives() {
        let text: Vec<u8> = (0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert_eq!(Chunk::new(&text).text().unwrap(), text);
    }

    #[test]
    fn damage_shows() {
        let good = Chunk::new(b"{\"00100010\":{}}");
        for i in 0..good.bytes.len() - 4 {
            let mut bad = good.clone();
            bad.bytes[i] ^= 0x10;
            assert!(bad.text().is_err() || bad.text().unwrap() == b"{\"00100010\":{}}");
        }
        let mut bad = good;
        bad.crc32 ^= 1;
        assert!(bad.text().is_err());
    }
}
