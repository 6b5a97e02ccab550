//! What is acknowledged is durable: the process is killed, or the disk fails, at each point where ingest writes, flushes,
//! cuts, or commits. `strace` does both, so the code under test is the code that runs.

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
use storage::{Storage, StorageConfig};

const DIRECTORY: &str = "FARSIGHT_CRASH_DIRECTORY";
const INSTANCES: u32 = 6;

async fn open(directory: &Path) -> Storage {
    let limits = Limits::default();
    Storage::open(StorageConfig { directory: directory.to_owned(), postgres_url: None, limits })
        .await
        .expect("it opens")
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
    acknowledged: Vec<u8>,
}

/// Runs the sender in a fresh directory with a fault at the `when`-th call, and looks at what is there afterwards.
async fn with_fault(call: &str, path: Option<&str>, fault: &str, when: u32) -> Ended {
    let directory = tempfile::tempdir().expect("a directory");
    // The index is made without faults: migrations are not what is tested.
    open(directory.path()).await.close().await;
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null"]);
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
    for number in &acknowledged {
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
    assert!(send(&storage, 9).await, "{what}: the next is stored");
    storage.close().await;
    Ended { was_killed: !status.success(), acknowledged }
}

/// Kills at the first, the second, … call, until the sender gets through.
async fn killed_at_each(call: &str, path: Option<&str>, step: u32) {
    let mut when = 1;
    let mut killed = 0;
    while with_fault(call, path, "signal=SIGKILL", when).await.was_killed {
        killed += 1;
        when += step;
        assert!(killed < 60, "{call} never ends");
    }
    assert!(killed > 0, "{call} {path:?} is a point where ingest can be killed");
    eprintln!("{call} {path:?}: killed at {killed} points");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_where_segments_are_written_and_flushed() {
    killed_at_each("pwritev", None, 1).await;
    killed_at_each("fallocate", None, 1).await;
    killed_at_each("ftruncate", None, 1).await;
    killed_at_each("fsync", None, 1).await;
    killed_at_each("fdatasync", None, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_where_the_index_is_written_and_flushed() {
    killed_at_each("fsync", Some("index.sqlite-wal"), 1).await;
    killed_at_each("pwrite64", Some("index.sqlite-wal"), 11).await;
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
            let ended = with_fault(call, path, &format!("error={error}"), when).await;
            assert!(!ended.was_killed, "{call} {error}");
            assert!(ended.acknowledged.contains(&6), "{call} {path:?} {error}: {:?}", ended.acknowledged);
        }
    }
}
