//! Answers that are pixels: validators, caching, and whether they are what is stored.

use crate::problem::ApiError;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use wsi::out::{Colouring, Output};

/// Content never changes under its address, and belongs to one caller only.
const IMMUTABLE: &str = "private, max-age=31536000, immutable";
/// Says of an answer how it was made of what is stored. Without it the answer is what is stored.
pub const DERIVED: HeaderName = HeaderName::from_static("farsight-derived");

/// What may be done with colours, in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Icc {
    /// As they are stored.
    #[default]
    #[serde(rename = "no")]
    No,
    /// Converted to sRGB by the slide's profile.
    #[serde(rename = "srgb")]
    Srgb,
}

impl From<Icc> for Colouring {
    fn from(icc: Icc) -> Self {
        match icc {
            Icc::No => Self::AsStored,
            Icc::Srgb => Self::Srgb,
        }
    }
}

/// 304 when the client has it already.
pub fn not_modified(headers: &HeaderMap, etag: &str) -> Option<Response> {
    pacs::dicomweb::has_already(headers, etag).then(|| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        tag(&mut response, etag);
        response
    })
}

/// The pixels.
pub fn answer(output: Output, etag: &str) -> Result<Response, ApiError> {
    let length = output.bytes.len();
    let mut response = Response::new(Body::from(output.bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(output.media_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(how) = output.derived {
        headers.insert(DERIVED, HeaderValue::from_str(&how).map_err(|_| ApiError::Internal)?);
    }
    tag(&mut response, etag);
    Ok(response)
}

fn tag(response: &mut Response, etag: &str) {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(IMMUTABLE));
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
}
