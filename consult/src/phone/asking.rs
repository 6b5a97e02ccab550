//! Asking for a signature by telephone, seeing how far it has come, and taking it back. Nothing here talks to a service: a job
//! does.

use super::working::job;
use super::{Asked, Fault, KIND, PhoneSignature, Progress};
use crate::keystore::Keystore;
use crate::registered_key::Elsewhere;
use crate::service::{conflict, person};
use crate::signing::frozen::Wanted;
use crate::signing::{As, audited};
use crate::{ConsultError, ConsultService};
use access::Caller;
use model::{ConsultId, Sha256};
use storage::{AuditOutcome, Change, Expected, StorageError};
use time::OffsetDateTime;

impl ConsultService {
    /// Whether the caller has a registered key, and a service that asks their telephone.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn signs_by_phone(&self, person: &access::Person) -> Result<bool, ConsultError> {
        if self.phone.service_for(&person.organisation).is_none() {
            return Ok(false);
        }
        Keystore::new(self.storage.clone()).is_registered(&person.id, Elsewhere::Service).await
    }

    /// Freezes what is to be signed, and has the signer's telephone asked. What waits already for the same is given back: nobody
    /// is asked twice for the same.
    ///
    /// # Errors
    /// As [`Self::sign`] and [`Self::review`]; [`ConsultError::NoSigningKey`]; [`ConsultError::Forbidden`] without a service;
    /// [`ConsultError::Conflict`] while one's own signature of other words is waited for.
    pub async fn ask_phone(
        &self,
        caller: &Caller,
        id: &ConsultId,
        role: As,
        version: i64,
        canonical_sha256: &Sha256,
        now: OffsetDateTime,
    ) -> Result<PhoneSignature, ConsultError> {
        let wanted = Wanted { consult: id, role, canonical_sha256, place: Elsewhere::Service };
        let ready = self.ready_for(caller, &wanted, version, now).await?;
        let service = self.phone.service_for(caller.organisation()).ok_or(ConsultError::Forbidden(
            "本机构没有配置手机签名服务 / no remote signing service is configured for this organisation",
        ))?;
        let key = Keystore::new(self.storage.clone()).registered(&ready.signer.id, wanted.place).await?;
        let signer =
            person(caller).ok_or(ConsultError::Forbidden("只有本人可以签名 / only the person signs"))?;
        let before = self.phone_record(caller.scope(), id).await?;
        let is_own = |one: &PhoneSignature| {
            one.progress == Progress::Waiting && one.signer.id == signer.id && one.role == role
        };
        if let Some((waiting, _)) = before.as_ref().filter(|(one, _)| is_own(one)) {
            if waiting.canonical_sha256 == *canonical_sha256 {
                return Ok(waiting.clone());
            }
            return Err(conflict(&ready.consult, version));
        }
        let (consult, frozen) = self.freeze(caller, ready, key.chain()?, wanted.place, now).await?;
        let code = code()?;
        let words = match role {
            As::Sign => "报告签名",
            As::Review => "审核签名",
        };
        let text = format!("{} {} {words}，核对码 {code}", consult.reading.name, consult.number);
        let asked = PhoneSignature {
            consult: id.clone(),
            signer,
            organisation: consult.reading.id.clone(),
            role,
            canonical_sha256: *canonical_sha256,
            progress: Progress::Waiting,
            fault: None,
            service: service.name,
            code,
            asked_at: now,
            until: now + service.patience,
            transaction: uuid::Uuid::new_v4().to_string(),
            response: None,
            frozen: Some(Asked { credential: key.credential, text, frozen }),
        };
        let expected = before.as_ref().map_or(Expected::Absent, |(_, version)| Expected::Version(*version));
        // Whoever may sign now is the only one: what waits for somebody else can sign nothing any more.
        let outdated = before.map(|(one, _)| one).filter(|one| one.progress == Progress::Waiting);
        let outdated = outdated.map(|one| one.ended(Progress::Failed, Some(Fault::Changed)));
        let mut audit = vec![audited(&asked.consult, AuditOutcome::Success, "phone asked")];
        audit.extend(
            outdated.iter().map(|one| audited(&one.consult, AuditOutcome::Refused, "phone report changed")),
        );
        let change =
            Change { puts: vec![asked.put(expected)?], jobs: vec![job(&asked)], audit, ..Change::default() };
        match self.storage.apply(caller.scope(), change).await {
            Ok(()) => {
                if let Some(outdated) = outdated {
                    let me = self.clone();
                    tokio::spawn(async move { me.take_back(&outdated).await });
                }
                Ok(asked)
            }
            // Asked for twice at the same moment.
            Err(StorageError::Conflict(_)) => Err(conflict(&consult, version)),
            Err(other) => Err(other.into()),
        }
    }

    /// The caller's own signature by telephone of this report: the one that is waited for, or the last.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] when the consult is out of reach.
    pub async fn phone_signature(
        &self,
        caller: &Caller,
        id: &ConsultId,
    ) -> Result<Option<PhoneSignature>, ConsultError> {
        Ok(self.own_phone_signature(caller, id).await?.map(|(one, _)| one))
    }

    /// Takes it back: what the telephone answers counts no more.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] when there was none, or it is somebody else's; [`ConsultError::Conflict`] when it is over
    /// already.
    pub async fn cancel_phone(
        &self,
        caller: &Caller,
        id: &ConsultId,
    ) -> Result<PhoneSignature, ConsultError> {
        let own = self.own_phone_signature(caller, id).await?;
        let (waiting, version) = own.ok_or(ConsultError::NotFound)?;
        let (consult, consult_version) = self.load(caller, id).await?;
        if waiting.progress != Progress::Waiting {
            return Err(conflict(&consult, consult_version));
        }
        let cancelled = waiting.ended(Progress::Cancelled, None);
        let change = Change {
            puts: vec![cancelled.put(Expected::Version(version))?],
            audit: vec![audited(&cancelled.consult, AuditOutcome::Success, "phone cancelled")],
            ..Change::default()
        };
        match self.storage.apply(caller.scope(), change).await {
            Ok(()) => {
                // At once, and not only by the job: another question may follow before that looks.
                let (me, told) = (self.clone(), cancelled.clone());
                tokio::spawn(async move { me.take_back(&told).await });
                Ok(cancelled)
            }
            Err(StorageError::Conflict(_)) => Err(conflict(&consult, consult_version)),
            Err(other) => Err(other.into()),
        }
    }

    async fn own_phone_signature(
        &self,
        caller: &Caller,
        id: &ConsultId,
    ) -> Result<Option<(PhoneSignature, i64)>, ConsultError> {
        self.load(caller, id).await?;
        let me = caller.as_person().map(|person| &person.id);
        let found = self.phone_record(caller.scope(), id).await?;
        Ok(found.filter(|(one, _)| Some(&one.signer.id) == me))
    }

    /// The record of a consult, with its version.
    pub(super) async fn phone_record(
        &self,
        scope: &model::Scope,
        id: &ConsultId,
    ) -> Result<Option<(PhoneSignature, i64)>, ConsultError> {
        match self.storage.record(scope, KIND, id.as_str()).await {
            Ok(record) => Ok(Some((PhoneSignature::of(&record)?, record.version))),
            Err(StorageError::NotFound) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }
}

/// Four digits that nobody foresees.
fn code() -> Result<String, ConsultError> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|_| ConsultError::Failed("no randomness"))?;
    Ok(format!("{:04}", u32::from_be_bytes(bytes) % 10_000))
}
