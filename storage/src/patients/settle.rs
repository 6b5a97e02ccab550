//! Working out whose studies are, and which identities are of one person by rule; a few studies at a time, behind their arrival.

use super::facts::{Facts, hashed, identity_of};
use super::{Act, PLACE, STUDIES_COMPARED_MAX, ordered};
use crate::StorageError;
use crate::db::{at, placeholders, sql};
use crate::index::Work;
use model::Scope;
use serde_json::{Map, Value as Json};
use sqlx::Row as _;
use std::collections::BTreeSet;

/// Others that one identity is compared with: more have it by a placeholder that nobody knew of.
const CANDIDATES_MAX: i64 = 32;

/// A pair as it stands.
pub(super) struct PairRow {
    pub state: String,
    pub is_decided: bool,
}

impl Work<'_> {
    /// Settles at most so many studies.
    pub(super) async fn settle_studies(
        &mut self,
        scope: &Scope,
        studies_max: i64,
    ) -> Result<(), StorageError> {
        let text = format!(
            "SELECT id, owner, identity, attributes FROM study WHERE identity_stale = 1 ORDER BY id LIMIT $1{}",
            self.db.skip_locked()
        );
        let rows = sqlx::query(sql(text))
            .bind(studies_max)
            .fetch_all(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        let mut touched = BTreeSet::new();
        for row in &rows {
            let column = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
            let (id, owner, was) = (row.try_get::<i64, _>(0).map_err(at(PLACE))?, column(1)?, column(2)?);
            let all: Map<String, Json> = serde_json::from_str(&column(3)?).unwrap_or_default();
            let identity = identity_of(&owner, &all).unwrap_or_default();
            sqlx::query("UPDATE study SET identity = $1, identity_stale = 0 WHERE id = $2")
                .bind(identity.as_str())
                .bind(id)
                .execute(&mut *self.connection)
                .await
                .map_err(at(PLACE))?;
            touched.extend([was, identity].into_iter().filter(|identity| !identity.is_empty()));
        }
        for identity in touched {
            self.settle_identity(scope, &identity).await?;
        }
        Ok(())
    }

    /// Everything that is known of an identity; `None` when it has no studies any more.
    async fn facts_of(&mut self, identity: &str) -> Result<Option<Facts>, StorageError> {
        let rows = sqlx::query(
            "SELECT owner, attributes FROM study WHERE identity = $1 AND owner >= '0' \
             ORDER BY moment DESC, id DESC LIMIT $2",
        )
        .bind(identity)
        .bind(STUDIES_COMPARED_MAX)
        .fetch_all(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        let Some(first) = rows.first() else { return Ok(None) };
        let owner: String = first.try_get(0).map_err(at(PLACE))?;
        let mut studies = Vec::new();
        for row in &rows {
            let text: String = row.try_get(1).map_err(at(PLACE))?;
            studies.push(serde_json::from_str::<Map<String, Json>>(&text).unwrap_or_default());
        }
        Ok(Some(Facts::of(&owner, &studies)))
    }

    async fn settle_identity(&mut self, scope: &Scope, identity: &str) -> Result<(), StorageError> {
        let facts = self.facts_of(identity).await?;
        let fingerprint = match &facts {
            Some(facts) => facts.fingerprint(),
            None => hashed(&["nothing"]),
        };
        let known = sqlx::query("SELECT 1 FROM patient_key WHERE key = $1 AND identity = $2 AND is_all = 1")
            .bind(fingerprint.as_str())
            .bind(identity)
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        if known.is_some() {
            return Ok(());
        }
        let keys = facts.as_ref().map(Facts::keys).unwrap_or_default();
        self.write_patient_keys(identity, facts.is_some().then_some(fingerprint.as_str()), &keys).await?;
        let mut others = self.candidates(identity, &keys).await?;
        others.extend(self.paired_by_rule(identity).await?);
        for other in others {
            let likeness = match (&facts, self.facts_of(&other).await?) {
                (Some(facts), Some(others)) => facts.compare(&others),
                _ => super::facts::Likeness::None,
            };
            self.rule(scope, ordered(identity, &other), likeness.state()).await?;
        }
        Ok(())
    }

    async fn write_patient_keys(
        &mut self,
        identity: &str,
        fingerprint: Option<&str>,
        keys: &BTreeSet<String>,
    ) -> Result<(), StorageError> {
        sqlx::query("DELETE FROM patient_key WHERE identity = $1")
            .bind(identity)
            .execute(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        let rows: Vec<(&str, i64)> =
            keys.iter().map(|key| (key.as_str(), 0)).chain(fingerprint.map(|key| (key, 1))).collect();
        for some in rows.chunks(50) {
            let text = format!(
                "INSERT INTO patient_key (key, identity, is_all) VALUES {}",
                placeholders(some.len(), 3)
            );
            let query = some.iter().fold(sqlx::query(sql(text)), |query, (key, is_all)| {
                query.bind(*key).bind(identity).bind(*is_all)
            });
            query.execute(&mut *self.connection).await.map_err(at(PLACE))?;
        }
        Ok(())
    }

    /// Identities with a key in common.
    async fn candidates(
        &mut self,
        identity: &str,
        keys: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, StorageError> {
        let mut found = BTreeSet::new();
        for key in keys {
            let rows = sqlx::query(
                "SELECT identity FROM patient_key WHERE key = $1 AND identity <> $2 AND is_all = 0 \
                 ORDER BY identity LIMIT $3",
            )
            .bind(key.as_str())
            .bind(identity)
            .bind(CANDIDATES_MAX)
            .fetch_all(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
            for row in rows {
                found.insert(row.try_get::<String, _>(0).map_err(at(PLACE))?);
            }
        }
        Ok(found)
    }

    async fn paired_by_rule(&mut self, identity: &str) -> Result<Vec<String>, StorageError> {
        let rows = sqlx::query(
            "SELECT other FROM patient_pair WHERE one = $1 AND is_decided = 0 UNION ALL \
             SELECT one FROM patient_pair WHERE other = $1 AND is_decided = 0",
        )
        .bind(identity)
        .fetch_all(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        rows.iter().map(|row| row.try_get(0).map_err(at(PLACE))).collect()
    }

    pub(super) async fn pair(&mut self, (one, other): (&str, &str)) -> Result<Option<PairRow>, StorageError> {
        let text = format!(
            "SELECT state, is_decided FROM patient_pair WHERE one = $1 AND other = $2{}",
            self.db.for_update()
        );
        let row = sqlx::query(sql(text))
            .bind(one)
            .bind(other)
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        row.map(|row| {
            let state = row.try_get(0).map_err(at(PLACE))?;
            Ok(PairRow { state, is_decided: row.try_get::<i64, _>(1).map_err(at(PLACE))? != 0 })
        })
        .transpose()
    }

    /// What the rule says of two identities, unless a person has decided.
    async fn rule(
        &mut self,
        scope: &Scope,
        pair: (&str, &str),
        state: &'static str,
    ) -> Result<(), StorageError> {
        let before = self.pair(pair).await?;
        let was = before.as_ref().map_or("", |pair| pair.state.as_str());
        if was == state || before.as_ref().is_some_and(|pair| pair.is_decided) {
            return Ok(());
        }
        let kind = match state {
            "linked" => "rule",
            "open" => "found",
            _ => "dropped",
        };
        if state == "linked" || was == "linked" {
            self.note_link(scope, pair, kind);
        }
        self.act(
            scope,
            pair,
            Act { kind, before: (was, false), after: (state, false), undoes: 0, reason: "" },
        )
        .await
    }
}
