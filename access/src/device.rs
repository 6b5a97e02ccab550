//! Application entities: modalities, workstations and archives that call this node, or that it calls.

use crate::Right;
use model::{AeTitle, OrgId};
use serde::{Deserialize, Serialize};

/// An application entity that this node knows. What it stores belongs to its organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// AE title; unique on the node.
    pub ae_title: AeTitle,
    /// Its organisation.
    pub organisation: OrgId,
    /// What it may do.
    pub rights: Vec<Right>,
    /// Where it can be called; without it, it can only call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// Character set (a defined term of Specific Character Set, or `GBK`) of its texts when they say none, or one that
    /// cannot be true, as modalities do that write GBK and say ISO_IR 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed_character_set: Option<String>,
}

/// Where an application entity listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Device {
    /// A device with these rights and no other settings.
    #[must_use]
    pub fn new(ae_title: AeTitle, organisation: OrgId, rights: Vec<Right>) -> Self {
        Self { ae_title, organisation, rights, contact: None, assumed_character_set: None }
    }
}
