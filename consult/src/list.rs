//! Lists of consults: the tabs of the worklist and how many each holds.

use crate::opinion::Opinions;
use crate::record::{Consult, ConsultView, EVIDENCE, KIND};
use crate::service::{consult_of, view};
use crate::{ConsultError, ConsultService, State};
use access::{Caller, Right, Urgency};
use model::ConsultId;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use storage::{Order, RecordQuery};
use time::OffsetDateTime;

/// A tab of the worklist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tab {
    /// 我的: what waits for me or was asked by me.
    Mine,
    /// 已答复: asked by me, and the report is there; I have not acknowledged it yet.
    Answered,
    /// 待领取: to be claimed by the caller's organisation; for its coordinators also what they must accept.
    Pool,
    /// 待意见: the caller was asked for an opinion.
    Opinion,
    /// 待审核: signed once by a reader of the caller's organisation.
    Review,
    /// 待资料: waiting for data.
    Awaiting,
    /// 危急: with a critical finding that is not acknowledged.
    Critical,
    /// 超时: due time passed and not yet final.
    Overdue,
    /// Everything within reach.
    #[default]
    All,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Tab.
    pub tab: Tab,
    /// Part of a number, patient name (in Chinese, pinyin or initials), patient id, accession number, question or day of
    /// the study (`20261120`, `2026-11-20`); empty for all.
    pub text: String,
    /// Only studies with this modality.
    pub modality: Option<String>,
    /// Only this urgency.
    pub urgency: Option<Urgency>,
    /// The page behind this one: [`Listing::next`] of the page before.
    pub cursor: Option<String>,
    /// Rows at most; 1 to 200.
    pub limit: u32,
    /// Rows to skip.
    pub offset: u32,
}

/// How many consults each tab holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// 我的
    pub mine: u64,
    /// 已答复
    pub answered: u64,
    /// 待领取
    pub pool: u64,
    /// 待意见
    pub opinion: u64,
    /// 待审核
    pub review: u64,
    /// 待资料
    pub awaiting: u64,
    /// 危急
    pub critical: u64,
    /// 超时
    pub overdue: u64,
    /// All.
    pub all: u64,
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The consults, as [`ConsultService::get`] gives them, without their evidence.
    pub consults: Vec<ConsultView>,
    /// How many each tab holds, whatever the text.
    pub counts: Counts,
    /// Whether more follow.
    pub more: bool,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
}

/// Rows looked through for one page when something is searched for; the cursor goes on behind them.
const SEARCHED_MAX: usize = 2000;
/// Consults read at once: each names every image in evidence.
pub(crate) const READ_AT_ONCE: u32 = 60;
/// Rows of one page at most.
const PAGE_MAX: u32 = 200;

/// Numbers of consults that are listed because of what is kept beside them.
struct Numbers {
    /// With an alarm that stands.
    critical: Vec<String>,
    /// The caller was asked for an opinion.
    opinion: Vec<String>,
}

/// What a tab asks for.
fn query(caller: &Caller, tab: Tab, numbers: &Numbers, now: OffsetDateTime) -> Option<RecordQuery> {
    let org = caller.organisation().as_str();
    let all = RecordQuery::new(KIND);
    let numbered = |numbers: &Vec<String>| {
        (!numbers.is_empty())
            .then(|| RecordQuery { keys: vec![("number", numbers.clone())], ..RecordQuery::new(KIND) })
    };
    match tab {
        Tab::Mine => Some(all.with("mine", caller.as_person()?.id.as_str())),
        Tab::Answered => {
            Some(answered(all.with("mine", caller.as_person()?.id.as_str()).with("requesting", org)))
        }
        Tab::Pool => pool(caller, all.with("reading", org)),
        Tab::Review => (caller.may(Right::Review) || caller.may(Right::Coordinate))
            .then(|| all.with("reading", org).with("state", "preliminary")),
        Tab::Awaiting => Some(all.with("state", "awaiting_data")),
        Tab::Critical => numbered(&numbers.critical),
        Tab::Opinion => numbered(&numbers.opinion),
        Tab::Overdue => Some(RecordQuery {
            sort_below: Some(model::time_text::unix_ms(now)),
            ..all.with("clock", "running")
        }),
        Tab::All => Some(RecordQuery { order: Order::Descending, ..all }),
    }
}

/// What has its report, the newest first.
fn answered(of_mine: RecordQuery) -> RecordQuery {
    let states = [State::Final, State::Delivered].map(|state| state.word().to_owned());
    let mut query = RecordQuery { order: Order::Descending, ..of_mine };
    query.keys.push(("state", states.to_vec()));
    query
}

/// What waits for somebody to take it, or to let it be taken.
fn pool(caller: &Caller, of_the_centre: RecordQuery) -> Option<RecordQuery> {
    let mut states = Vec::new();
    if caller.may(Right::Read) || caller.may(Right::Coordinate) {
        states.push(State::Accepted.word().to_owned());
    }
    if caller.may(Right::Coordinate) {
        states.push(State::Submitted.word().to_owned());
    }
    let mut query = of_the_centre;
    query.keys.push(("state", states));
    query.keys.last().is_some_and(|(_, states)| !states.is_empty()).then_some(query)
}

impl ConsultService {
    /// The consults of a tab, most urgent (earliest due) first; `all` newest due first.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn list(
        &self,
        caller: &Caller,
        wanted: &ListQuery,
        now: OffsetDateTime,
    ) -> Result<Listing, ConsultError> {
        let critical = self.open_critical(caller).await?;
        let open: HashMap<&ConsultId, u32> = critical.iter().map(|of| (&of.consult, of.open())).collect();
        let opinions = self.all_open_opinions(caller).await?;
        let is_asked =
            |all: &&Opinions| caller.as_person().is_some_and(|me| all.open().any(|one| *one == me.id));
        let numbers = Numbers {
            critical: critical.iter().map(|of| of.number.clone()).collect(),
            opinion: opinions.values().filter(is_asked).map(|all| all.number.clone()).collect(),
        };
        let counts = self.counts(caller, &numbers, now).await?;
        let Some(query) = query(caller, wanted.tab, &numbers, now) else {
            return Ok(Listing { consults: Vec::new(), counts, more: false, next: None });
        };
        let after = wanted.cursor.as_deref().map(place_of).transpose()?;
        let query = RecordQuery { after, unread: Some(EVIDENCE), ..query };
        let found = self.sifted(caller, query, wanted).await?;
        let consults = found.consults.into_iter().map(|(mut consult, version)| {
            consult.open_criticals = open.get(&consult.id).copied().unwrap_or(0);
            if let Some(all) = opinions.get(&consult.id) {
                consult.open_opinions = all.open().cloned().collect();
            }
            view(caller, consult, version)
        });
        let next = found.last.filter(|_| found.more).map(|(sort, id)| format!("{sort}.{id}"));
        Ok(Listing { consults: consults.collect(), counts, more: found.more, next })
    }

    /// The first consults of a list that are wanted.
    async fn sifted(
        &self,
        caller: &Caller,
        query: RecordQuery,
        wanted: &ListQuery,
    ) -> Result<Sifted, ConsultError> {
        let limit = wanted.limit.clamp(1, PAGE_MAX);
        let sieve = Sieve::of(wanted);
        let (mut query, mut skip, looked_at_max) = if sieve.lets_all_through() {
            let at_once = READ_AT_ONCE.min(limit + 1);
            (RecordQuery { limit: at_once, offset: wanted.offset, ..query }, 0, usize::MAX)
        } else {
            (RecordQuery { limit: READ_AT_ONCE, ..query }, wanted.offset, SEARCHED_MAX)
        };
        let mut found = Sifted::default();
        let mut looked_at = 0;
        loop {
            let records = self.storage.records(caller.scope(), &query).await?;
            looked_at += records.len();
            let is_end = records.len() < query.limit as usize;
            for record in records {
                let consult = consult_of(record.body)?;
                if sieve.keeps(&consult) {
                    if skip > 0 {
                        skip -= 1;
                    } else if found.consults.len() == limit as usize {
                        found.more = true;
                        return Ok(found);
                    } else {
                        found.consults.push((consult, record.version));
                    }
                }
                found.last = Some((record.sort, record.id));
            }
            if is_end || looked_at >= looked_at_max {
                found.more = !is_end;
                return Ok(found);
            }
            query.after.clone_from(&found.last);
            query.offset = 0;
        }
    }

    async fn counts(
        &self,
        caller: &Caller,
        numbers: &Numbers,
        now: OffsetDateTime,
    ) -> Result<Counts, ConsultError> {
        let mut counts = Counts::default();
        for (tab, count) in [
            (Tab::Mine, &mut counts.mine),
            (Tab::Answered, &mut counts.answered),
            (Tab::Pool, &mut counts.pool),
            (Tab::Opinion, &mut counts.opinion),
            (Tab::Review, &mut counts.review),
            (Tab::Awaiting, &mut counts.awaiting),
            (Tab::Critical, &mut counts.critical),
            (Tab::Overdue, &mut counts.overdue),
            (Tab::All, &mut counts.all),
        ] {
            if let Some(query) = query(caller, tab, numbers, now) {
                *count = self.storage.count(caller.scope(), &query).await?;
            }
        }
        Ok(counts)
    }
}

/// Consults that were looked for, with the versions of their records.
#[derive(Default)]
struct Sifted {
    consults: Vec<(Consult, i64)>,
    /// `sort` and identifier of the last record that was looked at, but for one that begins the next page.
    last: Option<(i64, String)>,
    /// Whether there may be more behind it.
    more: bool,
}

/// What a cursor says: `sort` and identifier of the last record of the page before.
fn place_of(cursor: &str) -> Result<(i64, String), ConsultError> {
    let wrong = ConsultError::Invalid {
        field: "cursor",
        why: "不是列表给出的位置 / not a place that a list gave",
    };
    let Some((sort, id)) = cursor.split_once('.') else { return Err(wrong) };
    match (sort.parse(), ConsultId::parse(id)) {
        (Ok(sort), Ok(id)) => Ok((sort, id.to_string())),
        _ => Err(wrong),
    }
}

/// What is wanted of the rows of a tab.
struct Sieve<'a> {
    text: String,
    modality: Option<&'a str>,
    urgency: Option<Urgency>,
}

impl<'a> Sieve<'a> {
    fn of(wanted: &'a ListQuery) -> Self {
        Self {
            text: wanted.text.trim().to_lowercase(),
            modality: wanted.modality.as_deref().filter(|modality| !modality.is_empty()),
            urgency: wanted.urgency,
        }
    }

    fn lets_all_through(&self) -> bool {
        self.text.is_empty() && self.modality.is_none() && self.urgency.is_none()
    }

    fn keeps(&self, consult: &Consult) -> bool {
        self.urgency.is_none_or(|urgency| consult.urgency == urgency)
            && self.modality.is_none_or(|modality| consult.study.modalities.iter().any(|one| one == modality))
            && (self.text.is_empty() || matches(consult, &self.text))
    }
}

/// Whether the text is part of what people look for; in lower case.
fn matches(consult: &Consult, text: &str) -> bool {
    let day = text.replace(['-', '/', '.'], "");
    let is_day = (6..=8).contains(&day.len()) && day.bytes().all(|byte| byte.is_ascii_digit());
    storage::name_matches(&consult.patient.name, text)
        || (is_day && consult.study.study_date.starts_with(&day))
        || [
            &consult.number,
            &consult.patient.name,
            &consult.patient.id,
            &consult.study.accession_number,
            &consult.question,
        ]
        .into_iter()
        .any(|field| field.to_lowercase().contains(text))
}
