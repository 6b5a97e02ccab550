//! Hospitals and reading centres.

use model::OrgId;
use serde::{Deserialize, Serialize};

/// What an organisation is in the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrganisationKind {
    /// A hospital that makes images and asks (申请医院).
    Hospital,
    /// A centre that reads for others (诊断中心).
    Centre,
}

/// An organisation. Every study belongs to exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// Identifier.
    pub id: OrgId,
    /// Legal name, as printed in reports.
    pub name: String,
    /// What it is.
    pub kind: OrganisationKind,
}
