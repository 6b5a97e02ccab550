//! Sending a question, once what it is about has arrived; and how far that is.

use super::steps::OnVersion;
use super::{ConsultDetail, Detail, consult_id, detail, now};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use crate::studies::{study_row, text};
use access::{Caller, Right};
use axum::Json;
use axum::extract::State;
use consult::Action;
use dataset::tags;
use model::time_text::unix_ms;
use model::{OrgId, Uid};
use serde::Serialize;
use utoipa::ToSchema;
use wsi::intake::{IntakeError, OfStudy};

/// Why a question is not sent yet.
const UPLOADS_RUN: &str = "这一检查还有文件正在上传或导入，请等其完成后再发送，或先取消该上传 / files of this study are being uploaded or brought in: send the question when they are done, or cancel the upload";

/// How far a study has arrived.
#[derive(Serialize, ToSchema)]
pub struct StudyArriving {
    /// Whether more of it is arriving, or may be: a question about it is not sent now.
    pub is_arriving: bool,
    /// Milliseconds to wait at least, where images have come a moment ago.
    pub quiet_in_ms: Option<u64>,
    /// Uploads of it that run, by whoever.
    pub uploads: usize,
}

/// Uploads of a study of the caller's organisation that run now.
async fn uploads_of(
    state: &ApiState,
    caller: &Caller,
    owner: &OrgId,
    study: &Uid,
) -> Result<usize, ApiError> {
    let row = study_row(state, caller.scope(), owner, study).await?;
    let attributes = row.attributes.tree();
    let of = OfStudy {
        study,
        patient_id: &text(&attributes, tags::PATIENT_ID),
        accession_number: &text(&attributes, tags::ACCESSION_NUMBER),
    };
    state.0.intake.running_of(owner, of, unix_ms(now())).await.map_err(|error| match error {
        IntakeError::Storage(error) => error.into(),
        // Nothing else goes wrong where nothing is written; and a question must not be sent because of it.
        other => {
            tracing::error!(error = %other, "running uploads could not be counted");
            ApiError::Internal
        }
    })
}

/// Whether a study of the caller's organisation is still arriving.
#[utoipa::path(get, path = "/api/v1/studies/{org}/{study}/arriving", tag = "studies",
    params(("org" = String, Path, description = "Owner organisation"),
           ("study" = String, Path, description = "Study Instance UID")),
    responses((status = 200, body = StudyArriving), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn study_arriving(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((org, study)): UrlPath<(String, String)>,
) -> Result<Json<StudyArriving>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let owner = OrgId::parse(&org).ok().filter(|owner| owner == caller.organisation());
    let owner = owner.ok_or(ApiError::NotFound)?;
    let study = Uid::parse(&study).map_err(|_| ApiError::NotFound)?;
    let uploads = uploads_of(&state, caller, &owner, &study).await?;
    let quiet_in = state.0.consults.arriving(&owner, &study, now()).await?;
    Ok(Json(StudyArriving {
        is_arriving: uploads > 0 || quiet_in.is_some(),
        quiet_in_ms: quiet_in.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        uploads,
    }))
}

/// Sends the question: freezes the evidence and lets the reading centre see the study. 422 `study` while it is still
/// arriving.
#[utoipa::path(post, path = "/api/v1/consults/{id}/submit", tag = "consults", params(("id" = String, Path)),
    request_body = OnVersion,
    responses((status = 200, body = ConsultDetail), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn submit(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<OnVersion>,
) -> Detail {
    let (caller, id) = (&auth.0, consult_id(&id)?);
    let seen = state.0.consults.get(caller, &id).await?;
    if seen.allowed.contains(&Action::Submit) {
        for (n, study) in seen.consult.studies().enumerate() {
            match uploads_of(&state, caller, &study.org, &study.study_instance_uid).await {
                // That it is gone is said where the rest of the question is checked.
                Ok(0) | Err(ApiError::NotFound) => {}
                Ok(_) => {
                    return Err(ApiError::invalid(if n == 0 { "study" } else { "priors" }, UPLOADS_RUN));
                }
                Err(error) => return Err(error),
            }
        }
    }
    detail(state.0.consults.submit(caller, &id, body.version, now()).await)
}
