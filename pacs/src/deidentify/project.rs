//! Projects: for whom identities are disguised, in which way, and the secret that makes it the same way each time.

use super::placement;
use dataset::deidentify::{Disguise, Profile, ProfileOption};
use model::{OrgId, Scope};
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Order, Put, Record, RecordQuery, Storage,
    StorageError,
};
use time::OffsetDateTime;

const KIND: &str = "deidentification_project";
/// The secrets are seen by the node itself only.
const SECRET_KIND: &str = "deidentification_secret";
const NAME_CHARS_MAX: usize = 100;

/// A project of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Identifier.
    pub id: String,
    /// Whose patients.
    pub organisation: OrgId,
    /// What people call it.
    pub name: String,
    /// Options of the profile.
    pub options: Vec<ProfileOption>,
    /// Who made it: kind and identifier.
    pub made_by: String,
    /// When, Unix milliseconds.
    pub made_at_ms: i64,
    /// Nothing more is exported for it.
    #[serde(default)]
    pub is_closed: bool,
}

/// A project to be made.
#[derive(Debug, Clone)]
pub struct NewProject {
    /// What people call it: 1 to 100 characters.
    pub name: String,
    /// Options of the profile.
    pub options: Vec<ProfileOption>,
}

impl NewProject {
    /// Which field is wrong, and why.
    #[must_use]
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let name = self.name.trim();
        let is_name =
            !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX && !name.chars().any(char::is_control);
        match () {
            () if !is_name => Some(("name", "1 to 100 characters are needed")),
            () if Profile::new(&self.options).is_none() => {
                Some(("options", "dates are kept or moved, not both"))
            }
            () => None,
        }
    }
}

impl Project {
    /// The profile with the project's options.
    #[must_use]
    pub fn profile(&self) -> Profile {
        Profile::new(&self.options).unwrap_or_default()
    }

    fn of(record: &Record) -> Result<Self, StorageError> {
        serde_json::from_value(record.body.clone()).map_err(|_| StorageError::Corrupt("a project"))
    }

    fn put(&self, expected: Expected) -> Result<Put, StorageError> {
        let body = serde_json::to_value(self)
            .map_err(|_| StorageError::Unavailable("writing a project as JSON".to_owned()))?;
        Ok(Put {
            kind: KIND,
            id: self.id.clone(),
            expected,
            body,
            keys: vec![("organisation", self.organisation.to_string())],
            unique: Vec::new(),
            sort: self.made_at_ms,
            visible_to: vec![self.organisation.clone()],
        })
    }

    fn audit(&self, detail: &str) -> AuditEntry {
        AuditEntry {
            action: AuditAction::Change,
            object: format!("deidentification/{}", self.id),
            outcome: AuditOutcome::Success,
            detail: detail.to_owned(),
        }
    }
}

/// Makes a project with a new secret.
///
/// # Errors
/// [`StorageError`]; a project with a fault is a [`StorageError::Conflict`].
pub async fn create(
    storage: &Storage,
    scope: &Scope,
    organisation: &OrgId,
    new: NewProject,
) -> Result<Project, StorageError> {
    if let Some((field, _)) = new.fault() {
        return Err(StorageError::Conflict(field));
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|_| StorageError::OutOfResources("randomness"))?;
    let mut options = new.options;
    options.sort_unstable();
    options.dedup();
    let project = Project {
        id: uuid::Uuid::now_v7().to_string(),
        organisation: organisation.clone(),
        name: new.name.trim().to_owned(),
        options,
        made_by: format!("{:?}:{}", scope.actor.kind, scope.actor.id).to_lowercase(),
        made_at_ms: model::time_text::unix_ms(OffsetDateTime::now_utc()),
        is_closed: false,
    };
    let kept = Put {
        kind: SECRET_KIND,
        id: project.id.clone(),
        expected: Expected::Absent,
        body: json!({ "secret": hex::encode(secret) }),
        keys: Vec::new(),
        unique: Vec::new(),
        sort: 0,
        visible_to: Vec::new(),
    };
    let change = Change {
        puts: vec![project.put(Expected::Absent)?, kept],
        audit: vec![project.audit("made")],
        ..Change::default()
    };
    storage.apply(scope, change).await?;
    Ok(project)
}

/// The projects of the scope's organisation, newest first.
///
/// # Errors
/// [`StorageError`].
pub async fn list(
    storage: &Storage,
    scope: &Scope,
    organisation: &OrgId,
) -> Result<Vec<Project>, StorageError> {
    let mut query = RecordQuery::new(KIND).with("organisation", organisation.to_string());
    query.order = Order::Descending;
    storage.records(scope, &query).await?.iter().map(Project::of).collect()
}

/// One of them.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn project(
    storage: &Storage,
    scope: &Scope,
    organisation: &OrgId,
    id: &str,
) -> Result<Project, StorageError> {
    let project = Project::of(&storage.record(scope, KIND, id).await?)?;
    if project.organisation == *organisation { Ok(project) } else { Err(StorageError::NotFound) }
}

/// Closes a project and destroys its secret: what was exported can no longer be led back to anybody, nor be added to.
///
/// # Errors
/// [`StorageError::NotFound`]; [`StorageError::Conflict`] while studies are on their way into a collection or out of it.
pub async fn close(
    storage: &Storage,
    scope: &Scope,
    organisation: &OrgId,
    id: &str,
) -> Result<Project, StorageError> {
    let record = storage.record(scope, KIND, id).await?;
    let mut project = Project::of(&record)?;
    if project.organisation != *organisation {
        return Err(StorageError::NotFound);
    }
    if !project.is_closed && placement::is_busy(storage, id).await? {
        return Err(StorageError::Conflict("its studies are on their way into a collection, or out of it"));
    }
    if !project.is_closed {
        project.is_closed = true;
        let change = Change {
            puts: vec![project.put(Expected::Version(record.version))?],
            audit: vec![project.audit("closed")],
            ..Change::default()
        };
        storage.apply(scope, change).await?;
    }
    placement::forget_studies(storage, id).await?;
    // By the node itself: nobody else sees it. Also of a project that is closed already: the node may have stopped in between.
    let forgets = vec![(SECRET_KIND, id.to_owned())];
    storage.apply(&Scope::node("closing a project"), Change { forgets, ..Change::default() }).await?;
    Ok(project)
}

/// How patients are disguised for a project.
pub(super) async fn disguise(
    storage: &Storage,
    project: &Project,
    patient: &str,
) -> Result<Disguise, StorageError> {
    let record = storage.record(&Scope::node("deidentification"), SECRET_KIND, &project.id).await?;
    let text = record.body.get("secret").and_then(|text| text.as_str()).unwrap_or_default();
    let mut secret = [0; 32];
    hex::decode_to_slice(text, &mut secret).map_err(|_| StorageError::Corrupt("the secret of a project"))?;
    Ok(Disguise::new(&secret, patient))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Actor, Limits};
    use storage::StorageConfig;

    /// As after a node that stopped between the two steps of closing.
    #[tokio::test]
    async fn closing_again_destroys_a_secret_that_was_left() {
        let directory = tempfile::tempdir().unwrap();
        let config = StorageConfig::sqlite(directory.path().join("data"), Limits::default());
        let storage = Storage::open(config).await.unwrap();
        let city = OrgId::parse("city").unwrap();
        let scope = Scope::organisation(Actor::node("test"), city.clone());
        let new = NewProject { name: "课题".into(), options: Vec::new() };
        let project = create(&storage, &scope, &city, new).await.unwrap();
        let node = Scope::node("test");
        let secret = async || storage.record(&node, SECRET_KIND, &project.id).await;
        let kept = secret().await.unwrap();
        assert!(close(&storage, &scope, &city, &project.id).await.unwrap().is_closed);
        let left = Put {
            kind: SECRET_KIND,
            id: project.id.clone(),
            expected: Expected::Absent,
            body: kept.body,
            keys: Vec::new(),
            unique: Vec::new(),
            sort: 0,
            visible_to: Vec::new(),
        };
        storage.apply(&node, Change { puts: vec![left], ..Change::default() }).await.unwrap();
        assert!(close(&storage, &scope, &city, &project.id).await.unwrap().is_closed);
        assert_eq!(secret().await.map(drop), Err(StorageError::NotFound));
    }
}
