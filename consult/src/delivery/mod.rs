//! Delivery of signed reports into other systems: where they go ([`routes`]), what is owed since a signature ([`plan`]),
//! one attempt after another ([`attempt`]), and what people see of it ([`seen`]). The bytes are carried by the server.
//!
//! A delivery is a record whose identifier follows from report and route, so that there is one whatever happens; the
//! instances that it sends have UIDs that follow from the report, so that sending them again changes nothing there. Its
//! record is the truth about it; a job only says that somebody has to look at it.

mod attempt;
mod plan;
mod routes;
mod seen;

pub use attempt::{Parcel, Sent};
pub use routes::{ReturnRoute, RouteWish, Target};
pub use seen::{Failures, may_look_after};

use crate::ConsultError;
use crate::export::Form;
use model::{ConsultId, OrgId};
use serde::{Deserialize, Serialize};
use storage::{Expected, NewJob, Put, Record};
use time::OffsetDateTime;

/// Kind of the jobs; a lane is a route, so that its reports arrive in the order in which they were signed.
pub const JOB: &str = "delivery";
/// Outbox topic of what becomes of deliveries.
pub const TOPIC: &str = "delivery";
/// Record kind of deliveries.
const KIND: &str = "delivery";

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// 等待发送: for its turn, or for the next attempt.
    Waiting,
    /// 正在发送
    Sending,
    /// 已送达
    Delivered,
    /// 未送达: not tried again until somebody asks for it.
    Failed,
}

impl DeliveryState {
    /// The word used in records and on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// Why an attempt failed: a word that a page has in its own language, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// The receiver cannot be reached.
    Unreachable,
    /// It does not answer in time.
    TimedOut,
    /// It rejects the association: AE titles are not known there.
    Rejected,
    /// It does not take these SOP classes.
    NotServed,
    /// It wants other credentials (401, 403).
    Unauthorised,
    /// It refuses what it is sent.
    Refused,
    /// It has no room, or is too busy.
    Busy,
    /// It broke off, or broke the protocol.
    Broken,
    /// The address is in an internal network that the configuration does not name.
    InternalAddress,
    /// The AE title is no device of the organisation, or has no contact.
    NoContact,
    /// The route is gone.
    NoRoute,
    /// The report's files do not verify: nothing was sent.
    Unsound,
    /// This node could not do it: see its log.
    Internal,
}

/// One delivery of one version of a report by one route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Identifier.
    pub id: String,
    /// The consult.
    pub consult: ConsultId,
    /// What people call it.
    pub number: String,
    /// Version of the report.
    pub version: u32,
    /// The report's record.
    pub report: String,
    /// The route.
    pub route: String,
    /// What people call it.
    pub route_name: String,
    /// `ae`, `stow` or `webhook`.
    pub method: String,
    /// Whose system it goes to.
    pub requesting: OrgId,
    /// Whose report it is.
    pub reading: OrgId,
    /// Forms that are to be sent; once delivered, those that were.
    pub forms: Vec<Form>,
    /// Where it stands.
    pub state: DeliveryState,
    /// Counts up with each time that somebody has it sent again: a job of an earlier time does nothing.
    pub run: u32,
    /// Attempts of this run.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub problem: Option<Problem>,
    /// What the receiver said, as a number: an HTTP or DIMSE status, or empty.
    pub status: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last tried.
    #[serde(with = "time::serde::rfc3339::option")]
    pub tried_at: Option<OffsetDateTime>,
    /// When it is tried next.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_at: Option<OffsetDateTime>,
    /// When the receiver had it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub delivered_at: Option<OffsetDateTime>,
}

impl Delivery {
    fn of(record: &Record) -> Result<Self, ConsultError> {
        serde_json::from_value(record.body.clone()).map_err(|error| {
            tracing::error!(%error, "a delivery's record cannot be read");
            ConsultError::Failed("a delivery's record is damaged")
        })
    }

    fn put(&self, expected: Expected) -> Result<Put, ConsultError> {
        let mut visible_to = vec![self.requesting.clone(), self.reading.clone()];
        visible_to.dedup();
        Ok(Put {
            kind: KIND,
            id: self.id.clone(),
            expected,
            body: serde_json::to_value(self).map_err(|_| ConsultError::Failed("a delivery has no JSON"))?,
            keys: vec![("consult", self.consult.to_string()), ("state", self.state.word().to_owned())],
            unique: Vec::new(),
            sort: i64::try_from(self.created_at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX),
            visible_to,
        })
    }

    fn job(&self) -> NewJob {
        let body = serde_json::json!({"delivery": self.id, "run": self.run});
        NewJob::new(JOB, lane(&self.requesting, &self.route), self.requesting.clone(), body)
    }

    /// What others may want to know of it; identifiers only.
    fn event(&self) -> (&'static str, serde_json::Value) {
        let body = serde_json::json!({
            "consult": self.consult,
            "delivery": self.id,
            "state": self.state,
            "problem": self.problem,
            "requesting": self.requesting,
            "reading": self.reading,
        });
        (TOPIC, body)
    }
}

fn lane(organisation: &OrgId, route: &str) -> String {
    format!("{organisation}/{route}")
}
