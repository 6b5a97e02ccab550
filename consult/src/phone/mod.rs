//! Signing with a key that a remote service keeps (手机签名, mobile CA): the node sends two hashes and one line of text, the
//! signer agrees on the telephone, and the service answers with two signature values. Who carries the bytes implements
//! [`PhoneSigning`]; docs/remote-signing.md has the protocol.
//!
//! What is signed is [frozen](crate::signing) before anybody is asked ([`asking`]), in a record with a short life; a job asks, looks for the
//! answer and completes ([`working`]), also after a restart. The report changes in one step or not at all.

mod asking;
mod working;

pub use working::JOB;

use crate::ConsultError;
use crate::record::Named;
use crate::registered_key::Elsewhere;
use crate::signing::As;
use crate::signing::frozen::{Frozen, Wanted};
use model::{ConsultId, OrgId, PersonId, Sha256};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use storage::{Expected, Put, Record};
use time::OffsetDateTime;

/// Record kind; the identifier is the consult's.
pub const KIND: &str = "phone_signature";

/// A remote signing service as a signer is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// What people call it.
    pub name: String,
    /// How long a signer may take to answer.
    pub patience: Duration,
}

/// What a service is asked: never the report, nor anything of the patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The same for the same question, however often it is sent: the service asks the signer once.
    pub transaction: String,
    /// Which key.
    pub credential: String,
    /// What is to be signed, hashed.
    pub hashes: Vec<Vec<u8>>,
    /// Object identifier of the hash.
    pub hash_oid: String,
    /// Object identifier of the signature algorithm.
    pub scheme_oid: String,
    /// What the signer reads on the telephone.
    pub text: String,
    /// How long the signer may take from now.
    pub patience: Duration,
}

/// Where a question stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The signer has not answered.
    Waiting,
    /// The signature values, in the order of the hashes; not yet checked.
    Values(Vec<Vec<u8>>),
    /// The signer refuses.
    Refused,
    /// The signer did not answer in time.
    Expired,
}

/// Why a service did not do what it was asked for; without its address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoService {
    /// Another attempt may do.
    #[error("{0}")]
    Now(String),
    /// It will say the same again.
    #[error("{0}")]
    ForGood(String),
}

/// Something that is on its way.
pub type Soon<'a, T> = Pin<Box<dyn Future<Output = Result<T, NoService>> + Send + 'a>>;

/// Carries questions to the remote signing services of organisations.
pub trait PhoneSigning: Send + Sync {
    /// The service for people of an organisation, if one is configured.
    fn service_for(&self, organisation: &OrgId) -> Option<Service>;
    /// Asks for signatures; gives the name under which the service keeps the question.
    fn ask<'a>(&'a self, organisation: &'a OrgId, question: &'a Question) -> Soon<'a, String>;
    /// Looks for the answer. It may be looked for again after it was given.
    fn look<'a>(&'a self, organisation: &'a OrgId, response: &'a str) -> Soon<'a, Answer>;
    /// Takes a question back: the telephone shows it no longer.
    fn take_back<'a>(&'a self, organisation: &'a OrgId, response: &'a str) -> Soon<'a, ()>;
}

/// No service for anybody.
pub struct NoPhoneSigning;

impl PhoneSigning for NoPhoneSigning {
    fn service_for(&self, _: &OrgId) -> Option<Service> {
        None
    }
    fn ask<'a>(&'a self, _: &'a OrgId, _: &'a Question) -> Soon<'a, String> {
        Box::pin(std::future::ready(Err(none())))
    }
    fn look<'a>(&'a self, _: &'a OrgId, _: &'a str) -> Soon<'a, Answer> {
        Box::pin(std::future::ready(Err(none())))
    }
    fn take_back<'a>(&'a self, _: &'a OrgId, _: &'a str) -> Soon<'a, ()> {
        Box::pin(std::future::ready(Err(none())))
    }
}

fn none() -> NoService {
    NoService::ForGood("no remote signing service is configured".to_owned())
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// For the telephone.
    Waiting,
    /// The report is signed.
    Signed,
    /// The signer refused on the telephone.
    Refused,
    /// Nobody answered in time.
    TimedOut,
    /// Taken back on the page.
    Cancelled,
    /// Nothing was signed: [`PhoneSignature::fault`] says why.
    Failed,
}

/// Why nothing was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The service does not take the question.
    ServiceRefuses,
    /// What came is no signature of the registered certificate over these hashes.
    WrongSignature,
    /// The report, or what it is about, has changed meanwhile.
    Changed,
    /// The signer may not sign any more: rights, licence, certificate, lease.
    NotAllowed,
    /// The node could not complete it in time.
    NotCompleted,
}

/// A signature that is waited for, or the last that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneSignature {
    /// The consult.
    pub consult: ConsultId,
    /// Who signs.
    pub signer: Named<PersonId>,
    /// For which organisation.
    pub organisation: OrgId,
    /// As what.
    #[serde(rename = "as")]
    pub role: As,
    /// Hash of the report that was displayed.
    pub canonical_sha256: Sha256,
    /// How far it has come.
    pub progress: Progress,
    /// Why nothing was signed, when it failed.
    pub fault: Option<Fault>,
    /// What the service is called.
    pub service: String,
    /// Four digits, on the page and on the telephone: whoever agrees compares them.
    pub code: String,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub asked_at: OffsetDateTime,
    /// Until when it is waited for.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    pub(crate) transaction: String,
    /// Under which name the service keeps it, once it is asked.
    pub(crate) response: Option<String>,
    /// While it is waited for.
    pub(crate) frozen: Option<Asked>,
}

/// What the service is asked with, and exactly what is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub credential: String,
    pub text: String,
    #[serde(flatten)]
    pub frozen: Frozen,
}

impl PhoneSignature {
    fn of(record: &Record) -> Result<Self, ConsultError> {
        serde_json::from_value(record.body.clone()).map_err(|error| {
            tracing::error!(%error, "a record of a signature by telephone cannot be read");
            ConsultError::Failed("the record of a signature by telephone is damaged")
        })
    }

    fn put(&self, expected: Expected) -> Result<Put, ConsultError> {
        Ok(Put {
            kind: KIND,
            id: self.consult.to_string(),
            expected,
            body: serde_json::to_value(self).map_err(|_| ConsultError::Failed("it has no JSON"))?,
            keys: Vec::new(),
            unique: Vec::new(),
            sort: 0,
            visible_to: vec![self.organisation.clone()],
        })
    }

    pub(crate) fn wanted(&self) -> Wanted<'_> {
        Wanted {
            consult: &self.consult,
            role: self.role,
            canonical_sha256: &self.canonical_sha256,
            place: Elsewhere::Service,
        }
    }

    /// As it is kept when it is over.
    fn ended(mut self, progress: Progress, fault: Option<Fault>) -> Self {
        (self.progress, self.fault, self.frozen) = (progress, fault, None);
        self
    }
}
