//! From the pixel data on: its bytes pass, and nothing behind them does. What stands there (digital signatures, padding,
//! private groups) is not kept by any profile.

use crate::scan::header::{self, Coding, Length};
use crate::{Refused, Tag, TransferSyntax};

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
const PIXELS: [Tag; 3] = [Tag(0x7FE0, 0x0008), Tag(0x7FE0, 0x0009), Tag(0x7FE0, 0x0010)];

/// Passes pixel data, in pieces of any size.
#[derive(Debug)]
pub struct Pixels {
    coding: Coding,
    state: State,
    /// A header that has not arrived whole.
    header: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The header of an element comes next.
    Element,
    /// So many bytes of an element's value are left.
    Value(u64),
    /// The header of a fragment comes next.
    Fragment,
    /// So many bytes of a fragment are left.
    InFragment(u64),
    /// Nothing passes any more.
    Done,
}

impl Pixels {
    /// For what begins at the `resume_at` of a front in this transfer syntax.
    ///
    /// # Errors
    /// [`Refused`] for a deflated data set.
    pub fn new(syntax: &TransferSyntax) -> Result<Self, Refused> {
        Ok(Self { coding: super::coding(syntax)?, state: State::Element, header: Vec::new() })
    }

    /// Whether everything that passes has passed.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes the next bytes and gives those that pass.
    ///
    /// # Errors
    /// [`Refused::Malformed`] for something that is no fragment among fragments.
    pub fn pass(&mut self, mut bytes: &[u8]) -> Result<Vec<u8>, Refused> {
        let mut out = Vec::with_capacity(bytes.len());
        while !bytes.is_empty() {
            match self.state {
                State::Done => break,
                State::Value(left) | State::InFragment(left) => {
                    let now = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let (passed, rest) = bytes.split_at(now);
                    out.extend_from_slice(passed);
                    bytes = rest;
                    let left = left - now as u64;
                    self.state = match self.state {
                        State::Value(_) if left > 0 => State::Value(left),
                        State::Value(_) => State::Element,
                        _ if left > 0 => State::InFragment(left),
                        _ => State::Fragment,
                    };
                }
                State::Element | State::Fragment => {
                    let (first, rest) = bytes.split_at(1);
                    self.header.extend_from_slice(first);
                    bytes = rest;
                    self.step(&mut out)?;
                }
            }
        }
        Ok(out)
    }

    /// Looks at a header once it is whole.
    fn step(&mut self, out: &mut Vec<u8>) -> Result<(), Refused> {
        let mut gathered = [0; 12];
        let Some(there) = gathered.get_mut(..self.header.len()) else { return Ok(()) };
        there.copy_from_slice(&self.header);
        let is_whole =
            self.header.len() >= 8 && self.header.len() >= header::length_of(&gathered, self.coding);
        if !is_whole {
            return Ok(());
        }
        let malformed = Refused::Malformed { at: 0, why: "what stands in the pixel data is no fragment" };
        let found = header::parse(&gathered, self.coding).ok_or(malformed.clone())?;
        self.state = match (self.state, found.tag, found.length) {
            (State::Element, tag, Length::Defined(count)) if PIXELS.contains(&tag) => {
                State::Value(count.into())
            }
            (State::Element, tag, Length::Undefined) if PIXELS.contains(&tag) => State::Fragment,
            (State::Element, ..) => State::Done,
            (_, ITEM, Length::Defined(count)) => State::InFragment(count.into()),
            (_, SEQUENCE_END, _) => State::Done,
            _ => return Err(malformed),
        };
        let is_passed = self.state != State::Done || found.tag == SEQUENCE_END;
        if is_passed {
            out.extend_from_slice(&self.header);
        }
        self.header.clear();
        // Without a value nothing follows that would move it on.
        self.state = match self.state {
            State::Value(0) => State::Element,
            State::InFragment(0) => State::Fragment,
            other => other,
        };
        Ok(())
    }
}
