//! Identifiers that Farsight gives out, and application entity titles.

use crate::Invalid;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::sync::Arc;

/// 1 to 40 characters of `a-z 0-9 -`: safe in paths, URLs and SQL by construction.
fn parse_id(what: &'static str, text: &str) -> Result<Arc<str>, Invalid> {
    let invalid = |why| Invalid { what, why };
    if text.is_empty() || text.len() > 40 {
        return Err(invalid("it does not have 1 to 40 characters"));
    }
    if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(invalid("it has characters other than a-z, 0-9 and -"));
    }
    Ok(text.into())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses an identifier: 1 to 40 characters of `a-z 0-9 -`.
            ///
            /// # Errors
            /// [`Invalid`] when the text is anything else.
            pub fn parse(text: &str) -> Result<Self, Invalid> {
                parse_id($what, text).map(Self)
            }

            /// A new identifier that sorts by the time it was made (UUID version 7, RFC 9562).
            #[must_use]
            pub fn new() -> Self {
                Self(uuid::Uuid::now_v7().to_string().into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// An organisation: a hospital or a reading centre. Every study belongs to one.
    OrgId,
    "organisation id"
);
id!(
    /// A person with an account.
    PersonId,
    "person id"
);
id!(
    /// A machine's bearer token (not its secret).
    TokenId,
    "token id"
);
id!(
    /// A consult: one question from one organisation to another.
    ConsultId,
    "consult id"
);
id!(
    /// A whole-slide image that was imported or received.
    SlideId,
    "slide id"
);

/// An application entity title (PS3.5 §6.2, VR AE): 1 to 16 characters, spaces at the ends are not significant.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct AeTitle(Arc<str>);

impl AeTitle {
    /// Parses an AE title; leading and trailing spaces are removed.
    ///
    /// # Errors
    /// [`Invalid`] when nothing is left, more than 16 characters are, or one is a backslash, a control character or
    /// outside ASCII.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim_matches([' ', '\0']);
        let invalid = |why| Invalid { what: "AE title", why };
        if text.is_empty() || text.len() > 16 {
            return Err(invalid("it does not have 1 to 16 characters"));
        }
        if !text.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'\\') {
            return Err(invalid("it has a backslash, a control character or one outside ASCII"));
        }
        Ok(Self(text.into()))
    }

    /// The title without padding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AeTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AeTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AeTitle({})", self.0)
    }
}

impl<'de> Deserialize<'de> for AeTitle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_safe_everywhere() {
        assert!(OrgId::parse("city-centre-1").is_ok());
        for text in ["", "A", "a/b", "a.b", "..", "a b", &"a".repeat(41)] {
            assert!(OrgId::parse(text).is_err(), "{text:?}");
        }
        assert!(OrgId::parse(OrgId::new().as_str()).is_ok());
    }

    #[test]
    fn ae_titles_lose_their_padding() {
        assert_eq!(AeTitle::parse("  FARSIGHT        ").unwrap().as_str(), "FARSIGHT");
        for text in ["", "    ", "A\\B", "A\nB", "ABCDEFGHIJKLMNOPQ", "远见"] {
            assert!(AeTitle::parse(text).is_err(), "{text:?}");
        }
    }
}
