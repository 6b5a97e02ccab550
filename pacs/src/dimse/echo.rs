//! C-ECHO as user (PS3.4 Annex A, PS3.7 §9.3.5): is somebody there, and do they know us?

use super::command::{Command, field, tag};
use super::requestor::{Proposal, Proposed, RequestError, Requestor, dial};
use super::sop;
use super::tls::TlsRequest;
use access::{Contact, Reach};
use model::AeTitle;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};

/// Sends one C-ECHO and releases, wherever whoever runs this machine says. The answer is how long the echo itself took.
///
/// # Errors
/// [`RequestError`].
pub async fn echo(
    contact: impl Into<Contact>,
    calling: &AeTitle,
    called: &AeTitle,
    timeout: Duration,
) -> Result<Duration, RequestError> {
    echo_to(&contact.into(), (&Reach::everywhere(), None), calling, called, timeout).await
}

/// The same where it is within reach, over TLS where the contact says so.
pub(crate) async fn echo_to(
    contact: &Contact,
    (reach, tls): (&Reach, Option<&TlsRequest>),
    calling: &AeTitle,
    called: &AeTitle,
    timeout: Duration,
) -> Result<Duration, RequestError> {
    let work = async {
        let stream = dial(contact, reach, tls, timeout).await?;
        echo_over(stream, calling, called, timeout).await
    };
    tokio::time::timeout(timeout, work).await.map_err(|_| RequestError::TimedOut)?
}

/// The same over a transport that is open.
pub(crate) async fn echo_over<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    calling: &AeTitle,
    called: &AeTitle,
    timeout: Duration,
) -> Result<Duration, RequestError> {
    let proposal = Proposal {
        calling: calling.clone(),
        called: called.clone(),
        contexts: vec![Proposed::plain(sop::VERIFICATION)],
        provided: Vec::new(),
    };
    let mut requestor = Requestor::associate(stream, &proposal, timeout).await?;
    let context = requestor.context(sop::VERIFICATION)?;
    let begin = Instant::now();
    let message_id = requestor.next_message_id();
    let request = Command::default()
        .with_uid(tag::AFFECTED_SOP_CLASS_UID, sop::VERIFICATION)
        .with_u16(tag::COMMAND_FIELD, field::C_ECHO_RQ)
        .with_u16(tag::MESSAGE_ID, message_id);
    requestor.send(context.id, &request, None).await?;
    let response = requestor.response(message_id).await?;
    let took = begin.elapsed();
    requestor.release().await?;
    match response.u16(tag::STATUS) {
        Some(0) => Ok(took),
        Some(status) => Err(RequestError::Status(status)),
        None => Err(RequestError::Protocol("a response without a status")),
    }
}
