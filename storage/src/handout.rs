//! An instance as it is handed out whole: the bytes that arrived, or, after a correction, the same pixels behind a head
//! that names the right patient. Everything that sends instances to others reads them here.

use crate::ingest::blocking;
use crate::read::InstanceRef;
use crate::{Storage, StorageError};
use bytes::Bytes;
use dataset::rewrite::{Edits, Front, front};
use dataset::{Refused, TransferSyntax};
use std::io::{Read as _, Write as _};
use std::ops::Range;

/// A Part 10 file as others get it. Uncorrected, it is the stored one.
#[derive(Debug, Clone)]
pub struct Handout {
    instance: InstanceRef,
    /// In the place of the stored file's bytes before `resume_at`.
    front: Bytes,
    resume_at: u64,
}

impl Handout {
    /// Bytes of the Part 10 file, head and data set.
    #[must_use]
    pub fn file_length(&self) -> u64 {
        self.front.len() as u64 + self.instance.file_length().saturating_sub(self.resume_at)
    }

    /// Bytes of preamble and file meta information in front of the data set.
    #[must_use]
    pub fn head_length(&self) -> u64 {
        self.instance.head_length()
    }

    /// Whether it differs from what was acquired.
    #[must_use]
    pub fn is_corrected(&self) -> bool {
        self.resume_at > 0
    }

    /// The instance that it is made of.
    #[must_use]
    pub fn instance(&self) -> &InstanceRef {
        &self.instance
    }
}

impl InstanceRef {
    /// The front of this instance's data set as it is handed out in another transfer syntax, of which these bytes are
    /// the beginning. `None`: more of it is needed.
    ///
    /// # Errors
    /// [`StorageError::Refused`] as [`Storage::handout`].
    pub fn corrected_front(
        &self,
        syntax: &TransferSyntax,
        prefix: &[u8],
        length: u64,
    ) -> Result<Option<Front>, StorageError> {
        let Some(coercion) = &self.0.coercion else {
            return Ok(Some(Front { bytes: Vec::new(), resume_at: 0 }));
        };
        if prefix.len() as u64 > PREFIX_BYTES_MAX {
            return Err(Refused::OverLimit("bytes in front of the pixels of a corrected instance").into());
        }
        Ok(front(syntax, prefix, length, &coercion.edits())?)
    }

    /// Whether [`Storage::handout`] differs from what was acquired.
    #[must_use]
    pub fn is_corrected(&self) -> bool {
        self.0.coercion.is_some()
    }
}

/// Bytes of a data set that are read first to find what is in front of its pixels, and at most.
const PREFIX_BYTES: u64 = 256 << 10;
const PREFIX_BYTES_MAX: u64 = 64 << 20;

impl Storage {
    /// An instance as it is handed out. Costs nothing when it is not corrected.
    ///
    /// # Errors
    /// [`StorageError::Refused`] when more than 64 MiB stand in front of the pixels, or a corrected deflated data set is
    /// longer than that.
    pub async fn handout(&self, instance: &InstanceRef) -> Result<Handout, StorageError> {
        let Some(coercion) = &instance.0.coercion else {
            return Ok(Handout { instance: instance.clone(), front: Bytes::new(), resume_at: 0 });
        };
        let edits = coercion.edits();
        let head = self.read_all(instance, 0..instance.head_length()).await?;
        if instance.syntax().as_str() == TransferSyntax::DEFLATED {
            let whole = self.read_all(instance, instance.head_length()..instance.file_length()).await?;
            let dataset = blocking(move || deflated(&whole, &edits)).await??;
            let front = [&head[..], &dataset].concat().into();
            return Ok(Handout { instance: instance.clone(), front, resume_at: instance.file_length() });
        }
        let length = instance.file_length() - instance.head_length();
        let mut wanted = PREFIX_BYTES;
        loop {
            let end = instance.head_length() + wanted.min(length);
            let prefix = self.read_all(instance, instance.head_length()..end).await?;
            if let Some(found) = front(instance.syntax(), &prefix, length, &edits)? {
                let resume_at = instance.head_length() + found.resume_at;
                let front = [&head[..], &found.bytes].concat().into();
                return Ok(Handout { instance: instance.clone(), front, resume_at });
            }
            if wanted >= length || wanted >= PREFIX_BYTES_MAX {
                return Err(Refused::OverLimit("bytes in front of the pixels of a corrected instance").into());
            }
            wanted = wanted.saturating_mul(8).min(PREFIX_BYTES_MAX);
        }
    }

    /// A range of the Part 10 file as it is handed out, at most 16 MiB at once: read on from where it ends.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] outside the file, [`StorageError::Corrupt`].
    pub async fn read_handout(&self, handout: &Handout, range: Range<u64>) -> Result<Bytes, StorageError> {
        let front = handout.front.len() as u64;
        if range.start >= front {
            let shifted = |at: u64| at.checked_sub(front)?.checked_add(handout.resume_at);
            let (Some(start), Some(end)) = (shifted(range.start), shifted(range.end)) else {
                return Err(StorageError::NotFound);
            };
            return self.read(&handout.instance, start..end).await;
        }
        if range.end < range.start || range.end > handout.file_length() {
            return Err(StorageError::NotFound);
        }
        let place = |at: u64| usize::try_from(at.min(front)).unwrap_or(handout.front.len());
        Ok(handout.front.slice(place(range.start)..place(range.end)))
    }

    async fn read_all(&self, instance: &InstanceRef, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        if range.end - range.start > PREFIX_BYTES_MAX {
            return Err(Refused::OverLimit("bytes of a corrected instance").into());
        }
        let mut bytes = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let piece = self.read(instance, at..range.end).await?;
            if piece.is_empty() {
                return Err(StorageError::Corrupt("an object is shorter than the index says"));
            }
            at += piece.len() as u64;
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

/// Inflates, corrects and deflates again (PS3.5 §A.5).
fn deflated(bytes: &[u8], edits: &Edits) -> Result<Vec<u8>, StorageError> {
    let mut plain = Vec::new();
    let mut inflate = flate2::read::DeflateDecoder::new(bytes).take(PREFIX_BYTES_MAX + 1);
    inflate.read_to_end(&mut plain).map_err(|_| StorageError::Corrupt("a deflated data set"))?;
    if plain.len() as u64 > PREFIX_BYTES_MAX {
        return Err(Refused::OverLimit("bytes of a corrected deflated data set").into());
    }
    let syntax = TransferSyntax::explicit_little();
    let found = front(&syntax, &plain, plain.len() as u64, edits)?
        .ok_or(StorageError::Corrupt("a deflated data set"))?;
    let rest = usize::try_from(found.resume_at).ok().and_then(|at| plain.get(at..)).unwrap_or_default();
    let unwritten = |_| StorageError::Unavailable("deflating a data set".to_owned());
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
    deflate.write_all(&found.bytes).and_then(|()| deflate.write_all(rest)).map_err(unwritten)?;
    let mut out = deflate.finish().map_err(unwritten)?;
    if out.len() % 2 == 1 {
        out.push(0);
    }
    Ok(out)
}
