//! Resumable uploads by the protocol `tus` 1.0.0, so that any client of it works: creation, checksum, expiration and
//! termination. Whoever began an upload goes on with it; for everybody else it is not there.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::{Caller, Person, Right};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use pacs::dicomweb::problem_response;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use uuid::Uuid;
use wsi::intake::upload::Checksum;
use wsi::intake::{IntakeError, NewUpload, Receiving, State as Progress, Upload};

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,checksum,expiration,termination";
const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
/// For whom a page sends: a login name or a person's identifier, as the session says.
const FARSIGHT_PERSON: HeaderName = HeaderName::from_static("x-farsight-person");
const PIECE: &str = "application/offset+octet-stream";
/// Characters of the metadata header.
const METADATA_CHARS_MAX: usize = 4096;

/// What can go wrong, as the protocol has it said.
pub(super) fn refused(error: IntakeError) -> Response {
    let api = match error {
        IntakeError::NotFound => ApiError::NotFound,
        IntakeError::Conflict(why) => ApiError::Conflict(why.to_owned()),
        IntakeError::TooLarge(_) => ApiError::TooLarge,
        IntakeError::Invalid { field, why } => ApiError::invalid(field, why),
        IntakeError::Storage(error) => error.into(),
        IntakeError::Busy => {
            let title = "Another connection writes this upload";
            return with_version(problem_response(StatusCode::LOCKED, "busy", title, None, None));
        }
        IntakeError::TooMany => {
            let (title, why) = ("Too many unfinished uploads", "finish or cancel some of them first");
            let status = StatusCode::TOO_MANY_REQUESTS;
            return with_version(problem_response(status, "too-many-uploads", title, Some(why), None));
        }
        IntakeError::Checksum => {
            let status = StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST);
            let title = "Checksum mismatch";
            return with_version(problem_response(status, "checksum-mismatch", title, None, None));
        }
    };
    with_version(api.into_response())
}

fn with_version(mut response: Response) -> Response {
    response.headers_mut().insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
    response
}

fn number(value: u64) -> HeaderValue {
    HeaderValue::from(value)
}

/// Refuses other versions of the protocol.
#[expect(clippy::result_large_err, reason = "the error is the answer, and goes out as it is")]
fn check_version(headers: &HeaderMap) -> Result<(), Response> {
    if headers.get(&TUS_RESUMABLE).is_some_and(|version| version.as_bytes() == VERSION.as_bytes()) {
        return Ok(());
    }
    let status = StatusCode::PRECONDITION_FAILED;
    let mut response = problem_response(status, "tus-version", "Tus-Resumable: 1.0.0 is needed", None, None);
    response.headers_mut().insert(TUS_VERSION, HeaderValue::from_static(VERSION));
    Err(with_version(response))
}

/// Refuses when the page that sends was opened by somebody else than who is logged in by now: what one person has chosen and
/// said is not brought in under another's name. A client that does not say who it sends for is not asked.
#[expect(clippy::result_large_err, reason = "the error is the answer, and goes out as it is")]
pub(super) fn check_person(headers: &HeaderMap, caller: &Caller) -> Result<(), Response> {
    let Some(said) = headers.get(&FARSIGHT_PERSON) else { return Ok(()) };
    let said = said.to_str().unwrap_or_default();
    let is_caller =
        |person: &Person| said == person.id.as_str() || said.to_lowercase() == person.login.to_lowercase();
    if caller.as_person().is_some_and(is_caller) {
        return Ok(());
    }
    let title = "Somebody else is logged in than this upload is sent for";
    Err(with_version(problem_response(StatusCode::CONFLICT, "other-person", title, None, None)))
}

fn integer(headers: &HeaderMap, name: &HeaderName) -> Result<u64, ApiError> {
    let text = headers.get(name).and_then(|value| value.to_str().ok());
    text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| ApiError::invalid(name.as_str(), "应为数字 / a number is needed"))
}

/// `Upload-Metadata`: pairs of a key and a value in base64, with commas between them.
pub(super) fn pairs(headers: &HeaderMap) -> Result<Vec<(String, String)>, ApiError> {
    let wrong = || ApiError::invalid("Upload-Metadata", "it is not as tus has it, or too long");
    let text = match headers.get(&UPLOAD_METADATA) {
        None => "",
        Some(value) => value.to_str().map_err(|_| wrong())?,
    };
    if text.len() > METADATA_CHARS_MAX {
        return Err(wrong());
    }
    let pair = |pair: &str| {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let bytes = STANDARD.decode(value.trim()).map_err(|_| wrong())?;
        Ok((key.to_owned(), String::from_utf8(bytes).map_err(|_| wrong())?))
    };
    text.split(',').map(str::trim).filter(|pair| !pair.is_empty()).map(pair).collect()
}

fn metadata(headers: &HeaderMap) -> Result<NewUpload, ApiError> {
    let mut new = NewUpload { bytes: integer(headers, &UPLOAD_LENGTH)?, ..NewUpload::default() };
    for (key, value) in pairs(headers)? {
        match key.as_str() {
            "filename" => new.name = value,
            "fingerprint" => new.fingerprint = value,
            // Other keys are for other servers.
            _ => {}
        }
    }
    Ok(new)
}

fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, ApiError> {
    let Some(value) = headers.get(&UPLOAD_CHECKSUM) else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|text| {
        let (algorithm, expected) = text.split_once(' ')?;
        Checksum::new(algorithm, STANDARD.decode(expected.trim()).ok()?)
    });
    let wrong = || ApiError::Invalid {
        field: "Upload-Checksum".to_owned(),
        detail: format!("one of {} is needed, and its value in base64", Checksum::ALGORITHMS),
    };
    // The protocol has 400 for this.
    parsed.map(Some).ok_or_else(wrong)
}

fn expires(state: &ApiState) -> Option<HeaderValue> {
    let idle_ms = i64::try_from(state.0.storage.limits().upload_idle_ms_max).unwrap_or(i64::MAX);
    let at = OffsetDateTime::now_utc().checked_add(time::Duration::milliseconds(idle_ms))?;
    // RFC 9110 §5.6.7 has GMT where RFC 2822 has a difference.
    HeaderValue::from_str(&at.format(&Rfc2822).ok()?.replace("+0000", "GMT")).ok()
}

/// What the server can do.
#[utoipa::path(options, path = "/api/v1/uploads/resumable", tag = "uploads", responses((status = 204)))]
pub async fn tus_options(State(state): State<ApiState>) -> Response {
    let mut response = with_version(StatusCode::NO_CONTENT.into_response());
    let headers = response.headers_mut();
    headers.insert(TUS_VERSION, HeaderValue::from_static(VERSION));
    headers.insert(TUS_EXTENSION, HeaderValue::from_static(EXTENSIONS));
    headers.insert(TUS_MAX_SIZE, number(state.0.storage.limits().upload_bytes_max));
    headers.insert(TUS_CHECKSUM_ALGORITHM, HeaderValue::from_static(Checksum::ALGORITHMS));
    response
}

/// Begins an upload of `Upload-Length` bytes. Of `Upload-Metadata`, `filename` and `fingerprint` are kept: by the latter a
/// client finds its unfinished upload of the same file again, in the list.
#[utoipa::path(post, path = "/api/v1/uploads/resumable", tag = "uploads",
    params(("Upload-Length" = u64, Header, description = "Bytes of the file"),
           ("Upload-Metadata" = Option<String>, Header, description = "`filename BASE64,fingerprint BASE64`"),
           ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
           ("X-Farsight-Person" = Option<String>, Header, description = "For whom the page sends; 409 `other-person` for another")),
    responses((status = 201), (status = 409, body = Problem), (status = 413, body = Problem), (status = 429, body = Problem), (status = 507, body = Problem)))]
pub async fn tus_create(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
) -> Result<Response, Response> {
    check_version(&headers)?;
    let caller = auth.require(Right::Store).map_err(failed)?;
    check_person(&headers, caller)?;
    let new = metadata(&headers).map_err(failed)?;
    let upload = state.0.intake.create(caller.scope(), caller.organisation(), new).await.map_err(refused)?;
    let mut response = with_version(StatusCode::CREATED.into_response());
    let location = format!("/api/v1/uploads/resumable/{}", upload.id);
    let headers = response.headers_mut();
    headers
        .insert(header::LOCATION, HeaderValue::from_str(&location).map_err(|_| failed(ApiError::Internal))?);
    headers.extend(expires(&state).map(|expires| (UPLOAD_EXPIRES, expires)));
    Ok(response)
}

fn failed(error: ApiError) -> Response {
    with_version(error.into_response())
}

pub(super) fn parsed(id: &str) -> Result<Uuid, ApiError> {
    Uuid::parse_str(id).map_err(|_| ApiError::NotFound)
}

/// How many bytes are durable: where to go on.
#[utoipa::path(head, path = "/api/v1/uploads/resumable/{id}", tag = "uploads",
    params(("id" = String, Path, description = "Upload id")),
    responses((status = 200), (status = 404)))]
pub async fn tus_head(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath(id): UrlPath<String>,
) -> Result<Response, Response> {
    check_version(&headers)?;
    let caller = auth.require(Right::Store).map_err(failed)?;
    let id = parsed(&id).map_err(failed)?;
    let (upload, offset) = state.0.intake.offset(caller.scope(), id).await.map_err(refused)?;
    let mut response = with_version(StatusCode::OK.into_response());
    let headers = response.headers_mut();
    headers.insert(UPLOAD_OFFSET, number(offset));
    headers.insert(UPLOAD_LENGTH, number(upload.bytes));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.extend(expires_of(&state, &upload).map(|expires| (UPLOAD_EXPIRES, expires)));
    Ok(response)
}

fn expires_of(state: &ApiState, upload: &Upload) -> Option<HeaderValue> {
    (upload.state == Progress::Receiving).then(|| expires(state))?
}

/// The next piece, at `Upload-Offset`; what has been answered is durable. With `Upload-Checksum` the piece counts as a whole
/// or not at all, without one as far as it came.
#[utoipa::path(patch, path = "/api/v1/uploads/resumable/{id}", tag = "uploads",
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    params(("id" = String, Path, description = "Upload id"),
           ("Upload-Offset" = u64, Header, description = "Where the piece begins"),
           ("Upload-Checksum" = Option<String>, Header, description = "`sha256 BASE64` or `sha1 BASE64`"),
           ("X-Farsight-Person" = Option<String>, Header, description = "For whom the page sends; 409 `other-person` for another")),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem), (status = 423, body = Problem),
              (status = 460, body = Problem), (status = 507, body = Problem)))]
pub async fn tus_patch(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Response> {
    check_version(&headers)?;
    let caller = auth.require(Right::Store).map_err(failed)?;
    check_person(&headers, caller)?;
    let id = parsed(&id).map_err(failed)?;
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind.as_bytes() != PIECE.as_bytes()) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let response = problem_response(status, "media-type", "Content-Type is to be", Some(PIECE), None);
        return Err(with_version(response));
    }
    let offset = integer(&headers, &UPLOAD_OFFSET).map_err(failed)?;
    let checksum = checksum(&headers).map_err(failed)?;
    let receiving = state.0.intake.receive(caller.scope(), id, offset, checksum).await.map_err(refused)?;
    let offset = take(receiving, body).await.map_err(refused)?;
    let mut response = with_version(StatusCode::NO_CONTENT.into_response());
    let headers = response.headers_mut();
    headers.insert(UPLOAD_OFFSET, number(offset));
    headers.extend(expires(&state).map(|expires| (UPLOAD_EXPIRES, expires)));
    Ok(response)
}

async fn take(mut receiving: Receiving, body: Body) -> Result<u64, IntakeError> {
    let mut stream = body.into_data_stream();
    let mut superseded = std::pin::pin!(receiving.superseded());
    loop {
        let chunk = tokio::select! {
            chunk = stream.next() => chunk,
            () = &mut superseded => {
                receiving.broken_off().await;
                return Err(IntakeError::Busy);
            }
        };
        match chunk {
            None => return receiving.done().await,
            Some(Ok(bytes)) => receiving.write(&bytes).await?,
            Some(Err(_)) => {
                receiving.broken_off().await;
                return Err(IntakeError::Conflict("传输中断，请继续上传 / the transfer broke off"));
            }
        }
    }
}

/// Gives an upload up, or takes one that is over out of the list.
#[utoipa::path(delete, path = "/api/v1/uploads/resumable/{id}", tag = "uploads",
    params(("id" = String, Path, description = "Upload id")),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn tus_delete(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath(id): UrlPath<String>,
) -> Result<Response, Response> {
    check_version(&headers)?;
    let caller = auth.require(Right::Store).map_err(failed)?;
    let id = parsed(&id).map_err(failed)?;
    state.0.intake.cancel(caller.scope(), id).await.map_err(refused)?;
    Ok(with_version(StatusCode::NO_CONTENT.into_response()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| ((*name).clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn metadata_is_read_as_tus_has_it() {
        let text = "filename 5YiH54mHLnN2cw==,fingerprint YWJj,other eA==,bare";
        let new = metadata(&headers(&[(&UPLOAD_LENGTH, "12"), (&UPLOAD_METADATA, text)])).unwrap();
        assert_eq!((new.name.as_str(), new.fingerprint.as_str(), new.bytes), ("切片.svs", "abc", 12));
        for wrong in ["filename ###", "filename //79"] {
            let headers = headers(&[(&UPLOAD_LENGTH, "12"), (&UPLOAD_METADATA, wrong)]);
            assert!(metadata(&headers).is_err(), "{wrong}");
        }
        for length in ["-1", "+1", "1e9", "", "99999999999999999999"] {
            assert!(metadata(&headers(&[(&UPLOAD_LENGTH, length)])).is_err(), "{length}");
        }
    }

    #[test]
    fn checksums_of_unknown_kinds_are_refused() {
        let check = |text: &str| checksum(&headers(&[(&UPLOAD_CHECKSUM, text)])).map(|found| found.is_some());
        assert_eq!(check("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="), Ok(true));
        for wrong in
            ["md5 1B2M2Y8AsgTpgAmY7PhCfg==", "sha1", "sha1 AAAA", "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0="]
        {
            assert!(check(wrong).is_err(), "{wrong}");
        }
        assert_eq!(checksum(&HeaderMap::new()).map(|found| found.is_some()), Ok(false));
    }
}
