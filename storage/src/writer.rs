//! The committing writer: whatever is waiting is made durable with shared flushes, then indexed in one transaction.
//!
//! Two tasks in a row. The *flusher* takes the instances that wait, writes them to files, flushes and names them. The
//! *committer* takes flushed groups, changes of records and audit events, and commits all that wait in one transaction.
//! While one group is in its transaction, the next is being flushed. Nobody is answered before the commit.

use crate::audit::PendingAudit;
use crate::db::{Database, at};
use crate::index::Work;
use crate::ingest::{Arrival, Stored, blocking};
use crate::jobs::JobWork;
use crate::objects::{Intent, ObjectName, Objects, Placing, Shelf, TempFile, io_error};
use crate::prepare::Prepared;
use crate::{Change, Storage, StorageError};
use dataset::TransferSyntax;
use model::{Actor, Limits, OrgId, Scope, Sha256};
use sqlx::{Connection as _, Executor as _};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

pub(crate) type Answer<T> = oneshot::Sender<Result<T, StorageError>>;

/// Head and data set of an instance that has arrived completely.
pub(crate) enum Content {
    Memory(Vec<u8>),
    File(TempFile),
}

/// An instance that has arrived and was found good.
pub(crate) struct Arrived {
    pub actor: Actor,
    pub arrival: Arrival,
    pub syntax: TransferSyntax,
    pub sha256: Sha256,
    pub head_length: u64,
    pub dataset_length: u64,
    pub prepared: Prepared,
    pub content: Content,
}

/// An instance whose object is durable, to be indexed.
pub(crate) struct Durable {
    pub actor: Actor,
    pub arrival: Arrival,
    pub syntax: TransferSyntax,
    pub sha256: Sha256,
    pub head_length: u64,
    pub dataset_length: u64,
    pub prepared: Prepared,
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

pub(crate) enum ToCommit {
    Instances(Vec<(Box<Durable>, Answer<Stored>)>, Intent),
    Blob(DurableBlob, Intent, Answer<()>),
    Change(Box<Changing>, Answer<()>),
    Jobs(Box<JobWork>, Answer<Vec<crate::Job>>),
    Audit(PendingAudit, Option<Answer<()>>),
    Close(oneshot::Sender<()>),
}

/// The ends that work is handed in at.
#[derive(Clone)]
pub(crate) struct Writer {
    pub flush: mpsc::Sender<ToFlush>,
    pub commit: mpsc::Sender<ToCommit>,
}

fn closed() -> StorageError {
    StorageError::Unavailable("the storage is closed".to_owned())
}

impl Writer {
    /// Starts both tasks.
    pub fn start(db: Database, objects: Arc<Objects>, limits: &Limits) -> Self {
        let queue = limits.commit_queue_max.max(1) as usize;
        let group_max = limits.commit_group_max.max(1) as usize;
        let (flush, to_flush) = mpsc::channel(queue);
        let (commit, to_commit) = mpsc::channel(queue);
        tokio::spawn(flusher(to_flush, commit.downgrade(), objects, group_max));
        tokio::spawn(committer(to_commit, db, group_max));
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

async fn flusher(
    mut queue: mpsc::Receiver<ToFlush>,
    commit: mpsc::WeakSender<ToCommit>,
    objects: Arc<Objects>,
    group_max: usize,
) {
    let mut batch = Vec::with_capacity(group_max);
    while queue.recv_many(&mut batch, group_max).await > 0 {
        let Some(commit) = commit.upgrade() else { return };
        let mut group = Vec::with_capacity(batch.len());
        let mut close = None;
        for item in batch.drain(..) {
            match item {
                ToFlush::Instance(arrived, answer) => group.push((arrived, answer)),
                ToFlush::Close(done) => close = Some(done),
            }
        }
        if !group.is_empty() {
            let objects = objects.clone();
            // When the thread is lost, the answers are dropped with it, which the waiting take as a refusal.
            if let Ok(Some((durable, intent))) = blocking(move || flush_group(&objects, group)).await {
                let _ = commit.send(ToCommit::Instances(durable, intent)).await;
            }
        }
        if let Some(done) = close {
            queue.close();
            let _ = commit.send(ToCommit::Close(done)).await;
        }
    }
}

type Group<T> = Vec<(Box<T>, Answer<Stored>)>;

/// Makes a group of instances durable under their names. Those that fail are answered here.
fn flush_group(objects: &Objects, group: Group<Arrived>) -> Option<(Group<Durable>, Intent)> {
    let place = "writing objects";
    let mut written = Vec::with_capacity(group.len());
    let mut aligned = Vec::new();
    for (arrived, answer) in group {
        let Arrived { actor, arrival, syntax, sha256, head_length, dataset_length, prepared, content } =
            *arrived;
        match write_content(objects, content, &mut aligned) {
            Ok(temp) => {
                let name = ObjectName { shelf: Shelf::Objects, owner: arrival.owner.clone(), sha256 };
                let durable =
                    Durable { actor, arrival, syntax, sha256, head_length, dataset_length, prepared };
                written.push((name, temp, durable, answer));
            }
            Err(error) => {
                let _ = answer.send(Err(io_error(&error, place)));
            }
        }
    }
    if written.is_empty() {
        return None;
    }
    let names: Vec<&ObjectName> = written.iter().map(|(name, ..)| name).collect();
    let intent = match objects.write_intent(&names) {
        Ok(intent) => intent,
        Err(error) => {
            for (.., answer) in written {
                let _ = answer.send(Err(io_error(&error, place)));
            }
            return None;
        }
    };
    let mut placings = Vec::with_capacity(written.len());
    let mut waiting = Vec::with_capacity(written.len());
    for (name, temp, durable, answer) in written {
        placings.push(Placing { name, temp });
        waiting.push((durable, answer));
    }
    let mut group = Vec::with_capacity(waiting.len());
    for ((mut durable, answer), placed) in waiting.into_iter().zip(objects.place(placings)) {
        match placed {
            Ok(file_length) => {
                // The same data set may be there already behind a head for another transfer syntax UID.
                durable.head_length = file_length.saturating_sub(durable.dataset_length);
                group.push((Box::new(durable), answer));
            }
            Err(error) => {
                let _ = answer.send(Err(io_error(&error, place)));
            }
        }
    }
    Some((group, intent))
}

/// The file with an instance's bytes; it is flushed when it has its name.
fn write_content(objects: &Objects, content: Content, aligned: &mut Vec<u8>) -> std::io::Result<TempFile> {
    match content {
        Content::File(temp) => Ok(temp),
        Content::Memory(bytes) => objects.temp_with(&bytes, aligned),
    }
}

async fn committer(mut queue: mpsc::Receiver<ToCommit>, db: Database, group_max: usize) {
    let mut batch = Vec::with_capacity(group_max);
    while queue.recv_many(&mut batch, group_max).await > 0 {
        let mut jobs = Vec::with_capacity(batch.len());
        let mut close = None;
        let mut intents = Vec::new();
        for item in batch.drain(..) {
            match item {
                ToCommit::Instances(group, intent) => {
                    let from = jobs.len();
                    jobs.extend(group.into_iter().map(|(durable, answer)| Job::Instance(durable, answer)));
                    intents.push((intent, from..jobs.len()));
                }
                ToCommit::Blob(blob, intent, answer) => {
                    intents.push((intent, jobs.len()..jobs.len() + 1));
                    jobs.push(Job::Blob(blob, answer));
                }
                ToCommit::Change(change, answer) => jobs.push(Job::Change(change, answer)),
                ToCommit::Jobs(work, answer) => jobs.push(Job::Jobs(work, answer)),
                ToCommit::Audit(event, answer) => jobs.push(Job::Audit(event, answer)),
                ToCommit::Close(done) => close = Some(done),
            }
        }
        let results = commit_jobs(&db, &jobs).await;
        for (intent, range) in intents {
            // An intent whose objects did not reach the index stays, so that the next start removes them.
            if results.get(range).is_some_and(|r| r.iter().all(Result::is_ok)) {
                intent.done();
            }
        }
        for (job, result) in jobs.into_iter().zip(results) {
            job.answer(result);
        }
        if let Some(done) = close {
            queue.close();
            let _ = done.send(());
        }
    }
}

enum Job {
    Instance(Box<Durable>, Answer<Stored>),
    Blob(DurableBlob, Answer<()>),
    Change(Box<Changing>, Answer<()>),
    Jobs(Box<JobWork>, Answer<Vec<crate::Job>>),
    Audit(PendingAudit, Option<Answer<()>>),
}

enum Done {
    Stored(Stored),
    Jobs(Vec<crate::Job>),
    Nothing,
}

impl Job {
    fn answer(self, result: Result<Done, StorageError>) {
        match self {
            Self::Instance(_, answer) => {
                let _ = answer.send(result.and_then(|done| match done {
                    Done::Stored(stored) => Ok(stored),
                    Done::Jobs(_) | Done::Nothing => {
                        Err(StorageError::Unavailable("the writer lost an answer".to_owned()))
                    }
                }));
            }
            Self::Jobs(_, answer) => {
                let _ = answer.send(result.map(|done| match done {
                    Done::Jobs(jobs) => jobs,
                    Done::Stored(_) | Done::Nothing => Vec::new(),
                }));
            }
            Self::Blob(_, answer) | Self::Change(_, answer) | Self::Audit(_, Some(answer)) => {
                let _ = answer.send(result.map(|_| ()));
            }
            Self::Audit(_, None) => {
                if result.is_err() {
                    tracing::error!("an audit event could not be written");
                }
            }
        }
    }
}

/// Commits all jobs in one transaction; if that fails, each in its own, so that one cannot fail the others.
async fn commit_jobs(db: &Database, jobs: &[Job]) -> Vec<Result<Done, StorageError>> {
    if jobs.is_empty() {
        return Vec::new();
    }
    match commit_together(db, jobs).await {
        Ok(results) => results,
        Err(error) if jobs.len() == 1 => vec![Err(error)],
        Err(_) => {
            let mut results = Vec::with_capacity(jobs.len());
            for job in jobs {
                let one = commit_together(db, std::slice::from_ref(job)).await;
                results.push(one.and_then(|mut r| r.pop().unwrap_or_else(|| Err(closed()))));
            }
            results
        }
    }
}

async fn commit_together(
    db: &Database,
    jobs: &[Job],
) -> Result<Vec<Result<Done, StorageError>>, StorageError> {
    let mut connection = db.writer.acquire().await.map_err(at("reaching the index"))?;
    let mut transaction = connection.begin_with(db.begin()).await.map_err(at("beginning a transaction"))?;
    let mut work = Work::begin(&mut transaction, db).await?;
    let mut results = Vec::with_capacity(jobs.len());
    for job in jobs {
        let result = match job {
            Job::Instance(durable, _) => Ok(Done::Stored(work.instance(durable).await?)),
            Job::Blob(blob, _) => work.blob(blob).await.map(|()| Done::Nothing),
            Job::Change(change, _) => apply(&mut work, change).await?.map(|()| Done::Nothing),
            Job::Jobs(job_work, _) => work_on_jobs(&mut work, job_work).await?.map(Done::Jobs),
            Job::Audit(event, _) => {
                work.audits.push(event.clone());
                Ok(Done::Nothing)
            }
        };
        results.push(result);
    }
    work.finish().await?;
    transaction.commit().await.map_err(at("committing"))?;
    Ok(results)
}

/// A change behind a savepoint: refused, it leaves no trace, and the others go on.
async fn apply(work: &mut Work<'_>, change: &Changing) -> Result<Result<(), StorageError>, StorageError> {
    let place = "changing records";
    if Work::needs_counts(&change.change) {
        work.write_counts().await?;
    }
    let (audits, events) = (work.audits.len(), work.events.len());
    work.connection.execute("SAVEPOINT change").await.map_err(at(place))?;
    let result = work.change(change).await;
    if result.is_err() {
        work.audits.truncate(audits);
        work.events.truncate(events);
        work.connection.execute("ROLLBACK TO SAVEPOINT change").await.map_err(at(place))?;
    }
    work.connection.execute("RELEASE SAVEPOINT change").await.map_err(at(place))?;
    Ok(result)
}

/// Work on jobs behind a savepoint, as a change.
async fn work_on_jobs(
    work: &mut Work<'_>,
    jobs: &JobWork,
) -> Result<Result<Vec<crate::Job>, StorageError>, StorageError> {
    let place = "working on jobs";
    work.connection.execute("SAVEPOINT jobs").await.map_err(at(place))?;
    let result = work.jobs(jobs).await;
    if result.is_err() {
        work.connection.execute("ROLLBACK TO SAVEPOINT jobs").await.map_err(at(place))?;
    }
    work.connection.execute("RELEASE SAVEPOINT jobs").await.map_err(at(place))?;
    Ok(result)
}
