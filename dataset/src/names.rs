//! Person names (PS3.5 §6.2.1): component groups and components, split from decoded text.

/// One component group: `family^given^middle^prefix^suffix`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Family name complex.
    pub family: String,
    /// Given name complex.
    pub given: String,
    /// Middle name.
    pub middle: String,
    /// Name prefix.
    pub prefix: String,
    /// Name suffix; what follows a sixth `^` stays here.
    pub suffix: String,
}

impl Group {
    /// Splits one component group; blanks around components are not significant.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut parts = text.splitn(5, '^').map(|part| part.trim().to_owned());
        let mut next = || parts.next().unwrap_or_default();
        Self { family: next(), given: next(), middle: next(), prefix: next(), suffix: next() }
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.components().iter().all(|part| part.is_empty())
    }

    /// The five components in order.
    #[must_use]
    pub fn components(&self) -> [&str; 5] {
        [&self.family, &self.given, &self.middle, &self.prefix, &self.suffix]
    }
}

/// A person name: its three component groups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Name {
    /// Alphabetic (single byte) representation.
    pub alphabetic: Group,
    /// Ideographic representation, such as 张^三.
    pub ideographic: Group,
    /// Phonetic representation.
    pub phonetic: Group,
}

impl Name {
    /// Splits a decoded value (one value, no backslash). Nothing is refused: a fourth group is ignored.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let [alphabetic, ideographic, phonetic] = groups(text);
        Self {
            alphabetic: Group::parse(alphabetic),
            ideographic: Group::parse(ideographic),
            phonetic: Group::parse(phonetic),
        }
    }
}

/// The three component groups of a decoded name as they stand, without trailing `^` and blanks; empty when absent.
#[must_use]
pub fn groups(text: &str) -> [&str; 3] {
    let mut parts = text.splitn(4, '=').map(|part| part.trim().trim_end_matches(['^', ' ']));
    let mut next = || parts.next().unwrap_or_default();
    [next(), next(), next()]
}

/// One component group as people read it: `张三` for `张^三`, `Zhang San` for `Zhang^San`.
#[must_use]
pub fn display(group: &str) -> String {
    // Chinese, Japanese and Korean names are written without a space.
    let separator = if group.chars().any(|c| c >= '\u{2E80}') { "" } else { " " };
    let parts: Vec<&str> = group.split('^').map(str::trim).filter(|part| !part.is_empty()).collect();
    parts.join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_names_are_shown_without_a_space() {
        assert_eq!(display("张^三"), "张三");
        assert_eq!(display("欧阳娜娜"), "欧阳娜娜");
        assert_eq!(display("Zhang^San^^"), "Zhang San");
        assert_eq!(display("Müller^Jürgen"), "Müller Jürgen");
        assert_eq!(display(""), "");
    }

    #[test]
    fn groups_and_components() {
        let name = Name::parse("Zhang^San^^Dr.=张^三=");
        assert_eq!(name.alphabetic.components(), ["Zhang", "San", "", "Dr.", ""]);
        assert_eq!(name.ideographic.components(), ["张", "三", "", "", ""]);
        assert!(name.phonetic.is_empty());
        for (text, expect) in [
            ("", ["", "", ""]),
            ("A^B^^^", ["A^B", "", ""]),
            ("=李^四", ["", "李^四", ""]),
            ("a=b=c=d", ["a", "b", "c"]),
        ] {
            assert_eq!(groups(text), expect, "{text:?}");
        }
        assert_eq!(Group::parse("a^b^c^d^e^f").suffix, "e^f");
    }
}
