//! What people write and choose: texts without what could deceive, a class, a colour.

use serde::{Deserialize, Serialize};

/// Characters of a note at most.
pub const TEXT_CHARS_MAX: usize = 4000;
/// Characters of a bookmark's name at most.
pub const NAME_CHARS_MAX: usize = 120;

/// A text as it is kept: line ends are `\n`; control characters and those that turn the direction of what follows
/// (Unicode UAX #9) are gone, since they could make a note read as something else. `None` when it is too long.
#[must_use]
pub fn clean_text(text: &str, chars_max: usize) -> Option<String> {
    // One pass over what may be long, and no copy of it.
    if text.chars().nth(chars_max).is_some() {
        return None;
    }
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let turns = |c: char| matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let kept = text.chars().filter(|c| *c == '\n' || !(c.is_control() || turns(*c) || *c == '\u{FEFF}'));
    Some(kept.collect::<String>().trim().to_owned())
}

/// What a region is of. The words go out with exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Just look here.
    #[default]
    Attention,
    /// 肿瘤
    Tumour,
    /// 浸润前沿 / 可疑浸润
    Invasion,
    /// 核分裂象
    Mitosis,
    /// 坏死
    Necrosis,
    /// 炎症
    Inflammation,
    /// 切缘
    Margin,
    /// 正常组织
    Normal,
    /// 人工假象
    Artefact,
}

/// A concept of a coding scheme: value, scheme, meaning.
pub type Code = (&'static str, &'static str, &'static str);

impl Class {
    /// All, in the order of menus.
    pub const ALL: [Self; 9] = [
        Self::Attention,
        Self::Tumour,
        Self::Invasion,
        Self::Mitosis,
        Self::Necrosis,
        Self::Inflammation,
        Self::Margin,
        Self::Normal,
        Self::Artefact,
    ];

    /// The word in records and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Tumour => "tumour",
            Self::Invasion => "invasion",
            Self::Mitosis => "mitosis",
            Self::Necrosis => "necrosis",
            Self::Inflammation => "inflammation",
            Self::Margin => "margin",
            Self::Normal => "normal",
            Self::Artefact => "artefact",
        }
    }

    /// The name that QuPath gives the same, or ours where it has none.
    #[must_use]
    pub fn qupath_name(self) -> &'static str {
        match self {
            Self::Attention => "Region*",
            Self::Tumour => "Tumor",
            Self::Invasion => "Invasion",
            Self::Mitosis => "Mitosis",
            Self::Necrosis => "Necrosis",
            Self::Inflammation => "Immune cells",
            Self::Margin => "Margin",
            Self::Normal => "Normal",
            Self::Artefact => "Artefact",
        }
    }

    /// The class that QuPath's name (in any case) or our word means.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| {
            name.eq_ignore_ascii_case(class.qupath_name()) || name.eq_ignore_ascii_case(class.as_str())
        })
    }

    /// Category and type of the property that an annotation group of this class marks (PS3.3 §C.37.1.2), from
    /// PS3.16 as far as that has them.
    #[must_use]
    pub fn codes(self) -> (Code, Code) {
        const MORPHOLOGY: Code = ("49755003", "SCT", "Morphologically Abnormal Structure");
        const TISSUE: Code = ("85756007", "SCT", "Tissue");
        const SPATIAL: Code = ("309825002", "SCT", "Spatial and Relational Concept");
        match self {
            Self::Attention => (SPATIAL, ("111099", "DCM", "Selected region")),
            Self::Tumour => (MORPHOLOGY, ("108369006", "SCT", "Neoplasm")),
            Self::Invasion => (MORPHOLOGY, ("invasion", "99FARSIGHT", "Invasion")),
            Self::Mitosis => (MORPHOLOGY, ("mitosis", "99FARSIGHT", "Mitotic figure")),
            Self::Necrosis => (MORPHOLOGY, ("6574001", "SCT", "Necrosis")),
            Self::Inflammation => (MORPHOLOGY, ("409774005", "SCT", "Inflammation")),
            Self::Margin => (SPATIAL, ("margin", "99FARSIGHT", "Resection margin")),
            Self::Normal => (TISSUE, ("17621005", "SCT", "Normal")),
            Self::Artefact => (SPATIAL, ("111207", "DCM", "Image artifact(s)")),
        }
    }

    /// The colour that is used when nobody chose another.
    #[must_use]
    pub fn colour(self) -> Colour {
        Colour(match self {
            Self::Attention => [0xFA, 0xCC, 0x15],
            Self::Tumour => [0xEF, 0x44, 0x44],
            Self::Invasion => [0xF9, 0x73, 0x16],
            Self::Mitosis => [0xA8, 0x55, 0xF7],
            Self::Necrosis => [0x78, 0x71, 0x6C],
            Self::Inflammation => [0x3B, 0x82, 0xF6],
            Self::Margin => [0x06, 0xB6, 0xD4],
            Self::Normal => [0x22, 0xC5, 0x5E],
            Self::Artefact => [0x64, 0x74, 0x8B],
        })
    }
}

/// A colour in sRGB; in JSON `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// From `#rrggbb`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let number = digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits)?;
        let [_, red, green, blue] = u32::from_str_radix(number, 16).ok()?.to_be_bytes();
        Some(Self([red, green, blue]))
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Serialize for Colour {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a colour is #rrggbb"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_words_and_lose_tricks() {
        let clean = |text: &str| clean_text(text, 20);
        assert_eq!(clean(" 腺癌？\r\n看这里 \u{0}\u{7}"), Some("腺癌？\n看这里".to_owned()));
        assert_eq!(clean("abc\u{202E}def\u{2066}"), Some("abcdef".to_owned()));
        assert_eq!(clean("<script>"), Some("<script>".to_owned()), "it is text, and is shown as text");
        assert_eq!(clean(&"字".repeat(20)), Some("字".repeat(20)));
        assert_eq!(clean(&"字".repeat(21)), None);
    }

    #[test]
    fn colours_are_six_digits() {
        assert_eq!(Colour::parse("#0fA010").map(|colour| colour.to_string()), Some("#0fa010".to_owned()));
        for text in ["", "#", "0fa010", "#0fa01", "#0fa0101", "#+fa010", "#0fa01字", "red"] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
    }

    #[test]
    fn classes_are_known_by_either_name() {
        for class in Class::ALL {
            assert_eq!(Class::from_name(class.as_str()), Some(class));
            assert_eq!(Class::from_name(&class.qupath_name().to_uppercase()), Some(class));
        }
        assert_eq!(Class::from_name("Stroma"), None);
    }
}
