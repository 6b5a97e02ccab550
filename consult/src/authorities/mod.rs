//! The authorities that a node asks when something is signed: time stamps and revocation. This crate knows what to ask
//! and how to judge the answers; who carries the bytes implements [`Authorities`].

mod own;

pub use own::{NoAuthorities, OwnAuthorities};

use crate::certificate;
use crate::revocation::{self, Question, RevocationData, Standing};
use crate::timestamp::{self, TimeStampFault};
use std::future::Future;
use std::pin::Pin;
use time::OffsetDateTime;
use x509_cert::Certificate;

/// No answer came: the network, the time limit, a status that is not success, too many bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no answer: {0}")]
pub struct NoAnswer(pub String);

/// An answer that is on its way.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, NoAnswer>> + Send + 'a>>;

/// Carries questions to authorities and answers back, within limits of time and size.
pub trait Authorities: Send + Sync {
    /// Sends a TimeStampReq (DER) to the time-stamping authority (RFC 3161 §3.4); gives the TimeStampResp.
    fn time_stamp(&self, request: Vec<u8>) -> Answer<'_>;
    /// Fetches an OCSP answer or a revocation list.
    fn fetch(&self, question: Question) -> Answer<'_>;
}

/// How far an authority's clock may be from the node's, unless something else is said.
pub const CLOCK_DIFFERENCE_MAX: time::Duration = time::Duration::minutes(5);

/// Whether reports need time stamps, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeStamps {
    /// Reports wait for one; its authority leads to these anchors (PEM).
    Required {
        /// Trust anchors of time-stamping authorities, PEM.
        anchors_pem: String,
        /// The policy that is wanted, when one is.
        policy: Option<der::asn1::ObjectIdentifier>,
        /// How far the authority's clock may be from the node's: further away one of the two is wrong.
        clock_difference_max: time::Duration,
    },
    /// None, by the node's configuration; every verdict says so.
    None,
    /// Wanted, but no authority is configured: what is signed waits.
    Missing,
}

/// A policy's object identifier, from its text.
///
/// # Errors
/// The text, when it is none.
pub fn policy(text: &str) -> Result<der::asn1::ObjectIdentifier, String> {
    der::asn1::ObjectIdentifier::new(text).map_err(|_| text.to_owned())
}

/// Why there is no time stamp yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// Nobody answered.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// What came is not good.
    #[error(transparent)]
    Fault(#[from] TimeStampFault),
    /// No authority is configured.
    #[error("no time-stamping authority is configured")]
    NotConfigured,
}

/// A time stamp on a signature value; checked before it is taken, by the node's clock too.
///
/// # Errors
/// [`StampError`].
pub async fn stamp(
    authorities: &dyn Authorities,
    time_stamps: &TimeStamps,
    signature: &[u8],
    now: OffsetDateTime,
) -> Result<Vec<u8>, StampError> {
    let TimeStamps::Required { anchors_pem, policy, clock_difference_max } = time_stamps else {
        return Err(StampError::NotConfigured);
    };
    let asked = timestamp::request(signature)?;
    let answer = authorities.time_stamp(asked.request.clone()).await?;
    let anchors = certificate::from_pem(anchors_pem).map_err(|_| StampError::NotConfigured)?;
    let (token, stamp) = asked.token(&answer, &anchors, policy.as_ref())?;
    if (stamp.at - now).abs() > *clock_difference_max {
        return Err(TimeStampFault::ClockOff.into());
    }
    Ok(token)
}

/// How long all questions about a path may take together: somebody waits for the signature.
const REVOCATION_WAIT_MAX: std::time::Duration = std::time::Duration::from_secs(20);

/// Fetches what there is about each certificate of a path, within some seconds: the first answer that says something of
/// now.
pub async fn revocation_data(
    authorities: &dyn Authorities,
    path: &[Certificate],
    now: OffsetDateTime,
) -> RevocationData {
    let mut data = RevocationData::default();
    let end = tokio::time::Instant::now() + REVOCATION_WAIT_MAX;
    for pair in path.windows(2) {
        let [subject, issuer] = pair else { continue };
        for question in revocation::questions(subject, issuer) {
            let is_ocsp = matches!(question, Question::Ocsp { .. });
            let answer = match tokio::time::timeout_at(end, authorities.fetch(question)).await {
                Err(_) => {
                    tracing::warn!("nothing was learned in time about a certificate's revocation");
                    return data;
                }
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "nothing was learned about a certificate's revocation");
                    continue;
                }
            };
            let mut one = RevocationData::default();
            if is_ocsp {
                one.ocsp.push(answer)
            } else {
                one.crls.push(answer)
            }
            if revocation::judge(subject, issuer, &one, now) != Standing::Unknown {
                data.add(one);
                break;
            }
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::CertificateAuthority;
    use crate::testing::NOW;
    use time::Duration;

    #[tokio::test]
    async fn a_time_stamp_by_a_clock_that_is_far_off_is_not_taken() {
        let ca = CertificateAuthority::create("CA", NOW).unwrap();
        let anchors_pem = ca.anchor_pem().unwrap();
        let own = OwnAuthorities::new(ca, || NOW).unwrap();
        let clock_difference_max = CLOCK_DIFFERENCE_MAX;
        let wanted = TimeStamps::Required { anchors_pem, policy: None, clock_difference_max };
        for (off, is_taken) in [(0, true), (4, true), (-4, true), (6, false), (-6, false)] {
            let taken = stamp(&own, &wanted, b"signature", NOW + Duration::minutes(off)).await;
            assert_eq!(taken.is_ok(), is_taken, "{off} minutes: {taken:?}");
            assert!(is_taken || taken == Err(StampError::Fault(TimeStampFault::ClockOff)));
        }
    }
}
