//! What the node owes other nodes: the queue, and the rules that fill it.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::time_text::{from_unix_ms, rfc3339};
use pacs::forward::{BadRule, ForwardRule, RuleState};
use serde::{Deserialize, Serialize};
use storage::{AuditAction, AuditEntry, AuditOutcome, Job, JobState, Which};
use utoipa::{IntoParams, ToSchema};

/// Who looks after the queue; rules and what is thrown away are the administrator's.
const WATCHERS: [Right; 2] = [Right::Administer, Right::Coordinate];

/// A rule: every condition that it names must hold.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Sent by one of these AE titles; any when empty.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Of one of these modalities; any when empty.
    #[serde(default)]
    pub modalities: Vec<String>,
    /// Study or series description: `*` any run, `?` one character, in any case; any when empty.
    #[serde(default)]
    pub description: String,
    /// To this AE title of the same organisation, which has a contact.
    pub destination: String,
    /// `active` (the default) or `paused`.
    #[serde(default)]
    #[schema(value_type = String)]
    pub state: RuleState,
}

/// A rule with its name.
#[derive(Serialize, ToSchema)]
pub struct NamedRule {
    /// Its name: `a-z 0-9 -`.
    pub id: String,
    /// What it says.
    #[serde(flatten)]
    pub rule: Rule,
}

/// The rules of the caller's organisation.
#[derive(Serialize, ToSchema)]
pub struct RuleList {
    /// The rules.
    pub rules: Vec<NamedRule>,
}

/// Something that waits to be done for another node.
#[derive(Serialize, ToSchema)]
pub struct QueuedJob {
    /// Identifier; jobs for one destination are done in this order.
    pub id: i64,
    /// `forward`, `retrieve` or `commitment`.
    pub kind: String,
    /// AE title.
    pub destination: String,
    /// `waiting`, `running` or `set_aside`.
    pub state: &'static str,
    /// Attempts that failed.
    pub attempts: u32,
    /// Why the last one did, in English; empty when none did.
    pub problem: String,
    /// The same as a word: `unreachable`, `timed_out`, `rejected`, `not_served`, `aborted`, `protocol`, `status`,
    /// `peer_is_full`, `no_contact`, `unreadable`, `some_failed`, `other`; empty when none did.
    pub problem_code: &'static str,
    /// When it is tried next (RFC 3339).
    pub due_at: String,
    /// When it was queued.
    pub queued_at: String,
    /// What it is about: UIDs.
    #[schema(value_type = Object)]
    pub about: serde_json::Value,
}

/// The queue.
#[derive(Serialize, ToSchema)]
pub struct Queue {
    /// Jobs, first things first.
    pub jobs: Vec<QueuedJob>,
}

/// Which part of the queue.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct QueueQuery {
    /// `forward` (the default), `retrieve` or `commitment`.
    pub kind: Option<String>,
    /// For this AE title only.
    pub destination: Option<String>,
    /// Jobs at most (default 100, at most 1000).
    pub limit: Option<u32>,
    /// Jobs to skip.
    pub offset: Option<u32>,
}

/// Which jobs are to be tried again at once: one, those for a destination, or all.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// `forward` (the default), `retrieve` or `commitment`.
    pub kind: Option<String>,
    /// This one.
    pub id: Option<i64>,
    /// Those for this AE title.
    pub destination: Option<String>,
}

fn kind(word: Option<&str>) -> Result<&'static str, ApiError> {
    let word = word.unwrap_or(pacs::forward::JOB);
    let found = pacs::forward::KINDS.into_iter().find(|kind| *kind == word);
    found.ok_or_else(|| ApiError::invalid("kind", "forward, retrieve or commitment"))
}

fn view(job: Job) -> QueuedJob {
    let at = |ms| rfc3339(from_unix_ms(ms));
    QueuedJob {
        id: job.id,
        kind: job.kind,
        destination: job.lane,
        state: match job.state {
            JobState::Waiting => "waiting",
            JobState::Running => "running",
            JobState::SetAside => "set_aside",
        },
        attempts: job.attempts,
        problem_code: pacs::forward::problem_code(&job.problem),
        problem: job.problem,
        due_at: at(job.due_at_ms),
        queued_at: at(job.created_at_ms),
        about: job.body,
    }
}

impl From<BadRule> for ApiError {
    fn from(error: BadRule) -> Self {
        match error {
            BadRule::Storage(error) => error.into(),
            BadRule::Id => Self::invalid("id", "1 to 40 characters of a-z, 0-9 and -"),
            BadRule::Destination => {
                Self::invalid("destination", "no device of this organisation with a contact")
            }
            BadRule::TooLong => Self::invalid("description", "a pattern or a list is too long"),
        }
    }
}

fn ae(field: &str, text: &str) -> Result<model::AeTitle, ApiError> {
    model::AeTitle::parse(text).map_err(|_| ApiError::invalid(field, "不是 AE 标题 / not an AE title"))
}

/// The queue of the caller's organisation.
#[utoipa::path(get, path = "/api/v1/forwarding", tag = "forwarding", params(QueueQuery),
    responses((status = 200, body = Queue), (status = 403, body = Problem)))]
pub async fn list_queue(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(query): UrlQuery<QueueQuery>,
) -> Result<Json<Queue>, ApiError> {
    let caller = auth.require_any(&WATCHERS)?;
    let kind = kind(query.kind.as_deref())?;
    let (limit, offset) = (query.limit.unwrap_or(100), query.offset.unwrap_or(0));
    let lane = query.destination.as_deref();
    let jobs = state.0.storage.jobs(caller.scope(), kind, lane, limit, offset).await?;
    Ok(Json(Queue { jobs: jobs.into_iter().map(view).collect() }))
}

async fn note(state: &ApiState, auth: &Authenticated, object: String, detail: &str) -> Result<(), ApiError> {
    let entry = AuditEntry {
        action: AuditAction::Administer,
        object,
        outcome: AuditOutcome::Success,
        detail: detail.to_owned(),
    };
    Ok(state.0.storage.audit(auth.0.scope(), entry).await?)
}

/// Has jobs tried again at once, also those that were set aside.
#[utoipa::path(post, path = "/api/v1/forwarding/retry", tag = "forwarding", request_body = Retry,
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn retry_queue(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(retry): JsonBody<Retry>,
) -> Result<StatusCode, ApiError> {
    let caller = auth.require_any(&WATCHERS)?;
    let kind = kind(retry.kind.as_deref())?;
    let which = match (retry.id, retry.destination) {
        (Some(id), _) => Which::One(id),
        (None, Some(destination)) => Which::Lane(destination),
        (None, None) => Which::All,
    };
    state.0.storage.retry_jobs(caller.scope(), kind, which).await?;
    note(&state, &auth, format!("queue/{kind}"), "retry").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a job out of the queue.
#[utoipa::path(delete, path = "/api/v1/forwarding/{id}", tag = "forwarding",
    params(("id" = i64, Path, description = "Job"), QueueQuery),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn remove_from_queue(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<i64>,
    UrlQuery(query): UrlQuery<QueueQuery>,
) -> Result<StatusCode, ApiError> {
    let caller = auth.require(Right::Administer)?;
    let kind = kind(query.kind.as_deref())?;
    state.0.storage.remove_job(caller.scope(), kind, id).await?;
    note(&state, &auth, format!("queue/{kind}/{id}"), "removed").await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The rules of the caller's organisation.
#[utoipa::path(get, path = "/api/v1/forwarding/rules", tag = "forwarding",
    responses((status = 200, body = RuleList), (status = 403, body = Problem)))]
pub async fn list_rules(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<RuleList>, ApiError> {
    let caller = auth.require_any(&WATCHERS)?;
    let rules = pacs::forward::rules(&state.0.storage, caller.scope()).await?;
    let named = |rule: ForwardRule| NamedRule {
        id: rule.id,
        rule: Rule {
            sources: rule.sources.iter().map(ToString::to_string).collect(),
            modalities: rule.modalities,
            description: rule.description,
            destination: rule.destination.to_string(),
            state: rule.state,
        },
    };
    Ok(Json(RuleList { rules: rules.into_iter().map(named).collect() }))
}

/// Writes a rule; it holds for what arrives from now on.
#[utoipa::path(put, path = "/api/v1/forwarding/rules/{id}", tag = "forwarding", request_body = Rule,
    params(("id" = String, Path, description = "Name of the rule")),
    responses((status = 204), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn put_rule(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
    JsonBody(rule): JsonBody<Rule>,
) -> Result<StatusCode, ApiError> {
    let caller = auth.require(Right::Administer)?;
    let rule = ForwardRule {
        id,
        sources: rule.sources.iter().map(|text| ae("sources", text)).collect::<Result<_, _>>()?,
        modalities: rule.modalities,
        description: rule.description,
        destination: ae("destination", &rule.destination)?,
        state: rule.state,
    };
    pacs::forward::put_rule(&state.0.storage, caller.scope(), &rule).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a rule. What it has queued stays queued.
#[utoipa::path(delete, path = "/api/v1/forwarding/rules/{id}", tag = "forwarding",
    params(("id" = String, Path, description = "Name of the rule")),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn remove_rule(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<StatusCode, ApiError> {
    let caller = auth.require(Right::Administer)?;
    pacs::forward::remove_rule(&state.0.storage, caller.scope(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
