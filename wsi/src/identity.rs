//! Who a slide is of. A slide file seldom says: a person does, or the file's name by a pattern that the hospital has
//! configured, or a barcode on the label. Nothing is guessed: where two of them disagree, or none says whose it is, the slide
//! is kept under a marked unknown identity and waits for a person.

use model::Sha256;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// Bytes of a pattern, and of the program that it becomes.
const PATTERN_BYTES_MAX: usize = 1024;
const PROGRAM_BYTES_MAX: usize = 1 << 20;
/// Characters of a text that a pattern is tried on.
const TEXT_CHARS_MAX: usize = 512;
/// Characters of a number on the glass that is taken from a barcode without a pattern.
const GLASS_CHARS_MAX: usize = 20;
/// Patient's Name of a slide whose patient nobody knows, in letters and in Chinese characters.
pub const UNKNOWN_NAME: &str = "UNIDENTIFIED=未确认身份";
/// What the Patient ID of such a slide begins with; the rest keeps two of them from being one patient.
pub const UNKNOWN_ID_PREFIX: &str = "UNKNOWN-";

/// What is known of the patient, the specimen and the glass.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Particulars {
    /// Patient's Name (PN, `张三` or `Zhang^San=张^三`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_name: Option<String>,
    /// Patient ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_id: Option<String>,
    /// Patient's Birth Date, `YYYYMMDD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_birth_date: Option<String>,
    /// Patient's Sex: M, F or O.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_sex: Option<String>,
    /// Accession Number: the number of the specimen's case (病理号).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accession_number: Option<String>,
    /// Specimen Identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub specimen_id: Option<String>,
    /// Container Identifier: the number on the glass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_id: Option<String>,
    /// The block that the section was cut from (蜡块号).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<String>,
    /// The stain, such as `HE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stain: Option<String>,
}

/// The names of [`Particulars`]: groups of a pattern, and fields of a form.
pub const FIELDS: [&str; 9] = [
    "patient_name",
    "patient_id",
    "patient_birth_date",
    "patient_sex",
    "accession_number",
    "specimen_id",
    "container_id",
    "block",
    "stain",
];
/// Of these, the ones that say whose the slide is.
const WHOSE: [&str; 3] = ["patient_name", "patient_id", "accession_number"];
/// The patient as a whole: taken from one source, or from none, so that no patient is put together from two.
const PATIENT: [&str; 5] =
    ["patient_name", "patient_id", "patient_birth_date", "patient_sex", "accession_number"];

impl Particulars {
    /// A field by its name.
    fn field(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "patient_name" => &mut self.patient_name,
            "patient_id" => &mut self.patient_id,
            "patient_birth_date" => &mut self.patient_birth_date,
            "patient_sex" => &mut self.patient_sex,
            "accession_number" => &mut self.accession_number,
            "specimen_id" => &mut self.specimen_id,
            "container_id" => &mut self.container_id,
            "block" => &mut self.block,
            "stain" => &mut self.stain,
            _ => return None,
        })
    }

    /// Takes these fields as another has them.
    fn take(&mut self, other: &Self, names: &[&str]) {
        for name in names {
            if let Some(field) = self.field(name) {
                *field = other.text(name).map(str::to_owned);
            }
        }
    }

    /// A field's text; `None` also when there is nothing in it.
    fn text(&self, name: &str) -> Option<&str> {
        let value = match name {
            "patient_name" => &self.patient_name,
            "patient_id" => &self.patient_id,
            "patient_birth_date" => &self.patient_birth_date,
            "patient_sex" => &self.patient_sex,
            "accession_number" => &self.accession_number,
            "specimen_id" => &self.specimen_id,
            "container_id" => &self.container_id,
            "block" => &self.block,
            "stain" => &self.stain,
            _ => return None,
        };
        value.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }

    /// Whether they name a patient: a number of a case alone does not.
    #[must_use]
    pub fn names_somebody(&self) -> bool {
        self.text("patient_id").is_some() || self.text("patient_name").is_some()
    }

    /// Whether nothing is said of these fields.
    fn is_silent_of(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.text(name).is_none())
    }

    /// Whether what another source says of the patient cannot be held to be of the same one: nothing that they have in common
    /// says so, or only the other has a name for them.
    pub(crate) fn is_apart_from(&self, other: &Self) -> bool {
        if other.is_silent_of(&WHOSE) {
            return false;
        }
        let shares = WHOSE.iter().any(|name| self.text(name).is_some() && other.text(name).is_some());
        !shares || (other.names_somebody() && !self.names_somebody())
    }

    /// Whether any field is longer than the standard lets it be, or is not of its kind; the field's name.
    #[must_use]
    pub fn first_fault(&self) -> Option<&'static str> {
        let is_wrong = |name: &&&str| {
            let Some(text) = self.text(name) else { return false };
            let chars_max = match **name {
                "accession_number" => 16,
                "patient_name" => 64 * 3 + 2,
                _ => 64,
            };
            text.chars().count() > chars_max
                || text.chars().any(|c| c.is_control() || c == '\\')
                || match **name {
                    "patient_birth_date" => text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()),
                    "patient_sex" => !matches!(text, "M" | "F" | "O"),
                    _ => false,
                }
        };
        FIELDS.iter().find(is_wrong).copied()
    }
}

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternFault {
    /// No regular expression, or too large a one.
    #[error("it is no regular expression, or too large a one")]
    NotAPattern,
    /// It has a named group that is none of [`FIELDS`].
    #[error("it has a named group that means nothing here; those that do are {}", FIELDS.join(", "))]
    UnknownGroup,
    /// It has no named group, so it would say nothing.
    #[error("it has no named group, such as (?<accession_number>…)")]
    NoGroup,
}

/// A regular expression whose named groups are fields of [`Particulars`].
#[derive(Debug, Clone)]
pub struct NamePattern(Regex);

impl NamePattern {
    /// Checks a pattern.
    ///
    /// # Errors
    /// [`PatternFault`].
    pub fn parse(text: &str) -> Result<Self, PatternFault> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternFault::NotAPattern);
        }
        let regex = RegexBuilder::new(text)
            .size_limit(PROGRAM_BYTES_MAX)
            .build()
            .map_err(|_| PatternFault::NotAPattern)?;
        let names: Vec<&str> = regex.capture_names().flatten().collect();
        if names.iter().any(|name| !FIELDS.contains(name)) {
            return Err(PatternFault::UnknownGroup);
        }
        if names.is_empty() { Err(PatternFault::NoGroup) } else { Ok(Self(regex)) }
    }

    /// What the pattern finds; `None` when it does not fit.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Particulars> {
        let text: String = text.chars().take(TEXT_CHARS_MAX).collect();
        let found = self.0.captures(&text)?;
        let mut particulars = Particulars::default();
        for name in self.0.capture_names().flatten() {
            let value = found.name(name).map(|group| group.as_str().trim()).filter(|text| !text.is_empty());
            if let (Some(value), Some(field)) = (value, particulars.field(name)) {
                *field = Some(value.to_owned());
            }
        }
        Some(particulars)
    }
}

/// What a form may begin with for a file of this name, when nothing is configured: numbers as pathology departments write
/// them, `B2026-01234 A1 HE.svs`. A person reads it and says yes.
#[must_use]
pub fn usual_name_pattern() -> Option<NamePattern> {
    const NUMBER: &str = r"(?<accession_number>[A-Za-z]{0,3}\d{2,4}-?\d{3,8})";
    const BLOCK: &str = r"(?:[-_ .]+(?<block>[A-Z]{0,2}\d{1,3}))?";
    const STAIN: &str = r"(?:[-_ .]+(?<stain>HE|H&E|PAS|IHC|[A-Z][A-Za-z0-9]{1,11}))?";
    NamePattern::parse(&format!("^{NUMBER}{BLOCK}{STAIN}(?:[-_ .]|$)")).ok()
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Whoever brought the file.
    Person,
    /// A barcode on the label.
    Barcode,
    /// The file's name.
    FileName,
    /// What is on record of a slide that was brought once more.
    Recorded,
}

/// Whether it is known whose the slide is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Yes.
    Identified,
    /// A person has said so, and the label or the file's name says something else.
    Doubtful,
    /// No.
    Unknown,
}

/// A field of which two say something different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// One of [`FIELDS`].
    pub field: String,
    /// Who says what.
    pub said: Vec<(Origin, String)>,
}

/// Who a slide is of, as far as anybody says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// What goes into the instances.
    pub particulars: Particulars,
    /// Whether that is known.
    pub standing: Standing,
    /// Where they disagree.
    pub doubts: Vec<Doubt>,
    /// What the barcodes on the label say, as they say it.
    pub barcodes: Vec<String>,
}

/// What there is to go by.
#[derive(Debug, Default)]
pub struct Evidence<'a> {
    /// What a person said.
    pub given: Particulars,
    /// Whether a person was asked whose it is and could not say: then nothing else says so in their place.
    pub is_unknown: bool,
    /// The file's name.
    pub file_name: &'a str,
    /// How it is to be read.
    pub name_pattern: Option<&'a NamePattern>,
    /// What is on the label.
    pub barcodes: Vec<String>,
    /// How that is to be read; without one, a barcode that looks like a number is that of the glass.
    pub barcode_pattern: Option<&'a NamePattern>,
}

/// Puts together what is said of a slide. `file` keeps unknown patients apart.
#[must_use]
pub fn decide(evidence: Evidence<'_>, file: &Sha256) -> Identity {
    let Evidence { given, is_unknown, file_name, name_pattern, barcodes, barcode_pattern } = evidence;
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
    let is_answered = is_unknown || !given.is_silent_of(&PATIENT);
    let mut sources = vec![(Origin::Person, given)];
    for code in &barcodes {
        let as_container = || {
            let glass = Particulars { container_id: Some(code.clone()), ..Particulars::default() };
            is_number_of_glass(code).then_some(glass)
        };
        let read = match barcode_pattern {
            Some(pattern) => pattern.read(code),
            None if barcodes.len() == 1 => as_container(),
            None => None,
        };
        sources.extend(read.map(|particulars| (Origin::Barcode, particulars)));
    }
    sources
        .extend(name_pattern.and_then(|pattern| pattern.read(stem)).map(|found| (Origin::FileName, found)));

    let (mut particulars, doubts) = (of_the_glass(&sources), doubts(&sources, is_answered));
    let is_doubtful = doubts.iter().any(|doubt| PATIENT.contains(&doubt.field.as_str()));
    // What is in doubt names nobody, unless a person has said it.
    if is_answered || !is_doubtful {
        particulars.take(&sources[whose(&sources, is_answered)].1, &PATIENT);
    }
    let standing = match (particulars.names_somebody() && !is_unknown, is_doubtful) {
        (false, _) => Standing::Unknown,
        (true, true) => Standing::Doubtful,
        (true, false) => Standing::Identified,
    };
    if standing == Standing::Unknown {
        let digits: String = file.to_string().chars().take(12).collect();
        particulars.patient_name = Some(UNKNOWN_NAME.to_owned());
        particulars.patient_id = Some(format!("{UNKNOWN_ID_PREFIX}{}", digits.to_uppercase()));
    }
    if particulars.text("container_id").is_none() {
        particulars.container_id = Some(stem.to_owned());
    }
    Identity { particulars, standing, doubts, barcodes }
}

/// Whether a barcode that nobody has said how to read may be the number of the glass, which goes into every instance: what
/// looks like anything else may be about the patient, and stays where labels are seen. A resident's identity number (GB 11643)
/// is no number of a glass.
fn is_number_of_glass(code: &str) -> bool {
    let digits = code.bytes().filter(u8::is_ascii_digit).count();
    let is_resident = code.len() == 18 && code.bytes().take(17).all(|byte| byte.is_ascii_digit());
    code.len() <= GLASS_CHARS_MAX
        && code.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        && digits > 0
        && !is_resident
}

type Sources = [(Origin, Particulars)];

/// The source that says whose it is: the person who was asked, or else the first that names somebody.
fn whose(sources: &Sources, is_answered: bool) -> usize {
    let first = |test: &dyn Fn(&Particulars) -> bool| sources.iter().position(|(_, source)| test(source));
    if is_answered {
        return 0;
    }
    first(&Particulars::names_somebody)
        .or_else(|| first(&|source| !source.is_silent_of(&PATIENT)))
        .unwrap_or(0)
}

fn said_of(sources: &Sources, name: &str) -> Vec<(Origin, String)> {
    let said = |(origin, source): &(Origin, Particulars)| Some((*origin, source.text(name)?.to_owned()));
    sources.iter().filter_map(said).collect()
}

fn is_one(said: &[(Origin, String)]) -> bool {
    said.windows(2).all(|two| fold(&two[0].1) == fold(&two[1].1))
}

/// What is said of specimen, glass and stain: each field by itself, and where two disagree, what a person says.
fn of_the_glass(sources: &Sources) -> Particulars {
    let mut particulars = Particulars::default();
    for name in FIELDS.into_iter().filter(|name| !PATIENT.contains(name)) {
        let said = said_of(sources, name);
        let is_one = is_one(&said);
        let Some((origin, first)) = said.into_iter().next() else { continue };
        if let Some(field) = particulars.field(name).filter(|_| is_one || origin == Origin::Person) {
            *field = Some(first);
        }
    }
    particulars
}

/// Fields of which two say something different, and all that is said of the patient by two who may mean different ones.
fn doubts(sources: &Sources, is_answered: bool) -> Vec<Doubt> {
    let chosen = whose(sources, is_answered);
    let apart = |(_, other): &(Origin, Particulars)| sources[chosen].1.is_apart_from(other);
    let are_apart = sources.iter().enumerate().any(|(at, source)| at != chosen && apart(source));
    let doubt = |name: &&str| {
        let said = said_of(sources, name);
        let is_open = !is_one(&said) || (are_apart && WHOSE.contains(name) && !said.is_empty());
        is_open.then(|| Doubt { field: (*name).to_owned(), said })
    };
    FIELDS.iter().filter_map(doubt).collect()
}

/// What two writings of one number have in common.
fn fold(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests;
