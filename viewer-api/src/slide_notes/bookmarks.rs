//! Bookmarks: list, make, rename, delete, and their pictures.

use super::{NoteAuthor, etag, list_validator, no_cache, on_behalf, rfc3339, slide_id, version_read};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::{Caller, Right};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use wsi::notes::{Bookmark, FieldOfView};

/// A bookmark to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookmarkDraft {
    /// One line, at most 120 characters.
    pub name: String,
    /// What is seen: `x`, `y` (the middle, pixels of level 0), `zoom` (pixels of the screen for one of level 0),
    /// `rotation_deg`, `mirrored`, `screen_width`, `screen_height` (pixels), and `z`, `path`, `channels` where there are
    /// several.
    #[schema(value_type = Object)]
    pub view: FieldOfView,
    /// The consult within which it is made.
    #[serde(default)]
    pub consult: Option<String>,
}

/// Another name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookmarkName {
    /// One line, at most 120 characters.
    pub name: String,
}

/// A bookmark.
#[derive(Serialize, ToSchema)]
pub struct BookmarkInfo {
    /// Identifier.
    pub id: String,
    /// Counts up with each change; in quotes it is the ETag.
    pub version: i64,
    /// What it is called.
    pub name: String,
    /// What is seen.
    #[schema(value_type = Object)]
    pub view: FieldOfView,
    /// Its picture, made from stored tiles when the bookmark was made.
    pub picture: BookmarkPicture,
    /// Who made it.
    pub author: NoteAuthor,
    /// Whether it is the caller's own.
    pub own: bool,
    /// When it was made (RFC 3339).
    pub created_at: String,
}

/// The picture of a bookmark: a derived image.
#[derive(Serialize, ToSchema)]
pub struct BookmarkPicture {
    /// SHA-256 of the JPEG file.
    pub sha256: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The level that it was made from.
    pub level: u32,
    /// SOP Instance UID of that level.
    pub sop_instance_uid: String,
}

/// Bookmarks, in the order in which they were made.
#[derive(Serialize, ToSchema)]
pub struct BookmarkList {
    /// The bookmarks.
    pub bookmarks: Vec<BookmarkInfo>,
}

impl BookmarkInfo {
    fn of(bookmark: &Bookmark, caller: &Caller) -> Self {
        let picture = &bookmark.picture;
        Self {
            id: bookmark.id.clone(),
            version: bookmark.version,
            name: bookmark.name.clone(),
            view: bookmark.view.clone(),
            picture: BookmarkPicture {
                sha256: picture.sha256.to_string(),
                width: picture.width,
                height: picture.height,
                level: picture.level,
                sop_instance_uid: picture.instance.to_string(),
            },
            author: (&bookmark.author).into(),
            own: bookmark.author.is(caller),
            created_at: rfc3339(bookmark.created_at_ms),
        }
    }
}

fn answer(status: StatusCode, bookmark: &Bookmark, caller: &Caller) -> Response {
    let body = Json(BookmarkInfo::of(bookmark, caller));
    (status, [(header::ETAG, etag(bookmark.version))], body).into_response()
}

/// The bookmarks on a slide that the caller sees; whose those are is as for annotations.
#[utoipa::path(get, path = "/api/v1/slides/{id}/bookmarks", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id")),
    responses((status = 200, body = BookmarkList), (status = 304), (status = 404, body = Problem)))]
pub async fn list_bookmarks(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath(id): UrlPath<String>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = slide_id(&id)?;
    let revision = state.0.slides.notes_revision(caller, &id).await?;
    let (validator, has_it) = list_validator(caller, &revision, &headers);
    let about = [(header::ETAG, validator), (header::CACHE_CONTROL, no_cache())];
    if has_it {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    let found = state.0.slides.bookmarks(caller, &id).await?;
    let bookmarks = found.iter().map(|one| BookmarkInfo::of(one, caller)).collect();
    Ok((about, Json(BookmarkList { bookmarks })).into_response())
}

/// Makes a bookmark with its picture.
#[utoipa::path(post, path = "/api/v1/slides/{id}/bookmarks", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id")), request_body = BookmarkDraft,
    responses((status = 201, body = BookmarkInfo), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn make_bookmark(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(draft): JsonBody<BookmarkDraft>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let id = slide_id(&id)?;
    let behalf = on_behalf(&state, caller, &id, draft.consult.as_deref()).await?;
    let now = OffsetDateTime::now_utc();
    let made = state.0.slides.bookmark(caller, &id, &draft.name, draft.view, behalf, now).await?;
    Ok(answer(StatusCode::CREATED, &made, caller))
}

/// Gives a bookmark of one's own another name.
#[utoipa::path(put, path = "/api/v1/slides/{id}/bookmarks/{bookmark}", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id"), ("bookmark" = String, Path, description = "Bookmark id"),
           ("If-Match" = String, Header, description = "The ETag of the version that was read")),
    request_body = BookmarkName,
    responses((status = 200, body = BookmarkInfo), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 422, body = Problem), (status = 428, body = Problem)))]
pub async fn rename_bookmark(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath((id, bookmark)): UrlPath<(String, String)>,
    JsonBody(body): JsonBody<BookmarkName>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let (id, version) = (slide_id(&id)?, version_read(&headers)?);
    let renamed = state.0.slides.rename_bookmark(caller, &id, &bookmark, version, &body.name).await?;
    Ok(answer(StatusCode::OK, &renamed, caller))
}

/// Deletes a bookmark of one's own. Reports that show it keep its picture.
#[utoipa::path(delete, path = "/api/v1/slides/{id}/bookmarks/{bookmark}", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id"), ("bookmark" = String, Path, description = "Bookmark id"),
           ("If-Match" = String, Header, description = "The ETag of the version that was read")),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 412, body = Problem), (status = 428, body = Problem)))]
pub async fn delete_bookmark(
    State(state): State<ApiState>,
    auth: Authenticated,
    headers: HeaderMap,
    UrlPath((id, bookmark)): UrlPath<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let (id, version, now) = (slide_id(&id)?, version_read(&headers)?, OffsetDateTime::now_utc());
    state.0.slides.delete_bookmark(caller, &id, &bookmark, version, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The picture of a bookmark, a JPEG made from stored tiles.
#[utoipa::path(get, path = "/api/v1/slides/{id}/bookmarks/{bookmark}/picture", tag = "slide notes",
    params(("id" = String, Path, description = "Slide id"), ("bookmark" = String, Path, description = "Bookmark id")),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = 404, body = Problem)))]
pub async fn bookmark_picture(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((id, bookmark)): UrlPath<(String, String)>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let (_, found, bytes) = state.0.slides.bookmark_picture(caller, &slide_id(&id)?, &bookmark).await?;
    let headers = [
        (header::CONTENT_TYPE, "image/jpeg".to_owned()),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable".to_owned()),
        (header::ETAG, format!("\"{}\"", found.picture.sha256)),
    ];
    Ok((headers, bytes).into_response())
}
