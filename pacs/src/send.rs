//! C-STORE as user of objects that are not kept here: what somebody above has made for another node.

use crate::dimse::DimseConfig;
use crate::dimse::RequestError;
use crate::dimse::command::tag;
use crate::dimse::requestor::{Link, Proposal, Proposed, Requestor, dial};
use crate::dimse::transfer::{Sent, outcome, request_of};
use access::Contact;
use dataset::Dataset;
use model::{AeTitle, Uid};
use std::time::Duration;

/// (PS3.4 Table B.2-1, PS3.7 §C.5.5): the peer has an instance with this UID already.
const DUPLICATE: u16 = 0x0111;

/// An object to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Outbound {
    /// SOP Class UID.
    pub class: Uid,
    /// SOP Instance UID.
    pub instance: Uid,
    /// The data set, whole.
    pub data_set: Dataset,
}

/// What the peer says to one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It has it, now or already.
    Stored,
    /// It does not take its SOP class.
    NotServed,
    /// It refuses it, with this status.
    Refused(u16),
}

/// Sends objects in order on one association; the answers in the same order. After a refusal nothing more is sent.
///
/// # Errors
/// [`RequestError`]: nothing is known of what was not answered.
pub async fn store(
    config: &DimseConfig,
    contact: &Contact,
    called: &AeTitle,
    objects: &[Outbound],
) -> Result<Vec<Answer>, RequestError> {
    let mut contexts: Vec<Proposed> = Vec::new();
    for object in objects {
        let proposed = Proposed::plain(object.class.as_str());
        if !contexts.contains(&proposed) {
            contexts.push(proposed);
        }
    }
    let proposal =
        Proposal { calling: config.ae_title.clone(), called: called.clone(), contexts, provided: Vec::new() };
    let limits = &config.limits;
    let open = dial(
        contact,
        &config.reach,
        config.tls_request.as_ref(),
        Duration::from_millis(limits.artim_timeout_ms),
    )
    .await?;
    let idle = Duration::from_millis(limits.dimse_idle_timeout_ms);
    let mut peer = Requestor::associate(open, &proposal, idle).await?;
    let mut answers = Vec::with_capacity(objects.len());
    for object in objects {
        let answer = one(&mut peer, object).await?;
        answers.push(answer);
        if answer != Answer::Stored {
            break;
        }
    }
    if let Err(error) = peer.release().await {
        tracing::debug!(%error, "a release was not confirmed");
    }
    Ok(answers)
}

async fn one(peer: &mut Requestor<Link>, object: &Outbound) -> Result<Answer, RequestError> {
    let Ok(context) = peer.context(object.class.as_str()) else { return Ok(Answer::NotServed) };
    let bytes = dataset::write::to_bytes(&object.data_set, &context.transfer_syntax);
    let message_id = peer.next_message_id();
    let command = request_of(&object.class, &object.instance, message_id);
    peer.send(context.id, &command, Some(&bytes)).await?;
    let response = peer.response(message_id).await?;
    Ok(match outcome(response.u16(tag::STATUS)) {
        Sent::Stored | Sent::StoredWithWarning | Sent::Refused(DUPLICATE) => Answer::Stored,
        Sent::Refused(status) => Answer::Refused(status),
        Sent::Unsendable(_) => return Err(RequestError::Protocol("a response without a status")),
    })
}
