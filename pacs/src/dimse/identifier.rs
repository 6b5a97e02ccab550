//! Identifiers of C-FIND (PS3.4 §C.4.1): what a request asks in terms of the index, and a row as it is answered.
//! No sockets, no storage.

use super::answer_charset::AnswerIn;
use super::negotiate::FindExtensions;
use super::sop::Service;
use dataset::{Dataset, Element, Tag, VR, Value, tags};
use model::{AeTitle, Key, Level, Matching, Query};
use serde_json::{Map, Value as Json};
use std::collections::HashSet;

/// Query/Retrieve Level (0008,0052).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FindLevel {
    Patient,
    Study,
    Series,
    Image,
}

impl FindLevel {
    fn parse(text: &str) -> Option<Self> {
        Some(match text.trim() {
            "PATIENT" => Self::Patient,
            "STUDY" => Self::Study,
            "SERIES" => Self::Series,
            "IMAGE" => Self::Image,
            _ => return None,
        })
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Patient => "PATIENT",
            Self::Study => "STUDY",
            Self::Series => "SERIES",
            Self::Image => "IMAGE",
        }
    }

    /// The level of the index; patients are told apart among its studies.
    fn index_level(self) -> Level {
        match self {
            Self::Patient | Self::Study => Level::Study,
            Self::Series => Level::Series,
            Self::Image => Level::Instance,
        }
    }
}

/// How a key's value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Name,
    Text,
    Code,
    Uid,
    Date,
    Time,
    Number,
}

/// Keys that are matched, with the level they belong to.
const KEYS: [(Tag, Key, FindLevel, Form); 20] = [
    (tags::PATIENT_NAME, Key::PatientName, FindLevel::Patient, Form::Name),
    (tags::PATIENT_ID, Key::PatientId, FindLevel::Patient, Form::Text),
    (tags::PATIENT_BIRTH_DATE, Key::PatientBirthDate, FindLevel::Patient, Form::Date),
    (tags::PATIENT_SEX, Key::PatientSex, FindLevel::Patient, Form::Code),
    (tags::STUDY_INSTANCE_UID, Key::StudyInstanceUid, FindLevel::Study, Form::Uid),
    (tags::STUDY_DATE, Key::StudyDate, FindLevel::Study, Form::Date),
    (tags::STUDY_TIME, Key::StudyTime, FindLevel::Study, Form::Time),
    (tags::ACCESSION_NUMBER, Key::AccessionNumber, FindLevel::Study, Form::Text),
    (tags::STUDY_ID, Key::StudyId, FindLevel::Study, Form::Text),
    (tags::STUDY_DESCRIPTION, Key::StudyDescription, FindLevel::Study, Form::Text),
    (tags::REFERRING_PHYSICIAN_NAME, Key::ReferringPhysicianName, FindLevel::Study, Form::Name),
    (tags::MODALITIES_IN_STUDY, Key::ModalitiesInStudy, FindLevel::Study, Form::Code),
    (tags::SERIES_INSTANCE_UID, Key::SeriesInstanceUid, FindLevel::Series, Form::Uid),
    (tags::MODALITY, Key::Modality, FindLevel::Series, Form::Code),
    (tags::SERIES_NUMBER, Key::SeriesNumber, FindLevel::Series, Form::Number),
    (tags::SERIES_DESCRIPTION, Key::SeriesDescription, FindLevel::Series, Form::Text),
    (tags::BODY_PART_EXAMINED, Key::BodyPartExamined, FindLevel::Series, Form::Code),
    (tags::SOP_INSTANCE_UID, Key::SopInstanceUid, FindLevel::Image, Form::Uid),
    (tags::SOP_CLASS_UID, Key::SopClassUid, FindLevel::Image, Form::Uid),
    (tags::INSTANCE_NUMBER, Key::InstanceNumber, FindLevel::Image, Form::Number),
];

/// The unique key of each level (PS3.4 §C.6.1.1, §C.6.2.1).
const UNIQUE_KEYS: [(FindLevel, Tag); 4] = [
    (FindLevel::Patient, tags::PATIENT_ID),
    (FindLevel::Study, tags::STUDY_INSTANCE_UID),
    (FindLevel::Series, tags::SERIES_INSTANCE_UID),
    (FindLevel::Image, tags::SOP_INSTANCE_UID),
];

/// Why an identifier is refused: it does not match the SOP class (A900H). The text is the Error Comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadIdentifier(pub(crate) &'static str);

/// Whether every key with a value is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeySupport {
    /// All are: Pending FF00H.
    All,
    /// One or more are not: Pending FF01H.
    Some,
}

/// A range of date and time as one (PS3.4 §C.2.2.2.5, combined date-time matching).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Window {
    from: String,
    to: String,
}

/// A C-FIND request, understood.
#[derive(Debug, Clone)]
pub(crate) struct Find {
    pub level: FindLevel,
    pub query: Query,
    pub support: KeySupport,
    /// The highest level of the information model.
    top: FindLevel,
    asked: Vec<(Tag, VR)>,
    answer_in: AnswerIn,
    window: Option<Window>,
}

impl Find {
    /// Understands an identifier. Rows are limited by the caller, page by page.
    ///
    /// # Errors
    /// [`BadIdentifier`] when the level is missing or not of this model, when a unique key of a higher level is
    /// missing (unless relational queries were agreed), or when a value is not of its kind.
    pub(crate) fn parse(
        service: Service,
        extensions: FindExtensions,
        identifier: &Dataset,
    ) -> Result<Self, BadIdentifier> {
        let level = identifier.text(tags::QUERY_RETRIEVE_LEVEL);
        let level = level.as_deref().and_then(FindLevel::parse);
        let level = level.ok_or(BadIdentifier("Query/Retrieve Level is missing or unknown"))?;
        if level == FindLevel::Patient && service != Service::PatientRootFind {
            return Err(BadIdentifier("PATIENT is not a level of this model"));
        }
        let top = if service == Service::PatientRootFind { FindLevel::Patient } else { FindLevel::Study };
        let mut find = Self {
            level,
            top,
            query: Query::new(level.index_level(), 0),
            support: KeySupport::All,
            asked: Vec::new(),
            answer_in: AnswerIn::asked_by(identifier),
            window: None,
        };
        for element in identifier.elements() {
            find.take(element, identifier, extensions)?;
        }
        if !extensions.relational.is_on() {
            find.check_hierarchy(identifier)?;
        }
        if extensions.date_time.is_on() {
            find.combine_date_and_time();
        }
        Ok(find)
    }

    fn take(
        &mut self,
        element: &Element,
        identifier: &Dataset,
        extensions: FindExtensions,
    ) -> Result<(), BadIdentifier> {
        const NOT_KEYS: [Tag; 4] = [
            tags::SPECIFIC_CHARACTER_SET,
            tags::QUERY_RETRIEVE_LEVEL,
            tags::RETRIEVE_AE_TITLE,
            tags::TIMEZONE_OFFSET_FROM_UTC,
        ];
        let tag = element.tag;
        if tag.element() == 0 || tag.group() < 8 || NOT_KEYS.contains(&tag) {
            return Ok(());
        }
        self.asked.push((tag, element.vr));
        let values: Vec<String> = identifier.texts(tag).iter().map(|v| v.trim().to_owned()).collect();
        let is_universal = values.iter().all(|value| value.chars().all(|c| c == '*'));
        if is_universal && !matches!(&element.value, Value::Items(_)) {
            return Ok(());
        }
        let Some((key, form)) = self.key(tag) else {
            // An empty sequence or item is universal matching too (PS3.4 §C.2.2.2.6).
            let asks = !matches!(&element.value, Value::Items(items) if items.iter().all(is_empty_item));
            if asks {
                self.support = KeySupport::Some;
            }
            return Ok(());
        };
        let matching = matching(form, values, extensions)?;
        self.query.filters.push((key, matching));
        Ok(())
    }

    /// The key of a tag at this level. Keys of lower levels are not matched; but Modality at the study level is what
    /// many senders mean by Modalities in Study.
    fn key(&self, tag: Tag) -> Option<(Key, Form)> {
        if tag == tags::MODALITY && self.level == FindLevel::Study {
            return Some((Key::ModalitiesInStudy, Form::Code));
        }
        KEYS.iter()
            .find(|(known, _, level, _)| *known == tag && *level <= self.level)
            .map(|(_, key, _, form)| (*key, *form))
    }

    /// PS3.4 §C.4.1.2.1: above the level of the query, each unique key has a single value.
    fn check_hierarchy(&self, identifier: &Dataset) -> Result<(), BadIdentifier> {
        for (level, tag) in UNIQUE_KEYS {
            if level < self.top || level >= self.level {
                continue;
            }
            let values = identifier.texts(tag);
            let is_single =
                matches!(&values[..], [value] if !value.trim().is_empty() && !value.contains(['*', '?']));
            if !is_single {
                return Err(BadIdentifier("a unique key above the level needs a single value"));
            }
        }
        Ok(())
    }

    /// Combined date-time matching: the index narrows by date, [`Find::matches`] looks at the exact times.
    fn combine_date_and_time(&mut self) {
        let range = |key| {
            self.query.filters.iter().find_map(|(known, matching)| match matching {
                Matching::Range { from, to } if *known == key => Some((from.clone(), to.clone())),
                Matching::Single(value) if *known == key => Some((Some(value.clone()), Some(value.clone()))),
                _ => None,
            })
        };
        let (Some(date), Some(time)) = (range(Key::StudyDate), range(Key::StudyTime)) else { return };
        let join = |date: Option<String>, time: Option<String>| {
            date.map(|date| date + time.as_deref().unwrap_or_default()).unwrap_or_default()
        };
        self.window = Some(Window { from: join(date.0, time.0), to: join(date.1, time.1) });
        self.query.filters.retain(|(key, _)| *key != Key::StudyTime);
    }

    /// Whether a row that the index found is wanted after all.
    pub(crate) fn matches(&self, row: &Map<String, Json>) -> bool {
        let Some(window) = &self.window else { return true };
        let text = |tag| json_text(row, tag).unwrap_or_default();
        let at = text(tags::STUDY_DATE) + &text(tags::STUDY_TIME);
        let until = at.get(..window.to.len()).unwrap_or(&at);
        at.as_str() >= window.from.as_str() && (window.to.is_empty() || until <= window.to.as_str())
    }

    /// What tells one answer from another at this level, so that none is sent twice.
    pub(crate) fn identity(&self, row: &Map<String, Json>) -> String {
        let unique = UNIQUE_KEYS.iter().find(|(level, _)| *level == self.level).map(|(_, tag)| *tag);
        unique.and_then(|tag| json_text(row, tag)).unwrap_or_default()
    }

    /// The identifier of a response: every key that was asked for, empty when it is not known; the unique keys of the
    /// level and those above; level, character set and where it can be retrieved (PS3.4 §C.4.1.1.3.2).
    pub(crate) fn answer(&self, row: &Map<String, Json>, ae_title: &AeTitle) -> Dataset {
        let unique = UNIQUE_KEYS
            .iter()
            .filter(|(level, _)| (self.top..=self.level).contains(level))
            .map(|(_, tag)| *tag);
        let wanted: HashSet<Tag> = self.asked.iter().map(|(tag, _)| *tag).chain(unique).collect();
        let known: Map<String, Json> = row
            .iter()
            .filter(|(key, _)| json_tag(key).is_some_and(|tag| wanted.contains(&tag)))
            .map(own)
            .collect();
        let known = dataset::json::from_json(&known).unwrap_or_else(|error| {
            tracing::error!(%error, "a row of the index is no DICOM JSON");
            Dataset::new()
        });
        let (known, terms) = self.answer_in.encode(known);
        let mut answer = Dataset::new();
        for (tag, vr) in &self.asked {
            answer.put(empty(*tag, *vr));
        }
        for element in known.elements() {
            answer.put(element.clone());
        }
        let put = |answer: &mut Dataset, tag, vr, text: &str| answer.put(ascii(tag, vr, text));
        put(&mut answer, tags::SPECIFIC_CHARACTER_SET, VR::CS, terms);
        put(&mut answer, tags::QUERY_RETRIEVE_LEVEL, VR::CS, self.level.as_str());
        put(&mut answer, tags::RETRIEVE_AE_TITLE, VR::AE, ae_title.as_str());
        answer
    }
}

fn own((key, value): (&String, &Json)) -> (String, Json) {
    (key.clone(), value.clone())
}

fn is_empty_item(item: &Dataset) -> bool {
    item.elements().iter().all(|element| match &element.value {
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::Items(items) => items.is_empty(),
        Value::Bulk { length, .. } => *length == 0,
    })
}

/// How values that are not universal are matched (PS3.4 §C.2.2.2).
fn matching(
    form: Form,
    mut values: Vec<String>,
    extensions: FindExtensions,
) -> Result<Matching, BadIdentifier> {
    if values.len() > 1 {
        return match form {
            // List of UID matching; for the rest, any of several values, which many senders expect.
            Form::Uid | Form::Code | Form::Text | Form::Name => {
                values.retain(|value| !value.is_empty());
                Ok(Matching::AnyOf(values))
            }
            Form::Date | Form::Time | Form::Number => Err(BadIdentifier("a key has more than one value")),
        };
    }
    let value = values.pop().unwrap_or_default();
    match form {
        Form::Uid => match model::Uid::parse(&value) {
            Ok(uid) => Ok(Matching::Single(uid.as_str().to_owned())),
            Err(_) => Err(BadIdentifier("a UID key is no UID")),
        },
        Form::Name if extensions.fuzzy.is_on() && !value.contains(['*', '?']) => Ok(Matching::Fuzzy(value)),
        Form::Name | Form::Text | Form::Code if value.contains(['*', '?']) => Ok(Matching::Wildcard(value)),
        Form::Name | Form::Text | Form::Code => Ok(Matching::Single(value)),
        Form::Number => match value.parse::<i64>() {
            Ok(number) => Ok(Matching::Single(number.to_string())),
            Err(_) => Err(BadIdentifier("an integer key is no integer")),
        },
        Form::Date => range(&value, date),
        Form::Time => range(&value, time),
    }
}

/// Single value or range matching of dates and times (PS3.4 §C.2.2.2.5).
fn range(value: &str, parse: fn(&str) -> Option<String>) -> Result<Matching, BadIdentifier> {
    let bad = BadIdentifier("a date or time key is not of its form");
    let Some((from, to)) = value.split_once('-') else {
        return parse(value).map(Matching::Single).ok_or(bad);
    };
    let end = |text: &str| match text.trim() {
        "" => Ok(None),
        text => parse(text).map(Some).ok_or(bad),
    };
    match (end(from)?, end(to)?) {
        (None, None) => Err(bad),
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

fn empty(tag: Tag, vr: VR) -> Element {
    let value = if vr == VR::SQ { Value::Items(Vec::new()) } else { Value::Bytes(bytes::Bytes::new()) };
    Element { tag, vr, value }
}

fn ascii(tag: Tag, vr: VR, text: &str) -> Element {
    let mut bytes = text.as_bytes().to_vec();
    if bytes.len() % 2 == 1 {
        bytes.push(b' ');
    }
    Element { tag, vr, value: Value::Bytes(bytes.into()) }
}

/// The tag of a DICOM JSON key: 8 hexadecimal digits.
fn json_tag(key: &str) -> Option<Tag> {
    if key.len() != 8 {
        return None;
    }
    let number = u32::from_str_radix(key, 16).ok()?;
    Some(Tag((number >> 16) as u16, (number & 0xFFFF) as u16))
}

/// The first value of an attribute that is plain text.
fn json_text(row: &Map<String, Json>, tag: Tag) -> Option<String> {
    let value = row.get(&format!("{:04X}{:04X}", tag.group(), tag.element()))?.get("Value")?.get(0)?;
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
#[path = "identifier_tests.rs"]
mod tests;
