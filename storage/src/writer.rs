//! The committing writer: whatever is waiting is made durable with shared flushes, then indexed in one transaction.
//!
//! A thread and a task. The *flusher* takes the instances that wait, appends them to a segment and flushes it. The
//! *committer* takes the group as soon as its place is known, changes of records and audit events, and writes all that wait
//! in one transaction, which it commits when the flusher is done. Nobody is answered before the commit.

mod committer;
mod flusher;
mod groups;
mod held;
mod job;

use crate::audit::PendingAudit;
use crate::caches::Caches;
use crate::db::{Database, to_i64};
use crate::ingest::{Arrival, Stored};
use crate::jobs::JobWork;
use crate::objects::{Intent, ObjectName, Objects};
use crate::prepare::Prepared;
use crate::segment::buffer::Buffer;
use crate::segment::{OwnSegment, Placed};
use crate::{Change, Storage, StorageError};
use committer::Committer;
use dataset::TransferSyntax;
use model::{Actor, Limits, OrgId, Scope, Sha256};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

pub(crate) type Answer<T> = oneshot::Sender<Result<T, StorageError>>;

/// The data set of an instance that has arrived completely.
pub(crate) enum Content {
    Memory(Buffer),
    /// In a segment of its own, but for the header; with a buffer to write that from.
    Own(OwnSegment, Buffer),
}

/// An instance that has arrived and was found good.
pub(crate) struct Arrived {
    pub actor: Actor,
    pub arrival: Arrival,
    pub syntax: TransferSyntax,
    pub sha256: Sha256,
    pub dataset_length: u64,
    pub prepared: Prepared,
    pub content: Content,
}

/// An instance to be indexed, whose object is durable by the time of the commit.
pub(crate) struct Durable {
    pub actor: Actor,
    pub arrival: Arrival,
    pub syntax: TransferSyntax,
    pub sha256: Sha256,
    pub head_length: u64,
    pub dataset_length: u64,
    pub sender: String,
    pub received_at_ms: i64,
    pub prepared: Prepared,
    /// `None`: a file named by its content, from before there were segments.
    pub place: Option<Placed>,
}

impl Durable {
    /// Segment and offset as the index keeps them.
    pub fn place_numbers(&self) -> (i64, i64) {
        match &self.place {
            Some(place) => (place.segment().number(), to_i64(place.offset)),
            None => (0, 0),
        }
    }
}

/// A file that is kept beside the instances, durable, to be indexed.
pub(crate) struct DurableBlob {
    pub name: ObjectName,
    pub length: u64,
}

/// A change of records, and as whom.
pub(crate) struct Changing {
    /// Whose sight decides what is there.
    pub scope: Scope,
    /// Whose part of the audit chain it belongs to.
    pub organisation: Option<OrgId>,
    pub change: Change,
}

pub(crate) enum ToFlush {
    Instance(Box<Arrived>, Answer<Stored>),
    Close(oneshot::Sender<()>),
}

/// Whether a group has been written and flushed.
pub(crate) type Flushed = oneshot::Receiver<Result<(), StorageError>>;

pub(crate) enum ToCommit {
    /// Instances, which are durable when the flusher says so; without one to say it, they are.
    Instances(Vec<(Box<Durable>, Answer<Stored>)>, Option<Flushed>),
    Blob(DurableBlob, Intent, Answer<()>),
    Change(Box<Changing>, Answer<()>),
    Jobs(Box<JobWork>, Answer<Vec<crate::Job>>),
    Audit(PendingAudit, Answer<()>),
    /// An event that nobody waits for: it may wait for what else comes.
    Note(PendingAudit),
    Close(oneshot::Sender<()>),
}

/// The ends that work is handed in at.
#[derive(Clone)]
pub(crate) struct Writer {
    pub flush: mpsc::Sender<ToFlush>,
    pub commit: mpsc::Sender<ToCommit>,
}

/// A disk that makes those wait who send is worth a line, so that somebody looks for what else writes to it.
const SLOW: Duration = Duration::from_secs(2);

fn tell_if_slow(since: Instant, what: &str) {
    let took = since.elapsed();
    if took > SLOW {
        tracing::warn!(
            seconds = took.as_secs(),
            "{what} took long: the disk is slow, or others write much to it"
        );
    }
}

fn closed() -> StorageError {
    StorageError::Unavailable("the storage is closed".to_owned())
}

impl Writer {
    /// Starts both.
    pub fn start(db: Database, objects: Arc<Objects>, caches: Arc<Caches>, limits: &Limits) -> Self {
        let queue = limits.commit_queue_max.max(1) as usize;
        let group_max = limits.commit_group_max.max(1) as usize;
        let (flush, to_flush) = mpsc::channel(queue);
        let (commit, to_commit) = mpsc::channel(queue);
        let weak = commit.downgrade();
        let flushing = objects.clone();
        tokio::task::spawn_blocking(move || flusher::run(to_flush, &weak, &flushing, group_max));
        tokio::spawn(Committer::new(db, objects, caches, limits).run(to_commit, group_max));
        Self { flush, commit }
    }

    /// Hands in something for the committer and waits for its answer.
    pub async fn commit<T>(&self, work: impl FnOnce(Answer<T>) -> ToCommit) -> Result<T, StorageError> {
        let (answer, result) = oneshot::channel();
        self.commit.send(work(answer)).await.map_err(|_| closed())?;
        result.await.map_err(|_| closed())?
    }

    /// Finishes what is queued and stops.
    pub async fn close(&self) {
        let (done, finished) = oneshot::channel();
        if self.flush.send(ToFlush::Close(done)).await.is_ok() {
            let _ = finished.await;
        }
    }
}

impl Storage {
    /// Has an instance flushed and indexed with whatever else is waiting.
    pub(crate) async fn ingest(&self, arrived: Arrived) -> Result<Stored, StorageError> {
        let (answer, result) = oneshot::channel();
        let writer = &self.inner.writer;
        writer.flush.send(ToFlush::Instance(Box::new(arrived), answer)).await.map_err(|_| closed())?;
        result.await.map_err(|_| closed())?
    }
}
