//! Detached CMS signatures (RFC 5652) in the form of CAdES baseline B (ETSI EN 319 122-1).
//!
//! Both signers sign the same bytes, so `openssl cms -verify` takes either signature with the same content. What each
//! means by it is in standard signed attributes: the reader's commitment is *proof of creation*, the reviewer's *proof of
//! approval* (commitment-type-indication); the reviewer's also carries the reader's signature value
//! (content-reference, RFC 2634 §2.11), so it covers that signature, too. The professional title is a claimed signer
//! attribute. Name and organisation are the certificate's.

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA, ID_SIGNING_TIME};
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_SHA_256};
use der::asn1::{Any, ObjectIdentifier, OctetString, SetOfVec, Utf8StringRef};
use der::{Decode, Encode, Sequence};
use model::Sha256;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{DerSignature, SigningKey};
use sha2::Digest;
use spki::AlgorithmIdentifierOwned;
use time::OffsetDateTime;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::time::Time;

/// id-aa-signingCertificateV2 (RFC 5035).
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
/// id-aa-contentIdentifier (RFC 2634 §2.7).
const CONTENT_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.7");
/// id-aa-contentReference (RFC 2634 §2.11).
const CONTENT_REFERENCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.10");
/// id-aa-ets-commitmentType (EN 319 122-1 §5.2.3).
const COMMITMENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.16");
/// id-cti-ets-proofOfApproval.
const PROOF_OF_APPROVAL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.6.5");
/// id-cti-ets-proofOfCreation.
const PROOF_OF_CREATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.6.6");
/// id-aa-ets-signerAttrV2 (EN 319 122-1 §5.2.6.1).
const SIGNER_ATTRIBUTES_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.19122.1.1");
/// title (X.520).
const TITLE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.12");

/// Bytes of a signature that is looked at.
pub const SIGNATURE_BYTES_MAX: usize = 64 << 10;

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct EssCertIdV2 {
    #[asn1(optional = "true")]
    hash_algorithm: Option<AlgorithmIdentifierOwned>,
    cert_hash: OctetString,
    #[asn1(optional = "true")]
    issuer_serial: Option<Any>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct SigningCertificateV2 {
    certs: Vec<EssCertIdV2>,
    #[asn1(optional = "true")]
    policies: Option<Any>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct ContentReference {
    content_type: ObjectIdentifier,
    signed_content_identifier: OctetString,
    originator_signature_value: OctetString,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct CommitmentTypeIndication {
    commitment_type_id: ObjectIdentifier,
    #[asn1(optional = "true")]
    qualifiers: Option<Any>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct SignerAttributesV2 {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    claimed_attributes: Vec<Attribute>,
}

/// What a signer means by the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commitment {
    /// 报告医师: wrote it.
    Reader,
    /// 审核医师: approves it, and the reader's signature with this value.
    Reviewer {
        /// Signature value of the reader's SignerInfo.
        reader_signature: Vec<u8>,
    },
}

/// Why a signature could not be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CmsError {
    /// Not a detached CMS signature of the kind made here.
    #[error("not a detached CMS signature: {0}")]
    Malformed(&'static str),
    /// DER could not be written or read.
    #[error("DER: {0}")]
    Der(der::Error),
}

impl From<der::Error> for CmsError {
    fn from(error: der::Error) -> Self {
        Self::Der(error)
    }
}

/// Who signs, with what.
pub struct SigningIdentity<'a> {
    /// The key, just unlocked.
    pub key: &'a SigningKey,
    /// DER certificates, the signer's first.
    pub chain: &'a [Vec<u8>],
    /// Professional title; empty to leave it out.
    pub title: &'a str,
}

/// Signs bytes; the result is DER and does not contain them.
///
/// # Errors
/// [`CmsError`] when the chain is empty or not DER.
pub fn sign(
    content: &[u8],
    identity: &SigningIdentity<'_>,
    commitment: &Commitment,
    at: OffsetDateTime,
) -> Result<Vec<u8>, CmsError> {
    let chain = identity.chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>()?;
    let signer = chain.first().ok_or(CmsError::Malformed("no certificate"))?;
    let digest = sha2::Sha256::digest(content);
    let attributes = attributes(&digest, identity, commitment, at)?;
    let signature: DerSignature = identity.key.sign(&attributes.to_der()?);
    let signer_info = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(issuer_and_serial(signer)),
        digest_alg: algorithm(ID_SHA_256),
        signed_attrs: Some(attributes),
        signature_algorithm: algorithm(ECDSA_WITH_SHA_256),
        signature: OctetString::new(signature.as_bytes())?,
        unsigned_attrs: None,
    };
    let certificates: Vec<_> = chain.iter().cloned().map(CertificateChoices::Certificate).collect();
    let signed = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![algorithm(ID_SHA_256)])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: ID_DATA, econtent: None },
        certificates: Some(CertificateSet::try_from(certificates)?),
        crls: None,
        signer_infos: SignerInfos::try_from(vec![signer_info])?,
    };
    let info = ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(&signed)? };
    Ok(info.to_der()?)
}

fn attributes(
    digest: &[u8],
    identity: &SigningIdentity<'_>,
    commitment: &Commitment,
    at: OffsetDateTime,
) -> Result<SetOfVec<Attribute>, CmsError> {
    let signer_der = identity.chain.first().ok_or(CmsError::Malformed("no certificate"))?;
    let ess = SigningCertificateV2 {
        certs: vec![EssCertIdV2 {
            hash_algorithm: None,
            cert_hash: OctetString::new(sha2::Sha256::digest(signer_der).as_slice())?,
            issuer_serial: None,
        }],
        policies: None,
    };
    let seconds = u64::try_from(at.unix_timestamp()).map_err(|_| CmsError::Malformed("time"))?;
    let utc = der::asn1::UtcTime::from_unix_duration(std::time::Duration::from_secs(seconds))?;
    let commitment_type_id = match commitment {
        Commitment::Reader => PROOF_OF_CREATION,
        Commitment::Reviewer { .. } => PROOF_OF_APPROVAL,
    };
    let mut attributes = vec![
        attribute(ID_CONTENT_TYPE, Any::encode_from(&ID_DATA)?)?,
        attribute(ID_MESSAGE_DIGEST, Any::encode_from(&OctetString::new(digest)?)?)?,
        attribute(ID_SIGNING_TIME, Any::encode_from(&Time::UtcTime(utc))?)?,
        attribute(SIGNING_CERTIFICATE_V2, Any::encode_from(&ess)?)?,
        attribute(
            COMMITMENT_TYPE,
            Any::encode_from(&CommitmentTypeIndication { commitment_type_id, qualifiers: None })?,
        )?,
    ];
    match commitment {
        Commitment::Reader => {
            attributes.push(attribute(CONTENT_IDENTIFIER, Any::encode_from(&OctetString::new(digest)?)?)?);
        }
        Commitment::Reviewer { reader_signature } => {
            let reference = ContentReference {
                content_type: ID_DATA,
                signed_content_identifier: OctetString::new(digest)?,
                originator_signature_value: OctetString::new(reader_signature.as_slice())?,
            };
            attributes.push(attribute(CONTENT_REFERENCE, Any::encode_from(&reference)?)?);
        }
    }
    if !identity.title.is_empty() {
        let title = attribute(TITLE, Any::encode_from(&Utf8StringRef::new(identity.title)?)?)?;
        let claimed = SignerAttributesV2 { claimed_attributes: vec![title] };
        attributes.push(attribute(SIGNER_ATTRIBUTES_V2, Any::encode_from(&claimed)?)?);
    }
    Ok(SetOfVec::try_from(attributes)?)
}

/// What a signature says and whether it holds, apart from whether its certificate is to be trusted.
#[derive(Debug, Clone)]
pub struct SignatureCheck {
    /// The signer's certificate.
    pub signer: Certificate,
    /// Other certificates that came with it.
    pub others: Vec<Certificate>,
    /// Signing time as the signer claims it.
    pub signed_at: OffsetDateTime,
    /// What the signer means.
    pub commitment: Commitment,
    /// Professional title as the signer claims it; empty when there is none.
    pub title: String,
    /// The signature value.
    pub signature: Vec<u8>,
    /// Whether attributes, certificate and signature value belong together.
    pub is_signature_valid: bool,
    /// Whether the content is the one that was signed.
    pub is_content_same: bool,
}

/// Reads a signature and checks it against the content. Stricter than RFC 5652 where it leaves room, so that no byte of
/// a signature can be changed unnoticed.
///
/// # Errors
/// [`CmsError`] when it is not a signature of the kind that [`sign`] makes.
pub fn check(signature_der: &[u8], content: &[u8]) -> Result<SignatureCheck, CmsError> {
    if signature_der.len() > SIGNATURE_BYTES_MAX {
        return Err(CmsError::Malformed("too long"));
    }
    let info = ContentInfo::from_der(signature_der)?;
    if info.content_type != ID_SIGNED_DATA {
        return Err(CmsError::Malformed("not SignedData"));
    }
    let signed: SignedData = info.content.decode_as()?;
    let shape_is_ours = signed.version == CmsVersion::V1
        && signed.digest_algorithms.as_slice() == [algorithm(ID_SHA_256)]
        && signed.encap_content_info.econtent_type == ID_DATA
        && signed.encap_content_info.econtent.is_none()
        && signed.crls.is_none();
    let [signer_info] = signed.signer_infos.0.as_slice() else {
        return Err(CmsError::Malformed("not exactly one signer"));
    };
    if !shape_is_ours {
        return Err(CmsError::Malformed("other versions, algorithms or content than agreed"));
    }
    let certificates = embedded(&signed)?;
    check_signer(signer_info, certificates, content)
}

fn embedded(signed: &SignedData) -> Result<Vec<Certificate>, CmsError> {
    let set = signed.certificates.as_ref().ok_or(CmsError::Malformed("no certificates"))?;
    set.0
        .iter()
        .map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Ok(certificate.clone()),
            _ => Err(CmsError::Malformed("a certificate that is not X.509")),
        })
        .collect()
}

fn check_signer(
    info: &SignerInfo,
    certificates: Vec<Certificate>,
    content: &[u8],
) -> Result<SignatureCheck, CmsError> {
    let SignerIdentifier::IssuerAndSerialNumber(sid) = &info.sid else {
        return Err(CmsError::Malformed("signer not named by issuer and serial number"));
    };
    let shape_is_ours = info.version == CmsVersion::V1
        && info.digest_alg == algorithm(ID_SHA_256)
        && info.signature_algorithm == algorithm(ECDSA_WITH_SHA_256)
        && info.unsigned_attrs.is_none();
    if !shape_is_ours {
        return Err(CmsError::Malformed("other versions or algorithms than agreed"));
    }
    let (mut signers, others): (Vec<_>, Vec<_>) =
        certificates.into_iter().partition(|c| issuer_and_serial(c) == *sid);
    let (Some(signer), true) = (signers.pop(), signers.is_empty()) else {
        return Err(CmsError::Malformed("the signer's certificate is not there once"));
    };
    let attributes = info.signed_attrs.as_ref().ok_or(CmsError::Malformed("no signed attributes"))?;
    let content_type: ObjectIdentifier = value(attributes, ID_CONTENT_TYPE)?;
    let digest: OctetString = value(attributes, ID_MESSAGE_DIGEST)?;
    let ess: SigningCertificateV2 = value(attributes, SIGNING_CERTIFICATE_V2)?;
    let time: Time = value(attributes, ID_SIGNING_TIME)?;
    let signed_at = i64::try_from(time.to_unix_duration().as_secs())
        .ok()
        .and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok())
        .ok_or(CmsError::Malformed("signing time"))?;
    let signer_hash = sha2::Sha256::digest(signer.to_der()?);
    let names_signer = matches!(ess.certs.as_slice(),
        [id] if id.hash_algorithm.is_none() && id.cert_hash.as_bytes() == signer_hash.as_slice());
    let signature_holds = crate::certificate::p256_key(&signer)
        .zip(DerSignature::from_bytes(info.signature.as_bytes()).ok())
        .is_some_and(|(key, signature)| {
            attributes.to_der().is_ok_and(|signed| key.verify(&signed, &signature).is_ok())
        });
    Ok(SignatureCheck {
        signed_at,
        commitment: commitment(attributes)?,
        title: title(attributes)?,
        signature: info.signature.as_bytes().to_vec(),
        is_signature_valid: content_type == ID_DATA && names_signer && signature_holds,
        is_content_same: digest.as_bytes() == sha2::Sha256::digest(content).as_slice(),
        signer,
        others,
    })
}

fn commitment(attributes: &SetOfVec<Attribute>) -> Result<Commitment, CmsError> {
    let indication: CommitmentTypeIndication = value(attributes, COMMITMENT_TYPE)?;
    match indication.commitment_type_id {
        PROOF_OF_CREATION => Ok(Commitment::Reader),
        PROOF_OF_APPROVAL => {
            let reference: ContentReference = value(attributes, CONTENT_REFERENCE)?;
            Ok(Commitment::Reviewer {
                reader_signature: reference.originator_signature_value.as_bytes().to_vec(),
            })
        }
        _ => Err(CmsError::Malformed("a commitment that is not known")),
    }
}

fn title(attributes: &SetOfVec<Attribute>) -> Result<String, CmsError> {
    if !attributes.iter().any(|a| a.oid == SIGNER_ATTRIBUTES_V2) {
        return Ok(String::new());
    }
    let claimed: SignerAttributesV2 = value(attributes, SIGNER_ATTRIBUTES_V2)?;
    let title = claimed.claimed_attributes.iter().find(|a| a.oid == TITLE);
    let text = title.and_then(|a| a.values.iter().next()).map(|any| any.value().to_vec()).unwrap_or_default();
    String::from_utf8(text).map_err(|_| CmsError::Malformed("title"))
}

/// SHA-256 as the crate's own type.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(bytes).into())
}

fn value<T: for<'a> Decode<'a, Error = der::Error>>(
    attributes: &SetOfVec<Attribute>,
    oid: ObjectIdentifier,
) -> Result<T, CmsError> {
    let mut found = attributes.iter().filter(|a| a.oid == oid);
    let (Some(attribute), None) = (found.next(), found.next()) else {
        return Err(CmsError::Malformed("an attribute is not there once"));
    };
    let [value] = attribute.values.as_slice() else {
        return Err(CmsError::Malformed("an attribute does not have one value"));
    };
    Ok(T::from_der(&value.to_der()?)?)
}

fn attribute(oid: ObjectIdentifier, value: Any) -> Result<Attribute, der::Error> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
}

fn algorithm(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters: None }
}

fn issuer_and_serial(certificate: &Certificate) -> IssuerAndSerialNumber {
    let tbs = certificate.tbs_certificate();
    IssuerAndSerialNumber { issuer: tbs.issuer().clone(), serial_number: tbs.serial_number().clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Signers, canonical, consult, run};
    use access::Signatures;

    #[test]
    fn openssl_accepts_both_signatures_and_refuses_a_changed_byte() {
        let signers = Signers::new();
        let content = canonical(&consult(Signatures::Double));
        let reader = signers.read(&content);
        let reviewer = signers.review(&content, &reader);
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let mut changed = content.clone();
        changed[100] ^= 1;
        std::fs::write(path("report.json"), &content).unwrap();
        std::fs::write(path("changed.json"), &changed).unwrap();
        std::fs::write(path("anchors.pem"), signers.anchors()).unwrap();
        for signature in [&reader, &reviewer] {
            assert!(signature.len() < 4096, "{} bytes", signature.len());
            std::fs::write(path("report.p7s"), signature).unwrap();
            let verify = |content: &str, extra: &[&str]| {
                let (p7s, anchors, content) = (path("report.p7s"), path("anchors.pem"), path(content));
                let mut arguments = vec!["cms", "-verify", "-binary", "-inform", "DER", "-in", &p7s];
                arguments.extend(["-content", &content, "-CAfile", &anchors, "-out", "/dev/null"]);
                arguments.extend(extra);
                run("openssl", &arguments)
            };
            for extra in [&[][..], &["-cades"], &["-purpose", "any"], &["-purpose", "any", "-cades"]] {
                verify("report.json", extra).unwrap();
                verify("changed.json", extra).unwrap_err();
            }
        }
    }

    #[test]
    fn each_signature_says_what_it_means() {
        let signers = Signers::new();
        let content = canonical(&consult(Signatures::Double));
        let reader = signers.read(&content);
        let first = check(&reader, &content).unwrap();
        assert!(first.is_signature_valid && first.is_content_same);
        assert_eq!((first.commitment, first.title.as_str()), (Commitment::Reader, "主任医师"));
        let second = check(&signers.review(&content, &reader), &content).unwrap();
        assert!(second.is_signature_valid && second.is_content_same);
        assert_eq!(second.commitment, Commitment::Reviewer { reader_signature: first.signature });
        assert!(!check(&reader, b"other").unwrap().is_content_same);
    }
}
