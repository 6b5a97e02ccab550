//! What the node tells people by itself: notices from the outbox, alarms that are said again, e-mail and webhooks.

mod mail;
mod smtp;
pub(crate) mod webhook;

use access::AddressRange;
use consult::ConsultService;
use consult::notify::{MAIL_JOB, Outgoing, WEBHOOK_JOB, organisation_of_lane};
use model::PersonId;
use serde::{Deserialize, Serialize};
use smtp::{Smtp, SmtpSection};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use storage::{Claim, Job, JobOutcome, Storage, StorageError};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often the outbox is looked at.
const TICK: Duration = Duration::from_millis(500);
/// How often alarms are looked at: they are said again after minutes.
const REMIND: Duration = Duration::from_secs(5);
/// How often old notices are removed.
const TIDY: Duration = Duration::from_secs(3600);
/// How long a job is this process's: longer than a delivery may take.
const LEASE: Duration = Duration::from_secs(60);
/// Deliveries of one kind at once.
const AT_ONCE: usize = 16;
/// Attempts at one delivery: with the pauses, about a day.
const ATTEMPTS_MAX: u32 = 150;

/// `[notify]`
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotifySection {
    /// Folder into which e-mail is put, one RFC 5322 file each, for a mail server's pickup. Without it none is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_directory: Option<PathBuf>,
    /// The mail server to which e-mail is handed over instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<SmtpSection>,
    /// Sender of e-mail; `farsight@localhost` without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_from: Option<String>,
    /// Internal networks in which webhooks may be, such as `10.20.0.0/16`; none without it.
    pub webhook_networks: Vec<AddressRange>,
}

impl NotifySection {
    /// Refuses what cannot work, and says which line to change.
    pub fn refuse_if_wrong(&self) -> anyhow::Result<()> {
        if let Some(folder) = self.mail_directory.as_ref().filter(|folder| !folder.is_dir()) {
            anyhow::bail!("[notify] mail_directory = \"{}\" is not a folder", folder.display());
        }
        if self.mail_directory.is_some() && self.smtp.is_some() {
            anyhow::bail!(
                "[notify] mail_directory and [notify.smtp] are two ways for the same e-mail: leave one out"
            );
        }
        self.smtp()?;
        if let Some(from) = self.mail_from.as_ref().filter(|from| !mail::is_sender(from)) {
            anyhow::bail!("[notify] mail_from = \"{from}\" is not like farsight@hospital.example.org");
        }
        Ok(())
    }

    /// The mail server, if one is configured.
    pub fn smtp(&self) -> anyhow::Result<Option<Smtp>> {
        self.smtp.as_ref().map(SmtpSection::smtp).transpose()
    }
}

/// The work of one node.
pub struct Notices {
    pub storage: Storage,
    pub consults: ConsultService,
    pub config: NotifySection,
    /// The mail server, when e-mail goes there.
    pub smtp: Option<Smtp>,
    /// Where people reach the node.
    pub public_url: String,
}

impl Notices {
    /// Works until `shutdown` is done; deliveries that are under way are finished. What is said on the screen waits for no
    /// delivery, and no e-mail for a webhook.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (stop, stopped) = watch::channel(false);
        let me = Arc::new(self);
        let stopping = async {
            shutdown.await;
            // An error says that all of them have ended already.
            let _ = stop.send(true);
        };
        tokio::join!(
            stopping,
            me.tell(stopped.clone()),
            me.clone().deliver_all(MAIL_JOB, stopped.clone()),
            me.clone().deliver_all(WEBHOOK_JOB, stopped),
        );
    }

    /// Alarms and notices.
    async fn tell(&self, mut stopped: watch::Receiver<bool>) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut remind_at, mut tidy_at) = (Instant::now(), Instant::now());
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                _ = tick.tick() => {}
            }
            let now = OffsetDateTime::now_utc();
            if remind_at <= Instant::now() {
                remind_at = Instant::now() + REMIND;
                said("alarms are said again later", self.consults.remind_critical(now).await);
            }
            said("notices are made later", self.consults.notify(now).await);
            if tidy_at <= Instant::now() {
                tidy_at = Instant::now() + TIDY;
                said("old notices are removed later", self.consults.remove_old_notices(now).await);
            }
        }
    }

    /// Deliveries of a kind: those of one lane one after another, lanes beside each other.
    async fn deliver_all(self: Arc<Self>, kind: &'static str, mut stopped: watch::Receiver<bool>) {
        let mut under_way = JoinSet::new();
        while !*stopped.borrow() {
            while under_way.try_join_next().is_some() {}
            if under_way.len() >= AT_ONCE {
                under_way.join_next().await;
                continue;
            }
            match self.storage.claim_jobs(kind, 1, LEASE).await {
                Ok(Some(claim)) => {
                    let me = self.clone();
                    under_way.spawn(async move {
                        said("what is to be sent is sent later", me.deliver(kind, claim).await);
                    });
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "what is to be sent is sent later"),
            }
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Does one job of a kind.
    async fn deliver(&self, kind: &'static str, claim: Claim) -> Result<(), StorageError> {
        let Some(job) = claim.jobs.first() else { return Ok(()) };
        let outcome = match serde_json::from_value::<Outgoing>(job.body.clone()) {
            Err(_) => JobOutcome::SetAside("the job cannot be read".to_owned()),
            Ok(outgoing) => outcome(job, self.send(kind, job, &outgoing).await),
        };
        self.storage.finish_jobs(&claim, vec![(job.id, outcome)]).await
    }

    async fn send(&self, kind: &str, job: &Job, outgoing: &Outgoing) -> Result<(), Failed> {
        if kind == MAIL_JOB {
            let person = PersonId::parse(&job.lane).map_err(|_| Failed::ForGood("no such person"))?;
            let settings =
                self.consults.mail_of(&person).await.map_err(|_| Failed::Now("not read".into()))?;
            let way = mail::Way { config: &self.config, smtp: self.smtp.as_ref() };
            return mail::send(way, &self.public_url, &settings.address, outgoing).await;
        }
        let organisation = organisation_of_lane(&job.lane).ok_or(Failed::ForGood("no such organisation"))?;
        let webhook = self.consults.webhook_of(&organisation).await;
        match webhook.map_err(|_| Failed::Now("not read".into()))? {
            Some(webhook) => webhook::call(&self.config.webhook_networks, &webhook, outgoing).await,
            // Nobody wants it any more.
            None => Ok(()),
        }
    }
}

/// Why something could not be sent; never with an address in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failed {
    /// Another attempt may do.
    Now(String),
    /// Nothing changes by itself.
    ForGood(&'static str),
}

fn outcome(job: &Job, sent: Result<(), Failed>) -> JobOutcome {
    match sent {
        Ok(()) => JobOutcome::Done,
        Err(Failed::ForGood(why)) => JobOutcome::SetAside(why.to_owned()),
        Err(Failed::Now(why)) if job.attempts >= ATTEMPTS_MAX => JobOutcome::SetAside(why),
        Err(Failed::Now(why)) => {
            JobOutcome::Again(Duration::from_secs((5_u64 << job.attempts.min(7)).min(600)), why)
        }
    }
}

fn said<E: std::fmt::Display>(what: &str, result: Result<(), E>) {
    if let Err(error) = result {
        tracing::warn!(%error, "{what}");
    }
}
