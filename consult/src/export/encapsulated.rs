//! The signed page as Encapsulated PDF (PS3.3 §A.45.1): exactly the bytes that were signed. Their length is said, because a
//! value of odd length is padded, and a signed PDF with a byte behind its end is no longer the signed PDF.

use super::dicom::{Code, Series, begin, coded, evidence, put, reference};
use super::{Form, Source};
use dataset::{Dataset, VR, tags};

const ENCAPSULATED_PDF: &str = "1.2.840.10008.5.1.4.1.1.104.1";

pub(super) fn document(source: &Source<'_>) -> Dataset {
    let report = source.report;
    let series = Series {
        kind: Form::Pdf.word(),
        class: ENCAPSULATED_PDF,
        modality: "DOC",
        number: "9002",
        description: "远程诊断报告 Report (PDF)",
    };
    let mut set = begin(source, &series);
    let title = format!("远程诊断报告 {} v{}", report.number, report.version);
    for (tag, vr, text) in [
        // Made from nothing that was scanned or drawn: from the workstation.
        (tags::CONVERSION_TYPE, VR::CS, "WSD"),
        (tags::ACQUISITION_DATE_TIME, VR::DT, ""),
        (tags::BURNED_IN_ANNOTATION, VR::CS, "YES"),
        (tags::DOCUMENT_TITLE, VR::ST, title.as_str()),
        (tags::VERIFICATION_FLAG, VR::CS, "VERIFIED"),
        (tags::MIME_TYPE_OF_ENCAPSULATED_DOCUMENT, VR::LO, "application/pdf"),
    ] {
        put(&mut set, tag, vr, text);
    }
    let concept = match report.slide {
        Some(_) => Code("11526-1", "LN", "Pathology study"),
        None => Code("18748-4", "LN", "Diagnostic Imaging Report"),
    };
    set.put_items(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![coded(concept)]);
    let sources: Vec<Dataset> = evidence(source).map(|one| reference(one.class, one.instance)).collect();
    if !sources.is_empty() {
        set.put_items(tags::SOURCE_INSTANCE_SEQUENCE, sources);
    }
    set.put_bytes(tags::ENCAPSULATED_DOCUMENT, VR::OB, source.pdf.to_vec());
    let length = u32::try_from(source.pdf.len()).unwrap_or(u32::MAX);
    set.put_u32(tags::ENCAPSULATED_DOCUMENT_LENGTH, &[length]);
    set
}
