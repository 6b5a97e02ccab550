//! The consult as it is kept: who asks whom what about which study, and what has happened since.

use crate::amendment::{Amendment, AmendmentNote};
use crate::attachment::Attachment;
use crate::fidelity::{Fidelity, SeriesNote};
use crate::follow_up::{Decision, Question};
use crate::late_images::EvidenceUpdate;
use crate::quality::QualityReview;
use crate::report::ReportDraft;
use crate::second::SecondOf;
use crate::state::{Acceptance, Action, Pending, Report, Round, Rules, State};
use crate::waiting::Waiting;
use access::{ConsultKind, Signatures, Urgency};
use model::{ConsultId, OrgId, PersonId, Sha256, SlideId, Uid};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Record kind of consults.
pub const KIND: &str = "consult";
/// The member of its body that grows with the images, and that lists have no use for.
pub(crate) const EVIDENCE: &str = "evidence";

/// An identifier with the name that people know it by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named<Id> {
    /// Identifier.
    pub id: Id,
    /// Name.
    pub name: String,
}

/// The patient as the study's attributes say at submission; frozen with the evidence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientBlock {
    /// Name, the ideographic group where there is one.
    pub name: String,
    /// (0010,0020)
    pub id: String,
    /// (0010,0040): `M`, `F`, `O` or empty.
    pub sex: String,
    /// (0010,0030), `YYYYMMDD` or empty.
    pub birth_date: String,
    /// Age in words, such as `58岁`; empty when neither age nor birth date is known.
    pub age: String,
}

/// The study as its attributes say at submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyBlock {
    /// Owner.
    pub org: OrgId,
    /// Study Instance UID.
    pub study_instance_uid: Uid,
    /// (0008,1030)
    pub description: String,
    /// (0008,0061)
    pub modalities: Vec<String>,
    /// (0008,0020), `YYYYMMDD` or empty.
    pub study_date: String,
    /// (0008,0030), DICOM TM or empty.
    pub study_time: String,
    /// (0008,0050)
    pub accession_number: String,
}

/// A slide, as a question is about it or a report names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlideNote {
    /// Identifier.
    pub id: SlideId,
    /// Lossless grade: `A`, `B` or `C`; in words where nothing was compared, because the slide came as DICOM.
    pub grade: String,
    /// What people tell it by among the others of its study, such as its stain; empty where there are no others.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Series Instance UID; not known of questions that were written before this was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Uid>,
}

/// One instance in evidence: frozen when the question was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Study Instance UID.
    pub study_instance_uid: Uid,
    /// Series Instance UID.
    pub series_instance_uid: Uid,
    /// SOP Instance UID.
    pub sop_instance_uid: Uid,
    /// SHA-256 of the data set's bytes as they arrived (from ingest).
    pub sha256: Sha256,
    /// Whether it is lossless as it arrived; `None` of what is no image, and in records of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fidelity: Option<Fidelity>,
}

/// One step that has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// The state that was reached.
    pub state: State,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// By whom; `None` for the node itself (a rule of the agreement, delivery).
    pub by: Option<Named<PersonId>>,
    /// A reason, or empty.
    pub note: String,
}

/// Who signed, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignerNote {
    /// Name.
    pub name: String,
    /// `reader` or `reviewer`.
    pub role: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub signed_at: OffsetDateTime,
    /// Where the key is.
    #[serde(default)]
    pub key: KeyPlace,
}

/// Where a signing key is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// In the node's keystore, under the signer's passphrase.
    #[default]
    Keystore,
    /// With a remote signing service that asks the signer's telephone.
    Phone,
    /// In the signer's hands: a file, or whatever else they open; the node sees the certificate alone.
    Own,
}

impl KeyPlace {
    /// What a verdict says of it, in Chinese and in English.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Keystore => {
                ("密钥由服务器保管，凭口令使用", "key kept by the server, used with a passphrase")
            }
            Self::Phone => (
                "密钥由远程签名服务保管，在手机上确认",
                "key kept by a remote signing service, used by telephone",
            ),
            Self::Own => ("密钥由签名人自持", "key in the signer's own hands"),
        }
    }

    /// What a report's page says of it, beside the time of the signature: five characters at most.
    #[must_use]
    pub fn printed(self) -> &'static str {
        match self {
            Self::Keystore => "服务器密钥",
            Self::Phone => "手机签名",
            Self::Own => "自持证书",
        }
    }

    /// How a signature names it.
    #[must_use]
    pub(crate) fn claim(self) -> &'static str {
        match self {
            Self::Keystore => "signing key: server keystore",
            Self::Phone => "signing key: remote signing service",
            Self::Own => "signing key: in the signer's hands",
        }
    }

    /// What a signature means by it; `None` for words that are not ours.
    #[must_use]
    pub(crate) fn of_claim(claim: &str) -> Option<Self> {
        [Self::Keystore, Self::Phone, Self::Own].into_iter().find(|place| place.claim() == claim)
    }
}

/// A signed version of the report; its bytes are in the record `report` named `record`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportVersion {
    /// From 1; goes up when a delivered report is amended.
    pub version: u32,
    /// Identifier of the `report` record.
    pub record: String,
    /// SHA-256 of the canonical report.
    pub canonical_sha256: Sha256,
    /// When the last signature was made.
    #[serde(with = "time::serde::rfc3339")]
    pub signed_at: OffsetDateTime,
    /// Who has signed.
    pub signers: Vec<SignerNote>,
    /// Whether a later version has taken its place, or the reviewer returned it.
    pub superseded: bool,
    /// When the requester could see it; `None` for one that never left the reading organisation.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub delivered_at: Option<OffsetDateTime>,
    /// Why it takes the place of the version before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amendment: Option<AmendmentNote>,
    /// Whether a signature waits for its time stamp (已签名，待时间戳): it is not delivered before.
    #[serde(default)]
    pub pending_time_stamp: bool,
}

/// A consult.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Consult {
    /// Identifier.
    pub id: ConsultId,
    /// What people call it: `YX20261123-0007`.
    pub number: String,
    /// Organisation and person who wrote it, and the identifier with which they sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<String>,
    /// Kind.
    pub kind: ConsultKind,
    /// Urgency.
    pub urgency: Urgency,
    /// Where it is.
    pub state: State,
    /// Who asks.
    pub requesting: Named<OrgId>,
    /// Who is asked.
    pub reading: Named<OrgId>,
    /// The patient.
    pub patient: PatientBlock,
    /// The study.
    pub study: StudyBlock,
    /// Earlier studies of the patient that belong to the question, of the same owner.
    #[serde(default)]
    pub priors: Vec<StudyBlock>,
    /// Series of the study that are no part of the question, because whoever asks has left them out. What is not named is part
    /// of it, also what arrives later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out_series: Vec<Uid>,
    /// The slide, when the question is about one.
    pub slide: Option<SlideNote>,
    /// The question.
    pub question: String,
    /// Clinical history.
    pub history: String,
    /// Whether the patient has consented.
    pub consent: bool,
    /// Who wrote the question.
    pub created_by: Named<PersonId>,
    /// When it was written.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was sent.
    #[serde(with = "time::serde::rfc3339::option")]
    pub submitted_at: Option<OffsetDateTime>,
    /// When the final report is due.
    #[serde(with = "time::serde::rfc3339::option")]
    pub due_at: Option<OffsetDateTime>,
    /// The agreement that it was sent under.
    pub agreement: Option<String>,
    /// One signature or two, from the agreement.
    pub signatures: Signatures,
    /// Certificate authorities of signers, PEM, where the agreement names its own; otherwise the node's count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_anchors_pem: Option<String>,
    /// How it is accepted, from the agreement.
    pub acceptance: Acceptance,
    /// Who has it.
    pub reader: Option<Named<PersonId>>,
    /// Who signed second.
    pub reviewer: Option<Named<PersonId>>,
    /// What was submitted; empty in a draft.
    pub evidence: Vec<Evidence>,
    /// What people know its series by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<SeriesNote>,
    /// What has happened.
    pub timeline: Vec<TimelineEntry>,
    /// The report as the reader last saved it.
    pub report: Option<ReportDraft>,
    /// When the report was last saved: the report time that is printed and signed.
    #[serde(with = "time::serde::rfc3339::option")]
    pub reported_at: Option<OffsetDateTime>,
    /// Signed versions, oldest first.
    pub versions: Vec<ReportVersion>,
    /// Times of waiting for data, oldest first; the last one may still go on.
    #[serde(default)]
    pub waits: Vec<Waiting>,
    /// Why the delivered report is open, while it is.
    #[serde(default)]
    pub amendment: Option<Amendment>,
    /// What the requester has asked about the report.
    #[serde(default)]
    pub questions: Vec<Question>,
    /// The inviting physician's own decision (远程会诊).
    #[serde(default)]
    pub decision: Option<Decision>,
    /// Decisions that were recorded before it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier_decisions: Vec<Decision>,
    /// What the requester has attached.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// Quality reviews of delivered reports; the requesting organisation does not see them.
    #[serde(default)]
    pub quality: Vec<QualityReview>,
    /// How the evidence has grown since it was sent.
    #[serde(default)]
    pub evidence_updates: Vec<EvidenceUpdate>,
    /// The report that this is a second opinion on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_of: Option<SecondOf>,
    /// Who was asked for an opinion and has not answered; signing waits for them. They are kept beside the consult
    /// ([`crate::opinion`]) and looked up when it is read.
    #[serde(skip)]
    pub open_opinions: Vec<PersonId>,
    /// Critical findings that nobody has acknowledged yet; closing waits for them. They are kept beside the consult
    /// ([`crate::critical`]) and counted when it is read.
    #[serde(skip)]
    pub open_criticals: u32,
}

impl Consult {
    /// What decides about the way: what was agreed on, and what stands open.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let pending = |is_open: bool| if is_open { Pending::Open } else { Pending::None };
        let waiting = self.waits.last().filter(|wait| wait.until.is_none()).map(|wait| wait.from);
        let amended = self.amendment.as_ref().map(|amendment| amendment.from);
        Rules {
            signatures: self.signatures,
            acceptance: self.acceptance,
            kind: self.kind,
            report: if amended.is_some() { Report::Amended } else { Report::First },
            resumes: waiting.or(amended).unwrap_or(self.state),
            question: pending(self.questions.iter().any(|question| question.answer.is_none())),
            critical: pending(self.open_criticals > 0),
            discrepancy: pending(self.has_open_discrepancy()),
            opinion: pending(!self.open_opinions.is_empty()),
            round: if self.second_of.is_some() { Round::Second } else { Round::First },
        }
    }

    /// The study and its priors: all that the reading organisation is granted.
    pub fn studies(&self) -> impl Iterator<Item = &StudyBlock> {
        std::iter::once(&self.study).chain(&self.priors)
    }

    /// The organisations between which it is: once each.
    pub(crate) fn parties(&self) -> Vec<OrgId> {
        let mut parties = vec![self.requesting.id.clone(), self.reading.id.clone()];
        parties.dedup();
        parties
    }

    /// Whether the requesting organisation may see a report: one has been delivered, also while it is amended.
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.state.is_released() || self.amendment.is_some()
    }

    /// Whether the clock runs towards the due time. An amendment has none: its report was in time.
    #[must_use]
    pub fn is_clock_running(&self) -> bool {
        self.state.is_clock_running() && self.amendment.is_none()
    }

    /// The number of the version that is signed next.
    #[must_use]
    pub fn next_version(&self) -> u32 {
        let delivered = self.versions.iter().filter(|v| v.delivered_at.is_some()).map(|v| v.version);
        delivered.max().unwrap_or(0).saturating_add(1)
    }

    /// The version that the requester holds: the newest that was delivered.
    #[must_use]
    pub fn delivered_version(&self) -> Option<&ReportVersion> {
        self.versions.iter().rev().find(|v| v.delivered_at.is_some())
    }

    /// How long it has waited for data, in milliseconds, also if it still does.
    #[must_use]
    pub fn waited_ms(&self, now: OffsetDateTime) -> i64 {
        self.waits.iter().map(|wait| wait.lasted_ms(now)).fold(0, i64::saturating_add)
    }

    /// The version that counts now: the newest that is not superseded.
    #[must_use]
    pub fn current_version(&self) -> Option<&ReportVersion> {
        self.versions.iter().rev().find(|v| !v.superseded)
    }

    /// Whether it is late: the clock runs, and the due time has passed.
    #[must_use]
    pub fn is_overdue(&self, now: OffsetDateTime) -> bool {
        self.is_clock_running() && self.due_at.is_some_and(|due| due < now)
    }
}

/// A consult as one caller sees it. Before it is released, the requesting side sees neither report nor versions.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsultView {
    /// The consult.
    pub consult: Consult,
    /// Version of the record, to be sent back with the next action.
    pub version: i64,
    /// What the caller may do now.
    pub allowed: Vec<Action>,
}
