//! Encapsulated documents and videos as themselves (PS3.18 Table 8.7.4-1): what a browser can show without DICOM.

use super::accept::accepted;
use super::bulkdata::{Place, find_top};
use super::conditions::{self, Freshness, entity_tag, not_modified};
use super::multipart;
use super::problem::WebError;
use super::routes::parameter;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use dataset::tags;
use storage::{InstanceRef, Storage};

/// What an encapsulated document is, by its SOP class.
#[must_use]
pub fn media_type(sop_class: &str) -> Option<&'static str> {
    Some(match sop_class.strip_prefix("1.2.840.10008.5.1.4.1.1.104.")? {
        "1" => "application/pdf",
        "2" => "text/xml",
        "3" => "model/stl",
        "4" => "model/obj",
        "5" => "model/mtl",
        _ => return None,
    })
}

/// Whether the pixel data are a stream of video (PS3.5 §A.4.5 and after).
fn is_video(instance: &InstanceRef) -> bool {
    super::media::image_type(instance.syntax().as_str()).starts_with("video/")
}

/// Whether an instance is rendered as a document or video and not as images.
#[must_use]
pub fn is_document(instance: &InstanceRef) -> bool {
    is_video(instance) || media_type(instance.sop_class().as_str()).is_some()
}

/// A document or video, whole or by range.
pub async fn answer(
    storage: &Storage,
    instance: &InstanceRef,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, WebError> {
    let media_type = match media_type(instance.sop_class().as_str()) {
        Some(media_type) => media_type,
        None => video_type(storage, instance).await?,
    };
    let ranges = accepted(headers, parameter(query, "accept").as_deref());
    if !ranges.iter().any(|range| range.covers(media_type)) {
        return Err(WebError::NotAcceptable(format!("it is shown as {media_type}")));
    }
    let etag = entity_tag(instance.sha256(), media_type);
    if let Some(response) = not_modified(headers, &etag) {
        return Ok(response);
    }
    let mut response = if is_video(instance) {
        let places = storage.frame_places(instance, 0).await?;
        multipart::single_of_ranges(storage, instance, places, media_type, headers, &etag)?
    } else {
        match find_top(storage, instance, tags::ENCAPSULATED_DOCUMENT).await? {
            Place::Bytes(bytes) => conditions::single(bytes, media_type, headers, &etag)?,
            Place::Range(range) => multipart::single(storage, instance, range, media_type, headers, &etag)?,
        }
    };
    conditions::tag(&mut response, &etag, Freshness::Day);
    if media_type != "application/pdf" && !is_video(instance) {
        // A document of a peer's making is not to run as a page of ours.
        response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    Ok(response)
}

/// The container of a video, by its first bytes; by the transfer syntax where they say nothing.
async fn video_type(storage: &Storage, instance: &InstanceRef) -> Result<&'static str, WebError> {
    let places = storage.frame_places(instance, 0).await?;
    let first = places.first().ok_or(WebError::NotFound)?;
    let start = storage.read(instance, first.start..first.end.min(first.start.saturating_add(12))).await?;
    Ok(container(&start).unwrap_or_else(|| super::media::image_type(instance.syntax().as_str())))
}

fn container(start: &[u8]) -> Option<&'static str> {
    match start {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some("video/mp4"),
        [0x47, ..] => Some("video/mp2t"),
        [0, 0, 1, 0xB3 | 0xBA, ..] => Some("video/mpeg"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_is_known_by_its_container() {
        assert_eq!(container(b"\0\0\0\x20ftypisom"), Some("video/mp4"));
        assert_eq!(container(b"\x47\x40\x00"), Some("video/mp2t"));
        assert_eq!(container(b"\0\0\x01\xB3rest"), Some("video/mpeg"));
        assert_eq!(container(b"\0\0\0\x01"), None);
    }
}
