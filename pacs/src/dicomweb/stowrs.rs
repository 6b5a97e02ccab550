//! STOW-RS (PS3.18 §10.5): instances stream from the request into the one ingest path; each has its own result.

use super::accept::parse as parse_media;
use super::problem::WebError;
use super::routes::WebState;
use super::target::Target;
use access::Right;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use model::Uid;
use multer::Multipart;
use serde_json::{Map, Value as Json, json};
use storage::{Arrival, Outcome, Storage, StorageError, Stored, Via};

/// Instances of one request at most.
const INSTANCES_MAX: usize = 20_000;

/// `POST /studies` and `POST /studies/{study}`.
pub async fn store(
    State(state): State<WebState>,
    target: Target,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, WebError> {
    target.require(Right::Store)?;
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
    } else if media.media_type == "multipart/related" && media.covers("application/dicom") {
        let boundary = media
            .parameters
            .get("boundary")
            .ok_or_else(|| WebError::BadRequest("multipart/related needs a boundary".into()))?;
        let mut parts = Multipart::new(body.into_data_stream(), boundary);
        while let Some(part) = parts.next_field().await.map_err(|e| broken(&e))? {
            if results.count == INSTANCES_MAX {
                return Err(WebError::BadRequest("too many instances in one request".into()));
            }
            let result = store_one(&state.storage, &target, part).await;
            results.add(result)?;
        }
        if results.count == 0 {
            return Err(WebError::BadRequest("the request has no parts".into()));
        }
    } else {
        return Err(WebError::UnsupportedMediaType(
            "instances are stored as multipart/related; type=\"application/dicom\"",
        ));
    }
    Ok(results.answer(&state.public_base))
}

fn broken(error: &multer::Error) -> WebError {
    tracing::debug!(%error, "a multipart body broke off");
    WebError::BadRequest(
        "the multipart body is broken or breaks off; what was answered as stored is stored".into(),
    )
}

/// Stores one instance; when it is refused, the rest of its bytes is read and left.
async fn store_one<S, E>(storage: &Storage, target: &Target, mut bytes: S) -> Result<Stored, Failure>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let arrival = Arrival { owner: target.caller.organisation().clone(), via: Via::Stow, declared: None };
    let mut sink = storage.sink_part10(&target.scope, arrival).await?;
    if let Some(study) = &target.study {
        sink.expect_study(study.clone());
    }
    let mut sink = Some(sink);
    let mut refused = None;
    while let Some(chunk) = bytes.next().await {
        let chunk = chunk.map_err(|_| Failure::Broken)?;
        if let Some(open) = &mut sink
            && let Err(error) = open.write(&chunk).await
        {
            refused = Some(error);
            sink = None;
        }
    }
    match (sink, refused) {
        (Some(sink), _) => Ok(sink.commit().await?),
        (None, Some(error)) => Err(error.into()),
        (None, None) => Err(Failure::Broken),
    }
}

/// Why one instance was not stored.
enum Failure {
    Storage(StorageError),
    /// The request broke off.
    Broken,
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// Failure Reason (0008,1197), PS3.18 Table I.2-2 and PS3.4 §B.2.3.
fn failure_reason(failure: &Failure) -> u16 {
    match failure {
        Failure::Storage(StorageError::OutOfResources(_)) => 0xA700,
        Failure::Storage(StorageError::Refused(dataset::Refused::MissingAttribute(_))) => 0xA900,
        Failure::Storage(StorageError::Refused(_)) | Failure::Broken => 0xC000,
        Failure::Storage(_) => 0x0110,
    }
}

/// The results of one request.
#[derive(Default)]
struct Results {
    count: usize,
    study: Option<Uid>,
    stored: Vec<Json>,
    failed: Vec<Json>,
    is_full: bool,
}

impl Results {
    fn add(&mut self, result: Result<Stored, Failure>) -> Result<(), WebError> {
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
                }
                self.stored.push(item);
            }
            Err(Failure::Storage(StorageError::Unavailable(_))) if self.stored.is_empty() => {
                return Err(WebError::Unavailable);
            }
            Err(failure) => {
                self.is_full |= matches!(failure, Failure::Storage(StorageError::OutOfResources(_)));
                self.failed.push(json!({"00081197": {"vr": "US", "Value": [failure_reason(&failure)]}}));
            }
        }
        Ok(())
    }

    /// PS3.18 §10.5.3: 200 all stored, 202 some, 409 none.
    fn answer(self, base: &str) -> Response {
        let status = match (self.stored.is_empty(), self.failed.is_empty()) {
            (false, true) => StatusCode::OK,
            (false, false) => StatusCode::ACCEPTED,
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
