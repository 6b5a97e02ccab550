//! STOW-RS (PS3.18 §10.5): instances stream from the request into the one ingest path; each has its own result.

use super::accept::{MediaRange, parse as parse_media};
use super::parts::Parts;
use super::problem::WebError;
use super::routes::WebState;
use super::target::Target;
use access::Right;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use dataset::part10::HeadReader;
use futures_util::{Stream, StreamExt as _};
use model::Uid;
use serde_json::{Map, Value as Json, json};
use storage::{Arrival, Outcome, Storage, StorageError, Stored, Via};

/// Instances of one request at most.
pub const INSTANCES_MAX: usize = 20_000;

/// `POST /studies` and `POST /studies/{study}`.
pub async fn store(
    State(state): State<WebState>,
    target: Target,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, WebError> {
    target.require(Right::Store)?;
    target.require_own()?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let media = parse_media(content_type).into_iter().next();
    let Some(media) = media else {
        return Err(WebError::UnsupportedMediaType(
            "say Content-Type: multipart/related; type=\"application/dicom\"",
        ));
    };
    let mut results = Results::default();
    if media.media_type == "application/dicom" {
        let result = store_one(&state.storage, &target, body.into_data_stream()).await;
        results.add(result)?;
        return Ok(results.answer(&target.base(&state.public_base)));
    }
    let kind = Kind::of(&media).ok_or(WebError::UnsupportedMediaType(
        "instances are stored as multipart/related; type=\"application/dicom\", \"application/dicom+json\" or \
         \"application/dicom+xml\"",
    ))?;
    let boundary = media
        .parameters
        .get("boundary")
        .ok_or_else(|| WebError::BadRequest("multipart/related needs a boundary".into()))?;
    let parts = Parts::new(body, boundary);
    match kind {
        Kind::Files => store_files(&state.storage, &target, parts, &mut results).await?,
        Kind::Metadata(form) => {
            super::stow_metadata::store(&state.storage, &target, parts, form, &mut results).await?;
        }
    }
    if results.count == 0 {
        return Err(WebError::BadRequest("the request has no instances".into()));
    }
    Ok(results.answer(&target.base(&state.public_base)))
}

/// What the parts are.
enum Kind {
    /// Part 10 files.
    Files,
    /// Metadata, and bulk data.
    Metadata(MetadataText),
}

/// How metadata are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetadataText {
    /// An array of DICOM JSON objects.
    Json,
    /// A Native DICOM Model in each part.
    Xml,
}

impl Kind {
    fn of(media: &MediaRange) -> Option<Self> {
        if media.media_type != "multipart/related" {
            return None;
        }
        match media.part_type() {
            "application/dicom" | "*/*" => Some(Self::Files),
            "application/dicom+json" => Some(Self::Metadata(MetadataText::Json)),
            "application/dicom+xml" => Some(Self::Metadata(MetadataText::Xml)),
            _ => None,
        }
    }
}

async fn store_files(
    storage: &Storage,
    target: &Target,
    mut parts: Parts,
    results: &mut Results,
) -> Result<(), WebError> {
    loop {
        match parts.next().await {
            Ok(Some(part)) if results.count < INSTANCES_MAX => {
                let result = store_one(storage, target, part.bytes).await;
                results.add(result)?;
            }
            Ok(None) => return Ok(()),
            // What came before is stored and is answered for.
            Ok(Some(_)) | Err(_) if results.count > 0 => {
                return results.add(Err(Failure { why: Why::Broken, named: None }));
            }
            Ok(Some(_)) | Err(_) => {
                return Err(WebError::BadRequest("the multipart body is broken or breaks off".into()));
            }
        }
    }
}

/// Stores one instance; when it is refused, the rest of its bytes is read and left, up to `Limits::refused_bytes_max`.
async fn store_one<S, E>(storage: &Storage, target: &Target, mut bytes: S) -> Result<Stored, Failure>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let mut name = Name::default();
    let failure = |why: Why, name: Name| Failure { why, named: name.known };
    let arrival = Arrival { owner: target.caller.organisation().clone(), via: Via::Stow, declared: None };
    let mut sink = match storage.sink_part10(&target.scope, arrival).await {
        Ok(sink) => sink,
        Err(error) => return Err(failure(Why::Storage(error), name)),
    };
    if let Some(study) = &target.study {
        sink.expect_study(study.clone());
    }
    let mut sink = Some(sink);
    let mut refused = None;
    let mut left_bytes = 0;
    while let Some(chunk) = bytes.next().await {
        let Ok(chunk) = chunk else { return Err(failure(Why::Broken, name)) };
        name.feed(&chunk);
        if refused.is_some() {
            left_bytes += chunk.len() as u64;
            if left_bytes > storage.limits().refused_bytes_max {
                break;
            }
        }
        if let Some(open) = &mut sink
            && let Err(error) = open.write(&chunk).await
        {
            refused = Some(error);
            sink = None;
        }
    }
    let result = match (sink, refused) {
        (Some(sink), _) => sink.commit().await.map_err(Why::Storage),
        (None, Some(error)) => Err(Why::Storage(error)),
        (None, None) => Err(Why::Broken),
    };
    result.map_err(|why| failure(why, name))
}

/// What the file meta information says that an instance is: for telling which one failed.
#[derive(Default)]
struct Name {
    reader: HeadReader,
    is_over: bool,
    /// SOP Class UID and SOP Instance UID.
    known: Option<(Uid, Uid)>,
}

impl Name {
    fn feed(&mut self, chunk: &[u8]) {
        /// The head is at most this long.
        const HEAD_BYTES_MAX: usize = 64 << 10;
        if self.is_over {
            return;
        }
        match self.reader.feed(&chunk[..chunk.len().min(HEAD_BYTES_MAX)]) {
            Ok(None) => self.is_over = chunk.len() > HEAD_BYTES_MAX,
            Ok(Some((meta, _))) => {
                self.known = meta.sop_class.zip(meta.sop_instance);
                self.is_over = true;
            }
            Err(_) => self.is_over = true,
        }
    }
}

/// An instance that was not stored.
pub struct Failure {
    /// Why.
    pub why: Why,
    /// SOP Class UID and SOP Instance UID, as far as it said them.
    pub named: Option<(Uid, Uid)>,
}

/// Why.
pub enum Why {
    /// The storage refused it.
    Storage(StorageError),
    /// The request broke off.
    Broken,
}

/// Failure Reason (0008,1197), PS3.18 Table I.2-2 and PS3.4 §B.2.3.
fn failure_reason(why: &Why) -> u16 {
    match why {
        Why::Storage(StorageError::OutOfResources(_)) => 0xA700,
        Why::Storage(StorageError::Refused(dataset::Refused::MissingAttribute(_))) => 0xA900,
        Why::Storage(StorageError::Refused(dataset::Refused::WithoutPatient)) => 0x0122,
        Why::Storage(StorageError::Refused(_)) | Why::Broken => 0xC000,
        Why::Storage(_) => 0x0110,
    }
}

/// The results of one request.
#[derive(Default)]
pub struct Results {
    /// Instances so far, stored or not.
    pub count: usize,
    study: Option<Uid>,
    stored: Vec<Json>,
    failed: Vec<Json>,
    is_full: bool,
    has_warnings: bool,
}

impl Results {
    /// Notes what became of one instance.
    pub fn add(&mut self, result: Result<Stored, Failure>) -> Result<(), WebError> {
        self.count += 1;
        match result {
            Ok(stored) => {
                self.study.get_or_insert_with(|| stored.study.clone());
                let mut item = json!({
                    "00081150": {"vr": "UI", "Value": [stored.sop_class]},
                    "00081155": {"vr": "UI", "Value": [stored.instance]},
                    "00081190": {"vr": "UR", "Value": [format!(
                        "/studies/{}/series/{}/instances/{}", stored.study, stored.series, stored.instance)]},
                });
                if stored.outcome == Outcome::KeptApart {
                    // Warning Reason: the same UID with other content was there first; this one is kept apart.
                    item["00081196"] = json!({"vr": "US", "Value": [0xB000]});
                    self.has_warnings = true;
                }
                self.stored.push(item);
            }
            Err(Failure { why: Why::Storage(StorageError::Unavailable(_)), .. })
                if self.stored.is_empty() =>
            {
                return Err(WebError::Unavailable);
            }
            Err(failure) => {
                self.is_full |= matches!(failure.why, Why::Storage(StorageError::OutOfResources(_)));
                let mut item = Map::new();
                if let Some((class, instance)) = failure.named {
                    item.insert("00081150".into(), json!({"vr": "UI", "Value": [class]}));
                    item.insert("00081155".into(), json!({"vr": "UI", "Value": [instance]}));
                }
                item.insert("00081197".into(), json!({"vr": "US", "Value": [failure_reason(&failure.why)]}));
                self.failed.push(item.into());
            }
        }
        Ok(())
    }

    /// PS3.18 Table 10.5.3-1: 200 all stored, 202 some or with warnings, 409 none.
    fn answer(self, base: &str) -> Response {
        let status = match (self.stored.is_empty(), self.failed.is_empty()) {
            (false, true) if !self.has_warnings => StatusCode::OK,
            (false, _) => StatusCode::ACCEPTED,
            (true, _) if self.is_full => StatusCode::INSUFFICIENT_STORAGE,
            (true, _) => StatusCode::CONFLICT,
        };
        let mut dataset = Map::new();
        if let Some(study) = self.study {
            dataset
                .insert("00081190".into(), json!({"vr": "UR", "Value": [format!("{base}/studies/{study}")]}));
        }
        if !self.failed.is_empty() {
            dataset.insert("00081198".into(), json!({"vr": "SQ", "Value": self.failed}));
        }
        if !self.stored.is_empty() {
            let mut stored = self.stored;
            for item in &mut stored {
                if let Some(path) = item["00081190"]["Value"][0].as_str() {
                    item["00081190"]["Value"][0] = format!("{base}{path}").into();
                }
            }
            dataset.insert("00081199".into(), json!({"vr": "SQ", "Value": stored}));
        }
        (status, [(header::CONTENT_TYPE, "application/dicom+json")], Json::Object(dataset).to_string())
            .into_response()
    }
}
