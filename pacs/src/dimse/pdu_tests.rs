//! PDUs against the byte tables of PS3.8 §9.3.

use super::*;
use proptest::prelude::*;

/// The smallest A-ASSOCIATE-RQ, laid out as in PS3.8 Tables 9-11 to 9-16 and PS3.7 Table D.3-14.
fn smallest_rq() -> Vec<u8> {
    let mut body = vec![0, 1, 0, 0];
    body.extend(b"FARSIGHT        ");
    body.extend(b"CT1             ");
    body.extend([0; 32]);
    body.extend([0x10, 0, 0, 21]);
    body.extend(b"1.2.840.10008.3.1.1.1");
    body.extend([0x20, 0, 0, 46, 1, 0, 0, 0]);
    body.extend([0x30, 0, 0, 17]);
    body.extend(b"1.2.840.10008.1.1");
    body.extend([0x40, 0, 0, 17]);
    body.extend(b"1.2.840.10008.1.2");
    body.extend([0x50, 0, 0, 25]);
    body.extend([0x51, 0, 0, 4, 0, 0, 0x40, 0]);
    body.extend([0x58, 0, 0, 13, 2, 1, 0, 4]);
    body.extend(b"user");
    body.extend([0, 3]);
    body.extend(b"pwd");
    body
}

#[test]
fn a_request_is_read_item_by_item() {
    let rq = AssociateRq::decode(&smallest_rq()).unwrap();
    assert_eq!(rq.protocol_version, 1);
    assert_eq!(&rq.called, b"FARSIGHT        ");
    assert_eq!(&rq.calling, b"CT1             ");
    assert_eq!(rq.application_context, APPLICATION_CONTEXT);
    let verification = ProposedContext {
        id: 1,
        abstract_syntax: "1.2.840.10008.1.1".into(),
        transfer_syntaxes: vec!["1.2.840.10008.1.2".into()],
    };
    assert_eq!(rq.contexts, [verification]);
    assert_eq!(rq.pdu_bytes_max, 0x4000);
    let identity = rq.user_identity.unwrap();
    assert_eq!((identity.kind, identity.response), (2, ResponseWish::Positive));
    assert_eq!((&identity.primary[..], &identity.secondary[..]), (&b"user"[..], &b"pwd"[..]));
    assert!(!format!("{identity:?}").contains("112"), "a passcode is not printed, not even as numbers");
}

#[test]
fn a_request_that_is_cut_anywhere_is_refused() {
    let whole = smallest_rq();
    let is_item_border = |length| [68, 93, 143].contains(&length);
    for length in (0..whole.len()).filter(|length| !is_item_border(*length)) {
        assert_eq!(
            AssociateRq::decode(&whole[..length]),
            Err(AbortReason::InvalidParameterValue),
            "{length}"
        );
    }
}

#[test]
fn unknown_items_are_ignored() {
    let mut body = smallest_rq();
    body.extend([0x7F, 0, 0, 2, 1, 2]);
    assert!(AssociateRq::decode(&body).is_ok());
}

#[test]
fn more_contexts_than_identifiers_are_refused() {
    let mut body = smallest_rq();
    for _ in 0..CONTEXTS_MAX {
        body.extend([0x20, 0, 0, 4, 1, 0, 0, 0]);
    }
    assert_eq!(AssociateRq::decode(&body), Err(AbortReason::InvalidParameterValue));
}

#[test]
fn a_request_survives_its_own_codec() {
    let mut rq = AssociateRq::decode(&smallest_rq()).unwrap();
    rq.extended.push(ExtendedNegotiation { sop_class: "1.2.3".into(), information: vec![1, 0, 1] });
    rq.roles.push(RoleSelection { sop_class: "1.2.3".into(), scu: RoleOffer::No, scp: RoleOffer::Yes });
    rq.implementation_version = IMPLEMENTATION_VERSION.into();
    let pdu = rq.encode();
    assert_eq!(AssociateRq::decode(&pdu[6..]), Ok(rq));
}

/// PS3.8 Tables 9-17 to 9-20, PS3.7 Table D.3-15.
#[test]
fn an_acceptance_has_the_bytes_of_the_standard() {
    let ac = AssociateAc {
        called: *b"FARSIGHT        ",
        calling: *b"CT1             ",
        contexts: vec![AnsweredContext {
            id: 3,
            result: ContextResult::AbstractSyntaxNotSupported,
            transfer_syntax: "1.2.840.10008.1.2".into(),
        }],
        pdu_bytes_max: 262_144,
        identity_accepted: true,
        extended: Vec::new(),
        roles: vec![RoleSelection { sop_class: "1.2.3".into(), scu: RoleOffer::Yes, scp: RoleOffer::No }],
    };
    let bytes = ac.encode();
    assert_eq!(
        bytes[..10],
        [2, 0, 0, 0, ((bytes.len() - 6) >> 8) as u8, (bytes.len() - 6) as u8, 0, 1, 0, 0]
    );
    let context = 6 + 68 + 25;
    assert_eq!(bytes[context..context + 12], [0x21, 0, 0, 25, 3, 0, 3, 0, 0x40, 0, 0, 17]);
    let user = context + 29;
    assert_eq!(bytes[user], 0x50);
    assert_eq!(bytes[user + 4..user + 12], [0x51, 0, 0, 4, 0, 4, 0, 0]);
    assert_eq!(bytes[bytes.len() - 6..], [0x59, 0, 0, 2, 0, 0]);
    assert_eq!(AssociateAc::decode(&bytes[6..]), Ok(ac));
}

/// PS3.8 Tables 9-21, 9-24, 9-25 and 9-26.
#[test]
fn the_short_pdus_have_the_bytes_of_the_standard() {
    assert_eq!(associate_rj(Rejection::CallingAeTitle), [3, 0, 0, 0, 0, 4, 0, 1, 1, 3]);
    assert_eq!(associate_rj(Rejection::CalledAeTitle), [3, 0, 0, 0, 0, 4, 0, 1, 1, 7]);
    assert_eq!(associate_rj(Rejection::LocalLimitExceeded), [3, 0, 0, 0, 0, 4, 0, 2, 3, 2]);
    assert_eq!(associate_rj(Rejection::ProtocolVersion), [3, 0, 0, 0, 0, 4, 0, 1, 2, 2]);
    assert_eq!(release_rq(), [5, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    assert_eq!(release_rp(), [6, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    assert_eq!(abort_by_user(), [7, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    assert_eq!(abort_by_provider(AbortReason::UnexpectedPdu), [7, 0, 0, 0, 0, 4, 0, 0, 2, 2]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut body = smallest_rq();
        body.extend(bytes);
        let _ = AssociateRq::decode(&body);
        let _ = AssociateAc::decode(&body);
    }

    #[test]
    fn no_changed_byte_makes_it_panic(at in 0_usize..190, byte in any::<u8>()) {
        let mut body = smallest_rq();
        if let Some(place) = body.get_mut(at) {
            *place = byte;
        }
        let _ = AssociateRq::decode(&body);
    }
}
