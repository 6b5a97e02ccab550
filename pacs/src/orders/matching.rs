//! A C-FIND of the Modality Worklist model (PS3.4 §K.4): which orders match, and what is answered of them. Pure.

use super::Order;
use super::dicom::{charset_for, data_set};
use dataset::{Dataset, Element, Tag, VR, Value, tags};
use std::collections::BTreeSet;

/// How a key is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Name,
    Text,
    Uid,
    Date,
    Time,
}

/// Matching keys (PS3.4 Table K.6-1): those outside the Scheduled Procedure Step Sequence, and those within.
const KEYS: [(Tag, Form); 11] = [
    (tags::PATIENT_NAME, Form::Name),
    (tags::PATIENT_ID, Form::Text),
    (tags::PATIENT_BIRTH_DATE, Form::Date),
    (tags::PATIENT_SEX, Form::Text),
    (tags::ACCESSION_NUMBER, Form::Text),
    (tags::STUDY_INSTANCE_UID, Form::Uid),
    (tags::REFERRING_PHYSICIAN_NAME, Form::Name),
    (tags::REQUESTING_PHYSICIAN, Form::Name),
    (tags::REQUESTED_PROCEDURE_ID, Form::Text),
    (tags::REQUESTED_PROCEDURE_DESCRIPTION, Form::Text),
    (tags::ADMISSION_ID, Form::Text),
];
const STEP_KEYS: [(Tag, Form); 10] = [
    (tags::MODALITY, Form::Text),
    (tags::SCHEDULED_STATION_AE_TITLE, Form::Text),
    (tags::SCHEDULED_PROCEDURE_STEP_START_DATE, Form::Date),
    (tags::SCHEDULED_PROCEDURE_STEP_START_TIME, Form::Time),
    (tags::SCHEDULED_PERFORMING_PHYSICIAN_NAME, Form::Name),
    (tags::SCHEDULED_PROCEDURE_STEP_DESCRIPTION, Form::Text),
    (tags::SCHEDULED_PROCEDURE_STEP_ID, Form::Text),
    (tags::SCHEDULED_STATION_NAME, Form::Text),
    (tags::SCHEDULED_PROCEDURE_STEP_LOCATION, Form::Text),
    (tags::SCHEDULED_PROCEDURE_STEP_STATUS, Form::Text),
];

/// A condition on one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Name(Vec<String>),
    Text(Vec<String>),
    Range(Option<String>, Option<String>),
}

/// A request, understood.
#[derive(Debug, Clone)]
pub(crate) struct Worklist {
    asked: Dataset,
    charset: Option<String>,
    conditions: Vec<(Tag, Condition)>,
    step_conditions: Vec<(Tag, Condition)>,
    /// Both start date and start time are ranges: they are one range of date and time (Table K.6-1).
    window: Option<(String, String)>,
    /// Whether every key with a value is matched; otherwise answers are FF01H.
    pub all_keys_supported: bool,
}

impl Worklist {
    /// Understands an identifier.
    ///
    /// # Errors
    /// The Error Comment of an A900H.
    pub(crate) fn parse(identifier: &Dataset) -> Result<Self, &'static str> {
        let mut worklist = Self {
            asked: identifier.clone(),
            charset: match identifier.charset().assumed() {
                // What the device says of its texts is not so, and what it reads is what it writes.
                Some(assumed) => Some(assumed.answer_terms().to_owned()),
                None => identifier.text(tags::SPECIFIC_CHARACTER_SET),
            },
            conditions: Vec::new(),
            step_conditions: Vec::new(),
            window: None,
            all_keys_supported: true,
        };
        let steps = identifier.items(tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE);
        if steps.len() > 1 {
            return Err("the Scheduled Procedure Step Sequence has more than one item");
        }
        worklist.conditions = worklist.conditions_of(identifier, &KEYS)?;
        if let Some(step) = steps.first() {
            worklist.step_conditions = worklist.conditions_of(step, &STEP_KEYS)?;
        }
        worklist.combine_start();
        Ok(worklist)
    }

    fn conditions_of(
        &mut self,
        of: &Dataset,
        keys: &[(Tag, Form)],
    ) -> Result<Vec<(Tag, Condition)>, &'static str> {
        let mut conditions = Vec::new();
        for element in of.elements() {
            let tag = element.tag;
            if tag == tags::SPECIFIC_CHARACTER_SET
                || tag == tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE
                || tag.element() == 0
            {
                continue;
            }
            if let Value::Items(items) = &element.value {
                self.all_keys_supported &= items.iter().all(is_universal);
                continue;
            }
            let values: Vec<String> = of.texts(tag).iter().map(|value| value.trim().to_owned()).collect();
            if values.iter().all(|value| value.chars().all(|c| c == '*')) {
                continue;
            }
            match keys.iter().find(|(known, _)| *known == tag) {
                Some((_, form)) => conditions.push((tag, condition(*form, values)?)),
                None => self.all_keys_supported = false,
            }
        }
        Ok(conditions)
    }

    fn combine_start(&mut self) {
        let range = |tag: Tag| {
            self.step_conditions.iter().find_map(|(known, condition)| match condition {
                Condition::Range(from, to) if *known == tag && from != to => Some((from.clone(), to.clone())),
                _ => None,
            })
        };
        let dates = range(tags::SCHEDULED_PROCEDURE_STEP_START_DATE);
        let times = range(tags::SCHEDULED_PROCEDURE_STEP_START_TIME);
        let (Some((first_day, last_day)), Some((first_time, last_time))) = (dates, times) else { return };
        let from = first_day.map(|day| day + &padded(first_time.as_deref().unwrap_or(""), '0'));
        let to = last_day.map(|day| day + &padded(last_time.as_deref().unwrap_or(""), '9'));
        self.window = Some((from.unwrap_or_default(), to.unwrap_or_default()));
        self.step_conditions.retain(|(tag, _)| {
            *tag != tags::SCHEDULED_PROCEDURE_STEP_START_DATE
                && *tag != tags::SCHEDULED_PROCEDURE_STEP_START_TIME
        });
    }

    /// The days that a step may begin on, both included, as far as the request names them: for asking the index.
    pub(crate) fn days(&self) -> (Option<String>, Option<String>) {
        let day = |text: &str| text.get(..8).map(str::to_owned);
        if let Some((from, to)) = &self.window {
            return (day(from), day(to));
        }
        let found = self.step_conditions.iter().find_map(|(tag, condition)| match condition {
            Condition::Range(from, to) if *tag == tags::SCHEDULED_PROCEDURE_STEP_START_DATE => {
                Some((from.clone(), to.clone()))
            }
            _ => None,
        });
        found.unwrap_or_default()
    }

    /// The answer for an order; `None` when it does not match.
    pub(crate) fn answer(&self, order: &Order) -> Option<Dataset> {
        let all = data_set(order, "ISO_IR 192");
        let step = all.items(tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE).first()?;
        let holds = |conditions: &[(Tag, Condition)], of: &Dataset| {
            conditions.iter().all(|(tag, condition)| condition.holds(&of.text(*tag).unwrap_or_default()))
        };
        if !holds(&self.conditions, &all) || !holds(&self.step_conditions, step) {
            return None;
        }
        if let Some((from, to)) = &self.window {
            let start = order.wish.step.start_date.clone() + &padded(&order.wish.step.start_time, '0');
            if start < *from || (!to.is_empty() && start > *to) {
                return None;
            }
        }
        Some(self.project(&data_set(order, &charset_for(order, self.charset.as_deref()))))
    }

    /// What was asked for, empty when it is not known.
    fn project(&self, all: &Dataset) -> Dataset {
        let mut answer = Dataset::new();
        if let Some(label) = all.get(tags::SPECIFIC_CHARACTER_SET) {
            answer.put(label.clone());
        }
        for asked in self.asked.elements() {
            if asked.tag == tags::SPECIFIC_CHARACTER_SET || asked.tag.element() == 0 {
                continue;
            }
            answer.put(match (&asked.value, all.get(asked.tag).map(|known| &known.value)) {
                (Value::Items(wish), Some(Value::Items(items))) => Element {
                    tag: asked.tag,
                    vr: VR::SQ,
                    value: Value::Items(items.iter().map(|item| part(item, wish.first())).collect()),
                },
                _ => known_or_empty(asked, all),
            });
        }
        answer
    }
}

/// An item with what is asked of it; all of it when nothing in particular is.
fn part(item: &Dataset, wish: Option<&Dataset>) -> Dataset {
    let Some(wish) = wish.filter(|wish| !wish.elements().is_empty()) else { return item.clone() };
    let mut part = Dataset::new();
    for asked in wish.elements() {
        if asked.tag.element() != 0 && asked.tag != tags::SPECIFIC_CHARACTER_SET {
            part.put(known_or_empty(asked, item));
        }
    }
    part
}

fn known_or_empty(asked: &Element, all: &Dataset) -> Element {
    if let Some(known) = all.get(asked.tag) {
        return known.clone();
    }
    let value = match &asked.value {
        Value::Items(_) => Value::Items(Vec::new()),
        Value::Bytes(_) | Value::Bulk { .. } => Value::Bytes(bytes::Bytes::new()),
    };
    Element { tag: asked.tag, vr: asked.vr, value }
}

fn is_universal(item: &Dataset) -> bool {
    item.elements().iter().all(|element| match &element.value {
        Value::Bytes(bytes) => bytes.iter().all(|byte| matches!(byte, b' ' | b'*' | 0)),
        Value::Items(items) => items.is_empty(),
        Value::Bulk { .. } => false,
    })
}

/// A time as six digits, filled up.
fn padded(time: &str, with: char) -> String {
    let mut digits: String = time.chars().filter(char::is_ascii_digit).take(6).collect();
    while digits.len() < 6 {
        digits.push(with);
    }
    digits
}

fn condition(form: Form, values: Vec<String>) -> Result<Condition, &'static str> {
    match form {
        Form::Name => Ok(Condition::Name(values.iter().map(|value| storage::fold_name(value)).collect())),
        Form::Text => Ok(Condition::Text(values)),
        Form::Uid if values.iter().all(|value| model::Uid::parse(value).is_ok()) => {
            Ok(Condition::Text(values))
        }
        Form::Uid => Err("a UID key is no UID"),
        Form::Date => range(&values, |text| {
            let digits: String = text.chars().filter(|c| *c != '.').collect();
            (digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit())).then_some(digits)
        }),
        Form::Time => range(&values, |text| {
            let plain: String = text.chars().filter(|c| *c != ':').collect();
            let whole = plain.split('.').next().unwrap_or_default();
            let is_time = matches!(whole.len(), 2 | 4 | 6) && whole.bytes().all(|b| b.is_ascii_digit());
            is_time.then(|| whole.to_owned())
        }),
    }
}

/// Range matching (PS3.4 §C.2.2.2.5); a single value is a range of one.
fn range(values: &[String], parse: impl Fn(&str) -> Option<String>) -> Result<Condition, &'static str> {
    let bad = "a date or time key is not of its form";
    let [value] = values else { return Err(bad) };
    let Some((from, to)) = value.split_once('-') else {
        let one = parse(value).ok_or(bad)?;
        return Ok(Condition::Range(Some(one.clone()), Some(one)));
    };
    let end = |text: &str| match text.trim() {
        "" => Ok(None),
        text => parse(text).map(Some).ok_or(bad),
    };
    match (end(from)?, end(to)?) {
        (None, None) => Err(bad),
        (from, to) => Ok(Condition::Range(from, to)),
    }
}

impl Condition {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Text(wanted) => wanted.iter().any(|pattern| glob(pattern, value)),
            Self::Name(wanted) => {
                let forms = name_forms(value);
                wanted.iter().any(|pattern| forms.iter().any(|form| glob(pattern, form)))
            }
            Self::Range(from, to) => {
                // A shorter end of a range, or a shorter single value, stands for all that begins with it.
                let until = |to: &String| value.get(..to.len()).unwrap_or(value) <= to.as_str();
                !value.is_empty()
                    && from.as_ref().is_none_or(|from| value >= from.as_str())
                    && to.as_ref().is_none_or(until)
            }
        }
    }
}

/// A name as it may be asked for: whole, and each component group by itself; without regard to case and width.
fn name_forms(name: &str) -> BTreeSet<String> {
    let groups = name.split('=').map(|group| group.trim_end_matches('^'));
    groups.chain([name]).filter(|form| !form.is_empty()).map(storage::fold_name).collect()
}

/// Wildcard matching (PS3.4 §C.2.2.2.4): `*` any run, `?` one character. Linear but for the last star.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
