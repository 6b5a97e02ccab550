//! One reader of the outbox for all live lines of this process, and the seats of these lines.

use super::event::{Event, condensed};
use access::Caller;
use model::{Limits, OrgId, PersonId};
use moka::future::Cache;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use storage::{Storage, StorageError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast};

/// How often the outbox is looked at while somebody listens.
const TICK: Duration = Duration::from_millis(200);
/// Events read at once.
const EVENTS: u32 = 500;
/// Groups of events that wait for a slow line; one that falls further behind is closed.
const WAITING_MAX: usize = 64;
/// Answers to "may this organisation see this event" that are kept for its other people.
const ANSWERS_MAX: u64 = 10_000;
const ANSWERS_KEPT: Duration = Duration::from_secs(60);

/// Events that were read together.
pub(super) type Batch = Arc<[Event]>;

/// Everything that live lines of one process share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hub(Arc<Inner>);

struct Inner {
    storage: Storage,
    sender: broadcast::Sender<Batch>,
    /// Whether the reader runs: it rests while nobody listens.
    is_reading: Mutex<bool>,
    seats: Arc<Semaphore>,
    seats_per_person: usize,
    people: Mutex<HashMap<PersonId, usize>>,
    /// By event, organisation, and the rights that matter.
    answers: Cache<(i64, OrgId, [bool; 3]), bool>,
}

/// A place for one line, free again when it is dropped.
pub(super) struct Seat {
    hub: Hub,
    person: PersonId,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut people = lock(&self.hub.0.people);
        if let Some(count) = people.get_mut(&self.person) {
            *count -= 1;
            if *count == 0 {
                people.remove(&self.person);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub(crate) fn new(storage: Storage, limits: &Limits) -> Self {
        Self(Arc::new(Inner {
            storage,
            sender: broadcast::Sender::new(WAITING_MAX),
            is_reading: Mutex::new(false),
            seats: Arc::new(Semaphore::new(limits.live_lines_max as usize)),
            seats_per_person: limits.live_lines_per_person_max as usize,
            people: Mutex::default(),
            answers: Cache::builder().max_capacity(ANSWERS_MAX).time_to_live(ANSWERS_KEPT).build(),
        }))
    }

    /// A place for one more line of this person; `None` when all are taken.
    pub(super) fn seat(&self, person: &PersonId) -> Option<Seat> {
        let permit = self.0.seats.clone().try_acquire_owned().ok()?;
        let mut people = lock(&self.0.people);
        let count = people.entry(person.clone()).or_default();
        if *count >= self.0.seats_per_person {
            return None;
        }
        *count += 1;
        drop(people);
        Some(Seat { hub: self.clone(), person: person.clone(), _permit: permit })
    }

    /// Listens to what comes behind `end`, or behind an earlier event when others listen already.
    pub(super) fn listen(&self, end: i64) -> broadcast::Receiver<Batch> {
        let mut is_reading = lock(&self.0.is_reading);
        let receiver = self.0.sender.subscribe();
        if !*is_reading {
            *is_reading = true;
            tokio::spawn(self.clone().read(end));
        }
        receiver
    }

    /// Reads the outbox and passes it on, until nobody listens any more.
    async fn read(self, mut at: i64) {
        while !self.rests() {
            match self.next(at).await {
                Ok((batch, last, is_all)) => {
                    at = last;
                    if !batch.is_empty() {
                        // An error says that nobody listens: then the next round rests.
                        let _ = self.0.sender.send(batch);
                    }
                    if !is_all {
                        continue;
                    }
                }
                Err(error) => tracing::warn!(%error, "live lines hear of what happens later"),
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// Whether nobody listens; then the reader is no more.
    fn rests(&self) -> bool {
        let mut is_reading = lock(&self.0.is_reading);
        let rests = self.0.sender.receiver_count() == 0;
        *is_reading = !rests;
        rests
    }

    /// Events behind a place, that of the last one that was read, and whether it was all there is.
    pub(super) async fn next(&self, after: i64) -> Result<(Batch, i64, bool), StorageError> {
        let events = self.0.storage.outbox_events(after, EVENTS).await?;
        let last = events.last().map_or(after, |event| event.seq);
        let is_all = events.len() < EVENTS as usize;
        Ok((condensed(events.iter().filter_map(Event::of).collect()).into(), last, is_all))
    }

    /// Whether this person may know of an event; asked once for all of an organisation with the same rights.
    pub(super) async fn is_for(&self, event: &Event, caller: &Caller) -> Result<bool, StorageError> {
        let storage = &self.0.storage;
        if !event.is_shared() {
            return event.is_for(storage, caller).await;
        }
        let rights = [
            caller.may(access::Right::Search),
            caller.may(access::Right::SeeLabels),
            consult::message::may_take_part(caller),
        ];
        let key = (event.seq, caller.organisation().clone(), rights);
        let asked = self.0.answers.try_get_with(key, event.is_for(storage, caller)).await;
        asked.map_err(|error| (*error).clone())
    }
}
