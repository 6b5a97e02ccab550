//! The upper layer's state machine: the part of PS3.8 Table 9-10 that a node lives in, as a pure function.
//!
//! States that last only as long as one of our own calls (Sta1, Sta4, Sta8, Sta9, Sta12) have no event that could reach
//! them here: the answer is written before the next byte is read. This node asks for release only as requestor, so
//! there is no Sta10.

use super::pdu::PduType;

/// A state between two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Sta2: transport open, awaiting A-ASSOCIATE-RQ.
    AwaitingAssociateRq,
    /// Sta3: the request is being considered; the peer has to wait for the answer.
    ConsideringAssociation,
    /// Sta5: awaiting A-ASSOCIATE-AC or -RJ.
    AwaitingAssociateAc,
    /// Sta6: association established, ready for data.
    Established,
    /// Sta7: awaiting A-RELEASE-RP.
    AwaitingReleaseRp,
    /// Sta11: release collision as requestor, answered; awaiting A-RELEASE-RP.
    AwaitingReleaseRpAfterCollision,
    /// Sta13: awaiting the close of the transport.
    AwaitingClose,
}

/// Something that comes from the peer or the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// A PDU of this type.
    Pdu(PduType),
    /// An unrecognised or invalid PDU.
    Invalid,
    /// The transport was closed.
    TransportClosed,
    /// The ARTIM timer ran out.
    ArtimExpired,
}

/// What is to be done (PS3.8 Tables 9-6 to 9-9, the action's number in brackets).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Consider the request: accept or reject (AE-6).
    ConsiderAssociation,
    /// The association is accepted (AE-3).
    ConfirmAssociation,
    /// The association is rejected; close (AE-4).
    ConfirmRejection,
    /// Take the data (DT-2).
    TakeData,
    /// Take data that arrive while a release is awaited (AR-6).
    TakeDataWhileReleasing,
    /// Answer A-RELEASE-RP (AR-2, AR-4).
    AnswerRelease,
    /// The release is confirmed; close (AR-3).
    ConfirmRelease,
    /// Both sides ask for release at once: as requestor, answer and wait on (AR-8, AR-9).
    AnswerReleaseCollision,
    /// Send A-ABORT as service-user and await the close (AA-1).
    AbortAsUser,
    /// Send A-ABORT as service-provider and await the close (AA-8, AA-7).
    AbortAsProvider,
    /// Close (AA-2, AA-3, AA-4, AA-5, AR-5).
    Close,
    /// Ignore the PDU (AA-6).
    Ignore,
}

/// What an event means in a state (PS3.8 Table 9-10).
#[must_use]
pub fn action(state: State, event: Event) -> Action {
    use Action as A;
    use Event::{ArtimExpired, Invalid, Pdu, TransportClosed};
    use PduType as P;
    match (state, event) {
        (_, TransportClosed | ArtimExpired | Pdu(P::Abort)) => A::Close,

        (State::AwaitingAssociateRq, Pdu(P::AssociateRq)) => A::ConsiderAssociation,
        (State::AwaitingAssociateRq, _) => A::AbortAsUser,

        (State::AwaitingAssociateAc, Pdu(P::AssociateAc)) => A::ConfirmAssociation,
        (State::AwaitingAssociateAc, Pdu(P::AssociateRj)) => A::ConfirmRejection,

        (State::Established, Pdu(P::PData)) => A::TakeData,
        (State::Established, Pdu(P::ReleaseRq)) => A::AnswerRelease,

        (State::AwaitingReleaseRp, Pdu(P::PData)) => A::TakeDataWhileReleasing,
        (State::AwaitingReleaseRp, Pdu(P::ReleaseRq)) => A::AnswerReleaseCollision,
        (State::AwaitingReleaseRp | State::AwaitingReleaseRpAfterCollision, Pdu(P::ReleaseRp)) => {
            A::ConfirmRelease
        }

        (State::AwaitingClose, Pdu(P::AssociateRq) | Invalid) => A::AbortAsProvider,
        (State::AwaitingClose, Pdu(_)) => A::Ignore,

        (
            State::ConsideringAssociation
            | State::AwaitingAssociateAc
            | State::Established
            | State::AwaitingReleaseRp
            | State::AwaitingReleaseRpAfterCollision,
            _,
        ) => A::AbortAsProvider,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns Sta2, Sta3, Sta5, Sta6, Sta7, Sta11, Sta13 of PS3.8 Table 9-10, row by row. That the node does what
    /// is said here is shown in `tests/dimse/table_9_10.rs`, peer by peer.
    #[test]
    fn every_pair_is_as_in_table_9_10() {
        use Action as A;
        use PduType as P;
        let states = [
            State::AwaitingAssociateRq,
            State::ConsideringAssociation,
            State::AwaitingAssociateAc,
            State::Established,
            State::AwaitingReleaseRp,
            State::AwaitingReleaseRpAfterCollision,
            State::AwaitingClose,
        ];
        let (aa1, aa6, aa8) = (A::AbortAsUser, A::Ignore, A::AbortAsProvider);
        let (aa7, ae6, ar2) = (A::AbortAsProvider, A::ConsiderAssociation, A::AnswerRelease);
        let (ar3, ar6, ar8) = (A::ConfirmRelease, A::TakeDataWhileReleasing, A::AnswerReleaseCollision);
        let table = [
            (Event::Pdu(P::AssociateAc), [aa1, aa8, A::ConfirmAssociation, aa8, aa8, aa8, aa6]),
            (Event::Pdu(P::AssociateRj), [aa1, aa8, A::ConfirmRejection, aa8, aa8, aa8, aa6]),
            (Event::Pdu(P::AssociateRq), [ae6, aa8, aa8, aa8, aa8, aa8, aa7]),
            (Event::Pdu(P::PData), [aa1, aa8, aa8, A::TakeData, ar6, aa8, aa6]),
            (Event::Pdu(P::ReleaseRq), [aa1, aa8, aa8, ar2, ar8, aa8, aa6]),
            (Event::Pdu(P::ReleaseRp), [aa1, aa8, aa8, aa8, ar3, ar3, aa6]),
            (Event::Pdu(P::Abort), [A::Close; 7]),
            (Event::TransportClosed, [A::Close; 7]),
            (Event::Invalid, [aa1, aa8, aa8, aa8, aa8, aa8, aa7]),
        ];
        for (event, expected) in table {
            for (state, expected) in states.into_iter().zip(expected) {
                assert_eq!(action(state, event), expected, "{state:?} {event:?}");
            }
        }
        for state in [State::AwaitingAssociateRq, State::AwaitingClose] {
            assert_eq!(action(state, Event::ArtimExpired), A::Close, "AA-2");
        }
    }
}
