//! WADO-RS retrieval of whole instances (PS3.18 §10.4.1.1.1): the bytes that arrived, streamed.

use super::accept::accepted;
use super::multipart::{self, Part, PartBytes};
use super::problem::WebError;
use super::target::Target;
use access::Right;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use storage::Storage;

const DICOM: &str = "application/dicom";

/// Instances of a study, a series, or one instance.
pub async fn retrieve(
    State(storage): State<Storage>,
    target: Target,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    target.require(Right::Retrieve)?;
    let instances = storage
        .instances(&target.scope, target.study()?, target.series.as_ref(), target.instance.as_ref())
        .await?;
    let first = instances.first().ok_or(WebError::NotFound)?;
    let ranges = accepted(&headers, super::routes::parameter(query.as_deref(), "accept").as_deref());
    let wanted = ranges.iter().find(|range| {
        let takes_stored = |syntax: &str| {
            syntax == "*" || instances.iter().all(|instance| instance.syntax().as_str() == syntax)
        };
        range.covers(DICOM) && range.transfer_syntax().is_none_or(takes_stored)
    });
    let Some(range) = wanted else {
        return Err(WebError::NotAcceptable(
            "instances are sent as they are stored: accept multipart/related; type=\"application/dicom\"; \
             transfer-syntax=*"
                .into(),
        ));
    };
    storage.note_read(&target.scope, first);
    let is_single = range.media_type == DICOM && instances.len() == 1;
    if is_single {
        let content_type = format!("{DICOM}; transfer-syntax={}", first.syntax());
        return multipart::single(&storage, first, 0..first.file_length(), &content_type, &headers);
    }
    let parts = instances.into_iter().map(|instance| Part {
        content_type: format!("{DICOM}; transfer-syntax={}", instance.syntax()),
        bytes: PartBytes::Range(instance.clone(), 0..instance.file_length()),
    });
    multipart::response(&storage, DICOM, None, parts)
}
