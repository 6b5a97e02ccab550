//! How the store is: what is counted and measured, and what it was told of its care.

use crate::Fixture;
use crate::support::build::{Instance, org, store};
use model::Scope;
use serde_json::json;
use storage::{Backup, Change, Fsck, JobOutcome, NewJob};

pub async fn the_store_says_what_it_keeps_what_waits_and_who_looked_after_it(f: &Fixture) {
    let node = Scope::node("test");
    let empty = f.storage.condition().await.expect("it answers");
    assert_eq!((empty.studies, empty.instances, empty.blobs), (0, 0, 0));
    assert_eq!((empty.fsck, empty.backup, empty.filling), (None, None, None));
    assert!(empty.disk.total >= empty.disk.used && empty.disk.available > 0);
    assert!(empty.index.bytes > 0 && ["sqlite", "postgresql"].contains(&empty.index.kind));
    assert!(empty.index.version.starts_with(|c: char| c.is_ascii_digit()), "{}", empty.index.version);

    store(&f.storage, "town", &Instance::default()).await;
    let job = |kind| NewJob::new(kind, "A", org("town"), json!({}));
    let jobs = vec![job("forward"), job("forward"), job("mail")];
    f.storage.apply(&node, Change { jobs, ..Change::default() }).await.expect("enqueued");
    let minute = std::time::Duration::from_secs(60);
    let claim = f.storage.claim_jobs("mail", 1, minute).await.expect("it answers").expect("a job");
    let given_up = vec![(claim.jobs[0].id, JobOutcome::SetAside("refused".into()))];
    f.storage.finish_jobs(&claim, given_up).await.expect("it is ours");
    let fsck = Fsck { at_ms: 5, took_ms: 7, objects: 1, findings: 0 };
    f.storage.note_fsck(&node, &fsck).await.expect("noted");
    let backup = Backup { at_ms: 6, what: "nas1".into() };
    f.storage.note_backup(&node, &backup).await.expect("noted");
    f.storage.sample_disk().await.expect("noted");
    f.storage.sample_disk().await.expect("once a day is enough");

    let full = f.storage.condition().await.expect("it answers");
    assert_eq!((full.studies, full.instances, full.segments), (1, 1, 1));
    assert!(full.segment_bytes > 0);
    let kinds: Vec<_> = full.jobs.iter().map(|of| (of.kind.as_str(), of.waiting, of.set_aside)).collect();
    assert_eq!(kinds, [("forward", 2, 0), ("mail", 0, 1)]);
    assert!(full.jobs[0].oldest_at_ms.is_some() && full.jobs[1].oldest_at_ms.is_none());
    assert_eq!((full.fsck, full.backup), (Some(fsck), Some(backup)));
    assert_eq!(full.filling, None, "one measurement says nothing yet");
    let events = f.storage.audit_events(&node, None, 100).await.expect("a list");
    for object in ["store/fsck", "store/backup"] {
        assert_eq!(events.iter().filter(|event| event.entry.object == object).count(), 1, "{object}");
    }
}
