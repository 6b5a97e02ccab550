//! Who is asking, and how far their sight reaches. No storage call is possible without a [`Scope`].

use crate::OrgId;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What kind of actor did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person with a session.
    Person,
    /// A machine with a bearer token.
    Token,
    /// A DICOM application entity.
    Ae,
    /// Somebody without an account: a failed login, a verification by the public.
    Nobody,
    /// The node itself: import from the command line, jobs, fsck.
    Node,
}

/// Who did it, as the audit chain records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// Person id, token id or AE title; never a name.
    pub id: String,
    /// The peer's network address, when there is one.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// The node itself.
    #[must_use]
    pub fn node(id: &str) -> Self {
        Self { kind: ActorKind::Node, id: id.to_owned(), address: None }
    }

    /// Somebody unknown.
    #[must_use]
    pub fn nobody(address: Option<IpAddr>) -> Self {
        Self { kind: ActorKind::Nobody, id: String::new(), address }
    }
}

/// How far a scope reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// What this organisation owns and what others have granted it.
    Granted(OrgId),
    /// Of what [`Reach::Granted`] sees, only what `owner` owns (`/dicom-web/orgs/{owner}`).
    OwnedBy {
        /// The caller's organisation.
        viewer: OrgId,
        /// The organisation whose studies are asked for.
        owner: OrgId,
    },
    /// Everything: for the node's own work only (fsck, jobs, command line), never for a peer's request.
    Node,
}

/// The right to look: who asks and how far they see. Carried by every storage call; what it does not reach does not
/// exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Who asks.
    pub actor: Actor,
    /// How far they see.
    pub reach: Reach,
    /// Whether they see the labels of their own organisation's slides, which name the patient. Another's are seen by
    /// nobody, and all by [`Reach::Node`].
    pub labels: bool,
}

impl Scope {
    /// What `org` owns, its slides' labels included, and what it has been granted.
    #[must_use]
    pub fn organisation(actor: Actor, org: OrgId) -> Self {
        Self { actor, reach: Reach::Granted(org), labels: true }
    }

    /// The node's own reach over everything; `what` names the work, for the audit chain.
    #[must_use]
    pub fn node(what: &str) -> Self {
        Self { actor: Actor::node(what), reach: Reach::Node, labels: true }
    }

    /// The same caller, restricted to what `owner` owns.
    #[must_use]
    pub fn owned_by(&self, owner: OrgId) -> Self {
        let reach = match &self.reach {
            Reach::Granted(viewer) | Reach::OwnedBy { viewer, .. } => {
                Reach::OwnedBy { viewer: viewer.clone(), owner }
            }
            Reach::Node => Reach::Node,
        };
        Self { actor: self.actor.clone(), reach, labels: self.labels }
    }

    /// The same caller without sight of labels, unless they did not see them anyway.
    #[must_use]
    pub fn without_labels(self) -> Self {
        Self { labels: false, ..self }
    }

    /// The caller's own organisation; `None` for the node itself.
    #[must_use]
    pub fn viewer(&self) -> Option<&OrgId> {
        match &self.reach {
            Reach::Granted(org) | Reach::OwnedBy { viewer: org, .. } => Some(org),
            Reach::Node => None,
        }
    }
}
