//! Signing and reviewing. Blob first, then one change: a crash in between leaves a page that nothing points at, never a
//! half-signed report. What must hold before is in [`ready`], what is computed in [`make`], whose key and certificate it is in
//! [`hand`], what waits for a time stamp in [`stamp`], what is handed out in [`files`]. A key that is elsewhere signs
//! what was [`frozen`] for it, by [`crate::phone`] or [`crate::own_key`], with the same steps.

mod draft;
mod files;
pub(crate) mod frozen;
mod hand;
pub(crate) mod make;
pub(crate) mod ready;
mod stamp;
pub(crate) mod stored;

pub use frozen::As;
pub use stamp::{JOB, Waits};
pub use stored::KIND;
pub(crate) use stored::{StoredReport, damaged};

use crate::ca::TEST_NOTICE;
use crate::certificate;
use crate::keystore::{Keystore, UnlockedKey, blocking};
use crate::record::{Consult, ConsultView, KeyPlace};
use crate::report::{CanonicalReport, Circumstances, Physician, Preview, ReportDraft};
use crate::state::State;
use crate::template::filled;
use crate::{ConsultError, ConsultService, cms};
use access::{Caller, Person, Secret};
use model::{ConsultId, Sha256};
use ready::{Ready, Signed};
use storage::{AuditAction, AuditEntry, AuditOutcome, Change};
use time::OffsetDateTime;

/// What somebody has tried to sign, for the audit chain.
pub(crate) fn audited(consult: &ConsultId, outcome: AuditOutcome, detail: &str) -> AuditEntry {
    AuditEntry {
        action: AuditAction::Sign,
        object: format!("consult/{consult}"),
        outcome,
        detail: detail.to_owned(),
    }
}

impl ConsultService {
    /// The report as the caller would sign it now: for the holder while reading, what has been saved; otherwise the
    /// report that has been signed, which is also what the reviewer signs.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] when there is nothing to sign or to see.
    pub async fn preview(&self, caller: &Caller, id: &ConsultId) -> Result<Preview, ConsultError> {
        self.preview_for(caller, id, None).await
    }

    /// The same for a key in a certain place: the certificate of a test is named in the report.
    ///
    /// # Errors
    /// As [`Self::preview`].
    pub async fn preview_for(
        &self,
        caller: &Caller,
        id: &ConsultId,
        key: Option<KeyPlace>,
    ) -> Result<Preview, ConsultError> {
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
            let composed = self.compose(caller, &consult, reader, key).await?;
            return preview_of(composed.bytes, composed.missing);
        }
        let signed = consult.current_version().ok_or(ConsultError::NotFound)?;
        let record = self.storage.record(caller.scope(), KIND, &signed.record).await?;
        preview_of(StoredReport::of(&record)?.canonical()?, Vec::new())
    }

    /// The reader's signature: preliminary when two signatures are agreed, otherwise final, and delivered as soon as it has
    /// its time stamp.
    ///
    /// # Errors
    /// [`ConsultError::Stale`] when the hash is not of what would be signed now; [`ConsultError::WrongPassphrase`],
    /// [`ConsultError::NoSigningKey`], [`ConsultError::Missing`], [`ConsultError::Conflict`];
    /// [`ConsultError::Forbidden`] without a licence for this, now, and when the certificate is not valid, not trusted or revoked;
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
        let ready =
            self.ready_to_sign(caller, id, version, canonical_sha256, KeyPlace::Keystore, now).await?;
        self.sign_here(caller, ready, passphrase, now).await
    }

    /// The reviewer's signature, over the same bytes and the reader's signature: final, and delivered as soon as it has
    /// its time stamp.
    ///
    /// # Errors
    /// As [`Self::sign`]; [`ConsultError::AwaitingTimeStamp`] while the reader's signature has none; [`ConsultError::Invalid`]
    /// `evidence` when images have arrived since: the reader takes them in after a return.
    pub async fn review(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        canonical_sha256: &Sha256,
        passphrase: Secret,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let ready = self.ready_to_review(caller, id, version, canonical_sha256, now).await?;
        self.sign_here(caller, ready, passphrase, now).await
    }

    /// With a key of the keystore.
    async fn sign_here(
        &self,
        caller: &Caller,
        ready: Ready,
        passphrase: Secret,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let UnlockedKey { key, chain } =
            self.unlock(caller, &ready.consult, &ready.signer, passphrase).await?;
        let hand = self.hand(&ready, chain, key.scheme(), KeyPlace::Keystore, now).await?;
        let (ready, unsigned) = self.to_sign(ready, hand).await?;
        let made = blocking(move || unsigned.signed_by(&key)).await??;
        let signed = Signed { made, key: KeyPlace::Keystore, at: now, change: Change::default() };
        self.keep_signed(caller, ready, signed, now).await
    }

    /// Refuses a text that the report could not print: whoever wrote it can still change it.
    pub(crate) fn refuse_unprintable(&self, field: &'static str, text: &str) -> Result<(), ConsultError> {
        match self.printer.unprintable(text) {
            None => Ok(()),
            Some(_) => Err(ConsultError::Invalid {
                field,
                why: "有无法打印的字符（如表情符号） / there are characters that cannot be printed, such as emoji: take them out",
            }),
        }
    }

    /// The day where the node is.
    pub(crate) fn today(&self, now: OffsetDateTime) -> time::Date {
        now.to_offset(self.config.utc_offset).date()
    }

    /// What the reader would sign now.
    async fn compose(
        &self,
        caller: &Caller,
        consult: &Consult,
        reader: &Person,
        key: Option<KeyPlace>,
    ) -> Result<Composed, ConsultError> {
        let chain = Keystore::new(self.storage.clone()).chain(&reader.id, key).await?;
        let is_test = chain.map(|chain| signer_of(&chain)).transpose()?.is_some_and(|(_, is_test)| is_test);
        let critical = self.printed_critical(consult).await?;
        let empty = ReportDraft::default();
        let draft = consult.report.as_ref().unwrap_or(&empty);
        let template = self.template_of(consult, &draft.template, draft.template_version).await?;
        let around = Circumstances {
            template: template.as_ref(),
            critical: &critical,
            opinions: self.printed_opinions(consult).await?,
            slides: self.named_slides(caller, consult).await?,
            reader: Physician {
                id: reader.id.clone(),
                name: reader.name.clone(),
                title: reader.title.clone(),
            },
            utc_offset: self.config.utc_offset,
            notice: is_test.then_some(TEST_NOTICE),
            verify_url: &self.config.verify_url,
        };
        let report = CanonicalReport::of(consult, draft, &around);
        let bytes = report.to_bytes().map_err(|_| ConsultError::Failed("no canonical form"))?;
        Ok(Composed { report, bytes, missing: filled::missing(template.as_ref(), draft) })
    }
}

/// A report as it would be signed.
struct Composed {
    report: CanonicalReport,
    /// Its canonical form.
    bytes: Vec<u8>,
    missing: Vec<String>,
}

fn preview_of(bytes: Vec<u8>, missing: Vec<String>) -> Result<Preview, ConsultError> {
    let canonical = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
    Ok(Preview { canonical_sha256: cms::sha256(&bytes), canonical, bytes, missing })
}

/// The signer's certificate, and whether it is a test.
fn signer_of(chain: &[Vec<u8>]) -> Result<(x509_cert::Certificate, bool), ConsultError> {
    let der = chain.first().ok_or(ConsultError::Failed("the certificate chain is damaged"))?;
    let certificate = certificate::from_der(der).map_err(|_| damaged())?;
    let is_test = certificate::is_test(&certificate);
    Ok((certificate, is_test))
}
