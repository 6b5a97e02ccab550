//! From the outbox to jobs and arrived orders: each event once, in order, together with the cursor.

use super::JOB;
use super::rule::{ForwardRule, Subject, rules};
use crate::orders;
use crate::rejection::{self, Note};
use dataset::tags;
use model::{Actor, AeTitle, Key, Level, OrgId, Query, Scope, Uid};
use serde::Deserialize;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use storage::{Change, CursorMove, NewJob, OutboxEvent, Storage, StorageError};

/// Name of the cursor.
const CURSOR: &str = "dispatch";
/// Events of one step.
const EVENTS: u32 = 500;

/// An event `instance.stored`, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Stored {
    owner: OrgId,
    study: Uid,
    series: Uid,
    instance: Uid,
    #[serde(default)]
    sender: String,
}

/// An event `correction.made`, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Corrected {
    owner: OrgId,
    id: String,
    kind: String,
}

/// Moves to the end of the outbox.
pub(super) async fn run(storage: &Storage) -> Result<(), StorageError> {
    loop {
        let from = storage.outbox_cursor(CURSOR).await?;
        let events = storage.outbox_events(from, EVENTS).await?;
        let Some(last) = events.last() else { return Ok(()) };
        let mut change = consider(storage, &events).await?;
        change.cursor = Some(CursorMove { name: CURSOR, from, to: last.seq });
        let is_all = events.len() < EVENTS as usize;
        match storage.apply(&Scope::node("forwarding"), change).await {
            Ok(()) if is_all => return Ok(()),
            Ok(()) => {}
            // Another node was first, or an order was changed meanwhile: look again, at the next tick.
            Err(StorageError::Conflict(_)) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// What is known of a series for as long as a step lasts.
struct Series {
    modality: String,
    descriptions: Vec<String>,
    accession_number: String,
    patient_id: String,
}

async fn consider(storage: &Storage, events: &[OutboxEvent]) -> Result<Change, StorageError> {
    let mut change = Change::default();
    let mut rules_of: HashMap<OrgId, Vec<ForwardRule>> = HashMap::new();
    let mut series_of: HashMap<(OrgId, Uid), Option<Series>> = HashMap::new();
    let mut studies = HashSet::new();
    for event in events {
        match event.topic.as_str() {
            "instance.stored" => {}
            "correction.made" => {
                change.jobs.extend(rejected(storage, event).await?);
                continue;
            }
            _ => continue,
        }
        let Ok(stored) = serde_json::from_value::<Stored>(event.body.clone()) else {
            tracing::error!(seq = event.seq, "an event of the outbox cannot be read");
            continue;
        };
        if stored.sender == rejection::SENDER {
            // The correction that it is made of has decided where it goes.
            continue;
        }
        if !rules_of.contains_key(&stored.owner) {
            rules_of.insert(stored.owner.clone(), rules(storage, &scope(&stored.owner)).await?);
        }
        let rules = rules_of.get(&stored.owner).map(Vec::as_slice).unwrap_or_default();
        let is_new_study = studies.insert((stored.owner.clone(), stored.study.clone()));
        if rules.is_empty() && !is_new_study {
            continue;
        }
        let key = (stored.owner.clone(), stored.series.clone());
        if !series_of.contains_key(&key) {
            series_of.insert(key.clone(), series(storage, &stored).await?);
        }
        let Some(Some(series)) = series_of.get(&key) else { continue };
        if is_new_study {
            let (accession, patient) = (&series.accession_number, &series.patient_id);
            let arrival = orders::arrival(storage, &stored.owner, &stored.study, accession, patient).await?;
            change.puts.extend(arrival.puts);
            change.audit.extend(arrival.audit);
            change.events.extend(arrival.events);
        }
        let subject = Subject {
            source: source(&stored.sender),
            modality: series.modality.clone(),
            descriptions: series.descriptions.clone(),
        };
        let destinations: HashSet<&AeTitle> =
            rules.iter().filter(|rule| rule.wants(&subject)).map(|rule| &rule.destination).collect();
        change.jobs.extend(destinations.into_iter().map(|destination| job(&stored, destination)));
    }
    Ok(change)
}

/// The calling AE title in a sender's name.
fn source(sender: &str) -> Option<AeTitle> {
    sender.strip_prefix("ae:").and_then(|title| AeTitle::parse(title).ok())
}

/// Has a rejection note made of a correction that hides, for wherever what it hides was forwarded to.
async fn rejected(storage: &Storage, event: &OutboxEvent) -> Result<Vec<NewJob>, StorageError> {
    let corrected: Corrected = match serde_json::from_value(event.body.clone()) {
        Ok(corrected) => corrected,
        Err(_) => return Ok(Vec::new()),
    };
    if corrected.kind != "hide" {
        return Ok(Vec::new());
    }
    let owner = corrected.owner;
    let Some(note) = rejection::make(storage, &owner, &corrected.id).await? else { return Ok(Vec::new()) };
    let rules = rules(storage, &scope(&owner)).await?;
    let Note { study, series, instance, description, rejected } = note;
    let subjects: Vec<Subject> = rejected
        .into_iter()
        .map(|(sender, modality)| Subject {
            source: source(&sender),
            modality,
            descriptions: vec![description.clone()],
        })
        .collect();
    let destinations: HashSet<&AeTitle> = rules
        .iter()
        .filter(|rule| subjects.iter().any(|subject| rule.wants(subject)))
        .map(|rule| &rule.destination)
        .collect();
    let body = json!({
        "study": study.as_str(),
        "series": series.as_str(),
        "instance": instance.as_str(),
        "is_rejection_note": true,
    });
    let job = |to: &AeTitle| NewJob::new(JOB, to.as_str(), owner.clone(), body.clone());
    Ok(destinations.into_iter().map(job).collect())
}

fn scope(owner: &OrgId) -> Scope {
    Scope::organisation(Actor::node("forwarding"), owner.clone()).owned_by(owner.clone())
}

fn job(stored: &Stored, destination: &AeTitle) -> NewJob {
    let body = json!({
        "study": stored.study.as_str(),
        "series": stored.series.as_str(),
        "instance": stored.instance.as_str(),
    });
    NewJob::new(JOB, destination.as_str(), stored.owner.clone(), body)
}

/// What the index says of a series; `None` when it is gone again.
async fn series(storage: &Storage, stored: &Stored) -> Result<Option<Series>, StorageError> {
    let query = Query::new(Level::Series, 1)
        .with_value(Key::StudyInstanceUid, stored.study.as_str())
        .with_value(Key::SeriesInstanceUid, stored.series.as_str());
    let page = storage.search(&scope(&stored.owner), &query).await?;
    Ok(page.rows.first().map(|row| {
        let text = |tag| row.attributes.first_text(tag).unwrap_or_default();
        Series {
            modality: text(tags::MODALITY),
            descriptions: vec![text(tags::STUDY_DESCRIPTION), text(tags::SERIES_DESCRIPTION)],
            accession_number: text(tags::ACCESSION_NUMBER),
            patient_id: text(tags::PATIENT_ID),
        }
    }))
}
