//! What is signed by a key that is elsewhere: frozen before its owner is asked, completed with the values that come back. In
//! between nothing is changed; the whole of what must hold is looked at twice.

use super::make::{Made, Unsigned};
use super::ready::{Ready, Signed, Step};
use super::stored::{decode, encode};
use super::{damaged, signer_of};
use crate::algorithm::{Scheme, is_signed_by};
use crate::cms::{self, Form};
use crate::keystore::blocking;
use crate::pades::Prepared;
use crate::record::{Consult, ConsultView};
use crate::registered_key::Elsewhere;
use crate::{ConsultError, ConsultService, Keystore};
use access::Caller;
use model::{ConsultId, Sha256};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use storage::Change;
use time::OffsetDateTime;

/// Whose signature it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum As {
    /// The reader's.
    Sign,
    /// The reviewer's.
    Review,
}

/// A signature that is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub consult: &'a ConsultId,
    pub role: As,
    /// Of the report that was displayed.
    pub canonical_sha256: &'a Sha256,
    /// Where the key is.
    pub place: Elsewhere,
}

/// Exactly what is signed. Everything binary is base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Frozen {
    pub chain: Vec<String>,
    /// When the signature says that it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// From where it was asked for.
    pub address: Option<IpAddr>,
    /// Signed attributes of the detached signature, and of the page's.
    pub messages: [String; 2],
    /// The page with room, a blob of the organisation.
    pub page: Sha256,
    /// Where the room is.
    pub room: [usize; 2],
    /// The page that the reviewer signs.
    pub reads: Option<Sha256>,
}

impl ConsultService {
    /// Everything that the signature needs but the key, if it can be made now.
    pub(crate) async fn ready_for(
        &self,
        caller: &Caller,
        wanted: &Wanted<'_>,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<Ready, ConsultError> {
        let Wanted { consult, role, canonical_sha256, place } = *wanted;
        match role {
            As::Sign => {
                self.ready_to_sign(caller, consult, version, canonical_sha256, place.into(), now).await
            }
            As::Review => self.ready_to_review(caller, consult, version, canonical_sha256, now).await,
        }
    }

    /// Freezes what a registered certificate's key is to sign; gives the consult back.
    pub(crate) async fn freeze(
        &self,
        caller: &Caller,
        ready: Ready,
        chain: Vec<Vec<u8>>,
        place: Elsewhere,
        now: OffsetDateTime,
    ) -> Result<(Consult, Frozen), ConsultError> {
        let kept = chain.iter().map(|der| encode(der)).collect();
        let reads = match &ready.step {
            Step::Read { .. } => None,
            Step::Review { pdf_sha256, .. } => Some(*pdf_sha256),
        };
        let scheme = scheme_of(&chain)?;
        let hand = self.hand(&ready, chain, scheme, place.into(), now).await?;
        let at = hand.at;
        let (ready, unsigned) = self.to_sign(ready, hand).await?;
        let (page, room) = unsigned.page.parts();
        let page = self.storage.put_blob(caller.scope(), &ready.consult.reading.id, page).await?;
        let frozen = Frozen {
            chain: kept,
            at,
            address: caller.scope().actor.address,
            messages: unsigned.messages()?.map(|message| encode(&message)),
            page,
            room: [room.start, room.end],
            reads,
        };
        Ok((ready.consult, frozen))
    }

    /// Puts the values into what was frozen and keeps the signed report, with what else happens at once, if everything still
    /// holds: rights, lease, licence, the report, the certificate, and that it is the one registered under this name.
    pub(crate) async fn keep_frozen(
        &self,
        caller: &Caller,
        wanted: &Wanted<'_>,
        credential: &str,
        (frozen, values): (Frozen, [Vec<u8>; 2]),
        change: Change,
        now: OffsetDateTime,
    ) -> Result<ConsultView, ConsultError> {
        let chain = frozen.chain()?;
        let signer =
            caller.as_person().ok_or(ConsultError::Forbidden("只有本人可以签名 / only the person signs"))?;
        let registered = Keystore::new(self.storage.clone());
        let registered = registered.registered(&signer.id, wanted.place).await?;
        if registered.chain()? != chain || registered.credential != credential {
            return Err(ConsultError::NoSigningKey);
        }
        let (_, current) = self.load(caller, wanted.consult).await?;
        let ready = self.ready_for(caller, wanted, current, now).await?;
        if let Step::Review { pdf_sha256, .. } = &ready.step
            && frozen.reads != Some(*pdf_sha256)
        {
            return Err(ConsultError::Stale);
        }
        // Valid, trusted and not revoked now, too.
        let scheme = scheme_of(&chain)?;
        self.hand(&ready, chain, scheme, wanted.place.into(), now).await?;
        let page = self.read_whole(&ready.consult.reading.id, &frozen.page).await?;
        let at = frozen.at;
        let (made, ready) =
            blocking(move || frozen.made(&ready, page, values).map(|made| (made, ready))).await??;
        let signed = Signed { made, key: wanted.place.into(), at, change };
        self.keep_signed(caller, ready, signed, now).await
    }
}

impl Frozen {
    /// DER certificates, the signer's first.
    pub fn chain(&self) -> Result<Vec<Vec<u8>>, ConsultError> {
        self.chain.iter().map(|der| decode(der)).collect()
    }

    /// What the key signs with.
    pub fn scheme(&self) -> Result<Scheme, ConsultError> {
        scheme_of(&self.chain()?)
    }

    /// The values, if each is a signature of the registered certificate over what was frozen.
    pub fn checked(&self, values: Vec<Vec<u8>>) -> Result<Option<[Vec<u8>; 2]>, ConsultError> {
        let (signer, _) = signer_of(&self.chain()?)?;
        let key = signer.tbs_certificate().subject_public_key_info();
        let scheme = self.scheme()?;
        let Ok(values) = <[Vec<u8>; 2]>::try_from(values) else { return Ok(None) };
        for (message, value) in self.messages.iter().zip(&values) {
            if !is_signed_by(key, scheme, &decode(message)?, value) {
                return Ok(None);
            }
        }
        Ok(Some(values))
    }

    /// Report and page with the values, each judged as a stranger would judge it.
    fn made(&self, ready: &Ready, page: Vec<u8>, values: [Vec<u8>; 2]) -> Result<Made, ConsultError> {
        let (chain, scheme) = (self.chain()?, self.scheme()?);
        let [detached, in_page] = &self.messages;
        let kept =
            |message: &str| cms::ToSign::kept(&chain, scheme, &decode(message)?).map_err(|_| damaged());
        let [start, end] = self.room;
        let unsigned = Unsigned {
            detached: kept(detached)?,
            page: Prepared::kept(page, start..end).map_err(|_| damaged())?,
            in_page: kept(in_page)?,
        };
        let [detached, in_page] = &values;
        let detached = unsigned.detached.with_value(detached.clone()).map_err(|_| damaged())?;
        let in_page = unsigned.in_page.with_value(in_page.clone()).map_err(|_| damaged())?;
        let is_good = |signature: &[u8], content: &[&[u8]], form| {
            cms::check(signature, content, form)
                .is_ok_and(|seen| seen.is_signature_valid && seen.is_content_same)
        };
        let is_whole = is_good(&detached, &[&ready.canonical], Form::Report)
            && is_good(&in_page, &unsigned.page.content(), Form::Page);
        if is_whole { unsigned.finish(values) } else { Err(damaged()) }
    }
}

/// What the key of a certificate signs with.
pub(crate) fn scheme_of(chain: &[Vec<u8>]) -> Result<Scheme, ConsultError> {
    let (certificate, _) = signer_of(chain)?;
    Scheme::for_key(certificate.tbs_certificate().subject_public_key_info()).ok_or(ConsultError::Forbidden(
        "签名证书的算法不受支持（可用 ECDSA P-256、P-384 或 RSA） / the certificate's algorithm is not known here",
    ))
}
