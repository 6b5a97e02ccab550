//! What SQLite does by itself when a write fails.

use super::super::DurableBlob;
use super::*;
use crate::audit::PendingAudit;
use crate::objects::{ObjectName, Shelf};
use crate::{AuditAction, AuditEntry, AuditOutcome};
use model::{OrgId, Scope, Sha256};
use sqlx::Row as _;

fn event() -> Job {
    let entry = AuditEntry {
        action: AuditAction::Login,
        object: "person/1".to_owned(),
        outcome: AuditOutcome::Success,
        detail: String::new(),
    };
    Job::Audit(PendingAudit::new(&Scope::node("test"), entry), None)
}

#[tokio::test]
async fn what_follows_an_error_that_ended_the_transaction_is_not_committed_twice() {
    let directory = tempfile::tempdir().unwrap();
    let (objects, _) = Objects::open(directory.path()).unwrap();
    let db = Database::open(directory.path(), None).await.unwrap();
    // As a full disk: not the statement fails, the whole transaction is rolled back.
    let full = "CREATE TRIGGER full BEFORE INSERT ON blob BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
    sqlx::query(full).execute(&db.writer).await.unwrap();
    let caches = Arc::new(Caches::new());
    let mut committer = Committer::new(db.clone(), Arc::new(objects), caches, &Limits::default());
    let name =
        ObjectName { shelf: Shelf::Blobs, owner: OrgId::parse("town").unwrap(), sha256: Sha256([7; 32]) };
    let blob = Job::Blob(DurableBlob { name, length: 1 }, oneshot::channel().0);
    let results = committer.commit_jobs(&[event(), blob, event()], &mut Groups::default()).await;
    let are_done: Vec<bool> = results.iter().map(|(result, _)| result.is_ok()).collect();
    assert_eq!(are_done, [true, false, true]);
    let row = sqlx::query("SELECT COUNT(*) FROM audit").fetch_one(&db.readers).await.unwrap();
    assert_eq!(row.try_get::<i64, _>(0).unwrap(), 2);
}
