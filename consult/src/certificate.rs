//! What is read out of X.509 certificates (RFC 5280), and paths from a signer to a trust anchor.

use crate::algorithm::{self, SignatureFault};
use crate::ca::TEST_NOTICE;
use const_oid::AssociatedOid as _;
use const_oid::db::rfc5280::ID_KP_TIME_STAMPING;
use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use time::OffsetDateTime;
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix::{BasicConstraints, CertificatePolicies, ExtendedKeyUsage, KeyUsage, KeyUsages};
use x509_cert::name::Name;

/// Certificates in a path at most.
const PATH_MAX: usize = 6;

/// Extended key usages that a person's signature may have: any, documents (RFC 9336), mail and proof of identity (RFC 5280
/// §4.2.1.12), and what two makers of office programs write for documents.
const FOR_PEOPLE: [ObjectIdentifier; 6] = [
    ObjectIdentifier::new_unwrap("2.5.29.37.0"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.36"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4"),
    ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.10.3.12"),
    ObjectIdentifier::new_unwrap("1.2.840.113583.1.1.5"),
];

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

/// Whether it names this person at this organisation: nobody signs with another.
#[must_use]
pub fn is_of(certificate: &Certificate, name: &str, organisation: &str) -> bool {
    common_name(certificate) == name && self::organisation(certificate) == organisation
}

/// The whole subject for people: `CN=王医师, OU=…, O=…`, with non-ASCII characters as they are.
#[must_use]
pub fn subject(certificate: &Certificate) -> String {
    words(certificate.tbs_certificate().subject())
}

/// The whole issuer, as [`subject`] is written.
#[must_use]
pub fn issuer(certificate: &Certificate) -> String {
    words(certificate.tbs_certificate().issuer())
}

fn words(name: &Name) -> String {
    let parts: Vec<String> =
        name.iter().map(|part| format!("{}={}", short_name(part.oid), any_text(&part.value))).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(", ")
}

/// Whether two certificates are one person's: renewed for the same key, or for the same name, which an authority gives
/// once.
#[must_use]
pub fn is_same_person(one: &Certificate, other: &Certificate) -> bool {
    let (one, other) = (one.tbs_certificate(), other.tbs_certificate());
    one.subject_public_key_info() == other.subject_public_key_info() || one.subject() == other.subject()
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

/// Certificates of a PEM text; none when it holds none.
///
/// # Errors
/// When one is broken.
pub fn from_pem(pem: &str) -> Result<Vec<Certificate>, der::Error> {
    Certificate::load_pem_chain(pem.as_bytes())
}

/// Authorities that one agreement may name.
const ANCHORS_MAX: usize = 16;
/// Bytes of their PEM.
const ANCHORS_BYTES_MAX: usize = 64 << 10;

/// The certificate authorities that an agreement names, from their PEM.
///
/// # Errors
/// Why they cannot be agreed on, in Chinese and in English: no certificates, too many, one that is no authority's, or
/// something beside them, such as a private key.
pub fn agreed_anchors(pem: &str) -> Result<Vec<Certificate>, (&'static str, &'static str)> {
    let unreadable = ("不是 PEM 格式的证书", "these are no certificates in PEM");
    if pem.len() > ANCHORS_BYTES_MAX {
        return Err(("证书太多（最多 16 个）", "too many certificates (16 at most)"));
    }
    let anchors = from_pem(pem).map_err(|_| unreadable)?;
    if anchors.is_empty() || pem.matches("-----BEGIN ").count() != anchors.len() {
        return Err(unreadable);
    }
    if anchors.len() > ANCHORS_MAX {
        return Err(("证书太多（最多 16 个）", "too many certificates (16 at most)"));
    }
    if !anchors.iter().all(|anchor| may_issue(anchor, 0)) {
        return Err(("不是证书颁发机构的证书", "one is not the certificate of an authority"));
    }
    Ok(anchors)
}

/// A certificate as two sides know that they mean the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateNote {
    /// The whole subject, as [`subject`] gives it.
    pub subject: String,
    /// SHA-256 of the certificate's DER.
    pub sha256: model::Sha256,
    /// Its last moment.
    pub ends_at: Option<OffsetDateTime>,
}

/// What the certificates of a PEM text are; nothing of a text that cannot be read.
#[must_use]
pub fn notes(pem: &str) -> Vec<CertificateNote> {
    let note = |certificate: &Certificate| {
        let sha256 = crate::cms::sha256(&certificate.to_der().ok()?);
        Some(CertificateNote { subject: subject(certificate), sha256, ends_at: ends_at(certificate) })
    };
    from_pem(pem).unwrap_or_default().iter().filter_map(note).collect()
}

/// A time of X.509, to the second.
#[must_use]
pub fn moment(time: &x509_cert::time::Time) -> Option<OffsetDateTime> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

/// The last moment of a certificate.
#[must_use]
pub fn ends_at(certificate: &Certificate) -> Option<OffsetDateTime> {
    moment(&certificate.tbs_certificate().validity().not_after)
}

/// The issuer of a revocation list (DER), and when the next one is due, if it says so.
#[must_use]
pub fn list_end(der: &[u8]) -> Option<(String, Option<OffsetDateTime>)> {
    let list = CertificateList::<x509_cert::certificate::Rfc5280>::from_der(der).ok()?.tbs_cert_list;
    Some((words(&list.issuer), list.next_update.as_ref().and_then(moment)))
}

/// What a certificate at the beginning of a path is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To sign reports: digitalSignature or nonRepudiation, and an extended key usage, if there is one, for signing
    /// documents, for mail, or for proving who somebody is, as authorities for people write it.
    Reports,
    /// To make time stamps: extended key usage timeStamping, alone and critical (RFC 3161 §2.3).
    TimeStamps,
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
    /// An issuer is not allowed to issue, or the first certificate not to do what it did.
    NotAllowed,
    /// A key or algorithm that this build does not know.
    UnknownAlgorithm,
    /// A critical extension that this build does not know (RFC 5280 §4.2).
    UnknownExtension,
    /// Longer than [`PATH_MAX`], or in a circle.
    TooLong,
}

impl PathFault {
    /// Why, for people, in Chinese and in English.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        let text = self.text();
        text.split_once(" / ").unwrap_or((text, text))
    }

    /// The same as one text.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::NoIssuer => "证书不是由受信任的机构签发 / nobody who is trusted issued the certificate",
            Self::BadSignature => "证书链上的签名无效 / a signature on the certificate's path does not hold",
            Self::NotValidThen => "当时证书不在有效期内 / the certificate was not valid then",
            Self::NotAllowed => "证书不允许用于此用途 / the certificate is not for this purpose",
            Self::UnknownAlgorithm => {
                "证书使用了本程序不支持的算法 / the certificate uses an algorithm that this program does not know"
            }
            Self::UnknownExtension => {
                "证书含有本程序不认识的关键扩展项 / the certificate has a critical extension that this program does not know"
            }
            Self::TooLong => "证书链过长 / the path of certificates is too long",
        }
    }
}

/// Follows the path from a certificate over the others to a trust anchor, as of `at` (RFC 5280 §6, without policies and
/// revocation; name constraints are refused). Gives the whole path, the anchor last.
///
/// # Errors
/// [`PathFault`].
pub fn follow(
    first: &Certificate,
    others: &[Certificate],
    anchors: &[Certificate],
    at: OffsetDateTime,
    purpose: Purpose,
) -> Result<Vec<Certificate>, PathFault> {
    if !is_meant_for(first, purpose) {
        return Err(PathFault::NotAllowed);
    }
    let mut path = vec![first.clone()];
    while let Some(subject) = path.last().filter(|_| path.len() <= PATH_MAX) {
        if !was_valid(subject, at) {
            return Err(PathFault::NotValidThen);
        }
        if has_unknown_critical(subject) {
            return Err(PathFault::UnknownExtension);
        }
        if anchors.contains(subject) {
            return Ok(path);
        }
        let issuer = issuer_of(subject, anchors, others)?.clone();
        if !may_issue(&issuer, path.len().saturating_sub(1)) {
            return Err(PathFault::NotAllowed);
        }
        path.push(issuer);
    }
    Err(PathFault::TooLong)
}

/// Who issued a certificate: of those with the right name, anchors first, the one whose key made the signature.
fn issuer_of<'a>(
    subject: &Certificate,
    anchors: &'a [Certificate],
    others: &'a [Certificate],
) -> Result<&'a Certificate, PathFault> {
    let wanted = subject.tbs_certificate().issuer();
    let mut fault = PathFault::NoIssuer;
    for candidate in anchors.iter().chain(others).filter(|c| c.tbs_certificate().subject() == wanted) {
        match signed_by(subject, candidate) {
            Ok(()) => return Ok(candidate),
            Err(found) => fault = found,
        }
    }
    Err(fault)
}

fn is_meant_for(certificate: &Certificate, purpose: Purpose) -> bool {
    let signs = usage_allows(certificate, KeyUsages::DigitalSignature)
        || usage_allows(certificate, KeyUsages::NonRepudiation);
    signs
        && match purpose {
            Purpose::Reports => match certificate.tbs_certificate().get_extension::<ExtendedKeyUsage>() {
                Ok(None) => true,
                Ok(Some((_, usage))) => usage.0.iter().any(|one| FOR_PEOPLE.contains(one)),
                Err(_) => false,
            },
            Purpose::TimeStamps => matches!(
                certificate.tbs_certificate().get_extension::<ExtendedKeyUsage>(),
                Ok(Some((true, usage))) if usage.0 == [ID_KP_TIME_STAMPING]
            ),
        }
}

/// Whether an extension is critical and none of those that are looked at here.
fn has_unknown_critical(certificate: &Certificate) -> bool {
    let known = [KeyUsage::OID, BasicConstraints::OID, ExtendedKeyUsage::OID, CertificatePolicies::OID];
    certificate
        .tbs_certificate()
        .extensions()
        .is_some_and(|all| all.iter().any(|one| one.critical && !known.contains(&one.extn_id)))
}

/// Whether `at` is in a certificate's time.
#[must_use]
pub fn was_valid(certificate: &Certificate, at: OffsetDateTime) -> bool {
    let validity = certificate.tbs_certificate().validity();
    let range = moment(&validity.not_before).zip(moment(&validity.not_after));
    range.is_some_and(|(from, to)| from <= at && at <= to)
}

/// Whether the key usage allows it; a certificate without key usage is not restricted (RFC 5280 §4.2.1.3).
pub(crate) fn usage_allows(certificate: &Certificate, usage: KeyUsages) -> bool {
    match certificate.tbs_certificate().get_extension::<KeyUsage>() {
        Ok(Some((_, key_usage))) => key_usage.0.contains(usage),
        Ok(None) => true,
        Err(_) => false,
    }
}

fn may_issue(issuer: &Certificate, below: usize) -> bool {
    let Ok(Some((_, constraints))) = issuer.tbs_certificate().get_extension::<BasicConstraints>() else {
        return false;
    };
    let is_short_enough = constraints.path_len_constraint.is_none_or(|max| below <= usize::from(max));
    constraints.ca && is_short_enough && usage_allows(issuer, KeyUsages::KeyCertSign)
}

/// Whether a certificate's signature is of the issuer's key.
///
/// # Errors
/// [`PathFault::BadSignature`], [`PathFault::UnknownAlgorithm`].
pub(crate) fn signed_by(subject: &Certificate, issuer: &Certificate) -> Result<(), PathFault> {
    let algorithm = subject.signature_algorithm();
    if algorithm != subject.tbs_certificate().signature() {
        return Err(PathFault::BadSignature);
    }
    let tbs = subject.tbs_certificate().to_der().map_err(|_| PathFault::BadSignature)?;
    let bits = subject.signature().as_bytes().ok_or(PathFault::BadSignature)?;
    let key = issuer.tbs_certificate().subject_public_key_info();
    algorithm::verify(key, algorithm, None, &tbs, bits).map_err(|fault| match fault {
        SignatureFault::Unknown => PathFault::UnknownAlgorithm,
        SignatureFault::Wrong => PathFault::BadSignature,
    })
}

/// A certificate from DER, all of it.
///
/// # Errors
/// When it is not one.
pub fn from_der(bytes: &[u8]) -> Result<Certificate, der::Error> {
    Certificate::from_der(bytes)
}

/// Certificates as DER.
///
/// # Errors
/// When one has no DER.
pub fn to_der(certificates: &[Certificate]) -> Result<Vec<Vec<u8>>, der::Error> {
    certificates.iter().map(der::Encode::to_der).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;

    #[test]
    fn a_certificate_for_servers_signs_no_report() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let judge = |usage: &str| {
            let (key, certificate) = (path("key"), path("certificate"));
            let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
            let of = ["-subj", "/CN=王建国", "-utf8", "-addext", "keyUsage=critical,digitalSignature"];
            let files = ["-keyout", &key, "-out", &certificate];
            let mut arguments = [&new[..], &of, &files].concat();
            let usage = format!("extendedKeyUsage={usage}");
            if !usage.ends_with('=') {
                arguments.extend(["-addext", &usage]);
            }
            run("openssl", &arguments).unwrap();
            let pem = std::fs::read_to_string(&certificate).unwrap();
            let own = from_pem(&pem).unwrap();
            follow(&own[0], &[], &own, OffsetDateTime::now_utc(), Purpose::Reports).map(|path| path.len())
        };
        for usage in ["", "clientAuth,emailProtection", "1.3.6.1.5.5.7.3.36", "serverAuth,clientAuth"] {
            assert_eq!(judge(usage), Ok(1), "{usage}");
        }
        for usage in ["serverAuth", "codeSigning", "critical,timeStamping", "OCSPSigning"] {
            assert_eq!(judge(usage), Err(PathFault::NotAllowed), "{usage}");
        }
    }
}
