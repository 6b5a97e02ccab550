//! Many at once, and peers that never end: nobody is refused or lost, and memory does not follow what a peer sends.

use crate::fixture::{CT, Node, PATIENCE, Peer, VERIFICATION, ae, dimse, pdata, request};
use crate::fixture::{encoded, image, instance};
use model::{Level, Limits, Query, Scope};
use pacs::dimse::pdu::{AssociateRq, ProposedContext};
use std::sync::Arc;
use tokio::sync::Barrier;

const ASSOCIATIONS: u32 = 64;
const EACH: u32 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_associations_at_once_lose_nothing() {
    let node = Arc::new(Node::start().await);
    let all_there = Arc::new(Barrier::new(ASSOCIATIONS as usize));
    let mut tasks = tokio::task::JoinSet::new();
    for sender in 0..ASSOCIATIONS {
        let (node, all_there) = (Arc::clone(&node), Arc::clone(&all_there));
        tasks.spawn(async move {
            let mut peer = node.associate("CT1", &[CT]).await;
            // Nobody sends before all 64 stand.
            all_there.wait().await;
            for number in (sender * EACH + 1)..=(sender * EACH + EACH) {
                peer.send(&pdata(1, 3, &dimse(0x01, CT, Some(&instance(number))))).await;
                peer.send(&pdata(1, 2, &encoded(&image(number)))).await;
                assert_eq!(peer.statuses().await.0, [0x0000]);
            }
            peer.send(&[5, 0, 0, 0, 0, 4, 0, 0, 0, 0]).await;
            assert_eq!(peer.receive().await.map(|(kind, _)| kind), Some(6));
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    assert_eq!(node.counters.associations_accepted.get(), u64::from(ASSOCIATIONS));
    assert_eq!(node.counters.associations_rejected.get(), 0);
    let page = node.storage.search(&Scope::node("test"), &Query::new(Level::Instance, 1000)).await.unwrap();
    assert_eq!(page.rows.len(), (ASSOCIATIONS * EACH) as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_that_says_nothing_does_not_keep_others_out() {
    let node = Node::with_limits(Limits { associations_max: 16, ..Limits::default() }).await;
    let mut silent = Vec::new();
    // Half of the transports that may wait are one address's at most: 16 of 32.
    while node.counters.connections_dropped.get() == 0 {
        assert!(silent.len() < 100, "the cap is reached");
        silent.push(Peer::connect(node.address).await);
        tokio::task::yield_now().await;
    }
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = Peer::over(socket.connect(node.address).await.unwrap());
    assert_eq!(other.request(&request("CT1", &[CT])).await.0, 2);
}

async fn still_serves(node: &Node) {
    pacs::dimse::echo(node.address, &ae("CT1"), &ae("FARSIGHT"), PATIENCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_presentation_contexts_are_an_abort() {
    let node = Node::start().await;
    let context = |at: u32| ProposedContext {
        id: (at % 128 * 2 + 1) as u8,
        abstract_syntax: CT.to_owned(),
        transfer_syntaxes: vec!["1.2.840.10008.1.2".to_owned()],
    };
    for (count, expected) in [(10_000, (7, vec![0, 0, 0, 0])), (200, (3, vec![0, 2, 3, 2]))] {
        let rq = AssociateRq { contexts: (0..count).map(context).collect(), ..request("CT1", &[]) };
        let mut peer = Peer::connect(node.address).await;
        assert_eq!(peer.request(&rq).await, expected, "{count} contexts");
    }
    still_serves(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_whose_lengths_lie_are_an_abort() {
    let node = Node::start().await;
    let good = request("CT1", &[CT, VERIFICATION]).encode();
    // Where the 16-bit lengths of items and sub-items stand: application context, first context, its abstract syntax.
    let first_context = 74 + 4 + 21;
    for at in [74 + 2, first_context + 2, first_context + 4 + 4 + 2] {
        for lie in [0xFFFF_u16, 1, 3] {
            let mut bytes = good.clone();
            bytes[at..at + 2].copy_from_slice(&lie.to_be_bytes());
            let mut peer = Peer::connect(node.address).await;
            peer.send(&bytes).await;
            let (kind, body) = peer.receive().await.unwrap();
            assert!(kind == 7 || kind == 3, "a length of {lie} at {at} is no association: {kind} {body:?}");
        }
    }
    still_serves(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_pdvs_without_end_are_an_abort() {
    let node = Node::start().await;
    for (what, control) in [("of a command", 1), ("of a data set", 0)] {
        let mut peer = node.associate("CT1", &[CT]).await;
        if control == 0 {
            peer.send(&pdata(1, 3, &dimse(0x01, CT, Some(&instance(1))))).await;
        }
        // 10,000 PDVs of no byte in one PDU.
        let pdv = [0, 0, 0, 2, 1, control];
        let mut pdu = vec![4, 0];
        pdu.extend((pdv.len() as u32 * 10_000).to_be_bytes());
        pdu.extend(pdv.repeat(10_000));
        peer.send(&pdu).await;
        assert_eq!(peer.receive().await, Some((7, vec![0, 0, 2, 6])), "{what}");
    }
    still_serves(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_empty_pdvs_are_forgiven() {
    let node = Node::start().await;
    let mut peer = node.associate("CT1", &[CT]).await;
    peer.send(&pdata(1, 3, &dimse(0x01, CT, Some(&instance(1))))).await;
    peer.send(&pdata(1, 0, b"")).await;
    peer.send(&pdata(1, 0, &encoded(&image(1)))).await;
    peer.send(&pdata(1, 2, b"")).await;
    assert_eq!(peer.statuses().await.0, [0x0000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pdvs_that_overlap_in_one_pdu_are_an_abort() {
    let node = Node::start().await;
    let mut peer = node.associate("CT1", &[CT]).await;
    peer.send(&pdata(1, 3, &dimse(0x01, CT, Some(&instance(1))))).await;
    // The first PDV claims the second's header and a byte beyond the PDU.
    let mut pdu = vec![4, 0, 0, 0, 0, 24];
    pdu.extend([0, 0, 0, 21, 1, 0, 1, 2, 3, 4, 5, 6]);
    pdu.extend([0, 0, 0, 8, 1, 2, 1, 2, 3, 4, 5, 6]);
    peer.send(&pdu).await;
    assert_eq!(peer.receive().await, Some((7, vec![0, 0, 2, 6])));
    assert_eq!(node.counters.instances_stored.get(), 0);
    still_serves(&node).await;
}
