//! Time stamps (RFC 3161): a token by an authority that a signature existed at a moment.
//!
//! Pure: [`request`] makes the bytes that go out, [`Asked::token`] takes what came back, [`check`] judges a token years
//! later. Who carries the bytes is [`crate::authorities`].

mod asn1;
mod authority;
mod check;

pub use authority::TimeStampAuthority;
pub use check::{TimeStamp, TimeStampFault, check};

use crate::algorithm::Hash;
use asn1::{MessageImprint, TimeStampReq, TimeStampResp};
use der::asn1::{Int, ObjectIdentifier, OctetString};
use der::{Decode as _, Encode as _};
use x509_cert::Certificate;

/// Bytes of an answer that is looked at.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Bytes of a token that is taken: it stands in a page beside the signature that it is for.
const TOKEN_BYTES_MAX: usize = crate::pades::ROOM_BYTES - crate::cms::UNSTAMPED_BYTES_MAX;

/// A request that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `application/timestamp-query`, DER.
    pub request: Vec<u8>,
    signature: Vec<u8>,
    nonce: Int,
}

/// Asks for a time stamp on a signature value: SHA-256, a nonce of 64 bits, the authority's certificate wanted.
///
/// # Errors
/// [`TimeStampFault::Malformed`] when there is no randomness.
pub fn request(signature: &[u8]) -> Result<Asked, TimeStampFault> {
    let mut nonce = [0; 8];
    getrandom::fill(&mut nonce).map_err(|_| TimeStampFault::Malformed)?;
    // Positive, and in its shortest form.
    nonce[0] = nonce[0] & 0x7f | 0x40;
    let nonce = Int::new(&nonce).map_err(|_| TimeStampFault::Malformed)?;
    let request = TimeStampReq {
        version: 1,
        message_imprint: imprint(signature)?,
        policy: None,
        nonce: Some(nonce.clone()),
        certificate_wanted: true,
    };
    let request = request.to_der().map_err(|_| TimeStampFault::Malformed)?;
    Ok(Asked { request, signature: signature.to_vec(), nonce })
}

impl Asked {
    /// Takes the token out of an answer (`application/timestamp-reply`) if it is good: granted, for this signature and
    /// nonce, of the policy that is wanted if one is, by an authority that leads to an anchor.
    ///
    /// # Errors
    /// [`TimeStampFault`].
    pub fn token(
        &self,
        answer: &[u8],
        anchors: &[Certificate],
        policy: Option<&ObjectIdentifier>,
    ) -> Result<(Vec<u8>, TimeStamp), TimeStampFault> {
        if answer.len() > ANSWER_BYTES_MAX {
            return Err(TimeStampFault::Malformed);
        }
        let answer = TimeStampResp::from_der(answer).map_err(|_| TimeStampFault::Malformed)?;
        // granted, grantedWithMods (RFC 3161 §2.4.2).
        if answer.status.status > 1 {
            return Err(TimeStampFault::Refused);
        }
        let token = answer.token.ok_or(TimeStampFault::Refused)?;
        let token = token.to_der().map_err(|_| TimeStampFault::Malformed)?;
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TimeStampFault::TooLarge);
        }
        let stamp = check(&token, &self.signature, anchors)?;
        if stamp.nonce.as_ref() != Some(&self.nonce) {
            return Err(TimeStampFault::OtherRequest);
        }
        if policy.is_some_and(|wanted| *wanted != stamp.policy) {
            return Err(TimeStampFault::OtherPolicy);
        }
        Ok((token, stamp))
    }
}

fn imprint(signature: &[u8]) -> Result<MessageImprint, TimeStampFault> {
    let digest = Hash::Sha256.digest(&[signature]);
    Ok(MessageImprint {
        hash_algorithm: Hash::Sha256.identifier(),
        hashed_message: OctetString::new(digest).map_err(|_| TimeStampFault::Malformed)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::CertificateAuthority;
    use crate::testing::{NOW, run};

    fn authority() -> (TimeStampAuthority, Vec<Certificate>, String) {
        let ca = CertificateAuthority::create("时间戳根证书", NOW).unwrap();
        let key = ca.issue_time_stamping("时间戳", NOW).unwrap();
        let anchors = ca.anchor_pem().unwrap();
        let certificates = crate::certificate::from_pem(&anchors).unwrap();
        (TimeStampAuthority::new(&key).unwrap(), certificates, anchors)
    }

    #[test]
    fn a_time_stamp_is_for_one_signature_one_request_and_one_authority() {
        let (tsa, anchors, _) = authority();
        let asked = request(b"signature").unwrap();
        let answer = tsa.answer(&asked.request, NOW).unwrap();
        let (token, stamp) = asked.token(&answer, &anchors, None).unwrap();
        assert_eq!((stamp.at, stamp.accuracy_ms), (NOW, Some(1000)));
        assert_eq!(check(&token, b"signature", &anchors).unwrap(), stamp);
        assert_eq!(check(&token, b"other", &anchors).unwrap_err(), TimeStampFault::OtherSignature);
        let another = request(b"signature").unwrap();
        assert_eq!(another.token(&answer, &anchors, None).unwrap_err(), TimeStampFault::OtherRequest);
        let policy = ObjectIdentifier::new_unwrap("1.2.3");
        assert_eq!(asked.token(&answer, &anchors, Some(&policy)).unwrap_err(), TimeStampFault::OtherPolicy);
        let (_, foreign, _) = authority();
        assert!(matches!(check(&token, b"signature", &foreign), Err(TimeStampFault::NotTrusted(_))));
        // A certificate for reports makes no time stamps.
        let ca = CertificateAuthority::create("CA", NOW).unwrap();
        let person = TimeStampAuthority::new(&ca.issue("王建国", "医院", NOW).unwrap()).unwrap();
        let answer = person.answer(&asked.request, NOW).unwrap();
        let anchors = crate::certificate::from_pem(&ca.anchor_pem().unwrap()).unwrap();
        assert!(matches!(asked.token(&answer, &anchors, None), Err(TimeStampFault::NotTrusted(_))));
        assert_eq!(tsa.answer(b"nonsense", NOW).err(), Some(TimeStampFault::Malformed));
    }

    #[test]
    fn no_byte_of_a_token_can_be_changed() {
        let (tsa, anchors, _) = authority();
        let asked = request(b"signature").unwrap();
        let (token, _) = asked.token(&tsa.answer(&asked.request, NOW).unwrap(), &anchors, None).unwrap();
        for at in 0..token.len() {
            let mut changed = token.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(check(&changed, b"signature", &anchors).is_err(), "byte {at}");
        }
    }

    #[test]
    fn openssl_accepts_our_tokens_and_refuses_them_for_something_else() {
        let (tsa, trusted, anchors) = authority();
        let asked = request(b"signature").unwrap();
        let (token, _) = asked.token(&tsa.answer(&asked.request, NOW).unwrap(), &trusted, None).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(path("token"), token).unwrap();
        std::fs::write(path("request"), &asked.request).unwrap();
        std::fs::write(path("anchors.pem"), anchors).unwrap();
        std::fs::write(path("signature"), b"signature").unwrap();
        std::fs::write(path("other"), b"other").unwrap();
        let at = NOW.unix_timestamp().to_string();
        let verify = |what: [&str; 2]| {
            let (token, anchors) = (path("token"), path("anchors.pem"));
            let mut arguments = vec!["ts", "-verify", "-token_in", "-in", &token, "-CAfile", &anchors];
            arguments.extend(what);
            arguments.extend(["-attime", &at]);
            run("openssl", &arguments)
        };
        verify(["-data", &path("signature")]).unwrap();
        verify(["-queryfile", &path("request")]).unwrap();
        verify(["-data", &path("other")]).unwrap_err();
    }
}
