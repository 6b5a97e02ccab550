//! C-STORE as user (PS3.4 Annex B, PS3.7 §9.3.1): an instance streamed from storage onto an association, as it is kept
//! wherever the peer takes that.

use super::command::{Command, field, tag};
use super::requestor::{CONTEXTS_MAX, Proposed, RequestError, Requestor};
use super::wire::{FragmentEnd, FragmentKind, Wire, WireError, put_part, put_pdata};
use crate::transcode;
use bytes::Bytes;
use dataset::TransferSyntax;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _, stream};
use model::{AeTitle, Uid};
use storage::{InstanceRef, Storage, StorageError};
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes read from storage and written at once; even, so that parts are.
const PART_BYTES: u64 = 256 << 10;

/// On whose C-MOVE an instance is sent (PS3.7 §9.3.1.1).
#[derive(Debug, Clone)]
pub(crate) struct Originator {
    pub ae_title: AeTitle,
    pub message_id: u16,
}

/// What became of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The peer has it.
    Stored,
    /// The peer has it, and has changed or left out something (PS3.4 Table B.2-1).
    StoredWithWarning,
    /// The peer refused it, with this status.
    Refused(u16),
    /// It could not be sent: no presentation context that fits, no transcoding, or it cannot be read here.
    Unsendable(&'static str),
}

/// A presentation context for an instance, and the transfer syntax that it is to be sent in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    pub context_id: u8,
    pub transfer_syntax: TransferSyntax,
}

/// The context for an instance: the stored transfer syntax before uncompressed ones, and those before any other.
pub(crate) fn way<'a>(
    instance: &InstanceRef,
    contexts: impl Iterator<Item = (u8, &'a str, &'a TransferSyntax)>,
) -> Option<Way> {
    let rank = |syntax: &TransferSyntax| match syntax.as_str() {
        _ if syntax == instance.syntax() => 0,
        TransferSyntax::EXPLICIT_LITTLE => 1,
        TransferSyntax::IMPLICIT_LITTLE => 2,
        _ => 3,
    };
    contexts
        .filter(|(_, class, syntax)| {
            *class == instance.sop_class().as_str() && transcode::is_possible(instance, syntax)
        })
        .min_by_key(|(.., syntax)| rank(syntax))
        .map(|(context_id, _, syntax)| Way { context_id, transfer_syntax: syntax.clone() })
}

/// Instances in a row that one association can carry, and its contexts: the stored transfer syntax of each SOP class
/// in a context of its own, so that the peer can say yes to it, and beside it the uncompressed ones.
pub(crate) struct Load<'a> {
    pub instances: &'a [InstanceRef],
    pub contexts: Vec<Proposed>,
}

/// The first load of a list; what is left over is for the next association.
pub(crate) fn first_load(instances: &[InstanceRef]) -> Load<'_> {
    let mut contexts: Vec<Proposed> = Vec::new();
    for (at, instance) in instances.iter().enumerate() {
        let wanted = proposed(instance.sop_class(), instance.syntax());
        let new: Vec<Proposed> = wanted.into_iter().filter(|one| !contexts.contains(one)).collect();
        if contexts.len() + new.len() > CONTEXTS_MAX {
            return Load { instances: &instances[..at], contexts };
        }
        contexts.extend(new);
    }
    Load { instances, contexts }
}

fn proposed(class: &Uid, stored: &TransferSyntax) -> [Proposed; 2] {
    const PLAIN: [&str; 2] = [TransferSyntax::EXPLICIT_LITTLE, TransferSyntax::IMPLICIT_LITTLE];
    let context = |syntaxes: Vec<&str>| Proposed {
        abstract_syntax: class.to_string(),
        transfer_syntaxes: syntaxes.into_iter().map(str::to_owned).collect(),
    };
    let others = PLAIN.into_iter().filter(|plain| *plain != stored.as_str()).collect();
    [context(vec![stored.as_str()]), context(others)]
}

/// Why the rest of a message cannot be sent, so that the association is of no more use.
pub(crate) enum Broken {
    Wire(WireError),
    Storage(StorageError),
}

/// Sends a C-STORE-RQ with its data set. `Ok(Some(why))`: it cannot be sent, and nothing was.
pub(crate) async fn send<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    pdu_bytes_max: u32,
    storage: &Storage,
    instance: &InstanceRef,
    way: &Way,
    command: &Command,
) -> Result<Option<&'static str>, Broken> {
    let mut parts: Parts = if way.transfer_syntax == *instance.syntax() && !instance.is_corrected() {
        stored(storage, instance).boxed()
    } else {
        match transcode::data_set(storage, instance, &way.transfer_syntax).await {
            Ok(parts) => parts.boxed(),
            Err(error) => {
                tracing::info!(%error, to = %way.transfer_syntax, "an instance cannot be transcoded");
                return Ok(Some("it cannot be had in a transfer syntax that the peer takes"));
            }
        }
    };
    // The first part is read before anything is sent: what cannot be read leaves the association as it was.
    let Some(Ok(mut current)) = parts.next().await else { return Ok(Some("it cannot be read")) };
    let mut out = Vec::with_capacity(usize::try_from(PART_BYTES).unwrap_or(0) + 4096);
    put_pdata(&mut out, way.context_id, FragmentKind::Command, &command.encode(), pdu_bytes_max);
    let mut part = Vec::new();
    loop {
        let next = parts.next().await.transpose().map_err(Broken::Storage)?;
        part.extend_from_slice(&current);
        // Only the last part may be of odd length: a byte waits for the next.
        let odd = if next.is_some() && part.len() % 2 == 1 { part.pop() } else { None };
        let end = if next.is_none() { FragmentEnd::Last } else { FragmentEnd::Open };
        if end == FragmentEnd::Last || !part.is_empty() {
            put_part(&mut out, way.context_id, FragmentKind::Data, &part, end, pdu_bytes_max);
            wire.write(&out).await.map_err(Broken::Wire)?;
            out.clear();
        }
        part.clear();
        part.extend(odd);
        match next {
            Some(next) => current = next,
            None => return Ok(None),
        }
    }
}

/// A data set in pieces.
type Parts = BoxStream<'static, Result<Bytes, StorageError>>;

/// The data set as it is kept.
fn stored(
    storage: &Storage,
    instance: &InstanceRef,
) -> impl Stream<Item = Result<Bytes, StorageError>> + Send + use<> {
    let (storage, instance, offset) = (storage.clone(), instance.clone(), instance.head_length());
    stream::try_unfold(offset, move |offset| {
        let (storage, instance) = (storage.clone(), instance.clone());
        async move {
            let until = instance.file_length().min(offset.saturating_add(PART_BYTES));
            if until == offset {
                return Ok(None);
            }
            let part = storage.read(&instance, offset..until).await?;
            if part.is_empty() {
                return Err(StorageError::Corrupt("an object is shorter than the index says"));
            }
            let next = offset + part.len() as u64;
            Ok(Some((part, next)))
        }
    })
}

/// The C-STORE-RQ of an instance.
pub(crate) fn request(instance: &InstanceRef, message_id: u16, originator: Option<&Originator>) -> Command {
    let command = request_of(instance.sop_class(), instance.instance(), message_id);
    match originator {
        None => command,
        Some(originator) => command
            .with_text(tag::MOVE_ORIGINATOR_AE_TITLE, originator.ae_title.as_str())
            .with_u16(tag::MOVE_ORIGINATOR_MESSAGE_ID, originator.message_id),
    }
}

/// The C-STORE-RQ of an instance of this class.
pub(crate) fn request_of(class: &Uid, instance: &Uid, message_id: u16) -> Command {
    Command::default()
        .with_uid(tag::AFFECTED_SOP_CLASS_UID, class.as_str())
        .with_u16(tag::COMMAND_FIELD, field::C_STORE_RQ)
        .with_u16(tag::MESSAGE_ID, message_id)
        .with_u16(tag::PRIORITY, 0)
        .with_u16(tag::COMMAND_DATA_SET_TYPE, 0)
        .with_uid(tag::AFFECTED_SOP_INSTANCE_UID, instance.as_str())
}

/// What the status of a C-STORE-RSP says (PS3.4 §B.2.3, PS3.7 Annex C).
pub(crate) fn outcome(status: Option<u16>) -> Sent {
    match status {
        Some(0) => Sent::Stored,
        Some(0x0001 | 0x0107 | 0x0116 | 0xB000..=0xBFFF) => Sent::StoredWithWarning,
        Some(status) => Sent::Refused(status),
        None => Sent::Unsendable("the peer's answer has no status"),
    }
}

/// Sends one instance on an association of ours and waits for the answer.
///
/// # Errors
/// [`RequestError`]: the association is of no more use.
pub(crate) async fn store<S: AsyncRead + AsyncWrite + Unpin>(
    requestor: &mut Requestor<S>,
    storage: &Storage,
    instance: &InstanceRef,
    originator: Option<&Originator>,
) -> Result<Sent, RequestError> {
    let accepted = requestor.accepted().iter();
    let contexts = accepted.map(|c| (c.id, c.abstract_syntax.as_str(), &c.transfer_syntax));
    let Some(way) = way(instance, contexts) else {
        return Ok(Sent::Unsendable(
            "the peer does not take its SOP class, or no transfer syntax that it can be had in",
        ));
    };
    let message_id = requestor.next_message_id();
    let command = request(instance, message_id, originator);
    let pdu_bytes_max = requestor.pdu_bytes_max();
    match send(requestor.wire(), pdu_bytes_max, storage, instance, &way, &command).await {
        Ok(None) => Ok(outcome(requestor.response(message_id).await?.u16(tag::STATUS))),
        Ok(Some(why)) => Ok(Sent::Unsendable(why)),
        Err(Broken::Wire(error)) => Err(error.into()),
        Err(Broken::Storage(error)) => {
            tracing::warn!(%error, "an instance cannot be read to its end");
            Err(RequestError::Protocol("an instance could not be read to its end"))
        }
    }
}
