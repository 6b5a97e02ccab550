//! The requestor against a scripted acceptor: negotiation, release collision, abort, rejection, nonsense.

use super::super::pdu::{AnsweredContext, Rejection};
use super::super::sop;
use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

const SECOND: Duration = Duration::from_secs(1);
const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

fn proposal(contexts: Vec<Proposed>) -> Proposal {
    let ae = |text| AeTitle::parse(text).unwrap();
    Proposal { calling: ae("FARSIGHT"), called: ae("PEER"), contexts, provided: vec![CT.to_owned()] }
}

async fn pdu_of(stream: &mut DuplexStream) -> (u8, Vec<u8>) {
    let mut head = [0; 6];
    stream.read_exact(&mut head).await.unwrap();
    let mut body = vec![0; u32::from_be_bytes([head[2], head[3], head[4], head[5]]) as usize];
    stream.read_exact(&mut body).await.unwrap();
    (head[0], body)
}

/// Takes the request and accepts each context in its last transfer syntax.
async fn accept(stream: &mut DuplexStream) -> AssociateRq {
    let (kind, body) = pdu_of(stream).await;
    assert_eq!(kind, 1);
    let rq = AssociateRq::decode(&body).unwrap();
    let contexts = rq.contexts.iter().map(|context| AnsweredContext {
        id: context.id,
        result: ContextResult::Accepted,
        transfer_syntax: context.transfer_syntaxes.last().unwrap().clone(),
    });
    let ac = AssociateAc {
        called: rq.called,
        calling: rq.calling,
        contexts: contexts.collect(),
        pdu_bytes_max: 0,
        identity_accepted: false,
        extended: Vec::new(),
        roles: rq.roles.clone(),
    };
    stream.write_all(&ac.encode()).await.unwrap();
    rq
}

#[tokio::test]
async fn contexts_are_proposed_with_odd_identifiers_and_found_by_what_was_accepted() {
    let (ours, mut theirs) = tokio::io::duplex(1 << 20);
    let contexts = vec![Proposed::plain(sop::VERIFICATION), Proposed::plain(CT)];
    let proposal = proposal(contexts);
    let (requestor, rq) = tokio::join!(Requestor::associate(ours, &proposal, SECOND), accept(&mut theirs));
    assert_eq!(rq.contexts.iter().map(|c| c.id).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(rq.roles[0].scp, RoleOffer::Yes);
    let context = requestor.unwrap().context(CT).unwrap();
    assert_eq!((context.id, context.transfer_syntax.as_str()), (3, TransferSyntax::IMPLICIT_LITTLE));
}

#[tokio::test]
async fn a_transfer_syntax_that_was_not_proposed_is_not_used() {
    let ac = AssociateAc {
        called: [b' '; 16],
        calling: [b' '; 16],
        contexts: vec![AnsweredContext {
            id: 1,
            result: ContextResult::Accepted,
            transfer_syntax: "1.2.840.10008.1.2.4.50".into(),
        }],
        pdu_bytes_max: 16_384,
        identity_accepted: false,
        extended: Vec::new(),
        roles: Vec::new(),
    };
    assert_eq!(accepted(&proposal(vec![Proposed::plain(CT)]), &ac), []);
}

#[tokio::test]
async fn a_release_collision_is_answered_and_waited_out() {
    let (ours, mut theirs) = tokio::io::duplex(1 << 20);
    let proposal = proposal(vec![Proposed::plain(CT)]);
    let (requestor, _) = tokio::join!(Requestor::associate(ours, &proposal, SECOND), accept(&mut theirs));
    let mut requestor = requestor.unwrap();
    let peer = async {
        assert_eq!(pdu_of(&mut theirs).await.0, 5, "our A-RELEASE-RQ");
        theirs.write_all(&pdu::release_rq()).await.unwrap();
        assert_eq!(pdu_of(&mut theirs).await.0, 6, "our A-RELEASE-RP to theirs (AR-9)");
        theirs.write_all(&pdu::release_rp()).await.unwrap();
    };
    assert_eq!(tokio::join!(requestor.release(), peer).0, Ok(()));
}

#[tokio::test]
async fn rejection_abort_and_nonsense_are_told_apart() {
    let rejection = pdu::associate_rj(Rejection::CallingAeTitle);
    let rejected = RequestError::Rejected { result: 1, source_byte: 1, reason: 3 };
    let cases = [
        (rejection, rejected),
        (pdu::abort_by_user(), RequestError::Aborted),
        (pdu::release_rp(), RequestError::Protocol("an unexpected PDU")),
        (vec![9, 0, 0, 0, 0, 4, 0, 0, 0, 0], RequestError::Protocol("an invalid PDU")),
        (vec![], RequestError::Aborted),
    ];
    for (answer, expected) in cases {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let proposal = proposal(vec![Proposed::plain(CT)]);
        let peer = async move {
            pdu_of(&mut theirs).await;
            theirs.write_all(&answer).await.unwrap();
            theirs.shutdown().await.unwrap();
        };
        let (result, ()) = tokio::join!(Requestor::associate(ours, &proposal, SECOND), peer);
        assert_eq!(result.err(), Some(expected));
    }
}

#[tokio::test]
async fn a_silent_peer_is_given_up_in_time() {
    let (ours, _theirs) = tokio::io::duplex(1 << 20);
    let proposal = proposal(vec![Proposed::plain(CT)]);
    let result = Requestor::associate(ours, &proposal, Duration::from_millis(20)).await;
    assert_eq!(result.err(), Some(RequestError::TimedOut));
}

#[tokio::test]
async fn a_response_to_something_else_ends_the_association() {
    let (ours, mut theirs) = tokio::io::duplex(1 << 20);
    let proposal = proposal(vec![Proposed::plain(CT)]);
    let (requestor, _) = tokio::join!(Requestor::associate(ours, &proposal, SECOND), accept(&mut theirs));
    let mut requestor = requestor.unwrap();
    let request =
        Command::default().with_u16(tag::COMMAND_FIELD, field::C_ECHO_RQ).with_u16(tag::MESSAGE_ID, 9);
    let mut bytes = Vec::new();
    put_pdata(&mut bytes, 1, FragmentKind::Command, &request.response(0).encode(), 16_384);
    theirs.write_all(&bytes).await.unwrap();
    drop(theirs);
    let error = requestor.response(8).await.err();
    assert_eq!(error, Some(RequestError::Protocol("a response to something else")));
}
