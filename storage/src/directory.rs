//! Organisations, people, devices, tokens, sessions and agreements of `access`, kept as records.

use crate::{Storage, StorageError};
use access::{Agreement, Caller, Device, Organisation, Person, Secret, Session, Token};
use model::{AeTitle, OrgId, PersonId, Scope};
use std::net::IpAddr;

impl Storage {
    /// Writes an organisation.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn put_organisation(&self, _scope: &Scope, _value: &Organisation) -> Result<(), StorageError> {
        todo!()
    }
    /// An organisation; everyone may know its name.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn organisation(&self, _id: &OrgId) -> Result<Organisation, StorageError> {
        todo!()
    }
    /// All organisations.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn organisations(&self) -> Result<Vec<Organisation>, StorageError> {
        todo!()
    }
    /// Writes a person.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when the login is taken.
    pub async fn put_person(&self, _scope: &Scope, _value: &Person) -> Result<(), StorageError> {
        todo!()
    }
    /// A person by identifier.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn person(&self, _id: &PersonId) -> Result<Person, StorageError> {
        todo!()
    }
    /// A person by login name, in any case of letters.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn person_by_login(&self, _login: &str) -> Result<Person, StorageError> {
        todo!()
    }
    /// All people of an organisation.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn people(&self, _scope: &Scope, _organisation: &OrgId) -> Result<Vec<Person>, StorageError> {
        todo!()
    }
    /// Writes a device.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] when the AE title belongs to another organisation.
    pub async fn put_device(&self, _scope: &Scope, _value: &Device) -> Result<(), StorageError> {
        todo!()
    }
    /// A device by its AE title.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn device(&self, _ae_title: &AeTitle) -> Result<Device, StorageError> {
        todo!()
    }
    /// All devices.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn devices(&self, _scope: &Scope) -> Result<Vec<Device>, StorageError> {
        todo!()
    }
    /// Writes a token.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn put_token(&self, _scope: &Scope, _value: &Token) -> Result<(), StorageError> {
        todo!()
    }
    /// The caller that a bearer token stands for, if it is valid now; cached for some seconds.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn caller_by_token(
        &self,
        _secret: &Secret,
        _address: Option<IpAddr>,
    ) -> Result<Caller, StorageError> {
        todo!()
    }
    /// Writes a session.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn put_session(&self, _value: &Session) -> Result<(), StorageError> {
        todo!()
    }
    /// The caller that a session cookie stands for, if it is valid now and the person is not disabled; cached for
    /// some seconds.
    ///
    /// # Errors
    /// [`StorageError::NotFound`].
    pub async fn caller_by_session(
        &self,
        _secret: &Secret,
        _address: Option<IpAddr>,
    ) -> Result<Caller, StorageError> {
        todo!()
    }
    /// Ends a session, at once.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn end_session(&self, _secret: &Secret) -> Result<(), StorageError> {
        todo!()
    }
    /// Writes an agreement.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn put_agreement(&self, _scope: &Scope, _value: &Agreement) -> Result<(), StorageError> {
        todo!()
    }
    /// Agreements in which the organisation is one side.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn agreements(&self, _organisation: &OrgId) -> Result<Vec<Agreement>, StorageError> {
        todo!()
    }
}
