//! The application entities of the caller's organisation: what they may do, how they are reached, when they called last.

use crate::auth::Authenticated;
use crate::problem::{ApiError, Problem};
use crate::state::ApiState;
use access::{Device, Right, Transport};
use axum::Json;
use axum::extract::State;
use model::time_text::{from_unix_ms, rfc3339};
use serde::Serialize;
use storage::DeviceSeen;
use utoipa::ToSchema;

/// Where a device can be called.
#[derive(Serialize, ToSchema)]
pub struct DeviceContact {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// `plain` or `tls`.
    #[schema(value_type = String)]
    pub transport: Transport,
    /// SHA-256 of the certificate that is expected there; by authority and host name without one.
    pub certificate_sha256: Option<String>,
}

/// A device.
#[derive(Serialize, ToSchema)]
pub struct DeviceItem {
    /// AE title.
    pub ae_title: String,
    /// `store`, `search`, `retrieve`.
    #[schema(value_type = Vec<String>)]
    pub rights: Vec<Right>,
    /// Addresses and CIDR ranges that it may call from; from anywhere when empty.
    pub source_addresses: Vec<String>,
    /// SHA-256 of its certificate; with one it may not call without TLS.
    pub certificate_sha256: Option<String>,
    /// What its texts are taken for when they do not say.
    pub assumed_character_set: Option<String>,
    /// Where it can be called; without it, it can only call.
    pub contact: Option<DeviceContact>,
    /// When an association of it was last accepted, to the minute (RFC 3339).
    pub last_seen_at: Option<String>,
    /// From where.
    pub last_seen_from: Option<String>,
}

/// The devices of the caller's organisation, and what they call.
#[derive(Serialize, ToSchema)]
pub struct DeviceList {
    /// The AE title of this node.
    pub node_ae_title: String,
    /// The devices, by AE title.
    pub devices: Vec<DeviceItem>,
}

fn item(device: Device, seen: Option<&DeviceSeen>) -> DeviceItem {
    DeviceItem {
        ae_title: device.ae_title.to_string(),
        rights: device.rights,
        source_addresses: device.source_addresses.iter().map(ToString::to_string).collect(),
        certificate_sha256: device.certificate_sha256.map(|sha256| sha256.to_string()),
        assumed_character_set: device.assumed_character_set,
        contact: device.contact.map(|contact| DeviceContact {
            host: contact.host,
            port: contact.port,
            transport: contact.transport,
            certificate_sha256: contact.certificate_sha256.map(|sha256| sha256.to_string()),
        }),
        last_seen_at: seen.map(|seen| rfc3339(from_unix_ms(seen.at_ms))),
        last_seen_from: seen.map(|seen| seen.address.to_string()),
    }
}

/// Devices of the caller's organisation.
#[utoipa::path(get, path = "/api/v1/devices", tag = "devices",
    responses((status = 200, body = DeviceList), (status = 403, body = Problem)))]
pub async fn list_devices(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<DeviceList>, ApiError> {
    let caller = auth.require_any(&[Right::Administer, Right::Coordinate])?;
    let storage = &state.0.storage;
    let mut devices = storage.devices(caller.scope()).await?;
    devices.sort_by(|a, b| a.ae_title.cmp(&b.ae_title));
    let seen = storage.devices_seen(caller.scope()).await?;
    let of = |device: &Device| seen.iter().find(|seen| seen.ae_title == device.ae_title);
    let devices = devices
        .into_iter()
        .map(|device| {
            let seen = of(&device);
            item(device, seen)
        })
        .collect();
    Ok(Json(DeviceList { node_ae_title: state.0.dimse.ae_title.to_string(), devices }))
}
