//! Specific Character Set (PS3.3 §C.12.1.1.2, PS3.5 §6.1): bytes to Unicode and back, ISO 2022 escapes included.
//!
//! A whole value is decoded before it is split: in GB18030 and GBK a second byte may be 0x5C, the backslash.

mod assumed;
mod iso2022;
mod sets;

pub use assumed::Assumed;

use encoding_rs::{Encoding, GB18030, GBK};
use sets::Set;
use std::sync::Arc;

/// The character sets named by (0008,0005), in order; empty means the default repertoire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CharacterSets {
    plan: Plan,
    assumed: Option<Assumed>,
}

/// How bytes become text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Plan {
    /// No (0008,0005), or ISO_IR 6.
    #[default]
    Default,
    /// Terms that are not in the standard: UTF-8 where valid, else Latin-1.
    Unknown,
    /// ISO_IR 192.
    Utf8,
    /// GB18030.
    Gb18030,
    /// GBK.
    Gbk,
    /// One set or several of ISO 2022, the first of them in effect at the beginning of each value.
    Iso2022(Arc<[Set]>),
}

/// Whether a value is a person name, whose delimiters reset ISO 2022 shifts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonName {
    /// VR PN.
    Yes,
    /// Any other text VR.
    No,
}

impl CharacterSets {
    /// From the values of (0008,0005); unknown terms are kept and decode as UTF-8 if valid, else Latin-1 with U+FFFD for nothing.
    #[must_use]
    pub fn from_values(values: &[&str]) -> Self {
        Self { plan: plan(values), assumed: None }
    }

    /// ISO_IR 192.
    #[must_use]
    pub fn utf8() -> Self {
        Self { plan: Plan::Utf8, assumed: None }
    }

    /// The same sets, but bytes above 0x7F that are unlabelled or labelled `ISO_IR 100` are taken for `assumed`
    /// wherever they are valid in it.
    #[must_use]
    pub fn assume(mut self, assumed: Assumed) -> Self {
        self.assumed = Some(assumed);
        self
    }

    /// Decodes a whole value (all its backslash-separated values); `pn` also resets at `^` and `=` (PS3.5 §6.1.2.5.3).
    #[must_use]
    pub fn decode(&self, bytes: &[u8], pn: PersonName) -> String {
        if bytes.is_ascii() && !bytes.contains(&iso2022::ESCAPE) {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        match &self.plan {
            Plan::Utf8 => self.decode_lossy(bytes),
            Plan::Gb18030 => GB18030.decode_without_bom_handling(bytes).0.into_owned(),
            Plan::Gbk => GBK.decode_without_bom_handling(bytes).0.into_owned(),
            Plan::Iso2022(sets) if **sets == [Set::LATIN_1] => match self.decode_assumed(bytes) {
                Some(text) => text,
                None => iso2022::decode(sets, bytes, pn),
            },
            Plan::Iso2022(sets) => iso2022::decode(sets, bytes, pn),
            Plan::Default | Plan::Unknown => match self.decode_assumed(bytes) {
                Some(text) => text,
                None if bytes.contains(&iso2022::ESCAPE) => iso2022::decode(&[Set::Ascii], bytes, pn),
                None => self.decode_lossy(bytes),
            },
        }
    }

    /// Encodes; characters that the sets cannot express become `?`.
    #[must_use]
    pub fn encode(&self, text: &str, pn: PersonName) -> Vec<u8> {
        if text.is_ascii() {
            return text.as_bytes().to_vec();
        }
        match &self.plan {
            Plan::Utf8 => text.as_bytes().to_vec(),
            Plan::Gb18030 => encode_whole(GB18030, text),
            Plan::Gbk => encode_whole(GBK, text),
            Plan::Iso2022(sets) => iso2022::encode(sets, text, pn),
            Plan::Default | Plan::Unknown => iso2022::encode(&[Set::Ascii], text, pn),
        }
    }

    /// Encodes, if these sets are ones of the standard and can express all of the text.
    #[must_use]
    pub fn try_encode(&self, text: &str, pn: PersonName) -> Option<Vec<u8>> {
        if self.plan == Plan::Unknown {
            return None;
        }
        let labelled = Self { plan: self.plan.clone(), assumed: None };
        let bytes = labelled.encode(text, pn);
        (labelled.decode(&bytes, pn) == text).then_some(bytes)
    }

    /// What texts are taken for, where the label says nothing of use; `None` where the label counts.
    #[must_use]
    pub fn assumed(&self) -> Option<Assumed> {
        match &self.plan {
            Plan::Default | Plan::Unknown => self.assumed,
            Plan::Iso2022(sets) if **sets == [Set::LATIN_1] => self.assumed,
            Plan::Utf8 | Plan::Gb18030 | Plan::Gbk | Plan::Iso2022(_) => None,
        }
    }

    /// Whether nobody knows what these bytes say: there is more than ASCII in them, under a label that senders leave out or
    /// set without meaning it (none, an unknown one, `ISO_IR 100`).
    #[must_use]
    pub fn is_unsure(&self, bytes: &[u8]) -> bool {
        let counts = match &self.plan {
            Plan::Default | Plan::Unknown => false,
            Plan::Iso2022(sets) => **sets != [Set::LATIN_1],
            Plan::Utf8 | Plan::Gb18030 | Plan::Gbk => true,
        };
        !counts && (!bytes.is_ascii() || bytes.contains(&iso2022::ESCAPE))
    }

    fn decode_assumed(&self, bytes: &[u8]) -> Option<String> {
        self.assumed?.decode(bytes)
    }

    /// UTF-8 where valid, else Latin-1, in which no byte is without a character.
    fn decode_lossy(&self, bytes: &[u8]) -> String {
        match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
        }
    }
}

/// Reads the terms. One that stands for a whole encoding decides alone, wherever it stands.
fn plan(values: &[&str]) -> Plan {
    let terms: Vec<String> = values.iter().map(|value| normalised(value)).collect();
    for term in &terms {
        match term.as_str() {
            "ISO IR 192" | "UTF 8" | "UTF8" => return Plan::Utf8,
            "GB18030" => return Plan::Gb18030,
            "GBK" | "GB2312" => return Plan::Gbk,
            _ => {}
        }
    }
    let known: Vec<Set> = terms.iter().filter_map(|term| Set::from_term(term)).collect();
    let unknown = terms.iter().any(|term| !term.is_empty() && Set::from_term(term).is_none());
    match known.as_slice() {
        [] if unknown => Plan::Unknown,
        [] => Plan::Default,
        [Set::Ascii] if unknown => Plan::Unknown,
        [Set::Ascii] => Plan::Default,
        _ => Plan::Iso2022(known.into()),
    }
}

/// Terms as they are and as they are often misspelt: `ISO-IR 100`, `ISO_IR_100`, `ISO 2022 IR 58`, `iso_ir 192`.
fn normalised(value: &str) -> String {
    let upper = value.trim_matches([' ', '\0']).to_ascii_uppercase();
    upper.split(['_', '-', ' ']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn encode_whole(encoding: &'static Encoding, text: &str) -> Vec<u8> {
    let (bytes, _, had_errors) = encoding.encode(text);
    if !had_errors {
        return bytes.into_owned();
    }
    let mut out = Vec::with_capacity(text.len());
    for character in text.chars() {
        if !sets::encode_char(encoding, character, &mut out) {
            out.push(b'?');
        }
    }
    out
}

#[cfg(test)]
mod tests;
