//! Reading and checking signatures, apart from whether their certificates are to be trusted.

use super::attributes::{
    COMMITMENT_TYPE, CONTENT_REFERENCE, CommitmentTypeIndication, ContentReference, PROOF_OF_APPROVAL,
    PROOF_OF_CREATION, SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2, SigningCertificate, SigningCertificateV2,
    TIME_STAMP_TOKEN, der_of, key_place, signing_time, title, value,
};
use super::{CmsError, Commitment, Form, SIGNATURE_BYTES_MAX, signed_data_of};
use crate::algorithm::{self, Hash, SignatureFault};
use crate::record::KeyPlace;
use ::cms::cert::CertificateChoices;
use ::cms::content_info::CmsVersion;
use ::cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use const_oid::db::rfc3161::ID_CT_TST_INFO;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST};
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use der::{Decode, Encode};
use sha1::Digest as _;
use time::OffsetDateTime;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::SubjectKeyIdentifier;

/// What a signature says and whether it holds, apart from whether its certificate is to be trusted.
#[derive(Debug, Clone)]
pub struct SignatureCheck {
    /// The signer's certificate.
    pub signer: Certificate,
    /// Other certificates that came with it.
    pub others: Vec<Certificate>,
    /// Signing time as the signer claims it; `None` in a PDF, where it stands outside.
    pub signed_at: Option<OffsetDateTime>,
    /// What the signer means.
    pub commitment: Commitment,
    /// Professional title as the signer claims it; empty when there is none.
    pub title: String,
    /// Where the key is, as the signature says; `None` in those that do not.
    pub key: Option<KeyPlace>,
    /// The signature value.
    pub signature: Vec<u8>,
    /// The RFC 3161 token beside it, DER, not looked at yet.
    pub time_stamp: Option<Vec<u8>>,
    /// Whether attributes, certificate and signature value belong together.
    pub is_signature_valid: bool,
    /// Whether the content is the one that was signed.
    pub is_content_same: bool,
}

/// What every SignedData by one signer says, whoever made it.
pub(crate) struct Opened {
    pub signer: Certificate,
    pub others: Vec<Certificate>,
    pub attributes: SetOfVec<Attribute>,
    pub signature: Vec<u8>,
    pub is_signature_valid: bool,
    pub is_content_same: bool,
}

/// Reads a signature and checks it against the content, given in parts. Stricter than RFC 5652 where it leaves room, so
/// that no byte of a signature can be changed unnoticed.
///
/// # Errors
/// [`CmsError`] when it is not a signature of the kind that [`super::sign`] makes.
pub fn check(signature_der: &[u8], content: &[&[u8]], form: Form) -> Result<SignatureCheck, CmsError> {
    if signature_der.len() > SIGNATURE_BYTES_MAX {
        return Err(CmsError::Malformed("too long"));
    }
    let signed = signed_data_of(signature_der)?;
    let shape_is_ours = signed.encap_content_info.econtent_type == ID_DATA
        && signed.encap_content_info.econtent.is_none()
        && signed.crls.is_none();
    let info = only_signer(&signed)?;
    if !shape_is_ours {
        return Err(CmsError::Malformed("other content than agreed"));
    }
    let time_stamp = time_stamp_of(info)?;
    let opened = open(&signed, content)?;
    let attributes = &opened.attributes;
    Ok(SignatureCheck {
        signed_at: signing_time(attributes)?,
        commitment: commitment(attributes, form)?,
        title: title(attributes)?,
        key: key_place(attributes)?,
        signature: opened.signature,
        time_stamp,
        is_signature_valid: opened.is_signature_valid,
        is_content_same: opened.is_content_same,
        signer: opened.signer,
        others: opened.others,
    })
}

fn only_signer(signed: &SignedData) -> Result<&SignerInfo, CmsError> {
    match signed.signer_infos.0.as_slice() {
        [info] => Ok(info),
        _ => Err(CmsError::Malformed("not exactly one signer")),
    }
}

fn time_stamp_of(info: &SignerInfo) -> Result<Option<Vec<u8>>, CmsError> {
    let Some(attributes) = &info.unsigned_attrs else { return Ok(None) };
    match (attributes.len(), der_of(attributes, TIME_STAMP_TOKEN)?) {
        (1, Some(token)) => Ok(Some(token)),
        _ => Err(CmsError::Malformed("unsigned attributes other than a time stamp")),
    }
}

/// Checks the one signer of a SignedData against content that it may or may not contain.
pub(crate) fn open(signed: &SignedData, content: &[&[u8]]) -> Result<Opened, CmsError> {
    let info = only_signer(signed)?;
    if !has_right_versions(signed, info) {
        return Err(CmsError::Malformed("other versions than agreed"));
    }
    let digest_hash = Hash::of(&info.digest_alg).ok_or(CmsError::UnknownAlgorithm)?;
    if !signed.digest_algorithms.iter().any(|named| Hash::of(named) == Some(digest_hash)) {
        return Err(CmsError::Malformed("digest algorithms"));
    }
    let (signer, others) = signer_among(signed, &info.sid)?;
    let attributes = info.signed_attrs.clone().ok_or(CmsError::Malformed("no signed attributes"))?;
    let content_type: ObjectIdentifier = value(&attributes, ID_CONTENT_TYPE)?;
    let digest: OctetString = value(&attributes, ID_MESSAGE_DIGEST)?;
    let key = signer.tbs_certificate().subject_public_key_info();
    let signature = info.signature.as_bytes();
    let message = attributes.to_der()?;
    let holds =
        match algorithm::verify(key, &info.signature_algorithm, Some(digest_hash), &message, signature) {
            Ok(()) => true,
            Err(SignatureFault::Wrong) => false,
            Err(SignatureFault::Unknown) => return Err(CmsError::UnknownAlgorithm),
        };
    Ok(Opened {
        is_signature_valid: holds
            && content_type == signed.encap_content_info.econtent_type
            && names_signer(&attributes, &signer, content_type == ID_CT_TST_INFO)?,
        is_content_same: digest.as_bytes() == digest_hash.digest(content),
        signature: signature.to_vec(),
        attributes,
        signer,
        others,
    })
}

/// RFC 5652 §5.1 and §5.3: 1 for data and for signers named by issuer and serial number, 3 for everything else here.
fn has_right_versions(signed: &SignedData, info: &SignerInfo) -> bool {
    let by_key = matches!(info.sid, SignerIdentifier::SubjectKeyIdentifier(_));
    let is_data = signed.encap_content_info.econtent_type == ID_DATA;
    info.version == if by_key { CmsVersion::V3 } else { CmsVersion::V1 }
        && signed.version == if is_data && !by_key { CmsVersion::V1 } else { CmsVersion::V3 }
}

/// The signer's certificate, which must be there once, and the others.
fn signer_among(
    signed: &SignedData,
    sid: &SignerIdentifier,
) -> Result<(Certificate, Vec<Certificate>), CmsError> {
    let set = signed.certificates.as_ref().ok_or(CmsError::Malformed("no certificates"))?;
    let (mut signers, mut others) = (Vec::new(), Vec::new());
    for choice in set.0.iter() {
        let CertificateChoices::Certificate(certificate) = choice else {
            return Err(CmsError::Malformed("a certificate that is not X.509"));
        };
        let side = if is_named(certificate, sid) { &mut signers } else { &mut others };
        side.push(certificate.clone());
    }
    match (signers.pop(), signers.is_empty()) {
        (Some(signer), true) => Ok((signer, others)),
        _ => Err(CmsError::Malformed("the signer's certificate is not there once")),
    }
}

fn is_named(certificate: &Certificate, sid: &SignerIdentifier) -> bool {
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(named) => super::issuer_and_serial(certificate) == *named,
        SignerIdentifier::SubjectKeyIdentifier(named) => {
            matches!(certificate.tbs_certificate().get_extension::<SubjectKeyIdentifier>(),
                Ok(Some((_, found))) if found == *named)
        }
    }
}

/// Whether the signed attributes name the signer's certificate by its hash (RFC 5035; in time stamps, as many
/// authorities still make them, also RFC 2634 with SHA-1).
fn names_signer(
    attributes: &SetOfVec<Attribute>,
    signer: &Certificate,
    is_time_stamp: bool,
) -> Result<bool, CmsError> {
    let der = signer.to_der()?;
    if let Some(value) = der_of(attributes, SIGNING_CERTIFICATE_V2)? {
        let ess = SigningCertificateV2::from_der(&value)?;
        let first = ess.certs.first().ok_or(CmsError::Malformed("signing certificate"))?;
        let hash = match &first.hash_algorithm {
            None => Some(Hash::Sha256),
            Some(named) => Hash::of(named),
        };
        let hash = hash.ok_or(CmsError::UnknownAlgorithm)?;
        return Ok(first.cert_hash.as_bytes() == hash.digest(&[&der]));
    }
    if !is_time_stamp {
        return Ok(false);
    }
    let ess: SigningCertificate = value(attributes, SIGNING_CERTIFICATE)?;
    let first = ess.certs.first().ok_or(CmsError::Malformed("signing certificate"))?;
    Ok(first.cert_hash.as_bytes() == sha1::Sha1::digest(&der).as_slice())
}

fn commitment(attributes: &SetOfVec<Attribute>, form: Form) -> Result<Commitment, CmsError> {
    let indication: CommitmentTypeIndication = value(attributes, COMMITMENT_TYPE)?;
    match (indication.commitment_type_id, form) {
        (PROOF_OF_CREATION, _) => Ok(Commitment::Reader),
        (PROOF_OF_APPROVAL, Form::Page) => Ok(Commitment::Reviewer { reader_signature: Vec::new() }),
        (PROOF_OF_APPROVAL, Form::Report) => {
            let reference: ContentReference = value(attributes, CONTENT_REFERENCE)?;
            let reader_signature = reference.originator_signature_value.as_bytes().to_vec();
            Ok(Commitment::Reviewer { reader_signature })
        }
        _ => Err(CmsError::Malformed("a commitment that is not known")),
    }
}
