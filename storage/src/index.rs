//! Writing the index, inside the committer's transaction: studies, series, instances, events and the audit chain.
//!
//! Instances come in groups. What the index knows of a group is asked for at once (`lookup.rs`), and what is to be
//! written goes in one round trip at the end (`rows.rs`); only what begins a study or a series is written in between.

mod lookup;
mod rows;

use crate::StorageError;
use crate::attributes::time_digits;
use crate::audit::{AuditAction, AuditEntry, AuditOutcome, PendingAudit};
use crate::correct::late::Home;
use crate::db::{Database, Dialect, at, sql, to_i64};
use crate::ingest::{Outcome, Stored};
use crate::listing::{self, By, Facts, Listed, Place};
use crate::prepare::SeriesFacts;
use crate::writer::{Durable, DurableBlob};
use lookup::Known;
use model::{OrgId, Sha256, Uid};
use rows::InstanceRows;
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Executor as _, Row as _};
use std::collections::{BTreeSet, HashMap, HashSet};
use time::OffsetDateTime;

/// One transaction's work. Rows of instances, counters of studies and series, events and the audit chain are written
/// at the end.
pub(crate) struct Work<'a> {
    pub connection: &'a mut AnyConnection,
    pub db: &'a Database,
    pub now_ms: i64,
    pub audits: Vec<PendingAudit>,
    /// Topic and body.
    pub events: Vec<(String, String)>,
    /// Instances whose rows are written at the end.
    rows: Vec<InstanceRows<'a>>,
    studies: HashMap<(OrgId, Uid), StudyState>,
    series: HashMap<(i64, Uid), SeriesState>,
    /// Whether a correction may concern what is being indexed; `None` while nobody has asked.
    pub(crate) has_corrections: Option<bool>,
    /// Where the audit chain ends; `None` while nobody has asked.
    pub(crate) audit_head: Option<(i64, Sha256)>,
    /// Whether the transaction has begun; the first look-up begins it otherwise.
    is_begun: bool,
}

/// What a transaction begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// [`Work::instances`], whose question can begin the transaction in the same round trip.
    LookUp,
    Other,
}

/// What a transaction's last round trip does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    Write,
    Commit,
}

/// What became of an instance in the index.
pub(crate) struct Indexed {
    pub stored: Stored,
    /// The index leads to this entry of a segment; otherwise it has another of the same content.
    pub is_entry_needed: bool,
}

struct StudyState {
    id: i64,
    moment: String,
    modalities: BTreeSet<String>,
    sop_classes: BTreeSet<String>,
    series_added: i64,
    instances_added: i64,
}

impl StudyState {
    /// From id, moment, modalities and SOP classes, beginning with this column.
    fn from_row(row: &AnyRow, first: usize) -> Result<Self, StorageError> {
        let text = |i: usize| row.try_get::<String, _>(first + i).map_err(at(PLACE));
        Ok(Self {
            id: row.try_get(first).map_err(at(PLACE))?,
            moment: text(1)?,
            modalities: split(&text(2)?),
            sop_classes: split(&text(3)?),
            series_added: 0,
            instances_added: 0,
        })
    }
}

struct SeriesState {
    id: i64,
    instances_added: i64,
}

/// Values of a list as one text, as DICOM joins them.
fn joined(values: &BTreeSet<String>) -> String {
    values.iter().map(String::as_str).collect::<Vec<_>>().join("\\")
}

/// The reverse of [`joined`].
pub(crate) fn split(text: &str) -> BTreeSet<String> {
    text.split('\\').filter(|t| !t.is_empty()).map(str::to_owned).collect()
}

const PLACE: &str = "indexing an instance";
impl<'a> Work<'a> {
    /// Begins a transaction; the writer of another process waits until this one is over.
    pub async fn begin(
        connection: &'a mut AnyConnection,
        db: &'a Database,
        first: First,
    ) -> Result<Self, StorageError> {
        let is_begun = db.dialect == Dialect::Postgres || first == First::Other;
        if is_begun {
            connection.execute(db.dialect.begin()).await.map_err(at("beginning a transaction"))?;
        }
        let audit_head = match db.dialect {
            Dialect::Sqlite => None,
            // The row's lock is what others wait for.
            Dialect::Postgres => Some(crate::audit::lock_head(connection, db).await?),
        };
        Ok(Self {
            is_begun,
            audit_head,
            connection,
            db,
            now_ms: model::time_text::unix_ms(OffsetDateTime::now_utc()),
            audits: Vec::new(),
            events: Vec::new(),
            rows: Vec::new(),
            studies: HashMap::new(),
            series: HashMap::new(),
            has_corrections: None,
        })
    }

    /// Indexes instances whose objects are durable, in their order.
    pub async fn instances(&mut self, group: &[&'a Durable]) -> Result<Vec<Indexed>, StorageError> {
        let mut done = Vec::with_capacity(group.len());
        let mut rest = group;
        while !rest.is_empty() {
            // One that comes twice must find the first in the index.
            let mut seen = HashSet::new();
            let count = rest
                .iter()
                .take_while(|new| seen.insert((&new.arrival.owner, &new.prepared.instance)))
                .count();
            let (some, after) = rest.split_at(count);
            self.write_rows().await?;
            let known = self.look_up(some).await?;
            for new in some {
                done.push(self.instance(new, &known).await?);
            }
            rest = after;
        }
        Ok(done)
    }

    async fn instance(&mut self, new: &'a Durable, known: &Known) -> Result<Indexed, StorageError> {
        let owner = &new.arrival.owner;
        let mut is_entry_needed = true;
        let outcome = match known.get(&(owner.clone(), new.prepared.instance.clone())) {
            None => {
                self.insert_instance(new).await?;
                Outcome::Stored
            }
            Some(there) if there.sha256 == new.sha256 => {
                // The same entry comes again when a commit's answer was lost, and when `rebuild` and the one who received
                // it both have it indexed.
                is_entry_needed = there.place == new.place_numbers();
                Outcome::AlreadyThere
            }
            Some(there) => {
                is_entry_needed = self.keep_apart(new, there.id, there.study_id, there.series_id).await?;
                Outcome::KeptApart
            }
        };
        let word = match outcome {
            Outcome::Stored => "stored",
            Outcome::AlreadyThere => "already_there",
            Outcome::KeptApart => "kept_apart",
        };
        if outcome != Outcome::AlreadyThere {
            let body = json!({
                "owner": owner.as_str(),
                "study": new.prepared.study.as_str(),
                "series": new.prepared.series.as_str(),
                "instance": new.prepared.instance.as_str(),
                "sop_class": new.prepared.sop_class.as_str(),
                "sha256": new.sha256.to_string(),
                "sender": new.sender,
                "via": new.arrival.via.word(),
            });
            self.events.push((format!("instance.{word}"), body.to_string()));
        }
        self.audits.push(PendingAudit {
            at_ms: self.now_ms,
            actor: new.actor.clone(),
            organisation: Some(owner.clone()),
            entry: AuditEntry {
                action: AuditAction::Store,
                object: format!("instance/{}", new.prepared.instance),
                outcome: AuditOutcome::Success,
                detail: format!("{word} {}", new.arrival.via.word()),
            },
        });
        let stored = Stored {
            study: new.prepared.study.clone(),
            series: new.prepared.series.clone(),
            instance: new.prepared.instance.clone(),
            sop_class: new.prepared.sop_class.clone(),
            sha256: new.sha256,
            outcome,
        };
        Ok(Indexed { stored, is_entry_needed })
    }

    async fn insert_instance(&mut self, new: &'a Durable) -> Result<(), StorageError> {
        let p = &new.prepared;
        let home = self.home(&new.arrival.owner, p).await?;
        let study_key = (home.owner.clone(), home.study.clone());
        if !self.studies.contains_key(&study_key) {
            let mut state = self.find_or_insert_study(&home, new).await?;
            if self.follow(&home, state.id).await?
                && let Some(followed) = self.find_study(&home.owner, &home.study).await?
            {
                state = followed;
            }
            self.studies.insert(study_key.clone(), state);
        }
        let Some((study_id, moment, added)) = self.studies.get_mut(&study_key).map(|study| {
            study.instances_added += 1;
            let mut added = Vec::new();
            if study.sop_classes.insert(p.sop_class.to_string()) {
                added.push((By::SopClass, p.sop_class.to_string()));
            }
            if !p.modality.is_empty() && study.modalities.insert(p.modality.clone()) {
                added.push((By::Modality, p.modality.clone()));
            }
            (study.id, study.moment.clone(), added)
        }) else {
            return Err(StorageError::Unavailable(PLACE.to_owned()));
        };
        let place = Place { study_id, owner: &home.owner, moment: &moment };
        if !added.is_empty() {
            let mut listed = Listed::default();
            added.iter().for_each(|(by, value)| listed.add(*by, value));
            listing::add(self.connection, self.db, place, &listed).await?;
        }
        let series_key = (study_id, p.series.clone());
        if !self.series.contains_key(&series_key) {
            let (id, facts) = self.find_or_insert_series(study_id, new).await?;
            let is_new = facts.is_some();
            let steps = facts.map(|facts| listing::steps(&facts.attributes)).unwrap_or_default();
            if !steps.is_empty() {
                listing::insert_steps(self.connection, self.db, place, id, &steps).await?;
            }
            if let Some(study) = self.studies.get_mut(&study_key) {
                study.series_added += i64::from(is_new);
            }
            self.mark_moved(&home, id).await?;
            self.series.insert(series_key.clone(), SeriesState { id, instances_added: 0 });
        }
        let Some(series_id) = self.series.get_mut(&series_key).map(|series| {
            series.instances_added += 1;
            series.id
        }) else {
            return Err(StorageError::Unavailable(PLACE.to_owned()));
        };
        self.rows.push(InstanceRows { new, study_id, series_id });
        self.take_note(new).await
    }

    async fn find_study(&mut self, owner: &OrgId, study: &Uid) -> Result<Option<StudyState>, StorageError> {
        let text = format!(
            "SELECT id, moment, modalities, sop_classes FROM study WHERE owner = $1 AND study_uid = $2{}",
            self.db.for_update()
        );
        let row = sqlx::query(sql(text))
            .bind(owner.as_str())
            .bind(study.as_str())
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        row.map(|row| StudyState::from_row(&row, 0)).transpose()
    }

    async fn find_or_insert_study(&mut self, home: &Home, new: &Durable) -> Result<StudyState, StorageError> {
        let (owner, p) = (&home.owner, &new.prepared);
        if let Some(study) = self.find_study(owner, &home.study).await? {
            return Ok(study);
        }
        let facts = p.study_facts();
        let mut listed = Listed::new(&Facts {
            patient_names: &facts.patient_names,
            referring_names: &facts.referring_names,
            patient_id: &facts.patient_id,
            patient_birth_date: &facts.patient_birth_date,
            accession_number: &facts.accession_number,
            dicom_study_id: &facts.dicom_study_id,
        });
        listed.add(By::Modality, &p.modality);
        listed.add(By::SopClass, p.sop_class.as_str());
        let row = sqlx::query(
            "INSERT INTO study (owner, study_uid, moment, study_time, patient_id, patient_birth_date, patient_sex, \
             accession_number, dicom_study_id, description, attributes, modalities, sop_classes, series_count, \
             instance_count, has_conflict, received_at_ms, name_forms) \
             VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,'','',0,0,0,$12,$13) RETURNING id",
        )
        .bind(owner.as_str())
        .bind(home.study.as_str())
        .bind(facts.moment.as_str())
        .bind(time_digits(&facts.study_time))
        .bind(facts.patient_id.as_str())
        .bind(facts.patient_birth_date.as_str())
        .bind(facts.patient_sex.as_str())
        .bind(facts.accession_number.as_str())
        .bind(facts.dicom_study_id.as_str())
        .bind(facts.description.as_str())
        .bind(facts.attributes.as_str())
        .bind(new.received_at_ms)
        .bind(listed.forms_text())
        .fetch_one(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        let id: i64 = row.try_get(0).map_err(at(PLACE))?;
        let place = Place { study_id: id, owner, moment: &facts.moment };
        listing::insert_new(self.connection, self.db, place, &listed).await?;
        Ok(StudyState {
            id,
            moment: facts.moment.clone(),
            modalities: Some(p.modality.clone()).filter(|m| !m.is_empty()).into_iter().collect(),
            sop_classes: BTreeSet::from([p.sop_class.to_string()]),
            series_added: 0,
            instances_added: 0,
        })
    }

    /// Its row, and what it is if it is new.
    async fn find_or_insert_series(
        &mut self,
        study_id: i64,
        new: &Durable,
    ) -> Result<(i64, Option<SeriesFacts>), StorageError> {
        let p = &new.prepared;
        let found = sqlx::query("SELECT id FROM series WHERE study_id = $1 AND series_uid = $2")
            .bind(study_id)
            .bind(p.series.as_str())
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        if let Some(row) = found {
            return Ok((row.try_get(0).map_err(at(PLACE))?, None));
        }
        let facts = p.series_facts();
        let row = sqlx::query(
            "INSERT INTO series (study_id, series_uid, modality, series_number, description, body_part, attributes, \
             instance_count, has_conflict, received_at_ms) VALUES ($1,$2,$3,$4,$5,$6,$7,0,0,$8) RETURNING id",
        )
        .bind(study_id)
        .bind(p.series.as_str())
        .bind(facts.modality.as_str())
        .bind(facts.number)
        .bind(facts.description.as_str())
        .bind(facts.body_part.as_str())
        .bind(facts.attributes.as_str())
        .bind(new.received_at_ms)
        .fetch_one(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        Ok((row.try_get(0).map_err(at(PLACE))?, Some(facts)))
    }

    /// Other content under a SOP Instance UID that is taken: recorded and flagged, never shown in place of the first.
    /// Whether the index leads to this entry now, and not to an earlier one of the same content.
    async fn keep_apart(
        &mut self,
        new: &Durable,
        instance_id: i64,
        study_id: i64,
        series_id: i64,
    ) -> Result<bool, StorageError> {
        let p = &new.prepared;
        let (segment, segment_offset) = new.place_numbers();
        let inserted = sqlx::query(
            "INSERT INTO instance_apart (owner, study_uid, series_uid, sop_uid, sop_class, syntax, sha256, \
             head_length, dataset_length, reason, via, sender, received_at_ms, segment, segment_offset) \
             VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15) ON CONFLICT DO NOTHING",
        )
        .bind(new.arrival.owner.as_str())
        .bind(p.study.as_str())
        .bind(p.series.as_str())
        .bind(p.instance.as_str())
        .bind(p.sop_class.as_str())
        .bind(new.syntax.as_str())
        .bind(new.sha256.as_bytes().to_vec())
        .bind(to_i64(new.head_length))
        .bind(to_i64(new.dataset_length))
        .bind("the SOP Instance UID is taken by other content")
        .bind(new.arrival.via.word())
        .bind(new.sender.as_str())
        .bind(new.received_at_ms)
        .bind(segment)
        .bind(segment_offset)
        .execute(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        for (table, id) in [("instance", instance_id), ("series", series_id), ("study", study_id)] {
            sqlx::query(sql(format!("UPDATE {table} SET has_conflict = 1 WHERE id = $1")))
                .bind(id)
                .execute(&mut *self.connection)
                .await
                .map_err(at(PLACE))?;
        }
        if inserted.rows_affected() > 0 {
            return Ok(true);
        }
        let same = sqlx::query(
            "SELECT 1 FROM instance_apart WHERE owner = $1 AND sop_uid = $2 AND sha256 = $3 AND segment = $4 \
             AND segment_offset = $5",
        )
        .bind(new.arrival.owner.as_str())
        .bind(p.instance.as_str())
        .bind(new.sha256.as_bytes().to_vec())
        .bind(segment)
        .bind(segment_offset)
        .fetch_optional(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        Ok(same.is_some())
    }

    /// Indexes a file that is kept beside the instances.
    pub async fn blob(&mut self, blob: &DurableBlob) -> Result<(), StorageError> {
        sqlx::query(
            "INSERT INTO blob (owner, sha256, length, received_at_ms) VALUES ($1,$2,$3,$4) ON CONFLICT DO NOTHING",
        )
        .bind(blob.name.owner.as_str())
        .bind(blob.name.sha256.as_bytes().to_vec())
        .bind(to_i64(blob.length))
        .bind(self.now_ms)
        .execute(&mut *self.connection)
        .await
        .map_err(at("indexing a file"))?;
        Ok(())
    }
}
