//! What belongs to an account besides the person: invitations, the second factor, sessions, and when tokens and sessions
//! were last used. What must happen once (an invitation is taken, a code counts) is written over the version that was
//! read.

use super::amended::{STALE, is_seen};
use super::passkeys::{PASSKEY, SIGN_ON, put_of_sign_on};
use super::{PERSON, SESSION, directory, put, value};
use crate::record::{Change, Expected, Put, RecordQuery};
use crate::{AuditAction, AuditEntry, AuditOutcome, Storage, StorageError};
use access::sign_on::SignOn;
use access::{Invitation, Person, SecondFactor, Secret};
use model::{OrgId, PersonId, Scope};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use time::OffsetDateTime;

const INVITATION: &str = "invitation";
pub(super) const SECOND_FACTOR: &str = "second-factor";
pub(super) const LAST_USE: &str = "last-use";

/// How often a change of a person is tried again when somebody else was first.
const ATTEMPTS_MAX: u32 = 5;

/// When a token or a session was used last, to the minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUse {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// From where.
    pub address: Option<IpAddr>,
}

pub(super) fn entry(person: &PersonId, outcome: AuditOutcome, detail: &str) -> AuditEntry {
    AuditEntry {
        action: AuditAction::Administer,
        object: format!("{PERSON}/{person}"),
        outcome,
        detail: detail.to_owned(),
    }
}

fn audited(entry: AuditEntry) -> Change {
    Change { audit: vec![entry], ..Change::default() }
}

fn put_of(person: &Person, expected: Expected) -> Result<Put, StorageError> {
    Ok(Put { expected, ..super::put_of_person(person)? })
}

impl Storage {
    /// One change with the reach of the directory, on the chain of the scope's organisation; what the node itself does, on
    /// that of the account's.
    pub(super) async fn change_account(
        &self,
        scope: &Scope,
        whose: &PersonId,
        change: Change,
    ) -> Result<(), StorageError> {
        let concerned = match scope.viewer() {
            Some(_) => None,
            None => self.person(whose).await.ok().map(|person| person.organisation),
        };
        self.change_account_of(scope, concerned, change).await
    }

    async fn change_account_of(
        &self,
        scope: &Scope,
        concerned: Option<OrgId>,
        change: Change,
    ) -> Result<(), StorageError> {
        let result = self.change_directory(scope, concerned, change).await;
        self.inner.callers.sessions.invalidate_all();
        result
    }

    /// A new account; `detail` is the word for the audit chain.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] `login` when the login name is taken.
    pub async fn add_person(&self, scope: &Scope, person: &Person, detail: &str) -> Result<(), StorageError> {
        let change = Change {
            puts: vec![put_of(person, Expected::Absent)?],
            audit: vec![entry(&person.id, AuditOutcome::Success, detail)],
            ..Change::default()
        };
        self.change_account_of(scope, Some(person.organisation.clone()), change).await
    }

    /// Changes what is kept of a person, over whatever others have changed meanwhile. When the account is disabled, its
    /// sessions end at once here and within seconds elsewhere. What was given and taken is on the audit chain behind `detail`.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], [`StorageError::Conflict`].
    pub async fn amend_person(
        &self,
        scope: &Scope,
        id: &PersonId,
        detail: &str,
        amend: impl Fn(&mut Person),
    ) -> Result<Person, StorageError> {
        self.amend_person_as_seen(scope, id, None, detail, amend).await
    }

    /// The same, if the account is as somebody has seen it ([`Person::tag`]). Whoever is given work for another organisation
    /// has no open invitation any more: it would lead whoever holds it there.
    ///
    /// # Errors
    /// [`STALE`] when it is another by now; as [`Self::amend_person`].
    pub async fn amend_person_as_seen(
        &self,
        scope: &Scope,
        id: &PersonId,
        seen: Option<&str>,
        detail: &str,
        amend: impl Fn(&mut Person),
    ) -> Result<Person, StorageError> {
        let mut attempts = 0;
        loop {
            let record = self.record(&directory(), PERSON, id.as_str()).await?;
            let version = record.version;
            let kept: Person = value(record)?;
            if !is_seen(seen, &kept.tag()) {
                return Err(STALE);
            }
            let mut person = kept.clone();
            amend(&mut person);
            let changes = kept.changes(&person);
            let detail = if changes.is_empty() { detail.to_owned() } else { format!("{detail}: {changes}") };
            let forgets = if kept.gains_membership(&person) {
                self.of_person(INVITATION, id).await?
            } else {
                Vec::new()
            };
            let change = Change {
                forgets,
                puts: vec![put_of(&person, Expected::Version(version))?],
                audit: vec![entry(id, AuditOutcome::Success, &detail)],
                ..Change::default()
            };
            attempts += 1;
            match self.change_account_of(scope, Some(kept.organisation), change).await {
                Err(StorageError::Conflict(_)) if attempts < ATTEMPTS_MAX => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(person),
            }
        }
    }

    /// Gives an account new roles of another kind, as if it were a new one: whoever has prepared it has nothing in it. Its
    /// password, second factor, memberships, invitations and sessions are gone.
    ///
    /// # Errors
    /// [`StorageError::NotFound`]; [`StorageError::Conflict`] when it is changed meanwhile.
    pub async fn appoint(
        &self,
        scope: &Scope,
        id: &PersonId,
        detail: &str,
        amend: impl Fn(&mut Person),
    ) -> Result<Person, StorageError> {
        let record = self.record(&directory(), PERSON, id.as_str()).await?;
        let version = record.version;
        let kept: Person = value(record)?;
        let mut person = kept.clone();
        amend(&mut person);
        person.password_hash.clear();
        person.memberships.clear();
        let mut forgets = self.proofs_of(id).await?;
        forgets.extend(self.of_person(SESSION, id).await?);
        forgets.extend(self.of_person(INVITATION, id).await?);
        let detail = format!("{detail}: {}", kept.changes(&person));
        let change = Change {
            forgets,
            puts: vec![put_of(&person, Expected::Version(version))?],
            audit: vec![entry(id, AuditOutcome::Success, &detail)],
            ..Change::default()
        };
        self.change_account_of(scope, Some(kept.organisation), change).await.map(|()| person)
    }

    /// Puts on the audit chain that something about an account was refused.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn note_refusal(&self, scope: &Scope, id: &PersonId, detail: &str) -> Result<(), StorageError> {
        self.change_account(scope, id, audited(entry(id, AuditOutcome::Refused, detail))).await
    }

    /// Puts on the audit chain what was done to an account otherwise.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn note_account(&self, scope: &Scope, id: &PersonId, detail: &str) -> Result<(), StorageError> {
        self.change_account(scope, id, audited(entry(id, AuditOutcome::Success, detail))).await
    }

    /// Writes an invitation in place of any that the person still had.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn put_invitation(&self, scope: &Scope, invitation: &Invitation) -> Result<(), StorageError> {
        let mut new = put(INVITATION, invitation.secret_sha256.to_string(), invitation)?;
        new.keys.push(("person", invitation.person.to_string()));
        let change = Change {
            forgets: self.of_person(INVITATION, &invitation.person).await?,
            puts: vec![new],
            audit: vec![entry(&invitation.person, AuditOutcome::Success, "invited")],
            ..Change::default()
        };
        self.change_account(scope, &invitation.person, change).await
    }

    /// The person that an invitation is for, while it is open and the account is not disabled.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], whatever is amiss.
    pub async fn invited(&self, secret: &Secret) -> Result<(Invitation, Person), StorageError> {
        let invitation: Invitation = self.one(INVITATION, &secret.sha256().to_string()).await?;
        let person = self.person(&invitation.person).await?;
        if !invitation.is_open_at(OffsetDateTime::now_utc()) || person.is_disabled {
            return Err(StorageError::NotFound);
        }
        Ok((invitation, person))
    }

    /// Takes an invitation: the password is set, the invitation is gone, and the person's sessions and what single sign-on was
    /// bound have ended: whoever had come in before has to be invited, too. Of two at once, one finds it gone.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when it is gone or not good.
    pub async fn take_invitation(
        &self,
        scope: &Scope,
        secret: &Secret,
        password_hash: String,
    ) -> Result<Person, StorageError> {
        self.take(scope, secret, password_hash, None).await
    }

    /// The same by an account of single sign-on instead of a password: it is bound, and a password that there was is gone.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when the invitation is gone or not good; [`StorageError::Conflict`] when the account is bound to
    /// somebody else.
    pub async fn take_invitation_by_sign_on(
        &self,
        scope: &Scope,
        secret: &Secret,
        sign_on: &SignOn,
    ) -> Result<Person, StorageError> {
        match self.sign_on(&sign_on.issuer, &sign_on.subject).await {
            Ok(bound) if bound.person != sign_on.person => {
                return Err(StorageError::Conflict("single sign-on"));
            }
            Ok(_) | Err(StorageError::NotFound) => {}
            Err(error) => return Err(error),
        }
        self.take(scope, secret, String::new(), Some(sign_on)).await
    }

    async fn take(
        &self,
        scope: &Scope,
        secret: &Secret,
        password_hash: String,
        sign_on: Option<&SignOn>,
    ) -> Result<Person, StorageError> {
        let (invitation, person) = self.invited(secret).await?;
        let record = self.record(&directory(), PERSON, person.id.as_str()).await?;
        let version = record.version;
        let person = Person { password_hash, ..value(record)? };
        let mut forgets = self.of_person(SESSION, &person.id).await?;
        let bound = self.of_person(SIGN_ON, &person.id).await?;
        let mut puts = vec![put_of(&person, Expected::Version(version))?];
        if let Some(sign_on) = sign_on {
            let is_same = bound.iter().any(|(_, id)| *id == sign_on.id().to_string());
            let expected = if is_same { Expected::Anything } else { Expected::Absent };
            puts.push(put_of_sign_on(sign_on, expected)?);
        }
        forgets.extend(bound.into_iter().filter(|(_, id)| sign_on.is_none_or(|s| s.id().to_string() != *id)));
        let how = if sign_on.is_some() {
            "single sign-on bound by invitation"
        } else {
            "password set by invitation"
        };
        let change = Change {
            removes: vec![(INVITATION, invitation.secret_sha256.to_string())],
            forgets,
            puts,
            audit: vec![entry(&person.id, AuditOutcome::Success, how)],
            ..Change::default()
        };
        match self.change_account_of(scope, Some(person.organisation.clone()), change).await {
            Err(StorageError::Conflict(_)) => Err(StorageError::NotFound),
            other => other.map(|()| person),
        }
    }

    /// What is kept of a kind for a person, to be removed.
    pub(super) async fn of_person(
        &self,
        kind: &'static str,
        person: &PersonId,
    ) -> Result<Vec<(&'static str, String)>, StorageError> {
        let query = RecordQuery { limit: u32::MAX, ..RecordQuery::new(kind).with("person", person.as_str()) };
        let records = self.records(&directory(), &query).await?;
        Ok(records.into_iter().map(|record| (kind, record.id)).collect())
    }

    /// The person's second factor, confirmed or not.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn second_factor(&self, person: &PersonId) -> Result<Option<SecondFactor>, StorageError> {
        match self.one(SECOND_FACTOR, person.as_str()).await {
            Ok(factor) => Ok(Some(factor)),
            Err(StorageError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps a second factor in place of a former one that was never confirmed.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when there is one that is confirmed.
    pub async fn put_second_factor(
        &self,
        scope: &Scope,
        factor: &SecondFactor,
        detail: &str,
    ) -> Result<(), StorageError> {
        let expected = match self.record(&directory(), SECOND_FACTOR, factor.person.as_str()).await {
            Err(StorageError::NotFound) => Expected::Absent,
            Err(error) => return Err(error),
            Ok(record) => {
                let version = record.version;
                if value::<SecondFactor>(record)?.is_confirmed {
                    return Err(StorageError::Conflict("second factor"));
                }
                Expected::Version(version)
            }
        };
        let change = Change {
            puts: vec![Put { expected, ..put(SECOND_FACTOR, factor.person.to_string(), factor)? }],
            audit: vec![entry(&factor.person, AuditOutcome::Success, detail)],
            ..Change::default()
        };
        self.change_account(scope, &factor.person, change).await
    }

    /// Removes a second factor; without one nothing happens.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn remove_second_factor(&self, scope: &Scope, person: &PersonId) -> Result<(), StorageError> {
        let change = Change {
            removes: vec![(SECOND_FACTOR, person.to_string())],
            audit: vec![entry(person, AuditOutcome::Success, "second factor removed")],
            ..Change::default()
        };
        match self.change_account(scope, person, change).await {
            Err(StorageError::NotFound) => Ok(()),
            other => other,
        }
    }

    /// What somebody proves with besides the password: the phone, passkeys, the browsers in which they have logged in, and the
    /// accounts of single sign-on.
    async fn proofs_of(&self, id: &PersonId) -> Result<Vec<(&'static str, String)>, StorageError> {
        let mut proofs = vec![(SECOND_FACTOR, id.to_string())];
        for kind in [PASSKEY, super::passkeys::BROWSER, SIGN_ON] {
            proofs.extend(self.of_person(kind, id).await?);
        }
        Ok(proofs)
    }

    /// Removes everything that an account proves with besides the password, and ends its sessions.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn reset_proofs(&self, scope: &Scope, person: &PersonId) -> Result<(), StorageError> {
        let mut forgets = self.proofs_of(person).await?;
        forgets.extend(self.of_person(SESSION, person).await?);
        let change = Change {
            forgets,
            audit: vec![entry(
                person,
                AuditOutcome::Success,
                "second factor, passkeys and single sign-on removed, sessions ended",
            )],
            ..Change::default()
        };
        self.change_account(scope, person, change).await
    }

    /// Has `decide` look at the second factor; what it changes is kept before the answer is given. Of two that use the
    /// same code at once, one is told no.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn use_second_factor(
        &self,
        person: &PersonId,
        decide: impl FnOnce(&mut SecondFactor) -> bool,
    ) -> Result<bool, StorageError> {
        let record = match self.record(&directory(), SECOND_FACTOR, person.as_str()).await {
            Err(StorageError::NotFound) => return Ok(false),
            other => other?,
        };
        let version = record.version;
        let mut factor: SecondFactor = value(record)?;
        if !decide(&mut factor) {
            return Ok(false);
        }
        let put =
            Put { expected: Expected::Version(version), ..put(SECOND_FACTOR, person.to_string(), &factor)? };
        match self.apply(&directory(), Change { puts: vec![put], ..Change::default() }).await {
            Err(StorageError::Conflict(_)) => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Writes down that a token or a session is used, once a minute at most: whether it is written is nobody's to wait for.
    pub fn note_use(&self, id: &str, address: Option<IpAddr>) {
        let seen = &self.inner.callers.used;
        if seen.contains_key(id) {
            return;
        }
        seen.insert(id.to_owned(), ());
        let last = LastUse { at_ms: model::time_text::unix_ms(OffsetDateTime::now_utc()), address };
        let (storage, id) = (self.clone(), id.to_owned());
        tokio::spawn(async move {
            let written = async {
                let put = put(LAST_USE, id, &last)?;
                storage.apply(&directory(), Change { puts: vec![put], ..Change::default() }).await
            };
            if let Err(error) = written.await {
                tracing::warn!(%error, "it could not be noted that a token or a session was used");
            }
        });
    }

    /// When a token or a session was used last.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn last_use(&self, id: &str) -> Result<Option<LastUse>, StorageError> {
        match self.one(LAST_USE, id).await {
            Ok(last) => Ok(Some(last)),
            Err(StorageError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
