//! From a query to SQL: ordered walks, each along a list or an index, and the conditions on the rows that come off them.
//!
//! What an organisation owns and what it has been granted are lists of their own (`listing.rs`), each read newest first,
//! cut to the rows that are wanted and then merged: `owner = ? OR id IN (grants)` would walk everything.

use crate::db::{Bindings, Dialect};
use crate::labels::{count_of_series, count_of_study};
use crate::search_match::{Conditions, exists, level_of, moments};
use model::{Key, Level, Matching, OrgId};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arm<'a> {
    /// What an organisation owns.
    Own(&'a OrgId),
    /// The same without what shows the label of a slide.
    OwnWithoutLabels(&'a OrgId),
    /// What it has been granted.
    Granted(&'a OrgId),
    /// What one owner has granted it.
    GrantedBy { viewer: &'a OrgId, owner: &'a OrgId },
    /// Everything.
    All,
}

impl Arm<'_> {
    /// Whether what shows the label of a slide is not there.
    fn is_without_labels(self) -> bool {
        matches!(self, Self::OwnWithoutLabels(_) | Self::Granted(_) | Self::GrantedBy { .. })
    }
}

/// What the studies of one reach come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Studies, or series or instances when rows are at such a level, with one of some UIDs.
    Uid(Level, Vec<String>),
    /// A list, from its newest study down to this moment.
    List { entry: i64, floor: Option<i64> },
    /// All studies of the node, newest first.
    Moments,
}

/// Studies in their order, of one reach and from one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Walk<'a> {
    pub arm: Arm<'a>,
    pub source: Source,
}

/// The order of each level's rows.
fn order(level: Level) -> &'static str {
    match level {
        Level::Patient | Level::Study => "moment DESC, study_id DESC",
        Level::Series => "moment DESC, study_id DESC, series_number, series_uid",
        Level::Instance => "moment DESC, study_id DESC, series_number, series_uid, instance_number, sop_uid",
    }
}

/// Identifiers of the rows that match, in order: `moment`, `study_id`, `id` and what else the order needs.
pub(crate) fn statement(
    walks: &[Walk<'_>],
    level: Level,
    filters: &[(Key, Matching)],
    window: Window,
    dialect: Dialect,
) -> Statement {
    let mut values = Bindings::default();
    // Numbers in the text: a planner that does not know how few rows are wanted sorts whole lists.
    let Window { limit, offset } = window;
    let take = limit.saturating_add(offset);
    let mut selects = Vec::with_capacity(walks.len());
    for walk in walks {
        let mut select = Select { arm: walk.arm, level, filters, values: &mut values, dialect };
        let text = match &walk.source {
            Source::Uid(uid_level, uids) => select.by_uid(*uid_level, uids),
            Source::List { entry, floor } => select.by_list(*entry, *floor),
            Source::Moments => select.by_moment(),
        };
        // SQLite takes an ordered list inside a union only as a sub-select of its own.
        selects.push(format!("SELECT * FROM ({text} LIMIT {take}) AS a"));
    }
    // A row may stand in several lists of one reach.
    let may_repeat = walks.iter().enumerate().any(|(i, walk)| walks[..i].iter().any(|w| w.arm == walk.arm));
    let union = if may_repeat { " UNION " } else { " UNION ALL " };
    let text = format!(
        "SELECT * FROM ({}) AS x ORDER BY {} LIMIT {limit} OFFSET {offset}",
        selects.join(union),
        order(level)
    );
    Statement { text, values }
}

/// Of each list, the moment of the study that stands `depth` places below the newest one within the dates that are
/// asked for; `NULL` where the list is shorter. One row, one column for each list.
pub(crate) fn depths(entries: &[i64], filters: &[(Key, Matching)], depth: u32) -> Statement {
    let mut values = Bindings::default();
    let (first, last) = moments(filters);
    let columns: Vec<String> = entries
        .iter()
        .map(|entry| {
            let range = range(&mut values, *entry, first, last).join(" AND ");
            format!(
                "(SELECT k.moment FROM study_listing k WHERE {range} ORDER BY k.moment DESC, k.study_id DESC \
                 LIMIT 1 OFFSET {depth})"
            )
        })
        .collect();
    Statement { text: format!("SELECT {}", columns.join(", ")), values }
}

/// The part of a list between two moments.
fn range(values: &mut Bindings, entry: i64, first: Option<i64>, last: Option<i64>) -> Vec<String> {
    let mut conditions = vec![format!("k.entry = {}", values.number(entry))];
    conditions.extend(first.map(|first| format!("k.moment >= {}", values.number(first))));
    conditions.extend(last.map(|last| format!("k.moment <= {}", values.number(last))));
    conditions
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
    fn by_list(&mut self, entry: i64, floor: Option<i64>) -> String {
        let (first, last) = moments(self.filters);
        let mut conditions = range(self.values, entry, first.max(floor), last);
        // An entry of before the study's date was corrected is none.
        conditions.push(
            "CAST(k.moment + 100000000000000 AS TEXT) = '1' || substr(s.moment || '00000000000000', 1, 14)"
                .to_owned(),
        );
        let tables = vec![("study_listing k", ""), ("study s", "s.id = k.study_id")];
        self.text(tables, "k.moment", "k.study_id", conditions)
    }

    fn by_moment(&mut self) -> String {
        self.text(vec![("study s", "")], "s.moment", "s.id", Vec::new())
    }

    /// From the UID's own index: up to the study, and down to the rows.
    fn by_uid(&mut self, uid_level: Level, uids: &[String]) -> String {
        let uids: Vec<String> = uids.iter().map(|uid| uid.trim().to_owned()).collect();
        let list = self.values.list(&uids);
        let of = |table: &str, column: &str| {
            format!("(SELECT DISTINCT study_id FROM {table} WHERE {column} IN ({list})) u")
        };
        let (of_series, of_instances) = (of("series", "series_uid"), of("instance", "sop_uid"));
        let (mut conditions, above) = (Vec::new(), ("study s", "s.id = u.study_id"));
        let tables = match (uid_level, self.level) {
            (Level::Instance, Level::Instance) => {
                conditions.push(format!("i.sop_uid IN ({list})"));
                vec![("instance i", ""), ("series e", "e.id = i.series_id"), ("study s", "s.id = e.study_id")]
            }
            (Level::Series, Level::Series | Level::Instance) => {
                conditions.push(format!("e.series_uid IN ({list})"));
                vec![("series e", ""), ("study s", "s.id = e.study_id")]
            }
            (Level::Series, _) => vec![(of_series.as_str(), ""), above],
            (Level::Instance, _) => vec![(of_instances.as_str(), ""), above],
            _ => {
                conditions.push(format!("s.study_uid IN ({list})"));
                vec![("study s", "")]
            }
        };
        self.text(tables, "s.moment", "s.id", conditions)
    }

    /// The whole select. Tables come in the order in which they are read, each with what leads to it from those before.
    fn text(
        &mut self,
        mut tables: Vec<(&str, &str)>,
        moment: &str,
        study_id: &str,
        mut conditions: Vec<String>,
    ) -> String {
        let has = |tables: &[(&str, &str)], table: &str| tables.iter().any(|(known, _)| *known == table);
        if self.level >= Level::Series && !has(&tables, "series e") {
            tables.push(("series e", "e.study_id = s.id"));
        }
        if self.level == Level::Instance && !has(&tables, "instance i") {
            tables.push(("instance i", "i.series_id = e.id"));
        }
        self.reach("s", &mut conditions);
        if self.arm.is_without_labels() {
            match self.level {
                Level::Patient | Level::Study => {}
                Level::Series => conditions.push(format!("e.instance_count > {}", count_of_series("e"))),
                Level::Instance => conditions.push("i.shows_label = 0".to_owned()),
            }
        }
        self.filter(&mut conditions);
        let (id, columns) = match self.level {
            Level::Patient | Level::Study => ("s.id", ""),
            Level::Series => ("e.id", ", e.series_number, e.series_uid"),
            Level::Instance => ("i.id", ", e.series_number, e.series_uid, i.instance_number, i.sop_uid"),
        };
        let from = self.joined(&tables, &mut conditions);
        let conditions = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        format!(
            "SELECT {moment} AS moment, {study_id} AS study_id, {id} AS id{columns} FROM {from}{conditions} \
             ORDER BY {moment} DESC, {study_id} DESC{columns}"
        )
    }

    /// Joins tables so that they are read in this order and no other, row by row: `CROSS JOIN` keeps SQLite to it, and a
    /// lateral sub-select with an `OFFSET` keeps PostgreSQL from reading a list whole, joining it by hash and sorting it.
    fn joined(&self, tables: &[(&str, &str)], conditions: &mut Vec<String>) -> String {
        let mut from = String::new();
        for (table, link) in tables {
            match self.dialect {
                _ if from.is_empty() => from += table,
                Dialect::Sqlite => {
                    conditions.push((*link).to_owned());
                    from += &format!(" CROSS JOIN {table}");
                }
                Dialect::Postgres => {
                    let alias = table.rsplit(' ').next().unwrap_or_default();
                    from += &format!(
                        " CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {link} OFFSET 0) AS {alias}"
                    );
                }
            }
        }
        from
    }

    /// What the arm may see.
    fn reach(&mut self, s: &str, conditions: &mut Vec<String>) {
        match self.arm {
            // What is hidden has an owner that begins with a hyphen, and is nobody's.
            Arm::All => conditions.push(format!("{s}.owner >= '0'")),
            Arm::Own(owner) | Arm::OwnWithoutLabels(owner) => {
                conditions.push(format!("{s}.owner = {}", self.values.text(owner.as_str())))
            }
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
        if self.arm.is_without_labels() {
            conditions.push(format!("{s}.instance_count > {}", count_of_study(s)));
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
        if has_instance && self.arm.is_without_labels() {
            conditions.push("j.shows_label = 0".to_owned());
        }
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
