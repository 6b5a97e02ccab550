//! Organisations, people, devices, tokens, sessions and agreements of `access`, kept as records.
//!
//! Who may write them is decided above; here the scope is only who the audit chain names.

mod accounts;
mod amended;
mod many;
mod passkeys;
mod sessions;

pub use accounts::LastUse;
pub use amended::STALE;

use crate::record::{Change, Expected, Put, Record, RecordQuery};
use crate::writer::Changing;
use crate::{AuditAction, AuditEntry, AuditOutcome, Storage, StorageError};
use access::{Agreement, Caller, Device, Organisation, Person, Secret, Session, Token};
use model::{AeTitle, OrgId, PersonId, Scope, Sha256, TokenId};
use moka::sync::Cache;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

const ORGANISATION: &str = "organisation";
const PERSON: &str = "person";
const DEVICE: &str = "device";
const DEVICE_SEEN: &str = "device-seen";
const TOKEN: &str = "token";
const SESSION: &str = "session";
const AGREEMENT: &str = "agreement";

/// Tokens and sessions that were looked up a moment ago: a change made by another process shows within this time.
pub(crate) struct Callers {
    tokens: Cache<Sha256, Arc<Token>>,
    sessions: Cache<Sha256, (Session, Person)>,
    /// Devices whose call was written down within the last minute.
    devices_seen: Cache<AeTitle, ()>,
    /// Tokens and sessions whose use was written down within the last minute.
    used: Cache<String, ()>,
}

/// When a device called last, to the minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSeen {
    /// Its AE title.
    pub ae_title: AeTitle,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Where it called from.
    pub address: IpAddr,
}

const CALLER_SECONDS: u64 = 5;
const DEVICE_SEEN_SECONDS: u64 = 60;
const CALLERS_MAX: u64 = 10_000;

impl Callers {
    pub fn new() -> Self {
        let seconds = Duration::from_secs(CALLER_SECONDS);
        Self {
            tokens: Cache::builder().max_capacity(CALLERS_MAX).time_to_live(seconds).build(),
            sessions: Cache::builder().max_capacity(CALLERS_MAX).time_to_live(seconds).build(),
            devices_seen: Cache::builder()
                .max_capacity(CALLERS_MAX)
                .time_to_live(Duration::from_secs(DEVICE_SEEN_SECONDS))
                .build(),
            used: Cache::builder()
                .max_capacity(CALLERS_MAX)
                .time_to_live(Duration::from_secs(DEVICE_SEEN_SECONDS))
                .build(),
        }
    }
}

/// The reach of the directory itself: its records are shown to nobody else.
fn directory() -> Scope {
    Scope::node("directory")
}

fn body<T: Serialize>(value: &T) -> Result<serde_json::Value, StorageError> {
    serde_json::to_value(value).map_err(|_| StorageError::Unavailable("writing a record as JSON".to_owned()))
}

fn value<T: DeserializeOwned>(record: Record) -> Result<T, StorageError> {
    serde_json::from_value(record.body).map_err(|_| StorageError::Corrupt("a record of the directory"))
}

fn put<T: Serialize>(kind: &'static str, id: String, content: &T) -> Result<Put, StorageError> {
    Ok(Put {
        kind,
        id,
        expected: Expected::Anything,
        body: body(content)?,
        keys: Vec::new(),
        unique: Vec::new(),
        sort: 0,
        visible_to: Vec::new(),
    })
}

fn put_of_person(person: &Person) -> Result<Put, StorageError> {
    if person.holds_office() && !person.memberships.is_empty() {
        return Err(StorageError::Conflict("memberships"));
    }
    let mut put = put(PERSON, person.id.to_string(), person)?;
    put.unique.push(("login", person.login.to_lowercase()));
    put.keys.push(("organisation", person.organisation.to_string()));
    put.keys.extend(person.memberships.iter().map(|m| ("member_of", m.organisation.to_string())));
    Ok(put)
}

impl Storage {
    /// Writes with the reach of the directory; the audit chain names the scope's actor. What the node itself does is filed
    /// under the organisation that it concerns, whose auditor is to see it.
    async fn administer(&self, scope: &Scope, put: Put, concerned: &OrgId) -> Result<(), StorageError> {
        let entry = AuditEntry {
            action: AuditAction::Administer,
            object: format!("{}/{}", put.kind, put.id),
            outcome: AuditOutcome::Success,
            detail: String::new(),
        };
        let change = Change { puts: vec![put], audit: vec![entry], ..Change::default() };
        self.change_directory(scope, Some(concerned.clone()), change).await
    }

    async fn change_directory(
        &self,
        scope: &Scope,
        concerned: Option<OrgId>,
        change: Change,
    ) -> Result<(), StorageError> {
        let organisation = scope.viewer().cloned().or(concerned);
        let scope = Scope { actor: scope.actor.clone(), ..Scope::node("") };
        self.apply_changing(Changing { scope, organisation, change }).await
    }

    /// Writes what is shown to no organisation, such as how a person likes their pages or what was opened in an emergency. The
    /// audit chain has it under the organisation that the scope acts for.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn apply_unseen(&self, scope: &Scope, change: Change) -> Result<(), StorageError> {
        self.change_directory(scope, None, change).await
    }

    async fn one<T: DeserializeOwned>(&self, kind: &'static str, id: &str) -> Result<T, StorageError> {
        value(self.record(&directory(), kind, id).await?)
    }

    async fn all<T: DeserializeOwned>(&self, query: RecordQuery) -> Result<Vec<T>, StorageError> {
        let query = RecordQuery { limit: 100_000, ..query };
        self.records(&directory(), &query).await?.into_iter().map(value).collect()
    }

    /// Writes an organisation.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn put_organisation(&self, scope: &Scope, value: &Organisation) -> Result<(), StorageError> {
        // What is hidden belongs to names of this kind.
        if value.id.as_str().starts_with('-') {
            return Err(StorageError::Conflict("an organisation's identifier does not begin with a hyphen"));
        }
        self.administer(scope, put(ORGANISATION, value.id.to_string(), value)?, &value.id).await
    }
    /// An organisation; everyone may know its name.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn organisation(&self, id: &OrgId) -> Result<Organisation, StorageError> {
        self.one(ORGANISATION, id.as_str()).await
    }
    /// All organisations.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn organisations(&self) -> Result<Vec<Organisation>, StorageError> {
        self.all(RecordQuery::new(ORGANISATION)).await
    }
    /// Writes a person. When it is disabled, its sessions end at once here and within seconds elsewhere.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when the login is taken.
    pub async fn put_person(&self, scope: &Scope, value: &Person) -> Result<(), StorageError> {
        let result = self.administer(scope, put_of_person(value)?, &value.organisation).await;
        self.inner.callers.sessions.invalidate_all();
        result
    }
    /// A person by identifier.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn person(&self, id: &PersonId) -> Result<Person, StorageError> {
        self.one(PERSON, id.as_str()).await
    }
    /// A person by login name, in any case of letters.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn person_by_login(&self, login: &str) -> Result<Person, StorageError> {
        let query = RecordQuery::new(PERSON).with("login", login.to_lowercase());
        self.all(query).await?.into_iter().next().ok_or(StorageError::NotFound)
    }
    /// All people of an organisation; none when it is not the scope's own.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn people(&self, scope: &Scope, organisation: &OrgId) -> Result<Vec<Person>, StorageError> {
        if scope.viewer().is_some_and(|viewer| viewer != organisation) {
            return Ok(Vec::new());
        }
        self.all(RecordQuery::new(PERSON).with("organisation", organisation.as_str())).await
    }
    /// Everybody who acts for an organisation, with the roles that they have there: its own people, and those whose home is
    /// another and who are members of it.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn people_acting_for(&self, organisation: &OrgId) -> Result<Vec<Person>, StorageError> {
        let mut people: Vec<Person> = Vec::new();
        for key in ["organisation", "member_of"] {
            people
                .extend(self.all::<Person>(RecordQuery::new(PERSON).with(key, organisation.as_str())).await?);
        }
        Ok(people.iter().filter_map(|person| person.acting_for(organisation)).collect())
    }
    /// Writes a device.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when the AE title belongs to another organisation.
    pub async fn put_device(&self, scope: &Scope, value: &Device) -> Result<(), StorageError> {
        let mut put = put(DEVICE, value.ae_title.to_string(), value)?;
        put.keys.push(("organisation", value.organisation.to_string()));
        match self.record(&directory(), DEVICE, value.ae_title.as_str()).await {
            Err(StorageError::NotFound) => put.expected = Expected::Absent,
            Err(error) => return Err(error),
            Ok(record) => {
                put.expected = Expected::Version(record.version);
                let there: Device = self::value(record)?;
                if there.organisation != value.organisation {
                    return Err(StorageError::Conflict("ae_title"));
                }
            }
        }
        self.administer(scope, put, &value.organisation).await
    }
    /// Removes a device; what it stored stays.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when there is none, also when it is of another organisation than the scope's.
    pub async fn remove_device(&self, scope: &Scope, ae_title: &AeTitle) -> Result<(), StorageError> {
        let device = self.device(ae_title).await?;
        if scope.viewer().is_some_and(|viewer| *viewer != device.organisation) {
            return Err(StorageError::NotFound);
        }
        let entry = AuditEntry {
            action: AuditAction::Administer,
            object: format!("{DEVICE}/{ae_title}"),
            outcome: AuditOutcome::Success,
            detail: "removed".to_owned(),
        };
        let removes = vec![(DEVICE, ae_title.to_string())];
        let change = Change { removes, audit: vec![entry], ..Change::default() };
        self.change_directory(scope, Some(device.organisation), change).await
    }
    /// A device by its AE title.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn device(&self, ae_title: &AeTitle) -> Result<Device, StorageError> {
        self.one(DEVICE, ae_title.as_str()).await
    }
    /// All devices: of the scope's organisation, or of all for the node.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn devices(&self, scope: &Scope) -> Result<Vec<Device>, StorageError> {
        let query = RecordQuery::new(DEVICE);
        self.all(match scope.viewer() {
            Some(viewer) => query.with("organisation", viewer.as_str()),
            None => query,
        })
        .await
    }
    /// Writes down that a device has called, once a minute at most: whether it is written is nobody's to wait for.
    pub fn note_device(&self, device: &Device, address: IpAddr) {
        let seen = &self.inner.callers.devices_seen;
        if seen.contains_key(&device.ae_title) {
            return;
        }
        seen.insert(device.ae_title.clone(), ());
        let at_ms = model::time_text::unix_ms(OffsetDateTime::now_utc());
        let value = DeviceSeen { ae_title: device.ae_title.clone(), at_ms, address };
        let (storage, organisation) = (self.clone(), device.organisation.to_string());
        tokio::spawn(async move {
            let written = async {
                let mut put = put(DEVICE_SEEN, value.ae_title.to_string(), &value)?;
                put.keys.push(("organisation", organisation));
                storage.apply(&directory(), Change { puts: vec![put], ..Change::default() }).await
            };
            if let Err(error) = written.await {
                tracing::warn!(%error, "it could not be noted that a device has called");
            }
        });
    }
    /// When devices called last: those of the scope's organisation, or all for the node.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn devices_seen(&self, scope: &Scope) -> Result<Vec<DeviceSeen>, StorageError> {
        let query = RecordQuery::new(DEVICE_SEEN);
        self.all(match scope.viewer() {
            Some(viewer) => query.with("organisation", viewer.as_str()),
            None => query,
        })
        .await
    }
    /// Writes a token.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn put_token(&self, scope: &Scope, value: &Token) -> Result<(), StorageError> {
        let mut put = put(TOKEN, value.id.to_string(), value)?;
        put.unique.push(("secret", value.secret_sha256.to_string()));
        put.keys.push(("organisation", value.organisation.to_string()));
        let result = self.administer(scope, put, &value.organisation).await;
        self.inner.callers.tokens.invalidate_all();
        result
    }
    /// The caller that a bearer token stands for, if it is valid now and for who has shown this certificate (its SHA-256);
    /// cached for some seconds.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn caller_by_token(
        &self,
        secret: &Secret,
        address: Option<IpAddr>,
        certificate: Option<Sha256>,
    ) -> Result<Caller, StorageError> {
        let secret = secret.sha256();
        let token = match self.inner.callers.tokens.get(&secret) {
            Some(token) => token,
            None => Box::pin(self.look_up_token(secret)).await?,
        };
        if !token.is_good_at(OffsetDateTime::now_utc()) || !token.is_good_with(certificate) {
            return Err(StorageError::NotFound);
        }
        self.note_use(token.id.as_str(), address);
        Ok(Caller::token(&token, address))
    }
    async fn look_up_token(&self, secret: Sha256) -> Result<Arc<Token>, StorageError> {
        let query = RecordQuery::new(TOKEN).with("secret", secret.to_string());
        let found: Option<Token> = self.all(query).await?.into_iter().next();
        let token = Arc::new(found.ok_or(StorageError::NotFound)?);
        self.inner.callers.tokens.insert(secret, token.clone());
        Ok(token)
    }
    /// A token by its identifier.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn token(&self, id: &TokenId) -> Result<Token, StorageError> {
        self.one(TOKEN, id.as_str()).await
    }
    /// The tokens of an organisation, revoked ones too.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn tokens(&self, organisation: &OrgId) -> Result<Vec<Token>, StorageError> {
        self.all(RecordQuery::new(TOKEN).with("organisation", organisation.as_str())).await
    }
    /// The caller that a session cookie stands for, if it is valid now and the person is not disabled; cached for
    /// some seconds.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn caller_by_session(
        &self,
        secret: &Secret,
        address: Option<IpAddr>,
    ) -> Result<Caller, StorageError> {
        let (_, person) = self.session(secret).await?;
        Ok(Caller::person(&person, address))
    }
    /// The session of a cookie, if it is valid now, and the person as they act in it; cached for some seconds.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] also when the person is disabled, or may no longer act for whom the session is.
    pub async fn session(&self, secret: &Secret) -> Result<(Session, Person), StorageError> {
        let secret = secret.sha256();
        let (session, person) = match self.inner.callers.sessions.get(&secret) {
            Some(found) => found,
            None => Box::pin(self.look_up_session(secret)).await?,
        };
        if session.expires_at <= OffsetDateTime::now_utc() || person.is_disabled {
            return Err(StorageError::NotFound);
        }
        Ok((session, person))
    }
    async fn look_up_session(&self, secret: Sha256) -> Result<(Session, Person), StorageError> {
        let session: Session = self.one(SESSION, &secret.to_string()).await?;
        let person = self.person(&session.person).await?;
        let person = match &session.acting_for {
            Some(organisation) => person.acting_for(organisation).ok_or(StorageError::NotFound)?,
            None => person,
        };
        self.inner.callers.sessions.insert(secret, (session.clone(), person.clone()));
        Ok((session, person))
    }
    /// As [`Self::caller_by_session`], as it stands now: for whoever is shown things for as long as a session lasts, and
    /// must notice within seconds that another process has ended it.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn caller_by_session_now(
        &self,
        secret: &Secret,
        address: Option<IpAddr>,
    ) -> Result<Caller, StorageError> {
        self.inner.callers.sessions.invalidate(&secret.sha256());
        self.caller_by_session(secret, address).await
    }
    /// Ends a session, at once.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn end_session(&self, secret: &Secret) -> Result<(), StorageError> {
        let secret = secret.sha256();
        let change = Change { removes: vec![(SESSION, secret.to_string())], ..Change::default() };
        let result = self.apply(&directory(), change).await;
        self.inner.callers.sessions.invalidate(&secret);
        match result {
            Err(StorageError::NotFound) => Ok(()),
            other => other,
        }
    }
    /// Writes an agreement.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn put_agreement(&self, scope: &Scope, value: &Agreement) -> Result<(), StorageError> {
        let mut put = put(AGREEMENT, value.id.clone(), value)?;
        put.keys.push(("side", value.requesting.to_string()));
        put.keys.push(("side", value.reading.to_string()));
        self.administer(scope, put, &value.requesting).await
    }
    /// An agreement by its identifier.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn agreement(&self, id: &str) -> Result<Agreement, StorageError> {
        self.one(AGREEMENT, id).await
    }
    /// Agreements in which the organisation is one side.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn agreements(&self, organisation: &OrgId) -> Result<Vec<Agreement>, StorageError> {
        self.all(RecordQuery::new(AGREEMENT).with("side", organisation.as_str())).await
    }
}
