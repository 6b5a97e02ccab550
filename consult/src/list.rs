//! Lists of consults: the tabs of the worklist and how many each holds.

use crate::record::{ConsultView, KIND};
use crate::{ConsultError, ConsultService};
use access::{Caller, Right};
use serde::{Deserialize, Serialize};
use storage::{Order, RecordQuery};
use time::OffsetDateTime;

/// A tab of the worklist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tab {
    /// 我的: what waits for me or was asked by me.
    Mine,
    /// 待领取: accepted, to be claimed by the caller's organisation.
    Pool,
    /// 待审核: signed once by a reader of the caller's organisation.
    Review,
    /// 待资料: waiting for data. No action of this build leads there.
    Awaiting,
    /// 危急: with a critical finding. No action of this build raises one.
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
    /// Part of a number, patient name, patient id, accession number, or question; empty for all.
    pub text: String,
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
    /// 待领取
    pub pool: u64,
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
    /// The consults, without evidence, timeline and report texts cut: views as [`ConsultService::get`] gives them.
    pub consults: Vec<ConsultView>,
    /// How many each tab holds, whatever the text.
    pub counts: Counts,
    /// Whether more follow.
    pub more: bool,
}

/// Rows looked through when a text is searched for.
const SEARCHED_MAX: u32 = 2000;

fn query(caller: &Caller, tab: Tab, now: OffsetDateTime) -> Option<RecordQuery> {
    let org = caller.organisation().as_str();
    let all = RecordQuery::new(KIND);
    match tab {
        Tab::Mine => Some(all.with("mine", caller.as_person()?.id.as_str())),
        Tab::Pool => (caller.may(Right::Read) || caller.may(Right::Coordinate))
            .then(|| all.with("reading", org).with("state", "accepted")),
        Tab::Review => (caller.may(Right::Review) || caller.may(Right::Coordinate))
            .then(|| all.with("reading", org).with("state", "preliminary")),
        Tab::Awaiting => Some(all.with("state", "awaiting_data")),
        Tab::Critical => Some(all.with("critical", "open")),
        Tab::Overdue => Some(RecordQuery {
            sort_below: Some(model::time_text::unix_ms(now)),
            ..all.with("clock", "running")
        }),
        Tab::All => Some(RecordQuery { order: Order::Descending, ..all }),
    }
}

impl ConsultService {
    /// The consults of a tab, most urgent (earliest due) first; `all` newest due first.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`] for callers who have no part in consults, [`ConsultError::Unavailable`].
    pub async fn list(
        &self,
        caller: &Caller,
        query_: &ListQuery,
        now: OffsetDateTime,
    ) -> Result<Listing, ConsultError> {
        let _ = (caller, query_, now, SEARCHED_MAX, query as fn(_, _, _) -> _);
        unimplemented!()
    }
}
