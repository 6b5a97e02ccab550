//! Identifiers of C-FIND (PS3.4 §C.4.1): what a request asks in terms of the index, and a row as it is answered.
//! No sockets, no storage.

use super::answer_charset::AnswerIn;
use super::negotiate::FindExtensions;
use super::sop::Service;
use crate::keys::{self, BadValue, EmptyValues, Form, Fuzzy, combine_date_and_time, key_of, request_key_of};
use dataset::{Dataset, Element, Tag, VR, Value, tags};
use model::{AeTitle, Key, Level, Query};
use std::collections::HashSet;
use storage::{Attributes, Row};

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

    /// The level of the index.
    fn index_level(self) -> Level {
        match self {
            Self::Patient => Level::Patient,
            Self::Study => Level::Study,
            Self::Series => Level::Series,
            Self::Image => Level::Instance,
        }
    }
}

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
        };
        for element in identifier.elements() {
            find.take(element, identifier, extensions)?;
        }
        if !extensions.relational.is_on() {
            find.check_hierarchy(identifier)?;
        }
        // Combined date-time matching, whether it was negotiated or not: what a range of both means to who asks.
        combine_date_and_time(&mut find.query.filters);
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
        if let Value::Items(items) = &element.value {
            return self.take_items(tag, items);
        }
        let texts = identifier.texts(tag);
        let values: Vec<&str> = texts.iter().map(|value| value.trim()).collect();
        let fuzzy = if extensions.fuzzy.is_on() { Fuzzy::On } else { Fuzzy::Off };
        match self.key(tag) {
            Some((key, form)) => self.filter(key, form, &values, fuzzy),
            None => {
                if !values.iter().all(|value| value.chars().all(|c| c == '*')) {
                    self.support = KeySupport::Some;
                }
                Ok(())
            }
        }
    }

    /// Sequence matching (PS3.4 §C.2.2.2.6): one item, whose keys match together. An empty one is universal.
    fn take_items(&mut self, tag: Tag, items: &[Dataset]) -> Result<(), BadIdentifier> {
        for item in items {
            for element in item.elements() {
                let texts = item.texts(element.tag);
                let values: Vec<&str> = texts.iter().map(|value| value.trim()).collect();
                let is_universal = match &element.value {
                    Value::Items(items) => items.iter().all(is_empty_item),
                    _ => values.iter().all(|value| value.chars().all(|c| c == '*')),
                };
                if is_universal {
                    continue;
                }
                let is_request = tag == tags::REQUEST_ATTRIBUTES_SEQUENCE
                    && self.level >= FindLevel::Series
                    && items.len() == 1;
                match request_key_of(element.tag).filter(|_| is_request) {
                    Some(key) => self.filter(key, Form::Text, &values, Fuzzy::Off)?,
                    None => self.support = KeySupport::Some,
                }
            }
        }
        Ok(())
    }

    fn filter(&mut self, key: Key, form: Form, values: &[&str], fuzzy: Fuzzy) -> Result<(), BadIdentifier> {
        let matching = keys::matching(form, values, fuzzy, EmptyValues::Universal)
            .map_err(|bad: BadValue| BadIdentifier(bad.text()))?;
        self.query.filters.extend(matching.map(|matching| (key, matching)));
        Ok(())
    }

    /// The key of a tag at this level. Keys of lower levels are not matched; but Modality at the study level is what
    /// many senders mean by Modalities in Study.
    fn key(&self, tag: Tag) -> Option<(Key, Form)> {
        if tag == tags::MODALITY && self.level == FindLevel::Study {
            return Some((Key::ModalitiesInStudy, Form::Code));
        }
        let (key, level, form) = key_of(tag)?;
        (level <= self.level.index_level()).then_some((key, form))
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

    /// What tells one answer from another at this level, so that none is sent twice. Patients are told apart by who
    /// has them, too: the same Patient ID is somebody else in another hospital. `None` for a patient without one.
    pub(crate) fn identity(&self, row: &Row) -> Option<String> {
        let (_, tag) = UNIQUE_KEYS.iter().find(|(level, _)| *level == self.level)?;
        let text = row.attributes.first_text(*tag).filter(|text| !text.is_empty())?;
        Some(if self.level == FindLevel::Patient { format!("{}/{text}", row.owner) } else { text })
    }

    /// The identifier of a response: every key that was asked for, empty when it is not known; the unique keys of the
    /// level and those above; level, character set and where it can be retrieved (PS3.4 §C.4.1.1.3.2).
    pub(crate) fn answer(&self, row: &Attributes, ae_title: &AeTitle) -> Dataset {
        let unique = UNIQUE_KEYS
            .iter()
            .filter(|(level, _)| (self.top..=self.level).contains(level))
            .map(|(_, tag)| *tag);
        let wanted: HashSet<Tag> = self.asked.iter().map(|(tag, _)| *tag).chain(unique).collect();
        let known =
            dataset::json::from_json(&row.tree_of(|tag| wanted.contains(&tag))).unwrap_or_else(|error| {
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

fn is_empty_item(item: &Dataset) -> bool {
    item.elements().iter().all(|element| match &element.value {
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::Items(items) => items.is_empty(),
        Value::Bulk { length, .. } => *length == 0,
    })
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

#[cfg(test)]
#[path = "identifier_tests.rs"]
mod tests;
