//! What is attached to a report's PDF: the canonical JSON and the key images. Everything read is bounded.

mod bounds;

use crate::cms::SIGNATURE_BYTES_MAX;
use crate::key_image::PICTURE_BYTES_MAX;
use crate::report::REPORT_BYTES_MAX;
use lopdf::{Dictionary, Document, Object};

/// Bytes of a PDF that is looked at.
pub const PDF_BYTES_MAX: usize = 16 << 20;
/// Attachments that are looked at.
const ATTACHMENTS_MAX: usize = 16;

/// What a report's PDF carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// `report.json`.
    pub canonical: Vec<u8>,
    /// `report.p7s` and `review.p7s`: in reports from before signatures stood in the PDF itself.
    pub signatures: Vec<Vec<u8>>,
    /// `picture-1.jpg` and so on: the key images' pictures.
    pub pictures: Vec<Vec<u8>>,
}

/// Reads a PDF's structure, within bounds.
///
/// # Errors
/// Why it cannot be read, for people.
pub(crate) fn load(pdf: &[u8]) -> Result<Document, &'static str> {
    bounds::load(pdf)
}

/// Takes the attachments out of a PDF.
///
/// # Errors
/// Why it is not a report's PDF, for people.
pub fn extract_from_pdf(pdf: &[u8]) -> Result<Attached, &'static str> {
    let document = load(pdf)?;
    let mut canonical = None;
    let mut signatures = Vec::new();
    let mut pictures = Vec::new();
    let specs = document.objects.values().filter_map(|object| object.as_dict().ok()).filter(is_file_spec);
    for spec in specs.take(ATTACHMENTS_MAX) {
        let name = spec.get(b"F").and_then(Object::as_str).unwrap_or_default();
        match name {
            b"report.json" => canonical = Some(content(&document, spec, REPORT_BYTES_MAX)?),
            b"report.p7s" | b"review.p7s" => signatures.push(content(&document, spec, SIGNATURE_BYTES_MAX)?),
            _ if name.starts_with(b"picture-") => pictures.push(content(&document, spec, PICTURE_BYTES_MAX)?),
            _ => {}
        }
    }
    let canonical = canonical.ok_or("PDF 中没有报告原文（report.json）")?;
    Ok(Attached { canonical, signatures, pictures })
}

fn is_file_spec(dictionary: &&Dictionary) -> bool {
    dictionary.has(b"EF")
}

fn content(document: &Document, spec: &Dictionary, bytes_max: usize) -> Result<Vec<u8>, &'static str> {
    const BROKEN: &str = "PDF 的附件无法读取";
    let files = spec.get(b"EF").and_then(Object::as_dict).map_err(|_| BROKEN)?;
    let id = files.get(b"F").and_then(Object::as_reference).map_err(|_| BROKEN)?;
    let stream = document.get_object(id).and_then(Object::as_stream).map_err(|_| BROKEN)?;
    if !stream.dict.has(b"Filter") {
        return Ok(stream.content.clone());
    }
    stream.decompressed_content_with_limit(bytes_max).map_err(|_| BROKEN)
}
