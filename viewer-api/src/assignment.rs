//! Assignment by rule: a reading centre's rules, trying them out, and who takes cases now.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::session::OrganisationName;
use crate::state::ApiState;
use access::{ConsultKind, Right, Subspecialty, Urgency};
use axum::Json;
use axum::extract::State;
use consult::assignment::{Duty, Facts, OnDuty, Outcome, Rule, Rules, Trial};
use model::{OrgId, PersonId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// A centre's rules, in order: the first that fits a case and finds somebody takes it.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct AssignmentRules {
    /// To be sent back with a change; 0 before the first.
    pub version: i64,
    /// Each: `name`, `modalities`, `body_parts` (defined terms of Body Part Examined such as `CHEST`, PS3.16 Annex L; codes of
    /// CID 4 are taken for the same), `words`, `kinds`, `urgencies`, `requesting`, `languages` (`zh`, `bo`, `ug`, `mn`, `en`),
    /// `subspecialties` (of whoever it goes to; as people have them) — an empty list asks nothing — `to` (`{"who": "people", "people": […]}`, `{"who": "anyone"}`, `{"who": "pool"}`) and `is_paused`.
    #[schema(value_type = Vec<Object>)]
    pub rules: Vec<Rule>,
}

/// A case to try rules out on.
#[derive(Deserialize, ToSchema)]
pub struct AssignmentCase {
    /// Modalities.
    #[serde(default)]
    pub modalities: Vec<String>,
    /// Body parts: defined terms, or codes.
    #[serde(default)]
    pub body_parts: Vec<String>,
    /// Study description.
    #[serde(default)]
    pub description: String,
    /// The question.
    #[serde(default)]
    pub question: String,
    /// `diagnosis` or `consultation`.
    #[schema(value_type = String)]
    pub kind: ConsultKind,
    /// `routine`, `urgent`, `emergency` or `frozen`.
    #[schema(value_type = String)]
    pub urgency: Urgency,
    /// Identifier of the hospital that asks.
    pub requesting: String,
    /// Rules that are being written; the kept ones without them.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>)]
    pub rules: Option<Vec<Rule>>,
}

/// What one rule says of a case.
#[derive(Serialize, ToSchema)]
pub struct AssignmentOutcome {
    /// The rule.
    pub rule: String,
    /// `takes`; otherwise why not: `paused`, `modality`, `body_part`, `words`, `kind`, `urgency`, `requesting`, `language`,
    /// `nobody` (on duty and licensed), `subspecialty` (nobody of those has it), or `later` (one before it has taken the case).
    #[schema(value_type = String)]
    pub outcome: Outcome,
}

/// What rules would do with a case.
#[derive(Serialize, ToSchema)]
pub struct AssignmentTrial {
    /// What each rule says, in order.
    pub outcomes: Vec<AssignmentOutcome>,
    /// The rule that takes it; null leaves it in the pool.
    pub rule: Option<String>,
    /// Whom it goes to; null is the pool.
    pub person: Option<DutyPerson>,
}

/// A person by name.
#[derive(Serialize, ToSchema)]
pub struct DutyPerson {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A reader, and whether rules give them cases now.
#[derive(Serialize, ToSchema)]
pub struct DutyRow {
    /// Identifier.
    pub id: String,
    /// Name.
    pub name: String,
    /// Professional title.
    pub title: String,
    /// Modalities of the licence.
    pub modalities: Vec<String>,
    /// What they know best within their field.
    #[schema(value_type = Vec<String>)]
    pub subspecialties: Vec<Subspecialty>,
    /// `on` or `off`.
    #[schema(value_type = String)]
    pub duty: Duty,
    /// Consults that this person has already.
    pub load: u64,
}

/// The readers of a centre.
#[derive(Serialize, ToSchema)]
pub struct DutyList {
    /// By name.
    pub people: Vec<DutyRow>,
    /// Hospitals that ask here, for rules that name them; for coordinators.
    pub requesting: Vec<OrganisationName>,
}

/// Whether rules give somebody cases.
#[derive(Deserialize, ToSchema)]
pub struct DutyChange {
    /// `on` or `off`.
    #[schema(value_type = String)]
    pub duty: Duty,
}

impl From<Rules> for AssignmentRules {
    fn from(Rules { version, rules }: Rules) -> Self {
        Self { version, rules }
    }
}

impl From<OnDuty> for DutyRow {
    fn from(one: OnDuty) -> Self {
        let OnDuty { person, title, modalities, subspecialties, duty, load } = one;
        Self { id: person.id.to_string(), name: person.name, title, modalities, subspecialties, duty, load }
    }
}

impl From<Trial> for AssignmentTrial {
    fn from(trial: Trial) -> Self {
        let outcome = |(rule, outcome)| AssignmentOutcome { rule, outcome };
        Self {
            outcomes: trial.outcomes.into_iter().map(outcome).collect(),
            rule: trial.rule,
            person: trial.person.map(|one| DutyPerson { id: one.id.to_string(), name: one.name }),
        }
    }
}

/// The rules of the caller's organisation (coordinator).
#[utoipa::path(get, path = "/api/v1/assignment/rules", tag = "assignment",
    responses((status = 200, body = AssignmentRules), (status = 403, body = Problem)))]
pub async fn get_assignment_rules(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<AssignmentRules>, ApiError> {
    let caller = auth.require(Right::Coordinate)?;
    Ok(Json(state.0.consults.assignment_rules(caller).await?.into()))
}

/// Writes the rules of the caller's organisation (coordinator) over the version that was read.
#[utoipa::path(put, path = "/api/v1/assignment/rules", tag = "assignment", request_body = AssignmentRules,
    responses((status = 200, body = AssignmentRules), (status = 403, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem)))]
pub async fn put_assignment_rules(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(body): JsonBody<AssignmentRules>,
) -> Result<Json<AssignmentRules>, ApiError> {
    let caller = auth.require(Right::Coordinate)?;
    Ok(Json(state.0.consults.put_assignment_rules(caller, body.version, body.rules).await?.into()))
}

/// Says which rule would take a case now, and whom it would go to (coordinator). Changes nothing.
#[utoipa::path(post, path = "/api/v1/assignment/try", tag = "assignment", request_body = AssignmentCase,
    responses((status = 200, body = AssignmentTrial), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn try_assignment(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(body): JsonBody<AssignmentCase>,
) -> Result<Json<AssignmentTrial>, ApiError> {
    let caller = auth.require(Right::Coordinate)?;
    let facts = Facts {
        modalities: body.modalities,
        body_parts: Vec::new(),
        description: body.description,
        question: body.question,
        kind: body.kind,
        urgency: body.urgency,
        requesting: OrgId::parse(&body.requesting)
            .map_err(|_| ApiError::invalid("requesting", "choose a hospital"))?,
    }
    .with_body_parts(body.body_parts);
    let now = OffsetDateTime::now_utc();
    Ok(Json(state.0.consults.try_assignment(caller, &facts, body.rules, now).await?.into()))
}

/// The readers of the caller's organisation (coordinator), or the caller alone, and whether rules give them cases now.
#[utoipa::path(get, path = "/api/v1/duty", tag = "assignment",
    responses((status = 200, body = DutyList), (status = 403, body = Problem)))]
pub async fn list_duties(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<DutyList>, ApiError> {
    let caller = &auth.0;
    let people = state.0.consults.duties(caller).await?;
    let mut requesting = Vec::new();
    if caller.may(Right::Coordinate) {
        for agreement in state.0.storage.agreements(caller.organisation()).await? {
            let is_known = |one: &OrganisationName| one.id == agreement.requesting.as_str();
            if agreement.reading != *caller.organisation() || requesting.iter().any(is_known) {
                continue;
            }
            let found = state.0.storage.organisation(&agreement.requesting).await?;
            requesting.push(OrganisationName { id: found.id.to_string(), name: found.name });
        }
    }
    Ok(Json(DutyList { people: people.into_iter().map(DutyRow::from).collect(), requesting }))
}

/// Says whether rules give a reader cases now: oneself, or the coordinator for anybody of the centre.
#[utoipa::path(put, path = "/api/v1/duty/{person}", tag = "assignment", params(("person" = String, Path)),
    request_body = DutyChange,
    responses((status = 200, body = DutyRow), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn set_duty(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(person): UrlPath<String>,
    JsonBody(body): JsonBody<DutyChange>,
) -> Result<Json<DutyRow>, ApiError> {
    let person = PersonId::parse(&person).map_err(|_| ApiError::NotFound)?;
    Ok(Json(state.0.consults.set_duty(&auth.0, &person, body.duty).await?.into()))
}
