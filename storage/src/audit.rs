//! The audit chain: each event's hash covers the one before it (SHA-256), so that a change, a gap or a swap shows.

pub mod heads;
mod search;

pub use search::{AuditQuery, OBJECTS_MAX};

use crate::batch::Batch;
use crate::db::{Database, at, clean, sql};
use crate::index::Work;
use crate::writer::ToCommit;
use crate::{Storage, StorageError};
use model::{Actor, ActorKind, OrgId, Scope, Sha256};
use sha2::Digest as _;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use tokio::sync::mpsc::error::TrySendError;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// Logged in.
    Login,
    /// Logged out.
    Logout,
    /// Stored an instance.
    Store,
    /// Searched.
    Search,
    /// Read a study's pixels or documents.
    Read,
    /// Changed a record: a consult, a draft.
    Change,
    /// Gave or withdrew a grant.
    Grant,
    /// Signed a report.
    Sign,
    /// Verified a report.
    Verify,
    /// Read or downloaded a report.
    Export,
    /// Changed accounts, devices or rules.
    Administer,
    /// Deleted.
    Delete,
    /// Put something right about studies, or took that back.
    Correct,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// Done.
    Success,
    /// Refused or failed.
    Refused,
}

/// An event to be recorded; actor, organisation and time come from the scope and the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// What was done.
    pub action: AuditAction,
    /// To what: `study/1.2.3`, `consult/0198…`, `person/0198…`; identifiers only.
    pub object: String,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// A short machine word or number, never patient data.
    pub detail: String,
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Position in the chain, from 1, without gaps.
    pub seq: i64,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Who.
    pub actor: Actor,
    /// The actor's organisation.
    pub organisation: Option<OrgId>,
    /// What.
    pub entry: AuditEntry,
    /// SHA-256 over the previous hash and this event's canonical text.
    pub hash: Sha256,
}

/// What a walk along the chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerdict {
    /// Events walked.
    pub events: u64,
    /// Sequence number and reason of the first event that does not fit; `None` when the chain is whole.
    pub broken_at: Option<(i64, &'static str)>,
    /// Hash of the last event.
    pub head: Option<Sha256>,
    /// Up to here the chain is what signed heads say; 0 without one that it was compared with.
    pub anchored: i64,
}

macro_rules! words {
    ($to:ident, $from:ident, $type:ident { $($variant:ident => $word:literal),* $(,)? }) => {
        pub(crate) fn $to(value: $type) -> &'static str {
            match value { $($type::$variant => $word),* }
        }
        fn $from(word: &str) -> Option<$type> {
            match word { $($word => Some($type::$variant),)* _ => None }
        }
    };
}

words!(action_word, action_from, AuditAction {
    Login => "login", Logout => "logout", Store => "store", Search => "search", Read => "read", Change => "change",
    Grant => "grant", Sign => "sign", Verify => "verify", Export => "export", Administer => "administer",
    Delete => "delete", Correct => "correct",
});
words!(outcome_word, outcome_from, AuditOutcome { Success => "success", Refused => "refused" });
words!(actor_word, actor_from, ActorKind {
    Person => "person", Token => "token", Ae => "ae", Nobody => "nobody", Node => "node",
});

/// An event that waits to be written.
#[derive(Debug, Clone)]
pub(crate) struct PendingAudit {
    pub at_ms: i64,
    pub actor: Actor,
    pub organisation: Option<OrgId>,
    pub entry: AuditEntry,
}

impl PendingAudit {
    pub fn new(scope: &Scope, entry: AuditEntry) -> Self {
        Self {
            at_ms: model::time_text::unix_ms(OffsetDateTime::now_utc()),
            actor: scope.actor.clone(),
            organisation: scope.viewer().cloned(),
            entry,
        }
    }
}

/// An event's fields exactly as the index keeps them and as the hash covers them.
struct Fields {
    seq: i64,
    at_ms: i64,
    /// actor kind, actor id, address, organisation, action, object, outcome, detail
    texts: [String; 8],
}

impl Fields {
    fn new(seq: i64, event: &PendingAudit) -> Self {
        let PendingAudit { at_ms, actor, organisation, entry } = event;
        Self {
            seq,
            at_ms: *at_ms,
            texts: [
                actor_word(actor.kind).to_owned(),
                clean(&actor.id),
                actor.address.map(|a| a.to_string()).unwrap_or_default(),
                organisation.as_ref().map(ToString::to_string).unwrap_or_default(),
                action_word(entry.action).to_owned(),
                clean(&entry.object),
                outcome_word(entry.outcome).to_owned(),
                clean(&entry.detail),
            ],
        }
    }

    fn from_row(row: &AnyRow) -> Result<(Self, Vec<u8>), sqlx::Error> {
        let mut texts: [String; 8] = Default::default();
        for (i, text) in texts.iter_mut().enumerate() {
            *text = row.try_get(i + 2)?;
        }
        Ok((Self { seq: row.try_get(0)?, at_ms: row.try_get(1)?, texts }, row.try_get(10)?))
    }

    /// SHA-256 of the previous hash and the canonical text: a JSON array of all fields in order.
    fn hash(&self, previous: &Sha256) -> Sha256 {
        let canonical = serde_json::json!([self.seq, self.at_ms, self.texts]).to_string();
        let mut hash = sha2::Sha256::new();
        hash.update(previous.as_bytes());
        hash.update(canonical.as_bytes());
        Sha256(hash.finalize().into())
    }

    fn event(self, hash: &[u8]) -> Option<AuditEvent> {
        let [kind, id, address, organisation, action, object, outcome, detail] = self.texts;
        Some(AuditEvent {
            seq: self.seq,
            at_ms: self.at_ms,
            actor: Actor { kind: actor_from(&kind)?, id, address: address.parse().ok() },
            organisation: OrgId::parse(&organisation).ok(),
            entry: AuditEntry {
                action: action_from(&action)?,
                object,
                outcome: outcome_from(&outcome)?,
                detail,
            },
            hash: Sha256::from_slice(hash).ok()?,
        })
    }
}

const COLUMNS: &str =
    "seq, at_ms, actor_kind, actor_id, address, organisation, action, object, outcome, detail, hash";

/// Where the chain ends. On PostgreSQL the row stays locked until the transaction ends: writers of several nodes
/// follow each other.
pub(crate) async fn lock_head(
    connection: &mut AnyConnection,
    db: &Database,
) -> Result<(i64, Sha256), StorageError> {
    let text = format!("SELECT seq, hash FROM audit_head WHERE id = 1{}", db.for_update());
    let row = sqlx::query(sql(text)).fetch_one(connection).await.map_err(at("reading the audit chain"))?;
    head_of(&row, 0)
}

/// Position and hash of the last event, beginning with this column.
pub(crate) fn head_of(row: &AnyRow, first: usize) -> Result<(i64, Sha256), StorageError> {
    let hash: Vec<u8> = row.try_get(first + 1).map_err(at("reading the audit chain"))?;
    let hash = Sha256::from_slice(&hash).map_err(|_| StorageError::Corrupt("the head of the audit chain"))?;
    Ok((row.try_get(first).map_err(at("reading the audit chain"))?, hash))
}

impl Work<'_> {
    /// Puts the events of this transaction at the end of the chain.
    pub(crate) async fn put_audits(&mut self, batch: &mut Batch) -> Result<(), StorageError> {
        let events = std::mem::take(&mut self.audits);
        if events.is_empty() {
            return Ok(());
        }
        let (mut seq, mut hash) = match self.audit_head {
            Some(head) => head,
            None => lock_head(self.connection, self.db).await?,
        };
        for some in events.chunks(64) {
            let rows = some.iter().map(|event| {
                seq += 1;
                let fields = Fields::new(seq, event);
                hash = fields.hash(&hash);
                let [kind, id, address, organisation, action, object, outcome, detail] = fields.texts;
                let hash = hash.as_bytes().as_slice();
                [
                    fields.seq.into(),
                    fields.at_ms.into(),
                    kind.into(),
                    id.into(),
                    address.into(),
                    organisation.into(),
                    action.into(),
                    object.into(),
                    outcome.into(),
                    detail.into(),
                    hash.into(),
                ]
            });
            batch.insert(&format!("INSERT INTO audit ({COLUMNS}) VALUES "), "(?,?,?,?,?,?,?,?,?,?,?)", rows);
        }
        batch.add(
            "UPDATE audit_head SET seq = ?, hash = ? WHERE id = 1",
            [seq.into(), hash.as_bytes().as_slice().into()],
        );
        self.audit_head = Some((seq, hash));
        Ok(())
    }
}

/// Events read at once while the chain is walked.
const WALK_ROWS: i64 = 1000;
/// Events listed at once.
const LIST_ROWS_MAX: u32 = 1000;

fn tell_unrecorded() {
    tracing::error!("what was read is not on the audit chain: the storage is closed");
}

impl Storage {
    /// Records one event by itself (a login, a refusal).
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn audit(&self, scope: &Scope, entry: AuditEntry) -> Result<(), StorageError> {
        let event = PendingAudit::new(scope, entry);
        self.inner.writer.commit(|answer| ToCommit::Audit(event, answer)).await
    }

    /// Records that somebody has searched or read, without making them wait for the disk: with what else is written within
    /// a tenth of a second (`docs/decisions/0005`).
    pub fn audit_soon(&self, scope: &Scope, entry: AuditEntry) {
        let queue = self.inner.writer.commit.clone();
        match queue.try_send(ToCommit::Note(PendingAudit::new(scope, entry))) {
            Ok(()) => {}
            Err(TrySendError::Full(note)) => {
                tokio::spawn(async move { queue.send(note).await.map_err(|_| tell_unrecorded()) });
            }
            Err(TrySendError::Closed(_)) => tell_unrecorded(),
        }
    }

    /// As [`Storage::audit`], for what only reads: on a full disk a physician must still see the images, so it goes on,
    /// and the event is in the log instead.
    ///
    /// # Errors
    /// As [`Storage::audit`], but for [`StorageError::OutOfResources`].
    pub async fn audit_reading(&self, scope: &Scope, entry: AuditEntry) -> Result<(), StorageError> {
        let (action, object) = (entry.action, entry.object.clone());
        match self.audit(scope, entry).await {
            Err(StorageError::OutOfResources(why)) => {
                tracing::error!(why, ?action, object, actor = scope.actor.id, "not on the audit chain");
                Ok(())
            }
            other => other,
        }
    }

    /// Events of the scope's organisation (all for the node), newest first, before a sequence number.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn audit_events(
        &self,
        scope: &Scope,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, StorageError> {
        self.audit_search(scope, &AuditQuery { before, ..AuditQuery::default() }, limit).await
    }

    /// Walks the whole chain. Whoever can write to the index can make another whole chain: see
    /// [`Storage::audit_verify_against`].
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn audit_verify(&self) -> Result<AuditVerdict, StorageError> {
        self.audit_verify_against(&[]).await
    }

    /// Walks the whole chain and compares it with signed heads, whose signatures the caller has checked: then a chain that
    /// was computed anew, or whose end was cut off, shows as far as the last of them.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn audit_verify_against(&self, heads: &[heads::Head]) -> Result<AuditVerdict, StorageError> {
        let anchors: BTreeMap<i64, Sha256> = heads.iter().map(|head| (head.seq, head.hash)).collect();
        let place = "reading the audit chain";
        let readers = &self.inner.db.readers;
        // The head first: events that are added meanwhile lie behind it and are not looked at.
        let row = sqlx::query("SELECT seq, hash FROM audit_head WHERE id = 1")
            .fetch_optional(readers)
            .await
            .map_err(at(place))?;
        let Some(row) = row else {
            let broken_at = Some((0, "the head is missing"));
            return Ok(AuditVerdict { events: 0, broken_at, head: None, anchored: 0 });
        };
        let (head_seq, head_hash) = head_of(&row, 0)?;
        let mut seq = 0;
        let mut previous = Sha256([0; 32]);
        let mut anchored = 0;
        let broken = |seq: i64, why: &'static str, previous: Sha256, anchored: i64| {
            let events = u64::try_from(seq - 1).unwrap_or(0);
            let head = (events > 0).then_some(previous);
            Ok(AuditVerdict { events, broken_at: Some((seq, why)), head, anchored })
        };
        let text = format!("SELECT {COLUMNS} FROM audit WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3");
        while seq < head_seq {
            let rows = sqlx::query(sql(text.clone()))
                .bind(seq)
                .bind(head_seq)
                .bind(WALK_ROWS)
                .fetch_all(readers)
                .await
                .map_err(at(place))?;
            if rows.is_empty() {
                return broken(seq + 1, "the end of the chain is missing", previous, anchored);
            }
            for row in &rows {
                let (fields, hash) = Fields::from_row(row).map_err(at(place))?;
                if fields.seq != seq + 1 {
                    return broken(seq + 1, "an event is missing", previous, anchored);
                }
                let expected = fields.hash(&previous);
                if hash != expected.as_bytes() {
                    return broken(
                        fields.seq,
                        "the event does not have the hash that it had",
                        previous,
                        anchored,
                    );
                }
                match anchors.get(&fields.seq) {
                    Some(signed) if *signed != expected => {
                        return broken(
                            fields.seq,
                            "the chain up to here is not the one whose head was signed",
                            previous,
                            anchored,
                        );
                    }
                    Some(_) => anchored = fields.seq,
                    None => {}
                }
                seq = fields.seq;
                previous = expected;
            }
        }
        if previous != head_hash {
            return broken(seq + 1, "the chain does not end where it should", previous, anchored);
        }
        if anchors.last_key_value().is_some_and(|(last, _)| *last > seq) {
            return broken(seq + 1, "events are missing up to a head that was signed", previous, anchored);
        }
        let extra: Option<AnyRow> = sqlx::query("SELECT seq FROM audit WHERE seq <= 0 LIMIT 1")
            .fetch_optional(readers)
            .await
            .map_err(at(place))?;
        if extra.is_some() {
            return broken(0, "an event stands before the first", previous, anchored);
        }
        Ok(AuditVerdict {
            events: u64::try_from(seq).unwrap_or(0),
            broken_at: None,
            head: (seq > 0).then_some(previous),
            anchored,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_under_the_hash() {
        let event = PendingAudit::new(
            &Scope::node("test"),
            AuditEntry {
                action: AuditAction::Read,
                object: "study/1.2".into(),
                outcome: AuditOutcome::Success,
                detail: String::new(),
            },
        );
        let zero = Sha256([0; 32]);
        let good = Fields::new(1, &event).hash(&zero);
        assert_ne!(Fields::new(2, &event).hash(&zero), good);
        assert_ne!(Fields::new(1, &event).hash(&Sha256([1; 32])), good);
        for i in 0..8 {
            let mut fields = Fields::new(1, &event);
            fields.texts[i].push('x');
            assert_ne!(fields.hash(&zero), good, "field {i}");
        }
    }

    #[test]
    fn words_read_back() {
        for action in [AuditAction::Login, AuditAction::Store, AuditAction::Delete] {
            assert_eq!(action_from(action_word(action)), Some(action));
        }
    }
}
