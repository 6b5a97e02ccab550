//! PDUs, PDVs and messages that break PS3.8 and PS3.7, at the running node under its memory limit; the reasons in the
//! answers are held by `pacs/tests/dimse`.

use super::besieged;
use crate::support::dicom::{CT_IMAGE_STORAGE, Elements};
use crate::support::peer::{
    End, Peer, STUDY_ROOT_FIND, VERIFICATION, associate_rq, command, command_set, explicit, pdata, pdu,
    request,
};
use std::time::{Duration, Instant};

const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A header that declares a length of its own.
fn header(kind: u8, length: u32) -> Vec<u8> {
    let mut bytes = vec![kind, 0];
    bytes.extend(length.to_be_bytes());
    bytes
}

fn echo() -> Vec<u8> {
    request(VERIFICATION, command::ECHO, &[])
}

fn store() -> Vec<u8> {
    request(CT_IMAGE_STORAGE, command::STORE, &[(0x1000, b"1.2.3")])
}

#[test]
fn before_an_association() {
    let besieged = besieged();
    let good = associate_rq(&explicit(VERIFICATION));
    let mut longer = good.clone();
    longer[2..6].copy_from_slice(&u32::MAX.to_be_bytes());
    let mut shorter = good.clone();
    shorter[2..6].copy_from_slice(&40_u32.to_be_bytes());
    let mut item_longer = good.clone();
    item_longer[76..78].copy_from_slice(&u16::MAX.to_be_bytes());
    let many: Vec<(&str, &str)> = std::iter::repeat_n((VERIFICATION, "1.2.840.10008.1.2"), 128).collect();
    let mut too_many = associate_rq(&many)[6..].to_vec();
    too_many.extend_from_slice(&too_many.clone()[74..].repeat(70));
    for (what, bytes) in [
        ("a request of 4 GB", longer),
        ("a request of 40 bytes", shorter),
        ("a request with an item beyond its end", item_longer),
        ("9,000 contexts", pdu(1, &too_many)),
        ("data", pdata(1, 3, &echo())),
        ("a PDU of no known type", header(0xEE, 8)),
        ("a release", pdu(5, &[0; 4])),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03".to_vec()),
        ("zeros", vec![0; 200_000]),
    ] {
        besieged.withstands(what, |node| {
            let mut peer = Peer::connect(node);
            peer.send(&bytes);
            peer.finish_sending();
            // A-ASSOCIATE-RJ, A-ABORT, or the end; never an association.
            let answer = peer.receive();
            assert!(answer.as_ref().is_none_or(|(kind, _)| [3, 7].contains(kind)), "{what}: {answer:?}");
        });
    }
}

#[test]
fn within_an_association() {
    let besieged = besieged();
    let overlapping = {
        let mut body = vec![0, 0, 0, 200, 1, 3];
        body.extend([1; 8]);
        body.extend([0, 0, 0, 200, 1, 2]);
        body.extend([1; 8]);
        pdu(4, &body)
    };
    let nothing_but_pdvs = pdu(4, &[0, 0, 0, 2, 1, 0].repeat(2000)).repeat(50);
    let lying_element = {
        let mut bytes = echo();
        bytes.extend([0, 0, 0x00, 0x10, 0xF0, 0xFF, 0xFF, 0xFF]);
        bytes
    };
    for (what, bytes) in [
        ("a PDU of 4 GB", header(4, u32::MAX)),
        ("a PDU of no byte", header(4, 0)),
        ("a PDV of no byte", pdu(4, &[0, 0, 0, 0])),
        ("a PDV beyond its PDU", pdu(4, &[0, 0, 1, 0, 1, 3, 0, 0])),
        ("a PDV of 4 GB", pdu(4, &[0xFF, 0xFF, 0xFF, 0xFF, 1, 3])),
        ("PDVs that overlap", overlapping),
        ("PDVs of nothing without end", [pdata(1, 3, &store()), nothing_but_pdvs].concat()),
        ("a command without end", pdata(1, 1, &[0; 16_000]).repeat(2000)),
        ("a context never negotiated", pdata(99, 3, &echo())),
        ("an even context", pdata(2, 3, &echo())),
        ("context 0", pdata(0, 3, &echo())),
        ("data without a command", pdata(1, 2, &[0; 100])),
        ("another context within a message", [pdata(1, 3, &store()), pdata(3, 0, &[0; 100])].concat()),
        ("a command within a data set", [pdata(1, 3, &store()), pdata(1, 3, &store())].concat()),
        ("a command that is none", pdata(1, 3, b"nothing that means anything")),
        ("a command with an element of 4 GB", pdata(1, 3, &lying_element)),
        ("a command without a field", pdata(1, 3, &command_set(&[(0x0110, &[1, 0])]))),
        ("an association within", associate_rq(&explicit(VERIFICATION))),
        ("a response to nothing", pdata(3, 3, &request(VERIFICATION, 0x8030, &[]))),
    ] {
        besieged.withstands(what, |node| {
            let explicit = "1.2.840.10008.1.2.1";
            let mut peer = Peer::associate(node, &[(CT_IMAGE_STORAGE, explicit), (VERIFICATION, explicit)]);
            peer.send(&bytes);
            peer.finish_sending();
            let end = peer.end();
            assert!(matches!(end, End::Aborted | End::Closed), "{what}: {end:04X?}");
        });
    }
}

#[test]
fn identifiers() {
    let besieged = besieged();
    let level = || Elements::default().text(0x0008_0052, "CS", "STUDY");
    for (what, identifier) in [
        ("10,000 nested sequences", level().nested(10_000).bytes),
        ("an element of 4 GB", level().header(0x0040_A730, "UN", 0xFFFF_FFF0).bytes),
        ("an element beyond the end", level().header(0x0040_A730, "OB", 1000).bytes),
        ("noise", vec![0xA5; 5000]),
        ("10 MB of keys", {
            let key = Elements::default().text(0x0010_0020, "LO", &"A".repeat(60_000)).bytes;
            [level().bytes, key.repeat(170)].concat()
        }),
        ("a list of 200,000 UIDs", {
            let list = b"1.2.3\\".repeat(200_000);
            level().element(0x0020_000D, "UN", &list).bytes
        }),
    ] {
        besieged.withstands(what, |node| {
            let mut peer = Peer::associate(node, &explicit(STUDY_ROOT_FIND));
            let begin = Instant::now();
            let end = peer.message(1, &request(STUDY_ROOT_FIND, command::FIND, &[]), &identifier);
            let is_right = matches!(end, End::Status(0xA700..=0xA9FF | 0xC000..=0xCFFF, 0) | End::Aborted);
            assert!(is_right, "{what}: {end:04X?}");
            assert!(begin.elapsed() < ANSWER_LIMIT, "{what}: {:?}", begin.elapsed());
        });
    }
}

#[test]
fn ten_gigabytes_of_zeros_by_c_store() {
    let besieged = besieged();
    besieged.withstands("zeros", |node| {
        let mut peer = Peer::associate(node, &explicit(CT_IMAGE_STORAGE));
        peer.send(&pdata(1, 3, &store()));
        let zeros = pdata(1, 0, &[0; 16_000]).repeat(64);
        let begin = Instant::now();
        let mut sent = 0_u64;
        while sent < 10 << 30 && peer.try_send(&zeros) {
            sent += zeros.len() as u64;
            assert!(begin.elapsed() < ANSWER_LIMIT, "{} MB were taken and no end", sent >> 20);
        }
        assert!(sent < 1 << 30, "{} MB were taken", sent >> 20);
    });
}
