//! Segments whose markers stay until the index is flushed (`docs/decisions/0014`).
//!
//! An instance in a marked segment is indexed again at the next start when its row is lost. So the row's own flush can
//! wait: the instance is acknowledged when its bytes are durable and its row is committed. The marker goes when a later
//! flush of the index has made the row durable, too.

use crate::segment::{Placed, SegmentId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;
use tokio::time::Instant;

/// Segments that may wait: each large instance has one, and all are looked through after a crash.
const SEGMENTS_MAX: usize = 16;

/// What waits for the index to be flushed.
pub(super) struct Held {
    wait_max: Duration,
    /// One unsettled entry of each segment, which keeps its marker.
    places: HashMap<SegmentId, Placed>,
    due: Option<Instant>,
}

impl Held {
    /// Nothing yet. The index is to be flushed so long after the first that waits.
    pub fn new(wait_max: Duration) -> Self {
        Self { wait_max, places: HashMap::new(), due: None }
    }

    /// Keeps the marker of an entry's segment.
    pub fn hold(&mut self, mut place: Placed) {
        self.due.get_or_insert_with(|| Instant::now() + self.wait_max);
        match self.places.entry(place.segment()) {
            Entry::Occupied(_) => place.settled(),
            Entry::Vacant(entry) => {
                entry.insert(place);
            }
        }
    }

    /// When the index must be flushed; `None` when nothing waits.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether the index should have been flushed by now.
    pub fn is_overdue(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }

    /// Whether one more group may wait.
    pub fn may_wait(&self) -> bool {
        self.places.len() < SEGMENTS_MAX && self.due.is_none_or(|due| Instant::now() < due)
    }

    /// The index has been flushed.
    pub fn settle(&mut self) {
        self.due = None;
        for (_, mut place) in self.places.drain() {
            place.settled();
        }
    }

    /// The index could not be flushed: what a failed flush has lost, later ones do not tell of. The markers stay, and the
    /// next start looks through these segments.
    pub fn abandon(&mut self) {
        self.due = None;
        self.places.clear();
    }
}
