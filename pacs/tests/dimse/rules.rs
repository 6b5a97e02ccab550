//! Rules for calling AE titles: who breaks one is rejected like a stranger, and the audit chain says why.

use crate::fixture::{CT, Node, Peer, STUDY_ROOT_FIND, dimse, encoded, image, instance, pdata, request};
use access::{AddressRange, Right};
use model::Sha256;
use pacs::dimse::pdu::{AssociateAc, ContextResult};

/// A-ASSOCIATE-RJ: permanent, service-user, calling AE title not recognised.
const LIKE_A_STRANGER: (u8, [u8; 4]) = (3, [0, 1, 1, 3]);

async fn answer(node: &Node) -> (u8, Vec<u8>) {
    Peer::connect(node.address).await.request(&request("CT1", &[CT])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_address_that_is_not_the_devices_is_rejected() {
    let node = Node::start().await;
    let ranges = |texts: &[&str]| texts.iter().map(|text| AddressRange::parse(text).unwrap()).collect();
    node.set_ct1(|ct1| ct1.source_addresses = ranges(&["10.20.0.0/16", "192.168.7.4"])).await;
    let (kind, body) = answer(&node).await;
    assert_eq!((kind, &body[..]), (LIKE_A_STRANGER.0, &LIKE_A_STRANGER.1[..]));
    assert_eq!(node.refusals().await, ["source-address-not-allowed"]);
    node.set_ct1(|ct1| ct1.source_addresses = ranges(&["10.20.0.0/16", "127.0.0.0/8"])).await;
    assert_eq!(answer(&node).await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_with_a_certificate_may_not_come_without_tls() {
    let node = Node::start().await;
    node.set_ct1(|ct1| ct1.certificate_sha256 = Some(Sha256([7; 32]))).await;
    let (kind, body) = answer(&node).await;
    assert_eq!((kind, &body[..]), (LIKE_A_STRANGER.0, &LIKE_A_STRANGER.1[..]));
    assert_eq!(node.refusals().await, ["certificate-required"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_removed_is_a_stranger() {
    let node = Node::start().await;
    assert_eq!(answer(&node).await.0, 2);
    let ct1 = crate::fixture::ae("CT1");
    node.storage.remove_device(&model::Scope::node("test"), &ct1).await.unwrap();
    let (kind, body) = answer(&node).await;
    assert_eq!((kind, &body[..]), (LIKE_A_STRANGER.0, &LIKE_A_STRANGER.1[..]));
    assert_eq!(node.refusals().await, ["calling-ae-title-not-recognized"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_its_right_is_not_authorised_and_audited_once() {
    let node = Node::start().await;
    node.set_ct1(|ct1| ct1.rights = vec![Right::Search]).await;
    let mut peer = node.associate("CT1", &[CT, STUDY_ROOT_FIND]).await;
    for number in 1..=3 {
        peer.send(&pdata(1, 3, &dimse(0x01, CT, Some(&instance(number))))).await;
        peer.send(&pdata(1, 2, &encoded(&image(number)))).await;
        assert_eq!(peer.statuses().await.0, [0x0124], "the association survives");
    }
    assert_eq!(node.refusals().await, ["not-authorised/storage"]);
    node.set_ct1(|ct1| ct1.rights = vec![Right::Store]).await;
    let mut peer = node.associate("CT1", &[CT, STUDY_ROOT_FIND]).await;
    peer.send(&pdata(3, 3, &dimse(0x20, STUDY_ROOT_FIND, None))).await;
    peer.send(&pdata(3, 2, b"")).await;
    assert_eq!(peer.statuses().await.0, [0x0124]);
}

/// Hanging Protocol, Color Palette, an implant template, CT Defined Procedure Protocol, Inventory (PS3.4 Annex GG).
#[tokio::test(flavor = "multi_thread")]
async fn classes_without_a_patient_are_not_negotiated() {
    let classes =
        ["38.1", "39.1", "43.1", "44.1", "45.1", "1.1.200.1", "1.1.200.3", "1.1.200.7", "1.1.201.1"];
    let classes = classes.map(|end| format!("1.2.840.10008.5.1.4.{end}"));
    let mut asked: Vec<&str> = classes.iter().map(String::as_str).collect();
    asked.push(CT);
    let node = Node::start().await;
    let (kind, body) = Peer::connect(node.address).await.request(&request("CT1", &asked)).await;
    assert_eq!(kind, 2);
    let ac = AssociateAc::decode(&body).unwrap();
    let refused = ContextResult::AbstractSyntaxNotSupported;
    let (last, others) = ac.contexts.split_last().unwrap();
    assert!(others.len() == classes.len() && others.iter().all(|context| context.result == refused));
    assert_eq!(last.result, ContextResult::Accepted, "the image beside them is taken");
}
