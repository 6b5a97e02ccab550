//! Orders as records: placed, listed, cancelled, and marked as arrived.

use super::order::{BadOrder, Order, OrderState, Wish};
use model::time_text::{parse_da, unix_ms};
use model::{OrgId, Scope, Uid};
use serde_json::json;
use storage::{
    AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, Record, RecordQuery, Storage, StorageError,
};
use time::{Duration, OffsetDateTime};

const KIND: &str = "order";
/// Days of a range that are asked for one by one.
const DAYS_MAX: usize = 62;

/// Which orders to list.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// In this state only.
    pub state: Option<OrderState>,
    /// Steps that begin on this day or later, YYYYMMDD.
    pub from: Option<String>,
    /// Steps that begin on this day or earlier, YYYYMMDD.
    pub to: Option<String>,
    /// With this accession number.
    pub accession_number: Option<String>,
    /// Of this patient.
    pub patient_id: Option<String>,
    /// At most.
    pub limit: u32,
    /// Skipped.
    pub offset: u32,
}

/// What became of an order that was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// It is new.
    New(Order),
    /// There was one for the same procedure step; it says this now.
    Changed(Order),
}

fn order_of(record: &Record) -> Result<Order, StorageError> {
    serde_json::from_value(record.body.clone()).map_err(|_| StorageError::Corrupt("an order"))
}

/// What tells one scheduled procedure step from another.
fn step_key(organisation: &OrgId, wish: &Wish) -> String {
    let of = |text: &str| text.replace('/', "%2F");
    format!("{organisation}/{}/{}/{}", of(&wish.accession_number), of(&wish.procedure.id), of(&wish.step.id))
}

fn put(order: &Order, expected: Expected) -> Result<Put, StorageError> {
    let body = serde_json::to_value(order)
        .map_err(|_| StorageError::Unavailable("writing an order as JSON".to_owned()))?;
    Ok(Put {
        kind: KIND,
        id: order.id.clone(),
        expected,
        body,
        keys: vec![
            ("state", order.state.word().to_owned()),
            ("day", order.wish.step.start_date.clone()),
            ("accession", order.wish.accession_number.clone()),
            ("patient", order.wish.patient.id.clone()),
            ("study", order.study.to_string()),
        ],
        unique: vec![("step", step_key(&order.organisation, &order.wish))],
        sort: order.start(),
        visible_to: vec![order.organisation.clone()],
    })
}

fn audit(order: &Order, detail: &str) -> AuditEntry {
    AuditEntry {
        action: AuditAction::Change,
        object: format!("order/{}", order.id),
        outcome: AuditOutcome::Success,
        detail: detail.to_owned(),
    }
}

/// Why an order was not placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// A field does not fit.
    #[error(transparent)]
    Bad(#[from] BadOrder),
    /// Storage refused; [`StorageError::Conflict`] when the order has arrived or was cancelled.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Places an order of an organisation. The same step (accession number, requested procedure, step) again changes the
/// one that is there, as long as it is on the worklist.
///
/// # Errors
/// [`PlaceError`].
pub async fn place(
    storage: &Storage,
    scope: &Scope,
    organisation: &OrgId,
    wish: Wish,
) -> Result<Placed, PlaceError> {
    let names_study = wish.study_instance_uid.is_some();
    Ok(write(storage, scope, organisation, wish.complete()?, names_study).await?)
}

async fn write(
    storage: &Storage,
    scope: &Scope,
    organisation: &OrgId,
    mut wish: Wish,
    names_study: bool,
) -> Result<Placed, StorageError> {
    let query = RecordQuery::new(KIND).with("step", step_key(organisation, &wish));
    let found = storage.records(scope, &query).await?.into_iter().next();
    let study = wish.study_instance_uid.clone().ok_or(StorageError::Conflict("study"))?;
    let (order, expected, word) = match found {
        None => {
            let order = Order {
                id: uuid::Uuid::now_v7().to_string(),
                organisation: organisation.clone(),
                state: OrderState::Scheduled,
                study,
                placed_at_ms: unix_ms(OffsetDateTime::now_utc()),
                arrived_at_ms: None,
                wish,
            };
            (order, Expected::Absent, "placed")
        }
        Some(record) => {
            let before = order_of(&record)?;
            if before.state != OrderState::Scheduled {
                return Err(StorageError::Conflict("the order is no longer on the worklist"));
            }
            // A modality may have the former UID already.
            let study = if names_study { study } else { before.study.clone() };
            wish.study_instance_uid = Some(study.clone());
            (Order { wish, study, ..before }, Expected::Version(record.version), "changed")
        }
    };
    let change = Change {
        puts: vec![put(&order, expected)?],
        audit: vec![audit(&order, word)],
        events: vec![("order.changed", json!({"order": order.id, "owner": organisation.as_str()}))],
        ..Change::default()
    };
    storage.apply(scope, change).await?;
    Ok(if word == "placed" { Placed::New(order) } else { Placed::Changed(order) })
}

/// One order.
///
/// # Errors
/// [`StorageError::NotFound`].
pub async fn one(storage: &Storage, scope: &Scope, id: &str) -> Result<Order, StorageError> {
    order_of(&storage.record(scope, KIND, id).await?)
}

/// Takes an order off the worklist.
///
/// # Errors
/// [`StorageError::NotFound`]; [`StorageError::Conflict`] when it has arrived.
pub async fn cancel(storage: &Storage, scope: &Scope, id: &str) -> Result<Order, StorageError> {
    let record = storage.record(scope, KIND, id).await?;
    let before = order_of(&record)?;
    match before.state {
        OrderState::Cancelled => return Ok(before),
        OrderState::Arrived => return Err(StorageError::Conflict("its study has arrived")),
        OrderState::Scheduled => {}
    }
    let order = Order { state: OrderState::Cancelled, ..before };
    let change = Change {
        puts: vec![put(&order, Expected::Version(record.version))?],
        audit: vec![audit(&order, "cancelled")],
        events: vec![("order.changed", json!({"order": order.id, "owner": order.organisation.as_str()}))],
        ..Change::default()
    };
    storage.apply(scope, change).await?;
    Ok(order)
}

/// A page of orders.
pub struct OrderPage {
    /// By the start of their steps.
    pub orders: Vec<Order>,
    /// Whether there may be more behind them.
    pub more: bool,
}

/// Orders within the scope.
///
/// # Errors
/// [`StorageError::Unavailable`].
pub async fn page(storage: &Storage, scope: &Scope, filter: &OrderFilter) -> Result<OrderPage, StorageError> {
    let mut query = RecordQuery { limit: filter.limit, offset: filter.offset, ..RecordQuery::new(KIND) };
    for (name, value) in [
        ("state", filter.state.map(|state| state.word().to_owned())),
        ("accession", filter.accession_number.clone()),
        ("patient", filter.patient_id.clone()),
    ] {
        if let Some(value) = value {
            query = query.with(name, value);
        }
    }
    if let Some(days) = days(filter.from.as_deref(), filter.to.as_deref()) {
        query.keys.push(("day", days));
    }
    let records = storage.records(scope, &query).await?;
    let more = records.len() >= filter.limit as usize;
    let mut orders = records.iter().map(order_of).collect::<Result<Vec<_>, _>>()?;
    orders.retain(|order| {
        let day = order.wish.step.start_date.as_str();
        filter.from.as_deref().is_none_or(|from| day >= from)
            && filter.to.as_deref().is_none_or(|to| day <= to)
    });
    Ok(OrderPage { orders, more })
}

/// The days of a range, when they are few enough to be asked for one by one.
fn days(from: Option<&str>, to: Option<&str>) -> Option<Vec<String>> {
    let (mut day, last) = (parse_da(from?)?, parse_da(to?)?);
    let mut days = Vec::new();
    while day <= last {
        if days.len() == DAYS_MAX {
            return None;
        }
        days.push(format!("{:04}{:02}{:02}", day.year(), u8::from(day.month()), day.day()));
        day = day.checked_add(Duration::DAY)?;
    }
    Some(days)
}

/// What marks the orders of a study that has begun to arrive: those on the worklist with its Study Instance UID, or
/// with its accession number for the same patient. Nothing when there are none.
///
/// # Errors
/// [`StorageError::Unavailable`].
pub async fn arrival(
    storage: &Storage,
    owner: &OrgId,
    study: &Uid,
    accession_number: &str,
    patient_id: &str,
) -> Result<Change, StorageError> {
    let scope = Scope::organisation(model::Actor::node("orders"), owner.clone());
    let mut change = Change::default();
    let mut keys = vec![("study", study.to_string())];
    if !accession_number.is_empty() {
        keys.push(("accession", accession_number.to_owned()));
    }
    let mut seen = Vec::new();
    for (name, value) in keys {
        let query = RecordQuery::new(KIND).with("state", OrderState::Scheduled.word()).with(name, value);
        for record in storage.records(&scope, &query).await? {
            let before = order_of(&record)?;
            let is_same = before.study == *study || before.wish.patient.id == patient_id;
            if !is_same || seen.contains(&before.id) {
                continue;
            }
            seen.push(before.id.clone());
            let now = unix_ms(OffsetDateTime::now_utc());
            let order = Order { state: OrderState::Arrived, arrived_at_ms: Some(now), ..before };
            change.puts.push(put(&order, Expected::Version(record.version))?);
            change.audit.push(audit(&order, "arrived"));
            let body = json!({"order": order.id, "owner": owner.as_str(), "study": study.as_str()});
            change.events.push(("order.arrived", body));
        }
    }
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ranges_are_days() {
        let range = days(Some("20241231"), Some("20250102"));
        assert_eq!(range, Some(vec!["20241231".into(), "20250101".into(), "20250102".into()]));
        assert_eq!(days(Some("20240101"), Some("20250101")), None);
        assert_eq!(days(Some("20250102"), Some("20250101")), Some(vec![]));
        assert_eq!(days(Some("20250230"), Some("20250301")), None);
        assert_eq!(days(None, Some("20250101")), None);
    }
}
