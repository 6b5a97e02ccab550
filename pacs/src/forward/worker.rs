//! Doing jobs: a claim is held with its lease for as long as the work on it lasts.

use super::{JOB, delivery};
use crate::dimse::commitment::{self, Commitment};
use crate::dimse::{DimseConfig, RequestError};
use crate::remote::{self, RemoteError, Retrieval};
use model::{Actor, AeTitle, Scope};
use std::time::Duration;
use storage::{Claim, Job, JobOutcome, Storage, StorageError};

/// How long a claim is a worker's without word from it.
const LEASE: Duration = Duration::from_secs(15);
/// How often it gives word.
const WORD: Duration = Duration::from_secs(5);
/// Jobs of one claim: instances that go over one association.
const JOBS: u32 = 100;
/// Attempts to report a storage commitment: with the pauses, about two days.
const REPORTS_MAX: u32 = 300;

/// The next jobs to be done, of any kind.
pub(super) async fn claim(storage: &Storage) -> Result<Option<Claim>, StorageError> {
    for (kind, count) in [(commitment::JOB, 1), (remote::JOB, 1), (JOB, JOBS)] {
        if let Some(claim) = storage.claim_jobs(kind, count, LEASE).await? {
            return Ok(Some(claim));
        }
    }
    Ok(None)
}

/// Works on a claim until it is done or lost.
pub(super) async fn work(storage: Storage, config: DimseConfig, claim: Claim) {
    let mut work = std::pin::pin!(async {
        match claim.jobs.first() {
            Some(job) if job.kind == commitment::JOB => report(&storage, &config, &claim, job).await,
            Some(job) if job.kind == remote::JOB => retrieve(&storage, &config, &claim, job).await,
            Some(_) => delivery::forward(&storage, &config, &claim).await,
            None => Ok(()),
        }
    });
    loop {
        tokio::select! {
            result = &mut work => {
                if let Err(error) = result {
                    tracing::warn!(%error, "jobs are done again");
                }
                return;
            }
            () = tokio::time::sleep(WORD) => match storage.extend_claim(&claim, LEASE).await {
                Ok(()) => {}
                // Nothing of it is left, or others have it.
                Err(StorageError::Conflict(_)) => return,
                Err(error) => tracing::warn!(%error, "a lease could not be extended"),
            }
        }
    }
}

/// The pause after so many failed attempts: five seconds, doubled each time, ten minutes at most.
pub(super) fn pause(attempts: u32) -> Duration {
    Duration::from_secs((5_u64 << attempts.min(7)).min(600))
}

/// Where a device of the job's organisation listens; `None` when it cannot be called.
pub(super) async fn contact(storage: &Storage, job: &Job) -> Result<Option<access::Contact>, StorageError> {
    let Ok(title) = AeTitle::parse(&job.lane) else { return Ok(None) };
    match storage.device(&title).await {
        Ok(device) if device.organisation == job.owner => Ok(device.contact),
        Ok(_) | Err(StorageError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn report(
    storage: &Storage,
    config: &DimseConfig,
    claim: &Claim,
    job: &Job,
) -> Result<(), StorageError> {
    let outcome = match (serde_json::from_value::<Commitment>(job.body.clone()), contact(storage, job).await?)
    {
        (Err(_), _) => JobOutcome::SetAside("the job cannot be read".to_owned()),
        (_, None) => JobOutcome::SetAside("the requester has no contact to be called at".to_owned()),
        (Ok(commitment), Some(contact)) => {
            let told = commitment::report_to(storage, config, &job.owner, &contact, &commitment).await;
            outcome_of_report(told, job.attempts)
        }
    };
    storage.finish_jobs(claim, vec![(job.id, outcome)]).await
}

fn outcome_of_report(told: Result<(), RequestError>, attempts: u32) -> JobOutcome {
    match told {
        Ok(()) => JobOutcome::Done,
        Err(error) if attempts >= REPORTS_MAX => JobOutcome::SetAside(error.to_string()),
        Err(error) => JobOutcome::Again(pause(attempts), error.to_string()),
    }
}

/// Attempts at a retrieval.
const RETRIEVALS_MAX: u32 = 10;

async fn retrieve(
    storage: &Storage,
    config: &DimseConfig,
    claim: &Claim,
    job: &Job,
) -> Result<(), StorageError> {
    let scope = Scope::organisation(Actor::node("retrieval"), job.owner.clone());
    let parsed = (AeTitle::parse(&job.lane), serde_json::from_value::<Retrieval>(job.body.clone()));
    let outcome = match parsed {
        (Ok(title), Ok(retrieval)) => {
            match remote::retrieve(storage, config, &scope, &title, &retrieval).await {
                Ok(done) if done.failed == 0 => JobOutcome::Done,
                Ok(done) => again(job, format!("{} sub-operations failed", done.failed)),
                Err(RemoteError::Storage(error)) => return Err(error),
                Err(error @ (RemoteError::NotFound | RemoteError::BadQuery(_))) => {
                    JobOutcome::SetAside(error.to_string())
                }
                Err(error) => again(job, error.to_string()),
            }
        }
        _ => JobOutcome::SetAside("the job cannot be read".to_owned()),
    };
    storage.finish_jobs(claim, vec![(job.id, outcome)]).await
}

fn again(job: &Job, why: String) -> JobOutcome {
    if job.attempts >= RETRIEVALS_MAX {
        JobOutcome::SetAside(why)
    } else {
        JobOutcome::Again(pause(job.attempts), why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_ten_minutes_and_no_further() {
        let seconds: Vec<u64> = [0, 1, 2, 6, 7, 1000].map(|n| pause(n).as_secs()).to_vec();
        assert_eq!(seconds, [5, 10, 20, 320, 600, 600]);
    }
}
