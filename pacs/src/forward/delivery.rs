//! Forwarding the instances of a claim to their destination, in order.

use super::worker::{contact, pause};
use crate::dimse::DimseConfig;
use crate::dimse::requestor::{Link, Proposal, RequestError, Requestor, dial};
use crate::dimse::transfer::{self, Sent, first_load};
use access::Contact;
use model::{Actor, AeTitle, Scope, Uid};
use std::collections::HashSet;
use std::time::Duration;
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Claim, InstanceRef, Job, JobOutcome, Storage, StorageError,
};

/// Attempts at an instance that the destination answers with a failure.
const REFUSALS_MAX: u32 = 4;

fn scope(job: &Job) -> Scope {
    Scope::organisation(Actor::node("forwarding"), job.owner.clone()).owned_by(job.owner.clone())
}

/// Forwards what a claim holds. A destination that is out of reach or out of room holds up its lane; an instance that
/// it will not take is set aside.
///
/// # Errors
/// [`StorageError`]; the claim runs out then, and what is left is done again.
pub(super) async fn forward(
    storage: &Storage,
    config: &DimseConfig,
    claim: &Claim,
) -> Result<(), StorageError> {
    let Some(first) = claim.jobs.first() else { return Ok(()) };
    let contact = contact(storage, first).await?;
    let (Some(contact), Ok(called)) = (contact, AeTitle::parse(&first.lane)) else {
        let why = "the destination is no device of this organisation with a contact";
        let aside = claim.jobs.iter().map(|job| (job.id, JobOutcome::SetAside(why.to_owned())));
        return storage.finish_jobs(claim, aside.collect()).await;
    };
    let (jobs, instances) = resolve(storage, claim).await?;
    audit(storage, &called, &jobs, &instances).await?;
    let mut done = 0;
    while done < instances.len() {
        let load = first_load(&instances[done..]);
        let mut peer = match connect(config, &contact, &called, load.contexts).await {
            Ok(peer) => peer,
            Err(error) => return put_off(storage, claim, &jobs[done..], &error.to_string()).await,
        };
        for instance in load.instances {
            let (left, job) = (&jobs[done..], jobs[done]);
            let outcome = match transfer::store(&mut peer, storage, instance, None).await {
                Ok(sent) => outcome(&sent, job.attempts),
                Err(error) => {
                    peer.abandon().await;
                    return put_off(storage, claim, left, &error.to_string()).await;
                }
            };
            if let JobOutcome::Again(_, why) = &outcome {
                release(peer).await;
                return put_off(storage, claim, left, why).await;
            }
            storage.finish_jobs(claim, vec![(job.id, outcome)]).await?;
            done += 1;
        }
        release(peer).await;
    }
    Ok(())
}

/// The instances of the jobs. Those that are no more need no forwarding.
async fn resolve<'a>(
    storage: &Storage,
    claim: &'a Claim,
) -> Result<(Vec<&'a Job>, Vec<InstanceRef>), StorageError> {
    let (mut jobs, mut instances, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for job in &claim.jobs {
        let uid =
            |key: &str| job.body.get(key).and_then(|v| v.as_str()).and_then(|text| Uid::parse(text).ok());
        let found = match (uid("study"), uid("series"), uid("instance")) {
            // It may be hidden here together with its study.
            (Some(study), _, Some(note)) if job.body.get("is_rejection_note").is_some() => {
                storage.rejection_note(&job.owner, &study, &note).await
            }
            (Some(study), Some(series), Some(instance)) => {
                storage.instance(&scope(job), &study, &series, &instance).await
            }
            _ => Err(StorageError::NotFound),
        };
        match found {
            Ok(instance) => {
                jobs.push(job);
                instances.push(instance);
            }
            Err(StorageError::NotFound) => gone.push((job.id, JobOutcome::Done)),
            Err(error) => return Err(error),
        }
    }
    if !gone.is_empty() {
        storage.finish_jobs(claim, gone).await?;
    }
    Ok((jobs, instances))
}

/// Which studies go where, before the first goes.
async fn audit(
    storage: &Storage,
    called: &AeTitle,
    jobs: &[&Job],
    instances: &[InstanceRef],
) -> Result<(), StorageError> {
    let mut studies = HashSet::new();
    for (job, instance) in jobs.iter().zip(instances) {
        if studies.insert(instance.study().clone()) {
            let entry = AuditEntry {
                action: AuditAction::Read,
                object: format!("study/{}", instance.study()),
                outcome: AuditOutcome::Success,
                detail: format!("forward to {called}"),
            };
            storage.audit(&scope(job), entry).await?;
        }
    }
    Ok(())
}

fn outcome(sent: &Sent, attempts: u32) -> JobOutcome {
    match sent {
        Sent::Stored | Sent::StoredWithWarning => JobOutcome::Done,
        Sent::Unsendable(why) => JobOutcome::SetAside((*why).to_owned()),
        // It cannot be otherwise next time: SOP class not supported, invalid instance, data set does not match.
        Sent::Refused(status @ (0x0117 | 0x0122 | 0xA900..=0xA9FF)) => {
            JobOutcome::SetAside(format!("refused with status {status:04X}H"))
        }
        // Out of resources: as long as it takes.
        Sent::Refused(status @ 0xA700..=0xA7FF) => {
            JobOutcome::Again(pause(attempts), format!("out of resources, status {status:04X}H"))
        }
        Sent::Refused(status) if attempts >= REFUSALS_MAX => {
            JobOutcome::SetAside(format!("refused with status {status:04X}H"))
        }
        Sent::Refused(status) => {
            JobOutcome::Again(pause(attempts), format!("refused with status {status:04X}H"))
        }
    }
}

/// The first of these is tried again after a pause, and the rest behind it, so that the order is kept.
async fn put_off(storage: &Storage, claim: &Claim, jobs: &[&Job], why: &str) -> Result<(), StorageError> {
    let Some(first) = jobs.first() else { return Ok(()) };
    tracing::info!(destination = %first.lane, attempts = first.attempts, why, "forwarding waits");
    let mut outcomes = vec![(first.id, JobOutcome::Again(pause(first.attempts), why.to_owned()))];
    outcomes.extend(jobs.iter().skip(1).map(|job| (job.id, JobOutcome::Returned)));
    storage.finish_jobs(claim, outcomes).await
}

async fn connect(
    config: &DimseConfig,
    contact: &Contact,
    called: &AeTitle,
    contexts: Vec<crate::dimse::requestor::Proposed>,
) -> Result<Requestor<Link>, RequestError> {
    let proposal =
        Proposal { calling: config.ae_title.clone(), called: called.clone(), contexts, provided: Vec::new() };
    let stream = dial(
        contact,
        &config.reach,
        config.tls_request.as_ref(),
        Duration::from_millis(config.limits.artim_timeout_ms),
    )
    .await?;
    Requestor::associate(stream, &proposal, Duration::from_millis(config.limits.dimse_idle_timeout_ms)).await
}

async fn release(mut peer: Requestor<Link>) {
    if let Err(error) = peer.release().await {
        tracing::debug!(%error, "a release was not confirmed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_and_what_cannot_is_set_aside() {
        let again = |sent, attempts| matches!(outcome(&sent, attempts), JobOutcome::Again(..));
        assert_eq!(outcome(&Sent::Stored, 0), JobOutcome::Done);
        assert_eq!(outcome(&Sent::StoredWithWarning, 0), JobOutcome::Done);
        assert!(again(Sent::Refused(0xA700), 1_000_000));
        assert!(again(Sent::Refused(0xC000), 0) && !again(Sent::Refused(0xC000), REFUSALS_MAX));
        assert!(!again(Sent::Refused(0x0122), 0) && !again(Sent::Refused(0xA900), 0));
        assert!(!again(Sent::Unsendable("no context"), 0));
    }
}
