//! A connection to PostgreSQL that breaks between a commit and its answer.

use super::segment::lock;
use crate::Fixture;
use crate::support::build::{Instance, scope, store_as};
use dataset::TransferSyntax;
use model::Scope;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use storage::{AuditAction, AuditEntry, AuditOutcome, Storage, StorageConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Passes on what client and server say, but for the answer to one commit: then both connections end.
async fn pass_on(client: TcpStream, server: TcpStream, commits_left: Arc<AtomicI64>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
        (from_server, to_client)
    });
    let mut bytes = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
        let said = &bytes[..count];
        let is_commit = said.windows(6).any(|word| word == b"COMMIT");
        if is_commit && commits_left.fetch_sub(1, Ordering::SeqCst) == 1 {
            answers.abort();
            let _ = answers.await;
            let _ = to_server.write_all(said).await;
            // What is sent before the end is done; the server finds nobody to tell.
            let _ = to_server.shutdown().await;
            return;
        }
        if to_server.write_all(said).await.is_err() {
            return;
        }
    }
}

/// An address that leads to the same server.
async fn proxy(url: &str, commits_left: Arc<AtomicI64>) -> String {
    let (before, after) = url.split_once("127.0.0.1:").expect("an address");
    let (port, database) = after.split_once('/').expect("a database");
    let port: u16 = port.parse().expect("a port");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let own = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", port)).await.expect("the server");
            tokio::spawn(pass_on(client, server, commits_left.clone()));
        }
    });
    format!("{before}127.0.0.1:{own}/{database}")
}

fn event(number: u32) -> AuditEntry {
    AuditEntry {
        action: AuditAction::Login,
        object: format!("person/{number}"),
        outcome: AuditOutcome::Success,
        detail: String::new(),
    }
}

pub async fn a_commit_whose_answer_is_lost_is_not_done_again(f: &Fixture) {
    use sqlx::Executor as _;
    let commits_left = Arc::new(AtomicI64::new(0));
    let postgres_url = Some(proxy(&f.url, commits_left.clone()).await);
    let storage = Storage::open(StorageConfig { postgres_url, ..f.config.clone() }).await.expect("it opens");
    let instances = [1, 2].map(|number| Instance { number, ..Instance::default() });
    let send = async |storage: &Storage, instance: &Instance| {
        let bytes = instance.bytes();
        store_as(storage, "town", instance, &bytes, TransferSyntax::EXPLICIT_LITTLE).await
    };
    // The first keeps the writer, so that the others come to be committed together; that is what goes wrong.
    let mut locked = lock(f).await;
    let again = storage.clone();
    let first = tokio::spawn(async move { again.audit(&scope("town"), event(0)).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let others: Vec<_> = (1..=4)
        .map(|number| {
            let (storage, instances) = (storage.clone(), instances.clone());
            tokio::spawn(async move {
                match instances.get(number as usize - 1) {
                    Some(instance) => send(&storage, instance).await.map(|_| ()),
                    None => storage.audit(&scope("town"), event(number)).await,
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    commits_left.store(2, Ordering::SeqCst);
    locked.execute("ROLLBACK").await.expect("unlocked");
    first.await.expect("it ends").expect("its answer came");
    let mut lost = 0;
    for other in others {
        lost += usize::from(other.await.expect("it ends").is_err());
    }
    assert!(lost > 0, "an answer was lost");
    assert!(commits_left.load(Ordering::SeqCst) <= 0);
    // As senders do.
    for instance in &instances {
        send(&storage, instance).await.expect("it is stored");
    }
    let report = f.storage.fsck(&|_, _| ()).await.expect("fsck");
    assert_eq!(report.findings, []);
    let events = f.storage.audit_events(&Scope::node("test"), None, 100).await.expect("events");
    for number in [0, 3, 4] {
        let count = events.iter().filter(|e| e.entry.object == format!("person/{number}")).count();
        assert_eq!(count, 1, "person/{number}");
    }
    assert_eq!(f.storage.audit_verify().await.expect("a verdict").broken_at, None);
    storage.close().await;
}
