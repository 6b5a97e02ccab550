//! A delivered report in the forms that other systems take: DICOM structured report, key object selection and encapsulated
//! PDF, and a FHIR bundle. What is written follows from the canonical report, its signatures, and what the index says of
//! patient, study and SOP classes when it is first made; UIDs follow from the report's record, so that whoever makes a
//! form again makes the same instance. It is made once and kept.

mod content;
pub(crate) mod dicom;
mod encapsulated;
mod fhir;
mod key_objects;
mod service;
mod structured;
#[cfg(test)]
mod tests;

pub use service::Exported;
pub(crate) use service::owner;

use crate::record::SignerNote;
use crate::report::CanonicalReport;
use crate::template::COMMON_SECTIONS;
use dataset::Dataset;
use model::Uid;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::collections::HashMap;
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

/// A form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Basic Text SR, or Enhanced SR when it shows key images (PS3.16 TID 2000).
    Sr,
    /// The signed page as Encapsulated PDF (PS3.3 §A.45.1).
    Pdf,
    /// Key Object Selection of its key images (PS3.16 TID 2010).
    Kos,
    /// FHIR R4 bundle of DiagnosticReport, Provenance and what they refer to.
    Fhir,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sr, Self::Pdf, Self::Kos, Self::Fhir];

    /// The word used in records and on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sr => "sr",
            Self::Pdf => "pdf",
            Self::Kos => "kos",
            Self::Fhir => "fhir",
        }
    }

    /// The word under which one that was made is kept. Bundles kept as `fhir` say the findings once more as recommendations,
    /// and are not used again.
    fn kept_as(self) -> &'static str {
        match self {
            Self::Fhir => "fhir2",
            form => form.word(),
        }
    }

    /// Whether it is a DICOM file.
    #[must_use]
    pub fn is_dicom(self) -> bool {
        self != Self::Fhir
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        if self.is_dicom() { "application/dicom" } else { "application/fhir+json" }
    }
}

/// A referenced series: its modality, for what needs to name it.
pub(super) type Modalities = HashMap<Uid, String>;

/// Everything that a form is made of.
pub(crate) struct Source<'a> {
    /// The report that was signed.
    pub report: &'a CanonicalReport,
    /// Its bytes.
    pub canonical: &'a [u8],
    /// Identifier of the report's record: UIDs follow from it.
    pub record: &'a str,
    /// The version that it takes the place of.
    pub before: Option<Before>,
    /// Who has signed, in order.
    pub signers: &'a [SignerNote],
    /// Their detached signatures, DER, in the same order.
    pub signatures: &'a [Vec<u8>],
    /// The signed page.
    pub pdf: &'a [u8],
    /// What the index says of patient and study.
    pub study: &'a Dataset,
    /// SOP classes of what is in evidence.
    pub classes: &'a HashMap<Uid, Uid>,
    /// Modalities of the series in evidence.
    pub modalities: &'a Modalities,
    /// Local time.
    pub utc_offset: UtcOffset,
}

impl Source<'_> {
    /// When the last signature was made, local time.
    fn signed_at(&self) -> OffsetDateTime {
        let last = self.signers.iter().map(|signer| signer.signed_at).max();
        last.unwrap_or(OffsetDateTime::UNIX_EPOCH).to_offset(self.utc_offset)
    }

    /// Who answers for the report: the reviewer, or the reader where one signature was agreed.
    fn verifier(&self) -> Option<&SignerNote> {
        let reviewer = self.signers.iter().find(|signer| signer.role == "reviewer");
        reviewer.or_else(|| self.signers.first())
    }
}

/// A version that another takes the place of.
pub(crate) struct Before {
    /// Identifier of its record.
    pub record: String,
    /// Whether it shows key images: its structured report is of another class then.
    pub has_key_images: bool,
}

/// A form that was made.
pub(crate) struct Built {
    /// The file.
    pub bytes: Vec<u8>,
    /// SOP Class and Instance UID of a DICOM file.
    pub instance: Option<(Uid, Uid)>,
}

/// Makes a form; `None` when the report has nothing to put into it: a key object selection without key images.
pub(crate) fn build(form: Form, source: &Source<'_>) -> Option<Built> {
    match form {
        Form::Sr => Some(dicom::file(structured::document(source))),
        Form::Pdf => Some(dicom::file(encapsulated::document(source))),
        Form::Kos => key_objects::document(source).map(dicom::file),
        Form::Fhir => Some(Built { bytes: fhir::bundle(source).to_string().into_bytes(), instance: None }),
    }
}

/// What the report says under one of its headings, `findings`, `diagnosis` or `recommendation`: the text, then what was filled
/// into fields of a template. A template's own sections belong to the findings. Nothing is said under any other heading.
fn said(report: &CanonicalReport, heading: &str) -> Vec<String> {
    let text = match heading {
        "diagnosis" => &report.diagnosis,
        "recommendation" => &report.recommendation,
        "findings" => &report.findings,
        _ => return Vec::new(),
    };
    let mut said = vec![text.trim().to_owned()];
    if let Some(structured) = &report.structured {
        let fields = |key: &str| {
            let of = structured.fields.iter().filter(|field| field.section == key);
            of.map(|field| format!("{}：{}", field.label, field.text)).collect::<Vec<_>>().join("\n")
        };
        said.push(fields(heading));
        if heading == "findings" {
            for section in structured.sections.iter().filter(|s| !COMMON_SECTIONS.contains(&s.key.as_str())) {
                let below = [section.text.trim().to_owned(), fields(&section.key)];
                let below: Vec<String> = below.into_iter().filter(|part| !part.is_empty()).collect();
                if !below.is_empty() {
                    said.push(format!("{}\n{}", section.title, below.join("\n")));
                }
            }
        }
    }
    said.retain(|part| !part.is_empty());
    said
}

/// A UUID that follows from what it is of (RFC 9562 §5.8).
pub(crate) fn uuid_of(what: &str, id: &str) -> Uuid {
    let hash = sha2::Sha256::digest(format!("farsight report/{what}/{id}"));
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(byte, of_hash)| *byte = of_hash);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The same as a UID (PS3.5 §B.2).
pub(crate) fn uid_of(what: &str, id: &str) -> Uid {
    Uid::from_uuid(uuid_of(what, id))
}
