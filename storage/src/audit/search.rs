//! Events of the chain by who, what, when and of which things.

use super::{
    AuditAction, AuditEvent, AuditOutcome, COLUMNS, Fields, LIST_ROWS_MAX, action_word, outcome_word,
};
use crate::db::{Bindings, at};
use crate::{Storage, StorageError};
use model::Scope;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use std::fmt::Write as _;

const PLACE: &str = "reading the audit chain";

/// Things that one question may be about at most.
pub const OBJECTS_MAX: usize = 2000;

/// Which events; all of these must hold.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Only before this sequence number.
    pub before: Option<i64>,
    /// Only behind this sequence number.
    pub behind: Option<i64>,
    /// Only of this actor (identifier).
    pub actor: Option<String>,
    /// Only of this kind.
    pub action: Option<AuditAction>,
    /// Only that ended so.
    pub outcome: Option<AuditOutcome>,
    /// Only from this moment on, Unix milliseconds.
    pub from_ms: Option<i64>,
    /// Only before this moment, Unix milliseconds.
    pub until_ms: Option<i64>,
    /// Only of these things, such as `study/1.2.3`, whoever looked at them: also people of other organisations, for the
    /// things are the asker's own. Without what was stored. At most [`OBJECTS_MAX`].
    pub objects: Option<Vec<String>>,
}

impl AuditQuery {
    fn condition(&self, scope: &Scope, values: &mut Bindings) -> String {
        let mut text = format!("seq < {}", values.number(self.before.unwrap_or(i64::MAX)));
        let mut and = |column: &str, placeholder: String| {
            let _ = write!(text, " AND {column} {placeholder}");
        };
        if let Some(behind) = self.behind {
            and("seq >", values.number(behind));
        }
        if let Some(objects) = &self.objects {
            let objects = &objects[..objects.len().min(OBJECTS_MAX)];
            and("action <> 'store' AND object IN", format!("({})", values.list(objects)));
        } else if let Some(organisation) = scope.viewer() {
            and("organisation =", values.text(organisation.as_str()));
        }
        for (column, value) in [
            ("actor_id =", self.actor.as_deref()),
            ("action =", self.action.map(action_word)),
            ("outcome =", self.outcome.map(outcome_word)),
        ] {
            if let Some(value) = value {
                and(column, values.text(value));
            }
        }
        for (column, moment) in [("at_ms >=", self.from_ms), ("at_ms <", self.until_ms)] {
            if let Some(moment) = moment {
                and(column, values.number(moment));
            }
        }
        text
    }
}

impl Storage {
    /// Events that match, newest first: of the scope's organisation (all for the node), or of the named things.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn audit_search(
        &self,
        scope: &Scope,
        query: &AuditQuery,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, StorageError> {
        let mut values = Bindings::default();
        let condition = query.condition(scope, &mut values);
        let limit = values.number(i64::from(limit.min(LIST_ROWS_MAX)));
        let text = format!("SELECT {COLUMNS} FROM audit WHERE {condition} ORDER BY seq DESC LIMIT {limit}");
        let rows = values.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        rows.iter().map(event_of).collect()
    }
}

impl Storage {
    /// The last event before a moment, or 0: found by halving, since numbers and times go up together.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn audit_seq_before(&self, moment_ms: i64) -> Result<i64, StorageError> {
        let (mut before, mut from) = (0, self.audit_head().await?.0 + 1);
        while from - before > 1 {
            let middle = before + (from - before) / 2;
            let mut values = Bindings::default();
            let seq = values.number(middle);
            let text = format!("SELECT at_ms FROM audit WHERE seq = {seq}");
            let row = values.query(text).fetch_optional(&self.inner.db.readers).await.map_err(at(PLACE))?;
            let at_ms: Option<i64> = row.map(|row| row.try_get(0)).transpose().map_err(at(PLACE))?;
            if at_ms.is_some_and(|at_ms| at_ms >= moment_ms) { from = middle } else { before = middle }
        }
        Ok(before)
    }

    /// Events behind a sequence number, oldest first, all organisations': for the node itself.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn audit_after(&self, seq: i64, limit: u32) -> Result<Vec<AuditEvent>, StorageError> {
        let mut values = Bindings::default();
        let (after, limit) = (values.number(seq), values.number(i64::from(limit.min(LIST_ROWS_MAX))));
        let text = format!("SELECT {COLUMNS} FROM audit WHERE seq > {after} ORDER BY seq LIMIT {limit}");
        let rows = values.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        rows.iter().map(event_of).collect()
    }
}

fn event_of(row: &AnyRow) -> Result<AuditEvent, StorageError> {
    let (fields, hash) = Fields::from_row(row).map_err(at(PLACE))?;
    fields.event(&hash).ok_or(StorageError::Corrupt("an event of the audit chain"))
}
