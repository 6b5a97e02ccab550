//! What many accounts and tokens have, in one statement for some hundred of them.

use super::accounts::{LAST_USE, LastUse, SECOND_FACTOR};
use super::passkeys::PASSKEY;
use super::{SESSION, directory, value};
use crate::record::RecordQuery;
use crate::{Storage, StorageError};
use access::{Passkey, SecondFactor, Session};
use model::PersonId;
use serde::de::DeserializeOwned;
use std::collections::{HashMap, HashSet};
use time::OffsetDateTime;

/// People that are asked for at once.
const AT_ONCE: usize = 500;

impl Storage {
    /// Those of these people who have a confirmed second factor or a passkey.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn with_second_factor(&self, people: &[PersonId]) -> Result<HashSet<PersonId>, StorageError> {
        let ids: Vec<String> = people.iter().map(PersonId::to_string).collect();
        let mut found = HashSet::new();
        for record in self.records_by_id(&directory(), SECOND_FACTOR, &ids).await? {
            let factor: SecondFactor = value(record)?;
            if factor.is_confirmed {
                found.insert(factor.person);
            }
        }
        found.extend(
            self.of_people::<Passkey>(PASSKEY, &ids).await?.into_iter().map(|passkey| passkey.person),
        );
        Ok(found)
    }

    /// Sessions of these people that have not ended.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn sessions_of_all(&self, people: &[PersonId]) -> Result<Vec<Session>, StorageError> {
        let ids: Vec<String> = people.iter().map(PersonId::to_string).collect();
        let now = OffsetDateTime::now_utc();
        let mut sessions: Vec<Session> = self.of_people(SESSION, &ids).await?;
        sessions.retain(|session| session.expires_at > now);
        Ok(sessions)
    }

    /// When these tokens or sessions were used last; those that never were are not there.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn last_uses(&self, ids: &[String]) -> Result<HashMap<String, LastUse>, StorageError> {
        let records = self.records_by_id(&directory(), LAST_USE, ids).await?;
        records.into_iter().map(|record| Ok((record.id.clone(), value(record)?))).collect()
    }

    async fn of_people<T: DeserializeOwned>(
        &self,
        kind: &'static str,
        ids: &[String],
    ) -> Result<Vec<T>, StorageError> {
        let mut found = Vec::new();
        for some in ids.chunks(AT_ONCE) {
            let keys = vec![("person", some.to_vec())];
            found.extend(self.all(RecordQuery { keys, ..RecordQuery::new(kind) }).await?);
        }
        Ok(found)
    }
}
