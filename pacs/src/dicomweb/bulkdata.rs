//! WADO-RS bulk data (PS3.18 §10.4.1.1.5): values that the metadata names by BulkDataURI.

use super::accept::{MediaRange, accepted};
use super::conditions::{self, Freshness, byte_range, entity_tag, not_modified};
use super::frames::instance_of;
use super::multipart::{self, Part, PartBytes};
use super::problem::WebError;
use super::routes::parameter;
use super::target::Target;
use crate::transcode;
use access::Right;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use dataset::json::{BulkPath, bulk_path_text, element_at, parse_bulk_path};
use dataset::{Tag, TransferSyntax, Value, tags};
use std::ops::Range;
use storage::{InstanceRef, Storage};

const OCTETS: &str = "application/octet-stream";

/// Where a bulk value is in the stored file.
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
    let media_type = media_type_of(&instance, &path);
    let range = ranges
        .iter()
        .find(|range| range.covers(OCTETS) || range.covers(media_type))
        .ok_or_else(|| WebError::NotAcceptable(format!("these bulk data are {media_type}")))?;
    let media_type = if range.covers(media_type) { media_type } else { OCTETS };
    let etag = entity_tag(instance.sha256(), (&target.rest, media_type, range.is_multipart()));
    if let Some(response) = not_modified(&headers, &etag) {
        return Ok(response);
    }
    storage.note_read(&target.scope, &instance);
    let mut response = if is_by_frames(&instance, &path) {
        by_frames(&storage, instance)?
    } else {
        let place = find(&storage, &instance, &path).await?;
        answer(&storage, &instance, place, (range, media_type), &headers, &etag)?
    };
    conditions::tag(&mut response, &etag, Freshness::Day);
    Ok(response)
}

/// A document is what it says; everything else is bytes.
fn media_type_of(instance: &InstanceRef, path: &BulkPath<'_>) -> &'static str {
    let is_document = path.parents.is_empty() && path.tag == tags::ENCAPSULATED_DOCUMENT;
    super::document::media_type(instance.sop_class().as_str()).filter(|_| is_document).unwrap_or(OCTETS)
}

fn answer(
    storage: &Storage,
    instance: &InstanceRef,
    place: Place,
    (range, media_type): (&MediaRange, &str),
    headers: &HeaderMap,
    etag: &str,
) -> Result<Response, WebError> {
    if !range.is_multipart() {
        return match place {
            Place::Range(place) => multipart::single(storage, instance, place, media_type, headers, etag),
            Place::Bytes(bytes) => conditions::single(bytes, media_type, headers, etag),
        };
    }
    // A range of the value, not of a body whose boundary is another each time.
    let length = match &place {
        Place::Range(place) => place.end.saturating_sub(place.start),
        Place::Bytes(bytes) => bytes.len() as u64,
    };
    let asked = byte_range(headers, length, etag)?;
    let piece = asked.clone().unwrap_or(0..length);
    let bytes = match place {
        Place::Range(place) => {
            PartBytes::Range(instance.clone(), place.start + piece.start..place.start + piece.end)
        }
        Place::Bytes(bytes) => {
            let at = |place: u64| usize::try_from(place).map_err(|_| WebError::Internal);
            PartBytes::Memory(bytes.slice(at(piece.start)?..at(piece.end)?))
        }
    };
    let parts = std::iter::once(Part::new(media_type, bytes));
    let mut response = multipart::response(storage, media_type, None, parts)?;
    conditions::note_range(&mut response, asked, length)?;
    Ok(response)
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
    let parts = (0..instance.frame_count())
        .map(move |frame| Part::new(content_type.clone(), PartBytes::Frame(instance.clone(), frame)));
    multipart::response(storage, OCTETS, Some(&syntax), parts)
}

/// Finds the value of an element of the data set itself.
pub async fn find_top(storage: &Storage, instance: &InstanceRef, tag: Tag) -> Result<Place, WebError> {
    find(storage, instance, &BulkPath { parents: &[], tag }).await
}

/// Finds a value: by what ingest wrote down, or else by scanning the stored file once more; of large values only the
/// places are looked at.
async fn find(storage: &Storage, instance: &InstanceRef, path: &BulkPath<'_>) -> Result<Place, WebError> {
    if let Some(range) = storage.bulk_place(instance, &bulk_path_text(path)).await? {
        return Ok(Place::Range(range));
    }
    let scanned = transcode::scan(storage, instance).await?;
    match &element_at(&scanned.dataset, path).ok_or(WebError::NotFound)?.value {
        Value::Bulk { offset, length } if is_deflated(instance) => {
            let mut source = transcode::Source::new(storage, instance);
            if *length > storage.limits().frame_pixel_bytes_max {
                return Err(WebError::NotAcceptable("the value is too large to be inflated alone".into()));
            }
            let (mut bytes, end) = (Vec::new(), offset.saturating_add(*length));
            while (bytes.len() as u64) < *length {
                bytes.extend_from_slice(&source.read(offset + bytes.len() as u64..end).await?);
            }
            Ok(Place::Bytes(bytes.into()))
        }
        Value::Bulk { offset, length } => {
            let start = instance.head_length().checked_add(*offset).ok_or(WebError::Internal)?;
            Ok(Place::Range(start..start.checked_add(*length).ok_or(WebError::Internal)?))
        }
        Value::Bytes(bytes) => Ok(Place::Bytes(bytes.clone())),
        Value::Items(_) => Err(WebError::NotFound),
    }
}
