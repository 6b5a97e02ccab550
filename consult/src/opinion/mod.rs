//! Several experts on one case 多学科会诊: colleagues of the reading centre are asked for an opinion; each writes a separate
//! one, the responsible reader's report quotes them, and the conclusion stays the reader's.
//!
//! Opinions are a record beside the consult, as critical findings are: an expert who writes does not count up the version
//! under the fingers of the reader who saves every few seconds. Signing writes that record too, as it was read, so that
//! nobody is asked in the very moment of a signature. The pure part is here, acts are in [`service`].

mod service;

pub use service::{Expert, NewRequest, Seen};

use crate::ConsultError;
use crate::record::{Consult, Named};
use crate::report::local_time;
use model::{ConsultId, OrgId, PersonId};
use serde::{Deserialize, Serialize};
use storage::{Expected, Put};
use time::{OffsetDateTime, UtcOffset};

/// Record kind; the identifier is the consult's.
pub const KIND: &str = "opinion";
/// Outbox topic of what happens to opinions.
pub const TOPIC: &str = "opinion";
/// Experts who can be asked about one case.
const EXPERTS_MAX: usize = 20;

/// What an expert sees of the others before the own opinion is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// What others have given.
    Open,
    /// Nothing: opinions are independent.
    Blind,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Ending {
    /// The opinion was given.
    Given {
        /// The opinion.
        text: String,
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
    },
    /// The expert gives none.
    Declined {
        /// Why.
        reason: String,
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
    },
    /// Nobody waits for it any longer.
    Withdrawn {
        /// Why.
        reason: String,
        /// Who does not; `None` when the case itself came to nothing.
        by: Option<Named<PersonId>>,
        /// When.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
    },
}

/// An opinion that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opinion {
    /// Its number on the case, from 1.
    pub n: u32,
    /// Who is asked.
    pub expert: Named<PersonId>,
    /// Professional title.
    pub title: String,
    /// What is asked.
    pub question: String,
    /// What the expert sees of the others before.
    pub sight: Sight,
    /// Who asks.
    pub asked_by: Named<PersonId>,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub asked_at: OffsetDateTime,
    /// How it ended; `None` while it is waited for.
    pub ending: Option<Ending>,
}

impl Opinion {
    /// Whether it is waited for.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ending.is_none()
    }

    fn is_of(&self, person: &PersonId) -> bool {
        self.expert.id == *person
    }
}

/// All opinions on a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opinions {
    /// The case.
    pub consult: ConsultId,
    /// What people call it.
    pub number: String,
    /// Who asked the question.
    pub requesting: OrgId,
    /// Whose experts they are.
    pub reading: OrgId,
    /// Oldest first.
    pub opinions: Vec<Opinion>,
}

impl Opinions {
    fn none(consult: &Consult) -> Self {
        Self {
            consult: consult.id.clone(),
            number: consult.number.clone(),
            requesting: consult.requesting.id.clone(),
            reading: consult.reading.id.clone(),
            opinions: Vec::new(),
        }
    }

    /// Who has not answered.
    pub(crate) fn open(&self) -> impl Iterator<Item = &PersonId> {
        self.opinions.iter().filter(|opinion| opinion.is_open()).map(|opinion| &opinion.expert.id)
    }

    /// What this person may read: with a blind request of their own open, nothing that others have given.
    fn seen_by(mut self, person: &PersonId) -> Self {
        let waits_blind = |o: &Opinion| o.is_open() && o.is_of(person) && o.sight == Sight::Blind;
        if self.opinions.iter().any(waits_blind) {
            let others = self.opinions.iter_mut().filter(|o| !o.is_of(person));
            for text in others.filter_map(|o| match &mut o.ending {
                Some(Ending::Given { text, .. }) => Some(text),
                _ => None,
            }) {
                text.clear();
            }
        }
        self
    }

    fn put(&self, expected: Expected) -> Result<Put, ConsultError> {
        let asked = self.open().map(|person| ("asked", person.to_string()));
        let mut keys: Vec<_> = asked.collect();
        if !keys.is_empty() {
            keys.push(("state", "open".to_owned()));
        }
        let first = self.opinions.iter().find(|opinion| opinion.is_open());
        // Who cancels a question ends its requests; what the requester may read is decided where opinions are read.
        let mut visible_to = vec![self.requesting.clone(), self.reading.clone()];
        visible_to.dedup();
        Ok(Put {
            kind: KIND,
            id: self.consult.to_string(),
            expected,
            body: serde_json::to_value(self)
                .map_err(|_| ConsultError::Failed("the opinions have no JSON"))?,
            keys,
            unique: Vec::new(),
            sort: first.map_or(0, |opinion| model::time_text::unix_ms(opinion.asked_at)),
            visible_to,
        })
    }
}

/// An opinion as the report quotes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpinionNote {
    /// Whose it is.
    pub expert: String,
    /// Professional title.
    pub title: String,
    /// What was asked.
    pub question: String,
    /// The opinion.
    pub text: String,
    /// When it was given, RFC 3339 local time.
    pub given_at: String,
}

impl OpinionNote {
    /// The opinion, if it was given.
    fn of(opinion: &Opinion, utc_offset: UtcOffset, printable: impl Fn(&str) -> String) -> Option<Self> {
        let Some(Ending::Given { text, at }) = &opinion.ending else {
            return None;
        };
        Some(Self {
            expert: printable(&opinion.expert.name),
            title: printable(&opinion.title),
            question: printable(&opinion.question),
            text: printable(text),
            given_at: local_time(Some(*at), utc_offset),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, consult};

    fn opinion(n: u32, expert: &str, sight: Sight, text: Option<&str>) -> Opinion {
        let named = |id: &str| Named { id: PersonId::parse(id).unwrap(), name: id.to_owned() };
        Opinion {
            n,
            expert: named(expert),
            title: "主任医师".into(),
            question: "能否手术？".into(),
            sight,
            asked_by: named("wang"),
            asked_at: NOW,
            ending: text.map(|text| Ending::Given { text: text.into(), at: NOW }),
        }
    }

    fn text_of(opinions: &Opinions, n: usize) -> &str {
        match &opinions.opinions[n].ending {
            Some(Ending::Given { text, .. }) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_blind_expert_reads_the_others_only_after_the_own_opinion() {
        let of = |mine: Option<&str>, sight| {
            let mut all = Opinions::none(&consult(access::Signatures::Single));
            all.opinions =
                vec![opinion(1, "chen", Sight::Blind, Some("可手术")), opinion(2, "zhao", sight, mine)];
            all.seen_by(&PersonId::parse("zhao").unwrap())
        };
        assert_eq!(text_of(&of(None, Sight::Blind), 0), "");
        assert_eq!(text_of(&of(None, Sight::Open), 0), "可手术");
        let given = of(Some("同意"), Sight::Blind);
        assert_eq!((text_of(&given, 0), text_of(&given, 1)), ("可手术", "同意"));
    }

    #[test]
    fn who_was_asked_is_found_by_it_until_they_answer() {
        let mut all = Opinions::none(&consult(access::Signatures::Single));
        assert!(all.put(Expected::Absent).unwrap().keys.is_empty());
        all.opinions =
            vec![opinion(1, "chen", Sight::Open, Some("可手术")), opinion(2, "zhao", Sight::Open, None)];
        let put = all.put(Expected::Absent).unwrap();
        assert_eq!(put.keys, [("asked", "zhao".to_owned()), ("state", "open".to_owned())]);
    }

    #[test]
    fn the_report_quotes_what_was_given_and_nothing_else() {
        let quoted = |opinion: &Opinion| OpinionNote::of(opinion, time::macros::offset!(+8), str::to_owned);
        assert_eq!(quoted(&opinion(1, "chen", Sight::Open, None)), None);
        let note = quoted(&opinion(1, "chen", Sight::Open, Some("可手术"))).unwrap();
        assert_eq!((note.text.as_str(), note.given_at.as_str()), ("可手术", "2026-11-23T14:40:00+08:00"));
    }
}
