//! What a search may be driven by: the lists that its conditions' studies stand in (`listing.rs`), or the index of a UID.

use crate::attributes::digits;
use crate::listing::{By, ListKey, identifier_beginning, name_beginning};
use crate::names::{ANY, ONE, fold, group_patterns, groups, is_han, words};
use crate::search_match::anything_words;
use model::{Key, Level, Matching};

/// Lists that hold every study which one condition fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// How many studies they hold, guessed by what the key is: 0 few, 9 all.
    pub rank: usize,
    pub lists: Vec<ListKey>,
    /// Whether nearly every study in them fits the condition.
    pub is_exact: bool,
}

/// What could drive a search, and whether that narrows it to about what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Drivers {
    /// Studies, or series or instances when rows are at such a level, with one of some UIDs.
    Uid(Level, Vec<String>),
    /// Lists.
    Lists {
        /// Best guess first; never none.
        candidates: Vec<Candidate>,
        /// Whether some condition is known only from the studies themselves.
        is_open: bool,
    },
}

/// Values of one key that are each looked for in a list of its own; more are a condition only.
const ALTERNATIVES_MAX: usize = 8;

/// Finds what could drive a search with these conditions, none of which is universal.
pub(crate) fn drivers(filters: &[(Key, Matching)]) -> Drivers {
    if let Some((level, uids)) = uids(filters) {
        return Drivers::Uid(level, uids);
    }
    let (mut candidates, mut is_open) = (Vec::new(), false);
    for (key, matching) in filters {
        let all = candidates_of(*key, matching);
        let is_range =
            *key == Key::StudyDate && matches!(matching, Matching::Single(_) | Matching::Range { .. });
        is_open |= !is_range && !all.iter().any(|candidate| candidate.is_exact);
        candidates.extend(all);
    }
    if candidates.is_empty() {
        candidates.push(Candidate { rank: 9, lists: vec![(By::All, String::new())], is_exact: true });
    }
    candidates.sort_by_key(|candidate| candidate.rank);
    // Two conditions may each fit many studies and together hardly any.
    is_open |= candidates.len() > 1;
    Drivers::Lists { candidates, is_open }
}

/// The deepest UID that is asked for.
fn uids(filters: &[(Key, Matching)]) -> Option<(Level, Vec<String>)> {
    [
        (Key::SopInstanceUid, Level::Instance),
        (Key::SeriesInstanceUid, Level::Series),
        (Key::StudyInstanceUid, Level::Study),
    ]
    .into_iter()
    .find_map(|(key, level)| {
        let uids = filters.iter().find_map(|(known, matching)| match matching {
            Matching::Single(uid) if *known == key => Some(vec![uid.clone()]),
            Matching::AnyOf(all) if *known == key && !all.iter().any(|uid| uid.contains(['*', '?'])) => {
                Some(all.clone())
            }
            _ => None,
        })?;
        Some((level, uids))
    })
}

/// The lists that a condition's studies stand in; for some conditions there are several choices.
fn candidates_of(key: Key, matching: &Matching) -> Vec<Candidate> {
    let exact = |rank, by| {
        let lists = values_of(matching)?.into_iter().map(|value| (by, value)).collect();
        Some(Candidate { rank, lists, is_exact: true })
    };
    let one = match key {
        Key::PatientId => exact(0, By::PatientId).or_else(|| identifier(matching)),
        Key::AccessionNumber => exact(0, By::Accession).or_else(|| identifier(matching)),
        Key::ScheduledProcedureStepId => exact(0, By::ProcedureStep),
        Key::RequestedProcedureId => exact(0, By::Procedure),
        Key::StudyId => exact(1, By::StudyId),
        Key::PatientBirthDate => match matching {
            Matching::Single(text) if digits(text).len() == 8 => {
                Some(Candidate { rank: 2, lists: vec![(By::BirthDate, digits(text))], is_exact: true })
            }
            _ => None,
        },
        Key::ModalitiesInStudy | Key::Modality => exact(7, By::Modality),
        Key::SopClassUid => exact(7, By::SopClass),
        Key::PatientName => return name(By::Name, matching),
        Key::ReferringPhysicianName => return name(By::Referring, matching),
        Key::Anything => return anything(matching),
        _ => None,
    };
    one.into_iter().filter(Candidate::is_usable).collect()
}

impl Candidate {
    fn is_usable(&self) -> bool {
        (1..=ALTERNATIVES_MAX).contains(&self.lists.len())
    }
}

/// The values of a key, one of which must be there exactly.
fn values_of(matching: &Matching) -> Option<Vec<String>> {
    let clean = |text: &String| crate::db::clean(text.trim());
    match matching {
        Matching::Single(text) | Matching::Fuzzy(text) => Some(vec![clean(text)]),
        Matching::AnyOf(all)
            if !all.iter().any(|text| text.contains(['*', '?']) || text.trim().is_empty()) =>
        {
            let mut all: Vec<String> = all.iter().map(clean).collect();
            all.sort();
            all.dedup();
            Some(all)
        }
        _ => None,
    }
}

/// The list of what a pattern of identifiers begins with.
fn identifier(matching: &Matching) -> Option<Candidate> {
    let Matching::Wildcard(text) = matching else { return None };
    let text = text.trim_start();
    let prefix: String = text.chars().take_while(|c| !matches!(c, '*' | '?' | '\0')).collect();
    let key = identifier_beginning(&prefix)?;
    let is_exact = is_all_of(&prefix, &key) && text[prefix.len()..].chars().all(|c| c == '*');
    Some(Candidate { rank: rank(key.1.chars().count()), lists: vec![key], is_exact })
}

/// Whether a list is of the whole text, not of a beginning only.
fn is_all_of(text: &str, (_, listed): &ListKey) -> bool {
    text.chars().filter(|c| *c != ' ').count() == listed.chars().count()
}

/// A choice for each word or component group: all of them must fit.
fn name(by: By, matching: &Matching) -> Vec<Candidate> {
    // What a form of the name begins with, and whether the form may go on in any way.
    let texts: Vec<(String, bool)> = match matching {
        Matching::Single(text) => groups(text).map(|group| (fold(group), true)).collect(),
        Matching::Wildcard(text) => groups(text)
            .filter_map(group_patterns)
            .filter_map(|patterns| {
                let pattern = patterns.into_iter().next()?;
                let first: String = pattern.chars().take_while(|c| !matches!(*c, ANY | ONE)).collect();
                let is_prefix = pattern[first.len()..].chars().all(|c| c == ANY);
                Some((first, is_prefix))
            })
            .collect(),
        Matching::Fuzzy(text) => words(text).into_iter().map(|word| (word, true)).collect(),
        Matching::AnyOf(_) | Matching::Range { .. } | Matching::Empty => return Vec::new(),
    };
    let is_single = texts.len() == 1;
    let candidate = |(text, is_prefix): (String, bool)| {
        let text = crate::db::clean(&text);
        let key = name_beginning(by, &text)?;
        let is_whole = is_all_of(&text, &key) || weight(&key.1) >= EXACT_WEIGHT;
        let is_exact = is_single && is_prefix && is_whole;
        Some(Candidate { rank: rank(weight(&text)), lists: vec![key], is_exact })
    };
    texts.into_iter().filter_map(candidate).collect()
}

/// One box for name and numbers: a choice for each word, and each is of two lists.
fn anything(matching: &Matching) -> Vec<Candidate> {
    let words = anything_words(matching).unwrap_or_default();
    let is_single = words.len() == 1;
    let candidate = |word: &String| {
        // A word of delimiters only is in no name.
        let folded = crate::names::words(word).into_iter().next();
        let name = folded.as_deref().and_then(|folded| name_beginning(By::Name, folded));
        let lists: Vec<ListKey> = name.into_iter().chain(identifier_beginning(word)).collect();
        let is_exact = is_single && lists.iter().all(|list| is_all_of(word, list));
        Candidate { rank: rank(weight(&fold(word))), lists, is_exact }
    };
    words.iter().map(candidate).filter(Candidate::is_usable).collect()
}

/// A beginning of so much weight is hardly shared by names that go on differently.
const EXACT_WEIGHT: usize = 6;

/// Where a beginning of that weight stands between few and all.
fn rank(weight: usize) -> usize {
    8_usize.saturating_sub(weight).max(1)
}

/// How much a text tells names apart: a Chinese character as much as three letters.
fn weight(text: &str) -> usize {
    text.chars().map(|c| if is_han(c) { 3 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn single(text: &str) -> Matching {
        Matching::Single(text.to_owned())
    }
    fn wild(text: &str) -> Matching {
        Matching::Wildcard(text.to_owned())
    }
    fn fuzzy(text: &str) -> Matching {
        Matching::Fuzzy(text.to_owned())
    }

    /// The lists of the best guess, and whether the search stays open.
    fn best(filters: &[(Key, Matching)]) -> (Vec<ListKey>, bool) {
        let Drivers::Lists { candidates, is_open } = drivers(filters) else { panic!("by lists") };
        (candidates[0].lists.clone(), is_open)
    }

    #[test]
    fn each_key_has_its_list() {
        for (key, matching, by, text, is_open) in [
            (Key::PatientId, single("P1"), By::PatientId, "P1", false),
            (Key::PatientId, wild("P1*"), By::Identifier, "p1", false),
            (Key::PatientId, wild("P12*"), By::Identifier, "p1", true),
            (Key::PatientId, wild("P1*7"), By::Identifier, "p1", true),
            (Key::AccessionNumber, single("A1"), By::Accession, "A1", false),
            (Key::PatientName, wild("Zhan*"), By::Name, "zhan", false),
            (Key::PatientName, wild("Zhang*"), By::Name, "zhan", true),
            (Key::PatientName, wild("Zhang^Wei*"), By::Name, "zhangwei", false),
            (Key::PatientName, wild("*=张*"), By::Name, "张", false),
            (Key::PatientName, wild("张*丰"), By::Name, "张", true),
            (Key::PatientName, fuzzy("zhangsan"), By::Name, "zhangsan", false),
            (Key::PatientName, fuzzy("li zhangsan"), By::Name, "zhangsan", true),
            (Key::PatientName, single("Zhang^San"), By::Name, "zhangsan", false),
            (Key::ReferringPhysicianName, single("王医生"), By::Referring, "王医生", false),
            (Key::ModalitiesInStudy, single("CT"), By::Modality, "CT", false),
            (Key::StudyDate, single("20260101"), By::All, "", false),
            (Key::StudyDescription, wild("x*"), By::All, "", true),
            (Key::PatientName, wild("*zhang"), By::All, "", true),
        ] {
            let expected = (vec![(by, text.to_owned())], is_open);
            assert_eq!(best(&[(key, matching.clone())]), expected, "{key:?} {matching:?}");
        }
        let (lists, is_open) = best(&[(Key::Anything, fuzzy("zs"))]);
        assert_eq!(lists.iter().map(|(by, _)| *by).collect::<Vec<_>>(), [By::Name, By::Identifier]);
        assert!(!is_open);
    }

    #[test]
    fn what_narrows_most_is_guessed_first() {
        let filters = [
            (Key::ModalitiesInStudy, single("CT")),
            (Key::PatientName, fuzzy("zhangsan")),
            (Key::AccessionNumber, single("A1")),
        ];
        assert_eq!(best(&filters), (vec![(By::Accession, "A1".to_owned())], true));
        assert_eq!(best(&filters[..2]), (vec![(By::Name, "zhangsan".to_owned())], true));
    }

    #[test]
    fn a_uid_drives_before_everything_else() {
        let filters = [
            (Key::PatientId, single("P1")),
            (Key::StudyInstanceUid, single("1")),
            (Key::SeriesInstanceUid, single("2")),
        ];
        assert_eq!(drivers(&filters), Drivers::Uid(Level::Series, vec!["2".to_owned()]));
    }
}
