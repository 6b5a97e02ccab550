//! The files of a signed report: page, canonical JSON, signatures, certificates.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::state::ApiState;
use access::Right;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use consult::ReportPart;
use model::ConsultId;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which version, and whose signature.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReportFile {
    /// Version; the current one when absent.
    pub v: Option<u32>,
    /// `reader` (default) or `reviewer`.
    pub signer: Option<String>,
}

async fn answer(
    state: &ApiState,
    auth: &Authenticated,
    id: &str,
    part: ReportPart,
    version: Option<u32>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let consult = ConsultId::parse(id).map_err(|_| ApiError::NotFound)?;
    let bytes = state.0.consults.report_file(caller, &consult, part, version).await?;
    let (media_type, name) = match part {
        ReportPart::Pdf => ("application/pdf", "report.pdf"),
        ReportPart::Json => ("application/json", "report.json"),
        ReportPart::ReaderSignature => ("application/pkcs7-signature", "report.p7s"),
        ReportPart::ReviewerSignature => ("application/pkcs7-signature", "report-reviewer.p7s"),
        ReportPart::Chain => ("application/x-pem-file", "chain.pem"),
    };
    let disposition = format!("inline; filename=\"{name}\"");
    Ok((
        [
            (header::CONTENT_TYPE, media_type),
            (header::CONTENT_DISPOSITION, disposition.as_str()),
            (header::CACHE_CONTROL, "private, no-store"),
        ],
        bytes,
    )
        .into_response())
}

/// The report as a PDF, with the canonical JSON and the signatures attached.
#[utoipa::path(get, path = "/api/v1/consults/{id}/report.pdf", tag = "reports",
    params(("id" = String, Path), ReportFile),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>), (status = 404, body = Problem)))]
pub async fn report_pdf(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(file): UrlQuery<ReportFile>,
) -> Result<Response, ApiError> {
    answer(&state, &auth, &id, ReportPart::Pdf, file.v).await
}

/// The canonical report (RFC 8785): exactly the bytes that were signed.
#[utoipa::path(get, path = "/api/v1/consults/{id}/report.json", tag = "reports",
    params(("id" = String, Path), ReportFile),
    responses((status = 200, content_type = "application/json", body = Vec<u8>), (status = 404, body = Problem)))]
pub async fn report_json(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(file): UrlQuery<ReportFile>,
) -> Result<Response, ApiError> {
    answer(&state, &auth, &id, ReportPart::Json, file.v).await
}

/// A signer's detached CMS signature (RFC 5652), DER.
#[utoipa::path(get, path = "/api/v1/consults/{id}/report.p7s", tag = "reports",
    params(("id" = String, Path), ReportFile),
    responses((status = 200, content_type = "application/pkcs7-signature", body = Vec<u8>),
        (status = 404, body = Problem)))]
pub async fn report_signature(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(file): UrlQuery<ReportFile>,
) -> Result<Response, ApiError> {
    let part = match file.signer.as_deref() {
        None | Some("reader") => ReportPart::ReaderSignature,
        Some("reviewer") => ReportPart::ReviewerSignature,
        Some(_) => return Err(ApiError::invalid("signer", "`reader` or `reviewer`")),
    };
    answer(&state, &auth, &id, part, file.v).await
}

/// The signers' certificates, PEM.
#[utoipa::path(get, path = "/api/v1/consults/{id}/chain.pem", tag = "reports",
    params(("id" = String, Path), ReportFile),
    responses((status = 200, content_type = "application/x-pem-file", body = Vec<u8>),
        (status = 404, body = Problem)))]
pub async fn chain_pem(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(file): UrlQuery<ReportFile>,
) -> Result<Response, ApiError> {
    answer(&state, &auth, &id, ReportPart::Chain, file.v).await
}
