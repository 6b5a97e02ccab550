//! De-identification (PS3.15 Annex E): the front of a data set written anew by Table E.1-1, its pixels untouched, and
//! nothing behind them.

mod descriptors;
mod disguise;
mod fate;
mod pixels;
mod profile;
mod risk;
pub mod table;
mod walk;

pub use disguise::Disguise;
pub use pixels::Pixels;
pub use profile::{BASIC, Profile, ProfileOption};
pub use risk::{Risk, risk};

use crate::rewrite::Front;
use crate::scan::header::Coding;
use crate::syntax::Encoding;
use crate::{Refused, Tag, TransferSyntax, VR};
use fate::Judge;
use std::collections::BTreeMap;
use walk::{Ended, Walk, put_header};

/// Longest value of Deidentification Method (0012,0063), VR LO.
const METHOD: &str = "Farsight: PS3.15 Annex E, Table E.1-1";

/// De-identifies instances of one patient for one project.
#[derive(Debug, Clone)]
pub struct Deidentifier {
    profile: Profile,
    disguise: Disguise,
    needles: Vec<String>,
}

impl Deidentifier {
    /// By this profile, in this disguise. `known` are the patient's names and numbers: where one of them stands in a text that
    /// would otherwise stay, the text goes.
    #[must_use]
    pub fn new(profile: Profile, disguise: Disguise, known: &[String]) -> Self {
        let mut needles: Vec<String> = known.iter().flat_map(|text| needles(text)).collect();
        needles.sort();
        needles.dedup();
        Self { profile, disguise, needles }
    }

    /// The disguise.
    #[must_use]
    pub fn disguise(&self) -> &Disguise {
        &self.disguise
    }

    /// What a SOP Instance UID becomes.
    #[must_use]
    pub fn uid(&self, original: &str) -> String {
        if self.profile.has(ProfileOption::RetainUids) {
            original.to_owned()
        } else {
            self.disguise.uid(original)
        }
    }

    /// Writes the front of a data set. `prefix` is its beginning, `length` the length of all of it. `None`: more of it is
    /// needed. What begins at `resume_at` is to be put through [`Pixels`].
    ///
    /// # Errors
    /// [`Refused`] for a deflated data set (inflate it first) and for one that breaks rules.
    pub fn front(
        &self,
        syntax: &TransferSyntax,
        prefix: &[u8],
        length: u64,
    ) -> Result<Option<Front>, Refused> {
        let coding = coding(syntax)?;
        let judge = Judge { profile: &self.profile, disguise: &self.disguise, needles: &self.needles };
        let out = Vec::with_capacity(prefix.len().min(1 << 20));
        let mut walk = Walk { judge, coding, bytes: prefix, length, puts: self.puts(coding), out };
        match walk.run()? {
            Ended::Short => Ok(None),
            Ended::At(at) => Ok(Some(Front { bytes: walk.out, resume_at: at as u64 })),
        }
    }

    /// What every instance says of itself afterwards.
    fn puts(&self, coding: Coding) -> BTreeMap<Tag, Vec<u8>> {
        let mut codes = Vec::new();
        for (value, meaning) in self.profile.codes() {
            put_header(&mut codes, coding, Tag(0xFFFE, 0xE000), None, u32::MAX);
            codes.extend(text(coding, Tag(0x0008, 0x0100), VR::SH, value));
            codes.extend(text(coding, Tag(0x0008, 0x0102), VR::SH, "DCM"));
            codes.extend(text(coding, Tag(0x0008, 0x0104), VR::LO, meaning));
            put_header(&mut codes, coding, Tag(0xFFFE, 0xE00D), None, 0);
        }
        let mut sequence = Vec::new();
        put_header(&mut sequence, coding, Tag(0x0012, 0x0064), Some(VR::SQ), u32::MAX);
        sequence.extend(codes);
        put_header(&mut sequence, coding, Tag(0xFFFE, 0xE0DD), None, 0);
        let pseudonym = self.disguise.pseudonym();
        let one = |tag, vr, value: &str| (tag, text(coding, tag, vr, value));
        BTreeMap::from([
            one(Tag(0x0010, 0x0010), VR::PN, &pseudonym),
            one(Tag(0x0010, 0x0020), VR::LO, &pseudonym),
            one(Tag(0x0012, 0x0062), VR::CS, "YES"),
            one(Tag(0x0012, 0x0063), VR::LO, METHOD),
            (Tag(0x0012, 0x0064), sequence),
            one(Tag(0x0028, 0x0303), VR::CS, self.profile.temporal_word()),
        ])
    }
}

/// How a data set is written.
fn coding(syntax: &TransferSyntax) -> Result<Coding, Refused> {
    Ok(match syntax.encoding() {
        Encoding::ImplicitLittle => Coding::ImplicitLittle,
        Encoding::ExplicitLittle => Coding::ExplicitLittle,
        Encoding::ExplicitBig => Coding::ExplicitBig,
        Encoding::DeflatedLittle => return Err(Refused::NotDicom("it is deflated")),
    })
}

/// An element with ASCII text.
fn text(coding: Coding, tag: Tag, vr: VR, value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let padded = value.len() + value.len() % 2;
    put_header(&mut out, coding, tag, Some(vr), padded as u32);
    out.extend_from_slice(value.as_bytes());
    out.resize(out.len() + padded - value.len(), b' ');
    out
}

/// The parts of a name or number that identify by themselves: two characters of a Chinese name, three letters, four digits.
fn needles(known: &str) -> Vec<String> {
    let parts = known.split(['^', '=', '\\', ' ', ',', ';']);
    let whole = known.split(['=', '\\']).map(|group| group.replace(['^', ' '], ""));
    let is_long = |part: &String| {
        let enough = match part.chars().next() {
            Some(first) if !first.is_ascii() => 2,
            _ if part.bytes().all(|b| b.is_ascii_digit()) => 4,
            _ => 3,
        };
        part.chars().count() >= enough
    };
    parts.map(str::to_owned).chain(whole).map(|part| part.to_lowercase()).filter(is_long).collect()
}

#[cfg(test)]
mod tests;
