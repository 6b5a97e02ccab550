//! Which pages of other origins may use DICOMweb and IIIF (the Fetch standard's CORS protocol): none, unless the configuration
//! names them.

use axum::http::{HeaderName, HeaderValue, Method, header};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

/// How long a browser may remember what it was allowed.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The layer for these origins, such as `https://viewer.example.org`; `None` when there are none. `*` lets pages of any
/// origin ask, but never with the cookies of the person before the browser: they need a token of their own.
#[must_use]
pub fn layer(origins: &[String]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let request_headers = [
        header::ACCEPT,
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::IF_NONE_MATCH,
        header::IF_RANGE,
        header::RANGE,
    ];
    let answer_headers: [HeaderName; 8] = [
        header::ACCEPT_RANGES,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_RANGE,
        header::ETAG,
        header::LINK,
        header::WARNING,
        crate::slides::pixels::DERIVED,
    ];
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::OPTIONS])
        .allow_headers(request_headers)
        .expose_headers(answer_headers)
        .max_age(REMEMBERED);
    if origins.iter().any(|origin| origin == "*") {
        return Some(layer.allow_origin(Any));
    }
    let origins: Vec<HeaderValue> =
        origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    Some(layer.allow_origin(AllowOrigin::list(origins)).allow_credentials(true))
}
