//! DICOM unique identifiers (PS3.5 §9).

use crate::Invalid;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::sync::Arc;

/// A UID: 1 to 64 characters, digits and dots, no empty component.
///
/// Components with a leading zero break PS3.5 §9.1 but are common in the field; they are accepted as they are, since
/// refusing them would lose images.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Uid(Arc<str>);

impl Uid {
    /// Parses a UID. Trailing NUL and space padding is removed first.
    ///
    /// # Errors
    /// [`Invalid`] when the text is empty, longer than 64 characters, or not digits and single dots.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim_end_matches(['\0', ' ']);
        let invalid = |why| Invalid { what: "UID", why };
        if text.is_empty() {
            return Err(invalid("it is empty"));
        }
        if text.len() > 64 {
            return Err(invalid("it has more than 64 characters"));
        }
        if !text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(invalid("it has characters other than digits and dots"));
        }
        if text.split('.').any(str::is_empty) {
            return Err(invalid("it has an empty component"));
        }
        Ok(Self(text.into()))
    }

    /// A new UID under `2.25`, from a UUID (PS3.5 §B.2).
    #[must_use]
    pub fn from_uuid(uuid: uuid::Uuid) -> Self {
        Self(format!("2.25.{}", uuid.as_u128()).into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uid({})", self.0)
    }
}

impl<'de> Deserialize<'de> for Uid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn padding_is_removed_and_leading_zeros_are_kept() {
        assert_eq!(Uid::parse("1.2.840.10008.1.1\0").unwrap().as_str(), "1.2.840.10008.1.1");
        assert_eq!(Uid::parse("1.2.03 ").unwrap().as_str(), "1.2.03");
    }

    #[test]
    fn what_is_not_a_uid_is_refused() {
        for text in ["", " ", "1..2", ".1", "1.", "1.2/3", "1.2\\3", "1.2'", "a.b", &"1".repeat(65)] {
            assert!(Uid::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_uid_from_a_uuid_is_valid() {
        let uid = Uid::from_uuid(uuid::Uuid::max());
        assert_eq!(Uid::parse(uid.as_str()).unwrap(), uid);
    }

    proptest! {
        #[test]
        fn a_parsed_uid_never_names_a_path(text in ".{0,80}") {
            if let Ok(uid) = Uid::parse(&text) {
                prop_assert!(!uid.as_str().contains(['/', '\\', '\0', '\'', ' ']));
                prop_assert!(uid.as_str().len() <= 64);
            }
        }
    }
}
