//! The association's requestor (PS3.8 §7.1): request, negotiated contexts, messages, release and abort, over any
//! transport.

use super::command::{COMMAND_BYTES_MAX, Command, NO_DATA_SET, field, tag};
use super::ending::{self, NotReleased};
use super::negotiate;
use super::pdu::{
    self, AbortReason, AssociateAc, AssociateRq, ContextResult, ProposedContext, RoleOffer, RoleSelection,
};
use super::state::{Action, Event, State, action};
use super::tls::TlsRequest;
use super::wire::{Fragment, FragmentEnd, FragmentKind, Received, Wire, WireError, put_pdata};
use crate::reach::{self, NotCalled};
use access::{Contact, OutOfReach, Reach};
use dataset::TransferSyntax;
use model::AeTitle;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Longest P-DATA-TF taken, and sent whatever the peer announces.
const PDU_BYTES_MAX: u32 = 131_072;
/// Longest wait for the peer to close after an abort or a rejection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Presentation contexts of one association at most: the odd identifiers (PS3.8 §9.3.2.2).
pub(crate) const CONTEXTS_MAX: usize = 128;

/// Why a peer did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No transport connection.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// Its address is none that this node calls.
    #[error("not called: it has {0}, which [dicom] networks does not name")]
    OutOfReach(OutOfReach),
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
    /// The peer does not serve the SOP class that is needed.
    #[error("the peer does not accept the SOP class or its transfer syntax")]
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

impl From<WireError> for RequestError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Closed => Self::Aborted,
            WireError::TimedOut => Self::TimedOut,
            WireError::Invalid(_) => Self::Protocol("an invalid PDU"),
            WireError::Io(kind) => Self::Unreachable(kind.to_string()),
        }
    }
}

/// A presentation context to be proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposed {
    pub abstract_syntax: String,
    pub transfer_syntaxes: Vec<String>,
}

impl Proposed {
    /// A context for messages with small data sets: the uncompressed little endian syntaxes.
    pub(crate) fn plain(abstract_syntax: &str) -> Self {
        let syntaxes = [TransferSyntax::EXPLICIT_LITTLE, TransferSyntax::IMPLICIT_LITTLE];
        Self {
            abstract_syntax: abstract_syntax.to_owned(),
            transfer_syntaxes: syntaxes.map(str::to_owned).to_vec(),
        }
    }
}

/// What an association is to be for.
#[derive(Debug, Clone)]
pub(crate) struct Proposal {
    pub calling: AeTitle,
    pub called: AeTitle,
    /// At most [`CONTEXTS_MAX`].
    pub contexts: Vec<Proposed>,
    /// SOP classes of which we are provider, not user: storage within C-GET, and the reports of storage commitment.
    pub provided: Vec<String>,
}

/// A context that the peer accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub id: u8,
    pub abstract_syntax: String,
    pub transfer_syntax: TransferSyntax,
}

/// A message's command, and the context that it came on.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub context_id: u8,
    pub command: Command,
}

/// An association that we asked for.
pub(crate) struct Requestor<S> {
    wire: Wire<S>,
    accepted: Vec<Accepted>,
    pdu_bytes_max: u32,
    timeout: Duration,
    last_message_id: u16,
}

/// A transport, plain or over TLS.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// A transport that is open.
pub(crate) type Link = Box<dyn Transport>;

/// Opens the transport to an application entity, over TLS when its contact says so, if its address is within reach.
///
/// # Errors
/// [`RequestError::Unreachable`], [`RequestError::OutOfReach`], [`RequestError::TimedOut`].
pub(crate) async fn dial(
    contact: &Contact,
    reach: &Reach,
    tls: Option<&TlsRequest>,
    timeout: Duration,
) -> Result<Link, RequestError> {
    let open = async {
        let unreachable = |error: std::io::Error| RequestError::Unreachable(error.kind().to_string());
        let addresses = reach::resolved(reach, &contact.host, contact.port).await;
        let addresses = addresses.map_err(|why| match why {
            NotCalled::Unknown => RequestError::Unreachable(why.to_string()),
            NotCalled::OutOfReach(why) => RequestError::OutOfReach(why),
        })?;
        let stream = TcpStream::connect(addresses.as_slice()).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        match (contact.transport, tls) {
            (access::Transport::Plain, _) => Ok(Box::new(stream) as Link),
            (access::Transport::Tls, None) => {
                Err(RequestError::Unreachable("this node has no [dicom.tls] to call with".to_owned()))
            }
            (access::Transport::Tls, Some(tls)) => {
                let stream = tls.connect(stream, &contact.host, contact.certificate_sha256).await;
                let stream = stream.map_err(|error| RequestError::Unreachable(error.to_string()))?;
                Ok(Box::new(stream) as Link)
            }
        }
    };
    tokio::time::timeout(timeout, open).await.map_err(|_| RequestError::TimedOut)?
}

impl<S: AsyncRead + AsyncWrite + Unpin> Requestor<S> {
    /// Asks for an association; every wait on it lasts `timeout` at most.
    ///
    /// # Errors
    /// [`RequestError`]; [`RequestError::NotServed`] when no context at all was accepted.
    pub(crate) async fn associate(
        stream: S,
        proposal: &Proposal,
        timeout: Duration,
    ) -> Result<Self, RequestError> {
        let mut wire = Wire::new(stream, PDU_BYTES_MAX, timeout);
        wire.write(&request(proposal).encode()).await?;
        let ac = confirmation(&mut wire).await?;
        wire.established(timeout);
        let theirs = if ac.pdu_bytes_max == 0 { PDU_BYTES_MAX } else { ac.pdu_bytes_max };
        let accepted = accepted(proposal, &ac);
        let pdu_bytes_max = theirs.clamp(8, PDU_BYTES_MAX);
        let mut requestor = Self { wire, accepted, pdu_bytes_max, timeout, last_message_id: 0 };
        if requestor.accepted.is_empty() {
            requestor.release().await?;
            return Err(RequestError::NotServed);
        }
        Ok(requestor)
    }

    /// The contexts that the peer accepted.
    pub(crate) fn accepted(&self) -> &[Accepted] {
        &self.accepted
    }

    /// The first context of an abstract syntax.
    ///
    /// # Errors
    /// [`RequestError::NotServed`].
    pub(crate) fn context(&self, abstract_syntax: &str) -> Result<Accepted, RequestError> {
        let found = self.accepted.iter().find(|context| context.abstract_syntax == abstract_syntax);
        found.cloned().ok_or(RequestError::NotServed)
    }

    /// A Message ID that no message under way has.
    pub(crate) fn next_message_id(&mut self) -> u16 {
        self.last_message_id = self.last_message_id.checked_add(1).unwrap_or(1);
        self.last_message_id
    }

    /// Sends a command, with a small data set or none.
    ///
    /// # Errors
    /// [`RequestError`].
    pub(crate) async fn send(
        &mut self,
        context_id: u8,
        command: &Command,
        data: Option<&[u8]>,
    ) -> Result<(), RequestError> {
        let data_set_type = if data.is_some() { 0 } else { NO_DATA_SET };
        let command = command.clone().with_u16(tag::COMMAND_DATA_SET_TYPE, data_set_type);
        let mut bytes = Vec::new();
        put_pdata(&mut bytes, context_id, FragmentKind::Command, &command.encode(), self.pdu_bytes_max);
        if let Some(data) = data {
            put_pdata(&mut bytes, context_id, FragmentKind::Data, data, self.pdu_bytes_max);
        }
        Ok(self.wire.write(&bytes).await?)
    }

    /// The transport, for streaming a message onto it.
    pub(crate) fn wire(&mut self) -> &mut Wire<S> {
        &mut self.wire
    }

    /// Longest P-DATA-TF that the peer takes.
    pub(crate) fn pdu_bytes_max(&self) -> u32 {
        self.pdu_bytes_max
    }

    /// The next command, whole.
    ///
    /// # Errors
    /// [`RequestError`]; whatever is out of place ends the association.
    pub(crate) async fn receive(&mut self) -> Result<Message, RequestError> {
        let mut bytes = Vec::new();
        let mut context_id = None;
        loop {
            let (fragment_context, end) = match next_fragment(&mut self.wire).await {
                Ok(fragment)
                    if fragment.kind == FragmentKind::Command
                        && context_id.is_none_or(|id| id == fragment.context)
                        && bytes.len() + fragment.bytes.len() <= COMMAND_BYTES_MAX =>
                {
                    bytes.extend_from_slice(fragment.bytes);
                    (fragment.context, fragment.end)
                }
                Ok(_) => return self.abort("something other than a command").await,
                Err(over) => return self.end(over).await,
            };
            context_id = Some(fragment_context);
            if end == FragmentEnd::Last {
                return match Command::decode(&bytes) {
                    Ok(command) if self.accepted.iter().any(|c| c.id == fragment_context) => {
                        Ok(Message { context_id: fragment_context, command })
                    }
                    _ => self.abort("a command that cannot be read").await,
                };
            }
        }
    }

    /// The next piece of the data set of a message, and whether it is the last; `take` gets its bytes.
    ///
    /// # Errors
    /// [`RequestError`].
    pub(crate) async fn receive_part(
        &mut self,
        message: &Message,
        piece: &mut Vec<u8>,
    ) -> Result<FragmentEnd, RequestError> {
        piece.clear();
        match next_fragment(&mut self.wire).await {
            Ok(fragment) if fragment.kind == FragmentKind::Data && fragment.context == message.context_id => {
                piece.extend_from_slice(fragment.bytes);
                Ok(fragment.end)
            }
            Ok(_) => self.abort("something other than the data set").await,
            Err(over) => self.end(over).await,
        }
    }

    /// The data set of a message, whole; not longer than `bytes_max`.
    ///
    /// # Errors
    /// [`RequestError`].
    pub(crate) async fn receive_small(
        &mut self,
        message: &Message,
        bytes_max: usize,
    ) -> Result<Vec<u8>, RequestError> {
        let (mut bytes, mut piece) = (Vec::new(), Vec::new());
        loop {
            let end = self.receive_part(message, &mut piece).await?;
            if bytes.len() + piece.len() > bytes_max {
                return self.abort("a data set over the limit").await;
            }
            bytes.extend_from_slice(&piece);
            if end == FragmentEnd::Last {
                return Ok(bytes);
            }
        }
    }

    /// The response to the message with this identifier; its data set, if it has one, is read and forgotten.
    ///
    /// # Errors
    /// [`RequestError`].
    pub(crate) async fn response(&mut self, message_id: u16) -> Result<Command, RequestError> {
        let message = self.receive().await?;
        if message.command.announces_data_set() {
            self.receive_small(&message, COMMAND_BYTES_MAX).await?;
        }
        let is_response = message.command.field() & field::RESPONSE != 0
            && message.command.u16(tag::MESSAGE_ID_BEING_RESPONDED_TO) == Some(message_id);
        if is_response { Ok(message.command) } else { self.abort("a response to something else").await }
    }

    /// Releases in order (Sta7), through a release collision if need be.
    ///
    /// # Errors
    /// [`RequestError`].
    pub(crate) async fn release(&mut self) -> Result<(), RequestError> {
        ending::release(&mut self.wire, self.timeout).await.map_err(|error| match error {
            NotReleased::Aborted => RequestError::Aborted,
            NotReleased::TimedOut => RequestError::TimedOut,
            NotReleased::Protocol => RequestError::Protocol("an unexpected PDU"),
        })
    }

    /// Aborts as service-user: what was begun cannot be ended in order.
    pub(crate) async fn abandon(mut self) {
        ending::abort(&mut self.wire, &pdu::abort_by_user(), CLOSE_TIMEOUT).await;
    }

    /// What is out of place within a message.
    async fn abort<T>(&mut self, why: &'static str) -> Result<T, RequestError> {
        abort(&mut self.wire, AbortReason::InvalidParameterValue, why).await
    }

    async fn end<T>(&mut self, over: Over) -> Result<T, RequestError> {
        match over {
            Over::Gone(error) => Err(error),
            Over::Protocol(reason, why) => abort(&mut self.wire, reason, why).await,
            Over::Released => {
                self.wire.write(&pdu::release_rp()).await?;
                ending::await_close(&mut self.wire, CLOSE_TIMEOUT).await;
                Err(RequestError::Aborted)
            }
        }
    }
}

/// Why no fragment came.
enum Over {
    Gone(RequestError),
    /// The peer asks for release though it owes an answer: it gets it (AR-2, AR-4).
    Released,
    Protocol(AbortReason, &'static str),
}

/// The next piece of a PDV in Sta6.
async fn next_fragment<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>) -> Result<Fragment<'_>, Over> {
    let outcome = wire.next().await;
    let Some(event) = ending::event(&outcome) else { return Err(Over::Gone(RequestError::TimedOut)) };
    let reason = ending::abort_reason(&outcome);
    match (action(State::Established, event), outcome) {
        (_, Ok(Received::Fragment(fragment))) => Ok(fragment),
        (Action::Close, _) => Err(Over::Gone(RequestError::Aborted)),
        (Action::AnswerRelease, _) => Err(Over::Released),
        (_, Err(_)) => Err(Over::Protocol(reason, "an invalid PDU")),
        _ => Err(Over::Protocol(reason, "an unexpected PDU")),
    }
}

async fn abort<S: AsyncRead + AsyncWrite + Unpin, T>(
    wire: &mut Wire<S>,
    reason: AbortReason,
    why: &'static str,
) -> Result<T, RequestError> {
    ending::abort(wire, &pdu::abort_by_provider(reason), CLOSE_TIMEOUT).await;
    Err(RequestError::Protocol(why))
}

/// The A-ASSOCIATE-RQ of a proposal; contexts get the odd identifiers in order.
fn request(proposal: &Proposal) -> AssociateRq {
    let contexts = (1..=u8::MAX).step_by(2).zip(&proposal.contexts);
    let role =
        |class: &String| RoleSelection { sop_class: class.clone(), scu: RoleOffer::No, scp: RoleOffer::Yes };
    AssociateRq {
        contexts: contexts
            .map(|(id, context)| ProposedContext {
                id,
                abstract_syntax: context.abstract_syntax.clone(),
                transfer_syntaxes: context.transfer_syntaxes.clone(),
            })
            .collect(),
        roles: proposal.provided.iter().map(role).collect(),
        ..negotiate::request(&proposal.calling, &proposal.called, "", PDU_BYTES_MAX)
    }
}

/// What was proposed and accepted, with a transfer syntax that was proposed.
fn accepted(proposal: &Proposal, ac: &AssociateAc) -> Vec<Accepted> {
    let proposed = (1..=u8::MAX).step_by(2).zip(&proposal.contexts);
    proposed
        .filter_map(|(id, context)| {
            let answer = ac.contexts.iter().find(|answer| answer.id == id)?;
            let syntax = &answer.transfer_syntax;
            if answer.result != ContextResult::Accepted || !context.transfer_syntaxes.contains(syntax) {
                return None;
            }
            let transfer_syntax = TransferSyntax::parse(syntax).ok()?;
            Some(Accepted { id, abstract_syntax: context.abstract_syntax.clone(), transfer_syntax })
        })
        .collect()
}

/// Sta5: the answer to the request.
async fn confirmation<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
) -> Result<AssociateAc, RequestError> {
    let outcome = wire.next().await;
    let event = ending::event(&outcome).ok_or(RequestError::TimedOut)?;
    let reason = ending::abort_reason(&outcome);
    let why = if event == Event::Invalid { "an invalid PDU" } else { "an unexpected PDU" };
    match (action(State::AwaitingAssociateAc, event), &outcome) {
        (Action::ConfirmAssociation, Ok(Received::Pdu(_, body))) => match AssociateAc::decode(body) {
            Ok(ac) => Ok(ac),
            Err(reason) => abort(wire, reason, "an invalid A-ASSOCIATE-AC").await,
        },
        (Action::ConfirmRejection, Ok(Received::Pdu(_, body))) => {
            let [_, result, source_byte, reason] = body[..] else {
                return Err(RequestError::Protocol("an invalid A-ASSOCIATE-RJ"));
            };
            Err(RequestError::Rejected { result, source_byte, reason })
        }
        (Action::Close, _) => Err(RequestError::Aborted),
        _ => abort(wire, reason, why).await,
    }
}

#[cfg(test)]
#[path = "requestor_tests.rs"]
mod tests;
