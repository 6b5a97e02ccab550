//! Identifiers of retrievals and worklists in the character sets of Chinese hospitals (PS3.5 §6.1): labelled, and from
//! devices that label them wrongly.

use crate::fixture::{Node, Peer, ae, command, encoded, files, image, pdata};
use crate::services::{device, files_in, free_port, scope, storescp, town, wish};
use dataset::charset::{CharacterSets, PersonName};
use dataset::{Dataset, VR, tags};
use std::path::Path;

const PATIENT_ROOT_MOVE: &str = "1.2.840.10008.5.1.4.1.2.1.2";
const WORKLIST: &str = "1.2.840.10008.5.1.4.31";

/// Text in GB18030, of which GBK is a part.
fn gb(text: &str) -> Vec<u8> {
    let mut bytes = CharacterSets::from_values(&["GB18030"]).encode(text, PersonName::No);
    if bytes.len() % 2 == 1 {
        bytes.push(b' ');
    }
    bytes
}

/// What a device says its texts are, and what the node is configured to take them for.
const LABELS: [(&str, Option<&str>, bool); 5] = [
    ("GB18030", None, true),
    ("GBK", None, true),
    ("ISO_IR 100", Some("GBK"), true),
    ("", Some("GB18030"), true),
    // Nobody has said that Latin-1 is not meant.
    ("ISO_IR 100", None, false),
];

/// An identifier with these texts in GB18030, whatever its label says.
fn identifier(label: &str, texts: &[(dataset::Tag, VR, &str)]) -> Vec<u8> {
    let mut identifier = Dataset::new();
    if !label.is_empty() {
        identifier.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, label);
    }
    for (tag, vr, text) in texts {
        identifier.put_bytes(*tag, *vr, gb(text));
    }
    encoded(&identifier)
}

/// A request with an identifier; `destination` of a C-MOVE.
fn request(field: u16, class: &str, destination: Option<&str>) -> Vec<u8> {
    let (field, message) = (field.to_le_bytes(), 1_u16.to_le_bytes());
    let mut elements: Vec<(u16, &[u8])> =
        vec![(0x0002, class.as_bytes()), (0x0100, &field), (0x0110, &message)];
    if let Some(destination) = destination {
        elements.push((0x0600, destination.as_bytes()));
    }
    elements.extend([(0x0700, &[0, 0][..]), (0x0800, &[0, 0][..])]);
    command(&elements)
}

async fn assume(node: &Node, title: &str, assumed: Option<&str>) {
    let mut device = node.storage.device(&ae(title)).await.unwrap();
    device.assumed_character_set = assumed.map(str::to_owned);
    node.storage.put_device(&model::Scope::node("test"), &device).await.unwrap();
}

/// An image of a patient whose identifier is Chinese, sent by DCMTK.
async fn store_patient(node: &Node, id: &str) {
    let path = files(node.directory.path(), 1).remove(0);
    let mut dataset = image(1);
    dataset.put_text(tags::PATIENT_ID, VR::LO, id);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - encoded(&image(1)).len());
    std::fs::write(&path, [bytes, encoded(&dataset)].concat()).unwrap();
    let (code, text) = node.dcmtk("storescu", &["-aet", "CT1", "-aec", "FARSIGHT"], &[path]).await;
    assert_eq!(code, 0, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_names_its_patient_in_gb18030_or_gbk() {
    let node = Node::start().await;
    // 诚: its second byte in GBK is a letter; 誠: a backslash.
    store_patient(&node, "住院誠诚7").await;
    let (port, received) = (free_port(), node.directory.path().join("received"));
    device(&node, "READER", "township", None).await;
    device(&node, "DEST", "township", Some(port)).await;
    let _destination = storescp("DEST", port, &received).await;
    for (label, assumed, is_understood) in LABELS {
        assume(&node, "READER", assumed).await;
        let mut peer: Peer = node.associate("READER", &[PATIENT_ROOT_MOVE]).await;
        let keys = [(tags::QUERY_RETRIEVE_LEVEL, VR::CS, "PATIENT"), (tags::PATIENT_ID, VR::LO, "住院誠诚7")];
        peer.send(&pdata(1, 3, &request(0x21, PATIENT_ROOT_MOVE, Some("DEST")))).await;
        peer.send(&pdata(1, 2, &identifier(label, &keys))).await;
        let (statuses, _) = peer.statuses().await;
        // Taken for Latin-1, it has a backslash, and so two values.
        let expected = if is_understood { 0 } else { 0xA900 };
        assert_eq!(statuses.last(), Some(&expected), "{label}: {statuses:x?}");
        assert_eq!(files_in(&received).len(), usize::from(is_understood), "{label} taken for {assumed:?}");
        empty(&received);
    }
}

fn empty(directory: &Path) {
    files_in(directory).into_iter().for_each(|file| std::fs::remove_file(file).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worklist_is_asked_and_answered_in_gb18030_or_gbk() {
    let node = Node::start().await;
    for (accession, name) in [("A1", "Zhang^Cheng=张^誠"), ("A2", "Li^Si=李^四")] {
        let wish = wish(accession, name, "CT", "20261125");
        pacs::orders::place(&node.storage, &scope(), &town(), wish).await.unwrap();
    }
    for (label, assumed, is_understood) in LABELS {
        assume(&node, "CT1", assumed).await;
        let mut peer = node.associate("CT1", &[WORKLIST]).await;
        peer.send(&pdata(1, 3, &request(0x20, WORKLIST, None))).await;
        peer.send(&pdata(1, 2, &identifier(label, &[(tags::PATIENT_NAME, VR::PN, "张*")]))).await;
        let mut answers = Vec::new();
        loop {
            let (kind, body) = peer.receive().await.unwrap();
            assert_eq!(kind, 4);
            let is_command = body[5] & 1 == 1;
            // Status (0000,0900) stands last but for what a pending one has not: US, two bytes.
            let status = body.windows(10).find(|w| w[..8] == [0, 0, 0, 9, 2, 0, 0, 0]).map(|w| [w[8], w[9]]);
            match (is_command, status) {
                (true, Some([0, 0])) => break,
                (true, Some([_, 0xFF])) => {}
                (true, other) => panic!("{label}: status {other:x?}"),
                (false, _) => answers.push(body),
            }
        }
        assert_eq!(answers.len(), usize::from(is_understood), "{label} taken for {assumed:?}");
        let name = gb("Zhang^Cheng=张^誠");
        let name = name.strip_suffix(b" ").unwrap_or(&name);
        let is_in = |answer: &Vec<u8>| answer.windows(name.len()).any(|w| w == name);
        assert!(answers.iter().all(is_in), "{label}: answered as it was asked");
    }
}
