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
use consult::export::Form;
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

async fn form(
    state: &ApiState,
    auth: &Authenticated,
    id: &str,
    form: Form,
    version: Option<u32>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Retrieve)?;
    let consult = ConsultId::parse(id).map_err(|_| ApiError::NotFound)?;
    let exported = state.0.consults.report_form(caller, &consult, form, version).await?;
    let name = match form {
        Form::Sr => "report-sr.dcm",
        Form::Pdf => "report-pdf.dcm",
        Form::Kos => "report-kos.dcm",
        Form::Fhir => "report.fhir.json",
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok((
        [
            (header::CONTENT_TYPE, form.media_type()),
            (header::CONTENT_DISPOSITION, disposition.as_str()),
            (header::CACHE_CONTROL, "private, no-store"),
        ],
        exported.bytes,
    )
        .into_response())
}

/// A delivered report as DICOM structured report: Basic Text SR, or Enhanced SR when it shows key images (PS3.16 TID 2000).
/// The same instance whenever it is asked for.
#[utoipa::path(get, path = "/api/v1/consults/{id}/report-sr.dcm", tag = "reports",
    params(("id" = String, Path), ReportFile),
    responses((status = 200, content_type = "application/dicom", body = Vec<u8>), (status = 404, body = Problem)))]
pub async fn report_as_sr(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(file): UrlQuery<ReportFile>,
) -> Result<Response, ApiError> {
    form(&state, &auth, &id, Form::Sr, file.v).await
}

/// A delivered report as DICOM Encapsulated PDF: exactly the bytes that were signed.
#[utoipa::path(get, path = "/api/v1/consults/{id}/report-pdf.dcm", tag = "reports",
    params(("id" = String, Path), ReportFile),
    responses((status = 200, content_type = "application/dicom", body = Vec<u8>), (status = 404, body = Problem)))]
pub async fn report_as_encapsulated_pdf(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(file): UrlQuery<ReportFile>,
) -> Result<Response, ApiError> {
    form(&state, &auth, &id, Form::Pdf, file.v).await
}

/// The key images of a delivered report as DICOM Key Object Selection (PS3.16 TID 2010); 404 when it shows none.
#[utoipa::path(get, path = "/api/v1/consults/{id}/report-kos.dcm", tag = "reports",
    params(("id" = String, Path), ReportFile),
    responses((status = 200, content_type = "application/dicom", body = Vec<u8>), (status = 404, body = Problem)))]
pub async fn report_as_key_objects(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(file): UrlQuery<ReportFile>,
) -> Result<Response, ApiError> {
    form(&state, &auth, &id, Form::Kos, file.v).await
}

/// A delivered report as FHIR R4 bundle: DiagnosticReport with the page, Provenance with the signatures, and what they refer
/// to.
#[utoipa::path(get, path = "/api/v1/consults/{id}/report.fhir.json", tag = "reports",
    params(("id" = String, Path), ReportFile),
    responses((status = 200, content_type = "application/fhir+json", body = Vec<u8>),
        (status = 404, body = Problem)))]
pub async fn report_as_fhir(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(file): UrlQuery<ReportFile>,
) -> Result<Response, ApiError> {
    form(&state, &auth, &id, Form::Fhir, file.v).await
}
