//! Patients across hospitals: who is known by which identities, and the pairs that people decide about.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::session::OrganisationName;
use crate::state::ApiState;
use crate::studies::Names;
use access::{Caller, Person, Right};
use axum::Json;
use axum::extract::State;
use model::time_text::{from_unix_ms, rfc3339};
use model::{Key, Level, Matching, Query};
use serde::{Deserialize, Serialize};
use storage::patients::{IdentityView, Number, PairAct, PairView, PersonLink, PersonStudy, PersonView, Sign};
use storage::{AuditAction, AuditEntry, AuditOutcome};
use utoipa::{IntoParams, ToSchema};

/// Characters of a search text.
const SEARCH_CHARS_MAX: usize = 64;
/// People on one page.
const PEOPLE_MAX: usize = 30;
/// Studies that are looked through for them.
const STUDIES_MAX: u32 = 200;
/// Pairs on one page.
const PAIRS_MAX: u32 = 50;

/// An identifier of a patient.
#[derive(Serialize, ToSchema)]
pub struct PatientNumber {
    /// `citizen` (公民身份号码), `issued` by somebody named, or `local` to the organisation.
    pub kind: &'static str,
    /// Who has given it, if anybody is named.
    pub issuer: String,
    /// The identifier; of a citizen number the middle is left out.
    pub value: String,
}

/// A patient as one organisation knows them, by what of it the caller may see.
#[derive(Serialize, ToSchema)]
pub struct PatientIdentity {
    /// 32 hex digits.
    pub id: String,
    /// Whose.
    pub organisation: OrganisationName,
    /// Patient ID.
    pub patient_id: String,
    /// Issuer of Patient ID; empty: the organisation itself.
    pub issuer: String,
    /// Name: the ideographic group, or the alphabetic.
    pub patient_name: String,
    /// The alphabetic group, when the name is another.
    pub latin_name: String,
    /// Sex.
    pub patient_sex: String,
    /// Birth date, `YYYYMMDD`.
    pub patient_birth_date: String,
    /// Other identifiers.
    pub numbers: Vec<PatientNumber>,
    /// Studies that the caller may see.
    pub studies: i64,
    /// Date of the newest, `YYYYMMDD`.
    pub last_study_date: String,
}

/// What makes two identities one person.
#[derive(Serialize, ToSchema)]
pub struct PatientLink {
    /// One identity.
    pub one: String,
    /// The other.
    pub other: String,
    /// `rule` or `person`.
    pub by: &'static str,
    /// The last act on the pair.
    pub last_act: i64,
}

/// A person, as far as the caller may see them.
#[derive(Serialize, ToSchema)]
pub struct PatientPerson {
    /// The identities, the one that was found first.
    pub identities: Vec<PatientIdentity>,
    /// What connects them.
    pub links: Vec<PatientLink>,
}

/// People.
#[derive(Serialize, ToSchema)]
pub struct PatientPage {
    /// The people.
    pub patients: Vec<PatientPerson>,
    /// Whether more fit.
    pub more: bool,
}

/// A study of a person.
#[derive(Serialize, ToSchema)]
pub struct PatientStudy {
    /// Whose.
    pub organisation: OrganisationName,
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// Of which identity.
    pub identity: String,
    /// `YYYYMMDD`.
    pub study_date: String,
    /// Study description.
    pub description: String,
    /// Accession number.
    pub accession_number: String,
    /// Modalities.
    pub modalities: Vec<String>,
}

/// A person with their studies.
#[derive(Serialize, ToSchema)]
pub struct PatientDetail {
    /// Who.
    #[serde(flatten)]
    pub person: PatientPerson,
    /// Their studies that the caller may see, newest first.
    pub studies: Vec<PatientStudy>,
}

/// Two identities side by side.
#[derive(Serialize, ToSchema)]
pub struct PatientPair {
    /// One.
    pub one: PatientIdentity,
    /// The other.
    pub other: PatientIdentity,
    /// What speaks for and against: `citizen_number`, `identifier`, `name`, `name_pinyin`, `birth_date`, `sex`, `other_name`,
    /// `other_birth_date`, `other_sex`.
    #[schema(value_type = Vec<String>)]
    pub signs: Vec<Sign>,
    /// `open`, `linked`, `apart`, or empty when nobody has asked.
    pub state: String,
    /// Whether a person has decided.
    pub is_decided: bool,
    /// The last act, which a decision names.
    pub last_act: i64,
}

/// Pairs that wait for a decision.
#[derive(Serialize, ToSchema)]
pub struct PatientPairs {
    /// The longest waiting first.
    pub pairs: Vec<PatientPair>,
    /// Whether more wait.
    pub more: bool,
}

/// A decision.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDecision {
    /// One identity.
    pub one: String,
    /// The other.
    pub other: String,
    /// What is decided.
    pub verdict: Verdict,
    /// `last_act` of the pair as it was looked at.
    pub seen: i64,
    /// Why, at most 500 characters.
    #[serde(default)]
    pub reason: String,
}

/// What is decided about two identities.
#[derive(Deserialize, ToSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// They are one person.
    Same,
    /// They are not; nobody is asked again.
    Different,
}

/// Why a decision is taken back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoDecision {
    /// At most 500 characters.
    #[serde(default)]
    pub reason: String,
}

/// A decision as it is kept.
#[derive(Serialize, ToSchema)]
pub struct PatientDecision {
    /// Counts up.
    pub act: i64,
    /// `linked`, `apart` or `undone`.
    pub kind: String,
    /// Name of who did it, when they act for the caller's organisation.
    pub by_name: Option<String>,
    /// For which organisation.
    pub organisation: Option<OrganisationName>,
    /// Why.
    pub reason: String,
    /// When (RFC 3339).
    pub at: String,
    /// Whether it can be taken back now.
    pub can_undo: bool,
    /// The two, as they are now.
    pub pair: PatientPair,
}

/// Decisions, newest first.
#[derive(Serialize, ToSchema)]
pub struct PatientDecisions {
    /// The decisions.
    pub decisions: Vec<PatientDecision>,
}

/// Which people.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PatientFilter {
    /// Name, pinyin, initials, Patient ID or accession number.
    pub q: Option<String>,
}

/// Which pairs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PairFilter {
    /// Only behind this act.
    pub after: Option<i64>,
}

/// Which decisions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DecisionFilter {
    /// Only before this act.
    pub before: Option<i64>,
}

/// Makes what people see, looking up each organisation's name once.
struct Views<'a> {
    state: &'a ApiState,
    names: Names,
}

impl<'a> Views<'a> {
    fn new(state: &'a ApiState) -> Self {
        Self { state, names: Names::default() }
    }

    async fn identity(&mut self, view: IdentityView) -> Result<PatientIdentity, ApiError> {
        let group = |i: usize| view.name.split('=').nth(i).map(dataset::names::display).unwrap_or_default();
        let (latin, written) = (group(0), group(1));
        let has_written = !written.is_empty();
        let own = view.patient_id.as_str();
        let numbers = view.numbers.iter().map(number).filter(|number| number.value != own).collect();
        Ok(PatientIdentity {
            organisation: self.names.of(self.state, &view.owner).await?,
            patient_name: if has_written { written } else { latin.clone() },
            latin_name: if has_written { latin } else { String::new() },
            id: view.id,
            patient_id: view.patient_id,
            issuer: view.issuer,
            patient_sex: view.sex,
            patient_birth_date: view.birth_date,
            numbers,
            studies: view.studies,
            last_study_date: view.last_date,
        })
    }

    async fn person(&mut self, view: PersonView) -> Result<PatientPerson, ApiError> {
        let mut identities = Vec::with_capacity(view.identities.len());
        for identity in view.identities {
            identities.push(self.identity(identity).await?);
        }
        Ok(PatientPerson { identities, links: view.links.into_iter().map(link).collect() })
    }

    async fn study(&mut self, study: PersonStudy) -> Result<PatientStudy, ApiError> {
        Ok(PatientStudy {
            organisation: self.names.of(self.state, &study.owner).await?,
            study_instance_uid: study.study.to_string(),
            identity: study.identity,
            study_date: study.date,
            description: study.description,
            accession_number: study.accession_number,
            modalities: study.modalities,
        })
    }

    async fn pair(&mut self, view: PairView) -> Result<PatientPair, ApiError> {
        Ok(PatientPair {
            one: self.identity(view.one).await?,
            other: self.identity(view.other).await?,
            signs: view.signs,
            state: view.state,
            is_decided: view.is_decided,
            last_act: view.last_act,
        })
    }

    async fn decision(&mut self, act: PairAct, people: &[Person]) -> Result<PatientDecision, ApiError> {
        let id = act.actor.strip_prefix("person:").unwrap_or_default();
        let organisation = match &act.organisation {
            Some(organisation) => Some(self.names.of(self.state, organisation).await?),
            None => None,
        };
        Ok(PatientDecision {
            act: act.seq,
            kind: act.kind,
            by_name: people.iter().find(|person| person.id.as_str() == id).map(|person| person.name.clone()),
            organisation,
            reason: act.reason,
            at: rfc3339(from_unix_ms(act.at_ms)),
            can_undo: act.can_undo,
            pair: self.pair(act.pair).await?,
        })
    }
}

fn number(number: &Number) -> PatientNumber {
    match number {
        Number::Citizen(id) => {
            let end = |range| id.get(range).unwrap_or_default();
            let value = format!("{}********{}", end(0..6), end(14..18));
            PatientNumber { kind: "citizen", issuer: String::new(), value }
        }
        Number::Issued { issuer, id } => {
            PatientNumber { kind: "issued", issuer: issuer.clone(), value: id.clone() }
        }
        Number::Local { id, .. } => PatientNumber { kind: "local", issuer: String::new(), value: id.clone() },
    }
}

fn link(link: PersonLink) -> PatientLink {
    PatientLink {
        one: link.one,
        other: link.other,
        by: if link.is_decided { "person" } else { "rule" },
        last_act: link.last_act,
    }
}

async fn note(
    state: &ApiState,
    caller: &Caller,
    action: AuditAction,
    object: String,
) -> Result<(), ApiError> {
    let entry = AuditEntry { action, object, outcome: AuditOutcome::Success, detail: String::new() };
    Ok(state.0.storage.audit_reading(caller.scope(), entry).await?)
}

/// People whose studies the caller may see: by name or number, or the latest.
#[utoipa::path(get, path = "/api/v1/patients", tag = "patients", params(PatientFilter),
    responses((status = 200, body = PatientPage), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn list_patients(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(filter): UrlQuery<PatientFilter>,
) -> Result<Json<PatientPage>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let mut query = Query::new(Level::Study, STUDIES_MAX);
    if let Some(q) = filter.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) {
        if q.chars().count() > SEARCH_CHARS_MAX {
            return Err(ApiError::invalid("q", "too long to be a name or a number"));
        }
        query = query.with(Key::Anything, Matching::Fuzzy(q.to_owned()));
    }
    let (people, more) = state.0.storage.people_found(caller.scope(), &query, PEOPLE_MAX).await?;
    note(&state, caller, AuditAction::Search, "patients".to_owned()).await?;
    let (mut views, mut patients) = (Views::new(&state), Vec::new());
    for person in people {
        patients.push(views.person(person).await?);
    }
    Ok(Json(PatientPage { patients, more }))
}

/// The person that an identity is of, with their studies: what of it the caller may see.
#[utoipa::path(get, path = "/api/v1/patients/{id}", tag = "patients",
    params(("id" = String, Path, description = "Identity")),
    responses((status = 200, body = PatientDetail), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn get_patient(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<PatientDetail>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let storage = &state.0.storage;
    let person = storage.patient(caller.scope(), &id).await?;
    let ids: Vec<String> = person.identities.iter().map(|one| one.id.clone()).collect();
    let found = storage.studies_of_identities(caller.scope(), &ids).await?;
    note(&state, caller, AuditAction::Read, format!("patient/{id}")).await?;
    let (mut views, mut studies) = (Views::new(&state), Vec::new());
    for study in found {
        studies.push(views.study(study).await?);
    }
    Ok(Json(PatientDetail { person: views.person(person).await?, studies }))
}

/// Pairs of identities that may be one person, both of which the caller sees: they wait for a decision.
#[utoipa::path(get, path = "/api/v1/patient-pairs", tag = "patients", params(PairFilter),
    responses((status = 200, body = PatientPairs), (status = 403, body = Problem)))]
pub async fn list_patient_pairs(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(filter): UrlQuery<PairFilter>,
) -> Result<Json<PatientPairs>, ApiError> {
    let caller = auth.require(Right::Correct)?;
    let after = filter.after.unwrap_or(0);
    let mut found = state.0.storage.open_pairs(caller.scope(), after, PAIRS_MAX + 1).await?;
    let more = found.len() > PAIRS_MAX as usize;
    found.truncate(PAIRS_MAX as usize);
    note(&state, caller, AuditAction::Search, "patient-pairs".to_owned()).await?;
    let (mut views, mut pairs) = (Views::new(&state), Vec::new());
    for pair in found {
        pairs.push(views.pair(pair).await?);
    }
    Ok(Json(PatientPairs { pairs, more }))
}

/// Two identities side by side, whether or not anything speaks for their being one person.
#[utoipa::path(get, path = "/api/v1/patient-pairs/{one}/{other}", tag = "patients",
    params(("one" = String, Path, description = "Identity"), ("other" = String, Path, description = "Identity")),
    responses((status = 200, body = PatientPair), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn get_patient_pair(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((one, other)): UrlPath<(String, String)>,
) -> Result<Json<PatientPair>, ApiError> {
    let caller = auth.require(Right::Correct)?;
    let pair = state.0.storage.pair(caller.scope(), &one, &other).await?;
    Ok(Json(Views::new(&state).pair(pair).await?))
}

/// Decides whether two identities are one person. It takes a person who sees both.
#[utoipa::path(post, path = "/api/v1/patient-decisions", tag = "patients", request_body = NewDecision,
    responses((status = 200, body = PatientPair), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn decide_patients(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(new): JsonBody<NewDecision>,
) -> Result<Json<PatientPair>, ApiError> {
    let caller = by_a_person(&auth)?;
    require_short(&new.reason)?;
    let (pair, is_same) = ((new.one.as_str(), new.other.as_str()), new.verdict == Verdict::Same);
    let storage = &state.0.storage;
    storage.decide_patients(caller.scope(), pair, is_same, new.seen, &new.reason).await?;
    let pair = storage.pair(caller.scope(), pair.0, pair.1).await?;
    Ok(Json(Views::new(&state).pair(pair).await?))
}

/// Decisions about pairs both of which the caller sees.
#[utoipa::path(get, path = "/api/v1/patient-decisions", tag = "patients", params(DecisionFilter),
    responses((status = 200, body = PatientDecisions), (status = 403, body = Problem)))]
pub async fn list_patient_decisions(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(filter): UrlQuery<DecisionFilter>,
) -> Result<Json<PatientDecisions>, ApiError> {
    let caller = auth.require(Right::Correct)?;
    let storage = &state.0.storage;
    let acts = storage.pair_acts(caller.scope(), filter.before, PAIRS_MAX).await?;
    note(&state, caller, AuditAction::Search, "patient-decisions".to_owned()).await?;
    let people = storage.people_acting_for(caller.organisation()).await?;
    let (mut views, mut decisions) = (Views::new(&state), Vec::new());
    for act in acts {
        decisions.push(views.decision(act, &people).await?);
    }
    Ok(Json(PatientDecisions { decisions }))
}

/// Takes a decision back: the pair is as it was before it.
#[utoipa::path(post, path = "/api/v1/patient-decisions/{act}/undo", tag = "patients", request_body = UndoDecision,
    params(("act" = i64, Path, description = "Which")),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn undo_patient_decision(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(act): UrlPath<i64>,
    JsonBody(body): JsonBody<UndoDecision>,
) -> Result<axum::http::StatusCode, ApiError> {
    let caller = by_a_person(&auth)?;
    require_short(&body.reason)?;
    state.0.storage.undo_patients(caller.scope(), act, &body.reason).await?;
    Ok(axum::http::StatusCode::NO_CONTENT)
}

fn by_a_person(auth: &Authenticated) -> Result<&Caller, ApiError> {
    let caller = auth.require(Right::Correct)?;
    match caller.as_person() {
        Some(_) => Ok(caller),
        None => Err(ApiError::Forbidden("由人来判断，不由程序 / a person decides, not a program")),
    }
}

fn require_short(reason: &str) -> Result<(), ApiError> {
    if reason.chars().count() > 500 {
        return Err(ApiError::invalid("reason", "最多500字 / at most 500 characters"));
    }
    Ok(())
}
