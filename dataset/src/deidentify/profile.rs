//! The profile with the options that somebody has chosen, and what that means for each attribute.

use super::table::{self, Action};
use crate::Tag;

/// The code of the Basic Application Confidentiality Profile (PS3.16 CID 7050).
pub const BASIC: (&str, &str) = ("113100", "Basic Application Confidentiality Profile");

/// Options of the profile (PS3.15 Annex E.3). Private attributes are never kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileOption {
    /// UIDs stay, so that images can be found again in the hospital.
    RetainUids,
    /// Serial numbers and names of devices stay.
    RetainDeviceIdentity,
    /// Name and address of the institution stay.
    RetainInstitutionIdentity,
    /// Sex, age, size, weight stay.
    RetainPatientCharacteristics,
    /// Dates and times stay.
    RetainFullDates,
    /// Dates are moved by as many days for everything of one patient.
    RetainModifiedDates,
    /// Descriptions stay, as far as their words are known to identify nobody.
    CleanDescriptors,
}

impl ProfileOption {
    /// Every option.
    pub const ALL: [Self; 7] = [
        Self::RetainUids,
        Self::RetainDeviceIdentity,
        Self::RetainInstitutionIdentity,
        Self::RetainPatientCharacteristics,
        Self::RetainFullDates,
        Self::RetainModifiedDates,
        Self::CleanDescriptors,
    ];

    /// Code and meaning (PS3.16 CID 7050, scheme DCM).
    #[must_use]
    pub fn code(self) -> (&'static str, &'static str) {
        match self {
            Self::RetainUids => ("113110", "Retain UIDs Option"),
            Self::RetainDeviceIdentity => ("113109", "Retain Device Identity Option"),
            Self::RetainInstitutionIdentity => ("113112", "Retain Institution Identity Option"),
            Self::RetainPatientCharacteristics => ("113108", "Retain Patient Characteristics Option"),
            Self::RetainFullDates => ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
            Self::RetainModifiedDates => {
                ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
            }
            Self::CleanDescriptors => ("113105", "Clean Descriptors Option"),
        }
    }
}

/// The basic profile with options.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile(Vec<ProfileOption>);

impl Profile {
    /// With these options; `None` when dates would be both kept and moved.
    #[must_use]
    pub fn new(options: &[ProfileOption]) -> Option<Self> {
        let mut options = options.to_vec();
        options.sort_unstable();
        options.dedup();
        let both = [ProfileOption::RetainFullDates, ProfileOption::RetainModifiedDates];
        (!both.iter().all(|option| options.contains(option))).then_some(Self(options))
    }

    /// The options, in order.
    #[must_use]
    pub fn options(&self) -> &[ProfileOption] {
        &self.0
    }

    /// Whether an option is chosen.
    #[must_use]
    pub fn has(&self, option: ProfileOption) -> bool {
        self.0.contains(&option)
    }

    /// What happens with an attribute that the table names; what one option keeps, no other takes. `None`: no row.
    #[must_use]
    pub fn action(&self, tag: Tag) -> Option<(Action, Action)> {
        let row = table::rows().get(&tag)?;
        let chosen = |action: Action| {
            row.options
                .iter()
                .any(|(code, does)| *does == action && self.0.iter().any(|o| o.code().0 == *code))
        };
        let action = match () {
            () if chosen(Action::Keep) => Action::Keep,
            () if chosen(Action::Clean) => Action::Clean,
            () => row.basic,
        };
        Some((action, row.basic))
    }

    /// The value of Longitudinal Temporal Information Modified (0028,0303).
    #[must_use]
    pub fn temporal_word(&self) -> &'static str {
        match () {
            () if self.has(ProfileOption::RetainFullDates) => "UNMODIFIED",
            () if self.has(ProfileOption::RetainModifiedDates) => "MODIFIED",
            () => "REMOVED",
        }
    }

    /// Codes and meanings of the profile and its options.
    pub fn codes(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        std::iter::once(BASIC).chain(self.0.iter().map(|option| option.code()))
    }
}
