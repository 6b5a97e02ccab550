//! Studies in teaching collections: what was put there without identity, of which study, how far it is. The record is the
//! archivist's; whoever sees the collection sees nothing of it.

use super::export::{Purpose, actor, now_ms};
use super::project::{Project, disguise};
use super::{STUDIES_MAX, survey};
use access::Organisation;
use dataset::deidentify::ProfileOption;
use model::{OrgId, Scope, Uid};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, NewJob, Order, Put, Record, RecordQuery,
    Storage, StorageError,
};

pub(super) const KIND: &str = "deidentified_placement";
/// Kind of the jobs.
pub(super) const JOB: &str = "collection";
const REASON_CHARS_MAX: usize = 500;
/// What is listed at once at most.
const PAGE_MAX: u32 = 200;

/// How it stands with a study in a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its turn will come.
    Waiting,
    /// It is being put there.
    Putting,
    /// It is there.
    There,
    /// It could not be put there; why is said.
    Failed,
    /// It is being taken out.
    TakingOut,
}

impl State {
    /// Whether something is being done to it.
    #[must_use]
    pub fn is_busy(self) -> bool {
        matches!(self, Self::Waiting | Self::Putting | Self::TakingOut)
    }
}

/// A study in a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Identifier.
    pub id: String,
    /// Whose study it is.
    pub organisation: OrgId,
    /// For which project it was disguised.
    pub project: String,
    /// Where it was put.
    pub collection: OrgId,
    /// Which study; forgotten when the project is closed.
    pub study: Option<Uid>,
    /// Study Instance UID in the collection.
    pub copy: Uid,
    /// What the patient is called there; empty until somebody has looked.
    pub pseudonym: String,
    /// By which act, as the audit chain names it; forgotten with the study.
    pub act: Option<String>,
    /// Whether images that may show identity go there, too.
    pub with_risky: bool,
    /// For what.
    pub purpose: Purpose,
    /// In words; forgotten with the study.
    pub reason: String,
    /// Who: kind and identifier.
    pub by: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
    /// How it stands.
    pub state: State,
    /// Why it failed, as a word.
    pub why: String,
    /// Instances that are there.
    pub instances: u64,
    /// Instances of the study, when somebody has looked.
    pub of: u64,
    /// Instances that were left out, by why.
    pub left_out: BTreeMap<String, u64>,
    /// Whether all of it was there once: what never was is cleared away when it fails.
    pub was_there: bool,
}

/// What is to be put where.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Where.
    pub collection: OrgId,
    /// Which studies.
    pub studies: Vec<Uid>,
    /// Whether images that may show identity go there, too.
    pub with_risky: bool,
    /// For what.
    pub purpose: Purpose,
    /// In words.
    pub reason: String,
}

impl Wish {
    /// Which field is wrong, and why, in both languages.
    #[must_use]
    pub fn fault(&self, project: &Project) -> Option<access::Fault> {
        let reason = self.reason.trim();
        match () {
            () if !(1..=STUDIES_MAX).contains(&self.studies.len()) => {
                Some(("studies", "需要1到200个检查 / 1 to 200 studies"))
            }
            () if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX => {
                Some(("reason", "请写明用途，最多500字 / say what for, in at most 500 characters"))
            }
            () if project.options.contains(&ProfileOption::RetainUids) => Some((
                "project",
                "保留原始 UID 的项目不能放入教学库 / what retains original UIDs leads back to its patient, and goes into no \
                 collection",
            )),
            () => None,
        }
    }
}

/// A page of placements.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The placements, newest first.
    pub placements: Vec<Placement>,
    /// Whether there are more behind them.
    pub more: bool,
}

impl Placement {
    pub(super) fn of(record: &Record) -> Result<Self, StorageError> {
        serde_json::from_value(record.body.clone()).map_err(|_| StorageError::Corrupt("a placement"))
    }

    pub(super) fn put(&self, expected: Expected) -> Result<Put, StorageError> {
        let mut keys = vec![
            ("organisation", self.organisation.to_string()),
            ("project", self.project.clone()),
            ("collection", self.collection.to_string()),
        ];
        keys.extend(self.study.as_ref().map(|study| ("study", study.to_string())));
        if self.state.is_busy() {
            keys.push(("busy", self.project.clone()));
        }
        Ok(Put {
            kind: KIND,
            id: self.id.clone(),
            expected,
            body: serde_json::to_value(self)
                .map_err(|_| StorageError::Unavailable("writing a placement as JSON".to_owned()))?,
            keys,
            unique: vec![("copy", copy_key(&self.collection, &self.copy))],
            sort: self.at_ms,
            visible_to: vec![self.organisation.clone()],
        })
    }

    /// Forgets whose study it was.
    pub(super) fn forget(&mut self) {
        self.study = None;
        self.act = None;
        self.reason.clear();
    }

    fn job(&self, task: &str) -> NewJob {
        // What happens in one collection happens in order: a study is not taken out while it is put there.
        let body = json!({ "placement": self.id, "task": task });
        NewJob::new(JOB, self.collection.to_string(), self.organisation.clone(), body)
    }
}

fn copy_key(collection: &OrgId, copy: &Uid) -> String {
    format!("{collection}/{copy}")
}

fn entry(action: AuditAction, object: String, detail: String) -> AuditEntry {
    AuditEntry { action, object, outcome: AuditOutcome::Success, detail }
}

/// The collections that an organisation fills: those that it looks after, and those of who looks after it (a township's
/// centre).
///
/// # Errors
/// [`StorageError`].
pub async fn collections(storage: &Storage, own: &OrgId) -> Result<Vec<Organisation>, StorageError> {
    let keeper = storage.organisation(own).await?.looked_after_by;
    let mut all = storage.organisations().await?;
    all.retain(|one| {
        let is_near =
            one.is_looked_after_by(own) || keeper.as_ref().is_some_and(|by| one.is_looked_after_by(by));
        one.is_collection() && is_near
    });
    Ok(all)
}

/// Has studies put into a collection. One event for the act and one for each study. What is there already, or on its way, is
/// recognised: what has been added to its study since follows.
///
/// # Errors
/// [`StorageError::NotFound`] when the collection or a study is not the organisation's; [`StorageError::Conflict`] for a wish
/// with a fault, a closed project, or a study that is just being taken out.
pub async fn put(
    storage: &Storage,
    scope: &Scope,
    project: &Project,
    wish: Wish,
) -> Result<Vec<Placement>, StorageError> {
    if project.is_closed {
        return Err(StorageError::Conflict("the project is closed"));
    }
    if let Some((field, _)) = wish.fault(project) {
        return Err(StorageError::Conflict(field));
    }
    let all = collections(storage, &project.organisation).await?;
    if !all.iter().any(|collection| collection.id == wish.collection) {
        return Err(StorageError::NotFound);
    }
    // UIDs are the same whoever the patient is.
    let uids = disguise(storage, project, "").await?;
    let act = uuid::Uuid::new_v4().to_string();
    let (mut change, mut placements) = (Change::default(), Vec::new());
    let (purpose, collection) = (wish.purpose.word(), &wish.collection);
    let risky = if wish.with_risky { ", with images that may show identity" } else { "" };
    let count = wish.studies.len();
    change.audit.push(entry(
        AuditAction::Export,
        format!("deidentification/{}/collection/{collection}", project.id),
        format!("de-identified, {purpose}, {count} studies into a collection{risky}, act {act}"),
    ));
    for study in &wish.studies {
        survey::is_there(storage, scope, project, study).await?;
        let copy = Uid::parse(&uids.uid(study.as_str())).map_err(|_| StorageError::Corrupt("a UID"))?;
        let known = by_copy(storage, scope, collection, &copy).await?;
        change.audit.push(entry(
            AuditAction::Export,
            format!("study/{study}"),
            format!("de-identified, {purpose}, into a collection, act {act}"),
        ));
        let (mut placement, expected) = match known {
            Some((placement, _)) if placement.state == State::TakingOut => {
                return Err(StorageError::Conflict("a study is being taken out"));
            }
            Some((placement, _)) if placement.state.is_busy() && placement.with_risky == wish.with_risky => {
                placements.push(placement);
                continue;
            }
            // The copies that may show identity would stay, and the page would say that there are none.
            Some((placement, _)) if placement.with_risky && !wish.with_risky => {
                return Err(StorageError::Conflict(
                    "a study is there with images that may show identity: take it out first",
                ));
            }
            Some((placement, version)) => (placement, Expected::Version(version)),
            None => (new(project, collection, study, copy), Expected::Absent),
        };
        placement.act = Some(act.clone());
        (placement.with_risky, placement.purpose) = (wish.with_risky, wish.purpose);
        wish.reason.trim().clone_into(&mut placement.reason);
        (placement.by, placement.at_ms) = (actor(scope), now_ms());
        (placement.state, placement.why) = (State::Waiting, String::new());
        change.puts.push(placement.put(expected)?);
        change.jobs.push(placement.job("put"));
        placements.push(placement);
    }
    storage.apply(scope, change).await?;
    Ok(placements)
}

fn new(project: &Project, collection: &OrgId, study: &Uid, copy: Uid) -> Placement {
    Placement {
        id: uuid::Uuid::new_v4().to_string(),
        organisation: project.organisation.clone(),
        project: project.id.clone(),
        collection: collection.clone(),
        study: Some(study.clone()),
        copy,
        pseudonym: String::new(),
        act: None,
        with_risky: false,
        purpose: Purpose::Teaching,
        reason: String::new(),
        by: String::new(),
        at_ms: 0,
        state: State::Waiting,
        why: String::new(),
        instances: 0,
        of: 0,
        left_out: BTreeMap::new(),
        was_there: false,
    }
}

async fn by_copy(
    storage: &Storage,
    scope: &Scope,
    collection: &OrgId,
    copy: &Uid,
) -> Result<Option<(Placement, i64)>, StorageError> {
    let query = RecordQuery::new(KIND).with("copy", copy_key(collection, copy));
    let found = storage.records(scope, &query).await?;
    found.first().map(|record| Ok((Placement::of(record)?, record.version))).transpose()
}

/// One placement of an organisation.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn placement(
    storage: &Storage,
    scope: &Scope,
    organisation: &OrgId,
    id: &str,
) -> Result<Placement, StorageError> {
    versioned(storage, scope, organisation, id).await.map(|(placement, _)| placement)
}

async fn versioned(
    storage: &Storage,
    scope: &Scope,
    organisation: &OrgId,
    id: &str,
) -> Result<(Placement, i64), StorageError> {
    let record = storage.record(scope, KIND, id).await?;
    let placement = Placement::of(&record)?;
    if placement.organisation == *organisation {
        Ok((placement, record.version))
    } else {
        Err(StorageError::NotFound)
    }
}

/// What an organisation has put into collections, newest first: all of it, or into one.
///
/// # Errors
/// [`StorageError`].
pub async fn placements(
    storage: &Storage,
    scope: &Scope,
    organisation: &OrgId,
    collection: Option<&str>,
    (limit, offset): (u32, u32),
) -> Result<Listed, StorageError> {
    let mut query = RecordQuery::new(KIND).with("organisation", organisation.to_string());
    if let Some(collection) = collection {
        query = query.with("collection", collection);
    }
    let limit = limit.clamp(1, PAGE_MAX);
    (query.order, query.limit, query.offset) = (Order::Descending, limit + 1, offset);
    let records = storage.records(scope, &query).await?;
    let more = records.len() > limit as usize;
    let placements = records.iter().take(limit as usize).map(Placement::of).collect::<Result<_, _>>()?;
    Ok(Listed { placements, more })
}

/// Has a study taken out of its collection again: its copies are deleted.
///
/// # Errors
/// [`StorageError::NotFound`]; [`StorageError::Conflict`] when it changes just now.
pub async fn take_out(
    storage: &Storage,
    scope: &Scope,
    organisation: &OrgId,
    id: &str,
) -> Result<Placement, StorageError> {
    let (mut placement, version) = versioned(storage, scope, organisation, id).await?;
    if placement.state == State::TakingOut {
        return Ok(placement);
    }
    placement.state = State::TakingOut;
    let object = format!("deidentification/{}/collection/{}", placement.project, placement.collection);
    let said = || "taken out of a collection".to_owned();
    let mut audit = vec![entry(AuditAction::Delete, object, said())];
    audit.extend(
        placement.study.as_ref().map(|study| entry(AuditAction::Delete, format!("study/{study}"), said())),
    );
    let puts = vec![placement.put(Expected::Version(version))?];
    let jobs = vec![placement.job("take_out")];
    storage.apply(scope, Change { puts, audit, jobs, ..Change::default() }).await?;
    Ok(placement)
}

/// Whether something is being done to a project's studies in collections.
pub(super) async fn is_busy(storage: &Storage, project: &str) -> Result<bool, StorageError> {
    let query = RecordQuery { limit: 1, ..RecordQuery::new(KIND).with("busy", project) };
    Ok(!storage.records(&Scope::node("closing a project"), &query).await?.is_empty())
}

/// Forgets which studies lie in collections for a project: what is there stays, and leads back to nobody.
pub(super) async fn forget_studies(storage: &Storage, project: &str) -> Result<(), StorageError> {
    let node = Scope::node("closing a project");
    let mut query = RecordQuery::new(KIND).with("project", project);
    loop {
        let page = storage.records(&node, &query).await?;
        for record in &page {
            let mut placement = Placement::of(record)?;
            if placement.study.is_some() {
                placement.forget();
                let puts = vec![placement.put(Expected::Version(record.version))?];
                storage.apply(&node, Change { puts, ..Change::default() }).await?;
            }
        }
        match page.last() {
            Some(last) if page.len() >= query.limit as usize => {
                query.after = Some((last.sort, last.id.clone()));
            }
            _ => return Ok(()),
        }
    }
}
