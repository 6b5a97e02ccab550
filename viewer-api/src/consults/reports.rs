//! The report: saved while it is written, shown as it would be signed, signed.

use super::{ConsultDetail, Detail, consult_id, detail, now};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::key_images::{self, KeyImageChoice};
use crate::problem::{ApiError, Problem};
use crate::proof;
use crate::request::{UrlPath, UrlQuery};
use crate::state::ApiState;
use access::{Caller, Guess, Right, Secret};
use axum::Json;
use axum::extract::State;
use consult::template::filled::Values;
use consult::{ConsultView, KeyPlace, ReportDraft};
use model::{Sha256, Uid};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// A report to be saved.
#[derive(Deserialize, ToSchema)]
pub struct SaveReport {
    /// The version that the person saw.
    pub version: i64,
    /// What the reader has written.
    pub report: ReportText,
}

/// What the reader has written and chosen.
#[derive(Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub struct ReportText {
    /// 影像所见 / 镜下所见
    pub findings: String,
    /// 诊断意见
    pub diagnosis: String,
    /// 建议
    pub recommendation: String,
    /// Identifier of the template that was used.
    pub template: Option<String>,
    /// Its edition; without one there are neither values nor sections.
    pub template_version: Option<u32>,
    /// What was filled into its fields, by their keys: a decimal string, codes of choices, `yes` or `no`, a text.
    #[schema(value_type = Object)]
    pub values: Values,
    /// Texts of its sections beside the three of every report, by their keys.
    pub sections: BTreeMap<String, String>,
    /// Earlier reports that it is compared with: only `consult_id` is read, so they may be sent back as they came.
    pub compared: Vec<ComparedChoice>,
    /// As it came: it is not read.
    #[schema(value_type = Option<Object>)]
    pub structured: Option<IgnoredAny>,
    /// SOP Instance UIDs that were displayed.
    #[schema(value_type = Vec<String>)]
    pub displayed: Vec<Uid>,
    /// Bookmarks and frames that become key images, in this order. A key image of the answer may be sent back as it came.
    pub key_images: Vec<KeyImageChoice>,
}

/// An earlier report that a report is compared with.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ComparedChoice {
    /// Its consult.
    pub consult_id: String,
}

/// A signature to be made.
#[derive(Deserialize, ToSchema)]
pub struct SignRequest {
    /// The version that the person saw.
    pub version: i64,
    /// SHA-256 of the canonical report that was displayed.
    pub canonical_sha256: String,
    /// Unlocks the signing key for this one signature.
    pub passphrase: String,
}

/// The report as it would be signed now.
#[derive(Serialize, ToSchema)]
pub struct ReportPreview {
    /// SHA-256 of the canonical bytes.
    pub canonical_sha256: String,
    /// The canonical report.
    #[schema(value_type = Object)]
    pub canonical: serde_json::Value,
    /// What must be filled or put right first: sections by their keys, fields as `values.` and their key.
    pub missing: Vec<String>,
}

/// Saves what the reader has written so far.
#[utoipa::path(put, path = "/api/v1/consults/{id}/report", tag = "consults", params(("id" = String, Path)),
    request_body = SaveReport,
    responses((status = 200, body = ConsultDetail), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub async fn save_report(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<SaveReport>,
) -> Detail {
    let id = consult_id(&id)?;
    let text = body.report;
    let compared = text.compared.iter().map(|one| consult_id(&one.consult_id));
    let compared = compared
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| ApiError::invalid("compared", "没有这一既往报告 / there is no such earlier report"))?;
    let report = ReportDraft {
        compared: state.0.consults.compared(&auth.0, &id, &compared).await?,
        template_version: text.template_version,
        structured: None,
        values: text.values,
        sections: text.sections,
        key_images: key_images::chosen(&state, &auth.0, &id, &text.key_images).await?,
        findings: text.findings,
        diagnosis: text.diagnosis,
        recommendation: text.recommendation,
        template: text.template,
        displayed: text.displayed,
    };
    detail(state.0.consults.save_report(&auth.0, &id, body.version, report, now()).await)
}

/// Which key a report would be signed with.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PreviewQuery {
    /// `keystore`, `phone` or `own`; whichever the signer has without it.
    #[param(value_type = Option<String>)]
    key: Option<KeyPlace>,
}

/// The canonical report as it would be signed now.
#[utoipa::path(get, path = "/api/v1/consults/{id}/report/preview", tag = "reports",
    params(("id" = String, Path), PreviewQuery),
    responses((status = 200, body = ReportPreview), (status = 404, body = Problem)))]
pub async fn preview_report(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    UrlQuery(query): UrlQuery<PreviewQuery>,
) -> Result<Json<ReportPreview>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let preview = state.0.consults.preview_for(caller, &consult_id(&id)?, query.key).await?;
    Ok(Json(ReportPreview {
        canonical_sha256: preview.canonical_sha256.to_string(),
        canonical: preview.canonical,
        missing: preview.missing,
    }))
}

pub(super) fn hash(text: &str) -> Result<Sha256, ApiError> {
    Sha256::parse(text).map_err(|_| ApiError::invalid("canonical_sha256", "64 hexadecimal digits"))
}

/// Guessing passphrases is braked like guessing passwords.
async fn with_passphrase<F>(state: &ApiState, caller: &Caller, attempt: F) -> Detail
where
    F: Future<Output = Result<ConsultView, consult::ConsultError>>,
{
    let guess = Guess::at(&format!("passphrase/{}", caller.scope().actor.id), None);
    let _seat = state.password_seat().await?;
    proof::check(state, &guess, caller.as_person(), caller.scope().actor.address).await?;
    let result = attempt.await;
    match &result {
        Err(consult::ConsultError::WrongPassphrase) => state.0.brake().failed(&guess),
        Ok(_) => state.0.brake().succeeded(&guess),
        Err(_) => {}
    }
    detail(result)
}

/// The reader's signature over exactly what was displayed.
#[utoipa::path(post, path = "/api/v1/consults/{id}/sign", tag = "reports", params(("id" = String, Path)),
    request_body = SignRequest,
    responses((status = 200, body = ConsultDetail), (status = 403, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem)))]
pub async fn sign(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<SignRequest>,
) -> Detail {
    let (id, hash, secret) = (consult_id(&id)?, hash(&body.canonical_sha256)?, Secret::new(body.passphrase));
    let attempt = state.0.consults.sign(&auth.0, &id, body.version, &hash, secret, now());
    with_passphrase(&state, &auth.0, attempt).await
}

/// The reviewer's signature over the same bytes and the reader's signature.
#[utoipa::path(post, path = "/api/v1/consults/{id}/review", tag = "reports", params(("id" = String, Path)),
    request_body = SignRequest,
    responses((status = 200, body = ConsultDetail), (status = 403, body = Problem), (status = 412, body = Problem)))]
pub async fn review(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<SignRequest>,
) -> Detail {
    let (id, hash, secret) = (consult_id(&id)?, hash(&body.canonical_sha256)?, Secret::new(body.passphrase));
    let attempt = state.0.consults.review(&auth.0, &id, body.version, &hash, secret, now());
    with_passphrase(&state, &auth.0, attempt).await
}
