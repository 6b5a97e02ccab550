//! `demo.json`: what a script or a test needs to know of a running demonstration.

use super::cast::{ACCOUNTS, Cast, PASSPHRASE, PASSWORD, Signs};
use super::{ANCHORS_FILE, scope};
use anyhow::Result;
use dataset::tags;
use model::{Level, Query};
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::path::Path;
use storage::Storage;

/// Describes the running demonstration.
pub async fn describe(
    storage: &Storage,
    cast: &Cast,
    http: SocketAddr,
    dicom: SocketAddr,
    data: &Path,
) -> Result<Json> {
    let base_url = format!("http://{http}");
    let data = std::fs::canonicalize(data)?;
    let organisations: Vec<Json> = cast
        .members
        .iter()
        .map(|member| {
            json!({
                "id": member.organisation.id, "name": member.organisation.name, "kind": member.organisation.kind,
                "ae_title": member.ae_title, "token": member.token.expose(),
            })
        })
        .collect();
    let accounts: Vec<Json> = ACCOUNTS
        .iter()
        .map(|account| {
            json!({
                "login": account.login, "password": PASSWORD, "name": account.name, "roles": [account.role],
                "organisation": account.organisation,
                "signing_passphrase": (account.signs == Signs::Yes).then_some(PASSPHRASE),
            })
        })
        .collect();
    Ok(json!({
        "base_url": base_url,
        "dicomweb_url": format!("{base_url}/dicom-web"),
        "dicom": {"host": dicom.ip().to_string(), "port": dicom.port(), "ae_title": "FARSIGHT"},
        "organisations": organisations,
        "accounts": accounts,
        "studies": studies(storage).await?,
        "slides": slides(storage).await?,
        "trust_anchors": data.join(ANCHORS_FILE),
        "tile_url": format!("{base_url}/api/v1/slides/{{id}}/tiles/{{level}}/{{x}}/{{y}}"),
    }))
}

async fn studies(storage: &Storage) -> Result<Vec<Json>> {
    let page = storage.search(&scope(), &Query::new(Level::Study, 500)).await?;
    let first = |row: &storage::Row, tag| row.attributes.first_text(tag);
    Ok(page
        .rows
        .iter()
        .map(|row| {
            json!({
                "organisation": row.owner,
                "study_instance_uid": first(row, tags::STUDY_INSTANCE_UID),
                "modality": first(row, tags::MODALITIES_IN_STUDY),
            })
        })
        .collect())
}

async fn slides(storage: &Storage) -> Result<Vec<Json>> {
    let slides = wsi::Slides::new(storage.clone()).slides(&scope()).await?;
    Ok(slides
        .iter()
        .map(|slide| {
            json!({
                "organisation": slide.owner, "id": slide.id, "study_instance_uid": slide.study,
                "source": slide.source,
            })
        })
        .collect())
}
