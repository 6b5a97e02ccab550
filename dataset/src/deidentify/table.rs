//! PS3.15 Table E.1-1, as `table.tsv` holds it.

use crate::Tag;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("table.tsv");

/// What a profile or option does with an attribute (PS3.15 Table E.1-1a). Where the standard leaves the choice to the
/// attribute's type, it is what conforms to every type: X/Z is Z, X/D and Z/D and X/Z/D are D, X/Z/U* is U.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// X: taken out.
    Remove,
    /// Z: empty.
    Empty,
    /// D: another value of the same kind.
    Dummy,
    /// U: another UID, the same for the same one.
    Uid,
    /// K: as it is.
    Keep,
    /// C: what identifies is taken out of it.
    Clean,
}

impl Action {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            "X" => Self::Remove,
            "Z" | "X/Z" => Self::Empty,
            "D" | "X/D" | "Z/D" | "X/Z/D" => Self::Dummy,
            "U" | "X/Z/U" => Self::Uid,
            "K" => Self::Keep,
            "C" => Self::Clean,
            _ => return None,
        })
    }
}

/// One row: the basic profile's action, and those of options by their code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    /// Keyword of the attribute.
    pub attribute: &'static str,
    /// Basic Application Level Confidentiality Profile.
    pub basic: Action,
    /// Code of the option (PS3.16 CID 7050) and its action.
    pub options: Vec<(&'static str, Action)>,
}

/// All rows that name one attribute. Those of repeating groups (50xx, 60xx) and of private attributes are rules of the
/// walk: whatever is in them is taken out.
#[must_use]
pub fn rows() -> &'static BTreeMap<Tag, TableRow> {
    static ROWS: LazyLock<BTreeMap<Tag, TableRow>> = LazyLock::new(read);
    &ROWS
}

fn read() -> BTreeMap<Tag, TableRow> {
    let mut codes: Vec<&'static str> = Vec::new();
    let mut rows = BTreeMap::new();
    for line in TEXT.lines() {
        let fields: Vec<&'static str> = line.split('\t').collect();
        match fields.as_slice() {
            ["# tag", _, header @ ..] => codes = header.to_vec(),
            [tag, attribute, basic, options @ ..] => {
                let (Some(tag), Some(basic)) = (crate::dictionary::tag_of_hex(tag), Action::of(basic)) else {
                    continue;
                };
                let named = codes.iter().skip(1).zip(options);
                let options = named.filter_map(|(code, action)| Some((*code, Action::of(action)?))).collect();
                rows.insert(tag, TableRow { attribute, basic, options });
            }
            _ => {}
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_row() {
        let lines = TEXT.lines().filter(|line| !line.starts_with('#')).count();
        // 50xx,xxxx, 60xx,3000, 60xx,4000 and private attributes.
        assert_eq!(rows().len(), lines - 4);
        assert!(rows().len() > 640);
        let name = &rows()[&Tag(0x0010, 0x0010)];
        assert_eq!((name.attribute, name.basic, name.options.len()), ("PatientName", Action::Empty, 0));
        let date = &rows()[&Tag(0x0008, 0x0022)];
        assert_eq!(date.options, [("113106", Action::Keep), ("113107", Action::Clean)]);
    }
}
