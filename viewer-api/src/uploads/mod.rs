//! Files that people bring: one DICOM file in one request, here; large ones, and slides, in pieces (`tus`), and what becomes of
//! them (`arrivals`); photographs and papers, which become DICOM (`documents`); what need not be sent (`held`).

pub mod arrivals;
pub mod documents;
pub mod held;
pub mod tus;

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use serde::Serialize;
use storage::{Arrival, Outcome, Via};
use utoipa::ToSchema;

/// What became of an uploaded file.
#[derive(Serialize, ToSchema)]
pub struct Uploaded {
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// Series Instance UID.
    pub series_instance_uid: String,
    /// SOP Instance UID.
    pub sop_instance_uid: String,
    /// `stored`, `already_there`, or `kept_apart` when the same UID with other content was there first.
    pub outcome: &'static str,
}

/// Stores one DICOM Part 10 file for the caller's organisation; the body is the file, streamed.
#[utoipa::path(post, path = "/api/v1/uploads", tag = "studies",
    request_body(content = Vec<u8>, content_type = "application/dicom"),
    responses((status = 201, body = Uploaded), (status = 422, body = Problem), (status = 507, body = Problem)))]
pub async fn upload(
    State(state): State<ApiState>,
    auth: Authenticated,
    body: Body,
) -> Result<(StatusCode, Json<Uploaded>), ApiError> {
    let caller = auth.require(Right::Store)?;
    let arrival = Arrival { owner: caller.organisation().clone(), via: Via::Upload, declared: None };
    let mut sink = state.0.storage.sink_part10(caller.scope(), arrival).await?;
    let mut stream = body.into_data_stream();
    let mut refused = None;
    let mut left_bytes = 0;
    while let Some(chunk) = stream.next().await {
        let chunk =
            chunk.map_err(|_| ApiError::invalid("file", "the transfer broke off; send the file again"))?;
        // After a refusal the rest is read and left: a connection closed on a sender loses the answer on its way.
        if refused.is_none() {
            refused = sink.write(&chunk).await.err();
        } else {
            left_bytes += chunk.len() as u64;
            if left_bytes > state.0.storage.limits().refused_bytes_max {
                break;
            }
        }
    }
    if let Some(error) = refused {
        return Err(error.into());
    }
    let stored = sink.commit().await?;
    let uploaded = Uploaded {
        study_instance_uid: stored.study.to_string(),
        series_instance_uid: stored.series.to_string(),
        sop_instance_uid: stored.instance.to_string(),
        outcome: word(stored.outcome),
    };
    Ok((StatusCode::CREATED, Json(uploaded)))
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Stored => "stored",
        Outcome::AlreadyThere => "already_there",
        Outcome::KeptApart => "kept_apart",
    }
}
