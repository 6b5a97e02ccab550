//! An increment (ISO 32000-2 §7.5.6) over a PDF: objects that are new or replaced.

use super::PadesError;
use crate::extract::load;
use lopdf::{Dictionary, IncrementalDocument, Object, ObjectId, StringFormat};

/// A PDF with what is to be appended to it.
pub(super) struct Increment {
    document: IncrementalDocument,
}

impl Increment {
    pub fn over(pdf: &[u8]) -> Result<Self, PadesError> {
        let document = load(pdf).map_err(PadesError::Malformed)?;
        Ok(Self { document: IncrementalDocument::create_from(pdf.to_vec(), document) })
    }

    /// Objects as the file has them.
    pub fn before(&self) -> &lopdf::Document {
        self.document.get_prev_documents()
    }

    pub fn new_id(&mut self) -> ObjectId {
        self.document.new_document.new_object_id()
    }

    pub fn add(&mut self, object: impl Into<Object>) -> ObjectId {
        self.document.new_document.add_object(object)
    }

    pub fn set(&mut self, id: ObjectId, object: impl Into<Object>) {
        self.document.new_document.set_object(id, object);
    }

    /// A dictionary to be changed: the file's, copied into the increment.
    pub fn dictionary(&mut self, id: ObjectId) -> Result<&mut Dictionary, PadesError> {
        let broken = |_| PadesError::Malformed("an object is missing");
        self.document.opt_clone_object_to_new_document(id).map_err(broken)?;
        self.document.new_document.get_object_mut(id).and_then(Object::as_dict_mut).map_err(broken)
    }

    pub fn catalog_id(&self) -> Result<ObjectId, PadesError> {
        let root = self.before().trailer.get(b"Root").and_then(Object::as_reference);
        root.map_err(|_| PadesError::Malformed("no catalog"))
    }

    /// A reference in the catalog as the file has it.
    pub fn in_catalog(&self, key: &[u8]) -> Result<ObjectId, PadesError> {
        let catalog = self.before().catalog().map_err(|_| PadesError::Malformed("no catalog"))?;
        catalog.get(key).and_then(Object::as_reference).map_err(|_| PadesError::Malformed("no form"))
    }

    pub fn write(mut self) -> Result<Vec<u8>, PadesError> {
        let mut bytes = Vec::new();
        self.document.save_to(&mut bytes).map_err(|_| PadesError::Malformed("it cannot be written"))?;
        Ok(bytes)
    }
}

/// A text string (ISO 32000-2 §7.9.2.2): UTF-16BE with its mark.
pub(super) fn text(text: &str) -> Object {
    let mut bytes = vec![0xFE, 0xFF];
    bytes.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
    Object::String(bytes, StringFormat::Hexadecimal)
}
