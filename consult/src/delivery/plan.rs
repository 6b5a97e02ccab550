//! From a delivered version to what is owed: one delivery for each route of the requesting organisation, written in the
//! transaction that moves the cursor of this reader of the outbox.

use super::{Delivery, DeliveryState, KIND, ReturnRoute};
use crate::record::{Consult, KIND as CONSULT, ReportVersion};
use crate::service::consult_of;
use crate::{Action, ConsultError, ConsultService, State};
use model::{ConsultId, Scope};
use serde::Deserialize;
use std::collections::BTreeMap;
use storage::{Change, CursorMove, Expected, OutboxEvent, StorageError};
use time::OffsetDateTime;

/// Name of the cursor.
const CURSOR: &str = "deliveries";
/// Events looked at in one transaction.
const EVENTS: u32 = 200;

#[derive(Deserialize)]
struct Moved {
    id: ConsultId,
    state: State,
    action: Action,
}

impl ConsultService {
    /// Makes deliveries of what was delivered since the last time, to the end of the outbox.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`]; what was not made is made the next time.
    pub async fn plan_deliveries(&self, now: OffsetDateTime) -> Result<(), ConsultError> {
        loop {
            let from = self.storage.outbox_cursor(CURSOR).await?;
            let events = self.storage.outbox_events(from, EVENTS).await?;
            let Some(last) = events.last() else { return Ok(()) };
            let mut change = self.owed(&events, now).await?;
            change.cursor = Some(CursorMove { name: CURSOR, from, to: last.seq });
            match self.storage.apply(&Scope::node("deliveries"), change).await {
                Ok(()) => {}
                // Another process was first: looked at again the next time.
                Err(StorageError::Conflict(_)) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            if events.len() < EVENTS as usize {
                return Ok(());
            }
        }
    }

    async fn owed(&self, events: &[OutboxEvent], now: OffsetDateTime) -> Result<Change, ConsultError> {
        let node = Scope::node("deliveries");
        let mut deliveries = BTreeMap::new();
        for event in events.iter().filter(|event| event.topic == crate::service::TOPIC) {
            let Ok(moved) = Moved::deserialize(&event.body) else { continue };
            // By a signature: what else happens to a delivered report is no reason to send it by routes that are younger.
            let is_signed = matches!(moved.action, Action::Sign | Action::Review);
            if !is_signed || moved.state != State::Delivered {
                continue;
            }
            let consult = match self.storage.record(&node, CONSULT, moved.id.as_str()).await {
                Ok(record) => match consult_of(record.body) {
                    Ok(consult) => consult,
                    // What others are owed must not wait for this one.
                    Err(error) => {
                        tracing::error!(%error, consult = %moved.id, "a damaged consult is not delivered");
                        continue;
                    }
                },
                Err(StorageError::NotFound) => continue,
                Err(error) => return Err(error.into()),
            };
            let Some(version) = consult.delivered_version() else { continue };
            for route in self.routes_of(&consult.requesting.id).await? {
                let delivery = delivery(&consult, version, &route, now);
                match self.storage.record(&node, KIND, &delivery.id).await {
                    Ok(_) => {}
                    Err(StorageError::NotFound) => {
                        deliveries.insert(delivery.id.clone(), delivery);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
        let mut change = Change::default();
        for delivery in deliveries.values() {
            change.puts.push(delivery.put(Expected::Absent)?);
            change.jobs.push(delivery.job());
            change.events.push(delivery.event());
        }
        Ok(change)
    }
}

fn delivery(
    consult: &Consult,
    version: &ReportVersion,
    route: &ReturnRoute,
    now: OffsetDateTime,
) -> Delivery {
    Delivery {
        id: format!("{}-{}", version.record, route.id),
        consult: consult.id.clone(),
        number: consult.number.clone(),
        version: version.version,
        report: version.record.clone(),
        route: route.id.clone(),
        route_name: route.name.clone(),
        method: route.target.word().to_owned(),
        requesting: consult.requesting.id.clone(),
        reading: consult.reading.id.clone(),
        forms: route.forms.clone(),
        state: DeliveryState::Waiting,
        run: 1,
        attempts: 0,
        problem: None,
        status: String::new(),
        created_at: now,
        tried_at: None,
        next_at: Some(now),
        delivered_at: None,
    }
}
