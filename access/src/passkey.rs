//! Passkeys (Web Authentication level 3): registered by somebody who is logged in, proved by whoever holds them. A passkey of
//! this node is discoverable and verifies its user by PIN or body, so that it is two factors at once. Challenges are good
//! once and for two minutes, and are this process's own.

use crate::Person;
use crate::begun::{Begun, Full};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{PersonId, Sha256};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Digest as _;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;
use time::OffsetDateTime;
use webauthn_rp::bin::{Decode as _, Encode as _};
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::request::register::{
    CredProtect, PublicKeyCredentialUserEntity, RegistrationVerificationOptions, UserHandle64, Username,
};
use webauthn_rp::request::{AsciiDomain, ExtensionInfo, PublicKeyCredentialDescriptor, RpId};
use webauthn_rp::response::register::{DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthentication64, DiscoverableAuthenticationServerState,
    DiscoverableCredentialRequestOptions, PublicKeyCredentialCreationOptions, Registration,
    RegistrationServerState,
};

/// Passkeys of one person at most.
pub const PASSKEYS_MAX: usize = 20;
/// Characters of a passkey's name at most.
pub const NAME_CHARS_MAX: usize = 64;
/// How long somebody may take with their authenticator.
const TIMEOUT_MS: NonZeroU32 = NonZeroU32::new(120_000).unwrap();

/// A passkey as it is kept: a public key and what has been seen of its authenticator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// SHA-256 of the credential's identifier, which may be a kilobyte.
    pub id: Sha256,
    /// Whose.
    pub person: PersonId,
    /// What the person calls it.
    pub name: String,
    /// When it was registered.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was proved last.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used_at: Option<OffsetDateTime>,
    credential: String,
    transports: u8,
    user_handle: String,
    public_key: String,
    state: [u8; 7],
}

/// Why a passkey could not be registered or proved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyError {
    /// Too many have begun at the moment.
    #[error("too many ceremonies have begun")]
    Busy,
    /// Too many have begun from this place.
    #[error("too many ceremonies have begun from there")]
    TooMany {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// It is not an answer of a browser's.
    #[error("this is no answer of an authenticator")]
    Malformed,
    /// There is no such challenge (any more).
    #[error("the challenge was not given out, was answered already or is too old")]
    Challenge,
    /// The answer does not prove what it should; the text is for the log.
    #[error("the authenticator's answer is not good: {0}")]
    Refused(String),
}

impl From<Full> for PasskeyError {
    fn from(full: Full) -> Self {
        match full {
            Full::Here { retry_after_s } => Self::TooMany { retry_after_s },
            Full::Everywhere => Self::Busy,
        }
    }
}

/// The node as passkeys know it (a relying party), and what has begun there.
pub struct Passkeys {
    rp_id: RpId,
    domain: String,
    origins: Vec<String>,
    registrations: Begun<u128, (PersonId, RegistrationServerState<64>)>,
    proofs: Begun<u128, DiscoverableAuthenticationServerState>,
}

/// An answer to a challenge that has not been looked at yet: it says which passkey is to be looked at.
pub struct Proof(DiscoverableAuthentication64);

impl Proof {
    /// Reads what a browser's `PublicKeyCredential.toJSON()` gives.
    ///
    /// # Errors
    /// [`PasskeyError::Malformed`].
    pub fn parse(json: &Value) -> Result<Self, PasskeyError> {
        let json = serde_json::to_vec(json).map_err(|_| PasskeyError::Malformed)?;
        DiscoverableAuthentication64::from_json_relaxed(&json).map(Self).map_err(|_| PasskeyError::Malformed)
    }

    /// The passkey that is said to have answered.
    #[must_use]
    pub fn passkey(&self) -> Sha256 {
        id_of(self.0.raw_id().as_ref())
    }
}

fn id_of(credential: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(credential).into())
}

fn refused(error: &dyn std::fmt::Display) -> PasskeyError {
    PasskeyError::Refused(error.to_string())
}

impl Passkeys {
    /// For a node that people reach at this origin. Browsers have no passkeys for bare addresses, so that there are none at
    /// `http://10.0.0.1`; a node on this machine's own address has them as `localhost`.
    #[must_use]
    pub fn at(origin: &str) -> Option<Self> {
        let (scheme, rest) = origin.split_once("://")?;
        let authority = rest.split('/').next()?;
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => authority,
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let port = authority.strip_prefix(host).unwrap_or_default();
        let domain = match bare.parse::<IpAddr>() {
            Ok(address) if address.is_loopback() => "localhost".to_owned(),
            Ok(_) => return None,
            Err(_) => bare,
        };
        if scheme != "https" && domain != "localhost" {
            // No secure context (W3C Secure Contexts §3): browsers offer none.
            return None;
        }
        let rp_id = RpId::Domain(AsciiDomain::try_from(domain.clone()).ok()?);
        let timeout = Duration::from_millis(u64::from(TIMEOUT_MS.get()));
        Some(Self {
            origins: vec![format!("{scheme}://{domain}{port}")],
            rp_id,
            domain,
            registrations: Begun::lasting(timeout),
            proofs: Begun::lasting(timeout),
        })
    }

    /// The domain that passkeys are bound to: pages of other hosts cannot ask for them.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Begins to register one: what `navigator.credentials.create` is to be given, as
    /// `PublicKeyCredential.parseCreationOptionsFromJSON` reads it. One address takes no more than its share of what can be begun.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub fn begin_registration(
        &self,
        person: &Person,
        known: &[Passkey],
        address: Option<IpAddr>,
    ) -> Result<Value, PasskeyError> {
        let handle = match known.first() {
            Some(passkey) => passkey.handle()?,
            None => UserHandle64::new(),
        };
        let name = Username::try_from(person.login.as_str()).or_else(|_| Username::try_from("account"));
        let user = PublicKeyCredentialUserEntity {
            name: name.map_err(|error| refused(&error))?,
            id: &handle,
            display_name: person.name.as_str().try_into().ok(),
        };
        let known = known.iter().map(Passkey::descriptor).collect::<Result<Vec<_>, _>>()?;
        let mut options = PublicKeyCredentialCreationOptions::passkey(&self.rp_id, user, known);
        // Wished for only: many platforms' authenticators do not have it (CTAP 2.1 §12.1), and each proof asks for user
        // verification anyway.
        let wished = ExtensionInfo::AllowDontEnforceValue;
        options.extensions.cred_protect = CredProtect::UserVerificationRequired(wished);
        options.timeout = TIMEOUT_MS;
        let challenge = options.challenge.as_data();
        let (server, client) = options.start_ceremony().map_err(|error| refused(&error))?;
        let asked = serde_json::to_value(&client).map_err(|error| refused(&error))?;
        self.registrations.begin(challenge, address, (person.id.clone(), server))?;
        Ok(asked)
    }

    /// Ends a registration that the same person has begun: the passkey, to be kept unless there is one of that identifier.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub fn finish_registration(
        &self,
        person: &PersonId,
        name: &str,
        answer: &Value,
        now: OffsetDateTime,
    ) -> Result<Passkey, PasskeyError> {
        let json = serde_json::to_vec(answer).map_err(|_| PasskeyError::Malformed)?;
        let answer = Registration::from_json_relaxed(&json).map_err(|_| PasskeyError::Malformed)?;
        let challenge = answer.challenge_relaxed().map_err(|_| PasskeyError::Malformed)?;
        let (whose, server) = self.registrations.end(&challenge.0).ok_or(PasskeyError::Challenge)?;
        if whose != *person {
            return Err(PasskeyError::Challenge);
        }
        let options = RegistrationVerificationOptions::<String, String> {
            allowed_origins: &self.origins,
            error_on_unsolicited_extensions: false,
            ..RegistrationVerificationOptions::default()
        };
        let made = server.verify(&self.rp_id, &answer, &options).map_err(|error| refused(&error))?;
        let public_key = made.static_state().encode().map_err(|_| PasskeyError::Malformed)?;
        let Ok(state) = made.dynamic_state().encode();
        let Ok(transports) = made.transports().encode();
        Ok(Passkey {
            id: id_of(made.id().as_ref()),
            person: whose,
            name: name.to_owned(),
            created_at: now,
            last_used_at: None,
            credential: URL_SAFE_NO_PAD.encode(made.id().as_ref()),
            transports,
            user_handle: URL_SAFE_NO_PAD.encode(made.user_id().as_ref()),
            public_key: URL_SAFE_NO_PAD.encode(public_key),
            state,
        })
    }

    /// Asks for a proof by any passkey of this node: what `navigator.credentials.get` is to be given. It names no account. One
    /// address takes no more than its share of what can be begun.
    ///
    /// # Errors
    /// [`PasskeyError`].
    pub fn begin_proof(&self, address: Option<IpAddr>) -> Result<Value, PasskeyError> {
        let mut options = DiscoverableCredentialRequestOptions::passkey(&self.rp_id);
        options.0.timeout = TIMEOUT_MS;
        let challenge = options.0.challenge.as_data();
        let (server, client) = options.start_ceremony().map_err(|error| refused(&error))?;
        let asked = serde_json::to_value(&client).map_err(|error| refused(&error))?;
        self.proofs.begin(challenge, address, server)?;
        Ok(asked)
    }

    /// Whether the proof is the passkey's: signature, challenge, origin, user verification, and a counter that has gone up.
    /// The changed passkey must be kept before anything is done because of it.
    ///
    /// # Errors
    /// [`PasskeyError`]; the challenge is used up whatever comes out.
    pub fn finish_proof(
        &self,
        proof: &Proof,
        passkey: &mut Passkey,
        now: OffsetDateTime,
    ) -> Result<(), PasskeyError> {
        let challenge = proof.0.challenge_relaxed().map_err(|_| PasskeyError::Malformed)?;
        let server = self.proofs.end(&challenge.0).ok_or(PasskeyError::Challenge)?;
        let handle = passkey.handle()?;
        let public_key = URL_SAFE_NO_PAD.decode(&passkey.public_key).map_err(|error| refused(&error))?;
        let public_key = StaticState::decode(public_key.as_slice()).map_err(|error| refused(&error))?;
        let state = DynamicState::decode(passkey.state).map_err(|error| refused(&error))?;
        let credential = URL_SAFE_NO_PAD.decode(&passkey.credential).map_err(|error| refused(&error))?;
        let id = CredentialId::<&[u8]>::decode(&credential).map_err(|error| refused(&error))?;
        let mut kept =
            AuthenticatedCredential::new(id, &handle, public_key, state).map_err(|error| refused(&error))?;
        let options = AuthenticationVerificationOptions::<String, String> {
            allowed_origins: &self.origins,
            error_on_unsolicited_extensions: false,
            ..AuthenticationVerificationOptions::default()
        };
        server.verify(&self.rp_id, &proof.0, &mut kept, &options).map_err(|error| refused(&error))?;
        let Ok(state) = kept.dynamic_state().encode();
        passkey.state = state;
        passkey.last_used_at = Some(now);
        Ok(())
    }
}

impl Passkey {
    fn handle(&self) -> Result<UserHandle64, PasskeyError> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.user_handle).map_err(|error| refused(&error))?;
        let bytes: [u8; 64] = bytes.try_into().map_err(|_| PasskeyError::Malformed)?;
        let Ok(handle) = UserHandle64::decode(bytes);
        Ok(handle)
    }

    fn descriptor(&self) -> Result<PublicKeyCredentialDescriptor<Vec<u8>>, PasskeyError> {
        let id = URL_SAFE_NO_PAD.decode(&self.credential).map_err(|error| refused(&error))?;
        Ok(PublicKeyCredentialDescriptor {
            id: CredentialId::<Vec<u8>>::decode(id).map_err(|error| refused(&error))?,
            transports: AuthTransports::decode(self.transports).map_err(|error| refused(&error))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_bound_to_a_domain_and_a_secure_origin() {
        let at = |origin: &str| Passkeys::at(origin).map(|p| (p.domain, p.origins.concat()));
        let both = |domain: &str, origin: &str| Some((domain.to_owned(), origin.to_owned()));
        assert_eq!(
            at("https://reading.example.org"),
            both("reading.example.org", "https://reading.example.org")
        );
        assert_eq!(
            at("https://Reading.example.org:8443/"),
            both("reading.example.org", "https://reading.example.org:8443")
        );
        assert_eq!(at("http://127.0.0.1:8080"), both("localhost", "http://localhost:8080"));
        assert_eq!(at("http://[::1]:8080"), both("localhost", "http://localhost:8080"));
        for none in
            ["http://reading.example.org", "https://10.0.0.1", "https://[2001:db8::1]:8443", "nonsense", ""]
        {
            assert_eq!(at(none), None, "{none}");
        }
    }

    #[test]
    fn a_proof_is_asked_for_with_a_challenge_of_its_own_and_by_one_place_only_so_often() {
        let passkeys = Passkeys::at("https://reading.example.org").unwrap();
        let stranger = Some(IpAddr::from([203, 0, 113, 5]));
        let asked = passkeys.begin_proof(stranger).unwrap();
        assert_eq!(asked["rpId"], "reading.example.org");
        assert_eq!(asked["userVerification"], "required");
        assert_ne!(asked["challenge"], passkeys.begin_proof(stranger).unwrap()["challenge"]);
        let refused = (0..5000).find_map(|_| passkeys.begin_proof(stranger).err());
        assert!(matches!(refused, Some(PasskeyError::TooMany { .. })), "{refused:?}");
        passkeys.begin_proof(Some(IpAddr::from([198, 51, 100, 7]))).unwrap();
    }
}
