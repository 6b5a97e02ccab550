//! Detached CMS signatures (RFC 5652) in the form of CAdES baseline (ETSI EN 319 122-1).
//!
//! Both signers sign the same bytes, so `openssl cms -verify` takes either signature with the same content. What each
//! means by it is in standard signed attributes: the reader's commitment is *proof of creation*, the reviewer's *proof of
//! approval* (commitment-type-indication); the reviewer's also carries the reader's signature value
//! (content-reference, RFC 2634 §2.11), so it covers that signature, too. The professional title is a claimed signer
//! attribute, and so is the place of the key (*description*; decision 52). Name and organisation are the certificate's. A time stamp (RFC 3161) stands beside the signature, as an
//! unsigned attribute.
//!
//! In a PDF ([`Form::Page`]) PAdES (EN 319 142-1) leaves out what stands in the PDF already: the signing time, and the
//! reference, because the reviewer's signature covers the bytes of the reader's.

mod attributes;
mod check;
mod make;

pub use check::{SignatureCheck, check};
pub use make::{ToSign, sign, with_time_stamp};

pub(crate) use check::open;
pub(crate) use make::{assemble, basic_attributes};

use crate::algorithm::Scheme;
use crate::record::KeyPlace;
use crate::signing_key::SigningKey;
use ::cms::cert::IssuerAndSerialNumber;
use ::cms::content_info::ContentInfo;
use ::cms::signed_data::SignedData;
use const_oid::db::rfc5911::ID_SIGNED_DATA;
use der::Decode as _;
use model::Sha256;
use sha2::Digest as _;
use x509_cert::Certificate;

/// Bytes of a signature that is looked at.
pub const SIGNATURE_BYTES_MAX: usize = 64 << 10;
/// Bytes of a signature of our own before its time stamp: a path of certificates is most of it.
pub const UNSTAMPED_BYTES_MAX: usize = 8 << 10;

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The canonical report: CAdES.
    Report,
    /// The byte range of a PDF: PAdES.
    Page,
}

/// What a signer means by the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commitment {
    /// 报告医师: wrote it.
    Reader,
    /// 审核医师: approves it, and the reader's signature with this value.
    Reviewer {
        /// Signature value of the reader's SignerInfo; empty in a PDF, where the bytes are covered.
        reader_signature: Vec<u8>,
    },
}

/// Why a signature could not be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CmsError {
    /// Not a detached CMS signature of the kind made here.
    #[error("not a detached CMS signature: {0}")]
    Malformed(&'static str),
    /// Made with an algorithm that this build does not know.
    #[error("made with an algorithm that this build does not know")]
    UnknownAlgorithm,
    /// DER could not be written or read.
    #[error("DER: {0}")]
    Der(der::Error),
}

impl From<der::Error> for CmsError {
    fn from(error: der::Error) -> Self {
        Self::Der(error)
    }
}

/// Who signs, with what kind of key.
pub struct Claims<'a> {
    /// What the key signs with.
    pub scheme: Scheme,
    /// DER certificates, the signer's first.
    pub chain: &'a [Vec<u8>],
    /// Professional title; empty to leave it out.
    pub title: &'a str,
    /// Where the key is; `None` to leave it out.
    pub key: Option<KeyPlace>,
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

/// SHA-256 as the crate's own type.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(bytes).into())
}

/// The SignedData in a ContentInfo.
pub(crate) fn signed_data_of(der: &[u8]) -> Result<SignedData, CmsError> {
    let info = ContentInfo::from_der(der)?;
    if info.content_type != ID_SIGNED_DATA {
        return Err(CmsError::Malformed("not SignedData"));
    }
    Ok(info.content.decode_as()?)
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
        let first = check(&reader, &[&content], Form::Report).unwrap();
        assert!(first.is_signature_valid && first.is_content_same);
        assert_eq!((first.commitment, first.title.as_str()), (Commitment::Reader, "主任医师"));
        let second = check(&signers.review(&content, &reader), &[&content], Form::Report).unwrap();
        assert!(second.is_signature_valid && second.is_content_same);
        assert_eq!(second.commitment, Commitment::Reviewer { reader_signature: first.signature });
        assert!(!check(&reader, &[b"other"], Form::Report).unwrap().is_content_same);
    }
}
