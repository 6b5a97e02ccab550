//! Segments: what a crash leaves in them, rebuilding the index from them, objects from before there were segments.

use super::fsck::segments;
use crate::Fixture;
use crate::support::build::{CT, Instance, org, scope, store, uid};
use dataset::charset::Assumed;
use dataset::{TransferSyntax, VR, tags};
use model::{Actor, ActorKind, AeTitle, Level, Query, Scope};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use storage::fsck::Problem;
use storage::{Arrival, Outcome, Storage, Via};

async fn is_sound(storage: &Storage) {
    let report = storage.fsck(&|_, _| ()).await.expect("fsck");
    assert_eq!(report.findings, [], "fsck");
}

async fn count(f: &Fixture) -> usize {
    let page =
        f.storage.search(&Scope::node("test"), &Query::new(Level::Instance, 1000)).await.expect("a page");
    page.rows.len()
}

/// Marks a segment as one that a dead process was appending to.
fn as_if_its_process_had_died(f: &Fixture, segment: &Path) -> PathBuf {
    let dead = f.config.directory.join("incoming").join("dead");
    std::fs::create_dir_all(&dead).expect("a folder");
    let name = segment.file_name().expect("a name").to_string_lossy().into_owned();
    std::fs::write(dead.join(format!("{name}.segment")), b"").expect("a marker");
    dead
}

/// Forgets everything that ingest writes, as when the index is lost.
pub(super) async fn lose_the_index(f: &Fixture) {
    for statement in [
        "DELETE FROM frame_chunk",
        "DELETE FROM instance_metadata",
        "DELETE FROM instance_apart",
        "DELETE FROM instance",
        "DELETE FROM series",
        "DELETE FROM study",
    ] {
        f.tamper(statement).await;
    }
}

/// Three small instances in one segment, one of which is kept apart, and a large one in its own.
async fn some(f: &Fixture) -> Vec<Instance> {
    let small = [1, 2].map(|number| Instance { number, ..Instance::default() });
    let apart = Instance { seed: 9, ..small[0].clone() };
    let large = Instance { number: 4, frames: 3, rows: 60_000, ..Instance::default() };
    let other = f.open_again().await;
    for instance in [&small[0], &small[1], &apart, &large] {
        store(&other, "town", instance).await;
    }
    other.close().await;
    let [one, two] = small;
    vec![one, two, large]
}

async fn are_readable(storage: &Storage, instances: &[Instance]) {
    for instance in instances {
        let (study, series) = (instance.study_uid(), instance.series_uid());
        let found = storage.instance(&scope("town"), &study, &series, &instance.instance_uid()).await;
        let found = found.expect("it is there");
        let head =
            dataset::part10::head(&TransferSyntax::explicit_little(), &uid(CT), &instance.instance_uid());
        let file = storage.read(&found, 0..found.file_length().min(4096)).await.expect("it is read");
        assert!(file.starts_with(&head));
        assert!(instance.bytes().starts_with(&file[head.len()..]));
        assert_eq!(storage.frame(&found, 1).await.expect("a frame"), instance.frame(1));
    }
}

pub async fn the_index_is_rebuilt_from_the_objects_alone(f: &Fixture) {
    let instances = some(f).await;
    lose_the_index(f).await;
    assert_eq!(count(f).await, 0);
    let rebuilt = f.storage.rebuild(&|_| ()).await.expect("a rebuild");
    assert_eq!((rebuilt.objects, rebuilt.indexed, rebuilt.unusable), (4, 4, 0));
    assert_eq!(count(f).await, 3);
    are_readable(&f.storage, &instances).await;
    let page = f.storage.search(&scope("town"), &Query::new(Level::Study, 10)).await.expect("a page");
    assert!(page.rows[0].has_conflict, "the one that came second is kept apart again");
    is_sound(&f.storage).await;
    assert_eq!(
        f.tamper("UPDATE instance SET via = via WHERE via = 'dimse' AND sender = 'person:town-person'").await,
        3
    );
    let again = f.storage.rebuild(&|_| ()).await.expect("a rebuild");
    assert_eq!((again.objects, again.indexed), (4, 0));
}

/// A device that writes GBK and says ISO_IR 100.
pub async fn a_rebuild_takes_texts_for_what_their_sender_means(f: &Fixture) {
    let s = &f.storage;
    let title = AeTitle::parse("CT9").expect("a title");
    let mut device = access::Device::new(title, org("town"), vec![access::Right::Store]);
    device.assumed_character_set = Some("GBK".into());
    s.put_device(&Scope::node("test"), &device).await.expect("known");
    let mut mislabelled = Instance::default().dataset();
    mislabelled.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 100");
    // 张^誠, whose second byte is a backslash.
    mislabelled.put_bytes(tags::PATIENT_NAME, VR::PN, b"\xD5\xC5^\xD5\\ ".to_vec());
    let syntax = TransferSyntax::explicit_little();
    let bytes = dataset::write::to_bytes(&mislabelled, &syntax);
    let actor = Actor { kind: ActorKind::Ae, id: "CT9".into(), address: None };
    let arrival = Arrival { owner: org("town"), via: Via::Dimse, declared: None };
    let sender = Scope::organisation(actor, org("town"));
    let mut sink = s.sink(&sender, arrival, syntax).await.expect("a sink");
    sink.assume_charset(Assumed::parse("GBK").expect("known"));
    sink.write(&bytes).await.expect("taken");
    sink.commit().await.expect("stored");
    let name = async || {
        let page = s.search(&scope("town"), &Query::new(Level::Study, 10)).await.expect("a page");
        page.rows[0].attributes.tree()["00100010"]["Value"][0]["Alphabetic"].clone()
    };
    let before = name().await;
    assert_eq!(before, "张^誠");
    lose_the_index(f).await;
    let rebuilt = s.rebuild(&|_| ()).await.expect("a rebuild");
    assert_eq!(rebuilt.indexed, 1);
    assert_eq!(name().await, before);
}

pub async fn what_a_dead_process_had_not_indexed_is_indexed(f: &Fixture) {
    let instances = some(f).await;
    lose_the_index(f).await;
    for segment in segments(f) {
        as_if_its_process_had_died(f, &segment);
    }
    // A torn group behind the last whole entry, as a crash in the middle of a write leaves it.
    let small =
        segments(f).into_iter().min_by_key(|path| path.metadata().expect("a file").len()).expect("one");
    let file = std::fs::OpenOptions::new().write(true).open(&small).expect("a segment");
    let length = file.metadata().expect("a file").len();
    file.set_len(length + (1 << 20)).expect("longer");
    file.write_all_at(&[0xA5; 5000], length + 8192).expect("written");
    let again = f.open_again().await;
    again.close().await;
    assert_eq!(small.metadata().expect("a file").len(), length, "what was torn is cut off");
    assert_eq!(count(f).await, 3);
    are_readable(&f.storage, &instances).await;
    is_sound(&f.storage).await;
}

pub async fn an_entry_without_its_bytes_is_erased_after_a_crash(f: &Fixture) {
    some(f).await;
    lose_the_index(f).await;
    let small =
        segments(f).into_iter().min_by_key(|path| path.metadata().expect("a file").len()).expect("one");
    // The header of the first is there, its bytes are not.
    let file = std::fs::OpenOptions::new().write(true).open(&small).expect("a segment");
    file.write_all_at(&[0; 4096], 4096).expect("written");
    let dead = as_if_its_process_had_died(f, &small);
    let again = f.open_again().await;
    again.close().await;
    assert!(!dead.exists());
    // The second, and the one that was kept apart before: the first is no more.
    assert_eq!(count(f).await, 2);
    assert_eq!(f.storage.rebuild(&|_| ()).await.expect("a rebuild").indexed, 1, "the large one");
    is_sound(&f.storage).await;
}

/// Nobody who was told that it is stored loses it to lower limits or a stricter version.
pub async fn what_is_whole_and_refused_after_a_crash_is_kept(f: &Fixture) {
    let instances = some(f).await;
    lose_the_index(f).await;
    let before = segments(f);
    for segment in &before {
        as_if_its_process_had_died(f, segment);
    }
    let mut strict = f.config.clone();
    strict.limits.elements_max = 3;
    let strict = Storage::open(strict).await.expect("it opens");
    assert_eq!(count(f).await, 0);
    let rebuilt = strict.rebuild(&|_| ()).await.expect("a rebuild");
    assert_eq!((rebuilt.objects, rebuilt.indexed, rebuilt.unusable, rebuilt.refused), (4, 0, 4, 4));
    let report = strict.fsck(&|_, _| ()).await.expect("fsck");
    let problems: Vec<_> = report.findings.into_iter().map(|finding| finding.problem).collect();
    assert_eq!(problems, [Problem::ObjectNotIndexed; 4]);
    strict.close().await;
    drop(strict);
    assert_eq!(segments(f), before);
    // The next start looks again; its folder is free when the last thread of `strict` has ended.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while count(f).await < 3 {
        assert!(std::time::Instant::now() < deadline, "nobody looks again");
        f.open_again().await.close().await;
    }
    are_readable(&f.storage, &instances).await;
    is_sound(&f.storage).await;
}

/// A transaction on the index that keeps every writer waiting.
pub(super) async fn lock(f: &Fixture) -> sqlx::AnyConnection {
    use sqlx::{Connection as _, Executor as _};
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(&f.url).await.expect("a connection");
    if f.url.starts_with("sqlite") {
        connection.execute("BEGIN IMMEDIATE").await.expect("locked");
    } else {
        connection.execute("BEGIN").await.expect("begun");
        connection.execute("SELECT seq FROM audit_head WHERE id = 1 FOR UPDATE").await.expect("locked");
    }
    connection
}

/// The node has flushed an instance and not yet committed its row, and a rebuild in another process finds the entry.
pub async fn a_rebuild_beside_a_running_node_erases_nothing(f: &Fixture) {
    use sqlx::Executor as _;
    let rebuilding = f.open_again().await;
    // The first is new, the second has a UID that is taken by other content: their rows are in different tables.
    for seed in [1, 2] {
        let mut number = 0;
        loop {
            // Until both wanted to index it.
            number += 1;
            assert!(number < 20, "the rebuild never meets an instance that is about to be indexed");
            // In a segment of its own: its header comes last.
            let sent = Instance { study: number, number, rows: 60_000, frames: 3, ..Instance::default() };
            let sent = Instance { seed, ..sent };
            if seed == 2 {
                store(&f.storage, "town", &Instance { seed: 1, ..sent.clone() }).await;
            }
            let known = segments(f);
            let mut locked = lock(f).await;
            let (node, instance) = (f.storage.clone(), sent.clone());
            let storing = tokio::spawn(async move { store(&node, "town", &instance).await });
            let is_flushed = |path: &PathBuf| {
                let mut magic = [0; 8];
                let read = std::fs::File::open(path).and_then(|file| file.read_exact_at(&mut magic, 0));
                !known.contains(path) && read.is_ok() && magic == *b"FARSIGHT"
            };
            while !segments(f).iter().any(is_flushed) {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            let other = rebuilding.clone();
            let rebuild = tokio::spawn(async move { other.rebuild(&|_| ()).await.expect("a rebuild") });
            tokio::time::sleep(std::time::Duration::from_millis(200 * u64::from(number))).await;
            locked.execute("ROLLBACK").await.expect("unlocked");
            drop(locked);
            storing.await.expect("it is stored");
            let rebuilt = rebuild.await.expect("it ends");
            is_sound(&f.storage).await;
            if seed == 1 {
                are_readable(&f.storage, std::slice::from_ref(&sent)).await;
            }
            if rebuilt.indexed == 1 {
                break;
            }
        }
    }
    rebuilding.close().await;
}

pub async fn sending_again_takes_no_room(f: &Fixture) {
    let large = Instance { number: 4, frames: 3, rows: 60_000, ..Instance::default() };
    for instance in [&Instance::default(), &large] {
        store(&f.storage, "town", instance).await;
        let before = segments(f).len();
        assert_eq!(store(&f.storage, "town", instance).await.outcome, Outcome::AlreadyThere);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while segments(f).len() > before {
            assert!(std::time::Instant::now() < deadline, "{:?}", segments(f));
            tokio::task::yield_now().await;
        }
    }
    is_sound(&f.storage).await;
    let rebuilt = f.storage.rebuild(&|_| ()).await.expect("a rebuild");
    assert_eq!((rebuilt.objects, rebuilt.indexed), (2, 0), "the second of each has been erased");
}

pub async fn objects_from_before_there_were_segments_are_read(f: &Fixture) {
    let instance = Instance::default();
    let bytes = instance.bytes();
    let sha256 = store(&f.storage, "town", &instance).await.sha256.to_string();
    let head = dataset::part10::head(&TransferSyntax::explicit_little(), &uid(CT), &instance.instance_uid());
    let folder = f.config.directory.join("objects/town").join(&sha256[..2]);
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(&sha256), [head, bytes].concat()).expect("written");
    f.storage.close().await;
    for segment in segments(f) {
        std::fs::remove_file(segment).expect("removed");
    }
    f.tamper("UPDATE instance SET segment = 0, segment_offset = 0").await;
    let again = f.open_again().await;
    are_readable(&again, std::slice::from_ref(&instance)).await;
    is_sound(&again).await;
    assert_eq!(store(&again, "town", &instance).await.outcome, Outcome::AlreadyThere);
    lose_the_index(f).await;
    assert_eq!(again.rebuild(&|_| ()).await.expect("a rebuild").indexed, 1);
    is_sound(&again).await;
    again.close().await;
}
