//! How an association ends (PS3.8 §9.2): release as requestor with its collision (Sta7, Sta11), abort, and the wait for
//! the peer to close (Sta13). The same for both roles and any transport.

use super::pdu::{self, AbortReason, PduType};
use super::state::{Action, Event, State, action};
use super::wire::{Received, Wire, WireError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// Longest wait for the peer to close after our last PDU.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that a peer may still send after our last PDU.
const BYTES_BEFORE_CLOSE_MAX: u64 = 16 << 20;

/// Why a release was not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotReleased {
    /// The peer aborted or closed instead.
    #[error("the peer aborted")]
    Aborted,
    /// The peer did not answer in time; it has been sent an A-ABORT.
    #[error("no answer in time")]
    TimedOut,
    /// The peer broke the protocol; it has been sent an A-ABORT.
    #[error("the peer broke the protocol")]
    Protocol,
}

/// What the peer's bytes, or their end, are to the state machine; `None` when our own patience ran out, which Table
/// 9-10 knows only as ARTIM in Sta2 and Sta13.
pub(crate) fn event(outcome: &Result<Received<'_>, WireError>) -> Option<Event> {
    Some(match outcome {
        Ok(Received::Fragment(_)) => Event::Pdu(PduType::PData),
        Ok(Received::Pdu(kind, _)) => Event::Pdu(*kind),
        Err(WireError::Invalid(_)) => Event::Invalid,
        Err(WireError::Closed | WireError::Io(_)) => Event::TransportClosed,
        Err(WireError::TimedOut) => return None,
    })
}

/// The reason of an A-ABORT that answers this (PS3.8 Table 9-26): what was wrong with the PDU, or that it came at all.
pub(crate) fn abort_reason(outcome: &Result<Received<'_>, WireError>) -> AbortReason {
    match outcome {
        Err(WireError::Invalid(reason)) => *reason,
        _ => AbortReason::UnexpectedPdu,
    }
}

/// Asks for release and waits for the answer, not longer than `timeout` in all. Data that come meanwhile are dropped.
///
/// # Errors
/// [`NotReleased`]; the transport is of no more use either way.
pub(crate) async fn release<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    timeout: Duration,
) -> Result<(), NotReleased> {
    match tokio::time::timeout(timeout, release_in_peace(wire)).await {
        Ok(Err(NotReleased::TimedOut)) | Err(_) => {
            abort(wire, &pdu::abort_by_user(), CLOSE_TIMEOUT.min(timeout)).await;
            Err(NotReleased::TimedOut)
        }
        Ok(Err(NotReleased::Protocol)) => Err(NotReleased::Protocol),
        Ok(other) => {
            wire.close().await;
            other
        }
    }
}

async fn release_in_peace<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>) -> Result<(), NotReleased> {
    let failed = |error| match error {
        WireError::TimedOut => NotReleased::TimedOut,
        _ => NotReleased::Aborted,
    };
    wire.write(&pdu::release_rq()).await.map_err(failed)?;
    let mut state = State::AwaitingReleaseRp;
    loop {
        let outcome = wire.next().await;
        let event = event(&outcome).ok_or(NotReleased::TimedOut)?;
        match action(state, event) {
            Action::ConfirmRelease => return Ok(()),
            Action::TakeDataWhileReleasing => {}
            Action::AnswerReleaseCollision => {
                wire.write(&pdu::release_rp()).await.map_err(failed)?;
                state = State::AwaitingReleaseRpAfterCollision;
            }
            Action::Close => return Err(NotReleased::Aborted),
            _ => {
                let reason = abort_reason(&outcome);
                abort(wire, &pdu::abort_by_provider(reason), CLOSE_TIMEOUT).await;
                return Err(NotReleased::Protocol);
            }
        }
    }
}

/// Sends an A-ABORT (one of [`pdu::abort_by_user`], [`pdu::abort_by_provider`]) and awaits the close.
pub(crate) async fn abort<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    abort: &[u8],
    close_timeout: Duration,
) {
    if wire.write(abort).await.is_ok() {
        await_close(wire, close_timeout).await;
    }
}

/// Sta13: waits for the peer to close, so that what was written last is not lost to a reset; not longer than `timeout`
/// nor more than 16 MiB. What it still sends is ignored, but for a new request or what is no PDU, which is aborted.
pub(crate) async fn await_close<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>, timeout: Duration) {
    let _ = tokio::time::timeout(timeout, closed(wire)).await;
    wire.close().await;
}

async fn closed<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>) {
    let bytes_max = wire.bytes_read().saturating_add(BYTES_BEFORE_CLOSE_MAX);
    while wire.bytes_read() < bytes_max {
        if wire.is_out_of_step() {
            return wire.discard(bytes_max).await;
        }
        let outcome = wire.next().await;
        // Silence is not ended here but by the timer around.
        let Some(event) = event(&outcome) else { continue };
        match action(State::AwaitingClose, event) {
            Action::Ignore => {}
            Action::AbortAsProvider => {
                let reason = abort_reason(&outcome);
                if wire.write(&pdu::abort_by_provider(reason)).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}
