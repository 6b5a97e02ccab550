//! Judging a token.

use super::asn1::{Accuracy, TstInfo};
use crate::algorithm::Hash;
use crate::certificate::{self, PathFault, Purpose};
use crate::cms::{self, CmsError};
use const_oid::db::rfc3161::ID_CT_TST_INFO;
use der::asn1::{Any, Int, ObjectIdentifier, OctetString};
use der::{Decode as _, Tag, Tagged as _};
use time::OffsetDateTime;
use x509_cert::Certificate;

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeStamp {
    /// When the signature existed.
    pub at: OffsetDateTime,
    /// How exact the authority says it is, milliseconds, rounded up.
    pub accuracy_ms: Option<u64>,
    /// Under which policy.
    pub policy: ObjectIdentifier,
    /// Common name of the authority's certificate.
    pub authority: String,
    /// From the authority's certificate to the anchor.
    pub path: Vec<Certificate>,
    pub(super) nonce: Option<Int>,
}

/// Why a time stamp is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeStampFault {
    /// Not a token or an answer of RFC 3161.
    #[error("not a time stamp of RFC 3161")]
    Malformed,
    /// The authority said no.
    #[error("the authority refused")]
    Refused,
    /// The token's signature does not hold.
    #[error("the time stamp's signature does not hold")]
    BadSignature,
    /// It is for another signature.
    #[error("the time stamp is for another signature")]
    OtherSignature,
    /// It answers another request.
    #[error("the time stamp answers another request")]
    OtherRequest,
    /// It is of another policy than was asked for.
    #[error("the time stamp is of another policy")]
    OtherPolicy,
    /// It states a moment that is far from the node's clock: one of the two is wrong.
    #[error("the time stamp's clock is far from the node's: look at both")]
    ClockOff,
    /// It does not fit into the room that a page keeps for a signature.
    #[error("the time stamp is too large for the room in a report's page")]
    TooLarge,
    /// The authority's certificate leads to no anchor, or is not for time stamps.
    #[error("the time stamp's authority is not trusted")]
    NotTrusted(PathFault),
    /// Made with an algorithm that this build does not know.
    #[error("the time stamp is made with an algorithm that this build does not know")]
    UnknownAlgorithm,
}

impl TimeStampFault {
    /// Why, for people, in Chinese and in English.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Malformed | Self::Refused | Self::TooLarge => {
                ("时间戳已损坏，或不是 RFC 3161 时间戳", "the time stamp is damaged, or not of RFC 3161")
            }
            Self::BadSignature => ("时间戳的签名无效", "the time stamp's signature does not hold"),
            Self::OtherSignature => ("时间戳不是针对这一签名的", "the time stamp is for another signature"),
            Self::OtherRequest | Self::OtherPolicy => {
                ("时间戳与所请求的不符", "the time stamp is not what was asked for")
            }
            Self::ClockOff => {
                ("时间戳的时间与本机时间相差过大", "the time stamp's clock is far from this node's")
            }
            Self::NotTrusted(_) => ("时间戳机构不受信任", "the time-stamping authority is not trusted"),
            Self::UnknownAlgorithm => (
                "时间戳使用了本程序不支持的算法",
                "the time stamp uses an algorithm that this program does not know",
            ),
        }
    }
}

/// Judges a token (a ContentInfo, DER) for a signature value: imprint, signature, the authority's certificate with its
/// one purpose, its path to an anchor as of the moment that it states.
///
/// # Errors
/// [`TimeStampFault`].
pub fn check(token: &[u8], signature: &[u8], anchors: &[Certificate]) -> Result<TimeStamp, TimeStampFault> {
    let malformed = |_| TimeStampFault::Malformed;
    let signed = cms::signed_data_of(token).map_err(|_| TimeStampFault::Malformed)?;
    let contained = &signed.encap_content_info;
    if contained.econtent_type != ID_CT_TST_INFO {
        return Err(TimeStampFault::Malformed);
    }
    let content = contained.econtent.as_ref().ok_or(TimeStampFault::Malformed)?;
    let content: OctetString = content.decode_as().map_err(malformed)?;
    let info = TstInfo::from_der(content.as_bytes()).map_err(malformed)?;
    let opened = cms::open(&signed, &[content.as_bytes()]).map_err(|error| match error {
        CmsError::UnknownAlgorithm => TimeStampFault::UnknownAlgorithm,
        _ => TimeStampFault::Malformed,
    })?;
    if !opened.is_signature_valid || !opened.is_content_same {
        return Err(TimeStampFault::BadSignature);
    }
    let hash = Hash::of(&info.message_imprint.hash_algorithm).ok_or(TimeStampFault::UnknownAlgorithm)?;
    if info.message_imprint.hashed_message.as_bytes() != hash.digest(&[signature]) {
        return Err(TimeStampFault::OtherSignature);
    }
    let at = generalized_time(&info.at).filter(|_| info.version == 1).ok_or(TimeStampFault::Malformed)?;
    let path = certificate::follow(&opened.signer, &opened.others, anchors, at, Purpose::TimeStamps)
        .map_err(TimeStampFault::NotTrusted)?;
    Ok(TimeStamp {
        at,
        accuracy_ms: info.accuracy.as_ref().map(accuracy_ms),
        policy: info.policy,
        authority: certificate::common_name(&opened.signer),
        path,
        nonce: info.nonce,
    })
}

fn accuracy_ms(accuracy: &Accuracy) -> u64 {
    let seconds_ms = u64::from(accuracy.seconds.unwrap_or(0)).saturating_mul(1000);
    let millis = u64::from(accuracy.millis.unwrap_or(0));
    let micros = u64::from(accuracy.micros.unwrap_or(0));
    seconds_ms.saturating_add(millis).saturating_add(micros.div_ceil(1000))
}

/// `YYYYMMDDhhmmss[.fraction]Z` (RFC 3161 §2.4.2), to the second.
fn generalized_time(any: &Any) -> Option<OffsetDateTime> {
    let text = std::str::from_utf8(any.value()).ok().filter(|_| any.tag() == Tag::GeneralizedTime)?;
    let (whole, rest) = text.split_at_checked(14)?;
    let fraction = rest.strip_suffix('Z')?;
    let is_fraction = fraction.is_empty()
        || fraction.strip_prefix('.').is_some_and(|digits| {
            !digits.is_empty() && digits.len() <= 9 && digits.bytes().all(|b| b.is_ascii_digit())
        });
    let format = time::macros::format_description!("[year][month][day][hour][minute][second]");
    let at = time::PrimitiveDateTime::parse(whole, format).ok().filter(|_| is_fraction)?;
    Some(at.assume_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn moments_may_have_a_fraction() {
        let read = |text: &str| generalized_time(&Any::new(Tag::GeneralizedTime, text.as_bytes()).unwrap());
        let at = Some(datetime!(2026-11-26 14:20:01 UTC));
        assert_eq!(read("20261126142001Z"), at);
        assert_eq!(read("20261126142001.25Z"), at);
        for wrong in ["20261126142001", "20261126142001.Z", "20261126142001+0800", "2026112614Z", "结"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
