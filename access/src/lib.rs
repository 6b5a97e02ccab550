//! Organisations, people, roles, credentials and agreements: who may do what.
//!
//! Floor 2 of the house. Pure decisions and proofs of identity: this crate knows nothing of HTTP or SQL, and nothing
//! here is stored or fetched; `storage::directory` keeps what is defined here.

pub mod address;
pub mod agreement;
pub mod begun;
pub mod brake;
pub mod caller;
pub mod credential;
pub mod device;
pub mod duties;
pub mod invitation;
pub mod notes;
pub mod organisation;
pub mod passkey;
pub mod password;
pub mod person;
pub mod reach;
pub mod second_factor;
pub mod secret;
pub mod sign_on;
pub mod subspecialty;

pub use address::AddressRange;
pub use agreement::{Agreement, ConsultKind, Signatures, Urgency};
pub use begun::{Begun, Full};
pub use brake::{Blocked, Brake, Guess};
pub use caller::{Caller, Right};
pub use credential::{Credential, CredentialFault};
pub use device::{Breach, Contact, Device, Presented, Transport};
pub use duties::{Duty, Refusal};
pub use invitation::Invitation;
pub use organisation::{Fault, Organisation, OrganisationKind};
pub use passkey::{Passkey, PasskeyError, Passkeys};
pub use person::{Factors, Membership, Person, Role, Session, Token};
pub use reach::{OutOfReach, Reach, Whose};
pub use second_factor::SecondFactor;
pub use secret::Secret;
pub use subspecialty::Subspecialty;

/// What somebody has seen of something, in a word: another word when it was changed since.
#[must_use]
pub fn tag<T: serde::Serialize>(value: &T) -> String {
    use sha2::Digest as _;
    let json = serde_json::to_vec(value).unwrap_or_default();
    hex::encode(&sha2::Sha256::digest(&json)[..16])
}
