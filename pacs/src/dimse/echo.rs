//! C-ECHO as user (PS3.4 Annex A, PS3.7 §9.3.5): is somebody there, and do they know us?

use super::command::{COMMAND_BYTES_MAX, Command, NO_DATA_SET, field, tag};
use super::ending::{self, CLOSE_TIMEOUT, NotReleased};
use super::negotiate;
use super::pdu::{self, AbortReason, AssociateAc, ContextResult};
use super::sop;
use super::state::{Action, State, action};
use super::wire::{FragmentEnd, FragmentKind, Received, Wire, WireError, put_pdata};
use model::AeTitle;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Why there was no echo.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EchoError {
    /// No transport connection.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The association was rejected (PS3.8 Table 9-21).
    #[error("the association was rejected (result {result}, source {source_byte}, reason {reason})")]
    Rejected {
        /// 1 permanent, 2 transient.
        result: u8,
        /// 1 service-user, 2 and 3 service-provider.
        source_byte: u8,
        /// The reason, whose meaning depends on the source.
        reason: u8,
    },
    /// The peer does not serve Verification.
    #[error("the peer does not accept the Verification SOP class")]
    NotServed,
    /// The peer aborted or closed.
    #[error("the peer aborted")]
    Aborted,
    /// The peer broke the protocol.
    #[error("the peer broke the protocol: {0}")]
    Protocol(&'static str),
    /// The peer answered with a failure status (PS3.7 Annex C).
    #[error("the peer answered with status {0:04X}H")]
    Status(u16),
}

impl From<WireError> for EchoError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Closed => Self::Aborted,
            WireError::TimedOut => Self::TimedOut,
            WireError::Invalid(_) => Self::Protocol("an invalid PDU"),
            WireError::Io(kind) => Self::Unreachable(kind.to_string()),
        }
    }
}

/// Longest P-DATA-TF taken: an echo needs little.
const PDU_BYTES_MAX: u32 = 16_384;

/// Sends one C-ECHO and releases. The answer is how long the echo itself took.
///
/// # Errors
/// [`EchoError`].
pub async fn echo(
    address: SocketAddr,
    calling: &AeTitle,
    called: &AeTitle,
    timeout: Duration,
) -> Result<Duration, EchoError> {
    let work = async {
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(|error| EchoError::Unreachable(error.kind().to_string()))?;
        stream.set_nodelay(true).map_err(|error| EchoError::Unreachable(error.kind().to_string()))?;
        echo_over(stream, calling, called, timeout).await
    };
    tokio::time::timeout(timeout, work).await.map_err(|_| EchoError::TimedOut)?
}

/// The same over a transport that is open.
pub(crate) async fn echo_over<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    calling: &AeTitle,
    called: &AeTitle,
    timeout: Duration,
) -> Result<Duration, EchoError> {
    let mut wire = Wire::new(stream, PDU_BYTES_MAX, timeout);
    wire.write(&negotiate::request(calling, called, sop::VERIFICATION, PDU_BYTES_MAX).encode()).await?;
    let pdu_bytes_max = associated(&mut wire, timeout).await?;
    let begin = Instant::now();
    let request = Command::default()
        .with_uid(tag::AFFECTED_SOP_CLASS_UID, sop::VERIFICATION)
        .with_u16(tag::COMMAND_FIELD, field::C_ECHO_RQ)
        .with_u16(tag::MESSAGE_ID, 1)
        .with_u16(tag::COMMAND_DATA_SET_TYPE, NO_DATA_SET);
    let mut bytes = Vec::new();
    put_pdata(&mut bytes, 1, FragmentKind::Command, &request.encode(), pdu_bytes_max);
    wire.write(&bytes).await?;
    let status = response_status(&mut wire).await?;
    let took = begin.elapsed();
    release(&mut wire, timeout).await?;
    if status == 0 { Ok(took) } else { Err(EchoError::Status(status)) }
}

/// Sta5: the answer to the request; how long our PDUs may be.
async fn associated<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    timeout: Duration,
) -> Result<u32, EchoError> {
    let outcome = wire.next().await;
    let event = ending::event(&outcome).ok_or(EchoError::TimedOut)?;
    let reason = ending::abort_reason(&outcome);
    match (action(State::AwaitingAssociateAc, event), &outcome) {
        (Action::ConfirmAssociation, Ok(Received::Pdu(_, body))) => {
            let Ok(ac) = AssociateAc::decode(body) else {
                return abort(wire, AbortReason::InvalidParameterValue, "an invalid A-ASSOCIATE-AC").await;
            };
            if !ac.contexts.iter().any(|c| c.id == 1 && c.result == ContextResult::Accepted) {
                release(wire, timeout).await?;
                return Err(EchoError::NotServed);
            }
            Ok(if ac.pdu_bytes_max == 0 { PDU_BYTES_MAX } else { ac.pdu_bytes_max.min(PDU_BYTES_MAX) })
        }
        (Action::ConfirmRejection, Ok(Received::Pdu(_, body))) => {
            let [_, result, source_byte, reason] = body[..] else {
                return Err(EchoError::Protocol("an invalid A-ASSOCIATE-RJ"));
            };
            Err(EchoError::Rejected { result, source_byte, reason })
        }
        (Action::Close, _) => Err(EchoError::Aborted),
        _ => abort(wire, reason, "an unexpected PDU").await,
    }
}

/// Sta6: the response.
async fn response_status<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>) -> Result<u16, EchoError> {
    let mut bytes = Vec::new();
    loop {
        let outcome = wire.next().await;
        let end = match &outcome {
            Ok(Received::Fragment(f))
                if f.kind == FragmentKind::Command && f.context == 1 && bytes.len() < COMMAND_BYTES_MAX =>
            {
                bytes.extend_from_slice(f.bytes);
                f.end
            }
            Ok(Received::Fragment(_)) => {
                return abort(wire, AbortReason::InvalidParameterValue, "data that nobody asked for").await;
            }
            outcome => {
                let event = ending::event(outcome).ok_or(EchoError::TimedOut)?;
                let reason = ending::abort_reason(outcome);
                return match action(State::Established, event) {
                    Action::Close => Err(EchoError::Aborted),
                    Action::AnswerRelease => {
                        wire.write(&pdu::release_rp()).await?;
                        ending::await_close(wire, CLOSE_TIMEOUT).await;
                        Err(EchoError::Aborted)
                    }
                    _ => abort(wire, reason, "an unexpected PDU").await,
                };
            }
        };
        if end == FragmentEnd::Last {
            break;
        }
    }
    let is_echo = |command: &Command| command.field() == field::C_ECHO_RQ | field::RESPONSE;
    match Command::decode(&bytes).ok().filter(is_echo).and_then(|command| command.u16(tag::STATUS)) {
        Some(status) => Ok(status),
        None => abort(wire, AbortReason::UnexpectedPdu, "something other than a C-ECHO response").await,
    }
}

async fn release<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    timeout: Duration,
) -> Result<(), EchoError> {
    ending::release(wire, timeout).await.map_err(|error| match error {
        NotReleased::Aborted => EchoError::Aborted,
        NotReleased::TimedOut => EchoError::TimedOut,
        NotReleased::Protocol => EchoError::Protocol("an unexpected PDU"),
    })
}

async fn abort<S: AsyncRead + AsyncWrite + Unpin, T>(
    wire: &mut Wire<S>,
    reason: AbortReason,
    why: &'static str,
) -> Result<T, EchoError> {
    ending::abort(wire, &pdu::abort_by_provider(reason), CLOSE_TIMEOUT).await;
    Err(EchoError::Protocol(why))
}
