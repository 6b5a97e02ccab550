//! Second opinions on delivered reports.

use super::{ConsultDetail, ConsultRow, Detail, consult_id, detail, now};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::{Right, Urgency};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use consult::second::{Agreement, Comparison, FirstReport, NewSecond, Second};
use model::OrgId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a second opinion is asked for with.
#[derive(Deserialize, ToSchema)]
pub struct SecondOpinionRequest {
    /// The version that the person saw.
    pub version: i64,
    /// Who is asked; quality control asks its own centre.
    pub reading_organisation: String,
    /// `routine`, `urgent`, `emergency` or `frozen`.
    #[schema(value_type = String)]
    pub urgency: Urgency,
    /// The question; empty: the same as before.
    #[serde(default)]
    pub question: String,
    /// `shown`: the first report goes along; `hidden`: the second reader does not see it before their own is delivered.
    #[schema(value_type = String)]
    pub first: FirstReport,
    /// A UUID that the sender has made for this question. Sent again with the same one, because the answer was lost, it is not
    /// asked again: the answer is the first, as it is now.
    #[serde(default)]
    pub once: Option<String>,
}

/// How far a second opinion agrees with the first report.
#[derive(Deserialize, ToSchema)]
pub struct CompareRequest {
    /// The version that the person saw.
    pub version: i64,
    /// `agrees`, `minor` (without consequence for the patient) or `major`.
    #[schema(value_type = String)]
    pub agreement: Agreement,
    /// What differs; required unless they agree.
    #[serde(default)]
    pub comment: String,
}

/// A second opinion on a report.
#[derive(Serialize, ToSchema)]
pub struct SecondRow {
    /// What a list shows.
    #[serde(flatten)]
    pub row: ConsultRow,
    /// What it says, once the caller may read it.
    pub diagnosis: Option<String>,
    /// How far it agrees with the first: `agreement`, `comment`, `by`, `at`.
    #[schema(value_type = Option<Object>)]
    pub comparison: Option<Comparison>,
}

/// Second opinions on a report.
#[derive(Serialize, ToSchema)]
pub struct SecondList {
    /// Oldest first.
    pub consults: Vec<SecondRow>,
}

/// The first report, as the page of a second opinion names it.
#[derive(Serialize, ToSchema)]
pub struct FirstOfSecond {
    /// Identifier of the first consult.
    pub consult: String,
    /// What people call it.
    pub number: String,
    /// `shown` or `hidden`.
    #[schema(value_type = String)]
    pub first: FirstReport,
    /// How far the two agree; for whoever asked, and the centre that read the first.
    #[schema(value_type = Option<Object>)]
    pub comparison: Option<Comparison>,
}

impl From<consult::second::SecondOf> for FirstOfSecond {
    fn from(of: consult::second::SecondOf) -> Self {
        let consult::second::SecondOf { consult, number, first, comparison, .. } = of;
        Self { consult: consult.to_string(), number, first, comparison }
    }
}

/// Asks for a second opinion on a delivered report and sends it: the requester of any centre with an agreement, quality control
/// within its own centre. Answers the new consult.
#[utoipa::path(post, path = "/api/v1/consults/{id}/second-opinions", tag = "consults", params(("id" = String, Path)),
    request_body = SecondOpinionRequest,
    responses((status = 201, body = ConsultDetail), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn ask_second_opinion(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<SecondOpinionRequest>,
) -> Result<(StatusCode, Json<ConsultDetail>), ApiError> {
    let id = consult_id(&id)?;
    let new = NewSecond {
        once: body.once,
        reading: OrgId::parse(&body.reading_organisation)
            .map_err(|_| ApiError::invalid("reading_organisation", "choose whom to ask"))?,
        urgency: body.urgency,
        question: body.question,
        first: body.first,
    };
    let asked = state.0.consults.ask_second_opinion(&auth.0, &id, body.version, new, now()).await;
    Ok((StatusCode::CREATED, detail(asked)?))
}

/// Second opinions on a report that the caller may see.
#[utoipa::path(get, path = "/api/v1/consults/{id}/second-opinions", tag = "consults", params(("id" = String, Path)),
    responses((status = 200, body = SecondList), (status = 404, body = Problem)))]
pub async fn list_second_opinions(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<SecondList>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let found = state.0.consults.second_opinions(caller, &consult_id(&id)?).await?;
    let row = |second: Second| {
        let Second { view, comparison } = second;
        let released = view.consult.report.as_ref().filter(|_| view.consult.is_released());
        let diagnosis = released.map(|report| report.diagnosis.clone());
        SecondRow { row: ConsultRow::from(&view), diagnosis, comparison }
    };
    Ok(Json(SecondList { consults: found.into_iter().map(row).collect() }))
}

/// Says how far a delivered second opinion agrees with the first report (whoever asked for it).
#[utoipa::path(post, path = "/api/v1/consults/{id}/compare", tag = "consults", params(("id" = String, Path)),
    request_body = CompareRequest,
    responses((status = 200, body = ConsultDetail), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn compare(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<CompareRequest>,
) -> Detail {
    let id = consult_id(&id)?;
    detail(state.0.consults.compare(&auth.0, &id, body.version, body.agreement, &body.comment, now()).await)
}
