//! From a query to SQL: conditions on indexed columns and side tables, never a scan where an index will do.
//!
//! Own studies and granted ones are two lists, each cut to the rows that are wanted and then merged: `owner = ? OR id
//! IN (grants)` would walk everything. Side tables end in moment and study, so that the newest rows come off an index.

use crate::attributes::{digits, time_digits};
use crate::db::Bindings;
use crate::names::{fold, is_han};
use model::{Key, Level, Matching, OrgId, Query, Reach, Scope};

/// Rows to skip and rows to take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub limit: i64,
    pub offset: i64,
}

/// A statement that gives `moment, id` of the rows in order.
pub(crate) struct Statement {
    pub text: String,
    pub values: Bindings,
}

/// One of the lists that make an answer.
#[derive(Clone, Copy)]
enum Arm<'a> {
    /// What an organisation owns.
    Own(&'a OrgId),
    /// What it has been granted, perhaps only of one owner.
    Granted(&'a OrgId, Option<&'a OrgId>),
    /// Everything.
    All,
}

/// Greater than every character that a key may go on with.
const LAST: &str = "\u{10FFFF}";
/// The order of each level's rows; `x` is the merged list.
pub(crate) fn order(level: Level) -> &'static str {
    match level {
        Level::Study => "s.moment DESC, s.id DESC",
        Level::Series => "s.moment DESC, s.id DESC, e.series_number, e.series_uid",
        Level::Instance => {
            "s.moment DESC, s.id DESC, e.series_number, e.series_uid, i.instance_number, i.sop_uid"
        }
    }
}

/// Tables down to a level, from the study.
pub(crate) fn joins(level: Level) -> &'static str {
    match level {
        Level::Study => "",
        Level::Series => " JOIN series e ON e.study_id = s.id",
        Level::Instance => " JOIN series e ON e.study_id = s.id JOIN instance i ON i.series_id = e.id",
    }
}

fn id_column(level: Level) -> &'static str {
    match level {
        Level::Study => "s.id",
        Level::Series => "e.id",
        Level::Instance => "i.id",
    }
}

/// Identifiers of the rows that match, in order, as `moment, study_id, id` and what else the order needs.
pub(crate) fn statement(scope: &Scope, query: &Query, window: Window) -> Statement {
    let mut values = Bindings::default();
    let arms: Vec<Arm<'_>> = match &scope.reach {
        Reach::Node => vec![Arm::All],
        Reach::Granted(viewer) => vec![Arm::Own(viewer), Arm::Granted(viewer, None)],
        Reach::OwnedBy { viewer, owner } if viewer == owner => vec![Arm::Own(viewer)],
        Reach::OwnedBy { viewer, owner } => vec![Arm::Granted(viewer, Some(owner))],
    };
    let take = window.limit.saturating_add(window.offset);
    let arms: Vec<String> = arms
        .into_iter()
        .map(|arm| {
            let text = arm_text(arm, query, &mut values);
            let take = values.number(take);
            // SQLite takes an ordered list inside a union only as a sub-select of its own.
            format!("SELECT * FROM ({text} LIMIT {take}) AS a")
        })
        .collect();
    let limit = values.number(window.limit);
    let offset = values.number(window.offset);
    let order = match query.level {
        Level::Study => "moment DESC, study_id DESC",
        Level::Series => "moment DESC, study_id DESC, series_number, series_uid",
        Level::Instance => "moment DESC, study_id DESC, series_number, series_uid, instance_number, sop_uid",
    };
    let text = format!(
        "SELECT id FROM ({}) AS x ORDER BY {order} LIMIT {limit} OFFSET {offset}",
        arms.join(" UNION ALL ")
    );
    Statement { text, values }
}

fn arm_text(arm: Arm<'_>, query: &Query, values: &mut Bindings) -> String {
    let columns = match query.level {
        Level::Study => "",
        Level::Series => ", e.series_number, e.series_uid",
        Level::Instance => ", e.series_number, e.series_uid, i.instance_number, i.sop_uid",
    };
    let mut conditions = Vec::new();
    let mut filters: Vec<&(Key, Matching)> = query.filters.iter().filter(|(_, m)| !is_universal(m)).collect();
    // The list that rows come from in their order: the studies themselves, or a side table.
    let (mut from, mut by) = ("study s".to_owned(), "s");
    match arm {
        // What is hidden has an owner that begins with a hyphen, and is nobody's.
        Arm::All => conditions.push("s.owner >= '0'".to_owned()),
        Arm::Own(owner) => {
            if let Some((driver, rest)) = driver(owner, &filters, values) {
                (from, by) = (driver.from, driver.alias);
                conditions.push(driver.condition);
                filters = rest;
            }
            let owner = values.text(owner.as_str());
            conditions.push(format!("s.owner = {owner}"));
        }
        Arm::Granted(viewer, owner) => {
            (from, by) = ("study_grant g JOIN study s ON s.id = g.study_id".to_owned(), "g");
            let viewer = values.text(viewer.as_str());
            conditions.push(format!("g.grantee = {viewer} AND s.owner <> {viewer}"));
            if let Some(owner) = owner {
                let owner = values.text(owner.as_str());
                conditions.push(format!("s.owner = {owner}"));
            }
        }
    }
    conditions.extend(below(query.level, &filters, values));
    for (key, matching) in &filters {
        if level_of(*key) == Level::Study {
            conditions.push(study_condition(arm, *key, matching, values));
        }
    }
    if conditions.is_empty() {
        conditions.push("1 = 1".to_owned());
    }
    let study_id = if by == "s" { "s.id".to_owned() } else { format!("{by}.study_id") };
    let order = order(query.level).replace("s.moment", &format!("{by}.moment")).replace("s.id", &study_id);
    format!(
        "SELECT {by}.moment AS moment, {study_id} AS study_id, {} AS id{columns} FROM {from}{} WHERE {} ORDER BY {order}",
        id_column(query.level),
        joins(query.level),
        conditions.join(" AND ")
    )
}

/// A side table that gives an organisation's rows in order, for a condition with one exact key.
struct Driver {
    from: String,
    alias: &'static str,
    condition: String,
}

fn driver<'q>(
    owner: &OrgId,
    filters: &[&'q (Key, Matching)],
    values: &mut Bindings,
) -> Option<(Driver, Vec<&'q (Key, Matching)>)> {
    for (i, (key, matching)) in filters.iter().map(|f| (f.0, &f.1)).enumerate() {
        let (table, column, alias, value) = match (key, matching) {
            (Key::PatientName, Matching::Fuzzy(text)) => {
                let folded = fold(&bare(text));
                if !is_exact_key(&folded) {
                    continue;
                }
                ("study_key", "name_key", "k", format!("p{folded}"))
            }
            (Key::PatientName, Matching::Single(text)) if !text.contains('=') => {
                ("study_key", "name_key", "k", format!("P{}", fold(text)))
            }
            (Key::ModalitiesInStudy, Matching::Single(text)) => {
                ("study_modality", "modality", "m", text.clone())
            }
            _ => continue,
        };
        let owner = values.text(owner.as_str());
        let value = values.text(value);
        let driver = Driver {
            from: format!("{table} {alias} JOIN study s ON s.id = {alias}.study_id"),
            alias,
            condition: format!("{alias}.owner = {owner} AND {alias}.{column} = {value}"),
        };
        let rest = filters.iter().enumerate().filter(|(n, _)| *n != i).map(|(_, f)| *f).collect();
        return Some((driver, rest));
    }
    filters.iter().enumerate().find_map(|(i, filter)| {
        let (rows, is_whole) = key_rows(owner, filter, values)?;
        let from = format!(
            "(SELECT DISTINCT moment, study_id FROM ({rows}) AS r) AS k JOIN study s ON s.id = k.study_id"
        );
        let rest =
            filters.iter().enumerate().filter(|(n, _)| *n != i || !is_whole).map(|(_, f)| *f).collect();
        Some((Driver { from, alias: "k", condition: "1 = 1".to_owned() }, rest))
    })
}

/// Moments and studies that have a key, for a condition on names: far fewer than the studies, mostly. Also whether
/// that is all that the condition asks.
fn key_rows(owner: &OrgId, filter: &(Key, Matching), values: &mut Bindings) -> Option<(String, bool)> {
    let longest = |words: &[String]| words.iter().max_by_key(|word| word.len()).cloned();
    match filter {
        (Key::PatientName, Matching::Fuzzy(text)) => {
            let words: Vec<String> = fold(&bare(text)).split(' ').map(str::to_owned).collect();
            let condition = word_condition('p', &longest(&words)?, values);
            Some((rows_with_key(owner, &condition, values), words.len() == 1))
        }
        (Key::PatientName, Matching::Wildcard(pattern)) if !pattern.contains('=') => {
            let condition = like("k.name_key", "P", &fold_pattern(pattern), values);
            Some((rows_with_key(owner, &condition, values), true))
        }
        (Key::Anything, matching) => {
            let words = anything_words(matching)?;
            Some((rows_with_anything(owner, &longest(&words)?, values), words.len() == 1))
        }
        _ => None,
    }
}

fn rows_with_key(owner: &OrgId, condition: &str, values: &mut Bindings) -> String {
    let owner = values.text(owner.as_str());
    format!("SELECT k.moment, k.study_id FROM study_key k WHERE k.owner = {owner} AND {condition}")
}

/// Studies with a word in the name, or at the beginning of the patient id or the accession number.
fn rows_with_anything(owner: &OrgId, word: &str, values: &mut Bindings) -> String {
    let name = word_condition('p', &fold(word), values);
    let mut rows = rows_with_key(owner, &name, values);
    for column in ["patient_id", "accession_number"] {
        for spelling in spellings(word) {
            let owner = values.text(owner.as_str());
            let begins = begins(&format!("n.{column}"), &spelling, values);
            rows.push_str(&format!(
                " UNION ALL SELECT n.moment, n.id FROM study n WHERE n.owner = {owner} AND {begins}"
            ));
        }
    }
    rows
}

/// Identifiers are kept as they came; people type them in any case.
fn spellings(word: &str) -> Vec<String> {
    let mut all = vec![word.to_owned(), word.to_uppercase(), word.to_lowercase()];
    all.sort();
    all.dedup();
    all
}

/// The words of a search in one box; `None` when it says nothing.
fn anything_words(matching: &Matching) -> Option<Vec<String>> {
    let text = match matching {
        Matching::Single(text) | Matching::Fuzzy(text) | Matching::Wildcard(text) => bare(text),
        Matching::AnyOf(all) => bare(&all.join(" ")),
        Matching::Range { .. } => return None,
    };
    let words: Vec<String> =
        text.replace(['^', '\u{3000}'], " ").split_whitespace().map(str::to_owned).collect();
    (!words.is_empty()).then_some(words)
}

/// One or two Chinese characters are keys as they are.
fn is_exact_key(folded: &str) -> bool {
    folded.chars().all(is_han) && (1..=2).contains(&folded.chars().count())
}

/// Text without wildcards.
fn bare(text: &str) -> String {
    text.replace(['*', '?'], " ")
}

/// Universal matching (PS3.4 §C.2.2.2.3).
fn is_universal(matching: &Matching) -> bool {
    match matching {
        Matching::Single(text) => text.is_empty(),
        Matching::AnyOf(values) => values.is_empty(),
        Matching::Wildcard(text) => text.chars().all(|c| c == '*'),
        Matching::Range { from, to } => from.is_none() && to.is_none(),
        Matching::Fuzzy(text) => fold(&bare(text)).is_empty(),
    }
}

/// The level that a key belongs to.
fn level_of(key: Key) -> Level {
    match key {
        Key::SeriesInstanceUid
        | Key::Modality
        | Key::SeriesNumber
        | Key::SeriesDescription
        | Key::BodyPartExamined => Level::Series,
        Key::SopInstanceUid | Key::SopClassUid | Key::InstanceNumber => Level::Instance,
        _ => Level::Study,
    }
}

/// Conditions on series and instances; for a row above them: that there is one below it.
fn below(level: Level, filters: &[&(Key, Matching)], values: &mut Bindings) -> Vec<String> {
    let mut own = Vec::new();
    let mut deeper = Vec::new();
    let (mut has_instance, mut has_uid) = (false, false);
    for (key, matching) in filters {
        let column = match key {
            Key::SeriesInstanceUid => "e.series_uid",
            Key::Modality => "e.modality",
            Key::SeriesNumber => "e.series_number",
            Key::SeriesDescription => "e.description",
            Key::BodyPartExamined => "e.body_part",
            Key::SopInstanceUid => "i.sop_uid",
            Key::SopClassUid => "i.sop_class",
            Key::InstanceNumber => "i.instance_number",
            _ => continue,
        };
        let condition = match key {
            Key::SeriesNumber | Key::InstanceNumber => number_condition(column, matching, values),
            _ => column_condition(column, matching, values),
        };
        if level_of(*key) <= level {
            own.push(condition);
        } else {
            has_instance |= level_of(*key) == Level::Instance;
            has_uid |= matches!(key, Key::SeriesInstanceUid | Key::SopInstanceUid);
            deeper.push(condition);
        }
    }
    if !deeper.is_empty() {
        let conditions = deeper.join(" AND ");
        own.push(match (level, has_instance) {
            (Level::Series, _) => {
                format!("EXISTS (SELECT 1 FROM instance i WHERE i.series_id = e.id AND {conditions})")
            }
            (_, instance) => {
                let join = if instance { " JOIN instance i ON i.series_id = e.id" } else { "" };
                if has_uid {
                    // From the UID's index up.
                    format!("s.id IN (SELECT e.study_id FROM series e{join} WHERE {conditions})")
                } else {
                    format!("EXISTS (SELECT 1 FROM series e{join} WHERE e.study_id = s.id AND {conditions})")
                }
            }
        });
    }
    own
}

fn study_condition(arm: Arm<'_>, key: Key, matching: &Matching, values: &mut Bindings) -> String {
    match key {
        Key::PatientName => name_condition(arm, ['P', 'p'], matching, values),
        Key::ReferringPhysicianName => name_condition(arm, ['R', 'r'], matching, values),
        Key::Anything => anything_condition(arm, matching, values),
        Key::StudyDate => moment_condition("s.moment", matching, values, digits),
        Key::StudyTime => moment_condition("s.study_time", matching, values, time_digits),
        Key::PatientBirthDate => moment_condition("s.patient_birth_date", matching, values, digits),
        Key::ModalitiesInStudy => {
            let condition = column_condition("m.modality", matching, values);
            format!("EXISTS (SELECT 1 FROM study_modality m WHERE m.study_id = s.id AND {condition})")
        }
        Key::PatientId => column_condition("s.patient_id", matching, values),
        Key::PatientSex => column_condition("s.patient_sex", matching, values),
        Key::StudyInstanceUid => column_condition("s.study_uid", matching, values),
        Key::AccessionNumber => column_condition("s.accession_number", matching, values),
        Key::StudyId => column_condition("s.dicom_study_id", matching, values),
        Key::StudyDescription => column_condition("s.description", matching, values),
        // Below the study: see `below`.
        _ => "1 = 1".to_owned(),
    }
}

/// Texts are matched as they are: case counts, except in names (PS3.4 §C.2.2.2).
fn column_condition(column: &str, matching: &Matching, values: &mut Bindings) -> String {
    match matching {
        Matching::Single(text) | Matching::Fuzzy(text) => {
            let text = values.text(text.trim());
            format!("{column} = {text}")
        }
        Matching::AnyOf(all) => {
            let list = values.list(all);
            format!("{column} IN ({list})")
        }
        Matching::Wildcard(pattern) => like(column, "", pattern, values),
        Matching::Range { from, to } => {
            let mut parts = vec![format!("{column} <> ''")];
            if let Some(from) = from {
                let from = values.text(from);
                parts.push(format!("{column} >= {from}"));
            }
            if let Some(to) = to {
                let to = values.text(format!("{to}{LAST}"));
                parts.push(format!("{column} < {to}"));
            }
            format!("({})", parts.join(" AND "))
        }
    }
}

fn number_condition(column: &str, matching: &Matching, values: &mut Bindings) -> String {
    let texts: &[String] = match matching {
        Matching::Single(text) => std::slice::from_ref(text),
        Matching::AnyOf(all) => all,
        _ => &[],
    };
    let numbers: Vec<String> =
        texts.iter().filter_map(|t| t.trim().parse().ok()).map(|n: i64| values.number(n)).collect();
    if numbers.is_empty() { "1 = 0".to_owned() } else { format!("{column} IN ({})", numbers.join(",")) }
}

/// Dates and times: a value stands for everything that begins with it, so `20250101` matches that whole day.
fn moment_condition(
    column: &str,
    matching: &Matching,
    values: &mut Bindings,
    normal: impl Fn(&str) -> String,
) -> String {
    let mut between = |from: Option<String>, to: Option<String>| {
        let from = values.text(from.unwrap_or_else(|| "0".to_owned()));
        let to = values.text(format!("{}~", to.unwrap_or_default()));
        format!("({column} >= {from} AND {column} < {to})")
    };
    match matching {
        Matching::Single(text) | Matching::Fuzzy(text) => {
            let text = normal(text);
            if text.is_empty() {
                return "1 = 0".to_owned();
            }
            between(Some(text.clone()), Some(text))
        }
        Matching::AnyOf(all) => {
            let days: Vec<String> = all
                .iter()
                .map(|text| normal(text))
                .filter(|text| !text.is_empty())
                .map(|text| between(Some(text.clone()), Some(text)))
                .collect();
            if days.is_empty() { "1 = 0".to_owned() } else { format!("({})", days.join(" OR ")) }
        }
        Matching::Range { from, to } => {
            between(from.as_deref().map(&normal), to.as_deref().map(&normal).filter(|t| !t.is_empty()))
        }
        // Not defined for dates (PS3.4 §C.2.2.2.4); harmless where a peer sends it.
        Matching::Wildcard(pattern) => like(column, "", pattern, values),
    }
}

/// `LIKE`, with a range in front of it that an index can use.
fn like(column: &str, before: &str, pattern: &str, values: &mut Bindings) -> String {
    let mut text = escape(before);
    for c in pattern.chars() {
        match c {
            '*' => text.push('%'),
            '?' => text.push('_'),
            c => text.push_str(&escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    let prefix: String =
        before.chars().chain(pattern.chars().take_while(|c| !matches!(c, '*' | '?'))).collect();
    let text = values.text(text);
    let like = format!("{column} LIKE {text} ESCAPE '\\'");
    if prefix.is_empty() { like } else { format!("({} AND {like})", begins(column, &prefix, values)) }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn begins(column: &str, prefix: &str, values: &mut Bindings) -> String {
    let from = values.text(prefix);
    let to = values.text(format!("{prefix}{LAST}"));
    format!("{column} >= {from} AND {column} < {to}")
}

/// A condition on the keys of a study.
fn with_key(arm: Arm<'_>, condition: &str, values: &mut Bindings) -> String {
    match arm {
        Arm::Own(owner) => {
            let owner = values.text(owner.as_str());
            format!("s.id IN (SELECT k.study_id FROM study_key k WHERE k.owner = {owner} AND {condition})")
        }
        // Few studies come from elsewhere: ask each.
        Arm::Granted(..) | Arm::All => {
            format!("EXISTS (SELECT 1 FROM study_key k WHERE k.study_id = s.id AND {condition})")
        }
    }
}

/// Names: `whole` and `part` are the letters that their keys begin with.
fn name_condition(
    arm: Arm<'_>,
    [whole, part]: [char; 2],
    matching: &Matching,
    values: &mut Bindings,
) -> String {
    let all: Vec<String> = match matching {
        Matching::Single(text) => groups(text)
            .map(|group| {
                let key = values.text(format!("{whole}{}", fold(group)));
                with_key(arm, &format!("k.name_key = {key}"), values)
            })
            .collect(),
        Matching::AnyOf(names) => {
            let keys: Vec<String> = names.iter().map(|name| format!("{whole}{}", fold(name))).collect();
            let list = values.list(&keys);
            vec![with_key(arm, &format!("k.name_key IN ({list})"), values)]
        }
        Matching::Wildcard(text) => groups(text)
            .filter(|group| !group.chars().all(|c| c == '*'))
            .map(|group| {
                let condition = like("k.name_key", &whole.to_string(), &fold_pattern(group), values);
                with_key(arm, &condition, values)
            })
            .collect(),
        Matching::Fuzzy(text) => fold(&bare(text))
            .split(' ')
            .map(|word| {
                let condition = word_condition(part, word, values);
                with_key(arm, &condition, values)
            })
            .collect(),
        Matching::Range { .. } => Vec::new(),
    };
    if all.is_empty() { "1 = 1".to_owned() } else { all.join(" AND ") }
}

/// The component groups of a name that say something.
fn groups(text: &str) -> impl Iterator<Item = &str> {
    text.split('=').filter(|group| !group.trim().is_empty())
}

/// Folds a pattern; a space before a wildcard at the end stays.
fn fold_pattern(pattern: &str) -> String {
    let ends_in_space = pattern.ends_with(['^', ' ']);
    let folded = fold(pattern);
    // Trailing delimiters of an empty component say nothing.
    if ends_in_space { folded.trim_end().to_owned() } else { folded }
}

fn word_condition(part: char, word: &str, values: &mut Bindings) -> String {
    let key = format!("{part}{word}");
    if is_exact_key(word) {
        let key = values.text(key);
        format!("k.name_key = {key}")
    } else {
        begins("k.name_key", &key, values)
    }
}

/// Every word in the name, or at the beginning of the patient id or the accession number.
fn anything_condition(arm: Arm<'_>, matching: &Matching, values: &mut Bindings) -> String {
    let Some(words) = anything_words(matching) else { return "1 = 1".to_owned() };
    let all: Vec<String> = words
        .iter()
        .map(|word| match arm {
            Arm::Own(owner) => {
                let rows = rows_with_anything(owner, word, values);
                format!("s.id IN (SELECT study_id FROM ({rows}) AS r)")
            }
            Arm::Granted(..) | Arm::All => {
                let name = word_condition('p', &fold(word), values);
                let mut any = with_key(arm, &name, values);
                for column in ["s.patient_id", "s.accession_number"] {
                    for spelling in spellings(word) {
                        any.push_str(&format!(" OR ({})", begins(column, &spelling, values)));
                    }
                }
                format!("({any})")
            }
        })
        .collect();
    all.join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_escaped() {
        let mut values = Bindings::default();
        let text = like("c", "", "50%_\\*?", &mut values);
        assert!(text.contains("LIKE $1 ESCAPE '\\'"), "{text}");
        assert_eq!(escape("50%_\\"), "50\\%\\_\\\\");
    }

    #[test]
    fn what_says_nothing_is_universal() {
        for matching in [
            Matching::Single(String::new()),
            Matching::Wildcard("**".into()),
            Matching::AnyOf(vec![]),
            Matching::Range { from: None, to: None },
            Matching::Fuzzy("*^*".into()),
        ] {
            assert!(is_universal(&matching), "{matching:?}");
        }
        assert!(!is_universal(&Matching::Wildcard("*a".into())));
    }
}
