//! Conversations in storage: who takes part, how far each has read, and what is written with a message.

use super::{Conversation, Message, NewMessage, TOPIC, Unread, may_take_part};
use crate::record::Consult;
use crate::service::{conflict, person, who};
use crate::state::State;
use crate::{ConsultError, ConsultService, once};
use access::{Caller, Person, Right};
use model::{ConsultId, PersonId, Scope};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeSet, HashMap};
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Order, Put, RecordQuery, StorageError,
};
use time::OffsetDateTime;

/// Record kind of messages.
const KIND: &str = "message";
/// Unique key of a message: consult, sender and the identifier that they made.
const ONCE: &str = "once";
/// Record kind of what is known of all messages of a consult.
const THREAD: &str = "message_thread";
/// Record kind of how far a person has read.
const READ: &str = "message_read";
/// How often a number is tried for when several write at once.
const TRIES: usize = 16;
/// Threads that unread messages are counted of.
const THREADS_MAX: u32 = 500;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Thread {
    consult: ConsultId,
    number: String,
    count: u64,
    /// Whoever asked, has read or reviewed, or has written.
    people: BTreeSet<PersonId>,
}

impl Thread {
    fn join(&mut self, consult: &Consult) {
        let now = [&consult.reader, &consult.reviewer];
        self.people.extend(now.into_iter().flatten().map(|person| person.id.clone()));
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Read {
    consult: ConsultId,
    read: u64,
}
impl ConsultService {
    /// Says something on a case; what was said with the same [`NewMessage::once`] before is not said again.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`]; [`ConsultError::Forbidden`] for whoever has no part in it; [`ConsultError::Invalid`]
    /// naming `text`, `marks`, `view` or `once`.
    pub async fn send_message(
        &self,
        caller: &Caller,
        id: &ConsultId,
        new: NewMessage,
        now: OffsetDateTime,
    ) -> Result<Message, ConsultError> {
        let consult = self.discussed(caller, id).await?;
        let by = person(caller)
            .ok_or(ConsultError::Forbidden("没有参与这一会诊的权限 / you have no part in this case"))?;
        let NewMessage { once, text, marks, view } = new.checked()?;
        let once = once.map(|once| format!("{id}/{}/{once}", by.id));
        let organisation =
            if *caller.organisation() == consult.reading.id { &consult.reading } else { &consult.requesting };
        let organisation = organisation.clone();
        let mut message = Message { n: 0, by, organisation, at: now, text, marks, view };
        let coordinators = self.coordinators_of(&consult).await?;
        for _ in 0..TRIES {
            if let Some(said) = self.said_before(caller, once.as_deref()).await? {
                if (&said.text, &said.marks, &said.view) != (&message.text, &message.marks, &message.view) {
                    return Err(once::OTHER);
                }
                self.note_own(caller, id, said.n).await?;
                return Ok(said);
            }
            let (mut thread, expected) = self.thread(&consult).await?;
            thread.count = thread.count.saturating_add(1);
            thread.join(&consult);
            thread.people.insert(message.by.id.clone());
            message.n = thread.count;
            let told: BTreeSet<&PersonId> = thread.people.iter().chain(&coordinators).collect();
            let change = sent(&consult, &message, once.as_deref(), &thread, &told, expected)?;
            match self.storage.apply(caller.scope(), change).await {
                Ok(()) => {
                    self.note_own(caller, id, message.n).await?;
                    return Ok(message);
                }
                // Somebody else has written at the same moment, and theirs comes first; or the same was sent twice.
                Err(StorageError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let (consult, version) = self.load(caller, id).await?;
        Err(conflict(&consult, version))
    }

    /// The message that was sent with an identifier before.
    async fn said_before(
        &self,
        caller: &Caller,
        once: Option<&str>,
    ) -> Result<Option<Message>, ConsultError> {
        let Some(once) = once else { return Ok(None) };
        let query = RecordQuery { limit: 1, ..RecordQuery::new(KIND).with(ONCE, once) };
        let found = self.storage.records(caller.scope(), &query).await?.into_iter().next();
        found.map(|record| body(record.body)).transpose()
    }

    /// Those of the reading organisation who are told of a message while nobody reads the case yet.
    async fn coordinators_of(&self, consult: &Consult) -> Result<Vec<PersonId>, ConsultError> {
        if consult.reader.is_some() {
            return Ok(Vec::new());
        }
        let people = self.storage.people_acting_for(&consult.reading.id).await?;
        let coordinates =
            |person: &Person| !person.is_disabled && person.rights().contains(&Right::Coordinate);
        Ok(people.into_iter().filter(coordinates).map(|person| person.id).collect())
    }

    /// Lets whoever reads or reviews a consult now have a part in what was said before. What does not succeed does with the
    /// next message: nothing else waits for it.
    pub(crate) async fn join_conversation(&self, consult: &Consult) {
        for _ in 0..TRIES {
            match self.try_to_join(consult).await {
                Ok(()) => return,
                Err(StorageError::Conflict(_)) => {}
                Err(error) => return tracing::warn!(%error, "somebody joins a conversation later"),
            }
        }
    }

    async fn try_to_join(&self, consult: &Consult) -> Result<(), StorageError> {
        let node = node();
        let record = match self.storage.record(&node, THREAD, consult.id.as_str()).await {
            Err(StorageError::NotFound) => return Ok(()),
            record => record?,
        };
        let damaged = |_| StorageError::Corrupt("a record of messages");
        let mut thread: Thread = serde_json::from_value(record.body).map_err(damaged)?;
        let before = thread.people.len();
        thread.join(consult);
        if thread.people.len() == before {
            return Ok(());
        }
        let put = put_of_thread(consult, &thread, record.changed_at_ms, Expected::Version(record.version))
            .map_err(|_| StorageError::Corrupt("a record of messages"))?;
        self.storage.apply(&node, Change { puts: vec![put], ..Change::default() }).await
    }

    /// The last `limit` messages before number `before`, or the last of all.
    ///
    /// # Errors
    /// As [`Self::send_message`].
    pub async fn messages(
        &self,
        caller: &Caller,
        id: &ConsultId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Conversation, ConsultError> {
        let consult = self.discussed(caller, id).await?;
        let (thread, _) = self.thread(&consult).await?;
        let query = RecordQuery {
            sort_below: before.map(|n| i64::try_from(n).unwrap_or(i64::MAX)),
            order: Order::Descending,
            limit: limit.clamp(1, 200),
            ..RecordQuery::new(KIND).with("consult", id.as_str())
        };
        let records = self.storage.records(caller.scope(), &query).await?;
        let messages = records.into_iter().rev().map(|record| body::<Message>(record.body));
        Ok(Conversation {
            messages: messages.collect::<Result<_, _>>()?,
            count: thread.count,
            read: self.read_so_far(caller, id).await?,
        })
    }

    /// Notes that the caller has read the messages up to a number.
    ///
    /// # Errors
    /// As [`Self::send_message`].
    pub async fn read_messages(&self, caller: &Caller, id: &ConsultId, n: u64) -> Result<(), ConsultError> {
        let consult = self.discussed(caller, id).await?;
        let (thread, _) = self.thread(&consult).await?;
        let n = n.min(thread.count);
        if n > self.read_so_far(caller, id).await? {
            self.note_read(caller, id, n).await?;
        }
        Ok(())
    }

    /// Consults on which there is something that the caller, who has a part in it, has not read.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn unread_messages(&self, caller: &Caller) -> Result<Vec<Unread>, ConsultError> {
        let Some(me) = caller.as_person().filter(|_| may_take_part(caller)) else { return Ok(Vec::new()) };
        let newest = |kind| RecordQuery {
            order: Order::Descending,
            limit: THREADS_MAX,
            ..RecordQuery::new(kind).with("person", me.id.as_str())
        };
        let mut read = HashMap::new();
        for record in self.storage.records(&node(), &newest(READ)).await? {
            let one: Read = body(record.body)?;
            read.insert(one.consult, one.read);
        }
        let mut unread = Vec::new();
        for record in self.storage.records(caller.scope(), &newest(THREAD)).await? {
            let thread: Thread = body(record.body)?;
            let left = thread.count.saturating_sub(read.get(&thread.consult).copied().unwrap_or(0));
            if left > 0 && !self.is_kept_from(caller, &thread.consult).await? {
                unread.push(Unread { consult: thread.consult, number: thread.number, unread: left });
            }
        }
        Ok(unread)
    }

    /// The consult, if the caller has a part in what is said about it.
    async fn discussed(&self, caller: &Caller, id: &ConsultId) -> Result<Consult, ConsultError> {
        let (consult, _) = self.load(caller, id).await?;
        if who(caller, &consult).is_empty() {
            return Err(ConsultError::Forbidden("没有参与这一会诊的权限 / you have no part in this case"));
        }
        if consult.state == State::Draft || consult.submitted_at.is_none() {
            return Err(ConsultError::Forbidden(
                "提交申请后才能留言 / messages are possible once the case has been sent",
            ));
        }
        self.refuse_kept_from(caller, id).await?;
        Ok(consult)
    }

    async fn thread(&self, consult: &Consult) -> Result<(Thread, Expected), ConsultError> {
        match self.storage.record(&node(), THREAD, consult.id.as_str()).await {
            Ok(record) => Ok((body(record.body)?, Expected::Version(record.version))),
            Err(StorageError::NotFound) => {
                let people = BTreeSet::from([consult.created_by.id.clone()]);
                let (id, number) = (consult.id.clone(), consult.number.clone());
                Ok((Thread { consult: id, number, count: 0, people }, Expected::Absent))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn read_so_far(&self, caller: &Caller, id: &ConsultId) -> Result<u64, ConsultError> {
        match self.storage.record(&node(), READ, &read_id(caller, id)).await {
            Ok(record) => Ok(body::<Read>(record.body)?.read),
            Err(StorageError::NotFound) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Whoever writes has read what they answer to, if they had read all before.
    async fn note_own(&self, caller: &Caller, id: &ConsultId, n: u64) -> Result<(), ConsultError> {
        if self.read_so_far(caller, id).await?.saturating_add(1) == n {
            self.note_read(caller, id, n).await?;
        }
        Ok(())
    }

    async fn note_read(&self, caller: &Caller, id: &ConsultId, n: u64) -> Result<(), ConsultError> {
        let put = Put {
            kind: READ,
            id: read_id(caller, id),
            expected: Expected::Anything,
            body: json!(Read { consult: id.clone(), read: n }),
            keys: vec![("person", caller.scope().actor.id.clone())],
            unique: Vec::new(),
            sort: model::time_text::unix_ms(OffsetDateTime::now_utc()),
            // Theirs, for whichever side they act.
            visible_to: Vec::new(),
        };
        let change = Change { puts: vec![put], ..Change::default() };
        Ok(self.storage.apply_unseen(caller.scope(), change).await?)
    }
}

fn node() -> Scope {
    Scope::node("messages")
}

fn read_id(caller: &Caller, id: &ConsultId) -> String {
    format!("{}/{id}", caller.scope().actor.id)
}

fn body<T: for<'de> Deserialize<'de>>(body: serde_json::Value) -> Result<T, ConsultError> {
    serde_json::from_value(body).map_err(|error| {
        tracing::error!(%error, "a record of messages cannot be read");
        ConsultError::Failed("the record of messages is damaged")
    })
}

fn json(value: &impl Serialize) -> Result<serde_json::Value, ConsultError> {
    serde_json::to_value(value).map_err(|_| ConsultError::Failed("the message has no JSON"))
}

fn put_of_thread(
    consult: &Consult,
    thread: &Thread,
    newest_at_ms: i64,
    expected: Expected,
) -> Result<Put, ConsultError> {
    Ok(Put {
        kind: THREAD,
        id: consult.id.to_string(),
        expected,
        body: json(thread)?,
        keys: thread.people.iter().map(|person| ("person", person.to_string())).collect(),
        unique: Vec::new(),
        sort: newest_at_ms,
        visible_to: consult.parties(),
    })
}

/// Everything that is written with a message.
fn sent(
    consult: &Consult,
    message: &Message,
    once: Option<&str>,
    thread: &Thread,
    told: &BTreeSet<&PersonId>,
    expected: Expected,
) -> Result<Change, ConsultError> {
    let of_message = Put {
        kind: KIND,
        id: format!("{}/{}", consult.id, message.n),
        expected: Expected::Absent,
        body: json(message)?,
        keys: vec![("consult", consult.id.to_string())],
        unique: once.map(|once| (ONCE, once.to_owned())).into_iter().collect(),
        sort: i64::try_from(message.n).unwrap_or(i64::MAX),
        visible_to: consult.parties(),
    };
    let of_thread = put_of_thread(consult, thread, model::time_text::unix_ms(message.at), expected)?;
    let audit = AuditEntry {
        action: AuditAction::Change,
        object: format!("consult/{}", consult.id),
        outcome: AuditOutcome::Success,
        detail: format!("message {}", message.n),
    };
    let event = json!({
        "consult": consult.id,
        "n": message.n,
        "by": message.by.id,
        "people": told,
        "requesting": consult.requesting.id,
        "reading": consult.reading.id,
    });
    Ok(Change {
        puts: vec![of_message, of_thread],
        audit: vec![audit],
        events: vec![(TOPIC, event)],
        ..Change::default()
    })
}
