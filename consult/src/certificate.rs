//! What is read out of X.509 certificates (RFC 5280), and paths from a signer to a trust anchor.

use crate::ca::TEST_NOTICE;
use const_oid::db::rfc5912::ECDSA_WITH_SHA_256;
use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{DerSignature, VerifyingKey};
use p256::pkcs8::DecodePublicKey;
use time::OffsetDateTime;
use x509_cert::Certificate;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::name::Name;

/// Certificates in a path at most.
const PATH_MAX: usize = 6;

/// Common name, or empty.
#[must_use]
pub fn common_name(certificate: &Certificate) -> String {
    text_of(certificate.tbs_certificate().subject(), const_oid::db::rfc4519::COMMON_NAME)
}

/// Organisation, or empty.
#[must_use]
pub fn organisation(certificate: &Certificate) -> String {
    text_of(certificate.tbs_certificate().subject(), const_oid::db::rfc4519::ORGANIZATION_NAME)
}

/// The whole subject for people: `CN=王医师, OU=…, O=…`, with non-ASCII characters as they are.
#[must_use]
pub fn subject(certificate: &Certificate) -> String {
    let parts: Vec<String> = certificate
        .tbs_certificate()
        .subject()
        .iter()
        .map(|part| format!("{}={}", short_name(part.oid), any_text(&part.value)))
        .collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(", ")
}

/// Whether the certificate says that it is a test.
#[must_use]
pub fn is_test(certificate: &Certificate) -> bool {
    let unit =
        text_of(certificate.tbs_certificate().subject(), const_oid::db::rfc4519::ORGANIZATIONAL_UNIT_NAME);
    unit == TEST_NOTICE
}

fn text_of(name: &Name, oid: ObjectIdentifier) -> String {
    name.iter().find(|part| part.oid == oid).map(|part| any_text(&part.value)).unwrap_or_default()
}

fn short_name(oid: ObjectIdentifier) -> String {
    use const_oid::db::rfc4519;
    match oid {
        rfc4519::COMMON_NAME => "CN".to_owned(),
        rfc4519::ORGANIZATION_NAME => "O".to_owned(),
        rfc4519::ORGANIZATIONAL_UNIT_NAME => "OU".to_owned(),
        rfc4519::COUNTRY_NAME => "C".to_owned(),
        _ => oid.to_string(),
    }
}

fn any_text(any: &der::asn1::Any) -> String {
    String::from_utf8_lossy(any.value()).into_owned()
}

/// Certificates of a PEM text.
///
/// # Errors
/// When it holds no certificate, or a broken one.
pub fn from_pem(pem: &str) -> Result<Vec<Certificate>, der::Error> {
    Certificate::load_pem_chain(pem.as_bytes())
}

/// The key that a certificate is about, when it is ECDSA on P-256: the only kind that this build verifies.
#[must_use]
pub fn p256_key(certificate: &Certificate) -> Option<VerifyingKey> {
    let spki = certificate.tbs_certificate().subject_public_key_info().to_der().ok()?;
    VerifyingKey::from_public_key_der(&spki).ok()
}

/// Why no path was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathFault {
    /// Nobody known issued it.
    NoIssuer,
    /// A signature on the path is wrong.
    BadSignature,
    /// A certificate on the path was not valid then.
    NotValidThen,
    /// An issuer is not allowed to issue, or the signer not to sign.
    NotAllowed,
    /// A key or algorithm that this build does not know.
    UnknownAlgorithm,
    /// Longer than [`PATH_MAX`], or in a circle.
    TooLong,
}

/// Follows the path from a signer's certificate over the others to a trust anchor, as of `at` (RFC 5280 §6, without
/// policies, name constraints and revocation).
///
/// # Errors
/// [`PathFault`].
pub fn follow(
    signer: &Certificate,
    others: &[Certificate],
    anchors: &[Certificate],
    at: OffsetDateTime,
) -> Result<(), PathFault> {
    if !usage_allows(signer, KeyUsages::DigitalSignature) && !usage_allows(signer, KeyUsages::NonRepudiation)
    {
        return Err(PathFault::NotAllowed);
    }
    let mut subject = signer;
    for depth in 0..PATH_MAX {
        if !was_valid(subject, at) {
            return Err(PathFault::NotValidThen);
        }
        if anchors.contains(subject) {
            return Ok(());
        }
        let wanted = subject.tbs_certificate().issuer();
        let is_issuer = |c: &&Certificate| c.tbs_certificate().subject() == wanted;
        let issuer = anchors.iter().find(is_issuer).or_else(|| others.iter().find(is_issuer));
        let issuer = issuer.ok_or(PathFault::NoIssuer)?;
        if !may_issue(issuer, depth) {
            return Err(PathFault::NotAllowed);
        }
        signed_by(subject, issuer)?;
        subject = issuer;
    }
    Err(PathFault::TooLong)
}

fn was_valid(certificate: &Certificate, at: OffsetDateTime) -> bool {
    let validity = certificate.tbs_certificate().validity();
    let Ok(at) = u64::try_from(at.unix_timestamp()) else {
        return false;
    };
    let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
    seconds(validity.not_before) <= at && at <= seconds(validity.not_after)
}

fn usage_allows(certificate: &Certificate, usage: KeyUsages) -> bool {
    match certificate.tbs_certificate().get_extension::<KeyUsage>() {
        Ok(Some((_, key_usage))) => key_usage.0.contains(usage),
        Ok(None) | Err(_) => false,
    }
}

fn may_issue(issuer: &Certificate, below: usize) -> bool {
    let Ok(Some((_, constraints))) = issuer.tbs_certificate().get_extension::<BasicConstraints>() else {
        return false;
    };
    let is_short_enough = constraints.path_len_constraint.is_none_or(|max| below <= usize::from(max));
    constraints.ca && is_short_enough && usage_allows(issuer, KeyUsages::KeyCertSign)
}

fn signed_by(subject: &Certificate, issuer: &Certificate) -> Result<(), PathFault> {
    let algorithm = subject.signature_algorithm();
    if algorithm != subject.tbs_certificate().signature() {
        return Err(PathFault::BadSignature);
    }
    if algorithm.oid != ECDSA_WITH_SHA_256 || algorithm.parameters.is_some() {
        return Err(PathFault::UnknownAlgorithm);
    }
    let key = p256_key(issuer).ok_or(PathFault::UnknownAlgorithm)?;
    let tbs = subject.tbs_certificate().to_der().map_err(|_| PathFault::BadSignature)?;
    let bits = subject.signature().as_bytes().ok_or(PathFault::BadSignature)?;
    let signature = DerSignature::from_bytes(bits).map_err(|_| PathFault::BadSignature)?;
    key.verify(&tbs, &signature).map_err(|_| PathFault::BadSignature)
}

/// A certificate from DER, all of it.
///
/// # Errors
/// When it is not one.
pub fn from_der(bytes: &[u8]) -> Result<Certificate, der::Error> {
    Certificate::from_der(bytes)
}

/// Certificates as one PEM text.
///
/// # Errors
/// When one cannot be written.
pub fn to_pem(certificates: &[Certificate]) -> Result<Vec<u8>, der::Error> {
    let mut pem = String::new();
    for certificate in certificates {
        pem.push_str(&der::EncodePem::to_pem(certificate, der::pem::LineEnding::LF)?);
    }
    Ok(pem.into_bytes())
}
