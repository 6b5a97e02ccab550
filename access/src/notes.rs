//! Notes on slides: who may make them, and who sees whose.

use crate::{Caller, Right};
use model::OrgId;

/// Whether an organisation that may see the slide sees what somebody has drawn on it: its own people's notes, those of
/// the slide's owner, and as the owner those of everybody whom it has asked. Two centres that were asked about the same
/// slide never see each other's.
#[must_use]
pub fn sees_note(viewer: &OrgId, slide_owner: &OrgId, author: &OrgId) -> bool {
    viewer == author || author == slide_owner || viewer == slide_owner
}

/// Whether the caller may draw and bookmark: a person who asks, reads or reviews.
#[must_use]
pub fn may_note(caller: &Caller) -> bool {
    caller.as_person().is_some()
        && [Right::Ask, Right::Read, Right::Review].iter().any(|right| caller.may(*right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_of_a_consult_see_each_other_and_two_centres_do_not() {
        let [owner, city, province] = ["township", "city", "province"].map(|id| OrgId::parse(id).unwrap());
        for (viewer, author, expected) in [
            (&owner, &owner, true),
            (&owner, &city, true),
            (&city, &owner, true),
            (&city, &city, true),
            (&city, &province, false),
            (&province, &city, false),
        ] {
            assert_eq!(sees_note(viewer, &owner, author), expected, "{viewer} of {author}");
        }
    }
}
