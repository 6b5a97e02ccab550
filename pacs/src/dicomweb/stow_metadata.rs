//! STOW-RS of metadata and bulk data (PS3.18 §10.5.1.2): DICOM JSON or XML, with large values in parts of their own that
//! are named by Content-Location. What they say together is written as a data set and goes the one way in.
//!
//! Memory is bounded whatever comes: metadata by their bytes and by how many values they can hold, bulk data because
//! they wait in a file.

mod scratch;

use super::accept::parse as parse_media;
use super::parts::Parts;
use super::problem::WebError;
use super::stowrs::{Failure, INSTANCES_MAX, MetadataText, Results, Why};
use super::target::Target;
use crate::transcode::split_off_behind;
use dataset::json::{Place, from_json_with_bulk};
use dataset::write::{Piece, pieces, pixel_data_header_encapsulated};
use dataset::{Dataset, Refused, TransferSyntax, tags, xml};
use futures_util::{Stream, StreamExt as _};
use model::Uid;
use scratch::Scratch;
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use std::ops::Range;
use storage::{Arrival, Sink, Storage, StorageError, Stored, Via};

/// Bytes of all metadata of one request.
const METADATA_BYTES_MAX: usize = 8 << 20;
/// Values and objects of all metadata of one request: each takes much more memory than text.
const METADATA_VALUES_MAX: usize = 250_000;
/// Bulk data parts of one request.
const BULK_PARTS_MAX: usize = 100_000;

/// Bulk data of one location.
struct Bulk {
    /// Places in the scratch file, one for each part.
    places: Vec<Range<u64>>,
    /// The compressed transfer syntax that its frames are in; `None` for plain bytes.
    syntax: Option<TransferSyntax>,
}

/// Everything that came.
struct Request {
    metadata: Vec<Map<String, Json>>,
    bulk: HashMap<String, Bulk>,
    scratch: Scratch,
}

/// Stores the instances that these parts describe.
pub async fn store(
    storage: &Storage,
    target: &Target,
    parts: Parts,
    form: MetadataText,
    results: &mut Results,
) -> Result<(), WebError> {
    let request = receive(storage, parts, form).await?;
    for object in &request.metadata {
        let uid = |tag: &str| object.get(tag)?["Value"][0].as_str().and_then(|text| Uid::parse(text).ok());
        let named = uid("00080016").zip(uid("00080018"));
        let result = store_one(storage, target, &request, object).await;
        results.add(result.map_err(|error| Failure { why: Why::Storage(error), named }))?;
    }
    Ok(())
}

async fn receive(storage: &Storage, mut parts: Parts, form: MetadataText) -> Result<Request, WebError> {
    let broken = |_| WebError::BadRequest("the multipart body is broken or breaks off".into());
    let mut request =
        Request { metadata: Vec::new(), bulk: HashMap::new(), scratch: Scratch::new(storage).await? };
    let (mut texts, mut values, mut bulk_parts) = (0, 0, 0);
    while let Some(part) = parts.next().await.map_err(broken)? {
        let media = parse_media(&part.content_type).into_iter().next();
        let media_type = media.as_ref().map_or("", |media| media.media_type.as_str());
        if matches!(media_type, "application/dicom+json" | "application/json" | "application/dicom+xml") {
            let text = read_text(part.bytes, METADATA_BYTES_MAX - texts).await?;
            texts += text.len();
            values += text.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{' | b'<')).count();
            if values > METADATA_VALUES_MAX {
                return Err(WebError::BadRequest("too many values in the metadata of one request".into()));
            }
            request.metadata.extend(metadata_of(&text, form)?);
            if request.metadata.len() > INSTANCES_MAX {
                return Err(WebError::BadRequest("too many instances in one request".into()));
            }
            continue;
        }
        let location = part
            .location
            .ok_or_else(|| WebError::BadRequest("a part of bulk data needs a Content-Location".into()))?;
        bulk_parts += 1;
        if bulk_parts > BULK_PARTS_MAX {
            return Err(WebError::BadRequest("too many parts of bulk data in one request".into()));
        }
        let named = media.as_ref().and_then(|media| media.transfer_syntax());
        let syntax = syntax_of(media_type, named)?;
        let place = request.scratch.append(part.bytes).await?;
        let bulk =
            request.bulk.entry(location).or_insert(Bulk { places: Vec::new(), syntax: syntax.clone() });
        if bulk.syntax != syntax {
            return Err(WebError::BadRequest(
                "parts of one Content-Location differ in transfer syntax".into(),
            ));
        }
        bulk.places.push(place);
    }
    Ok(request)
}

/// The compressed transfer syntax of a bulk part. An image's has to be named: its media type alone could be several.
fn syntax_of(media_type: &str, named: Option<&str>) -> Result<Option<TransferSyntax>, WebError> {
    let named = named
        .map(TransferSyntax::parse)
        .transpose()
        .map_err(|_| WebError::BadRequest("the transfer-syntax of a part is no UID".into()))?;
    let is_picture = media_type.starts_with("image/") || media_type.starts_with("video/");
    match named {
        Some(syntax) if syntax.is_encapsulated() => Ok(Some(syntax)),
        None if is_picture => {
            Err(WebError::BadRequest("a part of images or video names its transfer-syntax".into()))
        }
        _ => Ok(None),
    }
}

async fn read_text<S>(mut bytes: S, bytes_max: usize) -> Result<String, WebError>
where
    S: Stream<Item = Result<bytes::Bytes, multer::Error>> + Unpin,
{
    let mut text = Vec::new();
    while let Some(chunk) = bytes.next().await {
        let chunk = chunk.map_err(|_| WebError::BadRequest("the multipart body breaks off".into()))?;
        if text.len() + chunk.len() > bytes_max {
            return Err(WebError::BadRequest(
                "the metadata are too long; send large values as bulk data in parts of their own".into(),
            ));
        }
        text.extend_from_slice(&chunk);
    }
    String::from_utf8(text).map_err(|_| WebError::BadRequest("the metadata are not UTF-8".into()))
}

pub(super) fn metadata_of(text: &str, form: MetadataText) -> Result<Vec<Map<String, Json>>, WebError> {
    match form {
        MetadataText::Xml => {
            xml::to_json(text).map(|object| vec![object]).map_err(|e| WebError::BadRequest(e.to_string()))
        }
        // Its own bound on nesting keeps it from recursing without end.
        MetadataText::Json => match serde_json::from_str(text) {
            Ok(Json::Array(objects)) => objects.into_iter().map(object_of).collect(),
            Ok(object) => object_of(object).map(|object| vec![object]),
            Err(_) => Err(WebError::BadRequest("the metadata are not JSON, or nested too deeply".into())),
        },
    }
}

fn object_of(json: Json) -> Result<Map<String, Json>, WebError> {
    match json {
        Json::Object(object) => Ok(object),
        _ => Err(WebError::BadRequest("the metadata are an array of objects".into())),
    }
}

async fn store_one(
    storage: &Storage,
    target: &Target,
    request: &Request,
    object: &Map<String, Json>,
) -> Result<Stored, StorageError> {
    let frames = frames_of(request, object);
    let syntax =
        frames.and_then(|frames| frames.syntax.clone()).unwrap_or_else(TransferSyntax::explicit_little);
    let mut object = object.clone();
    // Metadata have no file meta information (PS3.18 §10.4.1.1.2); clients that send it mean well.
    object.retain(|key, _| !key.starts_with("0002"));
    if frames.is_some() {
        object.remove("7FE00010");
    }
    let dataset = from_json_with_bulk(&object, &|uri| place_of(request, uri))?;
    let arrival = Arrival { owner: target.caller.organisation().clone(), via: Via::Stow, declared: None };
    let mut sink = storage.sink(&target.scope, arrival, syntax.clone()).await?;
    if let Some(study) = &target.study {
        sink.expect_study(study.clone());
    }
    write(&mut sink, request, dataset, &syntax, frames).await?;
    sink.commit().await
}

/// The frames of compressed pixel data.
fn frames_of<'a>(request: &'a Request, object: &Map<String, Json>) -> Option<&'a Bulk> {
    let uri = object.get("7FE00010")?["BulkDataURI"].as_str()?;
    request.bulk.get(uri).filter(|bulk| bulk.syntax.is_some())
}

/// Where a value is: parts of one location that follow each other are one value.
fn place_of(request: &Request, uri: &str) -> Place {
    let Some(places) = request.bulk.get(uri).map(|bulk| &bulk.places) else { return Place::Missing };
    let follow = places.windows(2).all(|pair| pair[0].end == pair[1].start);
    match (places.first(), places.last()) {
        (Some(first), Some(last)) if follow => Place::At(first.start, last.end - first.start),
        _ => Place::Missing,
    }
}

async fn write(
    sink: &mut Sink,
    request: &Request,
    mut dataset: Dataset,
    syntax: &TransferSyntax,
    frames: Option<&Bulk>,
) -> Result<(), StorageError> {
    let Some(frames) = frames else { return write_elements(sink, request, &dataset, syntax).await };
    let behind = split_off_behind(&mut dataset, tags::PIXEL_DATA);
    write_elements(sink, request, &dataset, syntax).await?;
    sink.write(&pixel_data_header_encapsulated()).await?;
    // An empty Basic Offset Table.
    sink.write(b"\xFE\xFF\x00\xE0\0\0\0\0").await?;
    for place in &frames.places {
        let length = place.end - place.start;
        let padded = u32::try_from(length + length % 2)
            .map_err(|_| StorageError::Refused(Refused::OverLimit("bytes of one fragment")))?;
        sink.write(b"\xFE\xFF\x00\xE0").await?;
        sink.write(&padded.to_le_bytes()).await?;
        copy(sink, request, place.clone()).await?;
        sink.write([0].get(..usize::try_from(length % 2).unwrap_or(0)).unwrap_or_default()).await?;
    }
    sink.write(b"\xFE\xFF\xDD\xE0\0\0\0\0").await?;
    write_elements(sink, request, &behind, syntax).await
}

async fn write_elements(
    sink: &mut Sink,
    request: &Request,
    dataset: &Dataset,
    syntax: &TransferSyntax,
) -> Result<(), StorageError> {
    for piece in pieces(dataset, syntax) {
        match piece {
            Piece::Bytes(bytes) => sink.write(&bytes).await?,
            Piece::Bulk { offset, length, .. } => copy(sink, request, offset..offset + length).await?,
        }
    }
    Ok(())
}

async fn copy(sink: &mut Sink, request: &Request, range: Range<u64>) -> Result<(), StorageError> {
    let mut at = range.start;
    while at < range.end {
        let bytes = request.scratch.read(at..range.end).await?;
        at += bytes.len() as u64;
        sink.write(&bytes).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_name_their_transfer_syntax_and_plain_bytes_need_none() {
        let jpeg = "1.2.840.10008.1.2.4.50";
        assert_eq!(syntax_of("image/jpeg", Some(jpeg)).unwrap().unwrap().as_str(), jpeg);
        assert_eq!(syntax_of("application/octet-stream", None), Ok(None));
        assert_eq!(syntax_of("application/octet-stream", Some(TransferSyntax::EXPLICIT_LITTLE)), Ok(None));
        assert!(syntax_of("image/jpeg", None).is_err());
        assert!(syntax_of("image/jpeg", Some("x")).is_err());
    }

    #[test]
    fn metadata_are_objects_and_not_nested_without_end() {
        assert_eq!(metadata_of("[{}, {}]", MetadataText::Json).unwrap().len(), 2);
        assert_eq!(metadata_of("{}", MetadataText::Json).unwrap().len(), 1);
        for bad in ["", "[1]", "7", "[{}"] {
            assert!(metadata_of(bad, MetadataText::Json).is_err(), "{bad}");
        }
        assert!(metadata_of(&"[".repeat(100_000), MetadataText::Json).is_err());
    }
}
