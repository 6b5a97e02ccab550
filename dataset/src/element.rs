//! A data set in memory: bounded, flat values, text decoded on request.

use crate::charset::{Assumed, CharacterSets, PersonName};
use crate::{Tag, VR, tags};
use bytes::Bytes;

/// The value of an element.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// The value's bytes, little endian, padding kept.
    Bytes(Bytes),
    /// The items of a sequence.
    Items(Vec<Dataset>),
    /// Left in the object: where it is, counted from the first byte of the data set (as inflated, if it is deflated).
    Bulk {
        /// Byte offset of the value.
        offset: u64,
        /// Length in bytes.
        length: u64,
    },
}

/// One data element.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// Its tag.
    pub tag: Tag,
    /// Its value representation (from the dictionary when the syntax is implicit).
    pub vr: VR,
    /// Its value.
    pub value: Value,
}

/// Elements in ascending tag order, with the character sets that apply to them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dataset {
    pub(crate) elements: Vec<Element>,
    pub(crate) charset: CharacterSets,
}

impl Dataset {
    /// An empty data set in UTF-8 (ISO_IR 192). (0008,0005) is put by the first text that needs it.
    #[must_use]
    pub fn new() -> Self {
        Self { elements: Vec::new(), charset: CharacterSets::utf8() }
    }

    /// The elements, ascending by tag.
    #[must_use]
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// The character sets in effect for this data set (its own (0008,0005), or the enclosing one's).
    #[must_use]
    pub fn charset(&self) -> &CharacterSets {
        &self.charset
    }

    /// Takes unlabelled text, and text labelled ISO_IR 100, for `assumed`, here and in all items.
    pub fn assume_charset(&mut self, assumed: Assumed) {
        let mut waiting = vec![self];
        while let Some(dataset) = waiting.pop() {
            dataset.charset = std::mem::take(&mut dataset.charset).assume(assumed);
            waiting.extend(dataset.elements.iter_mut().flat_map(|element| match &mut element.value {
                Value::Items(items) => items.iter_mut(),
                _ => <&mut [Dataset]>::default().iter_mut(),
            }));
        }
    }

    /// The element with this tag.
    #[must_use]
    pub fn get(&self, tag: Tag) -> Option<&Element> {
        let place = self.elements.binary_search_by_key(&tag, |element| element.tag).ok()?;
        self.elements.get(place)
    }

    /// Puts an element in its place, replacing one with the same tag. (0008,0005) takes effect for what is put later.
    pub fn put(&mut self, element: Element) {
        if element.tag == tags::SPECIFIC_CHARACTER_SET {
            self.charset = charset_of(&element).unwrap_or_default();
        }
        match self.elements.binary_search_by_key(&element.tag, |element| element.tag) {
            Ok(place) => self.elements[place] = element,
            Err(place) => self.elements.insert(place, element),
        }
    }

    /// Takes an element out.
    pub fn remove(&mut self, tag: Tag) -> Option<Element> {
        let place = self.elements.binary_search_by_key(&tag, |element| element.tag).ok()?;
        Some(self.elements.remove(place))
    }

    /// Puts text, encoded as this data set's character set says and padded to even length; values joined by `\`.
    pub fn put_text(&mut self, tag: Tag, vr: VR, text: &str) {
        if !text.is_ascii()
            && self.charset == CharacterSets::utf8()
            && self.get(tags::SPECIFIC_CHARACTER_SET).is_none()
        {
            self.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
        }
        let mut bytes = self.charset.encode(text, person_name(vr));
        if bytes.len() % 2 == 1 {
            bytes.push(if vr == VR::UI { 0 } else { b' ' });
        }
        self.put_bytes(tag, vr, bytes);
    }

    /// Puts bytes as they are.
    pub fn put_bytes(&mut self, tag: Tag, vr: VR, bytes: impl Into<Bytes>) {
        self.put(Element { tag, vr, value: Value::Bytes(bytes.into()) });
    }

    /// Puts one or more numbers of VR US (others: `put_u32` UL, `put_f64` FD).
    pub fn put_u16(&mut self, tag: Tag, values: &[u16]) {
        self.put_bytes(tag, VR::US, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
    }

    /// Puts UL.
    pub fn put_u32(&mut self, tag: Tag, values: &[u32]) {
        self.put_bytes(tag, VR::UL, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
    }

    /// Puts FD.
    pub fn put_f64(&mut self, tag: Tag, values: &[f64]) {
        self.put_bytes(tag, VR::FD, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
    }

    /// Puts a sequence.
    pub fn put_items(&mut self, tag: Tag, items: Vec<Dataset>) {
        self.put(Element { tag, vr: VR::SQ, value: Value::Items(items) });
    }

    /// The whole text, decoded, padding removed; `None` when absent, empty, not text or left in the object.
    #[must_use]
    pub fn text(&self, tag: Tag) -> Option<String> {
        let element = self.get(tag)?;
        let text = element.text(&self.charset)?;
        (!text.is_empty()).then_some(text)
    }

    /// The values of a multi-valued text, decoded before they are split. Empty values between others are kept.
    #[must_use]
    pub fn texts(&self, tag: Tag) -> Vec<String> {
        self.get(tag).map(|element| element.texts(&self.charset)).unwrap_or_default()
    }

    /// The first value as an integer: IS, US, SS, UL, SL, UV, SV, AT excluded.
    #[must_use]
    pub fn integer(&self, tag: Tag) -> Option<i64> {
        let element = self.get(tag)?;
        let bytes = element.bytes()?;
        match element.vr {
            VR::IS | VR::DS => integer_of(&first_ascii(bytes)),
            VR::US => Some(i64::from(u16::from_le_bytes(*bytes.first_chunk()?))),
            VR::SS => Some(i64::from(i16::from_le_bytes(*bytes.first_chunk()?))),
            VR::UL => Some(i64::from(u32::from_le_bytes(*bytes.first_chunk()?))),
            VR::SL => Some(i64::from(i32::from_le_bytes(*bytes.first_chunk()?))),
            VR::UV => i64::try_from(u64::from_le_bytes(*bytes.first_chunk()?)).ok(),
            VR::SV => Some(i64::from_le_bytes(*bytes.first_chunk()?)),
            _ => None,
        }
    }

    /// All values as floating point numbers: DS, IS, FL, FD and the integers. A value that is no number is NaN, so that
    /// the others keep their places.
    #[must_use]
    pub fn numbers(&self, tag: Tag) -> Vec<f64> {
        let Some(element) = self.get(tag) else { return Vec::new() };
        let bytes = element.bytes().map_or(&[][..], |bytes| bytes);
        match element.vr {
            VR::DS | VR::IS => {
                element.texts(&self.charset).iter().map(|text| text.parse().unwrap_or(f64::NAN)).collect()
            }
            VR::US => chunks(bytes, |b| f64::from(u16::from_le_bytes(b))),
            VR::SS => chunks(bytes, |b| f64::from(i16::from_le_bytes(b))),
            VR::UL => chunks(bytes, |b| f64::from(u32::from_le_bytes(b))),
            VR::SL => chunks(bytes, |b| f64::from(i32::from_le_bytes(b))),
            VR::UV => chunks(bytes, |b| u64::from_le_bytes(b) as f64),
            VR::SV => chunks(bytes, |b| i64::from_le_bytes(b) as f64),
            VR::FL | VR::OF => chunks(bytes, |b| f64::from(f32::from_le_bytes(b))),
            VR::FD | VR::OD => chunks(bytes, f64::from_le_bytes),
            _ => Vec::new(),
        }
    }

    /// The first value as a UID.
    #[must_use]
    pub fn uid(&self, tag: Tag) -> Option<model::Uid> {
        let bytes = self.get(tag)?.bytes()?;
        model::Uid::parse(std::str::from_utf8(bytes).ok()?.trim_end_matches(['\0', ' ']).trim()).ok()
    }

    /// The items of a sequence; empty when absent.
    #[must_use]
    pub fn items(&self, tag: Tag) -> &[Dataset] {
        match self.get(tag).map(|element| &element.value) {
            Some(Value::Items(items)) => items,
            _ => &[],
        }
    }
}

impl Element {
    /// The bytes of its value, when it has any here.
    #[must_use]
    pub fn bytes(&self) -> Option<&Bytes> {
        match &self.value {
            Value::Bytes(bytes) => Some(bytes),
            Value::Items(_) | Value::Bulk { .. } => None,
        }
    }

    /// The whole text without padding; `None` when it is not text or left in the object.
    #[must_use]
    pub fn text(&self, charset: &CharacterSets) -> Option<String> {
        if !is_text(self.vr) {
            return None;
        }
        let text = charset.decode(self.bytes()?, person_name(self.vr));
        let trimmed = trimmed(self.vr, &text);
        Some(if trimmed.len() == text.len() { text } else { trimmed.to_owned() })
    }

    /// The values of text, each without padding; none when there is nothing at all.
    #[must_use]
    pub fn texts(&self, charset: &CharacterSets) -> Vec<String> {
        match self.text(charset) {
            None => Vec::new(),
            Some(text) if text.is_empty() => Vec::new(),
            Some(text) if !is_multi_valued(self.vr) => vec![text],
            Some(text) => text.split('\\').map(|value| trimmed(self.vr, value).to_owned()).collect(),
        }
    }
}

/// Whether values are characters (PS3.5 §6.2).
pub(crate) fn is_text(vr: VR) -> bool {
    matches!(
        vr,
        VR::AE
            | VR::AS
            | VR::CS
            | VR::DA
            | VR::DS
            | VR::DT
            | VR::IS
            | VR::LO
            | VR::LT
            | VR::PN
            | VR::SH
            | VR::ST
            | VR::TM
            | VR::UC
            | VR::UI
            | VR::UR
            | VR::UT
    )
}

/// Whether a backslash separates values in it.
fn is_multi_valued(vr: VR) -> bool {
    is_text(vr) && !matches!(vr, VR::LT | VR::ST | VR::UT | VR::UR)
}

pub(crate) fn person_name(vr: VR) -> PersonName {
    if vr == VR::PN { PersonName::Yes } else { PersonName::No }
}

/// Without padding: leading blanks are significant only in LT, ST, UT.
fn trimmed(vr: VR, text: &str) -> &str {
    let text = text.trim_end_matches([' ', '\0']);
    if matches!(vr, VR::LT | VR::ST | VR::UT | VR::UR) { text } else { text.trim_start_matches(' ') }
}

/// The character sets that an element (0008,0005) names.
pub(crate) fn charset_of(element: &Element) -> Option<CharacterSets> {
    let text = String::from_utf8_lossy(element.bytes()?);
    Some(CharacterSets::from_values(&text.split('\\').collect::<Vec<_>>()))
}

/// The first of several values, without padding.
fn first_ascii(bytes: &[u8]) -> String {
    let first = bytes.split(|&byte| byte == b'\\').next().unwrap_or_default();
    String::from_utf8_lossy(first).trim_matches([' ', '\0']).to_owned()
}

/// An integer as IS has it, and as some write it: `1.000`.
fn integer_of(text: &str) -> Option<i64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    text.parse().ok().or_else(|| {
        let (whole, zeros) = text.split_once('.')?;
        zeros.bytes().all(|byte| byte == b'0').then(|| whole.parse().ok())?
    })
}

fn chunks<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| number(*chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_stay_in_order_and_are_replaced() {
        let mut dataset = Dataset::new();
        dataset.put_text(tags::PATIENT_ID, VR::LO, "P001");
        dataset.put_text(tags::MODALITY, VR::CS, "CT");
        dataset.put_text(tags::PATIENT_ID, VR::LO, "P002");
        let order: Vec<Tag> = dataset.elements().iter().map(|element| element.tag).collect();
        assert_eq!(order, [tags::MODALITY, tags::PATIENT_ID]);
        assert_eq!(dataset.text(tags::PATIENT_ID).as_deref(), Some("P002"));
        assert!(dataset.remove(tags::MODALITY).is_some() && dataset.get(tags::MODALITY).is_none());
    }

    #[test]
    fn text_that_is_not_ascii_brings_its_label() {
        let mut dataset = Dataset::new();
        dataset.put_text(tags::PATIENT_ID, VR::LO, "P001");
        assert!(dataset.get(tags::SPECIFIC_CHARACTER_SET).is_none());
        dataset.put_text(tags::PATIENT_NAME, VR::PN, "张^三");
        assert_eq!(dataset.text(tags::SPECIFIC_CHARACTER_SET).as_deref(), Some("ISO_IR 192"));
        let mut gb = Dataset::new();
        gb.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "GB18030");
        gb.put_text(tags::PATIENT_NAME, VR::PN, "張^誠\\李^四");
        assert_eq!(gb.get(tags::PATIENT_NAME).unwrap().bytes().unwrap().len(), 12);
        assert_eq!(gb.texts(tags::PATIENT_NAME), ["張^誠", "李^四"]);
    }

    #[test]
    fn text_loses_its_padding() {
        let mut dataset = Dataset::new();
        dataset.put_bytes(tags::IMAGE_TYPE, VR::CS, &b" ORIGINAL \\\\AXIAL "[..]);
        assert_eq!(dataset.texts(tags::IMAGE_TYPE), ["ORIGINAL", "", "AXIAL"]);
        dataset.put_bytes(tags::IMAGE_COMMENTS, VR::LT, &b" a\\b "[..]);
        assert_eq!(dataset.texts(tags::IMAGE_COMMENTS), [" a\\b"]);
        dataset.put_bytes(tags::STUDY_INSTANCE_UID, VR::UI, &b"1.2.3\0"[..]);
        assert_eq!(dataset.uid(tags::STUDY_INSTANCE_UID).unwrap().as_str(), "1.2.3");
        dataset.put_bytes(tags::STUDY_ID, VR::SH, &b"  "[..]);
        assert_eq!((dataset.text(tags::STUDY_ID), dataset.texts(tags::STUDY_ID)), (None, vec![]));
        assert_eq!(dataset.text(tags::ROWS), None);
    }

    #[test]
    fn numbers_of_every_kind() {
        let mut dataset = Dataset::new();
        dataset.put_u16(tags::ROWS, &[512, 7]);
        dataset.put_u32(tags::SIMPLE_FRAME_LIST, &[70_000]);
        dataset.put_f64(tags::RECOMMENDED_DISPLAY_FRAME_RATE_IN_FLOAT, &[0.5, -1.0]);
        dataset.put_text(tags::PIXEL_SPACING, VR::DS, "0.5\\x\\ 1e1");
        dataset.put_text(tags::INSTANCE_NUMBER, VR::IS, " +12 ");
        dataset.put_text(tags::SERIES_NUMBER, VR::IS, "3.0");
        dataset.put_bytes(tags::PIXEL_PADDING_VALUE, VR::SS, (-2000i16).to_le_bytes().to_vec());
        assert_eq!((dataset.integer(tags::ROWS), dataset.numbers(tags::ROWS)), (Some(512), vec![512.0, 7.0]));
        assert_eq!(dataset.integer(tags::SIMPLE_FRAME_LIST), Some(70_000));
        assert_eq!(dataset.numbers(tags::RECOMMENDED_DISPLAY_FRAME_RATE_IN_FLOAT), [0.5, -1.0]);
        let spacing = dataset.numbers(tags::PIXEL_SPACING);
        assert!((spacing[0], spacing[2]) == (0.5, 10.0) && spacing[1].is_nan());
        assert_eq!(dataset.integer(tags::INSTANCE_NUMBER), Some(12));
        assert_eq!(dataset.integer(tags::SERIES_NUMBER), Some(3));
        assert_eq!(dataset.integer(tags::PIXEL_PADDING_VALUE), Some(-2000));
        assert_eq!(dataset.integer(tags::COLUMNS), None);
    }
}
