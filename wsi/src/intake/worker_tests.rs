//! What the sweep removes, and what it leaves.

use super::{Intake, NewUpload, Settings};
use crate::Slides;
use crate::intake::{IntakeError, record::KIND};
use model::{Actor, OrgId, Scope};
use storage::{Expected, Storage, StorageConfig};
use uuid::Uuid;

async fn intake(directory: &tempfile::TempDir) -> (Intake, Scope, OrgId) {
    let config = StorageConfig::sqlite(directory.path().join("data"), model::Limits::default());
    let storage = Storage::open(config).await.unwrap();
    let owner = OrgId::parse("township").unwrap();
    let scope = Scope::organisation(Actor::node("test"), owner.clone());
    (Intake::new(storage.clone(), Slides::new(storage), Settings::default()), scope, owner)
}

fn new() -> NewUpload {
    NewUpload { name: "a.svs".to_owned(), bytes: 10, fingerprint: String::new() }
}

#[tokio::test]
async fn an_upload_that_went_on_after_it_was_judged_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let (intake, scope, owner) = intake(&directory).await;
    let upload = intake.create(&scope, &owner, new()).await.unwrap();
    let judged = intake.storage.record(&scope, KIND, &upload.id.to_string()).await.unwrap();
    let went_on = upload.put(Expected::Version(judged.version)).unwrap();
    let change = storage::Change { puts: vec![went_on], ..storage::Change::default() };
    intake.storage.apply(&scope, change).await.unwrap();
    let removed = intake.remove(&scope, &upload, Expected::Version(judged.version), "given up").await;
    assert!(matches!(removed, Err(IntakeError::Conflict(_))), "{removed:?}");
    assert_eq!(intake.storage.arriving_offset(upload.id).await, Ok(0), "its file is there");
    intake.cancel(&scope, upload.id).await.unwrap();
    assert_eq!(intake.upload(&scope, upload.id).await, Err(IntakeError::NotFound));
    assert!(intake.storage.arriving_files().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_sweep_takes_idle_uploads_and_files_without_a_record_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let (intake, scope, owner) = intake(&directory).await;
    let upload = intake.create(&scope, &owner, new()).await.unwrap();
    let orphan = Uuid::new_v4();
    intake.storage.begin_arriving(orphan).await.unwrap();
    let files = async || intake.storage.arriving_files().await.unwrap();
    let now = super::upload::now_ms();
    intake.sweep(now).await.unwrap();
    assert_eq!(files().await.len(), 2, "both are new");
    intake.sweep(now + 2 * 3600 * 1000).await.unwrap();
    assert_eq!(files().await, [upload.id], "the other has no record");
    let idle = i64::try_from(intake.storage.limits().upload_idle_ms_max).unwrap();
    intake.sweep(now + idle + 60_000).await.unwrap();
    assert!(files().await.is_empty());
    assert_eq!(intake.upload(&scope, upload.id).await, Err(IntakeError::NotFound));
}
