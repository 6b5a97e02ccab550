//! The web application's files: from the binary in a release build, from `viewer/dist` in a development build.

use crate::problem::ApiError;
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../viewer/dist"]
#[allow_missing = true]
struct Files;

const NOT_BUILT: &str =
    "The web application is not built. Run `make run`, or `npm ci && npm run build` in viewer/.";

/// Answers a GET that no other route took: a file of the application, or its page for an address inside it.
pub async fn serve(request: Request<Body>) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::NotFound.into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    let belongs_to_an_interface =
        ["api", "dicom-web", "wado", "iiif"].iter().any(|p| path == *p || path.starts_with(&format!("{p}/")));
    if belongs_to_an_interface {
        return ApiError::NotFound.into_response();
    }
    if let Some(response) = file(path, request.headers().get(header::IF_NONE_MATCH)) {
        return response;
    }
    if path.starts_with("assets/") {
        return ApiError::NotFound.into_response();
    }
    file("index.html", request.headers().get(header::IF_NONE_MATCH)).unwrap_or_else(|| {
        (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], NOT_BUILT)
            .into_response()
    })
}

/// The page that shows the OpenAPI document, which works offline.
pub async fn docs() -> Response {
    file("api-docs/index.html", None).unwrap_or_else(|| {
        (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], NOT_BUILT)
            .into_response()
    })
}

fn file(path: &str, if_none_match: Option<&HeaderValue>) -> Option<Response> {
    let file = Files::get(path)?;
    let etag = HeaderValue::from_str(&format!("\"{}\"", hex::encode(file.metadata.sha256_hash()))).ok()?;
    // Names under assets/ carry a hash of their content.
    let caching =
        if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = if if_none_match == Some(&etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let media_type = mime_guess::from_path(path).first_or_octet_stream();
        let content_type = match media_type.type_() {
            mime_guess::mime::TEXT => format!("{media_type}; charset=utf-8"),
            _ => media_type.to_string(),
        };
        ([(header::CONTENT_TYPE, content_type)], file.data.into_owned()).into_response()
    };
    response.headers_mut().insert(header::ETAG, etag);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    Some(response)
}
