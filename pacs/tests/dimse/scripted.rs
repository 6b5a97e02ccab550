//! A byte-level peer: what it breaks is answered in the standard's terms, and the node goes on serving.

use crate::fixture::{
    CT, Node, PATIENCE, Peer, STUDY_ROOT_FIND, VERIFICATION, ae, command, dimse, encoded, image, instance,
    pdata, request,
};
use dataset::{Dataset, VR, tags};
use model::{Limits, Scope};
use pacs::dimse::pdu::AssociateRq;
use std::time::{Duration, Instant};

const ECHO: u16 = 0x30;
const STORE: u16 = 0x01;
const FIND: u16 = 0x20;

async fn still_serves(node: &Node) {
    pacs::dimse::echo(node.address, &ae("CT1"), &ae("FARSIGHT"), PATIENCE).await.unwrap();
}

/// Sends a C-STORE of image `number` with a data set in fragments of `step` bytes.
async fn store(peer: &mut Peer, context: u8, number: u32, data: &[u8], step: usize) -> u16 {
    peer.send(&pdata(context, 3, &dimse(STORE, CT, Some(&instance(number))))).await;
    let count = data.chunks(step).count();
    for (at, piece) in data.chunks(step).enumerate() {
        peer.send(&pdata(context, if at + 1 == count { 2 } else { 0 }, piece)).await;
    }
    peer.statuses().await.0[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_association_survives_what_it_is_refused() {
    let node = Node::start().await;
    let mut peer = node.associate("CT1", &[CT, VERIFICATION]).await;
    assert_eq!(store(&mut peer, 1, 1, b"this is no DICOM data set at all", 7).await, 0xC000);
    let truncated = &encoded(&image(1))[..4000];
    assert_eq!(store(&mut peer, 1, 1, truncated, 1000).await, 0xC000);
    let without_study: Vec<u8> = {
        let mut other = Dataset::new();
        other.put_text(tags::SOP_CLASS_UID, VR::UI, CT);
        other.put_text(tags::SOP_INSTANCE_UID, VR::UI, &instance(1));
        encoded(&other)
    };
    assert_eq!(store(&mut peer, 1, 1, &without_study, 1000).await, 0xA900);
    let another = encoded(&image(2));
    let status = store(&mut peer, 1, 1, &another, 1000).await;
    assert!([0xA900, 0xC000].contains(&status), "another instance than declared: {status:x}");
    peer.send(&pdata(1, 3, &dimse(STORE, "1.2.840.10008.5.1.4.1.1.4", Some("1.2")))).await;
    peer.send(&pdata(1, 2, &another)).await;
    assert_eq!(peer.statuses().await.0, [0x0122], "not the SOP class of its context");
    peer.send(&pdata(1, 3, &dimse(0x0130, CT, None))).await;
    peer.send(&pdata(1, 2, b"data")).await;
    assert_eq!(peer.statuses().await.0, [0x0211], "no such operation");

    assert_eq!(store(&mut peer, 1, 1, &encoded(&image(1)), 1001).await, 0x0000);
    peer.send(&pdata(3, 3, &dimse(ECHO, VERIFICATION, None))).await;
    assert_eq!(peer.statuses().await.0, [0x0000]);
    peer.send(&[5, 0, 0, 0, 0, 4, 0, 0, 0, 0]).await;
    assert_eq!(peer.receive().await, Some((6, vec![0; 4])));
    assert_eq!(node.counters.instances_stored.get(), 1);
    let everything = model::Query::new(model::Level::Instance, 100);
    let page = node.storage.search(&Scope::node("test"), &everything).await.unwrap();
    assert_eq!(page.rows.len(), 1, "nothing half-stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ae_without_the_right_is_not_authorised() {
    let node = Node::start().await;
    let mut peer = node.associate("LOOKER", &[CT]).await;
    assert_eq!(store(&mut peer, 1, 1, &encoded(&image(1)), 4000).await, 0x0124);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_pdus_end_in_an_abort_with_its_reason() {
    let node = Node::start().await;
    let header = |kind: u8, length: u32| [&[kind, 0][..], &length.to_be_bytes()].concat();
    let pdv_over_the_end = [header(4, 8), vec![0, 0, 0, 99, 1, 3, 1, 2]].concat();
    let cases = [
        ("a PDU of 4 GB", header(4, u32::MAX), 6),
        ("a PDU over the maximum", header(4, 300_000), 6),
        ("a PDV that overlaps the end of its PDU", pdv_over_the_end, 6),
        ("a context never negotiated", pdata(99, 3, &dimse(ECHO, VERIFICATION, None)), 6),
        ("a rejected context", pdata(5, 3, &dimse(ECHO, VERIFICATION, None)), 6),
        ("data before a command", pdata(1, 2, b"data"), 6),
        ("a command that is none", pdata(1, 3, b"nonsense, nonsense"), 6),
        ("a response to nothing", pdata(1, 3, &dimse(0x8001, CT, None)), 2),
        ("a second request", request("CT1", &[CT]).encode(), 2),
        ("an unrecognised PDU", header(0x99, 4), 1),
    ];
    for (what, bytes, reason) in cases {
        let mut peer = node.associate("CT1", &[CT, VERIFICATION, "1.2.3"]).await;
        peer.send(&bytes).await;
        assert_eq!(peer.receive().await, Some((7, vec![0, 0, 2, reason])), "{what}");
    }
    let mut peer = node.associate("CT1", &[CT]).await;
    let endless_command = pdata(1, 1, &[0; 16_000]);
    for _ in 0..5 {
        peer.send(&endless_command).await;
    }
    assert_eq!(peer.receive().await, Some((7, vec![0, 0, 2, 6])), "a command without end");
    still_serves(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_in_the_middle_of_a_data_set_must_belong_to_it() {
    let node = Node::start().await;
    let mut peer = node.associate("CT1", &[CT, VERIFICATION]).await;
    peer.send(&pdata(1, 3, &dimse(STORE, CT, Some(&instance(1))))).await;
    peer.send(&pdata(1, 0, &encoded(&image(1))[..1000])).await;
    peer.send(&pdata(3, 3, &dimse(ECHO, VERIFICATION, None))).await;
    assert_eq!(peer.receive().await, Some((7, vec![0, 0, 2, 6])));
    still_serves(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_an_association_there_is_nothing_but_a_request() {
    let node = Node::start().await;
    for bytes in [pdata(1, 3, &dimse(ECHO, VERIFICATION, None)), vec![0x47, 0x45, 0x54, 0x20, 0x2F, 0x20]] {
        let mut peer = Peer::connect(node.address).await;
        peer.send(&bytes).await;
        assert_eq!(peer.receive().await, Some((7, vec![0, 0, 0, 0])), "AA-1");
    }
    let cut = AssociateRq { contexts: Vec::new(), ..request("CT1", &[]) };
    let mut peer = Peer::connect(node.address).await;
    assert_eq!(peer.request(&cut).await, (3, vec![0, 1, 1, 1]), "no presentation context");
    still_serves(&node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_ended_by_the_clock() {
    let limits = Limits { artim_timeout_ms: 200, dimse_idle_timeout_ms: 300, ..Limits::default() };
    let node = Node::with_limits(limits).await;
    let begin = Instant::now();
    let mut silent = Peer::connect(node.address).await;
    assert_eq!(silent.receive().await, None, "ARTIM closes the transport");
    let mut dripping = Peer::connect(node.address).await;
    dripping.send(&[1, 0, 0]).await;
    assert_eq!(dripping.receive().await, None);
    let mut idle = node.associate("CT1", &[CT]).await;
    idle.send(&pdata(1, 3, &dimse(STORE, CT, Some(&instance(1))))).await;
    assert_eq!(idle.receive().await, Some((7, vec![0, 0, 0, 0])));
    assert!(begin.elapsed() < PATIENCE);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_without_end_is_aborted_at_the_limit() {
    let node = Node::with_limits(Limits { object_bytes_max: 4 << 20, ..Limits::default() }).await;
    let mut peer = node.associate("CT1", &[CT]).await;
    peer.send(&pdata(1, 3, &dimse(STORE, CT, Some(&instance(1))))).await;
    let head = encoded(&image(1));
    peer.send(&pdata(1, 0, &head[..head.len() - 8192 - 12])).await;
    // Pixel data that declare more than they may have, and never end.
    peer.send(&pdata(1, 0, &[0xE0, 0x7F, 0x10, 0, b'O', b'W', 0, 0, 0, 0, 0, 0x7F])).await;
    let piece = pdata(1, 0, &[0x55; 65_536]);
    let mut sent = 0;
    while sent < 8 << 20 && peer.send(&piece).await {
        sent += 65_536;
    }
    assert_eq!(peer.receive().await, Some((7, vec![0, 0, 0, 0])));
    // A piece that was being written when the peer was aborted goes when its thread is done.
    let data = node.directory.path().join("data");
    let deadline = Instant::now() + PATIENCE;
    while walk(&data).iter().any(|(_, length)| *length > 1 << 20) {
        assert!(Instant::now() < deadline, "nothing of it is left: {:?}", walk(&data));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    still_serves(&node).await;
}

/// All files below, with their lengths, the index apart.
fn walk(directory: &std::path::Path) -> Vec<(std::path::PathBuf, u64)> {
    let mut files = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) if !entry.file_name().to_string_lossy().starts_with("index.sqlite") => {
                    files.push((entry.path(), metadata.len()));
                }
                _ => {}
            }
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_cap_is_a_transient_rejection() {
    let limits = Limits { associations_per_peer_max: 2, associations_max: 3, ..Limits::default() };
    let node = Node::with_limits(limits).await;
    let first = node.associate("CT1", &[CT]).await;
    let _second = node.associate("CT1", &[CT]).await;
    let mut third = Peer::connect(node.address).await;
    assert_eq!(third.request(&request("CT1", &[CT])).await, (3, vec![0, 2, 3, 2]), "the peer's cap");
    let _fourth = node.associate("CITY", &[CT]).await;
    let mut fifth = Peer::connect(node.address).await;
    assert_eq!(fifth.request(&request("LOOKER", &[CT])).await, (3, vec![0, 2, 3, 2]), "the node's cap");
    drop(first);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut again = Peer::connect(node.address).await;
        match again.request(&request("CT1", &[CT])).await {
            (2, _) => break,
            (3, _) if Instant::now() < deadline => tokio::time::sleep(Duration::from_millis(20)).await,
            other => panic!("a seat that was given back is free: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_takes_any_length_gets_our_limit_and_a_small_one_small_pieces() {
    let node = Node::start().await;
    let mut sender = node.associate("CT1", &[CT]).await;
    for number in 1..=20 {
        assert_eq!(store(&mut sender, 1, number, &encoded(&image(number)), 16_000).await, 0);
    }
    for (pdu_bytes_max, largest_max) in [(0, 262_144), (128, 128), (u32::MAX, 262_144)] {
        let mut peer = Peer::connect(node.address).await;
        let rq = AssociateRq { pdu_bytes_max, ..request("CT1", &[STUDY_ROOT_FIND]) };
        assert_eq!(peer.request(&rq).await.0, 2);
        peer.send(&pdata(1, 3, &dimse(FIND, STUDY_ROOT_FIND, None))).await;
        peer.send(&pdata(1, 2, &images_of_the_study())).await;
        let (statuses, largest) = peer.statuses().await;
        assert_eq!(statuses.len(), 21);
        assert!(largest <= largest_max, "{largest} of {largest_max}");
    }
}

/// The identifier that asks for all images of the study.
fn images_of_the_study() -> Vec<u8> {
    let mut identifier = Dataset::new();
    for (tag, vr, text) in [
        (tags::QUERY_RETRIEVE_LEVEL, VR::CS, "IMAGE"),
        (tags::STUDY_INSTANCE_UID, VR::UI, crate::fixture::STUDY),
        (tags::SERIES_INSTANCE_UID, VR::UI, &format!("{}.1", crate::fixture::STUDY)),
        (tags::PATIENT_NAME, VR::PN, ""),
    ] {
        identifier.put_text(tag, vr, text);
    }
    encoded(&identifier)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_search_ends_with_cancel() {
    let node = Node::start().await;
    let mut peer = node.associate("CT1", &[CT, STUDY_ROOT_FIND]).await;
    for number in 1..=3 {
        assert_eq!(store(&mut peer, 1, number, &encoded(&image(number)), 16_000).await, 0);
    }
    let cancel = command(&[(0x0100, &[0xFF, 0x0F]), (0x0120, &[1, 0]), (0x0800, &[1, 1])]);
    // Request and cancel arrive together, so that the cancel is there before the search has ended.
    let find = dimse(FIND, STUDY_ROOT_FIND, None);
    let all = [pdata(3, 3, &find), pdata(3, 2, &images_of_the_study()), pdata(3, 3, &cancel)].concat();
    peer.send(&all).await;
    let (statuses, _) = peer.statuses().await;
    assert_eq!(statuses.last(), Some(&0xFE00));
    peer.send(&pdata(3, 3, &cancel)).await;
    assert_eq!(store(&mut peer, 1, 4, &encoded(&image(4)), 16_000).await, 0, "a late cancel is nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn identifiers_are_bounded() {
    let node = Node::with_limits(Limits { identifier_bytes_max: 1000, ..Limits::default() }).await;
    let mut peer = node.associate("CT1", &[STUDY_ROOT_FIND]).await;
    peer.send(&pdata(1, 3, &dimse(FIND, STUDY_ROOT_FIND, None))).await;
    peer.send(&pdata(1, 2, &[0; 1200])).await;
    assert_eq!(peer.statuses().await.0, [0xA700]);
    peer.send(&pdata(1, 3, &dimse(FIND, STUDY_ROOT_FIND, None))).await;
    peer.send(&pdata(1, 2, b"no data set")).await;
    assert_eq!(peer.statuses().await.0, [0xC000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_finishes_what_has_begun() {
    let mut node = Node::start().await;
    let mut idle = node.associate("CT1", &[CT]).await;
    let mut busy = node.associate("CT1", &[CT]).await;
    let data = encoded(&image(1));
    busy.send(&pdata(1, 3, &dimse(STORE, CT, Some(&instance(1))))).await;
    busy.send(&pdata(1, 0, &data[..3000])).await;
    // Later round trips of another association: by then the node has taken the first piece.
    still_serves(&node).await;
    still_serves(&node).await;
    let address = node.address;
    let finish = async {
        assert_eq!(idle.receive().await, Some((7, vec![0, 0, 0, 0])), "an idle association is aborted");
        drop(idle);
        busy.send(&pdata(1, 2, &data[3000..])).await;
        assert_eq!(busy.statuses().await.0, [0x0000]);
        assert_eq!(busy.receive().await, Some((7, vec![0, 0, 0, 0])));
        drop(busy);
    };
    tokio::join!(node.stop(), finish);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
