use super::*;
use crate::deidentify::{NewProject, Project, Purpose, Wish, close, create, placements, put, take_out};
use access::{Organisation, OrganisationKind};
use dataset::write::to_bytes;
use dataset::{Dataset, Tag, TransferSyntax, VR, tags};
use model::Limits;
use std::path::{Path, PathBuf};
use storage::{Correction, StorageConfig};

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
const STUDY: &str = "1.2.3.4";

/// A hospital with a study of two images, the second of them in a file of its own, a collection, and a project.
struct House {
    directory: tempfile::TempDir,
    storage: Storage,
    city: OrgId,
    library: OrgId,
    project: Project,
}

impl House {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = StorageConfig::sqlite(directory.path().join("data"), Limits::default());
        let storage = Storage::open(config).await.unwrap();
        let [city, library] = ["city", "library"].map(|id| OrgId::parse(id).unwrap());
        let node = Scope::node("test");
        let hospital = Organisation::new(city.clone(), "市医院", OrganisationKind::Hospital);
        let collection = Organisation {
            looked_after_by: Some(city.clone()),
            ..Organisation::new(library.clone(), "教学库", OrganisationKind::Collection)
        };
        for organisation in [hospital, collection] {
            storage.put_organisation(&node, &organisation).await.unwrap();
        }
        let new = NewProject { name: "课题".into(), options: Vec::new() };
        let project = create(&storage, &within(&city), &city, new).await.unwrap();
        let house = Self { directory, storage, city, library, project };
        house.store(1, 64).await;
        house.store(2, 2 << 20).await;
        house
    }

    async fn store(&self, number: usize, pixel_bytes: usize) {
        let mut set = Dataset::new();
        let instance = format!("{STUDY}.1.{number}");
        for (tag, vr, value) in [
            (tags::SOP_CLASS_UID, VR::UI, CT),
            (tags::SOP_INSTANCE_UID, VR::UI, &instance),
            (tags::MODALITY, VR::CS, "CT"),
            (tags::PATIENT_NAME, VR::PN, "Zhang^San"),
            (tags::PATIENT_ID, VR::LO, "4711"),
            (tags::STUDY_INSTANCE_UID, VR::UI, STUDY),
            (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.3.4.1"),
            (Tag(0x0028, 0x0301), VR::CS, "NO"),
        ] {
            set.put_text(tag, vr, value);
        }
        let syntax = TransferSyntax::explicit_little();
        let mut bytes = to_bytes(&set, &syntax);
        bytes.extend(b"\xE0\x7F\x10\x00OW\0\0");
        bytes.extend((pixel_bytes as u32).to_le_bytes());
        bytes.resize(bytes.len() + pixel_bytes, number as u8);
        let arrival = Arrival { owner: self.city.clone(), via: Via::Import, declared: None };
        let mut sink = self.storage.sink(&Scope::node("test"), arrival, syntax).await.unwrap();
        sink.write(&bytes).await.unwrap();
        sink.commit().await.unwrap();
    }

    async fn put(&self) -> String {
        let wish = Wish {
            collection: self.library.clone(),
            studies: vec![Uid::parse(STUDY).unwrap()],
            with_risky: false,
            purpose: Purpose::Teaching,
            reason: "第三章".into(),
        };
        put(&self.storage, &within(&self.city), &self.project, wish).await.unwrap().remove(0).id
    }

    async fn work(&self) {
        while Keeper::new(self.storage.clone()).work_once().await.unwrap() {}
    }

    async fn placed(&self) -> Vec<Placement> {
        let scope = within(&self.city);
        placements(&self.storage, &scope, &self.city, None, (50, 0)).await.unwrap().placements
    }

    /// Instances of the copy that a learner sees.
    async fn seen(&self) -> usize {
        let copy = self.placed().await[0].copy.clone();
        self.storage.instances(&within(&self.library), &copy, None, None).await.map_or(0, |all| all.len())
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn an_instance_that_breaks_in_the_middle_is_left_out_and_the_others_are_there() {
    let house = House::new().await;
    // The file of the large one, and the one that is being written, whose room is taken before it is filled.
    let is_long = |path: &PathBuf| path.metadata().unwrap().len() > 1 << 20;
    let long: Vec<_> =
        files_below(&house.directory.path().join("data/segments")).into_iter().filter(is_long).collect();
    assert!(!long.is_empty());
    for path in long {
        std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(1 << 20).unwrap();
    }
    house.put().await;
    house.work().await;
    let placed = house.placed().await;
    assert_eq!((placed[0].state, placed[0].instances), (State::There, 1));
    assert_eq!(placed[0].left_out, [("not_readable".to_owned(), 1)].into());
    assert_eq!(house.seen().await, 1, "nothing of the broken one is there");
}

#[tokio::test]
async fn what_is_added_to_a_study_follows_and_nothing_is_there_twice() {
    let house = House::new().await;
    let first = house.put().await;
    house.work().await;
    house.store(3, 64).await;
    assert_eq!(house.put().await, first, "the same study is recognised");
    house.work().await;
    assert_eq!((house.placed().await[0].instances, house.seen().await), (3, 3));
}

#[tokio::test]
async fn a_study_that_has_another_patient_by_now_is_not_mixed_with_the_former() {
    let house = House::new().await;
    let id = house.put().await;
    house.work().await;
    let attributes = serde_json::json!({"00100020": {"vr": "LO", "Value": ["4712"]}});
    let attributes = attributes.as_object().unwrap().clone();
    let correction = Correction::Identity { study: Uid::parse(STUDY).unwrap(), attributes };
    let reason = || Reason { code: ReasonCode::WrongIdentity, text: "x".into() };
    house.storage.correct(&within(&house.city), &house.city, correction, reason()).await.unwrap();
    house.put().await;
    house.work().await;
    let placed = house.placed().await;
    assert_eq!((placed[0].state, placed[0].why.as_str()), (State::Failed, "patient_changed"));
    assert_eq!(house.seen().await, 2, "what was there stays");
    // Taken out, it can be put there as the new patient's.
    take_out(&house.storage, &within(&house.city), &house.city, &id).await.unwrap();
    house.work().await;
    house.put().await;
    house.work().await;
    let again = house.placed().await;
    assert_eq!(again[0].state, State::There);
    assert_ne!(again[0].pseudonym, placed[0].pseudonym);
}

#[tokio::test]
async fn a_study_that_is_gone_before_its_turn_leaves_nothing() {
    let house = House::new().await;
    house.put().await;
    let target = Target { study: Uid::parse(STUDY).unwrap(), series: None, instance: None };
    let reason = Reason { code: ReasonCode::Other, text: "x".into() };
    house.storage.delete(&within(&house.city), &house.city, target, reason).await.unwrap();
    house.work().await;
    let placed = house.placed().await;
    assert_eq!((placed[0].state, placed[0].why.as_str(), placed[0].instances), (State::Failed, "gone", 0));
}

#[tokio::test]
async fn a_project_is_not_closed_while_its_studies_are_on_their_way() {
    let house = House::new().await;
    let id = house.put().await;
    let close = async || close(&house.storage, &within(&house.city), &house.city, &house.project.id).await;
    assert!(matches!(close().await, Err(StorageError::Conflict(_))));
    house.work().await;
    assert!(close().await.unwrap().is_closed);
    let placed = house.placed().await;
    assert_eq!((&placed[0].study, &placed[0].act, placed[0].reason.as_str()), (&None, &None, ""));
    assert_eq!((placed[0].state, house.seen().await), (State::There, 2));
    take_out(&house.storage, &within(&house.city), &house.city, &id).await.unwrap();
    house.work().await;
    assert!(house.placed().await.is_empty());
}

#[tokio::test]
async fn what_is_taken_out_before_its_turn_never_comes() {
    let house = House::new().await;
    let id = house.put().await;
    take_out(&house.storage, &within(&house.city), &house.city, &id).await.unwrap();
    let wish = house.placed().await;
    assert_eq!(wish[0].state, State::TakingOut);
    house.work().await;
    assert!(house.placed().await.is_empty());
    let copy = &wish[0].copy;
    assert!(house.storage.instances(&within(&house.library), copy, None, None).await.is_err());
}
