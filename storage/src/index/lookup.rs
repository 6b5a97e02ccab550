//! What the index knows of a group of instances, asked for in one round trip.

use super::{PLACE, SeriesState, StudyState, Work};
use crate::StorageError;
use crate::audit::head_of;
use crate::batch::Batch;
use crate::db::at;
use crate::prepare::Prepared;
use crate::writer::Durable;
use model::{OrgId, Sha256, Uid};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use std::collections::{BTreeSet, HashMap};

/// An instance that the index has.
pub(super) struct There {
    pub id: i64,
    pub sha256: Sha256,
    pub study_id: i64,
    pub series_id: i64,
    /// Segment and offset of its entry.
    pub place: (i64, i64),
}

/// Those of a group that the index has, by owner and SOP Instance UID.
pub(super) type Known = HashMap<(OrgId, Uid), There>;

// What a row of the answer tells of.
const HEAD: i64 = 0;
const CORRECTED: i64 = 1;
const INSTANCE: i64 = 2;
const STUDY: i64 = 3;
const SERIES: i64 = 4;

/// What is asked for of one owner.
#[derive(Default)]
struct Wanted<'a> {
    instances: Vec<[&'a str; 1]>,
    studies: BTreeSet<[&'a str; 1]>,
    series: BTreeSet<[&'a str; 2]>,
    targets: BTreeSet<[&'a str; 2]>,
}

/// What corrections could be found by that concern an instance.
fn targets(p: &Prepared) -> [[&str; 2]; 8] {
    let (study, patient) = (p.study.as_str(), p.patient.as_str());
    [
        ["study", study],
        ["move-study", study],
        ["hide-study", study],
        ["move-series", p.series.as_str()],
        ["hide-series", p.series.as_str()],
        ["hide-instance", p.instance.as_str()],
        ["patient", patient],
        ["link", patient],
    ]
}

impl<'a> Work<'a> {
    /// Asks for the instances of a group, and for their studies and series, which are remembered as what has been found.
    pub(super) async fn look_up(&mut self, group: &[&'a Durable]) -> Result<Known, StorageError> {
        let mut wanted: HashMap<&OrgId, Wanted<'_>> = HashMap::new();
        for new in group {
            let (of_owner, p) = (wanted.entry(&new.arrival.owner).or_default(), &new.prepared);
            of_owner.instances.push([p.instance.as_str()]);
            of_owner.studies.insert([p.study.as_str()]);
            of_owner.series.insert([p.study.as_str(), p.series.as_str()]);
            of_owner.targets.extend(targets(p));
        }
        let mut batch = Batch::new(self.db);
        if !self.is_begun {
            batch.add(self.db.dialect.begin(), []);
            self.is_begun = true;
        }
        if self.audit_head.is_none() {
            batch.add(&format!("SELECT {HEAD}, seq, hash FROM audit_head WHERE id = 1"), []);
        }
        self.has_corrections = Some(false);
        let each = self.db.each();
        for (owner, of_owner) in &wanted {
            batch.add(
                &format!(
                    "SELECT {CORRECTED} FROM {each} CROSS JOIN correction_target t WHERE t.owner = ? \
                     AND t.what = (j.value ->> 0) AND t.value = (j.value ->> 1) LIMIT 1"
                ),
                [json(&of_owner.targets).into(), owner.as_str().into()],
            );
            batch.add(
                &format!(
                    "SELECT {INSTANCE}, i.owner, i.sop_uid, i.id, i.sha256, i.study_id, i.series_id, \
                     i.segment, i.segment_offset \
                     FROM {each} CROSS JOIN instance i WHERE i.owner = ? AND i.sop_uid = (j.value ->> 0)"
                ),
                [json(&of_owner.instances).into(), owner.as_str().into()],
            );
            batch.add(
                &format!(
                    "SELECT {STUDY}, s.owner, s.study_uid, s.id, s.moment, s.modalities, s.sop_classes \
                     FROM {each} CROSS JOIN study s WHERE s.owner = ? AND s.study_uid = (j.value ->> 0)"
                ),
                [json(&of_owner.studies).into(), owner.as_str().into()],
            );
            batch.add(
                &format!(
                    "SELECT {SERIES}, e.study_id, e.series_uid, e.id \
                     FROM {each} CROSS JOIN study s CROSS JOIN series e WHERE s.owner = ? \
                     AND s.study_uid = (j.value ->> 0) AND e.study_id = s.id AND e.series_uid = (j.value ->> 1)"
                ),
                [json(&of_owner.series).into(), owner.as_str().into()],
            );
        }
        let rows = batch.fetch(self.connection, PLACE).await?;
        let mut known = Known::new();
        for row in &rows {
            self.found(row, &mut known)?;
        }
        if self.has_corrections == Some(true) {
            // What is corrected may belong elsewhere, and is looked for one by one.
            self.studies.retain(|_, study| study.instances_added > 0);
            self.series.retain(|_, series| series.instances_added > 0);
        }
        Ok(known)
    }

    fn found(&mut self, row: &AnyRow, known: &mut Known) -> Result<(), StorageError> {
        let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
        let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
        let owner = || OrgId::parse(&text(1)?).map_err(|_| StorageError::Corrupt("an owner in the index"));
        let uid = |i: usize| Uid::parse(&text(i)?).map_err(|_| StorageError::Corrupt("a UID in the index"));
        match number(0)? {
            HEAD => self.audit_head = Some(head_of(row, 1)?),
            CORRECTED => self.has_corrections = Some(true),
            INSTANCE => {
                let sha256: Vec<u8> = row.try_get(4).map_err(at(PLACE))?;
                let sha256 =
                    Sha256::from_slice(&sha256).map_err(|_| StorageError::Corrupt("a hash in the index"))?;
                let (study_id, series_id) = (number(5)?, number(6)?);
                let place = (number(7)?, number(8)?);
                let there = There { id: number(3)?, sha256, study_id, series_id, place };
                known.insert((owner()?, uid(2)?), there);
            }
            STUDY => {
                let study = StudyState::from_row(row, 3)?;
                self.studies.entry((owner()?, uid(2)?)).or_insert(study);
            }
            SERIES => {
                let series = SeriesState { id: number(3)?, instances_added: 0 };
                self.series.entry((number(1)?, uid(2)?)).or_insert(series);
            }
            _ => {}
        }
        Ok(())
    }
}

/// A value for [`crate::db::Database::each`].
fn json(rows: &impl serde::Serialize) -> String {
    serde_json::to_string(rows).unwrap_or_else(|_| "[]".to_owned())
}
