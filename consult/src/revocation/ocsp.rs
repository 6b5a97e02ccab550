//! OCSP (RFC 6960), as much of it as one question about one certificate takes.

use super::{ANSWER_BYTES_MAX, Statement};
use crate::algorithm::{self, Hash};
use crate::certificate;
use const_oid::db::rfc5280::ID_KP_OCSP_SIGNING;
use der::asn1::{Any, BitString, GeneralizedTime, ObjectIdentifier, OctetString};
use der::{Class, Decode as _, Encode as _, Sequence, Tagged as _};
use sha1::Digest as _;
use spki::AlgorithmIdentifierOwned;
use time::OffsetDateTime;
use x509_cert::Certificate;
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::ExtendedKeyUsage;
use x509_cert::serial_number::SerialNumber;

/// id-pkix-ocsp-basic.
const BASIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1.1");
/// id-sha1: what every responder knows certificates by (RFC 5019 §2.1.1).
const SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct CertId {
    hash_algorithm: AlgorithmIdentifierOwned,
    issuer_name_hash: OctetString,
    issuer_key_hash: OctetString,
    serial_number: SerialNumber,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct Request {
    certificate: CertId,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct TbsRequest {
    requests: Vec<Request>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct OcspRequest {
    tbs: TbsRequest,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct ResponseBytes {
    kind: ObjectIdentifier,
    response: OctetString,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct OcspResponse {
    /// ENUMERATED; 0 is successful.
    status: Any,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    bytes: Option<ResponseBytes>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct BasicOcspResponse {
    /// ResponseData, kept as it came because it is signed.
    data: Any,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    certificates: Option<Vec<Certificate>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct ResponseData {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    version: Option<u8>,
    responder: Any,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct SingleResponse {
    certificate: CertId,
    /// CHOICE: good \[0\], revoked \[1\], unknown \[2\].
    status: Any,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    next_update: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

/// The question about one certificate, DER.
pub(super) fn request(subject: &Certificate, issuer: &Certificate) -> Option<Vec<u8>> {
    let issuer = issuer.tbs_certificate();
    let sha1 = |bytes: &[u8]| OctetString::new(sha1::Sha1::digest(bytes).to_vec()).ok();
    let certificate = CertId {
        hash_algorithm: AlgorithmIdentifierOwned { oid: SHA_1, parameters: Some(Any::null()) },
        issuer_name_hash: sha1(&issuer.subject().to_der().ok()?)?,
        issuer_key_hash: sha1(issuer.subject_public_key_info().subject_public_key.raw_bytes())?,
        serial_number: subject.tbs_certificate().serial_number().clone(),
    };
    OcspRequest { tbs: TbsRequest { requests: vec![Request { certificate }] } }.to_der().ok()
}

/// What an answer says of a certificate, when it is signed by who may say it.
pub(super) fn statement(der: &[u8], subject: &Certificate, issuer: &Certificate) -> Option<Statement> {
    if der.len() > ANSWER_BYTES_MAX {
        return None;
    }
    let response = OcspResponse::from_der(der).ok().filter(|response| response.status.value() == [0])?;
    let bytes = response.bytes.filter(|bytes| bytes.kind == BASIC)?;
    let basic = BasicOcspResponse::from_der(bytes.response.as_bytes()).ok()?;
    let signed = basic.data.to_der().ok()?;
    let data = ResponseData::from_der(&signed).ok()?;
    if !is_signed(&basic, &signed, issuer, moment(&data.produced_at)?) {
        return None;
    }
    let single = data.responses.iter().find(|single| is_about(&single.certificate, subject, issuer))?;
    let tag = single.status.tag();
    let revoked = match (tag.class(), tag.number().value()) {
        (Class::ContextSpecific, 0) => None,
        (Class::ContextSpecific, 1) => Some(revocation_time(single.status.value())?),
        _ => return None,
    };
    let next_update = match &single.next_update {
        Some(time) => Some(moment(time)?),
        None => None,
    };
    Some(Statement { revoked, this_update: moment(&single.this_update)?, next_update })
}

/// Signed by the issuer, or by whom it has named for this (RFC 6960 §4.2.2.2).
fn is_signed(basic: &BasicOcspResponse, data: &[u8], issuer: &Certificate, at: OffsetDateTime) -> bool {
    let Some(signature) = basic.signature.as_bytes() else { return false };
    let signs = |certificate: &Certificate| {
        let key = certificate.tbs_certificate().subject_public_key_info();
        algorithm::verify(key, &basic.algorithm, None, data, signature).is_ok()
    };
    let is_delegate = |certificate: &&Certificate| {
        certificate.tbs_certificate().issuer() == issuer.tbs_certificate().subject()
            && certificate::signed_by(certificate, issuer).is_ok()
            && certificate::was_valid(certificate, at)
            && matches!(certificate.tbs_certificate().get_extension::<ExtendedKeyUsage>(),
                Ok(Some((_, usage))) if usage.0.contains(&ID_KP_OCSP_SIGNING))
    };
    signs(issuer) || basic.certificates.iter().flatten().filter(is_delegate).any(signs)
}

fn is_about(id: &CertId, subject: &Certificate, issuer: &Certificate) -> bool {
    let digest = |bytes: &[u8]| {
        if id.hash_algorithm.oid == SHA_1 {
            Some(sha1::Sha1::digest(bytes).to_vec())
        } else {
            Hash::of(&id.hash_algorithm).map(|hash| hash.digest(&[bytes]))
        }
    };
    let issuer = issuer.tbs_certificate();
    let name = issuer.subject().to_der().ok().and_then(|der| digest(&der));
    let key = digest(issuer.subject_public_key_info().subject_public_key.raw_bytes());
    id.serial_number == *subject.tbs_certificate().serial_number()
        && name.as_deref() == Some(id.issuer_name_hash.as_bytes())
        && key.as_deref() == Some(id.issuer_key_hash.as_bytes())
}

/// RevokedInfo ::= SEQUENCE { revocationTime GeneralizedTime, … }, without its own tag.
fn revocation_time(content: &[u8]) -> Option<OffsetDateTime> {
    let (time, _) = GeneralizedTime::from_der_partial(content).ok()?;
    moment(&time)
}

fn moment(time: &GeneralizedTime) -> Option<OffsetDateTime> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

#[cfg(test)]
mod tests {
    use crate::ca::CertificateAuthority;
    use crate::revocation::{RevocationData, Standing, judge};
    use crate::testing::run;
    use time::{Duration, OffsetDateTime};
    use x509_cert::Certificate;

    /// OpenSSL's responder, from its own index of certificates.
    fn openssl(authority_pem: &str, index: &str, request: &[u8]) -> RevocationData {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(path("ca.pem"), authority_pem).unwrap();
        std::fs::write(path("index"), index).unwrap();
        std::fs::write(path("request"), request).unwrap();
        let (ca, index, request, answer) = (path("ca.pem"), path("index"), path("request"), path("answer"));
        let who = ["ocsp", "-index", &index, "-CA", &ca, "-rsigner", &ca, "-rkey", &ca, "-ndays", "1"];
        run("openssl", &[&who[..], &["-reqin", &request, "-respout", &answer]].concat()).unwrap();
        RevocationData { ocsp: vec![std::fs::read(answer).unwrap()], crls: Vec::new() }
    }

    #[test]
    fn an_openssl_responder_is_asked_and_believed() {
        let now = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap();
        let ca = CertificateAuthority::create("CA", now - Duration::days(2)).unwrap();
        let certificate = |der: &[u8]| crate::certificate::from_der(der).unwrap();
        let root: Certificate = crate::certificate::from_pem(&ca.anchor_pem().unwrap()).unwrap().remove(0);
        let subject = certificate(&ca.issue("王建国", "医院", now - Duration::days(2)).unwrap().chain[0]);
        let other = certificate(&ca.issue("别人", "医院", now).unwrap().chain[0]);
        let request = super::request(&subject, &root).unwrap();
        let serial = hex(subject.tbs_certificate().serial_number().as_bytes());
        let pem = ca.to_pem().unwrap();
        let good = openssl(&pem, &format!("V\t400101000000Z\t\t{serial}\tunknown\t/CN=x\n"), &request);
        assert_eq!(judge(&subject, &root, &good, now), Standing::Good { later: None });
        assert_eq!(judge(&other, &root, &good, now), Standing::Unknown, "it is about one certificate");
        assert_eq!(judge(&subject, &root, &good, now + Duration::days(9)), Standing::Unknown, "it has ended");
        let foreign = CertificateAuthority::create("CA", now).unwrap();
        let foreign = crate::certificate::from_pem(&foreign.anchor_pem().unwrap()).unwrap().remove(0);
        assert_eq!(judge(&subject, &foreign, &good, now), Standing::Unknown, "signed by another authority");
        let since = now - Duration::hours(20);
        let format =
            time::macros::format_description!("[year repr:last_two][month][day][hour][minute][second]Z");
        let at = since.format(format).unwrap();
        let revoked = format!("R\t400101000000Z\t{at}\t{serial}\tunknown\t/CN=x\n");
        let revoked = openssl(&pem, &revoked, &request);
        assert_eq!(judge(&subject, &root, &revoked, now), Standing::Revoked { since });
        let before = since - Duration::hours(1);
        assert_eq!(judge(&subject, &root, &revoked, before), Standing::Good { later: Some(since) });
        // Its beginning is what is signed; certificates that come along stand behind.
        let mut changed = good.clone();
        changed.ocsp[0][60] ^= 1;
        assert_eq!(judge(&subject, &root, &changed, now), Standing::Unknown);
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02X}")).collect()
    }
}
