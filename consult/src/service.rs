//! What people do with consults, one function each: read the record, ask the table, write the change.

use crate::record::ConsultView;
use crate::report::{Preview, ReportDraft};
use crate::verify::Verdict;
use crate::{ConsultError, Printer};
use access::{Caller, ConsultKind, Secret, Urgency};
use model::{ConsultId, OrgId, Sha256, Uid};
use std::sync::Arc;
use storage::Storage;
use time::{OffsetDateTime, UtcOffset};

use crate::record::SlideNote;

/// What the service needs to know of the node.
#[derive(Debug, Clone)]
pub struct ConsultConfig {
    /// Local time of numbers and printed reports.
    pub utc_offset: UtcOffset,
    /// Trust anchors, PEM; any number of certificates.
    pub trust_anchors_pem: String,
    /// Where anyone can verify a report, as printed on it, such as `https://host/verify`; empty to leave it out.
    pub verify_url: String,
}

/// Consults of one node. Cheap to clone.
#[derive(Clone)]
pub struct ConsultService {
    pub(crate) storage: Storage,
    pub(crate) printer: Arc<Printer>,
    pub(crate) config: Arc<ConsultConfig>,
}

/// What the requester writes. Only study and reading organisation are needed for a draft.
#[derive(Debug, Clone)]
pub struct NewConsult {
    /// Who is asked.
    pub reading_organisation: OrgId,
    /// Kind.
    pub kind: ConsultKind,
    /// Urgency.
    pub urgency: Urgency,
    /// Owner of the study: must be the caller's organisation when it is submitted.
    pub study_org: OrgId,
    /// Study Instance UID.
    pub study_instance_uid: Uid,
    /// The slide, when the question is about one.
    pub slide: Option<SlideNote>,
    /// The question.
    pub question: String,
    /// Clinical history.
    pub history: String,
    /// Whether the patient has consented.
    pub consent: bool,
}

/// A file of a signed report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportPart {
    /// The page: PDF/A-3b with the others attached.
    Pdf,
    /// The canonical JSON, exactly as signed.
    Json,
    /// The reader's detached CMS, DER.
    ReaderSignature,
    /// The reviewer's detached CMS, DER; over the same bytes.
    ReviewerSignature,
    /// The signers' certificates with their issuers, PEM.
    Chain,
}

impl ConsultService {
    /// A service over a storage.
    #[must_use]
    pub fn new(storage: Storage, printer: Arc<Printer>, config: ConsultConfig) -> Self {
        Self { storage, printer, config: Arc::new(config) }
    }

    /// Writes a new draft and gives it a number.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`] without the right to ask; [`ConsultError::Invalid`] `study` when the study is not
    /// within reach, `reading_organisation` when there is no such organisation or text is too long.
    pub async fn create(
        &self,
        _caller: &Caller,
        _draft: NewConsult,
        _now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        unimplemented!()
    }

    /// Rewrites a draft.
    ///
    /// # Errors
    /// As [`Self::create`], and [`ConsultError::Conflict`], [`ConsultError::WrongState`].
    pub async fn edit(
        &self,
        _caller: &Caller,
        _id: &ConsultId,
        _version: i64,
        _draft: NewConsult,
        _now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        unimplemented!()
    }

    /// Sends the question: checks it field by field, freezes the evidence, grants the reading organisation the study.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] naming `question`, `consent`, `agreement` or `study`; [`ConsultError::Conflict`].
    pub async fn submit(
        &self,
        _caller: &Caller,
        _id: &ConsultId,
        _version: i64,
        _now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        unimplemented!()
    }

    /// Puts a submitted consult into the pool (coordinator).
    ///
    /// # Errors
    /// [`ConsultError`].
    pub async fn accept(
        &self,
        _caller: &Caller,
        _id: &ConsultId,
        _version: i64,
        _now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        unimplemented!()
    }

    /// Refuses a consult; the grant ends (coordinator).
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `reason` when it is empty.
    pub async fn reject(
        &self,
        _caller: &Caller,
        _id: &ConsultId,
        _version: i64,
        _reason: &str,
        _now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        unimplemented!()
    }

    /// Takes a consult from the pool. Of two at once, one wins; the other is told who has it.
    ///
    /// # Errors
    /// [`ConsultError::Conflict`] with the holder.
    pub async fn claim(
        &self,
        _caller: &Caller,
        _id: &ConsultId,
        _version: i64,
        _now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        unimplemented!()
    }

    /// Gives a consult back to the pool; what was written stays.
    ///
    /// # Errors
    /// [`ConsultError`].
    pub async fn release(
        &self,
        _caller: &Caller,
        _id: &ConsultId,
        _version: i64,
        _now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        unimplemented!()
    }

    /// The requester has taken note of the report.
    ///
    /// # Errors
    /// [`ConsultError`].
    pub async fn acknowledge(
        &self,
        _caller: &Caller,
        _id: &ConsultId,
        _version: i64,
        _now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        unimplemented!()
    }

    /// The requester no longer asks; the grant ends.
    ///
    /// # Errors
    /// [`ConsultError`].
    pub async fn cancel(
        &self,
        _caller: &Caller,
        _id: &ConsultId,
        _version: i64,
        _reason: &str,
        _now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        unimplemented!()
    }

    /// Saves what the reader has written so far; a returned consult is being read again.
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`] for anyone but the holder, [`ConsultError::Conflict`] for an old version,
    /// [`ConsultError::Invalid`] when a text is too long or a displayed instance is not in evidence.
    pub async fn save_report(
        &self,
        _caller: &Caller,
        _id: &ConsultId,
        _version: i64,
        _report: ReportDraft,
        _now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        unimplemented!()
    }

    /// The report as the caller would sign it now: for the holder while reading, what he has saved; for everyone else
    /// at the reading organisation and for the reviewer, what has been signed.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] when there is nothing to sign or to see.
    pub async fn preview(&self, _caller: &Caller, _id: &ConsultId) -> Result<Preview, ConsultError> {
        unimplemented!()
    }

    /// The reader's signature: preliminary when two signatures are agreed, otherwise final and delivered.
    ///
    /// # Errors
    /// [`ConsultError::Stale`] when the hash is not of what would be signed now; [`ConsultError::WrongPassphrase`],
    /// [`ConsultError::NoSigningKey`], [`ConsultError::Missing`], [`ConsultError::Conflict`].
    pub async fn sign(
        &self,
        _caller: &Caller,
        _id: &ConsultId,
        _version: i64,
        _canonical_sha256: &Sha256,
        _passphrase: Secret,
        _now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        unimplemented!()
    }

    /// The reviewer's signature, over the same bytes and the reader's signature: final and delivered.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub async fn review(
        &self,
        _caller: &Caller,
        _id: &ConsultId,
        _version: i64,
        _canonical_sha256: &Sha256,
        _passphrase: Secret,
        _now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        unimplemented!()
    }

    /// Back to the reader (reviewer).
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `reason` when it is empty.
    pub async fn return_to_reader(
        &self,
        _caller: &Caller,
        _id: &ConsultId,
        _version: i64,
        _reason: &str,
        _now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        unimplemented!()
    }

    /// One consult as the caller sees it.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`].
    pub async fn get(&self, _caller: &Caller, _id: &ConsultId) -> Result<ConsultView, ConsultError> {
        unimplemented!()
    }

    /// A file of a signed report; `version` `None` means the current one. Records an export in the audit chain.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] when there is none, or it is not released to the caller's side.
    pub async fn report_file(
        &self,
        _caller: &Caller,
        _id: &ConsultId,
        _part: ReportPart,
        _version: Option<u32>,
    ) -> Result<Vec<u8>, ConsultError> {
        unimplemented!()
    }

    /// Judges the stored report against the instances that the caller sees in storage.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] as for [`Self::report_file`].
    pub async fn verify_stored(&self, _caller: &Caller, _id: &ConsultId) -> Result<Verdict, ConsultError> {
        unimplemented!()
    }

    /// Judges what anyone brings: the canonical JSON or the PDF, and signatures when they are not in the PDF. Evidence
    /// and supersession are looked up only when the report is known here. For the public: answers nothing but the verdict.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `report` when it is neither a canonical report nor a PDF with one.
    pub async fn verify_upload(
        &self,
        _report: Vec<u8>,
        _signatures: Vec<Vec<u8>>,
    ) -> Result<Verdict, ConsultError> {
        unimplemented!()
    }
}
