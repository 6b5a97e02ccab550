//! What goes over a live line: that something changed, never what it says now. Whoever is told asks for it by the
//! ordinary ways, with the rights that these need.

use access::{Caller, Right};
use consult::State;
use model::{ConsultId, Key, Level, OrgId, PersonId, Query, Uid};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use storage::{OutboxEvent, Storage, StorageError};

/// An event of the outbox, as far as people's pages want to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Its place in the outbox.
    pub seq: i64,
    pub what: What,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A consult, and the state that it is in.
    Consult(ConsultId, State),
    /// Critical findings of a consult: raised, said again, acknowledged.
    Critical(ConsultId),
    /// Opinions on a consult: asked for, given, declined, withdrawn.
    Opinion(ConsultId),
    /// Messages on a consult.
    Message(ConsultId),
    /// Deliveries of a consult's report.
    Delivery(ConsultId),
    /// A person's notices.
    Notice(PersonId),
    /// A study has got more instances.
    Study(OrgId, Uid),
    /// Studies of an organisation were corrected.
    Studies(OrgId),
    /// Orders of an organisation.
    Orders(OrgId),
}

#[derive(Deserialize)]
struct OfConsult {
    id: ConsultId,
    state: State,
}

#[derive(Deserialize)]
struct OnConsult {
    consult: ConsultId,
}

#[derive(Deserialize)]
struct OfPerson {
    person: PersonId,
}

#[derive(Deserialize)]
struct OfStudy {
    owner: OrgId,
    study: Uid,
}

#[derive(Deserialize)]
struct OfOwner {
    owner: OrgId,
}

impl Event {
    /// What an event of the outbox says to pages; `None` when it says nothing to them.
    pub(super) fn of(event: &OutboxEvent) -> Option<Self> {
        let what = match event.topic.as_str() {
            "consult" => body::<OfConsult>(event).map(|of| What::Consult(of.id, of.state)),
            consult::critical::TOPIC => body::<OnConsult>(event).map(|on| What::Critical(on.consult)),
            consult::opinion::TOPIC => body::<OnConsult>(event).map(|on| What::Opinion(on.consult)),
            consult::message::TOPIC => body::<OnConsult>(event).map(|on| What::Message(on.consult)),
            consult::delivery::TOPIC => body::<OnConsult>(event).map(|on| What::Delivery(on.consult)),
            consult::notify::TOPIC => body::<OfPerson>(event).map(|of| What::Notice(of.person)),
            "instance.stored" => body::<OfStudy>(event).map(|of| What::Study(of.owner, of.study)),
            topic if topic.starts_with("correction.") => {
                body::<OfOwner>(event).map(|of| What::Studies(of.owner))
            }
            topic if topic.starts_with("order.") => body::<OfOwner>(event).map(|of| What::Orders(of.owner)),
            _ => None,
        };
        what.map(|what| Self { seq: event.seq, what })
    }

    /// The words on the wire.
    pub(super) fn to_json(&self) -> Json {
        let seq = self.seq;
        match &self.what {
            What::Consult(id, state) => json!({"seq": seq, "what": "consult", "id": id, "state": state}),
            What::Critical(id) => json!({"seq": seq, "what": "critical", "id": id}),
            What::Opinion(id) => json!({"seq": seq, "what": "opinion", "id": id}),
            What::Message(id) => json!({"seq": seq, "what": "message", "id": id}),
            What::Delivery(id) => json!({"seq": seq, "what": "delivery", "id": id}),
            What::Notice(_) => json!({"seq": seq, "what": "notice"}),
            What::Study(org, study) => json!({"seq": seq, "what": "study", "org": org, "id": study}),
            What::Studies(_) => json!({"seq": seq, "what": "studies"}),
            What::Orders(_) => json!({"seq": seq, "what": "orders"}),
        }
    }

    /// Whether this person may know of it: by the same rules as reading what has changed.
    pub(super) async fn is_for(&self, storage: &Storage, caller: &Caller) -> Result<bool, StorageError> {
        match &self.what {
            What::Notice(person) => Ok(caller.as_person().is_some_and(|me| me.id == *person)),
            What::Studies(owner) | What::Orders(owner) => {
                Ok(caller.may(Right::Search) && caller.organisation() == owner)
            }
            What::Message(_) if !consult::message::may_take_part(caller) => Ok(false),
            What::Opinion(id) => Ok(caller.may(Right::Search) && is_read_here(storage, caller, id).await?),
            What::Consult(id, _) | What::Critical(id) | What::Message(id) | What::Delivery(id) => {
                Ok(caller.may(Right::Search) && is_within_reach(storage, caller, id).await?)
            }
            What::Study(owner, study) => {
                if !caller.may(Right::Search) {
                    return Ok(false);
                }
                let query = Query::new(Level::Study, 1).with_value(Key::StudyInstanceUid, study.as_str());
                let page = storage.search(&caller.scope().owned_by(owner.clone()), &query).await?;
                Ok(!page.rows.is_empty())
            }
        }
    }

    /// Whether the answer is the same for everybody of an organisation who has the same rights.
    pub(super) fn is_shared(&self) -> bool {
        matches!(
            self.what,
            What::Consult(..)
                | What::Critical(_)
                | What::Opinion(_)
                | What::Message(_)
                | What::Delivery(_)
                | What::Study(..)
        )
    }
}

async fn is_within_reach(storage: &Storage, caller: &Caller, id: &ConsultId) -> Result<bool, StorageError> {
    match storage.record(caller.scope(), consult::record::KIND, id.as_str()).await {
        Ok(_) => Ok(true),
        Err(StorageError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the caller's organisation answers it: what its people ask of one another is for nobody else.
async fn is_read_here(storage: &Storage, caller: &Caller, id: &ConsultId) -> Result<bool, StorageError> {
    match storage.record(caller.scope(), consult::record::KIND, id.as_str()).await {
        Ok(record) => Ok(record.body["reading"]["id"] == caller.organisation().as_str()),
        Err(StorageError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

fn body<T: for<'de> Deserialize<'de>>(event: &OutboxEvent) -> Option<T> {
    let body = T::deserialize(&event.body);
    if body.is_err() {
        tracing::error!(seq = event.seq, topic = event.topic, "an event of the outbox cannot be read");
    }
    body.ok()
}

/// Leaves one of many events about the same study, so that a thousand images that arrive are not a thousand messages.
pub(super) fn condensed(events: Vec<Event>) -> Vec<Event> {
    let mut kept: Vec<Event> = Vec::with_capacity(events.len());
    for event in events {
        if matches!(event.what, What::Study(..) | What::Studies(_)) {
            kept.retain(|earlier| earlier.what != event.what);
        }
        kept.push(event);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: i64, topic: &str, body: Json) -> Option<Event> {
        Event::of(&OutboxEvent { seq, topic: topic.to_owned(), body })
    }

    #[test]
    fn many_images_of_a_study_are_one_event_the_last() {
        let stored = |seq, study: &str| {
            event(seq, "instance.stored", json!({"owner": "town", "study": study, "instance": "1"})).unwrap()
        };
        let consult = event(3, "consult", json!({"id": "c1", "state": "reading"})).unwrap();
        let events = vec![stored(1, "1.2"), stored(2, "1.3"), consult, stored(4, "1.2")];
        let seqs: Vec<i64> = condensed(events).iter().map(|event| event.seq).collect();
        assert_eq!(seqs, [2, 3, 4]);
    }

    #[test]
    fn what_pages_do_not_show_is_no_event() {
        assert_eq!(event(1, "slide_annotation", json!({"id": "a"})), None);
        assert_eq!(event(1, "consult", json!({"id": "not an id!"})), None);
        let words = event(7, "consult", json!({"id": "c1", "state": "closed", "by": "p"})).unwrap().to_json();
        assert_eq!(words, json!({"seq": 7, "what": "consult", "id": "c1", "state": "closed"}));
    }
}
