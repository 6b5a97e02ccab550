//! A thousand random manipulations of the audit chain, by somebody who can write to the index and knows how the chain is made,
//! but has not the node's key: each is found, at its place or at the first signed head behind it.

use model::{Limits, Scope, Sha256};
use sha2::Digest as _;
use sqlx::{AnyConnection, Connection as _, Row as _};
use storage::heads::Signer;
use storage::{AuditAction, AuditEntry, AuditOutcome, Storage, StorageConfig, StorageError};

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as i64) % end
    }
}

const COLUMNS: [&str; 9] =
    ["at_ms", "actor_kind", "actor_id", "address", "organisation", "action", "object", "outcome", "detail"];

async fn run(connection: &mut AnyConnection, sql: String) -> u64 {
    let sql: &'static str = sql.leak();
    sqlx::query(sql).execute(connection).await.expect(sql).rows_affected()
}

/// Computes the hashes anew from an event on, and puts the head where the chain ends.
async fn compute_anew(connection: &mut AnyConnection, from: i64) {
    let mut hash = vec![0; 32];
    let rows = sqlx::query(
        "SELECT seq, at_ms, actor_kind, actor_id, address, organisation, action, object, outcome, detail, hash \
         FROM audit ORDER BY seq",
    )
    .fetch_all(&mut *connection)
    .await
    .expect("rows");
    let mut seq = 0;
    for row in rows {
        seq = row.get::<i64, _>(0);
        if seq < from {
            hash = row.get(10);
            continue;
        }
        let texts: Vec<String> = (2..10).map(|column| row.get(column)).collect();
        let canonical = serde_json::json!([seq, row.get::<i64, _>(1), texts]).to_string();
        let mut sum = sha2::Sha256::new();
        sum.update(&hash);
        sum.update(canonical.as_bytes());
        hash = sum.finalize().to_vec();
        run(connection, format!("UPDATE audit SET hash = x'{}' WHERE seq = {seq}", hex::encode(&hash))).await;
    }
    run(connection, format!("UPDATE audit_head SET seq = {seq}, hash = x'{}'", hex::encode(&hash))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_random_manipulations_are_found() {
    const HEADS: [i64; 3] = [10, 20, 30];
    let directory = tempfile::tempdir().expect("a directory");
    let storage =
        Storage::open(StorageConfig::sqlite(directory.path(), Limits::default())).await.expect("open");
    let signer =
        Signer::open(&directory.path().join("key"), &directory.path().join("heads")).expect("a signer");
    let scope = Scope::node("test");
    // Events 1 to 30, of which some say that a head was signed.
    while storage.audit_head().await.expect("a head").0 < 30 {
        let seq = storage.audit_head().await.expect("a head").0;
        if HEADS.contains(&seq) {
            signer.sign(&storage).await.expect("signed").expect("a head");
            continue;
        }
        let entry = AuditEntry {
            action: AuditAction::Change,
            object: format!("consult/{seq}"),
            outcome: AuditOutcome::Success,
            detail: "x".into(),
        };
        storage.audit(&scope, entry).await.expect("recorded");
    }
    signer.sign(&storage).await.expect("signed").expect("a head");
    let last = storage.audit_head().await.expect("a head").0;
    let heads = storage::heads::read(&directory.path().join("heads"), &signer.public_key());
    let heads = heads.expect("readable").expect("good");
    assert_eq!(heads.iter().map(|head| head.seq).collect::<Vec<_>>(), HEADS);
    let verdict = storage.audit_verify_against(&heads).await.expect("a walk");
    assert_eq!((verdict.broken_at, verdict.anchored), (None, 30));
    let told = storage.audit_heads_told().await.expect("a look");
    assert_eq!(told, HEADS);
    assert_eq!(storage::heads::missing(&told, &heads), None);
    assert_eq!(storage::heads::missing(&told, &heads[..2]), Some(30), "a cut file shows");

    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}/index.sqlite", directory.path().display());
    let mut connection = AnyConnection::connect(&url).await.expect("a connection");
    run(&mut connection, "CREATE TABLE copy AS SELECT * FROM audit".into()).await;
    run(&mut connection, "CREATE TABLE copy_head AS SELECT * FROM audit_head".into()).await;
    let mut dice = Dice(20_261_126);
    for round in 0..1000 {
        let seq = 1 + dice.below(last);
        let kind = dice.below(6);
        let mut is_anew = dice.below(2) == 1;
        // The one that it changes places with, and the first that is touched.
        let other = 1 + (seq % last);
        let start = if kind == 3 { seq.min(other) } else { seq };
        // In one go: each statement alone would wait for the disk.
        run(&mut connection, "BEGIN".into()).await;
        match kind {
            // One field, in one way or another.
            0 | 1 => {
                let column = COLUMNS[dice.below(9) as usize];
                let value = match column {
                    "at_ms" => format!("at_ms + {}", 1 + dice.below(1_000_000)),
                    column => {
                        format!("{column} || '{}'", ["x", " ", "\u{200b}", "0"][dice.below(4) as usize])
                    }
                };
                run(&mut connection, format!("UPDATE audit SET {column} = {value} WHERE seq = {seq}")).await;
            }
            // One event gone; with its followers moved up, if it is to look whole.
            2 => {
                run(&mut connection, format!("DELETE FROM audit WHERE seq = {seq}")).await;
                if is_anew {
                    for later in seq + 1..=last {
                        let text = format!("UPDATE audit SET seq = {} WHERE seq = {later}", later - 1);
                        run(&mut connection, text).await;
                    }
                }
            }
            // Two events change places.
            3 => {
                for (from, to) in [(seq, -1), (other, seq), (-1, other)] {
                    run(&mut connection, format!("UPDATE audit SET seq = {to} WHERE seq = {from}")).await;
                }
            }
            // The end cut off, and the head put where it then ends.
            4 => {
                run(&mut connection, format!("DELETE FROM audit WHERE seq >= {seq}")).await;
                is_anew = true;
            }
            // An event put in front of one.
            _ => {
                for later in (seq..=last).rev() {
                    run(&mut connection, format!("UPDATE audit SET seq = {} WHERE seq = {later}", later + 1))
                        .await;
                }
                let text = format!(
                    "INSERT INTO audit SELECT {seq}, at_ms, actor_kind, actor_id, address, organisation, action, \
                     object || '9', outcome, detail, hash FROM copy WHERE seq = {seq}"
                );
                run(&mut connection, text).await;
            }
        }
        if is_anew {
            compute_anew(&mut connection, 1).await;
        }
        run(&mut connection, "COMMIT".into()).await;
        let verdict = storage.audit_verify_against(&heads).await.expect("a walk");
        let what = format!("round {round}: kind {kind} at {seq}, computed anew: {is_anew}: {verdict:?}");
        // What was done behind the last signed head and computed anew cannot be told from what happened.
        let first_head = HEADS.iter().copied().find(|head| *head >= start);
        let at = verdict.broken_at.map(|(at, _)| at);
        match (is_anew, first_head) {
            (true, None) => assert_eq!(at, None, "{what}"),
            (true, Some(_)) if kind == 4 => assert_eq!(at, Some(start), "{what}"),
            (true, Some(head)) => {
                assert_eq!(at, Some(head), "{what}");
                assert!(verdict.anchored < start, "{what}");
            }
            (false, _) => assert_eq!(at, Some(start), "{what}"),
        }
        run(&mut connection, "BEGIN".into()).await;
        run(&mut connection, "DELETE FROM audit".into()).await;
        run(&mut connection, "INSERT INTO audit SELECT * FROM copy".into()).await;
        run(&mut connection, "DELETE FROM audit_head".into()).await;
        run(&mut connection, "INSERT INTO audit_head SELECT * FROM copy_head".into()).await;
        run(&mut connection, "COMMIT".into()).await;
    }
    let verdict = storage.audit_verify_against(&heads).await.expect("a walk");
    assert_eq!((verdict.broken_at, verdict.head.map(|_: Sha256| ())), (None, Some(())));
}

/// A storage with a signer and some events on its chain.
async fn signed_chain(directory: &std::path::Path) -> (Storage, Signer) {
    let storage = Storage::open(StorageConfig::sqlite(directory, Limits::default())).await.expect("open");
    let signer = Signer::open(&directory.join("key"), &directory.join("heads")).expect("a signer");
    some_events(&storage).await;
    signer.sign(&storage).await.expect("signed").expect("a head");
    some_events(&storage).await;
    (storage, signer)
}

async fn some_events(storage: &Storage) {
    for number in 0..3 {
        let entry = AuditEntry {
            action: AuditAction::Change,
            object: format!("consult/{number}"),
            outcome: AuditOutcome::Success,
            detail: String::new(),
        };
        storage.audit(&Scope::node("test"), entry).await.expect("recorded");
    }
}

#[tokio::test]
async fn nothing_is_signed_over_a_chain_that_is_not_the_one_that_was_signed() {
    for manipulation in [
        "DELETE FROM audit WHERE seq >= 2",
        "DELETE FROM audit WHERE seq >= 3",
        "UPDATE audit SET object = 'consult/9' WHERE seq = 2",
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let (storage, signer) = signed_chain(directory.path()).await;
        sqlx::any::install_default_drivers();
        let url = format!("sqlite://{}/index.sqlite", directory.path().display());
        let mut connection = AnyConnection::connect(&url).await.expect("a connection");
        run(&mut connection, manipulation.into()).await;
        compute_anew(&mut connection, 1).await;
        let before = std::fs::read(directory.path().join("heads")).expect("heads");
        let refused = signer.sign(&storage).await;
        assert!(matches!(refused, Err(StorageError::Corrupt(_))), "{manipulation}: {refused:?}");
        assert_eq!(std::fs::read(directory.path().join("heads")).expect("heads"), before);
    }
}

#[tokio::test]
async fn a_line_that_was_torn_ends_no_signing() {
    let directory = tempfile::tempdir().expect("a directory");
    let (storage, signer) = signed_chain(directory.path()).await;
    let file = directory.path().join("heads");
    let whole = std::fs::read_to_string(&file).expect("heads");
    std::fs::write(&file, format!("{whole}{}", &whole[..whole.len() / 2])).expect("torn");
    signer.sign(&storage).await.expect("signed").expect("a head");
    let heads = storage::heads::read(&file, &signer.public_key()).expect("readable").expect("good");
    assert_eq!(heads.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_signs_at_the_same_time_makes_no_second_line_of_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let (storage, signer) = signed_chain(directory.path()).await;
    let other =
        Signer::open(&directory.path().join("key"), &directory.path().join("heads")).expect("a signer");
    for _ in 0..20 {
        some_events(&storage).await;
        let (one, two) = tokio::join!(signer.sign(&storage), other.sign(&storage));
        let signed = [one.expect("signed"), two.expect("signed")];
        assert!(signed.iter().any(Option::is_some));
    }
    let heads = storage::heads::read(&directory.path().join("heads"), &signer.public_key());
    let heads = heads.expect("readable").expect("good");
    assert!(heads.windows(2).all(|pair| pair[0].seq < pair[1].seq));
}
