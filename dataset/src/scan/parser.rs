//! The state machine over elements, items and fragments. It knows nothing of deflate: positions are in the data set as
//! it is parsed.

mod fragments;

use super::find_frames::{self, PixelData, Place};
use super::{Scanned, header};
use crate::dictionary::Signedness;
use crate::element::charset_of;
use crate::syntax::Encoding;
use crate::{Dataset, Element, PixelDescription, Refused, Tag, TransferSyntax, VR, Value, tags};
use bytes::{Bytes, BytesMut};
use fragments::{FragmentState, Walk};
use header::{Coding, Header, Length};
use model::Limits;

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
const EXTENDED_OFFSET_TABLE: Tag = tags::EXTENDED_OFFSET_TABLE;
const TRAILING_PADDING: Tag = tags::DATA_SET_TRAILING_PADDING;

/// Zeros that may follow the last element: some writers fill their last block.
const ZEROS_MAX: u64 = 4 << 20;

/// Text and numbers are kept up to this length, whatever [`Limits::value_inline_bytes_max`] says of binary values.
const TEXT_INLINE_BYTES_MAX: u64 = 64 * 1024;

/// Kept values share allocations of at least this size.
const ARENA_BYTES: u64 = 4096;

/// Elements that room is made for at the beginning.
const ELEMENTS_EXPECTED: usize = 128;

pub(super) struct Parser {
    limits: Limits,
    is_encapsulated: bool,
    is_video: bool,
    coding: Coding,
    /// Bytes consumed.
    position: u64,
    state: State,
    /// The header that is being gathered.
    gathered: [u8; 12],
    gathered_length: usize,
    /// The data set or item that is being filled.
    current: Filling,
    /// Sequences around it, from the outside in.
    open: Vec<Sequence>,
    /// Elements and items so far.
    elements: u32,
    /// Bytes of kept values so far.
    kept: u64,
    arena: BytesMut,
    /// A sequence of defined length has just ended: a superfluous delimiter may follow.
    is_after_defined_sequence: bool,
    pixel_data: Option<PixelData>,
    extended_table: Vec<u8>,
}

enum State {
    /// The header of an element or item.
    Header,
    /// The value of an element, to be kept.
    Keep { tag: Tag, vr: VR, left: u64 },
    /// The Extended Offset Table: kept beside the data set.
    Table { left: u64 },
    /// Bytes that stay in the object.
    Skip { left: u64 },
    /// Encapsulated pixel data.
    Fragments(Box<Walk>, FragmentState),
    /// Zeros up to the end, which comes before this position.
    Zeros(u64),
}

#[derive(Default)]
struct Filling {
    dataset: Dataset,
    /// Elements came in ascending order so far.
    is_out_of_order: bool,
    signedness: Signedness,
}

struct Sequence {
    tag: Tag,
    end: Option<u64>,
    /// No byte of it lies at or behind this.
    bound: u64,
    items: Vec<Dataset>,
    item: Option<Item>,
    outer: Filling,
    outer_coding: Coding,
    coding: Coding,
}

struct Item {
    end: Option<u64>,
    bound: u64,
    is_empty: bool,
}

impl Parser {
    /// What has come of the data set itself, around all sequences that are open.
    pub(super) fn top(&self) -> &Dataset {
        self.open.first().map_or(&self.current.dataset, |outermost| &outermost.outer.dataset)
    }

    pub(super) fn new(syntax: &TransferSyntax, limits: &Limits) -> Self {
        let coding = match syntax.encoding() {
            Encoding::ImplicitLittle => Coding::ImplicitLittle,
            Encoding::ExplicitBig => Coding::ExplicitBig,
            Encoding::ExplicitLittle | Encoding::DeflatedLittle => Coding::ExplicitLittle,
        };
        Self {
            limits: limits.clone(),
            is_encapsulated: syntax.is_encapsulated(),
            is_video: is_video(syntax),
            coding,
            position: 0,
            state: State::Header,
            gathered: [0; 12],
            gathered_length: 0,
            current: Filling {
                dataset: Dataset { elements: Vec::with_capacity(ELEMENTS_EXPECTED), ..Dataset::default() },
                ..Filling::default()
            },
            open: Vec::new(),
            elements: 0,
            kept: 0,
            arena: BytesMut::new(),
            is_after_defined_sequence: false,
            pixel_data: None,
            extended_table: Vec::new(),
        }
    }

    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Refused> {
        while !bytes.is_empty() {
            let taken = self.step(bytes)?;
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Bytes to come that are not looked at.
    pub(super) fn skippable(&self) -> u64 {
        match &self.state {
            State::Skip { left } | State::Fragments(_, FragmentState::Skip { left }) => *left,
            _ => 0,
        }
    }

    /// Passes over some of them.
    pub(super) fn skip(&mut self, count: u64) {
        match &mut self.state {
            State::Skip { left } => {
                *left = left.saturating_sub(count);
                self.position += count;
                if *left == 0 {
                    self.state = State::Header;
                    self.close_what_ends();
                }
            }
            State::Fragments(_, stage) => {
                if let FragmentState::Skip { left } = stage {
                    *left = left.saturating_sub(count);
                    self.position += count;
                    if *left == 0 {
                        *stage = FragmentState::Header;
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes some of `bytes` and says how many.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, Refused> {
        match &mut self.state {
            State::Header => self.step_header(bytes),
            State::Keep { tag, vr, left } => {
                let (tag, vr) = (*tag, *vr);
                let part = head_of(bytes, *left);
                *left -= part.len() as u64;
                let is_complete = *left == 0;
                self.arena.extend_from_slice(part);
                self.position += part.len() as u64;
                if is_complete {
                    self.state = State::Header;
                    let value = self.take_value(vr);
                    self.put(Element { tag, vr, value: Value::Bytes(value) });
                    self.close_what_ends();
                }
                Ok(part.len())
            }
            State::Table { left } => {
                let part = head_of(bytes, *left);
                *left -= part.len() as u64;
                let is_complete = *left == 0;
                self.extended_table.extend_from_slice(part);
                self.position += part.len() as u64;
                if is_complete {
                    self.state = State::Header;
                }
                Ok(part.len())
            }
            State::Skip { left } => {
                let part = head_of(bytes, *left);
                *left -= part.len() as u64;
                let is_complete = *left == 0;
                self.position += part.len() as u64;
                if is_complete {
                    self.state = State::Header;
                    self.close_what_ends();
                }
                Ok(part.len())
            }
            State::Fragments(..) => self.step_fragments(bytes),
            State::Zeros(end) => match bytes.iter().position(|&byte| byte != 0) {
                None if self.position + bytes.len() as u64 > *end => {
                    Err(Refused::OverLimit("zeros at the end"))
                }
                None => {
                    self.position += bytes.len() as u64;
                    Ok(bytes.len())
                }
                Some(place) => Err(Refused::Malformed {
                    at: self.position + place as u64,
                    why: "bytes after the last element",
                }),
            },
        }
    }

    /// Gathers up to `need` bytes; true when they are complete.
    fn gather(&mut self, bytes: &[u8], need: usize) -> (usize, bool) {
        let missing = need.saturating_sub(self.gathered_length);
        let part = bytes.get(..missing).unwrap_or(bytes);
        if let Some(room) = self.gathered.get_mut(self.gathered_length..self.gathered_length + part.len()) {
            room.copy_from_slice(part);
            self.gathered_length += part.len();
        }
        (part.len(), self.gathered_length >= need)
    }

    fn malformed<T>(&self, why: &'static str) -> Result<T, Refused> {
        Err(Refused::Malformed { at: self.position, why })
    }

    /// Where the innermost open item or sequence ends at the latest.
    fn bound(&self) -> u64 {
        match self.open.last() {
            None => u64::MAX,
            Some(Sequence { item: Some(item), .. }) => item.bound,
            Some(sequence) => sequence.bound,
        }
    }

    fn step_header(&mut self, bytes: &[u8]) -> Result<usize, Refused> {
        let (mut taken, is_complete) = self.gather(bytes, 8);
        if !is_complete {
            return Ok(taken);
        }
        self.expect_implicit();
        let need = header::length_of(&self.gathered, self.coding);
        let (more, is_complete) = self.gather(bytes.get(taken..).unwrap_or_default(), need);
        taken += more;
        if !is_complete {
            return Ok(taken);
        }
        let header = header::parse(&self.gathered, self.coding).ok_or(Refused::Malformed {
            at: self.position,
            why: "no value representation where one must be",
        })?;
        self.gathered_length = 0;
        let end = self.position + need as u64;
        if end > self.bound() {
            return self.malformed("an element does not fit into the item or sequence around it");
        }
        self.elements += 1;
        if self.elements > self.limits.elements_max {
            return Err(Refused::OverLimit("elements"));
        }
        let begin = std::mem::replace(&mut self.position, end);
        match self.open.last() {
            Some(Sequence { item: None, .. }) => self.in_sequence(&header, begin)?,
            _ => self.in_dataset(header, begin)?,
        }
        self.close_what_ends();
        Ok(taken)
    }

    /// Some senders write implicit VR where the transfer syntax says explicit, in items or in the whole data set: seen
    /// by the first element of each.
    fn expect_implicit(&mut self) {
        let is_first = match self.open.last_mut() {
            None => self.position == 0,
            Some(Sequence { item: Some(item), .. }) => std::mem::take(&mut item.is_empty),
            Some(_) => false,
        };
        if is_first && self.coding == Coding::ExplicitLittle && header::looks_implicit(&self.gathered) {
            self.coding = Coding::ImplicitLittle;
        }
    }

    /// An item, or the end of the sequence.
    fn in_sequence(&mut self, header: &Header, begin: u64) -> Result<(), Refused> {
        let position = self.position;
        let Some(sequence) = self.open.last_mut() else { return Ok(()) };
        match header.tag {
            ITEM => {
                let end = match header.length {
                    Length::Undefined => None,
                    Length::Defined(length) => Some(position + u64::from(length)),
                };
                if end.is_some_and(|end| end > sequence.bound) {
                    return Err(Refused::Malformed { at: begin, why: "an item is longer than its sequence" });
                }
                sequence.item = Some(Item { end, bound: end.unwrap_or(sequence.bound), is_empty: true });
                let charset = sequence.outer.dataset.charset().clone();
                let signedness = sequence.outer.signedness;
                self.current = Filling {
                    dataset: Dataset { elements: Vec::new(), charset },
                    signedness,
                    ..Filling::default()
                };
                self.coding = sequence.coding;
                Ok(())
            }
            SEQUENCE_END if sequence.end.is_none_or(|end| end == position) => {
                self.close_sequence();
                Ok(())
            }
            _ => Err(Refused::Malformed { at: begin, why: "a sequence holds something other than items" }),
        }
    }

    /// An element of the data set or item, or the end of the item.
    fn in_dataset(&mut self, header: Header, begin: u64) -> Result<(), Refused> {
        let is_after_defined_sequence = std::mem::take(&mut self.is_after_defined_sequence);
        let malformed = |why| Err(Refused::Malformed { at: begin, why });
        if header.tag.group() == 0xFFFE {
            let may_end = match self.open.last() {
                Some(Sequence { item: Some(item), .. }) => item.end.is_none_or(|end| end == self.position),
                _ => false,
            };
            return match header.tag {
                ITEM_END if may_end => {
                    self.close_item();
                    Ok(())
                }
                SEQUENCE_END if is_after_defined_sequence => Ok(()),
                _ => malformed("a delimiter or item where an element must be"),
            };
        }
        if header.tag == Tag(0, 0) && header.length == Length::Defined(0) && self.open.is_empty() && begin > 0
        {
            self.state = State::Zeros(begin + ZEROS_MAX);
            return Ok(());
        }
        let vr = self.vr_of(&header);
        let length = match header.length {
            Length::Defined(length) => u64::from(length),
            Length::Undefined => return self.undefined_length(header.tag, vr, begin),
        };
        if self.position + length > self.bound() {
            return malformed("a value is longer than the item or sequence around it");
        }
        if vr == VR::SQ {
            let coding = self.coding;
            return self.open_sequence(header.tag, Some(self.position + length), coding);
        }
        self.value(header.tag, vr, length);
        Ok(())
    }

    /// What the VR is, where the stream does not say or says UN of a public attribute (PS3.5 §6.2.2).
    fn vr_of(&self, header: &Header) -> VR {
        let dictionary = || crate::dictionary::vr(header.tag, self.current.signedness);
        match header.vr {
            Some(VR::UN) if header.length != Length::Undefined && self.coding == Coding::ExplicitLittle => {
                dictionary().filter(|&vr| vr != VR::SQ).unwrap_or(VR::UN)
            }
            Some(vr) => vr,
            None => dictionary().unwrap_or(VR::UN),
        }
    }

    fn undefined_length(&mut self, tag: Tag, vr: VR, begin: u64) -> Result<(), Refused> {
        let is_explicit = self.coding != Coding::ImplicitLittle;
        match vr {
            VR::OB | VR::OW if is_explicit || tag == tags::PIXEL_DATA => {
                self.open_fragments(tag, vr);
                Ok(())
            }
            VR::SQ => {
                let coding = self.coding;
                self.open_sequence(tag, None, coding)
            }
            // Unknown, with undefined length: a sequence in implicit VR little endian.
            VR::UN => self.open_sequence(tag, None, Coding::ImplicitLittle),
            _ if !is_explicit => self.open_sequence(tag, None, Coding::ImplicitLittle),
            _ => Err(Refused::Malformed {
                at: begin,
                why: "this value representation has no undefined length",
            }),
        }
    }

    /// Decides what becomes of a value: kept, left in the object, or not looked at.
    fn value(&mut self, tag: Tag, vr: VR, length: u64) {
        let skip = if length == 0 { State::Header } else { State::Skip { left: length } };
        let is_top = self.open.is_empty();
        let bulk = Value::Bulk { offset: self.position, length };
        if tag.element() == 0 || tag == TRAILING_PADDING {
            self.state = skip;
            return;
        }
        if is_top && matches!(tag, tags::PIXEL_DATA | tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA)
        {
            let place = Place { offset: self.position, length };
            self.pixel_data.get_or_insert(PixelData::Native(place));
            self.put(Element { tag, vr, value: bulk });
            self.state = skip;
            return;
        }
        if is_top
            && tag == EXTENDED_OFFSET_TABLE
            && length > 0
            && length <= 8 * u64::from(self.limits.frames_max)
        {
            self.extended_table.clear();
            self.put(Element { tag, vr, value: bulk });
            self.state = State::Table { left: length };
            return;
        }
        let inline_max = match vr {
            VR::OB | VR::OW | VR::OF | VR::OD | VR::OL | VR::OV | VR::UN => {
                u64::from(self.limits.value_inline_bytes_max)
            }
            _ => TEXT_INLINE_BYTES_MAX,
        };
        if length > inline_max || self.kept + length > u64::from(self.limits.metadata_bytes_max) {
            self.put(Element { tag, vr, value: bulk });
            self.state = skip;
        } else if length == 0 {
            self.put(Element { tag, vr, value: Value::Bytes(Bytes::new()) });
        } else {
            self.kept += length;
            if self.arena.capacity() < length as usize {
                self.arena.reserve(length.clamp(ARENA_BYTES, TEXT_INLINE_BYTES_MAX) as usize);
            }
            self.state = State::Keep { tag, vr, left: length };
        }
    }

    /// The value that was gathered in the arena, little endian.
    fn take_value(&mut self, vr: VR) -> Bytes {
        if self.coding == Coding::ExplicitBig {
            let unit = match vr {
                VR::US | VR::SS | VR::OW | VR::AT => 2,
                VR::UL | VR::SL | VR::FL | VR::OF | VR::OL => 4,
                VR::FD | VR::OD | VR::SV | VR::UV | VR::OV => 8,
                _ => 1,
            };
            self.arena.chunks_exact_mut(unit).for_each(<[u8]>::reverse);
        }
        self.arena.split().freeze()
    }

    fn put(&mut self, element: Element) {
        match element.tag {
            tags::SPECIFIC_CHARACTER_SET => {
                self.current.dataset.charset = charset_of(&element).unwrap_or_default();
            }
            tags::PIXEL_REPRESENTATION => {
                let is_signed = element.bytes().is_some_and(|bytes| bytes.first() == Some(&1));
                self.current.signedness = if is_signed { Signedness::Signed } else { Signedness::Unsigned };
            }
            _ => {}
        }
        let elements = &mut self.current.dataset.elements;
        if elements.last().is_some_and(|last| last.tag >= element.tag) {
            self.current.is_out_of_order = true;
        }
        elements.push(element);
    }

    fn open_sequence(&mut self, tag: Tag, end: Option<u64>, coding: Coding) -> Result<(), Refused> {
        if self.open.len() >= self.limits.sequence_depth_max as usize {
            return Err(Refused::OverLimit("nesting of sequences"));
        }
        let bound = end.unwrap_or_else(|| self.bound());
        self.open.push(Sequence {
            tag,
            end,
            bound,
            items: Vec::new(),
            item: None,
            outer: std::mem::take(&mut self.current),
            outer_coding: self.coding,
            coding,
        });
        self.coding = coding;
        Ok(())
    }

    /// Closes the items and sequences of defined length that end here.
    fn close_what_ends(&mut self) {
        if !matches!(self.state, State::Header) {
            return;
        }
        let position = Some(self.position);
        while let Some(sequence) = self.open.last() {
            match &sequence.item {
                Some(item) if item.end == position => self.close_item(),
                None if sequence.end == position => self.close_sequence(),
                _ => break,
            }
        }
    }

    fn close_item(&mut self) {
        let dataset = std::mem::take(&mut self.current).finish();
        if let Some(sequence) = self.open.last_mut() {
            sequence.item = None;
            sequence.items.push(dataset);
            self.coding = sequence.coding;
        }
    }

    fn close_sequence(&mut self) {
        if let Some(sequence) = self.open.pop() {
            self.current = sequence.outer;
            self.coding = sequence.outer_coding;
            self.is_after_defined_sequence = sequence.end.is_some();
            self.put(Element { tag: sequence.tag, vr: VR::SQ, value: Value::Items(sequence.items) });
        }
    }

    pub(super) fn finish(self) -> Result<Scanned, Refused> {
        let is_padding = self.gathered.iter().take(self.gathered_length).all(|&byte| byte == 0);
        let is_at_end = matches!(self.state, State::Header | State::Zeros(_)) && self.open.is_empty();
        if !is_at_end || !is_padding {
            return Err(Refused::Truncated(self.position + self.gathered_length as u64));
        }
        let dataset = self.current.finish();
        let described = || PixelDescription::from_dataset(&dataset);
        let frames_max = self.limits.frames_max;
        let (pixels, frames) = match self.pixel_data {
            None => (None, crate::FrameIndex::default()),
            // Native pixel data where the transfer syntax says otherwise: kept, but no frame of it can be served.
            Some(PixelData::Native(_)) if self.is_encapsulated => (described(), crate::FrameIndex::default()),
            Some(PixelData::Native(place)) => {
                let pixels = described();
                let frames = find_frames::native(&place, pixels.as_ref(), frames_max)?;
                (pixels, frames)
            }
            Some(PixelData::Encapsulated(mut fragments)) => {
                fragments.extended_table = self.extended_table;
                (described(), find_frames::encapsulated(fragments, &dataset, frames_max)?)
            }
        };
        Ok(Scanned { dataset, pixels, frames, length: self.position + self.gathered_length as u64 })
    }
}

impl Filling {
    /// The data set, in ascending order; of two elements with one tag the first stays.
    fn finish(mut self) -> Dataset {
        if self.is_out_of_order {
            self.dataset.elements.sort_by_key(|element| element.tag);
            self.dataset.elements.dedup_by_key(|element| element.tag);
        }
        self.dataset
    }
}

/// The beginning of `bytes`, at most `left` of them.
fn head_of(bytes: &[u8], left: u64) -> &[u8] {
    usize::try_from(left).ok().and_then(|left| bytes.get(..left)).unwrap_or(bytes)
}

/// MPEG-2, MPEG-4 AVC and HEVC (PS3.5 §A.4.5 and after): the fragments are one stream, not frames.
fn is_video(syntax: &TransferSyntax) -> bool {
    syntax
        .as_str()
        .strip_prefix("1.2.840.10008.1.2.4.10")
        .is_some_and(|rest| rest.bytes().next().is_some_and(|byte| byte.is_ascii_digit()))
}
