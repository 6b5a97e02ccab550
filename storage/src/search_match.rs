//! From one matching key to a condition on the rows themselves: what decides whether a row is an answer.

use crate::attributes::{digits, time_digits};
use crate::db::{Bindings, Dialect};
use crate::names::{ANY, ONE, group_patterns, groups, pattern, words};
use crate::prepare::NO_NUMBER;
use model::{Key, Level, Matching};

/// Greater than every character that a text may go on with.
const LAST: &str = "\u{10FFFF}";

/// Makes conditions; their values go to the statement's.
pub(crate) struct Conditions<'a> {
    pub values: &'a mut Bindings,
    pub dialect: Dialect,
}

/// The level that a key belongs to.
pub(crate) fn level_of(key: Key) -> Level {
    match key {
        Key::PatientName | Key::PatientId | Key::PatientBirthDate | Key::PatientSex => Level::Patient,
        Key::SeriesInstanceUid
        | Key::Modality
        | Key::SeriesNumber
        | Key::SeriesDescription
        | Key::BodyPartExamined
        | Key::PerformedStepStartDate
        | Key::PerformedStepStartTime
        | Key::ScheduledProcedureStepId
        | Key::RequestedProcedureId => Level::Series,
        Key::SopInstanceUid | Key::SopClassUid | Key::InstanceNumber => Level::Instance,
        _ => Level::Study,
    }
}

/// Universal matching (PS3.4 §C.2.2.2.3).
pub(crate) fn is_universal(key: Key, matching: &Matching) -> bool {
    match matching {
        Matching::Single(text) if is_name(key) => groups(text).next().is_none(),
        Matching::Single(text) => text.trim().is_empty(),
        Matching::AnyOf(values) => values.is_empty(),
        Matching::Wildcard(text) if is_name(key) => groups(text).all(|group| group_patterns(group).is_none()),
        Matching::Wildcard(text) => text.chars().all(|c| c == '*'),
        Matching::Range { from, to } => from.is_none() && to.is_none(),
        Matching::Fuzzy(text) => words(text).is_empty(),
        Matching::Empty => false,
    }
}

fn is_name(key: Key) -> bool {
    matches!(key, Key::PatientName | Key::ReferringPhysicianName)
}

/// A sub-select that gives a row when there is one. Not `EXISTS`: PostgreSQL would turn that into a join, and may then
/// read all of the other table first.
pub(crate) fn exists(from_where: &str) -> String {
    format!("(SELECT 1 FROM {from_where} LIMIT 1) = 1")
}

/// The words of a search in one box; `None` when it says nothing.
pub(crate) fn anything_words(matching: &Matching) -> Option<Vec<String>> {
    let text = match matching {
        Matching::Single(text) | Matching::Fuzzy(text) | Matching::Wildcard(text) => text.clone(),
        Matching::AnyOf(all) => all.join(" "),
        Matching::Range { .. } | Matching::Empty => return None,
    };
    let words: Vec<String> = text
        .replace(['*', '?', '^', '\u{3000}'], " ")
        .split_whitespace()
        .map(|word| word.replace('\0', ""))
        .filter(|word| !word.is_empty())
        .collect();
    (!words.is_empty()).then_some(words)
}

/// Digits of a date, perhaps with a time of day behind it.
fn date_time(text: &str) -> String {
    digits(text).chars().take(14).collect()
}

/// Dates and times are kept as precisely as they came: minutes and seconds that are zero are none.
fn without_zeros(text: &str, digits_min: usize) -> &str {
    let mut text = text;
    while text.len() >= digits_min + 2 {
        match text.strip_suffix("00") {
            Some(shorter) => text = shorter,
            None => break,
        }
    }
    text
}

/// The first and the last moment, as the lists have them, that conditions on the study date leave.
pub(crate) fn moments(filters: &[(Key, Matching)]) -> (Option<i64>, Option<i64>) {
    let number = |text: &str, fill: char| {
        let mut text = date_time(text);
        while text.len() < 14 {
            text.push(fill);
        }
        text.parse::<i64>().ok()
    };
    let (mut first, mut last): (Option<i64>, Option<i64>) = (None, None);
    for (key, matching) in filters {
        let (from, to) = match (key, matching) {
            (Key::StudyDate, Matching::Single(text) | Matching::Fuzzy(text)) => (Some(text), Some(text)),
            (Key::StudyDate, Matching::Range { from, to }) => (from.as_ref(), to.as_ref()),
            _ => continue,
        };
        if let Some(from) = from.filter(|text| !date_time(text).is_empty()).and_then(|text| number(text, '0'))
        {
            first = Some(first.map_or(from, |first| first.max(from)));
        }
        if let Some(to) = to.filter(|text| !date_time(text).is_empty()).and_then(|text| number(text, '9')) {
            last = Some(last.map_or(to, |last| last.min(to)));
        }
    }
    (first, last)
}

impl Conditions<'_> {
    /// A condition on a study (or its patient), whose row has this alias.
    pub fn study(&mut self, s: &str, key: Key, matching: &Matching) -> String {
        let column = |name: &str| format!("{s}.{name}");
        match key {
            Key::PatientName => self.name(s, ['P', 'p'], matching),
            Key::ReferringPhysicianName => self.name(s, ['R', 'r'], matching),
            Key::Anything => self.anything(s, matching),
            Key::StudyDate => self.moment(&column("moment"), 8, matching, date_time),
            Key::StudyTime => self.moment(&column("study_time"), 2, matching, time_digits),
            Key::PatientBirthDate => self.moment(&column("patient_birth_date"), 8, matching, digits),
            Key::ModalitiesInStudy => self.modalities(s, matching),
            Key::PatientId => self.text(&column("patient_id"), matching),
            Key::PatientSex => self.text(&column("patient_sex"), matching),
            Key::StudyInstanceUid => self.text(&column("study_uid"), matching),
            Key::AccessionNumber => self.text(&column("accession_number"), matching),
            Key::StudyId => self.text(&column("dicom_study_id"), matching),
            Key::StudyDescription => self.text(&column("description"), matching),
            _ => "1 = 1".to_owned(),
        }
    }

    /// A condition on a series or instance, by the aliases of series, step and instance.
    pub fn below(&mut self, [e, t, i]: [&str; 3], key: Key, matching: &Matching) -> String {
        match key {
            Key::SeriesInstanceUid => self.text(&format!("{e}.series_uid"), matching),
            Key::Modality => self.text(&format!("{e}.modality"), matching),
            Key::SeriesNumber => self.number(&format!("{e}.series_number"), matching),
            Key::SeriesDescription => self.text(&format!("{e}.description"), matching),
            Key::BodyPartExamined => self.text(&format!("{e}.body_part"), matching),
            Key::PerformedStepStartDate => self.moment(&format!("{t}.start_date"), 8, matching, digits),
            Key::PerformedStepStartTime => self.moment(&format!("{t}.start_time"), 2, matching, time_digits),
            Key::ScheduledProcedureStepId => self.text(&format!("{t}.step_id"), matching),
            Key::RequestedProcedureId => self.text(&format!("{t}.procedure_id"), matching),
            Key::SopInstanceUid => self.text(&format!("{i}.sop_uid"), matching),
            Key::SopClassUid => self.text(&format!("{i}.sop_class"), matching),
            Key::InstanceNumber => self.number(&format!("{i}.instance_number"), matching),
            _ => "1 = 1".to_owned(),
        }
    }

    /// Texts are matched as they are: case counts, except in names (PS3.4 §C.2.2.2.1).
    pub fn text(&mut self, column: &str, matching: &Matching) -> String {
        match matching {
            Matching::Single(text) | Matching::Fuzzy(text) => {
                let text = self.values.text(text.trim());
                format!("{column} = {text}")
            }
            Matching::Empty => format!("{column} = ''"),
            Matching::AnyOf(all) => {
                let (wild, plain): (Vec<&String>, Vec<&String>) =
                    all.iter().partition(|text| text.contains(['*', '?']));
                let plain: Vec<String> = plain.into_iter().map(|text| text.trim().to_owned()).collect();
                let mut any = vec![format!("{column} IN ({})", self.values.list(&plain))];
                any.extend(wild.into_iter().map(|text| self.like(column, &pattern(text.trim()))));
                format!("({})", any.join(" OR "))
            }
            Matching::Wildcard(text) => self.like(column, &pattern(text.trim())),
            Matching::Range { from, to } => {
                let mut parts = vec![format!("{column} <> ''")];
                if let Some(from) = from {
                    let from = self.values.text(from);
                    parts.push(format!("{column} >= {from}"));
                }
                if let Some(to) = to {
                    let to = self.values.text(format!("{to}{LAST}"));
                    parts.push(format!("{column} < {to}"));
                }
                format!("({})", parts.join(" AND "))
            }
        }
    }

    fn number(&mut self, column: &str, matching: &Matching) -> String {
        let texts: &[String] = match matching {
            Matching::Single(text) => std::slice::from_ref(text),
            Matching::AnyOf(all) => all,
            Matching::Empty => return format!("{column} = {NO_NUMBER}"),
            _ => &[],
        };
        let numbers: Vec<String> = texts
            .iter()
            .filter_map(|text| text.trim().parse().ok())
            .filter(|number| *number != NO_NUMBER)
            .map(|number: i64| self.values.number(number))
            .collect();
        if numbers.is_empty() { "1 = 0".to_owned() } else { format!("{column} IN ({})", numbers.join(",")) }
    }

    /// Dates and times: a value stands for everything that begins with it, so `20250101` matches that whole day.
    fn moment(
        &mut self,
        column: &str,
        digits_min: usize,
        matching: &Matching,
        normal: impl Fn(&str) -> String,
    ) -> String {
        let mut between = |from: Option<String>, to: Option<String>| {
            let from = from.filter(|text| !text.is_empty()).unwrap_or_else(|| "0".to_owned());
            let from = self.values.text(without_zeros(&from, digits_min));
            let to = self.values.text(format!("{}~", to.unwrap_or_default()));
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
            Matching::Range { from, to } => between(
                from.as_deref().map(&normal),
                to.as_deref().map(&normal).filter(|text| !text.is_empty()),
            ),
            Matching::Empty => format!("{column} = ''"),
            // Not defined for dates (PS3.4 §C.2.2.2.4); harmless where a peer sends it.
            Matching::Wildcard(text) => self.like(column, &pattern(text.trim())),
        }
    }

    /// The modalities of all series, joined by backslashes.
    fn modalities(&mut self, s: &str, matching: &Matching) -> String {
        match matching {
            Matching::Single(text) | Matching::Fuzzy(text) => self.has_value(s, "modalities", text),
            Matching::Empty => format!("{s}.modalities = ''"),
            Matching::AnyOf(all) if !all.iter().any(|text| text.contains(['*', '?'])) => {
                let any: Vec<String> = all.iter().map(|text| self.has_value(s, "modalities", text)).collect();
                format!("({})", any.join(" OR "))
            }
            other => {
                let condition = self.text("d.modality", other);
                exists(&format!("series d WHERE d.study_id = {s}.id AND d.modality <> '' AND {condition}"))
            }
        }
    }

    /// Whether a list that is kept with a study has a value.
    pub fn has_value(&mut self, s: &str, column: &str, value: &str) -> String {
        let value = value.trim();
        if value.is_empty() || value.contains('\\') {
            return "1 = 0".to_owned();
        }
        let text = self.values.text(format!("%\\\\{}\\\\%", escape(value)));
        format!("'\\' || {s}.{column} || '\\' LIKE {text} ESCAPE '\\'")
    }

    /// A pattern (with [`ANY`] and [`ONE`]) as `LIKE`.
    fn like(&mut self, column: &str, pattern: &str) -> String {
        let text = self.values.text(like_text(pattern));
        format!("{column} LIKE {text} ESCAPE '\\'")
    }

    /// Names: `whole` and `part` are the letters that their forms begin with.
    fn name(&mut self, s: &str, [whole, part]: [char; 2], matching: &Matching) -> String {
        let all: Vec<String> = match matching {
            Matching::Single(text) => groups(text)
                .map(|group| {
                    let form = self.values.text(format!("{whole}{}", crate::names::fold(group)));
                    self.form(s, &format!("f.value = {form}"))
                })
                .collect(),
            Matching::AnyOf(names) => {
                let any: Vec<String> = names
                    .iter()
                    .map(|name| {
                        let matching = match name.contains(['*', '?']) {
                            true => Matching::Wildcard(name.clone()),
                            false => Matching::Single(name.clone()),
                        };
                        self.name(s, [whole, part], &matching)
                    })
                    .collect();
                vec![format!("({})", any.join(" OR "))]
            }
            Matching::Wildcard(text) => groups(text)
                .filter_map(group_patterns)
                .map(|patterns| {
                    let any: Vec<String> = patterns
                        .iter()
                        .map(|pattern| self.like("f.value", &format!("{whole}{pattern}")))
                        .collect();
                    self.form(s, &format!("({})", any.join(" OR ")))
                })
                .collect(),
            Matching::Fuzzy(text) => {
                words(text).iter().map(|word| self.word(s, [whole, part], word)).collect()
            }
            Matching::Empty => {
                let form = self.like("f.value", &format!("{whole}{ANY}"));
                vec![format!("NOT COALESCE({}, 1 = 0)", self.form(s, &form))]
            }
            Matching::Range { .. } => Vec::new(),
        };
        if all.is_empty() { "1 = 1".to_owned() } else { format!("({})", all.join(" AND ")) }
    }

    /// A word that some part of a name begins with.
    fn word(&mut self, s: &str, letters: [char; 2], word: &str) -> String {
        let any = letters.map(|letter| self.like("f.value", &format!("{letter}{word}{ANY}")));
        self.form(s, &format!("({})", any.join(" OR ")))
    }

    /// That a form of the study's names is such.
    fn form(&self, s: &str, condition: &str) -> String {
        let forms = match self.dialect {
            Dialect::Sqlite => format!("json_each({s}.name_forms) AS f"),
            Dialect::Postgres => format!("json_array_elements_text({s}.name_forms::json) AS f(value)"),
        };
        exists(&format!("{forms} WHERE {condition}"))
    }

    /// Every word in the patient's name, or at the beginning of the patient id or the accession number.
    fn anything(&mut self, s: &str, matching: &Matching) -> String {
        let Some(words) = anything_words(matching) else { return "1 = 1".to_owned() };
        let all: Vec<String> = words
            .iter()
            .map(|word| {
                let mut any = Vec::new();
                for folded in crate::names::words(word) {
                    any.push(self.word(s, ['P', 'p'], &folded));
                }
                for column in ["patient_id", "accession_number"] {
                    for spelling in spellings(word) {
                        any.push(self.like(&format!("{s}.{column}"), &format!("{spelling}{ANY}")));
                    }
                }
                format!("({})", any.join(" OR "))
            })
            .collect();
        all.join(" AND ")
    }
}

/// Identifiers are kept as they came; people type them in any case.
fn spellings(word: &str) -> Vec<String> {
    let mut all = vec![word.to_owned(), word.to_uppercase(), word.to_lowercase()];
    all.sort();
    all.dedup();
    all
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn like_text(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let before = std::iter::once(None).chain(pattern.chars().map(Some));
    for (before, c) in before.zip(pattern.chars()) {
        match c {
            ANY if before == Some(ANY) => {}
            ANY => text.push('%'),
            ONE => text.push('_'),
            c => text.push_str(&escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_escaped() {
        assert_eq!(like_text(&pattern("50%_\\**?")), "50\\%\\_\\\\%_");
        assert_eq!(like_text(&pattern("%*")), "\\%%");
    }

    #[test]
    fn what_says_nothing_is_universal() {
        for matching in [
            Matching::Single(" ".into()),
            Matching::Wildcard("**".into()),
            Matching::AnyOf(vec![]),
            Matching::Range { from: None, to: None },
            Matching::Fuzzy("*^*".into()),
        ] {
            assert!(is_universal(Key::PatientName, &matching), "{matching:?}");
        }
        assert!(!is_universal(Key::PatientId, &Matching::Wildcard("*a".into())));
        assert!(!is_universal(Key::PatientId, &Matching::Empty));
    }

    #[test]
    fn a_range_of_days_is_a_range_of_numbers() {
        let range = Matching::Range { from: Some("20260101".into()), to: Some("202601021530".into()) };
        assert_eq!(moments(&[(Key::StudyDate, range)]), (Some(20_260_101_000_000), Some(20_260_102_153_099)));
        assert_eq!(moments(&[(Key::StudyDate, Matching::Single("x".into()))]), (None, None));
        assert_eq!(without_zeros("20260100000000", 8), "20260100");
        assert_eq!(without_zeros("0000", 2), "00");
    }
}
