//! User identity (PS3.7 §D.3.3.7): user name and passcode are checked against the node's accounts.

use super::pdu::{Rejection, ResponseWish, UserIdentity};
use super::server::Node;
use access::{Device, Secret};
use storage::StorageError;

/// Whether the identity is to be answered positively.
///
/// A name with a passcode must be right, asked for an answer or not. A name alone proves nothing, and is looked at only
/// when an answer is asked for. Tickets and assertions are not supported, so they get no answer, and the requestor
/// decides whether to go on (§D.3.3.7.2). The person must be of the calling AE's organisation.
///
/// # Errors
/// The rejection to be sent.
pub(crate) async fn check(node: &Node, device: &Device, identity: &UserIdentity) -> Result<bool, Rejection> {
    let wants_answer = identity.response == ResponseWish::Positive;
    match identity.kind {
        1 if !wants_answer => return Ok(false),
        1 | 2 => {}
        _ => return Ok(false),
    }
    let person = match std::str::from_utf8(&identity.primary) {
        Ok(login) => node.storage.person_by_login(login).await,
        Err(_) => Err(StorageError::NotFound),
    };
    let person = match person {
        Ok(person) if !person.is_disabled && person.organisation == device.organisation => Some(person),
        Ok(_) | Err(StorageError::NotFound) => None,
        Err(_) => return Err(Rejection::TemporaryCongestion),
    };
    if identity.kind == 2 {
        let passcode = Secret::new(String::from_utf8_lossy(&identity.secondary).into_owned());
        let phc = person.as_ref().map(|person| person.password_hash.clone());
        let Ok(_permit) = node.password_checks.acquire().await else {
            return Err(Rejection::TemporaryCongestion);
        };
        let check = move || access::password::verify(&passcode, phc.as_deref());
        // No answer (no memory for it, say) is not a wrong passcode.
        match tokio::task::spawn_blocking(check).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return Err(Rejection::NoReasonGiven),
            Ok(Err(_)) | Err(_) => return Err(Rejection::TemporaryCongestion),
        }
    }
    if person.is_none() {
        return Err(Rejection::NoReasonGiven);
    }
    Ok(wants_answer)
}
