//! A JSON body that is bounded and whose faults are problem documents.

use crate::problem::ApiError;
use crate::state::ApiState;
use access::Caller;
use axum::extract::{FromRequest, Request};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Bytes of the body of somebody who has not proved who they are: a log-in.
const STRANGER_BYTES_MAX: usize = 16 << 10;
/// The longest that a body may take to come whole.
const BODY_TIME_MAX: Duration = Duration::from_secs(60);

/// Extractor for a JSON request body of at most `Limits::json_body_bytes_max` bytes, and far fewer from a stranger.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<ApiState> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let bytes_max = state.0.storage.limits().json_body_bytes_max as usize;
        let is_known = request.extensions().get::<Caller>().is_some();
        let bytes_max = if is_known { bytes_max } else { bytes_max.min(STRANGER_BYTES_MAX) };
        let body = Limited::new(request.into_body(), bytes_max).collect();
        let body = tokio::time::timeout(BODY_TIME_MAX, body)
            .await
            .map_err(|_| ApiError::invalid("body", "the request body came too slowly; send it again"))?;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                ApiError::TooLarge
            } else {
                ApiError::invalid("body", "the request body could not be read")
            }
        })?;
        serde_json::from_slice(&body.to_bytes()).map(Self).map_err(|error| {
            // serde_json's message quotes the input, which may be personal data: tell only the place.
            ApiError::Invalid {
                field: "body".into(),
                detail: format!(
                    "not the JSON that is expected, at line {} column {}",
                    error.line(),
                    error.column()
                ),
            }
        })
    }
}
