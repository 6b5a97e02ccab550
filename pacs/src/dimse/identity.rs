//! User identity (PS3.7 §D.3.3.7): user name and passcode are checked against the node's accounts.

use super::pdu::{Rejection, ResponseWish, UserIdentity};
use super::server::Node;
use access::{Device, Guess, Secret};
use std::net::IpAddr;
use storage::StorageError;

/// Whether the identity is to be answered positively.
///
/// A name with a passcode must be right, asked for an answer or not. A name alone proves nothing, and is looked at only
/// when an answer is asked for. Tickets and assertions are not supported, so they get no answer, and the requestor
/// decides whether to go on (§D.3.3.7.2). The person must be of the calling AE's organisation. Guesses are braked together
/// with those at the pages' log-in.
///
/// # Errors
/// The rejection to be sent.
pub(crate) async fn check(
    node: &Node,
    device: &Device,
    identity: &UserIdentity,
    address: IpAddr,
) -> Result<bool, Rejection> {
    let wants_answer = identity.response == ResponseWish::Positive;
    match identity.kind {
        1 if !wants_answer => return Ok(false),
        1 | 2 => {}
        _ => return Ok(false),
    }
    let login = String::from_utf8_lossy(&identity.primary).trim().to_lowercase();
    let person = node.storage.person_by_login(&login).await;
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
        let (brake, guess) = (&node.config.brake, Guess::at(&format!("login/{login}"), Some(address)));
        // With the permit taken: of many at once, those that wait see what the first have failed.
        if brake.blocks(&guess) {
            return Err(Rejection::TemporaryCongestion);
        }
        let check = move || access::password::verify(&passcode, phc.as_deref());
        // No answer (no memory for it, say) is not a wrong passcode.
        match tokio::task::spawn_blocking(check).await {
            Ok(Ok(true)) => brake.succeeded(&guess),
            Ok(Ok(false)) => {
                brake.failed(&guess);
                return Err(Rejection::NoReasonGiven);
            }
            Ok(Err(_)) | Err(_) => return Err(Rejection::TemporaryCongestion),
        }
    }
    if person.is_none() {
        return Err(Rejection::NoReasonGiven);
    }
    Ok(wants_answer)
}
