//! The audit chain for the auditor: searched by person, time and kind, and by patient ("who has looked at me"); as CSV.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::request::UrlQuery;
use crate::state::ApiState;
use access::{Caller, Person, Right};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use dataset::tags;
use model::time_text::{from_unix_ms, rfc3339, unix_ms};
use model::{Key, Level, Query, Scope, Uid};
use serde::{Deserialize, Serialize};
use storage::audit::OBJECTS_MAX;
use storage::{AuditAction, AuditEntry, AuditEvent, AuditOutcome, AuditQuery, RecordQuery};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::{IntoParams, ToSchema};

/// Events of one CSV file at most.
const CSV_EVENTS_MAX: usize = 20_000;
/// Studies of one patient that are looked through at most.
const STUDIES_MAX: u32 = 500;

/// Which events; all that is said must hold.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// Events at most (default 100, at most 1000).
    pub limit: Option<u32>,
    /// Only events before this sequence number.
    pub before: Option<i64>,
    /// Only what this person of the own organisation did: a login name; or any actor's identifier.
    pub person: Option<String>,
    /// Only of this kind: `login`, `read`, `sign`, `export`, `administer`, …
    #[param(value_type = Option<String>)]
    pub action: Option<AuditAction>,
    /// Only `success` or `refused`.
    #[param(value_type = Option<String>)]
    pub outcome: Option<AuditOutcome>,
    /// Only from this moment on (RFC 3339).
    pub from: Option<String>,
    /// Only before this moment (RFC 3339).
    pub until: Option<String>,
    /// Only what was done with the own organisation's studies of this patient (Patient ID), also by people of other
    /// organisations.
    pub patient_id: Option<String>,
}

/// Events, newest first.
#[derive(Serialize, ToSchema)]
pub struct AuditList {
    /// The events.
    pub events: Vec<AuditItem>,
}

/// One event.
#[derive(Serialize, ToSchema)]
pub struct AuditItem {
    /// Position in the chain.
    pub seq: i64,
    /// When (RFC 3339).
    pub at: String,
    /// Kind and identifier of who did it.
    pub actor: String,
    /// Their name, when a person of this organisation.
    pub actor_name: Option<String>,
    /// The organisation that they acted for.
    pub organisation: Option<String>,
    /// Network address.
    pub address: Option<String>,
    /// What was done.
    #[schema(value_type = String)]
    pub action: AuditAction,
    /// To what.
    pub object: String,
    /// How it ended.
    #[schema(value_type = String)]
    pub outcome: AuditOutcome,
    /// A machine word.
    pub detail: String,
    /// SHA-256 of the chain up to here.
    pub hash: String,
}

fn item(event: AuditEvent, people: &[Person]) -> AuditItem {
    AuditItem {
        seq: event.seq,
        at: rfc3339(from_unix_ms(event.at_ms)),
        actor_name: people.iter().find(|p| p.id.as_str() == event.actor.id).map(|p| p.name.clone()),
        actor: format!("{}/{}", kind_word(event.actor.kind), event.actor.id),
        organisation: event.organisation.map(|id| id.to_string()),
        address: event.actor.address.map(|a| a.to_string()),
        action: event.entry.action,
        object: event.entry.object,
        outcome: event.entry.outcome,
        detail: event.entry.detail,
        hash: event.hash.to_string(),
    }
}

impl AuditFilter {
    async fn query(
        &self,
        state: &ApiState,
        caller: &Caller,
        people: &[Person],
    ) -> Result<AuditQuery, ApiError> {
        let moment = |field, text: &Option<String>| {
            let parse = |text: &String| {
                OffsetDateTime::parse(text, &Rfc3339)
                    .map(unix_ms)
                    .map_err(|_| ApiError::invalid(field, "不是时间 / not a moment (RFC 3339)"))
            };
            text.as_ref().filter(|text| !text.is_empty()).map(parse).transpose()
        };
        let person =
            self.person.as_ref().map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty());
        let id_of = |text: String| {
            people.iter().find(|person| person.login == text).map_or(text, |person| person.id.to_string())
        };
        let patient = self.patient_id.as_ref().map(|text| text.trim()).filter(|text| !text.is_empty());
        Ok(AuditQuery {
            before: self.before,
            behind: None,
            actor: person.map(id_of),
            action: self.action,
            outcome: self.outcome,
            from_ms: moment("from", &self.from)?,
            until_ms: moment("until", &self.until)?,
            objects: match patient {
                Some(patient_id) => Some(things_of(state, caller, patient_id).await?),
                None => None,
            },
        })
    }
}

/// What the audit chain calls the own organisation's studies of a patient, their slides, and the consults about them.
async fn things_of(state: &ApiState, caller: &Caller, patient_id: &str) -> Result<Vec<String>, ApiError> {
    // The auditor sees no patients: only the node looks, and only names of things leave this function.
    let own = caller.organisation();
    let scope = Scope::organisation(caller.scope().actor.clone(), own.clone()).owned_by(own.clone());
    let query = Query::new(Level::Study, STUDIES_MAX).with_value(Key::PatientId, patient_id);
    let mut things = Vec::new();
    for row in state.0.storage.search(&scope, &query).await?.rows {
        let uid = row.attributes.first_text(tags::STUDY_INSTANCE_UID);
        let Some(study) = uid.and_then(|uid| Uid::parse(&uid).ok()) else { continue };
        let consults = RecordQuery::new(consult::record::KIND).with("holds", format!("{own}/{study}"));
        let consults = state.0.storage.records(&scope, &consults).await?;
        things.extend(consults.into_iter().map(|record| format!("consult/{}", record.id)));
        for slide in state.0.slides.slides_of_study(&scope, own, &study).await? {
            things.push(format!("slide/{}", slide.id));
            things.push(format!("slide/{}/original", slide.id));
        }
        things.push(format!("study/{study}"));
    }
    things.truncate(OBJECTS_MAX);
    Ok(things)
}

/// Looking for who has looked is on the chain itself; for whom, only as a word.
async fn note(
    state: &ApiState,
    caller: &Caller,
    action: AuditAction,
    filter: &AuditFilter,
) -> Result<(), ApiError> {
    let is_about_patient = filter.patient_id.as_ref().is_some_and(|text| !text.trim().is_empty());
    let detail = if is_about_patient { "by patient" } else { "" };
    let entry = AuditEntry {
        action,
        object: "audit".to_owned(),
        outcome: AuditOutcome::Success,
        detail: detail.to_owned(),
    };
    Ok(state.0.storage.audit(caller.scope(), entry).await?)
}

/// Events of the caller's organisation, or of what was done with a patient of it.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditFilter),
    responses((status = 200, body = AuditList), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn list_audit(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(filter): UrlQuery<AuditFilter>,
) -> Result<Json<AuditList>, ApiError> {
    let caller = auth.require(Right::Audit)?;
    let people = state.0.storage.people_acting_for(caller.organisation()).await?;
    let query = filter.query(&state, caller, &people).await?;
    if query.objects.is_some() && query.before.is_none() {
        note(&state, caller, AuditAction::Search, &filter).await?;
    }
    let limit = filter.limit.unwrap_or(100).min(1000);
    let events = state.0.storage.audit_search(caller.scope(), &query, limit).await?;
    Ok(Json(AuditList { events: events.into_iter().map(|event| item(event, &people)).collect() }))
}

/// The same as CSV (RFC 4180, UTF-8), at most 20,000 events.
#[utoipa::path(get, path = "/api/v1/audit.csv", tag = "audit", params(AuditFilter),
    responses((status = 200, content_type = "text/csv", body = String), (status = 403, body = Problem),
    (status = 422, body = Problem)))]
pub async fn audit_csv(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(filter): UrlQuery<AuditFilter>,
) -> Result<Response, ApiError> {
    let caller = auth.require(Right::Audit)?;
    let people = state.0.storage.people_acting_for(caller.organisation()).await?;
    let mut query = filter.query(&state, caller, &people).await?;
    note(&state, caller, AuditAction::Export, &filter).await?;
    // Spreadsheets take a file without the mark for one in the system's own code page.
    let mut csv = String::from("\u{feff}");
    line(
        &mut csv,
        &[
            "seq",
            "at",
            "actor",
            "actor_name",
            "organisation",
            "address",
            "action",
            "object",
            "outcome",
            "detail",
            "hash",
        ]
        .map(str::to_owned),
    );
    let mut left = CSV_EVENTS_MAX;
    loop {
        let events = state.0.storage.audit_search(caller.scope(), &query, left.min(1000) as u32).await?;
        let Some(last) = events.last().map(|event| event.seq) else { break };
        left -= events.len();
        query.before = Some(last);
        events.into_iter().for_each(|event| line(&mut csv, &fields(item(event, &people))));
        if left == 0 {
            break;
        }
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, csv).into_response())
}

fn fields(item: AuditItem) -> [String; 11] {
    [
        item.seq.to_string(),
        item.at,
        item.actor,
        item.actor_name.unwrap_or_default(),
        item.organisation.unwrap_or_default(),
        item.address.unwrap_or_default(),
        word(&item.action),
        item.object,
        word(&item.outcome),
        item.detail,
        item.hash,
    ]
}

fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// One line. What a spreadsheet would take for a formula is quoted as a text.
fn line(csv: &mut String, fields: &[String]) {
    for (i, field) in fields.iter().enumerate() {
        if i > 0 {
            csv.push(',');
        }
        let is_formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let text = if is_formula { format!("'{field}") } else { field.clone() };
        if text.contains(['"', ',', '\n', '\r']) {
            csv.push('"');
            csv.push_str(&text.replace('"', "\"\""));
            csv.push('"');
        } else {
            csv.push_str(&text);
        }
    }
    csv.push_str("\r\n");
}

fn kind_word(kind: model::ActorKind) -> &'static str {
    match kind {
        model::ActorKind::Person => "person",
        model::ActorKind::Token => "token",
        model::ActorKind::Ae => "ae",
        model::ActorKind::Nobody => "nobody",
        model::ActorKind::Node => "node",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_neither_a_formula_nor_two_fields() {
        let mut csv = String::new();
        line(&mut csv, &["1", "=cmd()", "王,\"a\"", "-2"].map(str::to_owned));
        assert_eq!(csv, "1,'=cmd(),\"王,\"\"a\"\"\",'-2\r\n");
    }
}
