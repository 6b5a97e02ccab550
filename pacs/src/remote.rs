//! Other nodes: which there are, whether they answer, what they have, and bringing it here. Only devices that are
//! configured for the caller's organisation, with a contact, are ever called.

use crate::dimse::scu::{self, Peer};
use crate::dimse::{DimseConfig, RequestError};
use access::{Caller, Contact, Device};
use dataset::{VR, tags};
use model::{AeTitle, Scope, Uid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use std::time::Duration;
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, NewJob, Storage, StorageError};

pub use crate::dimse::scu::Retrieved;

/// The kind of retrieval jobs; a lane is a peer's AE title.
pub const JOB: &str = "retrieve";

/// Why another node was not asked, or did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// No device of this organisation with that title and a contact.
    #[error("no such node")]
    NotFound,
    /// The query is none; the text says why.
    #[error("{0}")]
    BadQuery(&'static str),
    /// The peer.
    #[error(transparent)]
    Peer(#[from] RequestError),
    /// Storage.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// How instances are brought here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// C-GET: over the association that asks.
    #[default]
    Get,
    /// C-MOVE: the peer calls back, so it must know this node's AE title and address.
    Move,
}

/// What is to be brought here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retrieval {
    /// Study Instance UID.
    pub study: Uid,
    /// Series Instance UID; the whole study without it.
    #[serde(default)]
    pub series: Option<Uid>,
    /// SOP Instance UID; the whole series without it.
    #[serde(default)]
    pub instance: Option<Uid>,
    /// How.
    #[serde(default)]
    pub method: Method,
}

/// Devices of the scope's organisation that can be called.
///
/// # Errors
/// [`StorageError::Unavailable`].
pub async fn list(storage: &Storage, scope: &Scope) -> Result<Vec<Device>, StorageError> {
    let mut devices = storage.devices(scope).await?;
    devices.retain(|device| device.contact.is_some());
    Ok(devices)
}

async fn device(storage: &Storage, scope: &Scope, title: &AeTitle) -> Result<(Device, Contact), RemoteError> {
    let device = match storage.device(title).await {
        Ok(device) => device,
        Err(StorageError::NotFound) => return Err(RemoteError::NotFound),
        Err(error) => return Err(error.into()),
    };
    let is_own = scope.viewer().is_none_or(|viewer| *viewer == device.organisation);
    match device.contact.clone() {
        Some(contact) if is_own => Ok((device, contact)),
        _ => Err(RemoteError::NotFound),
    }
}

async fn audit(
    storage: &Storage,
    scope: &Scope,
    action: AuditAction,
    title: &AeTitle,
    detail: String,
) -> Result<(), StorageError> {
    let object = format!("remote/{title}");
    storage.audit(scope, AuditEntry { action, object, outcome: AuditOutcome::Success, detail }).await
}

/// Asks a node whether it is there; how long its answer took.
///
/// # Errors
/// [`RemoteError`].
pub async fn echo(
    storage: &Storage,
    config: &DimseConfig,
    scope: &Scope,
    title: &AeTitle,
) -> Result<Duration, RemoteError> {
    let (_, contact) = device(storage, scope, title).await?;
    let timeout = Duration::from_millis(config.limits.artim_timeout_ms);
    let dialling = (&config.reach, config.tls_request.as_ref());
    Ok(crate::dimse::echo::echo_to(&contact, dialling, &config.ae_title, title, timeout).await?)
}

/// What a query found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// DICOM JSON objects (PS3.18 Annex F).
    pub rows: Vec<Map<String, Json>>,
    /// Whether the node has more than were asked for.
    pub more: bool,
}

/// Asks a node what it has, by C-FIND of the Study Root model. `keys` is DICOM JSON; Query/Retrieve Level (0008,0052)
/// is STUDY when it is not among them.
///
/// # Errors
/// [`RemoteError`].
pub async fn find(
    storage: &Storage,
    config: &DimseConfig,
    scope: &Scope,
    title: &AeTitle,
    keys: &Map<String, Json>,
    rows_max: u32,
) -> Result<Found, RemoteError> {
    let (_, contact) = device(storage, scope, title).await?;
    let mut identifier =
        dataset::json::from_json(keys).map_err(|_| RemoteError::BadQuery("the keys are no DICOM JSON"))?;
    if identifier.text(tags::QUERY_RETRIEVE_LEVEL).is_none() {
        identifier.put_text(tags::QUERY_RETRIEVE_LEVEL, VR::CS, "STUDY");
    }
    audit(storage, scope, AuditAction::Search, title, "c-find".to_owned()).await?;
    let peer = Peer { config, contact: &contact, called: title };
    let rows_max = rows_max.min(config.limits.query_rows_max) as usize;
    let (rows, more) = peer.find(&identifier, rows_max).await?;
    let rows = rows.iter().map(|row| dataset::json::to_json(row, &|_| None)).collect();
    Ok(Found { rows, more })
}

/// Brings a study, a series or an instance here; it belongs to the node's organisation, as if the node had sent it.
///
/// # Errors
/// [`RemoteError`].
pub async fn retrieve(
    storage: &Storage,
    config: &DimseConfig,
    scope: &Scope,
    title: &AeTitle,
    retrieval: &Retrieval,
) -> Result<Retrieved, RemoteError> {
    let (device, contact) = device(storage, scope, title).await?;
    let Retrieval { study, series, instance, method } = retrieval;
    if instance.is_some() && series.is_none() {
        return Err(RemoteError::BadQuery("an instance needs its series"));
    }
    audit(storage, scope, AuditAction::Store, title, format!("retrieve study {study}")).await?;
    let identifier = scu::identifier(study, series.as_ref(), instance.as_ref());
    let peer = Peer { config, contact: &contact, called: title };
    Ok(match method {
        Method::Move => peer.fetch_by_move(&identifier).await?,
        Method::Get => {
            let sender = Caller::device(&device, None);
            peer.fetch_by_get(&identifier, storage, sender.scope(), &device.organisation).await?
        }
    })
}

/// Puts a retrieval into the queue: done as soon as the node can be reached, whatever happens meanwhile.
///
/// # Errors
/// [`RemoteError`].
pub async fn enqueue(
    storage: &Storage,
    scope: &Scope,
    title: &AeTitle,
    retrieval: &Retrieval,
) -> Result<(), RemoteError> {
    let (device, _) = device(storage, scope, title).await?;
    if retrieval.instance.is_some() && retrieval.series.is_none() {
        return Err(RemoteError::BadQuery("an instance needs its series"));
    }
    let job = NewJob::new(JOB, title.as_str(), device.organisation, json!(retrieval));
    let entry = AuditEntry {
        action: AuditAction::Change,
        object: format!("remote/{title}"),
        outcome: AuditOutcome::Success,
        detail: format!("retrieval of study {} is queued", retrieval.study),
    };
    let change = Change { jobs: vec![job], audit: vec![entry], ..Change::default() };
    Ok(storage.apply(scope, change).await?)
}
