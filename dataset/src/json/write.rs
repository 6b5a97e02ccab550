//! Data set to DICOM JSON (PS3.18 §F.2).

use super::BulkPath;
use crate::charset::CharacterSets;
use crate::dictionary::hex_of;
use crate::element::is_text;
use crate::{Dataset, Element, Tag, VR, Value, names, tags};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value as Json};

type BulkUri<'a> = dyn Fn(&BulkPath<'_>) -> Option<String> + 'a;

/// A data set or item that is being written.
struct Open<'a> {
    dataset: &'a Dataset,
    elements: std::slice::Iter<'a, Element>,
    object: Map<String, Json>,
    /// The sequence that is being written: its items to come, and those that are done.
    sequence: Option<(Tag, std::slice::Iter<'a, Dataset>, Vec<Json>)>,
}

impl<'a> Open<'a> {
    fn new(dataset: &'a Dataset) -> Self {
        Self { dataset, elements: dataset.elements.iter(), object: Map::new(), sequence: None }
    }
}

pub(super) fn to_json(dataset: &Dataset, bulk_uri: &BulkUri<'_>) -> Map<String, Json> {
    let mut open = vec![Open::new(dataset)];
    let mut parents: Vec<(Tag, u32)> = Vec::new();
    loop {
        let Some(top) = open.last_mut() else { return Map::new() };
        if let Some((tag, items, done)) = &mut top.sequence {
            if let Some(item) = items.next() {
                parents.push((*tag, u32::try_from(done.len() + 1).unwrap_or(u32::MAX)));
                open.push(Open::new(item));
            } else {
                let (tag, done) = (*tag, std::mem::take(done));
                top.sequence = None;
                top.object.insert(hex_of(tag), with_values(VR::SQ, done));
            }
            continue;
        }
        let Some(element) = top.elements.next() else {
            let Some(closed) = open.pop() else { return Map::new() };
            parents.pop();
            match open.last_mut().and_then(|outer| outer.sequence.as_mut()) {
                Some((_, _, done)) => done.push(Json::Object(closed.object)),
                None => return closed.object,
            }
            continue;
        };
        match &element.value {
            Value::Items(items) => top.sequence = Some((element.tag, items.iter(), Vec::new())),
            Value::Bulk { length: 0, .. } => {
                top.object.insert(hex_of(element.tag), with_values(element.vr, Vec::new()));
            }
            Value::Bulk { .. } => {
                if let Some(uri) = bulk_uri(&BulkPath { parents: &parents, tag: element.tag }) {
                    top.object
                        .insert(hex_of(element.tag), with(element.vr, "BulkDataURI", Json::String(uri)));
                }
            }
            Value::Bytes(bytes) => {
                let json = match inline(element, bytes, &top.dataset.charset) {
                    Content::Values(values) => with_values(element.vr, values),
                    Content::Binary(text) => with(element.vr, "InlineBinary", Json::String(text)),
                };
                top.object.insert(hex_of(element.tag), json);
            }
        }
    }
}

/// An item whose text is being written.
struct OpenText<'a> {
    dataset: &'a Dataset,
    elements: std::slice::Iter<'a, Element>,
    is_first: bool,
    /// The sequence that is being written: its items to come, and how many are done.
    sequence: Option<(Tag, std::slice::Iter<'a, Dataset>, u32)>,
}

impl<'a> OpenText<'a> {
    fn new(dataset: &'a Dataset) -> Self {
        Self { dataset, elements: dataset.elements.iter(), is_first: true, sequence: None }
    }
}

pub(super) fn to_text(dataset: &Dataset, bulk_uri: &BulkUri<'_>) -> String {
    let mut out = String::with_capacity(64 * dataset.elements.len() + 2);
    let mut open = vec![OpenText::new(dataset)];
    let mut parents: Vec<(Tag, u32)> = Vec::new();
    out.push('{');
    while let Some(top) = open.last_mut() {
        if let Some((tag, items, done)) = &mut top.sequence {
            if let Some(item) = items.next() {
                out.push_str(if *done == 0 { "{" } else { ",{" });
                *done += 1;
                parents.push((*tag, *done));
                open.push(OpenText::new(item));
            } else {
                top.sequence = None;
                out.push_str("]}");
            }
            continue;
        }
        let Some(element) = top.elements.next() else {
            out.push('}');
            open.pop();
            parents.pop();
            continue;
        };
        let (tag, vr) = (element.tag, element.vr);
        let uri = match &element.value {
            Value::Bulk { length, .. } if *length > 0 => match bulk_uri(&BulkPath { parents: &parents, tag })
            {
                Some(uri) => Some(uri),
                None => continue,
            },
            _ => None,
        };
        if !std::mem::take(&mut top.is_first) {
            out.push(',');
        }
        for part in ["\"", &hex_of(tag), "\":{\"vr\":\"", vr.to_string(), "\""] {
            out.push_str(part);
        }
        match &element.value {
            Value::Items(items) if !items.is_empty() => {
                out.push_str(",\"Value\":[");
                top.sequence = Some((tag, items.iter(), 0));
                continue;
            }
            Value::Items(_) => {}
            Value::Bulk { .. } => {
                if let Some(uri) = uri {
                    out.push_str(",\"BulkDataURI\":");
                    push_json(&mut out, &Json::String(uri));
                }
            }
            Value::Bytes(bytes) => match inline(element, bytes, &top.dataset.charset) {
                Content::Values(values) if values.is_empty() => {}
                Content::Values(values) => {
                    out.push_str(",\"Value\":");
                    push_json(&mut out, &Json::Array(values));
                }
                Content::Binary(text) => {
                    for part in [",\"InlineBinary\":\"", &text, "\""] {
                        out.push_str(part);
                    }
                }
            },
        }
        out.push('}');
    }
    out
}

fn push_json(out: &mut String, value: &Json) {
    // Values are never nested deeper than a person name's groups, and writing to memory does not fail.
    out.push_str(&serde_json::to_string(value).unwrap_or_default());
}

fn with(vr: VR, key: &str, value: Json) -> Json {
    let mut object = Map::new();
    object.insert("vr".to_owned(), Json::String(vr.to_string().to_owned()));
    object.insert(key.to_owned(), value);
    Json::Object(object)
}

/// No values at all are no `Value`.
fn with_values(vr: VR, values: Vec<Json>) -> Json {
    if values.is_empty() {
        let mut object = Map::new();
        object.insert("vr".to_owned(), Json::String(vr.to_string().to_owned()));
        return Json::Object(object);
    }
    with(vr, "Value", Json::Array(values))
}

/// What stands beside `vr`.
enum Content {
    Values(Vec<Json>),
    Binary(String),
}

fn inline(element: &Element, bytes: &[u8], charset: &CharacterSets) -> Content {
    let vr = element.vr;
    if element.tag == tags::SPECIFIC_CHARACTER_SET {
        return Content::Values(vec![Json::String("ISO_IR 192".to_owned())]);
    }
    let values = match vr {
        VR::PN => element.texts(charset).iter().map(|name| person_name(name)).collect(),
        VR::DS | VR::IS => element.texts(charset).into_iter().map(decimal).collect(),
        _ if is_text(vr) => element.texts(charset).into_iter().map(text).collect(),
        VR::US => numbers(bytes, |b| u16::from_le_bytes(b).into()),
        VR::SS => numbers(bytes, |b| i16::from_le_bytes(b).into()),
        VR::UL => numbers(bytes, |b| u32::from_le_bytes(b).into()),
        VR::SL => numbers(bytes, |b| i32::from_le_bytes(b).into()),
        VR::UV => numbers(bytes, |b| u64::from_le_bytes(b).into()),
        VR::SV => numbers(bytes, |b| i64::from_le_bytes(b).into()),
        // By way of its shortest text, so that 0.1 stays 0.1.
        VR::FL => numbers(bytes, |b| float(f32::from_le_bytes(b).to_string().parse().unwrap_or(f64::NAN))),
        VR::FD => numbers(bytes, |b| float(f64::from_le_bytes(b))),
        VR::AT => numbers(bytes, |[a, b, c, d]: [u8; 4]| {
            Json::String(hex_of(Tag(u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]))))
        }),
        _ if bytes.is_empty() => Vec::new(),
        _ => return Content::Binary(STANDARD.encode(bytes)),
    };
    Content::Values(values)
}

/// An empty value between others is null (PS3.18 §F.2.5).
fn text(value: String) -> Json {
    if value.is_empty() { Json::Null } else { Json::String(value) }
}

fn person_name(value: &str) -> Json {
    let mut object = Map::new();
    for (key, group) in ["Alphabetic", "Ideographic", "Phonetic"].into_iter().zip(names::groups(value)) {
        if !group.is_empty() {
            object.insert(key.to_owned(), Json::String(group.to_owned()));
        }
    }
    if object.is_empty() { Json::Null } else { Json::Object(object) }
}

/// A DS or IS as a number where a double holds all its digits, else as the text it is (PS3.18 §F.2.2).
fn decimal(value: String) -> Json {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let is_plain = value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if value.is_empty() {
        return Json::Null;
    }
    if !is_plain || digits > 15 {
        return Json::String(value);
    }
    match value.strip_prefix('+').unwrap_or(&value).parse::<f64>() {
        Ok(number) if number.is_finite() => float(number),
        _ => Json::String(value),
    }
}

/// A number without a fraction is written as an integer; what JSON has no number for, as text.
fn float(number: f64) -> Json {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT_MAX && !(number == 0.0 && number.is_sign_negative()) {
        return Json::Number((number as i64).into());
    }
    let not_finite = if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    Number::from_f64(number).map_or_else(|| Json::String(not_finite.to_owned()), Json::Number)
}

fn numbers<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> Json) -> Vec<Json> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| number(*chunk)).collect()
}
