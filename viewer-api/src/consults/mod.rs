//! Consults: lists and single ones. Asking is in [`asking`] and [`arriving`], steps in [`steps`], the report and its signatures in
//! [`reports`]. What is allowed is decided in `consult`.

pub mod arriving;
pub mod asking;
pub mod attachments;
pub mod known_slides;
pub mod opinions;
pub mod own_key;
pub mod phone;
pub mod priors;
pub mod quality;
pub mod reports;
pub mod second;
pub mod steps;

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::session::OrganisationName;
use crate::state::ApiState;
use access::{ConsultKind, Right, Urgency};
use axum::Json;
use axum::extract::State;
use consult::{Action, ConsultView, Counts, ListQuery, ReportDraft, Tab};
use model::{ConsultId, OrgId, Uid};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;
use utoipa::{IntoParams, ToSchema};

/// Which consults.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConsultFilter {
    /// `mine`, `answered`, `pool`, `review`, `awaiting`, `critical`, `overdue` or `all` (default).
    #[serde(default)]
    #[param(value_type = String)]
    pub tab: Tab,
    /// Part of a number, name (in Chinese, pinyin or initials), id, question, or day of the study.
    #[serde(default)]
    pub q: String,
    /// Only studies with this modality.
    pub modality: Option<String>,
    /// Only `routine`, `urgent`, `emergency` or `frozen`.
    #[param(value_type = Option<String>)]
    pub urgency: Option<Urgency>,
    /// `next` of the page before.
    pub cursor: Option<String>,
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
    /// Whether more may follow.
    pub more: bool,
    /// What to ask the next page with. A search that looked at many rows may have a next page though this one is short.
    pub next: Option<String>,
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
    /// How long it has waited for data, in milliseconds; not part of the agreed time.
    pub waited_ms: i64,
    /// What is wanted from the requester, while data are awaited.
    pub wanted: Option<String>,
    /// Whether a question about the report waits for an answer.
    pub has_open_question: bool,
    /// Whether a discrepancy of a quality review waits for its reader; always false for the requesting organisation.
    pub has_open_discrepancy: bool,
    /// Critical findings that nobody has acknowledged yet.
    pub open_criticals: u32,
    /// Experts who were asked for an opinion and have not answered; 0 for the requesting organisation.
    pub open_opinions: usize,
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
    /// Earlier studies of the patient that belong to the question.
    pub priors: Vec<ConsultStudy>,
    /// Series of the study that whoever asked has left out of the question.
    #[schema(value_type = Vec<String>)]
    pub left_out_series: Vec<Uid>,
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
    /// Times of waiting for data: `wanted`, `by`, `since`, `until`, `answer`.
    #[schema(value_type = Vec<Object>)]
    pub waits: Vec<consult::waiting::Waiting>,
    /// Why the delivered report is open, while it is: `kind` (`addendum` or `correction`) and `reason`.
    #[schema(value_type = Option<Object>)]
    pub amendment: Option<consult::AmendmentNote>,
    /// Questions about the report with their answers: each `by`, `at`, `text`.
    #[schema(value_type = Vec<Object>)]
    pub questions: Vec<consult::follow_up::Question>,
    /// What the requester has attached: `name`, `media_type`, `bytes`, `sha256`, `by`, `at`.
    #[schema(value_type = Vec<Object>)]
    pub attachments: Vec<consult::attachment::Attachment>,
    /// Quality reviews, at the reading organisation only: `grade`, `comment`, `by`, `at`, `report_version`, `response`.
    #[schema(value_type = Vec<Object>)]
    pub quality: Vec<consult::quality::QualityReview>,
    /// How the evidence has grown since it was sent: `version`, `by`, `at`, `added`.
    #[schema(value_type = Vec<Object>)]
    pub evidence_updates: Vec<consult::late_images::EvidenceUpdate>,
    /// The report that this is a second opinion on.
    pub second_of: Option<second::FirstOfSecond>,
    /// The inviting physician's own decision: `by`, `at`, `text`.
    #[schema(value_type = Option<Object>)]
    pub decision: Option<consult::follow_up::Decision>,
    /// Decisions that were recorded before it, oldest first.
    #[schema(value_type = Vec<Object>)]
    pub earlier_decisions: Vec<consult::follow_up::Decision>,
}

fn named<Id: ToString>(named: &consult::Named<Id>) -> PersonName {
    PersonName { id: named.id.to_string(), name: named.name.clone() }
}

fn organisation(named: &consult::Named<OrgId>) -> OrganisationName {
    OrganisationName { id: named.id.to_string(), name: named.name.clone() }
}

fn study(study: &consult::StudyBlock) -> ConsultStudy {
    ConsultStudy {
        org: study.org.to_string(),
        study_instance_uid: study.study_instance_uid.to_string(),
        description: study.description.clone(),
        modalities: study.modalities.clone(),
        study_date: study.study_date.clone(),
        accession_number: study.accession_number.clone(),
    }
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
            study: study(&c.study),
            slide_id: c.slide.as_ref().map(|slide| slide.id.to_string()),
            question: c.question.clone(),
            created_at: c.created_at,
            submitted_at: c.submitted_at,
            due_at: c.due_at,
            reader: c.reader.as_ref().map(named),
            reviewer: c.reviewer.as_ref().map(named),
            created_by: named(&c.created_by),
            waited_ms: c.waited_ms(now()),
            wanted: c.waits.last().filter(|wait| wait.until.is_none()).map(|wait| wait.wanted.clone()),
            has_open_question: c.questions.iter().any(|question| question.answer.is_none()),
            has_open_discrepancy: c.has_open_discrepancy(),
            open_criticals: c.open_criticals,
            open_opinions: c.open_opinions.len(),
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
            priors: c.priors.iter().map(study).collect(),
            left_out_series: c.left_out_series,
            evidence: c.evidence,
            timeline: c.timeline,
            report: c.report,
            versions: c.versions,
            waits: c.waits,
            amendment: c.amendment.map(|amendment| amendment.note),
            questions: c.questions,
            attachments: c.attachments,
            quality: c.quality,
            evidence_updates: c.evidence_updates,
            second_of: c.second_of.map(second::FirstOfSecond::from),
            decision: c.decision,
            earlier_decisions: c.earlier_decisions,
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
    let query = ListQuery {
        tab: filter.tab,
        text: filter.q,
        modality: filter.modality,
        urgency: filter.urgency,
        cursor: filter.cursor,
        limit,
        offset: filter.offset,
    };
    let listing = state.0.consults.list(&auth.0, &query, now()).await?;
    Ok(Json(ConsultPage {
        consults: listing.consults.iter().map(ConsultRow::from).collect(),
        counts: listing.counts,
        more: listing.more,
        next: listing.next,
    }))
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
