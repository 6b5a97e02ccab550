//! Signing and reviewing. Blob first, then one change: a crash in between leaves a page that nothing points at, never a
//! half-signed report. What is computed is in [`make`], what waits for a time stamp in [`stamp`], what is handed out in
//! [`files`].

mod draft;
mod files;
mod make;
mod stamp;
pub(crate) mod stored;

pub use stamp::{JOB, Waits};
pub use stored::KIND;
pub(crate) use stored::{StoredReport, damaged};

use crate::authorities::{self, TimeStamps};
use crate::ca::TEST_NOTICE;
use crate::certificate::{self, Purpose};
use crate::keystore::{Keystore, UnlockedKey, blocking};
use crate::record::{Consult, ConsultView, ReportVersion, SignerNote};
use crate::report::{CanonicalReport, Circumstances, Physician, Preview, ReportDraft};
use crate::revocation::{self, RevocationData, Standing};
use crate::service::{advance, person};
use crate::state::{Action, State};
use crate::template::filled;
use crate::{ConsultError, ConsultService, cms};
use access::credential::may_sign;
use access::{Caller, Person, Secret};
use make::{Hand, Made};
use model::{ConsultId, Sha256};
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put};
use stored::{decode, encode};
use time::OffsetDateTime;
use x509_cert::Certificate;

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
            let composed = self.compose(caller, &consult, reader).await?;
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
        let (mut consult, states) = self.begin(caller, id, version, Action::Sign).await?;
        // Read first: who is asked for an opinion from now on makes this signature fail.
        let guards = self.opinion_guard(&consult, Action::Sign).await?;
        let reader = caller.as_person().ok_or(ConsultError::Forbidden("只有本人可以签名"))?;
        self.refuse_late_images(caller, &consult, Action::Sign).await?;
        self.require_licence(caller, &consult, reader, now).await?;
        let Composed { report, bytes: canonical, missing } = self.compose(caller, &consult, reader).await?;
        if !missing.is_empty() {
            return Err(ConsultError::Missing(missing));
        }
        if cms::sha256(&canonical) != *canonical_sha256 {
            return Err(ConsultError::Stale);
        }
        let text = std::str::from_utf8(&canonical).map_err(|_| ConsultError::Failed("UTF-8"))?;
        self.refuse_unprintable("report", text)?;
        let hand = self.hand(caller, &consult, reader, passphrase, now).await?;
        let pictures = self.pictures(&consult.reading.id, &canonical).await?;
        let printer = self.printer.clone();
        let (made, canonical) = blocking(move || {
            make::read(&printer, &canonical, &pictures, &hand).map(|made| (made, canonical))
        })
        .await??;
        let record =
            format!("{}-v{}-s{}", consult.id, report.version, consult.versions.len().saturating_add(1));
        let waits = self.waits_for_time_stamp();
        consult.versions.push(ReportVersion {
            version: report.version,
            record: record.clone(),
            canonical_sha256: *canonical_sha256,
            signed_at: now,
            signers: vec![SignerNote { name: reader.name.clone(), role: "reader".into(), signed_at: now }],
            superseded: false,
            delivered_at: None,
            amendment: consult.amendment.as_ref().map(|amendment| amendment.note.clone()),
            pending_time_stamp: waits,
        });
        let stored = self.keep(caller, &consult, &canonical, made, None).await?;
        let (expected, action) = (Expected::Absent, Action::Sign);
        let signed = Signing { record, expected, stored, states, version, action, guards };
        self.conclude(caller, consult, signed, now).await
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
        // Rights, state and version first: who may not review sets nothing going.
        self.begin(caller, id, version, Action::Review).await?;
        let version = self.settle(caller, id, version, now).await?;
        let (mut consult, states) = self.begin(caller, id, version, Action::Review).await?;
        let reviewer = caller.as_person().ok_or(ConsultError::Forbidden("只有本人可以签名"))?;
        self.refuse_late_images(caller, &consult, Action::Review).await?;
        self.require_licence(caller, &consult, reviewer, now).await?;
        let current = consult.current_version().ok_or_else(damaged)?.clone();
        let record = self.storage.record(caller.scope(), KIND, &current.record).await?;
        let stored = StoredReport::of(&record)?;
        let canonical = stored.canonical()?;
        if cms::sha256(&canonical) != *canonical_sha256 {
            return Err(ConsultError::Stale);
        }
        let hand = self.hand(caller, &consult, reviewer, passphrase, now).await?;
        let pdf = self.read_pdf(&stored).await?;
        if crate::pades::read(&pdf).ok().flatten().is_none() {
            return Err(ConsultError::Forbidden("这份初步报告由旧版本签名，请退回给报告医师重新签名"));
        }
        let first = decode(&stored.reader)?;
        let printer = self.printer.clone();
        let (made, canonical, first) = blocking(move || {
            make::review(&printer, &canonical, &first, &pdf, &hand).map(|made| (made, canonical, first))
        })
        .await??;
        consult.reviewer = person(caller);
        let waits = self.waits_for_time_stamp();
        for signed in consult.versions.iter_mut().filter(|signed| signed.record == current.record) {
            let note = SignerNote { name: reviewer.name.clone(), role: "reviewer".into(), signed_at: now };
            signed.signers.push(note);
            signed.signed_at = now;
            signed.pending_time_stamp = waits;
        }
        let stored = self.keep(caller, &consult, &canonical, made, Some(first)).await?;
        let expected = Expected::Version(record.version);
        let (record, action, guards) = (current.record, Action::Review, Vec::new());
        let signed = Signing { record, expected, stored, states, version, action, guards };
        self.conclude(caller, consult, signed, now).await
    }

    /// Refuses a text that the report could not print: whoever wrote it can still change it.
    pub(crate) fn refuse_unprintable(&self, field: &'static str, text: &str) -> Result<(), ConsultError> {
        match self.printer.unprintable(text) {
            None => Ok(()),
            Some(_) => {
                Err(ConsultError::Invalid { field, why: "有无法打印的字符（如表情符号）" })
            }
        }
    }

    /// Refuses who has no licence for what is in the study: as it was asked about, and as it is now that images have come in
    /// since.
    async fn require_licence(
        &self,
        caller: &Caller,
        consult: &Consult,
        signer: &Person,
        now: OffsetDateTime,
    ) -> Result<(), ConsultError> {
        let (_, now_there) =
            self.study(caller, &consult.study.org, &consult.study.study_instance_uid).await?;
        let mut modalities = now_there.modalities;
        modalities.extend(consult.study.modalities.iter().cloned());
        if modalities.is_empty() {
            return Err(ConsultError::Forbidden(
                "检查没有写明检查类型，无法核对执业范围，不能签名 / the study names no modality to compare with the licence",
            ));
        }
        Ok(may_sign(signer, &modalities, self.today(now))?)
    }

    /// The day where the node is.
    pub(crate) fn today(&self, now: OffsetDateTime) -> time::Date {
        now.to_offset(self.config.utc_offset).date()
    }

    /// Whether what is signed now waits for a time stamp before it goes on.
    fn waits_for_time_stamp(&self) -> bool {
        self.config.time_stamps != TimeStamps::None
    }

    /// One change for everything; then the time stamp is asked for at once, and by a job if that fails.
    async fn conclude(
        &self,
        caller: &Caller,
        mut consult: Consult,
        signed: Signing,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let waits = signed.stored.pending_time_stamp;
        let end = signed.states.iter().position(|state| waits && *state == State::Final);
        let states = end.map_or(signed.states, |end| &signed.states[..=end]);
        advance(&mut consult, states, caller, now, "");
        if consult.state.is_released() {
            consult.deliver(now);
        }
        let mut puts = signed.guards;
        puts.push(signed.stored.put(&consult, signed.record.clone(), signed.expected)?);
        let jobs = if waits { vec![stamp::job(&consult.reading.id, &signed.record)] } else { Vec::new() };
        let id = consult.id.clone();
        let change = Change { puts, jobs, ..Change::default() };
        let view = self.finish(caller, consult, signed.version, signed.action, change).await?;
        if !waits {
            return Ok(view);
        }
        if let Err(error) = self.stamp_report(&signed.record, now).await {
            tracing::warn!(%error, "a signed report waits for its time stamp");
            return Ok(view);
        }
        self.get(caller, &id).await
    }

    /// Before the reviewer signs, the reader's signature has its time stamp: afterwards nothing can be put there. Gives
    /// the version to go on with.
    async fn settle(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<i64, ConsultError> {
        let (consult, before) = self.load(caller, id).await?;
        let Some(current) = consult.current_version().filter(|signed| signed.pending_time_stamp) else {
            return Ok(version);
        };
        if let Err(error) = self.stamp_report(&current.record, now).await {
            tracing::warn!(%error, "a preliminary report waits for its time stamp");
            return Err(ConsultError::AwaitingTimeStamp);
        }
        let (_, after) = self.load(caller, id).await?;
        Ok(if version == before { after } else { version })
    }

    /// What the reader would sign now.
    async fn compose(
        &self,
        caller: &Caller,
        consult: &Consult,
        reader: &Person,
    ) -> Result<Composed, ConsultError> {
        let keystore = Keystore::new(self.storage.clone());
        let is_test = match keystore.sealed(caller.scope(), &reader.id).await {
            Ok(sealed) => signer_of(&sealed.chain()?)?.1,
            Err(ConsultError::NoSigningKey) => false,
            Err(other) => return Err(other),
        };
        let critical = self.printed_critical(consult).await?;
        let empty = ReportDraft::default();
        let draft = consult.report.as_ref().unwrap_or(&empty);
        let template = self.template_of(consult, &draft.template, draft.template_version).await?;
        let around = Circumstances {
            template: template.as_ref(),
            critical: &critical,
            opinions: self.printed_opinions(consult).await?,
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

    /// The signer's key, with a certificate that is valid, trusted and not revoked now.
    async fn hand(
        &self,
        caller: &Caller,
        consult: &Consult,
        signer: &Person,
        passphrase: Secret,
        now: OffsetDateTime,
    ) -> Result<Hand, ConsultError> {
        let unlocked = self.unlock(caller, consult, signer, passphrase).await?;
        let at = now.replace_nanosecond(0).unwrap_or(now);
        let path = self.path(&unlocked, at)?;
        let revocation = match path.len() {
            0 | 1 => RevocationData::default(),
            _ => authorities::revocation_data(self.authorities.as_ref(), &path, at).await,
        };
        if let (Standing::Revoked { .. }, _) = revocation::judge_path(&path, &revocation, at) {
            return Err(ConsultError::Forbidden("签名证书已被吊销"));
        }
        Ok(Hand { unlocked, title: signer.title.clone(), path, revocation, at })
    }

    /// From the signer's certificate to a trust anchor. Without anchors nobody signs: nothing could be judged.
    fn path(&self, unlocked: &UnlockedKey, at: OffsetDateTime) -> Result<Vec<Certificate>, ConsultError> {
        let chain = unlocked.chain.iter().map(|der| certificate::from_der(der));
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|_| damaged())?;
        let (first, others) = chain.split_first().ok_or_else(damaged)?;
        let anchors = certificate::from_pem(&self.config.trust_anchors_pem)
            .map_err(|_| ConsultError::Failed("the trust anchors cannot be read"))?;
        if anchors.is_empty() {
            return Err(ConsultError::Forbidden("本节点没有配置信任的证书颁发机构，不能签名"));
        }
        certificate::follow(first, others, &anchors, at, Purpose::Reports)
            .map_err(|fault| ConsultError::Forbidden(fault.words().0))
    }

    /// Keeps the page as a blob.
    async fn keep(
        &self,
        caller: &Caller,
        consult: &Consult,
        canonical: &[u8],
        made: Made,
        reader: Option<Vec<u8>>,
    ) -> Result<StoredReport, ConsultError> {
        let owner = consult.reading.id.clone();
        let pdf_sha256 = self.storage.put_blob(caller.scope(), &owner, &made.pdf).await?;
        let detached = encode(&made.detached);
        let (reader, reviewer) = match reader {
            None => (detached, None),
            Some(reader) => (encode(&reader), Some(detached)),
        };
        Ok(StoredReport {
            consult: consult.id.clone(),
            version: consult.current_version().map_or(1, |signed| signed.version),
            canonical: encode(canonical),
            reader,
            reviewer,
            pdf_owner: owner,
            pdf_sha256,
            pending_time_stamp: self.waits_for_time_stamp(),
        })
    }
}

/// A report as it would be signed.
struct Composed {
    report: CanonicalReport,
    /// Its canonical form.
    bytes: Vec<u8>,
    missing: Vec<String>,
}

/// A signature that is made and about to be kept.
struct Signing {
    record: String,
    expected: Expected,
    stored: StoredReport,
    states: &'static [State],
    version: i64,
    action: Action,
    /// What must not have changed meanwhile.
    guards: Vec<Put>,
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
