//! DICOM JSON to data set (PS3.18 §F.2), from clients of every kind.

use crate::dictionary::{self, Signedness};
use crate::element::is_text;
use crate::{Dataset, Element, Refused, Tag, VR, Value, tags};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value as Json};

/// Sequences within sequences.
const DEPTH_MAX: usize = 64;

/// Base64 with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where a bulk value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Offset and length.
    At(u64, u64),
    /// The element is left out.
    LeftOut,
    /// It should be somewhere and is not.
    Missing,
}

pub(super) type PlaceOf<'a> = dyn Fn(&str) -> Place + 'a;

/// A data set or item that is being read.
struct Open<'a> {
    /// In ascending order, so that each element is put at the end.
    members: std::vec::IntoIter<(Tag, &'a Json)>,
    dataset: Dataset,
    /// The sequence that is being read: its items to come, and those that are done.
    sequence: Option<(Tag, std::slice::Iter<'a, Json>, Vec<Dataset>)>,
}

impl<'a> Open<'a> {
    fn new(object: &'a Map<String, Json>) -> Result<Self, Refused> {
        let mut members = Vec::with_capacity(object.len());
        for (key, member) in object {
            match dictionary::tag_of_hex(key) {
                Some(tag) => members.push((tag, member)),
                None => return malformed("a JSON key is not 8 hexadecimal digits"),
            }
        }
        members.sort_by_key(|(tag, _)| *tag);
        Ok(Self { members: members.into_iter(), dataset: Dataset::new(), sequence: None })
    }
}

fn malformed<T>(why: &'static str) -> Result<T, Refused> {
    Err(Refused::Malformed { at: 0, why })
}

pub(super) fn from_json(object: &Map<String, Json>, place_of: &PlaceOf<'_>) -> Result<Dataset, Refused> {
    let mut open = vec![Open::new(object)?];
    loop {
        let depth = open.len();
        let Some(top) = open.last_mut() else { return Ok(Dataset::new()) };
        if let Some((tag, items, done)) = &mut top.sequence {
            match items.next() {
                Some(Json::Object(item)) if depth <= DEPTH_MAX => open.push(Open::new(item)?),
                Some(Json::Object(_)) => return Err(Refused::OverLimit("nesting of sequences")),
                Some(Json::Null) => done.push(Dataset::new()),
                Some(_) => return malformed("an item of a JSON sequence is not an object"),
                None => {
                    let (tag, done) = (*tag, std::mem::take(done));
                    top.sequence = None;
                    top.dataset.put_items(tag, done);
                }
            }
            continue;
        }
        let Some((tag, member)) = top.members.next() else {
            let Some(closed) = open.pop() else { return Ok(Dataset::new()) };
            match open.last_mut().and_then(|outer| outer.sequence.as_mut()) {
                Some((_, _, done)) => done.push(closed.dataset),
                None => return Ok(closed.dataset),
            }
            continue;
        };
        let Json::Object(member) = member else {
            return malformed("a JSON attribute is not an object");
        };
        let vr = vr_of(tag, member)?;
        if tag.element() == 0 {
            continue;
        }
        if let Some(uri) = member.get("BulkDataURI") {
            match place_of(uri.as_str().unwrap_or_default()) {
                Place::At(offset, length) => {
                    top.dataset.put(Element { tag, vr, value: Value::Bulk { offset, length } });
                }
                Place::LeftOut => {}
                Place::Missing => return malformed("a BulkDataURI leads nowhere"),
            }
            continue;
        }
        let values: &[Json] = match member.get("Value") {
            None | Some(Json::Null) => &[],
            Some(Json::Array(values)) => values,
            Some(value) => std::slice::from_ref(value),
        };
        if vr == VR::SQ {
            top.sequence = Some((tag, values.iter(), Vec::with_capacity(values.len())));
        } else if tag == tags::SPECIFIC_CHARACTER_SET {
            top.dataset.put_text(tag, VR::CS, "ISO_IR 192");
        } else if let Some(binary) = member.get("InlineBinary") {
            let bytes = binary.as_str().and_then(|text| BASE64.decode(text).ok());
            let Some(bytes) = bytes else { return malformed("InlineBinary is not base64") };
            top.dataset.put(Element { tag, vr, value: Value::Bytes(bytes.into()) });
        } else {
            put_values(&mut top.dataset, tag, vr, values)?;
        }
    }
}

fn vr_of(tag: Tag, member: &Map<String, Json>) -> Result<VR, Refused> {
    match member.get("vr") {
        None => Ok(dictionary::vr(tag, Signedness::Unsigned).unwrap_or(VR::UN)),
        Some(Json::String(text)) => match <[u8; 2]>::try_from(text.as_bytes()).ok().and_then(VR::from_binary)
        {
            Some(vr) => Ok(vr),
            None => malformed("the vr of a JSON attribute is unknown"),
        },
        Some(_) => malformed("the vr of a JSON attribute is not text"),
    }
}

fn put_values(dataset: &mut Dataset, tag: Tag, vr: VR, values: &[Json]) -> Result<(), Refused> {
    if is_text(vr) {
        let mut texts = Vec::with_capacity(values.len());
        for value in values {
            texts.push(if vr == VR::PN { person_name(value)? } else { text(value)? });
        }
        dataset.put_text(tag, vr, &texts.join("\\"));
        return Ok(());
    }
    let mut bytes = Vec::with_capacity(values.len() * 2);
    for value in values {
        match number(vr, value) {
            Some(number) => bytes.extend_from_slice(&number),
            None => return malformed("a JSON value does not fit its vr"),
        }
    }
    dataset.put_bytes(tag, vr, bytes);
    Ok(())
}

fn text(value: &Json) -> Result<String, Refused> {
    match value {
        Json::Null => Ok(String::new()),
        Json::String(text) => Ok(text.clone()),
        Json::Number(number) => Ok(number.to_string()),
        Json::Bool(_) | Json::Array(_) | Json::Object(_) => malformed("a JSON value is not text or a number"),
    }
}

fn person_name(value: &Json) -> Result<String, Refused> {
    let Json::Object(groups) = value else { return text(value) };
    let mut name = String::new();
    for (place, key) in ["Alphabetic", "Ideographic", "Phonetic"].into_iter().enumerate() {
        if place > 0 {
            name.push('=');
        }
        if let Some(group) = groups.get(key) {
            name.push_str(&text(group)?);
        }
    }
    name.truncate(name.trim_end_matches('=').len());
    Ok(name)
}

/// The little-endian bytes of one value of a binary VR.
fn number(vr: VR, value: &Json) -> Option<Vec<u8>> {
    let integer = || match value {
        Json::Number(number) => {
            number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)).or_else(|| {
                number.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i128)
            })
        }
        Json::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let float = || match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => text.trim().parse().ok(), // NaN, Infinity and -Infinity among them.
        _ => None,
    };
    Some(match vr {
        VR::US => u16::try_from(integer()?).ok()?.to_le_bytes().to_vec(),
        VR::SS => i16::try_from(integer()?).ok()?.to_le_bytes().to_vec(),
        VR::UL => u32::try_from(integer()?).ok()?.to_le_bytes().to_vec(),
        VR::SL => i32::try_from(integer()?).ok()?.to_le_bytes().to_vec(),
        VR::UV => u64::try_from(integer()?).ok()?.to_le_bytes().to_vec(),
        VR::SV => i64::try_from(integer()?).ok()?.to_le_bytes().to_vec(),
        VR::FL => (float()? as f32).to_le_bytes().to_vec(),
        VR::FD => float()?.to_le_bytes().to_vec(),
        VR::AT => {
            let tag = dictionary::tag_of_hex(value.as_str()?)?;
            [tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat()
        }
        _ => return None,
    })
}
