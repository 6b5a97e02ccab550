//! C-FIND, C-GET and C-MOVE as user (PS3.4 §C.4): asking another node, and bringing here what it has.

use super::command::{Command, NO_DATA_SET, field, tag};
use super::requestor::{Link, Message, Proposal, Proposed, RequestError, Requestor, dial};
use super::server::DimseConfig;
use super::sop;
use super::status;
use super::wire::FragmentEnd;
use access::Contact;
use dataset::Dataset;
use model::{AeTitle, OrgId, Scope, Uid};
use std::time::Duration;
use storage::{Arrival, Storage, Via};

/// Storage SOP classes that are taken in a C-GET: those of today's hospitals. Two contexts each and one for C-GET
/// itself fill an association.
const STORAGE_CLASSES: [&str; 63] = [
    "1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1", "2", "2.1", "2.2", "3.1", "4", "4.1", "4.2", "4.3",
    "4.4", "6.1", "6.2", "7", "7.1", "7.2", "7.3", "7.4", "9.1.1", "9.1.2", "9.1.3", "9.2.1", "9.4.1",
    "11.1", "11.2", "12.1", "12.1.1", "12.2", "12.2.1", "13.1.1", "13.1.3", "20", "30", "66", "66.1", "66.2",
    "66.4", "66.5", "77.1.1", "77.1.2", "77.1.4", "77.1.5.1", "77.1.5.4", "77.1.6", "88.11", "88.22",
    "88.33", "88.34", "88.50", "88.59", "88.67", "104.1", "104.2", "128", "130", "481.1", "481.2", "481.3",
];
/// The arc that they stand below.
const STORAGE_ROOT: &str = "1.2.840.10008.5.1.4.1.1.";
/// Transfer syntaxes that are taken besides the uncompressed ones, without their common root.
const COMPRESSED: [&str; 19] = [
    "4.50", "4.51", "4.57", "4.70", "4.80", "4.81", "4.90", "4.91", "4.201", "4.202", "4.203", "4.110",
    "4.111", "4.112", "5", "4.100", "4.102", "4.107", "1.99",
];

/// A node that is asked.
pub(crate) struct Peer<'a> {
    pub config: &'a DimseConfig,
    pub contact: &'a Contact,
    pub called: &'a AeTitle,
}

/// How a retrieval ended (PS3.7 §9.3.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retrieved {
    /// Sub-operations that the peer counts as done.
    pub completed: u32,
    /// Done with a warning.
    pub warnings: u32,
    /// Failed.
    pub failed: u32,
}

impl Peer<'_> {
    async fn associate(
        &self,
        contexts: Vec<Proposed>,
        provided: Vec<String>,
    ) -> Result<Requestor<Link>, RequestError> {
        let limits = &self.config.limits;
        let proposal = Proposal {
            calling: self.config.ae_title.clone(),
            called: self.called.clone(),
            contexts,
            provided,
        };
        let stream = dial(
            self.contact,
            &self.config.reach,
            self.config.tls_request.as_ref(),
            Duration::from_millis(limits.artim_timeout_ms),
        )
        .await?;
        Requestor::associate(stream, &proposal, Duration::from_millis(limits.dimse_idle_timeout_ms)).await
    }

    /// Sends a C-FIND of the Study Root model; the answers, `rows_max` at most, and whether there are more.
    ///
    /// # Errors
    /// [`RequestError`].
    pub(crate) async fn find(
        &self,
        identifier: &Dataset,
        rows_max: usize,
    ) -> Result<(Vec<Dataset>, bool), RequestError> {
        let limits = &self.config.limits;
        let mut requestor = self.associate(vec![Proposed::plain(sop::STUDY_ROOT_FIND)], Vec::new()).await?;
        let context = requestor.context(sop::STUDY_ROOT_FIND)?;
        let message_id = requestor.next_message_id();
        let request = request(sop::STUDY_ROOT_FIND, field::C_FIND_RQ, message_id);
        let bytes = dataset::write::to_bytes(identifier, &context.transfer_syntax);
        requestor.send(context.id, &request, Some(&bytes)).await?;
        let (mut rows, mut more) = (Vec::new(), false);
        loop {
            let message = requestor.receive().await?;
            let identifier = match message.command.announces_data_set() {
                true => Some(requestor.receive_small(&message, limits.identifier_bytes_max as usize).await?),
                false => None,
            };
            match message.command.u16(tag::STATUS) {
                Some(status::PENDING | status::PENDING_KEYS_UNSUPPORTED) => {
                    let scanned = identifier
                        .and_then(|bytes| dataset::scan::scan(&bytes, &context.transfer_syntax, limits).ok());
                    match scanned {
                        Some(scanned) if rows.len() < rows_max => rows.push(scanned.dataset),
                        Some(_) if !more => {
                            more = true;
                            requestor.send(context.id, &cancel(message_id), None).await?;
                        }
                        Some(_) => {}
                        None => return Err(RequestError::Protocol("an answer that is no data set")),
                    }
                }
                Some(status::SUCCESS) => break,
                Some(status::CANCELLED) if more => break,
                Some(status) => {
                    requestor.release().await?;
                    return Err(RequestError::Status(status));
                }
                None => return Err(RequestError::Protocol("a response without a status")),
            }
        }
        release(requestor).await;
        Ok((rows, more))
    }

    /// Sends a C-MOVE of the Study Root model, to this node.
    ///
    /// # Errors
    /// [`RequestError`].
    pub(crate) async fn fetch_by_move(&self, identifier: &Dataset) -> Result<Retrieved, RequestError> {
        let mut requestor = self.associate(vec![Proposed::plain(sop::STUDY_ROOT_MOVE)], Vec::new()).await?;
        let context = requestor.context(sop::STUDY_ROOT_MOVE)?;
        let message_id = requestor.next_message_id();
        let request = request(sop::STUDY_ROOT_MOVE, field::C_MOVE_RQ, message_id)
            .with_text(tag::MOVE_DESTINATION, self.config.ae_title.as_str());
        let bytes = dataset::write::to_bytes(identifier, &context.transfer_syntax);
        requestor.send(context.id, &request, Some(&bytes)).await?;
        loop {
            let response = requestor.response(message_id).await?;
            if let Some(end) = end(&response)? {
                release(requestor).await;
                return end;
            }
        }
    }

    /// Sends a C-GET of the Study Root model and keeps what comes, as the peer's organisation's.
    ///
    /// # Errors
    /// [`RequestError`].
    pub(crate) async fn fetch_by_get(
        &self,
        identifier: &Dataset,
        storage: &Storage,
        scope: &Scope,
        owner: &OrgId,
    ) -> Result<Retrieved, RequestError> {
        let classes: Vec<String> = STORAGE_CLASSES.iter().map(|end| format!("{STORAGE_ROOT}{end}")).collect();
        let mut contexts = vec![Proposed::plain(sop::STUDY_ROOT_GET)];
        for class in &classes {
            let compressed = COMPRESSED.map(|end| format!("1.2.840.10008.1.2.{end}")).to_vec();
            contexts.push(Proposed::plain(class));
            contexts.push(Proposed { abstract_syntax: class.clone(), transfer_syntaxes: compressed });
        }
        let mut requestor = self.associate(contexts, classes).await?;
        let context = requestor.context(sop::STUDY_ROOT_GET)?;
        let message_id = requestor.next_message_id();
        let request = request(sop::STUDY_ROOT_GET, field::C_GET_RQ, message_id);
        let bytes = dataset::write::to_bytes(identifier, &context.transfer_syntax);
        requestor.send(context.id, &request, Some(&bytes)).await?;
        loop {
            let message = requestor.receive().await?;
            if message.command.field() == field::C_STORE_RQ {
                self.keep(&mut requestor, &message, storage, scope, owner).await?;
                continue;
            }
            if message.command.announces_data_set() {
                let bytes_max = self.config.limits.identifier_bytes_max as usize;
                requestor.receive_small(&message, bytes_max).await?;
            }
            if let Some(end) = end(&message.command)? {
                release(requestor).await;
                return end;
            }
        }
    }

    /// A sub-operation of a C-GET: what comes is streamed into storage, and answered when it is durable.
    async fn keep(
        &self,
        requestor: &mut Requestor<Link>,
        message: &Message,
        storage: &Storage,
        scope: &Scope,
        owner: &OrgId,
    ) -> Result<(), RequestError> {
        let context = requestor.accepted().iter().find(|context| context.id == message.context_id).cloned();
        let context = context.ok_or(RequestError::Protocol("a context that was not accepted"))?;
        let uid = |element| message.command.uid(element);
        let (Some(class), Some(instance)) =
            (uid(tag::AFFECTED_SOP_CLASS_UID), uid(tag::AFFECTED_SOP_INSTANCE_UID))
        else {
            return Err(RequestError::Protocol("a C-STORE without UIDs"));
        };
        let declared = Some((class, instance));
        let arrival = Arrival { owner: owner.clone(), via: Via::Dimse, declared };
        let mut sink = storage.sink(scope, arrival, context.transfer_syntax).await;
        let (mut length, mut piece) = (0_u64, Vec::new());
        loop {
            let end = requestor.receive_part(message, &mut piece).await?;
            length += piece.len() as u64;
            if length > self.config.limits.object_bytes_max {
                return Err(RequestError::Protocol("an object over this node's limit"));
            }
            if let Ok(open) = &mut sink
                && let Err(error) = open.write(&piece).await
            {
                sink = Err(error);
            }
            if end == FragmentEnd::Last {
                break;
            }
        }
        let status = match sink {
            Ok(sink) => {
                sink.commit().await.map_or_else(|error| status::of_store(&error), |_| status::SUCCESS)
            }
            Err(error) => status::of_store(&error),
        };
        requestor.send(message.context_id, &message.command.response(status), None).await
    }
}

fn request(class: &str, field: u16, message_id: u16) -> Command {
    Command::default()
        .with_uid(tag::AFFECTED_SOP_CLASS_UID, class)
        .with_u16(tag::COMMAND_FIELD, field)
        .with_u16(tag::MESSAGE_ID, message_id)
        .with_u16(tag::PRIORITY, 0)
}

fn cancel(message_id: u16) -> Command {
    Command::default()
        .with_u16(tag::COMMAND_FIELD, field::C_CANCEL_RQ)
        .with_u16(tag::MESSAGE_ID_BEING_RESPONDED_TO, message_id)
        .with_u16(tag::COMMAND_DATA_SET_TYPE, NO_DATA_SET)
}

/// How a retrieval ended, when this response is its last.
fn end(response: &Command) -> Result<Option<Result<Retrieved, RequestError>>, RequestError> {
    let number = |element| u32::from(response.u16(element).unwrap_or(0));
    let counts = Retrieved {
        completed: number(tag::NUMBER_OF_COMPLETED_SUBOPERATIONS),
        warnings: number(tag::NUMBER_OF_WARNING_SUBOPERATIONS),
        failed: number(tag::NUMBER_OF_FAILED_SUBOPERATIONS),
    };
    match response.u16(tag::STATUS) {
        Some(status::PENDING | status::PENDING_KEYS_UNSUPPORTED) => Ok(None),
        Some(status::SUCCESS | status::SUBOPERATIONS_WITH_FAILURES) => Ok(Some(Ok(counts))),
        Some(status) => Ok(Some(Err(RequestError::Status(status)))),
        None => Err(RequestError::Protocol("a response without a status")),
    }
}

async fn release(mut requestor: Requestor<Link>) {
    if let Err(error) = requestor.release().await {
        tracing::debug!(%error, "a release was not confirmed");
    }
}

/// The identifier of a retrieval: a study, a series, or an instance.
pub(crate) fn identifier(study: &Uid, series: Option<&Uid>, instance: Option<&Uid>) -> Dataset {
    use dataset::{VR, tags};
    let level = match (series, instance) {
        (Some(_), Some(_)) => "IMAGE",
        (Some(_), None) => "SERIES",
        (None, _) => "STUDY",
    };
    let mut identifier = Dataset::new();
    identifier.put_text(tags::QUERY_RETRIEVE_LEVEL, VR::CS, level);
    identifier.put_text(tags::STUDY_INSTANCE_UID, VR::UI, study.as_str());
    if let Some(series) = series {
        identifier.put_text(tags::SERIES_INSTANCE_UID, VR::UI, series.as_str());
        if let Some(instance) = instance {
            identifier.put_text(tags::SOP_INSTANCE_UID, VR::UI, instance.as_str());
        }
    }
    identifier
}

#[cfg(test)]
mod tests {
    use super::super::requestor::CONTEXTS_MAX;
    use super::*;
    use dataset::TransferSyntax;

    #[test]
    fn every_class_that_is_taken_is_a_storage_class_and_all_fit() {
        for end in STORAGE_CLASSES {
            let class = format!("{STORAGE_ROOT}{end}");
            assert_eq!(sop::service(&class), Some(sop::Service::Storage), "{class}");
        }
        assert!(STORAGE_CLASSES.len() * 2 < CONTEXTS_MAX);
        for end in COMPRESSED {
            assert!(TransferSyntax::parse(&format!("1.2.840.10008.1.2.{end}")).is_ok());
        }
    }
}
