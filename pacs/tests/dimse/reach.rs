//! Devices that lead to where this node calls nobody: nothing arrives there, whoever asks for it, and everybody is told why.

use crate::fixture::{Node, STUDY, ae, files};
use crate::services::{STORE, device, movescu, rule, scope, until};
use access::OutOfReach;
use model::{Limits, Uid};
use pacs::dimse::{DimseConfig, RequestError};
use pacs::remote::{Method, RemoteError, Retrieval};
use serde_json::json;
use std::time::Duration;
use tokio::net::TcpListener;

/// A node as it is configured when nobody has said anything, and what listens on its machine.
async fn node_and_bystander() -> (Node, DimseConfig, TcpListener) {
    let config = DimseConfig::new(ae("FARSIGHT"), Limits::default());
    let node = Node::with_config(config.clone()).await;
    let bystander = TcpListener::bind("127.0.0.1:0").await.unwrap();
    device(&node, "ARCHIVE", "township", Some(bystander.local_addr().unwrap().port())).await;
    (node, config, bystander)
}

async fn nobody_called(bystander: &TcpListener) {
    let called = tokio::time::timeout(Duration::from_millis(100), bystander.accept()).await;
    assert!(called.is_err(), "{called:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_echo_nor_search_nor_retrieval_calls_what_listens_on_the_nodes_machine() {
    let (node, config, bystander) = node_and_bystander().await;
    let (storage, scope, title) = (&node.storage, scope(), ae("ARCHIVE"));
    let refused = || RemoteError::Peer(RequestError::OutOfReach(OutOfReach::ThisMachine));
    assert_eq!(pacs::remote::echo(storage, &config, &scope, &title).await, Err(refused()));
    let keys = json!({"0020000D": {"vr": "UI"}});
    let found = pacs::remote::find(storage, &config, &scope, &title, keys.as_object().unwrap(), 10).await;
    assert_eq!(found, Err(refused()));
    for method in [Method::Get, Method::Move] {
        let study = Uid::parse(STUDY).unwrap();
        let retrieval = Retrieval { study, series: None, instance: None, method };
        let seen = pacs::remote::retrieve(storage, &config, &scope, &title, &retrieval).await;
        assert_eq!(seen, Err(refused()), "{method:?}");
    }
    let contact = storage.device(&title).await.unwrap().contact.unwrap();
    let sent = pacs::send::store(&config, &contact, &title, &[]).await;
    assert_eq!(sent, Err(RequestError::OutOfReach(OutOfReach::ThisMachine)));
    nobody_called(&bystander).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forwarded_or_moved_there_waits_or_fails_and_says_why() {
    let (node, config, bystander) = node_and_bystander().await;
    pacs::forward::put_rule(&node.storage, &scope(), &rule("ARCHIVE")).await.unwrap();
    let work = tokio::spawn(pacs::forward::run(node.storage.clone(), config, std::future::pending()));
    until("the outbox is read", async || node.storage.outbox_cursor("dispatch").await.is_ok()).await;
    let (code, text) = node.dcmtk("storescu", &STORE, &files(node.directory.path(), 1)).await;
    assert_eq!(code, 0, "{text}");
    let queue = async || node.storage.jobs(&scope(), pacs::forward::JOB, None, 10, 0).await.unwrap();
    until("the first attempt fails", async || queue().await.first().is_some_and(|job| job.attempts > 0))
        .await;
    let problem = queue().await[0].problem.clone();
    assert_eq!(pacs::forward::problem_code(&problem), "out_of_reach", "{problem}");
    work.abort();

    device(&node, "READER", "township", None).await;
    let study = format!("StudyInstanceUID={STUDY}");
    let (_, text) = movescu(&node, "READER", "ARCHIVE", &["QueryRetrieveLevel=STUDY", &study]).await;
    assert!(text.contains("0xa702") && text.contains("Failed Suboperations          : 1"), "{text}");
    nobody_called(&bystander).await;
}
