//! What the node does with its chain by itself: signs its head every day and walks it, sends every event to an audit record
//! repository.

use super::{AT_ONCE, files, signer};
use crate::config::Config;
use anyhow::Result;
use model::Scope;
use pacs::atna::{Sender, Source, Target};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use storage::heads::{self, Head, Signer};
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, Storage, StorageError};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};
use viewer_api::AuditCheck;

/// How long nothing is sent after everything was.
const PAUSE: Duration = Duration::from_secs(2);
/// How long nothing is tried after it failed.
const AFTER_FAILURE: Duration = Duration::from_secs(15);
/// The first look at the head after a start, and how often it is looked at.
const FIRST_LOOK: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_secs(600);
/// How far sending has come: for the page of the auditor.
const STATE: &str = "audit_state";

/// The work of one node.
pub struct Keeper {
    storage: Storage,
    signer: Signer,
    heads: PathBuf,
    head_hours: u32,
    target: Option<(Target, Source)>,
    check: AuditCheck,
}

/// What a walk along the chain has found, as the auditor's page is told.
#[derive(serde::Serialize)]
struct Checked {
    at_ms: i64,
    events: u64,
    anchored: i64,
    fault: Option<Fault>,
}

/// What does not fit: an event of the chain, a head that should be in the file, or a line of the file.
#[derive(serde::Serialize)]
struct Fault {
    what: &'static str,
    number: i64,
    why: String,
}

impl Keeper {
    /// With the key and the repository that the configuration names; the chain is walked when `check` is asked for.
    pub fn new(config: &Config, storage: Storage, check: AuditCheck) -> Result<Self> {
        let target = config.audit.target()?.map(|target| (target, config.audit.source()));
        let (heads, _) = files(config);
        Ok(Self {
            storage,
            signer: signer(config)?,
            heads,
            head_hours: config.audit.head_hours,
            target,
            check,
        })
    }

    /// Works until `shutdown` is done.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let send = async {
            match &self.target {
                Some((target, source)) => self.send(target, source).await,
                None => {
                    forget(&self.storage, "sending").await;
                    std::future::pending().await
                }
            }
        };
        tokio::select! {
            () = shutdown => {}
            () = self.sign() => {}
            () = self.check() => {}
            () = send => {}
        }
    }

    async fn sign(&self) {
        let mut look_at = Instant::now() + FIRST_LOOK;
        loop {
            tokio::time::sleep_until(look_at).await;
            look_at = Instant::now() + LOOK;
            let last = match heads::read(&self.heads, &self.signer.public_key()) {
                Ok(Ok(heads)) => heads.last().map_or(0, |head| head.at_ms),
                _ => 0,
            };
            if now_ms() < last.saturating_add(i64::from(self.head_hours) * 3_600_000) {
                continue;
            }
            match self.signer.sign(&self.storage).await {
                Ok(Some(head)) => {
                    tell_head(&self.storage, &head).await;
                    self.check.ask();
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "the head of the audit chain is not signed"),
            }
        }
    }

    /// Walks the chain whenever it is asked for, by an auditor or after a head, and says what was found.
    async fn check(&self) {
        // One that was promised before the node ended.
        if self.storage.record(&crate::maintenance::scope(), STATE, "verifying").await.is_ok() {
            self.check.ask();
        }
        loop {
            self.check.asked().await;
            let mut change = Change { forgets: vec![(STATE, "verifying".to_owned())], ..Change::default() };
            match self.walked().await {
                Ok(checked) => {
                    let outcome = match &checked.fault {
                        None => AuditOutcome::Success,
                        Some(Fault { what, number, why }) => {
                            tracing::error!(what, number, why, "the audit chain is broken");
                            AuditOutcome::Refused
                        }
                    };
                    let detail = format!("{} events", checked.events);
                    change.audit = vec![AuditEntry {
                        action: AuditAction::Verify,
                        object: "audit".to_owned(),
                        outcome,
                        detail,
                    }];
                    change.puts = vec![said("verified", json!(checked))];
                }
                Err(error) => tracing::error!(%error, "the audit chain could not be walked"),
            }
            if let Err(error) = self.storage.apply(&Scope::node("audit"), change).await {
                tracing::warn!(%error, "what is told of the audit trail is old");
            }
        }
    }

    async fn walked(&self) -> Result<Checked> {
        // Before the file is read: what the node signs meanwhile is in the file first.
        let told = self.storage.audit_heads_told().await?;
        let at_ms = now_ms();
        let (signed, mut fault) = match heads::read(&self.heads, &self.signer.public_key())? {
            Ok(heads) => (heads, None),
            Err(broken) => {
                let number = i64::try_from(broken.line).unwrap_or(i64::MAX);
                (Vec::new(), Some(Fault { what: "heads_file", number, why: broken.why.to_owned() }))
            }
        };
        let verdict = self.storage.audit_verify_against(&signed).await?;
        if let Some((number, why)) = verdict.broken_at {
            fault = Some(Fault { what: "event", number, why: why.to_owned() });
        } else if fault.is_none() {
            fault = heads::missing(&told, &signed).map(|number| Fault {
                what: "head",
                number,
                why: "a head that was signed is not in the file".to_owned(),
            });
        }
        Ok(Checked { at_ms, events: verdict.events, anchored: verdict.anchored, fault })
    }

    async fn send(&self, target: &Target, source: &Source) {
        let mut sender = Sender::new(target.clone(), source.clone());
        let mut sent = loop {
            let said = self.storage.record(&crate::maintenance::scope(), STATE, "sending").await;
            match sent_so_far(said.map(|record| record.body), target) {
                Ok(sent) => break sent,
                Err(error) => {
                    tracing::warn!(%error, "the audit trail is sent later");
                    sleep(AFTER_FAILURE).await;
                }
            }
        };
        let mut told = -1;
        loop {
            let events = match self.storage.audit_after(sent, AT_ONCE).await {
                Ok(events) => events,
                Err(error) => {
                    tracing::warn!(%error, "the audit trail is sent later");
                    sleep(AFTER_FAILURE).await;
                    continue;
                }
            };
            let Some(last) = events.last().map(|event| event.seq) else {
                if told != sent {
                    told = sent;
                    self.tell_sending(target, sent, None).await;
                }
                sleep(PAUSE).await;
                continue;
            };
            match sender.send(&events).await {
                Ok(()) => {
                    sent = last;
                    // Once a page: what is sent twice after a crash does no harm.
                    self.tell_sending(target, sent, None).await;
                    told = sent;
                }
                Err(error) => {
                    tracing::warn!(%error, "the audit trail is sent later");
                    self.tell_sending(target, sent, Some(error.to_string())).await;
                    sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    async fn tell_sending(&self, target: &Target, seq: i64, error: Option<String>) {
        let said = json!({"to": target.address, "seq": seq, "at_ms": now_ms(), "error": error});
        tell(&self.storage, "sending", said).await;
    }
}

/// How far sending to this repository has come, by what is told of it: nothing to one that is new. What cannot be read says
/// nothing, and is no reason to send everything again.
fn sent_so_far(said: Result<serde_json::Value, StorageError>, target: &Target) -> Result<i64, StorageError> {
    match said {
        Ok(body) if body["to"] == target.address.as_str() => Ok(body["seq"].as_i64().unwrap_or(0)),
        Ok(_) | Err(StorageError::NotFound) => Ok(0),
        Err(error) => Err(error),
    }
}

fn now_ms() -> i64 {
    model::time_text::unix_ms(OffsetDateTime::now_utc())
}

pub(super) async fn tell_head(storage: &Storage, head: &Head) {
    tell(storage, "head", json!({"seq": head.seq, "at_ms": head.at_ms, "hash": head.hash})).await;
}

fn said(id: &str, body: serde_json::Value) -> Put {
    Put {
        kind: STATE,
        id: id.to_owned(),
        expected: Expected::Anything,
        body,
        keys: Vec::new(),
        unique: Vec::new(),
        sort: 0,
        visible_to: Vec::new(),
    }
}

async fn tell(storage: &Storage, id: &str, body: serde_json::Value) {
    let change = Change { puts: vec![said(id, body)], ..Change::default() };
    if let Err(error) = storage.apply(&crate::maintenance::scope(), change).await {
        tracing::warn!(%error, "what is told of the audit trail is old");
    }
}

async fn forget(storage: &Storage, id: &str) {
    let change = Change { forgets: vec![(STATE, id.to_owned())], ..Change::default() };
    if let Err(error) = storage.apply(&crate::maintenance::scope(), change).await {
        tracing::warn!(%error, "what is told of the audit trail is old");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::Reach;
    use pacs::atna::Transport;

    #[test]
    fn an_index_that_cannot_be_read_is_no_reason_to_send_everything_again() {
        let target = Target {
            address: "127.0.0.1:601".to_owned(),
            reach: Reach::default(),
            transport: Transport::Tcp,
            authorities_pem: String::new(),
        };
        let so_far = |said| sent_so_far(said, &target);
        assert_eq!(so_far(Ok(json!({"to": "127.0.0.1:601", "seq": 7}))), Ok(7));
        assert_eq!(so_far(Ok(json!({"to": "127.0.0.1:602", "seq": 7}))), Ok(0));
        assert_eq!(so_far(Err(StorageError::NotFound)), Ok(0));
        let busy = StorageError::Unavailable("busy".to_owned());
        assert_eq!(so_far(Err(busy.clone())), Err(busy));
    }
}
