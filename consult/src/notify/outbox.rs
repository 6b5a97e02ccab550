//! From events to notices and to what leaves the application, each once: they are written in the transaction that moves
//! the cursor of this reader of the outbox.

use super::audience::{Telling, To, tellings};
use super::channels::{self, MAIL_JOB, MailSettings, Outgoing, WEBHOOK_JOB};
use super::inbox::{self, Notice};
use super::{KIND, TOPIC};
use crate::record::{Consult, KIND as CONSULT};
use crate::service::consult_of;
use crate::{ConsultError, ConsultService};
use access::Person;
use model::{OrgId, PersonId, Scope};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
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
                Ok(record) => match consult_of(record.body) {
                    Ok(consult) => consult,
                    // What is told of all others must not wait for this one.
                    Err(error) => {
                        tracing::error!(%error, consult = %telling.consult, "nobody is told of a damaged consult");
                        continue;
                    }
                },
                Err(StorageError::NotFound) => continue,
                Err(error) => return Err(error.into()),
            };
            let people = self.people_of(&telling, now).await?;
            let organisations = organisations_of(&telling, &consult, &people);
            for person in people.into_iter().filter(|person| !person.is_disabled) {
                let id = format!("{}-{}", telling.about, person.id);
                let notice = notice(id.clone(), &person.id, &telling, &consult, now);
                let wants_mail = |settings: &MailSettings| !settings.address.is_empty();
                if undamaged(self.mail_of(&person.id).await)?.as_ref().is_some_and(wants_mail) {
                    change.jobs.push(mail(event.seq, &person, &telling, &consult, now)?);
                }
                notices.insert(id, notice);
            }
            for organisation in organisations {
                if undamaged(self.webhook_of(&organisation).await)?.flatten().is_some() {
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

    /// Everybody whom it concerns, once, without whoever brought it about; also those whose account is disabled.
    async fn people_of(&self, telling: &Telling, now: OffsetDateTime) -> Result<Vec<Person>, ConsultError> {
        let mut people: BTreeMap<PersonId, Person> = BTreeMap::new();
        for to in &telling.to {
            let found = match to {
                To::Person(id) => match self.storage.person(id).await {
                    Ok(person) => vec![person],
                    Err(StorageError::NotFound) => Vec::new(),
                    Err(error) => return Err(error.into()),
                },
                To::With(organisation, right) => {
                    let all = self.storage.people_acting_for(organisation).await?;
                    all.into_iter()
                        .filter(|person| !person.is_disabled && person.rights().contains(right))
                        .take(PEOPLE_MAX)
                        .collect()
                }
                To::Role(organisation, role) => {
                    let all = self.storage.people_acting_for(organisation).await?;
                    all.into_iter()
                        .filter(|person| !person.is_disabled && person.roles.contains(role))
                        .take(PEOPLE_MAX)
                        .collect()
                }
                To::OnDuty(organisation) => {
                    self.on_duty(organisation).await?.into_iter().take(PEOPLE_MAX).collect()
                }
                To::OnCall(organisation) => {
                    let on_call = self.on_call(organisation, now).await?;
                    let readers = self.readers(organisation).await?;
                    readers.into_iter().filter(|person| on_call.contains(&person.id)).collect()
                }
            };
            people.extend(found.into_iter().map(|person| (person.id.clone(), person)));
        }
        people.retain(|id, _| telling.by.as_ref() != Some(id));
        Ok(people.into_values().collect())
    }
}

/// The sides of the consult that a telling concerns: their systems are told, whoever of their people has an account, and no
/// system of an organisation that has no part in it.
fn organisations_of(telling: &Telling, consult: &Consult, people: &[Person]) -> BTreeSet<OrgId> {
    let (requesting, reading) = (&consult.requesting.id, &consult.reading.id);
    let side = |id: &PersonId| {
        if consult.created_by.id == *id {
            return Some(requesting);
        }
        if consult.reader.as_ref().is_some_and(|reader| reader.id == *id) {
            return Some(reading);
        }
        let person = people.iter().find(|person| person.id == *id)?;
        [reading, requesting].into_iter().find(|side| person.acting_for(side).is_some())
    };
    let organisations = telling.to.iter().filter_map(|to| match to {
        To::Person(id) if telling.by.as_ref() == Some(id) => None,
        To::Person(id) => side(id),
        To::With(organisation, _)
        | To::Role(organisation, _)
        | To::OnDuty(organisation)
        | To::OnCall(organisation) => Some(organisation),
    });
    organisations.cloned().collect()
}

/// What a setting says; `None` for one that cannot be read, of which the log says so.
fn undamaged<T>(setting: Result<T, ConsultError>) -> Result<Option<T>, ConsultError> {
    match setting {
        Ok(setting) => Ok(Some(setting)),
        Err(error @ ConsultError::Failed(_)) => {
            tracing::error!(%error, "somebody is told on the screen only");
            Ok(None)
        }
        Err(error) => Err(error),
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
    let lane = channels::webhook_lane(&organisation, telling.what);
    Ok(NewJob::new(WEBHOOK_JOB, lane, organisation, body))
}

#[cfg(test)]
mod tests {
    use super::super::What;
    use super::*;
    use access::{Membership, Role, Signatures};

    fn telling(to: Vec<To>, by: Option<&str>) -> Telling {
        let by = by.map(|id| PersonId::parse(id).unwrap());
        let consult = crate::testing::consult(Signatures::Single).id;
        Telling { what: What::Message, consult, about: "7".into(), to, by }
    }

    #[test]
    fn only_the_sides_of_the_consult_are_told_by_webhook() {
        let consult = crate::testing::consult(Signatures::Single);
        let (requesting, reading) = (consult.requesting.id.clone(), consult.reading.id.clone());
        let mut expert = Person::new("gu", "顾文", OrgId::parse("elsewhere").unwrap(), vec![Role::Reader]);
        let to = vec![To::Person(expert.id.clone())];
        let of = |telling: &Telling, people: &[Person]| {
            organisations_of(telling, &consult, people).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of(&telling(to.clone(), None), std::slice::from_ref(&expert)), []);
        expert.memberships.push(Membership { organisation: reading.clone(), roles: vec![Role::Reader] });
        assert_eq!(of(&telling(to, None), &[expert]), std::slice::from_ref(&reading));
        // Nobody of them needs an account that is in use.
        let asker = To::Person(consult.created_by.id.clone());
        assert_eq!(of(&telling(vec![asker.clone()], None), &[]), std::slice::from_ref(&requesting));
        assert_eq!(
            of(&telling(vec![To::With(reading.clone(), access::Right::Coordinate)], None), &[]),
            [reading]
        );
        assert_eq!(of(&telling(vec![asker], Some(consult.created_by.id.as_str())), &[]), []);
    }
}
