//! WADO-RS bulk data (PS3.18 §10.4.1.1.5): values that the metadata names by BulkDataURI.

use super::accept::accepted;
use super::frames::instance_of;
use super::multipart::{self, Part, PartBytes};
use super::problem::WebError;
use super::routes::parameter;
use super::target::Target;
use access::Right;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use dataset::json::{BulkPath, element_at, parse_bulk_path};
use dataset::{Scanner, Tag, TransferSyntax, Value, tags};
use std::ops::Range;
use storage::{InstanceRef, Storage};

const OCTETS: &str = "application/octet-stream";

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
    let (parents, tag) = parse_bulk_path(&target.rest).ok_or(WebError::NotFound)?;
    let path = BulkPath { parents: &parents, tag };
    let ranges = accepted(&headers, parameter(query.as_deref(), "accept").as_deref());
    let range = ranges
        .iter()
        .find(|range| range.covers(OCTETS))
        .ok_or_else(|| WebError::NotAcceptable(format!("bulk data are {OCTETS}")))?;
    storage.note_read(&target.scope, &instance);
    if is_by_frames(&instance, &path) {
        return by_frames(&storage, instance);
    }
    let bytes = match find(&storage, &instance, &path).await? {
        Place::Range(place) if !range.is_multipart() => {
            return multipart::single(&storage, &instance, place, OCTETS, &headers);
        }
        Place::Bytes(bytes) if !range.is_multipart() => {
            let mut response = Response::new(Body::from(bytes));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(OCTETS));
            return Ok(response);
        }
        Place::Range(place) => PartBytes::Range(instance, place),
        Place::Bytes(bytes) => PartBytes::Memory(bytes),
    };
    let part = Part { content_type: OCTETS.into(), bytes };
    multipart::response(&storage, OCTETS, None, std::iter::once(part))
}

/// Whether the value is the image's own pixel data, kept in a form whose frames only the frame index knows: fragments
/// mean nothing outside their frames, and what is deflated has no places in the file.
fn is_by_frames(instance: &InstanceRef, path: &BulkPath<'_>) -> bool {
    let is_packed = instance.syntax().is_encapsulated() || is_deflated(instance);
    is_packed && path.parents.is_empty() && path.tag == tags::PIXEL_DATA
}

fn is_deflated(instance: &InstanceRef) -> bool {
    instance.syntax().as_str() == TransferSyntax::DEFLATED
}

/// Each frame as a part.
fn by_frames(storage: &Storage, instance: InstanceRef) -> Result<Response, WebError> {
    // Inflated frames are plain little endian pixels.
    let syntax = if is_deflated(&instance) {
        TransferSyntax::EXPLICIT_LITTLE.to_owned()
    } else {
        instance.syntax().as_str().to_owned()
    };
    let content_type = format!("{OCTETS}; transfer-syntax={syntax}");
    let parts = (0..instance.frame_count()).map(move |frame| Part {
        content_type: content_type.clone(),
        bytes: PartBytes::Frame(instance.clone(), frame),
    });
    multipart::response(storage, OCTETS, Some(&syntax), parts)
}

/// Finds the value of an element of the data set itself.
pub async fn find_top(storage: &Storage, instance: &InstanceRef, tag: Tag) -> Result<Place, WebError> {
    find(storage, instance, &BulkPath { parents: &[], tag }).await
}

/// Finds a value by scanning the stored file once more; it was sound when it came in.
async fn find(storage: &Storage, instance: &InstanceRef, path: &BulkPath<'_>) -> Result<Place, WebError> {
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
    match &element_at(&scanned.dataset, path).ok_or(WebError::NotFound)?.value {
        Value::Bulk { .. } if is_deflated(instance) => Err(WebError::NotAcceptable(
            "the data set is kept deflated, so its values have no place of their own: retrieve the instance"
                .into(),
        )),
        Value::Bulk { offset, length } => {
            let start = instance.head_length().checked_add(*offset).ok_or(WebError::Internal)?;
            Ok(Place::Range(start..start.checked_add(*length).ok_or(WebError::Internal)?))
        }
        Value::Bytes(bytes) => Ok(Place::Bytes(bytes.clone())),
        _ => Err(WebError::NotFound),
    }
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
