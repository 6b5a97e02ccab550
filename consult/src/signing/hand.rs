//! Whose key and certificate sign: unlocked, the signer's own, valid, trusted and not revoked now.

use super::make::Hand;
use super::ready::Ready;
use super::{audited, damaged, signer_of};
use crate::algorithm::Scheme;
use crate::authorities;
use crate::certificate::{self, Purpose};
use crate::keystore::{Keystore, UnlockedKey};
use crate::record::{Consult, KeyPlace};
use crate::revocation::{self, RevocationData, Standing};
use crate::{ConsultError, ConsultService};
use access::{Caller, Person, Secret};
use storage::AuditOutcome;
use time::OffsetDateTime;
use x509_cert::Certificate;

impl ConsultService {
    /// Unlocks the signer's key. A wrong passphrase is on record.
    pub(super) async fn unlock(
        &self,
        caller: &Caller,
        consult: &Consult,
        signer: &Person,
        passphrase: Secret,
    ) -> Result<UnlockedKey, ConsultError> {
        let keystore = Keystore::new(self.storage.clone());
        let unlocked = keystore.unlock(&signer.id, passphrase).await;
        if unlocked.as_ref().err() == Some(&ConsultError::WrongPassphrase) {
            let entry = audited(&consult.id, AuditOutcome::Refused, "wrong passphrase");
            self.storage.audit(caller.scope(), entry).await?;
        }
        unlocked
    }

    /// The signer's hand, with a certificate that is theirs, valid, trusted and not revoked now.
    pub(crate) async fn hand(
        &self,
        ready: &Ready,
        chain: Vec<Vec<u8>>,
        scheme: Scheme,
        key: KeyPlace,
        now: OffsetDateTime,
    ) -> Result<Hand, ConsultError> {
        let at = now.replace_nanosecond(0).unwrap_or(now);
        let signer = (ready.signer.name.as_str(), ready.consult.reading.name.as_str());
        let anchors = self.config.anchors_of(&ready.consult);
        let (path, revocation) = self.certified(signer, anchors, &chain, at).await?;
        Ok(Hand { chain, scheme, title: ready.signer.title.clone(), key, path, revocation, at })
    }

    /// The path of a certificate that is this person's in this organisation, valid, trusted and not revoked at a moment, and what
    /// is known of its revocation.
    pub(crate) async fn certified(
        &self,
        (name, organisation): (&str, &str),
        anchors_pem: &str,
        chain: &[Vec<u8>],
        at: OffsetDateTime,
    ) -> Result<(Vec<Certificate>, RevocationData), ConsultError> {
        let (certificate, _) = signer_of(chain)?;
        if !certificate::is_of(&certificate, name, organisation) {
            return Err(ConsultError::Forbidden(
                "签名证书不是本人在本机构的证书 / the certificate is not the signer's at this organisation",
            ));
        }
        let path = path(anchors_pem, chain, at)?;
        let revocation = match path.len() {
            0 | 1 => RevocationData::default(),
            _ => authorities::revocation_data(self.authorities.as_ref(), &path, at).await,
        };
        if let (Standing::Revoked { .. }, _) = revocation::judge_path(&path, &revocation, at) {
            return Err(ConsultError::Forbidden(
                "签名证书已被吊销 / the signing certificate has been revoked",
            ));
        }
        Ok((path, revocation))
    }
}

/// From the signer's certificate to a trust anchor. Without anchors nobody signs: nothing could be judged.
fn path(anchors_pem: &str, chain: &[Vec<u8>], at: OffsetDateTime) -> Result<Vec<Certificate>, ConsultError> {
    let chain = chain.iter().map(|der| certificate::from_der(der));
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|_| damaged())?;
    let (first, others) = chain.split_first().ok_or_else(damaged)?;
    let anchors = certificate::from_pem(anchors_pem)
        .map_err(|_| ConsultError::Failed("the trust anchors cannot be read"))?;
    if anchors.is_empty() {
        return Err(ConsultError::Forbidden(
            "本节点没有配置信任的证书颁发机构，不能签名 / this node trusts no certificate authority yet, so nobody can sign: tell the administrator",
        ));
    }
    certificate::follow(first, others, &anchors, at, Purpose::Reports)
        .map_err(|fault| ConsultError::Forbidden(fault.text()))
}
