//! Phrases (常用语) that are typed by an abbreviation: a person's own, and those of their organisation.

use crate::report::clean;
use crate::template::keeping::{expected, require_keeper, stale};
use crate::{ConsultError, ConsultService};
use access::Caller;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Put, StorageError};

/// Record kind.
const KIND: &str = "report_phrases";
/// Phrases of one owner at most.
const PHRASES_MAX: usize = 500;
/// Characters of an abbreviation at most.
const ABBREVIATION_CHARS_MAX: usize = 20;
/// Characters of a title at most.
const TITLE_CHARS_MAX: usize = 60;
/// Characters of a phrase at most.
const TEXT_CHARS_MAX: usize = 2_000;

/// A phrase. Its text may hold places to be filled, such as `{大小}`, and what is known of the case, such as `{年龄}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phrase {
    /// What is typed after a slash; letters, digits or Chinese characters.
    pub abbreviation: String,
    /// What it is called in the list; may be empty.
    #[serde(default)]
    pub title: String,
    /// What is written.
    pub text: String,
}

/// The phrases of one owner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Phrases {
    /// In the order in which they were written.
    pub phrases: Vec<Phrase>,
    /// To be sent back with a change; 0 when nothing is kept yet.
    pub version: i64,
}

/// Whose phrases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhraseOwner {
    /// The caller's own.
    Person,
    /// Those of the caller's organisation.
    Organisation,
}

#[derive(Deserialize, Serialize)]
struct Kept {
    phrases: Vec<Phrase>,
}

fn record_id(caller: &Caller, owner: PhraseOwner) -> Result<String, ConsultError> {
    match owner {
        PhraseOwner::Organisation => Ok(format!("organisation/{}", caller.organisation())),
        PhraseOwner::Person => {
            let person = caller.as_person().ok_or(ConsultError::Forbidden(
                "只有本人有自己的常用语 / only people have phrases of their own",
            ))?;
            Ok(format!("person/{}", person.id))
        }
    }
}

/// Tidy phrases, each with an abbreviation of its own.
fn checked(phrases: Vec<Phrase>) -> Result<Vec<Phrase>, ConsultError> {
    let invalid = |why| Err(ConsultError::Invalid { field: "phrases", why });
    if phrases.len() > PHRASES_MAX {
        return invalid("常用语最多 500 条 / 500 phrases at most");
    }
    let mut abbreviations = BTreeSet::new();
    let mut kept = Vec::with_capacity(phrases.len());
    for phrase in phrases {
        let abbreviation = phrase.abbreviation.trim().to_lowercase();
        let is_short = (1..=ABBREVIATION_CHARS_MAX).contains(&abbreviation.chars().count());
        if !is_short || !abbreviation.chars().all(char::is_alphanumeric) {
            return invalid(
                "缩写是 1 至 20 个字母、数字或汉字 / a short form has 1 to 20 letters, digits or Chinese characters",
            );
        }
        if !abbreviations.insert(abbreviation.clone()) {
            return invalid("两条常用语用了同一缩写 / two phrases have one short form");
        }
        let (title, text) = (clean(&phrase.title).replace('\n', " "), clean(&phrase.text));
        if text.is_empty() || text.chars().count() > TEXT_CHARS_MAX {
            return invalid("常用语要有内容，最多 2000 字 / a phrase has words, 2,000 characters at most");
        }
        if title.chars().count() > TITLE_CHARS_MAX {
            return invalid("名称最多 60 字 / a name has at most 60 characters");
        }
        kept.push(Phrase { abbreviation, title, text });
    }
    Ok(kept)
}

impl ConsultService {
    /// The phrases of one owner; nothing for a machine that asks for its own.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn phrases(&self, caller: &Caller, owner: PhraseOwner) -> Result<Phrases, ConsultError> {
        let Ok(id) = record_id(caller, owner) else { return Ok(Phrases::default()) };
        match self.storage.record(&model::Scope::node("phrases"), KIND, &id).await {
            Ok(record) => {
                let kept: Kept = serde_json::from_value(record.body)
                    .map_err(|_| ConsultError::Failed("the phrases are damaged"))?;
                Ok(Phrases { phrases: kept.phrases, version: record.version })
            }
            Err(StorageError::NotFound) => Ok(Phrases::default()),
            Err(other) => Err(other.into()),
        }
    }

    /// Writes them anew. The organisation's are for its coordinator or administrator.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`]; [`ConsultError::Stale`] when they were changed since they were read;
    /// [`ConsultError::Invalid`] `phrases`.
    pub async fn put_phrases(
        &self,
        caller: &Caller,
        owner: PhraseOwner,
        phrases: Vec<Phrase>,
        version: i64,
    ) -> Result<Phrases, ConsultError> {
        if owner == PhraseOwner::Organisation {
            require_keeper(caller)?;
        }
        let id = record_id(caller, owner)?;
        let phrases = checked(phrases)?;
        let put = Put {
            kind: KIND,
            id: id.clone(),
            expected: expected(version),
            body: serde_json::json!({ "phrases": phrases }),
            keys: Vec::new(),
            unique: Vec::new(),
            sort: 0,
            // A person's are theirs for whomever they act.
            visible_to: Vec::new(),
        };
        let audit = AuditEntry {
            action: AuditAction::Change,
            object: format!("{KIND}/{id}"),
            outcome: AuditOutcome::Success,
            detail: format!("{} phrases", phrases.len()),
        };
        let change = Change { puts: vec![put], audit: vec![audit], ..Change::default() };
        self.storage.apply_unseen(caller.scope(), change).await.map_err(stale)?;
        self.phrases(caller, owner).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(abbreviation: &str, text: &str) -> Phrase {
        Phrase { abbreviation: abbreviation.into(), title: String::new(), text: text.into() }
    }

    #[test]
    fn an_abbreviation_is_short_and_one_of_its_kind() {
        let kept = checked(vec![phrase(" ZC ", "双肺\r\n正常。"), phrase("正常", "x")]).unwrap();
        assert_eq!((kept[0].abbreviation.as_str(), kept[0].text.as_str()), ("zc", "双肺\n正常。"));
        let refused = [
            vec![phrase("", "x")],
            vec![phrase("a b", "x")],
            vec![phrase("<a>", "x")],
            vec![phrase(&"a".repeat(21), "x")],
            vec![phrase("a", " ")],
            vec![phrase("a", &"长".repeat(2_001))],
            vec![phrase("a", "x"), phrase("A", "y")],
            (0..501).map(|n| phrase(&n.to_string(), "x")).collect(),
        ];
        for phrases in refused {
            assert!(matches!(checked(phrases), Err(ConsultError::Invalid { field: "phrases", .. })));
        }
    }
}
