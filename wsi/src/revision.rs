//! What a slide consists of, as one short name. A slide that comes as DICOM grows while it arrives: levels get other numbers,
//! another plane is the middle one, windows change. An address that names the revision means the same pixels for ever, or
//! nothing (decision 28).

use crate::Slide;
use model::Actor;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use storage::InstanceRef;

/// Counts up when the same frames are made into other pixels: what browsers keep must not outlive it.
const MAKING: u8 = 1;
/// Readers that are remembered of one slide.
const READERS_MAX: usize = 64;

/// The revision of a slide: sixteen hexadecimal digits of a hash over all that its pixels depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Revision(u64);

impl Revision {
    /// Of what is recorded of a slide, and of the instances that are there now.
    pub(crate) fn of(slide: &Slide, levels: &[Vec<InstanceRef>]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update([MAKING]);
        // A record that cannot be written down could not have been read.
        let layout = (&slide.id, &slide.levels, &slide.focal_planes, &slide.channels);
        hasher.update(serde_json::to_vec(&layout).unwrap_or_default());
        for instance in levels.iter().flatten() {
            hasher.update(instance.sha256().0);
        }
        let digest: [u8; 32] = hasher.finalize().into();
        Self(u64::from_be_bytes(*digest.first_chunk().unwrap_or(&[0; 8])))
    }

    /// From its digits; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| u64::from_str_radix(text, 16).ok())?.map(Self)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Who has been written down as a reader of a slide since it was looked for: a few people, asked about for each tile.
#[derive(Debug, Default)]
pub(crate) struct Readers(Mutex<Vec<Actor>>);

impl Readers {
    /// Whether nobody has asked about this one before. Of very many the last ones always are new, which costs a look-up each.
    pub fn is_new(&self, actor: &Actor) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !known.contains(actor);
        if is_new && known.len() < READERS_MAX {
            known.push(actor.clone());
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_sixteen_digits() {
        let revision = Revision(0x0123_4567_89ab_cdef);
        assert_eq!(revision.to_string(), "0123456789abcdef");
        assert_eq!(Revision::parse("0123456789abcdef"), Some(revision));
        for nonsense in ["", "0123456789ABCDEF", "123456789abcdef", "+123456789abcdef", "0123456789abcdef0"] {
            assert_eq!(Revision::parse(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_reader_is_new_once() {
        let readers = Readers::default();
        let (one, other) = (Actor::node("one"), Actor::node("other"));
        let asked = [&one, &other, &one, &other].map(|actor| readers.is_new(actor));
        assert_eq!(asked, [true, true, false, false]);
    }
}
