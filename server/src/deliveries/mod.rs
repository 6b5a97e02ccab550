//! Carrying signed reports into other systems: jobs are claimed, the files go by C-STORE, STOW-RS or webhook, and what became
//! of it is written down. What is owed and what it means is known by `consult`.

mod by_http;

use access::AddressRange;
use consult::ConsultService;
use consult::delivery::{JOB, Parcel, Problem, Sent, Target};
use consult::export::Exported;
use dataset::{TransferSyntax, part10, scan};
use model::{AeTitle, Limits};
use pacs::dimse::{DimseConfig, RequestError};
use pacs::send::{Answer, Outbound};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use storage::{Claim, JobOutcome, Storage, StorageError};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// How often the outbox and the jobs are looked at.
const TICK: Duration = Duration::from_millis(500);
/// How long a claim is this process's without word from it.
const LEASE: Duration = Duration::from_secs(15);
/// How often it gives word.
const WORD: Duration = Duration::from_secs(5);
/// The pause after an attempt that could not even begin.
const PAUSE: Duration = Duration::from_secs(10);
/// Routes that are worked on at once.
const AT_ONCE: usize = 8;

/// The longest that a call may take, all in all.
const CALL_MAX: Duration = Duration::from_secs(120);

/// `[delivery]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliverySection {
    /// Internal networks in which STOW-RS services and webhooks that take reports may be, such as `10.20.0.0/16`; none
    /// without it. Those of devices that are called by C-STORE are in `[dicom] networks`.
    pub networks: Vec<AddressRange>,
}

/// The work of one node.
#[derive(Clone)]
pub struct Deliveries {
    pub storage: Storage,
    pub consults: ConsultService,
    pub dimse: DimseConfig,
    pub config: DeliverySection,
}

impl Deliveries {
    /// Works until `shutdown` is done. What is cut short then is done again by the next start, with the same effect.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let me = Arc::new(self);
        let mut shutdown = std::pin::pin!(shutdown);
        let mut under_way = JoinSet::new();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                _ = tick.tick() => {}
            }
            while let Some(ended) = under_way.try_join_next() {
                if let Err(error) = ended {
                    tracing::error!(%error, "a delivery's task failed");
                }
            }
            if let Err(error) = me.consults.plan_deliveries(OffsetDateTime::now_utc()).await {
                tracing::warn!(%error, "deliveries are made later");
            }
            while under_way.len() < AT_ONCE {
                match me.storage.claim_jobs(JOB, 1, LEASE).await {
                    Ok(Some(claim)) => {
                        let me = me.clone();
                        under_way.spawn(async move { me.work(claim).await });
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!(%error, "deliveries are looked for again later");
                        break;
                    }
                }
            }
        }
    }

    /// Works on a claim until it is done or lost.
    async fn work(&self, claim: Claim) {
        let mut work = std::pin::pin!(self.attempt(&claim));
        loop {
            tokio::select! {
                result = &mut work => {
                    if let Err(error) = result {
                        tracing::warn!(%error, "a delivery's job is done again");
                    }
                    return;
                }
                () = tokio::time::sleep(WORD) => match self.storage.extend_claim(&claim, LEASE).await {
                    Ok(()) => {}
                    // Others have it.
                    Err(StorageError::Conflict(_)) => return,
                    Err(error) => tracing::warn!(%error, "a lease could not be extended"),
                }
            }
        }
    }

    async fn attempt(&self, claim: &Claim) -> Result<(), StorageError> {
        let Some(job) = claim.jobs.first() else { return Ok(()) };
        let again = |error: consult::ConsultError| {
            tracing::warn!(%error, "a delivery is tried again");
            JobOutcome::Again(PAUSE, "internal".to_owned())
        };
        let outcome = match self.consults.begin_delivery(job, OffsetDateTime::now_utc()).await {
            Ok(None) => JobOutcome::Done,
            Ok(Some(parcel)) => {
                let sent = self.send(&parcel).await;
                let ended = self.consults.end_delivery(&parcel, sent, OffsetDateTime::now_utc()).await;
                ended.unwrap_or_else(again)
            }
            Err(error) => again(error),
        };
        self.storage.finish_jobs(claim, vec![(job.id, outcome)]).await
    }

    async fn send(&self, parcel: &Parcel) -> Sent {
        match &parcel.route.target {
            Target::Ae { ae_title } => self.store(parcel, ae_title).await,
            Target::Stow { url, token } => {
                by_http::stow(&self.config.networks, url, token.as_deref(), &parcel.files).await
            }
            Target::Webhook { url, secret } => {
                by_http::post(&self.config.networks, url, secret, parcel).await
            }
        }
    }

    /// C-STORE to a device of the organisation.
    async fn store(&self, parcel: &Parcel, called: &AeTitle) -> Sent {
        let device = match self.storage.device(called).await {
            Ok(device) if device.organisation == parcel.route.organisation => device,
            Ok(_) | Err(StorageError::NotFound) => {
                return Sent::Failed(Problem::NoContact, String::new());
            }
            Err(_) => return Sent::Again(Problem::Internal, String::new()),
        };
        let Some(contact) = device.contact else { return Sent::Failed(Problem::NoContact, String::new()) };
        let objects: Option<Vec<Outbound>> = parcel.files.iter().map(outbound).collect();
        let Some(objects) = objects else { return Sent::Failed(Problem::Internal, String::new()) };
        let call = pacs::send::store(&self.dimse, &contact, called, &objects);
        match tokio::time::timeout(CALL_MAX, call).await {
            Ok(Ok(answers)) => stored(&answers, objects.len()),
            Ok(Err(error)) => unanswered(&error),
            Err(_elapsed) => Sent::Again(Problem::TimedOut, String::new()),
        }
    }
}

/// A file of ours as it goes over an association: whole, in memory.
fn outbound(file: &Exported) -> Option<Outbound> {
    let (class, instance) = file.instance.clone()?;
    let syntax = TransferSyntax::explicit_little();
    let data_set = file.bytes.get(part10::head(&syntax, &class, &instance).len()..)?;
    let limits =
        Limits { value_inline_bytes_max: u32::MAX, metadata_bytes_max: u32::MAX, ..Limits::default() };
    let data_set = scan::scan(data_set, &syntax, &limits).ok()?.dataset;
    Some(Outbound { class, instance, data_set })
}

fn stored(answers: &[Answer], wanted: usize) -> Sent {
    match answers.last() {
        Some(Answer::Stored) if answers.len() == wanted => Sent::Delivered,
        Some(Answer::Refused(status @ 0xA700..=0xA7FF)) => {
            Sent::Again(Problem::Busy, format!("{status:04X}H"))
        }
        Some(Answer::Refused(status)) => Sent::Failed(Problem::Refused, format!("{status:04X}H")),
        Some(Answer::NotServed) => Sent::Failed(Problem::NotServed, String::new()),
        Some(Answer::Stored) | None => Sent::Again(Problem::Broken, String::new()),
    }
}

/// What a request that was not answered means.
fn unanswered(error: &RequestError) -> Sent {
    let problem = match error {
        // None of the SOP classes: it is the same the next time.
        RequestError::NotServed => return Sent::Failed(Problem::NotServed, String::new()),
        RequestError::Unreachable(_) => Problem::Unreachable,
        // As for an address of HTTP: somebody has to change the configuration or the contact, and send it again.
        RequestError::OutOfReach(_) => return Sent::Failed(Problem::InternalAddress, String::new()),
        RequestError::TimedOut => Problem::TimedOut,
        RequestError::Rejected { .. } => Problem::Rejected,
        RequestError::Aborted | RequestError::Protocol(_) => Problem::Broken,
        RequestError::Status(_) => Problem::Refused,
    };
    Sent::Again(problem, String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_and_what_cannot_is_given_up() {
        use Answer::{NotServed, Refused, Stored};
        assert_eq!(stored(&[Stored, Stored], 2), Sent::Delivered);
        assert_eq!(stored(&[Stored], 2), Sent::Again(Problem::Broken, String::new()));
        assert_eq!(stored(&[Refused(0xA700)], 2), Sent::Again(Problem::Busy, "A700H".into()));
        assert_eq!(stored(&[Stored, Refused(0xA900)], 2), Sent::Failed(Problem::Refused, "A900H".into()));
        assert_eq!(stored(&[Stored, NotServed], 2), Sent::Failed(Problem::NotServed, String::new()));
        assert_eq!(unanswered(&RequestError::NotServed), Sent::Failed(Problem::NotServed, String::new()));
        assert_eq!(unanswered(&RequestError::TimedOut), Sent::Again(Problem::TimedOut, String::new()));
    }
}
