//! Storing instances.

use super::fsck::segments;
use crate::Fixture;
use crate::support::build::{CT, Instance, org, scope, store, store_as, uid};
use dataset::{Refused, TransferSyntax};
use model::{Level, Query, Scope};
use storage::{Arrival, Outcome, StorageError, StudyArrival, Via};

pub async fn what_is_stored_is_found_and_read(f: &Fixture) {
    let one = Instance::default();
    // The second goes through a temporary file.
    let large = Instance { number: 2, frames: 3, rows: 60_000, ..Instance::default() };
    for instance in [&one, &large] {
        let stored = store(&f.storage, "town", instance).await;
        assert_eq!(stored.outcome, Outcome::Stored);
        let found = f
            .storage
            .instance(&scope("town"), &stored.study, &stored.series, &stored.instance)
            .await
            .expect("it is found");
        assert_eq!(found.sha256(), &stored.sha256);
        let mut file = Vec::new();
        while (file.len() as u64) < found.file_length() {
            let at = file.len() as u64;
            let end = found.file_length().min(at + (64 << 20));
            file.extend_from_slice(&f.storage.read(&found, at..end).await.expect("it is read"));
        }
        let (head, dataset) = file.split_at(found.head_length() as usize);
        assert_eq!(dataset, instance.bytes());
        assert_eq!(
            head,
            dataset::part10::head(&TransferSyntax::explicit_little(), &uid(CT), &instance.instance_uid())
        );
    }
    let all =
        f.storage.instances(&scope("town"), &one.study_uid(), None, None).await.expect("they are listed");
    let numbers: Vec<_> = all.iter().map(|i| i.instance().clone()).collect();
    assert_eq!(numbers, [one.instance_uid(), large.instance_uid()]);
}

pub async fn a_study_says_when_it_last_arrived_and_that_a_large_instance_is_on_its_way(f: &Fixture) {
    let large = Instance { number: 2, frames: 3, rows: 60_000, ..Instance::default() };
    let study = large.study_uid();
    let arrival = async || f.storage.study_arrival(&org("town"), &study).await.expect("it is known");
    assert_eq!(arrival().await, StudyArrival { last_ms: None, is_coming: false });
    let before = model::time_text::unix_ms(time::OffsetDateTime::now_utc());
    store(&f.storage, "town", &Instance::default()).await;
    let first = arrival().await.last_ms.expect("one has arrived");
    assert!(first >= before, "{first} is not before {before}");

    let bytes = large.bytes();
    let begin = async || {
        let coming = Arrival { owner: org("town"), via: Via::Dimse, declared: None };
        let syntax = TransferSyntax::explicit_little();
        let mut sink = f.storage.sink(&scope("town"), coming, syntax).await.expect("a sink");
        sink.write(&bytes[..bytes.len() / 2]).await.expect("half of it");
        sink
    };
    let broken_off = begin().await;
    let mut sink = begin().await;
    assert!(arrival().await.is_coming);
    let other = f.storage.study_arrival(&org("city"), &study).await.expect("it is known");
    assert_eq!(other, StudyArrival { last_ms: None, is_coming: false });
    drop(broken_off);
    assert!(arrival().await.is_coming);
    sink.write(&bytes[bytes.len() / 2..]).await.expect("the rest");
    sink.commit().await.expect("it is stored");
    let now = arrival().await;
    assert!(!now.is_coming && now.last_ms >= Some(first), "{now:?}");
}

pub async fn sending_again_changes_nothing(f: &Fixture) {
    let instance = Instance::default();
    let first = store(&f.storage, "town", &instance).await;
    let again = store(&f.storage, "town", &instance).await;
    assert_eq!((again.outcome, again.sha256), (Outcome::AlreadyThere, first.sha256));
    // As a Part 10 file, which has no declared UIDs.
    let mut file =
        dataset::part10::head(&TransferSyntax::explicit_little(), &uid(CT), &instance.instance_uid());
    file.extend_from_slice(&instance.bytes());
    let arrival = Arrival { owner: org("town"), via: Via::Stow, declared: None };
    let mut sink = f.storage.sink_part10(&scope("town"), arrival).await.expect("a sink");
    for piece in file.chunks(7) {
        sink.write(piece).await.expect("it is taken");
    }
    assert_eq!(sink.commit().await.expect("it is there").outcome, Outcome::AlreadyThere);
    let page = f.storage.search(&scope("town"), &Query::new(Level::Instance, 10)).await.expect("a page");
    assert_eq!(page.rows.len(), 1);
    assert!(!page.rows[0].has_conflict);
}

pub async fn other_content_is_kept_apart(f: &Fixture) {
    let first = Instance::default();
    let other = Instance { seed: 9, ..first.clone() };
    store(&f.storage, "town", &first).await;
    for _ in 0..2 {
        assert_eq!(store(&f.storage, "town", &other).await.outcome, Outcome::KeptApart);
    }
    // Another organisation's same UID is nobody's business.
    assert_eq!(store(&f.storage, "city", &other).await.outcome, Outcome::Stored);
    for level in [Level::Study, Level::Series, Level::Instance] {
        let page = f.storage.search(&scope("town"), &Query::new(level, 10)).await.expect("a page");
        assert_eq!(page.rows.iter().map(|r| r.has_conflict).collect::<Vec<_>>(), [true], "{level:?}");
    }
    let shown = f
        .storage
        .instance(&scope("town"), &first.study_uid(), &first.series_uid(), &first.instance_uid())
        .await
        .expect("the first");
    assert_eq!(f.storage.frame(&shown, 0).await.expect("a frame"), first.frame(0));
    assert_eq!(f.tamper("UPDATE instance_apart SET reason = reason").await, 1);
    // Two in one group.
    let (a, b) = (
        Instance { number: 5, seed: 1, ..Instance::default() },
        Instance { number: 5, seed: 2, ..Instance::default() },
    );
    let (a, b) = tokio::join!(store(&f.storage, "town", &a), store(&f.storage, "town", &b));
    let outcomes = [a.outcome, b.outcome];
    assert!(outcomes.contains(&Outcome::Stored) && outcomes.contains(&Outcome::KeptApart), "{outcomes:?}");
    assert!(f.storage.fsck(&|_, _| ()).await.expect("fsck").findings.is_empty());
}

pub async fn bad_instances_leave_nothing(f: &Fixture) {
    let instance = Instance::default();
    let good = instance.bytes();
    let explicit = TransferSyntax::EXPLICIT_LITTLE;
    let mut without_study = instance.dataset();
    without_study.remove(dataset::tags::STUDY_INSTANCE_UID);
    let without_study = dataset::write::to_bytes(&without_study, &TransferSyntax::explicit_little());
    let cases: &[(&[u8], &str)] = &[
        (b"", "empty"),
        (b"\x08\x00", "a scrap"),
        (&good[..good.len() - 5], "truncated"),
        (&without_study, "no study"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "not DICOM"),
    ];
    for (bytes, what) in cases {
        let result = store_as(&f.storage, "town", &instance, bytes, explicit).await;
        assert!(matches!(result, Err(StorageError::Refused(_))), "{what}: {result:?}");
    }
    // The declared UID is another.
    let other = Instance { number: 2, ..instance.clone() };
    let result = store_as(&f.storage, "town", &other, &good, explicit).await;
    assert!(matches!(result, Err(StorageError::Refused(Refused::MissingAttribute(_)))), "{result:?}");
    // It belongs to another study than the request says.
    let arrival = Arrival { owner: org("town"), via: Via::Stow, declared: None };
    let mut sink =
        f.storage.sink(&scope("town"), arrival, TransferSyntax::explicit_little()).await.expect("a sink");
    sink.expect_study(uid("9.9"));
    sink.write(&good).await.expect("it is taken");
    let result = sink.commit().await;
    assert!(matches!(result, Err(StorageError::Refused(_))), "{result:?}");
    // A large one that is given up half-way.
    let large = Instance { rows: 60_000, frames: 3, ..instance.clone() }.bytes();
    let arrival = Arrival { owner: org("town"), via: Via::Dimse, declared: None };
    let mut sink =
        f.storage.sink(&scope("town"), arrival, TransferSyntax::explicit_little()).await.expect("a sink");
    sink.write(&large[..4 << 20]).await.expect("it is taken");
    drop(sink);
    let page = f.storage.search(&Scope::node("test"), &Query::new(Level::Study, 10)).await.expect("a page");
    assert!(page.rows.is_empty());
    // The last piece may still be in the hands of a writing thread.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while !segments(f).is_empty() {
        assert!(std::time::Instant::now() < deadline, "{:?}", segments(f));
        tokio::task::yield_now().await;
    }
    // After all that, a good one.
    store(&f.storage, "town", &instance).await;
}

pub async fn sixty_four_writers_at_once(f: &Fixture) {
    let writers: Vec<_> = (0..64_u32)
        .map(|writer| {
            let storage = f.storage.clone();
            tokio::spawn(async move {
                for number in 0..4 {
                    let instance = Instance {
                        study: 1 + writer % 8,
                        series: 1 + writer % 3,
                        number: writer * 10 + number,
                        ..Instance::default()
                    };
                    assert_eq!(store(&storage, "town", &instance).await.outcome, Outcome::Stored);
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no writer fails");
    }
    let page = f.storage.search(&scope("town"), &Query::new(Level::Instance, 1000)).await.expect("a page");
    assert_eq!(page.rows.len(), 256);
    let report = f.storage.fsck(&|_, _| ()).await.expect("fsck");
    assert_eq!((report.objects_checked, report.findings), (256, vec![]));
    assert_eq!(f.storage.audit_verify().await.expect("a walk").broken_at, None);
}

/// They come in the same groups: what is asked of the index for a group is not yet true for its second half.
pub async fn the_same_and_other_content_at_once(f: &Fixture) {
    let start = std::sync::Arc::new(tokio::sync::Barrier::new(48));
    let writers: Vec<_> = (0..48_u32)
        .map(|writer| {
            let (storage, start) = (f.storage.clone(), start.clone());
            tokio::spawn(async move {
                let owner = if writer % 3 == 0 { "city" } else { "town" };
                // 24 bring number 1, in two versions; the others bring their own.
                let number = if writer % 2 == 0 { 1 } else { 100 + writer };
                let seed = if writer % 4 == 0 { 1 } else { 2 };
                start.wait().await;
                let stored = store(&storage, owner, &Instance { number, seed, ..Instance::default() }).await;
                (owner, number, stored)
            })
        })
        .collect();
    let mut all = Vec::new();
    for writer in writers {
        all.push(writer.await.expect("no writer fails"));
    }
    for owner in ["town", "city"] {
        let of = |number: u32| all.iter().filter(move |(o, n, _)| *o == owner && *n == number);
        let first: Vec<_> = of(1).filter(|(.., s)| s.outcome == Outcome::Stored).collect();
        assert_eq!(first.len(), 1, "{owner}: one is the first");
        for (.., stored) in of(1).filter(|(.., s)| s.outcome != Outcome::Stored) {
            let is_same = stored.sha256 == first[0].2.sha256;
            assert_eq!(stored.outcome == Outcome::AlreadyThere, is_same, "{owner}: {stored:?}");
        }
        let others = all.iter().filter(|(o, n, _)| *o == owner && *n > 1).count();
        let page = f.storage.search(&scope(owner), &Query::new(Level::Instance, 100)).await.expect("a page");
        assert_eq!(page.rows.len(), others + 1, "{owner}");
        let page = f.storage.search(&scope(owner), &Query::new(Level::Study, 10)).await.expect("a page");
        assert_eq!((page.rows.len(), page.rows[0].has_conflict), (1, true), "{owner}");
    }
    let report = f.storage.fsck(&|_, _| ()).await.expect("fsck");
    assert_eq!(report.findings, []);
    assert_eq!(f.storage.audit_verify().await.expect("a walk").broken_at, None);
}

pub async fn a_crash_leaves_nothing_unexplained(f: &Fixture) {
    let kept = store(&f.storage, "town", &Instance::default()).await;
    // What a process leaves that died between naming objects and indexing them: nobody holds its lock.
    let dead = f.config.directory.join("incoming").join("dead");
    std::fs::create_dir(&dead).expect("a folder");
    let orphan = format!("objects/town/ab/ab{}", "0".repeat(62));
    std::fs::create_dir_all(f.config.directory.join("objects/town/ab")).expect("a folder");
    std::fs::write(f.config.directory.join(&orphan), b"x").expect("an object");
    let sha256 = kept.sha256.to_string();
    let named = format!("{orphan}\nobjects/town/{}/{sha256}\n../../etc/passwd\n", &sha256[..2]);
    std::fs::write(dead.join("1.intent"), named).expect("an intent");
    std::fs::write(dead.join("2.part"), b"half").expect("a part");
    let again = f.open_again().await;
    assert!(!dead.exists());
    assert!(!f.config.directory.join(&orphan).exists());
    assert!(again.fsck(&|_, _| ()).await.expect("fsck").findings.is_empty());
    again.close().await;
}
