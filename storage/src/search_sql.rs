//! From a query to SQL: which list or index drives it, and the conditions on the rows that come off it.
//!
//! What an organisation owns and what it has been granted are lists of their own (`listing.rs`), each read newest first,
//! cut to the rows that are wanted and then merged: `owner = ? OR id IN (grants)` would walk everything.

use crate::db::{Bindings, Dialect};
use crate::listing::{By, ListKey, ListOf, entry, identifier_beginning, name_beginning};
use crate::names::{ANY, ONE, fold, group_patterns, groups, is_han, words};
use crate::search_match::{Conditions, anything_words, exists, is_universal, level_of, moments};
use model::{Key, Level, Matching, OrgId, Query, Reach, Scope};

/// Rows to skip and rows to take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub limit: i64,
    pub offset: i64,
}

/// A statement with its values.
pub(crate) struct Statement {
    pub text: String,
    pub values: Bindings,
}

/// One of the reaches that make an answer.
#[derive(Clone, Copy)]
enum Arm<'a> {
    /// What an organisation owns.
    Own(&'a OrgId),
    /// What it has been granted.
    Granted(&'a OrgId),
    /// What one owner has granted it.
    GrantedBy { viewer: &'a OrgId, owner: &'a OrgId },
    /// Everything.
    All,
}

/// What rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Driver {
    /// Studies, or series or instances when rows are at such a level, with one of some UIDs.
    Uid(Level, Vec<String>),
    /// Lists, of which each row stands in at least one.
    Lists(Vec<ListKey>),
}

/// Values of one key that are each looked for in a list of its own; more are a condition only.
const ALTERNATIVES_MAX: usize = 8;

/// The order of each level's rows.
fn order(level: Level) -> &'static str {
    match level {
        Level::Patient | Level::Study => "moment DESC, study_id DESC",
        Level::Series => "moment DESC, study_id DESC, series_number, series_uid",
        Level::Instance => "moment DESC, study_id DESC, series_number, series_uid, instance_number, sop_uid",
    }
}

/// Identifiers of the rows that match, in order: `moment`, `study_id`, `id` and what else the order needs.
pub(crate) fn statement(scope: &Scope, query: &Query, window: Window, dialect: Dialect) -> Statement {
    let mut values = Bindings::default();
    let arms: Vec<Arm<'_>> = match &scope.reach {
        Reach::Node => vec![Arm::All],
        Reach::Granted(viewer) => vec![Arm::Own(viewer), Arm::Granted(viewer)],
        Reach::OwnedBy { viewer, owner } if viewer == owner => vec![Arm::Own(viewer)],
        Reach::OwnedBy { viewer, owner } => vec![Arm::GrantedBy { viewer, owner }],
    };
    let filters: Vec<(Key, Matching)> =
        query.filters.iter().filter(|(key, matching)| !is_universal(*key, matching)).cloned().collect();
    let driver = driver(&filters);
    let lists: Vec<Option<ListKey>> = match &driver {
        Driver::Lists(keys) => keys.iter().cloned().map(Some).collect(),
        Driver::Uid(..) => vec![None],
    };
    let take = window.limit.saturating_add(window.offset);
    let mut selects = Vec::new();
    for arm in arms {
        for list in &lists {
            let mut select =
                Select { arm, level: query.level, filters: &filters, values: &mut values, dialect };
            let text = match (&driver, arm) {
                (Driver::Uid(level, uids), _) => select.by_uid(*level, uids),
                // The node has no lists: it looks at studies in their order.
                (Driver::Lists(_), Arm::All) => select.by_moment(),
                (Driver::Lists(_), _) => select.by_list(list.as_ref()),
            };
            let take = values.number(take);
            // SQLite takes an ordered list inside a union only as a sub-select of its own.
            selects.push(format!("SELECT * FROM ({text} LIMIT {take}) AS a"));
            if matches!(arm, Arm::All) {
                break;
            }
        }
    }
    // A row may stand in several lists of one arm.
    let union = if lists.len() > 1 { " UNION " } else { " UNION ALL " };
    let (limit, offset) = (values.number(window.limit), values.number(window.offset));
    let text = format!(
        "SELECT * FROM ({}) AS x ORDER BY {} LIMIT {limit} OFFSET {offset}",
        selects.join(union),
        order(query.level)
    );
    Statement { text, values }
}

/// Chooses what narrows most, by what the keys are.
fn driver(filters: &[(Key, Matching)]) -> Driver {
    for (key, uid_level) in [
        (Key::SopInstanceUid, Level::Instance),
        (Key::SeriesInstanceUid, Level::Series),
        (Key::StudyInstanceUid, Level::Study),
    ] {
        let found = filters.iter().find_map(|(known, matching)| match matching {
            Matching::Single(uid) if *known == key => Some(vec![uid.clone()]),
            Matching::AnyOf(all) if *known == key && !all.iter().any(|uid| uid.contains(['*', '?'])) => {
                Some(all.clone())
            }
            _ => None,
        });
        if let Some(uids) = found {
            return Driver::Uid(uid_level, uids);
        }
    }
    filters
        .iter()
        .filter_map(|(key, matching)| lists(*key, matching))
        .min_by_key(|(rank, _)| *rank)
        .map_or_else(|| Driver::Lists(vec![(By::All, String::new())]), |(_, lists)| Driver::Lists(lists))
}

/// The lists that a condition's studies stand in, and how many they may be: 0 few, 9 all.
fn lists(key: Key, matching: &Matching) -> Option<(usize, Vec<ListKey>)> {
    let exact = |rank, by| values_of(matching).map(|all| (rank, all.into_iter().map(|v| (by, v)).collect()));
    let all: (usize, Vec<ListKey>) = match key {
        Key::PatientId => exact(0, By::PatientId).or_else(|| identifier(matching))?,
        Key::AccessionNumber => exact(0, By::Accession).or_else(|| identifier(matching))?,
        Key::ScheduledProcedureStepId => exact(0, By::ProcedureStep)?,
        Key::RequestedProcedureId => exact(0, By::Procedure)?,
        Key::StudyId => exact(1, By::StudyId)?,
        Key::PatientBirthDate => match matching {
            Matching::Single(text) if crate::attributes::digits(text).len() == 8 => {
                (2, vec![(By::BirthDate, crate::attributes::digits(text))])
            }
            _ => return None,
        },
        Key::PatientName => name(By::Name, matching)?,
        Key::ReferringPhysicianName => name(By::Referring, matching)?,
        Key::ModalitiesInStudy | Key::Modality => exact(7, By::Modality)?,
        Key::SopClassUid => exact(7, By::SopClass)?,
        Key::Anything => {
            let words = anything_words(matching)?;
            let word = words.iter().max_by_key(|word| weight(&fold(word)))?;
            // A word of delimiters only is in no name.
            let name = crate::names::words(word).first().and_then(|word| name_beginning(By::Name, word));
            let all: Vec<ListKey> = name.into_iter().chain(identifier_beginning(word)).collect();
            (rank(weight(&fold(word))), all)
        }
        _ => return None,
    };
    (1..=ALTERNATIVES_MAX).contains(&all.1.len()).then_some(all)
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
fn identifier(matching: &Matching) -> Option<(usize, Vec<ListKey>)> {
    let Matching::Wildcard(text) = matching else { return None };
    let prefix: String = text.trim_start().chars().take_while(|c| !matches!(c, '*' | '?' | '\0')).collect();
    let key = identifier_beginning(&prefix)?;
    Some((rank(key.1.chars().count()), vec![key]))
}

fn name(by: By, matching: &Matching) -> Option<(usize, Vec<ListKey>)> {
    let texts: Vec<String> = match matching {
        Matching::Single(text) => groups(text).map(fold).collect(),
        Matching::Wildcard(text) => groups(text)
            .filter_map(group_patterns)
            .filter_map(|patterns| {
                let first = patterns.into_iter().next()?;
                Some(first.chars().take_while(|c| !matches!(*c, ANY | ONE)).collect())
            })
            .collect(),
        Matching::Fuzzy(text) => words(text),
        Matching::AnyOf(_) | Matching::Range { .. } | Matching::Empty => return None,
    };
    let text = texts.iter().max_by_key(|text| weight(text))?;
    Some((rank(weight(text)), vec![name_beginning(by, &crate::db::clean(text))?]))
}

/// Where a beginning of that weight stands between few and all.
fn rank(weight: usize) -> usize {
    8_usize.saturating_sub(weight).max(1)
}

/// How much a text tells names apart: a Chinese character as much as three letters.
fn weight(text: &str) -> usize {
    text.chars().map(|c| if is_han(c) { 3 } else { 1 }).sum()
}

/// One ordered list of rows.
struct Select<'a, 'v> {
    arm: Arm<'a>,
    level: Level,
    filters: &'a [(Key, Matching)],
    values: &'v mut Bindings,
    dialect: Dialect,
}

impl Select<'_, '_> {
    fn by_list(&mut self, key: Option<&ListKey>) -> String {
        let list = match self.arm {
            Arm::Own(owner) | Arm::GrantedBy { owner, .. } => ListOf::Own(owner),
            Arm::Granted(viewer) => ListOf::Granted(viewer),
            Arm::All => return self.by_moment(),
        };
        let number = key.map_or(0, |key| entry(list, key));
        let mut conditions = vec![format!("k.entry = {}", self.values.number(number))];
        let (first, last) = moments(self.filters);
        if let Some(first) = first {
            conditions.push(format!("k.moment >= {}", self.values.number(first)));
        }
        if let Some(last) = last {
            conditions.push(format!("k.moment <= {}", self.values.number(last)));
        }
        conditions.push("s.id = k.study_id".to_owned());
        // An entry of before the study's date was corrected is none.
        conditions.push(
            "CAST(k.moment + 100000000000000 AS TEXT) = '1' || substr(s.moment || '00000000000000', 1, 14)"
                .to_owned(),
        );
        self.text(&["study_listing k", "study s"], "k.moment", "k.study_id", conditions)
    }

    fn by_moment(&mut self) -> String {
        self.text(&["study s"], "s.moment", "s.id", Vec::new())
    }

    /// From the UID's own index: up to the study, and down to the rows.
    fn by_uid(&mut self, uid_level: Level, uids: &[String]) -> String {
        let uids: Vec<String> = uids.iter().map(|uid| uid.trim().to_owned()).collect();
        let list = self.values.list(&uids);
        let of = |table: &str, column: &str| {
            format!("(SELECT DISTINCT study_id FROM {table} WHERE {column} IN ({list})) u")
        };
        let above = "s.id = u.study_id".to_owned();
        let (of_series, of_instances) = (of("series", "series_uid"), of("instance", "sop_uid"));
        let (tables, condition) = match (uid_level, self.level) {
            (Level::Instance, Level::Instance) => {
                (vec!["instance i", "series e", "study s"], format!("i.sop_uid IN ({list})"))
            }
            (Level::Series, Level::Series | Level::Instance) => {
                (vec!["series e", "study s"], format!("e.series_uid IN ({list})"))
            }
            (Level::Series, _) => (vec![of_series.as_str(), "study s"], above),
            (Level::Instance, _) => (vec![of_instances.as_str(), "study s"], above),
            _ => (vec!["study s"], format!("s.study_uid IN ({list})")),
        };
        self.text(&tables, "s.moment", "s.id", vec![condition])
    }

    /// The whole select. `CROSS JOIN` keeps SQLite to this order of tables; PostgreSQL has statistics.
    fn text(&mut self, tables: &[&str], moment: &str, study_id: &str, mut conditions: Vec<String>) -> String {
        let mut tables: Vec<&str> = tables.to_vec();
        if self.level >= Level::Series {
            if !tables.contains(&"series e") {
                tables.push("series e");
            }
            conditions.push("e.study_id = s.id".to_owned());
        }
        if self.level == Level::Instance {
            if !tables.contains(&"instance i") {
                tables.push("instance i");
            }
            conditions.push("i.series_id = e.id".to_owned());
        }
        self.reach("s", &mut conditions);
        self.filter(&mut conditions);
        let (id, columns) = match self.level {
            Level::Patient | Level::Study => ("s.id", ""),
            Level::Series => ("e.id", ", e.series_number, e.series_uid"),
            Level::Instance => ("i.id", ", e.series_number, e.series_uid, i.instance_number, i.sop_uid"),
        };
        let rest = match self.level {
            Level::Patient | Level::Study => "",
            Level::Series => ", e.series_number, e.series_uid",
            Level::Instance => ", e.series_number, e.series_uid, i.instance_number, i.sop_uid",
        };
        let conditions = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        format!(
            "SELECT {moment} AS moment, {study_id} AS study_id, {id} AS id{columns} FROM {}{conditions} \
             ORDER BY {moment} DESC, {study_id} DESC{rest}",
            tables.join(" CROSS JOIN ")
        )
    }

    /// What the arm may see.
    fn reach(&mut self, s: &str, conditions: &mut Vec<String>) {
        match self.arm {
            // What is hidden has an owner that begins with a hyphen, and is nobody's.
            Arm::All => conditions.push(format!("{s}.owner >= '0'")),
            Arm::Own(owner) => conditions.push(format!("{s}.owner = {}", self.values.text(owner.as_str()))),
            Arm::Granted(viewer) => {
                let viewer = self.values.text(viewer.as_str());
                conditions.push(format!("{s}.owner <> {viewer}"));
                conditions.push(granted(s, &viewer));
            }
            Arm::GrantedBy { viewer, owner } => {
                let (viewer, owner) = (self.values.text(viewer.as_str()), self.values.text(owner.as_str()));
                conditions.push(format!("{s}.owner = {owner}"));
                conditions.push(granted(s, &viewer));
            }
        }
    }

    fn filter(&mut self, conditions: &mut Vec<String>) {
        let deeper: Vec<&(Key, Matching)> =
            self.filters.iter().filter(|(key, _)| level_of(*key) > self.level.max(Level::Study)).collect();
        for (key, matching) in self.filters {
            let key_level = level_of(*key);
            if key_level <= Level::Study {
                conditions.push(self.conditions().study("s", *key, matching));
            } else if key_level <= self.level && !is_step(*key) {
                conditions.push(self.conditions().below(["e", "t", "i"], *key, matching));
            }
        }
        if self.level >= Level::Series {
            conditions.extend(self.steps("e", self.filters));
        }
        if !deeper.is_empty() {
            conditions.push(self.has_below("s", &deeper));
        }
        if self.level == Level::Patient {
            conditions.push(self.is_newest(&deeper));
        }
    }

    fn conditions(&mut self) -> Conditions<'_> {
        Conditions { values: self.values, dialect: self.dialect }
    }

    /// That a series has a step such as all of these keys ask for.
    fn steps(&mut self, e: &str, filters: &[(Key, Matching)]) -> Option<String> {
        let all: Vec<String> = filters
            .iter()
            .filter(|(key, _)| is_step(*key))
            .map(|(key, matching)| self.conditions().below([e, "t", "i"], *key, matching))
            .collect();
        (!all.is_empty())
            .then(|| exists(&format!("series_step t WHERE t.series_id = {e}.id AND {}", all.join(" AND "))))
    }

    /// That there is one below the row such as all of these keys ask for.
    fn has_below(&mut self, s: &str, deeper: &[&(Key, Matching)]) -> String {
        // The study keeps lists of what its series and instances are.
        if let [(key, Matching::Single(value))] = deeper
            && self.level < Level::Series
            && let Some(column) = maintained(*key)
        {
            return self.conditions().has_value(s, column, value);
        }
        let mut conditions: Vec<String> = deeper
            .iter()
            .filter(|(key, _)| !is_step(*key))
            .map(|(key, matching)| self.conditions().below(["d", "t", "j"], *key, matching))
            .collect();
        let has_instance = deeper.iter().any(|(key, _)| level_of(*key) == Level::Instance);
        if self.level == Level::Series {
            return exists(&format!("instance j WHERE j.series_id = e.id AND {}", conditions.join(" AND ")));
        }
        let steps: Vec<(Key, Matching)> =
            deeper.iter().filter(|(key, _)| is_step(*key)).map(|f| (*f).clone()).collect();
        conditions.extend(self.steps("d", &steps));
        let instances = if has_instance { " CROSS JOIN instance j" } else { "" };
        if has_instance {
            conditions.insert(0, "j.series_id = d.id".to_owned());
        }
        exists(&format!("series d{instances} WHERE d.study_id = {s}.id AND {}", conditions.join(" AND ")))
    }

    /// That no newer study of the same patient is an answer too.
    fn is_newest(&mut self, deeper: &[&(Key, Matching)]) -> String {
        let mut conditions = vec![
            "n.owner = s.owner".to_owned(),
            "n.patient_id = s.patient_id".to_owned(),
            "(n.moment > s.moment OR (n.moment = s.moment AND n.id > s.id))".to_owned(),
        ];
        self.reach("n", &mut conditions);
        for (key, matching) in self.filters {
            if level_of(*key) <= Level::Study {
                conditions.push(self.conditions().study("n", *key, matching));
            }
        }
        if !deeper.is_empty() {
            conditions.push(self.has_below("n", deeper));
        }
        let newer = exists(&format!("study n WHERE {}", conditions.join(" AND ")));
        format!("(s.patient_id = '' OR NOT COALESCE({newer}, 1 = 0))")
    }
}

/// A grant of a study to whom a placeholder names.
pub(crate) fn granted(s: &str, viewer: &str) -> String {
    exists(&format!("study_grant g WHERE g.study_id = {s}.id AND g.grantee = {viewer}"))
}

fn is_step(key: Key) -> bool {
    matches!(
        key,
        Key::PerformedStepStartDate
            | Key::PerformedStepStartTime
            | Key::ScheduledProcedureStepId
            | Key::RequestedProcedureId
    )
}

/// The column in which a study keeps all values of a key.
fn maintained(key: Key) -> Option<&'static str> {
    match key {
        Key::Modality => Some("modalities"),
        Key::SopClassUid => Some("sop_classes"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driven(key: Key, matching: Matching) -> Driver {
        driver(&[(key, matching)])
    }

    #[test]
    fn each_key_has_its_list() {
        let single = |text: &str| Matching::Single(text.to_owned());
        let wild = |text: &str| Matching::Wildcard(text.to_owned());
        let fuzzy = |text: &str| Matching::Fuzzy(text.to_owned());
        for (key, matching, by, text) in [
            (Key::PatientId, single("P1"), By::PatientId, "P1"),
            (Key::PatientId, wild("P12*"), By::Identifier, "p1"),
            (Key::AccessionNumber, single("A1"), By::Accession, "A1"),
            (Key::PatientName, wild("Zhang*"), By::Name, "zhan"),
            (Key::PatientName, wild("*=张*"), By::Name, "张"),
            (Key::PatientName, fuzzy("li zhangsan"), By::Name, "zhangsan"),
            (Key::PatientName, single("Zhang^San"), By::Name, "zhangsan"),
            (Key::ReferringPhysicianName, single("王医生"), By::Referring, "王医生"),
            (Key::ModalitiesInStudy, single("CT"), By::Modality, "CT"),
            (Key::StudyDescription, wild("x*"), By::All, ""),
            (Key::PatientName, wild("*zhang"), By::All, ""),
        ] {
            let expected = Driver::Lists(vec![(by, text.to_owned())]);
            assert_eq!(driven(key, matching.clone()), expected, "{key:?} {matching:?}");
        }
        let Driver::Lists(lists) = driven(Key::Anything, fuzzy("zs")) else { panic!("lists") };
        assert_eq!(lists.iter().map(|(by, _)| *by).collect::<Vec<_>>(), [By::Name, By::Identifier]);
    }

    #[test]
    fn what_narrows_most_drives() {
        let filters = [
            (Key::ModalitiesInStudy, Matching::Single("CT".to_owned())),
            (Key::PatientName, Matching::Fuzzy("zhangsan".to_owned())),
            (Key::AccessionNumber, Matching::Single("A1".to_owned())),
        ];
        assert_eq!(driver(&filters), Driver::Lists(vec![(By::Accession, "A1".to_owned())]));
        assert_eq!(driver(&filters[..2]), Driver::Lists(vec![(By::Name, "zhangsan".to_owned())]));
    }
}
