//! The attributes of a signature as ASN.1, and how they are found.

use super::CmsError;
use crate::record::KeyPlace;
use const_oid::db::rfc5911::{ID_DATA, ID_SIGNING_TIME};
use der::asn1::{Any, ObjectIdentifier, OctetString, SetOfVec};
use der::{Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use time::OffsetDateTime;
use x509_cert::attr::Attribute;
use x509_cert::time::Time;

/// id-aa-signingCertificate (RFC 2634 §5.4): the older form, with SHA-1, of some time-stamping authorities.
pub(super) const SIGNING_CERTIFICATE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
/// id-aa-signingCertificateV2 (RFC 5035).
pub(super) const SIGNING_CERTIFICATE_V2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
/// id-aa-contentIdentifier (RFC 2634 §2.7).
pub(super) const CONTENT_IDENTIFIER: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.7");
/// id-aa-contentReference (RFC 2634 §2.11).
pub(super) const CONTENT_REFERENCE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.10");
/// id-aa-timeStampToken (RFC 3161, appendix A).
pub(super) const TIME_STAMP_TOKEN: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");
/// id-aa-ets-commitmentType (EN 319 122-1 §5.2.3).
pub(super) const COMMITMENT_TYPE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.16");
/// id-cti-ets-proofOfApproval.
pub(super) const PROOF_OF_APPROVAL: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.6.5");
/// id-cti-ets-proofOfCreation.
pub(super) const PROOF_OF_CREATION: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.6.6");
/// id-aa-ets-signerAttrV2 (EN 319 122-1 §5.2.6.1).
pub(super) const SIGNER_ATTRIBUTES_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.4.0.19122.1.1");
/// title (X.520).
pub(super) const TITLE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.12");
/// description (X.520): where the signing key is.
pub(super) const DESCRIPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.13");

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct EssCertIdV2 {
    #[asn1(optional = "true")]
    pub hash_algorithm: Option<AlgorithmIdentifierOwned>,
    pub cert_hash: OctetString,
    #[asn1(optional = "true")]
    pub issuer_serial: Option<Any>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct SigningCertificateV2 {
    pub certs: Vec<EssCertIdV2>,
    #[asn1(optional = "true")]
    pub policies: Option<Any>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct EssCertId {
    pub cert_hash: OctetString,
    #[asn1(optional = "true")]
    pub issuer_serial: Option<Any>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct SigningCertificate {
    pub certs: Vec<EssCertId>,
    #[asn1(optional = "true")]
    pub policies: Option<Any>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct ContentReference {
    pub content_type: ObjectIdentifier,
    pub signed_content_identifier: OctetString,
    pub originator_signature_value: OctetString,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct CommitmentTypeIndication {
    pub commitment_type_id: ObjectIdentifier,
    #[asn1(optional = "true")]
    pub qualifiers: Option<Any>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct SignerAttributesV2 {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    pub claimed_attributes: Vec<Attribute>,
}

impl ContentReference {
    /// To the content with this digest, as somebody signed it.
    pub fn new(digest: &[u8], signature: &[u8]) -> Result<Self, der::Error> {
        Ok(Self {
            content_type: ID_DATA,
            signed_content_identifier: OctetString::new(digest)?,
            originator_signature_value: OctetString::new(signature)?,
        })
    }
}

pub(super) fn attribute(oid: ObjectIdentifier, value: Any) -> Result<Attribute, der::Error> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
}

/// The DER of the one value of the one attribute of this kind.
pub(super) fn der_of(
    attributes: &SetOfVec<Attribute>,
    oid: ObjectIdentifier,
) -> Result<Option<Vec<u8>>, CmsError> {
    let mut found = attributes.iter().filter(|a| a.oid == oid);
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(attribute), None) => match attribute.values.as_slice() {
            [value] => Ok(Some(value.to_der()?)),
            _ => Err(CmsError::Malformed("an attribute does not have one value")),
        },
        (Some(_), Some(_)) => Err(CmsError::Malformed("an attribute is there twice")),
    }
}

pub(super) fn value<T: for<'a> Decode<'a, Error = der::Error>>(
    attributes: &SetOfVec<Attribute>,
    oid: ObjectIdentifier,
) -> Result<T, CmsError> {
    let der = der_of(attributes, oid)?.ok_or(CmsError::Malformed("an attribute is missing"))?;
    Ok(T::from_der(&der)?)
}

/// Professional title as the signer claims it; empty when there is none.
pub(super) fn title(attributes: &SetOfVec<Attribute>) -> Result<String, CmsError> {
    claimed(attributes, TITLE)
}

/// Where the signing key is, as the signature says; `None` in those that do not.
pub(super) fn key_place(attributes: &SetOfVec<Attribute>) -> Result<Option<KeyPlace>, CmsError> {
    Ok(KeyPlace::of_claim(&claimed(attributes, DESCRIPTION)?))
}

/// A claimed attribute of the signer, a text; empty when there is none.
fn claimed(attributes: &SetOfVec<Attribute>, oid: ObjectIdentifier) -> Result<String, CmsError> {
    let Some(der) = der_of(attributes, SIGNER_ATTRIBUTES_V2)? else {
        return Ok(String::new());
    };
    let all = SignerAttributesV2::from_der(&der)?;
    let found = all.claimed_attributes.iter().find(|a| a.oid == oid);
    let text = found.and_then(|a| a.values.iter().next()).map(|any| any.value().to_vec()).unwrap_or_default();
    String::from_utf8(text).map_err(|_| CmsError::Malformed("a claimed attribute"))
}

/// Signing time as the signer claims it, when it is there.
pub(super) fn signing_time(attributes: &SetOfVec<Attribute>) -> Result<Option<OffsetDateTime>, CmsError> {
    let Some(der) = der_of(attributes, ID_SIGNING_TIME)? else { return Ok(None) };
    let time = Time::from_der(&der)?;
    let at = crate::certificate::moment(&time).ok_or(CmsError::Malformed("signing time"))?;
    Ok(Some(at))
}
