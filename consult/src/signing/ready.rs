//! What must hold before a report is signed, looked up and judged now; and what is kept when it is. A key that is elsewhere
//! comes here twice: before its owner is asked, and when the values are there.

use super::make::{self, Hand, Made, Unsigned};
use super::stored::{KIND, StoredReport, damaged, decode, encode};
use super::{Composed, stamp};
use crate::authorities::TimeStamps;
use crate::keystore::blocking;
use crate::record::{Consult, ConsultView, KeyPlace, ReportVersion, SignerNote};
use crate::service::{advance, person};
use crate::state::{Action, State};
use crate::{ConsultError, ConsultService, cms};
use access::credential::may_sign;
use access::{Caller, Person};
use model::{ConsultId, Sha256};
use storage::{Change, Expected, Put};
use time::OffsetDateTime;

/// Everything that a signature needs but the key.
pub(crate) struct Ready {
    pub consult: Consult,
    pub signer: Person,
    /// The canonical report.
    pub canonical: Vec<u8>,
    pub canonical_sha256: Sha256,
    pub step: Step,
    states: &'static [State],
    version: i64,
    /// What must not have changed meanwhile.
    guards: Vec<Put>,
}

/// Whose signature it is.
pub(crate) enum Step {
    /// The reader's, of this version of the report.
    Read { version: u32 },
    /// The reviewer's, over a report that was signed.
    Review {
        /// Name of its record, and the version of that.
        record: String,
        expected: i64,
        /// The reader's detached signature.
        reader: Vec<u8>,
        /// The page that waits for the reviewer.
        pdf_sha256: Sha256,
    },
}

/// A signature that is made and about to be kept.
pub(crate) struct Signed {
    pub made: Made,
    pub key: KeyPlace,
    /// When it says that it was made.
    pub at: OffsetDateTime,
    /// What else happens at once.
    pub change: Change,
}

impl ConsultService {
    /// The reader's signature by a key in some place, if it can be made now.
    ///
    /// # Errors
    /// As [`Self::sign`], without what concerns the key.
    pub(crate) async fn ready_to_sign(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        canonical_sha256: &Sha256,
        key: KeyPlace,
        now: OffsetDateTime,
    ) -> Result<Ready, ConsultError> {
        let (consult, states) = self.begin(caller, id, version, Action::Sign).await?;
        // Read first: who is asked for an opinion from now on makes this signature fail.
        let guards = self.opinion_guard(&consult, Action::Sign).await?;
        let reader =
            caller.as_person().ok_or(ConsultError::Forbidden("只有本人可以签名 / only the person signs"))?;
        self.refuse_late_images(caller, &consult, Action::Sign).await?;
        self.require_licence(caller, &consult, reader, now).await?;
        let Composed { report, bytes: canonical, missing } =
            self.compose(caller, &consult, reader, Some(key)).await?;
        if !missing.is_empty() {
            return Err(ConsultError::Missing(missing));
        }
        if cms::sha256(&canonical) != *canonical_sha256 {
            return Err(ConsultError::Stale);
        }
        let text = std::str::from_utf8(&canonical).map_err(|_| ConsultError::Failed("UTF-8"))?;
        self.refuse_unprintable("report", text)?;
        Ok(Ready {
            signer: reader.clone(),
            canonical,
            canonical_sha256: *canonical_sha256,
            step: Step::Read { version: report.version },
            consult,
            states,
            version,
            guards,
        })
    }

    /// The reviewer's signature, if it can be made now.
    ///
    /// # Errors
    /// As [`Self::review`], without what concerns the key.
    pub(crate) async fn ready_to_review(
        &self,
        caller: &Caller,
        id: &ConsultId,
        version: i64,
        canonical_sha256: &Sha256,
        now: OffsetDateTime,
    ) -> Result<Ready, ConsultError> {
        // Rights, state and version first: who may not review sets nothing going.
        self.begin(caller, id, version, Action::Review).await?;
        let version = self.settle(caller, id, version, now).await?;
        let (consult, states) = self.begin(caller, id, version, Action::Review).await?;
        let reviewer =
            caller.as_person().ok_or(ConsultError::Forbidden("只有本人可以签名 / only the person signs"))?;
        self.refuse_late_images(caller, &consult, Action::Review).await?;
        self.require_licence(caller, &consult, reviewer, now).await?;
        let current = consult.current_version().ok_or_else(damaged)?;
        let record = self.storage.record(caller.scope(), KIND, &current.record).await?;
        let stored = StoredReport::of(&record)?;
        let canonical = stored.canonical()?;
        if cms::sha256(&canonical) != *canonical_sha256 {
            return Err(ConsultError::Stale);
        }
        let step = Step::Review {
            record: current.record.clone(),
            expected: record.version,
            reader: decode(&stored.reader)?,
            pdf_sha256: stored.pdf_sha256,
        };
        Ok(Ready {
            signer: reviewer.clone(),
            canonical,
            canonical_sha256: *canonical_sha256,
            step,
            consult,
            states,
            version,
            guards: Vec::new(),
        })
    }

    /// Everything but the values of the signatures.
    pub(crate) async fn to_sign(&self, ready: Ready, hand: Hand) -> Result<(Ready, Unsigned), ConsultError> {
        let printer = self.printer.clone();
        let owner = &ready.consult.reading.id;
        match &ready.step {
            Step::Read { .. } => {
                let pictures = self.pictures(owner, &ready.canonical).await?;
                blocking(move || {
                    make::read(&printer, &ready.canonical, &pictures, &hand).map(|made| (ready, made))
                })
                .await?
            }
            Step::Review { reader, pdf_sha256, .. } => {
                let pdf = self.read_whole(owner, pdf_sha256).await?;
                if crate::pades::read(&pdf).ok().flatten().is_none() {
                    return Err(ConsultError::Forbidden(
                        "这份初步报告由旧版本签名，请退回给报告医师重新签名 / an older version signed this preliminary report: return it to the reader to be signed again",
                    ));
                }
                let first = reader.clone();
                blocking(move || {
                    make::review(&printer, &ready.canonical, &first, &pdf, &hand).map(|made| (ready, made))
                })
                .await?
            }
        }
    }

    /// Keeps a signature: the page as a blob, then one change for everything; then the time stamp is asked for at once, and by a
    /// job if that fails.
    pub(crate) async fn keep_signed(
        &self,
        caller: &Caller,
        ready: Ready,
        signed: Signed,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let Ready { mut consult, signer, canonical, canonical_sha256, step, states, version, guards } = ready;
        let Signed { made, key, at, mut change } = signed;
        let waits = self.waits_for_time_stamp();
        let note =
            |role: &str| SignerNote { name: signer.name.clone(), role: role.to_owned(), signed_at: at, key };
        let owner = consult.reading.id.clone();
        let pdf_sha256 = self.storage.put_blob(caller.scope(), &owner, &made.pdf).await?;
        let detached = encode(&made.detached);
        let (record, expected, action, reader, reviewer) = match step {
            Step::Read { version } => {
                let count = consult.versions.len().saturating_add(1);
                let record = format!("{}-v{version}-s{count}", consult.id);
                consult.versions.push(ReportVersion {
                    version,
                    record: record.clone(),
                    canonical_sha256,
                    signed_at: at,
                    signers: vec![note("reader")],
                    superseded: false,
                    delivered_at: None,
                    amendment: consult.amendment.as_ref().map(|amendment| amendment.note.clone()),
                    pending_time_stamp: waits,
                });
                (record, Expected::Absent, Action::Sign, detached, None)
            }
            Step::Review { record, expected, reader, .. } => {
                consult.reviewer = person(caller);
                for one in consult.versions.iter_mut().filter(|one| one.record == record) {
                    one.signers.push(note("reviewer"));
                    one.signed_at = at;
                    one.pending_time_stamp = waits;
                }
                (record, Expected::Version(expected), Action::Review, encode(&reader), Some(detached))
            }
        };
        let stored = StoredReport {
            consult: consult.id.clone(),
            version: consult.current_version().map_or(1, |signed| signed.version),
            canonical: encode(&canonical),
            reader,
            reviewer,
            pdf_owner: owner,
            pdf_sha256,
            pending_time_stamp: waits,
        };
        let end = states.iter().position(|state| waits && *state == State::Final);
        let states = end.map_or(states, |end| &states[..=end]);
        advance(&mut consult, states, caller, now, "");
        if consult.state.is_released() {
            consult.deliver(now);
        }
        change.puts.extend(guards);
        change.puts.push(stored.put(&consult, record.clone(), expected)?);
        if waits {
            change.jobs.push(stamp::job(&consult.reading.id, &record));
        }
        let id = consult.id.clone();
        let view = self.finish(caller, consult, version, action, change).await?;
        if !waits {
            return Ok(view);
        }
        if let Err(error) = self.stamp_report(&record, now).await {
            tracing::warn!(%error, "a signed report waits for its time stamp");
            return Ok(view);
        }
        self.get(caller, &id).await
    }

    /// Whether what is signed now waits for a time stamp before it goes on.
    fn waits_for_time_stamp(&self) -> bool {
        self.config.time_stamps != TimeStamps::None
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
}
