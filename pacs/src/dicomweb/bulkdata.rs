//! WADO-RS bulk data (PS3.18 §10.4.1.1.5): values that the metadata names by BulkDataURI.

use super::accept::accepted;
use super::frames::instance_of;
use super::multipart::{self, Part, PartBytes, file_range};
use super::problem::WebError;
use super::target::Target;
use access::Right;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use dataset::{Dataset, Scanner, Tag, Value, tags};
use std::ops::Range;
use storage::{InstanceRef, Storage};

/// Where a bulk value is in the stored file; read from the file itself, which names its own places.
pub enum Place {
    /// A range of the file.
    Range(Range<u64>),
    /// Small enough to have been kept with the attributes.
    Bytes(bytes::Bytes),
}

/// `…/instances/{instance}/bulkdata/{path}`.
pub async fn bulkdata(
    State(storage): State<Storage>,
    target: Target,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    target.require(Right::Retrieve)?;
    let instance = instance_of(&storage, &target).await?;
    let path = parse_path(&target.rest).ok_or(WebError::NotFound)?;
    storage.note_read(&target.scope, &instance);
    let ranges = accepted(&headers, super::routes::parameter(query.as_deref(), "accept").as_deref());
    let is_single = !ranges[0].is_multipart();
    let is_encapsulated_pixels =
        instance.syntax().is_encapsulated() && path.last().is_some_and(|step| step.0 == tags::PIXEL_DATA);
    if is_encapsulated_pixels {
        // Fragments mean nothing outside their frames: each frame is a part.
        let content_type = format!("application/octet-stream; transfer-syntax={}", instance.syntax());
        let parts = (0..instance.frame_count())
            .map(|frame| Part {
                content_type: content_type.clone(),
                bytes: PartBytes::Frame(instance.clone(), frame),
            })
            .collect();
        let syntax = instance.syntax().as_str().to_owned();
        return Ok(multipart::response(&storage, "application/octet-stream", Some(&syntax), parts));
    }
    let place = find(&storage, &instance, &path).await?;
    let body = match (place, is_single) {
        (Place::Range(range), true) => Body::from_stream(file_range(storage, instance, range)),
        (Place::Bytes(bytes), true) => Body::from(bytes),
        (Place::Bytes(bytes), false) => {
            let part =
                Part { content_type: "application/octet-stream".into(), bytes: PartBytes::Memory(bytes) };
            return Ok(multipart::response(&storage, "application/octet-stream", None, vec![part]));
        }
        (Place::Range(range), false) => {
            let bytes = read_all(&storage, &instance, range).await?;
            let part = Part {
                content_type: "application/octet-stream".into(),
                bytes: PartBytes::Memory(bytes.into()),
            };
            return Ok(multipart::response(&storage, "application/octet-stream", None, vec![part]));
        }
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}

/// `7FE00010` or `00480105/1/00282000`: tags, and 1-based item numbers between them (0 for the last).
fn parse_path(text: &str) -> Option<Vec<(Tag, usize)>> {
    let mut path = Vec::new();
    let mut pieces = text.split('/');
    while let Some(piece) = pieces.next() {
        if path.len() == 64 || piece.len() != 8 {
            return None;
        }
        let number = u32::from_str_radix(piece, 16).ok()?;
        let tag = Tag((number >> 16) as u16, (number & 0xFFFF) as u16);
        let item = match pieces.next() {
            Some(item) => item.parse().ok().filter(|n| *n > 0)?,
            None => 0,
        };
        path.push((tag, item));
    }
    (path.last()?.1 == 0).then_some(path)
}

/// Finds a value by scanning the stored file once more; it was sound when it came in.
pub async fn find(
    storage: &Storage,
    instance: &InstanceRef,
    path: &[(Tag, usize)],
) -> Result<Place, WebError> {
    let mut scanner = Scanner::new(instance.syntax(), storage.limits());
    let (mut at, end) = (instance.head_length(), instance.file_length());
    while at < end {
        let bytes = storage.read(instance, at..end.min(at + (1 << 20))).await?;
        if bytes.is_empty() {
            return Err(WebError::Internal);
        }
        at += bytes.len() as u64;
        scanner.feed(&bytes).map_err(|_| WebError::Internal)?;
    }
    let scanned = scanner.finish().map_err(|_| WebError::Internal)?;
    let mut dataset: &Dataset = &scanned.dataset;
    for (tag, item) in path {
        let element = dataset.get(*tag).ok_or(WebError::NotFound)?;
        match (&element.value, *item) {
            (Value::Items(items), n) if n > 0 => dataset = items.get(n - 1).ok_or(WebError::NotFound)?,
            (Value::Bulk { offset, length }, 0) => {
                let start = instance.head_length().checked_add(*offset).ok_or(WebError::Internal)?;
                let end = start.checked_add(*length).ok_or(WebError::Internal)?;
                return Ok(Place::Range(start..end));
            }
            (Value::Bytes(bytes), 0) => return Ok(Place::Bytes(bytes.clone())),
            _ => return Err(WebError::NotFound),
        }
    }
    Err(WebError::NotFound)
}

/// Reads a range into memory, bounded by the frame limit.
pub async fn read_all(
    storage: &Storage,
    instance: &InstanceRef,
    range: Range<u64>,
) -> Result<Vec<u8>, WebError> {
    if range.end.saturating_sub(range.start) > storage.limits().frame_pixel_bytes_max {
        return Err(WebError::NotAcceptable("the value is too large for this form".into()));
    }
    let mut bytes = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let piece = storage.read(instance, at..range.end).await?;
        if piece.is_empty() {
            return Err(WebError::Internal);
        }
        at += piece.len() as u64;
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_alternates_tags_and_items() {
        assert_eq!(parse_path("7FE00010"), Some(vec![(Tag(0x7FE0, 0x0010), 0)]));
        assert_eq!(
            parse_path("00480105/1/00282000"),
            Some(vec![(Tag(0x0048, 0x0105), 1), (Tag(0x0028, 0x2000), 0)])
        );
        for text in
            ["", "7FE0001", "7FE00010/1", "00480105/0/00282000", "../etc/passwd", "00480105/x/00282000"]
        {
            assert_eq!(parse_path(text), None, "{text}");
        }
    }
}
