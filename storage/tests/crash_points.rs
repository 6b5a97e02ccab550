//! What is acknowledged is durable: the process is killed, or the disk fails, at each point where ingest writes, flushes,
//! cuts, or commits. `strace` does both, so the code under test is the code that runs. A power cut takes what has not
//! been flushed: the end of the index, which is put back to what it was before.

#[path = "support/build.rs"]
#[allow(dead_code)]
mod build;

use build::{Instance, scope, store_as};
use dataset::TransferSyntax;
use model::Limits;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use storage::{AuditAction, AuditEntry, AuditOutcome, Outcome, Storage, StorageConfig};

const DIRECTORY: &str = "FARSIGHT_CRASH_DIRECTORY";
const INSTANCES: u32 = 6;

async fn open(directory: &Path) -> Storage {
    open_with(directory, Limits::default()).await
}

/// The index is not flushed for the sake of instances.
fn unflushed() -> Limits {
    Limits { index_flush_delay_ms: 3_600_000, ..Limits::default() }
}

async fn open_with(directory: &Path, limits: Limits) -> Storage {
    Storage::open(StorageConfig::sqlite(directory, limits)).await.expect("it opens")
}

/// The third does not fit into memory.
fn instance(number: u32) -> Instance {
    let (frames, rows) = if number == 3 { (3, 60_000) } else { (2, 16) };
    Instance { number, frames, rows, ..Instance::default() }
}

async fn send(storage: &Storage, number: u32) -> bool {
    let instance = instance(number);
    store_as(storage, "town", &instance, &instance.bytes(), TransferSyntax::EXPLICIT_LITTLE).await.is_ok()
}

/// Not a test: what the tests run in a process of its own. Each acknowledged number becomes a byte of a file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other tests run it"]
async fn sender() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let directory = Path::new(&directory);
    let storage = open(directory).await;
    let acknowledged = directory.join("acknowledged");
    let mut acknowledged = OpenOptions::new().create(true).append(true).open(acknowledged).expect("a file");
    // Once more the first: its second entry is erased.
    for number in (1..=INSTANCES).chain([1]) {
        // As a sender does: once more when it was refused.
        let mut is_stored = false;
        for _ in 0..5 {
            is_stored = is_stored || send(&storage, number).await;
        }
        if is_stored {
            acknowledged.write_all(&[number as u8]).expect("noted");
        }
    }
    storage.close().await;
}

/// What happened to the sender.
struct Ended {
    was_killed: bool,
    /// Whether it came so far that the fault happened.
    was_struck: bool,
    acknowledged: Vec<u8>,
}

/// Runs the sender in a fresh directory with a fault at the `when`-th call, and looks at what is there afterwards.
async fn with_fault(call: &str, path: Option<&str>, fault: &str, when: &str) -> Ended {
    let directory = tempfile::tempdir().expect("a directory");
    // The index is made without faults: migrations are not what is tested.
    open(directory.path()).await.close().await;
    let mut strace = Command::new("strace");
    let calls = directory.path().join("calls");
    strace.args(["-f", "-qq", "-o"]).arg(&calls);
    strace.args(["-e", &format!("trace={call}"), "-e", &format!("inject={call}:{fault}:when={when}")]);
    if let Some(name) = path {
        strace.arg("-P").arg(directory.path().join(name));
    }
    let program = std::env::current_exe().expect("this program");
    strace.arg(program).args(["--exact", "sender", "--ignored"]).env(DIRECTORY, directory.path());
    let status = strace
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("strace is not installed; install it: apt-get install strace");
    let acknowledged = std::fs::read(directory.path().join("acknowledged")).unwrap_or_default();

    let what = format!("{call} {path:?} {fault} {when}");
    let storage = open(directory.path()).await;
    are_there(&storage, &acknowledged, &what).await;
    assert!(send(&storage, 9).await, "{what}: the next is stored");
    storage.close().await;
    let calls = std::fs::read_to_string(calls).unwrap_or_default();
    Ended { was_killed: !status.success(), was_struck: calls.contains("(INJECTED)"), acknowledged }
}

async fn are_there(storage: &Storage, acknowledged: &[u8], what: &str) {
    for number in acknowledged {
        let sent = instance(u32::from(*number));
        let (study, series) = (sent.study_uid(), sent.series_uid());
        let found = storage.instance(&scope("town"), &study, &series, &sent.instance_uid()).await;
        let found = found.unwrap_or_else(|e| panic!("{what}: {number} was acknowledged: {e}"));
        let bytes = sent.bytes();
        let start = found.head_length();
        let kept = storage.read(&found, start..start + bytes.len() as u64).await.expect("it is read");
        assert!(kept == bytes, "{what}: {number} is not what was sent");
    }
    let report = storage.fsck(&|_, _| ()).await.expect("fsck");
    assert_eq!(report.findings, [], "{what}");
}

/// Kills at the first, the second, … call, until the sender gets through.
async fn killed_at_each(call: &str, path: Option<&str>, step: u32) {
    let mut when = 1;
    let mut killed = 0;
    while with_fault(call, path, "signal=SIGKILL", &when.to_string()).await.was_killed {
        killed += 1;
        when += step;
        assert!(killed < 60, "{call} never ends");
    }
    assert!(killed > 0, "{call} {path:?} is a point where ingest can be killed");
    eprintln!("{call} {path:?}: killed at {killed} points");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_where_segments_are_written() {
    killed_at_each("pwritev", None, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_where_segments_are_given_room_and_cut() {
    killed_at_each("fallocate", None, 1).await;
    killed_at_each("ftruncate", None, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_where_segments_are_flushed() {
    killed_at_each("fsync", None, 1).await;
    killed_at_each("fdatasync", None, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_where_the_index_is_written_and_flushed() {
    killed_at_each("fsync", Some("index.sqlite-wal"), 1).await;
    killed_at_each("pwrite64", Some("index.sqlite-wal"), 11).await;
}

/// Fails the first, the second, … call in both ways, until the sender makes no more of them. What was acknowledged is
/// durable (`with_fault` looks), and what failed is stored when it is sent again.
async fn failing_at_each(call: &str, path: Option<&str>, step: usize) {
    for error in ["error=EIO", "error=ENOSPC"] {
        let mut struck = 0;
        for when in (1..).step_by(step) {
            let ended = with_fault(call, path, error, &when.to_string()).await;
            assert!(!ended.was_killed, "{call} {path:?} {error} {when}: the sender does not get through");
            let all: Vec<u8> = (1..=INSTANCES as u8).chain([1]).collect();
            assert_eq!(ended.acknowledged, all, "{call} {path:?} {error} {when}: all is stored in the end");
            if !ended.was_struck {
                break;
            }
            struck += 1;
            assert!(struck < 60, "{call} never ends");
        }
        assert!(struck > 0, "{call} {path:?} is a point where ingest can fail");
        eprintln!("{call} {path:?} {error}: failed at {struck} points");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_wherever_segments_are_written_and_given_room() {
    failing_at_each("pwritev", None, 1).await;
    failing_at_each("fallocate", None, 1).await;
}

/// One call fails; what comes after it is stored again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_failing_call_loses_nothing_that_was_acknowledged() {
    // strace counts for each thread, and each connection to the index is one: late enough that each gets something done.
    for (call, path, when) in [
        ("pwritev", None, 2),
        ("fallocate", None, 1),
        ("fdatasync", None, 2),
        ("fsync", Some("index.sqlite-wal"), 4),
        ("pwrite64", Some("index.sqlite-wal"), 100),
    ] {
        for error in ["EIO", "ENOSPC"] {
            let ended = with_fault(call, path, &format!("error={error}"), &when.to_string()).await;
            assert!(!ended.was_killed, "{call} {error}");
            assert!(ended.acknowledged.contains(&6), "{call} {path:?} {error}: {:?}", ended.acknowledged);
        }
    }
}

const INDEX: [&str; 2] = ["index.sqlite", "index.sqlite-wal"];

/// Not a test: stores, notes what the index was in between, and dies. What it prints last is the last event's number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other tests run it"]
async fn sender_before_a_power_cut() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let directory = Path::new(&directory);
    let storage = open_with(directory, unflushed()).await;
    for number in 1..=INSTANCES {
        assert!(send(&storage, number).await, "{number} is stored");
        if number == 2 {
            for name in INDEX {
                std::fs::copy(directory.join(name), directory.join(format!("{name}.earlier")))
                    .expect("a copy");
            }
        }
    }
    // Not what 5 is: it came second and must not be shown in its place afterwards, either.
    let other = Instance { seed: 77, ..instance(5) };
    let other = store_as(&storage, "town", &other, &other.bytes(), TransferSyntax::EXPLICIT_LITTLE).await;
    assert_eq!(other.expect("it is stored").outcome, Outcome::KeptApart);
    let last = storage.outbox_events(0, 100).await.expect("events").last().expect("an event").seq;
    std::fs::write(directory.join("last-event"), last.to_string()).expect("noted");
    std::process::abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_that_takes_the_end_of_the_index_loses_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    open(root).await.close().await;
    let program = std::env::current_exe().expect("this program");
    let mut sender = Command::new(program);
    sender.args(["--exact", "sender_before_a_power_cut", "--ignored"]).env(DIRECTORY, root);
    let _ = sender.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("it runs");
    let last: i64 = std::fs::read_to_string(root.join("last-event"))
        .expect("the sender came to its end")
        .parse()
        .expect("a number");
    for name in INDEX {
        std::fs::rename(root.join(format!("{name}.earlier")), root.join(name)).expect("put back");
    }
    std::fs::remove_file(root.join("index.sqlite-shm")).expect("memory of a process that is gone");

    let storage = open(root).await;
    are_there(&storage, &[1, 2, 3, 4, 5, 6], "after a power cut").await;
    let verdict = storage.audit_verify().await.expect("a verdict");
    assert_eq!(verdict.broken_at, None);
    let scope = model::Scope::node("test");
    let audits = storage.audit_events(&scope, None, 100).await.expect("events");
    let again = audits.iter().filter(|event| event.actor.id == "rebuild").count();
    assert_eq!(again, 5, "the audit chain says which were indexed again");
    // Whoever has read all events before hears of those whose rows were lost.
    let topics: Vec<_> = storage
        .outbox_events(last, 100)
        .await
        .expect("events")
        .into_iter()
        .map(|event| event.topic)
        .collect();
    let stored = "instance.stored";
    assert_eq!(topics, [stored, stored, stored, stored, "instance.kept_apart"]);
    storage.close().await;
}

/// Segments in which a crash would have the next start look for instances.
fn marked(root: &Path) -> usize {
    let folders =
        std::fs::read_dir(root.join("incoming")).expect("a folder").map(|entry| entry.expect("an entry"));
    let files = folders.filter_map(|entry| std::fs::read_dir(entry.path()).ok()).flatten();
    files
        .filter(|file| file.as_ref().is_ok_and(|f| f.path().extension().is_some_and(|e| e == "segment")))
        .count()
}

fn login() -> AuditEntry {
    AuditEntry {
        action: AuditAction::Login,
        object: "person/1".to_owned(),
        outcome: AuditOutcome::Success,
        detail: String::new(),
    }
}

/// Calls that `strace -y` saw, in order: each as `name(path` or, for what has no open file, as it stands.
fn calls(log: &Path) -> Vec<String> {
    let log = std::fs::read_to_string(log).expect("strace has written");
    // Each line begins with the thread's number. What ends later ("resumed") has begun before.
    let lines = log.lines().filter_map(|line| line.split_once(' ').map(|(_, call)| call.trim_start()));
    lines.filter(|call| !call.starts_with("<...")).map(str::to_owned).collect()
}

fn is_flush_of(call: &str, file: &str) -> bool {
    (call.starts_with("fsync(") || call.starts_with("fdatasync(")) && call.contains(&format!("/{file}>"))
}

/// Runs one of this program's senders under `strace`; the log.
fn traced(root: &Path, sender: &str, more: &[&str]) -> std::path::PathBuf {
    let log = root.join("calls");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-o"]).arg(&log);
    strace.args(["-e", "trace=pwrite64,fsync,fdatasync,ftruncate,unlink,unlinkat"]).args(more);
    let program = std::env::current_exe().expect("this program");
    strace.arg(program).args(["--exact", sender, "--ignored"]).env(DIRECTORY, root);
    let output = strace.output().expect("strace is not installed; install it: apt-get install strace");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    log
}

/// Not a test: stores, and waits until the index has been flushed for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other tests run it"]
async fn sender_that_waits_for_the_flush() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let root = Path::new(&directory);
    let storage = open_with(root, Limits { index_flush_delay_ms: 20, ..Limits::default() }).await;
    for number in [30, 31] {
        let large = Instance { number, ..instance(3) };
        store_as(&storage, "town", &large, &large.bytes(), TransferSyntax::EXPLICIT_LITTLE)
            .await
            .expect("stored");
        until_nothing_is_marked(root).await;
    }
    // Not closed: closing flushes.
    std::process::exit(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_marker_goes_after_the_log_has_been_flushed() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    open(root).await.close().await;
    let calls = calls(&traced(root, "sender_that_waits_for_the_flush", &[]));
    let mut gone = 0;
    for (at, call) in calls.iter().enumerate() {
        if !(call.starts_with("unlink") && call.contains(".segment\"")) {
            continue;
        }
        gone += 1;
        let before = calls.get(..at).unwrap_or_default();
        let log = "index.sqlite-wal";
        let is_write = |call: &String| call.starts_with("pwrite64(") && call.contains(&format!("/{log}>"));
        let written = before.iter().rposition(is_write).expect("the row has been written");
        let flushed = before.iter().rposition(|call| is_flush_of(call, log));
        assert!(flushed > Some(written), "a marker goes, and the log is not flushed: {before:#?}");
    }
    assert_eq!(gone, 2);
}

/// Not a test: stores and audits until a flush fails, while somebody reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other tests run it"]
async fn sender_whose_flush_fails() {
    use sqlx::{Connection as _, Executor as _};
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let root = Path::new(&directory);
    let storage = open_with(root, unflushed()).await;
    assert!(send(&storage, 100).await);
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}/index.sqlite", root.display());
    let mut reader = sqlx::AnyConnection::connect(&url).await.expect("a connection");
    reader.execute("BEGIN").await.expect("begun");
    reader.execute("SELECT COUNT(*) FROM audit").await.expect("read");
    let mut number = 100;
    loop {
        number += 1;
        assert!(number < 200, "no flush has failed");
        assert!(send(&storage, number).await, "{number} is stored");
        if storage.audit(&scope("town"), login()).await.is_err() {
            break;
        }
    }
    let refused = storage.audit(&scope("town"), login()).await;
    assert!(matches!(refused, Err(storage::StorageError::Unavailable(_))), "{refused:?}");
    // What a marker leads to is still taken.
    let large = Instance { number: 200, ..instance(3) };
    let stored = store_as(&storage, "town", &large, &large.bytes(), TransferSyntax::EXPLICIT_LITTLE).await;
    stored.expect("stored");
    assert_eq!(marked(root), 2);
    reader.execute("ROLLBACK").await.expect("over");
    let deadline = Instant::now() + Duration::from_secs(20);
    while storage.audit(&scope("town"), login()).await.is_err() {
        assert!(Instant::now() < deadline, "still refused");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // What was stored before is for the next start to look at all the same.
    assert_eq!(marked(root), 2);
    std::process::exit(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_flush_the_log_begins_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    open(root).await.close().await;
    // Late enough that the connection after it comes through: strace counts for each thread.
    let fault = "inject=fsync:error=EIO:when=30";
    let log = traced(root, "sender_whose_flush_fails", &["-e", fault]);
    let log = std::fs::read_to_string(log).expect("strace has written");
    let (_, after) = log.split_once("(INJECTED)").expect("a flush has failed");
    let cut =
        after.lines().position(|line| line.contains("ftruncate(") && line.contains("/index.sqlite-wal>, 0"));
    let copied = after.lines().position(|line| line.contains("sync(") && line.contains("/index.sqlite>"));
    assert!(cut.is_some() && copied.is_some() && copied < cut, "{copied:?} {cut:?}: {after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_writes_nothing_flushes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let storage = open_with(directory.path(), unflushed()).await;
    assert!(send(&storage, 3).await, "a large one, in a segment of its own");
    let node = model::Scope::node("test");
    let none = storage.retry_jobs(&node, "forward", storage::Which::All).await;
    assert_eq!(none, Err(storage::StorageError::NotFound));
    assert_eq!(marked(directory.path()), 1);
    storage.close().await;
}

async fn until_nothing_is_marked(root: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while marked(root) > 0 {
        assert!(Instant::now() < deadline, "still marked");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_is_marked_until_the_index_is_flushed() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    let storage = open_with(root, unflushed()).await;
    assert!(send(&storage, 3).await, "a large one, in a segment of its own");
    assert_eq!(marked(root), 1);
    storage.audit(&scope("town"), login()).await.expect("audited, which is flushed");
    until_nothing_is_marked(root).await;
    storage.close().await;

    let storage = open_with(root, Limits { index_flush_delay_ms: 20, ..Limits::default() }).await;
    let large = Instance { number: 30, ..instance(3) };
    store_as(&storage, "town", &large, &large.bytes(), TransferSyntax::EXPLICIT_LITTLE)
        .await
        .expect("stored");
    until_nothing_is_marked(root).await;
    storage.close().await;
}
