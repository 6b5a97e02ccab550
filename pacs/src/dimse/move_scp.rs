//! C-MOVE as provider (PS3.4 §C.4.2, PS3.7 §9.3.4): the instances go to a device of the caller's own organisation over
//! associations of ours; progress and the end are told on the caller's.

use super::association::{Association, Request, Stop};
use super::command::tag;
use super::requestor::{Link, Proposal, RequestError, Requestor, dial};
use super::retrieve::{self, Counts};
use super::status;
use super::transfer::{self, Originator, Sent, first_load};
use access::{Contact, Device};
use std::time::Duration;
use storage::{InstanceRef, StorageError};
use tokio::io::{AsyncRead, AsyncWrite};

/// Serves a C-MOVE-RQ.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
) -> Result<(), Stop> {
    association.node.counters.moves.add(1);
    let instances = match retrieve::understand(association, request).await? {
        Ok(instances) => instances,
        Err((status, comment)) => return association.refuse(request, status, &comment).await,
    };
    let (device, contact) = match destination(association, request).await {
        Ok(found) => found,
        Err((status, comment)) => return association.refuse(request, status, &comment).await,
    };
    let detail = format!("c-move to {}", device.ae_title);
    if let Err(error) = retrieve::audit(association, &instances, &detail).await {
        return association.refuse(request, status::of_find(&error), &status::comment(&error)).await;
    }
    let mut counts = Counts::new(instances.len());
    let status = match deliver(association, request, (&device, &contact), &instances, &mut counts).await? {
        End::Done => counts.final_status(),
        End::Cancelled => status::CANCELLED,
    };
    retrieve::conclude(association, request, &counts, status).await
}

enum End {
    Done,
    Cancelled,
}

/// The device that is named, when it is one of the caller's organisation and can be called. Of others nothing is said.
async fn destination<S>(
    association: &Association<'_, S>,
    request: &Request,
) -> Result<(Device, Contact), (u16, String)> {
    let unknown = || (status::MOVE_DESTINATION_UNKNOWN, "the move destination is not known here".to_owned());
    let title = request.command.ae_title(tag::MOVE_DESTINATION).ok_or_else(unknown)?;
    let device = match association.node.storage.device(&title).await {
        Ok(device) => device,
        Err(StorageError::NotFound) => return Err(unknown()),
        Err(error) => return Err((status::of_find(&error), status::comment(&error))),
    };
    match &device.contact {
        Some(contact) if device.organisation == *association.caller.organisation() => {
            let contact = contact.clone();
            Ok((device, contact))
        }
        _ => Err(unknown()),
    }
}

async fn deliver<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
    destination: (&Device, &Contact),
    instances: &[InstanceRef],
    counts: &mut Counts,
) -> Result<End, Stop> {
    let originator = Originator {
        ae_title: association.calling.clone(),
        message_id: request.command.u16(tag::MESSAGE_ID).unwrap_or(0),
    };
    let mut left = instances;
    while !left.is_empty() {
        let load = first_load(left);
        let mut peer = None;
        for instance in load.instances {
            if retrieve::is_cancelled(association, request).await? {
                close(peer).await;
                return Ok(End::Cancelled);
            }
            // An instance on which the peer gave up does not take the others with it.
            let mut open = match peer.take() {
                Some(open) => open,
                None => match connect(association, destination, &load.contexts).await {
                    Ok(open) => open,
                    Err(error) => {
                        tracing::info!(%error, "a move destination is out of reach");
                        return Ok(give_up(counts, left, instance));
                    }
                },
            };
            let storage = &association.node.storage;
            let sent = match transfer::store(&mut open, storage, instance, Some(&originator)).await {
                Ok(sent) => {
                    peer = Some(open);
                    sent
                }
                Err(error) => {
                    tracing::info!(%error, "a move destination broke off");
                    open.abandon().await;
                    Sent::Unsendable("the association broke off")
                }
            };
            counts.note(instance, &sent);
            if counts.remaining > 0 {
                retrieve::report_progress(association, request, counts).await?;
            }
        }
        close(peer).await;
        left = left.get(load.instances.len()..).unwrap_or_default();
    }
    Ok(End::Done)
}

/// Everything from this instance on has failed.
fn give_up(counts: &mut Counts, left: &[InstanceRef], from: &InstanceRef) -> End {
    let rest = left.iter().skip_while(|instance| instance.instance() != from.instance());
    for instance in rest {
        counts.note(instance, &Sent::Unsendable("the move destination is out of reach"));
    }
    End::Done
}

async fn connect<S>(
    association: &Association<'_, S>,
    (device, contact): (&Device, &Contact),
    contexts: &[super::requestor::Proposed],
) -> Result<Requestor<Link>, RequestError> {
    let config = &association.node.config;
    let timeout = Duration::from_millis(config.limits.artim_timeout_ms);
    let proposal = Proposal {
        calling: config.ae_title.clone(),
        called: device.ae_title.clone(),
        contexts: contexts.to_vec(),
        provided: Vec::new(),
    };
    let stream = dial(contact, &config.reach, config.tls_request.as_ref(), timeout).await?;
    Requestor::associate(stream, &proposal, Duration::from_millis(config.limits.dimse_idle_timeout_ms)).await
}

async fn close(peer: Option<Requestor<Link>>) {
    if let Some(mut peer) = peer
        && let Err(error) = peer.release().await
    {
        tracing::debug!(%error, "a release was not confirmed");
    }
}
