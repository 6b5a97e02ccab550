//! Orders: what modalities find on their worklists.

use crate::auth::Authenticated;
use crate::json::JsonBody;
use crate::problem::{ApiError, Problem};
use crate::request::{UrlPath, UrlQuery};
use crate::state::ApiState;
use access::Right;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use model::time_text::{from_unix_ms, rfc3339};
use pacs::orders::{
    AskError, BadFile, FILE_BYTES_MAX, Order, OrderFilter, OrderState, PlaceError, Placed, Wish,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
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

/// What became of a file of orders.
#[derive(Serialize, ToSchema)]
pub struct OrdersImported {
    /// Orders that are new.
    pub placed: usize,
    /// Orders that were there and say this now.
    pub changed: usize,
    /// Those that were not taken.
    pub refused: Vec<RefusedOrder>,
}

/// An order of a file that was not taken.
#[derive(Serialize, ToSchema)]
pub struct RefusedOrder {
    /// Its position in the file, from 1.
    pub position: usize,
    /// The field at fault; empty when it is not one field.
    pub field: String,
    /// Why, as a word: `needed`, `text`, `modality`, `sex`, `priority`, `date`, `time`, `weight`, `one_step`, `ae_title`;
    /// `not_scheduled` when the order that is there is no longer on the worklist or changes at this moment.
    pub code: &'static str,
    /// The same in English.
    pub why: String,
}

impl From<BadFile> for ApiError {
    fn from(error: BadFile) -> Self {
        match error {
            BadFile::TooLong => Self::TooLarge,
            BadFile::Order(bad) => Self::invalid(bad.field, bad.why),
            other => Self::invalid("file", &other.to_string()),
        }
    }
}

/// A file that is sent. What is somewhat too long is read to its end, so that the answer reaches who sends it.
async fn whole(mut body: Body) -> Result<Bytes, ApiError> {
    let mut file = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| ApiError::invalid("body", "the file did not come whole; send it again"))?;
        let Some(piece) = frame.data_ref() else { continue };
        length += piece.len() as u64;
        if length <= FILE_BYTES_MAX {
            file.extend_from_slice(piece);
        } else if length > 2 * FILE_BYTES_MAX {
            break;
        }
    }
    if length > FILE_BYTES_MAX { Err(ApiError::TooLarge) } else { Ok(file.into()) }
}

/// Places the orders in a file: JSON (an order, or an array of them), or a DICOM worklist file. Each is placed or refused
/// by itself.
#[utoipa::path(post, path = "/api/v1/orders/import", tag = "orders",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = OrdersImported), (status = 403, body = Problem), (status = 413, body = Problem),
              (status = 422, body = Problem)))]
pub async fn import_orders(
    State(state): State<ApiState>,
    auth: Authenticated,
    body: Body,
) -> Result<Json<OrdersImported>, ApiError> {
    let caller = auth.require(Right::Store)?;
    let bytes = whole(body).await?;
    let storage = &state.0.storage;
    let wishes = pacs::orders::from_file(&bytes, storage.limits())?;
    let mut done = OrdersImported { placed: 0, changed: 0, refused: Vec::new() };
    for (index, wish) in wishes.into_iter().enumerate() {
        let refused = |field: &str, code: &'static str, why: &str| RefusedOrder {
            position: index + 1,
            field: field.to_owned(),
            code,
            why: why.to_owned(),
        };
        match pacs::orders::place(storage, caller.scope(), caller.organisation(), wish).await {
            Ok(Placed::New(_)) => done.placed += 1,
            Ok(Placed::Changed(_)) => done.changed += 1,
            Err(PlaceError::Bad(bad)) => done.refused.push(refused(bad.field, bad.code, bad.why)),
            Err(PlaceError::Storage(storage::StorageError::Conflict(why))) => {
                done.refused.push(refused("", "not_scheduled", why));
            }
            Err(PlaceError::Storage(error)) => return Err(error.into()),
        }
    }
    Ok(Json(done))
}

/// What a modality asks for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WorklistQuery {
    /// Modality, such as `CT`.
    pub modality: Option<String>,
    /// Scheduled Station AE Title.
    pub station_ae_title: Option<String>,
    /// Steps that begin on this day, YYYYMMDD, or within a range, YYYYMMDD-YYYYMMDD.
    pub date: Option<String>,
    /// Patient's Name, with wildcards.
    pub patient_name: Option<String>,
}

/// What the worklist answers.
#[derive(Serialize, ToSchema)]
pub struct WorklistAnswers {
    /// DICOM JSON objects, one for each order that matches.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<Map<String, Value>>,
    /// Whether there are more.
    pub more: bool,
}

/// Rows of an answer at most.
const WORKLIST_ROWS_MAX: usize = 200;

impl WorklistQuery {
    /// An identifier as modalities send it: what is asked for by value, and what else is to be answered.
    fn identifier(&self) -> Map<String, Value> {
        let key = |vr: &str, value: Option<&String>| match value.filter(|value| !value.is_empty()) {
            Some(value) if vr == "PN" => json!({"vr": vr, "Value": [{"Alphabetic": value}]}),
            Some(value) => json!({"vr": vr, "Value": [value]}),
            None => json!({"vr": vr}),
        };
        let step = json!({
            "00080060": key("CS", self.modality.as_ref()),
            "00400001": key("AE", self.station_ae_title.as_ref()),
            "00400002": key("DA", self.date.as_ref()),
            "00400003": {"vr": "TM"}, "00400006": {"vr": "PN"}, "00400007": {"vr": "LO"}, "00400008": {"vr": "SQ"},
            "00400009": {"vr": "SH"}, "00400010": {"vr": "SH"}, "00400011": {"vr": "SH"}, "00400020": {"vr": "CS"},
        });
        let mut identifier = Map::new();
        for (tag, value) in [
            ("00080005", json!({"vr": "CS", "Value": ["ISO_IR 192"]})),
            ("00080050", json!({"vr": "SH"})),
            ("00080090", json!({"vr": "PN"})),
            ("00100010", key("PN", self.patient_name.as_ref())),
            ("00100020", json!({"vr": "LO"})),
            ("00100030", json!({"vr": "DA"})),
            ("00100040", json!({"vr": "CS"})),
            ("00101030", json!({"vr": "DS"})),
            ("00102000", json!({"vr": "LO"})),
            ("00102110", json!({"vr": "LO"})),
            ("0020000D", json!({"vr": "UI"})),
            ("00321032", json!({"vr": "PN"})),
            ("00321033", json!({"vr": "LO"})),
            ("00321060", json!({"vr": "LO"})),
            ("00321064", json!({"vr": "SQ"})),
            ("00380010", json!({"vr": "LO"})),
            ("00400100", json!({"vr": "SQ", "Value": [step]})),
            ("00401001", json!({"vr": "SH"})),
            ("00401002", json!({"vr": "LO"})),
            ("00401003", json!({"vr": "SH"})),
        ] {
            identifier.insert(tag.to_owned(), value);
        }
        identifier
    }
}

/// What a modality of the caller's organisation is answered now when it asks for its worklist with these keys.
#[utoipa::path(get, path = "/api/v1/worklist", tag = "orders", params(WorklistQuery),
    responses((status = 200, body = WorklistAnswers), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn ask_worklist(
    State(state): State<ApiState>,
    auth: Authenticated,
    UrlQuery(query): UrlQuery<WorklistQuery>,
) -> Result<Json<WorklistAnswers>, ApiError> {
    let caller = auth.require(Right::Search)?;
    let entry = AuditEntry {
        action: AuditAction::Search,
        object: "worklist".to_owned(),
        outcome: AuditOutcome::Success,
        detail: "preview".to_owned(),
    };
    state.0.storage.audit(caller.scope(), entry).await?;
    let keys = query.identifier();
    let asked = pacs::orders::ask(&state.0.storage, caller.scope(), &keys, WORKLIST_ROWS_MAX);
    match asked.await {
        Ok((rows, more)) => Ok(Json(WorklistAnswers { rows, more })),
        Err(AskError::BadKeys(why)) => Err(ApiError::invalid("query", why)),
        Err(AskError::Storage(error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    #[tokio::test]
    async fn a_file_that_breaks_off_is_not_called_too_long() {
        let pieces = |last: Result<Bytes, std::io::Error>| {
            Body::from_stream(stream::iter([Ok(Bytes::from_static(b"[{")), last]))
        };
        let broken = whole(pieces(Err(std::io::ErrorKind::ConnectionReset.into()))).await;
        assert!(matches!(broken, Err(ApiError::Invalid { .. })), "{broken:?}");
        let long = vec![b' '; FILE_BYTES_MAX as usize].into();
        assert_eq!(whole(pieces(Ok(long))).await, Err(ApiError::TooLarge));
        assert_eq!(whole(pieces(Ok(Bytes::from_static(b"}]")))).await, Ok(Bytes::from_static(b"[{}]")));
    }
}
