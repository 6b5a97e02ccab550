//! The walk over the elements in front of the pixels: once, from the first byte to the last, without recursion, writing what
//! stays. Sequences and items are written with undefined length, so that nothing needs to be known in advance.

use super::fate::{Fate, Inside, Judge};
use crate::charset::CharacterSets;
use crate::rewrite::{HeaderAt, end_of_sequence, header_at, inner, item_coding};
use crate::scan::header::{Coding, Length};
use crate::write::LongForm as _;
use crate::{Refused, Tag, VR, tags};
use std::collections::BTreeMap;

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
/// Float, double float and integer pixel data.
const PIXELS: [Tag; 3] = [Tag(0x7FE0, 0x0008), Tag(0x7FE0, 0x0009), Tag(0x7FE0, 0x0010)];
/// Sequences and items that may be open at once.
const OPEN_MAX: usize = 128;

/// What is open: a sequence, or an item.
struct Open {
    is_item: bool,
    end: Option<usize>,
    coding: Coding,
    sets: CharacterSets,
    inside: Inside,
}

/// A walk.
pub(super) struct Walk<'a> {
    pub judge: Judge<'a>,
    pub coding: Coding,
    pub bytes: &'a [u8],
    pub length: u64,
    /// Top-level elements that are put in, whatever stands there: tag and the whole element.
    pub puts: BTreeMap<Tag, Vec<u8>>,
    pub out: Vec<u8>,
}

/// Where a walk has come to an end.
pub(super) enum Ended {
    /// More bytes are needed.
    Short,
    /// The pixels (or the end of the data set) begin here.
    At(usize),
}

impl Walk<'_> {
    /// Walks.
    pub fn run(&mut self) -> Result<Ended, Refused> {
        let mut open: Vec<Open> = Vec::new();
        let mut sets = CharacterSets::default();
        let mut at = 0;
        loop {
            while let Some(top) = open.last().filter(|top| top.end.is_some_and(|end| at >= end)) {
                if top.end != Some(at) {
                    return Err(malformed(at, "what is in an item does not fit into it"));
                }
                self.close(top.is_item);
                open.pop();
            }
            if open.is_empty() && at as u64 >= self.length {
                self.put_until(None);
                return Ok(Ended::At(at));
            }
            let coding = open.last().map_or(self.coding, |top| top.coding);
            let Some(found) = header_at(self.bytes, at, coding)? else { return self.short(at) };
            let (tag, _, value_at, length) = found;
            if open.is_empty() && PIXELS.contains(&tag) {
                self.put_until(None);
                return Ok(Ended::At(at));
            }
            let is_in_sequence = open.last().is_some_and(|top| !top.is_item);
            at = match tag {
                ITEM if is_in_sequence => {
                    let item = self.item(&open, &sets, value_at, length);
                    self.header(ITEM, None, u32::MAX);
                    open.push(item);
                    value_at
                }
                SEQUENCE_END if is_in_sequence => {
                    self.close(false);
                    open.pop();
                    value_at
                }
                ITEM_END if open.last().is_some_and(|top| top.is_item) => {
                    self.close(true);
                    open.pop();
                    value_at
                }
                ITEM | ITEM_END | SEQUENCE_END => return Err(malformed(at, "an item where none can be")),
                _ if is_in_sequence => return Err(malformed(at, "an element where an item must be")),
                _ => match self.element(&mut open, &mut sets, found, coding)? {
                    Some(next) => next,
                    None => return self.short(at),
                },
            };
            if open.len() > OPEN_MAX {
                return Err(Refused::OverLimit("nesting of sequences"));
            }
        }
    }

    fn short(&self, at: usize) -> Result<Ended, Refused> {
        if self.bytes.len() as u64 >= self.length {
            Err(Refused::Truncated(at as u64))
        } else {
            Ok(Ended::Short)
        }
    }

    fn item(&self, open: &[Open], sets: &CharacterSets, value_at: usize, length: Length) -> Open {
        let (coding, sets, inside) = match open.last() {
            // The sets of the data set around it, until it has its own.
            Some(top) => (top.coding, top.sets.clone(), top.inside),
            None => (self.coding, sets.clone(), Inside::Table),
        };
        let coding = item_coding(self.bytes, value_at, coding);
        Open { is_item: true, end: end_of(value_at, length), coding, sets, inside }
    }

    /// One element. Where the next begins, or `None` when more bytes are needed.
    fn element(
        &mut self,
        open: &mut Vec<Open>,
        top_sets: &mut CharacterSets,
        (tag, said, value_at, length): HeaderAt,
        coding: Coding,
    ) -> Result<Option<usize>, Refused> {
        let (inside, sets) = match open.last() {
            Some(top) => (top.inside, top.sets.clone()),
            None => (Inside::Table, top_sets.clone()),
        };
        if open.is_empty() && self.put_until(Some(tag)) {
            return self.after(said, value_at, length, coding);
        }
        let vr = Judge::vr(tag, said);
        let is_sequence = said == Some(VR::SQ) || (said.is_none() && vr == Some(VR::SQ));
        if is_sequence {
            match self.judge.of_sequence(tag, inside) {
                Fate::Enter(inside) => {
                    self.header(tag, Some(VR::SQ), u32::MAX);
                    let end = end_of(value_at, length);
                    open.push(Open { is_item: false, end, coding, sets, inside });
                    return Ok(Some(value_at));
                }
                Fate::Replace(_) => self.header(tag, Some(VR::SQ), 0),
                Fate::Drop | Fate::Keep => {}
            }
            return self.after(said, value_at, length, coding);
        }
        // Undefined length without being a sequence, or what nobody knows: not looked into, so not kept.
        let (Length::Defined(count), Some(vr)) = (length, vr) else {
            return self.after(said, value_at, length, coding);
        };
        let end = value_at.saturating_add(count as usize);
        let Some(value) = self.bytes.get(value_at..end) else { return Ok(None) };
        if vr == VR::SQ || (!open.is_empty() && tag.group() == 0x7FE0) {
            return Ok(Some(end));
        }
        if tag == tags::SPECIFIC_CHARACTER_SET {
            let text = String::from_utf8_lossy(value);
            let own = CharacterSets::from_values(&text.split('\\').collect::<Vec<_>>());
            *open.last_mut().map_or(top_sets, |top| &mut top.sets) = own;
        }
        match self.judge.of_value(tag, vr, value, &sets, inside) {
            Fate::Drop | Fate::Enter(_) => {}
            Fate::Keep => self.value(tag, vr, value),
            Fate::Replace(value) => self.value(tag, vr, &value),
        }
        Ok(Some(end))
    }

    /// Behind an element that is passed over.
    fn after(
        &self,
        said: Option<VR>,
        value_at: usize,
        length: Length,
        coding: Coding,
    ) -> Result<Option<usize>, Refused> {
        match length {
            Length::Defined(count) => {
                let end = value_at.saturating_add(count as usize);
                Ok((end <= self.bytes.len()).then_some(end))
            }
            Length::Undefined => {
                Ok(end_of_sequence(self.bytes, value_at, inner(said, coding))?.map(|(_, end)| end))
            }
        }
    }

    /// Writes what is to be put in front of this tag, and in its place: then the answer is true.
    fn put_until(&mut self, tag: Option<Tag>) -> bool {
        let mut is_there = false;
        while let Some(entry) = self.puts.first_entry().filter(|e| tag.is_none_or(|tag| *e.key() <= tag)) {
            is_there |= tag == Some(*entry.key());
            self.out.extend(entry.remove());
        }
        is_there
    }

    fn close(&mut self, is_item: bool) {
        self.header(if is_item { ITEM_END } else { SEQUENCE_END }, None, 0);
    }

    fn value(&mut self, tag: Tag, vr: VR, value: &[u8]) {
        let is_short_form = self.coding != Coding::ImplicitLittle && !vr.has_long_form();
        let vr = if is_short_form && value.len() > usize::from(u16::MAX) { VR::UN } else { vr };
        self.header(tag, Some(vr), value.len() as u32);
        self.out.extend_from_slice(value);
    }

    fn header(&mut self, tag: Tag, vr: Option<VR>, length: u32) {
        put_header(&mut self.out, self.coding, tag, vr, length);
    }
}

/// The header of an element, item or delimiter (PS3.5 §7.1).
pub(super) fn put_header(out: &mut Vec<u8>, coding: Coding, tag: Tag, vr: Option<VR>, length: u32) {
    let is_big = coding == Coding::ExplicitBig;
    let two = |number: u16| if is_big { number.to_be_bytes() } else { number.to_le_bytes() };
    let four = |number: u32| if is_big { number.to_be_bytes() } else { number.to_le_bytes() };
    out.extend(two(tag.group()));
    out.extend(two(tag.element()));
    match vr.filter(|_| coding != Coding::ImplicitLittle) {
        None => out.extend(four(length)),
        Some(vr) if vr.has_long_form() => {
            out.extend_from_slice(vr.to_bytes().as_slice());
            out.extend([0, 0]);
            out.extend(four(length));
        }
        Some(vr) => {
            out.extend_from_slice(vr.to_bytes().as_slice());
            out.extend(two(length as u16));
        }
    }
}

fn end_of(value_at: usize, length: Length) -> Option<usize> {
    match length {
        Length::Defined(count) => Some(value_at.saturating_add(count as usize)),
        Length::Undefined => None,
    }
}

fn malformed(at: usize, why: &'static str) -> Refused {
    Refused::Malformed { at: at as u64, why }
}
