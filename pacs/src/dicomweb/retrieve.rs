//! WADO-RS retrieval of whole instances (PS3.18 §10.4.1.1.1): the bytes that arrived, streamed, or the same instance in
//! another transfer syntax.

use super::accept::{MediaRange, accepted};
use super::conditions::{self, Freshness, describe_single, entity_tag, not_modified};
use super::multipart::{self, Part, PartBytes};
use super::problem::WebError;
use super::routes::parameter;
use super::target::Target;
use crate::transcode;
use access::Right;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use dataset::TransferSyntax;
use storage::{InstanceRef, Storage};

pub const DICOM: &str = "application/dicom";

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
    let ranges = accepted(&headers, parameter(query.as_deref(), "accept").as_deref());
    let chosen = ranges.iter().find_map(|range| Some((range, forms(&instances, range)?)));
    let Some((range, forms)) = chosen else {
        return Err(WebError::NotAcceptable(
            "not all of it is to be had in that form: accept multipart/related; type=\"application/dicom\"; \
             transfer-syntax=*"
                .into(),
        ));
    };
    let is_single = range.media_type == DICOM && instances.len() == 1;
    let etag =
        entity_tag(first.sha256(), (is_single, instances.iter().zip(&forms).map(key).collect::<Vec<_>>()));
    if let Some(response) = not_modified(&headers, &etag) {
        return Ok(response);
    }
    storage.note_read(&target.scope, first);
    let mut response = if is_single {
        file(&storage, first, forms.first().and_then(Option::as_ref), &headers, &etag).await?
    } else {
        let parts = instances.into_iter().zip(forms).map(|(instance, to)| part(instance, to));
        multipart::response(&storage, DICOM, None, parts)?
    };
    conditions::tag(&mut response, &etag, Freshness::AskAgain);
    Ok(response)
}

/// The transfer syntax that each instance goes out in, `None` for the stored one; nothing when this range does not take
/// all of them.
fn forms(instances: &[InstanceRef], range: &MediaRange) -> Option<Vec<Option<TransferSyntax>>> {
    if !range.covers(DICOM) {
        return None;
    }
    let says_dicom = range.part_type() == DICOM;
    let named = match range.transfer_syntax() {
        Some("*") => None,
        Some(named) => Some(TransferSyntax::parse(named).ok()?),
        None => None,
    };
    let to = match (range.transfer_syntax(), named) {
        (Some(_), named) => named,
        // PS3.18 §8.7.3.3: the transfer syntax of application/dicom is Explicit VR Little Endian when none is named.
        (None, _) => says_dicom.then(TransferSyntax::explicit_little),
    };
    let form = |instance: &InstanceRef| match &to {
        Some(to) if instance.syntax() != to => {
            let is_possible = transcode::is_possible(instance, to);
            match range.transfer_syntax() {
                // What has no native form, such as a video, is sent as it is rather than not at all.
                None if !is_possible => Some(None),
                _ => is_possible.then(|| Some(to.clone())),
            }
        }
        _ => Some(None),
    };
    instances.iter().map(form).collect()
}

fn key((instance, to): (&InstanceRef, &Option<TransferSyntax>)) -> (String, i64, Option<TransferSyntax>) {
    (instance.sha256().to_string(), instance.correction_stamp(), to.clone())
}

fn part(instance: InstanceRef, to: Option<TransferSyntax>) -> Part {
    let content_type = format!("{DICOM}; transfer-syntax={}", to.as_ref().unwrap_or(instance.syntax()));
    let bytes = match to {
        None => PartBytes::Whole(instance),
        Some(to) => PartBytes::Transcoded(instance, to),
    };
    Part::new(content_type, bytes)
}

/// One instance as a file of its own.
pub async fn file(
    storage: &Storage,
    instance: &InstanceRef,
    to: Option<&TransferSyntax>,
    headers: &HeaderMap,
    etag: &str,
) -> Result<Response, WebError> {
    let Some(to) = to else {
        let content_type = format!("{DICOM}; transfer-syntax={}", instance.syntax());
        return multipart::whole(storage, instance, &content_type, headers, etag).await;
    };
    // Its length is known when its last byte is: no ranges.
    let mut response = Response::new(Body::from_stream(multipart::transcoded(storage, instance, to).await?));
    describe_single(&mut response, &format!("{DICOM}; transfer-syntax={to}"), None, 0)?;
    response.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
    response.headers_mut().remove(axum::http::header::ACCEPT_RANGES);
    Ok(response)
}
