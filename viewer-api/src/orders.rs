//! Orders: what modalities find on their worklists.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::time_text::{from_unix_ms, rfc3339};
use pacs::orders::{Order, OrderFilter, OrderState, PlaceError, Placed, Wish};
use serde::{Deserialize, Serialize};
use storage::{AuditAction, AuditEntry, AuditOutcome};
use utoipa::{IntoParams, ToSchema};

/// An order as it is placed: here for the OpenAPI document.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
pub struct OrderWish {
    /// Who is to be examined.
    pub patient: OrderPatient,
    /// Accession Number, at most 16 characters.
    pub accession_number: String,
    /// Study Instance UID; a new one when it is left out.
    pub study_instance_uid: Option<String>,
    /// Referring Physician's Name.
    pub referring_physician: Option<String>,
    /// Requesting Physician.
    pub requesting_physician: Option<String>,
    /// Requesting Service.
    pub requesting_service: Option<String>,
    /// Admission ID.
    pub admission_id: Option<String>,
    /// What is requested.
    pub procedure: Option<OrderProcedure>,
    /// What is scheduled.
    pub step: OrderStep,
}

/// A patient.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
pub struct OrderPatient {
    /// Patient ID.
    pub id: String,
    /// Patient's Name, such as `Zhang^San=张^三`.
    #[schema(example = "Zhang^San=张^三")]
    pub name: String,
    /// YYYYMMDD.
    pub birth_date: Option<String>,
    /// F, M or O.
    pub sex: Option<String>,
    /// Kilograms, a decimal string.
    pub weight_kg: Option<String>,
    /// Allergies.
    pub allergies: Option<String>,
    /// Medical Alerts.
    pub alerts: Option<String>,
}

/// A requested procedure.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
pub struct OrderProcedure {
    /// Requested Procedure ID; the accession number when it is left out.
    pub id: Option<String>,
    /// Requested Procedure Description.
    pub description: Option<String>,
    /// Requested Procedure Code.
    pub code: Option<OrderCode>,
    /// STAT, HIGH, ROUTINE, MEDIUM or LOW.
    pub priority: Option<String>,
    /// Reason for the Requested Procedure.
    pub reason: Option<String>,
}

/// A scheduled procedure step.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
pub struct OrderStep {
    /// Scheduled Procedure Step ID; `1` when it is left out.
    pub id: Option<String>,
    /// Modality, such as `CT`.
    pub modality: String,
    /// Scheduled Station AE Title.
    pub station_ae_title: Option<String>,
    /// YYYYMMDD.
    pub start_date: String,
    /// HHMM or HHMMSS.
    pub start_time: Option<String>,
    /// Scheduled Performing Physician's Name.
    pub performing_physician: Option<String>,
    /// Scheduled Procedure Step Description.
    pub description: Option<String>,
    /// Scheduled Protocol Code.
    pub protocol: Option<OrderCode>,
    /// Scheduled Station Name.
    pub station_name: Option<String>,
    /// Scheduled Procedure Step Location.
    pub location: Option<String>,
}

/// A coded value.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only its schema is used")]
pub struct OrderCode {
    /// Code Value.
    pub value: String,
    /// Coding Scheme Designator.
    pub scheme: String,
    /// Code Meaning.
    pub meaning: String,
}

/// An order.
#[derive(Serialize, ToSchema)]
pub struct OrderView {
    /// Identifier.
    pub id: String,
    /// `scheduled`, `arrived` or `cancelled`.
    #[schema(value_type = String)]
    pub state: OrderState,
    /// When it was placed (RFC 3339).
    pub placed_at: String,
    /// When its study began to arrive.
    pub arrived_at: Option<String>,
    /// What was placed, completed.
    #[schema(value_type = OrderWish)]
    pub order: Wish,
}

fn view(order: Order) -> OrderView {
    let at = |ms| rfc3339(from_unix_ms(ms));
    OrderView {
        id: order.id,
        state: order.state,
        placed_at: at(order.placed_at_ms),
        arrived_at: order.arrived_at_ms.map(at),
        order: order.wish,
    }
}

/// Orders of the caller's organisation, by the start of their steps.
#[derive(Serialize, ToSchema)]
pub struct OrderList {
    /// The orders.
    pub orders: Vec<OrderView>,
    /// Whether there may be more behind them.
    pub more: bool,
}

/// Which orders.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OrderQuery {
    /// `scheduled`, `arrived` or `cancelled`; all when it is left out.
    #[param(value_type = Option<String>)]
    pub state: Option<OrderState>,
    /// Steps that begin on this day or later, YYYYMMDD.
    pub from: Option<String>,
    /// Steps that begin on this day or earlier, YYYYMMDD.
    pub to: Option<String>,
    /// Accession number.
    pub accession_number: Option<String>,
    /// Patient ID.
    pub patient_id: Option<String>,
    /// Orders at most (default 100, at most 1000).
    pub limit: Option<u32>,
    /// Orders to skip.
    pub offset: Option<u32>,
}

impl From<PlaceError> for ApiError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Bad(bad) => Self::invalid(bad.field, bad.why),
            PlaceError::Storage(error) => error.into(),
        }
    }
}

/// Lists orders.
#[utoipa::path(get, path = "/api/v1/orders", tag = "orders", params(OrderQuery),
    responses((status = 200, body = OrderList), (status = 403, body = Problem)))]
pub async fn list_orders(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(query): UrlQuery<OrderQuery>,
) -> Result<Json<OrderList>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let filter = OrderFilter {
        state: query.state,
        from: query.from,
        to: query.to,
        accession_number: query.accession_number,
        patient_id: query.patient_id,
        limit: query.limit.unwrap_or(100).min(1000),
        offset: query.offset.unwrap_or(0),
    };
    let entry = AuditEntry {
        action: AuditAction::Search,
        object: "orders".to_owned(),
        outcome: AuditOutcome::Success,
        detail: String::new(),
    };
    state.0.storage.audit(caller.scope(), entry).await?;
    let page = pacs::orders::page(&state.0.storage, caller.scope(), &filter).await?;
    Ok(Json(OrderList { orders: page.orders.into_iter().map(view).collect(), more: page.more }))
}

/// Places an order: 201 when it is new, 200 when there was one for the same step (accession number, requested procedure,
/// step), which says this now.
#[utoipa::path(post, path = "/api/v1/orders", tag = "orders", request_body = OrderWish,
    responses((status = 201, body = OrderView), (status = 200, body = OrderView), (status = 403, body = Problem),
              (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn place_order(
    State(state): State<ApiState>,
    auth: Authenticated,
    JsonBody(wish): JsonBody<Wish>,
) -> Result<(StatusCode, Json<OrderView>), ApiError> {
    let caller = auth.require(Right::Store)?;
    match pacs::orders::place(&state.0.storage, caller.scope(), caller.organisation(), wish).await? {
        Placed::New(order) => Ok((StatusCode::CREATED, Json(view(order)))),
        Placed::Changed(order) => Ok((StatusCode::OK, Json(view(order)))),
    }
}

/// One order.
#[utoipa::path(get, path = "/api/v1/orders/{id}", tag = "orders", params(("id" = String, Path, description = "Order")),
    responses((status = 200, body = OrderView), (status = 404, body = Problem)))]
pub async fn get_order(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<OrderView>, ApiError> {
    let caller = auth.require(Right::Search)?;
    Ok(Json(view(pacs::orders::one(&state.0.storage, caller.scope(), &id).await?)))
}

/// Takes an order off the worklist.
#[utoipa::path(delete, path = "/api/v1/orders/{id}", tag = "orders",
    params(("id" = String, Path, description = "Order")),
    responses((status = 200, body = OrderView), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn cancel_order(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlPath(id): UrlPath<String>,
) -> Result<Json<OrderView>, ApiError> {
    let caller = auth.require(Right::Store)?;
    Ok(Json(view(pacs::orders::cancel(&state.0.storage, caller.scope(), &id).await?)))
}
