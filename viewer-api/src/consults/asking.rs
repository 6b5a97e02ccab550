//! Asking: drafts.

use super::known_slides::grade;
use super::{ConsultDetail, Detail, consult_id, detail, now};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::{Caller, ConsultKind, Urgency};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use consult::{NewConsult, SlideNote};
use model::{OrgId, SlideId, Uid};
use serde::Deserialize;
use utoipa::ToSchema;

/// What the requester writes.
#[derive(Deserialize, ToSchema)]
pub struct ConsultDraft {
    /// Who is asked.
    pub reading_organisation: String,
    /// `diagnosis` or `consultation`.
    #[schema(value_type = String)]
    pub kind: ConsultKind,
    /// `routine`, `urgent`, `emergency` or `frozen`.
    #[schema(value_type = String)]
    pub urgency: Urgency,
    /// The study.
    pub study: StudyReference,
    /// Study Instance UIDs of earlier studies of the same patient and owner that belong to the question.
    #[serde(default)]
    pub priors: Vec<String>,
    /// Series Instance UIDs of series of the study that are no part of the question; none when all of it is. A slide is left
    /// out by its series. What is not named is part of the question, also what arrives later.
    #[serde(default)]
    pub left_out_series: Vec<String>,
    /// The slide, when the question is about one of the study's.
    #[serde(default)]
    pub slide_id: Option<String>,
    /// The question.
    #[serde(default)]
    pub question: String,
    /// Clinical history.
    #[serde(default)]
    pub history: String,
    /// Whether the patient has consented.
    #[serde(default)]
    pub consent: bool,
    /// The version that is changed (only when an existing draft is).
    #[serde(default)]
    pub version: i64,
    /// A UUID that the sender has made for this draft (only when it is new). Sent again with the same one, because the answer was
    /// lost, no second draft is made: the answer is the first, as it is now.
    #[serde(default)]
    pub once: Option<String>,
}

/// A study by owner and UID.
#[derive(Deserialize, ToSchema)]
pub struct StudyReference {
    /// Owner organisation.
    pub org: String,
    /// Study Instance UID.
    pub study_instance_uid: String,
}

fn uids(texts: &[String], field: &str, why: &str) -> Result<Vec<Uid>, ApiError> {
    texts.iter().map(|uid| Uid::parse(uid).map_err(|_| ApiError::invalid(field, why))).collect()
}

async fn draft(state: &ApiState, caller: &Caller, body: ConsultDraft) -> Result<NewConsult, ApiError> {
    let left_out_series = uids(&body.left_out_series, "left_out_series", "choose series of the study")?;
    let study_org =
        OrgId::parse(&body.study.org).map_err(|_| ApiError::invalid("study", "choose a study"))?;
    let study_instance_uid = Uid::parse(&body.study.study_instance_uid)
        .map_err(|_| ApiError::invalid("study", "choose a study"))?;
    let slide = match body.slide_id {
        None => None,
        Some(id) => {
            let id =
                SlideId::parse(&id).map_err(|_| ApiError::invalid("slide_id", "there is no such slide"))?;
            let slide = state.0.slides.slide(caller.scope(), &id).await?;
            if left_out_series.contains(&slide.series) {
                return Err(ApiError::invalid("slide_id", "the slide is left out of the question"));
            }
            let series = Some(slide.series.clone());
            Some(SlideNote { id, grade: grade(&slide), name: String::new(), series })
        }
    };
    Ok(NewConsult {
        once: body.once,
        reading_organisation: OrgId::parse(&body.reading_organisation)
            .map_err(|_| ApiError::invalid("reading_organisation", "choose whom to ask"))?,
        kind: body.kind,
        urgency: body.urgency,
        study_org,
        study_instance_uid,
        priors: uids(&body.priors, "priors", "choose earlier studies")?,
        left_out_series,
        slide,
        question: body.question,
        history: body.history,
        consent: body.consent,
    })
}

/// Writes a new draft.
#[utoipa::path(post, path = "/api/v1/consults", tag = "consults", request_body = ConsultDraft,
    responses((status = 201, body = ConsultDetail), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn create_consult(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(body): JsonBody<ConsultDraft>,
) -> Result<(StatusCode, Json<ConsultDetail>), ApiError> {
    let draft = draft(&state, &auth.0, body).await?;
    let created = detail(state.0.consults.create(&auth.0, draft, now()).await)?;
    Ok((StatusCode::CREATED, created))
}

/// Rewrites a draft.
#[utoipa::path(put, path = "/api/v1/consults/{id}", tag = "consults", params(("id" = String, Path)),
    request_body = ConsultDraft,
    responses((status = 200, body = ConsultDetail), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn edit_consult(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<ConsultDraft>,
) -> Detail {
    let version = body.version;
    let draft = draft(&state, &auth.0, body).await?;
    detail(state.0.consults.edit(&auth.0, &consult_id(&id)?, version, draft, now()).await)
}
