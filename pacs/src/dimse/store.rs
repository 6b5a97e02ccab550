//! C-STORE as provider (PS3.4 Annex B, PS3.7 §9.3.1): PDVs go into storage's sink as they come; the response is sent
//! when the instance is durable.

use super::association::{Association, Request, Stop};
use super::command::tag;
use super::status;
use super::wire::FragmentEnd;
use storage::{Arrival, StorageError, Stored, Via};
use tokio::io::{AsyncRead, AsyncWrite};

/// Serves a C-STORE-RQ.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
) -> Result<(), Stop> {
    let arrival = match arrival(association, request) {
        Ok(arrival) => arrival,
        Err((status, comment)) => {
            association.skip_data_set(request).await?;
            association.node.counters.instances_refused.add(1);
            return association.refuse(request, status, comment).await;
        }
    };
    let counters = &association.node.counters;
    match receive(association, request, arrival).await? {
        // Also what was there already, and what is kept apart from another of the same UID: the sender may forget it.
        Ok(_) => {
            counters.instances_stored.add(1);
            association.respond(request, &request.command.response(status::SUCCESS)).await
        }
        Err(error) => {
            counters.instances_refused.add(1);
            let (status, comment) = (status::of_store(&error), status::comment(&error));
            tracing::info!(status, %comment, "an instance was refused");
            association.refuse(request, status, &comment).await
        }
    }
}

/// What is known before the first byte, or the status of the refusal.
fn arrival<S>(association: &Association<'_, S>, request: &Request) -> Result<Arrival, (u16, &'static str)> {
    let class = request.command.uid(tag::AFFECTED_SOP_CLASS_UID);
    let Some(class) = class.filter(|class| class.as_str() == request.context.abstract_syntax) else {
        return Err((status::SOP_CLASS_NOT_SUPPORTED, "not the SOP class of its presentation context"));
    };
    let Some(instance) = request.command.uid(tag::AFFECTED_SOP_INSTANCE_UID) else {
        return Err((status::INVALID_OBJECT_INSTANCE, "the Affected SOP Instance UID is no UID"));
    };
    if !request.command.announces_data_set() {
        return Err((status::CANNOT_UNDERSTAND, "no data set"));
    }
    let owner = association.caller.organisation().clone();
    Ok(Arrival { owner, via: Via::Dimse, declared: Some((class, instance)) })
}

/// Takes the whole data set, whatever storage says of it, so that the association survives a refusal; after one, up to
/// `Limits::refused_bytes_max`.
async fn receive<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
    arrival: Arrival,
) -> Result<Result<Stored, StorageError>, Stop> {
    let node = association.node;
    let syntax = request.context.transfer_syntax.clone();
    let mut sink = node.storage.sink(association.caller.scope(), arrival, syntax).await;
    if let (Ok(sink), Some(assumed)) = (&mut sink, association.assumed_charset) {
        sink.assume_charset(assumed);
    }
    let limits = &node.config.limits;
    let (mut length, mut left_length) = (0_u64, 0_u64);
    loop {
        let (count, end, result) = match &mut sink {
            // Straight from the transport to where they are written from.
            Ok(open) => {
                let room = match open.room().await {
                    Ok(room) => room,
                    Err(error) => {
                        sink = Err(error);
                        continue;
                    }
                };
                let fragment = association.receive_data_into(request, room).await?;
                let (count, end) = (fragment.bytes.len(), fragment.end);
                (count, end, open.filled(count))
            }
            Err(_) => {
                let fragment = association.receive_data(request).await?;
                left_length += fragment.bytes.len() as u64;
                (fragment.bytes.len(), fragment.end, Ok(()))
            }
        };
        length += count as u64;
        if length > limits.object_bytes_max || left_length > limits.refused_bytes_max {
            tracing::info!("an object is longer than the limit");
            return Err(Stop::AbortAsUser);
        }
        if let Err(error) = result {
            sink = Err(error);
        }
        if end == FragmentEnd::Last {
            break;
        }
    }
    Ok(match sink {
        Ok(sink) => sink.commit().await,
        Err(error) => Err(error),
    })
}
