//! Every storage SOP class and every transfer syntax of the standard: negotiated, stored, and kept byte for byte.

use crate::fixture::{CT, Node, Peer, STUDY, dimse, loopback_config, pdata, request};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use model::{Limits, Scope, Uid};
use pacs::dimse::pdu::{AssociateAc, AssociateRq, ContextResult, ProposedContext};
use pacs::dimse::{DimseConfig, StoragePolicy};
use std::io::Write as _;

const IMPLICIT: &str = "1.2.840.10008.1.2";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// The encapsulated transfer syntaxes of PS3.6 Table A-1, without their common root.
#[rustfmt::skip]
const ENCAPSULATED: [&str; 49] = [
    "1.98", "5", "8.1", "4.50", "4.51", "4.52", "4.53", "4.54", "4.55", "4.56", "4.57", "4.58", "4.59", "4.60", "4.61",
    "4.62", "4.63", "4.64", "4.65", "4.66", "4.70", "4.80", "4.81", "4.90", "4.91", "4.92", "4.93", "4.100", "4.100.1",
    "4.101", "4.101.1", "4.102", "4.102.1", "4.103", "4.103.1", "4.104", "4.104.1", "4.105", "4.105.1", "4.106",
    "4.106.1", "4.107", "4.108", "4.110", "4.111", "4.112", "4.201", "4.202", "4.203",
];

/// Those that are no data sets with pixels: references (JPIP), live video (SMPTE ST 2110), MIME, XML, Papyrus.
const REFUSED: [&str; 10] = [
    "1.2.840.10008.1.2.4.94",
    "1.2.840.10008.1.2.4.95",
    "1.2.840.10008.1.2.4.204",
    "1.2.840.10008.1.2.4.205",
    "1.2.840.10008.1.2.6.1",
    "1.2.840.10008.1.2.6.2",
    "1.2.840.10008.1.2.7.1",
    "1.2.840.10008.1.2.7.2",
    "1.2.840.10008.1.2.7.3",
    "1.2.840.10008.1.20",
];

fn classes() -> Vec<&'static str> {
    let lines = include_str!("storage_classes.txt").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap().0).collect()
}

fn syntaxes() -> Vec<String> {
    let encapsulated = ENCAPSULATED.iter().map(|end| format!("{IMPLICIT}.{end}"));
    [IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN].map(str::to_owned).into_iter().chain(encapsulated).collect()
}

/// The bytes of a small instance in a transfer syntax: 2 × 2 pixels of 8 bits.
fn instance(class: &str, uid: &str, syntax: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let us = |value: u16| if syntax == BIG_ENDIAN { value.to_be_bytes() } else { value.to_le_bytes() };
    for (group, element, vr, value) in [
        (0x0008, 0x0016, "UI", class.as_bytes()),
        (0x0008, 0x0018, "UI", uid.as_bytes()),
        (0x0008, 0x0060, "CS", b"OT"),
        (0x0010, 0x0020, "LO", b"P001"),
        (0x0020, 0x000D, "UI", STUDY.as_bytes()),
        (0x0020, 0x000E, "UI", format!("{STUDY}.7").as_bytes()),
        (0x0028, 0x0002, "US", &us(1)),
        (0x0028, 0x0004, "CS", b"MONOCHROME2"),
        (0x0028, 0x0010, "US", &us(2)),
        (0x0028, 0x0011, "US", &us(2)),
        (0x0028, 0x0100, "US", &us(8)),
        (0x0028, 0x0101, "US", &us(8)),
        (0x0028, 0x0102, "US", &us(7)),
        (0x0028, 0x0103, "US", &us(0)),
    ] {
        let mut value = value.to_vec();
        if value.len() % 2 == 1 {
            value.push(if vr == "UI" { 0 } else { b' ' });
        }
        element_head(&mut bytes, syntax, (group, element), vr, value.len() as u32);
        bytes.extend(value);
    }
    if [IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN].contains(&syntax) {
        element_head(&mut bytes, syntax, (0x7FE0, 0x0010), "OW", 4);
        bytes.extend([1, 2, 3, 4]);
    } else {
        element_head(&mut bytes, syntax, (0x7FE0, 0x0010), "OB", u32::MAX);
        bytes.extend([0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0]);
        bytes.extend([0xFE, 0xFF, 0x00, 0xE0, 4, 0, 0, 0, 1, 2, 3, 4]);
        bytes.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    }
    if syntax == DEFLATED { deflated(&bytes) } else { bytes }
}

fn element_head(bytes: &mut Vec<u8>, syntax: &str, tag: (u16, u16), vr: &str, length: u32) {
    if syntax == BIG_ENDIAN {
        bytes.extend([tag.0.to_be_bytes(), tag.1.to_be_bytes()].concat());
    } else {
        bytes.extend([tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat());
    }
    let long = ["OB", "OW"].contains(&vr);
    match (syntax, long) {
        (IMPLICIT, _) => return bytes.extend(length.to_le_bytes()),
        (_, true) => bytes.extend([vr.as_bytes(), &[0, 0]].concat()),
        (_, false) => bytes.extend(vr.as_bytes()),
    }
    match (syntax, long) {
        (BIG_ENDIAN, true) => bytes.extend(length.to_be_bytes()),
        (BIG_ENDIAN, false) => bytes.extend((length as u16).to_be_bytes()),
        (_, true) => bytes.extend(length.to_le_bytes()),
        (_, false) => bytes.extend((length as u16).to_le_bytes()),
    }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    let mut bytes = encoder.finish().unwrap();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

/// An association with one context for each pair of abstract and transfer syntax.
async fn associate(node: &Node, pairs: &[(String, String)]) -> (Peer, Vec<ContextResult>) {
    let contexts = pairs.iter().zip((1_u16..).step_by(2)).map(|((class, syntax), id)| ProposedContext {
        id: u8::try_from(id).unwrap(),
        abstract_syntax: class.clone(),
        transfer_syntaxes: vec![syntax.clone()],
    });
    let rq = AssociateRq { contexts: contexts.collect(), ..request("CT1", &[]) };
    let mut peer = Peer::connect(node.address).await;
    let (kind, body) = peer.request(&rq).await;
    assert_eq!(kind, 2);
    let ac = AssociateAc::decode(&body).unwrap();
    (peer, ac.contexts.iter().map(|context| context.result).collect())
}

/// Stores one instance for each pair, at most 128, and compares what is kept with what was sent.
async fn store_all(node: &Node, pairs: &[(String, String)], first: usize) {
    let (mut peer, results) = associate(node, pairs).await;
    let uid = |at: usize| format!("{STUDY}.7.{}", first + at);
    for (at, (class, syntax)) in pairs.iter().enumerate() {
        assert_eq!(results[at], ContextResult::Accepted, "{class} in {syntax}");
        let context = u8::try_from(at * 2 + 1).unwrap();
        peer.send(&pdata(context, 3, &dimse(0x01, class, Some(&uid(at))))).await;
        peer.send(&pdata(context, 2, &instance(class, &uid(at), syntax))).await;
        assert_eq!(peer.statuses().await.0, [0x0000], "{class} in {syntax}");
    }
    let (scope, study) = (Scope::node("test"), Uid::parse(STUDY).unwrap());
    let kept = node.storage.instances(&scope, &study, None, None).await.unwrap();
    for (at, (class, syntax)) in pairs.iter().enumerate() {
        let one = kept.iter().find(|kept| kept.instance().as_str() == uid(at)).unwrap();
        let file = node.storage.read(one, 0..one.file_length()).await.unwrap();
        let data = &file[one.head_length() as usize..];
        assert_eq!(data, instance(class, &uid(at), syntax), "{class} in {syntax}");
        assert_eq!((one.sop_class().as_str(), one.syntax().as_str()), (&class[..], &syntax[..]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_class_and_every_syntax_is_stored_unchanged() {
    let node = Node::start().await;
    let syntaxes = syntaxes();
    let pair = |(at, class): (usize, &&str)| ((*class).to_owned(), syntaxes[at % syntaxes.len()].clone());
    let pairs: Vec<_> = classes().iter().enumerate().map(pair).collect();
    assert!(pairs.len() > 200 && syntaxes.len() == 53);
    for (at, some) in pairs.chunks(128).enumerate() {
        store_all(&node, some, at * 128).await;
    }
    let images: Vec<_> = syntaxes.iter().map(|syntax| (CT.to_owned(), syntax.clone())).collect();
    store_all(&node, &images, 1000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_of_class_and_syntax_is_negotiated() {
    let node = Node::start().await;
    let mut pairs = Vec::new();
    for class in classes() {
        pairs.extend(syntaxes().into_iter().map(|syntax| (class.to_owned(), syntax)));
    }
    for some in pairs.chunks(128) {
        let (_, results) = associate(&node, some).await;
        let refused = results.iter().zip(some).find(|(result, _)| **result != ContextResult::Accepted);
        assert_eq!((results.len(), refused), (some.len(), None));
    }
    let refused: Vec<_> = REFUSED.iter().map(|syntax| (CT.to_owned(), (*syntax).to_owned())).collect();
    let (_, results) = associate(&node, &refused).await;
    assert_eq!(results, [ContextResult::TransferSyntaxesNotSupported; REFUSED.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn private_classes_and_syntaxes_are_stored_when_they_are_configured() {
    let (class, syntax) = ("1.2.826.0.1.3680043.10.1.99.1", "1.2.826.0.1.3680043.10.1.99.2");
    let pairs = [(class.to_owned(), EXPLICIT.to_owned()), (class.to_owned(), syntax.to_owned())];
    let (_, results) = associate(&Node::start().await, &pairs).await;
    assert_eq!(results, [ContextResult::AbstractSyntaxNotSupported; 2]);

    let storage_policy = StoragePolicy::new(&[class.to_owned()], &[syntax.to_owned()], &[]).unwrap();
    let config = loopback_config(Limits::default());
    let node = Node::with_config(DimseConfig { storage_policy, ..config }).await;
    store_all(&node, &pairs, 0).await;
}
