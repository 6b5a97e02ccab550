//! The files of a signed report, and what anyone wants to have verified.

use super::stored::{KIND, StoredReport, damaged, decode};
use crate::authorities::TimeStamps;
use crate::cms::{self, Form};
use crate::key_image::PICTURE_BYTES_MAX;
use crate::keystore::blocking;
use crate::record::Consult;
use crate::report::CanonicalReport;
use crate::revocation::RevocationData;
use crate::verify::{Brought, Context, Stamping, Verdict, verify};
use crate::{ConsultError, ConsultService, ReportPart, certificate};
use access::Caller;
use model::{ConsultId, OrgId, Scope, Sha256};
use std::collections::HashMap;
use storage::{AuditAction, AuditEntry, AuditOutcome, RecordQuery};

impl ConsultService {
    /// A file of a signed report; `version` `None` means the current one. Records an export in the audit chain.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] when there is none, or it is not released to the caller's side.
    pub async fn report_file(
        &self,
        caller: &Caller,
        id: &ConsultId,
        part: ReportPart,
        version: Option<u32>,
    ) -> Result<Vec<u8>, ConsultError> {
        let stored = self.stored(caller, id, version).await?;
        let bytes = match part {
            ReportPart::Pdf => self.read_pdf(&stored).await?,
            ReportPart::Json => stored.canonical()?,
            ReportPart::ReaderSignature => decode(&stored.reader)?,
            ReportPart::ReviewerSignature => {
                decode(stored.reviewer.as_deref().ok_or(ConsultError::NotFound)?)?
            }
            ReportPart::Chain => self.chain_pem(&self.get(caller, id).await?.consult, &stored)?,
        };
        let entry = AuditEntry {
            action: AuditAction::Export,
            object: format!("consult/{id}"),
            outcome: AuditOutcome::Success,
            detail: format!("{part:?}").to_lowercase(),
        };
        self.storage.audit(caller.scope(), entry).await?;
        Ok(bytes)
    }

    /// Judges the stored report against the instances that the caller sees in storage.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] as for [`Self::report_file`].
    pub async fn verify_stored(&self, caller: &Caller, id: &ConsultId) -> Result<Verdict, ConsultError> {
        let view = self.get(caller, id).await?;
        let stored = self.stored(caller, id, None).await?;
        let verdict = self.judge_kept(caller.scope(), &view.consult, &stored).await?;
        let entry = AuditEntry {
            action: AuditAction::Verify,
            object: format!("consult/{id}"),
            outcome: if verdict.ok { AuditOutcome::Success } else { AuditOutcome::Refused },
            detail: String::new(),
        };
        self.storage.audit(caller.scope(), entry).await?;
        Ok(verdict)
    }

    /// Judges a signed report that is kept here, page and signatures, against the instances that the scope sees.
    pub(crate) async fn judge_kept(
        &self,
        scope: &Scope,
        consult: &Consult,
        stored: &StoredReport,
    ) -> Result<Verdict, ConsultError> {
        let (pdf, signatures) = (self.read_pdf(stored).await?, stored.brought()?.signatures);
        let brought = blocking(move || Brought::from_file(pdf, signatures)).await??;
        let scope = scope.owned_by(consult.study.org.clone());
        let mut known = HashMap::new();
        for study in consult.studies() {
            match self.storage.instances(&scope, &study.study_instance_uid, None, None).await {
                Ok(found) => known.extend(found.iter().map(|i| (i.instance().to_string(), *i.sha256()))),
                Err(storage::StorageError::NotFound) => {}
                Err(other) => return Err(other.into()),
            }
        }
        let anchors = self.config.anchors_of(consult).to_owned();
        self.judge(brought, anchors, Some(known), Some(false), Some(stored.pdf_sha256)).await
    }

    /// Judges what anyone brings: the canonical JSON or the PDF, and signatures when they are not in the PDF. Whether a
    /// later version exists is looked up when the report is known here. For the public: answers nothing but the verdict.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `report` when it is a PDF without a report.
    pub async fn verify_upload(
        &self,
        report: Vec<u8>,
        signatures: Vec<Vec<u8>>,
    ) -> Result<Verdict, ConsultError> {
        let brought = blocking(move || Brought::from_file(report, signatures)).await??;
        let scope = Scope::node("verify");
        let query = RecordQuery::new(KIND).with("sha256", cms::sha256(&brought.canonical).to_string());
        // A report that was returned and signed again unchanged has the same bytes twice; the one that counts decides.
        let (mut is_superseded, mut page) = (None, None);
        let mut anchors = self.config.trust_anchors_pem.clone();
        for record in self.storage.records(&scope, &query).await? {
            let stored = StoredReport::of(&record)?;
            let consult = self.storage.record(&scope, crate::record::KIND, stored.consult.as_str()).await?;
            let consult = crate::service::consult_of(consult.body)?;
            let is_current = consult.versions.iter().any(|v| v.record == record.id && !v.superseded);
            if is_current || is_superseded.is_none() {
                (is_superseded, page) = (Some(!is_current), Some(stored.pdf_sha256));
                self.config.anchors_of(&consult).clone_into(&mut anchors);
            }
        }
        self.judge(brought, anchors, None, is_superseded, page).await
    }

    async fn judge(
        &self,
        brought: Brought,
        anchors_pem: String,
        known: Option<HashMap<String, Sha256>>,
        is_superseded: Option<bool>,
        page_sha256: Option<Sha256>,
    ) -> Result<Verdict, ConsultError> {
        let config = self.config.clone();
        blocking(move || {
            let lookup = |uid: &str| known.as_ref().and_then(|known| known.get(uid).copied());
            let stamping = match config.time_stamps {
                TimeStamps::None => Stamping::Optional,
                TimeStamps::Required { .. } | TimeStamps::Missing => Stamping::Required,
            };
            let context = Context {
                anchors_pem: &anchors_pem,
                time_stamp_anchors_pem: match &config.time_stamps {
                    TimeStamps::Required { anchors_pem, .. } => anchors_pem,
                    TimeStamps::None | TimeStamps::Missing => "",
                },
                revocation: RevocationData::default(),
                is_superseded,
                evidence: known.is_some().then_some(&lookup),
                page_sha256,
                stamping,
                ..Context::default()
            };
            verify(&brought, &context)
        })
        .await
    }

    /// The stored report that the caller may see.
    async fn stored(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: Option<u32>,
    ) -> Result<StoredReport, ConsultError> {
        let view = self.get(caller, id).await?;
        let signed = match version {
            None => view.consult.current_version(),
            Some(wanted) => view.consult.versions.iter().rev().find(|signed| signed.version == wanted),
        };
        let signed = signed.ok_or(ConsultError::NotFound)?;
        StoredReport::of(&self.storage.record(caller.scope(), KIND, &signed.record).await?)
    }

    pub(crate) async fn read_pdf(&self, stored: &StoredReport) -> Result<Vec<u8>, ConsultError> {
        self.read_whole(&stored.pdf_owner, &stored.pdf_sha256).await
    }

    pub(crate) async fn read_whole(&self, owner: &OrgId, name: &Sha256) -> Result<Vec<u8>, ConsultError> {
        let length = self.storage.blob_length(owner, name).await?;
        let mut whole = Vec::new();
        while (whole.len() as u64) < length {
            let part = self.storage.read_blob(owner, name, whole.len() as u64..length).await?;
            if part.is_empty() {
                return Err(damaged());
            }
            whole.extend_from_slice(&part);
        }
        Ok(whole)
    }

    /// The pictures of a report's key images.
    pub(super) async fn pictures(
        &self,
        reading: &OrgId,
        canonical: &[u8],
    ) -> Result<Vec<Vec<u8>>, ConsultError> {
        let report = CanonicalReport::from_bytes(canonical).map_err(|_| damaged())?;
        let mut pictures = Vec::with_capacity(report.key_images.len());
        for image in &report.key_images {
            pictures.push(self.read_whole(reading, image.picture_sha256()).await?);
        }
        Ok(pictures)
    }

    /// Keeps a picture that a report of the caller's organisation is going to show, under its hash.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `key_images` when it is too large.
    pub async fn keep_picture(&self, caller: &Caller, picture: &[u8]) -> Result<Sha256, ConsultError> {
        if picture.len() > PICTURE_BYTES_MAX {
            return Err(ConsultError::Invalid {
                field: "key_images",
                why: "图片太大 / the picture is too large",
            });
        }
        Ok(self.storage.put_blob(caller.scope(), caller.organisation(), picture).await?)
    }

    /// The picture of a key image of the report as the caller sees it.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] when the report shows no such picture, or is not the caller's to see.
    pub async fn picture(
        &self,
        caller: &Caller,
        id: &ConsultId,
        name: &Sha256,
    ) -> Result<Vec<u8>, ConsultError> {
        let consult = self.get(caller, id).await?.consult;
        let shown = consult.report.iter().flat_map(|report| &report.key_images);
        if !shown.into_iter().any(|image| image.picture_sha256() == name) {
            return Err(ConsultError::NotFound);
        }
        self.read_whole(&consult.reading.id, name).await
    }

    /// Signers' certificates with what came with them, then the trust anchors.
    fn chain_pem(&self, consult: &Consult, stored: &StoredReport) -> Result<Vec<u8>, ConsultError> {
        let brought = stored.brought()?;
        let mut certificates = Vec::new();
        for signature in &brought.signatures {
            let check = cms::check(signature, &[&brought.canonical], Form::Report).map_err(|_| damaged())?;
            certificates.push(check.signer);
            certificates.extend(check.others);
        }
        certificates.extend(certificate::from_pem(self.config.anchors_of(consult)).unwrap_or_default());
        certificate::to_pem(&certificates).map_err(|_| damaged())
    }
}
