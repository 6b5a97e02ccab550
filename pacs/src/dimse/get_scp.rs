//! C-GET as provider (PS3.4 §C.4.3, PS3.7 §9.3.3): the instances go back over the caller's own association, on contexts
//! for which it took the provider's role.

use super::association::{Association, Request, Stop};
use super::command::{field, tag};
use super::pdu::AbortReason;
use super::retrieve::{self, Counts};
use super::status;
use super::transfer::{self, Broken, Sent};
use storage::InstanceRef;
use tokio::io::{AsyncRead, AsyncWrite};

/// Serves a C-GET-RQ.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
) -> Result<(), Stop> {
    association.node.counters.gets.add(1);
    let instances = match retrieve::understand(association, request).await? {
        Ok(instances) => instances,
        Err((status, comment)) => return association.refuse(request, status, &comment).await,
    };
    if let Err(error) = retrieve::audit(association, &instances, "c-get").await {
        return association.refuse(request, status::of_find(&error), &status::comment(&error)).await;
    }
    let mut counts = Counts::new(instances.len());
    for instance in &instances {
        if retrieve::is_cancelled(association, request).await? {
            return retrieve::conclude(association, request, &counts, status::CANCELLED).await;
        }
        let end = send(association, request, instance).await?;
        counts.note(instance, &end.sent);
        if end.cancelled == Cancelled::Yes {
            return retrieve::conclude(association, request, &counts, status::CANCELLED).await;
        }
        if counts.remaining > 0 {
            retrieve::report_progress(association, request, &counts).await?;
        }
    }
    let status = counts.final_status();
    retrieve::conclude(association, request, &counts, status).await
}

/// Whether a C-CANCEL came while the answer to a sub-operation was awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancelled {
    Yes,
    No,
}

struct End {
    sent: Sent,
    cancelled: Cancelled,
}

async fn send<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
    instance: &InstanceRef,
) -> Result<End, Stop> {
    let not_sent = |why| Ok(End { sent: Sent::Unsendable(why), cancelled: Cancelled::No });
    let agreed = &association.agreed;
    let contexts = agreed
        .contexts
        .iter()
        .filter(|(_, context)| agreed.stores_to_requestor.contains(&context.abstract_syntax))
        .map(|(id, context)| (*id, context.abstract_syntax.as_str(), &context.transfer_syntax));
    let Some(way) = transfer::way(instance, contexts) else {
        return not_sent(
            "the requestor does not take its SOP class, or no transfer syntax that it can be had in",
        );
    };
    let message_id = association.next_message_id();
    let command = transfer::request(instance, message_id, None);
    let pdu_bytes_max = association.agreed.pdu_bytes_max;
    let storage = &association.node.storage;
    match transfer::send(&mut association.wire, pdu_bytes_max, storage, instance, &way, &command).await {
        Ok(None) => {}
        Ok(Some(why)) => return not_sent(why),
        Err(Broken::Wire(error)) => return Err(error.into()),
        Err(Broken::Storage(error)) => {
            tracing::warn!(%error, "an instance cannot be read to its end");
            return Err(Stop::AbortAsUser);
        }
    }
    let mut cancelled = Cancelled::No;
    loop {
        let answer = association.receive_command().await?;
        match answer.command.field() {
            field::C_CANCEL_RQ => {
                let about = answer.command.u16(tag::MESSAGE_ID_BEING_RESPONDED_TO);
                if about == request.command.u16(tag::MESSAGE_ID) {
                    cancelled = Cancelled::Yes;
                }
            }
            code if code == field::C_STORE_RQ | field::RESPONSE => {
                if answer.command.u16(tag::MESSAGE_ID_BEING_RESPONDED_TO) != Some(message_id) {
                    return Err(Stop::Abort(AbortReason::UnexpectedPdu));
                }
                association.skip_data_set(&answer).await?;
                return Ok(End { sent: transfer::outcome(answer.command.u16(tag::STATUS)), cancelled });
            }
            _ => return Err(Stop::Abort(AbortReason::UnexpectedPdu)),
        }
    }
}
