//! Somebody who has proved who they are, and what they may do.

use crate::{Device, Person, Token};
use model::{Actor, ActorKind, OrgId, Scope};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One thing that can be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Store instances for the own organisation.
    Store,
    /// Search and see attributes.
    Search,
    /// Fetch pixels, documents and metadata.
    Retrieve,
    /// See label images of slides, which show identity.
    SeeLabels,
    /// Ask for a consult.
    Ask,
    /// Claim, read and sign first.
    Read,
    /// Sign second, return.
    Review,
    /// Accept, reject, assign.
    Coordinate,
    /// Accounts, devices and rules.
    Administer,
    /// Rights and keys.
    Secure,
    /// Read the audit chain.
    Audit,
    /// Correct, move, merge and hide studies of the own organisation, and take that back.
    Correct,
    /// Delete studies of the own organisation for good.
    Delete,
    /// Export studies of the own organisation without identity, for teaching and research.
    Deidentify,
    /// Look over consults, reports and figures; with the images in sight, grade delivered reports. Change nothing else.
    Oversee,
}

/// An authenticated caller. Built only from a [`Person`], a [`Token`] or a [`Device`].
#[derive(Debug, Clone)]
pub struct Caller {
    scope: Scope,
    organisation: OrgId,
    rights: Vec<Right>,
    person: Option<Person>,
}

/// What people and their programs see: labels of slides only with the right to.
fn scope(actor: Actor, organisation: &OrgId, rights: &[Right]) -> Scope {
    let scope = Scope::organisation(actor, organisation.clone());
    if rights.contains(&Right::SeeLabels) { scope } else { scope.without_labels() }
}

impl Caller {
    /// A person with a live session.
    #[must_use]
    pub fn person(person: &Person, address: Option<IpAddr>) -> Self {
        let actor = Actor { kind: ActorKind::Person, id: person.id.to_string(), address };
        Self {
            scope: scope(actor, &person.organisation, &person.rights()),
            organisation: person.organisation.clone(),
            rights: person.rights(),
            person: Some(person.clone()),
        }
    }

    /// A machine with a valid token.
    #[must_use]
    pub fn token(token: &Token, address: Option<IpAddr>) -> Self {
        let actor = Actor { kind: ActorKind::Token, id: token.id.to_string(), address };
        Self {
            scope: scope(actor, &token.organisation, &token.rights),
            organisation: token.organisation.clone(),
            rights: token.rights.clone(),
            person: None,
        }
    }

    /// A known application entity: it is the owner's own, and labels are for it as they are.
    #[must_use]
    pub fn device(device: &Device, address: Option<IpAddr>) -> Self {
        let actor = Actor { kind: ActorKind::Ae, id: device.ae_title.to_string(), address };
        Self {
            scope: Scope::organisation(actor, device.organisation.clone()),
            organisation: device.organisation.clone(),
            rights: device.rights.clone(),
            person: None,
        }
    }

    /// How far the caller sees.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The organisation that the caller acts for.
    #[must_use]
    pub fn organisation(&self) -> &OrgId {
        &self.organisation
    }

    /// The person, when the caller is one.
    #[must_use]
    pub fn as_person(&self) -> Option<&Person> {
        self.person.as_ref()
    }

    /// Whether the caller may do this.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }
}
