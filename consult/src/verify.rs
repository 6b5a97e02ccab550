//! Judging a report offline: separate verdicts on what was signed, by whom, on what evidence.

use model::Sha256;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// One finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// Checked, and in order.
    Good,
    /// Checked, and not in order.
    Bad,
    /// Could not be checked.
    Unknown,
    /// There is nothing to check.
    NotPresent,
}

/// One finding with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The finding.
    pub result: Judgement,
    /// Why, for people, in Chinese.
    pub detail: String,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignerVerdict {
    /// Common name of the certificate.
    pub name: String,
    /// `reader` or `reviewer`.
    pub role: String,
    /// Organisation of the certificate.
    pub organisation: String,
    /// Signing time as the signer claims it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub signed_at: Option<OffsetDateTime>,
    /// Distinguished name, RFC 4514.
    pub certificate_subject: String,
    /// Whether the certificate says that it is a test.
    pub test_certificate: bool,
}

/// The whole judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The bytes are the ones that were signed, by all who had to sign.
    pub integrity: Finding,
    /// The certificates lead to a trust anchor and were valid when signed.
    pub chain: Finding,
    /// The images in evidence are the ones that the report names.
    pub evidence: Finding,
    /// No later version has taken the report's place.
    pub superseded: Finding,
    /// RFC 3161 time stamp.
    pub time_stamp: Finding,
    /// The printed page is the one that belongs to the signed text; `not_present` when no PDF was given.
    pub page: Finding,
    /// Who signed.
    pub signers: Vec<SignerVerdict>,
    /// Nothing is bad; integrity and chain are good.
    pub ok: bool,
}

/// SHA-256 of an instance's data set, looked up by SOP Instance UID; `None` when it is not at hand.
pub type EvidenceLookup<'a> = dyn Fn(&str) -> Option<Sha256> + 'a;
