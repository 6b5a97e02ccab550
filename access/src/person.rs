//! People with their roles, their sessions, and machines' tokens.

use crate::{Credential, Right, Subspecialty};
use model::{OrgId, PersonId, Sha256, TokenId};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
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
    /// Looks over what was reported, and changes nothing (质控).
    QualityControl,
    /// Looks on for an authority, and changes nothing (监管).
    Regulator,
    /// Looks at the studies of a teaching collection (学员).
    Learner,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 12] = [
        Self::Uploader,
        Self::Requester,
        Self::Coordinator,
        Self::Reader,
        Self::Reviewer,
        Self::QualityControl,
        Self::Archivist,
        Self::Regulator,
        Self::Learner,
        Self::Administrator,
        Self::SecurityOfficer,
        Self::Auditor,
    ];

    /// Whether it is one of the three offices (三员) that watch each other: GB/T 22239-2019 §8.1.5.
    #[must_use]
    pub fn is_office(self) -> bool {
        matches!(self, Self::Administrator | Self::SecurityOfficer | Self::Auditor)
    }

    /// Whether it signs reports, for which it takes a licence.
    #[must_use]
    pub fn signs(self) -> bool {
        matches!(self, Self::Reader | Self::Reviewer)
    }

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
            Self::Archivist => {
                &[Right::Search, Right::Retrieve, Right::Correct, Right::Delete, Right::Deidentify]
            }
            Self::QualityControl => &[Right::Search, Right::Retrieve, Right::Oversee],
            Self::Regulator => &[Right::Oversee],
            Self::Learner => &[Right::Search, Right::Retrieve],
        }
    }
}

/// Roles in the words that they are written with.
#[must_use]
pub fn words(roles: &[Role]) -> String {
    let word = |role: &Role| Some(serde_json::to_value(role).ok()?.as_str()?.to_owned());
    roles.iter().filter_map(word).collect::<Vec<_>>().join(",")
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
    /// PHC string of the password's argon2id hash; empty until the first login has set one.
    pub password_hash: String,
    /// An account that is disabled cannot log in, and its sessions have ended.
    pub is_disabled: bool,
    /// A doctor's licence; nobody signs without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
    /// Other organisations that the person may act for (多机构执业), and as what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub memberships: Vec<Membership>,
    /// What they know best within their field; rules may give them cases by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subspecialties: Vec<Subspecialty>,
}

/// What a person does for an organisation that is not their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// For whom.
    pub organisation: OrgId,
    /// As what; never one of the three offices.
    pub roles: Vec<Role>,
}

impl Person {
    /// A new account without a password, a title or a licence.
    #[must_use]
    pub fn new(login: &str, name: &str, organisation: OrgId, roles: Vec<Role>) -> Self {
        Self {
            id: PersonId::new(),
            login: login.to_lowercase(),
            name: name.to_owned(),
            title: String::new(),
            organisation,
            roles,
            password_hash: String::new(),
            is_disabled: false,
            credential: None,
            memberships: Vec::new(),
            subspecialties: Vec::new(),
        }
    }

    /// Everything the roles allow, together.
    #[must_use]
    pub fn rights(&self) -> Vec<Right> {
        let mut rights: Vec<Right> = self.roles.iter().flat_map(|r| r.rights()).copied().collect();
        rights.sort_unstable();
        rights.dedup();
        rights
    }

    /// Whether the person holds one of the three offices.
    #[must_use]
    pub fn holds_office(&self) -> bool {
        self.roles.iter().any(|role| role.is_office())
    }

    /// What is different in `after`, for the audit chain: roles and organisations as they were and are, of the rest only that
    /// it was changed.
    #[must_use]
    pub fn changes(&self, after: &Self) -> String {
        let mut changes = Vec::new();
        if self.roles != after.roles {
            changes.push(format!("roles {} -> {}", words(&self.roles), words(&after.roles)));
        }
        let works = |person: &Self, organisation: &OrgId| {
            let membership = person.memberships.iter().find(|m| m.organisation == *organisation);
            membership.map_or_else(|| "none".to_owned(), |m| words(&m.roles))
        };
        let mut organisations: Vec<&OrgId> =
            self.memberships.iter().chain(&after.memberships).map(|m| &m.organisation).collect();
        organisations.sort_unstable();
        organisations.dedup();
        for organisation in organisations {
            let (was, is) = (works(self, organisation), works(after, organisation));
            if was != is {
                changes.push(format!("in {organisation} {was} -> {is}"));
            }
        }
        if let (Some(was), Some(is)) = (&self.credential, &after.credential) {
            if was != is {
                let days = |c: &Credential| format!("{} until {}", c.modalities.join(","), c.valid_until);
                changes.push(format!("licence {} -> {}", days(was), days(is)));
            }
        } else if self.credential.is_some() != after.credential.is_some() {
            let there = if after.credential.is_some() { "given" } else { "taken" };
            changes.push(format!("licence {there}"));
        }
        for (what, is_changed) in [
            ("name", self.name != after.name),
            ("title", self.title != after.title),
            ("login", self.login != after.login),
            ("subspecialties", self.subspecialties != after.subspecialties),
        ] {
            if is_changed {
                changes.push(what.to_owned());
            }
        }
        changes.join("; ")
    }

    /// Whether `after` may act for an organisation, or in a role there, that this one may not.
    #[must_use]
    pub fn gains_membership(&self, after: &Self) -> bool {
        let has = |organisation: &OrgId, role: &Role| {
            self.memberships.iter().any(|m| m.organisation == *organisation && m.roles.contains(role))
        };
        after.memberships.iter().any(|m| m.roles.iter().any(|role| !has(&m.organisation, role)))
    }

    /// What an administrator has seen of the account, in a word: another word when it was changed since.
    #[must_use]
    pub fn tag(&self) -> String {
        crate::tag(&Self { password_hash: String::new(), ..self.clone() })
    }

    /// The person as they act for an organisation: their own, or one that they are a member of; `None` for others.
    #[must_use]
    pub fn acting_for(&self, organisation: &OrgId) -> Option<Self> {
        if *organisation == self.organisation {
            return Some(self.clone());
        }
        let membership = self.memberships.iter().find(|m| m.organisation == *organisation)?;
        let (organisation, roles) = (membership.organisation.clone(), membership.roles.clone());
        Some(Self { organisation, roles, ..self.clone() })
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
    /// What it is for, in the words of whoever made it.
    #[serde(default)]
    pub purpose: String,
    /// When it was made.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub created_at: Option<OffsetDateTime>,
    /// When it was revoked: since then it is as good as none.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub revoked_at: Option<OffsetDateTime>,
    /// SHA-256 of the certificate (DER) that the machine must have shown for it to be good (RFC 8705 §3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_sha256: Option<Sha256>,
}

impl Token {
    /// One without an end.
    #[must_use]
    pub fn new(id: TokenId, secret_sha256: Sha256, organisation: OrgId, rights: Vec<Right>) -> Self {
        Self {
            id,
            secret_sha256,
            organisation,
            rights,
            expires_at: None,
            purpose: String::new(),
            created_at: None,
            revoked_at: None,
            certificate_sha256: None,
        }
    }

    /// What a machine can be allowed; the rest takes a person.
    pub const RIGHTS: [Right; 6] =
        [Right::Store, Right::Search, Right::Retrieve, Right::SeeLabels, Right::Correct, Right::Delete];

    /// Whether it is good at this moment.
    #[must_use]
    pub fn is_good_at(&self, at: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| at < end)
    }

    /// Whether it is good for a machine that has shown the certificate with this SHA-256, or none.
    #[must_use]
    pub fn is_good_with(&self, certificate: Option<Sha256>) -> bool {
        self.certificate_sha256.is_none() || self.certificate_sha256 == certificate
    }
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
    /// When it began.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub created_at: Option<OffsetDateTime>,
    /// When the person last proved in it who they are.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub proved_at: Option<OffsetDateTime>,
    /// Where it was begun.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// What the browser calls itself, shortened.
    #[serde(default)]
    pub user_agent: String,
    /// How it was begun.
    #[serde(default)]
    pub factors: Factors,
    /// Whom the person acts for in it; their own organisation when `None`.
    #[serde(default)]
    pub acting_for: Option<OrgId>,
}

/// With what somebody has logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factors {
    /// A password.
    #[default]
    Password,
    /// A password and a one-time code.
    PasswordAndCode,
    /// A passkey, which is two factors at once.
    Passkey,
    /// The organisation's own sign-on (OpenID Connect), which says that it has seen one factor.
    SingleSignOn,
    /// The same, which says that it has seen two.
    SingleSignOnTwice,
}

impl Factors {
    /// Whether two factors were shown.
    #[must_use]
    pub fn are_two(self) -> bool {
        matches!(self, Self::PasswordAndCode | Self::Passkey | Self::SingleSignOnTwice)
    }
}

/// How long a proof of identity is fresh.
pub const PROOF_FRESH: time::Duration = time::Duration::minutes(5);

impl Session {
    /// A session of so long that begins now, with a proof of who the person is.
    #[must_use]
    pub fn begin(
        secret_sha256: Sha256,
        person: PersonId,
        at: OffsetDateTime,
        length: time::Duration,
    ) -> Self {
        Self {
            secret_sha256,
            person,
            expires_at: at.saturating_add(length),
            created_at: Some(at),
            proved_at: Some(at),
            address: None,
            user_agent: String::new(),
            factors: Factors::Password,
            acting_for: None,
        }
    }

    /// Whether who it is was proved a moment ago.
    #[must_use]
    pub fn is_fresh_at(&self, at: OffsetDateTime) -> bool {
        self.proved_at.is_some_and(|proved| at < proved.saturating_add(PROOF_FRESH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_and_taken_is_said_and_no_name_with_it() {
        let [town, city] = ["town", "city"].map(|id| OrgId::parse(id).unwrap());
        let before = Person::new("li", "李敏", town, vec![Role::Requester]);
        let member = Membership { organisation: city, roles: vec![Role::Reader] };
        let after = Person {
            name: "李民".into(),
            roles: vec![Role::Requester, Role::Uploader],
            memberships: vec![member],
            ..before.clone()
        };
        assert_eq!(
            before.changes(&after),
            "roles requester -> requester,uploader; in city none -> reader; name"
        );
        assert_eq!(after.changes(&after), "");
        assert!(before.gains_membership(&after) && !after.gains_membership(&before));
        assert_ne!(before.tag(), after.tag());
        assert_eq!(before.tag(), Person { password_hash: "x".into(), ..before.clone() }.tag());
    }
}
