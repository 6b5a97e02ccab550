//! The report: what the reader writes, and the canonical bytes (RFC 8785) that are displayed, printed and signed.

use crate::amendment::AmendmentNote;
use crate::attachment::AttachmentItem;
use crate::critical::{Finding, How};
use crate::fidelity::{self, SeriesFidelity};
use crate::key_image::{KEY_IMAGES_MAX, KeyImage};
use crate::opinion::OpinionNote;
use crate::prior_reports::{COMPARED_MAX, ComparedReport};
use crate::record::{Consult, Named, PatientBlock, SlideNote, StudyBlock};
use crate::slide_grades::NamedSlides;
use crate::template::Template;
use crate::template::filled::{Structured, Values};
use access::{ConsultKind, Signatures, Urgency};
use model::{ConsultId, OrgId, PersonId, Sha256, Uid};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use time::UtcOffset;
use time::format_description::well_known::Rfc3339;

/// What kind of document the canonical JSON is.
pub const FORMAT: &str = "farsight-report/1";
/// The page that the report is printed with; goes up with any change to what it prints.
pub const TEMPLATE: &str = "report-a4/10";
/// Characters of one text of a report.
pub const TEXT_CHARS_MAX: usize = 20_000;
/// Bytes of a canonical report that is looked at.
pub const REPORT_BYTES_MAX: usize = 32 << 20;
/// Largest integer that a JSON number holds exactly (RFC 8785 §3.2.2.3).
const INTEGER_MAX: u64 = 1 << 53;

/// What the reader writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportDraft {
    /// 影像所见 / 镜下所见
    pub findings: String,
    /// 诊断意见
    pub diagnosis: String,
    /// 建议
    pub recommendation: String,
    /// Identifier of the template that was used.
    pub template: Option<String>,
    /// Its edition; without one the template is only named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_version: Option<u32>,
    /// What was filled into the template's fields.
    pub values: Values,
    /// Texts of the template's own sections, by their keys.
    pub sections: BTreeMap<String, String>,
    /// The same with the template's words, as it will be printed: for whoever cannot see the template. Made when it is saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structured: Option<Structured>,
    /// Earlier reports that it is compared with.
    pub compared: Vec<ComparedReport>,
    /// SOP Instance UIDs that were displayed.
    pub displayed: Vec<Uid>,
    /// Key images, in the order in which they are printed.
    pub key_images: Vec<KeyImage>,
}

/// The report as it would be signed now.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// SHA-256 of `bytes`; goes with the signature request.
    pub canonical_sha256: Sha256,
    /// The canonical JSON as a value, for display.
    pub canonical: Json,
    /// The canonical JSON, exactly as it will be signed.
    pub bytes: Vec<u8>,
    /// What must be filled or put right before it can be signed: as [`crate::template::filled::missing`] names it.
    pub missing: Vec<String>,
}

/// Whether a report is complete with the reader's signature alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// 正式报告, once the reader has signed.
    Final,
    /// 初步报告 until a reviewer's signature makes it final.
    Preliminary,
}

/// The examination as printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exam {
    /// Study Instance UID.
    pub study_instance_uid: Uid,
    /// (0008,0050)
    pub accession_number: String,
    /// (0008,0061)
    pub modalities: Vec<String>,
    /// (0008,1030)
    pub description: String,
    /// (0008,0020), `YYYYMMDD` or empty.
    pub date: String,
    /// (0008,0030), DICOM TM or empty.
    pub time: String,
}

impl Exam {
    fn of(study: &StudyBlock) -> Self {
        Self {
            study_instance_uid: study.study_instance_uid.clone(),
            accession_number: study.accession_number.clone(),
            modalities: study.modalities.clone(),
            description: study.description.clone(),
            date: study.study_date.clone(),
            time: study.study_time.clone(),
        }
    }
}

/// The question as printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The question.
    pub question: String,
    /// Clinical history.
    pub history: String,
    /// Who asked.
    pub requested_by: String,
    /// When, RFC 3339 local time.
    pub submitted_at: String,
}

/// Who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Physician {
    /// Identifier.
    pub id: PersonId,
    /// Name.
    pub name: String,
    /// Professional title.
    pub title: String,
}

/// One instance in evidence, and whether it was displayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceItem {
    /// Study Instance UID.
    pub study: Uid,
    /// Series Instance UID.
    pub series: Uid,
    /// SOP Instance UID.
    pub instance: Uid,
    /// SHA-256 of the data set's bytes as they arrived.
    pub sha256: Sha256,
    /// Whether the reader's viewer has displayed it.
    pub displayed: bool,
}

/// A critical finding as printed: the six fields of the register, as far as they are known when the text is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CriticalNote {
    /// What was found.
    pub finding: String,
    /// When it was found, RFC 3339 local time.
    pub found_at: String,
    /// Who told it.
    pub told_by: String,
    /// When, RFC 3339 local time.
    pub told_at: String,
    /// Who received it; left out while nobody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<ReceiptNote>,
}

/// Who received a critical finding, as printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptNote {
    /// Who.
    pub by: String,
    /// When, RFC 3339 local time.
    pub at: String,
    /// How.
    pub how: How,
    /// What they understood.
    pub read_back: String,
}

impl CriticalNote {
    fn of(finding: &Finding, utc_offset: UtcOffset) -> Self {
        let local = |at| local_time(Some(at), utc_offset);
        Self {
            finding: finding.finding.clone(),
            found_at: local(finding.found_at),
            told_by: finding.told_by.name.clone(),
            told_at: local(finding.told_at),
            received: finding.acknowledged.as_ref().map(|received| ReceiptNote {
                by: received.received_by.clone(),
                at: local(received.received_at),
                how: received.how,
                read_back: received.read_back.clone(),
            }),
        }
    }
}

/// RFC 3339 to the second; empty for no time.
pub(crate) fn local_time(at: Option<time::OffsetDateTime>, utc_offset: UtcOffset) -> String {
    at.and_then(|at| at.replace_nanosecond(0).ok()?.to_offset(utc_offset).format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Everything that is printed, and what it rests on: the content of the canonical JSON. It holds no time of signing
/// (that is in each signature) so that the bytes that are displayed are the bytes that are signed. The report time is
/// the moment when the text was last saved. There are no measured numbers outside the texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanonicalReport {
    /// [`FORMAT`].
    pub format: String,
    /// [`TEMPLATE`].
    pub template: String,
    /// Consult.
    pub consult_id: ConsultId,
    /// What people call the consult.
    pub number: String,
    /// Kind.
    pub kind: ConsultKind,
    /// Urgency.
    pub urgency: Urgency,
    /// Version of the report, from 1.
    pub version: u32,
    /// SHA-256 of the version before.
    pub previous_sha256: Option<Sha256>,
    /// Why it takes the place of the version before; left out of a first version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amendment: Option<AmendmentNote>,
    /// Whether the reader's signature alone completes it.
    pub status: Status,
    /// Signatures that were agreed.
    pub signatures: Signatures,
    /// When the text was completed, RFC 3339 local time.
    pub report_time: String,
    /// 申请医院
    pub requesting: Named<OrgId>,
    /// 诊断中心
    pub reading: Named<OrgId>,
    /// The patient.
    pub patient: PatientBlock,
    /// The examination.
    pub exam: Exam,
    /// Earlier studies that it was compared with; left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub priors: Vec<Exam>,
    /// The slide and its lossless grade.
    pub slide: Option<SlideNote>,
    /// All slides of the study that are in evidence, with their grades; left out where there is none but the one above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slides: Vec<SlideNote>,
    /// The question.
    pub request: Request,
    /// 影像所见
    pub findings: String,
    /// 诊断意见
    pub diagnosis: String,
    /// 建议
    pub recommendation: String,
    /// Critical findings that were told before it was signed; left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub critical_findings: Vec<CriticalNote>,
    /// Opinions of experts who were asked (MDT), in the order in which they were asked; left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opinions: Vec<OpinionNote>,
    /// Key images, in the order in which they are printed; left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_images: Vec<KeyImage>,
    /// Template that the reader started from.
    pub text_template: Option<String>,
    /// What was filled into its fields and sections; left out where there is nothing to fill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured: Option<Structured>,
    /// Earlier reports that it is compared with; left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compared: Vec<ComparedReport>,
    /// 报告医师
    pub reader: Physician,
    /// What was submitted.
    pub evidence: Vec<EvidenceItem>,
    /// Whether its images are lossless, by series; left out of reports on what was sent before this was noted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fidelity: Vec<SeriesFidelity>,
    /// What was attached; left out when nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentItem>,
    /// Notice on a test certificate; printed on every page.
    pub notice: Option<String>,
    /// Where anyone can verify it; empty when nowhere.
    pub verify_url: String,
}

/// What the canonical report needs beside the consult.
#[derive(Debug, Clone)]
pub struct Circumstances<'a> {
    /// Who signs first.
    pub reader: Physician,
    /// The template that the draft names.
    pub template: Option<&'a Template>,
    /// Critical findings of the consult.
    pub critical: &'a [Finding],
    /// Opinions that were given.
    pub opinions: Vec<OpinionNote>,
    /// Slides as they are now.
    pub slides: NamedSlides,
    /// Local time.
    pub utc_offset: UtcOffset,
    /// Notice of a test certificate.
    pub notice: Option<&'a str>,
    /// Where anyone can verify it.
    pub verify_url: &'a str,
}

impl CanonicalReport {
    /// The report of a consult as it stands.
    #[must_use]
    pub fn of(consult: &Consult, draft: &ReportDraft, around: &Circumstances<'_>) -> Self {
        let local = |at: Option<time::OffsetDateTime>| local_time(at, around.utc_offset);
        let displayed: std::collections::HashSet<&Uid> = draft.displayed.iter().collect();
        Self {
            format: FORMAT.to_owned(),
            template: TEMPLATE.to_owned(),
            consult_id: consult.id.clone(),
            number: consult.number.clone(),
            kind: consult.kind,
            urgency: consult.urgency,
            version: consult.next_version(),
            previous_sha256: consult.delivered_version().map(|before| before.canonical_sha256),
            amendment: consult.amendment.as_ref().map(|amendment| amendment.note.clone()),
            status: match consult.signatures {
                Signatures::Single => Status::Final,
                Signatures::Double => Status::Preliminary,
            },
            signatures: consult.signatures,
            report_time: local(consult.reported_at),
            requesting: consult.requesting.clone(),
            reading: consult.reading.clone(),
            patient: consult.patient.clone(),
            exam: Exam::of(&consult.study),
            priors: consult.priors.iter().map(Exam::of).collect(),
            slide: around.slides.one.clone(),
            slides: around.slides.all.clone(),
            request: Request {
                question: consult.question.clone(),
                history: consult.history.clone(),
                requested_by: consult.created_by.name.clone(),
                submitted_at: local(consult.submitted_at),
            },
            findings: draft.findings.clone(),
            diagnosis: draft.diagnosis.clone(),
            recommendation: draft.recommendation.clone(),
            critical_findings: around
                .critical
                .iter()
                .map(|finding| CriticalNote::of(finding, around.utc_offset))
                .collect(),
            opinions: around.opinions.clone(),
            key_images: draft.key_images.clone(),
            text_template: draft.template.clone(),
            structured: around.template.map(|template| Structured::of(template, draft)),
            compared: draft.compared.clone(),
            reader: around.reader.clone(),
            evidence: consult
                .evidence
                .iter()
                .map(|item| EvidenceItem {
                    study: item.study_instance_uid.clone(),
                    series: item.series_instance_uid.clone(),
                    instance: item.sop_instance_uid.clone(),
                    sha256: item.sha256,
                    displayed: displayed.contains(&item.sop_instance_uid),
                })
                .collect(),
            fidelity: fidelity::by_series(consult),
            attachments: consult.attachments.iter().map(AttachmentItem::from).collect(),
            notice: around.notice.map(str::to_owned),
            verify_url: around.verify_url.to_owned(),
        }
    }

    /// The canonical bytes.
    ///
    /// # Errors
    /// [`CanonicalError`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonicalise(&serde_json::to_value(self).map_err(|_| CanonicalError::NotJson)?)
    }

    /// Reads canonical bytes, and refuses any others.
    ///
    /// # Errors
    /// [`CanonicalError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CanonicalError> {
        let report: Self =
            serde_json::from_value(parse_canonical(bytes)?).map_err(|_| CanonicalError::NotAReport)?;
        let is_bounded = report.key_images.len() <= KEY_IMAGES_MAX
            && report.key_images.iter().all(KeyImage::is_sound)
            && report.compared.len() <= COMPARED_MAX
            && report.structured.as_ref().is_none_or(Structured::is_bounded);
        if report.format != FORMAT || !is_bounded {
            return Err(CanonicalError::NotAReport);
        }
        Ok(report)
    }
}

/// Why bytes are not a canonical report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// Not JSON, or too long.
    #[error("not JSON")]
    NotJson,
    /// JSON, but not in the canonical form: another order, spaces, duplicate keys, inexact numbers.
    #[error("not in the canonical form of RFC 8785")]
    NotCanonical,
    /// An integer above 2^53, or a fraction: a double cannot be trusted with either.
    #[error("a number that JSON does not hold exactly")]
    InexactNumber,
    /// Canonical JSON, but not a report.
    #[error("not a report of this format")]
    NotAReport,
}

/// The canonical form (RFC 8785) of a value. Numbers other than integers up to 2^53 are refused: measured values are
/// decimal strings.
///
/// # Errors
/// [`CanonicalError::InexactNumber`].
pub fn canonicalise(value: &Json) -> Result<Vec<u8>, CanonicalError> {
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        match value {
            Json::Number(number) => {
                let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
                if magnitude.is_none_or(|n| n > INTEGER_MAX) {
                    return Err(CanonicalError::InexactNumber);
                }
            }
            Json::Array(items) => waiting.extend(items),
            Json::Object(members) => waiting.extend(members.values()),
            Json::Null | Json::Bool(_) | Json::String(_) => {}
        }
    }
    serde_json_canonicalizer::to_vec(value).map_err(|_| CanonicalError::NotJson)
}

/// Reads JSON that must be in canonical form already. Duplicate keys and inexact numbers do not survive the comparison
/// with their own canonical form, so they are refused.
///
/// # Errors
/// [`CanonicalError`].
pub fn parse_canonical(bytes: &[u8]) -> Result<Json, CanonicalError> {
    if bytes.len() > REPORT_BYTES_MAX {
        return Err(CanonicalError::NotJson);
    }
    let value: Json = serde_json::from_slice(bytes).map_err(|_| CanonicalError::NotJson)?;
    if canonicalise(&value)? != bytes {
        return Err(CanonicalError::NotCanonical);
    }
    Ok(value)
}

/// A text as it is kept and printed: line ends are `\n`, other control characters are gone.
#[must_use]
pub fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n").replace('\t', "    ");
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn canonical_form_sorts_by_utf16_and_keeps_chinese() {
        let value = json!({"б": 1, "a": ["结节", null, true], "\u{1F600}": "x", "\u{FB33}": -3});
        let bytes = canonicalise(&value).unwrap();
        assert_eq!(
            String::from_utf8(bytes.clone()).unwrap(),
            "{\"a\":[\"结节\",null,true],\"б\":1,\"\u{1F600}\":\"x\",\"\u{FB33}\":-3}"
        );
        assert_eq!(parse_canonical(&bytes).unwrap(), value);
    }

    #[test]
    fn what_json_does_not_hold_exactly_is_refused() {
        for (text, error) in [
            (r#"{"a":9007199254740993}"#, CanonicalError::InexactNumber),
            (r#"{"a":1.5}"#, CanonicalError::InexactNumber),
            (r#"{"a":1,"a":1}"#, CanonicalError::NotCanonical),
            (r#"{"b":1,"a":1}"#, CanonicalError::NotCanonical),
            (r#"{"a": 1}"#, CanonicalError::NotCanonical),
            (r#"{"a":1e0}"#, CanonicalError::InexactNumber),
            ("{", CanonicalError::NotJson),
            (r#"{"a":1}"#, CanonicalError::NotAReport),
        ] {
            let found = CanonicalReport::from_bytes(text.as_bytes()).unwrap_err();
            assert_eq!(found, error, "{text}");
        }
    }

    #[test]
    fn texts_lose_control_characters() {
        assert_eq!(clean(" 一\r\n二\u{7}\u{0}三 \n"), "一\n二三");
    }
}
