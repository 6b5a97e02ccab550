//! What of a study would be exported, and what would not and why.

use super::project::{Project, disguise};
use dataset::deidentify::{Deidentifier, Risk, risk};
use dataset::{Dataset, Tag, json, tags};
use model::{Key, Level, OrgId, Query, Scope, Uid};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, HashMap};
use storage::{InstanceRef, Storage, StorageError};

/// What the risk of an image is read from.
const RISK_TAGS: [Tag; 5] =
    [tags::SOP_CLASS_UID, tags::IMAGE_TYPE, tags::MODALITY, Tag(0x0048, 0x0010), Tag(0x0028, 0x0301)];
/// Names and numbers that must not be in anything that goes out.
const KNOWN_TAGS: [Tag; 8] = [
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    Tag(0x0010, 0x1000),
    Tag(0x0010, 0x1001),
    Tag(0x0010, 0x1005),
    tags::ACCESSION_NUMBER,
    tags::REFERRING_PHYSICIAN_NAME,
    Tag(0x0008, 0x1050),
];
const ISSUER: Tag = Tag(0x0010, 0x0021);

/// Instances by what their pixels may show.
pub type Counts = BTreeMap<Risk, u64>;

/// A study as it would be exported.
#[derive(Debug, Clone)]
pub struct StudySurvey {
    /// The study.
    pub study: Uid,
    /// What the patient is called in the project.
    pub pseudonym: String,
    /// How many instances of which risk.
    pub counts: Counts,
    /// Bytes of those that go out by themselves.
    pub bytes: u64,
}

/// A study with everything that its export takes.
pub(super) struct Looked {
    pub deidentifier: Deidentifier,
    pub instances: Vec<(InstanceRef, Risk)>,
}

/// How far an export sees: what the organisation owns, and no labels of slides.
pub(super) fn own(scope: &Scope, organisation: &OrgId) -> Scope {
    scope.owned_by(organisation.clone()).without_labels()
}

/// Surveys one study of the organisation.
///
/// # Errors
/// [`StorageError::NotFound`] when the organisation does not own it.
pub async fn survey(
    storage: &Storage,
    scope: &Scope,
    project: &Project,
    study: &Uid,
) -> Result<StudySurvey, StorageError> {
    let looked = look(storage, scope, project, study).await?;
    let mut counts = Counts::new();
    for (_, risk) in &looked.instances {
        *counts.entry(*risk).or_default() += 1;
    }
    let passed = looked.instances.iter().filter(|(_, risk)| risk.is_passed());
    Ok(StudySurvey {
        study: study.clone(),
        pseudonym: looked.deidentifier.disguise().pseudonym(),
        counts,
        bytes: passed.map(|(instance, _)| instance.file_length()).sum(),
    })
}

/// Whether the organisation owns it, without a look at what is in it.
///
/// # Errors
/// [`StorageError::NotFound`] when it does not.
pub async fn is_there(
    storage: &Storage,
    scope: &Scope,
    project: &Project,
    study: &Uid,
) -> Result<(), StorageError> {
    storage.instances(&own(scope, &project.organisation), study, None, None).await.map(drop)
}

/// Looks at one study.
pub(super) async fn look(
    storage: &Storage,
    scope: &Scope,
    project: &Project,
    study: &Uid,
) -> Result<Looked, StorageError> {
    let scope = own(scope, &project.organisation);
    let instances = storage.instances(&scope, study, None, None).await?;
    let mut risks: HashMap<String, Risk> = HashMap::new();
    let mut known: Vec<String> = Vec::new();
    let mut patient = String::new();
    let limit = storage.limits().query_rows_max;
    let mut query = Query::new(Level::Instance, limit).with_value(Key::StudyInstanceUid, study.as_str());
    loop {
        let page = storage.search(&scope, &query).await?;
        for row in &page.rows {
            let Some(uid) = row.attributes.first_text(tags::SOP_INSTANCE_UID) else { continue };
            let tree = row.attributes.tree_of(|tag| RISK_TAGS.contains(&tag));
            // What cannot be read, or is not all there, is held back like what is burned in.
            let known_risk = json::from_json(&tree).map_or(Risk::BurnedIn, |set: Dataset| risk(&set));
            let least = if row.is_whole { Risk::None } else { Risk::BurnedIn };
            risks.insert(uid, known_risk.max(least));
            if patient.is_empty() {
                patient = patient_of(&row.attributes, &project.organisation, study);
            }
            texts(&row.attributes.tree_of(|tag| KNOWN_TAGS.contains(&tag)), &mut known);
        }
        known.sort();
        known.dedup();
        if !page.more || page.rows.is_empty() {
            break;
        }
        query.offset += page.rows.len() as u32;
    }
    let disguise = disguise(storage, project, &patient).await?;
    let deidentifier = Deidentifier::new(project.profile(), disguise, &known);
    let instances = instances.into_iter().map(|instance| {
        let risk = risks.get(instance.instance().as_str()).copied().unwrap_or(Risk::BurnedIn);
        (instance, risk)
    });
    Ok(Looked { deidentifier, instances: instances.collect() })
}

/// What is the same for the same patient: who gave the identifier, and the identifier. Without one every study is somebody.
fn patient_of(attributes: &storage::Attributes, organisation: &OrgId, study: &Uid) -> String {
    let text = |tag| attributes.first_text(tag).map(|text| text.trim().to_owned()).unwrap_or_default();
    let (id, issuer) = (text(tags::PATIENT_ID), text(ISSUER));
    if id.is_empty() { format!("study/{study}") } else { format!("{organisation}/{issuer}/{id}") }
}

/// Every text in DICOM JSON values.
fn texts(tree: &Map<String, Json>, found: &mut Vec<String>) {
    let mut waiting: Vec<&Json> = tree.values().filter_map(|attribute| attribute.get("Value")).collect();
    while let Some(value) = waiting.pop() {
        match value {
            Json::String(text) => found.push(text.clone()),
            Json::Array(values) => waiting.extend(values),
            Json::Object(members) => waiting.extend(members.values()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deidentify::{NewProject, create};
    use dataset::write::to_bytes;
    use dataset::{TransferSyntax, VR};
    use model::{Actor, Limits};
    use storage::{Arrival, StorageConfig, Via};

    const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
    const REPORT: &str = "1.2.840.10008.5.1.4.1.1.88.11";
    const STUDY: &str = "1.2.3.4";

    /// An image that says so of its pixels, with so many items in a sequence in front of them.
    async fn store(storage: &Storage, number: usize, class: &str, says: &str, items: usize) {
        let mut set = Dataset::new();
        let instance = format!("{STUDY}.1.{number}");
        for (tag, vr, value) in [
            (tags::SOP_CLASS_UID, VR::UI, class),
            (tags::SOP_INSTANCE_UID, VR::UI, &instance),
            (tags::MODALITY, VR::CS, "CT"),
            (tags::PATIENT_ID, VR::LO, "4711"),
            (tags::STUDY_INSTANCE_UID, VR::UI, STUDY),
            (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.3.4.1"),
            (Tag(0x0028, 0x0301), VR::CS, says),
        ] {
            set.put_text(tag, vr, value);
        }
        let item = || {
            let mut item = Dataset::new();
            item.put_text(
                Tag(0x0040, 0x0007),
                VR::LO,
                "a description of what was asked for, sixty characters",
            );
            item
        };
        set.put_items(Tag(0x0040, 0x0275), (0..items).map(|_| item()).collect());
        let arrival = Arrival { owner: OrgId::parse("city").unwrap(), via: Via::Import, declared: None };
        let syntax = TransferSyntax::explicit_little();
        let mut sink = storage.sink(&Scope::node("test"), arrival, syntax.clone()).await.unwrap();
        sink.write(&to_bytes(&set, &syntax)).await.unwrap();
        sink.commit().await.unwrap();
    }

    /// What is too large to be unpacked for a row says nothing of its pixels, whatever it says.
    #[tokio::test]
    async fn an_instance_with_much_metadata_is_held_back() {
        const MANY: usize = 12_000;
        let directory = tempfile::tempdir().unwrap();
        let config = StorageConfig::sqlite(directory.path().join("data"), Limits::default());
        let storage = Storage::open(config).await.unwrap();
        for (number, (class, says, items)) in
            [(CT, "NO", 1), (CT, "YES", MANY), (CT, "NO", MANY), (REPORT, "NO", MANY)].into_iter().enumerate()
        {
            store(&storage, number + 1, class, says, items).await;
        }
        let city = OrgId::parse("city").unwrap();
        let scope = Scope::organisation(Actor::node("test"), city.clone());
        let new = NewProject { name: "课题".into(), options: Vec::new() };
        let project = create(&storage, &scope, &city, new).await.unwrap();
        let study = Uid::parse(STUDY).unwrap();
        let seen = survey(&storage, &scope, &project, &study).await.unwrap();
        let expected = [(Risk::None, 1), (Risk::BurnedIn, 2), (Risk::Document, 1)];
        assert_eq!(seen.counts, Counts::from(expected));
    }
}
