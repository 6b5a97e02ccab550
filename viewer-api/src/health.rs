//! Liveness, readiness and metrics. None of them tells anything about a patient.

use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::fmt::Write as _;
use utoipa::ToSchema;

/// A state in one word.
#[derive(Serialize, ToSchema)]
pub struct Health {
    /// `ok` or `unavailable`.
    pub status: &'static str,
    /// How the native image codecs are confined: `landlock+seccomp`, `landlock`, `seccomp`, `none` (processes of their
    /// own, on a kernel with neither), or `in-process`.
    pub codec_confinement: String,
}

impl Health {
    fn of(status: &'static str) -> Json<Self> {
        Json(Self { status, codec_confinement: codec::pool::confinement() })
    }
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, body = Health)))]
pub async fn healthz() -> Json<Health> {
    Health::of("ok")
}

/// The node can store and find.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub async fn readyz(State(state): State<ApiState>) -> (StatusCode, Json<Health>) {
    match state.0.storage.check().await {
        Ok(()) => (StatusCode::OK, Health::of("ok")),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, Health::of("unavailable"))
        }
    }
}

/// Counters in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, content_type = "text/plain", body = String)))]
pub async fn metrics(State(state): State<ApiState>) -> Response {
    let mut text = String::new();
    for (name, value) in (state.0.dicom_status)() {
        let _ = writeln!(text, "# TYPE farsight_{name} counter\nfarsight_{name} {value}");
    }
    let slides = state.0.slides.derived_counts();
    for (name, kind, value) in [
        ("slide_pictures_made_total", "counter", slides.made),
        ("slide_frames_decoded_total", "counter", slides.frames_decoded),
        ("slide_pictures_kept_bytes", "gauge", slides.bytes_kept),
    ] {
        let _ = writeln!(text, "# TYPE farsight_{name} {kind}\nfarsight_{name} {value}");
    }
    let checked = state.0.proofs_checked.load(std::sync::atomic::Ordering::Relaxed);
    let _ = writeln!(
        text,
        "# TYPE farsight_proofs_checked_total counter\nfarsight_proofs_checked_total {checked}"
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
