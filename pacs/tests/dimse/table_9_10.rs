//! PS3.8 Table 9-10, each state in which bytes can arrive with each event, played by a byte-level peer against the code
//! that runs associations: as acceptor (Sta2, Sta3, Sta6, Sta13) and as requestor (Sta5, Sta7, Sta11).

use crate::fixture::{
    CT, Node, PATIENCE, Peer, VERIFICATION, ae, dimse, encoded, image, instance, pdata, request,
};
use model::Limits;
use pacs::dimse::pdu::{AnsweredContext, AssociateAc, AssociateRq, ContextResult};
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;

const ECHO: u16 = 0x30;
const RELEASE_RQ: [u8; 10] = [5, 0, 0, 0, 0, 4, 0, 0, 0, 0];
const RELEASE_RP: [u8; 10] = [6, 0, 0, 0, 0, 4, 0, 0, 0, 0];

/// The events of the table that a peer can cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    AssociateAc,
    AssociateRj,
    AssociateRq,
    PData,
    ReleaseRq,
    ReleaseRp,
    Abort,
    Closed,
    Invalid,
}

const EVENTS: [Event; 9] = [
    Event::AssociateAc,
    Event::AssociateRj,
    Event::AssociateRq,
    Event::PData,
    Event::ReleaseRq,
    Event::ReleaseRp,
    Event::Abort,
    Event::Closed,
    Event::Invalid,
];

fn bytes(event: Event) -> Vec<u8> {
    match event {
        Event::AssociateAc => accepted(&request("CT1", &[VERIFICATION])),
        Event::AssociateRj => vec![3, 0, 0, 0, 0, 4, 0, 1, 1, 1],
        Event::AssociateRq => request("CT1", &[VERIFICATION]).encode(),
        Event::PData => pdata(1, 3, &dimse(ECHO, VERIFICATION, None)),
        Event::ReleaseRq => RELEASE_RQ.to_vec(),
        Event::ReleaseRp => RELEASE_RP.to_vec(),
        Event::Abort => vec![7, 0, 0, 0, 0, 4, 0, 0, 0, 0],
        Event::Closed => Vec::new(),
        Event::Invalid => vec![0x99, 0, 0, 0, 0, 4, 0, 0, 0, 0],
    }
}

fn accepted(rq: &AssociateRq) -> Vec<u8> {
    let context = |id| AnsweredContext {
        id,
        result: ContextResult::Accepted,
        transfer_syntax: "1.2.840.10008.1.2".to_owned(),
    };
    AssociateAc {
        called: rq.called,
        calling: rq.calling,
        contexts: rq.contexts.iter().map(|proposed| context(proposed.id)).collect(),
        pdu_bytes_max: 16_384,
        identity_accepted: false,
        extended: Vec::new(),
        roles: Vec::new(),
    }
    .encode()
}

async fn cause(peer: &mut Peer, event: Event) {
    match event {
        Event::Closed => peer.shut().await,
        event => assert!(peer.send(&bytes(event)).await),
    }
}

/// What a peer can see of an action.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// A PDU of this type.
    Pdu(u8),
    /// An A-ABORT with this source and reason.
    Abort(u8, u8),
    /// The end of the transport.
    Closed,
}

/// AA-1.
const ABORT_AS_USER: Seen = Seen::Abort(0, 0);

/// AA-8 and AA-7: the reason says whether the PDU was not known or not expected.
fn abort_as_provider(event: Event) -> Seen {
    Seen::Abort(2, if event == Event::Invalid { 1 } else { 2 })
}

async fn see(peer: &mut Peer) -> Seen {
    match peer.receive().await {
        None => Seen::Closed,
        Some((7, body)) => Seen::Abort(body[2], body[3]),
        Some((kind, _)) => Seen::Pdu(kind),
    }
}

/// A node whose ARTIM timer is long enough for every answer and short enough to be waited for.
async fn node() -> Node {
    Node::with_limits(Limits { artim_timeout_ms: 3_000, ..Limits::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn sta2_awaiting_a_request() {
    let node = node().await;
    for event in EVENTS {
        let mut peer = Peer::connect(node.address).await;
        cause(&mut peer, event).await;
        let expected = match event {
            Event::AssociateRq => Seen::Pdu(2),           // AE-6, AE-7
            Event::Abort | Event::Closed => Seen::Closed, // AA-2, AA-5
            _ => ABORT_AS_USER,                           // AA-1
        };
        assert_eq!(see(&mut peer).await, expected, "{event:?}");
    }
    let mut silent = Peer::connect(node.address).await;
    assert_eq!(see(&mut silent).await, Seen::Closed, "AA-2 when ARTIM runs out");
}

#[tokio::test(flavor = "multi_thread")]
async fn sta3_the_request_is_being_considered() {
    let node = node().await;
    for event in EVENTS {
        let mut peer = Peer::connect(node.address).await;
        // In one segment, so that the event is there before the request is answered.
        peer.send(&[request("CT1", &[VERIFICATION]).encode(), bytes(event)].concat()).await;
        let seen = match event {
            Event::Closed => {
                peer.shut().await;
                // The end may be noticed before the answer (AA-4) or after it.
                match see(&mut peer).await {
                    Seen::Pdu(2) => see(&mut peer).await,
                    other => other,
                }
            }
            _ => see(&mut peer).await,
        };
        let expected = match event {
            Event::Abort | Event::Closed => Seen::Closed, // AA-3, AA-4
            event => abort_as_provider(event),            // AA-8
        };
        assert_eq!(seen, expected, "{event:?}");
    }
    assert_eq!(node.counters.associations_open.get(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sta6_an_association_stands() {
    let node = node().await;
    for event in EVENTS {
        let mut peer = node.associate("CT1", &[VERIFICATION]).await;
        cause(&mut peer, event).await;
        let expected = match event {
            Event::PData => Seen::Pdu(4),                 // DT-2, and its answer DT-1
            Event::ReleaseRq => Seen::Pdu(6),             // AR-2, AR-4
            Event::Abort | Event::Closed => Seen::Closed, // AA-3, AA-4
            event => abort_as_provider(event),            // AA-8
        };
        assert_eq!(see(&mut peer).await, expected, "{event:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sta6_in_the_middle_of_a_data_set() {
    let node = node().await;
    for event in EVENTS {
        let mut peer = node.associate("CT1", &[VERIFICATION, CT]).await;
        peer.send(&pdata(3, 3, &dimse(0x01, CT, Some(&instance(1))))).await;
        peer.send(&pdata(3, 0, &encoded(&image(1))[..4000])).await;
        cause(&mut peer, event).await;
        let expected = match event {
            // The PDU is expected, but not what is in it: a command where a data set goes on (PS3.7 §9.3).
            Event::PData => Seen::Abort(2, 6),
            Event::ReleaseRq => Seen::Pdu(6),             // AR-2, AR-4
            Event::Abort | Event::Closed => Seen::Closed, // AA-3, AA-4
            event => abort_as_provider(event),            // AA-8
        };
        assert_eq!(see(&mut peer).await, expected, "{event:?}");
    }
    let all = model::Query::new(model::Level::Instance, 10);
    let page = node.storage.search(&model::Scope::node("test"), &all).await.unwrap();
    assert!(page.rows.is_empty() && node.counters.instances_stored.get() == 0, "nothing half-stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn sta13_awaiting_the_close() {
    let node = Arc::new(node().await);
    // All at once, because each waits for the timer.
    let mut tasks = tokio::task::JoinSet::new();
    for event in EVENTS {
        let node = Arc::clone(&node);
        tasks.spawn(async move { await_close_with(&node, event).await });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
}

async fn await_close_with(node: &Node, event: Event) {
    let mut peer = node.associate("CT1", &[CT, VERIFICATION]).await;
    peer.send(&RELEASE_RQ).await;
    assert_eq!(see(&mut peer).await, Seen::Pdu(6));
    cause(&mut peer, event).await;
    match event {
        Event::Abort | Event::Closed => {
            let begin = Instant::now();
            assert_eq!(see(&mut peer).await, Seen::Closed, "AA-2, AR-5: {event:?}");
            assert!(begin.elapsed().as_millis() < 2_900, "at once, not by ARTIM: {event:?}");
        }
        Event::AssociateRq | Event::Invalid => {
            assert_eq!(see(&mut peer).await, abort_as_provider(event), "AA-7: {event:?}");
        }
        _ => {
            // AA-6: it was ignored, and the state is still Sta13.
            cause(&mut peer, Event::AssociateRq).await;
            assert_eq!(see(&mut peer).await, abort_as_provider(Event::AssociateRq), "{event:?}");
        }
    }
    assert_eq!(see(&mut peer).await, Seen::Closed, "AA-2 when ARTIM runs out: {event:?}");
}

/// The states of a requestor in which it waits for a PDU while it enters or leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Sta5,
    Sta7,
    Sta11,
}

/// Plays the acceptor of a C-ECHO until the requestor is in this state, causes the event, and goes on as whoever wants a
/// peaceful end. What was seen of the event, and whether the echo succeeded.
async fn requestor(state: Waiting, event: Event) -> (Seen, bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let calling = tokio::spawn(async move {
        pacs::dimse::echo(address, &ae("FARSIGHT"), &ae("ARCHIVE"), PATIENCE).await.is_ok()
    });
    let mut peer = Peer::over(listener.accept().await.unwrap().0);
    let (kind, body) = peer.receive().await.unwrap();
    assert_eq!(kind, 1);
    if state != Waiting::Sta5 {
        peer.send(&accepted(&AssociateRq::decode(&body).unwrap())).await;
        answer_echo(&mut peer).await;
        assert_eq!(see(&mut peer).await, Seen::Pdu(5), "Sta7 begins with an A-RELEASE-RQ");
    }
    if state == Waiting::Sta11 {
        peer.send(&RELEASE_RQ).await;
        assert_eq!(see(&mut peer).await, Seen::Pdu(6), "AR-8, AR-9: the collision is answered");
    }
    cause(&mut peer, event).await;
    if state == Waiting::Sta7 && event == Event::PData {
        // AR-6 shows nothing; that the release goes on shows it.
        peer.send(&RELEASE_RP).await;
    }
    let seen = see(&mut peer).await;
    match (state, event) {
        (Waiting::Sta5, Event::AssociateAc) => {
            answer(&mut peer).await;
            assert_eq!(see(&mut peer).await, Seen::Pdu(5));
            peer.send(&RELEASE_RP).await;
        }
        (Waiting::Sta7, Event::ReleaseRq) => {
            peer.send(&RELEASE_RP).await;
        }
        _ => {}
    }
    drop(peer);
    (seen, calling.await.unwrap())
}

async fn answer_echo(peer: &mut Peer) {
    assert_eq!(see(peer).await, Seen::Pdu(4), "the C-ECHO-RQ");
    answer(peer).await;
}

async fn answer(peer: &mut Peer) {
    let response = crate::fixture::command(&[
        (0x0002, VERIFICATION.as_bytes()),
        (0x0100, &[0x30, 0x80]),
        (0x0120, &[1, 0]),
        (0x0800, &[1, 1]),
        (0x0900, &[0, 0]),
    ]);
    peer.send(&pdata(1, 3, &response)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sta5_awaiting_the_answer_to_a_request() {
    for event in EVENTS {
        let expected = match event {
            Event::AssociateAc => (Seen::Pdu(4), true), // AE-3, and the echo itself
            Event::AssociateRj => (Seen::Closed, false), // AE-4
            Event::Abort | Event::Closed => (Seen::Closed, false), // AA-3, AA-4
            event => (abort_as_provider(event), false), // AA-8
        };
        assert_eq!(requestor(Waiting::Sta5, event).await, expected, "{event:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sta7_awaiting_the_answer_to_a_release() {
    for event in EVENTS {
        let expected = match event {
            Event::PData => (Seen::Closed, true),                  // AR-6, then AR-3
            Event::ReleaseRq => (Seen::Pdu(6), true),              // AR-8, AR-9
            Event::ReleaseRp => (Seen::Closed, true),              // AR-3
            Event::Abort | Event::Closed => (Seen::Closed, false), // AA-3, AA-4
            event => (abort_as_provider(event), false),            // AA-8
        };
        assert_eq!(requestor(Waiting::Sta7, event).await, expected, "{event:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sta11_a_release_collision_that_was_answered() {
    for event in EVENTS {
        let expected = match event {
            Event::ReleaseRp => (Seen::Closed, true),              // AR-3
            Event::Abort | Event::Closed => (Seen::Closed, false), // AA-3, AA-4
            event => (abort_as_provider(event), false),            // AA-8
        };
        assert_eq!(requestor(Waiting::Sta11, event).await, expected, "{event:?}");
    }
}
