//! Storage Commitment, push model (PS3.4 Annex J): the request becomes a job, and the report goes out on the same
//! association or, when the requester has gone, on a new one to where it listens, until it is taken.

use super::association::{Association, Request, Stop};
use super::command::{Command, field, tag};
use super::requestor::{Proposal, Proposed, RequestError, Requestor, dial};
use super::server::DimseConfig;
use super::sop::{STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE};
use super::status;
use access::{Contact, Right};
use dataset::{Dataset, VR, tags};
use model::{AeTitle, OrgId, Scope, Uid};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, NewJob, Storage, StorageError};
use tokio::io::{AsyncRead, AsyncWrite};

/// The kind of its jobs.
pub(crate) const JOB: &str = "commitment";
/// How long the requester has to take the report on its own association before a new one is opened.
const SAME_ASSOCIATION: Duration = Duration::from_secs(5);
/// Instances of one request at most.
const REFERENCES_MAX: usize = 20_000;

/// What a requester asks to be promised: the body of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Commitment {
    /// Transaction UID (0008,1195).
    pub transaction: Uid,
    /// Who asked, and is to be told.
    pub requester: AeTitle,
    /// SOP class and SOP instance of each.
    pub references: Vec<(Uid, Uid)>,
}

impl Commitment {
    /// Reads the Action Information (PS3.4 Table J.3-1).
    ///
    /// # Errors
    /// The Error Comment of an 0115H.
    fn parse(requester: AeTitle, action: &Dataset) -> Result<Self, &'static str> {
        let transaction = action.uid(tags::TRANSACTION_UID).ok_or("the Transaction UID is missing")?;
        let items = action.items(tags::REFERENCED_SOP_SEQUENCE);
        if items.is_empty() || items.len() > REFERENCES_MAX {
            return Err("the Referenced SOP Sequence has no item, or too many");
        }
        let reference = |item: &Dataset| {
            Some((item.uid(tags::REFERENCED_SOP_CLASS_UID)?, item.uid(tags::REFERENCED_SOP_INSTANCE_UID)?))
        };
        let references = items.iter().map(reference).collect::<Option<Vec<_>>>();
        let references = references.ok_or("a reference lacks class or instance")?;
        Ok(Self { transaction, requester, references })
    }
}

/// What can be promised (PS3.4 §J.3.3): each reference, with the Failure Reason (PS3.3 §C.14.1.1) where it cannot.
fn verdicts(
    references: &[(Uid, Uid)],
    class_of: impl Fn(&Uid) -> Option<Uid>,
) -> Vec<(&(Uid, Uid), Option<u16>)> {
    let reason = |(class, instance): &(Uid, Uid)| match class_of(instance) {
        Some(held) if held == *class => None,
        Some(_) => Some(status::CLASS_INSTANCE_CONFLICT),
        None => Some(status::NO_SUCH_OBJECT_INSTANCE),
    };
    references.iter().map(|reference| (reference, reason(reference))).collect()
}

/// The Event Type ID and the Event Information of the report (PS3.4 Table J.3-2).
async fn report(
    storage: &Storage,
    owner: &OrgId,
    ours: &AeTitle,
    commitment: &Commitment,
) -> Result<(u16, Dataset), StorageError> {
    let instances: Vec<Uid> = commitment.references.iter().map(|(_, instance)| instance.clone()).collect();
    let held = storage.holdings(owner, &instances).await?;
    let verdicts = verdicts(&commitment.references, |instance| held.get(instance).cloned());
    let item = |(class, instance): &(Uid, Uid), reason: Option<u16>| {
        let mut item = Dataset::new();
        item.put_text(tags::REFERENCED_SOP_CLASS_UID, VR::UI, class.as_str());
        item.put_text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, instance.as_str());
        if let Some(reason) = reason {
            item.put_u16(tags::FAILURE_REASON, &[reason]);
        }
        item
    };
    let items = |failed: bool| -> Vec<Dataset> {
        let some = verdicts.iter().filter(|(_, reason)| reason.is_some() == failed);
        some.map(|(reference, reason)| item(reference, *reason)).collect()
    };
    let (kept, failed) = (items(false), items(true));
    let mut information = Dataset::new();
    information.put_text(tags::RETRIEVE_AE_TITLE, VR::AE, ours.as_str());
    information.put_text(tags::TRANSACTION_UID, VR::UI, commitment.transaction.as_str());
    if !kept.is_empty() {
        information.put_items(tags::REFERENCED_SOP_SEQUENCE, kept);
    }
    let event = if failed.is_empty() { 1 } else { 2 };
    if !failed.is_empty() {
        information.put_items(tags::FAILED_SOP_SEQUENCE, failed);
    }
    Ok((event, information))
}

fn event_report(message_id: u16, event: u16) -> Command {
    Command::default()
        .with_uid(tag::AFFECTED_SOP_CLASS_UID, STORAGE_COMMITMENT)
        .with_u16(tag::COMMAND_FIELD, field::N_EVENT_REPORT_RQ)
        .with_u16(tag::MESSAGE_ID, message_id)
        .with_u16(tag::COMMAND_DATA_SET_TYPE, 1)
        .with_uid(tag::AFFECTED_SOP_INSTANCE_UID, STORAGE_COMMITMENT_INSTANCE)
        .with_u16(tag::EVENT_TYPE_ID, event)
}

/// Serves an N-ACTION-RQ: the promise to report is durable before it is given.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
) -> Result<(), Stop> {
    association.node.counters.commitments.add(1);
    let commitment = match understand(association, request).await? {
        Ok(commitment) => commitment,
        Err((status, comment)) => return association.refuse(request, status, comment).await,
    };
    if let Err(error) = remember(association, &commitment).await {
        let comment = status::comment(&error);
        return association.refuse(request, status::PROCESSING_FAILURE, &comment).await;
    }
    let response = request
        .command
        .response(status::SUCCESS)
        .with_uid(tag::AFFECTED_SOP_CLASS_UID, STORAGE_COMMITMENT)
        .with_uid(tag::AFFECTED_SOP_INSTANCE_UID, STORAGE_COMMITMENT_INSTANCE)
        .with_u16(tag::ACTION_TYPE_ID, 1);
    association.respond(request, &response).await?;
    tell(association, request, commitment).await
}

async fn understand<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
) -> Result<Result<Commitment, (u16, &'static str)>, Stop> {
    if !request.command.announces_data_set() {
        return Ok(Err((status::INVALID_ARGUMENT_VALUE, "no action information")));
    }
    let limits = &association.node.config.limits;
    let bytes = association.receive_small(request, limits.identifier_bytes_max as usize).await?;
    let Some(bytes) = bytes else {
        return Ok(Err((status::PROCESSING_FAILURE, "the action information is too long")));
    };
    if !association.caller.may(Right::Store) {
        return Ok(Err((status::NOT_AUTHORISED, "this AE may not store")));
    }
    if request.command.uid(tag::REQUESTED_SOP_CLASS_UID).is_none_or(|c| c.as_str() != STORAGE_COMMITMENT) {
        return Ok(Err((status::SOP_CLASS_NOT_SUPPORTED, "not the SOP class of its presentation context")));
    }
    let instance = request.command.uid(tag::REQUESTED_SOP_INSTANCE_UID);
    if instance.is_none_or(|instance| instance.as_str() != STORAGE_COMMITMENT_INSTANCE) {
        return Ok(Err((status::NO_SUCH_OBJECT_INSTANCE, "not the well-known SOP instance")));
    }
    if request.command.u16(tag::ACTION_TYPE_ID) != Some(1) {
        return Ok(Err((status::NO_SUCH_ACTION, "no such action")));
    }
    let Ok(scanned) = dataset::scan::scan(&bytes, &request.context.transfer_syntax, limits) else {
        return Ok(Err((status::INVALID_ARGUMENT_VALUE, "the action information is no data set")));
    };
    let commitment = Commitment::parse(association.calling.clone(), &scanned.dataset);
    Ok(commitment.map_err(|comment| (status::INVALID_ARGUMENT_VALUE, comment)))
}

async fn remember<S>(association: &Association<'_, S>, commitment: &Commitment) -> Result<(), StorageError> {
    let body = serde_json::to_value(commitment)
        .map_err(|_| StorageError::Unavailable("writing a job as JSON".to_owned()))?;
    let owner = association.caller.organisation().clone();
    let mut job = NewJob::new(JOB, commitment.requester.as_str(), owner, body);
    job.due_in = SAME_ASSOCIATION;
    let entry = AuditEntry {
        action: AuditAction::Search,
        object: format!("commitment/{}", commitment.transaction),
        outcome: AuditOutcome::Success,
        detail: format!("{} instances", commitment.references.len()),
    };
    let change = Change { jobs: vec![job], audit: vec![entry], ..Change::default() };
    association.node.storage.apply(association.caller.scope(), change).await
}

/// Sends the report on the requester's own association. What becomes of it is seen when the answer comes; when none
/// does, the job is still there.
async fn tell<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
    commitment: Commitment,
) -> Result<(), Stop> {
    let node = association.node;
    let owner = association.caller.organisation();
    let (event, information) = match report(&node.storage, owner, &node.config.ae_title, &commitment).await {
        Ok(report) => report,
        Err(error) => {
            tracing::warn!(%error, "a storage commitment is reported later");
            return Ok(());
        }
    };
    let message_id = association.next_message_id();
    let bytes = dataset::write::to_bytes(&information, &request.context.transfer_syntax);
    let mut out = Vec::with_capacity(bytes.len() + 1024);
    association.put_response(&mut out, request, &event_report(message_id, event), Some(&bytes));
    association.wire.write(&out).await?;
    association.reports.insert(message_id, commitment.transaction);
    Ok(())
}

/// Takes an N-EVENT-REPORT-RSP.
pub(crate) async fn told<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
) -> Result<(), Stop> {
    association.skip_data_set(request).await?;
    let id = request.command.u16(tag::MESSAGE_ID_BEING_RESPONDED_TO).unwrap_or(0);
    let Some(transaction) = association.reports.remove(&id) else { return Ok(()) };
    if request.command.u16(tag::STATUS) != Some(status::SUCCESS) {
        tracing::info!("a storage commitment's report was not taken; it is sent again on a new association");
        return Ok(());
    }
    let node = association.node;
    if let Err(error) = forget(&node.storage, &association.calling, &transaction).await {
        tracing::warn!(%error, "a storage commitment is reported twice");
    }
    Ok(())
}

async fn forget(storage: &Storage, requester: &AeTitle, transaction: &Uid) -> Result<(), StorageError> {
    let scope = Scope::node("storage commitment");
    for job in storage.jobs(&scope, JOB, Some(requester.as_str()), 1000, 0).await? {
        if job.body.get("transaction").and_then(|t| t.as_str()) == Some(transaction.as_str()) {
            storage.remove_job(&scope, JOB, job.id).await?;
        }
    }
    Ok(())
}

/// Reports on a new association to where the requester listens.
///
/// # Errors
/// [`RequestError`]: to be tried again.
pub(crate) async fn report_to(
    storage: &Storage,
    config: &DimseConfig,
    owner: &OrgId,
    contact: &Contact,
    commitment: &Commitment,
) -> Result<(), RequestError> {
    let proposal = Proposal {
        calling: config.ae_title.clone(),
        called: commitment.requester.clone(),
        contexts: vec![Proposed::plain(STORAGE_COMMITMENT)],
        provided: vec![STORAGE_COMMITMENT.to_owned()],
    };
    let found = report(storage, owner, &config.ae_title, commitment).await;
    let (event, information) =
        found.map_err(|_| RequestError::Protocol("what is held cannot be looked up now"))?;
    let timeout = Duration::from_millis(config.limits.artim_timeout_ms);
    let stream = dial(contact, &config.reach, config.tls_request.as_ref(), timeout).await?;
    let mut requestor = Requestor::associate(stream, &proposal, timeout).await?;
    let context = requestor.context(STORAGE_COMMITMENT)?;
    let message_id = requestor.next_message_id();
    let bytes = dataset::write::to_bytes(&information, &context.transfer_syntax);
    requestor.send(context.id, &event_report(message_id, event), Some(&bytes)).await?;
    let response = requestor.response(message_id).await?;
    if let Err(error) = requestor.release().await {
        tracing::debug!(%error, "a release was not confirmed");
    }
    match response.u16(tag::STATUS) {
        Some(status::SUCCESS) => Ok(()),
        Some(status) => Err(RequestError::Status(status)),
        None => Err(RequestError::Protocol("a response without a status")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(text: &str) -> Uid {
        Uid::parse(text).unwrap()
    }

    #[test]
    fn only_what_is_held_under_the_same_class_is_promised() {
        let (ct, mr) = (uid("1.2.840.10008.5.1.4.1.1.2"), uid("1.2.840.10008.5.1.4.1.1.4"));
        let references = [(ct.clone(), uid("1.1")), (mr, uid("1.2")), (ct.clone(), uid("1.3"))];
        let class_of = |instance: &Uid| (instance.as_str() != "1.3").then(|| ct.clone());
        let reasons: Vec<_> = verdicts(&references, class_of).into_iter().map(|(_, reason)| reason).collect();
        assert_eq!(reasons, [None, Some(0x0119), Some(0x0112)]);
    }

    #[test]
    fn a_request_without_what_it_is_about_is_refused() {
        let requester = AeTitle::parse("CT1").unwrap();
        let mut action = Dataset::new();
        assert!(Commitment::parse(requester.clone(), &action).is_err());
        action.put_text(tags::TRANSACTION_UID, VR::UI, "1.2.3");
        assert!(Commitment::parse(requester.clone(), &action).is_err());
        action.put_items(tags::REFERENCED_SOP_SEQUENCE, vec![Dataset::new()]);
        assert!(Commitment::parse(requester.clone(), &action).is_err());
        let mut item = Dataset::new();
        item.put_text(tags::REFERENCED_SOP_CLASS_UID, VR::UI, "1.2");
        item.put_text(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, "1.3");
        action.put_items(tags::REFERENCED_SOP_SEQUENCE, vec![item]);
        let commitment = Commitment::parse(requester, &action).unwrap();
        assert_eq!(commitment.references, [(uid("1.2"), uid("1.3"))]);
    }
}
