//! Folders that are watched for a scanner's slides, and files in them that were not taken.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use model::time_text::{from_unix_ms, rfc3339};
use serde::Serialize;
use utoipa::ToSchema;
use wsi::intake::Refusal;
use wsi::watch::{FileState, FolderState, WatchedFile, WatchedFolder};

/// Folders in the order of the configuration.
#[derive(Serialize, ToSchema)]
pub struct WatchedList {
    /// The folders.
    pub folders: Vec<FolderInfo>,
}

/// A folder.
#[derive(Serialize, ToSchema)]
pub struct FolderInfo {
    /// Where it is.
    pub folder: String,
    /// `ok`, or `unreachable` when it could not be read the last time.
    #[schema(value_type = String)]
    pub state: FolderState,
    /// Since when (RFC 3339).
    pub since: String,
    /// When it was looked at last (RFC 3339), to a minute.
    pub looked_at: String,
    /// Files that have become slides or instances.
    pub imported: u64,
    /// The last files: refused ones first.
    pub files: Vec<FileInfo>,
}

/// A file.
#[derive(Serialize, ToSchema)]
pub struct FileInfo {
    /// Its name below the folder.
    pub name: String,
    /// `importing`, `imported`, `already_there`, `contradicted`, `waiting` or `refused`.
    #[schema(value_type = String)]
    pub state: FileState,
    /// Why it was refused or waits.
    #[schema(value_type = Option<Object>)]
    pub refusal: Option<Refusal>,
    /// The slide that it has become.
    pub slide_id: Option<String>,
    /// When (RFC 3339).
    pub at: String,
}

fn folder(folder: WatchedFolder, files: Vec<WatchedFile>) -> FolderInfo {
    FolderInfo {
        folder: folder.folder,
        state: folder.state,
        since: rfc3339(from_unix_ms(folder.since_ms)),
        looked_at: rfc3339(from_unix_ms(folder.looked_at_ms)),
        imported: folder.imported,
        files: files
            .into_iter()
            .map(|file| FileInfo {
                name: file.name,
                state: file.state,
                refusal: file.refusal,
                slide_id: file.slide.map(|id| id.to_string()),
                at: rfc3339(from_unix_ms(file.at_ms)),
            })
            .collect(),
    }
}

/// The folders that are watched for the caller's organisation.
#[utoipa::path(get, path = "/api/v1/watched-folders", tag = "uploads",
    responses((status = 200, body = WatchedList), (status = 403, body = Problem)))]
pub async fn list_watched(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<WatchedList>, ApiError> {
    let caller = auth.require_any(&[Right::Store, Right::Administer])?;
    let found = wsi::watch::status(&state.0.storage, caller.scope()).await?;
    Ok(Json(WatchedList { folders: found.into_iter().map(|(one, files)| folder(one, files)).collect() }))
}
