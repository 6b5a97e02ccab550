//! Assignment by rule: a reading centre says in order which cases go to whom. This file is pure: what a rule looks at, and
//! what it says of a case. Keeping rules and duty, and giving a case to somebody, is in [`service`].

mod body_parts;
mod overview;
mod service;
mod shifts;

pub use overview::{Burden, Carried, Overview};
pub use service::{Duty, OnDuty, Rules, Trial};
pub use shifts::{Plan, Shift, ShiftKind};

use crate::ConsultError;
use crate::record::Consult;
use access::{ConsultKind, Subspecialty, Urgency};
use model::{OrgId, PersonId};
use serde::{Deserialize, Serialize};

/// Rules of one centre at most.
const RULES_MAX: usize = 100;
/// Entries of one list of a rule at most.
const ENTRIES_MAX: usize = 50;
/// Characters of a name or of a word at most.
const CHARS_MAX: usize = 60;

/// What a text is written in, by its letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// Chinese.
    #[serde(rename = "zh")]
    Chinese,
    /// Tibetan.
    #[serde(rename = "bo")]
    Tibetan,
    /// Arabic letters: Uyghur, Kazakh.
    #[serde(rename = "ug")]
    Uyghur,
    /// Traditional Mongolian.
    #[serde(rename = "mn")]
    Mongolian,
    /// Latin letters.
    #[serde(rename = "en")]
    English,
}

impl Language {
    const ALL: [Self; 5] = [Self::Chinese, Self::Tibetan, Self::Uyghur, Self::Mongolian, Self::English];

    fn of_letter(c: char) -> Option<Self> {
        Some(match c {
            '\u{0F00}'..='\u{0FFF}' => Self::Tibetan,
            '\u{0600}'..='\u{06FF}' | '\u{0750}'..='\u{077F}' | '\u{FB50}'..='\u{FEFF}' => Self::Uyghur,
            '\u{1800}'..='\u{18AF}' => Self::Mongolian,
            '\u{2E80}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}' => Self::Chinese,
            c if c.is_ascii_alphabetic() => Self::English,
            _ => return None,
        })
    }

    /// What most of a text's letters are; Chinese for a text without any. A Chinese character says as much as a few
    /// letters, and Chinese questions are full of Latin abbreviations.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut counts = [0_usize; 5];
        for language in text.chars().filter_map(Self::of_letter) {
            let weight = if language == Self::Chinese { 4 } else { 1 };
            if let Some(n) = Self::ALL.iter().position(|one| *one == language) {
                counts[n] += weight;
            }
        }
        let most = counts.iter().enumerate().max_by_key(|(n, count)| (**count, std::cmp::Reverse(*n)));
        most.map_or(Self::Chinese, |(n, _)| Self::ALL[n])
    }
}

/// Where a case goes that a rule takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "who", rename_all = "snake_case", deny_unknown_fields)]
pub enum Target {
    /// To the one of these who has least to do, of those who are on duty and licensed for it.
    People {
        /// Whom.
        people: Vec<PersonId>,
    },
    /// The same among all readers of the centre.
    Anyone,
    /// It stays in the pool, whatever later rules say.
    Pool,
}

/// A rule. An empty list asks nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What the centre calls it; it stands in the timeline of the cases that it has given to somebody.
    pub name: String,
    /// One of the study's modalities must be among these.
    #[serde(default)]
    pub modalities: Vec<String>,
    /// One of the study's body parts must be among these: defined terms, or codes where there is none.
    #[serde(default)]
    pub body_parts: Vec<String>,
    /// One of these must be part of the study's description or of the question, such as a specimen.
    #[serde(default)]
    pub words: Vec<String>,
    /// Diagnosis, consultation.
    #[serde(default)]
    pub kinds: Vec<ConsultKind>,
    /// Urgencies.
    #[serde(default)]
    pub urgencies: Vec<Urgency>,
    /// Who asks.
    #[serde(default)]
    pub requesting: Vec<OrgId>,
    /// What the question is written in.
    #[serde(default)]
    pub languages: Vec<Language>,
    /// Of those whom it may go to, only who has one of these.
    #[serde(default)]
    pub subspecialties: Vec<Subspecialty>,
    /// Where it goes.
    pub to: Target,
    /// Whether it is left out for now.
    #[serde(default)]
    pub is_paused: bool,
}

/// What rules look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The study's modalities.
    pub modalities: Vec<String>,
    /// What of the body was examined; see [`Facts::with_body_parts`].
    pub body_parts: Vec<String>,
    /// The study's description.
    pub description: String,
    /// The question.
    pub question: String,
    /// Kind.
    pub kind: ConsultKind,
    /// Urgency.
    pub urgency: Urgency,
    /// Who asks.
    pub requesting: OrgId,
}

impl From<&Consult> for Facts {
    fn from(consult: &Consult) -> Self {
        Self {
            modalities: consult.study.modalities.clone(),
            body_parts: Vec::new(),
            description: consult.study.description.clone(),
            question: consult.question.clone(),
            kind: consult.kind,
            urgency: consult.urgency,
            requesting: consult.requesting.id.clone(),
        }
    }
}

impl Facts {
    /// The same with body parts, of terms or codes.
    #[must_use]
    pub fn with_body_parts(mut self, said: impl IntoIterator<Item = String>) -> Self {
        self.body_parts = said.into_iter().map(|part| body_parts::term(&part)).collect();
        self
    }
}

/// What a rule says of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is left out for now.
    Paused,
    /// Another modality.
    Modality,
    /// Another body part, or none is known.
    BodyPart,
    /// None of the words.
    Words,
    /// Another kind.
    Kind,
    /// Another urgency.
    Urgency,
    /// Another hospital.
    Requesting,
    /// Another language.
    Language,
    /// It would take the case, and nobody whom it names is on duty and licensed.
    Nobody,
    /// It would take the case, and of those on duty and licensed nobody has the subspecialty.
    Subspecialty,
    /// It takes the case.
    Takes,
    /// One before it has taken the case.
    Later,
}

impl Rule {
    /// Why it does not take a case, as far as that lies in the case.
    #[must_use]
    pub fn mismatch(&self, facts: &Facts) -> Option<Outcome> {
        fn asks<T: PartialEq>(list: &[T], value: &T) -> bool {
            !list.is_empty() && !list.contains(value)
        }
        let text = format!("{}\n{}", facts.description, facts.question).to_lowercase();
        let has_word = |word: &String| text.contains(&word.to_lowercase());
        let shares = |asked: &[String], there: &[String]| {
            asked.is_empty() || there.iter().any(|one| asked.contains(one))
        };
        if self.is_paused {
            Some(Outcome::Paused)
        } else if !shares(&self.modalities, &facts.modalities) {
            Some(Outcome::Modality)
        } else if !shares(&self.body_parts, &facts.body_parts) {
            Some(Outcome::BodyPart)
        } else if !self.words.is_empty() && !self.words.iter().any(has_word) {
            Some(Outcome::Words)
        } else if asks(&self.kinds, &facts.kind) {
            Some(Outcome::Kind)
        } else if asks(&self.urgencies, &facts.urgency) {
            Some(Outcome::Urgency)
        } else if asks(&self.requesting, &facts.requesting) {
            Some(Outcome::Requesting)
        } else if asks(&self.languages, &Language::of(&facts.question)) {
            Some(Outcome::Language)
        } else {
            None
        }
    }

    /// The rule as it is kept, if it says what a rule has to say.
    fn checked(self) -> Result<Self, ConsultError> {
        let tidy = |text: &str| crate::report::clean(text).replace('\n', " ").trim().to_owned();
        let is_short = |text: &String| !text.is_empty() && text.chars().count() <= CHARS_MAX;
        let invalid = |why| Err(ConsultError::Invalid { field: "rules", why });
        let Self { name, modalities, words, .. } = &self;
        let (name, modalities, words) = (
            tidy(name),
            modalities.iter().map(|m| tidy(m).to_uppercase()).collect::<Vec<_>>(),
            words.iter().map(|word| tidy(word)).collect::<Vec<_>>(),
        );
        if !is_short(&name) {
            return invalid("每条规则需有名称，不超过 60 字 / each rule has a name of 60 characters at most");
        }
        if !modalities.iter().chain(&words).all(is_short) {
            return invalid(
                "检查类型和关键词不能为空，不超过 60 字 / modalities and words have 1 to 60 characters",
            );
        }
        let mut seen = std::collections::HashSet::new();
        let parts = self.body_parts.iter().map(|part| body_parts::term(part));
        let parts: Vec<String> = parts.filter(|part| seen.insert(part.clone())).collect();
        if !parts.iter().all(|part| body_parts::is_term(part)) {
            return invalid(
                "部位请用 DICOM 的标准词 / body parts are the terms of DICOM, of 16 characters at most",
            );
        }
        if self.to == Target::Pool && !self.subspecialties.is_empty() {
            return invalid(
                "留在待领取的不分亚专业 / what stays in the pool goes to nobody: it asks for no subspecialty",
            );
        }
        let people = match &self.to {
            Target::People { people } if people.is_empty() => {
                return invalid("请选择接收的医师 / choose who takes these cases");
            }
            Target::People { people } => people.len(),
            Target::Anyone | Target::Pool => 0,
        };
        let lengths = [
            modalities.len(),
            parts.len(),
            words.len(),
            self.kinds.len(),
            self.urgencies.len(),
            self.requesting.len(),
            self.languages.len(),
            self.subspecialties.len(),
            people,
        ];
        if lengths.into_iter().any(|length| length > ENTRIES_MAX) {
            return invalid("每项最多 50 个 / 50 entries of each at most");
        }
        Ok(Self { name, modalities, body_parts: parts, words, ..self })
    }
}

/// The rules as they are kept.
fn checked(rules: Vec<Rule>) -> Result<Vec<Rule>, ConsultError> {
    if rules.len() > RULES_MAX {
        return Err(ConsultError::Invalid {
            field: "rules", why: "最多 100 条规则 / 100 rules at most"
        });
    }
    let rules = rules.into_iter().map(Rule::checked).collect::<Result<Vec<_>, _>>()?;
    let names: std::collections::HashSet<&String> = rules.iter().map(|rule| &rule.name).collect();
    if names.len() < rules.len() {
        return Err(ConsultError::Invalid {
            field: "rules", why: "规则不能重名 / two rules have one name"
        });
    }
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        Rule {
            name: "全部".into(),
            modalities: Vec::new(),
            body_parts: Vec::new(),
            words: Vec::new(),
            kinds: Vec::new(),
            urgencies: Vec::new(),
            requesting: Vec::new(),
            languages: Vec::new(),
            subspecialties: Vec::new(),
            to: Target::Anyone,
            is_paused: false,
        }
    }

    fn facts() -> Facts {
        Facts::from(&crate::testing::consult(access::Signatures::Single))
    }

    #[test]
    fn a_rule_takes_what_it_names_and_says_what_is_different() {
        let org = |id: &str| OrgId::parse(id).unwrap();
        assert_eq!(rule().mismatch(&facts()), None, "an empty rule takes all");
        let fitting = Rule {
            modalities: vec!["MR".into(), "CT".into()],
            body_parts: vec!["CHEST".into(), "LUNG".into()],
            words: vec!["头颅".into(), "胸部ct".into()],
            kinds: vec![ConsultKind::Diagnosis],
            urgencies: vec![Urgency::Urgent],
            requesting: vec![org("township")],
            languages: vec![Language::Chinese],
            ..rule()
        };
        let of_chest = facts().with_body_parts(["thorax".to_owned()]);
        assert_eq!(fitting.mismatch(&of_chest), None);
        let other = |change: fn(&mut Rule)| {
            let mut changed = fitting.clone();
            change(&mut changed);
            changed.mismatch(&of_chest).unwrap()
        };
        assert_eq!(other(|r| r.is_paused = true), Outcome::Paused);
        assert_eq!(other(|r| r.modalities = vec!["SM".into()]), Outcome::Modality);
        assert_eq!(other(|r| r.body_parts = vec!["HEAD".into()]), Outcome::BodyPart);
        assert_eq!(other(|r| r.words = vec!["乳腺".into()]), Outcome::Words);
        assert_eq!(other(|r| r.kinds = vec![ConsultKind::Consultation]), Outcome::Kind);
        assert_eq!(other(|r| r.urgencies = vec![Urgency::Frozen]), Outcome::Urgency);
        assert_eq!(other(|r| r.requesting = vec![OrgId::parse("x").unwrap()]), Outcome::Requesting);
        assert_eq!(other(|r| r.languages = vec![Language::Tibetan]), Outcome::Language);
    }

    #[test]
    fn a_study_without_a_body_part_is_for_rules_that_ask_for_none() {
        for (asked, there, is_taken) in [
            (&[][..], &[][..], true),
            (&[], &["CHEST"], true),
            (&["CHEST"], &[], false),
            (&["CHEST"], &["HEAD"], false),
            (&["CHEST"], &["CHEST"], true),
            (&["chest"], &["Chest "], true),
            (&["816094009"], &["T-D3000"], true),
            (&["HEAD", "CHEST"], &["ABDOMEN", "CHEST"], true),
            (&["HEAD", "NECK"], &["ABDOMEN", "CHEST"], false),
            // Combined terms are terms of their own.
            (&["CHEST"], &["CHESTABDOMEN"], false),
        ] {
            let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
            let rule = checked(vec![Rule { body_parts: owned(asked), ..rule() }]).unwrap().remove(0);
            let outcome = rule.mismatch(&facts().with_body_parts(owned(there)));
            let expected = (!is_taken).then_some(Outcome::BodyPart);
            assert_eq!(outcome, expected, "{asked:?} of {there:?}");
        }
    }

    #[test]
    fn a_rule_of_an_earlier_release_asks_neither_for_a_body_part_nor_for_a_subspecialty() {
        let kept = serde_json::json!({"name": "全部", "to": {"who": "anyone"}});
        assert_eq!(serde_json::from_value::<Rule>(kept).unwrap(), rule());
    }

    #[test]
    fn a_text_is_in_the_language_of_its_letters() {
        for (text, language) in [
            ("右肺上叶结节，性质？", Language::Chinese),
            ("CT: GGO 3 mm，性质？", Language::Chinese),
            ("Is the nodule malignant?", Language::English),
            ("གློ་བའི་སྐྲན་རེད་དམ།", Language::Tibetan),
            ("ئۆپكىدە تۈگۈن بارمۇ؟", Language::Uyghur),
            ("ᠤᠤᠰᠢᠭᠢ", Language::Mongolian),
            ("123 ?", Language::Chinese),
            ("", Language::Chinese),
        ] {
            assert_eq!(Language::of(text), language, "{text}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        let why = |change: fn(&mut Rule)| {
            let mut changed = rule();
            change(&mut changed);
            match checked(vec![changed]) {
                Err(ConsultError::Invalid { field: "rules", why }) => why,
                other => panic!("{other:?}"),
            }
        };
        assert!(why(|r| r.name = " ".into()).contains("名称"));
        assert!(why(|r| r.name = "长".repeat(61)).contains("名称"));
        assert!(why(|r| r.words = vec![String::new()]).contains("关键词"));
        assert!(why(|r| r.body_parts = vec!["胸部".into()]).contains("部位"));
        assert!(why(|r| r.body_parts = vec![" ".into()]).contains("部位"));
        assert!(why(|r| r.body_parts = vec!["A".repeat(17)]).contains("部位"));
        assert!(why(|r| r.body_parts = (0..51).map(|n| format!("PART {n}")).collect()).contains("50"));
        let to_pool = |r: &mut Rule| (r.to, r.subspecialties) = (Target::Pool, vec![Subspecialty::Neuro]);
        assert!(why(to_pool).contains("亚专业"));
        assert!(why(|r| r.modalities = vec!["CT".into(); 51]).contains("50"));
        assert!(why(|r| r.to = Target::People { people: Vec::new() }).contains("医师"));
        let twice = checked(vec![rule(), rule()]);
        assert!(matches!(twice, Err(ConsultError::Invalid { why, .. }) if why.contains("重名")));
        assert!(checked(vec![rule(); 101]).is_err());
        let tidied =
            checked(vec![Rule { modalities: vec![" ct".into()], name: "胸\n部".into(), ..rule() }]);
        assert_eq!(tidied.unwrap()[0].modalities, ["CT"]);
        let twice = vec!["chest".into(), "LUNG".into(), "51185008".into()];
        let tidied = checked(vec![Rule { body_parts: twice, ..rule() }]);
        assert_eq!(tidied.unwrap()[0].body_parts, ["CHEST", "LUNG"]);
    }
}
