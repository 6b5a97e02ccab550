//! The committing writer: whatever is waiting is made durable with shared flushes, then indexed in one transaction.
//!
//! A thread and a task in a row. The *flusher* takes the instances that wait, appends them to a segment and flushes it. The
//! *committer* takes flushed groups, changes of records and audit events, and commits all that wait in one transaction.
//! While one group is in its transaction, the next is being flushed. Nobody is answered before the commit.

use crate::audit::PendingAudit;
use crate::db::{Database, at, to_i64};
use crate::index::{Indexed, Work};
use crate::ingest::{Arrival, Stored, blocking};
use crate::jobs::JobWork;
use crate::objects::{Intent, ObjectName, Objects, io_error};
use crate::prepare::Prepared;
use crate::segment::buffer::Buffer;
use crate::segment::entry::{Header, sender_text};
use crate::segment::{Described, NOWHERE, OwnSegment, Placed};
use crate::{Change, Storage, StorageError};
use dataset::TransferSyntax;
use model::{Actor, Limits, OrgId, Scope, Sha256};
use sqlx::{AnyConnection, Connection as _, Executor as _};
use std::sync::Arc;
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

/// An instance whose object is durable, to be indexed.
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

pub(crate) enum ToCommit {
    Instances(Vec<(Box<Durable>, Answer<Stored>)>),
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
    /// Starts both.
    pub fn start(db: Database, objects: Arc<Objects>, limits: &Limits) -> Self {
        let queue = limits.commit_queue_max.max(1) as usize;
        let group_max = limits.commit_group_max.max(1) as usize;
        let (flush, to_flush) = mpsc::channel(queue);
        let (commit, to_commit) = mpsc::channel(queue);
        let weak = commit.downgrade();
        let flushing = objects.clone();
        tokio::task::spawn_blocking(move || flusher(to_flush, &weak, &flushing, group_max));
        tokio::spawn(committer(to_commit, db, objects, group_max));
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

fn flusher(
    mut queue: mpsc::Receiver<ToFlush>,
    commit: &mpsc::WeakSender<ToCommit>,
    objects: &Objects,
    group_max: usize,
) {
    let mut batch = Vec::with_capacity(group_max);
    while queue.blocking_recv_many(&mut batch, group_max) > 0 {
        let Some(commit) = commit.upgrade() else { return };
        let mut group = Vec::with_capacity(batch.len());
        let mut close = None;
        for item in batch.drain(..) {
            match item {
                ToFlush::Instance(arrived, answer) => group.push((*arrived, answer)),
                ToFlush::Close(done) => close = Some(done),
            }
        }
        let durable = flush_group(objects, group);
        if !durable.is_empty() {
            let _ = commit.blocking_send(ToCommit::Instances(durable));
        }
        if let Some(done) = close {
            queue.close();
            objects.segments.finish();
            let _ = commit.blocking_send(ToCommit::Close(done));
        }
    }
}

/// What becomes of an arrived instance without its bytes.
struct Pending {
    durable: Box<Durable>,
    answer: Answer<Stored>,
}

impl Pending {
    fn placed(mut self, place: Placed) -> (Box<Durable>, Answer<Stored>) {
        self.durable.place = Some(place);
        (self.durable, self.answer)
    }
}

/// Makes a group of instances durable. Those that fail are answered here.
fn flush_group(
    objects: &Objects,
    group: Vec<(Arrived, Answer<Stored>)>,
) -> Vec<(Box<Durable>, Answer<Stored>)> {
    let place = "writing objects";
    let now_ms = model::time_text::unix_ms(time::OffsetDateTime::now_utc());
    let mut done = Vec::with_capacity(group.len());
    let mut waiting = Vec::with_capacity(group.len());
    let mut entries = Vec::with_capacity(group.len());
    for (arrived, answer) in group {
        let (pending, mut described, content) = describe(arrived, answer, now_ms);
        match content {
            Content::Memory(buffer) => {
                entries.push((described, buffer));
                waiting.push(pending);
            }
            Content::Own(own, mut spare) => match own.finish(&mut described, &mut spare) {
                Ok(placed) => done.push(pending.placed(placed)),
                Err(error) => {
                    let _ = pending.answer.send(Err(io_error(&error, place)));
                }
            },
        }
    }
    if entries.is_empty() {
        return done;
    }
    match objects.segments.append(&mut entries) {
        Ok(placed) => done.extend(waiting.into_iter().zip(placed).map(|(p, placed)| p.placed(placed))),
        Err(error) => {
            let error = io_error(&error, place);
            for pending in waiting {
                let _ = pending.answer.send(Err(error.clone()));
            }
        }
    }
    done
}

/// An instance's header, and what the index will need of it.
fn describe(arrived: Arrived, answer: Answer<Stored>, now_ms: i64) -> (Pending, Described, Content) {
    let Arrived { actor, arrival, syntax, sha256, dataset_length, prepared, content } = arrived;
    let head = dataset::part10::head(&syntax, &prepared.sop_class, &prepared.instance);
    let sender = sender_text(&format!("{}:{}", crate::audit::actor_word(actor.kind), actor.id));
    let header = Header {
        segment: NOWHERE,
        offset: 0,
        owner: arrival.owner.clone(),
        sha256,
        syntax: syntax.as_str().to_owned(),
        head_length: head.len() as u64,
        dataset_length,
        via: arrival.via.word().to_owned(),
        sender: sender.clone(),
        received_at_ms: now_ms,
    };
    let durable = Box::new(Durable {
        actor,
        arrival,
        syntax,
        sha256,
        head_length: header.head_length,
        dataset_length,
        sender,
        received_at_ms: now_ms,
        prepared,
        place: None,
    });
    (Pending { durable, answer }, Described { header, head }, content)
}

async fn committer(
    mut queue: mpsc::Receiver<ToCommit>,
    db: Database,
    objects: Arc<Objects>,
    group_max: usize,
) {
    let mut batch = Vec::with_capacity(group_max);
    while queue.recv_many(&mut batch, group_max).await > 0 {
        let mut jobs = Vec::with_capacity(batch.len());
        let mut close = None;
        let mut intents = Vec::new();
        for item in batch.drain(..) {
            match item {
                ToCommit::Instances(group) => {
                    jobs.extend(group.into_iter().map(|(durable, answer)| Job::Instance(durable, answer)));
                }
                ToCommit::Blob(blob, intent, answer) => {
                    intents.push((intent, jobs.len()));
                    jobs.push(Job::Blob(blob, answer));
                }
                ToCommit::Change(change, answer) => jobs.push(Job::Change(change, answer)),
                ToCommit::Jobs(work, answer) => jobs.push(Job::Jobs(work, answer)),
                ToCommit::Audit(event, answer) => jobs.push(Job::Audit(event, answer)),
                ToCommit::Close(done) => close = Some(done),
            }
        }
        let results = commit_jobs(&db, &jobs).await;
        for (intent, job) in intents {
            // An intent whose object did not reach the index stays, so that the next start removes it.
            if matches!(results.get(job), Some(Ok(_))) {
                intent.done();
            }
        }
        let mut superfluous = Vec::new();
        for (job, result) in jobs.into_iter().zip(results) {
            superfluous.extend(job.answer(result));
        }
        if !superfluous.is_empty() {
            let objects = objects.clone();
            let _ = blocking(move || forget(&objects, superfluous)).await;
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
    Indexed(Indexed),
    Jobs(Vec<crate::Job>),
    Nothing,
}

/// Erases entries that the index does not need, because it has another of the same content. What fails is tried again at
/// the next start.
fn forget(objects: &Objects, entries: Vec<Placed>) {
    let places: Vec<_> = entries.iter().map(|entry| (entry.segment(), entry.offset)).collect();
    if let Err(error) = objects.segments.erase(&places) {
        tracing::warn!(kind = ?error.kind(), "entries that are not needed could not be erased");
        return;
    }
    for mut entry in entries {
        entry.settled();
    }
    for (segment, _) in places {
        let _ = objects.segments.remove_if_empty(segment);
    }
}

impl Job {
    /// Tells whoever waits. Gives back an entry that the index does not need.
    fn answer(self, result: Result<Done, StorageError>) -> Option<Placed> {
        match self {
            Self::Instance(durable, answer) => {
                let mut place = durable.place;
                let (result, superfluous) = match result {
                    Ok(Done::Indexed(Indexed { stored, is_entry_needed: false })) => (Ok(stored), place),
                    Ok(Done::Indexed(Indexed { stored, .. })) => {
                        if let Some(place) = &mut place {
                            place.settled();
                        }
                        (Ok(stored), None)
                    }
                    Ok(Done::Jobs(_) | Done::Nothing) => {
                        (Err(StorageError::Unavailable("the writer lost an answer".to_owned())), None)
                    }
                    // Whether the index knows the entry is for the next start to find out.
                    Err(error) => (Err(error), None),
                };
                let _ = answer.send(result);
                superfluous
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
    let results = commit_on(&mut connection, db, jobs).await;
    if results.is_err() {
        // After a failed write SQLite has ended the transaction by itself: what the driver believes of this connection
        // is wrong, and every later transaction would fail.
        connection.close_on_drop();
    }
    results
}

async fn commit_on(
    connection: &mut AnyConnection,
    db: &Database,
    jobs: &[Job],
) -> Result<Vec<Result<Done, StorageError>>, StorageError> {
    let mut transaction = connection.begin_with(db.begin()).await.map_err(at("beginning a transaction"))?;
    let mut work = Work::begin(&mut transaction, db).await?;
    let mut results = Vec::with_capacity(jobs.len());
    for job in jobs {
        let result = match job {
            Job::Instance(durable, _) => Ok(Done::Indexed(work.instance(durable).await?)),
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
    // A change may look at what came before it in this transaction.
    work.write_details().await?;
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
