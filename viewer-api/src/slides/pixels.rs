//! Answers that are pixels: validators, caching, and whether they are what is stored.

use crate::problem::ApiError;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use wsi::out::{Colouring, Form, Output};
use wsi::{ComposedTile, Tile, TileForm};

/// Content never changes under its address, and belongs to one caller only.
const IMMUTABLE: &str = "private, max-age=31536000, immutable";
/// It is asked for again each time, and mostly not sent again.
const ASK_AGAIN: &str = "private, no-cache";
/// Header fields of a tile: room for them is made once.
const HEADERS: usize = 9;
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

/// What names the content of an answer, and says how long it may be used without asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validator {
    etag: String,
    caching: &'static str,
}

impl Validator {
    fn new(etag: String, may_change: bool) -> Self {
        Self { etag, caching: if may_change { ASK_AGAIN } else { IMMUTABLE } }
    }

    /// Of a tile in a form.
    pub fn of_tile(tile: &Tile, form: TileForm) -> Self {
        Self::new(tile.etag(form), tile.may_change())
    }

    /// Of a tile of several channels.
    pub fn of_composed(tile: &ComposedTile) -> Self {
        Self::new(tile.etag.clone(), tile.may_change)
    }

    /// Of a picture.
    pub fn of_form(form: &Form) -> Self {
        Self::new(form.etag().to_owned(), form.may_change())
    }

    /// 304 when the client has it already.
    pub fn not_modified<B: Default>(&self, headers: &HeaderMap) -> Option<Response<B>> {
        pacs::dicomweb::has_already(headers, &self.etag).then(|| {
            let mut response = Response::new(B::default());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            self.tag(&mut response);
            response
        })
    }

    /// The pixels.
    pub fn answer<B: From<Bytes>>(&self, output: Output) -> Result<Response<B>, ApiError> {
        let length = output.bytes.len();
        let mut response = Response::new(B::from(output.bytes));
        let headers = response.headers_mut();
        headers.reserve(HEADERS);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(output.media_type));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        if let Some(how) = output.derived {
            headers.insert(DERIVED, HeaderValue::from_str(&how).map_err(|_| ApiError::Internal)?);
        }
        self.tag(&mut response);
        Ok(response)
    }

    fn tag<B>(&self, response: &mut Response<B>) {
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.caching));
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            headers.insert(header::ETAG, etag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_imported_never_changes() {
        for (may_change, expected) in [(false, IMMUTABLE), (true, "private, no-cache")] {
            let validator = Validator::new("\"a\"".to_owned(), may_change);
            let known = HeaderMap::from_iter([(header::IF_NONE_MATCH, "\"a\"".parse().unwrap())]);
            let response: Response = validator.not_modified(&known).unwrap();
            assert_eq!(response.headers()[header::CACHE_CONTROL], expected);
            assert_eq!(response.headers()[header::ETAG], "\"a\"");
        }
    }
}
