//! What the node does by itself: forwarding by rules, reports of storage commitment, orders that arrive.
//!
//! [`dispatch`] reads the outbox in order and makes jobs of it; [`worker`] does them, each lane in order, with a lease,
//! until they are done. Both survive any end of the process: what is owed is in the index.

mod delivery;
mod dispatch;
mod problem;
mod rule;
mod worker;

pub use problem::problem_code;
pub use rule::{BadRule, ForwardRule, RuleState, put_rule, remove_rule, rules};

use crate::dimse::DimseConfig;
use std::future::Future;
use std::time::Duration;
use storage::Storage;
use tokio::task::JoinSet;

/// The kind of forwarding jobs; a lane is a destination's AE title.
pub const JOB: &str = "forward";

/// The kinds of jobs that people look at: forwarding, retrievals, reports of storage commitment.
pub const KINDS: [&str; 3] = [JOB, crate::remote::JOB, crate::dimse::commitment::JOB];

/// How often the outbox and the jobs are looked at.
const TICK: Duration = Duration::from_millis(500);
/// Lanes that are worked on at once.
const LANES_MAX: usize = 8;

/// Works until `shutdown` is done.
pub async fn run(storage: Storage, config: DimseConfig, shutdown: impl Future<Output = ()>) {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut lanes = JoinSet::new();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = lanes.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a lane's task failed");
                }
            }
            _ = tick.tick() => {
                if let Err(error) = dispatch::run(&storage).await {
                    tracing::warn!(%error, "the outbox is read again later");
                }
                while lanes.len() < LANES_MAX {
                    match worker::claim(&storage).await {
                        Ok(Some(claim)) => {
                            lanes.spawn(worker::work(storage.clone(), config.clone(), claim));
                        }
                        Ok(None) => break,
                        Err(error) => {
                            tracing::warn!(%error, "jobs are looked for again later");
                            break;
                        }
                    }
                }
            }
        }
    }
    // What is under way is dropped: its lease runs out, and it is done again.
    lanes.shutdown().await;
}
