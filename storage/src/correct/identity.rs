//! What a study is shown as: what was acquired, then corrections of the study itself, then merges of its patient, then
//! links to other identifiers. Computed anew each time, so that taking one back leaves the others.

use super::rows::{PLACE, json_of, text_of};
use super::{Correction, PatientKey};
use crate::StorageError;
use crate::attributes::{STUDY_TAGS, attribute, text};
use crate::db::at;
use crate::index::Work;
use model::{OrgId, Uid};
use serde_json::{Map, Value as Json, json};
use sqlx::Row as _;
use std::collections::BTreeSet;

/// Attributes that are a patient's and go with the patient: a merge takes all of them from who stays.
const PATIENT_TAGS: &[&str] = &[
    "00100010", "00100020", "00100021", "00100022", "00100024", "00100026", "00100027", "00100028",
    "00100030", "00100032", "00100033", "00100035", "00100040", "00101000", "00101001", "00101002",
];
/// What is the instance's or the study's name, and never corrected.
const FIXED_TAGS: &[&str] = &["00080005", "00080201", "0020000D"];
/// Merges that follow each other.
const MERGES_MAX: usize = 8;
/// Studies that one correction changes in one transaction.
pub(super) const STUDIES_MAX: i64 = 1000;
/// Bytes of the attributes in one correction.
const ATTRIBUTES_BYTES_MAX: usize = 64 << 10;

/// The patient that attributes name.
pub(super) fn patient_of(all: &Map<String, Json>) -> PatientKey {
    PatientKey { id: text(all, "00100020"), issuer: text(all, "00100021") }
}

/// Attributes as people give them, in the form that the index has them in.
///
/// # Errors
/// [`StorageError::Refused`] for what is no DICOM JSON, or no attribute of a patient or study.
pub(super) fn checked(given: &Map<String, Json>) -> Result<Map<String, Json>, StorageError> {
    let refused = |why| StorageError::from(dataset::Refused::NotDicom(why));
    let is_correctable = |tag: &str| STUDY_TAGS.contains(&tag) && !FIXED_TAGS.contains(&tag);
    if given.is_empty() || !given.keys().all(|tag| is_correctable(tag)) {
        return Err(refused("only attributes of a patient or study can be corrected"));
    }
    let (gone, kept): (Map<_, _>, Map<_, _>) =
        given.clone().into_iter().partition(|(_, value): &(String, Json)| value.is_null());
    let dataset = dataset::json::from_json(&kept)?;
    let mut all = dataset::json::to_json(&dataset, &|_| None);
    all.retain(|tag, _| is_correctable(tag));
    all.extend(gone);
    if serde_json::to_string(&all).map_or(0, |t| t.len()) > ATTRIBUTES_BYTES_MAX {
        return Err(refused("the attributes of a correction are over 64 KiB"));
    }
    Ok(all)
}

/// The patient's attributes of a study, and null for those that it has not.
pub(super) fn patient_attributes(study: &Map<String, Json>) -> Map<String, Json> {
    let value = |tag: &str| study.get(tag).cloned().unwrap_or(Json::Null);
    PATIENT_TAGS.iter().map(|tag| ((*tag).to_owned(), value(tag))).collect()
}

/// Lays attributes over others; notes which are touched.
fn lay(over: &Map<String, Json>, all: &mut Map<String, Json>, tags: &mut BTreeSet<String>) {
    for (tag, value) in over {
        match value {
            Json::Null => all.remove(tag),
            value => all.insert(tag.clone(), value.clone()),
        };
        tags.insert(tag.clone());
    }
}

impl Work<'_> {
    /// Computes what a study is shown as from what was acquired and the corrections that are active, and lists it anew.
    pub(crate) async fn recompute(&mut self, owner: &OrgId, id: i64) -> Result<(), StorageError> {
        let row = sqlx::query("SELECT study_uid, attributes, original FROM study WHERE id = $1")
            .bind(id)
            .fetch_one(&mut *self.connection)
            .await
            .map_err(at(PLACE))?;
        let column = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
        let (study, shown, original) = (column(0)?, column(1)?, column(2)?);
        let original = if original.is_empty() { shown } else { original };
        let mut all = json_of(&original)?;
        let mut tags = BTreeSet::new();
        for (_, attributes) in self.active(owner, "study", &study).await? {
            lay(&json_of(&attributes)?, &mut all, &mut tags);
        }
        for _ in 0..MERGES_MAX {
            let patient = patient_of(&all).text();
            let Some((_, attributes)) = self.active(owner, "patient", &patient).await?.pop() else { break };
            lay(&json_of(&attributes)?, &mut all, &mut tags);
        }
        self.lay_links(owner, &mut all, &mut tags).await?;
        let kept = if tags.is_empty() { String::new() } else { text_of(json_of(&original)?) };
        self.write_attributes(id, &all, &kept, &tags).await?;
        self.list_study(id).await
    }

    /// Other identifiers of the same person (PS3.3 §C.7.1.1, Other Patient IDs Sequence).
    async fn lay_links(
        &mut self,
        owner: &OrgId,
        all: &mut Map<String, Json>,
        tags: &mut BTreeSet<String>,
    ) -> Result<(), StorageError> {
        let patient = patient_of(all);
        let mut others = Vec::new();
        for (body, _) in self.active(owner, "link", &patient.text()).await? {
            match serde_json::from_str(&body) {
                Ok(Correction::Link { one, other }) => others.push(if one == patient { other } else { one }),
                _ => return Err(StorageError::Corrupt("a correction")),
            }
        }
        if others.is_empty() {
            return Ok(());
        }
        let mut items = match all.get("00101002").and_then(|a| a.get("Value")) {
            Some(Json::Array(items)) => items.clone(),
            _ => Vec::new(),
        };
        for other in others {
            let mut item = json!({"00100020": attribute("LO", vec![other.id.into()])});
            if !other.issuer.is_empty() {
                item["00100021"] = attribute("LO", vec![other.issuer.into()]);
            }
            item["00100022"] = attribute("CS", vec!["TEXT".into()]);
            items.push(item);
        }
        all.insert("00101002".into(), attribute("SQ", items));
        tags.insert("00101002".into());
        Ok(())
    }

    /// Bodies and attributes of the active corrections with a target, oldest first.
    pub(super) async fn active(
        &mut self,
        owner: &OrgId,
        what: &'static str,
        value: &str,
    ) -> Result<Vec<(String, String)>, StorageError> {
        let rows = sqlx::query(
            "SELECT c.body, c.attributes FROM correction_target t JOIN correction c ON c.seq = t.seq \
             WHERE t.owner = $1 AND t.what = $2 AND t.value = $3 ORDER BY t.seq",
        )
        .bind(owner.as_str())
        .bind(what)
        .bind(value)
        .fetch_all(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        rows.iter()
            .map(|row| {
                let text = |i: usize| row.try_get::<String, _>(i).map_err(at(PLACE));
                Ok((text(0)?, text(1)?))
            })
            .collect()
    }

    /// Rows of the studies that are a patient's, as shown, newest first.
    pub(super) async fn studies_of(
        &mut self,
        owner: &OrgId,
        patient: &PatientKey,
    ) -> Result<Vec<(i64, Map<String, Json>)>, StorageError> {
        let rows = sqlx::query(
            "SELECT id, attributes FROM study WHERE owner = $1 AND patient_id = $2 ORDER BY moment DESC, id DESC \
             LIMIT $3",
        )
        .bind(owner.as_str())
        .bind(patient.id.as_str())
        .bind(STUDIES_MAX + 1)
        .fetch_all(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        if rows.len() as i64 > STUDIES_MAX {
            return Err(StorageError::Conflict("the patient has more than 1000 studies"));
        }
        let mut studies = Vec::new();
        for row in &rows {
            let all = json_of(&row.try_get::<String, _>(1).map_err(at(PLACE))?)?;
            if patient_of(&all) == *patient {
                studies.push((row.try_get(0).map_err(at(PLACE))?, all));
            }
        }
        Ok(studies)
    }

    /// Computes all studies of these patients anew.
    pub(super) async fn recompute_patients(
        &mut self,
        owner: &OrgId,
        patients: &[&PatientKey],
    ) -> Result<(), StorageError> {
        let mut ids = BTreeSet::new();
        for patient in patients {
            ids.extend(self.studies_of(owner, patient).await?.into_iter().map(|(id, _)| id));
        }
        for id in ids {
            self.recompute(owner, id).await?;
        }
        Ok(())
    }

    /// A study of that patient must be there: gives its patient attributes.
    pub(super) async fn known_patient(
        &mut self,
        owner: &OrgId,
        patient: &PatientKey,
    ) -> Result<Map<String, Json>, StorageError> {
        let studies = self.studies_of(owner, patient).await?;
        studies.into_iter().next().map(|(_, all)| patient_attributes(&all)).ok_or(StorageError::NotFound)
    }

    /// Computes one study anew, if it is there.
    pub(super) async fn recompute_study(&mut self, owner: &OrgId, study: &Uid) -> Result<(), StorageError> {
        match self.study_row(owner, study).await? {
            Some(row) => self.recompute(owner, row.id).await,
            None => Ok(()),
        }
    }
}
