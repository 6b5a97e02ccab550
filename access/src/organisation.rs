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
    /// Whose administrator made it and looks after its people too (a township's, by the centre it asks); nobody else's
    /// when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_after_by: Option<OrgId>,
}

/// Characters of an organisation's name at most.
pub const NAME_CHARS_MAX: usize = 64;

impl Organisation {
    /// One that looks after itself.
    #[must_use]
    pub fn new(id: OrgId, name: &str, kind: OrganisationKind) -> Self {
        Self { id, name: name.to_owned(), kind, looked_after_by: None }
    }

    /// Whether the administrators of `other` look after it: its own do, and those of who made it.
    #[must_use]
    pub fn is_looked_after_by(&self, other: &OrgId) -> bool {
        self.id == *other || self.looked_after_by.as_ref() == Some(other)
    }
}
