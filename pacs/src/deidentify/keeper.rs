//! Puts studies into collections and takes them out: jobs, one collection after the other, that go on where they were when the
//! node was stopped. An instance is there whole or not at all; one that is there is not written again.

use super::passing::{self, Destination, Passed, Passing, Taken};
use super::placement::{JOB, KIND, Placement, State};
use super::{project, survey};
use model::{Actor, OrgId, Scope, Uid};
use std::collections::HashSet;
use std::future::Future;
use std::time::{Duration, Instant};
use storage::correct::Target;
use storage::{
    Arrival, Change, Claim, Expected, Job, JobOutcome, Outcome, Reason, ReasonCode, Storage, StorageError,
    Via,
};

/// How long a worker that is silent keeps its job: a node that was killed goes on after so long.
const LEASE: Duration = Duration::from_secs(15);
/// How often a worker says that it is alive, and how far it is.
const BEAT: Duration = Duration::from_secs(2);
/// How often it is looked whether there is something to do.
const TICK: Duration = Duration::from_secs(1);
/// The pause before another attempt at what may pass: a full disk, an index that does not answer.
const PAUSE: Duration = Duration::from_secs(30);
/// Attempts at what may pass: an hour.
const ATTEMPTS_MAX: u32 = 120;
const WHO: &str = "deidentification";

/// Looks after what lies in collections.
#[derive(Clone)]
pub struct Keeper {
    storage: Storage,
}

/// Why putting ends before its end.
enum Stop {
    /// It is to be taken out, or another node has the job.
    Superseded,
    /// It cannot be put there, for this reason.
    Never(&'static str),
    Failed(StorageError),
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        Self::Failed(error)
    }
}

impl Keeper {
    /// Over a storage.
    #[must_use]
    pub fn new(storage: Storage) -> Self {
        Self { storage }
    }

    /// Works until `shutdown` is done. What is under way then is gone on with by the next start.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = shutdown => {}
            () = self.work_on() => {}
        }
    }

    async fn work_on(&self) {
        loop {
            match self.work_once().await {
                Ok(true) => {}
                Ok(false) => tokio::time::sleep(TICK).await,
                Err(error) => {
                    tracing::warn!(%error, "collections are looked after again later");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Does one job; answers whether there was one.
    async fn work_once(&self) -> Result<bool, StorageError> {
        let Some(claim) = self.storage.claim_jobs(JOB, 1, LEASE).await? else { return Ok(false) };
        let Some(job) = claim.jobs.first() else { return Ok(false) };
        let outcome = match self.do_job(&claim, job).await {
            Ok(()) => JobOutcome::Done,
            Err(error) => {
                tracing::warn!(%error, "what lies in a collection is changed later");
                JobOutcome::Again(PAUSE, error.to_string())
            }
        };
        match self.storage.finish_jobs(&claim, vec![(job.id, outcome)]).await {
            // Another node has it: it took too long to say that this one is alive.
            Ok(()) | Err(StorageError::Conflict(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn do_job(&self, claim: &Claim, job: &Job) -> Result<(), StorageError> {
        let text = |name: &str| job.body[name].as_str().unwrap_or_default();
        let record = match self.storage.record(&Scope::node(WHO), KIND, text("placement")).await {
            Err(StorageError::NotFound) => return Ok(()),
            record => record?,
        };
        let (mut placement, version) = (Placement::of(&record)?, record.version);
        if text("task") == "take_out" {
            self.clear(&placement).await?;
            let forgets = vec![(KIND, placement.id)];
            return self.storage.apply(&Scope::node(WHO), Change { forgets, ..Change::default() }).await;
        }
        if placement.state == State::TakingOut {
            return Ok(());
        }
        (placement.state, placement.instances) = (State::Putting, 0);
        let mut shelf = Shelf { keeper: self, claim, placement, version, there: HashSet::new(), said: None };
        let put = shelf.put().await;
        let (mut placement, version) = (shelf.placement, shelf.version);
        match put {
            Ok(passed) if passed.instances > 0 => {
                (placement.state, placement.was_there) = (State::There, true);
                (placement.instances, placement.left_out) = (passed.instances, passed.left_out);
            }
            Ok(passed) => {
                placement.left_out = passed.left_out;
                "nothing_goes".clone_into(&mut placement.why);
                placement.state = State::Failed;
            }
            Err(Stop::Superseded) => return Ok(()),
            Err(Stop::Never(why)) => self.give_up(&mut placement, why).await?,
            Err(Stop::Failed(error)) => match error {
                StorageError::NotFound => self.give_up(&mut placement, "gone").await?,
                StorageError::Refused(_) | StorageError::Corrupt(_) => {
                    self.give_up(&mut placement, "not_readable").await?;
                }
                _ if job.attempts < ATTEMPTS_MAX => return Err(error),
                _ => self.give_up(&mut placement, "no_room").await?,
            },
        }
        let puts = vec![placement.put(Expected::Version(version))?];
        match self.storage.apply(&Scope::node(WHO), Change { puts, ..Change::default() }).await {
            // It is to be taken out.
            Ok(()) | Err(StorageError::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Says why it failed; half of what was never there is cleared away.
    async fn give_up(&self, placement: &mut Placement, why: &str) -> Result<(), StorageError> {
        if !placement.was_there {
            self.clear(placement).await?;
            placement.instances = 0;
            placement.pseudonym.clear();
        }
        if why == "project_closed" {
            placement.forget();
        }
        why.clone_into(&mut placement.why);
        placement.state = State::Failed;
        Ok(())
    }

    /// Deletes the copies of a study.
    async fn clear(&self, placement: &Placement) -> Result<(), StorageError> {
        let target = Target { study: placement.copy.clone(), series: None, instance: None };
        let text = "从教学库取出 / taken out of the collection".to_owned();
        let reason = Reason { code: ReasonCode::Other, text };
        let (scope, owner) = (within(&placement.collection), &placement.collection);
        match self.storage.delete(&scope, owner, target, reason).await {
            // Nothing had come there, or it was gone already.
            Ok(_) | Err(StorageError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The node itself within one organisation: whoever sees a collection does not see who has filled it.
fn within(organisation: &OrgId) -> Scope {
    Scope::organisation(Actor::node(WHO), organisation.clone())
}

/// A collection that a study is being put into.
struct Shelf<'a> {
    keeper: &'a Keeper,
    claim: &'a Claim,
    placement: Placement,
    /// Of the record.
    version: i64,
    /// Instances that are there.
    there: HashSet<Uid>,
    /// When it was said how far it is.
    said: Option<Instant>,
}

impl Shelf<'_> {
    async fn put(&mut self) -> Result<Passed, Stop> {
        let keeper = self.keeper;
        let storage = &keeper.storage;
        let placement = &self.placement;
        let (node, owner) = (Scope::node(WHO), &placement.organisation);
        let project = project::project(storage, &node, owner, &placement.project).await?;
        let Some(study) = placement.study.clone().filter(|_| !project.is_closed) else {
            return Err(Stop::Never("project_closed"));
        };
        let looked = survey::look(storage, &within(owner), &project, &study).await?;
        let pseudonym = looked.deidentifier.disguise().pseudonym();
        if !placement.pseudonym.is_empty() && placement.pseudonym != pseudonym {
            // One study would be of two patients.
            return Err(Stop::Never("patient_changed"));
        }
        let scope = within(&placement.collection);
        match storage.instances(&scope, &placement.copy, None, None).await {
            Ok(instances) => self.there = instances.iter().map(|one| one.instance().clone()).collect(),
            Err(StorageError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        self.placement.pseudonym = pseudonym;
        self.placement.of = looked.instances.len() as u64;
        self.beat().await?;
        let with_risky = self.placement.with_risky;
        passing::pass(storage, &looked, with_risky, self).await
    }

    /// Says that the worker is alive, and how far it is.
    async fn beat(&mut self) -> Result<(), Stop> {
        if self.said.is_some_and(|said| said.elapsed() < BEAT) {
            return Ok(());
        }
        self.said = Some(Instant::now());
        let storage = &self.keeper.storage;
        let said = async {
            storage.extend_claim(self.claim, LEASE).await?;
            let puts = vec![self.placement.put(Expected::Version(self.version))?];
            storage.apply(&Scope::node(WHO), Change { puts, ..Change::default() }).await
        };
        match said.await {
            Ok(()) => self.version += 1,
            Err(StorageError::Conflict(_) | StorageError::NotFound) => return Err(Stop::Superseded),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

impl Destination for Shelf<'_> {
    type Stop = Stop;

    fn wants(&self, uid: &Uid) -> bool {
        !self.there.contains(uid)
    }

    async fn take(&mut self, mut passing: Passing<'_>) -> Result<Taken, Stop> {
        let keeper = self.keeper;
        let storage = &keeper.storage;
        let arrival = Arrival {
            owner: self.placement.collection.clone(),
            via: Via::Deidentified,
            declared: Some((passing.instance.sop_class().clone(), passing.uid.clone())),
        };
        let mut sink = storage.sink_part10(&within(&self.placement.collection), arrival).await?;
        sink.expect_study(self.placement.copy.clone());
        loop {
            let piece = match passing.opened.next(storage).await {
                Ok(Some(piece)) => piece,
                Ok(None) => break,
                Err(error) => return unreadable(error),
            };
            if let Err(error) = sink.write(&piece).await {
                return unreadable(error);
            }
            self.beat().await?;
        }
        match sink.commit().await {
            Ok(stored) if stored.outcome == Outcome::KeptApart => Ok(Taken::NotReadable),
            Ok(_) => {
                self.placement.instances = passing.number;
                Ok(Taken::Yes)
            }
            Err(error) => unreadable(error),
        }
    }
}

/// One instance that is broken does not hold up the others; a node that cannot go on does.
fn unreadable(error: StorageError) -> Result<Taken, Stop> {
    match error {
        StorageError::Refused(_) | StorageError::NotFound | StorageError::Corrupt(_) => {
            Ok(Taken::NotReadable)
        }
        error => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
