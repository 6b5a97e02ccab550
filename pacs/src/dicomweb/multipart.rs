//! Writing stored bytes: `multipart/related` bodies (RFC 2387) whose parts are streamed, and single parts by range.

use super::conditions::byte_range;
use super::frames::decoded;
use super::problem::WebError;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use std::ops::Range;
use storage::{InstanceRef, Storage, StorageError};

/// Bytes that are read at once.
const CHUNK: u64 = 1 << 20;

/// What a part's bytes are. Nothing but [`PartBytes::Memory`] is read before its turn comes.
#[derive(Clone)]
pub enum PartBytes {
    /// In memory.
    Memory(Bytes),
    /// A range of a stored file.
    Range(InstanceRef, Range<u64>),
    /// One stored frame, counted from 0.
    Frame(InstanceRef, u32),
    /// One frame, decoded to native pixels.
    Decoded(InstanceRef, u32),
}

/// One part.
#[derive(Clone)]
pub struct Part {
    /// Its Content-Type.
    pub content_type: String,
    /// Its bytes.
    pub bytes: PartBytes,
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
        let head = format!("{line_break}--{boundary}\r\nContent-Type: {}\r\n\r\n", part.content_type);
        stream::once(async move { Ok(Bytes::from(head)) }).chain(part_stream(storage.clone(), part.bytes))
    });
    let end = stream::once(async { Ok(Bytes::from(end)) });
    let mut response = Response::new(Body::from_stream(pieces.chain(end)));
    let content_type = HeaderValue::from_str(&content_type).map_err(|_| WebError::Internal)?;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    Ok(response)
}

type Piece = Result<Bytes, WebError>;

fn part_stream(storage: Storage, bytes: PartBytes) -> stream::BoxStream<'static, Piece> {
    match bytes {
        PartBytes::Memory(bytes) => stream::once(async move { Ok(bytes) }).boxed(),
        PartBytes::Range(instance, range) => file_range(storage, instance, range).boxed(),
        PartBytes::Frame(instance, frame) => {
            stream::once(async move { Ok(storage.frame(&instance, frame).await?) }).boxed()
        }
        PartBytes::Decoded(instance, frame) => stream::once(async move {
            let (pixels, _seat) = decoded(&storage, &instance, frame).await?;
            Ok(pixels.bytes.into())
        })
        .boxed(),
    }
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

/// A range of a stored file as a single part, or the piece of it that `Range` asks for.
pub fn single(
    storage: &Storage,
    instance: &InstanceRef,
    range: Range<u64>,
    content_type: &str,
    headers: &HeaderMap,
) -> Result<Response, WebError> {
    let length = range.end.saturating_sub(range.start);
    let asked = byte_range(headers, length)?;
    let piece = asked.clone().unwrap_or(0..length);
    let body =
        file_range(storage.clone(), instance.clone(), range.start + piece.start..range.start + piece.end);
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(piece.end - piece.start));
    let content_type = HeaderValue::from_str(content_type).map_err(|_| WebError::Internal)?;
    headers.insert(header::CONTENT_TYPE, content_type);
    if asked.is_some() {
        let content_range = format!("bytes {}-{}/{length}", piece.start, piece.end - 1);
        let content_range = HeaderValue::from_str(&content_range).map_err(|_| WebError::Internal)?;
        headers.insert(header::CONTENT_RANGE, content_range);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}
