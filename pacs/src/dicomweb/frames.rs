//! WADO-RS frames (PS3.18 §10.4.1.1.6): the stored bytes of a frame whenever the client takes them; converted only when
//! it asks for something else.

use super::accept::{MediaRange, accepted};
use super::conditions::{self, Freshness, entity_tag, not_modified};
use super::media::{Conversion, Form, Framing, choose, image_type};
use super::multipart::{self, Part, PartBytes, StoredFrame};
use super::problem::WebError;
use super::routes::parameter;
use super::target::Target;
use crate::transcode;
use access::Right;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use std::cell::RefCell;
use storage::{InstanceRef, Storage};

/// Frames of one request at most.
const FRAMES_PER_REQUEST_MAX: usize = 10_000;

/// Parses `1`, `3,1,2` to frames counted from 0.
pub fn frame_list(text: &str, frame_count: u32) -> Result<Vec<u32>, WebError> {
    let mut frames = Vec::new();
    for item in text.split(',') {
        let number: u32 = item
            .trim()
            .parse()
            .map_err(|_| WebError::BadRequest("a frame list is numbers and commas".into()))?;
        if number == 0 || number > frame_count {
            return Err(WebError::NotFound);
        }
        if frames.len() == FRAMES_PER_REQUEST_MAX {
            return Err(WebError::BadRequest("too many frames in one request".into()));
        }
        frames.push(number - 1);
    }
    Ok(frames)
}

/// `…/instances/{instance}/frames/{list}`.
pub async fn frames(
    State(storage): State<Storage>,
    target: Target,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, WebError> {
    target.require(Right::Retrieve)?;
    let instance = instance_of(&storage, &target).await?;
    let frames = frame_list(&target.rest, instance.frame_count())?;
    let ranges = accepted(&headers, parameter(query.as_deref(), "accept").as_deref());
    let mut form = form(&instance, &ranges)?;
    if frames.len() > 1 {
        form.framing = Framing::Multipart;
    }
    let etag = entity_tag(instance.sha256(), (&frames, &form));
    if let Some(response) = not_modified(&headers, &etag) {
        return Ok(response);
    }
    storage.note_read(&target.scope, &instance);
    let mut response = answer(&storage, &instance, frames, form, &headers, &etag).await?;
    conditions::tag(&mut response, &etag, Freshness::Day);
    Ok(response)
}

/// The form in which the frames go out; if there is none, the refusal says what there is, and why the last of what was
/// asked for is not to be had.
fn form(instance: &InstanceRef, ranges: &[MediaRange]) -> Result<Form, WebError> {
    let refused = RefCell::new(None);
    let can_convert = |to: &_| match transcode::check_by_frame(instance, to) {
        Ok(()) => true,
        Err(why) => {
            refused.replace(Some(why.to_string()));
            false
        }
    };
    choose(instance.syntax(), ranges, &can_convert).ok_or_else(|| {
        let why = refused.take().map(|why| format!("; {why}")).unwrap_or_default();
        WebError::NotAcceptable(format!(
            "the frames are stored as {} ({}); accept that, transfer-syntax=*, or application/octet-stream{why}",
            image_type(instance.syntax().as_str()),
            instance.syntax()
        ))
    })
}

async fn answer(
    storage: &Storage,
    instance: &InstanceRef,
    frames: Vec<u32>,
    form: Form,
    headers: &HeaderMap,
    etag: &str,
) -> Result<Response, WebError> {
    let Form { media_type, transfer_syntax, conversion, framing } = form;
    let content_type = format!("{media_type}; transfer-syntax={transfer_syntax}");
    // The first frame is there before the answer begins, so that what is damaged is a clear error; each of the others
    // is read, and converted, when its turn comes.
    let first = *frames.first().ok_or(WebError::NotFound)?;
    let bytes = match conversion {
        Conversion::None => match multipart::stored_frame(storage, instance, first).await? {
            StoredFrame::Places(places) if framing == Framing::Single => {
                return multipart::single_of_ranges(storage, instance, places, &content_type, headers, etag);
            }
            StoredFrame::Places(_) => PartBytes::Frame(instance.clone(), first),
            StoredFrame::Bytes(bytes) => PartBytes::Memory(bytes),
        },
        Conversion::ToTarget => {
            PartBytes::Memory(transcode::frame(storage, instance, first, &transfer_syntax).await?.0)
        }
    };
    if let (Framing::Single, PartBytes::Memory(bytes)) = (framing, &bytes) {
        return conditions::single(bytes.clone(), &content_type, headers, etag);
    }
    let instance = instance.clone();
    let outside = transfer_syntax.clone();
    let others = frames.into_iter().skip(1).map(move |frame| match conversion {
        Conversion::None => PartBytes::Frame(instance.clone(), frame),
        Conversion::ToTarget => PartBytes::Converted(instance.clone(), frame, transfer_syntax.clone()),
    });
    let parts = std::iter::once(bytes).chain(others).map(move |bytes| Part::new(content_type.clone(), bytes));
    multipart::response(storage, &media_type, Some(outside.as_str()), parts)
}

/// The one instance that the path names.
pub async fn instance_of(storage: &Storage, target: &Target) -> Result<InstanceRef, WebError> {
    let (Some(study), Some(series), Some(instance)) = (&target.study, &target.series, &target.instance)
    else {
        return Err(WebError::NotFound);
    };
    Ok(storage.instance(&target.scope, study, series, instance).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_lists_count_from_one() {
        assert_eq!(frame_list("1", 1).unwrap(), [0]);
        assert_eq!(frame_list("3,1", 3).unwrap(), [2, 0]);
        assert_eq!(frame_list("0", 3), Err(WebError::NotFound));
        assert_eq!(frame_list("4", 3), Err(WebError::NotFound));
        assert!(matches!(frame_list("1-2", 3), Err(WebError::BadRequest(_))));
        assert!(matches!(frame_list("99999999999", 3), Err(WebError::BadRequest(_))));
    }
}
