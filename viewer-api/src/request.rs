//! What comes with a request besides its body: query and path, whose faults are problem documents that never quote the
//! input.

use crate::problem::ApiError;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// Extractor for the query string.
pub struct UrlQuery<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for UrlQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        query.map(|Query(value)| Self(value)).map_err(|_| {
            ApiError::invalid("query", "a parameter of the query is not of the kind that is expected")
        })
    }
}

/// Extractor for the parameters of the path; what is no text leads nowhere.
pub struct UrlPath<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for UrlPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        path.map(|Path(value)| Self(value)).map_err(|_| ApiError::NotFound)
    }
}

/// Extractor for `If-Match` (RFC 9110 §13.1.1): what the caller has seen of what they change, when they say so.
pub struct IfMatch(pub Option<String>);

impl IfMatch {
    /// What was seen, as storage compares it.
    pub fn seen(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The same for what may not be changed unseen.
    pub fn required(&self) -> Result<&str, ApiError> {
        self.seen().ok_or(ApiError::PreconditionRequired)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let value = parts.headers.get(axum::http::header::IF_MATCH).and_then(|value| value.to_str().ok());
        let tag = value.map(|value| value.trim().trim_start_matches("W/").trim_matches('"').to_owned());
        Ok(Self(tag.filter(|tag| tag != "*")))
    }
}
