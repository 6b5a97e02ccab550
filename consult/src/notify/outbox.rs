//! From events to notices and to what leaves the application, each once: they are written in the transaction that moves
//! the cursor of this reader of the outbox.

use super::audience::{Telling, To, tellings};
use super::channels::{MAIL_JOB, Outgoing, WEBHOOK_JOB};
use super::inbox::{self, Notice};
use super::{KIND, TOPIC};
use crate::record::{Consult, KIND as CONSULT};
use crate::service::consult_of;
use crate::{ConsultError, ConsultService};
use access::Person;
use model::{OrgId, PersonId, Scope};
use serde_json::json;
use std::collections::BTreeMap;
use storage::{Change, CursorMove, Expected, NewJob, OutboxEvent, StorageError};
use time::OffsetDateTime;

/// Name of the cursor.
const CURSOR: &str = "notices";
/// Events looked at in one transaction.
const EVENTS: u32 = 200;
/// People of one organisation who are told of one thing at most.
const PEOPLE_MAX: usize = 500;

impl ConsultService {
    /// Makes notices of the events that came since the last time, to the end of the outbox.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`]; what was not told is told the next time.
    pub async fn notify(&self, now: OffsetDateTime) -> Result<(), ConsultError> {
        loop {
            let from = self.storage.outbox_cursor(CURSOR).await?;
            let events = self.storage.outbox_events(from, EVENTS).await?;
            let Some(last) = events.last() else { return Ok(()) };
            let mut change = self.told(&events, now).await?;
            change.cursor = Some(CursorMove { name: CURSOR, from, to: last.seq });
            match self.storage.apply(&Scope::node("notices"), change).await {
                Ok(()) => {}
                // Another process was first, or somebody has just read one of them: looked at again the next time.
                Err(StorageError::Conflict(_)) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            if events.len() < EVENTS as usize {
                return Ok(());
            }
        }
    }

    async fn told(&self, events: &[OutboxEvent], now: OffsetDateTime) -> Result<Change, ConsultError> {
        let node = Scope::node("notices");
        let mut change = Change::default();
        // By identifier, so that what is said twice within one step is one notice.
        let mut notices = BTreeMap::new();
        for (event, telling) in
            events.iter().flat_map(|event| tellings(event).into_iter().map(move |t| (event, t)))
        {
            let consult = match self.storage.record(&node, CONSULT, telling.consult.as_str()).await {
                Ok(record) => consult_of(record.body)?,
                Err(StorageError::NotFound) => continue,
                Err(error) => return Err(error.into()),
            };
            let mut organisations = Vec::new();
            for person in self.people_of(&telling).await? {
                let id = format!("{}-{}", telling.about, person.id);
                let notice = notice(id.clone(), &person.id, &telling, &consult, now);
                if !self.mail_of(&person.id).await?.address.is_empty() {
                    change.jobs.push(mail(event.seq, &person, &telling, &consult, now)?);
                }
                organisations.push(person.organisation.clone());
                notices.insert(id, notice);
            }
            organisations.sort();
            organisations.dedup();
            for organisation in organisations {
                if self.webhook_of(&organisation).await?.is_some() {
                    change.jobs.push(webhook(event.seq, organisation, &telling, &consult, now)?);
                }
            }
        }
        for (id, notice) in notices {
            let expected = match self.storage.record(&node, KIND, &id).await {
                Ok(record) => Expected::Version(record.version),
                Err(StorageError::NotFound) => Expected::Absent,
                Err(error) => return Err(error.into()),
            };
            change.events.push((TOPIC, json!({"person": notice.person})));
            change.puts.push(inbox::put(&notice, expected)?);
        }
        Ok(change)
    }

    /// Everybody who is to be told, once, without whoever brought it about.
    async fn people_of(&self, telling: &Telling) -> Result<Vec<Person>, ConsultError> {
        let node = Scope::node("notices");
        let mut people: BTreeMap<PersonId, Person> = BTreeMap::new();
        for to in &telling.to {
            let found = match to {
                To::Person(id) => match self.storage.person(id).await {
                    Ok(person) => vec![person],
                    Err(StorageError::NotFound) => Vec::new(),
                    Err(error) => return Err(error.into()),
                },
                To::With(organisation, right) => {
                    let all = self.storage.people(&node, organisation).await?;
                    all.into_iter()
                        .filter(|person| person.rights().contains(right))
                        .take(PEOPLE_MAX)
                        .collect()
                }
                To::Role(organisation, role) => {
                    let all = self.storage.people(&node, organisation).await?;
                    all.into_iter().filter(|person| person.roles.contains(role)).take(PEOPLE_MAX).collect()
                }
            };
            people.extend(found.into_iter().map(|person| (person.id.clone(), person)));
        }
        people.retain(|id, person| !person.is_disabled && telling.by.as_ref() != Some(id));
        Ok(people.into_values().collect())
    }
}

fn notice(
    id: String,
    person: &PersonId,
    telling: &Telling,
    consult: &Consult,
    now: OffsetDateTime,
) -> Notice {
    Notice {
        id,
        person: person.clone(),
        what: telling.what,
        consult: consult.id.clone(),
        number: consult.number.clone(),
        at: now,
        is_read: false,
    }
}

fn outgoing(
    id: String,
    telling: &Telling,
    consult: &Consult,
    at: OffsetDateTime,
) -> Result<serde_json::Value, ConsultError> {
    let outgoing =
        Outgoing { id, what: telling.what, consult: consult.id.clone(), number: consult.number.clone(), at };
    serde_json::to_value(outgoing).map_err(|_| ConsultError::Failed("the notice has no JSON"))
}

fn mail(
    seq: i64,
    person: &Person,
    telling: &Telling,
    consult: &Consult,
    now: OffsetDateTime,
) -> Result<NewJob, ConsultError> {
    let body = outgoing(format!("{seq}-{}", person.id), telling, consult, now)?;
    Ok(NewJob::new(MAIL_JOB, person.id.as_str(), person.organisation.clone(), body))
}

fn webhook(
    seq: i64,
    organisation: OrgId,
    telling: &Telling,
    consult: &Consult,
    now: OffsetDateTime,
) -> Result<NewJob, ConsultError> {
    let body = outgoing(format!("{seq}-{organisation}"), telling, consult, now)?;
    Ok(NewJob::new(WEBHOOK_JOB, organisation.as_str(), organisation.clone(), body))
}
