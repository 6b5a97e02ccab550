//! Judging a report offline: separate verdicts on what was signed, by whom, when, on what evidence.

mod checked;
mod findings;
#[cfg(test)]
mod tests;

use crate::cms::{CmsError, Commitment};
use crate::pades::{self, Coverage, PdfSignatures};
use crate::record::KeyPlace;
use crate::report::CanonicalReport;
use crate::revocation::RevocationData;
use crate::{ConsultError, certificate, extract};
use checked::Checked;
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
    /// The same in English.
    #[serde(default)]
    pub detail_en: String,
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
    /// When: by the time stamp where it is good, by the signer's clock otherwise.
    #[serde(with = "time::serde::rfc3339::option")]
    pub signed_at: Option<OffsetDateTime>,
    /// Distinguished name, RFC 4514.
    pub certificate_subject: String,
    /// Whether the certificate says that it is a test.
    pub test_certificate: bool,
    /// Whether `signed_at` is a good time stamp's.
    pub time_stamped: bool,
    /// Where the key is, as the signature says; nothing in signatures from before they said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyPlace>,
}

/// The whole judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The bytes are the ones that were signed, by all who had to sign.
    pub integrity: Finding,
    /// The signatures in the PDF cover all of it; `not_present` when no PDF was given.
    pub coverage: Finding,
    /// The certificates lead to a trust anchor and were valid when signed.
    pub chain: Finding,
    /// The certificates had not been revoked when signed.
    pub revocation: Finding,
    /// RFC 3161 time stamps.
    pub time_stamp: Finding,
    /// The certificates are of the people and the institution that the report names.
    pub credential: Finding,
    /// The images in evidence are the ones that the report names.
    pub evidence: Finding,
    /// No later version has taken the report's place.
    pub superseded: Finding,
    /// Who signed.
    pub signers: Vec<SignerVerdict>,
    /// Nothing is bad; integrity, chain and credential are good; the coverage is good or not there, and so
    /// are the time stamps, which must be there unless they are optional.
    pub ok: bool,
    /// What people call the consult; empty when the report cannot be read.
    pub number: String,
    /// Version of the report.
    pub version: u32,
    /// SHA-256 of the canonical report, hexadecimal: what the QR code on the page names.
    pub sha256: String,
}

/// SHA-256 of an instance's data set, looked up by SOP Instance UID; `None` when it is not at hand.
pub type EvidenceLookup<'a> = dyn Fn(&str) -> Option<Sha256> + 'a;

/// A PDF that was brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The file.
    pub pdf: Vec<u8>,
    /// The signatures in it; `None` when it has none of its own.
    pub signatures: Option<PdfSignatures>,
}

/// What somebody brought to be verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// The canonical JSON.
    pub canonical: Vec<u8>,
    /// Detached CMS signatures, DER, in any order.
    pub signatures: Vec<Vec<u8>>,
    /// The PDF that it was in.
    pub page: Option<Page>,
    /// The key images' pictures that were in it.
    pub pictures: Vec<Vec<u8>>,
}

impl Brought {
    /// Takes a file apart: a PDF with signatures and attachments, or the canonical JSON itself. Signatures given apart are
    /// added.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `report` when it is a PDF without a report.
    pub fn from_file(report: Vec<u8>, signatures: Vec<Vec<u8>>) -> Result<Self, ConsultError> {
        if !report.starts_with(b"%PDF-") {
            return Ok(Self { canonical: report, signatures, page: None, pictures: Vec::new() });
        }
        // Of a file that somebody has added to in another shape, what was signed is judged, and that it was added to.
        let part = extract::readable(&report);
        let attached =
            extract::extract_from_pdf(part).map_err(|why| ConsultError::Invalid { field: "report", why })?;
        let mut all = attached.signatures;
        all.extend(signatures);
        all.dedup();
        let mut in_page = pades::read(part).map_err(|_| ConsultError::Invalid {
            field: "report",
            why: "PDF 中的签名无法读取 / a signature in the PDF cannot be read",
        })?;
        if let Some(signatures) = in_page.as_mut().filter(|found| found.coverage == Coverage::Whole) {
            let is_whole = part.len() == report.len();
            signatures.coverage = if is_whole { Coverage::Whole } else { Coverage::Appended };
        }
        Ok(Self {
            canonical: attached.canonical,
            signatures: all,
            page: Some(Page { pdf: report, signatures: in_page }),
            pictures: attached.pictures,
        })
    }
}

/// Whether a signature may stand without a time stamp.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stamping {
    /// It may not.
    #[default]
    Required,
    /// It may; then its signer's certificate must be good now, since nobody vouches for an earlier moment.
    Optional,
}

/// What is known besides what was brought. Everything may be missing: then the finding is unknown.
pub struct Context<'a> {
    /// Trust anchors of signers, PEM.
    pub anchors_pem: &'a str,
    /// Trust anchors of time-stamping authorities, PEM.
    pub time_stamp_anchors_pem: &'a str,
    /// Revocation data beside those in the PDF, newer ones perhaps.
    pub revocation: RevocationData,
    /// Whether a later version has taken its place; `None` when nobody here knows.
    pub is_superseded: Option<bool>,
    /// The instances at hand.
    pub evidence: Option<&'a EvidenceLookup<'a>>,
    /// SHA-256 of the page as it was made, from the node that made it.
    pub page_sha256: Option<Sha256>,
    /// Whether a signature may stand without a time stamp.
    pub stamping: Stamping,
    /// The moment of which certificates without a good time stamp are judged.
    pub now: OffsetDateTime,
}

impl Default for Context<'_> {
    fn default() -> Self {
        Self {
            anchors_pem: "",
            time_stamp_anchors_pem: "",
            revocation: RevocationData::default(),
            is_superseded: None,
            evidence: None,
            page_sha256: None,
            stamping: Stamping::Required,
            now: OffsetDateTime::now_utc(),
        }
    }
}

/// Judges a report offline. Takes milliseconds of CPU: call it off the async threads.
#[must_use]
pub fn verify(brought: &Brought, context: &Context<'_>) -> Verdict {
    let anchors = certificate::from_pem(context.anchors_pem).unwrap_or_default();
    let stamp_anchors = certificate::from_pem(context.time_stamp_anchors_pem).unwrap_or_default();
    let (detached, in_page, unread) = checked(brought, &stamp_anchors);
    let all: Vec<Checked> = detached.iter().chain(&in_page).cloned().collect();
    let mut data = context.revocation.clone();
    if let Some(signatures) = brought.page.as_ref().and_then(|page| page.signatures.as_ref()) {
        data.add(signatures.revocation.clone());
    }
    let report = CanonicalReport::from_bytes(&brought.canonical);
    let (integrity, credential, evidence) = match &report {
        Ok(report) => (
            both(report, &detached, &in_page, unread),
            findings::credential(report, &all),
            findings::evidence(report, context.evidence),
        ),
        Err(error) => (
            findings::bad(
                &format!("报告原文已损坏，或不是规范格式：{error}"),
                &format!("the report is damaged, or not in canonical form: {error}"),
            ),
            findings::unknown("报告原文无法读取", "the report cannot be read"),
            findings::unknown("报告原文无法读取", "the report cannot be read"),
        ),
    };
    let superseded = match context.is_superseded {
        Some(false) => findings::good("是当前版本", "the current version"),
        Some(true) => findings::bad("已被新版本取代", "a later version has taken its place"),
        None => findings::unknown("离线无法得知是否有新版本", "offline nobody knows of later versions"),
    };
    let mut verdict = Verdict {
        integrity,
        coverage: findings::coverage(brought, context),
        chain: findings::chain(&all, &anchors, context.now),
        revocation: findings::revocation(&all, &anchors, &data, context.now),
        time_stamp: findings::time_stamp(&all, &stamp_anchors, &data),
        credential,
        evidence,
        superseded,
        signers: if in_page.is_empty() { &detached } else { &in_page }.iter().map(signer).collect(),
        ok: false,
        number: report.as_ref().map(|report| report.number.clone()).unwrap_or_default(),
        version: report.as_ref().map_or(0, |report| report.version),
        sha256: crate::cms::sha256(&brought.canonical).to_string(),
    };
    verdict.ok = verdict.is_ok(context.stamping);
    verdict
}

impl Verdict {
    fn is_ok(&self, stamping: Stamping) -> bool {
        let all = [
            &self.integrity,
            &self.coverage,
            &self.chain,
            &self.revocation,
            &self.time_stamp,
            &self.credential,
            &self.evidence,
            &self.superseded,
        ];
        let is_good = |finding: &Finding| finding.result == Judgement::Good;
        let is_unknown = |finding: &Finding| finding.result == Judgement::Unknown;
        all.iter().all(|finding| finding.result != Judgement::Bad)
            && [&self.integrity, &self.chain, &self.credential].into_iter().all(is_good)
            && ![&self.coverage, &self.time_stamp].into_iter().any(is_unknown)
            && (stamping == Stamping::Optional || is_good(&self.time_stamp))
    }
}

/// Signatures that were brought and could not be checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Unread {
    /// Some are damaged, or none of ours.
    is_broken: bool,
    /// Some are made with algorithms that this build does not know.
    is_unknown: bool,
}

/// Detached signatures, signatures in the page, and what of both cannot be read.
fn checked(brought: &Brought, anchors: &[x509_cert::Certificate]) -> (Vec<Checked>, Vec<Checked>, Unread) {
    let mut unread = Unread::default();
    let mut sort = |result: Result<Checked, CmsError>| {
        match &result {
            Ok(_) => {}
            Err(CmsError::UnknownAlgorithm) => unread.is_unknown = true,
            Err(_) => unread.is_broken = true,
        }
        result.ok()
    };
    let detached = brought
        .signatures
        .iter()
        .filter_map(|der| sort(Checked::detached(der, &brought.canonical, anchors)))
        .collect();
    let mut in_page = Vec::new();
    if let Some(page) = &brought.page {
        let signatures = page.signatures.iter().flat_map(|signatures| &signatures.all);
        in_page.extend(signatures.filter_map(|one| sort(Checked::embedded(one, page, anchors))));
    }
    (detached, in_page, unread)
}

/// Where both kinds were brought, both must be in order.
fn both(report: &CanonicalReport, detached: &[Checked], in_page: &[Checked], unread: Unread) -> Finding {
    if in_page.is_empty() {
        return findings::integrity(report, detached, unread);
    }
    let page = findings::integrity(report, in_page, unread);
    let beside = findings::integrity(report, detached, unread);
    if detached.is_empty() || beside.result == Judgement::Good { page } else { beside }
}

fn signer(one: &Checked) -> SignerVerdict {
    let certificate = &one.check.signer;
    SignerVerdict {
        name: certificate::common_name(certificate),
        role: match one.check.commitment {
            Commitment::Reader => "reader".to_owned(),
            Commitment::Reviewer { .. } => "reviewer".to_owned(),
        },
        organisation: certificate::organisation(certificate),
        signed_at: one.at(),
        certificate_subject: certificate::subject(certificate),
        test_certificate: certificate::is_test(certificate),
        time_stamped: matches!(one.stamp, Some(Ok(_))),
        key: one.check.key,
    }
}
