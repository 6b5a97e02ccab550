//! WADO-RS frames (PS3.18 §10.4.1.1.6): the stored bytes of a frame whenever the client takes them; decoded only when
//! it asks for plain pixels.

use super::accept::{MediaRange, accepted};
use super::conditions::{entity_tag, has_already};
use super::multipart::{self, Part, PartBytes};
use super::problem::WebError;
use super::seats::{Seat, blocking, seat};
use super::target::Target;
use access::Right;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use codec::{FrameFormat, Photometric};
use dataset::{PixelDescription, TransferSyntax};
use storage::{InstanceRef, Storage};

/// Frames of one request at most.
const FRAMES_PER_REQUEST_MAX: usize = 10_000;
const OCTETS: &str = "application/octet-stream";

/// How frames go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Media type of each part.
    pub media_type: String,
    /// Transfer syntax of each part.
    pub transfer_syntax: String,
    /// Whether the frame has to be decoded to get there.
    pub decoding: Decoding,
    /// Whether the answer is multipart.
    pub framing: Framing,
}

/// Whether a frame goes out as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoding {
    /// As stored.
    None,
    /// Decoded to native pixels, little endian.
    ToNative,
}

/// What is around the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `multipart/related`.
    Multipart,
    /// The bytes alone; only for one frame.
    Single,
}

/// The media type of a compressed frame (PS3.18 Table 8.7.3-5).
fn image_type(transfer_syntax: &str) -> &'static str {
    match transfer_syntax.strip_prefix("1.2.840.10008.1.2.") {
        Some("5") => "image/dicom-rle",
        Some("4.50" | "4.51" | "4.57" | "4.70") => "image/jpeg",
        Some("4.80" | "4.81") => "image/jls",
        Some("4.90" | "4.91") => "image/jp2",
        Some("4.92" | "4.93") => "image/jpx",
        Some("4.201" | "4.202" | "4.203") => "image/jphc",
        Some("4.110" | "4.111" | "4.112") => "image/jxl",
        _ => OCTETS,
    }
}

/// The form that the client likes best of those that can be had without loss and without a second encoding.
fn choose(stored: &TransferSyntax, ranges: &[MediaRange]) -> Option<Form> {
    // Native frames have the same bytes in Implicit and in Explicit VR Little Endian.
    let is_native_little = matches!(
        stored.as_str(),
        TransferSyntax::IMPLICIT_LITTLE | TransferSyntax::EXPLICIT_LITTLE | TransferSyntax::DEFLATED
    );
    let stored_as = if is_native_little { TransferSyntax::EXPLICIT_LITTLE } else { stored.as_str() };
    let own_type = image_type(stored_as);
    ranges.iter().find_map(|range| {
        let framing =
            if range.is_multipart() || range.media_type == "*/*" || range.media_type == "application/*" {
                Framing::Multipart
            } else {
                Framing::Single
            };
        let as_stored = |media_type: &str| Form {
            media_type: media_type.to_owned(),
            transfer_syntax: stored_as.to_owned(),
            decoding: Decoding::None,
            framing,
        };
        let wanted = range.transfer_syntax().filter(|syntax| *syntax != "*");
        let takes_stored = wanted.is_none_or(|syntax| syntax == stored_as || syntax == stored.as_str());
        let says_octets = range.part_type() == OCTETS;
        if says_octets {
            // Without a transfer syntax, octets mean native pixels (PS3.18 Table 8.7.3-5).
            if range.transfer_syntax() == Some("*")
                || wanted == Some(stored.as_str())
                || is_native_little && takes_stored
            {
                return Some(as_stored(OCTETS));
            }
            let wants_native = wanted.is_none_or(|syntax| syntax == TransferSyntax::EXPLICIT_LITTLE);
            return (wants_native && codec::can_decode(stored.as_str())).then(|| Form {
                media_type: OCTETS.to_owned(),
                transfer_syntax: TransferSyntax::EXPLICIT_LITTLE.to_owned(),
                decoding: Decoding::ToNative,
                framing,
            });
        }
        if takes_stored && range.covers(own_type) {
            return Some(as_stored(own_type));
        }
        // "Anything" with a native transfer syntax.
        let wants_native = wanted == Some(TransferSyntax::EXPLICIT_LITTLE) && range.covers(OCTETS);
        (wants_native && codec::can_decode(stored.as_str())).then(|| Form {
            media_type: OCTETS.to_owned(),
            transfer_syntax: TransferSyntax::EXPLICIT_LITTLE.to_owned(),
            decoding: Decoding::ToNative,
            framing,
        })
    })
}

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
    let ranges = accepted(&headers, super::routes::parameter(query.as_deref(), "accept").as_deref());
    let Some(mut form) = choose(instance.syntax(), &ranges) else {
        return Err(WebError::NotAcceptable(format!(
            "the frames are stored as {} ({}); accept that, transfer-syntax=*, or application/octet-stream",
            image_type(instance.syntax().as_str()),
            instance.syntax()
        )));
    };
    if frames.len() > 1 {
        form.framing = Framing::Multipart;
    }
    let etag = entity_tag(instance.sha256(), (&frames, &form.media_type, &form.transfer_syntax));
    if has_already(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    storage.note_read(&target.scope, &instance);
    let mut response = answer(&storage, &instance, frames, form).await?;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, value);
    }
    Ok(response)
}

async fn answer(
    storage: &Storage,
    instance: &InstanceRef,
    frames: Vec<u32>,
    form: Form,
) -> Result<Response, WebError> {
    let content_type = format!("{}; transfer-syntax={}", form.media_type, form.transfer_syntax);
    // The first frame is there before the answer begins, so that what is damaged is a clear error; each of the others
    // is read, and decoded, when its turn comes.
    let first = *frames.first().ok_or(WebError::NotFound)?;
    let bytes = match form.decoding {
        Decoding::None => storage.frame(instance, first).await?,
        Decoding::ToNative => decoded(storage, instance, first).await?.0.bytes.into(),
    };
    if form.framing == Framing::Single {
        return Ok(([(header::CONTENT_TYPE, content_type)], Body::from(bytes)).into_response());
    }
    let instance = instance.clone();
    let others = frames.into_iter().skip(1).map(move |frame| match form.decoding {
        Decoding::None => PartBytes::Frame(instance.clone(), frame),
        Decoding::ToNative => PartBytes::Decoded(instance.clone(), frame),
    });
    let parts = std::iter::once(PartBytes::Memory(bytes))
        .chain(others)
        .map(move |bytes| Part { content_type: content_type.clone(), bytes });
    multipart::response(storage, &form.media_type, Some(&form.transfer_syntax), parts)
}

/// The one instance that the path names.
pub async fn instance_of(storage: &Storage, target: &Target) -> Result<InstanceRef, WebError> {
    let (Some(study), Some(series), Some(instance)) = (&target.study, &target.series, &target.instance)
    else {
        return Err(WebError::NotFound);
    };
    Ok(storage.instance(&target.scope, study, series, instance).await?)
}

/// What the codec wants to know of a frame.
fn frame_format(pixels: &PixelDescription) -> Result<FrameFormat, WebError> {
    Ok(FrameFormat {
        rows: pixels.rows,
        columns: pixels.columns,
        samples_per_pixel: pixels.samples_per_pixel,
        bits_allocated: pixels.bits_allocated,
        bits_stored: pixels.bits_stored,
        is_signed: pixels.is_signed,
        is_planar: pixels.is_planar,
        photometric: Photometric::parse(&pixels.photometric_interpretation)
            .ok_or_else(|| WebError::Undecodable("an unknown photometric interpretation".into()))?,
    })
}

/// One frame, decoded off the async threads; keep the seat as long as the pixels are worked on.
pub async fn decoded(
    storage: &Storage,
    instance: &InstanceRef,
    frame: u32,
) -> Result<(codec::Pixels, Seat), WebError> {
    let format = frame_format(instance.pixels().ok_or(WebError::NotFound)?)?;
    let seat = seat().await?;
    let bytes = storage.frame(instance, frame).await?;
    let syntax = instance.syntax().as_str().to_owned();
    let bytes_max = storage.limits().frame_pixel_bytes_max;
    blocking(seat, move || codec::decode(&syntax, &bytes, &format, bytes_max)).await
}

#[cfg(test)]
mod tests {
    use super::super::accept::parse;
    use super::*;

    const JPEG: &str = "1.2.840.10008.1.2.4.50";
    const LITTLE: &str = TransferSyntax::EXPLICIT_LITTLE;

    /// `(media type, transfer syntax, decoding, framing)` or nothing.
    fn check(stored: &str, accept: &str, expected: Option<(&str, &str, Decoding, Framing)>) {
        let form = choose(&TransferSyntax::parse(stored).unwrap(), &parse(accept));
        let seen =
            form.as_ref().map(|f| (f.media_type.as_str(), f.transfer_syntax.as_str(), f.decoding, f.framing));
        assert_eq!(seen, expected, "{stored} as {accept}");
    }

    #[test]
    fn the_stored_syntax_passes_through_whenever_it_is_accepted() {
        use Decoding::{None as AsStored, ToNative};
        use Framing::{Multipart, Single};
        let any_octets = "multipart/related; type=application/octet-stream; transfer-syntax=*";
        check(JPEG, any_octets, Some((OCTETS, JPEG, AsStored, Multipart)));
        check(LITTLE, any_octets, Some((OCTETS, LITTLE, AsStored, Multipart)));
        check(TransferSyntax::IMPLICIT_LITTLE, any_octets, Some((OCTETS, LITTLE, AsStored, Multipart)));
        check(JPEG, "*/*", Some(("image/jpeg", JPEG, AsStored, Multipart)));
        check(JPEG, "image/jpeg", Some(("image/jpeg", JPEG, AsStored, Single)));
        check(
            JPEG,
            "multipart/related; type=\"image/jpeg\"",
            Some(("image/jpeg", JPEG, AsStored, Multipart)),
        );
        check(
            JPEG,
            "multipart/related; type=\"application/octet-stream\"",
            Some((OCTETS, LITTLE, ToNative, Multipart)),
        );
        let explicit =
            format!("multipart/related; type=\"application/octet-stream\"; transfer-syntax={LITTLE}");
        check(JPEG, &explicit, Some((OCTETS, LITTLE, ToNative, Multipart)));
        check(JPEG, "multipart/related; type=\"image/jls\"", None);
        check(LITTLE, "image/jpeg", None);
        let microscopy = "multipart/related; type=\"image/jls\", multipart/related; type=\"image/jp2\", \
            multipart/related; type=\"application/octet-stream\"; transfer-syntax=*, \
            multipart/related; type=\"image/jpeg\"; transfer-syntax=1.2.840.10008.1.2.4.50";
        check(JPEG, microscopy, Some((OCTETS, JPEG, AsStored, Multipart)));
    }

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
