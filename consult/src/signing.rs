//! Signing, reviewing and the files of a signed report. Blob first, then one change: a crash in between leaves a page
//! that nothing points at, never a half-signed report.

use crate::ca::TEST_NOTICE;
use crate::cms::{self, Commitment, SigningIdentity};
use crate::key_image::PICTURE_BYTES_MAX;
use crate::keystore::{Keystore, UnlockedKey, blocking};
use crate::pdf::{PdfError, Signed};
use crate::record::{Consult, ConsultView, ReportVersion, SignerNote};
use crate::report::{CanonicalReport, Circumstances, Physician, Preview, ReportDraft};
use crate::service::{advance, person};
use crate::state::{Action, State};
use crate::verify::{Brought, Context, Verdict, verify};
use crate::{ConsultError, ConsultService, ReportPart, certificate};
use access::credential::may_sign;
use access::{Caller, Person, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use model::{ConsultId, OrgId, Scope, Sha256};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, Record, RecordQuery};
use time::OffsetDateTime;

/// Record kind of signed reports.
pub const KIND: &str = "report";

/// A signed report as it is kept. Everything binary is base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredReport {
    consult: ConsultId,
    version: u32,
    canonical: String,
    reader: String,
    reviewer: Option<String>,
    /// The page is a blob of the reading organisation.
    pdf_owner: OrgId,
    pdf_sha256: Sha256,
}

impl StoredReport {
    fn of(record: &Record) -> Result<Self, ConsultError> {
        serde_json::from_value(record.body.clone()).map_err(|_| damaged())
    }

    fn brought(&self) -> Result<Brought, ConsultError> {
        let mut signatures = vec![decode(&self.reader)?];
        if let Some(reviewer) = &self.reviewer {
            signatures.push(decode(reviewer)?);
        }
        Ok(Brought { canonical: decode(&self.canonical)?, signatures, pdf: None, pictures: Vec::new() })
    }
}

impl ConsultService {
    /// The report as the caller would sign it now: for the holder while reading, what has been saved; otherwise the
    /// report that has been signed, which is also what the reviewer signs.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] when there is nothing to sign or to see.
    pub async fn preview(&self, caller: &Caller, id: &ConsultId) -> Result<Preview, ConsultError> {
        let view = self.get(caller, id).await?;
        let consult = view.consult;
        if matches!(consult.state, State::Reading | State::Returned | State::Amending)
            && consult
                .amendment
                .as_ref()
                .is_none_or(|_| caller.as_person().is_some_and(|p| consult.is_held_by(&p.id)))
        {
            let holder = caller.as_person().filter(|p| consult.reader.as_ref().is_some_and(|r| r.id == p.id));
            let reader = holder.ok_or(ConsultError::NotFound)?;
            let (report, bytes) = self.compose(caller, &consult, reader).await?;
            return preview_of(bytes, report.missing());
        }
        let signed = consult.current_version().ok_or(ConsultError::NotFound)?;
        let record = self.storage.record(caller.scope(), KIND, &signed.record).await?;
        preview_of(decode(&StoredReport::of(&record)?.canonical)?, Vec::new())
    }

    /// The reader's signature: preliminary when two signatures are agreed, otherwise final and delivered.
    ///
    /// # Errors
    /// [`ConsultError::Stale`] when the hash is not of what would be signed now; [`ConsultError::WrongPassphrase`],
    /// [`ConsultError::NoSigningKey`], [`ConsultError::Missing`], [`ConsultError::Conflict`];
    /// [`ConsultError::Forbidden`] without a licence for this, now;
    /// [`ConsultError::Invalid`] `report` when a character cannot be printed.
    pub async fn sign(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        canonical_sha256: &Sha256,
        passphrase: Secret,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, states) = self.begin(caller, id, version, Action::Sign).await?;
        let reader = caller.as_person().ok_or(ConsultError::Forbidden("只有本人可以签名"))?;
        self.refuse_late_images(caller, &consult).await?;
        may_sign(reader, &consult.study.modalities, self.today(now))?;
        let (report, canonical) = self.compose(caller, &consult, reader).await?;
        let missing = report.missing();
        if !missing.is_empty() {
            return Err(ConsultError::Missing(missing));
        }
        if cms::sha256(&canonical) != *canonical_sha256 {
            return Err(ConsultError::Stale);
        }
        let text = std::str::from_utf8(&canonical).map_err(|_| ConsultError::Failed("UTF-8"))?;
        if self.printer.unprintable(text).is_some() {
            return Err(ConsultError::Invalid {
                field: "report", why: "有无法打印的字符（如表情符号）"
            });
        }
        let unlocked = self.unlock(caller, &consult, reader, passphrase).await?;
        let title = reader.title.clone();
        let signature = blocking({
            let canonical = canonical.clone();
            move || make_signature(&unlocked, &title, &canonical, &Commitment::Reader, now)
        })
        .await??;
        let number = consult.next_version();
        let record = format!("{}-v{number}-s{}", consult.id, consult.versions.len().saturating_add(1));
        let (stored, pdf) = self.print(caller, &consult, canonical, signature, None).await?;
        consult.versions.push(ReportVersion {
            version: number,
            record: record.clone(),
            canonical_sha256: *canonical_sha256,
            signed_at: now,
            signers: vec![SignerNote { name: reader.name.clone(), role: "reader".into(), signed_at: now }],
            superseded: false,
            delivered_at: None,
            amendment: consult.amendment.as_ref().map(|amendment| amendment.note.clone()),
        });
        tracing::debug!(bytes = pdf, "page made");
        advance(&mut consult, states, caller, now, "");
        if consult.state.is_released() {
            consult.deliver(now);
        }
        let puts = vec![report_put(&consult, record, Expected::Absent, &stored, canonical_sha256)?];
        self.finish(caller, consult, version, Action::Sign, Change { puts, ..Change::default() }).await
    }

    /// The reviewer's signature, over the same bytes and the reader's signature: final and delivered.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub async fn review(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        canonical_sha256: &Sha256,
        passphrase: Secret,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (mut consult, states) = self.begin(caller, id, version, Action::Review).await?;
        let reviewer = caller.as_person().ok_or(ConsultError::Forbidden("只有本人可以签名"))?;
        may_sign(reviewer, &consult.study.modalities, self.today(now))?;
        let current = consult.current_version().ok_or_else(damaged)?.clone();
        let record = self.storage.record(caller.scope(), KIND, &current.record).await?;
        let stored = StoredReport::of(&record)?;
        let canonical = decode(&stored.canonical)?;
        if cms::sha256(&canonical) != *canonical_sha256 {
            return Err(ConsultError::Stale);
        }
        let unlocked = self.unlock(caller, &consult, reviewer, passphrase).await?;
        let first = decode(&stored.reader)?;
        let title = reviewer.title.clone();
        let second = blocking({
            let (canonical, first) = (canonical.clone(), first.clone());
            move || {
                let first = cms::check(&first, &canonical).map_err(|_| damaged())?;
                let commitment = Commitment::Reviewer { reader_signature: first.signature };
                make_signature(&unlocked, &title, &canonical, &commitment, now)
            }
        })
        .await??;
        let (stored, _) = self.print(caller, &consult, canonical, first, Some(second)).await?;
        consult.reviewer = person(caller);
        for signed in consult.versions.iter_mut().filter(|signed| signed.record == current.record) {
            let note = SignerNote { name: reviewer.name.clone(), role: "reviewer".into(), signed_at: now };
            signed.signers.push(note);
            signed.signed_at = now;
        }
        advance(&mut consult, states, caller, now, "");
        if consult.state.is_released() {
            consult.deliver(now);
        }
        let expected = Expected::Version(record.version);
        let puts = vec![report_put(&consult, current.record, expected, &stored, canonical_sha256)?];
        self.finish(caller, consult, version, Action::Review, Change { puts, ..Change::default() }).await
    }

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
            ReportPart::Json => decode(&stored.canonical)?,
            ReportPart::ReaderSignature => decode(&stored.reader)?,
            ReportPart::ReviewerSignature => {
                decode(stored.reviewer.as_deref().ok_or(ConsultError::NotFound)?)?
            }
            ReportPart::Chain => self.chain_pem(&stored)?,
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
        let mut brought = stored.brought()?;
        brought.pdf = Some(self.read_pdf(&stored).await?);
        let scope = caller.scope().owned_by(view.consult.study.org.clone());
        let mut known = HashMap::new();
        for study in view.consult.studies() {
            match self.storage.instances(&scope, &study.study_instance_uid, None, None).await {
                Ok(found) => known.extend(found.iter().map(|i| (i.instance().to_string(), *i.sha256()))),
                Err(storage::StorageError::NotFound) => {}
                Err(other) => return Err(other.into()),
            }
        }
        let verdict = self.judge(brought, Some(known), Some(false), Some(stored.pdf_sha256)).await?;
        let entry = AuditEntry {
            action: AuditAction::Verify,
            object: format!("consult/{id}"),
            outcome: if verdict.ok { AuditOutcome::Success } else { AuditOutcome::Refused },
            detail: String::new(),
        };
        self.storage.audit(caller.scope(), entry).await?;
        Ok(verdict)
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
        for record in self.storage.records(&scope, &query).await? {
            let stored = StoredReport::of(&record)?;
            let consult = self.storage.record(&scope, crate::record::KIND, stored.consult.as_str()).await?;
            let consult = crate::service::consult_of(consult.body)?;
            let is_current = consult.versions.iter().any(|v| v.record == record.id && !v.superseded);
            if is_current || is_superseded.is_none() {
                (is_superseded, page) = (Some(!is_current), Some(stored.pdf_sha256));
            }
        }
        self.judge(brought, None, is_superseded, page).await
    }

    async fn judge(
        &self,
        brought: Brought,
        known: Option<HashMap<String, Sha256>>,
        is_superseded: Option<bool>,
        page_sha256: Option<Sha256>,
    ) -> Result<Verdict, ConsultError> {
        let (printer, config) = (self.printer.clone(), self.config.clone());
        blocking(move || {
            let lookup = |uid: &str| known.as_ref().and_then(|known| known.get(uid).copied());
            let context = Context {
                anchors_pem: &config.trust_anchors_pem,
                is_superseded,
                evidence: known.is_some().then_some(&lookup),
                printer: Some(&printer),
                page_sha256,
            };
            verify(&brought, &context)
        })
        .await
    }

    /// The day where the node is.
    fn today(&self, now: OffsetDateTime) -> time::Date {
        now.to_offset(self.config.utc_offset).date()
    }

    /// What the reader would sign now.
    async fn compose(
        &self,
        caller: &Caller,
        consult: &Consult,
        reader: &Person,
    ) -> Result<(CanonicalReport, Vec<u8>), ConsultError> {
        let keystore = Keystore::new(self.storage.clone());
        let is_test = match keystore.sealed(caller.scope(), &reader.id).await {
            Ok(sealed) => signer_of(&sealed.chain()?)?.1,
            Err(ConsultError::NoSigningKey) => false,
            Err(other) => return Err(other),
        };
        let around = Circumstances {
            reader: Physician {
                id: reader.id.clone(),
                name: reader.name.clone(),
                title: reader.title.clone(),
            },
            utc_offset: self.config.utc_offset,
            notice: is_test.then_some(TEST_NOTICE),
            verify_url: &self.config.verify_url,
        };
        let empty = ReportDraft::default();
        let draft = consult.report.as_ref().unwrap_or(&empty);
        let report = CanonicalReport::of(consult, draft, &around);
        let bytes = report.to_bytes().map_err(|_| ConsultError::Failed("no canonical form"))?;
        Ok((report, bytes))
    }

    /// Unlocks the signer's key, and refuses a certificate that is somebody else's. A wrong passphrase is on record.
    async fn unlock(
        &self,
        caller: &Caller,
        consult: &Consult,
        signer: &Person,
        passphrase: Secret,
    ) -> Result<UnlockedKey, ConsultError> {
        let keystore = Keystore::new(self.storage.clone());
        let unlocked = keystore.unlock(caller.scope(), &signer.id, passphrase).await;
        if unlocked.as_ref().err() == Some(&ConsultError::WrongPassphrase) {
            let entry = AuditEntry {
                action: AuditAction::Sign,
                object: format!("consult/{}", consult.id),
                outcome: AuditOutcome::Refused,
                detail: "wrong passphrase".to_owned(),
            };
            self.storage.audit(caller.scope(), entry).await?;
        }
        let unlocked = unlocked?;
        let (certificate, _) = signer_of(&unlocked.chain)?;
        let is_theirs = certificate::common_name(&certificate) == signer.name
            && certificate::organisation(&certificate) == consult.reading.name;
        if is_theirs {
            Ok(unlocked)
        } else {
            Err(ConsultError::Forbidden("签名证书不是本人在本机构的证书"))
        }
    }

    /// Makes the page and keeps it; also gives its length.
    async fn print(
        &self,
        caller: &Caller,
        consult: &Consult,
        canonical: Vec<u8>,
        reader: Vec<u8>,
        reviewer: Option<Vec<u8>>,
    ) -> Result<(StoredReport, usize), ConsultError> {
        let printer = self.printer.clone();
        let pictures = self.pictures(&consult.reading.id, &canonical).await?;
        let (pdf, canonical, reader, reviewer) = blocking(move || {
            let signed = Signed {
                canonical: &canonical,
                reader: &reader,
                reviewer: reviewer.as_deref(),
                pictures: &pictures,
            };
            printer.render(&signed).map(|pdf| (pdf, canonical, reader, reviewer))
        })
        .await?
        .map_err(|error: PdfError| {
            tracing::error!(%error, "a report's page could not be made");
            ConsultError::Failed("the page could not be made")
        })?;
        let owner = consult.reading.id.clone();
        let pdf_sha256 = self.storage.put_blob(caller.scope(), &owner, &pdf).await?;
        let stored = StoredReport {
            consult: consult.id.clone(),
            version: consult.next_version(),
            canonical: BASE64.encode(canonical),
            reader: BASE64.encode(reader),
            reviewer: reviewer.map(|der| BASE64.encode(der)),
            pdf_owner: owner,
            pdf_sha256,
        };
        Ok((stored, pdf.len()))
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

    async fn read_pdf(&self, stored: &StoredReport) -> Result<Vec<u8>, ConsultError> {
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
    async fn pictures(&self, reading: &OrgId, canonical: &[u8]) -> Result<Vec<Vec<u8>>, ConsultError> {
        let report = CanonicalReport::from_bytes(canonical).map_err(|_| damaged())?;
        let mut pictures = Vec::with_capacity(report.key_images.len());
        for image in &report.key_images {
            pictures.push(self.read_whole(reading, &image.picture_sha256).await?);
        }
        Ok(pictures)
    }

    /// Keeps a picture that a report of the caller's organisation is going to show, under its hash.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `key_images` when it is too large.
    pub async fn keep_picture(&self, caller: &Caller, picture: &[u8]) -> Result<Sha256, ConsultError> {
        if picture.len() > PICTURE_BYTES_MAX {
            return Err(ConsultError::Invalid { field: "key_images", why: "图片太大" });
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
        if !shown.into_iter().any(|image| image.picture_sha256 == *name) {
            return Err(ConsultError::NotFound);
        }
        self.read_whole(&consult.reading.id, name).await
    }

    /// Signers' certificates with what came with them, then the trust anchors.
    fn chain_pem(&self, stored: &StoredReport) -> Result<Vec<u8>, ConsultError> {
        let brought = stored.brought()?;
        let mut certificates = Vec::new();
        for signature in &brought.signatures {
            let check = cms::check(signature, &brought.canonical).map_err(|_| damaged())?;
            certificates.push(check.signer);
            certificates.extend(check.others);
        }
        certificates.extend(certificate::from_pem(&self.config.trust_anchors_pem).unwrap_or_default());
        certificate::to_pem(&certificates).map_err(|_| damaged())
    }
}

fn preview_of(bytes: Vec<u8>, missing: Vec<&'static str>) -> Result<Preview, ConsultError> {
    let canonical = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
    Ok(Preview { canonical_sha256: cms::sha256(&bytes), canonical, bytes, missing })
}

fn make_signature(
    unlocked: &UnlockedKey,
    title: &str,
    canonical: &[u8],
    commitment: &Commitment,
    at: OffsetDateTime,
) -> Result<Vec<u8>, ConsultError> {
    let identity = SigningIdentity { key: &unlocked.key, chain: &unlocked.chain, title };
    cms::sign(canonical, &identity, commitment, at).map_err(|error| {
        tracing::error!(%error, "a signature could not be made");
        ConsultError::Failed("the signature could not be made")
    })
}

fn report_put(
    consult: &Consult,
    id: String,
    expected: Expected,
    stored: &StoredReport,
    canonical_sha256: &Sha256,
) -> Result<Put, ConsultError> {
    let mut visible_to = vec![consult.reading.id.clone()];
    if consult.state.is_released() && consult.requesting.id != consult.reading.id {
        visible_to.push(consult.requesting.id.clone());
    }
    Ok(Put {
        kind: KIND,
        id,
        expected,
        body: serde_json::to_value(stored).map_err(|_| ConsultError::Failed("the report has no JSON"))?,
        keys: vec![("consult", consult.id.to_string()), ("sha256", canonical_sha256.to_string())],
        unique: Vec::new(),
        sort: 0,
        visible_to,
    })
}

/// The signer's certificate, and whether it is a test.
fn signer_of(chain: &[Vec<u8>]) -> Result<(x509_cert::Certificate, bool), ConsultError> {
    let der = chain.first().ok_or(ConsultError::Failed("the certificate chain is damaged"))?;
    let certificate = certificate::from_der(der).map_err(|_| damaged())?;
    let is_test = certificate::is_test(&certificate);
    Ok((certificate, is_test))
}

fn decode(text: &str) -> Result<Vec<u8>, ConsultError> {
    BASE64.decode(text).map_err(|_| damaged())
}

fn damaged() -> ConsultError {
    ConsultError::Failed("the signed report is damaged")
}
