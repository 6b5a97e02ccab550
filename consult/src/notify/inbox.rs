//! A person's list of notices.

use super::{KIND, TOPIC, What};
use crate::{ConsultError, ConsultService};
use access::{Caller, Role};
use model::{ConsultId, OrgId, PersonId, Scope};
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::{Change, Expected, Order, Put, Record, RecordQuery, StorageError};
use time::{Duration, OffsetDateTime};

/// Notices that are shown, and read at once, at most.
const SHOWN_MAX: u32 = 200;
/// How often all are tried to be read while new ones come.
const TRIES: usize = 8;
/// How long notices are kept.
const KEPT: Duration = Duration::days(90);
/// Notices removed at once.
const REMOVED_MAX: u32 = 500;

/// Something that a person is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Identifier.
    pub id: String,
    /// Who is told.
    pub person: PersonId,
    /// What.
    pub what: What,
    /// The consult that it is about.
    pub consult: ConsultId,
    /// What people call it.
    pub number: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Whether it was read.
    pub is_read: bool,
}

/// The newest notices of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbox {
    /// Newest first.
    pub notices: Vec<Notice>,
    /// How many are not read, of all.
    pub unread: u64,
}

fn node() -> Scope {
    Scope::node("notices")
}

pub(super) fn put(notice: &Notice, expected: Expected) -> Result<Put, ConsultError> {
    let read = if notice.is_read { "read" } else { "unread" };
    Ok(Put {
        kind: KIND,
        id: notice.id.clone(),
        expected,
        body: serde_json::to_value(notice).map_err(|_| ConsultError::Failed("the notice has no JSON"))?,
        keys: vec![("person", notice.person.to_string()), ("inbox", format!("{}/{read}", notice.person))],
        unique: Vec::new(),
        sort: model::time_text::unix_ms(notice.at),
        visible_to: Vec::new(),
    })
}

pub(super) fn of(body: serde_json::Value) -> Result<Notice, ConsultError> {
    serde_json::from_value(body).map_err(|error| {
        tracing::error!(%error, "a notice cannot be read");
        ConsultError::Failed("the notice's record is damaged")
    })
}

impl ConsultService {
    /// What tells an organisation's security officers and administrators of an emergency access, to be written with it.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn emergency_alarm(
        &self,
        owner: &OrgId,
        access: &ConsultId,
        now: OffsetDateTime,
    ) -> Result<Change, ConsultError> {
        let mut change = Change::default();
        for person in self.storage.people_acting_for(owner).await? {
            let watches =
                person.roles.iter().any(|r| matches!(r, Role::SecurityOfficer | Role::Administrator));
            if person.is_disabled || !watches {
                continue;
            }
            let notice = Notice {
                id: format!("emergency/{access}-{}", person.id),
                person: person.id.clone(),
                what: What::Emergency,
                consult: access.clone(),
                number: String::new(),
                at: now,
                is_read: false,
            };
            change.puts.push(put(&notice, Expected::Absent)?);
            change.events.push((TOPIC, json!({"person": person.id})));
        }
        Ok(change)
    }

    /// The newest notices of the caller.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`] for a machine.
    pub async fn notices(&self, caller: &Caller, limit: u32) -> Result<Inbox, ConsultError> {
        let me = me(caller)?;
        let unread = RecordQuery::new(KIND).with("inbox", format!("{me}/unread"));
        let all = RecordQuery {
            order: Order::Descending,
            limit: limit.clamp(1, SHOWN_MAX),
            ..RecordQuery::new(KIND).with("person", me.as_str())
        };
        let records = self.storage.records(&node(), &all).await?;
        Ok(Inbox {
            notices: records.into_iter().map(|record| of(record.body)).collect::<Result<_, _>>()?,
            unread: self.storage.count(&node(), &unread).await?,
        })
    }

    /// Notes that the caller has read a notice, or, without `id`, all that there are.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] when it is not the caller's.
    pub async fn read_notices(&self, caller: &Caller, id: Option<&str>) -> Result<(), ConsultError> {
        let me = me(caller)?;
        for _ in 0..TRIES {
            let records = match id {
                Some(id) => vec![self.storage.record(&node(), KIND, id).await?],
                None => {
                    let unread = RecordQuery::new(KIND).with("inbox", format!("{me}/unread"));
                    self.storage.records(&node(), &unread).await?
                }
            };
            let change = read(me, records)?;
            if change.puts.is_empty() {
                return Ok(());
            }
            match self.storage.apply(&node(), change).await {
                Ok(()) => return Ok(()),
                // It says something newer now, which is not read.
                Err(StorageError::Conflict(_)) if id.is_some() => return Ok(()),
                // One of all does: the others are read all the same.
                Err(StorageError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ConsultError::Unavailable)
    }

    /// Removes notices that are older than three months.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn remove_old_notices(&self, now: OffsetDateTime) -> Result<(), ConsultError> {
        let old = RecordQuery {
            sort_below: Some(model::time_text::unix_ms(now - KEPT)),
            limit: REMOVED_MAX,
            ..RecordQuery::new(KIND)
        };
        let removes: Vec<_> =
            self.storage.records(&node(), &old).await?.into_iter().map(|record| (KIND, record.id)).collect();
        if removes.is_empty() {
            return Ok(());
        }
        Ok(self.storage.apply(&node(), Change { removes, ..Change::default() }).await?)
    }
}

/// What makes these notices of a person read ones.
fn read(me: &PersonId, records: Vec<Record>) -> Result<Change, ConsultError> {
    let mut change = Change::default();
    for record in records {
        let mut notice = of(record.body)?;
        if notice.person != *me {
            return Err(ConsultError::NotFound);
        }
        notice.is_read = true;
        change.puts.push(put(&notice, Expected::Version(record.version))?);
    }
    // Other windows of the same person show it, too.
    change.events.push((TOPIC, json!({"person": me})));
    Ok(change)
}

fn me(caller: &Caller) -> Result<&PersonId, ConsultError> {
    let person = caller
        .as_person()
        .ok_or(ConsultError::Forbidden("机器令牌没有通知 / a machine's token has no notices"))?;
    Ok(&person.id)
}
