//! Certificates of keys that are elsewhere, registered for the people who sign with them: a session alone lets nobody sign with
//! any other certificate.

use crate::certificate;
use crate::record::KeyPlace;
use crate::{ConsultError, Keystore};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::{OrgId, PersonId, Scope};
use serde::{Deserialize, Serialize};
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, Storage, StorageError};
use time::OffsetDateTime;
use x509_cert::Certificate;

/// Bytes of the name that a service gives a key.
const CREDENTIAL_BYTES_MAX: usize = 256;

/// Where a key is that is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// With a remote signing service.
    Service,
    /// In the signer's hands.
    Own,
}

impl Elsewhere {
    /// The kind of the records, of which the identifier is the person's.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Service => "phone_key",
            Self::Own => "own_certificate",
        }
    }
}

impl From<Elsewhere> for KeyPlace {
    fn from(place: Elsewhere) -> Self {
        match place {
            Elsewhere::Service => Self::Phone,
            Elsewhere::Own => Self::Own,
        }
    }
}

/// A key that is elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredKey {
    /// How the service names it; empty for a key in its owner's hands.
    #[serde(default)]
    pub credential: String,
    /// DER certificates, base64, the person's first.
    chain: Vec<String>,
}

impl RegisteredKey {
    /// A key of a service, with its DER certificates, the person's first.
    #[must_use]
    pub fn of_service(credential: String, chain: &[Vec<u8>]) -> Self {
        Self { credential, chain: chain.iter().map(|der| BASE64.encode(der)).collect() }
    }

    /// A key in its owner's hands, with its DER certificates, the person's first.
    #[must_use]
    pub fn own(chain: &[Vec<u8>]) -> Self {
        Self::of_service(String::new(), chain)
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> Elsewhere {
        if self.credential.is_empty() { Elsewhere::Own } else { Elsewhere::Service }
    }

    /// DER certificates, the person's first.
    ///
    /// # Errors
    /// [`ConsultError::Failed`] when what is kept is damaged.
    pub fn chain(&self) -> Result<Vec<Vec<u8>>, ConsultError> {
        let chain: Result<_, _> = self.chain.iter().map(|text| BASE64.decode(text)).collect();
        chain.map_err(|_| ConsultError::Failed("the certificate chain is damaged"))
    }

    /// The person's certificate.
    ///
    /// # Errors
    /// [`ConsultError::Failed`] when what is kept is damaged.
    pub fn certificate(&self) -> Result<Certificate, ConsultError> {
        let chain = self.chain()?;
        let der = chain.first().and_then(|der| certificate::from_der(der).ok());
        der.ok_or(ConsultError::Failed("the certificate chain is damaged"))
    }
}

impl Keystore {
    /// Keeps which key elsewhere is the person's, with its certificates; replaces a former one in the same place. It is theirs for
    /// whomever they act, and in no organisation's sight.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `credential`; [`ConsultError::Unavailable`].
    pub async fn register(
        &self,
        scope: &Scope,
        person: &PersonId,
        key: &RegisteredKey,
    ) -> Result<(), ConsultError> {
        if key.credential.len() > CREDENTIAL_BYTES_MAX {
            return Err(ConsultError::Invalid {
                field: "credential", why: "1–256 字节 / 1 to 256 bytes"
            });
        }
        let kind = key.place().kind();
        let put = Put {
            kind,
            id: person.to_string(),
            expected: Expected::Anything,
            body: serde_json::to_value(key).map_err(|_| ConsultError::Failed("the key has no JSON"))?,
            keys: Vec::new(),
            unique: Vec::new(),
            sort: 0,
            visible_to: Vec::new(),
        };
        let audit = vec![administered(person, &format!("{kind} registered"))];
        Ok(self.storage.apply_unseen(scope, Change { puts: vec![put], audit, ..Change::default() }).await?)
    }

    /// Forgets it. Whoever has none loses none.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn unregister(
        &self,
        scope: &Scope,
        person: &PersonId,
        place: Elsewhere,
    ) -> Result<(), ConsultError> {
        let audit = vec![administered(person, &format!("{} unregistered", place.kind()))];
        let forgets = vec![(place.kind(), person.to_string())];
        Ok(self.storage.apply_unseen(scope, Change { forgets, audit, ..Change::default() }).await?)
    }

    /// The person's key in a place.
    ///
    /// # Errors
    /// [`ConsultError::NoSigningKey`].
    pub async fn registered(
        &self,
        person: &PersonId,
        place: Elsewhere,
    ) -> Result<RegisteredKey, ConsultError> {
        let node = Scope::node("registered key");
        let record = match self.storage.record(&node, place.kind(), person.as_str()).await {
            Err(StorageError::NotFound) => return Err(ConsultError::NoSigningKey),
            other => other?,
        };
        serde_json::from_value(record.body).map_err(|_| ConsultError::Failed("the registered key is damaged"))
    }

    /// Whether the person has a key registered in a place.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn is_registered(&self, person: &PersonId, place: Elsewhere) -> Result<bool, ConsultError> {
        match self.registered(person, place).await {
            Ok(_) => Ok(true),
            Err(ConsultError::NoSigningKey) => Ok(false),
            Err(other) => Err(other),
        }
    }
}

/// Whom certificates of an organisation's people may lead to, PEM: the node's authorities, and those that its agreements in force
/// name.
///
/// # Errors
/// [`StorageError`].
pub async fn anchors_for(
    storage: &Storage,
    node_pem: &str,
    organisation: &OrgId,
    now: OffsetDateTime,
) -> Result<String, StorageError> {
    let mut pem = node_pem.to_owned();
    for agreement in storage.agreements(organisation).await?.iter().filter(|a| a.is_valid_at(now)) {
        pem.push('\n');
        pem.push_str(agreement.trust_anchors_pem.as_deref().unwrap_or_default());
    }
    Ok(pem)
}

pub(crate) fn administered(person: &PersonId, detail: &str) -> AuditEntry {
    AuditEntry {
        action: AuditAction::Administer,
        object: format!("person/{person}"),
        outcome: AuditOutcome::Success,
        detail: detail.to_owned(),
    }
}
