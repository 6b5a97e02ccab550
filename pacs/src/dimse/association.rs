//! One association from its request to its end: who may enter, the messages within, and how it is left.

use super::command::{COMMAND_BYTES_MAX, Command, field, tag};
use super::negotiate::{self, Agreed, Context};
use super::pdu::{self, AbortReason, AssociateAc, AssociateRq, PduType, Rejection};
use super::seats::Seat;
use super::server::Node;
use super::sop::Service;
use super::state::{Action, Event, State, action};
use super::wire::{Fragment, FragmentEnd, FragmentKind, Received, Wire, WireError, put_pdata};
use super::{find, identity, status, store};
use access::Caller;
use model::{Actor, ActorKind, AeTitle, Reach, Scope};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use storage::{AuditAction, AuditEntry, AuditOutcome, StorageError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;

/// Longest wait for the peer to close after our last PDU.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why an association is over, or must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The peer asked for release.
    Released,
    /// The peer aborted or closed the transport.
    Gone,
    /// We abort as service-provider, for this reason.
    Abort(AbortReason),
    /// We abort as service-user: the node shuts down, or a limit is reached.
    AbortAsUser,
}

impl From<WireError> for Stop {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Closed | WireError::Io(_) => Self::Gone,
            WireError::TimedOut => Self::AbortAsUser,
            WireError::Invalid(reason) => Self::Abort(reason),
        }
    }
}

/// An association that stands.
pub(crate) struct Association<'a, S> {
    pub node: &'a Node,
    pub wire: Wire<S>,
    pub agreed: Agreed,
    pub caller: Caller,
}

/// A request that has been let in.
struct Admitted {
    ac: AssociateAc,
    agreed: Agreed,
    caller: Caller,
    seat: Seat,
}

/// Serves a transport from its first byte to its close. `waiting` is given back when the association stands.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    node: &Node,
    stream: S,
    peer: IpAddr,
    waiting: OwnedSemaphorePermit,
) {
    let limits = &node.config.limits;
    let artim = Duration::from_millis(limits.artim_timeout_ms);
    let mut wire = Wire::new(stream, limits.pdu_bytes_max, artim);
    let request = tokio::select! {
        () = node.shutdown.cancelled() => return,
        request = tokio::time::timeout(artim, receive_request(&mut wire)) => request,
    };
    let rq = match request {
        Ok(Ok(rq)) => rq,
        Ok(Err(stop)) => return leave(node, &mut wire, stop).await,
        // The ARTIM timer: the transport is closed without a word (AA-2).
        Err(_) => return,
    };
    let admitted = match admit(node, &rq, peer).await {
        Ok(admitted) => admitted,
        Err(rejection) => {
            note_refusal(node, &rq, peer, rejection).await;
            if wire.write(&pdu::associate_rj(rejection)).await.is_ok() {
                wire.await_close(CLOSE_TIMEOUT.min(artim)).await;
            }
            return;
        }
    };
    let Admitted { ac, agreed, caller, seat } = admitted;
    if wire.write(&ac.encode()).await.is_err() {
        return;
    }
    drop(waiting);
    node.counters.associations_accepted.add(1);
    node.counters.associations_open.add(1);
    tracing::debug!(ae = %caller.scope().actor.id, %peer, implementation = %rq.implementation_version, "association");
    wire.established(Duration::from_millis(limits.dimse_idle_timeout_ms));
    let mut association = Association { node, wire, agreed, caller };
    let stop = association.run().await;
    drop(seat);
    node.counters.associations_open.subtract(1);
    node.counters.bytes_received.add(association.wire.bytes_read());
    leave(node, &mut association.wire, stop).await;
}

async fn receive_request<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>) -> Result<AssociateRq, Stop> {
    let (event, body) = match wire.next().await {
        Ok(Received::Fragment(_)) => (Event::Pdu(PduType::PData), Vec::new()),
        Ok(Received::Pdu(kind, body)) => (Event::Pdu(kind), body),
        Err(WireError::Invalid(_)) => (Event::Invalid, Vec::new()),
        Err(WireError::TimedOut) => (Event::ArtimExpired, Vec::new()),
        Err(error) => return Err(error.into()),
    };
    match action(State::AwaitingAssociateRq, event) {
        Action::ConsiderAssociation => AssociateRq::decode(&body).map_err(Stop::Abort),
        Action::Close => Err(Stop::Gone),
        _ => Err(Stop::AbortAsUser),
    }
}

/// AE-6: whether the request is accepted.
async fn admit(node: &Node, rq: &AssociateRq, peer: IpAddr) -> Result<Admitted, Rejection> {
    let calling = negotiate::titles(rq, &node.config.ae_title)?;
    let device = match node.storage.device(&calling).await {
        Ok(device) => device,
        Err(StorageError::NotFound) => return Err(Rejection::CallingAeTitle),
        Err(_) => return Err(Rejection::TemporaryCongestion),
    };
    let seat = node.seats.take(&calling).ok_or(Rejection::LocalLimitExceeded)?;
    let identity_accepted = match &rq.user_identity {
        Some(offered) => identity::check(node, &device, offered).await?,
        None => false,
    };
    let limits = &node.config.limits;
    let contexts_max = limits.presentation_contexts_max;
    let (ac, agreed) = negotiate::answer(rq, limits.pdu_bytes_max, contexts_max, identity_accepted)?;
    Ok(Admitted { ac, agreed, caller: Caller::device(&device, Some(peer)), seat })
}

/// The last PDU, when there is one to be sent, and the wait for the close (Sta13).
async fn leave<S: AsyncRead + AsyncWrite + Unpin>(node: &Node, wire: &mut Wire<S>, stop: Stop) {
    let last = match stop {
        Stop::Gone => return,
        Stop::Released => pdu::release_rp(),
        Stop::Abort(reason) => pdu::abort_by_provider(reason),
        Stop::AbortAsUser => pdu::abort_by_user(),
    };
    if stop != Stop::Released {
        node.counters.associations_aborted.add(1);
        tracing::debug!(?stop, "aborted");
    }
    if wire.write(&last).await.is_ok() {
        wire.await_close(CLOSE_TIMEOUT).await;
    }
}

/// A command that has arrived, with the presentation context it came on.
pub(crate) struct Request {
    pub context_id: u8,
    pub context: Context,
    pub command: Command,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Association<'_, S> {
    async fn run(&mut self) -> Stop {
        loop {
            let input = tokio::select! {
                biased;
                () = self.node.shutdown.cancelled() => return Stop::AbortAsUser,
                input = self.wire.wait_input() => input,
            };
            let served = match input {
                Ok(()) => self.serve_request().await,
                Err(error) => return error.into(),
            };
            if let Err(stop) = served {
                return stop;
            }
        }
    }

    async fn serve_request(&mut self) -> Result<(), Stop> {
        let request = self.receive_command().await?;
        match (request.context.service, request.command.field()) {
            (_, field::C_CANCEL_RQ) => Ok(()),
            (Service::Verification, field::C_ECHO_RQ) => {
                self.node.counters.echoes.add(1);
                self.respond(&request, &request.command.response(status::SUCCESS)).await
            }
            (Service::Storage, field::C_STORE_RQ) => store::serve(self, &request).await,
            (Service::StudyRootFind | Service::PatientRootFind, field::C_FIND_RQ) => {
                find::serve(self, &request).await
            }
            // We have asked nothing, so nothing can be answered.
            (_, response) if response & field::RESPONSE != 0 => Err(Stop::Abort(AbortReason::UnexpectedPdu)),
            _ => {
                self.skip_data_set(&request).await?;
                self.respond(&request, &request.command.response(status::UNRECOGNISED_OPERATION)).await
            }
        }
    }

    /// The next command, whole; it is bounded.
    pub(crate) async fn receive_command(&mut self) -> Result<Request, Stop> {
        let mut bytes = Vec::new();
        let mut context_id = None;
        loop {
            let fragment = next_fragment(&mut self.wire).await?;
            let is_in_place = fragment.kind == FragmentKind::Command
                && context_id.is_none_or(|id| id == fragment.context)
                && self.agreed.contexts.contains_key(&fragment.context);
            if !is_in_place || bytes.len() + fragment.bytes.len() > COMMAND_BYTES_MAX {
                return Err(Stop::Abort(AbortReason::InvalidParameterValue));
            }
            context_id = Some(fragment.context);
            bytes.extend_from_slice(fragment.bytes);
            if fragment.end == FragmentEnd::Last {
                let id = fragment.context;
                let command = Command::decode(&bytes);
                let command = command.map_err(|_| Stop::Abort(AbortReason::InvalidParameterValue))?;
                let context = self.agreed.contexts.get(&id).cloned();
                let context = context.ok_or(Stop::Abort(AbortReason::InvalidParameterValue))?;
                return Ok(Request { context_id: id, context, command });
            }
        }
    }

    /// The next piece of the data set that belongs to a request.
    pub(crate) async fn receive_data(&mut self, request: &Request) -> Result<Fragment<'_>, Stop> {
        let fragment = next_fragment(&mut self.wire).await?;
        if fragment.kind != FragmentKind::Data || fragment.context != request.context_id {
            return Err(Stop::Abort(AbortReason::InvalidParameterValue));
        }
        Ok(fragment)
    }

    /// Reads a small data set whole; `None` when it is longer than `bytes_max`, and then it has been skipped.
    pub(crate) async fn receive_small(
        &mut self,
        request: &Request,
        bytes_max: usize,
    ) -> Result<Option<Vec<u8>>, Stop> {
        let object_bytes_max = self.node.config.limits.object_bytes_max;
        let mut bytes = Some(Vec::new());
        let mut length = 0_u64;
        loop {
            let fragment = self.receive_data(request).await?;
            length += fragment.bytes.len() as u64;
            if length > object_bytes_max {
                return Err(Stop::AbortAsUser);
            }
            match &mut bytes {
                Some(kept) if length <= bytes_max as u64 => kept.extend_from_slice(fragment.bytes),
                _ => bytes = None,
            }
            if fragment.end == FragmentEnd::Last {
                return Ok(bytes);
            }
        }
    }

    /// Skips the data set of a request that is refused, so that the association survives.
    pub(crate) async fn skip_data_set(&mut self, request: &Request) -> Result<(), Stop> {
        if request.command.announces_data_set() {
            self.receive_small(request, 0).await?;
        }
        Ok(())
    }

    /// Sends a response without a data set.
    pub(crate) async fn respond(&mut self, request: &Request, response: &Command) -> Result<(), Stop> {
        let mut bytes = Vec::with_capacity(512);
        self.put_response(&mut bytes, request, response, None);
        Ok(self.wire.write(&bytes).await?)
    }

    /// Sends a failure with a comment.
    pub(crate) async fn refuse(&mut self, request: &Request, status: u16, comment: &str) -> Result<(), Stop> {
        let response = request.command.response(status).with_text(tag::ERROR_COMMENT, comment);
        self.respond(request, &response).await
    }

    /// Appends a response to what will be written.
    pub(crate) fn put_response(
        &self,
        to: &mut Vec<u8>,
        request: &Request,
        response: &Command,
        data: Option<&[u8]>,
    ) {
        let (id, pdu_bytes_max) = (request.context_id, self.agreed.pdu_bytes_max);
        put_pdata(to, id, FragmentKind::Command, &response.encode(), pdu_bytes_max);
        if let Some(data) = data {
            put_pdata(to, id, FragmentKind::Data, data, pdu_bytes_max);
        }
    }
}

/// The next piece of a PDV in Sta6; every other PDU ends the association in the way that Table 9-10 says.
async fn next_fragment<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>) -> Result<Fragment<'_>, Stop> {
    match wire.next().await? {
        Received::Fragment(fragment) => Ok(fragment),
        Received::Pdu(kind, _) => Err(match action(State::Established, Event::Pdu(kind)) {
            Action::AnswerRelease => Stop::Released,
            Action::Close => Stop::Gone,
            _ => Stop::Abort(AbortReason::UnexpectedPdu),
        }),
    }
}

/// Refusals on the audit chain, bounded: a peer that knocks without end must not fill it.
#[derive(Debug, Default)]
pub(crate) struct RefusalAudits(Mutex<Option<(Instant, u32)>>);

/// Refusals recorded in one minute at most.
const REFUSAL_AUDITS_PER_MINUTE: u32 = 120;

impl RefusalAudits {
    fn take(&self, now: Instant) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *window {
            Some((begin, count)) if now.duration_since(*begin) < Duration::from_secs(60) => {
                *count += 1;
                *count <= REFUSAL_AUDITS_PER_MINUTE
            }
            other => {
                *other = Some((now, 1));
                true
            }
        }
    }
}

async fn note_refusal(node: &Node, rq: &AssociateRq, peer: IpAddr, rejection: Rejection) {
    node.counters.associations_rejected.add(1);
    let calling = negotiate::title(&rq.calling);
    let title = calling.as_ref().map_or("", AeTitle::as_str);
    tracing::info!(ae = title, %peer, reason = rejection.word(), "association rejected");
    if !node.refusal_audits.take(Instant::now()) {
        return;
    }
    let actor = Actor { kind: ActorKind::Ae, id: title.to_owned(), address: Some(peer) };
    let entry = AuditEntry {
        action: AuditAction::Login,
        object: format!("ae/{title}"),
        outcome: AuditOutcome::Refused,
        detail: rejection.word().to_owned(),
    };
    // The actor is nobody's yet, so the record belongs to the node.
    if let Err(error) = node.storage.audit(&Scope { actor, reach: Reach::Node }, entry).await {
        tracing::warn!(%error, "a rejected association could not be audited");
    }
}
