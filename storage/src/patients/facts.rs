//! What is known of an identity, and whether two of them are of one person. Pure.

use crate::attributes::{digits, text, texts};
use crate::names;
use serde_json::{Map, Value as Json};
use sha2::Digest as _;
use std::collections::BTreeSet;

/// Names that stand for no name.
const NO_NAMES: &[&str] = &[
    "anonymous",
    "anonymized",
    "anonymised",
    "unknown",
    "noname",
    "test",
    "patient",
    "匿名",
    "无名氏",
    "无名",
    "未知",
    "不详",
    "测试",
];
/// Birth dates that stand for none.
const NO_BIRTH_DATES: &[&str] = &["19000101", "00010101", "11111111"];
/// Other identifiers that are looked at.
const NUMBERS_MAX: usize = 16;
/// Characters of an identifier or issuer.
const NUMBER_CHARS_MAX: usize = 64;

/// An identifier that may be known elsewhere, too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Number {
    /// 公民身份号码 (GB 11643): 18 characters whose check character is right.
    Citizen(String),
    /// Of an issuer that is named.
    Issued {
        /// Who has given it, folded.
        issuer: String,
        /// What.
        id: String,
    },
    /// Without an issuer: it says something within one organisation only.
    Local {
        /// Whose.
        owner: String,
        /// What.
        id: String,
    },
}

/// What an identity's studies say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Names as written, folded and without spaces.
    written: BTreeSet<String>,
    /// Names as they are compared: pinyin and Latin letters, in any order of the parts.
    forms: BTreeSet<String>,
    birth_date: String,
    sex: String,
    pub numbers: BTreeSet<Number>,
}

/// What speaks for or against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// The same 身份证号.
    CitizenNumber,
    /// The same identifier of the same issuer.
    Identifier,
    /// The same name in the same writing.
    Name,
    /// The same name by its pinyin.
    NamePinyin,
    /// The same birth date.
    BirthDate,
    /// The same sex.
    Sex,
    /// The names differ.
    OtherName,
    /// The birth dates differ.
    OtherBirthDate,
    /// One is a man, the other a woman.
    OtherSex,
}

/// How sure it is that two are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// By an exact identifier that nothing contradicts: linked by rule.
    Exact(Vec<Sign>),
    /// A person is to decide.
    Near(Vec<Sign>),
    None,
}

impl Likeness {
    pub fn state(&self) -> &'static str {
        match self {
            Self::Exact(_) => "linked",
            Self::Near(_) => "open",
            Self::None => "",
        }
    }

    pub fn signs(self) -> Vec<Sign> {
        match self {
            Self::Exact(signs) | Self::Near(signs) => signs,
            Self::None => Vec::new(),
        }
    }
}

/// 32 hex digits of a hash.
pub(crate) fn hashed(parts: &[&str]) -> String {
    let mut hash = sha2::Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Whose a study is; `None` without a Patient ID, when it is hidden, and when identity has been taken from it.
pub(crate) fn identity_of(owner: &str, all: &Map<String, Json>) -> Option<String> {
    let id = text(all, "00100020");
    let is_somebody = !id.is_empty() && !owner.starts_with('-') && text(all, "00120062") != "YES";
    is_somebody.then(|| hashed(&["identity", owner, &id, &text(all, "00100021")]))
}

/// Whether these are a 公民身份号码: its check character (ISO 7064, MOD 11-2) and its birth date are right.
fn is_citizen_number(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: &[u8; 11] = b"10X98765432";
    let bytes = text.as_bytes();
    if bytes.len() != 18 || !bytes.iter().take(17).all(u8::is_ascii_digit) {
        return false;
    }
    let sum: u32 = bytes.iter().zip(WEIGHTS).map(|(byte, weight)| u32::from(byte - b'0') * weight).sum();
    let is_date = |text: &str| {
        let part = |range| text.get(range).and_then(|t: &str| t.parse::<u32>().ok()).unwrap_or(0);
        (1800..2200).contains(&part(0..4)) && (1..=12).contains(&part(4..6)) && (1..=31).contains(&part(6..8))
    };
    CHECKS.get(sum as usize % 11) == bytes.last() && text.get(6..14).is_some_and(is_date)
}

impl Number {
    fn of(owner: &str, issuer: &str, id: &str) -> Option<Self> {
        let id: String = id.trim().chars().take(NUMBER_CHARS_MAX).collect();
        let upper = id.to_uppercase();
        if is_citizen_number(&upper) {
            return Some(Self::Citizen(upper));
        }
        // "0", "000000" and the like are nobody's number.
        if id.chars().all(|c| !c.is_alphanumeric() || c == '0') {
            return None;
        }
        let issuer: String = names::fold(issuer).chars().take(NUMBER_CHARS_MAX).collect();
        Some(if issuer.is_empty() {
            Self::Local { owner: owner.to_owned(), id }
        } else {
            Self::Issued { issuer, id }
        })
    }

    fn key(&self) -> String {
        match self {
            Self::Citizen(id) => hashed(&["citizen", id]),
            Self::Issued { issuer, id } => hashed(&["issued", issuer, id]),
            Self::Local { owner, id } => hashed(&["local", owner, id]),
        }
    }
}

/// The numbers that a study gives its patient: Patient ID, Other Patient IDs (0010,1000), Other Patient IDs Sequence (0010,1002).
fn numbers(owner: &str, all: &Map<String, Json>) -> BTreeSet<Number> {
    let own = Number::of(owner, &text(all, "00100021"), &text(all, "00100020"));
    let retired = texts(all, "00101000");
    let retired = retired.iter().filter_map(|id| Number::of(owner, "", id));
    let items = all.get("00101002").and_then(|a| a.get("Value")).and_then(Json::as_array);
    let others = items.into_iter().flatten().filter_map(Json::as_object);
    let others =
        others.filter_map(|item| Number::of(owner, &text(item, "00100021"), &text(item, "00100020")));
    own.into_iter().chain(retired.chain(others).take(NUMBERS_MAX)).collect()
}

/// The forms by which two writings of one person's name are compared: Latin letters and pinyin without spaces, the parts of a
/// Latin name in either order, ü and v as u.
fn person_forms(group: &str) -> BTreeSet<String> {
    let text: String = group.chars().take(names::GROUP_CHARS_MAX).collect();
    let folded = names::fold(&text);
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.map(|c| if matches!(c, 'ü' | 'v') { 'u' } else { c }).collect()
    };
    if folded.chars().any(names::is_han) {
        let compact: Vec<char> = folded.chars().filter(|c| c.is_alphanumeric()).collect();
        return names::readings(&compact).iter().map(|reading| plain(&reading.concat())).collect();
    }
    let mut forms = BTreeSet::from([plain(&folded)]);
    if let Some((first, rest)) = folded.split_once(' ') {
        forms.insert(plain(&format!("{rest}{first}")));
    }
    forms.retain(|form| !form.is_empty());
    forms
}

impl Facts {
    /// Of studies of one identity, newest first: who they are is what the newest says, numbers are those of all.
    pub fn of<'a>(owner: &str, studies: impl IntoIterator<Item = &'a Map<String, Json>>) -> Self {
        let mut studies = studies.into_iter();
        let Some(newest) = studies.next() else { return Self::default() };
        let (mut written, mut forms) = (BTreeSet::new(), BTreeSet::new());
        for group in crate::attributes::names(newest, "00100010") {
            let compact: String = names::fold(&group).chars().filter(|c| c.is_alphanumeric()).collect();
            if compact.chars().count() > 1 && !NO_NAMES.contains(&compact.as_str()) {
                written.insert(compact);
                forms.extend(person_forms(&group));
            }
        }
        let birth_date = digits(&text(newest, "00100030"));
        let is_date = birth_date.len() == 8 && !NO_BIRTH_DATES.contains(&birth_date.as_str());
        let sex = text(newest, "00100040");
        let mut all_numbers = numbers(owner, newest);
        studies.for_each(|study| all_numbers.extend(numbers(owner, study)));
        Self {
            written,
            forms,
            birth_date: if is_date { birth_date } else { String::new() },
            sex: if sex == "M" || sex == "F" { sex } else { String::new() },
            numbers: all_numbers,
        }
    }

    /// What others with something in common are found by.
    pub fn keys(&self) -> BTreeSet<String> {
        let named = self.forms.iter().filter(|_| !self.birth_date.is_empty());
        let named = named.map(|form| hashed(&["name", form, &self.birth_date]));
        named.chain(self.numbers.iter().map(Number::key)).collect()
    }

    /// A hash of all.
    pub fn fingerprint(&self) -> String {
        hashed(&["all", &format!("{self:?}")])
    }

    fn citizen(&self) -> impl Iterator<Item = &Number> {
        self.numbers.iter().filter(|number| matches!(number, Number::Citizen(_)))
    }

    /// Whether the names are the same in the writing that says more: 王军 and 王君 are both Wang Jun.
    fn is_written_like(&self, other: &Self) -> bool {
        let han = |facts: &Self| -> BTreeSet<String> {
            facts.written.iter().filter(|name| name.chars().any(names::is_han)).cloned().collect()
        };
        match (han(self), han(other)) {
            (one, other) if !one.is_empty() && !other.is_empty() => one.intersection(&other).next().is_some(),
            (one, two) if one.is_empty() && two.is_empty() => {
                self.written.intersection(&other.written).next().is_some()
            }
            _ => false,
        }
    }

    /// Whether two are of one person.
    pub fn compare(&self, other: &Self) -> Likeness {
        let shared: Vec<&Number> = self.numbers.intersection(&other.numbers).collect();
        let has_citizen = shared.iter().any(|number| matches!(number, Number::Citizen(_)));
        let two_citizens = self.citizen().next().is_some() && other.citizen().next().is_some();
        if two_citizens && !has_citizen {
            // Each has a number of their own, and a slip of the pen does not pass the check character.
            return Likeness::None;
        }
        let mut signs = Vec::new();
        if has_citizen {
            signs.push(Sign::CitizenNumber);
        }
        if shared.iter().any(|number| !matches!(number, Number::Citizen(_))) {
            signs.push(Sign::Identifier);
        }
        let name = if self.forms.is_empty() || other.forms.is_empty() {
            None
        } else if self.is_written_like(other) {
            Some(Sign::Name)
        } else if self.forms.intersection(&other.forms).next().is_some() {
            Some(Sign::NamePinyin)
        } else {
            Some(Sign::OtherName)
        };
        let of = |a: &str, b: &str, same, differs| match (a, b) {
            ("", _) | (_, "") => None,
            (a, b) if a == b => Some(same),
            _ => Some(differs),
        };
        let birth_date = of(&self.birth_date, &other.birth_date, Sign::BirthDate, Sign::OtherBirthDate);
        let sex = of(&self.sex, &other.sex, Sign::Sex, Sign::OtherSex);
        signs.extend([name, birth_date, sex].into_iter().flatten());
        let is_same_name = matches!(name, Some(Sign::Name | Sign::NamePinyin));
        let is_like_person =
            is_same_name && birth_date == Some(Sign::BirthDate) && sex != Some(Sign::OtherSex);
        match (!shared.is_empty(), is_like_person) {
            (true, true) => Likeness::Exact(signs),
            (true, false) | (false, true) => Likeness::Near(signs),
            (false, false) => Likeness::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn study(
        id: &str,
        name: (&str, &str),
        birth: &str,
        sex: &str,
        others: &[(&str, &str)],
    ) -> Map<String, Json> {
        let items: Vec<Json> = others
            .iter()
            .map(|(id, issuer)| {
                json!({"00100020": {"vr": "LO", "Value": [id]}, "00100021": {"vr": "LO", "Value": [issuer]}})
            })
            .collect();
        let all = json!({
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": name.0, "Ideographic": name.1}]},
            "00100020": {"vr": "LO", "Value": [id]},
            "00100030": {"vr": "DA", "Value": [birth]},
            "00100040": {"vr": "CS", "Value": [sex]},
            "00101002": {"vr": "SQ", "Value": items},
        });
        all.as_object().cloned().unwrap()
    }

    fn compare(a: &Map<String, Json>, b: &Map<String, Json>) -> Likeness {
        let likeness = Facts::of("town", [a]).compare(&Facts::of("city", [b]));
        assert_eq!(likeness, Facts::of("city", [b]).compare(&Facts::of("town", [a])), "either way round");
        likeness
    }

    const CITIZEN: (&str, &str) = ("11010519491231002X", "");

    #[test]
    fn a_citizen_number_is_known_by_its_check_character() {
        assert!(is_citizen_number("11010519491231002X"));
        assert!(is_citizen_number("440524188001010014"));
        for wrong in ["110105194912310021", "11010519491331002X", "11010519491231002", "A1010519491231002X"] {
            assert!(!is_citizen_number(wrong), "{wrong}");
        }
    }

    #[test]
    fn an_exact_identifier_links_unless_something_contradicts() {
        let a = study("T1", ("", "张^三"), "19491231", "F", &[CITIZEN]);
        let check = |b: &Map<String, Json>, expected: &str| assert_eq!(compare(&a, b).state(), expected);
        check(&study("C1", ("Zhang^San", ""), "19491231", "F", &[("11010519491231002x", "ID")]), "linked");
        // The number of the mother, say.
        check(&study("C1", ("", "张^小宝"), "20240101", "M", &[CITIZEN]), "open");
        check(&study("C1", ("", "张^三"), "19491231", "F", &[("440524188001010014", "")]), "");
        let insured = study("T1", ("", "李^四"), "19800101", "M", &[("A123", "医保")]);
        let same = study("C9", ("", "李^四"), "19800101", "M", &[("A123", "医保")]);
        let elsewhere = study("C9", ("", "李^四"), "19800101", "M", &[("A123", "工号")]);
        assert_eq!(compare(&insured, &same).state(), "linked");
        assert_eq!(compare(&insured, &elsewhere).state(), "open");
    }

    #[test]
    fn names_meet_by_their_pinyin_in_either_order() {
        let a = study("1", ("", "单^晓吕"), "19800101", "M", &[]);
        for (name, expected) in [
            (("Shan^Xiaolv", ""), Likeness::Near(vec![Sign::NamePinyin, Sign::BirthDate, Sign::Sex])),
            (("XIAOLU SHAN", ""), Likeness::Near(vec![Sign::NamePinyin, Sign::BirthDate, Sign::Sex])),
            (("", "单晓吕"), Likeness::Near(vec![Sign::Name, Sign::BirthDate, Sign::Sex])),
            (("Shan^Xiaoli", ""), Likeness::None),
            (("Shan^Xiaolv", "善^小绿"), Likeness::Near(vec![Sign::NamePinyin, Sign::BirthDate, Sign::Sex])),
        ] {
            assert_eq!(compare(&a, &study("2", name, "19800101", "M", &[])), expected, "{name:?}");
        }
        assert_eq!(compare(&a, &study("2", ("", "单^晓吕"), "19800102", "M", &[])), Likeness::None);
        assert_eq!(compare(&a, &study("2", ("", "单^晓吕"), "19800101", "F", &[])), Likeness::None);
    }

    #[test]
    fn placeholders_are_nobodys() {
        let check = |a: (&str, (&str, &str), &str, &str), b: (&str, (&str, &str), &str, &str)| {
            let numbers: &[(&str, &str)] = &[("000", "X")];
            let of = |(id, name, birth, sex)| study(id, name, birth, sex, numbers);
            assert_eq!(compare(&of(a), &of(b)), Likeness::None, "{a:?} {b:?}");
        };
        check(("0", ("Anonymous", ""), "19800101", "M"), ("0", ("Anonymous", ""), "19800101", "M"));
        check(("1", ("", "张三"), "19000101", "M"), ("2", ("", "张三"), "19000101", "M"));
        // The same local number of two hospitals says nothing.
        check(("P1", ("", "张三"), "19800101", "M"), ("P1", ("", "李四"), "19700101", "F"));
    }

    #[test]
    fn what_is_compared_shares_a_key() {
        let a = study("1", ("", "张^三"), "19800101", "M", &[]);
        let b = study("2", ("San^Zhang", ""), "19800101", "M", &[]);
        let (a, b) = (Facts::of("town", [&a]).keys(), Facts::of("city", [&b]).keys());
        assert!(a.intersection(&b).next().is_some());
    }
}
