//! The templates that come with the program, as data files. A file is an edition: one that is changed gets a new version in
//! a new file, and the old file stays, so that reports that name it can still be read.

use super::Template;
use std::sync::LazyLock;

const FILES: [&str; 13] = [
    include_str!("data/ct-chest.json"),
    include_str!("data/lung-nodule.json"),
    include_str!("data/ct-head.json"),
    include_str!("data/mammography.json"),
    include_str!("data/fracture-dr.json"),
    include_str!("data/us-abdomen.json"),
    include_str!("data/gastric-biopsy.json"),
    include_str!("data/breast-cancer.json"),
    include_str!("data/lung-cancer.json"),
    include_str!("data/colorectal-cancer.json"),
    include_str!("data/gastric-cancer.json"),
    include_str!("data/thyroid-cancer.json"),
    include_str!("data/frozen-section.json"),
];

/// Those that can be filled: a test reads every file, so none is left out in a program that is released.
static ALL: LazyLock<Vec<Template>> = LazyLock::new(|| {
    let read = |text: &&str| serde_json::from_str::<Template>(text).ok()?.checked().ok();
    FILES.iter().filter_map(read).collect()
});

/// The newest edition of each, in the order in which they are offered.
pub fn all() -> impl Iterator<Item = &'static Template> {
    ALL.iter().filter(|one| ALL.iter().all(|other| other.id != one.id || other.version <= one.version))
}

/// The newest edition.
#[must_use]
pub fn current(id: &str) -> Option<&'static Template> {
    all().find(|template| template.id == id)
}

/// An edition.
#[must_use]
pub fn edition(id: &str, version: u32) -> Option<&'static Template> {
    ALL.iter().find(|template| template.id == id && template.version == version)
}

/// Versions of a template that comes with the program, oldest first.
#[must_use]
pub fn versions(id: &str) -> Vec<u32> {
    let mut versions: Vec<u32> = ALL.iter().filter(|one| one.id == id).map(|one| one.version).collect();
    versions.sort_unstable();
    versions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdf::{Fonts, Printer};
    use std::collections::BTreeSet;

    #[test]
    fn every_file_is_a_template_that_can_be_filled_and_printed() {
        let printer = Printer::new(&Fonts::default()).unwrap();
        let mut seen = BTreeSet::new();
        for text in FILES {
            let read: Template = serde_json::from_str(text).unwrap();
            let template = read.clone().checked().unwrap_or_else(|error| panic!("{}: {error}", read.id));
            assert_eq!(template, read, "tidy already");
            assert!(template.version > 0 && seen.insert((read.id.clone(), read.version)), "{}", read.id);
            assert_eq!(printer.unprintable(text), None, "{}", read.id);
            let words = template.fields().flat_map(|(_, field)| {
                let choices = field.choices.iter().map(|choice| choice.en.clone());
                choices.chain([field.label.en.clone()])
            });
            assert!(
                words.chain([template.title.en.clone()]).all(|en| !en.is_empty()),
                "{} in English",
                read.id
            );
        }
        assert_eq!(all().count(), 13);
        assert_eq!(versions("lung-nodule"), [1]);
    }

    #[test]
    fn a_resected_cancer_is_not_signed_without_its_stage() {
        for id in ["breast-cancer", "lung-cancer", "colorectal-cancer", "gastric-cancer", "thyroid-cancer"] {
            let template = current(id).unwrap_or_else(|| panic!("{id}"));
            for (key, is_required) in [("pt", true), ("pn", true), ("pm", false)] {
                let (section, field) = template.fields().find(|(_, field)| field.key == key).unwrap();
                assert_eq!((section, field.required), ("diagnosis", is_required), "{id} {key}");
                let prefix = field.label.zh.as_str();
                let is_stage = |code: &str| code.starts_with(prefix) || code == "na";
                assert!(field.choices.iter().all(|choice| is_stage(&choice.code)), "{id} {key}");
            }
        }
    }
}
