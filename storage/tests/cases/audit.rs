//! The audit chain.

use crate::Fixture;
use crate::support::build::{Instance, scope, store};
use model::Scope;
use storage::{AuditAction, AuditEntry, AuditOutcome, AuditQuery, Change, StorageError};

fn entry(object: &str) -> AuditEntry {
    AuditEntry {
        action: AuditAction::Change,
        object: object.into(),
        outcome: AuditOutcome::Success,
        detail: "文 \u{0}1".into(),
    }
}

pub async fn every_tampering_with_the_audit_chain_shows(f: &Fixture) {
    let s = &f.storage;
    assert_eq!(s.audit_verify().await.expect("a walk").events, 0);
    store(s, "town", &Instance::default()).await;
    for i in 0..5 {
        let change = Change { audit: vec![entry(&format!("consult/{i}"))], ..Change::default() };
        s.apply(&scope("town"), change).await.expect("applied");
    }
    s.audit(&scope("city"), entry("login")).await.expect("recorded");
    // What is refused leaves no event.
    let refused = Change {
        removes: vec![("consult", "none".into())],
        audit: vec![entry("never")],
        ..Change::default()
    };
    assert_eq!(s.apply(&scope("town"), refused).await, Err(StorageError::NotFound));
    let verdict = s.audit_verify().await.expect("a walk");
    assert_eq!((verdict.events, verdict.broken_at), (7, None));
    assert!(verdict.head.is_some());

    let events = s.audit_events(&scope("town"), None, 100).await.expect("events");
    assert_eq!(events.iter().map(|e| e.seq).collect::<Vec<_>>(), [6, 5, 4, 3, 2, 1]);
    assert_eq!(events[5].entry.object, format!("instance/{}", Instance::default().instance_uid()));
    assert_eq!(events[0].actor.id, "town-person");
    let older = s.audit_events(&Scope::node("test"), Some(7), 2).await.expect("events");
    assert_eq!(older.iter().map(|e| e.seq).collect::<Vec<_>>(), [6, 5]);

    let seqs = async |organisation: &str, query: AuditQuery| -> Vec<i64> {
        let found = s.audit_search(&scope(organisation), &query, 100).await.expect("events");
        found.iter().map(|e| e.seq).collect::<Vec<_>>()
    };
    let of = |objects: &[&str]| {
        let objects = objects.iter().map(|&object| object.to_owned()).collect();
        AuditQuery { objects: Some(objects), ..AuditQuery::default() }
    };
    assert_eq!(seqs("city", AuditQuery::default()).await, [7]);
    assert_eq!(
        seqs("city", of(&["consult/3", "consult/1"])).await,
        [5, 3],
        "of named things, whoever did it"
    );
    assert_eq!(seqs("city", of(&[])).await, Vec::<i64>::new());
    let stored = format!("instance/{}", Instance::default().instance_uid());
    assert_eq!(
        seqs("town", of(&[&stored])).await,
        Vec::<i64>::new(),
        "what was stored is not what was looked at"
    );
    let actor = |id: &str| AuditQuery { actor: Some(id.to_owned()), ..AuditQuery::default() };
    assert_eq!(seqs("town", actor("town-person")).await.len(), 6);
    assert_eq!(seqs("town", actor("city-person")).await, Vec::<i64>::new());
    let action = AuditQuery { action: Some(AuditAction::Store), ..AuditQuery::default() };
    assert_eq!(seqs("town", action).await, [1]);
    let (first, last) = (events[5].at_ms, events[0].at_ms);
    let within = |from_ms, until_ms| AuditQuery { from_ms, until_ms, ..AuditQuery::default() };
    assert_eq!(seqs("town", within(Some(first), Some(last + 1))).await.len(), 6);
    assert_eq!(seqs("town", within(None, Some(first))).await, Vec::<i64>::new());
    assert_eq!(s.audit_seq_before(first).await, Ok(0));
    assert_eq!(s.audit_seq_before(last + 60_000).await, Ok(7));
    let middle = s.audit_seq_before(events[2].at_ms).await.expect("found");
    assert!(events.iter().all(|event| (event.seq > middle) == (event.at_ms >= events[2].at_ms)), "{middle}");
    assert_eq!(seqs("town", AuditQuery { behind: Some(4), ..AuditQuery::default() }).await, [6, 5]);

    // Each tampering, and how it is put right again.
    for (tamper, at, repair) in [
        (
            "UPDATE audit SET object = 'x' || object WHERE seq = 3",
            3,
            "UPDATE audit SET object = substr(object, 2) WHERE seq = 3",
        ),
        (
            "UPDATE audit SET at_ms = at_ms + 1 WHERE seq = 1",
            1,
            "UPDATE audit SET at_ms = at_ms - 1 WHERE seq = 1",
        ),
        ("UPDATE audit SET seq = -4 WHERE seq = 4", 4, "UPDATE audit SET seq = 4 WHERE seq = -4"),
        ("UPDATE audit SET seq = 99 WHERE seq = 7", 7, "UPDATE audit SET seq = 7 WHERE seq = 99"),
        ("UPDATE audit_head SET seq = 6", 7, "UPDATE audit_head SET seq = 7"),
        (
            "UPDATE audit SET outcome = 'refused' WHERE seq = 7",
            7,
            "UPDATE audit SET outcome = 'success' WHERE seq = 7",
        ),
    ] {
        assert_eq!(f.tamper(tamper).await, 1);
        let verdict = s.audit_verify().await.expect("a walk");
        assert_eq!(verdict.broken_at.map(|(seq, _)| seq), Some(at), "{tamper}");
        assert_eq!(f.tamper(repair).await, 1);
        assert_eq!(s.audit_verify().await.expect("a walk").broken_at, None, "{repair}");
    }
    assert_eq!(f.tamper("DELETE FROM audit WHERE seq = 7").await, 1);
    assert_eq!(s.audit_verify().await.expect("a walk").broken_at.map(|(seq, _)| seq), Some(7));
}

pub async fn reading_is_noted_once(f: &Fixture) {
    let s = &f.storage;
    let instance = Instance::default();
    store(s, "town", &instance).await;
    let found = s.instances(&scope("town"), &instance.study_uid(), None, None).await.expect("found");
    for _ in 0..100 {
        s.note_read(&scope("town"), &found[0]);
    }
    for _ in 0..100 {
        s.note_study_read(&Scope::node("other"), &instance.study_uid());
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let events = s.audit_events(&Scope::node("test"), None, 100).await.expect("events");
        let reads = events.iter().filter(|e| e.entry.action == AuditAction::Read).count();
        assert!(reads <= 2, "{reads}");
        if reads == 2 {
            break;
        }
        assert!(std::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
}
