//! What people decide about two identities, and taking that back.

use super::{Act, PLACE, PatientStep, REASON_CHARS_MAX, ordered};
use crate::StorageError;
use crate::audit::{AuditAction, AuditEntry, AuditOutcome, PendingAudit};
use crate::correct::make::actor_of;
use crate::db::{at, clean, sql};
use crate::index::Work;
use crate::reach::Visible;
use model::{OrgId, Scope};
use sqlx::Row as _;

impl Work<'_> {
    /// Takes one step. An error leaves it to the caller to roll back.
    pub(crate) async fn take_patient_step(
        &mut self,
        scope: &Scope,
        step: &PatientStep,
    ) -> Result<(), StorageError> {
        match step {
            PatientStep::Settle { studies_max } => self.settle_studies(scope, *studies_max).await,
            PatientStep::Decide { one, other, is_same, seen, reason } => {
                let pair = ordered(one, other);
                self.decide(scope, pair, if *is_same { "linked" } else { "apart" }, *seen, reason).await
            }
            PatientStep::Undo { act, reason } => self.undo_act(scope, *act, reason).await,
        }
    }

    /// Both must be within the scope: whoever sees one alone learns nothing, not even that there is another.
    async fn require_both(&mut self, scope: &Scope, (one, other): (&str, &str)) -> Result<(), StorageError> {
        for identity in [one, other] {
            let Visible { condition, organisations, .. } = Visible::of(scope, 2);
            let text = format!("SELECT 1 FROM study s WHERE s.identity = $1 AND {condition} LIMIT 1");
            let query = organisations
                .into_iter()
                .map(OrgId::as_str)
                .fold(sqlx::query(sql(text)).bind(identity), |query, organisation| query.bind(organisation));
            query
                .fetch_optional(&mut *self.connection)
                .await
                .map_err(at(PLACE))?
                .ok_or(StorageError::NotFound)?;
        }
        Ok(())
    }

    async fn last_act(&mut self, (one, other): (&str, &str)) -> Result<i64, StorageError> {
        let row = sqlx::query("SELECT coalesce(max(seq), 0) FROM patient_act WHERE one = $1 AND other = $2")
            .bind(one)
            .bind(other)
            .fetch_one(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        row.try_get(0).map_err(at(PLACE))
    }

    async fn decide(
        &mut self,
        scope: &Scope,
        pair: (&str, &str),
        state: &'static str,
        seen: i64,
        reason: &str,
    ) -> Result<(), StorageError> {
        if pair.0 == pair.1 {
            return Err(StorageError::Conflict("an identity is itself already"));
        }
        self.require_both(scope, pair).await?;
        let before = self.pair(pair).await?;
        if self.last_act(pair).await? != seen {
            return Err(StorageError::Conflict("somebody else has decided meanwhile"));
        }
        let before = before.as_ref().map_or(("", false), |pair| (pair.state.as_str(), pair.is_decided));
        if before == (state, true) {
            return Err(StorageError::Conflict("it has been decided so already"));
        }
        self.note_link(scope, pair, state);
        self.act(scope, pair, Act { kind: state, before, after: (state, true), undoes: 0, reason }).await
    }

    async fn undo_act(&mut self, scope: &Scope, act: i64, reason: &str) -> Result<(), StorageError> {
        let row = sqlx::query(
            "SELECT one, other, before_state, was_decided, after_state FROM patient_act \
             WHERE seq = $1 AND kind IN ('linked','apart')",
        )
        .bind(act)
        .fetch_optional(&mut *self.connection)
        .await
        .map_err(at(PLACE))?
        .ok_or(StorageError::NotFound)?;
        let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
        let (one, other, before, after) = (text(0)?, text(1)?, text(2)?, text(4)?);
        let was_decided = row.try_get::<i64, _>(3).map_err(at(PLACE))? != 0;
        let pair = (one.as_str(), other.as_str());
        self.require_both(scope, pair).await?;
        let row = sqlx::query(
            "SELECT coalesce(max(a.seq), 0) FROM patient_act a WHERE a.one = $1 AND a.other = $2 AND a.undoes = 0 \
             AND NOT EXISTS (SELECT 1 FROM patient_act u WHERE u.undoes = a.seq AND u.undoes <> 0)",
        )
        .bind(pair.0)
        .bind(pair.1)
        .fetch_one(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        let standing: i64 = row.try_get(0).map_err(at(PLACE))?;
        let now = self.pair(pair).await?;
        if standing != act || now.is_none_or(|now| !now.is_decided || now.state != after) {
            return Err(StorageError::Conflict("it has been taken back, or decided anew since"));
        }
        self.note_link(scope, pair, "undone");
        let undone = Act {
            kind: "undone",
            before: (&after, true),
            after: (&before, was_decided),
            undoes: act,
            reason,
        };
        self.act(scope, pair, undone).await?;
        // What the rule went by may have changed since: it says so anew, and the same when nothing has.
        for text in [
            "DELETE FROM patient_key WHERE is_all = 1 AND identity = $1",
            "UPDATE study SET identity_stale = 1 WHERE identity = $1",
        ] {
            sqlx::query(text).bind(pair.0).execute(&mut *self.connection).await.map_err(at(PLACE))?;
        }
        Ok(())
    }

    /// Writes down what is done to a pair, and does it.
    pub(super) async fn act(
        &mut self,
        scope: &Scope,
        (one, other): (&str, &str),
        act: Act<'_>,
    ) -> Result<(), StorageError> {
        let reason: String = clean(act.reason.trim());
        if reason.chars().count() > REASON_CHARS_MAX {
            return Err(StorageError::Invalid {
                field: "reason",
                why: "最多 500 字 / at most 500 characters",
            });
        }
        let row = sqlx::query(
            "INSERT INTO patient_act (one, other, kind, before_state, was_decided, after_state, undoes, actor, \
             organisation, reason, at_ms) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11) RETURNING seq",
        )
        .bind(one)
        .bind(other)
        .bind(act.kind)
        .bind(act.before.0)
        .bind(i64::from(act.before.1))
        .bind(act.after.0)
        .bind(act.undoes)
        .bind(actor_of(scope))
        .bind(scope.viewer().map_or("", OrgId::as_str))
        .bind(reason)
        .bind(self.now_ms)
        .fetch_one(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        let seq: i64 = row.try_get(0).map_err(at(PLACE))?;
        let query = if act.after.0.is_empty() {
            sqlx::query("DELETE FROM patient_pair WHERE one = $1 AND other = $2").bind(one).bind(other)
        } else {
            sqlx::query(
                "INSERT INTO patient_pair (one, other, state, is_decided, last_act) VALUES ($1,$2,$3,$4,$5) \
                 ON CONFLICT (one, other) DO UPDATE SET state = excluded.state, \
                 is_decided = excluded.is_decided, last_act = excluded.last_act",
            )
            .bind(one)
            .bind(other)
            .bind(act.after.0)
            .bind(i64::from(act.after.1))
            .bind(seq)
        };
        query.execute(&mut *self.connection).await.map_err(at(PLACE))?;
        Ok(())
    }

    /// The audit chain has hashes alone: who they are of, the index knows.
    pub(super) fn note_link(&mut self, scope: &Scope, (one, other): (&str, &str), what: &str) {
        for (of, with) in [(one, other), (other, one)] {
            self.audits.push(PendingAudit {
                at_ms: self.now_ms,
                actor: scope.actor.clone(),
                organisation: scope.viewer().cloned(),
                entry: AuditEntry {
                    action: AuditAction::Correct,
                    object: format!("patient/{of}"),
                    outcome: AuditOutcome::Success,
                    detail: format!("{what} with {with}"),
                },
            });
        }
    }
}
