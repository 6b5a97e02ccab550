//! The keys that C-FIND and QIDO-RS match, and how a key's value is read (PS3.4 §C.2.2.2): one table behind both.

use dataset::{Tag, tags};
use model::{Key, Level, Matching};

/// How a key's value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Name,
    Text,
    Code,
    Uid,
    Date,
    Time,
    Number,
}

/// Keys that are matched, with the level they belong to.
const KEYS: [(Tag, Key, Level, Form); 22] = [
    (tags::PATIENT_NAME, Key::PatientName, Level::Patient, Form::Name),
    (tags::PATIENT_ID, Key::PatientId, Level::Patient, Form::Text),
    (tags::PATIENT_BIRTH_DATE, Key::PatientBirthDate, Level::Patient, Form::Date),
    (tags::PATIENT_SEX, Key::PatientSex, Level::Patient, Form::Code),
    (tags::STUDY_INSTANCE_UID, Key::StudyInstanceUid, Level::Study, Form::Uid),
    (tags::STUDY_DATE, Key::StudyDate, Level::Study, Form::Date),
    (tags::STUDY_TIME, Key::StudyTime, Level::Study, Form::Time),
    (tags::ACCESSION_NUMBER, Key::AccessionNumber, Level::Study, Form::Text),
    (tags::STUDY_ID, Key::StudyId, Level::Study, Form::Text),
    (tags::STUDY_DESCRIPTION, Key::StudyDescription, Level::Study, Form::Text),
    (tags::REFERRING_PHYSICIAN_NAME, Key::ReferringPhysicianName, Level::Study, Form::Name),
    (tags::MODALITIES_IN_STUDY, Key::ModalitiesInStudy, Level::Study, Form::Code),
    (tags::SERIES_INSTANCE_UID, Key::SeriesInstanceUid, Level::Series, Form::Uid),
    (tags::MODALITY, Key::Modality, Level::Series, Form::Code),
    (tags::SERIES_NUMBER, Key::SeriesNumber, Level::Series, Form::Number),
    (tags::SERIES_DESCRIPTION, Key::SeriesDescription, Level::Series, Form::Text),
    (tags::BODY_PART_EXAMINED, Key::BodyPartExamined, Level::Series, Form::Code),
    (tags::PERFORMED_PROCEDURE_STEP_START_DATE, Key::PerformedStepStartDate, Level::Series, Form::Date),
    (tags::PERFORMED_PROCEDURE_STEP_START_TIME, Key::PerformedStepStartTime, Level::Series, Form::Time),
    (tags::SOP_INSTANCE_UID, Key::SopInstanceUid, Level::Instance, Form::Uid),
    (tags::SOP_CLASS_UID, Key::SopClassUid, Level::Instance, Form::Uid),
    (tags::INSTANCE_NUMBER, Key::InstanceNumber, Level::Instance, Form::Number),
];

/// Keys within an item of the Request Attributes Sequence (0040,0275), at the series' level.
const REQUEST_KEYS: [(Tag, Key); 2] = [
    (tags::SCHEDULED_PROCEDURE_STEP_ID, Key::ScheduledProcedureStepId),
    (tags::REQUESTED_PROCEDURE_ID, Key::RequestedProcedureId),
];

/// The key of an attribute, its level and its form.
pub(crate) fn key_of(tag: Tag) -> Option<(Key, Level, Form)> {
    KEYS.iter().find(|(known, ..)| *known == tag).map(|(_, key, level, form)| (*key, *level, *form))
}

/// The key of an attribute in an item of the Request Attributes Sequence.
pub(crate) fn request_key_of(tag: Tag) -> Option<Key> {
    REQUEST_KEYS.iter().find(|(known, _)| *known == tag).map(|(_, key)| *key)
}

/// Whether names are matched word by word, by their beginnings, in pinyin too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Fuzzy {
    On,
    #[default]
    Off,
}

/// Whether two quotation marks ask for an attribute without a value (PS3.4 §C.2.2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum EmptyValues {
    Matched,
    #[default]
    Universal,
}

/// Why a value cannot be matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadValue {
    Uid,
    Date,
    Integer,
    /// More values, or longer ones, than are taken.
    TooMany,
}

impl BadValue {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Uid => "a UID key is no UID",
            Self::Date => "a date or time key is not of its form",
            Self::Integer => "an integer key is no integer",
            Self::TooMany => "a key has more or longer values than are matched",
        }
    }
}

/// Values of one key at most.
const VALUES_MAX: usize = 1000;
/// Characters of one value at most: the longest that is matched has 3 × 64.
const VALUE_CHARS_MAX: usize = 256;

/// How the values of a key are matched; `None` for universal matching.
///
/// # Errors
/// [`BadValue`].
pub(crate) fn matching(
    form: Form,
    values: &[&str],
    fuzzy: Fuzzy,
    empty: EmptyValues,
) -> Result<Option<Matching>, BadValue> {
    let values: Vec<&str> = values.iter().map(|value| value.trim()).collect();
    if values.len() > VALUES_MAX || values.iter().any(|value| value.chars().count() > VALUE_CHARS_MAX) {
        return Err(BadValue::TooMany);
    }
    if values.iter().all(|value| value.chars().all(|c| c == '*')) {
        return Ok(None);
    }
    if let ["\"\""] = values[..] {
        return Ok((empty == EmptyValues::Matched).then_some(Matching::Empty));
    }
    if let [value] = values[..] {
        return one(form, value, fuzzy).map(Some);
    }
    // List of UID matching; for the rest any of several values, which many senders expect (PS3.4 §C.2.2.3.2).
    let mut all = Vec::with_capacity(values.len());
    for value in values.into_iter().filter(|value| !value.is_empty()) {
        all.push(match (form, one(form, value, Fuzzy::Off)?) {
            (_, Matching::Single(text) | Matching::Wildcard(text)) => text,
            _ => return Err(BadValue::Date),
        });
    }
    Ok(Some(Matching::AnyOf(all)))
}

fn one(form: Form, value: &str, fuzzy: Fuzzy) -> Result<Matching, BadValue> {
    match form {
        Form::Uid => model::Uid::parse(value)
            .map(|uid| Matching::Single(uid.as_str().to_owned()))
            .map_err(|_| BadValue::Uid),
        Form::Name if fuzzy == Fuzzy::On => Ok(Matching::Fuzzy(value.to_owned())),
        Form::Name | Form::Text | Form::Code if value.contains(['*', '?']) => {
            Ok(Matching::Wildcard(value.to_owned()))
        }
        Form::Name | Form::Text | Form::Code => Ok(Matching::Single(value.to_owned())),
        Form::Number => match value.parse::<i64>() {
            Ok(number) => Ok(Matching::Single(number.to_string())),
            Err(_) => Err(BadValue::Integer),
        },
        Form::Date => range(value, date),
        Form::Time => range(value, time),
    }
}

/// Single value or range matching of dates and times (PS3.4 §C.2.2.2.5).
fn range(value: &str, parse: fn(&str) -> Option<String>) -> Result<Matching, BadValue> {
    let Some((from, to)) = value.split_once('-') else {
        return parse(value).map(Matching::Single).ok_or(BadValue::Date);
    };
    let end = |text: &str| match text.trim() {
        "" => Ok(None),
        text => parse(text).map(Some).ok_or(BadValue::Date),
    };
    match (end(from)?, end(to)?) {
        (None, None) => Err(BadValue::Date),
        (from, to) => Ok(Matching::Range { from, to }),
    }
}

/// VR DA, also in the form of ACR-NEMA with dots.
fn date(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != '.').collect();
    (digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
}

/// VR TM: HH, HHMM, HHMMSS, or with a fraction; also in the form of ACR-NEMA with colons.
fn time(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| *c != ':').collect();
    let (whole, fraction) = match plain.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (plain.as_str(), None),
    };
    let are_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let is_whole = matches!(whole.len(), 2 | 4 | 6) && are_digits(whole);
    let is_fraction =
        fraction.is_none_or(|f| whole.len() == 6 && (1..=6).contains(&f.len()) && are_digits(f));
    (is_whole && is_fraction).then_some(plain)
}

/// Makes one range of a range of study dates and a range of study times (combined date-time matching, PS3.4
/// §C.2.2.2.5), where both have the same ends.
pub(crate) fn combine_date_and_time(filters: &mut Vec<(Key, Matching)>) {
    let range_of = |key| {
        filters.iter().find_map(|(known, matching)| match matching {
            Matching::Range { from, to } if *known == key => Some((from.clone(), to.clone())),
            _ => None,
        })
    };
    let (Some((first_day, last_day)), Some((first_time, last_time))) =
        (range_of(Key::StudyDate), range_of(Key::StudyTime))
    else {
        return;
    };
    if (first_day.is_none() && first_time.is_some()) || (last_day.is_none() && last_time.is_some()) {
        return;
    }
    let join = |day: Option<String>, time: Option<String>| {
        let time = time.unwrap_or_default();
        // The index knows whole seconds.
        day.map(|day| day + time.split('.').next().unwrap_or_default())
    };
    let combined = Matching::Range { from: join(first_day, first_time), to: join(last_day, last_time) };
    filters.retain(|(key, matching)| {
        !matches!((key, matching), (Key::StudyDate | Key::StudyTime, Matching::Range { .. }))
    });
    filters.push((Key::StudyDate, combined));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: Form, value: &str) -> Result<Option<Matching>, BadValue> {
        matching(form, &value.split('\\').collect::<Vec<_>>(), Fuzzy::Off, EmptyValues::Universal)
    }

    #[test]
    fn values_are_read_by_their_form() {
        let single = |text: &str| Ok(Some(Matching::Single(text.to_owned())));
        let any = |all: &[&str]| Ok(Some(Matching::AnyOf(all.iter().map(|t| (*t).to_owned()).collect())));
        for (form, value, expected) in [
            (Form::Text, " P1 ", single("P1")),
            (Form::Text, "**", Ok(None)),
            (Form::Text, "A\\B*", any(&["A", "B*"])),
            (Form::Uid, "1.2\\1.3", any(&["1.2", "1.3"])),
            (Form::Uid, "1.2.x", Err(BadValue::Uid)),
            (Form::Date, "2026.01.02", single("20260102")),
            (Form::Date, "202601", Err(BadValue::Date)),
            (Form::Date, "-", Err(BadValue::Date)),
            (Form::Date, "20260101-20260102\\20260105", Err(BadValue::Date)),
            (Form::Time, "10:15:00.5", single("101500.5")),
            (Form::Time, "8", Err(BadValue::Date)),
            (Form::Number, "007", single("7")),
            (Form::Number, "x", Err(BadValue::Integer)),
            (Form::Text, "\"\"", Ok(None)),
        ] {
            assert_eq!(read(form, value), expected, "{form:?} {value}");
        }
        let empty = matching(Form::Text, &["\"\""], Fuzzy::Off, EmptyValues::Matched);
        assert_eq!(empty, Ok(Some(Matching::Empty)));
        assert_eq!(read(Form::Text, &"a".repeat(257)), Err(BadValue::TooMany));
        assert_eq!(read(Form::Uid, &"1\\".repeat(2000)), Err(BadValue::TooMany));
    }

    #[test]
    fn ranges_of_date_and_time_are_one_range() {
        let range = |from: &str, to: &str| {
            let end = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
            Matching::Range { from: end(from), to: end(to) }
        };
        for (date, time, expected) in [
            (
                range("20251231", "20260101"),
                range("2200", "1015.5"),
                Some(range("202512312200", "202601011015")),
            ),
            (range("20251231", ""), range("2200", ""), Some(range("202512312200", ""))),
            (range("20251231", ""), range("", "12"), None),
            (Matching::Single("20251231".into()), range("08", "12"), None),
        ] {
            let mut filters = vec![(Key::StudyDate, date), (Key::StudyTime, time)];
            combine_date_and_time(&mut filters);
            match expected {
                Some(range) => assert_eq!(filters, [(Key::StudyDate, range)]),
                None => assert_eq!(filters.len(), 2),
            }
        }
    }
}
