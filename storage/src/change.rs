//! Writing records and grants, inside the committer's transaction.

use crate::StorageError;
use crate::audit::PendingAudit;
use crate::db::{at, clean, placeholders, sql};
use crate::index::Work;
use crate::listing;
use crate::record::{Expected, Grant, GrantChange, Put};
use crate::writer::Changing;
use model::{OrgId, Scope};
use sqlx::Row as _;

const PLACE: &str = "changing records";

impl Work<'_> {
    /// Applies a change. An error leaves it to the caller to roll back.
    pub(crate) async fn change(&mut self, changing: &Changing) -> Result<(), StorageError> {
        let Changing { scope, organisation, change } = changing;
        for put in &change.puts {
            self.put(scope, put).await?;
        }
        for (kind, id) in &change.removes {
            self.remove(scope, kind, id).await?;
        }
        for (kind, id) in &change.forgets {
            match self.remove(scope, kind, id).await {
                Err(StorageError::NotFound) => {}
                other => other?,
            }
        }
        for grant in &change.grants {
            match grant {
                GrantChange::Give(grant) => self.give(scope, grant).await?,
                GrantChange::Withdraw(grant) => self.withdraw(scope, grant).await?,
            }
        }
        for step in &change.corrections {
            self.take_step(scope, step).await?;
        }
        for step in &change.patients {
            self.take_patient_step(scope, step).await?;
        }
        if let Some(cursor) = &change.cursor {
            self.move_cursor(cursor).await?;
        }
        self.enqueue(&change.jobs).await?;
        self.audits.extend(change.audit.iter().map(|entry| PendingAudit {
            at_ms: self.now_ms,
            actor: scope.actor.clone(),
            organisation: organisation.clone(),
            entry: entry.clone(),
        }));
        self.events.extend(change.events.iter().map(|(topic, body)| ((*topic).to_owned(), body.to_string())));
        Ok(())
    }

    /// The version of a record; `NotFound` when it is there but out of the scope's sight.
    async fn version(&mut self, scope: &Scope, kind: &str, id: &str) -> Result<Option<i64>, StorageError> {
        let text = format!("SELECT version FROM record WHERE kind = $1 AND id = $2{}", self.db.for_update());
        let row = sqlx::query(sql(text))
            .bind(kind)
            .bind(id)
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        let Some(row) = row else { return Ok(None) };
        if let Some(viewer) = scope.viewer() {
            let visible =
                sqlx::query("SELECT 1 FROM record_visible WHERE kind = $1 AND id = $2 AND org = $3")
                    .bind(kind)
                    .bind(id)
                    .bind(viewer.as_str())
                    .fetch_optional(&mut *self.connection)
                    .await
                    .map_err(at(PLACE))?;
            if visible.is_none() {
                return Err(StorageError::NotFound);
            }
        }
        Ok(Some(row.try_get(0).map_err(at(PLACE))?))
    }

    async fn put(&mut self, scope: &Scope, put: &Put) -> Result<(), StorageError> {
        let found = match self.version(scope, put.kind, &put.id).await {
            // What is out of sight cannot be told from what is not there, except that its name is taken.
            Err(StorageError::NotFound) if put.expected == Expected::Absent => {
                return Err(StorageError::Conflict("version"));
            }
            other => other?,
        };
        let version = match (put.expected, found) {
            (Expected::Absent | Expected::Anything, None) => 1,
            (Expected::Anything, Some(version)) => version + 1,
            (Expected::Version(expected), Some(version)) if expected == version => version + 1,
            (Expected::Version(_), None) => return Err(StorageError::NotFound),
            (Expected::Absent | Expected::Version(_), Some(_)) => {
                return Err(StorageError::Conflict("version"));
            }
        };
        sqlx::query(
            "INSERT INTO record (kind, id, version, body, sort, changed_at_ms) VALUES ($1,$2,$3,$4,$5,$6) \
             ON CONFLICT (kind, id) DO UPDATE SET version = excluded.version, body = excluded.body, \
             sort = excluded.sort, changed_at_ms = excluded.changed_at_ms",
        )
        .bind(put.kind)
        .bind(put.id.as_str())
        .bind(version)
        .bind(put.body.to_string())
        .bind(put.sort)
        .bind(self.now_ms)
        .execute(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        if version > 1 {
            self.clear(put.kind, &put.id).await?;
        }
        self.write_keys(put).await
    }

    async fn clear(&mut self, kind: &str, id: &str) -> Result<(), StorageError> {
        for table in ["record_key", "record_unique", "record_visible"] {
            sqlx::query(sql(format!("DELETE FROM {table} WHERE kind = $1 AND id = $2")))
                .bind(kind)
                .bind(id)
                .execute(&mut *self.connection)
                .await
                .map_err(at(PLACE))?;
        }
        Ok(())
    }

    async fn write_keys(&mut self, put: &Put) -> Result<(), StorageError> {
        for (name, value) in &put.unique {
            let value = clean(value);
            let taken =
                sqlx::query("SELECT id FROM record_unique WHERE kind = $1 AND name = $2 AND value = $3")
                    .bind(put.kind)
                    .bind(*name)
                    .bind(value.as_str())
                    .fetch_optional(&mut *self.connection)
                    .await
                    .map_err(at(PLACE))?;
            if taken.is_some() {
                return Err(StorageError::Conflict(name));
            }
            sqlx::query("INSERT INTO record_unique (kind, name, value, id) VALUES ($1,$2,$3,$4)")
                .bind(put.kind)
                .bind(*name)
                .bind(value)
                .bind(put.id.as_str())
                .execute(&mut *self.connection)
                .await
                .map_err(at(PLACE))?;
        }
        for some in put.keys.chunks(100) {
            let text = format!(
                "INSERT INTO record_key (kind, name, value, id) VALUES {} ON CONFLICT DO NOTHING",
                placeholders(some.len(), 4)
            );
            let mut query = sqlx::query(sql(text));
            for (name, value) in some {
                query = query.bind(put.kind).bind(*name).bind(clean(value)).bind(put.id.as_str());
            }
            query.execute(&mut *self.connection).await.map_err(at(PLACE))?;
        }
        for some in put.visible_to.chunks(100) {
            let text = format!(
                "INSERT INTO record_visible (kind, id, org) VALUES {} ON CONFLICT DO NOTHING",
                placeholders(some.len(), 3)
            );
            let mut query = sqlx::query(sql(text));
            for organisation in some {
                query = query.bind(put.kind).bind(put.id.as_str()).bind(organisation.as_str());
            }
            query.execute(&mut *self.connection).await.map_err(at(PLACE))?;
        }
        Ok(())
    }

    async fn remove(&mut self, scope: &Scope, kind: &str, id: &str) -> Result<(), StorageError> {
        if self.version(scope, kind, id).await?.is_none() {
            return Err(StorageError::NotFound);
        }
        self.clear(kind, id).await?;
        sqlx::query("DELETE FROM record WHERE kind = $1 AND id = $2")
            .bind(kind)
            .bind(id)
            .execute(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        Ok(())
    }

    /// The study's row and moment, if one of these organisations is the scope's (the node may always).
    async fn granted_study(
        &mut self,
        scope: &Scope,
        grant: &Grant,
        allowed: &[&OrgId],
    ) -> Result<(i64, String), StorageError> {
        if scope.viewer().is_some_and(|viewer| !allowed.contains(&viewer)) {
            return Err(StorageError::NotFound);
        }
        let row = sqlx::query("SELECT id, moment FROM study WHERE owner = $1 AND study_uid = $2")
            .bind(grant.owner.as_str())
            .bind(grant.study.as_str())
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(at(PLACE))?
            .ok_or(StorageError::NotFound)?;
        Ok((row.try_get(0).map_err(at(PLACE))?, row.try_get(1).map_err(at(PLACE))?))
    }

    async fn give(&mut self, scope: &Scope, grant: &Grant) -> Result<(), StorageError> {
        let (study_id, moment) = self.granted_study(scope, grant, &[&grant.owner]).await?;
        let given = sqlx::query(
            "INSERT INTO study_grant (grantee, moment, study_id) VALUES ($1,$2,$3) ON CONFLICT DO NOTHING",
        )
        .bind(grant.grantee.as_str())
        .bind(moment)
        .bind(study_id)
        .execute(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        if given.rows_affected() > 0 {
            listing::grant(self.connection, self.db, study_id, &grant.grantee).await?;
        }
        sqlx::query(
            "INSERT INTO study_grant_reason (grantee, study_id, consult) VALUES ($1,$2,$3) ON CONFLICT DO NOTHING",
        )
        .bind(grant.grantee.as_str())
        .bind(study_id)
        .bind(grant.consult.as_str())
        .execute(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        Ok(())
    }

    async fn withdraw(&mut self, scope: &Scope, grant: &Grant) -> Result<(), StorageError> {
        let (study_id, _) = self.granted_study(scope, grant, &[&grant.owner, &grant.grantee]).await?;
        sqlx::query("DELETE FROM study_grant_reason WHERE grantee = $1 AND study_id = $2 AND consult = $3")
            .bind(grant.grantee.as_str())
            .bind(study_id)
            .bind(grant.consult.as_str())
            .execute(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        // It stays in sight as long as another consult needs it.
        let gone = sqlx::query(
            "DELETE FROM study_grant WHERE grantee = $1 AND study_id = $2 AND NOT EXISTS \
             (SELECT 1 FROM study_grant_reason r WHERE r.grantee = $1 AND r.study_id = $2)",
        )
        .bind(grant.grantee.as_str())
        .bind(study_id)
        .execute(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        if gone.rows_affected() > 0 {
            listing::withdraw(self.connection, self.db, study_id, &grant.grantee).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::build::{Instance, org, scope, store};
    use crate::{Change, Grant, GrantChange, Storage, StorageConfig};
    use model::{ConsultId, Key, Level, Query};
    use sqlx::{AnyConnection, Connection as _, Executor as _};
    use std::pin::pin;
    use std::time::Duration;
    use tokio::time::timeout;

    /// Polls until it is so.
    async fn until(is_so: impl Fn() -> bool) {
        let poll = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(20), poll).await.unwrap();
    }

    #[tokio::test]
    async fn a_grant_in_one_transaction_with_an_instance_lists_what_the_study_holds() {
        let directory = tempfile::tempdir().unwrap();
        let config = StorageConfig::sqlite(directory.path(), model::Limits::default());
        let storage = Storage::open(config).await.unwrap();
        let (town, one) = (scope("town"), Instance::default());
        let queue = &storage.inner.writer.commit;

        // The writer waits for another process, so that what comes meanwhile is committed together.
        let url = format!("sqlite://{}/index.sqlite", directory.path().display());
        let mut other = AnyConnection::connect(&url).await.unwrap();
        other.execute("BEGIN IMMEDIATE").await.unwrap();
        let mut first = pin!(storage.apply(&town, Change::default()));
        timeout(Duration::ZERO, &mut first).await.unwrap_err();
        until(|| queue.capacity() == queue.max_capacity()).await;
        let arriving = tokio::spawn({
            let (storage, one) = (storage.clone(), one.clone());
            async move { store(&storage, "town", &one).await }
        });
        until(|| queue.capacity() < queue.max_capacity()).await;
        let grant = Grant {
            owner: org("town"),
            study: one.study_uid(),
            grantee: org("city"),
            consult: ConsultId::parse("c1").unwrap(),
        };
        let change = Change { grants: vec![GrantChange::Give(grant)], ..Change::default() };
        let mut granting = pin!(storage.apply(&town, change));
        timeout(Duration::ZERO, &mut granting).await.unwrap_err();
        other.execute("ROLLBACK").await.unwrap();
        first.await.unwrap();
        arriving.await.unwrap();
        granting.await.unwrap();

        let by_modality = Query::new(Level::Study, 10).with_value(Key::ModalitiesInStudy, one.modality);
        assert_eq!(storage.search(&scope("city"), &by_modality).await.unwrap().rows.len(), 1);
        storage.close().await;
    }
}
