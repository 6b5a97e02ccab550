//! Content negotiation (PS3.18 §8.3.3, RFC 9110 §12.5.1): what clients say in practice, quoted or not.

use super::problem::WebError;
use axum::http::{HeaderMap, header};
use std::collections::BTreeMap;

/// One media range of an Accept list.
#[derive(Debug, Clone, PartialEq)]
pub struct MediaRange {
    /// Lower case, such as `multipart/related` or `*/*`.
    pub media_type: String,
    /// Parameters in lower case names, quotes removed, without `q`.
    pub parameters: BTreeMap<String, String>,
    /// Weight from 0 to 1.
    pub q: f32,
}

impl MediaRange {
    /// The media type of one part: of `multipart/related`, its `type` (any when not said); otherwise the range itself.
    #[must_use]
    pub fn part_type(&self) -> &str {
        if self.is_multipart() {
            self.parameters.get("type").map_or("*/*", String::as_str)
        } else {
            &self.media_type
        }
    }

    /// Whether the answer is to be multipart.
    #[must_use]
    pub fn is_multipart(&self) -> bool {
        self.media_type == "multipart/related" || self.media_type == "multipart/*"
    }

    /// The transfer syntax that is asked for; `None` when nothing is said.
    #[must_use]
    pub fn transfer_syntax(&self) -> Option<&str> {
        self.parameters.get("transfer-syntax").map(String::as_str)
    }

    /// Whether this range covers a media type.
    #[must_use]
    pub fn covers(&self, media_type: &str) -> bool {
        covers(self.part_type(), media_type)
    }
}

fn covers(range: &str, media_type: &str) -> bool {
    if range == "*/*" || range == "*" || range == media_type {
        return true;
    }
    match (range.split_once('/'), media_type.split_once('/')) {
        (Some((a, "*")), Some((b, _))) => a == b,
        _ => false,
    }
}

/// What the client accepts, the most wanted first. `?accept=` counts before the header (PS3.18 §8.3.3.1). Nothing said
/// means `*/*`.
#[must_use]
pub fn accepted(headers: &HeaderMap, accept_parameter: Option<&str>) -> Vec<MediaRange> {
    let mut ranges = match accept_parameter.map(parse) {
        Some(ranges) if !ranges.is_empty() => ranges,
        _ => headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).flat_map(parse).collect(),
    };
    if ranges.is_empty() {
        ranges.push(MediaRange { media_type: "*/*".into(), parameters: BTreeMap::new(), q: 1.0 });
    }
    ranges.retain(|range| range.q > 0.0);
    ranges.sort_by(|a, b| b.q.total_cmp(&a.q));
    ranges
}

/// Refuses a client that takes no JSON: metadata and search results come as nothing else.
pub fn require_json(headers: &HeaderMap, accept_parameter: Option<&str>) -> Result<(), WebError> {
    let takes =
        |range: &MediaRange| range.covers("application/dicom+json") || range.covers("application/json");
    if accepted(headers, accept_parameter).iter().any(takes) {
        Ok(())
    } else {
        Err(WebError::NotAcceptable("the answer is application/dicom+json".into()))
    }
}

/// Parses an Accept list; what is not a media range is passed over.
#[must_use]
pub fn parse(text: &str) -> Vec<MediaRange> {
    split_unquoted(text, ',').filter_map(parse_range).collect()
}

fn parse_range(text: &str) -> Option<MediaRange> {
    let mut pieces = split_unquoted(text, ';');
    let media_type = pieces.next()?.trim().to_ascii_lowercase();
    if !media_type.contains('/') {
        return None;
    }
    let media_type = modern(&media_type).to_owned();
    let mut range = MediaRange { media_type, parameters: BTreeMap::new(), q: 1.0 };
    for piece in pieces {
        let Some((name, value)) = piece.split_once('=') else { continue };
        let name = name.trim().to_ascii_lowercase();
        let value = value.trim().trim_matches('"');
        match name.as_str() {
            "q" => range.q = value.parse().ok().filter(|q| (0.0..=1.0).contains(q)).unwrap_or(1.0),
            "type" => {
                range.parameters.insert(name, modern(&value.to_ascii_lowercase()).to_owned());
            }
            _ => {
                range.parameters.insert(name, value.to_owned());
            }
        }
    }
    Some(range)
}

/// The name of today for a media type that the standard had before its edition of 2017, and that clients still say.
fn modern(media_type: &str) -> &str {
    match media_type {
        "image/dicom+jpeg" => "image/jpeg",
        "image/x-jls" | "image/dicom+jpeg-ls" | "image/dicom+jls" => "image/jls",
        "image/dicom+jp2" => "image/jp2",
        "image/dicom+jpx" => "image/jpx",
        "image/x-dicom-rle" | "image/dicom+rle" => "image/dicom-rle",
        other => other,
    }
}

fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |c: char| {
        if c == '"' {
            is_quoted = !is_quoted;
        }
        c == separator && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: &[(&str, &str, Option<&str>)]) {
        let ranges = parse(header);
        let seen: Vec<_> =
            ranges.iter().map(|r| (r.media_type.as_str(), r.part_type(), r.transfer_syntax())).collect();
        assert_eq!(seen, expected, "{header}");
    }

    #[test]
    fn quoted_and_unquoted_types_are_the_same() {
        let octets = [("multipart/related", "application/octet-stream", Some("*"))];
        check("multipart/related; type=application/octet-stream; transfer-syntax=*", &octets);
        check("multipart/related;type=\"application/octet-stream\";transfer-syntax=\"*\"", &octets);
        check("multipart/related", &[("multipart/related", "*/*", None)]);
        check(
            "image/jls, image/jp2;q=0.5",
            &[("image/jls", "image/jls", None), ("image/jp2", "image/jp2", None)],
        );
        check("nonsense", &[]);
    }

    #[test]
    fn who_takes_no_json_is_told_so() {
        let takes = |accept: &str| require_json(&HeaderMap::new(), Some(accept)).is_ok();
        for accept in ["application/dicom+json", "application/json", "*/*;q=0.1", "application/*", ""] {
            assert!(takes(accept), "{accept}");
        }
        assert!(takes("multipart/related; type=\"application/dicom+json\""));
        for accept in ["application/dicom+xml", "*/*;q=0", "image/jpeg"] {
            assert!(!takes(accept), "{accept}");
        }
    }

    #[test]
    fn the_most_wanted_comes_first_and_the_unwanted_not_at_all() {
        let mut headers = HeaderMap::new();
        headers
            .insert(header::ACCEPT, "image/png;q=0.2, image/gif;q=0, image/jpeg, */*;q=0.1".parse().unwrap());
        let types: Vec<_> = accepted(&headers, None).into_iter().map(|r| r.media_type).collect();
        assert_eq!(types, ["image/jpeg", "image/png", "*/*"]);
        let types: Vec<_> = accepted(&headers, Some("image/png")).into_iter().map(|r| r.media_type).collect();
        assert_eq!(types, ["image/png"]);
        assert_eq!(accepted(&HeaderMap::new(), None)[0].media_type, "*/*");
    }
}
