//! A data set in memory: bounded, flat values, text decoded on request.

use crate::charset::CharacterSets;
use crate::{Tag, VR};
use bytes::Bytes;

/// The value of an element.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// The value's bytes, little endian, padding kept.
    Bytes(Bytes),
    /// The items of a sequence.
    Items(Vec<Dataset>),
    /// Left in the object: where it is, counted from the first byte of the data set.
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
    /// An empty data set in UTF-8 (ISO_IR 192).
    #[must_use]
    pub fn new() -> Self {
        todo!()
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
    /// The element with this tag.
    #[must_use]
    pub fn get(&self, _tag: Tag) -> Option<&Element> {
        todo!()
    }
    /// Puts an element in its place, replacing one with the same tag.
    pub fn put(&mut self, _element: Element) {
        todo!()
    }
    /// Puts text, encoded as this data set's character set says and padded to even length; values joined by `\`.
    pub fn put_text(&mut self, _tag: Tag, _vr: VR, _text: &str) {
        todo!()
    }
    /// Puts one or more numbers of VR US (others: `put_u32` UL, `put_f64` FD).
    pub fn put_u16(&mut self, _tag: Tag, _values: &[u16]) {
        todo!()
    }
    /// Puts UL.
    pub fn put_u32(&mut self, _tag: Tag, _values: &[u32]) {
        todo!()
    }
    /// Puts a sequence.
    pub fn put_items(&mut self, _tag: Tag, _items: Vec<Dataset>) {
        todo!()
    }
    /// The whole text, decoded, padding removed; `None` when absent, empty, not text or left in the object.
    #[must_use]
    pub fn text(&self, _tag: Tag) -> Option<String> {
        todo!()
    }
    /// The values of a multi-valued text, decoded before they are split.
    #[must_use]
    pub fn texts(&self, _tag: Tag) -> Vec<String> {
        todo!()
    }
    /// The first value as an integer: IS, US, SS, UL, SL, UV, SV, AT excluded.
    #[must_use]
    pub fn integer(&self, _tag: Tag) -> Option<i64> {
        todo!()
    }
    /// All values as floating point numbers: DS, IS, FL, FD and the integers.
    #[must_use]
    pub fn numbers(&self, _tag: Tag) -> Vec<f64> {
        todo!()
    }
    /// The first value as a UID.
    #[must_use]
    pub fn uid(&self, _tag: Tag) -> Option<model::Uid> {
        todo!()
    }
    /// The items of a sequence; empty when absent.
    #[must_use]
    pub fn items(&self, _tag: Tag) -> &[Dataset] {
        todo!()
    }
}
