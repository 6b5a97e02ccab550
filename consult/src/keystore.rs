//! Signing keys, each encrypted under its owner's passphrase and unlocked for one signature at a time. Keys that are elsewhere are
//! [registered](crate::registered_key).

use crate::ca::IssuedKey;
use crate::record::KeyPlace;
use crate::registered_key::{Elsewhere, administered};
use crate::signing_key::SigningKey;
use crate::{ConsultError, certificate};
use access::Secret;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use model::{PersonId, Scope};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use storage::{Change, Expected, Put, Storage, StorageError};
use time::OffsetDateTime;
use x509_cert::Certificate;
use zeroize::Zeroizing;

/// Record kind of signing keys; the identifier is the person's.
pub const KIND: &str = "signing_key";
/// Characters of a passphrase at least.
pub const PASSPHRASE_LENGTH_MIN: usize = 8;

/// Argon2id costs (RFC 9106 §4, second recommendation with less memory): 46 MiB, one pass, one lane.
const MEMORY_KIB: u32 = 47_104;
const PASSES: u32 = 1;

/// A key at rest. Everything binary is base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedKey {
    memory_kib: u32,
    passes: u32,
    salt: String,
    nonce: String,
    /// PKCS#8 DER under ChaCha20-Poly1305 (RFC 8439); the person's identifier is the associated data.
    ciphertext: String,
    /// DER certificates, the person's first.
    chain: Vec<String>,
}

/// A key that has just been unlocked, for one signature.
pub struct UnlockedKey {
    /// The key.
    pub key: SigningKey,
    /// DER certificates, the person's first.
    pub chain: Vec<Vec<u8>>,
}

impl SealedKey {
    /// Encrypts a key under a passphrase. Takes tens of milliseconds of CPU and 46 MiB: call it off the async threads.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `passphrase`, [`ConsultError::Failed`].
    pub fn seal(person: &PersonId, key: &IssuedKey, passphrase: &Secret) -> Result<Self, ConsultError> {
        if passphrase.expose().chars().count() < PASSPHRASE_LENGTH_MIN {
            return Err(ConsultError::Invalid {
                field: "passphrase",
                why: "签名口令至少8个字符 / a signing passphrase has at least 8 characters",
            });
        }
        let failed = |_| ConsultError::Failed("no randomness");
        let mut salt = [0; 16];
        let mut nonce = [0; 12];
        getrandom::fill(&mut salt).map_err(failed)?;
        getrandom::fill(&mut nonce).map_err(failed)?;
        let cipher = cipher(passphrase, &salt, MEMORY_KIB, PASSES)?;
        let payload = Payload { msg: &key.key_pkcs8, aad: person.as_str().as_bytes() };
        let ciphertext = cipher
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| ConsultError::Failed("the key could not be encrypted"))?;
        Ok(Self {
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            salt: BASE64.encode(salt),
            nonce: BASE64.encode(nonce),
            ciphertext: BASE64.encode(ciphertext),
            chain: key.chain.iter().map(|der| BASE64.encode(der)).collect(),
        })
    }

    /// Decrypts the key. Takes tens of milliseconds of CPU and 46 MiB: call it off the async threads.
    ///
    /// # Errors
    /// [`ConsultError::WrongPassphrase`]; [`ConsultError::Failed`] when what is kept is damaged.
    pub fn unlock(&self, person: &PersonId, passphrase: &Secret) -> Result<UnlockedKey, ConsultError> {
        const DAMAGED: ConsultError = ConsultError::Failed("the signing key is damaged");
        let bytes = |text: &str| BASE64.decode(text).map_err(|_| DAMAGED);
        if self.memory_kib > 4 * MEMORY_KIB || self.passes > 16 {
            return Err(DAMAGED);
        }
        let nonce: [u8; 12] = bytes(&self.nonce)?.try_into().map_err(|_| DAMAGED)?;
        let cipher = cipher(passphrase, &bytes(&self.salt)?, self.memory_kib, self.passes)?;
        let ciphertext = bytes(&self.ciphertext)?;
        let payload = Payload { msg: &ciphertext, aad: person.as_str().as_bytes() };
        let pkcs8 = Zeroizing::new(
            cipher.decrypt(&Nonce::from(nonce), payload).map_err(|_| ConsultError::WrongPassphrase)?,
        );
        Ok(UnlockedKey { key: SigningKey::from_pkcs8(&pkcs8).map_err(|_| DAMAGED)?, chain: self.chain()? })
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
    fn certificate(&self) -> Result<Certificate, ConsultError> {
        let chain = self.chain()?;
        let der = chain.first().and_then(|der| certificate::from_der(der).ok());
        der.ok_or(ConsultError::Failed("the certificate chain is damaged"))
    }
}

fn cipher(
    passphrase: &Secret,
    salt: &[u8],
    memory_kib: u32,
    passes: u32,
) -> Result<ChaCha20Poly1305, ConsultError> {
    let failed = |error| match error {
        argon2::Error::OutOfMemory => ConsultError::Unavailable,
        _ => ConsultError::Failed("the passphrase could not be derived from"),
    };
    let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(failed)?;
    let mut key = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose().as_bytes(), salt, key.as_mut())
        .map_err(failed)?;
    Ok(ChaCha20Poly1305::new((&*key).into()))
}

/// The reach of the keystore itself: no organisation sees a person's key.
fn node() -> Scope {
    Scope::node("signing key")
}

/// The signing keys of one node.
#[derive(Clone)]
pub struct Keystore {
    pub(crate) storage: Storage,
}

impl Keystore {
    /// The keystore in a storage.
    #[must_use]
    pub fn new(storage: Storage) -> Self {
        Self { storage }
    }

    /// Encrypts a key under a passphrase and keeps it with its chain; replaces a former one. It is its owner's for whomever they
    /// act, and in no organisation's sight.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `passphrase` when it is shorter than 8 characters; [`ConsultError::Unavailable`].
    pub async fn install(
        &self,
        scope: &Scope,
        person: &PersonId,
        key: IssuedKey,
        passphrase: Secret,
    ) -> Result<(), ConsultError> {
        let owner = person.clone();
        let sealed = blocking(move || SealedKey::seal(&owner, &key, &passphrase)).await??;
        let put = Put {
            kind: KIND,
            id: person.to_string(),
            expected: Expected::Anything,
            body: serde_json::to_value(&sealed).map_err(|_| ConsultError::Failed("the key has no JSON"))?,
            keys: Vec::new(),
            unique: Vec::new(),
            sort: 0,
            visible_to: Vec::new(),
        };
        let audit = administered(person, "signing_key installed");
        let change = Change { puts: vec![put], audit: vec![audit], ..Change::default() };
        Ok(self.storage.apply_unseen(scope, change).await?)
    }

    /// The certificates of the person's key in a place, or of whichever they have, the keystore's first.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub(crate) async fn chain(
        &self,
        person: &PersonId,
        place: Option<KeyPlace>,
    ) -> Result<Option<Vec<Vec<u8>>>, ConsultError> {
        let is_asked = |one| place.is_none_or(|place| place == one);
        if is_asked(KeyPlace::Keystore) {
            match self.sealed(person).await {
                Err(ConsultError::NoSigningKey) => {}
                sealed => return sealed?.chain().map(Some),
            }
        }
        for elsewhere in [Elsewhere::Service, Elsewhere::Own] {
            if is_asked(elsewhere.into()) {
                match self.registered(person, elsewhere).await {
                    Err(ConsultError::NoSigningKey) => {}
                    registered => return registered?.chain().map(Some),
                }
            }
        }
        Ok(None)
    }

    /// The certificate of the person's key here: whom it names they can sign as, with a passphrase, and as nobody else.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`]; [`ConsultError::Failed`] when what is kept is damaged.
    pub async fn certificate(&self, person: &PersonId) -> Result<Option<Certificate>, ConsultError> {
        match self.sealed(person).await {
            Err(ConsultError::NoSigningKey) => Ok(None),
            sealed => sealed?.certificate().map(Some),
        }
    }

    /// The person's key at rest.
    ///
    /// # Errors
    /// [`ConsultError::NoSigningKey`].
    pub async fn sealed(&self, person: &PersonId) -> Result<SealedKey, ConsultError> {
        let record = match self.storage.record(&node(), KIND, person.as_str()).await {
            Err(StorageError::NotFound) => return Err(ConsultError::NoSigningKey),
            other => other?,
        };
        serde_json::from_value(record.body).map_err(|_| ConsultError::Failed("the signing key is damaged"))
    }

    /// When the certificates of these people's keys end; who has no key is not there.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`]; [`ConsultError::Failed`] when what is kept is damaged.
    pub async fn certificate_ends(
        &self,
        people: &[PersonId],
    ) -> Result<HashMap<String, OffsetDateTime>, ConsultError> {
        const DAMAGED: ConsultError = ConsultError::Failed("the signing key is damaged");
        let ids: Vec<String> = people.iter().map(PersonId::to_string).collect();
        let mut ends = HashMap::new();
        for record in self.storage.records_by_id(&node(), KIND, &ids).await? {
            let sealed: SealedKey = serde_json::from_value(record.body).map_err(|_| DAMAGED)?;
            ends.extend(certificate::ends_at(&sealed.certificate()?).map(|at| (record.id, at)));
        }
        Ok(ends)
    }

    /// Unlocks the person's key for one signature.
    ///
    /// # Errors
    /// [`ConsultError::NoSigningKey`], [`ConsultError::WrongPassphrase`].
    pub async fn unlock(&self, person: &PersonId, passphrase: Secret) -> Result<UnlockedKey, ConsultError> {
        let sealed = self.sealed(person).await?;
        let owner = person.clone();
        blocking(move || sealed.unlock(&owner, &passphrase)).await?
    }
}

/// Runs work that takes CPU off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ConsultError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "work on a blocking thread did not end");
        ConsultError::Unavailable
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::CertificateAuthority;
    use time::macros::datetime;

    #[test]
    fn only_the_owner_with_the_passphrase_unlocks() {
        let at = datetime!(2026-11-23 8:00 UTC);
        let key = CertificateAuthority::create("CA", at).unwrap().issue("王医师", "市医院", at).unwrap();
        let (wang, li) = (PersonId::parse("wang").unwrap(), PersonId::parse("li").unwrap());
        let secret = |text: &str| Secret::new(text.to_owned());
        let sealed = SealedKey::seal(&wang, &key, &secret("签名口令 2026")).unwrap();
        let unlocked = sealed.unlock(&wang, &secret("签名口令 2026")).unwrap();
        assert_eq!(unlocked.chain, key.chain);
        let wrong = |who, text| sealed.unlock(who, &secret(text)).err();
        assert_eq!(wrong(&wang, "签名口令 2027"), Some(ConsultError::WrongPassphrase));
        assert_eq!(wrong(&li, "签名口令 2026"), Some(ConsultError::WrongPassphrase));
        assert!(matches!(
            SealedKey::seal(&wang, &key, &secret("short")),
            Err(ConsultError::Invalid { field: "passphrase", .. })
        ));
        let text = serde_json::to_string(&sealed).unwrap();
        assert!(!text.contains(&BASE64.encode(&key.key_pkcs8)));
    }
}
