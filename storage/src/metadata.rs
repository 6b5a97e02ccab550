//! DICOM JSON of instances, compressed once at ingest so that any number of them make one gzip stream without
//! compressing again.
//!
//! Each piece is raw deflate (RFC 1951) ended by a full flush and never by a final block, so pieces follow each other
//! on byte borders and share nothing. Gzip members are not concatenated instead:
//! RFC 1952 allows it, but not every HTTP client reads beyond the first one.

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

/// The pieces of a JSON array of these objects.
fn pieces(chunks: &[Chunk]) -> impl Iterator<Item = &Chunk> {
    let marks = &*PUNCTUATION;
    std::iter::once(&marks.open)
        .chain(
            chunks
                .iter()
                .enumerate()
                .flat_map(|(i, chunk)| (i > 0).then_some(&marks.comma).into_iter().chain([chunk])),
        )
        .chain([&marks.close])
}

/// A JSON array as one gzip member (RFC 1952).
pub(crate) fn gzip_array(chunks: &[Chunk]) -> Vec<u8> {
    let size: usize = chunks.iter().map(|c| c.bytes.len() + 16).sum();
    let mut out = Vec::with_capacity(size + 64);
    // Deflate, no flags, no time, no extra flags, made on Unix.
    out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    let mut crc = crc32fast::Hasher::new();
    let mut length = 0_u64;
    for piece in pieces(chunks) {
        out.extend_from_slice(&piece.bytes);
        crc.combine(&crc32fast::Hasher::new_with_initial_len(piece.crc32, piece.text_length));
        length = length.wrapping_add(piece.text_length);
    }
    // An empty final block with fixed codes.
    out.extend_from_slice(&[3, 0]);
    out.extend_from_slice(&crc.finalize().to_le_bytes());
    // ISIZE is the length modulo 2^32.
    out.extend_from_slice(&(length as u32).to_le_bytes());
    out
}

/// The same array as plain text.
pub(crate) fn plain_array(chunks: &[Chunk]) -> Result<Vec<u8>, StorageError> {
    let mut out = Vec::new();
    for piece in pieces(chunks) {
        out.extend_from_slice(&piece.text()?);
    }
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
            let gzip = gzip_array(&chunks);
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
