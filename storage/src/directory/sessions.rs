//! Sessions: one is begun once, changed only while it is there, and gone when it has ended.

use super::accounts::{LAST_USE, entry};
use super::{SESSION, directory, put, value};
use crate::record::{Change, Expected, Put, RecordQuery};
use crate::{AuditOutcome, Storage, StorageError};
use access::Session;
use model::time_text::unix_ms;
use model::{PersonId, Scope, Sha256};
use time::OffsetDateTime;

/// How often a change of a session is tried again when somebody else was first.
const ATTEMPTS_MAX: u32 = 5;
/// Sessions that have run out and are cleared away when another begins.
const PURGE_MAX: u32 = 100;

fn put_of(session: &Session, expected: Expected) -> Result<Put, StorageError> {
    let mut put = Put { expected, ..put(SESSION, session.secret_sha256.to_string(), session)? };
    put.keys.push(("person", session.person.to_string()));
    put.sort = unix_ms(session.expires_at);
    Ok(put)
}

impl Storage {
    /// Begins a session; some that have run out are cleared away.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when there is one of this secret.
    pub async fn put_session(&self, session: &Session) -> Result<(), StorageError> {
        let now = unix_ms(OffsetDateTime::now_utc());
        let query = RecordQuery { sort_below: Some(now), limit: PURGE_MAX, ..RecordQuery::new(SESSION) };
        let over = self.records(&directory(), &query).await?;
        let id = session.secret_sha256.to_string();
        let over = over.into_iter().filter(|record| record.id != id);
        let forgets = over.flat_map(|record| [(SESSION, record.id.clone()), (LAST_USE, record.id)]).collect();
        let puts = vec![put_of(session, Expected::Absent)?];
        self.apply(&directory(), Change { puts, forgets, ..Change::default() }).await
    }

    /// Changes a session that is there; one that has ended does not come back.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when it has ended.
    pub async fn amend_session(
        &self,
        id: &Sha256,
        amend: impl Fn(&mut Session),
    ) -> Result<Session, StorageError> {
        let mut attempts = 0;
        loop {
            let record = self.record(&directory(), SESSION, &id.to_string()).await?;
            let version = record.version;
            let mut session: Session = value(record)?;
            amend(&mut session);
            let puts = vec![put_of(&session, Expected::Version(version))?];
            attempts += 1;
            let result = self.apply(&directory(), Change { puts, ..Change::default() }).await;
            self.inner.callers.sessions.invalidate(id);
            match result {
                Err(StorageError::Conflict(_)) if attempts < ATTEMPTS_MAX => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(session),
            }
        }
    }

    /// The sessions of a person that have not ended.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn sessions_of(&self, person: &PersonId) -> Result<Vec<Session>, StorageError> {
        let sessions: Vec<Session> =
            self.all(RecordQuery::new(SESSION).with("person", person.as_str())).await?;
        let now = OffsetDateTime::now_utc();
        Ok(sessions.into_iter().filter(|session| session.expires_at > now).collect())
    }

    /// Ends a person's sessions but for one; says how many.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn end_sessions(
        &self,
        scope: &Scope,
        person: &PersonId,
        but: Option<&Sha256>,
    ) -> Result<usize, StorageError> {
        let mut forgets = self.of_person(SESSION, person).await?;
        forgets.retain(|(_, id)| but.is_none_or(|but| *id != but.to_string()));
        let count = forgets.len();
        if count > 0 {
            let audit = vec![entry(person, AuditOutcome::Success, "sessions ended")];
            self.change_account(scope, person, Change { forgets, audit, ..Change::default() }).await?;
        }
        Ok(count)
    }

    /// Ends one session of a person.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when there is none, also when it is somebody else's.
    pub async fn end_session_of(
        &self,
        scope: &Scope,
        person: &PersonId,
        session: &Sha256,
    ) -> Result<(), StorageError> {
        let id = session.to_string();
        if !self.of_person(SESSION, person).await?.iter().any(|(_, known)| *known == id) {
            return Err(StorageError::NotFound);
        }
        let audit = vec![entry(person, AuditOutcome::Success, "session ended")];
        self.change_account(
            scope,
            person,
            Change { removes: vec![(SESSION, id)], audit, ..Change::default() },
        )
        .await
    }
}
