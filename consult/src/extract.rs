//! What is attached to a report's PDF: the canonical JSON and the key images. Everything read is bounded.

use crate::cms::SIGNATURE_BYTES_MAX;
use crate::key_image::PICTURE_BYTES_MAX;
use crate::report::REPORT_BYTES_MAX;
use crate::structure;
use lopdf::{Dictionary, Document, LoadOptions, Object, Stream};

/// Bytes of a PDF that is looked at.
pub const PDF_BYTES_MAX: usize = 16 << 20;
/// Streams in a PDF: ours have some dozens.
const STREAMS_MAX: usize = 256;
/// The end of a file or of an increment (ISO 32000-2 §7.5.5).
const END: &[u8] = b"%%EOF";
/// Ends tried, from the last one on.
const ENDS_MAX: usize = 8;
/// Bytes that one stream may grow to while the file's structure is read.
const STRUCTURE_BYTES_MAX: usize = 2 << 20;
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
    if pdf.len() > PDF_BYTES_MAX {
        return Err("PDF 太大 / the PDF is too large");
    }
    if !has_our_shape(pdf) {
        return Err("PDF 的结构不是本系统的报告 / the PDF is not built like a report of this system");
    }
    // Strict: nothing is repaired, so nothing is read but what was looked at.
    let options = LoadOptions {
        max_decompressed_size: Some(STRUCTURE_BYTES_MAX),
        strict: true,
        ..LoadOptions::default()
    };
    Document::load_mem_with_options(pdf, options).map_err(|_| "PDF 无法读取 / the PDF cannot be read")
}

fn has_our_shape(pdf: &[u8]) -> bool {
    let streams = pdf.windows(9).filter(|window| *window == b"endstream").count();
    streams <= STREAMS_MAX && structure::is_sound(pdf)
}

/// What of a file has the shape of ours: all of it, or, where another program has appended something in its own shape, what
/// stands before. What cannot be read at all comes back whole.
pub(crate) fn readable(pdf: &[u8]) -> &[u8] {
    if pdf.len() > PDF_BYTES_MAX || has_our_shape(pdf) {
        return pdf;
    }
    let ends = pdf.windows(END.len()).enumerate().rev().filter(|(_, window)| *window == END);
    let parts = ends.take(ENDS_MAX).filter_map(|(at, _)| pdf.get(..at + END.len()));
    parts.into_iter().find(|part| has_our_shape(part)).unwrap_or(pdf)
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
    let canonical =
        canonical.ok_or("PDF 中没有报告原文（report.json） / the PDF has no report inside (report.json)")?;
    Ok(Attached { canonical, signatures, pictures })
}

fn is_file_spec(dictionary: &&Dictionary) -> bool {
    dictionary.has(b"EF")
}

fn content(document: &Document, spec: &Dictionary, bytes_max: usize) -> Result<Vec<u8>, &'static str> {
    const BROKEN: &str = "PDF 的附件无法读取 / the files in the PDF cannot be read";
    let files = spec.get(b"EF").and_then(Object::as_dict).map_err(|_| BROKEN)?;
    let id = files.get(b"F").and_then(Object::as_reference).map_err(|_| BROKEN)?;
    let stream = document.get_object(id).and_then(Object::as_stream).map_err(|_| BROKEN)?;
    plain(stream, bytes_max).ok_or(BROKEN)
}

/// A stream's content without its filter, if it is no longer than that.
pub(crate) fn plain(stream: &Stream, bytes_max: usize) -> Option<Vec<u8>> {
    if !stream.dict.has(b"Filter") {
        return (stream.content.len() <= bytes_max).then(|| stream.content.clone());
    }
    stream.decompressed_content_with_limit(bytes_max).ok()
}
