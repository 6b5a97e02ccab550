//! Writing stored bytes: `multipart/related` bodies (RFC 2387) whose parts are streamed, and single parts by range.

use super::conditions::{byte_range, describe_single};
use super::problem::WebError;
use crate::transcode;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use dataset::{TransferSyntax, part10};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use std::ops::Range;
use storage::{Handout, InstanceRef, Storage, StorageError};

/// Bytes that are read at once: few enough to stay in the processor's cache between the two copies.
const CHUNK: u64 = 128 << 10;

/// A stored frame.
pub enum StoredFrame {
    /// All of it, when that is one piece or it has no place of its own (deflated data sets,
    /// bits across bytes).
    Bytes(Bytes),
    /// Where it is; its first byte can be read.
    Places(Vec<Range<u64>>),
}

/// What a part's bytes are. Nothing but [`PartBytes::Memory`] is read before its turn comes.
#[derive(Clone)]
pub enum PartBytes {
    /// In memory.
    Memory(Bytes),
    /// A range of a stored file.
    Range(InstanceRef, Range<u64>),
    /// A whole file, with what has been corrected since it arrived.
    Whole(InstanceRef),
    /// One stored frame, counted from 0.
    Frame(InstanceRef, u32),
    /// One frame in another transfer syntax.
    Converted(InstanceRef, u32, TransferSyntax),
    /// A Part 10 file in another transfer syntax.
    Transcoded(InstanceRef, TransferSyntax),
    /// An image for the eye, made when its turn comes.
    Rendered(Box<super::rendered::Job>),
}

/// One part.
#[derive(Clone)]
pub struct Part {
    /// Its Content-Type.
    pub content_type: String,
    /// Its Content-Location, if it has one.
    pub location: Option<String>,
    /// Its bytes.
    pub bytes: PartBytes,
}

impl Part {
    /// A part without a location.
    pub fn new(content_type: impl Into<String>, bytes: PartBytes) -> Self {
        Self { content_type: content_type.into(), location: None, bytes }
    }
}

/// Separates parts: random for each answer, so that no stored object can hold it and pass for several parts.
fn boundary() -> Result<String, WebError> {
    let random = access::Secret::random().map_err(|_| WebError::Unavailable)?.sha256().to_string();
    // RFC 2046 §5.1.1: at most 70 characters.
    Ok(format!("farsight-{}", &random[..48]))
}

/// A multipart answer. `part_type` is the `type` parameter; `transfer_syntax` is repeated for clients that look for it
/// on the outside.
pub fn response(
    storage: &Storage,
    part_type: &str,
    transfer_syntax: Option<&str>,
    parts: impl Iterator<Item = Part> + Send + 'static,
) -> Result<Response, WebError> {
    let boundary = boundary()?;
    let mut content_type = format!("multipart/related; type=\"{part_type}\"; boundary={boundary}");
    if let Some(syntax) = transfer_syntax {
        content_type.push_str("; transfer-syntax=");
        content_type.push_str(syntax);
    }
    let storage = storage.clone();
    let end = format!("\r\n--{boundary}--\r\n");
    let pieces = stream::iter(parts.enumerate()).flat_map(move |(index, part)| {
        let line_break = if index == 0 { "" } else { "\r\n" };
        let location = part.location.map(|at| format!("Content-Location: {at}\r\n")).unwrap_or_default();
        let head =
            format!("{line_break}--{boundary}\r\nContent-Type: {}\r\n{location}\r\n", part.content_type);
        stream::once(async move { Ok(Bytes::from(head)) }).chain(part_stream(storage.clone(), part.bytes))
    });
    let end = stream::once(async { Ok(Bytes::from(end)) });
    let mut response = Response::new(Body::from_stream(pieces.chain(end)));
    let content_type = HeaderValue::from_str(&content_type).map_err(|_| WebError::Internal)?;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    Ok(response)
}

pub type Piece = Result<Bytes, WebError>;

fn part_stream(storage: Storage, bytes: PartBytes) -> stream::BoxStream<'static, Piece> {
    match bytes {
        PartBytes::Memory(bytes) => stream::once(async move { Ok(bytes) }).boxed(),
        PartBytes::Range(instance, range) => file_range(storage, instance, range).boxed(),
        PartBytes::Whole(instance) => stream::once(async move {
            let handout = storage.handout(&instance).await?;
            let end = handout.file_length();
            Ok::<_, WebError>(handout_range(storage, handout, 0..end))
        })
        .try_flatten()
        .boxed(),
        PartBytes::Frame(instance, frame) => {
            stream::once(async move { frame_stream(&storage, &instance, frame).await }).try_flatten().boxed()
        }
        PartBytes::Converted(instance, frame, to) => stream::once(async move {
            let (bytes, _format, _seat) = transcode::frame(&storage, &instance, frame, &to).await?;
            Ok(bytes)
        })
        .boxed(),
        PartBytes::Transcoded(instance, to) => {
            stream::once(async move { transcoded(&storage, &instance, &to).await }).try_flatten().boxed()
        }
        PartBytes::Rendered(job) => stream::once(async move { job.run(&storage).await }).boxed(),
    }
}

/// A stored frame in pieces, without its fragments' headers. The first byte is there, or the answer is an error.
async fn frame_stream(
    storage: &Storage,
    instance: &InstanceRef,
    frame: u32,
) -> Result<stream::BoxStream<'static, Piece>, WebError> {
    match stored_frame(storage, instance, frame).await? {
        StoredFrame::Places(places) => Ok(file_ranges(storage.clone(), instance.clone(), places).boxed()),
        StoredFrame::Bytes(bytes) => Ok(stream::once(async move { Ok(bytes) }).boxed()),
    }
}

/// A stored frame, or where it is: what is damaged is found before an answer begins.
pub async fn stored_frame(
    storage: &Storage,
    instance: &InstanceRef,
    frame: u32,
) -> Result<StoredFrame, WebError> {
    if !instance.frames_have_places() {
        return Ok(StoredFrame::Bytes(storage.frame(instance, frame).await?));
    }
    let places = storage.frame_places(instance, frame).await?;
    let length: u64 = places.iter().map(|place| place.end.saturating_sub(place.start)).sum();
    if length <= CHUNK {
        return Ok(StoredFrame::Bytes(storage.frame(instance, frame).await?));
    }
    if let Some(first) = places.first() {
        storage.read(instance, first.start..first.end.min(first.start + 1)).await?;
    }
    Ok(StoredFrame::Places(places))
}

/// A Part 10 file in another transfer syntax.
pub async fn transcoded(
    storage: &Storage,
    instance: &InstanceRef,
    to: &TransferSyntax,
) -> Result<stream::BoxStream<'static, Piece>, WebError> {
    let head = part10::head(to, instance.sop_class(), instance.instance());
    let dataset = transcode::data_set(storage, instance, to).await?;
    let head = stream::once(async move { Ok(Bytes::from(head)) });
    Ok(head.chain(dataset.map_err(WebError::from)).boxed())
}

/// Ranges of a stored file, one after another.
fn file_ranges(
    storage: Storage,
    instance: InstanceRef,
    ranges: Vec<Range<u64>>,
) -> impl futures_util::Stream<Item = Piece> + Send + 'static {
    stream::iter(ranges).flat_map(move |range| file_range(storage.clone(), instance.clone(), range).boxed())
}

/// A range of a stored file, in pieces.
fn file_range(
    storage: Storage,
    instance: InstanceRef,
    range: Range<u64>,
) -> impl futures_util::Stream<Item = Piece> + Send + 'static {
    stream::try_unfold((storage, instance, range), |(storage, instance, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let end = range.end.min(range.start.saturating_add(CHUNK));
        let bytes = storage.read(&instance, range.start..end).await?;
        if bytes.is_empty() {
            return Err(StorageError::Corrupt("an object is shorter than its row says").into());
        }
        let next = range.start + bytes.len() as u64..range.end;
        Ok(Some((bytes, (storage, instance, next))))
    })
}

/// A range of a file as it is handed out, in pieces.
fn handout_range(
    storage: Storage,
    handout: Handout,
    range: Range<u64>,
) -> impl futures_util::Stream<Item = Piece> + Send + 'static {
    stream::try_unfold((storage, handout, range), |(storage, handout, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let end = range.end.min(range.start.saturating_add(CHUNK));
        let bytes = storage.read_handout(&handout, range.start..end).await?;
        if bytes.is_empty() {
            return Err(StorageError::Corrupt("an object is shorter than its row says").into());
        }
        let next = range.start + bytes.len() as u64..range.end;
        Ok(Some((bytes, (storage, handout, next))))
    })
}

/// A whole file as it is handed out, or the piece of it that `Range` asks for.
pub async fn whole(
    storage: &Storage,
    instance: &InstanceRef,
    content_type: &str,
    headers: &HeaderMap,
    etag: &str,
) -> Result<Response, WebError> {
    let handout = storage.handout(instance).await?;
    let length = handout.file_length();
    let asked = byte_range(headers, length, etag)?;
    let range = asked.clone().unwrap_or(0..length);
    let mut response = Response::new(Body::from_stream(handout_range(storage.clone(), handout, range)));
    describe_single(&mut response, content_type, asked, length)?;
    Ok(response)
}

/// A range of a stored file as a single part, or the piece of it that `Range` asks for.
pub fn single(
    storage: &Storage,
    instance: &InstanceRef,
    range: Range<u64>,
    content_type: &str,
    headers: &HeaderMap,
    etag: &str,
) -> Result<Response, WebError> {
    single_of_ranges(storage, instance, vec![range], content_type, headers, etag)
}

/// Ranges of a stored file as one part, or the piece of it that `Range` asks for.
pub fn single_of_ranges(
    storage: &Storage,
    instance: &InstanceRef,
    ranges: Vec<Range<u64>>,
    content_type: &str,
    headers: &HeaderMap,
    etag: &str,
) -> Result<Response, WebError> {
    let length = ranges.iter().map(|range| range.end.saturating_sub(range.start)).sum();
    let asked = byte_range(headers, length, etag)?;
    let ranges = match &asked {
        None => ranges,
        Some(piece) => cut(&ranges, piece),
    };
    let body = file_ranges(storage.clone(), instance.clone(), ranges);
    let mut response = Response::new(Body::from_stream(body));
    describe_single(&mut response, content_type, asked, length)?;
    Ok(response)
}

/// What of these ranges lies within a piece of them, counted from the first byte of the first.
fn cut(ranges: &[Range<u64>], piece: &Range<u64>) -> Vec<Range<u64>> {
    let mut before = 0_u64;
    let mut inside = Vec::new();
    for range in ranges {
        let length = range.end.saturating_sub(range.start);
        let from = piece.start.saturating_sub(before).min(length);
        let to = piece.end.saturating_sub(before).min(length);
        if from < to {
            inside.push(range.start + from..range.start + to);
        }
        before = before.saturating_add(length);
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_several_ranges() {
        let ranges = [10..14, 20..21, 30..40];
        let check = |piece: Range<u64>, expected: &[(u64, u64)]| {
            let inside: Vec<_> = cut(&ranges, &piece).iter().map(|range| (range.start, range.end)).collect();
            assert_eq!(inside, expected, "{piece:?}");
        };
        check(0..15, &[(10, 14), (20, 21), (30, 40)]);
        check(0..4, &[(10, 14)]);
        check(3..6, &[(13, 14), (20, 21), (30, 31)]);
        check(5..6, &[(30, 31)]);
        check(14..15, &[(39, 40)]);
    }
}
