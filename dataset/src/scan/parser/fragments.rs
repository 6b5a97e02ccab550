//! Walking encapsulated pixel data (PS3.5 §A.4): the Basic Offset Table, then fragments up to the sequence delimiter.

use super::{ITEM, Parser, SEQUENCE_END, State, head_of};
use crate::scan::find_frames::{self, Fragments, PixelData};
use crate::scan::header::{self, Length};
use crate::{Element, Refused, Span, Tag, VR, Value, tags};

/// First bytes of a fragment that are looked at.
const PEEK_BYTES: usize = 4;

/// Encapsulated pixel data on its way.
pub(super) struct Walk {
    tag: Tag,
    vr: VR,
    /// Where the Basic Offset Table's item begins.
    begin: u64,
    /// Whether the Basic Offset Table has been passed.
    is_past_table: bool,
    found: Fragments,
}

pub(super) enum FragmentState {
    Header,
    Table { left: u64 },
    Peek { length: u32 },
    Skip { left: u64 },
}

impl Parser {
    pub(super) fn open_fragments(&mut self, tag: Tag, vr: VR) {
        let found = Fragments { is_video: self.is_video, ..Fragments::default() };
        let walk = Walk { tag, vr, begin: self.position, is_past_table: false, found };
        self.state = State::Fragments(Box::new(walk), FragmentState::Header);
    }

    pub(super) fn step_fragments(&mut self, bytes: &[u8]) -> Result<usize, Refused> {
        let bound = self.bound();
        let State::Fragments(_, stage) = &self.state else { return Ok(0) };
        let need = match stage {
            FragmentState::Header => 8,
            FragmentState::Peek { length } => PEEK_BYTES.min(*length as usize),
            FragmentState::Table { .. } | FragmentState::Skip { .. } => 0,
        };
        let (taken, is_complete) = self.gather(bytes, need);
        if !is_complete {
            return Ok(taken);
        }
        let gathered = self.gathered;
        self.gathered_length = 0;
        let begin = self.position;
        self.position += need as u64;
        let State::Fragments(walk, stage) = &mut self.state else { return Ok(taken) };
        match stage {
            FragmentState::Header => {
                let header = header::parse_item(&gathered, self.coding);
                if self.position > bound {
                    return Err(Refused::Malformed {
                        at: begin,
                        why: "a fragment does not fit into the item around it",
                    });
                }
                let length = match (header.tag, header.length) {
                    (ITEM, Length::Defined(length)) => length,
                    (SEQUENCE_END, _) => {
                        self.close_fragments();
                        self.close_what_ends();
                        return Ok(taken);
                    }
                    _ => {
                        return Err(Refused::Malformed {
                            at: begin,
                            why: "pixel data holds something other than fragments",
                        });
                    }
                };
                if self.position + u64::from(length) > bound {
                    return Err(Refused::Malformed {
                        at: begin,
                        why: "a fragment is longer than the item around it",
                    });
                }
                if !walk.is_past_table {
                    walk.is_past_table = true;
                    walk.found.base = self.position + u64::from(length);
                    let is_small = u64::from(length) <= 4 * u64::from(self.limits.frames_max);
                    *stage = match u64::from(length) {
                        0 => FragmentState::Header,
                        left if is_small => FragmentState::Table { left },
                        left => FragmentState::Skip { left },
                    };
                    return Ok(taken);
                }
                walk.found.spans.push(Span { offset: self.position, length });
                if walk.found.spans.len() > self.limits.frames_max as usize {
                    return Err(Refused::OverLimit("fragments"));
                }
                if length == 0 {
                    walk.found.begins.push(false);
                } else {
                    *stage = FragmentState::Peek { length };
                }
                Ok(taken)
            }
            FragmentState::Peek { length } => {
                walk.found
                    .begins
                    .push(find_frames::begins_codestream(gathered.get(..need).unwrap_or_default()));
                *stage = match u64::from(*length) - need as u64 {
                    0 => FragmentState::Header,
                    left => FragmentState::Skip { left },
                };
                Ok(taken)
            }
            FragmentState::Table { left } | FragmentState::Skip { left } => {
                let part = head_of(bytes, *left);
                *left -= part.len() as u64;
                let is_complete = *left == 0;
                if let FragmentState::Table { .. } = stage {
                    walk.found.basic_table.extend_from_slice(part);
                }
                if is_complete {
                    *stage = FragmentState::Header;
                }
                self.position += part.len() as u64;
                Ok(part.len())
            }
        }
    }

    fn close_fragments(&mut self) {
        let State::Fragments(walk, _) = std::mem::replace(&mut self.state, State::Header) else { return };
        let end = self.position - 8;
        let value = Value::Bulk { offset: walk.begin, length: end - walk.begin };
        let (tag, vr) = (walk.tag, walk.vr);
        if self.open.is_empty() && tag == tags::PIXEL_DATA {
            self.pixel_data.get_or_insert(PixelData::Encapsulated(walk.found));
        }
        self.put(Element { tag, vr, value });
    }
}
