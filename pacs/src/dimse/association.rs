//! One association as acceptor, from its request to its end: the messages within, and how it is left.

use super::admission::{self, Admitted};
use super::command::{COMMAND_BYTES_MAX, Command, field, tag};
use super::ending::{self, CLOSE_TIMEOUT};
use super::negotiate::{Agreed, Context};
use super::pdu::{self, AbortReason, AssociateRq};
use super::seats::Seat;
use super::server::Node;
use super::sop::Service;
use super::state::{Action, Event, State, action};
use super::wire::{Fragment, FragmentEnd, FragmentKind, Received, Wire, WireError, put_pdata};
use super::{commitment, find, get_scp, move_scp, status, store, worklist};
use access::{Caller, Presented, Right};
use dataset::charset::Assumed;
use model::{AeTitle, Uid};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;
use storage::{AuditAction, AuditEntry, AuditOutcome};
use tokio::io::{AsyncRead, AsyncWrite};

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
    /// What its texts are taken for where their label says nothing of use.
    pub assumed_charset: Option<Assumed>,
    /// The title that the peer called with.
    pub calling: AeTitle,
    /// Reports of storage commitment that are not answered yet: message and transaction.
    pub reports: HashMap<u16, Uid>,
    /// Of messages that we begin on it: sub-operations of C-GET, reports of storage commitment.
    last_message_id: u16,
    /// Services that were asked for without the right to them.
    not_authorised: HashSet<Service>,
}

/// Serves a transport from its first byte to its close. `waiting` is given back when the association stands.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
    node: &Node,
    stream: S,
    presented: Presented,
    waiting: Seat<IpAddr>,
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
    let admitted = admission::admit(node, &rq, &presented).await;
    if let Err(stop) = nothing_since(&mut wire).await {
        return leave(node, &mut wire, stop).await;
    }
    let Admitted { ac, agreed, caller, assumed_charset, calling, seat } = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => {
            admission::note_refusal(node, &rq, presented.address, refusal).await;
            if wire.write(&pdu::associate_rj(refusal.rejection)).await.is_ok() {
                ending::await_close(&mut wire, CLOSE_TIMEOUT.min(artim)).await;
            }
            return;
        }
    };
    if wire.write(&ac.encode()).await.is_err() {
        return;
    }
    drop(waiting);
    node.counters.associations_accepted.add(1);
    node.counters.associations_open.add(1);
    let (ae, peer) = (&caller.scope().actor.id, presented.address);
    tracing::debug!(%ae, %peer, implementation = %rq.implementation_version, "association");
    wire.established(Duration::from_millis(limits.dimse_idle_timeout_ms));
    let mut association = Association {
        node,
        wire,
        agreed,
        caller,
        assumed_charset,
        calling,
        reports: HashMap::new(),
        last_message_id: 0,
        not_authorised: HashSet::new(),
    };
    let stop = association.run().await;
    drop(seat);
    node.counters.associations_open.subtract(1);
    node.counters.bytes_received.add(association.wire.bytes_read());
    leave(node, &mut association.wire, stop).await;
}

/// Sta2: the request.
async fn receive_request<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>) -> Result<AssociateRq, Stop> {
    let outcome = wire.next().await;
    let event = ending::event(&outcome).unwrap_or(Event::ArtimExpired);
    match (action(State::AwaitingAssociateRq, event), outcome) {
        // A request whose items do not fit is an invalid PDU, too (AA-1).
        (Action::ConsiderAssociation, Ok(Received::Pdu(_, body))) => {
            AssociateRq::decode(&body).map_err(|_| Stop::AbortAsUser)
        }
        (Action::Close, _) => Err(Stop::Gone),
        _ => Err(Stop::AbortAsUser),
    }
}

/// Sta3: whoever has asked waits for the answer; what came meanwhile ends the association before it began.
async fn nothing_since<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>) -> Result<(), Stop> {
    if !wire.has_input().await? {
        return Ok(());
    }
    let outcome = wire.next().await;
    let event = ending::event(&outcome).ok_or(Stop::AbortAsUser)?;
    Err(match action(State::ConsideringAssociation, event) {
        Action::Close => Stop::Gone,
        _ => Stop::Abort(ending::abort_reason(&outcome)),
    })
}

/// The last PDU, when there is one to be sent, and the wait for the close (Sta13).
async fn leave<S: AsyncRead + AsyncWrite + Unpin>(node: &Node, wire: &mut Wire<S>, stop: Stop) {
    let last = match stop {
        Stop::Gone => return wire.close().await,
        Stop::Released => pdu::release_rp(),
        Stop::Abort(reason) => pdu::abort_by_provider(reason),
        Stop::AbortAsUser => pdu::abort_by_user(),
    };
    if stop != Stop::Released {
        node.counters.associations_aborted.add(1);
        tracing::debug!(?stop, "aborted");
    }
    if wire.write(&last).await.is_ok() {
        let artim = Duration::from_millis(node.config.limits.artim_timeout_ms);
        ending::await_close(wire, CLOSE_TIMEOUT.min(artim)).await;
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
        if !self.is_allowed(&request) {
            self.skip_data_set(&request).await?;
            self.note_not_authorised(&request).await;
            return self.refuse(&request, status::NOT_AUTHORISED, "this AE may not do this").await;
        }
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
            (Service::StudyRootMove | Service::PatientRootMove, field::C_MOVE_RQ) => {
                move_scp::serve(self, &request).await
            }
            (Service::StudyRootGet | Service::PatientRootGet, field::C_GET_RQ) => {
                get_scp::serve(self, &request).await
            }
            (Service::ModalityWorklist, field::C_FIND_RQ) => worklist::serve(self, &request).await,
            (Service::StorageCommitment, field::N_ACTION_RQ) => commitment::serve(self, &request).await,
            (Service::StorageCommitment, response)
                if response == field::N_EVENT_REPORT_RQ | field::RESPONSE =>
            {
                commitment::told(self, &request).await
            }
            // We have asked nothing else, so nothing can be answered.
            (_, response) if response & field::RESPONSE != 0 => Err(Stop::Abort(AbortReason::UnexpectedPdu)),
            _ => {
                self.skip_data_set(&request).await?;
                self.respond(&request, &request.command.response(status::UNRECOGNISED_OPERATION)).await
            }
        }
    }

    /// Whether the calling AE has the right that a service asks for. Responses and C-CANCEL need none.
    fn is_allowed(&self, request: &Request) -> bool {
        let field = request.command.field();
        let is_request = field & field::RESPONSE == 0 && field != field::C_CANCEL_RQ;
        !is_request || request.context.service.right().is_none_or(|right| self.caller.may(right))
    }

    /// Once per association and service: a sender that repeats itself must not fill the audit chain.
    async fn note_not_authorised(&mut self, request: &Request) {
        let service = request.context.service;
        if !self.not_authorised.insert(service) {
            return;
        }
        let entry = AuditEntry {
            action: AuditAction::Login,
            object: format!("ae/{}", self.caller.scope().actor.id),
            outcome: AuditOutcome::Refused,
            detail: format!("not-authorised/{}", service.word()),
        };
        if let Err(error) = self.node.storage.audit(self.caller.scope(), entry).await {
            tracing::warn!(%error, "a refused operation could not be audited");
        }
    }

    /// A Message ID for a message of ours.
    pub(crate) fn next_message_id(&mut self) -> u16 {
        self.last_message_id = self.last_message_id.checked_add(1).unwrap_or(1);
        self.last_message_id
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

    /// The same, with its bytes in `room`, which must not be empty.
    pub(crate) async fn receive_data_into<'r>(
        &mut self,
        request: &Request,
        room: &'r mut [u8],
    ) -> Result<Fragment<'r>, Stop> {
        let fragment = fragment_of(self.wire.next_into(room).await?)?;
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
        let skipped_bytes_max = self.node.config.limits.refused_bytes_max;
        let mut bytes = Some(Vec::new());
        let mut length = 0_u64;
        loop {
            let fragment = self.receive_data(request).await?;
            length += fragment.bytes.len() as u64;
            if length > skipped_bytes_max {
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

    /// Reads the identifier of a request that needs `right`; or the status and the comment of the refusal, `denied` when
    /// the right is missing.
    pub(crate) async fn receive_identifier(
        &mut self,
        request: &Request,
        (right, denied): (Right, &'static str),
    ) -> Result<Result<dataset::Dataset, (u16, &'static str)>, Stop> {
        if !request.command.announces_data_set() {
            return Ok(Err((status::DOES_NOT_MATCH_SOP_CLASS, "no identifier")));
        }
        let limits = &self.node.config.limits;
        let Some(bytes) = self.receive_small(request, limits.identifier_bytes_max as usize).await? else {
            return Ok(Err((status::OUT_OF_RESOURCES, "the identifier is too long")));
        };
        if !self.caller.may(right) {
            return Ok(Err((status::NOT_AUTHORISED, denied)));
        }
        let Ok(mut scanned) = dataset::scan::scan(&bytes, &request.context.transfer_syntax, limits) else {
            return Ok(Err((status::CANNOT_UNDERSTAND, "the identifier is no data set")));
        };
        if let Some(assumed) = self.assumed_charset {
            scanned.dataset.assume_charset(assumed);
        }
        Ok(Ok(scanned.dataset))
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

/// The next piece of a PDV in Sta6.
async fn next_fragment<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>) -> Result<Fragment<'_>, Stop> {
    fragment_of(wire.next().await?)
}

/// Everything but a piece of a PDV ends the association in the way that Table 9-10 says.
fn fragment_of(received: Received<'_>) -> Result<Fragment<'_>, Stop> {
    match received {
        Received::Fragment(fragment) => Ok(fragment),
        Received::Pdu(kind, _) => Err(match action(State::Established, Event::Pdu(kind)) {
            Action::AnswerRelease => Stop::Released,
            Action::Close => Stop::Gone,
            _ => Stop::Abort(AbortReason::UnexpectedPdu),
        }),
    }
}
