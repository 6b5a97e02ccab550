//! What C-MOVE and C-GET share (PS3.4 §C.4.2, §C.4.3): the identifier, the instances that it names within the caller's
//! reach, and the counts of sub-operations.

use super::association::{Association, Request, Stop};
use super::command::{Command, field, tag};
use super::pdu::AbortReason;
use super::sop::Service;
use super::status;
use super::transfer::Sent;
use access::Right;
use dataset::{Dataset, VR, tags};
use model::{Key, Level, Matching, Query, Scope, Uid};
use std::collections::HashSet;
use storage::{AuditAction, AuditEntry, AuditOutcome, InstanceRef, Storage, StorageError};
use tokio::io::{AsyncRead, AsyncWrite};

/// Failed SOP Instance UIDs that a response lists at most: more do not fit a value of VR UI.
const FAILED_UIDS_MAX: usize = 1000;
/// Instances of one retrieval at most.
const INSTANCES_MAX: usize = 500_000;

/// What is to be retrieved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All studies of a patient.
    Patient(String),
    /// Studies; of this patient, when one is named.
    Studies(Vec<Uid>, Option<String>),
    /// Series of a study.
    Series(Uid, Vec<Uid>),
    /// Instances of a series.
    Instances(Uid, Uid, Vec<Uid>),
}

impl Wanted {
    /// Reads an identifier: the unique keys of its level and of those above (PS3.4 §C.4.2.2.1).
    ///
    /// # Errors
    /// The Error Comment of an A900H.
    pub(crate) fn parse(service: Service, identifier: &Dataset) -> Result<Self, &'static str> {
        let is_patient_root = matches!(service, Service::PatientRootMove | Service::PatientRootGet);
        let level = identifier.text(tags::QUERY_RETRIEVE_LEVEL).unwrap_or_default();
        let patient = identifier.text(tags::PATIENT_ID).filter(|id| is_patient_root && !id.trim().is_empty());
        if patient.as_ref().is_some_and(|id| id.contains(['*', '?', '\\'])) {
            return Err("Patient ID needs a single value");
        }
        match level.trim() {
            "PATIENT" if is_patient_root => {
                patient.map(Self::Patient).ok_or("Patient ID needs a single value")
            }
            "PATIENT" => Err("PATIENT is not a level of this model"),
            "STUDY" => Ok(Self::Studies(uids(identifier, tags::STUDY_INSTANCE_UID)?, patient)),
            "SERIES" => Ok(Self::Series(
                one_uid(identifier, tags::STUDY_INSTANCE_UID)?,
                uids(identifier, tags::SERIES_INSTANCE_UID)?,
            )),
            "IMAGE" => Ok(Self::Instances(
                one_uid(identifier, tags::STUDY_INSTANCE_UID)?,
                one_uid(identifier, tags::SERIES_INSTANCE_UID)?,
                uids(identifier, tags::SOP_INSTANCE_UID)?,
            )),
            _ => Err("Query/Retrieve Level is missing or unknown"),
        }
    }

    /// The instances within the scope, each once; none when there are none.
    ///
    /// # Errors
    /// [`StorageError`], but never `NotFound`.
    pub(crate) async fn instances(
        &self,
        storage: &Storage,
        scope: &Scope,
    ) -> Result<Vec<InstanceRef>, StorageError> {
        let mut found = Vec::new();
        match self {
            Self::Patient(id) => {
                let filter = (Key::PatientId, Matching::Single(id.clone()));
                for study in studies(storage, scope, vec![filter]).await? {
                    extend(&mut found, storage.instances(scope, &study, None, None).await)?;
                }
            }
            Self::Studies(uids, None) => {
                for study in uids {
                    extend(&mut found, storage.instances(scope, study, None, None).await)?;
                }
            }
            Self::Studies(uids, Some(patient)) => {
                let uids = uids.iter().map(Uid::to_string).collect();
                let filters = vec![
                    (Key::StudyInstanceUid, Matching::AnyOf(uids)),
                    (Key::PatientId, Matching::Single(patient.clone())),
                ];
                for study in studies(storage, scope, filters).await? {
                    extend(&mut found, storage.instances(scope, &study, None, None).await)?;
                }
            }
            Self::Series(study, series) => {
                for series in series {
                    extend(&mut found, storage.instances(scope, study, Some(series), None).await)?;
                }
            }
            Self::Instances(study, series, instances) => {
                for instance in instances {
                    let one = storage.instances(scope, study, Some(series), Some(instance)).await;
                    extend(&mut found, one)?;
                }
            }
        }
        let mut seen = HashSet::new();
        found.retain(|instance| seen.insert(instance.instance().clone()));
        Ok(found)
    }
}

fn extend(
    found: &mut Vec<InstanceRef>,
    more: Result<Vec<InstanceRef>, StorageError>,
) -> Result<(), StorageError> {
    match more {
        Ok(more) => found.extend(more),
        Err(StorageError::NotFound) => {}
        Err(error) => return Err(error),
    }
    if found.len() > INSTANCES_MAX {
        return Err(StorageError::OutOfResources("too many instances for one retrieval"));
    }
    Ok(())
}

/// UIDs of the studies that match.
async fn studies(
    storage: &Storage,
    scope: &Scope,
    filters: Vec<(Key, Matching)>,
) -> Result<Vec<Uid>, StorageError> {
    let mut query = Query { filters, ..Query::new(Level::Study, 500) };
    let mut found = Vec::new();
    loop {
        let page = storage.search(scope, &query).await?;
        for row in &page.rows {
            let uid = row.attributes.first_text(tags::STUDY_INSTANCE_UID);
            found.extend(uid.and_then(|text| Uid::parse(&text).ok()));
        }
        query.offset = query.offset.saturating_add(u32::try_from(page.rows.len()).unwrap_or(u32::MAX));
        if !page.more || page.rows.is_empty() || found.len() > INSTANCES_MAX {
            return Ok(found);
        }
    }
}

fn uids(identifier: &Dataset, tag: dataset::Tag) -> Result<Vec<Uid>, &'static str> {
    let texts = identifier.texts(tag);
    if texts.is_empty() {
        return Err("the unique key of the level is missing");
    }
    texts.iter().map(|text| Uid::parse(text.trim()).map_err(|_| "a UID key is no UID")).collect()
}

fn one_uid(identifier: &Dataset, tag: dataset::Tag) -> Result<Uid, &'static str> {
    match &uids(identifier, tag).map_err(|_| "a unique key above the level needs a single value")?[..] {
        [uid] => Ok(uid.clone()),
        _ => Err("a unique key above the level needs a single value"),
    }
}

/// Sub-operations so far (PS3.7 §9.3.4.2).
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub remaining: usize,
    pub completed: usize,
    pub warnings: usize,
    pub failed: usize,
    failed_uids: Vec<Uid>,
}

impl Counts {
    pub(crate) fn new(instances: usize) -> Self {
        Self { remaining: instances, ..Self::default() }
    }

    /// Counts what became of one instance.
    pub(crate) fn note(&mut self, instance: &InstanceRef, sent: &Sent) {
        self.remaining = self.remaining.saturating_sub(1);
        match sent {
            Sent::Stored => self.completed += 1,
            Sent::StoredWithWarning => self.warnings += 1,
            Sent::Refused(status) => {
                tracing::info!(status, "a sub-operation was refused");
                self.fail(instance.instance());
            }
            Sent::Unsendable(why) => {
                tracing::info!(why, "a sub-operation failed");
                self.fail(instance.instance());
            }
        }
    }

    fn fail(&mut self, instance: &Uid) {
        self.failed += 1;
        if self.failed_uids.len() < FAILED_UIDS_MAX {
            self.failed_uids.push(instance.clone());
        }
    }

    /// The status when all sub-operations are done (PS3.4 Tables C.4-2 and C.4-3).
    pub(crate) fn final_status(&self) -> u16 {
        match (self.completed + self.warnings, self.failed + self.warnings) {
            (_, 0) => status::SUCCESS,
            (0, _) => status::UNABLE_TO_PERFORM_SUBOPERATIONS,
            _ => status::SUBOPERATIONS_WITH_FAILURES,
        }
    }

    /// A response with the counts; Remaining only where the standard has it (PS3.7 Table 9.1-4).
    pub(crate) fn response(&self, request: &Command, status: u16) -> Command {
        let number = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let response = request
            .response(status)
            .with_u16(tag::NUMBER_OF_COMPLETED_SUBOPERATIONS, number(self.completed))
            .with_u16(tag::NUMBER_OF_FAILED_SUBOPERATIONS, number(self.failed))
            .with_u16(tag::NUMBER_OF_WARNING_SUBOPERATIONS, number(self.warnings));
        match status {
            status::PENDING | status::CANCELLED => {
                response.with_u16(tag::NUMBER_OF_REMAINING_SUBOPERATIONS, number(self.remaining))
            }
            _ => response,
        }
    }

    /// The identifier of a final response: Failed SOP Instance UID List (0008,0058); `None` when nothing failed.
    pub(crate) fn failures(&self) -> Option<Dataset> {
        if self.failed_uids.is_empty() {
            return None;
        }
        let mut identifier = Dataset::new();
        let list = self.failed_uids.iter().map(Uid::as_str).collect::<Vec<_>>().join("\\");
        identifier.put_text(tags::FAILED_SOP_INSTANCE_UID_LIST, VR::UI, &list);
        Some(identifier)
    }
}

/// Reads the identifier and finds what it names; or the status and comment of the refusal.
pub(crate) async fn understand<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
) -> Result<Result<Vec<InstanceRef>, (u16, String)>, Stop> {
    let refused = |status, comment: &str| Ok(Err((status, comment.to_owned())));
    let retrieve = (Right::Retrieve, "this AE may not retrieve");
    let identifier = match association.receive_identifier(request, retrieve).await? {
        Ok(identifier) => identifier,
        Err((status, comment)) => return refused(status, comment),
    };
    let wanted = match Wanted::parse(request.context.service, &identifier) {
        Ok(wanted) => wanted,
        Err(comment) => return refused(status::DOES_NOT_MATCH_SOP_CLASS, comment),
    };
    match wanted.instances(&association.node.storage, association.caller.scope()).await {
        Ok(instances) => Ok(Ok(instances)),
        Err(error) => Ok(Err((status::of_find(&error), status::comment(&error)))),
    }
}

/// Puts on the audit chain which studies go where, before the first goes.
pub(crate) async fn audit<S>(
    association: &Association<'_, S>,
    instances: &[InstanceRef],
    detail: &str,
) -> Result<(), StorageError> {
    let mut studies = HashSet::new();
    for instance in instances.iter().filter(|i| studies.insert((i.owner().clone(), i.study().clone()))) {
        let entry = AuditEntry {
            action: AuditAction::Read,
            object: format!("study/{}", instance.study()),
            outcome: AuditOutcome::Success,
            detail: format!("{detail} owner {}", instance.owner()),
        };
        association.node.storage.audit_reading(association.caller.scope(), entry).await?;
    }
    Ok(())
}

/// Whether the peer has cancelled meanwhile; nothing else may come.
pub(crate) async fn is_cancelled<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
) -> Result<bool, Stop> {
    if !association.wire.has_input().await? {
        return Ok(false);
    }
    let message = association.receive_command().await?;
    if message.command.field() != field::C_CANCEL_RQ {
        return Err(Stop::Abort(AbortReason::UnexpectedPdu));
    }
    let ours = request.command.u16(tag::MESSAGE_ID);
    Ok(message.command.u16(tag::MESSAGE_ID_BEING_RESPONDED_TO) == ours)
}

/// Sends a pending response with the counts.
pub(crate) async fn report_progress<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
    counts: &Counts,
) -> Result<(), Stop> {
    association.respond(request, &counts.response(&request.command, status::PENDING)).await
}

/// Sends the final response: counts, and the list of what failed.
pub(crate) async fn conclude<S: AsyncRead + AsyncWrite + Unpin + Send>(
    association: &mut Association<'_, S>,
    request: &Request,
    counts: &Counts,
    status: u16,
) -> Result<(), Stop> {
    let response = counts.response(&request.command, status);
    let mut out = Vec::with_capacity(1024);
    match counts.failures() {
        None => association.put_response(&mut out, request, &response, None),
        Some(identifier) => {
            let bytes = dataset::write::to_bytes(&identifier, &request.context.transfer_syntax);
            let response = response.with_u16(tag::COMMAND_DATA_SET_TYPE, 1);
            association.put_response(&mut out, request, &response, Some(&bytes));
        }
    }
    Ok(association.wire.write(&out).await?)
}

#[cfg(test)]
#[path = "retrieve_tests.rs"]
mod tests;
