//! Records of every kind: JSON with a version, search keys and the organisations that may see them. What they mean is
//! known above.

use crate::db::{Bindings, at, to_u64};
use crate::writer::{Changing, ToCommit};
use crate::{AuditEntry, CursorMove, NewJob, Storage, StorageError};
use model::{ConsultId, OrgId, Scope, Uid};
use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value as Json};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use std::fmt::{self, Write as _};

/// A record as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Kind, such as `consult`.
    pub kind: String,
    /// Identifier, unique within its kind.
    pub id: String,
    /// Counts up from 1 with each change.
    pub version: i64,
    /// The content.
    pub body: Json,
    /// When it was changed last, Unix milliseconds.
    pub changed_at_ms: i64,
    /// Its place in lists.
    pub sort: i64,
}

/// What a write expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// No such record yet.
    Absent,
    /// This version; another is [`StorageError::Conflict`].
    Version(i64),
    /// Whatever is there.
    Anything,
}

/// One record to be written.
#[derive(Debug, Clone)]
pub struct Put {
    /// Kind, such as `consult`.
    pub kind: &'static str,
    /// Identifier.
    pub id: String,
    /// What must be there.
    pub expected: Expected,
    /// The new content.
    pub body: Json,
    /// `(name, value)` pairs that it can be found by; they replace the former ones.
    pub keys: Vec<(&'static str, String)>,
    /// `(name, value)` pairs that no other record of the kind may have; also found by [`RecordQuery`].
    pub unique: Vec<(&'static str, String)>,
    /// Order of lists: ascending or descending by this number (a due time in milliseconds, say).
    pub sort: i64,
    /// Organisations that may see it; empty: only the node itself.
    pub visible_to: Vec<OrgId>,
}

/// The right of an organisation to see another's study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whose study.
    pub owner: OrgId,
    /// Which study.
    pub study: Uid,
    /// Who may see it.
    pub grantee: OrgId,
    /// Because of which consult.
    pub consult: ConsultId,
}

/// A change of grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantChange {
    /// From now on.
    Give(Grant),
    /// No longer, as far as this consult is concerned.
    Withdraw(Grant),
}

/// Everything that happens at once: one transaction or nothing.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Records to write.
    pub puts: Vec<Put>,
    /// Records to remove: kind and identifier.
    pub removes: Vec<(&'static str, String)>,
    /// Records that shall not be there any more, whether they were or not.
    pub forgets: Vec<(&'static str, String)>,
    /// Grants to give and to withdraw.
    pub grants: Vec<GrantChange>,
    /// Audit events, in order.
    pub audit: Vec<AuditEntry>,
    /// Outbox events: topic and body.
    pub events: Vec<(&'static str, Json)>,
    /// Corrections to make and to take back.
    pub corrections: Vec<crate::correct::CorrectionStep>,
    /// What is worked out and decided about who is who.
    pub patients: Vec<crate::patients::PatientStep>,
    /// Jobs to be done later, in order.
    pub jobs: Vec<NewJob>,
    /// A reader of the outbox that moves on.
    pub cursor: Option<CursorMove>,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest `sort` first.
    Ascending,
    /// Largest `sort` first.
    Descending,
}

/// Which records to list.
#[derive(Debug, Clone)]
pub struct RecordQuery {
    /// Kind.
    pub kind: &'static str,
    /// For each name, one of the values must be among the record's keys.
    pub keys: Vec<(&'static str, Vec<String>)>,
    /// Only records with `sort` below this.
    pub sort_below: Option<i64>,
    /// Order by `sort`, then by identifier.
    pub order: Order,
    /// Only what comes behind this place of the order: `sort` and identifier of the last record of the page before.
    pub after: Option<(i64, String)>,
    /// At most.
    pub limit: u32,
    /// Skipped.
    pub offset: u32,
    /// A member of the bodies that is not wanted, because it is long: an empty list stands in its place.
    pub unread: Option<&'static str>,
}

impl RecordQuery {
    /// All records of a kind, smallest `sort` first, at most 1000.
    #[must_use]
    pub fn new(kind: &'static str) -> Self {
        Self {
            kind,
            keys: Vec::new(),
            sort_below: None,
            order: Order::Ascending,
            after: None,
            limit: 1000,
            offset: 0,
            unread: None,
        }
    }

    /// Only those with this key.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.keys.push((name, vec![value.into()]));
        self
    }
}

/// A condition with its values.
#[derive(Default)]
struct Condition {
    text: String,
    values: Bindings,
}

impl Condition {
    fn new(scope: &Scope, kind: &str) -> Self {
        let mut condition = Self::default();
        let kind = condition.values.text(kind);
        condition.text = format!("r.kind = {kind}");
        if let Some(viewer) = scope.viewer() {
            let viewer = condition.values.text(viewer.as_str());
            let _ = write!(
                condition.text,
                " AND EXISTS (SELECT 1 FROM record_visible v WHERE v.kind = r.kind AND v.id = r.id AND v.org = {viewer})"
            );
        }
        condition
    }

    fn of(scope: &Scope, query: &RecordQuery) -> Self {
        let mut condition = Self::new(scope, query.kind);
        for (name, values) in &query.keys {
            let name = condition.values.text(name);
            let list = condition.values.list(values);
            let _ = write!(
                condition.text,
                " AND r.id IN (SELECT k.id FROM record_key k WHERE k.kind = $1 AND k.name = {name} AND k.value IN ({list}) \
                 UNION ALL SELECT u.id FROM record_unique u WHERE u.kind = $1 AND u.name = {name} AND u.value IN ({list}))"
            );
        }
        if let Some(below) = query.sort_below {
            let below = condition.values.number(below);
            let _ = write!(condition.text, " AND r.sort < {below}");
        }
        condition
    }

    /// Pages stay true while rows come and go: the next one begins behind a row, not behind a number of rows.
    fn behind(&mut self, order: Order, sort: i64, id: &str) {
        let (sort, id) = (self.values.number(sort), self.values.text(id));
        let than = match order {
            Order::Ascending => '>',
            Order::Descending => '<',
        };
        let _ = write!(self.text, " AND (r.sort {than} {sort} OR (r.sort = {sort} AND r.id {than} {id}))");
    }

    fn query(self, text: String) -> sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments> {
        self.values.query(text)
    }
}

const COLUMNS: &str = "r.kind, r.id, r.version, r.body, r.changed_at_ms, r.sort";
const PLACE: &str = "reading records";

fn record_of(row: &AnyRow, unread: Option<&str>) -> Result<Record, StorageError> {
    let body: &str = row.try_get(3).map_err(at(PLACE))?;
    let body = match unread {
        None => serde_json::from_str(body),
        Some(unread) => without(body, unread),
    };
    Ok(Record {
        kind: row.try_get(0).map_err(at(PLACE))?,
        id: row.try_get(1).map_err(at(PLACE))?,
        version: row.try_get(2).map_err(at(PLACE))?,
        body: body.map_err(|_| StorageError::Corrupt("a record that is not JSON"))?,
        changed_at_ms: row.try_get(4).map_err(at(PLACE))?,
        sort: row.try_get(5).map_err(at(PLACE))?,
    })
}

/// The object without what one of its members holds, which takes no memory.
fn without(text: &str, unread: &str) -> Result<Json, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let object = deserializer.deserialize_map(Without(unread))?;
    deserializer.end()?;
    Ok(Json::Object(object))
}

struct Without<'a>(&'a str);

impl<'de> Visitor<'de> for Without<'_> {
    type Value = Map<String, Json>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = if name == self.0 {
                members.next_value::<IgnoredAny>()?;
                Json::Array(Vec::new())
            } else {
                members.next_value()?
            };
            object.insert(name, value);
        }
        Ok(object)
    }
}

impl Storage {
    /// Applies a change: all of it or nothing.
    ///
    /// A grant is given only by the study's owner or the node; it is withdrawn by the owner, the grantee or the node.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when an expectation or a unique key fails; [`StorageError::NotFound`] when a record
    /// that must be there is not within the scope.
    pub async fn apply(&self, scope: &Scope, change: Change) -> Result<(), StorageError> {
        let changing = Changing { scope: scope.clone(), organisation: scope.viewer().cloned(), change };
        self.apply_changing(changing).await
    }

    pub(crate) async fn apply_changing(&self, changing: Changing) -> Result<(), StorageError> {
        self.inner.writer.commit(|answer| ToCommit::Change(Box::new(changing), answer)).await
    }

    /// One record by its identifier.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn record(&self, scope: &Scope, kind: &'static str, id: &str) -> Result<Record, StorageError> {
        let mut condition = Condition::new(scope, kind);
        let id = condition.values.text(id);
        let text = format!("SELECT {COLUMNS} FROM record r WHERE {} AND r.id = {id}", condition.text);
        let row = condition.query(text).fetch_optional(&self.inner.db.readers).await.map_err(at(PLACE))?;
        record_of(&row.ok_or(StorageError::NotFound)?, None)
    }

    /// Those of these records that are there, in no particular order: in one statement for every 500.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn records_by_id(
        &self,
        scope: &Scope,
        kind: &'static str,
        ids: &[String],
    ) -> Result<Vec<Record>, StorageError> {
        let mut found = Vec::new();
        for some in ids.chunks(500) {
            let mut condition = Condition::new(scope, kind);
            let list = condition.values.list(some);
            let text =
                format!("SELECT {COLUMNS} FROM record r WHERE {} AND r.id IN ({list})", condition.text);
            let rows = condition.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
            for row in &rows {
                found.push(record_of(row, None)?);
            }
        }
        Ok(found)
    }

    /// The records that match.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn records(&self, scope: &Scope, query: &RecordQuery) -> Result<Vec<Record>, StorageError> {
        let mut condition = Condition::of(scope, query);
        if let Some((sort, id)) = &query.after {
            condition.behind(query.order, *sort, id);
        }
        let limit = condition.values.number(i64::from(query.limit));
        let offset = condition.values.number(i64::from(query.offset));
        let order = match query.order {
            Order::Ascending => "ASC",
            Order::Descending => "DESC",
        };
        let text = format!(
            "SELECT {COLUMNS} FROM record r WHERE {} ORDER BY r.sort {order}, r.id {order} LIMIT {limit} OFFSET {offset}",
            condition.text
        );
        let rows = condition.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        rows.iter().map(|row| record_of(row, query.unread)).collect()
    }

    /// How many records match, ignoring limit, offset and `after`.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn count(&self, scope: &Scope, query: &RecordQuery) -> Result<u64, StorageError> {
        let condition = Condition::of(scope, query);
        let text = format!("SELECT count(*) FROM record r WHERE {}", condition.text);
        let row = condition.query(text).fetch_one(&self.inner.db.readers).await.map_err(at(PLACE))?;
        to_u64(row.try_get(0).map_err(at(PLACE))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_wanted_of_a_record_is_not_read() {
        let text = r#"{"id":"c1","evidence":[{"evidence":[1]},"x"],"report":{"evidence":[2]}}"#;
        let read = without(text, "evidence").unwrap();
        assert_eq!(read, json!({"id": "c1", "evidence": [], "report": {"evidence": [2]}}));
        assert_eq!(without(text, "absent").unwrap(), serde_json::from_str::<Json>(text).unwrap());
        for damaged in ["[]", "{\"evidence\":[}", "{} {}", ""] {
            assert!(without(damaged, "evidence").is_err(), "{damaged}");
        }
    }
}
