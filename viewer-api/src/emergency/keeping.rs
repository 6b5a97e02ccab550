//! Emergency accesses as they are kept: what is open, who sees what by it, and its end.

use super::{KIND, SETTING};
use crate::problem::ApiError;
use crate::state::ApiState;
use access::{Caller, Person, Role};
use axum::http::request::Parts;
use axum::http::{Method, Uri};
use model::time_text::unix_ms;
use model::{ConsultId, OrgId, PersonId, Scope, SlideId, Uid};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Grant, GrantChange, Order, Put, RecordQuery,
    Storage, StorageError,
};
use time::OffsetDateTime;

const ATTEMPTS: &str = "emergency-attempts";
/// Attempts of one person in [`ATTEMPTS_MS`], good ones included.
const ATTEMPTS_MAX: usize = 5;
const ATTEMPTS_MS: i64 = 60 * 60 * 1000;
/// How old what a node knows of others' may be.
const KNOWN_FOR: Duration = Duration::from_secs(2);
const LISTED_MAX: u32 = 200;
/// The key of an access that its owner has not reviewed yet.
const AWAITED: &str = "awaited";

/// An access as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Access {
    pub id: ConsultId,
    pub person: PersonId,
    pub person_name: String,
    pub organisation: OrgId,
    pub owner: OrgId,
    pub studies: Vec<Uid>,
    pub reason: String,
    pub begun_at_ms: i64,
    pub until_ms: i64,
    pub is_ended: bool,
    pub review: Option<Review>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Review {
    pub by: PersonId,
    pub by_name: String,
    pub at_ms: i64,
    pub is_justified: bool,
    pub note: String,
}

impl Access {
    /// Nobody: organisations' names never begin with a hyphen.
    pub fn viewer(&self) -> Option<OrgId> {
        OrgId::parse(&format!("-e{}", self.id)).ok()
    }

    pub fn put(&self, expected: Expected) -> Result<Put, ApiError> {
        let standing = if self.is_ended { "ended" } else { "open" };
        let mut keys = vec![
            ("owner", self.owner.to_string()),
            ("person", self.person.to_string()),
            ("standing", standing.to_owned()),
        ];
        if self.review.is_none() {
            keys.push((AWAITED, self.owner.to_string()));
        }
        Ok(Put {
            kind: KIND,
            id: self.id.to_string(),
            expected,
            body: serde_json::to_value(self).map_err(|_| ApiError::Unavailable)?,
            sort: self.begun_at_ms,
            keys,
            unique: Vec::new(),
            visible_to: Vec::new(),
        })
    }

    pub fn grants(&self) -> Vec<Grant> {
        let Some(grantee) = self.viewer() else { return Vec::new() };
        let grant = |study: &Uid| Grant {
            owner: self.owner.clone(),
            study: study.clone(),
            grantee: grantee.clone(),
            consult: self.id.clone(),
        };
        self.studies.iter().map(grant).collect()
    }
}

pub(super) fn node() -> Scope {
    Scope::node("emergency")
}

pub(super) fn now_ms() -> i64 {
    unix_ms(OffsetDateTime::now_utc())
}

pub(super) fn entry(action: AuditAction, object: String, outcome: AuditOutcome, detail: &str) -> AuditEntry {
    AuditEntry { action, object, outcome, detail: detail.to_owned() }
}

pub(super) async fn listed(
    storage: &Storage,
    name: &'static str,
    value: &str,
) -> Result<Vec<Access>, StorageError> {
    let query = RecordQuery {
        order: Order::Descending,
        limit: LISTED_MAX,
        ..RecordQuery::new(KIND).with(name, value)
    };
    let records = storage.records(&node(), &query).await?;
    // Of a damaged one nothing is opened.
    Ok(records.into_iter().filter_map(|record| serde_json::from_value(record.body).ok()).collect())
}

/// How many accesses wait for their owner's verdict, and since when the oldest of them does.
pub(super) async fn awaited(storage: &Storage, owner: &OrgId) -> Result<(u64, Option<i64>), StorageError> {
    let query = RecordQuery { limit: 1, ..RecordQuery::new(KIND).with(AWAITED, owner.as_str()) };
    let oldest = storage.records(&node(), &query).await?.first().map(|record| record.sort);
    Ok((storage.count(&node(), &query).await?, oldest))
}

/// The accesses that have not ended, as this node knows them.
#[derive(Default)]
pub(crate) struct Open(Mutex<Option<(Instant, Arc<Vec<Access>>)>>);

impl Open {
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn all(&self, storage: &Storage) -> Result<Arc<Vec<Access>>, StorageError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, all)) = known.filter(|(at, _)| at.elapsed() < KNOWN_FOR) {
            return Ok(all);
        }
        let at = Instant::now();
        let all = Arc::new(Box::pin(listed(storage, "standing", "open")).await?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, all.clone()));
        Ok(all)
    }
}

/// In whose name a request is answered that reads one of the studies that this person has opened; `None` for all others. It can search
/// and retrieve, and sees no labels.
pub(crate) async fn caller_of(
    state: &ApiState,
    parts: &Parts,
    person: &Person,
    address: Option<IpAddr>,
) -> Result<Option<Caller>, ApiError> {
    let reads = parts.method == Method::GET || parts.method == Method::HEAD;
    let Some(named) = Named::by(&parts.uri).filter(|_| reads) else { return Ok(None) };
    let now = now_ms();
    let open = state.0.emergencies.all(&state.0.storage).await?;
    for one in open.iter() {
        let is_theirs = one.person == person.id && one.organisation == person.organisation;
        let Some(viewer) = one.viewer().filter(|_| is_theirs && now < one.until_ms) else { continue };
        let opened = Person { organisation: viewer, roles: vec![Role::Reader], ..person.clone() };
        let caller = Caller::person(&opened, address);
        let is_opened = match &named {
            Named::Studies(uids) => {
                one.studies.iter().any(|study| uids.iter().any(|uid| uid == study.as_str()))
            }
            // A slide is of an opened study when the access reaches it.
            Named::Slide(id) => Box::pin(state.0.slides.slide(caller.scope(), id)).await.is_ok(),
        };
        if is_opened {
            return Ok(Some(caller));
        }
    }
    Ok(None)
}

/// What a request is about, by its address.
enum Named {
    /// Something in one of these studies, if they are any.
    Studies(Vec<String>),
    Slide(SlideId),
}

impl Named {
    /// By a path below `/studies/`, by WADO-URI (`?studyUID=`), or by a slide's own address or identifier of IIIF.
    fn by(uri: &Uri) -> Option<Self> {
        let path = uri.path();
        if path == "/wado" {
            let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
            let studies = pairs.filter(|(name, _)| name == "studyUID").map(|(_, uid)| uid.into_owned());
            return Some(Self::Studies(studies.collect()));
        }
        if let Some(rest) = path.strip_prefix("/api/v1/slides/").or_else(|| path.strip_prefix("/iiif/3/")) {
            let is_of_id = |c: char| c.is_ascii_alphanumeric() || c == '-';
            let end = rest.find(|c| !is_of_id(c)).unwrap_or(rest.len());
            return SlideId::parse(&rest[..end]).ok().map(Self::Slide);
        }
        path.contains("/studies/").then(|| Self::Studies(path.split('/').map(str::to_owned).collect()))
    }
}

pub(super) async fn allows(storage: &Storage, owner: &OrgId) -> Result<bool, ApiError> {
    match storage.record(&node(), SETTING, owner.as_str()).await {
        Ok(record) => Ok(record.body["is_allowed"] == true),
        Err(StorageError::NotFound) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// One attempt less: guesses at numbers are few, whatever comes of them.
pub(super) async fn spend_attempt(storage: &Storage, person: &PersonId) -> Result<(), ApiError> {
    let now = now_ms();
    let (expected, times) = match storage.record(&node(), ATTEMPTS, person.as_str()).await {
        Ok(record) => {
            let times: Vec<i64> = serde_json::from_value(record.body).unwrap_or_default();
            (Expected::Version(record.version), times)
        }
        Err(StorageError::NotFound) => (Expected::Absent, Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut times: Vec<i64> = times.into_iter().filter(|at| now - at < ATTEMPTS_MS).collect();
    if let Some(first) = times.first().filter(|_| times.len() >= ATTEMPTS_MAX) {
        let retry_after_s = u64::try_from((first + ATTEMPTS_MS - now) / 1000 + 1).unwrap_or(1);
        return Err(ApiError::TooManyAttempts { retry_after_s });
    }
    times.push(now);
    let put = Put {
        kind: ATTEMPTS,
        id: person.to_string(),
        expected,
        body: serde_json::json!(times),
        sort: now,
        keys: Vec::new(),
        unique: Vec::new(),
        visible_to: Vec::new(),
    };
    Ok(storage.apply(&node(), Change { puts: vec![put], ..Change::default() }).await?)
}

/// Takes the studies out of sight again; a study that is gone is out of sight.
pub(super) async fn withdraw(storage: &Storage, one: &Access) -> Result<(), StorageError> {
    for grant in one.grants() {
        let grants = vec![GrantChange::Withdraw(grant)];
        match storage.apply(&node(), Change { grants, ..Change::default() }).await {
            Ok(()) | Err(StorageError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Puts away what has run out: nobody has seen anything by it since.
///
/// # Errors
/// [`StorageError::Unavailable`].
pub async fn end_emergencies(storage: &Storage) -> Result<(), StorageError> {
    let query = RecordQuery::new(KIND).with("standing", "open");
    for record in storage.records(&node(), &query).await? {
        let Ok(mut one) = serde_json::from_value::<Access>(record.body) else { continue };
        if now_ms() < one.until_ms {
            continue;
        }
        withdraw(storage, &one).await?;
        one.is_ended = true;
        let Ok(put) = one.put(Expected::Version(record.version)) else { continue };
        let ended =
            entry(AuditAction::Grant, format!("emergency/{}", one.id), AuditOutcome::Success, "ended");
        let change = Change { puts: vec![put], audit: vec![ended], ..Change::default() };
        match storage.apply(&node(), change).await {
            Ok(()) | Err(StorageError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
