//! Jobs: work that is done later, at least once, claimed with a lease, tried again with growing pauses; and the readers
//! of the outbox, from which most of them come.
//!
//! Jobs of one lane are done one after the other, in the order in which they came. A job that is put off holds up its
//! lane; one that is set aside does not.

use crate::db::{Bindings, at, clean, placeholders, sql};
use crate::index::Work;
use crate::writer::ToCommit;
use crate::{Storage, StorageError};
use model::{OrgId, Scope};
use serde_json::Value as Json;
use sqlx::Row as _;
use sqlx::any::AnyRow;
use std::time::Duration;
use time::OffsetDateTime;

/// A job to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Which worker does it, such as `forward`.
    pub kind: &'static str,
    /// What it must stay in order with: a destination.
    pub lane: String,
    /// Whose it is.
    pub owner: OrgId,
    /// What is to be done; identifiers only.
    pub body: Json,
    /// How long it rests before it is due.
    pub due_in: Duration,
}

impl NewJob {
    /// A job that is due at once.
    #[must_use]
    pub fn new(kind: &'static str, lane: impl Into<String>, owner: OrgId, body: Json) -> Self {
        Self { kind, lane: lane.into(), owner, body, due_in: Duration::ZERO }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// To be done when it is due.
    Waiting,
    /// Somebody has it.
    Running,
    /// Given up until somebody asks for another attempt.
    SetAside,
}

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Counts up.
    pub id: i64,
    /// Which worker does it.
    pub kind: String,
    /// What it stays in order with.
    pub lane: String,
    /// Whose it is.
    pub owner: OrgId,
    /// What is to be done.
    pub body: Json,
    /// Where it stands.
    pub state: JobState,
    /// Attempts that failed so far.
    pub attempts: u32,
    /// When it may be tried, Unix milliseconds.
    pub due_at_ms: i64,
    /// Why the last attempt failed; a machine word or a short sentence without personal data.
    pub problem: String,
    /// When it was made, Unix milliseconds.
    pub created_at_ms: i64,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    /// Done: the job is gone.
    Done,
    /// Not tried: free for the next who claims.
    Returned,
    /// Failed: again after this pause.
    Again(Duration, String),
    /// Failed for good, until somebody asks for another attempt.
    SetAside(String),
}

/// Jobs of one lane that one worker holds for a while.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The jobs, first things first.
    pub jobs: Vec<Job>,
    lease: String,
}

/// An event of the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxEvent {
    /// Order of the events.
    pub seq: i64,
    /// What kind, such as `instance.stored`.
    pub topic: String,
    /// What happened; identifiers only.
    pub body: Json,
}

/// A reader of the outbox moves on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorMove {
    /// Whose cursor.
    pub name: &'static str,
    /// Where it must be; otherwise [`StorageError::Conflict`].
    pub from: i64,
    /// Where it is then.
    pub to: i64,
}

/// Work on jobs for the committing writer.
pub(crate) enum JobWork {
    Claim { kind: &'static str, lane: String, lease: String, duration: Duration, count: u32 },
    Extend { lease: String, duration: Duration },
    Finish { lease: String, outcomes: Vec<(i64, JobOutcome)> },
    Retry { owner: Option<OrgId>, kind: &'static str, which: Which },
    Remove { owner: Option<OrgId>, kind: &'static str, id: i64 },
    BeginCursor { name: &'static str },
}

/// Which jobs are to be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(i64),
    /// All of a lane.
    Lane(String),
    /// All.
    All,
}

const PLACE: &str = "working on jobs";
const COLUMNS: &str =
    "id, kind, lane, owner, body, state, attempts, due_at_ms, lease_until_ms, problem, created_at_ms";
/// Jobs listed at once.
const LIST_MAX: u32 = 1000;
/// Lanes looked at, at most, for one that is free.
const LANES_MAX: usize = 10_000;

fn now_ms() -> i64 {
    model::time_text::unix_ms(OffsetDateTime::now_utc())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn job_of(row: &AnyRow, now: i64) -> Result<Job, StorageError> {
    let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
    let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
    let damaged = StorageError::Corrupt("a job");
    let state = match text(5)?.as_str() {
        "waiting" if number(8)? > now => JobState::Running,
        "waiting" => JobState::Waiting,
        _ => JobState::SetAside,
    };
    Ok(Job {
        id: number(0)?,
        kind: text(1)?,
        lane: text(2)?,
        owner: OrgId::parse(&text(3)?).map_err(|_| damaged.clone())?,
        body: serde_json::from_str(&text(4)?).map_err(|_| damaged.clone())?,
        state,
        attempts: u32::try_from(number(6)?).map_err(|_| damaged)?,
        due_at_ms: number(7)?,
        problem: text(9)?,
        created_at_ms: number(10)?,
    })
}

impl Storage {
    /// Claims up to `count` jobs from the head of a lane that is due and that nobody holds. They are this caller's for
    /// `duration`; then others may take them.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn claim_jobs(
        &self,
        kind: &'static str,
        count: u32,
        duration: Duration,
    ) -> Result<Option<Claim>, StorageError> {
        // Looked for by a reader, so that a worker with nothing to do does not disturb the writer.
        for lane in self.free_lanes(kind).await? {
            let lease = uuid::Uuid::new_v4().to_string();
            let work = JobWork::Claim { kind, lane, lease: lease.clone(), duration, count };
            let jobs = self.work_on_jobs(work).await?;
            if !jobs.is_empty() {
                return Ok(Some(Claim { jobs, lease }));
            }
        }
        Ok(None)
    }

    /// Lanes whose first job is due and not held.
    async fn free_lanes(&self, kind: &'static str) -> Result<Vec<String>, StorageError> {
        let readers = &self.inner.db.readers;
        let now = now_ms();
        let (mut free, mut lane) = (Vec::new(), String::new());
        // From one lane to the next by the index: the number of jobs in them does not matter.
        for _ in 0..LANES_MAX {
            let row = sqlx::query(
                "SELECT lane, due_at_ms, lease_until_ms FROM job WHERE kind = $1 AND state = 'waiting' \
                 AND lane > $2 ORDER BY lane, id LIMIT 1",
            )
            .bind(kind)
            .bind(lane.as_str())
            .fetch_optional(readers)
            .await
            .map_err(at(PLACE))?;
            let Some(row) = row else { break };
            lane = row.try_get(0).map_err(at(PLACE))?;
            let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
            if number(1)? <= now && number(2)? <= now {
                free.push(lane.clone());
            }
        }
        Ok(free)
    }

    /// Holds the jobs of a claim for longer.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when the lease had run out and others have taken them.
    pub async fn extend_claim(&self, claim: &Claim, duration: Duration) -> Result<(), StorageError> {
        self.work_on_jobs(JobWork::Extend { lease: claim.lease.clone(), duration }).await.map(|_| ())
    }

    /// Says what became of jobs of a claim. Those that are not named stay claimed.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when the lease had run out and others have taken them.
    pub async fn finish_jobs(
        &self,
        claim: &Claim,
        outcomes: Vec<(i64, JobOutcome)>,
    ) -> Result<(), StorageError> {
        self.work_on_jobs(JobWork::Finish { lease: claim.lease.clone(), outcomes }).await.map(|_| ())
    }

    /// Jobs of the scope's organisation (of all for the node), first things first.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn jobs(
        &self,
        scope: &Scope,
        kind: &'static str,
        lane: Option<&str>,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<Job>, StorageError> {
        let mut values = Bindings::default();
        let mut condition = format!("kind = {}", values.text(kind));
        if let Some(viewer) = scope.viewer() {
            condition.push_str(&format!(" AND owner = {}", values.text(viewer.as_str())));
        }
        if let Some(lane) = lane {
            condition.push_str(&format!(" AND lane = {}", values.text(lane)));
        }
        let limit = values.number(i64::from(limit.min(LIST_MAX)));
        let offset = values.number(i64::from(offset));
        let text =
            format!("SELECT {COLUMNS} FROM job WHERE {condition} ORDER BY id LIMIT {limit} OFFSET {offset}");
        let rows = values.query(text).fetch_all(&self.inner.db.readers).await.map_err(at(PLACE))?;
        let now = now_ms();
        rows.iter().map(|row| job_of(row, now)).collect()
    }

    /// Has jobs of the scope's organisation tried again at once, also those that were set aside.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when there are none.
    pub async fn retry_jobs(
        &self,
        scope: &Scope,
        kind: &'static str,
        which: Which,
    ) -> Result<(), StorageError> {
        let owner = scope.viewer().cloned();
        self.work_on_jobs(JobWork::Retry { owner, kind, which }).await.map(|_| ())
    }

    /// Takes a job out of the queue that nobody is working on.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn remove_job(&self, scope: &Scope, kind: &'static str, id: i64) -> Result<(), StorageError> {
        let owner = scope.viewer().cloned();
        self.work_on_jobs(JobWork::Remove { owner, kind, id }).await.map(|_| ())
    }

    async fn work_on_jobs(&self, work: JobWork) -> Result<Vec<Job>, StorageError> {
        self.inner.writer.commit(|answer| ToCommit::Jobs(Box::new(work), answer)).await
    }

    /// Where a reader of the outbox is; a new one begins at the end, not with the past.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn outbox_cursor(&self, name: &'static str) -> Result<i64, StorageError> {
        let read = async || {
            sqlx::query("SELECT seq FROM outbox_cursor WHERE name = $1")
                .bind(name)
                .fetch_optional(&self.inner.db.readers)
                .await
                .map_err(at(PLACE))
        };
        if read().await?.is_none() {
            self.work_on_jobs(JobWork::BeginCursor { name }).await?;
        }
        let row = read().await?.ok_or(StorageError::NotFound)?;
        row.try_get(0).map_err(at(PLACE))
    }

    /// The number of the newest event of the outbox; 0 when there is none.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn outbox_end(&self) -> Result<i64, StorageError> {
        let query = sqlx::query("SELECT COALESCE(MAX(seq), 0) FROM outbox");
        let row = query.fetch_one(&self.inner.db.readers).await.map_err(at(PLACE))?;
        row.try_get(0).map_err(at(PLACE))
    }

    /// Events of the outbox behind `after`, in order.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn outbox_events(&self, after: i64, limit: u32) -> Result<Vec<OutboxEvent>, StorageError> {
        let rows = sqlx::query("SELECT seq, topic, body FROM outbox WHERE seq > $1 ORDER BY seq LIMIT $2")
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.inner.db.readers)
            .await
            .map_err(at(PLACE))?;
        rows.iter()
            .map(|row| {
                let body: String = row.try_get(2).map_err(at(PLACE))?;
                Ok(OutboxEvent {
                    seq: row.try_get(0).map_err(at(PLACE))?,
                    topic: row.try_get(1).map_err(at(PLACE))?,
                    body: serde_json::from_str(&body)
                        .map_err(|_| StorageError::Corrupt("an event of the outbox"))?,
                })
            })
            .collect()
    }
}

/// A statement's condition on who owns a job.
fn owned(values: &mut Bindings, owner: Option<&OrgId>) -> String {
    owner.map(|owner| format!(" AND owner = {}", values.text(owner.as_str()))).unwrap_or_default()
}

impl Work<'_> {
    /// Does one piece of work on jobs; the jobs of a claim are the answer.
    pub(crate) async fn jobs(&mut self, work: &JobWork) -> Result<Vec<Job>, StorageError> {
        match work {
            JobWork::Claim { kind, lane, lease, duration, count } => {
                return self.claim(kind, lane, lease, *duration, *count).await;
            }
            JobWork::Extend { lease, duration } => {
                let until = self.now_ms.saturating_add(millis(*duration));
                let query = sqlx::query("UPDATE job SET lease_until_ms = $1 WHERE lease = $2")
                    .bind(until)
                    .bind(lease.as_str());
                self.some_row(query, StorageError::Conflict("lease")).await?;
            }
            JobWork::Finish { lease, outcomes } => {
                for (id, outcome) in outcomes {
                    self.finish_job(lease, *id, outcome).await?;
                }
            }
            JobWork::Retry { owner, kind, which } => {
                let mut values = Bindings::default();
                let now = values.number(self.now_ms);
                let mut condition = format!("kind = {}", values.text(kind));
                condition.push_str(&owned(&mut values, owner.as_ref()));
                match which {
                    Which::One(id) => condition.push_str(&format!(" AND id = {}", values.number(*id))),
                    Which::Lane(lane) => condition.push_str(&format!(" AND lane = {}", values.text(lane))),
                    Which::All => {}
                }
                let text = format!(
                    "UPDATE job SET state = 'waiting', attempts = 0, due_at_ms = {now} WHERE {condition} \
                     AND lease_until_ms <= {now}"
                );
                self.some_row(values.query(text), StorageError::NotFound).await?;
            }
            JobWork::Remove { owner, kind, id } => {
                let mut values = Bindings::default();
                let mut condition = format!("kind = {}", values.text(kind));
                condition.push_str(&owned(&mut values, owner.as_ref()));
                let (id, now) = (values.number(*id), values.number(self.now_ms));
                let text =
                    format!("DELETE FROM job WHERE {condition} AND id = {id} AND lease_until_ms <= {now}");
                self.some_row(values.query(text), StorageError::NotFound).await?;
            }
            JobWork::BeginCursor { name } => {
                sqlx::query(
                    "INSERT INTO outbox_cursor (name, seq) SELECT $1, COALESCE(MAX(seq), 0) FROM outbox \
                     WHERE true ON CONFLICT DO NOTHING",
                )
                .bind(*name)
                .execute(&mut *self.connection)
                .await
                .map_err(at(PLACE))?;
            }
        }
        Ok(Vec::new())
    }

    /// Runs a statement that must change something.
    async fn some_row(
        &mut self,
        query: sqlx::query::Query<'_, sqlx::Any, sqlx::any::AnyArguments>,
        none: StorageError,
    ) -> Result<(), StorageError> {
        let done = query.execute(&mut *self.connection).await.map_err(at(PLACE))?;
        if done.rows_affected() == 0 { Err(none) } else { Ok(()) }
    }

    async fn claim(
        &mut self,
        kind: &str,
        lane: &str,
        lease: &str,
        duration: Duration,
        count: u32,
    ) -> Result<Vec<Job>, StorageError> {
        let lane_is = "kind = $1 AND state = 'waiting' AND lane = $2";
        let text = format!("SELECT id FROM job WHERE {lane_is} ORDER BY id LIMIT 1");
        let head = sqlx::query(sql(text)).bind(kind).bind(lane);
        let head = head.fetch_optional(&mut *self.connection).await.map_err(at(PLACE))?;
        let Some(head) = head else { return Ok(Vec::new()) };
        let head: i64 = head.try_get(0).map_err(at(PLACE))?;
        // The head stands for the lane. It alone is locked, so that nobody skips to what comes behind it.
        let text =
            format!("SELECT due_at_ms, lease_until_ms FROM job WHERE id = $1{}", self.db.skip_locked());
        let row = sqlx::query(sql(text)).bind(head).fetch_optional(&mut *self.connection).await;
        let Some(row) = row.map_err(at(PLACE))? else { return Ok(Vec::new()) };
        let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
        if number(0)? > self.now_ms || number(1)? > self.now_ms {
            return Ok(Vec::new());
        }
        let text = format!(
            "UPDATE job SET lease = $3, lease_until_ms = $4 WHERE id IN \
             (SELECT id FROM job WHERE {lane_is} ORDER BY id LIMIT $5)"
        );
        sqlx::query(sql(text))
            .bind(kind)
            .bind(lane)
            .bind(lease)
            .bind(self.now_ms.saturating_add(millis(duration)))
            .bind(i64::from(count))
            .execute(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        let text = format!("SELECT {COLUMNS} FROM job WHERE lease = $1 ORDER BY id");
        let rows = sqlx::query(sql(text)).bind(lease).fetch_all(&mut *self.connection).await;
        rows.map_err(at(PLACE))?.iter().map(|row| job_of(row, self.now_ms)).collect()
    }

    async fn finish_job(&mut self, lease: &str, id: i64, outcome: &JobOutcome) -> Result<(), StorageError> {
        let free = "lease = '', lease_until_ms = 0";
        let lost = StorageError::Conflict("lease");
        let query = match outcome {
            JobOutcome::Done => {
                sqlx::query("DELETE FROM job WHERE id = $1 AND lease = $2").bind(id).bind(lease)
            }
            JobOutcome::Returned => {
                let text = format!("UPDATE job SET {free} WHERE id = $1 AND lease = $2");
                sqlx::query(sql(text)).bind(id).bind(lease)
            }
            JobOutcome::Again(pause, why) => {
                let text = format!(
                    "UPDATE job SET {free}, attempts = attempts + 1, due_at_ms = $3, problem = $4 \
                     WHERE id = $1 AND lease = $2"
                );
                let due = self.now_ms.saturating_add(millis(*pause));
                sqlx::query(sql(text)).bind(id).bind(lease).bind(due).bind(clean(why))
            }
            JobOutcome::SetAside(why) => {
                let text = format!(
                    "UPDATE job SET {free}, attempts = attempts + 1, state = 'set_aside', problem = $3 \
                     WHERE id = $1 AND lease = $2"
                );
                sqlx::query(sql(text)).bind(id).bind(lease).bind(clean(why))
            }
        };
        self.some_row(query, lost).await
    }

    /// Puts jobs at the end of their lanes.
    pub(crate) async fn enqueue(&mut self, jobs: &[NewJob]) -> Result<(), StorageError> {
        for some in jobs.chunks(100) {
            let text = format!(
                "INSERT INTO job (kind, lane, owner, body, state, attempts, due_at_ms, lease, lease_until_ms, \
                 problem, created_at_ms) VALUES {}",
                placeholders(some.len(), 11)
            );
            let mut query = sqlx::query(sql(text));
            for job in some {
                query = query
                    .bind(job.kind)
                    .bind(clean(&job.lane))
                    .bind(job.owner.as_str())
                    .bind(job.body.to_string())
                    .bind("waiting")
                    .bind(0_i64)
                    .bind(self.now_ms.saturating_add(millis(job.due_in)))
                    .bind("")
                    .bind(0_i64)
                    .bind("")
                    .bind(self.now_ms);
            }
            query.execute(&mut *self.connection).await.map_err(at(PLACE))?;
        }
        Ok(())
    }

    /// Moves a reader of the outbox on.
    pub(crate) async fn move_cursor(&mut self, cursor: &CursorMove) -> Result<(), StorageError> {
        let query = sqlx::query("UPDATE outbox_cursor SET seq = $1 WHERE name = $2 AND seq = $3")
            .bind(cursor.to)
            .bind(cursor.name)
            .bind(cursor.from);
        self.some_row(query, StorageError::Conflict("cursor")).await
    }
}
