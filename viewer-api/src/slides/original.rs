//! The scanner's file as it came, whole or by ranges.

use super::label_right;
use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::Right;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::SlideId;

/// The scanner's file as it came, byte for byte, or the one range of it that is asked for, so that a download that broke
/// off goes on. Its label shows the patient: for the owner organisation, with the right to labels.
#[utoipa::path(get, path = "/api/v1/slides/{id}/original", tag = "slides",
    params(("id" = String, Path, description = "Slide id"),
           ("Range" = Option<String>, Header, description = "`bytes=FIRST-LAST` or `bytes=FIRST-`")),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>),
              (status = 206, content_type = "application/octet-stream", body = Vec<u8>),
              (status = 404, body = Problem), (status = 416)))]
pub async fn get_original(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath(id): UrlPath<String>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = SlideId::parse(&id).map_err(|_| ApiError::NotFound)?;
    let original = state.0.slides.original(caller.scope(), label_right(caller), &id).await?;
    let etag = format!("\"{}\"", original.sha256);
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    // A range of another file than the one that is here now is not what is wanted (RFC 9110 §13.1.5).
    let is_current = headers.get(header::IF_RANGE).is_none_or(|value| value.as_bytes() == etag.as_bytes());
    let (status, range) = match asked
        .filter(|_| is_current)
        .and_then(|text| byte_range(text, original.length))
    {
        None => (StatusCode::OK, 0..original.length),
        Some(Ok(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(Err(())) => {
            let whole = format!("bytes */{}", original.length);
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [(header::CONTENT_RANGE, whole)]).into_response());
        }
    };
    state.0.slides.note_original(caller.scope(), &original, &range).await?;
    let mut response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, range.end - range.start)
        .header(header::CONTENT_DISPOSITION, attachment(&original.name))
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, "private, no-store")
        .header(header::ETAG, etag);
    if status == StatusCode::PARTIAL_CONTENT {
        let (last, length) = (range.end - 1, original.length);
        response = response.header(header::CONTENT_RANGE, format!("bytes {}-{last}/{length}", range.start));
    }
    let slides = state.0.slides.clone();
    let pieces =
        futures_util::stream::try_unfold((slides, original, range), |(slides, original, range)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            let end = range.end.min(range.start.saturating_add(PIECE_BYTES));
            let bytes = slides.read_original(&original, range.start..end).await?;
            if bytes.is_empty() {
                return Err(wsi::SlideError::Damaged("the file that is kept is shorter than it was"));
            }
            let rest = range.start + bytes.len() as u64..range.end;
            Ok(Some((bytes, (slides, original, rest))))
        });
    response.body(Body::from_stream(pieces)).map_err(|_| ApiError::Internal)
}

/// Bytes of a download that are read together.
const PIECE_BYTES: u64 = 1 << 20;

/// One range (RFC 9110 §14.1.2). `None`: not one that is understood, so the whole file; `Err`: outside the file.
fn byte_range(text: &str, length: u64) -> Option<Result<std::ops::Range<u64>, ()>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..length.min(last.saturating_add(1)),
        (Some(first), None) if last.trim().is_empty() => first..length,
        (None, Some(count)) if first.trim().is_empty() => length.saturating_sub(count)..length,
        _ => return None,
    };
    Some(if range.is_empty() { Err(()) } else { Ok(range) })
}

/// A file to be saved under its name (RFC 6266, RFC 8187).
fn attachment(name: &str) -> String {
    let mut coded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            coded.push(byte.into());
        } else {
            coded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename*=UTF-8''{coded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_a_file() {
        for (text, expected) in [
            ("bytes=0-0", Some(Ok(0..1))),
            ("bytes=90-", Some(Ok(90..100))),
            ("bytes=90-1000", Some(Ok(90..100))),
            ("bytes=-10", Some(Ok(90..100))),
            ("bytes=100-", Some(Err(()))),
            ("bytes=-0", Some(Err(()))),
            ("bytes=5-4", None),
            ("bytes=0-1,5-6", None),
            ("lines=0-1", None),
        ] {
            assert_eq!(byte_range(text, 100), expected, "{text}");
        }
    }

    #[test]
    fn a_name_cannot_end_the_header() {
        assert_eq!(attachment("a\"\r\n张.svs"), "attachment; filename*=UTF-8''a%22%0D%0A%E5%BC%A0.svs");
    }
}
