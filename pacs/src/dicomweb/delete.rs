//! Deleting through DICOMweb: a study, a series or an instance of the caller's own organisation, with a reason.
//!
//! Not in PS3.18; the addresses are those that other archives use. The reason comes as `Farsight-Reason` (percent-encoded
//! UTF-8) or `?reason=`, its code as `?code=`.

use super::problem::WebError;
use super::routes::parameter;
use super::target::Target;
use access::Right;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use storage::{Reason, ReasonCode, Storage, StorageError};

const REASON: &str = "farsight-reason";

/// Deletes for good: 204 when rows and bytes are gone.
pub async fn delete(
    State(storage): State<Storage>,
    target: Target,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<StatusCode, WebError> {
    target.require(Right::Delete)?;
    target.require_own()?;
    let in_header = headers.get(REASON).and_then(|value| value.to_str().ok());
    let text =
        in_header.and_then(decoded).or_else(|| parameter(query.as_deref(), "reason")).unwrap_or_default();
    if text.trim().is_empty() {
        let words = "a deletion needs a reason: the header Farsight-Reason, or ?reason=";
        return Err(WebError::BadRequest(words.into()));
    }
    let code = match parameter(query.as_deref(), "code") {
        None => ReasonCode::Other,
        Some(word) => ReasonCode::of_word(&word)
            .ok_or_else(|| WebError::BadRequest("?code= is not one of the codes of reasons".into()))?,
    };
    let what = storage::correct::Target {
        study: target.study()?.clone(),
        series: target.series.clone(),
        instance: target.instance.clone(),
    };
    let owner = target.caller.organisation().clone();
    // The work goes on when the client does not wait for it.
    let work =
        tokio::spawn(async move { storage.delete(&target.scope, &owner, what, Reason { code, text }).await });
    match work.await.map_err(|_| WebError::Internal)? {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(StorageError::Conflict(why)) => Err(WebError::Conflict(why)),
        Err(error) => Err(error.into()),
    }
}

/// Percent-encoded text, since a header has only ASCII.
fn decoded(text: &str) -> Option<String> {
    parameter(Some(&format!("text={}", text.replace('&', "%26").replace('+', "%2B"))), "text")
}
