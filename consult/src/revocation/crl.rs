//! Revocation lists (RFC 5280 §5): complete lists by the issuer itself.

use super::{ANSWER_BYTES_MAX, Statement};
use crate::algorithm;
use crate::certificate::{moment, usage_allows};
use const_oid::AssociatedOid as _;
use der::{Decode as _, Encode as _};
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix::{BasicConstraints, IssuingDistributionPoint, KeyUsages};

/// What a list says of a certificate, when it is of its issuer and complete for it.
pub(super) fn statement(der: &[u8], subject: &Certificate, issuer: &Certificate) -> Option<Statement> {
    if der.len() > ANSWER_BYTES_MAX {
        return None;
    }
    let list = CertificateList::<x509_cert::certificate::Rfc5280>::from_der(der).ok()?;
    let tbs = &list.tbs_cert_list;
    let is_of_issuer = tbs.issuer == *issuer.tbs_certificate().subject()
        && tbs.issuer == *subject.tbs_certificate().issuer()
        && usage_allows(issuer, KeyUsages::CRLSign)
        && tbs.signature == list.signature_algorithm;
    if !is_of_issuer || !is_complete(&list, subject) {
        return None;
    }
    let key = issuer.tbs_certificate().subject_public_key_info();
    let signature = list.signature.as_bytes()?;
    algorithm::verify(key, &list.signature_algorithm, None, &tbs.to_der().ok()?, signature).ok()?;
    let serial = subject.tbs_certificate().serial_number();
    let mut entries = tbs.revoked_certificates.iter().flatten();
    let revoked = match entries.find(|entry| entry.serial_number == *serial) {
        Some(entry) => Some(moment(&entry.revocation_date)?),
        None => None,
    };
    let next_update = match &tbs.next_update {
        Some(time) => Some(moment(time)?),
        None => None,
    };
    Some(Statement { revoked, this_update: moment(&tbs.this_update)?, next_update })
}

/// Delta lists, indirect lists and lists of some reasons say too little: their extensions are critical.
fn is_complete(list: &CertificateList, subject: &Certificate) -> bool {
    let constraints = subject.tbs_certificate().get_extension::<BasicConstraints>();
    let is_authority = matches!(constraints, Ok(Some((_, constraints))) if constraints.ca);
    list.tbs_cert_list.crl_extensions.iter().flatten().filter(|one| one.critical).all(|extension| {
        extension.extn_id == IssuingDistributionPoint::OID
            && IssuingDistributionPoint::from_der(extension.extn_value.as_bytes()).is_ok_and(|point| {
                !point.indirect_crl
                    && !point.only_contains_attribute_certs
                    && !(if is_authority {
                        point.only_contains_user_certs
                    } else {
                        point.only_contains_ca_certs
                    })
                    && point.only_some_reasons.is_none()
            })
    })
}
