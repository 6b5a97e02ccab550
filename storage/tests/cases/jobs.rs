//! Jobs: order within a lane, leases, pauses, setting aside; and readers of the outbox.

use crate::Fixture;
use crate::support::build::{Instance, org, scope, store};
use model::Scope;
use serde_json::json;
use std::time::Duration;
use storage::{Change, Claim, CursorMove, Job, JobOutcome, JobState, NewJob, StorageError, Which};

const KIND: &str = "forward";
const LEASE: Duration = Duration::from_secs(60);

fn job(lane: &str, number: u32) -> NewJob {
    NewJob::new(KIND, lane, org("town"), json!({"number": number}))
}

async fn enqueue(f: &Fixture, jobs: Vec<NewJob>) {
    f.storage.apply(&Scope::node("test"), Change { jobs, ..Change::default() }).await.expect("enqueued");
}

async fn claim(f: &Fixture, count: u32) -> Option<Claim> {
    f.storage.claim_jobs(KIND, count, LEASE).await.expect("it answers")
}

async fn finish(f: &Fixture, claim: &Claim, job: &Job, outcome: JobOutcome) {
    f.storage.finish_jobs(claim, vec![(job.id, outcome)]).await.expect("it is ours");
}

fn numbers(claim: &Claim) -> Vec<u64> {
    claim.jobs.iter().map(|job| job.body["number"].as_u64().expect("a number")).collect()
}

pub async fn jobs_of_a_lane_are_done_in_order_by_one_worker(f: &Fixture) {
    assert!(claim(f, 10).await.is_none(), "nothing to do");
    enqueue(f, vec![job("A", 1), job("B", 2), job("A", 3), job("A", 4)]).await;
    let first = claim(f, 2).await.expect("lane A");
    assert_eq!(numbers(&first), [1, 3]);
    let second = claim(f, 2).await.expect("lane B, for A is held");
    assert_eq!(numbers(&second), [2]);
    assert!(claim(f, 2).await.is_none(), "both lanes are held");
    finish(f, &first, &first.jobs[0], JobOutcome::Done).await;
    assert!(claim(f, 2).await.is_none(), "the rest of the claim still holds the lane");
    f.storage.extend_claim(&first, LEASE).await.expect("it is ours");
    finish(f, &first, &first.jobs[1], JobOutcome::Returned).await;
    assert_eq!(numbers(&claim(f, 9).await.expect("lane A again")), [3, 4]);
}

pub async fn a_lease_that_ran_out_is_another_workers(f: &Fixture) {
    enqueue(f, vec![job("A", 1)]).await;
    let slow = f.storage.claim_jobs(KIND, 1, Duration::ZERO).await.expect("it answers").expect("the job");
    let other = claim(f, 1).await.expect("the same job");
    assert_eq!(other.jobs[0].id, slow.jobs[0].id);
    let lost = Err(StorageError::Conflict("lease"));
    let outcome = vec![(slow.jobs[0].id, JobOutcome::Done)];
    assert_eq!(f.storage.finish_jobs(&slow, outcome).await, lost);
    assert_eq!(f.storage.extend_claim(&slow, LEASE).await, lost);
    finish(f, &other, &other.jobs[0], JobOutcome::Done).await;
    assert!(f.storage.jobs(&Scope::node("test"), KIND, None, 10, 0).await.expect("a list").is_empty());
}

pub async fn what_is_put_off_holds_its_lane_and_what_is_set_aside_does_not(f: &Fixture) {
    enqueue(f, vec![job("A", 1), job("A", 2)]).await;
    let held = claim(f, 1).await.expect("the first");
    let again = JobOutcome::Again(Duration::from_secs(3600), "unreachable".into());
    finish(f, &held, &held.jobs[0], again).await;
    assert!(claim(f, 1).await.is_none(), "the second waits behind the first");
    let listed = f.storage.jobs(&scope("town"), KIND, Some("A"), 10, 0).await.expect("a list");
    assert_eq!((listed.len(), listed[0].attempts, &*listed[0].problem), (2, 1, "unreachable"));
    assert_eq!(listed[0].state, JobState::Waiting);

    f.storage.retry_jobs(&scope("town"), KIND, Which::One(listed[0].id)).await.expect("at once");
    let held = claim(f, 1).await.expect("the first again");
    assert_eq!(numbers(&held), [1]);
    finish(f, &held, &held.jobs[0], JobOutcome::SetAside("refused".into())).await;
    let next = claim(f, 9).await.expect("the second");
    assert_eq!(numbers(&next), [2]);
    finish(f, &next, &next.jobs[0], JobOutcome::Done).await;
    let listed = f.storage.jobs(&scope("town"), KIND, None, 10, 0).await.expect("a list");
    assert_eq!((listed.len(), listed[0].state), (1, JobState::SetAside));
    f.storage.retry_jobs(&scope("town"), KIND, Which::Lane("A".into())).await.expect("tried again");
    assert_eq!(numbers(&claim(f, 9).await.expect("the first")), [1]);
}

pub async fn jobs_of_others_do_not_exist(f: &Fixture) {
    enqueue(f, vec![job("A", 1)]).await;
    let city = scope("city");
    assert!(f.storage.jobs(&city, KIND, None, 10, 0).await.expect("a list").is_empty());
    let id = f.storage.jobs(&scope("town"), KIND, None, 10, 0).await.expect("a list")[0].id;
    let none = Err(StorageError::NotFound);
    assert_eq!(f.storage.retry_jobs(&city, KIND, Which::One(id)).await, none);
    assert_eq!(f.storage.retry_jobs(&city, KIND, Which::All).await, none);
    assert_eq!(f.storage.remove_job(&city, KIND, id).await, none);
    f.storage.remove_job(&scope("town"), KIND, id).await.expect("its own");
    assert!(claim(f, 1).await.is_none());
}

pub async fn a_reader_of_the_outbox_moves_with_what_it_made(f: &Fixture) {
    let s = &f.storage;
    store(s, "town", &Instance { number: 1, ..Instance::default() }).await;
    let begin = s.outbox_cursor("forward").await.expect("a cursor");
    assert!(begin > 0, "a new reader does not begin with the past");
    store(s, "town", &Instance { number: 2, ..Instance::default() }).await;
    let events = s.outbox_events(begin, 10).await.expect("events");
    assert_eq!(events.len(), 1);
    assert_eq!((&*events[0].topic, &events[0].body["owner"]), ("instance.stored", &json!("town")));

    let to = events[0].seq;
    let step = || Change {
        jobs: vec![job("A", 2)],
        cursor: Some(CursorMove { name: "forward", from: begin, to }),
        ..Change::default()
    };
    let node = Scope::node("test");
    s.apply(&node, step()).await.expect("the first");
    assert_eq!(s.apply(&node, step()).await, Err(StorageError::Conflict("cursor")), "and nobody twice");
    assert_eq!(s.outbox_cursor("forward").await, Ok(to));
    assert_eq!(s.jobs(&node, KIND, None, 10, 0).await.expect("a list").len(), 1);
}
