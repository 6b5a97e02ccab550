//! Statistics: how many, how fast, how late, how well; by hospital, reader, modality, urgency or month.
//!
//! Each change of a consult writes a small fact beside it, ordered by when the question was sent, so that a year is counted
//! without reading a single report.

use crate::critical::{self, CriticalFindings};
use crate::quality::Grade;
use crate::record::{Consult, Named};
use crate::{ConsultError, ConsultService, State};
use access::{Caller, ConsultKind, Right, Urgency};
use model::{Actor, OrgId, PersonId, Scope};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use storage::{Expected, Order, Put, RecordQuery};
use time::{OffsetDateTime, UtcOffset};

/// Record kind of facts; its identifier is the consult's.
const KIND: &str = "consult_fact";
/// Facts read at once.
const PAGE: u32 = 1000;
/// Facts counted at most; a period with more must be asked for in parts.
const FACTS_MAX: usize = 200_000;

/// What is counted of a consult. No patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Kind.
    pub kind: ConsultKind,
    /// Urgency.
    pub urgency: Urgency,
    /// Where it is.
    pub state: State,
    /// Who asks.
    pub requesting: Named<OrgId>,
    /// Who is asked.
    pub reading: Named<OrgId>,
    /// Who reads.
    pub reader: Option<Named<PersonId>>,
    /// The first modality of the study.
    pub modality: String,
    /// When it was sent.
    #[serde(with = "time::serde::rfc3339")]
    pub submitted_at: OffsetDateTime,
    /// When the first report was delivered.
    #[serde(with = "time::serde::rfc3339::option")]
    pub delivered_at: Option<OffsetDateTime>,
    /// When it was due; moved by what was waited.
    #[serde(with = "time::serde::rfc3339::option")]
    pub due_at: Option<OffsetDateTime>,
    /// Time of waiting for data, milliseconds.
    pub waited_ms: i64,
    /// Reports after the first.
    pub amendments: u32,
    /// Quality reviews: their grades.
    pub grades: Vec<Grade>,
    /// How long critical findings waited to be acknowledged, or wait so far, milliseconds; kept beside the consult
    /// ([`crate::critical`]) and looked up when facts are counted.
    #[serde(skip)]
    pub criticals_ms: Vec<i64>,
}

impl Fact {
    /// What is counted of a consult that was sent.
    fn of(consult: &Consult) -> Option<Self> {
        // Records of earlier releases do not say when the one version was delivered: when it was signed.
        let undated =
            consult.current_version().filter(|_| consult.is_released()).map(|signed| signed.signed_at);
        let first = consult.versions.iter().find_map(|signed| signed.delivered_at).or(undated);
        let delivered = consult.versions.iter().filter(|signed| signed.delivered_at.is_some()).count();
        Some(Self {
            kind: consult.kind,
            urgency: consult.urgency,
            state: consult.state,
            requesting: consult.requesting.clone(),
            reading: consult.reading.clone(),
            reader: consult.reader.clone(),
            modality: consult.study.modalities.first().cloned().unwrap_or_default(),
            submitted_at: consult.submitted_at?,
            delivered_at: first,
            due_at: consult.due_at,
            waited_ms: consult.waits.iter().filter_map(|w| w.until.map(|until| w.lasted_ms(until))).sum(),
            amendments: u32::try_from(delivered.saturating_sub(1)).unwrap_or(u32::MAX),
            grades: consult.quality.iter().map(|review| review.grade).collect(),
            criticals_ms: Vec::new(),
        })
    }

    /// From sending to delivery without time of waiting, in milliseconds; `None` without a report.
    #[must_use]
    pub fn turnaround_ms(&self) -> Option<i64> {
        let whole = (self.delivered_at? - self.submitted_at).whole_milliseconds();
        Some(i64::try_from(whole).ok()?.saturating_sub(self.waited_ms).max(0))
    }

    /// The time that was agreed on for the answer, in milliseconds: the due time without what waiting has moved it by.
    #[must_use]
    pub fn agreed_ms(&self) -> Option<i64> {
        let whole = (self.due_at? - self.submitted_at).whole_milliseconds();
        Some(i64::try_from(whole).ok()?.saturating_sub(self.waited_ms).max(0))
    }

    /// Whether it was late, or is.
    #[must_use]
    pub fn is_late(&self, now: OffsetDateTime) -> bool {
        let end = if self.state.is_over() { None } else { Some(self.delivered_at.unwrap_or(now)) };
        // While data are awaited the clock stands.
        self.state != State::AwaitingData && end.zip(self.due_at).is_some_and(|(end, due)| due < end)
    }
}

/// The fact of a consult that was sent, to be written with it.
pub(crate) fn put(consult: &Consult) -> Option<Put> {
    let fact = Fact::of(consult)?;
    Some(Put {
        kind: KIND,
        id: consult.id.to_string(),
        expected: Expected::Anything,
        body: serde_json::to_value(&fact).ok()?,
        keys: Vec::new(),
        unique: Vec::new(),
        sort: model::time_text::unix_ms(fact.submitted_at),
        visible_to: consult.parties(),
    })
}

/// What each row stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The requesting organisation.
    Requesting,
    /// The reading organisation.
    Reading,
    /// The reader.
    Reader,
    /// The modality.
    Modality,
    /// The urgency.
    Urgency,
    /// The month in which it was sent, local time: `2026-11`.
    Month,
}

/// One row of statistics.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Identifier of what the row stands for; empty where there is none (nobody has it yet).
    pub key: String,
    /// Its name.
    pub name: String,
    /// Questions that were sent.
    pub asked: u64,
    /// Reports that were delivered.
    pub delivered: u64,
    /// Neither delivered nor refused nor cancelled.
    pub open: u64,
    /// Refused.
    pub rejected: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Late when delivered, or late now.
    pub late: u64,
    /// Median of the time from sending to delivery, minutes, without time of waiting.
    pub median_min: Option<u64>,
    /// Nine of ten were faster, minutes.
    pub p90_min: Option<u64>,
    /// Time of waiting for data, minutes, all together.
    pub waited_min: u64,
    /// Reports that were amended after delivery.
    pub amended: u64,
    /// Quality reviews; only at the reading organisation.
    pub graded: u64,
    /// Those that agreed.
    pub agreed: u64,
    /// Median of the agreed times, minutes: what the times are to be held against.
    pub target_min: Option<u64>,
    /// Critical findings.
    pub critical: u64,
    /// Median of the time from telling to acknowledgement, minutes.
    pub critical_median_min: Option<u64>,
    /// The longest of them, minutes.
    pub critical_longest_min: Option<u64>,
}

/// Times of the facts of one row, milliseconds.
#[derive(Default)]
struct Times {
    turnaround: Vec<i64>,
    agreed: Vec<i64>,
    critical: Vec<i64>,
}

/// A period of time: from its first moment, before its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First moment.
    pub from: OffsetDateTime,
    /// First moment after it.
    pub until: OffsetDateTime,
}

fn key(fact: &Fact, by: By, offset: UtcOffset) -> (String, String) {
    let word = |value: &Urgency| {
        serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    };
    match by {
        By::Requesting => (fact.requesting.id.to_string(), fact.requesting.name.clone()),
        By::Reading => (fact.reading.id.to_string(), fact.reading.name.clone()),
        By::Reader => fact.reader.as_ref().map(|r| (r.id.to_string(), r.name.clone())).unwrap_or_default(),
        By::Modality => (fact.modality.clone(), fact.modality.clone()),
        By::Urgency => (word(&fact.urgency), word(&fact.urgency)),
        By::Month => {
            let at = fact.submitted_at.to_offset(offset);
            let month = format!("{:04}-{:02}", at.year(), u8::from(at.month()));
            (month.clone(), month)
        }
    }
}

/// The value below which `percent` of the sorted values lie (nearest rank).
fn percentile(sorted: &[i64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map(|ms| u64::try_from(ms / 60_000).unwrap_or(0))
}

/// Counts facts into rows, ordered by key. `reading` is the organisation that sees the grades of its own reports; `None` counts
/// those of all.
#[must_use]
pub fn count(
    facts: &[Fact],
    by: By,
    reading: Option<&OrgId>,
    offset: UtcOffset,
    now: OffsetDateTime,
) -> Vec<Row> {
    let mut rows: BTreeMap<String, (Row, Times)> = BTreeMap::new();
    for fact in facts {
        let (key, name) = key(fact, by, offset);
        let (row, times) = rows.entry(key.clone()).or_default();
        (row.key, row.name) = (key, name);
        row.asked += 1;
        match fact.state {
            State::Rejected => row.rejected += 1,
            State::Cancelled => row.cancelled += 1,
            _ if fact.delivered_at.is_some() => row.delivered += 1,
            _ => row.open += 1,
        }
        row.late += u64::from(fact.is_late(now));
        row.waited_min += u64::try_from(fact.waited_ms / 60_000).unwrap_or(0);
        row.amended += u64::from(fact.amendments > 0);
        times.turnaround.extend(fact.turnaround_ms());
        times.agreed.extend(fact.agreed_ms());
        times.critical.extend(&fact.criticals_ms);
        if reading.is_none_or(|reading| fact.reading.id == *reading) {
            row.graded += fact.grades.len() as u64;
            row.agreed += fact.grades.iter().filter(|grade| !grade.is_discrepancy()).count() as u64;
        }
    }
    let finish = |(mut row, mut times): (Row, Times)| {
        for list in [&mut times.turnaround, &mut times.agreed, &mut times.critical] {
            list.sort_unstable();
        }
        row.median_min = percentile(&times.turnaround, 50);
        row.p90_min = percentile(&times.turnaround, 90);
        row.target_min = percentile(&times.agreed, 50);
        row.critical = times.critical.len() as u64;
        row.critical_median_min = percentile(&times.critical, 50);
        row.critical_longest_min = percentile(&times.critical, 100);
        row
    };
    rows.into_values().map(finish).collect()
}

impl ConsultService {
    /// Statistics of the consults that the caller's organisation has asked or was asked, sent within a period.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`] for anyone but coordinators, whoever asks (their own hospital's), quality control and
    /// regulators;
    /// [`ConsultError::Invalid`] `from` when the period holds too much.
    pub async fn statistics(
        &self,
        caller: &Caller,
        by: By,
        period: Period,
        now: OffsetDateTime,
    ) -> Result<Vec<Row>, ConsultError> {
        if ![Right::Coordinate, Right::Ask, Right::Oversee].into_iter().any(|right| caller.may(right)) {
            return Err(ConsultError::Forbidden(
                "没有查看统计的权限 / your role does not see the statistics",
            ));
        }
        let facts = self.facts(caller.scope(), period, now).await?;
        Ok(count(&facts, by, Some(caller.organisation()), self.config.utc_offset, now))
    }

    /// Statistics of the consults of every organisation of the node, or of one of them: numbers for the office of the
    /// alliance, without a look at any consult. That the caller's organisation is that office is for whoever calls to know.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`] without the right to oversee; [`ConsultError::Invalid`] `from` when the period holds too
    /// much.
    pub async fn alliance_statistics(
        &self,
        caller: &Caller,
        of: Option<&OrgId>,
        by: By,
        period: Period,
        now: OffsetDateTime,
    ) -> Result<Vec<Row>, ConsultError> {
        if !caller.may(Right::Oversee) {
            return Err(ConsultError::Forbidden(
                "没有查看联盟统计的权限 / your role does not see the alliance's statistics",
            ));
        }
        let scope = match of {
            Some(of) => Scope::organisation(Actor::node("statistics"), of.clone()),
            None => Scope::node("statistics"),
        };
        let facts = self.facts(&scope, period, now).await?;
        Ok(count(&facts, by, None, self.config.utc_offset, now))
    }

    /// How long the critical findings of these consults waited, or wait so far, in milliseconds; nothing of those without.
    async fn criticals(
        &self,
        scope: &Scope,
        consults: &[String],
        now: OffsetDateTime,
    ) -> Result<HashMap<String, Vec<i64>>, ConsultError> {
        let mut times = HashMap::new();
        for record in self.storage.records_by_id(scope, critical::KIND, consults).await? {
            let of: CriticalFindings = serde_json::from_value(record.body)
                .map_err(|_| ConsultError::Failed("a record of critical findings is damaged"))?;
            let waited = of
                .findings
                .iter()
                .filter(|finding| finding.withdrawn.is_none())
                .map(|finding| finding.waited(now).whole_milliseconds());
            times.insert(record.id, waited.filter_map(|ms| i64::try_from(ms).ok()).collect());
        }
        Ok(times)
    }

    async fn facts(
        &self,
        scope: &Scope,
        period: Period,
        now: OffsetDateTime,
    ) -> Result<Vec<Fact>, ConsultError> {
        let from = model::time_text::unix_ms(period.from);
        let mut query = RecordQuery {
            sort_below: Some(model::time_text::unix_ms(period.until)),
            order: Order::Descending,
            limit: PAGE,
            ..RecordQuery::new(KIND)
        };
        let mut facts = Vec::new();
        loop {
            let mut page = self.storage.records(scope, &query).await?;
            page.retain(|record| from <= record.sort);
            let is_last = page.len() < PAGE as usize;
            if facts.len().saturating_add(page.len()) > FACTS_MAX {
                return Err(ConsultError::Invalid {
                    field: "from",
                    why: "时间范围太大，请分段查询 / too long a time: ask for it in parts",
                });
            }
            query.after = page.last().map(|record| (record.sort, record.id.clone()));
            let ids: Vec<String> = page.iter().map(|record| record.id.clone()).collect();
            let mut criticals = self.criticals(scope, &ids, now).await?;
            for record in page {
                let mut fact: Fact = serde_json::from_value(record.body)
                    .map_err(|_| ConsultError::Failed("a fact's record is damaged"))?;
                fact.criticals_ms = criticals.remove(&record.id).unwrap_or_default();
                facts.push(fact);
            }
            if is_last {
                return Ok(facts);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, consult};
    use access::Signatures;
    use time::Duration;

    fn fact(minutes: Option<i64>) -> Fact {
        let mut fact = Fact::of(&consult(Signatures::Single)).unwrap();
        fact.delivered_at = minutes.map(|minutes| NOW + Duration::minutes(minutes));
        fact.state = if minutes.is_some() { State::Closed } else { State::Reading };
        fact
    }

    #[test]
    fn a_report_of_an_earlier_release_was_delivered_when_it_was_signed() {
        let mut consult = crate::testing::consult(access::Signatures::Single);
        consult.versions.push(crate::record::ReportVersion {
            version: 1,
            record: "r".into(),
            canonical_sha256: crate::cms::sha256(b"x"),
            signed_at: NOW,
            signers: Vec::new(),
            superseded: false,
            delivered_at: None,
            amendment: None,
            pending_time_stamp: false,
        });
        consult.state = State::Preliminary;
        assert_eq!(Fact::of(&consult).unwrap().delivered_at, None);
        consult.state = State::Closed;
        assert_eq!(Fact::of(&consult).unwrap().delivered_at, Some(NOW));
    }

    #[test]
    fn rows_say_how_many_how_fast_and_how_late() {
        let mut waited = fact(Some(100));
        waited.waited_ms = 70 * 60_000;
        waited.criticals_ms = vec![4 * 60_000, 9 * 60_000, 6 * 60_000];
        waited.due_at = Some(NOW + Duration::hours(3));
        waited.grades = vec![Grade::Concurs, Grade::MostlyMinor];
        let facts = [fact(Some(10)), fact(Some(20)), waited, fact(Some(130)), fact(None)];
        let city = OrgId::parse("city").unwrap();
        let late = NOW + Duration::hours(3);
        let rows = count(&facts, By::Reader, Some(&city), UtcOffset::UTC, late);
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((row.key.as_str(), row.name.as_str()), ("wang", "王建国"));
        assert_eq!((row.asked, row.delivered, row.open, row.late), (5, 4, 1, 2));
        assert_eq!((row.median_min, row.p90_min, row.waited_min), (Some(20), Some(130), 70));
        assert_eq!((row.graded, row.agreed), (2, 1));
        let critical = (row.critical, row.critical_median_min, row.critical_longest_min);
        assert_eq!(critical, (3, Some(6), Some(9)));
        // The time of waiting has moved its due time: what was agreed on is less.
        assert_eq!(facts[2].agreed_ms(), Some(110 * 60_000));
        // Grades are the reading organisation's own.
        let township = OrgId::parse("township").unwrap();
        assert_eq!(count(&facts, By::Month, Some(&township), UtcOffset::UTC, late)[0].graded, 0);
        assert_eq!(count(&facts, By::Month, None, UtcOffset::UTC, late)[0].graded, 2);
    }

    #[test]
    fn months_are_local() {
        let mut one = fact(Some(1));
        one.submitted_at = time::macros::datetime!(2026-10-31 17:00 UTC);
        let city = OrgId::parse("city").unwrap();
        let rows = count(&[one], By::Month, Some(&city), time::macros::offset!(+8), NOW);
        assert_eq!(rows[0].key, "2026-11");
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let ms: Vec<i64> = (1..=10).map(|n| n * 60_000).collect();
        assert_eq!(
            (percentile(&ms, 50), percentile(&ms, 90), percentile(&ms, 100)),
            (Some(5), Some(9), Some(10))
        );
        assert_eq!((percentile(&ms[..1], 90), percentile(&[], 50)), (Some(1), None));
    }
}
