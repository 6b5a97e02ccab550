//! People with their roles, their sessions, and machines' tokens.

use crate::Right;
use model::{OrgId, PersonId, Sha256, TokenId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What a person does in their organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sends images (上传员).
    Uploader,
    /// Asks (申请医师).
    Requester,
    /// Assigns and watches the clocks (调度).
    Coordinator,
    /// Reads and signs (报告医师).
    Reader,
    /// Signs second (审核医师).
    Reviewer,
    /// Accounts and rules (系统管理员).
    Administrator,
    /// Rights and keys (安全管理员).
    SecurityOfficer,
    /// Reads the audit chain (安全审计员).
    Auditor,
    /// Keeps studies in order: corrects, hides, deletes (影像档案管理员).
    Archivist,
}

impl Role {
    /// What the role allows.
    #[must_use]
    pub fn rights(self) -> &'static [Right] {
        match self {
            Self::Uploader => &[Right::Store, Right::Search, Right::Retrieve],
            Self::Requester => &[Right::Store, Right::Search, Right::Retrieve, Right::SeeLabels, Right::Ask],
            Self::Coordinator => &[Right::Search, Right::Retrieve, Right::Coordinate],
            Self::Reader => &[Right::Search, Right::Retrieve, Right::Read],
            Self::Reviewer => &[Right::Search, Right::Retrieve, Right::Review],
            Self::Administrator => &[Right::Administer],
            Self::SecurityOfficer => &[Right::Secure],
            Self::Auditor => &[Right::Audit],
            Self::Archivist => &[Right::Search, Right::Retrieve, Right::Correct, Right::Delete],
        }
    }
}

/// A person with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Identifier.
    pub id: PersonId,
    /// Login name, unique on the node; compared in lower case.
    pub login: String,
    /// Name as printed in reports.
    pub name: String,
    /// Professional title, such as 主任医师.
    pub title: String,
    /// Organisation.
    pub organisation: OrgId,
    /// Roles.
    pub roles: Vec<Role>,
    /// PHC string of the password's argon2id hash.
    pub password_hash: String,
    /// An account that is disabled cannot log in, and its sessions have ended.
    pub is_disabled: bool,
}

impl Person {
    /// Everything the roles allow, together.
    #[must_use]
    pub fn rights(&self) -> Vec<Right> {
        let mut rights: Vec<Right> = self.roles.iter().flat_map(|r| r.rights()).copied().collect();
        rights.sort_unstable();
        rights.dedup();
        rights
    }
}

/// A machine's bearer token; the secret itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Identifier.
    pub id: TokenId,
    /// SHA-256 of the secret.
    pub secret_sha256: Sha256,
    /// Organisation that it acts as.
    pub organisation: OrgId,
    /// What it may do.
    pub rights: Vec<Right>,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
}

/// A person's session; the cookie's secret itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// SHA-256 of the cookie's secret; also the session's identifier.
    pub secret_sha256: Sha256,
    /// Whose it is.
    pub person: PersonId,
    /// When it ends, whatever happens.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}
