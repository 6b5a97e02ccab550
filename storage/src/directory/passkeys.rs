//! What an account proves with besides password and phone: passkeys, accounts of a single sign-on, and the browsers in which
//! its holder has logged in.

use super::accounts::entry;
use super::{directory, put, value};
use crate::record::{Change, Expected, Put, RecordQuery};
use crate::{AuditOutcome, Storage, StorageError};
use access::sign_on::SignOn;
use access::{Passkey, Secret};
use model::time_text::unix_ms;
use model::{PersonId, Scope, Sha256};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub(super) const PASSKEY: &str = "passkey";
pub(super) const SIGN_ON: &str = "sign-on";
pub(super) const BROWSER: &str = "known-browser";

/// Browsers of one account that are known at most.
const BROWSERS_MAX: usize = 20;

/// A person in a browser in which they have logged in: others may have, too.
#[derive(Serialize, Deserialize)]
struct Browser {
    person: PersonId,
    since_ms: i64,
}

fn browser_id(secret: &Secret, person: &PersonId) -> String {
    Secret::new(format!("{}:{person}", secret.sha256())).sha256().to_string()
}

fn put_of(passkey: &Passkey, expected: Expected) -> Result<Put, StorageError> {
    let mut put = Put { expected, ..put(PASSKEY, passkey.id.to_string(), passkey)? };
    put.keys.push(("person", passkey.person.to_string()));
    Ok(put)
}

pub(super) fn put_of_sign_on(sign_on: &SignOn, expected: Expected) -> Result<Put, StorageError> {
    let mut put = Put { expected, ..put(SIGN_ON, sign_on.id().to_string(), sign_on)? };
    put.keys.push(("person", sign_on.person.to_string()));
    Ok(put)
}

impl Storage {
    /// The passkeys of a person.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn passkeys_of(&self, person: &PersonId) -> Result<Vec<Passkey>, StorageError> {
        self.all(RecordQuery::new(PASSKEY).with("person", person.as_str())).await
    }

    /// A passkey.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn passkey(&self, id: &Sha256) -> Result<Passkey, StorageError> {
        self.one(PASSKEY, &id.to_string()).await
    }

    /// Keeps a new passkey.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when there is one of its identifier, whosever it is.
    pub async fn add_passkey(&self, scope: &Scope, passkey: &Passkey) -> Result<(), StorageError> {
        let change = Change {
            puts: vec![put_of(passkey, Expected::Absent)?],
            audit: vec![entry(&passkey.person, AuditOutcome::Success, "passkey registered")],
            ..Change::default()
        };
        self.change_account(scope, &passkey.person, change).await
    }

    /// Removes a passkey of a person.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when there is none, also when it is somebody else's.
    pub async fn remove_passkey(
        &self,
        scope: &Scope,
        person: &PersonId,
        id: &Sha256,
    ) -> Result<(), StorageError> {
        if self.passkey(id).await?.person != *person {
            return Err(StorageError::NotFound);
        }
        let change = Change {
            removes: vec![(PASSKEY, id.to_string())],
            audit: vec![entry(person, AuditOutcome::Success, "passkey removed")],
            ..Change::default()
        };
        self.change_account(scope, person, change).await
    }

    /// Has `decide` look at a passkey; what it changes is kept before the answer is given. Of two that prove the same counter
    /// at once, one is told no.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn use_passkey<E>(
        &self,
        id: &Sha256,
        decide: impl FnOnce(&mut Passkey) -> Result<(), E>,
    ) -> Result<Result<Passkey, Option<E>>, StorageError> {
        let record = match self.record(&directory(), PASSKEY, &id.to_string()).await {
            Err(StorageError::NotFound) => return Ok(Err(None)),
            other => other?,
        };
        let version = record.version;
        let mut passkey: Passkey = value(record)?;
        if let Err(error) = decide(&mut passkey) {
            return Ok(Err(Some(error)));
        }
        let puts = vec![put_of(&passkey, Expected::Version(version))?];
        match self.apply(&directory(), Change { puts, ..Change::default() }).await {
            Err(StorageError::Conflict(_)) => Ok(Err(None)),
            other => other.map(|()| Ok(passkey)),
        }
    }

    /// Whether this person has logged in in the browser that has the secret.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn knows_browser(&self, secret: &Secret, person: &PersonId) -> Result<bool, StorageError> {
        match self.one::<Browser>(BROWSER, &browser_id(secret, person)).await {
            Ok(browser) => Ok(browser.person == *person),
            Err(StorageError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Keeps that a person has logged in in a browser; of many of theirs, the oldest are forgotten.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn know_browser(&self, secret: &Secret, person: &PersonId) -> Result<(), StorageError> {
        let since_ms = unix_ms(OffsetDateTime::now_utc());
        let query = RecordQuery::new(BROWSER).with("person", person.as_str());
        let known = self.records(&directory(), &query).await?;
        let over = (known.len() + 1).saturating_sub(BROWSERS_MAX);
        let forgets = known.into_iter().take(over).map(|record| (BROWSER, record.id)).collect();
        let browser = Browser { person: person.clone(), since_ms };
        let mut new = put(BROWSER, browser_id(secret, person), &browser)?;
        new.keys.push(("person", person.to_string()));
        new.sort = since_ms;
        self.apply(&directory(), Change { puts: vec![new], forgets, ..Change::default() }).await
    }

    /// Binds an account of a single sign-on to a person.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when it is bound already.
    pub async fn bind_sign_on(&self, scope: &Scope, sign_on: &SignOn) -> Result<(), StorageError> {
        let change = Change {
            puts: vec![put_of_sign_on(sign_on, Expected::Absent)?],
            audit: vec![entry(&sign_on.person, AuditOutcome::Success, "single sign-on bound")],
            ..Change::default()
        };
        self.change_account(scope, &sign_on.person, change).await
    }

    /// The binding of an account of a single sign-on.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn sign_on(&self, issuer: &str, subject: &str) -> Result<SignOn, StorageError> {
        self.one(SIGN_ON, &access::sign_on::id(issuer, subject).to_string()).await
    }

    /// The bindings of a person.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn sign_ons_of(&self, person: &PersonId) -> Result<Vec<SignOn>, StorageError> {
        self.all(RecordQuery::new(SIGN_ON).with("person", person.as_str())).await
    }

    /// Takes off all bindings of a person.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn unbind_sign_ons(&self, scope: &Scope, person: &PersonId) -> Result<(), StorageError> {
        let change = Change {
            forgets: self.of_person(SIGN_ON, person).await?,
            audit: vec![entry(person, AuditOutcome::Success, "single sign-on taken off")],
            ..Change::default()
        };
        self.change_account(scope, person, change).await
    }
}
