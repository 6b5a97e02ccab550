//! Signing keys, each encrypted under its owner's passphrase and unlocked for one signature at a time.

use crate::ConsultError;
use crate::ca::IssuedKey;
use access::Secret;
use model::{OrgId, PersonId, Scope};
use storage::Storage;

/// The signing keys of one node.
#[derive(Clone)]
pub struct Keystore {
    #[allow(dead_code)]
    storage: Storage,
}

impl Keystore {
    /// The keystore in a storage.
    #[must_use]
    pub fn new(storage: Storage) -> Self {
        Self { storage }
    }

    /// Encrypts a key under a passphrase and keeps it with its chain; replaces a former one.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `passphrase` when it is shorter than 8 characters; [`ConsultError::Unavailable`].
    pub async fn install(
        &self,
        _scope: &Scope,
        _person: &PersonId,
        _organisation: &OrgId,
        _key: IssuedKey,
        _passphrase: Secret,
    ) -> Result<(), ConsultError> {
        unimplemented!()
    }

    /// Whether the person can sign.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn can_sign(&self, _scope: &Scope, _person: &PersonId) -> Result<bool, ConsultError> {
        unimplemented!()
    }
}
