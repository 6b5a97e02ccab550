//! The committer: commits whatever waits in one transaction of the index, and answers.

use super::groups::Groups;
use super::held::Held;
use super::job::{Done, Job, Place, Superfluous};
use super::{Changing, Durable, ToCommit, closed, tell_if_slow};
use crate::caches::Caches;
use crate::db::{Database, Dialect, Flush, at};
use crate::index::{First, Last, Work};
use crate::ingest::blocking;
use crate::jobs::JobWork;
use crate::objects::Objects;
use crate::segment::Placed;
use crate::store::is_entry_indexed;
use crate::{StorageError, jobs};
use model::Limits;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, Executor as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// The one who writes the index.
pub(super) struct Committer {
    db: Database,
    objects: Arc<Objects>,
    caches: Arc<Caches>,
    /// Kept from one transaction to the next: giving it back to the pool costs as much as a statement.
    connection: Option<PoolConnection<Any>>,
    /// What the connection has been told about flushing.
    told: Option<Flush>,
    held: Held,
    /// Since a transaction on SQLite failed: when to try to begin its log anew, and what to answer until then.
    suspect: Option<(Instant, StorageError)>,
}

/// Events that nobody waits for: alone, each would be a transaction and a flush, and a search costs less than those.
#[derive(Default)]
struct Notes {
    waiting: Vec<ToCommit>,
    due: Option<Instant>,
}

impl Notes {
    /// Takes a batch that has nothing else in it; `false` when there is something, or enough have gathered.
    fn take(&mut self, batch: &mut Vec<ToCommit>) -> bool {
        let are_all = batch.iter().all(|item| matches!(item, ToCommit::Note(_)));
        if !are_all || self.is_due() || self.waiting.len() + batch.len() > NOTES_MAX {
            return false;
        }
        self.due.get_or_insert_with(|| Instant::now() + NOTES_WAIT);
        self.waiting.append(batch);
        true
    }

    fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }

    /// Puts what waits before what came after it.
    fn give(&mut self, batch: &mut Vec<ToCommit>) {
        self.due = None;
        self.waiting.append(batch);
        std::mem::swap(&mut self.waiting, batch);
    }
}

const NOTES_WAIT: Duration = Duration::from_millis(100);
const NOTES_MAX: usize = 256;

/// Between attempts to begin the log anew.
const PAUSE: Duration = Duration::from_secs(1);

impl Committer {
    pub fn new(db: Database, objects: Arc<Objects>, caches: Arc<Caches>, limits: &Limits) -> Self {
        let held = Held::new(Duration::from_millis(limits.index_flush_delay_ms));
        Self { db, objects, caches, connection: None, told: None, held, suspect: None }
    }

    /// Until the queue is closed.
    pub async fn run(mut self, mut queue: mpsc::Receiver<ToCommit>, group_max: usize) {
        let mut batch = Vec::with_capacity(group_max);
        let mut notes = Notes::default();
        loop {
            let receive = queue.recv_many(&mut batch, group_max);
            let due = self.held.due().into_iter().chain(notes.due).min();
            let received = match due {
                None => Ok(receive.await),
                Some(due) => tokio::time::timeout_at(due, receive).await,
            };
            let is_over = received == Ok(0);
            if received.is_ok() && !is_over && notes.take(&mut batch) {
                if self.held.is_overdue() {
                    self.flush().await;
                }
                continue;
            }
            match received {
                Err(_) if !notes.is_due() => self.flush().await,
                Ok(0) if notes.waiting.is_empty() => break,
                _ => {
                    notes.give(&mut batch);
                    if let Some(done) = self.commit_batch(&mut batch).await {
                        queue.close();
                        self.flush().await;
                        self.connection = None;
                        let _ = done.send(());
                    } else if is_over {
                        break;
                    } else if self.held.is_overdue() {
                        // What was committed need not have written anything.
                        self.flush().await;
                    }
                }
            }
        }
    }

    /// Commits and answers everything; gives back who waits for the end.
    async fn commit_batch(&mut self, batch: &mut Vec<ToCommit>) -> Option<oneshot::Sender<()>> {
        let mut jobs = Vec::with_capacity(batch.len());
        let mut close = None;
        let mut intents = Vec::new();
        let mut groups = Groups::default();
        for item in batch.drain(..) {
            match item {
                ToCommit::Instances(group, flushed) => {
                    let no = groups.add(flushed);
                    let group = group.into_iter().map(|(durable, answer)| Job::Instance(durable, answer, no));
                    jobs.extend(group);
                }
                ToCommit::Blob(blob, intent, answer) => {
                    intents.push((intent, jobs.len()));
                    jobs.push(Job::Blob(blob, answer));
                }
                ToCommit::Change(change, answer) => jobs.push(Job::Change(change, answer)),
                ToCommit::Jobs(work, answer) => jobs.push(Job::Jobs(work, answer)),
                ToCommit::Audit(event, answer) => jobs.push(Job::Audit(event, Some(answer))),
                ToCommit::Note(event) => jobs.push(Job::Audit(event, None)),
                ToCommit::Close(done) => close = Some(done),
            }
        }
        let since = std::time::Instant::now();
        let results = self.commit_jobs(&jobs, &mut groups).await;
        tell_if_slow(since, "writing the index");
        // Also after an error, which does not say whether it was committed; and here, because who asked may be gone.
        if jobs.iter().any(Job::changes_look_ups) {
            self.caches.forget_instances();
        }
        for (intent, job) in intents {
            // An intent whose object did not reach the index stays, so that the next start removes it.
            if matches!(results.get(job), Some((Ok(_), _))) {
                intent.done();
            }
        }
        let mut superfluous = Vec::new();
        for (job, (result, flush)) in jobs.into_iter().zip(results) {
            match job.answer(result) {
                Some(Place::Superfluous(entry)) => superfluous.push(entry),
                Some(Place::Indexed(mut place)) => match flush {
                    Some(Flush::Now) => place.settled(),
                    Some(Flush::Later) => self.held.hold(place),
                    // The marker stays for the next start.
                    None => {}
                },
                None => {}
            }
        }
        self.erase(superfluous).await;
        close
    }

    /// Erases entries that no row leads to, whatever has been said of them.
    async fn erase(&mut self, superfluous: Vec<Superfluous>) {
        let mut entries = Vec::with_capacity(superfluous.len());
        for Superfluous { owner, sha256, entry } in superfluous {
            match is_entry_indexed(&self.db, &owner, &sha256, (entry.segment(), entry.offset)).await {
                Ok(false) => entries.push(entry),
                Ok(true) => tracing::error!(
                    segment = %entry.segment(), offset = entry.offset,
                    "an entry that was to be erased is in the index, and stays"
                ),
                // The next start looks again.
                Err(_) => {}
            }
        }
        if !entries.is_empty() {
            let objects = self.objects.clone();
            let _ = blocking(move || forget(&objects, entries)).await;
        }
    }

    /// Commits all jobs in one transaction; if that fails, each in its own, so that one cannot fail the others. Tells of
    /// each when its transaction is durable; `None`: no flush makes it so until the log begins anew.
    async fn commit_jobs(
        &mut self,
        jobs: &[Job],
        groups: &mut Groups,
    ) -> Vec<(Result<Done, StorageError>, Option<Flush>)> {
        if jobs.is_empty() {
            return Vec::new();
        }
        let flush = self.flush_of(jobs);
        match self.commit_together(jobs, flush, groups).await {
            Ok(results) => {
                let flush = self.suspect.is_none().then_some(flush);
                results.into_iter().map(|result| (result, flush)).collect()
            }
            // What may have been committed must not be done again.
            Err(NotDone { error, may_be_committed }) if may_be_committed || jobs.len() == 1 => {
                jobs.iter().map(|_| (Err(error.clone()), None)).collect()
            }
            Err(_) => {
                let mut results = Vec::with_capacity(jobs.len());
                for job in jobs {
                    let one = match groups.wait_for(job).await {
                        Ok(()) => {
                            let alone = std::slice::from_ref(job);
                            let together =
                                self.commit_together(alone, Flush::Now, &mut Groups::default()).await;
                            together.map_err(|not_done| not_done.error)
                        }
                        Err(error) => Err(error),
                    };
                    let one = one.and_then(|mut r| r.pop().unwrap_or_else(|| Err(closed())));
                    results.push((one, self.suspect.is_none().then_some(Flush::Now)));
                }
                results
            }
        }
    }

    /// Only instances that the next start finds by their segment's marker may lose their rows in a power cut.
    fn flush_of(&self, jobs: &[Job]) -> Flush {
        let may_wait =
            self.db.dialect == Dialect::Sqlite && self.held.may_wait() && jobs.iter().all(Job::is_marked);
        if may_wait { Flush::Later } else { Flush::Now }
    }

    /// Makes durable what is committed.
    async fn flush(&mut self) {
        if self.held.due().is_none() {
            return;
        }
        let flushed = async {
            let connection = self.connection(Flush::Now).await?;
            // A transaction that changes no page is not flushed, and a row that is set to what it is changes none. This
            // number, which nobody reads, is written also when it is the same.
            let touch = "BEGIN IMMEDIATE; PRAGMA user_version = 0; COMMIT";
            connection.execute(touch).await.map_err(at("flushing the index"))
        }
        .await;
        match flushed {
            Ok(_) => self.held.settle(),
            Err(error) => self.failed(&error),
        }
    }

    /// The connection, on which the next transaction is flushed so.
    async fn connection(&mut self, flush: Flush) -> Result<&mut PoolConnection<Any>, StorageError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                self.told = None;
                self.db.writer.acquire().await.map_err(at("reaching the index"))?
            }
        };
        if self.told != Some(flush) {
            if let Some(text) = self.db.dialect.flushing(flush) {
                connection.execute(text).await.map_err(at("beginning a transaction"))?;
            }
            self.told = Some(flush);
        }
        Ok(self.connection.insert(connection))
    }

    /// What a failed transaction means for what is held, and for the connection.
    fn failed(&mut self, error: &StorageError) {
        self.held.abandon();
        // A write for which there was no room has lost nothing that was written before.
        if self.db.dialect == Dialect::Sqlite && !matches!(error, StorageError::OutOfResources(_)) {
            self.suspect = Some((Instant::now(), error.clone()));
        }
        // After a failed write SQLite has ended the transaction by itself: what the driver believes of this connection
        // is wrong, and every later transaction would fail.
        if let Some(mut connection) = self.connection.take() {
            connection.close_on_drop();
        }
    }

    /// After a failed flush the kernel may take pages of the log for written that are not. A later flush does not write
    /// them, and after a power cut the log would end there, before what was committed since. So the index gets all that
    /// the log holds, and the log begins anew.
    async fn begin_log_anew(&mut self) {
        if self.suspect.as_ref().is_none_or(|(next, _)| Instant::now() < *next) {
            return;
        }
        let begun = async {
            let connection = self.connection(Flush::Now).await?;
            crate::db::begin_log_anew(connection).await
        }
        .await;
        match begun {
            Ok(true) => self.suspect = None,
            Ok(false) => {
                let what =
                    "a write to the index has failed, and readers keep it from being made good; try again";
                self.suspect = Some((Instant::now() + PAUSE, StorageError::Unavailable(what.to_owned())));
            }
            Err(error) => {
                self.failed(&error);
                self.suspect = Some((Instant::now() + PAUSE, error));
            }
        }
    }

    async fn commit_together(
        &mut self,
        jobs: &[Job],
        flush: Flush,
        groups: &mut Groups,
    ) -> Result<Vec<Result<Done, StorageError>>, NotDone> {
        self.begin_log_anew().await;
        // Until it has begun anew, only what the next start finds by itself is taken.
        if let Some((_, error)) = &self.suspect
            && !jobs.iter().all(Job::is_marked)
        {
            return Err(error.clone().into());
        }
        let db = self.db.clone();
        let result = match self.connection(flush).await {
            Ok(connection) => commit_on(connection, &db, jobs, groups).await,
            Err(error) => Err(error.into()),
        };
        match &result {
            // A claim that somebody else has got writes nothing, and then nothing is flushed.
            Ok(_) if flush == Flush::Now && jobs.iter().any(Job::always_writes) => self.held.settle(),
            Ok(_) => {}
            Err(not_done) => self.failed(&not_done.error),
        }
        result
    }
}

/// A transaction that failed.
struct NotDone {
    error: StorageError,
    /// The answer to its commit was lost.
    may_be_committed: bool,
}

impl From<StorageError> for NotDone {
    fn from(error: StorageError) -> Self {
        Self { error, may_be_committed: false }
    }
}

async fn commit_on(
    connection: &mut AnyConnection,
    db: &Database,
    jobs: &[Job],
    groups: &mut Groups,
) -> Result<Vec<Result<Done, StorageError>>, NotDone> {
    // Not the driver's transactions: their beginning and end are hand-overs of their own. After an error the connection
    // is closed, which ends the transaction.
    let first =
        if jobs.first().is_some_and(|job| job.durable().is_some()) { First::LookUp } else { First::Other };
    let mut work = Work::begin(connection, db, first).await?;
    let mut results = Vec::with_capacity(jobs.len());
    let mut rest = jobs;
    while let Some(job) = rest.first() {
        let mut taken = 1;
        match job {
            Job::Instance(..) => {
                let group: Vec<&Durable> = rest.iter().map_while(Job::durable).collect();
                taken = group.len();
                let indexed = work.instances(&group).await?;
                results.extend(indexed.into_iter().map(|indexed| Ok(Done::Indexed(indexed))));
            }
            Job::Blob(blob, _) => {
                // Not behind a savepoint: an error may have ended the transaction (SQLite's full disk), and then what
                // came before is lost and what follows would be committed piece by piece.
                work.blob(blob).await?;
                results.push(Ok(Done::Nothing));
            }
            Job::Change(change, _) => results.push(apply(&mut work, change).await?.map(|()| Done::Nothing)),
            Job::Jobs(job_work, _) => results.push(work_on_jobs(&mut work, job_work).await?.map(Done::Jobs)),
            Job::Audit(event, _) => {
                work.audits.push(event.clone());
                results.push(Ok(Done::Nothing));
            }
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    // No row may lead to bytes that are not there.
    let flushed = groups.now().transpose()?;
    if flushed.is_some() && db.dialect == Dialect::Sqlite {
        work.finish(Last::Commit).await?;
        return Ok(results);
    }
    work.finish(Last::Write).await?;
    groups.wait().await?;
    let committed = connection.execute("COMMIT").await.map_err(at("committing"));
    // PostgreSQL may have committed before the connection was lost.
    let may_be_committed = db.dialect == Dialect::Postgres;
    committed.map_err(|error| NotDone { error, may_be_committed })?;
    Ok(results)
}

/// A change behind a savepoint: refused, it leaves no trace, and the others go on.
async fn apply(work: &mut Work<'_>, change: &Changing) -> Result<Result<(), StorageError>, StorageError> {
    let place = "changing records";
    // A change may look at what came before it in this transaction.
    work.write_rows().await?;
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
) -> Result<Result<Vec<jobs::Job>, StorageError>, StorageError> {
    let place = "working on jobs";
    work.connection.execute("SAVEPOINT jobs").await.map_err(at(place))?;
    let result = work.jobs(jobs).await;
    if result.is_err() {
        work.connection.execute("ROLLBACK TO SAVEPOINT jobs").await.map_err(at(place))?;
    }
    work.connection.execute("RELEASE SAVEPOINT jobs").await.map_err(at(place))?;
    Ok(result)
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

#[cfg(test)]
mod tests;
