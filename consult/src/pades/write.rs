//! Signing a PDF: an increment with room for the signature, then the signature in the room.

use super::increment::{Increment, text};
use super::tags::{self, Tagged};
use super::{PadesError, Place, READER_FIELD, REVIEWER_FIELD, ROOM_BYTES, appearance};
use lopdf::{Dictionary, Object, ObjectId, Stream, StringFormat, dictionary};
use std::ops::Range;
use time::OffsetDateTime;

/// As wide as any offset in a file of ours, so that the numbers fit where they are put afterwards.
const OFFSET_ROOM: i64 = 9_999_999_999;
/// Print (ISO 32000-2 table 167): an annotation of PDF/A is printed. Locked: nobody moves it.
const PRINT_LOCKED: i64 = 4 | 128;
/// SignaturesExist, AppendOnly (ISO 32000-2 table 225).
const SIGNATURE_FLAGS: i64 = 3;

/// Validation data to be kept in the file, DER each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dss {
    /// Certificates of the signer's path.
    pub certificates: Vec<Vec<u8>>,
    /// OCSP answers.
    pub ocsp: Vec<Vec<u8>>,
    /// Revocation lists.
    pub crls: Vec<Vec<u8>>,
}

/// Who signs, as the signature dictionary says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerNote {
    /// Name.
    pub name: String,
    /// When, by the signer's clock.
    pub at: OffsetDateTime,
}

/// Which field is signed.
#[derive(Debug, Clone, PartialEq)]
pub enum Field<'a> {
    /// The reader's: the fields are made, the reviewer's if there is a place for it.
    Reader {
        /// Where the reader is named on the page.
        place: Place,
        /// Where the reviewer's name is going to be shown.
        reviewer: Option<Place>,
    },
    /// The reviewer's, which waits in the file.
    Reviewer {
        /// A page that shows who signed, as large as the place.
        appearance: &'a [u8],
    },
}

/// A PDF with room for one more signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    bytes: Vec<u8>,
    /// From `<` to behind `>`.
    room: Range<usize>,
}

impl Prepared {
    /// As it was kept: see [`Self::parts`].
    ///
    /// # Errors
    /// [`PadesError::Malformed`] when the room is not where it was.
    pub fn kept(bytes: Vec<u8>, room: Range<usize>) -> Result<Self, PadesError> {
        let is_room = |place: &[u8]| place.first() == Some(&b'<') && place.last() == Some(&b'>');
        match bytes.get(room.clone()) {
            Some(place) if place.len() == ROOM_BYTES * 2 + 2 && is_room(place) => Ok(Self { bytes, room }),
            _ => Err(PadesError::Malformed("no room")),
        }
    }

    /// The file with its room still empty, and where the room is, from `<` to behind `>`.
    #[must_use]
    pub fn parts(&self) -> (&[u8], Range<usize>) {
        (&self.bytes, self.room.clone())
    }

    /// What is signed: all bytes but the room.
    #[must_use]
    pub fn content(&self) -> [&[u8]; 2] {
        let (before, rest) = self.bytes.split_at(self.room.start);
        [before, rest.get(self.room.len()..).unwrap_or_default()]
    }

    /// The PDF with the signature (CMS, DER).
    ///
    /// # Errors
    /// [`PadesError::TooLong`].
    pub fn finish(mut self, signature: &[u8]) -> Result<Vec<u8>, PadesError> {
        put_signature(&mut self.bytes, self.room, signature)?;
        Ok(self.bytes)
    }
}

/// Puts a signature into a room, in place of what was there: itself without a time stamp.
///
/// # Errors
/// [`PadesError::TooLong`].
pub fn put_signature(pdf: &mut [u8], room: Range<usize>, signature: &[u8]) -> Result<(), PadesError> {
    let hex = room.start.saturating_add(1)..room.end.saturating_sub(1);
    let place = pdf.get_mut(hex).ok_or(PadesError::Malformed("no room"))?;
    if signature.len().saturating_mul(2) > place.len() {
        return Err(PadesError::TooLong);
    }
    place.fill(b'0');
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for (pair, byte) in place.chunks_exact_mut(2).zip(signature) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    Ok(())
}

/// Makes the increment for one signer.
///
/// # Errors
/// [`PadesError::Malformed`] when the PDF is not one that can be signed so.
pub fn prepare(
    pdf: &[u8],
    field: &Field<'_>,
    signer: &SignerNote,
    dss: &Dss,
) -> Result<Prepared, PadesError> {
    let mut increment = Increment::over(pdf)?;
    let signature = increment.add(signature_dictionary(signer));
    match field {
        Field::Reader { place, reviewer } => {
            make_fields(&mut increment, signature, signer, [Some(*place), *reviewer], dss)?;
        }
        Field::Reviewer { appearance } => fill_field(&mut increment, signature, appearance, dss)?,
    }
    finish(increment.write()?, pdf.len())
}

fn signature_dictionary(signer: &SignerNote) -> Dictionary {
    let at = signer.at.to_offset(time::UtcOffset::UTC);
    let format = time::macros::format_description!("D:[year][month][day][hour][minute][second]Z");
    dictionary! {
        "Type" => "Sig",
        "Filter" => "Adobe.PPKLite",
        "SubFilter" => "ETSI.CAdES.detached",
        "Name" => text(&signer.name),
        "M" => Object::string_literal(at.format(format).unwrap_or_default()),
        "ByteRange" => vec![0.into(), OFFSET_ROOM.into(), OFFSET_ROOM.into(), OFFSET_ROOM.into()],
        "Contents" => Object::String(vec![0; ROOM_BYTES], StringFormat::Hexadecimal),
    }
}

/// The reader's increment: form, fields, store.
fn make_fields(
    increment: &mut Increment,
    signature: ObjectId,
    signer: &SignerNote,
    [reader, reviewer]: [Option<Place>; 2],
    dss: &Dss,
) -> Result<(), PadesError> {
    let mut fields = Vec::new();
    // The reviewer's name is said by the signature that comes: what is signed now stays as it is.
    let by = format!("报告医师签名：{}", signer.name);
    for (name, title, words, place) in [
        (READER_FIELD, "报告医师签名", by.as_str(), reader),
        (REVIEWER_FIELD, "审核医师签名", "审核医师签名", reviewer),
    ] {
        let Some(place) = place else { continue };
        let mut field = field_dictionary(increment, name, title, place)?;
        if name == READER_FIELD {
            field.set("V", signature);
        }
        let field = increment.add(field);
        annotate(increment, field, place.page)?;
        let page = page_id(increment, place.page)?;
        fields.push(Tagged { field, page, words: words.to_owned() });
    }
    tags::add(increment, &fields)?;
    let references: Vec<Object> = fields.iter().map(|one| Object::Reference(one.field)).collect();
    let form = increment.add(dictionary! { "Fields" => references, "SigFlags" => SIGNATURE_FLAGS });
    let store = store(increment, dss, None)?;
    let store = increment.add(store);
    let catalog = increment.catalog_id()?;
    let catalog = increment.dictionary(catalog)?;
    catalog.set("AcroForm", form);
    catalog.set("DSS", store);
    Ok(())
}

/// A signature field and its widget in one (ISO 32000-2 §12.7.5.5); shows nothing.
fn field_dictionary(
    increment: &mut Increment,
    name: &str,
    title: &str,
    place: Place,
) -> Result<Dictionary, PadesError> {
    let [left, bottom, right, top] = place.rectangle;
    let shown = appearance::empty(increment, right - left, top - bottom);
    let rectangle: Vec<Object> = place.rectangle.iter().map(|number| (*number).into()).collect();
    Ok(dictionary! {
        "Type" => "Annot",
        "Subtype" => "Widget",
        "FT" => "Sig",
        "T" => Object::string_literal(name),
        "TU" => text(title),
        "F" => PRINT_LOCKED,
        "Rect" => rectangle,
        "P" => page_id(increment, place.page)?,
        "AP" => dictionary! { "N" => shown },
    })
}

fn page_id(increment: &Increment, page: usize) -> Result<ObjectId, PadesError> {
    increment.before().page_iter().nth(page).ok_or(PadesError::Malformed("a page is missing"))
}

fn annotate(increment: &mut Increment, field: ObjectId, page: usize) -> Result<(), PadesError> {
    let page = page_id(increment, page)?;
    let list = increment.dictionary(page)?.get(b"Annots").cloned();
    let mut all = match list {
        Ok(Object::Array(all)) => all,
        Ok(Object::Reference(id)) => increment
            .before()
            .get_object(id)
            .and_then(Object::as_array)
            .cloned()
            .map_err(|_| PadesError::Malformed("annotations"))?,
        _ => Vec::new(),
    };
    all.push(Object::Reference(field));
    increment.dictionary(page)?.set("Annots", all);
    Ok(())
}

/// The reviewer's increment: the waiting field, and what is new in the store.
fn fill_field(
    increment: &mut Increment,
    signature: ObjectId,
    page_pdf: &[u8],
    dss: &Dss,
) -> Result<(), PadesError> {
    let id = super::read::field_id(increment.before(), REVIEWER_FIELD)
        .ok_or(PadesError::Malformed("no field waits for the reviewer"))?;
    let field = increment.before().get_dictionary(id).map_err(|_| PadesError::Malformed("field"))?;
    if field.has(b"V") {
        return Err(PadesError::Malformed("the reviewer has signed"));
    }
    let [left, bottom, right, top] = super::read::rectangle(field)?;
    let shown = appearance::of_page(increment, page_pdf, right - left, top - bottom)?;
    let field = increment.dictionary(id)?;
    field.set("V", signature);
    field.set("AP", dictionary! { "N" => shown });
    let store_id = increment.in_catalog(b"DSS")?;
    let before = increment.before().get_dictionary(store_id).cloned();
    let store = store(increment, dss, before.ok().as_ref())?;
    increment.set(store_id, store);
    Ok(())
}

/// The document security store (ISO 32000-2 §12.8.4.3): what was there, and what is not there yet.
fn store(
    increment: &mut Increment,
    dss: &Dss,
    before: Option<&Dictionary>,
) -> Result<Dictionary, PadesError> {
    let mut store = dictionary! { "Type" => "DSS" };
    for (key, more) in [("Certs", &dss.certificates), ("OCSPs", &dss.ocsp), ("CRLs", &dss.crls)] {
        let mut list = match before.and_then(|before| before.get(key.as_bytes()).ok()) {
            Some(list) => list.as_array().cloned().map_err(|_| PadesError::Malformed("store"))?,
            None => Vec::new(),
        };
        let known = super::read::streams(increment.before(), &list);
        for der in more.iter().filter(|der| !known.contains(der)) {
            let id = increment.add(Stream::new(Dictionary::new(), der.clone()).with_compression(false));
            list.push(Object::Reference(id));
        }
        if !list.is_empty() {
            store.set(key, list);
        }
    }
    Ok(store)
}

/// Finds the room in what was appended, and says in the byte range where it is.
fn finish(mut bytes: Vec<u8>, old_length: usize) -> Result<Prepared, PadesError> {
    let find = |bytes: &[u8], what: &[u8]| {
        let appended = bytes.get(old_length..)?;
        Some(appended.windows(what.len()).position(|window| window == what)? + old_length)
    };
    let none = PadesError::Malformed("no room");
    let mut zeros = vec![b'<'];
    zeros.resize(ROOM_BYTES * 2 + 1, b'0');
    zeros.push(b'>');
    let start = find(&bytes, &zeros).ok_or(none.clone())?;
    let room = start..start + zeros.len();
    let placeholder = format!("[0 {OFFSET_ROOM} {OFFSET_ROOM} {OFFSET_ROOM}]");
    let at = find(&bytes, placeholder.as_bytes()).ok_or(none.clone())?;
    let mut range = format!("[0 {} {} {}", room.start, room.end, bytes.len() - room.end);
    let padding = placeholder.len().checked_sub(range.len() + 1).ok_or(none.clone())?;
    range.extend(std::iter::repeat_n(' ', padding));
    range.push(']');
    bytes.get_mut(at..at + range.len()).ok_or(none)?.copy_from_slice(range.as_bytes());
    Ok(Prepared { bytes, room })
}
