//! The coded character sets of PS3.3 Tables C.12-2 to C.12-4, each by itself.

use encoding_rs::{
    EUC_JP, EUC_KR, Encoding, GBK, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6, ISO_8859_7,
    ISO_8859_8, ISO_8859_15, WINDOWS_874, WINDOWS_1254,
};

/// A defined term for a character set with ISO 2022 structure, or a set that an escape sequence designates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    /// ISO-IR 6: G0 only.
    Ascii,
    /// A single-byte set in G1, ASCII in G0.
    Single(Single),
    /// ISO-IR 13 and 14, JIS X 0201: katakana in G1, romaji in G0.
    Katakana,
    /// A two-byte set.
    Double(Double),
}

/// ISO 8859 parts and TIS 620.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Single {
    Latin1,
    Latin2,
    Latin3,
    Latin4,
    Cyrillic,
    Arabic,
    Greek,
    Hebrew,
    Latin5,
    Latin9,
    Thai,
}

/// Sets of two bytes per character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Double {
    /// JIS X 0208, ISO-IR 87, in G0.
    Kanji,
    /// JIS X 0212, ISO-IR 159, in G0.
    KanjiSupplement,
    /// KS X 1001, ISO-IR 149, in G1.
    Hangul,
    /// GB 2312, ISO-IR 58, in G1.
    Hanzi,
}

impl Set {
    pub(super) const LATIN_1: Self = Self::Single(Single::Latin1);

    /// From a term with single blanks between its words; an empty value is the default repertoire.
    pub(super) fn from_term(term: &str) -> Option<Self> {
        let number = term.strip_prefix("ISO IR ").or_else(|| term.strip_prefix("ISO 2022 IR "));
        Some(match number.unwrap_or(term) {
            "" | "6" => Self::Ascii,
            "100" => Self::LATIN_1,
            "101" => Self::Single(Single::Latin2),
            "109" => Self::Single(Single::Latin3),
            "110" => Self::Single(Single::Latin4),
            "144" => Self::Single(Single::Cyrillic),
            "127" => Self::Single(Single::Arabic),
            "126" => Self::Single(Single::Greek),
            "138" => Self::Single(Single::Hebrew),
            "148" => Self::Single(Single::Latin5),
            "203" => Self::Single(Single::Latin9),
            "166" => Self::Single(Single::Thai),
            "13" => Self::Katakana,
            "87" => Self::Double(Double::Kanji),
            "159" => Self::Double(Double::KanjiSupplement),
            "149" => Self::Double(Double::Hangul),
            "58" => Self::Double(Double::Hanzi),
            _ => return None,
        })
    }

    /// The escape sequences (after ESC) that designate this set, in G0 and in G1.
    pub(super) fn escapes(self) -> &'static [(&'static [u8], Place)] {
        match self {
            Self::Ascii => &[(b"(B", Place::G0)],
            Self::Katakana => &[(b")I", Place::G1), (b"(J", Place::G0)],
            Self::Single(single) => match single {
                Single::Latin1 => &[(b"-A", Place::G1)],
                Single::Latin2 => &[(b"-B", Place::G1)],
                Single::Latin3 => &[(b"-C", Place::G1)],
                Single::Latin4 => &[(b"-D", Place::G1)],
                Single::Cyrillic => &[(b"-L", Place::G1)],
                Single::Arabic => &[(b"-G", Place::G1)],
                Single::Greek => &[(b"-F", Place::G1)],
                Single::Hebrew => &[(b"-H", Place::G1)],
                Single::Latin5 => &[(b"-M", Place::G1)],
                Single::Latin9 => &[(b"-b", Place::G1)],
                Single::Thai => &[(b"-T", Place::G1)],
            },
            Self::Double(double) => match double {
                Double::Kanji => &[(b"$B", Place::G0), (b"$@", Place::G0)],
                Double::KanjiSupplement => &[(b"$(D", Place::G0)],
                Double::Hangul => &[(b"$)C", Place::G1)],
                Double::Hanzi => &[(b"$)A", Place::G1)],
            },
        }
    }

    /// Every set, to look an escape sequence up.
    pub(super) const ALL: [Self; 17] = [
        Self::Ascii,
        Self::Katakana,
        Self::Double(Double::Kanji),
        Self::Double(Double::KanjiSupplement),
        Self::Double(Double::Hangul),
        Self::Double(Double::Hanzi),
        Self::Single(Single::Latin1),
        Self::Single(Single::Latin2),
        Self::Single(Single::Latin3),
        Self::Single(Single::Latin4),
        Self::Single(Single::Cyrillic),
        Self::Single(Single::Arabic),
        Self::Single(Single::Greek),
        Self::Single(Single::Hebrew),
        Self::Single(Single::Latin5),
        Self::Single(Single::Latin9),
        Self::Single(Single::Thai),
    ];
}

/// The code element that a set is invoked in: G0 for bytes 21 to 7E, G1 for A1 to FE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    G0,
    G1,
}

impl Single {
    /// What encoding_rs calls it. Latin-1 is none of its encodings; Latin-5 and Thai are their Windows supersets.
    fn encoding(self) -> Option<&'static Encoding> {
        Some(match self {
            Self::Latin1 => return None,
            Self::Latin2 => ISO_8859_2,
            Self::Latin3 => ISO_8859_3,
            Self::Latin4 => ISO_8859_4,
            Self::Cyrillic => ISO_8859_5,
            Self::Arabic => ISO_8859_6,
            Self::Greek => ISO_8859_7,
            Self::Hebrew => ISO_8859_8,
            Self::Latin5 => WINDOWS_1254,
            Self::Latin9 => ISO_8859_15,
            Self::Thai => WINDOWS_874,
        })
    }

    /// Appends the characters of bytes from 80 to FF.
    pub(super) fn decode(self, bytes: &[u8], out: &mut String) {
        let Some(encoding) = self.encoding() else {
            return out.extend(bytes.iter().map(|&byte| char::from(byte)));
        };
        for &byte in bytes {
            if byte < 0xA0 {
                out.push(char::from(byte)); // C1 controls, which the Windows sets print.
            } else {
                out.push_str(&encoding.decode_without_bom_handling(&[byte]).0);
            }
        }
    }

    /// Appends the byte of a character, if it has one.
    pub(super) fn encode(self, character: char, out: &mut Vec<u8>) -> bool {
        match self.encoding() {
            None => match u8::try_from(u32::from(character)) {
                Ok(byte) => out.push(byte),
                Err(_) => return false,
            },
            Some(encoding) => {
                let before = out.len();
                if !encode_char(encoding, character, out) {
                    return false;
                }
                if out.get(before).is_some_and(|byte| (0x80..0xA0).contains(byte)) {
                    out.truncate(before);
                    return false;
                }
            }
        }
        true
    }
}

impl Double {
    /// Where its escape sequence puts it.
    pub(super) fn place(self) -> Place {
        match self {
            Self::Kanji | Self::KanjiSupplement => Place::G0,
            Self::Hangul | Self::Hanzi => Place::G1,
        }
    }

    /// Appends the characters of byte pairs, whatever their high bits are; a half pair becomes U+FFFD.
    pub(super) fn decode(self, bytes: &[u8], out: &mut String) {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let mut euc = Vec::with_capacity(bytes.len() + bytes.len() / 2);
        for pair in pairs {
            if self == Self::KanjiSupplement {
                euc.push(0x8F);
            }
            euc.extend(pair.map(|byte| byte | 0x80));
        }
        out.push_str(&self.encoding().decode_without_bom_handling(&euc).0);
        if !rest.is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// Appends the two bytes of a character, if the set proper has it. JIS X 0212 is read but not written.
    pub(super) fn encode(self, character: char, out: &mut Vec<u8>) -> bool {
        let mut euc = Vec::with_capacity(4);
        if self == Self::KanjiSupplement || !encode_char(self.encoding(), character, &mut euc) {
            return false;
        }
        // One byte is ASCII or katakana; below A1 is an extension (UHC, GBK) of the set that the escape names.
        let Ok(pair) = <[u8; 2]>::try_from(euc) else { return false };
        if pair.iter().any(|&byte| byte < 0xA1) {
            return false;
        }
        out.extend(if self.place() == Place::G0 { pair.map(|byte| byte & 0x7F) } else { pair });
        true
    }

    fn encoding(self) -> &'static Encoding {
        match self {
            Self::Kanji | Self::KanjiSupplement => EUC_JP,
            Self::Hangul => EUC_KR,
            Self::Hanzi => GBK,
        }
    }
}

/// Appends one character in an encoding; false, and nothing appended, when it has none there.
pub(super) fn encode_char(encoding: &'static Encoding, character: char, out: &mut Vec<u8>) -> bool {
    let mut utf8 = [0; 4];
    let mut bytes = [0; 16];
    let (result, _, written) = encoding.new_encoder().encode_from_utf8_without_replacement(
        character.encode_utf8(&mut utf8),
        &mut bytes,
        true,
    );
    if result != encoding_rs::EncoderResult::InputEmpty {
        return false;
    }
    out.extend_from_slice(&bytes[..written]);
    true
}
