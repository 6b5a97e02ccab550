//! Writing `multipart/related` bodies (RFC 2387) whose parts are streamed.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use std::ops::Range;
use storage::{InstanceRef, Storage, StorageError};

/// Separates parts: random for each answer, so that no stored bytes can have been made to look like it.
fn boundary() -> String {
    format!("farsight-{:032x}", super::problem::rand_id())
}

/// Bytes that are read at once.
const CHUNK: u64 = 1 << 20;

/// What a part's bytes are.
#[derive(Clone)]
pub enum PartBytes {
    /// In memory.
    Memory(Bytes),
    /// A whole stored file.
    File(InstanceRef),
    /// One stored frame, counted from 0.
    Frame(InstanceRef, u32),
}

/// One part.
#[derive(Clone)]
pub struct Part {
    /// Its Content-Type.
    pub content_type: String,
    /// Its bytes.
    pub bytes: PartBytes,
}

/// A multipart answer. `part_type` is the `type` parameter; `transfer_syntax` is repeated for clients that look for it
/// on the outside.
pub fn response(
    storage: &Storage,
    part_type: &str,
    transfer_syntax: Option<&str>,
    parts: Vec<Part>,
) -> Response {
    let boundary = boundary();
    let mut content_type = format!("multipart/related; type=\"{part_type}\"; boundary={boundary}");
    if let Some(syntax) = transfer_syntax {
        content_type.push_str("; transfer-syntax=");
        content_type.push_str(syntax);
    }
    let storage = storage.clone();
    let end = format!("\r\n--{boundary}--\r\n");
    let pieces = stream::iter(parts.into_iter().enumerate()).flat_map(move |(index, part)| {
        let line_break = if index == 0 { "" } else { "\r\n" };
        let head = format!("{line_break}--{boundary}\r\nContent-Type: {}\r\n\r\n", part.content_type);
        stream::once(async move { Ok(Bytes::from(head)) }).chain(part_stream(storage.clone(), part.bytes))
    });
    let end = stream::once(async move { Ok(Bytes::from(end)) });
    let mut response = Response::new(Body::from_stream(pieces.chain(end)));
    if let Ok(value) = HeaderValue::from_str(&content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}

type Piece = Result<Bytes, StorageError>;

fn part_stream(storage: Storage, bytes: PartBytes) -> stream::BoxStream<'static, Piece> {
    match bytes {
        PartBytes::Memory(bytes) => stream::once(async move { Ok(bytes) }).boxed(),
        PartBytes::File(instance) => {
            let range = 0..instance.file_length();
            file_range(storage, instance, range).boxed()
        }
        PartBytes::Frame(instance, frame) => {
            stream::once(async move { storage.frame(&instance, frame).await }).boxed()
        }
    }
}

/// A range of a stored file, in pieces.
pub fn file_range(
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
            return Err(StorageError::Corrupt("an object is shorter than its row says"));
        }
        let next = range.start + bytes.len() as u64..range.end;
        Ok(Some((bytes, (storage, instance, next))))
    })
}
