//! Steps of a consult, one address each.

use super::{ConsultDetail, Detail, consult_id, detail, now};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use consult::{AmendmentKind, AmendmentNote};
use model::PersonId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// An action on a version.
#[derive(Deserialize, ToSchema)]
pub struct OnVersion {
    /// The version that the person saw.
    pub version: i64,
    /// Why, or what is said; required where the step needs it.
    #[serde(default)]
    pub reason: String,
}

/// A handler for a step that needs nothing but the version; `$call` is the service's function of the same name.
macro_rules! step {
    ($(#[$doc:meta])* $name:ident, $path:literal, $call:ident) => {
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "consults", params(("id" = String, Path)), request_body = OnVersion,
            responses((status = 200, body = ConsultDetail), (status = 403, body = Problem),
                (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
        pub async fn $name(
            State(state): State<ApiState>,
            auth: Authenticated,
            UrlPath(id): UrlPath<String>,
            JsonBody(body): JsonBody<OnVersion>,
        ) -> Detail {
            detail(state.0.consults.$call(&auth.0, &consult_id(&id)?, body.version, now()).await)
        }
    };
    ($(#[$doc:meta])* $name:ident, $path:literal, $call:ident, reason) => {
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "consults", params(("id" = String, Path)), request_body = OnVersion,
            responses((status = 200, body = ConsultDetail), (status = 403, body = Problem),
                (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
        pub async fn $name(
            State(state): State<ApiState>,
            auth: Authenticated,
            UrlPath(id): UrlPath<String>,
            JsonBody(body): JsonBody<OnVersion>,
        ) -> Detail {
            detail(state.0.consults.$call(&auth.0, &consult_id(&id)?, body.version, &body.reason, now()).await)
        }
    };
}

step!(
    /// Puts a request into the pool (coordinator).
    accept, "/api/v1/consults/{id}/accept", accept
);
step!(
    /// Refuses a request, with a reason (coordinator).
    reject, "/api/v1/consults/{id}/reject", reject, reason
);
step!(
    /// Takes a request from the pool. Of two at once one wins, the other is told who has it.
    claim, "/api/v1/consults/{id}/claim", claim
);
step!(
    /// Gives a request back to the pool.
    release, "/api/v1/consults/{id}/release", release
);
step!(
    /// No longer asks (requester).
    cancel, "/api/v1/consults/{id}/cancel", cancel, reason
);
step!(
    /// Takes note of the report (requester).
    acknowledge, "/api/v1/consults/{id}/acknowledge", acknowledge
);
step!(
    /// Gives the report back to its reader, with a reason (reviewer).
    return_report, "/api/v1/consults/{id}/return", return_to_reader, reason
);
step!(
    /// Makes the reviewer the reader of a preliminary report, to change its text: the signature on it no longer counts, and
    /// somebody else reviews it (reviewer who may read the study).
    take_over, "/api/v1/consults/{id}/take-over", take_over, reason
);
step!(
    /// Asks the requester for more, saying what (coordinator, or the reader who has it): the clock stops.
    request_data, "/api/v1/consults/{id}/request-data", request_data, reason
);
step!(
    /// Goes on after waiting for data; the reason may say what was sent.
    resume, "/api/v1/consults/{id}/resume", resume, reason
);
step!(
    /// Refuses to read what was assigned or claimed, with a reason: back to the pool.
    decline, "/api/v1/consults/{id}/decline", decline, reason
);
step!(
    /// Leaves a delivered report as it was.
    abandon, "/api/v1/consults/{id}/abandon", abandon
);
step!(
    /// Asks about the report (requester): the reason is the question.
    ask_back, "/api/v1/consults/{id}/ask-back", ask_back, reason
);
step!(
    /// Answers the oldest open question about the report: the reason is the answer.
    answer, "/api/v1/consults/{id}/answer", answer, reason
);
step!(
    /// The inviting physician's own decision, which closes a consultation: the reason is the decision.
    record_decision, "/api/v1/consults/{id}/record-decision", record_decision, reason
);

step!(
    /// Takes images into evidence that arrived after the question was sent (the reader who has it).
    accept_images, "/api/v1/consults/{id}/accept-images", accept_images
);

/// Images of one series that arrived after the question was sent.
#[derive(Serialize, ToSchema)]
pub struct LateSeriesRow {
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// Series Instance UID.
    pub series_instance_uid: String,
    /// How many instances.
    pub instances: u64,
}

/// Images that are not in evidence.
#[derive(Serialize, ToSchema)]
pub struct LateImages {
    /// By series.
    pub series: Vec<LateSeriesRow>,
}

/// Images that arrived for the study after the question was sent, and are not in evidence yet.
#[utoipa::path(get, path = "/api/v1/consults/{id}/late-images", tag = "consults", params(("id" = String, Path)),
    responses((status = 200, body = LateImages), (status = 404, body = Problem)))]
pub async fn list_late_images(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<LateImages>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let found = state.0.consults.late_images(caller, &consult_id(&id)?).await?;
    let row = |late: consult::late_images::LateSeries| LateSeriesRow {
        study_instance_uid: late.study.to_string(),
        series_instance_uid: late.series.to_string(),
        instances: late.instances,
    };
    Ok(Json(LateImages { series: found.into_iter().map(row).collect() }))
}

step!(
    /// Answers the oldest discrepancy of a quality review (the report's reader): the reason is the answer.
    respond, "/api/v1/consults/{id}/respond", respond, reason
);

/// To whom a consult goes.
#[derive(Deserialize, ToSchema)]
pub struct Assignment {
    /// The version that the person saw.
    pub version: i64,
    /// Identifier of the reader.
    pub person: String,
    /// Why, if there is something to say.
    #[serde(default)]
    pub reason: String,
}

/// Gives a consult to one reader (coordinator), or hands it over (the reader who has it).
#[utoipa::path(post, path = "/api/v1/consults/{id}/assign", tag = "consults", params(("id" = String, Path)),
    request_body = Assignment,
    responses((status = 200, body = ConsultDetail), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn assign(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<Assignment>,
) -> Detail {
    let id = consult_id(&id)?;
    let to = PersonId::parse(&body.person).map_err(|_| ApiError::invalid("person", "choose a reader"))?;
    detail(state.0.consults.assign(&auth.0, &id, body.version, &to, &body.reason, now()).await)
}

/// Somebody who could read a consult.
#[derive(Serialize, ToSchema)]
pub struct CandidateRow {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// Professional title.
    pub title: String,
    /// Consults that this person has already.
    pub load: u64,
}

/// Who could read a consult.
#[derive(Serialize, ToSchema)]
pub struct Candidates {
    /// The least loaded first.
    pub candidates: Vec<CandidateRow>,
}

/// Who could read a consult; for whoever may assign it now.
#[utoipa::path(get, path = "/api/v1/consults/{id}/candidates", tag = "consults", params(("id" = String, Path)),
    responses((status = 200, body = Candidates), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn list_candidates(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<Candidates>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let found = state.0.consults.candidates(caller, &consult_id(&id)?, now()).await?;
    let row = |candidate: consult::Candidate| CandidateRow {
        id: candidate.person.id.to_string(),
        name: candidate.person.name,
        title: candidate.title,
        load: candidate.load,
    };
    Ok(Json(Candidates { candidates: found.into_iter().map(row).collect() }))
}

/// Until when a consult is its reader's.
#[derive(Serialize, ToSchema)]
pub struct LeaseUntil {
    /// Then it goes back to the pool, unless it is renewed.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String)]
    pub until: OffsetDateTime,
}

/// Holds a consult for longer: the page is open. Changes no version.
#[utoipa::path(post, path = "/api/v1/consults/{id}/lease", tag = "consults", params(("id" = String, Path)),
    responses((status = 200, body = LeaseUntil), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn renew_lease(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<LeaseUntil>, ApiError> {
    let lease = state.0.consults.renew_lease(&auth.0, &consult_id(&id)?, now()).await?;
    Ok(Json(LeaseUntil { until: lease.until }))
}

/// Why a delivered report is opened.
#[derive(Deserialize, ToSchema)]
pub struct AmendRequest {
    /// The version that the person saw.
    pub version: i64,
    /// `addendum` or `correction`.
    #[schema(value_type = String)]
    pub kind: AmendmentKind,
    /// Why; printed in the new version.
    pub reason: String,
}

/// Opens a delivered report for an addendum or a correction; the delivered version stays what the requester sees.
#[utoipa::path(post, path = "/api/v1/consults/{id}/amend", tag = "consults", params(("id" = String, Path)),
    request_body = AmendRequest,
    responses((status = 200, body = ConsultDetail), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn amend(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(body): JsonBody<AmendRequest>,
) -> Detail {
    let note = AmendmentNote { kind: body.kind, reason: body.reason };
    detail(state.0.consults.amend(&auth.0, &consult_id(&id)?, body.version, note, now()).await)
}
