//! Attachments of a consult: earlier reports, letters, photographs.

use super::{ConsultDetail, Detail, consult_id, detail, now};
use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::state::ApiState;
use access::Right;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use consult::attachment::{BYTES_MAX, MediaType};
use model::Sha256;
use serde::Deserialize;
use std::fmt::Write as _;
use utoipa::IntoParams;

/// What is attached to which version.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Attaching {
    /// The version that the person saw.
    pub version: i64,
    /// What the requester calls it.
    #[serde(default)]
    pub name: String,
}

/// Attaches a PDF, JPEG or PNG (requester; in a draft, or while data are awaited); the body is the file.
#[utoipa::path(post, path = "/api/v1/consults/{id}/attachments", tag = "consults", params(("id" = String, Path), Attaching),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = ConsultDetail), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 413, body = Problem), (status = 422, body = Problem)))]
pub async fn attach(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(to): UrlQuery<Attaching>,
    body: Body,
) -> Detail {
    let caller = auth.require(Right::Ask)?;
    let id = consult_id(&id)?;
    // Whoever may not see the consult brings nothing into memory.
    state.0.consults.get(caller, &id).await?;
    let content = axum::body::to_bytes(body, BYTES_MAX).await.map_err(|_| ApiError::TooLarge)?.to_vec();
    detail(state.0.consults.attach(caller, &id, to.version, &to.name, content, now()).await)
}

/// Takes an attachment out of a draft.
#[utoipa::path(delete, path = "/api/v1/consults/{id}/attachments/{sha256}", tag = "consults",
    params(("id" = String, Path), ("sha256" = String, Path), Attaching),
    responses((status = 200, body = ConsultDetail), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub async fn detach(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, sha256)): UrlPath<(String, String)>,
    UrlQuery(from): UrlQuery<Attaching>,
) -> Detail {
    let sha256 = Sha256::parse(&sha256).map_err(|_| ApiError::NotFound)?;
    detail(state.0.consults.detach(&auth.0, &consult_id(&id)?, from.version, &sha256).await)
}

/// An attachment as it was attached. Pictures are shown; a PDF is saved, or shown without rights of its own.
#[utoipa::path(get, path = "/api/v1/consults/{id}/attachments/{sha256}", tag = "consults",
    params(("id" = String, Path), ("sha256" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream"), (status = 404, body = Problem)))]
pub async fn get_attachment(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, sha256)): UrlPath<(String, String)>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Search)?;
    let sha256 = Sha256::parse(&sha256).map_err(|_| ApiError::NotFound)?;
    let (attachment, bytes) = state.0.consults.attachment(caller, &consult_id(&id)?, &sha256).await?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(attachment.media_type.word()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    // It is somebody else's file: it runs nothing here, whatever it is.
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    let how = if attachment.media_type == MediaType::Pdf { "attachment" } else { "inline" };
    let value = format!("{how}; filename*=UTF-8''{}", percent_encoded(&attachment.name));
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("attachment")),
    );
    Ok(response)
}

/// RFC 8187 ext-value: everything but letters and digits as %XX.
fn percent_encoded(name: &str) -> String {
    name.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
