//! A certificate authority for demonstrations: its certificates say that they have no legal effect.

use der::asn1::{Any, Ia5String, SetOfVec, Utf8StringRef};
use der::{Decode, Encode, EncodePem};
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use std::time::Duration;
use time::OffsetDateTime;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{self, Builder, CertificateBuilder, CrlBuilder};
use x509_cert::certificate::{Certificate, TbsCertificate};
use x509_cert::crl::RevokedCert;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, CrlDistributionPoints, CrlNumber, ExtendedKeyUsage, KeyUsage,
    KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};
use zeroize::Zeroizing;

/// What makes a certificate recognisable as a test: the organisational unit of its subject, and the notice printed.
pub const TEST_NOTICE: &str = "测试证书·无法律效力";

/// Where certificates of this authority say that its revocation list is: only the demonstration itself knows the place.
pub const CRL_URI: &str = "urn:farsight:demonstration:crl";

/// A revocation list is good for a week.
const CRL_S: u64 = 7 * 24 * 3600;
const ROOT_YEARS: u64 = 20;
const PERSON_YEARS: u64 = 2;
/// Certificates are valid from a little before they are made, for clocks that differ.
const BACKDATE_S: u64 = 3600;
const YEAR_S: u64 = 365 * 24 * 3600;
const KEY_LABEL: &str = "PRIVATE KEY";

/// Why a certificate could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate could not be made: {0}")]
pub struct CertificateError(pub(crate) String);

impl CertificateError {
    fn new(why: impl std::fmt::Display) -> Self {
        Self(why.to_string())
    }
}

/// A demonstration certificate authority: root certificate and key.
#[derive(Clone)]
pub struct CertificateAuthority {
    certificate: Certificate,
    key: SigningKey,
}

/// A new key and its certificate chain.
pub struct IssuedKey {
    /// PKCS#8 DER of the private key.
    pub key_pkcs8: Zeroizing<Vec<u8>>,
    /// DER certificates, the key's first, then its issuers.
    pub chain: Vec<Vec<u8>>,
}

impl IssuedKey {
    /// A key with the certificates that came with it in any order; `None` when none is for this key.
    #[must_use]
    pub fn of(key_pkcs8: Zeroizing<Vec<u8>>, mut certificates: Vec<Vec<u8>>) -> Option<Self> {
        let key = crate::signing_key::SigningKey::from_pkcs8(&key_pkcs8).ok()?;
        let is_own =
            |der: &Vec<u8>| Certificate::from_der(der).is_ok_and(|found| key.belongs_to(&found).is_ok());
        let own = certificates.iter().position(is_own)?;
        let first = certificates.remove(own);
        certificates.insert(0, first);
        Some(Self { key_pkcs8, chain: certificates })
    }
}

impl CertificateAuthority {
    /// Makes a new root.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn create(name: &str, now: OffsetDateTime) -> Result<Self, CertificateError> {
        let key = new_key()?;
        let subject = subject_name(&[(oids::O, "Farsight demo"), (oids::OU, TEST_NOTICE), (oids::CN, name)])?;
        let certificate = build(Profile::Root { subject }, ROOT_YEARS, &key, &key, now)?;
        Ok(Self { certificate, key })
    }

    /// Reads what [`Self::to_pem`] wrote.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        let key_at = pem
            .find(&format!("-----BEGIN {KEY_LABEL}-----"))
            .ok_or_else(|| CertificateError::new("there is no private key"))?;
        let (certificates, key) = pem.split_at(key_at);
        let certificate = crate::certificate::from_pem(certificates)
            .map_err(CertificateError::new)?
            .into_iter()
            .next()
            .ok_or_else(|| CertificateError::new("there is no certificate"))?;
        let key = SigningKey::from_pkcs8_pem(key).map_err(CertificateError::new)?;
        let spki = SubjectPublicKeyInfoOwned::from_key(key.verifying_key()).map_err(CertificateError::new)?;
        if *certificate.tbs_certificate().subject_public_key_info() != spki {
            return Err(CertificateError::new("key and certificate do not belong together"));
        }
        Ok(Self { certificate, key })
    }

    /// Certificate and private key, PEM: to be kept as a secret.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn to_pem(&self) -> Result<Zeroizing<String>, CertificateError> {
        let key = self.key.to_pkcs8_pem(der::pem::LineEnding::LF).map_err(CertificateError::new)?;
        Ok(Zeroizing::new(format!("{}{}", self.anchor_pem()?, key.as_str())))
    }

    /// The root certificate, PEM: the trust anchor, for everyone.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn anchor_pem(&self) -> Result<String, CertificateError> {
        self.certificate.to_pem(der::pem::LineEnding::LF).map_err(CertificateError::new)
    }

    /// Issues a person's signing key and certificate, valid for two years. The certificate says where the authority's
    /// revocation list is ([`CRL_URI`]).
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn issue(
        &self,
        name: &str,
        organisation: &str,
        now: OffsetDateTime,
    ) -> Result<IssuedKey, CertificateError> {
        let subject = subject_name(&[(oids::O, organisation), (oids::OU, TEST_NOTICE), (oids::CN, name)])?;
        self.issue_to(subject, Use::Reports, now)
    }

    /// Issues the key and certificate of a time-stamping authority (RFC 3161 §2.3), valid for two years.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn issue_time_stamping(
        &self,
        name: &str,
        now: OffsetDateTime,
    ) -> Result<IssuedKey, CertificateError> {
        let subject = subject_name(&[(oids::O, "Farsight demo"), (oids::OU, TEST_NOTICE), (oids::CN, name)])?;
        self.issue_to(subject, Use::TimeStamps, now)
    }

    fn issue_to(
        &self,
        subject: Name,
        purpose: Use,
        now: OffsetDateTime,
    ) -> Result<IssuedKey, CertificateError> {
        let key = new_key()?;
        let issuer = self.certificate.tbs_certificate().subject().clone();
        let profile = Profile::Leaf { subject, issuer, purpose };
        let certificate = build(profile, PERSON_YEARS, &key, &self.key, now)?;
        let key_pkcs8 = key.to_pkcs8_der().map_err(CertificateError::new)?;
        Ok(IssuedKey {
            key_pkcs8: Zeroizing::new(key_pkcs8.as_bytes().to_vec()),
            chain: vec![certificate.to_der().map_err(CertificateError::new)?],
        })
    }

    /// The authority's revocation list (RFC 5280 §5), DER, valid for a week: these certificates (DER) since these moments.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn revocation_list(
        &self,
        revoked: &[(&[u8], OffsetDateTime)],
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, CertificateError> {
        let mut entries = Vec::with_capacity(revoked.len());
        for (der, at) in revoked {
            let certificate = Certificate::from_der(der).map_err(CertificateError::new)?;
            entries.push(RevokedCert {
                serial_number: certificate.tbs_certificate().serial_number().clone(),
                revocation_date: moment(unix_s(*at)?)?,
                crl_entry_extensions: None,
            });
        }
        let now_s = unix_s(now)?;
        let number = CrlNumber::try_from(now_s).map_err(CertificateError::new)?;
        let list = CrlBuilder::new_with_this_update(&self.certificate, number, moment(now_s)?)
            .map_err(CertificateError::new)?
            .with_next_update(Some(moment(now_s.saturating_add(CRL_S))?));
        let list = if entries.is_empty() { list } else { list.with_certificates(entries.into_iter()) };
        let list = list.build::<_, DerSignature>(&self.key).map_err(CertificateError::new)?;
        list.to_der().map_err(CertificateError::new)
    }
}

/// What a certificate is issued for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Reports,
    TimeStamps,
}

mod oids {
    pub use const_oid::db::rfc4519::{
        COMMON_NAME as CN, ORGANIZATION_NAME as O, ORGANIZATIONAL_UNIT_NAME as OU,
    };
    pub use const_oid::db::rfc5280::{ID_KP_EMAIL_PROTECTION, ID_KP_TIME_STAMPING};

    use const_oid::ObjectIdentifier;
    /// id-kp-documentSigning (RFC 9336).
    pub const ID_KP_DOCUMENT_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36");
}

/// Extensions of the two kinds of certificate.
enum Profile {
    Root { subject: Name },
    Leaf { subject: Name, issuer: Name, purpose: Use },
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, subject: &Name) -> Name {
        match self {
            Self::Root { .. } => subject.clone(),
            Self::Leaf { issuer, .. } => issuer.clone(),
        }
    }

    fn get_subject(&self) -> Name {
        match self {
            Self::Root { subject } | Self::Leaf { subject, .. } => subject.clone(),
        }
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        issuer_key: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        let name = tbs.subject();
        let mut extensions = Vec::new();
        let mut push = |extension: Extension| extensions.push(extension);
        push((&SubjectKeyIdentifier::try_from(key)?).to_extension(name, &[])?);
        match self {
            Self::Root { .. } => {
                push((&BasicConstraints { ca: true, path_len_constraint: Some(1) }).to_extension(name, &[])?);
                push((&KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)).to_extension(name, &[])?);
            }
            Self::Leaf { purpose, .. } => {
                push((&AuthorityKeyIdentifier::try_from(issuer_key)?).to_extension(name, &[])?);
                push((&BasicConstraints { ca: false, path_len_constraint: None }).to_extension(name, &[])?);
                let usages = KeyUsages::DigitalSignature | KeyUsages::NonRepudiation;
                push((&KeyUsage(usages)).to_extension(name, &[])?);
                push(purpose_extension(*purpose, name)?);
                push((&CrlDistributionPoints(vec![crl_point()?])).to_extension(name, &[])?);
            }
        }
        Ok(extensions)
    }
}

/// Extended key usage; that of a time-stamping authority is critical and alone (RFC 3161 §2.3).
fn purpose_extension(purpose: Use, name: &Name) -> Result<Extension, der::Error> {
    let purposes = match purpose {
        Use::Reports => vec![oids::ID_KP_EMAIL_PROTECTION, oids::ID_KP_DOCUMENT_SIGNING],
        Use::TimeStamps => vec![oids::ID_KP_TIME_STAMPING],
    };
    let mut extension = (&ExtendedKeyUsage(purposes)).to_extension(name, &[])?;
    extension.critical = purpose == Use::TimeStamps;
    Ok(extension)
}

fn crl_point() -> Result<DistributionPoint, der::Error> {
    let uri = GeneralName::UniformResourceIdentifier(Ia5String::new(CRL_URI)?);
    Ok(DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(vec![uri])),
        reasons: None,
        crl_issuer: None,
    })
}

fn unix_s(at: OffsetDateTime) -> Result<u64, CertificateError> {
    u64::try_from(at.unix_timestamp()).map_err(CertificateError::new)
}

fn moment(seconds: u64) -> Result<Time, CertificateError> {
    der::DateTime::from_unix_duration(Duration::from_secs(seconds))
        .map(|at| Time::GeneralTime(der::asn1::GeneralizedTime::from_date_time(at)))
        .map_err(CertificateError::new)
}

fn build(
    profile: Profile,
    years: u64,
    key: &SigningKey,
    issuer_key: &SigningKey,
    now: OffsetDateTime,
) -> Result<Certificate, CertificateError> {
    let now_s = unix_s(now)?;
    let not_before = moment(now_s.saturating_sub(BACKDATE_S))?;
    let not_after = moment(now_s.saturating_add(years.saturating_mul(YEAR_S)))?;
    let spki = SubjectPublicKeyInfoOwned::from_key(key.verifying_key()).map_err(CertificateError::new)?;
    let builder =
        CertificateBuilder::new(profile, serial_number()?, Validity::new(not_before, not_after), spki)
            .map_err(CertificateError::new)?;
    builder.build::<_, DerSignature>(issuer_key).map_err(CertificateError::new)
}

fn new_key() -> Result<SigningKey, CertificateError> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    loop {
        getrandom::fill(bytes.as_mut()).map_err(CertificateError::new)?;
        if let Ok(key) = SigningKey::from_slice(bytes.as_ref()) {
            return Ok(key);
        }
    }
}

fn serial_number() -> Result<SerialNumber, CertificateError> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(CertificateError::new)?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::new(&bytes).map_err(CertificateError::new)
}

fn subject_name(parts: &[(const_oid::ObjectIdentifier, &str)]) -> Result<Name, CertificateError> {
    let mut sequence = RdnSequence::default();
    for (oid, text) in parts {
        let text = Utf8StringRef::new(text).map_err(CertificateError::new)?;
        let value = Any::encode_from(&text).map_err(CertificateError::new)?;
        let part = x509_cert::attr::AttributeTypeAndValue { oid: *oid, value };
        let part = SetOfVec::try_from(vec![part]).map_err(CertificateError::new)?;
        let part = RelativeDistinguishedName::from_der(&part.to_der().map_err(CertificateError::new)?);
        sequence.push(part.map_err(CertificateError::new)?);
    }
    Name::from_der(&sequence.to_der().map_err(CertificateError::new)?).map_err(CertificateError::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn the_authority_survives_a_round_trip_through_pem() {
        let at = datetime!(2026-11-23 8:00 UTC);
        let authority = CertificateAuthority::create("远见演示根证书", at).unwrap();
        let again = CertificateAuthority::from_pem(&authority.to_pem().unwrap()).unwrap();
        assert_eq!(again.anchor_pem().unwrap(), authority.anchor_pem().unwrap());
        let issued = again.issue("王医师, 主任", "市医院诊断中心", at).unwrap();
        let certificate = crate::certificate::from_der(&issued.chain[0]).unwrap();
        assert_eq!(crate::certificate::common_name(&certificate), "王医师, 主任");
        assert_eq!(crate::certificate::organisation(&certificate), "市医院诊断中心");
        assert!(crate::certificate::is_test(&certificate));
        let other = CertificateAuthority::create("other", at).unwrap();
        let mixed = format!("{}{}", other.anchor_pem().unwrap(), {
            let pem = authority.to_pem().unwrap();
            pem[pem.find("-----BEGIN PRIVATE").unwrap()..].to_owned()
        });
        assert!(CertificateAuthority::from_pem(&mixed).is_err());
    }
}
