//! What lies on the demonstration's desks besides images: an order for today, devices, and a forwarding rule that is paused.

use super::cast::Cast;
use access::{AddressRange, Contact, Device, Right, Transport};
use anyhow::{Context as _, Result};
use model::{Actor, AeTitle, OrgId, Scope};
use pacs::forward::{ForwardRule, RuleState};
use pacs::orders::{PlaceError, Wish};
use serde_json::json;
use storage::{Storage, StorageError};
use time::{OffsetDateTime, UtcOffset};

/// Where the archive of the demonstration would listen; nobody does, so that a test echo shows what a failure looks like.
const ARCHIVE_PORT: u16 = 11113;

/// Makes what is missing; the order is for today at every start.
pub async fn prepare(storage: &Storage, cast: &Cast) -> Result<()> {
    let scope = |organisation: &OrgId| Scope::organisation(Actor::node("demo"), organisation.clone());
    devices(storage, &scope(&cast.city), &cast.city).await?;
    order(storage, &scope(&cast.township), &cast.township).await
}

async fn devices(storage: &Storage, scope: &Scope, city: &OrgId) -> Result<()> {
    let archive = AeTitle::parse("CITYARCH")?;
    if storage.device(&archive).await.is_ok() {
        return Ok(());
    }
    let here = AddressRange::parse("127.0.0.0/8").ok().context("a range")?;
    let scanner = Device {
        source_addresses: vec![here],
        assumed_character_set: Some("GB18030".to_owned()),
        ..Device::new(AeTitle::parse("CITYCT")?, city.clone(), vec![Right::Store, Right::Search])
    };
    let contact = Contact {
        host: "127.0.0.1".to_owned(),
        port: ARCHIVE_PORT,
        transport: Transport::Plain,
        certificate_sha256: None,
    };
    let store =
        Device { contact: Some(contact), ..Device::new(archive.clone(), city.clone(), vec![Right::Search]) };
    for device in [scanner, store] {
        storage.put_device(scope, &device).await?;
    }
    let rule = ForwardRule {
        id: "ct-to-archive".to_owned(),
        sources: Vec::new(),
        modalities: vec!["CT".to_owned()],
        description: String::new(),
        destination: archive,
        state: RuleState::Paused,
    };
    Ok(pacs::forward::put_rule(storage, scope, &rule).await?)
}

async fn order(storage: &Storage, scope: &Scope, township: &OrgId) -> Result<()> {
    let here = UtcOffset::from_hms(8, 0, 0)?;
    let today = OffsetDateTime::now_utc().to_offset(here).date();
    let wish: Wish = serde_json::from_value(json!({
        "patient": {"id": "QH20260031", "name": "Chen^Jianhua=陈^建华", "birth_date": "19610318", "sex": "M"},
        "accession_number": "A2026-0031",
        "referring_physician": "Li^Min=李^敏",
        "requesting_service": "全科门诊",
        "procedure": {"description": "胸部CT平扫", "priority": "ROUTINE", "reason": "咳嗽两周"},
        "step": {
            "modality": "CT", "station_ae_title": "TOWNSHIP", "description": "胸部平扫",
            "start_date": format!("{:04}{:02}{:02}", today.year(), u8::from(today.month()), today.day()),
            "start_time": "0930",
        },
    }))?;
    match pacs::orders::place(storage, scope, township, wish).await {
        // It has arrived or was cancelled by whoever tried that.
        Ok(_) | Err(PlaceError::Storage(StorageError::Conflict(_))) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
