//! The attributes of a row that a search found: each stays the text that the index keeps until somebody looks into it.

use dataset::Tag;
use dataset::dictionary::{hex_of, tag_of_hex};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value as Json};
use std::fmt;

/// Attributes of the DICOM JSON Model (PS3.18 §F.2), ascending by tag. Fifty rows of a search have some thousand, of which
/// most are only handed on: as a tree they would cost more than all else of the search.
#[derive(Debug, Clone, Default)]
pub struct Attributes(Vec<(Tag, Box<RawValue>)>);

impl Attributes {
    /// One attribute, `{"vr": …, "Value": […]}`.
    #[must_use]
    pub fn get(&self, tag: Tag) -> Option<Json> {
        let place = self.place(tag).ok()?;
        serde_json::from_str(self.0.get(place)?.1.get()).ok()
    }

    /// The first value of an attribute that is plain text.
    #[must_use]
    pub fn first_text(&self, tag: Tag) -> Option<String> {
        Some(self.get(tag)?.get("Value")?.get(0)?.as_str()?.to_owned())
    }

    /// Sets an attribute, in place of one with the same tag.
    pub fn put(&mut self, tag: Tag, attribute: &Json) {
        // Only a map with keys that are no text cannot be written.
        let Ok(raw) = to_raw_value(attribute) else { return };
        match self.place(tag) {
            Ok(place) => self.0[place].1 = raw,
            Err(place) => self.0.insert(place, (tag, raw)),
        }
    }

    /// Keeps the attributes with such tags.
    pub fn retain(&mut self, is_kept: impl Fn(Tag) -> bool) {
        self.0.retain(|(tag, _)| is_kept(*tag));
    }

    /// Those with such tags as a tree.
    #[must_use]
    pub fn tree_of(&self, is_wanted: impl Fn(Tag) -> bool) -> Map<String, Json> {
        let wanted = self.0.iter().filter(|(tag, _)| is_wanted(*tag));
        wanted.filter_map(|(tag, raw)| Some((hex_of(*tag), serde_json::from_str(raw.get()).ok()?))).collect()
    }

    /// All as a tree.
    #[must_use]
    pub fn tree(&self) -> Map<String, Json> {
        self.tree_of(|_| true)
    }

    /// Adds those of another level, in place of what has the same tag.
    pub(crate) fn extend(&mut self, others: Self) {
        let own = std::mem::take(&mut self.0);
        self.0 = others.0;
        self.0.extend(own);
        self.sort();
    }

    /// Of several with one tag the first stays.
    fn sort(&mut self) {
        self.0.sort_by_key(|(tag, _)| *tag);
        self.0.dedup_by_key(|(tag, _)| *tag);
    }

    fn place(&self, tag: Tag) -> Result<usize, usize> {
        self.0.binary_search_by_key(&tag, |(tag, _)| *tag)
    }
}

impl From<Map<String, Json>> for Attributes {
    /// What has no tag for a key is left out.
    fn from(tree: Map<String, Json>) -> Self {
        let pair = |(key, value): (String, Json)| Some((tag_of_hex(&key)?, to_raw_value(&value).ok()?));
        let mut all = Self(tree.into_iter().filter_map(pair).collect());
        all.sort();
        all
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Vec<(Tag, Box<RawValue>)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of DICOM JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                // A study has some twenty, and the index adds eight.
                let mut pairs = Vec::with_capacity(32);
                while let Some(key) = map.next_key::<&str>()? {
                    let tag = tag_of_hex(key).ok_or_else(|| A::Error::custom("a key that is no tag"))?;
                    pairs.push((tag, map.next_value()?));
                }
                Ok(pairs)
            }
        }
        let mut all = Self(deserializer.deserialize_map(Pairs)?);
        if !all.0.is_sorted_by_key(|(tag, _)| *tag) {
            all.sort();
        }
        Ok(all)
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (tag, raw) in &self.0 {
            map.serialize_entry(&hex_of(*tag), raw)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataset::tags;
    use serde_json::json;

    #[test]
    fn attributes_come_out_as_they_went_in_and_by_tag() {
        let text = r#"{"00100020":{"vr":"LO","Value":["P1"]},"00080020":{"vr":"DA","Value":["20260102"]}}"#;
        let mut all: Attributes = serde_json::from_str(text).unwrap();
        all.put(tags::INSTANCE_AVAILABILITY, &json!({"vr": "CS", "Value": ["ONLINE"]}));
        all.put(tags::PATIENT_ID, &json!({"vr": "LO", "Value": ["P2"]}));
        assert_eq!(
            serde_json::to_string(&all).unwrap(),
            r#"{"00080020":{"vr":"DA","Value":["20260102"]},"00080056":{"vr":"CS","Value":["ONLINE"]},"00100020":{"vr":"LO","Value":["P2"]}}"#
        );
        assert_eq!(all.first_text(tags::PATIENT_ID).as_deref(), Some("P2"));
        assert_eq!(all.get(tags::PATIENT_NAME), None);
    }

    #[test]
    fn of_two_levels_the_lower_one_says() {
        let of = |tree: Json| Attributes::from(tree.as_object().unwrap().clone());
        let mut study = of(json!({"00080005": {"vr": "CS", "Value": ["a"]}, "00100020": {"vr": "LO"}}));
        study.extend(of(json!({"00080005": {"vr": "CS", "Value": ["b"]}})));
        assert_eq!(
            study.tree(),
            *json!({"00080005": {"vr": "CS", "Value": ["b"]}, "00100020": {"vr": "LO"}}).as_object().unwrap()
        );
    }

    #[test]
    fn what_is_no_dicom_json_is_refused() {
        for text in [r#"{"PatientID": {}}"#, "[]", r#"{"00100020": {"vr": }}"#, ""] {
            assert!(serde_json::from_str::<Attributes>(text).is_err(), "{text}");
        }
    }
}
