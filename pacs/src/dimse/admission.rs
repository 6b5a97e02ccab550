//! Who may enter: an A-ASSOCIATE-RQ against the devices that the node knows, their rules, and the caps.

use super::identity;
use super::negotiate::{self, Agreed};
use super::pdu::{AssociateAc, AssociateRq, Rejection};
use super::seats::Seat;
use super::server::Node;
use access::{Caller, Presented};
use dataset::charset::Assumed;
use model::{Actor, ActorKind, AeTitle, Scope};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use storage::{AuditAction, AuditEntry, AuditOutcome, StorageError};

/// A request that has been let in.
pub(crate) struct Admitted {
    pub ac: AssociateAc,
    pub agreed: Agreed,
    pub caller: Caller,
    /// What its texts are taken for where their label says nothing of use.
    pub assumed_charset: Option<Assumed>,
    /// The title that the peer called with.
    pub calling: AeTitle,
    pub seat: Seat<AeTitle>,
}

/// A request that is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What the peer is told.
    pub rejection: Rejection,
    /// What log and audit are told.
    pub why: &'static str,
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self { rejection, why: rejection.word() }
    }
}

/// AE-6: whether the request is accepted.
///
/// Who breaks a rule of its device is told the same as who is not known: an AE title that can be guessed must not tell
/// which addresses to try.
///
/// # Errors
/// The [`Refusal`].
pub(crate) async fn admit(node: &Node, rq: &AssociateRq, presented: &Presented) -> Result<Admitted, Refusal> {
    let calling = negotiate::titles(rq, &node.config.ae_title)?;
    let device = match node.storage.device(&calling).await {
        Ok(device) => device,
        Err(StorageError::NotFound) => return Err(Rejection::CallingAeTitle.into()),
        Err(_) => return Err(Rejection::TemporaryCongestion.into()),
    };
    if let Err(breach) = device.admits(presented) {
        return Err(Refusal { rejection: Rejection::CallingAeTitle, why: breach.word() });
    }
    let seat = node.seats.take(&calling).ok_or(Rejection::LocalLimitExceeded)?;
    let identity_accepted = match &rq.user_identity {
        Some(offered) => identity::check(node, &device, offered, presented.address).await?,
        None => false,
    };
    let limits = &node.config.limits;
    let contexts_max = limits.presentation_contexts_max;
    let (ac, agreed) = negotiate::answer(
        rq,
        &node.config.storage_policy,
        limits.pdu_bytes_max,
        contexts_max,
        identity_accepted,
    )?;
    node.storage.note_device(&device, presented.address);
    let assumed_charset = device.assumed_character_set.as_deref().and_then(Assumed::parse);
    let caller = Caller::device(&device, Some(presented.address));
    Ok(Admitted { ac, agreed, caller, assumed_charset, calling, seat })
}

/// Refusals on the audit chain, bounded: a peer that knocks without end must not fill it.
#[derive(Debug, Default)]
pub(crate) struct RefusalAudits(Mutex<Option<(Instant, u32)>>);

/// Refusals recorded in one minute at most.
const REFUSAL_AUDITS_PER_MINUTE: u32 = 120;

impl RefusalAudits {
    fn take(&self, now: Instant) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *window {
            Some((begin, count)) if now.duration_since(*begin) < Duration::from_secs(60) => {
                *count += 1;
                *count <= REFUSAL_AUDITS_PER_MINUTE
            }
            other => {
                *other = Some((now, 1));
                true
            }
        }
    }
}

/// Writes a refusal to log and audit chain.
pub(crate) async fn note_refusal(node: &Node, rq: &AssociateRq, peer: IpAddr, refusal: Refusal) {
    node.counters.associations_rejected.add(1);
    let calling = negotiate::title(&rq.calling);
    let title = calling.as_ref().map_or("", AeTitle::as_str);
    tracing::info!(ae = title, %peer, reason = refusal.why, "association rejected");
    audit_refusal(node, title, peer, refusal.why).await;
}

/// Writes to log and audit chain that a transport did not become TLS.
pub(crate) async fn note_no_tls(node: &Node, peer: IpAddr, why: &'static str) {
    node.counters.tls_handshakes_failed.add(1);
    tracing::info!(%peer, reason = why, "no TLS");
    audit_refusal(node, "", peer, why).await;
}

async fn audit_refusal(node: &Node, title: &str, peer: IpAddr, why: &'static str) {
    if !node.refusal_audits.take(Instant::now()) {
        return;
    }
    let actor = Actor { kind: ActorKind::Ae, id: title.to_owned(), address: Some(peer) };
    let entry = AuditEntry {
        action: AuditAction::Login,
        object: format!("ae/{title}"),
        outcome: AuditOutcome::Refused,
        detail: why.to_owned(),
    };
    // The actor is nobody's yet, so the record belongs to the node.
    if let Err(error) = node.storage.audit(&Scope { actor, ..Scope::node("") }, entry).await {
        tracing::warn!(%error, "a refusal could not be audited");
    }
}
