//! Signing with a key in the signer's own hands: the node hands out what the key is to sign, the signer's program signs it, the
//! node checks the two values against the certificate that is [registered](crate::registered_key). The key never comes here.
//!
//! What is signed is [frozen](crate::signing) in a record for a few minutes. The report changes in one step, which also ends the
//! record, or not at all.

use crate::algorithm::Scheme;
use crate::record::{ConsultView, Named};
use crate::registered_key::{Elsewhere, RegisteredKey, anchors_for};
use crate::service::{conflict, person};
use crate::signing::frozen::{Frozen, Wanted, scheme_of};
use crate::signing::stored::decode;
use crate::signing::{As, audited};
use crate::{ConsultError, ConsultService, Keystore, certificate, cms};
use access::{Caller, Person};
use model::{ConsultId, OrgId, PersonId, Sha256};
use serde::{Deserialize, Serialize};
use storage::{AuditOutcome, Change, Expected, Put, StorageError};
use time::{Duration, OffsetDateTime};

/// Record kind; the identifier is the consult's.
pub const KIND: &str = "own_signature";
/// How long a signer's program may take.
pub const PATIENCE: Duration = Duration::minutes(5);
/// Certificates of a chain that is registered.
const CHAIN_MAX: usize = 10;

/// What a signer's program is to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnQuestion {
    /// Names it when it is completed.
    pub transaction: String,
    /// DER of the signed attributes (RFC 5652 §5.4) of the detached signature, and of the page's: times, names and hashes.
    pub messages: [Vec<u8>; 2],
    /// What the key signs with.
    pub scheme: Scheme,
    /// SHA-256 of the registered certificate.
    pub certificate_sha256: Sha256,
    /// Until when it may be completed.
    pub until: OffsetDateTime,
}

/// A signature that is waited for, or the last that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OwnSignature {
    consult: ConsultId,
    signer: Named<PersonId>,
    organisation: OrgId,
    #[serde(rename = "as")]
    role: As,
    canonical_sha256: Sha256,
    transaction: String,
    #[serde(with = "time::serde::rfc3339")]
    until: OffsetDateTime,
    /// While it is waited for.
    frozen: Option<Frozen>,
}

impl OwnSignature {
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

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            consult: &self.consult,
            role: self.role,
            canonical_sha256: &self.canonical_sha256,
            place: Elsewhere::Own,
        }
    }

    /// As it is kept when it is over.
    fn ended(&self) -> Self {
        Self { frozen: None, ..self.clone() }
    }
}

impl ConsultService {
    /// Registers the certificate of a key in the caller's own hands, checked as for a signature; replaces a former one.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `certificates`, saying why it could not sign; [`ConsultError::Unavailable`].
    pub async fn register_own(
        &self,
        caller: &Caller,
        chain: &[Vec<u8>],
        now: OffsetDateTime,
    ) -> Result<RegisteredKey, ConsultError> {
        let invalid = |why| ConsultError::Invalid { field: "certificates", why };
        let me = caller.as_person().ok_or(ConsultError::Forbidden(
            "只有本人可以登记证书 / a person registers certificates, for themselves only",
        ))?;
        if !(1..=CHAIN_MAX).contains(&chain.len()) {
            return Err(invalid("1–10 张证书 / 1 to 10 certificates"));
        }
        if chain.iter().any(|der| certificate::from_der(der).is_err()) {
            return Err(invalid("不是证书 / not a certificate"));
        }
        let organisation = self.storage.organisation(caller.organisation()).await?;
        let anchors =
            anchors_for(&self.storage, &self.config.trust_anchors_pem, &organisation.id, now).await?;
        let judged = match scheme_of(chain) {
            Ok(_) => self.certified((&me.name, &organisation.name), &anchors, chain, now).await.map(|_| ()),
            Err(error) => Err(error),
        };
        judged.map_err(|error| match error {
            ConsultError::Forbidden(why) => invalid(why),
            other => other,
        })?;
        let key = RegisteredKey::own(chain);
        let keystore = Keystore::new(self.storage.clone());
        keystore.register(caller.scope(), &me.id, &key).await?;
        Ok(key)
    }

    /// The caller's own certificate.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn own_certificate(&self, person: &Person) -> Result<Option<RegisteredKey>, ConsultError> {
        match Keystore::new(self.storage.clone()).registered(&person.id, Elsewhere::Own).await {
            Ok(key) => Ok(Some(key)),
            Err(ConsultError::NoSigningKey) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Hands out what the caller's own key is to sign. What was handed out for this consult before can be completed no more.
    ///
    /// # Errors
    /// As [`Self::sign`] and [`Self::review`], without what concerns a passphrase; [`ConsultError::NoSigningKey`] without a
    /// registered certificate.
    pub async fn begin_own(
        &self,
        caller: &Caller,
        id: &ConsultId,
        role: As,
        version: i64,
        canonical_sha256: &Sha256,
        now: OffsetDateTime,
    ) -> Result<OwnQuestion, ConsultError> {
        let wanted = Wanted { consult: id, role, canonical_sha256, place: Elsewhere::Own };
        let ready = self.ready_for(caller, &wanted, version, now).await?;
        let keystore = Keystore::new(self.storage.clone());
        let chain = keystore.registered(&ready.signer.id, wanted.place).await?.chain()?;
        let signer =
            person(caller).ok_or(ConsultError::Forbidden("只有本人可以签名 / only the person signs"))?;
        let before = self.own_record(caller, id).await?;
        let (consult, frozen) = self.freeze(caller, ready, chain.clone(), wanted.place, now).await?;
        let [detached, in_page] = &frozen.messages;
        let question = OwnQuestion {
            transaction: uuid::Uuid::new_v4().to_string(),
            messages: [decode(detached)?, decode(in_page)?],
            scheme: frozen.scheme()?,
            certificate_sha256: cms::sha256(chain.first().map(Vec::as_slice).unwrap_or_default()),
            until: now + PATIENCE,
        };
        let asked = OwnSignature {
            consult: id.clone(),
            signer,
            organisation: consult.reading.id.clone(),
            role,
            canonical_sha256: *canonical_sha256,
            transaction: question.transaction.clone(),
            until: question.until,
            frozen: Some(frozen),
        };
        let expected = before.map_or(Expected::Absent, |(_, version)| Expected::Version(version));
        let change = Change {
            puts: vec![asked.put(expected)?],
            audit: vec![audited(&asked.consult, AuditOutcome::Success, "own key asked")],
            ..Change::default()
        };
        match self.storage.apply(caller.scope(), change).await {
            Ok(()) => Ok(question),
            // Asked for twice at the same moment.
            Err(StorageError::Conflict(_)) => Err(conflict(&consult, version)),
            Err(other) => Err(other.into()),
        }
    }

    /// Completes it with the values that the key has made, in the order of the messages. Values that are no signatures of the
    /// registered certificate, and a report or right that has changed since, end it: nothing is signed.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `transaction` when it is too late, or not what was handed out last; `values` when they are
    /// no signatures; [`ConsultError::Conflict`] when it is completed already; otherwise as [`Self::begin_own`].
    pub async fn complete_own(
        &self,
        caller: &Caller,
        id: &ConsultId,
        transaction: &str,
        values: Vec<Vec<u8>>,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let (consult, consult_version) = self.load(caller, id).await?;
        let me = caller.as_person().map(|person| &person.id);
        let found = self.own_record(caller, id).await?;
        let found = found.filter(|(one, _)| Some(&one.signer.id) == me && one.transaction == transaction);
        let (asked, version) = found.ok_or(ConsultError::Invalid {
            field: "transaction",
            why: "没有这一待签名内容，或已被新的代替，请重新签名 / this is not what was handed out last to be signed",
        })?;
        let Some(frozen) = asked.frozen.clone() else {
            return Err(conflict(&consult, consult_version));
        };
        if now > asked.until {
            self.end_own(caller, &asked, version, "own key too late").await?;
            return Err(ConsultError::Invalid {
                field: "transaction",
                why: "超过签名时限，请重新签名 / it took too long: sign again",
            });
        }
        let Some(values) = frozen.checked(values)? else {
            self.end_own(caller, &asked, version, "own key wrong signature").await?;
            return Err(ConsultError::Invalid {
                field: "values",
                why: "不是用登记的证书对这份报告做的签名 / not signatures of the registered certificate over this report",
            });
        };
        let puts = vec![asked.ended().put(Expected::Version(version))?];
        let change = Change { puts, ..Change::default() };
        let kept = self.keep_frozen(caller, &asked.wanted(), "", (frozen, values), change, now).await;
        match &kept {
            // Completed, changed at this very moment, or to be tried again.
            Ok(_)
            | Err(
                ConsultError::Conflict { .. }
                | ConsultError::Unavailable
                | ConsultError::Failed(_)
                | ConsultError::AwaitingTimeStamp,
            ) => {}
            Err(ConsultError::Stale) => {
                self.end_own(caller, &asked, version, "own key report changed").await?
            }
            Err(_) => self.end_own(caller, &asked, version, "own key not allowed").await?,
        }
        kept
    }

    /// Ends it without a signature.
    async fn end_own(
        &self,
        caller: &Caller,
        asked: &OwnSignature,
        version: i64,
        detail: &str,
    ) -> Result<(), ConsultError> {
        let change = Change {
            puts: vec![asked.ended().put(Expected::Version(version))?],
            audit: vec![audited(&asked.consult, AuditOutcome::Refused, detail)],
            ..Change::default()
        };
        match self.storage.apply(caller.scope(), change).await {
            // It has ended otherwise at this moment.
            Ok(()) | Err(StorageError::Conflict(_)) => Ok(()),
            Err(other) => Err(other.into()),
        }
    }

    /// The record of a consult, with its version.
    async fn own_record(
        &self,
        caller: &Caller,
        id: &ConsultId,
    ) -> Result<Option<(OwnSignature, i64)>, ConsultError> {
        let record = match self.storage.record(caller.scope(), KIND, id.as_str()).await {
            Err(StorageError::NotFound) => return Ok(None),
            other => other?,
        };
        let read = serde_json::from_value(record.body);
        let read = read.map_err(|_| ConsultError::Failed("the record of a signature is damaged"))?;
        Ok(Some((read, record.version)))
    }
}
