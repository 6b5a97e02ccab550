//! Conditional and partial requests (RFC 9110 §13, §14): If-None-Match and Range.

use super::problem::WebError;
use axum::http::{HeaderMap, header};
use model::Sha256;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::ops::Range;

/// The strong entity tag of something that is made of an object, whose content never changes, and of what was asked.
pub fn entity_tag(object: &Sha256, asked: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    asked.hash(&mut hasher);
    format!("\"{object}-{:016x}\"", hasher.finish())
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

/// The one range of bytes that is asked for; `None` means the whole. Several ranges, other units and what is no range
/// are passed over, as RFC 9110 §14.2 allows.
pub fn byte_range(headers: &HeaderMap, length: u64) -> Result<Option<Range<u64>>, WebError> {
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
            assert_eq!(byte_range(&headers(header::RANGE, value), 100), expected, "{value}");
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
        assert_eq!(byte_range(&HeaderMap::new(), 100), Ok(None));
    }
}
