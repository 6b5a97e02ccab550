//! One frame of an instance, by the frame index: one small row, one read.

use crate::db::at;
use crate::file::read_at;
use crate::ingest::blocking;
use crate::prepare::{FRAME_CHUNK_ENTRIES, SPAN_BYTES, START_BYTES};
use crate::read::InstanceRow;
use crate::{InstanceRef, Storage, StorageError};
use bytes::Bytes;
use dataset::{FrameIndex, Scanner, Span, TransferSyntax};
use flate2::{Decompress, FlushDecompress, Status};
use model::Limits;
use sqlx::Row as _;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

const DAMAGED: StorageError = StorageError::Corrupt("a frame index");

impl Storage {
    /// The bytes of one frame as stored, all its fragments joined, counted from 0. For a deflated data set the frame
    /// is inflated, bounded by the limits. A frame of single bits that stands across bytes is moved, so that its first
    /// pixel is the least significant bit of the first byte; the bits behind its last pixel are 0.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when there is no such frame, [`StorageError::Corrupt`].
    pub async fn frame(&self, instance: &InstanceRef, frame: u32) -> Result<Bytes, StorageError> {
        let row = &instance.0;
        if frame >= row.frame_count {
            return Err(StorageError::NotFound);
        }
        let bytes = if row.syntax.as_str() == TransferSyntax::DEFLATED {
            Box::pin(self.inflated_frame(instance, frame)).await?
        } else {
            self.frame_in_file(instance, frame).await?
        };
        match row.packed_frame_bits() {
            Some(bits) => Ok(moved_to_a_byte(&bytes, frame, bits)?.into()),
            None => Ok(bytes),
        }
    }

    async fn frame_in_file(&self, instance: &InstanceRef, frame: u32) -> Result<Bytes, StorageError> {
        let row = &instance.0;
        let spans = self.frame_spans(row, frame as usize).await?;
        let length = self.frame_length(&spans)?;
        let file = self.file_of(row).await?;
        if let [span] = spans.as_slice() {
            let offset = row.dataset_offset().checked_add(span.offset).ok_or(DAMAGED)?;
            let bytes = read_at(file.clone(), offset, length, 0).await?;
            self.require_kept(row, &file).await?;
            return Ok(bytes);
        }
        let mut joined = Vec::with_capacity(length);
        for span in spans {
            let offset = row.dataset_offset().checked_add(span.offset).ok_or(DAMAGED)?;
            joined.extend_from_slice(&read_at(file.clone(), offset, span.length as usize, 0).await?);
        }
        self.require_kept(row, &file).await?;
        Ok(joined.into())
    }

    /// Where the bytes of one frame stand in the Part 10 file, one range for each fragment: for streaming a long one,
    /// such as a video, which is one frame.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when there is no such frame, or none that has a place in the file
    /// ([`InstanceRef::frames_have_places`]).
    pub async fn frame_places(
        &self,
        instance: &InstanceRef,
        frame: u32,
    ) -> Result<Vec<std::ops::Range<u64>>, StorageError> {
        let row = &instance.0;
        if frame >= row.frame_count || !instance.frames_have_places() {
            return Err(StorageError::NotFound);
        }
        let place = |span: Span| {
            let start = row.head_length.checked_add(span.offset).ok_or(DAMAGED)?;
            Ok(start..start.checked_add(u64::from(span.length)).ok_or(DAMAGED)?)
        };
        self.frame_spans(row, frame as usize).await?.into_iter().map(place).collect()
    }

    /// Bytes of all spans together, if the limits allow them.
    fn frame_length(&self, spans: &[Span]) -> Result<usize, StorageError> {
        let length: u64 = spans.iter().map(|s| u64::from(s.length)).sum();
        if length > self.limits().frame_pixel_bytes_max {
            return Err(StorageError::OutOfResources("the frame is larger than the node's limit"));
        }
        usize::try_from(length).map_err(|_| DAMAGED)
    }

    /// Where a frame is.
    async fn frame_spans(&self, row: &InstanceRow, frame: usize) -> Result<Vec<Span>, StorageError> {
        if let Some(span) = row.span {
            return Ok(vec![span]);
        }
        let (from, to) = if row.is_fragmented {
            let starts = self.frame_chunk(row, 1, frame / FRAME_CHUNK_ENTRIES).await?;
            let at = frame % FRAME_CHUNK_ENTRIES;
            (start_at(&starts, at)?, start_at(&starts, at + 1)?)
        } else {
            (frame, frame.checked_add(1).ok_or(DAMAGED)?)
        };
        let mut spans = Vec::new();
        let mut next = from;
        while next < to {
            let chunk = self.frame_chunk(row, 0, next / FRAME_CHUNK_ENTRIES).await?;
            let end = to.min((next / FRAME_CHUNK_ENTRIES + 1) * FRAME_CHUNK_ENTRIES);
            for index in next..end {
                spans.push(span_at(&chunk, index % FRAME_CHUNK_ENTRIES)?);
            }
            next = end;
        }
        Ok(spans)
    }

    /// A row of the frame index, mostly from memory.
    async fn frame_chunk(
        &self,
        instance: &InstanceRow,
        part: i64,
        number: usize,
    ) -> Result<Bytes, StorageError> {
        let number = i64::try_from(number).map_err(|_| DAMAGED)?;
        let key = (instance.id, part, number);
        match self.inner.caches.frame_chunks.get(&key) {
            Some(entries) => Ok(entries),
            None => Box::pin(self.look_up_chunk(instance, key)).await,
        }
    }

    async fn look_up_chunk(
        &self,
        instance: &InstanceRow,
        key: (i64, i64, i64),
    ) -> Result<Bytes, StorageError> {
        let place = "reading a frame index";
        let (_, part, number) = key;
        let row = sqlx::query(
            "SELECT entries FROM frame_chunk WHERE instance_id = $1 AND part = $2 AND chunk_no = $3",
        )
        .bind(instance.id)
        .bind(part)
        .bind(number)
        .fetch_optional(&self.inner.db.readers)
        .await
        .map_err(at(place))?;
        let Some(row) = row else { return Err(self.lost(instance, DAMAGED).await) };
        let entries: Vec<u8> = row.try_get(0).map_err(at(place))?;
        let entries = Bytes::from(entries);
        self.inner.caches.frame_chunks.insert(key, entries.clone());
        Ok(entries)
    }

    /// A frame of a deflated data set: the stream is walked once to find the frames, and to the frame each time.
    async fn inflated_frame(&self, instance: &InstanceRef, frame: u32) -> Result<Bytes, StorageError> {
        let file = self.file_of(&instance.0).await?;
        let frame = self.inflated_frame_in(&file, instance, frame).await;
        // What has been erased cannot be inflated, either.
        self.require_kept(&instance.0, &file).await?;
        frame
    }

    async fn inflated_frame_in(
        &self,
        file: &Arc<File>,
        instance: &InstanceRef,
        frame: u32,
    ) -> Result<Bytes, StorageError> {
        let (row, file) = (instance.0.clone(), file.clone());
        let frames = match self.inner.caches.inflated_frames.get(&row.id) {
            Some(frames) => frames,
            None => {
                let (file, row, limits) = (file.clone(), row.clone(), self.limits().clone());
                let frames = Arc::new(blocking(move || inflated_index(&file, &row, &limits)).await??);
                self.inner.caches.inflated_frames.insert(row_id(instance), frames.clone());
                frames
            }
        };
        let spans = frames.frame(frame as usize).ok_or(StorageError::NotFound)?.to_vec();
        let length = self.frame_length(&spans)?;
        let limits = self.limits().clone();
        let bytes = blocking(move || inflated_spans(&file, &row, &limits, &spans, length)).await??;
        Ok(bytes.into())
    }
}

/// Bits that begin in the middle of a byte, from the least significant bit on (PS3.5 §8.1.1).
fn moved_to_a_byte(bytes: &[u8], frame: u32, frame_bits: u64) -> Result<Vec<u8>, StorageError> {
    // The last three bits of the product are right even if it does not fit.
    let shift = u32::try_from(u64::from(frame).wrapping_mul(frame_bits) % 8).map_err(|_| DAMAGED)?;
    let length = usize::try_from(frame_bits.div_ceil(8)).map_err(|_| DAMAGED)?;
    let byte = |index: usize| u16::from(bytes.get(index).copied().unwrap_or(0));
    let mut moved: Vec<u8> = (0..length)
        .map(|index| (byte(index) | byte(index + 1) << 8).wrapping_shr(shift).to_le_bytes()[0])
        .collect();
    if let Some(last) = moved.last_mut().filter(|_| !frame_bits.is_multiple_of(8)) {
        *last &= u8::MAX >> (8 - frame_bits % 8);
    }
    Ok(moved)
}

fn row_id(instance: &InstanceRef) -> i64 {
    instance.0.id
}

pub(crate) fn span_at(entries: &[u8], index: usize) -> Result<Span, StorageError> {
    let from = index.checked_mul(SPAN_BYTES).ok_or(DAMAGED)?;
    entries.get(from..from + SPAN_BYTES).and_then(Span::from_bytes).ok_or(DAMAGED)
}

fn start_at(entries: &[u8], index: usize) -> Result<usize, StorageError> {
    let from = index.checked_mul(START_BYTES).ok_or(DAMAGED)?;
    let bytes: [u8; START_BYTES] =
        entries.get(from..from + START_BYTES).and_then(|b| b.try_into().ok()).ok_or(DAMAGED)?;
    usize::try_from(u32::from_le_bytes(bytes)).map_err(|_| DAMAGED)
}

/// Inflates a deflated data set in pieces until `take` says that it has enough.
fn inflate(
    file: &File,
    row: &InstanceRow,
    limits: &Limits,
    mut take: impl FnMut(&[u8]) -> Result<bool, StorageError>,
) -> Result<(), StorageError> {
    const PIECE: usize = 256 << 10;
    let damaged = StorageError::Corrupt("a deflated data set");
    let mut inflate = Decompress::new(false);
    let (mut input, mut output) = (vec![0; PIECE], vec![0; PIECE]);
    let mut offset = row.dataset_offset();
    let end = offset.saturating_add(row.dataset_length);
    let (mut from, mut to) = (0, 0);
    loop {
        if from == to && offset < end {
            let count = usize::try_from(end - offset).unwrap_or(PIECE).min(PIECE);
            let room = input.get_mut(..count).unwrap_or_default();
            file.read_exact_at(room, offset).map_err(|_| damaged.clone())?;
            offset += count as u64;
            (from, to) = (0, count);
        }
        let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
        let rest = input.get(from..to).unwrap_or_default();
        let status =
            inflate.decompress(rest, &mut output, FlushDecompress::None).map_err(|_| damaged.clone())?;
        let taken = usize::try_from(inflate.total_in() - before_in).map_err(|_| damaged.clone())?;
        let made = usize::try_from(inflate.total_out() - before_out).map_err(|_| damaged.clone())?;
        from += taken;
        if inflate.total_out() > limits.inflated_bytes_max {
            return Err(StorageError::OutOfResources("the data set inflates beyond the node's limit"));
        }
        if made > 0 && take(output.get(..made).unwrap_or_default())? {
            return Ok(());
        }
        if status == Status::StreamEnd || (taken == 0 && made == 0) {
            return Ok(());
        }
    }
}

fn inflated_index(file: &File, row: &InstanceRow, limits: &Limits) -> Result<FrameIndex, StorageError> {
    let mut scanner = Scanner::new(&TransferSyntax::explicit_little(), limits);
    inflate(file, row, limits, |piece| {
        scanner.feed(piece)?;
        Ok(false)
    })?;
    Ok(scanner.finish()?.frames)
}

fn inflated_spans(
    file: &File,
    row: &InstanceRow,
    limits: &Limits,
    spans: &[Span],
    length: usize,
) -> Result<Vec<u8>, StorageError> {
    let mut joined = Vec::with_capacity(length);
    let mut position = 0_u64;
    let mut wanted = spans.iter().copied().peekable();
    inflate(file, row, limits, |piece| {
        let piece_end = position + piece.len() as u64;
        while let Some(span) = wanted.peek().copied() {
            let span_end = span.offset.saturating_add(u64::from(span.length));
            let from = span.offset.max(position);
            let to = span_end.min(piece_end);
            if from < to {
                let range = usize::try_from(from - position).unwrap_or(0)
                    ..usize::try_from(to - position).unwrap_or(0);
                joined.extend_from_slice(piece.get(range).unwrap_or_default());
            }
            if span_end > piece_end {
                break;
            }
            wanted.next();
        }
        position = piece_end;
        Ok(wanted.peek().is_none())
    })?;
    if joined.len() == length { Ok(joined) } else { Err(DAMAGED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_moved_to_the_beginning_of_a_byte() {
        // Three frames of nine pixels: ones only in the second, and at both ends of the third.
        let bits: u32 = 0b1_0000_0001 << 18 | 0b1_1111_1111 << 9;
        let bytes = bits.to_le_bytes();
        for (frame, span, expected) in
            [(0, 0..2, [0x00, 0x00]), (1, 1..3, [0xFF, 0x01]), (2, 2..4, [0x01, 0x01])]
        {
            assert_eq!(moved_to_a_byte(&bytes[span], frame, 9).unwrap(), expected, "{frame}");
        }
    }
}
