//! Consults: asking, claiming, writing, signing. What is allowed is decided in `consult`.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::key_images;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::session::OrganisationName;
use crate::state::ApiState;
use access::{Caller, ConsultKind, Right, Secret, Urgency};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use consult::{Action, ConsultView, Counts, ListQuery, NewConsult, ReportDraft, SlideNote, Tab};
use model::{ConsultId, OrgId, Sha256, SlideId, Uid};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;
use utoipa::{IntoParams, ToSchema};

/// Which consults.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConsultFilter {
    /// `mine`, `pool`, `review`, `awaiting`, `critical`, `overdue` or `all` (default).
    #[serde(default)]
    #[param(value_type = String)]
    pub tab: Tab,
    /// Part of a number, name, id or question.
    #[serde(default)]
    pub q: String,
    /// Rows at most (default 50).
    pub limit: Option<u32>,
    /// Rows to skip.
    #[serde(default)]
    pub offset: u32,
}

/// A page of consults.
#[derive(Serialize, ToSchema)]
pub struct ConsultPage {
    /// The consults.
    pub consults: Vec<ConsultRow>,
    /// How many each tab holds.
    #[schema(value_type = Object)]
    pub counts: Counts,
    /// Whether more follow.
    pub more: bool,
}

/// A person by name.
#[derive(Serialize, ToSchema)]
pub struct PersonName {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
}

/// The study that a consult is about.
#[derive(Serialize, ToSchema)]
pub struct ConsultStudy {
    /// Owner organisation.
    pub org: String,
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// Study description.
    pub description: String,
    /// Modalities.
    pub modalities: Vec<String>,
    /// `YYYYMMDD`.
    pub study_date: String,
    /// Accession number.
    pub accession_number: String,
}

/// A consult in a list.
#[derive(Serialize, ToSchema)]
pub struct ConsultRow {
    /// Identifier.
    pub id: String,
    /// What people call it.
    pub number: String,
    /// `diagnosis` or `consultation`.
    #[schema(value_type = String)]
    pub kind: ConsultKind,
    /// `routine`, `urgent`, `emergency` or `frozen`.
    #[schema(value_type = String)]
    pub urgency: Urgency,
    /// `draft`, `submitted`, `accepted`, `reading`, `preliminary`, `final`, …
    #[schema(value_type = String)]
    pub state: consult::State,
    /// Who asks.
    pub requesting: OrganisationName,
    /// Who is asked.
    pub reading: OrganisationName,
    /// Patient's name.
    pub patient_name: String,
    /// Patient ID.
    pub patient_id: String,
    /// Patient's sex.
    pub patient_sex: String,
    /// Patient's age in words.
    pub patient_age: String,
    /// The study.
    pub study: ConsultStudy,
    /// The slide, when the question is about one.
    pub slide_id: Option<String>,
    /// The question.
    pub question: String,
    /// When it was written.
    #[serde(with = "rfc3339")]
    #[schema(value_type = String)]
    pub created_at: OffsetDateTime,
    /// When it was sent.
    #[serde(with = "rfc3339::option")]
    #[schema(value_type = Option<String>)]
    pub submitted_at: Option<OffsetDateTime>,
    /// When the report is due.
    #[serde(with = "rfc3339::option")]
    #[schema(value_type = Option<String>)]
    pub due_at: Option<OffsetDateTime>,
    /// Who reads.
    pub reader: Option<PersonName>,
    /// Who signs second.
    pub reviewer: Option<PersonName>,
    /// Who asked.
    pub created_by: PersonName,
    /// To be sent back with the next action.
    pub version: i64,
    /// What the caller may do now.
    #[schema(value_type = Vec<String>)]
    pub allowed: Vec<Action>,
}

/// A consult with everything the caller may see of it.
#[derive(Serialize, ToSchema)]
pub struct ConsultDetail {
    /// What a list shows.
    #[serde(flatten)]
    pub row: ConsultRow,
    /// Clinical history.
    pub history: String,
    /// Whether the patient has consented.
    pub consent: bool,
    /// What was submitted, frozen with its SHA-256.
    #[schema(value_type = Vec<Object>)]
    pub evidence: Vec<consult::Evidence>,
    /// What has happened: `state`, `at`, `by`, `note`.
    #[schema(value_type = Vec<Object>)]
    pub timeline: Vec<consult::TimelineEntry>,
    /// The report as last saved.
    #[schema(value_type = Option<Object>)]
    pub report: Option<ReportDraft>,
    /// Signed versions.
    #[schema(value_type = Vec<Object>)]
    pub versions: Vec<consult::ReportVersion>,
}

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
}

/// A study by owner and UID.
#[derive(Deserialize, ToSchema)]
pub struct StudyReference {
    /// Owner organisation.
    pub org: String,
    /// Study Instance UID.
    pub study_instance_uid: String,
}

/// An action on a version.
#[derive(Deserialize, ToSchema)]
pub struct OnVersion {
    /// The version that the person saw.
    pub version: i64,
    /// Why; required for rejecting and returning.
    #[serde(default)]
    pub reason: String,
}

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
    /// Identifier of the text template that was used.
    pub template: Option<String>,
    /// SOP Instance UIDs that were displayed.
    #[schema(value_type = Vec<String>)]
    pub displayed: Vec<Uid>,
    /// Bookmarks that become key images, in this order. A key image of the answer may be sent back as it came: only
    /// `slide` and `bookmark` are read.
    pub key_images: Vec<KeyImageChoice>,
}

/// A bookmark that becomes a key image.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct KeyImageChoice {
    /// Slide id.
    pub slide: String,
    /// Bookmark id.
    pub bookmark: String,
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
    /// Fields that must be filled first.
    pub missing: Vec<&'static str>,
}

fn named<Id: ToString>(named: &consult::Named<Id>) -> PersonName {
    PersonName { id: named.id.to_string(), name: named.name.clone() }
}

fn organisation(named: &consult::Named<OrgId>) -> OrganisationName {
    OrganisationName { id: named.id.to_string(), name: named.name.clone() }
}

impl From<&ConsultView> for ConsultRow {
    fn from(view: &ConsultView) -> Self {
        let c = &view.consult;
        Self {
            id: c.id.to_string(),
            number: c.number.clone(),
            kind: c.kind,
            urgency: c.urgency,
            state: c.state,
            requesting: organisation(&c.requesting),
            reading: organisation(&c.reading),
            patient_name: c.patient.name.clone(),
            patient_id: c.patient.id.clone(),
            patient_sex: c.patient.sex.clone(),
            patient_age: c.patient.age.clone(),
            study: ConsultStudy {
                org: c.study.org.to_string(),
                study_instance_uid: c.study.study_instance_uid.to_string(),
                description: c.study.description.clone(),
                modalities: c.study.modalities.clone(),
                study_date: c.study.study_date.clone(),
                accession_number: c.study.accession_number.clone(),
            },
            slide_id: c.slide.as_ref().map(|slide| slide.id.to_string()),
            question: c.question.clone(),
            created_at: c.created_at,
            submitted_at: c.submitted_at,
            due_at: c.due_at,
            reader: c.reader.as_ref().map(named),
            reviewer: c.reviewer.as_ref().map(named),
            created_by: named(&c.created_by),
            version: view.version,
            allowed: view.allowed.clone(),
        }
    }
}

impl From<ConsultView> for ConsultDetail {
    fn from(view: ConsultView) -> Self {
        let row = ConsultRow::from(&view);
        let c = view.consult;
        Self {
            row,
            history: c.history,
            consent: c.consent,
            evidence: c.evidence,
            timeline: c.timeline,
            report: c.report,
            versions: c.versions,
        }
    }
}

type Detail = Result<Json<ConsultDetail>, ApiError>;

fn detail(result: Result<ConsultView, consult::ConsultError>) -> Detail {
    Ok(Json(result?.into()))
}

fn consult_id(text: &str) -> Result<ConsultId, ApiError> {
    ConsultId::parse(text).map_err(|_| ApiError::NotFound)
}

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Lists the consults of a tab, the most urgent first.
#[utoipa::path(get, path = "/api/v1/consults", tag = "consults", params(ConsultFilter),
    responses((status = 200, body = ConsultPage), (status = 403, body = Problem)))]
pub async fn list_consults(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(filter): UrlQuery<ConsultFilter>,
) -> Result<Json<ConsultPage>, ApiError> {
    auth.require(Right::Search)?;
    let limit = filter.limit.unwrap_or(50).clamp(1, 200);
    let query = ListQuery { tab: filter.tab, text: filter.q, limit, offset: filter.offset };
    let listing = state.0.consults.list(&auth.0, &query, now()).await?;
    Ok(Json(ConsultPage {
        consults: listing.consults.iter().map(ConsultRow::from).collect(),
        counts: listing.counts,
        more: listing.more,
    }))
}

/// What a report says of a slide that came as DICOM, where others have their grade.
const AS_RECEIVED: &str = "按接收原样（DICOM）";

async fn draft(state: &ApiState, caller: &Caller, body: ConsultDraft) -> Result<NewConsult, ApiError> {
    let slide = match body.slide_id {
        None => None,
        Some(id) => {
            let id =
                SlideId::parse(&id).map_err(|_| ApiError::invalid("slide_id", "there is no such slide"))?;
            let slide = state.0.slides.slide(caller.scope(), &id).await?;
            // The words that are printed and signed: a grade is what was compared.
            let grade =
                if slide.is_as_received() { AS_RECEIVED.to_owned() } else { slide.grade.grade.to_string() };
            Some(SlideNote { id, grade })
        }
    };
    Ok(NewConsult {
        reading_organisation: OrgId::parse(&body.reading_organisation)
            .map_err(|_| ApiError::invalid("reading_organisation", "choose whom to ask"))?,
        kind: body.kind,
        urgency: body.urgency,
        study_org: OrgId::parse(&body.study.org).map_err(|_| ApiError::invalid("study", "choose a study"))?,
        study_instance_uid: Uid::parse(&body.study.study_instance_uid)
            .map_err(|_| ApiError::invalid("study", "choose a study"))?,
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

/// One consult.
#[utoipa::path(get, path = "/api/v1/consults/{id}", tag = "consults", params(("id" = String, Path)),
    responses((status = 200, body = ConsultDetail), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn get_consult(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Detail {
    let caller = auth.require(Right::Search)?;
    detail(state.0.consults.get(caller, &consult_id(&id)?).await)
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
    /// Sends the question: freezes the evidence and lets the reading centre see the study.
    submit, "/api/v1/consults/{id}/submit", submit
);
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
    let report = ReportDraft {
        key_images: key_images::chosen(&state, &auth.0, &id, &text.key_images).await?,
        findings: text.findings,
        diagnosis: text.diagnosis,
        recommendation: text.recommendation,
        template: text.template,
        displayed: text.displayed,
    };
    detail(state.0.consults.save_report(&auth.0, &id, body.version, report, now()).await)
}

/// The canonical report as it would be signed now.
#[utoipa::path(get, path = "/api/v1/consults/{id}/report/preview", tag = "reports", params(("id" = String, Path)),
    responses((status = 200, body = ReportPreview), (status = 404, body = Problem)))]
pub async fn preview_report(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<ReportPreview>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let preview = state.0.consults.preview(caller, &consult_id(&id)?).await?;
    Ok(Json(ReportPreview {
        canonical_sha256: preview.canonical_sha256.to_string(),
        canonical: preview.canonical,
        missing: preview.missing,
    }))
}

fn hash(text: &str) -> Result<Sha256, ApiError> {
    Sha256::parse(text).map_err(|_| ApiError::invalid("canonical_sha256", "64 hexadecimal digits"))
}

/// Guessing passphrases is braked like guessing passwords.
async fn with_passphrase<F>(state: &ApiState, caller: &Caller, attempt: F) -> Detail
where
    F: Future<Output = Result<ConsultView, consult::ConsultError>>,
{
    let keys = [format!("passphrase/{}", caller.scope().actor.id)];
    let _seat = state.password_seat().await?;
    state.0.attempts.check(&keys)?;
    let result = attempt.await;
    match &result {
        Err(consult::ConsultError::WrongPassphrase) => state.0.attempts.failed(&keys),
        Ok(_) => state.0.attempts.succeeded(&keys[0]),
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
