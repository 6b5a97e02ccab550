//! Conditional and partial requests (RFC 9110 §13, §14): If-None-Match, Range and If-Range.
//!
//! There is no Last-Modified, and so nothing to do for If-Modified-Since: what is stored never changes, and a strong
//! entity tag says more than a date would.

use super::problem::WebError;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use model::Sha256;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::ops::Range;

/// The strong entity tag of something that is made of an object, whose content never changes, and of what was asked.
pub fn entity_tag(object: &Sha256, asked: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    asked.hash(&mut hasher);
    format!("\"{object}-{:016x}\"", hasher.finish())
}

/// The strong entity tag of something that is made of what another one names, and of what was asked.
pub fn entity_tag_of(etag: &str, asked: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    asked.hash(&mut hasher);
    format!("\"{}-{:016x}\"", etag.trim_matches('"'), hasher.finish())
}

/// The entity tag of an answer that is put together of several objects: of its bytes. Several answers can be made of the
/// same bytes, so it is also of the form.
pub fn entity_tag_of_bytes(bytes: &[u8], form: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    form.hash(&mut hasher);
    bytes.hash(&mut hasher);
    format!("\"{:016x}-{:x}\"", hasher.finish(), bytes.len())
}

/// Whether the client has what this strong entity tag names (RFC 9110 §13.1.2: a list, weak tags count).
pub fn has_already(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// How long a client may use an answer without asking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// A day: made of stored bytes, which never change.
    Day,
    /// It asks each time: instances may be added.
    AskAgain,
}

/// 304 when the client has this already.
pub fn not_modified(headers: &HeaderMap, etag: &str) -> Option<Response> {
    has_already(headers, etag).then(|| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        tag(&mut response, etag, Freshness::Day);
        response
    })
}

/// Puts an entity tag and what caches need to know. Caches of several people must not keep patients' images.
pub fn tag(response: &mut Response, etag: &str, freshness: Freshness) {
    let cache = match freshness {
        Freshness::Day => "private, max-age=86400",
        Freshness::AskAgain => "private, no-cache",
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    if let Ok(value) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, value);
    }
}

/// Bytes in memory as a single part, or the piece of them that `Range` asks for.
pub fn single(
    bytes: Bytes,
    content_type: &str,
    headers: &HeaderMap,
    etag: &str,
) -> Result<Response, WebError> {
    let length = bytes.len() as u64;
    let asked = byte_range(headers, length, etag)?;
    let piece = match &asked {
        None => bytes,
        Some(range) => {
            let place = |at: u64| usize::try_from(at).map_err(|_| WebError::Internal);
            bytes.slice(place(range.start)?..place(range.end)?)
        }
    };
    let mut response = Response::new(Body::from(piece));
    describe_single(&mut response, content_type, asked, length)?;
    Ok(response)
}

/// The headers of a single part of which a range may have been asked.
pub fn describe_single(
    response: &mut Response,
    content_type: &str,
    asked: Option<Range<u64>>,
    length: u64,
) -> Result<(), WebError> {
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let content_type = HeaderValue::from_str(content_type).map_err(|_| WebError::Internal)?;
    headers.insert(header::CONTENT_TYPE, content_type);
    let count = asked.as_ref().map_or(length, |piece| piece.end - piece.start);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(count));
    note_range(response, asked, length)
}

/// Makes an answer a partial one if a range was asked for.
pub fn note_range(response: &mut Response, asked: Option<Range<u64>>, length: u64) -> Result<(), WebError> {
    if let Some(piece) = asked {
        let content_range = format!("bytes {}-{}/{length}", piece.start, piece.end.saturating_sub(1));
        let content_range = HeaderValue::from_str(&content_range).map_err(|_| WebError::Internal)?;
        response.headers_mut().insert(header::CONTENT_RANGE, content_range);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(())
}

/// The one range of bytes that is asked for; `None` means the whole. Several ranges, other units and what is no range
/// are passed over, as RFC 9110 §14.2 allows, and so is a range of what `If-Range` says is another version (§13.1.5).
pub fn byte_range(headers: &HeaderMap, length: u64, etag: &str) -> Result<Option<Range<u64>>, WebError> {
    if headers.get(header::IF_RANGE).is_some_and(|known| known.as_bytes() != etag.as_bytes()) {
        return Ok(None);
    }
    let text = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some((first, last)) = text.and_then(|text| text.strip_prefix("bytes=")?.split_once('-')) else {
        return Ok(None);
    };
    let range = match (first.trim().parse::<u64>(), last.trim()) {
        (Ok(first), "") => first..length,
        (Ok(first), last) => match last.parse::<u64>() {
            Ok(last) if last >= first => first..last.saturating_add(1).min(length),
            _ => return Ok(None),
        },
        (Err(_), last) if first.trim().is_empty() => match last.parse::<u64>() {
            Ok(count) => length.saturating_sub(count)..length,
            Err(_) => return Ok(None),
        },
        _ => return Ok(None),
    };
    if range.is_empty() { Err(WebError::RangeNotSatisfiable) } else { Ok(Some(range)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn an_entity_tag_is_found_in_a_list_and_behind_a_weak_mark() {
        for value in ["\"a\"", "\"b\", \"a\"", "W/\"a\"", "*"] {
            assert!(has_already(&headers(header::IF_NONE_MATCH, value), "\"a\""), "{value}");
        }
        assert!(!has_already(&headers(header::IF_NONE_MATCH, "\"ab\""), "\"a\""));
        assert!(!has_already(&HeaderMap::new(), "\"a\""));
    }

    #[test]
    fn a_byte_range_is_cut_to_the_length_or_passed_over() {
        let check = |value: &str, expected: Result<Option<Range<u64>>, WebError>| {
            assert_eq!(byte_range(&headers(header::RANGE, value), 100, "\"a\""), expected, "{value}");
        };
        check("bytes=0-9", Ok(Some(0..10)));
        check("bytes=90-", Ok(Some(90..100)));
        check("bytes=-10", Ok(Some(90..100)));
        check("bytes=90-18446744073709551615", Ok(Some(90..100)));
        check("bytes=0-1,5-6", Ok(None));
        check("bytes=9-0", Ok(None));
        check("frames=1-2", Ok(None));
        check("bytes=100-", Err(WebError::RangeNotSatisfiable));
        check("bytes=-0", Err(WebError::RangeNotSatisfiable));
        assert_eq!(byte_range(&HeaderMap::new(), 100, "\"a\""), Ok(None));
    }

    #[test]
    fn a_range_of_another_version_is_the_whole() {
        let mut headers = headers(header::RANGE, "bytes=0-9");
        headers.insert(header::IF_RANGE, "\"a\"".parse().unwrap());
        assert_eq!(byte_range(&headers, 100, "\"a\""), Ok(Some(0..10)));
        assert_eq!(byte_range(&headers, 100, "\"b\""), Ok(None));
    }
}
