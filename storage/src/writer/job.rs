//! What the committer is to do, and what it answers.

use super::{Answer, Changing, Durable, DurableBlob};
use crate::audit::PendingAudit;
use crate::index::Indexed;
use crate::ingest::Stored;
use crate::jobs::JobWork;
use crate::segment::Placed;
use crate::{StorageError, jobs};
use model::{OrgId, Sha256};

pub(super) enum Job {
    /// With the number of its group.
    Instance(Box<Durable>, Answer<Stored>, usize),
    Blob(DurableBlob, Answer<()>),
    Change(Box<Changing>, Answer<()>),
    Jobs(Box<JobWork>, Answer<Vec<jobs::Job>>),
    Audit(PendingAudit, Option<Answer<()>>),
}

/// What is to be done about an entry after its transaction.
pub(super) enum Place {
    /// The index leads to it.
    Indexed(Placed),
    /// The index has another of the same content.
    Superfluous(Superfluous),
}

/// An entry that the index does not need.
pub(super) struct Superfluous {
    pub owner: OrgId,
    pub sha256: Sha256,
    pub entry: Placed,
}

pub(super) enum Done {
    Indexed(Indexed),
    Jobs(Vec<jobs::Job>),
    Nothing,
}

impl Job {
    pub fn durable(&self) -> Option<&Durable> {
        match self {
            Self::Instance(durable, ..) => Some(durable),
            _ => None,
        }
    }

    /// Whether the next start indexes it if its row is lost.
    pub fn is_marked(&self) -> bool {
        self.durable().and_then(|durable| durable.place.as_ref()).is_some_and(Placed::is_marked)
    }

    /// Whether an instance may be found differently after it, or not be found.
    pub fn changes_look_ups(&self) -> bool {
        match self {
            Self::Instance(durable, ..) => durable.prepared.rejection.is_some(),
            Self::Change(changing, _) => {
                !changing.change.grants.is_empty() || !changing.change.corrections.is_empty()
            }
            _ => false,
        }
    }

    /// Whether its transaction changes a page of the index whatever comes of it: each moves the audit chain.
    pub fn always_writes(&self) -> bool {
        matches!(self, Self::Instance(..) | Self::Audit(..))
    }

    /// Tells whoever waits.
    pub fn answer(self, result: Result<Done, StorageError>) -> Option<Place> {
        match self {
            Self::Instance(durable, answer, _) => {
                let Durable { place, arrival, sha256, .. } = *durable;
                let (result, place) = match result {
                    Ok(Done::Indexed(Indexed { stored, is_entry_needed: false })) => {
                        let superfluous = |entry| Superfluous { owner: arrival.owner, sha256, entry };
                        (Ok(stored), place.map(superfluous).map(Place::Superfluous))
                    }
                    Ok(Done::Indexed(Indexed { stored, .. })) => (Ok(stored), place.map(Place::Indexed)),
                    Ok(Done::Jobs(_) | Done::Nothing) => {
                        (Err(StorageError::Unavailable("the writer lost an answer".to_owned())), None)
                    }
                    // Whether the index knows the entry is for the next start to find out.
                    Err(error) => (Err(error), None),
                };
                let _ = answer.send(result);
                place
            }
            Self::Jobs(_, answer) => {
                let _ = answer.send(result.map(|done| match done {
                    Done::Jobs(jobs) => jobs,
                    Done::Indexed(_) | Done::Nothing => Vec::new(),
                }));
                None
            }
            Self::Blob(_, answer) | Self::Change(_, answer) | Self::Audit(_, Some(answer)) => {
                let _ = answer.send(result.map(|_| ()));
                None
            }
            Self::Audit(_, None) => {
                if result.is_err() {
                    tracing::error!("an audit event could not be written");
                }
                None
            }
        }
    }
}
