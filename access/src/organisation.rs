//! Hospitals, reading centres, and the application entities that belong to them.

use model::{AeTitle, OrgId};
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

/// An application entity that may call this node. What it stores belongs to its organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Calling AE title; unique on the node.
    pub ae_title: AeTitle,
    /// Its organisation.
    pub organisation: OrgId,
    /// What it may do.
    pub rights: Vec<crate::Right>,
}
