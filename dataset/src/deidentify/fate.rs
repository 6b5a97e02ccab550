//! What becomes of one element: by its row in the table, and by rules for what has none.

use super::descriptors;
use super::disguise::{Disguise, earlier};
use super::profile::{Profile, ProfileOption};
use super::table::Action;
use crate::charset::CharacterSets;
use crate::dictionary::{self, Signedness};
use crate::element::{is_text, person_name};
use crate::{Tag, VR};

/// What the walk does with an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// Take it out.
    Drop,
    /// Another value; of a sequence: no items.
    Replace(Vec<u8>),
    /// As it is.
    Keep,
    /// A sequence: look into it.
    Enter(Inside),
}

/// How elements in a sequence are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    /// By the table.
    Table,
    /// Everything gets another value (D of a sequence).
    Dummies,
}

/// Everything that decisions rest on.
pub(super) struct Judge<'a> {
    pub profile: &'a Profile,
    pub disguise: &'a Disguise,
    /// Texts that must not be in anything that is kept, in lower case.
    pub needles: &'a [String],
}

/// The root of everything that the standard itself names.
const STANDARD_ROOT: &str = "1.2.840.10008.";
/// UIDs that name a kind and nobody: SOP classes, coding schemes, context groups and mapping resources.
const KINDS: [Tag; 10] = [
    Tag(0x0008, 0x0016),
    Tag(0x0008, 0x001A),
    Tag(0x0008, 0x001B),
    Tag(0x0008, 0x010C),
    Tag(0x0008, 0x0117),
    Tag(0x0008, 0x0118),
    Tag(0x0008, 0x1150),
    Tag(0x0008, 0x115A),
    Tag(0x0008, 0x0062),
    Tag(0x0008, 0x3002),
];
/// UIDs that name one thing, whatever root they are under: a maker may have taken the standard's for its own instances.
/// Study, series, SOP instance and the one referenced, frame of reference and those referenced and related.
const THINGS: [Tag; 7] = [
    Tag(0x0020, 0x000D),
    Tag(0x0020, 0x000E),
    Tag(0x0008, 0x0018),
    Tag(0x0008, 0x1155),
    Tag(0x0020, 0x0052),
    Tag(0x3006, 0x0024),
    Tag(0x3006, 0x00C2),
];

impl Judge<'_> {
    /// The VR that counts, which is the dictionary's where the stream has none or only UN.
    pub fn vr(tag: Tag, said: Option<VR>) -> Option<VR> {
        match said {
            None | Some(VR::UN) => dictionary::vr(tag, Signedness::Unsigned),
            said => said,
        }
    }

    /// Decides about a sequence.
    pub fn of_sequence(&self, tag: Tag, inside: Inside) -> Fate {
        if is_gone(tag) || dictionary::vr(tag, Signedness::Unsigned).is_none() {
            return Fate::Drop;
        }
        if inside == Inside::Dummies {
            return Fate::Enter(Inside::Dummies);
        }
        match self.profile.action(tag) {
            Some((Action::Remove, _)) => Fate::Drop,
            Some((Action::Empty, _)) => Fate::Replace(Vec::new()),
            Some((Action::Dummy, _)) => Fate::Enter(Inside::Dummies),
            Some((Action::Uid | Action::Keep | Action::Clean, _)) | None => Fate::Enter(Inside::Table),
        }
    }

    /// Decides about an element that is no sequence.
    pub fn of_value(&self, tag: Tag, vr: VR, value: &[u8], sets: &CharacterSets, inside: Inside) -> Fate {
        if is_gone(tag) {
            return Fate::Drop;
        }
        if inside == Inside::Dummies {
            let is_label = tag == crate::tags::SPECIFIC_CHARACTER_SET;
            return if is_label { Fate::Keep } else { self.dummy(tag, vr, value) };
        }
        match self.profile.action(tag) {
            Some((Action::Clean, basic)) => {
                self.clean(vr, value, sets).unwrap_or_else(|| self.by(tag, basic, vr, value))
            }
            Some((Action::Keep, basic)) if self.tells(vr, value, sets) => self.by(tag, basic, vr, value),
            Some((action, _)) => self.by(tag, action, vr, value),
            None => self.of_unlisted(tag, vr, value, sets),
        }
    }

    fn by(&self, tag: Tag, action: Action, vr: VR, value: &[u8]) -> Fate {
        match action {
            Action::Remove => Fate::Drop,
            Action::Empty => Fate::Replace(Vec::new()),
            Action::Dummy => self.dummy(tag, vr, value),
            Action::Uid if vr == VR::UI => Fate::Replace(self.uids(tag, value)),
            Action::Keep => Fate::Keep,
            Action::Uid | Action::Clean => Fate::Drop,
        }
    }

    /// What the table does not name is technical, unless it is of a kind that never is.
    fn of_unlisted(&self, tag: Tag, vr: VR, value: &[u8], sets: &CharacterSets) -> Fate {
        let Some(usual) = dictionary::vr(tag, Signedness::Unsigned) else { return Fate::Drop };
        let is_free = |vr| matches!(vr, VR::LO | VR::LT | VR::SH | VR::ST | VR::UC | VR::UT | VR::PN);
        let keeps_dates = self.profile.has(ProfileOption::RetainFullDates);
        match vr {
            VR::PN => Fate::Replace(Vec::new()),
            _ if is_free(vr) && !is_free(usual) => Fate::Drop,
            VR::DA | VR::DT if keeps_dates => Fate::Keep,
            VR::DA | VR::DT if self.profile.has(ProfileOption::RetainModifiedDates) => {
                self.clean(vr, value, sets).unwrap_or(Fate::Replace(Vec::new()))
            }
            VR::DA | VR::DT => Fate::Replace(Vec::new()),
            VR::UI if self.profile.has(ProfileOption::RetainUids) || KINDS.contains(&tag) => Fate::Keep,
            VR::UI => Fate::Replace(self.uids(tag, value)),
            VR::DS | VR::IS if !value.iter().all(is_numeric) => Fate::Replace(Vec::new()),
            VR::UN | VR::UR => Fate::Drop,
            _ if self.tells(vr, value, sets) => Fate::Replace(Vec::new()),
            _ => Fate::Keep,
        }
    }

    /// Cleans; `None` where nothing of it can stay, so that the basic profile decides.
    fn clean(&self, vr: VR, value: &[u8], sets: &CharacterSets) -> Option<Fate> {
        match vr {
            VR::DA | VR::DT => {
                let text = std::str::from_utf8(value).ok()?;
                let days = self.disguise.days();
                let dates: Option<Vec<String>> = text.split('\\').map(|date| earlier(date, days)).collect();
                Some(Fate::Replace(padded(dates?.join("\\").into_bytes(), b' ')))
            }
            // Whole days leave the time of day what it was.
            VR::TM if value.iter().all(|b| is_numeric(b) || *b == b':') => Some(Fate::Keep),
            VR::LO | VR::LT | VR::SH | VR::ST | VR::UC | VR::UT | VR::CS | VR::AE => {
                let text = sets.decode(value, person_name(vr));
                let kept = descriptors::cleaned(&text);
                let short = kept.chars().count() <= if vr == VR::SH || vr == VR::CS { 16 } else { 64 };
                if kept.is_empty() || !short && vr != VR::LT || self.has_needle(&kept) {
                    return None;
                }
                let bytes = sets.try_encode(&kept, person_name(vr))?;
                Some(Fate::Replace(padded(bytes, b' ')))
            }
            _ => None,
        }
    }

    /// Whether a text that would stay names the patient, or may: in what cannot be read for sure no name is found.
    fn tells(&self, vr: VR, value: &[u8], sets: &CharacterSets) -> bool {
        let is_free = is_text(vr) && vr != VR::UI;
        is_free && (sets.is_unsure(value) || self.has_needle(&sets.decode(value, person_name(vr))))
    }

    fn has_needle(&self, text: &str) -> bool {
        if self.needles.is_empty() || text.is_empty() {
            return false;
        }
        let text = text.to_lowercase();
        self.needles.iter().any(|needle| text.contains(needle.as_str()))
    }

    fn uids(&self, tag: Tag, value: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(value);
        let other = |uid: &str| match uid.trim_matches([' ', '\0']) {
            "" => String::new(),
            uid if uid.starts_with(STANDARD_ROOT) && !THINGS.contains(&tag) => uid.to_owned(),
            uid => self.disguise.uid(uid),
        };
        padded(text.split('\\').map(other).collect::<Vec<_>>().join("\\").into_bytes(), 0)
    }

    /// A value of the same kind that says nothing.
    fn dummy(&self, tag: Tag, vr: VR, value: &[u8]) -> Fate {
        let text = match vr {
            VR::AE => "REMOVED",
            VR::AS => "000Y",
            VR::DA => "19000101",
            VR::DT => "19000101000000",
            VR::TM => "000000",
            VR::DS | VR::IS => "0",
            VR::UI => return Fate::Replace(self.uids(tag, value)),
            VR::UR => "urn:removed",
            vr if is_text(vr) => "REMOVED",
            VR::SQ => return Fate::Replace(Vec::new()),
            // One number, or nothing of what it was.
            VR::FD | VR::OD | VR::OV | VR::SV | VR::UV => return Fate::Replace(vec![0; 8]),
            VR::AT | VR::FL | VR::OF | VR::OL | VR::SL | VR::UL => return Fate::Replace(vec![0; 4]),
            _ => return Fate::Replace(vec![0; 2]),
        };
        Fate::Replace(padded(text.as_bytes().to_vec(), b' '))
    }
}

/// Private attributes, group lengths, curves and overlays, and groups that are of no data set: nothing of them stays.
fn is_gone(tag: Tag) -> bool {
    let group = tag.group();
    group % 2 == 1
        || tag.element() == 0
        || group < 0x0008
        || (0x5000..=0x501E).contains(&group)
        || (0x6000..=0x601E).contains(&group)
        || group > 0x7FE0
}

fn is_numeric(byte: &u8) -> bool {
    byte.is_ascii_digit() || b"+-.eE\\ \0".contains(byte)
}

fn padded(mut bytes: Vec<u8>, with: u8) -> Vec<u8> {
    if bytes.len() % 2 == 1 {
        bytes.push(with);
    }
    bytes
}
