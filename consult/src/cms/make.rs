//! Making signatures.

use super::attributes::{
    COMMITMENT_TYPE, CONTENT_IDENTIFIER, CONTENT_REFERENCE, CommitmentTypeIndication, ContentReference,
    DESCRIPTION, EssCertIdV2, PROOF_OF_APPROVAL, PROOF_OF_CREATION, SIGNER_ATTRIBUTES_V2,
    SIGNING_CERTIFICATE_V2, SignerAttributesV2, SigningCertificateV2, TIME_STAMP_TOKEN, TITLE, attribute,
};
use super::{Claims, CmsError, Commitment, Form, SigningIdentity, signed_data_of};
use crate::algorithm::Scheme;
use crate::record::KeyPlace;
use ::cms::cert::CertificateChoices;
use ::cms::content_info::{CmsVersion, ContentInfo};
use ::cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA, ID_SIGNING_TIME};
use der::asn1::{Any, OctetString, SetOfVec, Utf8StringRef};
use der::{Decode, Encode};
use time::OffsetDateTime;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::time::Time;

/// What one signature covers, ready for a key that may be elsewhere.
pub struct ToSign {
    chain: Vec<Certificate>,
    scheme: Scheme,
    attributes: SetOfVec<Attribute>,
}

impl ToSign {
    /// The attributes of a signature over bytes, given in parts.
    ///
    /// # Errors
    /// [`CmsError`] when the chain is empty or not DER.
    pub fn new(
        content: &[&[u8]],
        form: Form,
        signer: &Claims<'_>,
        commitment: &Commitment,
        at: OffsetDateTime,
    ) -> Result<Self, CmsError> {
        let digest = signer.scheme.hash().digest(content);
        let attributes = signed_attributes(&digest, form, signer, commitment, at)?;
        Ok(Self { chain: certificates(signer.chain)?, scheme: signer.scheme, attributes })
    }

    /// As it was kept: the DER of [`Self::message`].
    ///
    /// # Errors
    /// [`CmsError`] when it is not what was kept.
    pub fn kept(chain: &[Vec<u8>], scheme: Scheme, message: &[u8]) -> Result<Self, CmsError> {
        Ok(Self { chain: certificates(chain)?, scheme, attributes: SetOfVec::from_der(message)? })
    }

    /// The bytes that the key signs: the signed attributes (RFC 5652 §5.4).
    ///
    /// # Errors
    /// [`CmsError::Der`].
    pub fn message(&self) -> Result<Vec<u8>, CmsError> {
        Ok(self.attributes.to_der()?)
    }

    /// The signature (CMS, DER), without the content, with the value that the key made.
    ///
    /// # Errors
    /// [`CmsError`].
    pub fn with_value(&self, value: Vec<u8>) -> Result<Vec<u8>, CmsError> {
        signed_data(ID_DATA, None, &self.chain, self.scheme, self.attributes.clone(), value)
    }
}

fn certificates(chain: &[Vec<u8>]) -> Result<Vec<Certificate>, CmsError> {
    Ok(chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<_, _>>()?)
}

/// Signs bytes, given in parts; the result is DER and does not contain them.
///
/// # Errors
/// [`CmsError`] when the chain is empty or not DER, or the key does not sign.
pub fn sign(
    content: &[&[u8]],
    form: Form,
    identity: &SigningIdentity<'_>,
    commitment: &Commitment,
    at: OffsetDateTime,
) -> Result<Vec<u8>, CmsError> {
    let claims =
        Claims { scheme: identity.key.scheme(), chain: identity.chain, title: identity.title, key: None };
    let to_sign = ToSign::new(content, form, &claims, commitment, at)?;
    let value = identity.key.sign(&to_sign.message()?);
    to_sign.with_value(value.map_err(|_| CmsError::Malformed("the key did not sign"))?)
}

/// A SignedData by one signer over attributes that are ready; `econtent` is what it contains, if anything.
pub(crate) fn assemble(
    content_type: der::asn1::ObjectIdentifier,
    econtent: Option<Any>,
    chain: &[Certificate],
    key: &crate::signing_key::SigningKey,
    attributes: SetOfVec<Attribute>,
) -> Result<Vec<u8>, CmsError> {
    let value = key.sign(&attributes.to_der()?).map_err(|_| CmsError::Malformed("the key did not sign"))?;
    signed_data(content_type, econtent, chain, key.scheme(), attributes, value)
}

fn signed_data(
    content_type: der::asn1::ObjectIdentifier,
    econtent: Option<Any>,
    chain: &[Certificate],
    scheme: Scheme,
    attributes: SetOfVec<Attribute>,
    value: Vec<u8>,
) -> Result<Vec<u8>, CmsError> {
    let signer = chain.first().ok_or(CmsError::Malformed("no certificate"))?;
    let signer_info = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(super::issuer_and_serial(signer)),
        digest_alg: scheme.hash().identifier(),
        signed_attrs: Some(attributes),
        signature_algorithm: scheme.identifier()?,
        signature: OctetString::new(value)?,
        unsigned_attrs: None,
    };
    let certificates: Vec<_> = chain.iter().cloned().map(CertificateChoices::Certificate).collect();
    let signed = SignedData {
        // RFC 5652 §5.1: 3 when the content is not id-data.
        version: if content_type == ID_DATA { CmsVersion::V1 } else { CmsVersion::V3 },
        digest_algorithms: SetOfVec::try_from(vec![scheme.hash().identifier()])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: content_type, econtent },
        certificates: Some(CertificateSet::try_from(certificates)?),
        crls: None,
        signer_infos: SignerInfos::try_from(vec![signer_info])?,
    };
    content_info(&signed)
}

fn content_info(signed: &SignedData) -> Result<Vec<u8>, CmsError> {
    let info = ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(signed)? };
    Ok(info.to_der()?)
}

/// Puts a time stamp beside a signature; one that was there is replaced. The signature itself stays as it is.
///
/// # Errors
/// [`CmsError`] when it is not a signature by one signer, or the token is not DER.
pub fn with_time_stamp(signature_der: &[u8], token: &[u8]) -> Result<Vec<u8>, CmsError> {
    let mut signed = signed_data_of(signature_der)?;
    let [info] = signed.signer_infos.0.as_slice() else {
        return Err(CmsError::Malformed("not exactly one signer"));
    };
    let mut info = info.clone();
    let stamp = attribute(TIME_STAMP_TOKEN, Any::from_der(token)?)?;
    info.unsigned_attrs = Some(SetOfVec::try_from(vec![stamp])?);
    signed.signer_infos = SignerInfos::try_from(vec![info])?;
    content_info(&signed)
}

/// The attributes that every signature has: content type, digest and the signer's certificate (RFC 5035).
pub(crate) fn basic_attributes(
    content_type: der::asn1::ObjectIdentifier,
    digest: &[u8],
    signer_der: &[u8],
) -> Result<Vec<Attribute>, CmsError> {
    let ess = SigningCertificateV2 {
        certs: vec![EssCertIdV2 {
            hash_algorithm: None,
            cert_hash: OctetString::new(super::sha256(signer_der).0.as_slice())?,
            issuer_serial: None,
        }],
        policies: None,
    };
    Ok(vec![
        attribute(ID_CONTENT_TYPE, Any::encode_from(&content_type)?)?,
        attribute(ID_MESSAGE_DIGEST, Any::encode_from(&OctetString::new(digest)?)?)?,
        attribute(SIGNING_CERTIFICATE_V2, Any::encode_from(&ess)?)?,
    ])
}

fn signed_attributes(
    digest: &[u8],
    form: Form,
    signer: &Claims<'_>,
    commitment: &Commitment,
    at: OffsetDateTime,
) -> Result<SetOfVec<Attribute>, CmsError> {
    let signer_der = signer.chain.first().ok_or(CmsError::Malformed("no certificate"))?;
    let mut attributes = basic_attributes(ID_DATA, digest, signer_der)?;
    let commitment_type_id = match commitment {
        Commitment::Reader => PROOF_OF_CREATION,
        Commitment::Reviewer { .. } => PROOF_OF_APPROVAL,
    };
    let commits = CommitmentTypeIndication { commitment_type_id, qualifiers: None };
    attributes.push(attribute(COMMITMENT_TYPE, Any::encode_from(&commits)?)?);
    let claims = [(TITLE, signer.title), (DESCRIPTION, signer.key.map_or("", KeyPlace::claim))];
    let claims = claims.into_iter().filter(|(_, text)| !text.is_empty());
    let claims = claims.map(|(oid, text)| attribute(oid, Any::encode_from(&Utf8StringRef::new(text)?)?));
    let claimed = SignerAttributesV2 { claimed_attributes: claims.collect::<Result<_, _>>()? };
    if !claimed.claimed_attributes.is_empty() {
        attributes.push(attribute(SIGNER_ATTRIBUTES_V2, Any::encode_from(&claimed)?)?);
    }
    if form == Form::Report {
        let seconds = u64::try_from(at.unix_timestamp()).map_err(|_| CmsError::Malformed("time"))?;
        let utc = der::asn1::UtcTime::from_unix_duration(std::time::Duration::from_secs(seconds))?;
        attributes.push(attribute(ID_SIGNING_TIME, Any::encode_from(&Time::UtcTime(utc))?)?);
        attributes.push(reference(digest, commitment)?);
    }
    Ok(SetOfVec::try_from(attributes)?)
}

/// The reader names the content; the reviewer points to it and to the reader's signature of it.
fn reference(digest: &[u8], commitment: &Commitment) -> Result<Attribute, CmsError> {
    Ok(match commitment {
        Commitment::Reader => attribute(CONTENT_IDENTIFIER, Any::encode_from(&OctetString::new(digest)?)?)?,
        Commitment::Reviewer { reader_signature } => {
            let reference = ContentReference::new(digest, reader_signature)?;
            attribute(CONTENT_REFERENCE, Any::encode_from(&reference)?)?
        }
    })
}
