//! A coordinator's desk: who is on duty now and next, what each has in hand, what nobody has.

use crate::assignment::{DutyPerson, DutyRow};
use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::UrlPath;
use crate::session::OrganisationName;
use crate::state::ApiState;
use access::{Right, Urgency};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use consult::assignment::{Burden, Carried, Overview, Plan, Shift, ShiftKind};
use model::PersonId;
use model::time_text::rfc3339;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// A consult on a coordinator's desk.
#[derive(Serialize, ToSchema)]
pub struct CarriedItem {
    /// Identifier.
    pub id: String,
    /// What people call it.
    pub number: String,
    /// Version, to be sent back with an action.
    pub version: i64,
    /// The patient's name.
    pub patient: String,
    /// Modalities of the study.
    pub modalities: Vec<String>,
    /// Description of the study.
    pub description: String,
    /// Who asks.
    pub requesting: OrganisationName,
    /// `routine`, `urgent`, `emergency` or `frozen`.
    #[schema(value_type = String)]
    pub urgency: Urgency,
    /// Where it is.
    #[schema(value_type = String)]
    pub state: consult::State,
    /// When it was sent (RFC 3339).
    pub submitted_at: Option<String>,
    /// When the report is due (RFC 3339), while the clock runs.
    pub due_at: Option<String>,
    /// Whether that has passed.
    pub is_overdue: bool,
    /// Whether the caller may give it to somebody now.
    pub may_assign: bool,
}

/// What one person has in hand.
#[derive(Serialize, ToSchema)]
pub struct BurdenItem {
    /// Who, and whether rules give them cases now.
    #[serde(flatten)]
    pub who: DutyRow,
    /// Whether they read here: somebody who no longer does may still have cases.
    pub is_reader: bool,
    /// How many of their cases are late.
    pub overdue: u64,
    /// When the oldest of them was sent (RFC 3339).
    pub oldest_at: Option<String>,
    /// What they have, first what is due first.
    pub cases: Vec<CarriedItem>,
}

/// A planned time of duty.
#[derive(Serialize, ToSchema)]
pub struct ShiftItem {
    /// Identifier.
    pub id: String,
    /// Whose.
    pub person: DutyPerson,
    /// `duty`, or `on_call`: told what nobody else has answered.
    #[schema(value_type = String)]
    pub kind: ShiftKind,
    /// When the person goes on duty (RFC 3339).
    pub from: String,
    /// When the person goes off (RFC 3339).
    pub until: String,
    /// Whether it runs.
    pub has_begun: bool,
}

/// A coordinator's desk.
#[derive(Serialize, ToSchema)]
pub struct DutyOverview {
    /// The centre's readers, and who else still has a case: first who is on duty.
    pub people: Vec<BurdenItem>,
    /// What nobody has.
    pub unassigned: Vec<CarriedItem>,
    /// Signed once, to be reviewed.
    pub to_review: Vec<CarriedItem>,
    /// Waits for the hospital's data, in nobody's hands.
    pub awaiting_data: Vec<CarriedItem>,
    /// Shifts that run or are to come, the next to turn first.
    pub shifts: Vec<ShiftItem>,
    /// Whether there are more open consults than these.
    pub is_cut: bool,
}

/// A time of duty, or on call, to be planned.
#[derive(Deserialize, ToSchema)]
pub struct NewShift {
    /// `duty` (default) or `on_call`.
    #[serde(default)]
    #[schema(value_type = String)]
    pub kind: ShiftKind,
    /// RFC 3339.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String)]
    pub from: OffsetDateTime,
    /// RFC 3339; at most seven days later.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String)]
    pub until: OffsetDateTime,
}

impl From<Carried> for CarriedItem {
    fn from(one: Carried) -> Self {
        Self {
            id: one.id.to_string(),
            number: one.number,
            version: one.version,
            patient: one.patient,
            modalities: one.modalities,
            description: one.description,
            requesting: OrganisationName { id: one.requesting.id.to_string(), name: one.requesting.name },
            urgency: one.urgency,
            state: one.state,
            submitted_at: one.submitted_at.map(rfc3339),
            due_at: one.due_at.map(rfc3339),
            is_overdue: one.is_overdue,
            may_assign: one.may_assign,
        }
    }
}

impl From<Burden> for BurdenItem {
    fn from(burden: Burden) -> Self {
        let Burden { who, is_reader, cases } = burden;
        Self {
            overdue: cases.iter().filter(|case| case.is_overdue).count() as u64,
            oldest_at: cases.iter().filter_map(|case| case.submitted_at).min().map(rfc3339),
            who: who.into(),
            is_reader,
            cases: cases.into_iter().map(CarriedItem::from).collect(),
        }
    }
}

impl From<Shift> for ShiftItem {
    fn from(shift: Shift) -> Self {
        Self {
            id: shift.id,
            person: DutyPerson { id: shift.person.id.to_string(), name: shift.person.name },
            kind: shift.kind,
            from: rfc3339(shift.from),
            until: rfc3339(shift.until),
            has_begun: shift.has_begun,
        }
    }
}

/// Who is on duty now and next, what each has in hand, and what nobody has (coordinator).
#[utoipa::path(get, path = "/api/v1/duty/overview", tag = "assignment",
    responses((status = 200, body = DutyOverview), (status = 403, body = Problem)))]
pub async fn duty_overview(
    State(state): State<ApiState>,
    auth: Authenticated,
) -> Result<Json<DutyOverview>, ApiError> {
    let caller = auth.require(Right::Coordinate)?;
    let overview = state.0.consults.duty_overview(caller, OffsetDateTime::now_utc()).await?;
    let Overview { people, unassigned, to_review, awaiting_data, shifts, is_cut } = overview;
    let items = |cases: Vec<Carried>| cases.into_iter().map(CarriedItem::from).collect();
    Ok(Json(DutyOverview {
        people: people.into_iter().map(BurdenItem::from).collect(),
        unassigned: items(unassigned),
        to_review: items(to_review),
        awaiting_data: items(awaiting_data),
        shifts: shifts.into_iter().map(ShiftItem::from).collect(),
        is_cut,
    }))
}

/// Plans a shift of a reader (coordinator): at its beginning they go on duty, at its end off; on call it switches nothing.
#[utoipa::path(post, path = "/api/v1/duty/{person}/shifts", tag = "assignment", params(("person" = String, Path)),
    request_body = NewShift,
    responses((status = 201, body = ShiftItem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub async fn plan_shift(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(person): UrlPath<String>,
    JsonBody(body): JsonBody<NewShift>,
) -> Result<(StatusCode, Json<ShiftItem>), ApiError> {
    let caller = auth.require(Right::Coordinate)?;
    let person = PersonId::parse(&person).map_err(|_| ApiError::NotFound)?;
    let now = OffsetDateTime::now_utc();
    let plan = Plan { kind: body.kind, from: body.from, until: body.until };
    let shift = state.0.consults.plan_shift(caller, &person, plan, now).await?;
    Ok((StatusCode::CREATED, Json(shift.into())))
}

/// Takes a shift out of the plan (coordinator). Who is on duty by it stays so until somebody switches.
#[utoipa::path(delete, path = "/api/v1/duty/{person}/shifts/{id}", tag = "assignment",
    params(("person" = String, Path), ("id" = String, Path)),
    responses((status = 204), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn cancel_shift(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath((person, id)): UrlPath<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let caller = auth.require(Right::Coordinate)?;
    let person = PersonId::parse(&person).map_err(|_| ApiError::NotFound)?;
    state.0.consults.cancel_shift(caller, &person, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
