//! Who looks after whose account. Three offices (三员) watch each other, GB/T 22239-2019 §8.1.5: the administrator looks after
//! accounts, the security officer after rights of machines and second factors, the auditor after the chain. None of them
//! can give, take or touch an office through the node's interface, their own included: whoever runs the machine appoints
//! them on its command line (`docs/decisions/0033`).

use crate::{Organisation, Person, Role};

/// Something that is done to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Duty {
    /// Make it.
    Create,
    /// Change name, title, licence, memberships, subspecialties.
    ChangeParticulars,
    /// Give and take roles.
    ChangeRoles,
    /// Send an invitation: a first password, or a new one.
    Invite,
    /// Disable it, or enable it again.
    Disable,
    /// End its sessions.
    EndSessions,
    /// Remove its second factor, so that another can be enrolled.
    ResetSecondFactor,
}

impl Duty {
    /// Every duty.
    pub const ALL: [Self; 7] = [
        Self::Create,
        Self::ChangeParticulars,
        Self::ChangeRoles,
        Self::Invite,
        Self::Disable,
        Self::EndSessions,
        Self::ResetSecondFactor,
    ];

    /// Whether who does it can be in the account afterwards: by a link of their own, or with one proof less.
    #[must_use]
    pub fn opens_account(self) -> bool {
        matches!(self, Self::Create | Self::Invite | Self::ResetSecondFactor)
    }

    /// Whose it is.
    #[must_use]
    pub fn offices(self) -> &'static [Role] {
        match self {
            Self::Create | Self::ChangeParticulars | Self::ChangeRoles | Self::Invite => {
                &[Role::Administrator]
            }
            Self::Disable | Self::EndSessions => &[Role::Administrator, Role::SecurityOfficer],
            Self::ResetSecondFactor => &[Role::SecurityOfficer],
        }
    }
}

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The account is of an organisation that is not theirs to look after: it does not exist for them.
    OtherOrganisation,
    /// It is not their duty.
    NotTheirDuty,
    /// The account works for an organisation, too, that is not theirs to look after.
    WorksElsewhere,
    /// It is their own account.
    Themselves,
    /// The account holds one of the three offices, or would.
    Office,
    /// Roles that do not go together, or none.
    Roles,
}

impl Refusal {
    /// For people, in both languages.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::OtherOrganisation => "没有找到 / not found",
            Self::NotTheirDuty => "这不是您的职责 / this is not your duty",
            Self::WorksElsewhere => {
                "这个账号还为您不管理的机构工作，须由也管理该机构的管理员办理 / the account works for an organisation that is not \
                 yours to look after: whoever looks after both does this"
            }
            Self::Themselves => "不能管理自己的账号 / nobody looks after their own account",
            Self::Office => {
                "系统管理员、安全管理员、安全审计员只能由机房运维人员用命令行任免（farsight user） / the three offices are \
                 given and taken on the command line only (farsight user)"
            }
            Self::Roles => {
                "至少一个角色；三员之一不能兼任其他角色 / at least one role; an office goes with no other role"
            }
        }
    }
}

/// Whether these roles can be one person's: at least one, none twice, and an office alone.
///
/// # Errors
/// [`Refusal::Roles`].
pub fn check_roles(roles: &[Role]) -> Result<(), Refusal> {
    let is_twice = |role: &Role| roles.iter().filter(|other| *other == role).count() > 1;
    let is_mixed = roles.len() > 1 && roles.iter().any(|role| role.is_office());
    if roles.is_empty() || is_mixed || roles.iter().any(is_twice) { Err(Refusal::Roles) } else { Ok(()) }
}

/// Whether `by` may do this to the account `whom`, which is (or would be) of `organisation`, as it is now.
///
/// # Errors
/// [`Refusal`].
pub fn may(by: &Person, duty: Duty, whom: &Person, organisation: &Organisation) -> Result<(), Refusal> {
    if !by.roles.iter().any(|role| duty.offices().contains(role)) {
        return Err(Refusal::NotTheirDuty);
    }
    if !organisation.is_looked_after_by(&by.organisation) || whom.organisation != organisation.id {
        return Err(Refusal::OtherOrganisation);
    }
    if by.id == whom.id {
        return Err(Refusal::Themselves);
    }
    if whom.holds_office() {
        return Err(Refusal::Office);
    }
    Ok(())
}

/// Whether `by` may do this to an account that is a member of these organisations (as they are now), too: who can be in the
/// account can act for each of them.
///
/// # Errors
/// [`Refusal::WorksElsewhere`].
pub fn may_beyond(by: &Person, duty: Duty, members_of: &[Organisation]) -> Result<(), Refusal> {
    let is_theirs = |organisation: &Organisation| organisation.is_looked_after_by(&by.organisation);
    if duty.opens_account() && !members_of.iter().all(is_theirs) {
        return Err(Refusal::WorksElsewhere);
    }
    Ok(())
}

/// Whether an account's roles may become these, by somebody who may change roles.
///
/// # Errors
/// [`Refusal::Office`] when one of the three offices would be given, [`Refusal::Roles`].
pub fn may_become(roles: &[Role]) -> Result<(), Refusal> {
    if roles.iter().any(|role| role.is_office()) {
        return Err(Refusal::Office);
    }
    check_roles(roles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OrganisationKind;
    use model::OrgId;

    fn organisation(id: &str, looked_after_by: Option<&str>) -> Organisation {
        let looked_after_by = looked_after_by.map(|id| OrgId::parse(id).unwrap());
        let new = Organisation::new(OrgId::parse(id).unwrap(), id, OrganisationKind::Hospital);
        Organisation { looked_after_by, ..new }
    }

    fn person(role: Role, of: &Organisation) -> Person {
        Person::new("somebody", "某人", of.id.clone(), vec![role])
    }

    #[test]
    fn every_cell_of_office_duty_and_account_is_as_agreed() {
        let city = organisation("city", None);
        let mut cells = 0;
        for actor in Role::ALL {
            let by = person(actor, &city);
            for duty in Duty::ALL {
                for target in Role::ALL {
                    let whom = person(target, &city);
                    let accounts = matches!(
                        duty,
                        Duty::Create | Duty::ChangeParticulars | Duty::ChangeRoles | Duty::Invite
                    );
                    let either = matches!(duty, Duty::Disable | Duty::EndSessions);
                    let is_theirs = match actor {
                        Role::Administrator => accounts || either,
                        Role::SecurityOfficer => either || duty == Duty::ResetSecondFactor,
                        _ => false,
                    };
                    let is_office =
                        [Role::Administrator, Role::SecurityOfficer, Role::Auditor].contains(&target);
                    let expected = match (is_theirs, is_office) {
                        (false, _) => Err(Refusal::NotTheirDuty),
                        (true, true) => Err(Refusal::Office),
                        (true, false) => Ok(()),
                    };
                    assert_eq!(may(&by, duty, &whom, &city), expected, "{actor:?} {duty:?} {target:?}");
                    cells += 1;
                }
            }
        }
        assert_eq!(cells, 12 * 7 * 12);
    }

    #[test]
    fn nobody_gives_an_office_nor_mixes_one_with_work() {
        for role in Role::ALL {
            let expected = if role.is_office() { Err(Refusal::Office) } else { Ok(()) };
            assert_eq!(may_become(&[role]), expected, "{role:?}");
            for other in Role::ALL {
                let alone = if role == other || role.is_office() || other.is_office() {
                    Err(Refusal::Roles)
                } else {
                    Ok(())
                };
                assert_eq!(check_roles(&[role, other]), alone, "{role:?} and {other:?}");
            }
        }
        assert_eq!(check_roles(&[]), Err(Refusal::Roles));
    }

    #[test]
    fn who_looks_after_one_organisation_gets_into_no_other_by_way_of_a_member() {
        let (city, township) = (organisation("city", None), organisation("township", Some("city")));
        let by = person(Role::Administrator, &township);
        for duty in Duty::ALL {
            let opens = matches!(duty, Duty::Create | Duty::Invite | Duty::ResetSecondFactor);
            let expected = if opens { Err(Refusal::WorksElsewhere) } else { Ok(()) };
            assert_eq!(may_beyond(&by, duty, &[township.clone(), city.clone()]), expected, "{duty:?}");
            assert_eq!(may_beyond(&by, duty, std::slice::from_ref(&township)), Ok(()), "{duty:?}");
            let of_city = person(Role::Administrator, &city);
            assert_eq!(may_beyond(&of_city, duty, &[township.clone(), city.clone()]), Ok(()), "{duty:?}");
        }
    }

    #[test]
    fn an_administrator_reaches_those_whom_their_organisation_looks_after() {
        let (city, township) = (organisation("city", None), organisation("township", Some("city")));
        let (stranger, doctor) = (organisation("other", None), person(Role::Requester, &township));
        let create =
            |of: &Organisation| may(&person(Role::Administrator, of), Duty::Create, &doctor, &township);
        assert_eq!(create(&city), Ok(()));
        assert_eq!(create(&township), Ok(()));
        assert_eq!(create(&stranger), Err(Refusal::OtherOrganisation));
        let own = person(Role::Administrator, &city);
        assert_eq!(may(&own, Duty::Disable, &own, &city), Err(Refusal::Themselves));
        // Who is of another organisation than is said is not reached through that.
        let elsewhere = person(Role::Requester, &stranger);
        assert_eq!(may(&own, Duty::Disable, &elsewhere, &city), Err(Refusal::OtherOrganisation));
    }
}
