//! Specific Character Set (PS3.3 §C.12.1.1.2, PS3.5 §6.1): bytes to Unicode and back, ISO 2022 escapes included.

/// The character sets named by (0008,0005), in order; empty means the default repertoire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CharacterSets {/* owned by the engineer of this crate */}

impl CharacterSets {
    /// From the values of (0008,0005); unknown terms are kept and decode as UTF-8 if valid, else Latin-1 with U+FFFD for nothing.
    #[must_use]
    pub fn from_values(_values: &[&str]) -> Self {
        todo!()
    }
    /// ISO_IR 192.
    #[must_use]
    pub fn utf8() -> Self {
        todo!()
    }
    /// Decodes a whole value (all its backslash-separated values); `pn` also resets at `^` and `=` (PS3.5 §6.1.2.5.3).
    #[must_use]
    pub fn decode(&self, _bytes: &[u8], _pn: PersonName) -> String {
        todo!()
    }
    /// Encodes; characters that the sets cannot express become `?`.
    #[must_use]
    pub fn encode(&self, _text: &str, _pn: PersonName) -> Vec<u8> {
        todo!()
    }
}

/// Whether a value is a person name, whose delimiters reset ISO 2022 shifts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonName {
    /// VR PN.
    Yes,
    /// Any other text VR.
    No,
}
