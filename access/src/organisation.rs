//! Hospitals, reading centres and teaching collections.

use crate::{Right, Role};
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
    /// De-identified studies for teaching (教学库): people look at them, nothing else happens there.
    Collection,
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

    /// Whether it is a teaching collection.
    #[must_use]
    pub fn is_collection(&self) -> bool {
        self.kind == OrganisationKind::Collection
    }

    /// What cannot belong to a teaching collection: the fault of `field`, when this is one.
    ///
    /// # Errors
    /// The field and why.
    pub fn takes_part(&self, field: &'static str) -> Result<(), Fault> {
        if self.is_collection() { Err((field, NOTHING_ELSE)) } else { Ok(()) }
    }

    /// Whether it may become of this kind: a teaching collection is one from the beginning to the end.
    ///
    /// # Errors
    /// The field and why.
    pub fn may_become(&self, kind: OrganisationKind) -> Result<(), Fault> {
        if self.is_collection() == (kind == OrganisationKind::Collection) {
            return Ok(());
        }
        Err((
            "kind",
            "医院或中心与教学库不能互相转换，请新建 / neither a hospital nor a centre becomes a collection, nor the other \
             way round: make a new one",
        ))
    }

    /// Whether people may have these roles here: in a collection one learns, and nowhere else. An auditor may watch one.
    ///
    /// # Errors
    /// The field and why.
    pub fn check_roles(&self, field: &'static str, roles: &[Role]) -> Result<(), Fault> {
        let fits = |role: &Role| match role {
            Role::Auditor => true,
            role => (*role == Role::Learner) == self.is_collection(),
        };
        match roles.iter().all(fits) {
            true => Ok(()),
            false if self.is_collection() => {
                Err((field, "教学库中只有学员这一角色 / in a teaching collection people are learners"))
            }
            false => Err((field, "学员只属于教学库 / learners are of a teaching collection only")),
        }
    }

    /// Whether a machine may have these rights here: in a collection it looks, like everybody.
    ///
    /// # Errors
    /// The field and why.
    pub fn check_rights(&self, field: &'static str, rights: &[Right]) -> Result<(), Fault> {
        let looks = |right: &Right| matches!(right, Right::Search | Right::Retrieve);
        if self.is_collection() && !rights.iter().all(looks) { Err((field, NOTHING_ELSE)) } else { Ok(()) }
    }
}

/// A field and what is wrong with it, in both languages.
pub type Fault = (&'static str, &'static str);

const NOTHING_ELSE: &str = "教学库只供查看去标识检查，没有设备、上传、协议、会诊或紧急访问 / in a teaching collection de-identified \
     studies are looked at: no device, upload, agreement, consult or emergency access belongs to one";

#[cfg(test)]
mod tests {
    use super::*;

    fn organisation(kind: OrganisationKind) -> Organisation {
        Organisation::new(OrgId::parse("x").unwrap(), "x", kind)
    }

    #[test]
    fn in_a_collection_people_look_and_nothing_else_belongs_to_it() {
        use OrganisationKind::{Centre, Collection, Hospital};
        let collection = organisation(Collection);
        assert_eq!(collection.takes_part("organisation").unwrap_err().0, "organisation");
        for role in Role::ALL {
            let (learns, audits) = (role == Role::Learner, role == Role::Auditor);
            assert_eq!(collection.check_roles("roles", &[role]).is_ok(), learns || audits, "{role:?}");
            assert_eq!(organisation(Hospital).check_roles("roles", &[role]).is_ok(), !learns, "{role:?}");
        }
        assert!(collection.check_rights("rights", &[Right::Search, Right::Retrieve]).is_ok());
        for right in [Right::Store, Right::SeeLabels, Right::Correct, Right::Delete] {
            assert!(collection.check_rights("rights", &[Right::Search, right]).is_err(), "{right:?}");
            assert!(organisation(Centre).check_rights("rights", &[right]).is_ok(), "{right:?}");
        }
        for kind in [Hospital, Centre] {
            assert!(organisation(kind).takes_part("organisation").is_ok());
            assert_eq!(collection.may_become(kind).unwrap_err().0, "kind");
            assert!(organisation(kind).may_become(Collection).is_err());
            assert!(organisation(kind).may_become(Hospital).is_ok());
        }
        assert!(collection.may_become(Collection).is_ok());
    }
}
