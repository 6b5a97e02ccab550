//! OHIF, a viewer that others wrote, at `/ohif`, for those who may see images: its files lie in a folder that
//! `viewer/scripts/ohif.mjs` has filled, and it asks DICOMweb like any other client, with the person's session.

use crate::problem::ApiError;
use access::{Caller, Right};
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Redirect, Response};
use std::path::Path;
use tower_http::services::{ServeDir, ServeFile};
use tower_http::set_header::SetResponseHeaderLayer;

/// The page that everything begins with.
pub const PAGE: &str = "index.html";

/// As strict as OHIF bears: code made at run time (the volume tools and the decoders' bindings need it) is allowed in
/// addition to what the web application itself may do.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' blob: 'unsafe-eval' 'wasm-unsafe-eval'; \
    style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; \
    connect-src 'self' blob: data:; object-src 'self'; frame-src 'self' blob:; frame-ancestors 'self'; \
    base-uri 'none'; form-action 'self'";

/// The routes, from a folder with [`PAGE`] and below it one folder per version, whose files never change.
pub fn router<S: Clone + Send + Sync + 'static>(folder: &Path) -> Router<S> {
    let files = ServeDir::new(folder)
        .precompressed_gzip()
        .append_index_html_on_directories(false)
        .fallback(ServeFile::new(folder.join(PAGE)));
    let policy = HeaderValue::from_static(CONTENT_SECURITY_POLICY);
    Router::new()
        .nest_service("/ohif", files)
        .layer(middleware::from_fn(for_those_who_see_images))
        .layer(SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, policy))
}

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// A file of one version, which never changes.
    Asset,
    /// A page, or what a page begins with.
    Page,
}

/// `/ohif/3.13.2-1/app.js` is an asset, `/ohif/viewer` a page.
fn wanted(path: &str) -> Wanted {
    let mut parts = path.trim_start_matches("/ohif").trim_start_matches('/').split('/');
    let is_version = parts.next().is_some_and(|first| first.starts_with(|c: char| c.is_ascii_digit()));
    if is_version && parts.next().is_some() { Wanted::Asset } else { Wanted::Page }
}

async fn for_those_who_see_images(request: Request, next: Next) -> Response {
    let wanted = wanted(request.uri().path());
    match request.extensions().get::<Caller>() {
        Some(caller) if caller.may(Right::Search) && caller.may(Right::Retrieve) => {}
        Some(_) => {
            return ApiError::Forbidden("您的角色没有这一权限，请联系管理员 / your role does not allow this")
                .into_response();
        }
        None if wanted == Wanted::Page => return Redirect::to("/").into_response(),
        None => return ApiError::Unauthenticated.into_response(),
    }
    let mut response = next.run(request).await;
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    if wanted == Wanted::Asset && is_page {
        // The fallback is for pages: a script that is missing must not be a page.
        return ApiError::NotFound.into_response();
    }
    let caching = if wanted == Wanted::Asset && response.status().is_success() {
        "private, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    set(&mut response, header::CACHE_CONTROL, caching);
    response
}

fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_below_a_version_are_assets_and_the_rest_are_pages() {
        for (path, expected) in [
            ("/ohif", Wanted::Page),
            ("/ohif/", Wanted::Page),
            ("/ohif/viewer", Wanted::Page),
            ("/ohif/app-config.js", Wanted::Page),
            ("/ohif/3.13.2-1", Wanted::Page),
            ("/ohif/3.13.2-1/app.bundle.js", Wanted::Asset),
            ("/ohif/3.13.2-1/assets/images/CT-Bone.png", Wanted::Asset),
        ] {
            assert_eq!(wanted(path), expected, "{path}");
        }
    }
}
