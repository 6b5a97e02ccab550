//! Errors of the web services as RFC 9457 problem documents.

use crate::seats::PixelError;
use crate::transcode::TranscodeError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use storage::StorageError;

/// Why a DICOMweb request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebError {
    /// No credentials.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// Not there, or not for this caller.
    NotFound,
    /// It is there, and there is nothing in it to be shown.
    NoImage(&'static str),
    /// Something else stands in the way.
    Conflict(&'static str),
    /// A parameter or the body is not what it should be.
    BadRequest(String),
    /// Nothing that the client accepts can be made from what is stored.
    NotAcceptable(String),
    /// The body's media type is not one that we store.
    UnsupportedMediaType(&'static str),
    /// The range lies outside.
    RangeNotSatisfiable,
    /// The pixels cannot be decoded.
    Undecodable(String),
    /// The image codec took too long or was lost in the middle; the same request may succeed the next time.
    CodecUnavailable(String),
    /// No room left.
    OutOfResources,
    /// A part of the node does not answer.
    Unavailable,
    /// A fault of ours, or damaged data.
    Internal,
}

/// What is short for a moment (a codec worker, memory, a writer's turn) is there again by then.
const RETRY_AFTER_SECONDS: &str = "5";

/// A problem document. `slug` names the kind for good; `detail` says what happened, without personal data.
#[must_use]
pub fn problem_response(
    status: StatusCode,
    slug: &str,
    title: &str,
    detail: Option<&str>,
    field: Option<&str>,
) -> Response {
    // Random and opaque: the log knows the request under it.
    let instance = format!("{:032x}", rand_id());
    if status.is_server_error() {
        tracing::error!(%instance, slug, "request failed");
    }
    let mut body = json!({
        "type": format!("/problems/{slug}"), "title": title, "status": status.as_u16(), "instance": instance,
    });
    if let Some(detail) = detail {
        body["detail"] = detail.into();
    }
    if let Some(field) = field {
        body["field"] = field.into();
    }
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// 128 bits that a peer cannot guess.
pub(super) fn rand_id() -> u128 {
    use std::hash::{BuildHasher as _, RandomState};
    let half = || u128::from(RandomState::new().hash_one(0_u8));
    (half() << 64) | half()
}

impl std::fmt::Display for WebError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A body that breaks off in the middle says why by it.
impl std::error::Error for WebError {}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        use StatusCode as S;
        let (status, slug, title) = match &self {
            Self::Unauthenticated => (S::UNAUTHORIZED, "unauthenticated", "Log in first"),
            Self::Forbidden => (S::FORBIDDEN, "forbidden", "Not allowed"),
            Self::NotFound => (S::NOT_FOUND, "not-found", "Not found"),
            Self::NoImage(_) => (S::NOT_FOUND, "no-image", "There is no image"),
            Self::BadRequest(_) => (S::BAD_REQUEST, "bad-request", "The request is not understood"),
            Self::NotAcceptable(_) => (S::NOT_ACCEPTABLE, "not-acceptable", "Not to be had in that form"),
            Self::Conflict(_) => (S::CONFLICT, "conflict", "Something stands in the way"),
            Self::UnsupportedMediaType(_) => {
                (S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Not stored in that form")
            }
            Self::RangeNotSatisfiable => {
                (S::RANGE_NOT_SATISFIABLE, "range-not-satisfiable", "The range lies outside")
            }
            Self::Undecodable(_) => (S::CONFLICT, "undecodable", "The pixels cannot be decoded"),
            Self::CodecUnavailable(_) => {
                (S::SERVICE_UNAVAILABLE, "codec-unavailable", "The image codec did not finish; try again")
            }
            Self::OutOfResources => (S::INSUFFICIENT_STORAGE, "out-of-resources", "No room left"),
            Self::Unavailable => (S::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "A fault of the server"),
        };
        let detail = match &self {
            Self::BadRequest(text)
            | Self::NotAcceptable(text)
            | Self::Undecodable(text)
            | Self::CodecUnavailable(text) => Some(text.as_str()),
            Self::UnsupportedMediaType(text) | Self::Conflict(text) | Self::NoImage(text) => Some(*text),
            _ => None,
        };
        problem_response(status, slug, title, detail, None)
    }
}

impl From<StorageError> for WebError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound => Self::NotFound,
            StorageError::Refused(refused) => Self::BadRequest(refused.to_string()),
            StorageError::Invalid { .. } => Self::BadRequest(error.to_string()),
            StorageError::OutOfResources(_) => Self::OutOfResources,
            StorageError::Unavailable(_) => Self::Unavailable,
            StorageError::Conflict(what) | StorageError::Corrupt(what) => {
                tracing::error!(what, "storage refused");
                Self::Internal
            }
        }
    }
}

impl From<PixelError> for WebError {
    fn from(error: PixelError) -> Self {
        match error {
            PixelError::NoPixels => Self::NotFound,
            PixelError::Storage(error) => error.into(),
            PixelError::Codec(error) => error.into(),
        }
    }
}

impl From<TranscodeError> for WebError {
    fn from(error: TranscodeError) -> Self {
        match error {
            TranscodeError::Impossible(why) => Self::NotAcceptable(why.into()),
            TranscodeError::Pixels(error) => error.into(),
            TranscodeError::Storage(error) => error.into(),
        }
    }
}

impl From<codec::CodecError> for WebError {
    fn from(error: codec::CodecError) -> Self {
        match error {
            codec::CodecError::TimedOut | codec::CodecError::WorkerLost => {
                Self::CodecUnavailable(error.to_string())
            }
            _ => Self::Undecodable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codec_errors_have_their_http_status() {
        let table = [
            (codec::CodecError::Damaged("frame"), 409),
            (codec::CodecError::TimedOut, 503),
            (codec::CodecError::WorkerLost, 503),
        ];
        for (error, status) in table {
            let answer = WebError::from(error.clone()).into_response();
            assert_eq!(answer.status().as_u16(), status, "{error:?}");
            assert_eq!(answer.headers().contains_key(header::RETRY_AFTER), status == 503, "{error:?}");
        }
    }

    #[test]
    fn storage_errors_have_their_http_status() {
        let table = [
            (StorageError::NotFound, 404),
            (StorageError::Refused(dataset::Refused::Truncated(1)), 400),
            (StorageError::OutOfResources("disk"), 507),
            (StorageError::Unavailable(String::new()), 503),
            (StorageError::Corrupt("object"), 500),
        ];
        for (error, status) in table {
            assert_eq!(WebError::from(error.clone()).into_response().status().as_u16(), status, "{error:?}");
        }
    }
}
