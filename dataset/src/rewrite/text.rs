//! New text in an old data set's character sets; where they cannot express it, they are extended so that every other
//! text keeps its meaning (PS3.3 §C.12.1.1.2).

use crate::charset::{CharacterSets, PersonName};
use crate::element::is_text;
use crate::{Dataset, VR, Value};
use serde_json::{Map, Value as Json};

/// Sets that are added, in the order in which they are tried.
const EXTENSIONS: [&[&str]; 5] = [&["58"], &["87"], &["149"], &["87", "159"], &["58", "149", "87"]];

/// The sets that the new values are written in, and the new value of (0008,0005) if it has to change. When no set has a
/// character, the sets stay as they are and it becomes `?`.
pub(super) fn label(there: &[u8], edits: &Map<String, Json>) -> (Option<String>, CharacterSets) {
    let label = String::from_utf8_lossy(there).trim_matches([' ', '\0']).to_owned();
    let texts = texts(edits);
    let expresses = |sets: &CharacterSets| {
        texts.iter().all(|text| sets.decode(&sets.encode(text, PersonName::Yes), PersonName::Yes) == *text)
    };
    let sets_of = |label: &str| CharacterSets::from_values(&label.split('\\').collect::<Vec<_>>());
    let sets = sets_of(&label);
    if expresses(&sets) {
        return (None, sets);
    }
    let others = wider(&label).into_iter().map(|label| (sets_of(&label), label));
    match others.into_iter().find(|(sets, _)| expresses(sets)) {
        Some((wider, label)) => (Some(label), wider),
        None => (None, sets),
    }
}

/// Labels under which all that was written before still means the same.
fn wider(label: &str) -> Vec<String> {
    if matches!(label, "GBK" | "GB2312") {
        return vec!["GB18030".to_owned()];
    }
    let terms: Vec<String> =
        label.split('\\').map(|term| term.trim().replace("ISO_IR ", "ISO 2022 IR ")).collect();
    EXTENSIONS
        .iter()
        .map(|more| {
            let more =
                more.iter().map(|number| format!("ISO 2022 IR {number}")).filter(|t| !terms.contains(t));
            terms.iter().cloned().chain(more).collect::<Vec<_>>().join("\\")
        })
        .collect()
}

/// Every text in the edits that is not ASCII.
fn texts(edits: &Map<String, Json>) -> Vec<String> {
    let mut waiting: Vec<&Json> = edits.values().collect();
    let mut texts = Vec::new();
    while let Some(value) = waiting.pop() {
        match value {
            Json::String(text) if !text.is_ascii() => texts.push(text.clone()),
            Json::Array(values) => waiting.extend(values),
            Json::Object(members) => waiting.extend(members.values()),
            _ => {}
        }
    }
    texts
}

/// The same data set, whose texts are in UTF-8, written in these sets.
pub(super) fn recode(mut dataset: Dataset, sets: &CharacterSets) -> Dataset {
    let mut waiting = vec![&mut dataset];
    while let Some(dataset) = waiting.pop() {
        let utf8 = CharacterSets::utf8();
        for element in &mut dataset.elements {
            let pn = if element.vr == VR::PN { PersonName::Yes } else { PersonName::No };
            match &mut element.value {
                Value::Bytes(bytes) if is_text(element.vr) && !bytes.is_ascii() => {
                    *bytes = sets.encode(utf8.decode(bytes, pn).trim_end(), pn).into();
                }
                Value::Items(items) => waiting.extend(items.iter_mut()),
                _ => {}
            }
        }
    }
    dataset
}
