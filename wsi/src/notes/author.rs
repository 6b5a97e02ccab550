//! By whom a note is, and for whom they acted.

use access::{Caller, Person, notes};
use model::{ConsultId, OrgId, PersonId};
use serde::{Deserialize, Serialize};

/// The question that somebody was answering, or asking, when they drew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnBehalf {
    /// The consult.
    pub consult: ConsultId,
    /// What people call it.
    pub number: String,
    /// Who asked.
    pub organisation: OrgId,
    /// The name of who asked.
    pub organisation_name: String,
}

/// Who made a note; their names as they were then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The person.
    pub person: PersonId,
    /// The person's name.
    pub name: String,
    /// The organisation that they belong to.
    pub organisation: OrgId,
    /// The organisation's name.
    pub organisation_name: String,
    /// Within which consult; `None`: for their own organisation.
    pub on_behalf: Option<OnBehalf>,
}

impl Author {
    /// The caller, if they may make notes.
    pub(super) fn of(
        caller: &Caller,
        organisation_name: String,
        on_behalf: Option<OnBehalf>,
    ) -> Option<Self> {
        let person = caller.as_person().filter(|_| notes::may_note(caller))?;
        Some(Self {
            person: person.id.clone(),
            name: person.name.clone(),
            organisation: person.organisation.clone(),
            organisation_name,
            on_behalf,
        })
    }

    /// Whether the caller is this person, acting for the organisation whose note it is.
    #[must_use]
    pub fn is(&self, caller: &Caller) -> bool {
        let is_theirs =
            |person: &Person| person.id == self.person && person.organisation == self.organisation;
        caller.as_person().is_some_and(is_theirs)
    }
}
